/* Ends: who leaves takes everything along and may come back; who was forgotten returns in a higher
 * epoch, who was banned does not; whoever was away meanwhile brings nothing older back. What is
 * withheld while the exchange is off. Hubs 0 and 1, spokes 2 (of 0) and 3 (of 1). */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

static void begin(struct mem *m)
{
    world_init(&world);
    for (int i = 0; i < 4; i++)
        world_start(&world, i, m);
    world_hub(&world, 0, "one");
    world_spoke(&world, 1, 0, "one");
    world_join(&world, 1, 0, ROLE_HUB);
    world_spoke(&world, 2, 0, "one");
    world_spoke(&world, 3, 1, "one");
    world_pass(&world, 5 * TICK_S);
}

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    begin(&mem.mem);
    assert_int_equal(world_plan(&world, 2, "two@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 3, "three@b.example", true), REPLY_OK);
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

static bool in_table(int i, int other)
{
    struct view_cluster c;
    return row_of(i, other, &c);
}

static size_t peers(int i)
{
    return world.node[i].ils->peer_n;
}

static enum reply end(int i, enum command_type type, int other)
{
    char id[3] = {'c', (char)('0' + other), '\0'};
    return world_command(&world, i, (struct command){.type = type, .cluster = slice_of(id)});
}

static enum reply leave(int i)
{
    world_ask(&world, i, (struct command){.type = COMMAND_LEAVE});
    world_run(&world);
    world_pass(&world, 3 * TICK_S);
    return world.node[i].reply;
}

static enum reply exchange(int i, bool on)
{
    enum reply reply =
        world_command(&world, i, (struct command){.type = COMMAND_EXCHANGE, .raise = on});
    world_run(&world);
    return reply;
}

static void restart(int i)
{
    world_stop(&world, i);
    world_start(&world, i, &mem.mem);
    world_pass(&world, 12 * TICK_S);
}

static bool everywhere(const char *dialled, bool answered, int but)
{
    for (int i = 0; i < 4; i++)
        if (i != but && world.node[i].ils != NULL &&
            world_answers(&world, i, dialled) != answered)
            return false;
    return true;
}

/* --- leaving */

static void spoke_leaves_and_returns(void **state)
{
    (void)state;
    struct view_self self;
    struct view_cluster before, after;
    assert_true(everywhere("two@b.example", true, -1));
    assert_true(row_of(0, 2, &before));
    assert_int_equal(peers(0), 3);
    assert_int_equal(leave(2), REPLY_OK);
    assert_true(everywhere("two@b.example", false, 2));
    assert_true(world_answers(&world, 2, "two@b.example")); /* its own plan stays */
    assert_false(world_answers(&world, 2, "three@b.example")); /* the network's does not */
    for (int i = 0; i < 4; i++)
        assert_true(i == 2 || (!in_table(i, 2) && peers(i) == 2));
    view_self(world.node[2].ils, &self);
    assert_int_equal(self.role, ROLE_STANDALONE);
    assert_true(zeros(self.network, NETWORK_ID_SIZE) && self.hub_host.n == 0);
    assert_int_equal(peers(2), 0);
    assert_int_equal(world.node[2].ils->stream_n, 2);

    assert_int_equal(world_plan(&world, 2, "later@b.example", true), REPLY_OK);
    assert_int_equal(world_join(&world, 2, 0, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(everywhere("two@b.example", true, -1));
    assert_true(everywhere("later@b.example", true, -1));
    assert_true(row_of(1, 2, &after) && after.usn > before.usn + 1);
    assert_true(everywhere("three@b.example", true, -1));
}

/* Whoever was away hears of it when he is back, from whoever knows, and nobody believes him. */
static void leaves_while_a_hub_is_away(void **state)
{
    (void)state;
    world_stop(&world, 1);
    world_stop(&world, 3);
    assert_int_equal(leave(2), REPLY_OK);
    world_stop(&world, 0);
    world_start(&world, 3, &mem.mem);
    world_start(&world, 1, &mem.mem);
    assert_true(world_answers(&world, 1, "two@b.example")); /* not yet */
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("two@b.example", false, 2));
    assert_true(everywhere("three@b.example", true, 2));
    for (int i = 0; i < 4; i++)
        assert_true(i == 2 || !in_table(i, 2));
}

/* Nothing in the rows brings it back. */
static void stays_gone_after_restarts(void **state)
{
    (void)state;
    assert_int_equal(leave(2), REPLY_OK);
    for (int i = 0; i < 4; i++)
        restart(i);
    assert_true(everywhere("two@b.example", false, 2));
    for (int i = 0; i < 4; i++)
        assert_true(i == 2 || (!in_table(i, 2) && peers(i) == 2));
    assert_int_equal(world_join(&world, 2, 0, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(everywhere("two@b.example", true, -1));
}

static void hub_leaves(void **state)
{
    (void)state;
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    assert_int_equal(leave(1), REPLY_OK);
    world_pass(&world, 20 * TICK_S);
    assert_true(everywhere("one@b.example", false, 1));
    assert_true(everywhere("three@b.example", true, 1)); /* its spoke found the other hub */
    assert_false(in_table(0, 1) || in_table(2, 1) || in_table(3, 1));
}

/* Who had registered with a hub that left dials nobody there any more, and misses nobody. */
static void nobody_waits_for_a_hub_that_left(void **state)
{
    (void)state;
    struct view_join join;
    struct alarm_row row;
    assert_int_equal(leave(0), REPLY_OK);
    world_pass(&world, 30 * TICK_S);
    view_join(world.node[1].ils, &join);
    assert_false(join.wanted); /* a hub from the start */
    for (size_t i = 0; view_alarm(world.node[1].ils, i, &row); i++)
        assert_false(row.active);
    world_ask(&world, 1, (struct command){.type = COMMAND_LEAVE, .now = true});
    world_pass(&world, 30 * TICK_S);
    assert_int_equal(world.node[1].reply, REPLY_OK);
    view_join(world.node[2].ils, &join);
    assert_true(join.wanted); /* a spoke goes on trying */
    assert_int_equal(world_command(&world, 2, (struct command){.type = COMMAND_ROLE,
                                              .role = ROLE_HUB}), REPLY_OK);
    view_join(world.node[2].ils, &join);
    assert_false(join.wanted);
    for (size_t i = 0; view_alarm(world.node[2].ils, i, &row); i++)
        assert_false(row.active);
}

/* Nobody is left without a hub, unless an operator insists. */
static void only_hub_stays(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_LEAVE};
    assert_int_equal(leave(1), REPLY_OK); /* the other one is there */
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world_command(&world, 0, c), REPLY_LEAVE_LAST_HUB);
    assert_true(everywhere("two@b.example", true, 1));
    world_stop(&world, 2); /* to be away for a while is not to be gone */
    world_stop(&world, 3);
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(world_command(&world, 0, c), REPLY_LEAVE_LAST_HUB);
    c.now = true;
    world_ask(&world, 0, c);
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(world.node[0].reply, REPLY_OK);
}

static void only_hub_stays_in_its_role(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_ROLE, .role = ROLE_STANDALONE};
    assert_int_equal(leave(1), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world_command(&world, 0, c), REPLY_ALONE_LAST_HUB);
    assert_int_equal(world.node[0].ils->role, ROLE_HUB);
    c.now = true;
    assert_int_equal(world_command(&world, 0, c), REPLY_OK);
    assert_int_equal(world.node[0].ils->role, ROLE_STANDALONE);
}

static void who_is_silent_for_long(void **state)
{
    (void)state;
    struct view_cluster c;
    assert_true(row_of(0, 3, &c));
    assert_false(c.silent);
    world_stop(&world, 3);
    world_pass(&world, 15 * 60 * TICK_S);
    assert_true(row_of(0, 3, &c));
    assert_false(c.silent);
    world_pass(&world, 10 * 60 * TICK_S);
    assert_true(row_of(0, 3, &c));
    assert_true(c.silent);
    assert_true(row_of(0, 2, &c));
    assert_false(c.silent);
}

/* The daemon ends after the wish, and before anybody was told. */
static void leaves_across_a_crash(void **state)
{
    (void)state;
    struct view_self self;
    world_ask(&world, 2, (struct command){.type = COMMAND_LEAVE});
    world_stop(&world, 2); /* the row is there */
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    view_self(world.node[2].ils, &self);
    assert_int_equal(self.role, ROLE_STANDALONE);
    assert_true(everywhere("two@b.example", false, 2));
    assert_int_equal(world_join(&world, 2, 0, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(everywhere("two@b.example", true, -1));
}

/* A hub that drains, and whose operator waits for it to be a spoke: he is told that it never
 * will. */
static void leaves_while_it_drains(void **state)
{
    (void)state;
    world_block(&world, 3, 0, true); /* its spoke has nowhere to go */
    size_t replies = world.node[1].replies;
    world_ask(&world, 1, (struct command){.type = COMMAND_ROLE, .role = ROLE_SPOKE});
    world_run(&world);
    assert_int_equal(world.node[1].replies, replies);
    assert_int_equal(leave(1), REPLY_OK);
    assert_int_equal(world.node[1].replies, replies + 2);
    world_pass(&world, 90 * TICK_S);
    assert_int_equal(world.node[1].ils->role, ROLE_STANDALONE);
}

static void leaves_without_a_link(void **state)
{
    (void)state;
    world_stop(&world, 0);
    world_stop(&world, 1);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(leave(2), REPLY_OK);
    assert_int_equal(leave(2), REPLY_NOT_JOINED);
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(world_answers(&world, 0, "two@b.example")); /* nobody was told */
    assert_int_equal(end(0, COMMAND_FORGET, 2), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_true(everywhere("two@b.example", false, 2));
}

static void leave_is_not_taken_by_the_disk(void **state)
{
    (void)state;
    struct view_self self;
    world.node[2].full = true;
    assert_int_equal(leave(2), REPLY_STORE);
    world.node[2].full = false;
    world_pass(&world, 20 * TICK_S);
    view_self(world.node[2].ils, &self);
    assert_int_equal(self.role, ROLE_SPOKE);
    assert_true(everywhere("two@b.example", true, -1));
    assert_int_equal(leave(2), REPLY_OK);
    assert_true(everywhere("two@b.example", false, 2));
}

/* --- forgetting */

/* Spoke 3 and its hub were away with what they knew of 2. */
static void zombies_do_not_return(void **state)
{
    (void)state;
    world_stop(&world, 2);
    world_stop(&world, 1);
    world_stop(&world, 3);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 2), REPLY_OK);
    assert_false(world_answers(&world, 0, "two@b.example"));
    assert_false(in_table(0, 2));
    world_stop(&world, 0);
    world_start(&world, 1, &mem.mem);
    world_start(&world, 3, &mem.mem);
    assert_true(world_answers(&world, 1, "two@b.example"));
    world_start(&world, 0, &mem.mem);
    for (int i = 0; i < 150; i++) {
        world_pass(&world, TICK_S / 10);
        assert_false(world_answers(&world, 0, "two@b.example"));
    }
    assert_true(everywhere("two@b.example", false, 2));
    assert_true(everywhere("three@b.example", true, 2));
    for (int i = 0; i < 4; i++)
        if (i != 2) {
            restart(i);
            assert_false(in_table(i, 2));
        }
    assert_true(everywhere("two@b.example", false, 2));
}

/* It was only away. When it is back it sees that it was forgotten, and returns above. */
static void forgotten_returns_above(void **state)
{
    (void)state;
    struct view_cluster before, after;
    assert_true(row_of(1, 2, &before));
    world_stop(&world, 2);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 2), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(everywhere("two@b.example", false, 2));
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("two@b.example", true, -1));
    assert_true(row_of(1, 2, &after));
    assert_true(after.epoch >> 32 == (before.epoch >> 32) + 1 && after.usn > before.usn);
    assert_true(row_of(3, 2, &after));
    for (int i = 0; i < 4; i++)
        restart(i);
    assert_true(everywhere("two@b.example", true, -1));
    assert_int_equal(world_plan(&world, 2, "later@b.example", true), REPLY_OK);
    assert_true(everywhere("later@b.example", true, -1));
    assert_true(row_of(3, 2, &before) && before.epoch == after.epoch);
}

/* Forgotten at one hub while it is linked with the other. */
static void forgotten_alive_returns(void **state)
{
    (void)state;
    struct view_cluster before, after;
    assert_true(row_of(0, 3, &before));
    assert_int_equal(end(0, COMMAND_FORGET, 3), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(everywhere("three@b.example", true, -1));
    assert_true(row_of(0, 3, &after) && after.epoch > before.epoch && after.usn > before.usn);
}

/* What it writes for the first time afterwards is above what was forgotten as well. */
static void first_entry_of_a_forgotten_one(void **state)
{
    (void)state;
    world_stop(&world, 1); /* it has no plan yet */
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 1), REPLY_OK);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(in_table(0, 1) && in_table(2, 1));
    assert_int_equal(world_plan(&world, 1, "one@b.example", true), REPLY_OK);
    assert_true(everywhere("one@b.example", true, -1));
}

