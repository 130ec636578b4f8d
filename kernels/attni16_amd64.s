//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// The codes of 16-bit attention: vectors, and the weights of a block.

// Bounds of weights and scales.
DATA i16Const<>+0(SB)/4, $0x0da24260  // 1e-30
DATA i16Const<>+4(SB)/4, $0x45800000  // 4096
DATA i16Const<>+8(SB)/4, $0x39800000  // 1/4096
DATA i16Const<>+12(SB)/4, $0x00800000 // the least normal number
GLOBL i16Const<>(SB), RODATA|NOPTR, $16

// func quantI16AVX2(dst *byte, x *float32, n int, maxNorm, maxAbs float32) (scale float32)
// n is a positive multiple of 16. It serves both levels.
TEXT ·quantI16AVX2(SB), NOSPLIT, $0-36
	MOVQ    dst+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPS kAbs, Y15
	VXORPS  Y0, Y0, Y0      // sums of squares, lanes 0 to 7
	VXORPS  Y1, Y1, Y1      // and 8 to 15
	VXORPS  Y2, Y2, Y2      // greatest |x|
	VXORPS  Y3, Y3, Y3
	MOVQ    SI, DX
	MOVQ    CX, BX

scan:
	VMOVUPS      (DX), Y4
	VMOVUPS      32(DX), Y5
	VMULPS       Y4, Y4, Y6
	VMULPS       Y5, Y5, Y7
	VADDPS       Y6, Y0, Y0
	VADDPS       Y7, Y1, Y1
	VANDPS       Y15, Y4, Y4
	VANDPS       Y15, Y5, Y5
	VMAXPS       Y4, Y2, Y2
	VMAXPS       Y5, Y3, Y3
	ADDQ         $64, DX
	SUBQ         $16, BX
	JNE          scan
	VADDPS       Y1, Y0, Y0
	HSUM256
	VSQRTSS      X0, X0, X4
	VDIVSS       maxNorm+24(FP), X4, X4
	VMAXPS       Y3, Y2, Y0
	HMAX256
	VDIVSS       maxAbs+28(FP), X0, X0
	VMAXSS       X4, X0, X4                 // a NaN in the norm stays
	VMOVSS       i16Const<>+12(SB), X5
	VXORPS       X6, X6, X6                 // 1/scale
	VUCOMISS     X5, X4
	JCS          tiny                       // below, or NaN
	VMOVSS       kOne, X6
	VDIVSS       X4, X6, X6
	JMP          codes

tiny:
	JPS          nan
	VXORPS       X4, X4, X4
	JMP          codes

nan:
	VMOVSS       X4, X4, X6

codes:
	VBROADCASTSS X6, Y6
	VMOVSS       X4, scale+32(FP)

round:
	VMULPS       (SI), Y6, Y0
	VMULPS       32(SI), Y6, Y1
	VCVTPS2DQ    Y0, Y0
	VCVTPS2DQ    Y1, Y1
	VPACKSSDW    Y1, Y0, Y0
	VPERMQ       $0xd8, Y0, Y0
	VMOVDQU      Y0, (DI)
	ADDQ         $64, SI
	ADDQ         $32, DI
	SUBQ         $16, CX
	JNE          round
	VZEROUPPER
	RET

// EIGHTKEYS decodes the pairs of eight slots to two rows of dst.
#define EIGHTKEYS(at, s) \
	VMOVDQU   at(SI), Y0;        \
	VPSLLD    $16, Y0, Y1;       \
	VPSRAD    $16, Y1, Y1;       \
	VPSRAD    $16, Y0, Y0;       \
	VCVTDQ2PS Y1, Y1;            \
	VCVTDQ2PS Y0, Y0;            \
	VMULPS    s, Y1, Y1;         \
	VMULPS    s, Y0, Y0;         \
	VMOVUPS   Y1, at(DI);        \
	VMOVUPS   Y0, (at+128)(DI)

// func i16KeysToF32AVX2(dst *float32, k, scales *byte, pairs int)
// It serves both levels.
TEXT ·i16KeysToF32AVX2(SB), NOSPLIT, $0-32
	MOVQ    dst+0(FP), DI
	MOVQ    k+8(FP), SI
	MOVQ    scales+16(FP), DX
	MOVQ    pairs+24(FP), CX
	VMOVUPS (DX), Y4
	VMOVUPS 32(DX), Y5
	VMOVUPS 64(DX), Y6
	VMOVUPS 96(DX), Y7

pair:
	EIGHTKEYS(0, Y4)
	EIGHTKEYS(32, Y5)
	EIGHTKEYS(64, Y6)
	EIGHTKEYS(96, Y7)
	ADDQ $128, SI
	ADDQ $256, DI
	DECQ CX
	JNE  pair
	VZEROUPPER
	RET

