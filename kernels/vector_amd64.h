// Shared text of the vector kernels on amd64.
//
// Registers of a loop: DST, A, B are the destination and the sources, N counts
// elements. A file defines OP512 and OP256 (Z0/Y0 = f(Z0/Y0, Z1/Y1)) and then
// places the loop it needs. Tails run the same arithmetic under a mask, so that
// an element's result does not depend on its place.

#define DST DI
#define A SI
#define B DX
#define N CX
#define TMP AX

// Constants of consts_amd64.s.
#define kMagic ·vecConst+0(SB)
#define kLog2E ·vecConst+32(SB)
#define kLn2Hi ·vecConst+64(SB)
#define kLn2Lo ·vecConst+96(SB)
#define kExp6 ·vecConst+128(SB)
#define kExp5 ·vecConst+160(SB)
#define kExp4 ·vecConst+192(SB)
#define kExp3 ·vecConst+224(SB)
#define kExp2 ·vecConst+256(SB)
#define kOne ·vecConst+288(SB)
#define kExpLo ·vecConst+320(SB)
#define kExpHi ·vecConst+352(SB)
#define kInf ·vecConst+384(SB)
#define kSign ·vecConst+416(SB)
#define kHalf ·vecConst+448(SB)
#define kTanh0 ·vecConst+480(SB)
#define kTanh1 ·vecConst+512(SB)
#define kTanh2 ·vecConst+544(SB)
#define kTanh3 ·vecConst+576(SB)
#define kTanh4 ·vecConst+608(SB)
#define kMinus2 ·vecConst+640(SB)
#define kGelu1 ·vecConst+672(SB)
#define kGelu3 ·vecConst+704(SB)
#define kSeven ·vecConst+736(SB)
#define kMinus7 ·vecConst+768(SB)
#define kSwiglu ·vecConst+800(SB)
#define kMinusInf ·vecConst+832(SB)
#define kIntOne ·vecConst+864(SB)
#define kRoundBF ·vecConst+896(SB)
#define kQuietBF ·vecConst+928(SB)
#define kExpTop ·vecConst+960(SB)
#define kAbs ·vecConst+992(SB)
#define kLowest ·vecConst+1024(SB)
#define kTwo5 ·vecConst+1056(SB)
#define kTwo4 ·vecConst+1088(SB)
#define kTwo3 ·vecConst+1120(SB)
#define kTwo2 ·vecConst+1152(SB)
#define kTwo1 ·vecConst+1184(SB)

// MASK512 sets K1 to the first N (< 16) lanes. N must be CX.
#define MASK512 \
	MOVL  $1, TMP; \
	SHLL  CX, TMP; \
	DECL  TMP;     \
	KMOVW TMP, K1

// MASK256 sets m to the first N (< 8) lanes and destroys N.
#define MASK256(m) \
	LEAQ    ·tailMask+32(SB), TMP; \
	SHLQ    $2, N;                 \
	SUBQ    N, TMP;                \
	VMOVDQU (TMP), m

// EACH1_AVX512: DST[i] = OP512(A[i]) for i < N.
#define EACH1_AVX512 \
	SUBQ      $16, N;        \
	JLT       tail;          \
	loop:                    \
	VMOVUPS   (A), Z0;       \
	OP512;                   \
	VMOVUPS   Z0, (DST);     \
	ADDQ      $64, A;        \
	ADDQ      $64, DST;      \
	SUBQ      $16, N;        \
	JGE       loop;          \
	tail:                    \
	ADDQ      $16, N;        \
	JZ        done;          \
	MASK512;                 \
	VMOVUPS.Z (A), K1, Z0;   \
	OP512;                   \
	VMOVUPS   Z0, K1, (DST); \
	done:                    \
	VZEROUPPER;              \
	RET

// EACH2_AVX512: DST[i] = OP512(A[i], B[i]) for i < N.
#define EACH2_AVX512 \
	SUBQ      $16, N;        \
	JLT       tail;          \
	loop:                    \
	VMOVUPS   (A), Z0;       \
	VMOVUPS   (B), Z1;       \
	OP512;                   \
	VMOVUPS   Z0, (DST);     \
	ADDQ      $64, A;        \
	ADDQ      $64, B;        \
	ADDQ      $64, DST;      \
	SUBQ      $16, N;        \
	JGE       loop;          \
	tail:                    \
	ADDQ      $16, N;        \
	JZ        done;          \
	MASK512;                 \
	VMOVUPS.Z (A), K1, Z0;   \
	VMOVUPS.Z (B), K1, Z1;   \
	OP512;                   \
	VMOVUPS   Z0, K1, (DST); \
	done:                    \
	VZEROUPPER;              \
	RET

