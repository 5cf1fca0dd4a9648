/* control_sql: `ils sql`: real SQL over the live state. For each query a private database in memory
 * is filled from the views of the core and then asked by a worker, with nothing but reading allowed
 * and an end to its time and its rows. The store's own file is never touched.
 *
 * Of the tables of what was learned only the first rows are there, and they are filled in turns
 * of the loop, when the query names them. Their columns are those by which the original's are
 * known. */
#include "daemon/browse.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_ROWS_MAX    10000
#define SQL_ENTRIES_MAX 10000
#define SQL_LEARNED_MAX 200000
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
    "CREATE TABLE entry(kind TEXT, key TEXT, usn INTEGER, source TEXT);"
    "CREATE TABLE remoteclusteruricatalog(pkid TEXT, peerid TEXT, name TEXT, routestring TEXT);"
    "CREATE TABLE remotecatalogkey(remotecatalogkey_id INTEGER, "
    "remoteclusteruricatalog_peerid TEXT);"
    "CREATE TABLE remoteroutingpattern(remotecatalogkey_id INTEGER, pattern TEXT, "
    "tkpatternusage INTEGER, pstnfailover TEXT, usn INTEGER);"
    "CREATE TABLE alternatenumber(pkid TEXT, fknumplan TEXT, tkglobalnumber INTEGER, "
    "isaar TEXT, number TEXT);"
    "CREATE TABLE typepatternusage(enum INTEGER, name TEXT);"
    "INSERT INTO typepatternusage VALUES(22,'Uri Routing'),(23,'ILS Learned Enterprise Number'),"
    "(24,'ILS Learned E164 Number'),(25,'ILS Learned Enterprise Numeric Pattern'),"
    "(26,'ILS Learned E164 Numeric Pattern'),(27,'Alternate Number'),(28,'ILS Learned URI'),"
    "(29,'ILS Learned PSTN Failover Rule'),(30,'ILS Imported E164 Number');"
    "CREATE TABLE typeglobalnumber(enum INTEGER, name TEXT);"
    "INSERT INTO typeglobalnumber VALUES(100,'Enterprise Number'),(200,'+E.164 Number');";

