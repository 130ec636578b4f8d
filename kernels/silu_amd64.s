//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = x[i] / (1 + e^-x[i])
#define OP512 \
	VXORPS Z18, Z0, Z2; /* -x */       \
	EXP512(Z2, Z4, Z5, Z6);            \
	VADDPS Z29, Z6, Z6; /* 1 + e^-x */ \
	VDIVPS Z6, Z0, Z0

#define OP256 \
	VXORPS kSign, Y0, Y2; /* -x */      \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9); \
	VADDPS kOne, Y6, Y6; /* 1 + e^-x */ \
	VDIVPS Y6, Y0, Y0

// func siluAVX512(dst, x *float32, n int)
TEXT ·siluAVX512(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         n+16(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS kSign, Z18
	EACH1_AVX512

// func siluAVX2(dst, x *float32, n int)
TEXT ·siluAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ x+8(FP), A
	MOVQ n+16(FP), N
	EACH1_AVX2
