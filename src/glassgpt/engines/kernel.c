/* GlassGPT's kernel: training and generation of the reference's model, as fast as we can make them.
 *
 * One source, many builds: the vector width (VECTOR_BYTES), the number format (GLASS_FLOAT32) and
 * threads (GLASS_NO_THREADS) are chosen by the compiler's command line; the same file becomes the
 * shared libraries behind engines/native.py and the WebAssembly behind the explorer.
 *
 * The plan. A step treats all positions of a document at once: a matrix of activations has a row
 * for each position, so every linear layer, forward and backward, and the heart of attention is the
 * one function `product`. Rows are padded with zeros to whole vectors. Forward needs the weights
 * transposed, backward needs them as they are: both are kept, and a weight is transposed again as
 * it is updated. Nothing is allocated inside a step, and a handle owns all its memory, so handles
 * do not disturb each other.
 *
 * Names follow reference.py; d_x is the derivative of the loss with respect to x. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef GLASS_NO_THREADS
typedef int shared_int;
#else
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
typedef atomic_int shared_int;
#endif

#ifdef _WIN32
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

/* --- Vectors: LANES numbers that are worked on at once ------------------------------------------ */

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

/* --- exp and log of our own: vectors, about an ulp, the same in every build ---------------------- */

#ifdef GLASS_FLOAT32
#define MANTISSA 23
#define BIAS 127
#define ROUNDER 0x1.8p23f             /* adding it leaves the nearest integer in the low bits */
#define LN2_HIGH 0x1.62e400p-1f       /* ln 2 in two parts: the first has room for a factor k */
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_ZERO (-87.0f)             /* exp is taken as 0 below: a denormal would be slow */
#define LOSS_LIMIT (-103.97f)         /* where the exact exp rounds to 0 and the loss to infinity */
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
#define LOSS_LIMIT (-745.13)
#define EXP_TERMS 13
#define LOG_TERMS 11
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#define TINY 1e-300
#define SQRT(x) __builtin_sqrt(x)
#endif
#define INFINITE ((real)__builtin_inf())

/* exp(x) = 2^k exp(r) with r = x - k ln 2 in [-0.35, 0.35] and Taylor's series for exp(r). x <= 0. */
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

/* --- Matrices ----------------------------------------------------------------------------------- */

static int padded(int n, int unit) { return (n + unit - 1) / unit * unit; }
static int min_int(int a, int b) { return a < b ? a : b; }

/* The distance between rows: whole vectors, and not a multiple of a kilobyte, which would put the
 * rows of a column all in the same few places of the cache. */
static int row_stride(int cols) {
    int stride = padded(cols, LANES);
    return stride * REAL_BYTES % 1024 ? stride : stride + LANES;
}

/* sum[r][c] += sum over k of a[r * a_row + k * a_col] * b[k][c] for a few rows and vectors, kept in
 * registers: the heart of the kernel. `rows` and `vecs` are constants once this is inlined. */
INLINE void multiply(vec sum[][2], int rows, int vecs, int inner, const real *a, int a_row,
                     int a_col, const real *b, int b_stride) {
    for (int k = 0; k < inner; k++, a += a_col, b += b_stride) {
        vec right[2];
        UNROLL for (int c = 0; c < vecs; c++) right[c] = load(b + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            vec left = spread(a[r * (ptrdiff_t)a_row]);
            UNROLL for (int c = 0; c < vecs; c++) sum[r][c] += left * right[c];
        }
    }
}

/* A tile of `product`. */
INLINE void tile(int rows, int vecs, int inner, real *y, int y_stride, const real *a, int a_row,
                 int a_col, const real *b, int b_stride, int add) {
    vec sum[TILE_ROWS][2];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < vecs; c++)
            sum[r][c] = add ? load(y + r * (ptrdiff_t)y_stride + c * LANES) : (vec){0};
    multiply(sum, rows, vecs, inner, a, a_row, a_col, b, b_stride);
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < vecs; c++)
            store(y + r * (ptrdiff_t)y_stride + c * LANES, sum[r][c]);
}

/* y[r][c] (+)= sum over k of a[r * a_row + k * a_col] * b[k][c].
 *
 * The two strides of a let it be read as it is or transposed, so this serves x W', d_y W and d_y' x.
 * Columns are rounded up to whole vectors: y and b must have room for that. Never inlined: the few
 * copies of `tile` then stay in the instruction cache. */
static __attribute__((noinline)) void product(int rows, int cols, int inner, real *y, int y_stride,
                                              const real *a, int a_row, int a_col, const real *b,
                                              int b_stride, int add) {
    int tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (int c = 0; c < cols;) {
        int vecs = c + LANES < cols ? 2 : 1;
        /* Rows are dealt out evenly: 9 as 5 + 4, since 8 + 1 would leave one row to wait alone. */
        for (int i = 0, r = 0; i < tiles; i++) {
            int height = (rows - r + tiles - i - 1) / (tiles - i);
            real *to = y + r * (ptrdiff_t)y_stride + c;
            const real *from = a + r * (ptrdiff_t)a_row;
            r += height;
#define TILE(n) \
    case n: \
        if (vecs == 2) tile(n, 2, inner, to, y_stride, from, a_row, a_col, b + c, b_stride, add); \
        else tile(n, 1, inner, to, y_stride, from, a_row, a_col, b + c, b_stride, add); \
        break;
            switch (height) {
                TILE(1) TILE(2) TILE(3) TILE(4)
#if TILE_ROWS > 4
                TILE(5) TILE(6) TILE(7) TILE(8)
#endif
            }
        }
        c += vecs * LANES;
    }
}

/* y[c][r] = x[r][c] for c < cols. Rows are rounded up to whole vectors: x is read, and y written,
 * that far. A square of LANES x LANES is transposed by zipping its upper half with its lower half,
 * row by row, log2(LANES) times, as a perfect shuffle of cards. */
static void transpose(real *y, int y_stride, const real *x, int x_stride, int rows, int cols) {
    for (int r = 0; r < rows; r += LANES)
        for (int c = 0; c < cols; c += LANES) {
            vec a[LANES], b[LANES];
            UNROLL for (int i = 0; i < LANES; i++) a[i] = load(x + (r + i) * (ptrdiff_t)x_stride + c);
            UNROLL for (int round = 1; round < LANES; round *= 2) {
                UNROLL for (int i = 0; i < LANES / 2; i++) {
                    b[2 * i] = SHUFFLE(a[i], a[i + LANES / 2], ZIP_LOW);
                    b[2 * i + 1] = SHUFFLE(a[i], a[i + LANES / 2], ZIP_HIGH);
                }
                UNROLL for (int i = 0; i < LANES; i++) a[i] = b[i];
            }
            UNROLL for (int i = 0; i < LANES; i++)
                if (c + i < cols) store(y + (c + i) * (ptrdiff_t)y_stride + r, a[i]);
        }
}

/* --- The model ---------------------------------------------------------------------------------- */

/* A batch is cut into shards, and a shard into passes, by rules that know nothing of threads; each
 * shard has gradients of its own, and they are added in a fixed order. So the numbers are the same
 * for any number of threads. */
enum { MAX_SHARDS = 8, MAX_THREADS = 64, ROWS_PER_PASS = 64 };
enum { FEW_POSITIONS = 20, LEARN_ROWS = 2 }; /* see learn */

/* Where a matrix lives: its rows in p, m, v and gradients, its transposed copy in wt. */
typedef struct {
    int rows, cols, stride, t_stride; /* t_stride is 0 where no transposed copy is needed */
    size_t at, t_at;
} Matrix;

enum { WTE, WPE, LM_HEAD, LAYERS };                      /* matrices in canonical order, then */
enum { ATTN_WQKV, ATTN_WO, MLP_FC1, MLP_FC2, PER_LAYER }; /* those of each layer: q, k, v as one */

