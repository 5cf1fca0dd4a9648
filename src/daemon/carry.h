/* carry: a store as a whole, from one place to another: beside the loop while ilsd serves, or when
 * its own store is let go. */
#ifndef OPENILS_DAEMON_CARRY_H
#define OPENILS_DAEMON_CARRY_H

#include <jansson.h>

#include "daemon/runtime.h"
#include "driver/store.h"

/* A file, or a database with the file of its key. */
struct carry_place {
    const char *where; /* postgresql://..., or the path of a file of SQLite */
    const char *key;
};

/* What options say of ilsd's own store: key has room for the path of its key. */
struct carry_place carry_own(const struct runtime_options *options, char *key, size_t size);
bool carry_shared(const char *where);

typedef bool (*carry_told)(void *context, const struct store_brought *so_far);

/* ilsd's own store in PostgreSQL, as it is at this moment, into the file, made new or brought up to
 * date; without a log beside it. False: error. */
bool carry_to_file(const struct runtime_options *options, const char *file, char *error,
                   size_t size);

/* `from`, which is open, to a place that nobody else writes; the audits of both, which must agree,
 * into *ret_report. last: it is there from now on, also if it had moved away from there. False:
 * error. */
bool carry_to(struct store *from, const struct carry_place *to, bool last,
              const struct runtime_options *options, carry_told told, void *context,
              struct store_brought *ret, json_t **ret_report, char *error, size_t size);

/* When nobody has ilsd's own store open: all of it to the other place, or the other way round. */
bool carry_away(const struct runtime_options *options, const struct carry_place *to, char *error,
                size_t size);
bool carry_back(const struct runtime_options *options, const char *file, const char *kept,
                char *error, size_t size);

#endif
