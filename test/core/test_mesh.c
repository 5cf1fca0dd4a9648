/* The mesh: hubs find each other, spokes find another hub and go home again, and a role changes
 * without a cut. Three hubs (0, 1, 2) and spokes (3 and on), by password unless said. */
#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < WORLD_NODES; i++)
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

static bool row_of(int i, int other, struct view_cluster *ret)
{
    char id[3] = {'c', (char)('0' + other), '\0'};
    for (size_t n = 1; view_cluster(world.node[i].ils, n, ret); n++)
        if (slice_eq(ret->cluster_id, slice_of(id)))
            return true;
    return false;
}

static bool linked(int i, int other)
{
    struct view_cluster here, there;
    bool a = row_of(i, other, &here) && here.linked, b = row_of(other, i, &there) && there.linked;
    assert_true(a == b);
    return a;
}

static size_t links(int i)
{
    struct view_self self;
    view_self(world.node[i].ils, &self);
    return (size_t)self.serving;
}

static void hubs(void)
{
    world_hub(&world, 0, "one");
    for (int i = 1; i < 3; i++) {
        world_spoke(&world, i, 0, "one");
        assert_int_equal(world_join(&world, i, 0, ROLE_HUB), REPLY_OK);
    }
    world_pass(&world, 5 * TICK_S);
}

static void spoke(int i, int hub)
{
    world_spoke(&world, i, hub, "one");
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(i, hub));
}

static void mesh_stands(void)
{
    assert_true(linked(0, 1) && linked(0, 2) && linked(1, 2));
}

static bool met(int i, int other)
{
    struct view_cluster row;
    return row_of(i, other, &row) && row.met;
}

/* Where one hub is all there is, any spoke may have to take its place. */
static void spokes_meet_where_one_hub_is_all(void **state)
{
    (void)state;
    world_hub(&world, 0, "one");
    for (int i = 3; i < 6; i++)
        world_spoke(&world, i, 0, "one");
    world_pass(&world, 20 * TICK_S);
    for (int i = 3; i < 6; i++) {
        assert_int_equal(links(i), 1);
        assert_true(met(i, 3 + (i - 2) % 3) && met(i, 3 + (i - 1) % 3));
    }
}

static void spokes_do_not_meet_where_there_are_hubs(void **state)
{
    (void)state;
    hubs();
    spoke(3, 0);
    spoke(4, 0);
    assert_true(met(3, 1) && met(3, 2));
    assert_false(met(3, 4) || met(4, 3));
}

/* Only one of two hubs reaches the other, as behind a firewall: the link stands, nobody alarms. */
static void one_way_is_enough(void **state)
{
    (void)state;
    struct alarm_row row;
    hubs();
    for (int way = 0; way < 2; way++) {
        int from = way == 0 ? 1 : 2, to = way == 0 ? 2 : 1;
        world.blocked[from][to] = true;
        world_cut(&world, 1, 2);
        world_pass(&world, 60 * TICK_S);
        assert_true(linked(1, 2));
        for (size_t i = 0; view_alarm(world.node[from].ils, i, &row); i++)
            assert_false(row.active);
        world.blocked[from][to] = false;
    }
}

/* Likewise, where it is the registration hub that is not reached, and dials itself: the attempt
 * whose end comes when the link is up already is no reason for an alarm. */
static void one_way_is_enough_to_register(void **state)
{
    (void)state;
    struct alarm_row row;
    size_t failed = 0;
    hubs();
    world.dark[1][0] = true;
    for (int i = 0; i < 8; i++) { /* which of the two is first is drawn */
        world_hush(&world);
        world_cut(&world, 0, 1);
        world_pass(&world, 60 * TICK_S);
        assert_true(linked(0, 1));
        failed += world_said(&world, 1, EVENT_CONNECT_FAILED);
        for (size_t n = 0; view_alarm(world.node[1].ils, n, &row); n++)
            assert_false(row.active);
    }
    assert_true(failed > 0);
}

