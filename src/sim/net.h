/* net: connections of the simulated world: two ordered streams of bytes with a latency, arriving in
 * pieces of any size. A connection can be cut, refused, filtered; it knows nothing of messages. */
#ifndef OPENILS_SIM_NET_H
#define OPENILS_SIM_NET_H

#include "base/list.h"
#include "base/rand.h"
#include "core/ils.h"
#include "sim/disk.h"

struct world;
struct node;
struct conn;

#define NET_NODES 64
#define NET_WINDOW 131072 /* bytes under way that the sender's kernel takes without waiting */

struct net {
    struct world *world;
    struct list conns;
    struct rand rand;
    tick latency_min, latency_max;       /* of a path, one way; drawn for each connection */
    tick jitter_max;
    unsigned small;                      /* of 8 reads so many are tiny */
    bool blocked[NET_NODES][NET_NODES];  /* [from][to]: filtered */
    tick extra[NET_NODES];               /* added to every path of a node */
    enum bug bug;
    uint64_t opened, bytes;
};

void net_init(struct net *net, struct world *w, uint64_t seed, enum bug bug);
void net_done(struct net *net);

/* What a core asks for: */
void net_open(struct net *net, struct node *n, uint32_t link, struct slice host, uint16_t port);
void net_send(struct net *net, struct node *n, uint32_t link, struct slice bytes);
void net_close(struct net *net, struct node *n, uint32_t link);

/* Faults: */
/* Resets every connection between the two (b NULL: every one of a). Returns how many. */
size_t net_cut(struct net *net, const struct node *a, const struct node *b);
/* Filters or heals both directions between the two. */
void net_filter(struct net *net, const struct node *a, const struct node *b, bool on);
/* The node is gone. power: its peers are not told before they send something to its next life. */
void net_gone(struct net *net, struct node *n, bool power);
/* The node is back: what was left from before its power cut is answered with resets. */
void net_back(struct net *net, struct node *n);

/* A connection is asked for and neither stands nor failed yet. */
bool net_asking(const struct net *net);
/* Connections that stand between two nodes (either way round). */
size_t net_count(const struct net *net, const struct node *a, const struct node *b);

#endif