// func attnWeightsI16AVX512(w *byte, ws, p *float32, scales *byte, rows, n int)
TEXT ·attnWeightsI16AVX512(SB), NOSPLIT, $0-48
	MOVQ      w+0(FP), DI
	MOVQ      ws+8(FP), R8
	MOVQ      p+16(FP), SI
	MOVQ      scales+24(FP), DX
	MOVQ      rows+32(FP), BX
	MOVQ      n+40(FP), CX
	MOVQ      $1, AX
	SHLQ      CX, AX
	DECQ      AX
	KMOVW     AX, K1                // slots 0 to 15 that count
	SHRQ      $16, AX
	KMOVW     AX, K2                // 16 to 31
	VMOVUPS.Z (DX), K1, Z10
	VMOVUPS.Z 64(DX), K2, Z11
	VMOVSS    i16Const<>+0(SB), X12
	VMOVSS    i16Const<>+4(SB), X13
	VMOVSS    i16Const<>+8(SB), X14

row:
	VMULPS        (SI), Z10, Z4
	VMULPS        64(SI), Z11, Z5
	VCMPPS        $3, Z5, Z4, K3      // unordered
	VMAXPS        Z5, Z4, Z0
	HMAX512
	VMAXSS        X12, X0, X0
	VMULSS        X14, X0, X1
	VMOVSS        X1, (R8)
	VDIVSS        X0, X13, X0
	VBROADCASTSS  X0, Z0
	VMULPS        Z0, Z4, Z4
	VMULPS        Z0, Z5, Z5
	VCVTPS2DQ     Z4, Z4
	VCVTPS2DQ     Z5, Z5
	VPMOVSDW      Z4, (DI)
	VPMOVSDW      Z5, 32(DI)
	KORTESTW      K3, K3
	JNE           nan

next:
	ADDQ $128, SI
	ADDQ $64, DI
	ADDQ $4, R8
	DECQ BX
	JNE  row
	VZEROUPPER
	RET

nan:
	MOVL $0x7fc00000, (R8)
	JMP  next

// SCALED256 makes p the product of eight weights and scales, and top the greater
// of it and top; nan collects the lanes that are NaN.
#define SCALED256(off, s, p, top, nan) \
	VMULPS off(SI), s, p;     \
	VCMPPS $3, p, p, Y4;      \
	VORPS  Y4, nan, nan;      \
	VMAXPS p, top, top

// func attnWeightsI16AVX2(w *byte, ws, p *float32, scales *byte, rows, n int)
TEXT ·attnWeightsI16AVX2(SB), NOSPLIT, $0-48
	MOVQ   w+0(FP), DI
	MOVQ   ws+8(FP), R8
	MOVQ   p+16(FP), SI
	MOVQ   scales+24(FP), DX
	MOVQ   rows+32(FP), BX
	XORL   R9, R9

// the scales that count: 8 slots a turn into Y10 to Y13
#define COUNTED(at, s) \
	MOVQ       n+40(FP), CX;           \
	SUBQ       $at, CX;                \
	CMOVQLT    R9, CX;                 \
	CMPQ       CX, $8;                 \
	CMOVQGT    R10, CX;                \
	LEAQ       ·tailMask+32(SB), AX;   \
	SHLQ       $2, CX;                 \
	SUBQ       CX, AX;                 \
	VMOVDQU    (AX), Y0;               \
	VMASKMOVPS (at*4)(DX), Y0, s

	MOVQ $8, R10
	COUNTED(0, Y10)
	COUNTED(8, Y11)
	COUNTED(16, Y12)
	COUNTED(24, Y13)

row:
	VXORPS       Y14, Y14, Y14
	VXORPS       Y0, Y0, Y0
	SCALED256(0, Y10, Y5, Y0, Y14)
	SCALED256(32, Y11, Y6, Y0, Y14)
	SCALED256(64, Y12, Y7, Y0, Y14)
	SCALED256(96, Y13, Y8, Y0, Y14)
	HMAX256
	VMAXSS       i16Const<>+0(SB), X0, X0
	VMULSS       i16Const<>+8(SB), X0, X1
	VMOVSS       X1, (R8)
	VMOVSS       i16Const<>+4(SB), X1
	VDIVSS       X0, X1, X0
	VBROADCASTSS X0, Y0
	VMULPS       Y0, Y5, Y5
	VMULPS       Y0, Y6, Y6
	VMULPS       Y0, Y7, Y7
	VMULPS       Y0, Y8, Y8
	VCVTPS2DQ    Y5, Y5
	VCVTPS2DQ    Y6, Y6
	VCVTPS2DQ    Y7, Y7
	VCVTPS2DQ    Y8, Y8
	VPACKSSDW    Y6, Y5, Y5
	VPACKSSDW    Y8, Y7, Y7
	VPERMQ       $0xd8, Y5, Y5
	VPERMQ       $0xd8, Y7, Y7
	VMOVDQU      Y5, (DI)
	VMOVDQU      Y7, 32(DI)
	VMOVMSKPS    Y14, AX
	TESTL        AX, AX
	JNE          nan

next:
	ADDQ $128, SI
	ADDQ $64, DI
	ADDQ $4, R8
	DECQ BX
	JNE  row
	VZEROUPPER
	RET

nan:
	MOVL $0x7fc00000, (R8)
	JMP  next
