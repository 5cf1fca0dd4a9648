/* random_network: a random network, once for the naive program (naive_lookup.h) and once for the
 * real one, and whether both say the same of what is dialled: result, winner, losers in their order
 * with the rule that beat each, targets, and whether more digits would match. For prove_lookup and
 * fuzz_decide. */
#ifndef OPENILS_TEST_PLAN_RANDOM_NETWORK_H
#define OPENILS_TEST_PLAN_RANDOM_NETWORK_H

#include "base/rand.h"
#include "fuzz_mem.h"
#include "naive_lookup.h"
#include "plan/lookup.h"
#include "world.h"

#define CLUSTERS "abcdefgh" /* d: one's own */
#define OWN      'd'

static struct rand rng;
static struct naive_world w;
static struct naive_answer naive;
static char dialled[200];

static inline size_t below_n(size_t n)
{
    return (size_t)rand_below(&rng, n);
}

static inline bool one_in(size_t n)
{
    return below_n(n) == 0;
}

static inline const char *any_of(const char *const *text, size_t n)
{
    return text[below_n(n)];
}
#define ANY(texts) any_of(texts, sizeof texts / sizeof *(texts))

/* --- a network */

static const char *const plans[] = {
    /* North America, Japan, the United Kingdom, Germany, France, China, India, Russia, Italy ... */
    "+1[2-9]XX[2-9]XXXXXX", "+1212[2-9]XXXXXX", "+1800[2-9]XXXXXX", "+1900[2-9]XXXXXX", "+81[^0]!",
    "+813XXXXXXXX", "+816XXXXXXXX", "+8166555XXXX", "+81[7-9]0XXXXXXXX", "+81120XXXXXX",
    "+44[^0]!", "+4420[378]XXXXXXX", "+44113XXXXXXX", "+447XXXXXXXXX", "+49!", "+49[^0]!",
    "+4930!", "+4989X+", "+491[5-7]X!", "+33[^0]XXXXXXXX", "+331XXXXXXXX", "+33[67]XXXXXXXX",
    "+86!", "+861[3-9]XXXXXXXXX", "+8610XXXXXXXX", "+91[6-9]XXXXXXXXX", "+9111XXXXXXXX",
    "+7[3489]XXXXXXXXX", "+7495XXXXXXX", "+390!", "+393XXXXXXXX", "+61[2378]XXXXXXXX",
    "+612XXXXXXXX", "+41[^0]XXXXXXXX", "+6[1-6]!", "+3[0-4]!",
    /* of offices */
    "8XXX", "81XX", "8[1-3]XX", "80XXX", "[2-7]X[0-5]X", "2[0-4]XX", "61XXX", "611[1-3]!", "6X!",
    "9XXXXXXX", "9[^0]XX!", "7X?", "5X[0-4]X", "55[^0]X", "0!", "00!", "1XX", "1X[5-9]",
    "4[2468]XX", "40XX?", "3X3X", "33XX",
};
static const char *const hosts[] = {"x.example", "osaka.example", "spam.example", "a.b.example"};
static const char *const users[] = {"alice", "bob", "carol", "dave", "erin", "frank", "Grace",
                                    "heidi", "ivan.k", "judy-o", "mallory", "niaj", "olivia",
                                    "Peggy", "rupert_b", "sybil", "trent", "ABBA", "victor"};
static const char *const names[] = {
    "one.site.example", "two.site.example", "tokyo.east.example",
    "osaka.west.example", "a.lab.test", "b.lab.test", "lone.net", "far.north.example"};
static const char *const routes[] = {"one.site.example", "*.site.example", "tokyo.*.example",
                                     "*.example", "*.west.example", "*.lab.test", "*", "b.*.test",
                                     "osaka.*.example", "lone.net", "*.*.example", "a.lab.test"};

