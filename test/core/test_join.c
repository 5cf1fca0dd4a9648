/* Joining with a password: the rows A1, A2, E1 and G of the scenarios as far as two cores without a
 * network can show them, and what happens to links afterwards. */
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
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static bool in_order(int node, const enum trace_event *event, size_t n)
{
    size_t at = 0;
    for (size_t k = 0; k < world.node[node].said_n && at < n; k++)
        at += world.node[node].said[k].event == event[at];
    return at == n;
}

static void a1_same_password(void **state)
{
    (void)state;
    static const enum trace_event server[] = {EVENT_NEW_CONNECTION, EVENT_CONNECT_IND,
                                              EVENT_SERVER_ESTABLISHED};
    static const enum trace_event client[] = {
        EVENT_CONNECT_REQ, EVENT_CONNECT_ADDRESSES, EVENT_CONNECT_PLAIN,
        EVENT_CONNECT_RES, EVENT_CLIENT_SUCCEEDED,  EVENT_CLIENT_ESTABLISHED};
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    assert_int_equal(world.node[0].verdict.code, CODE_JOINED);
    assert_memory_equal(world.node[0].verdict.id, world.node[1].verdict.id, VERDICT_ID_SIZE);
    assert_true(in_order(0, server, 3));
    assert_true(in_order(1, client, 6));
    struct view_cluster c;
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_true(slice_eq(c.cluster_id, slice_of("c1")));
    assert_int_equal(c.role, ROLE_SPOKE);
    assert_int_equal(c.status, SYNC_UP_TO_DATE);
    assert_true(view_cluster(world.node[1].ils, 1, &c));
    assert_true(slice_eq(c.cluster_id, slice_of("c0")));
    assert_int_equal(c.role, ROLE_HUB);
}

static void a2_other_password(void **state)
{
    (void)state;
    static const enum trace_event server[] = {EVENT_NEW_CONNECTION, EVENT_CONNECT_IND,
                                              EVENT_DECRYPT_FAILED, EVENT_PASSWORD_ALARM};
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "other");
    assert_int_equal(world.node[1].verdict.code, CODE_PASSWORD_DIFFERS);
    assert_int_equal(world.node[0].verdict.code, CODE_PASSWORD_DIFFERS);
    assert_true(world.node[1].verdict.told);
    assert_int_equal(world.node[1].verdict.remedy_at, SIDE_HERE);
    assert_int_equal(world.node[0].verdict.remedy_at, SIDE_THERE);
    assert_memory_equal(world.node[0].verdict.id, world.node[1].verdict.id, VERDICT_ID_SIZE);
    assert_true(in_order(0, server, 4));
    assert_true(world_said(&world, 1, EVENT_CONNECT_FAILED));
    struct alarm_row alarm;
    assert_true(view_alarm(world.node[0].ils, 0, &alarm));
    assert_int_equal(alarm.alarm, ILSPwdAuthenticationFailed);
    assert_false(view_alarm(world.node[1].ils, 0, &alarm));
    struct view_cluster c; /* nothing learnt */
    assert_false(view_cluster(world.node[0].ils, 1, &c));
    /* The remedy, typed at the dialling end: joins after the penalty is over, alarm gone. */
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of("secret"));
    world_command(&world, 1, add);
    world_pass(&world, 6 * TICK_S);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    assert_true(view_alarm(world.node[0].ils, 0, &alarm));
    assert_false(alarm.active);
}

static void alarm_clears_when_nobody_tries(void **state)
{
    (void)state;
    struct alarm_row alarm;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "other");
    world_pass(&world, 600 * TICK_S); /* tried again, less and less often: it stays */
    assert_true(view_alarm(world.node[0].ils, 0, &alarm) && alarm.active);
    assert_true(alarm.count >= 5);
    world_stop(&world, 1);
    world_pass(&world, 1200 * TICK_S);
    assert_true(view_alarm(world.node[0].ils, 0, &alarm));
    assert_false(alarm.active);
}

static void e1_method_not_accepted(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    struct command tls = {.type = COMMAND_AUTH};
    tls.auth = (struct auth){.tls = true, .set_tls = true, .set_password = true};
    world_command(&world, 0, tls);
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world.node[1].verdict.code, CODE_METHOD_DIFFERS);
    assert_int_equal(world.node[1].verdict.remedy_at, SIDE_THERE);
    assert_true(world_said(&world, 0, EVENT_CLOSE_REQ));
    struct alarm_row alarm;
    assert_true(view_alarm(world.node[0].ils, 0, &alarm));
    assert_int_equal(alarm.alarm, ILSUnacceptableConnectionAttempt);
}

