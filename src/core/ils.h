/* ils: one cluster's part in an ILS network, as a pure function: step(core, event) -> actions.
 *
 * The core never reads a clock, opens a socket, draws entropy or allocates outside the budget it
 * was given. Everything it knows arrives in an event; everything it wants leaves in an action. Same
 * state and same events = same actions, byte for byte, on every machine.
 *
 * Ownership: event memory belongs to the caller and is read only during the call; action memory
 * belongs to the core and is valid until the next ils_step on that core. Whoever must keep, copies.
 *
 * Durability order: what a STORE action promises is spoken of (sent, replied) only after the
 * matching STORED event. The caller performs actions in the order given. */
#ifndef OPENILS_CORE_ILS_H
#define OPENILS_CORE_ILS_H

#include "base/certificate.h"
#include "base/mem.h"
#include "base/tick.h"
#include "core/code.h"
#include "core/event.h"
#include "link/binder.h"
#include "link/hello.h"
#include "plan/lookup.h"
#include "plan/origin.h"
#include "plan/plan.h"

struct ils;

enum ils_role { ROLE_STANDALONE = 0, ROLE_HUB = 1, ROLE_SPOKE = 2 };

#define CLUSTER_ID_DEFAULT    "StandAloneCluster" /* of the original: nobody's */
#define PORT_TLS_DEFAULT      7501
#define PORT_PASSWORD_DEFAULT 7502
#define HOST_TEXT_MAX         253
#define ADDRESS_TEXT_MAX      46 /* IPv6 text, without scope */
#define DESCRIPTION_MAX       128
#define PASSWORDS_MAX         3
#ifdef OPENILS_PEERS_MAX /* ilssim-scaling has more */
#define PEERS_MAX             OPENILS_PEERS_MAX
#else
#define PEERS_MAX             200
#endif
#define LINK_ACCEPTED         UINT32_C(0x80000000) /* set in ids of links that were accepted */

/* --- rows: what the store keeps. One key space each; keys and values are the core's business. */
enum row_space {
    ROW_SETTING = 0,
    ROW_PASSWORD,
    ROW_PEER,
    ROW_ROUTE,
    ROW_STREAM,  /* key: 32 key, u64 number; value: u32 head length, head, manifest lines */
    ROW_SEGMENT, /* key: as its stream, then 32 name; value: the bytes */
    ROW_ALARM,
    ROW_AUDIT,   /* key: u64 wall time, u32 counter; value: u8 length who, who, what */
    ROW_TRUST,   /* key: 32 fingerprint; value: see core/trust.c */
    ROW_REFUSED, /* key: 32 fingerprint; value: likewise */
    ROW_INVITE,  /* key: 8 id; value: see core/invite.c */
    ROW_PLAN_LOG, /* changes of one's own plans and how they are undone; not given at a start */
    ROW_SOURCE,  /* key: its name; value: where the daemon takes entries from (daemon/source) */
    ROW_POLICY,  /* what is made of learned data: blocks, bounds, preferences */
    ROW_DOOR,    /* key: of a door or a token; value: how it is set up (daemon/doors) */
    ROW_SPACES,
};

struct row {
    uint8_t space; /* enum row_space */
    struct slice key;
    struct slice value;
    bool remove; /* value is ignored */
    bool below;  /* remove: every row with a smaller key, and not that of this key */
};

/* --- events */

