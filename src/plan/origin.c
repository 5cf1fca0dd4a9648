/* origin: changes become segments, a manifest and a signed head. Changes are judged against what is
 * served, those with an effect are sealed, and what a rewrite leaves out (origin_rewrite.c) is
 * listed no more. Lines that stay keep their order, new ones stand behind them: a neighbour that
 * holds the former head needs no more than what was dropped and what was added. */
#include <assert.h>
#include <string.h>

#include "base/rand.h"
#include "plan/origin_inside.h"

/* --- what is changed */

static int compare_places(const struct change *a, const struct change *b)
{
    struct slice none = {NULL, 0};
    int order = slice_cmp(a->put ? a->source : none, b->put ? b->source : none);
    return order != 0 ? order : change_order(a, b);
}

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

/* Takes what the change replaces out of the digest and out of what its segment keeps; false: it
 * changes nothing. */
static bool effective(struct work *w, const struct change *change)
{
    struct record key = record_of(change, 0);
    struct found found = {.id = 0};
    bool there = index_find(w->c, SEGMENT_SERVED, &key, &found) && found.record.put;
    const struct record now = found.record;
    if (found.held >= KEY_RECORDS_MAX / 2)
        rewrite_crowded(w, &key);
    if (!change->put && !there)
        return false;
    if (change->put && there && slice_eq(now.value, change->value) &&
        slice_eq(now.source, change->source))
        return false;
    if (there) {
        w->head.live--;
        w->head.sum -= mix64(now.usn);
    }
    if (found.puts > 0)
        w->c->plan->segment[found.id].dying += record_weight(&now);
    w->budget += 2 * (change->user.n + change->domain.n + change->value.n);
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
    changes_sort(all, scratch, n, change_order);
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n || change_order(all[i], all[i + 1]) != 0;
        if (last && effective(w, all[i]))
            all[w->n++] = all[i];
    }
    w->change = all;
    return true;
}

/* Writes the chosen changes, in an order that shares sources and domains. A DEL takes its USN even
 * where it need not be written, because every PUT that it would hide leaves with this commit. */
static int write_fresh(struct work *w, struct commit *ret)
{
    const struct change **order = arena_alloc(w->a, w->n * sizeof(struct change *));
    const struct change **scratch = arena_alloc(w->a, w->n * sizeof(struct change *));
    if (order == NULL || scratch == NULL)
        return -1;
    if (w->n > 0)
        memcpy(order, w->change, w->n * sizeof(struct change *));
    changes_sort(order, scratch, w->n, compare_places);
    for (size_t i = 0; i < w->n; i++) {
        struct record r = record_of(order[i], ++w->head.usn);
        bool written = r.put || !w->leaves || index_put_stays(w->c, &r);
        int result = written ? sealer_put(&w->fresh, &r) : 0;
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

/* --- the result */

static bool listed(const struct new_segment *segment, size_t n, const uint8_t *name)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(segment[i].line.name, name, HASH_SIZE) == 0)
            return true;
    }
    return false;
}

static void put_segments(struct work *w, const struct new_segment *from, size_t n,
                         struct commit *ret)
{
    for (size_t i = 0; i < n; i++) {
        w->head.bytes += from[i].line.size;
        manifest_line_put(&w->lines, &from[i].line);
        ret->segment[ret->segment_n++] = from[i];
    }
}

static bool leaving(const struct work *w, size_t line)
{
    uint32_t id = w->c->serving.id[line];
    return (w->head.flags & HEAD_FLAG_LEFT) != 0 ||
           (id != 0 && (w->c->plan->segment[id].flags & SEGMENT_LEAVING) != 0);
}

/* Lines that stay, fresh ones, rewritten ones; and which of the former's are listed no more. A
 * rewrite may give a segment that was listed already, byte for byte: it is not dropped. */
static int list(struct work *w, struct commit *ret)
{
    struct slice former = catalog_lines(w->c);
    size_t former_n = former.n / LINE_BYTES, stay = 0;
    size_t new_n = w->fresh_n + w->folded.n;
    for (size_t i = 0; i < former_n; i++)
        stay += !leaving(w, i);
    if (stay + new_n > MANIFEST_LINES_MAX)
        return -2;
    ret->segment = arena_alloc(w->a, new_n * sizeof *ret->segment);
    ret->dropped = arena_alloc(w->a, (former_n - stay) * sizeof *ret->dropped);
    if (ret->segment == NULL || ret->dropped == NULL)
        return -1;
    for (size_t i = 0; i < former_n; i++) {
        struct line line;
        manifest_line(former, i, &line);
        if (!leaving(w, i)) {
            w->head.bytes += line.size;
            buf_put(&w->lines, former.p + i * LINE_BYTES, LINE_BYTES);
        } else if (!listed(w->folded.segment, w->folded.n, line.name)) {
            ret->dropped[ret->dropped_n++] = line;
        }
    }
    put_segments(w, w->fresh.segment, w->fresh_n, ret);
    put_segments(w, w->folded.segment, w->folded.n, ret);
    for (size_t i = 0; i < w->folded.n; i++)
        ret->rewritten += w->folded.segment[i].line.size;
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
    if (!left)
        rewrite_choose(w);
    int result = write_fresh(w, ret);
    if (result == 0 && !left)
        result = rewrite(w);
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
    rewrite_done(c);
    buf_done(&w.head_bytes);
    buf_done(&w.lines);
    buf_done(&w.folded.out);
    buf_done(&w.fresh.out);
    return result;
}
