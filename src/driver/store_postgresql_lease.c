/* store_postgresql_lease: the tables, their form, and who may write.
 *
 * One row holds it all: `form` counts the statements below that were run; `version` grows with each
 * transaction; `fence` with each taking of the lease. Who writes changes this row first, from the
 * version and the fence that he knows, so that it orders writers, and whoever lost the lease
 * cannot commit. Nothing here is more than plain SQL with upserts: engines that speak the protocol
 * of PostgreSQL have no more in common. */
#include "driver/store_postgresql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW      "cast(extract(epoch from current_timestamp) * 1000 as bigint)"
#define SIZES_MS 60000
#define FOREVER  "4102444800000" /* 2100: a lease that is never over is not one of an ilsd */
#define MOVED_MS (INT64_C(20) * 365 * 86400 * 1000)
#define PG_QUICK_MS 1000 /* to prolong a lease: the server is slow no more */
#define LATE_TIMES  3    /* a lease is kept for so long where a server is slow */

const char *const pg_tables[STORE_SPACES] = {
    "ils_setting", "ils_password", "ils_peer",   "ils_route",  "ils_stream",
    "ils_segment", "ils_alarm",    "ils_audit",  "ils_trust",  "ils_refused",
    "ils_invite",  "ils_plan_log", "ils_source", "ils_policy", "ils_door",
};

/* --- the tables */

static const char lease_table[] =
    "CREATE TABLE IF NOT EXISTS ils_lease (one int PRIMARY KEY, form int NOT NULL, version bigint "
    "NOT NULL, gone bigint NOT NULL, fence bigint NOT NULL, holder text NOT NULL, since bigint NOT "
    "NULL, until bigint NOT NULL, seal bytea)";

static const char *const more_tables[] = {
    "CREATE TABLE IF NOT EXISTS ils_stream_part (key bytea NOT NULL, number bigint NOT NULL, value "
    "bytea NOT NULL, PRIMARY KEY (key, number))",
    "CREATE TABLE IF NOT EXISTS ils_gone (space int NOT NULL, key bytea NOT NULL, below int NOT "
    "NULL, version bigint NOT NULL, PRIMARY KEY (space, key, below))",
    "CREATE INDEX IF NOT EXISTS ils_gone_version ON ils_gone (version)",
};

/* Each statement is a form. Later ones are added at the end, and none is ever changed. */
#define FORM (2 * STORE_SPACES + sizeof more_tables / sizeof *more_tables)

static void statement_of(char *dst, size_t size, uint64_t form)
{
    const char *table = form < 2 * STORE_SPACES ? pg_tables[form / 2] : "";
    if (form >= 2 * STORE_SPACES)
        snprintf(dst, size, "%s", more_tables[form - 2 * STORE_SPACES]);
    else if (form % 2 == 1)
        snprintf(dst, size, "CREATE INDEX IF NOT EXISTS %s_version ON %s (version)", table, table);
    else
        snprintf(dst, size, "CREATE TABLE IF NOT EXISTS %s (key bytea PRIMARY KEY, value bytea NOT "
                 "NULL, version bigint NOT NULL%s)", table,
                 form / 2 == STORE_SEGMENT ? ", place bigint NOT NULL" : "");
}

/* False: said. */
static bool read_form(struct pg *p, const char *more, uint64_t *ret)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT form FROM ils_lease WHERE one = 1%s", more);
    PGresult *r = pg_ask(p, sql, NULL);
    bool there = r != NULL && PQntuples(r) == 1;
    if (there)
        *ret = pg_column_number(r, 0, 0);
    else if (r != NULL)
        pg_say(p, "the store %s is empty; start an ilsd that writes it first", p->name);
    PQclear(r);
    return there;
}

/* One statement, under a lock on the row; whoever else is at it waits and finds it done. */
static bool next_form(struct pg *p, uint64_t from)
{
    char sql[256];
    uint64_t form = 0;
    struct pg_args a = {.n = 0};
    bool good = pg_run(p, "BEGIN", NULL) && read_form(p, " FOR UPDATE", &form);
    if (good && form == from) {
        statement_of(sql, sizeof sql, form);
        pg_number(&a, form + 1);
        good = pg_run(p, sql, NULL) &&
               pg_run(p, "UPDATE ils_lease SET form = $1 WHERE one = 1", &a);
    }
    if (good)
        return pg_run(p, "COMMIT", NULL);
    pg_disconnect(p); /* rolls back */
    return false;
}

static bool make_tables(struct pg *p)
{
    uint64_t form = 0;
    /* Two that make the same table at once are in each other's way: the second time it is there. */
    if (read_form(p, "", &form))
        return true;
    if (strcmp(p->state, "42P01") != 0 && p->away)
        return false;
    if (!pg_run(p, lease_table, NULL) && !pg_run(p, lease_table, NULL))
        return false;
    return pg_run(p, "INSERT INTO ils_lease VALUES (1, 0, 0, 0, 0, '', 0, 0, NULL) ON CONFLICT "
                     "(one) DO NOTHING", NULL);
}