static void banned_does_not_return(void **state)
{
    (void)state;
    struct view_self self;
    assert_int_equal(end(0, COMMAND_BAN, 3), REPLY_OK); /* linked with the other hub */
    world_pass(&world, 5 * TICK_S);
    assert_true(everywhere("three@b.example", false, 3));
    assert_false(in_table(0, 3) || in_table(1, 3) || in_table(2, 3));
    view_self(world.node[3].ils, &self);
    assert_int_equal(self.serving, 0);
    world_pass(&world, 120 * TICK_S);
    assert_int_equal(world.node[3].verdict.code, CODE_BANNED);
    restart(1);
    world_pass(&world, 120 * TICK_S);
    assert_true(everywhere("three@b.example", false, 3));
    world_join(&world, 3, 0, ROLE_SPOKE);
    assert_int_equal(world.node[3].verdict.code, CODE_BANNED);
    assert_false(in_table(0, 3));
    struct view_ended ended;
    assert_true(view_ended(world.node[2].ils, 0, &ended)); /* spokes know it as well */
    assert_true(ended.banned && slice_eq(ended.author_name, slice_of("c0")));
    assert_false(view_ended(world.node[2].ils, 1, &ended));
}

/* The record is repeated: the hub that wrote it is gone, and everybody still knows. */
static void ban_outlives_its_author(void **state)
{
    (void)state;
    assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    world_stop(&world, 0);
    world_pass(&world, 15 * TICK_S);
    restart(1);
    world_join(&world, 2, 1, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_BANNED);
    assert_false(in_table(1, 2));
}

