/* The store in PostgreSQL, with a real server: who may write and who not any more, what followers
 * see, forms, secrets, and what becomes of a commit when the connection is lost before, in or after
 * it. What it has in common with a file is in test_store.c. */
#include "driver/store.h"

#include <fcntl.h>
#include <stdio.h>

#include "cutter.h"
#include "postgres.h"
#include "temp.h"

static struct temp temp;
static unsigned schema;

static int setup(void **state)
{
    if (!postgres_there())
        return 0;
    temp_make(&temp);
    postgres_schema(++schema);
    return 0;
}

static int teardown(void **state)
{
    if (postgres_there())
        temp_done(&temp);
    return 0;
}

/* What every test begins with: a store that has the lease, or nothing of it at all. */
static struct store *open_as(const char *holder)
{
    if (!postgres_there())
        skip();
    return postgres_open(schema, temp.path, holder);
}

static struct store *open_any(bool follow, char error[static STORE_ERROR])
{
    char dsn[256], key[160];
    postgres_dsn(dsn, schema);
    return follow ? store_open_follow(dsn, error, STORE_ERROR)
                  : store_open_dsn(dsn, temp_file(&temp, STORE_KEY_FILE, key), error, STORE_ERROR);
}

static void assert_said(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        print_error("'%s' does not say '%s'\n", text, what);
    assert_non_null(strstr(text, what));
}

static struct store_row row(uint8_t space, const char *key, const char *value)
{
    return (struct store_row){space, slice_of(key), slice_of(value != NULL ? value : ""),
                              value == NULL};
}

static int put(struct store *s, uint8_t space, const char *key, const char *value)
{
    struct store_row r = row(space, key, value);
    return store_write(s, &r, 1);
}

struct seen {
    char text[2048];
};

static bool see(void *context, const struct store_row *r)
{
    struct seen *s = context;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%u%s%.*s=%.*s ", r->space,
             r->below ? "<" : r->remove ? "-" : ":", (int)r->key.n, (const char *)r->key.p,
             (int)(r->value.n < 40 ? r->value.n : 40), (const char *)r->value.p);
    return true;
}

static void assert_space(struct store *s, uint8_t space, const char *expected)
{
    struct seen seen = {.text = ""};
    assert_int_equal(store_load(s, space, see, &seen), 0);
    assert_string_equal(seen.text, expected);
}

/* --- who may write */

static void test_lease_among_two(void **state)
{
    struct store_lease a, b;
    char error[STORE_ERROR];
    struct store *one = open_as("one"), *two = open_any(false, error);
    assert_non_null(two);
    assert_int_equal(store_lease(one, "one", 60000, &a), 0);
    assert_true(a.mine && a.left_ms > 50000 && a.since_ms > 0);
    assert_int_equal(store_lease(two, "two", 60000, &b), 0);
    assert_false(b.mine);
    assert_string_equal(b.holder, "one");
    assert_int_equal(b.fence, a.fence);
    assert_int_equal(put(two, STORE_PEER, "a", "2"), -1);
    assert_said(store_error(two), "another ilsd's");
    assert_int_equal(put(one, STORE_PEER, "a", "1"), 0);
    assert_int_equal(store_lease_end(one), 0);
    assert_int_equal(store_lease(two, "two", 60000, &b), 0);
    assert_true(b.mine);
    assert_int_equal(b.fence, a.fence + 1);
    assert_int_equal(put(one, STORE_PEER, "a", "1"), -1);
    assert_int_equal(put(two, STORE_PEER, "a", "2"), 0);
    assert_space(one, STORE_PEER, "2:a=2 ");
    store_close(one);
    store_close(two);
}

/* Who believes that he has it still, and does not, writes nothing. */
static void test_fence(void **state)
{
    struct store_lease a, b;
    char error[STORE_ERROR];
    struct store *one = open_as("one"), *two = open_any(false, error);
    assert_int_equal(store_lease(one, "one", 1, &a), 0);
    assert_true(a.mine);
    usleep(20000);
    assert_int_equal(store_lease(two, "two", 60000, &b), 0);
    assert_true(b.mine);
    assert_int_equal(put(one, STORE_PEER, "a", "1"), -1);
    assert_said(store_error(one), "taken over by two");
    assert_true(store_away(one));
    assert_space(two, STORE_PEER, "");
    assert_int_equal(store_lease(one, "one", 60000, &a), 0);
    assert_false(a.mine);
    assert_int_equal(put(two, STORE_PEER, "a", "2"), 0);
    store_close(one);
    store_close(two);
}

