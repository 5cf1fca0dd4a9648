/* Keys that share a bucket because somebody wants them to. One user in many spellings, which all
 * share a hash: how many a holder takes, how many an origin lets there be, and what they cost. The
 * cost is counted where it cannot hide: each record that is looked at is looked at by a function of
 * another file, and the linker puts a counter before it. */
#include <stdio.h>

#include "test.h"

#include "plan/catalog.h"
#include "plan/foresee.h"
#include "plan/index.h"
#include "plan/origin.h"

#define LETTERS 16
#define USERS   20

static uint8_t public_key[KEY_SIZE], secret[SECRET_SIZE];
static uint64_t looked, compared;

bool __real_segment_record_is(struct slice bytes, uint32_t offset, const struct record *key,
                              bool fold, struct record *ret);
bool __wrap_segment_record_is(struct slice bytes, uint32_t offset, const struct record *key,
                              bool fold, struct record *ret);
int __real_segment_next(struct segment_reader *r, struct record *ret);
int __wrap_segment_next(struct segment_reader *r, struct record *ret);

bool __wrap_segment_record_is(struct slice bytes, uint32_t offset, const struct record *key,
                              bool fold, struct record *ret)
{
    looked++;
    return __real_segment_record_is(bytes, offset, key, fold, ret);
}

int __wrap_segment_next(struct segment_reader *r, struct record *ret)
{
    looked++;
    return __real_segment_next(r, ret);
}

bool __real_slice_eq(struct slice a, struct slice b);
bool __wrap_slice_eq(struct slice a, struct slice b);

bool __wrap_slice_eq(struct slice a, struct slice b)
{
    compared++;
    return __real_slice_eq(a, b);
}

/* --- spellings */

/* The n-th spelling of a user: each letter is a bit of n. */
static struct record spelled(size_t user, size_t n)
{
    static char text[USERS][4096][LETTERS];
    char *name = text[user][n % 4096];
    for (size_t i = 0; i < LETTERS; i++)
        name[i] = (char)((n >> i & 1 ? 'A' : 'a') + (i == LETTERS - 1 ? user : i));
    return (struct record){.put = true, .kind = ENTRY_URI, .user = slice_make(name, LETTERS),
                           .domain = slice_of("example.com")};
}

/* Keys of another kind whose bytes differ in nothing but the bit that makes a letter small. */
static struct record field(size_t user, size_t n)
{
    struct record r = spelled(user, n);
    r.kind = ENTRY_FIELD;
    r.domain = slice_make(NULL, 0);
    return r;
}

struct world {
    struct test_mem t;
    struct plan *plan;
    struct catalog *catalog;
    struct arena arena;
    struct head head;
    struct commit commit;
};

static void world_seed(struct world *w, bool fold, uint8_t secret_one)
{
    const uint8_t seed[16] = {secret_one, 6};
    test_mem_init(&w->t, 0);
    w->plan = plan_new(&w->t.mem, seed, fold);
    w->catalog = catalog_new(w->plan, public_key, STREAM_PLAN, true);
    arena_init(&w->arena, &w->t.mem);
    w->head = (struct head){.number = STREAM_PLAN, .epoch = 1, .name = slice_of("osaka")};
    memcpy(w->head.key, public_key, KEY_SIZE);
}

static void world_init(struct world *w, bool fold)
{
    world_seed(w, fold, 1);
}

static void world_done(struct world *w)
{
    arena_done(&w->arena);
    plan_free(w->plan);
    assert_int_equal(w->t.mem.used, 0);
}

/* --- a holder: whatever an origin may say */

/* One segment of n records from USN `usn` on; what catalog_add says. At 0 it is served. */
static int take(struct world *w, uint64_t usn, const struct record *r, size_t n)
{
    struct buf b;
    struct segment_writer writer;
    struct line line;
    struct slice former = catalog_lines(w->catalog);
    buf_init(&b, &w->t.mem, SEGMENT_MAX);
    segment_writer_init(&writer, &b);
    for (size_t i = 0; i < n; i++) {
        struct record one = r[i];
        one.usn = usn + i;
        assert_true(segment_writer_put(&writer, &one));
    }
    line.size = (uint32_t)b.n;
    segment_name(line.name, buf_slice(&b));
    struct buf all;
    buf_init(&all, &w->t.mem, 64 * LINE_BYTES);
    buf_put_slice(&all, former);
    manifest_line_put(&all, &line);
    assert_int_equal(catalog_target(w->catalog, buf_slice(&all), 0), 0);
    int result = catalog_add(w->catalog, buf_slice(&b));
    if (result == 0)
        catalog_apply(w->catalog);
    else
        catalog_abandon(w->catalog);
    buf_done(&all);
    buf_done(&b);
    return result;
}

