/* Rows of a catalog in words, the words back, cluster ids, route strings, PSTN failover numbers. */
#include "../test.h"
#include "plan/entry.h"

struct row {
    const char *type, *failover, *pattern;
    enum entry_error error;
    uint8_t kind;
    const char *key;
    const char *words;  /* of the failover rule */
    const char *number; /* to dial; NULL: none */
};

static const struct row rows[] = {
    {"URI", "", "meet.user1@company.com", ENTRY_OK, ENTRY_URI, "meet.user1@company.com", "", NULL},
    {"uri", "-", " a@X.example ", ENTRY_OK, ENTRY_URI, "a@x.example", "", NULL},
    {"URI", "+81312345678", "a@x.example", ENTRY_OK, ENTRY_URI, "a@x.example", "+81312345678",
     "+81312345678"},
    {"URI", "03-1234", "a@x.example", ENTRY_OK, ENTRY_URI, "a@x.example", "031234", "031234"},
    {"URI", "itself", "+8131234@x.example", ENTRY_OK, ENTRY_URI, "+8131234@x.example", "ITSELF",
     "+8131234"},
    {"ENTERPRISE", "", "8000", ENTRY_OK, ENTRY_ENTERPRISE, "8000", "", NULL},
    {"EnterpriseNumber", "0:03123", "80-00", ENTRY_OK, ENTRY_ENTERPRISE, "8000", "0:03123",
     "031238000"},
    {" enterprise ", " 1:0312 ", " 8000 ", ENTRY_OK, ENTRY_ENTERPRISE, "8000", "1:0312",
     "0312000"},
    {"ENTERPRISE", "4:110", "8000", ENTRY_OK, ENTRY_ENTERPRISE, "8000", "4:110", "110"},
    {"ENTERPRISE", "2:", "8000", ENTRY_OK, ENTRY_ENTERPRISE, "8000", "2:", "00"},
    {"E164", "ITSELF", "+81312345678", ENTRY_OK, ENTRY_E164, "+81312345678", "ITSELF",
     "+81312345678"},
    {"+E164", "2:0", "+81312345678", ENTRY_OK, ENTRY_E164, "+81312345678", "2:0", "0312345678"},
    {"E164NUMBER", "0:", "+8131", ENTRY_OK, ENTRY_E164, "+8131", "0:", "8131"},
    {"e164number", "0:+", "+8131", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"E164", "10:+1", "+811234567890", ENTRY_OK, ENTRY_E164, "+811234567890", "10:+1", "+190"},
    {"", "", "8000", ENTRY_ERROR_KIND, 0, NULL, NULL, NULL},
    {"URL", "", "a@x.example", ENTRY_ERROR_KIND, 0, NULL, NULL, NULL},
    {"ENTERPRISEPATTERN", "", "80XX", ENTRY_OK, ENTRY_PATTERN_ENTERPRISE, "80XX", "", NULL},
    {"Enterprise Pattern", "ITSELF", "80[1-9]x", ENTRY_OK, ENTRY_PATTERN_ENTERPRISE, "80[^0]X",
     "ITSELF", NULL},
    {"ENTERPRISEPATTERN", "4:+1408555", "81404XXX", ENTRY_OK, ENTRY_PATTERN_ENTERPRISE,
     "81404XXX", "4:+1408555", NULL},
    {"+E.164 Pattern", "0312345678", "\\+81.3!", ENTRY_OK, ENTRY_PATTERN_E164, "+813!",
     "0312345678", "0312345678"},
    {"E164PATTERN", "3:", "+81X?", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"E164PATTERN", "1:", "+81X?", ENTRY_OK, ENTRY_PATTERN_E164, "+81X?", "1:", NULL},
    {"ENTERPRISEPATTERN", "8:1", "81404XXX", ENTRY_OK, ENTRY_PATTERN_ENTERPRISE, "81404XXX", "8:1",
     NULL},
    {"ENTERPRISEPATTERN", "9:1", "81404XXX", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"E164PATTERN", "", "81!", ENTRY_ERROR_NOT_E164, 0, NULL, NULL, NULL},
    {"ENTERPRISEPATTERN", "", "+81!", ENTRY_ERROR_CHARACTER, 0, NULL, NULL, NULL},
    {"ENTERPRISEPATTERNNUMBERENTERPRISE", "", "80XX", ENTRY_ERROR_KIND, 0, NULL, NULL, NULL},
    {"\x83^", "", "8000", ENTRY_ERROR_ENCODING, 0, NULL, NULL, NULL},
    {"URI", "", "", ENTRY_ERROR_EMPTY, 0, NULL, NULL, NULL},
    {"URI", "", "  ", ENTRY_ERROR_EMPTY, 0, NULL, NULL, NULL},
    {"URI", "", "8000", ENTRY_ERROR_NO_AT, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "", "a@x.example", ENTRY_ERROR_CHARACTER, 0, NULL, NULL, NULL},
    {"E164", "", "8000", ENTRY_ERROR_NOT_E164, 0, NULL, NULL, NULL},
    {"URI", "ITSELF", "alice@x.example", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"URI", "1:2", "alice@x.example", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "5:1", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "4:", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "25:1", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", ":1", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "-1:1", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "1:2:3", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "0:123456789012345678901", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "abc", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "1234567890123456789012345", "8000", ENTRY_ERROR_FAILOVER, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "\x82\x4f", "8000", ENTRY_ERROR_ENCODING, 0, NULL, NULL, NULL},
    {"ENTERPRISE", "\x82\x4f:1", "8000", ENTRY_ERROR_ENCODING, 0, NULL, NULL, NULL},
};

static bool failover_eq(const struct failover *a, const struct failover *b)
{
    return a->rule == b->rule && a->strip == b->strip && slice_eq(a->digits, b->digits);
}

static void check_row(struct arena *a, const struct row *row)
{
    struct entry e, again;
    enum entry_error error =
        entry_parse(a, slice_of(row->type), slice_of(row->failover), slice_of(row->pattern), &e);
    if (error != row->error)
        print_error("%s,%s,%s\n", row->type, row->failover, row->pattern);
    assert_int_equal(error, row->error);
    if (error != ENTRY_OK)
        return;
    assert_int_equal(e.kind, row->kind);
    assert_true(slice_eq(e.key, slice_of(row->key)));

    struct slice words = entry_failover_text(a, &e.failover);
    assert_true(slice_eq(words, slice_of(row->words)));
    assert_int_equal(entry_parse(a, entry_kind_text(e.kind), words, e.key, &again), ENTRY_OK);
    assert_int_equal(again.kind, e.kind);
    assert_true(slice_eq(again.key, e.key));
    assert_true(failover_eq(&again.failover, &e.failover));

    struct slice number = entry_failover_number(a, &e);
    if (row->number == NULL)
        assert_null(number.p);
    else
        assert_true(slice_eq(number, slice_of(row->number)));
}

static void test_rows(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&a, &rows[i]);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

/* A learned rule is judged before its number is dialled, whatever it holds. */
static void test_learned_failover_is_judged(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    struct slice key = slice_of("8000");
    const struct failover bad[] = {
        {FAILOVER_NUMBER, 0, slice_of("1@evil.example")},
        {FAILOVER_NUMBER, 0, slice_of("1;x")},
        {FAILOVER_NUMBER, 0, slice_of("")},
        {FAILOVER_NUMBER, 0, slice_of("+")},
        {FAILOVER_NUMBER, 0, slice_of("1234567890123456789012345")},
        {FAILOVER_STRIP, 255, slice_of("1")},
        {FAILOVER_STRIP, 0, slice_of("1 2")},
        {FAILOVER_STRIP, 0, slice_of("+")},
        {FAILOVER_STRIP, 4, slice_of("")},
        {4, 0, slice_of("1")},
        {255, 255, slice_of("1")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct entry e = {ENTRY_ENTERPRISE, key, bad[i]};
        assert_null(entry_failover_number(&a, &e).p);
    }
    struct entry odd = {ENTRY_ENTERPRISE, slice_of("80x"), {FAILOVER_ITSELF, 0, {NULL, 0}}};
    assert_null(entry_failover_number(&a, &odd).p);
    struct failover three = {FAILOVER_STRIP, 255, slice_of("+1")};
    assert_true(slice_eq(entry_failover_text(&a, &three), slice_of("255:+1")));
    struct failover unknown = {9, 0, slice_of("1")};
    assert_int_equal(entry_failover_text(&a, &unknown).n, 0);
    arena_done(&a);
}

/* Entries that older versions or other programs wrote. */
static void test_judged(void **state)
{
    static const struct {
        uint8_t kind;
        const char *key;
        enum entry_error error;
    } judged[] = {
        {ENTRY_URI, "alice@x.example", ENTRY_OK},
        {ENTRY_URI, "alice@X.example", ENTRY_ERROR_CHARACTER},
        {ENTRY_URI, "alice@x", ENTRY_ERROR_HOST},
        {ENTRY_URI, "123456789012345678901234567890123456789012345678@x.example",
         ENTRY_ERROR_USER_LONG},
        {ENTRY_E164, "+81", ENTRY_OK},
        {ENTRY_E164, "+8 1", ENTRY_ERROR_CHARACTER},
        {ENTRY_PATTERN_ENTERPRISE, "80[^0]", ENTRY_OK},
        {ENTRY_PATTERN_ENTERPRISE, "80[1-9]", ENTRY_ERROR_CHARACTER},
        {ENTRY_ROSTER, "80", ENTRY_ERROR_KIND},
    };
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        struct entry e = {.kind = judged[i].kind, .key = slice_of(judged[i].key)};
        assert_int_equal(entry_judge(&a, &e), judged[i].error);
    }
    arena_done(&a);
}

static void test_places(void **state)
{
    static const struct {
        const char *type, *failover, *pattern;
        size_t at;
    } places[] = {
        {"URI", "", "al;ice@x.example", 2}, {"URI", "", " a@-x", 3},
        {"URI", "", "alice", 5},            {"ENTERPRISE", "", "80a", 2},
        {"E164", "", " +81b", 4},           {"ENTERPRISEPATTERN", "", "8[1", 3},
        {"E164PATTERN", "", "+?", 1},       {"ENTERPRISEPATTERN", "", "80[5-1]X", 5},
        {"ENTERPRISE", "x", "80", 1},       {"URL", "", "80", 3},
    };
    struct test_mem t;
    struct arena a;
    struct entry e;
    size_t at;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        assert_int_not_equal(entry_parse_at(&a, slice_of(places[i].type),
                                            slice_of(places[i].failover),
                                            slice_of(places[i].pattern), &e, &at), ENTRY_OK);
        assert_int_equal(at, places[i].at);
    }
    arena_done(&a);
}