/* Who lost it and prolongs it does not get it back by that: what he was about to write knows
 * nothing of what others wrote meanwhile. */
static void test_prolonged_alone(void **state)
{
    struct store_lease a, b;
    char error[STORE_ERROR];
    struct store *one = open_as("one"), *two = open_any(false, error);
    assert_int_equal(store_lease(one, "one", 1, &a), 0);
    usleep(20000);
    assert_int_equal(store_lease(two, "two", 60000, &b), 0);
    assert_int_equal(put(two, STORE_PEER, "a", "2"), 0);
    assert_int_equal(store_lease_end(two), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_lease(one, i == 0 ? "one" : NULL, 60000, &a), 0);
        assert_false(a.mine);
        assert_int_equal(put(one, STORE_PEER, "a", "1"), -1);
    }
    assert_int_equal(store_lease(one, "one", 60000, &a), 0);
    assert_true(a.mine);
    assert_int_equal(a.held_ms, 60000);
    store_close(one);
    store_close(two);
}

/* A server that does not do it in time: the lease is kept for longer, and nobody takes it before
 * the one who has it could prolong it. */
static void test_late(void **state)
{
    struct store_lease a, b;
    char error[STORE_ERROR];
    struct store *one = open_as("one"), *two = open_any(false, error);
    assert_int_equal(store_lease(one, "one", 4000, &a), 0);
    void *in_the_way = postgres_hold(schema, "BEGIN; SELECT * FROM ils_lease FOR UPDATE");
    assert_int_equal(store_lease(one, NULL, 4000, &b), 0);
    assert_true(b.mine);
    assert_int_equal(b.held_ms, 3 * 4000);
    assert_said(store_trouble(one), "did not do it in time");
    usleep(1000000); /* it has run out */
    assert_int_equal(store_lease_read(two, &b), 0);
    assert_true(b.left_ms <= 0);
    assert_int_equal(store_lease(two, "two", 4000, &b), -1);
    postgres_let_go(in_the_way);
    assert_int_equal(store_lease(two, "two", 4000, &b), 0);
    assert_false(b.mine);
    assert_int_equal(store_lease(one, NULL, 4000, &b), 0);
    assert_true(b.mine);
    assert_int_equal(b.fence, a.fence);
    assert_true(b.held_ms > 4000); /* it may be slow again */
    assert_int_equal(put(one, STORE_PEER, "a", "1"), 0);
    assert_int_equal(store_lease(one, NULL, 4000, &b), 0);
    assert_int_equal(b.held_ms, 4000);
    store_close(one);
    store_close(two);
}

/* The same holder anew, as after kill -9: at once, and what he was is fenced off. */
static void test_same_holder(void **state)
{
    struct store_lease a, b, c;
    char error[STORE_ERROR];
    struct store *one = open_as("one"), *again = open_any(false, error);
    assert_int_equal(store_lease(one, "one", 60000, &a), 0);
    assert_int_equal(store_lease(one, "one", 60000, &b), 0);
    assert_int_equal(b.fence, a.fence);
    assert_int_equal(b.since_ms, a.since_ms);
    assert_int_equal(store_lease(again, "one", 60000, &c), 0);
    assert_true(c.mine);
    assert_int_equal(c.fence, a.fence + 1);
    assert_int_equal(put(one, STORE_PEER, "a", "1"), -1);
    assert_int_equal(put(again, STORE_PEER, "a", "2"), 0);
    store_close(one);
    store_close(again);
}

