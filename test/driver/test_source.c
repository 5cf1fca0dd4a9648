/* Sources that need no server: a file, SQLite, and the rows of any query. */
#include "../test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/source.h"
#include "driver/source_rows.h"
#include "temp.h"

static struct temp temp;
static struct csv_rows rows;
static struct source_result result;
static atomic_bool cancel;
static char message[600];

static int setup(void **state)
{
    temp_make(&temp);
    atomic_store(&cancel, false);
    return 0;
}

static int teardown(void **state)
{
    csv_rows_free(&rows);
    source_result_free(&result);
    temp_done(&temp);
    return 0;
}

/* Rows of n columns; "" is no value. The first complaint is in `message`. */
static bool read_rows(const char *domain, size_t n, const char *const *column,
                      const char *const *field, size_t rows_n)
{
    struct slice s[8];
    csv_rows_free(&rows);
    struct source_rows *r = source_rows_begin(&rows, domain);
    assert_non_null(r);
    bool more = source_rows_columns(r, n, column);
    for (size_t i = 0; more && i < rows_n; i++) {
        for (size_t k = 0; k < n; k++)
            s[k] = field[i * n + k][0] == '\0' ? slice_make(NULL, 0) : slice_of(field[i * n + k]);
        more = source_rows_row(r, i + 1, NULL, s);
    }
    source_rows_end(r);
    message[0] = '\0';
    if (rows.complaint_n > 0)
        source_complaint_text(&rows.complaint[0], message, sizeof message);
    return rows.complaints == 0;
}

static void check_entry(size_t i, enum entry_kind kind, const char *key)
{
    assert_true(i < rows.n);
    assert_int_equal(rows.entry[i].kind, kind);
    assert_true(slice_eq(rows.entry[i].key, slice_of(key)));
}

static void test_columns_by_name(void **state)
{
    static const char *const column[] = {"URI", "Number", "failover"};
    static const char *const field[] = {"alice@Example.com", "", "", "", "+81 3 1234 5678",
                                        "ITSELF", "", "8000", "", "", "", ""};
    assert_true(read_rows("", 3, column, field, 4));
    assert_int_equal(rows.n, 3);
    check_entry(0, ENTRY_URI, "alice@example.com");
    check_entry(1, ENTRY_E164, "+81312345678");
    assert_int_equal(rows.entry[1].failover.rule, FAILOVER_ITSELF);
    check_entry(2, ENTRY_ENTERPRISE, "8000");
    assert_int_equal(rows.line[2], 3);
}

static void test_kamailio(void **state)
{
    static const char *const subscriber[] = {"username", "domain"};
    static const char *const users[] = {"alice", "example.com", "bob", "example.com"};
    static const char *const aliases[] = {"username", "domain", "alias_username", "alias_domain"};
    static const char *const joined[] = {"alice", "example.com", "sales", "example.com",
                                         "alice", "example.com", "info", "example.com"};
    assert_true(read_rows("", 2, subscriber, users, 2));
    check_entry(1, ENTRY_URI, "bob@example.com");
    assert_true(read_rows("", 4, aliases, joined, 2)); /* a join repeats itself */
    assert_int_equal(rows.n, 3);
    check_entry(2, ENTRY_URI, "info@example.com");
}

static void test_domain_of_the_source(void **state)
{
    static const char *const column[] = {"username", "uri"};
    static const char *const field[] = {"alice", "bob"};
    assert_true(read_rows("example.com", 2, column, field, 1));
    check_entry(0, ENTRY_URI, "bob@example.com");
    check_entry(1, ENTRY_URI, "alice@example.com");
    assert_false(read_rows("", 2, column, field, 1));
    assert_string_equal(message, "row 1, column uri: \"bob\": a directory URI is user@host");
}

static void test_bad_rows_are_named(void **state)
{
    static const char *const column[] = {"username", "domain"};
    static const char *const field[] = {"alice", "example.com", "al@ice", "example.com",
                                        "Alice", "example.com"};
    assert_false(read_rows("", 2, column, field, 3));
    assert_int_equal(rows.complaints, 2);
    assert_non_null(strstr(message, "row 2, column username: \"al@ice\": "));
    source_complaint_text(&rows.complaint[1], message, sizeof message);
    assert_non_null(strstr(message, "row 1 has this key already, with another spelling"));
}

