/* source_rows: columns by name, values to entries, duplicates by key. What a value may be is
 * decided by entry_parse alone; here it is decided which value is what. */
#include "driver/source_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "driver/csv_text.h"
#include "driver/entry_text.h"
#include "driver/row_set.h"

enum column {
    COLUMN_URI,
    COLUMN_NUMBER,
    COLUMN_ENTERPRISE,
    COLUMN_E164,
    COLUMN_PATTERN,
    COLUMN_KEY,
    COLUMN_TYPE,
    COLUMN_FAILOVER,
    COLUMN_USERNAME,
    COLUMN_DOMAIN,
    COLUMN_ALIAS_USERNAME,
    COLUMN_ALIAS_DOMAIN,
    COLUMNS,
};

static const char *const names[COLUMNS] = {
    [COLUMN_URI] = "uri",
    [COLUMN_NUMBER] = "number",
    [COLUMN_ENTERPRISE] = "enterprise",
    [COLUMN_E164] = "e164",
    [COLUMN_PATTERN] = "pattern",
    [COLUMN_KEY] = "key",
    [COLUMN_TYPE] = "type",
    [COLUMN_FAILOVER] = "failover",
    [COLUMN_USERNAME] = "username",
    [COLUMN_DOMAIN] = "domain",
    [COLUMN_ALIAS_USERNAME] = "alias_username",
    [COLUMN_ALIAS_DOMAIN] = "alias_domain",
};

#define KNOWN                                                                                      \
    "uri, number, enterprise, e164, pattern, type, key, failover, username, domain, "              \
    "alias_username and alias_domain are known"

struct source_rows {
    struct csv_rows *rows;
    size_t column[COLUMNS]; /* field of the column, or SOURCE_FIELDS_MAX */
    struct slice domain;    /* for users without one */
    struct row_set set;
    uint64_t number;        /* of the row being read */
    const char *where;
    const struct slice *field;
    bool failed;
};

struct source_rows *source_rows_begin(struct csv_rows *ret, const char *domain)
{
    struct source_rows *r = calloc(1, sizeof *r);
    struct row_set set;
    row_set_begin(&set, ret);
    if (r == NULL)
        return NULL;
    r->rows = ret;
    r->set = set;
    r->domain = slice_of(domain);
    for (size_t i = 0; i < COLUMNS; i++)
        r->column[i] = SOURCE_FIELDS_MAX;
    return r;
}

void source_rows_end(struct source_rows *r)
{
    row_set_end(&r->set);
    free(r);
}

/* --- columns */

static bool has(const struct source_rows *r, enum column c)
{
    return r->column[c] != SOURCE_FIELDS_MAX;
}

static bool header_fails(struct source_rows *r, const char *name, const char *sentence)
{
    csv_complain(r->rows, 0, CSV_FAULT_HEADER, slice_of(name), "%s", sentence);
    r->failed = true;
    return false;
}

bool source_rows_columns(struct source_rows *r, size_t n, const char *const *name)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < COLUMNS && !slice_eq_fold(slice_of(name[i]), slice_of(names[k])))
            k++;
        if (k == COLUMNS)
            return header_fails(r, name[i], "no such column: " KNOWN "; name it so with AS, or "
                                            "leave it out");
        if (i >= SOURCE_FIELDS_MAX || has(r, (enum column)k))
            return header_fails(r, name[i], "this column is there twice");
        r->column[k] = i;
    }
    if (!has(r, COLUMN_URI) && !has(r, COLUMN_NUMBER) && !has(r, COLUMN_ENTERPRISE) &&
        !has(r, COLUMN_E164) && !has(r, COLUMN_PATTERN) && !has(r, COLUMN_KEY) &&
        !has(r, COLUMN_USERNAME) && !has(r, COLUMN_ALIAS_USERNAME))
        return header_fails(r, "", "no column makes an entry: " KNOWN);
    if (has(r, COLUMN_KEY) && !has(r, COLUMN_TYPE))
        return header_fails(r, "key", "beside the column key there must be the column type");
    return true;
}

