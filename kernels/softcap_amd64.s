//go:build amd64 && !purego

#include "textflag.h"
#include "vector_amd64.h"

// x[i] = limit·tanh(y), y = x[i]·inverse. With a = |y|: below 0.5 an odd
// polynomial, else (1-e)/(1+e), e = e^-2a, with the sign of y.
#define OP512 \
	VMULPS      Z10, Z0, Z0; /* y */                \
	VANDPS      Z11, Z0, Z1; /* a = |y| */          \
	VMULPS      Z12, Z1, Z2; /* -2a */              \
	EXP512(Z2, Z4, Z5, Z6);                         \
	VSUBPS      Z6, Z29, Z7; /* 1 - e */            \
	VADDPS      Z6, Z29, Z8; /* 1 + e */            \
	VDIVPS      Z8, Z7, Z7;                         \
	VPTERNLOGD  $0xe4, Z11, Z0, Z7; /* sign of y */ \
	VCMPPS      $1, Z13, Z1, K3; /* K3 = a < 0.5 */ \
	VMULPS      Z0, Z0, Z2; /* z = y² */            \
	VMOVAPS     Z14, Z3;                            \
	VFMADD213PS Z15, Z2, Z3; /* p = p·z + t3, … */  \
	VFMADD213PS Z16, Z2, Z3;                        \
	VFMADD213PS Z17, Z2, Z3;                        \
	VFMADD213PS Z18, Z2, Z3;                        \
	VMULPS      Z2, Z3, Z3; /* p·z */               \
	VFMADD213PS Z0, Z0, Z3; /* y + y·p·z */         \
	VBLENDMPS   Z3, Z7, K3, Z0;                     \
	VMULPS      Z19, Z0, Z0

#define OP256 \
	VMULPS      Y10, Y0, Y0; /* y */                  \
	VANDPS      kAbs, Y0, Y1; /* a = |y| */           \
	VMULPS      kMinus2, Y1, Y2; /* -2a */            \
	EXP256(Y2, Y4, Y5, Y6, Y7, Y8, Y9);               \
	VMOVUPS     kOne, Y8;                             \
	VSUBPS      Y6, Y8, Y7; /* 1 - e */               \
	VADDPS      Y6, Y8, Y8; /* 1 + e */               \
	VDIVPS      Y8, Y7, Y7;                           \
	VANDPS      kSign, Y0, Y4;                        \
	VORPS       Y4, Y7, Y7; /* sign of y */           \
	VCMPPS      $1, kHalf, Y1, Y5; /* a < 0.5 */      \
	VMULPS      Y0, Y0, Y2; /* z = y² */              \
	VMOVUPS     kTanh4, Y3;                           \
	VFMADD213PS kTanh3, Y2, Y3; /* p = p·z + t3, … */ \
	VFMADD213PS kTanh2, Y2, Y3;                       \
	VFMADD213PS kTanh1, Y2, Y3;                       \
	VFMADD213PS kTanh0, Y2, Y3;                       \
	VMULPS      Y2, Y3, Y3; /* p·z */                 \
	VFMADD213PS Y0, Y0, Y3; /* y + y·p·z */           \
	VBLENDVPS   Y5, Y3, Y7, Y0;                       \
	VMULPS      Y11, Y0, Y0

// func softCapAVX512(x *float32, n int, limit, inverse float32)
TEXT ·softCapAVX512(SB), NOSPLIT, $0-24
	MOVQ         x+0(FP), A
	MOVQ         A, DST
	MOVQ         n+8(FP), N
	EXP512_CONSTANTS
	VBROADCASTSS limit+16(FP), Z19
	VBROADCASTSS inverse+20(FP), Z10
	VBROADCASTSS kAbs, Z11
	VBROADCASTSS kMinus2, Z12
	VBROADCASTSS kHalf, Z13
	VBROADCASTSS kTanh4, Z14
	VBROADCASTSS kTanh3, Z15
	VBROADCASTSS kTanh2, Z16
	VBROADCASTSS kTanh1, Z17
	VBROADCASTSS kTanh0, Z18
	EACH1_AVX512

// func softCapAVX2(x *float32, n int, limit, inverse float32)
TEXT ·softCapAVX2(SB), NOSPLIT, $0-24
	MOVQ         x+0(FP), A
	MOVQ         A, DST
	MOVQ         n+8(FP), N
	VBROADCASTSS limit+16(FP), Y11
	VBROADCASTSS inverse+20(FP), Y10
	EACH1_AVX2
