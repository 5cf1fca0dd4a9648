/* The trie of patterns beside a naive matcher: what fits, in which order, what fits a longer
 * number, what overlaps; patterns coming and going, and every refusal of memory. */
#include "../test.h"
#include "base/rand.h"
#include "naive_pattern.h"
#include "plan/patterns.h"

#define HELD    400
#define STRINGS 100000

struct held {
    char text[PATTERN_TEXT_MAX + 1];
    bool present;
};

static struct held held[HELD];

struct seen {
    char text[HELD][PATTERN_TEXT_MAX + 1];
    size_t n, most;
};

static struct seen seen;

static bool see(void *context, const struct pattern *p)
{
    struct seen *s = context;
    size_t n = pattern_print((uint8_t *)s->text[s->n], p);
    s->text[s->n++][n] = '\0';
    return s->n < s->most;
}

static bool see_none(void *context, const struct pattern *p)
{
    return true;
}

static bool count_one(void *context, const struct pattern *p)
{
    ++*(size_t *)context;
    return true;
}

static void see_nothing(void)
{
    seen.n = 0;
    seen.most = HELD;
}

static bool is_seen(const char *text)
{
    size_t i = 0;
    while (i < seen.n && strcmp(seen.text[i], text) != 0)
        i++;
    return i < seen.n;
}

static struct pattern pattern_of(const char *text)
{
    struct pattern p;
    size_t at;
    assert_int_equal(pattern_read(slice_of(text), text[0] == '+', &p, &at), ENTRY_OK);
    return p;
}

/* Few digits and short, so that much of it meets. */
static void random_pattern(struct rand *r, char *text)
{
    static const char *const elements[] = {"1", "2", "3", "X", "[12]", "[^3]", "!", "1+",
                                           "X?", "[1-3]", "2?", "[^1]+", "1", "2", "X", "X"};
    char spelt[64] = "";
    size_t n = 1 + rand_below(r, 6), at = 0;
    if (rand_below(r, 4) == 0)
        spelt[at++] = '+';
    for (size_t i = 0; i < n; i++) {
        const char *element = elements[rand_below(r, sizeof elements / sizeof elements[0])];
        memcpy(spelt + at, element, strlen(element) + 1);
        at += strlen(element);
    }
    struct pattern p = pattern_of(spelt);
    text[pattern_print((uint8_t *)text, &p)] = '\0';
}

static void random_number(struct rand *r, char *text)
{
    size_t n = 0, digits = rand_below(r, 9);
    if (rand_below(r, 4) == 0)
        text[n++] = '+';
    for (size_t i = 0; i < digits; i++)
        text[n++] = (char)('1' + rand_below(r, i % 3 == 2 ? 9 : 3));
    text[n] = '\0';
}

static void check_match(const struct patterns *t, const char *number)
{
    size_t expected = 0;
    see_nothing();
    patterns_match(t, slice_of(number), see, &seen, NULL);
    for (size_t i = 0; i < HELD; i++)
        expected += held[i].present && naive_match(held[i].text, number, false);
    assert_int_equal(seen.n, expected);
    for (size_t i = 0; i < seen.n; i++) {
        assert_true(naive_match(seen.text[i], number, false));
        assert_true(i == 0 || naive_order(seen.text[i - 1], seen.text[i]) < 0);
    }
}

static void check_longer(const struct patterns *t, const char *number)
{
    size_t expected = 0;
    see_nothing();
    patterns_longer(t, slice_of(number), see, &seen, NULL);
    for (size_t i = 0; i < HELD; i++)
        expected += held[i].present && naive_match(held[i].text, number, true);
    if (seen.n != expected)
        print_error("%s: %zu instead of %zu\n", number, seen.n, expected);
    assert_int_equal(seen.n, expected);
    for (size_t i = 0; i < seen.n; i++)
        assert_true(naive_match(seen.text[i], number, true));
}

static void check_overlap(const struct patterns *t, const char *text)
{
    struct pattern p = pattern_of(text);
    size_t expected = 0;
    see_nothing();
    patterns_overlap(t, &p, see, &seen, NULL);
    for (size_t i = 0; i < HELD; i++) {
        bool overlaps = held[i].present && naive_overlap(held[i].text, text);
        if (overlaps != (held[i].present && is_seen(held[i].text)))
            print_error("%s and %s: %d\n", held[i].text, text, overlaps);
        expected += overlaps;
    }
    assert_int_equal(seen.n, expected);
}

