/* store_inside: what store_sqlite.c and store_copy.c share. */
#ifndef OPENILS_DRIVER_STORE_INSIDE_H
#define OPENILS_DRIVER_STORE_INSIDE_H

#include <sqlite3.h>

#include "driver/datadir.h"
#include "driver/store.h"

struct store {
    sqlite3 *db;
    sqlite3_stmt *put[STORE_SPACES], *del[STORE_SPACES], *below[STORE_SPACES];
    char path[DATADIR_PATH_MAX];
    char error[STORE_ERROR];
};

extern const char *const store_tables[STORE_SPACES];

/* Not open yet. NULL: no memory, or the path is too long. */
struct store *store_new(const char *path, char *error, size_t size);
/* What SQLite says, as a sentence with the file and what to do about it, into s->error. */
void store_explain(struct store *s, int code);

/* Is it a store, of a form that this version reads? 0, or -1 with a sentence in s->error. */
int store_form(struct store *s);

#endif
