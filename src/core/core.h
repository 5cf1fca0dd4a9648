/* core: what the files of this room share, and nobody else sees.
 *
 * ils.c dispatches events; journal.c turns state into rows and waits for them; command.c takes the
 * operator's words; gate.c guards the door; dial.c decides when to knock; link.c is the life of one
 * link, handshake.c its first half, cert.c the verdict on certificates and refusal.c how an attempt
 * ends that does not join; own.c and ready.c are one's own certificate and what each end would say
 * of the other's; trust.c and invite.c are what is trusted and who may come; exchange.c is
 * replication's talk and stream.c its state; self.c is what a cluster says of itself; alarm.c and
 * say.c are what is told. */
#ifndef OPENILS_CORE_CORE_H
#define OPENILS_CORE_CORE_H

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/list.h"
#include "base/rand.h"
#include "core/ils.h"
#include "core/limits.h"
#include "core/view.h"
#include "link/cpace.h"
#include "link/frame.h"
#include "link/msg.h"
#include "link/sealed.h"

/* A short text that the core keeps: bounded, no allocation. */
#define TEXT(name, max)                                                                            \
    struct {                                                                                       \
        uint16_t n;                                                                                \
        uint8_t p[max];                                                                            \
    } name
#define text_slice(t) slice_make((t).p, (t).n)
#define text_set(t, s)                                                                             \
    do {                                                                                           \
        struct slice text_set_s = (s);                                                             \
        (t).n = (uint16_t)(text_set_s.n < sizeof (t).p ? text_set_s.n : sizeof (t).p);             \
        if ((t).n != 0)                                                                            \
            memcpy((t).p, text_set_s.p, (t).n);                                                    \
    } while (0)

struct stream;
struct link;

/* What is kept of a struct certificate. */
struct facts {
    bool present, self_signed, imported, chained;
    uint16_t error;
    uint8_t depth;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    TEXT(subject, CERTIFICATE_NAME_MAX);
    struct {
        uint16_t n;
        uint8_t p[CERTIFICATE_NAMES * 64]; /* names, each after its length byte, as many as fit */
    } names;
    wall not_before, not_after, ends;
};

/* OpenSSL's words for what is wrong with a certificate or a handshake; shown in the trace. */
struct words {
    TEXT(error, 96);
    TEXT(reason, 64);
    TEXT(library, 32);
    TEXT(function, 48);
    uint32_t number[3]; /* of reason, library, function */
};

/* One certificate or CRL of the trust store (trust.c). */
struct trust_entry {
    struct list node;
    uint8_t kind; /* enum trust_kind */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    bool authority;
    wall not_after, added;
    TEXT(subject, CERTIFICATE_NAME_MAX);
    TEXT(source, 96);
    struct buf der;
};

/* A certificate that was refused here. */
struct refused_entry {
    struct list node; /* oldest first */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    enum code code;
    uint8_t verdict_id[REFUSED_VERDICTS][VERDICT_ID_SIZE]; /* a ring */
    uint32_t verdict_n;
    char ip[ADDRESS_TEXT_MAX + 1];
    uint16_t port;
    wall first, last, not_after;
    uint64_t count;
    TEXT(subject, CERTIFICATE_NAME_MAX);
    struct buf der;
    bool stored, dirty; /* it has a row; the row is not as it is */
};

/* An invite that this hub gave out (invite.c). */
struct invite_entry {
    struct list node;
    uint8_t id[INVITE_ID_SIZE];
    uint8_t secret[INVITE_SECRET_SIZE]; /* wiped when it is spent in vain or over */
    wall made, expires;
    uint8_t failures;
    bool spent;
    uint8_t by[KEY_SIZE];                 /* zeros: spent in vain */
    char by_id[2 * PEER_ID_SIZE + 1];
};

/* One's own certificate (own.c). */
struct own_cert {
    struct buf leaf, chain, key; /* DER; leaf.n = 0: none */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    TEXT(subject, CERTIFICATE_NAME_MAX);
    wall not_before, not_after;
    bool self_signed, made;
};

/* A certificate that another cluster announced, and what this end would say of it. */
struct announced {
    struct buf der;            /* it, then its chain; n = 0: none */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint64_t question;         /* VERIFY that is under way, 0 = none */
    bool judged;
    wall judged_at;
    bool taken;                /* the next one: imported; not again when an operator removes it */
    tick import_at;            /* not before: the disk refused it; 0 = not tried yet */
    struct facts facts;
};

