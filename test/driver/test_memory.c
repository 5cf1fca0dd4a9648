/* test_memory: blocks of every size, many at once, keep their bytes and do not overlap; what is
 * given back is used again, and in the end nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "driver/memory.h"

#define BLOCKS 400

struct block {
    uint8_t *p;
    size_t n;
    uint8_t mark;
};

static size_t some_size(struct rand *random)
{
    static const size_t edges[] = {1, 32767, 32768, 32769, 65536, 98303, 98304, 4194304, 5000000};
    switch (rand_below(random, 8)) {
    case 0: return edges[rand_below(random, sizeof edges / sizeof edges[0])];
    case 1: return 1 + rand_below(random, 300000);
    default: return 30000 + rand_below(random, 70000);
    }
}

static void check(const struct block *b)
{
    for (size_t i = 0; i < b->n; i += i + 997 < b->n ? 997 : 1)
        assert_int_equal(b->p[i], b->mark);
}

static void change(struct memory *m, struct block *b, size_t n, uint8_t mark)
{
    check(b);
    uint8_t *p = memory_resize(m, b->p, b->n, n);
    if (n > 0)
        assert_non_null(p);
    for (size_t i = 0; i < (n < b->n ? n : b->n); i += 499)
        assert_int_equal(p[i], b->mark);
    if (n > 0)
        memset(p, mark, n);
    *b = (struct block){n > 0 ? p : NULL, n, mark};
}

static void test_blocks(void **state)
{
    (void)state;
    struct memory m = {0};
    struct block blocks[BLOCKS] = {0};
    struct rand random;
    rand_seed(&random, 7);
    for (unsigned i = 0; i < 6000; i++) {
        struct block *b = &blocks[rand_below(&random, BLOCKS)];
        size_t n = rand_below(&random, 3) == 0 ? 0 : some_size(&random);
        if (n > 1000000 && rand_below(&random, 8) != 0)
            n = 0;
        if (b->p != NULL || n > 0)
            change(&m, b, n, (uint8_t)i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].p != NULL)
            change(&m, &blocks[i], 0, 0);
    }
    assert_true(m.regions <= 1);
    memory_done(&m);
    assert_int_equal(m.regions, 0);
    assert_null(m.first);
}

/* Room that was given back is found again, in whatever region it is. */
static void test_again(void **state)
{
    (void)state;
    struct memory m = {0};
    struct block blocks[BLOCKS] = {0};
    for (size_t i = 0; i < BLOCKS; i++)
        change(&m, &blocks[i], 66000, (uint8_t)i);
    size_t regions = m.regions;
    for (int round = 0; round < 20; round++) {
        for (size_t i = (size_t)round % 7; i < BLOCKS; i += 7)
            change(&m, &blocks[i], 0, 0);
        for (size_t i = (size_t)round % 7; i < BLOCKS; i += 7)
            change(&m, &blocks[i], 66000 - 10 * (i % 5), (uint8_t)i);
    }
    assert_int_equal(m.regions, regions);
    for (size_t i = 0; i < BLOCKS; i++)
        change(&m, &blocks[i], 0, 0);
    memory_done(&m);
}

/* Without regions all is the C library's. */
static void test_plain(void **state)
{
    (void)state;
    struct block b = {0};
    change(NULL, &b, 65000, 1);
    change(NULL, &b, 200000, 2);
    change(NULL, &b, 40000, 3);
    change(NULL, &b, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
