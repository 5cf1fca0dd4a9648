/* Who has what, as every cluster sees it of every other: at rest, after changes, when somebody is
 * held, silent or cut off; and that nobody writes because somebody else did. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

#define CLUSTERS 4
#define BEAT     (BEAT_MINUTES * 60 * TICK_S)

static struct test_mem mem;
static struct world world;

/* A hub and three spokes, each with a plan, long enough ago that each has said what it holds. */
static int setup(void **state)
{
    char uri[] = "user@0.example";
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < CLUSTERS; i++)
        world_start(&world, i, &mem.mem);
    world_hub(&world, 0, "secret");
    for (int i = 1; i < CLUSTERS; i++)
        world_spoke(&world, i, 0, "secret");
    for (int i = 0; i < CLUSTERS; i++) {
        uri[5] = (char)('0' + i);
        assert_int_equal(world_plan(&world, i, uri, true), REPLY_OK);
    }
    world_pass(&world, BEAT + TICK_S);
    return 0;
}

static int teardown(void **state)
{
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* The row of cluster n in the table of node i. */
static size_t row_of(int i, int n)
{
    struct view_cluster c;
    char id[] = "c0";
    id[1] = (char)('0' + n);
    for (size_t k = 0; view_cluster(world.node[i].ils, k, &c); k++)
        if (slice_eq(c.cluster_id, slice_of(id)))
            return k;
    fail_msg("node %d does not know c%d", i, n);
    return 0;
}

/* What `holder` has of `origin`, as node i sees it. */
static struct view_holds seen(int i, int holder, int origin)
{
    struct view_holds h;
    assert_true(view_holds(world.node[i].ils, row_of(i, holder), row_of(i, origin), &h));
    return h;
}

static uint64_t usn_of(int n)
{
    return world.node[n].ils->own->head.usn;
}

static uint64_t said_usn(int n)
{
    return world.node[n].ils->self->head.usn;
}

static bool agrees(int i, int holder, int origin)
{
    struct view_holds h = seen(i, holder, origin);
    return h.known && h.usn == usn_of(origin) && h.newest == h.usn && h.digest_equal &&
           h.lag_s == 0 && h.status == SYNC_UP_TO_DATE && h.error.n == 0 &&
           h.exact == (holder == i || i == 0 || holder == 0);
}

static void all_agree(void **state)
{
    for (int i = 0; i < CLUSTERS; i++)
        for (int holder = 0; holder < CLUSTERS; holder++)
            for (int origin = 0; origin < CLUSTERS; origin++)
                if (!agrees(i, holder, origin))
                    fail_msg("c%d of what c%d has of c%d", i, holder, origin);
    struct view_holds h;
    assert_false(view_holds(world.node[0].ils, CLUSTERS, 0, &h));
    assert_false(view_holds(world.node[0].ils, 0, CLUSTERS, &h));
}

/* A change at one cluster: the others serve it at once and say nothing about it until their beat,
 * nor does anybody answer what another says then. Afterwards all is known again. */
static void no_storm(void **state)
{
    uint64_t before[CLUSTERS];
    world_pass(&world, 60 * TICK_S);
    for (int i = 0; i < CLUSTERS; i++)
        before[i] = said_usn(i);
    assert_int_equal(world_plan(&world, 1, "new@1.example", true), REPLY_OK);
    world_pass(&world, BEAT / 2);
    for (int i = 0; i < CLUSTERS; i++)
        assert_int_equal(said_usn(i), before[i]);
    for (int i = 0; i < CLUSTERS; i++)
        assert_true(agrees(i, i, 1));
    struct view_holds h = seen(2, 3, 1); /* its word is older than the change: not late for that */
    assert_true(h.known && !h.exact && !h.digest_equal);
    assert_int_equal(h.status, SYNC_UP_TO_DATE);
    assert_int_equal(h.usn, usn_of(1) - 1);
    world_pass(&world, BEAT);
    for (int i = 0; i < CLUSTERS; i++) /* one word each, with the beat, and none besides */
        assert_int_equal(said_usn(i), before[i] + 1);
    all_agree(NULL);
}

/* Heads that carry a word do not call for another, whatever the interval: 40 changes and five
 * beats later each has said it five times. */
static void one_word_for_each_beat(void **state)
{
    uint64_t before[CLUSTERS];
    char uri[40];
    for (int i = 0; i < CLUSTERS; i++)
        before[i] = said_usn(i);
    for (int k = 0; k < 40; k++) {
        snprintf(uri, sizeof uri, "user%d@2.example", k);
        assert_int_equal(world_plan(&world, 2, uri, true), REPLY_OK);
        world_pass(&world, BEAT / 8);
    }
    for (int i = 0; i < CLUSTERS; i++)
        assert_int_equal(said_usn(i), before[i] + 5);
}

static size_t applied(int i, const char *of)
{
    size_t n = 0;
    for (size_t k = 0; k < world.node[i].said_n; k++)
        n += world.node[i].said[k].event == EVENT_HEAD_APPLIED &&
             strcmp(world.node[i].said[k].text, of) == 0;
    return n;
}

/* The word comes in place of stream 0's beat: two heads of each cluster an interval, no third. */
static void one_head_for_each_stream(void **state)
{
    world_pass(&world, BEAT / 2);
    world_hush(&world);
    world_pass(&world, BEAT);
    assert_int_equal(applied(0, "c1"), 2);
    assert_int_equal(applied(2, "c1"), 2);
    assert_int_equal(applied(2, "c0"), 2);
}

/* It is silent from now on: it neither reads nor writes, and its links stay. */
static void pause_node(int n)
{
    world.node[n].dead = true;
}

static void silent_spoke(void **state)
{
    pause_node(3);
    assert_int_equal(world_plan(&world, 1, "new@1.example", true), REPLY_OK);
    world_pass(&world, 30 * TICK_S); /* its hub finds the link dead */
    struct view_holds h = seen(0, 3, 1);
    assert_true(h.known && !h.exact && !h.digest_equal);
    assert_int_equal(h.status, SYNC_BEHIND);
    assert_int_equal(h.usn, usn_of(1) - 1);
    assert_int_equal(h.newest, usn_of(1));
    assert_in_range(h.lag_s, 29, 30);
    world_pass(&world, 3 * BEAT); /* to the others it is when its beats stay away */
    for (int i = 0; i < 3; i++) {
        h = seen(i, 3, 1);
        assert_true(h.known && !h.exact && !h.digest_equal);
        assert_int_equal(h.status, SYNC_BEHIND);
        assert_in_range(h.lag_s, 3 * BEAT / TICK_S, 3 * BEAT / TICK_S + 31);
        assert_in_range(world.wall + world.now - h.since, h.lag_s * TICK_S,
                        (h.lag_s + 1) * TICK_S);
        assert_true(agrees(i, i, 1));
    }
    struct view_cluster c;
    assert_true(view_cluster(world.node[2].ils, row_of(2, 3), &c));
    assert_true(c.stale && c.signed_s >= 2 * BEAT / TICK_S);
    world.node[3].dead = false; /* it comes back */
    world_pass(&world, BEAT + 60 * TICK_S);
    all_agree(NULL);
}

/* A disk that takes nothing: what others say is served from memory, but nothing of its own leaves,
 * so its word grows old like that of a silent one. */
static void full_disk(void **state)
{
    world.node[3].full = true;
    world_pass(&world, 3 * BEAT);
    assert_int_equal(world_plan(&world, 1, "new@1.example", true), REPLY_OK);
    world_pass(&world, TICK_S * 5);
    assert_true(world_answers(&world, 3, "new@1.example"));
    struct view_holds h = seen(2, 3, 1);
    assert_true(h.known && !h.exact);
    assert_int_equal(h.status, SYNC_BEHIND);
    assert_int_equal(h.lag_s, 5);
    assert_true(agrees(0, 3, 1)); /* its neighbour knows better */
    world.node[3].full = false;
    world_pass(&world, BEAT + 60 * TICK_S);
    all_agree(NULL);
}

/* More than its memory allows: refused whole, the last good plan stays, and everybody can see that
 * within seconds. */
static void held_by_quota(void **state)
{
    enum { MANY = 30000 };
    static struct change change[MANY];
    static char user[MANY][24];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(user[i], sizeof user[i], "someone%06zu", i);
        change[i] = (struct change){.put = true, .kind = ENTRY_URI, .user = slice_of(user[i]),
                                    .domain = slice_of("1.example")};
    }
    struct mem small = mem.mem;
    world_stop(&world, 3);
    world_run(&world);
    small.used = 0;
    small.budget = 1u << 20;
    world_start(&world, 3, &small);
    world_pass(&world, 30 * TICK_S);
    uint64_t former = usn_of(1);
    assert_int_equal(world_command(&world, 1,
                                   (struct command){.type = COMMAND_PLAN, .change = change,
                                                    .change_n = MANY, .replace = true,
                                                    .source = slice_of("many")}), REPLY_OK);
    world_pass(&world, 25 * TICK_S);
    for (int i = 0; i < CLUSTERS; i++) {
        struct view_holds h = seen(i, 3, 1);
        if (h.status != SYNC_HELD_QUOTA)
            fail_msg("c%d: %d", i, (int)h.status);
        assert_int_equal(h.usn, former);
        assert_int_equal(h.newest, usn_of(1));
        assert_in_range(h.lag_s, 24, 25);
        assert_false(h.digest_equal);
        assert_int_equal(h.error.n != 0, i == 3);
    }
    assert_true(agrees(2, 2, 1) && agrees(2, 3, 2));
    assert_int_equal(world_plan(&world, 1, "x@1.example", true), REPLY_OK);
    world_pass(&world, TICK_S);
    assert_int_equal(seen(2, 3, 1).status, SYNC_HELD_QUOTA);
    small.budget = mem.mem.budget; /* there is room: the next head is taken, and that is said */
    assert_int_equal(world_plan(&world, 1, "x@1.example", false), REPLY_OK);
    world_pass(&world, 25 * TICK_S);
    for (int i = 0; i < CLUSTERS; i++)
        assert_true(agrees(i, 3, 1));
    world_pass(&world, BEAT);
    all_agree(NULL);
    world_stop(&world, 3);
    assert_int_equal(small.used, 0);
}

