/* Readers beside the owner: three threads look up random strings while the plan is changed in every
 * way there is. Each answer must be that of one moment of the lookup: what a plan of that state
 * alone, built by itself, answers. Freed memory is poisoned. Also built with ThreadSanitizer, and
 * as controls: without the check that an answer is of one moment, and with memory freed at once.
 *
 *   test_plan_readers [CHANGES]     1 000 unless said */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "plan/lookup.h"
#include "plan/readers.h"
#include "world.h"

#define READERS     3
#define OF_A_KIND   60
#define ENTRIES     (3 * OF_A_KIND)
#define CHANGES_MAX 1000000
#define FEED        4000 /* entries of a plan that comes and goes, and is asked for by nobody */

#ifdef READERS_CONTROL
#define CONTROL true
#else
#define CONTROL false
#endif

static const uint8_t seed[16] = {2, 7, 1, 8};
static size_t changes = 1000;

/* --- states, and what each answers */

enum { OF_A, OF_B, SERVED, ROUTES, POLICY, NAME, DIMENSIONS };
static const uint8_t values[DIMENSIONS] = {3, 3, 2, 2, 3, 2};
#define STATES (3 * 3 * 2 * 2 * 3 * 2)

struct state {
    uint8_t of[DIMENSIONS];
};

static struct state state_of(unsigned n)
{
    struct state s;
    for (size_t i = 0; i < DIMENSIONS; i++) {
        s.of[i] = (uint8_t)(n % values[i]);
        n /= values[i];
    }
    return s;
}

static unsigned number_of(const struct state *s)
{
    unsigned n = 0;
    for (size_t i = DIMENSIONS; i-- > 0;)
        n = n * values[i] + s->of[i];
    return n;
}

struct texts {
    char type[ENTRIES][20], pattern[ENTRIES][24], failover[ENTRIES][16], dialled[ENTRIES][24];
};

/* The e-th entry: a URI, a number or a pattern, and what is dialled for it. */
static void entry_texts(struct texts *t, size_t e, const char *sign, unsigned failover)
{
    static const char *const type[] = {"URI", "ENTERPRISE", "ENTERPRISEPATTERN"};
    unsigned n = (unsigned)(e % OF_A_KIND);
    size_t kind = e / OF_A_KIND;
    snprintf(t->type[e], sizeof t->type[e], "%s%s", sign, type[kind]);
    t->failover[e][0] = '\0';
    if (failover != 0)
        snprintf(t->failover[e], sizeof t->failover[e], "+8131%04u", failover);
    if (kind == 0) {
        snprintf(t->pattern[e], sizeof t->pattern[e], "u%03u@x.example", n);
        snprintf(t->dialled[e], sizeof t->dialled[e], "u%03u@x.example", n);
    } else if (kind == 1) {
        snprintf(t->pattern[e], sizeof t->pattern[e], "7%03u", n);
        snprintf(t->dialled[e], sizeof t->dialled[e], "7%03u", n);
    } else {
        snprintf(t->pattern[e], sizeof t->pattern[e], n % 2 == 0 ? "6%02uX" : "6%02u!", n / 2);
        snprintf(t->dialled[e], sizeof t->dialled[e], "6%02u5", n / 2);
    }
}

/* What catalog c has of the entry in a variant: 0 nothing, else 1 + its failover. */
static unsigned content(size_t c, unsigned variant, size_t e)
{
    uint64_t x = mix64(c * 1000003 + variant * 10007 + e + 1);
    return x % 3 == 0 ? 0 : 1 + (unsigned)(x >> 8) % 3;
}

static void routes_fill(struct routes *r, unsigned variant)
{
    routes_add(r, slice_of("pstn"), slice_of("sip:gateway.example"));
    routes_add(r, slice_of("*"), slice_of("sip:rest.example"));
    if (variant == 1)
        routes_add(r, slice_of("b.example"), slice_of("sip:b.example"));
}

