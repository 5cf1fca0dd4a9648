/* Route patterns: what is accepted, which pattern covers, in what order targets are tried. */
#include "../test.h"
#include "plan/lookup.h"

static enum entry_error add(struct routes *r, const char *pattern, const char *target)
{
    return routes_add(r, slice_of(pattern), slice_of(target));
}

static size_t drop(struct routes *r, const char *pattern, const char *target)
{
    return routes_remove(r, slice_of(pattern), slice_of(target));
}

/* "pattern target" of what covers; "" for nothing. */
static const char *find(const struct routes *r, const char *route_string)
{
    static char text[600];
    size_t first, n;
    struct slice pattern, target;
    text[0] = '\0';
    if (routes_find(r, slice_of(route_string), &first, &n)) {
        assert_true(n > 0 && first + n <= routes_count(r));
        routes_get(r, first, &pattern, &target);
        size_t used = slice_to_text(pattern, text, sizeof text);
        text[used++] = ' ';
        slice_to_text(target, text + used, sizeof text - used);
    }
    return text;
}

static void test_patterns(void **state)
{
    static const char *const good[] = {"host", "host.example", "*.example", "*", "*.A.example",
                                       "PSTN", "a.*", "a.*.b", "*.*.b", "*.b.*"};
    static const char *const bad[] = {"", "*.", "**", "*example", "a.**", "a.*b", "*.*.", ".a",
                                      "a.", "a b",
                                      "*.-a", "a_b", "\xe6\x9d\xb1", "a;b", "a@b"};
    struct test_mem t;
    test_mem_init(&t, 0);
    struct routes *r = routes_new(&t.mem);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(add(r, good[i], "sip:h"), ENTRY_OK);
    assert_int_equal(routes_count(r), sizeof good / sizeof good[0]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(add(r, bad[i], "sip:h"), ENTRY_ERROR_HOST);
    routes_free(r);
    assert_int_equal(t.mem.used, 0);
}

static void test_targets(void **state)
{
    static const char *const good[] = {
        "sip:h", "sips:h", "sip:10.0.0.5", "sip:10.0.0.5:5080", "sip:10.0.0.5:5080;transport=tcp",
        "sip:h.example;transport=ws", "sip:x@h:1", "sip:[::1]", "sip:[2001:db8::1]:65535",
        "sip:[::ffff:10.0.0.1];transport=udp", "sip:%61@h"};
    static const char *const bad[] = {
        "", "sip:", "sips:", "h", "h:5060", "tel:+81", "http://h", "<sip:h>", "sip:h?x=y",
        "sip:h:0", "sip:h:65536", "sip:h:", "sip:h:x", "sip:h:5060:1", "sip:h;transport=",
        "sip:h;transport=x", "sip:h;lr", "sip:h;transport=tcp;transport=udp", "sip:h;", "sip:@h",
        "sip:a:b@h", "sip:a b@h", "sip:a@", "sip:a@b@h", "sip:h\r\nX: y", "sip:[::1", "sip:[1]",
        "sip:[::1]x", "sip:[::g]", "sip:256.1.1.1", "sip:-h", "sip:h ", " sip:h",
        "sip:\xe6\x9d\xb1", "sip:%0d@h"};
    struct test_mem t;
    test_mem_init(&t, 0);
    struct routes *r = routes_new(&t.mem);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (add(r, "a", good[i]) != ENTRY_OK)
            print_error("%s\n", good[i]);
        assert_int_equal(routes_count(r), 1);
        assert_int_equal(drop(r, "a", good[i]), 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (add(r, "a", bad[i]) != ENTRY_ERROR_CHARACTER)
            print_error("%s\n", bad[i]);
        assert_int_equal(add(r, "a", bad[i]), ENTRY_ERROR_CHARACTER);
    }
    assert_int_equal(routes_count(r), 0);
    assert_int_equal(add(r, "A.Example", "SIP:Bob%20@H.Example:5060;Transport=TCP"), ENTRY_OK);
    assert_string_equal(find(r, "a.example"), "a.example sip:Bob%20@h.example:5060;transport=tcp");
    routes_free(r);
    assert_int_equal(t.mem.used, 0);
}

static void test_most_specific_covers(void **state)
{
    struct test_mem t;
    test_mem_init(&t, 0);
    struct routes *r = routes_new(&t.mem);
    assert_string_equal(find(r, "a.b.example"), "");
    add(r, "*.example", "sip:two");
    add(r, "a.b.example", "sip:one");
    add(r, "*.b.example", "sip:three");
    assert_string_equal(find(r, "a.b.example"), "a.b.example sip:one");
    assert_string_equal(find(r, "A.B.Example"), "a.b.example sip:one");
    assert_string_equal(find(r, "c.b.example"), "*.b.example sip:three");
    assert_string_equal(find(r, "d.c.b.example"), "*.b.example sip:three");
    assert_string_equal(find(r, "b.example"), "*.example sip:two");
    assert_string_equal(find(r, "xb.example"), "*.example sip:two");
    assert_string_equal(find(r, "example"), "");
    assert_string_equal(find(r, "b.example.net"), "");
    assert_string_equal(find(r, ""), "");
    add(r, "*", "sip:all");
    assert_string_equal(find(r, "example"), "* sip:all");
    assert_string_equal(find(r, ""), "* sip:all");
    assert_string_equal(find(r, ".example"), "*.example sip:two");
    routes_free(r);
}

static void test_several_targets_keep_their_order(void **state)
{
    struct test_mem t;
    test_mem_init(&t, 0);
    struct routes *r = routes_new(&t.mem);
    const char *targets[] = {"sip:z", "sip:a", "sip:m"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(add(r, "b.example", targets[i]), ENTRY_OK);
        assert_int_equal(add(r, "B.example", targets[i]), ENTRY_OK);
        add(r, i % 2 == 0 ? "a.example" : "c.example", targets[i]);
    }
    size_t first, n;
    assert_true(routes_find(r, slice_of("b.example"), &first, &n));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        struct slice pattern, target;
        routes_get(r, first + i, &pattern, &target);
        assert_true(slice_eq(pattern, slice_of("b.example")));
        assert_true(slice_eq(target, slice_of(targets[i])));
    }
    assert_int_equal(drop(r, "b.example", "sip:a"), 1);
    assert_int_equal(drop(r, "b.example", "sip:a"), 0);
    assert_int_equal(drop(r, "nobody", ""), 0);
    assert_int_equal(drop(r, "b..", ""), 0);
    assert_int_equal(drop(r, "b.example", "nonsense"), 0);
    assert_int_equal(routes_count(r), 5);
    assert_int_equal(drop(r, "B.example", ""), 2);
    assert_string_equal(find(r, "a.example"), "a.example sip:z");
    assert_string_equal(find(r, "b.example"), "");
    assert_string_equal(find(r, "c.example"), "c.example sip:a");
    routes_free(r);
    assert_int_equal(t.mem.used, 0);
}

