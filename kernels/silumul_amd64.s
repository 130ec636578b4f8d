//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = gate[i] / (1 + e^-gate[i]) · up[i]
#define OP512 \
	VXORPS Z18, Z0, Z2; /* -x */       \
	EXP512(Z2, Z4, Z5, Z6);            \
	VADDPS Z29, Z6, Z6; /* 1 + e^-x */ \
	VDIVPS Z6, Z0, Z0;                 \
	VMULPS Z1, Z0, Z0

#define OP256 \
	VXORPS kSign, Y0, Y2; /* -x */      \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9); \
	VADDPS kOne, Y6, Y6; /* 1 + e^-x */ \
	VDIVPS Y6, Y0, Y0;                  \
	VMULPS Y1, Y0, Y0

// func siluMulAVX512(dst, gate, up *float32, n int)
TEXT ·siluMulAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DST
	MOVQ         gate+8(FP), A
	MOVQ         up+16(FP), B
	MOVQ         n+24(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS kSign, Z18
	EACH2_AVX512

// func siluMulAVX2(dst, gate, up *float32, n int)
TEXT ·siluMulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DST
	MOVQ gate+8(FP), A
	MOVQ up+16(FP), B
	MOVQ n+24(FP), N
	EACH2_AVX2
