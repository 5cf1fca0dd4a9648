/* A store that was put back from a backup. What the neighbours hold of it is adopted where nothing
 * was written since the start; else nothing is written until an operator has decided, and whatever
 * he decides, and however often it crashes on the way, in the end everybody has the same of it, and
 * no USN means two things. Hub 0, hub 1, spoke 2 (of 0), spoke 3 (of 1). */
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
    world_plan(&world, 2, "old@b.example", true);
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

static struct ils *core(int i)
{
    return world.node[i].ils;
}

static void restart(int i)
{
    world_stop(&world, i);
    world_start(&world, i, &mem.mem);
}

static void back_up(int i)
{
    world_stop(&world, i);
    world_image(&world, i);
    world_start(&world, i, &mem.mem);
    world_pass(&world, 12 * TICK_S);
}

/* Everybody who is up has the same of both streams of node 2. */
static bool settled(void)
{
    for (uint64_t number = 0; number < 2; number++) {
        const struct stream *own = stream_find(core(2), core(2)->key, number);
        for (int i = 0; i < 4; i++) {
            const struct stream *s = i == 2 || core(i) == NULL
                                         ? NULL : stream_find(core(i), core(2)->key, number);
            if (i == 2 || core(i) == NULL)
                continue;
            if (s == NULL || head_order(&s->head, &own->head) != 0)
                return false;
        }
    }
    return true;
}

static bool everywhere(const char *dialled, bool answered)
{
    for (int i = 0; i < 4; i++)
        if (core(i) != NULL && world_answers(&world, i, dialled) != answered)
            return false;
    return true;
}

static enum reply command(int i, enum command_type type)
{
    world.node[i].reply = REPLIES;
    world_ask(&world, i, (struct command){.type = type});
    world_run(&world);
    world_pass(&world, TICK_S);
    return world.node[i].reply;
}

static enum view_writing writing(int i)
{
    struct view_self self;
    view_self(core(i), &self);
    return self.writing;
}

static bool alarmed(int i, const char *subject)
{
    return alarm_last(core(i), ILSRolledBack, slice_of(subject)) != 0;
}

/* The neighbours have what was written after the image; the image was started where nobody was
 * reached, and has written as well. */
static void roll_back(bool linked_again)
{
    back_up(2);
    assert_int_equal(world_plan(&world, 2, "new@b.example", true), REPLY_OK);
    assert_int_equal(world_plan(&world, 2, "old@b.example", false), REPLY_OK);
    assert_int_equal(world_plan(&world, 2, "third@b.example", true), REPLY_OK);
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_stop(&world, 0);
    world_stop(&world, 1);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(world_plan(&world, 2, "mine@b.example", true), REPLY_OK);
    if (!linked_again)
        return;
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
}

static void theirs(void)
{
    assert_true(settled());
    assert_true(everywhere("new@b.example", true) && everywhere("third@b.example", true));
    assert_true(everywhere("old@b.example", false) && everywhere("mine@b.example", false));
}

static void mine(void)
{
    assert_true(settled());
    assert_true(everywhere("old@b.example", true) && everywhere("mine@b.example", true));
    assert_true(everywhere("new@b.example", false) && everywhere("third@b.example", false));
}

static void writes_again(void)
{
    assert_int_equal(writing(2), WRITING);
    assert_false(alarmed(2, "plan") || alarmed(2, "self"));
    assert_int_equal(world_plan(&world, 2, "later@b.example", true), REPLY_OK);
    assert_true(everywhere("later@b.example", true) && settled());
}

/* --- by itself */

static void adopts_what_was_not_written_over(void **state)
{
    (void)state;
    back_up(2);
    assert_int_equal(world_plan(&world, 2, "new@b.example", true), REPLY_OK);
    uint64_t epoch = core(2)->own->head.epoch, usn = core(2)->own->head.usn;
    world_command(&world, 2, (struct command){.type = COMMAND_DESCRIBE,
                                              .description = slice_of("later")});
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("new@b.example", true) && everywhere("old@b.example", true));
    assert_true(settled());
    assert_true(core(2)->own->head.epoch >> 32 == (epoch >> 32) + 1);
    assert_true(core(2)->own->head.usn > usn);
    const struct peer *p = peer_find(core(3), core(2)->key);
    assert_int_equal(p->description.n, 0); /* stream 0 says what the settings say */
    assert_int_equal(core(2)->planlog.first, core(2)->planlog.last + 1); /* of another past */
    writes_again();
    assert_false(world_said(&world, 2, EVENT_ROLLED_BACK));
    for (int i = 0; i < 4; i++)
        restart(i);
    world_pass(&world, 15 * TICK_S);
    assert_true(settled() && everywhere("new@b.example", true));
}

