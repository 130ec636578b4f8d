//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = x[i] · s · w[i], from the left, with s in every lane of Z2.
#define OP512 \
	VMULPS Z2, Z0, Z0; \
	VMULPS Z1, Z0, Z0

#define OP256 \
	VMULPS Y2, Y0, Y0; \
	VMULPS Y1, Y0, Y0

// func scaleMulAVX512(dst, x, w *float32, n int, s float32)
TEXT ·scaleMulAVX512(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         w+16(FP), B
	MOVQ         n+24(FP), N
	VBROADCASTSS s+32(FP), Z2
	EACH2_AVX512

// func scaleMulAVX2(dst, x, w *float32, n int, s float32)
TEXT ·scaleMulAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         w+16(FP), B
	MOVQ         n+24(FP), N
	VBROADCASTSS s+32(FP), Y2
	EACH2_AVX2
