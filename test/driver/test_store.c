/* The store and the lock of its directory, with real files: what is kept, in which order it comes
 * back, and what is said when the file is damaged, taken, foreign, or the disk is full. What is not
 * about files is asked of a store in PostgreSQL as well. */
#include "driver/datadir.h"
#include "driver/store.h"
#include "postgres.h"
#include "temp.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

static bool shared; /* the store is in PostgreSQL */
static unsigned schema;

/* What is opened for the same directory again is the same store. */
static struct store *open_shared(const struct temp *t)
{
    static char last[sizeof t->path];
    if (!postgres_there())
        skip();
    if (strcmp(last, t->path) != 0)
        postgres_schema(++schema);
    memcpy(last, t->path, sizeof last);
    return postgres_open(schema, t->path, "one");
}

static int in_postgresql(void **state)
{
    shared = true;
    return 0;
}

static int in_file(void **state)
{
    shared = false;
    return 0;
}

static struct store *open_store(const struct temp *t)
{
    char error[STORE_ERROR] = "";
    struct store *s =
        shared ? open_shared(t) : store_open(t->path, error, sizeof error);
    if (s == NULL)
        print_error("%s\n", error);
    assert_non_null(s);
    return s;
}

static struct store_row row(uint8_t space, const char *key, const char *value)
{
    return (struct store_row){space, slice_of(key), slice_of(value != NULL ? value : ""),
                              value == NULL};
}

struct seen {
    char text[1024];
    size_t n, stop_at;
};

static bool see(void *context, const struct store_row *r)
{
    struct seen *s = context;
    size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof s->text - used, "%.*s=%.*s ", (int)r->key.n,
             (const char *)r->key.p, (int)r->value.n, (const char *)r->value.p);
    s->n++;
    return s->n != s->stop_at;
}

static void assert_space(struct store *s, uint8_t space, const char *expected)
{
    struct seen seen = {.text = ""};
    assert_int_equal(store_load(s, space, see, &seen), 0);
    assert_string_equal(seen.text, expected);
}

static void test_rows_come_back(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    for (uint8_t space = 0; space < STORE_SPACES; space++) {
        struct store_row rows[] = {row(space, "b", "2"), row(space, "a", "1"), row(space, "c", ""),
                                   row(space, "d", "4")};
        assert_int_equal(store_write(s, rows, 4), 0);
        struct store_row again[] = {row(space, "d", NULL), row(space, "nothing", NULL),
                                    row(space, "a", "1x")};
        assert_int_equal(store_write(s, again, 2), 0);
        if (space != STORE_SEGMENT)
            assert_int_equal(store_write(s, again + 2, 1), 0);
    }
    store_close(s);
    s = open_store(&t);
    for (uint8_t space = 0; space < STORE_SPACES; space++)
        assert_space(s, space, space == STORE_SEGMENT ? "b=2 a=1 c= " : "a=1x b=2 c= ");
    assert_true(store_bytes(s) > 0);
    store_close(s);
    temp_done(&t);
}