static struct slice value(const struct source_rows *r, enum column c)
{
    return has(r, c) ? slice_trim(r->field[r->column[c]]) : slice_make(NULL, 0);
}

/* --- what is wrong */

static uint32_t row_number(const struct source_rows *r)
{
    return r->number < UINT32_MAX ? (uint32_t)r->number : UINT32_MAX;
}

static struct csv_complaint *complain(struct source_rows *r, enum csv_fault fault, enum column c,
                                      const char *sentence)
{
    bool told = r->where != NULL && r->where[0] != '\0';
    struct csv_complaint *ret =
        csv_complain(r->rows, row_number(r), fault, value(r, c), "%s%s%.90s%s", sentence,
                     told ? " (" : "", told ? r->where : "", told ? ")" : "");
    slice_to_text(slice_of(names[c]), ret->column, sizeof ret->column);
    return ret;
}

static void fail_memory(struct source_rows *r)
{
    if (!r->failed)
        csv_complain(r->rows, row_number(r), CSV_FAULT_MEMORY, slice_make(NULL, 0),
                     "not enough memory for the rest");
    r->failed = true;
}

static bool same_failover(const struct failover *a, const struct failover *b)
{
    return a->rule == b->rule && a->strip == b->strip && slice_eq(a->digits, b->digits);
}

/* The same entry twice is one entry. */
static void complain_there(struct source_rows *r, const struct entry *e, enum column c, size_t at)
{
    const struct entry *there = &r->rows->entry[at];
    uint32_t first = r->rows->line[at];
    char sentence[120];
    if (slice_eq(there->key, e->key) && same_failover(&there->failover, &e->failover))
        return;
    snprintf(sentence, sizeof sentence, "row %u has this key already, with another %s",
             (unsigned)first, slice_eq(there->key, e->key) ? "failover" : "spelling");
    complain(r, CSV_FAULT_DUPLICATE, c, sentence)->first_line = first;
}

static void add(struct source_rows *r, const struct entry *e, enum column c)
{
    size_t there;
    enum row_added added = row_set_add(&r->set, e, row_number(r), 0, &there);
    if (added == ROW_MEMORY)
        fail_memory(r);
    else if (added == ROW_THERE)
        complain_there(r, e, c, there);
}

/* --- rows */

static void take(struct source_rows *r, struct slice type, struct slice key, enum column c)
{
    struct entry e;
    struct slice failover = value(r, COLUMN_FAILOVER);
    if (key.n > 4 * URI_MAX) { /* no value is longer, and none is copied */
        complain(r, CSV_FAULT_ENTRY, c, entry_error_text(ENTRY_ERROR_TOO_LONG));
        return;
    }
    enum entry_error error = entry_parse(&r->rows->arena, type, failover, key, &e);
    if (error == ENTRY_OK) {
        add(r, &e, c);
    } else if (error == ENTRY_ERROR_MEMORY) {
        fail_memory(r);
    } else {
        enum column at = error == ENTRY_ERROR_FAILOVER ? COLUMN_FAILOVER
                         : error == ENTRY_ERROR_KIND && has(r, COLUMN_TYPE) ? COLUMN_TYPE : c;
        complain(r, CSV_FAULT_ENTRY, at, entry_error_text(error))->entry = error;
    }
}

/* user@domain, where the domain has its own column or is the source's. */
static void take_user(struct source_rows *r, struct slice user, struct slice domain, enum column c,
                      enum column at)
{
    uint8_t uri[2 * URI_MAX + 1];
    if (domain.n == 0)
        domain = r->domain;
    if (domain.n == 0) {
        complain(r, CSV_FAULT_ENTRY, has(r, at) ? at : c,
                 "a directory URI is user@host, and there is no host: --domain gives one");
        return;
    }
    if (user.n > URI_MAX || domain.n > URI_MAX) {
        complain(r, CSV_FAULT_ENTRY, c, entry_error_text(ENTRY_ERROR_TOO_LONG));
        return;
    }
    memcpy(uri, user.p, user.n);
    uri[user.n] = '@';
    memcpy(uri + user.n + 1, domain.p, domain.n);
    take(r, slice_of("URI"), slice_make(uri, user.n + 1 + domain.n), c);
}

