/* tcp: the connections of links. Bytes in, bytes out, and why a connection ended; no meaning.
 *
 * A connection is known by a number: the caller chooses it when he opens one; accepted ones get
 * numbers with the highest bit set. Every callback comes from the loop, never from inside a call
 * of a function below. */
#ifndef OPENILS_DRIVER_TCP_H
#define OPENILS_DRIVER_TCP_H

#include <uv.h>

#include "base/slice.h"

#define TCP_ACCEPTED  UINT32_C(0x80000000)
#define TCP_TEXT_MAX  46 /* a numeric address */
#define TCP_LOW_WATER (256 * 1024)
#define TCP_CONNS_MAX 4096

enum tcp_reason {
    TCP_CLOSED, /* orderly end of stream */
    TCP_RESET,  /* reset, or another failure of a connection that stood */
    TCP_REFUSED,
    TCP_TIMEOUT,     /* 3 s without an answer */
    TCP_UNREACHABLE, /* no route, or nothing left to try it with */
    TCP_UNRESOLVED,
};

struct tcp_address {
    char ip[TCP_TEXT_MAX]; /* numeric; IPv4 in IPv6 is shown as IPv4 */
    uint16_t port;
};

struct tcp_events {
    /* tag: of the listener. */
    void (*accepted)(void *context, uint32_t link, unsigned tag, const struct tcp_address *peer,
                     const struct tcp_address *local);
    void (*connected)(void *context, uint32_t link, const struct tcp_address *peer,
                      const struct tcp_address *local);
    void (*data)(void *context, uint32_t link, struct slice bytes);
    /* Bytes not yet taken by the kernel: told when they fall to TCP_LOW_WATER, and to zero; between
     * these every second in which the other end took something, of these or of the kernel's. */
    void (*room)(void *context, uint32_t link, size_t pending);
    /* The last word about this number. Not said after tcp_close. */
    void (*down)(void *context, uint32_t link, enum tcp_reason reason);
};

struct tcp;
struct tcp *tcp_new(uv_loop_t *loop, const struct tcp_events *events, void *context);

/* Closes what is left after 2 s at most, then calls stopped; t is gone then. */
void tcp_stop(struct tcp *t, void (*stopped)(void *context), void *context);

/* Listens on a numeric address ("::" is every address, IPv4 too); port 0 = any free one, told by
 * tcp_listener_port. tag: the caller's, given back with what is accepted. NULL: *ret_code is a
 * negative libuv code, error a sentence that names the port and, where it can be found out, the
 * process that holds it. */
struct tcp_listener;
struct tcp_listener *tcp_listen(struct tcp *t, const char *address, uint16_t port, unsigned tag,
                                int *ret_code, char *error, size_t size);
uint16_t tcp_listener_port(const struct tcp_listener *l);
void tcp_unlisten(struct tcp_listener *l);

/* Resolves the host and tries its addresses one after the other. */
void tcp_open(struct tcp *t, uint32_t link, struct slice host, uint16_t port);

/* Copies the bytes. An unknown number is ignored: its `down` is under way. */
void tcp_send(struct tcp *t, uint32_t link, struct slice bytes);

/* Sends what is pending and the end of stream, waits for the other end's (2 s at most for all of
 * it, less when room is needed), closes. What still comes in is dropped. Where nothing was ever
 * sent, closes at once. */
void tcp_close(struct tcp *t, uint32_t link);

/* Links that are open, opening or closing. */
size_t tcp_count(const struct tcp *t);
/* How many there may be: TCP_CONNS_MAX, or what the limit of descriptors leaves. When there are so
 * many, and none is closing, whoever comes is accepted and closed at once. */
size_t tcp_most(const struct tcp *t);

#endif
