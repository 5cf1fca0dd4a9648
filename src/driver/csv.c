/* csv: libcsv splits rows; this file knows columns, lines, duplicates and what to say. The parser
 * is fed line by line, because it tells neither where a row began nor where it gave up. */
#include "driver/csv.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/csv_text.h"
#include "driver/entry_text.h"
#include "driver/row_set.h"

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
    struct row_set set;
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
    size_t there;
    enum row_added added = row_set_add(&r->set, e, r->row_line, source, &there);
    if (added == ROW_MEMORY) {
        fail_memory(r);
    } else if (added == ROW_THERE) {
        uint32_t first = r->rows->line[there];
        struct csv_complaint *c =
            csv_complain(r->rows, r->row_line, CSV_FAULT_DUPLICATE, role_slice(r, ROLE_KEY),
                         "line %u has this key already", (unsigned)first);
        c->first_line = first;
        slice_to_text(slice_of(r->name[ROLE_KEY]), c->column, sizeof c->column);
    }
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

/* How many rows there may be, by how long those at the beginning are. */
static size_t rows_about(struct slice text)
{
    size_t sample = text.n < 65536 ? text.n : 65536, lines = 0;
    for (size_t i = 0; i < sample; i++)
        lines += text.p[i] == '\n' || text.p[i] == '\r';
    return sample == 0 ? 0 : text.n / sample * (lines + 1);
}

static void read_text(struct csv_rows *rows, struct row_set set, struct slice text)
{
    struct reader *r = calloc(1, sizeof *r);
    if (r == NULL || csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        csv_complain(rows, 0, CSV_FAULT_MEMORY, slice_make(NULL, 0), "not enough memory");
        free(r);
        return;
    }
    r->rows = rows;
    r->set = set;
    for (size_t role = 0; role < ROLES; role++)
        r->column[role] = COLUMNS_MAX;
    row_set_expect(&r->set, rows_about(text));
    read_lines(r, text);
    if (!r->has_header && rows->complaints == 0)
        csv_complain(rows, 0, CSV_FAULT_EMPTY, slice_make(NULL, 0), "it is empty");
    csv_free(&r->parser);
    row_set_end(&r->set);
    free(r);
}

bool csv_read(const uint8_t *bytes, size_t n, const char *encoding, struct csv_rows *ret)
{
    struct row_set set;
    struct slice text;
    char *block;
    row_set_begin(&set, ret);
    if (csv_text(ret, slice_make(bytes, n), encoding, &text, &block))
        read_text(ret, set, text);
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
