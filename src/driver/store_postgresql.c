/* store_postgresql: the store in a PostgreSQL that several ilsd share, as a module. A table per
 * space, as in the file; each row has the version of the transaction that put it, and ils_gone has
 * what was removed, so that others can follow.
 *
 * A transaction is kept here until its commit, then sent as a whole and answered as a whole: one
 * round trip. It begins with a change of the row of the lease that fails unless holder, fence and
 * version are what is known here. So it can be sent again where the answer was lost: either it is
 * not there and is done now, or that row says that it is there already. */
#include "driver/store_postgresql.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define GONE_KEPT  65536 /* versions for which what is gone is known */
#define GONE_TRIM  4096
#define SQL_MAX    512
#define SPACES_MAX (STORE_SPACES * 220 + 600)

/* --- what is secret */

static bool secret(uint8_t space, struct slice key)
{
    static const char *const settings[] = {"seed", "certificate_key", "certificate_next_key"};
    static const char page[] = "page:"; /* accounts, with what their codes are made from */
    if (space == STORE_PASSWORD || space == STORE_INVITE)
        return true;
    for (size_t i = 0; space == STORE_SETTING && i < sizeof settings / sizeof *settings; i++)
        if (slice_eq(key, slice_of(settings[i])))
            return true;
    return space == STORE_DOOR && key.n >= sizeof page - 1 &&
           memcmp(key.p, page, sizeof page - 1) == 0;
}

static bool room(struct pg *p, size_t n)
{
    if (n <= p->scratch_size)
        return true;
    uint8_t *grown = malloc(n);
    if (grown == NULL)
        return false;
    if (p->scratch != NULL)
        crypto_wipe(p->scratch, p->scratch_size);
    free(p->scratch);
    p->scratch = grown;
    p->scratch_size = n;
    return true;
}

/* --- reading */

struct reading {
    struct pg *p;
    uint8_t space;
    bool own_space; /* the space is the first column, what it is the last */
    bool wrong, seen;
    uint64_t version;
    store_visit visit;
    void *context;
};

/* False: said. */
static bool open_value(struct pg *p, struct store_row *row)
{
    size_t n = 0;
    if (!room(p, row->value.n + 1)) {
        pg_say(p, "no memory for a row of the store %s", p->name);
        return false;
    }
    if (!seal_get(p->key, row->space, row->key, row->value, p->scratch, &n)) {
        pg_say(p, "a secret in the table %s of the store %s is not what was sealed; put a backup "
               "back", pg_tables[row->space], p->name);
        return false;
    }
    row->value = slice_make(p->scratch, n);
    return true;
}

static bool read_row(void *context, const PGresult *r)
{
    struct reading *g = context;
    struct store_row row = {.space = g->space};
    if (g->own_space) {
        uint64_t kind = pg_column_number(r, 0, 3);
        g->version = pg_column_number(r, 0, 4);
        if (kind == 3)
            return true; /* the version of the store itself */
        row.space = (uint8_t)pg_column_number(r, 0, 0);
        row.remove = kind < 2;
        row.below = kind == 1;
    }
    row.key = pg_column(r, 0, g->own_space);
    row.value = pg_column(r, 0, 1 + g->own_space);
    g->seen = true;
    if (!row.remove && secret(row.space, row.key)) {
        if (g->p->follow)
            return true;
        if (!open_value(g->p, &row)) {
            g->wrong = true;
            return false;
        }
    }
    return g->visit(g->context, &row);
}

/* The value of a stream is put together by the server. */
static const char *value_of(uint8_t space)
{
    return space != STORE_STREAM ? "t.value"
                                 : "substr(t.value, 1, " TEXT(PG_PART) ") || coalesce((SELECT "
                                   "string_agg(q.value, cast('' AS bytea) ORDER BY q.number) FROM "
                                   "ils_stream_part q WHERE q.key = t.key), cast('' AS bytea)) || "
                                   "substr(t.value, " TEXT(PG_PART) " + 1)";
}

/* A connection that was lost unnoticed is made anew; one that is lost while rows are read is not,
 * for they were visited. */
static int read_rows(struct reading *g, const char *sql, const struct pg_args *args)
{
    for (int tries = 0; tries < 2; tries++) {
        if (pg_each(g->p, sql, args, read_row, g)) {
            g->p->away = false;
            return g->wrong ? -1 : 0;
        }
        if (g->seen || !g->p->fatal)
            break;
    }
    return -1;
}

