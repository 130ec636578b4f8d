//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = gelu(gate[i]) · up[i]
#define OP512 \
	VMULPS      Z19, Z0, Z2; /* -2·√(2/π)·0.044715·x */ \
	VFMADD213PS Z18, Z0, Z2; /* …·x - 2·√(2/π) */       \
	VMULPS      Z0, Z2, Z2; /* -2u */                   \
	EXP512(Z2, Z4, Z5, Z6);                             \
	VADDPS      Z29, Z6, Z6; /* 1 + e^-2u */            \
	VDIVPS      Z6, Z0, Z0;                             \
	VMULPS      Z1, Z0, Z0

#define OP256 \
	VMULPS      kGelu3, Y0, Y2; /* -2·√(2/π)·0.044715·x */ \
	VFMADD213PS kGelu1, Y0, Y2; /* …·x - 2·√(2/π) */       \
	VMULPS      Y0, Y2, Y2; /* -2u */                      \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9);                    \
	VADDPS      kOne, Y6, Y6; /* 1 + e^-2u */              \
	VDIVPS      Y6, Y0, Y0;                                \
	VMULPS      Y1, Y0, Y0

// func geluMulAVX512(dst, gate, up *float32, n int)
TEXT ·geluMulAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DST
	MOVQ         gate+8(FP), A
	MOVQ         up+16(FP), B
	MOVQ         n+24(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS kGelu1, Z18
	VBROADCASTSS kGelu3, Z19
	EACH2_AVX512

// func geluMulAVX2(dst, gate, up *float32, n int)
TEXT ·geluMulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DST
	MOVQ gate+8(FP), A
	MOVQ up+16(FP), B
	MOVQ n+24(FP), N
	EACH2_AVX2
