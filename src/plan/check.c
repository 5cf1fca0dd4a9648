/* check: looks at each own entry once, asks the trie which patterns meet each own pattern, and at
 * each route once. */
#include "plan/check.h"

#include <string.h>

#include "plan/catalog.h"
#include "plan/index.h"
#include "plan/route_text.h"

#define FEW 100 /* numbers of a pattern that are looked at one by one */

struct check {
    const struct plan *p;
    const struct routes *routes;
    struct arena *a;
    bool (*visit)(void *context, const struct finding *f);
    void *context;
    bool stopped;
    /* the pattern that is looked at, and those that it meets and that are more specific */
    struct pattern pattern, before[COVER_MAX];
    size_t before_n;
    bool told; /* that it never decides */
    bool both; /* of the others, what the pattern takes of them is told as well */
    uint32_t visits;
    struct finding finding;
};

static bool tell(struct check *c, const struct finding *f)
{
    if (!c->stopped && !c->visit(c->context, f))
        c->stopped = true;
    return !c->stopped;
}

/* --- patterns that meet */

static uint8_t judge_meeting(const struct check *c, const struct pattern *other, bool local)
{
    if (pattern_order(other, &c->pattern) >= 0)
        return UINT8_MAX; /* it is told of the other one */
    if (pattern_covers(other, &c->pattern))
        return FINDING_UNREACHABLE;
    if (!local)
        return FINDING_TAKEN;
    /* One range within another is how plans are written. */
    return pattern_covers(&c->pattern, other) ? UINT8_MAX : FINDING_OVERLAP;
}

/* What the pattern does to one of one's own that is less specific. */
static bool tell_of_other(struct check *c, const struct pattern *other, struct slice key,
                          struct slice cluster_id)
{
    if (pattern_order(other, &c->pattern) <= 0 ||
        (pattern_covers(other, &c->pattern) && !pattern_covers(&c->pattern, other)))
        return true;
    struct finding f = {.kind = c->finding.kind, .key = key, .other = c->finding.key,
                        .cluster_id = cluster_id};
    f.what = pattern_covers(&c->pattern, other) ? FINDING_UNREACHABLE : FINDING_OVERLAP;
    return tell(c, &f);
}

static bool meet(void *context, const struct pattern *other)
{
    struct check *c = context;
    struct candidate first;
    uint8_t text[PATTERN_TEXT_MAX];
    struct slice key = slice_make(text, pattern_print(text, other));
    /* One's own comes first among those of one pattern, as lookups have it. */
    struct candidate found[32];
    size_t n = plan_candidates(c->p, c->finding.kind, key, slice_make(NULL, 0), found,
                               sizeof found / sizeof *found);
    if (n == 0)
        return true;
    first = found[0];
    for (size_t i = 1; i < n; i++) {
        if (catalog_local(found[i].c))
            first = found[i];
    }
    uint8_t what = judge_meeting(c, other, catalog_local(first.c));
    c->told = c->told || what == FINDING_UNREACHABLE;
    if (pattern_order(other, &c->pattern) < 0 && c->before_n < COVER_MAX)
        c->before[c->before_n++] = *other;
    if (what == UINT8_MAX)
        return !c->both || !catalog_local(first.c) ||
               tell_of_other(c, other, key, catalog_cluster_id(first.c));
    c->finding.what = what;
    c->finding.other = key;
    c->finding.cluster_id = catalog_cluster_id(first.c);
    return tell(c, &c->finding);
}

/* --- many that leave nothing of it */

/* Whether the number is advertised as such, or matches one that comes before the pattern. */
static bool is_taken(const struct check *c, struct slice number)
{
    struct candidate found;
    struct pattern as_one;
    size_t at;
    uint8_t kind = c->pattern.plus ? ENTRY_E164 : ENTRY_ENTERPRISE;
    if (plan_candidates(c->p, kind, number, slice_make(NULL, 0), &found, 1) > 0)
        return true;
    if (pattern_read(number, c->pattern.plus, &as_one, &at) != ENTRY_OK)
        return false;
    for (size_t i = 0; i < c->before_n; i++) {
        if (pattern_covers(&c->before[i], &as_one))
            return true;
    }
    return false;
}

