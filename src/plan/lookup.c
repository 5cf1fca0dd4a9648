/* lookup: reads what was dialled, asks the index for each kind that it may be, ranks what the
 * catalogs say and turns the winner's route string into SIP URIs. The ranking that picks the winner
 * is also the one that says why the others lost. */
#include "plan/lookup.h"
#include "plan/host.h"
#include "plan/index.h"
#include "plan/pattern.h"

#include <string.h>

#define DIALLED_MAX    1024 /* bytes */
#define CANDIDATES_MAX 256  /* of one kind: more catalogs than peers may be advertised */

/* What the dialled text may be; empty where it is not. */
struct reading {
    struct slice uri;    /* user@host */
    struct slice number; /* digits or +digits */
};

/* A candidate, and what the policy makes of it. */
struct ranked {
    struct candidate c;
    enum loser_rule refused; /* LOSER_NONE: it is served */
    uint32_t rule;
    uint32_t place;      /* the smaller one is asked earlier */
    struct slice number; /* of a pattern: what was dialled */
};

enum { PLACE_URI, PLACE_NUMBER, PLACE_PATTERN }; /* patterns count on from there */

/* The best candidates so far, the winner first. */
struct ranking {
    struct ranked best[LOOKUP_MATCHES_MAX];
    size_t n;
};

static bool scheme_drop(struct slice *text, const char *scheme)
{
    size_t n = strlen(scheme);
    if (text->n < n || !slice_eq_fold(slice_make(text->p, n), slice_make(scheme, n)))
        return false;
    *text = slice_make(text->p + n, text->n - n);
    return true;
}

static struct slice before(struct slice text, uint8_t c)
{
    return slice_make(text.p, slice_find(text, c));
}

static void read_number(struct arena *a, struct slice text, struct slice *ret)
{
    if (number_parse(a, text, phone_has_plus(text), ret) != ENTRY_OK)
        *ret = slice_make(NULL, 0);
}

static void read_dialled(struct arena *a, struct slice text, struct reading *ret)
{
    *ret = (struct reading){0};
    text = slice_trim(text);
    if (text.n > DIALLED_MAX)
        return;
    bool tel = scheme_drop(&text, "tel:");
    if (!tel && !scheme_drop(&text, "sip:"))
        scheme_drop(&text, "sips:");
    size_t at = slice_find(text, '@');
    if (tel || at == text.n) {
        read_number(a, before(before(text, ';'), '?'), &ret->number);
        return;
    }
    struct slice user = before(slice_make(text.p, at), ';');
    struct slice host = slice_make(text.p + at + 1, text.n - at - 1);
    host = before(before(host, ';'), '?');
    if (host.n > 0 && host.p[0] != '[')
        host = before(host, ':');

    uint8_t plain[DIALLED_MAX];
    size_t n = user.n + 1 + host.n;
    memcpy(plain, user.p, user.n);
    plain[user.n] = '@';
    if (host.n > 0)
        memcpy(plain + user.n + 1, host.p, host.n);
    if (diruri_read(a, slice_make(plain, n), &ret->uri) == ENTRY_OK)
        user = before(ret->uri, '@');
    read_number(a, user, &ret->number);
}

static struct policy_subject subject_of(const struct ranked *one)
{
    const struct candidate *c = &one->c;
    return (struct policy_subject){
        .key = catalog_key(c->c),
        .number = catalog_number(c->c),
        .cluster_id = catalog_cluster_id(c->c),
        .local = catalog_local(c->c),
        .kind = c->r.kind,
        .user = one->number.n > 0 ? one->number : c->r.user,
        .domain = c->r.domain,
    };
}

/* What is served before what is not; earlier kinds before later ones; then as the policy says. */
static int ranked_cmp(const struct policy *policy, const struct ranked *a, const struct ranked *b,
                      enum loser_rule *ret_rule)
{
    *ret_rule = b->refused;
    if ((a->refused == LOSER_NONE) != (b->refused == LOSER_NONE))
        return a->refused == LOSER_NONE ? -1 : 1;
    *ret_rule = b->place < PLACE_PATTERN   ? LOSER_KIND
                : a->place < PLACE_PATTERN ? LOSER_EXACT
                                           : LOSER_SPECIFIC;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    struct policy_subject x = subject_of(a), y = subject_of(b);
    return policy_order(policy, &x, &y, ret_rule);
}