/* A spoke that was cut off from every hub, and is back: none of them is missed any more. */
static void whom_nobody_seeks_is_not_missed(void **state)
{
    (void)state;
    struct alarm_row row;
    hubs();
    spoke(3, 0);
    assert_true(met(3, 1) && met(3, 2));
    for (int i = 0; i < 3; i++)
        world.blocked[3][i] = true;
    world_cut(&world, 3, 0);
    world_pass(&world, 20 * TICK_S);
    size_t missed = 0;
    for (size_t i = 0; view_alarm(world.node[3].ils, i, &row); i++)
        missed += row.active && row.alarm == ILSHubClusterUnreachable;
    assert_int_equal(missed, 3);
    for (int i = 0; i < 3; i++)
        world.blocked[3][i] = false;
    world_pass(&world, 150 * TICK_S);
    assert_true(linked(3, 0));
    for (size_t i = 0; view_alarm(world.node[3].ils, i, &row); i++)
        assert_false(row.active);
}

/* It came by a join, not for a visit: as before, it is told that this is no hub. */
static void a_spoke_is_joined_by_nobody(void **state)
{
    (void)state;
    world_hub(&world, 0, "one");
    for (int i = 3; i < 5; i++)
        world_spoke(&world, i, 0, "one");
    world_pass(&world, 5 * TICK_S);
    assert_true(met(3, 4));
    struct verdict v;
    world_join(&world, 3, 4, ROLE_SPOKE);
    assert_true(view_verdict(world.node[3].ils, 0, &v) && v.code == CODE_NOT_A_HUB && v.told);
    assert_false(linked(3, 4));
}

/* What came as a hub turns out to be a spoke: two spokes are no network, and who dialled is told
 * so, as before. */
static void a_spoke_serves_none(void **state)
{
    (void)state;
    struct view_join join;
    world_hub(&world, 0, "one");
    for (int i = 3; i < 5; i++)
        world_spoke(&world, i, 0, "one");
    world_pass(&world, 20 * TICK_S);
    world_stop(&world, 0);
    struct peer *p = peer_find(world.node[3].ils, world.node[4].ils->key);
    p->role = ROLE_HUB; /* as if a clone of it had said so */
    world_join(&world, 4, 3, ROLE_SPOKE);
    assert_true(linked(3, 4));
    world_command(&world, 4, (struct command){.type = COMMAND_DESCRIBE,
                                              .description = slice_of("a spoke")});
    world_pass(&world, 5 * TICK_S);
    assert_false(linked(3, 4));
    view_join(world.node[4].ils, &join);
    assert_true(!join.up && join.last_code == CODE_NOT_A_HUB);
}

/* world_spoke joins node 0: whoever is to be a hub becomes one by role. */
static void hubs_find_each_other(void **state)
{
    (void)state;
    hubs();
    mesh_stands();
    for (int i = 0; i < 3; i++)
        assert_int_equal(links(i), 2);
    world_cut(&world, 1, 2);
    world_pass(&world, 5 * TICK_S);
    mesh_stands();
    world_pass(&world, 23 * 3600 * TICK_S + 60 * TICK_S); /* renewed before they are a day old */
    mesh_stands();
    for (int i = 0; i < 3; i++)
        assert_int_equal(links(i), 2);
}

static void a_hub_comes_back(void **state)
{
    (void)state;
    hubs();
    world_stop(&world, 0);
    world_pass(&world, 12 * TICK_S);
    assert_true(linked(1, 2));
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 5 * TICK_S);
    mesh_stands();
}

/* Two of three cannot reach each other: what one learns reaches the other through the third. */
static void a_partial_partition(void **state)
{
    (void)state;
    hubs();
    world_block(&world, 1, 2, true);
    world_pass(&world, 15 * TICK_S);
    assert_false(linked(1, 2));
    world_plan(&world, 1, "alice@x.example", true);
    world_pass(&world, TICK_S);
    assert_true(world_answers(&world, 2, "alice@x.example"));
    struct view_contact c;
    bool missing = false;
    for (size_t i = 0; view_contact(world.node[1].ils, i, &c); i++)
        missing = missing || (!c.linked && c.last_code == CODE_NO_ANSWER && c.since_s > 0);
    assert_true(missing);
    world_block(&world, 1, 2, false);
    world_pass(&world, 5 * TICK_S);
    mesh_stands();
}

/* The only hub is gone for good while the network is in two parts; in each of them a spoke takes
 * its place. The other part knows it as a spoke, and finds it all the same. */
