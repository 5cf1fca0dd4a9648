/* What is odd about a plan, found and named: patterns that never decide, that meet, that another
 * cluster takes numbers from; entries of older versions; routes that lead nowhere. */
#include "../test.h"

#include <stdio.h>

#include "plan/check.h"
#include "world.h"

static const struct world_row own_rows[] = {
    {"ENTERPRISEPATTERN", "", "80XX"},
    {"ENTERPRISEPATTERN", "", "80[1-5]X"},
    {"ENTERPRISEPATTERN", "", "8[0-1]1X"},
    {"ENTERPRISEPATTERN", "", "9!X"},
    {"ENTERPRISEPATTERN", "", "9X!"},
    {"ENTERPRISEPATTERN", "", "70XX"},
    {"E164PATTERN", "", "+81!"},
    {"URI", "", "alice@x.example"},
    {"ENTERPRISEPATTERN", "", "6[1-3]X"},
    {"ENTERPRISEPATTERN", "", "6[2-5]X"},
    /* never: two together; a number and a pattern; three, with all that may stand behind */
    {"ENTERPRISEPATTERN", "", "4[12]X"},
    {"ENTERPRISEPATTERN", "", "41X"},
    {"ENTERPRISEPATTERN", "", "42X"},
    {"ENTERPRISEPATTERN", "", "3[1-3]"},
    {"ENTERPRISE", "", "31"},
    {"ENTERPRISEPATTERN", "", "3[23]"},
    {"ENTERPRISE", "", "32"},
    {"E164PATTERN", "", "+49!"},
    {"E164PATTERN", "", "+49[0-4]!"},
    {"E164PATTERN", "", "+49[5-9]!"},
    {"E164PATTERN", "", "+49X"},
    /* still: a number is left over */
    {"ENTERPRISEPATTERN", "", "2[1-3]"},
    {"ENTERPRISE", "", "21"},
    {"ENTERPRISE", "", "23"},
    {"ENTERPRISEPATTERN", "", "1[1-3]X"},
    {"ENTERPRISEPATTERN", "", "11X"},
    {"ENTERPRISEPATTERN", "", "13X"},
};
static const struct world_row other_rows[] = {
    {"ENTERPRISEPATTERN", "", "7012"},
    {"E164PATTERN", "", "+8XXX"},
    {"ENTERPRISEPATTERN", "", "5XXX"},
};

struct told {
    char line[16][160];
    size_t n;
};

static bool tell(void *context, const struct finding *f)
{
    struct told *t = context;
    assert_true(t->n < 16);
    snprintf(t->line[t->n++], sizeof t->line[0], "%d %.*s %.*s %.*s", f->what, (int)f->key.n,
             (const char *)f->key.p, (int)f->other.n, (const char *)f->other.p,
             (int)f->cluster_id.n, (const char *)f->cluster_id.p);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

static void test_findings(void **state)
{
    static const uint8_t seed[16] = {1};
    static const char *const wanted[] = {
        "1 9!X 9X! here",          "2 6[2-5]X 6[1-3]X here", "2 8[01]1X 80XX here",
        "2 8[01]1X 80[1-5]X here", "3 70XX 7012 there",      "4 *.example a.example ",
        "5 abc-1-def.example  ",   "6 +49! +49[0-4]! ",      "6 3[1-3] 3[23] ",
        "6 4[12]X 41X ",
    };
    struct test_mem t;
    struct arena a;
    struct told told = {.n = 0};
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    struct plan *p = plan_new(&t.mem, seed, true);
    struct routes *r = routes_new(&t.mem);
    assert_non_null(world_catalog(p, &t.mem, "here", "abc-1-def.example", true, ROWS(own_rows)));
    assert_non_null(world_catalog(p, &t.mem, "there", "a.example", false, ROWS(other_rows)));
    assert_int_equal(routes_add(r, slice_of("*.example"), slice_of("sip:1.1.1.1")), ENTRY_OK);
    assert_int_equal(routes_add(r, slice_of("a.example"), slice_of("sip:1.1.1.2")), ENTRY_OK);
    assert_int_equal(routes_add(r, slice_of("abc-1-def.example"), slice_of("sip:1.1.1.3")),
                     ENTRY_OK);
    assert_int_equal(routes_add(r, slice_of("*.still.to.come"), slice_of("sip:1.1.1.2")),
                     ENTRY_OK);
    plan_check(p, r, &a, tell, &told);
    qsort(told.line, told.n, sizeof told.line[0], by_text);
    for (size_t i = 0; i < told.n; i++)
        assert_string_equal(told.line[i], i < 10 ? wanted[i] : "nothing more");
    assert_int_equal(told.n, 10);
    plan_free(p);
    routes_free(r);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

/* Of a pattern that was just added: what is odd about it, and what it does to the others. */
static void told_of_pattern(const struct plan *p, uint8_t kind, const char *key,
                            const char *const *wanted)
{
    struct told told = {.n = 0};
    size_t n = 0;
    plan_check_pattern(p, kind, slice_of(key), tell, &told);
    qsort(told.line, told.n, sizeof told.line[0], by_text);
    for (; wanted[n] != NULL; n++)
        assert_string_equal(n < told.n ? told.line[n] : "nothing more", wanted[n]);
    assert_int_equal(told.n, n);
}

static void test_one_pattern(void **state)
{
    static const uint8_t seed[16] = {1};
    static const char *const nothing[] = {NULL};
    static const char *const over[] = {"1 9!X 9X! here", NULL};
    static const char *const two[] = {"2 8[01]1X 80XX here", NULL};
    static const char *const own[] = {"2 8[01]1X 80XX here", "2 8[01]1X 80[1-5]X here", NULL};
    static const char *const taken[] = {"3 70XX 7012 there", NULL};
    static const char *const left[] = {"6 4[12]X 41X ", NULL};
    struct test_mem t;
    test_mem_init(&t, 0);
    struct plan *p = plan_new(&t.mem, seed, true);
    assert_non_null(world_catalog(p, &t.mem, "here", "here.example", true, ROWS(own_rows)));
    assert_non_null(world_catalog(p, &t.mem, "there", "a.example", false, ROWS(other_rows)));
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "9X!", over); /* by what it does ... */
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "9!X", over); /* ... and what is done to it */
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "80XX", two);
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "8[01]1X", own);
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "70XX", taken);
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "4[12]X", left);
    told_of_pattern(p, ENTRY_PATTERN_E164, "+81!", nothing); /* a range around another's */
    told_of_pattern(p, ENTRY_PATTERN_ENTERPRISE, "13X", nothing);
    told_of_pattern(p, ENTRY_ENTERPRISE, "31", nothing);
    plan_free(p);
    assert_int_equal(t.mem.used, 0);
}

