/* Catalogs: a target is filled in any order and served in one step; what counts for a key does not
 * depend on the way there. */
#include "test.h"

#include "base/rand.h"
#include "piece.h"
#include "plan/index.h"
#include "plan/walk.h"

static const uint8_t seed[16] = {3, 1, 4};

/* The USN of the live record in the served set; 0: none. */
static uint64_t usn_of(const struct catalog *c, const char *text)
{
    struct record key = key_of(text), r;
    return catalog_find(c, &key, &r) ? r.usn : 0;
}

static size_t candidates(const struct plan *p, const char *text, struct candidate *out, size_t max)
{
    struct record key = key_of(text);
    return plan_candidates(p, key.kind, key.user, key.domain, out, max);
}

static void assert_digest(const struct catalog *c, uint64_t live, uint64_t sum)
{
    uint64_t got_live, got_sum;
    catalog_digest(c, &got_live, &got_sum);
    assert_int_equal(got_live, live);
    assert_true(got_sum == sum);
}

struct world {
    struct test_mem t;
    struct plan *p;
    struct catalog *c;
};

static void world_init(struct world *w)
{
    uint8_t key[KEY_SIZE] = {1};
    test_mem_init(&w->t, 0);
    w->p = plan_new(&w->t.mem, seed, true);
    w->c = catalog_new(w->p, key, STREAM_PLAN, true);
}

static void world_done(struct world *w)
{
    plan_free(w->p);
    assert_int_equal(w->t.mem.used, 0);
}

static void test_filling(void **state)
{
    (void)state;
    struct world w;
    struct piece a, b;
    struct line line;
    size_t at = 0;
    world_init(&w);
    PIECE(&a, 1, "+alice@one.example", "+100");
    PIECE(&b, 3, "-100", "+bob@one.example");
    assert_int_equal(catalog_add(w.c, bytes_of(&a)), 1); /* nothing is wanted yet */
    assert_int_equal(target(w.c, (const struct piece *[]){&a, &b}, 2), 0);
    assert_true(catalog_missing(w.c, &at, &line));
    assert_int_equal(at, 0);
    assert_int_equal(line.size, a.n);
    assert_int_equal(catalog_add(w.c, bytes_of(&b)), 0);
    assert_digest(w.c, 1, mix64(4));
    assert_int_equal(usn_of(w.c, "bob@one.example"), 0); /* not served yet */
    assert_int_equal(catalog_add(w.c, bytes_of(&b)), 1);
    at = 1;
    assert_false(catalog_missing(w.c, &at, &line));
    assert_int_equal(catalog_add_named(w.c, a.line.name, bytes_of(&a)), 0);
    assert_digest(w.c, 2, mix64(1) + mix64(4));
    at = 0;
    assert_false(catalog_missing(w.c, &at, &line));
    assert_int_equal(catalog_live(w.c), 0);
    catalog_apply(w.c);
    assert_int_equal(catalog_live(w.c), 2);
    assert_int_equal(usn_of(w.c, "alice@one.example"), 1);
    assert_int_equal(usn_of(w.c, "bob@one.example"), 4);
    assert_int_equal(usn_of(w.c, "100"), 0);
    assert_int_equal(catalog_lines(w.c).n, 2 * LINE_BYTES);
    assert_true(slice_eq(catalog_segment(w.c, b.line.name), bytes_of(&b)));
    world_done(&w);
}

static void test_refused_bytes(void **state)
{
    (void)state;
    struct world w;
    struct piece good, bad;
    struct line line;
    size_t at = 0;
    world_init(&w);
    PIECE(&good, 1, "+1");
    bad = good;
    bad.bytes[3] = 0x05; /* an unknown type */
    segment_name(bad.line.name, bytes_of(&bad));
    assert_int_equal(target(w.c, (const struct piece *[]){&bad}, 1), 0);
    assert_int_equal(catalog_add(w.c, bytes_of(&bad)), -2);
    assert_int_equal(catalog_add(w.c, bytes_of(&good)), 1);
    assert_true(catalog_missing(w.c, &at, &line));
    assert_null(catalog_segment(w.c, bad.line.name).p);
    good.line.size++; /* a line that no bytes can satisfy */
    assert_int_equal(target(w.c, (const struct piece *[]){&good}, 1), 0);
    assert_int_equal(catalog_add(w.c, bytes_of(&good)), 1);
    static uint8_t big[SEGMENT_MAX + 1];
    assert_int_equal(catalog_add(w.c, slice_make(big, sizeof big)), 1);
    assert_int_equal(catalog_add(w.c, slice_make(big, 0)), 1);
    world_done(&w);
}

