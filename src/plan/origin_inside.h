/* origin_inside: what origin.c, origin_seal.c and origin_rewrite.c share; inside the room only. */
#ifndef OPENILS_PLAN_ORIGIN_INSIDE_H
#define OPENILS_PLAN_ORIGIN_INSIDE_H

#include "plan/catalog.h"
#include "plan/origin.h"

typedef int compare_changes(const struct change *a, const struct change *b);

/* Writes records into one segment after another; the sealed ones lie in the arena. */
struct sealer {
    struct arena *a;
    struct buf out;
    struct segment_writer writer;
    struct new_segment *segment; /* in the arena */
    size_t n, size;
};

/* One commit. */
struct work {
    struct arena *a;
    const struct catalog *c;
    const struct change **change; /* those with an effect, by key */
    size_t n;
    struct sealer fresh, folded;
    size_t fresh_n;   /* fresh segments that are listed; the others are folded */
    bool leaves;      /* some of the former's lines leave */
    size_t crowded;   /* of them, because of a crowded key */
    uint64_t budget;  /* bytes that a rewrite may still read before the tail */
    struct buf lines, head_bytes;
    struct head head;
};

/* --- origin_seal.c: */

/* A stable merge sort; what is in order already costs one look. scratch: room for n. */
void changes_sort(const struct change **v, const struct change **scratch, size_t n,
                  compare_changes *cmp);

void sealer_init(struct sealer *s, struct arena *a);
/* 0; -1: memory; -3: no segment can hold the record. */
int sealer_put(struct sealer *s, const struct record *r);
/* Seals what is written, if anything. 0, or -1: memory. */
int sealer_seal(struct sealer *s);

/* --- origin_rewrite.c: */

/* Which lines before the tail leave, flagged SEGMENT_LEAVING: those of which nothing is kept, those
 * more than half dead, neighbours that fit into one. Asks `dying`. */
void rewrite_choose(struct work *w);
/* A key has so many records that holders would refuse one more soon: segments with it leave. */
void rewrite_crowded(struct work *w, const struct record *key);
/* Rewrites what leaves and, where it is too long or anything is rewritten, the tail, as one run of
 * records, and sets fresh_n. 0; -1 memory; -3. */
int rewrite(struct work *w);
/* Takes the flags and counts of the commit off the catalog's segments again. */
void rewrite_done(const struct catalog *c);

#endif
