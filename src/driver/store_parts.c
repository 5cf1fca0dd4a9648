/* store_parts: the row of a stream holds a list that is long and of which a change touches the end:
 * it is kept in parts, and only those that differ from what is there are written. A value of more
 * than two parts is its first part and its rest, in one row of its table, and the full parts
 * between them, in a table of their own; so a change of the head and of the end of the list is one
 * row. A value that was written whole, as by an ilsd of an earlier form, is one without parts.
 *
 * What is there is known from what this connection wrote and committed; what is not known, or was
 * rolled back, is written anew as a whole. */
#include "driver/store_inside.h"

#include <stdlib.h>
#include <string.h>

/* So that a row with key, head and rest stays within its page. */
#define PART      432
#define BUCKETS   256
#define KNOWN_MAX ((size_t)32 << 20) /* bytes; beyond it all is forgotten */

struct known {
    struct known *next;
    size_t key_n, n;
    uint8_t bytes[]; /* key, value */
};

struct store_parts {
    sqlite3_stmt *all, *put, *del, *gone, *below;
    struct known *bucket[BUCKETS];
    size_t known;   /* bytes */
    uint8_t *whole; /* a value put together, or taken apart */
    size_t size;
};

static size_t full_parts(size_t n)
{
    return n > 2 * PART ? (n - PART) / PART : 0;
}

static struct known **place(struct store_parts *p, struct slice key)
{
    unsigned h = 0;
    for (size_t i = 0; i < key.n; i++)
        h = h * 31 + key.p[i];
    struct known **at = &p->bucket[h % BUCKETS];
    while (*at != NULL && !slice_eq(slice_make((*at)->bytes, (*at)->key_n), key))
        at = &(*at)->next;
    return at;
}

static void forget(struct store_parts *p, struct known **at)
{
    struct known *k = *at;
    if (k == NULL)
        return;
    *at = k->next;
    p->known -= sizeof *k + k->key_n + k->n;
    free(k);
}

void store_parts_forget(struct store_file *s)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (s->parts->bucket[i] != NULL)
            forget(s->parts, &s->parts->bucket[i]);
}

/* Without memory it is not known, which is not wrong. */
static void remember(struct store_file *s, struct slice key, struct slice value)
{
    struct store_parts *p = s->parts;
    size_t size = sizeof(struct known) + key.n + value.n;
    if (p->known + size > KNOWN_MAX)
        store_parts_forget(s);
    struct known **at = place(p, key), *k = malloc(size);
    forget(p, at);
    if (k == NULL)
        return;
    *k = (struct known){.key_n = key.n, .n = value.n};
    memcpy(k->bytes, key.p, key.n);
    memcpy(k->bytes + key.n, value.p, value.n);
    p->known += size;
    at = place(p, key);
    k->next = *at;
    *at = k;
}

static bool room(struct store_parts *p, size_t n)
{
    if (n <= p->size)
        return true;
    uint8_t *grown = realloc(p->whole, n);
    if (grown == NULL)
        return false;
    p->whole = grown;
    p->size = n;
    return true;
}

/* --- writing */