/* --- what a sum can be explained by */

static void claim(int i, int holder, uint64_t sum)
{
    struct ils *ils = world.node[i].ils;
    struct peer *p = peer_find(ils, world.node[holder].ils->key);
    for (size_t k = 0; k < HOLDS_HASH; k++)
        p->holds.hash[k] = (uint8_t)(sum >> (56 - 8 * k));
    p->holds.n = 0;
    p->holds.known = true;
    p->holds.at = ils->wall;
}

static uint64_t step_sum(int i, size_t back)
{
    const struct vector *v = &world.node[i].ils->vector;
    const struct vector_step *s = &v->step[(v->n - 1 - back) % HOLDS_STEPS];
    return s->after - s->before;
}

static void explained(void **state)
{
    char uri[40];
    for (int k = 0; k < 9; k++) { /* nine changes, in turns of 1, 2, 3 */
        snprintf(uri, sizeof uri, "more%d@%d.example", k, 1 + k % 3);
        assert_int_equal(world_plan(&world, 1 + k % 3, uri, true), REPLY_OK);
    }
    uint64_t sum = world.node[2].ils->vector.sum;
    claim(2, 3, sum);
    assert_int_equal(seen(2, 3, 1).usn, usn_of(1));
    assert_true(seen(2, 3, 1).digest_equal);
    for (size_t k = 0; k < 9; k++) /* the last three, six, nine are missing there */
        sum -= step_sum(2, k);
    claim(2, 3, sum);
    for (int n = 1; n < 3; n++) {
        assert_int_equal(seen(2, 3, n).usn, usn_of(n) - 3);
        assert_false(seen(2, 3, n).digest_equal);
    }
    assert_int_equal(seen(2, 3, 0).usn, usn_of(0));
    sum = world.node[2].ils->vector.sum - step_sum(2, 1) - step_sum(2,
                                                                    4); /* two of 2's, no other */
    claim(2, 3, sum);
    assert_int_equal(seen(2, 3, 1).usn, usn_of(1));
    assert_int_equal(seen(2, 3, 2).usn, usn_of(2) - 2);
    claim(2, 3, sum + 1); /* what nothing explains is not known */
    assert_false(seen(2, 3, 1).known || seen(2, 3, 2).known);
    assert_int_equal(seen(2, 3, 1).newest, usn_of(1));
}

