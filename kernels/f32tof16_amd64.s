//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// The immediate 0 rounds to nearest, ties to even, whatever MXCSR says.

// func f32ToF16AVX512(dst *byte, src *float32, n int)
TEXT ·f32ToF16AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $16, N
	JLT  tail

loop:
	VMOVUPS   (A), Z0
	VCVTPS2PH $0, Z0, (DST)
	ADDQ      $64, A
	ADDQ      $32, DST
	SUBQ      $16, N
	JGE       loop

tail:
	ADDQ      $16, N
	JZ        done
	MASK512
	VMOVUPS.Z (A), K1, Z0
	VCVTPS2PH $0, Z0, Y0
	VMOVDQU16 Y0, K1, (DST)

done:
	VZEROUPPER
	RET

// func f32ToF16AVX2(dst *byte, src *float32, n int)
TEXT ·f32ToF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $8, N
	JLT  tail

loop:
	VMOVUPS   (A), Y0
	VCVTPS2PH $0, Y0, (DST)
	ADDQ      $32, A
	ADDQ      $16, DST
	SUBQ      $8, N
	JGE       loop

tail:
	ADDQ $8, N
	JZ   done

single:
	VMOVSS    (A), X0
	VCVTPS2PH $0, X0, X0
	VMOVD     X0, TMP
	MOVW      TMP, (DST)
	ADDQ      $4, A
	ADDQ      $2, DST
	DECQ      N
	JNZ       single

done:
	VZEROUPPER
	RET
