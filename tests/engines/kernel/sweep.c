/* Every function of the kernel over odd sizes, to be run under AddressSanitizer and
 * UndefinedBehaviorSanitizer (test_sanitizers.py). The numbers are checked in test_native.py; here
 * they need only be finite. */

#include "../../../src/glassgpt/engines/native/kernel.c"

#include <stdio.h>

static uint32_t seed = 1;
static double uniform(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed / 4294967296.0;
}

static int failures = 0;
static void expect(int ok, const char *what) {
    if (!ok) printf("failed: %s\n", what), failures++;
}

/* `count` documents; some have a single prediction, some more than fit into the context. */
static void make_documents(int vocab, int block, int count, int32_t **tokens, int32_t **offsets) {
    *offsets = malloc(((size_t)count + 1) * sizeof(int32_t));
    *tokens = malloc((size_t)count * ((size_t)block + 5) * sizeof(int32_t));
    int n = 0;
    for (int i = 0; i < count; i++) {
        int length = i % 3 == 0 ? block + 4 : 2 + (int)(uniform() * (block + 1));
        (*offsets)[i] = n;
        while (length--) (*tokens)[n++] = (int32_t)(uniform() * vocab);
    }
    (*offsets)[count] = n;
    *tokens = realloc(*tokens, (size_t)n * sizeof(int32_t)); /* reading past the end must show */
}

static void sweep(int vocab, int layers, int embd, int heads, int block) {
    size_t n = (2 * (size_t)vocab + block) * embd + 12 * (size_t)layers * embd * embd;
    double *params = malloc(n * sizeof(double)), *m = calloc(n, sizeof(double));
    double *v = calloc(n, sizeof(double)), loss;
    for (size_t i = 0; i < n; i++) params[i] = 0.4 * (uniform() - 0.5);
    Glass *g = glass_create(vocab, layers, embd, heads, block);
    glass_import(g, params, m, v, 0);

    int sizes[] = {1, 3, 70};
    for (int k = 0; k < 3; k++) {
        int steps = 3, count = steps * sizes[k];
        int32_t *tokens, *offsets;
        double rates[] = {0.01, 0.01, 0.01}, losses[3];
        make_documents(vocab, block, count, &tokens, &offsets);
        double *surprises = malloc((size_t)count * block * sizeof(double));
        for (int threads = 1; threads <= 3; threads += 2)
            expect(glass_train(g, tokens, offsets, steps, sizes[k], rates, 0.85, 0.99, 1e-8, losses,
                               threads, NULL) == steps, "train");
        expect(glass_loss_and_grads(g, tokens, offsets, sizes[k], &loss, m) == GLASS_OK, "grads");
        expect(loss - loss == 0, "finite loss");
        expect(glass_surprises(g, tokens, offsets, count, surprises) == GLASS_OK, "surprises");
        free(tokens), free(offsets), free(surprises);
    }

    /* First long documents, then short ones on more threads than before. */
    int32_t short_tokens[200] = {0}, short_offsets[101];
    double rate = 0.01;
    for (int i = 0; i <= 100; i++) short_offsets[i] = 2 * i;
    expect(glass_train(g, short_tokens, short_offsets, 1, 100, &rate, 0.85, 0.99, 1e-8, &loss, 8,
                       NULL) == 1, "train on short documents");

    Session *s = glass_session(g);
    double *logits = malloc((size_t)vocab * sizeof(double));
    for (int i = 0; i < block; i++) glass_feed(s, i % vocab, logits);
    double uniforms[200], log_probs[9];
    int32_t prompt[] = {vocab - 1, 0}, lengths[9], used;
    int32_t *out = malloc(9 * (size_t)block * sizeof(int32_t));
    for (int i = 0; i < 200; i++) uniforms[i] = uniform();
    for (int length = 1; length <= min_int(2, block); length++)
        for (int top_k = 0; top_k <= vocab + 1; top_k += vocab)
            for (int cold = 0; cold < 2; cold++)
                expect(glass_generate(s, prompt, length, vocab - 1, 9, cold ? 0 : 0.7, top_k,
                                      uniforms, 200, out, lengths, log_probs, &used) >= 0,
                       "generate");
    glass_export(g, params, m, v);
    glass_session_free(s);
    glass_free(g);
    free(params), free(m), free(v), free(logits), free(out);
}

int main(void) {
    int shapes[][5] = {/* vocab_size, n_layer, n_embd, n_head, block_size */
                       {27, 1, 16, 4, 16}, {2, 1, 1, 1, 1},   {3, 2, 6, 2, 5},  {9, 1, 10, 2, 7},
                       {17, 2, 24, 8, 9},  {5, 3, 15, 5, 4},  {7, 1, 5, 5, 3},  {11, 1, 9, 3, 17},
                       {33, 1, 31, 1, 33}, {40, 2, 20, 4, 70}, {27, 1, 64, 4, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *s = shapes[i];
        sweep(s[0], s[1], s[2], s[3], s[4]);
    }
    Glass *g = glass_create(2, 1, 1, 1, 1 << 20); /* 2^40 attention weights: no memory */
    int32_t *tokens = calloc((1 << 20) + 1, sizeof(int32_t)), offsets[] = {0, (1 << 20) + 1};
    double rate = 0.1, loss;
    expect(glass_train(g, tokens, offsets, 1, 1, &rate, 0.9, 0.9, 1, &loss, 1, NULL) ==
               GLASS_NO_MEMORY, "no memory");
    glass_free(g);
    free(tokens);
    return failures != 0;
}
