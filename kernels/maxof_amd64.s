//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// A maximum with NaN gives its first operand in this notation, so the
// accumulators stand there and NaN never enters them.

// func maxOfAVX512(x *float32, n int) float32
TEXT ·maxOfAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), A
	MOVQ         n+8(FP), N
	VBROADCASTSS kMinusInf, Z0
	VMOVAPS      Z0, Z1
	VMOVAPS      Z0, Z2
	VMOVAPS      Z0, Z3
	SUBQ         $64, N
	JLT          rest

loop64:
	VMOVUPS (A), Z4
	VMOVUPS 64(A), Z5
	VMOVUPS 128(A), Z6
	VMOVUPS 192(A), Z7
	VMAXPS  Z0, Z4, Z0 // m0 = max(x[0:16], m0)
	VMAXPS  Z1, Z5, Z1
	VMAXPS  Z2, Z6, Z2
	VMAXPS  Z3, Z7, Z3
	ADDQ    $256, A
	SUBQ    $64, N
	JGE     loop64

rest:
	ADDQ $64, N
	SUBQ $16, N
	JLT  tail

loop16:
	VMOVUPS (A), Z4
	VMAXPS  Z0, Z4, Z0
	ADDQ    $64, A
	SUBQ    $16, N
	JGE     loop16

tail:
	ADDQ      $16, N
	JZ        fold
	MASK512
	VMOVUPS.Z (A), K1, Z4
	VMAXPS    Z1, Z4, K1, Z1 // lanes beyond the end keep m1

fold:
	VMAXPS Z2, Z0, Z0
	VMAXPS Z3, Z1, Z1
	VMAXPS Z1, Z0, Z0
	HMAX512
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func maxOfAVX2(x *float32, n int) float32
TEXT ·maxOfAVX2(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), A
	MOVQ    n+8(FP), N
	VMOVUPS kMinusInf, Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	SUBQ    $32, N
	JLT     rest

loop32:
	VMOVUPS (A), Y4
	VMOVUPS 32(A), Y5
	VMOVUPS 64(A), Y6
	VMOVUPS 96(A), Y7
	VMAXPS  Y0, Y4, Y0 // m0 = max(x[0:8], m0)
	VMAXPS  Y1, Y5, Y1
	VMAXPS  Y2, Y6, Y2
	VMAXPS  Y3, Y7, Y3
	ADDQ    $128, A
	SUBQ    $32, N
	JGE     loop32

rest:
	ADDQ $32, N
	SUBQ $8, N
	JLT  tail

loop8:
	VMOVUPS (A), Y4
	VMAXPS  Y0, Y4, Y0
	ADDQ    $32, A
	SUBQ    $8, N
	JGE     loop8

tail:
	ADDQ       $8, N
	JZ         fold
	MASK256(Y15)
	VMOVUPS    kMinusInf, Y5
	VMASKMOVPS (A), Y15, Y4
	VBLENDVPS  Y15, Y4, Y5, Y4 // -Inf beyond the end
	VMAXPS     Y1, Y4, Y1

fold:
	VMAXPS Y2, Y0, Y0
	VMAXPS Y3, Y1, Y1
	VMAXPS Y1, Y0, Y0
	HMAX256
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET
