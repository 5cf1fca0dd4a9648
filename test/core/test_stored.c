/* What the disk refused of others' plans is written again when it takes rows again, so that a start
 * without a neighbour serves what was served before. Node 0 is the hub of 1 and 2. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

#define MANY 5000

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
    world_plan(&world, 1, "first@b.example", true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* Node 1's plan of n entries beside the first one. */
static enum reply import(size_t n)
{
    static struct change change[MANY];
    static char user[MANY][16];
    for (size_t i = 0; i < n; i++) {
        snprintf(user[i], sizeof user[i], "user%zu", i);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[i]),
                                    .domain = slice_of("b.example")};
    }
    return world_command(&world, 1,
                         (struct command){.type = COMMAND_PLAN, .change = change, .change_n = n,
                                          .source = slice_of("hr"), .replace = true,
                                          .force = true});
}

/* Node 2 has a row to store, as it has all the time. */
static void something_is_stored(void)
{
    world_command(&world, 2, (struct command){.type = COMMAND_DESCRIBE,
                                              .description = slice_of("it takes rows again")});
    world_run(&world);
}

/* Nobody is there who could be asked. */
static void start_alone(void)
{
    world_block(&world, 2, 0, true);
    world_block(&world, 2, 1, true);
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_run(&world);
}


/* Segments and their head. */
static void full_disk(void **state)
{
    (void)state;
    world.node[2].full = true;
    assert_int_equal(import(MANY), REPLY_OK);
    assert_true(world_answers(&world, 2, "user4999@b.example"));
    world.node[2].full = false;
    something_is_stored();
    start_alone();
    assert_true(world_answers(&world, 2, "user0@b.example"));
    assert_true(world_answers(&world, 2, "user4999@b.example"));
    assert_true(world_answers(&world, 2, "first@b.example"));
}

/* Any one batch, and the others are taken. */
static void one_batch(void **state)
{
    (void)state;
    size_t batches = 0;
    char fresh[32];
    for (bool refused = true; refused; batches++) {
        snprintf(fresh, sizeof fresh, "fresh%zu@b.example", batches);
        world.node[2].fails = world.node[2].once = true;
        world.node[2].takes = batches;
        assert_int_equal(import(batches % 2 == 0 ? MANY : MANY / 3 * 2), REPLY_OK);
        assert_int_equal(world_plan(&world, 1, fresh, true), REPLY_OK);
        refused = world.node[2].takes > batches;
        world.node[2].fails = world.node[2].once = false;
        something_is_stored();
        start_alone();
        if (!world_answers(&world, 2, fresh) || !world_answers(&world, 2, "user3000@b.example"))
            fail_msg("a plan is not there after a start: batch %zu was refused", batches);
        world_block(&world, 2, 0, false);
        world_block(&world, 2, 1, false);
        world_pass(&world, 30 * TICK_S);
    }
    assert_true(batches > 3);
}

/* It stays full for long, but for small rows: nothing grows, and it is all there in the end. What
 * was removed meanwhile is not. */
static void full_for_long(void **state)
{
    (void)state;
    assert_int_equal(import(MANY), REPLY_OK);
    for (size_t i = 0; i < 20; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "late%zu@b.example", i);
        world.node[2].full = true;
        assert_int_equal(world_plan(&world, 1, uri, true), REPLY_OK);
        world.node[2].fails = true;
        world.node[2].full = false;
        world.node[2].takes = 1; /* it takes this, and not what it was to take again */
        something_is_stored();
    }
    world.node[2].full = true;
    assert_int_equal(import(10), REPLY_OK);
    world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM});
    world.node[2].full = world.node[2].fails = false;
    something_is_stored();
    start_alone();
    assert_true(world_answers(&world, 2, "late0@b.example"));
    assert_true(world_answers(&world, 2, "late19@b.example"));
    assert_true(world_answers(&world, 2, "user9@b.example"));
    assert_false(world_answers(&world, 2, "user4999@b.example"));
}

/* What is held back in its place as well. */
static void while_a_plan_is_held(void **state)
{
    (void)state;
    assert_int_equal(import(MANY), REPLY_OK);
    world.node[2].full = true;
    assert_int_equal(import(10), REPLY_OK);
    assert_true(world_answers(&world, 2, "user4999@b.example"));
    world.node[2].full = false;
    something_is_stored();
    start_alone();
    assert_true(world_answers(&world, 2, "user4999@b.example"));
    world_block(&world, 2, 0, false);
    world_block(&world, 2, 1, false);
    world_pass(&world, 30 * TICK_S);
    world.node[2].full = true;
    world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM});
    assert_false(world_answers(&world, 2, "user4999@b.example"));
    world.node[2].full = false;
    something_is_stored();
    start_alone();
    assert_false(world_answers(&world, 2, "user4999@b.example"));
    assert_true(world_answers(&world, 2, "user9@b.example"));
}

/* Who was forgotten meanwhile does not come back. */
static void forgotten_meanwhile(void **state)
{
    (void)state;
    world.node[2].full = true;
    assert_int_equal(import(MANY), REPLY_OK);
    world_cut(&world, 0, 1);
    world_block(&world, 0, 1, true);
    world_stop(&world, 1);
    world_pass(&world, TICK_S);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_FORGET,
                                                               .cluster = slice_of("c1")}),
                     REPLY_OK);
    assert_false(world_answers(&world, 2, "user1@b.example"));
    world.node[2].full = false;
    something_is_stored();
    start_alone();
    assert_false(world_answers(&world, 2, "user1@b.example"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(full_disk),     TEST(one_batch),           TEST(full_for_long),
        TEST(while_a_plan_is_held), TEST(forgotten_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
