/* store, in one SQLite file: WAL, synchronous=FULL, and exactly one connection that locks all
 * others out (two connections to one WAL file can corrupt it in the SQLite versions of our time). A
 * table per space, so that a person with the sqlite3 shell finds his way while ilsd is down. */
#include "driver/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct store_calls calls;

#define STORE_APPLICATION 0x494c5344 /* "ILSD", in the header of the file */
#define STORE_VERSION     5 /* 2: trust; 3: plan_log, source, policy; 4: door; 5: stream_part */

const char *const store_tables[STORE_SPACES] = {
    "setting", "password", "peer", "route", "stream", "segment", "alarm", "audit", "trust",
    "refused", "invite", "plan_log", "source", "policy", "door",
};

/* Who holds the bytes that SQLite locks? Asked only while this process holds no lock of its own on
 * the file: closing it here would drop them. */
static long lock_owner(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512};
    long pid = fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK ? (long)l.l_pid : 0;
    close(fd);
    return pid;
}

static void say(struct store_file *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct store_file *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->store.error, sizeof s->store.error, format, args);
    va_end(args);
}

/* What SQLite says, as a sentence with the file and what to do about it. */
void store_explain(struct store_file *s, int code)
{
    const char *file = s->path;
    int system_error = s->db != NULL ? sqlite3_system_errno(s->db) : errno;
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        say(s,
            "the database %s is damaged (%s): put its files aside (mv %s* /var/tmp), start ilsd "
            "and type ils restore FILE with the newest backup, then what neighbours hold of its "
            "plan comes back by itself; without a backup it starts as a new cluster, whose plan is "
            "imported anew",
            file, sqlite3_errstr(code), file);
        return;
    case SQLITE_FULL:
        say(s,
            "no room for the database %s: the disk is full, nothing was changed; make room on its "
            "file system; type df %s",
            file, file);
        return;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        say(s,
            "the database %s is in use by another program; end that program and "
            "start again",
            file);
        return;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        say(s,
            "cannot write the database %s (%s); make the file and its directory "
            "writable for the user that ilsd runs as",
            file, system_error != 0 ? strerror(system_error) : sqlite3_errstr(code));
        return;
    case SQLITE_IOERR:
        if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG) {
            store_explain(s, SQLITE_FULL);
            return;
        }
        if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_TRUNCATE) {
            say(s,
                "no room for the database %s: the disk is full, over its quota or broken; make "
                "room (see df, quota, dmesg), nothing was changed",
                file);
            return;
        }
        say(s,
            "the disk failed under the database %s (%s); see the kernel's log "
            "(dmesg), nothing was changed",
            file, system_error != 0 ? strerror(system_error) : sqlite3_errstr(code));
        return;
    case SQLITE_NOMEM: say(s, "no memory for the database %s; nothing was changed", file); return;
    default:
        say(s, "the database %s failed: %s; nothing was changed", file,
            s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
    }
}

static int failed(struct store_file *s, int code)
{
    store_explain(s, code);
    return -1;
}

static int run(struct store_file *s, const char *sql)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : failed(s, sqlite3_extended_errcode(s->db));
}

/* The single integer of a pragma. */
static int ask(struct store_file *s, const char *sql, int *ret_value)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        *ret_value = sqlite3_column_int(q, 0);
    int wrong = code == SQLITE_ROW ? 0 : failed(s, sqlite3_extended_errcode(s->db));
    sqlite3_finalize(q);
    return wrong;
}

/* All of them, or those that a store of an earlier form lacks. */
static int make_tables(struct store_file *s)
{
    char sql[256];
    if (run(s, "BEGIN IMMEDIATE") < 0)
        return -1;
    for (size_t i = 0; i < STORE_SPACES; i++) {
        /* Segments are large and read in the order they came: a rowid table serves that. */
        snprintf(sql, sizeof sql,
                 "CREATE TABLE IF NOT EXISTS %s (key BLOB PRIMARY KEY, value BLOB NOT NULL)%s",
                 store_tables[i], i == STORE_SEGMENT ? "" : " WITHOUT ROWID");
        if (run(s, sql) < 0)
            return -1;
    }
    if (store_parts_make(s) < 0)
        return failed(s, sqlite3_extended_errcode(s->db));
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d", STORE_APPLICATION,
             STORE_VERSION);
    return run(s, sql) < 0 || run(s, "COMMIT") < 0 ? -1 : 0;
}

