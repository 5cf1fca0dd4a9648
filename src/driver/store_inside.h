/* store_inside: what store_sqlite.c, store_parts.c and store_copy.c share. */
#ifndef OPENILS_DRIVER_STORE_INSIDE_H
#define OPENILS_DRIVER_STORE_INSIDE_H

#include <sqlite3.h>

#include "driver/datadir.h"
#include "driver/store_call.h"

struct store_parts;

/* A store in one file of SQLite. */
struct store_file {
    struct store store;
    sqlite3 *db;
    sqlite3_stmt *put[STORE_SPACES], *del[STORE_SPACES], *below[STORE_SPACES];
    sqlite3_stmt *begin, *commit;
    sqlite3_stmt *last[STORE_SPACES]; /* finds the last row; NULL: no change touches it */
    bool begun;                       /* ahead, by store_soon */
    struct store_parts *parts; /* of the rows of streams */
    char path[DATADIR_PATH_MAX];
};

extern const char *const store_tables[STORE_SPACES];

bool store_is_file(const struct store *s);

static inline struct store_file *store_file(struct store *s)
{
    return (struct store_file *)(void *)s;
}

/* Not open yet. NULL: no memory, or the path is too long. */
struct store_file *store_new(const char *path, char *error, size_t size);
/* What SQLite says, as a sentence with the file and what to do about it, into s->store.error. */
void store_explain(struct store_file *s, int code);

/* Is it a store, of a form that this version reads? 0, or -1 with a sentence in s->store.error. */
int store_form(struct store_file *s);

/* Asks SQLite (store_check). */
int store_file_check(struct store *s);

/* store_wal.c: the VFS that gathers what is written into the log; NULL: there is none. */
const char *store_wal_vfs(void);

/* store_parts.c: the rows of streams. All give 0, or -1: SQLite, or memory. */

/* Inside the transaction that makes the tables. */
int store_parts_make(struct store_file *s);
/* To read and write; to read a copy alone. */
int store_parts_open(struct store_file *s);
int store_parts_read(struct store_file *s);
void store_parts_close(struct store_file *s);

/* Before the row is written: what is left of *value for it is valid until the next call. */
int store_parts_put(struct store_file *s, struct slice key, struct slice *value);
/* With the row, or with those of all smaller keys. */
int store_parts_remove(struct store_file *s, struct slice key, bool below);
/* What was written since the last commit may not be there. */
void store_parts_forget(struct store_file *s);
/* After the row was read: *value becomes the whole, valid until the next call. */
int store_parts_whole(struct store_file *s, struct slice key, struct slice *value);

#endif
