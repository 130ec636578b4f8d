//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// The upper half of a number, rounded to nearest even by adding 0x7fff and its
// last bit; a NaN keeps its upper half and becomes quiet. VCVTNEPS2BF16 is not
// used, since it takes subnormal numbers for zero.

// ROUND512: Y0 = bfloat16 of Z0. Z16 to Z18 hold 1, 0x7fff and 0x40.
#define ROUND512 \
	VCMPPS  $3, Z0, Z0, K2; /* K2 = NaN */  \
	VPSRLD  $16, Z0, Z1; /* upper half */   \
	VPANDD  Z16, Z1, Z2; /* its last bit */ \
	VPADDD  Z17, Z0, Z0;                    \
	VPADDD  Z2, Z0, Z0;                     \
	VPSRLD  $16, Z0, Z0;                    \
	VPORD   Z18, Z1, K2, Z0;                \
	VPMOVDW Z0, Y0

// ROUND256: the lower halves of the lanes of Y0 = bfloat16 of Y0.
#define ROUND256 \
	VCMPPS    $3, Y0, Y0, Y3; /* NaN */           \
	VPSRLD    $16, Y0, Y1; /* upper half */       \
	VPAND     kIntOne, Y1, Y2; /* its last bit */ \
	VPADDD    kRoundBF, Y0, Y0;                   \
	VPADDD    Y2, Y0, Y0;                         \
	VPSRLD    $16, Y0, Y0;                        \
	VPOR      kQuietBF, Y1, Y1;                   \
	VBLENDVPS Y3, Y1, Y0, Y0

// func f32ToBF16AVX512(dst *byte, src *float32, n int)
TEXT ·f32ToBF16AVX512(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DST
	MOVQ         src+8(FP), A
	MOVQ         n+16(FP), N
	VPBROADCASTD kIntOne, Z16
	VPBROADCASTD kRoundBF, Z17
	VPBROADCASTD kQuietBF, Z18
	SUBQ         $16, N
	JLT          tail

loop:
	VMOVUPS (A), Z0
	ROUND512
	VMOVDQU Y0, (DST)
	ADDQ    $64, A
	ADDQ    $32, DST
	SUBQ    $16, N
	JGE     loop

tail:
	ADDQ      $16, N
	JZ        done
	MASK512
	VMOVUPS.Z (A), K1, Z0
	ROUND512
	VMOVDQU16 Y0, K1, (DST)

done:
	VZEROUPPER
	RET

// func f32ToBF16AVX2(dst *byte, src *float32, n int)
TEXT ·f32ToBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $8, N
	JLT  tail

loop:
	VMOVUPS      (A), Y0
	ROUND256
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW    X1, X0, X0
	VMOVDQU      X0, (DST)
	ADDQ         $32, A
	ADDQ         $16, DST
	SUBQ         $8, N
	JGE          loop

tail:
	ADDQ $8, N
	JZ   done

single:
	VMOVSS (A), X0
	ROUND256
	VMOVD  X0, TMP
	MOVW   TMP, (DST)
	ADDQ   $4, A
	ADDQ   $2, DST
	DECQ   N
	JNZ    single

done:
	VZEROUPPER
	RET
