/* node_inside: what the files of a node share. node.c is its part and its lease, node_ask.c what
 * is asked of the store on the storer's thread, node_give.c the rows on their way into a core, and
 * a core that takes the place of another. */
#ifndef OPENILS_DAEMON_NODE_INSIDE_H
#define OPENILS_DAEMON_NODE_INSIDE_H

#include "daemon/node.h"
#include "daemon/runtime_inside.h"

/* Rows with bytes of their own, given in the order of their spaces. */
struct node_block;
struct node_rows {
    struct store_row *row;
    size_t n, size;
    struct node_block *block;
    bool failed;   /* memory */
    uint8_t space; /* of those that are given now ... */
    size_t at;     /* ... and the next to look at */
};
void rows_clear(struct node_rows *r);
const struct store_row *rows_next(struct node_rows *r); /* NULL: all were given */

/* One conversation with the store, on the storer's thread. */
enum node_question {
    ASK_LEASE,  /* the lease is prolonged */
    ASK_FOLLOW, /* waits for a hint; what changed; whose the lease is, or takes it */
    ASK_LOAD,   /* all rows */
    ASK_READ,   /* the segments of `key` */
    ASK_END,    /* gives the lease back */
};
#define NODE_KEY   72 /* of a segment's row */
#define NODE_READS 64

struct node_ask {
    struct node *node;
    enum node_question question;
    bool take, private; /* the lease, where it is to be had; secrets are loaded as well */
    unsigned wait_ms;
    uint64_t version;
    uint8_t key[NODE_READS][NODE_KEY];
    size_t key_n;
    tick began; /* before the lease was asked for */
    struct store_lease lease;
    struct node_rows rows;
    int result; /* -1: error; 1: too long ago, all is to be loaded */
    char error[STORE_ERROR];
};

enum node_next { NEXT_NONE, NEXT_FOLLOWS, NEXT_WRITES };

struct node {
    struct runtime *rt;
    enum node_part part;
    bool lookup_only;
    char name[STORE_HOLDER];
    unsigned lease_ms;
    struct store_lease lease; /* as it was told last */
    uint64_t version;         /* up to which all was given */
    tick until;               /* writes: nothing is written or sent from then on */
    tick renew;               /* the lease is to be prolonged then */
    tick resigned;            /* it is not taken before */
    tick retry;               /* nothing is asked before */
    tick away_since;          /* the store has not answered; 0: it does */
    wall away;
    char error[STORE_ERROR];  /* why not */
    bool alarmed[2];          /* that, and that the lease was lost */
    bool asking, renewing, giving, stopping;
    bool beginning;           /* nothing of what the writing core stored is durable yet */
    bool must_load;           /* the core does not follow, or cannot */
    struct node_ask ask, renewal, end;
    struct node_rows loaded;  /* all rows, once they were given to `next` */
    struct ils *next;         /* is given rows, and takes the core's place */
    enum node_next next_is;
    bool next_started;
    size_t next_missing, next_rounds;
    struct ils *former;       /* workers may still go by it */
    uv_timer_t timer;
    uv_idle_t give;
    unsigned handles, sources_ending;
    uint8_t read[NODE_READS][NODE_KEY];
    size_t read_n;
    void (*done)(void *context);
    void *context;
};

/* node.c */
void node_answered(struct node *node, struct node_ask *a);
void node_go_on(struct node *node);  /* with what is to be asked next */
void node_writes(struct node *node); /* the next core is the writer's, and has taken its place */
bool node_late(const struct node *node);

/* node_ask.c */
void node_work(void *context, struct store *store);

/* node_give.c: begins to give ask.rows to the core, or to one that is to take its place */
void node_give(struct node *node, enum node_next next);
void node_give_up(struct node *node);

#endif
