/* core: what the files of this room share, and nobody else sees.
 *
 * ils.c dispatches events; journal.c turns state into rows and waits for them; command.c takes the
 * operator's words; gate.c guards the door; dial.c decides when to knock; link.c is the life of one
 * link, handshake.c its first half, cert.c the verdict on certificates and refusal.c how an attempt
 * ends that does not join; own.c and ready.c are one's own certificate and what each end would say
 * of the other's; trust.c and invite.c are what is trusted and who may come; exchange.c is
 * replication's talk and stream.c its state; self.c is what a cluster says of itself; alarm.c and
 * say.c are what is told.
 *
 * mesh.c is whom this cluster wants to be linked to, and role.c what it is in the network;
 * identity.c tells who is who where two say that they are one, and renew.c takes another key;
 * leave.c, ends.c and author.c are leaving, forgetting and banning, and told.c what of one's own
 * streams is shown; introduce.c makes the invited known to the other hubs; holds.c is who has what.
 *
 * follow.c is a core that does not write: it serves what another process has stored.
 *
 * policy.c takes the rules of what is made of learned data; held.c keeps the former plan of a
 * cluster whose plan shrank; duplicates.c looks plans through for what others have as well.
 *
 * This header has the state, that of streams in core_stream.h, of certificates and invites in
 * core_trust.h; calls.h, at its end, what the files call of each other. */
#ifndef OPENILS_CORE_CORE_H
#define OPENILS_CORE_CORE_H

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/list.h"
#include "base/planted.h"
#include "base/rand.h"
#include "core/core_stream.h"
#include "core/core_text.h"
#include "core/core_trust.h"
#include "core/ils.h"
#include "core/limits.h"
#include "core/planlog.h"
#include "core/view.h"
#include "link/cpace.h"
#include "link/frame.h"
#include "link/msg.h"
#include "link/sealed.h"
#include "plan/walk.h"

struct stream;
struct link;

/* A cluster that this one wants to be linked to, or to visit, and how that goes (mesh.c). Not
 * stored: after a start all is tried anew. */
struct contact {
    struct link *link;      /* the attempt under way, NULL = none */
    uint32_t attempts;      /* in a row that failed */
    uint32_t tries;         /* that it took until it was last linked */
    tick next;              /* not before */
    tick since;             /* when it was lost, or first wanted; 0 = it is not wanted */
    enum code last_code;    /* of the last attempt; CODE_NONE: none has ended, or it joined */
    bool visited;           /* an alternate of a spoke: met as this cluster is now */
    uint8_t visited_as[HASH_SIZE]; /* both ends' certificates and method of that visit */
    uint8_t renewed_for[HASH_SIZE]; /* certificates for which a link was last set up */
};

/* What a cluster says that it holds, at its last beat or when something went wrong with it. */
#define HOLDS_HASH 8
#define HOLDS_EXCEPTIONS 32
struct exception {
    uint8_t key[KEY_SIZE];
    uint64_t number, epoch, usn; /* served there */
    uint8_t status;              /* enum sync_status */
    wall since;
};
struct holds {
    bool known;
    wall at;                     /* when it was said */
    uint64_t streams;            /* how many it counted */
    uint8_t hash[HOLDS_HASH];    /* over all plans and catalogs that it serves (holds.c) */
    struct exception exception[HOLDS_EXCEPTIONS];
    size_t n;
};

/* What this cluster itself serves, and by which steps it came there: the newest of them are kept,
 * so that a hash that another cluster says can be explained (holds.c). */
#define HOLDS_KEY   16           /* the first bytes of a key name it well enough */
#define HOLDS_STEPS 256
struct vector_step {
    uint8_t key[HOLDS_KEY];
    uint64_t number;
    uint64_t before, after;      /* what the stream adds to the sum; 0 = it is not served */
    uint64_t epoch, usn;         /* served before */
    tick at;
    wall wall;
};
struct vector {
    uint64_t sum, streams;
    struct vector_step step[HOLDS_STEPS]; /* a ring */
    uint64_t n;                  /* steps ever made */
};

