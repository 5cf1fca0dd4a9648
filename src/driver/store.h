/* store: rows of bytes by space and key, kept on disk. What the rows mean is the core's business.
 *
 * One connection, one thread at a time: whoever opened it loads, then hands it to the storer. */
#ifndef OPENILS_DRIVER_STORE_H
#define OPENILS_DRIVER_STORE_H

#include "base/slice.h"

/* In the order of the core's row spaces. */
enum store_space {
    STORE_SETTING,
    STORE_PASSWORD,
    STORE_PEER,
    STORE_ROUTE,
    STORE_STREAM,
    STORE_SEGMENT,
    STORE_ALARM,
    STORE_AUDIT,
    STORE_TRUST,
    STORE_REFUSED,
    STORE_INVITE,
    STORE_PLAN_LOG,
    STORE_SOURCE,
    STORE_POLICY,
    STORE_DOOR,
    STORE_SPACES,
};

struct store_row {
    uint8_t space; /* enum store_space */
    struct slice key;
    struct slice value;
    bool remove; /* value is ignored */
    bool below;  /* remove: every row with a smaller key, and not that of this key */
};

#define STORE_ERROR 1024 /* room for a sentence that names a file and a remedy */

struct store;

#define STORE_FILE "ilsd.db"

/* Opens DIR/ilsd.db (0600), makes it where it is missing. NULL: error names file and remedy. */
struct store *store_open(const char *dir, char *error, size_t size);
/* The same by the path of the file. */
struct store *store_open_file(const char *file, char *error, size_t size);
/* A copy, to read: nothing is made or changed, and it must be a whole store of this form or an
 * earlier one. store_load is allowed, and store_check. */
struct store *store_open_copy(const char *file, char *error, size_t size);
void store_close(struct store *s);

/* False ends the visit. The slices are valid during the call. */
typedef bool (*store_visit)(void *context, const struct store_row *row);

/* Every row of one space, segments in the order they came, all others by key. 0, or -1: see
 * store_error. */
int store_load(struct store *s, uint8_t space, store_visit visit, void *context);

/* The rows with the greatest keys, greatest first, at most max. */
int store_scan_newest(struct store *s, uint8_t space, size_t max, store_visit visit, void *context);

/* Rows of one space with from <= key < to; an empty `to`: to the end. */
struct store_range {
    uint8_t space;
    struct slice from, to;
    bool newest; /* the greatest key first */
    bool heads;  /* those alone whose key ends with four zero bytes */
    size_t max;
};
int store_scan(struct store *s, const struct store_range *range, store_visit visit, void *context);

/* All rows or none, durable when this returns 0. -1: nothing was changed; see store_error. */
int store_write(struct store *s, const struct store_row *row, size_t n);

/* The same in steps, for several batches in one transaction. Each gives 0, or -1 after which only
 * store_rollback is allowed. */
int store_begin(struct store *s);
int store_apply(struct store *s, const struct store_row *row, size_t n);
int store_commit(struct store *s);
void store_rollback(struct store *s);

/* Asks SQLite whether the file itself is sound. 0; -1: see store_error. */
int store_check(struct store *s);

/* A copy of the store while it is in use: a slice at each step, on the thread that has the store
 * and between two transactions; what is written meanwhile is in it. The file (0600) is not there
 * before, nor when it fails. NULL: error says why. */
struct store_copy;
struct store_copy *store_copy_start(struct store *s, const char *file, char *error, size_t size);
/* 1: there is more; 0: done, the file is whole and durable; -1: failed, see error. */
int store_copy_step(struct store_copy *c, char *error, size_t size);
/* Frees c; removes the file where it was not done. */
void store_copy_end(struct store_copy *c);

/* The sentence for the last failure: file, cause, remedy. Valid until the next failure. */
const char *store_error(const struct store *s);

/* Bytes of the database and its log on disk. Any thread may ask. */
uint64_t store_bytes(const struct store *s);

#endif
