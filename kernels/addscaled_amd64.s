//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// dst[i] = dst[i] + s·x[i], fused, with s in every lane of Z2. The first source
// of the loop is dst.
#define OP512 \
	VFMADD231PS Z2, Z1, Z0

#define OP256 \
	VFMADD231PS Y2, Y1, Y0

// func addScaledAVX512(dst, x *float32, n int, s float32)
TEXT ·addScaledAVX512(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DST
	MOVQ         DST, A
	MOVQ         x+8(FP), B
	MOVQ         n+16(FP), N
	VBROADCASTSS s+24(FP), Z2
	EACH2_AVX512

// func addScaledAVX2(dst, x *float32, n int, s float32)
TEXT ·addScaledAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DST
	MOVQ         DST, A
	MOVQ         x+8(FP), B
	MOVQ         n+16(FP), N
	VBROADCASTSS s+24(FP), Y2
	EACH2_AVX2