static void test_columns_that_are_none(void **state)
{
    static const char *const password[] = {"username", "password"};
    static const char *const twice[] = {"uri", "URI"};
    static const char *const nothing[] = {"failover"};
    static const char *const key[] = {"key"};
    assert_false(read_rows("", 2, password, NULL, 0));
    assert_non_null(strstr(message, "\"password\": no such column"));
    assert_false(read_rows("", 2, twice, NULL, 0));
    assert_false(read_rows("", 1, nothing, NULL, 0));
    assert_false(read_rows("", 1, key, NULL, 0));
}

static struct source_spec spec_of(uint8_t kind, const char *place, const char *query)
{
    return (struct source_spec){.kind = kind, .place = place, .query = query, .base = "",
                                .filter = "", .attributes = "", .bind = "", .password_file = "",
                                .ca = "", .domain = "", .encoding = ""};
}

static bool fetch(uint8_t kind, const char *place, const char *query)
{
    struct source_spec spec = spec_of(kind, place, query);
    source_result_free(&result);
    source_fetch(&spec, 10000, &cancel, &result);
    return result.good;
}

static void test_file(void **state)
{
    char path[160];
    FILE *f = fopen(temp_file(&temp, "plan.csv", path), "w");
    fputs("type,key\nURI,alice@example.com\n", f);
    fclose(f);
    assert_true(fetch(SOURCE_FILE, path, ""));
    assert_int_equal(result.rows.n, 1);
    f = fopen(path, "w");
    fputs("type,key\nURI,alice\n", f);
    fclose(f);
    assert_false(fetch(SOURCE_FILE, path, ""));
    assert_non_null(strstr(result.text, "line 2, column key"));
    f = fopen(path, "w");
    fputs("type,key\n", f);
    fclose(f);
    assert_false(fetch(SOURCE_FILE, path, ""));
    assert_non_null(strstr(result.text, "it gives no entry"));
    remove(path);
    assert_false(fetch(SOURCE_FILE, path, ""));
    assert_non_null(strstr(result.text, "No such file"));
    assert_false(fetch(SOURCE_FILE, temp.path, ""));
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_sqlite(void **state)
{
    char path[160];
    temp_file(&temp, "kamailio.sqlite", path);
    assert_false(fetch(SOURCE_SQLITE, path, "SELECT 1"));
    assert_int_equal(access(path, F_OK), -1); /* it is not made */
    run_sql(path, "CREATE TABLE subscriber (username TEXT, domain TEXT);"
                  "INSERT INTO subscriber VALUES ('alice', 'example.com'), ('bob', NULL);");
    assert_true(fetch(SOURCE_SQLITE, path,
                      "SELECT username, domain FROM subscriber WHERE domain <> '' ;\n"));
    assert_int_equal(result.rows.n, 1);
    assert_false(fetch(SOURCE_SQLITE, path, "SELECT username, domain FROM subscriber"));
    assert_non_null(strstr(result.text, "row 2, column domain"));
    assert_false(fetch(SOURCE_SQLITE, path, "SELECT username AS uri FROM nobody"));
    assert_non_null(strstr(result.text, "no such table: nobody"));
}

static void test_sqlite_reads_only(void **state)
{
    static const char *const query[] = {
        "DELETE FROM subscriber", "ATTACH 'x.sqlite' AS x", "PRAGMA user_version = 3",
        "SELECT username AS uri FROM subscriber; DELETE FROM subscriber", "",
    };
    char path[160];
    temp_file(&temp, "kamailio.sqlite", path);
    run_sql(path, "CREATE TABLE subscriber (username TEXT);"
                  "INSERT INTO subscriber VALUES ('alice@example.com');");
    for (size_t i = 0; i < sizeof query / sizeof *query; i++)
        assert_false(fetch(SOURCE_SQLITE, path, query[i]));
    assert_true(fetch(SOURCE_SQLITE, path, "SELECT username AS uri FROM subscriber"));
}

/* A query without an end is ended by the one who no longer wants it, or by its time. */
static void test_ends(void **state)
{
    static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                                  "SELECT max(i) AS number FROM n";
    struct source_spec spec;
    char path[160];
    run_sql(temp_file(&temp, "a.sqlite", path), "CREATE TABLE t (x)");
    spec = spec_of(SOURCE_SQLITE, path, endless);
    source_fetch(&spec, 50, &cancel, &result);
    assert_string_equal(result.text, "no answer in time");
    atomic_store(&cancel, true);
    assert_false(fetch(SOURCE_SQLITE, path, endless));
    assert_string_equal(result.text, "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kamailio, setup, teardown),
        cmocka_unit_test_setup_teardown(test_domain_of_the_source, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_rows_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_columns_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sqlite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sqlite_reads_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
