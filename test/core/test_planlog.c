/* The log of one's own plan: what was done is written down with what takes it back, for long
 * enough and not for ever; what the disk did not take was not done; a change on trial. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

#define DAY (INT64_C(24) * 3600 * TICK_S)

static struct test_mem mem;
static struct world world;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    world_start(&world, 0, &mem.mem);
    world_hub(&world, 0, "one");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static struct ils *core(void)
{
    return world.node[0].ils;
}

/* The row of a part, or NULL. */
static const struct world_row *row_of(uint64_t number, uint32_t part)
{
    uint8_t key[PLAN_LOG_KEY];
    plan_change_key(key, number, part);
    for (size_t i = 0; i < world.node[0].row_n; i++) {
        const struct world_row *r = &world.node[0].row[i];
        if (r->space == ROW_PLAN_LOG && r->key_n == sizeof key &&
            memcmp(r->key, key, sizeof key) == 0)
            return r;
    }
    return NULL;
}

static size_t rows(void)
{
    size_t n = 0;
    for (size_t i = 0; i < world.node[0].row_n; i++)
        n += world.node[0].row[i].space == ROW_PLAN_LOG;
    return n;
}

static struct plan_change header(uint64_t number)
{
    struct plan_change c = {.at = 0};
    const struct world_row *r = row_of(number, 0);
    assert_non_null(r);
    assert_true(plan_change_get(slice_make(r->value, r->value_n), &c));
    return c;
}

static struct change uri(const char *user, const char *value, bool put)
{
    return (struct change){.put = put, .kind = ENTRY_URI, .user = slice_of(user),
                           .domain = slice_of("b.example"), .value = slice_of(value)};
}

static enum reply plan(const struct change *change, size_t n, const char *source, bool replace)
{
    return world_command(&world, 0, (struct command){
        .type = COMMAND_PLAN, .change = change, .change_n = n, .source = slice_of(source),
        .replace = replace});
}

/* Takes the change back with what its parts say, and nothing else. */
static enum reply undo(uint64_t number)
{
    static struct change change[64];
    size_t n = 0;
    for (uint32_t part = 1; row_of(number, part) != NULL; part++) {
        const struct world_row *r = row_of(number, part);
        struct segment_reader reader;
        struct record record;
        assert_true(segment_check(slice_make(r->value, r->value_n)));
        segment_reader_init(&reader, slice_make(r->value, r->value_n));
        while (segment_next(&reader, &record) == 1)
            change[n++] = (struct change){.put = record.put, .kind = record.kind,
                                          .user = record.user, .domain = record.domain,
                                          .value = record.value, .source = record.source};
    }
    return world_command(&world, 0, (struct command){
        .type = COMMAND_PLAN, .change = change, .change_n = n, .undoes = number,
        .last = core()->planlog.last});
}

struct listing {
    char text[4096];
    size_t n;
};

static bool list_one(void *context, const struct record *r)
{
    struct listing *l = context;
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%.*s=%.*s of %.*s\n",
                             (int)r->user.n, (const char *)r->user.p, (int)r->value.n,
                             (const char *)r->value.p, (int)r->source.n,
                             (const char *)r->source.p);
    return true;
}

static bool is(const char *text)
{
    struct listing l = {.n = 0};
    char lines[16][80];
    size_t n = 0;
    catalog_walk(core()->own->catalog, list_one, &l);
    for (char *at = l.text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
        snprintf(lines[n++], sizeof lines[0], "%.*s", (int)(end - at), at);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (strcmp(lines[i], lines[k]) > 0) {
                char swap[80];
                memcpy(swap, lines[i], sizeof swap);
                memcpy(lines[i], lines[k], sizeof swap);
                memcpy(lines[k], swap, sizeof swap);
            }
    l.n = 0;
    l.text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        l.n += (size_t)snprintf(l.text + l.n, sizeof l.text - l.n, "%s;", lines[i]);
    return strcmp(l.text, text) == 0;
}

static void takes_back(void **state)
{
    (void)state;
    const struct change first[] = {uri("a", "1", true), uri("b", "2", true), uri("c", "3", true)};
    const struct change by_hand[] = {uri("h", "9", true)};
    const struct change second[] = {uri("b", "5", true), uri("c", "3", true), uri("d", "6", true)};
    assert_int_equal(plan(first, 3, "hq", true), REPLY_OK);
    assert_int_equal(plan(by_hand, 1, "manual", false), REPLY_OK);
    assert_int_equal(plan(second, 3, "hq", true), REPLY_OK);
    assert_true(is("b=5 of hq;c=3 of hq;d=6 of hq;h=9 of manual;"));
    struct plan_change c = header(3);
    assert_int_equal(c.added, 1);
    assert_int_equal(c.removed, 1);
    assert_int_equal(c.changed, 1);
    assert_int_equal(c.stream, STREAM_PLAN);
    assert_int_equal(c.usn, core()->own->head.usn);
    assert_true(slice_eq(c.who, slice_of("test")) && slice_eq(c.source, slice_of("hq")));
    assert_int_equal(undo(3), REPLY_OK);
    assert_true(is("a=1 of hq;b=2 of hq;c=3 of hq;h=9 of manual;"));
    assert_int_equal(header(4).undoes, 3);
    assert_int_equal(undo(4), REPLY_OK);
    assert_true(is("b=5 of hq;c=3 of hq;d=6 of hq;h=9 of manual;"));
    size_t before = rows();
    assert_int_equal(plan(second, 3, "hq", true), REPLY_OK); /* it is so already */
    assert_int_equal(rows(), before);
    assert_int_equal(core()->planlog.last, 5);
    for (uint64_t n = 5; n >= 1; n--)
        assert_int_equal(undo(n), REPLY_OK); /* the newest first: each as it was found */
    assert_true(is(""));
}

static void moved_meanwhile(void **state)
{
    (void)state;
    const struct change a[] = {uri("a", "1", true)}, b[] = {uri("b", "1", true)};
    plan(a, 1, "hq", false);
    plan(b, 1, "hq", false);
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_PLAN, .undoes = 1,
                                                               .last = 1}), REPLY_LOG_MOVED);
    assert_true(is("a=1 of hq;b=1 of hq;"));
}