/* What Adam needs in one step, in every lane; rest = 1 - beta. */
typedef struct {
    vec rate, beta1, beta2, rest1, rest2, eps;
} Adam;

/* What a layer's backward pass needs of its forward pass; rows are positions. */
typedef struct {
    real *attn_norm, *attn_scale, *qkv, *weights, *attn_out, *mlp_norm, *mlp_scale, *hidden;
} Saved;

/* The activations of one pass over some documents. Each thread has its own. */
typedef struct {
    void *memory;
    real *x, *emb_norm, *emb_scale, *logits, *score, *total;
    real *d_x, *d_norm, *d_qkv, *d_hidden, *d_weights, *columns, *d_columns, *panel;
    Saved *layers;
    int *starts; /* first row of each document */
    /* What backward does with a gradient: update at once, or store it or add it to `grads`. */
    const Adam *adam;
    real *grads;
    int add;
} Work;

typedef struct Glass {
    int vocab_size, n_layer, n_embd, n_head, block_size, head_dim;
    int x_stride, qkv_stride, hidden_stride, vocab_stride;
    int docs_per_pass, step;
    Matrix *matrices;
    size_t size, t_size; /* numbers in p, and in wt */
    real *p, *m, *v, *wt;
    void *memory;
    /* Grown by a call that needs more. */
    Work work[MAX_THREADS];
    int works, max_positions, shards;
    real *grads; /* one of `size` for each shard of a batch */
    void *grads_memory;
} Glass;

/* AddressSanitizer is told to trip over what lies between two pieces of memory. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { FENCE = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) ((void)0)
enum { FENCE = 0 };
#endif

/* Hands out pieces of one block of zeros. With no block it only counts; as a double, so that no
 * product of sizes can overflow. */
typedef struct {
    char *block;
    double used;
} Arena;

static void *take(Arena *arena, double count, size_t size) {
    char *piece = arena->block ? arena->block + (size_t)arena->used : NULL;
    double bytes = count * (double)size;
    if (piece) ASAN_POISON_MEMORY_REGION(piece + (size_t)bytes, FENCE);
    arena->used += bytes + FENCE + 63;
    arena->used -= (double)((uint64_t)arena->used % 64);
    return piece;
}

/* A block aligned to 64 bytes; *memory is what to free. NULL if there is not that much. */
static char *new_block(double bytes, void **memory) {
    char *block = bytes < (double)(SIZE_MAX / 4) ? calloc((size_t)bytes + 64, 1) : NULL;
    *memory = block;
    return block ? block + (64 - (uintptr_t)block % 64) : NULL;
}

static int n_matrices(const Glass *g) { return LAYERS + PER_LAYER * g->n_layer; }
static const Matrix *layer_matrix(const Glass *g, int layer, int which) {
    return g->matrices + LAYERS + PER_LAYER * layer + which;
}

static void lay_out_model(Glass *g, Arena *arena) {
    int n = n_matrices(g), e = g->n_embd;
    double at = 0, t_at = 0;
    g->matrices = take(arena, n, sizeof(Matrix));
    for (int i = 0; i < n; i++) {
        int which = (i - LAYERS) % PER_LAYER;
        Matrix matrix = {i == WPE ? g->block_size : g->vocab_size, e, 0, 0, 0, 0};
        if (i >= LAYERS) {
            matrix.rows = which == ATTN_WQKV ? 3 * e : which == MLP_FC1 ? 4 * e : e;
            matrix.cols = which == MLP_FC2 ? 4 * e : e;
        }
        matrix.stride = row_stride(matrix.cols);
        /* attn_wqkv has a vector to spare: see attention_backward. */
        int spare = i >= LAYERS && which == ATTN_WQKV ? LANES : 0;
        if (i >= LM_HEAD) matrix.t_stride = row_stride(matrix.rows + spare);
        matrix.at = (size_t)at, matrix.t_at = (size_t)t_at;
        at += (double)padded(matrix.rows, LANES) * matrix.stride;
        t_at += (double)matrix.cols * matrix.t_stride;
        if (arena->block) g->matrices[i] = matrix;
    }
    g->size = (size_t)at, g->t_size = (size_t)t_at;
    g->p = take(arena, at, sizeof(real)), g->m = take(arena, at, sizeof(real));
    g->v = take(arena, at, sizeof(real)), g->wt = take(arena, t_at, sizeof(real));
}

static void lay_out_work(const Glass *g, Work *w, Arena *arena, int positions) {
    double rows = padded(g->docs_per_pass * positions, LANES) + BLOCK;
    int across = padded(positions, BLOCK), columns = padded(g->n_embd, LANES) + LANES;
    double weights = (double)g->n_head * positions * across;
#define ROWS(width) take(arena, rows * (width), sizeof(real))
    w->layers = take(arena, g->n_layer, sizeof(Saved));
    w->starts = take(arena, g->docs_per_pass + 1, sizeof(int));
    for (int i = 0; i < g->n_layer; i++) {
        Saved s = {ROWS(g->x_stride), ROWS(1), ROWS(g->qkv_stride),
                   take(arena, weights * g->docs_per_pass, sizeof(real)),
                   ROWS(g->x_stride), ROWS(g->x_stride), ROWS(1), ROWS(g->hidden_stride)};
        if (arena->block) w->layers[i] = s;
    }
    w->x = ROWS(g->x_stride), w->emb_norm = ROWS(g->x_stride), w->emb_scale = ROWS(1);
    w->logits = ROWS(g->vocab_stride), w->score = ROWS(1), w->total = ROWS(1);
    w->d_x = ROWS(g->x_stride), w->d_norm = ROWS(g->x_stride), w->d_qkv = ROWS(g->qkv_stride);
    w->d_hidden = ROWS(g->hidden_stride), w->d_weights = take(arena, weights, sizeof(real));
    w->columns = take(arena, (double)columns * across, sizeof(real));
    w->d_columns = take(arena, (double)columns * across, sizeof(real));
    w->panel = take(arena, (double)BLOCK * g->hidden_stride, sizeof(real));
#undef ROWS
}

/* --- Forward ------------------------------------------------------------------------------------ */

/* A batch of documents as flat token ids; document i is tokens[offsets[i]] to [offsets[i + 1] - 1]. */
typedef struct {
    const int32_t *tokens, *offsets;
} Documents;

static int predictions(const Glass *g, Documents docs, int i) {
    return min_int(docs.offsets[i + 1] - docs.offsets[i] - 1, g->block_size);
}

/* y = x / rms(x) for each row; the factor is kept for the way back. */
static void rmsnorm(const Glass *g, real *y, real *scale, const real *x, int rows) {
    for (int t = 0; t < rows; t++, x += g->x_stride, y += g->x_stride) {
        vec squares = {0};
        for (int i = 0; i < g->n_embd; i += LANES) squares += load(x + i) * load(x + i);
        scale[t] = 1 / SQRT(lane_sum(squares)[0] / g->n_embd + (real)1e-5);
        for (int i = 0; i < g->n_embd; i += LANES) store(y + i, scale[t] * load(x + i));
    }
}

/* Scores w[key][query] of one head for BLOCK queries become attention weights. The lanes are
 * queries, so largest and total need no sum across lanes. No query sees a later key. */
