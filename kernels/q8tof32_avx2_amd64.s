//go:build amd64 && !purego

#include "textflag.h"

// Decoding of quantized cache rows and K tiles. Y0 to Y3 hold scales; Y14 eights
// and Y15 masks of a nibble.

// q8ToF32AVX2 decodes rows of int8 codes.
// func q8ToF32AVX2(dst *float32, src *byte, blocks int)
TEXT ·q8ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX

block:
	VPBROADCASTW (SI), X0
	VCVTPH2PS    X0, Y0
	VPMOVSXBD    2(SI), Y4
	VPMOVSXBD    10(SI), Y5
	VPMOVSXBD    18(SI), Y6
	VPMOVSXBD    26(SI), Y7
	VCVTDQ2PS    Y4, Y4
	VCVTDQ2PS    Y5, Y5
	VCVTDQ2PS    Y6, Y6
	VCVTDQ2PS    Y7, Y7
	VMULPS       Y0, Y4, Y4
	VMULPS       Y0, Y5, Y5
	VMULPS       Y0, Y6, Y6
	VMULPS       Y0, Y7, Y7
	VMOVUPS      Y4, (DI)
	VMOVUPS      Y5, 32(DI)
	VMOVUPS      Y6, 64(DI)
	VMOVUPS      Y7, 96(DI)
	ADDQ         $34, SI
	ADDQ         $128, DI
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET

// q4ToF32AVX2 decodes rows of nibbles.
// func q4ToF32AVX2(dst *float32, src *byte, blocks int)
TEXT ·q4ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVL         $15, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVL         $8, AX
	VMOVD        AX, X14
	VPBROADCASTD X14, Y14

block:
	VPBROADCASTW (SI), X0
	VCVTPH2PS    X0, Y0
	VPMOVZXBD    2(SI), Y4
	VPMOVZXBD    10(SI), Y5
	VPSRLD       $4, Y4, Y6
	VPSRLD       $4, Y5, Y7
	VPAND        Y15, Y4, Y4
	VPAND        Y15, Y5, Y5
	VPSUBD       Y14, Y4, Y4
	VPSUBD       Y14, Y5, Y5
	VPSUBD       Y14, Y6, Y6
	VPSUBD       Y14, Y7, Y7
	VCVTDQ2PS    Y4, Y4
	VCVTDQ2PS    Y5, Y5
	VCVTDQ2PS    Y6, Y6
	VCVTDQ2PS    Y7, Y7
	VMULPS       Y0, Y4, Y4
	VMULPS       Y0, Y5, Y5
	VMULPS       Y0, Y6, Y6
	VMULPS       Y0, Y7, Y7
	VMOVUPS      Y4, (DI)
	VMOVUPS      Y5, 32(DI)
	VMOVUPS      Y6, 64(DI)
	VMOVUPS      Y7, 96(DI)
	ADDQ         $18, SI
	ADDQ         $128, DI
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET

// q8TileToF32AVX2 decodes a K tile of int8 codes.
// func q8TileToF32AVX2(dst *float32, codes, scales *byte, blocks int)
TEXT ·q8TileToF32AVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), DX
	MOVQ blocks+24(FP), CX

block:
	VCVTPH2PS (DX), Y0
	VCVTPH2PS 16(DX), Y1
	VCVTPH2PS 32(DX), Y2
	VCVTPH2PS 48(DX), Y3
	ADDQ      $64, DX
	MOVQ      $32, BX

row:
	VPMOVSXBD (SI), Y4
	VPMOVSXBD 8(SI), Y5
	VPMOVSXBD 16(SI), Y6
	VPMOVSXBD 24(SI), Y7
	VCVTDQ2PS Y4, Y4
	VCVTDQ2PS Y5, Y5
	VCVTDQ2PS Y6, Y6
	VCVTDQ2PS Y7, Y7
	VMULPS    Y0, Y4, Y4
	VMULPS    Y1, Y5, Y5
	VMULPS    Y2, Y6, Y6
	VMULPS    Y3, Y7, Y7
	VMOVUPS   Y4, (DI)
	VMOVUPS   Y5, 32(DI)
	VMOVUPS   Y6, 64(DI)
	VMOVUPS   Y7, 96(DI)
	ADDQ      $32, SI
	ADDQ      $128, DI
	DECQ      BX
	JNZ       row
	DECQ      CX
	JNZ       block
	VZEROUPPER
	RET

// q4TileToF32AVX2 decodes a K tile of nibbles: dimensions i and i+16 from one row
// of bytes.
// func q4TileToF32AVX2(dst *float32, codes, scales *byte, blocks int)
TEXT ·q4TileToF32AVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         codes+8(FP), SI
	MOVQ         scales+16(FP), DX
	MOVQ         blocks+24(FP), CX
	MOVL         $15, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVL         $8, AX
	VMOVD        AX, X14
	VPBROADCASTD X14, Y14

block:
	VCVTPH2PS (DX), Y0
	VCVTPH2PS 16(DX), Y1
	VCVTPH2PS 32(DX), Y2
	VCVTPH2PS 48(DX), Y3
	ADDQ      $64, DX
	MOVQ      $16, BX

row:
	VPMOVZXBD (SI), Y4
	VPMOVZXBD 8(SI), Y5
	VPMOVZXBD 16(SI), Y6
	VPMOVZXBD 24(SI), Y7
	VPSRLD    $4, Y4, Y8
	VPSRLD    $4, Y5, Y9
	VPSRLD    $4, Y6, Y10
	VPSRLD    $4, Y7, Y11
	VPAND     Y15, Y4, Y4
	VPAND     Y15, Y5, Y5
	VPAND     Y15, Y6, Y6
	VPAND     Y15, Y7, Y7
	VPSUBD    Y14, Y4, Y4
	VPSUBD    Y14, Y5, Y5
	VPSUBD    Y14, Y6, Y6
	VPSUBD    Y14, Y7, Y7
	VPSUBD    Y14, Y8, Y8
	VPSUBD    Y14, Y9, Y9
	VPSUBD    Y14, Y10, Y10
	VPSUBD    Y14, Y11, Y11
	VCVTDQ2PS Y4, Y4
	VCVTDQ2PS Y5, Y5
	VCVTDQ2PS Y6, Y6
	VCVTDQ2PS Y7, Y7
	VCVTDQ2PS Y8, Y8
	VCVTDQ2PS Y9, Y9
	VCVTDQ2PS Y10, Y10
	VCVTDQ2PS Y11, Y11
	VMULPS    Y0, Y4, Y4
	VMULPS    Y1, Y5, Y5
	VMULPS    Y2, Y6, Y6
	VMULPS    Y3, Y7, Y7
	VMULPS    Y0, Y8, Y8
	VMULPS    Y1, Y9, Y9
	VMULPS    Y2, Y10, Y10
	VMULPS    Y3, Y11, Y11
	VMOVUPS   Y4, (DI)
	VMOVUPS   Y5, 32(DI)
	VMOVUPS   Y6, 64(DI)
	VMOVUPS   Y7, 96(DI)
	VMOVUPS   Y8, 2048(DI)
	VMOVUPS   Y9, 2080(DI)
	VMOVUPS   Y10, 2112(DI)
	VMOVUPS   Y11, 2144(DI)
	ADDQ      $32, SI
	ADDQ      $128, DI
	DECQ      BX
	JNZ       row
	ADDQ      $2048, DI
	DECQ      CX
	JNZ       block
	VZEROUPPER
	RET