static int load(struct store *s, uint8_t space, store_visit visit, void *context)
{
    char sql[SQL_MAX];
    struct reading g = {.p = pg_of(s), .space = space, .visit = visit, .context = context};
    snprintf(sql, sizeof sql, "SELECT t.key, %s FROM %s t ORDER BY %s", value_of(space),
             pg_tables[space], space == STORE_SEGMENT ? "t.version, t.place" : "t.key");
    if (!pg_unhurried(g.p, true) && !pg_unhurried(g.p, true)) /* it may have ended unnoticed */
        return -1;
    int r = read_rows(&g, sql, NULL);
    if (r == 0 && !pg_unhurried(g.p, false))
        return -1;
    return r;
}

static int scan(struct store *s, const struct store_range *range, store_visit visit, void *context)
{
    char sql[SQL_MAX];
    struct pg_args a = {.n = 0};
    struct reading g = {
        .p = pg_of(s), .space = range->space, .visit = visit, .context = context};
    pg_bytes(&a, range->from);
    if (range->to.n > 0)
        pg_bytes(&a, range->to);
    snprintf(sql, sizeof sql, "SELECT t.key, %s FROM %s t WHERE t.key >= $1%s%s ORDER BY t.key%s "
             "LIMIT %zu", value_of(range->space), pg_tables[range->space],
             range->to.n > 0 ? " AND t.key < $2" : "",
             range->heads ? " AND substr(t.key, length(t.key) - 3) = '\\x00000000'" : "",
             range->newest ? " DESC" : "",
             range->max < INT32_MAX ? range->max : (size_t)INT32_MAX);
    return read_rows(&g, sql, &a);
}

/* --- what changed */

static void changes_sql(char *dst, size_t size, unsigned spaces)
{
    size_t n = 0;
    n += (size_t)snprintf(dst, size, "SELECT * FROM (");
    for (uint8_t i = 0; i < STORE_SPACES; i++)
        if ((spaces & STORE_SPACE(i)) != 0)
            n += (size_t)snprintf(dst + n, size - n,
                                  "SELECT %u AS space, t.key, %s AS value, 2 AS kind, t.version, "
                                  "%s AS place FROM %s t WHERE t.version > $1 UNION ALL ",
                                  i, value_of(i), i == STORE_SEGMENT ? "t.place" : "0",
                                  pg_tables[i]);
    snprintf(dst + n, size - n,
             "SELECT space, key, cast('' AS bytea), below, version, 0 FROM ils_gone WHERE version "
             "> $1 AND (%u >> space) %% 2 = 1 UNION ALL SELECT 0, cast('' AS bytea), cast('' AS "
             "bytea), 3, version, 0 FROM ils_lease) c ORDER BY version, kind, space, place",
             spaces);
}

static int changes(struct store *s, unsigned spaces, uint64_t *version, store_visit visit,
                   void *context)
{
    char sql[SPACES_MAX];
    struct pg *p = pg_of(s);
    struct pg_args a = {.n = 0};
    struct reading g = {
        .p = p, .own_space = true, .version = *version, .visit = visit, .context = context};
    PGresult *r = pg_ask(p, "SELECT version, gone FROM ils_lease WHERE one = 1", NULL);
    if (r == NULL || PQntuples(r) != 1) {
        PQclear(r);
        return -1;
    }
    uint64_t newest = pg_column_number(r, 0, 0), gone = pg_column_number(r, 0, 1);
    PQclear(r);
    p->away = false;
    if (newest == *version)
        return 0;
    if (newest < *version || gone > *version)
        return 1;
    changes_sql(sql, sizeof sql, spaces);
    pg_number(&a, *version);
    if (read_rows(&g, sql, &a) < 0)
        return -1;
    *version = g.version;
    return 0;
}

static int wait_for(struct store *s, unsigned ms)
{
    struct pg *p = pg_of(s);
    int64_t deadline = pg_now_ms() + ms;
    PGnotify *n;
    bool hinted = false;
    while (p->c != NULL) {
        bool here = PQconsumeInput(p->c) == 1;
        while ((n = PQnotifies(p->c)) != NULL) {
            hinted = true;
            PQfreemem(n);
        }
        if (hinted)
            return 1;
        if (!here || PQstatus(p->c) != CONNECTION_OK) {
            pg_explain(p, NULL);
            pg_disconnect(p);
            break;
        }
        struct pollfd fd = {.fd = PQsocket(p->c), .events = POLLIN};
        int64_t left = deadline - pg_now_ms();
        if (poll(&fd, 1, left > 0 ? (int)left : 0) <= 0)
            return 0;
    }
    return -1;
}