/* Route patterns with a "*" further inside: which of them never decide, and by which. */
static void test_wildcards_inside(void **state)
{
    static const uint8_t seed[16] = {2};
    static const char *const routes[] = {"*.example", "a.*.example", "*.*.example", "a.*.other",
                                         "*.b.example"};
    static const char *const wanted[] = {"4 *.*.example *.b.example ",
                                         "4 *.example *.b.example ",
                                         "4 a.*.example *.b.example "};
    struct test_mem t;
    struct arena a;
    struct told told = {.n = 0};
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    struct plan *p = plan_new(&t.mem, seed, true);
    struct routes *r = routes_new(&t.mem);
    assert_non_null(world_catalog(p, &t.mem, "there", "a.b.example", false, ROWS(other_rows)));
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        assert_int_equal(routes_add(r, slice_of(routes[i]), slice_of("sip:1.1.1.1")), ENTRY_OK);
    plan_check(p, r, &a, tell, &told);
    size_t n = 0;
    for (size_t i = 0; i < told.n; i++) {
        if (told.line[i][0] == '4')
            assert_string_equal(told.line[i], n < 3 ? wanted[n++] : "nothing more");
    }
    assert_int_equal(n, 3);
    plan_free(p);
    routes_free(r);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

/* Of one pattern: that it never decides, and whom alone it keeps from deciding. */
static void told_of(const struct plan *p, struct routes *r, const char *pattern,
                    const char *const *wanted)
{
    struct told told = {.n = 0};
    size_t n = 0;
    plan_check_route(p, r, slice_of(pattern), tell, &told);
    qsort(told.line, told.n, sizeof told.line[0], by_text);
    while (wanted[n] != NULL && n < told.n) {
        assert_string_equal(told.line[n], wanted[n]);
        n++;
    }
    assert_true(n == told.n && wanted[n] == NULL);
}

static void test_one_route(void **state)
{
    static const uint8_t seed[16] = {3};
    static const char *const nothing[] = {NULL};
    static const char *const takes[] = {"4 *.example *.b.example ", NULL};
    static const char *const lost[] = {"4 a.*.example *.b.example ", NULL};
    static const char *const both[] = {"4 *.b.example a.b.example ", NULL};
    struct test_mem t;
    test_mem_init(&t, 0);
    struct plan *p = plan_new(&t.mem, seed, true);
    struct routes *r = routes_new(&t.mem);
    struct slice target = slice_of("sip:1.1.1.1");
    assert_non_null(world_catalog(p, &t.mem, "there", "a.b.example", false, ROWS(other_rows)));
    assert_int_equal(routes_add(r, slice_of("*.example"), target), ENTRY_OK);
    told_of(p, r, "*.example", nothing);
    told_of(p, r, "*.b.example", nothing); /* there is no such route */
    told_of(p, r, "..", nothing);
    assert_int_equal(routes_add(r, slice_of("*.B.example"), target), ENTRY_OK);
    assert_int_equal(routes_add(r, slice_of("*.b.example"), slice_of("sip:1.1.1.2")), ENTRY_OK);
    told_of(p, r, "*.B.example", takes);
    assert_int_equal(routes_add(r, slice_of("a.*.example"), target), ENTRY_OK);
    told_of(p, r, "a.*.example", lost);
    /* Those that never decided before are not its doing. */
    assert_int_equal(routes_add(r, slice_of("a.b.example"), target), ENTRY_OK);
    told_of(p, r, "a.b.example", both);
    assert_int_equal(routes_add(r, slice_of("*.still.to.come"), target), ENTRY_OK);
    told_of(p, r, "*.still.to.come", nothing);
    /* What decides somewhere else is not told of. */
    assert_non_null(world_catalog(p, &t.mem, "else", "c.b.example", false, ROWS(other_rows)));
    told_of(p, r, "a.b.example", nothing);
    plan_free(p);
    routes_free(r);
    assert_int_equal(t.mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_one_pattern),
        cmocka_unit_test(test_wildcards_inside),
        cmocka_unit_test(test_one_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
