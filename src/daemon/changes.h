/* changes: entries that were read as the changes that the core takes, in the order in which it
 * commits them fastest. No part of it touches the loop: a worker makes them. */
#ifndef OPENILS_DAEMON_CHANGES_H
#define OPENILS_DAEMON_CHANGES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "plan/entry.h"
#include "plan/origin.h"

struct changes {
    struct change *change; /* PUTs; keys point into the entries, which must live as long */
    size_t n;
    struct mem mem;
    struct arena arena; /* their values */
    struct buf scratch;
};

void changes_init(struct changes *c);
void changes_done(struct changes *c);

/* One PUT for each entry, of that source, in their order. source must live as long as *c. False:
 * memory. */
bool changes_make(struct changes *c, const struct entry *entry, size_t n, struct slice source);

/* In the order of the core. False: memory. */
bool changes_order(struct changes *c);

/* The same set of entries has the same hash, in whichever order they are. */
void changes_hash(const struct changes *c, uint8_t ret[static HASH_SIZE]);

/* One entry as a PUT; its value is copied into the arena, everything else points into the entry. */
bool change_of_entry(struct change *ret, const struct entry *e, struct buf *scratch,
                     struct arena *arena);

#endif
