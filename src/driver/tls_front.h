/* tls_front: TLS in front of a server that knows sockets only: whoever has finished his handshake
 * is given to that server as one end of a socket pair, and what goes over it is opened and sealed
 * here. Who does not read is not read from, in both directions.
 *
 * A library that is a server has sentences of its own for what it cannot read. Of a connection that
 * does not speak (tls_front_speaks) nothing that the server says is passed on: it is told what the
 * options have in its place, and ends.
 *
 * What strangers can take is bounded: connections in all and from one address, the time for a
 * handshake, and the time without any byte being taken. */
#ifndef OPENILS_DRIVER_TLS_FRONT_H
#define OPENILS_DRIVER_TLS_FRONT_H

#include <sys/socket.h>
#include <uv.h>

#include "driver/door.h"
#include "driver/tls.h"

struct tls_front_options {
    const char *address; /* numeric; "::" is every address, IPv4 too */
    uint16_t port;       /* 0: any free one */
    unsigned conns_max, source_max; /* in all, and from one address; loopback has no limit */
    struct door_gate *gate;  /* judges connections; NULL: everybody may ask */
    struct tls_context *tls; /* as tls_door_context makes it; the front takes a reference */
    unsigned shake_ms;       /* for a handshake */
    unsigned stuck_ms;       /* without the other end taking a byte of what is sent */
    struct slice instead;    /* of what the server says unasked; as long as the front is open */
};

struct tls_front_events {
    /* fd is the server's from now on, plain bytes; number: of the connection, never 0; from: who
     * it is. False: it was closed. */
    bool (*up)(void *context, uint64_t number, int fd, const struct sockaddr *from, socklen_t n);
    /* The server said something unasked. */
    void (*unasked)(void *context, const struct sockaddr *from);
};

struct tls_front;
/* NULL: error says why and names who holds the port. */
struct tls_front *tls_front_open(uv_loop_t *loop, const struct tls_front_options *options,
                                 const struct tls_front_events *events, void *context,
                                 char *error, size_t size);
uint16_t tls_front_port(const struct tls_front *f);
/* Whether what the server says from now on is passed on; not so at first. What it said before is
 * sent first. A connection that is gone is no error. */
void tls_front_speaks(struct tls_front *f, uint64_t number, bool speaks);
/* Connections that spoke no TLS, or came to no agreement. */
uint64_t tls_front_untrue(const struct tls_front *f);
/* Whoever connects from now on is shown another certificate. Takes a reference. */
void tls_front_tls(struct tls_front *f, struct tls_context *tls);
/* Cuts what is open. closed is called later, from the loop. */
void tls_front_close(struct tls_front *f, void (*closed)(void *context), void *context);

#endif
