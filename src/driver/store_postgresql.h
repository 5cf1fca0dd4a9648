/* store_postgresql: what the files of this module share. _link.c has the connection, what is asked
 * and how long is waited; _lease.c the tables, their form and who may write; store_postgresql.c the
 * rows. */
#ifndef OPENILS_DRIVER_STORE_POSTGRESQL_H
#define OPENILS_DRIVER_STORE_POSTGRESQL_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "driver/parts.h"
#include "driver/seal.h"
#include "driver/store_call.h"

#define PG_UNKNOWN_MS  15000 /* that what became of a batch is asked for */
#define PG_PATIENCE_MS 5000  /* that a server may be away before a batch is given up */
#define PG_LATE_MS     15000 /* that a lease is waited for where a server is slow */
#define PG_PART        1800  /* bytes; with head and rest such a row stays within its page */

struct pg {
    struct store store;
    char *dsn;
    char name[256];
    bool follow;
    PGconn *c;
    bool away;          /* the last failure was of the store as a whole */
    bool no_notify;     /* this engine has none */
    bool snapshot;      /* what is read is of one moment, and of one connection */
    atomic_bool hurry;
    _Atomic(const char *) trouble; /* what was said last, until something succeeds; static */
    char state[6];      /* SQLSTATE of the last answer that was an error; "" = no answer */
    bool full;          /* its server ended for that */
    bool fatal;         /* and the server closes the connection */

    bool sealed;        /* key holds */
    uint8_t key[SEAL_KEY];

    char holder[STORE_HOLDER];
    bool mine;
    uint64_t fence, version; /* of the lease that is ours; what was committed last */
    unsigned lease_ms;
    struct store_lease last; /* ... as it was told last */
    int64_t sure;      /* ... which the row said then */
    bool late;         /* it was not prolonged in time the last time: more of it is asked for */
    bool refused;      /* to take it, by a server that answers; until that takes something again */
    int64_t open_since; /* ... and it does since then; 0: not yet */

    struct store_row *row; /* of the transaction under way */
    size_t row_n, row_room;
    struct parts *parts;
    uint8_t *scratch;      /* a value sealed or opened */
    size_t scratch_size;
    _Atomic uint64_t bytes;
    int64_t bytes_asked;   /* ms */
};

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

static inline struct pg *pg_of(struct store *s)
{
    return (struct pg *)(void *)s;
}

/* --- store_postgresql_link.c */

int64_t pg_now_ms(void); /* monotonic */

/* The sentence of the last failure. */
void pg_say(struct pg *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What the server said, with what to do about it; result NULL: the connection is lost. */
void pg_explain(struct pg *p, const PGresult *result);

/* False: the DSN is not understood, or holds a password; said. */
bool pg_take_dsn(struct pg *p, const char *dsn);
/* Connects where it is not; one attempt at each host. False: said. */
bool pg_connect(struct pg *p);
void pg_disconnect(struct pg *p);
/* Waits, as after an attempt in vain; false: no longer than this. */
bool pg_pause(struct pg *p, int64_t deadline);

#define PG_ARGS 8
struct pg_args {
    int n;
    Oid type[PG_ARGS];
    const char *value[PG_ARGS];
    int length[PG_ARGS], format[PG_ARGS];
    uint8_t number[PG_ARGS][8];
};
void pg_bytes(struct pg_args *a, struct slice bytes);
void pg_number(struct pg_args *a, uint64_t number);
void pg_text(struct pg_args *a, const char *text);

/* One statement; its result is the caller's to clear, and its columns are binary. NULL: said. args
 * may be NULL. */
PGresult *pg_ask(struct pg *p, const char *sql, const struct pg_args *args);
/* Statements without a result. */
bool pg_run(struct pg *p, const char *sql, const struct pg_args *args);
/* Rows as they come; visit gives false to end. */
typedef bool (*pg_visit)(void *context, const PGresult *row);
bool pg_each(struct pg *p, const char *sql, const struct pg_args *args, pg_visit visit,
             void *context);

/* What is read as a whole may take as long as it does. False: said. */
bool pg_unhurried(struct pg *p, bool on);

/* Several statements that are answered together: begin, any number of put, then end, which gives
 * whether all succeeded. The results are not kept. passed: how many succeeded. */
bool pg_batch_begin(struct pg *p);
bool pg_batch_put(struct pg *p, const char *sql, const struct pg_args *args);
bool pg_batch_end(struct pg *p, size_t *ret_passed);

struct slice pg_column(const PGresult *result, int row, int column);
uint64_t pg_column_number(const PGresult *result, int row, int column);

/* --- store_postgresql_lease.c */

extern const char *const pg_tables[STORE_SPACES];

/* The tables are there, in this form, and the key of the secrets is the right one; said. */
bool pg_prepare(struct pg *p, const char *key_file);
int pg_lease(struct store *s, const char *holder, unsigned ms, struct store_lease *ret);
int pg_lease_read(struct store *s, struct store_lease *ret);
int pg_lease_end(struct store *s);
int pg_moved(struct store *s, const char *where);

#endif
