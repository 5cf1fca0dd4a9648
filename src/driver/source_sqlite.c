/* source_sqlite: a query on somebody else's SQLite database, which is opened read-only and may do
 * nothing but read. */
#include <sqlite3.h>
#include <stdio.h>

#include "driver/source.h"

static int on_progress(void *context)
{
    return !source_goes_on(context);
}

/* A query reads; what else SQL can do (ATTACH, PRAGMA, writing) is not wanted of it. */
static int judge(void *context, int action, const char *a, const char *b, const char *c,
                 const char *d)
{
    (void)context, (void)a, (void)b, (void)c, (void)d;
    return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
                   action == SQLITE_RECURSIVE
               ? SQLITE_OK
               : SQLITE_DENY;
}

static void fail(struct source_call *call, sqlite3 *db)
{
    char next[SOURCE_NEXT_MAX];
    snprintf(next, sizeof next, "sqlite3 -readonly '%.200s'", call->spec->place);
    call->failed(call->own, next, "%s: %s", call->spec->place, sqlite3_errmsg(db));
}

static bool tell_columns(struct source_call *call, sqlite3_stmt *query)
{
    const char *name[SOURCE_FIELDS_MAX];
    int n = sqlite3_column_count(query);
    if (n < 1 || n > SOURCE_FIELDS_MAX) {
        call->failed(call->own, "", "the query gives %d columns: 1 to %d are possible", n,
                   SOURCE_FIELDS_MAX);
        return false;
    }
    for (int i = 0; i < n; i++) {
        name[i] = sqlite3_column_name(query, i);
        if (name[i] == NULL)
            name[i] = "";
    }
    return call->columns(call->own, (size_t)n, name);
}

static void read_rows(struct source_call *call, sqlite3 *db, sqlite3_stmt *query)
{
    struct slice field[SOURCE_FIELDS_MAX];
    int r;
    if (!tell_columns(call, query))
        return;
    for (uint64_t number = 1; (r = sqlite3_step(query)) == SQLITE_ROW; number++) {
        for (int i = 0; i < sqlite3_column_count(query); i++) {
            const unsigned char *text = sqlite3_column_text(query, i);
            field[i] = slice_make(text, text != NULL ? (size_t)sqlite3_column_bytes(query, i) : 0);
        }
        if (!call->row(call->own, number, NULL, field))
            return;
    }
    if (r != SQLITE_DONE)
        fail(call, db);
}

void source_sqlite_fetch(struct source_call *call)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *query = NULL;
    const char *rest = "";
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(call->spec->place, &db, flags, NULL) != SQLITE_OK) {
        fail(call, db);
    } else {
        int left = source_left_ms(call);
        sqlite3_busy_timeout(db, left < 5000 ? left : 5000); /* a writer may hold it for a moment */
        sqlite3_progress_handler(db, 10000, on_progress, call);
        sqlite3_set_authorizer(db, judge, NULL);
        if (sqlite3_prepare_v2(db, call->spec->query, -1, &query, &rest) != SQLITE_OK)
            fail(call, db);
        else if (query == NULL || rest[strspn(rest, " \t\r\n;")] != '\0')
            call->failed(call->own, "", "the query is one SELECT");
        else
            read_rows(call, db, query);
    }
    sqlite3_finalize(query);
    sqlite3_close(db);
}
