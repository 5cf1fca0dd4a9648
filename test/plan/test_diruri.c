/* Tables of directory URIs: what each becomes, and why each refused one is refused. */
#include "../test.h"
#include "plan/entry.h"

struct row {
    const char *text;
    const char *canonical; /* NULL: refused */
    enum entry_error error;
};

static const struct row rows[] = {
    {"alice@example.com", "alice@example.com", ENTRY_OK},
    {"sip:alice@example.com", "alice@example.com", ENTRY_OK},
    {"SIP:alice@example.com", "alice@example.com", ENTRY_OK},
    {"Alice@Example.COM", "Alice@example.com", ENTRY_OK},
    {"alice@example.com.", "alice@example.com", ENTRY_OK},
    {"alice@localhost", "alice@localhost", ENTRY_OK},
    {"alice@10.0.0.5", "alice@10.0.0.5", ENTRY_OK},
    {"alice@255.255.255.255", "alice@255.255.255.255", ENTRY_OK},
    {"meet.user1@company.com", "meet.user1@company.com", ENTRY_OK},
    {"+81312345678@gw.example", "+81312345678@gw.example", ENTRY_OK},
    {"8000@1st.example", "8000@1st.example", ENTRY_OK},
    {"-_.!~*'()&=+$,/@x.example", "-_.!~*'()&=+$,/@x.example", ENTRY_OK},
    {"%61lice@x.example", "alice@x.example", ENTRY_OK},
    {"%2b81@x.example", "+81@x.example", ENTRY_OK},
    {"a%20b@x.example", "a%20b@x.example", ENTRY_OK},
    {"a%3bb%3fc%40d%3ae%25@x.example", "a%3Bb%3Fc%40d%3Ae%25@x.example", ENTRY_OK},
    {"%e5%b1%b1@x.example", "%E5%B1%B1@x.example", ENTRY_OK},
    {"a@x-1.y--z.example", "a@x-1.y--z.example", ENTRY_OK},
    {"a@xn--fsqu00a.example", "a@xn--fsqu00a.example", ENTRY_OK},
    {"", NULL, ENTRY_ERROR_EMPTY},
    {"alice", NULL, ENTRY_ERROR_NO_AT},
    {"sip:", NULL, ENTRY_ERROR_NO_AT},
    {"sip:example.com", NULL, ENTRY_ERROR_NO_AT},
    {"@example.com", NULL, ENTRY_ERROR_NO_AT},
    {"sip:@example.com", NULL, ENTRY_ERROR_NO_AT},
    {"alice@", NULL, ENTRY_ERROR_HOST},
    {"alice@.", NULL, ENTRY_ERROR_HOST},
    {"alice@.example", NULL, ENTRY_ERROR_HOST},
    {"alice@x..example", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example..", NULL, ENTRY_ERROR_HOST},
    {"alice@-x.example", NULL, ENTRY_ERROR_HOST},
    {"alice@x-.example", NULL, ENTRY_ERROR_HOST},
    {"alice@x_y.example", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example:5060", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example;transport=tcp", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example?subject=x", NULL, ENTRY_ERROR_HOST},
    {"alice@b@x.example", NULL, ENTRY_ERROR_HOST},
    {"alice@[::1]", NULL, ENTRY_ERROR_HOST},
    {"alice@256.0.0.1", NULL, ENTRY_ERROR_HOST},
    {"alice@10.0.0", NULL, ENTRY_ERROR_HOST},
    {"alice@10.0.0.0.1", NULL, ENTRY_ERROR_HOST},
    {"alice@010.0.0.1", NULL, ENTRY_ERROR_HOST},
    {"alice@x.123", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example ", NULL, ENTRY_ERROR_HOST},
    {"alice@x.example\r\n", NULL, ENTRY_ERROR_HOST},
    {"alice@%61.example", NULL, ENTRY_ERROR_HOST},
    {"sips:alice@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"TEL:+81@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"alice:secret@x.example", "alice%3Asecret@x.example", ENTRY_OK},
    {"alice;day=tuesday@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"alice?x@x.example", "alice%3Fx@x.example", ENTRY_OK},
    {"joe smith#@cisco.com", "joe%20smith%23@cisco.com", ENTRY_OK},
    {"#%^`{}|\\:\"<>[] @x.example",
     "%23%25%5E%60%7B%7D%7C%5C%3A%22%3C%3E%5B%5D%20@x.example", ENTRY_OK},
    {"Jared,\"Jerry\",Smith@test.com", "Jared,%22Jerry%22,Smith@test.com", ENTRY_OK},
    {"it's@x.example", "it's@x.example", ENTRY_OK},
    {"100%@x.example", "100%25@x.example", ENTRY_OK},
    {"%4g@x.example", "%254g@x.example", ENTRY_OK},
    {"a%4@x.example", "a%254@x.example", ENTRY_OK},
    {"alice@x", NULL, ENTRY_ERROR_HOST},
    {"alice@1", NULL, ENTRY_ERROR_HOST},
    {"alice@xy", "alice@xy", ENTRY_OK},
    {"al\tice@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"al\x7fice@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"<alice@x.example>", NULL, ENTRY_ERROR_HOST},
    {"a%00@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"a%0d%0a@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"a%7F@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"\xe5\xb1\xb1@x.example", NULL, ENTRY_ERROR_CHARACTER},
    {"alice@\xe5\xb1\xb1.example", NULL, ENTRY_ERROR_HOST},
    {"\x8eR@x.example", NULL, ENTRY_ERROR_ENCODING},
    {"alice@\x8eR.example", NULL, ENTRY_ERROR_ENCODING},
    {"\xff", NULL, ENTRY_ERROR_ENCODING},
};

static void test_rows(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice ret;
        enum entry_error error = diruri_parse(&a, slice_of(rows[i].text), &ret);
        if (error != rows[i].error)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(error, rows[i].error);
        if (rows[i].canonical == NULL) {
            assert_int_equal(ret.n, 0);
            continue;
        }
        assert_true(slice_eq(ret, slice_of(rows[i].canonical)));
        struct slice again;
        assert_int_equal(diruri_parse(&a, ret, &again), ENTRY_OK);
        assert_true(slice_eq(ret, again));
    }
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

/* What was dialled is read as it is; what older versions wrote is found by it. */
static void test_dialled(void **state)
{
    static const struct row dialled[] = {
        {"alice@x", "alice@x", ENTRY_OK},
        {"1@1", NULL, ENTRY_ERROR_HOST},
        {"joe smith#@x.example", "joe%20smith%23@x.example", ENTRY_OK},
        {"alice:secret@x.example", NULL, ENTRY_ERROR_CHARACTER},
        {"sips:alice@x.example", NULL, ENTRY_ERROR_CHARACTER},
        {"alice;x@x.example", NULL, ENTRY_ERROR_CHARACTER},
    };
    struct test_mem t;
    struct arena a;
    struct slice ret;
    char text[URI_MAX + 1];
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    for (size_t i = 0; i < sizeof dialled / sizeof dialled[0]; i++) {
        assert_int_equal(diruri_read(&a, slice_of(dialled[i].text), &ret), dialled[i].error);
        assert_true(slice_eq(ret, slice_of(ret.n > 0 ? dialled[i].canonical : "")));
    }
    memset(text, 'u', sizeof text);
    memcpy(text + 243, "@x.example", 11);
    assert_int_equal(diruri_read(&a, slice_make(text, 253), &ret), ENTRY_OK);
    arena_done(&a);
}

static void test_nul_is_refused(void **state)
{
    struct test_mem t;
    struct arena a;
    struct slice ret;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_int_not_equal(diruri_parse(&a, slice_make("a\0b@x.example", 13), &ret), ENTRY_OK);
    assert_int_not_equal(diruri_parse(&a, slice_make("ab@x\0.example", 13), &ret), ENTRY_OK);
    arena_done(&a);
}

/* user of `user` bytes at a host of `host` bytes in labels of at most 60. */
static enum entry_error parse_sized(struct arena *a, size_t user, size_t host, const char *unit)
{
    char text[4096];
    size_t n = 0;
    for (size_t i = 0; i < user; i++) {
        memcpy(text + n, unit, strlen(unit));
        n += strlen(unit);
    }
    text[n++] = '@';
    for (size_t i = 0; i < host; i++)
        text[n++] = i % 61 == 60 && i + 1 < host ? '.' : 'h';
    struct slice ret;
    return diruri_parse(a, slice_make(text, n), &ret);
}

static void test_bounds(void **state)
{
    struct test_mem t;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_int_equal(parse_sized(&a, 1, 252, "u"), ENTRY_OK);
    assert_int_equal(parse_sized(&a, 1, 253, "u"), ENTRY_ERROR_TOO_LONG);
    assert_int_equal(parse_sized(&a, 1, 254, "u"), ENTRY_ERROR_TOO_LONG);
    assert_int_equal(parse_sized(&a, 47, 10, "u"), ENTRY_OK);
    assert_int_equal(parse_sized(&a, 48, 10, "u"), ENTRY_ERROR_USER_LONG);
    assert_int_equal(parse_sized(&a, 47, 10, "%61"), ENTRY_OK);
    assert_int_equal(parse_sized(&a, 47, 10, "%20"), ENTRY_OK);
    assert_int_equal(parse_sized(&a, 48, 10, " "), ENTRY_ERROR_USER_LONG);
    assert_int_equal(parse_sized(&a, 47, 112, " "), ENTRY_OK);
    assert_int_equal(parse_sized(&a, 47, 113, " "), ENTRY_ERROR_TOO_LONG);
    assert_int_equal(parse_sized(&a, 1000, 10, "%20"), ENTRY_ERROR_TOO_LONG);

    char label[80];
    struct slice ret;
    memset(label, 'h', sizeof label);
    memcpy(label, "a@", 2);
    assert_int_equal(diruri_parse(&a, slice_make(label, 2 + 63), &ret), ENTRY_OK);
    assert_int_equal(diruri_parse(&a, slice_make(label, 2 + 64), &ret), ENTRY_ERROR_HOST);
    arena_done(&a);
}

static void refusal_body(struct mem *mem)
{
    struct arena a;
    struct slice ret;
    arena_init(&a, mem);
    enum entry_error error = diruri_parse(&a, slice_of("alice@example.com"), &ret);
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
        cmocka_unit_test(test_dialled),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
