/* source_rows: the rows of a query or a search become entries, and of every one that is none it is
 * said what is wrong with it.
 *
 * Columns are known by name, without case: `uri`; `number` (with "+" an E.164 number, else an
 * enterprise number), `enterprise`, `e164`, `pattern`; `type` says what number or pattern is;
 * `type` and `key` as in a catalog file; `failover` is the PSTN failover of all entries of the row.
 * `username` with `domain`, and `alias_username` with `alias_domain`, are a directory URI (the
 * tables of Kamailio). A row gives an entry for each of them that has a value, or none. The same
 * entry twice is one entry: a join repeats itself. */
#ifndef OPENILS_DRIVER_SOURCE_ROWS_H
#define OPENILS_DRIVER_SOURCE_ROWS_H

#include "driver/csv.h"
#include "driver/source_call.h"

struct source_rows;

/* NULL: memory. The entries go to *ret, which is made ready here and is the caller's to free with
 * csv_rows_free, after source_rows_end; its `line` is the row's number. domain: of users that come
 * without one, "" = none. */
struct source_rows *source_rows_begin(struct csv_rows *ret, const char *domain);
bool source_rows_columns(struct source_rows *r, size_t n, const char *const *name);
/* False: no more rows are wanted. */
bool source_rows_row(struct source_rows *r, uint64_t number, const char *where,
                     const struct slice *field);
void source_rows_end(struct source_rows *r);

/* One line for people, "row 7, column uri: "x": ...". */
void source_complaint_text(const struct csv_complaint *complaint, char *dst, size_t size);

#endif
