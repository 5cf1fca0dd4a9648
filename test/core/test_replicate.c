/* Replication through a hub: what one spoke imports, the other answers; cuts, restarts, large and
 * small changes, sources; and everything once more with every allocation refused in turn. */
#include <stdio.h>

#include "world.h"

static struct test_mem mem;
static struct world world;

static void begin(struct mem *m)
{
    world_init(&world);
    for (int i = 0; i < 3; i++)
        world_start(&world, i, m);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_spoke(&world, 2, 0, "secret");
}

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    begin(&mem.mem);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

#define BULK 20000

static enum reply import(int node, size_t n, const char *source, bool force)
{
    static struct change change[BULK];
    static char text[BULK][2][40];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i][0], sizeof text[i][0], "user%07zu", i);
        snprintf(text[i][1], sizeof text[i][1], "site%03zu.example.com", i % 100);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(text[i][0]),
                                    .domain = slice_of(text[i][1])};
    }
    return world_command(&world, node,
                         (struct command){.type = COMMAND_PLAN, .change = change, .change_n = n,
                                          .source = slice_of(source), .replace = true,
                                          .force = force});
}

static void put_and_delete(void **state)
{
    (void)state;
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 0, "alice@b.example"));
    assert_true(world_answers(&world, 2, "alice@b.example"));
    assert_int_equal(world_plan(&world, 1, "alice@b.example", false), REPLY_OK);
    assert_false(world_answers(&world, 0, "alice@b.example"));
    assert_false(world_answers(&world, 2, "alice@b.example"));
    assert_int_equal(world_plan(&world, 0, "bob@a.example", true), REPLY_OK);
    assert_true(world_answers(&world, 1, "bob@a.example"));
}

/* A segment takes longer than a neighbour may be silent: what comes of it is no silence. */
static void over_a_slow_way(void **state)
{
    (void)state;
    world.slow = 8000;
    assert_int_equal(import(1, BULK, "test", false), REPLY_OK);
    world_pass(&world, 100 * TICK_S);
    assert_true(world_answers(&world, 2, "user0019999@site099.example.com"));
    world.slow = 0;
}

static void from_yesterday(int i)
{
    world_stop(&world, i);
    world_restore(&world, i);
}

static void back_up(int i)
{
    world_stop(&world, i);
    world_image(&world, i);
    world_start(&world, i, &mem.mem);
    world_pass(&world, 20 * TICK_S);
}

/* The origin and its hub come from backups. While the hub still fetches what the origin has left, a
 * spoke comes that has more of it: the origin gets to know. */
static void a_spoke_has_more_than_the_hub(void **state)
{
    (void)state;
    back_up(0);
    assert_int_equal(import(1, BULK, "test", false), REPLY_OK);
    back_up(1);
    assert_int_equal(world_plan(&world, 1, "late@b.example", true), REPLY_OK);
    world_pass(&world, 5 * TICK_S);
    assert_true(world_answers(&world, 2, "late@b.example"));
    from_yesterday(0);
    from_yesterday(1);
    world_stop(&world, 2);
    world.slow = 8000;
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_false(world_answers(&world, 0, "user0000000@site000.example.com"));
    world_start(&world, 2, &mem.mem);
    world_hush(&world);
    for (int i = 0; i < 60 && !world_said(&world, 2, EVENT_CLIENT_ESTABLISHED); i++)
        world_pass(&world, TICK_S);
    world_pass(&world, 3 * TICK_S);
    assert_false(world_answers(&world, 0, "user0000000@site000.example.com"));
    world.slow = (size_t)1 << 30;
    world_pass(&world, 60 * TICK_S);
    for (int i = 0; i < 3; i++)
        assert_true(world_answers(&world, i, "late@b.example"));
}

/* What the hub has heard of was lost with its origin's disk before it came: nobody waits for it. */
static void what_nobody_has_any_more(void **state)
{
    (void)state;
    struct view_cluster c;
    assert_int_equal(world_plan(&world, 1, "early@b.example", true), REPLY_OK);
    back_up(1);
    world.slow = 8000;
    assert_int_equal(import(1, BULK, "test", false), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_true(view_cluster(world.node[0].ils, 1, &c));
    assert_int_equal(c.status, SYNC_SYNCHRONIZING);
    from_yesterday(1);
    world.slow = 0;
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 150 * TICK_S);
    assert_true(world_answers(&world, 0, "early@b.example"));
    for (size_t i = 1; view_cluster(world.node[0].ils, i, &c); i++)
        assert_int_equal(c.status, SYNC_UP_TO_DATE);
}

static void many_small_changes(void **state)
{
    (void)state;
    char uri[64];
    for (int i = 0; i < 300; i++) { /* the tail is folded on the way */
        snprintf(uri, sizeof uri, "user%d@b.example", i);
        assert_int_equal(world_plan(&world, 1, uri, true), REPLY_OK);
        assert_true(world_answers(&world, 2, uri));
    }
    struct view_cluster c;
    assert_true(view_cluster(world.node[2].ils, 2, &c) && view_cluster(world.node[0].ils, 1, &c));
    assert_int_equal(c.entries, 300);
}