static void rank_one(struct ranking *ranking, const struct plan *p, struct ranked *one)
{
    struct policy_subject subject = subject_of(one);
    struct failover failover;
    enum loser_rule rule;
    size_t at = ranking->n;
    one->refused = policy_judge(plan_policy(p), &subject, &one->rule);
    if (one->c.r.value.n > 0 && !failover_get(one->c.r.value, &failover))
        one->refused = LOSER_ILLEGAL;
    while (at > 0 && ranked_cmp(plan_policy(p), one, &ranking->best[at - 1], &rule) < 0)
        at--;
    if (at == LOOKUP_MATCHES_MAX)
        return;
    if (ranking->n < LOOKUP_MATCHES_MAX)
        ranking->n++;
    memmove(&ranking->best[at + 1], &ranking->best[at],
            (ranking->n - 1 - at) * sizeof ranking->best[0]);
    ranking->best[at] = *one;
}

static void rank_kind(struct ranking *ranking, const struct plan *p, uint8_t kind, uint32_t place,
                      struct slice user, struct slice domain)
{
    struct candidate found[CANDIDATES_MAX];
    size_t n = plan_candidates(p, kind, user, domain, found, CANDIDATES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct ranked one = {.c = found[i], .place = place};
        rank_one(ranking, p, &one);
    }
}

struct pattern_ranking {
    struct ranking *ranking;
    const struct plan *p;
    struct slice number;
    uint32_t place;
};

/* On to the next pattern, until there are as many that are served as anybody is told. */
static bool rank_pattern(void *context, uint8_t kind, struct slice key)
{
    struct pattern_ranking *r = context;
    struct candidate found[CANDIDATES_MAX];
    size_t n = plan_candidates(r->p, kind, key, slice_make(NULL, 0), found, CANDIDATES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct ranked one = {.c = found[i], .place = r->place, .number = r->number};
        rank_one(r->ranking, r->p, &one);
    }
    r->place++;
    return r->ranking->n < LOOKUP_MATCHES_MAX ||
           r->ranking->best[LOOKUP_MATCHES_MAX - 1].refused != LOSER_NONE;
}

static void rank(struct ranking *ranking, const struct plan *p, const struct reading *reading)
{
    struct slice number = reading->number, none = {NULL, 0};
    ranking->n = 0;
    if (reading->uri.n > 0) {
        struct slice user = before(reading->uri, '@');
        size_t skip = user.n + 1;
        struct slice host = slice_make(reading->uri.p + skip, reading->uri.n - skip);
        rank_kind(ranking, p, ENTRY_URI, PLACE_URI, user, host);
    }
    if (number.n == 0)
        return;
    rank_kind(ranking, p, number.p[0] == '+' ? ENTRY_E164 : ENTRY_ENTERPRISE, PLACE_NUMBER, number,
              none);
    struct pattern_ranking patterns = {ranking, p, number, PLACE_PATTERN};
    plan_patterns(p, number, rank_pattern, &patterns);
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
static uint8_t lost_to(const struct policy *policy, const struct ranking *ranking, size_t i)
{
    const struct ranked *one = &ranking->best[i];
    enum loser_rule rule = one->refused;
    if (i > 0 && rule == LOSER_NONE)
        ranked_cmp(policy, &ranking->best[0], one, &rule);
    return (uint8_t)rule;
}

static bool matches_fill(struct arena *a, const struct policy *policy,
                         const struct ranking *ranking, struct lookup *ret)
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
            .usn = from->r.usn,
            .local = catalog_local(from->c),
            .stale = catalog_stale(from->c),
        };
        memcpy(m->key, catalog_key(from->c), KEY_SIZE);
        m->stream = catalog_number(from->c);
        if (from->r.value.n > 0 && !failover_get(from->r.value, &m->failover))
            m->failover = (struct failover){0};
        m->lost_to = lost_to(policy, ranking, i);
        m->rule = ranking->best[i].rule;
    }
    ret->match_n = ranking->n;
    return true;
}