static void test_cluster_ids(void **state)
{
    static const char *const good[] = {"a", "Tokyo-1", "x.y_z", "0",
                                       "12345678901234567890123456789012345678901234567890"};
    static const char *const bad[] = {"", "a b", "a/b", "\xe6\x9d\xb1", "a\n", "a~b", "a@b",
                                      "123456789012345678901234567890123456789012345678901"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(cluster_id_valid(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cluster_id_valid(slice_of(bad[i])));
}

static void test_route_strings(void **state)
{
    struct test_mem t;
    struct arena a;
    struct slice ret;
    char text[256];
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_int_equal(route_string_parse(&a, slice_of("Tokyo.Example.COM"), &ret), ENTRY_OK);
    assert_true(slice_eq(ret, slice_of("tokyo.example.com")));
    assert_int_equal(route_string_parse(&a, slice_of("pstn"), &ret), ENTRY_OK);
    assert_int_equal(route_string_parse(&a, slice_of(""), &ret), ENTRY_ERROR_EMPTY);
    static const char *const dashes[] = {"abc-123-def.xyz.com", "1bc-2-3ef.xyz.com", "a-0-b"};
    static const char *const fine[] = {"abc-1d-efg.xyz.com", "123-abc-456.xyz.com", "a-1.2-b",
                                       "a-b-1", "a--b", "1-a"};
    for (size_t i = 0; i < sizeof dashes / sizeof dashes[0]; i++) {
        assert_int_equal(route_string_parse(&a, slice_of(dashes[i]), &ret),
                         ENTRY_ERROR_DASH_DIGITS);
        assert_int_equal(ret.n, 0);
        assert_int_equal(host_name_parse(&a, slice_of(dashes[i]), &ret), ENTRY_OK);
    }
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_int_equal(route_string_parse(&a, slice_of(fine[i]), &ret), ENTRY_OK);
    static const char *const bad[] = {"*", "*.x", ".x", "x.", "x..y", "-x", "x-", "x_y", "x y",
                                      "x/y", "x:5060", "\xe6\x9d\xb1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(route_string_parse(&a, slice_of(bad[i]), &ret), ENTRY_ERROR_HOST);
    assert_int_equal(route_string_parse(&a, slice_of("\x93\x8c"), &ret), ENTRY_ERROR_ENCODING);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 50 == 49 ? '.' : 'r';
    text[249] = 'r';
    assert_int_equal(route_string_parse(&a, slice_make(text, 250), &ret), ENTRY_OK);
    assert_int_equal(route_string_parse(&a, slice_make(text, 251), &ret), ENTRY_ERROR_TOO_LONG);
    arena_done(&a);
}

static void test_kinds(void **state)
{
    assert_true(slice_eq(entry_kind_text(ENTRY_URI), slice_of("URI")));
    assert_true(slice_eq(entry_kind_text(ENTRY_ENTERPRISE), slice_of("ENTERPRISE")));
    assert_true(slice_eq(entry_kind_text(ENTRY_E164), slice_of("E164")));
    assert_int_equal(entry_kind_text(ENTRY_ROSTER).n, 0);
    assert_int_equal(entry_kind_text(0).n, 0);
}

static void refusal_body(struct mem *mem)
{
    struct arena a;
    struct entry e;
    struct slice ret;
    arena_init(&a, mem);
    enum entry_error error = entry_parse(&a, slice_of("ENTERPRISE"), slice_of("1:0312"),
                                         slice_of("8000"), &e);
    assert_true(error == (a.failed ? ENTRY_ERROR_MEMORY : ENTRY_OK));
    if (error == ENTRY_OK) {
        assert_true((entry_failover_text(&a, &e.failover).p == NULL) == a.failed);
        assert_true((entry_failover_number(&a, &e).p == NULL) == a.failed);
    }
    error = route_string_parse(&a, slice_of("tokyo.example"), &ret);
    assert_true(error == ENTRY_OK || (a.failed && error == ENTRY_ERROR_MEMORY));
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
        cmocka_unit_test(test_learned_failover_is_judged),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_cluster_ids),
        cmocka_unit_test(test_route_strings),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
