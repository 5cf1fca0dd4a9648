/* Tables of numbers as people write them. */
#include "../test.h"
#include "plan/entry.h"

struct row {
    const char *text;
    bool e164;
    const char *canonical; /* NULL: refused */
    enum entry_error error;
};

static const struct row rows[] = {
    {"8000", false, "8000", ENTRY_OK},
    {"0", false, "0", ENTRY_OK},
    {"03-1234-5678", false, "0312345678", ENTRY_OK},
    {"(03) 1234.5678", false, "0312345678", ENTRY_OK},
    {" 80\t00 ", false, "8000", ENTRY_OK},
    {"(0)312", false, "0312", ENTRY_OK},
    {"123456789012345678901234", false, "123456789012345678901234", ENTRY_OK},
    {"+81312345678", true, "+81312345678", ENTRY_OK},
    {"+81 3-1234-5678", true, "+81312345678", ENTRY_OK},
    {"(+81) 3 1234 5678", true, "+81312345678", ENTRY_OK},
    {" +1 (201) 555.0123", true, "+12015550123", ENTRY_OK},
    {"+123456789012345678901234", true, "+123456789012345678901234", ENTRY_OK},
    {"", false, NULL, ENTRY_ERROR_EMPTY},
    {"", true, NULL, ENTRY_ERROR_EMPTY},
    {"-", false, NULL, ENTRY_ERROR_EMPTY},
    {" ( ) ", true, NULL, ENTRY_ERROR_EMPTY},
    {"1234567890123456789012345", false, NULL, ENTRY_ERROR_TOO_LONG},
    {"+1234567890123456789012345", true, NULL, ENTRY_ERROR_TOO_LONG},
    {"+8000", false, NULL, ENTRY_ERROR_CHARACTER},
    {"80x0", false, NULL, ENTRY_ERROR_IS_PATTERN},
    {"80XX", false, NULL, ENTRY_ERROR_IS_PATTERN},
    {"80[1-5]", false, NULL, ENTRY_ERROR_IS_PATTERN},
    {"X", false, NULL, ENTRY_ERROR_CHARACTER},
    {"*80", false, NULL, ENTRY_ERROR_CHARACTER},
    {"80#", false, NULL, ENTRY_ERROR_CHARACTER},
    {"80/00", false, NULL, ENTRY_ERROR_CHARACTER},
    {"80\n00", false, NULL, ENTRY_ERROR_CHARACTER},
    {"81312345678", true, NULL, ENTRY_ERROR_NOT_E164},
    {"+", true, NULL, ENTRY_ERROR_NOT_E164},
    {"++81", true, NULL, ENTRY_ERROR_NOT_E164},
    {"+81+3", true, NULL, ENTRY_ERROR_NOT_E164},
    {"+81x", true, NULL, ENTRY_ERROR_IS_PATTERN},
    {"+81!", true, NULL, ENTRY_ERROR_IS_PATTERN},
    {"+81 (0)3 1234 5678", true, NULL, ENTRY_ERROR_NOT_E164},
    {"0081", true, NULL, ENTRY_ERROR_NOT_E164},
    /* full-width digits, plus and brackets; hyphens of typographers; a blank of Japanese text */
    {"\xef\xbc\x90\xef\xbc\x93", false, "03", ENTRY_OK},
    {"\xef\xbc\x8b\x38\x31", true, "+81", ENTRY_OK},
    {"\xef\xbc\x90\xef\xbc\x93\xef\xbc\x8d\xef\xbc\x91", false, "031", ENTRY_OK},
    {"\xef\xbc\x88\xef\xbc\x90\xef\xbc\x93\xef\xbc\x89\xe3\x80\x80\xef\xbc\x99", false, "039",
     ENTRY_OK},
    {"03\xe2\x80\x90\x31\xe2\x88\x92\x32\xe3\x83\xbc\x33\xc2\xa0\x34", false, "031234", ENTRY_OK},
    {"\xe2\x80\xad+81 3\xe2\x80\xac", true, "+813", ENTRY_OK},
    {"+81 \xef\xbc\x88\xef\xbc\x90\xef\xbc\x89 3", true, NULL, ENTRY_ERROR_NOT_E164},
    {"\xef\xbc\xa1", false, NULL, ENTRY_ERROR_CHARACTER},
    {"\xe5\x9b\x9b", false, NULL, ENTRY_ERROR_CHARACTER},
    {"80\x82\x4f", false, NULL, ENTRY_ERROR_ENCODING},
    {"+81\x82\x4f", true, NULL, ENTRY_ERROR_ENCODING},
};

static void test_rows(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice ret;
        enum entry_error error = number_parse(&a, slice_of(rows[i].text), rows[i].e164, &ret);
        if (error != rows[i].error)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(error, rows[i].error);
        if (rows[i].canonical == NULL) {
            assert_int_equal(ret.n, 0);
            continue;
        }
        assert_true(slice_eq(ret, slice_of(rows[i].canonical)));
        struct slice again;
        assert_int_equal(number_parse(&a, ret, rows[i].e164, &again), ENTRY_OK);
        assert_true(slice_eq(ret, again));
    }
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_nul_is_refused(void **state)
{
    struct test_mem t;
    struct arena a;
    struct slice ret;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_int_not_equal(number_parse(&a, slice_make("80\0", 3), false, &ret), ENTRY_OK);
    assert_int_not_equal(number_parse(&a, slice_make("+80\0", 4), true, &ret), ENTRY_OK);
    arena_done(&a);
}

static void refusal_body(struct mem *mem)
{
    struct arena a;
    struct slice ret;
    arena_init(&a, mem);
    enum entry_error error = number_parse(&a, slice_of("+81312345678"), true, &ret);
    assert_true(error == (a.failed ? ENTRY_ERROR_MEMORY : ENTRY_OK));
    arena_done(&a);
}

static void test_refusals(void **state)
{
    test_every_refusal(refusal_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
