/* control_sql: `ils sql`: real SQL over the live state. For each query a private database in memory
 * is filled from the views of the core and then asked by a worker, with nothing but reading allowed
 * and an end to its time and its rows. The store's own file is never touched. */
#include "daemon/control_inside.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_ROWS_MAX    10000
#define SQL_ENTRIES_MAX 10000
#define SQL_TIME_NS     (UINT64_C(2) * 1000 * 1000 * 1000)
#define SQL_BYTES_MAX   (1 << 20)

static const char schema[] =
    "CREATE TABLE remotecluster(pkid TEXT, fullyqualifiedname TEXT, clusterid TEXT, "
    "description TEXT, version TEXT);"
    "CREATE TABLE cluster(clusterid TEXT, peerid TEXT, fullyqualifiedname TEXT, role TEXT, "
    "local INTEGER, routestring TEXT, status TEXT, usn INTEGER, entries INTEGER, linked INTEGER, "
    "lastcontact TEXT, lastusn TEXT);"
    "CREATE TABLE alarm(name TEXT, severity TEXT, subject TEXT, count INTEGER, first TEXT, "
    "last TEXT, active INTEGER);"
    "CREATE TABLE route(pattern TEXT, target TEXT);"
    "CREATE TABLE verdict(verdictid TEXT, code TEXT, cause TEXT, remedy TEXT, remedyat TEXT, "
    "peer TEXT, dialler INTEGER, time TEXT);"
    "CREATE TABLE entry(kind TEXT, key TEXT, usn INTEGER, source TEXT);";

struct query {
    uv_work_t work;
    struct client *client;
    sqlite3 *db;
    char *text;
    uint64_t until;
    json_t *result;
    char error[300];
};

/* --- filling */

/* One row: format has s (slice), t (text), i (int64), w (wall time) for each column. */
struct filler {
    sqlite3_stmt *statement;
    int column;
};

static void fill_begin(struct filler *f, sqlite3 *db, const char *insert)
{
    *f = (struct filler){NULL, 1};
    if (sqlite3_prepare_v2(db, insert, -1, &f->statement, NULL) != SQLITE_OK)
        f->statement = NULL;
}

static void fill_slice(struct filler *f, struct slice s)
{
    sqlite3_bind_text(f->statement, f->column++, s.n > 0 ? (const char *)s.p : "", (int)s.n,
                      SQLITE_TRANSIENT);
}

static void fill_text(struct filler *f, const char *text)
{
    fill_slice(f, slice_of(text));
}

static void fill_number(struct filler *f, uint64_t v)
{
    sqlite3_bind_int64(f->statement, f->column++, (sqlite3_int64)v);
}

static void fill_time(struct filler *f, wall t)
{
    char text[25];
    wall_text(text, t);
    fill_text(f, text);
}

static void fill_row(struct filler *f)
{
    sqlite3_step(f->statement);
    sqlite3_reset(f->statement);
    f->column = 1;
}

static void fill_end(struct filler *f)
{
    sqlite3_finalize(f->statement);
}

