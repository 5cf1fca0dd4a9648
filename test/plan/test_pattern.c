/* Tables of patterns: what each becomes, and why each refused one is refused. */
#include "../test.h"

#include <stdio.h>

#include "naive_pattern.h"
#include "plan/pattern.h"

struct row {
    const char *text;
    bool e164;
    const char *canonical; /* NULL: refused */
    enum entry_error error;
};

static const struct row rows[] = {
    {"54XXX", false, "54XXX", ENTRY_OK},
    {"8000", false, "8000", ENTRY_OK},
    {"xX", false, "XX", ENTRY_OK},
    {"8[1-5]X", false, "8[1-5]X", ENTRY_OK},
    {"8[12345]X", false, "8[1-5]X", ENTRY_OK},
    {"8[5-531-2]", false, "8[1-35]", ENTRY_OK},
    {"8[3]", false, "83", ENTRY_OK},
    {"8[0-9]", false, "8X", ENTRY_OK},
    {"8[45]", false, "8[45]", ENTRY_OK},
    {"8[0-1]", false, "8[01]", ENTRY_OK},
    {"8[^0]", false, "8[^0]", ENTRY_OK},
    {"8[1-9]", false, "8[^0]", ENTRY_OK},
    {"8[2-9]", false, "8[2-9]", ENTRY_OK},
    {"8[^01]", false, "8[2-9]", ENTRY_OK},
    {"8[0-24-689]", false, "8[^37]", ENTRY_OK},
    {"8[^1-8]", false, "8[09]", ENTRY_OK},
    {"8!", false, "8!", ENTRY_OK},
    {"8X+", false, "8!", ENTRY_OK},
    {"8X?", false, "8X?", ENTRY_OK},
    {"8!?", false, "8X?", ENTRY_OK},
    {"8!+", false, "8!", ENTRY_OK},
    {"80+1?", false, "80+1?", ENTRY_OK},
    {"80??", false, "80?", ENTRY_OK},
    {"80+?", false, "80?", ENTRY_OK},
    {"80?+", false, "80?", ENTRY_OK},
    {"8[12]+", false, "8[12]+", ENTRY_OK},
    {"9.1-800 (X) X", false, "91800XX", ENTRY_OK},
    {"!", false, "!", ENTRY_OK},
    {"XXXXXXXXXXXXXXXXXXXXXXXX", false, "XXXXXXXXXXXXXXXXXXXXXXXX", ENTRY_OK},
    {"+14085554XXX", true, "+14085554XXX", ENTRY_OK},
    {"\\+14085554XXX", true, "+14085554XXX", ENTRY_OK},
    {"\\+!", true, "+!", ENTRY_OK},
    {" +1 (408) 555-4XXX", true, "+14085554XXX", ENTRY_OK},
    {"+1+", true, "+1+", ENTRY_OK},
    /* full-width "８０ＸＸ", "［１－５］" */
    {"\xef\xbc\x98\xef\xbc\x90\xef\xbc\xb8\xef\xbd\x98", false, "80XX", ENTRY_OK},
    {"\xef\xbc\xbb\xef\xbc\x91\xef\xbc\x8d\xef\xbc\x95\xef\xbc\xbd", false, "[1-5]", ENTRY_OK},
    {"", false, NULL, ENTRY_ERROR_EMPTY},
    {"", true, NULL, ENTRY_ERROR_EMPTY},
    {"-", false, NULL, ENTRY_ERROR_EMPTY},
    {"+", true, NULL, ENTRY_ERROR_EMPTY},
    {"8[]", false, NULL, ENTRY_ERROR_SET},
    {"8[", false, NULL, ENTRY_ERROR_SET},
    {"8[1", false, NULL, ENTRY_ERROR_SET},
    {"8[1-]", false, NULL, ENTRY_ERROR_SET},
    {"8[-1]", false, NULL, ENTRY_ERROR_SET},
    {"8[5-1]", false, NULL, ENTRY_ERROR_SET},
    {"8[1,2]", false, NULL, ENTRY_ERROR_SET},
    {"8[X]", false, NULL, ENTRY_ERROR_SET},
    {"8[^]", false, NULL, ENTRY_ERROR_SET},
    {"8[^0-9]", false, NULL, ENTRY_ERROR_SET},
    {"8]", false, NULL, ENTRY_ERROR_SET},
    {"8^1", false, NULL, ENTRY_ERROR_SET},
    {"?8", false, NULL, ENTRY_ERROR_REPEAT},
    {"+?", true, NULL, ENTRY_ERROR_REPEAT},
    {"++1", true, NULL, ENTRY_ERROR_REPEAT},
    {"+81", false, NULL, ENTRY_ERROR_CHARACTER},
    {"\\81", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8\\+1", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8*", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8#", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8@", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8A", false, NULL, ENTRY_ERROR_CHARACTER},
    {"81XX", true, NULL, ENTRY_ERROR_NOT_E164},
    {"\\81XX", true, NULL, ENTRY_ERROR_NOT_E164},
    {"XXXXXXXXXXXXXXXXXXXXXXXXX", false, NULL, ENTRY_ERROR_TOO_LONG},
    {"\xe5\x9b\x9b", false, NULL, ENTRY_ERROR_CHARACTER},
    {"8\x82", false, NULL, ENTRY_ERROR_ENCODING},
};

static void test_rows(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice ret, again;
        struct pattern p;
        uint8_t kind = rows[i].e164 ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE;
        enum entry_error error = pattern_parse(&a, slice_of(rows[i].text), rows[i].e164, &ret);
        if (error != rows[i].error)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(error, rows[i].error);
        bool same = rows[i].canonical != NULL && strcmp(rows[i].text, rows[i].canonical) == 0;
        assert_int_equal(pattern_of_key(kind, slice_of(rows[i].text), &p), same);
        if (rows[i].canonical == NULL) {
            assert_int_equal(ret.n, 0);
            continue;
        }
        assert_true(slice_eq(ret, slice_of(rows[i].canonical)));
        assert_int_equal(pattern_parse(&a, ret, rows[i].e164, &again), ENTRY_OK);
        assert_true(slice_eq(ret, again));
        assert_true(pattern_of_key(kind, ret, &p));
        assert_false(pattern_of_key(ENTRY_ENTERPRISE, ret, &p));
    }
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

/* The longest spelling there is, and every set in its one spelling. */
static void test_sets(void **state)
{
    struct pattern p = {.plus = true, .n = PATTERN_MAX}, again;
    uint8_t text[PATTERN_TEXT_MAX], longest = 0;
    for (uint16_t digits = 1; digits <= DIGITS_ALL; digits++) {
        for (size_t i = 0; i < PATTERN_MAX; i++)
            p.element[i] = (struct element){digits, (uint8_t)(i % 3)};
        size_t n = pattern_print(text, &p);
        assert_true(pattern_of_key(ENTRY_PATTERN_E164, slice_make(text, n), &again));
        assert_int_equal(again.n, PATTERN_MAX);
        for (size_t i = 0; i < PATTERN_MAX; i++) {
            assert_int_equal(again.element[i].digits, digits);
            assert_int_equal(again.element[i].repeat, i % 3);
        }
        p.n = 1;
        p.element[0].repeat = REPEAT_ANY;
        n = pattern_print(text, &p) - 1;
        longest = n > longest ? (uint8_t)n : longest;
        p.n = PATTERN_MAX;
    }
    assert_int_equal(1 + longest * PATTERN_MAX, PATTERN_TEXT_MAX);
}

static void test_order_of_elements(void **state)
{
    static const struct element order[] = {
        {1 << 0, REPEAT_ONCE}, {1 << 9, REPEAT_ONCE}, {3, REPEAT_ONCE},
        {5, REPEAT_ONCE},      {7, REPEAT_ONCE},      {0x1ff, REPEAT_ONCE},
        {DIGITS_ALL, REPEAT_ONCE}, {1 << 9, REPEAT_SOME}, {1 << 0, REPEAT_ANY},
        {3, REPEAT_SOME},      {DIGITS_ALL, REPEAT_SOME}, {DIGITS_ALL, REPEAT_ANY},
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct element e = element_of_label(element_label(&order[i]));
        assert_int_equal(e.digits, order[i].digits);
        assert_int_equal(e.repeat, order[i].repeat);
        for (size_t k = 0; k < i; k++)
            assert_true(element_label(&order[k]) < element_label(&order[i]));
    }
}

static struct pattern pattern_from(const char *text)
{
    struct pattern p;
    size_t at;
    assert_int_equal(pattern_read(slice_of(text), text[0] == '+', &p, &at), ENTRY_OK);
    return p;
}

/* A number of the digits 1 to 3 that narrow matches and wide does not, up to seven digits long. */
static bool counterexample(const char *wide, const char *narrow)
{
    for (unsigned n = 1; n <= 7; n++) {
        unsigned all = 1;
        for (unsigned i = 0; i < n; i++)
            all *= 3;
        for (unsigned v = 0; v < all; v++) {
            char number[8] = "";
            for (unsigned i = 0, rest = v; i < n; i++, rest /= 3)
                number[i] = (char)('1' + rest % 3);
            if (naive_match(narrow, number, false) && !naive_match(wide, number, false))
                return true;
        }
    }
    return false;
}

static void test_covers(void **state)
{
    static const char *const texts[] = {
        "1", "[1-3]", "1X", "X1", "!", "1!", "X!", "!X", "1?2", "1?", "1+", "[12]+", "1!1", "12?3",
        "X?1", "[1-3]?", "1?1?2", "[^0]!", "11?", "1?1", "[23]X", "2[1-3]", "X?X?", "1+2+",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            struct pattern wide = pattern_from(texts[i]), narrow = pattern_from(texts[k]);
            /* where other digits than these decide */
            bool ten = strpbrk(texts[k], "X!^") != NULL;
            bool covers = pattern_covers(&wide, &narrow), against;
            against = counterexample(texts[i], texts[k]);
            if (!ten && covers == against)
                print_error("%s covers %s: %d\n", texts[i], texts[k], covers);
            assert_false(covers && against);
            assert_true(ten || covers || against);
            int order = naive_order(texts[i], texts[k]), mine = pattern_order(&wide, &narrow);
            assert_int_equal((order > 0) - (order < 0), mine);
        }
    }
    struct pattern wide = pattern_from("8XXX"), narrow = pattern_from("80[1-5]X");
    assert_true(pattern_covers(&wide, &narrow) && !pattern_covers(&narrow, &wide));
    wide = pattern_from("+!");
    assert_false(pattern_covers(&wide, &narrow));
    narrow = pattern_from("+81XXXXXXXXX");
    assert_true(pattern_covers(&wide, &narrow));
}