/* Only beats were lost: nobody has to be told of a new epoch. */
static void a_beat_is_no_newer_head(void **state)
{
    (void)state;
    back_up(2);
    uint64_t epoch = core(2)->own->head.epoch;
    world_pass(&world, 1300 * TICK_S);
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(core(2)->own->head.epoch, epoch);
    world_pass(&world, 1210 * TICK_S);
    const struct stream *s = stream_find(core(3), core(2)->key, STREAM_PLAN);
    assert_false(stream_overdue(core(3), s));
    assert_true(settled());
}

/* The key is there, its streams are not: the neighbours give the plan back. */
static void lost_streams_come_back(void **state)
{
    (void)state;
    world_stop(&world, 2);
    for (size_t i = 0; i < world.node[2].row_n; i++) {
        struct world_row *r = &world.node[2].row[i];
        if (r->space != ROW_STREAM && r->space != ROW_SEGMENT)
            continue;
        free(r->key);
        free(r->value);
        *r-- = world.node[2].row[--world.node[2].row_n];
        i--;
    }
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("old@b.example", true) && settled());
    writes_again();
}

static void lose_segments(int i, const uint8_t *key)
{
    struct node *n = &world.node[i];
    for (size_t k = 0; k < n->row_n; k++) {
        struct world_row *r = &n->row[k];
        if (r->space != ROW_SEGMENT || memcmp(r->key, key, KEY_SIZE) != 0)
            continue;
        free(r->key);
        free(r->value);
        *r = n->row[--n->row_n];
        k--;
    }
}

/* A hub's disk has lost segments of a plan, and its spoke alone could be asked for them. */
static void hub_asks_its_spoke(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE];
    memcpy(key, core(2)->key, KEY_SIZE);
    for (int i = 0; i < 3; i++)
        world_stop(&world, i);
    lose_segments(1, key);
    world_start(&world, 1, &mem.mem);
    assert_false(world_answers(&world, 1, "old@b.example"));
    world_pass(&world, 90 * TICK_S);
    assert_true(world_answers(&world, 1, "old@b.example"));
    world_start(&world, 0, &mem.mem);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 30 * TICK_S);
    assert_true(settled());
}

/* What stood for the plan while the exchange was off is above the image; there is nothing to be had
 * from it, and the plan is what the image has. */
static void withheld_is_not_adopted(void **state)
{
    (void)state;
    back_up(2);
    assert_int_equal(world_command(&world, 2, (struct command){.type = COMMAND_EXCHANGE}),
                     REPLY_OK);
    world_run(&world);
    assert_false(world_answers(&world, 3, "old@b.example"));
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_true(everywhere("old@b.example", true) && settled());
    writes_again();
}

/* Nobody is reached by node 2; or they are, and say nothing. */
static void away(bool silent, bool on)
{
    for (int i = 0; i < 4; i++) {
        if (i != 2 && silent)
            world.node[i].dead = on;
        else if (i != 2)
            world_block(&world, 2, i, on);
    }
}

/* Node 2 comes back from a backup, is shown what it had, and they are away before they give it. */
static void shown_and_not_given(bool silent)
{
    back_up(2);
    assert_int_equal(world_plan(&world, 2, "new@b.example", true), REPLY_OK);
    world_stop(&world, 2);
    world_restore(&world, 2);
    away(false, true);
    world_start(&world, 2, &mem.mem);
    away(false, false);
    for (size_t i = 0; !core(2)->own->proved_older; i++) {
        assert_true(i < 10000);
        bool quiet = world.queue_at == world.queue_n;
        world.now += quiet ? TICK_S / 100 : 0;
        for (int k = 0; quiet && k < 4; k++)
            world_wake(&world, k);
        world_steps(&world, 1);
    }
    assert_int_not_equal(core(2)->own->fetch, FETCH_NONE);
    away(silent, true);
    world_run(&world);
    assert_false(alarmed(2, "plan")); /* a moment later somebody may give it */
    world_pass(&world, 60 * TICK_S);
    assert_true(alarmed(2, "plan"));
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
    assert_int_equal(world_plan(&world, 2, "no@b.example", true), REPLY_ROLLED_BACK);
}

