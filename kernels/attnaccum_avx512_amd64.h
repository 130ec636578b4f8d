// Shared text of the accumulation kernels on AVX-512; see
// attnscores_avx512_amd64.h for the scheme.

#define ACC DI
#define ACC3 R8
#define AS R9
#define P SI
#define C R10
#define V DX
#define VS R11
#define LEFT CX
#define TMP AX

// Steps over one slot of a V tile, 64 dimensions of it.
#define NEXT_V_F32 \
	VMOVUPS (V), Z24;    \
	VMOVUPS 64(V), Z25;  \
	VMOVUPS 128(V), Z26; \
	VMOVUPS 192(V), Z27; \
	ADDQ    VS, V

#define NEXT_V_F16 \
	VCVTPH2PS (V), Z24;   \
	VCVTPH2PS 32(V), Z25; \
	VCVTPH2PS 64(V), Z26; \
	VCVTPH2PS 96(V), Z27; \
	ADDQ      VS, V

// Steps over one slot, up to 16 dimensions under K1.
#define NEXT_V16_F32 \
	VMOVUPS.Z (V), K1, Z24; \
	ADDQ      VS, V

#define NEXT_V16_F16 \
	VMOVDQU16.Z (V), K1, Y24; \
	VCVTPH2PS   Y24, Z24;     \
	ADDQ        VS, V

// BEGIN loads the accumulators of row r, times c[r]; a is their address.
#define BEGIN(r, a, a0, a1, a2, a3) \
	VBROADCASTSS (r*4)(C), Z28;     \
	LEAQ         a, TMP;            \
	VMULPS       (TMP), Z28, a0;    \
	VMULPS       64(TMP), Z28, a1;  \
	VMULPS       128(TMP), Z28, a2; \
	VMULPS       192(TMP), Z28, a3

// WEIGH adds p[r] times one slot to row r.
#define WEIGH(r, a0, a1, a2, a3) \
	VBROADCASTSS (r*128)(P), Z28; \
	VFMADD231PS  Z24, Z28, a0;    \
	VFMADD231PS  Z25, Z28, a1;    \
	VFMADD231PS  Z26, Z28, a2;    \
	VFMADD231PS  Z27, Z28, a3

// END stores row r.
#define END(a, a0, a1, a2, a3) \
	LEAQ    a, TMP;       \
	VMOVUPS a0, (TMP);    \
	VMOVUPS a1, 64(TMP);  \
	VMOVUPS a2, 128(TMP); \
	VMOVUPS a3, 192(TMP)

// BEGIN16, WEIGH16 and END16 are the same for up to 16 dimensions under K1.
#define BEGIN16(r, a, a0) \
	VBROADCASTSS (r*4)(C), Z28; \
	VMOVUPS.Z    a, K1, a0;     \
	VMULPS       Z28, a0, a0

#define WEIGH16(r, a0) \
	VBROADCASTSS (r*128)(P), Z28; \
	VFMADD231PS  Z24, Z28, a0

#define END16(a, a0) \
	VMOVUPS a0, K1, a

	// 6 rows by 64 dimensions.
#define ACCUM6(NEXT_V) \
	SHLQ  $2, AS;                               \
	LEAQ  (AS)(AS*2), ACC3;                     \
	ADDQ  ACC, ACC3;                            \
	BEGIN(0, (ACC), Z0, Z1, Z2, Z3);            \
	BEGIN(1, (ACC)(AS*1), Z4, Z5, Z6, Z7);      \
	BEGIN(2, (ACC)(AS*2), Z8, Z9, Z10, Z11);    \
	BEGIN(3, (ACC3), Z12, Z13, Z14, Z15);       \
	BEGIN(4, (ACC3)(AS*1), Z16, Z17, Z18, Z19); \
	BEGIN(5, (ACC3)(AS*2), Z20, Z21, Z22, Z23); \
	loop:                                       \
	NEXT_V;                                     \
	WEIGH(0, Z0, Z1, Z2, Z3);                   \
	WEIGH(1, Z4, Z5, Z6, Z7);                   \
	WEIGH(2, Z8, Z9, Z10, Z11);                 \
	WEIGH(3, Z12, Z13, Z14, Z15);               \
	WEIGH(4, Z16, Z17, Z18, Z19);               \
	WEIGH(5, Z20, Z21, Z22, Z23);               \
	ADDQ  $4, P;                                \
	DECQ  LEFT;                                 \
	JNZ   loop;                                 \
	END((ACC), Z0, Z1, Z2, Z3);                 \
	END((ACC)(AS*1), Z4, Z5, Z6, Z7);           \
	END((ACC)(AS*2), Z8, Z9, Z10, Z11);         \
	END((ACC3), Z12, Z13, Z14, Z15);            \
	END((ACC3)(AS*1), Z16, Z17, Z18, Z19);      \
	END((ACC3)(AS*2), Z20, Z21, Z22, Z23);      \
	VZEROUPPER;                                 \
	RET