/* Several together: each by the numbers of up to five digits, which decide where nothing here is
 * longer. */
static void test_covers_together(void **state)
{
    static const char *const texts[] = {"1X", "12", "1[0-4]", "1[5-9]", "1!", "1[0-4]!", "1[5-9]!",
                                        "1X?", "1", "1[2-7]?", "[12]X", "2X"};
    size_t n = sizeof texts / sizeof texts[0], covered = 0;
    for (size_t set = 0; set < n * n * n; set++) {
        const char *two[2] = {texts[set % n], texts[set / n % n]}, *one = texts[set / n / n];
        struct pattern wide[2] = {pattern_from(two[0]), pattern_from(two[1])};
        struct pattern narrow = pattern_from(one);
        bool all = true;
        for (unsigned i = 0; i < 11000 && all; i++) {
            char number[8];
            snprintf(number, sizeof number, "%u", i);
            all = !naive_match(one, number, false) || naive_match(two[0], number, false) ||
                  naive_match(two[1], number, false);
        }
        assert_int_equal(pattern_covered(&narrow, wide, 2), all);
        covered += all;
    }
    assert_true(covered > n && covered < n * n * n);
    assert_false(pattern_covered(&(struct pattern){.n = 0}, NULL, 0));
}

static void refusal_body(struct mem *mem)
{
    struct arena a;
    struct slice ret;
    arena_init(&a, mem);
    enum entry_error error = pattern_parse(&a, slice_of("+81[^0]!"), true, &ret);
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
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_order_of_elements),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_covers_together),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
