/* The simulated disk: order, atomicity, what a crash leaves, and its planted bugs. */
#include "test.h"

#include "sim/disk.h"

static struct row row(uint8_t space, const char *key, const char *value)
{
    return (struct row){.space = space, .key = slice_of(key), .value = slice_of(value)};
}

static void put(struct disk *d, tick now, uint64_t batch, const char *value)
{
    struct row pair[2] = {row(ROW_SETTING, "a", value), row(ROW_SETTING, "b", value)};
    disk_store(d, now, batch, pair, 2);
}

static bool pair_is(const struct disk *d, const char *value)
{
    return slice_eq(disk_find(d, ROW_SETTING, slice_of("a")), slice_of(value)) &&
           slice_eq(disk_find(d, ROW_SETTING, slice_of("b")), slice_of(value));
}

static void rows_by_space(void **state)
{
    struct disk d;
    disk_init(&d, 1, BUG_NONE);
    struct row rows[4] = {row(ROW_ALARM, "x", ""), row(ROW_STREAM, "s", "1"),
                          row(ROW_SEGMENT, "z", "2"), row(ROW_SETTING, "q", "3")};
    tick at = disk_store(&d, 0, 1, rows, 4);
    uint64_t batch;
    bool failed;
    assert_true(disk_finish(&d, at, &batch, &failed));
    assert_false(failed);
    assert_int_equal(batch, 1);
    assert_int_equal(d.n, 4);
    assert_int_equal(disk_row(&d, 0)->space, ROW_SETTING);
    assert_int_equal(disk_row(&d, 1)->space, ROW_STREAM);
    assert_int_equal(disk_row(&d, 2)->space, ROW_SEGMENT);
    assert_int_equal(disk_row(&d, 3)->space, ROW_ALARM);
    rows[1].remove = true;
    at = disk_store(&d, at, 2, rows + 1, 1);
    assert_true(disk_finish(&d, at, &batch, &failed));
    assert_int_equal(d.n, 3);
    assert_false(disk_finish(&d, at, &batch, &failed));
    disk_done(&d);
}

static void crash_leaves_a_prefix(void **state)
{
    bool seen[3] = {false};
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct disk d;
        disk_init(&d, seed, BUG_NONE);
        uint64_t batch;
        bool failed;
        put(&d, 0, 1, "1");
        assert_true(disk_finish(&d, TICK_S, &batch, &failed));
        put(&d, TICK_S, 2, "2");
        put(&d, TICK_S, 3, "3");
        disk_crash(&d, TICK_S);
        assert_false(disk_finish(&d, 9 * TICK_S, &batch, &failed));
        seen[0] |= pair_is(&d, "1");
        seen[1] |= pair_is(&d, "2");
        seen[2] |= pair_is(&d, "3");
        assert_true(pair_is(&d, "1") || pair_is(&d, "2") || pair_is(&d, "3"));
        disk_done(&d);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void failed_batch_changes_nothing(void **state)
{
    struct disk d;
    disk_init(&d, 1, BUG_NONE);
    uint64_t batch;
    bool failed;
    put(&d, 0, 1, "1");
    d.fail_next = 1;
    put(&d, 0, 2, "2");
    assert_true(disk_finish(&d, TICK_S, &batch, &failed));
    assert_false(failed);
    assert_true(disk_finish(&d, TICK_S, &batch, &failed));
    assert_true(failed);
    assert_true(pair_is(&d, "1"));
    disk_done(&d);
}

static void planted_ack_loses_what_was_said(void **state)
{
    struct disk d;
    disk_init(&d, 1, BUG_ACK_BEFORE_DURABLE);
    uint64_t batch;
    bool failed;
    d.latency_min = d.latency_max = 50 * TICK_MS;
    put(&d, 0, 1, "1");
    assert_true(disk_finish(&d, 10, &batch, &failed));
    disk_crash(&d, TICK_MS);
    assert_false(pair_is(&d, "1"));
    put(&d, TICK_S, 2, "2");
    assert_true(disk_finish(&d, TICK_S + 10, &batch, &failed));
    disk_crash(&d, 2 * TICK_S); /* by then it was durable */
    assert_true(pair_is(&d, "2"));
    disk_done(&d);
}

static void planted_forgetting_and_old_images(void **state)
{
    bool lost = false, old = false;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct disk d;
        uint64_t batch;
        bool failed;
        disk_init(&d, seed, seed % 2 == 0 ? BUG_FORGET_ROW : BUG_OLD_IMAGE);
        const char *value[4] = {"1", "2", "3", "4"};
        for (uint64_t i = 0; i < 4; i++) {
            put(&d, (tick)i * TICK_S, i + 1, value[i]);
            assert_true(disk_finish(&d, (tick)(i + 1) * TICK_S, &batch, &failed));
        }
        disk_crash(&d, 9 * TICK_S);
        lost |= d.n == 1;
        old |= pair_is(&d, "1") || pair_is(&d, "2") || pair_is(&d, "3");
        disk_done(&d);
    }
    assert_true(lost && old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_by_space),
        cmocka_unit_test(crash_leaves_a_prefix),
        cmocka_unit_test(failed_batch_changes_nothing),
        cmocka_unit_test(planted_ack_loses_what_was_said),
        cmocka_unit_test(planted_forgetting_and_old_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
