/* The origin's commits, and a model of replication: an origin that changes, folds and adopts its
 * own head again after a loss, and receivers that fetch from it or from each other and are cut off
 * at any segment. At every head that is applied, the catalog must say exactly what a naive map
 * said when the origin signed it.
 *
 * The same file, built together with an origin that drops DELs too early
 * (OPENILS_BUG_DROP_DEL_EARLY), is the control: the model must notice. */
#include <stdio.h>

#include "test.h"

#include "base/rand.h"
#include "plan/index.h"
#include "plan/origin.h"

#define KEYS      120
#define RECEIVERS 3
#define STEPS     300
#define SOURCES   3
#define HISTORIES 300

static uint8_t public_key[KEY_SIZE], secret[SECRET_SIZE];

/* --- a small world of keys: what they are called, what their n-th value is */

static char user_text[KEYS][16];
static uint8_t filler[16384];

static struct record key_of(size_t i)
{
    static const char *const domain[] = {"tokyo.example.com", "osaka.example.com", "x.example"};
    struct record r = {.put = true, .kind = ENTRY_URI, .user = slice_of(user_text[i])};
    if (i % 4 == 3)
        r.kind = i % 8 == 3 ? ENTRY_ENTERPRISE : ENTRY_FIELD;
    else
        r.domain = slice_of(domain[i % 3]);
    return r;
}

/* value 0: not there. Long values fill segments, so that some lines are no tail. */
static struct change change_of(size_t i, uint16_t value)
{
    static const char *const source[SOURCES] = {"", "csv", "operator"};
    struct record key = key_of(i);
    size_t n = value % 7 + (key.kind == ENTRY_URI ? value % 3 * 100u : value % 5 * 3500u);
    return (struct change){
        .put = value != 0,
        .kind = key.kind,
        .user = key.user,
        .domain = key.domain,
        .value = slice_make(filler + value % 64, n),
        .source = slice_of(source[value % SOURCES]),
    };
}

struct snapshot {
    struct head head;
    uint16_t value[KEYS];
};

struct holder {
    struct plan *plan;
    struct catalog *catalog;
    struct head head;
    size_t at;      /* snapshot applied */
    bool has, wants;
    size_t wanted;  /* snapshot that is the target */
};

struct history {
    struct test_mem t;
    struct rand rand;
    size_t keys;
    struct holder origin, receiver[RECEIVERS];
    struct snapshot *snapshot;
    size_t snapshot_n;
    uint16_t value[KEYS], next_value;
    const char *wrong;
    size_t folds, middles, cuts, applied, adopted;
};

static void blame(struct history *h, const char *what)
{
    if (h->wrong == NULL)
        h->wrong = what;
}

/* --- what a holder says is what the map said */

struct counter {
    struct history *h;
    const struct snapshot *snapshot;
    uint64_t n;
};

static bool count_one(void *context, const struct record *r)
{
    struct counter *counter = context;
    counter->n++;
    if (!r->put)
        blame(counter->h, "a DEL is walked");
    return true;
}

static void compare(struct history *h, const struct holder *holder)
{
    const struct snapshot *s = &h->snapshot[holder->at];
    struct counter counter = {h, s, 0};
    uint64_t live = 0, sum = 0, want_live, want_sum;
    for (size_t i = 0; i < h->keys; i++) {
        struct record key = key_of(i), got;
        struct change want = change_of(i, s->value[i]);
        bool there = catalog_find(holder->catalog, &key, &got);
        if (there != want.put)
            blame(h, there ? "a zombie" : "an entry is lost");
        if (!there)
            continue;
        if (!slice_eq(got.value, want.value) || !slice_eq(got.source, want.source))
            blame(h, "another value or source");
        live++;
        sum += mix64(got.usn);
        struct candidate candidate;
        if (plan_candidates(holder->plan, key.kind, key.user, key.domain, &candidate, 1) != 1 ||
            candidate_usn(holder->plan, &candidate) != got.usn)
            blame(h, "the plan does not find it");
    }
    catalog_digest(holder->catalog, &want_live, &want_sum);
    bool same = live == want_live && sum == want_sum;
    if (live != s->head.live || sum != s->head.sum || (!holder->wants && !same))
        blame(h, "digest");
    catalog_walk(holder->catalog, count_one, &counter);
    if (counter.n != live || catalog_live(holder->catalog) != live)
        blame(h, "walked another number");
}

