/* walk: going through what a catalog serves, a part at a time, and what is found on the way: who
 * else has an entry, and whether a record makes sense as one. */
#ifndef OPENILS_PLAN_WALK_H
#define OPENILS_PLAN_WALK_H

#include "plan/plan.h"

/* Where a walk stands that goes on later; zeros: at the beginning. What it goes through may have
 * become another meanwhile: then it goes on nearby, and may see a record twice or not at all. */
struct catalog_place {
    size_t line;   /* of the manifest */
    uint32_t at;   /* offset in its segment ... */
    uint32_t passed; /* while visit has no record: so many live ones are passed over */
    uint64_t name; /* ... which has this name, as far as it goes */
    uint32_t quiet; /* a segment in which nothing is found; visit may say 0: here something is */
    bool over;     /* there is nothing behind it */
    uint64_t sources; /* bits: segments that hold nothing of these are passed over; 0: none is */
    bool marks;    /* each segment that was gone through is marked, ... */
    bool fresh;    /* ... and those that are marked already are passed over */
    bool alone;    /* while visit looks: no other catalog has records of the key; false may be
                    * wrong */
};

/* Calls visit for live records from the place on, until it returns false or `most` records were
 * looked at, superseded ones included; the place is then behind the last one. want: asked first,
 * with less work, whether a record is of interest; NULL: all are. Returns how many were looked
 * at.
 *
 * A place that marks remembers, without want: of a segment in which every record was alone and
 * visit left `quiet` as it was, visit is given no record any more, only their number, and NULL. */
size_t catalog_walk_some(const struct catalog *c, struct catalog_place *place, size_t most,
                         bool (*want)(void *context, const struct record *r),
                         bool (*visit)(void *context, const struct record *r), void *context);

/* A source as one of 64 bits: those of different sources may be the same. */
uint64_t source_bit(struct slice name);

/* The served catalogs that have a live record of the key, at most max; returns how many. */
size_t plan_holders(const struct plan *p, const struct record *key, const struct catalog **out,
                    size_t max);

/* It makes sense as an entry of the dial plan: a kind that is known, a canonical key and a failover
 * rule that is one. The arena is the caller's to reset; without memory everything is. */
bool record_sound(struct arena *a, const struct record *r);

#endif
