/* Does a certificate hold a name? Case, wildcards, dots, and what looks like a name and is none. */
#include "test.h"

#include "base/certificate.h"

static bool holds(const char *in_certificate, const char *name)
{
    struct certificate c = {.name = {slice_of("first.example.org"), slice_of(in_certificate)},
                            .name_n = 2};
    return certificate_names(&c, slice_of(name));
}

static void test_plain(void **state)
{
    assert_true(holds("a.example.com", "a.example.com"));
    assert_true(holds("a.example.com", "A.Example.COM"));
    assert_true(holds("a.example.com", "a.example.com."));
    assert_true(holds("a.example.com", "first.example.org"));
    assert_true(holds("10.0.0.1", "10.0.0.1"));
    assert_true(holds("2001:db8::1", "2001:DB8::1"));
    assert_false(holds("a.example.com", "b.example.com"));
    assert_false(holds("a.example.com", "a.example.com.."));
    assert_false(holds("a.example.com", "xa.example.com"));
    assert_false(holds("a.example.com", "a.example.co"));
    assert_false(holds("", ""));
    assert_false(holds("", "."));
}

static void test_wildcard(void **state)
{
    assert_true(holds("*.example.com", "a.example.com"));
    assert_true(holds("*.example.com", "A.EXAMPLE.com."));
    assert_true(holds("*.example.com", "*.example.com"));
    assert_false(holds("*.example.com", "example.com"));
    assert_false(holds("*.example.com", ".example.com"));
    assert_false(holds("*.example.com", "a.b.example.com"));
    assert_false(holds("*.example.com", "a.example.org"));
    assert_false(holds("a.*.com", "a.b.com"));
    assert_false(holds("*", "a"));
    assert_false(holds("*.", "a"));
    assert_false(holds("f*.example.com", "foo.example.com"));
}

static void test_none(void **state)
{
    struct certificate c = {.present = true};
    assert_false(certificate_names(&c, slice_of("a.example.com")));
    assert_false(certificate_names(&c, slice_make(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_wildcard),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
