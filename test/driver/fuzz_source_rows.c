/* The first byte says how many columns there are, the next ones which; then come the fields, each
 * after a byte for its length (255: no value). Every byte must end in an entry, a complaint or
 * nothing; entries, given as rows of type, key and failover, read the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "driver/source_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"uri", "number", "enterprise", "E164", "pattern", "type", "key",
                                    "failover", "username", "domain", "alias_username",
                                    "alias_domain", "Number", "password", ""};

#define NAMES (sizeof names / sizeof names[0])

static void check_complaints(const struct csv_rows *rows)
{
    assert(rows->complaint_n <= CSV_COMPLAINTS_MAX && rows->complaint_n <= rows->complaints);
    for (size_t i = 0; i < rows->complaint_n; i++) {
        char text[400];
        source_complaint_text(&rows->complaint[i], text, sizeof text);
        assert(slice_is_utf8(slice_of(text)) && strchr(text, '\n') == NULL);
        assert(rows->complaint[i].sentence[0] != '\0');
    }
}

static void check_round_trip(const struct csv_rows *rows)
{
    static const char *const column[] = {"type", "key", "failover"};
    struct csv_rows again, text = {.mem = rows->mem};
    struct source_rows *r = source_rows_begin(&again, "");
    arena_init(&text.arena, &text.mem);
    assert(r != NULL && source_rows_columns(r, 3, column));
    for (size_t i = 0; i < rows->n; i++) {
        const struct entry *e = &rows->entry[i];
        struct slice field[] = {entry_kind_text(e->kind), e->key,
                                entry_failover_text(&text.arena, &e->failover)};
        assert(source_rows_row(r, i + 1, NULL, field));
        assert(source_rows_row(r, i + 1, NULL, field)); /* the same twice is one */
    }
    source_rows_end(r);
    assert(again.n == rows->n && again.complaints == 0);
    for (size_t i = 0; i < rows->n; i++)
        assert(slice_eq(again.entry[i].key, rows->entry[i].key) && again.line[i] == i + 1);
    csv_rows_free(&again);
    arena_done(&text.arena);
}

static void give_rows(struct source_rows *r, size_t n, const uint8_t *data, size_t size)
{
    struct slice field[SOURCE_FIELDS_MAX];
    bool more = true;
    for (uint64_t number = 1; more && size > 0; number++) {
        for (size_t i = 0; i < n; i++) {
            size_t length = size > 0 ? data[0] : 255;
            if (size > 0) {
                data++;
                size--;
            }
            bool null = length == 255;
            length = null ? 0 : length < size ? length : size;
            field[i] = slice_make(null ? NULL : data, length);
            data += length;
            size -= length;
        }
        more = source_rows_row(r, number, number % 2 == 0 ? "uid=x" : NULL, field);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *column[SOURCE_FIELDS_MAX];
    struct csv_rows rows;
    size_t n = size > 0 ? data[0] % 6 : 0;
    if (size < 1 + n)
        return 0;
    struct source_rows *r = source_rows_begin(&rows, data[0] >= 128 ? "example.com" : "");
    for (size_t i = 0; i < n; i++)
        column[i] = names[data[1 + i] % NAMES];
    assert(r != NULL);
    if (source_rows_columns(r, n, column))
        give_rows(r, n, data + 1 + n, size - 1 - n);
    source_rows_end(r);
    check_complaints(&rows);
    check_round_trip(&rows);
    csv_rows_free(&rows);
    return 0;
}