/* Another cluster, known by its key. */
struct peer {
    struct list node, hub; /* hub: in ils->hubs, unless it is a spoke; in the order of peers */
    struct peer *next_by_key;
    uint8_t key[KEY_SIZE];
    uint8_t id[PEER_ID_SIZE];
    /* what each step looks at, of everybody, is together */
    struct link *link;             /* the one link that stays, or NULL */
    struct contact contact;        /* mesh.c */
    uint8_t role;
    bool met;                      /* on a link of our own */
    bool disconnected_here, disconnected_there; /* by whom */
    bool draining;                 /* a hub that is about to be a spoke: from its stream 0 */
    bool next_announced;           /* announced[1] is a certificate */
    bool foreign;                  /* this cluster took over another network since it was met */
    bool no_network;               /* on the last link with it neither end was in one */
    bool dropped;                  /* forgotten here alone: it goes when nothing points at it */
    bool stored;                   /* the disk was given its row */
    bool dirty;                    /* its row must be stored (peer_dirty) ... */
    tick row_next;                 /* ... and not before; 0 = now */
    /* from its stream 0 */
    TEXT(cluster_id, CLUSTER_ID_MAX);
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(description, DESCRIPTION_MAX);
    TEXT(version, 64);
    TEXT(route_string, ROUTE_STRING_MAX);
    TEXT(host, HOST_TEXT_MAX); /* advertised */
    uint8_t home[PEER_ID_SIZE];     /* of a spoke: the hub that serves it; zeros: not said */
    TEXT(former, 2 * PEER_ID_SIZE); /* its peer id before it took a new identity, in hex */
    uint16_t port, tls_port;
    struct announced announced[2]; /* its certificates as its stream 0 has them: in use, next */
    tick import_next;              /* nothing that it announces is imported before */
    /* what it would say of ours, as it told on the link (READY) */
    struct msg_ready ready;
    bool has_ready;
    uint8_t told_ready[HASH_SIZE]; /* hash of the READY that it was sent on this link */
    bool has_told;
    /* how it was met */
    uint8_t met_method;
    uint8_t met_rule;  /* enum cert_rule */
    uint8_t shown[FINGERPRINT_SIZE]; /* the certificate that it proved itself with last */
    bool has_shown;
    TEXT(shown_name, CERTIFICATE_NAME_MAX);
    wall shown_ends;
    wall met_first, met_last;
    char met_ip[ADDRESS_TEXT_MAX + 1];
    bool twin;                     /* another cluster has its cluster id, and that was said */
    bool invited_here;             /* by an invite of this cluster; durable */
    bool invited_there;            /* this cluster came by its invite; durable */
    tick introduced_until;         /* so many were imported by its word in a window of time */
    size_t introduced_n;
    bool introduces, introduces_known; /* whether its stream 0 introduces anybody */
    struct holds holds;            /* what it says that it has (holds.c) */
    wall last_contact;
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
#define STREAM_BUCKETS 256
#define PEER_BUCKETS 256 /* by the first byte of the key: at worst all are in one */

struct asked {
    struct stream *stream; /* NULL: the stream is gone, the answer is dropped */
    uint8_t name[HASH_SIZE];
};

struct question { /* of theirs, for a segment */
    uint8_t key[KEY_SIZE];
    uint64_t number;
    uint8_t name[HASH_SIZE];
};

#define QUESTIONS_MAX (REQUESTS_MAX * sizeof(struct question)) /* that wait for room on a link */

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
    bool successor;         /* of a link with the same certificate (date.c) */
    struct invite invite; /* id and secret, where method is METHOD_INVITE */
    uint8_t prs[32];      /* of the password exchange, until it begins */
    struct address peer, local;
    TEXT(host, HOST_TEXT_MAX);
    uint16_t port;
    uint64_t command;    /* a join that waits for the verdict, 0 = none */
    bool expected;       /* dialled for a peer whose key is known */
    bool brisk;          /* dialler: after a loss; the way may be another one by now (BRISK_US) */
    bool elsewhere;      /* not where it usually is: a shot in the dark, of which nothing is told */
    bool lone;           /* one attempt (dial_peer): no alarm comes of it */
    uint8_t expected_key[KEY_SIZE];
    tick since, deadline, last_in, last_out;
    tick up;             /* since when both have said yes */
    tick last_answer;    /* to a question of ours, of whatever stream, ... */
    tick last_part;      /* ... and a part of one: bytes came that make no whole frame yet */
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
    uint16_t generation_there; /* newer, as its goodbye said; 0 = nothing said */
    uint8_t binder[HASH_SIZE];
    uint8_t verdict_id[VERDICT_ID_SIZE];
    bool verdict_given;
    bool visit;          /* dialler: only to meet; goodbye when both have proved themselves */
    tick stalled;        /* since when nothing of what waits was taken; 0 = nothing waits */
    bool refused_here;   /* it was this end that said no */
    struct proof theirs;
    bool proved_none;    /* this end proved that it is in no network yet */
    uint64_t serial;     /* of my dial */
    uint64_t displaced;  /* boot of the session of the same key whose place it took; 0 = none */
    struct peer *to;     /* after the proof */
    bool marks_done;     /* their whole list has come */
    bool unheard;        /* as a spoke it told of others: that was not heard */
    bool ended_told;     /* it told of somebody up to his end: that was not heard */
    struct mark *mark;   /* by stream index */
    size_t mark_n;
    struct asked asked[REQUESTS_MAX]; /* ring: answers come in order */
    uint32_t asked_first, asked_n;
    struct buf questions; /* for segments, which they have asked for and wait for (exchange.c) */
};

