/* foresee: who would answer what is dialled, here and at the other clusters, if one catalog had
 * other entries: by the lookup, the order and the rules that would answer then. Nothing is changed
 * by asking.
 *
 * Of the other clusters it is not known what their operators prefer or block: there the more
 * specific entry comes first, among equals the smaller cluster id, and before all one's own. */
#ifndef OPENILS_PLAN_FORESEE_H
#define OPENILS_PLAN_FORESEE_H

#include "plan/lookup.h"
#include "plan/patterns.h"
#include "plan/policy.h"

/* One key of the catalog that comes (put) or goes. */
struct foresee_key {
    uint8_t kind;
    bool put;
    struct slice user, domain;
};

struct foresee {
    struct mem *mem;
    const struct plan *plan;
    const struct routes *routes;
    struct policy_subject catalog; /* that changes: key, number, cluster_id, local */
    const struct foresee_key *key;
    size_t n;
    uint32_t *slot;                /* key + 1 by its hash; 0: none */
    size_t mask;
    struct patterns coming, changing; /* patterns that come; that come or go */
};

/* Keeps the slices of catalog and of key, each of which is there once. False: memory;
 * foresee_done in any case. */
bool foresee_init(struct foresee *f, struct mem *mem, const struct plan *plan,
                  const struct routes *routes, const struct policy_subject *catalog,
                  const struct foresee_key *key, size_t n);
void foresee_done(struct foresee *f);

/* Names of clusters and catalogs; n = 0: nobody. */
struct foreseen {
    struct slice here_was, here_becomes;
    struct slice others_was, others_becomes; /* at clusters that are not among: */
    struct {
        struct slice cluster, was, becomes;  /* it has it itself, now or then */
    } *own;
    size_t own_n;
};

/* What is said lives as long as plan, f and a. */
void foresee_look(const struct foresee *f, struct arena *a, struct slice dialled,
                  struct foreseen *ret);

/* Whether pattern i of the keys matches at most `most` strings. */
bool foresee_all(const struct foresee *f, size_t i, uint64_t most);
/* Gives visit dialled strings that pattern i of the keys is about: each of them where foresee_all;
 * else, one for each pattern that it meets and takes them from or
 * leaves them to, and one that no other matches. Strings that are keys themselves, or that a more
 * specific pattern among the keys is about, are not given. */
void foresee_strings(const struct foresee *f, size_t i, uint64_t most,
                     void (*visit)(void *context, struct slice dialled), void *context);

#endif