// 6 rows by up to 16 dimensions.
#define ACCUM6X16(NEXT_V) \
	SHLQ  $2, AS;                 \
	LEAQ  (AS)(AS*2), ACC3;       \
	ADDQ  ACC, ACC3;              \
	BEGIN16(0, (ACC), Z0);        \
	BEGIN16(1, (ACC)(AS*1), Z1);  \
	BEGIN16(2, (ACC)(AS*2), Z2);  \
	BEGIN16(3, (ACC3), Z3);       \
	BEGIN16(4, (ACC3)(AS*1), Z4); \
	BEGIN16(5, (ACC3)(AS*2), Z5); \
	loop:                         \
	NEXT_V;                       \
	WEIGH16(0, Z0);               \
	WEIGH16(1, Z1);               \
	WEIGH16(2, Z2);               \
	WEIGH16(3, Z3);               \
	WEIGH16(4, Z4);               \
	WEIGH16(5, Z5);               \
	ADDQ  $4, P;                  \
	DECQ  LEFT;                   \
	JNZ   loop;                   \
	END16((ACC), Z0);             \
	END16((ACC)(AS*1), Z1);       \
	END16((ACC)(AS*2), Z2);       \
	END16((ACC3), Z3);            \
	END16((ACC3)(AS*1), Z4);      \
	END16((ACC3)(AS*2), Z5);      \
	VZEROUPPER;                   \
	RET

// 4 rows by 64 dimensions.
#define ACCUM4(NEXT_V) \
	SHLQ  $2, AS;                            \
	LEAQ  (AS)(AS*2), ACC3;                  \
	ADDQ  ACC, ACC3;                         \
	BEGIN(0, (ACC), Z0, Z1, Z2, Z3);         \
	BEGIN(1, (ACC)(AS*1), Z4, Z5, Z6, Z7);   \
	BEGIN(2, (ACC)(AS*2), Z8, Z9, Z10, Z11); \
	BEGIN(3, (ACC3), Z12, Z13, Z14, Z15);    \
	loop:                                    \
	NEXT_V;                                  \
	WEIGH(0, Z0, Z1, Z2, Z3);                \
	WEIGH(1, Z4, Z5, Z6, Z7);                \
	WEIGH(2, Z8, Z9, Z10, Z11);              \
	WEIGH(3, Z12, Z13, Z14, Z15);            \
	ADDQ  $4, P;                             \
	DECQ  LEFT;                              \
	JNZ   loop;                              \
	END((ACC), Z0, Z1, Z2, Z3);              \
	END((ACC)(AS*1), Z4, Z5, Z6, Z7);        \
	END((ACC)(AS*2), Z8, Z9, Z10, Z11);      \
	END((ACC3), Z12, Z13, Z14, Z15);         \
	VZEROUPPER;                              \
	RET

// 4 rows by up to 16 dimensions.
#define ACCUM4X16(NEXT_V) \
	SHLQ  $2, AS;                \
	LEAQ  (AS)(AS*2), ACC3;      \
	ADDQ  ACC, ACC3;             \
	BEGIN16(0, (ACC), Z0);       \
	BEGIN16(1, (ACC)(AS*1), Z1); \
	BEGIN16(2, (ACC)(AS*2), Z2); \
	BEGIN16(3, (ACC3), Z3);      \
	loop:                        \
	NEXT_V;                      \
	WEIGH16(0, Z0);              \
	WEIGH16(1, Z1);              \
	WEIGH16(2, Z2);              \
	WEIGH16(3, Z3);              \
	ADDQ  $4, P;                 \
	DECQ  LEFT;                  \
	JNZ   loop;                  \
	END16((ACC), Z0);            \
	END16((ACC)(AS*1), Z1);      \
	END16((ACC)(AS*2), Z2);      \
	END16((ACC3), Z3);           \
	VZEROUPPER;                  \
	RET

