/* A join and a change, broken off after every single step: by a crash of either end, by a power
 * cut, by a cut of the connection, by a disk that fails. Afterwards everything settles, and what
 * was acknowledged is there. */
#include "test.h"

#include "core/view.h"
#include "sim/judge.h"
#include "sim/ops.h"

#define BOUND (100 * TICK_S)

enum fault { FAULT_CRASH_HUB, FAULT_CRASH_SPOKE, FAULT_POWER_HUB, FAULT_POWER_SPOKE, FAULT_CUT,
             FAULT_DISK_HUB, FAULT_DISK_SPOKE };

struct run {
    struct world *world;
    struct judge *judge;
    struct node *hub, *spoke;
};

static struct run make(void)
{
    struct run r = {.world = world_new(5, BUG_NONE)};
    r.hub = world_add(r.world, "hub", (size_t)16 << 20);
    r.spoke = world_add(r.world, "b", (size_t)16 << 20);
    r.judge = judge_new(r.world, false);
    node_start(r.hub);
    node_start(r.spoke);
    assert_true(op_setup(r.hub, "Tokyo", "hub.example", "secret", true));
    assert_true(op_setup(r.spoke, "Osaka", "b.example", "secret", false));
    assert_true(judge_change(r.judge, r.hub, 1, true));
    op_join(r.spoke, r.hub->host, 0, ROLE_SPOKE);
    return r;
}

static void restart(struct node *n, bool power)
{
    node_crash(n, power);
    node_start(n);
}

static void strike(struct run *r, enum fault fault)
{
    switch (fault) {
    case FAULT_CRASH_HUB: restart(r->hub, false); break;
    case FAULT_CRASH_SPOKE: restart(r->spoke, false); break;
    case FAULT_POWER_HUB: restart(r->hub, true); break;
    case FAULT_POWER_SPOKE: restart(r->spoke, true); break;
    case FAULT_CUT: net_cut(&r->world->net, r->hub, NULL); break;
    case FAULT_DISK_HUB: r->hub->disk.fail_next = 1; break;
    case FAULT_DISK_SPOKE: r->spoke->disk.fail_next = 1; break;
    }
}

/* An operator who was told nothing, or no, types it again. */
static void insist(struct run *r)
{
    struct view_self self;
    if (r->spoke->ils == NULL)
        return;
    view_self(r->spoke->ils, &self);
    if (self.role == ROLE_STANDALONE)
        op_join(r->spoke, r->hub->host, 0, ROLE_SPOKE);
}

/* True when the run was over before step k. */
static bool break_at(enum fault fault, size_t k)
{
    struct run r = make();
    size_t step = 0;
    bool changed = false;
    while (step < k && judge_unsettled(r.judge) != NULL) {
        assert_true(world_next(r.world, TICK_NEVER));
        step++;
        if (!changed && net_count(&r.world->net, r.hub, r.spoke) > 0)
            changed = judge_change(r.judge, r.spoke, 3, true);
    }
    bool over = step < k;
    if (!over)
        strike(&r, fault);
    tick end = r.world->now + BOUND;
    const char *what = "";
    while (r.world->broken[0] == 0 && what != NULL && r.world->now < end) {
        world_run(r.world, r.world->now + 250 * TICK_MS);
        insist(&r);
        what = judge_unsettled(r.judge);
    }
    if (r.world->broken[0] != 0 || what != NULL) {
        log_report(&r.world->log, stderr);
        fail_msg("fault %d at step %zu: %s", (int)fault, k,
                 r.world->broken[0] != 0 ? r.world->broken : what);
    }
    judge_free(r.judge);
    world_free(r.world);
    return over;
}

static void every_step(enum fault fault)
{
    size_t k = 0;
    while (!break_at(fault, k))
        k++;
    assert_true(k > 30);
}

static void crash_hub(void **state)
{
    every_step(FAULT_CRASH_HUB);
}

static void crash_spoke(void **state)
{
    every_step(FAULT_CRASH_SPOKE);
}

static void power_hub(void **state)
{
    every_step(FAULT_POWER_HUB);
}

static void power_spoke(void **state)
{
    every_step(FAULT_POWER_SPOKE);
}

static void cut(void **state)
{
    every_step(FAULT_CUT);
}

static void disk_hub(void **state)
{
    every_step(FAULT_DISK_HUB);
}

static void disk_spoke(void **state)
{
    every_step(FAULT_DISK_SPOKE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_hub),   cmocka_unit_test(crash_spoke),
        cmocka_unit_test(power_hub),   cmocka_unit_test(power_spoke),
        cmocka_unit_test(cut),         cmocka_unit_test(disk_hub),
        cmocka_unit_test(disk_spoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
