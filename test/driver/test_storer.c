/* The storer: order of the reports, group commit, what a failure takes with it, and the end; on a
 * store in a file, and on one in PostgreSQL. */
#include "driver/storer.h"
#include "postgres.h"
#include "temp.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

struct bench {
    struct temp temp;
    uv_loop_t loop;
    struct store *store;
    struct storer *storer;
    char told[4096]; /* "1+ 2- ": batch 1 durable, batch 2 failed */
    char scanned[256];
    uint64_t after_failure; /* a batch to give when a failure is reported, once */
    unsigned waiting;
    bool stopped;
};

static void give(struct bench *b, uint64_t batch, size_t size)
{
    static char value[4 * 1024 * 1024];
    char key[24];
    memset(value, 'v', sizeof value);
    snprintf(key, sizeof key, "%06llu", (unsigned long long)batch);
    struct store_row r = {STORE_AUDIT, slice_of(key), slice_make(value, size), false};
    b->waiting++;
    storer_write(b->storer, batch, &r, 1);
    memset(key, 0, sizeof key); /* the storer has copies */
}

static void done(void *context, uint64_t batch, const char *error)
{
    struct bench *b = context;
    size_t n = strlen(b->told);
    snprintf(b->told + n, sizeof b->told - n, "%llu%c ", (unsigned long long)batch,
             error == NULL ? '+' : '-');
    b->waiting--;
    if (error != NULL && b->after_failure != 0) {
        uint64_t next = b->after_failure;
        b->after_failure = 0;
        struct rlimit l;
        getrlimit(RLIMIT_FSIZE, &l);
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_FSIZE, &l);
        give(b, next, 10);
    }
}

static bool scanned(void *context, const struct store_row *r)
{
    struct bench *b = context;
    size_t n = strlen(b->scanned);
    if (r == NULL) {
        b->waiting--;
        snprintf(b->scanned + n, sizeof b->scanned - n, ".");
        return false;
    }
    snprintf(b->scanned + n, sizeof b->scanned - n, "%.*s ", (int)r->key.n, (const char *)r->key.p);
    return true;
}

static bool shared; /* the store is in PostgreSQL */
static unsigned schema;

static int in_file(void **state)
{
    shared = false;
    return 0;
}

static int in_postgresql(void **state)
{
    shared = true;
    return 0;
}

static void bench_open(struct bench *b)
{
    char error[STORE_ERROR];
    memset(b, 0, sizeof *b);
    if (shared && !postgres_there())
        skip();
    temp_make(&b->temp);
    if (shared)
        postgres_schema(++schema);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->store = shared ? postgres_open(schema, b->temp.path, "one")
                      : store_open(b->temp.path, error, sizeof error);
    assert_non_null(b->store);
    b->storer = storer_start(&b->loop, b->store, done, b);
    assert_non_null(b->storer);
}

static void run(struct bench *b)
{
    while (b->waiting > 0)
        uv_run(&b->loop, UV_RUN_ONCE);
}

static void stopped(void *context)
{
    ((struct bench *)context)->stopped = true;
}

static void bench_close(struct bench *b)
{
    storer_stop(b->storer, stopped, b);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_true(b->stopped);
    assert_int_equal(b->waiting, 0);
    store_close(b->store);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    temp_done(&b->temp);
}

static void test_in_order_and_together(void **state)
{
    struct bench b;
    struct storer_stats stats;
    char expected[4096] = "";
    bench_open(&b);
    for (uint64_t i = 1; i <= 500; i++) {
        give(&b, i, 100);
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "%llu+ ", (unsigned long long)i);
    }
    run(&b);
    assert_string_equal(b.told, expected);
    storer_stats(b.storer, &stats);
    assert_int_equal(stats.batches, 500);
    assert_int_equal(stats.failed, 0);
    assert_in_range(stats.commits, 2, 500);
    bench_close(&b);
}

/* Told that a batch is coming, the thread takes it as any other, early or late; where none comes it
 * sleeps again, and the end comes as ever. */
static void test_a_batch_is_coming(void **state)
{
    struct bench b;
    struct timespec from, until;
    char expected[256] = "";
    bench_open(&b);
    for (uint64_t i = 1; i <= 30; i++) {
        storer_soon(b.storer);
        if (i % 3 == 0)
            usleep((useconds_t)(10 * i)); /* awake still, or asleep again */
        if (i % 5 == 0)
            continue;
        give(&b, i, 100);
        run(&b);
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "%llu+ ", (unsigned long long)i);
    }
    assert_string_equal(b.told, expected);
    storer_soon(b.storer); /* something else comes */
    b.waiting++;
    storer_scan(b.storer, STORE_AUDIT, 2, scanned, &b);
    run(&b);
    assert_string_equal(b.scanned, "000029 000028 .");
    usleep(20000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    usleep(100000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &until);
    long used = (until.tv_sec - from.tv_sec) * 1000000000 + until.tv_nsec - from.tv_nsec;
    assert_in_range(used, 0, 30000000);
    storer_soon(b.storer);
    bench_close(&b);
}

static void test_scan_is_behind_the_writes(void **state)
{
    struct bench b;
    bench_open(&b);
    give(&b, 1, 1);
    give(&b, 2, 1);
    give(&b, 3, 1);
    b.waiting++;
    storer_scan(b.storer, STORE_AUDIT, 2, scanned, &b);
    run(&b);
    assert_string_equal(b.scanned, "000003 000002 .");
    bench_close(&b);
}

/* 2 does not fit on the disk, or into the table; 3 and 4 were given without knowledge of that; 5
 * was given after it. */
static void test_failure_takes_what_follows(void **state)
{
    struct bench b;
    struct rlimit l;
    bench_open(&b);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    assert_true(l.rlim_max > 8 * 1024 * 1024);
    l.rlim_cur = 1024 * 1024;
    if (shared)
        postgres_sql(schema, "ALTER TABLE ils_audit ADD CHECK (length(value) < 1000000)");
    else
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
    b.after_failure = 5;
    give(&b, 1, 10);
    give(&b, 2, 4 * 1024 * 1024);
    give(&b, 3, 10);
    give(&b, 4, 10);
    run(&b);
    assert_string_equal(b.told, "1+ 2- 3- 4- 5+ ");
    b.waiting++;
    storer_scan(b.storer, STORE_AUDIT, 9, scanned, &b);
    run(&b);
    assert_string_equal(b.scanned, "000005 000001 .");
    struct storer_stats stats;
    storer_stats(b.storer, &stats);
    assert_int_equal(stats.failed, 3);
    bench_close(&b);
}

static void test_stop_works_off(void **state)
{
    struct bench b;
    bench_open(&b);
    for (uint64_t i = 1; i <= 20; i++)
        give(&b, i, 1000);
    bench_close(&b); /* asserts that nothing waits */
    assert_non_null(strstr(b.told, "20+ "));
}

static void test_empty_batch(void **state)
{
    struct bench b;
    bench_open(&b);
    b.waiting++;
    storer_write(b.storer, 7, NULL, 0);
    run(&b);
    assert_string_equal(b.told, "7+ ");
    bench_close(&b);
}

#define BOTH(f) {#f, f, in_file, NULL, NULL}, {#f "_postgresql", f, in_postgresql, NULL, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_in_order_and_together),
        BOTH(test_a_batch_is_coming),
        BOTH(test_scan_is_behind_the_writes),
        BOTH(test_failure_takes_what_follows),
        BOTH(test_stop_works_off),
        BOTH(test_empty_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