/* The spellings of a user share a hash everywhere: their number is bounded where they are made. */
static void one_user_spelled_often(void **state)
{
    (void)state;
    char uri[] = "abcdefg@b.example";
    for (unsigned i = 0; i <= KEY_SPELLINGS_MAX; i++) {
        for (unsigned k = 0; k < 7; k++)
            uri[k] = (char)((i >> k & 1 ? 'A' : 'a') + k);
        assert_int_equal(world_plan(&world, 1, uri, true),
                         i < KEY_SPELLINGS_MAX ? REPLY_OK : REPLY_SPELLINGS);
    }
    assert_int_equal(world_plan(&world, 1, "ABCDEFg@b.example", false), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, uri, true), REPLY_OK);
    assert_true(world_answers(&world, 2, uri));
}

static void bulk_and_replacement(void **state)
{
    (void)state;
    assert_int_equal(import(1, BULK, "hr", false), REPLY_OK);
    assert_true(world_answers(&world, 2, "user0019999@site099.example.com"));
    assert_int_equal(import(1, 10, "hr", false), REPLY_SHRINKS);
    assert_true(world_answers(&world, 2, "user0019999@site099.example.com"));
    assert_int_equal(import(1, 10, "hr", true), REPLY_OK); /* it consists of these ten now */
    assert_true(world_answers(&world, 2, "user0019999@site099.example.com")); /* held back */
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_CONFIRM}),
                     REPLY_OK);
    assert_false(world_answers(&world, 2, "user0019999@site099.example.com"));
    assert_true(world_answers(&world, 2, "user0000009@site009.example.com"));
    assert_int_equal(import(1, 10, "sales", false), REPLY_ENTRY_TAKEN);
}

static void resumes_after_cut(void **state)
{
    (void)state;
    world_cut(&world, 0, 2);
    world_run(&world);
    assert_int_equal(import(1, BULK, "hr", false), REPLY_OK);
    assert_false(world_answers(&world, 2, "user0019999@site099.example.com"));
    world_pass(&world, 4 * TICK_S);
    assert_true(world_answers(&world, 2, "user0019999@site099.example.com"));
}

/* --- a cut at any moment of a refresh */

#define REFRESHED 1000

/* The plan of node 1 of that name: entries that no other has. Asked, not run. */
static void refresh(size_t name)
{
    static struct change change[REFRESHED];
    static char user[REFRESHED][24], domain[24];
    snprintf(domain, sizeof domain, "plan%zu.example", name);
    for (size_t i = 0; i < REFRESHED; i++) {
        snprintf(user[i], sizeof user[i], "user%zu", i);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[i]),
                                    .domain = slice_of(domain)};
    }
    world_ask(&world, 1, (struct command){.type = COMMAND_PLAN, .change = change, .replace = true,
                                          .change_n = REFRESHED, .source = slice_of("hr"),
                                          .force = true});
}

/* Does node i serve the plan of that name? All of it or nothing. */
static bool serves(int i, size_t name)
{
    char uri[48];
    size_t n = 0, probes = 0;
    for (size_t k = 0; k < REFRESHED; k += 37, probes++) {
        snprintf(uri, sizeof uri, "user%zu@plan%zu.example", k, name);
        n += world_answers(&world, i, uri);
    }
    assert_true(n == 0 || n == probes);
    return n != 0;
}

/* The next event is there to be delivered; false: all is quiet. */
static bool more(void)
{
    for (int i = 0; i < 3 && world.queue_at == world.queue_n; i++)
        if (ils_deadline(world.node[i].ils) <= world.now)
            world_wake(&world, i);
    return world.queue_at != world.queue_n;
}

/* Is it bytes between the two? */
static bool between(const struct event_queued *q, int a, int b)
{
    for (size_t k = 0; k < world.wire_n; k++)
        for (int e = 0; e < 2; e++) {
            const struct wire *wire = &world.wire[k];
            if (q->event.type == ILS_EV_DATA && wire->node[e] == q->node &&
                wire->id[e] == q->event.link && q->node + wire->node[1 - e] == a + b)
                return true;
        }
    return false;
}

/* Of the bytes that come then between a and b that part is delivered, and their link is cut. False:
 * all was quiet before. */
static bool cut_after(size_t events, int part, int a, int b)
{
    while (more() && events-- != 0)
        world_steps(&world, 1);
    if (!more())
        return false;
    struct event_queued *q = &world.queue[world.queue_at];
    struct ils_event *e = &q->event;
    if (part != 0 && between(q, a, b)) {
        e->data.n = part == 1 ? 1 : part == 2 ? e->data.n / 2 : e->data.n - 1;
        world_steps(&world, 1);
    }
    world_cut(&world, a, b);
    return true;
}

/* Whatever has come when the link goes: the former plan is served, or the whole new one; and soon
 * that everywhere. */