static void policy_rule(struct policy *p, unsigned variant, bool take)
{
    struct test_mem m;
    struct buf key, value;
    uint8_t of_b[KEY_SIZE];
    test_mem_init(&m, 0);
    buf_init(&key, &m.mem, SIZE_MAX);
    buf_init(&value, &m.mem, SIZE_MAX);
    memset(of_b, 'b', sizeof of_b);
    struct policy_block block = {.n = 1, .prefix = slice_of("700")};
    struct policy_preferred order = {.cluster = slice_of("b")};
    memcpy(order.key, of_b, KEY_SIZE);
    if (variant == 1) {
        policy_block_key(&key, 1);
        policy_block_put(&value, &block);
    } else {
        policy_order_key(&key);
        policy_order_put(&value, &order, 1);
    }
    if (variant != 0 && take)
        assert_int_equal(policy_put(p, buf_slice(&key), buf_slice(&value)), 0);
    else if (variant != 0)
        policy_remove(p, buf_slice(&key));
    buf_done(&key);
    buf_done(&value);
}

static uint64_t mixed(uint64_t x, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        x = (x ^ s.p[i]) * UINT64_C(0x100000001b3);
    return (x ^ s.n) * UINT64_C(0x100000001b3);
}

/* All of an answer but the USNs, as a number. */
static uint64_t sum_of(const struct lookup *l)
{
    uint64_t x = l->result;
    for (size_t i = 0; i < l->match_n; i++) {
        const struct match *m = &l->match[i];
        x = mixed(mixed(mixed(x, m->value), m->cluster_id), m->route_string);
        x = mixed(mixed(x, slice_make(m->key, KEY_SIZE)), m->failover.digits);
        x = (x ^ m->lost_to) * UINT64_C(0x100000001b3);
    }
    for (size_t i = 0; i < l->target_n; i++)
        x = mixed(x + l->target[i].q, l->target[i].uri);
    return x;
}

static uint64_t expected[STATES][ENTRIES], reasons[STATES][ENTRIES];
static struct texts asked;

static size_t rows_of(struct texts *t, struct world_row *row, size_t c, unsigned variant)
{
    size_t n = 0;
    for (size_t e = 0; e < ENTRIES; e++) {
        unsigned is = content(c, variant, e);
        if (is == 0)
            continue;
        entry_texts(t, e, "", is - 1);
        row[n++] = (struct world_row){t->type[e], t->failover[e], t->pattern[e]};
    }
    return n;
}

static void expect(unsigned number)
{
    static struct texts t;
    struct state s = state_of(number);
    struct world_row row[ENTRIES];
    struct test_mem m;
    struct arena a;
    test_mem_init(&m, 0);
    arena_init(&a, &m.mem);
    struct plan *p = plan_new(&m.mem, seed, true);
    struct routes *routes = routes_new(&m.mem);
    struct policy *policy = policy_new(&m.mem);
    routes_fill(routes, s.of[ROUTES]);
    policy_rule(policy, s.of[POLICY], true);
    plan_use_policy(p, policy);
    size_t n = rows_of(&t, row, OF_A, s.of[OF_A]);
    world_catalog(p, &m.mem, "a", "a.example", false, row, n);
    n = rows_of(&t, row, OF_B, s.of[OF_B]);
    struct catalog *b = world_catalog(p, &m.mem, "b", s.of[NAME] == 0 ? "b.example" : "c.example",
                                      false, row, n);
    catalog_set_served(b, s.of[SERVED] != 0);
    for (size_t e = 0; e < ENTRIES; e++) {
        struct lookup l;
        arena_reset(&a);
        plan_lookup(p, routes, &a, slice_of(asked.dialled[e]), &l);
        expected[number][e] = sum_of(&l);
        plan_why(p, routes, &a, slice_of(asked.dialled[e]), NULL, &l);
        reasons[number][e] = sum_of(&l);
    }
    plan_free(p);
    routes_free(routes);
    policy_free(policy);
    arena_done(&a);
    assert_int_equal(m.mem.used, 0);
}

/* --- readers */

static void yield(void)
{
    sched_yield();
}

struct shared {
    struct plan *plan;
    struct plan_readers readers;
    _Atomic size_t begun, done; /* changes */
    _Atomic bool over;
    _Atomic size_t answers, wrong, busy;
    _Atomic uint8_t history[CHANGES_MAX + 1]; /* the state after so many changes */
};
static struct shared shared;

