/* index: the one question that lookup asks of all catalogs at once. Inside the room only; index.c
 * implements it beside the index itself. */
#ifndef OPENILS_PLAN_INDEX_H
#define OPENILS_PLAN_INDEX_H

#include "plan/plan.h"

/* What one served catalog says of a key: its live record (the PUT with the highest USN). */
struct candidate {
    const struct catalog *c;
    uint32_t id;     /* of the record's segment */
    struct record r; /* as catalog_find gives it, but for USN and source: see candidate_usn */
};

/* Fills out with one candidate for every served catalog that has a live record of the key, in the
 * order in which the catalogs were made; at most max (1 or more). Returns how many. kind, user and
 * domain as in struct record (a number: user = its digits, domain empty); the domain is in lower
 * case; users are compared as the plan was told (fold_case). No allocation. */
size_t plan_candidates(const struct plan *p, uint8_t kind, struct slice user, struct slice domain,
                       struct candidate *out, size_t max);
/* The candidate's USN: a walk of its own through the segment, which most who ask can do without. */
uint64_t candidate_usn(const struct plan *p, const struct candidate *found);

/* Calls visit with every pattern that the number matches, the most specific first (PROTOCOL.md,
 * "Patterns"), until it returns false: key is that of plan_candidates, which may have none for it.
 * kind, as of records; key lives until visit returns. */
typedef bool plan_pattern_visit(void *context, uint8_t kind, struct slice key);
struct patterns_work;
void plan_patterns(const struct plan *p, struct slice number, plan_pattern_visit *visit,
                   void *context, struct patterns_work *work);
/* Whether a number that begins with this one, and is longer, matches a pattern that is served. Also
 * true where that would take too long to tell. */
bool plan_longer(const struct plan *p, struct slice number);

/* Whether a number that begins with this one, and is longer, may be advertised as it is, not by a
 * pattern. False is certain. */
bool plan_beneath(const struct plan *p, struct slice number);

/* What lookups show of a catalog: see catalog_describe. */
bool catalog_local(const struct catalog *c);

#endif
