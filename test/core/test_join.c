/* Joining with a password: the rows A1, A2, E1 and G of the scenarios as far as two cores without a
 * network can show them, and what happens to links afterwards. */
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
    assert_true(c.stale);
    assert_true(world_answers(&world, 0, "alice@b.example")); /* stale, and stays */
    struct command join = {.type = COMMAND_JOIN, .host = slice_of("n0"), .role = ROLE_SPOKE};
    world_command(&world, 1, join);
    assert_int_equal(world.node[1].verdict.code, CODE_DISCONNECTED);
    assert_int_equal(world.node[1].verdict.remedy_at, SIDE_THERE);
    assert_int_equal(world.node[0].verdict.remedy_at, SIDE_HERE);
    assert_true(slice_eq(world.node[0].verdict.peer_name, slice_of("c1")));
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

static bool alarmed(int node, enum alarm alarm)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        if (row.alarm == alarm && row.active)
            return true;
    return false;
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static struct command named(enum command_type type, const char *name)
{
    return (struct command){.type = type, .cluster = slice_of(name), .host = slice_of(name)};
}

/* What a join needs is taken away before it is dialled: it gets its verdict, and the next may come.
 */
static void join_is_withdrawn(void **state)
{
    (void)state;
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    struct command drop = {.type = COMMAND_PASSWORD_DROP, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of("secret"));
    world_hub(&world, 0, "secret");
    world_hub(&world, 1, "secret");
    world_ask(&world, 1, named(COMMAND_JOIN, "n0"));
    world_command(&world, 1, drop);
    assert_int_equal(world.node[1].verdicts, 1);
    assert_int_equal(world.node[1].verdict.code, CODE_PASSWORD_MISSING);
    assert_int_equal(world_command(&world, 1, add), REPLY_OK);
    world_cut(&world, 0, 1);
    world_run(&world);
    world_ask(&world, 1, named(COMMAND_JOIN, "n0"));
    world_command(&world, 1, (struct command){.type = COMMAND_ROLE});
    assert_int_equal(world.node[1].verdict.code, CODE_GOING_DOWN);
    assert_int_equal(world_command(&world, 1, named(COMMAND_JOIN, "n0")), REPLY_OK);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
}

static enum reply password(int node, enum command_type type, uint16_t generation)
{
    struct command c = {.type = type, .generation = generation};
    crypto_hash1(c.stretched, "test password", slice_of(generation == 1 ? "secret" : "another"));
    return world_command(&world, node, c);
}

static const struct link *link_in_use(int i)
{
    list_each(node, &world.node[i].ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP)
            return l;
    }
    return NULL;
}

/* The generation by which the two are linked; 0: they are not. */
static uint16_t generation_in_use(int i)
{
    const struct link *l = link_in_use(i);
    return l != NULL ? l->generation : 0;
}

/* Added everywhere, preferred everywhere, dropped everywhere: the link is renewed where it is
 * dialled, and stands when the old one goes. */