static void test_too_many_targets(void **state)
{
    struct test_mem t;
    char target[] = "sip:a";
    test_mem_init(&t, 0);
    struct routes *r = routes_new(&t.mem);
    for (int i = 0; i < ROUTE_TARGETS_MAX; i++, target[4]++)
        assert_int_equal(add(r, "*", target), ENTRY_OK);
    assert_int_equal(add(r, "*", target), ENTRY_ERROR_TOO_LONG);
    assert_int_equal(add(r, "x", target), ENTRY_OK);
    routes_free(r);
}

static void refusal_body(struct mem *mem)
{
    struct routes *r = routes_new(mem);
    char pattern[] = "a.example";
    size_t added = 0;
    if (r == NULL)
        return;
    for (int i = 0; i < 20; i++, pattern[0]++) {
        enum entry_error error = add(r, pattern, "sip:h");
        assert_true(error == ENTRY_OK || error == ENTRY_ERROR_MEMORY);
        added += error == ENTRY_OK;
        assert_int_equal(routes_count(r), added);
    }
    routes_free(r);
}

static void test_refusals(void **state)
{
    test_every_refusal(refusal_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_most_specific_covers),
        cmocka_unit_test(test_several_targets_keep_their_order),
        cmocka_unit_test(test_too_many_targets),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
