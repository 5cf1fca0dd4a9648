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
    if (order == 0 && a->kind == ENTRY_URI)
        order = slice_cmp_fold(a->user, b->user);
    if (order == 0)
        order = slice_cmp(a->user, b->user);
    return order;
}

void sorter_init(struct sorter *s, const struct change **v, const struct change **scratch, size_t n,
                 compare_changes *cmp)
{
    *s = (struct sorter){.from = v, .to = scratch, .n = n, .cmp = cmp, .at = 1, .strict = true};
}

/* True: it is in order as it came. */
static bool look(struct sorter *s, size_t *budget)
{
    for (; s->at < s->n && *budget > 0; s->at++, --*budget) {
        int order = s->cmp(s->from[s->at - 1], s->from[s->at]);
        s->strict = s->strict && order < 0;
        if (order <= 0)
            continue;
        s->merging = true;
        s->at = s->left = s->right = 0;
        s->width = 1;
        return false;
    }
    return s->at >= s->n;
}

/* The runs of `width` at `at`; false: the budget has come to its end in the middle. */
static bool merge(struct sorter *s, size_t *budget)
{
    const struct change **from = s->from + s->at, **to = s->to + s->at;
    size_t n = s->n - s->at, middle = s->width < n ? s->width : n;
    size_t end = 2 * s->width < n ? 2 * s->width : n;
    if (s->left == 0 && s->right == 0)
        s->right = middle;
    while (s->left < middle || s->right < end) {
        if (*budget == 0)
            return false;
        --*budget;
        bool take_left = s->left < middle &&
                         (s->right >= end || s->cmp(from[s->left], from[s->right]) <= 0);
        to[s->left + s->right - middle] = from[take_left ? s->left : s->right];
        s->left += take_left;
        s->right += !take_left;
    }
    s->at += end;
    s->left = s->right = 0;
    return true;
}

bool sorter_go_on(struct sorter *s, size_t *budget)
{
    if (!s->merging && look(s, budget))
        return true;
    while (s->merging && s->width < s->n) {
        while (s->at < s->n)
            if (!merge(s, budget))
                return false;
        const struct change **other = s->from;
        s->from = s->to;
        s->to = other;
        s->width *= 2;
        s->at = 0;
    }
    return s->merging;
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
