//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

#define INDEX DX
#define HITS AX

// func indexOfAVX512(x *float32, n int, v float32) int
TEXT ·indexOfAVX512(SB), NOSPLIT, $0-32
	MOVQ         x+0(FP), A
	MOVQ         n+8(FP), N
	VBROADCASTSS v+16(FP), Z0
	XORL         INDEX, INDEX
	SUBQ         $16, N
	JLT          tail

loop:
	VCMPPS   $0, (A)(INDEX*4), Z0, K1 // K1 = x[index:index+16] == v
	KORTESTW K1, K1
	JNZ      found
	ADDQ     $16, INDEX
	SUBQ     $16, N
	JGE      loop

tail:
	ADDQ      $16, N
	JZ        none
	MASK512
	VMOVUPS.Z (A)(INDEX*4), K1, Z1
	VCMPPS    $0, Z1, Z0, K1, K1
	KORTESTW  K1, K1
	JZ        none

found:
	KMOVW K1, HITS
	BSFL  HITS, HITS
	ADDQ  HITS, INDEX
	MOVQ  INDEX, ret+24(FP)
	VZEROUPPER
	RET

none:
	MOVQ $-1, ret+24(FP)
	VZEROUPPER
	RET

// func indexOfAVX2(x *float32, n int, v float32) int
TEXT ·indexOfAVX2(SB), NOSPLIT, $0-32
	MOVQ         x+0(FP), A
	MOVQ         n+8(FP), N
	VBROADCASTSS v+16(FP), Y0
	XORL         INDEX, INDEX
	SUBQ         $8, N
	JLT          tail

loop:
	VCMPPS    $0, (A)(INDEX*4), Y0, Y1 // x[index:index+8] == v
	VMOVMSKPS Y1, HITS
	TESTL     HITS, HITS
	JNZ       found
	ADDQ      $8, INDEX
	SUBQ      $8, N
	JGE       loop

tail:
	ADDQ       $8, N
	JZ         none
	MASK256(Y15)
	VMASKMOVPS (A)(INDEX*4), Y15, Y1
	VCMPPS     $0, Y1, Y0, Y1
	VANDPS     Y15, Y1, Y1
	VMOVMSKPS  Y1, HITS
	TESTL      HITS, HITS
	JZ         none

found:
	BSFL HITS, HITS
	ADDQ HITS, INDEX
	MOVQ INDEX, ret+24(FP)
	VZEROUPPER
	RET

none:
	MOVQ $-1, ret+24(FP)
	VZEROUPPER
	RET
