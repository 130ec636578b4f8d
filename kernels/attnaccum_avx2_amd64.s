//go:build amd64 && !purego

#include "textflag.h"

// Tiles of up to 3 rows by 32 dimensions: row r keeps four accumulators from Y(4r)
// on, its weight stands in Y(12+r), and 8 values of V in Y15. A tile of up to 8
// dimensions serves the rest, with one accumulator a row.

#define ACC DI
#define AS R8
#define ACC3 R9
#define P SI
#define C R10
#define V DX
#define VS R11
#define LEFT CX
#define TMP AX

// func attnAccumx3AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)
TEXT ·attnAccumx3AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
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
	VMOVUPS      (V), Y15      // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VFMADD231PS  Y15, Y14, Y8
	VMOVUPS      32(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VFMADD231PS  Y15, Y14, Y9
	VMOVUPS      64(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VFMADD231PS  Y15, Y14, Y10
	VMOVUPS      96(V), Y15
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

// func attnAccumx2AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)
TEXT ·attnAccumx2AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
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
	VMOVUPS      (V), Y15     // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VFMADD231PS  Y15, Y13, Y4
	VMOVUPS      32(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VFMADD231PS  Y15, Y13, Y5
	VMOVUPS      64(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VFMADD231PS  Y15, Y13, Y6
	VMOVUPS      96(V), Y15
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

// func attnAccumx1AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)
TEXT ·attnAccumx1AVX2(SB), NOSPLIT, $0-56
	MOVQ         acc+0(FP), ACC
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15         // c[r]
	VMULPS       (ACC), Y15, Y0
	VMULPS       32(ACC), Y15, Y1
	VMULPS       64(ACC), Y15, Y2
	VMULPS       96(ACC), Y15, Y3

loop:
	VBROADCASTSS (P), Y12     // p[r][j]
	VMOVUPS      (V), Y15     // v[j][d:d+8]
	VFMADD231PS  Y15, Y12, Y0
	VMOVUPS      32(V), Y15
	VFMADD231PS  Y15, Y12, Y1
	VMOVUPS      64(V), Y15
	VFMADD231PS  Y15, Y12, Y2
	VMOVUPS      96(V), Y15
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

// func attnAccumx3w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)
TEXT ·attnAccumx3w8AVX2(SB), NOSPLIT, $0-64
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
	MOVQ         width+56(FP), LEFT
	LEAQ         ·tailMask+32(SB), TMP
	SHLQ         $2, LEFT
	SUBQ         LEFT, TMP
	VMOVDQU      (TMP), Y14            // the first width lanes
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15              // c[r]
	VMASKMOVPS   (ACC), Y14, Y0
	VMULPS       Y15, Y0, Y0
	VBROADCASTSS 4(C), Y15
	VMASKMOVPS   (ACC)(AS*1), Y14, Y1
	VMULPS       Y15, Y1, Y1
	VBROADCASTSS 8(C), Y15
	VMASKMOVPS   (ACC)(AS*2), Y14, Y2
	VMULPS       Y15, Y2, Y2

loop:
	VMASKMOVPS   (V), Y14, Y15 // v[j][d:d+width]
	VBROADCASTSS (P), Y12
	VFMADD231PS  Y15, Y12, Y0
	VBROADCASTSS 128(P), Y12
	VFMADD231PS  Y15, Y12, Y1
	VBROADCASTSS 256(P), Y12
	VFMADD231PS  Y15, Y12, Y2
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMASKMOVPS Y0, Y14, (ACC)
	VMASKMOVPS Y1, Y14, (ACC)(AS*1)
	VMASKMOVPS Y2, Y14, (ACC)(AS*2)
	VZEROUPPER
	RET

// func attnAccumx2w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)
TEXT ·attnAccumx2w8AVX2(SB), NOSPLIT, $0-64
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
	MOVQ         width+56(FP), LEFT
	LEAQ         ·tailMask+32(SB), TMP
	SHLQ         $2, LEFT
	SUBQ         LEFT, TMP
	VMOVDQU      (TMP), Y14            // the first width lanes
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15              // c[r]
	VMASKMOVPS   (ACC), Y14, Y0
	VMULPS       Y15, Y0, Y0
	VBROADCASTSS 4(C), Y15
	VMASKMOVPS   (ACC)(AS*1), Y14, Y1
	VMULPS       Y15, Y1, Y1

loop:
	VMASKMOVPS   (V), Y14, Y15 // v[j][d:d+width]
	VBROADCASTSS (P), Y12
	VFMADD231PS  Y15, Y12, Y0
	VBROADCASTSS 128(P), Y12
	VFMADD231PS  Y15, Y12, Y1
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMASKMOVPS Y0, Y14, (ACC)
	VMASKMOVPS Y1, Y14, (ACC)(AS*1)
	VZEROUPPER
	RET

// func attnAccumx1w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)
TEXT ·attnAccumx1w8AVX2(SB), NOSPLIT, $0-64
	MOVQ         acc+0(FP), ACC
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
	MOVQ         width+56(FP), LEFT
	LEAQ         ·tailMask+32(SB), TMP
	SHLQ         $2, LEFT
	SUBQ         LEFT, TMP
	VMOVDQU      (TMP), Y14            // the first width lanes
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15              // c[r]
	VMASKMOVPS   (ACC), Y14, Y0
	VMULPS       Y15, Y0, Y0

loop:
	VMASKMOVPS   (V), Y14, Y15 // v[j][d:d+width]
	VBROADCASTSS (P), Y12
	VFMADD231PS  Y15, Y12, Y0
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMASKMOVPS Y0, Y14, (ACC)
	VZEROUPPER
	RET

// func attnAccumx6w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)
//
// Six rows, so that six chains of multiply-adds run side by side.
TEXT ·attnAccumx6w8AVX2(SB), NOSPLIT, $0-64
	MOVQ         acc+0(FP), ACC
	MOVQ         accStride+8(FP), AS
	SHLQ         $2, AS
	LEAQ         (AS)(AS*2), ACC3
	ADDQ         ACC, ACC3
	MOVQ         p+16(FP), P
	MOVQ         c+24(FP), C
	MOVQ         v+32(FP), V
	MOVQ         dim+40(FP), VS
	SHLQ         $2, VS
	MOVQ         width+56(FP), LEFT
	LEAQ         ·tailMask+32(SB), TMP
	SHLQ         $2, LEFT
	SUBQ         LEFT, TMP
	VMOVDQU      (TMP), Y14            // the first width lanes
	MOVQ         n+48(FP), LEFT
	VBROADCASTSS (C), Y15              // c[r]
	VMASKMOVPS   (ACC), Y14, Y0
	VMULPS       Y15, Y0, Y0
	VBROADCASTSS 4(C), Y15
	VMASKMOVPS   (ACC)(AS*1), Y14, Y1
	VMULPS       Y15, Y1, Y1
	VBROADCASTSS 8(C), Y15
	VMASKMOVPS   (ACC)(AS*2), Y14, Y2
	VMULPS       Y15, Y2, Y2
	VBROADCASTSS 12(C), Y15
	VMASKMOVPS   (ACC3), Y14, Y3
	VMULPS       Y15, Y3, Y3
	VBROADCASTSS 16(C), Y15
	VMASKMOVPS   (ACC3)(AS*1), Y14, Y4
	VMULPS       Y15, Y4, Y4
	VBROADCASTSS 20(C), Y15
	VMASKMOVPS   (ACC3)(AS*2), Y14, Y5
	VMULPS       Y15, Y5, Y5

loop:
	VMASKMOVPS   (V), Y14, Y15 // v[j][d:d+width]
	VBROADCASTSS (P), Y12
	VFMADD231PS  Y15, Y12, Y0
	VBROADCASTSS 128(P), Y13
	VFMADD231PS  Y15, Y13, Y1
	VBROADCASTSS 256(P), Y12
	VFMADD231PS  Y15, Y12, Y2
	VBROADCASTSS 384(P), Y13
	VFMADD231PS  Y15, Y13, Y3
	VBROADCASTSS 512(P), Y12
	VFMADD231PS  Y15, Y12, Y4
	VBROADCASTSS 640(P), Y13
	VFMADD231PS  Y15, Y13, Y5
	ADDQ         $4, P
	ADDQ         VS, V
	DECQ         LEFT
	JNZ          loop

	VMASKMOVPS Y0, Y14, (ACC)
	VMASKMOVPS Y1, Y14, (ACC)(AS*1)
	VMASKMOVPS Y2, Y14, (ACC)(AS*2)
	VMASKMOVPS Y3, Y14, (ACC3)
	VMASKMOVPS Y4, Y14, (ACC3)(AS*1)
	VMASKMOVPS Y5, Y14, (ACC3)(AS*2)
	VZEROUPPER
	RET
