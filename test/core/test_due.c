/* What is due by time alone: nothing else happens, and it is done at its time all the same. */
#include "desk.h"

static struct test_mem mem;
static struct desk desk;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    memset(&desk, 0, sizeof desk);
    desk_start(&desk, &mem.mem);
    desk_hub(&desk);
    desk_pass(&desk, 2 * PEER_ROW_US);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_stop(&desk);
    desk_clear(&desk);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* Wakes it when it asks for it and at no other time; how often until t has passed. */
static size_t by_itself(tick t)
{
    tick end = desk.now + t;
    size_t n = 0;
    for (; ils_deadline(desk.ils) <= end && n < 1000; n++) {
        tick next = ils_deadline(desk.ils);
        desk.now = next > desk.now ? next : desk.now + 1;
        desk_step(&desk, (struct ils_event){.type = ILS_EV_DEADLINE});
    }
    desk.now = end;
    return n;
}

static bool active(enum alarm alarm, const char *subject)
{
    return alarm_last(desk.ils, alarm, slice_of(subject)) != 0;
}

static void raise(enum alarm alarm, const char *subject)
{
    desk_begin(&desk);
    alarm_raise(desk.ils, alarm, slice_of(subject));
    desk_end(&desk);
}

static void attempts_are_over(void **state)
{
    (void)state;
    by_itself(9 * 60 * TICK_S);
    raise(ILSPwdAuthenticationFailed, "10.0.0.9");
    by_itself(ALARM_OVER_US - TICK_S);
    raise(ILSTLSAuthenticationFailed, "10.0.0.8");
    assert_true(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
    by_itself(2 * TICK_S);
    assert_false(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
    assert_true(active(ILSTLSAuthenticationFailed, "10.0.0.8"));
    by_itself(ALARM_OVER_US);
    assert_false(active(ILSTLSAuthenticationFailed, "10.0.0.8"));
}

static void again_it_lasts(void **state)
{
    (void)state;
    raise(ILSPwdAuthenticationFailed, "10.0.0.9");
    by_itself(ALARM_OVER_US - TICK_S);
    raise(ILSPwdAuthenticationFailed, "10.0.0.9");
    by_itself(ALARM_OVER_US - TICK_S);
    assert_true(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
    by_itself(2 * TICK_S);
    assert_false(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
}

/* An alarm that a restart finds is over some time after the restart. */
static void stored(void **state)
{
    (void)state;
    raise(ILSPwdAuthenticationFailed, "10.0.0.9");
    desk_stop(&desk);
    desk_start(&desk, &mem.mem);
    assert_true(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
    by_itself(ALARM_OVER_US + TICK_S);
    assert_false(active(ILSPwdAuthenticationFailed, "10.0.0.9"));
}

/* As long as the copy is there; and nobody is woken again and again for it. */
static void of_a_copy(void **state)
{
    (void)state;
    raise(ILSDuplicateClusterID, "osaka");
    by_itself(REFUSED_WAIT_US);
    assert_true(active(ILSDuplicateClusterID, "osaka"));
    by_itself(REFUSED_WAIT_US);
    assert_false(active(ILSDuplicateClusterID, "osaka"));
    raise(ILSDuplicateClusterID, "osaka");
    desk.ils->cloned = true;
    desk.ils->cloned_at = TICK_NEVER / 2;
    text_set(desk.ils->refused_as, slice_of("osaka"));
    assert_true(by_itself(4 * REFUSED_WAIT_US) < 100);
    assert_true(active(ILSDuplicateClusterID, "osaka"));
}

/* The row of a peer that has just been stored waits for a while, and no longer. */
static void rows_of_peers(void **state)
{
    (void)state;
    uint8_t key[KEY_SIZE] = {7};
    desk_begin(&desk);
    struct peer *p = peer_get(desk.ils, key);
    peer_dirty(desk.ils, p);
    desk_end(&desk);
    by_itself(TICK_S);
    assert_false(p->dirty);
    desk_begin(&desk);
    peer_dirty(desk.ils, p);
    desk_end(&desk);
    by_itself(TICK_S);
    assert_true(p->dirty);
    by_itself(PEER_ROW_US + TICK_S);
    assert_false(p->dirty);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(attempts_are_over), TEST(again_it_lasts), TEST(stored),
                                       TEST(of_a_copy), TEST(rows_of_peers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