static bool visit_all(void *context, const struct record *r)
{
    (void)r;
    ++*(int *)context;
    return true;
}

static void test_a_line_twice(void **state)
{
    (void)state;
    struct world w;
    struct piece a;
    int n = 0;
    world_init(&w);
    PIECE(&a, 1, "+1", "+2");
    serve(w.c, (const struct piece *[]){&a, &a, &a}, 3);
    catalog_walk(w.c, visit_all, &n);
    assert_int_equal(n, 2);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    assert_int_equal(catalog_lines(w.c).n, 3 * LINE_BYTES);
    serve(w.c, (const struct piece *[]){&a}, 1);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    world_done(&w);
}

static void test_served_until_applied(void **state)
{
    (void)state;
    struct world w;
    struct piece a, b, c;
    world_init(&w);
    PIECE(&a, 1, "+1", "+2");
    PIECE(&b, 3, "-1", "+3");
    PIECE(&c, 5, "+1", "-2");
    serve(w.c, (const struct piece *[]){&a, &b}, 2);
    assert_int_equal(target(w.c, (const struct piece *[]){&a, &c}, 2), 0);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    assert_int_equal(catalog_add(w.c, bytes_of(&c)), 0);
    assert_digest(w.c, 1, mix64(5));
    assert_int_equal(usn_of(w.c, "1"), 0);
    assert_int_equal(usn_of(w.c, "2"), 2);
    assert_int_equal(usn_of(w.c, "3"), 4);
    assert_int_equal(catalog_live(w.c), 2);
    catalog_abandon(w.c);
    assert_digest(w.c, 2, mix64(2) + mix64(4));
    assert_null(catalog_segment(w.c, c.line.name).p);
    assert_int_equal(usn_of(w.c, "1"), 0);

    assert_int_equal(target(w.c, (const struct piece *[]){&a, &c}, 2), 0);
    assert_int_equal(target(w.c, (const struct piece *[]){&b, &c}, 2), 0);
    assert_int_equal(catalog_add(w.c, bytes_of(&c)), 0);
    catalog_apply(w.c);
    assert_digest(w.c, 2, mix64(4) + mix64(5));
    assert_int_equal(usn_of(w.c, "1"), 5);
    assert_int_equal(usn_of(w.c, "2"), 0);
    assert_null(catalog_segment(w.c, a.line.name).p);
    assert_int_equal(target(w.c, NULL, 0), 0);
    catalog_apply(w.c);
    assert_digest(w.c, 0, 0);
    assert_int_equal(usn_of(w.c, "1"), 0);
    struct plan_stats stats;
    plan_stats(w.p, &stats);
    assert_int_equal(stats.segments, 0);
    assert_int_equal(stats.segment_bytes, 0);
    world_done(&w);
}

/* A rewrite lists a record's old and new place at once while it is fetched. */
static void test_equal_usn(void **state)
{
    (void)state;
    struct world w;
    struct piece old, new, liar;
    world_init(&w);
    PIECE(&old, 1, "+1=x", "+2");
    PIECE(&new, 1, "+1=x");
    PIECE(&liar, 1, "-1", "-2");
    serve(w.c, (const struct piece *[]){&old, &new}, 2);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    assert_int_equal(target(w.c, (const struct piece *[]){&new}, 1), 0);
    assert_digest(w.c, 1, mix64(1));
    catalog_abandon(w.c);
    /* An origin that used USNs twice: whatever it means, order of arrival does not matter. */
    serve(w.c, (const struct piece *[]){&new, &liar, &old}, 3);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    assert_int_equal(target(w.c, NULL, 0), 0);
    catalog_apply(w.c);
    serve(w.c, (const struct piece *[]){&liar, &old, &new}, 3);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    assert_int_equal(catalog_rebuild(w.c), 0);
    assert_digest(w.c, 2, mix64(1) + mix64(2));
    world_done(&w);
}

static void test_equal_usn_other_value(void **state)
{
    (void)state;
    struct world w;
    struct piece piece[2];
    struct record key = key_of("1"), got[2];
    for (size_t first = 0; first < 2; first++) {
        world_init(&w);
        PIECE(&piece[0], 1, "+1=x");
        PIECE(&piece[1], 1, "+1=y", "+2");
        serve(w.c, (const struct piece *[]){&piece[first], &piece[1 - first]}, 2);
        assert_digest(w.c, 2, mix64(1) + mix64(2));
        assert_true(catalog_find(w.c, &key, &got[first]));
        got[first].value.p = (const uint8_t *)(got[first].value.p[0] == 'x' ? "x" : "y");
        world_done(&w);
    }
    assert_true(slice_eq(got[0].value, got[1].value));
}

static void test_one_segment_changes_its_mind(void **state)
{
    (void)state;
    struct world w;
    struct piece a, b;
    world_init(&w);
    PIECE(&a, 10, "+1", "-1", "+1=x", "+2", "-2", "+3");
    PIECE(&b, 1, "+1", "+2", "+4");
    serve(w.c, (const struct piece *[]){&b, &a}, 2);
    assert_digest(w.c, 3, mix64(12) + mix64(15) + mix64(3));
    assert_int_equal(target(w.c, (const struct piece *[]){&b}, 1), 0);
    assert_digest(w.c, 3, mix64(1) + mix64(2) + mix64(3));
    assert_int_equal(target(w.c, (const struct piece *[]){&a}, 1), 0);
    assert_digest(w.c, 2, mix64(12) + mix64(15));
    catalog_apply(w.c);
    assert_int_equal(usn_of(w.c, "1"), 12);
    assert_int_equal(usn_of(w.c, "4"), 0);
    world_done(&w);
}

static void test_candidates(void **state)
{
    (void)state;
    struct world w;
    struct piece a, b, hidden;
    struct candidate out[4];
    uint8_t key[KEY_SIZE] = {2};
    world_init(&w);
    struct catalog *second = catalog_new(w.p, key, STREAM_PLAN, true);
    struct catalog *self = catalog_new(w.p, key, STREAM_SELF, false);
    PIECE(&a, 1, "+Alice@one.example=v", "+100");
    PIECE(&b, 7, "+alice@one.example", "+ALICE@one.example", "-100");
    PIECE(&hidden, 1, "+100", "+only@self.example");
    serve(second, (const struct piece *[]){&b}, 1);
    serve(w.c, (const struct piece *[]){&a}, 1);
    serve(self, (const struct piece *[]){&hidden}, 1);
    assert_int_equal(usn_of(self, "100"), 1);
    assert_int_equal(candidates(w.p, "only@self.example", out, 4), 0);
    assert_int_equal(candidates(w.p, "100", out, 4), 1);
    assert_ptr_equal(out[0].c, w.c);

    assert_int_equal(candidates(w.p, "alice@one.example", out, 4), 2);
    assert_ptr_equal(out[0].c, w.c);
    assert_true(slice_eq(out[0].r.value, slice_of("v")));
    assert_ptr_equal(out[1].c, second);
    assert_int_equal(candidate_usn(w.p, &out[1]), 7); /* the exact spelling */
    assert_int_equal(candidates(w.p, "aLICE@one.example", out, 4), 2);
    assert_int_equal(candidate_usn(w.p, &out[1]), 8); /* the later one */
    assert_int_equal(candidates(w.p, "alice@one.example", out, 1), 1);
    assert_ptr_equal(out[0].c, w.c);
    assert_int_equal(candidates(w.p, "alice@two.example", out, 4), 0);
    catalog_set_served(w.c, false);
    assert_int_equal(candidates(w.p, "alice@one.example", out, 4), 1);
    assert_ptr_equal(out[0].c, second);
    catalog_free(second);
    assert_int_equal(candidates(w.p, "alice@one.example", out, 4), 0);
    world_done(&w);
}

static void test_case_matters(void **state)
{
    (void)state;
    struct test_mem t;
    struct piece a;
    struct candidate out[4];
    uint8_t key[KEY_SIZE] = {2};
    test_mem_init(&t, 0);
    struct plan *p = plan_new(&t.mem, seed, false);
    struct catalog *c = catalog_new(p, key, STREAM_PLAN, true);
    PIECE(&a, 1, "+Alice@one.example");
    serve(c, (const struct piece *[]){&a}, 1);
    assert_int_equal(candidates(p, "Alice@one.example", out, 4), 1);
    assert_int_equal(candidates(p, "alice@one.example", out, 4), 0);
    plan_free(p);
    assert_int_equal(t.mem.used, 0);
}

static void test_description(void **state)
{
    (void)state;
    struct world w;
    struct plan_stats stats;
    world_init(&w);
    assert_int_equal(catalog_cluster_id(w.c).n, 0);
    assert_true(catalog_describe(w.c, slice_of("tokyo"), slice_of("tokyo.example"), true));
    assert_true(slice_eq(catalog_cluster_id(w.c), slice_of("tokyo")));
    assert_true(slice_eq(catalog_route_string(w.c), slice_of("tokyo.example")));
    assert_true(catalog_local(w.c) && !catalog_stale(w.c));
    assert_true(catalog_describe(w.c, slice_of("osaka"), slice_of(""), false));
    catalog_set_stale(w.c, true);
    assert_true(slice_eq(catalog_cluster_id(w.c), slice_of("osaka")));
    assert_int_equal(catalog_route_string(w.c).n, 0);
    assert_true(!catalog_local(w.c) && catalog_stale(w.c));
    assert_int_equal(catalog_number(w.c), STREAM_PLAN);
    assert_int_equal(catalog_key(w.c)[0], 1);
    plan_stats(w.p, &stats);
    assert_int_equal(stats.catalogs, 1);
    assert_int_equal(stats.entries, 0);
    world_done(&w);
}

static bool visit_two(void *context, const struct record *r)
{
    (void)r;
    return ++*(int *)context < 2;
}

static void test_walk_stops(void **state)
{
    (void)state;
    struct world w;
    struct piece a;
    int n = 0;
    world_init(&w);
    PIECE(&a, 1, "+1", "-1", "+2", "+3", "+4");
    serve(w.c, (const struct piece *[]){&a}, 1);
    catalog_walk(w.c, visit_two, &n);
    assert_int_equal(n, 2);
    world_done(&w);
}

static bool not_five(void *context, const struct record *r)
{
    (void)context;
    return !slice_eq(r->user, slice_of("5"));
}

static bool add_number(void *context, const struct record *r)
{
    *(int *)context = *(int *)context * 10 + r->user.p[0] - '0';
    return true;
}

static int walked(const struct catalog *c, uint64_t sources,
                  bool (*want)(void *context, const struct record *r))
{
    int n = 0;
    struct catalog_place place = {.sources = sources};
    while (!place.over)
        catalog_walk_some(c, &place, 3, want, add_number, &n);
    return n;
}

/* Segments without the sources that are asked for are passed over; of others, all that counts. */
static void test_walk_of_sources(void **state)
{
    (void)state;
    struct world w;
    struct piece a, b, c;
    uint64_t one = source_bit(slice_of("one")), two = source_bit(slice_of("two"));
    world_init(&w);
    assert_true(one != two && one != source_bit(slice_of("")));
    PIECE(&a, 1, "+1/one", "+2/one");
    PIECE(&b, 3, "+3/two", "+4/one", "+5/two");
    PIECE(&c, 6, "+6", "-1", "+7/two");
    serve(w.c, (const struct piece *[]){&a, &b, &c}, 3);
    assert_int_equal(walked(w.c, one, NULL), 2345);
    assert_int_equal(walked(w.c, two, NULL), 34567);
    assert_int_equal(walked(w.c, two, not_five), 3467);
    assert_int_equal(walked(w.c, source_bit(slice_of("")), NULL), 67);
    assert_int_equal(walked(w.c, 0, NULL), 234567); /* of all */
    assert_int_equal(walked(w.c, UINT64_MAX, NULL), 234567);
    world_done(&w);
}

/* Many numbers a piece, so that the table grows and what leaves is more than what stays. */
static void piece_numbers(struct piece *ret, uint64_t usn, unsigned first, unsigned n, bool put)
{
    static char text[300][8];
    static const char *word[300];
    for (unsigned i = 0; i < n; i++) {
        char *t = text[i];
        unsigned v = first + i;
        t[0] = put ? '+' : '-';
        for (int k = 5; k > 0; k--, v /= 10)
            t[k] = (char)('0' + v % 10);
        t[6] = 0;
        word[i] = t;
    }
    piece_make(ret, usn, word, n);
}

static void test_growing_and_shrinking(void **state)
{
    (void)state;
    struct world w;
    struct piece piece[16];
    const struct piece *all[16];
    uint64_t sum = 0;
    world_init(&w);
    for (unsigned i = 0; i < 16; i++) {
        piece_numbers(&piece[i], 1 + 300 * i, 300 * i, 300, true);
        all[i] = &piece[i];
    }
    for (uint64_t usn = 1; usn <= 16 * 300; usn++)
        sum += mix64(usn);
    serve(w.c, all, 16);
    assert_digest(w.c, 4800, sum);
    assert_int_equal(usn_of(w.c, "04799"), 4800);
    for (size_t n = 16; n-- > 0;) { /* a few leave, then most leave */
        size_t keep = n > 12 ? n : n / 2;
        serve(w.c, all, keep);
        assert_int_equal(catalog_live(w.c), 300 * keep);
        assert_int_equal(usn_of(w.c, "00000") != 0, keep > 0);
        assert_int_equal(usn_of(w.c, "04799"), 0);
    }
    for (size_t round = 0; round < 100; round++) { /* what leaves makes room for what comes */
        serve(w.c, all + round % 5, 12);
        assert_int_equal(catalog_live(w.c), 3600);
    }
    for (size_t round = 0; round < 50; round++) {
        serve(w.c, all + round % 8, 8);
        assert_int_equal(catalog_live(w.c), 2400);
    }
    struct plan_stats stats;
    plan_stats(w.p, &stats);
    assert_int_equal(stats.entries, 2400);
    assert_int_equal(stats.segments, 8);
    assert_true(stats.index_bytes < 400000);
    world_done(&w);
}

/* What is served no more and not swept yet stays in the index, whoever makes that anew meanwhile:
 * to sweep it is to find it there. */
enum meanwhile { GROWS, SHRINKS, REBUILT, REBUILT_ITSELF, MEANWHILES };

static void sweep_beside(enum meanwhile what, size_t part, bool again)
{
    struct world w;
    uint8_t key[KEY_SIZE] = {2};
    static struct piece mine[4], others[12];
    const struct piece *served[4], *rest[12];
    struct plan_stats before, after;
    world_init(&w);
    struct catalog *other = catalog_new(w.p, key, STREAM_PLAN, true);
    for (unsigned i = 0; i < 4; i++) {
        piece_numbers(&mine[i], 1 + 10 * i, 10 * i, 10, true);
        served[i] = &mine[i];
    }
    for (unsigned i = 0; i < 12; i++) {
        piece_numbers(&others[i], 1, 1000 + 300 * i, 300, true);
        rest[i] = &others[i];
    }
    if (what == SHRINKS)
        serve(other, rest, 12);
    serve(w.c, served, 4);
    assert_int_equal(target(w.c, served + 3, 1), 0);
    catalog_serve(w.c);
    size_t budget = part;
    assert_false(catalog_sweep(w.c, &budget));

    plan_stats(w.p, &before);
    if (what == GROWS)
        serve(other, rest, 12);
    else if (what == SHRINKS)
        serve(other, rest, 1);
    else
        assert_int_equal(catalog_rebuild(what == REBUILT ? other : w.c), 0);
    plan_stats(w.p, &after);
    assert_int_equal(after.index_bytes > before.index_bytes + 10000, what == GROWS);

    if (again) /* what has not left yet is listed once more */
        serve(w.c, served, 4);
    budget = SIZE_MAX;
    assert_true(catalog_sweep(w.c, &budget));
    assert_int_equal(usn_of(w.c, "00039"), 40);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(usn_of(w.c, (const char *[]){"00000", "00010", "00020"}[i]),
                         again ? 1 + 10 * i : 0);
    assert_int_equal(usn_of(other, "01000"), what <= SHRINKS ? 1 : 0);
    assert_int_equal(usn_of(other, "04599"), what == GROWS ? 300 : 0);
    plan_stats(w.p, &after);
    assert_int_equal(after.segments, (again ? 4 : 1) + (what == GROWS ? 12 : what == SHRINKS));
    world_done(&w);
}

