/* route: from a route string to where calls go. Route patterns with their targets, and the few
 * settings of a lookup that are this cluster's own: how a dialled string is read, where calls go
 * that no route covers, and which targets are this cluster itself.
 *
 * Patterns are host names in which "*" may stand for a label: first, for one label or more; behind
 * that, for exactly one; alone, for all. The most specific that covers a route string decides:
 * labels are compared from the right, and at the first difference a name comes before a "*", and a
 * "*" for one label before one for several. */
#ifndef OPENILS_PLAN_ROUTE_H
#define OPENILS_PLAN_ROUTE_H

#include "base/mem.h"
#include "plan/entry.h"

#define ROUTE_TARGETS_MAX 8   /* of one pattern */
#define ROUTE_TARGET_MAX  255 /* bytes of a target */
#define ROUTE_PRIORITY    10  /* of a first target; each that is added behind it has so much more */
#define ROUTE_WEIGHT      10
#define ROUTE_SELF_MAX    4096 /* bytes of the list of one's own addresses */

enum transport {
    TRANSPORT_NONE, /* none given: as RFC 3263 finds it */
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_SCTP,
    TRANSPORT_WS,
    TRANSPORT_WSS,
    TRANSPORTS,
};

/* The word in a URI, static text; empty for TRANSPORT_NONE. */
struct slice transport_text(uint8_t transport);

/* Which dialled strings with a host are telephone numbers: those whose user part consists of these
 * characters. What has no host is a number always, what has the scheme tel: too. */
enum dial_policy {
    DIAL_PHONE,      /* 0-9, * and + */
    DIAL_PHONE_ABCD, /* and A-D */
    DIAL_URI,        /* none: always a URI */
    DIAL_POLICIES,
};

struct lookup_rules {
    uint8_t dial;   /* enum dial_policy */
    bool uri_case;  /* user parts of URIs are compared with case */
    bool as_domain; /* where no route covers it, a route string is a domain to call (RFC 3263) */
};

/* One target of a pattern; slices live until the next change. */
struct route {
    struct slice pattern;
    struct slice target;   /* sip: or sips:, [user@]host[:port][;transport=word] */
    bool secure;           /* sips: */
    struct slice place;    /* of target: all behind the user */
    struct slice host;     /* an IPv6 address in its brackets */
    uint16_t port;         /* 0: none given */
    uint8_t transport;     /* enum transport */
    uint16_t priority;     /* the smaller is tried first */
    uint16_t weight;       /* among those of one priority, how often first */
    bool self;             /* one's own address (routes_use_self): no call goes there */
};

/* Reads a target: its canonical form, all but its user in lower case; the parts are slices of
 * scratch. Pattern, priority and weight are the caller's. False: it is none. */
bool route_target_parse(struct slice text, uint8_t scratch[static ROUTE_TARGET_MAX],
                        struct route *ret);

struct routes;
struct routes *routes_new(struct mem *mem);
/* All the same, for a reader of its own; NULL: memory. */
struct routes *routes_clone(const struct routes *r, struct mem *mem);
void routes_free(struct routes *r);

/* Counts up with everything that changes. */
uint64_t routes_changes(const struct routes *r);

void routes_use_rules(struct routes *r, const struct lookup_rules *rules);
const struct lookup_rules *routes_rules(const struct routes *r);

/* list: addresses at which this cluster itself answers, "host:port", a blank between, in lower
 * case; it is copied. False: memory, or more than ROUTE_SELF_MAX; then nothing has changed. */
bool routes_use_self(struct routes *r, struct slice list);
/* Whether a call to host and port (0: the default of secure) would come back here. */
bool routes_is_self(const struct routes *r, struct slice host, uint16_t port, bool secure);

/* pattern and target are checked: ENTRY_ERROR_HOST for a bad pattern, ENTRY_ERROR_CHARACTER for a
 * target that is no plain sip: or sips: URI (host, port, transport; no headers). The same pattern
 * may have several targets: ENTRY_ERROR_TOO_LONG beyond ROUTE_TARGETS_MAX. A pair that is there
 * already gets the new priority and weight. */
enum entry_error routes_put(struct routes *r, struct slice pattern, struct slice target,
                            uint16_t priority, uint16_t weight);
/* Behind those of the pattern that are there; a pair that is there already stays as it is. */
enum entry_error routes_add(struct routes *r, struct slice pattern, struct slice target);
/* What priority routes_add gives. */
uint16_t routes_next_priority(const struct routes *r, struct slice pattern);
/* target empty: all targets of the pattern. Number of routes removed. */
size_t routes_remove(struct routes *r, struct slice pattern, struct slice target);

size_t routes_count(const struct routes *r);
/* i < routes_count: by pattern, and in the order in which they are tried. */
void routes_at(const struct routes *r, size_t i, struct route *ret);
void routes_get(const struct routes *r, size_t i, struct slice *ret_pattern,
                struct slice *ret_target);
/* The place of a pair; false: there is none. */
bool routes_has(const struct routes *r, struct slice pattern, struct slice target, size_t *ret_i);

/* The most specific pattern that covers the route string; false when none does. */
bool routes_find(const struct routes *r, struct slice route_string, size_t *ret_first,
                 size_t *ret_n); /* routes ret_first .. +n-1 in routes_at's order */
/* Every pattern that covers it, as the places of their first targets, the most specific first; at
 * most max. Returns how many. */
size_t routes_covering(const struct routes *r, struct slice route_string, size_t *out, size_t max);

/* Whether the pattern covers the name: neither need be in lower case. */
bool route_covers(struct slice pattern, struct slice route_string);
/* Of two patterns, which decides: negative: a. */
int route_order(struct slice a, struct slice b);

#endif
