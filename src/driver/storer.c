/* storer: two lists and a thread. Jobs go in by `inbox`, come back by `outbox`, and uv_async tells
 * the loop to look. Group commit: whatever waits when the thread comes back from the disk becomes
 * one transaction. When that fails, the batches are tried one by one, so that only the guilty fail.
 *
 * After a failure the batches behind it fail too, until the loop has heard of it: the core made
 * them in the belief that the failed one stands. `valid_from` is the first job given after that. */
#include "driver/storer.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_MAX     256             /* batches in one transaction */
#define TRIM_BYTES     (4 << 20)       /* copies after which the heap is worth a look */
#define FAILURE_PAUSE (200 * 1000000) /* ns: a full disk is not asked in a tight loop */
#define SOON_MAX      (100 * 1000)    /* ns: as long as a change of a few rows takes the loop */

enum job_type { JOB_WRITE, JOB_SCAN, JOB_COPY, JOB_CALL };

struct job {
    struct job *next;
    enum job_type type;
    uint64_t seq; /* counts what was given */
    uint64_t batch;
    struct store_row *row; /* WRITE: to do. SCAN: found, until the loop has seen them */
    size_t row_n;
    void *bytes; /* what the rows of WRITE, or the range of SCAN, point into; COPY: the file */
    struct store_range range; /* SCAN; from and to lie in bytes */
    store_visit visit;
    storer_copied copied;
    storer_work work; /* CALL */
    void (*called)(void *context);
    void *context;
    bool no_memory;
    bool first_failure; /* failed by itself, not because of one before it */
    char *error;        /* NULL: done */
};

struct queue {
    struct job *first, **last;
};

