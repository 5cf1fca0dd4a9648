/* origin_seal: the two tools of a commit: changes are put in an order, records go into one segment
 * after another. */
#include <string.h>

#include "plan/origin_inside.h"

/* --- order */

int change_order(const struct change *a, const struct change *b)
{
    int order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = slice_cmp(a->domain, b->domain);
    if (order == 0)
        order = slice_cmp(a->user, b->user);
    return order;
}

static bool in_order(const struct change **v, size_t n, compare_changes *cmp)
{
    for (size_t i = 1; i < n; i++) {
        if (cmp(v[i - 1], v[i]) > 0)
            return false;
    }
    return true;
}

static void merge(const struct change **to, const struct change **from, size_t middle, size_t n,
                  compare_changes *cmp)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < n; i++) {
        bool take_left = left < middle && (right >= n || cmp(from[left], from[right]) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
    }
}

void changes_sort(const struct change **v, const struct change **scratch, size_t n,
                  compare_changes *cmp)
{
    const struct change **from = v, **to = scratch;
    if (in_order(v, n, cmp))
        return;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t left = n - at;
            size_t middle = width < left ? width : left;
            merge(to + at, from + at, middle, left < 2 * width ? left : 2 * width, cmp);
        }
        const struct change **other = from;
        from = to;
        to = other;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
}

/* --- segments */

void sealer_init(struct sealer *s, struct arena *a)
{
    *s = (struct sealer){.a = a};
    buf_init(&s->out, a->mem, SEGMENT_MAX);
    segment_writer_init(&s->writer, &s->out);
}

static bool sealer_room(struct sealer *s)
{
    if (s->n < s->size)
        return true;
    size_t size = s->size == 0 ? 8 : s->size * 2;
    struct new_segment *segment = arena_alloc(s->a, size * sizeof *segment);
    if (segment == NULL)
        return false;
    if (s->n > 0)
        memcpy(segment, s->segment, s->n * sizeof *segment);
    s->segment = segment;
    s->size = size;
    return true;
}

int sealer_seal(struct sealer *s)
{
    if (s->out.n == 0)
        return 0;
    struct slice bytes = arena_copy(s->a, buf_slice(&s->out));
    if (bytes.p == NULL || !sealer_room(s))
        return -1;
    struct new_segment *new = &s->segment[s->n++];
    new->bytes = bytes;
    new->line.size = (uint32_t)bytes.n;
    segment_name(new->line.name, bytes);
    buf_reset(&s->out);
    segment_writer_init(&s->writer, &s->out);
    return 0;
}

int sealer_put(struct sealer *s, const struct record *r)
{
    if (segment_writer_put(&s->writer, r))
        return 0;
    if (s->out.failed || sealer_seal(s) != 0)
        return -1;
    if (segment_writer_put(&s->writer, r))
        return 0;
    return s->out.failed ? -1 : -3;
}
