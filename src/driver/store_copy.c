/* store_copy: copies of a store: made while it is in use, by SQLite's own backup, and opened to be
 * looked at. A copy is one plain file without a log beside it. */
#include "driver/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE 256 /* pages of 4 KiB between two looks at what waits to be written */

struct store_copy {
    struct store_file *from, *to;
    sqlite3_backup *backup;
    bool done;
};

static void say(char *error, size_t size, const char *file, int number)
{
    snprintf(error, size, "cannot write %s (%s); give a place that ilsd may write to", file,
             strerror(number));
}

struct store_copy *store_copy_start(struct store *s, const char *file, char *error, size_t size)
{
    if (!store_is_file(s)) {
        snprintf(error, size, "the store %s is not in a file; this is for files", store_name(s));
        return NULL;
    }
    struct store_copy *c = calloc(1, sizeof *c);
    int fd = c != NULL ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0) {
        say(error, size, file, c != NULL ? errno : ENOMEM);
        free(c);
        return NULL;
    }
    close(fd);
    c->from = store_file(s);
    c->to = store_new(file, error, size);
    int code = c->to == NULL ? SQLITE_NOMEM
                             : sqlite3_open_v2(file, &c->to->db,
                                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        c->backup = sqlite3_backup_init(c->to->db, "main", c->from->db, "main");
        code = c->backup != NULL ? SQLITE_OK : sqlite3_errcode(c->to->db);
    }
    if (code == SQLITE_OK)
        return c;
    if (c->to != NULL) {
        store_explain(c->to, code);
        snprintf(error, size, "%s", c->to->store.error);
        store_copy_end(c);
    } else {
        unlink(file);
        free(c);
    }
    return NULL;
}

/* The log of the original is not in the copy, and the copy needs none. */
static int finish(struct store_copy *c)
{
    int code = sqlite3_backup_finish(c->backup);
    c->backup = NULL;
    if (code == SQLITE_OK)
        code = sqlite3_exec(c->to->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE",
                            NULL, NULL, NULL);
    c->done = code == SQLITE_OK;
    return code;
}

int store_copy_step(struct store_copy *c, char *error, size_t size)
{
    int code = sqlite3_backup_step(c->backup, SLICE);
    if (code == SQLITE_OK)
        return 1;
    if (code == SQLITE_DONE)
        code = finish(c);
    if (code == SQLITE_OK)
        return 0;
    store_explain(c->to, code);
    snprintf(error, size, "%s", c->to->store.error);
    return -1;
}

void store_copy_end(struct store_copy *c)
{
    if (c->backup != NULL)
        sqlite3_backup_finish(c->backup);
    if (!c->done)
        unlink(c->to->path);
    store_close(&c->to->store);
    free(c);
}

int store_plain(struct store *s)
{
    struct store_file *f = store_file(s);
    int code = sqlite3_exec(f->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        store_explain(f, code);
    return code == SQLITE_OK ? 0 : -1;
}

/* --- looking at one */

struct store *store_open_copy(const char *file, char *error, size_t size)
{
    struct store_file *s = store_new(file, error, size);
    if (s == NULL)
        return NULL;
    int code = sqlite3_open_v2(file, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        code = store_form(s) < 0 ? SQLITE_ERROR : SQLITE_OK;
        if (code == SQLITE_OK && store_parts_read(s) < 0) {
            store_explain(s, SQLITE_NOMEM);
            code = SQLITE_NOMEM;
        }
    } else {
        snprintf(s->store.error, STORE_ERROR, "cannot read %s (%s); make it readable for the user "
                 "that ilsd runs as", file, sqlite3_errstr(code));
    }
    if (code == SQLITE_OK)
        return &s->store;
    int why = s->db == NULL ? SQLITE_OK : sqlite3_errcode(s->db) & 0xff;
    if (why == SQLITE_CORRUPT || why == SQLITE_NOTADB)
        snprintf(s->store.error, STORE_ERROR, "%s is no whole backup (%s); give another one", file,
                 sqlite3_errstr(why));
    snprintf(error, size, "%s", s->store.error);
    store_close(&s->store);
    return NULL;
}

int store_file_check(struct store *store)
{
    struct store_file *s = store_file(store);
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &q, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    bool sound = text != NULL && strcmp(text, "ok") == 0;
    if (text != NULL && !sound)
        snprintf(s->store.error, STORE_ERROR, "the file %.700s is damaged: %.200s", s->path, text);
    else if (!sound)
        store_explain(s, code);
    sqlite3_finalize(q);
    return sound ? 0 : -1;
}