/* Another cluster, known by its key. */
struct peer {
    struct list node;
    uint8_t key[KEY_SIZE];
    uint8_t id[PEER_ID_SIZE];
    /* from its stream 0 */
    TEXT(cluster_id, CLUSTER_ID_MAX);
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(description, DESCRIPTION_MAX);
    TEXT(version, 64);
    TEXT(route_string, ROUTE_STRING_MAX);
    TEXT(host, HOST_TEXT_MAX); /* advertised */
    uint16_t port, tls_port;
    uint8_t role;
    struct announced announced[2]; /* its certificates as its stream 0 has them: in use, next */
    tick import_next;              /* nothing that it announces is imported before */
    /* what it would say of ours, as it told on the link (READY) */
    struct msg_ready ready;
    bool has_ready;
    uint8_t told_ready[HASH_SIZE]; /* hash of the READY that it was sent on this link */
    bool has_told;
    /* met on a link of our own */
    bool met;
    uint8_t met_method;
    uint8_t met_rule;  /* enum cert_rule */
    uint8_t shown[FINGERPRINT_SIZE]; /* the certificate that it proved itself with last */
    bool has_shown;
    TEXT(shown_name, CERTIFICATE_NAME_MAX);
    wall shown_ends;
    wall met_first, met_last;
    char met_ip[ADDRESS_TEXT_MAX + 1];
    /* by whom disconnected */
    bool disconnected_here, disconnected_there;
    wall last_contact;
    struct link *link; /* the one link that stays, or NULL */
    bool dirty;        /* its row must be stored */
};

/* What is on its way for one stream. */
enum fetch_state { FETCH_NONE, FETCH_MANIFEST, FETCH_SEGMENTS };

struct stream {
    struct list node;
    uint8_t key[KEY_SIZE];
    uint64_t number;
    size_t index;          /* of its mark on every link; of nobody else at the same time */
    bool own;
    bool admitted;
    struct catalog *catalog;
    /* served */
    struct head head;      /* slices into head_bytes */
    struct buf head_bytes; /* n = 0: nothing served yet */
    /* the change that led to it, to be carried with the head where it fits */
    struct buf delta;      /* a frame HEAD with delta, n = 0: none */
    uint8_t delta_base[HASH_SIZE];
    /* wanted */
    enum fetch_state fetch;
    struct head wanted;
    struct buf wanted_bytes;
    struct buf wanted_lines;
    struct buf target_lines; /* the target of the catalog while it is being filled */
    uint8_t target_root[HASH_SIZE]; /* only the head with this root may be served from it */
    struct link *source;
    size_t at;             /* next line to ask for */
    tick fetch_last;       /* when something last came */
    uint32_t asked;        /* requests under way */
    uint32_t failures;
    tick retry;            /* a fetch that was given up is tried again; TICK_NEVER: none was */
    struct list replaced;  /* segments that left the list less than 60 s ago */
    size_t replaced_bytes;
    wall last_usn;
    tick last_head;        /* when the head (or its beat) last came */
    bool digest_differs;
    bool over_quota;       /* the newest head was refused whole */
    tick rebuilt;          /* when a digest last differed */
    bool written;          /* own: since this start */
    bool proved_older;     /* own: a neighbour showed a newer head with my own signature */
    bool rolled_back;      /* own: a neighbour holds a newer one; nothing is written any more */
};

/* One neighbour's word on one stream. */
struct mark {
    bool theirs;           /* they have said it, or were sent it */
    uint64_t epoch, usn, beat;
    uint8_t root[HASH_SIZE];
};

enum link_state {
    LINK_OPENING, /* dialler: asked for, not yet connected */
    LINK_HELD,    /* acceptor: heard again when the penalty is over */
    LINK_SECURING, /* TLS: the handshake is awaited (SECURED) */
    LINK_HELLO,   /* the other end's hello is awaited */
    LINK_SHARE,   /* CPace share */
    LINK_CONFIRM, /* CPace confirmation */
    LINK_PROOF,   /* proof */
    LINK_SPENDING, /* acceptor of an invite: it is being spent on the disk before the proof */
    LINK_PROVED,  /* acceptor: own proof sent, the dialler's verdict is awaited */
    LINK_UP,
    LINK_CLOSED,  /* freed at the next step */
};

#define LINK_BUCKETS 1024

struct asked {
    struct stream *stream; /* NULL: the stream is gone, the answer is dropped */
    uint8_t name[HASH_SIZE];
};

struct link {
    struct list node;
    struct list busy;     /* while a step has to look at it */
    struct list stranger; /* accepted, and nothing whole was heard of it yet */
    struct link *next_by_id;
    struct ils *ils;
    uint32_t id;
    struct list in_crowd;
    struct crowd *crowd; /* half open: its source's */
    uint32_t n;          /* of the trace */
    enum link_state state;
    bool dialler, tls;
    bool announced;      /* T1 and T2 were said */
    uint8_t method;
    /* TLS: what SECURED brought */
    struct facts cert;
    struct words words;  /* OpenSSL's own, about it */
    bool identified;     /* the verdict id is known at both ends */
    uint8_t offered;     /* by the dialler's hello */
    struct buf cert_der;
    struct buf spki_mine, spki_theirs;
    uint8_t exporter[HASH_SIZE];
    uint8_t shown_mine[FINGERPRINT_SIZE];
    enum cert_rule rule; /* by which their certificate passed; RULE_NONE: not yet, or no TLS */
    bool cert_said;      /* T12, T19 ... were said */
    struct invite invite; /* id and secret, where method is METHOD_INVITE */
    uint8_t prs[32];      /* of the password exchange, until it begins */
    struct address peer, local;
    TEXT(host, HOST_TEXT_MAX);
    uint16_t port;
    uint64_t command;    /* a join that waits for the verdict, 0 = none */
    bool expected;       /* dialled for a peer whose key is known */
    uint8_t expected_key[KEY_SIZE];
    tick since, deadline, last_in, last_out;
    tick last_answer;    /* to a question of ours, of whatever stream */
    size_t pending;      /* bytes the driver has not written yet */
    struct buf in;       /* raw bytes not yet consumed */
    struct buf plain;    /* opened bytes not yet consumed */
    struct buf out;      /* frames of this step */
    struct buf wire;     /* what SEND carries; kept until the next step */
    bool sealed;
    struct sealed tx, rx;
    struct cpace cpace;
    TEXT(hello_mine, HELLO_MAX);
    TEXT(hello_theirs, HELLO_MAX);
    uint8_t hello_random[HELLO_RANDOM]; /* mine */
    uint16_t generation;
    uint8_t binder[HASH_SIZE];
    uint8_t verdict_id[VERDICT_ID_SIZE];
    bool verdict_given;
    bool refused_here;   /* it was this end that said no */
    struct proof theirs;
    uint64_t serial;     /* of my dial */
    struct peer *to;     /* after the proof */
    bool marks_done;     /* their whole list has come */
    struct mark *mark;   /* by stream index */
    size_t mark_n;
    struct asked asked[REQUESTS_MAX]; /* ring: answers come in order */
    uint32_t asked_first, asked_n;
};

struct password {
    bool held, preferred;
    uint16_t generation;
    uint8_t stretched[32];
};

/* Everything that a command may change of the cluster itself: as it is durable, and as a batch
 * makes it when it is. */
struct settings {
    TEXT(cluster_id, CLUSTER_ID_MAX);
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(description, DESCRIPTION_MAX);
    TEXT(route_string, ROUTE_STRING_MAX);
    enum ils_role role;
    struct auth auth;
    uint8_t level;
    struct password password[PASSWORDS_MAX];
    uint8_t network[NETWORK_ID_SIZE];
    TEXT(host, HOST_TEXT_MAX);
    uint16_t port;
    bool port_tls;
    bool wanted, hub_known, moving;
};

/* What happens when a batch is durable. */
enum batch_kind {
    BATCH_PLAIN,
    BATCH_START,
    BATCH_COMMAND,
    BATCH_COMMIT,
    BATCH_TRUST,
    BATCH_OWN,
    BATCH_INVITE,
};

struct batch {
    struct list node;
    uint64_t n;
    enum batch_kind kind;
    uint64_t command;
    uint64_t number[2];
    uint32_t link;         /* BATCH_INVITE: the link that waits, 0 = none */
    struct trust_change *trust; /* BATCH_TRUST: what is then so (trust.c) */
    struct own_change *own;     /* BATCH_OWN (own.c) */
    bool join;             /* BATCH_COMMAND: dial now */
    struct settings *settings; /* BATCH_COMMAND: durable from then on */
    bool route, route_add; /* BATCH_COMMAND: of a route */
    TEXT(pattern, 256);
    TEXT(target, 512);
    bool of_peer, was_here, was_there; /* BATCH_COMMAND: of a peer's disconnection */
    uint8_t peer_key[KEY_SIZE];
    struct own_commit *commit;
};