static void g1_unreachable(void **state)
{
    (void)state;
    world_spoke(&world, 1, 0, "secret"); /* node 0 is standalone: it does not listen */
    assert_int_equal(world.node[1].verdict.code, CODE_REFUSED);
    world_command(&world, 1, (struct command){.type = COMMAND_JOIN, .host = slice_of("nowhere")});
    assert_int_equal(world.node[1].verdict.code, CODE_UNRESOLVED);
    world_command(&world, 1, (struct command){.type = COMMAND_JOIN, .host = slice_of("n1")});
    assert_int_equal(world.node[1].verdict.code, CODE_ITSELF);
    world_spoke(&world, 2, 1, "secret");
    assert_int_equal(world.node[2].verdict.code, CODE_NOT_A_HUB);
    assert_int_equal(world.node[1].verdict.code, CODE_NOT_A_HUB);
    struct view_cluster c;
    assert_false(view_cluster(world.node[1].ils, 1, &c));
}

static void link_comes_back(void **state)
{
    (void)state;
    struct view_join join;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_cut(&world, 0, 1);
    world_run(&world);
    view_join(world.node[1].ils, &join);
    assert_false(join.up);
    world_pass(&world, 4 * TICK_S);
    view_join(world.node[1].ils, &join);
    assert_true(join.up);
    world_pass(&world, 60 * TICK_S); /* keepalives hold it */
    view_join(world.node[1].ils, &join);
    assert_true(join.up);
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 4 * TICK_S);
    view_join(world.node[1].ils, &join);
    assert_true(join.up);
}

static void disconnect_and_connect(void **state)
{
    (void)state;
    struct view_cluster c;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    struct command cut = {.type = COMMAND_DISCONNECT, .cluster = slice_of("c1")};
    assert_int_equal(world_command(&world, 0, cut), REPLY_OK);
    world_pass(&world, 120 * TICK_S);
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_false(c.linked);
    assert_int_equal(c.status, SYNC_DISCONNECTED);
    assert_true(world_answers(&world, 0, "alice@b.example")); /* stale, and stays */
    cut.type = COMMAND_CONNECT;
    assert_int_equal(world_command(&world, 0, cut), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_true(c.linked);
}

static void session_renews(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    size_t joined = world.node[1].verdicts;
    world_pass(&world, INT64_C(24) * 3600 * TICK_S);
    assert_true(world.node[1].verdicts > joined);
    struct view_join join;
    view_join(world.node[1].ils, &join);
    assert_true(join.up);
}

static void corrupted_bytes_end_the_link(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world.corrupt = true;
    world_plan(&world, 1, "alice@b.example", true);
    world.corrupt = false;
    assert_false(world_answers(&world, 0, "alice@b.example"));
    world_pass(&world, 70 * TICK_S); /* the attempts made meanwhile were refused */
    assert_true(world_answers(&world, 0, "alice@b.example"));
}

static void refused_commands(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_INIT, .cluster_id = slice_of("StandAloneCluster"),
                        .fqdn = slice_of("a.example")};
    assert_int_equal(world_command(&world, 0, c), REPLY_CLUSTER_ID_DEFAULT);
    c.cluster_id = slice_of("a b");
    assert_int_equal(world_command(&world, 0, c), REPLY_CLUSTER_ID);
    c.cluster_id = slice_of("a");
    c.fqdn = slice_of("-");
    assert_int_equal(world_command(&world, 0, c), REPLY_FQDN);
    c.type = COMMAND_JOIN;
    c.host = slice_of("n1");
    assert_int_equal(world_command(&world, 0, c), REPLY_NOT_INITIALISED);
    world_hub(&world, 0, "secret");
    c.host = slice_of("not a host");
    assert_int_equal(world_command(&world, 0, c), REPLY_HOST);
    c.type = COMMAND_PASSWORD_DROP;
    c.generation = 9;
    assert_int_equal(world_command(&world, 0, c), REPLY_GENERATION);
    c.type = COMMAND_DISCONNECT;
    c.cluster = slice_of("nobody");
    assert_int_equal(world_command(&world, 0, c), REPLY_UNKNOWN_CLUSTER);
    assert_int_equal(world_plan(&world, 0, "alice@a.example", false), REPLY_NOT_THERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a1_same_password, setup, teardown),
        cmocka_unit_test_setup_teardown(a2_other_password, setup, teardown),
        cmocka_unit_test_setup_teardown(alarm_clears_when_nobody_tries, setup, teardown),
        cmocka_unit_test_setup_teardown(e1_method_not_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(g1_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(link_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(disconnect_and_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(session_renews, setup, teardown),
        cmocka_unit_test_setup_teardown(corrupted_bytes_end_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_commands, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