static void comes_late(bool silent)
{
    shown_and_not_given(silent);
    away(silent, false);
    world_pass(&world, 60 * TICK_S);
    assert_true(everywhere("new@b.example", true) && everywhere("old@b.example", true));
    assert_true(settled());
    writes_again();
}

static void what_nobody_gives_is_waited_for(void **state)
{
    (void)state;
    comes_late(false);
}

static void what_is_not_answered_is_waited_for(void **state)
{
    (void)state;
    comes_late(true);
}

static void is_given_up(bool silent)
{
    shown_and_not_given(silent);
    assert_int_equal(command(2, COMMAND_REBUILD), REPLY_NOBODY_HOLDS);
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
    assert_int_equal(writing(2), WRITING);
    away(silent, false);
    world_pass(&world, 60 * TICK_S);
    assert_true(everywhere("new@b.example", false) && everywhere("old@b.example", true));
    assert_true(settled());
    writes_again();
}

static void what_nobody_gives_is_given_up(void **state)
{
    (void)state;
    is_given_up(false);
}

static void what_is_not_answered_is_given_up(void **state)
{
    (void)state;
    is_given_up(true);
}

/* --- an operator decides */

static void rolled_back_stops(void **state)
{
    (void)state;
    struct view_self self;
    assert_int_equal(command(2, COMMAND_REBUILD), REPLY_NOT_ROLLED_BACK);
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_NOT_ROLLED_BACK);
    roll_back(true);
    assert_true(alarmed(2, "plan"));
    assert_int_equal(world_plan(&world, 2, "no@b.example", true), REPLY_ROLLED_BACK);
    view_self(core(2), &self);
    assert_true(self.theirs_usn > self.usn);
    assert_true(world_answers(&world, 3, "new@b.example")); /* theirs, everywhere else */
    uint64_t usn = core(2)->own->head.usn, self_usn = core(2)->self->head.usn;
    world_pass(&world, 1300 * TICK_S);
    restart(2); /* decides nothing */
    world_pass(&world, 30 * TICK_S);
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
    assert_true(core(2)->own->head.usn == usn && core(2)->self->head.usn == self_usn);
    assert_int_equal(world_plan(&world, 2, "no@b.example", true), REPLY_ROLLED_BACK);
    world_command(&world, 2, (struct command){.type = COMMAND_LEAVE});
    assert_int_equal(world.node[2].reply, REPLY_ROLLED_BACK);
}

/* Segments of node 2's own plan in its store, beside those that its head lists. */
static size_t segments_left(void)
{
    const struct stream *s = core(2)->own;
    size_t n = 0;
    for (size_t i = 0; i < world.node[2].row_n; i++) {
        const struct world_row *r = &world.node[2].row[i];
        bool own = r->space == ROW_SEGMENT && r->key_n == KEY_SIZE + 8 + HASH_SIZE &&
                   memcmp(r->key, s->key, KEY_SIZE) == 0 && r->key[KEY_SIZE + 7] == STREAM_PLAN;
        n += own && catalog_segment(s->catalog, r->key + KEY_SIZE + 8).n == 0;
    }
    return n;
}

static void rebuild_takes_theirs(void **state)
{
    (void)state;
    roll_back(true);
    assert_int_equal(command(2, COMMAND_REBUILD), REPLY_OK);
    theirs();
    assert_int_equal(segments_left(), 0);
    writes_again();
    restart(2);
    world_pass(&world, 15 * TICK_S);
    theirs();
}

/* That stream 0 is older as well is heard when the operator has decided about the plan already. */
static void rolled_back_meanwhile(void **state)
{
    (void)state;
    roll_back(true);
    core(2)->self->rolled_back = false;
    world_ask(&world, 2, (struct command){.type = COMMAND_REBUILD});
    core(2)->self->rolled_back = true;
    world_run(&world);
    world_pass(&world, TICK_S);
    assert_int_equal(world.node[2].reply, REPLY_OK);
    theirs();
    writes_again();
}

static void restore_keeps_mine(void **state)
{
    (void)state;
    struct view_self self;
    roll_back(true);
    view_self(core(2), &self);
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
    mine();
    assert_true(core(2)->own->head.usn > self.theirs_usn + (1 << 20));
    assert_true(core(2)->own->head.epoch >> 32 == (self.theirs_epoch >> 32) + 1);
    writes_again();
    restart(2);
    world_pass(&world, 15 * TICK_S);
    mine();
}