static void test_bytes_are_bytes(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    uint8_t key[3] = {0, 255, 0}, value[70000];
    memset(value, 0xa5, sizeof value);
    struct store_row r = {STORE_STREAM, slice_make(key, 3), slice_make(value, sizeof value), false};
    assert_int_equal(store_write(s, &r, 1), 0);
    struct seen seen = {.text = ""};
    assert_int_equal(store_scan_newest(s, STORE_STREAM, 10, see, &seen), 0);
    assert_int_equal(seen.n, 1);
    store_close(s);
    temp_done(&t);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* --- long lists in parts */

struct whole {
    const uint8_t *value;
    size_t n, rows;
    bool same;
};

static bool compare(void *context, const struct store_row *r)
{
    struct whole *w = context;
    w->rows++;
    w->same = r->value.n == w->n && (w->n == 0 || memcmp(r->value.p, w->value, w->n) == 0);
    return true;
}

static void assert_whole(struct store *s, const uint8_t *value, size_t n)
{
    struct whole w = {.value = value, .n = n};
    assert_int_equal(store_load(s, STORE_STREAM, compare, &w), 0);
    assert_int_equal(w.rows, 1);
    assert_true(w.same);
}

static void put_list(struct store *s, const uint8_t *value, size_t n)
{
    struct store_row r = {STORE_STREAM, slice_of("stream"), slice_make(value, n), false};
    assert_int_equal(store_write(s, &r, 1), 0);
}

static int count(const char *path, const char *query)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int n = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static int parts_left(const struct temp *t)
{
    char path[160];
    return shared ? (int)postgres_sql(schema, "SELECT count(*) FROM ils_stream_part")
                  : count(temp_file(t, "ilsd.db", path), "SELECT count(*) FROM stream_part");
}

/* Whatever its length was before, and whether or not it is known what is there. */
static void test_lists_in_parts(void **state)
{
    static const size_t sizes[] = {0,     1,     431,   432,  433,  864,  865,  1295, 1296,
                                   1297,  20000, 20036, 20072, 9000, 9036, 863,  7,    3000,
                                   70000, 1799,  1800,  1801, 3600, 3601, 5400, 5399, 60000};
    static uint8_t value[70000];
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizeof value; k++)
            value[k] = (uint8_t)(k < 300 || k > sizes[i] * 3 / 4 ? k * (i + 3) : k * 7 >> 3);
        put_list(s, value, sizes[i]);
        assert_whole(s, value, sizes[i]);
        if (i % 3 != 1)
            continue;
        store_close(s);
        s = open_store(&t);
        assert_whole(s, value, sizes[i]);
    }
    struct store_row gone = row(STORE_STREAM, "stream", NULL);
    assert_int_equal(store_write(s, &gone, 1), 0);
    assert_space(s, STORE_STREAM, "");
    store_close(s);
    assert_int_equal(parts_left(&t), 0);
    temp_done(&t);
}

/* What was rolled back is not taken for what is there. */
static void test_parts_rolled_back(void **state)
{
    static uint8_t value[20000], other[30000];
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    memset(value, 1, sizeof value);
    memset(other, 2, sizeof other);
    put_list(s, value, sizeof value);
    for (size_t i = 0; i < 2; i++) {
        struct store_row r = {STORE_STREAM, slice_of("stream"), slice_make(other, sizeof other),
                              i == 1};
        assert_int_equal(store_begin(s), 0);
        assert_int_equal(store_apply(s, &r, 1), 0);
        store_rollback(s);
        assert_whole(s, value, sizeof value);
        memset(other + 10000, 3, 500);
    }
    memcpy(value, other, 15000);
    put_list(s, value, sizeof value);
    assert_whole(s, value, sizeof value);
    store_close(s);
    temp_done(&t);
}

/* Of a change at both ends one row is written, and none of the parts between. */
static void test_unchanged_parts_stay(void **state)
{
    static uint8_t value[20000];
    struct temp t;
    char path[160];
    temp_make(&t);
    struct store *s = open_store(&t);
    put_list(s, value, sizeof value);
    store_close(s);
    sql(temp_file(&t, "ilsd.db", path),
        "CREATE TABLE touched (number INTEGER);"
        "CREATE TRIGGER t AFTER INSERT ON stream_part BEGIN "
        "INSERT INTO touched VALUES (new.number); END");
    s = open_store(&t);
    put_list(s, value, sizeof value); /* not known: all of them */
    memset(value, 7, 300);
    put_list(s, value, sizeof value - 40);
    value[5000] = 9;
    put_list(s, value, sizeof value);
    assert_whole(s, value, sizeof value);
    store_close(s);
    assert_int_equal(count(path, "SELECT count(*) FROM touched"), 45 + 1);
    temp_done(&t);
}