// EACH1_AVX2: DST[i] = OP256(A[i]) for i < N. OP256 leaves Y15 alone.
#define EACH1_AVX2 \
	SUBQ       $8, N;          \
	JLT        tail;           \
	loop:                      \
	VMOVUPS    (A), Y0;        \
	OP256;                     \
	VMOVUPS    Y0, (DST);      \
	ADDQ       $32, A;         \
	ADDQ       $32, DST;       \
	SUBQ       $8, N;          \
	JGE        loop;           \
	tail:                      \
	ADDQ       $8, N;          \
	JZ         done;           \
	MASK256(Y15);              \
	VMASKMOVPS (A), Y15, Y0;   \
	OP256;                     \
	VMASKMOVPS Y0, Y15, (DST); \
	done:                      \
	VZEROUPPER;                \
	RET

// EACH2_AVX2: DST[i] = OP256(A[i], B[i]) for i < N. OP256 leaves Y15 alone.
#define EACH2_AVX2 \
	SUBQ       $8, N;          \
	JLT        tail;           \
	loop:                      \
	VMOVUPS    (A), Y0;        \
	VMOVUPS    (B), Y1;        \
	OP256;                     \
	VMOVUPS    Y0, (DST);      \
	ADDQ       $32, A;         \
	ADDQ       $32, B;         \
	ADDQ       $32, DST;       \
	SUBQ       $8, N;          \
	JGE        loop;           \
	tail:                      \
	ADDQ       $8, N;          \
	JZ         done;           \
	MASK256(Y15);              \
	VMASKMOVPS (A), Y15, Y0;   \
	VMASKMOVPS (B), Y15, Y1;   \
	OP256;                     \
	VMASKMOVPS Y0, Y15, (DST); \
	done:                      \
	VZEROUPPER;                \
	RET

// HSUM512 reduces Z0 to X0[0]: lane i+8 onto i, then 4, 2, 1. Uses X1.
#define HSUM512 \
	VEXTRACTF64X4 $1, Z0, Y1; \
	VADDPS        Y1, Y0, Y0; \
	HSUM256

// HSUM256 reduces Y0 to X0[0]. Uses X1.
#define HSUM256 \
	VEXTRACTF128 $1, Y0, X1; \
	VADDPS       X1, X0, X0; \
	VPERMILPD    $1, X0, X1; \
	VADDPS       X1, X0, X0; \
	VMOVSHDUP    X0, X1;     \
	VADDSS       X1, X0, X0

// HMAX512 and HMAX256 reduce Z0 or Y0 to its maximum in X0[0]. Use X1.
#define HMAX512 \
	VEXTRACTF64X4 $1, Z0, Y1; \
	VMAXPS        Y1, Y0, Y0; \
	HMAX256

#define HMAX256 \
	VEXTRACTF128 $1, Y0, X1; \
	VMAXPS       X1, X0, X0; \
	VPERMILPD    $1, X0, X1; \
	VMAXPS       X1, X0, X0; \
	VMOVSHDUP    X0, X1;     \
	VMAXSS       X1, X0, X0

// EXP512_CONSTANTS loads what EXP512 needs into Z20 to Z31.
#define EXP512_CONSTANTS \
	VBROADCASTSS kMagic, Z20; \
	VBROADCASTSS kLog2E, Z21; \
	VBROADCASTSS kLn2Hi, Z22; \
	VBROADCASTSS kLn2Lo, Z23; \
	VBROADCASTSS kExp6, Z24;  \
	VBROADCASTSS kExp5, Z25;  \
	VBROADCASTSS kExp4, Z26;  \
	VBROADCASTSS kExp3, Z27;  \
	VBROADCASTSS kExp2, Z28;  \
	VBROADCASTSS kOne, Z29;   \
	VBROADCASTSS kExpLo, Z30; \
	VBROADCASTSS kExpTop, Z31