static enum reply roll(const struct change *change, bool more)
{
    return world_command(&world, 0, (struct command){
        .type = COMMAND_PLAN, .change = change, .change_n = 1, .undoes = 1, .undoes_to = true,
        .undoes_more = more, .last = core()->planlog.last});
}

static struct view_planlog log_now(void)
{
    struct view_planlog log;
    view_planlog(core(), &log);
    return log;
}

static void restarted(void)
{
    world_stop(&world, 0);
    world_start(&world, 0, &mem.mem);
    world_pass(&world, 12 * TICK_S);
}

/* That a rollback of several streams has more before it is durable with each of its changes, until
 * the last of them, or until what is left of it is given up. */
static void cut_short(void **state)
{
    (void)state;
    const struct change a[] = {uri("a", "1", true)}, b[] = {uri("b", "1", true)};
    const struct change c[] = {uri("a", "2", true)}, d[] = {uri("a", "3", true)};
    assert_int_equal(plan(a, 1, "hq", false), REPLY_OK);
    assert_int_equal(roll(c, true), REPLY_OK);
    restarted();
    assert_true(log_now().rolling && log_now().rolling_to == 1 && log_now().rolling_last == 2);
    world.node[0].full = true;
    assert_int_equal(roll(d, false), REPLY_STORE);
    world.node[0].full = false;
    assert_true(log_now().rolling);
    assert_int_equal(plan(b, 1, "hq", false), REPLY_OK);
    assert_true(log_now().rolling && log_now().rolling_last < log_now().last);
    assert_int_equal(roll(d, false), REPLY_OK);
    restarted();
    assert_false(log_now().rolling);
    assert_int_equal(roll(c, true), REPLY_OK);
    assert_true(log_now().rolling);
    const struct command stays = {.type = COMMAND_PLAN_CONFIRM};
    assert_int_equal(world_command(&world, 0, stays), REPLY_OK);
    restarted();
    assert_false(log_now().rolling);
    assert_int_equal(world_command(&world, 0, stays), REPLY_NOTHING_TO_CONFIRM);
}

static void not_taken_by_the_disk(void **state)
{
    (void)state;
    const struct change a[] = {uri("a", "1", true)}, b[] = {uri("b", "1", true)};
    assert_int_equal(plan(a, 1, "hq", false), REPLY_OK);
    size_t before = rows();
    world.node[0].full = true;
    assert_int_equal(world_command(&world, 0, (struct command){
        .type = COMMAND_PLAN, .change = b, .change_n = 1, .source = slice_of("hq"),
        .confirm = 60}), REPLY_STORE);
    assert_int_equal(core()->planlog.confirm.number, 0);
    world.node[0].full = false;
    assert_int_equal(rows(), before);
    assert_true(is("a=1 of hq;"));
    assert_int_equal(plan(b, 1, "hq", false), REPLY_OK);
    assert_int_equal(header(core()->planlog.last).added, 1);
    world_stop(&world, 0);
    world_start(&world, 0, &mem.mem);
    uint64_t last = core()->planlog.last;
    assert_int_equal(undo(last), REPLY_OK);
    assert_true(is("a=1 of hq;"));
    assert_int_equal(core()->planlog.last, last + 1); /* no number twice */
}

