//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = g / (1 + e^-1.702g) · (u + 1), g = min(gate[i], 7), u = up[i] within ±7.
// A minimum or maximum with NaN gives its first operand in this notation.
#define OP512 \
	VMINPS Z0, Z17, Z0; /* g = min(7, gate) */ \
	VMINPS Z1, Z17, Z1;                        \
	VMAXPS Z1, Z18, Z1; /* u */                \
	VMULPS Z19, Z0, Z2; /* -1.702g */          \
	EXP512(Z2, Z4, Z5, Z6);                    \
	VADDPS Z29, Z6, Z6;                        \
	VDIVPS Z6, Z0, Z0;                         \
	VADDPS Z29, Z1, Z1; /* u + 1 */            \
	VMULPS Z1, Z0, Z0

#define OP256 \
	VMINPS Y0, Y12, Y0; /* g = min(7, gate) */ \
	VMINPS Y1, Y12, Y1;                        \
	VMAXPS Y1, Y13, Y1; /* u */                \
	VMULPS kSwiglu, Y0, Y2; /* -1.702g */      \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9);        \
	VADDPS kOne, Y6, Y6;                       \
	VDIVPS Y6, Y0, Y0;                         \
	VADDPS kOne, Y1, Y1; /* u + 1 */           \
	VMULPS Y1, Y0, Y0

// func swigluOAIAVX512(dst, gate, up *float32, n int)
TEXT ·swigluOAIAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DST
	MOVQ         gate+8(FP), A
	MOVQ         up+16(FP), B
	MOVQ         n+24(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS kSeven, Z17
	VBROADCASTSS kMinus7, Z18
	VBROADCASTSS kSwiglu, Z19
	EACH2_AVX512

// func swigluOAIAVX2(dst, gate, up *float32, n int)
TEXT ·swigluOAIAVX2(SB), NOSPLIT, $0-32
	MOVQ    dst+0(FP), DST
	MOVQ    gate+8(FP), A
	MOVQ    up+16(FP), B
	MOVQ    n+24(FP), N
	VMOVUPS kSeven, Y12
	VMOVUPS kMinus7, Y13
	EACH2_AVX2
