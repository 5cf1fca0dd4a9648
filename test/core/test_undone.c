/* Two commands in one breath, of which the disk or memory refuses one or both: what is so then is
 * what the disk has. Hub 0, spoke 1. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;
static uint8_t key_of_1[KEY_SIZE]; /* of node 1 */

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 2; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "one");
    world_spoke(&world, 1, 0, "one");
    world_pass(&world, 20 * TICK_S);
    memcpy(key_of_1, world.node[1].ils->key, KEY_SIZE);
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

static void restart(int i)
{
    world_stop(&world, i);
    world_start(&world, i, &mem.mem);
    world_pass(&world, 5 * TICK_S);
}

static void ask_peer(enum command_type type)
{
    world_ask(&world, 0, (struct command){.type = type, .cluster = slice_of("c1")});
}

static void ask_route(enum command_type type, uint16_t priority)
{
    world_ask(&world, 0, (struct command){.type = type, .pattern = slice_of("r.example"),
                                          .target = slice_of("sip:10.0.0.9:5060"),
                                          .priority = priority});
}

/* What the first wanted is on its way to the disk when memory is refused to the second. */
static void memory_for_one(void **state)
{
    (void)state;
    bool refused = false;
    for (size_t n = 1; n < 12; n++) {
        world_ask(&world, 0, (struct command){.type = COMMAND_EXCHANGE, .raise = n % 2 == 0});
        mem.refuse_at = mem.requests + n;
        world_ask(&world, 0, (struct command){.type = COMMAND_SYNC_EVERY, .minutes = 7});
        refused = refused || world.node[0].reply == REPLY_MEMORY;
        mem.refuse_at = 0;
        assert_int_equal(core(0)->exchange_off, n % 2);
        world_run(&world);
        assert_int_equal(core(0)->exchange_off, n % 2);
        assert_int_equal(core(0)->durable.exchange_off, n % 2);
        if (world.node[0].dead)
            return;
    }
    assert_true(refused);
}

static void parted_and_connected(void **state)
{
    (void)state;
    const struct peer *p = peer_find(core(0), key_of_1);
    assert_false(p->disconnected_here);
    world.node[0].full = true;
    ask_peer(COMMAND_DISCONNECT);
    ask_peer(COMMAND_CONNECT);
    world_run(&world);
    world.node[0].full = false;
    assert_int_equal(world.node[0].reply, REPLY_STORE);
    assert_false(p->disconnected_here);
    ask_peer(COMMAND_DISCONNECT);
    world_run(&world);
    world.node[0].full = true;
    ask_peer(COMMAND_CONNECT);
    ask_peer(COMMAND_DISCONNECT);
    ask_peer(COMMAND_CONNECT);
    world_run(&world);
    world.node[0].full = false;
    assert_true(p->disconnected_here);
}

/* What is to be stored of the peer besides still is. */
static void stored_all_the_same(void **state)
{
    (void)state;
    struct peer *p = peer_find(core(0), key_of_1);
    for (size_t n = 1; n < 12; n++) {
        peer_dirty(core(0), p);
        p->row_next = TICK_NEVER;
        mem.refuse_at = mem.requests + n;
        ask_peer(COMMAND_DISCONNECT);
        mem.refuse_at = 0;
        if (world.node[0].reply != REPLY_MEMORY)
            break;
        assert_true(p->dirty && !p->disconnected_here);
    }
    world_run(&world);
    assert_true(p->disconnected_here);
}

static void routes_in_one_breath(void **state)
{
    (void)state;
    size_t at;
    struct route route;
    world.node[0].full = true;
    ask_route(COMMAND_ROUTE_ADD, 5);
    ask_route(COMMAND_ROUTE_ADD, 8);
    world_run(&world);
    world.node[0].full = false;
    assert_int_equal(routes_count(core(0)->routes), 0);
    ask_route(COMMAND_ROUTE_ADD, 5);
    world_run(&world);
    assert_int_equal(world.node[0].reply, REPLY_OK);
    ask_route(COMMAND_ROUTE_REMOVE, 0);
    ask_route(COMMAND_ROUTE_ADD, 8);
    world_run(&world);
    assert_int_equal(world.node[0].reply, REPLY_OK);
    assert_true(routes_has(core(0)->routes, slice_of("r.example"), slice_of("sip:10.0.0.9:5060"),
                           &at));
    routes_at(core(0)->routes, at, &route);
    assert_int_equal(route.priority, 7);
    restart(0);
    assert_int_equal(routes_count(core(0)->routes), 1);
}

/* The whole form, of one as it is in setup; the password would be another. */
static struct command form(void)
{
    struct command c = {.type = COMMAND_CONFIGURE, .fields = (1u << CONFIG_FIELDS) - 1,
                        .role = ROLE_SPOKE, .host = slice_of("elsewhere"), .port = 7777,
                        .auth = {.password = true}, .raise = false, .minutes = 7,
                        .route_string = slice_of("another.example"), .generation = 2};
    memset(c.stretched, 7, sizeof c.stretched);
    c.fields &= ~(1u << CONFIG_ACCEPT);
    return c;
}

static bool as_before(int i)
{
    const struct ils *ils = core(i);
    return !ils->exchange_off && ils->minutes != 7 && password_find(ils, 2) == NULL &&
           ils->dial.port != 7777 && !slice_eq(text_slice(ils->dial.host), slice_of("elsewhere")) &&
           !slice_eq(text_slice(ils->route_string), slice_of("another.example"));
}