static void test_newest_first(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row rows[] = {row(STORE_AUDIT, "1", "a"), row(STORE_AUDIT, "3", "c"),
                               row(STORE_AUDIT, "2", "b")};
    assert_int_equal(store_write(s, rows, 3), 0);
    struct seen two = {.text = ""}, stopped = {.stop_at = 1};
    assert_int_equal(store_scan_newest(s, STORE_AUDIT, 2, see, &two), 0);
    assert_string_equal(two.text, "3=c 2=b ");
    assert_int_equal(store_scan_newest(s, STORE_AUDIT, 9, see, &stopped), 0);
    assert_string_equal(stopped.text, "3=c ");
    store_close(s);
    temp_done(&t);
}

/* Between two keys, from either end, and heads alone. */
static void test_ranges(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    char key[8];
    for (int i = 0; i < 6; i++) {
        memset(key, 0, sizeof key);
        snprintf(key, sizeof key, "k%d", i / 2);
        key[7] = (char)(i % 2);
        struct store_row r = {STORE_PLAN_LOG, slice_make(key, 8), slice_make("x", 1), false};
        assert_int_equal(store_write(s, &r, 1), 0);
    }
    struct store_range all = {.space = STORE_PLAN_LOG, .max = 99},
                       heads = {.space = STORE_PLAN_LOG, .max = 99, .heads = true},
                       some = {.space = STORE_PLAN_LOG, .from = slice_of("k1"), .max = 99},
                       most = {.space = STORE_PLAN_LOG, .to = slice_of("k1"), .max = 99},
                       last = {.space = STORE_PLAN_LOG, .to = slice_of("k2"), .max = 3,
                               .newest = true};
    struct seen a = {.text = ""}, b = a, c = a, d = a, e = a;
    assert_int_equal(store_scan(s, &all, see, &a), 0);
    assert_int_equal(a.n, 6);
    assert_int_equal(store_scan(s, &heads, see, &b), 0);
    assert_int_equal(b.n, 3);
    assert_int_equal(store_scan(s, &some, see, &c), 0);
    assert_int_equal(c.n, 4);
    assert_int_equal(store_scan(s, &most, see, &d), 0);
    assert_int_equal(d.n, 2);
    assert_int_equal(store_scan(s, &last, see, &e), 0);
    assert_int_equal(e.n, 3);
    assert_int_equal(strncmp(e.text, "k1", 2), 0);
    struct store_row below = {.space = STORE_PLAN_LOG, .key = slice_of("k2"), .remove = true,
                              .below = true};
    assert_int_equal(store_write(s, &below, 1), 0);
    struct seen f = {.text = ""};
    assert_int_equal(store_scan(s, &all, see, &f), 0);
    assert_int_equal(f.n, 2);
    store_close(s);
    temp_done(&t);
}

/* Within one transaction a key may be put and removed often: what was last counts. */
static void test_last_word(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row below = row(STORE_PEER, "c", NULL);
    below.below = true;
    struct store_row rows[] = {
        row(STORE_PEER, "a", "1"), row(STORE_PEER, "b", "1"), row(STORE_PEER, "c", "1"),
        row(STORE_PEER, "a", NULL), below, row(STORE_PEER, "b", "2"), row(STORE_PEER, "d", "1"),
        row(STORE_PEER, "d", "2"), row(STORE_PEER, "c", NULL), row(STORE_PEER, "c", "3")};
    assert_int_equal(store_write(s, rows, sizeof rows / sizeof *rows), 0);
    assert_space(s, STORE_PEER, "b=2 c=3 d=2 ");
    store_close(s);
    temp_done(&t);
}

static void test_all_or_nothing(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row r = row(STORE_PEER, "a", "1");
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_apply(s, &r, 1), 0);
    store_rollback(s);
    store_rollback(s); /* twice is no harm */
    assert_space(s, STORE_PEER, "");
    store_close(s);
    temp_done(&t);
}

