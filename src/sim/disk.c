/* disk: see disk.h. Durable rows are a sorted array; waiting batches are a list. A batch is copied
 * when it is handed over and applied, or forgotten, as a whole. */
#include "sim/disk.h"

#include "sim/grow.h"

#include <assert.h>

#define BEHIND_MAX (5 * TICK_S)

struct disk_batch {
    struct disk_batch *next;
    uint64_t batch;
    struct row *row;
    size_t n;
    tick durable_at;
    bool failed;
    bool spoken; /* BUG_ACK_BEFORE_DURABLE: STORED was said, the rows still wait */
};

static int row_order(const struct row *a, const struct row *b)
{
    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    return slice_cmp(a->key, b->key);
}

static struct row row_copy(const struct row *r)
{
    struct row copy = *r;
    copy.key = slice_make(grow_copy(r->key.p, r->key.n), r->key.n);
    copy.value = slice_make(grow_copy(r->value.p, r->value.n), r->value.n);
    return copy;
}

static void row_done(struct row *r)
{
    free((void *)(uintptr_t)r->key.p);
    free((void *)(uintptr_t)r->value.p);
}

static void rows_done(struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row_done(&row[i]);
    free(row);
}

static struct row *rows_copy(const struct row *row, size_t n)
{
    struct row *copy = grow(NULL, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = row_copy(&row[i]);
    return copy;
}

void disk_init(struct disk *d, uint64_t seed, enum bug bug)
{
    *d = (struct disk){.bug = bug, .latency_min = TICK_MS, .latency_max = TICK_MS};
    rand_seed(&d->rand, seed);
}

static void batch_free(struct disk_batch *b)
{
    rows_done(b->row, b->n);
    free(b);
}

static struct disk_batch *batch_take(struct disk *d)
{
    struct disk_batch *b = d->first;
    d->first = b->next;
    if (d->first == NULL)
        d->last = NULL;
    return b;
}

void disk_done(struct disk *d)
{
    while (d->first != NULL)
        batch_free(batch_take(d));
    rows_done(d->row, d->n);
    rows_done(d->old, d->old_n);
    *d = (struct disk){0};
}

/* Index of the row, or where it would stand. */
static size_t row_place(const struct disk *d, const struct row *r, bool *ret_there)
{
    size_t low = 0, high = d->n;
    *ret_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = row_order(&d->row[middle], r);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Every row of the space before that place. */
static void rows_below(struct disk *d, uint8_t space, size_t at)
{
    size_t first = at;
    while (first > 0 && d->row[first - 1].space == space)
        row_done(&d->row[--first]);
    if (first < at)
        memmove(&d->row[first], &d->row[at], (d->n - at) * sizeof *d->row);
    d->n -= at - first;
}

static void row_apply(struct disk *d, const struct row *r)
{
    bool there;
    size_t at = row_place(d, r, &there);
    if (r->remove && r->below) {
        rows_below(d, r->space, at);
        return;
    }
    if (there) {
        row_done(&d->row[at]);
        if (r->remove) {
            d->n--;
            memmove(&d->row[at], &d->row[at + 1], (d->n - at) * sizeof *d->row);
            return;
        }
    } else {
        if (r->remove)
            return;
        if (d->n == d->size) {
            d->size = d->size == 0 ? 64 : d->size * 2;
            d->row = grow(d->row, d->size * sizeof *d->row);
        }
        memmove(&d->row[at + 1], &d->row[at], (d->n - at) * sizeof *d->row);
        d->n++;
    }
    d->row[at] = row_copy(r);
}

static void image_keep(struct disk *d)
{
    if (d->bug != BUG_OLD_IMAGE || rand_below(&d->rand, 8) != 0)
        return;
    rows_done(d->old, d->old_n);
    d->old = rows_copy(d->row, d->n);
    d->old_n = d->n;
}

static void batch_apply(struct disk *d, const struct disk_batch *b)
{
    image_keep(d);
    for (size_t i = 0; i < b->n; i++)
        row_apply(d, &b->row[i]);
    d->durable++;
}

tick disk_store(struct disk *d, tick now, uint64_t batch, const struct row *row, size_t n)
{
    struct disk_batch *b = grow_zero(sizeof *b);
    b->batch = batch;
    b->row = rows_copy(row, n);
    b->n = n;
    uint64_t span = (uint64_t)(d->latency_max - d->latency_min) + 1;
    tick start = now > d->free_at ? now : d->free_at;
    tick draw = (tick)rand_below(&d->rand, span);
    if (start - now > BEHIND_MAX)
        draw = 0; /* slow, but it never falls behind without end */
    b->durable_at = start + d->latency_min + draw;
    d->free_at = b->durable_at;
    if (d->fail_next > 0) {
        d->fail_next--;
        b->failed = true;
    } else if (now < d->full_until) {
        b->failed = true;
    } else if (rand_below(&d->rand, 1000000) < d->fail_per_million) {
        b->failed = true;
    }
    if (d->last == NULL)
        d->first = b;
    else
        d->last->next = b;
    d->last = b;
    return d->bug == BUG_ACK_BEFORE_DURABLE ? now + 10 : b->durable_at;
}

/* Rows whose time has come become durable, whether spoken of or not. */
static void settle(struct disk *d, tick now)
{
    while (d->first != NULL && d->first->spoken && d->first->durable_at <= now) {
        struct disk_batch *b = batch_take(d);
        if (!b->failed)
            batch_apply(d, b);
        batch_free(b);
    }
}

bool disk_finish(struct disk *d, tick now, uint64_t *ret_batch, bool *ret_failed)
{
    struct disk_batch *b = d->first;
    while (b != NULL && b->spoken)
        b = b->next;
    if (b == NULL)
        return false;
    *ret_batch = b->batch;
    *ret_failed = b->failed;
    d->refused += b->failed;
    b->spoken = true;
    assert(d->bug == BUG_ACK_BEFORE_DURABLE || b->durable_at <= now);
    settle(d, now);
    return true;
}

void disk_crash(struct disk *d, tick now)
{
    settle(d, now);
    size_t waiting = 0;
    for (struct disk_batch *b = d->first; b != NULL; b = b->next)
        waiting += b->spoken ? 0 : 1;
    uint64_t lucky = rand_below(&d->rand, waiting + 1);
    while (d->first != NULL) {
        struct disk_batch *b = batch_take(d);
        if (!b->spoken && !b->failed && lucky > 0) {
            lucky--;
            batch_apply(d, b);
        } else {
            lucky = 0; /* in order: nothing after a lost one */
        }
        batch_free(b);
    }
    d->free_at = now;
    if (d->bug == BUG_FORGET_ROW && d->n > 0) {
        struct row gone = row_copy(&d->row[rand_below(&d->rand, d->n)]);
        gone.remove = true;
        row_apply(d, &gone);
        row_done(&gone);
    }
    if (d->bug == BUG_OLD_IMAGE && d->old != NULL) {
        rows_done(d->row, d->n);
        d->row = d->old;
        d->n = d->size = d->old_n;
        d->old = NULL;
        d->old_n = 0;
    }
}

struct image disk_image(const struct disk *d)
{
    return (struct image){rows_copy(d->row, d->n), d->n};
}

void image_done(struct image *i)
{
    rows_done(i->row, i->n);
    *i = (struct image){0};
}

void disk_restore(struct disk *d, const struct image *i)
{
    assert(d->first == NULL);
    rows_done(d->row, d->n);
    d->row = rows_copy(i->row, i->n);
    d->n = d->size = i->n;
}

const struct row *disk_row(const struct disk *d, size_t i)
{
    assert(i < d->n);
    return &d->row[i];
}

struct slice disk_find(const struct disk *d, uint8_t space, struct slice key)
{
    bool there;
    struct row r = {.space = space, .key = key};
    size_t at = row_place(d, &r, &there);
    return there ? d->row[at].value : slice_make(NULL, 0);
}
