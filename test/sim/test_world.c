/* The simulated world with a core that is none: bytes, connections, faults, time. */
#include "test.h"

#include "echo.h"
#include "sim/world.h"

static struct world *make(uint64_t seed, enum bug bug)
{
    memset(&echo, 0, sizeof echo);
    struct world *w = world_new(seed, bug);
    node_start(world_add(w, "a", 1 << 20));
    node_start(world_add(w, "b", 1 << 20));
    return w;
}

static void dial(struct world *w, const char *host, uint16_t port)
{
    struct command c = {.type = COMMAND_JOIN, .host = slice_of(host), .port = port};
    node_command(w->node[1], &c);
}

static void store(struct world *w, const char *key, const char *value)
{
    struct command c = {.type = COMMAND_DESCRIBE, .fqdn = slice_of(key),
                        .description = slice_of(value)};
    node_command(w->node[0], &c);
}

static void bytes_come_back(void **state)
{
    struct world *w = make(1, BUG_NONE);
    w->net.small = 4;
    dial(w, "a.example", 0);
    world_run(w, 60 * TICK_S);
    assert_string_equal(w->broken, "");
    assert_int_equal(echo.connected, 1);
    assert_int_equal(echo.accepted, 1);
    assert_int_equal(echo.got, ECHO_BYTES);
    assert_false(echo.wrong);
    assert_true(echo.reads > 20);
    assert_true(echo.largest > 1000);
    assert_int_equal(echo.pending, 0);
    assert_int_equal(echo.down[DOWN_CLOSED], 1); /* the acceptor hears of the end */
    assert_int_equal(echo.deadlines, 2);
    assert_true(list_empty(&w->net.conns));
    world_free(w);
}

static void planted_bugs_bite(void **state)
{
    enum bug bugs[] = {BUG_REPEAT_BYTES, BUG_LOSE_BYTES};
    for (size_t i = 0; i < 2; i++) {
        bool bitten = false;
        for (uint64_t seed = 1; seed < 200 && !bitten; seed++) {
            struct world *w = make(seed, bugs[i]);
            w->net.small = 7;
            dial(w, "a", 0);
            world_run(w, 60 * TICK_S);
            bitten = echo.wrong;
            world_free(w);
        }
        assert_true(bitten);
    }
}

static void run_hash(uint64_t seed, char *hash)
{
    struct world *w = make(seed, BUG_NONE);
    w->net.jitter_max = 5 * TICK_MS;
    dial(w, "10.0.0.1", 0);
    world_run(w, 60 * TICK_S);
    log_hash(&w->log, hash);
    world_free(w);
}

static void same_seed_same_hash(void **state)
{
    char a[2 * HASH_SIZE + 1], b[2 * HASH_SIZE + 1], c[2 * HASH_SIZE + 1];
    run_hash(7, a);
    run_hash(7, b);
    run_hash(8, c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

static void nobody_there(void **state)
{
    struct world *w = make(1, BUG_NONE);
    dial(w, "c.example", 0);
    dial(w, "10.0.0.77", 0);
    dial(w, "a", 99);
    world_run(w, TICK_S);
    assert_int_equal(echo.down[DOWN_UNRESOLVED], 1);
    assert_int_equal(echo.down[DOWN_UNREACHABLE], 1);
    assert_int_equal(echo.down[DOWN_REFUSED], 1);
    node_crash(w->node[0], false);
    dial(w, "a", 0);
    world_run(w, 2 * TICK_S);
    assert_int_equal(echo.down[DOWN_REFUSED], 2);
    node_start(w->node[0]);
    net_filter(&w->net, w->node[0], w->node[1], true);
    dial(w, "a", 0);
    world_run(w, 30 * TICK_S);
    assert_int_equal(echo.down[DOWN_TIMEOUT], 1);
    net_filter(&w->net, w->node[0], w->node[1], false);
    dial(w, "a", 0);
    world_run(w, 60 * TICK_S);
    assert_int_equal(echo.got, ECHO_BYTES);
    world_free(w);
}

/* Runs until some bytes have come, but not all. */
static void run_half(struct world *w)
{
    while (echo.got < 1000)
        assert_true(world_next(w, 60 * TICK_S));
    assert_true(echo.got < ECHO_BYTES);
}

static void cut_in_the_middle(void **state)
{
    struct world *w = make(3, BUG_NONE);
    w->net.jitter_max = 20 * TICK_MS;
    w->net.small = 6;
    dial(w, "a", 0);
    run_half(w);
    assert_int_equal(net_count(&w->net, w->node[0], w->node[1]), 1);
    assert_int_equal(net_cut(&w->net, w->node[1], NULL), 1);
    size_t got = echo.got;
    world_run(w, 60 * TICK_S);
    assert_int_equal(echo.got, got);
    assert_int_equal(echo.down[DOWN_RESET], 2);
    assert_int_equal(net_count(&w->net, w->node[0], w->node[1]), 0);
    world_free(w);
}

static void crash_is_heard_power_is_not(void **state)
{
    for (int power = 0; power < 2; power++) {
        struct world *w = make(3, BUG_NONE);
        w->net.small = 6;
        dial(w, "a", 0);
        run_half(w);
        node_crash(w->node[0], power);
        world_run(w, w->now + 10 * TICK_S);
        assert_int_equal(echo.down[DOWN_RESET], power ? 0 : 1);
        node_start(w->node[0]);
        world_run(w, w->now + 10 * TICK_S);
        assert_int_equal(echo.down[DOWN_RESET], 1);
        world_free(w);
    }
}

static void pause_loses_nothing(void **state)
{
    struct world *w = make(3, BUG_NONE);
    w->net.small = 6;
    dial(w, "a", 0);
    run_half(w);
    w->node[0]->paused_until = w->now + 5 * TICK_S;
    size_t echoed = echo.echoed;
    world_run(w, w->now + 4 * TICK_S);
    assert_int_equal(echo.echoed, echoed);
    world_run(w, w->now + 60 * TICK_S);
    assert_int_equal(echo.got, ECHO_BYTES);
    assert_false(echo.wrong);
    world_free(w);
}

static void rows_survive_when_stored(void **state)
{
    struct world *w = make(1, BUG_NONE);
    struct node *a = w->node[0];
    store(w, "k1", "v1");
    world_run(w, TICK_S);
    assert_int_equal(echo.stored, 1);
    a->disk.fail_next = 1;
    store(w, "k2", "v2");
    world_run(w, 2 * TICK_S);
    assert_int_equal(echo.failed, 1);
    node_crash(a, true);
    node_start(a);
    assert_int_equal(echo.rows, 1);
    assert_true(slice_eq(disk_find(&a->disk, ROW_SETTING, slice_of("k1")), slice_of("v1")));
    assert_int_equal(disk_find(&a->disk, ROW_SETTING, slice_of("k2")).n, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(planted_bugs_bite),
        cmocka_unit_test(same_seed_same_hash),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(cut_in_the_middle),
        cmocka_unit_test(crash_is_heard_power_is_not),
        cmocka_unit_test(pause_loses_nothing),
        cmocka_unit_test(rows_survive_when_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
