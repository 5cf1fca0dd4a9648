/* source_call: what a reader of a source is given, and how it gives back what it found. Readers of
 * PostgreSQL, MariaDB and LDAP are modules that ilsd loads where such a source is configured; they
 * know this header alone.
 *
 * A reader runs in a thread of its own. It waits with source_wait only, never longer than
 * `deadline`, and ends within SOURCE_SLICE_MS when `cancel` is set. Columns are told first, once;
 * then rows. A false answer of `columns` or `row` ends the reading: what is wrong was noted. */
#ifndef OPENILS_DRIVER_SOURCE_CALL_H
#define OPENILS_DRIVER_SOURCE_CALL_H

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/slice.h"

#define SOURCE_MODULE_VERSION 1
#define SOURCE_SLICE_MS       200
#define SOURCE_FIELDS_MAX     32

enum source_kind {
    SOURCE_FILE = 1,
    SOURCE_SQLITE,
    SOURCE_POSTGRESQL,
    SOURCE_MARIADB,
    SOURCE_LDAP,
    SOURCE_KINDS,
};

/* Where entries come from. Texts are never NULL; "" where one does not apply. */
struct source_spec {
    uint8_t kind;              /* enum source_kind */
    const char *place;         /* file, DSN or URL */
    const char *query;         /* SQL */
    const char *base, *filter, *attributes, *bind; /* LDAP */
    const char *password_file; /* its first line is the password; read at each run */
    const char *ca;            /* LDAP: PEM file of the authority of the server's certificate */
    const char *domain;        /* of users that come without one */
    const char *encoding;      /* of a file */
    bool plain;                /* LDAP: no StartTLS on ldap:// */
};

struct source_call {
    const struct source_spec *spec;
    const char *password;      /* NULL: none */
    int64_t deadline;          /* ms of CLOCK_MONOTONIC */
    const atomic_bool *cancel;
    void *own;
    bool (*columns)(void *own, size_t n, const char *const *name);
    /* number: 1-based; where: what else tells the row from others, or NULL; field: one per column,
     * p = NULL where there is no value. */
    bool (*row)(void *own, uint64_t number, const char *where, const struct slice *field);
    /* Why the source could not be read, and what to do. The first one counts. */
    void (*failed)(void *own, const char *next, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
};

struct source_module {
    int version; /* SOURCE_MODULE_VERSION */
    void (*fetch)(struct source_call *call);
};

/* The symbol of a module. */
#define SOURCE_MODULE_SYMBOL "openils_source"

/* ms until the deadline; 0: it has passed. */
static inline int source_left_ms(const struct source_call *call)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t left = call->deadline - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* False: the deadline has passed, or nobody wants the answer any more; said by `failed`. */
static inline bool source_goes_on(struct source_call *call)
{
    if (atomic_load(call->cancel))
        call->failed(call->own, "", "cancelled");
    else if (source_left_ms(call) == 0)
        call->failed(call->own, "", "no answer in time");
    else
        return true;
    return false;
}

/* Waits until fd is ready for one of events (POLLIN, POLLOUT): which; 0: said by `failed`. */
static inline short source_wait(struct source_call *call, int fd, short events)
{
    while (source_goes_on(call)) {
        struct pollfd p = {.fd = fd, .events = events};
        int left = source_left_ms(call);
        int n = poll(&p, 1, left < SOURCE_SLICE_MS ? left : SOURCE_SLICE_MS);
        if (n > 0)
            return p.revents;
        if (n < 0 && errno != EINTR) {
            call->failed(call->own, "", "poll: %s", strerror(errno));
            break;
        }
    }
    return 0;
}

#endif