/* A commit of one's own stream that waits for the disk. */
struct own_commit {
    struct stream *stream;
    struct arena arena;
    struct commit commit;
    uint64_t command;      /* of the operator, 0 = the core's own wish */
    size_t changes;
};

/* An operator's change of the plan that waits for its turn. */
struct waiting {
    struct list node;
    struct arena arena;
    uint64_t command;
    struct slice who, what;
    struct slice source;
    bool replace;
    struct change *change;
    size_t change_n;
    uint64_t kept; /* entries there already that the change puts again */
    bool ordered;  /* each key once, in order */
};

struct penalty {
    struct list node;      /* least recent first */
    struct penalty *next;  /* in its bucket */
    TEXT(prefix, 40);
    uint32_t failures;
    tick until, last;
};

/* The half-open links of one source. */
struct crowd {
    struct list node;   /* among those of the same weight */
    struct crowd *next; /* in its bucket */
    uint64_t hash;      /* of the source */
    bool known;         /* a cluster that has proved itself was last met there */
    struct list links;  /* oldest first */
    size_t n;
};

#define CROWD_BUCKETS 1024
#define CROWD_WEIGHTS (HALF_OPEN_MAX + 2)

struct gate {
    struct penalty *bucket[PENALTY_BUCKETS];
    struct list order;
    size_t n;
    struct crowd *crowd[CROWD_BUCKETS];
    struct list by_weight[CROWD_WEIGHTS];
    size_t heaviest; /* no crowd weighs more */
    size_t open, open_max;
    uint64_t evicted;
};

struct alarm_entry {
    struct list node;
    uint8_t alarm;
    TEXT(subject, ALARM_SUBJECT_MAX);
    uint64_t count;
    wall first, last;
    tick raised;           /* last */
    tick told;             /* when it was last told and stored */
    bool active;
};

struct verdict_entry {
    struct verdict verdict; /* slices are refreshed from the texts below */
    TEXT(host, HOST_TEXT_MAX);
    TEXT(peer_name, CLUSTER_ID_MAX);
    TEXT(name, CERTIFICATE_NAME_MAX);
};

struct dial {
    bool wanted;            /* a registration server is set and nobody disconnected it */
    TEXT(host, HOST_TEXT_MAX);
    uint16_t port;          /* 0: the method's default */
    uint8_t renewed_for[HASH_SIZE]; /* certificates for which a link was last set up */
    bool port_tls;          /* the port was given while TLS was offered */
    struct invite invite;   /* not yet used; expires = 0: none */
    struct link *link;      /* the attempt under way, NULL = none */
    uint32_t attempts;
    tick next;              /* of the next attempt */
    bool again;             /* wanted at once, while an attempt was under way */
    enum code last_code;
    bool moving;            /* the host is new: the link to the former hub does not count */
    struct {
        TEXT(host, HOST_TEXT_MAX);
        uint16_t port;
        bool port_tls, moving;
    } former;               /* gone back to when the invite is refused; host.n = 0: nowhere */
    bool promised;          /* an invite said who answers there */
    uint8_t promised_key[KEY_SIZE];
    uint64_t command;       /* the join that waits for the verdict */
    bool hub_known;
    uint8_t hub_key[KEY_SIZE]; /* who answered there last */
};

struct ils {
    struct mem *mem;
    struct arena step;      /* action memory */
    struct ils_action *action;
    size_t action_n, action_size;
    bool broken;            /* memory was refused where nothing sane is left to do */
    tick now;
    wall wall;
    uint8_t pool[HASH_SIZE];/* ratcheting entropy */
    struct rand rand;       /* jitter only */
    bool started;           /* START came */
    bool ready;             /* the boot number is durable: links may be made */
    bool listening;
    bool rows_lost;         /* a batch that nobody waited for was not taken by the disk */
    bool stopped;           /* STOP came: no command is taken any more */