/* Spellings from `first` on: a PUT each, or a DEL. */
static int take_spelled(struct world *w, uint64_t usn, size_t user, size_t first, size_t n,
                        bool put)
{
    static struct record r[2048];
    for (size_t i = 0; i < n; i++) {
        r[i] = spelled(user, first + i);
        r[i].put = put;
    }
    return take(w, usn, r, n);
}

static void test_holder_refuses(void **state)
{
    (void)state;
    static struct record fields[2000];
    struct world w;
    world_init(&w, true);
    assert_int_equal(take_spelled(&w, 1, 0, 0, 1000, true), 0);
    assert_int_equal(take_spelled(&w, 2000, 0, 1000, 25, true), -3);
    assert_int_equal(take_spelled(&w, 2000, 0, 1000, 24, true), 0);
    assert_int_equal(take_spelled(&w, 3000, 0, 5, 1, false), -3);
    assert_int_equal(take_spelled(&w, 3000, 1, 0, 1, true), 0);
    assert_int_equal(catalog_live(w.catalog), KEY_RECORDS_MAX + 1);
    for (size_t i = 0; i < 2000; i++)
        fields[i] = field(0, i);
    assert_int_equal(take(&w, 4000, fields, 2000), 0); /* what is no URI has no case */
    world_done(&w);
}

/* What a record costs does not grow with those of other users. */
static void test_holder_cost(void **state)
{
    (void)state;
    struct world w;
    uint64_t first = 0;
    world_init(&w, true);
    for (size_t user = 0; user < USERS; user++) {
        looked = 0;
        assert_int_equal(take_spelled(&w, 1 + user * 2000, user, 0, KEY_RECORDS_MAX, true), 0);
        first = user == 0 ? looked : first;
        assert_true(looked <= first + first / 8);
    }
    assert_true(first < (uint64_t)KEY_RECORDS_MAX * KEY_RECORDS_MAX);
    looked = 0; /* and the rest of a flood is not looked at */
    assert_int_equal(take_spelled(&w, 100000, 0, 2000, 2000, true), -3);
    assert_true(looked < 8000 + w.plan->index.used); /* these may have moved to a larger table */
    world_done(&w);
}

static size_t ask(const struct world *w, const struct record *key, struct candidate *out)
{
    looked = 0;
    return plan_candidates(w->plan, key->kind, key->user, key->domain, out, 4);
}

/* Whoever asks for any of them: each record is looked at a few times, not as often as there are
 * others. */
static void test_lookup_cost(void **state)
{
    (void)state;
    const uint64_t most = 64 * KEY_RECORDS_MAX;
    struct candidate out[4];
    struct world w;
    world_init(&w, true);
    assert_int_equal(take_spelled(&w, 1, 0, 0, 500, true), 0);
    assert_int_equal(take_spelled(&w, 1000, 0, 200, 300, false), 0);
    struct record exact = spelled(0, 3), gone = spelled(0, 250), other = spelled(0, 4000);
    assert_int_equal(ask(&w, &exact, out), 1);
    assert_true(looked < most && slice_eq(out[0].r.user, exact.user));
    assert_int_equal(ask(&w, &gone, out), 1);
    assert_true(looked < most && candidate_usn(w.plan, &out[0]) == 200); /* the later one */
    assert_int_equal(ask(&w, &other, out), 1);
    assert_true(looked < most && candidate_usn(w.plan, &out[0]) == 200);
    assert_int_equal(index_spellings(w.catalog, &other), 200);
    world_done(&w);

    static struct record same[KEY_RECORDS_MAX]; /* one spelling, again and again */
    world_init(&w, false);
    for (size_t i = 0; i < KEY_RECORDS_MAX; i++)
        same[i] = spelled(0, 3);
    assert_int_equal(take(&w, 1, same, KEY_RECORDS_MAX), 0);
    assert_int_equal(ask(&w, &exact, out), 1);
    assert_true(looked < most && candidate_usn(w.plan, &out[0]) == KEY_RECORDS_MAX);
    assert_int_equal(ask(&w, &gone, out), 0);
    world_done(&w);
}