static void causal_softmax(real *w, int stride, int keys, int first_query, real scale) {
    for (int c = 0; c < BLOCK; c += LANES, w += LANES) {
        ivec query = (ivec){EACH_LANE(LANE)} + (bits)(first_query + c);
        vec largest = spread(-INFINITE), total = {0};
        for (int key = 0; key < keys; key++) {
            vec score = choose_lanes(query >= (bits)key, load(w + key * (ptrdiff_t)stride) * scale,
                               spread(-INFINITE));
            store(w + key * (ptrdiff_t)stride, score);
            largest = larger(score, largest);
        }
        for (int key = 0; key < keys; key++) {
            vec e = exp_vec(load(w + key * (ptrdiff_t)stride) - largest);
            store(w + key * (ptrdiff_t)stride, e);
            total += e;
        }
        total = 1 / total;
        for (int key = 0; key < keys; key++) {
            real *weight = w + key * (ptrdiff_t)stride;
            store(weight, load(weight) * total);
        }
    }
}

/* One document's attention, n positions: out[t] = for each head, sum over s <= t of w[s][t] v[s]. */
static void attention(const Glass *g, const Work *work, const real *qkv, real *weights, real *out,
                      int n) {
    int e = g->n_embd, d = g->head_dim, stride = g->qkv_stride, across = padded(n, BLOCK);
    real scale = 1 / SQRT((real)d);
    real *q_columns = work->columns, *out_columns = work->d_columns;
    transpose(q_columns, across, qkv, stride, n, e);
    for (int h = 0; h < g->n_head; h++, weights += (size_t)n * across) {
        const real *k = qkv + e + h * d, *v = qkv + 2 * e + h * d;
        for (int t = 0; t < n; t += BLOCK) { /* BLOCK queries; they see this many keys: */
            int keys = min_int(n, t + BLOCK);
            real *w = weights + t;
            product(keys, BLOCK, d, w, across, k, stride, 1,
                    q_columns + (size_t)h * d * across + t, across, 0);
            causal_softmax(w, across, keys, t, scale);
            product(d, BLOCK, keys, out_columns + (size_t)h * d * across + t, across, v, 1, stride,
                    w, across, 0);
        }
    }
    transpose(out, g->x_stride, out_columns, across, e, n);
}

/* y (+)= x W' for some rows of activations. */
static void linear(const Glass *g, const Matrix *w, real *y, int y_stride, const real *x,
                   int x_stride, int rows, int add) {
    product(rows, w->rows, w->cols, y, y_stride, x, x_stride, 1, g->wt + w->t_at, w->t_stride, add);
}

/* Logits of every position of some documents; returns the number of rows. */
static int forward(const Glass *g, Work *w, Documents docs, int first, int count) {
    int n = 0, xs = g->x_stride;
    const real *wte = g->p + g->matrices[WTE].at, *wpe = g->p + g->matrices[WPE].at;
    for (int i = 0; i < count; i++) {
        const int32_t *token = docs.tokens + docs.offsets[first + i];
        w->starts[i] = n;
        for (int t = 0; t < predictions(g, docs, first + i); t++, n++)
            for (int c = 0; c < g->n_embd; c += LANES)
                store(w->x + (size_t)n * xs + c,
                      load(wte + (size_t)token[t] * xs + c) + load(wpe + (size_t)t * xs + c));
    }
    w->starts[count] = n;
    rmsnorm(g, w->emb_norm, w->emb_scale, w->x, n);
    memcpy(w->x, w->emb_norm, (size_t)n * xs * sizeof(real));
    for (int i = 0; i < g->n_layer; i++) {
        const Matrix *layer = layer_matrix(g, i, 0);
        Saved *s = w->layers + i;
        rmsnorm(g, s->attn_norm, s->attn_scale, w->x, n);
        linear(g, layer + ATTN_WQKV, s->qkv, g->qkv_stride, s->attn_norm, xs, n, 0);
        real *weights = s->weights;
        for (int doc = 0; doc < count; doc++) {
            int row = w->starts[doc], length = w->starts[doc + 1] - row;
            attention(g, w, s->qkv + (size_t)row * g->qkv_stride, weights,
                      s->attn_out + (size_t)row * xs, length);
            weights += (size_t)g->n_head * length * padded(length, BLOCK);
        }
        linear(g, layer + ATTN_WO, w->x, xs, s->attn_out, xs, n, 1);
        rmsnorm(g, s->mlp_norm, s->mlp_scale, w->x, n);
        linear(g, layer + MLP_FC1, s->hidden, g->hidden_stride, s->mlp_norm, xs, n, 0);
        for (size_t c = 0; c < (size_t)n * g->hidden_stride; c += LANES)
            store(s->hidden + c, larger((vec){0}, load(s->hidden + c))); /* this way NaN stays */
        linear(g, layer + MLP_FC2, w->x, xs, s->hidden, g->hidden_stride, n, 1);
    }
    linear(g, g->matrices + LM_HEAD, w->logits, g->vocab_stride, w->x, xs, n, 0);
    return n;
}

/* The next vector of a row that has n numbers left; `fill` in the lanes beyond. */
INLINE vec load_part(const real *row, int n, real fill) {
    if (n >= LANES) return load(row);
    return choose_lanes((ivec){EACH_LANE(LANE)} < (bits)n, load(row), spread(fill));
}

/* e = exp(factor (z - largest)), 0 in the padding; returns the sum. */
INLINE real exp_row(real *e, const real *z, int n, real factor, real *largest) {
    vec top = spread(-INFINITE), total = {0};
    for (int i = 0; i < n; i += LANES) top = larger(load_part(z + i, n - i, -INFINITE), top);
    top = lane_max(top);
    for (int i = 0; i < n; i += LANES) {
        vec part = exp_vec((load_part(z + i, n - i, -INFINITE) - top) * factor);
        store(e + i, part);
        total += part;
    }
    *largest = top[0];
    return lane_sum(total)[0];
}

/* Logits become their gradient, (p - one_hot(target)) * share, and score the surprises -log p:
 * log(total) - (logit - largest). Where p is 0 or not a number, the surprise is infinite. */
static void cross_entropy(const Glass *g, Work *w, const int32_t *targets, int start, int n,
                          real share) {
    real *z = w->logits + (size_t)start * g->vocab_stride;
    for (int t = 0; t < n; t++, z += g->vocab_stride) {
        real largest, logit = z[targets[t]];
        real total = w->total[start + t] = exp_row(z, z, g->vocab_size, 1, &largest);
        int possible = logit - largest >= LOSS_LIMIT && total > 0;
        w->score[start + t] = possible ? logit - largest : -INFINITE;
        for (int i = 0; i < g->vocab_size; i += LANES) store(z + i, load(z + i) * (share / total));
        z[targets[t]] -= share;
    }
    for (int t = start; t < start + n; t += LANES) /* may run on: the next document comes later */
        store(w->score + t, log_vec(load(w->total + t)) - load(w->score + t));
}

/* Loss of each document of a pass, and the gradient of the logits of a batch of this size. */
static void losses_of_pass(const Glass *g, Work *w, Documents docs, int first, int count,
                           int batch_size, double *losses) {
    for (int i = 0; i < count; i++) {
        int start = w->starts[i], n = w->starts[i + 1] - start;
        double sum = 0;
        cross_entropy(g, w, docs.tokens + docs.offsets[first + i] + 1, start, n,
                      (real)(1.0 / ((double)n * batch_size)));
        for (int t = 0; t < n; t++) sum += (double)w->score[start + t];
        losses[i] = sum / n;
    }
}

/* --- Backward ----------------------------------------------------------------------------------- */

/* d_x (+)= scale (d_y - y mean(d_y y)), with y = scale x. */
static void rmsnorm_backward(const Glass *g, real *d_x, const real *d_y, const real *y,
                             const real *scale, int rows, int add) {
    for (int t = 0; t < rows; t++, d_x += g->x_stride, d_y += g->x_stride, y += g->x_stride) {
        vec sum = {0};
        for (int i = 0; i < g->n_embd; i += LANES) sum += load(d_y + i) * load(y + i);
        vec mean = lane_sum(sum) / (real)g->n_embd;
        for (int i = 0; i < g->n_embd; i += LANES) {
            vec d = scale[t] * (load(d_y + i) - mean * load(y + i));
            if (add) d += load(d_x + i);
            store(d_x + i, d);
        }
    }
}

