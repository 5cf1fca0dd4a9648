/* source_diff: PUTs of what is new or other, DELs of what is gone. It stops being a saving when
 * much is: then the whole is committed, as at the first time. */
#include "daemon/source_diff.h"

#include <stdlib.h>
#include <string.h>

#include "driver/clock.h"

#define PART 4         /* a whole, divided by so much, is the most that a difference may be */
#define LEAST_GOING 50 /* so many may go without the core's judging the whole */

void diff_init(struct source_diff *d, struct changes *whole, struct slice source)
{
    size_t size = 16;
    while (size < whole->n * 2)
        size *= 2;
    *d = (struct source_diff){.whole = whole, .source = source, .mask = size - 1};
    clock_entropy(d->secret, sizeof d->secret);
    arena_init(&d->arena, &whole->mem);
    d->slot = calloc(size, sizeof *d->slot);
    d->failed = d->slot == NULL;
    for (size_t i = 0; !d->failed && i < whole->n; i++) {
        const struct change *c = &whole->change[i];
        size_t at = key_hash(d->secret, c->kind, c->user, c->domain) & d->mask;
        while (d->slot[at] != 0)
            at = (at + 1) & d->mask;
        d->slot[at] = (uint32_t)i + 1;
    }
}

void diff_done(struct source_diff *d)
{
    if (d->whole == NULL)
        return;
    free(d->slot);
    free(d->change);
    arena_done(&d->arena);
    d->whole = NULL;
}

static bool has(const struct source_diff *d, const struct record *r)
{
    size_t at = key_hash(d->secret, r->kind, r->user, r->domain) & d->mask;
    for (; d->slot[at] != 0; at = (at + 1) & d->mask) {
        const struct change *c = &d->whole->change[d->slot[at] - 1];
        if (c->kind == r->kind && slice_eq(c->user, r->user) && slice_eq(c->domain, r->domain))
            return true;
    }
    return false;
}

static void add(struct source_diff *d, const struct change *c)
{
    if (d->n == d->size) {
        size_t size = d->size == 0 ? 64 : d->size * 2;
        struct change *grown = realloc(d->change, size * sizeof *grown);
        if (grown != NULL)
            d->change = grown;
        d->failed = d->failed || grown == NULL;
        d->size = grown != NULL ? size : d->size;
    }
    d->failed = d->failed || d->n >= d->whole->n / PART + LEAST_GOING;
    if (!d->failed)
        d->change[d->n++] = *c;
}

bool diff_step(struct source_diff *d, const struct catalog *own, size_t n)
{
    for (; n > 0 && d->at < d->whole->n && !d->failed; n--, d->at++) {
        const struct change *c = &d->whole->change[d->at];
        struct record key = {.kind = c->kind, .user = c->user, .domain = c->domain}, now;
        bool mine = catalog_find(own, &key, &now) && slice_eq(now.source, d->source);
        d->kept += mine;
        if (!mine || !slice_eq(now.value, c->value))
            add(d, c);
    }
    return d->failed || d->at == d->whole->n;
}

static bool gone(void *context, const struct record *r)
{
    struct source_diff *d = context;
    if (!slice_eq(r->source, d->source) || has(d, r))
        return true;
    struct change c = {.kind = r->kind, .source = d->source};
    c.user = arena_copy(&d->arena, r->user);
    c.domain = arena_copy(&d->arena, r->domain);
    d->failed = d->failed || d->arena.failed;
    add(d, &c);
    return !d->failed;
}

bool diff_end(struct source_diff *d, const struct catalog *own)
{
    size_t puts = d->n;
    if (!d->failed && catalog_live(own) != d->kept) /* else nothing else is there */
        catalog_walk(own, gone, d);
    return !d->failed && d->n - puts <= LEAST_GOING;
}