/* A server that has less than was committed there is not the store that was left. */
static void test_older_server(void **state)
{
    struct store_lease a, b;
    struct store *s = open_as("one");
    assert_int_equal(store_lease_read(s, &a), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    postgres_sql(schema, "UPDATE ils_lease SET version = version - 2");
    assert_int_equal(put(s, STORE_PEER, "b", "1"), -1);
    assert_said(store_error(s), "not as it was left");
    assert_int_equal(store_lease(s, "one", 60000, &b), 0);
    assert_true(b.mine);
    assert_int_equal(b.fence, a.fence + 1);
    assert_int_equal(put(s, STORE_PEER, "b", "1"), 0);
    store_close(s);
}

/* --- what followers see */

#define EVERY (STORE_SPACE(STORE_SPACES) - 1)

static void assert_changes(struct store *s, unsigned spaces, uint64_t *version,
                           const char *expected)
{
    struct seen seen = {.text = ""};
    assert_int_equal(store_changes(s, spaces, version, see, &seen), 0);
    assert_string_equal(seen.text, expected);
}

static void test_changes(void **state)
{
    struct store_lease lease;
    char error[STORE_ERROR];
    struct store *s = open_as("one"), *f = open_any(true, error);
    assert_non_null(f);
    assert_int_equal(store_lease_read(f, &lease), 0);
    assert_false(lease.mine);
    uint64_t v = lease.version, peers;
    assert_changes(f, EVERY, &v, "");
    struct store_row first[] = {row(STORE_SEGMENT, "y", "1"), row(STORE_SEGMENT, "x", "2"),
                                row(STORE_PEER, "a", "1"), row(STORE_ROUTE, "r", "1")};
    assert_int_equal(store_write(s, first, 4), 0);
    peers = v;
    assert_changes(f, EVERY, &v, "2:a=1 3:r=1 5:y=1 5:x=2 ");
    assert_int_equal(v, peers + 1);
    assert_int_equal(put(s, STORE_PEER, "b", "2"), 0);
    struct store_row gone[] = {row(STORE_PEER, "a", NULL), row(STORE_ROUTE, "s", "1"),
                               row(STORE_ROUTE, "s", NULL), row(STORE_PEER, "c", NULL)};
    gone[3].below = true;
    assert_int_equal(store_write(s, gone, 4), 0);
    assert_int_equal(put(s, STORE_PEER, "a", "3"), 0);
    assert_changes(f, EVERY, &v, "2-a= 3-s= 2<c= 2:a=3 ");
    assert_changes(f, STORE_SPACE(STORE_PEER), &peers, "2-a= 2<c= 2:a=3 ");
    assert_int_equal(peers, v);
    assert_int_equal(put(f, STORE_PEER, "z", "1"), -1);
    store_close(s);
    store_close(f);
}

static bool measure(void *context, const struct store_row *r)
{
    size_t *n = context;
    *n = r->value.n;
    for (size_t i = 0; i < r->value.n; i++)
        if (r->value.p[i] != (uint8_t)(i * 7 >> 3))
            *n = 0;
    return true;
}

/* A long list is put together by the server, also where only its end changed. */
static void test_changes_of_lists(void **state)
{
    static uint8_t list[30000];
    char error[STORE_ERROR];
    struct store_lease lease;
    struct store *s = open_as("one"), *f = open_any(true, error);
    assert_int_equal(store_lease_read(f, &lease), 0);
    uint64_t v = lease.version;
    for (size_t i = 0; i < sizeof list; i++)
        list[i] = (uint8_t)(i * 7 >> 3);
    for (size_t n = 20000; n <= sizeof list; n += 1111) {
        size_t seen = 0;
        struct store_row r = {STORE_STREAM, slice_of("s"), slice_make(list, n), false};
        assert_int_equal(store_write(s, &r, 1), 0);
        assert_int_equal(store_changes(f, EVERY, &v, measure, &seen), 0);
        assert_int_equal(seen, n);
    }
    store_close(s);
    store_close(f);
}

/* Whoever was away for too long, or at a server that has less, is told to begin anew. */
static void test_too_long_ago(void **state)
{
    char error[STORE_ERROR];
    struct store_lease lease;
    struct seen seen = {.text = ""};
    struct store *s = open_as("one"), *f = open_any(true, error);
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    assert_int_equal(store_lease_read(f, &lease), 0);
    uint64_t v = lease.version, later = v + 5;
    assert_int_equal(store_changes(f, EVERY, &later, see, &seen), 1);
    store_close(s);
    postgres_sql(schema, "UPDATE ils_lease SET version = 69631 + 20 * 4096");
    s = open_as("one");
    assert_int_equal(put(s, STORE_PEER, "a", NULL), 0); /* this one trims */
    assert_int_equal(store_changes(f, EVERY, &v, see, &seen), 1);
    assert_string_equal(seen.text, "");
    assert_int_equal(postgres_sql(schema, "SELECT gone FROM ils_lease"), 69632 + 20 * 4096 - 65536);
    store_close(s);
    store_close(f);
}

static void test_hint(void **state)
{
    char error[STORE_ERROR];
    struct store *s = open_as("one"), *f = open_any(true, error);
    assert_int_equal(store_wait(f, 0), 0);
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    assert_int_equal(store_wait(f, 10000), 1);
    assert_int_equal(store_wait(f, 0), 0);
    postgres_sql(schema, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                         "backend_type = 'client backend' AND pid <> pg_backend_pid()");
    assert_int_equal(store_wait(f, 10000), -1);
    assert_space(f, STORE_PEER, "2:a=1 ");
    assert_int_equal(put(s, STORE_PEER, "a", "2"), 0);
    assert_int_equal(store_wait(f, 10000), 1);
    store_close(s);
    store_close(f);
}

/* --- forms */

static void test_newer_form(void **state)
{
    char error[STORE_ERROR] = "";
    store_close(open_as("one"));
    postgres_sql(schema, "UPDATE ils_lease SET form = 99");
    assert_null(open_any(false, error));
    assert_said(error, "form 99");
    assert_null(open_any(true, error));
    assert_said(error, "form 99");
}

/* As an ilsd of an earlier form left it, or one that ended in the middle: rows stay, tables come.
 */
static void test_earlier_form(void **state)
{
    char error[STORE_ERROR] = "";
    struct store *s = open_as("one");
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    store_close(s);
    int64_t form = postgres_sql(schema, "SELECT form FROM ils_lease");
    postgres_sql(schema, "DROP TABLE ils_gone; DROP TABLE ils_stream_part; DROP TABLE ils_door; "
                         "DROP INDEX ils_policy_version; UPDATE ils_lease SET form = 27");
    assert_null(open_any(true, error));
    assert_said(error, "first start the ilsd that writes it");
    s = open_as("one");
    assert_space(s, STORE_PEER, "2:a=1 ");
    assert_int_equal(put(s, STORE_DOOR, "d", "1"), 0);
    assert_int_equal(put(s, STORE_PEER, "a", NULL), 0);
    assert_int_equal(postgres_sql(schema, "SELECT form FROM ils_lease"), form);
    store_close(s);
}

static void test_empty_for_follower(void **state)
{
    char error[STORE_ERROR] = "";
    if (!postgres_there())
        skip();
    assert_null(open_any(true, error));
    assert_said(error, "start an ilsd that writes it first");
}

/* --- the connection is lost */

static struct store *open_by_cutter(void)
{
    static bool started;
    static struct temp place;
    char dsn[256], key[160], error[STORE_ERROR] = "";
    struct store_lease lease;
    if (!postgres_there())
        skip();
    if (!started) {
        temp_make(&place);
        cutter_start(place.path);
    }
    started = true;
    snprintf(dsn, sizeof dsn,
             "postgresql://postgres@/postgres?host=%s&options=-csearch_path%%3Dt%u", place.path,
             schema);
    struct store *s =
        store_open_dsn(dsn, temp_file(&temp, STORE_KEY_FILE, key), error, sizeof error);
    if (s == NULL)
        fail_msg("%s", error);
    assert_int_equal(store_lease(s, "one", 60000, &lease), 0);
    return s;
}

/* Whatever was lost: the batch is told as done, and is there once. */
static void test_cut(void **state)
{
    static const enum cut cuts[] = {CUT_BEFORE, CUT_ANSWER, CUT_DURING};
    struct store *s = open_by_cutter();
    char key[8], expected[256] = "";
    int64_t version = postgres_sql(schema, "SELECT version FROM ils_lease");
    for (int i = 0; i < 9; i++) {
        snprintf(key, sizeof key, "k%d", i);
        cutter_cut(cuts[i % 3], i < 3 ? 1 : 2);
        assert_int_equal(put(s, STORE_PEER, key, "v"), 0);
        assert_int_equal(cutter_left(), 0);
        assert_int_equal(postgres_sql(schema, "SELECT version FROM ils_lease"), ++version);
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "2:%s=v ", key);
    }
    cutter_cut(CUT_NOT, 0);
    assert_space(s, STORE_PEER, expected);
    store_close(s);
}

