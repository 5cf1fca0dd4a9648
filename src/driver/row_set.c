/* row_set: a hash table beside the rows. The hash stands in the slot, so that a collision seldom
 * costs a look at the entry, and growing none. */
#include "driver/row_set.h"

#include <stdlib.h>

#include "base/rand.h"

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

static uint32_t hash_of(const struct entry *e)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ e->kind;
    for (size_t i = 0; i < e->key.n; i++)
        h = (h ^ ascii_lower(e->key.p[i])) * UINT64_C(0x100000001b3);
    return (uint32_t)mix64(h);
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

/* More slots; the entries in them differ, that is known. */
static bool slots_grow(struct row_set *s, size_t size)
{
    struct row_slot *slot = calloc(size, sizeof *slot);
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
    if (entry == NULL || line == NULL || source == NULL || !slots_grow(s, size * 2))
        return false;
    rows->size = size;
    return true;
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
