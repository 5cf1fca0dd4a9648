/* What is made of learned data: blocks and bounds, duplicates found when they are learned, plans
 * that shrank and are held back, and how much may be learned. Node 0 is the hub of 1 and 2. */
#include <stdio.h>

#include "world.h"

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 3; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_spoke(&world, 2, 0, "secret");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static const struct ils *core(int i)
{
    return world.node[i].ils;
}

static bool alarm(int i, uint8_t which)
{
    struct alarm_row row;
    for (size_t k = 0; view_alarm(core(i), k, &row); k++)
        if (row.alarm == which && row.active)
            return true;
    return false;
}

static bool said_why(int i, const char *dialled, enum lookup_result result, enum loser_rule rule)
{
    struct mem all = {.resize = test_mem_resize, .context = &mem, .budget = SIZE_MAX};
    struct arena a;
    struct lookup l;
    arena_init(&a, &all);
    plan_lookup(view_plan(core(i)), view_routes(core(i)), &a, slice_of(dialled), &l);
    bool good = l.result == result && l.match_n > 0 && l.match[l.match_n - 1].lost_to == rule;
    arena_done(&a);
    return good;
}

/* Node i's plan is n users of its site. */
static enum reply import_from(int i, uint64_t stream, size_t first, size_t n)
{
    static struct change change[1000];
    static char text[1000][16];
    for (size_t k = 0; k < n; k++) {
        snprintf(text[k], sizeof text[k], "user%zu", first + k);
        change[k] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(text[k]),
                                    .domain = slice_of("b.example")};
    }
    return world_command(&world, i,
                         (struct command){.type = COMMAND_PLAN, .change = change, .change_n = n,
                                          .source = slice_of("HQ"), .replace = true,
                                          .stream = stream, .force = true});
}

static enum reply import_into(int i, uint64_t stream, size_t n)
{
    return import_from(i, stream, 0, n);
}

static enum reply import(int i, size_t n)
{
    return import_into(i, 0, n);
}

static enum reply block(int i, const char *pattern)
{
    return world_command(&world, i, (struct command){.type = COMMAND_BLOCK_ADD,
                                                     .pattern = slice_of(pattern),
                                                     .who = slice_of("root")});
}

static void blocks_are_served_by_nobody_here(void **state)
{
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    assert_int_equal(block(0, "alice@b.example"), REPLY_OK);
    assert_false(world_answers(&world, 0, "alice@b.example"));
    assert_true(world_answers(&world, 2, "alice@b.example")); /* it is relayed */
    assert_true(said_why(0, "alice@b.example", LOOKUP_BLOCKED, LOSER_BLOCKED));
    world_stop(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 5 * TICK_S);
    assert_false(world_answers(&world, 0, "alice@b.example"));
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BLOCK_REMOVE,
                                                               .number = 1}), REPLY_OK);
    assert_true(world_answers(&world, 0, "alice@b.example"));
    assert_int_equal(block(0, "bob@b.example"), REPLY_OK); /* its number is not used again */
    struct policy_block b;
    assert_true(policy_block_at(view_policy(core(0)), 0, &b));
    assert_int_equal(b.n, 2);
}

static void words_that_are_none(void **state)
{
    struct slice bad = slice_of("no domain"), twice[] = {slice_of("c1"), slice_of("c1")};
    assert_int_equal(block(0, "12a"), REPLY_BLOCK_PATTERN);
    assert_int_equal(block(0, ""), REPLY_BLOCK_EMPTY);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BLOCK_REMOVE,
                                                               .number = 7}),
                     REPLY_BLOCK_UNKNOWN);
    struct command c = {.type = COMMAND_ACCEPT, .cluster = slice_of("c1"), .domain = &bad,
                        .domain_n = 1};
    assert_int_equal(world_command(&world, 0, c), REPLY_DOMAIN);
    c = (struct command){.type = COMMAND_ACCEPT, .cluster = slice_of("c1")};
    assert_int_equal(world_command(&world, 0, c), REPLY_NOT_BOUNDED);
    c.cluster = slice_of("nobody");
    assert_int_equal(world_command(&world, 0, c), REPLY_UNKNOWN_CLUSTER);
    c = (struct command){.type = COMMAND_PREFER, .clusters = twice, .cluster_n = 2};
    assert_int_equal(world_command(&world, 0, c), REPLY_TWICE);
    c = (struct command){.type = COMMAND_LEARNED_MAX, .number = 10000001};
    assert_int_equal(world_command(&world, 0, c), REPLY_LIMIT);
    c = (struct command){.type = COMMAND_RELEASE, .cluster = slice_of("c1")};
    assert_int_equal(world_command(&world, 0, c), REPLY_NOT_HELD);
    c = (struct command){.type = COMMAND_CONFIRM};
    assert_int_equal(world_command(&world, 0, c), REPLY_NOT_SHRUNK);
}

static void a_cluster_is_bounded(void **state)
{
    struct slice domain = slice_of("c.example");
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    struct command c = {.type = COMMAND_ACCEPT, .cluster = slice_of("c1"), .domain = &domain,
                        .domain_n = 1};
    assert_int_equal(world_command(&world, 2, c), REPLY_OK);
    assert_false(world_answers(&world, 2, "alice@b.example"));
    assert_true(said_why(2, "alice@b.example", LOOKUP_BLOCKED, LOSER_OUTSIDE));
    assert_int_equal(world_plan(&world, 1, "alice@lab.c.example", true), REPLY_OK);
    assert_true(world_answers(&world, 2, "alice@lab.c.example"));
    c.domain_n = 0; /* everything */
    assert_int_equal(world_command(&world, 2, c), REPLY_OK);
    assert_true(world_answers(&world, 2, "alice@b.example"));
}

static void a_full_disk_changes_nothing(void **state)
{
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    world.node[2].full = true;
    assert_int_equal(block(2, "alice@b.example"), REPLY_STORE);
    world.node[2].full = false;
    assert_true(world_answers(&world, 2, "alice@b.example"));
    assert_int_equal(block(2, "alice@b.example"), REPLY_OK);
    assert_false(world_answers(&world, 2, "alice@b.example"));
}

static void duplicates_are_found_when_learned(void **state)
{
    struct view_duplicate d;
    struct slice order[] = {slice_of("c1")};
    assert_false(view_duplicate(core(2), 0, &d));
    assert_int_equal(world_plan(&world, 0, "alice@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 0, "bob@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "bob@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    assert_true(view_duplicate(core(2), 0, &d) && !view_duplicate(core(2), 1, &d));
    assert_int_equal(d.count, 2);
    assert_true(slice_eq(d.winner, slice_of("c0")) && slice_eq(d.loser, slice_of("c1")));
    assert_int_equal(d.rule, LOSER_CLUSTER_ID);
    assert_true(slice_eq(d.subject, slice_of("c0, c1")));
    assert_true(alarm(2, ILSDuplicateURI) && world_said(&world, 2, EVENT_DUPLICATE));
    assert_true(view_duplicate(core(1), 0, &d)); /* its own against c0's */
    assert_int_equal(d.rule, LOSER_NOT_LOCAL);
    struct command c = {.type = COMMAND_PREFER, .clusters = order, .cluster_n = 1};
    assert_int_equal(world_command(&world, 2, c), REPLY_OK);
    assert_true(view_duplicate(core(2), 0, &d));
    assert_true(slice_eq(d.winner, slice_of("c1")) && d.rule == LOSER_PREFERRED);
    assert_int_equal(world_plan(&world, 0, "alice@b.example", false), REPLY_OK);
    assert_true(alarm(2, ILSDuplicateURI));
    assert_int_equal(world_plan(&world, 1, "bob@b.example", false), REPLY_OK);
    assert_false(alarm(2, ILSDuplicateURI));
    assert_false(view_duplicate(core(2), 0, &d));
}

static void alarms_end_over_a_restart(void **state)
{
    assert_int_equal(world_plan(&world, 0, "bob@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "bob@b.example", true), REPLY_OK);
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_int_equal(import(1, 10), REPLY_OK);
    assert_true(alarm(2, ILSDuplicateURI) && alarm(2, ILSPlanHeld));
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, TICK_S);
    assert_true(alarm(2, ILSDuplicateURI) && alarm(2, ILSPlanHeld)); /* they last */
    world_stop(&world, 2);
    assert_int_equal(world_plan(&world, 0, "bob@b.example", false), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM}),
                     REPLY_OK);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_false(alarm(2, ILSDuplicateURI) || alarm(2, ILSPlanHeld));
}

static bool held(int i, struct view_held *ret)
{
    return view_held(core(i), 0, ret) && ret->why == HELD_SHRUNK;
}

static void a_plan_that_shrinks_is_held(void **state)
{
    struct view_held h;
    struct view_holds holds;
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_true(world_answers(&world, 2, "user350@b.example"));
    assert_int_equal(import(1, 150), REPLY_OK);
    assert_false(world_answers(&world, 1, "user350@b.example")); /* its own word counts at once */
    for (int i = 0; i < 3; i += 2) {
        assert_true(world_answers(&world, i, "user350@b.example"));
        assert_true(held(i, &h) && !h.own);
        assert_int_equal(h.served, 400);
        assert_int_equal(h.newest, 150);
        assert_int_equal(h.peak, 400);
        assert_true(alarm(i, ILSPlanHeld) && world_said(&world, i, EVENT_PLAN_HELD));
    }
    assert_true(held(1, &h) && h.own);
    assert_true(view_holds(core(2), 0, 2, &holds) && holds.digest_equal); /* it has the newest */
    assert_int_equal(holds.status, SYNC_HELD);
    for (int i = 0; i < 3; i += 2) { /* and after a restart */
        world_stop(&world, i);
        world_start(&world, i, &mem.mem);
        world_pass(&world, 30 * TICK_S);
        assert_true(world_answers(&world, i, "user350@b.example"));
        assert_true(held(i, &h));
    }
    /* More of the same changes nothing; what is back above the half is served. */
    assert_int_equal(world_plan(&world, 1, "new@b.example", true), REPLY_OK);
    assert_false(world_answers(&world, 2, "new@b.example"));
    assert_int_equal(import(1, 300), REPLY_OK);
    assert_true(world_answers(&world, 2, "new@b.example"));
    assert_false(world_answers(&world, 2, "user350@b.example"));
    assert_false(held(2, &h) || alarm(2, ILSPlanHeld));
}

/* The disk of 2 takes so many batches of what follows, and then nothing more: as in a crash. The
 * first segment is in the first two plans and not in the third. */
static bool crashes_after(size_t batches, void **state)
{
    struct node *n = &world.node[2];
    teardown(state);
    setup(state);
    assert_int_equal(import(1, 3), REPLY_OK);
    assert_int_equal(import(1, 400), REPLY_OK);
    n->fails = true;
    n->takes = batches;
    assert_int_equal(import(1, 150), REPLY_OK); /* held back */
    assert_int_equal(import_from(1, 0, 3, 300), REPLY_OK); /* served again */
    bool all = !n->full;
    world_stop(&world, 2);
    world_stop(&world, 0); /* nobody is there to fetch it from */
    n->full = n->fails = false;
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 5 * TICK_S);
    return all;
}

/* Of what is kept and of what takes its place one is on the disk, whole, at any time. */
static void what_is_held_survives_a_crash_anywhere(void **state)
{
    bool all = false;
    for (size_t batches = 0; !all; batches++) {
        all = crashes_after(batches, state);
        if (!world_answers(&world, 2, "user5@b.example"))
            fail_msg("nothing is served after a crash behind batch %zu", batches);
    }
}

/* The disk of 2 takes so many batches of what follows, refuses one, and takes all again. */
static bool refuses_behind(size_t batches, void **state)
{
    struct node *n = &world.node[2];
    struct view_held h;
    teardown(state);
    setup(state);
    assert_int_equal(import(1, 400), REPLY_OK);
    n->fails = n->once = true;
    n->takes = batches;
    assert_int_equal(import(1, 150), REPLY_OK); /* held back */
    for (int i = 0; i < 3; i++) { /* more heads, which change nothing of that */
        char name[] = "new0@b.example";
        name[3] = (char)('0' + i);
        assert_int_equal(world_plan(&world, 1, name, true), REPLY_OK);
    }
    bool none = n->takes <= batches; /* else it has passed 0 */
    n->fails = n->once = false;
    assert_true(held(2, &h) && world_answers(&world, 2, "user350@b.example"));
    world_stop(&world, 2);
    world_stop(&world, 0);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 5 * TICK_S);
    if (!world_answers(&world, 2, "user350@b.example"))
        fail_msg("a plan that shrank is served: batch %zu was refused", batches);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 60 * TICK_S);
    if (!held(2, &h) || !world_answers(&world, 2, "user350@b.example"))
        fail_msg("a plan that shrank is no longer held: batch %zu was refused", batches);
    return none;
}

static void what_is_held_survives_a_batch_that_is_refused(void **state)
{
    bool none = false;
    for (size_t batches = 0; !none; batches++)
        none = refuses_behind(batches, state);
}