static void two_parts_find_each_other(void **state)
{
    world_hub(&world, 0, "one");
    for (int i = 1; i < 4; i++)
        world_spoke(&world, i, 0, "one");
    world_pass(&world, 60 * TICK_S);
    world_stop(&world, 0);
    for (int i = 1; i < 4; i++)
        world_block(&world, i, 3, i != 3);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_HUB}), REPLY_OK);
    assert_int_equal(world_command(&world, 3, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_HUB}), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    for (int i = 1; i < 3; i++)
        world_block(&world, i, 3, false);
    world_pass(&world, 60 * TICK_S);
    assert_false(linked(1, 3));
    world_pass(&world, 2 * BEAT_MINUTES * 60 * TICK_S + SEEK_EVERY_US);
    assert_true(linked(1, 3));
    world_plan(&world, 3, "carol@x.example", true);
    world_pass(&world, TICK_S);
    assert_true(world_answers(&world, 1, "carol@x.example"));
}

/* A hub that cannot register where it was told to, told to be a hub and nothing more: it knocks
 * there no more. */
static void a_hub_gives_up_its_registration(void **state)
{
    struct view_join join;
    hubs();
    world_ask(&world, 2, (struct command){.type = COMMAND_JOIN, .role = ROLE_HUB,
                                          .host = slice_of("nowhere.example")});
    world_pass(&world, 30 * TICK_S);
    view_join(world.node[2].ils, &join);
    assert_true(join.wanted && !join.up);
    assert_int_equal(world_command(&world, 2, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_HUB}), REPLY_OK);
    world_pass(&world, 30 * TICK_S);
    view_join(world.node[2].ils, &join);
    assert_false(join.wanted);
    mesh_stands();
}

/* Two became spokes in two parts of the network, each of whom the other knows as a hub. Who comes
 * to the other in vain is told what is known there before it is sent away. */
static void who_comes_in_vain_is_told_the_news(void **state)
{
    struct view_cluster c;
    const struct command to_spoke = {.type = COMMAND_ROLE, .role = ROLE_SPOKE, .now = true};
    hubs();
    spoke(3, 1);
    assert_int_equal(world_command(&world, 3, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_HUB}), REPLY_OK);
    world_pass(&world, 15 * TICK_S);
    for (int i = 0; i < 4; i++)
        world_block(&world, i & 2, 1 | (i & 1) << 1, true); /* 0 and 2 from 1 and 3 */
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(world_command(&world, 1, to_spoke), REPLY_OK);
    assert_int_equal(world_command(&world, 2, to_spoke), REPLY_OK);
    world_pass(&world, 15 * TICK_S);
    assert_true(row_of(1, 2, &c) && c.role == ROLE_HUB);
    assert_true(row_of(2, 1, &c) && c.role == ROLE_HUB);
    world_stop(&world, 0);
    world_block(&world, 2, 1, false);
    world_pass(&world, 30 * TICK_S);
    assert_true(row_of(1, 2, &c) && c.role == ROLE_SPOKE);
    assert_true(row_of(2, 1, &c) && c.role == ROLE_SPOKE);
    assert_false(linked(1, 2));
    world_block(&world, 2, 3, false);
    world_pass(&world, 60 * TICK_S);
    assert_true(linked(2, 3));
}

static void spokes_visit_and_find_another_hub(void **state)
{
    (void)state;
    struct view_cluster row;
    hubs();
    spoke(3, 0);
    spoke(4, 0);
    for (int hub = 1; hub < 3; hub++) {
        assert_true(row_of(3, hub, &row) && row.met && !row.linked);
        assert_true(row_of(hub, 3, &row) && row.met && !row.linked);
    }
    assert_true(world_said(&world, 3, EVENT_VISITED));
    assert_int_equal(links(3), 1);
    world_stop(&world, 0);
    world_pass(&world, 15 * TICK_S);
    for (int i = 3; i < 5; i++) {
        assert_int_equal(links(i), 1);
        assert_true(linked(i, 1) != linked(i, 2));
    }
    world_plan(&world, 3, "carol@x.example", true);
    world_pass(&world, TICK_S);
    assert_true(world_answers(&world, 4, "carol@x.example"));
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 70 * TICK_S);
    mesh_stands();
    for (int i = 3; i < 5; i++) {
        assert_int_equal(links(i), 1);
        assert_true(linked(i, 0));
    }
}

static void second_password(int i)
{
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 2};
    crypto_hash1(add.stretched, "test password", slice_of("two"));
    assert_int_equal(world_command(&world, i, add), REPLY_OK);
}

static bool alarmed(int i)
{
    struct alarm_row row;
    for (size_t n = 0; view_alarm(world.node[i].ils, n, &row); n++)
        if (row.active && row.alarm == ILSPwdAuthenticationFailed)
            return true;
    return false;
}