/* The disk took what another hub says, and not what follows from it. */
static void ban_outlives_a_lost_row(void **state)
{
    (void)state;
    struct view_ended ended;
    struct node *n = &world.node[1];
    assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    world_stop(&world, 0);
    world_stop(&world, 1);
    for (size_t i = 0; i < n->row_n; i++)
        if (n->row[i].key_n == 5 + KEY_SIZE && memcmp(n->row[i].key, "ended", 5) == 0)
            n->row[i].key[0] = 'x';
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(view_ended(world.node[1].ils, 0, &ended) && ended.banned);
    world_join(&world, 2, 1, ROLE_SPOKE);
    assert_int_equal(world.node[2].verdict.code, CODE_BANNED);
}

static void unbanned_comes_back(void **state)
{
    (void)state;
    assert_int_equal(end(0, COMMAND_UNBAN, 2), REPLY_NOT_BANNED);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_OK);
        world_pass(&world, 2 * TICK_S);
        assert_true(everywhere("two@b.example", false, 2));
        assert_int_equal(end(1, COMMAND_BAN, 2), REPLY_ALREADY_BANNED);
        assert_int_equal(end(2, COMMAND_UNBAN, 2), REPLY_ONLY_HUBS);
        assert_int_equal(end(1, COMMAND_UNBAN, 2), REPLY_OK); /* at any hub */
        world_pass(&world, 70 * TICK_S);
        assert_true(everywhere("two@b.example", true, -1));
        assert_true(in_table(0, 2) && in_table(1, 2) && in_table(3, 2));
    }
    restart(0);
    assert_true(world_answers(&world, 0, "two@b.example"));
    assert_int_equal(end(0, COMMAND_UNBAN, 2), REPLY_NOT_BANNED);
}

