/* index_inside: the slots of the index, and the records that are put into them. For index.c and
 * index_room.c only. */
#ifndef OPENILS_PLAN_INDEX_INSIDE_H
#define OPENILS_PLAN_INDEX_INSIDE_H

#include "plan/catalog.h"

#define BATCH     32 /* keys hashed ahead, so that the waits for their slots overlap */
#define TAG_SHIFT 41
#define PASSED    (UINT64_C(1) << 40)

/* Such a program must see each slot being read as what it is, an atomic word. */
#if defined(__SANITIZE_THREAD__)
#define SANITIZES_THREADS 1
#elif defined(__has_feature)
#define SANITIZES_THREADS __has_feature(thread_sanitizer)
#else
#define SANITIZES_THREADS 0
#endif

static inline uint64_t slot_make(uint64_t hash, uint32_t id, uint32_t offset)
{
    return hash << TAG_SHIFT | (uint64_t)id << 16 | offset;
}

static inline uint32_t slot_id(uint64_t slot)
{
    return (uint32_t)(slot >> 16 & 0xffffff);
}

static inline uint32_t slot_offset(uint64_t slot)
{
    return (uint32_t)(slot & 0xffff);
}

static inline size_t bucket_of(const struct slots *x, uint64_t hash)
{
    return (size_t)((hash >> 32) * x->buckets >> 32);
}

/* Which slot of each bucket says whether records of this hash have passed it by. */
static inline size_t passed_at(uint64_t hash)
{
    return (size_t)(hash >> (64 - TAG_SHIFT) & (BUCKET - 1));
}

static inline size_t bucket_next(const struct slots *x, size_t bucket)
{
    return bucket + 1 == x->buckets ? 0 : bucket + 1;
}

/* Readers find by a slot what was written before it. */
static inline uint64_t slot_get(const struct slots *x, size_t at)
{
    return atomic_load_explicit(&x->slot[at], memory_order_acquire);
}

static inline void slot_set(struct slots *x, size_t at, uint64_t slot)
{
    atomic_store_explicit(&x->slot[at], slot, memory_order_release);
}

/* Records of a segment in groups, hashed, their first slots on the way into the cache. */
struct batch {
    struct segment_reader reader;
    size_t n;
    struct record record[BATCH];
    uint64_t hash[BATCH];
};

static inline bool batch_next(struct batch *b, const struct plan *p, const struct slots *x,
                              uint64_t salt)
{
    b->n = 0;
    while (b->n < BATCH && segment_next(&b->reader, &b->record[b->n]) == 1) {
        uint64_t hash = index_hash(p, salt, &b->record[b->n]);
        __builtin_prefetch(&x->slot[bucket_of(x, hash) * BUCKET], 1);
        b->hash[b->n++] = hash;
    }
    return b->n > 0;
}

static inline void batch_start(struct batch *b, const struct segment *s)
{
    b->n = 0;
    segment_reader_init(&b->reader, segment_bytes(s));
}

/* Puts one record into the table, which has an empty slot. */
void slots_place(struct slots *x, uint64_t hash, uint32_t id, uint32_t offset);

#endif