int store_form(struct store_file *s)
{
    int application = 0, version = 0;
    if (ask(s, "PRAGMA application_id", &application) < 0 ||
        ask(s, "PRAGMA user_version", &version) < 0)
        return -1;
    if (application != STORE_APPLICATION) {
        say(s, "%s is a database of another program; give another directory with --data", s->path);
        return -1;
    }
    if (version < 1 || version > STORE_VERSION) {
        say(s,
            "%s has form %d and this ilsd knows form %d; start the ilsd that wrote it, or a "
            "newer one (git pull && script/install)",
            s->path, version, STORE_VERSION);
        return -1;
    }
    return 0;
}

static int check_schema(struct store_file *s)
{
    int application = 0, version = 0, tables = 0;
    if (ask(s, "PRAGMA application_id", &application) < 0 ||
        ask(s, "PRAGMA user_version", &version) < 0 ||
        ask(s, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
        return -1;
    if (application == 0 && version == 0 && tables == 0)
        return make_tables(s);
    if (store_form(s) < 0)
        return -1;
    return version < STORE_VERSION ? make_tables(s) : 0;
}

static int prepare_one(struct store_file *s, const char *verb, const char *rest, size_t space,
                       sqlite3_stmt **ret)
{
    char sql[128];
    snprintf(sql, sizeof sql, "%s %s %s", verb, store_tables[space], rest);
    int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    return code == SQLITE_OK ? 0 : failed(s, sqlite3_extended_errcode(s->db));
}

static int prepare(struct store_file *s)
{
    for (size_t i = 0; i < STORE_SPACES; i++)
        if (prepare_one(s, "INSERT OR REPLACE INTO", "(key, value) VALUES (?1, ?2)", i,
                        &s->put[i]) < 0 ||
            prepare_one(s, "DELETE FROM", "WHERE key = ?1", i, &s->del[i]) < 0 ||
            prepare_one(s, "DELETE FROM", "WHERE key < ?1", i, &s->below[i]) < 0)
            return -1;
    static const uint8_t touched[] = {STORE_SEGMENT, STORE_STREAM, STORE_AUDIT, STORE_PLAN_LOG};
    for (size_t i = 0; i < sizeof touched; i++)
        if (prepare_one(s, "SELECT max(key) FROM", "", touched[i], &s->last[touched[i]]) < 0)
            return -1;
    if (sqlite3_prepare_v3(s->db, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &s->begin,
                           NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(s->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &s->commit, NULL) !=
            SQLITE_OK ||
        store_parts_open(s) < 0)
        return failed(s, sqlite3_extended_errcode(s->db));
    return 0;
}

/* The file exists with the right mode before SQLite sees it, and is what it should be. */
static int make_file(struct store_file *s)
{
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        store_explain(s, errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_CANTOPEN);
        return -1;
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
        (void)!fchmod(fd, 0600);
    close(fd);
    return 0;
}

static int set_up(struct store_file *s)
{
    if (make_file(s) < 0)
        return -1;
    int code = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                               store_wal_vfs());
    if (code != SQLITE_OK)
        return failed(s, code);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* EXCLUSIVE comes before the first read, so that the log needs no shared-memory file. */
    if (run(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA cache_size=-2048; PRAGMA journal_size_limit=67108864;"
               "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
               "BEGIN IMMEDIATE; COMMIT") < 0)
        return -1;
    return check_schema(s) < 0 || prepare(s) < 0 ? -1 : 0;
}

struct store_file *store_new(const char *path, char *error, size_t size)
{
    struct store_file *s = calloc(1, sizeof *s);
    if (s != NULL && strlen(path) < sizeof s->path) {
        s->store.calls = &calls;
        memcpy(s->path, path, strlen(path) + 1);
        return s;
    }
    snprintf(error, size, "no memory for the store, or its path is too long");
    free(s);
    return NULL;
}

struct store *store_open(const char *dir, char *error, size_t size)
{
    char file[DATADIR_PATH_MAX];
    if (datadir_file(dir, STORE_FILE, file, sizeof file))
        return store_open_file(file, error, size);
    snprintf(error, size, "the path of the data directory is too long");
    return NULL;
}

struct store *store_open_file(const char *file, char *error, size_t size)
{
    struct store_file *s = store_new(file, error, size);
    if (s == NULL)
        return NULL;
    if (set_up(s) == 0)
        return &s->store;
    bool busy = s->db != NULL && (sqlite3_errcode(s->db) & 0xff) == SQLITE_BUSY;
    snprintf(error, size, "%s", s->store.error);
    char path[DATADIR_PATH_MAX];
    memcpy(path, s->path, sizeof path);
    store_close(&s->store);
    long pid = busy ? lock_owner(path) : 0;
    if (pid > 0)
        snprintf(error, size,
                 "the database %s is in use by another program (pid %ld); end that "
                 "program and start again",
                 path, pid);
    return NULL;
}

static void file_close(struct store *store)
{
    struct store_file *s = store_file(store);
    for (size_t i = 0; i < STORE_SPACES; i++) {
        sqlite3_finalize(s->put[i]);
        sqlite3_finalize(s->del[i]);
        sqlite3_finalize(s->below[i]);
        sqlite3_finalize(s->last[i]);
    }
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    store_parts_close(s);
    sqlite3_close(s->db);
    free(s);
}

/* A blob of length 0 is a blob, not NULL. */
static int bind(sqlite3_stmt *q, int at, struct slice bytes)
{
    return sqlite3_bind_blob64(q, at, bytes.n > 0 ? (const void *)bytes.p : "", bytes.n,
                               SQLITE_STATIC);
}

static struct slice column(sqlite3_stmt *q, int at)
{
    const void *p = sqlite3_column_blob(q, at);
    return slice_make(p, (size_t)sqlite3_column_bytes(q, at));
}

/* range NULL: the statement has no places for it. */
static int walk(struct store_file *s, const char *sql, const struct store_range *range,
                uint8_t space, store_visit visit, void *context)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (code == SQLITE_OK && range != NULL)
        code = bind(q, 1, range->from);
    if (code == SQLITE_OK && range != NULL)
        code = bind(q, 2, range->to);
    if (code != SQLITE_OK) {
        int extended = sqlite3_extended_errcode(s->db);
        sqlite3_finalize(q);
        return failed(s, extended);
    }
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct store_row row = {.space = space, .key = column(q, 0), .value = column(q, 1)};
        if (space == STORE_STREAM && store_parts_whole(s, row.key, &row.value) < 0) {
            code = SQLITE_NOMEM;
            break;
        }
        if (!visit(context, &row)) {
            code = SQLITE_DONE;
            break;
        }
    }
    int wrong = code == SQLITE_DONE ? 0 : failed(s, sqlite3_extended_errcode(s->db));
    sqlite3_finalize(q);
    return wrong;
}

