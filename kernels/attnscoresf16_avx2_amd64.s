//go:build amd64 && !purego

#include "textflag.h"

// As attnscores_avx2_amd64.s, with the K tile in half floats.
//
// Tiles of up to 3 rows by 32 slots: row r keeps four accumulators from Y(4r) on,
// its q value stands in Y(12+r), and 8 values of K in Y15.

#define OUT DI
#define Q SI
#define QS R8
#define K DX
#define LEFT CX

// func attnScoresF16x3AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x3AVX2(SB), NOSPLIT, $0-44
	MOVQ   s+0(FP), OUT
	MOVQ   q+8(FP), Q
	MOVQ   qStride+16(FP), QS
	SHLQ   $2, QS
	MOVQ   k+24(FP), K
	MOVQ   dim+32(FP), LEFT
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

loop:
	VBROADCASTSS (Q), Y12       // q[r][d]
	VBROADCASTSS (Q)(QS*1), Y13
	VBROADCASTSS (Q)(QS*2), Y14
	VCVTPH2PS    (K), Y15       // k[d][0:8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VFMADD231PS  Y15, Y14, Y8
	VCVTPH2PS    16(K), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VFMADD231PS  Y15, Y14, Y9
	VCVTPH2PS    32(K), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VFMADD231PS  Y15, Y14, Y10
	VCVTPH2PS    48(K), Y15
	VFMADD231PS  Y15, Y12, Y3
	VFMADD231PS  Y15, Y13, Y7
	VFMADD231PS  Y15, Y14, Y11
	ADDQ         $4, Q
	ADDQ         $64, K
	DECQ         LEFT
	JNZ          loop

	VBROADCASTSS scale+40(FP), Y15
	VMULPS       Y15, Y0, Y0
	VMULPS       Y15, Y1, Y1
	VMULPS       Y15, Y2, Y2
	VMULPS       Y15, Y3, Y3
	VMULPS       Y15, Y4, Y4
	VMULPS       Y15, Y5, Y5
	VMULPS       Y15, Y6, Y6
	VMULPS       Y15, Y7, Y7
	VMULPS       Y15, Y8, Y8
	VMULPS       Y15, Y9, Y9
	VMULPS       Y15, Y10, Y10
	VMULPS       Y15, Y11, Y11
	VMOVUPS      Y0, (OUT)
	VMOVUPS      Y1, 32(OUT)
	VMOVUPS      Y2, 64(OUT)
	VMOVUPS      Y3, 96(OUT)
	VMOVUPS      Y4, 128(OUT)
	VMOVUPS      Y5, 160(OUT)
	VMOVUPS      Y6, 192(OUT)
	VMOVUPS      Y7, 224(OUT)
	VMOVUPS      Y8, 256(OUT)
	VMOVUPS      Y9, 288(OUT)
	VMOVUPS      Y10, 320(OUT)
	VMOVUPS      Y11, 352(OUT)
	VZEROUPPER
	RET

// func attnScoresF16x2AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x2AVX2(SB), NOSPLIT, $0-44
	MOVQ   s+0(FP), OUT
	MOVQ   q+8(FP), Q
	MOVQ   qStride+16(FP), QS
	SHLQ   $2, QS
	MOVQ   k+24(FP), K
	MOVQ   dim+32(FP), LEFT
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop:
	VBROADCASTSS (Q), Y12       // q[r][d]
	VBROADCASTSS (Q)(QS*1), Y13
	VCVTPH2PS    (K), Y15       // k[d][0:8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VCVTPH2PS    16(K), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VCVTPH2PS    32(K), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VCVTPH2PS    48(K), Y15
	VFMADD231PS  Y15, Y12, Y3
	VFMADD231PS  Y15, Y13, Y7
	ADDQ         $4, Q
	ADDQ         $64, K
	DECQ         LEFT
	JNZ          loop

	VBROADCASTSS scale+40(FP), Y15
	VMULPS       Y15, Y0, Y0
	VMULPS       Y15, Y1, Y1
	VMULPS       Y15, Y2, Y2
	VMULPS       Y15, Y3, Y3
	VMULPS       Y15, Y4, Y4
	VMULPS       Y15, Y5, Y5
	VMULPS       Y15, Y6, Y6
	VMULPS       Y15, Y7, Y7
	VMOVUPS      Y0, (OUT)
	VMOVUPS      Y1, 32(OUT)
	VMOVUPS      Y2, 64(OUT)
	VMOVUPS      Y3, 96(OUT)
	VMOVUPS      Y4, 128(OUT)
	VMOVUPS      Y5, 160(OUT)
	VMOVUPS      Y6, 192(OUT)
	VMOVUPS      Y7, 224(OUT)
	VZEROUPPER
	RET

// func attnScoresF16x1AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)
TEXT ·attnScoresF16x1AVX2(SB), NOSPLIT, $0-44
	MOVQ   s+0(FP), OUT
	MOVQ   q+8(FP), Q
	MOVQ   k+24(FP), K
	MOVQ   dim+32(FP), LEFT
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

loop:
	VBROADCASTSS (Q), Y12     // q[r][d]
	VCVTPH2PS    (K), Y15     // k[d][0:8]
	VFMADD231PS  Y15, Y12, Y0
	VCVTPH2PS    16(K), Y15
	VFMADD231PS  Y15, Y12, Y1
	VCVTPH2PS    32(K), Y15
	VFMADD231PS  Y15, Y12, Y2
	VCVTPH2PS    48(K), Y15
	VFMADD231PS  Y15, Y12, Y3
	ADDQ         $4, Q
	ADDQ         $64, K
	DECQ         LEFT
	JNZ          loop

	VBROADCASTSS scale+40(FP), Y15
	VMULPS       Y15, Y0, Y0
	VMULPS       Y15, Y1, Y1
	VMULPS       Y15, Y2, Y2
	VMULPS       Y15, Y3, Y3
	VMOVUPS      Y0, (OUT)
	VMOVUPS      Y1, 32(OUT)
	VMOVUPS      Y2, 64(OUT)
	VMOVUPS      Y3, 96(OUT)
	VZEROUPPER
	RET