/* --- the origin */

static void take(struct history *h, struct holder *holder, const struct commit *commit)
{
    assert_int_equal(catalog_target(holder->catalog, commit->lines, commit->head.live), 0);
    for (size_t i = 0; i < commit->segment_n; i++)
        assert_true(catalog_add(holder->catalog, commit->segment[i].bytes) >= 0);
    size_t at = 0;
    struct line line;
    if (catalog_missing(holder->catalog, &at, &line)) {
        blame(h, "the origin misses its own segment");
        return;
    }
    catalog_apply(holder->catalog);
    holder->head = commit->head;
    holder->at = h->snapshot_n - 1;
    holder->has = true;
    compare(h, holder);
}

static void commit_changes(struct history *h, const struct head *former, const struct head *next,
                           const struct change *change, size_t n)
{
    struct arena a;
    struct commit commit;
    arena_init(&a, &h->t.mem);
    assert_int_equal(origin_commit(&a, h->origin.catalog, former, next, change, n, secret,
                                   &commit), 0);
    h->folds += commit.rewritten > 0;
    for (size_t i = 0; i < commit.dropped_n; i++)
        h->middles += commit.rewritten > 0 && commit.dropped[i].size > SEGMENT_MAX / 2;
    struct snapshot *s = &h->snapshot[h->snapshot_n++];
    s->head = commit.head;
    s->head.name = s->head.route_string = slice_make(NULL, 0);
    memcpy(s->value, h->value, sizeof s->value);
    if (h->snapshot_n > 1 && former->usn >= commit.head.usn)
        blame(h, "a USN is used twice");
    if (!head_signed(commit.head_bytes))
        blame(h, "not signed");
    take(h, &h->origin, &commit);
    arena_done(&a);
}

static void change_some(struct history *h)
{
    static const uint64_t sizes[] = {1, 1, 1, 3, 40, 80};
    struct change change[80];
    size_t n = sizes[rand_below(&h->rand, 6)];
    for (size_t k = 0; k < n; k++) {
        size_t i = rand_below(&h->rand, h->keys);
        uint16_t value = rand_below(&h->rand, 10) < 4 ? 0 : ++h->next_value;
        h->value[i] = value;
        change[k] = change_of(i, value);
    }
    commit_changes(h, &h->origin.head, &h->origin.head, change, n);
}

/* The origin has lost its disk and takes up its own newest head from a receiver. */
static void adopt(struct history *h)
{
    struct holder *best = NULL, *o = &h->origin;
    for (size_t i = 0; i < RECEIVERS; i++) {
        struct holder *r = &h->receiver[i];
        if (r->has && (best == NULL || head_order(&r->head, &best->head) > 0))
            best = r;
    }
    if (best == NULL)
        return;
    catalog_free(o->catalog);
    o->catalog = catalog_new(o->plan, public_key, STREAM_PLAN, true);
    struct slice lines = catalog_lines(best->catalog);
    assert_int_equal(catalog_target(o->catalog, lines, best->head.live), 0);
    struct line line;
    for (size_t at = 0; catalog_missing(o->catalog, &at, &line);)
        assert_int_equal(catalog_add(o->catalog, catalog_segment(best->catalog, line.name)), 0);
    catalog_apply(o->catalog);
    memcpy(h->value, h->snapshot[best->at].value, sizeof h->value);
    struct head former = best->head, next = best->head;
    former.usn += 1u << 20;
    next.epoch = ((next.epoch >> 32) + 1) << 32 | (rand_u64(&h->rand) & UINT32_MAX);
    commit_changes(h, &former, &next, NULL, 0);
    h->adopted++;
}

/* --- receivers */