/* Longer ago than the ring: not known, rather than wrong. */
static void forgotten(void **state)
{
    char uri[40];
    uint64_t sum = world.node[2].ils->vector.sum, then = usn_of(1);
    for (int k = 0; k < HOLDS_STEPS + 8; k++) {
        snprintf(uri, sizeof uri, "more%d@1.example", k);
        assert_int_equal(world_plan(&world, 1, uri, true), REPLY_OK);
        if (k == HOLDS_STEPS - 1) {
            claim(2, 3, sum);
            assert_int_equal(seen(2, 3, 1).usn, then);
        }
    }
    claim(2, 3, sum);
    assert_false(seen(2, 3, 1).known);
}

/* After a start its own vector is what came from the disk, and what it said of it stands; a change
 * of somebody else's is no reason to say it again. */
static void restarted(void **state)
{
    uint64_t before = said_usn(2);
    world_stop(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(world_plan(&world, 1, "new@1.example", true), REPLY_OK);
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(said_usn(2), before);
    assert_int_equal(world.node[2].ils->vector.streams, CLUSTERS);
    assert_int_equal(world.node[2].ils->vector.sum, world.node[0].ils->vector.sum);
    world_pass(&world, BEAT);
    all_agree(NULL);
}

static bool stale(int i, int of)
{
    struct view_cluster c;
    assert_true(view_cluster(world.node[i].ils, row_of(i, of), &c));
    return c.stale;
}

/* Whoever was away for longer than two beats is stale, and is not any more soon after it is back,
 * though nothing of it has changed. */
static void away(void **state)
{
    world_stop(&world, 2);
    world_pass(&world, 3 * BEAT);
    assert_true(stale(0, 2) && stale(1, 2));
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 60 * TICK_S);
    assert_false(stale(0, 2) || stale(1, 2));
}

