/* source_mariadb: a query on MariaDB, as a module, with the part of its library that does not
 * block. What its DSN looks like: source_dsn.h. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "driver/source_call.h"
#include "driver/source_dsn.h"

static bool dsn_read(struct source_call *call, struct dsn *d)
{
    char error[DSN_ERROR];
    if (dsn_parse(d, call->spec->place, error, sizeof error))
        return true;
    call->failed(call->own, "ils help source add", "the DSN is not understood: %s", error);
    return false;
}

/* Waits for what the library wants, and says what came; when the time is over, that it is. */
static int await(struct source_call *call, MYSQL *db, int status)
{
    int got = MYSQL_WAIT_TIMEOUT;
    int left = (status & MYSQL_WAIT_TIMEOUT) != 0 ? (int)mysql_get_timeout_value_ms(db) : -1;
    for (;;) {
        struct pollfd p = {.fd = mysql_get_socket(db)};
        p.events = (short)((status & MYSQL_WAIT_READ ? POLLIN : 0) |
                           (status & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
                           (status & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
        if (!source_goes_on(call) || left == 0)
            return MYSQL_WAIT_TIMEOUT;
        int slice = left > 0 && left < SOURCE_SLICE_MS ? left : SOURCE_SLICE_MS;
        int n = poll(&p, 1, slice);
        if (n < 0 && errno != EINTR)
            return MYSQL_WAIT_TIMEOUT;
        if (n > 0) {
            got = (p.revents & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0) |
                  (p.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0) |
                  (p.revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
            return (got & status) != 0 ? got & status : status & ~MYSQL_WAIT_TIMEOUT;
        }
        left = left > 0 ? left - slice : left;
    }
}

static void fail(struct source_call *call, const struct dsn *d, MYSQL *db)
{
    char next[256];
    bool socket = d->value[DSN_SOCKET] != NULL;
    const char *where = socket ? d->value[DSN_SOCKET] : d->value[DSN_HOST];
    snprintf(next, sizeof next, "mariadb --%s='%.90s' --user='%.40s' --password '%.60s'",
             socket ? "socket" : "host", where != NULL ? where : "localhost",
             d->value[DSN_USER] != NULL ? d->value[DSN_USER] : "",
             d->value[DSN_DBNAME] != NULL ? d->value[DSN_DBNAME] : "");
    call->failed(call->own, next, "%s", mysql_error(db));
}

static bool connect_to(struct source_call *call, MYSQL *db, const struct dsn *d)
{
    my_bool on = 1;
    MYSQL *ret = NULL;
    bool local = d->value[DSN_HOST] == NULL && d->value[DSN_SOCKET] == NULL;
    mysql_options(db, MYSQL_OPT_NONBLOCK, NULL);
    mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (d->value[DSN_SSL_CA] != NULL) {
        mysql_options(db, MYSQL_OPT_SSL_CA, d->value[DSN_SSL_CA]);
        mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
    }
    bool asked = d->value[DSN_SSL] != NULL && strcmp(d->value[DSN_SSL], "on") == 0;
    if (asked || d->value[DSN_SSL_CA] != NULL)
        mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &on);
    int status = mysql_real_connect_start(&ret, db, local ? "localhost" : d->value[DSN_HOST],
                                          d->value[DSN_USER], call->password, d->value[DSN_DBNAME],
                                          d->port, d->value[DSN_SOCKET], 0);
    while (status != 0)
        status = mysql_real_connect_cont(&ret, db, await(call, db, status));
    if (ret == NULL)
        fail(call, d, db);
    return ret != NULL;
}

static bool ask(struct source_call *call, const struct dsn *d, MYSQL *db, const char *sql)
{
    int error = 0;
    int status = mysql_real_query_start(&error, db, sql, (unsigned long)strlen(sql));
    while (status != 0)
        status = mysql_real_query_cont(&error, db, await(call, db, status));
    if (error != 0)
        fail(call, d, db);
    return error == 0;
}

static bool tell_columns(struct source_call *call, MYSQL_RES *result)
{
    const char *name[SOURCE_FIELDS_MAX];
    unsigned n = mysql_num_fields(result);
    const MYSQL_FIELD *field = mysql_fetch_fields(result);
    if (n < 1 || n > SOURCE_FIELDS_MAX) {
        call->failed(call->own, "", "the query gives %u columns: 1 to %d are possible", n,
                   SOURCE_FIELDS_MAX);
        return false;
    }
    for (unsigned i = 0; i < n; i++)
        name[i] = field[i].name;
    return call->columns(call->own, n, name);
}

static bool read_rows(struct source_call *call, const struct dsn *d, MYSQL *db,
                      MYSQL_RES *result)
{
    struct slice field[SOURCE_FIELDS_MAX];
    if (!tell_columns(call, result))
        return false;
    for (uint64_t number = 1;; number++) {
        MYSQL_ROW row;
        int status = mysql_fetch_row_start(&row, result);
        while (status != 0)
            status = mysql_fetch_row_cont(&row, result, await(call, db, status));
        if (row == NULL)
            break;
        const unsigned long *length = mysql_fetch_lengths(result);
        for (unsigned i = 0; i < mysql_num_fields(result); i++)
            field[i] = slice_make(row[i], row[i] != NULL ? length[i] : 0);
        if (!call->row(call->own, number, NULL, field))
            return false;
    }
    if (mysql_errno(db) != 0)
        fail(call, d, db);
    return mysql_errno(db) == 0;
}

static void query(struct source_call *call, const struct dsn *d, MYSQL *db)
{
    if (!ask(call, d, db, "START TRANSACTION READ ONLY") ||
        !ask(call, d, db, call->spec->query))
        return;
    MYSQL_RES *result = mysql_use_result(db);
    if (result == NULL && mysql_field_count(db) == 0)
        call->failed(call->own, "", "the query is one SELECT");
    else if (result == NULL)
        fail(call, d, db);
    else if (!read_rows(call, d, db, result))
        shutdown(mysql_get_socket(db), SHUT_RDWR); /* the rest of the rows is not waited for */
    mysql_free_result(result);
}

static void begin_library(void)
{
    mysql_library_init(0, NULL, NULL);
}

static void fetch(struct source_call *call)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct dsn d;
    if (!dsn_read(call, &d))
        return;
    pthread_once(&once, begin_library);
    MYSQL *db = mysql_init(NULL);
    if (db == NULL) {
        call->failed(call->own, "ils status", "there is no memory for this");
        return;
    }
    if (connect_to(call, db, &d))
        query(call, &d, db);
    mysql_close(db);
    mysql_thread_end();
}

extern const struct source_module openils_source;
const struct source_module openils_source = {SOURCE_MODULE_VERSION, fetch};