/* Any member may say that it is a hub. Its bans end with its own. */
static void bans_of_a_member(void **state)
{
    (void)state;
    assert_int_equal(world_command(&world, 3, (struct command){.type = COMMAND_ROLE,
                                                               .role = ROLE_HUB}), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(end(3, COMMAND_BAN, 2), REPLY_OK);
    assert_int_equal(end(3, COMMAND_BAN, 1), REPLY_OK);
    world_pass(&world, 10 * TICK_S);
    assert_false(in_table(0, 1) || in_table(0, 2));
    assert_int_equal(end(0, COMMAND_BAN, 3), REPLY_OK);
    world_pass(&world, 130 * TICK_S);
    assert_true(in_table(0, 1) && in_table(0, 2) && in_table(1, 2) && in_table(2, 1));
    assert_false(in_table(0, 3) || in_table(1, 3) || in_table(2, 3));
    assert_true(everywhere("two@b.example", true, 3));
    restart(0);
    assert_true(in_table(0, 1) && in_table(0, 2) && !in_table(0, 3));
}

/* Hub 0 comes from a backup of before 1 and 3 came, which are gone for good: only spoke 2 knows
 * them. */
static void nobody_else_knows(void)
{
    world_done(&world);
    world_init(&world);
    for (int i = 0; i < 4; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "one");
    world_spoke(&world, 2, 0, "one");
    world_pass(&world, 5 * TICK_S);
    world_stop(&world, 0);
    world_image(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_spoke(&world, 1, 0, "one");
    world_join(&world, 1, 0, ROLE_HUB);
    world_spoke(&world, 3, 1, "one");
    world_pass(&world, 5 * TICK_S);
    assert_int_equal(world_plan(&world, 3, "three@b.example", true), REPLY_OK);
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_HUB_KNOWS);
    for (int i = 0; i < 4; i++)
        if (i != 2)
            world_stop(&world, i);
    world_restore(&world, 0);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_ONLY_HUBS); /* it may know it */
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 70 * TICK_S);
    assert_false(in_table(0, 1) || in_table(0, 3));
    assert_true(in_table(2, 1) && in_table(2, 3) && in_table(2, 0));
    assert_true(world_answers(&world, 2, "three@b.example"));
}

