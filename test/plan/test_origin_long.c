/* A busy small plan for a long time: a million changes on a thousand entries, in commits of every
 * size, against a plain map. The manifest stays short, what is listed stays near what is alive, and
 * what is written again stays near what was changed. The figures of the run are printed. */
#include "test.h"

#include "base/rand.h"
#include "plan/catalog.h"
#include "plan/origin.h"

#define ENTRIES 1000
#define CHANGES 1000000

struct busy {
    struct test_mem t;
    struct rand rand;
    struct plan *plan;
    struct catalog *catalog;
    struct head head;
    uint8_t public[KEY_SIZE], secret[SECRET_SIZE];
    char name[ENTRIES][8];
    uint32_t value[ENTRIES]; /* 0: not there */
    size_t largest;          /* a value has so many bytes at most */
    size_t commits, lines_max, dropped_max;
    uint64_t written, rewritten, changed;
};

static uint8_t filler[8192];

static struct change change_of(const struct busy *b, size_t i)
{
    return (struct change){.put = b->value[i] != 0,
                           .kind = ENTRY_FIELD,
                           .user = slice_of(b->name[i]),
                           .value = slice_make(filler + b->value[i] % 64,
                                               b->value[i] % b->largest)};
}

/* Every entry is what the map says, and what is listed is bounded by what is alive. */
static void judge(const struct busy *b)
{
    uint64_t live = 0, alive = 0;
    for (size_t i = 0; i < ENTRIES; i++) {
        struct change want = change_of(b, i);
        struct record key = {.kind = ENTRY_FIELD, .user = want.user}, got;
        bool there = catalog_find(b->catalog, &key, &got);
        assert_int_equal(there, want.put);
        if (there)
            assert_true(slice_eq(got.value, want.value));
        live += there;
        alive += there ? record_weight(&got) + 16 : 0;
    }
    assert_int_equal(b->head.live, live);
    assert_true(b->head.bytes <= 3 * alive + TAIL_BYTES_MAX + 3 * SEGMENT_MAX);
    assert_true(b->head.lines <= 2 * b->head.bytes / SEGMENT_MAX + TAIL_LINES_MAX + 2);
}

static void commit(struct busy *b, const struct change *change, size_t n)
{
    struct arena a;
    struct commit c;
    arena_init(&a, &b->t.mem);
    assert_int_equal(origin_commit(&a, b->catalog, &b->head, &b->head, change, n, b->secret, &c),
                     0);
    assert_int_equal(catalog_target(b->catalog, c.lines, c.head.live), 0);
    for (size_t i = 0; i < c.segment_n; i++) {
        b->written += c.segment[i].line.size;
        assert_true(catalog_add_named(b->catalog, c.segment[i].line.name, c.segment[i].bytes) >= 0);
    }
    uint64_t live, sum;
    catalog_digest(b->catalog, &live, &sum);
    assert_true(live == c.head.live && sum == c.head.sum);
    catalog_apply(b->catalog);
    b->head = c.head;
    b->commits++;
    b->rewritten += c.rewritten;
    b->lines_max = c.head.lines > b->lines_max ? c.head.lines : b->lines_max;
    b->dropped_max = c.dropped_n > b->dropped_max ? c.dropped_n : b->dropped_max;
    arena_done(&a);
}

static void run(size_t largest, size_t changes, uint32_t seed)
{
    static struct busy b;
    struct change change[ENTRIES];
    uint8_t zero[SEED_SIZE] = {1};
    memset(&b, 0, sizeof b);
    test_mem_init(&b.t, 0);
    rand_seed(&b.rand, seed);
    crypto_keypair(zero, b.public, b.secret);
    b.largest = largest;
    b.plan = plan_new(&b.t.mem, zero, true);
    b.catalog = catalog_new(b.plan, b.public, STREAM_PLAN, true);
    b.head = (struct head){.number = STREAM_PLAN, .epoch = 1};
    for (size_t i = 0; i < ENTRIES; i++) {
        memcpy(b.name[i], "e000", 5);
        for (size_t k = 3, n = i; k > 0; k--, n /= 10)
            b.name[i][k] = (char)('0' + n % 10);
    }
    for (size_t done = 0, next = 0; done < changes;) {
        static const uint32_t sizes[] = {1, 1, 1, 2, 4, 8, 16, 32, 64};
        size_t n = sizes[rand_below(&b.rand, 9)];
        for (size_t i = 0; i < n; i++) {
            size_t at = rand_below(&b.rand, rand_below(&b.rand, 4) == 0 ? 10 : ENTRIES);
            b.value[at] = rand_below(&b.rand, 5) == 0 ? 0 : (uint32_t)rand_u64(&b.rand) | 1;
            change[i] = change_of(&b, at);
            b.changed += change[i].user.n + change[i].value.n + 8;
        }
        commit(&b, change, n);
        done += n;
        if (done >= next) {
            judge(&b);
            next += changes / 50;
        }
    }
    judge(&b);
    print_message("# %zu changes in %zu commits: at most %zu lines, %zu dropped at once; "
                  "%.2f bytes written anew for each byte changed\n",
                  changes, b.commits, b.lines_max, b.dropped_max,
                  (double)b.rewritten / (double)b.changed);
    assert_true(b.lines_max <= 2 * TAIL_LINES_MAX);
    plan_free(b.plan);
    assert_int_equal(b.t.mem.used, 0);
}

static void test_short_values(void **state)
{
    (void)state;
    run(64, CHANGES, 1);
}

/* Several full segments: what dies before the tail. */
static void test_long_values(void **state)
{
    (void)state;
    run(2048, CHANGES / 10, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_values),
        cmocka_unit_test(test_long_values),
    };
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (uint8_t)(i * 7 + i / 64);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