    TEXT(cluster_id, CLUSTER_ID_MAX);
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(description, DESCRIPTION_MAX);
    TEXT(route_string, ROUTE_STRING_MAX);
    TEXT(version, 64);
    TEXT(advertise, HOST_TEXT_MAX + 8);
    uint16_t tls_port, password_port;
    enum ils_role role;
    struct auth auth;       /* accept = 0: what is offered is accepted */
    struct password password[PASSWORDS_MAX];
    uint8_t network[NETWORK_ID_SIZE];
    uint8_t seed[SEED_SIZE];
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE], peer_id[PEER_ID_SIZE];
    bool has_seed;
    struct settings durable;
    uint64_t boot, serial, audit_n;
    uint8_t level;

    struct dial dial;
    struct gate gate;
    struct list peers, links, streams, batches, waiting, alarms;
    struct list busy;      /* links that a step looks at; of the others nothing is to be done ... */
    struct list strangers; /* ... before their deadline: by deadline, earliest first */
    struct link *by_id[LINK_BUCKETS];
    size_t peer_n, stream_n, alarm_n;
    bool index_taken[STREAMS_MAX];
    uint32_t next_link, next_n;
    uint64_t next_batch;

    struct plan *plan;
    struct routes *routes;
    struct buf orphans; /* keys of segment rows that no stream lists */
    struct list trust, refused, invites;
    size_t trust_n, refused_n, invite_n;
    struct buf refused_gone;  /* fingerprints whose rows are to be removed */
    tick refused_next;        /* rows of refused certificates are not written before */
    struct own_cert cert[2];  /* in use, and announced as the next */
    bool trust_moved;         /* TRUST is to be said at the end of the step */
    tick ask_next;            /* when certificates that were announced are looked through again */
    bool ready_moved;         /* what is said of others' certificates may have changed */
    bool own_moving;          /* a batch that changes `cert` is under way */
    tick own_after;           /* not before: the disk has just refused it */
    uint64_t next_question;
    tick expiring_next;       /* when end dates are looked at again */

    struct stream *self, *own; /* streams 0 and 1 of this cluster */
    bool self_dirty;           /* stream 0 must be written anew */
    tick self_after;           /* not before: the disk has just refused it */
    tick hold_until;           /* nothing is written before; 0: released */
    bool committing[2];        /* a commit of stream 0, 1 waits for the disk */
    tick next_beat;
    bool heads_moved;          /* something to tell the neighbours */

    struct verdict_entry verdict[VERDICTS_KEPT];
    size_t verdict_n, verdict_next;
};

/* action.c */
struct ils_action *ils_action(struct ils *ils, enum ils_action_type type);
void ils_entropy(struct ils *ils, uint8_t *dst, size_t n);
void ils_mix(struct ils *ils, const uint8_t fresh[static 32]);

/* journal.c: rows collected in the step arena, sent as one batch. */
struct rows {
    struct ils *ils;
    struct row *row;
    size_t n, size;
    bool failed;
};
void rows_init(struct rows *r, struct ils *ils);
void rows_put(struct rows *r, enum row_space space, struct slice key, struct slice value);
void rows_remove(struct rows *r, enum row_space space, struct slice key);
void rows_setting(struct rows *r, const char *name, struct slice value);
void rows_setting_u64(struct rows *r, const char *name, uint64_t value);
void rows_audit(struct rows *r, struct slice who, struct slice what);
void rows_self(struct rows *r);  /* every setting of the cluster itself */
void rows_peer(struct rows *r, struct peer *p);
void rows_password(struct rows *r, const struct password *p);
struct slice stream_key_bytes(struct arena *a, const uint8_t key[static KEY_SIZE], uint64_t number,
                              const uint8_t *name);
/* Sends the rows as one batch; NULL when memory was refused (nothing was sent). */
struct batch *journal_store(struct rows *r, enum batch_kind kind);
void batch_free(struct ils *ils, struct batch *b);
void journal_row(struct ils *ils, const struct row *row);
void journal_stored(struct ils *ils, const struct ils_event *event);

/* start.c */
void journal_start(struct ils *ils, const struct ils_event *event);
void journal_ready(struct ils *ils, bool failed);

/* command.c */
void command_stored(struct ils *ils, const struct batch *b, bool failed);
void settings_take(struct settings *to, const struct ils *ils);
void settings_learnt(struct ils *ils);
void command_take(struct ils *ils, const struct command *c);
void command_reply(struct ils *ils, uint64_t command, enum reply reply, struct slice text);
/* waiting.c */
void waiting_add(struct ils *ils, const struct command *c);
void waiting_next(struct ils *ils);
void waiting_free(struct ils *ils, struct waiting *w);

