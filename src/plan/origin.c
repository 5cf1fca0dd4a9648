/* origin: changes become segments, a manifest and a signed head. What a rewrite may leave out is
 * decided here and nowhere else, because nobody but the origin rewrites: a PUT that a later record
 * of its key supersedes, and a DEL that no older PUT listed needs any more. Dropping a DEL while an
 * older PUT stays listed would bring the deleted entry back everywhere. */
#include "plan/origin.h"

#include <assert.h>
#include <string.h>

#include "base/planted.h"
#include "base/rand.h"
#include "plan/catalog.h"

#define SMALL(size) ((size) < SEGMENT_MAX / 2)

typedef int compare(const struct change *a, const struct change *b);

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

static int compare_places(const struct change *a, const struct change *b)
{
    struct slice none = {NULL, 0};
    int order = slice_cmp(a->put ? a->source : none, b->put ? b->source : none);
    return order != 0 ? order : change_order(a, b);
}

static bool in_order(const struct change **v, size_t n, compare *cmp)
{
    for (size_t i = 1; i < n; i++) {
        if (cmp(v[i - 1], v[i]) > 0)
            return false;
    }
    return true;
}

static void merge(const struct change **to, const struct change **from, size_t middle, size_t n,
                  compare *cmp)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < n; i++) {
        bool take_left = left < middle && (right >= n || cmp(from[left], from[right]) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
    }
}

/* A stable merge sort; what is in order already costs one look. scratch: room for n. */
static void sort(const struct change **v, const struct change **scratch, size_t n, compare *cmp)
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

struct sealer {
    struct arena *a;
    struct buf out;
    struct segment_writer writer;
    struct new_segment *segment; /* in the arena */
    size_t n, size;
};

static void sealer_init(struct sealer *s, struct arena *a)
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

/* Seals what is written, if anything. 0, or -1: memory. */
static int sealer_seal(struct sealer *s)
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

/* 0; -1: memory; -3: no segment can hold the record. */
static int sealer_put(struct sealer *s, const struct record *r)
{
    if (segment_writer_put(&s->writer, r))
        return 0;
    if (s->out.failed || sealer_seal(s) != 0)
        return -1;
    if (segment_writer_put(&s->writer, r))
        return 0;
    return s->out.failed ? -1 : -3;
}

/* --- one commit */

struct work {
    struct arena *a;
    const struct catalog *c;
    const struct change **change; /* those with an effect, by key */
    size_t n;
    struct sealer fresh, folded;
    size_t tail;       /* lines before it stay: the former's, then fresh ones */
    uint32_t *tail_id; /* the former's segments from there on */
    size_t tail_n;
    bool crowded;      /* a key has so many records that holders would refuse one more soon */
    struct buf lines, head_bytes;
    struct head head;
};

static struct record record_of(const struct change *change, uint64_t usn)
{
    return (struct record){
        .put = change->put,
        .kind = change->kind,
        .usn = usn,
        .user = change->user,
        .domain = change->domain,
        .value = change->put ? change->value : slice_make(NULL, 0),
        .source = change->put ? change->source : slice_make(NULL, 0),
    };
}

/* Takes what the change replaces out of the digest; false: it changes nothing. */
static bool effective(struct work *w, const struct change *change)
{
    struct record key = record_of(change, 0);
    struct found found = {.id = 0};
    bool there = index_find(w->c, SEGMENT_SERVED, &key, &found) && found.record.put;
    const struct record now = found.record;
    w->crowded = w->crowded || found.held >= KEY_RECORDS_MAX / 2;
    if (!change->put && !there)
        return false;
    if (change->put && there && slice_eq(now.value, change->value) &&
        slice_eq(now.source, change->source))
        return false;
    if (there) {
        w->head.live--;
        w->head.sum -= mix64(now.usn);
    }
    return true;
}

/* The last change of each key, if it has an effect, ordered by key. */
static bool choose(struct work *w, const struct change *change, size_t n)
{
    const struct change **all = arena_alloc(w->a, n * sizeof(struct change *));
    const struct change **scratch = arena_alloc(w->a, n * sizeof(struct change *));
    if (all == NULL || scratch == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        all[i] = &change[i];
    sort(all, scratch, n, change_order);
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n || change_order(all[i], all[i + 1]) != 0;
        if (last && effective(w, all[i]))
            all[w->n++] = all[i];
    }
    w->change = all;
    return true;
}