/* A number that the pattern matches. */
static inline void instance(const char *pattern, char *out)
{
    struct naive_element e;
    size_t n = 0;
    if (*pattern == '+')
        *out++ = *pattern++;
    while (*pattern != '\0') {
        pattern = naive_element(pattern, &e);
        size_t times = e.none ? below_n(3) : e.many ? 1 + below_n(6) : 1;
        for (; times > 0 && n < 22; times--) {
            size_t d = below_n(10);
            while (!e.digit[d])
                d = (d + 1) % 10;
            out[n++] = (char)('0' + d);
        }
    }
    if (n == 0)
        out[n++] = '0' + 7;
    out[n] = '\0';
}

static inline bool row_add(char cluster, char kind, const char *text, const char *failover)
{
    if (w.row_n == NAIVE_ROWS)
        return false;
    for (int i = 0; i < w.row_n; i++) {
        if (w.row[i].cluster == cluster && strcasecmp(w.row[i].text, text) == 0)
            return false;
    }
    struct naive_row *r = &w.row[w.row_n++];
    r->cluster = cluster;
    r->kind = kind;
    SET(r->text, text);
    SET(r->failover, failover);
    return true;
}

static inline char any_cluster(void)
{
    return CLUSTERS[below_n(sizeof CLUSTERS - 1)];
}

/* The same for several clusters: duplicates are the point. */
static inline void rows_add(char kind, const char *text, size_t clusters)
{
    static const char *const any[] = {"", "", "ITSELF", "+81312345678", "0123456"};
    static const char *const office[] = {"", "1:0312", "ITSELF", "2:+81", "0:9"};
    for (size_t i = 0; i < clusters; i++) {
        const char *failover = ANY(any);
        if (kind != 'U' && *text != '+' && strlen(text) > 2)
            failover = ANY(office);
        if (kind == 'U' && strcmp(failover, "ITSELF") == 0)
            failover = "";
        if (kind == 'P' && strpbrk(text, "?!") != NULL && strchr(failover, ':') != NULL)
            failover = "";
        row_add(any_cluster(), kind, text, failover);
    }
}

static inline void any_uri(char out[static 80])
{
    char number[40];
    if (one_in(4)) {
        instance(plans[36 + below_n(8)], number);
        snprintf(out, 80, "%s@%s", number, ANY(hosts));
    } else {
        snprintf(out, 80, "%s%.0u@%s", ANY(users), 0u, ANY(hosts));
    }
}

static inline void make_rows(void)
{
    char text[80];
    size_t n = sizeof plans / sizeof *plans;
    for (size_t i = 0; i < 40; i++)
        rows_add('P', strcmp(ANY(plans), "+4989X+") == 0 ? "+4989!" : "8XXX", 1);
    for (size_t i = 0; i < 2 * n / 3; i++) {
        const char *plan = ANY(plans);
        rows_add('P', strchr(plan + 1, '+') != NULL ? "+4989!" : plan, 1 + below_n(4));
    }
    for (size_t i = 0; i < 150; i++) {
        instance(ANY(plans), text);
        rows_add('N', text, 1 + below_n(4));
    }
    for (size_t i = 0; i < 120; i++) {
        any_uri(text);
        rows_add('U', text, 1 + below_n(3));
    }
}

static inline void make_rules(void)
{
    static const struct naive_block blocks[] = {
        {0, 'a', "+1900XXXXXXX", ""}, {0, 'e', "", "+861"},  {'b', 'a', "", "6"},
        {0, 'u', "*@spam.example", ""}, {'c', 'u', "", ""},   {0, 'n', "5XXX", ""},
        {0, 'a', "alice@x.example", ""}, {'f', 'n', "", "9"},
    };
    w.block_n = 0;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (!one_in(2))
            w.block[w.block_n++] = blocks[i];
    }
    w.preferred[0] = '\0';
    if (!one_in(3))
        SET(w.preferred, one_in(2) ? "ge" : "hb");
    for (const char *c = CLUSTERS; *c != '\0'; c++) {
        struct naive_cluster *x = &w.cluster[(int)*c];
        memset(x, 0, sizeof *x);
        snprintf(x->id, sizeof x->id, "%c%02zu", *c, below_n(100));
        SET(x->route, *c == 'a' && one_in(8) ? "pstn" : ANY(names));
        x->local = *c == OWN;
        if (*c != OWN && one_in(4))
            SET(x->prefix, one_in(2) ? "+81" : "8");
        if (*c != OWN && one_in(4))
            SET(x->domain, one_in(2) ? "example" : "x.example");
    }
}

