/* changes: entries to PUTs. The heap is asked directly: these may be millions, and the loop's
 * budget is not theirs. */
#include "daemon/changes.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 64

static void *changes_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context, (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

void changes_init(struct changes *c)
{
    *c = (struct changes){.mem = {.resize = changes_resize, .budget = SIZE_MAX}};
    arena_init(&c->arena, &c->mem);
    buf_init(&c->scratch, &c->mem, VALUE_MAX + 256);
}

void changes_done(struct changes *c)
{
    buf_done(&c->scratch);
    arena_done(&c->arena);
    free(c->change);
    c->change = NULL;
    c->n = 0;
}

bool change_of_entry(struct change *ret, const struct entry *e, struct buf *scratch,
                     struct arena *arena)
{
    struct record r;
    buf_reset(scratch);
    record_of_entry(&r, e, scratch);
    *ret = (struct change){.put = true, .kind = r.kind, .user = r.user, .domain = r.domain};
    if (r.value.n > 0)
        ret->value = arena_copy(arena, r.value);
    return !scratch->failed && !arena->failed;
}

static int by_key(const void *a, const void *b)
{
    return change_order(*(const struct change *const *)a, *(const struct change *const *)b);
}

bool changes_order(struct changes *c)
{
    const struct change **order = calloc(c->n + 1, sizeof *order);
    struct change *sorted = calloc(c->n + 1, sizeof *sorted);
    bool good = order != NULL && sorted != NULL;
    for (size_t i = 0; good && i < c->n; i++)
        order[i] = &c->change[i];
    if (good) {
        qsort(order, c->n, sizeof *order, by_key);
        for (size_t i = 0; i < c->n; i++)
            sorted[i] = *order[i];
        free(c->change);
        c->change = sorted;
    } else {
        free(sorted);
    }
    free(order);
    return good;
}

bool changes_make(struct changes *c, const struct entry *entry, size_t n, struct slice source)
{
    bool good = true;
    c->change = calloc(n + 1, sizeof *c->change);
    if (c->change == NULL)
        return false;
    c->n = n;
    for (size_t i = 0; good && i < n; i++) {
        good = change_of_entry(&c->change[i], &entry[i], &c->scratch, &c->arena);
        c->change[i].source = source;
    }
    return good;
}

/* A sum does not depend on the order, and spares a reading that finds nothing new the sorting. Who
 * could make two sets with one sum writes the entries anyway. */
void changes_hash(const struct changes *c, uint8_t ret[static HASH_SIZE])
{
    uint64_t sum[HASH_SIZE / 8] = {0}, lane[HASH_SIZE / 8];
    for (size_t i = 0; i < c->n; i++) {
        const struct change *x = &c->change[i];
        const struct slice part[] = {slice_make(&x->kind, 1), x->user, x->domain, x->value};
        uint8_t hash[HASH_SIZE];
        crypto_hash(hash, "source", part, sizeof part / sizeof *part);
        memcpy(lane, hash, sizeof lane);
        for (size_t k = 0; k < HASH_SIZE / 8; k++)
            sum[k] += lane[k];
    }
    memcpy(ret, sum, HASH_SIZE);
}
