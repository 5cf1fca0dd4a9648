/* store_postgresql_link: one connection to a server, and how long it is waited for. Only the thread
 * that has the store waits here: links and lookups go on whatever a server does. libpq connects by
 * itself, since it alone knows when to go on to the next host; all else is asked without blocking,
 * so that a server that went silent is given up. */
#include "driver/store_postgresql.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATEMENT_MS "3000"       /* then the server itself ends a statement, and the lease holds */
#define FOLLOW_MS    "60000"
#define SILENCE_MS   20000        /* without a byte: the connection is given up */
#define HURRY_MS     5000
#define SLICE_MS     100
#define FLUSH        (256 * 1024) /* bytes of a batch that are kept here at most */

int64_t pg_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- sentences */

void pg_say(struct pg *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->store.error, STORE_ERROR, format, args);
    va_end(args);
}

/* What libpq and servers say is lines: one sentence is made of them. */
static void one_line(char *dst, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text != '\0' && n + 1 < size; text++) {
        bool blank = (unsigned char)*text <= ' ';
        if (!blank || (n > 0 && dst[n - 1] != ' '))
            dst[n++] = blank ? ' ' : *text;
    }
    while (n > 0 && dst[n - 1] == ' ')
        n--;
    dst[n] = '\0';
}

#define WHO "SELECT pid, usename, client_addr, state, wait_event, query FROM pg_stat_activity"

static const struct saying {
    const char *state; /* as SQLSTATE begins */
    const char *what, *ask; /* ask: what psql says about it */
    bool away;         /* as the store as a whole, not what was to be written */
} sayings[] = {
    {"42501", "its user may not do this: the owner of the tables is to GRANT it", "\\dp ils_*",
     true},
    {"53100", "the disk of its server is full: make room there", "\\l+", true},
    {"53300", "its server has no connection left: end others, or raise max_connections there", WHO,
     true},
    {"53", "its server lacks something, see its log", WHO, true},
    {"25006", "its server only reads: give all hosts in --store, so that the one that writes is "
     "found", "SELECT pg_is_in_recovery()", true},
    {"57014", "its server did not do it in time, see who holds it up there", WHO, true},
    {"57P", "its server ends or starts", "SELECT 1", true},
    {"28", "its server does not let ilsd in: see user and passfile in --store, and pg_hba.conf "
     "there", "SELECT 1", true},
    {"3D000", "there is no such database: type createdb there", "\\l", true},
    {"3F000", "there is no schema that its user may use: its owner is to GRANT it", "\\dn+", true},
    {"42P01", "a table is missing: put it back from a backup", "\\dt ils_*", true},
    {"40", "others were in the way again and again", WHO, false},
    {"XX", "its data are damaged: see its log, and put a backup back", "SELECT 1", true},
};

/* What is wrong, what the server said, and what to type. */
static void say_ask(struct pg *p, const char *what, const char *text, const char *ask)
{
    pg_say(p, "the store %s: %s (%s); type psql '%s' -c '%s'", p->name, what, text, p->name, ask);
    atomic_store(&p->trouble, what);
}

/* One that ended for want of room does not say so to who comes later. */
static const char full[] = "its server ended, for its disk is full: make room there, and start it";

/* Of a connection that was refused libpq has words alone, those of the server. */
static bool no_place(const char *text)
{
    return strstr(text, "connection slots") != NULL || strstr(text, "too many c") != NULL;
}

void pg_explain(struct pg *p, const PGresult *result)
{
    char text[400];
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *grade = result != NULL ? PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED)
                                       : NULL;
    const char *said = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (said == NULL)
        said = p->c != NULL ? PQerrorMessage(p->c) : "no memory";
    one_line(text, sizeof text, said);
    snprintf(p->state, sizeof p->state, "%s", state != NULL ? state : "");
    p->fatal = state == NULL || (grade != NULL && strcmp(grade, "ERROR") != 0) ||
               strncmp(state, "57P", 3) == 0 ||
               (strcmp(state, "25006") == 0 && !p->follow); /* a replica refuses LISTEN */
    p->full = p->full || (p->fatal && state != NULL && strcmp(state, "53100") == 0);
    for (size_t i = 0; state != NULL && i < sizeof sayings / sizeof *sayings; i++) {
        if (strncmp(state, sayings[i].state, strlen(sayings[i].state)) != 0)
            continue;
        p->away = sayings[i].away;
        say_ask(p, p->full && p->fatal ? full : sayings[i].what, text, sayings[i].ask);
        return;
    }
    p->away = state == NULL;
    if (state == NULL && no_place(text))
        say_ask(p, "its server has no connection left: end others, or raise max_connections there",
                text, WHO);
    else if (state == NULL)
        say_ask(p, p->full ? full : "it is not reached",
                text[0] != '\0' ? text : "it is silent", "SELECT 1");
    else
        say_ask(p, "it failed, see the log of its server", text, "SELECT 1");
}