/* d_w[key][query], the gradient of attention weights w, becomes that of the unscaled scores. */
static void softmax_backward(real *d_w, const real *w, int stride, int keys, real scale) {
    for (int c = 0; c < BLOCK; c += LANES) {
        vec sum = {0};
        for (int key = 0; key < keys; key++) {
            ptrdiff_t at = key * (ptrdiff_t)stride + c;
            sum += load(d_w + at) * load(w + at);
        }
        for (int key = 0; key < keys; key++) {
            ptrdiff_t at = key * (ptrdiff_t)stride + c;
            store(d_w + at, scale * load(w + at) * (load(d_w + at) - sum));
        }
    }
}

/* Narrow heads: a result of head_dim columns is written as whole vectors and so spills into the
 * columns to its right. Those are written later: first d_q, then d_k and d_v head by head. What the
 * last head spills goes into the spare vector at the end of the row. */
static void attention_backward(const Glass *g, const Work *work, real *d_qkv, const real *d_out,
                               const real *qkv, const real *weights, int n) {
    int e = g->n_embd, d = g->head_dim, stride = g->qkv_stride, across = padded(n, BLOCK);
    real scale = 1 / SQRT((real)d);
    real *out_columns = work->columns, *q_columns = work->d_columns;
    size_t per_head = (size_t)n * across;
    transpose(out_columns, across, d_out, g->x_stride, n, e);
    for (int h = 0; h < g->n_head; h++) {
        const real *k = qkv + e + h * d, *v = qkv + 2 * e + h * d;
        for (int t = 0; t < n; t += BLOCK) {
            int keys = min_int(n, t + BLOCK);
            real *d_w = work->d_weights + h * per_head + t;
            product(keys, BLOCK, d, d_w, across, v, stride, 1,
                    out_columns + (size_t)h * d * across + t, across, 0);
            softmax_backward(d_w, weights + h * per_head + t, across, keys, scale);
            product(d, BLOCK, keys, q_columns + (size_t)h * d * across + t, across, k, 1, stride,
                    d_w, across, 0);
        }
    }
    transpose(d_qkv, stride, q_columns, across, e, n);
    for (int h = 0; h < g->n_head; h++) /* d_k[s] = sum over t >= s of d_w[s][t] q[t] */
        for (int s = 0; s < n; s += BLOCK)
            product(min_int(BLOCK, n - s), d, n - s, d_qkv + (size_t)s * stride + e + h * d, stride,
                    work->d_weights + h * per_head + (size_t)s * across + s, across, 1,
                    qkv + (size_t)s * stride + h * d, stride, 0);
    for (int h = 0; h < g->n_head; h++) /* d_v[s] = sum over t >= s of w[s][t] d_out[t] */
        for (int s = 0; s < n; s += BLOCK)
            product(min_int(BLOCK, n - s), d, n - s, d_qkv + (size_t)s * stride + 2 * e + h * d,
                    stride, weights + h * per_head + (size_t)s * across + s, across, 1,
                    d_out + (size_t)s * g->x_stride + h * d, g->x_stride, 0);
}

INLINE vec sqrt_vec(vec x) {
    UNROLL for (int i = 0; i < LANES; i++) x[i] = SQRT(x[i]); /* compilers make it one instruction */
    return x;
}

/* Adam's update of one vector of weights. The corrections of m and v are inside rate and eps. */
INLINE void adam_update(real *restrict p, real *restrict m, real *restrict v, vec grad, Adam a) {
    vec new_m = a.beta1 * load(m) + a.rest1 * grad;
    vec new_v = a.beta2 * load(v) + a.rest2 * grad * grad;
    store(m, new_m);
    store(v, new_v);
    store(p, load(p) - a.rate * new_m / (sqrt_vec(new_v) + a.eps));
}

/* Some rows of a matrix have changed: transpose them again. */
static void transpose_rows(const Glass *g, const Matrix *w, int row, int rows) {
    if (w->t_stride)
        transpose(g->wt + w->t_at + row, w->t_stride, g->p + w->at + (size_t)row * w->stride,
                  w->stride, rows, w->cols);
}

/* Update up to BLOCK rows of a matrix with their gradient. */
static void update_rows(const Glass *g, const Matrix *w, int row, const real *grad,
                        const Adam *adam) {
    size_t at = w->at + (size_t)row * w->stride;
    real *restrict p = g->p + at, *restrict m = g->m + at, *restrict v = g->v + at;
    int rows = min_int(BLOCK, w->rows - row), stride = w->stride;
    Adam a = *adam;
    for (int r = 0; r < rows; r++)
        for (int c = r * stride; c < r * stride + w->cols; c += LANES)
            adam_update(p + c, m + c, v + c, load(grad + c), a);
    transpose_rows(g, w, row, rows);
}

/* The gradient of a few rows of a matrix, straight from registers into their update. */
INLINE void learn_tile(int rows, int vecs, real *restrict p, real *restrict m, real *restrict v,
                       int stride, const real *d_y, int d_stride, const real *x, int x_stride,
                       int n, Adam a) {
    vec grad[LEARN_ROWS][2];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < vecs; c++) grad[r][c] = (vec){0};
    multiply(grad, rows, vecs, n, d_y, 1, d_stride, x, x_stride);
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int c = 0; c < vecs; c++) {
            ptrdiff_t at = r * (ptrdiff_t)stride + c * LANES;
            adam_update(p + at, m + at, v + at, grad[r][c], a);
        }
}

static void learn_rows(const Glass *g, const Matrix *w, int row, int rows, const real *d_y,
                       int d_stride, const real *x, int x_stride, int n, const Adam *adam) {
    int stride = w->stride, cols = w->cols;
    size_t at = w->at + (size_t)row * stride;
    real *restrict p = g->p + at, *restrict m = g->m + at, *restrict v = g->v + at;
    Adam a = *adam;
#define LEARN(rows, vecs) \
    learn_tile(rows, vecs, p + r * stride + c, m + r * stride + c, v + r * stride + c, stride, \
               d_y + row + r, d_stride, x + c, x_stride, n, a)
    for (int c = 0; c < cols; c += 2 * LANES) {
        int r = 0, vecs = c + LANES < cols ? 2 : 1;
        if (vecs == 2) {
            for (; r + LEARN_ROWS <= rows; r += LEARN_ROWS) LEARN(LEARN_ROWS, 2);
            for (; r < rows; r++) LEARN(1, 2);
        } else {
            for (; r + LEARN_ROWS <= rows; r += LEARN_ROWS) LEARN(LEARN_ROWS, 1);
            for (; r < rows; r++) LEARN(1, 1);
        }
    }
#undef LEARN
    transpose_rows(g, w, row, rows);
}

/* The gradient of a matrix, d_W = d_y' x. Where it is the whole gradient of the step, it is made
 * and used a few rows at a time and never kept: the divisions and roots of Adam, which are slow,
 * then run beside multiplications that do not wait for them. */
static void learn(const Glass *g, const Work *work, const Matrix *w, const real *d_y, int d_stride,
                  const real *x, int x_stride, int n) {
    if (!work->adam) {
        product(w->rows, w->cols, n, work->grads + w->at, w->stride, d_y, 1, d_stride, x, x_stride,
                work->add);
        return;
    }
    for (int row = 0; row < w->rows; row += BLOCK) {
        int rows = min_int(BLOCK, w->rows - row);
        if (n <= FEW_POSITIONS) {
            learn_rows(g, w, row, rows, d_y, d_stride, x, x_stride, n, work->adam);
        } else { /* there the multiplications count for more: in large tiles */
            product(rows, w->cols, n, work->panel, w->stride, d_y + row, 1, d_stride, x, x_stride,
                    0);
            update_rows(g, w, row, work->panel, work->adam);
        }
    }
}

