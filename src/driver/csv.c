/* csv: libcsv splits rows; this file knows columns, lines, duplicates and what to say. The parser
 * is fed line by line, because it tells neither where a row began nor where it gave up. */
#include "driver/csv.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "driver/csv_text.h"
#include "driver/entry_text.h"

#define COLUMNS_MAX 16
#define FIELD_MAX   1024 /* bytes; no value is longer */

enum role { ROLE_TYPE, ROLE_FAILOVER, ROLE_KEY, ROLE_SOURCE, ROLES };

static const struct {
    const char *name;
    enum role role;
} columns[] = {
    {"PatternType", ROLE_TYPE}, {"PSTNFailover", ROLE_FAILOVER}, {"Pattern", ROLE_KEY},
    {"type", ROLE_TYPE},        {"failover", ROLE_FAILOVER},     {"key", ROLE_KEY},
    {"source", ROLE_SOURCE},
};

#define COLUMNS (sizeof columns / sizeof columns[0])

struct field {
    uint8_t bytes[FIELD_MAX];
    size_t n; /* true length; beyond FIELD_MAX the bytes are cut */
};

struct seen {
    uint32_t number; /* of the entry + 1, 0 = empty */
    uint32_t hash;
};

struct reader {
    struct csv_parser parser;
    struct csv_rows *rows;
    struct field field[COLUMNS_MAX];
    size_t field_n;     /* of the row being read; may exceed COLUMNS_MAX */
    size_t last_filled; /* number of fields up to the last one that is not empty */
    bool has_header, original, failed, ended; /* original: the column is named PatternType */
    size_t column_n;
    size_t column[ROLES]; /* field of the role, or COLUMNS_MAX */
    const char *name[ROLES];
    uint32_t line, row_line;
    struct seen *seen; /* open addressing */
    size_t seen_size;
};

static struct slice field_slice(const struct reader *r, size_t i)
{
    const struct field *f = &r->field[i];
    return slice_make(f->bytes, f->n < FIELD_MAX ? f->n : FIELD_MAX);
}

static void fail_memory(struct reader *r)
{
    if (!r->failed)
        csv_complain(r->rows, r->row_line, CSV_FAULT_MEMORY, slice_make(NULL, 0),
                     "not enough memory for the rest of the file");
    r->failed = true;
}

/* --- the header: */

static size_t column_find(struct slice name)
{
    size_t i = 0;
    while (i < COLUMNS && !slice_eq_fold(name, slice_of(columns[i].name)))
        i++;
    return i;
}

static void take_header(struct reader *r)
{
    static const char wanted[] = "the first row must name the columns PatternType,PSTNFailover,"
                                 "Pattern or type,key with or without failover";
    r->has_header = true;
    r->column_n = r->last_filled;
    for (size_t i = 0; i < r->column_n; i++) {
        struct slice name = i < COLUMNS_MAX ? slice_trim(field_slice(r, i)) : slice_of("");
        size_t k = column_find(name);
        if (k == COLUMNS) {
            bool semicolons = slice_find(name, ';') < name.n;
            csv_complain(r->rows, r->row_line, CSV_FAULT_HEADER, name, "%s: %s",
                         semicolons ? "commas separate columns, not semicolons" : "no such column",
                         wanted);
            r->failed = true;
            return;
        }
        enum role role = columns[k].role;
        if (r->column[role] != COLUMNS_MAX) {
            csv_complain(r->rows, r->row_line, CSV_FAULT_HEADER, name,
                         "the header names this column twice");
            r->failed = true;
            return;
        }
        r->column[role] = i;
        r->name[role] = columns[k].name;
        r->original |= k == 0;
    }
    if (r->column[ROLE_TYPE] == COLUMNS_MAX || r->column[ROLE_KEY] == COLUMNS_MAX) {
        csv_complain(r->rows, r->row_line, CSV_FAULT_HEADER, slice_make(NULL, 0),
                     "the column %s is missing: %s",
                     r->column[ROLE_TYPE] == COLUMNS_MAX ? "of types" : "of keys", wanted);
        r->failed = true;
    }
}