/* A UUID (version 8: of our own making) out of the peer id, the same on every cluster. */
static void pkid_text(char dst[static 37], const uint8_t peer_id[static PEER_ID_SIZE])
{
    uint8_t id[PEER_ID_SIZE];
    char hex[2 * PEER_ID_SIZE + 1];
    memcpy(id, peer_id, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x80);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    hex_text(hex, id, sizeof id);
    snprintf(dst, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void fill_clusters(sqlite3 *db, const struct ils *core)
{
    struct filler remote, all;
    struct view_cluster c;
    char pkid[37], text[64], peer[2 * PEER_ID_SIZE + 1];
    fill_begin(&remote, db, "INSERT INTO remotecluster VALUES(?,?,?,?,?)");
    fill_begin(&all, db, "INSERT INTO cluster VALUES(?,?,?,?,?,?,?,?,?,?,?,?)");
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        if (!c.local) {
            pkid_text(pkid, c.peer_id);
            fill_text(&remote, pkid);
            fill_slice(&remote, c.fqdn);
            fill_slice(&remote, c.cluster_id);
            fill_slice(&remote, c.description);
            fill_slice(&remote, c.version);
            fill_row(&remote);
        }
        hex_text(peer, c.peer_id, sizeof c.peer_id);
        fill_slice(&all, c.cluster_id);
        fill_text(&all, peer);
        fill_slice(&all, c.fqdn);
        fill_text(&all, render_role(c.role, false));
        fill_number(&all, c.local);
        fill_slice(&all, c.route_string);
        fill_text(&all, control_sync_text(text, sizeof text, &c));
        fill_number(&all, c.usn);
        fill_number(&all, c.entries);
        fill_number(&all, c.linked);
        fill_time(&all, c.local ? 0 : c.last_contact);
        fill_time(&all, c.local ? 0 : c.last_usn);
        fill_row(&all);
    }
    fill_end(&remote);
    fill_end(&all);
}

static void fill_alarms(sqlite3 *db, const struct ils *core)
{
    struct filler f;
    struct alarm_row row;
    fill_begin(&f, db, "INSERT INTO alarm VALUES(?,?,?,?,?,?,?)");
    for (size_t i = 0; view_alarm(core, i, &row); i++) {
        fill_text(&f, render_alarm_name(row.alarm));
        fill_text(&f, render_alarm_severity(row.alarm));
        fill_slice(&f, row.subject);
        fill_number(&f, row.count);
        fill_time(&f, row.first);
        fill_time(&f, row.last);
        fill_number(&f, row.active);
        fill_row(&f);
    }
    fill_end(&f);
}

static void fill_verdicts(sqlite3 *db, const struct ils *core)
{
    struct filler f;
    struct verdict v;
    char text[1024];
    struct view_self self;
    view_self(core, &self);
    fill_begin(&f, db, "INSERT INTO verdict VALUES(?,?,?,?,?,?,?,?)");
    for (size_t i = 0; view_verdict(core, i, &v); i++) {
        hex_text(text, v.id, sizeof v.id);
        fill_text(&f, text);
        render_code(text, sizeof text, v.code);
        fill_text(&f, text);
        render_cause(text, sizeof text, &v);
        fill_text(&f, text);
        render_remedy(text, sizeof text, &v, self.cluster_id);
        fill_text(&f, text);
        fill_text(&f, v.remedy_at == SIDE_HERE ? "here" : "there");
        fill_text(&f, v.peer.ip);
        fill_number(&f, v.dialler);
        fill_time(&f, v.at);
        fill_row(&f);
    }
    fill_end(&f);
}

static void fill_routes(sqlite3 *db, const struct ils *core)
{
    struct filler f;
    const struct routes *routes = view_routes(core);
    fill_begin(&f, db, "INSERT INTO route VALUES(?,?)");
    for (size_t i = 0; i < routes_count(routes); i++) {
        struct slice pattern, target;
        routes_get(routes, i, &pattern, &target);
        fill_slice(&f, pattern);
        fill_slice(&f, target);
        fill_row(&f);
    }
    fill_end(&f);
}

struct entry_fill {
    struct filler f;
    size_t n;
};

static bool fill_entry(void *context, const struct record *r)
{
    struct entry_fill *e = context;
    char key[URI_MAX + 2];
    struct slice kind = entry_kind_text(r->kind);
    if (kind.n == 0)
        return true;
    size_t n = slice_to_text(r->user, key, sizeof key);
    if (r->domain.n > 0 && n + 1 < sizeof key) {
        key[n++] = '@';
        slice_to_text(r->domain, key + n, sizeof key - n);
    }
    fill_slice(&e->f, kind);
    fill_text(&e->f, key);
    fill_number(&e->f, r->usn);
    fill_slice(&e->f, r->source);
    fill_row(&e->f);
    return ++e->n < SQL_ENTRIES_MAX;
}

static void fill_entries(sqlite3 *db, const struct ils *core)
{
    struct entry_fill e = {.n = 0};
    const struct catalog *own = view_own_catalog(core);
    fill_begin(&e.f, db, "INSERT INTO entry VALUES(?,?,?,?)");
    if (own != NULL && e.f.statement != NULL)
        catalog_walk(own, fill_entry, &e);
    fill_end(&e.f);
}

/* --- asking */

static int sql_allow(void *context, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

static int sql_tick(void *context)
{
    const struct query *q = context;
    return uv_hrtime() > q->until;
}

static json_t *sql_value(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(statement, column));
    case SQLITE_NULL:
        return json_null();
    default: {
        const void *text = sqlite3_column_text(statement, column);
        return render_text(slice_make(text, (size_t)sqlite3_column_bytes(statement, column)));
    }
    }
}