/* d_x = d_y W, before W changes. */
static void linear_backward(const Glass *g, const Matrix *w, real *d_x, int x_stride,
                            const real *d_y, int d_stride, int rows) {
    product(rows, w->cols, w->rows, d_x, x_stride, d_y, d_stride, 1, g->p + w->at, w->stride, 0);
}

static void embedding_backward(const Glass *g, const Work *w, Documents docs, int first, int count) {
    const Matrix *wte = g->matrices + WTE, *wpe = g->matrices + WPE;
    int xs = g->x_stride;
    if (!w->add) { /* both matrices: they are neighbours */
        size_t end = wpe->at + (size_t)wpe->rows * wpe->stride;
        memset(w->grads, 0, end * sizeof(real));
    }
    for (int i = 0; i < count; i++)
        for (int t = 0; t < w->starts[i + 1] - w->starts[i]; t++) {
            real *token = w->grads + (size_t)docs.tokens[docs.offsets[first + i] + t] * xs;
            real *position = w->grads + wpe->at + (size_t)t * xs;
            const real *d = w->d_norm + (size_t)(w->starts[i] + t) * xs;
            for (int c = 0; c < g->n_embd; c += LANES) {
                store(token + c, load(token + c) + load(d + c));
                store(position + c, load(position + c) + load(d + c));
            }
        }
    for (const Matrix *m = wte; w->adam && m <= wpe; m++)
        for (int row = 0; row < m->rows; row += BLOCK)
            update_rows(g, m, row, w->grads + m->at + (size_t)row * m->stride, w->adam);
}

/* From the gradient of the logits to that of every weight. */
static void backward(const Glass *g, Work *w, Documents docs, int first, int count) {
    int n = w->starts[count], xs = g->x_stride, hs = g->hidden_stride;
    linear_backward(g, g->matrices + LM_HEAD, w->d_x, xs, w->logits, g->vocab_stride, n);
    learn(g, w, g->matrices + LM_HEAD, w->logits, g->vocab_stride, w->x, xs, n);
    for (int i = g->n_layer - 1; i >= 0; i--) {
        const Matrix *layer = layer_matrix(g, i, 0);
        Saved *s = w->layers + i;
        linear_backward(g, layer + MLP_FC2, w->d_hidden, hs, w->d_x, xs, n);
        learn(g, w, layer + MLP_FC2, w->d_x, xs, s->hidden, hs, n);
        for (size_t c = 0; c < (size_t)n * hs; c += LANES)
            store(w->d_hidden + c,
                  (vec)((ivec)load(w->d_hidden + c) & (load(s->hidden + c) > (vec){0})));
        linear_backward(g, layer + MLP_FC1, w->d_norm, xs, w->d_hidden, hs, n);
        learn(g, w, layer + MLP_FC1, w->d_hidden, hs, s->mlp_norm, xs, n);
        rmsnorm_backward(g, w->d_x, w->d_norm, s->mlp_norm, s->mlp_scale, n, 1);

        linear_backward(g, layer + ATTN_WO, w->d_norm, xs, w->d_x, xs, n);
        learn(g, w, layer + ATTN_WO, w->d_x, xs, s->attn_out, xs, n);
        const real *weights = s->weights;
        for (int doc = 0; doc < count; doc++) {
            size_t row = (size_t)w->starts[doc];
            int length = w->starts[doc + 1] - w->starts[doc];
            attention_backward(g, w, w->d_qkv + row * g->qkv_stride, w->d_norm + row * xs,
                               s->qkv + row * g->qkv_stride, weights, length);
            weights += (size_t)g->n_head * length * padded(length, BLOCK);
        }
        linear_backward(g, layer + ATTN_WQKV, w->d_norm, xs, w->d_qkv, g->qkv_stride, n);
        learn(g, w, layer + ATTN_WQKV, w->d_qkv, g->qkv_stride, s->attn_norm, xs, n);
        rmsnorm_backward(g, w->d_x, w->d_norm, s->attn_norm, s->attn_scale, n, 1);
    }
    rmsnorm_backward(g, w->d_norm, w->d_x, w->emb_norm, w->emb_scale, n, 0);
    embedding_backward(g, w, docs, first, count);
}

/* --- Batches and threads ------------------------------------------------------------------------ */

enum { GLASS_OK = 0, GLASS_NO_MEMORY = -1, GLASS_BAD_ARGUMENT = -2 };

static int n_shards(const Glass *g, int batch_size) {
    int passes = (batch_size + g->docs_per_pass - 1) / g->docs_per_pass;
    return min_int(passes, MAX_SHARDS);
}

typedef struct {
    Glass *g;
    Documents docs;
    int steps, batch_size, shards, threads;
    const double *learning_rates;
    double beta1, beta2, eps, *losses, *doc_losses;
    volatile const int32_t *stop; /* set from outside to end the call between two passes */
    int done;                     /* steps whose loss has been written */
    shared_int stopped, started, arrived, round;
} Job;

typedef struct {
    Job *job;
    int index;
} Worker;

/* Wait for all threads of the job. A step takes microseconds, so spin before giving up the core. */
static void meet(Job *job) {
#ifndef GLASS_NO_THREADS
    if (job->threads == 1) return;
    int round = job->round;
    if (atomic_fetch_add(&job->arrived, 1) == job->threads - 1) {
        job->arrived = 0;
        job->round = round + 1;
        return;
    }
    for (int spins = 0; job->round == round; spins++)
        if (spins > 4000) sched_yield();
#else
    (void)job;
#endif
}

/* beta^n by repeated squaring. */
static double power(double beta, int n) {
    double result = 1;
    for (; n; n /= 2, beta *= beta)
        if (n % 2) result *= beta;
    return result;
}

/* rate (m / c1) / (sqrt(v / c2) + eps) = (rate sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2)), where c1
 * and c2 are the corrections of a step for the zeros that m and v started from. */
static Adam adam_of_step(const Job *job, int i, int step) {
    double correct_m = 1 - power(job->beta1, step);
    double correct_v = __builtin_sqrt(1 - power(job->beta2, step));
    return (Adam){spread((real)(job->learning_rates[i] * correct_v / correct_m)),
                  spread((real)job->beta1), spread((real)job->beta2),
                  spread((real)(1 - job->beta1)), spread((real)(1 - job->beta2)),
                  spread((real)(job->eps * correct_v))};
}

/* The moments of weights that are no longer trained (a letter that does not come up again) fade
 * until they are denormal numbers, which are slow: now and then, set such moments to 0. */
static void forget_tiny_moments(const Glass *g, int thread, int threads) {
    size_t share = (g->size / LANES + threads - 1) / threads * LANES;
    size_t end = share * (thread + 1) < g->size ? share * (thread + 1) : g->size;
    for (size_t i = share * thread; i < end; i += LANES) {
        vec m = load(g->m + i), v = load(g->v + i);
        store(g->m + i, choose_lanes((m > TINY) | (m < -TINY), m, (vec){0}));
        store(g->v + i, choose_lanes(v > TINY, v, (vec){0}));
    }
}