static inline void make_routes(void)
{
    static const char *const place[] = {"10.0.0.5", "10.0.0.6", "pbx.example", "[2001:db8::1]",
                                        "10.9.9.9", "x.example", "x.example"};
    static const char *const transport[] = {"", "", "tcp", "tls"};
    w.route_n = 0;
    SET(w.self, "10.9.9.9:5070");
    for (size_t i = 0; i < sizeof routes / sizeof *routes + 1; i++) {
        bool pstn = i == sizeof routes / sizeof *routes;
        size_t n = pstn ? below_n(3) : one_in(2) ? 0 : 1 + below_n(3);
        for (size_t k = 0; k < n; k++) {
            struct naive_route *r = &w.route[w.route_n++];
            SET(r->pattern, pstn ? "pstn" : routes[i]);
            SET(r->scheme, one_in(5) ? "sips:" : "sip:");
            SET(r->host, pstn ? "gw.example" : ANY(place));
            SET(r->transport, ANY(transport));
            r->port = strcmp(r->host, "10.9.9.9") == 0 ? 5070
                      : strcmp(r->host, "x.example") == 0 ? 0 : (int)(5061 + k);
            if (strcmp(r->host, "x.example") == 0) {
                SET(r->scheme, "sip:");
                r->transport[0] = '\0';
            }
            r->priority = one_in(3) ? 10 : (int)(10 * (k + 1));
            r->weight = (int)below_n(30);
            for (int j = 0; j + 1 < w.route_n; j++) {
                if (strcmp(w.route[j].pattern, r->pattern) == 0 &&
                    strcmp(w.route[j].host, r->host) == 0 && w.route[j].port == r->port)
                    SET(r->host, k == 1 ? "o.example" : "p.example"); /* no target twice */
            }
        }
    }
}

/* --- the same for the real one */

struct real {
    struct mem mem;
    struct plan *plan;
    struct routes *routes;
    struct policy *policy;
};

static inline uint8_t type_of(char type)
{
    return type == 'u' ? POLICY_URI : type == 'n' ? POLICY_ENTERPRISE
                                  : type == 'e'   ? POLICY_E164 : POLICY_ANY;
}

static inline void row_put(struct real *real, struct buf *key, struct buf *value)
{
    int status = policy_put(real->policy, buf_slice(key), buf_slice(value));
    assert(status == 0);
    buf_reset(key);
    buf_reset(value);
}

static inline void real_policy(struct real *real)
{
    struct buf key, value;
    buf_init(&key, &real->mem, SIZE_MAX);
    buf_init(&value, &real->mem, SIZE_MAX);
    for (int i = 0; i < w.block_n; i++) {
        const struct naive_block *b = &w.block[i];
        struct policy_block rule = {.n = (uint32_t)i + 1, .type = type_of(b->type),
                                    .of_cluster = b->cluster != 0,
                                    .pattern = slice_of(b->pattern), .prefix = slice_of(b->prefix)};
        memset(rule.key, b->cluster, KEY_SIZE);
        policy_block_key(&key, rule.n);
        policy_block_put(&value, &rule);
        row_put(real, &key, &value);
    }
    for (const char *c = CLUSTERS; *c != '\0'; c++) {
        const struct naive_cluster *x = &w.cluster[(int)*c];
        struct slice domain = slice_of(x->domain), prefix = slice_of(x->prefix);
        uint8_t of[KEY_SIZE];
        memset(of, *c, sizeof of);
        if (!bounded(x))
            continue;
        policy_bound_key(&key, of);
        policy_bound_put(&value, slice_of(x->id), &domain, domain.n > 0, &prefix, prefix.n > 0);
        row_put(real, &key, &value);
    }
    size_t n = strlen(w.preferred);
    struct policy_preferred order[8];
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct policy_preferred){.cluster = slice_of("x")};
        memset(order[i].key, w.preferred[i], KEY_SIZE);
    }
    policy_order_key(&key);
    policy_order_put(&value, order, n);
    if (n > 0)
        row_put(real, &key, &value);
    buf_done(&key);
    buf_done(&value);
}