/* --- duplicates: */

static uint8_t entry_byte(const struct entry *e, size_t i)
{
    return e->kind == ENTRY_URI ? ascii_lower(e->key.p[i]) : e->key.p[i];
}

static uint64_t entry_hash(const struct entry *e)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ e->kind;
    for (size_t i = 0; i < e->key.n; i++)
        h = (h ^ entry_byte(e, i)) * UINT64_C(0x100000001b3);
    return mix64(h);
}

static bool entry_same(const struct entry *a, const struct entry *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == ENTRY_URI ? slice_eq_fold(a->key, b->key) : slice_eq(a->key, b->key);
}

/* The slot that holds an entry of the same key, or the empty one where it belongs. The hash stands
 * in the slot, so that a collision seldom costs a look at the entry. */
static struct seen *seen_slot(const struct reader *r, const struct entry *e, uint32_t hash)
{
    size_t i = hash & (r->seen_size - 1);
    while (r->seen[i].number != 0 && (r->seen[i].hash != hash ||
                                      !entry_same(&r->rows->entry[r->seen[i].number - 1], e)))
        i = (i + 1) & (r->seen_size - 1);
    return &r->seen[i];
}

/* Twice as many slots; the entries in them differ, that is known. */
static bool seen_grow(struct reader *r, size_t size)
{
    struct seen *seen = calloc(size, sizeof *seen);
    if (seen == NULL)
        return false;
    for (size_t k = 0; k < r->seen_size; k++) {
        size_t i = r->seen[k].hash & (size - 1);
        while (r->seen[k].number != 0 && seen[i].number != 0)
            i = (i + 1) & (size - 1);
        if (r->seen[k].number != 0)
            seen[i] = r->seen[k];
    }
    free(r->seen);
    r->seen = seen;
    r->seen_size = size;
    return true;
}

/* Room for one more entry, and at least twice as many slots as entries. */
static bool rows_grow(struct reader *r)
{
    struct csv_rows *rows = r->rows;
    if (rows->n < rows->size)
        return true;
    size_t size = rows->size == 0 ? 1024 : rows->size * 2;
    struct entry *entry = realloc(rows->entry, size * sizeof *entry);
    if (entry != NULL)
        rows->entry = entry;
    uint32_t *line = realloc(rows->line, size * sizeof *line);
    if (line != NULL)
        rows->line = line;
    uint8_t *source = realloc(rows->source, size);
    if (source != NULL)
        rows->source = source;
    if (entry == NULL || line == NULL || source == NULL || !seen_grow(r, size * 2))
        return false;
    rows->size = size;
    return true;
}

/* --- rows: */

static enum role fault_role(enum entry_error error)
{
    return error == ENTRY_ERROR_KIND ? ROLE_TYPE
           : error == ENTRY_ERROR_FAILOVER ? ROLE_FAILOVER
                                           : ROLE_KEY;
}

static struct slice role_slice(const struct reader *r, enum role role)
{
    return r->column[role] < COLUMNS_MAX ? field_slice(r, r->column[role]) : slice_of("");
}

static void complain_entry(struct reader *r, enum entry_error error, enum role role, size_t at)
{
    char sentence[200];
    struct slice text = role_slice(r, role);
    entry_error_place(error, text, at, sentence, sizeof sentence);
    struct csv_complaint *c =
        csv_complain(r->rows, r->row_line, CSV_FAULT_ENTRY, text, "%s", sentence);
    c->entry = error;
    slice_to_text(slice_of(r->name[role]), c->column, sizeof c->column);
}

