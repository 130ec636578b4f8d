//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// func dotAVX512(x, y *float32, n int) float32
//
// Four accumulators take 64 elements a turn; what is left goes to the first, 16
// at a time and then masked; sum = (s0+s2) + (s1+s3), lanes folded by halves.
TEXT ·dotAVX512(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), A
	MOVQ   y+8(FP), B
	MOVQ   n+16(FP), N
	VXORPS Z0, Z0, Z0
	VXORPS Z1, Z1, Z1
	VXORPS Z2, Z2, Z2
	VXORPS Z3, Z3, Z3
	SUBQ   $64, N
	JLT    rest

loop64:
	VMOVUPS     (A), Z4
	VMOVUPS     64(A), Z5
	VMOVUPS     128(A), Z6
	VMOVUPS     192(A), Z7
	VFMADD231PS (B), Z4, Z0    // s0 += x[0:16]·y[0:16]
	VFMADD231PS 64(B), Z5, Z1
	VFMADD231PS 128(B), Z6, Z2
	VFMADD231PS 192(B), Z7, Z3
	ADDQ        $256, A
	ADDQ        $256, B
	SUBQ        $64, N
	JGE         loop64

rest:
	ADDQ $64, N
	SUBQ $16, N
	JLT  tail

loop16:
	VMOVUPS     (A), Z4
	VFMADD231PS (B), Z4, Z0
	ADDQ        $64, A
	ADDQ        $64, B
	SUBQ        $16, N
	JGE         loop16

tail:
	ADDQ        $16, N
	JZ          fold
	MASK512
	VMOVUPS.Z   (A), K1, Z4
	VMOVUPS.Z   (B), K1, Z5
	VFMADD231PS Z5, Z4, Z0

fold:
	VADDPS Z2, Z0, Z0
	VADDPS Z3, Z1, Z1
	VADDPS Z1, Z0, Z0
	HSUM512
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func dotAVX2(x, y *float32, n int) float32
//
// As above with 32 and 8 elements.
TEXT ·dotAVX2(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), A
	MOVQ   y+8(FP), B
	MOVQ   n+16(FP), N
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	SUBQ   $32, N
	JLT    rest

loop32:
	VMOVUPS     (A), Y4
	VMOVUPS     32(A), Y5
	VMOVUPS     64(A), Y6
	VMOVUPS     96(A), Y7
	VFMADD231PS (B), Y4, Y0   // s0 += x[0:8]·y[0:8]
	VFMADD231PS 32(B), Y5, Y1
	VFMADD231PS 64(B), Y6, Y2
	VFMADD231PS 96(B), Y7, Y3
	ADDQ        $128, A
	ADDQ        $128, B
	SUBQ        $32, N
	JGE         loop32

rest:
	ADDQ $32, N
	SUBQ $8, N
	JLT  tail

loop8:
	VMOVUPS     (A), Y4
	VFMADD231PS (B), Y4, Y0
	ADDQ        $32, A
	ADDQ        $32, B
	SUBQ        $8, N
	JGE         loop8

tail:
	ADDQ        $8, N
	JZ          fold
	MASK256(Y15)
	VMASKMOVPS  (A), Y15, Y4
	VMASKMOVPS  (B), Y15, Y5
	VFMADD231PS Y5, Y4, Y0

fold:
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	VADDPS Y1, Y0, Y0
	HSUM256
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET
