/* Imported catalogs: two hubs and a spoke. What the disk does not take is not there; a store that
 * was put back; who forgets the hub; a new identity; how many there may be. */
#include <stdio.h>

#include "core/core.h"
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
    world_hub(&world, 0, "one");
    world_spoke(&world, 1, 0, "one");
    world_join(&world, 1, 0, ROLE_HUB);
    world_spoke(&world, 2, 1, "one");
    world_pass(&world, 5 * TICK_S);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static struct ils *core(int i)
{
    return world.node[i].ils;
}

static enum reply add(int i, const char *name)
{
    return world_command(&world, i, (struct command){
        .type = COMMAND_CATALOG_ADD, .cluster_id = slice_of(name),
        .route_string = slice_of("old.example"), .description = slice_of("in the cellar")});
}

static enum reply drop(int i, const char *name)
{
    return world_command(&world, i, (struct command){.type = COMMAND_CATALOG_REMOVE,
                                                     .cluster_id = slice_of(name)});
}

static enum reply fill(int i, const char *name, const char *user, bool put)
{
    uint64_t number;
    view_own_catalog_named(core(i), slice_of(name), &number);
    struct change change = {.put = put, .kind = ENTRY_URI, .user = slice_of(user),
                            .domain = slice_of("old.example")};
    return world_command(&world, i, (struct command){
        .type = COMMAND_PLAN, .stream = number, .change = &change, .change_n = 1,
        .source = slice_of(name)});
}

static size_t count(int i)
{
    struct view_catalog c;
    size_t n = 0;
    while (view_catalog(core(i), n, &c))
        n++;
    return n;
}

static bool everywhere(const char *dialled, bool answered)
{
    for (int i = 0; i < 3; i++)
        if (core(i) != NULL && world_answers(&world, i, dialled) != answered)
            return false;
    return true;
}

/* All have the same head of the hub's stream 2. */
static bool settled(int hub)
{
    const struct stream *own = stream_find(core(hub), core(hub)->key, STREAM_CATALOGS);
    for (int i = 0; i < 3; i++) {
        const struct stream *s = stream_find(core(i), core(hub)->key, STREAM_CATALOGS);
        if (s == NULL || head_order(&s->head, &own->head) != 0)
            return false;
    }
    return true;
}

static void restart(int i)
{
    world_stop(&world, i);
    world_start(&world, i, &mem.mem);
    world_pass(&world, 12 * TICK_S);
}

static void is_told_and_kept(void **state)
{
    (void)state;
    assert_int_equal(add(2, "Old"), REPLY_CATALOG_HUB);
    assert_int_equal(add(0, "c1"), REPLY_CATALOG_TAKEN); /* a cluster */
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(add(0, "old"), REPLY_CATALOG_TAKEN);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_true(everywhere("carl@old.example", true) && settled(0));
    for (int i = 0; i < 3; i++) {
        struct view_catalog c;
        assert_true(view_catalog(core(i), 0, &c) && c.own == (i == 0) && c.entries == 1);
        assert_true(slice_eq(c.name, slice_of("Old")) &&
                    slice_eq(c.route_string, slice_of("old.example")));
    }
    uint64_t beat = stream_find(core(2), core(0)->key, STREAM_CATALOGS)->head.beat;
    world_pass(&world, 25 * 60 * TICK_S);
    assert_true(stream_find(core(2), core(0)->key, STREAM_CATALOGS)->head.beat > beat);
    restart(0);
    struct view_catalog c;
    assert_true(view_catalog(core(0), 0, &c) && c.own);
    assert_true(slice_eq(c.description, slice_of("in the cellar")));
    assert_int_equal(fill(0, "Old", "dora", true), REPLY_OK);
    assert_true(everywhere("dora@old.example", true) && settled(0));
    assert_int_equal(drop(0, "Old"), REPLY_OK);
    assert_true(everywhere("dora@old.example", false) && settled(0));
    restart(0);
    assert_int_equal(count(0), 0);
    assert_int_equal(drop(0, "Old"), REPLY_CATALOG_UNKNOWN);
    assert_int_equal(fill(0, "Old", "dora", true), REPLY_OK); /* number 0: it is the plan */
    assert_int_equal(add(0, "New"), REPLY_OK); /* its number, above what it was */
    assert_int_equal(fill(0, "New", "emil", true), REPLY_OK);
    assert_true(everywhere("emil@old.example", true) && settled(0));
}

/* The log has the life of a catalog; what was removed comes back with all that it had, under its
 * number where that is free. */
static void brought_back(void **state)
{
    (void)state;
    const struct change put = {.put = true, .kind = ENTRY_URI, .user = slice_of("carl"),
                               .domain = slice_of("old.example"), .source = slice_of("Old")};
    struct command back = {.type = COMMAND_CATALOG_ADD, .cluster_id = slice_of("Old"),
                           .route_string = slice_of("old.example"), .change = &put, .change_n = 1,
                           .undoes = 3, .last = 3, .stream = STREAM_CATALOGS + 1};
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_int_equal(drop(0, "Old"), REPLY_OK);
    assert_int_equal(core(0)->planlog.last, 3);
    assert_int_equal(add(0, "New"), REPLY_OK);
    assert_int_equal(world_command(&world, 0, back), REPLY_LOG_MOVED);
    back.last = 4;
    assert_int_equal(world_command(&world, 0, back), REPLY_OK);
    uint64_t number;
    assert_non_null(view_own_catalog_named(core(0), slice_of("Old"), &number));
    assert_int_equal(number, STREAM_CATALOGS + 1);
    assert_true(everywhere("carl@old.example", true));
    back.last = 5;
    assert_int_equal(world_command(&world, 0, back), REPLY_CATALOG_TAKEN);
    world.node[0].full = true;
    assert_int_equal(drop(0, "Old"), REPLY_STORE);
    world.node[0].full = false;
    assert_int_equal(count(0), 2);
    struct view_preview p;
    const struct command gone = {.type = COMMAND_CATALOG_REMOVE, .cluster_id = slice_of("Old")};
    assert_int_equal(view_preview(core(0), &mem.mem, &gone, &p), REPLY_OK);
    assert_int_equal(p.n[VIEW_REMOVED], 1);
    view_preview_free(&p);
}

static void not_taken_by_the_disk(void **state)
{
    (void)state;
    size_t streams = core(0)->stream_n;
    world.node[0].full = true;
    assert_int_equal(add(0, "Old"), REPLY_STORE);
    world.node[0].full = false;
    assert_int_equal(count(0), 0);
    assert_int_equal(core(0)->stream_n, streams);
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    world.node[0].full = true;
    assert_int_equal(drop(0, "Old"), REPLY_STORE);
    world.node[0].full = false;
    assert_true(everywhere("carl@old.example", true));
    assert_int_equal(count(0), 1);
}

static enum reply exchange(int i, bool on)
{
    return world_command(&world, i, (struct command){.type = COMMAND_EXCHANGE, .raise = on});
}

/* With the exchange off they are withheld as the plan is: others drop them, until it is on again;
 * also over a restart, and whatever is done to them meanwhile. */
static void withheld(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_int_equal(add(0, "Gone"), REPLY_OK);
    assert_int_equal(fill(0, "Gone", "gert", true), REPLY_OK);
    assert_int_equal(exchange(0, false), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(world_answers(&world, 0, "carl@old.example")); /* here it is one's own matter */
    assert_false(world_answers(&world, 1, "carl@old.example"));
    assert_false(world_answers(&world, 2, "carl@old.example"));
    assert_int_equal(count(0), 2);
    assert_int_equal(count(2), 0);
    world_pass(&world, 25 * 60 * TICK_S);
    restart(0);
    assert_int_equal(fill(0, "Old", "dora", true), REPLY_OK);
    assert_int_equal(drop(0, "Gone"), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(count(2), 0);
    assert_int_equal(exchange(0, true), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(everywhere("carl@old.example", true) && everywhere("dora@old.example", true));
    assert_true(everywhere("gert@old.example", false) && settled(0));
    assert_int_equal(count(2), 1);
    restart(0);
    assert_true(everywhere("dora@old.example", true) && settled(0));
}

static void role_stays(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_SPOKE}),
                     REPLY_HAS_CATALOGS);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_STANDALONE}),
                     REPLY_HAS_CATALOGS);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_LEAVE}),
                     REPLY_HAS_CATALOGS);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){
        .type = COMMAND_CATALOG_ADOPT, .cluster_id = slice_of("old"),
        .cluster = slice_of("c0")}), REPLY_OK);
    assert_int_equal(count(2), 2);
    assert_int_equal(drop(0, "Old"), REPLY_OK);
    assert_int_equal(count(2), 1);
    assert_true(everywhere("carl@old.example", true) && settled(1));
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_SPOKE}), REPLY_OK);
}

static bool is_duplicate(int i)
{
    struct alarm_row row;
    bool active = false;
    for (size_t k = 0; view_alarm(core(i), k, &row); k++)
        active = active || (row.active && row.alarm == ILSDuplicateURI &&
                            slice_eq(row.subject, slice_of("Old, c2")));
    return active;
}

/* What a spoke announces as well is a duplicate of the adopted catalog as it was of the former. */
static void adopted_with_a_duplicate(void **state)
{
    (void)state;
    const struct change carl = {.put = true, .kind = ENTRY_URI, .user = slice_of("carl"),
                                .domain = slice_of("old.example"), .source = slice_of("hq")};
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_int_equal(world_command(&world, 2, (struct command){
        .type = COMMAND_PLAN, .change = &carl, .change_n = 1, .source = slice_of("hq")}), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){
        .type = COMMAND_CATALOG_ADOPT, .cluster_id = slice_of("old"),
        .cluster = slice_of("c0")}), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_true(is_duplicate(0) && is_duplicate(1) && is_duplicate(2));
    assert_int_equal(drop(0, "Old"), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_true(is_duplicate(0) && is_duplicate(1) && is_duplicate(2));
    assert_int_equal(drop(1, "Old"), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_false(is_duplicate(0) || is_duplicate(1) || is_duplicate(2));
}

/* A backup is put back: what the neighbours hold is taken where nothing was written since. */
static void put_back(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    world_stop(&world, 0);
    world_image(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(fill(0, "Old", "dora", true), REPLY_OK);
    world_stop(&world, 0);
    world_restore(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("carl@old.example", true) && everywhere("dora@old.example", true));
    assert_true(settled(0));
    assert_int_equal(fill(0, "Old", "emil", true), REPLY_OK);
    assert_true(everywhere("emil@old.example", true) && settled(0));
}

/* It was written while nobody was reached: it is written again above theirs. */
static void put_back_and_written(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    world_stop(&world, 0);
    world_image(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(fill(0, "Old", "dora", true), REPLY_OK);
    assert_int_equal(fill(0, "Old", "fred", true), REPLY_OK);
    world_stop(&world, 0);
    world_restore(&world, 0);
    world_block(&world, 0, 1, true);
    world_block(&world, 1, 0, true);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(fill(0, "Old", "mine", true), REPLY_OK);
    world_block(&world, 0, 1, false);
    world_block(&world, 1, 0, false);
    world_pass(&world, 30 * TICK_S);
    assert_true(settled(0));
    assert_true(everywhere("mine@old.example", true) && everywhere("carl@old.example", true) &&
                everywhere("dora@old.example", false));
    assert_int_equal(fill(0, "Old", "emil", true), REPLY_OK);
    assert_true(everywhere("emil@old.example", true) && settled(0));
}

static void exchange_off(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_EXCHANGE}),
                     REPLY_OK);
    world_pass(&world, TICK_S);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_false(world_answers(&world, 1, "carl@old.example")); /* it is not told */
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_EXCHANGE,
                                                               .raise = true}), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_true(everywhere("carl@old.example", true) && settled(0));
}

/* The catalogs stay the former identity's. */
static void new_identity(void **state)
{
    (void)state;
    assert_int_equal(add(0, "Old"), REPLY_OK);
    assert_int_equal(fill(0, "Old", "carl", true), REPLY_OK);
    assert_int_equal(world_command(&world, 0, (struct command){
        .type = COMMAND_IDENTITY_NEW, .cluster_id = slice_of("other"),
        .fqdn = slice_of("other.example")}), REPLY_OK);
    struct view_catalog c;
    for (size_t i = 0; view_catalog(core(0), i, &c); i++)
        assert_false(c.own);
    restart(0);
    for (size_t i = 0; view_catalog(core(0), i, &c); i++)
        assert_false(c.own);
}

static void how_many(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < CATALOGS_MAX; i++) {
        snprintf(name, sizeof name, "cat%d", i);
        assert_int_equal(add(0, name), REPLY_OK);
    }
    assert_int_equal(add(0, "more"), REPLY_CATALOGS_MANY);
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(count(2), CATALOGS_MAX);
    assert_int_equal(drop(0, "cat7"), REPLY_OK);
    assert_int_equal(add(0, "more"), REPLY_OK);
    assert_int_equal(count(2), CATALOGS_MAX);
}

static void survive(struct mem *m)
{
    world_init(&world);
    world_start(&world, 0, m);
    world_hub(&world, 0, "one");
    for (int i = 0; i < 4 && core(0) != NULL && !world.node[0].dead; i++) {
        if (i == 0)
            add(0, "Old");
        else if (i == 1)
            fill(0, "Old", "carl", true);
        else if (i == 2)
            drop(0, "Old");
        else
            add(0, "New");
    }
    if (core(0) != NULL && !world.node[0].dead) {
        struct view_catalog c;
        for (size_t i = 0; view_catalog(core(0), i, &c); i++)
            assert_true(c.name.n != 0 && c.route_string.n != 0);
        assert_false(catalogs_busy(core(0)));
    }
    world_done(&world);
}

static void without_memory(void **state)
{
    (void)state;
    test_every_refusal(survive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_told_and_kept, setup, teardown),
cmocka_unit_test_setup_teardown(brought_back, setup, teardown),
cmocka_unit_test_setup_teardown(withheld, setup, teardown),
        cmocka_unit_test_setup_teardown(not_taken_by_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(role_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(adopted_with_a_duplicate, setup, teardown),
        cmocka_unit_test_setup_teardown(put_back, setup, teardown),
        cmocka_unit_test_setup_teardown(put_back_and_written, setup, teardown),
        cmocka_unit_test_setup_teardown(exchange_off, setup, teardown),
        cmocka_unit_test_setup_teardown(new_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(how_many, setup, teardown),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