static void add_entry(struct reader *r, const struct entry *e, uint8_t source)
{
    struct csv_rows *rows = r->rows;
    if (!rows_grow(r)) {
        fail_memory(r);
        return;
    }
    uint32_t hash = (uint32_t)entry_hash(e);
    struct seen *slot = seen_slot(r, e, hash);
    if (slot->number != 0) {
        uint32_t first = rows->line[slot->number - 1];
        struct csv_complaint *c =
            csv_complain(rows, r->row_line, CSV_FAULT_DUPLICATE, role_slice(r, ROLE_KEY),
                         "line %u has this key already", (unsigned)first);
        c->first_line = first;
        slice_to_text(slice_of(r->name[ROLE_KEY]), c->column, sizeof c->column);
        return;
    }
    *slot = (struct seen){.number = (uint32_t)rows->n + 1, .hash = hash};
    rows->entry[rows->n] = *e;
    rows->source[rows->n] = source;
    rows->line[rows->n++] = r->row_line;
}

/* 1 + the number of the name that the row's source has, 0 when it has none; false: complained. */
static bool source_of_row(struct reader *r, uint8_t *ret)
{
    struct csv_rows *rows = r->rows;
    struct slice name = slice_trim(role_slice(r, ROLE_SOURCE));
    size_t i = 0;
    *ret = 0;
    if (name.n == 0)
        return true;
    while (i < rows->source_n && !slice_eq(rows->source_name[i], name))
        i++;
    if (name.n > SOURCE_MAX || i == CSV_SOURCES_MAX) {
        csv_complain(rows, r->row_line, CSV_FAULT_SOURCE, name,
                     "the name of a source has 1 to 64 bytes, and a file names at most %d",
                     CSV_SOURCES_MAX);
        return false;
    }
    if (i == rows->source_n) {
        rows->source_name[i] = arena_copy(&rows->arena, name);
        if (rows->arena.failed) {
            fail_memory(r);
            return false;
        }
        rows->source_n++;
    }
    *ret = (uint8_t)(i + 1);
    return true;
}

static void add_sourced(struct reader *r, const struct entry *e)
{
    uint8_t source = 0;
    if (r->column[ROLE_SOURCE] == COLUMNS_MAX || source_of_row(r, &source))
        add_entry(r, e, source);
}

static enum entry_error parse_row(struct reader *r, struct slice type, struct entry *e, size_t *at)
{
    return entry_parse_at(&r->rows->arena, type, role_slice(r, ROLE_FAILOVER),
                          role_slice(r, ROLE_KEY), e, at);
}

/* In the original's files a type says whose number it is; whether it has wildcards is seen. */
static void take_row(struct reader *r)
{
    struct entry e;
    if (r->field_n < r->column_n || r->last_filled > r->column_n) {
        csv_complain(r->rows, r->row_line, CSV_FAULT_COLUMNS, field_slice(r, 0),
                     "the row has %zu field%s, the header names %zu", r->field_n,
                     r->field_n == 1 ? "" : "s", r->column_n);
        return;
    }
    for (size_t role = 0; role < ROLES; role++) {
        size_t i = r->column[role];
        if (i < COLUMNS_MAX && r->field[i].n > FIELD_MAX) {
            complain_entry(r, ENTRY_ERROR_TOO_LONG, (enum role)role, FIELD_MAX);
            return;
        }
    }
    if (r->rows->n == CSV_ROWS_MAX) {
        csv_complain(r->rows, r->row_line, CSV_FAULT_ROWS, slice_make(NULL, 0),
                     "a file holds at most %u entries", (unsigned)CSV_ROWS_MAX);
        r->failed = true;
        return;
    }
    size_t at;
    enum entry_error error = parse_row(r, role_slice(r, ROLE_TYPE), &e, &at);
    if (error == ENTRY_ERROR_IS_PATTERN && r->original)
        error = parse_row(r, slice_of(e.kind == ENTRY_E164 ? "E164PATTERN" : "ENTERPRISEPATTERN"),
                          &e, &at);
    if (error == ENTRY_ERROR_MEMORY)
        fail_memory(r);
    else if (error != ENTRY_OK)
        complain_entry(r, error, fault_role(error), at);
    else
        add_sourced(r, &e);
}

