/* store: rows of bytes by space and key, kept on disk: in a file of SQLite, or in a PostgreSQL that
 * several ilsd share. What the rows mean is the core's business.
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

#define STORE_ERROR  1024 /* room for a sentence that names a file and a remedy */
#define STORE_HOLDER 128

struct store;

#define STORE_FILE     "ilsd.db"
#define STORE_KEY_FILE "store.key"

/* Opens DIR/ilsd.db (0600), makes it where it is missing. NULL: error names file and remedy. */
struct store *store_open(const char *dir, char *error, size_t size);
/* The same by the path of the file. */
struct store *store_open_file(const char *file, char *error, size_t size);
/* A copy, to read: nothing is made or changed, and it must be a whole store of this form or an
 * earlier one. store_load is allowed, and store_check. */
struct store *store_open_copy(const char *file, char *error, size_t size);
void store_close(struct store *s);

/* A store in PostgreSQL, by its DSN (postgresql://..., or words as host=...), which goes to libpq
 * as it is; tables are made or brought to this form. Nothing can be written before store_lease gave
 * the lease. key_file: what secrets are sealed with. NULL: error says why, and what to do. */
struct store *store_open_dsn(const char *dsn, const char *key_file, char *error, size_t size);
/* The same to read only, of the server or of a replica of it; without secrets. */
struct store *store_open_follow(const char *dsn, char *error, size_t size);

/* Where it is, without a password: the path of the file, or postgresql://USER@HOST:PORT/NAME. */
const char *store_name(const struct store *s);

/* False ends the visit. The slices are valid during the call. */
typedef bool (*store_visit)(void *context, const struct store_row *row);

/* Every row of one space, segments in the order they came, all others by key. 0, or -1: see
 * store_error. Not of one that follows: STORE_PASSWORD, STORE_INVITE, and settings that are
 * secret. */
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
 * store_rollback is allowed. Rows and their bytes stay where they are until the commit or rollback.
 *
 * What -1 says is true also where the connection to a server was lost in the commit: it is asked
 * again for longer than a lease, or until store_hurry. Where the server stays away, store_error
 * begins with STORE_UNKNOWN, and the lease is given up: whoever has it next loads what is so. */
#define STORE_UNKNOWN "it is not known whether it was stored: "
int store_begin(struct store *s);
/* A batch of a change is being made: until it comes it is begun, and what it will touch is brought
 * near. Then store_begin or, where none came or anything else is done first, store_idle. */
void store_soon(struct store *s);
void store_idle(struct store *s);
int store_apply(struct store *s, const struct store_row *row, size_t n);
int store_commit(struct store *s);
void store_rollback(struct store *s);

/* The last failure was of the store as a whole (its server is away, full, or another one's), so
 * that smaller batches would fail alike. */
bool store_away(const struct store *s);

/* From any thread: what is wrong with it just now, in words; NULL: nothing that is known. */
const char *store_trouble(const struct store *s);

/* From any thread: nothing is waited for any more, ilsd ends. */
void store_hurry(struct store *s);

/* Whether the store itself is sound: SQLite looks through its file; of a database, that it can be
 * read, for its server answers for the rest. 0; -1: see store_error. */
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

/* --- several ilsd at one store. A file of SQLite is always one's own, and nobody follows it. */

/* Who may write. Each time that somebody takes the lease the fence grows: rows loaded under another
 * fence are to be loaded anew. Time is the server's. */
struct store_lease {
    char holder[STORE_HOLDER];
    uint64_t fence, version; /* version: of the store, grows with each transaction */
    int64_t since_ms;        /* when the holder took it, ms since 1970 */
    int64_t left_ms;         /* <= 0: it has run out */
    unsigned held_ms;        /* where it is mine: that it holds, from when it was asked for */
    bool mine;
    bool moved; /* the holder is where the store has moved to (store_moved) */
};

/* Takes the lease for `ms` where it is free, has run out or is this holder's; else says whose it
 * is. Where this store has it, it is prolonged, and never taken anew if it was lost: what was given
 * to be written under it must be refused. With holder NULL it is only prolonged. A server that
 * answers, but not in time or not to anybody, leaves it where it is; held_ms says for how long.
 * 0, or -1: store_error. */
int store_lease(struct store *s, const char *holder, unsigned ms, struct store_lease *ret);
/* Reads whose it is; never takes it. */
int store_lease_read(struct store *s, struct store_lease *ret);
/* Gives it up, so that another takes it at once. */
int store_lease_end(struct store *s);
/* Who has the lease gives it up for good, for what is stored is elsewhere from now on: nobody takes
 * it, and all who read it see where, as its holder. where NULL: it is here again. */
int store_moved(struct store *s, const char *where);

#define STORE_SPACE(space) (1u << (space))

/* Rows of these spaces (STORE_SPACE, ored) that were put or are gone since *version, in the order
 * of their versions; *version becomes that up to which all were seen. Begin with the version of a
 * lease that was read before the first store_load. 0; 1: too long ago, load all anew; -1:
 * store_error. A replica does. */
int store_changes(struct store *s, unsigned spaces, uint64_t *version, store_visit visit,
                  void *context);
/* Waits up to ms for a hint that something changed. 1: hinted; 0: not; -1: the connection is lost
 * (the next call connects again). */
int store_wait(struct store *s, unsigned ms);

/* --- from one kind of store to another */

/* All that is read from now on is as it is at this moment; nothing can be written, and what others
 * write is not held up. 0, or -1: store_error. A file: 0, it has no others. */
int store_snapshot(struct store *s);

struct store_brought {
    uint64_t rows, bytes;  /* of `from` */
    uint64_t put, removed; /* in `to` */
};
/* Makes `to`, which may be written, hold what `from` holds: what is the same there stays, so that a
 * second time is quick. whole: all of it or nothing, in one transaction, and in memory until then.
 * told, where not NULL, is called now and then, and ends it with false; what was brought until then
 * stays. 0, or -1: error says why; a store of another cluster stays as it is. */
int store_bring(struct store *from, struct store *to, bool whole, struct store_brought *ret,
                bool (*told)(void *context, const struct store_brought *so_far), void *context,
                char *error, size_t size);

/* Makes a file of SQLite one plain file, without a log beside it; it is only to be closed then. */
int store_plain(struct store *s);

/* The sentence for the last failure: file, cause, remedy. Valid until the next failure. */
const char *store_error(const struct store *s);

/* Bytes of the database and its log on disk, as they were known last. Any thread may ask. */
uint64_t store_bytes(const struct store *s);

#endif
