/* frames: a door of requests over TCP, any number of them on one connection, answered in the order
 * they came: each behind its length in two bytes, as DNS has it (RFC 1035 4.2.2, RFC 7766), or of a
 * length that the request itself tells, as SIP's do.
 *
 * Over TLS the same: who has not finished his handshake in time is gone, and makes room before
 * anybody who has.
 *
 * What strangers can take is bounded: connections in all and from one address, bytes held for each
 * in both directions, and the time without a whole request. Who does not read his replies is not
 * read from. When there are as many connections as may be, the one that has been idle for longest
 * makes room. */
#ifndef OPENILS_DRIVER_FRAMES_H
#define OPENILS_DRIVER_FRAMES_H

#include <uv.h>

#include "base/buf.h"
#include "driver/door.h"
#include "driver/tls.h"

struct frames_options {
    const char *address; /* numeric; "::" is every address, IPv4 too */
    uint16_t port;       /* 0: any free one */
    size_t request_max;  /* bytes; a longer one ends the connection */
    size_t reply_max;    /* bytes, at most 65535 */
    unsigned conns_max, source_max; /* in all, and from one address; loopback has no limit */
    unsigned idle_ms;    /* without a whole request, or with replies that nobody reads */
    struct door_gate *gate; /* judges connections; NULL: everybody may ask */
    /* How many bytes at the beginning are one request; 0: more have to come; SIZE_MAX: it ends the
     * connection. NULL: two bytes before each request and reply say so. */
    size_t (*measure)(struct slice bytes);
    struct tls_context *tls; /* NULL: without TLS; else as tls_door_context makes it */
    unsigned shake_ms;       /* for a handshake */
};

struct frames_peer {
    struct slice ip; /* numeric text */
    uint16_t port;
};

/* Appends the reply to out; nothing appended ends the connection, but for requests that were
 * measured: those may go without a reply. */
typedef void (*frames_answer)(void *context, struct slice request, const struct frames_peer *from,
                              struct buf *out);

struct frames;

/* NULL: error says why and names who holds the port. */
struct frames *frames_open(uv_loop_t *loop, const struct frames_options *options,
                           frames_answer answer, void *context, char *error, size_t size);
uint16_t frames_port(const struct frames *f);
unsigned frames_count(const struct frames *f); /* connections that are open */
uint64_t frames_untrue(const struct frames *f); /* that spoke no TLS, or came to no agreement */
/* Whoever connects from now on is shown another certificate. Takes a reference. */
void frames_tls(struct frames *f, struct tls_context *tls);
void frames_close(struct frames *f, void (*closed)(void *context), void *context);

#endif