/* self.c */
void self_changed(struct ils *ils);
void self_write(struct ils *ils);
void peer_read(struct peer *p, const struct stream *s);
void peer_names(struct ils *ils, const struct peer *p);
bool roster_lists(const struct stream *self, const uint8_t key[static KEY_SIZE]);
struct peer *peer_find(const struct ils *ils, const uint8_t key[static KEY_SIZE]);
struct peer *peer_get(struct ils *ils, const uint8_t key[static KEY_SIZE]);
struct peer *peer_named(const struct ils *ils, struct slice name, bool *ret_itself);

/* stream.c */
enum commit_kind { COMMIT_CHANGE, COMMIT_BEAT, COMMIT_ADOPT };
struct stream *stream_find(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                           uint64_t number);
struct stream *stream_get(struct ils *ils, const uint8_t key[static KEY_SIZE], uint64_t number);
void stream_free(struct ils *ils, struct stream *s);
bool stream_held(const struct stream *s);
bool stream_overdue(const struct ils *ils, const struct stream *s);
struct slice stream_row(struct arena *a, struct slice head, struct slice lines);
void stream_served(struct ils *ils, struct stream *s);
int stream_commit(struct ils *ils, struct stream *s, const struct change *change, size_t n,
                  uint64_t command, struct slice who, struct slice what, enum commit_kind kind);
void stream_committed(struct ils *ils, struct own_commit *oc, bool failed);
void stream_tick(struct ils *ils);
void own_commit_free(struct ils *ils, struct own_commit *oc);

/* exchange.c */
void exchange_open(struct link *l);
void exchange_frame(struct link *l, uint8_t type, struct slice body);
void exchange_flush(struct ils *ils);
struct mark *mark_find(const struct link *l, const struct stream *s);
struct mark *mark_get(struct link *l, const struct stream *s);
void mark_set(struct mark *m, const struct head *h);
int mark_order(const struct mark *m, const struct head *h);

/* admit.c */
bool admit_may(const struct ils *ils, const struct stream *s);
bool admit_quota(const struct ils *ils, const struct stream *s, const struct head *h);
void admit_again(struct ils *ils);

/* adopt.c */
void adopt_start(struct ils *ils);
bool adopt_holds(const struct ils *ils, const struct stream *s);
tick adopt_deadline(const struct ils *ils);
void adopt_list_came(struct ils *ils);
void adopt_heard(struct link *l, struct stream *s, const struct mark *m);
bool adopt_believes(struct link *l, struct stream *s, struct slice bytes, const struct head *h);
void adopt_applied(struct ils *ils, struct stream *s);

/* replaced.c */
void replaced_keep(struct ils *ils, struct stream *s, struct slice former, struct slice lines);
struct slice replaced_find(const struct stream *s, const uint8_t name[static HASH_SIZE]);
void replaced_tick(struct ils *ils, struct stream *s);
void replaced_free(struct ils *ils, struct stream *s);

/* fetch.c */
void fetch_own(struct stream *s, struct link *l);
void fetch_from(struct ils *ils, struct stream *s, struct link *l);
void fetch_head(struct link *l, struct slice body);
void fetch_manifest(struct link *l, struct slice body);
void fetch_segment(struct link *l, struct slice body);
void fetch_gone(struct link *l, struct slice body);
void fetch_link_gone(struct link *l);
void fetch_tick(struct ils *ils);
tick fetch_deadline(const struct stream *s);

/* link.c */
struct link *link_new(struct ils *ils, bool dialler, uint32_t id);
void link_free(struct link *l);
void link_wake(struct link *l); /* this step and the next look at it */
void link_accepted(struct ils *ils, const struct ils_event *event);
void link_connected(struct ils *ils, const struct ils_event *event);
void link_data(struct ils *ils, const struct ils_event *event);
void link_down(struct ils *ils, const struct ils_event *event);
void link_room(struct ils *ils, const struct ils_event *event);
void link_send(struct link *l, uint8_t type, struct slice body);
void link_flush(struct link *l);
void link_change_state(struct link *l, enum link_state state);
void link_end(struct link *l, enum code code, bool tell);
void link_met(struct link *l);
void link_up(struct link *l);
void link_announce(struct link *l); /* T1 and T2, once */
void link_secured(struct ils *ils, const struct ils_event *event);
void link_certificate(struct ils *ils, const struct ils_event *event);
void link_tick(struct ils *ils);
tick link_deadline(const struct link *l);