static int file_load(struct store *store, uint8_t space, store_visit visit, void *context)
{
    struct store_file *s = store_file(store);
    char sql[128];
    if (sqlite3_table_column_metadata(s->db, "main", store_tables[space], NULL, NULL, NULL, NULL,
                                      NULL, NULL) != SQLITE_OK)
        return 0; /* a copy of an earlier form: it was not there yet */
    snprintf(sql, sizeof sql, "SELECT key, value FROM %s ORDER BY %s", store_tables[space],
             space == STORE_SEGMENT ? "rowid" : "key");
    return walk(s, sql, NULL, space, visit, context);
}

static int file_scan(struct store *store, const struct store_range *range, store_visit visit,
                     void *context)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT key, value FROM %s WHERE key >= ?1 AND %s%s ORDER BY key%s LIMIT %zu",
             store_tables[range->space], range->to.n > 0 ? "key < ?2" : "?2 = ?2",
             range->heads ? " AND substr(key, -4) = x'00000000'" : "",
             range->newest ? " DESC" : "",
             range->max < INT32_MAX ? range->max : (size_t)INT32_MAX);
    return walk(store_file(store), sql, range, range->space, visit, context);
}

/* A statement that gives no rows. */
static int step(struct store_file *s, sqlite3_stmt *q)
{
    int code = sqlite3_step(q);
    if (code != SQLITE_DONE)
        store_explain(s, sqlite3_extended_errcode(s->db));
    sqlite3_reset(q);
    return code == SQLITE_DONE ? 0 : -1;
}

static int file_begin(struct store *store)
{
    struct store_file *s = store_file(store);
    bool begun = s->begun;
    s->begun = false;
    return begun ? 0 : step(s, s->begin);
}