static void on_trial(void **state)
{
    (void)state;
    const struct change a[] = {uri("a", "1", true)}, b[] = {uri("b", "1", true)};
    struct command trial = {.type = COMMAND_PLAN, .change = a, .change_n = 1,
                            .source = slice_of("hq"), .confirm = 60};
    assert_int_equal(world_command(&world, 0, trial), REPLY_OK);
    struct view_planlog log;
    view_planlog(core(), &log);
    assert_int_equal(log.confirm, 1);
    assert_true(log.until > world.wall && log.until <= world.wall + 61 * TICK_S);
    assert_int_equal(world_command(&world, 0, trial), REPLY_CONFIRM_FIRST);
    assert_int_equal(plan(b, 1, "hq", false), REPLY_OK); /* others work on */
    world_stop(&world, 0);
    world_start(&world, 0, &mem.mem);
    view_planlog(core(), &log);
    assert_int_equal(log.confirm, 1);
    world.node[0].full = true;
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_PLAN_CONFIRM}),
                     REPLY_STORE);
    world.node[0].full = false;
    view_planlog(core(), &log);
    assert_int_equal(log.confirm, 1); /* it still waits */
    assert_int_equal(undo(1), REPLY_OK);
    view_planlog(core(), &log);
    assert_int_equal(log.confirm, 0);
    assert_true(is("b=1 of hq;"));
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_PLAN_CONFIRM}),
                     REPLY_NOTHING_TO_CONFIRM);
}

static void kept_long_enough(void **state)
{
    (void)state;
    char user[16];
    for (int i = 0; i < 150; i++) {
        snprintf(user, sizeof user, "u%d", i);
        const struct change c[] = {uri(user, "1", true)};
        assert_int_equal(plan(c, 1, "hq", false), REPLY_OK);
    }
    assert_int_equal(rows(), 300); /* all of one day */
    world.now += 29 * DAY;
    world.wall += 29 * DAY;
    const struct change on_29[] = {uri("day29", "1", true)};
    plan(on_29, 1, "hq", false);
    assert_int_equal(rows(), 302);
    world.now += 3 * DAY;
    world.wall += 3 * DAY;
    const struct change on_32[] = {uri("day32", "1", true)};
    plan(on_32, 1, "hq", false);
    assert_int_equal(rows(), 304); /* what is known of them: they are older than that of day 29 */
    world.now += 40 * DAY;
    world.wall += 40 * DAY;
    const struct change much_later[] = {uri("later", "1", true)};
    plan(much_later, 1, "hq", false);
    assert_true(row_of(153, 0) != NULL && row_of(54, 0) != NULL); /* 100 at least */
    assert_null(row_of(53, 0));
    assert_int_equal(rows(), 200);
    struct view_planlog log;
    view_planlog(core(), &log);
    assert_int_equal(log.first, 54);
    assert_int_equal(log.last, 153);
}

static void not_for_ever(void **state)
{
    (void)state;
    const struct change a[] = {uri("a", "1", true)}, b[] = {uri("b", "1", true)};
    plan(a, 1, "hq", false);
    core()->planlog.last = core()->planlog.first + PLAN_LOG_MOST - 2; /* as if there were so many */
    plan(b, 1, "hq", false);
    assert_non_null(row_of(1, 0));
    const struct change c[] = {uri("c", "1", true)};
    plan(c, 1, "hq", false);
    assert_null(row_of(1, 0));
    struct view_planlog log;
    view_planlog(core(), &log);
    assert_true(log.last - log.first <= PLAN_LOG_MOST && log.last - log.first > 90000);
}

/* A refused request leaves all as it was, or done; the process may end, and then starts again. */
static void survive(struct mem *m)
{
    const struct change some[] = {uri("a", "1", true), uri("b", "2", true)};
    const struct change others[] = {uri("b", "5", true), uri("d", "6", true)};
    world_init(&world);
    world_start(&world, 0, m);
    world_hub(&world, 0, "one");
    if (core() != NULL && !world.node[0].dead)
        plan(some, 2, "hq", true);
    if (core() != NULL && !world.node[0].dead)
        plan(others, 2, "hq", true);
    uint64_t last = core() == NULL || world.node[0].dead ? 0 : core()->planlog.last;
    if (last != 0 && row_of(last, 0) != NULL)
        undo(last);
    if (core() != NULL && !world.node[0].dead) {
        struct plan_change c;
        for (uint64_t n = 1; n <= core()->planlog.last; n++) { /* whole, or not at all */
            const struct world_row *r = row_of(n, 0);
            bool parts = row_of(n, 1) != NULL;
            assert_true((r != NULL) == parts);
            assert_true(r == NULL || plan_change_get(slice_make(r->value, r->value_n), &c));
        }
    }
    world_done(&world);
}

static void without_memory(void **state)
{
    (void)state;
    test_every_refusal(survive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(moved_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_short, setup, teardown),
        cmocka_unit_test_setup_teardown(not_taken_by_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(on_trial, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_long_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(not_for_ever, setup, teardown),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