struct query {
    struct browse browse; /* while the tables of what was learned are filled */
    bool browsing;
    struct sql_fill *fill;
    bool cut;             /* not all of it was taken */
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

/* One's own numbers, as the original has them beside a directory number. */
static bool fill_alternate(void *context, const struct record *r)
{
    struct entry_fill *e = context;
    char text[64];
    if (r->kind != ENTRY_ENTERPRISE && r->kind != ENTRY_E164)
        return true;
    snprintf(text, sizeof text, "%" PRIu64, r->usn);
    fill_text(&e->f, text);
    fill_text(&e->f, "");
    fill_number(&e->f, r->kind == ENTRY_E164 ? 200 : 100);
    fill_text(&e->f, "f");
    fill_slice(&e->f, r->user);
    fill_row(&e->f);
    return ++e->n < SQL_ENTRIES_MAX;
}

static void fill_alternates(sqlite3 *db, const struct ils *core)
{
    struct entry_fill e = {.n = 0};
    const struct catalog *own = view_own_catalog(core);
    fill_begin(&e.f, db, "INSERT INTO alternatenumber VALUES(?,?,?,?,?)");
    if (own != NULL && e.f.statement != NULL)
        catalog_walk(own, fill_alternate, &e);
    fill_end(&e.f);
}

static void fill_catalogs(sqlite3 *db, const struct ils *core)
{
    struct filler catalog, key;
    struct view_plan p;
    char peer[2 * PEER_ID_SIZE + 1], pkid[37];
    fill_begin(&catalog, db, "INSERT INTO remoteclusteruricatalog VALUES(?,?,?,?)");
    fill_begin(&key, db, "INSERT INTO remotecatalogkey VALUES(?,?)");
    for (size_t i = 0; view_plan_at(core, i, &p); i++) {
        uint8_t id[PEER_ID_SIZE] = {0};
        browse_peer_id(peer, &p);
        hex_parse(id, sizeof id, slice_of(peer));
        pkid_text(pkid, id);
        fill_text(&catalog, pkid);
        fill_text(&catalog, peer);
        fill_slice(&catalog, p.cluster_id);
        fill_slice(&catalog, p.route_string);
        fill_row(&catalog);
        fill_number(&key, i + 1);
        fill_text(&key, peer);
        fill_row(&key);
    }
    fill_end(&catalog);
    fill_end(&key);
}

/* --- filling what was learned, in turns of the loop */

struct sql_fill {
    struct filler f;
    struct arena arena;
    uint64_t n;
    uint64_t number, id; /* of the plan that is gone through, and its row of remotecatalogkey */
    uint8_t key[KEY_SIZE];
};

/* The number of the usage in the original; 0: it has none. */
static unsigned usage_of(const struct view_plan *p, uint8_t kind)
{
    bool imported = p->number >= STREAM_CATALOGS;
    switch (kind) {
    case ENTRY_URI: return 28;
    case ENTRY_ENTERPRISE: return 23;
    case ENTRY_E164: return imported ? 30 : 24;
    case ENTRY_PATTERN_ENTERPRISE: return 25;
    case ENTRY_PATTERN_E164: return imported ? 30 : 26;
    default: return 0;
    }
}

/* The row of remotecatalogkey that belongs to the plan: its place among them. */
static uint64_t key_of_plan(struct browse *b, struct sql_fill *fill, const struct view_plan *p)
{
    if (fill->id != 0 && fill->number == p->number && memcmp(fill->key, p->key, KEY_SIZE) == 0)
        return fill->id;
    const struct ils *core = runtime_core(b->client->control->rt);
    struct view_plan other;
    size_t i = 0;
    while (view_plan_at(core, i, &other) && (memcmp(other.key, p->key, KEY_SIZE) != 0 ||
                                             other.number != p->number))
        i++;
    fill->number = p->number;
    memcpy(fill->key, p->key, KEY_SIZE);
    return fill->id = i + 1;
}

static bool fill_learned(struct browse *b, const struct view_plan *p, const struct record *r)
{
    struct query *q = b->context;
    struct sql_fill *fill = q->fill;
    struct failover failover = {.rule = FAILOVER_NONE};
    char key[BROWSE_KEY_MAX];
    unsigned usage = usage_of(p, r->kind);
    if (usage == 0 || (r->value.n > 0 && !failover_get(r->value, &failover)))
        return true;
    arena_reset(&fill->arena);
    fill_number(&fill->f, key_of_plan(b, fill, p));
    fill_slice(&fill->f, slice_make(key, browse_key(key, r)));
    fill_number(&fill->f, usage);
    fill_slice(&fill->f, entry_failover_text(&fill->arena, &failover));
    fill_number(&fill->f, r->usn);
    fill_row(&fill->f);
    return ++fill->n < SQL_LEARNED_MAX;
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
    json_object_set_new(q->result, "cut", json_boolean(cut || q->cut));
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


static void sql_free(struct query *q)
{
    if (q == NULL)
        return;
    if (q->fill != NULL) {
        fill_end(&q->fill->f);
        arena_done(&q->fill->arena);
        free(q->fill);
    }
    sqlite3_close(q->db);
    free(q->text);
    free(q);
}

/* All that the query may ask is there. */
static void sql_ask(struct query *q)
{
    sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
    q->work.data = q;
    control_hold(q->client);
    if (uv_queue_work(runtime_loop(q->client->control->rt), &q->work, sql_work, sql_done) != 0)
        sql_done(&q->work, -1);
}

static void learned_done(struct browse *b, bool whole)
{
    struct query *q = b->context;
    q->cut = !whole;
    q->browsing = false;
    fill_end(&q->fill->f);
    arena_done(&q->fill->arena);
    free(q->fill);
    q->fill = NULL;
}

/* The walk's handle is closed: now the query may be asked, or given up with its client. */
static void learned_free(struct browse *b)
{
    struct query *q = b->context;
    if (q->browsing)
        sql_free(q);
    else
        sql_ask(q);
}

static bool sql_fill_learned(struct query *q)
{
    q->fill = calloc(1, sizeof *q->fill);
    if (q->fill == NULL)
        return false;
    arena_init(&q->fill->arena, &q->client->control->mem);
    fill_begin(&q->fill->f, q->db, "INSERT INTO remoteroutingpattern VALUES(?,?,?,?,?)");
    q->browse = (struct browse){.client = q->client, .row = fill_learned, .done = learned_done,
                                .free = learned_free, .context = q};
    q->browsing = true;
    browse_start(&q->browse);
    return true;
}

static void sql_fill_all(struct query *q, const struct ils *core)
{
    fill_clusters(q->db, core);
    fill_alarms(q->db, core);
    fill_verdicts(q->db, core);
    fill_routes(q->db, core);
    fill_catalogs(q->db, core);
    if (strcasestr(q->text, "entry") != NULL)
        fill_entries(q->db, core);
    if (strcasestr(q->text, "alternatenumber") != NULL)
        fill_alternates(q->db, core);
}

void verb_sql(struct client *client)
{
    struct slice text;
    if (!control_text(client, "query", true, &text))
        return;
    struct query *q = calloc(1, sizeof *q);
    if (q != NULL)
        q->text = strndup((const char *)text.p, text.n);
    if (q == NULL || q->text == NULL || sqlite3_open(":memory:", &q->db) != SQLITE_OK ||
        sqlite3_exec(q->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(q->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        sql_free(q);
        control_no_memory(client);
        return;
    }
    sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, SQL_BYTES_MAX);
    q->client = client;
    sql_fill_all(q, runtime_core(client->control->rt));
    if (strcasestr(q->text, "remoteroutingpattern") == NULL) {
        sql_ask(q);
    } else if (!sql_fill_learned(q)) {
        sql_free(q);
        control_no_memory(client);
    }
}
