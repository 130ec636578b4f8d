//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// func spinPauseAsm(n int)
TEXT ·spinPauseAsm(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), N

loop:
	PAUSE
	DECQ N
	JNZ  loop
	RET