static void password_changes_without_outage(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(generation_in_use(0), 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(password(i, COMMAND_PASSWORD_ADD, 2), REPLY_OK);
    world_pass(&world, 120 * TICK_S);
    assert_int_equal(generation_in_use(0), 1);
    assert_int_equal(password(1, COMMAND_PASSWORD_PREFER, 2), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_true(generation_in_use(0) == 2 && generation_in_use(1) == 2);
    const struct link *l = link_in_use(0);
    assert_int_equal(password(0, COMMAND_PASSWORD_PREFER, 2), REPLY_OK);
    assert_int_equal(password(0, COMMAND_PASSWORD_DROP, 1), REPLY_OK);
    assert_int_equal(password(1, COMMAND_PASSWORD_DROP, 1), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_true(link_in_use(0) == l && linked(0) && linked(1));
}

/* With a password go the links that were made with it, at either end; who prefers another one by
 * then is back at once, and who has no other stays away. */
static void dropped_password_ends_its_links(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(password(0, COMMAND_PASSWORD_ADD, 2), REPLY_OK);
    assert_int_equal(password(0, COMMAND_PASSWORD_PREFER, 2), REPLY_OK);
    assert_true(linked(0) && linked(1)); /* the one who dials says by which */
    assert_int_equal(password(0, COMMAND_PASSWORD_DROP, 1), REPLY_OK);
    assert_false(linked(0) || linked(1));
    world_pass(&world, 130 * TICK_S);
    assert_false(linked(0) || linked(1));
    assert_int_equal(world.node[1].verdict.code, CODE_GENERATION_UNKNOWN);
    assert_int_equal(world.node[1].verdict.evidence[0], 2); /* nobody is asked for the former one */
    assert_int_equal(world.node[1].verdict.remedy_at, SIDE_HERE);
    assert_int_equal(world.node[0].verdict.evidence[0], 2);
    assert_int_equal(world.node[0].verdict.remedy_at, SIDE_THERE);
    assert_int_equal(password(1, COMMAND_PASSWORD_ADD, 2), REPLY_OK);
    assert_int_equal(password(1, COMMAND_PASSWORD_PREFER, 2), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_true(linked(0) && linked(1));
    assert_int_equal(password(1, COMMAND_PASSWORD_DROP, 1), REPLY_OK);
    assert_true(linked(0) && linked(1));
    assert_int_equal(password(1, COMMAND_PASSWORD_DROP, 2), REPLY_OK); /* its last one */
    assert_false(linked(0) || linked(1));
}

/* Nor does one come up that is being made with it, however far it is. */
static void dropped_while_it_is_dialled(void **state)
{
    (void)state;
    unsigned seen = 0; /* states of the link when its password went, as bits */
    for (size_t steps = 0; steps < 40; steps++) {
        teardown(NULL);
        setup(NULL);
        world_hub(&world, 0, "secret");
        world_command(&world, 1, (struct command){.type = COMMAND_INIT,
                                                  .cluster_id = slice_of("c1"),
                                                  .fqdn = slice_of("c1.example")});
        world_command(&world, 1, (struct command){.type = COMMAND_AUTH,
                                                  .auth = {.password = true, .set_tls = true,
                                                           .set_password = true}});
        assert_int_equal(password(1, COMMAND_PASSWORD_ADD, 1), REPLY_OK);
        struct command join = named(COMMAND_JOIN, "n0");
        join.role = ROLE_SPOKE;
        world_ask(&world, 1, join);
        world_steps(&world, steps);
        list_each(node, &world.node[1].ils->links)
            seen |= 1u << list_entry(node, struct link, node)->state;
        assert_int_equal(password(1, COMMAND_PASSWORD_DROP, 1), REPLY_OK);
        assert_false(linked(0) || linked(1));
        world_pass(&world, 10 * TICK_S);
        assert_false(linked(0) || linked(1));
    }
    assert_true(seen >> LINK_SHARE & seen >> LINK_CONFIRM & seen >> LINK_PROOF &
                seen >> LINK_UP & 1);
}

/* A renewal that is refused leaves the link; nothing ends before the drop is durable. */
static void preferred_too_early(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(password(1, COMMAND_PASSWORD_ADD, 2), REPLY_OK);
    assert_int_equal(password(1, COMMAND_PASSWORD_PREFER, 2), REPLY_OK);
    world_pass(&world, 130 * TICK_S);
    assert_true(generation_in_use(0) == 1 && generation_in_use(1) == 1);
    world.node[1].full = true;
    assert_int_equal(password(1, COMMAND_PASSWORD_DROP, 1), REPLY_STORE);
    world.node[1].full = false;
    assert_true(generation_in_use(0) == 1 && generation_in_use(1) == 1);
    assert_int_equal(password(0, COMMAND_PASSWORD_ADD, 2), REPLY_OK);
    world_pass(&world, 70 * TICK_S); /* tried again by itself */
    assert_true(generation_in_use(0) == 2 && generation_in_use(1) == 2);
}

/* A join that memory refused leaves the former registration server dialled. */
static void refused_join_changes_nothing(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_cut(&world, 0, 1);
    world_run(&world);
    world.node[1].full = true;
    assert_int_equal(world_command(&world, 1, named(COMMAND_JOIN, "nowhere")), REPLY_STORE);
    world.node[1].full = false;
    for (size_t i = 1; i < 40; i++) {
        mem.refuse_at = mem.requests + i;
        world_ask(&world, 1, named(COMMAND_JOIN, "n0"));
        mem.refuse_at = 0;
        world_run(&world);
        if (world.node[1].dead)
            break;
        world_pass(&world, 5 * TICK_S);
        assert_true(linked(1));
        world_cut(&world, 0, 1);
        world_run(&world);
    }
}

/* Whom the hub's operator disconnected does not dial, not even after a restart; connected again, it
 * dials by itself as before. */
static void hub_disconnects_and_connects(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_command(&world, 0, named(COMMAND_DISCONNECT, "c1")), REPLY_OK);
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    size_t before = world.node[1].verdicts;
    world_pass(&world, 120 * TICK_S);
    assert_int_equal(world.node[1].verdicts, before);
    assert_int_equal(world_command(&world, 0, named(COMMAND_CONNECT, "c1")), REPLY_OK);
    assert_true(linked(1));
    world_cut(&world, 0, 1);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(1));
}

/* Nothing of a disconnection is said before it is durable. */
static void disconnection_is_durable_first(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world.node[0].full = true;
    assert_int_equal(world_command(&world, 0, named(COMMAND_DISCONNECT, "c1")), REPLY_STORE);
    world.node[0].full = false;
    assert_true(linked(0));
    assert_true(linked(1));
}

/* Another hub that does not answer at first is tried again, though the former one is linked. */
static void moves_to_another_hub(void **state)
{
    (void)state;
    struct view_cluster c;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    assert_int_equal(world_command(&world, 1, named(COMMAND_JOIN, "n2")), REPLY_OK);
    assert_int_equal(world.node[1].verdict.code, CODE_REFUSED);
    assert_true(linked(1));
    world_hub(&world, 2, "secret");
    memcpy(world.node[2].ils->network, world.node[0].ils->network, NETWORK_ID_SIZE);
    world_pass(&world, 5 * TICK_S);
    assert_false(linked(1));
    assert_true(view_cluster(world.node[1].ils, 2, &c));
    assert_true(slice_eq(c.cluster_id, slice_of("c2")));
    assert_true(c.linked);
}

static void leaving_forgets_the_hub(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_command(&world, 1, (struct command){.type = COMMAND_ROLE});
    world_stop(&world, 1);
    world_start(&world, 1, &mem.mem);
    assert_false(world.node[1].ils->dial.hub_known);
}

/* However long the name of the hub is, its alarm clears. */
static void alarms_clear(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_command(&world, 1, named(COMMAND_JOIN, "a-very-long-name-of-a-host-that-nobody-knows."
                                                 "in-a-very-long-domain.example"));
    assert_true(alarmed(1, ILSHubClusterUnreachable));
    world_command(&world, 1, named(COMMAND_JOIN, "n0"));
    assert_false(alarmed(1, ILSHubClusterUnreachable));
    world_command(&world, 0, named(COMMAND_DISCONNECT, "c1"));
    world_stop(&world, 1);
    world_command(&world, 0, named(COMMAND_CONNECT, "c1")); /* a spoke is no hub */
    assert_false(alarmed(0, ILSHubClusterUnreachable));
}

/* Whoever failed with the former password is heard at once when another one is held. */
static void new_password_ends_penalties(void **state)
{
    (void)state;
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of("secret"));
    world_hub(&world, 0, "mistyped");
    world_spoke(&world, 1, 0, "secret");
    world_pass(&world, 1200 * TICK_S);
    world_command(&world, 0, add);
    world_command(&world, 1, named(COMMAND_JOIN, "n0"));
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
}

/* A disk that takes nothing is not asked again and again. */
static void full_disk_is_left_alone(void **state)
{
    (void)state;
    world_hub(&world, 0, "secret");
    world.node[0].full = true;
    world_spoke(&world, 1, 0, "secret"); /* the roster changes */
    world.node[0].full = false;
    world_pass(&world, 10 * TICK_S);
    assert_false(world.node[0].ils->self_dirty);
}

/* Everybody who waits is told when the daemon ends. */
static void stop_answers_who_waits(void **state)
{
    (void)state;
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("a"),
                            .domain = slice_of("b.example")};
    struct command plan = {.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                           .source = slice_of("test")};
    world_hub(&world, 0, "secret");
    size_t before = world.node[0].replies;
    world_ask(&world, 0, plan);
    world_ask(&world, 0, plan);
    world_ask(&world, 0, (struct command){.type = COMMAND_STOP});
    assert_int_equal(world.node[0].replies, before + 1);
    assert_int_equal(world.node[0].reply, REPLY_STOPPED);
    world_run(&world);
    assert_int_equal(world.node[0].replies, before + 2);
    assert_int_equal(world_command(&world, 0, plan), REPLY_STOPPED);
}

