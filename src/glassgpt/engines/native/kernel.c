/* GlassGPT's kernel: training and generation of the reference's model, as fast as we can make them.
 *
 * One source, many builds: the vector width (VECTOR_BYTES), the number format (GLASS_FLOAT32) and
 * threads (GLASS_NO_THREADS) are chosen by the compiler's command line; the same source becomes the
 * shared libraries behind engines/native/engine.py and the WebAssembly behind the explorer.
 *
 * The plan. A step treats all positions of a document at once: a matrix of activations has a row
 * for each position, so every linear layer, forward and backward, and the heart of attention is the
 * one function `product`. Rows are padded with zeros to whole vectors. Forward needs the weights
 * transposed, backward needs them as they are: both are kept, and a weight is transposed again as
 * it is updated. Nothing is allocated inside a step, and a handle owns all its memory, so handles
 * do not disturb each other.
 *
 * Names follow reference.py; d_x is the derivative of the loss with respect to x. The parts are
 * headers, to be read in this order; compiled as one file, so that small functions are inlined. */

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

#include "kernel/vectors.h"
#include "kernel/matrices.h"
#include "kernel/model.h"
#include "kernel/forward.h"
#include "kernel/backward.h"
#include "kernel/training.h"
#include "kernel/writing.h" /* the library's functions for sessions; those for models follow */

/* --- The library: models ---
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
    int positions = most_predictions(g, job.docs, steps * batch_size);
    job.doc_losses = calloc((size_t)batch_size, sizeof(double));
    int failure = job.doc_losses ? grow(g, positions, job.shards, job.threads) : GLASS_NO_MEMORY;
    if (!failure) run_job(&job);
    free(job.doc_losses);
    return failure ? failure : job.done;
}

/* Loss of one batch and its gradient, nothing updated. Of a loss that is not finite, NaN. */
API int glass_loss_and_grads(Glass *g, const int32_t *tokens, const int32_t *offsets,
                             int batch_size, double *loss, double *grads) {
    Job job = {.g = g, .docs = {tokens, offsets}, .steps = 1, .batch_size = batch_size,
               .shards = n_shards(g, batch_size), .threads = 1};
    int positions = most_predictions(g, job.docs, batch_size);
    job.doc_losses = calloc((size_t)batch_size, sizeof(double));
    int failure = job.doc_losses ? grow(g, positions, job.shards, 1) : GLASS_NO_MEMORY;
    if (!failure) {
        for (int shard = 0; shard < job.shards; shard++) run_shard(&job, g->work, 0, shard, NULL);
        update_share(&job, 0, NULL);
        *loss = mean_loss(&job);
        if (!(*loss - *loss == 0)) /* not all gradients have been made */
            for (size_t i = 0; i < g->size; i++) g->grads[i] = (real)__builtin_nan("");
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
    /* Which registers the system saves when it switches threads: 6 are the 256-bit ones. */
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((b & bmi1_avx2_bmi2) != bmi1_avx2_bmi2 || (saved & 6) != 6) return 0;
    return (b & avx512_f_dq_cd_bw_vl) == avx512_f_dq_cd_bw_vl && (saved & 0xe0) == 0xe0 ? 2 : 1;
#else
    return 0;
#endif
}