static void decides_after_a_restart(void **state)
{
    (void)state;
    roll_back(true);
    restart(2);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
    mine();
    writes_again();
}

static void without_a_neighbour(void **state)
{
    (void)state;
    roll_back(true);
    world_stop(&world, 0);
    world_stop(&world, 1);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(command(2, COMMAND_REBUILD), REPLY_NOBODY_HOLDS);
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
    assert_int_equal(writing(2), WRITING);
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    mine();
    writes_again();
}

static void disk_takes_no_decision(void **state)
{
    (void)state;
    roll_back(true);
    world.node[2].full = true;
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_STORE);
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
    world.node[2].full = false;
    assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
    mine();
    writes_again();
}

/* Cut by a crash after n events, for every n: decided, or not; and what was not is decided anew. */
static void crash_in_between(enum command_type type, void (*check)(void))
{
    for (size_t n = 0; n < 40; n++) {
        world_done(&world);
        begin(&mem.mem);
        roll_back(true);
        world_ask(&world, 2, (struct command){.type = type});
        world_steps(&world, n);
        restart(2);
        world_pass(&world, 15 * TICK_S);
        if (writing(2) == WRITING_ROLLED_BACK)
            assert_int_equal(command(2, type), REPLY_OK);
        world_pass(&world, 2 * TICK_S);
        check();
        writes_again();
    }
}

static void rebuild_across_crashes(void **state)
{
    (void)state;
    crash_in_between(COMMAND_REBUILD, theirs);
}

static void restore_across_crashes(void **state)
{
    (void)state;
    crash_in_between(COMMAND_RESTORE, mine);
}

/* The image wrote as much as was lost: one USN, two roots. *ret_mine: the others took what the
 * image wrote. */
static void write_twice(const char *number, bool *ret_mine)
{
    struct view_self self;
    back_up(2);
    assert_int_equal(world_plan(&world, 2, "new@b.example", true), REPLY_OK);
    world_stop(&world, 2);
    world_restore(&world, 2);
    world_stop(&world, 0);
    world_stop(&world, 1);
    world_start(&world, 2, &mem.mem);
    world_pass(&world, 12 * TICK_S);
    assert_int_equal(world_plan(&world, 2, number, true), REPLY_OK);
    world_start(&world, 0, &mem.mem);
    world_start(&world, 1, &mem.mem);
    world_pass(&world, 15 * TICK_S);
    assert_int_equal(writing(2), WRITING_ROLLED_BACK);
    assert_true(world_said(&world, 2, EVENT_SECOND_WRITER));
    /* Whatever the roots are: the others have one of the two, and all of them the same. */
    const struct stream *a = stream_find(core(0), core(2)->key, STREAM_PLAN);
    const struct stream *b = stream_find(core(3), core(2)->key, STREAM_PLAN);
    assert_int_equal(head_order(&a->head, &b->head), 0);
    assert_true(memcmp(a->head.root, core(2)->own->head.root, HASH_SIZE) >= 0);
    *ret_mine = memcmp(a->head.root, core(2)->own->head.root, HASH_SIZE) == 0;
    view_self(core(2), &self); /* what is offered is what can be done */
    assert_int_equal(self.nobody_gives, *ret_mine);
}

static void two_writers(void **state)
{
    static const char *const number[] = {"mine@b.example", "m1@b.example", "m2@b.example",
                                         "m3@b.example", "m4@b.example", "m5@b.example"};
    bool seen[2] = {false, false}, mine;
    for (size_t i = 0; i < sizeof number / sizeof *number && !(seen[0] && seen[1]); i++) {
        teardown(state);
        setup(state);
        write_twice(number[i], &mine);
        assert_int_equal(command(2, COMMAND_REBUILD), mine ? REPLY_NOBODY_HOLDS : REPLY_OK);
        if (mine)
            assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
        assert_true(settled() && everywhere(number[i], mine));
        assert_true(everywhere("new@b.example", !mine));
        writes_again();
        seen[mine] = true;
    }
    assert_true(seen[0] && seen[1]);
}

/* Put back to before its first entry, it begins its plan where nobody is reached, and not one that
 * may be greater than the plan it had: whatever is drawn, its operator is asked. */
