/* origin: changes become segments, a manifest and a signed head, in as many steps as the caller
 * likes: a large import must not keep everybody else waiting. Changes are judged against what is
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

/* A quarter: a holder that goes from one head to another has the records of both. */
#define KEY_CROWDED (KEY_RECORDS_MAX / 4)

/* Takes what the change replaces out of the digest and out of what its segment keeps; false: it
 * changes nothing. */
static bool effective(struct origin *w, const struct change *change)
{
    struct record key = record_of(change, 0);
    struct found found = {.id = 0};
    bool there = index_find(w->c, SEGMENT_SERVED, &key, &found) && found.record.put;
    const struct record now = found.record;
    if (w->alike.held == 0 && found.held >= KEY_CROWDED)
        rewrite_crowded(w, &key);
    w->alike.held = found.held;
    w->alike.gone_n += there && !change->put;
    if (change->put && !there) {
        w->alike.come_n++;
        w->alike.come = change;
    }
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

static bool spelled_alike(const struct change *a, const struct change *b)
{
    return a->kind == ENTRY_URI && b->kind == ENTRY_URI && slice_eq(a->domain, b->domain) &&
           slice_eq_fold(a->user, b->user);
}

/* Whether one URI is about to have more spellings than it may. What an older version let be there
 * may stay, and become less. */
static bool spelled_too_often(const struct origin *w)
{
    const struct alike *a = &w->alike;
    if (a->come_n <= a->gone_n || a->held + a->come_n <= KEY_SPELLINGS_MAX ||
        a->come->kind != ENTRY_URI)
        return false;
    struct record key = record_of(a->come, 0);
    return index_spellings(w->c, &key) + a->come_n - a->gone_n > KEY_SPELLINGS_MAX;
}

/* The last change of each key, if it has an effect, ordered by key. 0, or -4. */
static int choose(struct origin *w, size_t *budget)
{
    const struct sorter *s = &w->sorter;
    for (; w->at < s->n && *budget > 0; w->at++, --*budget) {
        const struct change *change = s->from[w->at];
        const struct change *next = w->at + 1 < s->n ? s->from[w->at + 1] : NULL;
        if (w->alike.first == NULL)
            w->alike = (struct alike){.first = change};
        bool last = s->strict || next == NULL || change_order(change, next) != 0;
        if (last && effective(w, change))
            s->from[w->n++] = change;
        if (next != NULL && spelled_alike(change, next))
            continue;
        if (spelled_too_often(w))
            return -4;
        w->alike.first = NULL;
    }
    return 0;
}

/* DELs first, then PUTs: with one source that is the order already. */
static void place(struct origin *w, size_t *budget)
{
    for (; w->at < 2 * w->n && *budget > 0; w->at++, --*budget) {
        const struct change *change = w->change[w->at % w->n];
        if (change->put != (w->at >= w->n))
            continue;
        w->order[w->sorter.n++] = change;
        if (change->put && w->source.p == NULL)
            w->source = change->source;
        w->mixed = w->mixed || (change->put && (change->source.n == 0 ||
                                                change->source.p != w->source.p ||
                                                change->source.n != w->source.n));
    }
}

/* Writes the chosen changes, in an order that shares sources and domains. A DEL takes its USN even
 * where it need not be written, because every PUT that it would hide leaves with this commit. */
static int write_fresh(struct origin *w, size_t *budget)
{
    for (; w->at < w->n && *budget > 0; w->at++, --*budget) {
        struct record r = record_of(w->order[w->at], ++w->head.usn);
        bool written = r.put || !w->leaves || index_put_stays(w->c, &r);
        int result = written ? sealer_put(&w->fresh, &r) : 0;
        if (result != 0)
            return result;
        if (r.put) {
            w->head.live++;
            w->head.sum += mix64(r.usn);
            w->commit.puts++;
        } else {
            w->commit.dels++;
        }
    }
    return w->at < w->n ? 0 : sealer_seal(&w->fresh);
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

static void put_segments(struct origin *w, const struct new_segment *from, size_t n,
                         struct commit *ret)
{
    for (size_t i = 0; i < n; i++) {
        w->head.bytes += from[i].line.size;
        manifest_line_put(&w->lines, &from[i].line);
        ret->segment[ret->segment_n++] = from[i];
    }
}

static bool leaving(const struct origin *w, size_t line)
{
    uint32_t id = w->c->serving.id[line];
    return w->left || (id != 0 && (w->c->plan->segment[id].flags & SEGMENT_LEAVING) != 0);
}

/* Lines that stay, fresh ones, rewritten ones; and which of the former's are listed no more. A
 * rewrite may give a segment that was listed already, byte for byte: it is not dropped. */
static int list(struct origin *w, struct commit *ret)
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

/* --- one after the other */

static int enter(struct origin *w, enum origin_phase phase)
{
    w->phase = phase;
    w->at = 0;
    return 0;
}

static int begin_place(struct origin *w)
{
    const struct change **scratch = w->sorter.to;
    w->change = w->sorter.from;
    if (w->n == 0)
        w->head.usn++;
    if (!w->left)
        rewrite_choose(w);
    w->order = arena_alloc(w->a, w->n * sizeof(struct change *));
    sorter_init(&w->sorter, w->order, scratch, 0, compare_places);
    return w->order == NULL ? -1 : enter(w, ORIGIN_PLACE);
}

/* One phase, as far as the budget goes. */
static int go_on(struct origin *w, size_t *budget)
{
    int result = 0;
    switch (w->phase) {
    case ORIGIN_SORT: return sorter_go_on(&w->sorter, budget) ? enter(w, ORIGIN_CHOOSE) : 0;
    case ORIGIN_CHOOSE:
        result = choose(w, budget);
        return result != 0 || w->at < w->sorter.n ? result : begin_place(w);
    case ORIGIN_PLACE:
        place(w, budget);
        return w->at < 2 * w->n ? 0 : enter(w, w->mixed ? ORIGIN_ORDER : ORIGIN_WRITE);
    case ORIGIN_ORDER:
        if (!sorter_go_on(&w->sorter, budget))
            return 0;
        w->order = w->sorter.from;
        return enter(w, ORIGIN_WRITE);
    case ORIGIN_WRITE:
        result = write_fresh(w, budget);
        if (result != 0 || w->at < w->n)
            return result;
        if (!w->left)
            rewrite_begin(w);
        else
            w->fresh_n = w->fresh.n;
        return enter(w, ORIGIN_REWRITE);
    case ORIGIN_REWRITE:
        result = rewrite_go_on(w, budget);
        return result != 0 ? (result > 0 ? 0 : result) : enter(w, ORIGIN_LIST);
    case ORIGIN_LIST:
        result = list(w, &w->commit);
        return result != 0 ? result : enter(w, ORIGIN_DONE);
    case ORIGIN_DONE: break;
    }
    return 0;
}

struct origin *origin_begin(struct arena *a, const struct catalog *c, const struct head *former,
                            bool left, const struct changes_of *of)
{
    struct origin *w = arena_alloc(a, sizeof *w);
    size_t n = left ? 0 : of->n + of->more_n;
    const struct change **all = arena_alloc(a, n * sizeof(struct change *));
    const struct change **scratch = arena_alloc(a, n * sizeof(struct change *));
    assert(former->lines == c->serving.n);
    if (w == NULL || all == NULL || scratch == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        all[i] = i < of->n ? &of->change[i] : of->more[i - of->n];
    *w = (struct origin){.a = a, .c = c, .left = left, .former_peak = former->peak,
                         .head = {.usn = former->usn,
                                  .live = left ? 0 : c->serving_live,
                                  .sum = left ? 0 : c->serving_sum}};
    sorter_init(&w->sorter, all, scratch, n, change_order);
    sealer_init(&w->fresh, a);
    sealer_init(&w->folded, a);
    buf_init(&w->lines, a->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    buf_init(&w->head_bytes, a->mem, HEAD_MAX);
    return w;
}

int origin_go_on(struct origin *w, size_t *budget)
{
    int result = 0;
    while (result == 0 && w->phase != ORIGIN_DONE && *budget > 0)
        result = go_on(w, budget);
    return result != 0 ? result : w->phase != ORIGIN_DONE;
}

const struct change *origin_refused(const struct origin *w)
{
    return w->alike.come;
}

const struct change *const *origin_changes(const struct origin *w, size_t *ret_n)
{
    *ret_n = w->n;
    return w->change;
}

int origin_end(struct origin *w, const struct head *next, const uint8_t secret[static SECRET_SIZE],
               struct commit *ret)
{
    struct head head = *next;
    assert(w->phase == ORIGIN_DONE);
    head.usn = w->head.usn;
    head.lines = w->head.lines;
    head.bytes = w->head.bytes;
    head.live = w->head.live;
    head.sum = w->head.sum;
    head.peak = w->former_peak > head.live ? w->former_peak : head.live;
    *ret = w->commit;
    catalog_root(w->c, head.root, ret->lines);
    head_put(&w->head_bytes, &head, secret);
    ret->head = head;
    ret->head_bytes = arena_copy(w->a, buf_slice(&w->head_bytes));
    ret->change = w->change;
    ret->change_n = w->n;
    return w->head_bytes.failed || w->a->failed ? -1 : 0;
}

void origin_done(struct origin *w)
{
    if (w == NULL)
        return;
    rewrite_done(w->c);
    buf_done(&w->head_bytes);
    buf_done(&w->lines);
    buf_done(&w->folded.out);
    buf_done(&w->fresh.out);
}

int origin_commit(struct arena *a, const struct catalog *c, const struct head *former,
                  const struct head *next, const struct change *change, size_t n,
                  const uint8_t secret[static SECRET_SIZE], struct commit *ret)
{
    bool left = (next->flags & HEAD_FLAG_LEFT) != 0;
    const struct changes_of of = {.change = change, .n = n};
    struct origin *w = origin_begin(a, c, former, left, &of);
    size_t budget = SIZE_MAX;
    *ret = (struct commit){0};
    int result = w == NULL ? -1 : origin_go_on(w, &budget);
    if (result == 0)
        result = origin_end(w, next, secret, ret);
    origin_done(w);
    return result;
}