/* The route's target with our user part in place of its own. */
static struct slice target_uri(struct arena *a, struct slice user, struct slice target)
{
    size_t scheme = slice_find(target, ':') + 1;
    size_t at = slice_find(target, '@');
    struct slice place = slice_make(target.p + scheme, target.n - scheme);
    if (at < target.n)
        place = slice_make(target.p + at + 1, target.n - at - 1);
    size_t n = scheme + user.n + 1 + place.n;
    uint8_t *uri = arena_alloc(a, n);
    if (uri == NULL)
        return slice_make(NULL, 0);
    memcpy(uri, target.p, scheme);
    memcpy(uri + scheme, user.p, user.n);
    uri[scheme + user.n] = '@';
    memcpy(uri + scheme + user.n + 1, place.p, place.n);
    return slice_make(uri, n);
}

static void targets_add(struct lookup *ret, struct arena *a, const struct routes *r,
                        struct slice route_string, struct slice user, uint8_t reason)
{
    static const struct {
        uint16_t first, step;
    } q[] = {[TARGET_ROUTE] = {1000, 100}, [TARGET_PSTN] = {100, 10}};
    size_t first, n;
    if (!routes_find(r, route_string, &first, &n))
        return;
    struct slice pattern, target;
    routes_get(r, first, &pattern, &target);
    /* "*" says where other clusters' calls go: one's own would come back from there, and a PSTN
     * number is for the gateway alone. */
    bool by_name = reason == TARGET_PSTN || ret->match[0].local;
    if (by_name && slice_eq(pattern, slice_of("*")))
        return;
    pattern = reason == TARGET_ROUTE ? arena_copy(a, pattern) : slice_make(NULL, 0);
    for (size_t i = 0; i < n && ret->target_n < LOOKUP_TARGETS_MAX; i++) {
        struct slice same;
        routes_get(r, first + i, &same, &target);
        ret->target[ret->target_n++] = (struct target){
            .uri = target_uri(a, user, target),
            .q = (uint16_t)(q[reason].first - i * q[reason].step),
            .reason = reason,
            .route_pattern = pattern,
        };
    }
}

static void targets_fill(struct lookup *ret, struct arena *a, const struct routes *r)
{
    const struct match *winner = &ret->match[0];
    /* What a pattern stands for is what was dialled. */
    struct slice key = kind_is_pattern(winner->kind) ? ret->canonical : winner->value;
    struct slice user = before(key, '@');
    targets_add(ret, a, r, winner->route_string, user, TARGET_ROUTE);
    if (winner->local) {
        ret->result = LOOKUP_LOCAL;
        return;
    }
    struct entry entry = {winner->kind, key, winner->failover};
    struct slice number = entry_failover_number(a, &entry);
    if (number.n > 0)
        targets_add(ret, a, r, slice_of("pstn"), number, TARGET_PSTN);
    ret->result = ret->target_n > 0 ? LOOKUP_FOUND : LOOKUP_NO_ROUTE;
}

void plan_lookup(const struct plan *p, const struct routes *r, struct arena *a,
                 struct slice dialled, struct lookup *ret)
{
    struct reading reading;
    struct ranking ranking;
    *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
    read_dialled(a, dialled, &reading);
    ret->canonical = reading.uri.n > 0 ? reading.uri : reading.number;
    if (ret->canonical.n == 0)
        ret->result = LOOKUP_BAD_INPUT;
    rank(&ranking, p, &reading);
    if (ranking.n > 0 && matches_fill(a, plan_policy(p), &ranking, ret)) {
        if (ret->match[0].kind != ENTRY_URI)
            ret->canonical = reading.number;
        if (ret->match[0].lost_to != LOSER_NONE)
            ret->result = LOOKUP_BLOCKED;
        else if (!a->failed)
            targets_fill(ret, a, r);
    } else if (reading.number.n > 0) {
        ret->longer = plan_longer(p, reading.number);
    }
    if (a->failed)
        *ret = (struct lookup){.result = LOOKUP_NO_MATCH, .dialed = dialled};
}