struct thread {
    pthread_t id;
    size_t n;
};

static bool possible(size_t from, size_t to, size_t e, bool why, uint64_t sum)
{
    for (size_t i = from; i <= to; i++) {
        uint8_t state = shared.history[i];
        if ((why ? reasons : expected)[state][e] == sum)
            return true;
    }
    return false;
}

static void *read_on(void *context)
{
    const struct thread *t = context;
    struct plan_reader *reader = &shared.readers.reader[t->n];
    struct test_mem m;
    struct arena a;
    struct rand r;
    test_mem_init(&m, 0);
    arena_init(&a, &m.mem);
    rand_seed(&r, t->n + 1);
    for (size_t batch = 0; !shared.over; batch++) {
        if (batch % 16 == 0)
            plan_leave(reader);
        plan_pause(shared.plan, reader);
        for (size_t i = 1 + rand_below(&r, 8); i > 0; i--) {
            size_t e = rand_below(&r, ENTRIES);
            struct lookup l;
            bool why = rand_below(&r, 4) == 0;
            arena_reset(&a);
            size_t from = shared.done;
            if (why)
                plan_why(shared.plan, NULL, &a, slice_of(asked.dialled[e]), NULL, &l);
            else
                plan_lookup(shared.plan, NULL, &a, slice_of(asked.dialled[e]), &l);
            size_t to = shared.begun;
            shared.busy += l.result == LOOKUP_BUSY;
            shared.wrong += l.result != LOOKUP_BUSY && !possible(from, to, e, why, sum_of(&l));
            shared.answers++;
        }
    }
    plan_leave(reader);
    arena_done(&a);
    return NULL;
}

/* --- the owner */

struct own {
    struct catalog *c;
    struct buf lines;
    uint64_t usn;
    size_t folds_in; /* commits until all is written anew */
};

struct writer {
    struct test_mem mem;
    struct own own[2];
    struct own feed;
    struct routes *routes;
    struct policy *policy;
    struct state state;
    struct rand rand;
};

/* Memory that is given back says so. */
static void *poisoning(void *context, void *p, size_t old_size, size_t new_size)
{
    struct test_mem *t = context;
    uint8_t *fresh = NULL;
    t->requests++;
    if (new_size > 0) {
        fresh = malloc(new_size);
        if (fresh != NULL && p != NULL)
            memcpy(fresh, p, old_size < new_size ? old_size : new_size);
    }
    if (p != NULL && (fresh != NULL || new_size == 0)) {
        memset(p, 0xdb, old_size);
        free(p);
    }
    return fresh;
}

/* One more segment for the target. */
static void seal(struct own *own, struct mem *mem, struct buf *bytes, const struct world_row *row,
                 size_t n)
{
    struct line line;
    buf_reset(bytes);
    assert_true(world_segment(mem, bytes, row, n, own->usn));
    own->usn += n;
    line.size = (uint32_t)bytes->n;
    segment_name(line.name, buf_slice(bytes));
    manifest_line_put(&own->lines, &line);
}

/* Rows that make what is there what is to be. */
static size_t rows_between(struct texts *t, struct world_row *row, size_t c, unsigned from,
                           unsigned to)
{
    size_t n = 0;
    for (size_t e = 0; e < ENTRIES; e++) {
        unsigned was = content(c, from, e), is = content(c, to, e);
        if (was == is)
            continue;
        entry_texts(t, e, is == 0 ? "-" : "", is == 0 ? 0 : is - 1);
        row[n++] = (struct world_row){t->type[e], t->failover[e], t->pattern[e]};
    }
    return n;
}

/* What follows belongs to the next state. */
static void change_begin(struct writer *w)
{
    shared.history[shared.done + 1] = (uint8_t)number_of(&w->state);
    shared.begun++;
}

static void change_end(void)
{
    shared.done++;
}

