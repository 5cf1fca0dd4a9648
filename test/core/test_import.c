/* A large change of one's own plan: in bounded steps, whole or not at all. What a step looks at is
 * counted where it cannot hide: each record that is sought, read or written is hashed, read or
 * written by a function of another file, and the linker puts a counter before those. */
#include <stdio.h>

#include "core/core.h"
#include "world.h"

#define ENTRIES 40000
#define MANY    60000
#define BOUND   (8 * STEP_CHANGES) /* a change is sought, compared, written ... in one step */

static struct test_mem mem;
static struct world world;
static struct change *change;
static char *text;

/* --- the counters */

static uint64_t counted, most, total, steps;
static bool watching; /* each step is looked at by watch() */
static void watch(void);
static bool beside; /* likewise, where the index grows while a commit is being swept */
static size_t grown;
static bool sweeping(const struct ils *ils);
static uint64_t index_size(const struct ils *ils);

uint64_t __real_crypto_siphash(struct slice bytes, const uint8_t key[static 16]);
uint64_t __wrap_crypto_siphash(struct slice bytes, const uint8_t key[static 16]);
int __real_segment_next(struct segment_reader *r, struct record *ret);
int __wrap_segment_next(struct segment_reader *r, struct record *ret);
bool __real_segment_writer_put(struct segment_writer *w, const struct record *r);
bool __wrap_segment_writer_put(struct segment_writer *w, const struct record *r);
int __real_change_order(const struct change *a, const struct change *b);
int __wrap_change_order(const struct change *a, const struct change *b);
int __real_ils_step(struct ils *ils, const struct ils_event *event, struct ils_actions *ret_do);
int __wrap_ils_step(struct ils *ils, const struct ils_event *event, struct ils_actions *ret_do);

uint64_t __wrap_crypto_siphash(struct slice bytes, const uint8_t key[static 16])
{
    counted++;
    return __real_crypto_siphash(bytes, key);
}

int __wrap_segment_next(struct segment_reader *r, struct record *ret)
{
    counted++;
    return __real_segment_next(r, ret);
}

bool __wrap_segment_writer_put(struct segment_writer *w, const struct record *r)
{
    counted++;
    return __real_segment_writer_put(w, r);
}

int __wrap_change_order(const struct change *a, const struct change *b)
{
    counted++;
    return __real_change_order(a, b);
}

int __wrap_ils_step(struct ils *ils, const struct ils_event *event, struct ils_actions *ret_do)
{
    bool meanwhile = beside && sweeping(ils);
    uint64_t size = meanwhile ? index_size(ils) : 0;
    counted = 0;
    int result = __real_ils_step(ils, event, ret_do);
    grown += meanwhile && index_size(ils) > size;
    most = counted > most ? counted : most;
    total += counted;
    steps++;
    if (watching)
        watch();
    return result;
}

static void count_anew(void)
{
    most = total = steps = 0;
}

/* --- the world */

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
    watching = beside = false;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static struct ils *core(void)
{
    return world.node[0].ils;
}

/* Numbers from `first` on, with this value. */
static void entries(size_t first, size_t n, const char *value)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(text + i * 12, 12, "+44%08zu", first + i);
        change[i] = (struct change){.put = true, .kind = ENTRY_E164,
                                    .user = slice_of(text + i * 12), .value = slice_of(value),
                                    .source = slice_of("HQ")};
    }
}

static struct command import(size_t n, bool force)
{
    return (struct command){.type = COMMAND_PLAN, .change = change, .change_n = n,
                            .source = slice_of("HQ"), .replace = true, .force = force,
                            .lent = true};
}

static bool has(const char *number, const char *value)
{
    struct record key = {.kind = ENTRY_E164, .user = slice_of(number)}, now;
    return catalog_find(view_own_catalog(core()), &key, &now) &&
           slice_eq(now.value, slice_of(value));
}

static uint64_t live(void)
{
    return catalog_live(view_own_catalog(core()));
}

static enum reply add(const char *number, const char *source)
{
    struct change one = {.put = true, .kind = ENTRY_E164, .user = slice_of(number)};
    return world_command(&world, 0, (struct command){
        .type = COMMAND_PLAN, .change = &one, .change_n = 1, .source = slice_of(source)});
}

/* --- bounded, and whole */

static uint64_t before_live, before_usn, looks;
static size_t asked;

/* Until it is all there nothing of it is, and what was there answers. */
static void watch(void)
{
    const struct catalog *c = view_own_catalog(core());
    bool done = world.node[0].replies > asked;
    struct record key = {.kind = ENTRY_E164, .user = slice_of("+81312345678")}, now;
    assert_true(catalog_find(c, &key, &now));
    if (!done && core()->own->head.usn == before_usn) {
        assert_int_equal(catalog_live(c), before_live);
        looks++;
    }
}

static void begin_watch(void)
{
    before_live = live();
    before_usn = core()->own->head.usn;
    asked = world.node[0].replies;
    looks = 0;
    watching = true;
    count_anew();
}

