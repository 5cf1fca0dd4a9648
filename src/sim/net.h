/* net: connections of the simulated world: two ordered streams of bytes with a latency, arriving in
 * pieces of any size, and TLS as far as cores hear of it. A connection can be cut, refused,
 * stalled; a path filtered, clogged, narrowed. It knows nothing of messages. */
#ifndef OPENILS_SIM_NET_H
#define OPENILS_SIM_NET_H

#include "base/list.h"
#include "base/rand.h"
#include "core/ils.h"
#include "sim/disk.h"

struct world;
struct node;
struct conn;
struct end;
struct watch;

#ifdef OPENILS_PEERS_MAX
#define NET_NODES  OPENILS_PEERS_MAX /* of ilssim-scaling */
#else
#define NET_NODES  96
#endif
#define NET_WINDOW 131072 /* bytes under way that the sender's kernel takes without waiting */
#define NET_NARROW 1400   /* what a path that lost its larger packets still carries */
#define NET_BUCKETS 1024

struct net {
    struct world *world;
    struct list conns, questions;
    struct end *bucket[NET_BUCKETS];     /* open ends by node and link */
    struct rand rand;
    tick latency_min, latency_max;       /* of a path, one way; drawn for each connection */
    tick jitter_max;
    unsigned small;                      /* of 8 reads so many are tiny */
    uint8_t blocked[NET_NODES][NET_NODES]; /* [from][to]: so many filters are in the way */
    bool narrow[NET_NODES][NET_NODES];   /* larger packets are lost */
    tick clogged[NET_NODES][NET_NODES];  /* nothing arrives before; then all of it */
    tick extra[NET_NODES];               /* added to every path of a node */
    enum bug bug;
    uint64_t opened, bytes;
    /* Sees the bytes that an end sends over a TLS link, as its core gave them, and again as the
     * other end reads them. *watch is NULL at first and whoever watches keeps it; back: that of the
     * other direction. bytes.p NULL: the connection is gone. */
    void (*watched)(void *context, struct node *from, struct node *to, struct watch **watch,
                    struct watch *back, struct slice bytes, bool read);
    void *watcher;
};

void net_init(struct net *net, struct world *w, uint64_t seed, enum bug bug);
void net_done(struct net *net);

/* What a core asks for: */
void net_open(struct net *net, struct node *n, const struct ils_action *open);
void net_send(struct net *net, struct node *n, uint32_t link, struct slice bytes);
void net_close(struct net *net, struct node *n, uint32_t link);
void net_trust(struct net *net, struct node *n);  /* each live TLS link is verified anew */
void net_verify(struct net *net, struct node *n, uint64_t question, struct slice der);

/* Faults of paths. Filters add up: each is lifted once. */
void net_filter_one(struct net *net, const struct node *from, const struct node *to, bool on);
void net_filter(struct net *net, const struct node *a, const struct node *b, bool on); /* both */
void net_clog(struct net *net, const struct node *from, const struct node *to, tick until);
void net_narrow(struct net *net, const struct node *a, const struct node *b, bool on);
/* All paths are as they should be. */
void net_heal(struct net *net);

/* Faults of connections between the two (b NULL: every one of a), each returns how many. */
size_t net_cut(struct net *net, const struct node *a, const struct node *b);
size_t net_cut_after(struct net *net, const struct node *a, const struct node *b, size_t bytes);
size_t net_half_close(struct net *net, const struct node *a, const struct node *b);
size_t net_stall(struct net *net, const struct node *a, const struct node *b, tick until);
size_t net_tiny(struct net *net, const struct node *a, const struct node *b, unsigned bytes);

/* The node is gone. power: its peers are not told before they send something to its next life. */
void net_gone(struct net *net, struct node *n, bool power);
/* The node's address is another one: nothing arrives any more, and nobody is told. */
void net_lost(struct net *net, const struct node *n);
/* The node is back: what was left from before its power cut is answered with resets. */
void net_back(struct net *net, struct node *n);

/* A connection is asked for and neither stands nor failed yet. */
bool net_asking(const struct net *net);
/* Connections that stand between two nodes (either way round). */
size_t net_count(const struct net *net, const struct node *a, const struct node *b);
/* count[a * NET_NODES + b], a < b, of all pairs at once. */
void net_counts(const struct net *net, uint16_t count[static NET_NODES * NET_NODES]);

#endif
