/* held: a plan that shrinks by more than half at once is more often a mistake than meant: the
 * former one is served on until its origin's operator says that it is meant so, or this cluster's
 * operator that it is to be served nevertheless (design 6, Policy). What is relayed is always the
 * newest: this decides about lookups alone. */
#include "core/core.h"

#define SHRINK_LEAST 100 /* entries fewer; small plans come and go */

/* The most that there was since a shrink was last confirmed: as the origin says, so that all
 * clusters judge alike; but where a plan was served here although it had shrunk, from there. */
static uint64_t reference(const struct stream *s, const struct head *h)
{
    return s->base_peak != 0 && s->base_peak == h->peak ? s->base_live : h->peak;
}

bool held_shrunk(const struct stream *s, const struct head *h)
{
    uint64_t peak = reference(s, h);
    return h->number != STREAM_SELF && (h->flags & HEAD_FLAG_LEFT) == 0 && h->live < peak / 2 &&
           peak - h->live >= SHRINK_LEAST;
}

const struct catalog *held_catalog(const struct stream *s)
{
    return s->kept.catalog != NULL ? s->kept.catalog : s->catalog;
}
