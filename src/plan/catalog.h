/* catalog: what plan.c, catalog.c, index.c and origin.c share; inside the room only.
 *
 * A segment is one line of a served or wanted manifest, held or not. Its id is what the index's
 * slots carry; ids of segments that are gone are used again, once all readers have passed.
 *
 * Readers (plan/readers.h) come from the index's slots and from the trie. Of a segment they look at
 * `flags` first, and at the rest, which is then written no more, only while it is served. */
#ifndef OPENILS_PLAN_CATALOG_H
#define OPENILS_PLAN_CATALOG_H

#include "base/keyhash.h"
#include "base/list.h"
#include "plan/head.h"
#include "plan/patterns.h"
#include "plan/plan.h"
#include "plan/readers.h"

#define SEGMENT_IDS_MAX (1u << 24)
#define MARK_EVERY      16 /* PUTs and DELs between two marks */

enum {
    SEGMENT_SERVED = 1,
    SEGMENT_TARGET = 2,
    SEGMENT_LISTED = 4, /* in the manifest that is becoming the target */
    SEGMENT_LEAVING = 8, /* an origin's commit is about to rewrite it or to list it no more */
    SEGMENT_GONE = 16,   /* no set lists it: kept for readers alone */
    SEGMENT_FORMER = 32, /* of the target, where the list that is becoming it may be another */
};

/* Whether each PUT of a segment is the only record of the index that has its tag: then it counts,
 * and nobody else has its key. */
enum quiet {
    QUIET_NO,    /* not known to be */
    QUIET_MAYBE, /* a walk is in it, and nothing came meanwhile */
    QUIET_YES,   /* so, and the walk's visitor found nothing to remember either */
};

/* What a reader knows before the PUT or DEL at `at`: a record's USN is found from the mark before
 * it, not by walking the segment. */
struct mark {
    uint32_t usn_high, usn_low;
    uint16_t at;
    uint16_t source; /* offset of the SOURCE record in effect; 0: none */
};

struct segment {
    struct catalog *catalog; /* NULL: this id is free */
    uint8_t *bytes;          /* behind its marks, in one block; NULL: not held */
    uint32_t size;
    uint32_t records; /* PUTs and DELs, while held */
    uint32_t weight;  /* of all these (record_weight), while held */
    uint32_t kept;    /* of those that a rewrite keeps, by the target (see `counted`) */
    uint32_t dying;   /* of these, what the commit under way supersedes; 0 between commits */
    uint32_t next;    /* id: the next in the bucket of names, or gone, or free; 0 = none */
    uint64_t sources; /* bits of whose records it holds (source_bit) */
    _Atomic uint8_t flags;
    bool patterns; /* holds records that the trie of patterns counts */
    bool looked;   /* a walk that marks has gone through it since the catalog is served */
    uint8_t quiet; /* enum quiet */
    uint32_t newest; /* the highest USN of its records; UINT32_MAX: that, or above it */
    uint8_t name[HASH_SIZE];
};

/* A manifest and the segments of its lines; id 0 for a line listed before. */
struct manifest {
    uint8_t *lines;
    uint32_t *id;
    size_t n;
    size_t held; /* of so many lines at the beginning the segments are there; perhaps of more */
};

/* What lookups show of a catalog: never changed, only replaced. */
struct said {
    struct grave grave;
    uint8_t key[KEY_SIZE];
    bool local;
    size_t cluster_id_n, route_string_n;
    uint8_t text[]; /* one behind the other */
};

struct catalog {
    struct grave grave;
    struct list node;
    struct plan *plan;
    uint64_t number;
    uint64_t serial;  /* catalogs by the order of their making */
    uint64_t salt;    /* what an unindexed catalog adds to the hash of its keys, else 0 */
    bool indexed;
    _Atomic bool stale, served;
    struct said *_Atomic said;

    struct manifest serving, target; /* target is `serving` itself unless targeting */
    bool targeting;
    uint64_t coming; /* records that the target is expected to have, and are not held yet */
    bool counted; /* `kept` of the target's segments holds; if not, the next target counts anew */
    uint64_t live, sum;               /* of the target, as far as it is held */
    uint64_t serving_live, serving_sum;
    uint64_t records;                 /* PUTs and DELs held, of both sets */