/* The clock was put back while it was away: it beats at once, since it does not know how long it
 * was. */
static void away_with_the_clock_back(void **state)
{
    world_stop(&world, 2);
    world_pass(&world, BEAT + BEAT / 2);
    world.wall -= 6 * BEAT;
    world_start(&world, 2, &mem.mem);
    world_pass(&world, BEAT - 60 * TICK_S);
    assert_false(stale(0, 2) || stale(1, 2));
}

/* It had left, is put back to then, and joins once more: what it says is what all have had for
 * long, so it beats as well. */
static void back_from_before_the_join(void **state)
{
    assert_int_equal(world_command(&world, 2, (struct command){.type = COMMAND_LEAVE}), REPLY_OK);
    world_pass(&world, 30 * TICK_S);
    world_image(&world, 2);
    assert_int_equal(world_join(&world, 2, 0, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 3 * BEAT + BEAT / 2);
    assert_true(stale(0, 2) && stale(1, 2));
    assert_int_equal(world_join(&world, 2, 0, ROLE_SPOKE), REPLY_OK);
    world_pass(&world, 15 * TICK_S);
    assert_false(stale(0, 2) || stale(1, 2));
}

/* A machine that was suspended: its own time stood still, and others have not heard of it. Where
 * the clock was put back as well, nobody knows for how long. */
static void suspended(void **state)
{
    uint64_t before = world.node[2].ils->own->head.beat;
    world.wall += 3 * BEAT;
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world.node[2].ils->own->head.beat, before + 1);
    world.wall -= 3 * BEAT;
    world_pass(&world, 10 * TICK_S);
    assert_int_equal(world.node[2].ils->own->head.beat, before + 2);
}

/* What was refused came in order from another neighbour, and then a change while no newer head is
 * looked into: it is looked into afterwards. */