static bool bring_form(struct pg *p)
{
    uint64_t form = 0;
    if (!p->follow && !make_tables(p))
        return false;
    for (unsigned tries = 0; read_form(p, "", &form); ) {
        if (form > FORM) {
            pg_say(p, "the store %s has form %" PRIu64 " and this ilsd knows form %zu; start the "
                   "ilsd that wrote it, or a newer one (git pull && script/install)", p->name, form,
                   FORM);
            return false;
        }
        if (form == FORM)
            return true;
        if (p->follow) {
            pg_say(p, "the store %s has form %" PRIu64 " and this ilsd form %zu; first start the "
                   "ilsd that writes it in this version", p->name, form, FORM);
            return false;
        }
        if (!next_form(p, form) && (p->away || ++tries == 5))
            return false;
    }
    if (strcmp(p->state, "42P01") == 0)
        pg_say(p, "the store %s is empty; start an ilsd that writes it first", p->name);
    return false;
}

/* --- the key of the secrets: the row holds a few bytes that were sealed with it */

static const char seal_word[] = "openils";
#define SEAL_SPACE 255
#define SEAL_NAME  slice_make("", 0)

/* Nobody sealed anything yet: with this key from now on. False: said. */
static bool seal_first(struct pg *p, const char *file, bool missing)
{
    uint8_t sealed[sizeof seal_word + SEAL_MORE];
    struct pg_args a = {.n = 0};
    char *error = p->store.error;
    if (missing && !seal_make(file, p->key, error, STORE_ERROR))
        return false;
    seal_put(p->key, SEAL_SPACE, SEAL_NAME, slice_make(seal_word, sizeof seal_word), sealed);
    pg_bytes(&a, slice_make(sealed, sizeof sealed));
    PGresult *r = pg_ask(p, "UPDATE ils_lease SET seal = $1 WHERE one = 1 AND seal IS NULL", &a);
    bool good = r != NULL && strcmp(PQcmdTuples(r), "1") == 0;
    if (r != NULL && !good)
        pg_say(p, "another ilsd sealed the store %s at this moment; copy its key file to %s",
               p->name, file);
    PQclear(r);
    if (!good && missing)
        unlink(file);
    return good;
}

static bool seal_check(struct pg *p, struct slice sealed, const char *file)
{
    uint8_t word[sizeof seal_word + SEAL_MORE];
    size_t n = 0;
    if (sealed.n == sizeof word && seal_get(p->key, SEAL_SPACE, SEAL_NAME, sealed, word, &n))
        return true;
    pg_say(p, "%s is not the key file that the secrets of the store %s were sealed with; copy that "
           "one from the host whose ilsd wrote the store, or name it with --store-key", file,
           p->name);
    return false;
}

static bool take_key(struct pg *p, const char *file)
{
    char why[STORE_ERROR - 300];
    bool missing = false;
    PGresult *r = pg_ask(p, "SELECT seal FROM ils_lease WHERE one = 1", NULL);
    if (r == NULL)
        return false;
    bool sealed = PQntuples(r) == 1 && PQgetisnull(r, 0, 0) == 0;
    bool good = seal_read(file, p->key, &missing, why, sizeof why);
    if (good)
        good = sealed ? seal_check(p, pg_column(r, 0, 0), file) : seal_first(p, file, false);
    else if (missing && !sealed)
        good = seal_first(p, file, true);
    else if (missing)
        pg_say(p, "the secrets of the store %s are sealed, and %s, the key file, is not there; "
               "copy it from the host whose ilsd wrote the store, or name it with --store-key",
               p->name, file);
    else
        pg_say(p, "%s", why);
    PQclear(r);
    p->sealed = good;
    return good;
}

bool pg_prepare(struct pg *p, const char *key_file)
{
    if (!pg_connect(p) || !bring_form(p))
        return false;
    return p->follow || key_file == NULL || take_key(p, key_file);
}

/* --- the lease */

#define COLUMNS "holder, fence, version, since, until - " NOW

static void take_row(struct pg *p, const PGresult *r, struct store_lease *ret)
{
    *ret = (struct store_lease){
        .fence = pg_column_number(r, 0, 1),
        .version = pg_column_number(r, 0, 2),
        .since_ms = (int64_t)pg_column_number(r, 0, 3),
        .left_ms = (int64_t)pg_column_number(r, 0, 4),
    };
    slice_to_text(pg_column(r, 0, 0), ret->holder, sizeof ret->holder);
    ret->moved = ret->left_ms > MOVED_MS;
    ret->mine = p->mine && ret->fence == p->fence && strcmp(ret->holder, p->holder) == 0;
}