static size_t digits_in(unsigned set)
{
    size_t n = 0;
    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* Of a pattern that matches few numbers all are looked at: numbers of their own come before it. */
static bool all_taken(const struct check *c)
{
    uint8_t text[1 + PATTERN_MAX] = "+";
    size_t numbers = 1, plus = c->pattern.plus;
    for (size_t i = 0; i < c->pattern.n; i++) {
        const struct element *e = &c->pattern.element[i];
        numbers *= digits_in(e->digits);
        if (e->repeat != REPEAT_ONCE || numbers > FEW)
            return false;
    }
    for (size_t i = 0; i < numbers; i++) {
        size_t rest = i;
        for (size_t k = 0; k < c->pattern.n; k++) {
            uint16_t digits = c->pattern.element[k].digits;
            size_t n = digits_in(digits);
            for (size_t skip = rest % n; skip > 0; skip--)
                digits &= (uint16_t)(digits - 1);
            text[plus + k] = (uint8_t)('0' + __builtin_ctz(digits));
            rest /= n;
        }
        if (!is_taken(c, slice_make(text, plus + c->pattern.n)))
            return false;
    }
    return true;
}

static bool check_pattern(struct check *c)
{
    uint8_t text[PATTERN_TEXT_MAX];
    struct patterns_work work = {0};
    c->before_n = 0;
    c->told = false;
    patterns_overlap(&c->p->patterns, &c->pattern, meet, c, &work);
    c->visits = work.visits;
    if (c->stopped || c->told ||
        !(pattern_covered(&c->pattern, c->before, c->before_n) || all_taken(c)))
        return !c->stopped;
    c->finding.what = FINDING_COVERED;
    c->finding.cluster_id = c->finding.other = slice_make(NULL, 0);
    if (c->before_n > 0)
        c->finding.other = slice_make(text, pattern_print(text, &c->before[0]));
    return tell(c, &c->finding);
}

/* --- one's own entries */

static bool check_record(void *context, const struct record *r)
{
    struct check *c = context;
    struct entry e = {.kind = r->kind, .key = r->user};
    if (entry_kind_text(r->kind).n == 0)
        return true;
    arena_reset(c->a);
    if (r->domain.n > 0) {
        uint8_t *key = arena_alloc(c->a, r->user.n + 1 + r->domain.n);
        if (key == NULL)
            return true;
        memcpy(key, r->user.p, r->user.n);
        key[r->user.n] = '@';
        memcpy(key + r->user.n + 1, r->domain.p, r->domain.n);
        e.key = slice_make(key, r->user.n + 1 + r->domain.n);
    }
    enum entry_error error = failover_get(r->value, &e.failover) ? entry_judge(c->a, &e)
                                                                 : ENTRY_ERROR_FAILOVER;
    c->finding = (struct finding){.what = FINDING_RULE, .kind = e.kind, .error = error,
                                  .key = e.key};
    if (error != ENTRY_OK)
        return tell(c, &c->finding);
    if (pattern_of_key(e.kind, e.key, &c->pattern))
        check_pattern(c);
    return !c->stopped;
}

static bool check_route_string(void *context, const struct catalog *catalog)
{
    struct check *c = context;
    struct slice again;
    if (!catalog_local(catalog))
        return true;
    arena_reset(c->a);
    if (route_string_parse(c->a, catalog_route_string(catalog), &again) == ENTRY_ERROR_DASH_DIGITS)
        tell(c, &(struct finding){.what = FINDING_DASHES, .error = ENTRY_ERROR_DASH_DIGITS,
                                  .key = catalog_route_string(catalog)});
    return !c->stopped;
}

static bool check_entries(void *context, const struct catalog *catalog)
{
    struct check *c = context;
    if (catalog_local(catalog))
        catalog_walk(catalog, check_record, c);
    return !c->stopped;
}

/* --- routes */

struct shadow {
    const struct routes *routes;
    struct slice pattern;      /* the route that is looked at */
    size_t first;              /* its place */
    struct slice other;        /* one that came before it */
    struct slice name;         /* for what */
    bool used;
};

static bool look_for_use(void *context, const struct catalog *catalog)
{
    struct shadow *s = context;
    struct slice name = catalog_route_string(catalog), target;
    size_t first, n;
    if (!route_covers(s->pattern, name) || !routes_find(s->routes, name, &first, &n))
        return true;
    s->used = first == s->first;
    if (!s->used) {
        routes_get(s->routes, first, &s->other, &target);
        s->name = name;
    }
    return !s->used;
}

/* Only where something is covered and goes elsewhere: a route for what is still to come is none. */
static void check_route(struct check *c, size_t first)
{
    struct shadow s = {.routes = c->routes, .first = first};
    struct slice target;
    routes_get(c->routes, first, &s.pattern, &target);
    /* A name without "*" is the most specific of all that cover it. */
    if (slice_find(s.pattern, '*') == s.pattern.n)
        return;
    plan_each(c->p, look_for_use, &s);
    if (!s.used && s.other.n > 0)
        tell(c, &(struct finding){.what = FINDING_SHADOWED,
                                  .key = s.pattern,
                                  .other = s.other,
                                  .route_string = s.name});
}

static bool same_as_before(const struct routes *r, size_t i)
{
    struct slice pattern, before, target;
    if (i == 0)
        return false;
    routes_get(r, i, &pattern, &target);
    routes_get(r, i - 1, &before, &target);
    return slice_eq(pattern, before);
}

static void check_routes(struct check *c)
{
    for (size_t i = 0; i < routes_count(c->routes) && !c->stopped; i++) {
        if (!same_as_before(c->routes, i))
            check_route(c, i);
    }
}

/* --- one route */

struct taking {
    const struct routes *routes;
    struct slice pattern;
    size_t from[CHECK_ROUTE_MAX]; /* the places of those that would decide without it */
    struct slice name[CHECK_ROUTE_MAX];
    size_t n;
};

static bool look_what_it_takes(void *context, const struct catalog *catalog)
{
    struct taking *t = context;
    struct slice name = catalog_route_string(catalog), first, target;
    size_t covering[2];
    if (!route_covers(t->pattern, name) || routes_covering(t->routes, name, covering, 2) < 2)
        return true;
    routes_get(t->routes, covering[0], &first, &target);
    for (size_t i = 0; i < t->n; i++) {
        if (t->from[i] == covering[1])
            return true;
    }
    if (slice_eq(first, t->pattern)) {
        t->name[t->n] = name;
        t->from[t->n++] = covering[1];
    }
    return t->n < CHECK_ROUTE_MAX;
}

static bool check_taken(struct check *c, const struct taking *t, size_t i)
{
    struct shadow s = {.routes = c->routes, .first = t->from[i]};
    struct slice target;
    routes_get(c->routes, s.first, &s.pattern, &target);
    plan_each(c->p, look_for_use, &s);
    return s.used || tell(c, &(struct finding){.what = FINDING_SHADOWED,
                                               .key = s.pattern,
                                               .other = t->pattern,
                                               .route_string = t->name[i]});
}

void plan_check_route(const struct plan *p, const struct routes *r, struct slice pattern,
                      bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .routes = r, .visit = visit, .context = context};
    uint8_t scratch[ROUTE_PATTERN_MAX];
    struct taking t = {.routes = r};
    struct slice one, target;
    size_t at = 0;
    bool found = false;
    if (!route_pattern_parse(pattern, scratch, &t.pattern))
        return;
    for (; at < routes_count(r) && !found; at += !found) {
        routes_get(r, at, &one, &target);
        found = slice_eq(one, t.pattern);
    }
    if (!found)
        return;
    check_route(&c, at);
    plan_each(p, look_what_it_takes, &t);
    for (size_t i = 0; i < t.n && !c.stopped && check_taken(&c, &t, i); i++)
        ;
}

void plan_check(const struct plan *p, const struct routes *r, struct arena *a,
                bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .routes = r, .a = a, .visit = visit, .context = context};
    plan_each(p, check_entries, &c);
    if (!c.stopped)
        plan_check_rest(p, r, a, visit, context);
}

bool plan_check_record(const struct plan *p, struct arena *a, const struct record *r,
                       bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .a = a, .visit = visit, .context = context};
    check_record(&c, r);
    return !c.stopped;
}

uint32_t plan_check_pattern(const struct plan *p, uint8_t kind, struct slice key,
                            bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .visit = visit, .context = context, .both = true};
    c.finding = (struct finding){.kind = kind, .key = key};
    if (pattern_of_key(kind, key, &c.pattern))
        check_pattern(&c);
    return c.visits;
}

void plan_check_rest(const struct plan *p, const struct routes *r, struct arena *a,
                     bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .routes = r, .a = a, .visit = visit, .context = context};
    plan_each(p, check_route_string, &c);
    if (!c.stopped)
        check_routes(&c);
}