/* refusal.c */
void handshake_refuse(struct link *l, enum code code);
void handshake_failed(struct link *l, enum code code, bool told, uint32_t retry_after);
void handshake_tls_failed(struct link *l, const struct tls_error *e, bool alert);
enum code handshake_code(uint32_t number); /* of a goodbye: success is none */
enum code handshake_said(uint32_t number); /* of a READY: CODE_JOINED, or a refusal */
enum code goodbye_code(enum code code); /* as the other end is told */

/* handshake.c */
bool zeros(const uint8_t *p, size_t n); /* whether all bytes are zero, in constant time */
void handshake_hello_send(struct link *l);
void handshake_frame(struct link *l, uint8_t type, struct slice body);
void handshake_joined(struct link *l);
void handshake_secured(struct link *l, const struct secured *s);
void handshake_invite_stored(struct link *l, bool failed);
const struct password *password_find(const struct ils *ils, uint16_t generation);
bool method_has_password(uint8_t method);
const struct password *password_preferred(const struct ils *ils);
uint8_t method_offered(const struct ils *ils);
bool method_accepted(const struct ils *ils, uint8_t method);

/* cert.c: the verdict on certificates. Pure questions, and the one place that says the answer. */
void facts_of(struct facts *f, const struct certificate *c);
void words_of(struct words *w, struct slice error, const struct slice record[static 3],
              const uint32_t number[static 3]);
bool facts_name(const struct facts *f, struct slice name);
/* What is wrong with the certificate in itself; CODE_NONE: nothing. */
enum code cert_error(const struct facts *f);
/* The verdict procedure for `method`; host: as dialled, empty on the dialled end. CODE_NONE with
 * *ret_rule set: passes; CODE_NONE with RULE_NONE: it depends on the proof (method 4). */
enum code cert_judge(const struct ils *ils, const struct facts *f, uint8_t method,
                     struct slice host, enum cert_rule *ret_rule);
/* After the proof, where it depended on it. */
enum code cert_met(const struct ils *ils, const struct facts *f, const struct peer *p);
/* As if the peer had proved itself with it: of a live link, or of what it announced. */
enum code cert_of_peer(const struct ils *ils, const struct facts *f, const struct peer *p,
                       uint8_t method, struct slice host, enum cert_rule *ret_rule);
void cert_say(struct link *l, enum code code); /* T12 to T32, and the alarm of a refusal */
void cert_say_words(struct link *l);           /* T30, T31 */

/* trust.c: the trust store, and the certificates that were refused. */
void trust_row(struct ils *ils, const struct row *row);
void refused_row(struct ils *ils, const struct row *row);
struct trust_entry *trust_find(const struct ils *ils, const uint8_t fingerprint[static 32]);
/* TRUST_ADD, TRUST_REMOVE, TRUST_VERDICT: answered when durable. */
void trust_command(struct ils *ils, const struct command *c);
/* Imports one certificate on the core's own account; rows are added to r, which is stored by the
 * caller as BATCH_TRUST or BATCH_INVITE with *ret_change as its `trust`. True with *ret_change
 * NULL: it is there already. False: refused (too long, full, memory). */
bool trust_add(struct rows *r, struct slice der, const struct facts *f, struct slice source,
               struct trust_change **ret_change);
void trust_stored(struct ils *ils, struct batch *b, bool failed); /* applies or drops b->trust */
void trust_change_free(struct ils *ils, struct trust_change *c);
/* Keeps what link l was refused with, at most REFUSED_MAX, for 30 days; bounded per address. */
void trust_refused(struct link *l, enum code code);
void trust_tick(struct ils *ils);
tick trust_deadline(const struct ils *ils); /* rows of refused certificates wait to be written */
void trust_free(struct ils *ils);

/* invite.c */
void invite_row(struct ils *ils, const struct row *row);
void invite_command(struct ils *ils, const struct command *c); /* INVITE, INVITE_REMOVE */
/* The acceptor's hello named this invite: CODE_NONE and the password of the exchange (32 bytes), or
 * why not. */
enum code invite_judge(const struct ils *ils, const uint8_t id[static INVITE_ID_SIZE],
                       uint8_t ret_prs[static 32]);
