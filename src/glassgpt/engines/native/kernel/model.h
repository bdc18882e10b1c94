/* What a model and a pass over some documents are made of, and where all of it lies in memory. */

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