/* Loss and gradients of one shard, or both and the update if it is the only one. */
static void run_shard(Job *job, Work *w, int i, int shard, const Adam *adam) {
    Glass *g = job->g;
    int first = (int)((int64_t)job->batch_size * shard / job->shards);
    int last = (int)((int64_t)job->batch_size * (shard + 1) / job->shards);
    w->grads = g->grads + (size_t)shard * g->size;
    w->adam = adam;
    for (int doc = first; doc < last; doc += g->docs_per_pass) {
        if (job->stop && *job->stop) {
            job->stopped = 1;
            return;
        }
        int count = min_int(g->docs_per_pass, last - doc), at = i * job->batch_size + doc;
        forward(g, w, job->docs, at, count);
        losses_of_pass(g, w, job->docs, at, count, job->batch_size, job->doc_losses + doc);
        /* With a loss that is not finite no update is made: so none of this shard's gradients. */
        for (int d = doc; d < doc + count; d++)
            if (!(job->doc_losses[d] - job->doc_losses[d] == 0)) return;
        w->add = doc > first;
        backward(g, w, job->docs, at, count);
    }
}

static double mean_loss(const Job *job) {
    double sum = 0;
    for (int i = 0; i < job->batch_size; i++) sum += job->doc_losses[i];
    return sum / job->batch_size;
}

/* Add the shards' gradients up into the first, rows [row, row + BLOCK) of a matrix. */
static real *sum_shards(const Job *job, const Matrix *w, int row) {
    const Glass *g = job->g;
    size_t at = w->at + (size_t)row * w->stride, n = (size_t)min_int(BLOCK, w->rows - row) * w->stride;
    for (size_t i = 0; i < n; i += LANES) {
        vec sum = load(g->grads + at + i);
        for (int s = 1; s < job->shards; s++) sum += load(g->grads + s * g->size + at + i);
        store(g->grads + at + i, sum);
    }
    return g->grads + at;
}

/* This thread's share of the update: every so-many-th group of rows. */
static void update_share(const Job *job, int thread, const Adam *adam) {
    const Glass *g = job->g;
    int group = 0;
    for (int i = 0; i < n_matrices(g); i++)
        for (int row = 0; row < g->matrices[i].rows; row += BLOCK, group++)
            if (group % job->threads == thread) {
                const real *grad = sum_shards(job, g->matrices + i, row);
                if (adam) update_rows(g, g->matrices + i, row, grad, adam);
            }
}

static void *train_worker(void *argument) {
    const Worker *worker = argument;
    Job *job = worker->job;
    int thread = worker->index, step = job->g->step, alone = job->shards == 1;
#ifndef GLASS_NO_THREADS
    while (!job->started) sched_yield();
#endif
    for (int i = 0; i < job->steps; i++) {
        Adam adam = adam_of_step(job, i, step + i + 1);
        for (int shard = thread; shard < job->shards; shard += job->threads)
            run_shard(job, job->g->work + thread, i, shard, alone ? &adam : NULL);
        meet(job);
        if (job->stopped) break;
        double loss = mean_loss(job); /* each thread for itself: all decide alike */
        int finite = loss - loss == 0;
        if (finite && !alone) update_share(job, thread, &adam);
        if (thread == 0) {
            job->losses[i] = loss, job->done = i + 1;
            job->g->step += finite;
        }
        if (!finite) break;
        if ((step + i) % 64 == 0) {
            meet(job);
            forget_tiny_moments(job->g, thread, job->threads);
        }
        meet(job);
    }
    return NULL;
}

/* Run a job on its threads; with fewer if the system gives no more. They live for one call, so
 * that a process may fork between calls. */
static void run_job(Job *job) {
    Worker workers[MAX_THREADS];
    for (int i = 0; i < job->threads; i++) workers[i] = (Worker){job, i};
#ifdef GLASS_NO_THREADS
    train_worker(workers);
#else
    pthread_t ids[MAX_THREADS];
    int running = 1;
    while (running < job->threads &&
           pthread_create(ids + running, NULL, train_worker, workers + running) == 0)
        running++;
    job->threads = running;
    job->started = 1;
    train_worker(workers);
    for (int i = 1; i < running; i++) pthread_join(ids[i], NULL);
#endif
}

/* Make room for documents of so many positions, batches of so many shards, and threads. */
static int grow(Glass *g, int positions, int shards, int threads) {
    if (shards > g->shards) {
        void *memory;
        char *block = new_block((double)shards * (double)g->size * sizeof(real), &memory);
        if (!block) return GLASS_NO_MEMORY;
        free(g->grads_memory);
        g->grads_memory = memory, g->grads = (real *)block, g->shards = shards;
    }
    if (positions > g->max_positions) {
        while (g->works) free(g->work[--g->works].memory);
        g->max_positions = positions;
    }
    for (; g->works < threads; g->works++) {
        Work *w = g->work + g->works;
        Arena arena = {NULL, 0};
        lay_out_work(g, w, &arena, positions);
        arena = (Arena){new_block(arena.used, &w->memory), 0};
        if (!arena.block) return GLASS_NO_MEMORY;
        lay_out_work(g, w, &arena, g->max_positions);
    }
    return GLASS_OK;
}

static int most_predictions(const Glass *g, Documents docs, int n) {
    int most = 1;
    for (int i = 0; i < n; i++)
        if (predictions(g, docs, i) > most) most = predictions(g, docs, i);
    return most;
}

/* --- The library: models ------------------------------------------------------------------------
 *
 * Numbers cross as float64 in canonical order. Ids, offsets and sizes are not checked here: the
 * callers do that. A function that returns an int returns a negative code for a failure. */

API Glass *glass_create(int vocab_size, int n_layer, int n_embd, int n_head, int block_size) {
    Glass *g = calloc(1, sizeof(Glass));
    if (!g) return NULL;
    g->vocab_size = vocab_size, g->n_layer = n_layer, g->n_embd = n_embd;
    g->n_head = n_head, g->block_size = block_size, g->head_dim = n_embd / n_head;
    g->x_stride = row_stride(n_embd), g->hidden_stride = row_stride(4 * n_embd);
    g->qkv_stride = row_stride(3 * n_embd + LANES), g->vocab_stride = row_stride(vocab_size);
    g->docs_per_pass = block_size < ROWS_PER_PASS ? ROWS_PER_PASS / block_size : 1;
    Arena arena = {NULL, 0};
    lay_out_model(g, &arena);
    arena = (Arena){new_block(arena.used, &g->memory), 0};
    if (arena.block) lay_out_model(g, &arena);
    if (arena.block) return g;
    free(g);
    return NULL;
}

API void glass_free(Glass *g) {
    if (!g) return;
    while (g->works) free(g->work[--g->works].memory);
    free(g->grads_memory);
    free(g->memory);
    free(g);
}

static void import_numbers(const Glass *g, real *padded_rows, const double *flat) {
    for (const Matrix *w = g->matrices; w < g->matrices + n_matrices(g); w++)
        for (int r = 0; r < w->rows; r++)
            for (int c = 0; c < w->cols; c++)
                padded_rows[w->at + (size_t)r * w->stride + c] = (real)*flat++;
}

static void export_numbers(const Glass *g, double *flat, const real *padded_rows) {
    for (const Matrix *w = g->matrices; w < g->matrices + n_matrices(g); w++)
        for (int r = 0; r < w->rows; r++)
            for (int c = 0; c < w->cols; c++)
                *flat++ = (double)padded_rows[w->at + (size_t)r * w->stride + c];
}

/* Parameters, Adam's moments and the number of updates made. */
API void glass_import(Glass *g, const double *params, const double *m, const double *v, int step) {
    import_numbers(g, g->p, params);
    import_numbers(g, g->m, m);
    import_numbers(g, g->v, v);
    g->step = step;
    for (const Matrix *w = g->matrices + LM_HEAD; w < g->matrices + n_matrices(g); w++)
        transpose(g->wt + w->t_at, w->t_stride, g->p + w->at, w->stride, w->rows, w->cols);
}

