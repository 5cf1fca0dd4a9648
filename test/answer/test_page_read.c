/* test_page_read: what of a browser's request is taken, and what is not. */
#include "answer/page.h"
#include "test.h"

#define NOT_SENT slice_make(NULL, 0)
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"

static void test_origin(void **state)
{
    struct slice host = slice_of("ils.example.com:7543");
    (void)state;
    assert_true(page_origin_good(host, NOT_SENT, NOT_SENT));
    assert_true(page_origin_good(host, slice_of("https://ils.example.com:7543"),
                                 slice_of("same-origin")));
    assert_true(page_origin_good(host, NOT_SENT, slice_of("none")));
    assert_false(page_origin_good(host, slice_of("http://ils.example.com:7543"), NOT_SENT));
    assert_false(page_origin_good(host, slice_of("https://ils.example.com"), NOT_SENT));
    assert_false(page_origin_good(host, slice_of("https://ils.example.com:7543.evil"), NOT_SENT));
    assert_false(page_origin_good(host, slice_of("null"), NOT_SENT));
    assert_false(page_origin_good(host, slice_of(""), NOT_SENT));
    assert_false(page_origin_good(slice_of(""), slice_of("https://"), NOT_SENT));
    assert_false(page_origin_good(host, NOT_SENT, slice_of("same-site")));
    assert_false(page_origin_good(host, NOT_SENT, slice_of("cross-site")));
}

static void test_cookie(void **state)
{
    struct slice id;
    (void)state;
    assert_true(page_cookie(slice_of("a=b; __Host-ils=" ID " ;c"), &id));
    assert_true(slice_eq(id, slice_of(ID)));
    assert_false(page_cookie(slice_of("__Host-ils=" ID "; __Host-ils=" ID), &id));
    assert_false(page_cookie(slice_of("__host-ils=" ID), &id));
    assert_false(page_cookie(slice_of("__Host-ils=" ID "0"), &id));
    assert_false(page_cookie(slice_of("__Host-ils"), &id));
    assert_false(page_cookie(slice_of(""), &id));
    assert_false(page_cookie(NOT_SENT, &id));
}

static void test_command(void **state)
{
    char name[PAGE_COMMAND_MAX];
    (void)state;
    assert_true(page_command(slice_of("/api/v1/plan/confirm-shrink"), name));
    assert_string_equal(name, "plan confirm-shrink");
    assert_false(page_command(slice_of("/api/v1/"), name));
    assert_false(page_command(slice_of("/api/v1/plan//log"), name));
    assert_false(page_command(slice_of("/api/v1/plan/"), name));
    assert_false(page_command(slice_of("/api/v1/Plan"), name));
    assert_false(page_command(slice_of("/api/v2/plan"), name));
    assert_false(page_command(slice_of("/api/v1/plan%20log"), name));
    assert_false(page_command(slice_of("/api/v1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), name));
}

static void test_code(void **state)
{
    char code[PAGE_CODE_MAX + 1];
    (void)state;
    assert_true(page_code(slice_of(" abcd-efgh 2345"), PAGE_CODE_MAX, code));
    assert_string_equal(code, "ABCDEFGH2345");
    assert_false(page_code(slice_of("ABCD-EFGH-234"), PAGE_CODE_MAX, code));
    assert_false(page_code(slice_of("ABCD-EFGH-23456"), PAGE_CODE_MAX, code));
    assert_false(page_code(slice_of("ABCD-EFGH-2341"), PAGE_CODE_MAX, code));
}

static void test_digits(void **state)
{
    uint32_t number;
    (void)state;
    assert_true(page_digits(slice_of(" 012 345"), &number));
    assert_int_equal(number, 12345);
    assert_false(page_digits(slice_of("01234"), &number));
    assert_false(page_digits(slice_of("0123456"), &number));
    assert_false(page_digits(slice_of("01234x"), &number));
    assert_false(page_digits(slice_of("-12345"), &number));
    assert_false(page_digits(NOT_SENT, &number));
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(page_match(slice_of("\"a\", W/\"b\""), slice_of("\"b\"")));
    assert_false(page_match(slice_of("\"a\""), slice_of("\"b\"")));
    assert_true(page_gzip(slice_of("br, GZIP;q=0.5")));
    assert_true(page_gzip(slice_of("*")));
    assert_false(page_gzip(slice_of("gzip;q=0.000, *")));
    assert_false(page_gzip(slice_of("*;q=0")));
    assert_false(page_gzip(slice_of("xgzip, identity")));
    assert_false(page_gzip(NOT_SENT));
    assert_true(page_type_is(slice_of("Application/JSON; charset=utf-8"), "application/json"));
    assert_false(page_type_is(NOT_SENT, "application/json"));
    assert_false(page_type_is(slice_of("application/jsonp"), "application/json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin), cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_command), cmocka_unit_test(test_code),
        cmocka_unit_test(test_digits), cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
