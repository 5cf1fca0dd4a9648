/* The first byte picks an encoding, the rest is the file. Every byte must end in an entry, a
 * complaint or nothing; entries, written as a file again, read the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "driver/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static void check_complaints(const struct csv_rows *rows)
{
    assert(rows->complaint_n <= CSV_COMPLAINTS_MAX && rows->complaint_n <= rows->complaints);
    for (size_t i = 0; i < rows->complaint_n; i++) {
        const struct csv_complaint *c = &rows->complaint[i];
        char text[400];
        csv_complaint_text(c, text, sizeof text);
        assert(slice_is_utf8(slice_of(text)) && strlen(c->text) < sizeof c->text);
        assert(strchr(text, '\n') == NULL && c->sentence[0] != '\0');
        assert(i == 0 || c->line >= rows->complaint[i - 1].line);
    }
}

static void check_round_trip(const struct csv_rows *rows)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct arena a;
    struct buf b;
    struct csv_rows again;
    arena_init(&a, &mem);
    buf_init(&b, &mem, SIZE_MAX);
    buf_put_text(&b, "key,failover,type\n");
    for (size_t i = 0; i < rows->n; i++) {
        assert(i == 0 || rows->line[i] > rows->line[i - 1]);
        buf_put_u8(&b, '"');
        buf_put_slice(&b, rows->entry[i].key);
        buf_put_text(&b, "\",");
        buf_put_slice(&b, entry_failover_text(&a, &rows->entry[i].failover));
        buf_put_text(&b, ",");
        buf_put_slice(&b, entry_kind_text(rows->entry[i].kind));
        buf_put_text(&b, "\r\n");
    }
    assert(csv_read(b.p, b.n, NULL, &again) && again.n == rows->n);
    for (size_t i = 0; i < rows->n; i++)
        assert(slice_eq(again.entry[i].key, rows->entry[i].key) && again.line[i] == i + 2);
    csv_rows_free(&again);
    buf_done(&b);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {NULL, "CP932", "UTF-16", "LATIN1", "UTF-16LE", "X"};
    struct csv_rows rows;
    if (size == 0)
        return 0;
    size_t pick = data[0] % (sizeof encodings / sizeof encodings[0]);
    csv_read(data + 1, size - 1, encodings[pick], &rows);
    check_complaints(&rows);
    check_round_trip(&rows);
    csv_rows_free(&rows);
    return 0;
}
