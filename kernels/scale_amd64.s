//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = x[i] · s, with s in every lane of Z2.
#define OP512 \
	VMULPS Z2, Z0, Z0

#define OP256 \
	VMULPS Y2, Y0, Y0

// func scaleAVX512(dst, x *float32, n int, s float32)
TEXT ·scaleAVX512(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         n+16(FP), N
	VBROADCASTSS s+24(FP), Z2
	EACH1_AVX512

// func scaleAVX2(dst, x *float32, n int, s float32)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         n+16(FP), N
	VBROADCASTSS s+24(FP), Y2
	EACH1_AVX2