static inline void real_routes(struct real *real)
{
    struct lookup_rules rules = {.dial = (uint8_t)w.dial, .uri_case = w.uri_case,
                                 .as_domain = w.as_domain};
    char target[128], port[16];
    for (int i = 0; i < w.route_n; i++) {
        const struct naive_route *r = &w.route[i];
        port[0] = '\0';
        if (r->port != 0)
            snprintf(port, sizeof port, ":%d", r->port);
        snprintf(target, sizeof target, "%s%s%s%s%s", r->scheme, r->host, port,
                 *r->transport != '\0' ? ";transport=" : "", r->transport);
        enum entry_error error = routes_put(real->routes, slice_of(r->pattern), slice_of(target),
                                            (uint16_t)r->priority, (uint16_t)r->weight);
        assert(error == ENTRY_OK);
    }
    bool told = routes_use_self(real->routes, slice_of(w.self));
    assert(told);
    routes_use_rules(real->routes, &rules);
}

static inline void real_init(struct real *real)
{
    static struct world_row row[NAIVE_ROWS];
    static const uint8_t seed[16] = {9};
    real->mem = fuzz_mem();
    real->plan = plan_new(&real->mem, seed, true);
    real->routes = routes_new(&real->mem);
    real->policy = policy_new(&real->mem);
    assert(real->plan != NULL && real->routes != NULL && real->policy != NULL);
    plan_use_policy(real->plan, real->policy);
    for (const char *c = CLUSTERS; *c != '\0'; c++) {
        size_t n = 0;
        for (int i = 0; i < w.row_n; i++) {
            const struct naive_row *r = &w.row[i];
            bool plus = r->text[0] == '+';
            if (r->cluster != *c)
                continue;
            row[n++] = (struct world_row){
                r->kind == 'U'   ? "URI"
                : r->kind == 'N' ? (plus ? "E164" : "ENTERPRISE")
                                 : (plus ? "E164PATTERN" : "ENTERPRISEPATTERN"),
                r->failover, r->text};
        }
        const struct naive_cluster *x = &w.cluster[(int)*c];
        struct catalog *made = world_catalog(real->plan, &real->mem, x->id, x->route, x->local, row,
                                             n);
        assert(made != NULL);
    }
    real_policy(real);
    real_routes(real);
}

static inline void real_done(struct real *real)
{
    plan_free(real->plan);
    routes_free(real->routes);
    policy_free(real->policy);
    assert(real->mem.used == 0);
}

static inline void world_make(size_t serial)
{
    w.row_n = 0;
    w.dial = serial % 4 == 3 ? READ_URI : serial % 4 == 2 ? READ_ABCD : READ_PHONE;
    w.uri_case = one_in(3);
    w.as_domain = one_in(2);
    make_rules();
    make_rows();
    make_routes();
}

/* --- both */

static inline bool rule_is(uint8_t real, enum naive_rule naive_rule)
{
    static const uint8_t of[BY_RULES] = {
        [BY_NONE] = LOSER_NONE,          [BY_LOCAL] = LOSER_NOT_LOCAL,
        [BY_ID] = LOSER_CLUSTER_ID,      [BY_KIND] = LOSER_KIND,
        [BY_PREFERRED] = LOSER_PREFERRED, [BY_CLAIM] = LOSER_CLAIM,
        [BY_BLOCK] = LOSER_BLOCKED,      [BY_OUTSIDE] = LOSER_OUTSIDE,
        [BY_EXACT] = LOSER_EXACT,        [BY_SPECIFIC] = LOSER_SPECIFIC};
    return of[naive_rule] == real;
}