struct password {
    bool held, preferred;
    uint16_t generation;
    uint8_t stretched[32];
};

/* Leaving: the wish is durable; so are the heads that say it; all are told; all is forgotten. */
enum leaving_phase { STAYING, LEAVING_STORING, LEAVING_WISH, LEAVING_TELLING, LEAVING_OVER };

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
    bool exchange_off, introductions_off, draining;
    uint16_t minutes;
    struct confirm confirm;
    struct rollback rollback;
    uint64_t learned_max;
    struct lookup_rules lookup;
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
    BATCH_IDENTITY, /* a new key is durable (identity.c) */
    BATCH_LEAVE,    /* a step of leaving is durable (leave.c) */
    BATCH_ENDED,    /* somebody was forgotten or banned (ends.c) */
    BATCH_WITHHELD, /* number: of the stream, and the USN (told.c) */
    BATCH_POLICY,   /* a rule is durable, or gone (policy.c) */
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
    bool of_stream, of_head, of_segment; /* BATCH_PLAIN: rows of another's stream, peer_key and
                                          * number[0]; number[1]: so many segments once more */
    uint8_t segment[HASH_SIZE];
    bool holds; /* the row of a plan that is kept (held.c) is in it */
    bool route, route_add, route_was; /* BATCH_COMMAND: of a route (routing.c); was: with: */
    uint16_t priority, weight;
    uint16_t to_priority, to_weight; /* as it was added */
    TEXT(pattern, 256);
    TEXT(target, 512);
    bool of_peer, was_here, was_there; /* BATCH_COMMAND: of a peer's disconnection */
    uint8_t peer_key[KEY_SIZE];
    struct own_commit *commit;
    struct ended *ended;   /* BATCH_ENDED: is so then; of_peer: that one goes from here alone */
    TEXT(listed_at, CLUSTER_ID_MAX); /* ... another hub that may have it linked */
    struct policy_change *policy; /* BATCH_POLICY */
};

#include "core/commit.h"

/* An operator's change of the plan that waits for its turn. */
struct waiting {
    struct list node;
    struct arena arena;
    uint64_t command;
    struct slice who, what;
    struct slice source, *sources; /* all whose entries these are, `source` the first */
    bool replace;
    struct change *change;
    size_t change_n, source_n;
    uint64_t kept; /* entries there already that the change puts again */
    bool ordered;  /* each key once, in order */
    bool lent;     /* the changes are those of who asked, who keeps them */
    enum command_type type;
    uint64_t number; /* of the stream */
    bool meant;      /* however much it shrinks: the others need not hold it back */
    struct slice name, route_string, description, cluster; /* of a catalog */
    bool force;
    uint32_t confirm;      /* seconds; 0 = it stays */
    uint64_t undoes, last; /* as in struct command */
    bool undoes_to, undoes_more;
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
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(name, CERTIFICATE_NAME_MAX);
};

