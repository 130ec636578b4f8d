//go:build amd64 && !purego

#include "textflag.h"

// func prefetch(p *byte, lines int)
// Into the second-level cache; addresses that are not mapped are ignored.
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ lines+8(FP), CX

loop:
	PREFETCHT1 (SI)
	ADDQ       $64, SI
	DECQ       CX
	JNE        loop
	RET
