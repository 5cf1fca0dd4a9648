/* tick: civil time against values computed apart. */
#include "test.h"

#include "base/tick.h"

static void assert_wall(wall t, const char *text)
{
    char dst[25];
    wall_text(dst, t);
    assert_string_equal(dst, text);
}

static void test_text(void **state)
{
    assert_wall(0, "");
    assert_wall(1, "1970-01-01T00:00:00.000Z");
    assert_wall(-1, "1969-12-31T23:59:59.999Z");
    assert_wall(INT64_C(1795344492345678), "2026-11-22T10:48:12.345Z");
    assert_wall(INT64_C(951868799999999), "2000-02-29T23:59:59.999Z");
    assert_wall(INT64_C(946598400000001), "1999-12-31T00:00:00.000Z");
    assert_wall(INT64_C(-2203891200000000), "1900-03-01T00:00:00.000Z");
    assert_wall(INT64_C(4107542399000000), "2100-02-28T23:59:59.000Z");
    assert_wall(INT64_C(4107542400000000), "2100-03-01T00:00:00.000Z"); /* no leap year */
    assert_wall(INT64_C(253402300799999999), "9999-12-31T23:59:59.999Z");
}

static void test_every_day(void **state)
{
    /* Day follows day through 800 years: the date moves by one, leap years as they must. */
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1600, month = 1, day = 1;
    for (int64_t d = -135140; d < 157057; d++) {
        struct civil c = civil_of(d * 86400 * TICK_S + 12345);
        assert_true(c.year == year && c.month == month && c.day == day && c.hour == 0);
        assert_int_equal(c.micro, 12345);
        int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (++day > length[month - 1] + leap) {
            day = 1;
            month = month % 12 + 1;
            year += month == 1;
        }
    }
}

static void test_ends(void **state)
{
    char dst[25];
    wall_text(dst, INT64_MAX);
    assert_int_equal(strlen(dst), 24);
    wall_text(dst, INT64_MIN);
    assert_int_equal(strlen(dst), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