static void sql_rows(struct query *q, sqlite3_stmt *statement)
{
    json_t *columns = json_array(), *rows = json_array();
    int status, n = sqlite3_column_count(statement);
    bool cut = false;
    for (int i = 0; i < n; i++)
        json_array_append_new(columns, json_string(sqlite3_column_name(statement, i)));
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        if (json_array_size(rows) == SQL_ROWS_MAX) {
            cut = true;
            break;
        }
        json_t *row = json_array();
        for (int i = 0; i < n; i++)
            json_array_append_new(row, sql_value(statement, i));
        json_array_append_new(rows, row);
    }
    if (status == SQLITE_INTERRUPT)
        snprintf(q->error, sizeof q->error, "the query took longer than 2 s");
    else if (status != SQLITE_DONE && !cut)
        snprintf(q->error, sizeof q->error, "%s", sqlite3_errmsg(q->db));
    q->result = json_object();
    json_object_set_new(q->result, "columns", columns);
    json_object_set_new(q->result, "rows", rows);
    json_object_set_new(q->result, "cut", json_boolean(cut));
}

static void sql_work(uv_work_t *work)
{
    struct query *q = work->data;
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    q->until = uv_hrtime() + SQL_TIME_NS;
    sqlite3_set_authorizer(q->db, sql_allow, NULL);
    sqlite3_progress_handler(q->db, 1000, sql_tick, q);
    int status = sqlite3_prepare_v2(q->db, q->text, -1, &statement, &tail);
    while (tail != NULL && (*tail == ' ' || *tail == '\n' || *tail == '\t' || *tail == ';'))
        tail++;
    if (status == SQLITE_AUTH)
        snprintf(q->error, sizeof q->error, "only SELECT is possible here");
    else if (status != SQLITE_OK)
        snprintf(q->error, sizeof q->error, "%s", sqlite3_errmsg(q->db));
    else if (statement == NULL || (tail != NULL && *tail != '\0'))
        snprintf(q->error, sizeof q->error, "one SELECT at a time");
    else
        sql_rows(q, statement);
    sqlite3_finalize(statement);
}

static void sql_done(uv_work_t *work, int status)
{
    struct query *q = work->data;
    struct client *client = q->client;
    if (client->closing || q->error[0] != '\0')
        json_decref(q->result);
    if (!client->closing && q->error[0] != '\0')
        control_error(client, "SQL", q->error,
                      "ils sql \"select name, sql from sqlite_schema\"", NULL);
    else if (!client->closing)
        control_ok(client, q->result);
    sqlite3_close(q->db);
    free(q->text);
    free(q);
    control_release(client);
}

void verb_sql(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct slice text;
    if (!control_text(client, "query", true, &text))
        return;
    struct query *q = calloc(1, sizeof *q);
    if (q != NULL)
        q->text = strndup((const char *)text.p, text.n);
    if (q == NULL || q->text == NULL || sqlite3_open(":memory:", &q->db) != SQLITE_OK ||
        sqlite3_exec(q->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(q->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        if (q != NULL) {
            sqlite3_close(q->db);
            free(q->text);
        }
        free(q);
        control_no_memory(client);
        return;
    }
    sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, SQL_BYTES_MAX);
    fill_clusters(q->db, core);
    fill_alarms(q->db, core);
    fill_verdicts(q->db, core);
    fill_routes(q->db, core);
    if (strcasestr(q->text, "entry") != NULL)
        fill_entries(q->db, core);
    sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
    q->client = client;
    q->work.data = q;
    control_hold(client);
    if (uv_queue_work(runtime_loop(client->control->rt), &q->work, sql_work, sql_done) != 0)
        sql_done(&q->work, -1);
}
