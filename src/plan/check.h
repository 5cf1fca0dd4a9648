/* check: what is odd about a plan, although each of its entries is sound: patterns that can never
 * decide, or only part of what they seem to; routes that are never used. None of it is refused. */
#ifndef OPENILS_PLAN_CHECK_H
#define OPENILS_PLAN_CHECK_H

#include "plan/lookup.h"

enum finding_what {
    FINDING_RULE,        /* an entry of an older version that breaks a rule of this one: `error` */
    FINDING_UNREACHABLE, /* every number of the pattern is another's, which is more specific */
    FINDING_OVERLAP,     /* some numbers of the pattern are: neither contains the other */
    FINDING_TAKEN,       /* another cluster's more specific pattern takes some of its numbers */
    FINDING_SHADOWED,    /* a route: each route string that it covers has a more specific one */
    FINDING_DASHES,      /* one's own route string breaks the rule of digits between dashes */
    FINDING_COVERED,     /* every number of the pattern is one of others, more specific */
};

struct finding {
    uint8_t what;       /* enum finding_what */
    uint8_t kind;       /* of the entry */
    enum entry_error error;
    struct slice key;   /* of the entry, or the route pattern */
    struct slice other; /* the pattern, or the route pattern, that comes first; of several one */
    struct slice cluster_id; /* whose that is */
    struct slice route_string; /* of a route: one that both cover */
};

/* Calls visit with every finding of the catalogs that are local and of the routes, until it returns
 * false. Slices live until visit returns. a: scratch; it is reset. */
void plan_check(const struct plan *p, const struct routes *r, struct arena *a,
                bool (*visit)(void *context, const struct finding *f), void *context);

/* Its parts, for who looks at a large plan in turns: one entry of one's own, and everything but
 * those. False: visit wants no more. */
bool plan_check_record(const struct plan *p, struct arena *a, const struct record *r,
                       bool (*visit)(void *context, const struct finding *f), void *context);
void plan_check_rest(const struct plan *p, const struct routes *r, struct arena *a,
                     bool (*visit)(void *context, const struct finding *f), void *context);

/* The same of one own pattern, as when it has just been added: what is odd about it, and of each
 * other own one (`other` is the pattern) what it takes from that. What is no pattern: nothing. How
 * many states of the patterns were visited, at most PATTERN_VISITS_MAX. */
uint32_t plan_check_pattern(const struct plan *p, uint8_t kind, struct slice key,
                            bool (*visit)(void *context, const struct finding *f), void *context);

/* The same of one route pattern, as when it has just been added: FINDING_SHADOWED where it never
 * decides (`key` is the pattern), and of each other one (`other` is the pattern) that would decide
 * somewhere without it and does nowhere now; of at most CHECK_ROUTE_MAX of them. A pattern of which
 * there is no route: nothing. */
#define CHECK_ROUTE_MAX 20
void plan_check_route(const struct plan *p, const struct routes *r, struct slice pattern,
                      bool (*visit)(void *context, const struct finding *f), void *context);

#endif
