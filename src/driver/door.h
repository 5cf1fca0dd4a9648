/* door: whom a door for questions lets in: where it listens, which networks may ask, and how often
 * one source may.
 *
 * The gate is asked for each request, from any thread, without a lock. Its memory is fixed: a table
 * of sources, each an IPv4 address or an IPv6 /56, of which the longest idle gives way; and which
 * sources have asked before (known.h). */
#ifndef OPENILS_DRIVER_DOOR_H
#define OPENILS_DRIVER_DOOR_H

#include <sys/socket.h>

#include "base/slice.h"
#include "base/tick.h"

#define DOOR_NETS_MAX    32
#define DOOR_RATE_MAX    1000000 /* requests a second */
#define DOOR_ADDRESS_MAX 46      /* a numeric address as text */
#define DOOR_LISTEN_MAX  56      /* "[ADDRESS]:PORT" */
#define DOOR_NET_TEXT    52      /* "ADDRESS/BITS" */
#define DOOR_SUFFIX_MAX  160
#define DOOR_STRANGERS   4096
#define DOOR_ONE_IN      16

/* A network; IPv4 as ::ffff:a.b.c.d, bits counted from there. */
struct door_net {
    uint8_t ip[16];
    uint8_t bits; /* 0..128; of IPv4 96..128 */
};

struct door_config {
    char address[DOOR_ADDRESS_MAX]; /* numeric */
    uint16_t port;                  /* 0: the door is closed */
    struct door_net allow[DOOR_NETS_MAX];
    size_t allow_n;                 /* 0: anybody may ask */
    uint32_t rate;                  /* requests of one source a second, and at once; 0: no limit */
    char suffix[DOOR_SUFFIX_MAX];   /* DNS alone: its zone; empty: as by default */
    bool send_route_string;         /* SIP alone: redirects say that of the entry */
};

/* "ADDR:PORT", "[ADDR]:PORT" or "off". False: it is none of them, nothing was written. */
bool door_listen_parse(const char *text, char ret_address[static DOOR_ADDRESS_MAX],
                       uint16_t *ret_port);
void door_listen_text(const struct door_config *config, char dst[static DOOR_LISTEN_MAX]);
/* "ADDR" or "ADDR/BITS"; bits beyond the mask must be 0. */
bool door_net_parse(const char *text, struct door_net *ret);
void door_net_text(const struct door_net *net, char dst[static DOOR_NET_TEXT]);
/* Whether only programs of this host reach the address. */
bool door_is_loopback(const char *address);
/* Whether the address is in one of the networks. IPv4 or IPv6. */
bool door_nets_hold(const struct door_net *nets, size_t n, const struct sockaddr *a);

/* The networks of one's own house: loopback, private, link-local. Into config->allow. */
void door_allow_private(struct door_config *config);

enum door_verdict { DOOR_PASSES, DOOR_NOT_ALLOWED, DOOR_TOO_FAST };

struct door_gate;
struct door_gate *door_gate_new(const struct door_config *config);
void door_gate_free(struct door_gate *gate);
/* Other networks and another rate from now on. One thread at a time. */
void door_gate_set(struct door_gate *gate, const struct door_config *config);
/* Whether its network may ask at all; nothing is counted against its rate. */
bool door_gate_allows(struct door_gate *gate, const struct sockaddr *from);
/* now: clock_tick(), or one taken a moment ago for a whole batch. */
enum door_verdict door_gate_judge(struct door_gate *gate, const struct sockaddr *from, tick now);
/* Whether a datagram is to be answered; it is noted that its source has asked. Of sources that are
 * not known (known.h) DOOR_STRANGERS a second are, and as many at once, but none of these when the
 * door is crowded; of what is left one in DOOR_ONE_IN. Programs of this host are known. */
bool door_gate_admits(struct door_gate *gate, const struct sockaddr *from, tick now, bool crowded);

/* How many were refused so far. */
struct door_refused {
    uint64_t not_allowed, too_fast;
    uint64_t passed_over; /* strangers, of whom there were too many */
};
/* Added to *sum. */
void door_gate_counts(const struct door_gate *gate, struct door_refused *sum);

#endif
