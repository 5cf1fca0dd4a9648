/* lookup: asks the index for each kind that what was dialled may be, and ranks what the catalogs
 * say. The ranking that picks the winner is also the one that says why the others lost; a door only
 * asks it for fewer places. */
#include "plan/lookup_inside.h"
#include "plan/index.h"
#include "plan/patterns.h"
#include "plan/readers.h"

#include <string.h>

#define TRIES_MAX      1000
#define SPINS_MAX      100  /* of them, before the owner of a change that lasts is let run */
#define CANDIDATES_MAX 256  /* of one kind: more catalogs than peers may be advertised */

/* A candidate, and what the policy makes of it. */
struct ranked {
    struct candidate c;
    enum loser_rule refused; /* LOSER_NONE: it is served */
    uint32_t rule;
    uint32_t place;      /* the smaller one is asked earlier */
    struct slice number; /* of a pattern: what was dialled */
};

#define PLACE_NUMBER  0u
#define PLACE_PATTERN 1u /* patterns count on from there */
#define PLACE_URI     UINT32_MAX

/* Who asks, and the best candidates so far, the winner first. */
struct ranking {
    const struct plan *p;
    const struct policy *policy; /* NULL: no rules, or not this cluster's */
    const uint8_t *from;         /* NULL: this cluster */
    bool uri_case;
    bool usns;                   /* are told */
    bool more;                   /* some had no place */
    struct ranked *best;
    size_t n, max;
    struct patterns_work work;
};

static bool is_own(const struct ranking *ranking, const struct catalog *c)
{
    if (ranking->from == NULL)
        return catalog_local(c);
    return catalog_number(c) == STREAM_PLAN &&
           memcmp(catalog_key(c), ranking->from, KEY_SIZE) == 0;
}

static struct policy_subject subject_of(const struct ranking *ranking, const struct ranked *one)
{
    const struct candidate *c = &one->c;
    return (struct policy_subject){
        .key = catalog_key(c->c),
        .number = catalog_number(c->c),
        .cluster_id = catalog_cluster_id(c->c),
        .local = is_own(ranking, c->c),
        .kind = c->r.kind,
        .user = one->number.n > 0 ? one->number : c->r.user,
        .domain = c->r.domain,
    };
}

/* What is served before what is not; earlier kinds before later ones; then as the policy says. */
static int ranked_cmp(const struct ranking *ranking, const struct ranked *a,
                      const struct ranked *b, enum loser_rule *ret_rule)
{
    *ret_rule = b->refused;
    if ((a->refused == LOSER_NONE) != (b->refused == LOSER_NONE))
        return a->refused == LOSER_NONE ? -1 : 1;
    *ret_rule = b->place == PLACE_URI      ? LOSER_KIND
                : a->place < PLACE_PATTERN ? LOSER_EXACT
                                           : LOSER_SPECIFIC;
#ifdef OPENILS_BUG_PATTERN_FIRST /* the control of prove_lookup: exact numbers come last */
    if (a->place != b->place && (a->place == PLACE_NUMBER || b->place == PLACE_NUMBER))
        return a->place == PLACE_NUMBER ? 1 : -1;
#endif
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    struct policy_subject x = subject_of(ranking, a), y = subject_of(ranking, b);
    return policy_order(ranking->policy, &x, &y, ret_rule);
}

static void rank_one(struct ranking *ranking, struct ranked *one)
{
    struct policy_subject subject = subject_of(ranking, one);
    struct failover failover;
    enum loser_rule rule;
    size_t at = ranking->n;
    one->refused = policy_judge(ranking->policy, &subject, &one->rule);
    if (one->c.r.value.n > 0 && !failover_get(one->c.r.value, &failover))
        one->refused = LOSER_ILLEGAL;
    while (at > 0 && ranked_cmp(ranking, one, &ranking->best[at - 1], &rule) < 0)
        at--;
    ranking->more = ranking->more || ranking->n == ranking->max;
    if (at == ranking->max)
        return;
    if (ranking->n < ranking->max)
        ranking->n++;
    memmove(&ranking->best[at + 1], &ranking->best[at],
            (ranking->n - 1 - at) * sizeof ranking->best[0]);
    ranking->best[at] = *one;
}