static void receive(struct history *h, struct holder *r, const struct holder *from, bool lossy)
{
    if (!from->has || (r->has && head_order(&from->head, &r->head) <= 0))
        return;
    if (!r->wants || r->wanted != from->at) {
        struct slice lines = catalog_lines(from->catalog);
        assert_int_equal(catalog_target(r->catalog, lines, from->head.live), 0);
        r->wants = true;
        r->wanted = from->at;
    }
    struct line line;
    for (size_t at = 0; catalog_missing(r->catalog, &at, &line);) {
        if (lossy && rand_below(&h->rand, 5) == 0) {
            h->cuts++;
            if (rand_below(&h->rand, 4) == 0) {
                catalog_abandon(r->catalog);
                r->wants = false;
            }
            if (r->has)
                compare(h, r); /* what was served is served unchanged */
            return;
        }
        struct slice bytes = catalog_segment(from->catalog, line.name);
        assert_int_equal(catalog_add(r->catalog, bytes), 0);
        assert_int_equal(catalog_add(r->catalog, bytes), 1);
    }
    uint64_t live, sum;
    catalog_digest(r->catalog, &live, &sum);
    if (live != from->head.live || sum != from->head.sum)
        blame(h, "digest of the target");
    if (rand_below(&h->rand, 20) == 0)
        assert_int_equal(catalog_rebuild(r->catalog), 0);
    catalog_apply(r->catalog);
    r->head = from->head;
    r->at = from->at;
    r->has = true;
    r->wants = false;
    h->applied++;
    compare(h, r);
}

static void holder_init(struct history *h, struct holder *holder)
{
    uint8_t seed[16] = {(uint8_t)rand_u64(&h->rand)};
    *holder = (struct holder){0};
    holder->plan = plan_new(&h->t.mem, seed, true);
    holder->catalog = catalog_new(holder->plan, public_key, STREAM_PLAN, true);
}

static const char *history_run(struct history *h, uint64_t seed)
{
    test_mem_init(&h->t, 0);
    rand_seed(&h->rand, seed);
    h->wrong = NULL;
    h->snapshot_n = 0;
    h->next_value = 0;
    memset(h->value, 0, sizeof h->value);
    h->keys = rand_below(&h->rand, 2) == 0 ? 15 : KEYS;
    holder_init(h, &h->origin);
    for (size_t i = 0; i < RECEIVERS; i++)
        holder_init(h, &h->receiver[i]);

    struct head none = {0}, first = {.number = STREAM_PLAN, .epoch = UINT64_C(1) << 32};
    memcpy(first.key, public_key, KEY_SIZE);
    commit_changes(h, &none, &first, NULL, 0);
    for (size_t step = 0; step < STEPS && h->wrong == NULL; step++) {
        uint64_t x = rand_below(&h->rand, 100);
        if (x < 55)
            change_some(h);
        else if (x < 57)
            adopt(h);
        else {
            struct holder *r = &h->receiver[rand_below(&h->rand, RECEIVERS)];
            size_t from = rand_below(&h->rand, RECEIVERS + 1);
            struct holder *source = from == RECEIVERS ? &h->origin : &h->receiver[from];
            if (source != r)
                receive(h, r, source, true);
        }
    }
    for (size_t i = 0; i < RECEIVERS; i++) {
        receive(h, &h->receiver[i], &h->origin, false);
        plan_free(h->receiver[i].plan);
    }
    plan_free(h->origin.plan);
    if (h->t.mem.used != 0)
        blame(h, "memory is not given back");
    return h->wrong;
}

static struct history *history_new(void)
{
    struct history *h = calloc(1, sizeof *h);
    h->snapshot = calloc(STEPS + 2, sizeof *h->snapshot);
    return h;
}

static void history_free(struct history *h)
{
    free(h->snapshot);
    free(h);
}

#ifndef OPENILS_BUG_DROP_DEL_EARLY
static void test_model(void **state)
{
    (void)state;
    struct history *h = history_new();
    for (uint64_t seed = 0; seed < HISTORIES; seed++) {
        const char *wrong = history_run(h, seed);
        if (wrong != NULL)
            fail_msg("history %u: %s", (unsigned)seed, wrong);
    }
    /* The histories did what they are for. */
    assert_true(h->folds > 300 && h->middles > 300);
    assert_true(h->cuts > 1000 && h->applied > 1000 && h->adopted > 200);
    history_free(h);
}
#else
static void test_control(void **state)
{
    (void)state;
    struct history *h = history_new();
    size_t caught = 0;
    for (uint64_t seed = 0; seed < HISTORIES && caught == 0; seed++)
        caught += history_run(h, seed) != NULL;
    assert_true(caught > 0);
    history_free(h);
}
#endif

#ifndef OPENILS_BUG_DROP_DEL_EARLY
/* --- one commit at a time */

struct one {
    struct test_mem t;
    struct plan *plan;
    struct catalog *catalog;
    struct arena arena;
    struct head head;
    struct commit commit;
};