/* As long as it takes: nobody waits for what is read here. */
static int snapshot(struct store *s)
{
    struct pg *p = pg_of(s);
    pg_run(p, "SET statement_timeout = 0", NULL);
    if (!pg_run(p, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL))
        return -1;
    p->snapshot = true;
    p->mine = false;
    return 0;
}

/* --- writing */

static int begin(struct store *s)
{
    struct pg *p = pg_of(s);
    p->row_n = 0;
    if (p->mine)
        return 0;
    pg_say(p, "the store %s is another ilsd's to write; type ils status", p->name);
    p->away = true;
    return -1;
}

static int apply(struct store *s, const struct store_row *row, size_t n)
{
    struct pg *p = pg_of(s);
    if (p->row_n + n > p->row_room) {
        size_t size = (p->row_n + n) * 2;
        struct store_row *grown = realloc(p->row, size * sizeof *grown);
        if (grown == NULL) {
            pg_say(p, "no memory for the store %s; nothing was changed", p->name);
            return -1;
        }
        p->row = grown;
        p->row_room = size;
    }
    if (n > 0)
        memcpy(p->row + p->row_n, row, n * sizeof *row);
    p->row_n += n;
    return 0;
}

static void rollback(struct store *s)
{
    struct pg *p = pg_of(s);
    p->row_n = 0;
    parts_forget(p->parts);
}

/* Of several rows with one key the last one counts: the others are marked. A table of hashes is
 * enough, for whoever is left in it needlessly is written needlessly. */
static void mark_repeated(struct pg *p, bool *skip)
{
    enum { SLOTS = 1024 };
    const struct store_row *last[SLOTS] = {NULL};
    for (size_t i = p->row_n; i-- > 0;) {
        const struct store_row *row = &p->row[i];
        unsigned h = row->space;
        for (size_t k = 0; k < row->key.n; k++)
            h = h * 31 + row->key.p[k];
        const struct store_row **at = &last[h % SLOTS];
        skip[i] = *at != NULL && (*at)->space == row->space && !row->below &&
                  slice_eq((*at)->key, row->key);
        if (!skip[i] && !row->below)
            *at = row;
    }
}

static bool put_gone(struct pg *p, const struct store_row *row)
{
    struct pg_args a = {.n = 0};
    pg_number(&a, row->space);
    pg_bytes(&a, row->key);
    pg_number(&a, row->below);
    pg_number(&a, p->version + 1);
    return pg_batch_put(p, "INSERT INTO ils_gone (space, key, below, version) VALUES ($1, $2, $3, "
                           "$4) ON CONFLICT (space, key, below) DO UPDATE SET version = "
                           "excluded.version", &a);
}

static bool send_removed(struct pg *p, const struct store_row *row)
{
    char sql[SQL_MAX];
    struct pg_args a = {.n = 0};
    if (row->space == STORE_STREAM && parts_remove(p->parts, row->key, row->below) < 0)
        return false;
    pg_bytes(&a, row->key);
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE key %s $1", pg_tables[row->space],
             row->below ? "<" : "=");
    return pg_batch_put(p, sql, &a) && put_gone(p, row);
}

static bool send_put(struct pg *p, const struct store_row *row, size_t place)
{
    char sql[SQL_MAX];
    bool placed = row->space == STORE_SEGMENT;
    struct pg_args a = {.n = 0};
    struct slice value = row->value;
    if (row->space == STORE_STREAM && parts_put(p->parts, row->key, &value) < 0)
        return false;
    if (secret(row->space, row->key)) {
        if (!p->sealed || !room(p, value.n + SEAL_MORE))
            return false;
        seal_put(p->key, row->space, row->key, value, p->scratch);
        value = slice_make(p->scratch, value.n + SEAL_MORE);
    }
    pg_bytes(&a, row->key);
    pg_bytes(&a, value);
    pg_number(&a, p->version + 1);
    if (placed)
        pg_number(&a, place);
    snprintf(sql, sizeof sql, "INSERT INTO %s (key, value, version%s) VALUES ($1, $2, $3%s) ON "
             "CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version%s",
             pg_tables[row->space], placed ? ", place" : "", placed ? ", $4" : "",
             placed ? ", place = excluded.place" : "");
    return pg_batch_put(p, sql, &a);
}

