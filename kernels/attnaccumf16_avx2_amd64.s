//go:build amd64 && !purego

#include "textflag.h"

// As attnaccum_avx2_amd64.s, with the V tile in half floats.
//
// Tiles of up to 3 rows by 32 dimensions: row r keeps four accumulators from Y(4r)
// on, its weight stands in Y(12+r), and 8 values of V in Y15.

#define ACC DI
#define AS R8
#define P SI
#define C R10
#define V DX
#define VS R11
#define LEFT CX

// func attnAccumF16x3AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x3AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $1, VS
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15                // c[r]
	VMULPS       (ACC), Y15, Y0
	VMULPS       32(ACC), Y15, Y1
	VMULPS       64(ACC), Y15, Y2
	VMULPS       96(ACC), Y15, Y3
	VBROADCASTSS 4(C), Y15
	VMULPS       (ACC)(AS*1), Y15, Y4
	VMULPS       32(ACC)(AS*1), Y15, Y5
	VMULPS       64(ACC)(AS*1), Y15, Y6
	VMULPS       96(ACC)(AS*1), Y15, Y7
	VBROADCASTSS 8(C), Y15
	VMULPS       (ACC)(AS*2), Y15, Y8
	VMULPS       32(ACC)(AS*2), Y15, Y9
	VMULPS       64(ACC)(AS*2), Y15, Y10
	VMULPS       96(ACC)(AS*2), Y15, Y11

loop:
	VBROADCASTSS (P), Y12      // p[r][j]
	VBROADCASTSS 128(P), Y13
	VBROADCASTSS 256(P), Y14
	VCVTPH2PS    (V), Y15      // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VFMADD231PS  Y15, Y14, Y8
	VCVTPH2PS    16(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VFMADD231PS  Y15, Y14, Y9
	VCVTPH2PS    32(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VFMADD231PS  Y15, Y14, Y10
	VCVTPH2PS    48(V), Y15
	VFMADD231PS  Y15, Y12, Y3
	VFMADD231PS  Y15, Y13, Y7
	VFMADD231PS  Y15, Y14, Y11
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMOVUPS Y0, (ACC)
	VMOVUPS Y1, 32(ACC)
	VMOVUPS Y2, 64(ACC)
	VMOVUPS Y3, 96(ACC)
	VMOVUPS Y4, (ACC)(AS*1)
	VMOVUPS Y5, 32(ACC)(AS*1)
	VMOVUPS Y6, 64(ACC)(AS*1)
	VMOVUPS Y7, 96(ACC)(AS*1)
	VMOVUPS Y8, (ACC)(AS*2)
	VMOVUPS Y9, 32(ACC)(AS*2)
	VMOVUPS Y10, 64(ACC)(AS*2)
	VMOVUPS Y11, 96(ACC)(AS*2)
	VZEROUPPER
	RET

// func attnAccumF16x2AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x2AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $1, VS
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15               // c[r]
	VMULPS       (ACC), Y15, Y0
	VMULPS       32(ACC), Y15, Y1
	VMULPS       64(ACC), Y15, Y2
	VMULPS       96(ACC), Y15, Y3
	VBROADCASTSS 4(C), Y15
	VMULPS       (ACC)(AS*1), Y15, Y4
	VMULPS       32(ACC)(AS*1), Y15, Y5
	VMULPS       64(ACC)(AS*1), Y15, Y6
	VMULPS       96(ACC)(AS*1), Y15, Y7

loop:
	VBROADCASTSS (P), Y12     // p[r][j]
	VBROADCASTSS 128(P), Y13
	VCVTPH2PS    (V), Y15     // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VCVTPH2PS    16(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VCVTPH2PS    32(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VCVTPH2PS    48(V), Y15
	VFMADD231PS  Y15, Y12, Y3
	VFMADD231PS  Y15, Y13, Y7
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMOVUPS Y0, (ACC)
	VMOVUPS Y1, 32(ACC)
	VMOVUPS Y2, 64(ACC)
	VMOVUPS Y3, 96(ACC)
	VMOVUPS Y4, (ACC)(AS*1)
	VMOVUPS Y5, 32(ACC)(AS*1)
	VMOVUPS Y6, 64(ACC)(AS*1)
	VMOVUPS Y7, 96(ACC)(AS*1)
	VZEROUPPER
	RET

// func attnAccumF16x1AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
TEXT ·attnAccumF16x1AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $1, VS
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15         // c[r]
	VMULPS       (ACC), Y15, Y0
	VMULPS       32(ACC), Y15, Y1
	VMULPS       64(ACC), Y15, Y2
	VMULPS       96(ACC), Y15, Y3

loop:
	VBROADCASTSS (P), Y12     // p[r][j]
	VCVTPH2PS    (V), Y15     // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VCVTPH2PS    16(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VCVTPH2PS    32(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VCVTPH2PS    48(V), Y15
	VFMADD231PS  Y15, Y12, Y3
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMOVUPS Y0, (ACC)
	VMOVUPS Y1, 32(ACC)
	VMOVUPS Y2, 64(ACC)
	VMOVUPS Y3, 96(ACC)
	VZEROUPPER
	RET
