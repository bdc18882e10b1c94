/* From tokens to logits, losses and the gradient of the logits, all positions at once. */

/* Documents as flat token ids; document i is tokens[offsets[i]] to tokens[offsets[i + 1] - 1]. */
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

/* One document's attention, n positions. Of each head, out[t] = sum over s <= t of w[s][t] v[s]. */
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
 * log(total) - (logit - largest), which is exact where p is too small for the number format.
 * In float64 the surprise is infinite where the reference's is: where p is 0 or not a number. */
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
