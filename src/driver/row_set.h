/* row_set: entries in the order they come, each key once: what a catalog file and the rows of a
 * query have in common. The rows are csv_rows; the set knows where each key stands in them. */
#ifndef OPENILS_DRIVER_ROW_SET_H
#define OPENILS_DRIVER_ROW_SET_H

#include "driver/csv.h"

struct row_slot {
    uint32_t number; /* of the entry + 1, 0 = empty */
    uint32_t hash;
};

struct row_set {
    struct csv_rows *rows;
    struct row_slot *slot; /* open addressing */
    size_t slots;          /* a power of two, or 0 */
};

enum row_added {
    ROW_ADDED,
    ROW_THERE,  /* *ret_there is the number of the entry that has the key */
    ROW_MEMORY, /* nothing has changed */
};

/* Makes *rows ready as well: empty, its arena from the heap. csv_rows_free frees it, also when
 * nothing was added; row_set_end frees the set and leaves the rows. */
void row_set_begin(struct row_set *s, struct csv_rows *rows);
void row_set_end(struct row_set *s);

/* About so many will be added: a hint, and no more. */
void row_set_expect(struct row_set *s, size_t n);

/* Adds a copy of *e, whose slices live in the arena of the rows. line, source: as in csv_rows. Keys
 * of URIs are compared without case. */
enum row_added row_set_add(struct row_set *s, const struct entry *e, uint32_t line, uint8_t source,
                           size_t *ret_there);

#endif
