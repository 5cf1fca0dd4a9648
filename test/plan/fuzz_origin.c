/* The input is a list of changes and commits; after each commit the origin's own catalog and a
 * receiver that has seen every head say what a naive map says. */
#include "base/rand.h"
#include "fuzz_mem.h"
#include "plan/origin.h"

#define KEYS  16
#define BATCH 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t secret[SECRET_SIZE], public_key[KEY_SIZE];

struct world {
    struct catalog *catalog[2]; /* the origin's, a receiver's */
    struct head head;
    uint8_t value[KEYS]; /* 0: not there */
};

static struct change change_of(uint8_t key, uint8_t value)
{
    static const uint8_t names[] = "abcdefghijklmnop";
    static const uint8_t filler[8192];
    bool uri = key % 2 == 0;
    return (struct change){
        .put = value != 0,
        .kind = uri ? ENTRY_URI : ENTRY_FIELD,
        .user = slice_make(names + key, 1),
        .domain = uri ? slice_of(key % 4 == 0 ? "x.example" : "y.example") : slice_make(NULL, 0),
        .value = slice_make(filler, uri ? value : value * 32u),
        .source = slice_of(value % 3 == 0 ? "csv" : ""),
    };
}

static void compare(const struct world *w, const struct catalog *c)
{
    uint64_t live, sum, n = 0;
    catalog_digest(c, &live, &sum);
    assert(live == w->head.live && sum == w->head.sum);
    for (uint8_t i = 0; i < KEYS; i++) {
        struct change want = change_of(i, w->value[i]);
        struct record key = {.kind = want.kind, .user = want.user, .domain = want.domain}, got;
        bool there = catalog_find(c, &key, &got);
        assert(there == want.put);
        assert(!there || (slice_eq(got.value, want.value) && slice_eq(got.source, want.source)));
        n += there;
    }
    assert(n == live);
}

static void commit_now(struct world *w, struct mem *mem, const struct change *change, size_t n)
{
    struct arena a;
    struct commit commit;
    arena_init(&a, mem);
    int result = origin_commit(&a, w->catalog[0], &w->head, &w->head, change, n, secret, &commit);
    assert(result == 0 && commit.head.usn > w->head.usn);
    w->head = commit.head;
    for (size_t i = 0; i < 2; i++) {
        assert(catalog_target(w->catalog[i], commit.lines, 0) == 0);
        for (size_t k = 0; k < commit.segment_n; k++)
            assert(catalog_add(w->catalog[i], commit.segment[k].bytes) >= 0);
        catalog_apply(w->catalog[i]);
        compare(w, w->catalog[i]);
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[SEED_SIZE];
    struct mem mem = fuzz_mem();
    struct world w = {.head = {.number = STREAM_PLAN, .epoch = 1}};
    struct change change[BATCH];
    size_t n = 0;
    if (public_key[0] == 0)
        crypto_keypair(seed, public_key, secret);
    struct plan *plan = plan_new(&mem, seed, false);
    w.catalog[0] = catalog_new(plan, public_key, STREAM_PLAN, true);
    w.catalog[1] = catalog_new(plan, public_key, STREAM_PLAN, true);
    for (size_t at = 0; at + 1 < size && at < 1000; at += 2) {
        uint8_t key = data[at] % KEYS;
        w.value[key] = data[at + 1];
        change[n++] = change_of(key, data[at + 1]);
        if (data[at] >= 128 || n == BATCH) {
            commit_now(&w, &mem, change, n);
            n = 0;
        }
    }
    commit_now(&w, &mem, change, n);
    plan_free(plan);
    assert(mem.used == 0);
    return 0;
}