static void a_shrink_is_confirmed_by_its_origin(void **state)
{
    struct view_held h;
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_int_equal(import(1, 10), REPLY_OK);
    assert_true(held(0, &h) && held(2, &h));
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM,
                                                               .who = slice_of("root")}),
                     REPLY_OK);
    for (int i = 0; i < 3; i++) {
        assert_false(held(i, &h) || alarm(i, ILSPlanHeld));
        assert_false(world_answers(&world, i, "user350@b.example"));
        assert_true(world_answers(&world, i, "user5@b.example"));
    }
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_false(world_answers(&world, 2, "user350@b.example"));
    assert_int_equal(import(1, 0), REPLY_OK); /* ten fewer: small plans come and go */
    assert_false(world_answers(&world, 2, "user5@b.example"));
}

static void a_catalog_is_held_as_well(void **state)
{
    struct view_held h;
    uint64_t number;
    struct command add = {.type = COMMAND_CATALOG_ADD, .cluster_id = slice_of("old"),
                          .route_string = slice_of("old.example")};
    assert_int_equal(world_command(&world, 0, add), REPLY_OK);
    view_own_catalog_named(core(0), slice_of("old"), &number);
    assert_int_equal(import_into(0, number, 400), REPLY_OK);
    assert_true(world_answers(&world, 2, "user350@b.example"));
    assert_int_equal(import_into(0, number, 10), REPLY_OK);
    assert_true(world_answers(&world, 2, "user350@b.example"));
    assert_true(held(2, &h) && h.number == number && held(0, &h) && h.own);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_CONFIRM}),
                     REPLY_OK);
    assert_false(world_answers(&world, 2, "user350@b.example"));
    assert_false(held(2, &h) || held(0, &h));
    assert_int_equal(import(1, 400), REPLY_OK); /* the same users once more: a pair with it */
    struct view_duplicate d;
    assert_true(view_duplicate(core(2), 0, &d) && d.count == 10);
}

static void a_shrink_is_released_here(void **state)
{
    struct view_held h;
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_int_equal(import(1, 150), REPLY_OK);
    assert_int_equal(world_command(&world, 2, (struct command){.type = COMMAND_RELEASE,
                                                               .cluster = slice_of("c1"),
                                                               .who = slice_of("root")}),
                     REPLY_OK);
    assert_false(world_answers(&world, 2, "user350@b.example"));
    assert_true(world_answers(&world, 2, "user5@b.example"));
    assert_true(world_answers(&world, 0, "user350@b.example"));
    assert_false(held(2, &h));
    assert_true(held(0, &h));
    assert_int_equal(world_plan(&world, 1, "new@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 2, "new@b.example")); /* what follows is served */
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_true(world_answers(&world, 2, "new@b.example"));
    assert_false(world_answers(&world, 2, "user350@b.example"));
    assert_int_equal(import(1, 20), REPLY_OK); /* but not a further shrink by half */
    assert_true(held(2, &h));
}

static void leaving_is_no_shrink(void **state)
{
    struct view_held h;
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_EXCHANGE}),
                     REPLY_OK);
    assert_false(world_answers(&world, 2, "user5@b.example"));
    assert_false(held(2, &h));
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_EXCHANGE,
                                                               .raise = true}), REPLY_OK);
    assert_true(world_answers(&world, 2, "user5@b.example"));
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_LEAVE}), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_false(world_answers(&world, 2, "user5@b.example"));
}

/* It shrank while nothing of it was told: whoever served nothing of it serves what comes. */
static void a_shrink_while_it_is_withheld(void **state)
{
    struct view_held h;
    assert_int_equal(import(1, 400), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_EXCHANGE}),
                     REPLY_OK);
    assert_int_equal(import(1, 150), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_EXCHANGE,
                                                               .raise = true}), REPLY_OK);
    assert_true(world_answers(&world, 2, "user5@b.example"));
    assert_false(held(2, &h) || alarm(2, ILSPlanHeld));
}

static enum reply learned_max(int i, uint64_t n)
{
    return world_command(&world, i, (struct command){.type = COMMAND_LEARNED_MAX, .number = n});
}

