/* rand: the same numbers everywhere (computed apart), and fair ranges. */
#include "test.h"

#include "base/rand.h"

static void test_known(void **state)
{
    struct rand r;
    rand_seed(&r, 42);
    assert_true(rand_u64(&r) == UINT64_C(0x15780b2e0c2ec716));
    assert_true(rand_u64(&r) == UINT64_C(0x6104d9866d113a7e));
    assert_true(rand_u64(&r) == UINT64_C(0xae17533239e499a1));
    assert_true(rand_u64(&r) == UINT64_C(0xecb8ad4703b360a1));
    assert_true(mix64(UINT64_C(1234567) + UINT64_C(0x9e3779b97f4a7c15)) ==
                UINT64_C(6457827717110365317));
    assert_true(mix64(0) == 0);
}

static void test_below(void **state)
{
    struct rand r;
    unsigned count[7] = {0};
    rand_seed(&r, 7);
    assert_true(rand_below(&r, 0) == 0);
    assert_true(rand_below(&r, 1) == 0);
    for (int i = 0; i < 70000; i++)
        count[rand_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9600, 10400);
    uint64_t n = (UINT64_C(1) << 63) + 1; /* nearly half of all draws are drawn again */
    for (int i = 0; i < 1000; i++)
        assert_true(rand_below(&r, n) < n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