/* How much the store takes, now and then; an engine that does not tell is asked in vain. */
static void ask_size(struct pg *p)
{
    int64_t now = pg_now_ms();
    if (p->bytes_asked != 0 && now - p->bytes_asked < SIZES_MS)
        return;
    p->bytes_asked = now;
    PGresult *r = pg_ask(p, "SELECT cast(coalesce(sum(pg_total_relation_size(oid)), 0) as bigint) "
                            "FROM pg_class WHERE relkind = 'r' AND relname LIKE 'ils\\_%' AND "
                            "pg_table_is_visible(oid)", NULL);
    if (r != NULL && PQntuples(r) == 1)
        atomic_store(&p->bytes, pg_column_number(r, 0, 0));
    PQclear(r);
}

/* The row after a statement that gives it, where it was changed: 1; 0: it was not; -1: said. */
static int changed(struct pg *p, const char *sql, const struct pg_args *args,
                   struct store_lease *ret)
{
    PGresult *r = pg_ask(p, sql, args);
    int n = r == NULL ? -1 : PQntuples(r);
    if (n == 1)
        take_row(p, r, ret);
    PQclear(r);
    return n;
}

static int prolong(struct pg *p, unsigned ms, struct store_lease *ret)
{
    struct pg_args a = {.n = 0};
    pg_text(&a, p->holder);
    pg_number(&a, p->fence);
    pg_number(&a, ms);
    int n = changed(p, "UPDATE ils_lease SET until = " NOW " + $3 WHERE one = 1 AND holder = $1 "
                       "AND fence = $2 RETURNING " COLUMNS, &a, ret);
    ret->held_ms = n > 0 ? ms : 0;
    return n;
}

/* Of a server that is slow: it is given time, and the lease is longer by as much. All of it is one
 * round trip, since each may take as long. */
static int prolong_late(struct pg *p, unsigned ms, struct store_lease *ret)
{
    struct pg_args a = {.n = 0};
    size_t passed = 0;
    int64_t began = pg_now_ms();
    pg_text(&a, p->holder);
    pg_number(&a, p->fence);
    pg_number(&a, ms + PG_LATE_MS);
    if (!pg_batch_begin(p))
        return -1;
    if (!pg_batch_put(p, "BEGIN", NULL) ||
        !pg_batch_put(p, "SET LOCAL statement_timeout = " TEXT(PG_LATE_MS), NULL) ||
        !pg_batch_put(p, "UPDATE ils_lease SET until = " NOW " + $3 / (CASE WHEN holder = $1 AND "
                         "fence = $2 THEN 1 ELSE 0 END) WHERE one = 1", &a) ||
        !pg_batch_put(p, "COMMIT", NULL)) {
        pg_disconnect(p);
        return -1;
    }
    if (!pg_batch_end(p, &passed))
        return strcmp(p->state, "22012") == 0 ? 0 : -1;
    p->late = pg_now_ms() - began > PG_QUICK_MS;
    *ret = p->last;
    ret->version = p->version;
    ret->left_ms = ret->held_ms = ms + PG_LATE_MS;
    return 1;
}

static int take(struct pg *p, unsigned ms, struct store_lease *ret)
{
    struct pg_args a = {.n = 0};
    pg_text(&a, p->holder);
    pg_number(&a, ms);
    return changed(p, "UPDATE ils_lease SET holder = $1, fence = fence + 1, since = " NOW
                      ", until = " NOW " + $2 WHERE one = 1 AND (holder = $1 OR holder = '' OR "
                      "until <= " NOW ") RETURNING " COLUMNS, &a, ret);
}

/* 1, also where it is another's; -1: said. */
static int lease_read_once(struct pg *p, struct store_lease *ret)
{
    int n = changed(p, "SELECT " COLUMNS " FROM ils_lease WHERE one = 1", NULL, ret);
    if (n == 0)
        pg_say(p, "the row of ils_lease is missing in the store %s; put a backup back", p->name);
    return n > 0 ? 1 : -1;
}

static bool was_late(const struct pg *p)
{
    return p->c != NULL && strcmp(p->state, "57014") == 0;
}

/* The server answers, and does not prolong the lease, as one whose disk is full or who took the
 * rights away: nobody else may have it either. Who has it keeps his links as long as the row says
 * that it is his; the fence is there for what he writes. One that does not do it in time does not
 * do it for others either, and who stands by gives way then (knock): for a while it is not even
 * read whose it is. */
