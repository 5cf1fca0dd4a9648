/* check: looks at each own entry once, asks the trie which patterns meet each own pattern, and at
 * each route once. */
#include "plan/check.h"

#include <string.h>

#include "plan/catalog.h"
#include "plan/index.h"

struct check {
    const struct plan *p;
    const struct routes *routes;
    struct arena *a;
    bool (*visit)(void *context, const struct finding *f);
    void *context;
    bool stopped;
    /* the pattern that is looked at */
    struct pattern pattern;
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
    if (what == UINT8_MAX)
        return true;
    c->finding.what = what;
    c->finding.other = key;
    c->finding.cluster_id = catalog_cluster_id(first.c);
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
        patterns_overlap(&c->p->patterns, &c->pattern, meet, c, NULL);
    return !c->stopped;
}

static bool check_catalog(void *context, const struct catalog *catalog)
{
    struct check *c = context;
    struct slice again;
    if (!catalog_local(catalog))
        return true;
    arena_reset(c->a);
    if (route_string_parse(c->a, catalog_route_string(catalog), &again) == ENTRY_ERROR_DASH_DIGITS)
        tell(c, &(struct finding){.what = FINDING_DASHES, .error = ENTRY_ERROR_DASH_DIGITS,
                                  .key = catalog_route_string(catalog)});
    catalog_walk(catalog, check_record, c);
    return !c->stopped;
}

/* --- routes */

struct shadow {
    const struct routes *routes;
    struct slice pattern;      /* the route that is looked at */
    size_t first;              /* its place */
    struct slice other;        /* one that came before it */
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
    if (!s->used)
        routes_get(s->routes, first, &s->other, &target);
    return !s->used;
}

/* Only where something is covered and goes elsewhere: a route for what is still to come is none. */
static void check_routes(struct check *c)
{
    struct slice last = {NULL, 0}, target;
    for (size_t i = 0; i < routes_count(c->routes) && !c->stopped; i++) {
        struct shadow s = {.routes = c->routes, .first = i};
        routes_get(c->routes, i, &s.pattern, &target);
        /* A name without "*" is the most specific of all that cover it. */
        if (slice_eq(s.pattern, last) || slice_find(s.pattern, '*') == s.pattern.n)
            continue;
        last = s.pattern;
        plan_each(c->p, look_for_use, &s);
        if (!s.used && s.other.n > 0)
            tell(c, &(struct finding){.what = FINDING_SHADOWED, .key = s.pattern,
                                      .other = s.other});
    }
}

void plan_check(const struct plan *p, const struct routes *r, struct arena *a,
                bool (*visit)(void *context, const struct finding *f), void *context)
{
    struct check c = {.p = p, .routes = r, .a = a, .visit = visit, .context = context};
    plan_each(p, check_catalog, &c);
    if (!c.stopped)
        check_routes(&c);
}