static void spoke_drops_whom_no_hub_knows(void **state)
{
    (void)state;
    struct view_ended ended;
    struct view_cluster gone;
    struct slice hub;
    nobody_else_knows();
    assert_true(row_of(2, 3, &gone));
    assert_int_equal(view_forget(world.node[2].ils, gone.key, &hub), FORGET_HERE);
    world.node[2].full = true;
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_STORE);
    assert_true(in_table(2, 3) && world_answers(&world, 2, "three@b.example"));
    world.node[2].full = false;
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_OK);
    assert_false(in_table(2, 3) || world_answers(&world, 2, "three@b.example"));
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_UNKNOWN_CLUSTER);
    assert_int_equal(end(2, COMMAND_FORGET, 1), REPLY_OK); /* a hub that it tries to visit */
    assert_int_equal(end(2, COMMAND_FORGET, 0), REPLY_STILL_LINKED);
    assert_int_equal(end(2, COMMAND_BAN, 0), REPLY_ONLY_HUBS);
    world_pass(&world, 20 * TICK_S);
    assert_int_equal(peers(2), 1);
    restart(2);
    assert_false(in_table(2, 1) || in_table(2, 3) || world_answers(&world, 2, "three@b.example"));
    assert_int_equal(peers(2), 1);
    assert_false(view_ended(world.node[2].ils, 0, &ended)); /* nobody's end was declared */
    world_start(&world, 1, &mem.mem);
    world_start(&world, 3, &mem.mem);
    world_pass(&world, 70 * TICK_S);
    assert_true(in_table(2, 3) && world_answers(&world, 2, "three@b.example")); /* it lives */
}

/* Its data is dropped, and it is back in a moment: whoever typed that is told who else has it. Of
 * one that has been silent for long, or that no other hub has met, there is nothing to say. */
static void forgetting_says_who_else_lists_it(void **state)
{
    (void)state;
    assert_int_equal(end(0, COMMAND_FORGET, 3), REPLY_OK);
    assert_string_equal(world.node[0].text, "c1");
    world_pass(&world, 5 * TICK_S);
    assert_true(in_table(0, 3));
    world_stop(&world, 3);
    world_pass(&world, 25 * 60 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 3), REPLY_OK);
    assert_string_equal(world.node[0].text, "");
    world_stop(&world, 2); /* linked here, and it has visited the other hub */
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 2), REPLY_OK);
    assert_string_equal(world.node[0].text, "c1");
    world_stop(&world, 1);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(end(0, COMMAND_FORGET, 1), REPLY_OK); /* no other hub */
    assert_string_equal(world.node[0].text, "");
}