/* With a new identity a cluster's plan is there twice, until the former one is forgotten. */
static void a_former_identity_counts(void **state)
{
    (void)state;
    struct view_held h;
    struct command c = {.type = COMMAND_IDENTITY_NEW, .cluster_id = slice_of("fresh")};
    assert_int_equal(import(1, 100), REPLY_OK);
    assert_int_equal(learned_max(0, 150), REPLY_OK);
    assert_int_equal(world_command(&world, 1, c), REPLY_OK);
    world_pass(&world, 70 * TICK_S);
    assert_int_equal(import(1, 120), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(view_held(core(0), 0, &h) && h.why == HELD_QUOTA);
    assert_true(slice_eq(h.cluster_id, slice_of("fresh")));
    assert_true(slice_eq(h.gone, slice_of("c1")) && h.gone_live == 100);
    c = (struct command){.type = COMMAND_FORGET, .cluster = h.gone};
    assert_int_equal(world_command(&world, 0, c), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_false(view_held(core(0), 0, &h));
    for (int i = 0; i < 3; i++)
        assert_true(world_answers(&world, i, "user110@b.example"));
}

static void a_limit_refuses_whole(void **state)
{
    struct view_held h;
    struct view_limit l;
    assert_int_equal(import(1, 100), REPLY_OK);
    assert_int_equal(learned_max(2, 150), REPLY_OK);
    assert_int_equal(import(1, 200), REPLY_OK);
    assert_true(world_answers(&world, 2, "user50@b.example"));
    assert_false(world_answers(&world, 2, "user150@b.example"));
    assert_true(view_held(core(2), 0, &h) && h.why == HELD_QUOTA);
    assert_true(alarm(2, ILSLearnedLimitExceeded));
    assert_true(view_limit(core(2), 0, &l) && l.most == 150 && l.used == 100 && l.near == 135);
    assert_false(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(import(1, 136), REPLY_OK);
    assert_true(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(learned_max(2, 160), REPLY_OK); /* of another limit */
    assert_false(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(learned_max(2, 150), REPLY_OK);
    assert_true(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(import(1, 120), REPLY_OK);
    assert_false(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(import(1, 136), REPLY_OK);
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_true(alarm(2, ILSLearnedLimitApproachingWarning));
    assert_int_equal(import(1, 200), REPLY_OK);
    assert_int_equal(learned_max(2, 1000), REPLY_OK);
    assert_true(world_answers(&world, 2, "user150@b.example")); /* it is asked for at once */
    assert_false(view_held(core(2), 0, &h) || alarm(2, ILSLearnedLimitExceeded));
    /* Lowered below what is there: it stays, and removing is possible. */
    assert_int_equal(learned_max(2, 10), REPLY_OK);
    assert_true(world_answers(&world, 2, "user150@b.example"));
    assert_int_equal(import(1, 190), REPLY_OK);
    assert_true(world_answers(&world, 2, "user150@b.example"));
    assert_false(world_answers(&world, 2, "user195@b.example"));
}

static void survive(struct mem *m)
{
    struct slice domain = slice_of("c.example");
    world_init(&world);
    for (int i = 0; i < 2; i++)
        world_start(&world, i, m);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    block(0, "alice@b.example");
    world_command(&world, 0, (struct command){.type = COMMAND_ACCEPT, .cluster = slice_of("c1"),
                                              .domain = &domain, .domain_n = 1});
    world_plan(&world, 0, "bob@b.example", true);
    world_plan(&world, 1, "bob@b.example", true);
    import(1, 210);
    import(1, 3);
    world_command(&world, 0, (struct command){.type = COMMAND_RELEASE,
                                              .cluster = slice_of("c1")});
    world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM});
    world_done(&world);
}

/* Every 13th request is refused in turn: all of them take minutes. */
static void without_memory(void **state)
{
    struct test_mem t;
    for (size_t n = 1; n == 1 || t.requests >= n; n += 13) {
        test_mem_init(&t, n);
        survive(&t.mem);
        assert_int_equal(t.mem.used, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_served_by_nobody_here),
        TEST(words_that_are_none),
        TEST(a_cluster_is_bounded),
        TEST(a_full_disk_changes_nothing),
        TEST(duplicates_are_found_when_learned),
        TEST(alarms_end_over_a_restart),
        TEST(a_plan_that_shrinks_is_held),
        TEST(what_is_held_survives_a_crash_anywhere),
        TEST(what_is_held_survives_a_batch_that_is_refused),
        TEST(a_shrink_is_confirmed_by_its_origin),
        TEST(a_catalog_is_held_as_well),
        TEST(a_shrink_is_released_here),
        TEST(leaving_is_no_shrink),
        TEST(a_shrink_while_it_is_withheld),
        TEST(a_limit_refuses_whole),
        TEST(a_former_identity_counts),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