enum ils_event_type {
    ILS_EV_ROW,       /* one stored row; all of them before START, in the order of enum row_space;
                       * following: also what changed since, in that order, up to WHOLE */
    ILS_EV_START,     /* all rows were given */
    ILS_EV_ACCEPTED,  /* a connection came in */
    ILS_EV_CONNECTED, /* a connection asked for by OPEN stands */
    ILS_EV_SECURED,   /* TLS only: the handshake is finished; nothing was judged yet */
    ILS_EV_CERTIFICATE, /* TRUST was performed: the certificate of a live TLS link, verified anew */
    ILS_EV_VERIFIED,  /* the answer to VERIFY */
    ILS_EV_DATA,      /* bytes arrived; on TLS: what was opened */
    ILS_EV_ROOM,      /* something of what was sent was taken; how many unsent bytes are left */
    ILS_EV_DOWN,      /* the link is gone, or could not be opened */
    ILS_EV_STORED,    /* a batch is durable, or failed */
    ILS_EV_DEADLINE,  /* the time asked for by ils_deadline has come (or nothing else happened) */
    ILS_EV_FOLLOW,    /* another process writes this cluster's store, data is its name: this core
                       * follows from now on (core/follow.c). Before all rows, or when it wrote
                       * until now, or again when the name is another one */
    ILS_EV_WHOLE,     /* following: the rows given since START, or since the last time, are all
                       * that changed up to some moment */
    ILS_EV_COMMAND,   /* the operator, or the daemon on his behalf */
};

/* Why a link went down, or did not come up. */
enum down_reason {
    DOWN_CLOSED = 0,   /* orderly end of stream */
    DOWN_RESET,        /* reset, or another error on a connection that stood */
    DOWN_REFUSED,      /* connection refused */
    DOWN_TIMEOUT,      /* no answer to the connection request */
    DOWN_UNREACHABLE,  /* no route */
    DOWN_UNRESOLVED,   /* the name does not resolve */
    DOWN_TLS,          /* what came is not TLS 1.3 with a protocol of ours, or was altered */
    DOWN_ALERT,        /* the other end broke TLS off with an alert */
};

/* What a finished TLS handshake proved and made. Lent for the step. */
struct secured {
    bool invite;                 /* ALPN ils-invite/1, else ils/1 */
    uint8_t client_random[32];
    uint8_t exporter[32];        /* RFC 8446, 7.5; label "EXPORTER-ils/1" */
    struct slice spki_mine;      /* of the certificate that this end showed */
    uint8_t mine[FINGERPRINT_SIZE];
    struct certificate peer;
};

/* OpenSSL's record of a TLS failure. */
struct tls_error {
    struct slice text[3];        /* reason, library, function */
    uint32_t number[3];
};

#define INVITE_ID_SIZE     8
#define INVITE_SECRET_SIZE 16

/* What a token says (cli/token.h makes text of it). */
struct invite {
    uint8_t id[INVITE_ID_SIZE];
    uint8_t secret[INVITE_SECRET_SIZE];
    uint8_t hub[HASH_SIZE];      /* H("invite hub", key of the hub that made it) */
    wall expires;
};

struct address {
    char ip[ADDRESS_TEXT_MAX + 1]; /* numeric text */
    uint16_t port;
};