static void who_may_end_whom(void **state)
{
    (void)state;
    assert_int_equal(end(2, COMMAND_FORGET, 3), REPLY_HUB_KNOWS);
    assert_int_equal(end(2, COMMAND_BAN, 3), REPLY_ONLY_HUBS);
    assert_int_equal(end(0, COMMAND_FORGET, 2), REPLY_STILL_LINKED);
    assert_int_equal(end(0, COMMAND_FORGET, 0), REPLY_ITSELF);
    assert_int_equal(end(0, COMMAND_BAN, 9), REPLY_UNKNOWN_CLUSTER);
    world.node[0].full = true;
    assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_STORE);
    assert_true(in_table(0, 2));
    world.node[0].full = false;
    assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_OK);
    assert_int_equal(end(0, COMMAND_BAN, 2), REPLY_ALREADY_BANNED);
    char hex[2 * PEER_ID_SIZE + 1];
    hex_text(hex, world.node[2].ils->peer_id, PEER_ID_SIZE);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_BAN,
                                       .cluster = slice_of(hex)}), REPLY_ALREADY_BANNED);
}

/* --- the exchange */

static void exchange_off_and_on(void **state)
{
    (void)state;
    struct view_cluster c;
    uint64_t usn, epoch;
    assert_true(row_of(3, 2, &c));
    usn = c.usn;
    epoch = c.epoch;
    assert_int_equal(exchange(2, false), REPLY_OK);
    assert_true(everywhere("two@b.example", false, 2));
    assert_true(world_answers(&world, 2, "two@b.example"));
    assert_false(world_answers(&world, 2, "three@b.example")); /* learned: not served */
    assert_true(row_of(3, 2, &c) && c.usn == usn + 1 && c.entries == 0);
    assert_true(in_table(0, 2));
    assert_int_equal(world_plan(&world, 2, "hidden@b.example", true), REPLY_OK);
    assert_true(everywhere("hidden@b.example", false, 2));
    restart(2);
    assert_true(everywhere("two@b.example", false, 2));
    assert_false(world_answers(&world, 2, "three@b.example"));
    assert_true(row_of(3, 2, &c) && c.usn == usn + 1);
    world_pass(&world, 3600 * TICK_S); /* beats of what stands for it */
    assert_true(row_of(3, 2, &c) && !c.stale && c.usn == usn + 1);
    assert_int_equal(exchange(2, true), REPLY_OK);
    assert_true(everywhere("two@b.example", true, -1));
    assert_true(everywhere("hidden@b.example", true, -1));
    assert_true(world_answers(&world, 2, "three@b.example"));
    assert_true(row_of(3, 2, &c) && c.usn > usn + 1 && c.epoch == epoch);
}