/* The client is cut off while the server is at it still, which takes a while. */
static void test_cut_while_slow(void **state)
{
    struct store *s = open_by_cutter();
    int64_t version = postgres_sql(schema, "SELECT version FROM ils_lease");
    postgres_sql(schema, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                         "'BEGIN PERFORM pg_sleep(1); RETURN new; END'; "
                         "CREATE TRIGGER slow BEFORE INSERT ON ils_peer FOR EACH ROW EXECUTE "
                         "FUNCTION slow()");
    cutter_cut(CUT_DURING, 1);
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    assert_int_equal(cutter_left(), 0);
    assert_int_equal(postgres_sql(schema, "SELECT version FROM ils_lease"), version + 1);
    assert_space(s, STORE_PEER, "2:a=1 ");
    store_close(s);
}

/* What the server refuses behind a lost answer was not there before either. */
static void test_cut_then_refused(void **state)
{
    struct store *s = open_by_cutter();
    postgres_sql(schema, "ALTER TABLE ils_peer ADD CHECK (length(value) < 5)");
    cutter_cut(CUT_BEFORE, 1);
    assert_int_equal(put(s, STORE_PEER, "a", "too long"), -1);
    assert_said(store_error(s), "ils_peer");
    assert_false(store_away(s));
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    assert_space(s, STORE_PEER, "2:a=1 ");
    store_close(s);
}

