/* What reaches the log of the store, by the record of a VFS under it: the pages of a commit in one
 * piece, before it is synced, and the bytes that SQLite wrote, none more and none less. */
#include "crash_vfs.h"
#include "driver/store.h"
#include "temp.h"

static struct store *open_store(const struct temp *t)
{
    char error[STORE_ERROR] = "";
    struct store *s = store_open(t->path, error, sizeof error);
    if (s == NULL)
        print_error("%s\n", error);
    assert_non_null(s);
    return s;
}

static void put(struct store *s, uint8_t space, const char *key, size_t n)
{
    static uint8_t bytes[1 << 20];
    memset(bytes, key[0], n);
    struct store_row r = {space, slice_of(key), slice_make(bytes, n), .remove = false};
    assert_int_equal(store_apply(s, &r, 1), 0);
}

/* Of the log, from operation `from` on: how often it is written and synced, and that each write
 * begins where the one before it ended. */
static void count(const struct crash_record *r, size_t from, size_t *writes, size_t *syncs)
{
    int64_t end = -1;
    *writes = *syncs = 0;
    for (size_t i = from; i < r->n; i++) {
        const struct crash_op *op = &r->op[i];
        assert_int_equal(op->file, CRASH_WAL);
        *syncs += op->type == CRASH_SYNC;
        if (op->type != CRASH_WRITE)
            continue;
        assert_int_equal(*syncs, 0); /* nothing is written behind the sync */
        assert_true(end < 0 || op->offset == end);
        end = op->offset + (int64_t)op->n;
        (*writes)++;
    }
}

static void test_one_piece(void **state)
{
    struct temp t;
    struct crash_record r = {0};
    size_t writes, syncs;
    temp_make(&t);
    crash_record_to(&r);
    struct store *s = open_store(&t);
    for (unsigned i = 0; i < 5; i++) {
        size_t before = r.n;
        assert_int_equal(store_begin(s), 0);
        put(s, STORE_SETTING, "a", 10 + i);
        put(s, STORE_PEER, "b", 100);
        put(s, STORE_AUDIT, i % 2 == 0 ? "c" : "d", 2000);
        assert_int_equal(r.n, before); /* what is not committed is in memory */
        assert_int_equal(store_commit(s), 0);
        count(&r, before, &writes, &syncs);
        assert_int_equal(writes, 1);
        assert_int_equal(syncs, 1);
    }
    size_t before = r.n;
    assert_int_equal(store_begin(s), 0);
    put(s, STORE_SEGMENT, "large", 1 << 20);
    assert_int_equal(store_commit(s), 0);
    count(&r, before, &writes, &syncs);
    assert_in_range(writes, 16, 18); /* 64 KiB each */
    assert_int_equal(syncs, 1);
    store_close(s);
    crash_record_to(NULL);
    crash_record_free(&r);
    temp_done(&t);
}

static bool is_large(void *context, const struct store_row *row)
{
    size_t *seen = context;
    assert_int_equal(row->value.n, (*seen + 1) * 100000);
    for (size_t i = 0; i < row->value.n; i++)
        assert_int_equal(row->value.p[i], row->key.p[0]);
    (*seen)++;
    return true;
}

/* What was gathered is read again as it was written: within a transaction that is larger than
 * SQLite's cache, after it, and after a new start. */
static void test_read_again(void **state)
{
    static const char *const key[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct temp t;
    temp_make(&t);
    struct store *s = open_store(&t);
    assert_int_equal(store_begin(s), 0);
    for (size_t i = 0; i < 8; i++)
        put(s, STORE_SEGMENT, key[i], (i + 1) * 100000);
    size_t seen = 0;
    assert_int_equal(store_load(s, STORE_SEGMENT, is_large, &seen), 0);
    assert_int_equal(seen, 8);
    assert_int_equal(store_commit(s), 0);
    for (unsigned i = 0; i < 2; i++) {
        seen = 0;
        assert_int_equal(store_load(s, STORE_SEGMENT, is_large, &seen), 0);
        assert_int_equal(seen, 8);
        store_close(s);
        s = open_store(&t);
    }
    store_close(s);
    temp_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_piece),
        cmocka_unit_test(test_read_again),
    };
    crash_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