/* A visit with a password that the hub lacks, and one with the same when the hub has it as well. */
static void a_visit_ends_an_alarm(void **state)
{
    (void)state;
    hubs();
    world_block(&world, 3, 1, true);
    spoke(3, 0);
    second_password(0);
    second_password(3);
    world_command(&world, 3, (struct command){.type = COMMAND_PASSWORD_PREFER, .generation = 2});
    world_block(&world, 3, 1, false);
    world_pass(&world, 300 * TICK_S);
    assert_true(alarmed(1) && !met(1, 3));
    second_password(1);
    world_pass(&world, 120 * TICK_S);
    assert_true(met(1, 3) && !linked(1, 3));
    assert_false(alarmed(1));
}

/* An alternate that never answers is looked for where it usually is every ten minutes, however many
 * other places it has. */
static void a_visit_goes_where_it_usually_is(void **state)
{
    (void)state;
    hubs();
    world_block(&world, 3, 1, true);
    spoke(3, 0);
    world_pass(&world, 3600 * TICK_S);
    const struct peer *p = peer_find(world.node[3].ils, world.node[1].ils->key);
    struct slice usual = p->host.n != 0 ? text_slice(p->host) : slice_of(p->met_ip);
    size_t elsewhere = 0;
    int gap = 0;
    for (int at = 0; at < 7200; at++) {
        uint32_t attempts = p->contact.attempts;
        bool there = slice_eq(mesh_place(p, attempts, p->contact.last_code, usual), usual);
        world_pass(&world, TICK_S);
        gap = p->contact.attempts != attempts && there ? 0 : gap + 1;
        elsewhere += p->contact.attempts != attempts && !there;
        assert_in_range(gap, 0, 700);
    }
    assert_true(elsewhere > 0);
}

static bool visited(int i, int hub)
{
    struct view_contact c;
    for (size_t n = 0; view_contact(world.node[i].ils, n, &c); n++)
        if (c.cluster_id.n == 2 && c.cluster_id.p[1] == '0' + hub) {
            /* Who was visited is not said to be dialled soon. */
            assert_true(!c.visited || c.why != CONTACT_ALTERNATE || c.next_s == -1);
            return c.visited;
        }
    return false;
}

/* Who offers another method has met nobody by it: the alternates are visited again, and until then
 * it is not said that they were. Another certificate is nothing to who comes by password. */
static void a_visit_is_of_one_method(void **state)
{
    (void)state;
    struct pki first = {.serial = 30, .key = 30, .issuer = 30, .name = {"c3.example", "n3"}};
    struct pki next = {.serial = 31, .key = 31, .issuer = 31, .name = {"c3.example", "n3"}};
    hubs();
    assert_int_equal(world_certificate(&world, 3, &first, true), REPLY_OK);
    spoke(3, 0);
    assert_true(visited(3, 1) && visited(3, 2));
    world_block(&world, 3, 1, true);
    assert_int_equal(world_certificate(&world, 3, &next, true), REPLY_OK);
    world_pass(&world, 15 * TICK_S);
    assert_true(visited(3, 1) && visited(3, 2));
    assert_int_equal(world_auth(&world, 3, true, true, 0), REPLY_OK);
    world_pass(&world, 15 * TICK_S);
    assert_false(visited(3, 1) || visited(3, 2));
    assert_int_equal(world_auth(&world, 3, false, true, 0), REPLY_OK);
    world_block(&world, 3, 1, false);
    world_pass(&world, 600 * TICK_S);
    assert_true(visited(3, 1) && visited(3, 2));
}

/* A restart of its own hub that is over in a moment sends no spoke away. */
static void a_short_restart(void **state)
{
    (void)state;
    hubs();
    spoke(3, 0);
    world_hush(&world);
    world_stop(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(3, 0));
    assert_false(world_said(&world, 3, EVENT_REHOMED));
}

/* Disconnected by an operator: nobody else is gone to, and nobody dials. */
static void a_disconnected_spoke_stays_alone(void **state)
{
    (void)state;
    hubs();
    spoke(3, 0);
    world_command(&world, 0, (struct command){.type = COMMAND_DISCONNECT,
                                              .cluster = slice_of("c3")});
    world_pass(&world, 120 * TICK_S);
    assert_int_equal(links(3), 0);
    world_command(&world, 0, (struct command){.type = COMMAND_CONNECT,
                                              .cluster = slice_of("c3")});
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(3, 0));
    assert_int_equal(links(3), 1);
}

