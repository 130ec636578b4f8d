//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// func expSumAVX512(x *float32, n int, m float32) float32
//
// x[i] = e^(x[i]-m); returns the sum, kept per lane and folded by halves.
TEXT ·expSumAVX512(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), A
	MOVQ         n+8(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS m+16(FP), Z18
	VXORPS       Z0, Z0, Z0
	SUBQ         $16, N
	JLT          tail

loop:
	VMOVUPS (A), Z2
	VSUBPS  Z18, Z2, Z2
	EXP512(Z2, Z4, Z5, Z6)
	VMOVUPS Z6, (A)
	VADDPS  Z6, Z0, Z0
	ADDQ    $64, A
	SUBQ    $16, N
	JGE     loop

tail:
	ADDQ      $16, N
	JZ        fold
	MASK512
	VMOVUPS.Z (A), K1, Z2
	VSUBPS    Z18, Z2, Z2
	EXP512(Z2, Z4, Z5, Z6)
	VMOVUPS   Z6, K1, (A)
	VADDPS    Z6, Z0, K1, Z0

fold:
	HSUM512
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func expSumAVX2(x *float32, n int, m float32) float32
TEXT ·expSumAVX2(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), A
	MOVQ         n+8(FP), N
	VBROADCASTSS m+16(FP), Y14
	VXORPS       Y0, Y0, Y0
	SUBQ         $8, N
	JLT          tail

loop:
	VMOVUPS (A), Y2
	VSUBPS  Y14, Y2, Y2
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9)
	VMOVUPS Y6, (A)
	VADDPS  Y6, Y0, Y0
	ADDQ    $32, A
	SUBQ    $8, N
	JGE     loop

tail:
	ADDQ       $8, N
	JZ         fold
	MASK256(Y15)
	VMASKMOVPS (A), Y15, Y2
	VSUBPS     Y14, Y2, Y2
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9)
	VMASKMOVPS Y6, Y15, (A)
	VANDPS     Y15, Y6, Y6
	VADDPS     Y6, Y0, Y0

fold:
	HSUM256
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET
