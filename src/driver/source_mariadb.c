/* source_mariadb: a query on MariaDB, as a module, with the part of its library that does not
 * block. The DSN is in words, as PostgreSQL's: host=db port=3306 user=ils dbname=kamailio
 * socket=PATH ssl=on ssl_ca=FILE; a value with blanks stands in '...'. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "driver/source_call.h"

enum word { HOST, PORT, USER, DBNAME, SOCKET, SSL, SSL_CA, WORDS };

static const char *const words[WORDS] = {"host",   "port", "user",  "dbname",
                                          "socket", "ssl",  "ssl_ca"};

struct dsn {
    char text[1024];
    const char *value[WORDS]; /* into text; NULL: not given */
    unsigned port;
};

static bool dsn_fails(struct source_call *call, const char *why, const char *word)
{
    call->failed(call->own, "ils help source add", "the DSN is not understood: %s '%s'; it is "
               "host=NAME port=3306 user=NAME dbname=NAME, or socket=PATH, and ssl=on or "
               "ssl_ca=FILE", why, word);
    return false;
}

static char *skip_blanks(char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Cuts the value out, which is quoted or ends at a blank; what follows it, or NULL. */
static char *cut_value(char *p, const char **ret)
{
    bool quoted = *p == '\'';
    p += quoted;
    *ret = p;
    p += strcspn(p, quoted ? "'" : " \t\r\n");
    if (quoted && *p != '\'')
        return NULL;
    if (*p != '\0')
        *p++ = '\0';
    return p;
}

static bool dsn_parse(struct source_call *call, struct dsn *d)
{
    *d = (struct dsn){.port = 0};
    if (strlen(call->spec->place) >= sizeof d->text)
        return dsn_fails(call, "it is too long", "");
    memcpy(d->text, call->spec->place, strlen(call->spec->place) + 1);
    for (char *p = skip_blanks(d->text); *p != '\0'; p = skip_blanks(p)) {
        char *name = p;
        size_t i = 0;
        p += strcspn(p, "= \t\r\n");
        if (*p != '=')
            return dsn_fails(call, "there is no = behind", name);
        *p++ = '\0';
        if (strcmp(name, "password") == 0) {
            call->failed(call->own, "ils source add ... --password-file FILE",
                       "the DSN holds a password, which everybody could read in ils source list");
            return false;
        }
        while (i < WORDS && strcmp(name, words[i]) != 0)
            i++;
        if (i == WORDS)
            return dsn_fails(call, "there is no", name);
        p = cut_value(p, &d->value[i]);
        if (p == NULL)
            return dsn_fails(call, "a quote is not closed in", name);
    }
    if (d->value[PORT] != NULL) {
        char *end;
        unsigned long port = strtoul(d->value[PORT], &end, 10);
        if (*end != '\0' || port == 0 || port > 65535)
            return dsn_fails(call, "no port is", d->value[PORT]);
        d->port = (unsigned)port;
    }
    return true;
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
    bool socket = d->value[SOCKET] != NULL;
    const char *where = socket ? d->value[SOCKET] : d->value[HOST];
    snprintf(next, sizeof next, "mariadb --%s='%.90s' --user='%.40s' --password '%.60s'",
             socket ? "socket" : "host", where != NULL ? where : "localhost",
             d->value[USER] != NULL ? d->value[USER] : "",
             d->value[DBNAME] != NULL ? d->value[DBNAME] : "");
    call->failed(call->own, next, "%s", mysql_error(db));
}

static bool connect_to(struct source_call *call, MYSQL *db, const struct dsn *d)
{
    my_bool on = 1;
    MYSQL *ret = NULL;
    bool local = d->value[HOST] == NULL && d->value[SOCKET] == NULL;
    mysql_options(db, MYSQL_OPT_NONBLOCK, NULL);
    mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (d->value[SSL_CA] != NULL) {
        mysql_options(db, MYSQL_OPT_SSL_CA, d->value[SSL_CA]);
        mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
    }
    if (d->value[SSL_CA] != NULL || (d->value[SSL] != NULL && strcmp(d->value[SSL], "on") == 0))
        mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &on);
    int status = mysql_real_connect_start(&ret, db, local ? "localhost" : d->value[HOST],
                                          d->value[USER], call->password, d->value[DBNAME],
                                          d->port, d->value[SOCKET], 0);
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
    if (!dsn_parse(call, &d))
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
