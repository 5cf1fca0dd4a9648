/* Lookups over a small world: tokyo is one's own cluster; osaka and nara are learned. */
#include "../test.h"
#include "base/rand.h"
#include "plan/index.h"
#include "plan/lookup.h"
#include "plan/patterns.h"
#include "world.h"

static const struct world_row tokyo_rows[] = {
    {"URI", "+81310000001", "own@x.example"},
    {"ENTERPRISE", "", "8000"},
    {"ENTERPRISE", "", "6000"},
};
static const struct world_row osaka_rows[] = {
    {"URI", "", "alice@x.example"},
    {"URI", "+81660000001", "bob@x.example"},
    {"URI", "", "8001@x.example"},
    {"URI", "", "own@x.example"},
    {"URI", "", "gone@x.example"},
    {"-URI", "", "gone@x.example"},
    {"URI", "", "a%3bb@x.example"},
    {"URI", "", "7001@x.example"},
    {"ENTERPRISE", "1:0312", "8001"},
    {"ENTERPRISE", "", "8002"},
    {"E164", "ITSELF", "+81660000002"},
    {"ENTERPRISEPATTERN", "2:+813", "61XXX"},
    {"ENTERPRISEPATTERN", "", "611[1-3]!"},
    {"E164PATTERN", "ITSELF", "+8166000XXXX"},
    {"ENTERPRISEPATTERN", "", "62XX"},
    {"-ENTERPRISEPATTERN", "", "62XX"},
};
static const struct world_row nara_rows[] = {
    {"URI", "", "alice@x.example"},
    {"URI", "", "own@x.example"},
    {"ENTERPRISE", "", "8001"},
    {"URI", "", "lost@x.example"},
    {"URI", "+81740000001", "pstn@x.example"},
    {"ENTERPRISEPATTERN", "", "6X!"},
    {"ENTERPRISEPATTERN", "", "61XXX"},
};

struct world {
    struct plan *plan;
    struct routes *routes;
    struct catalog *nara;
};

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

static bool world_init(struct world *w, struct mem *mem)
{
    static const uint8_t seed[16] = {1};
    *w = (struct world){plan_new(mem, seed, true), routes_new(mem), NULL};
    if (w->plan == NULL || w->routes == NULL)
        return false;
    w->nara = world_catalog(w->plan, mem, "nara", "nara.example", false, ROWS(nara_rows));
    if (w->nara == NULL ||
        !world_catalog(w->plan, mem, "osaka", "osaka.example", false, ROWS(osaka_rows)) ||
        !world_catalog(w->plan, mem, "tokyo", "tokyo.example", true, ROWS(tokyo_rows)))
        return false;
    return routes_add(w->routes, slice_of("osaka.example"),
                      slice_of("sip:10.0.0.5:5080;transport=tcp")) == ENTRY_OK;
}

static void world_done(struct world *w)
{
    plan_free(w->plan);
    routes_free(w->routes);
}

static void route(struct world *w, const char *pattern, const char *target)
{
    assert_int_equal(routes_add(w->routes, slice_of(pattern), slice_of(target)), ENTRY_OK);
}

