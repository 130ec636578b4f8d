//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// One step of the online softmax for some rows of 32 scores. Everything of a row
// stays in registers, so that the processor overlaps rows. A row whose maximum is
// still -Inf takes the lowest finite number for it, which turns its scores into
// weights of 0; its factor is set to 1.

#define S DI
#define M SI
#define L DX
#define C R8
#define ROWS CX

// func attnSoftmaxRowsAVX512(s, m, l, c *float32, rows int)
TEXT ·attnSoftmaxRowsAVX512(SB), NOSPLIT, $0-40
	MOVQ         s+0(FP), S
	MOVQ         m+8(FP), M
	MOVQ         l+16(FP), L
	MOVQ         c+24(FP), C
	MOVQ         rows+32(FP), ROWS
	EXP512_CONSTANTS
	VBROADCASTSS kLowest, Z17
	VBROADCASTSS kMinusInf, Z18

row:
	VMOVUPS      (S), Z8
	VMOVUPS      64(S), Z9
	VMOVSS       (M), X10
	VMAXPS       Z9, Z8, Z0
	HMAX512                        // X0 = max s
	VMAXSS       X10, X0, X0       // M = max(max s, m); NaN gives m
	VMOVSS       X0, (M)
	VCMPSS       $0, X18, X0, K3   // K3 = nothing but -Inf so far
	VMAXSS       X17, X0, X11
	VBROADCASTSS X11, Z12
	VSUBSS       X11, X10, X10     // m - M
	VSUBPS       Z12, Z8, Z8       // s - M
	VSUBPS       Z12, Z9, Z9
	EXP512SS(X10, X2, X3, X13)
	WEIGHT512(Z8, Z5, Z14)
	WEIGHT512(Z9, Z7, Z15)
	VBLENDMPS    X29, X13, K3, X13
	VMOVSS       X13, (C)          // c = e^(m-M), or 1
	VMOVUPS      Z14, (S)          // p = e^(s-M)
	VMOVUPS      Z15, 64(S)
	VADDPS       Z15, Z14, Z0
	HSUM512
	VMOVSS       (L), X2
	VFMADD213SS  X0, X13, X2       // l = l·c + Σ p
	VMOVSS       X2, (L)
	ADDQ         $128, S
	ADDQ         $4, M
	ADDQ         $4, L
	ADDQ         $4, C
	DECQ         ROWS
	JNZ          row
	VZEROUPPER
	RET

// WEIGHTS256 makes eight scores of row S weights in p, and stores them.
#define WEIGHTS256(off, p) \
	VMOVUPS off(S), Y0;                \
	VSUBPS  Y10, Y0, Y0;               \
	EXP256(Y0, Y1, Y2, p, Y7, Y8, Y9); \
	VMOVUPS p, off(S)

// func attnSoftmaxRowsAVX2(s, m, l, c *float32, rows int)
TEXT ·attnSoftmaxRowsAVX2(SB), NOSPLIT, $0-40
	MOVQ    s+0(FP), S
	MOVQ    m+8(FP), M
	MOVQ    l+16(FP), L
	MOVQ    c+24(FP), C
	MOVQ    rows+32(FP), ROWS
	VMOVUPS kLowest, X14
	VMOVUPS kMinusInf, X15
	VMOVUPS kOne, X13

row:
	VMOVUPS      (S), Y0
	VMOVUPS      32(S), Y1
	VMOVSS       (M), X10
	VMAXPS       64(S), Y0, Y0
	VMAXPS       96(S), Y1, Y1
	VMAXPS       Y1, Y0, Y0
	HMAX256                        // X0 = max s
	VMAXSS       X10, X0, X0       // M = max(max s, m); NaN gives m
	VMOVSS       X0, (M)
	VCMPSS       $0, X15, X0, X11  // nothing but -Inf so far
	VMAXSS       X14, X0, X0
	VSUBSS       X0, X10, X2       // m - M
	VBROADCASTSS X0, Y10
	EXP256(X2, X4, X5, X6, X7, X8, X9)
	VBLENDVPS    X11, X13, X6, X12
	VMOVSS       X12, (C)          // c = e^(m-M), or 1
	WEIGHTS256(0, Y3)              // p = e^(s-M)
	WEIGHTS256(32, Y4)
	WEIGHTS256(64, Y5)
	WEIGHTS256(96, Y6)
	VADDPS       Y5, Y3, Y0
	VADDPS       Y6, Y4, Y1
	VADDPS       Y1, Y0, Y0
	HSUM256
	VMOVSS       (L), X2
	VFMADD213SS  X0, X12, X2       // l = l·c + Σ p
	VMOVSS       X2, (L)
	ADDQ         $128, S
	ADDQ         $4, M
	ADDQ         $4, L
	ADDQ         $4, C
	DECQ         ROWS
	JNZ          row
	VZEROUPPER
	RET