// EXP512 sets p = e^x in 16 lanes and destroys x, t, n and K2. Inputs below -87
// give 0, inputs of 89 and more +Inf, NaN stays NaN (predicate 5 is "not less
// than", true for NaN; a minimum with NaN gives its first operand here).
#define EXP512(x, t, n, p) \
	VCMPPS       $5, Z30, x, K2; /* K2 = !(x < -87) */        \
	VMINPS       x, Z31, x; /* x = min(x, 89) */              \
	VMOVAPS      Z20, t;                                      \
	VFMADD231PS  Z21, x, t; /* t = x·log2e + magic */         \
	VSUBPS       Z20, t, n; /* n = round(x·log2e) */          \
	VFNMADD231PS Z22, n, x; /* r = x - n·ln2, in two steps */ \
	VFNMADD231PS Z23, n, x;                                   \
	VMOVAPS      Z24, p;                                      \
	VFMADD213PS  Z25, x, p; /* p = p·r + c5, … */             \
	VFMADD213PS  Z26, x, p;                                   \
	VFMADD213PS  Z27, x, p;                                   \
	VFMADD213PS  Z28, x, p;                                   \
	VFMADD213PS  Z29, x, p;                                   \
	VFMADD213PS  Z29, x, p;                                   \
	VSCALEFPS.Z  n, p, K2, p                                  // p·2^n, or 0

// WEIGHT512 is EXP512 for weights, x ≤ 0 or NaN: the power of two is split off
// after one product with log2e, so that x·6e-8 is the relative error, which is
// less than a rounding of the largest weight. The softmax takes 12 % less time by it.
#define WEIGHT512(x, n, p) \
	VCMPPS           $5, Z30, x, K2; /* K2 = !(x < -87) */ \
	VMULPS           Z21, x, x;      /* y = x·log2e */     \
	VRNDSCALEPS      $8, x, n;       /* n = round(y) */    \
	VSUBPS           n, x, x;        /* r = y - n */       \
	VBROADCASTSS     kTwo5, p;                             \
	VFMADD213PS.BCST kTwo4, x, p;    /* p = p·r + w4, … */ \
	VFMADD213PS.BCST kTwo3, x, p;                          \
	VFMADD213PS.BCST kTwo2, x, p;                          \
	VFMADD213PS.BCST kTwo1, x, p;                          \
	VFMADD213PS      Z29, x, p;                            \
	VSCALEFPS.Z      n, p, K2, p                           // p·2^n, or 0

// EXP512SS is EXP512 for the first lane alone, with the same constants.
#define EXP512SS(x, t, n, p) \
	VCMPSS       $5, X30, x, K2; \
	VMINSS       x, X31, x;      \
	VMOVAPS      X20, t;         \
	VFMADD231SS  X21, x, t;      \
	VSUBSS       X20, t, n;      \
	VFNMADD231SS X22, n, x;      \
	VFNMADD231SS X23, n, x;      \
	VMOVAPS      X24, p;         \
	VFMADD213SS  X25, x, p;      \
	VFMADD213SS  X26, x, p;      \
	VFMADD213SS  X27, x, p;      \
	VFMADD213SS  X28, x, p;      \
	VFMADD213SS  X29, x, p;      \
	VFMADD213SS  X29, x, p;      \
	VSCALEFSS.Z  n, p, K2, p

// EXP256 is EXP512 for 8 lanes; it destroys x, t, n, lo, hi and inf. The power of
// two is added to the exponent field, which serves normal results only: the two
// ends are blended over (1 is "less than", 6 "not less or equal", true for NaN).
#define EXP256(x, t, n, p, lo, hi, inf) \
	VCMPPS       $1, kExpLo, x, lo; /* lo = x < -87 */           \
	VCMPPS       $6, kExpHi, x, hi; /* hi = !(x <= greatest) */  \
	VADDPS       kInf, x, inf; /* +Inf, or NaN */                \
	VMOVUPS      kMagic, n;                                      \
	VFMADD231PS  kLog2E, x, n; /* n = x·log2e + magic */         \
	VPSLLD       $23, n, t; /* t = n as an exponent */           \
	VSUBPS       kMagic, n, n; /* n = round(x·log2e) */          \
	VFNMADD231PS kLn2Hi, n, x; /* r = x - n·ln2, in two steps */ \
	VFNMADD231PS kLn2Lo, n, x;                                   \
	VMOVUPS      kExp6, p;                                       \
	VFMADD213PS  kExp5, x, p; /* p = p·r + c5, … */              \
	VFMADD213PS  kExp4, x, p;                                    \
	VFMADD213PS  kExp3, x, p;                                    \
	VFMADD213PS  kExp2, x, p;                                    \
	VFMADD213PS  kOne, x, p;                                     \
	VFMADD213PS  kOne, x, p;                                     \
	VPADDD       t, p, p; /* p·2^n */                            \
	VANDNPS      p, lo, p; /* 0 below -87 */                     \
	VBLENDVPS    hi, inf, p, p                                   // +Inf or NaN
