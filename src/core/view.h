/* view: what the core knows, read by the daemon between two steps. Slices are valid until the next
 * ils_step. Nothing here changes anything. */
#ifndef OPENILS_CORE_VIEW_H
#define OPENILS_CORE_VIEW_H

#include "core/ils.h"
#include "plan/policy.h"

/* May this cluster write? */
enum view_writing {
    WRITING,
    WRITING_WAITS,       /* after a start, for a neighbour's list (10 s at most) */
    WRITING_CLONE,       /* no: another copy of it is running */
    WRITING_ROLLED_BACK, /* no: the neighbours hold a newer plan of it than it does itself */
};

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
    bool draining;                    /* a hub that is about to be a spoke */
    bool leaving;
    bool exchange;                    /* Exchange Global Dial Plan Replication Data ...; durable */
    bool introductions;               /* what hubs introduce is imported */
    uint16_t minutes;                 /* Synchronize Clusters Every */
    enum view_writing writing;
    bool plan_damaged;             /* in the store, and not fetched from anybody */
    bool only_self;                   /* WRITING_ROLLED_BACK: its plan is as others hold it, what it
                                       * says of itself is not */
    uint64_t theirs_usn;              /* WRITING_ROLLED_BACK: of the plan as others hold it, or of
                                       * stream 0 where only_self */
    uint64_t theirs_epoch;
    bool rival;                       /* WRITING_ROLLED_BACK: somebody else goes on in its name */
    bool nobody_gives;                /* WRITING_ROLLED_BACK: theirs was shown, and does not come;
                                       * or all who are linked have what is here */
    bool displaced;                   /* WRITING_CLONE: the other one came while this was linked */
    size_t hubs, hubs_linked;         /* other hubs that are known, and linked with this cluster */
    bool clock_wrong;                 /* by years */
};
void view_self(const struct ils *ils, struct view_self *ret);

/* By which date certificates are to be verified while the clock says `now`. */
wall view_date(const struct ils *ils, wall now);

/* Of a core that follows (core/follow.c); false: this one writes. */
struct view_follow {
    struct slice writer; /* empty: not known */
    size_t missing;      /* segments that are listed, and were not given yet */
    bool busy;           /* there is more to serve of what was given */
    bool has_key;        /* whose cluster it is is known */
};
bool view_follow(const struct ils *ils, struct view_follow *ret);

/* The table of half-open links: how many now, how many there may be, and how many had to go since
 * the start because it was full. */
struct view_gate {
    uint64_t half_open, most, evicted;
};
void view_gate(const struct ils *ils, struct view_gate *ret);

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
    uint16_t port, tls_port;    /* likewise; 0 = not known */
    enum ils_role role;
    bool alone;                 /* local: in no network, or in none that it was to join */
    uint8_t hub[PEER_ID_SIZE];  /* spoke: who serves it, as it last said; zeros: not known */
    wall last_contact;          /* 0 = never, or the local row */
    wall last_usn;              /* when data last came */
    uint64_t usn, entries;      /* of its dial plan as served here */
    uint64_t epoch;             /* likewise; 0: none is */
    uint8_t root[HASH_SIZE];
    enum sync_status status;
    uint64_t status_n, status_m;
    bool linked;                /* by a link of our own */
    bool met;                   /* ever proved itself on a link of our own */
    bool disconnected;          /* by an operator ... */
    bool disconnected_here;     /* ... of this end, who alone can connect it again */
    bool registered;            /* this cluster registered with it, whatever serves it now */
    bool stale;
    bool silent;                /* it has said nothing for two of its intervals */
    int64_t signed_s;           /* seconds since it last signed its plan, as far as heard here */
    bool duplicate;             /* another cluster has the same id: shown as id~peer */
    bool draining;
    uint8_t met_method;         /* enum method of the last link; 0 = none */
    wall met_first, met_last;
    enum cert_rule met_rule;    /* by which the certificate passed when last met */
    struct slice certificate;   /* fingerprint (32 bytes) of what it presented last; empty = none */
    struct slice certificate_name;
    wall certificate_ends;      /* end date of it; 0 = none */
    bool link_tls;
    struct address link_peer;   /* when linked */
    bool link_dialler;
    wall link_since;
    enum code next_code;        /* what it says of one's next certificate (view_own_waiting) */
};

/* The same rows but the local one, in their order, with what costs nothing to say: what goes
 * through all of them often needs no more. *at is NULL at first; false after the last. Nothing may
 * happen to the core in between. */
struct view_row {
    uint8_t key[KEY_SIZE], peer_id[PEER_ID_SIZE];
    bool linked, met, disconnected, disconnected_here;
    uint64_t usn, epoch;        /* of its plan, as it is served here */
    uint8_t root[HASH_SIZE];
};
bool view_next(const struct ils *ils, const void **at, struct view_row *ret);