/* The row of the lease, which holds everybody else back from here on; what is long gone. */
static bool send_fence(struct pg *p)
{
    struct pg_args a = {.n = 0};
    uint64_t next = p->version + 1;
    bool trim = next % GONE_TRIM == 0 && next > GONE_KEPT;
    pg_text(&a, p->holder);
    pg_number(&a, p->fence);
    pg_number(&a, p->version);
    pg_number(&a, p->lease_ms);
    pg_number(&a, trim ? next - GONE_KEPT : 0);
    if (!pg_batch_put(p, "UPDATE ils_lease SET version = version + 1 / (CASE WHEN holder = $1 AND "
                         "fence = $2 AND version = $3 THEN 1 ELSE 0 END), until = "
                         "cast(extract(epoch from current_timestamp) * 1000 as bigint) + $4, gone "
                         "= CASE WHEN gone < $5 THEN $5 ELSE gone END WHERE one = 1", &a))
        return false;
    a.n = 0;
    pg_number(&a, next - GONE_KEPT);
    return !trim || pg_batch_put(p, "DELETE FROM ils_gone WHERE version <= $1", &a);
}

static bool send_rows(struct pg *p)
{
    bool *skip = calloc(p->row_n + 1, sizeof *skip), good = skip != NULL;
    if (good)
        mark_repeated(p, skip);
    for (size_t i = 0; good && i < p->row_n; i++) {
        if (!skip[i])
            good = p->row[i].remove ? send_removed(p, &p->row[i]) : send_put(p, &p->row[i], i);
    }
    free(skip);
    return good;
}

enum outcome {
    DONE,
    REFUSED, /* nothing of it is there */
    AGAIN,   /* nothing of it is there; another attempt may do */
    UNKNOWN, /* it may be there */
};

static enum outcome not_ours(struct pg *p, const struct store_lease *now)
{
    p->mine = false;
    p->away = true;
    if (now->fence == p->fence && strcmp(now->holder, p->holder) == 0)
        pg_say(p, "the store %s is not as it was left: it has version %" PRIu64 " and had %" PRIu64
               "; a replica that took over had not everything, see synchronous_commit there",
               p->name, now->version, p->version);
    else
        pg_say(p, "the store %s was taken over by %s; type ils status", p->name,
               now->holder[0] != '\0' ? now->holder : "nobody");
    return REFUSED;
}

/* The first statement of the transaction failed: why? */
static enum outcome judge_fence(struct pg *p, bool unknown)
{
    struct store_lease now;
    if (pg_lease_read(&p->store, &now) < 0)
        return unknown ? UNKNOWN : AGAIN;
    bool same = now.fence == p->fence && strcmp(now.holder, p->holder) == 0;
    if (same && unknown && now.version == p->version + 1)
        return DONE; /* the answer was lost, and it was yes */
    if (same && now.version == p->version)
        return unknown ? UNKNOWN : AGAIN;
    return not_ours(p, &now);
}

/* The server is away for longer than the lease: what became of it shows when it is back. */
static void give_up(struct pg *p)
{
    char why[STORE_ERROR - sizeof STORE_UNKNOWN];
    snprintf(why, sizeof why, "%.900s", p->store.error);
    pg_say(p, STORE_UNKNOWN "%s", why);
    p->mine = false;
    p->away = true;
}

static enum outcome attempt(struct pg *p, bool unknown)
{
    size_t passed = 0;
    p->state[0] = '\0';
    p->fatal = true;
    if (!pg_batch_begin(p))
        return AGAIN;
    if (!pg_batch_put(p, "BEGIN", NULL) || !send_fence(p) || !send_rows(p) ||
        (!p->no_notify && !pg_batch_put(p, "NOTIFY openils", NULL)) ||
        !pg_batch_put(p, "COMMIT", NULL)) {
        bool lost = p->c == NULL;
        if (!lost)
            pg_say(p, "no memory for the store %s; nothing was changed", p->name);
        pg_disconnect(p);
        return lost ? AGAIN : REFUSED;
    }
    if (pg_batch_end(p, &passed))
        return DONE;
    if (strcmp(p->state, "22012") == 0)
        return judge_fence(p, unknown);
    if (p->fatal)
        return UNKNOWN;
    if (strncmp(p->state, "40", 2) == 0 || strcmp(p->state, "55P03") == 0)
        return AGAIN;
    /* Behind the second, which is that of the fence, an attempt before this one is not there. */
    return unknown && passed < 2 ? UNKNOWN : REFUSED;
}

