// Shared text of the attention kernels on AVX-512.
//
// Scores: a tile of R rows keeps 2·R accumulators, 32 slots each, in Z0 to
// Z(2R-1) and walks the dimensions; K values stand in Z28 and Z29. Rows are
// reached as Q0 + {0,1,2,3}·QS, Q4 + …, Q8 + ….
//
// Accumulation: a tile of R rows by 64 dimensions keeps 4·R accumulators and
// walks the slots; V values stand in Z24 to Z27. Rows are reached as
// ACC + {0,1,2}·AS and ACC3 + ….
//
// Each accumulator is one chain of fused multiply-adds in ascending order, so R
// does not show in the results.

#define OUT DI
#define Q0 SI
#define Q4 R8
#define Q8 R9
#define QS R10
#define QS3 R11
#define K DX
#define LEFT CX

// Steps over one dimension of a K tile: f32, and f16 that becomes f32 first.
#define NEXT_K_F32 \
	VMOVUPS (K), Z28;   \
	VMOVUPS 64(K), Z29; \
	ADDQ    $128, K

#define NEXT_K_F16 \
	VCVTPH2PS (K), Z28;   \
	VCVTPH2PS 32(K), Z29; \
	ADDQ      $64, K

// SCORE adds the product of one q value with 32 slots to one row.
#define SCORE(q, lo, hi) \
	VBROADCASTSS q, Z30;       \
	VFMADD231PS  Z28, Z30, lo; \
	VFMADD231PS  Z29, Z30, hi

// FINISH scales and stores row r.
#define FINISH(r, lo, hi) \
	VMULPS  Z31, lo, lo;        \
	VMULPS  Z31, hi, hi;        \
	VMOVUPS lo, (r*128)(OUT);   \
	VMOVUPS hi, (r*128+64)(OUT)

// SCORES12 is the tile of 12 rows.
#define SCORES12(NEXT_K) \
	VXORPS Z0, Z0, Z0;            \
	VXORPS Z1, Z1, Z1;            \
	VXORPS Z2, Z2, Z2;            \
	VXORPS Z3, Z3, Z3;            \
	VXORPS Z4, Z4, Z4;            \
	VXORPS Z5, Z5, Z5;            \
	VXORPS Z6, Z6, Z6;            \
	VXORPS Z7, Z7, Z7;            \
	VXORPS Z8, Z8, Z8;            \
	VXORPS Z9, Z9, Z9;            \
	VXORPS Z10, Z10, Z10;         \
	VXORPS Z11, Z11, Z11;         \
	VXORPS Z12, Z12, Z12;         \
	VXORPS Z13, Z13, Z13;         \
	VXORPS Z14, Z14, Z14;         \
	VXORPS Z15, Z15, Z15;         \
	VXORPS Z16, Z16, Z16;         \
	VXORPS Z17, Z17, Z17;         \
	VXORPS Z18, Z18, Z18;         \
	VXORPS Z19, Z19, Z19;         \
	VXORPS Z20, Z20, Z20;         \
	VXORPS Z21, Z21, Z21;         \
	VXORPS Z22, Z22, Z22;         \
	VXORPS Z23, Z23, Z23;         \
	SHLQ   $2, QS;                \
	LEAQ   (QS)(QS*2), QS3;       \
	LEAQ   (Q0)(QS*4), Q4;        \
	LEAQ   (Q4)(QS*4), Q8;        \
	loop:                         \
	NEXT_K;                       \
	SCORE((Q0), Z0, Z1);          \
	SCORE((Q0)(QS*1), Z2, Z3);    \
	SCORE((Q0)(QS*2), Z4, Z5);    \
	SCORE((Q0)(QS3*1), Z6, Z7);   \
	SCORE((Q4), Z8, Z9);          \
	SCORE((Q4)(QS*1), Z10, Z11);  \
	SCORE((Q4)(QS*2), Z12, Z13);  \
	SCORE((Q4)(QS3*1), Z14, Z15); \
	SCORE((Q8), Z16, Z17);        \
	SCORE((Q8)(QS*1), Z18, Z19);  \
	SCORE((Q8)(QS*2), Z20, Z21);  \
	SCORE((Q8)(QS3*1), Z22, Z23); \
	ADDQ   $4, Q0;                \
	ADDQ   $4, Q4;                \
	ADDQ   $4, Q8;                \
	DECQ   LEFT;                  \
	JNZ    loop;                  \
	FINISH(0, Z0, Z1);            \
	FINISH(1, Z2, Z3);            \
	FINISH(2, Z4, Z5);            \
	FINISH(3, Z6, Z7);            \
	FINISH(4, Z8, Z9);            \
	FINISH(5, Z10, Z11);          \
	FINISH(6, Z12, Z13);          \
	FINISH(7, Z14, Z15);          \
	FINISH(8, Z16, Z17);          \
	FINISH(9, Z18, Z19);          \
	FINISH(10, Z20, Z21);         \
	FINISH(11, Z22, Z23);         \
	VZEROUPPER;                   \
	RET