static void cut_anywhere(void **state)
{
    (void)state;
    size_t name = 0, cuts = 0, early = 0;
    refresh(name);
    world_run(&world);
    for (int way = 0; way < 2; way++) /* on the way to the hub, and from it */
        for (size_t events = 0, goes_on = true; goes_on; events++)
            for (int part = 0; part < 4 && goes_on; part++) {
                refresh(++name);
                goes_on = cut_after(events, part, 0, way == 0 ? 1 : 2);
                cuts += goes_on;
                for (int i = 0; i < 3; i++)
                    assert_true(serves(i, name) != serves(i, name - 1));
                early += serves(2, name - 1);
                world_run(&world);
                world_pass(&world, 4 * TICK_S);
                for (int i = 0; i < 3; i++)
                    assert_true(serves(i, name) && !serves(i, name - 1));
            }
    assert_true(cuts > 100 && early > 50); /* and some came too late to matter */
}

static void survives_restarts(void **state)
{
    (void)state;
    assert_int_equal(import(1, 5000, "hr", false), REPLY_OK);
    for (int i = 0; i < 3; i++) {
        world_stop(&world, i);
        world_start(&world, i, &mem.mem);
        assert_true(world_answers(&world, i, "user0004999@site099.example.com"));
    }
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world_plan(&world, 1, "late@b.example", true), REPLY_OK);
    assert_true(world_answers(&world, 2, "late@b.example"));
    struct view_self self;
    view_self(world.node[1].ils, &self);
    assert_int_equal(self.boot, 2);
}

static void beats_keep_it_fresh(void **state)
{
    (void)state;
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    world_pass(&world, 3600 * TICK_S);
    struct view_cluster c;
    for (size_t i = 1; i < 3; i++) {
        assert_true(view_cluster(world.node[2].ils, i, &c));
        assert_false(c.stale);
        assert_int_equal(c.status, SYNC_UP_TO_DATE);
    }
}

/* The store of node 1 as it was before its last changes comes back: what the neighbours hold of it
 * is adopted, and what is written then is believed by everybody. */
static void restored_store_adopts(void **state)
{
    (void)state;
    struct view_self before, after;
    assert_int_equal(world_plan(&world, 1, "old@b.example", true), REPLY_OK);
    world_stop(&world, 1);
    world_image(&world, 1);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(world_plan(&world, 1, "new@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 1, "old@b.example", false), REPLY_OK);
    view_self(world.node[1].ils, &before);
    world_stop(&world, 1);
    world_restore(&world, 1);
    world_start(&world, 1, &mem.mem);
    world_plan(&world, 1, "third@b.example", true); /* may have to wait for the list */
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(world.node[1].reply, REPLY_OK);
    view_self(world.node[1].ils, &after);
    assert_true(after.usn > before.usn + (1 << 20));
    for (int i = 0; i < 3; i++) {
        assert_true(world_answers(&world, i, "new@b.example"));
        assert_true(world_answers(&world, i, "third@b.example"));
        assert_false(world_answers(&world, i, "old@b.example"));
    }
    assert_true(world_said(&world, 1, EVENT_ADOPTED));
}

/* A new route string is that of the entries too, at every cluster, though none of them changed. */
static void route_string_changes(void **state)
{
    (void)state;
    struct arena a;
    struct lookup r;
    assert_int_equal(world_plan(&world, 1, "alice@b.example", true), REPLY_OK);
    assert_int_equal(world_command(&world, 1, (struct command){.type = COMMAND_DESCRIBE,
                                       .route_string = slice_of("new.route")}), REPLY_OK);
    for (int i = 0; i < 3; i++) {
        arena_init(&a, &mem.mem);
        plan_lookup(view_plan(world.node[i].ils), view_routes(world.node[i].ils), &a,
                    slice_of("alice@b.example"), &r);
        assert_int_equal(r.match_n, 1);
        assert_true(slice_eq(r.match[0].route_string, slice_of("new.route")));
        arena_done(&a);
    }
}

/* Whatever is refused, nothing crashes, nothing leaks, and no entry appears that nobody made. */
static void every_refusal(struct mem *m)
{
    begin(m);
    world_plan(&world, 1, "alice@b.example", true);
    world_cut(&world, 0, 1);
    world_pass(&world, 5 * TICK_S);
    world_plan(&world, 1, "alice@b.example", false);
    for (int i = 0; i < 3; i++)
        if (world.node[i].ils != NULL && view_plan(world.node[i].ils) != NULL)
            assert_false(world_answers(&world, i, "mallory@b.example"));
    world_done(&world);
}

static void survives_every_refusal(void **state)
{
    (void)state;
    test_every_refusal(every_refusal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_and_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(over_a_slow_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_spoke_has_more_than_the_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_has_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_user_spelled_often, setup, teardown),
        cmocka_unit_test_setup_teardown(bulk_and_replacement, setup, teardown),
        cmocka_unit_test_setup_teardown(resumes_after_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(beats_keep_it_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(restored_store_adopts, setup, teardown),
        cmocka_unit_test_setup_teardown(route_string_changes, setup, teardown),
        cmocka_unit_test(survives_every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