/* What is not known is asked for: nobody is told of a change what may not be so. */
static int commit(struct store *s)
{
    struct pg *p = pg_of(s);
    int64_t began = pg_now_ms(), deadline = began + (p->away ? 0 : PG_PATIENCE_MS);
    bool unknown = false;
    enum outcome outcome;
    for (;;) {
        outcome = attempt(p, unknown);
        if (outcome == DONE || outcome == REFUSED)
            break;
        parts_forget(p->parts);
        unknown = unknown || outcome == UNKNOWN;
        if (!pg_pause(p, unknown ? began + PG_UNKNOWN_MS : deadline))
            break;
    }
    p->row_n = 0;
    if (outcome != DONE && outcome != REFUSED && unknown)
        give_up(p);
    if (outcome != DONE)
        return -1;
    p->version++;
    p->away = false;
    return 0;
}

/* --- the rest */

static bool is_away(const struct store *s)
{
    return ((const struct pg *)(const void *)s)->away;
}

static const char *trouble(const struct store *s)
{
    return atomic_load(&((const struct pg *)(const void *)s)->trouble);
}

static void hurry(struct store *s)
{
    atomic_store(&pg_of(s)->hurry, true);
}

/* Whether its pages are sound is the server's to know (data checksums); that it answers is ours. */
static int check(struct store *s)
{
    return pg_run(pg_of(s), "SELECT count(*) FROM ils_lease", NULL) ? 0 : -1;
}

static uint64_t bytes(const struct store *s)
{
    return atomic_load(&((const struct pg *)(const void *)s)->bytes);
}

static const char *name(const struct store *s)
{
    return ((const struct pg *)(const void *)s)->name;
}

static void close_it(struct store *s)
{
    struct pg *p = pg_of(s);
    pg_disconnect(p);
    if (p->scratch != NULL)
        crypto_wipe(p->scratch, p->scratch_size);
    crypto_wipe(p->key, sizeof p->key);
    parts_free(p->parts);
    free(p->scratch);
    free(p->row);
    free(p->dsn);
    free(p);
}

static const struct store_calls calls = {
    .close = close_it,
    .name = name,
    .load = load,
    .scan = scan,
    .begin = begin,
    .apply = apply,
    .commit = commit,
    .rollback = rollback,
    .away = is_away,
    .trouble = trouble,
    .hurry = hurry,
    .check = check,
    .bytes = bytes,
    .lease = pg_lease,
    .lease_read = pg_lease_read,
    .lease_end = pg_lease_end,
    .moved = pg_moved,
    .changes = changes,
    .wait = wait_for,
    .snapshot = snapshot,
};

static int put_part(void *own, struct slice key, size_t number, struct slice part)
{
    struct pg_args a = {.n = 0};
    pg_bytes(&a, key);
    pg_number(&a, number);
    pg_bytes(&a, part);
    return pg_batch_put(own, "INSERT INTO ils_stream_part (key, number, value) VALUES ($1, $2, $3) "
                             "ON CONFLICT (key, number) DO UPDATE SET value = excluded.value", &a)
               ? 0 : -1;
}

static int remove_part(void *own, struct slice key, size_t number)
{
    struct pg_args a = {.n = 0};
    pg_bytes(&a, key);
    pg_number(&a, number);
    return pg_batch_put(own, "DELETE FROM ils_stream_part WHERE key = $1 AND number = $2", &a)
               ? 0 : -1;
}

static int parts_gone(void *own, struct slice key, bool below)
{
    struct pg_args a = {.n = 0};
    pg_bytes(&a, key);
    return pg_batch_put(own, below ? "DELETE FROM ils_stream_part WHERE key < $1"
                                   : "DELETE FROM ils_stream_part WHERE key = $1", &a) ? 0 : -1;
}

static const struct parts_io parts_io = {PG_PART, put_part, remove_part, parts_gone};

static struct store *open_store(const char *dsn, const char *key_file, bool follow, char *error,
                                size_t size)
{
    struct pg *p = calloc(1, sizeof *p);
    if (p == NULL || (p->parts = parts_new(&parts_io, p)) == NULL) {
        snprintf(error, size, "no memory for the store");
        free(p);
        return NULL;
    }
    p->store.calls = &calls;
    p->follow = follow;
    if (pg_take_dsn(p, dsn) && pg_prepare(p, key_file)) {
        p->no_notify = !follow && !pg_run(p, "NOTIFY openils", NULL);
        p->away = false;
        return &p->store;
    }
    snprintf(error, size, "%s", p->store.error);
    close_it(&p->store);
    return NULL;
}

extern const struct store_module openils_store;
const struct store_module openils_store = {STORE_MODULE_VERSION, open_store};