static void one_init(struct one *o)
{
    uint8_t seed[16] = {0};
    test_mem_init(&o->t, 0);
    o->plan = plan_new(&o->t.mem, seed, true);
    o->catalog = catalog_new(o->plan, public_key, STREAM_SELF, false);
    arena_init(&o->arena, &o->t.mem);
    o->head = (struct head){.number = STREAM_SELF, .epoch = 1, .name = slice_of("hub")};
    memcpy(o->head.key, public_key, KEY_SIZE);
}

static int one_commit(struct one *o, const struct change *change, size_t n)
{
    int result = origin_commit(&o->arena, o->catalog, &o->head, &o->head, change, n, secret,
                               &o->commit);
    if (result != 0)
        return result;
    assert_int_equal(catalog_target(o->catalog, o->commit.lines, 0), 0);
    for (size_t i = 0; i < o->commit.segment_n; i++)
        assert_true(catalog_add(o->catalog, o->commit.segment[i].bytes) >= 0);
    catalog_apply(o->catalog);
    o->head = o->commit.head;
    return 0;
}

static void one_done(struct one *o)
{
    arena_done(&o->arena);
    plan_free(o->plan);
    assert_int_equal(o->t.mem.used, 0);
}

/* In as many steps as one likes: the same bytes. */
static void same_in_steps(struct one *o, const struct change *change, size_t n, size_t most)
{
    struct arena a;
    struct commit c;
    size_t k = 0, budget = most;
    int result;
    const struct changes_of of = {.change = change, .n = n / 2};
    const struct change *more[64];
    for (size_t i = n / 2; i < n; i++)
        more[k++] = &change[i];
    const struct changes_of both = {.change = change, .n = of.n, .more = more, .more_n = k};
    arena_init(&a, &o->t.mem);
    struct origin *w = origin_begin(&a, o->catalog, &o->head, false, &both);
    assert_non_null(w);
    for (k = 1; (result = origin_go_on(w, &budget)) == 1; k++) {
        assert_true(budget < most);
        budget = most;
    }
    assert_int_equal(result, 0);
    assert_true(k > 1 || most > n);
    assert_int_equal(origin_end(w, &o->head, secret, &c), 0);
    origin_done(w);
    assert_true(slice_eq(c.head_bytes, o->commit.head_bytes));
    assert_true(slice_eq(c.lines, o->commit.lines));
    assert_int_equal(c.change_n, o->commit.change_n);
    assert_int_equal(c.dropped_n, o->commit.dropped_n);
    arena_done(&a);
}

static void test_in_steps(void **state)
{
    static const size_t most[] = {1, 2, 7, 30, 1000};
    char user[64][8];
    struct change change[64];
    struct rand r;
    struct one o;
    (void)state;
    rand_seed(&r, 5);
    one_init(&o);
    for (size_t round = 0; round < 60; round++) {
        for (size_t i = 0; i < 64; i++) {
            snprintf(user[i], sizeof user[i], "u%u", (unsigned)rand_below(&r, 90));
            change[i] = (struct change){.put = rand_below(&r, 3) != 0, .kind = ENTRY_FIELD,
                                        .user = slice_of(user[i]),
                                        .value = slice_of(rand_below(&r, 2) != 0 ? "x" : ""),
                                        .source = slice_of(rand_below(&r, 2) != 0 ? "p" : "q")};
            if (!change[i].put)
                change[i].value = change[i].source = slice_make(NULL, 0);
        }
        arena_reset(&o.arena);
        assert_int_equal(origin_commit(&o.arena, o.catalog, &o.head, &o.head, change, 64, secret,
                                       &o.commit), 0);
        for (size_t i = 0; i < sizeof most / sizeof *most; i++)
            same_in_steps(&o, change, 64, most[i]);
        assert_int_equal(one_commit(&o, change, 64), 0);
    }
    one_done(&o);
}