/* The password of the exchange: H("invite", id, secret). */
void invite_prs(uint8_t ret[static 32], const struct invite *invite);
void invite_failed(struct ils *ils, const uint8_t id[static INVITE_ID_SIZE]);
/* Acceptor: the other end proved itself. The invite is spent for its key and its certificate
 * imported, in one batch; then handshake_invite_stored. CODE_NONE, or why not (used by another). */
enum code invite_spend(struct link *l);
void invite_stored(struct ils *ils, struct batch *b, bool failed);
/* Dialler: the hub proved itself as the token says. Imports its certificate; when that is durable,
 * the ordinary join begins (dial_now). */
void invite_won(struct link *l);
void invite_tick(struct ils *ils); /* the expired are forgotten a day later */
void invite_free(struct ils *ils);

/* own.c: one's own certificate, announcing the next, and what each end would say of the other's. */
void own_setting(struct ils *ils, struct slice key, struct slice value);
void own_command(struct ils *ils, const struct command *c); /* CERTIFICATE, CERTIFICATE_NOW */
/* Of INIT, which stores it with the rest. */
void own_init_with(struct rows *r, const struct own_certificate *own);
void own_stored(struct ils *ils, struct batch *b, bool failed);
void own_change_free(struct ils *ils, struct own_change *c);
/* What stream 0 says of it: the certificate, and its chain where there is room. */
struct slice own_told(struct ils *ils, size_t which);
void own_announced(struct peer *p, size_t which, struct slice ders); /* from stream 0 */
void own_verified(struct ils *ils, const struct ils_event *event);
void own_ready_frame(struct link *l, struct slice body);
void own_tick(struct ils *ils); /* asks, tells, switches, alarms of end dates */
tick own_deadline(const struct ils *ils);
bool own_ends_soon(const struct ils *ils, wall not_before, wall not_after);
void own_init(struct ils *ils);
void own_peer_init(struct ils *ils, struct peer *p);
void own_peer_free(struct peer *p);
void own_free(struct ils *ils);
/* A neighbour that does not have the next certificate yet. */
bool own_waits_for(const struct ils *ils, const struct peer *p);
/* ready.c: what this end would say of the certificates that others announced, and telling them. */
void ready_ask(struct ils *ils);    /* VERIFY of what was announced and not judged yet */
void ready_import(struct ils *ils); /* what those announce whose present one was imported */
void ready_tell(struct ils *ils);   /* READY on each link where it changed */
void ready_again(struct ils *ils);  /* trust has changed: all is judged anew */
uint32_t ready_code(const struct ils *ils, const struct announced *a, const struct peer *p,
                    uint8_t method, enum cert_rule *ret_rule);

/* gate.c */
void gate_init(struct gate *g);
void gate_forget(struct ils *ils);
/* l is half open from now on; another may have to go for it. */
void gate_enter(struct link *l);
void gate_leave(struct link *l);
tick gate_until(const struct ils *ils, const struct link *l);
void gate_failed(struct ils *ils, const struct link *l, tick base);
void gate_passed(struct ils *ils, const struct link *l);

/* dial.c */
void dial_now(struct ils *ils);
void dial_tick(struct ils *ils);
void dial_over(struct ils *ils, struct link *l, enum code code);
void dial_up(struct ils *ils, struct link *l);
tick dial_deadline(const struct ils *ils);
void dial_peer(struct ils *ils, struct peer *p);
bool dial_is_hub(const struct ils *ils, const struct peer *p);
void dial_want(struct ils *ils, bool wanted);
void dial_leave(struct ils *ils);
void dial_back(struct ils *ils);

/* alarm.c */
size_t alarm_raise(struct ils *ils, enum alarm alarm, struct slice subject);
wall alarm_last(const struct ils *ils, enum alarm alarm, struct slice subject);
void alarm_clear(struct ils *ils, enum alarm alarm, struct slice subject);
void alarm_row(struct ils *ils, const struct row *row);
void alarm_tick(struct ils *ils);

/* say.c */
struct trace *say(struct ils *ils, enum trace_event event);
struct trace *say_link(struct link *l, enum trace_event event);
void say_verdict_live(struct link *l, enum code code, bool here);
void say_verdict_undialled(struct ils *ils, uint64_t command, enum code code);
void say_verdict(struct link *l, enum code code, bool told, uint32_t retry_after);

#endif
