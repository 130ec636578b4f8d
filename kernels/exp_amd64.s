//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = e^x[i]
#define OP512 \
	EXP512(Z0, Z4, Z5, Z6); \
	VMOVAPS Z6, Z0

#define OP256 \
	EXP256(Y0, Y4, Y5, Y6, Y7, Y8, Y9); \
	VMOVAPS Y6, Y0

// func expAVX512(dst, x *float32, n int)
TEXT ·expAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ x+8(FP), A
	MOVQ n+16(FP), N
	EXP512_CONSTANTS
	EACH1_AVX512

// func expAVX2(dst, x *float32, n int)
TEXT ·expAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ x+8(FP), A
	MOVQ n+16(FP), N
	EACH1_AVX2