/* "+" in its ASCII or full width, or the escape that patterns know. */
static bool begins_with_plus(struct slice s)
{
    static const char *const plus[] = {"+", "\\+", "\xef\xbc\x8b"};
    for (size_t i = 0; i < sizeof plus / sizeof *plus; i++) {
        size_t n = strlen(plus[i]);
        if (s.n >= n && memcmp(s.p, plus[i], n) == 0)
            return true;
    }
    return false;
}

static void take_number(struct source_rows *r, struct slice key, enum column c)
{
    struct slice type = value(r, COLUMN_TYPE);
    uint8_t kind = c == COLUMN_PATTERN
                       ? (begins_with_plus(key) ? ENTRY_PATTERN_E164 : ENTRY_PATTERN_ENTERPRISE)
                       : (begins_with_plus(key) ? ENTRY_E164 : ENTRY_ENTERPRISE);
    if (type.n == 0)
        type = entry_kind_text(kind);
    take(r, type, key, c);
}

bool source_rows_row(struct source_rows *r, uint64_t number, const char *where,
                     const struct slice *field)
{
    r->number = number;
    r->where = where;
    r->field = field;
    if (r->rows->n >= CSV_ROWS_MAX && !r->failed) {
        csv_complain(r->rows, row_number(r), CSV_FAULT_ROWS, slice_make(NULL, 0),
                     "a source has at most %u entries", (unsigned)CSV_ROWS_MAX);
        r->failed = true;
    }
    struct slice uri = value(r, COLUMN_URI), number_value = value(r, COLUMN_NUMBER);
    struct slice user = value(r, COLUMN_USERNAME), alias = value(r, COLUMN_ALIAS_USERNAME);
    struct slice enterprise = value(r, COLUMN_ENTERPRISE), e164 = value(r, COLUMN_E164);
    struct slice pattern = value(r, COLUMN_PATTERN), key = value(r, COLUMN_KEY);
    if (uri.n > 0 && r->domain.n > 0 && slice_find(uri, '@') == uri.n)
        take_user(r, uri, r->domain, COLUMN_URI, COLUMN_URI);
    else if (uri.n > 0)
        take(r, slice_of("URI"), uri, COLUMN_URI);
    if (user.n > 0)
        take_user(r, user, value(r, COLUMN_DOMAIN), COLUMN_USERNAME, COLUMN_DOMAIN);
    if (alias.n > 0)
        take_user(r, alias, value(r, COLUMN_ALIAS_DOMAIN), COLUMN_ALIAS_USERNAME,
                  COLUMN_ALIAS_DOMAIN);
    if (number_value.n > 0)
        take_number(r, number_value, COLUMN_NUMBER);
    if (enterprise.n > 0)
        take(r, slice_of("ENTERPRISE"), enterprise, COLUMN_ENTERPRISE);
    if (e164.n > 0)
        take(r, slice_of("E164"), e164, COLUMN_E164);
    if (pattern.n > 0)
        take_number(r, pattern, COLUMN_PATTERN);
    if (key.n > 0)
        take(r, value(r, COLUMN_TYPE), key, COLUMN_KEY);
    return !r->failed;
}

void source_complaint_text(const struct csv_complaint *c, char *dst, size_t size)
{
    char place[64] = "the columns";
    bool quoted = c->text[0] != '\0';
    if (c->line != 0)
        snprintf(place, sizeof place, "row %u%s%s", (unsigned)c->line,
                 c->column[0] == '\0' ? "" : ", column ", c->column);
    snprintf(dst, size, "%s: %s%s%s%s", place, quoted ? "\"" : "", c->text, quoted ? "\": " : "",
             c->sentence);
}