static bool refused_to_all(struct pg *p, unsigned ms, struct store_lease *ret)
{
    char error[STORE_ERROR];
    memcpy(error, p->store.error, sizeof error);
    if (p->fatal || p->state[0] == '\0' || p->c == NULL || strncmp(p->state, "40", 2) == 0)
        return false;
    p->late = was_late(p);
    bool good = p->late && pg_now_ms() - p->sure < LATE_TIMES * (int64_t)ms;
    if (good)
        *ret = p->last;
    else
        good = lease_read_once(p, ret) > 0 && ret->mine;
    ret->held_ms = p->late ? LATE_TIMES * ms : ms;
    memcpy(p->store.error, error, sizeof error);
    p->away = true;
    return good;
}

/* A server that lost what was committed, as a replica that took over may have, is no longer the
 * store that is in memory: it is taken anew. */
static int keep(struct pg *p, unsigned ms, struct store_lease *ret)
{
    int n = p->late ? prolong_late(p, ms, ret) : prolong(p, ms, ret);
    if (n < 0)
        return refused_to_all(p, ms, ret) ? 1 : n;
    p->mine = n > 0 && ret->version == p->version;
    p->last = *ret;
    p->sure = pg_now_ms();
    return p->mine;
}

/* Who was refused does not know whether the one who has the lease is dead or was refused as well.
 * So when the server takes something again, he is given the time to prolong it. 1: he had it. */
static int knock(struct pg *p, unsigned ms)
{
    if (p->open_since == 0) {
        if (!pg_run(p, "UPDATE ils_lease SET until = until WHERE one = 1", NULL))
            return -1;
        p->open_since = pg_now_ms();
    }
    if (pg_now_ms() - p->open_since < ms / 2)
        return 0;
    p->refused = false;
    return 1;
}

static int lease_once(struct pg *p, unsigned ms, bool may_take, struct store_lease *ret)
{
    if (p->mine)
        return keep(p, ms, ret);
    int n = !may_take ? 0 : p->refused ? knock(p, ms) : 1;
    if (n > 0)
        n = take(p, ms, ret);
    if (n < 0 && p->c != NULL && p->away) {
        p->refused = true;
        p->open_since = 0;
    }
    if (n <= 0)
        return n;
    p->mine = ret->mine = true;
    p->fence = ret->fence;
    p->version = ret->version;
    p->late = false;
    ret->held_ms = ms;
    p->last = *ret;
    p->sure = pg_now_ms();
    parts_forget(p->parts);
    return n;
}

int pg_lease(struct store *s, const char *holder, unsigned ms, struct store_lease *ret)
{
    struct pg *p = pg_of(s);
    int64_t deadline = pg_now_ms() + ms / 4;
    int n;
    if (!p->mine && holder != NULL)
        snprintf(p->holder, sizeof p->holder, "%s", holder);
    p->lease_ms = ms;
    do
        n = lease_once(p, ms, holder != NULL, ret);
    while (n < 0 && (p->away ? p->fatal : strncmp(p->state, "40", 2) == 0) &&
           pg_pause(p, deadline));
    if (n == 0)
        n = lease_read_once(p, ret);
    if (n > 0 && !p->late)
        ask_size(p);
    return n > 0 ? 0 : -1;
}

int pg_lease_read(struct store *s, struct store_lease *ret)
{
    struct pg *p = pg_of(s);
    int n = lease_read_once(p, ret);
    if (n > 0 && ret->left_ms > (int64_t)p->lease_ms / 2)
        p->refused = false; /* somebody prolonged it just now */
    else if (n < 0 && was_late(p))
        p->refused = true;
    p->open_since = p->refused ? p->open_since : 0;
    if (n > 0 && p->follow)
        ask_size(p);
    return n > 0 ? 0 : -1;
}

int pg_lease_end(struct store *s)
{
    struct pg *p = pg_of(s);
    struct pg_args a = {.n = 0};
    if (!p->mine)
        return 0;
    p->mine = false;
    pg_text(&a, p->holder);
    pg_number(&a, p->fence);
    return pg_run(p, "UPDATE ils_lease SET holder = '', until = 0 WHERE one = 1 AND holder = $1 "
                     "AND fence = $2", &a) ? 0 : -1;
}

int pg_moved(struct store *s, const char *where)
{
    struct pg *p = pg_of(s);
    struct pg_args a = {.n = 0};
    if (where == NULL)
        return pg_run(p, "UPDATE ils_lease SET holder = '', until = 0 WHERE one = 1 AND until = "
                         FOREVER, NULL) ? 0 : -1;
    if (!p->mine)
        return -1;
    p->mine = false;
    pg_text(&a, p->holder);
    pg_number(&a, p->fence);
    pg_text(&a, where);
    return pg_run(p, "UPDATE ils_lease SET holder = $3, until = " FOREVER ", since = " NOW
                     " WHERE one = 1 AND holder = $1 AND fence = $2", &a) ? 0 : -1;
}
