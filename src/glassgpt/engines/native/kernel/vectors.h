/* Vectors: LANES numbers that are worked on at once, in GNU C's portable notation; and exp and log
 * of them, of our own. */

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

#ifdef GLASS_FLOAT32
typedef float real;
typedef int32_t bits;
#define REAL_BYTES 4
#else
typedef double real;
typedef int64_t bits;
#define REAL_BYTES 8
#endif
#ifndef VECTOR_BYTES
#define VECTOR_BYTES 16
#endif
#ifndef TILE_ROWS
#define TILE_ROWS 4 /* accumulators of a tile: TILE_ROWS x 2 vector registers */
#endif
#define LANES (VECTOR_BYTES / REAL_BYTES)
#define BLOCK (LANES > 8 ? LANES : 8) /* positions that attention treats together */

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(REAL_BYTES), may_alias));
typedef bits ivec __attribute__((vector_size(VECTOR_BYTES)));

#if LANES == 2
#define EACH_LANE(f) f(0), f(1)
#elif LANES == 4
#define EACH_LANE(f) f(0), f(1), f(2), f(3)
#elif LANES == 8
#define EACH_LANE(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#elif LANES == 16
#define EACH_LANE(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), \
    f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
#endif
#ifdef __clang__
#define SHUFFLE(a, b, f) __builtin_shufflevector(a, b, EACH_LANE(f))
#else
#define SHUFFLE(a, b, f) __builtin_shuffle(a, b, (ivec){EACH_LANE(f)})
#endif
#define LANE(i) i
#define ZIP_LOW(i) ((i) / 2 + (i) % 2 * LANES)
#define ZIP_HIGH(i) (((i) + LANES) / 2 + (i) % 2 * LANES)
#define SWAP_1(i) ((i) ^ 1)
#define SWAP_2(i) ((i) ^ 2)
#define SWAP_4(i) ((i) ^ 4)
#define SWAP_8(i) ((i) ^ 8)

INLINE vec load(const real *x) { return *(const vec *)x; }
INLINE void store(real *x, vec v) { *(vec *)x = v; }
INLINE vec spread(real x) { return x - (vec){0}; }
INLINE vec choose_lanes(ivec mask, vec yes, vec no) {
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/* Sums of `group` neighbouring lanes (a power of two), each in every lane of its group. */
INLINE vec group_sum(vec v, int group) {
    if (group > 1) v += SHUFFLE(v, v, SWAP_1);
#if LANES > 2
    if (group > 2) v += SHUFFLE(v, v, SWAP_2);
#endif
#if LANES > 4
    if (group > 4) v += SHUFFLE(v, v, SWAP_4);
#endif
#if LANES > 8
    if (group > 8) v += SHUFFLE(v, v, SWAP_8);
#endif
    return v;
}
INLINE vec lane_sum(vec v) { return group_sum(v, LANES); }
INLINE vec larger(vec a, vec b) { return choose_lanes(a > b, a, b); }
INLINE vec lane_max(vec v) {
    v = larger(v, SHUFFLE(v, v, SWAP_1));
#if LANES > 2
    v = larger(v, SHUFFLE(v, v, SWAP_2));
#endif
#if LANES > 4
    v = larger(v, SHUFFLE(v, v, SWAP_4));
#endif
#if LANES > 8
    v = larger(v, SHUFFLE(v, v, SWAP_8));
#endif
    return v;
}

/* --- exp and log of our own: about an ulp, no library, the same in every build --- */

#ifdef GLASS_FLOAT32
#define MANTISSA 23
#define BIAS 127
#define ROUNDER 0x1.8p23f             /* adding it leaves the nearest integer in the low bits */
#define LN2_HIGH 0x1.62e400p-1f       /* ln 2 in two parts: the first has room for a factor k */
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_ZERO (-87.0f)             /* exp is taken as 0 below: a denormal would be slow */
#define LOSS_LIMIT (-INFINITE)        /* none: a healthy run can come to a p that is 0 here */
#define EXP_TERMS 8
#define LOG_TERMS 6
#define SQRT_HALF_BITS 0x3f3504f3
#define TINY 1e-33f
#define SQRT(x) __builtin_sqrtf(x)
#else
#define MANTISSA 52
#define BIAS 1023
#define ROUNDER 0x1.8p52
#define LN2_HIGH 0x1.62e42fefa0000p-1
#define LN2_LOW 0x1.cf79abc9e3b39p-40
#define EXP_ZERO (-708.0)
#define LOSS_LIMIT (-745.13)          /* where the reference's p is 0 and its loss infinite */
#define EXP_TERMS 13
#define LOG_TERMS 11
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#define TINY 1e-300
#define SQRT(x) __builtin_sqrt(x)
#endif
#define INFINITE ((real)__builtin_inf())

/* exp(x) = 2^k exp(r), r = x - k ln 2 in [-0.35, 0.35], with Taylor's series for exp(r). x <= 0. */
INLINE vec exp_vec(vec x) {
    static const real inverse_factorial[] = {
        1, 1, 1 / 2., 1 / 6., 1 / 24., 1 / 120., 1 / 720., 1 / 5040., 1 / 40320., 1 / 362880.,
        1 / 3628800., 1 / 39916800., 1 / 479001600.};
    ivec zero = x < (real)EXP_ZERO;
    vec shifted = x * (real)1.4426950408889634074 + ROUNDER; /* k in the low bits */
    vec k = shifted - ROUNDER;
    vec r = (x - k * LN2_HIGH) - k * LN2_LOW;
    vec series = spread(inverse_factorial[EXP_TERMS - 1]);
    UNROLL for (int i = EXP_TERMS - 2; i >= 0; i--) series = series * r + inverse_factorial[i];
    vec power = (vec)(((ivec)shifted + BIAS) << MANTISSA);
    return (vec)((ivec)(series * power) & ~zero);
}

/* log(x) = k ln 2 + log(f), f in [sqrt(1/2), sqrt(2)), log(f) = 2 artanh(s), s = (f - 1) / (f + 1).
 * x is positive, finite and not denormal. */
INLINE vec log_vec(vec x) {
    ivec k = ((ivec)x - (bits)SQRT_HALF_BITS) >> MANTISSA;
    vec f = (vec)((ivec)x - (k << MANTISSA));
    vec s = (f - 1) / (f + 1), s2 = s * s;
    vec series = spread((real)1 / (2 * LOG_TERMS - 1));
    UNROLL for (int i = LOG_TERMS - 2; i >= 0; i--) series = series * s2 + (real)(1. / (2 * i + 1));
    vec exponent = __builtin_convertvector(k, vec);
    return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * series);
}
