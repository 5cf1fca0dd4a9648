/* index: the room of the table: made, filled, and exchanged for another one. A table that is nearly
 * full is followed by a larger one, which is filled in small steps beside it, so that no change and
 * no lookup waits until a million records have moved. */
#include "plan/index.h"

#include "plan/index_inside.h"

#define STEP_LEAST 256 /* records that move with a change, */
#define STEP_EACH  16  /* ... and with each of its own: done before a sixteenth more has come */

/* There is always an empty slot: reserve keeps a quarter of them. What finds none in a bucket says
 * so there before it goes on. */
void slots_place(struct slots *x, uint64_t hash, uint32_t id, uint32_t offset)
{
    for (size_t bucket = bucket_of(x, hash);; bucket = bucket_next(x, bucket)) {
        for (size_t at = bucket * BUCKET; at < (bucket + 1) * BUCKET; at++) {
            uint64_t slot = slot_get(x, at);
            if (slot_id(slot) != 0)
                continue;
            slot_set(x, at, slot_make(hash, id, offset) | (slot & PASSED));
            return;
        }
        size_t passed = bucket * BUCKET + passed_at(hash);
        slot_set(x, passed, slot_get(x, passed) | PASSED);
    }
}

static struct slots *slots_new(struct mem *mem, uint64_t size)
{
    size_t buckets = (size_t)(size + BUCKET - 1) / BUCKET, line = BUCKET * sizeof(uint64_t);
    struct slots *x = grave_alloc(mem, sizeof *x + (buckets + 1) * line);
    if (x == NULL)
        return NULL;
    uint8_t *behind = (uint8_t *)(x + 1);
    x->buckets = buckets;
    x->slot = (_Atomic uint64_t *)(void *)(behind + (line - (uintptr_t)behind % line));
    return x;
}

/* Whether the table has its records. What no set lists and is not swept yet has them there too, or
 * to sweep it would look for what is not there: only who sweeps it now leaves it out. */
static bool is_in(const struct segment *s, const struct catalog *swept)
{
    return s->bytes != NULL && (s->flags & SEGMENT_GONE) == 0 &&
           (s->flags != 0 || s->catalog != swept);
}

size_t index_fill(struct plan *p, struct slots *x, uint32_t id)
{
    const struct segment *s = segment_at(p, id);
    struct batch b;
    size_t n = 0;
    batch_start(&b, s);
    while (batch_next(&b, p, x, s->catalog->salt)) {
        for (size_t i = 0; i < b.n; i++)
            slots_place(x, b.hash[i], id, b.record[i].offset);
        n += b.n;
    }
    return n;
}

/* --- in small steps */

static void next_drop(struct index *index)
{
    index->next = (struct next_slots){0};
}

/* Readers go on in the former table until the new one is full. */
static void slots_replace(struct plan *p, struct slots *x, size_t used, size_t left)
{
    struct index *index = &p->index;
    struct slots *old = index->slots, *next = index->next.slots;
    index->slots = x;
    index->used = used;
    index->left = left;
    graves_add(&p->graves, old != NULL ? &old->grave : NULL);
    graves_add(&p->graves, next != NULL && next != x ? &next->grave : NULL);
    next_drop(index);
}

/* Moves about so many records into the table that follows, whole segments; the last makes it the
 * table. */
static void next_step(struct plan *p, uint64_t records)
{
    struct next_slots *next = &p->index.next;
    for (uint64_t n = 0; n < records && next->filled < p->segment_top; next->filled++) {
        if (!is_in(segment_at(p, next->filled), NULL))
            continue;
        size_t more = index_fill(p, next->slots, next->filled);
        next->used += more;
        n += more;
    }
    if (next->filled >= p->segment_top)
        slots_replace(p, next->slots, next->used, next->left);
}

/* One of the same size where it is full of what left. */
static void next_begin(struct plan *p, uint64_t need)
{
    uint64_t size = slots_size(p->index.slots);
    if (need * 2 > size)
        size = need * 2 + 16;
    if (size <= UINT32_MAX)
        p->index.next = (struct next_slots){.slots = slots_new(p->mem, size), .filled = 1};
}

/* --- at once */

static bool resize(struct plan *p, uint64_t size, const struct catalog *swept)
{
    if (size == 0 || size > UINT32_MAX)
        return size == 0;
    struct slots *x = slots_new(p->mem, size);
    if (x == NULL)
        return false;
    size_t used = 0;
    for (uint32_t id = 1; id < p->segment_top; id++)
        used += is_in(segment_at(p, id), swept) ? index_fill(p, x, id) : 0;
    slots_replace(p, x, used, 0);
    return true;
}

bool index_refill(struct plan *p, const struct catalog *swept)
{
    return resize(p, slots_size(p->index.slots), swept);
}

void index_done(struct plan *p)
{
    slots_replace(p, NULL, 0, 0);
}

/* --- for what comes */

bool index_reserve(struct plan *p, uint64_t n)
{
    struct index *index = &p->index;
    if (index->next.slots != NULL)
        next_step(p, STEP_LEAST + n * STEP_EACH);
    for (;;) {
        uint64_t need = index->used + n, size = slots_size(index->slots);
        uint64_t full = (need + index->left) * 16;
        if (full <= size * 12) {
            if (full > size * 11 && index->next.slots == NULL)
                next_begin(p, need);
            return true;
        }
        if (index->next.slots == NULL)
            return resize(p, need * 2 <= size ? size : need * 2 + 16, NULL);
        next_step(p, UINT64_MAX); /* more came than was foreseen */
    }
}

/* An announcement is a hint: room that is refused now is asked for again when records come. */
void index_expect(struct plan *p, uint64_t n)
{
    if (n < UINT32_MAX && n * 4 > (uint64_t)slots_size(p->index.slots) * 3)
        (void)resize(p, n + n * 3 / 5 + 16, NULL);
}