// 3 rows by 64 dimensions.
#define ACCUM3(NEXT_V) \
	SHLQ  $2, AS;                            \
	BEGIN(0, (ACC), Z0, Z1, Z2, Z3);         \
	BEGIN(1, (ACC)(AS*1), Z4, Z5, Z6, Z7);   \
	BEGIN(2, (ACC)(AS*2), Z8, Z9, Z10, Z11); \
	loop:                                    \
	NEXT_V;                                  \
	WEIGH(0, Z0, Z1, Z2, Z3);                \
	WEIGH(1, Z4, Z5, Z6, Z7);                \
	WEIGH(2, Z8, Z9, Z10, Z11);              \
	ADDQ  $4, P;                             \
	DECQ  LEFT;                              \
	JNZ   loop;                              \
	END((ACC), Z0, Z1, Z2, Z3);              \
	END((ACC)(AS*1), Z4, Z5, Z6, Z7);        \
	END((ACC)(AS*2), Z8, Z9, Z10, Z11);      \
	VZEROUPPER;                              \
	RET

// 3 rows by up to 16 dimensions.
#define ACCUM3X16(NEXT_V) \
	SHLQ  $2, AS;                \
	BEGIN16(0, (ACC), Z0);       \
	BEGIN16(1, (ACC)(AS*1), Z1); \
	BEGIN16(2, (ACC)(AS*2), Z2); \
	loop:                        \
	NEXT_V;                      \
	WEIGH16(0, Z0);              \
	WEIGH16(1, Z1);              \
	WEIGH16(2, Z2);              \
	ADDQ  $4, P;                 \
	DECQ  LEFT;                  \
	JNZ   loop;                  \
	END16((ACC), Z0);            \
	END16((ACC)(AS*1), Z1);      \
	END16((ACC)(AS*2), Z2);      \
	VZEROUPPER;                  \
	RET

// 2 rows by 64 dimensions.
#define ACCUM2(NEXT_V) \
	SHLQ  $2, AS;                          \
	BEGIN(0, (ACC), Z0, Z1, Z2, Z3);       \
	BEGIN(1, (ACC)(AS*1), Z4, Z5, Z6, Z7); \
	loop:                                  \
	NEXT_V;                                \
	WEIGH(0, Z0, Z1, Z2, Z3);              \
	WEIGH(1, Z4, Z5, Z6, Z7);              \
	ADDQ  $4, P;                           \
	DECQ  LEFT;                            \
	JNZ   loop;                            \
	END((ACC), Z0, Z1, Z2, Z3);            \
	END((ACC)(AS*1), Z4, Z5, Z6, Z7);      \
	VZEROUPPER;                            \
	RET

// 2 rows by up to 16 dimensions.
#define ACCUM2X16(NEXT_V) \
	SHLQ  $2, AS;                \
	BEGIN16(0, (ACC), Z0);       \
	BEGIN16(1, (ACC)(AS*1), Z1); \
	loop:                        \
	NEXT_V;                      \
	WEIGH16(0, Z0);              \
	WEIGH16(1, Z1);              \
	ADDQ  $4, P;                 \
	DECQ  LEFT;                  \
	JNZ   loop;                  \
	END16((ACC), Z0);            \
	END16((ACC)(AS*1), Z1);      \
	VZEROUPPER;                  \
	RET

// 1 row by 64 dimensions.
#define ACCUM1(NEXT_V) \
	BEGIN(0, (ACC), Z0, Z1, Z2, Z3); \
	loop:                            \
	NEXT_V;                          \
	WEIGH(0, Z0, Z1, Z2, Z3);        \
	ADDQ  $4, P;                     \
	DECQ  LEFT;                      \
	JNZ   loop;                      \
	END((ACC), Z0, Z1, Z2, Z3);      \
	VZEROUPPER;                      \
	RET

// 1 row by up to 16 dimensions.
#define ACCUM1X16(NEXT_V) \
	BEGIN16(0, (ACC), Z0); \
	loop:                  \
	NEXT_V;                \
	WEIGH16(0, Z0);        \
	ADDQ  $4, P;           \
	DECQ  LEFT;            \
	JNZ   loop;            \
	END16((ACC), Z0);      \
	VZEROUPPER;            \
	RET
