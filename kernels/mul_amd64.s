//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = a[i] · b[i]
#define OP512 \
	VMULPS Z1, Z0, Z0

#define OP256 \
	VMULPS Y1, Y0, Y0

// func mulAVX512(dst, a, b *float32, n int)
TEXT ·mulAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DST
	MOVQ a+8(FP), A
	MOVQ b+16(FP), B
	MOVQ n+24(FP), N
	EACH2_AVX512

// func mulAVX2(dst, a, b *float32, n int)
TEXT ·mulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DST
	MOVQ a+8(FP), A
	MOVQ b+16(FP), B
	MOVQ n+24(FP), N
	EACH2_AVX2