/* The catalog's next variant: in a segment more, or written anew; sometimes given up half way. */
static void commit(struct writer *w, size_t c, unsigned variant)
{
    static struct texts t;
    struct own *own = &w->own[c];
    struct world_row row[ENTRIES];
    struct buf bytes[8];
    size_t n, pieces = 1, former = own->lines.n;
    bool fold = own->folds_in == 0, abandon = !fold && rand_below(&w->rand, 8) == 0;
    if (fold) {
        own->lines.n = 0;
        pieces = 1 + rand_below(&w->rand, 8);
        n = rows_of(&t, row, c, variant);
    } else {
        n = rows_between(&t, row, c, w->state.of[c], variant);
    }
    own->folds_in = fold ? rand_below(&w->rand, 8) : own->folds_in - 1;
    for (size_t i = 0; i < pieces; i++) {
        size_t from = n * i / pieces;
        buf_init(&bytes[i], &w->mem.mem, SEGMENT_MAX);
        seal(own, &w->mem.mem, &bytes[i], row + from, n * (i + 1) / pieces - from);
    }
    assert_int_equal(catalog_target(own->c, buf_slice(&own->lines), n), 0);
    for (size_t i = 0; i < pieces; i++) {
        assert_int_equal(catalog_add(own->c, buf_slice(&bytes[i])), 0);
        buf_done(&bytes[i]);
    }
    if (abandon) {
        catalog_abandon(own->c);
        own->lines.n = former;
        return;
    }
    w->state.of[c] = (uint8_t)variant;
    change_begin(w);
    catalog_serve(own->c);
    change_end();
    size_t budget = rand_below(&w->rand, 2 * ENTRIES); /* the rest leaves at the next commit */
    (void)catalog_sweep(own->c, &budget);
}

/* Entries that nobody asks for, but which the tables have to make room for. */
static void feed(struct writer *w)
{
    static struct texts t;
    struct world_row row[ENTRIES];
    struct own *own = &w->feed;
    struct buf bytes;
    uint8_t key[KEY_SIZE] = {'f'};
    if (own->c != NULL && own->usn > FEED) {
        catalog_free(own->c);
        own->c = NULL;
        own->lines.n = 0;
        own->usn = 1;
        return;
    }
    if (own->c == NULL)
        own->c = catalog_new(shared.plan, key, 1, true);
    for (size_t e = 0; e < ENTRIES; e++) {
        bool uri = e % 2 == 0;
        unsigned n = (unsigned)(own->usn + e);
        snprintf(t.type[e], sizeof t.type[e], "%s", uri ? "URI" : "ENTERPRISEPATTERN");
        snprintf(t.pattern[e], sizeof t.pattern[e], uri ? "f%05u@x.example" : "5%05uX",
                 uri ? n : (unsigned)rand_below(&w->rand, 100000));
        row[e] = (struct world_row){t.type[e], "", t.pattern[e]};
    }
    buf_init(&bytes, &w->mem.mem, SEGMENT_MAX);
    seal(own, &w->mem.mem, &bytes, row, ENTRIES);
    assert_int_equal(catalog_target(own->c, buf_slice(&own->lines), FEED), 0);
    assert_int_equal(catalog_add(own->c, buf_slice(&bytes)), 0);
    catalog_apply(own->c);
    buf_done(&bytes);
}

static void rules_change(struct writer *w, size_t which, unsigned value)
{
    if (which == ROUTES && value == 1)
        routes_add(w->routes, slice_of("b.example"), slice_of("sip:b.example"));
    else if (which == ROUTES)
        routes_remove(w->routes, slice_of("b.example"), slice_make(NULL, 0));
    else {
        policy_rule(w->policy, w->state.of[POLICY], false);
        policy_rule(w->policy, value, true);
    }
    w->state.of[which] = (uint8_t)value;
    change_begin(w);
    assert_true(plan_use_rules(shared.plan, w->routes, w->policy));
    change_end();
}

