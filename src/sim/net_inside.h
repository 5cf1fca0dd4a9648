/* net_inside: what net.c (bytes and connections), net_tls.c (TLS and certificates) and net_fault.c
 * (what goes wrong on the way) share, and nobody else sees. */
#ifndef OPENILS_SIM_NET_INSIDE_H
#define OPENILS_SIM_NET_INSIDE_H

#include <assert.h>

#include "sim/grow.h"
#include "sim/pki.h"
#include "sim/world.h"

enum mark_kind { MARK_BYTES, MARK_END, MARK_TLS };

struct mark {
    tick at;
    size_t n;
    enum mark_kind kind;
    unsigned stage; /* of TLS: 1 hello, 2 the acceptor's flight, 3 the dialler's last, 0 refused */
};

struct end {
    struct conn *conn;
    struct end *next;    /* in its bucket */
    struct node *node;   /* NULL: this end is gone */
    uint64_t incarnation;
    uint32_t link;
    bool open;           /* the core may send, and wants to hear */
    bool secured;        /* TLS: the core was told */
    struct address local;
    unsigned index;      /* of the node, also when it is gone */
    /* what this end sent and the other has not read: */
    uint8_t *bytes;
    size_t from, n, size;
    struct mark *mark;
    size_t mark_from, mark_n, mark_size;
    tick last;           /* arrival of the newest byte */
    bool delivering;     /* a job is under way */
    bool room_due;
    size_t pending;      /* as told last */
    tick stalled_until;  /* this end does not read before */
    unsigned tiny;       /* so many bytes are read one by one */
    struct watch *watch; /* of the bytes that it sent; whoever watches */
};

enum conn_state { CONN_ASKED, CONN_STANDS, CONN_OVER };

/* What TLS of this world needs: what each end shows, and what both have in common. */
struct tls {
    bool invite;
    uint8_t random[32], exporter[32];
    uint8_t der[2][PKI_DER_MAX];
    size_t der_n[2];
};

struct conn {
    struct list node;
    struct net *net;
    enum conn_state state;
    struct end end[2];   /* [0] dialled */
    tick latency;
    struct tls *tls;     /* the dialler speaks TLS; NULL: it does not */
    bool tls_port;       /* the acceptor does */
    bool deaf;           /* power went at one end: bytes go nowhere */
    size_t reset_after;  /* bytes; 0: no reset is planned */
    unsigned jobs;
};

static inline struct end *other(struct conn *c, const struct end *e)
{
    return e == &c->end[0] ? &c->end[1] : &c->end[0];
}

/* net.c */
void conn_at(struct conn *c, tick when, void (*run)(struct world *, struct job *), int end);
void conn_release(struct conn *c); /* the job is done */
void conn_reset(struct conn *c, tick delay);
/* A paused process hears later: true when the job, which is about e, was put off. */
bool put_off(struct conn *c, struct end *e, struct job *job);
bool end_hears(const struct end *e);
void end_down(struct end *e, enum down_reason reason);
void end_put(struct conn *c, struct end *e, struct slice bytes, struct mark mark);
tick path_latency(const struct conn *c);

/* net_tls.c */
void tls_begin(struct conn *c); /* the dialler is connected */
void tls_mark(struct conn *c, struct end *from, struct end *to, unsigned stage); /* it arrived */
void tls_misread(struct conn *c, struct end *to); /* bytes over a port of the other kind */
void questions_done(struct net *net);

/* net_fault.c: when the path lets the next bytes through; the time, if not now. */
bool path_blocked(const struct net *net, const struct end *from, const struct end *to);
tick path_waits(const struct conn *c, const struct end *from, const struct end *to, size_t arrived);

#endif
