/* source_postgresql: a query on PostgreSQL, as a module. libpq is used without ever blocking, so
 * that the time it has is kept; the transaction is read-only, and one statement is taken. */
#include <libpq-fe.h>
#include <stdio.h>

#include "driver/source_call.h"

static void fail(struct source_call *call, const char *what)
{
    char next[256];
    snprintf(next, sizeof next, "psql '%.200s' -c 'SELECT 1'", call->spec->place);
    call->failed(call->own, next, "%s", what);
}

/* False: what is wrong with the DSN was said. */
static bool judge_dsn(struct source_call *call)
{
    char *error = NULL;
    bool good = true;
    PQconninfoOption *options = PQconninfoParse(call->spec->place, &error);
    if (options == NULL) {
        call->failed(call->own, "ils help source add", "the DSN is not understood: %s",
                   error != NULL ? error : "no memory");
        good = false;
    }
    for (PQconninfoOption *o = options; good && o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "password") != 0 || o->val == NULL)
            continue;
        call->failed(call->own, "ils source add ... --password-file FILE",
                   "the DSN holds a password, which everybody could read in ils source list");
        good = false;
    }
    PQfreemem(error);
    PQconninfoFree(options);
    return good;
}

static bool connect_to(struct source_call *call, PGconn **ret)
{
    const char *const keyword[] = {"dbname", "client_encoding", "fallback_application_name",
                                   "password", NULL};
    const char *const value[] = {call->spec->place, "UTF8", "openils", call->password, NULL};
    PGconn *c = *ret = PQconnectStartParams(keyword, value, 1);
    if (c == NULL) {
        fail(call, "no memory");
        return false;
    }
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    if (PQstatus(c) == CONNECTION_BAD)
        status = PGRES_POLLING_FAILED;
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (source_wait(call, PQsocket(c), events) == 0)
            return false;
        status = PQconnectPoll(c);
    }
    if (status != PGRES_POLLING_OK)
        fail(call, PQerrorMessage(c));
    return status == PGRES_POLLING_OK;
}

/* All that was sent has left. */
static bool flushed(struct source_call *call, PGconn *c)
{
    int more;
    while ((more = PQflush(c)) > 0) {
        short ready = source_wait(call, PQsocket(c), POLLIN | POLLOUT);
        if (ready == 0 || ((ready & POLLIN) != 0 && PQconsumeInput(c) == 0))
            break;
    }
    if (more < 0)
        fail(call, PQerrorMessage(c));
    return more == 0;
}

/* The next result into *ret, NULL after the last. False: said. */
static bool next_result(struct source_call *call, PGconn *c, PGresult **ret)
{
    while (PQisBusy(c)) {
        if (source_wait(call, PQsocket(c), POLLIN) == 0)
            return false;
        if (PQconsumeInput(c) == 0) {
            fail(call, PQerrorMessage(c));
            return false;
        }
    }
    *ret = PQgetResult(c);
    return true;
}

/* A command of one's own, without rows. */
static bool command(struct source_call *call, PGconn *c, const char *sql)
{
    PGresult *result;
    bool good = PQsendQuery(c, sql) == 1;
    if (!good)
        fail(call, PQerrorMessage(c));
    good = good && flushed(call, c);
    while (good && (good = next_result(call, c, &result)) && result != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fail(call, PQresultErrorMessage(result));
            good = false;
        }
        PQclear(result);
    }
    return good;
}

static bool tell_columns(struct source_call *call, const PGresult *result)
{
    const char *name[SOURCE_FIELDS_MAX];
    int n = PQnfields(result);
    if (n < 1 || n > SOURCE_FIELDS_MAX) {
        call->failed(call->own, "", "the query gives %d columns: 1 to %d are possible", n,
                   SOURCE_FIELDS_MAX);
        return false;
    }
    for (int i = 0; i < n; i++)
        name[i] = PQfname(result, i);
    return call->columns(call->own, (size_t)n, name);
}

/* The rows of one result: one, or the none that ends them. */
static bool take_rows(struct source_call *call, const PGresult *result, uint64_t *number)
{
    struct slice field[SOURCE_FIELDS_MAX];
    if (*number == 0 && !tell_columns(call, result))
        return false;
    if (*number == 0)
        *number = 1;
    for (int row = 0; row < PQntuples(result); row++, (*number)++) {
        for (int i = 0; i < PQnfields(result); i++) {
            bool null = PQgetisnull(result, row, i) == 1;
            field[i] = slice_make(null ? NULL : PQgetvalue(result, row, i),
                                  null ? 0 : (size_t)PQgetlength(result, row, i));
        }
        if (!call->row(call->own, *number, NULL, field))
            return false;
    }
    return true;
}

static void query(struct source_call *call, PGconn *c)
{
    uint64_t number = 0;
    PGresult *result;
    bool good = PQsendQueryParams(c, call->spec->query, 0, NULL, NULL, NULL, NULL, 0) == 1;
    if (!good)
        fail(call, PQerrorMessage(c));
    good = good && flushed(call, c);
    if (good)
        PQsetSingleRowMode(c);
    while (good && (good = next_result(call, c, &result)) && result != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK) {
            good = take_rows(call, result, &number);
        } else if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
            call->failed(call->own, "", "the query is one SELECT");
            good = false;
        } else {
            fail(call, PQresultErrorMessage(result));
            good = false;
        }
        PQclear(result);
    }
}

static void fetch(struct source_call *call)
{
    char patience[64];
    PGconn *c = NULL;
    if (!judge_dsn(call))
        return;
    if (connect_to(call, &c) && PQsetnonblocking(c, 1) == 0) {
        snprintf(patience, sizeof patience, "SET LOCAL statement_timeout = %d",
                 source_left_ms(call) + 1);
        if (command(call, c, "BEGIN TRANSACTION READ ONLY") && command(call, c, patience))
            query(call, c);
    }
    PQfinish(c);
}

extern const struct source_module openils_source;
const struct source_module openils_source = {SOURCE_MODULE_VERSION, fetch};