static void before_the_first_entry(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        world_done(&world);
        begin(&mem.mem);
        world.seed += seed;
        back_up(3);
        assert_int_equal(world_plan(&world, 3, "lost@b.example", true), REPLY_OK);
        assert_int_equal(world_plan(&world, 3, "more@b.example", true), REPLY_OK);
        world_stop(&world, 3);
        world_restore(&world, 3);
        world_stop(&world, 0);
        world_stop(&world, 1);
        world_start(&world, 3, &mem.mem);
        world_pass(&world, 12 * TICK_S);
        assert_int_equal(world_plan(&world, 3, "mine@b.example", true), REPLY_OK);
        world_start(&world, 0, &mem.mem);
        world_start(&world, 1, &mem.mem);
        world_pass(&world, 15 * TICK_S);
        assert_int_equal(writing(3), WRITING_ROLLED_BACK);
        assert_true(world_answers(&world, 0, "lost@b.example"));
    }
}

/* One backup is put back twice, each time where others are reached: two epochs begin from one. What
 * was acknowledged in the second is not lost by a restart, whichever of them is the greater. */
static void put_back_twice(void **state)
{
    (void)state;
    size_t asked = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        world_done(&world);
        begin(&mem.mem);
        world.seed += seed;
        back_up(2);
        assert_int_equal(world_plan(&world, 2, "both@b.example", true), REPLY_OK);
        world_stop(&world, 1);
        world_stop(&world, 3);
        world_stop(&world, 2);
        world_restore(&world, 2);
        world_start(&world, 2, &mem.mem);
        world_pass(&world, 12 * TICK_S);
        assert_int_equal(world_plan(&world, 2, "first@b.example", true), REPLY_OK);
        world_stop(&world, 0);
        world_stop(&world, 2);
        world_restore(&world, 2);
        world_start(&world, 1, &mem.mem);
        world_start(&world, 3, &mem.mem);
        world_start(&world, 2, &mem.mem);
        world_pass(&world, 15 * TICK_S);
        assert_true(world_answers(&world, 2, "both@b.example"));
        assert_int_equal(world_plan(&world, 2, "second@b.example", true), REPLY_OK);
        restart(2);
        world_start(&world, 0, &mem.mem);
        world_pass(&world, 30 * TICK_S);
        assert_true(world_answers(&world, 2, "second@b.example"));
        if (writing(2) == WRITING_ROLLED_BACK) {
            asked++;
            assert_int_equal(command(2, COMMAND_RESTORE), REPLY_OK);
        }
        assert_true(settled() && everywhere("second@b.example", true));
        writes_again();
    }
    printf("# asked %zu times of 6\n", asked);
    assert_true(asked > 0 && asked < 6);
}

/* --- memory */

static void every_refusal(struct mem *m)
{
    begin(m);
    if (core(2) != NULL) {
        world_stop(&world, 2);
        world_image(&world, 2);
        world_start(&world, 2, m);
        world_pass(&world, 12 * TICK_S);
        world_plan(&world, 2, "new@b.example", true);
        world_stop(&world, 2);
        world_restore(&world, 2);
        world_start(&world, 2, m);
        world_pass(&world, 12 * TICK_S);
        world_command(&world, 2, (struct command){.type = COMMAND_RESTORE});
        world_command(&world, 2, (struct command){.type = COMMAND_REBUILD});
    }
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
        TEST(adopts_what_was_not_written_over),
        TEST(a_beat_is_no_newer_head),
        TEST(lost_streams_come_back),
        TEST(hub_asks_its_spoke),
        TEST(withheld_is_not_adopted),
        TEST(what_nobody_gives_is_waited_for),
        TEST(what_is_not_answered_is_waited_for),
        TEST(what_nobody_gives_is_given_up),
        TEST(what_is_not_answered_is_given_up),
        TEST(rolled_back_stops),
        TEST(rebuild_takes_theirs),
        TEST(rolled_back_meanwhile),
        TEST(restore_keeps_mine),
        TEST(decides_after_a_restart),
        TEST(without_a_neighbour),
        TEST(disk_takes_no_decision),
        TEST(rebuild_across_crashes),
        TEST(restore_across_crashes),
        TEST(two_writers),
        TEST(before_the_first_entry),
        TEST(put_back_twice),
        cmocka_unit_test(survives_every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
