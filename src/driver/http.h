/* http: a door of requests over TCP: libmicrohttpd, in our loop, takes requests apart; what they
 * mean is the handler's. Here are the limits: of connections, each source's, of a body, of time.
 *
 * A connection has HTTP_PATIENCE_MS for each request, from its end of the one before on, however it
 * trickles; less when half of all connections are in use. */
#ifndef OPENILS_DRIVER_HTTP_H
#define OPENILS_DRIVER_HTTP_H

#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "driver/door.h"

#define HTTP_CONNECTIONS_MAX 1024
#define HTTP_SOURCE_MAX      256   /* connections from one address */
#define HTTP_HEAD_MAX        16384 /* bytes of a request without its body, about */
#define HTTP_PATIENCE_MS     15000
#define HTTP_HURRY_MS        3000

/* What is wrong with a request before anybody looks at what it asks for. */
enum http_flaw {
    HTTP_SOUND = 0,
    HTTP_FRAMING,     /* Host or Authorization twice, a length that is not clear */
    HTTP_TOO_LARGE,   /* a body above the limit */
    HTTP_TOO_OFTEN,   /* the source is above its rate */
    HTTP_NOT_ALLOWED, /* the source may not ask any more */
};

struct http_asked {
    uint8_t flaw;               /* enum http_flaw */
    struct slice method;
    struct slice target;        /* as it came */
    struct slice host;          /* header; empty: there is none */
    struct slice authorization; /* likewise */
    struct slice body;
    const struct sockaddr *from;
};

/* The reply beside its body; type and allow are static. */
struct http_reply {
    uint16_t status;
    const char *type;
    const char *allow; /* NULL: no such header */
    bool challenge;    /* WWW-Authenticate: Bearer */
    bool soon;         /* Retry-After: 1 */
};

/* Appends the body to out. A body that was refused memory is answered with 503. */
typedef void (*http_handler)(void *context, const struct http_asked *asked, struct buf *out,
                             struct http_reply *ret);

struct http_server;

/* NULL: error says why, and names who holds the port. */
struct http_server *http_open(uv_loop_t *loop, const char *address, uint16_t port,
                              size_t body_max, size_t reply_max, struct door_gate *gate,
                              http_handler handler, void *context, char *error, size_t size);
uint16_t http_port(const struct http_server *s);
/* What is under way is cut. closed is called later, from the loop. */
void http_close(struct http_server *s, void (*closed)(void *context), void *context);

struct http_counts {
    uint64_t connections; /* open now */
    uint64_t late;        /* cut, since their request did not come in time */
};
void http_counts(const struct http_server *s, struct http_counts *ret);

#endif