enum command_type {
    COMMAND_INIT,        /* cluster_id, fqdn, description, route_string */
    COMMAND_CONFIGURE,   /* fields: which of role, host, port, auth (tls, password, accept), raise
                          * (the exchange), minutes, route_string, generation and stretched are
                          * given: all of them at once or none; host empty: nobody; now: as of
                          * ROLE */
    COMMAND_ROLE,        /* role: hub; standalone; spoke: a hub drains first, and whoever waits is
                          * answered when it is a spoke, or at once where `now`; standalone, the
                          * only hub that spokes have: where `now` */
    COMMAND_JOIN,        /* host, port, role */
    COMMAND_DISCONNECT,  /* cluster */
    COMMAND_CONNECT,     /* cluster */
    COMMAND_AUTH,        /* auth */
    COMMAND_PASSWORD_ADD,    /* generation, stretched: replaces the same generation */
    COMMAND_PASSWORD_PREFER, /* generation */
    COMMAND_PASSWORD_DROP,   /* generation */
    COMMAND_PLAN,        /* source, replace, change[]; force, confirm, undoes */
    COMMAND_CATALOG_ADD, /* cluster_id: its name, route_string, description; to bring one back
                          * (undoes): what it had (change), stream: its number, if that is free */
    COMMAND_CATALOG_REMOVE, /* cluster_id: its name */
    COMMAND_CATALOG_ADOPT, /* cluster_id: its name, cluster: whose it is; description */
    COMMAND_PLAN_CONFIRM, /* what waits to be confirmed stays */
    COMMAND_ROUTE_ADD,   /* pattern, target; priority, weight */
    COMMAND_ROUTE_REMOVE,/* pattern, target or empty */
    COMMAND_TRACE_LEVEL, /* level */
    COMMAND_ALARM,       /* alarm, subject, raise: an alarm that only the driver can see */
    COMMAND_STOP,        /* the daemon ends: goodbye on every link, no reply */
    COMMAND_CERTIFICATE, /* own: own certificate, `now`: do not wait for the neighbours */
    COMMAND_CERTIFICATE_NOW, /* the announced certificate is used from now on, whoever lacks it */
    COMMAND_TRUST_ADD,   /* trust[]: all or none; source: where they come from */
    COMMAND_TRUST_REMOVE,/* what: fingerprint in hex, or the beginning of it (8 digits at least) */
    COMMAND_TRUST_VERDICT, /* verdict_id: imports the certificate that was refused under it */
    COMMAND_INVITE,      /* invite: one is opened */
    COMMAND_INVITE_REMOVE, /* invite.id */
    COMMAND_DESCRIBE,    /* cluster_id, fqdn, description, route_string where not empty */
    COMMAND_LEAVE,       /* says so to all, then standalone; the only hub that spokes have: where
                          * `now` */
    COMMAND_FORGET,      /* cluster: all drop its data, until it comes back anew. At a spoke: only
                          * what no hub knows, and here alone. OK's text: another hub that lists it,
                          * if it was heard of lately */
    COMMAND_BAN,         /* cluster: never again, but after ... */
    COMMAND_UNBAN,       /* cluster: it may come back, as one that was forgotten */
    COMMAND_IDENTITY_NEW,/* cluster_id, fqdn; own: a certificate with the new name (may be empty) */
    COMMAND_NETWORK_ADOPT, /* the registration server's network in place of one's own */
    COMMAND_REBUILD,     /* what the neighbours hold of one's plan becomes it */
    COMMAND_RESTORE,     /* one's own plan as it is here is written again above theirs */
    COMMAND_EXCHANGE,    /* raise: on */
    COMMAND_SYNC_EVERY,  /* minutes: 1..1440 */
    COMMAND_INTRODUCTIONS, /* raise: on */
    COMMAND_SOURCE,      /* source, value: one row of the daemon's is stored; empty: it goes */
    COMMAND_DOOR,        /* source, value: likewise, of a door */
    COMMAND_BLOCK_ADD,   /* level: enum policy_type; pattern, prefix, cluster, description */
    COMMAND_BLOCK_REMOVE,/* number */
    COMMAND_ACCEPT,      /* cluster; domain[], prefixes[]: nothing else of it; none: everything */
    COMMAND_PREFER,      /* clusters[]: of duplicates theirs first, in this order; none: no order */
    COMMAND_RELEASE,     /* cluster, number: of its stream; what is held is served here */
    COMMAND_CONFIRM,     /* that one's own plan shrank is meant so */
    COMMAND_LEARNED_MAX, /* number: of learned entries, at most */
    COMMAND_LOOKUP,      /* lookup: how what is dialled is read */
    COMMAND_SELF,        /* value: where this cluster itself answers (routes_use_self) */
};

#define SYNC_MINUTES_MAX 1440

/* What COMMAND_CONFIGURE may change, in the order in which it is judged. */
enum config_field {
    CONFIG_ROLE,
    CONFIG_HOST,
    CONFIG_PORT,
    CONFIG_EXCHANGE,
    CONFIG_ROUTE_STRING,
    CONFIG_MINUTES,
    CONFIG_TLS,
    CONFIG_PASSWORD,  /* it is offered */
    CONFIG_STRETCHED, /* the password itself, and its generation */
    CONFIG_GENERATION,
    CONFIG_ACCEPT,
    CONFIG_FIELDS
};

