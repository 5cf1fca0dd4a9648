/* arena: alignment, zeroing, chunks of their own, reset and done. */
#include "test.h"

#include "base/arena.h"

static void test_alloc(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    uint8_t *former = NULL;
    for (size_t n = 0; n < 3000; n += 7) {
        uint8_t *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_ptr_not_equal(p, former);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
        former = p;
    }
    assert_false(a.failed);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_chunks_double(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    arena_alloc(&a, 1);
    assert_int_equal(t.mem.used, 4096);
    arena_alloc(&a, 4096);
    assert_int_equal(t.mem.used, 4096 + 8192);
    arena_alloc(&a, 30000);
    assert_int_equal(t.mem.used, 4096 + 8192 + 32768);
    void *shared = arena_alloc(&a, 16);
    void *own = arena_alloc(&a, 100000);
    assert_non_null(own);
    size_t used = t.mem.used;
    assert_in_range(used, 4096 + 8192 + 32768 + 100000, 4096 + 8192 + 32768 + 100100);
    /* The room left in the shared chunk is still there. */
    assert_ptr_equal(arena_alloc(&a, 16), (uint8_t *)shared + 16);
    assert_int_equal(t.mem.used, used);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_reset(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    memset(arena_alloc(&a, 200), 1, 200);
    arena_alloc(&a, 200000);
    arena_reset(&a);
    assert_int_equal(t.mem.used, 4096);
    uint8_t *p = arena_alloc(&a, 200);
    assert_int_equal(p[0], 0);
    assert_int_equal(p[199], 0);
    assert_int_equal(t.mem.used, 4096);

    arena_reset(&a);
    arena_done(&a);
    arena_alloc(&a, 200000); /* only a chunk of its own: nothing worth keeping */
    arena_reset(&a);
    assert_int_equal(t.mem.used, 0);
    arena_done(&a);
}

static void test_copy(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    struct slice s = arena_copy(&a, slice_of("route"));
    assert_true(slice_eq(s, slice_of("route")));
    s = arena_copy(&a, slice_make(NULL, 0));
    assert_null(s.p);
    assert_int_equal(s.n, 0);
    arena_done(&a);
}

static void test_refusal_sticks(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    t.mem.budget = 5000;
    arena_init(&a, &t.mem);
    assert_non_null(arena_alloc(&a, 10));
    assert_null(arena_alloc(&a, 6000));
    assert_true(a.failed);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 10)); /* small things still fit */
    assert_true(a.failed);
    arena_reset(&a);
    assert_false(a.failed);
    arena_done(&a);
}

static void use(struct mem *mem)
{
    struct arena a;
    arena_init(&a, mem);
    for (size_t n = 1; n < 200000; n *= 3)
        arena_alloc(&a, n);
    arena_copy(&a, slice_of("copied"));
    arena_reset(&a);
    assert_false(a.failed);
    arena_alloc(&a, 10000);
    arena_done(&a);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),          cmocka_unit_test(test_chunks_double),
        cmocka_unit_test(test_reset),          cmocka_unit_test(test_copy),
        cmocka_unit_test(test_refusal_sticks), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