/* Whether what is still to come cannot get a place: it comes after what is served. */
static bool is_full(const struct ranking *ranking)
{
    return ranking->n == ranking->max && ranking->best[ranking->max - 1].refused == LOSER_NONE;
}

static void rank_key(struct ranking *ranking, uint8_t kind, uint32_t place, struct slice user,
                     struct slice domain, struct slice number)
{
    struct candidate found[CANDIDATES_MAX];
    size_t n = plan_candidates(ranking->p, kind, user, domain, found, CANDIDATES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct ranked one = {.c = found[i], .place = place, .number = number};
        if (kind == ENTRY_URI && ranking->uri_case && !slice_eq(found[i].r.user, user))
            continue;
        rank_one(ranking, &one);
    }
}

struct pattern_ranking {
    struct ranking *ranking;
    struct slice number;
    uint32_t place;
};

static bool rank_pattern(void *context, uint8_t kind, struct slice key)
{
    struct pattern_ranking *r = context;
    rank_key(r->ranking, kind, r->place++, key, slice_make(NULL, 0), r->number);
    if (!is_full(r->ranking))
        return true;
    r->ranking->more = true; /* as far as is known: the next pattern is not asked for */
    return false;
}

static void rank(struct ranking *ranking, const struct reading *reading)
{
    struct slice number = reading->number, none = {NULL, 0};
    if (number.n > 0) {
        struct pattern_ranking patterns = {ranking, number, PLACE_PATTERN};
        rank_key(ranking, number.p[0] == '+' ? ENTRY_E164 : ENTRY_ENTERPRISE, PLACE_NUMBER, number,
                 none, none);
        if (!is_full(ranking))
            plan_patterns(ranking->p, number, rank_pattern, &patterns, &ranking->work);
    }
    if (reading->uri.n > 0 && !is_full(ranking))
        rank_key(ranking, ENTRY_URI, PLACE_URI, reading->user, reading->host, none);
}

/* user, "@" and domain; the user alone where there is no domain. */
static struct slice join_key(struct arena *a, const struct record *r)
{
    if (r->domain.n == 0)
        return arena_copy(a, r->user);
    uint8_t *key = arena_alloc(a, r->user.n + 1 + r->domain.n);
    if (key == NULL)
        return slice_make(NULL, 0);
    memcpy(key, r->user.p, r->user.n);
    key[r->user.n] = '@';
    memcpy(key + r->user.n + 1, r->domain.p, r->domain.n);
    return slice_make(key, r->user.n + 1 + r->domain.n);
}

/* Why the i-th is not the winner; LOSER_NONE: it is. */
static uint8_t lost_to(const struct ranking *ranking, size_t i)
{
    const struct ranked *one = &ranking->best[i];
    enum loser_rule rule = one->refused;
    if (i > 0 && rule == LOSER_NONE)
        ranked_cmp(ranking, &ranking->best[0], one, &rule);
    return (uint8_t)rule;
}

static bool matches_fill(struct arena *a, const struct ranking *ranking, struct lookup *ret)
{
    ret->match = arena_alloc(a, ranking->n * sizeof *ret->match);
    if (ret->match == NULL)
        return false;
    for (size_t i = 0; i < ranking->n; i++) {
        const struct candidate *from = &ranking->best[i].c;
        struct match *m = &ret->match[i];
        *m = (struct match){
            .kind = from->r.kind,
            .value = join_key(a, &from->r),
            .cluster_id = catalog_cluster_id(from->c),
            .route_string = catalog_route_string(from->c),
            .stream = catalog_number(from->c),
            .usn = ranking->usns ? candidate_usn(ranking->p, from) : 0,
            .local = is_own(ranking, from->c),
            .stale = catalog_stale(from->c),
        };
        memcpy(m->key, catalog_key(from->c), KEY_SIZE);
        if (from->r.value.n > 0 && !failover_get(from->r.value, &m->failover))
            m->failover = (struct failover){0};
        m->lost_to = lost_to(ranking, i);
        m->rule = ranking->best[i].rule;
    }
    ret->match_n = ranking->n;
    ret->more = ranking->more;
    return true;
}