static void file_soon(struct store *store)
{
    struct store_file *s = store_file(store);
    s->begun = s->begun || step(s, s->begin) == 0;
    for (size_t i = 0; s->begun && i < STORE_SPACES; i++) {
        if (s->last[i] != NULL) {
            (void)sqlite3_step(s->last[i]); /* what is wrong with it the batch will say */
            sqlite3_reset(s->last[i]);
        }
    }
}

static void file_idle(struct store *store)
{
    struct store_file *s = store_file(store);
    if (s->begun)
        step(s, s->commit); /* of nothing */
    s->begun = false;
}

static int apply_one(struct store_file *s, const struct store_row *row)
{
    struct slice value = row->value;
    sqlite3_stmt *q = !row->remove ? s->put[row->space]
                      : row->below ? s->below[row->space] : s->del[row->space];
    int parts = row->space != STORE_STREAM ? 0
                : row->remove ? store_parts_remove(s, row->key, row->below)
                              : store_parts_put(s, row->key, &value);
    if (parts < 0)
        return failed(s, sqlite3_extended_errcode(s->db));
    int code = bind(q, 1, row->key);
    if (code == SQLITE_OK && !row->remove)
        code = bind(q, 2, value);
    int wrong = code == SQLITE_OK ? step(s, q) : failed(s, code);
    sqlite3_clear_bindings(q);
    return wrong;
}

static int file_apply(struct store *s, const struct store_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (apply_one(store_file(s), &row[i]) < 0)
            return -1;
    return 0;
}

static int file_commit(struct store *store)
{
    struct store_file *s = store_file(store);
    return step(s, s->commit);
}

static void file_rollback(struct store *store)
{
    struct store_file *s = store_file(store);
    store_parts_forget(s);
    s->begun = false;
    /* SQLite may have rolled back by itself, after a full disk for example. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static uint64_t file_bytes(const struct store *store)
{
    const struct store_file *s = (const struct store_file *)(const void *)store;
    char log[DATADIR_PATH_MAX + 8];
    struct stat st;
    uint64_t bytes = stat(s->path, &st) == 0 ? (uint64_t)st.st_size : 0;
    snprintf(log, sizeof log, "%s-wal", s->path);
    return bytes + (stat(log, &st) == 0 ? (uint64_t)st.st_size : 0);
}

static const char *file_name(const struct store *s)
{
    return ((const struct store_file *)(const void *)s)->path;
}

/* A disk does not come back while it is waited for. */
static bool file_away(const struct store *s)
{
    return false;
}

static const char *file_trouble(const struct store *s)
{
    return NULL;
}

static void file_hurry(struct store *s) {}

/* --- several ilsd: never */

static int file_lease_read(struct store *s, struct store_lease *ret)
{
    *ret = (struct store_lease){.fence = 1, .left_ms = INT64_MAX, .held_ms = UINT_MAX,
                                  .mine = true};
    return 0;
}

static int file_lease(struct store *s, const char *holder, unsigned ms, struct store_lease *ret)
{
    file_lease_read(s, ret);
    snprintf(ret->holder, sizeof ret->holder, "%s", holder);
    return 0;
}

static int file_lease_end(struct store *s)
{
    return 0;
}

static int file_moved(struct store *s, const char *where)
{
    return 0;
}

static int file_changes(struct store *store, unsigned spaces, uint64_t *version, store_visit visit,
                        void *context)
{
    say(store_file(store), "nobody can follow the database %s: it is of one ilsd",
        store_file(store)->path);
    return -1;
}

static int file_snapshot(struct store *s)
{
    return 0;
}

static int file_wait(struct store *s, unsigned ms)
{
    return 0;
}

bool store_is_file(const struct store *s)
{
    return s->calls == &calls;
}

static const struct store_calls calls = {
    .close = file_close,
    .name = file_name,
    .load = file_load,
    .scan = file_scan,
    .begin = file_begin,
    .apply = file_apply,
    .commit = file_commit,
    .rollback = file_rollback,
    .away = file_away,
    .trouble = file_trouble,
    .hurry = file_hurry,
    .check = store_file_check,
    .bytes = file_bytes,
    .lease = file_lease,
    .lease_read = file_lease_read,
    .lease_end = file_lease_end,
    .moved = file_moved,
    .changes = file_changes,
    .wait = file_wait,
    .snapshot = file_snapshot,
    .soon = file_soon,
    .idle = file_idle,
};