API int glass_export(const Glass *g, double *params, double *m, double *v) {
    export_numbers(g, params, g->p);
    export_numbers(g, m, g->m);
    export_numbers(g, v, g->v);
    return g->step;
}

/* One update for each batch of batch_size documents. Returns the number of losses written: fewer
 * than `steps` if *stop (may be NULL) was set, or after a loss that is not finite. */
API int glass_train(Glass *g, const int32_t *tokens, const int32_t *offsets, int steps,
                    int batch_size, const double *learning_rates, double beta1, double beta2,
                    double eps, double *losses, int threads, volatile const int32_t *stop) {
    if (steps < 1 || batch_size < 1 || threads < 1) return GLASS_BAD_ARGUMENT;
    Job job = {.g = g, .docs = {tokens, offsets}, .steps = steps, .batch_size = batch_size,
               .learning_rates = learning_rates, .beta1 = beta1, .beta2 = beta2, .eps = eps,
               .losses = losses, .stop = stop};
    job.shards = n_shards(g, batch_size);
    job.threads = min_int(min_int(threads, MAX_THREADS), job.shards);
    job.doc_losses = calloc((size_t)batch_size, sizeof(double));
    int failure = !job.doc_losses ? GLASS_NO_MEMORY
                                  : grow(g, most_predictions(g, job.docs, steps * batch_size),
                                         job.shards, job.threads);
    if (!failure) run_job(&job);
    free(job.doc_losses);
    return failure ? failure : job.done;
}

/* Loss of one batch and its gradient, nothing updated; NaN for both if p of a target is 0. */
API int glass_loss_and_grads(Glass *g, const int32_t *tokens, const int32_t *offsets,
                             int batch_size, double *loss, double *grads) {
    Job job = {.g = g, .docs = {tokens, offsets}, .steps = 1, .batch_size = batch_size,
               .shards = n_shards(g, batch_size), .threads = 1};
    job.doc_losses = calloc((size_t)batch_size, sizeof(double));
    int failure = !job.doc_losses ? GLASS_NO_MEMORY
                                  : grow(g, most_predictions(g, job.docs, batch_size), job.shards, 1);
    if (!failure) {
        for (int shard = 0; shard < job.shards; shard++) run_shard(&job, g->work, 0, shard, NULL);
        update_share(&job, 0, NULL);
        *loss = mean_loss(&job);
        export_numbers(g, grads, g->grads);
    }
    free(job.doc_losses);
    return failure;
}

/* -log p of each predicted token (nats), document after document. */
API int glass_surprises(Glass *g, const int32_t *tokens, const int32_t *offsets, int documents,
                        double *surprises) {
    Documents docs = {tokens, offsets};
    int failure = grow(g, most_predictions(g, docs, documents), 0, 1);
    if (failure) return failure;
    Work *w = g->work;
    for (int doc = 0; doc < documents; doc += g->docs_per_pass) {
        double losses[ROWS_PER_PASS];
        int count = min_int(g->docs_per_pass, documents - doc);
        int rows = forward(g, w, docs, doc, count);
        losses_of_pass(g, w, docs, doc, count, 1, losses);
        for (int t = 0; t < rows; t++) *surprises++ = (double)w->score[t];
    }
    return GLASS_OK;
}

/* --- Reading token by token, and writing --------------------------------------------------------- */

/* One reading of a text with a KV cache. It looks at its model's weights, so the model must outlive
 * it. */
typedef struct {
    const Glass *g;
    void *memory;
    int position;
    real *x, *norm, *qkv, *out, *hidden, *logits, *scores, *weights, *keys, *values;
    double *cumulative;
} Session;

static void lay_out_session(Session *s, Arena *arena) {
    const Glass *g = s->g;
    double layers = g->n_layer;
#define NUMBERS(n) take(arena, (double)(n) + BLOCK, sizeof(real))
    s->x = NUMBERS(g->x_stride), s->norm = NUMBERS(g->x_stride), s->qkv = NUMBERS(g->qkv_stride);
    s->out = NUMBERS(g->x_stride + LANES), s->hidden = NUMBERS(g->hidden_stride);
    s->logits = NUMBERS(g->vocab_stride), s->weights = NUMBERS(g->vocab_stride);
    s->scores = NUMBERS((double)g->block_size * LANES);
    s->keys = NUMBERS(layers * g->block_size * g->x_stride);
    s->values = NUMBERS(layers * g->block_size * g->x_stride);
    s->cumulative = take(arena, g->vocab_size, sizeof(double));
#undef NUMBERS
}

API Session *glass_session(const Glass *g) {
    Session *s = calloc(1, sizeof(Session));
    if (!s) return NULL;
    s->g = g;
    Arena arena = {NULL, 0};
    lay_out_session(s, &arena);
    arena = (Arena){new_block(arena.used, &s->memory), 0};
    if (arena.block) lay_out_session(s, &arena);
    if (arena.block) return s;
    free(s);
    return NULL;
}

API void glass_session_free(Session *s) {
    if (s) free(s->memory);
    free(s);
}

/* y = b' x for one row: `product` with the sum in four parts, for with a single row it would wait
 * for each addition in turn. */
INLINE void row_tile(int vecs, int inner, real *y, const real *x, const real *b, int b_stride,
                     int add) {
    vec sum[4][2];
    UNROLL for (int part = 0; part < 4; part++)
        UNROLL for (int c = 0; c < vecs; c++)
            sum[part][c] = add && part == 0 ? load(y + c * LANES) : (vec){0};
    int k = 0;
    for (; k + 4 <= inner; k += 4)
        UNROLL for (int part = 0; part < 4; part++)
            UNROLL for (int c = 0; c < vecs; c++)
                sum[part][c] += x[k + part] * load(b + (k + part) * (ptrdiff_t)b_stride + c * LANES);
    for (; k < inner; k++)
        UNROLL for (int c = 0; c < vecs; c++)
            sum[0][c] += x[k] * load(b + k * (ptrdiff_t)b_stride + c * LANES);
    UNROLL for (int c = 0; c < vecs; c++)
        store(y + c * LANES, (sum[0][c] + sum[1][c]) + (sum[2][c] + sum[3][c]));
}

static void row_product(int cols, int inner, real *y, const real *x, const real *b, int b_stride,
                        int add) {
    int c = 0;
    for (; c + LANES < cols; c += 2 * LANES) row_tile(2, inner, y + c, x, b + c, b_stride, add);
    if (c < cols) row_tile(1, inner, y + c, x, b + c, b_stride, add);
}

static void row_linear(const Glass *g, const Matrix *w, real *y, const real *x, int add) {
    row_product(w->rows, w->cols, y, x, g->wt + w->t_at, w->t_stride, add);
}

/* Attention of one query over n positions for `cols` of its columns: a head, whose score is the sum
 * of all lanes; or a vector of narrow heads, whose scores are sums of `group` lanes each. A score
 * stands in all the lanes it belongs to, and so do the weights it becomes. */
INLINE void attend(const real *q, const real *keys, const real *values, real *out, real *scores,
                   int stride, int n, int cols, int group, real scale) {
    vec largest = spread(-INFINITE), total = {0};
    for (int s = 0; s < n; s++) {
        vec score = {0};
        for (int c = 0; c < cols; c += LANES)
            score += load_part(q + c, cols - c, 0) * load(keys + s * (ptrdiff_t)stride + c);
        score = group_sum(score, group) * scale;
        store(scores + s * LANES, score);
        largest = larger(score, largest);
    }
    for (int s = 0; s < n; s++) {
        vec e = exp_vec(load(scores + s * LANES) - largest);
        store(scores + s * LANES, e);
        total += e;
    }
    total = 1 / total;
    for (int c = 0; c < cols; c += LANES) {
        vec sum = {0};
        for (int s = 0; s < n; s++)
            sum += load(scores + s * LANES) * load(values + s * (ptrdiff_t)stride + c);
        store(out + c, sum * total); /* spills, as in attention_backward */
    }
}