/* number < 0, value NULL: the statement has no place for it. */
static int step(sqlite3_stmt *q, struct slice key, int64_t number, const struct slice *value)
{
    int code = sqlite3_bind_blob64(q, 1, key.p, key.n, SQLITE_STATIC);
    if (code == SQLITE_OK && number >= 0)
        code = sqlite3_bind_int64(q, 2, number);
    if (code == SQLITE_OK && value != NULL)
        code = sqlite3_bind_blob64(q, 3, value->p, value->n, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return code == SQLITE_DONE ? 0 : -1;
}

int store_parts_put(struct store_file *s, struct slice key, struct slice *value)
{
    struct store_parts *p = s->parts;
    const struct known *k = *place(p, key);
    struct slice v = *value;
    const uint8_t *old = k != NULL ? k->bytes + k->key_n : NULL;
    size_t n = full_parts(v.n), old_n = k != NULL ? full_parts(k->n) : 0;
    if (k == NULL && step(p->gone, key, -1, NULL) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct slice part = slice_make(v.p + (i + 1) * PART, PART);
        if (i < old_n && memcmp(old + (i + 1) * PART, part.p, PART) == 0)
            continue;
        if (step(p->put, key, (int64_t)i, &part) < 0)
            return -1;
    }
    for (size_t i = n; i < old_n; i++)
        if (step(p->del, key, (int64_t)i, NULL) < 0)
            return -1;
    remember(s, key, v);
    if (n == 0)
        return 0;
    size_t rest = v.n - (n + 1) * PART;
    if (!room(p, PART + rest))
        return -1;
    memcpy(p->whole, v.p, PART);
    memcpy(p->whole + PART, v.p + (n + 1) * PART, rest);
    *value = slice_make(p->whole, PART + rest);
    return 0;
}

int store_parts_remove(struct store_file *s, struct slice key, bool below)
{
    struct store_parts *p = s->parts;
    if (below)
        store_parts_forget(s);
    else
        forget(p, place(p, key));
    return step(below ? p->below : p->gone, key, -1, NULL);
}

/* --- reading */

int store_parts_whole(struct store_file *s, struct slice key, struct slice *value)
{
    struct store_parts *p = s->parts;
    struct slice v = *value;
    size_t n = PART;
    int code = SQLITE_DONE;
    if (v.n < PART || p->all == NULL)
        return 0;
    if (sqlite3_bind_blob64(p->all, 1, key.p, key.n, SQLITE_STATIC) == SQLITE_OK)
        while ((code = sqlite3_step(p->all)) == SQLITE_ROW) {
            size_t part = (size_t)sqlite3_column_bytes(p->all, 0);
            const void *bytes = sqlite3_column_blob(p->all, 0);
            if (!room(p, n + part + v.n)) {
                code = SQLITE_NOMEM;
                break;
            }
            if (part > 0)
                memcpy(p->whole + n, bytes, part);
            n += part;
        }
    sqlite3_reset(p->all);
    sqlite3_clear_bindings(p->all);
    if (code != SQLITE_DONE)
        return -1;
    if (n == PART)
        return 0;
    memcpy(p->whole, v.p, PART);
    memcpy(p->whole + n, v.p + PART, v.n - PART);
    *value = slice_make(p->whole, n + v.n - PART);
    return 0;
}

/* --- life */

int store_parts_make(struct store_file *s)
{
    return sqlite3_exec(s->db,
                        "CREATE TABLE IF NOT EXISTS stream_part (key BLOB NOT NULL, number INTEGER "
                        "NOT NULL, value BLOB NOT NULL, PRIMARY KEY (key, number)) WITHOUT ROWID",
                        NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static bool prepared(struct store_file *s, const char *sql, sqlite3_stmt **ret)
{
    return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK;
}

int store_parts_read(struct store_file *s)
{
    s->parts = calloc(1, sizeof *s->parts);
    if (s->parts == NULL)
        return -1;
    if (sqlite3_table_column_metadata(s->db, "main", "stream_part", NULL, NULL, NULL, NULL, NULL,
                                      NULL) != SQLITE_OK)
        return 0; /* a copy of an earlier form */
    return prepared(s, "SELECT value FROM stream_part WHERE key = ?1 ORDER BY number",
                    &s->parts->all) ? 0 : -1;
}

int store_parts_open(struct store_file *s)
{
    if (store_parts_read(s) < 0)
        return -1;
    struct store_parts *p = s->parts;
    bool good =
        prepared(s, "INSERT OR REPLACE INTO stream_part VALUES (?1, ?2, ?3)", &p->put) &&
        prepared(s, "DELETE FROM stream_part WHERE key = ?1 AND number = ?2", &p->del) &&
        prepared(s, "DELETE FROM stream_part WHERE key = ?1", &p->gone) &&
        prepared(s, "DELETE FROM stream_part WHERE key < ?1", &p->below);
    return good ? 0 : -1;
}

void store_parts_close(struct store_file *s)
{
    struct store_parts *p = s->parts;
    if (p == NULL)
        return;
    store_parts_forget(s);
    sqlite3_finalize(p->all);
    sqlite3_finalize(p->put);
    sqlite3_finalize(p->del);
    sqlite3_finalize(p->gone);
    sqlite3_finalize(p->below);
    free(p->whole);
    free(p);
    s->parts = NULL;
}