static void on_field(void *bytes, size_t n, void *context)
{
    struct reader *r = context;
    if (r->field_n < COLUMNS_MAX) {
        struct field *f = &r->field[r->field_n];
        f->n = n;
        if (n > 0)
            memcpy(f->bytes, bytes, n < FIELD_MAX ? n : FIELD_MAX);
    }
    r->field_n++;
    if (n > 0)
        r->last_filled = r->field_n;
}

static void on_row(int end, void *context)
{
    struct reader *r = context;
    (void)end;
    if (!r->failed && r->last_filled > 0) {
        if (r->has_header)
            take_row(r);
        else
            take_header(r);
    }
    r->field_n = r->last_filled = 0;
    r->ended = true;
}

/* --- the file: */

static bool is_blank_line(struct slice line)
{
    return slice_trim(line).n == 0;
}

/* A row with a stray quote is complained about and left; the next line begins a new one. */
static bool restart(struct reader *r, struct slice line)
{
    if (csv_error(&r->parser) != CSV_EPARSE) {
        fail_memory(r);
        return false;
    }
    csv_complain(r->rows, r->row_line, CSV_FAULT_QUOTES, slice_trim(line),
                 "a quote inside a field is written twice, and the field stands in quotes");
    r->field_n = r->last_filled = 0;
    if (!r->has_header)
        r->failed = true;
    csv_free(&r->parser);
    return csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) == 0;
}

static void read_lines(struct reader *r, struct slice text)
{
    bool between = true; /* rows */
    while (text.n > 0 && !r->failed) {
        size_t n = csv_line(text);
        struct slice line = slice_make(text.p, n);
        r->line++;
        if (between)
            r->row_line = r->line;
        r->ended = false;
        if (csv_parse(&r->parser, line.p, n, on_field, on_row, r) != n) {
            if (!restart(r, line))
                return;
            between = true;
        } else {
            between = r->ended || (between && is_blank_line(line));
        }
        text = slice_make(text.p + n, text.n - n);
    }
    if (!r->failed && csv_fini(&r->parser, on_field, on_row, r) != 0)
        csv_complain(r->rows, r->row_line, CSV_FAULT_QUOTES, slice_make(NULL, 0),
                     "a quote is opened in this row and never closed");
}

static void *heap_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static void read_text(struct csv_rows *rows, struct slice text)
{
    struct reader *r = calloc(1, sizeof *r);
    if (r == NULL || csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        csv_complain(rows, 0, CSV_FAULT_MEMORY, slice_make(NULL, 0), "not enough memory");
        free(r);
        return;
    }
    r->rows = rows;
    for (size_t role = 0; role < ROLES; role++)
        r->column[role] = COLUMNS_MAX;
    read_lines(r, text);
    if (!r->has_header && rows->complaints == 0)
        csv_complain(rows, 0, CSV_FAULT_EMPTY, slice_make(NULL, 0), "the file is empty");
    csv_free(&r->parser);
    free(r->seen);
    free(r);
}

bool csv_read(const uint8_t *bytes, size_t n, const char *encoding, struct csv_rows *ret)
{
    struct slice text;
    char *block;
    *ret = (struct csv_rows){.mem = {.resize = heap_resize, .budget = SIZE_MAX}};
    arena_init(&ret->arena, &ret->mem);
    if (csv_text(ret, slice_make(bytes, n), encoding, &text, &block))
        read_text(ret, text);
    free(block);
    return ret->complaints == 0;
}

void csv_rows_free(struct csv_rows *rows)
{
    free(rows->entry);
    free(rows->line);
    free(rows->source);
    free(rows->complaint);
    arena_done(&rows->arena);
    *rows = (struct csv_rows){0};
}

void csv_complaint_text(const struct csv_complaint *c, char *dst, size_t size)
{
    char place[48] = "the file";
    bool quoted = c->text[0] != '\0';
    if (c->line != 0)
        snprintf(place, sizeof place, "line %u%s%s", (unsigned)c->line,
                 c->column[0] == '\0' ? "" : ", column ", c->column);
    snprintf(dst, size, "%s: %s%s%s%s", place, quoted ? "\"" : "", c->text, quoted ? "\": " : "",
             c->sentence);
}
