/* world: clusters in virtual time. Each cluster is one core with a memory budget, a disk and an
 * address of its own; they speak bytes to each other through net.h and know of nothing else. One
 * queue of (time, order) decides what happens next; every draw comes from the seed. The same seed
 * gives the same run, byte for byte, on every machine and with every compiler.
 *
 * A node (one cluster) is up or down. Down means: its core is freed, only durable rows remain. */
#ifndef OPENILS_SIM_WORLD_H
#define OPENILS_SIM_WORLD_H

#include "base/heap.h"
#include "base/rand.h"
#include "core/ils.h"
#include "sim/disk.h"
#include "sim/log.h"
#include "sim/net.h"

#define NODES_MAX       NET_NODES
#define NODE_NAME       24
#define VERDICTS_NAMED  1024
#define SPIN_MAX        10000 /* steps of one core at one moment */
#define NODE_REPLIES    16
#define NODE_IMAGES     4

struct world;

struct node {
    struct world *world;
    unsigned index;          /* 0.. ; its address is 10.0.0.(index + 1) at first */
    char name[NODE_NAME];
    char host[NODE_NAME + 16]; /* name.example */
    char ip[16];
    unsigned moved;          /* how often its address has changed */
    const char *advertise;   /* --advertise of its configuration: its host, or "" */
    struct mem mem;          /* of the core of this incarnation */
    size_t budget;
    size_t short_of;         /* so much of the budget its machine has not at present */
    struct ils *ils;         /* NULL: down */
    uint64_t incarnation;    /* counts the starts */
    bool listening;
    tick wake;               /* when the queue wakes it next; TICK_NEVER */
    tick paused_until;       /* a stopped process: nothing reaches it */
    tick suspended;          /* since when its monotonic clock stands still; 0 = it does not */
    tick behind;             /* it has stood still for so long */
    tick late_max;           /* how much later than others it may be woken */
    tick silent_until;       /* who connects is not heard before */
    tick refuses_until;      /* it has no descriptor for another connection */
    wall wall_offset;        /* of its wall clock */
    uint64_t deny_per_million; /* so many allocations are refused */
    bool denied;             /* one was, in this incarnation */
    struct disk disk;
    struct image image[NODE_IMAGES]; /* backups, oldest first */
    size_t image_n;
    uint32_t accepted;       /* of link ids */
    uint16_t port;           /* last ephemeral port */
    uint64_t command;        /* last command id */
    struct {
        uint64_t command;
        enum reply reply;
    } replied[NODE_REPLIES]; /* the last ones; a ring */
    size_t replied_n;
    bool has_key;
    uint8_t key[KEY_SIZE];
    uint8_t peer_id[PEER_ID_SIZE];
    tick gave_up;  /* when its core did so last */
    tick patience; /* of its supervisor */
    tick spin_at;
    unsigned spin;
};

/* Something that will happen. node NULL, or an incarnation that is gone: see world_at. */
struct job {
    void (*run)(struct world *w, struct job *job);
    struct node *node;
    uint64_t incarnation;
    void *object;
    uint64_t number;
    bool fault;       /* it does not happen once the world is calm */
    struct job *next; /* while unused */
};

/* Told of everything, between two jobs or right where it happens; may not step a node. */
struct observer {
    void *context;
    void (*action)(void *context, struct node *n, const struct ils_action *action);
    void (*stepped)(void *context, struct node *n, const struct ils_event *event);
    void (*crashed)(void *context, struct node *n);
};

struct world {
    uint64_t seed;
    tick now;
    wall wall_start;
    struct heap queue;
    struct mem mem;          /* of the queue */
    uint64_t order;
    struct job *unused;
    struct rand rand;        /* entropy and lateness */
    tick late_max;           /* how late a core may be woken */
    struct node *node[NODES_MAX];
    size_t node_n;
    struct net net;
    struct log log;
    struct observer observer;
    bool calm;               /* nothing goes wrong any more */
    bool *rare;              /* see rare.h; NULL: nobody wants to know */
    uint64_t events;         /* steps of cores */
    enum bug bug;
    uint8_t verdict[VERDICTS_NAMED][VERDICT_ID_SIZE]; /* v1, v2 ... in the log */
    size_t verdict_n;
    char broken[LOG_LINE];   /* the first law broken; "" = none */
};

/* When to look again whether a stopped process goes on: at most PATIENT later, since it may be
 * woken before its time. */
#define PATIENT (10 * TICK_S)
static inline tick node_goes_on(const struct node *n)
{
    tick soon = n->world->now + PATIENT;
    return n->paused_until < soon ? n->paused_until : soon;
}

/* Alive and not stopped: it can be given a command. */
static inline bool node_awake(const struct node *n)
{
    return n->ils != NULL && n->paused_until <= n->world->now;
}

struct world *world_new(uint64_t seed, enum bug bug);
void world_free(struct world *w);

/* A new node, down, with an empty disk. The name is at most NODE_NAME - 1 bytes. */
struct node *world_add(struct world *w, const char *name, size_t budget);
struct node *world_find(const struct world *w, const char *name);
/* By "10.0.0.N", "NAME.example" or, for scenes, NAME; NULL: does not resolve. */
struct node *world_resolve(const struct world *w, struct slice host);

/* Starts the core from the durable rows. The node must be down. */
/* Its wall clock is wrong by so much that it can know it. */
bool node_clock_lost(const struct node *n);

void node_start(struct node *n);
/* Ends it without a word. power: the peers hear nothing of it either. */
void node_crash(struct node *n, bool power);
/* A backup of what is durable, in place of the oldest where there are NODE_IMAGES. */
void node_image(struct node *n);
/* The machine is somewhere else from now on: what was connected hears nothing any more. */
void node_move(struct node *n);
/* One step now, and everything it asks for. The node must be up; not from within a step. */
void node_step(struct node *n, struct ils_event *event);
/* Gives the core a command and returns the command's id; its memory is needed during the call. */
uint64_t node_command(struct node *n, struct command *command);

/* Something happens at a time (not before now). node given: it is dropped when that node is down or
 * another incarnation by then, and put off while it is paused. */
void world_at(struct world *w, tick when, struct node *node, struct job job);

/* Runs the next job, if it is due at `until` at the latest; false: none is. */
bool world_next(struct world *w, tick until);
/* Runs until that time, or until a law is broken. */
void world_run(struct world *w, tick until);

/* A line of the world's own. */
void world_note(struct world *w, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A law is broken: the first one is kept. */
void world_break(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
