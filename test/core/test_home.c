/* Which hub serves a spoke is known to those that are linked with neither. Three hubs (0, 1, 2) and
 * two spokes, of 0 and of 1. */
#include "core/core.h"
#include "world.h"

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 5; i++)
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

/* One's own row is the first. */
static void row_of(int i, int other, struct view_cluster *ret)
{
    char id[3] = {'c', (char)('0' + other), '\0'};
    for (size_t n = 0; view_cluster(world.node[i].ils, n, ret); n++)
        if (slice_eq(ret->cluster_id, slice_of(id)))
            return;
    fail_msg("%d has no row of %d", i, other);
}

static bool served_by(int i, int spoke, int hub)
{
    struct view_cluster row, other;
    row_of(i, spoke, &row);
    row_of(i, hub, &other);
    return memcmp(row.hub, other.peer_id, PEER_ID_SIZE) == 0;
}

/* The first is said at once. Where it is another one nobody writes for that alone: it is known at
 * the latest with the beat. */
static void a_spoke_says_who_serves_it(void **state)
{
    (void)state;
    struct view_cluster row;
    world_hub(&world, 0, "one");
    for (int i = 1; i < 3; i++) {
        world_spoke(&world, i, 0, "one");
        assert_int_equal(world_join(&world, i, 0, ROLE_HUB), REPLY_OK);
    }
    world_pass(&world, 5 * TICK_S);
    for (int i = 3; i < 5; i++) {
        world_spoke(&world, i, i - 3, "one");
        world_pass(&world, 5 * TICK_S);
    }
    for (int i = 0; i < 5; i++)
        assert_true(served_by(i, 3, 0) && served_by(i, 4, 1) && !served_by(i, 0, 1));
    world_stop(&world, 0);
    world_pass(&world, 30 * TICK_S);
    row_of(3, 1, &row);
    int now = row.linked ? 1 : 2;
    assert_true(served_by(3, 3, now) && served_by(4, 3, 0));
    world_pass(&world, 700 * TICK_S);
    for (int i = 1; i < 5; i++)
        assert_true(served_by(i, 3, now) && served_by(i, 4, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_spoke_says_who_serves_it, setup, teardown),
    };
    return cmocka_run_group_tests_name("core home", tests, NULL, NULL);
}
