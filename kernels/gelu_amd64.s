//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = x / (1 + e^-2u), u = √(2/π)·(x + 0.044715·x³)
#define OP512 \
	VMULPS      Z19, Z0, Z2; /* -2·√(2/π)·0.044715·x */ \
	VFMADD213PS Z18, Z0, Z2; /* …·x - 2·√(2/π) */       \
	VMULPS      Z0, Z2, Z2; /* -2u */                   \
	EXP512(Z2, Z4, Z5, Z6);                             \
	VADDPS      Z29, Z6, Z6; /* 1 + e^-2u */            \
	VDIVPS      Z6, Z0, Z0

#define OP256 \
	VMULPS      kGelu3, Y0, Y2; /* -2·√(2/π)·0.044715·x */ \
	VFMADD213PS kGelu1, Y0, Y2; /* …·x - 2·√(2/π) */       \
	VMULPS      Y0, Y2, Y2; /* -2u */                      \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9);                    \
	VADDPS      kOne, Y6, Y6; /* 1 + e^-2u */              \
	VDIVPS      Y6, Y0, Y0

// func geluAVX512(dst, x *float32, n int)
TEXT ·geluAVX512(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), A
	MOVQ         n+16(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS kGelu1, Z18
	VBROADCASTSS kGelu3, Z19
	EACH1_AVX512

// func geluAVX2(dst, x *float32, n int)
TEXT ·geluAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ x+8(FP), A
	MOVQ n+16(FP), N
	EACH1_AVX2
