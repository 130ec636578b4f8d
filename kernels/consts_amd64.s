//go:build amd64 && !purego

#include "textflag.h"

// Eight copies of one f32: a 256-bit memory operand, or the source of a
// broadcast. The names stand in vector_amd64.h.
#define EIGHT(at, bits) \
DATA ·vecConst+(at+0)(SB)/4, $bits; \
DATA ·vecConst+(at+4)(SB)/4, $bits; \
DATA ·vecConst+(at+8)(SB)/4, $bits; \
DATA ·vecConst+(at+12)(SB)/4, $bits; \
DATA ·vecConst+(at+16)(SB)/4, $bits; \
DATA ·vecConst+(at+20)(SB)/4, $bits; \
DATA ·vecConst+(at+24)(SB)/4, $bits; \
DATA ·vecConst+(at+28)(SB)/4, $bits

// The exponential. The polynomial is 1 + r + r²·(c2 + c3·r + … + c6·r⁴), fitted
// for the least relative error (4e-9 after rounding the coefficients) on
// |r| ≤ ln2/2.
EIGHT(0, 0x4b400000)   // 1.5·2²³: adding it rounds to an integer in the low bits
EIGHT(32, 0x3fb8aa3b)  // log2 e
EIGHT(64, 0x3f317218)  // ln 2, high part
EIGHT(96, 0xb102e308)  // ln 2, low part
EIGHT(128, 0x3ab511a9) // c6
EIGHT(160, 0x3c091d36) // c5
EIGHT(192, 0x3d2aac7a) // c4
EIGHT(224, 0x3e2aaa48) // c3
EIGHT(256, 0x3efffffe) // c2
EIGHT(288, 0x3f800000) // 1
EIGHT(320, 0xc2ae0000) // -87: below it the result is 0
EIGHT(352, 0x42b17217) // the greatest input with a finite exponential
EIGHT(384, 0x7f800000) // +Inf
EIGHT(416, 0x80000000) // sign bit

// tanh(y) = y + y·z·(t0 + … + t4·z⁴), z = y², for |y| < 0.5: relative error 5e-10.
EIGHT(448, 0x3f000000) // 0.5
EIGHT(480, 0xbeaaaaa8) // t0
EIGHT(512, 0x3e08876f) // t1
EIGHT(544, 0xbd5cbe22) // t2
EIGHT(576, 0x3cae2bbe) // t3
EIGHT(608, 0xbbd7a378) // t4
EIGHT(640, 0xc0000000) // -2

// Activations.
EIGHT(672, 0xbfcc422a) // -2·√(2/π)
EIGHT(704, 0xbd922279) // -2·√(2/π)·0.044715
EIGHT(736, 0x40e00000) // 7
EIGHT(768, 0xc0e00000) // -7
EIGHT(800, 0xbfd9db23) // -1.702
EIGHT(832, 0xff800000) // -Inf

// bfloat16 rounding, as integers.
EIGHT(864, 0x00000001)
EIGHT(896, 0x00007fff)
EIGHT(928, 0x00000040)

EIGHT(960, 0x42b20000)  // 89: its exponential overflows
EIGHT(992, 0x7fffffff)  // all but the sign
EIGHT(1024, 0xff7fffff) // the lowest finite number

// Weights of the softmax: 2^r = 1 + r·(w1 + … + w5·r⁴) for |r| ≤ 0.5.
EIGHT(1056, 0x3aaf6433) // w5
EIGHT(1088, 0x3c1e5fb0) // w4
EIGHT(1120, 0x3d6357f7) // w3
EIGHT(1152, 0x3e75fd26) // w2
EIGHT(1184, 0x3f317218) // w1

GLOBL ·vecConst(SB), RODATA|NOPTR, $1216

// tailMask: eight lanes on, eight off. Read from 32-4n, it selects the first n.
DATA ·tailMask+0(SB)/8, $-1
DATA ·tailMask+8(SB)/8, $-1
DATA ·tailMask+16(SB)/8, $-1
DATA ·tailMask+24(SB)/8, $-1
DATA ·tailMask+32(SB)/8, $0
DATA ·tailMask+40(SB)/8, $0
DATA ·tailMask+48(SB)/8, $0
DATA ·tailMask+56(SB)/8, $0
GLOBL ·tailMask(SB), RODATA|NOPTR, $64
