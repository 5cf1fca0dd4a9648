/* inverse: what takes a commit back, written as segments beside it: DELs of what it added, PUTs of
 * what it removed and of what it changed, each group in segments of its own. As long as the commit,
 * so it is made in steps as well. */
#include "core/core.h"

enum phase { PHASE_WHOLE, PHASE_EFFECTS, PHASE_GROUPS, PHASE_DONE };

struct inverse {
    struct arena *a; /* of the commit: parts live as long as it waits for the disk */
    const struct catalog *c;
    const struct change *const *change;
    size_t n, at;
    enum phase phase;
    struct catalog_place place; /* whole: in the catalog */
    uint8_t *effect; /* of each change */
    uint64_t count[EFFECTS];   /* what the commit did, by effect ... */
    uint64_t effects[EFFECTS]; /* ... and of the changes alone */
    uint64_t written;
    int group;
    uint64_t usn;
    struct buf out;
    struct segment_writer writer;
    struct inverse_part *first, **last;
    bool failed;
};

struct inverse *inverse_begin(struct arena *a, const struct catalog *c, bool whole,
                              const struct change *const *change, size_t n)
{
    struct inverse *x = arena_alloc(a, sizeof *x);
    if (x == NULL)
        return NULL;
    x->a = a;
    x->c = c;
    x->change = change;
    x->n = n;
    x->phase = whole ? PHASE_WHOLE : PHASE_EFFECTS;
    x->usn = 1;
    x->last = &x->first;
    x->effect = arena_alloc(a, n);
    buf_init(&x->out, a->mem, SEGMENT_MAX);
    segment_writer_init(&x->writer, &x->out);
    return x->effect == NULL ? NULL : x;
}

void inverse_done(struct inverse *x)
{
    if (x != NULL)
        buf_done(&x->out);
}

static bool before(const struct inverse *x, const struct change *change, struct record *ret)
{
    struct record key = {.kind = change->kind, .user = change->user, .domain = change->domain};
    return catalog_find(x->c, &key, ret);
}

/* What each change does to its key. A catalog that is empty needs no question. */
static void effects(struct inverse *x, size_t *budget)
{
    bool empty = catalog_live(x->c) == 0;
    struct record r;
    for (; x->at < x->n && *budget > 0; x->at++, --*budget) {
        const struct change *change = x->change[x->at];
        enum effect effect = !change->put ? EFFECT_REMOVED
                             : empty || !before(x, change, &r) ? EFFECT_ADDED : EFFECT_CHANGED;
        x->effect[x->at] = (uint8_t)effect;
        x->count[effect]++;
        x->effects[effect]++;
    }
}

static void seal(struct inverse *x)
{
    if (x->out.n != 0) {
        struct inverse_part *part = arena_alloc(x->a, sizeof *part);
        struct slice bytes = arena_copy(x->a, buf_slice(&x->out));
        if (part == NULL || bytes.p == NULL) {
            x->failed = true;
            return;
        }
        part->bytes = bytes;
        *x->last = part;
        x->last = &part->next;
    }
    buf_reset(&x->out);
    segment_writer_init(&x->writer, &x->out);
}

static void put_record(struct inverse *x, const struct record *r)
{
    if (segment_writer_put(&x->writer, r))
        return;
    x->failed = x->out.failed;
    if (!x->failed)
        seal(x);
    x->failed = x->failed || !segment_writer_put(&x->writer, r);
}

static bool put_removed(void *context, const struct record *removed)
{
    struct inverse *x = context;
    struct record r = *removed;
    r.usn = ++x->count[EFFECT_REMOVED];
    put_record(x, &r);
    return !x->failed;
}

/* One group: in the order of keys, so that domains are shared. True: it is over. */
static bool put_group(struct inverse *x, size_t *budget)
{
    enum effect which = (enum effect)x->group;
    for (; x->written < x->effects[which] && x->at < x->n && *budget > 0 && !x->failed;
         x->at++, --*budget) {
        const struct change *change = x->change[x->at];
        struct record r = {.kind = change->kind, .user = change->user, .domain = change->domain};
        if (x->effect[x->at] != which)
            continue;
        x->written++;
        if (which != EFFECT_ADDED && !before(x, change, &r))
            continue; /* cannot be: it was there a moment ago */
        r.put = which != EFFECT_ADDED;
        r.usn = x->usn++;
        put_record(x, &r);
    }
    if (x->written < x->effects[which] && x->at < x->n)
        return false;
    seal(x);
    x->at = 0;
    x->usn = 1;
    x->written = 0;
    return true;
}

int inverse_go_on(struct inverse *x, size_t *budget)
{
    if (x->phase == PHASE_WHOLE) {
        *budget -= catalog_walk_some(x->c, &x->place, *budget, NULL, put_removed, x);
        if (x->failed || !x->place.over)
            return x->failed ? -1 : 1;
        seal(x);
        x->phase = PHASE_EFFECTS;
    }
    if (x->phase == PHASE_EFFECTS) {
        effects(x, budget);
        if (x->at < x->n)
            return 1;
        x->phase = PHASE_GROUPS;
        x->at = 0;
    }
    while (x->phase == PHASE_GROUPS && !x->failed) {
        if (!put_group(x, budget))
            return x->failed ? -1 : 1;
        if (++x->group == EFFECTS)
            x->phase = PHASE_DONE;
    }
    return x->failed ? -1 : 0;
}

const struct inverse_part *inverse_parts(const struct inverse *x)
{
    return x->first;
}

uint64_t inverse_count(const struct inverse *x, enum effect effect)
{
    return x->count[effect];
}