struct dial {
    bool wanted;            /* a registration server is set and nobody disconnected it */
    TEXT(host, HOST_TEXT_MAX);
    uint16_t port;          /* 0: the method's default */
    bool port_tls;          /* the port was given while TLS was offered */
    struct invite invite;   /* not yet used; expires = 0: none */
    struct link *link;      /* the attempt under way, NULL = none */
    uint32_t attempts;
    uint32_t tries;         /* that it took until it was last linked */
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

/* What a spoke does about its hub, and a hub about becoming a spoke (mesh.c, role.c). */
struct mesh {
    uint8_t hub_key[KEY_SIZE];  /* spoke: who serves it now */
    bool has_hub, lone;         /* lone: a spoke that knows no alternate */
    bool settled;               /* a spoke that is served: it seeks no other hub */
    tick lost;                  /* spoke: since when it has no hub; 0 = it has */
    tick home_lost;             /* spoke: since when its own hub is not linked; 0 = it is */
    tick home_next;             /* spoke on an alternate: when its own hub is tried again */
    tick let_go;                /* spoke: when a hub that is one too many is heard no more */
    bool seek;                  /* somebody has not been heard of for two beats (stream.c) */
    tick seek_next;             /* hub: they are dialled then */
    bool draining;              /* hub: its spokes are to go elsewhere; durable */
    tick drained_at;            /* at the latest */
    uint64_t command;           /* who waits until it is a spoke; 0 = nobody */
    tick next;                  /* nothing is to be done before */
};

/* Another process writes; this one is given its rows (follow.c). */
struct following {
    bool is;
    TEXT(writer, 128);
    bool whole;             /* what is whole is to be served */
    bool settled;           /* settings may be others than `durable` */
    bool reload;            /* it was asked for */
    size_t missing;         /* segments of lists that are not served yet */
};

/* Whether the wall clock can be right (date.c). */
struct clock {
    wall built;             /* it cannot be before; 0 = not judged */
    wall right;             /* what it said when it last could be, */
    tick at;                /* ... and when that was */
    bool wrong;
    uint8_t told;           /* what the alarm says */
};

struct ils {
    struct mem *mem;
    struct arena step;      /* action memory */
    struct ils_action *action;
    size_t action_n, action_size;
    bool broken;            /* memory was refused where nothing sane is left to do */
    tick now;
    wall wall;              /* for display */
    wall date;              /* by which end dates are judged (date.c) */
    struct clock clock;
    uint8_t pool[HASH_SIZE];/* ratcheting entropy */
    struct rand rand;       /* jitter only */
    bool started;           /* START came */
    bool ready;             /* the boot number is durable: links may be made */
    bool listening;
    bool rows_lost;         /* a batch that nobody waits for was not taken by the disk, or there
                             * was no memory for it */
    bool unstored;          /* the disk did not take all of some other's plan (stored.c) */
    bool stopped;           /* STOP came: no command is taken any more */
    struct following following; /* follow.c */

    TEXT(cluster_id, CLUSTER_ID_MAX);
    TEXT(fqdn, HOST_TEXT_MAX);
    TEXT(description, DESCRIPTION_MAX);
    TEXT(route_string, ROUTE_STRING_MAX);
    TEXT(version, 64);
    TEXT(advertise, HOST_TEXT_MAX + 8);
    TEXT(seen, ADDRESS_TEXT_MAX); /* the local address of a link: said when nothing is advertised */
    uint16_t tls_port, password_port;
    enum ils_role role;
    struct auth auth;       /* accept = 0: what is offered is accepted */
    struct password password[PASSWORDS_MAX];
    uint8_t network[NETWORK_ID_SIZE];
    uint8_t seed[SEED_SIZE];
    uint8_t key[KEY_SIZE], secret[SECRET_SIZE], peer_id[PEER_ID_SIZE];
    bool has_seed;
    bool has_key;           /* `key` and `peer_id` are: of the seed, or of setting "key" */
    bool key_stored;        /* setting "key" is there */
    struct settings durable;
    uint64_t boot, serial, audit_n;
    struct {
        uint64_t floor; /* the highest serial of those that had to go */
        struct proved {
            uint64_t serial; /* 0: free */
            uint8_t binder[HASH_SIZE];
        } dial[PROVED_MAX];
    } proved;           /* the dials of this boot in which this end has given its proof */
    uint8_t level;