/* Whether that hub's roster, as it is held here, lists that cluster. */
bool view_lists(const struct ils *ils, const uint8_t hub[static KEY_SIZE],
                const uint8_t key[static KEY_SIZE]);

/* Row i = 0 is the local cluster; false beyond the last. */
bool view_cluster(const struct ils *ils, size_t i, struct view_cluster *ret);

/* The mesh: for each other cluster that this one wants to be linked to, or to visit. */
enum view_contact_why {
    CONTACT_HUB,       /* hub to hub */
    CONTACT_HOME,      /* a spoke's registration server, as far as it is known who that is */
    CONTACT_SERVES,    /* a spoke's alternate that serves it now */
    CONTACT_ALTERNATE, /* a spoke's: to be met once */
};
struct view_contact {
    enum view_contact_why why;
    uint8_t peer_id[PEER_ID_SIZE];
    struct slice cluster_id;
    struct slice address;      /* where it is dialled */
    uint16_t port;
    bool linked, visited;      /* visited: met as both ends are now */
    bool draining;             /* it is about to be a spoke */
    enum code last_code;       /* of the last attempt; CODE_NONE: none failed */
    uint32_t attempts;         /* that failed in a row */
    int64_t since_s;           /* seconds since when it is not linked (visited); 0 = it is */
    int64_t next_s;            /* seconds to the next attempt; -1 = one is under way, or none */
};
bool view_contact(const struct ils *ils, size_t i, struct view_contact *ret);

/* Who has what: what `holder` serves of `origin`, as far as it is known here. holder and origin
 * count as in view_cluster (0 = this cluster). False: beyond the last of either. */
struct view_holds {
    bool known;           /* false: nothing is known of it; all below is 0 then */
    bool exact;           /* of this cluster, or of a neighbour by its own word on the link; false:
                           * as the holder said at `at` */
    wall at;              /* of when that is */
    uint64_t epoch, usn;  /* of the plan, served there */
    uint64_t newest;      /* the newest USN of it that is known here */
    int64_t lag_s;        /* since it is behind the newest known here; 0 = it is not */
    bool digest_equal;    /* same epoch, USN and root as are served here */
    enum sync_status status;
    struct slice error;   /* what last went wrong; empty = nothing. Of this cluster alone */
    wall since;           /* of status, where it is not SYNC_UP_TO_DATE; of error */
};
bool view_holds(const struct ils *ils, size_t holder, size_t origin, struct view_holds *ret);

/* Where a cluster is forgotten: at a hub for the whole network; at a spoke for itself alone, where
 * no hub knows that cluster any more. */
enum forget_where {
    FORGET_HERE,
    FORGET_AT_HUB, /* at *ret_hub, a cluster id, or any other hub */
    FORGET_UNSEEN, /* a spoke that is linked with no hub: it is not known whether one knows it */
};
enum forget_where view_forget(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                              struct slice *ret_hub);

/* Who left, was forgotten or banned. */
struct view_ended {
    uint8_t peer_id[PEER_ID_SIZE];
    struct slice name;        /* its cluster id then; empty: not known */
    bool banned, left, unbanned; /* none: forgotten */
    uint64_t epoch, usn;
    uint8_t author[PEER_ID_SIZE];
    struct slice author_name; /* cluster id where known */
};
bool view_ended(const struct ils *ils, size_t i, struct view_ended *ret);

/* Passwords held, without the secret. */
struct view_password {
    uint16_t generation;
    bool preferred;
};
bool view_password(const struct ils *ils, size_t i, struct view_password *ret);
/* The stretched form itself, for the live test alone; the caller wipes it. False: none held. */
bool view_password_stretched(const struct ils *ils, uint16_t generation, uint8_t ret[static 32]);

bool view_alarm(const struct ils *ils, size_t i, struct alarm_row *ret);

/* The last verdicts, newest first (64 are kept). */
bool view_verdict(const struct ils *ils, size_t i, struct verdict *ret);

/* The join under way or kept up: state of the link to the registration server. */
struct view_join {
    bool wanted;               /* a registration server is set */
    bool up;                   /* linked with it; of a hub: and it is one still */
    uint32_t attempts;         /* since it was last up */
    tick next;                 /* when the next attempt begins, TICK_NEVER when one is under way */
    enum code last_code;       /* of the last attempt that failed; CODE_NONE = none */
};
void view_join(const struct ils *ils, struct view_join *ret);

