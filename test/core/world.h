/* world: a few cores in one process, wired by queues: bytes, connections and disks without delay.
 * What the unit tests of core stand on; time moves only when a test says so. */
#ifndef OPENILS_TEST_CORE_WORLD_H
#define OPENILS_TEST_CORE_WORLD_H

#include "../test.h"
#include "core/ils.h"
#include "core/view.h"
#include "pki.h"

#define WORLD_NODES 7
#define WORLD_LINKS 64
#define WORLD_ROWS  4096
#define WORLD_SAID  4096

struct world_row {
    uint8_t space;
    uint8_t *key, *value;
    size_t key_n, value_n;
};

struct said {
    enum trace_event event;
    enum code code;
    uint64_t number;
    uint8_t verdict_id[VERDICT_ID_SIZE];
    char text[64];           /* the first, cut */
};

struct node {
    struct world *world;
    struct ils *ils;
    struct mem *mem;
    bool listening;
    bool dead;               /* a step failed: memory was refused beyond repair */
    wall skew;               /* of its clock */
    bool full;               /* the disk takes nothing */
    bool fails;              /* it will, after ... */
    size_t takes;            /* ... so many batches more */
    bool once;               /* only the next one behind them, and then it takes all again */
    struct world_row row[WORLD_ROWS];
    size_t row_n;
    struct world_row image[WORLD_ROWS]; /* a backup */
    size_t image_n;
    struct said said[WORLD_SAID];
    size_t said_n;
    enum reply reply;        /* of the last command, ... */
    char text[64];           /* ... and its text, cut */
    uint64_t replied;
    size_t replies;
    struct verdict verdict;  /* the last */
    size_t verdicts;
    uint64_t next_accept;
};

struct wire {
    int node[2];             /* -1: this end is gone */
    uint32_t id[2];
    bool tls, invite, secured;
    uint8_t *der[2];         /* what each end showed; NULL: nothing */
    size_t der_n[2];
    uint8_t random[32], exporter[32];
    uint8_t *late[2];        /* on the way to each end, where the way is slow */
    size_t late_n[2];
};

/* What somebody on the way does to TLS: each end has a session of its own with him. */
enum world_split { SPLIT_NONE, SPLIT_EXPORTER, SPLIT_KEY, SPLIT_RANDOM };

struct event_queued {
    int node;
    struct ils_event event;
    uint8_t *bytes;
};

struct world {
    struct node node[WORLD_NODES];
    struct wire wire[WORLD_LINKS];
    size_t wire_n;
    struct event_queued *queue;
    size_t queue_n, queue_at, queue_size;
    tick now;
    wall wall;
    wall built;              /* no clock can be right before; 0: each is right */
    uint64_t commands;
    uint64_t seed;
    bool corrupt;            /* flip a bit of every data event */
    size_t slow;             /* bytes a second that each connection carries each way; 0: all */
    bool blocked[WORLD_NODES][WORLD_NODES]; /* connections from one to the other time out */
    bool dark[WORLD_NODES][WORLD_NODES];    /* likewise, and only the core's own time tells */
    enum world_split split;
    /* Where it is not NULL, who has his rows elsewhere; false: they are refused. A node whose rows
     * are its own is told by *ret_own. */
    bool (*stores)(struct world *w, int i, const struct ils_action *a, bool *ret_own);
};

void world_init(struct world *w);
void world_done(struct world *w);

/* Starts node i (dialled as "nI", or by its address) in mem; a second call restarts it from its
 * rows. */
void world_start(struct world *w, int i, struct mem *mem);
void world_stop(struct world *w, int i);

/* A backup of node i's rows; and its rows as they were then. The node is stopped. */
void world_image(struct world *w, int i);
void world_restore(struct world *w, int i);

/* Node `to` gets the disk of `from`; neither need be stopped. */
void world_copy(struct world *w, int from, int to);

/* One command, taken and not yet run; its id. */
uint64_t world_ask(struct world *w, int i, struct command c);

/* One command, run until quiet; the reply. */
enum reply world_command(struct world *w, int i, struct command c);

/* Delivers until nothing is queued; wakes due deadlines. */
void world_run(struct world *w);

/* Delivers n events at most; wakes nobody. Wakes one node once, and delivers nothing. */
void world_steps(struct world *w, size_t n);
void world_wake(struct world *w, int i);

/* Moves time on in steps no longer than the next deadline. */
void world_pass(struct world *w, tick t);

/* No connection between the two is made any more, or again; those that stand are reset. */
void world_block(struct world *w, int a, int b, bool on);

/* Every link between the two is reset. */
void world_cut(struct world *w, int a, int b);

/* Ready-made: init with id "cI", password label, hub or joined to node 0. */
void world_hub(struct world *w, int i, const char *password);
void world_spoke(struct world *w, int i, int hub, const char *password);
enum reply world_plan(struct world *w, int i, const char *uri, bool put);

/* Its own certificate from now on: by INIT when it has no id yet, else at once (`now`) or
 * announced. */
enum reply world_certificate(struct world *w, int i, const struct pki *c, bool now);
/* Imports that certificate (or CRL) at node i. */
enum reply world_trust(struct world *w, int i, struct slice der);
/* Both boxes and, where it is not 0, what is accepted. */
enum reply world_auth(struct world *w, int i, bool tls, bool password, uint8_t accept);
enum reply world_join(struct world *w, int i, int hub, enum ils_role role);
/* What was said until now is forgotten. */
void world_hush(struct world *w);

bool world_said(const struct world *w, int i, enum trace_event event);
bool world_answers(const struct world *w, int i, const char *dialled);

#endif