static bool as_wished(int i)
{
    const struct ils *ils = core(i);
    return ils->exchange_off && ils->minutes == 7 && password_find(ils, 2) != NULL &&
           ils->dial.port == 7777 && slice_eq(text_slice(ils->dial.host), slice_of("elsewhere")) &&
           slice_eq(text_slice(ils->route_string), slice_of("another.example"));
}

static void a_form_of_which_a_part_is_wrong(void **state)
{
    (void)state;
    struct command c = form();
    assert_true(as_before(1));
    for (int wrong = 0; wrong < 6; wrong++) {
        c = form();
        c.host = wrong == 0 ? slice_of("no host") : c.host;
        c.host.n = wrong == 1 ? 0 : c.host.n;
        c.route_string = wrong == 2 ? slice_of("..") : c.route_string;
        c.minutes = wrong == 3 ? 1441 : c.minutes;
        c.auth.password = wrong != 4;
        c.generation = wrong == 5 ? 0 : c.generation;
        enum reply reply = world_command(&world, 1, c);
        assert_true(reply != REPLY_OK && reply != REPLIES);
        assert_true(as_before(1));
    }
    restart(1);
    assert_true(as_before(1));
    assert_int_equal(world_command(&world, 1, form()), REPLY_OK); /* the control: nothing is */
    assert_true(as_wished(1));
    restart(1);
    assert_true(as_wished(1));
}

static void back(int i)
{
    struct command c = {.type = COMMAND_CONFIGURE, .fields = (1u << CONFIG_STRETCHED) - 1,
                        .role = ROLE_SPOKE, .host = slice_of("n0"), .auth = {.password = true},
                        .raise = true, .minutes = 10, .route_string = text_slice(core(i)->fqdn)};
    world_pass(&world, 5 * TICK_S); /* the verdict of the former wish */
    assert_int_equal(world_command(&world, i, c), REPLY_OK);
    assert_int_equal(world_command(&world, i, (struct command){.type = COMMAND_PASSWORD_DROP,
                                                               .generation = 2}), REPLY_OK);
    assert_true(as_before(i));
    world_pass(&world, 5 * TICK_S);
}

static void a_form_that_the_disk_refuses(void **state)
{
    (void)state;
    world.node[1].full = true;
    assert_int_equal(world_command(&world, 1, form()), REPLY_STORE);
    world.node[1].full = false;
    assert_true(as_before(1));
    restart(1);
    assert_true(as_before(1));
    size_t refused = 0;
    for (size_t n = 1; n < 30; n++) {
        mem.refuse_at = mem.requests + n;
        world_ask(&world, 1, form());
        refused += world.node[1].reply == REPLY_MEMORY;
        mem.refuse_at = 0;
        world_run(&world);
        if (world.node[1].dead)
            restart(1);
        assert_true(as_before(1) || as_wished(1));
        if (as_wished(1))
            back(1);
    }
    assert_true(refused > 0);
}

/* A ban that the disk has is a ban, whatever is refused afterwards. */
static void a_ban_is_a_ban(void **state)
{
    (void)state;
    for (size_t n = 1; n < 40; n++) {
        struct command ban = {.type = COMMAND_BAN, .cluster = slice_of("c1")};
        assert_false(ends_banned(core(0), key_of_1));
        world.node[0].reply = REPLIES;
        world_ask(&world, 0, ban);
        if (world.node[0].reply == REPLIES) { /* it is on its way to the disk */
            mem.refuse_at = mem.requests + n;
            world_steps(&world, 1);
        }
        mem.refuse_at = 0;
        world_run(&world);
        if (world.node[0].dead)
            break;
        assert_int_equal(world.node[0].reply, REPLY_OK);
        assert_true(ends_banned(core(0), key_of_1));
        ban.type = COMMAND_UNBAN;
        assert_int_equal(world_command(&world, 0, ban), REPLY_OK);
    }
}

static bool stored_first(int i, uint64_t first)
{
    for (size_t k = 0; k < world.node[i].row_n; k++) {
        const struct world_row *row = &world.node[i].row[k];
        if (row->space == ROW_PEER && memcmp(row->key, key_of_1, KEY_SIZE) == 0)
            return row->value[9] == first;
    }
    return false;
}

/* A row that nobody waits for, and for which there is no memory, is written later. */
static void rows_without_memory(void **state)
{
    (void)state;
    struct peer *p = peer_find(core(0), key_of_1);
    for (size_t n = 1; n < 12; n++) {
        p->met_first = (wall)n;
        p->row_next = 0;
        peer_dirty(core(0), p);
        mem.refuse_at = mem.requests + n;
        world_wake(&world, 0);
        mem.refuse_at = 0;
        if (world.node[0].dead)
            break;
        world_command(&world, 0, (struct command){.type = COMMAND_SYNC_EVERY, .minutes = 7});
        world_pass(&world, 2 * PEER_ROW_US);
        assert_true(stored_first(0, n));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(memory_for_one), TEST(parted_and_connected),
                                       TEST(stored_all_the_same), TEST(routes_in_one_breath),
                                       TEST(a_form_of_which_a_part_is_wrong),
                                       TEST(a_form_that_the_disk_refuses),
                                       TEST(a_ban_is_a_ban), TEST(rows_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