static void test_effects(void **state)
{
    (void)state;
    struct one o;
    one_init(&o);
    assert_int_equal(one_commit(&o, NULL, 0), 0);
    assert_int_equal(o.head.usn, 1);
    assert_int_equal(o.head.lines, 0);
    assert_int_equal(o.head.live, 0);

    struct change change[] = {change_of(0, 1), change_of(1, 2), change_of(1, 0), change_of(2, 4),
                              change_of(0, 5), change_of(4, 0)};
    assert_int_equal(one_commit(&o, change, 6), 0);
    assert_int_equal(o.commit.puts, 2);
    assert_int_equal(o.commit.dels, 0);
    assert_int_equal(o.head.usn, 3);
    assert_int_equal(o.head.live, 2);
    assert_int_equal(o.head.peak, 2);
    assert_int_equal(o.head.lines, 1);
    assert_int_equal(o.head.bytes, o.commit.segment[0].line.size);
    assert_true(o.head.sum == mix64(2) + mix64(3));
    struct record key = key_of(0), got;
    assert_true(catalog_find(o.catalog, &key, &got));
    assert_true(slice_eq(got.value, change[4].value));

    change[0] = change_of(0, 5); /* what is there already */
    change[1] = change_of(3, 0); /* what is not there */
    assert_int_equal(one_commit(&o, change, 2), 0);
    assert_int_equal(o.commit.puts + o.commit.dels, 0);
    assert_int_equal(o.commit.segment_n, 0);
    assert_int_equal(o.head.usn, 4);

    change[0].source = slice_of("another"); /* another source is a change */
    change[1] = change_of(2, 0);
    assert_int_equal(one_commit(&o, change, 2), 0);
    assert_int_equal(o.commit.puts, 1);
    assert_int_equal(o.commit.dels, 1);
    assert_int_equal(o.head.usn, 6);
    assert_int_equal(o.head.live, 1);
    assert_int_equal(o.head.peak, 2);

    o.head.flags = HEAD_FLAG_LEFT;
    assert_int_equal(one_commit(&o, change, 2), 0);
    assert_int_equal(o.head.usn, 7);
    assert_int_equal(o.head.lines, 0);
    assert_int_equal(o.head.bytes, 0);
    assert_int_equal(o.head.live, 0);
    assert_int_equal(o.head.sum, 0);
    assert_int_equal(o.commit.dropped_n, 1);
    assert_int_equal(catalog_live(o.catalog), 0);
    one_done(&o);
}

static void test_order_of_records(void **state)
{
    (void)state;
    struct one o;
    one_init(&o);
    struct change change[6] = {
        {true, ENTRY_URI, slice_of("b"), slice_of("y.example"), {NULL, 0}, slice_of("csv")},
        {true, ENTRY_URI, slice_of("a"), slice_of("y.example"), {NULL, 0}, slice_of("csv")},
        {true, ENTRY_E164, slice_of("+1"), {NULL, 0}, {NULL, 0}, slice_of("csv")},
        {true, ENTRY_URI, slice_of("z"), slice_of("x.example"), {NULL, 0}, slice_of("csv")},
        {true, ENTRY_E164, slice_of("+2"), {NULL, 0}, {NULL, 0}, slice_of("")},
        {true, ENTRY_URI, slice_of("c"), slice_of("y.example"), {NULL, 0}, slice_of("")},
    };
    static const char *const order[] = {"c", "+2", "z", "a", "b", "+1"};
    assert_int_equal(one_commit(&o, change, 6), 0);
    struct segment_reader r;
    struct record got;
    segment_reader_init(&r, o.commit.segment[0].bytes);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(segment_next(&r, &got), 1);
        assert_true(slice_eq(got.user, slice_of(order[i])));
        assert_int_equal(got.usn, i + 1);
        assert_true(slice_eq(got.source, slice_of(i < 2 ? "" : "csv")));
    }
    one_done(&o);
}

/* The n-th key of another kind of world: many short ones. */
static struct change named(size_t n)
{
    static char text[4096][8];
    char *name = text[n % 4096];
    for (size_t i = 6; i > 0; i--, n /= 10)
        name[i - 1] = (char)('0' + n % 10);
    return (struct change){.put = true, .kind = ENTRY_FIELD, .user = slice_of(name)};
}

/* One key changes in every one of many large commits that nothing else happens to: before holders
 * would refuse one record of it more, a few of the segments that have it are rewritten. */