/* Another pattern than all that are there; it comes, or one that is there goes. */
static void change(struct patterns *t, struct mem *mem, struct rand *r)
{
    struct held *h = &held[rand_below(r, HELD)];
    struct pattern p;
    if (h->present) {
        p = pattern_of(h->text);
        patterns_remove(t, mem, &p);
        h->present = false;
        return;
    }
    char text[PATTERN_TEXT_MAX + 1];
    random_pattern(r, text);
    for (size_t i = 0; i < HELD; i++) {
        if (held[i].present && strcmp(held[i].text, text) == 0)
            return;
    }
    memcpy(h->text, text, sizeof text);
    p = pattern_of(text);
    assert_true(patterns_add(t, mem, &p));
    h->present = true;
}

static void test_beside_the_naive_one(void **state)
{
    struct test_mem m;
    struct patterns t = {.top = 0};
    struct rand r;
    test_mem_init(&m, 0);
    rand_seed(&r, 7);
    memset(held, 0, sizeof held);
    for (size_t i = 0; i < 2 * HELD; i++)
        change(&t, &m.mem, &r);
    for (size_t i = 0; i < STRINGS; i++) {
        char text[PATTERN_TEXT_MAX + 1];
        random_number(&r, text);
        check_match(&t, text);
        check_longer(&t, text);
        if (i % 50 != 0)
            continue;
        change(&t, &m.mem, &r);
        random_pattern(&r, text);
        check_overlap(&t, text);
    }
    for (size_t i = 0; i < HELD; i++) {
        struct pattern p;
        if (!held[i].present)
            continue;
        p = pattern_of(held[i].text);
        patterns_remove(&t, &m.mem, &p);
    }
    assert_int_equal(t.records, 0);
    assert_int_equal(m.mem.used, 0);
}

/* One pattern of two catalogs, and a walk that is ended. */
static void test_records_are_counted(void **state)
{
    struct test_mem m;
    struct patterns t = {.top = 0};
    struct pattern p = pattern_of("80XX"), q = pattern_of("8!");
    test_mem_init(&m, 0);
    assert_true(patterns_add(&t, &m.mem, &p) && patterns_add(&t, &m.mem, &p));
    assert_true(patterns_add(&t, &m.mem, &q));
    patterns_remove(&t, &m.mem, &p);
    see_nothing();
    patterns_match(&t, slice_of("8012"), see, &seen, NULL);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "80XX");
    see_nothing();
    seen.most = 1;
    patterns_match(&t, slice_of("8012"), see, &seen, NULL);
    assert_int_equal(seen.n, 1);
    patterns_remove(&t, &m.mem, &p);
    see_nothing();
    patterns_match(&t, slice_of("8012"), see, &seen, NULL);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.text[0], "8!");
    patterns_match(&t, slice_of("80x2"), see, &seen, NULL);
    patterns_match(&t, slice_of("8012345678901234567890123"), see, &seen, NULL);
    patterns_match(&t, slice_of("+8012"), see, &seen, NULL);
    patterns_match(&t, slice_of(""), see, &seen, NULL);
    assert_int_equal(seen.n, 1);
    assert_true(patterns_bytes(&t) > 0);
    patterns_done(&t, &m.mem);
    assert_int_equal(m.mem.used, 0);
}

/* A node with every child that there can be, and wildcards that could be matched in many ways. */
static void test_the_worst(void **state)
{
    struct test_mem m;
    struct patterns t = {.top = 0};
    struct pattern p = {.n = 1};
    test_mem_init(&m, 0);
    for (uint16_t digits = 1; digits <= DIGITS_ALL; digits++) {
        for (uint8_t repeat = 0; repeat < 3; repeat++) {
            p.element[0] = (struct element){digits, repeat};
            assert_true(patterns_add(&t, &m.mem, &p));
        }
    }
    p = pattern_of("X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?X?9");
    assert_true(patterns_add(&t, &m.mem, &p));
    see_nothing();
    patterns_match(&t, slice_of("111111111111111111111111"), see, &seen, NULL);
    assert_int_equal(seen.n, HELD);
    see_nothing();
    patterns_match(&t, slice_of("023456781234567812345679"), see, &seen, NULL);
    assert_int_equal(seen.n, 3);
    patterns_done(&t, &m.mem);
    assert_int_equal(m.mem.used, 0);
}

