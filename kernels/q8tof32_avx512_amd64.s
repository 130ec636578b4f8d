//go:build amd64 && !purego

#include "textflag.h"

// Decoding of quantized cache rows and K tiles. Z0 and Z1 hold scales; Z15 the
// sixteen values of a nibble, which a permutation looks up.

DATA nibbleValues<>+0(SB)/8, $0xc0e00000c1000000  // -8, -7
DATA nibbleValues<>+8(SB)/8, $0xc0a00000c0c00000  // -6, -5
DATA nibbleValues<>+16(SB)/8, $0xc0400000c0800000 // -4, -3
DATA nibbleValues<>+24(SB)/8, $0xbf800000c0000000 // -2, -1
DATA nibbleValues<>+32(SB)/8, $0x3f80000000000000 // 0, 1
DATA nibbleValues<>+40(SB)/8, $0x4040000040000000 // 2, 3
DATA nibbleValues<>+48(SB)/8, $0x40a0000040800000 // 4, 5
DATA nibbleValues<>+56(SB)/8, $0x40e0000040c00000 // 6, 7
GLOBL nibbleValues<>(SB), RODATA|NOPTR, $64

// q8ToF32AVX512 decodes rows of int8 codes.
// func q8ToF32AVX512(dst *float32, src *byte, blocks int)
TEXT ·q8ToF32AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX

block:
	VPBROADCASTW (SI), Y0
	VCVTPH2PS    Y0, Z0
	VPMOVSXBD    2(SI), Z2
	VPMOVSXBD    18(SI), Z3
	VCVTDQ2PS    Z2, Z2
	VCVTDQ2PS    Z3, Z3
	VMULPS       Z0, Z2, Z2
	VMULPS       Z0, Z3, Z3
	VMOVUPS      Z2, (DI)
	VMOVUPS      Z3, 64(DI)
	ADDQ         $34, SI
	ADDQ         $128, DI
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET

// q4ToF32AVX512 decodes rows of nibbles.
// func q4ToF32AVX512(dst *float32, src *byte, blocks int)
TEXT ·q4ToF32AVX512(SB), NOSPLIT, $0-24
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    blocks+16(FP), CX
	VMOVUPS nibbleValues<>(SB), Z15

block:
	VPBROADCASTW (SI), Y0
	VCVTPH2PS    Y0, Z0
	VPMOVZXBD    2(SI), Z2
	VPSRLD       $4, Z2, Z3
	VPERMPS      Z15, Z2, Z2 // by the low four bits
	VPERMPS      Z15, Z3, Z3
	VMULPS       Z0, Z2, Z2
	VMULPS       Z0, Z3, Z3
	VMOVUPS      Z2, (DI)
	VMOVUPS      Z3, 64(DI)
	ADDQ         $18, SI
	ADDQ         $128, DI
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET

// q8TileToF32AVX512 decodes a K tile of int8 codes, two dimensions at a time.
// func q8TileToF32AVX512(dst *float32, codes, scales *byte, blocks int)
TEXT ·q8TileToF32AVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), DX
	MOVQ blocks+24(FP), CX

block:
	VCVTPH2PS (DX), Z0
	VCVTPH2PS 32(DX), Z1
	ADDQ      $64, DX
	MOVQ      $16, BX

row:
	VPMOVSXBD (SI), Z2
	VPMOVSXBD 16(SI), Z3
	VPMOVSXBD 32(SI), Z4
	VPMOVSXBD 48(SI), Z5
	VCVTDQ2PS Z2, Z2
	VCVTDQ2PS Z3, Z3
	VCVTDQ2PS Z4, Z4
	VCVTDQ2PS Z5, Z5
	VMULPS    Z0, Z2, Z2
	VMULPS    Z1, Z3, Z3
	VMULPS    Z0, Z4, Z4
	VMULPS    Z1, Z5, Z5
	VMOVUPS   Z2, (DI)
	VMOVUPS   Z3, 64(DI)
	VMOVUPS   Z4, 128(DI)
	VMOVUPS   Z5, 192(DI)
	ADDQ      $64, SI
	ADDQ      $256, DI
	DECQ      BX
	JNZ       row
	DECQ      CX
	JNZ       block
	VZEROUPPER
	RET

// q4TileToF32AVX512 decodes a K tile of nibbles: dimensions i and i+16 from one row
// of bytes.
// func q4TileToF32AVX512(dst *float32, codes, scales *byte, blocks int)
TEXT ·q4TileToF32AVX512(SB), NOSPLIT, $0-32
	MOVQ    dst+0(FP), DI
	MOVQ    codes+8(FP), SI
	MOVQ    scales+16(FP), DX
	MOVQ    blocks+24(FP), CX
	VMOVUPS nibbleValues<>(SB), Z15

block:
	VCVTPH2PS (DX), Z0
	VCVTPH2PS 32(DX), Z1
	ADDQ      $64, DX
	MOVQ      $16, BX

row:
	VPMOVZXBD (SI), Z2
	VPMOVZXBD 16(SI), Z3
	VPSRLD    $4, Z2, Z4
	VPSRLD    $4, Z3, Z5
	VPERMPS   Z15, Z2, Z2
	VPERMPS   Z15, Z3, Z3
	VPERMPS   Z15, Z4, Z4
	VPERMPS   Z15, Z5, Z5
	VMULPS    Z0, Z2, Z2
	VMULPS    Z1, Z3, Z3
	VMULPS    Z0, Z4, Z4
	VMULPS    Z1, Z5, Z5
	VMOVUPS   Z2, (DI)
	VMOVUPS   Z3, 64(DI)
	VMOVUPS   Z4, 2048(DI)
	VMOVUPS   Z5, 2112(DI)
	ADDQ      $32, SI
	ADDQ      $128, DI
	DECQ      BX
	JNZ       row
	ADDQ      $2048, DI
	DECQ      CX
	JNZ       block
	VZEROUPPER
	RET