static inline bool match_is(const struct match *m, const struct naive_fit *f, enum naive_rule lost)
{
    return m->key[0] == (uint8_t)f->row->cluster && slice_eq(m->value, slice_of(f->row->text)) &&
           rule_is(m->lost_to, lost) && (lost != BY_BLOCK || m->rule == (uint32_t)f->block) &&
           (m->kind == ENTRY_URI) == (f->row->kind == 'U');
}

/* Each target is there once, and the real ones are tried in the order of reason and priority. */
static inline bool targets_are(const struct target *t, size_t n, const struct naive_target *want,
                               int m)
{
    if (n != (size_t)m)
        return false;
    for (size_t i = 0; i < n; i++) {
        int k = 0;
        while (k < m && !slice_eq(t[i].uri, slice_of(want[k].uri)))
            k++;
        static const char reasons[] = {[TARGET_ROUTE] = 'r', [TARGET_PSTN] = 'p',
                                       [TARGET_DOMAIN] = 'd'};
        if (k == m || want[k].reason != reasons[t[i].reason] || t[i].weight != want[k].weight ||
            t[i].priority != want[k].priority)
            return false;
        if (i > 0 && (t[i - 1].reason == TARGET_PSTN) > (t[i].reason == TARGET_PSTN))
            return false;
        if (i > 0 && t[i - 1].reason == t[i].reason &&
            (t[i - 1].priority > t[i].priority || t[i - 1].q <= t[i].q))
            return false;
    }
    return true;
}

static inline const char *canonical(char out[static 200])
{
    const struct naive_reading *r = &naive.reading;
    bool uri = *r->number == '\0' || (naive.fit_n > 0 && naive.fit[0].row->kind == 'U');
    snprintf(out, 200, uri && *r->user != '\0' ? "%s@%s" : "%s%s", uri ? r->user : r->number,
             uri ? r->host : "");
    return out;
}

static inline const char *differs(const struct lookup *why, const struct lookup *door)
{
    char text[200];
    if (!slice_eq(lookup_result_text(why->result), slice_of(naive.result)))
        return "result";
    if (!slice_eq(why->canonical, slice_of(canonical(text))))
        return "canonical";
    if (why->match_n != (size_t)(naive.fit_n < LOOKUP_MATCHES_MAX ? naive.fit_n
                                                                  : LOOKUP_MATCHES_MAX))
        return "number of matches";
    for (size_t i = 0; i < why->match_n; i++) {
        if (!match_is(&why->match[i], &naive.fit[i], naive.lost[i]))
            return i == 0 ? "winner" : "loser";
    }
    if (!targets_are(why->target, why->target_n, naive.target, naive.target_n))
        return "targets";
    if (why->avoided_n != (size_t)naive.avoided_n || why->longer != naive.longer || why->cut)
        return "avoided, longer or cut";
    if (door->result != why->result || door->match_n != (why->match_n > 0) ||
        !slice_eq(door->canonical, why->canonical) || door->target_n != why->target_n ||
        door->longer != why->longer)
        return "the door's answer";
    if (door->match_n > 0 && !match_is(&door->match[0], &naive.fit[0], naive.lost[0]))
        return "the door's winner";
    for (size_t i = 0; i < door->target_n; i++) {
        if (!slice_eq(door->target[i].uri, why->target[i].uri))
            return "the door's targets";
    }
    return NULL;
}

static inline const char *try_one(const struct real *real, struct arena *a)
{
    struct lookup why, door;
    naive_lookup(&w, dialled, &naive);
    arena_reset(a);
    plan_why(real->plan, real->routes, a, slice_of(dialled), NULL, &why);
    plan_lookup(real->plan, real->routes, a, slice_of(dialled), &door);
    return differs(&why, &door);
}

#endif