    struct dial dial;
    struct mesh mesh;
    struct planlog planlog;
    struct gate gate;
    bool exchange_off;      /* neither shows its plan nor serves others' (told.c) */
    bool introductions_off; /* what hubs introduce is not imported (introduce.c) */
    struct introducing {
        struct buf not_again; /* keys of those whose certificate an operator removed by hand */
        tick next;            /* what hubs introduce is looked through */
    } introducing;
    uint16_t minutes;       /* Synchronize Clusters Every; 0 = BEAT_MINUTES */
    bool cloned;            /* another copy of this cluster is running: nothing is written */
    tick cloned_at;         /* it was said last */
    bool was_linked;        /* since the start, under this key */
    bool displaced;         /* cloned: the other copy came while this one was linked */
    TEXT(refused_as, CLUSTER_ID_MAX); /* the id under which this end was told 501, 502 or 503 */
    struct {                /* refused here: 501 or 503 */
        uint8_t key[KEY_SIZE];
        TEXT(id, CLUSTER_ID_MAX); /* n = 0: none */
    } refused_id[REFUSED_IDS];
    size_t refused_id_next; /* a ring */
    uint8_t former[PEER_ID_SIZE]; /* before `identity new`; zeros: there was none; durable */
    struct renewal *renewal; /* a new key is on its way to the disk (renew.c), or NULL */
    struct list ended;      /* struct ended: who left, was forgotten or banned (ends.c) */
    struct leaving {        /* leave.c */
        uint64_t command;   /* who waits; 0 = nobody */
        uint8_t phase;      /* enum leaving_phase */
        bool resumed;       /* it was interrupted by a restart */
        tick until;         /* the links end then; 0 = not leaving */
    } leaving;
    bool ends_due;          /* peers that are gone may have to go (ends.c) */
    tick repeat_next;       /* a spoke looks then whether its hub says what it knows of ends */
    struct buf catalog_rows;    /* settings of catalogs, until the start */
    struct buf withheld_rows;   /* as stored, until the start */
    struct rolled_row {
        bool there, left;
        uint64_t epoch, usn;
    } rolled_row[2];            /* likewise (adopt.c) */
    bool served_off;        /* of others' plans nothing is served */
    uint64_t adopting;      /* REBUILD or RESTORE that waits; 0 = none (adopt.c) */
    tick holds_next;        /* what is not up to date is looked at again; 0 = no need (holds.c) */
    tick holds_wrote;       /* when what this cluster holds was last made to be said */
    bool holds_due, holds_news; /* it is to be said anew; a head was heard of in this step */
    size_t behind_n;        /* streams that are behind */
    uint8_t holds_said[HASH_SIZE]; /* hash of what was said last */
    uint64_t holds_wrong, holds_streams; /* hash of the exceptions in it; streams that it counted */
    struct vector vector;
    bool rosters_moved;     /* who is admitted may have changed */
    struct list peers, hubs, links, streams, batches, waiting, alarms; /* hubs: no spokes */
    struct list commits;   /* of one's own streams, from the beginning to the end */
    size_t budget;         /* changes and records that this step may still look at */
    struct list busy;      /* links that a step looks at; of the others nothing is to be done ... */
    struct list strangers; /* ... before their deadline: by deadline, earliest first */
    struct link *by_id[LINK_BUCKETS];
    struct peer *peer_by_key[PEER_BUCKETS];
    struct list due;       /* streams of which something is fetched, or is to be tried again */
    bool next_announced;   /* somebody may have announced a certificate to come */
    tick replaced_next;    /* replaced segments are looked through; at the start 0 */
    tick rows_next;        /* no row of a peer is stored before */
    tick alarm_next;       /* no alarm is over by time alone before */
    struct stream *by_key[STREAM_BUCKETS];
    size_t peer_n, stream_n, alarm_n, catalog_n; /* catalogs: one's own among the streams */
    bool index_taken[STREAMS_MAX];
    uint32_t next_link, next_n;
    uint64_t next_batch;

    struct plan *plan;
    struct routes *routes;
    struct policy *policy;
    uint32_t block_n;      /* the highest number that a block ever had */
    uint64_t learned_max;  /* entries of all others; 0 = LEARNED_MAX */
    struct list pairs;     /* struct pair */
    size_t pair_n, pair_alarm_n, scan_n; /* scan: streams that are to be looked through ... */
    tick scan_next;        /* ... not before */
    tick scan_since;       /* there was nothing to look through before */
    struct stream *scanning; /* the one that is, or NULL */
    bool scanned;          /* all of them once since the start */
    bool learned_less;     /* a plan of others is held no longer: what was refused may fit now */
    bool learned_moved;    /* what is learned is another now: whether that is near the limit? */
    bool learned_near;     /* the alarm is raised, with this subject: */
    TEXT(near, 40);
    uint64_t learned_seen; /* the limit for which what was refused was asked for again */
    struct confirming {    /* that the own plan shrank is meant so (held.c) */
        uint64_t command;  /* who waits; 0 = nobody */
        TEXT(who, 96);
        TEXT(what, 512);
    } confirming;
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
    tick adopt_came;           /* when something of a newer plan of this cluster last came */
    bool heard_again;          /* a new epoch began: what is told of own streams is looked at */
    bool adopt_overdue;        /* that was long ago, and the alarm was raised */
    tick next_beat;
    wall beaten;               /* the last one, or the first start; 0: never started */
    tick stale_next;           /* what is stale is judged anew (stream.c) */
    bool heads_moved;          /* something to tell the neighbours */

    struct verdict_entry verdict[VERDICTS_KEPT];
    size_t verdict_n, verdict_next;
};

/* Disconnected by an operator of either end. Of two spokes that counts here alone: they have no
 * link on which the other end could say that it is over. */
static inline bool peer_parted(const struct ils *ils, const struct peer *p)
{
    return p->disconnected_here ||
           (p->disconnected_there && (ils->role != ROLE_SPOKE || p->role != ROLE_SPOKE));
}

#include "core/calls.h"

#endif
