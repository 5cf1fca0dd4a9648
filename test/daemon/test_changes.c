/* The order in which changes go to the core is that of change_order, whatever they begin with. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "daemon/changes.h"

#define COUNT 20000

static int by_key(const void *a, const void *b)
{
    return change_order(a, b);
}

/* Few domains and many; users that differ late, end early, or hold bytes of either kind. */
static size_t random_key(struct rand *r, char *text, size_t size, uint8_t *kind)
{
    static const char *const users[] = {"", "user", "user00000000000", "user0000000000000000",
                                        "%E5%B1%B1", "A",
                                        "USER0", "User0000000000000000"};
    const char *user = users[rand_below(r, 8)];
    unsigned n = (unsigned)rand_below(r, 40), domain = (unsigned)rand_below(r, 4000);
    *kind = (uint8_t)(ENTRY_URI + rand_below(r, 3));
    if (*kind != ENTRY_URI)
        return (size_t)snprintf(text, size, "%s%u", *kind == ENTRY_E164 ? "+" : "", n * domain);
    return (size_t)snprintf(text, size, "%s%u@%s%u.example", user, n,
                            domain % 2 == 0 ? "s" : "site", domain % 3 == 0 ? domain : 1);
}

static void test_order(void **state)
{
    static char text[COUNT][64];
    struct entry *entry = calloc(COUNT, sizeof *entry);
    struct change *wanted = calloc(COUNT, sizeof *wanted);
    struct changes c;
    struct rand r;
    assert_true(entry != NULL && wanted != NULL);
    rand_seed(&r, 3);
    for (size_t i = 0; i < COUNT; i++)
        entry[i].key = slice_make(text[i], random_key(&r, text[i], sizeof text[i], &entry[i].kind));
    changes_init(&c);
    assert_true(changes_make(&c, entry, COUNT, slice_of("x")));
    memcpy(wanted, c.change, COUNT * sizeof *wanted);
    qsort(wanted, COUNT, sizeof *wanted, by_key);
    assert_true(changes_order(&c));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(change_order(&c.change[i], &wanted[i]), 0);
    changes_done(&c);

    changes_init(&c);
    assert_true(changes_make(&c, entry, 0, slice_of("x")) && changes_order(&c));
    changes_done(&c);
    free(entry);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
