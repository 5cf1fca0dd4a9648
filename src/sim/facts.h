/* facts: the entries that are judged. Each cluster has JUDGE_KEYS keys of its own, a few of which
 * it shares with others. A value is a version number, carried as the PSTN failover number, so that
 * every PUT can be told from every other. What is there at one head is a row of facts; of each head
 * that an origin ever served, the facts' hash is kept. */
#ifndef OPENILS_SIM_FACTS_H
#define OPENILS_SIM_FACTS_H

#include "base/arena.h"
#include "sim/world.h"

#define JUDGE_KEYS 24
#define KEY_BEACON 0 /* put and removed all the time */

struct fact {
    bool there;
    uint64_t version;
    uint64_t usn; /* of the record */
};

/* One head of one origin. Heads are ordered by epoch, USN, root. */
struct stamp {
    uint64_t epoch, usn;
    uint64_t root; /* its first bytes */
};
int stamp_order(const struct stamp *a, const struct stamp *b);
struct stamp stamp_of(uint64_t epoch, uint64_t usn, const uint8_t root[static HASH_SIZE]);
/* The root of a head that lists nothing. */
uint64_t stamp_nothing(void);

/* `lineage` is the index of the node whose keys they are: a copy of a cluster has its keys. */
void fact_key(unsigned lineage, size_t key, char *dst, size_t size);
/* The n-th of all keys that several of so many clusters may have. False: there are no more. */
bool fact_shared(size_t n, size_t clusters, char *dst, size_t size);
/* What the node answers about them for the origin `key`. */
void facts_read(const struct node *n, struct arena *a, unsigned lineage,
                const uint8_t key[static KEY_SIZE], struct fact fact[static JUDGE_KEYS]);
size_t facts_first(const struct fact fact[static JUDGE_KEYS]); /* that is there; JUDGE_KEYS: none */
uint64_t facts_hash(const struct fact *fact);

/* Everything that was ever served, by origin and head. */
struct served {
    uint32_t soul;    /* which origin; see judge_inside.h */
    struct stamp at;
    uint64_t facts;   /* hash */
    uint64_t live, peak; /* entries of that plan, and at most since a shrink was confirmed */
    bool vague;          /* the head may say another peak */
};
struct ledger {
    struct served *row; /* open addressing by soul, epoch, USN; soul 0 is empty */
    size_t n, size;
};
/* The row of that very head, or NULL; *ret_other: one of the same USN with another root, or
 * NULL. */
const struct served *ledger_find(const struct ledger *l, uint32_t soul, const struct stamp *at,
                                 const struct served **ret_other);
void ledger_put(struct ledger *l, const struct served *s);
void ledger_done(struct ledger *l);

#endif