static void test_server_ends(void **state)
{
    struct store *s = open_as("one");
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    postgres_stop();
    postgres_again();
    assert_int_equal(put(s, STORE_PEER, "b", "1"), 0);
    postgres_stop();
    store_hurry(s);
    assert_int_equal(put(s, STORE_PEER, "c", "1"), -1);
    assert_said(store_error(s), "is not reached");
    assert_true(store_away(s));
    postgres_again();
    assert_space(s, STORE_PEER, "2:a=1 2:b=1 ");
    store_close(s);
}

/* Others in the way: as often as it takes, within 10 s. */
static void test_tried_again(void **state)
{
    struct store *s = open_as("one");
    postgres_sql(schema, "CREATE SEQUENCE n; CREATE FUNCTION others() RETURNS trigger LANGUAGE "
                         "plpgsql AS 'BEGIN IF nextval(''n'') < 4 THEN RAISE EXCEPTION USING "
                         "ERRCODE = ''40001''; END IF; RETURN new; END'; CREATE TRIGGER others "
                         "BEFORE INSERT ON ils_peer FOR EACH ROW EXECUTE FUNCTION others()");
    assert_int_equal(put(s, STORE_PEER, "a", "1"), 0);
    assert_int_equal(postgres_sql(schema, "SELECT last_value FROM n"), 4);
    assert_space(s, STORE_PEER, "2:a=1 ");
    store_close(s);
}

/* --- secrets */

static const char secret[] = "correct horse battery staple";

/* In how many rows of all tables are these bytes? */
static int64_t readable(const char *text)
{
    static const char *const tables[] = {"setting", "password", "invite", "door", "peer"};
    char sql[200];
    int64_t n = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM ils_%s WHERE position('%s'::bytea IN "
                 "value) > 0 OR position('%s'::bytea IN key) > 0", tables[i], text, text);
        n += postgres_sql(schema, sql);
    }
    return n;
}

