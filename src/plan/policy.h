/* policy: what is made of what others announce: which entries are served, and which of several
 * comes first. The one judge of both: lookups, the list of duplicates, searches and dry runs ask it
 * alike. It decides what is served here, never what is relayed, and never touches one's own.
 *
 * Rules are rows as the store keeps them, put in and taken out one by one. They name a cluster by
 * its key: a cluster id is a label that its owner may change. */
#ifndef OPENILS_PLAN_POLICY_H
#define OPENILS_PLAN_POLICY_H

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "plan/entry.h"

#define POLICY_BLOCKS_MAX 1024
#define POLICY_BOUNDS_MAX 256 /* clusters that are bounded */
#define POLICY_CLAIMS_MAX 64  /* domains and prefixes of one of them */
#define POLICY_ORDER_MAX  200
#define POLICY_TEXT_MAX   128 /* bytes of a description */

enum policy_type { POLICY_ANY, POLICY_URI, POLICY_ENTERPRISE, POLICY_E164, POLICY_TYPES };

/* Blocks what fits all that it says; it says one thing at least. */
struct policy_block {
    uint32_t n;            /* its number, 1 and up; the store's, never used again */
    uint8_t type;          /* enum policy_type; numbers stand for patterns as well */
    bool of_cluster;       /* only of the cluster with this key */
    uint8_t key[KEY_SIZE];
    struct slice cluster;  /* its id when the rule was made */
    struct slice pattern;  /* canonical: a number, a pattern, user@host, *@host; empty: any */
    struct slice prefix;   /* of numbers: digits, or + and digits; empty: any */
    struct slice description;
};

/* What a cluster may announce: URIs in these domains (and below them), numbers that begin so. */
enum policy_claim { CLAIM_DOMAIN = 1, CLAIM_PREFIX = 2 };
struct policy_bound {
    uint8_t key[KEY_SIZE];
    struct slice cluster; /* its id when the rule was made */
    struct slice claims;  /* read with policy_claim_next */
};

/* A cluster: its plan and all catalogs that it imports; or one of these, which may have a place of
 * its own beside its hub's. */
struct policy_preferred {
    uint8_t key[KEY_SIZE];
    uint64_t number;      /* of the stream of a catalog; 0: the cluster */
    struct slice cluster; /* its id, or the catalog's name, when the rule was made */
};

struct policy;
struct policy *policy_new(struct mem *mem); /* NULL: memory */
/* The same rules, for a reader of its own; NULL: memory. */
struct policy *policy_clone(const struct policy *p, struct mem *mem);
void policy_free(struct policy *p);

/* --- rows */

/* Takes a rule in, in place of the former with the same key. 0; -1 memory, -2 it is none: then
 * nothing has changed. */
int policy_put(struct policy *p, struct slice key, struct slice value);
void policy_remove(struct policy *p, struct slice key); /* unknown: nothing */
/* How many puts and removals there were. */
uint64_t policy_changes(const struct policy *p);

/* Row keys and values into buffers of the caller's (failed: memory). What is written is read back
 * as it was: texts must be within their bounds. */
void policy_block_key(struct buf *b, uint32_t n);
void policy_block_put(struct buf *b, const struct policy_block *rule);
void policy_bound_key(struct buf *b, const uint8_t key[static KEY_SIZE]);
void policy_bound_put(struct buf *b, struct slice cluster, const struct slice *domain,
                      size_t domain_n, const struct slice *prefix, size_t prefix_n);
void policy_order_key(struct buf *b);
void policy_order_put(struct buf *b, const struct policy_preferred *rule, size_t n);

/* --- what an operator types, in the form that rules hold, in the arena */

/* A number or a pattern (separators dropped), a directory URI, or *@host. */
enum entry_error policy_pattern_parse(struct arena *a, struct slice text, struct slice *ret);
enum entry_error policy_prefix_parse(struct arena *a, struct slice text, struct slice *ret);
enum entry_error policy_domain_parse(struct arena *a, struct slice text, struct slice *ret);

/* --- reading; slices live until the next change. False beyond the last. */
bool policy_block_at(const struct policy *p, size_t i, struct policy_block *ret); /* by number */
bool policy_bound_at(const struct policy *p, size_t i, struct policy_bound *ret);
bool policy_preferred_at(const struct policy *p, size_t i, struct policy_preferred *ret);
/* Takes the first claim off; false when there is none. */
bool policy_claim_next(struct slice *claims, enum policy_claim *ret_kind, struct slice *ret_text);
uint32_t policy_block_last(const struct policy *p); /* the highest number; 0: none */

/* --- the judge */

/* An entry of somebody's, under the key by which it is looked for: for a pattern what was dialled.
 * key: the origin's; number: of the stream. user and domain as in struct record. */
struct policy_subject {
    const uint8_t *key;
    uint64_t number;
    struct slice cluster_id;
    bool local;
    uint8_t kind; /* enum entry_kind */
    struct slice user, domain;
};

/* Why one candidate did not win. */
enum loser_rule {
    LOSER_NONE,
    LOSER_NOT_LOCAL,  /* one's own comes first */
    LOSER_CLUSTER_ID, /* the smaller one comes first */
    LOSER_KIND,
    LOSER_PREFERRED,  /* the operator's order of clusters */
    LOSER_CLAIM,      /* the winner's domains or prefixes cover it, this one's do not */
    LOSER_BLOCKED,    /* not served at all: by a block ... */
    LOSER_OUTSIDE,    /* ... or because it is outside of what its cluster may announce */
    LOSER_ILLEGAL,    /* ... or because it is not sound */
    LOSER_EXACT,      /* a pattern, and the winner is none */
    LOSER_SPECIFIC,   /* the winner is a more specific pattern */
};

/* LOSER_NONE: it is served. LOSER_BLOCKED: *ret_rule is the number of the block. p may be NULL: no
 * rules. */
enum loser_rule policy_judge(const struct policy *p, const struct policy_subject *s,
                             uint32_t *ret_rule);

/* Two that are served, of the same key: negative when a comes first; never 0 for two streams.
 * *ret_rule: what decided. */
int policy_order(const struct policy *p, const struct policy_subject *a,
                 const struct policy_subject *b, enum loser_rule *ret_rule);

#endif