struct auth {
    bool tls, password; /* what this cluster offers when it dials: the two boxes */
    bool set_tls, set_password, set_accept; /* which of them a COMMAND_AUTH changes */
    uint8_t accept;     /* bit (1 << method) for each enum method accepted; 0: what is offered */
};

/* What the two boxes offer, an enum method (METHOD_NONE: neither is ticked); and what is taken from
 * those who dial, a bit (1 << method) for each (0: nothing). */
uint8_t auth_offers(const struct auth *auth);
uint8_t auth_accepts(const struct auth *auth);

/* One's own certificate, as the driver made or read it. */
struct own_certificate {
    struct certificate leaf;
    struct slice chain;  /* DER of the certificates that follow it, one after the other */
    struct slice key;    /* PKCS#8, DER */
    bool made;           /* by the daemon, which renews it by itself before it ends */
};

/* What may lie in the trust store. */
enum trust_kind { TRUST_CERTIFICATE = 0, TRUST_CRL = 1 };
struct trust_item {
    enum trust_kind kind;
    struct slice der;
    uint8_t fingerprint[FINGERPRINT_SIZE]; /* SHA-256 of der */
    struct slice subject;  /* of a CRL: its issuer */
    wall not_after;        /* of a CRL: next update; 0 = none */
    bool authority;
};

struct command {
    enum command_type type;
    uint32_t fields;    /* CONFIGURE: bit (1 << enum config_field) of each that is given */
    uint64_t id;        /* chosen by the caller, given back in REPLY and VERDICT; not 0 */
    struct slice who;   /* for the audit; empty = the daemon itself, not audited */
    struct slice what;  /* for the audit: the command as typed, without secrets */
    struct slice cluster_id, fqdn, description, route_string;
    enum ils_role role;
    struct slice host;  /* name or address */
    uint16_t port;      /* 0 = the default of the method */
    struct slice cluster; /* cluster id, or peer id in hex */
    struct auth auth;
    uint16_t generation;
    uint8_t stretched[32];
    struct slice source;
    struct slice value; /* SOURCE */
    bool sourced;       /* each change has a source of its own; `replace` is of each of these */
    bool replace;       /* the source consists of exactly these entries afterwards */
    const struct change *change; /* source: of each, where undoes is not 0 */
    size_t change_n;
    bool lent;     /* they stay as they are until the command is answered, and are not copied */
    uint64_t stream;    /* whose: 0 = the dial plan's; else an imported catalog's number */
    bool force;         /* also where most of what the source holds goes */
    uint32_t confirm;   /* seconds, after which it is to be taken back; 0 = it stays */
    uint64_t undoes;    /* the change that this one takes back; 0 = none */
    bool undoes_to;     /* ... or all changes after that one */
    bool undoes_more;   /* more commands of the same rollback follow */
    uint64_t last;      /* undoes: the newest change that was known when it was composed */
    struct slice pattern, target, prefix;
    uint32_t priority, weight; /* ROUTE_ADD: and one more; 0: behind the others, as before */
    struct lookup_rules lookup;
    const struct slice *domain, *prefixes, *clusters;
    size_t domain_n, prefix_n, cluster_n;
    uint64_t number;
    uint8_t level;      /* enum trace_level */
    uint8_t alarm;      /* enum alarm */
    struct slice subject;
    bool raise;
    uint16_t minutes;
    struct own_certificate own; /* CERTIFICATE; INIT and IDENTITY_NEW, where der.n != 0 */
    bool now;
    const struct trust_item *trust;
    size_t trust_n;
    uint8_t verdict_id[VERDICT_ID_SIZE];
    bool invited;       /* JOIN: by the invite, host and port are the token's */
    struct invite invite;
};

