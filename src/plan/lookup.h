/* lookup: "this was dialled: where does it go, and why?" One pure function over the plan and the
 * routes; SIP, DNS, HTTP and the command line are views of its answer and have no rule of their
 * own.
 *
 * What is dialled is read as a number or as a URI (enum dial_policy). In this order, the first that
 * is served here decides:
 *   1. the number, among +E.164 numbers if it begins with "+", else among enterprise numbers;
 *   2. patterns of the number's class, the more specific first (PROTOCOL.md, "Patterns");
 *   3. the directory URI.
 * A string without a host is a number, one with a host whose user is no number a URI; what may be
 * both is tried as a number first, as the original reads it, and then as the URI that it is.
 * Of one key that several advertise: one's own, then as the policy says (policy_order). What the
 * policy does not let through (policy_judge) is served by nobody. */
#ifndef OPENILS_PLAN_LOOKUP_H
#define OPENILS_PLAN_LOOKUP_H

#include "base/arena.h"
#include "plan/plan.h"
#include "plan/route.h"

#define LOOKUP_TARGETS_MAX 9   /* ROUTE_TARGETS_MAX, and the PSTN */
#define LOOKUP_MATCHES_MAX 256 /* that plan_why tells of */

enum lookup_result {
    LOOKUP_FOUND,       /* match and at least one target */
    LOOKUP_NO_MATCH,    /* nobody advertises it */
    LOOKUP_NO_ROUTE,    /* matched, but there is no target; `avoided` says which were left out */
    LOOKUP_LOCAL,       /* one's own entry: it is served here; targets if a route names them */
    LOOKUP_BAD_INPUT,   /* neither a number nor a directory URI */
    LOOKUP_BLOCKED,     /* advertised, but nobody's entry is served here: see the matches */
    LOOKUP_CUT,         /* not known: there are too many patterns to ask them all. No match */
    LOOKUP_THERE,       /* plan_why for another cluster: it is matched; its routes are its own */
    LOOKUP_BUSY,        /* readers only: what is served was changing all the time; ask again */
};

enum target_reason {
    TARGET_ROUTE,  /* a route pattern covers the route string */
    TARGET_PSTN,   /* the PSTN failover number, through the routes of "pstn" */
    TARGET_DOMAIN, /* no route does: the route string as a domain (lookup_rules.as_domain) */
};

/* Why a target is none after all: calls would come back. */
enum avoid_rule {
    AVOID_NONE,
    AVOID_SELF, /* it is this cluster's own address */
    AVOID_SAME, /* it is the URI that was dialled */
};

/* One place where the call may go: all slices lie in the arena. */
struct target {
    struct slice uri;    /* complete: sip:user@host[:port][;transport=word], or sips: */
    bool secure;         /* sips: */
    struct slice user;   /* parts of uri */
    struct slice host;   /* an IPv6 address in its brackets */
    uint16_t port;       /* 0: none given */
    uint8_t transport;   /* enum transport */
    uint16_t priority;   /* of the route, as in SRV records: the smaller is tried first */
    uint16_t weight;     /* likewise */
    uint16_t q;          /* thousandths: 1000 = q 1.0; falls from target to target */
    uint8_t reason;      /* enum target_reason */
    uint8_t avoided;     /* enum avoid_rule */
    struct slice route_pattern; /* that decided, for TARGET_ROUTE */
};

struct match {
    uint8_t kind;
    struct slice value;         /* the key, in the arena */
    struct slice cluster_id;
    struct slice route_string;
    uint8_t key[KEY_SIZE];      /* the origin's */
    uint64_t stream;            /* STREAM_PLAN, or the number of its imported catalog */
    uint64_t usn;               /* 0 in what plan_lookup tells */
    bool local, stale;
    struct failover failover;
    uint8_t lost_to;            /* enum loser_rule (plan/policy.h); LOSER_NONE for the winner */
    uint32_t rule;              /* LOSER_BLOCKED: number of the block */
};

struct lookup {
    uint8_t result;             /* enum lookup_result */
    struct slice dialed;        /* as given */
    struct slice canonical;     /* as looked up: of the next two what matched, or came first */
    struct slice number, uri;   /* as it was read; empty: not so */
    struct match *match;        /* [0] is the winner, but of LOOKUP_BLOCKED; losers follow, those
                                 * that are not served last; n = 0: none */
    size_t match_n;
    bool more;                  /* there are more losers than are told of */
    struct target target[LOOKUP_TARGETS_MAX]; /* in the order in which they are to be tried */
    size_t target_n;
    struct target *avoided;     /* that would be targets, but for the rule in each */
    size_t avoided_n;
    struct slice failover;      /* the PSTN number of a learned winner; empty: none */
    bool failover_routed;       /* there is a route "pstn" for it */
    bool longer;                /* LOOKUP_NO_MATCH: with more digits it would match a pattern */
    bool cut;                   /* not all patterns were asked; the winner, if there is one, is
                                 * right all the same */
    struct slice cut_by;        /* cut: a cluster among whose patterns it ended */
};

/* The words that every door uses for these: static text. */
struct slice lookup_result_text(uint8_t result);
struct slice target_reason_text(uint8_t reason);

/* dialled: a number, a directory URI, or a sip:/sips:/tel: URI. The winner only: match_n is at most
 * 1. Everything in *ret lives in the arena or the plan and is valid until either changes, for
 * readers (plan/readers.h) until their next pause. r: NULL means plan_routes(p), as readers must
 * say. Never fails: a refused allocation gives LOOKUP_NO_MATCH with a->failed set. The work
 * is bounded, whatever others announce (PATTERN_VISITS_MAX).
 *
 * Targets: those of the most specific route pattern that covers the winner's route string, by
 * priority; among those of one priority by weight, each dialled string always in the same way. No
 * route: the route string as a domain, where the rules say so. The PSTN failover number of a
 * learned entry comes behind them, through the routes of the pattern "pstn", which leads to the
 * gateway and covers no cluster's route string. "*" and domains are for other clusters' calls
 * alone: they cover neither one's own entries nor "pstn". */
void plan_lookup(const struct plan *p, const struct routes *r, struct arena *a,
                 struct slice dialled, struct lookup *ret);

/* The same, with the USN of the match, which takes a little longer. */
void plan_lookup_usn(const struct plan *p, const struct routes *r, struct arena *a,
                     struct slice dialled, struct lookup *ret);

/* The same decision, with all that lost and why. from: NULL, or the key of another cluster, to ask
 * as it would: its entries are its own, no policy of this cluster's applies, and there are no
 * targets (LOOKUP_THERE). Its own rules and what it has not learned are not known here. */
void plan_why(const struct plan *p, const struct routes *r, struct arena *a, struct slice dialled,
              const uint8_t *from, struct lookup *ret);

/* What keeps the dialled string from being a number or a sound URI, and at which of its bytes: for
 * the words beside LOOKUP_BAD_INPUT. It is stricter than lookups, which take a blank in the user of
 * a SIP URI, or a port that is none, as people type them. ENTRY_OK: nothing does. */
enum entry_error lookup_fault(struct arena *a, struct slice dialled, size_t *ret_at);

#endif