static void test_swept_beside_others(void **state)
{
    (void)state;
    for (enum meanwhile what = GROWS; what < MEANWHILES; what++)
        for (size_t part = 0; part <= 20; part += 10)
            for (int again = 0; again < 2; again++)
                sweep_beside(what, part, again != 0);
}

/* An announcement may lie: room is taken for what the lines could hold at most. */
static void test_expect_is_a_hint(void **state)
{
    (void)state;
    struct world w;
    struct piece a;
    struct plan_stats stats;
    uint8_t lines[LINE_BYTES];
    world_init(&w);
    PIECE(&a, 1, "+1");
    lines_make(lines, (const struct piece *[]){&a}, 1);
    assert_int_equal(catalog_target(w.c, slice_make(lines, sizeof lines), UINT64_MAX), 0);
    plan_stats(w.p, &stats);
    assert_true(stats.index_bytes < 20000);
    world_done(&w);
}

/* Deciding what counts for a key looks at all of its records: there may not be any number. */
static void test_one_key_too_often(void **state)
{
    (void)state;
    static const char *same[KEY_RECORDS_MAX / 4], *over[] = {"+2", "+1", "+3"};
    struct world w;
    struct piece piece[5];
    const struct piece *all[5];
    world_init(&w);
    for (size_t i = 0; i < KEY_RECORDS_MAX / 4; i++)
        same[i] = "+1";
    for (size_t i = 0; i < 5; i++) {
        if (i < 4)
            piece_make(&piece[i], 1 + i * (KEY_RECORDS_MAX / 4), same, KEY_RECORDS_MAX / 4);
        else
            piece_make(&piece[i], 5000, over, 3);
        all[i] = &piece[i];
    }
    assert_int_equal(target(w.c, all, 5), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(catalog_add(w.c, bytes_of(all[i])), 0);
    assert_digest(w.c, 1, mix64(KEY_RECORDS_MAX));
    assert_int_equal(catalog_add(w.c, bytes_of(all[4])), -3);
    assert_digest(w.c, 1, mix64(KEY_RECORDS_MAX));
    serve(w.c, all + 1, 4);
    assert_digest(w.c, 3, mix64(5000) + mix64(5001) + mix64(5002));
    world_done(&w);
}

static void refusal_body(struct mem *mem)
{
    static struct piece a, b, c;
    static const uint8_t key[KEY_SIZE] = {1};
    if (a.n == 0) {
        piece_numbers(&a, 1, 0, 200, true);
        piece_numbers(&b, 201, 100, 150, false);
        piece_numbers(&c, 401, 50, 200, true);
    }
    const struct piece *all[] = {&a, &b, &c};
    struct plan *p = plan_new(mem, seed, true);
    if (p == NULL)
        return;
    struct catalog *catalog = catalog_new(p, key, STREAM_PLAN, true);
    bool ok = catalog != NULL &&
              catalog_describe(catalog, slice_of("tokyo"), slice_of("tokyo.example"), false);
    uint64_t live = 0, sum;
    for (size_t first = 0; ok && first < 2; first++) {
        ok = target(catalog, all + first, 2) == 0;
        for (size_t i = first; ok && i < first + 2; i++)
            ok = catalog_add(catalog, bytes_of(all[i])) >= 0;
        if (!ok) {
            catalog_abandon(catalog);
            catalog_digest(catalog, &live, &sum);
            assert_int_equal(live, first == 0 ? 0 : 100);
            break;
        }
        catalog_apply(catalog);
        assert_int_equal(catalog_live(catalog), first == 0 ? 100 : 200);
    }
    plan_free(p);
}

static void test_refusals(void **state)
{
    (void)state;
    test_every_refusal(refusal_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filling),
        cmocka_unit_test(test_refused_bytes),
        cmocka_unit_test(test_a_line_twice),
        cmocka_unit_test(test_served_until_applied),
        cmocka_unit_test(test_equal_usn),
        cmocka_unit_test(test_equal_usn_other_value),
        cmocka_unit_test(test_one_segment_changes_its_mind),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_case_matters),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_walk_stops),
        cmocka_unit_test(test_walk_of_sources),
        cmocka_unit_test(test_growing_and_shrinking),
        cmocka_unit_test(test_swept_beside_others),
        cmocka_unit_test(test_expect_is_a_hint),
        cmocka_unit_test(test_one_key_too_often),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