/* One's own certificate: which = 0 in use, 1 announced as the next. False: none. */
struct view_own {
    struct slice leaf, chain, key; /* DER; key: PKCS#8, secret */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct slice subject;
    wall not_before, not_after;
    bool self_signed, made;
    bool ends_soon;                /* a third of its life is left, 30 days at most */
    size_t waiting;                /* next: neighbours that do not have it yet */
};
bool view_own(const struct ils *ils, size_t which, struct view_own *ret);
/* Neighbour i that does not have the next certificate yet (its row in the table of clusters);
 * next_code: why it would refuse it, CODE_NONE: it has not said. */
bool view_own_waiting(const struct ils *ils, size_t i, struct view_cluster *ret);

/* What lies in the trust store. */
struct view_trust {
    enum trust_kind kind;
    struct slice der, subject;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    bool authority;
    wall not_after, added;
    struct slice source; /* "import", "verdict ...", "invite", "announced by X" */
};
bool view_trust(const struct ils *ils, size_t i, struct view_trust *ret);

/* Certificates that were refused here, newest first. */
struct view_refused {
    struct slice der, subject;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    enum code code;
    uint8_t verdict_id[VERDICT_ID_SIZE]; /* of the last time */
    struct address peer;
    wall first, last;
    uint64_t count;
    bool imported;       /* since then */
};
bool view_refused(const struct ils *ils, size_t i, struct view_refused *ret);

struct view_invite {
    uint8_t id[INVITE_ID_SIZE];
    wall made, expires;
    unsigned failures;
    bool spent;
    struct slice by;     /* cluster id or peer id of who used it */
};
bool view_invite(const struct ils *ils, size_t i, struct view_invite *ret);

/* Readiness for TLS of cluster i of view_cluster (i >= 1): could the two ends link by `method`
 * (METHOD_TLS or METHOD_TLS_PASSWORD)? CODE_NONE: not known yet. */
struct view_ready {
    bool known_here, known_there; /* whether each end has judged */
    enum code here;   /* CODE_JOINED, or why this end would refuse its certificate */
    enum code there;  /* likewise, the other end ours */
    bool accepts;     /* it accepts the method when dialled */
    enum cert_rule rule; /* by which its certificate passes here */
    bool linked;
    struct slice fingerprint; /* of the certificate that it announced; empty: not known_here */
    struct slice der;         /* that certificate */
};
bool view_ready(const struct ils *ils, size_t i, uint8_t method, struct view_ready *ret);

/* What this end would make of a certificate shown by a cluster that was dialled as `host` by
 * `method`, before its key is proved: CODE_NONE, and the rule by which it would pass (RULE_NONE: if
 * the key is that of the cluster met under its name), or why not. */
enum code view_certificate(const struct ils *ils, const struct certificate *c, uint8_t method,
                           struct slice host, enum cert_rule *ret_rule);

/* Imported catalogs: one's own, and those of other hubs. */
struct view_catalog {
    bool own;
    uint8_t peer_id[PEER_ID_SIZE]; /* as it is shown: H("catalog", key, number) */
    uint64_t number;               /* of the stream */
    struct slice name, route_string;
    struct slice description;      /* one's own alone; else empty */
    struct slice origin;           /* cluster id of the hub */
    uint64_t entries, usn, epoch;
    uint8_t root[HASH_SIZE];
    bool stale;
    enum sync_status status;
    wall last_usn;                 /* when data last came */
};
bool view_catalog(const struct ils *ils, size_t i, struct view_catalog *ret);
/* One's own with that name, and its number; NULL: there is none. */
const struct catalog *view_own_catalog_named(const struct ils *ils, struct slice name,
                                             uint64_t *ret_number);

/* The log of one's own plans (core/planlog.h). */
struct view_planlog {
    uint64_t first, last; /* numbers that are kept; last = 0: none */
    uint64_t confirm;     /* the change that waits to be confirmed; 0 = none ... */
    wall until;           /* ... and when it is to be taken back */
    bool rolling;         /* a rollback of several streams was begun and is not done: ... */
    uint64_t rolling_to;  /* ... everything after that change goes */
    uint64_t rolling_last; /* the newest change that it made; less than `last`: it goes on no more
                            * by itself */
};
void view_planlog(const struct ils *ils, struct view_planlog *ret);
/* Learned data: the rules of what is made of it (plan/policy.h). */
const struct policy *view_policy(const struct ils *ils);

/* Other clusters' plans and catalogs as they are served here: for whoever goes through them. */
struct view_plan {
    uint8_t key[KEY_SIZE];
    uint64_t number;              /* of the stream */
    uint8_t peer_id[PEER_ID_SIZE];
    struct slice cluster_id, route_string;
    const struct catalog *catalog; /* valid until the next ils_step */
    uint64_t entries;
    bool stale, served;           /* served: to lookups */
    int64_t age_s;                /* since its origin last signed it, as far as heard here */
};
bool view_plan_at(const struct ils *ils, size_t i, struct view_plan *ret);