static bool is(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

/* With all losers; what a door is told is the same but for these. */
static void ask(const struct world *w, struct arena *a, struct slice dialled, struct lookup *ret)
{
    struct lookup door;
    plan_lookup(w->plan, w->routes, a, dialled, &door);
    plan_why(w->plan, w->routes, a, dialled, NULL, ret);
    if (a->failed)
        return;
    assert_int_equal(door.result, ret->result);
    assert_true(slice_eq(door.canonical, ret->canonical));
    assert_int_equal(door.match_n, ret->match_n > 0);
    if (door.match_n > 0) {
        assert_true(slice_eq(door.match[0].value, ret->match[0].value));
        assert_memory_equal(door.match[0].key, ret->match[0].key, KEY_SIZE);
        assert_int_equal(door.match[0].lost_to, ret->match[0].lost_to);
    }
    assert_int_equal(door.target_n, ret->target_n);
    for (size_t i = 0; i < ret->target_n; i++)
        assert_true(slice_eq(door.target[i].uri, ret->target[i].uri));
    assert_int_equal(door.longer, ret->longer);
}

struct row {
    const char *dialled;
    enum lookup_result result;
    const char *canonical;
    const char *value;      /* of the winner; NULL: none */
    const char *cluster_id;
    const char *uri;        /* of the first target; NULL: none */
};

static const struct row rows[] = {
    {"alice@x.example", LOOKUP_NO_ROUTE, "alice@x.example", "alice@x.example", "nara", NULL},
    {"bob@x.example", LOOKUP_FOUND, "bob@x.example", "bob@x.example", "osaka",
     "sip:bob@10.0.0.5:5080;transport=tcp"},
    {" sip:BOB@X.example:5070;user=phone?subject=a@b ", LOOKUP_FOUND, "BOB@x.example",
     "bob@x.example", "osaka", "sip:bob@10.0.0.5:5080;transport=tcp"},
    {"sips:bob;x=y@x.example", LOOKUP_FOUND, "bob@x.example", "bob@x.example", "osaka",
     "sip:bob@10.0.0.5:5080;transport=tcp"},
    {"%62ob@x.example", LOOKUP_FOUND, "bob@x.example", "bob@x.example", "osaka",
     "sip:bob@10.0.0.5:5080;transport=tcp"},
    {"a%3Bb@x.example", LOOKUP_FOUND, "a%3Bb@x.example", "a%3Bb@x.example", "osaka",
     "sip:a%3Bb@10.0.0.5:5080;transport=tcp"},
    {"8001@x.example", LOOKUP_NO_ROUTE, "8001", "8001", "nara", NULL},
    {"7001@x.example", LOOKUP_FOUND, "7001@x.example", "7001@x.example", "osaka",
     "sip:7001@10.0.0.5:5080;transport=tcp"},
    {"7001@y.example", LOOKUP_NO_MATCH, "7001", NULL, NULL, NULL},
    {"*69", LOOKUP_NO_MATCH, "*69", NULL, NULL, NULL},
    {"sip:*69@x.example", LOOKUP_NO_MATCH, "*69", NULL, NULL, NULL},
    {"12A@x.example", LOOKUP_NO_MATCH, "12A@x.example", NULL, NULL, NULL},
    {"12A", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"8.0.0.1", LOOKUP_NO_ROUTE, "8001", "8001", "nara", NULL},
    {"tel:8.0.0.1", LOOKUP_NO_ROUTE, "8001", "8001", "nara", NULL},
    {"sip:8.00.1", LOOKUP_NO_ROUTE, "8001", "8001", "nara", NULL},
    {"sip:8.0.0.1", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL}, /* a host without a user */
    {"SIPS:8.0.0.1;transport=tcp", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"8002@y.example", LOOKUP_FOUND, "8002", "8002", "osaka",
     "sip:8002@10.0.0.5:5080;transport=tcp"},
    {"sip:8002@[::1]:5060", LOOKUP_FOUND, "8002", "8002", "osaka",
     "sip:8002@10.0.0.5:5080;transport=tcp"},
    {"80-02", LOOKUP_FOUND, "8002", "8002", "osaka", "sip:8002@10.0.0.5:5080;transport=tcp"},
    {"sip:8002", LOOKUP_FOUND, "8002", "8002", "osaka", "sip:8002@10.0.0.5:5080;transport=tcp"},
    {"tel:8002;phone-context=x.example", LOOKUP_FOUND, "8002", "8002", "osaka",
     "sip:8002@10.0.0.5:5080;transport=tcp"},
    {"TEL:+81-66-0000002", LOOKUP_FOUND, "+81660000002", "+81660000002", "osaka",
     "sip:+81660000002@10.0.0.5:5080;transport=tcp"},
    {"(+81) 66.000.0002", LOOKUP_FOUND, "+81660000002", "+81660000002", "osaka",
     "sip:+81660000002@10.0.0.5:5080;transport=tcp"},
    {"+81660000002", LOOKUP_FOUND, "+81660000002", "+81660000002", "osaka",
     "sip:+81660000002@10.0.0.5:5080;transport=tcp"},
    {"sip:%2B81660000002@gw", LOOKUP_FOUND, "+81660000002", "+81660000002", "osaka",
     "sip:+81660000002@10.0.0.5:5080;transport=tcp"},
    {"own@x.example", LOOKUP_LOCAL, "own@x.example", "own@x.example", "tokyo", NULL},
    {"8000", LOOKUP_LOCAL, "8000", "8000", "tokyo", NULL},
    {"81660000002", LOOKUP_NO_MATCH, "81660000002", NULL, NULL, NULL},
    {"gone@x.example", LOOKUP_NO_MATCH, "gone@x.example", NULL, NULL, NULL},
    {"bob@y.example", LOOKUP_NO_MATCH, "bob@y.example", NULL, NULL, NULL},
    {"", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"  ", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"sip:", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"tel:", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"alice", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"@x.example", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"bob@", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"bob:pw@x.example", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"tel:bob@x.example", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"http:bob@x.example", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
    {"\x8e@x.example", LOOKUP_BAD_INPUT, "", NULL, NULL, NULL},
};

static void test_rows(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct lookup l;
        ask(&w, &a, slice_of(row->dialled), &l);
        if (l.result != row->result)
            print_error("dialled %s\n", row->dialled);
        assert_int_equal(l.result, row->result);
        assert_true(is(l.dialed, row->dialled));
        assert_true(is(l.canonical, row->canonical));
        assert_int_equal(l.match_n > 0, row->value != NULL);
        assert_int_equal(l.target_n > 0, row->uri != NULL);
        if (row->value != NULL) {
            assert_true(is(l.match[0].value, row->value));
            assert_true(is(l.match[0].cluster_id, row->cluster_id));
            assert_int_equal(l.match[0].lost_to, LOSER_NONE);
        }
        if (row->uri != NULL) {
            assert_true(is(l.target[0].uri, row->uri));
            assert_int_equal(l.target[0].q, 1000);
            assert_int_equal(l.target[0].reason, TARGET_ROUTE);
            assert_true(is(l.target[0].route_pattern, "osaka.example"));
        }
    }
    world_done(&w);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_losers_and_their_rules(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));

    ask(&w, &a, slice_of("own@x.example"), &l);
    assert_int_equal(l.match_n, 3);
    assert_true(l.match[0].local && is(l.match[0].cluster_id, "tokyo"));
    assert_true(is(l.match[1].cluster_id, "nara") && l.match[1].lost_to == LOSER_NOT_LOCAL);
    assert_true(is(l.match[2].cluster_id, "osaka") && l.match[2].lost_to == LOSER_NOT_LOCAL);

    ask(&w, &a, slice_of("8001@x.example"), &l);
    assert_int_equal(l.match_n, 3);
    assert_int_equal(l.match[0].kind, ENTRY_ENTERPRISE);
    assert_int_equal(l.match[0].usn, 3);
    assert_int_equal(l.match[0].key[0], 'n');
    assert_true(is(l.match[0].route_string, "nara.example"));
    assert_true(l.match[1].kind == ENTRY_ENTERPRISE && l.match[1].lost_to == LOSER_CLUSTER_ID);
    assert_true(l.match[2].kind == ENTRY_URI && l.match[2].lost_to == LOSER_KIND);
    assert_true(is(l.match[1].cluster_id, "osaka") && is(l.match[2].value, "8001@x.example"));
    assert_int_equal(l.match[1].failover.rule, FAILOVER_STRIP);

    ask(&w, &a, slice_of("8001"), &l);
    assert_int_equal(l.match_n, 2);
    assert_true(is(l.match[0].cluster_id, "nara"));
    assert_int_equal(l.match[1].lost_to, LOSER_CLUSTER_ID);

    catalog_set_stale(w.nara, true);
    ask(&w, &a, slice_of("8001"), &l);
    assert_true(l.match[0].stale && !l.match[1].stale);
    catalog_set_served(w.nara, false);
    ask(&w, &a, slice_of("8001"), &l);
    assert_int_equal(l.match_n, 1);
    assert_true(is(l.match[0].cluster_id, "osaka"));
    world_done(&w);
    arena_done(&a);
}

static void check_match(const struct lookup *l, size_t i, const char *value, const char *id,
                        enum loser_rule rule)
{
    assert_true(i < l->match_n);
    assert_true(is(l->match[i].value, value));
    assert_true(is(l->match[i].cluster_id, id));
    assert_int_equal(l->match[i].lost_to, rule);
}

static void test_patterns(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    route(&w, "pstn", "sip:gateway.example");

    /* the most specific first, then by cluster id; what is dialled goes to the target */
    ask(&w, &a, slice_of("611-15"), &l);
    assert_int_equal(l.result, LOOKUP_FOUND);
    assert_true(is(l.canonical, "61115"));
    assert_int_equal(l.match_n, 4);
    check_match(&l, 0, "611[1-3]!", "osaka", LOSER_NONE);
    check_match(&l, 1, "61XXX", "nara", LOSER_SPECIFIC);
    check_match(&l, 2, "61XXX", "osaka", LOSER_SPECIFIC);
    check_match(&l, 3, "6X!", "nara", LOSER_SPECIFIC);
    assert_true(is(l.target[0].uri, "sip:61115@10.0.0.5:5080;transport=tcp"));

    /* one pattern of two clusters; of the winner's the PSTN failover of what was dialled */
    catalog_set_served(w.nara, false);
    ask(&w, &a, slice_of("61999@y.example"), &l);
    assert_int_equal(l.match_n, 1);
    assert_int_equal(l.target_n, 2);
    assert_true(is(l.target[1].uri, "sip:+813999@gateway.example"));
    catalog_set_served(w.nara, true);
    ask(&w, &a, slice_of("61999"), &l);
    check_match(&l, 0, "61XXX", "nara", LOSER_NONE);
    check_match(&l, 1, "61XXX", "osaka", LOSER_CLUSTER_ID);
    check_match(&l, 2, "6X!", "nara", LOSER_SPECIFIC);

    /* a number that is advertised as such comes first */
    ask(&w, &a, slice_of("+81660000002"), &l);
    check_match(&l, 0, "+81660000002", "osaka", LOSER_NONE);
    check_match(&l, 1, "+8166000XXXX", "osaka", LOSER_EXACT);
    ask(&w, &a, slice_of("6000"), &l);
    assert_int_equal(l.result, LOOKUP_LOCAL);
    check_match(&l, 1, "6X!", "nara", LOSER_EXACT);

    /* what was withdrawn hides nothing; a longer number would match */
    ask(&w, &a, slice_of("6200"), &l);
    assert_int_equal(l.match_n, 1);
    check_match(&l, 0, "6X!", "nara", LOSER_NONE);
    ask(&w, &a, slice_of("62"), &l);
    assert_true(l.result == LOOKUP_NO_MATCH && l.longer);
    catalog_set_served(w.nara, false);
    ask(&w, &a, slice_of("62"), &l);
    assert_true(l.result == LOOKUP_NO_MATCH && !l.longer);
    ask(&w, &a, slice_of("61"), &l);
    assert_true(l.result == LOOKUP_NO_MATCH && l.longer);
    ask(&w, &a, slice_of("611234"), &l);
    assert_true(l.result == LOOKUP_FOUND);
    ask(&w, &a, slice_of("619999"), &l);
    assert_true(l.result == LOOKUP_NO_MATCH && !l.longer);
    world_done(&w);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void check_target(const struct lookup *l, size_t i, const char *uri, uint16_t q,
                         enum target_reason reason, const char *pattern)
{
    assert_true(i < l->target_n);
    assert_true(is(l->target[i].uri, uri));
    assert_int_equal(l->target[i].q, q);
    assert_int_equal(l->target[i].reason, reason);
    assert_true(is(l->target[i].route_pattern, pattern));
}

static void test_targets_in_order(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    route(&w, "osaka.example", "sips:gw@backup.example");
    route(&w, "*", "sip:default.example");
    ask(&w, &a, slice_of("bob@x.example"), &l);
    assert_int_equal(l.target_n, 2);

    route(&w, "pstn", "sip:gateway.example");
    ask(&w, &a, slice_of("bob@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_FOUND);
    assert_int_equal(l.target_n, 3);
    check_target(&l, 0, "sip:bob@10.0.0.5:5080;transport=tcp", 1000, TARGET_ROUTE,
                 "osaka.example");
    check_target(&l, 1, "sips:bob@backup.example", 900, TARGET_ROUTE, "osaka.example");
    check_target(&l, 2, "sip:+81660000001@gateway.example", 100, TARGET_PSTN, "");

    ask(&w, &a, slice_of("lost@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_FOUND);
    assert_int_equal(l.target_n, 1);
    check_target(&l, 0, "sip:lost@default.example", 1000, TARGET_ROUTE, "*");

    assert_int_equal(routes_remove(w.routes, slice_of("*"), slice_of("")), 1);
    ask(&w, &a, slice_of("lost@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_NO_ROUTE);
    ask(&w, &a, slice_of("pstn@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_FOUND);
    assert_int_equal(l.target_n, 1);
    check_target(&l, 0, "sip:+81740000001@gateway.example", 100, TARGET_PSTN, "");
    world_done(&w);
    arena_done(&a);
}

/* A call for one's own number must not be sent away by a route that is meant for the others. */
static void test_own_entries_need_their_own_route(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    route(&w, "*", "sip:default.example");
    route(&w, "pstn", "sip:gateway.example");
    ask(&w, &a, slice_of("own@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_LOCAL);
    assert_int_equal(l.target_n, 0);
    route(&w, "tokyo.example", "sip:127.0.0.1:5060");
    ask(&w, &a, slice_of("own@x.example"), &l);
    assert_int_equal(l.result, LOOKUP_LOCAL);
    assert_int_equal(l.target_n, 1);
    check_target(&l, 0, "sip:own@127.0.0.1:5060", 1000, TARGET_ROUTE, "tokyo.example");
    world_done(&w);
    arena_done(&a);
}

static void test_more_than_fits(void **state)
{
    static const struct world_row same[] = {{"URI", "7", "alice@x.example"}};
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    char id[] = "zz";
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    for (; id[0] > 'z' - 20; id[0]--)
        for (id[1] = 'a'; id[1] < 'a' + 12; id[1]++)
            assert_non_null(world_catalog(w.plan, &t.mem, id, "r.example", false, same, 1));
    assert_non_null(world_catalog(w.plan, &t.mem, "a", "a.example", false, same, 1));
    char target[] = "sip:a";
    for (; target[4] < 'a' + ROUTE_TARGETS_MAX; target[4]++) {
        route(&w, "a.example", target);
        route(&w, "pstn", target);
    }
    ask(&w, &a, slice_of("alice@x.example"), &l);
    assert_int_equal(l.match_n, 20 * 12 + 3);
    assert_true(is(l.match[0].cluster_id, "a"));
    for (size_t i = 1; i < l.match_n; i++)
        assert_true(slice_cmp(l.match[i - 1].cluster_id, l.match[i].cluster_id) < 0);
    assert_int_equal(l.target_n, LOOKUP_TARGETS_MAX);
    check_target(&l, 7, "sip:alice@h", 300, TARGET_ROUTE, "a.example");
    check_target(&l, 8, "sip:7@a", 100, TARGET_PSTN, "");
    world_done(&w);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_long_input(void **state)
{
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    char text[2000];
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    memset(text, 'a', sizeof text);
    memcpy(text, "bob@x.example;", 14);
    ask(&w, &a, slice_make(text, 1024), &l);
    assert_int_equal(l.result, LOOKUP_FOUND);
    ask(&w, &a, slice_make(text, 1025), &l);
    assert_int_equal(l.result, LOOKUP_BAD_INPUT);
    text[3] = 'b';
    ask(&w, &a, slice_make(text, 1024), &l);
    assert_int_equal(l.result, LOOKUP_BAD_INPUT);
    world_done(&w);
    arena_done(&a);
}

static void refusal_body(struct mem *mem)
{
    struct world w;
    struct arena a;
    struct lookup l;
    arena_init(&a, mem);
    if (world_init(&w, mem)) {
        ask(&w, &a, slice_of("bob@x.example"), &l);
        assert_true(l.result == (a.failed ? LOOKUP_NO_MATCH : LOOKUP_FOUND));
        assert_true(!a.failed || (l.match_n == 0 && l.target_n == 0 && l.canonical.n == 0));
    }
    world_done(&w);
    arena_done(&a);
}

/* Members whose patterns are made to make lookups long: each has sets with the digits that are
 * dialled, and none matches. */
static void hostile(struct world *w, struct mem *mem, size_t members)
{
    static char text[1200][PATTERN_TEXT_MAX + 1];
    static struct world_row row[1200];
    struct rand r;
    rand_seed(&r, 5);
    for (size_t m = 0; m < members; m++) {
        char id[2] = {(char)('A' + m), '\0'};
        for (size_t i = 0; i < 1200; i++) {
            struct pattern p = {.n = 6};
            for (size_t k = 0; k < 6; k++)
                p.element[k].digits = (uint16_t)(1u << ("720123"[k] - '0') |
                                                 (k > 0 && k < 5 ? rand_below(&r, 1023) : 0));
            p.element[5].digits = 1 << 9;
            text[i][pattern_print((uint8_t *)text[i], &p)] = '\0';
            row[i] = (struct world_row){"ENTERPRISEPATTERN", "", text[i]};
        }
        assert_non_null(world_catalog(w->plan, mem, id, "hostile.example", false, row, 1200));
    }
}

/* What is beyond the bound is said, and is no "nobody"; what was found before it is right. */
static void test_too_many_patterns(void **state)
{
    static const struct world_row late[] = {{"ENTERPRISEPATTERN", "", "XXXXXX"},
                                            {"ENTERPRISEPATTERN", "", "7!"},
                                            {"ENTERPRISEPATTERN", "", "72012[3-4]"},
                                            {"ENTERPRISE", "", "720125"}};
    struct test_mem t;
    struct world w;
    struct arena a;
    struct lookup l;
    test_mem_init(&t, 0);
    arena_init(&a, &t.mem);
    assert_true(world_init(&w, &t.mem));
    assert_non_null(world_catalog(w.plan, &t.mem, "late", "osaka.example", false, ROWS(late)));
    ask(&w, &a, slice_of("720129"), &l);
    assert_true(l.result == LOOKUP_FOUND && !l.cut);
    assert_true(is(l.match[0].value, "7!"));
    hostile(&w, &t.mem, 1);
    ask(&w, &a, slice_of("720120"), &l);
    assert_true(l.result == LOOKUP_FOUND && !l.cut); /* one alone cannot, with so few */
    hostile(&w, &t.mem, 26);
    ask(&w, &a, slice_of("720120"), &l);
    assert_true(l.result == LOOKUP_CUT && l.cut && l.match_n == 0 && l.target_n == 0);
    assert_true(l.cut_by.n == 1 && l.cut_by.p[0] >= 'A' && l.cut_by.p[0] <= 'Z');
    ask(&w, &a, slice_of("720123"), &l);
    assert_true(l.result == LOOKUP_FOUND && is(l.match[0].value, "72012[34]"));
    ask(&w, &a, slice_of("720125"), &l);
    assert_true(l.result == LOOKUP_FOUND && is(l.match[0].value, "720125"));
    ask(&w, &a, slice_of("bob@x.example"), &l);
    assert_true(l.result == LOOKUP_FOUND && !l.cut);
    ask(&w, &a, slice_of("72012"), &l);
    assert_true(l.result == LOOKUP_CUT); /* also what would only be longer */
    world_done(&w);
    arena_done(&a);
    assert_int_equal(t.mem.used, 0);
}

static void test_refusals(void **state)
{
    test_every_refusal(refusal_body);
}

/* Of every number that is advertised, all beginnings may have it below them; and what has not three
 * digits is never known. */
static void test_beneath(void **state)
{
    static const struct {
        const char *number;
        bool may;
    } cases[] = {
        {"+81", true},         {"8", true},           {"+816", true},
        {"+8166000000", true}, {"+81660000002", false}, {"+81661111111", false},
        {"+8166111111", true}, {"+8266", false},      {"+81660000002123", false},
        {"800", true},         {"8001", false},       {"8009", false},
        {"8166", false},       {"600", true},         {"+800", false},
    };
    struct test_mem mem;
    struct world w;
    (void)state;
    test_mem_init(&mem, 0);
    assert_true(world_init(&w, &mem.mem));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (plan_beneath(w.plan, slice_of(cases[i].number)) != cases[i].may)
            fail_msg("%s", cases[i].number);
    }
    world_done(&w);
}

/* What is wrong with it, and at which byte; the length: nowhere in particular. */
static void test_faults(void **state)
{
    static const struct {
        const char *dialled;
        enum entry_error error;
        size_t at;
    } cases[] = {
        {" ", ENTRY_ERROR_EMPTY, 1},
        {"alice", ENTRY_ERROR_NO_AT, 5},
        {"12A", ENTRY_ERROR_CHARACTER, 2},
        {"81X", ENTRY_ERROR_CHARACTER, 2},
        {"tel:carol", ENTRY_ERROR_CHARACTER, 4},
        {"1234567890123456789012345", ENTRY_ERROR_TOO_LONG, 24},
        {"sip:8.0.0.1", ENTRY_ERROR_NO_AT, 11},
        {"@x.example", ENTRY_ERROR_NO_AT, 10},
        {"bob:pw@x.example", ENTRY_ERROR_CHARACTER, 3},
        {"bob;x=y@x..example", ENTRY_ERROR_HOST, 8},
        {"sip:bob@[::1]", ENTRY_ERROR_HOST, 8},
        {" sip:a b@x.example", ENTRY_ERROR_ESCAPE, 6},
        {"sip:b%zzb@x.example", ENTRY_ERROR_ESCAPE, 5},
        {"sips:bob@x.example:0", ENTRY_ERROR_PORT, 19},
        {"sip:bob@x.example:70000;x=y", ENTRY_ERROR_PORT, 18},
        {"a b@x.example", ENTRY_OK, 0}, /* as a person types it */
        {"sip:a%20b;x=y@x.example:5060;x=y?x=a@b", ENTRY_OK, 0},
        {"+81 (66) 555-0123", ENTRY_OK, 0},
    };
    struct test_mem mem;
    struct arena arena;
    (void)state;
    test_mem_init(&mem, 0);
    arena_init(&arena, &mem.mem);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at;
        enum entry_error error = lookup_fault(&arena, slice_of(cases[i].dialled), &at);
        if (error != cases[i].error || (error != ENTRY_OK && at != cases[i].at))
            fail_msg("%s: %d at %zu", cases[i].dialled, (int)error, at);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_losers_and_their_rules),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_targets_in_order),
        cmocka_unit_test(test_own_entries_need_their_own_route),
        cmocka_unit_test(test_more_than_fits),
        cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_too_many_patterns),
        cmocka_unit_test(test_beneath),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
