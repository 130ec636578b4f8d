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
#define HI R12

// func ropeNeoxAVX512(x, cos, sin *float32, n, heads, headDim int)
//
// For each head and i < n: (x[i], x[i+n]) = (x[i]·c - x[i+n]·s, x[i+n]·c + x[i]·s),
// the second product of each line rounded first.
TEXT ·ropeNeoxAVX512(SB), NOSPLIT, $0-48
	MOVQ x+0(FP), X
	MOVQ cos+8(FP), COS
	MOVQ sin+16(FP), SIN
	MOVQ n+24(FP), HALF
	MOVQ heads+32(FP), HEADS
	MOVQ headDim+40(FP), STRIDE
	SHLQ $2, STRIDE

head:
	XORL I, I
	MOVQ HALF, LEFT
	LEAQ (X)(HALF*4), HI
	SUBQ $16, LEFT
	JLT  tail

loop:
	VMOVUPS     (X)(I*4), Z0   // a = x[i:i+16]
	VMOVUPS     (HI)(I*4), Z1  // b = x[n+i:n+i+16]
	VMOVUPS     (COS)(I*4), Z2
	VMOVUPS     (SIN)(I*4), Z3
	VMULPS      Z3, Z1, Z4     // b·s
	VMULPS      Z3, Z0, Z5     // a·s
	VFMSUB231PS Z2, Z0, Z4     // a·c - b·s
	VFMADD231PS Z2, Z1, Z5     // b·c + a·s
	VMOVUPS     Z4, (X)(I*4)
	VMOVUPS     Z5, (HI)(I*4)
	ADDQ        $16, I
	SUBQ        $16, LEFT
	JGE         loop

tail:
	ADDQ        $16, LEFT
	JZ          next
	MASK512
	VMOVUPS.Z   (X)(I*4), K1, Z0
	VMOVUPS.Z   (HI)(I*4), K1, Z1
	VMOVUPS.Z   (COS)(I*4), K1, Z2
	VMOVUPS.Z   (SIN)(I*4), K1, Z3
	VMULPS      Z3, Z1, Z4
	VMULPS      Z3, Z0, Z5
	VFMSUB231PS Z2, Z0, Z4
	VFMADD231PS Z2, Z1, Z5
	VMOVUPS     Z4, K1, (X)(I*4)
	VMOVUPS     Z5, K1, (HI)(I*4)

next:
	ADDQ STRIDE, X
	DECQ HEADS
	JNZ  head
	VZEROUPPER
	RET

// func ropeNeoxAVX2(x, cos, sin *float32, n, heads, headDim int)
TEXT ·ropeNeoxAVX2(SB), NOSPLIT, $0-48
	MOVQ x+0(FP), X
	MOVQ cos+8(FP), COS
	MOVQ sin+16(FP), SIN
	MOVQ n+24(FP), HALF
	MOVQ heads+32(FP), HEADS
	MOVQ headDim+40(FP), STRIDE
	SHLQ $2, STRIDE

head:
	XORL I, I
	MOVQ HALF, LEFT
	LEAQ (X)(HALF*4), HI
	SUBQ $8, LEFT
	JLT  tail

loop:
	VMOVUPS     (X)(I*4), Y0   // a = x[i:i+8]
	VMOVUPS     (HI)(I*4), Y1  // b = x[n+i:n+i+8]
	VMOVUPS     (COS)(I*4), Y2
	VMOVUPS     (SIN)(I*4), Y3
	VMULPS      Y3, Y1, Y4     // b·s
	VMULPS      Y3, Y0, Y5     // a·s
	VFMSUB231PS Y2, Y0, Y4     // a·c - b·s
	VFMADD231PS Y2, Y1, Y5     // b·c + a·s
	VMOVUPS     Y4, (X)(I*4)
	VMOVUPS     Y5, (HI)(I*4)
	ADDQ        $8, I
	SUBQ        $8, LEFT
	JGE         loop

tail:
	ADDQ        $8, LEFT
	JZ          next
	MASK256(Y15)
	VMASKMOVPS  (X)(I*4), Y15, Y0
	VMASKMOVPS  (HI)(I*4), Y15, Y1
	VMASKMOVPS  (COS)(I*4), Y15, Y2
	VMASKMOVPS  (SIN)(I*4), Y15, Y3
	VMULPS      Y3, Y1, Y4
	VMULPS      Y3, Y0, Y5
	VFMSUB231PS Y2, Y0, Y4
	VFMADD231PS Y2, Y1, Y5
	VMASKMOVPS  Y4, Y15, (X)(I*4)
	VMASKMOVPS  Y5, Y15, (HI)(I*4)

next:
	ADDQ STRIDE, X
	DECQ HEADS
	JNZ  head
	VZEROUPPER
	RET
