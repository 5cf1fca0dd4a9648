/* udp: a door of datagrams: each request is answered at once, or not at all, by the worker that it
 * came to. Every worker has a socket of its own on the port. In batches of 64, so that the kernel
 * is asked twice for 64 requests, not 128 times. Of strangers the gate lets in so many
 * (door_gate_admits()). */
#ifndef OPENILS_DRIVER_UDP_H
#define OPENILS_DRIVER_UDP_H

#include "base/buf.h"
#include "driver/door.h"
#include "driver/worker.h"

struct udp_request {
    struct slice bytes;
    struct slice ip; /* numeric text, IPv6 without brackets, IPv4-mapped as IPv4 */
    uint16_t port;
    uint16_t reply_port; /* in: port; the answer may change it */
    unsigned worker;     /* which one asks: its number */
};

/* Appends the reply to out; nothing appended = no reply. On a worker's thread. */
typedef void (*udp_answer)(void *context, struct udp_request *request, struct buf *out);

struct udp;

struct udp_options {
    const char *address; /* numeric */
    uint16_t port;       /* 0: any free one */
    size_t request_max;  /* larger datagrams arrive cut to request_max + 1 */
    size_t reply_max;    /* larger replies are refused by the buffer */
    struct door_gate *gate; /* whom it does not let in is not answered; NULL: everybody is */
    udp_answer answer;
    udp_answer too_fast; /* who asks too fast for the gate; NULL: is not answered */
    void *context;
};

/* NULL: error says why and names who holds the port. */
struct udp *udp_open(struct workers *workers, const struct udp_options *options, char *error,
                     size_t size);
uint16_t udp_port(const struct udp *u);
/* What has come is still answered. closed is called from the loop, when no worker answers any
 * more. */
void udp_close(struct udp *u, void (*closed)(void *context), void *context);

#endif
