//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// func bf16ToF32AVX512(dst *float32, src *byte, n int)
TEXT ·bf16ToF32AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $16, N
	JLT  tail

loop:
	VPMOVZXWD (A), Z0
	VPSLLD    $16, Z0, Z0
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
	VPMOVZXWD   Y0, Z0
	VPSLLD      $16, Z0, Z0
	VMOVUPS     Z0, K1, (DST)

done:
	VZEROUPPER
	RET

// func bf16ToF32AVX2(dst *float32, src *byte, n int)
TEXT ·bf16ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DST
	MOVQ src+8(FP), A
	MOVQ n+16(FP), N
	SUBQ $8, N
	JLT  tail

loop:
	VPMOVZXWD (A), Y0
	VPSLLD    $16, Y0, Y0
	VMOVUPS   Y0, (DST)
	ADDQ      $16, A
	ADDQ      $32, DST
	SUBQ      $8, N
	JGE       loop

tail:
	ADDQ $8, N
	JZ   done

single:
	MOVWLZX (A), TMP
	SHLL    $16, TMP
	MOVL    TMP, (DST)
	ADDQ    $2, A
	ADDQ    $4, DST
	DECQ    N
	JNZ     single

done:
	VZEROUPPER
	RET
