/* Whose word the end of a cluster is, and how it comes to those who have not heard of it. Hubs 0
 * and 1, spokes 2 (of 0) and 3 (of 1). */
#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 4; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "one");
    world_spoke(&world, 1, 0, "one");
    world_join(&world, 1, 0, ROLE_HUB);
    world_spoke(&world, 2, 0, "one");
    world_spoke(&world, 3, 1, "one");
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

static bool row_of(int i, const char *id, struct view_cluster *ret)
{
    for (size_t n = 1; view_cluster(world.node[i].ils, n, ret); n++)
        if (slice_eq(ret->cluster_id, slice_of(id)))
            return true;
    return false;
}

static enum reply end(int i, enum command_type type, const char *id)
{
    return world_command(&world, i, (struct command){.type = type, .cluster = slice_of(id)});
}

/* The only hub that knew it is restored from before: its spoke says so in its place, and who was
 * forgotten hears of it. */
static void spoke_says_what_its_hub_has_lost(void **state)
{
    (void)state;
    struct view_cluster before, after;
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    assert_true(row_of(2, "c1", &before));
    world_image(&world, 0);
    world_stop(&world, 1);
    world_stop(&world, 3);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, "c1"), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_false(row_of(2, "c1", &after));
    world_stop(&world, 0);
    world_restore(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 60 * TICK_S);
    assert_true(row_of(2, "c1", &after) && after.epoch > before.epoch);
    assert_true(world_answers(&world, 0, "one@b.example"));
    assert_true(world_answers(&world, 2, "one@b.example"));
}

/* Who was away heard it from another hub while its author still seemed to be one, whose own word
 * was awaited: then he is a spoke, and says no such things any more. */
static void author_becomes_a_spoke(void **state)
{
    (void)state;
    struct view_ended ended;
    struct ils *away = world.node[3].ils;
    assert_int_equal(end(1, COMMAND_BAN, "c2"), REPLY_OK);
    world_ask(&world, 1, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(world.node[1].ils->role, ROLE_SPOKE);
    assert_true(view_ended(away, 0, &ended));
    ends_free(away);
    peer_find(away, world.node[1].ils->key)->role = ROLE_HUB;
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_DESCRIBE,
                                                               .description = slice_of("x")}),
                     REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(view_ended(away, 0, &ended) && ended.banned);
}

/* Hub 1 and spoke 4 are restored: the hub from before it knew the spoke, the spoke from before it
 * left. What hub 0 tells of the spoke that left hub 1 has no use for; and then the spoke comes. */
static void leaver_comes_back_to_who_never_knew_it(void **state)
{
    (void)state;
    struct view_cluster c;
    world_image(&world, 1);
    world_start(&world, 4, &mem.mem);
    world_spoke(&world, 4, 1, "one");
    assert_int_equal(world_plan(&world, 4, "four@b.example", true), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    world_image(&world, 4);
    world_ask(&world, 4, (struct command){.type = COMMAND_LEAVE});
    world_pass(&world, 5 * TICK_S);
    assert_false(row_of(0, "c4", &c));
    for (int i = 4; i >= 1; i -= 3) {
        world_stop(&world, i);
        world_restore(&world, i);
    }
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    world_start(&world, 4, &mem.mem);
    world_pass(&world, 60 * TICK_S);
    for (int i = 0; i < 4; i++)
        assert_true(world_answers(&world, i, "four@b.example"));
}

/* Two hubs have forgotten each other while they did not hear each other, and both live. */
static void two_that_have_forgotten_each_other(void **state)
{
    (void)state;
    assert_int_equal(world_plan(&world, 0, "zero@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    for (int i = 1; i < 4; i++)
        world_stop(&world, i);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, "c1"), REPLY_OK);
    world_stop(&world, 0);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(1, COMMAND_FORGET, "c0"), REPLY_OK);
    assert_false(world_answers(&world, 1, "zero@b.example"));
    world_start(&world, 0, &mem.mem);
    assert_int_equal(world_join(&world, 1, 0, ROLE_HUB), REPLY_OK); /* its operator joins it */
    world_pass(&world, 60 * TICK_S);
    assert_true(world_answers(&world, 1, "zero@b.example"));
    assert_true(world_answers(&world, 0, "one@b.example"));
}

/* Who was linked with it for long has the time to return when that is heard: nobody else begins a
 * new epoch. */
static void heard_of_one_that_is_linked(void **state)
{
    (void)state;
    const struct head *hub = &world.node[1].ils->self->head, *it = &world.node[3].ils->self->head;
    world_pass(&world, 12 * TICK_S);
    uint64_t before[2] = {hub->epoch, it->epoch};
    assert_int_equal(end(0, COMMAND_FORGET, "c3"), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_true(it->epoch > before[1]);
    assert_int_equal(hub->epoch, before[0]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(spoke_says_what_its_hub_has_lost),
        TEST(author_becomes_a_spoke),
        TEST(leaver_comes_back_to_who_never_knew_it),
        TEST(two_that_have_forgotten_each_other),
        TEST(heard_of_one_that_is_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
