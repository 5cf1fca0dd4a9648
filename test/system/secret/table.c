/* table: all windows of what was seen, sorted; and the parts of a session. */
#include "guess.h"

#include <stdlib.h>
#include <string.h>

#include "link/binder.h"
#include "link/frame.h"

static uint64_t window_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

void table_add(struct table *t, const uint8_t *p, size_t n)
{
    if (t->n + n > t->size) {
        t->size = (t->n + n) * 2;
        t->window = realloc(t->window, t->size * sizeof *t->window);
    }
    for (size_t i = 0; i + WINDOW <= n; i++)
        t->window[t->n++] = window_at(p + i);
}

/* One bit for each window: most values are not there, and that is told at once. */
#define BITS 28
static uint64_t bit_of(uint64_t v)
{
    return v * UINT64_C(0x9e3779b97f4a7c15) >> (64 - BITS);
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void table_close(struct table *t)
{
    t->bits = calloc((size_t)1 << (BITS - 3), 1);
    for (size_t i = 0; i < t->n; i++)
        t->bits[bit_of(t->window[i]) / 8] |= (uint8_t)(1u << bit_of(t->window[i]) % 8);
    qsort(t->window, t->n, sizeof *t->window, order);
}

void table_free(struct table *t)
{
    free(t->bits);
    free(t->window);
}

static bool window_is(const struct table *t, uint64_t v)
{
    size_t low = 0, high = t->n;
    if ((t->bits[bit_of(v) / 8] >> bit_of(v) % 8 & 1) == 0)
        return false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->window[mid] < v)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n && t->window[low] == v;
}

bool table_has(const struct table *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + WINDOW <= n; i++) {
        uint64_t v = window_at(p + i);
        if (window_is(t, v) || window_is(t, __builtin_bswap64(v)))
            return true;
    }
    return false;
}

/* The clear frames of one end, then what is sealed. */
static void frames_read(struct session *s, int end, struct slice in)
{
    uint8_t type = 0;
    struct slice body;
    while (type != FRAME_CONFIRM && type != FRAME_GOODBYE &&
           frame_take(&in, FRAME_CLEAR_MAX, &type, &body) == 0) {
        if (type == FRAME_HELLO)
            s->hello[end] = body;
        else if (type == FRAME_SHARE && body.n == POINT_SIZE)
            s->share[end] = body;
        else if (type == FRAME_CONFIRM)
            s->confirm[end] = body;
    }
    if (type == FRAME_CONFIRM)
        s->sealed[end] = in;
}

void session_read(struct session *s, const struct stream_bytes bytes[2])
{
    memset(s, 0, sizeof *s);
    for (int end = 0; end < 2; end++)
        frames_read(s, end, slice_make(bytes[end].p, bytes[end].n));
    link_sid(s->sid, s->hello[0], s->hello[1], slice_make(NULL, 0));
    s->whole = s->hello[0].n != 0 && s->share[0].n != 0 && s->share[1].n != 0 &&
               s->confirm[0].n != 0;
}