static void end_watch(const char *what, size_t least)
{
    watching = false;
    print_message("# %s: %llu steps, %llu of %llu in one; nothing of it seen %llu times\n", what,
                  (unsigned long long)steps, (unsigned long long)most, (unsigned long long)total,
                  (unsigned long long)looks);
    assert_true(most <= BOUND);
    assert_true(looks >= least);
}

/* The index itself grows at once, whenever it has doubled: here it is large from the beginning, as
 * if somebody had announced much. */
static void large_index(void)
{
    uint8_t key[KEY_SIZE] = {1};
    struct catalog *c = catalog_new(core()->plan, key, STREAM_PLAN, true);
    struct buf b;
    buf_init(&b, &mem.mem, 64 * LINE_BYTES);
    for (uint8_t i = 0; i < 64; i++) {
        struct line line = {.size = SEGMENT_MAX, .name = {i}};
        manifest_line_put(&b, &line);
    }
    assert_int_equal(catalog_target(c, buf_slice(&b), 8 * ENTRIES), 0);
    catalog_free(c);
    buf_done(&b);
}

static void test_bounded(void **state)
{
    (void)state;
    assert_int_equal(add("+81312345678", "manual"), REPLY_OK);
    large_index();

    begin_watch();
    entries(0, ENTRIES, "");
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    end_watch("all of it new", 10);
    assert_int_equal(live(), ENTRIES + 1);
    assert_true(has("+4400000000", "") && has("+4400039999", ""));
    assert_true(total > BOUND); /* at once it would have been found out */
    assert_int_equal(core()->planlog.last, 2);

    begin_watch();
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    end_watch("the same again", 5);
    assert_int_equal(core()->planlog.last, 2); /* nothing has changed */

    begin_watch();
    entries(ENTRIES / 2, ENTRIES, "x");
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    end_watch("a half gone, a half changed, a half new", 10);
    assert_int_equal(live(), ENTRIES + 1);
    assert_false(has("+4400000000", ""));
    assert_true(has("+4400020000", "x") && has("+4400059999", "x"));
    assert_int_equal(core()->planlog.last, 3);

    begin_watch();
    entries(0, 1, "");
    assert_int_equal(world_command(&world, 0, import(1, true)), REPLY_OK);
    end_watch("nearly all of it gone", 10);
    assert_int_equal(live(), 2);
    assert_int_equal(core()->planlog.last, 4);
}

/* In no order at all: sorting takes its turns too. */
static void test_unordered(void **state)
{
    (void)state;
    assert_int_equal(add("+81312345678", "manual"), REPLY_OK);
    entries(0, ENTRIES, "");
    for (size_t i = 0; i < ENTRIES; i++) {
        size_t k = i * 7919 % ENTRIES;
        struct change former = change[i];
        change[i] = change[k];
        change[k] = former;
    }
    begin_watch();
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    end_watch("in no order", 20);
    assert_int_equal(live(), ENTRIES + 1);
}

/* --- turns */

static void test_turns(void **state)
{
    (void)state;
    struct change one = {.put = true, .kind = ENTRY_E164, .user = slice_of("+4400000007")};
    struct command other = {.type = COMMAND_PLAN, .change = &one, .change_n = 1,
                            .source = slice_of("manual")};
    entries(0, ENTRIES, "");
    size_t replies = world.node[0].replies;
    world_ask(&world, 0, import(ENTRIES, false));
    world_ask(&world, 0, other); /* waits, and is judged by what it finds then */
    world_ask(&world, 0, (struct command){.type = COMMAND_TRACE_LEVEL, .level = TRACE_ERROR});
    assert_int_equal(world.node[0].replies, replies);
    world_steps(&world, 1); /* the disk has the level */
    assert_int_equal(world.node[0].replies, replies + 1);
    assert_int_equal(world.node[0].reply, REPLY_OK);
    assert_int_equal(live(), 0);
    world_run(&world);
    assert_int_equal(world.node[0].replies, replies + 3);
    assert_int_equal(world.node[0].reply, REPLY_ENTRY_TAKEN);
    assert_int_equal(live(), ENTRIES);
}

/* Whoever ends in the middle has changed nothing. */
static void test_stop(void **state)
{
    (void)state;
    entries(0, ENTRIES, "");
    world_ask(&world, 0, import(ENTRIES, false));
    world_steps(&world, 1);
    assert_true(ils_goes_on(core()));
    assert_int_equal(world_command(&world, 0, (struct command){.type = COMMAND_STOP}),
                     REPLY_STOPPED);
    assert_false(ils_goes_on(core()));
    assert_int_equal(live(), 0);
    assert_int_equal(core()->planlog.last, 0);
}

/* It is served, and what it replaced is not all out of the index yet. */
static bool sweeping(const struct ils *ils)
{
    list_each(node, &ils->commits)
        if (list_entry(node, struct own_commit, node)->shown)
            return true;
    return false;
}