/* Told that a batch is coming, it takes it as any other; or none, or something else. */
static void test_begun_ahead(void **state)
{
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row r = row(STORE_PEER, "a", "1");
    store_soon(s);
    store_soon(s);
    assert_int_equal(store_write(s, &r, 1), 0);
    store_soon(s);
    store_idle(s);
    store_idle(s);
    r = row(STORE_PEER, "b", "1");
    assert_int_equal(store_write(s, &r, 1), 0);
    store_soon(s);
    assert_space(s, STORE_PEER, "a=1 b=1 ");
    assert_int_equal(store_begin(s), 0);
    r = row(STORE_PEER, "c", "1");
    assert_int_equal(store_apply(s, &r, 1), 0);
    store_rollback(s);
    store_soon(s);
    store_rollback(s);
    r = row(STORE_PEER, "d", "1");
    assert_int_equal(store_write(s, &r, 1), 0);
    assert_space(s, STORE_PEER, "a=1 b=1 d=1 ");
    store_soon(s);
    store_close(s);
    s = open_store(&t);
    assert_space(s, STORE_PEER, "a=1 b=1 d=1 ");
    store_close(s);
    temp_done(&t);
}

static void test_file_is_private(void **state)
{
    struct temp t;
    char path[160];
    struct stat st;
    temp_make(&t);
    store_close(open_store(&t));
    assert_int_equal(chmod(temp_file(&t, "ilsd.db", path), 0644), 0);
    store_close(open_store(&t));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    temp_done(&t);
}

static void refused(const struct temp *t, const char *what)
{
    char error[STORE_ERROR] = "", path[160];
    assert_null(store_open(t->path, error, sizeof error));
    if (strstr(error, what) == NULL)
        print_error("'%s' does not say '%s'\n", error, what);
    assert_non_null(strstr(error, what));
    assert_non_null(strstr(error, temp_file(t, "ilsd.db", path)));
}

static void overwrite(const char *path, long at, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void test_damaged_head(void **state)
{
    struct temp t;
    char path[160], junk[200];
    temp_make(&t);
    store_close(open_store(&t));
    memset(junk, 'x', sizeof junk);
    overwrite(temp_file(&t, "ilsd.db", path), 0, junk, sizeof junk);
    refused(&t, "damaged");
    temp_done(&t);
}

/* Damage further in is found when the rows are read, not by a crash. */
static void test_damaged_middle(void **state)
{
    struct temp t;
    char path[160], key[16];
    static char value[3000], junk[400000];
    temp_make(&t);
    struct store *s = open_store(&t);
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "%05d", i);
        struct store_row r = row(STORE_STREAM, key, value);
        assert_int_equal(store_write(s, &r, 1), 0);
    }
    store_close(s);
    memset(junk, 0xff, sizeof junk);
    overwrite(temp_file(&t, "ilsd.db", path), 100000, junk, sizeof junk);
    s = open_store(&t);
    struct seen seen = {.stop_at = SIZE_MAX};
    assert_int_equal(store_load(s, STORE_STREAM, see, &seen), -1);
    assert_non_null(strstr(store_error(s), "damaged"));
    assert_non_null(strstr(store_error(s), path));
    store_close(s);
    temp_done(&t);
}

static void test_foreign_database(void **state)
{
    struct temp t;
    char path[160];
    temp_make(&t);
    sql(temp_file(&t, "ilsd.db", path), "CREATE TABLE x (y)");
    refused(&t, "another program");
    temp_done(&t);
}

static void test_newer_form(void **state)
{
    struct temp t;
    char path[160];
    temp_make(&t);
    store_close(open_store(&t));
    sql(temp_file(&t, "ilsd.db", path), "PRAGMA user_version=99");
    refused(&t, "form 99");
    temp_done(&t);
}

/* A store of form 1, as its ilsd left it: it gets the tables that came later, its rows stay. */
static void test_form_1(void **state)
{
    struct temp t;
    char path[160];
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row old = row(STORE_PEER, "peer", "1"), new = row(STORE_INVITE, "invite", "2");
    assert_int_equal(store_write(s, &old, 1), 0);
    store_close(s);
    sql(temp_file(&t, "ilsd.db", path),
        "DROP TABLE trust; DROP TABLE refused; DROP TABLE invite; DROP TABLE stream_part; "
        "PRAGMA user_version=1");
    for (int i = 0; i < 2; i++) {
        s = open_store(&t);
        assert_space(s, STORE_PEER, "peer=1 ");
        assert_space(s, STORE_TRUST, "");
        assert_space(s, STORE_REFUSED, "");
        assert_space(s, STORE_INVITE, i == 0 ? "" : "invite=2 ");
        assert_int_equal(store_write(s, &new, 1), 0);
        store_close(s);
    }
    sql(path, "DROP TABLE audit; PRAGMA user_version=0"); /* no form that ever was */
    refused(&t, "form 0");
    temp_done(&t);
}

