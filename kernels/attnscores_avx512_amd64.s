//go:build amd64 && !purego

#include "textflag.h"
#include "attnscores_avx512_amd64.h"

// s[r*32+j] = scale · Σ_d q[r*qStride+d] · k[d*32+j] for a fixed number of rows.

// func attnScoresx12AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx12AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES12(NEXT_K_F32)

// func attnScoresx6AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx6AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES6(NEXT_K_F32)

// func attnScoresx4AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx4AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES4(NEXT_K_F32)

// func attnScoresx3AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx3AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES3(NEXT_K_F32)

// func attnScoresx2AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx2AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         qStride+16(FP), QS
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES2(NEXT_K_F32)

// func attnScoresx1AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)
TEXT ·attnScoresx1AVX512(SB), NOSPLIT, $0-44
	MOVQ         s+0(FP), OUT
	MOVQ         q+8(FP), Q0
	MOVQ         k+24(FP), K
	MOVQ         dim+32(FP), LEFT
	VBROADCASTSS scale+40(FP), Z31
	SCORES1(NEXT_K_F32)
