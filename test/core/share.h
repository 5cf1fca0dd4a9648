/* share: a store that several cores share, as a PostgreSQL is: rows with the version of the
 * transaction that put them, what is gone, and a fence. A copy of it is a replica of a moment. */
#ifndef OPENILS_TEST_CORE_SHARE_H
#define OPENILS_TEST_CORE_SHARE_H

#include "world.h"

#define SHARE_CELLS 8192

struct cell {
    struct world_row row;
    uint64_t version;
    bool gone; /* the value is nobody's */
};

/* Cells are in the order of their versions. */
struct share {
    struct cell cell[SHARE_CELLS];
    size_t n;
    uint64_t version, fence;
};

void share_clear(struct share *s);
void share_copy(struct share *to, const struct share *from);

/* One transaction. */
void share_write(struct share *s, const struct row *row, size_t n);

/* The cells of one space that have changed since, in the order in which a core is given them: with
 * a version of 0 those that are there. Indices, which the next call overwrites. */
size_t share_changes(const struct share *s, uint8_t space, uint64_t since,
                     const size_t **ret_index);

const struct cell *share_find(const struct share *s, uint8_t space, struct slice key);

#endif