/* The connection cannot be used any more; said. */
static void lost(struct pg *p)
{
    pg_explain(p, NULL);
    pg_disconnect(p);
}

/* --- the DSN */

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL ? options->val : "";
    return "";
}

/* A socket's directory as an URI has it, so that what is shown can be given to psql. */
static void put_host(char *dst, size_t size, const char *host, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n && at + 4 < size; i++)
        at += (size_t)snprintf(dst + at, size - at, host[i] == '/' ? "%%2F" : "%c", host[i]);
    dst[at] = '\0';
}

/* host1:port1,host2:port2; of one port for all hosts, that. */
static void name_hosts(char *dst, size_t size, const char *host, const char *port)
{
    size_t n = 0;
    for (;;) {
        size_t h = strcspn(host, ","), q = strcspn(port, ",");
        char one[160];
        put_host(one, sizeof one, host, h);
        int wrote = snprintf(dst + n, size - n, "%s%s%.*s", one, q > 0 ? ":" : "", (int)q, port);
        n += wrote > 0 && (size_t)wrote < size - n ? (size_t)wrote : 0;
        if (host[h] == '\0' || size - n < 2)
            return;
        host += h + 1;
        port += port[q] == ',' ? q + 1 : 0;
        dst[n++] = ',';
    }
}

bool pg_take_dsn(struct pg *p, const char *dsn)
{
    char *error = NULL, hosts[160], text[300];
    PQconninfoOption *options = PQconninfoParse(dsn, &error);
    p->dsn = strdup(dsn);
    snprintf(p->name, sizeof p->name, "postgresql://");
    if (options == NULL || p->dsn == NULL) {
        one_line(text, sizeof text, error != NULL ? error : "no memory");
        PQfreemem(error);
        PQconninfoFree(options);
        pg_say(p, "--store is not understood (%s); it is postgresql://USER@HOST:PORT/DATABASE",
               text);
        return false;
    }
    bool secret = option(options, "password")[0] != '\0';
    const char *user = option(options, "user");
    name_hosts(hosts, sizeof hosts, option(options, "host"), option(options, "port"));
    snprintf(p->name, sizeof p->name, "postgresql://%.60s%s%s/%.60s", user,
             user[0] != '\0' ? "@" : "", hosts, option(options, "dbname"));
    PQconninfoFree(options);
    if (secret)
        pg_say(p, "--store holds a password, which every user of this host could read; put it into "
               "a file (host:port:database:user:password, chmod 600) and give passfile=FILE "
               "instead, as in %s?passfile=FILE", p->name);
    return !secret;
}

/* --- the connection */

static void say_nothing(void *context, const char *message) {}

void pg_disconnect(struct pg *p)
{
    PQfinish(p->c);
    p->c = NULL;
}

/* What was said last stays, whatever becomes of this. */
static void run_quietly(struct pg *p, const char *sql)
{
    char state[sizeof p->state], error[STORE_ERROR];
    bool away = p->away, fatal = p->fatal;
    memcpy(state, p->state, sizeof state);
    memcpy(error, p->store.error, sizeof error);
    pg_run(p, sql, NULL);
    p->away = away;
    p->fatal = fatal;
    memcpy(p->state, state, sizeof state);
    memcpy(p->store.error, error, sizeof error);
}

bool pg_unhurried(struct pg *p, bool on)
{
    if (p->snapshot || p->follow)
        return true;
    return pg_run(p, on ? "SET statement_timeout = 0" : "SET statement_timeout = " STATEMENT_MS,
                  NULL);
}

/* A server that ended says so at once, where one looks. */
static bool still_there(struct pg *p)
{
    for (int i = 0; i < 2 && PQstatus(p->c) == CONNECTION_OK; i++) {
        struct pollfd fd = {.fd = PQsocket(p->c), .events = POLLIN};
        if (poll(&fd, 1, 0) <= 0)
            return true;
        if (PQconsumeInput(p->c) == 0)
            return false;
    }
    return PQstatus(p->c) == CONNECTION_OK;
}

/* What stands before dbname is for a DSN that does not say it; what stands behind it, always. */
bool pg_connect(struct pg *p)
{
    static const char *const keyword[] = {"connect_timeout", "tcp_user_timeout",
                                          "target_session_attrs", "dbname", "client_encoding",
                                          "fallback_application_name", NULL};
    const char *value[] = {"3",    "15000", p->follow ? "any" : "read-write", p->dsn,
                           "UTF8", "ilsd",  NULL};
    if (p->c != NULL && still_there(p))
        return true;
    pg_disconnect(p);
    if (p->snapshot) {
        p->away = p->fatal = true;
        pg_say(p, "the store %s went away while it was read; try again", p->name);
        return false;
    }
    p->c = PQconnectdbParams(keyword, value, 1);
    if (PQstatus(p->c) != CONNECTION_OK) {
        lost(p);
        return false;
    }
    PQsetNoticeProcessor(p->c, say_nothing, NULL);
    PQsetnonblocking(p->c, 1);
    /* An engine that does not know one of these goes without. */
    run_quietly(p, p->follow ? "SET statement_timeout = " FOLLOW_MS
                             : "SET statement_timeout = " STATEMENT_MS);
    if (p->c != NULL)
        run_quietly(p, p->follow ? "LISTEN openils" : "SET synchronous_commit = on");
    if (p->c != NULL)
        return true;
    pg_say(p, "the store %s went away while it was greeted; see the log of its server", p->name);
    return false;
}

bool pg_pause(struct pg *p, int64_t deadline)
{
    struct timespec slice = {.tv_nsec = SLICE_MS * 1000000};
    for (int i = 0; i < 3; i++) {
        if (atomic_load(&p->hurry) || pg_now_ms() >= deadline)
            return false;
        nanosleep(&slice, NULL);
    }
    return true;
}

/* Until the socket is ready for one of events; 0: the connection is given up. */
static short ready(struct pg *p, short events)
{
    int64_t deadline = pg_now_ms() + SILENCE_MS;
    for (;;) {
        int64_t now = pg_now_ms();
        if (atomic_load(&p->hurry) && deadline > now + HURRY_MS)
            deadline = now + HURRY_MS;
        if (now >= deadline)
            break;
        struct pollfd fd = {.fd = PQsocket(p->c), .events = events};
        int n = poll(&fd, 1, SLICE_MS);
        if (n > 0)
            return fd.revents;
        if (n < 0 && errno != EINTR)
            break;
    }
    return 0;
}

/* All that was sent has left. */
static bool flushed(struct pg *p)
{
    int more;
    while ((more = PQflush(p->c)) > 0) {
        short r = ready(p, POLLIN | POLLOUT);
        if (r == 0 || ((r & POLLIN) != 0 && PQconsumeInput(p->c) == 0))
            return false;
    }
    return more == 0;
}

/* The next result, which may be NULL, into *ret; false: the connection is lost. */
static bool next_result(struct pg *p, PGresult **ret)
{
    while (PQisBusy(p->c))
        if (ready(p, POLLIN) == 0 || PQconsumeInput(p->c) == 0)
            return false;
    *ret = PQgetResult(p->c);
    return true;
}

/* --- arguments */

static void add(struct pg_args *a, Oid type, const void *value, size_t n, int format)
{
    a->type[a->n] = type;
    a->value[a->n] = value;
    a->length[a->n] = (int)n;
    a->format[a->n] = format;
    a->n++;
}

void pg_bytes(struct pg_args *a, struct slice bytes)
{
    add(a, 17, bytes.p != NULL ? (const void *)bytes.p : "", bytes.n, 1);
}