/* Whatever is announced, a walk does no more than its bound: patterns of which each prefix matches
 * and none the whole number; patterns that all match. Beside them one's own that is less specific
 * is not found, and that is said; one that is more specific is found all the same. */
static void test_the_bound(void **state)
{
    struct test_mem m;
    struct patterns t = {.top = 0};
    struct patterns_work work;
    struct rand r;
    struct pattern p;
    test_mem_init(&m, 0);
    p = pattern_of("8XXXXXXX");
    assert_true(patterns_add(&t, &m.mem, &p));
    see_nothing();
    patterns_match(&t, slice_of("80123456"), see, &seen, &work);
    assert_true(!work.cut && seen.n == 1 && work.visits < 100);
    rand_seed(&r, 7);
    for (int i = 0; i < 150000; i++) { /* a set with the digit dialled at each place, then a 9 */
        p = (struct pattern){.n = 9};
        for (size_t k = 0; k < 8; k++)
            p.element[k].digits = (uint16_t)(1u << ("80123456"[k] - '0') |
                                             (k < 4 ? rand_below(&r, 1023) : 0));
        p.element[8].digits = 1 << 9;
        assert_true(patterns_add(&t, &m.mem, &p));
    }
    see_nothing();
    patterns_match(&t, slice_of("80123456"), see, &seen, &work);
    assert_true(work.visits > 40000);
    assert_in_range(work.visits, 1, PATTERN_VISITS_MAX + PATTERN_ASK_VISITS);
    assert_true(work.cut && work.at.n > 0 && work.at.n <= 9);
    size_t found = seen.n;
    patterns_longer(&t, slice_of("8012"), see_none, &seen, &work);
    assert_in_range(work.visits, 1, PATTERN_VISITS_MAX + PATTERN_ASK_VISITS);
    struct pattern own = pattern_of("80123456");
    patterns_overlap(&t, &own, see_none, &seen, &work);
    assert_in_range(work.visits, 1, PATTERN_VISITS_MAX + PATTERN_ASK_VISITS);
    assert_true(work.cut);
    p = pattern_of("8012345[0-6]"); /* before all those sets */
    assert_true(patterns_add(&t, &m.mem, &p));
    see_nothing();
    patterns_match(&t, slice_of("80123456"), see, &seen, &work);
    assert_true(work.cut && seen.n == found + 1);
    assert_string_equal(seen.text[0], "8012345[0-6]");
    patterns_done(&t, &m.mem);
    assert_int_equal(m.mem.used, 0);
}

/* Matches without end, none of which is enough: each costs more than a node. */
static void test_the_bound_of_questions(void **state)
{
    struct test_mem m;
    struct patterns t = {.top = 0};
    struct patterns_work work;
    struct pattern p = {.n = 2};
    size_t asked = 0;
    test_mem_init(&m, 0);
    for (uint16_t a = 1; a <= 511; a++)
        for (uint16_t b = 1; b <= 20; b++) {
            p.element[0].digits = (uint16_t)(a << 1 | 1);
            p.element[1].digits = (uint16_t)(b << 1 | 1);
            assert_true(patterns_add(&t, &m.mem, &p));
        }
    patterns_match(&t, slice_of("00"), count_one, &asked, &work);
    assert_true(work.cut);
    assert_in_range(asked, 900, PATTERN_VISITS_MAX / PATTERN_ASK_VISITS);
    patterns_done(&t, &m.mem);
}

static void refusal_body(struct mem *mem)
{
    static const char *const texts[] = {"80XX", "80[12]!", "8X", "+1XX", "9", "[1-3]5", "8[^0]"};
    struct patterns t = {.top = 0};
    size_t added = 0;
    for (size_t round = 0; round < 12; round++) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            struct pattern p = pattern_of(texts[i]);
            p.element[p.n++] = (struct element){(uint16_t)(1 + round), REPEAT_ONCE};
            uint64_t records = t.records;
            bool done = patterns_add(&t, mem, &p);
            assert_int_equal(t.records, records + done);
            added += done;
            if (!done && records == 0)
                assert_int_equal(mem->used, 0);
        }
    }
    assert_int_equal(t.records, added);
    patterns_done(&t, mem);
}

static void test_refusals(void **state)
{
    test_every_refusal(refusal_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_the_naive_one),
        cmocka_unit_test(test_records_are_counted),
        cmocka_unit_test(test_the_worst),
        cmocka_unit_test(test_the_bound),
        cmocka_unit_test(test_the_bound_of_questions),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
