//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

#define X DI
#define COS SI
#define SIN DX
#define HEADS R8
#define STRIDE R9
#define I R10
#define LEFT CX
#define HALF R11
#define HEAD R12

// ROTATE512 rotates the pairs of Z0 by the cosines and sines in the even lanes of
// Z2 and Z3. Even lanes become a·c - b·s, odd lanes b·c + a·s, the second product
// of each rounded first.
#define ROTATE512 \
	VMOVSLDUP      Z2, Z2; /* c c … */         \
	VMOVSLDUP      Z3, Z3; /* s s … */         \
	VPERMILPS      $0xb1, Z0, Z1; /* b a … */  \
	VMULPS         Z3, Z1, Z1; /* b·s a·s … */ \
	VFMADDSUB213PS Z1, Z2, Z0

#define ROTATE256 \
	VMOVSLDUP      Y2, Y2;        \
	VMOVSLDUP      Y3, Y3;        \
	VPERMILPS      $0xb1, Y0, Y1; \
	VMULPS         Y3, Y1, Y1;    \
	VFMADDSUB213PS Y1, Y2, Y0

// func ropeNormAVX512(x, cos, sin *float32, n, heads, headDim int)
//
// For each head and i < n the pair (x[2i], x[2i+1]) turns by angle i.
TEXT ·ropeNormAVX512(SB), NOSPLIT, $0-48
	MOVQ x+0(FP), HEAD
	MOVQ cos+8(FP), COS
	MOVQ sin+16(FP), SIN
	MOVQ n+24(FP), HALF
	MOVQ heads+32(FP), HEADS
	MOVQ headDim+40(FP), STRIDE
	SHLQ $2, STRIDE

head:
	XORL I, I
	MOVQ HEAD, X
	MOVQ HALF, LEFT
	SUBQ $8, LEFT
	JLT  tail

loop:
	VMOVUPS   (X), Z0
	VPMOVZXDQ (COS)(I*4), Z2
	VPMOVZXDQ (SIN)(I*4), Z3
	ROTATE512
	VMOVUPS   Z0, (X)
	ADDQ      $64, X
	ADDQ      $8, I
	SUBQ      $8, LEFT
	JGE       loop

tail:
	ADDQ        $8, LEFT
	JZ          next
	MASK512
	VPMOVZXDQ.Z (COS)(I*4), K1, Z2
	VPMOVZXDQ.Z (SIN)(I*4), K1, Z3
	SHLQ        $1, LEFT           // two lanes a pair
	MASK512
	VMOVUPS.Z   (X), K1, Z0
	ROTATE512
	VMOVUPS     Z0, K1, (X)

next:
	ADDQ STRIDE, HEAD
	DECQ HEADS
	JNZ  head
	VZEROUPPER
	RET

// func ropeNormAVX2(x, cos, sin *float32, n, heads, headDim int)
//
// As above. A register holds 4 pairs; the cosines of a tail are read one by one
// under the lower half of its mask.
TEXT ·ropeNormAVX2(SB), NOSPLIT, $0-48
	MOVQ x+0(FP), HEAD
	MOVQ cos+8(FP), COS
	MOVQ sin+16(FP), SIN
	MOVQ n+24(FP), HALF
	MOVQ heads+32(FP), HEADS
	MOVQ headDim+40(FP), STRIDE
	SHLQ $2, STRIDE

head:
	XORL I, I
	MOVQ HEAD, X
	MOVQ HALF, LEFT
	SUBQ $4, LEFT
	JLT  tail

loop:
	VMOVUPS   (X), Y0
	VPMOVZXDQ (COS)(I*4), Y2
	VPMOVZXDQ (SIN)(I*4), Y3
	ROTATE256
	VMOVUPS   Y0, (X)
	ADDQ      $32, X
	ADDQ      $4, I
	SUBQ      $4, LEFT
	JGE       loop

tail:
	ADDQ       $4, LEFT
	JZ         next
	MOVQ       LEFT, R13
	MASK256(Y15)                   // one lane a pair
	VMASKMOVPS (COS)(I*4), X15, X2
	VMASKMOVPS (SIN)(I*4), X15, X3
	VPMOVZXDQ  X2, Y2
	VPMOVZXDQ  X3, Y3
	LEAQ       (R13)(R13*1), LEFT
	MASK256(Y15)                   // two lanes a pair
	VMASKMOVPS (X), Y15, Y0
	ROTATE256
	VMASKMOVPS Y0, Y15, (X)

next:
	ADDQ STRIDE, HEAD
	DECQ HEADS
	JNZ  head
	VZEROUPPER
	RET