struct ils_event {
    enum ils_event_type type;
    tick now;  /* never decreases */
    wall wall; /* for display, and for when the first beat after a start is due */
    uint32_t link;
    uint8_t entropy[32];   /* START, ACCEPTED, CONNECTED, FOLLOW: fresh randomness */
    struct row row;        /* ROW */
    struct {               /* START */
        uint16_t tls_port, password_port; /* what is listened on */
        struct slice advertise;           /* NAME or ADDR, optional; empty = none */
        struct slice version;             /* of this program, for the peer info vector */
        wall built;                       /* no clock can be right before; 0 = not judged */
        uint32_t half_open;               /* as many at once as can be; 0 = HALF_OPEN_MAX */
    } start;
    struct address peer, local; /* ACCEPTED, CONNECTED */
    bool tls;                   /* ACCEPTED: came in on the TLS port */
    struct slice data;          /* DATA, FOLLOW */
    size_t pending;             /* ROOM: bytes not yet taken by the kernel */
    enum down_reason reason;    /* DOWN */
    struct tls_error tls_error; /* DOWN for TLS or ALERT */
    const struct secured *secured;          /* SECURED */
    const struct certificate *certificate;  /* CERTIFICATE, VERIFIED */
    uint64_t question;          /* VERIFIED: as asked */
    uint64_t batch;             /* STORED */
    bool failed;                /* STORED: the batch is not durable */
    const struct command *command;
};

/* --- actions */

enum ils_action_type {
    ILS_DO_LISTEN,  /* on = true: accept links; false: stop (existing links stay) */
    ILS_DO_OPEN,    /* resolve and connect; answer with CONNECTED (and SECURED) or DOWN */
    ILS_DO_TRUST,   /* own certificate, trust store or CRLs changed (view_trust): contexts are made
                     * anew, then each live TLS link's certificate is verified: CERTIFICATE */
    ILS_DO_VERIFY,  /* verify this certificate for both purposes, answer with VERIFIED */
    ILS_DO_SEND,    /* put these bytes on this link */
    ILS_DO_CLOSE,   /* close after the bytes sent so far have left (2 s at most); no DOWN follows */
    ILS_DO_STORE,   /* make this batch durable in one transaction, then say STORED */
    ILS_DO_PUBLISH, /* what lookups see has changed */
    ILS_DO_TRACE,   /* one record for the trace */
    ILS_DO_ALARM,   /* an alarm was raised (again) or cleared */
    ILS_DO_VERDICT, /* the outcome of one join attempt */
    ILS_DO_REPLY,   /* the outcome of a command */
    ILS_DO_READ,    /* following: data is the key of a segment's row, which is to be given; WHOLE
                     * behind all of them */
    ILS_DO_RELOAD,  /* following: what was given cannot be taken over piece by piece; a core of all
                     * rows is to take the place of this one, which goes on serving until then */
};

/* Outcome of a command; the sentences are in core/reply.def. */
enum reply {
#define REPLY(name, text, next) name,
#include "core/reply.def"
#undef REPLY
    REPLIES
};

#define REPLY_NUMBERS 4

enum verdict_side { SIDE_HERE = 0, SIDE_THERE = 1 };

/* By which rule a certificate passed (PROTOCOL 8, Certificates). */
enum cert_rule {
    RULE_NONE = 0,
    RULE_IMPORTED, /* it, or one with its key, is in the trust store */
    RULE_ROOT,     /* its authority is, and the password is in use as well */
    RULE_MET,      /* its authority is, its name is that of a cluster met before, with its key */
    RULE_INVITE,   /* the secret of an invite stands for it */
};

