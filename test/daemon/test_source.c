/* How a source may be set up, and when two readings gave the same. */
#include "../test.h"

#include <stdlib.h>

#include "daemon/changes.h"
#include "daemon/source.h"

/* Whether the settings are taken; where what is wrong is, in `where`. */
static const char *where;
static char text[256];

static bool judge(const char *settings)
{
    json_t *config = json_loads(settings, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(config);
    where = NULL;
    bool good = source_config_judge(config, text, sizeof text, &where);
    json_decref(config);
    return good;
}

static void test_settings(void **state)
{
    assert_true(judge("{\"kind\": \"file\", \"place\": \"/srv/plan.csv\"}"));
    assert_true(judge("{\"kind\": \"sqlite\", \"place\": \"/k.db\", \"query\": \"SELECT 1\"}"));
    assert_true(judge("{\"kind\": \"ldap\", \"place\": \"ldap://h\", \"filter\": \"(a=b)\", "
                      "\"attributes\": \"URI=mail\", \"every\": 604800}"));
    assert_false(judge("{\"kind\": \"oracle\", \"place\": \"x\"}"));
    assert_string_equal(where, "kind");
    assert_false(judge("{\"kind\": \"file\", \"place\": \"plan.csv\"}"));
    assert_string_equal(where, "place");
    assert_false(judge("{\"kind\": \"mariadb\", \"place\": \"host=h\"}"));
    assert_string_equal(where, "query");
    assert_false(judge("{\"kind\": \"ldap\", \"place\": \"ldap://h\", \"filter\": \"(a=b)\"}"));
    assert_string_equal(where, "attributes");
    assert_false(judge("{\"kind\": \"file\", \"place\": \"/p\", \"every\": 0}"));
    assert_string_equal(where, "every");
    assert_false(judge("{\"kind\": \"file\", \"place\": \"/p\", \"every\": 604801}"));
    assert_false(judge("{\"kind\": \"file\", \"place\": \"/p\", \"ca\": \"relative.pem\"}"));
    assert_string_equal(where, "ca");
    assert_false(judge("{\"kind\": \"file\", \"place\": 7}"));
}

static void test_no_password(void **state)
{
    static const char *const place[] = {
        "host=db password=secret", "host=db PASSWORD = secret", "postgresql://u:secret@db/k",
        "postgresql://db/k?password=secret", "ldap://u:secret@h",
    };
    static const char *const fine[] = {"postgresql://u@db:5432/k", "host=db user=u",
                                       "postgresql://db:5432/k?options=a@b"};
    char settings[256];
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        snprintf(settings, sizeof settings, "{\"kind\": \"postgresql\", \"place\": \"%s\", "
                 "\"query\": \"SELECT 1\"}", place[i]);
        assert_false(judge(settings));
        assert_non_null(strstr(text, "--password-file"));
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        snprintf(settings, sizeof settings, "{\"kind\": \"postgresql\", \"place\": \"%s\", "
                 "\"query\": \"SELECT 1\"}", fine[i]);
        assert_true(judge(settings));
    }
}

static void hash_of(const struct entry *entry, size_t n, uint8_t hash[static HASH_SIZE])
{
    struct changes c;
    changes_init(&c);
    assert_true(changes_make(&c, entry, n, slice_of("hq")));
    changes_hash(&c, hash);
    changes_done(&c);
}

static void test_hash(void **state)
{
    struct entry entry[3] = {
        {.kind = ENTRY_URI, .key = slice_of("alice@example.com")},
        {.kind = ENTRY_ENTERPRISE, .key = slice_of("8000")},
        {.kind = ENTRY_E164, .key = slice_of("+8000")},
    };
    uint8_t all[HASH_SIZE], other[HASH_SIZE];
    hash_of(entry, 3, all);
    struct entry last = entry[2];
    entry[2] = entry[0];
    entry[0] = last;
    hash_of(entry, 3, other);
    assert_memory_equal(all, other, HASH_SIZE); /* in another order */
    hash_of(entry, 2, other);
    assert_memory_not_equal(all, other, HASH_SIZE);
    entry[1].failover.rule = FAILOVER_ITSELF;
    hash_of(entry, 3, other);
    assert_memory_not_equal(all, other, HASH_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_no_password),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
