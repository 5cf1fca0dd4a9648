/* row_set: a hash table beside the rows. The hash stands in the slot, so that a collision seldom
 * costs a look at the entry, and growing none. */
#include "driver/row_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/rand.h"

#define LARGE_PAGE (UINT64_C(2) << 20)

static void *heap_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

void row_set_begin(struct row_set *s, struct csv_rows *rows)
{
    *rows = (struct csv_rows){.mem = {.resize = heap_resize, .budget = SIZE_MAX}};
    arena_init(&rows->arena, &rows->mem);
    *s = (struct row_set){.rows = rows};
}

void row_set_end(struct row_set *s)
{
    free(s->slot);
    s->slot = NULL;
    s->slots = 0;
}

/* Eight bytes in lower case: a bit is carried into the top of each byte that is 'A' or above, and
 * of each that is above 'Z'. */
static uint64_t lower_eight(uint64_t v)
{
    uint64_t low = v & UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t from_a = low + UINT64_C(0x3f3f3f3f3f3f3f3f);
    uint64_t above_z = low + UINT64_C(0x2525252525252525);
    return v | (from_a & ~above_z & ~v & UINT64_C(0x8080808080808080)) >> 2;
}

static uint32_t hash_of(const struct entry *e)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ e->kind, v;
    size_t i = 0;
    for (; i + 8 <= e->key.n; i += 8) {
        memcpy(&v, e->key.p + i, 8);
        h = mix64(h ^ lower_eight(v));
    }
    v = e->key.n;
    for (; i < e->key.n; i++)
        v = v << 8 | ascii_lower(e->key.p[i]);
    return (uint32_t)mix64(h ^ v);
}

static bool same_key(const struct entry *a, const struct entry *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == ENTRY_URI ? slice_eq_fold(a->key, b->key) : slice_eq(a->key, b->key);
}

/* The slot that holds an entry of the same key, or the empty one where it belongs. */
static struct row_slot *slot_of(const struct row_set *s, const struct entry *e, uint32_t hash)
{
    size_t i = hash & (s->slots - 1);
    while (s->slot[i].number != 0 && (s->slot[i].hash != hash ||
                                      !same_key(&s->rows->entry[s->slot[i].number - 1], e)))
        i = (i + 1) & (s->slots - 1);
    return &s->slot[i];
}

/* Empty ones. Each row looks at one of them that is nowhere near: large pages spare it a second
 * look, for where the first page is. */
static struct row_slot *slots_new(size_t size)
{
    size_t bytes = size * sizeof(struct row_slot);
    if (bytes < 2 * LARGE_PAGE)
        return calloc(size, sizeof(struct row_slot));
    struct row_slot *slot = aligned_alloc(LARGE_PAGE, bytes); /* a power of two */
    if (slot != NULL) {
        (void)!madvise(slot, bytes, MADV_HUGEPAGE);
        memset(slot, 0, bytes);
    }
    return slot;
}

/* More slots; the entries in them differ, that is known. */
static bool slots_grow(struct row_set *s, size_t size)
{
    struct row_slot *slot = slots_new(size);
    if (slot == NULL)
        return false;
    for (size_t k = 0; k < s->slots; k++) {
        size_t i = s->slot[k].hash & (size - 1);
        while (s->slot[k].number != 0 && slot[i].number != 0)
            i = (i + 1) & (size - 1);
        if (s->slot[k].number != 0)
            slot[i] = s->slot[k];
    }
    free(s->slot);
    s->slot = slot;
    s->slots = size;
    return true;
}

/* Room for one more entry, and at least twice as many slots as entries. */
static bool grow(struct row_set *s)
{
    struct csv_rows *rows = s->rows;
    if (rows->n < rows->size)
        return true;
    size_t size = rows->size == 0 ? 1024 : rows->size * 2;
    struct entry *entry = realloc(rows->entry, size * sizeof *entry);
    if (entry != NULL)
        rows->entry = entry;
    uint32_t *line = realloc(rows->line, size * sizeof *line);
    if (line != NULL)
        rows->line = line;
    uint8_t *source = realloc(rows->source, size);
    if (source != NULL)
        rows->source = source;
    if (entry == NULL || line == NULL || source == NULL ||
        (s->slots < size * 2 && !slots_grow(s, size * 2)))
        return false;
    rows->size = size;
    return true;
}

void row_set_expect(struct row_set *s, size_t n)
{
    size_t slots = 2048;
    while (slots < n * 2 && n < CSV_ROWS_MAX)
        slots *= 2;
    if (slots > s->slots)
        (void)slots_grow(s, slots);
}

enum row_added row_set_add(struct row_set *s, const struct entry *e, uint32_t line, uint8_t source,
                           size_t *ret_there)
{
    struct csv_rows *rows = s->rows;
    if (!grow(s))
        return ROW_MEMORY;
    uint32_t hash = hash_of(e);
    struct row_slot *slot = slot_of(s, e, hash);
    if (slot->number != 0) {
        *ret_there = slot->number - 1;
        return ROW_THERE;
    }
    *slot = (struct row_slot){.number = (uint32_t)rows->n + 1, .hash = hash};
    rows->entry[rows->n] = *e;
    rows->source[rows->n] = source;
    rows->line[rows->n++] = line;
    return ROW_ADDED;
}