/* An origin may use one USN twice: which spelling is the later one must depend neither on which
 * segment came first nor on what a holder's hash makes of them. */
static void test_order_of_coming(void **state)
{
    (void)state;
    size_t first = 0;
    for (size_t k = 0; k < 16; k++) {
        struct world w;
        struct candidate out[4];
        struct record one = spelled(0, 1), other = spelled(0, 9);
        world_seed(&w, true, (uint8_t)k);
        assert_int_equal(take_spelled(&w, 7, 0, 1 + k % 2, 1, true), 0);
        assert_int_equal(take_spelled(&w, 7, 0, 2 - k % 2, 1, true), 0);
        assert_int_equal(ask(&w, &other, out), 1);
        first += slice_eq(out[0].r.user, one.user);
        world_done(&w);
    }
    assert_true(first == 0 || first == 16);
}

/* --- an origin */

static int commit(struct world *w, const struct change *change, size_t n)
{
    int result = origin_commit(&w->arena, w->catalog, &w->head, &w->head, change, n, secret,
                               &w->commit);
    if (result != 0)
        return result;
    assert_int_equal(catalog_target(w->catalog, w->commit.lines, 0), 0);
    for (size_t i = 0; i < w->commit.segment_n; i++)
        assert_int_equal(catalog_add(w->catalog, w->commit.segment[i].bytes), 0);
    catalog_apply(w->catalog);
    w->head = w->commit.head;
    return 0;
}

static struct change change_of(size_t user, size_t n, bool put)
{
    struct record r = spelled(user, n);
    return (struct change){.put = put, .kind = r.kind, .user = r.user, .domain = r.domain};
}

static int commit_spelled(struct world *w, size_t user, size_t first, size_t n, bool put)
{
    struct change change[256];
    for (size_t i = 0; i < n; i++)
        change[i] = change_of(user, first + i, put);
    return commit(w, change, n);
}

static void test_origin_refuses(void **state)
{
    (void)state;
    struct world w;
    struct change two[4] = {change_of(0, 7, false), change_of(0, 100, true),
                            change_of(0, 101, true), change_of(0, 8, false)};
    world_init(&w, true);
    assert_int_equal(commit_spelled(&w, 0, 0, KEY_SPELLINGS_MAX + 1, true), -4);
    assert_int_equal(w.head.usn, 0);
    assert_int_equal(commit_spelled(&w, 0, 0, KEY_SPELLINGS_MAX, true), 0);
    assert_int_equal(commit_spelled(&w, 0, 64, 1, true), -4);
    assert_int_equal(commit_spelled(&w, 1, 64, 1, true), 0); /* another user */
    assert_int_equal(commit(&w, two, 3), -4);
    assert_int_equal(commit(&w, two, 4), 0); /* as many go as come */
    assert_int_equal(commit_spelled(&w, 0, 10, 5, false), 0);
    assert_int_equal(commit_spelled(&w, 0, 200, 5, true), 0);
    assert_int_equal(commit_spelled(&w, 0, 205, 1, true), -4);
    assert_int_equal(catalog_live(w.catalog), KEY_SPELLINGS_MAX + 1);
    world_done(&w);
}

static void test_origin_names_it(void **state)
{
    (void)state;
    struct world w;
    struct change change[KEY_SPELLINGS_MAX + 2];
    size_t budget = SIZE_MAX;
    world_init(&w, true);
    for (size_t i = 0; i < KEY_SPELLINGS_MAX + 1; i++)
        change[i] = change_of(2, i, true);
    change[KEY_SPELLINGS_MAX + 1] = change_of(3, 0, true);
    struct changes_of of = {.change = change, .n = KEY_SPELLINGS_MAX + 2};
    struct origin *o = origin_begin(&w.arena, w.catalog, &w.head, false, &of);
    assert_int_equal(origin_go_on(o, &budget), -4);
    assert_true(slice_eq_fold(origin_refused(o)->user, change[0].user));
    origin_done(o);
    world_done(&w);
}