static void test_crowded_key(void **state)
{
    (void)state;
    enum { LARGE = 3, COMMITS = KEY_RECORDS_MAX * 5 / 4 };
    struct one o;
    one_init(&o);
    struct change change[LARGE + 1];
    size_t rewrites = 0, most = 0;
    for (size_t k = 0; k < COMMITS; k++) {
        for (size_t i = 0; i < LARGE; i++) {
            change[i] = named(k * LARGE + i);
            change[i].value = slice_make(filler, 11000);
        }
        change[LARGE] = change_of(0, (uint16_t)(k + 1));
        assert_int_equal(one_commit(&o, change, LARGE + 1), 0);
        rewrites += o.commit.dropped_n > 0;
        most = o.commit.dropped_n > most ? o.commit.dropped_n : most;
        assert_true(o.head.live == (k + 1) * LARGE + 1);
    }
    assert_true(rewrites > 5 && rewrites < COMMITS / 10 && most <= 70);
    one_done(&o);
}

/* Two keys a commit, one of which changes in the next too: of each line something is kept. */
static void test_fold_by_lines(void **state)
{
    (void)state;
    struct one o;
    one_init(&o);
    for (size_t i = 0; i < TAIL_LINES_MAX; i++) {
        struct change change[2] = {named(i), named(i + 1)};
        change[0].value = slice_make(filler, 2);
        assert_int_equal(one_commit(&o, change, 2), 0);
        assert_int_equal(o.head.lines, i + 1);
        assert_int_equal(o.commit.dropped_n + o.commit.rewritten, 0);
    }
    struct change last[2] = {named(TAIL_LINES_MAX), named(TAIL_LINES_MAX + 1)};
    assert_int_equal(one_commit(&o, last, 2), 0);
    assert_int_equal(o.head.lines, 1);
    assert_int_equal(o.commit.dropped_n, TAIL_LINES_MAX);
    assert_int_equal(o.commit.segment_n, 1);
    assert_int_equal(o.commit.rewritten, o.commit.segment[0].line.size);
    assert_int_equal(o.head.live, TAIL_LINES_MAX + 2);
    uint32_t records;
    assert_true(segment_measure(o.commit.segment[0].bytes, &records));
    assert_int_equal(records, TAIL_LINES_MAX + 2);
    one_done(&o);
}

/* One key that changes all the time is one line, and nothing is written twice. */
static void test_one_key(void **state)
{
    (void)state;
    struct one o;
    one_init(&o);
    for (size_t i = 0; i < 3 * TAIL_LINES_MAX; i++) {
        struct change change = change_of(1, (uint16_t)(i + 1));
        assert_int_equal(one_commit(&o, &change, 1), 0);
        assert_int_equal(o.head.lines, 1);
        assert_int_equal(o.commit.dropped_n, i > 0);
        assert_int_equal(o.commit.rewritten, 0);
        assert_int_equal(o.head.usn, i + 1);
    }
    struct change gone = change_of(1, 0);
    assert_int_equal(one_commit(&o, &gone, 1), 0);
    assert_int_equal(o.head.lines, 0); /* the DEL has nothing to hide */
    assert_int_equal(o.head.usn, 3 * TAIL_LINES_MAX + 1);
    one_done(&o);
}

/* A full segment dies key by key: at half it is written anew, and what DELs are left go with the
 * last PUT that they hide. */
static void test_half_dead(void **state)
{
    (void)state;
    enum { N = 64 };
    struct one o;
    one_init(&o);
    struct change change[N];
    for (size_t i = 0; i < N; i++) {
        change[i] = named(i);
        change[i].value = slice_make(filler, 900);
    }
    assert_int_equal(one_commit(&o, change, N), 0);
    assert_int_equal(o.head.lines, 1);
    const uint64_t full = o.head.bytes;
    for (size_t i = 0; i < N; i++)
        change[i].put = false;
    assert_int_equal(one_commit(&o, change, N / 2), 0);
    assert_int_equal(o.head.lines, 2); /* half dead is not more than half dead */
    assert_true(o.head.bytes > full);
    assert_int_equal(one_commit(&o, change + N / 2, 1), 0);
    assert_int_equal(o.head.lines, 1);
    assert_true(o.head.bytes < full / 2);
    uint32_t records;
    assert_true(segment_measure(o.commit.segment[0].bytes, &records));
    assert_int_equal(records, N / 2 - 1);
    assert_int_equal(one_commit(&o, change + N / 2 + 1, N / 2 - 1), 0);
    assert_int_equal(o.head.lines, 0);
    one_done(&o);
}