/* Too many patterns for one lookup. They are asked in the order of specificity, so a number or
 * pattern that was found is right; where nothing was, nobody knows, and a URI comes after them. */
static void was_cut(const struct ranking *ranking, struct lookup *ret)
{
    const struct pattern *at = &ranking->work.at;
    uint8_t text[PATTERN_TEXT_MAX];
    struct candidate of;
    struct slice key = slice_make(text, pattern_print(text, at));
    ret->cut = true;
    if (plan_candidates(ranking->p, at->plus ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE, key,
                        slice_make(NULL, 0), &of, 1) == 1)
        ret->cut_by = catalog_cluster_id(of.c);
    if (ret->match_n > 0 && ret->match[0].lost_to == LOSER_NONE && ret->match[0].kind != ENTRY_URI)
        return;
    ret->result = LOOKUP_CUT;
    ret->longer = false;
    ret->match_n = ret->target_n = ret->avoided_n = 0;
}

static void decide(struct ranking *ranking, const struct routes *r, struct arena *a,
                   struct slice dialled, struct lookup *ret)
{
    struct reading reading;
    *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
    dialled_read(a, dialled, routes_rules(r)->dial, &reading);
    ret->number = reading.number;
    ret->uri = reading.uri;
    ret->canonical = reading.number.n > 0 ? reading.number : reading.uri;
    if (ret->canonical.n == 0)
        ret->result = LOOKUP_BAD_INPUT;
    rank(ranking, &reading);
    if (ranking->n > 0 && matches_fill(a, ranking, ret)) {
        const struct match *winner = &ret->match[0];
        if (winner->kind == ENTRY_URI)
            ret->canonical = reading.uri;
        if (winner->lost_to != LOSER_NONE)
            ret->result = LOOKUP_BLOCKED;
        else if (ranking->from != NULL)
            ret->result = winner->local ? LOOKUP_LOCAL : LOOKUP_THERE;
        else if (!a->failed)
            lookup_targets(ret, a, r, &reading);
    } else if (reading.number.n > 0) {
        ret->longer = plan_longer(ranking->p, reading.number);
    }
    if (ranking->work.cut)
        was_cut(ranking, ret);
    if (a->failed)
        *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
}

/* The owner asks once. Others may have seen a part of a change: then again, while there is hope.
 * ranking: as far as it does not depend on the rules. */
static void decide_at_once(const struct ranking *ranking, const struct routes *r, struct arena *a,
                           struct slice dialled, struct lookup *ret)
{
    const struct plan *p = ranking->p;
    uint64_t change;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        if (!plan_settled(p, &change)) {
            if (tries >= SPINS_MAX)
                plan_yield(p);
            continue;
        }
        const struct routes *routes = r != NULL ? r : plan_routes(p); /* not before that */
        struct ranking again = *ranking;
        if (routes == NULL)
            continue;
        again.policy = again.from == NULL ? plan_policy(p) : NULL;
        again.uri_case = routes_rules(routes)->uri_case;
        decide(&again, routes, a, dialled, ret);
        if (plan_unchanged(p, change))
            return;
    }
    *ret = (struct lookup){.result = LOOKUP_BUSY, .dialed = dialled};
}

void plan_lookup(const struct plan *p, const struct routes *r, struct arena *a,
                 struct slice dialled, struct lookup *ret)
{
    struct ranked best;
    struct ranking ranking = {.p = p, .best = &best, .max = 1};
    decide_at_once(&ranking, r, a, dialled, ret);
}

void plan_lookup_usn(const struct plan *p, const struct routes *r, struct arena *a,
                     struct slice dialled, struct lookup *ret)
{
    struct ranked best;
    struct ranking ranking = {.p = p, .best = &best, .max = 1, .usns = true};
    decide_at_once(&ranking, r, a, dialled, ret);
}

void plan_why(const struct plan *p, const struct routes *r, struct arena *a, struct slice dialled,
              const uint8_t *from, struct lookup *ret)
{
    struct ranking ranking = {.p = p, .from = from, .max = LOOKUP_MATCHES_MAX, .usns = true};
    ranking.best = arena_room(a, ranking.max * sizeof *ranking.best);
    if (ranking.best == NULL)
        *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
    else
        decide_at_once(&ranking, r, a, dialled, ret);
}
