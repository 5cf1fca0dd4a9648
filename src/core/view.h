/* view: what the core knows, read by the daemon between two steps. Slices are valid until the next
 * ils_step. Nothing here changes anything. */
#ifndef OPENILS_CORE_VIEW_H
#define OPENILS_CORE_VIEW_H

#include "core/ils.h"

struct view_self {
    bool initialised;
    struct slice cluster_id, fqdn, description, route_string;
    enum ils_role role;
    uint8_t key[KEY_SIZE];
    uint8_t peer_id[PEER_ID_SIZE];
    uint8_t network[NETWORK_ID_SIZE]; /* zeros: none yet */
    uint64_t boot;
    struct auth auth;                 /* set_* are unused */
    struct slice hub_host;            /* registration server; empty = none */
    uint16_t hub_port;
    uint64_t usn;                     /* of the own dial plan */
    uint64_t entries;
    uint8_t trace_level;
    uint64_t serving;                 /* links established now */
};
void view_self(const struct ils *ils, struct view_self *ret);

enum sync_status {
    SYNC_UP_TO_DATE,
    SYNC_SYNCHRONIZING, /* n of m segments */
    SYNC_BEHIND,        /* n heads */
    SYNC_DISCONNECTED,
    SYNC_HELD,
    SYNC_HELD_QUOTA,
    SYNC_DIGEST_DIFFERS,
};

/* One row of the clusters table. */
struct view_cluster {
    bool local;
    uint8_t key[KEY_SIZE];
    uint8_t peer_id[PEER_ID_SIZE];
    struct slice cluster_id, fqdn, description, version, route_string;
    struct slice address;       /* advertised */
    enum ils_role role;
    wall last_contact;          /* 0 = never, or the local row */
    wall last_usn;              /* when data last came */
    uint64_t usn, entries;      /* of its dial plan as served here */
    enum sync_status status;
    uint64_t status_n, status_m;
    bool linked;                /* by a link of our own */
    bool met;                   /* ever proved itself on a link of our own */
    bool disconnected;          /* by an operator */
    bool stale;
    uint8_t met_method;         /* enum method of the last link; 0 = none */
    wall met_first, met_last;
    struct address link_peer;   /* when linked */
    bool link_dialler;
    wall link_since;
};

/* Row i = 0 is the local cluster; false beyond the last. */
bool view_cluster(const struct ils *ils, size_t i, struct view_cluster *ret);

/* Passwords held, without the secret. */
struct view_password {
    uint16_t generation;
    bool preferred;
};
bool view_password(const struct ils *ils, size_t i, struct view_password *ret);

bool view_alarm(const struct ils *ils, size_t i, struct alarm_row *ret);

/* The last verdicts, newest first (64 are kept). */
bool view_verdict(const struct ils *ils, size_t i, struct verdict *ret);

/* The join under way or kept up: state of the link to the registration server. */
struct view_join {
    bool wanted;               /* a registration server is set */
    bool up;
    uint32_t attempts;         /* since it was last up */
    tick next;                 /* when the next attempt begins, TICK_NEVER when one is under way */
    enum code last_code;       /* of the last attempt that failed; CODE_NONE = none */
};
void view_join(const struct ils *ils, struct view_join *ret);

const struct plan *view_plan(const struct ils *ils);
const struct routes *view_routes(const struct ils *ils);
/* The own dial plan's catalog (STREAM_PLAN), for `plan show` and `plan export`. */
const struct catalog *view_own_catalog(const struct ils *ils);

#endif