/* All heads of one query. */
static void attend_heads(const Glass *g, const Session *s, const real *keys, const real *values,
                         int n) {
    int e = g->n_embd, d = g->head_dim, stride = g->x_stride;
    real scale = 1 / SQRT((real)d);
#define ATTEND(c, cols, group) \
    attend(s->qkv + c, keys + c, values + c, s->out + c, s->scores, stride, n, cols, group, scale)
    if (d < LANES && (d & (d - 1)) == 0)
        for (int c = 0; c < e; c += LANES) ATTEND(c, LANES, d);
    else
        for (int c = 0; c < e; c += d) ATTEND(c, d, LANES);
#undef ATTEND
}

/* Read a token at the session's position; leaves the logits for the next one. */
static void read_token(Session *s, int token) {
    const Glass *g = s->g;
    int e = g->n_embd, stride = g->x_stride, t = s->position++;
    real scale;
    const real *wte = g->p + g->matrices[WTE].at + (size_t)token * stride;
    const real *wpe = g->p + g->matrices[WPE].at + (size_t)t * stride;
    for (int c = 0; c < e; c += LANES) store(s->x + c, load(wte + c) + load(wpe + c));
    rmsnorm(g, s->x, &scale, s->x, 1);
    for (int i = 0; i < g->n_layer; i++) {
        const Matrix *layer = layer_matrix(g, i, 0);
        real *keys = s->keys + (size_t)i * g->block_size * stride, *key = keys + (size_t)t * stride;
        real *values = s->values + (keys - s->keys), *value = s->values + (key - s->keys);
        rmsnorm(g, s->norm, &scale, s->x, 1);
        row_linear(g, layer + ATTN_WQKV, s->qkv, s->norm, 0);
        for (int c = 0; c < e; c += LANES) {
            store(key + c, load_part(s->qkv + e + c, e - c, 0));
            store(value + c, load_part(s->qkv + 2 * e + c, e - c, 0));
        }
        attend_heads(g, s, keys, values, t + 1);
        row_linear(g, layer + ATTN_WO, s->x, s->out, 1);
        rmsnorm(g, s->norm, &scale, s->x, 1);
        row_linear(g, layer + MLP_FC1, s->hidden, s->norm, 0);
        for (int c = 0; c < 4 * e; c += LANES)
            store(s->hidden + c, larger((vec){0}, load(s->hidden + c))); /* this way NaN stays */
        row_linear(g, layer + MLP_FC2, s->x, s->hidden, 1);
    }
    row_linear(g, g->matrices + LM_HEAD, s->logits, s->x, 0);
}

/* Read one more token: the logits for the one after it. At most block_size tokens fit. */
API void glass_feed(Session *s, int token, double *logits) {
    read_token(s, token);
    for (int i = 0; i < s->g->vocab_size; i++) logits[i] = (double)s->logits[i];
}

/* Leave the k largest weights, of equals the first, and set the others to 0. */
static void keep_top(real *weights, double *kept, int n, int k) {
    for (int i = 0; i < n; i++) kept[i] = 0;
    for (; k > 0; k--) {
        int best = 0;
        for (int i = 1; i < n; i++)
            if (weights[i] > weights[best]) best = i;
        kept[best] = (double)weights[best];
        weights[best] = -1;
    }
    for (int i = 0; i < n; i++) weights[i] = (real)kept[i];
}

/* What random.choices of Python does with these weights and this number from [0, 1). */
static int choose(const real *weights, double *cumulative, int n, double uniform) {
    double sum = 0;
    for (int i = 0; i < n; i++) cumulative[i] = sum += (double)weights[i];
    double point = uniform * sum;
    int index = 0;
    for (int i = 0; i < n - 1; i++) index += cumulative[i] <= point;
    return index;
}

/* Write `names` texts, each after the prompt (BOS first): draw until BOS or a full context.
 *
 * Takes one of the uniforms a token, in order. Text i is written to out[i * block_size], the BOS
 * that ended it included, lengths[i] tokens; log_probs[i] (may be NULL) is its log-probability at
 * temperature 1. Temperature 0 is greedy and takes no uniforms. A top_k of 0 means all. Returns the
 * number of texts finished before the uniforms were used up; *used is how many of them it took. */
API int glass_generate(Session *s, const int32_t *prompt, int prompt_length, int bos, int names,
                       double temperature, int top_k, const double *uniforms, int n_uniforms,
                       int32_t *out, int32_t *lengths, double *log_probs, int *used) {
    const Glass *g = s->g;
    int n = g->vocab_size, room = g->block_size - prompt_length + 1;
    size_t bytes = (size_t)g->vocab_stride * sizeof(real);
    real factor = temperature > 1e-30 ? (real)(1 / temperature) : (real)1e30, largest;
    /* Every text begins alike: read the prompt once, and keep what it says about the next token. */
    s->position = 0;
    for (int i = 0; i < prompt_length; i++) read_token(s, prompt[i]);
    real *after_prompt = malloc(bytes);
    if (!after_prompt) return GLASS_NO_MEMORY;
    memcpy(after_prompt, s->logits, bytes);
    int name = 0;
    for (*used = 0; name < names; name++) {
        int taken = *used, length = 0, token = -1;
        double log_prob = 0;
        s->position = prompt_length;
        while (token != bos && length < room) {
            if (length) read_token(s, token);
            const real *logits = length ? s->logits : after_prompt;
            exp_row(s->weights, logits, n, factor, &largest);
            if (top_k > 0 && top_k < n) keep_top(s->weights, s->cumulative, n, top_k);
            if (temperature == 0)
                for (token = 0; logits[token] != largest && token < n - 1;) token++;
            else if (taken < n_uniforms)
                token = choose(s->weights, s->cumulative, n, uniforms[taken++]);
            else
                goto out_of_uniforms;
            if (log_probs) {
                vec sum = spread(exp_row(s->weights, logits, n, 1, &largest));
                log_prob += (double)(logits[token] - largest - log_vec(sum)[0]);
            }
            out[name * (size_t)g->block_size + length++] = token;
        }
        lengths[name] = length, *used = taken;
        if (log_probs) log_probs[name] = log_prob;
    }
out_of_uniforms:
    free(after_prompt);
    return name;
}

/* The highest x86-64 level that processor and operating system can run: 0 for v2, 1 for v3, 2 for
 * v4. Elsewhere there is one level, 0. */
API int glass_cpu_level(void) {
#ifdef __x86_64__
    unsigned a, b, c, d, extra, saved, high;
    unsigned fma_movbe_osxsave_avx_f16c = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
    unsigned bmi1_avx2_bmi2 = 1u << 3 | 1u << 5 | 1u << 8, lzcnt = 1u << 5;
    unsigned avx512_f_dq_cd_bw_vl = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if ((c & fma_movbe_osxsave_avx_f16c) != fma_movbe_osxsave_avx_f16c) return 0;
    if (!__get_cpuid(0x80000001, &a, &b, &extra, &d) || !(extra & lzcnt)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    /* Which registers the system saves when it switches threads: 6 the 256-bit ones, e0 the rest. */
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((b & bmi1_avx2_bmi2) != bmi1_avx2_bmi2 || (saved & 6) != 6) return 0;
    return (b & avx512_f_dq_cd_bw_vl) == avx512_f_dq_cd_bw_vl && (saved & 0xe0) == 0xe0 ? 2 : 1;
#else
    return 0;
#endif
}