// SCORES6 is the tile of 6 rows.
#define SCORES6(NEXT_K) \
	VXORPS Z0, Z0, Z0;           \
	VXORPS Z1, Z1, Z1;           \
	VXORPS Z2, Z2, Z2;           \
	VXORPS Z3, Z3, Z3;           \
	VXORPS Z4, Z4, Z4;           \
	VXORPS Z5, Z5, Z5;           \
	VXORPS Z6, Z6, Z6;           \
	VXORPS Z7, Z7, Z7;           \
	VXORPS Z8, Z8, Z8;           \
	VXORPS Z9, Z9, Z9;           \
	VXORPS Z10, Z10, Z10;        \
	VXORPS Z11, Z11, Z11;        \
	SHLQ   $2, QS;               \
	LEAQ   (QS)(QS*2), QS3;      \
	LEAQ   (Q0)(QS*4), Q4;       \
	loop:                        \
	NEXT_K;                      \
	SCORE((Q0), Z0, Z1);         \
	SCORE((Q0)(QS*1), Z2, Z3);   \
	SCORE((Q0)(QS*2), Z4, Z5);   \
	SCORE((Q0)(QS3*1), Z6, Z7);  \
	SCORE((Q4), Z8, Z9);         \
	SCORE((Q4)(QS*1), Z10, Z11); \
	ADDQ   $4, Q0;               \
	ADDQ   $4, Q4;               \
	DECQ   LEFT;                 \
	JNZ    loop;                 \
	FINISH(0, Z0, Z1);           \
	FINISH(1, Z2, Z3);           \
	FINISH(2, Z4, Z5);           \
	FINISH(3, Z6, Z7);           \
	FINISH(4, Z8, Z9);           \
	FINISH(5, Z10, Z11);         \
	VZEROUPPER;                  \
	RET

// SCORES4 is the tile of 4 rows.
#define SCORES4(NEXT_K) \
	VXORPS Z0, Z0, Z0;          \
	VXORPS Z1, Z1, Z1;          \
	VXORPS Z2, Z2, Z2;          \
	VXORPS Z3, Z3, Z3;          \
	VXORPS Z4, Z4, Z4;          \
	VXORPS Z5, Z5, Z5;          \
	VXORPS Z6, Z6, Z6;          \
	VXORPS Z7, Z7, Z7;          \
	SHLQ   $2, QS;              \
	LEAQ   (QS)(QS*2), QS3;     \
	loop:                       \
	NEXT_K;                     \
	SCORE((Q0), Z0, Z1);        \
	SCORE((Q0)(QS*1), Z2, Z3);  \
	SCORE((Q0)(QS*2), Z4, Z5);  \
	SCORE((Q0)(QS3*1), Z6, Z7); \
	ADDQ   $4, Q0;              \
	DECQ   LEFT;                \
	JNZ    loop;                \
	FINISH(0, Z0, Z1);          \
	FINISH(1, Z2, Z3);          \
	FINISH(2, Z4, Z5);          \
	FINISH(3, Z6, Z7);          \
	VZEROUPPER;                 \
	RET

// SCORES3 is the tile of 3 rows.
#define SCORES3(NEXT_K) \
	VXORPS Z0, Z0, Z0;         \
	VXORPS Z1, Z1, Z1;         \
	VXORPS Z2, Z2, Z2;         \
	VXORPS Z3, Z3, Z3;         \
	VXORPS Z4, Z4, Z4;         \
	VXORPS Z5, Z5, Z5;         \
	SHLQ   $2, QS;             \
	loop:                      \
	NEXT_K;                    \
	SCORE((Q0), Z0, Z1);       \
	SCORE((Q0)(QS*1), Z2, Z3); \
	SCORE((Q0)(QS*2), Z4, Z5); \
	ADDQ   $4, Q0;             \
	DECQ   LEFT;               \
	JNZ    loop;               \
	FINISH(0, Z0, Z1);         \
	FINISH(1, Z2, Z3);         \
	FINISH(2, Z4, Z5);         \
	VZEROUPPER;                \
	RET

// SCORES2 is the tile of 2 rows.
#define SCORES2(NEXT_K) \
	VXORPS Z0, Z0, Z0;         \
	VXORPS Z1, Z1, Z1;         \
	VXORPS Z2, Z2, Z2;         \
	VXORPS Z3, Z3, Z3;         \
	SHLQ   $2, QS;             \
	loop:                      \
	NEXT_K;                    \
	SCORE((Q0), Z0, Z1);       \
	SCORE((Q0)(QS*1), Z2, Z3); \
	ADDQ   $4, Q0;             \
	DECQ   LEFT;               \
	JNZ    loop;               \
	FINISH(0, Z0, Z1);         \
	FINISH(1, Z2, Z3);         \
	VZEROUPPER;                \
	RET

// SCORES1 is the tile of 1 row.
#define SCORES1(NEXT_K) \
	VXORPS Z0, Z0, Z0;   \
	VXORPS Z1, Z1, Z1;   \
	loop:                \
	NEXT_K;              \
	SCORE((Q0), Z0, Z1); \
	ADDQ   $4, Q0;       \
	DECQ   LEFT;         \
	JNZ    loop;         \
	FINISH(0, Z0, Z1);   \
	VZEROUPPER;          \
	RET