/* Links that were up ended for this reason, at that node. */
static size_t ended(int node, enum code code)
{
    size_t n = 0;
    for (size_t k = 0; k < world.node[node].said_n; k++)
        n += world.node[node].said[k].event == EVENT_LINK_ENDED &&
             world.node[node].said[k].code == code;
    return n;
}

/* A link is replaced after 23 hours; where nobody takes its successor, it is over after 24. */
static void a_day_is_over(void **state)
{
    (void)state;
    struct view_cluster c;
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_hush(&world);
    world_pass(&world, 24 * 3600 * TICK_S);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ended(i, CODE_REPLACED), 1);
        assert_int_equal(ended(i, CODE_SESSION_OVER), 0);
        assert_true(view_cluster(world.node[i].ils, 1, &c) && c.linked);
    }
    world_hush(&world);
    world.node[0].listening = false;
    world_pass(&world, (22 * 60 + 55) * 60 * TICK_S);
    assert_true(view_cluster(world.node[1].ils, 1, &c) && c.linked);
    world_hush(&world); /* vain attempts fill what is kept */
    world_pass(&world, 600 * TICK_S);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ended(i, CODE_SESSION_OVER), 1);
    assert_true(view_cluster(world.node[1].ils, 1, &c) && !c.linked);
    world.node[0].listening = true;
    world_pass(&world, 120 * TICK_S);
    assert_true(view_cluster(world.node[1].ils, 1, &c) && c.linked);
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
        cmocka_unit_test_setup_teardown(password_changes_without_outage, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_password_ends_its_links, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_while_it_is_dialled, setup, teardown),
        cmocka_unit_test_setup_teardown(preferred_too_early, setup, teardown),
        cmocka_unit_test_setup_teardown(join_is_withdrawn, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_join_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(hub_disconnects_and_connects, setup, teardown),
        cmocka_unit_test_setup_teardown(disconnection_is_durable_first, setup, teardown),
        cmocka_unit_test_setup_teardown(moves_to_another_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(leaving_forgets_the_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(alarms_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(new_password_ends_penalties, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_answers_who_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_day_is_over, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
