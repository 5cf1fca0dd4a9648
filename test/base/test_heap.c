/* heap: order, ties, growth. */
#include "test.h"

#include "base/heap.h"
#include "base/rand.h"

static void test_order(void **state)
{
    struct test_mem t;
    struct heap h;
    struct heap_item item, former = {INT64_MIN, 0, NULL};
    struct rand r;
    test_mem_init(&t, 0);
    heap_init(&h, &t.mem);
    rand_seed(&r, 1);
    assert_null(heap_first(&h));
    assert_false(heap_take(&h, &item));
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(heap_put(&h, (int64_t)rand_below(&r, 50) - 25, i, &h));
    for (int i = 0; i < 1000; i++) {
        const struct heap_item *first = heap_first(&h);
        assert_int_equal(first->order, heap_first(&h)->order);
        struct heap_item seen = *first;
        assert_true(heap_take(&h, &item));
        assert_true(item.key == seen.key && item.order == seen.order && item.value == &h);
        assert_true(item.key > former.key || (item.key == former.key && item.order > former.order));
        former = item;
    }
    assert_false(heap_take(&h, &item));
    heap_done(&h);
    assert_int_equal(t.mem.used, 0);
}

static void use(struct mem *mem)
{
    struct heap h;
    struct heap_item item;
    size_t put = 0, taken = 0;
    heap_init(&h, mem);
    for (uint64_t i = 0; i < 100; i++)
        put += heap_put(&h, -(int64_t)i, i, NULL);
    while (heap_take(&h, &item))
        taken++;
    assert_int_equal(put, taken);
    heap_done(&h);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