void pg_number(struct pg_args *a, uint64_t number)
{
    uint8_t *bytes = a->number[a->n];
    for (int i = 7; i >= 0; i--, number >>= 8)
        bytes[i] = (uint8_t)number;
    add(a, 20, bytes, 8, 1);
}

void pg_text(struct pg_args *a, const char *text)
{
    add(a, 25, text, strlen(text), 0);
}

struct slice pg_column(const PGresult *result, int row, int column)
{
    return slice_make(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

uint64_t pg_column_number(const PGresult *result, int row, int column)
{
    struct slice bytes = pg_column(result, row, column);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.n && i < 8; i++)
        number = number << 8 | bytes.p[i];
    return number;
}

/* --- asking */

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_SINGLE_TUPLE;
}

static bool send(struct pg *p, const char *sql, const struct pg_args *a)
{
    static const struct pg_args none;
    if (a == NULL)
        a = &none;
    return PQsendQueryParams(p->c, sql, a->n, a->type, a->value, a->length, a->format, 1) == 1;
}

PGresult *pg_ask(struct pg *p, const char *sql, const struct pg_args *args)
{
    PGresult *result, *kept = NULL;
    if (!pg_connect(p))
        return NULL;
    bool here = send(p, sql, args) && flushed(p);
    while (here && (here = next_result(p, &result)) && result != NULL) {
        PQclear(kept);
        kept = result;
    }
    if (here && kept != NULL && is_good(kept)) {
        atomic_store(&p->trouble, NULL);
        p->full = false;
        return kept;
    }
    if (here && kept != NULL)
        pg_explain(p, kept);
    else
        lost(p);
    if (p->c != NULL && p->fatal)
        pg_disconnect(p);
    PQclear(kept);
    return NULL;
}

bool pg_run(struct pg *p, const char *sql, const struct pg_args *args)
{
    PGresult *result = pg_ask(p, sql, args);
    PQclear(result);
    return result != NULL;
}

bool pg_each(struct pg *p, const char *sql, const struct pg_args *args, pg_visit visit,
             void *context)
{
    PGresult *result;
    bool good = true, wanted = true;
    if (!pg_connect(p))
        return false;
    bool here = send(p, sql, args) && PQsetSingleRowMode(p->c) == 1 && flushed(p);
    while (here && (here = next_result(p, &result)) && result != NULL) {
        if (!is_good(result)) {
            pg_explain(p, result);
            good = false;
        } else if (wanted && PQntuples(result) > 0) {
            wanted = visit(context, result);
        }
        PQclear(result);
    }
    if (!here)
        lost(p);
    else if (!good && p->fatal)
        pg_disconnect(p);
    return here && good;
}

/* --- several at once */

bool pg_batch_begin(struct pg *p)
{
    if (!pg_connect(p))
        return false;
    if (PQenterPipelineMode(p->c) == 1)
        return true;
    lost(p);
    return false;
}

bool pg_batch_put(struct pg *p, const char *sql, const struct pg_args *args)
{
    size_t n = 0;
    for (int i = 0; args != NULL && i < args->n; i++)
        n += (size_t)args->length[i];
    /* libpq sends by itself what is more than its buffer; what is large is waited for. */
    if (send(p, sql, args) && (n < FLUSH / 8 || flushed(p)))
        return true;
    lost(p);
    return false;
}

bool pg_batch_end(struct pg *p, size_t *ret_passed)
{
    PGresult *result;
    bool good = true, over = false;
    *ret_passed = 0;
    bool here = PQpipelineSync(p->c) == 1 && flushed(p);
    while (here && !over && (here = next_result(p, &result))) {
        over = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (result == NULL) {
            here = PQstatus(p->c) == CONNECTION_OK;
        } else if (!over && is_good(result)) {
            *ret_passed += 1;
        } else if (!over && good) {
            pg_explain(p, result);
            good = false;
        }
        PQclear(result);
    }
    if (!here && good)
        pg_explain(p, NULL);
    if (!here || (!good && p->fatal))
        pg_disconnect(p);
    else if (PQexitPipelineMode(p->c) != 1)
        lost(p);
    else if (!good)
        run_quietly(p, "ROLLBACK");
    return here && good;
}
