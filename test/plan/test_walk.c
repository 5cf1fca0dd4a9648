/* What a walk that marks remembers: a segment in which every entry stood alone is passed over from
 * then on, until a record comes that may have one of its keys, wherever it comes from. */
#include "test.h"

#include "base/rand.h"
#include "piece.h"
#include "plan/catalog.h"
#include "plan/walk.h"

static const uint8_t seed[16] = {3, 1, 4};

#define FEW 3

/* Cluster 0 has a, which is quiet; the others come with what they have. */
struct world {
    struct test_mem t;
    struct plan *p;
    struct catalog *c[FEW];
    struct piece a, b;
};

/* What one walk showed. */
struct shown {
    struct catalog_place place;
    const struct plan *p;
    int visited, passed, twice; /* records; twice: those that somebody else has as well */
    const char *odd;            /* a user in which something is found */
};

static bool show(void *context, const struct record *r)
{
    struct shown *x = context;
    const struct catalog *holder[FEW + 1];
    if (r == NULL) {
        x->passed += (int)x->place.passed;
        return true;
    }
    size_t n = plan_holders(x->p, r, holder, FEW + 1);
    assert_true(n < 2 || !x->place.alone);
    x->visited++;
    x->twice += n > 1;
    if (x->odd != NULL && slice_eq(r->user, slice_of(x->odd)))
        x->place.quiet = 0;
    return true;
}

/* From where it stands to the end, `most` records at a time. */
static void walk_on(struct shown *x, const struct catalog *c, size_t most)
{
    while (!x->place.over)
        (void)catalog_walk_some(c, &x->place, most, NULL, show, x);
}

static struct shown walked(const struct world *w, size_t cluster)
{
    struct shown x = {.place = {.marks = true}, .p = w->p};
    walk_on(&x, w->c[cluster], 2);
    return x;
}

static struct catalog *cluster_new(struct plan *p, size_t number)
{
    uint8_t key[KEY_SIZE] = {(uint8_t)(1 + number)};
    return catalog_new(p, key, STREAM_PLAN, true);
}

static void world_init(struct world *w)
{
    test_mem_init(&w->t, 0);
    w->p = plan_new(&w->t.mem, seed, true);
    for (size_t i = 0; i < FEW; i++)
        w->c[i] = cluster_new(w->p, i);
    PIECE(&w->a, 1, "+1", "+2", "+an@osaka.example");
    serve(w->c[0], (const struct piece *[]){&w->a}, 1);
    assert_int_equal(walked(w, 0).visited, 3);
}

static void world_done(struct world *w)
{
    plan_free(w->p);
    assert_int_equal(w->t.mem.used, 0);
}

static void assert_quiet(const struct world *w, size_t cluster, int records)
{
    struct shown x = walked(w, cluster);
    assert_int_equal(x.visited, 0);
    assert_int_equal(x.passed, records);
}

/* All records of a are looked at again. */
static void assert_looked_at(const struct world *w, int twice)
{
    struct shown x = walked(w, 0);
    assert_int_equal(x.visited, 3);
    assert_int_equal(x.passed, 0);
    assert_int_equal(x.twice, twice);
}

static void quiet_is_passed_over(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_quiet(&w, 0, 3);
    PIECE(&w.b, 1, "+3", "+bo@osaka.example");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    assert_quiet(&w, 0, 3); /* what comes is nothing of it */
    assert_int_equal(walked(&w, 1).visited, 2);
    assert_quiet(&w, 1, 2);
    world_done(&w);
}

static void another_has_the_key(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+3", "+2");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    assert_looked_at(&w, 1);
    assert_looked_at(&w, 1); /* as long as it is so */
    assert_int_equal(walked(&w, 1).twice, 1);
    assert_int_equal(walked(&w, 1).visited, 2);
    catalog_free(w.c[1]);
    assert_looked_at(&w, 0);
    assert_quiet(&w, 0, 3);
    world_done(&w);
}

static void another_spells_it_otherwise(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+AN@osaka.example");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    assert_looked_at(&w, 1);
    world_done(&w);
}

/* It is held and not served yet: what makes it served is no record that comes. */
static void another_is_served_later(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+2");
    assert_int_equal(target(w.c[1], (const struct piece *[]){&w.b}, 1), 0);
    assert_int_equal(catalog_add(w.c[1], bytes_of(&w.b)), 0);
    assert_looked_at(&w, 0);
    assert_looked_at(&w, 0); /* not quiet again beside it */
    catalog_apply(w.c[1]);
    assert_looked_at(&w, 1);
    world_done(&w);
}

/* A catalog is withdrawn and comes back, each time with nothing new in the index. */
static void catalogs_come_back(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+2");
    catalog_set_served(w.c[0], false);
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    catalog_set_served(w.c[1], false);
    catalog_set_served(w.c[0], true);
    assert_looked_at(&w, 0);
    catalog_set_served(w.c[1], true);
    assert_looked_at(&w, 1);
    catalog_set_served(w.c[1], false);
    assert_looked_at(&w, 0);
    catalog_set_served(w.c[1], true);
    assert_looked_at(&w, 1);
    world_done(&w);
}