/* Two clusters that have entries in common, as they were counted last. */
struct view_duplicate {
    struct slice winner, loser;   /* cluster ids, of the example */
    uint64_t winner_number, loser_number; /* of the streams */
    uint64_t count;
    uint8_t kind;                 /* of the example */
    struct slice example;
    enum loser_rule rule;         /* by which the winner comes first */
    uint32_t block;               /* LOSER_BLOCKED: by which the loser is not served */
    struct slice subject;         /* of the alarm */
};
bool view_duplicate(const struct ils *ils, size_t i, struct view_duplicate *ret);
/* Plans that are yet to be looked through. */
size_t view_scans(const struct ils *ils);

/* What is not served as it came. */
enum view_held_why { HELD_SHRUNK, HELD_QUOTA, HELD_ILLEGAL };
struct view_held {
    enum view_held_why why;
    struct slice cluster_id;
    uint8_t peer_id[PEER_ID_SIZE];
    uint64_t number;              /* of the stream */
    bool own;                     /* one's own: of HELD_SHRUNK, others hold it */
    uint64_t served, newest, peak; /* entries: served here; as its newest head says; at most */
    uint64_t illegal;             /* records that are not sound ... */
    struct slice example;         /* ... such as this */
    wall since;                   /* 0 = not known */
    struct slice gone;            /* of HELD_QUOTA: whose plan counts though it is reached no more:
                                   * the former identity of that cluster, else who is silent for
                                   * long and has the most entries; n = 0: nobody */
    uint64_t gone_live;           /* its entries */
    bool gone_here;               /* forgotten here, not at a hub */
};
bool view_held(const struct ils *ils, size_t i, struct view_held *ret);

/* Every bound, and how much of it is used. */
struct view_limit {
    const char *name;             /* static, "learned": as in `ils limits` */
    uint64_t used, most, near;    /* near: an alarm from there on; 0 = none */
    bool settable;
};
bool view_limit(const struct ils *ils, size_t i, struct view_limit *ret);

/* What COMMAND_PLAN, CATALOG_ADD or CATALOG_REMOVE would do now, judged as it would be; nothing is
 * changed by asking. Where only too much of a source would go, it is told what would, and `shrinks`
 * is set. */
enum view_effect_what { VIEW_ADDED, VIEW_REMOVED, VIEW_CHANGED, VIEW_EFFECTS };
struct view_effect {
    enum view_effect_what what;
    struct change change;
    struct slice was_value, was_source; /* of what is there; VIEW_ADDED: nothing is */
};
struct view_preview {
    struct arena arena;
    struct slice text;       /* of the reply, and of `shrinks`: how many of how many would go */
    bool shrinks;            /* it would be refused without `force` or `confirm` */
    uint64_t n[VIEW_EFFECTS], unchanged;
    struct view_effect *effect;
    size_t effect_n, effect_size;
    uint8_t key[KEY_SIZE];   /* the catalog that would change: whose, its number ... */
    uint64_t number;
    struct slice name;       /* ... and what it is called; of the plan, the cluster id */
    struct slice route_string; /* of a catalog that would be made */
};
/* REPLY_OK, or why it would be refused; the slices are those of the plan, of c and of ret's arena,
 * which is made of mem. view_preview_free in any case. */
enum reply view_preview(const struct ils *ils, struct mem *mem, const struct command *c,
                        struct view_preview *ret);
void view_preview_free(struct view_preview *p);

/* What COMMAND_CONFIGURE would make of this cluster, judged as it would be. */
enum view_home {
    HOME_STAYS,  /* whom it registers with */
    HOME_JOINS,  /* it registers with host and port anew: there will be a verdict */
    HOME_DRAINS, /* a hub that becomes a spoke of one that it is linked with, `chosen` */
    HOME_NONE,   /* it registers with nobody any more */
};
struct view_configure {
    enum config_field wrong; /* refused: the field that is not good, and ... */
    struct slice text;       /* ... the reply's text */
    uint32_t changes;        /* bit (1 << enum config_field) of each that would be another */
    enum ils_role role;
    struct slice host;
    uint16_t port;
    bool exchange;
    struct slice route_string;
    uint16_t minutes;
    struct auth auth;        /* set_* are unused */
    enum view_home home;
    bool leaves;             /* a hub that nobody needs: it leaves its own network first */
    uint8_t chosen[KEY_SIZE];
};
/* REPLY_OK, or why it would be refused; slices are those of the core, of c and of a. */
enum reply view_configure(const struct ils *ils, struct arena *a, const struct command *c,
                          struct view_configure *ret);

const struct plan *view_plan(const struct ils *ils);
const struct routes *view_routes(const struct ils *ils);
/* The own dial plan's catalog (STREAM_PLAN), for `plan show` and `plan export`. */
const struct catalog *view_own_catalog(const struct ils *ils);

#endif
