/* plan: everybody's dial plan in memory: catalogs of segments, and one index over all of them.
 *
 * A catalog is a function of its manifest and nothing else: per key, the record with the highest
 * USN counts; PUT is there, DEL is not. A catalog holds up to two sets of segments: the one that is
 * SERVED (of the head applied last) and the TARGET (of the head being fetched). A segment may be in
 * both. The index points at every PUT and DEL of both sets; a lookup sees only served segments, so
 * a target may be filled over many steps and is then served in one. `live` and `sum` are kept for
 * the target while records come and go.
 *
 * Segment bytes are copied in once and shared by nobody; slices handed out stay valid until the
 * segment leaves both sets. */
#ifndef OPENILS_PLAN_PLAN_H
#define OPENILS_PLAN_PLAN_H

#include "base/mem.h"
#include "plan/head.h"
#include "plan/policy.h"
#include "plan/segment.h"

/* Records of one key in one catalog, superseded ones included: deciding which of them counts means
 * to look at all. URIs whose users differ in case only are one key here, because they share a hash.
 * An origin that rewrites its tail, and keeps to the other limit, stays far below. */
#define KEY_RECORDS_MAX 1024
/* Such URIs that an origin lets be there at a time. */
#define KEY_SPELLINGS_MAX 64

struct plan;
struct catalog;

/* seed: 16 bytes of entropy for the keyed index; fold_case: URI users compare without case.
 * NULL when memory is refused. */
struct plan *plan_new(struct mem *mem, const uint8_t seed[static 16], bool fold_case);
void plan_free(struct plan *p);
/* What lookups make of others' entries; it must live until the plan is freed. NULL: no rules. */
void plan_use_policy(struct plan *p, const struct policy *policy);
const struct policy *plan_policy(const struct plan *p);

/* While others read (plan/readers.h) these are what they go by: copies, made when either has
 * changed since. False: memory; what was made before stays. */
struct routes;
bool plan_use_rules(struct plan *p, const struct routes *routes, const struct policy *policy);
/* The copy of the routes; NULL while nobody else reads. */
const struct routes *plan_routes(const struct plan *p);

/* A new, empty catalog; NULL when memory is refused. indexed = false (stream 0): lookups pass
 * it over; such a catalog is only walked. It lives until catalog_free. */
struct catalog *catalog_new(struct plan *p, const uint8_t key[static KEY_SIZE], uint64_t number,
                            bool indexed);
void catalog_free(struct catalog *c);

const uint8_t *catalog_key(const struct catalog *c);
/* One's own, of another key from now on; what is in it stays. False: memory. */
bool catalog_rekey(struct catalog *c, const uint8_t key[static KEY_SIZE]);
uint64_t catalog_number(const struct catalog *c);

/* What lookups show of the catalog; copied. local: one's own catalogs win over learned ones. */
bool catalog_describe(struct catalog *c, struct slice cluster_id, struct slice route_string,
                      bool local);
struct slice catalog_cluster_id(const struct catalog *c);
struct slice catalog_route_string(const struct catalog *c);
bool catalog_is_local(const struct catalog *c);
/* Stale catalogs are served and marked. */
void catalog_set_stale(struct catalog *c, bool stale);
bool catalog_stale(const struct catalog *c);
/* A catalog that is not served (disconnected by policy) answers nothing; its data stays. A change
 * takes the marks of walks (plan/walk.h) away. */
void catalog_set_served(struct catalog *c, bool served);

/* --- filling: */

/* Makes `lines` (LINE_BYTES each) the target. Segments held already (in either set) are in it at
 * once; segments of the former target that neither set lists any more are dropped. expect: entries
 * announced (head.live), to size the index once. 0; -1 memory. */
int catalog_target(struct catalog *c, struct slice lines, uint64_t expect);

/* The next line of the target whose segment is not held, at or after *at (a line number); false
 * when there is none. */
bool catalog_missing(const struct catalog *c, size_t *at, struct line *ret);

/* Takes the bytes of one segment of the target: hash and size must be those of a missing line,
 * records sound. 0: held now. 1: not wanted (not listed, or held already). -1 memory; -2 unsound;
 * -3 a key would have more than KEY_RECORDS_MAX records. Nothing is kept then. Copies the bytes. */
int catalog_add(struct catalog *c, struct slice bytes);
/* As catalog_add for bytes whose name the caller has just computed. */
int catalog_add_named(struct catalog *c, const uint8_t name[static HASH_SIZE], struct slice bytes);

/* Digest of the target as far as it is held; final when nothing is missing. */
void catalog_digest(const struct catalog *c, uint64_t *ret_live, uint64_t *ret_sum);

/* Builds the target's index entries and digest anew (once, when the digest does not agree). */
int catalog_rebuild(struct catalog *c);

/* Serves the target (nothing may be missing): what it does not list is dropped. */
void catalog_apply(struct catalog *c);

/* The same in parts, for who must not keep others waiting. Towards a target: what the present one
 * has and `lines` have not leaves it, as much as about *budget records allow. 1: there is more to
 * leave; 0: `lines` are the target, as after catalog_target; -1 memory. */
int catalog_approach(struct catalog *c, struct slice lines, uint64_t expect, size_t *budget);
/* As catalog_apply, but what is listed no more stays in memory, and nobody sees it ... */
void catalog_serve(struct catalog *c);
/* ... until it is swept, about *budget records at a time. True: there is nothing left. */
bool catalog_sweep(struct catalog *c, size_t *budget);

/* Gives the target up: back to the served set alone. */
void catalog_abandon(struct catalog *c);

/* --- reading: */

/* Bytes of a held segment by name (either set), or {NULL, 0}. */
struct slice catalog_segment(const struct catalog *c, const uint8_t name[static HASH_SIZE]);

/* Lines of the served manifest, LINE_BYTES each; valid until the next apply. */
struct slice catalog_lines(const struct catalog *c);
/* The root of a list that may be its next one (manifest_root). */
void catalog_root(const struct catalog *c, uint8_t ret[static HASH_SIZE], struct slice lines);
uint64_t catalog_live(const struct catalog *c); /* entries served */

/* Walks what the served set means: calls visit for every live record in manifest order until it
 * returns false. */
void catalog_walk(const struct catalog *c, bool (*visit)(void *context, const struct record *r),
                  void *context);

/* The live record of one key in the served set; false when there is none. key as in struct record
 * (kind, user, domain). */
bool catalog_find(const struct catalog *c, const struct record *key, struct record *ret);

/* --- keys that strangers chose: */

/* Of a key, for a table in memory; nobody who does not know the secret can fill one bucket. */
uint64_t key_hash(const uint8_t secret[static 16], uint8_t kind, struct slice user,
                  struct slice domain);
/* A secret for who has no entropy of his own: 16 bytes. */
const uint8_t *plan_secret(const struct plan *p);

/* --- the whole plan: */

/* Calls visit for every served catalog of numbers (not stream 0) until it returns false. */
void plan_each(const struct plan *p, bool (*visit)(void *context, const struct catalog *c),
               void *context);

struct plan_stats {
    uint64_t entries;      /* live over all served catalogs */
    uint64_t catalogs;
    uint64_t segments, segment_bytes;
    uint64_t index_bytes;  /* without the patterns' */
    uint64_t patterns, pattern_bytes; /* records of patterns held, and the trie over them */
};
void plan_stats(const struct plan *p, struct plan_stats *ret);

#endif
