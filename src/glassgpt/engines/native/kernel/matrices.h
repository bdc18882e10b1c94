/* Matrices of padded rows: the product that does nearly all the work, and the transposition. */

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
 * The two strides of a let it be read as it is or transposed: this serves x W', d_y W and d_y' x.
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
            UNROLL for (int i = 0; i < LANES; i++)
                a[i] = load(x + (r + i) * (ptrdiff_t)x_stride + c);
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
