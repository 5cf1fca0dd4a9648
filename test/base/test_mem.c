/* mem: every byte is counted, the budget holds, a refusal changes nothing. */
#include "test.h"

static void test_counts(void **state)
{
    struct test_mem t;
    test_mem_init(&t, 0);
    uint8_t *p = mem_alloc(&t.mem, 100);
    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal(t.mem.used, 100);
    memset(p, 7, 100);
    p = mem_resize(&t.mem, p, 100, 200);
    assert_int_equal(p[99], 7);
    assert_int_equal(p[100], 0);
    assert_int_equal(p[199], 0);
    assert_int_equal(t.mem.used, 200);
    p = mem_resize(&t.mem, p, 200, 50);
    assert_int_equal(t.mem.used, 50);
    assert_int_equal(t.mem.peak, 200);
    mem_free(&t.mem, p, 50);
    mem_free(&t.mem, NULL, 0);
    assert_int_equal(t.mem.used, 0);
    assert_null(mem_alloc(&t.mem, 0));
}

static void test_budget(void **state)
{
    struct test_mem t;
    test_mem_init(&t, 0);
    t.mem.budget = 100;
    void *p = mem_alloc(&t.mem, 60);
    assert_non_null(p);
    assert_null(mem_alloc(&t.mem, 41));
    assert_null(mem_alloc(&t.mem, SIZE_MAX));
    assert_null(mem_resize(&t.mem, p, 60, 101));
    assert_int_equal(t.mem.used, 60);
    void *q = mem_alloc(&t.mem, 40);
    assert_non_null(q);
    assert_int_equal(t.mem.used, 100);
    t.mem.budget = 10; /* a budget may shrink below what is out: only giving back works then */
    assert_null(mem_alloc(&t.mem, 1));
    p = mem_resize(&t.mem, p, 60, 30);
    assert_non_null(p);
    mem_free(&t.mem, p, 30);
    mem_free(&t.mem, q, 40);
    assert_int_equal(t.mem.used, 0);
    assert_int_equal(t.mem.peak, 100);
}

static void test_refused_by_the_allocator(void **state)
{
    struct test_mem t;
    test_mem_init(&t, 2);
    uint8_t *p = mem_alloc(&t.mem, 10);
    p[0] = 9;
    assert_null(mem_resize(&t.mem, p, 10, 20));
    assert_int_equal(p[0], 9);
    assert_int_equal(t.mem.used, 10);
    mem_free(&t.mem, p, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_refused_by_the_allocator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