/* It is called otherwise, has another key, stands or does not stand for this cluster itself. */
static void said_otherwise(void **state)
{
    (void)state;
    struct world w;
    uint8_t key[KEY_SIZE] = {77};
    world_init(&w);
    assert_true(catalog_rekey(w.c[0], key));
    assert_true(catalog_describe(w.c[0], slice_of("osaka"), slice_of("r"), true));
    PIECE(&w.b, 1, "+2");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    assert_looked_at(&w, 1);
    assert_true(catalog_describe(w.c[1], slice_of("nara"), slice_of("s"), false));
    assert_true(catalog_rekey(w.c[0], w.a.line.name));
    assert_looked_at(&w, 1);
    world_done(&w);
}

/* The same catalog says something newer of a key: a does not count, whole or in part. */
static void its_own_cluster_goes_on(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 10, "+2=x", "-1");
    serve(w.c[0], (const struct piece *[]){&w.a, &w.b}, 2);
    struct shown x = walked(&w, 0);
    assert_int_equal(x.visited, 2); /* an of a, 2 of b */
    assert_int_equal(x.passed, 0);
    x = walked(&w, 0);
    assert_int_equal(x.visited, 2);
    world_done(&w);
}

/* Bytes that are listed no more and listed again are another segment. */
static void listed_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 10, "+8");
    serve(w.c[0], (const struct piece *[]){&w.b}, 1);
    serve(w.c[0], (const struct piece *[]){&w.a}, 1);
    assert_looked_at(&w, 0);
    /* ... and those that stay listed are not. */
    serve(w.c[0], (const struct piece *[]){&w.b, &w.a}, 2);
    struct shown x = walked(&w, 0);
    assert_int_equal(x.visited, 1);
    assert_int_equal(x.passed, 3);
    world_done(&w);
}

/* A record comes while a walk is in the segment, before its key or behind it. */
static void it_comes_during_a_walk(void **state)
{
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        struct world w;
        world_init(&w);
        PIECE(&w.b, 1, "+5", "+6", "+7", "+8");
        serve(w.c[1], (const struct piece *[]){&w.b}, 1);
        struct shown x = {.place = {.marks = true}, .p = w.p};
        (void)catalog_walk_some(w.c[1], &x.place, 2, NULL, show, &x);
        struct piece c;
        if (behind == 0)
            PIECE(&c, 1, "+5");
        else
            PIECE(&c, 1, "+8");
        serve(w.c[2], (const struct piece *[]){&c}, 1);
        walk_on(&x, w.c[1], 2);
        assert_int_equal(x.twice, behind);
        x = walked(&w, 1);
        assert_int_equal(x.twice, 1);
        assert_int_equal(x.visited, 4);
        world_done(&w);
    }
}

/* ... or while one passes it over: what is not passed yet is looked at. */
static void it_comes_while_it_is_passed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct shown x = {.place = {.marks = true}, .p = w.p};
    (void)catalog_walk_some(w.c[0], &x.place, 2, NULL, show, &x);
    assert_int_equal(x.passed, 2);
    PIECE(&w.b, 1, "+an@osaka.example");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    walk_on(&x, w.c[0], 2);
    assert_int_equal(x.passed, 2);
    assert_int_equal(x.visited, 1);
    assert_int_equal(x.twice, 1);
    assert_looked_at(&w, 1);
    world_done(&w);
}

/* A walk is left in the middle; another one that goes on at that offset has not seen all of it. */
static void half_of_two_walks(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+2", "+3", "+4", "+5");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    serve(w.c[2], (const struct piece *[]){&w.b}, 1);
    struct shown x = {.place = {.marks = true}, .p = w.p}, y = x;
    (void)catalog_walk_some(w.c[1], &x.place, 3, NULL, show, &x);
    (void)catalog_walk_some(w.c[2], &y.place, 3, NULL, show, &y);
    catalog_free(w.c[2]);
    y.place.quiet = 1; /* its own first segment */
    walk_on(&y, w.c[1], 2);
    assert_int_equal(walked(&w, 1).visited, 4);
    world_done(&w);
}

/* What the visitor found in it stays of interest; other walks neither know nor change anything. */
static void the_visitor_finds_something(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    PIECE(&w.b, 1, "+5", "+6", "+7");
    serve(w.c[1], (const struct piece *[]){&w.b}, 1);
    for (int turn = 0; turn < 3; turn++) {
        struct shown x = {.place = {.marks = true}, .p = w.p, .odd = turn < 2 ? "5" : NULL};
        walk_on(&x, w.c[1], 1);
        assert_int_equal(x.visited, 3);
        struct shown other = {.p = w.p};
        walk_on(&other, w.c[1], 2);
        assert_int_equal(other.visited, 3);
    }
    assert_quiet(&w, 1, 3);
    struct shown other = {.p = w.p};
    walk_on(&other, w.c[1], 2);
    assert_int_equal(other.visited, 3);
    assert_quiet(&w, 1, 3);
    world_done(&w);
}