/* Neighbours before the tail that fit into one are joined; the records keep their USNs. */
static void test_join(void **state)
{
    (void)state;
    static const size_t size[] = {40, 20, 40}; /* KB: the small one is tail until the third comes */
    struct one o;
    one_init(&o);
    struct change change[40];
    size_t n = 0;
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < size[k]; i++) {
            change[i] = named(n++);
            change[i].value = slice_make(filler, 1000);
        }
        assert_int_equal(one_commit(&o, change, size[k]), 0);
        assert_int_equal(o.head.lines, k + 1);
    }
    const uint64_t sum = o.head.sum;
    assert_int_equal(one_commit(&o, NULL, 0), 0);
    assert_int_equal(o.head.lines, 2);
    assert_int_equal(o.commit.dropped_n, 2);
    assert_int_equal(o.commit.segment_n, 1);
    assert_int_equal(o.head.live, 100);
    assert_true(o.head.sum == sum);
    assert_int_equal(one_commit(&o, NULL, 0), 0);
    assert_int_equal(o.commit.dropped_n, 0);
    one_done(&o);
}

/* All that is there is replaced, or removed: nothing of the former stays listed, and no DEL. */
static void test_replaced(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct one o;
    one_init(&o);
    struct change *change = calloc(N, sizeof *change);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < N; i++) {
            change[i] = named(i);
            change[i].value = slice_make(filler + round, 200);
        }
        assert_int_equal(one_commit(&o, change, N), 0);
        assert_int_equal(o.head.live, N);
        assert_int_equal(o.commit.rewritten, 0);
        assert_true(o.head.lines <= N * 256 / SEGMENT_MAX + 1);
    }
    for (size_t i = 0; i < N; i++)
        change[i].put = false;
    assert_int_equal(one_commit(&o, change, N), 0);
    assert_int_equal(o.commit.dels, N);
    assert_int_equal(o.head.lines, 0);
    assert_int_equal(o.head.usn, 4 * N);
    free(change);
    one_done(&o);
}

static void test_no_segment_holds_it(void **state)
{
    (void)state;
    struct one o;
    one_init(&o);
    struct change bad = change_of(0, 1);
    bad.domain = slice_of("Upper.example");
    assert_int_equal(one_commit(&o, &bad, 1), -3);
    bad = change_of(0, 1);
    bad.value = slice_make(filler, 256);
    assert_int_equal(one_commit(&o, &bad, 1), -3);
    one_done(&o);
}

static void refusal_body(struct mem *mem)
{
    uint8_t seed[16] = {0};
    struct plan *p = plan_new(mem, seed, false);
    struct catalog *c = p != NULL ? catalog_new(p, public_key, STREAM_PLAN, true) : NULL;
    struct head head = {.number = STREAM_PLAN, .epoch = 1};
    for (size_t round = 0; c != NULL && round < 3; round++) {
        struct arena a;
        struct commit commit;
        struct change change[60];
        for (size_t i = 0; i < 60; i++)
            change[i] = change_of(i, (uint16_t)(i % 5 == round ? 0 : 4 + 5 * (i + round)));
        arena_init(&a, mem);
        bool ok = origin_commit(&a, c, &head, &head, change, 60, secret, &commit) == 0 &&
                  catalog_target(c, commit.lines, commit.head.live) == 0;
        for (size_t i = 0; ok && i < commit.segment_n; i++)
            ok = catalog_add(c, commit.segment[i].bytes) >= 0;
        if (ok) {
            uint64_t live, sum;
            catalog_digest(c, &live, &sum);
            assert_true(live == commit.head.live && sum == commit.head.sum);
            catalog_apply(c);
            head = commit.head;
        }
        arena_done(&a);
    }
    plan_free(p);
}

static void test_refusals(void **state)
{
    (void)state;
    test_every_refusal(refusal_body);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef OPENILS_BUG_DROP_DEL_EARLY
        cmocka_unit_test(test_control),
#else
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_order_of_records),
        cmocka_unit_test(test_crowded_key),
        cmocka_unit_test(test_fold_by_lines),
        cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_half_dead),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_in_steps),
        cmocka_unit_test(test_no_segment_holds_it),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_model),
#endif
    };
    uint8_t seed[SEED_SIZE] = {9};
    crypto_keypair(seed, public_key, secret);
    for (size_t i = 0; i < KEYS; i++) {
        user_text[i][0] = (char)('a' + i % 26);
        user_text[i][1] = (char)('0' + i / 26);
    }
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (uint8_t)(i * 7 + i / 64);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
