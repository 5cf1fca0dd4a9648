/* A plan that grows and shrinks, a few changes at a time, until its index has been exchanged for
 * larger ones many times: no commit moves more than a few records, and every key is found
 * meanwhile. */
#include "test.h"

#include <stdio.h>

#include "base/rand.h"
#include "plan/catalog.h"
#include "plan/index.h"
#include "plan/origin.h"

#define ENTRIES 40000
#define AT_ONCE 8
#define MOST    (256 + 16 * 4096 + 4096) /* records: what a commit may write anew comes with it */
#define LARGE   8192 /* slots: below, one segment may be more than what is left free */

struct world {
    struct test_mem t;
    struct rand rand;
    struct plan *plan;
    struct catalog *catalog;
    struct head head;
    uint8_t public[KEY_SIZE], secret[SECRET_SIZE];
    bool there[ENTRIES];
    size_t steps, tables; /* commits that moved some; tables that followed another one */
};

static struct slice name(size_t i, char text[static 16])
{
    return slice_make(text, (size_t)snprintf(text, 16, "entry%zu", i));
}

static void judge(const struct world *w, size_t every)
{
    char text[16];
    struct candidate out[2];
    for (size_t i = 0; i < ENTRIES; i += every)
        assert_int_equal(plan_candidates(w->plan, ENTRY_URI, name(i, text), slice_of("a.example"),
                                         out, 2),
                         w->there[i]);
}

/* How the table that follows came on with a commit. */
static void moved(struct world *w, const struct slots *former, size_t size,
                  struct next_slots before)
{
    const struct index *index = &w->plan->index;
    if (index->slots != former && size > LARGE) {
        assert_ptr_equal(index->slots, before.slots);
        w->tables++;
    }
    if (before.slots == NULL || index->next.slots != before.slots)
        return;
    assert_true(index->next.used <= before.used + MOST);
    w->steps += index->next.filled > before.filled;
}

static void commit(struct world *w, const struct change *change, size_t n)
{
    struct arena a;
    struct commit c;
    const struct slots *former = w->plan->index.slots;
    struct next_slots next = w->plan->index.next;
    size_t size = slots_size(former);
    arena_init(&a, &w->t.mem);
    assert_int_equal(origin_commit(&a, w->catalog, &w->head, &w->head, change, n, w->secret, &c),
                     0);
    assert_int_equal(catalog_target(w->catalog, c.lines, c.head.live), 0);
    for (size_t i = 0; i < c.segment_n; i++)
        assert_true(catalog_add_named(w->catalog, c.segment[i].line.name, c.segment[i].bytes) >= 0);
    catalog_apply(w->catalog);
    w->head = c.head;
    arena_done(&a);
    moved(w, former, size, next);
}

static void toggle(struct world *w, size_t below, bool put)
{
    char text[AT_ONCE][16];
    struct change change[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++) {
        size_t at = rand_below(&w->rand, below);
        w->there[at] = put;
        change[i] = (struct change){.put = put,
                                    .kind = ENTRY_URI,
                                    .user = name(at, text[i]),
                                    .domain = slice_of("a.example"),
                                    .value = slice_make("\1\0", 2)};
    }
    commit(w, change, AT_ONCE);
}

static void grows_in_steps(void **state)
{
    (void)state;
    static struct world w;
    uint8_t zero[SEED_SIZE] = {1};
    memset(&w, 0, sizeof w);
    test_mem_init(&w.t, 0);
    rand_seed(&w.rand, 5);
    crypto_keypair(zero, w.public, w.secret);
    w.plan = plan_new(&w.t.mem, zero, true);
    w.catalog = catalog_new(w.plan, w.public, STREAM_PLAN, true);
    w.head = (struct head){.number = STREAM_PLAN, .epoch = 1};
    for (size_t i = 0; i < 20000; i++) {
        size_t below = i * 4 < ENTRIES ? i * 4 + 1 : ENTRIES;
        toggle(&w, below, rand_below(&w.rand, 8) != 0);
        judge(&w, i % 1000 == 0 ? 1 : 499);
    }
    judge(&w, 1);
    print_message("# %zu tables that followed another, %zu commits that moved some\n", w.tables,
                  w.steps);
    assert_true(w.tables >= 3 && w.steps > 8 * w.tables);
    plan_free(w.plan);
    assert_int_equal(w.t.mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
