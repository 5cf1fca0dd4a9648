/* https: a server of requests that may be answered later, and of answers that go on: libmicrohttpd
 * in our loop behind TLS (tls_front). What a request means is the handler's; here are the limits.
 *
 * A request is judged twice: by its headers, before a byte of its body is taken (admit), and when
 * it is whole (run). All functions belong to the loop's thread. */
#ifndef OPENILS_DRIVER_HTTPS_H
#define OPENILS_DRIVER_HTTPS_H

#include <sys/socket.h>
#include <uv.h>

#include "base/slice.h"
#include "driver/door.h"
#include "driver/tls.h"

#define HTTPS_CONNECTIONS_MAX 256
#define HTTPS_SOURCE_MAX      64
#define HTTPS_HEAD_MAX        16384 /* bytes of a request without its body, about */
#define HTTPS_PATIENCE_MS     15000 /* for a request, and without one */
#define HTTPS_SMALL           65536 /* bytes of a body that anybody may send, at most */
#define HTTPS_LONG_ALL        (UINT64_C(512) << 20) /* bytes of all longer ones together */
#define HTTPS_HEADERS_MAX     8     /* of one reply */

/* What is wrong with a request before anybody looks at what it asks for. */
enum https_flaw {
    HTTPS_SOUND = 0,
    HTTPS_FRAMING,     /* a header twice that may be there once, a length that is not clear */
    HTTPS_CHUNKED,     /* a body of unknown length */
    HTTPS_TOO_OFTEN,   /* the source is above its rate */
    HTTPS_NOT_ALLOWED, /* the source may not ask any more */
    HTTPS_NO_ROOM,     /* so many long bodies are on their way that this one has no room */
};

/* Lent during the call it is given to; slices with p = NULL are headers that were not there. */
struct https_asked {
    uint8_t flaw;          /* enum https_flaw */
    struct slice method, target, host, origin, cookie, csrf, site, type, accept, encodings, match;
    uint64_t length;       /* of the body */
    struct slice body;     /* whole in run; it may be wiped there */
    const struct sockaddr *from;
};

struct https_header {
    const char *name, *value;
};

struct https_reply {
    uint16_t status;
    struct https_header header[HTTPS_HEADERS_MAX]; /* beside those of the options */
    size_t header_n;
};

struct https_exchange; /* one request and its answer */

struct https_handler {
    /* How many bytes of body may come; or replies at once. */
    uint64_t (*admit)(void *context, struct https_exchange *x, const struct https_asked *asked);
    /* The request is whole: replied to now or later, exactly once, unless `gone` is told. */
    void (*run)(void *context, struct https_exchange *x, const struct https_asked *asked);
    /* Of a stream: what was put has been sent, for the most part. */
    void (*room)(void *context, struct https_exchange *x);
    /* Who asked has left before the answer was whole; x is no more. Not told without run. */
    void (*gone)(void *context, struct https_exchange *x);
    /* Somebody sent what is no request, and is answered as the options say. */
    void (*unread)(void *context, const struct sockaddr *from);
};

/* A whole answer; the body is copied. */
void https_reply(struct https_exchange *x, const struct https_reply *reply, struct slice body);
/* An answer in parts: begun, put any number of times, ended. */
void https_begin(struct https_exchange *x, const struct https_reply *reply);
void https_put(struct https_exchange *x, struct slice bytes);
void https_end(struct https_exchange *x);
/* Bytes that were put and not sent. */
size_t https_waiting(const struct https_exchange *x);

/* What the handler remembers of it; NULL at first. */
void https_keep(struct https_exchange *x, void *user);
void *https_kept(const struct https_exchange *x);

struct https_options {
    const char *address;
    uint16_t port;
    struct door_gate *gate;
    struct tls_context *tls;
    const struct https_header *always; /* of every reply; static */
    size_t always_n;
    const char *unread; /* the body, JSON, of the 400 for what is no request; static */
};

struct https;
/* NULL: error says why, and names who holds the port. */
struct https *https_open(uv_loop_t *loop, const struct https_options *options,
                         const struct https_handler *handler, void *context, char *error,
                         size_t size);
uint16_t https_port(const struct https *s);
void https_tls(struct https *s, struct tls_context *tls);
/* What is under way is cut (gone); closed is called later, from the loop. */
void https_close(struct https *s, void (*closed)(void *context), void *context);

struct https_counts {
    uint64_t late;   /* cut, since their request did not come in time */
    uint64_t untrue; /* that came to no TLS */
};
void https_counts(const struct https *s, struct https_counts *ret);

#endif