/* What an older version let be there may change and become less, but not more. */
static void test_more_than_may_be(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, true);
    assert_int_equal(take_spelled(&w, 1, 0, 0, 100, true), 0);
    w.head.usn = 100;
    w.head.lines = 1;
    assert_int_equal(commit_spelled(&w, 0, 100, 1, true), -4);
    assert_int_equal(commit_spelled(&w, 0, 99, 1, false), 0);
    struct change change = change_of(0, 0, true);
    change.source = slice_of("csv");
    assert_int_equal(commit(&w, &change, 1), 0);
    assert_int_equal(catalog_live(w.catalog), 99);
    world_done(&w);
}

/* So much beside it that no tail is folded. */
static size_t large_changes(struct change *change, size_t k)
{
    enum { LARGE = 3 };
    static uint8_t filler[11000];
    static char name[1000 * LARGE][8];
    for (size_t i = 0; i < LARGE; i++) {
        char *text = name[k * LARGE + i];
        snprintf(text, sizeof name[0], "%zu", 100 + k * LARGE + i);
        change[i] = (struct change){.put = true, .kind = ENTRY_FIELD, .user = slice_of(text),
                                    .value = slice_make(filler, sizeof filler)};
    }
    return LARGE;
}

/* All spellings leave and others come, again and again, in one commit or one after the other: the
 * records stay so few that a holder takes any head after any other. */
static void crowd(bool apart)
{
    struct world w;
    struct found found;
    struct record key = spelled(0, 0);
    const size_t half = KEY_SPELLINGS_MAX;
    world_init(&w, true);
    for (size_t k = 0; k < 200; k++) {
        struct change change[2 * KEY_SPELLINGS_MAX + 8];
        size_t n = large_changes(change, k), come = apart ? k / 2 : k;
        bool puts = !apart || k % 2 == 0, dels = apart ? k % 2 == 1 : k > 0;
        for (size_t i = 0; puts && i < half; i++)
            change[n++] = change_of(0, come * half + i, true);
        for (size_t i = 0; dels && i < half; i++)
            change[n++] = change_of(0, (apart ? come : come - 1) * half + i, false);
        assert_int_equal(commit(&w, change, n), 0);
        (void)index_find(w.catalog, SEGMENT_SERVED, &key, &found);
        assert_true(found.held <= KEY_RECORDS_MAX / 2);
        assert_int_equal(index_spellings(w.catalog, &key), puts ? half : 0);
    }
    world_done(&w);
}

static void test_crowded(void **state)
{
    (void)state;
    crowd(false);
    crowd(true);
}

/* --- tables of what is imported */

/* How often keys are compared, of 2000 that share a 64th of a table for who knows that secret. */
static uint64_t crafted(const uint8_t *known, const uint8_t *secret_of_plan)
{
    enum { COUNT = 2000, MASK = 4095 };
    static struct foresee_key key[COUNT];
    static char text[COUNT][16];
    struct test_mem t;
    struct foresee f;
    struct policy_subject catalog = {.key = public_key, .number = STREAM_PLAN, .local = true,
                                     .cluster_id = slice_of("osaka")};
    size_t n = 0;
    for (unsigned i = 1; n < COUNT; i++) {
        snprintf(text[n], sizeof text[n], "%u", i);
        key[n] = (struct foresee_key){.kind = ENTRY_ENTERPRISE, .put = true,
                                      .user = slice_of(text[n])};
        n += (key_hash(known, key[n].kind, key[n].user, key[n].domain) & MASK) < 64;
    }
    test_mem_init(&t, 0);
    struct plan *p = plan_new(&t.mem, secret_of_plan, true);
    compared = 0;
    assert_true(foresee_init(&f, &t.mem, p, NULL, &catalog, key, COUNT));
    foresee_done(&f);
    plan_free(p);
    return compared;
}

static void test_crafted_keys(void **state)
{
    (void)state;
    static const uint8_t zero[16], other[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    assert_true(crafted(zero, other) < 10 * 2000);
    assert_true(crafted(zero, zero) > 1000000); /* control: it is the secret that helps */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holder_refuses),
        cmocka_unit_test(test_holder_cost),
        cmocka_unit_test(test_lookup_cost),
        cmocka_unit_test(test_order_of_coming),
        cmocka_unit_test(test_origin_refuses),
        cmocka_unit_test(test_origin_names_it),
        cmocka_unit_test(test_more_than_may_be),
        cmocka_unit_test(test_crowded),
        cmocka_unit_test(test_crafted_keys),
    };
    uint8_t seed[SEED_SIZE] = {1};
    crypto_keypair(seed, public_key, secret);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