struct storer {
    struct store *store;
    storer_done done;
    void *context;
    uv_async_t async;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue inbox, outbox; /* under lock */
    bool ending;                /* under lock */
    bool ended;                 /* under lock: the thread gives nothing more */
    uint64_t valid_from;        /* under lock */
    bool soon;                  /* under lock: a batch is being made */
    _Atomic bool given;         /* since the thread was told so: it need not sleep */
    bool failing;               /* the thread's own */
    struct store_copy *copy;    /* the thread's own: under way, or NULL ... */
    struct job *copying;        /* ... for this one */
    uint64_t next_seq;          /* the loop's own */
    size_t under_way, copied;   /* the loop's own: jobs, and bytes since the heap was trimmed */
    struct storer_stats stats;  /* the loop's own, but commits */
    void (*stopped)(void *context);
    void *stopped_context;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_put(struct queue *q, struct job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static void queue_put_first(struct queue *q, struct job *job)
{
    job->next = q->first;
    q->first = job;
    if (job->next == NULL)
        q->last = &job->next;
}

static struct job *queue_take(struct queue *q)
{
    struct job *all = q->first;
    queue_init(q);
    return all;
}

static void job_free(struct job *job)
{
    if (job->type == JOB_SCAN)
        for (size_t i = 0; i < job->row_n; i++)
            free((void *)(uintptr_t)job->row[i].key.p);
    free(job->row);
    free(job->bytes);
    free(job->error);
    free(job);
}

static void job_failed(struct job *job, const char *error)
{
    job->error = strdup(error);
    if (job->error == NULL)
        abort();
}

/* --- the thread */

#ifdef BUG_ACK_EARLY
/* The control of test/system/kill.py: a group is reported first and committed 10 ms later. */
static bool late;

static int commit(struct storer *s)
{
    late = true;
    return 0;
}

static void commit_late(struct storer *s)
{
    struct timespec pause = {.tv_nsec = 10000000};
    if (late) {
        nanosleep(&pause, NULL);
        store_commit(s->store);
    }
    late = false;
}
#else
static int commit(struct storer *s)
{
    return store_commit(s->store);
}

static void commit_late(struct storer *s) {}
#endif

static int write_group(struct storer *s, struct job *const *job, size_t n)
{
    commit_late(s);
    bool good = store_begin(s->store) == 0;
    for (size_t i = 0; good && i < n; i++)
        good = store_apply(s->store, job[i]->row, job[i]->row_n) == 0;
    if (good && commit(s) == 0) {
        __atomic_fetch_add(&s->stats.commits, 1, __ATOMIC_RELAXED);
        return 0;
    }
    store_rollback(s->store);
    return -1;
}

/* After a failure: is this job one of those that must fail with it? */
static bool still_failing(struct storer *s, const struct job *job)
{
    if (!s->failing)
        return false;
    pthread_mutex_lock(&s->lock);
    s->failing = job->seq < s->valid_from || s->valid_from == 0;
    pthread_mutex_unlock(&s->lock);
    return s->failing;
}

/* The first of a series: it is not tried again at once. */
static void write_failed(struct storer *s, struct job *job, const char *error)
{
    job_failed(job, error);
    job->first_failure = true;
    pthread_mutex_lock(&s->lock);
    s->failing = true;
    s->valid_from = 0;
    if (!s->ending) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += FAILURE_PAUSE;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
}

static void write_one(struct storer *s, struct job *job)
{
    if (still_failing(s, job)) {
        job_failed(job, "a batch before this one was not stored");
        return;
    }
    if (!job->no_memory && write_group(s, &job, 1) == 0)
        return;
    write_failed(s, job, job->no_memory ? "no memory for the batch" : store_error(s->store));
}

static void write_all(struct storer *s, struct job *const *job, size_t n)
{
    bool together = n > 0 && !still_failing(s, job[0]);
    for (size_t i = 0; i < n; i++)
        together = together && !job[i]->no_memory;
    if (together && write_group(s, job, n) == 0)
        return;
    if (together && store_away(s->store)) { /* so it is for each of them */
        bool unknown = strncmp(store_error(s->store), STORE_UNKNOWN, strlen(STORE_UNKNOWN)) == 0;
        for (size_t i = 1; unknown && i < n; i++)
            job_failed(job[i], store_error(s->store));
        write_failed(s, job[0], store_error(s->store));
    }
    for (size_t i = 0; i < n; i++)
        if (job[i]->error == NULL)
            write_one(s, job[i]);
}

/* Copies one row into the job; false ends the scan when there is no memory. */
static bool keep_row(void *context, const struct store_row *row)
{
    struct job *job = context;
    struct store_row *grown = realloc(job->row, (job->row_n + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    job->row = grown;
    uint8_t *bytes = malloc(row->key.n + row->value.n + 1);
    if (bytes == NULL)
        return false;
    if (row->key.n > 0)
        memcpy(bytes, row->key.p, row->key.n);
    if (row->value.n > 0)
        memcpy(bytes + row->key.n, row->value.p, row->value.n);
    job->row[job->row_n++] = (struct store_row){
        .space = row->space,
        .key = slice_make(bytes, row->key.n),
        .value = slice_make(bytes + row->key.n, row->value.n),
    };
    return true;
}

/* --- a copy, a slice whenever nothing waits, or after what waited */

static void copy_begin(struct storer *s, struct job *job)
{
    char error[STORE_ERROR];
    if (s->copying != NULL) {
        job_failed(job, "another copy is being made; try again when it is done");
        return;
    }
    s->copy = store_copy_start(s->store, job->bytes, error, sizeof error);
    if (s->copy == NULL)
        job_failed(job, error);
    else
        s->copying = job;
}

static void copy_end(struct storer *s)
{
    struct job *job = s->copying;
    store_copy_end(s->copy);
    s->copy = NULL;
    s->copying = NULL;
    pthread_mutex_lock(&s->lock);
    queue_put(&s->outbox, job);
    uv_async_send(&s->async);
    pthread_mutex_unlock(&s->lock);
}

static void copy_on(struct storer *s)
{
    char error[STORE_ERROR];
    int more = s->copy != NULL ? store_copy_step(s->copy, error, sizeof error) : 1;
    if (more < 0)
        job_failed(s->copying, error);
    if (more <= 0)
        copy_end(s);
}

/* --- all of it */

/* Works off a chain of jobs in its order, writes that follow each other as one group. */
static void work_off(struct storer *s, struct job *chain)
{
    struct job *group[GROUP_MAX];
    size_t n = 0;
    if (chain == NULL || chain->type != JOB_WRITE)
        store_idle(s->store);
    for (struct job *job = chain; job != NULL; job = job->next) {
        if (job->type == JOB_WRITE)
            group[n++] = job;
        if (n > 0 && (n == GROUP_MAX || job->type != JOB_WRITE || job->next == NULL)) {
            write_all(s, group, n);
            n = 0;
        }
        if (job->type == JOB_SCAN &&
            store_scan(s->store, &job->range, keep_row, job) < 0)
            job_failed(job, store_error(s->store));
        if (job->type == JOB_COPY)
            copy_begin(s, job);
        if (job->type == JOB_CALL)
            job->work(job->context, s->store);
    }
}

/* Under lock: waits for a batch that is being made, awake, but not for long, and begins it. To be
 * woken up is a seventh of what a change of one row takes until it is on the disk. */
static void expect(struct storer *s)
{
    struct timespec from, now;
    s->soon = false;
    pthread_mutex_unlock(&s->lock);
    clock_gettime(CLOCK_MONOTONIC, &from);
    store_soon(s->store);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!atomic_load_explicit(&s->given, memory_order_relaxed) &&
             (now.tv_sec - from.tv_sec) * 1000000000L + now.tv_nsec - from.tv_nsec < SOON_MAX);
    if (!atomic_load_explicit(&s->given, memory_order_relaxed))
        store_idle(s->store);
    pthread_mutex_lock(&s->lock);
}

static void *thread_main(void *context)
{
    struct storer *s = context;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (s->inbox.first == NULL && !s->ending && s->copy == NULL) {
            if (s->soon)
                expect(s);
            else
                pthread_cond_wait(&s->wake, &s->lock);
        }
        struct job *chain = queue_take(&s->inbox);
        if (chain == NULL && s->ending)
            break;
        pthread_mutex_unlock(&s->lock);
        work_off(s, chain);
        pthread_mutex_lock(&s->lock);
        while (chain != NULL) {
            struct job *next = chain->next;
            if (chain != s->copying)
                queue_put(&s->outbox, chain);
            chain = next;
        }
        pthread_mutex_unlock(&s->lock);
        uv_async_send(&s->async);
        commit_late(s);
        copy_on(s);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    if (s->copying != NULL) {
        job_failed(s->copying, "ilsd ends: the copy was given up");
        copy_end(s);
    }
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    uv_async_send(&s->async);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the loop */

static void report_scan(const struct job *job)
{
    bool more = true;
    for (size_t i = 0; more && i < job->row_n; i++)
        more = job->visit(job->context, &job->row[i]);
    job->visit(job->context, NULL);
}

static void report_write(struct storer *s, const struct job *job)
{
    s->stats.batches++;
    s->stats.failed += job->error != NULL;
    if (job->first_failure) {
        /* What is given from the call below on knows of the failure. */
        pthread_mutex_lock(&s->lock);
        s->valid_from = s->next_seq;
        pthread_mutex_unlock(&s->lock);
    }
    s->done(s->context, job->batch, job->error);
}

static void gone(uv_handle_t *handle)
{
    struct storer *s = handle->data;
    void (*stopped)(void *) = s->stopped;
    void *context = s->stopped_context;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
    stopped(context);
}

static void look(struct storer *s)
{
    uv_handle_t *async = (uv_handle_t *)&s->async;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct job *chain = queue_take(&s->outbox);
        bool ended = s->ended;
        pthread_mutex_unlock(&s->lock);
        if (chain == NULL && ended && s->stopped != NULL && !uv_is_closing(async)) {
            pthread_join(s->thread, NULL);
            uv_close(async, gone);
        }
        if (chain == NULL)
            return;
        while (chain != NULL) {
            struct job *next = chain->next;
            if (chain->type == JOB_WRITE)
                report_write(s, chain);
            else if (chain->type == JOB_SCAN)
                report_scan(chain);
            else if (chain->type == JOB_CALL)
                chain->called(chain->context);
            else
                chain->copied(chain->context, chain->error);
            job_free(chain);
            s->under_way--;
            chain = next;
        }
    }
}

static void on_news(uv_async_t *async)
{
    struct storer *s = async->data;
    look(s);
    if (s->under_way > 0 || s->copied < TRIM_BYTES)
        return;
    s->copied = 0;
    malloc_trim(0); /* a large fetch leaves holes as large as itself */
}

struct storer *storer_start(uv_loop_t *loop, struct store *store, storer_done done, void *context)
{
    struct storer *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct storer){
        .store = store, .done = done, .context = context, .next_seq = 1, .valid_from = 1};
    queue_init(&s->inbox);
    queue_init(&s->outbox);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (uv_async_init(loop, &s->async, on_news) != 0) {
        free(s);
        return NULL;
    }
    s->async.data = s;
    if (pthread_create(&s->thread, NULL, thread_main, s) != 0)
        abort(); /* at the start of the process: nothing is lost */
    return s;
}

static void give(struct storer *s, struct job *job, bool first)
{
    if (s->stopped != NULL) { /* too late: nobody would hear of it */
        job_free(job);
        return;
    }
    job->seq = s->next_seq++;
    s->under_way++;
    pthread_mutex_lock(&s->lock);
    (first ? queue_put_first : queue_put)(&s->inbox, job);
    s->soon = false;
    pthread_mutex_unlock(&s->lock);
    atomic_store_explicit(&s->given, true, memory_order_relaxed);
    pthread_cond_signal(&s->wake); /* who is woken finds the lock free */
}

void storer_soon(struct storer *s)
{
    pthread_mutex_lock(&s->lock);
    s->soon = s->inbox.first == NULL;
    atomic_store_explicit(&s->given, false, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->wake);
}

static struct slice copy_into(uint8_t **at, struct slice bytes)
{
    uint8_t *p = *at;
    if (bytes.n > 0)
        memcpy(p, bytes.p, bytes.n);
    *at += bytes.n;
    return slice_make(p, bytes.n);
}

void storer_write(struct storer *s, uint64_t batch, const struct store_row *row, size_t n)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        abort(); /* a few bytes: the process is at its end */
    job->type = JOB_WRITE;
    job->batch = batch;
    size_t size = 1;
    for (size_t i = 0; i < n; i++)
        size += row[i].key.n + (row[i].remove ? 0 : row[i].value.n);
    job->row = calloc(n + 1, sizeof *row);
    job->bytes = malloc(size);
    s->copied += size;
    job->no_memory = job->row == NULL || job->bytes == NULL;
    uint8_t *at = job->bytes;
    for (size_t i = 0; i < n && !job->no_memory; i++) {
        job->row[i] = row[i];
        job->row[i].key = copy_into(&at, row[i].key);
        job->row[i].value = row[i].remove ? slice_make(NULL, 0) : copy_into(&at, row[i].value);
        job->row_n++;
    }
    give(s, job, false);
}

void storer_range(struct storer *s, const struct store_range *range, store_visit visit,
                  void *context)
{
    struct job *job = calloc(1, sizeof *job);
    uint8_t *bytes = malloc(range->from.n + range->to.n + 1);
    if (job == NULL || bytes == NULL) {
        free(job);
        free(bytes);
        visit(context, NULL);
        return;
    }
    job->type = JOB_SCAN;
    job->bytes = bytes;
    job->range = *range;
    job->range.from = copy_into(&bytes, range->from);
    job->range.to = copy_into(&bytes, range->to);
    job->visit = visit;
    job->context = context;
    give(s, job, false);
}

void storer_scan(struct storer *s, uint8_t space, size_t max, store_visit visit, void *context)
{
    struct store_range range = {.space = space, .newest = true, .max = max};
    storer_range(s, &range, visit, context);
}

void storer_copy(struct storer *s, const char *file, storer_copied done, void *context)
{
    struct job *job = calloc(1, sizeof *job);
    char *path = strdup(file);
    if (job == NULL || path == NULL) {
        free(job);
        free(path);
        done(context, "no memory for the copy");
        return;
    }
    job->type = JOB_COPY;
    job->bytes = path;
    job->copied = done;
    job->context = context;
    give(s, job, false);
}

static void call(struct storer *s, storer_work work, void (*done)(void *context), void *context,
                 bool first)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        abort(); /* a few bytes: the process is at its end */
    job->type = JOB_CALL;
    job->work = work;
    job->called = done;
    job->context = context;
    give(s, job, first);
}

void storer_call(struct storer *s, storer_work work, void (*done)(void *context), void *context)
{
    call(s, work, done, context, false);
}

void storer_call_first(struct storer *s, storer_work work, void (*done)(void *context),
                       void *context)
{
    call(s, work, done, context, true);
}

void storer_stop(struct storer *s, void (*stopped)(void *context), void *context)
{
    s->stopped = stopped;
    s->stopped_context = context;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    store_hurry(s->store);
    uv_async_send(&s->async);
}

void storer_stats(const struct storer *s, struct storer_stats *ret)
{
    *ret = (struct storer_stats){
        .batches = s->stats.batches,
        .failed = s->stats.failed,
        .commits = __atomic_load_n(&s->stats.commits, __ATOMIC_RELAXED),
    };
}
