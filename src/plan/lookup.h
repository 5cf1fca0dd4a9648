/* lookup: "this was dialled: where does it go, and why?" One pure function over the plan and the
 * routes; SIP, the command line and every later door are views of its answer. */
#ifndef OPENILS_PLAN_LOOKUP_H
#define OPENILS_PLAN_LOOKUP_H

#include "base/arena.h"
#include "plan/plan.h"

#define ROUTE_TARGETS_MAX   8
#define LOOKUP_TARGETS_MAX  9
#define LOOKUP_MATCHES_MAX  16

/* Route patterns: `host.example`, `*.example` (any labels before it) or `*`; to a SIP URI. */
struct routes;
struct routes *routes_new(struct mem *mem);
void routes_free(struct routes *r);

/* pattern and target are checked: ENTRY_ERROR_HOST for a bad pattern, ENTRY_ERROR_CHARACTER for a
 * target that is no plain sip: or sips: URI (host, port, transport; no headers). The same pattern
 * may have several targets, tried in the order they were added: ENTRY_ERROR_TOO_LONG beyond
 * ROUTE_TARGETS_MAX. Adding a pair twice is no error. */
enum entry_error routes_add(struct routes *r, struct slice pattern, struct slice target);
/* target empty: all targets of the pattern. Number of routes removed. */
size_t routes_remove(struct routes *r, struct slice pattern, struct slice target);
size_t routes_count(const struct routes *r);
/* i < routes_count; slices valid until the next change. */
void routes_get(const struct routes *r, size_t i, struct slice *ret_pattern,
                struct slice *ret_target);
/* The most specific pattern that covers the route string; false when none does. */
bool routes_find(const struct routes *r, struct slice route_string, size_t *ret_first,
                 size_t *ret_n); /* routes ret_first .. +n-1 in routes_get's order */

enum lookup_result {
    LOOKUP_FOUND,       /* match and at least one target */
    LOOKUP_NO_MATCH,    /* nobody advertises it */
    LOOKUP_NO_ROUTE,    /* matched, but no route pattern covers its route string, no failover */
    LOOKUP_LOCAL,       /* one's own entry: it is served here */
    LOOKUP_BAD_INPUT,   /* neither a number nor a directory URI */
    LOOKUP_BLOCKED,     /* advertised, but nobody's entry is served here: see the matches */
};

enum target_reason { TARGET_ROUTE, TARGET_PSTN };

struct target {
    struct slice uri;  /* complete SIP URI: user@target-host, in the arena */
    uint16_t q;        /* thousandths: 1000 = q 1.0 */
    uint8_t reason;    /* enum target_reason */
    struct slice route_pattern; /* that decided, for TARGET_ROUTE */
};

struct match {
    uint8_t kind;
    struct slice value;         /* the key, in the arena */
    struct slice cluster_id;
    struct slice route_string;
    uint8_t key[KEY_SIZE];      /* the origin's */
    uint64_t stream;            /* STREAM_PLAN, or the number of its imported catalog */
    uint64_t usn;
    bool local, stale;
    struct failover failover;
    uint8_t lost_to;            /* enum loser_rule (plan/policy.h); LOSER_NONE for the winner */
    uint32_t rule;              /* LOSER_BLOCKED: number of the block */
};

struct lookup {
    uint8_t result;             /* enum lookup_result */
    struct slice dialed;        /* as given */
    struct slice canonical;     /* as looked up */
    struct match *match;        /* [0] is the winner, but of LOOKUP_BLOCKED; losers follow, those
                                 * that are not served last; n = 0: none */
    size_t match_n;
    struct target target[LOOKUP_TARGETS_MAX];
    size_t target_n;
    bool longer;                /* LOOKUP_NO_MATCH: with more digits it would match a pattern */
};

/* dialled: a number, a directory URI, or a sip:/sips:/tel: URI (parameters are ignored; a digits
 * user at any host is looked up as URI first, then as number). Everything in *ret lives in the
 * arena or the plan and is valid until either changes. Never fails: a refused allocation gives
 * LOOKUP_NO_MATCH with a->failed set.
 * Order: exact URI; +E.164; enterprise number; patterns of the number's class, the more specific
 * first; of one key as the plan's policy says (policy_order). What the policy does not let through
 * (policy_judge) is among the losers.
 * The PSTN failover number becomes a target behind the routes through pstn_route, the route
 * string whose routes lead to the PSTN gateway ("pstn"); without such a route it is left out.
 * "*" is for other clusters' calls alone: it covers neither one's own entries nor "pstn". */
void plan_lookup(const struct plan *p, const struct routes *r, struct arena *a,
                 struct slice dialled, struct lookup *ret);

#endif
