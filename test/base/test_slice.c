/* slice: comparing, trimming, numbers, hex, UTF-8. */
#include "test.h"

#include "base/slice.h"

static void test_compare(void **state)
{
    struct slice nothing = slice_make(NULL, 0);
    assert_true(slice_eq(slice_of("abc"), slice_of("abc")));
    assert_false(slice_eq(slice_of("abc"), slice_of("abC")));
    assert_false(slice_eq(slice_of("abc"), slice_of("ab")));
    assert_true(slice_eq(nothing, slice_of("")));
    assert_true(slice_eq_fold(slice_of("aBc@[{"), slice_of("AbC@[{")));
    assert_false(slice_eq_fold(slice_of("@"), slice_of("`"))); /* differ in the case bit only */
    assert_false(slice_eq_fold(slice_of("abc"), slice_of("ab")));
    assert_true(slice_cmp(slice_of("ab"), slice_of("abc")) < 0);
    assert_true(slice_cmp(slice_of("b"), slice_of("abc")) > 0);
    assert_true(slice_cmp(slice_of("\xff"), slice_of("a")) > 0);
    assert_int_equal(slice_cmp(nothing, slice_of("")), 0);
    assert_true(slice_cmp(nothing, slice_of("a")) < 0);
}

static void test_trim_and_find(void **state)
{
    assert_true(slice_eq(slice_trim(slice_of(" \t\r\na b \n")), slice_of("a b")));
    assert_int_equal(slice_trim(slice_of(" \t ")).n, 0);
    assert_int_equal(slice_trim(slice_make(NULL, 0)).n, 0);
    assert_int_equal(slice_find(slice_of("a,b,c"), ','), 1);
    assert_int_equal(slice_find(slice_of("abc"), ','), 3);
    assert_int_equal(slice_find(slice_make(NULL, 0), ','), 0);
}

static void test_number(void **state)
{
    uint64_t v = 77;
    assert_true(slice_to_u64(slice_of("0"), 10, &v) && v == 0);
    assert_true(slice_to_u64(slice_of("0010"), 10, &v) && v == 10);
    assert_true(slice_to_u64(slice_of("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX);
    v = 77;
    assert_false(slice_to_u64(slice_of("18446744073709551616"), UINT64_MAX, &v));
    assert_false(slice_to_u64(slice_of("11"), 10, &v));
    assert_false(slice_to_u64(slice_of(""), 10, &v));
    assert_false(slice_to_u64(slice_of("+1"), 10, &v));
    assert_false(slice_to_u64(slice_of("1 "), 10, &v));
    assert_false(slice_to_u64(slice_of("1a"), 1000, &v));
    assert_true(v == 77);
}

static void test_text(void **state)
{
    char text[4];
    assert_int_equal(slice_to_text(slice_of("ab"), text, sizeof text), 2);
    assert_string_equal(text, "ab");
    assert_int_equal(slice_to_text(slice_of("abcdef"), text, sizeof text), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(slice_to_text(slice_make(NULL, 0), text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(slice_to_text(slice_of("ab"), text, 0), 0);
}

static void test_hex(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x9a, 0xff};
    uint8_t back[3];
    char text[7];
    hex_text(text, bytes, 3);
    assert_string_equal(text, "009aff");
    assert_true(hex_parse(back, 3, slice_of("009AFf")));
    assert_memory_equal(back, bytes, 3);
    assert_false(hex_parse(back, 3, slice_of("009af")));
    assert_false(hex_parse(back, 3, slice_of("009aff0")));
    assert_false(hex_parse(back, 3, slice_of("009aff00")));
    assert_false(hex_parse(back, 3, slice_of("009agg")));
    assert_true(hex_parse(back, 0, slice_of("")));
    hex_text(text, bytes, 0);
    assert_string_equal(text, "");
}

static bool utf8(const char *text, size_t n)
{
    return slice_is_utf8(slice_make(text, n));
}

static size_t steers(const char *text, size_t n)
{
    return slice_steers(slice_make(text, n));
}

static void test_steers(void **state)
{
    assert_int_equal(steers("\x1b[31m", 5), 1);
    assert_int_equal(steers("\0", 1), 1);
    assert_int_equal(steers("\x7f", 1), 1);
    assert_int_equal(steers("\xc2\x9b" "31m", 5), 2); /* CSI in one character */
    assert_int_equal(steers("\xd8\x9c", 2), 2);
    assert_int_equal(steers("\xe2\x80\xae" "a", 4), 3); /* right to left from here */
    assert_int_equal(steers("\xe2\x80\xa8", 3), 3);     /* another line */
    assert_int_equal(steers("\xe2\x81\xa9", 3), 3);
    assert_int_equal(steers("", 0), 0);
    assert_int_equal(steers(" ", 1), 0);
    assert_int_equal(steers("a\x1b", 2), 0); /* behind it */
    assert_int_equal(steers("\xc2\xa0", 2), 0);
    assert_int_equal(steers("\xd8\xa7", 2), 0);
    assert_int_equal(steers("\xe2\x80\xa7", 3), 0);
    assert_int_equal(steers("\xe2\x80\xaf", 3), 0);
    assert_int_equal(steers("\xe2\x81\xa5", 3), 0);
    assert_int_equal(steers("\xe2\x80", 2), 0); /* cut */
    assert_int_equal(steers("\xe3\x81\x82", 3), 0);
}

static void test_utf8(void **state)
{
    assert_true(utf8("", 0));
    assert_true(utf8("abc\x7f", 4));
    assert_true(utf8("\xc2\x80\xdf\xbf", 4));
    assert_true(utf8("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12));
    assert_true(utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8));
    assert_false(utf8("a\0b", 3));
    assert_false(utf8("\x80", 1));
    assert_false(utf8("\xc0\x80", 2)); /* overlong */
    assert_false(utf8("\xc1\xbf", 2));
    assert_false(utf8("\xe0\x9f\xbf", 3));
    assert_false(utf8("\xf0\x8f\xbf\xbf", 4));
    assert_false(utf8("\xed\xa0\x80", 3));     /* surrogate */
    assert_false(utf8("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
    assert_false(utf8("\xf5\x80\x80\x80", 4));
    assert_false(utf8("\xe3\x81", 2)); /* cut */
    assert_false(utf8("\xe3\x81"
                      "a",
                      3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_trim_and_find),
        cmocka_unit_test(test_number),  cmocka_unit_test(test_text),
        cmocka_unit_test(test_hex),     cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_steers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
