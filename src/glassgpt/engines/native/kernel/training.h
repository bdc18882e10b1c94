/* Steps: batches cut into shards, threads that share them, Adam for each step. */

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

/* rate (m / c1) / (sqrt(v / c2) + eps) = (rate sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2)), where
 * c1 and c2 are the corrections of a step for the zeros that m and v started from. */
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
    size_t at = w->at + (size_t)row * w->stride;
    size_t n = (size_t)min_int(BLOCK, w->rows - row) * w->stride;
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
        lay_out_work(g, w, &arena, g->max_positions);
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