/* Connected again while an alternate serves, as it was connected first: the own hub is dialled at
 * once, not when it is tried again anyway. */
static void connected_again_while_another_serves(void **state)
{
    (void)state;
    hubs();
    spoke(3, 0);
    world_pass(&world, 30 * TICK_S);
    for (int i = 0; i < 2; i++)
        world_command(&world, 3, (struct command){.type = COMMAND_DISCONNECT,
                                                  .cluster = slice_of(i == 0 ? "c0" : "c1")});
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(links(3), 0);
    world_command(&world, 3, (struct command){.type = COMMAND_CONNECT,
                                              .cluster = slice_of("c1")});
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(3, 1));
    world_command(&world, 3, (struct command){.type = COMMAND_CONNECT,
                                              .cluster = slice_of("c0")});
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(3, 0));
    assert_int_equal(links(3), 1);
}

/* --- roles */

static enum reply role(int i, enum ils_role to)
{
    return world_command(&world, i, (struct command){.type = COMMAND_ROLE, .role = to});
}

static enum ils_role role_of(int i)
{
    struct view_self self;
    view_self(world.node[i].ils, &self);
    return self.role;
}

/* A hub that misses another one, and becomes a spoke: it seeks nobody any more. */
static void a_spoke_misses_no_hub(void **state)
{
    (void)state;
    struct alarm_row row;
    size_t missed = 0;
    hubs();
    world_stop(&world, 2);
    world_pass(&world, 20 * TICK_S);
    for (size_t i = 0; view_alarm(world.node[1].ils, i, &row); i++)
        missed += row.active && row.alarm == ILSHubClusterUnreachable;
    assert_int_equal(missed, 1);
    world_ask(&world, 1, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_pass(&world, 90 * TICK_S);
    assert_int_equal(role_of(1), ROLE_SPOKE);
    for (size_t i = 0; view_alarm(world.node[1].ils, i, &row); i++)
        assert_false(row.active);
}

/* A hub that is not reached, and is a spoke when it is heard of again. */
static void a_hub_misses_no_spoke(void **state)
{
    (void)state;
    struct alarm_row row;
    size_t missed = 0;
    hubs();
    world_block(&world, 0, 2, true);
    world_cut(&world, 0, 2);
    world_pass(&world, 20 * TICK_S);
    for (size_t i = 0; view_alarm(world.node[0].ils, i, &row); i++)
        missed += row.active && row.alarm == ILSHubClusterUnreachable;
    assert_int_equal(missed, 1);
    world_ask(&world, 2, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_pass(&world, 90 * TICK_S);
    assert_int_equal(role_of(2), ROLE_SPOKE);
    for (size_t i = 0; view_alarm(world.node[0].ils, i, &row); i++)
        assert_false(row.active);
}

static void a_hub_drains(void **state)
{
    (void)state;
    hubs();
    spoke(3, 1);
    spoke(4, 1);
    uint64_t asked = world_ask(&world, 1, (struct command){.type = COMMAND_ROLE,
                                                           .role = ROLE_SPOKE});
    world_run(&world);
    assert_int_not_equal(world.node[1].replied, asked); /* not yet */
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world.node[1].replied, asked);
    assert_int_equal(world.node[1].reply, REPLY_OK);
    assert_int_equal(role_of(1), ROLE_SPOKE);
    assert_int_equal(links(1), 1);
    for (int i = 3; i < 5; i++) {
        assert_int_equal(links(i), 1);
        assert_false(linked(i, 1));
    }
    world_hush(&world);
    world_pass(&world, 300 * TICK_S); /* and they want it back as little as the hubs do */
    for (int i = 0; i < 5; i++)
        assert_false(world_said(&world, i, EVENT_CONNECT_REQ));
    assert_int_equal(role(1, ROLE_HUB), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    mesh_stands();
}

static void the_last_hub_stays(void **state)
{
    (void)state;
    world_hub(&world, 0, "one");
    assert_int_equal(role(0, ROLE_SPOKE), REPLY_NO_HUB);
    spoke(3, 0);
    assert_int_equal(role(0, ROLE_SPOKE), REPLY_LAST_HUB);
    assert_int_equal(role_of(0), ROLE_HUB);
}

/* Both of two hubs are told to become spokes at once: one of them stays. */
static void two_drain_at_once(void **state)
{
    (void)state;
    world_hub(&world, 0, "one");
    world_spoke(&world, 1, 0, "one");
    assert_int_equal(world_join(&world, 1, 0, ROLE_HUB), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    spoke(3, 0);
    spoke(4, 1);
    for (int i = 0; i < 2; i++)
        world_ask(&world, i, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_pass(&world, 120 * TICK_S);
    assert_int_equal((role_of(0) == ROLE_HUB) + (role_of(1) == ROLE_HUB), 1);
    int hub = role_of(0) == ROLE_HUB ? 0 : 1;
    assert_true(linked(1 - hub, hub) && linked(3, hub) && linked(4, hub));
}

/* The only hub is gone for ever: one command at the new one, one at each other. */
static void a_spoke_is_promoted(void **state)
{
    (void)state;
    world_hub(&world, 0, "one");
    for (int i = 3; i < 7; i++)
        spoke(i, 0);
    world_plan(&world, 4, "dave@x.example", true);
    world_pass(&world, TICK_S);
    world_stop(&world, 0);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(role(3, ROLE_HUB), REPLY_OK);
    for (int i = 4; i < 7; i++)
        assert_int_equal(world_join(&world, i, 3, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    for (int i = 4; i < 7; i++)
        assert_true(linked(i, 3));
    world_plan(&world, 5, "erin@x.example", true);
    world_pass(&world, TICK_S);
    assert_true(world_answers(&world, 6, "erin@x.example"));
    world_start(&world, 0, &mem.mem); /* it comes back after all: two hubs */
    world_pass(&world, 70 * TICK_S);
    assert_true(linked(0, 3));
}

/* The hub had refused it as a copy, and is gone: nobody can take that back, whoever links does. */
static void a_refused_copy_is_promoted(void **state)
{
    (void)state;
    struct view_self self;
    world_hub(&world, 0, "one");
    for (int i = 3; i < 5; i++)
        spoke(i, 0);
    world_stop(&world, 0);
    world_pass(&world, TICK_S);
    world.node[3].ils->cloned = true;
    world.node[3].ils->dial.last_code = CODE_CLONE;
    assert_int_equal(role(3, ROLE_HUB), REPLY_OK);
    assert_int_equal(world_join(&world, 4, 3, ROLE_SPOKE), REPLY_OK);
    assert_true(linked(3, 4));
    view_self(world.node[3].ils, &self);
    assert_int_not_equal(self.writing, WRITING_CLONE);
}

/* --- slow readers */

static void who_reads_nothing_is_dropped(void **state)
{
    (void)state;
    hubs();
    struct peer *p = list_entry(world.node[0].ils->peers.next, struct peer, node);
    struct link *l = p->link;
    l->stalled = world.now; /* as if the kernel took no byte any more */
    l->pending = 1000;
    world_pass(&world, SEND_HOLD_US - 2 * TICK_S);
    assert_ptr_equal(p->link, l);
    l->stalled = world.now - SEND_HOLD_US;
    world_pass(&world, 2 * TICK_S);
    struct alarm_row alarm;
    bool raised = false;
    for (size_t i = 0; view_alarm(world.node[0].ils, i, &alarm); i++)
        raised = raised || alarm.alarm == ILSSlowPeer;
    assert_true(raised);
}

/* Where another cluster answers, its other places are tried at once, and else after a while. */
static void another_place_for_another_cluster(void **state)
{
    (void)state;
    struct peer p = {.role = ROLE_HUB};
    struct slice usual = slice_of("old.example");
    text_set(p.host, slice_of("new.example"));
    assert_true(slice_eq(mesh_place(&p, 1, CODE_NO_ANSWER, usual), usual));
    assert_true(slice_eq(mesh_place(&p, 0, CODE_OTHER_CLUSTER, usual), usual));
    assert_true(slice_eq(mesh_place(&p, 1, CODE_OTHER_CLUSTER, usual), slice_of("new.example")));
    assert_true(slice_eq(mesh_place(&p, 2, CODE_OTHER_CLUSTER, usual), usual));
}

/* Whoever dropped what it had announced says an older head: it has no more. What the mark says by
 * this end's own word stays. */
static void an_older_head_is_all_they_have(void **state)
{
    (void)state;
    struct stream s = {.number = STREAM_PLAN};
    struct head older = {.epoch = 1, .usn = 5}, newer = {.epoch = 1, .usn = 9};
    struct mark m = {.theirs = true, .epoch = 1, .usn = 7};
    mark_lower(&s, &m, &newer);
    assert_int_equal(m.usn, 7);
    mark_lower(&s, &m, &older);
    assert_int_equal(m.usn, 5);
    s.own = true;
    m.usn = 7;
    mark_lower(&s, &m, &older);
    assert_int_equal(m.usn, 7);
}

/* A spoke that has just become a hub tells what it relays when its stream 0 says so: not before. */
static void a_hub_by_its_own_word(void **state)
{
    (void)state;
    hubs();
    assert_true(self_says_hub(world.node[0].ils));
    world_spoke(&world, 3, 0, "one");
    world_pass(&world, 3 * TICK_S);
    assert_false(self_says_hub(world.node[3].ils));
    world_ask(&world, 3, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_run(&world);
    world_pass(&world, 3 * TICK_S);
    assert_true(self_says_hub(world.node[3].ils));
    list_each(node, &world.node[3].ils->links)
        assert_false(list_entry(node, struct link, node)->unheard);
    list_each(node, &world.node[0].ils->links)
        assert_false(list_entry(node, struct link, node)->unheard);
}

static bool in_network_of(int i, int other)
{
    struct view_self here, there;
    view_self(world.node[i].ils, &here);
    view_self(world.node[other].ils, &there);
    return memcmp(here.network, there.network, sizeof here.network) == 0;
}

/* Two hubs that joined each other while neither was in a network, and their spokes: all hear of the
 * one that a spoke makes as it becomes a hub, and the next one makes no other. */
static void a_network_comes_to_hubs_without_one(void **state)
{
    (void)state;
    const uint8_t none[NETWORK_ID_SIZE] = {0};
    struct view_self self;
    for (int i = 0; i < 2; i++)
        world_spoke(&world, i, 1 - i, "one");
    for (int i = 0; i < 2; i++)
        world_join(&world, i, 1 - i, ROLE_HUB);
    world_pass(&world, 5 * TICK_S);
    assert_true(linked(0, 1));
    spoke(3, 0);
    spoke(4, 1);
    for (int i = 0; i < 5; i++) {
        view_self(world.node[i].ils, &self);
        assert_memory_equal(self.network, none, sizeof none);
    }
    for (int i = 3; i < 5; i++) {
        world_ask(&world, i, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
        world_pass(&world, 5 * TICK_S);
        assert_true(in_network_of(0, 3) && in_network_of(1, 3) && in_network_of(4, 3));
    }
    assert_true(linked(0, 1) && linked(0, 3) && linked(0, 4) && linked(1, 3) && linked(1, 4) &&
                linked(3, 4));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(spokes_meet_where_one_hub_is_all),
        CASE(spokes_do_not_meet_where_there_are_hubs),
        CASE(a_spoke_is_joined_by_nobody), CASE(a_spoke_serves_none),
        CASE(one_way_is_enough), CASE(one_way_is_enough_to_register),
        CASE(whom_nobody_seeks_is_not_missed),
        CASE(hubs_find_each_other), CASE(a_hub_comes_back), CASE(a_partial_partition),
        CASE(two_parts_find_each_other), CASE(a_hub_gives_up_its_registration),
        CASE(who_comes_in_vain_is_told_the_news),
        CASE(spokes_visit_and_find_another_hub), CASE(a_visit_ends_an_alarm),
        CASE(a_visit_is_of_one_method), CASE(a_visit_goes_where_it_usually_is),
        CASE(a_short_restart),
        CASE(a_disconnected_spoke_stays_alone),
        CASE(connected_again_while_another_serves), CASE(a_hub_drains), CASE(a_spoke_misses_no_hub),
        CASE(a_hub_misses_no_spoke), CASE(the_last_hub_stays),
        CASE(two_drain_at_once), CASE(a_spoke_is_promoted), CASE(a_refused_copy_is_promoted),
        CASE(who_reads_nothing_is_dropped),
        CASE(another_place_for_another_cluster), CASE(an_older_head_is_all_they_have),
        CASE(a_hub_by_its_own_word), CASE(a_network_comes_to_hubs_without_one),
    };
    return cmocka_run_group_tests_name("core mesh", tests, NULL, NULL);
}
