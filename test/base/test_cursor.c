/* cursor: reads, the sticky error, the one spelling of a varint. */
#include "test.h"

#include "base/cursor.h"

static void test_reads(void **state)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', 'c'};
    struct cursor c;
    uint8_t two[2];
    cursor_init(&c, slice_make(in, sizeof in));
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u32(&c), 0x04050607);
    assert_true(cursor_u64(&c) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(cursor_left(&c), 3);
    assert_false(cursor_done(&c));
    struct slice s = cursor_bytes(&c, 1);
    assert_ptr_equal(s.p, in + 15);
    cursor_copy(&c, two, 2);
    assert_memory_equal(two, "bc", 2);
    cursor_copy(&c, NULL, 0);
    assert_true(cursor_done(&c));
}

static void test_error_sticks(void **state)
{
    static const uint8_t in[] = {1, 2, 3};
    struct cursor c;
    uint8_t dst[2] = {9, 9};
    cursor_init(&c, slice_make(in, 3));
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0); /* one is left, but nothing is read any more */
    cursor_copy(&c, dst, 2);
    assert_int_equal(dst[0] | dst[1], 0);
    assert_null(cursor_bytes(&c, 1).p);
    assert_int_equal(cursor_left(&c), 0);
    assert_false(cursor_done(&c));

    cursor_init(&c, slice_make(NULL, 0));
    assert_true(cursor_done(&c));
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.failed);
}

static bool varint(const char *bytes, size_t n, uint64_t *ret)
{
    struct cursor c;
    cursor_init(&c, slice_make(bytes, n));
    *ret = cursor_varint(&c);
    assert_true(!c.failed || *ret == 0);
    return cursor_done(&c);
}

static void test_varint(void **state)
{
    uint64_t v;
    assert_true(varint("\x00", 1, &v) && v == 0);
    assert_true(varint("\x7f", 1, &v) && v == 127);
    assert_true(varint("\x80\x01", 2, &v) && v == 128);
    assert_true(varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, &v) && v == UINT64_MAX);
    assert_false(varint("\x80", 1, &v));
    assert_false(varint("\x80\x00", 2, &v)); /* 0, longer than needed */
    assert_false(varint("\xff\x80\x00", 3, &v));
    assert_false(varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &v)); /* 65 bits */
    assert_false(varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_error_sticks),
        cmocka_unit_test(test_varint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
