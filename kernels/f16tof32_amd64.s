//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// func f16ToF32AVX512(dst *float32, src *byte, n int)
TEXT ·f16ToF32AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $16, N
	JLT  tail

loop:
	VCVTPH2PS (A), Z0
	VMOVUPS   Z0, (DST)
	ADDQ      $32, A
	ADDQ      $64, DST
	SUBQ      $16, N
	JGE       loop

tail:
	ADDQ        $16, N
	JZ          done
	MASK512
	VMOVDQU16.Z (A), K1, Y0
	VCVTPH2PS   Y0, Z0
	VMOVUPS     Z0, K1, (DST)

done:
	VZEROUPPER
	RET

// func f16ToF32AVX2(dst *float32, src *byte, n int)
TEXT ·f16ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $8, N
	JLT  tail

loop:
	VCVTPH2PS (A), Y0
	VMOVUPS   Y0, (DST)
	ADDQ      $16, A
	ADDQ      $32, DST
	SUBQ      $8, N
	JGE       loop

tail:
	ADDQ $8, N
	JZ   done

single:
	MOVWLZX   (A), TMP
	VMOVD     TMP, X0
	VCVTPH2PS X0, X0
	VMOVSS    X0, (DST)
	ADDQ      $2, A
	ADDQ      $4, DST
	DECQ      N
	JNZ       single

done:
	VZEROUPPER
	RET