static void change(struct writer *w)
{
    size_t which = rand_below(&w->rand, DIMENSIONS + 1);
    if (which == DIMENSIONS) {
        feed(w);
        return;
    }
    unsigned value = (w->state.of[which] + 1u) % values[which];
    if (which == OF_A || which == OF_B) {
        commit(w, which, value);
    } else if (which == ROUTES || which == POLICY) {
        rules_change(w, which, value);
    } else {
        w->state.of[which] = (uint8_t)value;
        change_begin(w);
        if (which == SERVED)
            catalog_set_served(w->own[OF_B].c, value != 0);
        else
            assert_true(catalog_describe(w->own[OF_B].c, slice_of("b"),
                                         slice_of(value == 0 ? "b.example" : "c.example"), false));
        change_end();
    }
}

static void own_start(struct writer *w, struct own *own, const char *id, const char *route)
{
    uint8_t key[KEY_SIZE];
    memset(key, id[0], sizeof key);
    buf_init(&own->lines, &w->mem.mem, SIZE_MAX);
    own->usn = 1;
    own->c = catalog_new(shared.plan, key, STREAM_PLAN, true);
    assert_true(catalog_describe(own->c, slice_of(id), slice_of(route), false));
}

static void start(struct writer *w)
{
    test_mem_init(&w->mem, 0);
    w->mem.mem.resize = poisoning;
    rand_seed(&w->rand, 42);
    shared.plan = plan_new(&w->mem.mem, seed, true);
    w->routes = routes_new(&w->mem.mem);
    w->policy = policy_new(&w->mem.mem);
    own_start(w, &w->own[OF_A], "a", "a.example");
    own_start(w, &w->own[OF_B], "b", "b.example");
    buf_init(&w->feed.lines, &w->mem.mem, SIZE_MAX);
    w->feed.usn = 1;
    routes_fill(w->routes, 0);
    shared.readers.yield = yield;
    plan_use_readers(shared.plan, &shared.readers);
    assert_true(plan_use_rules(shared.plan, w->routes, w->policy));
    w->state = state_of(0);
    w->state.of[SERVED] = 1;
    commit(w, OF_A, 0);
    commit(w, OF_B, 0);
}

static void finish(struct writer *w)
{
    size_t turns = 0;
    while (plan_reclaim(shared.plan))
        assert_true(++turns < 3);
    plan_use_readers(shared.plan, NULL);
    buf_done(&w->own[OF_A].lines);
    buf_done(&w->own[OF_B].lines);
    buf_done(&w->feed.lines);
    plan_free(shared.plan);
    routes_free(w->routes);
    policy_free(w->policy);
    assert_int_equal(w->mem.mem.used, 0);
}

static void run(void)
{
    static struct writer w;
    struct thread reader[READERS];
    for (size_t e = 0; e < ENTRIES; e++)
        entry_texts(&asked, e, "", 0);
    for (unsigned i = 0; i < STATES; i++)
        expect(i);
    start(&w);
    for (size_t i = 0; i < READERS; i++) {
        reader[i].n = i;
        assert_int_equal(pthread_create(&reader[i].id, NULL, read_on, &reader[i]), 0);
    }
    while (shared.done < changes && (!CONTROL || shared.wrong == 0)) {
        size_t answers = shared.answers;
        change(&w);
        plan_reclaim(shared.plan);
        if (rand_below(&w.rand, 4) == 0)
            while (shared.answers == answers)
                sched_yield();
    }
    shared.over = true;
    for (size_t i = 0; i < READERS; i++)
        pthread_join(reader[i].id, NULL);
    finish(&w);
    print_message("# %zu changes, %zu answers, %zu wrong, %zu busy\n", changes,
                  (size_t)shared.answers, (size_t)shared.wrong, (size_t)shared.busy);
}

#ifdef READERS_CONTROL
/* The same with a fault: it is found, as a wrong answer or as a crash. */
static void control(void **state)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        run();
        _exit(shared.wrong > 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_not_equal(status, 0);
}
#else
static void each_answer_is_of_one_moment(void **state)
{
    run();
    assert_int_equal(shared.wrong, 0);
    assert_true(shared.answers > shared.busy);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#ifdef READERS_CONTROL
        cmocka_unit_test(control),
#else
        cmocka_unit_test(each_answer_is_of_one_moment),
#endif
    };
    if (argc > 1)
        changes = strtoul(argv[1], NULL, 10);
    if (changes > CHANGES_MAX)
        changes = CHANGES_MAX;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