static void test_directory_in_its_place(void **state)
{
    struct temp t;
    char path[160];
    temp_make(&t);
    assert_int_equal(mkdir(temp_file(&t, "ilsd.db", path), 0700), 0);
    refused(&t, "cannot write");
    temp_done(&t);
}

/* Holds what hold() takes in another process until told to end; gives its pid. */
static pid_t in_another_process(bool (*hold)(const char *path), const char *path, int ret_end[2])
{
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(ret_end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ret_end[1]);
        c = hold(path) ? 'y' : 'n';
        if (write(ready[1], &c, 1) != 1 || read(ret_end[0], &c, 1) < 0)
            _exit(1);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void let_go(pid_t pid, int end[2])
{
    close(end[0]);
    close(end[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool hold_store(const char *path)
{
    char error[STORE_ERROR];
    return store_open(path, error, sizeof error) != NULL;
}

static bool hold_datadir(const char *path)
{
    static struct datadir d;
    char error[DATADIR_ERROR];
    return datadir_open(&d, path, error, sizeof error);
}

static void test_taken_database(void **state)
{
    struct temp t;
    int end[2];
    char text[32];
    temp_make(&t);
    pid_t pid = in_another_process(hold_store, t.path, end);
    snprintf(text, sizeof text, "(pid %ld)", (long)pid);
    refused(&t, "in use");
    refused(&t, text);
    let_go(pid, end);
    store_close(open_store(&t));
    temp_done(&t);
}

static void test_taken_directory(void **state)
{
    struct temp t;
    struct datadir d;
    int end[2];
    char error[DATADIR_ERROR], text[32];
    temp_make(&t);
    pid_t pid = in_another_process(hold_datadir, t.path, end);
    snprintf(text, sizeof text, "(pid %ld", (long)pid);
    assert_int_equal(datadir_owner(t.path), pid);
    assert_false(datadir_open(&d, t.path, error, sizeof error));
    assert_non_null(strstr(error, text));
    assert_non_null(strstr(error, t.path));
    assert_non_null(strstr(error, "--data"));
    kill(pid, SIGKILL); /* the lock ends with its process, however that ends */
    let_go(pid, end);
    assert_int_equal(datadir_owner(t.path), 0);
    assert_true(datadir_open(&d, t.path, error, sizeof error));
    datadir_close(&d);
    temp_done(&t);
}

static void test_directory_is_made(void **state)
{
    struct temp t;
    struct datadir d;
    struct stat st;
    char error[DATADIR_ERROR], path[160], file[160];
    temp_make(&t);
    assert_true(datadir_open(&d, temp_file(&t, "a/b", path), error, sizeof error));
    datadir_close(&d);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0027, 0);
    assert_false(datadir_open(&d, temp_file(&t, "a/b/lock", file), error, sizeof error));
    assert_non_null(strstr(error, file));
    static char endless[DATADIR_PATH_MAX + 10];
    memset(endless, 'a', sizeof endless - 1);
    assert_false(datadir_open(&d, endless, error, sizeof error));
    temp_done(&t);
}

static void test_full_disk(void **state)
{
    struct temp t;
    struct rlimit former, small = {0};
    static char value[600000];
    temp_make(&t);
    struct store *s = open_store(&t);
    struct store_row before = row(STORE_ROUTE, "before", "1"), after = row(STORE_ROUTE, "z", "2");
    assert_int_equal(store_write(s, &before, 1), 0);
    memset(value, 'v', sizeof value - 1);
    struct store_row big[] = {row(STORE_ROUTE, "half", "x"), row(STORE_SEGMENT, "big", value)};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    small = former;
    small.rlim_cur = 200000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int written = store_write(s, big, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(written, -1);
    assert_non_null(strstr(store_error(s), "the disk is full"));
    assert_non_null(strstr(store_error(s), "make room"));
    assert_space(s, STORE_ROUTE, "before=1 ");
    assert_int_equal(store_write(s, &after, 1), 0);
    store_close(s);
    s = open_store(&t);
    assert_space(s, STORE_ROUTE, "before=1 z=2 ");
    store_close(s);
    temp_done(&t);
}

#define FILE_ONLY(f) {#f, f, in_file, NULL, NULL}
#define BOTH(f)      FILE_ONLY(f), {#f "_postgresql", f, in_postgresql, NULL, NULL}

static bool gives_up(void *context, const struct store_brought *so_far)
{
    unsigned *left = context;
    return (*left)-- != 0;
}

/* What is brought whole and broken off is as if it had not begun. */
static void test_brought_whole(void **state)
{
    enum { ROWS = 2500 };
    static char key[ROWS][8];
    struct temp t, other;
    struct store_brought brought;
    char error[STORE_ERROR];
    temp_make(&t);
    temp_make(&other);
    struct store *to = open_store(&t), *from = store_open(other.path, error, sizeof error);
    struct store_row had = row(STORE_PEER, "a", "1"), last = row(STORE_ROUTE, "k", "v");
    assert_int_equal(store_write(to, &had, 1), 0);
    for (int i = 0; i < ROWS; i++) {
        snprintf(key[i], sizeof key[i], "k%d", i);
        struct store_row r = row(STORE_SEGMENT, key[i], "v");
        assert_int_equal(store_write(from, &r, 1), 0);
    }
    assert_int_equal(store_write(from, &last, 1), 0);
    for (unsigned left = 0, tries = 0; tries < 2; left = ++tries)
        assert_int_equal(store_bring(from, to, true, &brought, gives_up, &left, error,
                                     sizeof error), -1);
    assert_space(to, STORE_SEGMENT, "");
    assert_space(to, STORE_PEER, "a=1 ");
    assert_int_equal(store_bring(from, to, true, &brought, NULL, NULL, error, sizeof error), 0);
    assert_int_equal(brought.put, ROWS + 1);
    assert_int_equal(brought.removed, 1);
    assert_space(to, STORE_PEER, "");
    assert_space(to, STORE_ROUTE, "k=v ");
    struct store_row seeds[] = {row(STORE_SETTING, "seed", "one"),
                                row(STORE_SETTING, "seed", "two"),
                                row(STORE_SETTING, "cluster_id", "c")};
    assert_int_equal(store_write(from, seeds, 1), 0);
    assert_int_equal(store_write(to, seeds + 1, 1), 0);
    assert_int_equal(store_bring(from, to, true, &brought, NULL, NULL, error, sizeof error), 0);
    assert_int_equal(store_write(to, seeds + 1, 2), 0);
    assert_int_equal(store_bring(from, to, true, &brought, NULL, NULL, error, sizeof error), -1);
    store_close(from);
    store_close(to);
    temp_done(&t);
    temp_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_rows_come_back),
        BOTH(test_bytes_are_bytes),
        BOTH(test_newest_first),
        BOTH(test_ranges),
        BOTH(test_last_word),
        BOTH(test_all_or_nothing),
        BOTH(test_begun_ahead),
        BOTH(test_lists_in_parts),
        BOTH(test_parts_rolled_back),
        BOTH(test_brought_whole),
        FILE_ONLY(test_unchanged_parts_stay),
        FILE_ONLY(test_file_is_private),
        FILE_ONLY(test_damaged_head),
        FILE_ONLY(test_damaged_middle),
        FILE_ONLY(test_foreign_database),
        FILE_ONLY(test_newer_form),
        FILE_ONLY(test_form_1),
        FILE_ONLY(test_directory_in_its_place),
        FILE_ONLY(test_taken_database),
        FILE_ONLY(test_taken_directory),
        FILE_ONLY(test_directory_is_made),
        FILE_ONLY(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
