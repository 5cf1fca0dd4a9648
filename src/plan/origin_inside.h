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

/* A stable merge sort that can be left and gone on with. What is in order already costs one
 * look. */
struct sorter {
    const struct change **from, **to; /* when it is over, `from` is in order */
    size_t n;
    compare_changes *cmp;
    bool merging, strict; /* strict: in order from the beginning, no two alike */
    size_t at;            /* looking, or where the merge under way begins */
    size_t width, left, right;
};

/* What an origin does one after the other; each but the last may take many steps. */
enum origin_phase {
    ORIGIN_SORT,    /* changes by key */
    ORIGIN_CHOOSE,  /* those with an effect */
    ORIGIN_PLACE,   /* in the order in which they are written */
    ORIGIN_ORDER,
    ORIGIN_WRITE,
    ORIGIN_REWRITE,
    ORIGIN_LIST,
    ORIGIN_DONE,
};

/* The changes of a URI in all its spellings. */
struct alike {
    const struct change *first, *come; /* the first of them; the last that is new */
    size_t held, come_n, gone_n;       /* records; spellings that come, and that go */
};

/* One commit. */
struct origin {
    struct arena *a;
    const struct catalog *c;
    enum origin_phase phase;
    size_t at; /* in the phase */
    struct sorter sorter;
    const struct change **change; /* those with an effect, by key */
    struct alike alike;           /* in ORIGIN_CHOOSE: those that were looked at last */
    const struct change **order;  /* the same as they are written */
    size_t n;
    struct slice source; /* of the first PUT */
    bool mixed;          /* there are others */
    struct sealer fresh, folded;
    size_t fresh_n;   /* fresh segments that are listed; the others are folded */
    bool left;        /* the head lists nothing */
    bool leaves;      /* some of the former's lines leave */
    bool rewrites;    /* something is read again */
    size_t crowded;   /* of them, because of a crowded key */
    uint64_t budget;  /* bytes that a rewrite may still read before the tail */
    struct buf lines, head_bytes;
    struct head head;
    uint64_t former_peak;
    struct commit commit;
};

/* --- origin_seal.c: */

/* v is put in order, scratch has room for as many. */
void sorter_init(struct sorter *s, const struct change **v, const struct change **scratch, size_t n,
                 compare_changes *cmp);
/* Takes what it looked at off the budget; true: it is in order. */
bool sorter_go_on(struct sorter *s, size_t *budget);

void sealer_init(struct sealer *s, struct arena *a);
/* 0; -1: memory; -3: no segment can hold the record. */
int sealer_put(struct sealer *s, const struct record *r);
/* Seals what is written, if anything. 0, or -1: memory. */
int sealer_seal(struct sealer *s);

/* --- origin_rewrite.c: */

/* Which lines before the tail leave, flagged SEGMENT_LEAVING: those of which nothing is kept, those
 * more than half dead, neighbours that fit into one. Asks `dying`. */
void rewrite_choose(struct origin *w);
/* A key has so many records that holders would refuse one more soon: segments leave that have of it
 * what can go. */
void rewrite_crowded(struct origin *w, const struct record *key);
/* When all that is fresh is written: whether the tail leaves as well; sets fresh_n and rewrites. */
void rewrite_begin(struct origin *w);
/* Rewrites what leaves as one run of records, segment by segment. 1: there is more; 0; -1 memory;
 * -3. */
int rewrite_go_on(struct origin *w, size_t *budget);
/* Takes the flags and counts of the commit off the catalog's segments again. */
void rewrite_done(const struct catalog *c);

#endif
