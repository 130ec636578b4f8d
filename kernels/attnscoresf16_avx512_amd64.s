//go:build amd64 && !purego

#include "textflag.h"
#include "attnscores_avx512_amd64.h"

// s[r*32+j] = scale · Σ_d q[r*qStride+d] · k[d*32+j] for a fixed number of rows, with the K tile in
// half floats.

// func attnScoresF16x12AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x12AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES12(NEXT_K_F16)

// func attnScoresF16x6AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x6AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES6(NEXT_K_F16)

// func attnScoresF16x4AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x4AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES4(NEXT_K_F16)

// func attnScoresF16x3AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x3AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES3(NEXT_K_F16)

// func attnScoresF16x2AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x2AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES2(NEXT_K_F16)

// func attnScoresF16x1AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x1AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES1(NEXT_K_F16)
