/* Who is elsewhere: a copy that another hub serves, and two networks that become one. */
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

static bool linked(int i)
{
    struct view_self self;
    view_self(core(i), &self);
    return self.serving != 0;
}

static struct peer *peer_at(int i, int other)
{
    return peer_find(core(i), core(other)->key);
}

/* --- by way of another hub */

/* The original is served by one hub, its copy by another: they never meet. The one that finds a
 * newer head of its own writes nothing; when that one moves on it is no backup. */
static void copy_elsewhere(void **state)
{
    (void)state;
    struct view_self self;
    world_hub(&world, 0, "secret");
    world_start(&world, 4, &mem.mem);
    world_spoke(&world, 3, 0, "secret");
    world_join(&world, 3, 0, ROLE_HUB);
    world_spoke(&world, 1, 0, "secret");
    world_plan(&world, 1, "alice@b.example", true);
    world_pass(&world, 20 * TICK_S);
    world_stop(&world, 4);
    world_copy(&world, 1, 4);
    world_block(&world, 4, 0, true);
    world_start(&world, 4, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_non_null(peer_at(4, 3)->link);
    for (int i = 0; i < 3; i++) {
        char uri[] = "a0@b.example";
        uri[1] = (char)('0' + i);
        view_self(core(1), &self);
        assert_int_equal(self.rival, i == 2);
        world_plan(&world, 4, uri, true);
        world_pass(&world, 12 * TICK_S);
    }
    assert_int_equal(self.writing, WRITING_ROLLED_BACK);
    struct command renew = {.type = COMMAND_IDENTITY_NEW, .cluster_id = slice_of("copy"),
                            .fqdn = slice_of("copy.example.com")};
    assert_int_equal(world_command(&world, 4, renew), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_RESTORE}), REPLY_OK);
    world_pass(&world, 20 * TICK_S);
    view_self(core(1), &self);
    assert_int_equal(self.writing, WRITING);
    assert_false(self.rival);
    assert_true(world_answers(&world, 3, "alice@b.example"));
}

/* --- another network */

static struct command adopt(void)
{
    return (struct command){.type = COMMAND_NETWORK_ADOPT};
}

static void network_of_a_hub(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        world_hub(&world, i, "secret");
    world_spoke(&world, 2, 1, "secret");
    world_plan(&world, 2, "bob@b.example", true);
    assert_int_equal(world_command(&world, 1, adopt()), REPLY_SAME_NETWORK);
    assert_int_equal(world_join(&world, 1, 0, ROLE_HUB), REPLY_OK);
    assert_int_equal(world.node[1].verdict.code, CODE_OTHER_NETWORK);
    assert_int_equal(world.node[1].verdict.remedy_at, SIDE_HERE);
    assert_int_equal(world.node[0].verdict.code, CODE_OTHER_NETWORK);
    assert_true(linked(2));
    assert_int_equal(world_command(&world, 1, adopt()), REPLY_OK);
    world_pass(&world, 70 * TICK_S);
    assert_memory_equal(core(0)->network, core(1)->network, NETWORK_ID_SIZE);
    assert_non_null(peer_at(1, 0)->link);
    assert_false(linked(2)); /* it is in the former one until it adopts, too */
    assert_int_equal(world.node[2].verdict.code, CODE_OTHER_NETWORK);
    assert_true(world_answers(&world, 1, "bob@b.example")); /* as it was last */
    assert_false(world_answers(&world, 0, "bob@b.example")); /* who is not in this network */
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 20 * TICK_S);
    assert_non_null(peer_at(1, 0)->link);
    assert_false(world_answers(&world, 0, "bob@b.example"));
    assert_int_equal(world_command(&world, 2, adopt()), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(linked(2));
    assert_true(world_answers(&world, 0, "bob@b.example"));
    assert_memory_equal(core(0)->network, core(2)->network, NETWORK_ID_SIZE);
    world_plan(&world, 2, "alice@b.example", true);
    assert_true(world_answers(&world, 0, "alice@b.example"));
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    assert_memory_equal(core(0)->network, core(1)->network, NETWORK_ID_SIZE);
}

/* The disk refuses it: the former network is the network. */
static void network_not_stored(void **state)
{
    (void)state;
    uint8_t former[NETWORK_ID_SIZE];
    for (int i = 0; i < 2; i++)
        world_hub(&world, i, "secret");
    world_join(&world, 1, 0, ROLE_HUB);
    memcpy(former, core(1)->network, NETWORK_ID_SIZE);
    world_block(&world, 0, 1, true);
    world.node[1].full = true;
    assert_int_equal(world_command(&world, 1, adopt()), REPLY_STORE);
    assert_memory_equal(core(1)->network, former, NETWORK_ID_SIZE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(copy_elsewhere), CASE(network_of_a_hub), CASE(network_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
