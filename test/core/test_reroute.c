/* Whoever is led to another hub than the one that it joined: refused once it is known who answers
 * there, by the join before or by an invite; a join to another place knows nobody. */
#include "core/core.h"
#include "world.h"

#define HUB   0
#define SPOKE 1
#define OTHER 2

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 3; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, HUB, "secret");
    world_spoke(&world, OTHER, HUB, "secret");
    assert_int_equal(world_join(&world, OTHER, HUB, ROLE_HUB), REPLY_OK);
    world_spoke(&world, SPOKE, HUB, "secret");
    assert_true(world.node[SPOKE].verdict.code == CODE_JOINED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* Each of the two is found where the other was. */
static void swap(void)
{
    static struct world_row row[WORLD_ROWS];
    struct node *a = &world.node[HUB], *b = &world.node[OTHER];
    size_t n = a->row_n;
    memcpy(row, a->row, sizeof row);
    memcpy(a->row, b->row, sizeof row);
    memcpy(b->row, row, sizeof row);
    a->row_n = b->row_n;
    b->row_n = n;
}

static void lead_astray(void)
{
    world_stop(&world, HUB);
    world_stop(&world, OTHER);
    world_pass(&world, 12 * TICK_S); /* the link is lost */
    swap();
    world_start(&world, HUB, &mem.mem);
    world_hush(&world);
    world_pass(&world, 10 * TICK_S);
}

static bool linked(int i)
{
    struct view_cluster c;
    for (size_t n = 1; view_cluster(world.node[i].ils, n, &c); n++)
        if (c.linked)
            return true;
    return false;
}

/* One of the last attempts of the spoke, which also tries the alternates, ended like this. */
static bool attempted(enum code code)
{
    struct verdict v;
    for (size_t i = 0; view_verdict(world.node[SPOKE].ils, i, &v); i++)
        if (v.code == code)
            return true;
    return false;
}

static void test_known_hub(void **state)
{
    (void)state;
    lead_astray();
    assert_false(linked(SPOKE));
    assert_true(attempted(CODE_OTHER_CLUSTER));
    assert_false(world_said(&world, SPOKE, EVENT_CLIENT_ESTABLISHED));
    assert_false(world_said(&world, HUB, EVENT_SERVER_ESTABLISHED));
    struct alarm_row alarm;
    bool raised = false;
    for (size_t i = 0; view_alarm(world.node[SPOKE].ils, i, &alarm); i++)
        raised = raised || (alarm.alarm == ILSHubClusterUnreachable && alarm.active);
    assert_true(raised);
}

static void test_known_after_restart(void **state)
{
    (void)state;
    world_stop(&world, SPOKE);
    world_start(&world, SPOKE, &mem.mem);
    lead_astray();
    assert_false(linked(SPOKE));
    assert_true(attempted(CODE_OTHER_CLUSTER));
}

/* Typed again, it is the same place and the same hub is meant. */
static void test_same_place(void **state)
{
    (void)state;
    lead_astray();
    world_join(&world, SPOKE, HUB, ROLE_SPOKE);
    assert_true(attempted(CODE_OTHER_CLUSTER));
    world_command(&world, SPOKE, (struct command){.type = COMMAND_ROLE, .role = ROLE_STANDALONE});
    world_join(&world, SPOKE, HUB, ROLE_SPOKE);
    assert_int_equal(world.node[SPOKE].verdict.code, CODE_JOINED);
    assert_true(linked(SPOKE));
}

/* Another place: whoever answers there is meant, after a restart too, and expected from then on. */
static void test_another_place(void **state)
{
    (void)state;
    world_stop(&world, OTHER);
    world_stop(&world, HUB);
    world_pass(&world, 12 * TICK_S);
    world_join(&world, SPOKE, OTHER, ROLE_SPOKE);
    world_stop(&world, SPOKE);
    world_start(&world, SPOKE, &mem.mem);
    world_start(&world, OTHER, &mem.mem);
    world_pass(&world, 10 * TICK_S);
    assert_true(attempted(CODE_JOINED));
    assert_true(linked(SPOKE));
    world_stop(&world, OTHER);
    world_pass(&world, 12 * TICK_S);
    swap();
    world_start(&world, OTHER, &mem.mem);
    world_pass(&world, 10 * TICK_S);
    assert_true(attempted(CODE_OTHER_CLUSTER));
    assert_false(linked(SPOKE));
}

/* The same hub at another place: it is still known after a restart. */
static void test_moved_hub(void **state)
{
    (void)state;
    world_stop(&world, HUB);
    world_stop(&world, OTHER);
    world_pass(&world, 12 * TICK_S);
    swap();
    world_start(&world, OTHER, &mem.mem); /* the hub, at the other place */
    world_join(&world, SPOKE, OTHER, ROLE_SPOKE);
    world_pass(&world, 10 * TICK_S);
    assert_true(attempted(CODE_JOINED));
    world_stop(&world, SPOKE);
    world_stop(&world, OTHER);
    swap();
    world_start(&world, OTHER, &mem.mem);
    world_start(&world, SPOKE, &mem.mem);
    world_pass(&world, 10 * TICK_S);
    assert_true(attempted(CODE_OTHER_CLUSTER));
}

/* The hub that another registered with becomes a spoke of that one: linked, and no registration. */
static void test_served_hub(void **state)
{
    (void)state;
    struct view_join join;
    world_pass(&world, 5 * TICK_S);
    view_join(world.node[OTHER].ils, &join);
    assert_true(join.wanted && join.up);
    assert_int_equal(world_join(&world, HUB, OTHER, ROLE_HUB), REPLY_OK);
    world_ask(&world, HUB, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_pass(&world, 70 * TICK_S); /* its spoke finds the other */
    view_join(world.node[HUB].ils, &join);
    assert_true(join.wanted && join.up && world.node[HUB].ils->role == ROLE_SPOKE);
    view_join(world.node[OTHER].ils, &join);
    assert_true(!join.wanted && !join.up && linked(OTHER));
}

/* Without a port: where it was joined. A place that leads nowhere is left for the hub by name. */
static void test_no_port(void **state)
{
    (void)state;
    const struct dial *d = &world.node[SPOKE].ils->dial;
    struct command join = {.type = COMMAND_JOIN, .host = slice_of("n0"), .port = 7600,
                           .role = ROLE_SPOKE};
    assert_int_equal(world_command(&world, SPOKE, join), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(d->port, 7600);
    join.port = 0;
    assert_int_equal(world_command(&world, SPOKE, join), REPLY_OK);
    assert_int_equal(d->port, 7600);
    assert_false(d->moving);
    join.host = slice_of("n6");
    assert_int_equal(world_command(&world, SPOKE, join), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(d->moving);
    assert_int_equal(d->port, 0);
    struct command connect = {.type = COMMAND_CONNECT, .cluster = slice_of("c0")};
    assert_int_equal(world_command(&world, SPOKE, connect), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_false(d->moving);
    assert_true(slice_eq(text_slice(d->host), slice_of("n0")));
    struct view_join join_now;
    view_join(world.node[SPOKE].ils, &join_now);
    assert_true(join_now.up);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_known_hub), CASE(test_known_after_restart), CASE(test_same_place),
        CASE(test_another_place), CASE(test_moved_hub), CASE(test_served_hub), CASE(test_no_port),
    };
    return cmocka_run_group_tests_name("core reroute", tests, NULL, NULL);
}