/* A hub without exchange still relays. */
static void hub_without_exchange_relays(void **state)
{
    (void)state;
    assert_int_equal(exchange(0, false), REPLY_OK);
    assert_false(world_answers(&world, 0, "two@b.example"));
    assert_int_equal(world_plan(&world, 2, "later@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 1, "later@b.example"));
    assert_false(world_answers(&world, 0, "later@b.example"));
    assert_int_equal(exchange(0, true), REPLY_OK);
    assert_true(world_answers(&world, 0, "later@b.example"));
}

/* Off and on, with a change or without, and a crash at any moment: each head that the others see
 * has a higher USN than the one before, and two heads with one USN have one root. */
static void usn_only_rises(void **state)
{
    (void)state;
    struct view_cluster last, now;
    assert_true(row_of(0, 2, &last));
    uint64_t rand = 7;
    for (int i = 0; i < 120; i++) {
        rand = rand * UINT64_C(6364136223846793005) + 1;
        unsigned what = (unsigned)(rand >> 60) % 5;
        char uri[40];
        struct command c = {.type = COMMAND_EXCHANGE, .raise = what == 0};
        snprintf(uri, sizeof uri, "u%d@b.example", i);
        if (what <= 1)
            world_ask(&world, 2, c);
        else if (what == 2)
            world_plan(&world, 2, uri, true);
        world_steps(&world, (size_t)(rand >> 40) % 12);
        if (what == 3) {
            world_stop(&world, 2);
            world_start(&world, 2, &mem.mem);
        } else if (what == 4) {
            world_pass(&world, 2 * TICK_S);
        }
        assert_true(row_of(0, 2, &now));
        assert_true(now.epoch == last.epoch && now.usn >= last.usn);
        if (now.usn == last.usn)
            assert_memory_equal(now.root, last.root, HASH_SIZE);
        last = now;
    }
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(exchange(2, true), REPLY_OK);
    assert_true(everywhere("two@b.example", true, -1));
    assert_false(world_said(&world, 2, EVENT_ADOPTED) || world_said(&world, 2, EVENT_ROLLED_BACK));
}

static void beats_as_often_as_wanted(void **state)
{
    (void)state;
    struct command c = {.type = COMMAND_SYNC_EVERY, .minutes = 1};
    assert_int_equal(world_command(&world, 2, c), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    const struct stream *s = stream_find(world.node[3].ils, world.node[2].ils->key, STREAM_PLAN);
    assert_int_equal(s->head.interval, 1);
    uint64_t beat = s->head.beat;
    world_pass(&world, 600 * TICK_S);
    assert_true(s->head.beat >= beat + 9 && s->head.beat <= beat + 11);
    world_stop(&world, 2);
    world_pass(&world, 121 * TICK_S);
    assert_true(stream_overdue(world.node[3].ils, s));
    c.minutes = 0;
    assert_int_equal(world_command(&world, 3, c), REPLY_MINUTES);
    c.minutes = 1441;
    assert_int_equal(world_command(&world, 3, c), REPLY_MINUTES);
    c.minutes = 1440;
    assert_int_equal(world_command(&world, 3, c), REPLY_OK);
    struct view_self self;
    restart(3);
    view_self(world.node[3].ils, &self);
    assert_int_equal(self.minutes, 1440);
}

/* --- memory */

static void every_refusal(struct mem *m)
{
    begin(m);
    world_plan(&world, 2, "two@b.example", true);
    if (world.node[2].ils != NULL)
        world_command(&world, 2, (struct command){.type = COMMAND_EXCHANGE});
    end(1, COMMAND_FORGET, 2);
    world_command(&world, 2, (struct command){.type = COMMAND_EXCHANGE, .raise = true});
    end(0, COMMAND_BAN, 3);
    world_command(&world, 2, (struct command){.type = COMMAND_LEAVE});
    world_pass(&world, 5 * TICK_S);
    world_join(&world, 2, 0, ROLE_SPOKE);
    world_pass(&world, 2 * TICK_S);
    world_done(&world);
}

static void survives_every_refusal(void **state)
{
    (void)state;
    test_every_refusal(every_refusal);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(spoke_leaves_and_returns),
        TEST(leaves_while_a_hub_is_away),
        TEST(nobody_waits_for_a_hub_that_left),
        TEST(stays_gone_after_restarts),
        TEST(hub_leaves),
        TEST(only_hub_stays),
        TEST(only_hub_stays_in_its_role),
        TEST(who_is_silent_for_long),
        TEST(leaves_across_a_crash),
        TEST(leaves_while_it_drains),
        TEST(leaves_without_a_link),
        TEST(leave_is_not_taken_by_the_disk),
        TEST(zombies_do_not_return),
        TEST(forgotten_returns_above),
        TEST(forgotten_alive_returns),
        TEST(first_entry_of_a_forgotten_one),
        TEST(banned_does_not_return),
        TEST(ban_outlives_its_author),
        TEST(ban_outlives_a_lost_row),
        TEST(unbanned_comes_back),
        TEST(bans_of_a_member),
        TEST(spoke_drops_whom_no_hub_knows),
        TEST(forgetting_says_who_else_lists_it),
        TEST(who_may_end_whom),
        TEST(exchange_off_and_on),
        TEST(hub_without_exchange_relays),
        TEST(usn_only_rises),
        TEST(beats_as_often_as_wanted),
        cmocka_unit_test(survives_every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
