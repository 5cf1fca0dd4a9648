/* changes: entries to PUTs. The heap is asked directly: these may be millions, and the loop's
 * budget is not theirs. */
#include "daemon/changes.h"

#include <stdlib.h>
#include <string.h>

#include "driver/clock.h"

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

/* --- the order: millions of comparisons, so that they look at numbers and not at texts. Changes of
 * one kind and domain are a group; groups are ranked once, users compared by their first bytes. */

struct item {
    uint32_t group;   /* its rank */
    uint32_t at;      /* of the change */
    uint64_t user[2]; /* the first sixteen bytes, as numbers */
};

struct groups {
    const struct change *change;
    uint32_t *first; /* by group: a change that belongs to it */
    uint32_t *slot;  /* group + 1; open addressing */
    size_t n, size;  /* of slots: a power of two, at least twice n */
    uint8_t secret[16];
};

static bool same_group(const struct change *a, const struct change *b)
{
    return a->kind == b->kind && slice_eq(a->domain, b->domain);
}

static size_t group_slot(const struct groups *g, const struct change *c)
{
    size_t at = key_hash(g->secret, c->kind, slice_make(NULL, 0), c->domain) & (g->size - 1);
    while (g->slot[at] != 0 && !same_group(&g->change[g->first[g->slot[at] - 1]], c))
        at = (at + 1) & (g->size - 1);
    return at;
}

static bool groups_grow(struct groups *g)
{
    size_t size = g->size == 0 ? 1024 : g->size * 2;
    uint32_t *first = realloc(g->first, size / 2 * sizeof *first);
    uint32_t *slot = calloc(size, sizeof *slot);
    if (first != NULL)
        g->first = first;
    if (first == NULL || slot == NULL) {
        free(slot);
        return false;
    }
    free(g->slot);
    g->slot = slot;
    g->size = size;
    for (uint32_t i = 0; i < g->n; i++)
        slot[group_slot(g, &g->change[first[i]])] = i + 1;
    return true;
}

/* The group of a change, a new one when it is the first of it. False: memory. */
static bool group_of(struct groups *g, uint32_t at, uint32_t *ret)
{
    if (g->n * 2 >= g->size && !groups_grow(g))
        return false;
    size_t slot = group_slot(g, &g->change[at]);
    if (g->slot[slot] == 0) {
        g->first[g->n++] = at;
        g->slot[slot] = (uint32_t)g->n;
    }
    *ret = g->slot[slot] - 1;
    return true;
}

static int by_group(const void *a, const void *b, void *context)
{
    const struct groups *g = context;
    const struct change *x = &g->change[g->first[*(const uint32_t *)a]];
    const struct change *y = &g->change[g->first[*(const uint32_t *)b]];
    return x->kind != y->kind ? x->kind - y->kind : slice_cmp(x->domain, y->domain);
}

static int by_item(const void *a, const void *b, void *context)
{
    const struct change *change = context;
    const struct item *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    for (size_t i = 0; i < 2; i++)
        if (x->user[i] != y->user[i])
            return x->user[i] < y->user[i] ? -1 : 1;
    return change_order(&change[x->at], &change[y->at]);
}

/* Of a URI without case, which decides there when all else is the same. */
static uint64_t user_number(const struct change *c, size_t from)
{
    uint64_t v = 0;
    for (size_t i = from; i < from + 8; i++)
        v = v << 8 | (i < c->user.n ? c->user.p[i] : 0);
    return c->kind == ENTRY_URI ? ascii_lower8(v) : v;
}

/* Ranks in place of numbers, in the order of kinds and domains. False: memory. */
static bool groups_rank(struct groups *g, struct item *item, size_t n)
{
    uint32_t *order = calloc(g->n + 1, sizeof *order), *rank = calloc(g->n + 1, sizeof *rank);
    bool good = order != NULL && rank != NULL;
    for (uint32_t i = 0; good && i < g->n; i++)
        order[i] = i;
    if (good && g->n > 0)
        qsort_r(order, g->n, sizeof *order, by_group, g);
    for (uint32_t i = 0; good && i < g->n; i++)
        rank[order[i]] = i;
    for (size_t i = 0; good && i < n; i++)
        item[i].group = rank[item[i].group];
    free(order);
    free(rank);
    return good;
}

static bool items_make(const struct changes *c, struct item *item)
{
    struct groups g = {.change = c->change};
    bool good = true;
    clock_entropy(g.secret, sizeof g.secret);
    for (uint32_t i = 0; good && i < c->n; i++) {
        item[i] = (struct item){.at = i, .user = {user_number(&c->change[i], 0),
                                                  user_number(&c->change[i], 8)}};
        good = group_of(&g, i, &item[i].group);
    }
    good = good && groups_rank(&g, item, c->n);
    free(g.first);
    free(g.slot);
    return good;
}

/* Each goes where the items say, in circles: a second array of them would be the largest of all. */
static void changes_move(struct change *change, struct item *item, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct change first = change[i];
        size_t at = i;
        while (item[at].at != i && item[at].at != at) {
            size_t from = item[at].at;
            change[at] = change[from];
            item[at].at = (uint32_t)at;
            at = from;
        }
        if (at != i)
            change[at] = first;
        item[at].at = (uint32_t)at;
    }
}

bool changes_order(struct changes *c)
{
    struct item *item = calloc(c->n + 1, sizeof *item);
    bool good = item != NULL && items_make(c, item);
    if (good) {
        qsort_r(item, c->n, sizeof *item, by_item, c->change);
        changes_move(c->change, item, c->n);
    }
    free(item);
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
