/* hello: fields, what is no hello, and the version two ends share. */
#include "test.h"

#include "link/hello.h"

static const struct hello example = {.version_min = 1,
                                     .version_max = 3,
                                     .capabilities = 0x80000001,
                                     .required = 2,
                                     .method = METHOD_TLS_PASSWORD,
                                     .generation = 0x0102,
                                     .random = {0xaa, [31] = 0xbb}};

static void test_round_trip(void **state)
{
    struct test_mem t;
    struct buf b;
    struct hello h;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, HELLO_MAX);
    hello_put(&b, &example);
    assert_int_equal(b.n, HELLO_SIZE);
    assert_int_equal(hello_get(buf_slice(&b), &h), 0);
    assert_int_equal(h.version_min, 1);
    assert_int_equal(h.version_max, 3);
    assert_int_equal(h.capabilities, 0x80000001);
    assert_int_equal(h.required, 2);
    assert_int_equal(h.method, METHOD_TLS_PASSWORD);
    assert_int_equal(h.generation, 0x0102);
    assert_memory_equal(h.random, example.random, HELLO_RANDOM);

    /* Bytes of later versions are ignored, up to 256. */
    memset(buf_extend(&b, HELLO_MAX - HELLO_SIZE), 0x55, HELLO_MAX - HELLO_SIZE);
    assert_int_equal(hello_get(buf_slice(&b), &h), 0);
    uint8_t longer[HELLO_MAX + 1] = {0};
    memcpy(longer, b.p, HELLO_MAX);
    assert_int_equal(hello_get(slice_make(longer, sizeof longer), &h), -1);

    for (size_t n = 0; n < HELLO_SIZE; n++)
        assert_int_equal(hello_get(slice_make(b.p, n), &h), -1);
    for (size_t i = 0; i < 4; i++) {
        b.p[i] ^= 0x20;
        assert_int_equal(hello_get(buf_slice(&b), &h), -1);
        b.p[i] ^= 0x20;
    }
    buf_done(&b);
}

static uint8_t version(uint8_t a_min, uint8_t a_max, uint8_t b_min, uint8_t b_max)
{
    struct hello a = {.version_min = a_min, .version_max = a_max};
    struct hello b = {.version_min = b_min, .version_max = b_max};
    assert_int_equal(hello_version(&a, &b), hello_version(&b, &a));
    return hello_version(&a, &b);
}

static void test_version(void **state)
{
    assert_int_equal(version(1, 1, 1, 1), 1);
    assert_int_equal(version(1, 3, 2, 5), 3);
    assert_int_equal(version(1, 9, 2, 5), 5);
    assert_int_equal(version(1, 2, 3, 5), 0);
    assert_int_equal(version(2, 1, 1, 9), 0); /* an empty range */
    assert_int_equal(version(0, 0, 0, 0), 0);
    assert_int_equal(version(0, 255, 255, 255), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