static void test_secrets(void **state)
{
    struct store *s = open_as("one");
    assert_int_equal(put(s, STORE_PASSWORD, "01", secret), 0);
    assert_int_equal(put(s, STORE_SETTING, "seed", secret), 0);
    assert_int_equal(put(s, STORE_SETTING, "certificate_key", secret), 0);
    assert_int_equal(put(s, STORE_SETTING, "certificate_next_key", secret), 0);
    assert_int_equal(put(s, STORE_INVITE, "id", secret), 0);
    assert_int_equal(put(s, STORE_DOOR, "page:ann", secret), 0);
    assert_int_equal(readable(secret), 0);
    assert_int_equal(put(s, STORE_SETTING, "fqdn", secret), 0); /* the control */
    assert_int_equal(readable(secret), 1);
    store_close(s);
    s = open_as("one");
    assert_space(s, STORE_PASSWORD, "1:01=correct horse battery staple ");
    assert_space(s, STORE_DOOR, "14:page:ann=correct horse battery staple ");
    store_close(s);
    char error[STORE_ERROR];
    struct store *f = open_any(true, error);
    assert_space(f, STORE_PASSWORD, "");
    assert_space(f, STORE_DOOR, "");
    assert_space(f, STORE_SETTING, "0:fqdn=correct horse battery staple ");
    store_close(f);
}

/* A sealed value stands for nothing in another place, nor altered. */
static void test_sealed_in_place(void **state)
{
    struct seen seen = {.text = ""};
    struct store *s = open_as("one");
    assert_int_equal(put(s, STORE_PASSWORD, "01", "a"), 0);
    assert_int_equal(put(s, STORE_PASSWORD, "02", "b"), 0);
    postgres_sql(schema, "UPDATE ils_password SET value = (SELECT value FROM ils_password WHERE "
                         "key = '01') WHERE key = '02'");
    assert_int_equal(store_load(s, STORE_PASSWORD, see, &seen), -1);
    assert_string_equal(seen.text, "1:01=a ");
    assert_said(store_error(s), "not what was sealed");
    store_close(s);
}

static void write_file(const char *path, const char *bytes, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_key_file(void **state)
{
    char path[160], kept[160], error[STORE_ERROR] = "";
    struct stat st;
    store_close(open_as("one"));
    temp_file(&temp, STORE_KEY_FILE, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rename(path, temp_file(&temp, "kept", kept)), 0);
    assert_null(open_any(false, error));
    assert_said(error, "is not there; copy it from");
    assert_int_equal(access(path, F_OK), -1);
    write_file(path, "0123456789abcdef0123456789abcdef", 32, 0600);
    assert_null(open_any(false, error));
    assert_said(error, "is not the key file that");
    write_file(path, "0123456789abcdef", 16, 0600);
    assert_null(open_any(false, error));
    assert_said(error, "has not 32 bytes");
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_null(open_any(false, error));
    assert_said(error, "chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    store_close(open_as("one"));
}

/* --- where it is */

static void test_names(void **state)
{
    static const char *const dsn[][2] = {
        {"postgresql://ann@db1:5433,db2/ils?sslmode=require&passfile=/p", "ann@db1:5433,db2"},
        {"postgresql://ann:word@db/ils", "passfile"},
        {"postgresql://ann@db/ils?password=word", "passfile"},
        {"postgresql://ann@db/ils?unknown=1", "not understood"},
    };
    char error[STORE_ERROR], key[160];
    if (!postgres_there())
        skip();
    for (size_t i = 1; i < sizeof dsn / sizeof *dsn; i++) {
        assert_null(store_open_dsn(dsn[i][0], temp_file(&temp, "key", key), error, sizeof error));
        assert_said(error, dsn[i][1]);
        assert_null(strstr(error, "word@"));
    }
    struct store *s = open_as("one");
    assert_said(store_name(s), "postgresql://postgres@");
    assert_null(strstr(store_name(s), "options"));
    store_close(s);
}

#define TEST(f) {#f, f, setup, teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lease_among_two), TEST(test_fence),
        TEST(test_prolonged_alone), TEST(test_late),
        TEST(test_same_holder),     TEST(test_older_server),
        TEST(test_changes),         TEST(test_changes_of_lists),
        TEST(test_too_long_ago),    TEST(test_hint),
        TEST(test_newer_form),      TEST(test_earlier_form),
        TEST(test_empty_for_follower),
        TEST(test_cut),             TEST(test_cut_while_slow),
        TEST(test_cut_then_refused), TEST(test_server_ends),
        TEST(test_tried_again),     TEST(test_secrets),
        TEST(test_sealed_in_place), TEST(test_key_file),
        TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