    uint32_t *bucket; /* segments by name */
    size_t bucket_n;  /* a power of two, or 0 */
    bool loose;       /* there may be segments that no set lists */
    size_t swept;     /* buckets that have been looked through for them */
    size_t segments;
    struct roots *roots; /* of the lists that it has, or may have next */
};

#define BUCKET 8 /* slots, a line of the cache */

/* 8-byte slots, open addressing: 16 bits offset, 24 bits segment id (0: empty), a bit of the
 * bucket, 23 bits of the hash. A key's hash names a bucket, which is looked at whole, without a
 * guess where in it; what finds no place there stands in one behind it. Each of the bucket's own
 * bits says that a record has passed it by, of those whose hash names that bit: nearly every search
 * ends in the first bucket, full or not. */
struct slots {
    struct grave grave;
    size_t buckets;
    _Atomic uint64_t *slot; /* behind this, from a line of the cache on */
};

static inline size_t slots_size(const struct slots *x)
{
    return x != NULL ? x->buckets * BUCKET : 0;
}

/* What nobody else knows, so that nobody can choose keys that share a bucket. */
struct index_secret {
    uint64_t head[2], last[2];
    uint64_t user[KEYHASH_WORDS(URI_MAX)], domain[KEYHASH_WORDS(URI_MAX)];
};

/* The table that follows one that is nearly full; nobody reads it yet. */
struct next_slots {
    struct slots *slots; /* NULL: none */
    size_t used, left;
    uint32_t filled; /* segments with a lower id are in it, too */
};

struct index {
    struct index_secret secret;
    struct slots *_Atomic slots; /* NULL: none yet */
    size_t used; /* records */
    size_t left; /* records that left from behind their bucket: its bit stays */
    struct next_slots next;
};

/* Segments by id; [0] is nobody. Readers may be in an older copy: it has all that they can know
 * of, and whether what they saw is still so is for the plan's `change` to say. */
struct segments {
    struct grave grave;
    size_t size;
    struct segment segment[];
};

/* Ids that no set lists any more, linked by `next`. */
struct gone {
    uint32_t fresh, waiting;
};

/* What else a lookup goes by, as readers see it: never changed, only replaced. */
struct rules {
    struct grave grave;
    struct routes *routes;
    struct policy *policy;
};

#define NUMBER_CLASSES 1000

struct plan {
    struct mem *mem;
    uint8_t seed[16];
    bool fold_case;
    const struct policy *policy;  /* or NULL; while there are readers `rules` has theirs */
    struct rules *_Atomic rules;  /* or NULL */
    uint64_t routes_seen, policy_seen; /* of which changes they were made */
    _Atomic uint64_t change;      /* odd: what is served is changing */
    unsigned changing;            /* depth of it */
    struct graves graves;
    struct gone gone;
    struct list catalogs;
    uint64_t serial;
    struct segments *segments;
    struct segment *_Atomic segment; /* in them, by id */
    uint32_t segment_top;  /* ids below it have been used */
    uint32_t segment_free; /* the first free one; 0 = none */
    struct index index;
    struct patterns patterns; /* of the indexed catalogs */
    /* Bytes of the longest key of a number that was ever held, by "+" and first three digits. */
    _Atomic uint8_t longest[2][NUMBER_CLASSES];
};

/* The first three digits of a number, with "+" or without; -1: it has fewer. */
static inline int number_class(struct slice number)
{
    int class = 0;
    size_t at = number.n > 0 && number.p[0] == '+';
    for (size_t i = at; i < at + 3; i++) {
        if (i >= number.n || number.p[i] < '0' || number.p[i] > '9')
            return -1;
        class = class * 10 + (number.p[i] - '0');
    }
    return class;
}

/* Bytes of a PUT or DEL, about, without what it shares with others: never 0. */
static inline uint32_t record_weight(const struct record *r)
{
    return (uint32_t)(r->user.n + r->value.n) + 4;
}

static inline uint32_t segment_marks(const struct segment *s)
{
    return (s->records + MARK_EVERY - 1) / MARK_EVERY;
}

static inline size_t segment_block_size(const struct segment *s)
{
    return segment_marks(s) * sizeof(struct mark) + s->size;
}