/* The outcome of one attempt to join, with the same id and code on both ends. */
struct verdict {
    uint8_t id[VERDICT_ID_SIZE];
    enum code code;
    bool dialler;               /* this end dialled */
    bool told;                  /* the code came from the other end */
    bool tls;
    struct address peer, local;
    struct slice host;          /* as dialled; empty when accepted */
    uint16_t port;              /* as dialled */
    uint8_t peer_id[PEER_ID_SIZE]; /* zeros: not known */
    struct slice peer_name;     /* cluster id where known */
    struct slice fqdn;          /* of 502: of the cluster that has a copy, where known */
    uint16_t generation;        /* password generation in question, 0 = none */
    uint32_t retry_after;       /* seconds */
    uint64_t evidence[2];       /* as core/code.def says for the code */
    enum cert_rule rule;        /* by which the other end's certificate passed; RULE_NONE: no TLS */
    struct slice name;          /* of the certificate in question */
    uint8_t fingerprint[FINGERPRINT_SIZE]; /* of it; zeros: none */
    bool refused_here;          /* this end said no */
    uint8_t method;             /* enum method that the dialler offered */
    enum verdict_side remedy_at;
    wall at;
};

struct alarm_row {
    uint8_t alarm;              /* enum alarm */
    struct slice subject;       /* address, cluster id, file, port ...: the alarm's own parameter */
    uint64_t count;
    wall first, last;
    bool active;
};

/* One trace record: the event's id and arguments, never a sentence. The link fields are the state
 * of the link at that moment; zero when the event has no link. */
struct trace {
    enum trace_event event;     /* core/event.def */
    uint32_t link_n;            /* n of [1, 600, 13, n], counts up */
    bool dialler, tls;
    struct address peer, local;
    struct slice host;          /* as dialled */
    uint8_t peer_id[PEER_ID_SIZE];
    uint8_t verdict_id[VERDICT_ID_SIZE];
    enum code code;
    struct slice text[3];       /* as core/event.def says */
    uint64_t number[3];
};

struct ils_action {
    enum ils_action_type type;
    uint32_t link;
    struct slice data;          /* SEND, READ */
    struct slice host;          /* OPEN */
    uint16_t port;              /* OPEN */
    bool tls, invite;           /* OPEN: with TLS; under the ALPN of invites */
    uint64_t question;          /* VERIFY; its certificate is data */
    bool on;                    /* LISTEN; ALARM: raised */
    uint64_t batch;             /* STORE: counts up from 1; STORED answers in the same order */
    const struct row *row;      /* STORE */
    size_t row_n;
    struct trace trace;         /* TRACE */
    struct alarm_row alarm;     /* ALARM */
    struct verdict verdict;     /* VERDICT */
    uint64_t command;           /* REPLY, VERDICT (0: nobody waits) */
    enum reply reply;           /* REPLY */
    struct slice text;          /* REPLY: what the sentence's %s is */
    uint64_t number[REPLY_NUMBERS]; /* REPLY: of a plan, entries put, removed, of those put changed,
                                 * and the number in the log (0: it changed nothing) */
};

struct ils_actions {
    const struct ils_action *action;
    size_t n;
};

/* A core in the memory of mem; NULL when refused. */
struct ils *ils_new(struct mem *mem);
void ils_free(struct ils *ils);

/* Takes one event; *ret_do is valid until the next call. 0, or -1 when memory was refused in a way
 * that leaves the core unusable (the caller ends the process; the store is intact). */
int ils_step(struct ils *ils, const struct ils_event *event, struct ils_actions *ret_do);

/* Threads beside this one that look up (plan/readers.h), once the core is started; NULL: none, and
 * all have left. */
struct plan_readers;
void ils_use_readers(struct ils *ils, struct plan_readers *readers);
/* With readers, after every step: makes known to them what lookups go by, and gives back what all
 * of them have passed. True: something waits for them, or for memory; ask again in a few
 * milliseconds. */
bool ils_reclaim(struct ils *ils);

/* There is more to do of what was asked for: DEADLINE is to come again at once, and whatever else
 * waits may come before it. A large change of the plan is done so, a bounded part in each step. */
bool ils_goes_on(const struct ils *ils);

/* When to be woken next with DEADLINE at the latest; TICK_NEVER if not. */
tick ils_deadline(const struct ils *ils);

#endif
