/* Reading token by token with a KV cache, and writing: the library's functions for sessions. */

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
                sum[part][c] +=
                    x[k + part] * load(b + (k + part) * (ptrdiff_t)b_stride + c * LANES);
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