/* Writes the chosen changes, in an order that shares sources and domains. */
static int write_fresh(struct work *w, struct commit *ret)
{
    const struct change **order = arena_alloc(w->a, w->n * sizeof(struct change *));
    const struct change **scratch = arena_alloc(w->a, w->n * sizeof(struct change *));
    if (order == NULL || scratch == NULL)
        return -1;
    if (w->n > 0)
        memcpy(order, w->change, w->n * sizeof(struct change *));
    sort(order, scratch, w->n, compare_places);
    for (size_t i = 0; i < w->n; i++) {
        struct record r = record_of(order[i], ++w->head.usn);
        int result = sealer_put(&w->fresh, &r);
        if (result != 0)
            return result;
        if (r.put) {
            w->head.live++;
            w->head.sum += mix64(r.usn);
            ret->puts++;
        } else {
            ret->dels++;
        }
    }
    return sealer_seal(&w->fresh);
}

/* --- folding */

static uint32_t line_size(const struct work *w, size_t i)
{
    size_t former = w->c->serving.n;
    if (i >= former)
        return w->fresh.segment[i - former].line.size;
    struct line line;
    manifest_line(catalog_lines(w->c), i, &line);
    return line.size;
}

/* Finds where the tail begins; true when it is to be folded. */
static bool tail_too_long(struct work *w)
{
    size_t lines = w->c->serving.n + w->fresh.n, at = lines;
    uint64_t bytes = 0;
    while (at > 0 && SMALL(line_size(w, at - 1)))
        bytes += line_size(w, --at);
    w->tail = w->crowded ? 0 : at; /* crowded: all lines are the tail */
    return w->crowded || lines - at > TAIL_LINES_MAX || (bytes > TAIL_BYTES_MAX && lines - at > 1);
}

static bool is_changed(const struct work *w, const struct record *r)
{
    struct change key = {.kind = r->kind, .user = r->user, .domain = r->domain};
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = change_order(w->change[middle], &key);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* A record of the tail outlives the fold when it counts for its key and, being a DEL, still hides a
 * PUT in a line that stays. id: its segment; 0: it is fresh, and so it counts. */
static bool outlives(const struct work *w, uint32_t id, const struct record *r)
{
    if (id != 0 && (is_changed(w, r) || !index_counts(w->c, SEGMENT_SERVED, id, r)))
        return false;
#ifdef OPENILS_BUG_DROP_DEL_EARLY /* planted: the model test must turn red */
    return r->put;
#else
    if (r->put || BUG(DEL_DROPPED))
        return r->put;
    return index_put_elsewhere(w->c, r, w->tail_id, w->tail_n);
#endif
}

static int fold_segment(struct work *w, uint32_t id, struct slice bytes)
{
    struct segment_reader reader;
    struct record r;
    segment_reader_init(&reader, bytes);
    while (segment_next(&reader, &r) == 1) {
        int result = outlives(w, id, &r) ? sealer_put(&w->folded, &r) : 0;
        if (result != 0)
            return result;
    }
    return 0;
}

static int fold(struct work *w)
{
    const struct manifest *former = &w->c->serving;
    size_t first = w->tail < former->n ? w->tail : former->n;
    w->tail_n = former->n - first;
    w->tail_id = former->id + first;
    for (size_t i = first; i < former->n; i++) {
        uint32_t id = former->id[i];
        if (id == 0)
            continue;
        int result = fold_segment(w, id, segment_bytes(&w->c->plan->segment[id]));
        if (result != 0)
            return result;
    }
    size_t fresh = w->tail - first;
    for (size_t i = fresh; i < w->fresh.n; i++) {
        int result = fold_segment(w, 0, w->fresh.segment[i].bytes);
        if (result != 0)
            return result;
    }
    w->fresh.n = fresh;
    w->head.usn++;
    return sealer_seal(&w->folded);
}

/* --- the result */

static bool listed(const struct new_segment *segment, size_t n, const uint8_t *name)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(segment[i].line.name, name, HASH_SIZE) == 0)
            return true;
    }
    return false;
}

