/* Codes by the time: those that RFC 6238 lists, and which of them are taken when. */
#include "test.h"

#include <stdbool.h>

#include "driver/totp.h"

static const uint8_t key[TOTP_KEY + 1] = "12345678901234567890";

static wall at(uint64_t seconds)
{
    return (wall)seconds * 1000000;
}

/* The last six of the eight digits of its appendix B. */
static void test_listed(void **state)
{
    static const struct {
        uint64_t seconds;
        uint32_t code;
    } listed[] = {{59, 287082},         {1111111109, 81804},  {1111111111, 50471},
                  {1234567890, 5924},   {2000000000, 279037}, {20000000000, 353130}};
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        assert_int_equal(totp_code(key, totp_step(at(listed[i].seconds))), listed[i].code);
    (void)state;
}

static void test_taken(void **state)
{
    uint64_t now = 1234567890, step = totp_step(at(now));
    for (uint64_t other = step - 3; other <= step + 3; other++) {
        bool beside = other == step - 1 || other == step + 1;
        uint32_t code = totp_code(key, other);
        assert_int_equal(totp_find(key, code, at(now), 0), other == step ? step : 0);
        assert_int_equal(totp_beside(key, code, at(now)), beside ? other : 0);
    }
    assert_int_equal(totp_find(key, 5925, at(now), 0), 0);
    assert_int_equal(totp_beside(key, 5925, at(now)), 0);
    (void)state;
}

/* What was taken once is taken no more, nor what was good before it. */
static void test_once(void **state)
{
    uint64_t now = 1234567890, step = totp_step(at(now));
    assert_int_equal(totp_find(key, totp_code(key, step), at(now), step - 1), step);
    assert_int_equal(totp_find(key, totp_code(key, step), at(now), step), 0);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
