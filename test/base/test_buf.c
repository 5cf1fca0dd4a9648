/* buf: what is written, the maximum, the sticky failure. */
#include "test.h"

#include "base/buf.h"

static void test_integers(void **state)
{
    static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                       0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 'x',  'y'};
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 100);
    buf_put_u8(&b, 0x01);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    buf_put_text(&b, "xy");
    buf_put_text(&b, "");
    buf_put_slice(&b, slice_make(NULL, 0));
    assert_false(b.failed);
    assert_int_equal(b.n, sizeof expected);
    assert_memory_equal(b.p, expected, sizeof expected);
    buf_done(&b);
}

static void assert_text(uint64_t v, const char *text)
{
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 100);
    buf_put_decimal(&b, v);
    assert_int_equal(b.n, strlen(text));
    assert_memory_equal(b.p, text, b.n);
    buf_done(&b);
}

static void test_decimal(void **state)
{
    assert_text(0, "0");
    assert_text(9, "9");
    assert_text(10, "10");
    assert_text(UINT64_MAX, "18446744073709551615");
}

static void assert_varint(uint64_t v, const char *bytes, size_t n)
{
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 100);
    buf_put_varint(&b, v);
    assert_int_equal(b.n, n);
    assert_memory_equal(b.p, bytes, n);
    buf_done(&b);
}

static void test_varint(void **state)
{
    assert_varint(0, "\x00", 1);
    assert_varint(127, "\x7f", 1);
    assert_varint(128, "\x80\x01", 2);
    assert_varint(300, "\xac\x02", 2);
    assert_varint(UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
}

static void test_maximum(void **state)
{
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, 5);
    buf_put_text(&b, "abcd");
    buf_put_u16(&b, 1); /* refused whole */
    assert_true(b.failed);
    assert_int_equal(b.n, 4);
    buf_put_u8(&b, 1); /* would fit, but the failure sticks */
    assert_int_equal(b.n, 4);
    assert_null(buf_extend(&b, 0));
    buf_reset(&b);
    assert_false(b.failed);
    buf_put_text(&b, "abcde");
    assert_false(b.failed);
    assert_int_equal(b.n, 5);
    assert_true(b.size <= 5);
    buf_done(&b);
    assert_int_equal(t.mem.used, 0);

    buf_init(&b, &t.mem, 0);
    assert_null(buf_extend(&b, 1));
    assert_true(b.failed);
    buf_done(&b);
}

static void test_drop(void **state)
{
    struct test_mem t;
    struct buf b;
    test_mem_init(&t, 0);
    buf_init(&b, &t.mem, SIZE_MAX);
    buf_put_text(&b, "abcdef");
    buf_drop(&b, 0);
    buf_drop(&b, 2);
    assert_true(slice_eq(buf_slice(&b), slice_of("cdef")));
    buf_drop(&b, 100);
    assert_int_equal(b.n, 0);
    buf_done(&b);
}

static void use(struct mem *mem)
{
    struct buf b;
    buf_init(&b, mem, 100000);
    size_t expected = 0;
    for (int i = 0; i < 1000; i++) {
        buf_put_text(&b, "0123456789");
        expected += b.failed ? 0 : 10;
    }
    assert_int_equal(b.n, expected);
    buf_done(&b);
}

static void test_refusals(void **state)
{
    test_every_refusal(use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_varint),   cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_drop),     cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
