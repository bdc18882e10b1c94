/* From the gradient of the logits to that of every weight, and to its update. */

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
    UNROLL for (int i = 0; i < LANES; i++) x[i] = SQRT(x[i]); /* compiled to one instruction */
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

static void embedding_backward(const Glass *g, const Work *w, Documents docs, int first,
                               int count) {
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
