/* disk: one cluster's store in the simulated world. Rows, and batches of changes to them that
 * become durable in order, each whole or not at all, after a latency that the seed draws. A crash
 * loses what is not durable yet. Knows nothing of the world: whoever owns it says when time has
 * come. */
#ifndef OPENILS_SIM_DISK_H
#define OPENILS_SIM_DISK_H

#include "base/rand.h"
#include "core/ils.h"

enum bug {
    BUG_NONE = 0,
#define WORLD_BUG(name, text, what) BUG_##name,
#include "sim/bug.def"
#undef WORLD_BUG
    BUGS
};

struct disk_batch;

struct disk {
    struct row *row; /* sorted by (space, key); memory is the disk's */
    size_t n, size;
    struct disk_batch *first, *last; /* not yet spoken of, oldest first */
    tick free_at;                    /* when the batch before is done */
    tick latency_min, latency_max;
    unsigned fail_next;              /* so many batches will fail */
    tick full_until;                 /* all of them fail before */
    uint64_t fail_per_million;
    enum bug bug;
    struct rand rand;
    struct row *old;                 /* BUG_OLD_IMAGE: an earlier copy */
    size_t old_n;
    uint64_t durable, refused;       /* batches so far */
};

void disk_init(struct disk *d, uint64_t seed, enum bug bug);
void disk_done(struct disk *d);

/* Takes a copy of a batch; returns when STORED is to be said. */
tick disk_store(struct disk *d, tick now, uint64_t batch, const struct row *row, size_t n);

/* The oldest batch is done: *ret_batch and *ret_failed are what STORED says. False: none waits. */
bool disk_finish(struct disk *d, tick now, uint64_t *ret_batch, bool *ret_failed);

/* Power goes: of the batches that wait, the first few are durable although nobody was told. */
void disk_crash(struct disk *d, tick now);

/* A copy of what is durable, as a backup or a snapshot of a machine holds it. */
struct image {
    struct row *row;
    size_t n;
};
struct image disk_image(const struct disk *d);
void image_done(struct image *i);
/* The durable rows are those of the image from now on; nothing may wait (disk_crash came before).
 * The image stays the caller's. */
void disk_restore(struct disk *d, const struct image *i);

/* Rows in the order in which a core wants them: that of enum row_space. i < d->n. */
const struct row *disk_row(const struct disk *d, size_t i);

/* Value of one row, or {NULL, 0}. */
struct slice disk_find(const struct disk *d, uint8_t space, struct slice key);

#endif