static uint64_t index_size(const struct ils *ils)
{
    struct plan_stats stats;
    plan_stats(ils->plan, &stats);
    return stats.index_bytes;
}

/* Between two parts of that another's plan is announced, and the index grows for it. */
static void test_beside_a_learned_one(void **state)
{
    (void)state;
    world_start(&world, 1, &mem.mem);
    world_spoke(&world, 1, 0, "one");
    assert_int_equal(world_plan(&world, 1, "u@c1.example", true), REPLY_OK);
    entries(0, MANY, "");
    assert_int_equal(world_command(&world, 0, import(MANY, false)), REPLY_OK);
    entries(0, 1, "");
    size_t replies = world.node[0].replies;
    world_ask(&world, 0, import(1, true));
    while (!sweeping(core())) {
        world_steps(&world, 1);
        world_wake(&world, 0);
    }
    assert_int_equal(world.node[0].replies, replies + 1);
    assert_int_equal(live(), 1);

    beside = true;
    grown = 0;
    entries(MANY, MANY, "");
    world_ask(&world, 1, import(MANY, false));
    while (ils_goes_on(world.node[1].ils)) { /* nothing wakes the one that sweeps */
        world_steps(&world, 1);
        world_wake(&world, 1);
    }
    world_run(&world);
    assert_int_equal(grown, 1);
    assert_false(ils_goes_on(core()));
    assert_int_equal(live(), 1);
    assert_true(has("+4400000000", ""));
    assert_false(world_answers(&world, 0, "+4400000001"));
    assert_true(world_answers(&world, 0, "+4400060000"));
    assert_true(world_answers(&world, 0, "+4400119999"));
}

/* --- an end that is no change */

static void test_refused(void **state)
{
    (void)state;
    entries(0, ENTRIES, "");
    assert_int_equal(add("+4400039999", "manual"), REPLY_OK);
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_ENTRY_TAKEN);
    assert_int_equal(live(), 1);
    assert_int_equal(world_command(&world, 0, import(ENTRIES - 1, false)), REPLY_OK);
    assert_int_equal(live(), ENTRIES);
    assert_int_equal(world_command(&world, 0, import(10, false)), REPLY_SHRINKS);
    change[9].source = slice_of("another"); /* what is lent is taken as it is */
    assert_int_equal(world_command(&world, 0, import(10, true)), REPLY_TEXT_TOO_LONG);
    assert_int_equal(live(), ENTRIES);
    assert_int_equal(core()->planlog.last, 2);
}

static void test_disk(void **state)
{
    (void)state;
    entries(0, ENTRIES, "");
    uint64_t usn = core()->own->head.usn;
    world.node[0].full = true;
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_STORE);
    assert_int_equal(live(), 0);
    assert_int_equal(core()->own->head.usn, usn);
    world.node[0].full = false;
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    assert_int_equal(live(), ENTRIES);
    world.node[0].full = true;
    entries(ENTRIES / 2, ENTRIES, "x");
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_STORE);
    assert_int_equal(live(), ENTRIES);
    assert_true(has("+4400000000", "") && has("+4400020000", ""));
    world.node[0].full = false;
    assert_int_equal(world_command(&world, 0, import(ENTRIES, false)), REPLY_OK);
    assert_true(has("+4400059999", "x") && !has("+4400000000", ""));
}

/* The n-th request is refused in the middle of an import of two steps and more. */
static void test_memory(void **state)
{
    (void)state;
    size_t n = 1, refused = 0, broken = 0;
    assert_int_equal(add("+81312345678", "manual"), REPLY_OK);
    for (bool over = false; !over; n += 1 + n / 6) {
        entries(n % 2 * 1000, STEP_CHANGES + 5000, n % 3 == 0 ? "a" : "b");
        uint64_t was = live(), usn = core()->own->head.usn;
        mem.requests = 0;
        mem.refuse_at = n;
        enum reply reply = world_command(&world, 0, import(STEP_CHANGES + 5000, true));
        over = mem.requests < n;
        mem.refuse_at = 0;
        if (world.node[0].dead) { /* the disk has it, and there was no memory for it */
            broken++;
            teardown(NULL);
            setup(NULL);
            assert_int_equal(add("+81312345678", "manual"), REPLY_OK);
            continue;
        }
        assert_true(reply == REPLY_OK || reply == REPLY_MEMORY);
        refused += reply != REPLY_OK;
        assert_int_equal(live(), reply == REPLY_OK ? STEP_CHANGES + 5001 : was);
        if (reply != REPLY_OK)
            assert_int_equal(core()->own->head.usn, usn);
    }
    print_message("# %zu refused, %zu at an end, the last at request %zu\n", refused, broken, n);
    assert_true(refused > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unordered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside_a_learned_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    change = calloc(MANY, sizeof *change);
    text = calloc(MANY, 12);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(change);
    free(text);
    return failed;
}