static void a_change_after_a_refusal(void **state)
{
    (void)state;
    struct ils *ils = world.node[0].ils;
    assert_int_equal(world_plan(&world, 1, "early@b.example", true), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    stream_find(ils, world.node[1].ils->key, STREAM_PLAN)->refused = ils->now + 5 * TICK_S;
    assert_int_equal(world_plan(&world, 1, "late@b.example", true), REPLY_OK);
    world_pass(&world, 2 * TICK_S);
    assert_false(world_answers(&world, 0, "late@b.example"));
    world_pass(&world, 5 * TICK_S);
    assert_true(world_answers(&world, 0, "late@b.example"));
}

/* A beat that the disk does not take is signed anew soon after, whether or not it started again. */
static void full_at_a_beat(void **state)
{
    for (int again = 0; again < 2; again++) {
        uint64_t before = world.node[2].ils->own->head.beat;
        world_pass(&world, BEAT / 2);
        world.node[2].full = true;
        world_pass(&world, BEAT / 2 + 30 * TICK_S);
        world.node[2].full = false;
        if (again == 1) {
            world_stop(&world, 2);
            world_start(&world, 2, &mem.mem);
        }
        world_pass(&world, 30 * TICK_S);
        assert_int_equal(world.node[2].ils->own->head.beat, before + 1);
    }
}

/* A change is under way when the beat is due, which is passed over therefore; and is not stored. */
static void full_beside_a_beat(void **state)
{
    uint64_t before = world.node[2].ils->own->head.beat;
    struct change change = {.put = true, .kind = ENTRY_URI, .user = slice_of("new"),
                            .domain = slice_of("2.example")};
    struct command put = {.type = COMMAND_PLAN, .change = &change, .change_n = 1,
                          .source = slice_of("test")};
    world_pass(&world, 60 * TICK_S);
    world.node[2].full = true;
    world_ask(&world, 2, put);
    world.node[2].ils->next_beat = world.node[2].ils->now;
    assert_int_equal(world_command(&world, 2, put), REPLY_STORE);
    assert_int_equal(world.node[2].ils->own->head.beat, before);
    world.node[2].full = false;
    world_pass(&world, 30 * TICK_S);
    assert_int_equal(world.node[2].ils->own->head.beat, before + 1);
}

/* What it says of itself was to be written anew in the step in which it turns out that a beat is
 * due, and is otherwise as it was: what is held comes with it all the same. */
static void suspended_beside_a_change(void **state)
{
    struct ils *ils = world.node[2].ils;
    world_pass(&world, 60 * TICK_S);
    uint64_t before = ils->self->head.usn;
    world.wall += 2 * BEAT;
    self_changed(ils);
    world_pass(&world, 60 * TICK_S);
    assert_int_equal(ils->self->head.usn, before + 1);
}

/* Memory is refused while the beats are signed: what is stored then is whole or as before. */
static void refused_at_a_beat(void **state)
{
    for (size_t k = 1; k < 60; k++) {
        world_pass(&world, BEAT - 2 * TICK_S);
        mem.refuse_at = mem.requests + k;
        world_pass(&world, 2 * TICK_S);
        mem.refuse_at = 0;
        for (int i = 1; i < CLUSTERS; i++) {
            char uri[] = "user@0.example";
            uri[5] = (char)('0' + i);
            world_stop(&world, i);
            world_start(&world, i, &mem.mem);
            assert_true(world_answers(&world, i, uri));
        }
    }
}

/* What a cluster says of itself does not grow with the number of its changes: what nothing is kept
 * of is listed no more. The others follow every one. */
static void words_without_end(void **state)
{
    char text[DESCRIPTION_MAX], route[ROUTE_STRING_MAX];
    uint64_t longest = 0;
    memset(text, 'x', sizeof text);
    for (size_t k = 0; k < sizeof route; k++)
        route[k] = k % 50 == 49 ? '.' : 'y';
    for (int k = 0; k < 300; k++) {
        text[0] = route[0] = (char)('a' + k % 26);
        text[1] = route[1] = (char)('a' + k / 26);
        world_command(&world, 1, (struct command){
            .type = COMMAND_DESCRIBE, .description = slice_make(text, sizeof text),
            .fqdn = slice_make(route, sizeof route - 1),
            .route_string = slice_make(route, sizeof route - 1)});
        assert_int_equal(world.node[1].reply, REPLY_OK);
        const struct stream *s = stream_find(world.node[2].ils, world.node[1].ils->key, 0);
        assert_int_equal(s->head.usn, said_usn(1));
        longest = s->head.bytes > longest ? s->head.bytes : longest;
    }
    assert_true(longest < 3 * (DESCRIPTION_MAX + 2 * ROUTE_STRING_MAX));
}

/* "id~peer", as two with one id are shown: the beginning of the peer id is enough. */
static void told_apart(void **state)
{
    char name[CLUSTER_ID_MAX], id[2 * PEER_ID_SIZE + 1];
    struct command c = {.type = COMMAND_DISCONNECT};
    struct view_cluster row;
    hex_text(id, world.node[2].ils->peer_id, PEER_ID_SIZE);
    snprintf(name, sizeof name, "C2~%.3s", id);
    c.cluster = slice_of(name);
    assert_int_equal(world_command(&world, 0, c), REPLY_UNKNOWN_CLUSTER); /* too little */
    snprintf(name, sizeof name, "c1~%.8s", id);
    assert_int_equal(world_command(&world, 0, c), REPLY_UNKNOWN_CLUSTER);
    snprintf(name, sizeof name, "C2~%.8s", id);
    c.cluster = slice_of(name);
    assert_int_equal(world_command(&world, 0, c), REPLY_OK);
    assert_true(view_cluster(world.node[0].ils, row_of(0, 2), &row) && row.disconnected);
    assert_true(view_cluster(world.node[0].ils, row_of(0, 1), &row) && !row.disconnected);
}

static void written_and_read(void **state)
{
    struct holds h = {.at = world.wall, .streams = 7, .n = HOLDS_EXCEPTIONS}, back;
    struct buf b;
    for (size_t i = 0; i < h.n; i++) {
        h.exception[i] = (struct exception){.number = 1 + i, .epoch = UINT64_MAX, .usn = i * i,
                                            .status = SYNC_BEHIND,
                                            .since = h.at - (wall)i * TICK_S};
        memset(h.exception[i].key, (int)i, HOLDS_KEY);
    }
    buf_init(&b, &mem.mem, HOLDS_BYTES);
    holds_put(&b, &h);
    assert_false(b.failed);
    assert_true(holds_get(&back, buf_slice(&b)));
    h.known = true;
    assert_memory_equal(back.exception, h.exception, sizeof h.exception);
    assert_int_equal(back.at, h.at);
    for (size_t n = 0; n < b.n; n++)
        assert_false(holds_get(&back, slice_make(b.p, n)));
    buf_put_u8(&b, 0);
    assert_false(holds_get(&back, buf_slice(&b)));
    buf_done(&b);
}

/* Whatever is refused: what is shown is sane, and nothing crashes or leaks. */
static void every_refusal(struct mem *m)
{
    struct view_holds h;
    world_init(&world);
    for (int i = 0; i < 2; i++)
        world_start(&world, i, m);
    world_hub(&world, 0, "secret");
    world_spoke(&world, 1, 0, "secret");
    world_plan(&world, 1, "user@1.example", true);
    world_pass(&world, BEAT + TICK_S);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; world.node[i].ils != NULL && k < 4; k++)
            if (view_holds(world.node[i].ils, k / 2, k % 2, &h))
                assert_true(h.known || (h.usn == 0 && h.lag_s == 0 && !h.digest_equal));
    world_done(&world);
}

static void survives_every_refusal(void **state)
{
    test_every_refusal(every_refusal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(no_storm, setup, teardown),
        cmocka_unit_test_setup_teardown(one_word_for_each_beat, setup, teardown),
        cmocka_unit_test_setup_teardown(one_head_for_each_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_spoke, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(held_by_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(explained, setup, teardown),
        cmocka_unit_test_setup_teardown(forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(restarted, setup, teardown),
        cmocka_unit_test_setup_teardown(away, setup, teardown),
        cmocka_unit_test_setup_teardown(away_with_the_clock_back, setup, teardown),
        cmocka_unit_test_setup_teardown(back_from_before_the_join, setup, teardown),
        cmocka_unit_test_setup_teardown(suspended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_after_a_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(full_at_a_beat, setup, teardown),
        cmocka_unit_test_setup_teardown(full_beside_a_beat, setup, teardown),
        cmocka_unit_test_setup_teardown(suspended_beside_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_at_a_beat, setup, teardown),
        cmocka_unit_test_setup_teardown(told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(words_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(written_and_read, setup, teardown),
        cmocka_unit_test(survives_every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
