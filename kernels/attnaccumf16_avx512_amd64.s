//go:build amd64 && !purego

#include "textflag.h"
#include "attnaccum_avx512_amd64.h"

// acc[r*accStride+d] = acc·c[r] + Σ_{j<n} p[r*32+j] · v[j*dim+d] for a fixed number
// of rows, over 64 dimensions, or over width (≤ 16) of them; v in half
// floats.

// func attnAccumF16x6AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x6AVX512(SB), NOSPLIT, $0-56
	MOVQ acc+0(FP), ACC
	MOVQ accStride+8(FP), AS
	MOVQ p+16(FP), P
	MOVQ c+24(FP), C
	MOVQ v+32(FP), V
	MOVQ dim+40(FP), VS
	SHLQ $1, VS
	MOVQ n+48(FP), LEFT
	ACCUM6(NEXT_V_F16)

// func attnAccumF16x4AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x4AVX512(SB), NOSPLIT, $0-56
	MOVQ acc+0(FP), ACC
	MOVQ accStride+8(FP), AS
	MOVQ p+16(FP), P
	MOVQ c+24(FP), C
	MOVQ v+32(FP), V
	MOVQ dim+40(FP), VS
	SHLQ $1, VS
	MOVQ n+48(FP), LEFT
	ACCUM4(NEXT_V_F16)

// func attnAccumF16x3AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x3AVX512(SB), NOSPLIT, $0-56
	MOVQ acc+0(FP), ACC
	MOVQ accStride+8(FP), AS
	MOVQ p+16(FP), P
	MOVQ c+24(FP), C
	MOVQ v+32(FP), V
	MOVQ dim+40(FP), VS
	SHLQ $1, VS
	MOVQ n+48(FP), LEFT
	ACCUM3(NEXT_V_F16)

// func attnAccumF16x2AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x2AVX512(SB), NOSPLIT, $0-56
	MOVQ acc+0(FP), ACC
	MOVQ accStride+8(FP), AS
	MOVQ p+16(FP), P
	MOVQ c+24(FP), C
	MOVQ v+32(FP), V
	MOVQ dim+40(FP), VS
	SHLQ $1, VS
	MOVQ n+48(FP), LEFT
	ACCUM2(NEXT_V_F16)

// func attnAccumF16x1AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x1AVX512(SB), NOSPLIT, $0-56
	MOVQ acc+0(FP), ACC
	MOVQ p+16(FP), P
	MOVQ c+24(FP), C
	MOVQ v+32(FP), V
	MOVQ dim+40(FP), VS
	SHLQ $1, VS
	MOVQ n+48(FP), LEFT
	ACCUM1(NEXT_V_F16)

// func attnAccumF16x6w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)
TEXT ·attnAccumF16x6w16AVX512(SB), NOSPLIT, $0-64
	MOVQ  acc+0(FP), ACC
	MOVQ  accStride+8(FP), AS
	MOVQ  p+16(FP), P
	MOVQ  c+24(FP), C
	MOVQ  v+32(FP), V
	MOVQ  dim+40(FP), VS
	SHLQ  $1, VS
	MOVQ  width+56(FP), LEFT
	MOVL  $1, TMP
	SHLL  LEFT, TMP
	DECL  TMP
	KMOVW TMP, K1             // the first width lanes
	MOVQ  n+48(FP), LEFT
	ACCUM6X16(NEXT_V16_F16)

// func attnAccumF16x4w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)
TEXT ·attnAccumF16x4w16AVX512(SB), NOSPLIT, $0-64
	MOVQ  acc+0(FP), ACC
	MOVQ  accStride+8(FP), AS
	MOVQ  p+16(FP), P
	MOVQ  c+24(FP), C
	MOVQ  v+32(FP), V
	MOVQ  dim+40(FP), VS
	SHLQ  $1, VS
	MOVQ  width+56(FP), LEFT
	MOVL  $1, TMP
	SHLL  LEFT, TMP
	DECL  TMP
	KMOVW TMP, K1             // the first width lanes
	MOVQ  n+48(FP), LEFT
	ACCUM4X16(NEXT_V16_F16)

// func attnAccumF16x3w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)
TEXT ·attnAccumF16x3w16AVX512(SB), NOSPLIT, $0-64
	MOVQ  acc+0(FP), ACC
	MOVQ  accStride+8(FP), AS
	MOVQ  p+16(FP), P
	MOVQ  c+24(FP), C
	MOVQ  v+32(FP), V
	MOVQ  dim+40(FP), VS
	SHLQ  $1, VS
	MOVQ  width+56(FP), LEFT
	MOVL  $1, TMP
	SHLL  LEFT, TMP
	DECL  TMP
	KMOVW TMP, K1             // the first width lanes
	MOVQ  n+48(FP), LEFT
	ACCUM3X16(NEXT_V16_F16)

// func attnAccumF16x2w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)
TEXT ·attnAccumF16x2w16AVX512(SB), NOSPLIT, $0-64
	MOVQ  acc+0(FP), ACC
	MOVQ  accStride+8(FP), AS
	MOVQ  p+16(FP), P
	MOVQ  c+24(FP), C
	MOVQ  v+32(FP), V
	MOVQ  dim+40(FP), VS
	SHLQ  $1, VS
	MOVQ  width+56(FP), LEFT
	MOVL  $1, TMP
	SHLL  LEFT, TMP
	DECL  TMP
	KMOVW TMP, K1             // the first width lanes
	MOVQ  n+48(FP), LEFT
	ACCUM2X16(NEXT_V16_F16)

// func attnAccumF16x1w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)
TEXT ·attnAccumF16x1w16AVX512(SB), NOSPLIT, $0-64
	MOVQ  acc+0(FP), ACC
	MOVQ  p+16(FP), P
	MOVQ  c+24(FP), C
	MOVQ  v+32(FP), V
	MOVQ  dim+40(FP), VS
	SHLQ  $1, VS
	MOVQ  width+56(FP), LEFT
	MOVL  $1, TMP
	SHLL  LEFT, TMP
	DECL  TMP
	KMOVW TMP, K1            // the first width lanes
	MOVQ  n+48(FP), LEFT
	ACCUM1X16(NEXT_V16_F16)