/* Room in the memory for a record that comes is refused, at each place: then it comes later, or a
 * segment is looked at without need; never is one of it passed over. */
static void refused_while_it_comes(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        struct world w;
        world_init(&w);
        PIECE(&w.b, 1, "+2");
        w.t.refuse_at = w.t.requests + n;
        bool refused = target(w.c[1], (const struct piece *[]){&w.b}, 1) != 0 ||
                       catalog_add(w.c[1], bytes_of(&w.b)) != 0;
        bool over = w.t.requests < w.t.refuse_at;
        w.t.refuse_at = 0;
        if (refused) {
            (void)walked(&w, 0);
            serve(w.c[1], (const struct piece *[]){&w.b}, 1);
        } else {
            catalog_apply(w.c[1]);
        }
        assert_looked_at(&w, 1);
        world_done(&w);
        if (over)
            break;
    }
}

/* --- whatever happens */

static bool count_twice(void *context, const struct record *r)
{
    struct shown *x = context;
    const struct catalog *holder[FEW + 1];
    x->visited++;
    x->twice += plan_holders(x->p, r, holder, FEW + 1) > 1;
    return true;
}

static void any_piece(struct rand *rand, struct piece *ret)
{
    static const char *const word[] = {"+1", "+2", "+3", "+4", "-1", "-2", "+a@x", "+A@x", "-a@x"};
    const char *drawn[4];
    size_t n = 1 + rand_below(rand, 4);
    for (size_t i = 0; i < n; i++)
        drawn[i] = word[rand_below(rand, sizeof word / sizeof word[0])];
    piece_make(ret, 1 + rand_below(rand, 30), drawn, n);
}

static void anything(struct rand *rand, struct world *w, struct piece *pool, size_t pool_n)
{
    size_t i = rand_below(rand, FEW), n = rand_below(rand, 4);
    const struct piece *some[3];
    for (size_t k = 0; k < 3; k++)
        some[k] = &pool[rand_below(rand, pool_n)];
    switch (rand_below(rand, 8)) {
    case 0:
        catalog_set_served(w->c[i], !w->c[i]->served);
        break;
    case 1:
        catalog_free(w->c[i]);
        w->c[i] = cluster_new(w->p, i);
        break;
    case 2: /* wanted, and perhaps a part of it held */
        assert_int_equal(target(w->c[i], some, n), 0);
        if (n > 0)
            (void)catalog_add(w->c[i], bytes_of(some[0]));
        break;
    case 3:
        catalog_abandon(w->c[i]);
        break;
    default:
        serve(w->c[i], some, n);
        break;
    }
}

/* One walk that marks for each cluster, going on a bit between whatever happens; now and then
 * nothing happens until it is through: then it has found what one that knows nothing finds. */
static void finds_what_there_is(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 64);
    struct piece pool[12];
    int passed = 0, twice = 0;
    for (int run = 0; run < 300; run++) {
        struct world w;
        world_init(&w);
        for (size_t i = 0; i < 12; i++)
            any_piece(&rand, &pool[i]);
        struct shown x = {.place = {.marks = true}, .p = w.p};
        size_t of = 0;
        for (int step = 0; step < 60; step++) {
            if (rand_below(&rand, 3) == 0)
                anything(&rand, &w, pool, 12);
            (void)catalog_walk_some(w.c[of], &x.place, 1 + rand_below(&rand, 4), NULL, show, &x);
            if (!x.place.over)
                continue;
            of = rand_below(&rand, FEW);
            x = (struct shown){.place = {.marks = true}, .p = w.p};
            if (rand_below(&rand, 2) == 0)
                continue;
            struct shown all = {.p = w.p};
            walk_on(&x, w.c[of], 2);
            while (!all.place.over)
                (void)catalog_walk_some(w.c[of], &all.place, 100, NULL, count_twice, &all);
            assert_int_equal(x.twice, all.twice);
            assert_int_equal(x.visited + x.passed, all.visited);
            passed += x.passed;
            twice += x.twice;
            x = (struct shown){.place = {.marks = true}, .p = w.p};
        }
        world_done(&w);
    }
    assert_true(passed > 100 && twice > 100);
}

/* What is remembered of a segment stands in a byte that was there anyway. */
static void costs_no_memory(void **state)
{
    (void)state;
    assert_true(sizeof(struct segment) <= 88);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_is_passed_over),
        cmocka_unit_test(another_has_the_key),
        cmocka_unit_test(another_spells_it_otherwise),
        cmocka_unit_test(another_is_served_later),
        cmocka_unit_test(catalogs_come_back),
        cmocka_unit_test(said_otherwise),
        cmocka_unit_test(its_own_cluster_goes_on),
        cmocka_unit_test(listed_again),
        cmocka_unit_test(it_comes_during_a_walk),
        cmocka_unit_test(it_comes_while_it_is_passed),
        cmocka_unit_test(half_of_two_walks),
        cmocka_unit_test(the_visitor_finds_something),
        cmocka_unit_test(refused_while_it_comes),
        cmocka_unit_test(finds_what_there_is),
        cmocka_unit_test(costs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