static void put_segments(struct work *w, const struct sealer *from, struct commit *ret)
{
    for (size_t i = 0; i < from->n; i++) {
        w->head.bytes += from->segment[i].line.size;
        manifest_line_put(&w->lines, &from->segment[i].line);
        ret->segment[ret->segment_n++] = from->segment[i];
    }
}

/* Lines that stay, fresh ones, folded ones; and which of the former's are listed no more. */
static int list(struct work *w, struct commit *ret)
{
    struct slice former = catalog_lines(w->c);
    size_t former_n = former.n / LINE_BYTES;
    size_t stay = w->tail < former_n ? w->tail : former_n;
    size_t fresh = w->fresh.n + w->folded.n;
    if (stay + fresh > MANIFEST_LINES_MAX)
        return -2;
    ret->segment = arena_alloc(w->a, fresh * sizeof *ret->segment);
    ret->dropped = arena_alloc(w->a, (former_n - stay) * sizeof *ret->dropped);
    if (ret->segment == NULL || ret->dropped == NULL)
        return -1;
    for (size_t i = 0; i < stay; i++)
        w->head.bytes += line_size(w, i);
    buf_put(&w->lines, former.p, stay * LINE_BYTES);
    put_segments(w, &w->fresh, ret);
    put_segments(w, &w->folded, ret);
    /* A fold may give a segment that is listed already, byte for byte: it is not dropped. */
    for (size_t i = stay; i < former_n; i++) {
        struct line *line = &ret->dropped[ret->dropped_n];
        manifest_line(former, i, line);
        ret->dropped_n += !listed(w->folded.segment, w->folded.n, line->name);
    }
    w->head.lines = (uint32_t)(w->lines.n / LINE_BYTES);
    ret->lines = arena_copy(w->a, buf_slice(&w->lines));
    return w->lines.failed || w->a->failed ? -1 : 0;
}

static int sign(struct work *w, const struct head *former,
                const uint8_t secret[static SECRET_SIZE], struct commit *ret)
{
    w->head.peak = former->peak > w->head.live ? former->peak : w->head.live;
    manifest_root(w->head.root, ret->lines);
    head_put(&w->head_bytes, &w->head, secret);
    ret->head = w->head;
    ret->head_bytes = arena_copy(w->a, buf_slice(&w->head_bytes));
    ret->change = w->change;
    ret->change_n = w->n;
    return w->head_bytes.failed || w->a->failed ? -1 : 0;
}

static int work_run(struct work *w, const struct head *former, const struct change *change,
                    size_t n, const uint8_t secret[static SECRET_SIZE], struct commit *ret)
{
    bool left = (w->head.flags & HEAD_FLAG_LEFT) != 0;
    w->head.live = left ? 0 : w->c->serving_live;
    w->head.sum = left ? 0 : w->c->serving_sum;
    w->head.usn = former->usn;
    w->head.bytes = 0;
    if (!choose(w, change, left ? 0 : n))
        return -1;
    if (w->n == 0)
        w->head.usn++;
    int result = write_fresh(w, ret);
    bool folds = result == 0 && tail_too_long(w); /* also finds the tail */
    if (left)
        w->tail = 0;
    else if (folds)
        result = fold(w);
    else
        w->tail = w->c->serving.n + w->fresh.n;
    if (result == 0)
        result = list(w, ret);
    return result != 0 ? result : sign(w, former, secret, ret);
}

int origin_commit(struct arena *a, const struct catalog *c, const struct head *former,
                  const struct head *next, const struct change *change, size_t n,
                  const uint8_t secret[static SECRET_SIZE], struct commit *ret)
{
    struct work w = {.a = a, .c = c, .head = *next};
    assert(former->lines == c->serving.n);
    *ret = (struct commit){0};
    sealer_init(&w.fresh, a);
    sealer_init(&w.folded, a);
    buf_init(&w.lines, a->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    buf_init(&w.head_bytes, a->mem, HEAD_MAX);
    int result = work_run(&w, former, change, n, secret, ret);
    buf_done(&w.head_bytes);
    buf_done(&w.lines);
    buf_done(&w.folded.out);
    buf_done(&w.fresh.out);
    return result;
}