static inline size_t index_bytes(const struct plan *p)
{
    const struct slots *x = p->index.slots;
    return (slots_size(x) + slots_size(p->index.next.slots)) * sizeof x->slot[0];
}

/* As readers must ask for it: a subscript right behind an atomic pointer is compiled by gcc as a
 * plain read of that pointer. */
static inline struct segment *segment_at(const struct plan *p, uint32_t id)
{
    struct segment *all = p->segment;
    return all + id;
}

/* The bytes of a held segment. */
static inline struct slice segment_bytes(const struct segment *s)
{
    return slice_make(s->bytes, s->size);
}

/* Its marks, which are where the block begins. */
static inline struct mark *segment_first_mark(const struct segment *s)
{
    return (struct mark *)(void *)s->bytes - segment_marks(s);
}

/* --- plan.c: */

/* An id for a new, zeroed segment of c; 0 when memory is refused. Moves plan->segment. */
uint32_t plan_segment_new(struct catalog *c);
/* Its id is used again when all readers have passed. */
void plan_segment_retire(struct plan *p, uint32_t id);

/* --- index.c and index_room.c: */

/* One record of a catalog, as the index has found it. */
struct found {
    uint32_t id, offset;
    size_t held, puts; /* records of the key in any spelling, seen or not; PUTs of it seen */
    struct record record; /* with its USN and source */
};

/* Who may have a key as well; false may be wrong. */
struct company {
    bool alone; /* no other catalog has */
    bool only;  /* nor is there another record of it in this one */
};

/* The hash of a key in this catalog. */
uint64_t index_hash(const struct plan *p, uint64_t salt, const struct record *key);

/* Room for n more records, or for n in all (when many are announced). False: memory. A table that
 * is nearly full is followed by another one, which is filled a little with each call. */
bool index_reserve(struct plan *p, uint64_t n);
void index_expect(struct plan *p, uint64_t n);

/* Puts the records of a held segment into the index and counts its part of the target's digest.
 * False, and nothing has changed: a key would have more than KEY_RECORDS_MAX records, in all its
 * spellings. */
bool index_add(struct plan *p, uint32_t id);
/* Adds to (or takes from) the target's digest what segment id means beside the rest of the target;
 * the segment itself must not be flagged as target. */
void index_count(struct plan *p, uint32_t id, bool add);
void index_remove(struct plan *p, uint32_t id);
/* Puts the records of a held segment into a table. Returns how many. */
size_t index_fill(struct plan *p, struct slots *x, uint32_t id);
/* New slots, filled from all held segments but those of `swept` (or NULL) that no set lists: they
 * leave with the former slots. False: memory, and nothing has changed. */
bool index_refill(struct plan *p, const struct catalog *swept);
void index_done(struct plan *p);
/* The secret from the plan's seed. */
void index_init(struct plan *p);

/* The patterns of a held segment of an indexed catalog into the trie, and out. False: memory, and
 * nothing has changed. Keys that are no patterns in their one spelling are passed over. */
bool index_patterns_add(struct plan *p, uint32_t id);
void index_patterns_remove(struct plan *p, uint32_t id);

/* The record that counts for a key among the catalog's segments with the flag: a PUT or a DEL.
 * ret->held: how many records of the key and its other spellings the catalog holds, counting or
 * not; ret->puts: how many PUTs of it the segments with the flag have. */
bool index_find(const struct catalog *c, uint8_t flag, const struct record *key,
                struct found *ret);
/* Whether the record (as a reader gave it) of segment id is the one that counts for its key. If so,
 * *ret (or NULL): what else there is of that key. */
bool index_counts(const struct catalog *c, uint8_t flag, uint32_t id, const struct record *r,
                  struct company *ret);
/* Whether a PUT of the key stands in a served segment that is not leaving. */
bool index_put_stays(const struct catalog *c, const struct record *key);
/* Lets up to max served segments leave that have a record of the key, in any spelling, of which a
 * rewrite may get rid; returns how many are new. */
size_t index_leave(const struct catalog *c, const struct record *key, size_t max);
/* How many spellings of a URI's user are there: live keys that differ in case only. */
size_t index_spellings(const struct catalog *c, const struct record *key);

#endif
