/* Rules of what is made of learned data: what they let through, whose comes first, their rows. */
#include "../test.h"
#include "plan/lookup.h"
#include "world.h"

#define NONE slice_make(NULL, 0)

static bool is(struct slice a, const char *text)
{
    return slice_eq(a, slice_of(text));
}

static void key_of(uint8_t key[static KEY_SIZE], char c)
{
    memset(key, c, KEY_SIZE);
}

static int put_block(struct policy *p, struct mem *mem, const struct policy_block *rule)
{
    struct buf key, value;
    buf_init(&key, mem, 1024);
    buf_init(&value, mem, 1024);
    policy_block_key(&key, rule->n);
    policy_block_put(&value, rule);
    int r = key.failed || value.failed ? -1 : policy_put(p, buf_slice(&key), buf_slice(&value));
    buf_done(&key);
    buf_done(&value);
    return r;
}

static int put_bound(struct policy *p, struct mem *mem, char c, const char *domain,
                     const char *prefix)
{
    struct buf key, value;
    uint8_t of[KEY_SIZE];
    struct slice d = slice_of(domain), x = slice_of(prefix);
    key_of(of, c);
    buf_init(&key, mem, 1024);
    buf_init(&value, mem, 1024);
    policy_bound_key(&key, of);
    policy_bound_put(&value, slice_of("x"), &d, d.n > 0, &x, x.n > 0);
    int r = key.failed || value.failed ? -1 : policy_put(p, buf_slice(&key), buf_slice(&value));
    buf_done(&key);
    buf_done(&value);
    return r;
}

static int put_preferred(struct policy *p, struct mem *mem, const struct policy_preferred *order,
                         size_t n)
{
    struct buf key, value;
    buf_init(&key, mem, 1024);
    buf_init(&value, mem, 65536);
    policy_order_key(&key);
    policy_order_put(&value, order, n);
    int r = key.failed || value.failed ? -1 : policy_put(p, buf_slice(&key), buf_slice(&value));
    buf_done(&key);
    buf_done(&value);
    return r;
}

static int put_order(struct policy *p, struct mem *mem, const char *keys)
{
    struct policy_preferred order[8];
    size_t n = strlen(keys);
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct policy_preferred){.cluster = slice_make(keys + i, 1)};
        key_of(order[i].key, keys[i]);
    }
    return put_preferred(p, mem, order, n);
}

static enum loser_rule judge(const struct policy *p, char c, uint8_t kind, const char *user,
                             const char *domain, uint32_t *ret_rule)
{
    uint8_t key[KEY_SIZE];
    key_of(key, c);
    struct policy_subject s = {.key = key, .kind = kind, .cluster_id = slice_make(&c, 1),
                               .user = slice_of(user), .domain = slice_of(domain)};
    return policy_judge(p, &s, ret_rule);
}

/* Each row: a block, and an entry that it fits and one that it does not. */
static void test_blocks(void **state)
{
    static const struct {
        struct { const char *pattern, *prefix; char cluster; uint8_t type; } block;
        struct { char cluster; uint8_t kind; const char *user, *domain; } entry;
        bool blocked;
    } rows[] = {
        {{"8001", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "8001", ""}, true},
        {{"8001", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "80011", ""}, false},
        {{"8001", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "8001", "x.example"}, false},
        {{"+8166", "", 0, POLICY_ANY}, {'o', ENTRY_E164, "+8166", ""}, true},
        {{"206XXXXXXX", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "2065551212", ""}, true},
        {{"206XXXXXXX", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "206555121", ""}, false},
        {{"206XXXXXXX", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "20655512123", ""}, false},
        {{"206XXXXXXX", "", 0, POLICY_ANY}, {'o', ENTRY_E164, "+2065551212", ""}, false},
        {{"206XXXXXXX", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "2065551212", "x.example"}, false},
        {{"+1206!", "", 0, POLICY_ANY}, {'o', ENTRY_E164, "+12065551212", ""}, true},
        {{"+1206!", "", 0, POLICY_ANY}, {'o', ENTRY_E164, "+1206", ""}, false},
        {{"8[1-3]0?5", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "82005", ""}, true},
        {{"8[1-3]0?5", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "835", ""}, true},
        {{"8[1-3]0?5", "", 0, POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "845", ""}, false},
        {{"", "+8166", 0, POLICY_ANY}, {'o', ENTRY_E164, "+81660000001", ""}, true},
        {{"", "8166", 0, POLICY_ANY}, {'o', ENTRY_E164, "+81660000001", ""}, false},
        {{"", "8", 0, POLICY_ANY}, {'o', ENTRY_URI, "8001", "x.example"}, false},
        {{"", "8", 0, POLICY_E164}, {'o', ENTRY_ENTERPRISE, "8001", ""}, false},
        {{"", "8", 0, POLICY_ENTERPRISE}, {'o', ENTRY_ENTERPRISE, "8001", ""}, true},
        {{"", "", 'o', POLICY_ANY}, {'o', ENTRY_URI, "a", "x.example"}, true},
        {{"", "", 'o', POLICY_ANY}, {'n', ENTRY_URI, "a", "x.example"}, false},
        {{"", "", 0, POLICY_URI}, {'o', ENTRY_URI, "a", "x.example"}, true},
        {{"", "", 0, POLICY_URI}, {'o', ENTRY_E164, "+81", ""}, false},
        {{"alice@x.example", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "Alice", "x.example"}, true},
        {{"alice@x.example", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "bob", "x.example"}, false},
        {{"*@x.example", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "bob", "x.example"}, true},
        {{"*@x.example", "", 0, POLICY_ANY}, {'o', ENTRY_URI, "bob", "y.x.example"}, false},
        {{"8001", "", 'n', POLICY_ANY}, {'o', ENTRY_ENTERPRISE, "8001", ""}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct test_mem t;
        struct policy_block rule = {.n = 7, .type = rows[i].block.type,
                                    .of_cluster = rows[i].block.cluster != 0,
                                    .pattern = slice_of(rows[i].block.pattern),
                                    .prefix = slice_of(rows[i].block.prefix)};
        uint32_t n;
        test_mem_init(&t, 0);
        struct policy *p = policy_new(&t.mem);
        key_of(rule.key, rows[i].block.cluster);
        assert_int_equal(put_block(p, &t.mem, &rule), 0);
        enum loser_rule got = judge(p, rows[i].entry.cluster, rows[i].entry.kind,
                                    rows[i].entry.user, rows[i].entry.domain, &n);
        if ((got == LOSER_BLOCKED) != rows[i].blocked)
            print_error("row %zu\n", i);
        assert_int_equal(got, rows[i].blocked ? LOSER_BLOCKED : LOSER_NONE);
        assert_int_equal(n, rows[i].blocked ? 7 : 0);
        policy_free(p);
        assert_int_equal(t.mem.used, 0);
    }
}

static void test_bounds(void **state)
{
    struct test_mem t;
    uint32_t n;
    test_mem_init(&t, 0);
    struct policy *p = policy_new(&t.mem);
    assert_int_equal(put_bound(p, &t.mem, 'o', "osaka.example", "+816"), 0);
    assert_int_equal(judge(p, 'o', ENTRY_URI, "a", "osaka.example", &n), LOSER_NONE);
    assert_int_equal(judge(p, 'o', ENTRY_URI, "a", "lab.osaka.example", &n), LOSER_NONE);
    assert_int_equal(judge(p, 'o', ENTRY_URI, "a", "notosaka.example", &n), LOSER_OUTSIDE);
    assert_int_equal(judge(p, 'o', ENTRY_E164, "+8166", "", &n), LOSER_NONE);
    assert_int_equal(judge(p, 'o', ENTRY_E164, "+8133", "", &n), LOSER_OUTSIDE);
    assert_int_equal(judge(p, 'o', ENTRY_ENTERPRISE, "8166", "", &n), LOSER_OUTSIDE);
    assert_int_equal(judge(p, 'n', ENTRY_ENTERPRISE, "8166", "", &n), LOSER_NONE);
    /* In place of the former. */
    assert_int_equal(put_bound(p, &t.mem, 'o', "", "8"), 0);
    assert_int_equal(judge(p, 'o', ENTRY_ENTERPRISE, "8166", "", &n), LOSER_NONE);
    assert_int_equal(judge(p, 'o', ENTRY_URI, "a", "osaka.example", &n), LOSER_OUTSIDE);
    policy_free(p);
    assert_int_equal(t.mem.used, 0);
}

/* tokyo is one's own; osaka and nara both have 8001 and alice. */
static const struct world_row osaka[] = {{"ENTERPRISE", "", "8001"},
                                         {"URI", "", "alice@x.example"}};
static const struct world_row nara[] = {{"ENTERPRISE", "", "8001"},
                                        {"URI", "", "alice@x.example"}};
static const struct world_row tokyo[] = {{"URI", "", "own@x.example"}};

struct world {
    struct test_mem t;
    struct plan *plan;
    struct routes *routes;
    struct policy *policy;
    struct arena a;
};

static void world_begin(struct world *w)
{
    static const uint8_t seed[16] = {1};
    test_mem_init(&w->t, 0);
    struct mem *mem = &w->t.mem;
    w->plan = plan_new(mem, seed, true);
    w->routes = routes_new(mem);
    w->policy = policy_new(mem);
    arena_init(&w->a, mem);
    assert_non_null(world_catalog(w->plan, mem, "osaka", "osaka.example", false, osaka, 2));
    assert_non_null(world_catalog(w->plan, mem, "nara", "nara.example", false, nara, 2));
    assert_non_null(world_catalog(w->plan, mem, "tokyo", "tokyo.example", true, tokyo, 1));
    plan_use_policy(w->plan, w->policy);
}

static void world_end(struct world *w)
{
    arena_done(&w->a);
    plan_free(w->plan);
    routes_free(w->routes);
    policy_free(w->policy);
    assert_int_equal(w->t.mem.used, 0);
}

/* The winner is as said, and the loser lost by that rule. */
static void expect(struct world *w, const char *dialled, const char *winner, enum loser_rule rule)
{
    struct lookup l;
    plan_why(w->plan, w->routes, &w->a, slice_of(dialled), NULL, &l);
    assert_int_equal(l.match_n, 2);
    assert_true(is(l.match[0].cluster_id, winner));
    assert_int_equal(l.match[0].lost_to, LOSER_NONE);
    assert_int_equal(l.match[1].lost_to, rule);
}

static void test_winner(void **state)
{
    struct world w;
    struct mem *mem = &w.t.mem;
    struct lookup l;
    struct policy_block block = {.n = 3, .of_cluster = true};
    world_begin(&w);
    expect(&w, "8001", "nara", LOSER_CLUSTER_ID);
    assert_int_equal(put_bound(w.policy, mem, 'o', "x.example", "80"), 0);
    expect(&w, "8001", "osaka", LOSER_CLAIM);
    expect(&w, "alice@x.example", "osaka", LOSER_CLAIM);
    assert_int_equal(put_bound(w.policy, mem, 'o', "osaka.example", ""), 0);
    expect(&w, "8001", "nara", LOSER_OUTSIDE);
    assert_int_equal(put_bound(w.policy, mem, 'o', "x.example", "80"), 0);
    assert_int_equal(put_order(w.policy, mem, "no"), 0);
    expect(&w, "8001", "nara", LOSER_PREFERRED);
    key_of(block.key, 'n');
    assert_int_equal(put_block(w.policy, mem, &block), 0);
    expect(&w, "8001", "osaka", LOSER_BLOCKED);
    plan_why(w.plan, w.routes, &w.a, slice_of("8001"), NULL, &l);
    assert_int_equal(l.match[1].rule, 3);
    block = (struct policy_block){.n = 4, .pattern = slice_of("8001")};
    assert_int_equal(put_block(w.policy, mem, &block), 0);
    plan_why(w.plan, w.routes, &w.a, slice_of("8001"), NULL, &l);
    assert_int_equal(l.result, LOOKUP_BLOCKED);
    assert_int_equal(l.target_n, 0);
    assert_int_equal(l.match_n, 2);
    assert_true(l.match[0].lost_to == LOSER_BLOCKED && l.match[1].lost_to == LOSER_BLOCKED);
    /* One's own is nobody's to block. */
    block = (struct policy_block){.n = 5, .pattern = slice_of("*@x.example")};
    assert_int_equal(put_block(w.policy, mem, &block), 0);
    plan_why(w.plan, w.routes, &w.a, slice_of("own@x.example"), NULL, &l);
    assert_int_equal(l.result, LOOKUP_LOCAL);
    policy_remove(w.policy, slice_make("\1\0\0\0\3", 5));
    policy_remove(w.policy, slice_make("\1\0\0\0\4", 5));
    expect(&w, "8001", "nara", LOSER_PREFERRED);
    policy_remove(w.policy, slice_make("\3", 1));
    expect(&w, "8001", "osaka", LOSER_CLAIM);
    world_end(&w);
}

static void test_order_is_total(void **state)
{
    struct test_mem t;
    uint8_t key[2][KEY_SIZE];
    enum loser_rule rule;
    test_mem_init(&t, 0);
    struct policy *p = policy_new(&t.mem);
    key_of(key[0], 'a');
    key_of(key[1], 'b');
    struct policy_subject a = {.key = key[0], .number = 1, .cluster_id = slice_of("x"),
                               .kind = ENTRY_URI, .user = slice_of("u"), .domain = slice_of("h")};
    struct policy_subject b = a;
    b.key = key[1];
    assert_true(policy_order(p, &a, &b, &rule) < 0 && policy_order(p, &b, &a, &rule) > 0);
    b = a;
    b.number = 2;
    assert_true(policy_order(NULL, &a, &b, &rule) < 0 && policy_order(NULL, &b, &a, &rule) > 0);
    b.local = true;
    assert_true(policy_order(p, &b, &a, &rule) < 0);
    assert_int_equal(rule, LOSER_NOT_LOCAL);
    policy_free(p);
}

/* b's catalog 3 has a place of its own, whatever comes of b's plan and its other catalogs. */
static void test_order_of_catalogs(void **state)
{
    struct test_mem t;
    uint8_t key[2][KEY_SIZE];
    enum loser_rule rule;
    test_mem_init(&t, 0);
    struct policy *p = policy_new(&t.mem);
    struct policy_preferred order[] = {{.number = 3, .cluster = slice_of("legacy")},
                                       {.cluster = slice_of("a")},
                                       {.cluster = slice_of("b")}}, read;
    key_of(key[0], 'a');
    key_of(key[1], 'b');
    memcpy(order[0].key, key[1], KEY_SIZE);
    memcpy(order[1].key, key[0], KEY_SIZE);
    memcpy(order[2].key, key[1], KEY_SIZE);
    struct policy_subject a = {.key = key[0], .number = 1, .cluster_id = slice_of("a"),
                               .kind = ENTRY_URI, .user = slice_of("u"), .domain = slice_of("h")};
    struct policy_subject b = a;
    b.key = key[1];
    b.cluster_id = slice_of("b");
    assert_int_equal(put_preferred(p, &t.mem, order, 3), 0);
    assert_true(policy_preferred_at(p, 0, &read) && read.number == 3 &&
                slice_eq(read.cluster, slice_of("legacy")));
    assert_true(policy_preferred_at(p, 1, &read) && read.number == 0);
    assert_true(policy_order(p, &a, &b, &rule) < 0); /* the plan of b */
    b.number = 2;
    assert_true(policy_order(p, &a, &b, &rule) < 0);
    b.number = 3;
    assert_true(policy_order(p, &a, &b, &rule) > 0 && rule == LOSER_PREFERRED);
    assert_int_equal(put_preferred(p, &t.mem, order, 2), 0); /* b itself is not named */
    assert_true(policy_order(p, &a, &b, &rule) > 0);
    b.number = 1;
    assert_true(policy_order(p, &a, &b, &rule) < 0);
    policy_free(p);
}

/* As long as it may be, of names as long as they may be. */
static void test_longest_order(void **state)
{
    struct test_mem t;
    struct policy_preferred order[POLICY_ORDER_MAX], read;
    char name[CLUSTER_ID_MAX];
    test_mem_init(&t, 0);
    memset(name, 'x', sizeof name);
    for (size_t i = 0; i < POLICY_ORDER_MAX; i++) {
        order[i] = (struct policy_preferred){.number = UINT64_MAX,
                                             .cluster = slice_make(name, sizeof name)};
        memset(order[i].key, (int)i, KEY_SIZE);
    }
    struct policy *p = policy_new(&t.mem);
    assert_int_equal(put_preferred(p, &t.mem, order, POLICY_ORDER_MAX), 0);
    assert_true(policy_preferred_at(p, POLICY_ORDER_MAX - 1, &read));
    assert_true(!policy_preferred_at(p, POLICY_ORDER_MAX, &read));
    policy_free(p);
}

static void test_typed(void **state)
{
    struct test_mem t;
    struct arena a;
    struct slice s;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_int_equal(policy_pattern_parse(&a, slice_of(" 206-555-1212 "), &s), ENTRY_OK);
    assert_true(is(s, "2065551212"));
    assert_int_equal(policy_pattern_parse(&a, slice_of("206 555 xxxx"), &s), ENTRY_OK);
    assert_true(is(s, "206555XXXX"));
    assert_int_equal(policy_pattern_parse(&a, slice_of("*@X.Example"), &s), ENTRY_OK);
    assert_true(is(s, "*@x.example"));
    assert_int_equal(policy_pattern_parse(&a, slice_of("sip:bob@X.example"), &s), ENTRY_OK);
    assert_true(is(s, "bob@x.example"));
    assert_int_not_equal(policy_pattern_parse(&a, slice_of("*@"), &s), ENTRY_OK);
    assert_int_not_equal(policy_pattern_parse(&a, slice_of("*@-"), &s), ENTRY_OK);
    assert_int_not_equal(policy_pattern_parse(&a, slice_of("12a"), &s), ENTRY_OK);
    assert_int_equal(policy_prefix_parse(&a, slice_of("+"), &s), ENTRY_OK);
    assert_int_equal(policy_prefix_parse(&a, slice_of("+81 6"), &s), ENTRY_OK);
    assert_true(is(s, "+816"));
    assert_int_not_equal(policy_prefix_parse(&a, slice_of("x"), &s), ENTRY_OK);
    assert_int_equal(policy_domain_parse(&a, slice_of("@Osaka.Example"), &s), ENTRY_OK);
    assert_true(is(s, "osaka.example"));
    assert_int_not_equal(policy_domain_parse(&a, slice_of("*.example"), &s), ENTRY_OK);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_bad_rows(void **state)
{
    struct test_mem t;
    static const struct {
        const char *key;
        size_t key_n;
        const char *value;
        size_t value_n;
    } bad[] = {
        {"", 0, "x", 1}, {"\1", 1, "x", 1}, {"\7", 1, "x", 1},
        {"\1\0\0\0\0", 5, "\1\0\0\0\0\0", 6},  /* number 0 */
        {"\1\0\0\0\1", 5, "\0\0\0\0\0\0", 6},  /* says nothing */
        {"\1\0\0\0\1", 5, "\4\0\0\0\0\0", 6},  /* no such type */
        {"\1\0\0\0\1", 5, "\1\2\0\0\0\0", 6},  /* no such flag */
        {"\1\0\0\0\1", 5, "\1\0\0\0\0\0x", 7}, /* more behind it */
        {"\3", 1, "short", 5}, {"\3x", 2, "short", 5},
    };
    test_mem_init(&t, 0);
    struct policy *p = policy_new(&t.mem);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(policy_put(p, slice_make(bad[i].key, bad[i].key_n),
                                    slice_make(bad[i].value, bad[i].value_n)), -2);
    assert_int_equal(policy_put(p, slice_make("\1\0\0\0\1", 5), slice_make("\1\0\0\0\0\0", 6)), 0);
    policy_remove(p, slice_of("nonsense"));
    policy_remove(p, NONE);
    policy_free(p);
    assert_int_equal(t.mem.used, 0);
}

static void refused(struct mem *mem)
{
    struct policy *p = policy_new(mem);
    if (p == NULL)
        return;
    for (uint32_t i = 1; i < 20; i++) {
        struct policy_block rule = {.n = i, .type = POLICY_URI};
        put_block(p, mem, &rule);
        put_block(p, mem, &rule); /* in place of itself */
    }
    put_bound(p, mem, 'a', "x.example", "8");
    put_bound(p, mem, 'a', "", "9");
    put_order(p, mem, "ab");
    put_order(p, mem, "b");
    policy_free(p);
}

static void test_refusals(void **state)
{
    test_every_refusal(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_winner),     cmocka_unit_test(test_order_is_total),
        cmocka_unit_test(test_order_of_catalogs), cmocka_unit_test(test_longest_order),
        cmocka_unit_test(test_typed),      cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
