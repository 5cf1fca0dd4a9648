/* store_parts: the rows of streams in a file of SQLite: what parts.c keeps in parts. A value that
 * was written whole, as by an ilsd of an earlier form, is one without parts. */
#include "driver/parts.h"
#include "driver/store_inside.h"

#include <stdlib.h>
#include <string.h>

/* So that a row with key, head and rest stays within its page. */
#define PART 432

struct store_parts {
    sqlite3_stmt *all, *put, *del, *gone, *below;
    struct parts *parts;
    uint8_t *whole; /* a value put together */
    size_t size;
};

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

static int put_part(void *own, struct slice key, size_t number, struct slice part)
{
    return step(((struct store_parts *)own)->put, key, (int64_t)number, &part);
}

static int remove_part(void *own, struct slice key, size_t number)
{
    return step(((struct store_parts *)own)->del, key, (int64_t)number, NULL);
}

static int parts_gone(void *own, struct slice key, bool below)
{
    struct store_parts *p = own;
    return step(below ? p->below : p->gone, key, -1, NULL);
}

static const struct parts_io io = {PART, put_part, remove_part, parts_gone};

int store_parts_put(struct store_file *s, struct slice key, struct slice *value)
{
    return parts_put(s->parts->parts, key, value);
}

int store_parts_remove(struct store_file *s, struct slice key, bool below)
{
    return parts_remove(s->parts->parts, key, below);
}

void store_parts_forget(struct store_file *s)
{
    parts_forget(s->parts->parts);
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
    if (s->parts == NULL || (s->parts->parts = parts_new(&io, s->parts)) == NULL)
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
    parts_free(p->parts);
    sqlite3_finalize(p->all);
    sqlite3_finalize(p->put);
    sqlite3_finalize(p->del);
    sqlite3_finalize(p->gone);
    sqlite3_finalize(p->below);
    free(p->whole);
    free(p);
    s->parts = NULL;
}
