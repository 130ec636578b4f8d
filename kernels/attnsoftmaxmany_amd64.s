//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// The online softmax of attnsoftmax_amd64.s, bit for bit, in three passes: the
// maximum of each row, kept in c for a while; maxima and factors of many rows at
// once; weights and sums of each row. It saves most of the factors' exponentials,
// and pays from a handful of rows on: with fewer, each pass waits for the last.

#define S DI
#define M SI
#define L DX
#define C R8
#define ROWS R9
#define SP0 R10
#define MP R11
#define CP R12
#define LEFT CX

// func attnSoftmaxManyAVX512(s, m, l, c *float32, rows int)
TEXT ·attnSoftmaxManyAVX512(SB), NOSPLIT, $0-40
	MOVQ         s+0(FP), S
	MOVQ         m+8(FP), M
	MOVQ         l+16(FP), L
	MOVQ         c+24(FP), C
	MOVQ         rows+32(FP), ROWS
	EXP512_CONSTANTS
	VBROADCASTSS kLowest, Z17
	VBROADCASTSS kMinusInf, Z18
	MOVQ         S, SP0
	MOVQ         C, CP
	MOVQ         ROWS, LEFT

maxima:
	VMOVUPS (SP0), Z0
	VMAXPS  64(SP0), Z0, Z0
	HMAX512
	VMOVSS  X0, (CP)        // c[r] = max(s[r])
	ADDQ    $128, SP0
	ADDQ    $4, CP
	DECQ    LEFT
	JNZ     maxima

	MOVQ   M, MP
	MOVQ   C, CP
	MOVQ   ROWS, LEFT
	KXNORW K1, K1, K1 // 16 rows at a time

factors:
	CMPQ LEFT, $16
	JGE  sixteen
	MASK512

sixteen:
	VMOVUPS.Z (CP), K1, Z0
	VMOVUPS.Z (MP), K1, Z1
	VMAXPS    Z1, Z0, Z0      // new maximum
	VCMPPS    $0, Z18, Z0, K3 // K3 = nothing but -Inf so far
	VMAXPS    Z17, Z0, Z2
	VSUBPS    Z2, Z1, Z2      // old - new
	VMOVUPS   Z0, K1, (MP)
	EXP512(Z2, Z4, Z5, Z6)
	VBLENDMPS Z29, Z6, K3, Z6 // factor, or 1
	VMOVUPS   Z6, K1, (CP)
	ADDQ      $64, CP
	ADDQ      $64, MP
	SUBQ      $16, LEFT
	JGT       factors

weights:
	VMAXSS       (M), X17, X16
	VBROADCASTSS X16, Z16
	VMOVUPS      (S), Z0
	VMOVUPS      64(S), Z1
	VSUBPS       Z16, Z0, Z0
	VSUBPS       Z16, Z1, Z1
	WEIGHT512(Z0, Z3, Z4)
	WEIGHT512(Z1, Z6, Z7)
	VMOVUPS      Z4, (S)
	VMOVUPS      Z7, 64(S)
	VADDPS       Z7, Z4, Z0
	HSUM512
	VMOVSS       (L), X2
	VMOVSS       (C), X3
	VFMADD213SS  X0, X3, X2    // l·c + Σ
	VMOVSS       X2, (L)
	ADDQ         $128, S
	ADDQ         $4, M
	ADDQ         $4, L
	ADDQ         $4, C
	DECQ         ROWS
	JNZ          weights
	VZEROUPPER
	RET

// WEIGHTS256 makes eight scores of row S weights in p, and stores them.
#define WEIGHTS256(off, p) \
	VMOVUPS off(S), Y0;                \
	VSUBPS  Y10, Y0, Y0;               \
	EXP256(Y0, Y1, Y2, p, Y7, Y8, Y9); \
	VMOVUPS p, off(S)

// func attnSoftmaxManyAVX2(s, m, l, c *float32, rows int)
TEXT ·attnSoftmaxManyAVX2(SB), NOSPLIT, $0-40
	MOVQ s+0(FP), S
	MOVQ m+8(FP), M
	MOVQ l+16(FP), L
	MOVQ c+24(FP), C
	MOVQ rows+32(FP), ROWS
	MOVQ S, SP0
	MOVQ C, CP
	MOVQ ROWS, LEFT

maxima:
	VMOVUPS (SP0), Y0
	VMOVUPS 32(SP0), Y1
	VMAXPS  64(SP0), Y0, Y0
	VMAXPS  96(SP0), Y1, Y1
	VMAXPS  Y1, Y0, Y0
	HMAX256
	VMOVSS  X0, (CP)        // c[r] = max(s[r])
	ADDQ    $128, SP0
	ADDQ    $4, CP
	DECQ    LEFT
	JNZ     maxima

	MOVQ     M, MP
	MOVQ     C, CP
	MOVQ     ROWS, LEFT
	VPCMPEQD Y15, Y15, Y15 // 8 rows at a time

factors:
	CMPQ LEFT, $8
	JGE  eight
	MOVQ LEFT, BX
	MASK256(Y15)
	MOVQ BX, LEFT

eight:
	VMASKMOVPS (CP), Y15, Y0
	VMASKMOVPS (MP), Y15, Y1
	VMAXPS     Y1, Y0, Y0     // new maximum
	VMOVUPS    kMinusInf, Y3
	VCMPPS     $0, Y3, Y0, Y3 // nothing but -Inf so far
	VMOVUPS    kLowest, Y2
	VMAXPS     Y2, Y0, Y2
	VSUBPS     Y2, Y1, Y2     // old - new
	VMASKMOVPS Y0, Y15, (MP)
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9)
	VMOVUPS    kOne, Y4
	VBLENDVPS  Y3, Y4, Y6, Y6 // factor, or 1
	VMASKMOVPS Y6, Y15, (CP)
	ADDQ       $32, CP
	ADDQ       $32, MP
	SUBQ       $8, LEFT
	JGT        factors

weights:
	VBROADCASTSS (M), Y10
	VMAXPS       kLowest, Y10, Y10
	WEIGHTS256(0, Y3)
	WEIGHTS256(32, Y4)
	WEIGHTS256(64, Y5)
	WEIGHTS256(96, Y6)
	VADDPS       Y5, Y3, Y0
	VADDPS       Y6, Y4, Y1
	VADDPS       Y1, Y0, Y0
	HSUM256
	VMOVSS       (L), X2
	VMOVSS       (C), X3
	VFMADD213SS  X0, X3, X2        // l·c + Σ
	VMOVSS       X2, (L)
	ADDQ         $128, S
	ADDQ         $4, M
	ADDQ         $4, L
	ADDQ         $4, C
	DECQ         ROWS
	JNZ          weights
	VZEROUPPER
	RET
