/* origin_rewrite: which segments an origin writes anew, and what of them it may leave out: a PUT
 * that a later record of its key supersedes, and a DEL that no older PUT listed needs any more.
 * Decided here and nowhere else, because nobody but the origin rewrites. Dropping a DEL while an
 * older PUT stays listed would bring the deleted entry back everywhere.
 *
 * What each segment still keeps is counted with the digest, record by record (index.c), so choosing
 * is one look at each line. A segment of which nothing is kept goes for nothing. The others, and
 * the tail, become one run of records: all new segments but the last are full, and nothing that was
 * joined once fits beside its neighbour again before something of it dies. Dead and alive are
 * weighed in bytes of records, so what is listed is at most about twice what is alive, and two
 * neighbours are more than one full segment: lines are bounded by what is alive.
 *
 * Work: a commit reads the tail, and before it twice SEGMENT_MAX and twice what the changes weigh
 * (64 segments more where a key is crowded). Amortised: a change pays for its own record, for at
 * most one record that stays beside the one it killed, and for its part of the tail, which is
 * rewritten when 64 KiB or 128 lines have come and less than half of that was left the last time.
 * Measured over a million changes in test_origin_long.c. */
#include <string.h>

#include "base/planted.h"
#include "plan/origin_inside.h"

#define SMALL(size)       ((size) < SEGMENT_MAX / 2)
#define REWRITE_BYTES     (2 * SEGMENT_MAX) /* read before the tail by every commit, at most */
#define CROWDED_SEGMENTS  64                /* rewritten at once because of crowded keys */
#define JOIN_SLACK        16                /* "" as a source is not said at a segment's start */

static struct segment *segment_of(const struct origin *w, size_t line)
{
    uint32_t id = w->c->serving.id[line];
    return id != 0 ? &w->c->plan->segment[id] : NULL;
}

/* What a rewrite of this segment would keep. */
static uint32_t kept(const struct segment *s)
{
    return s->kept - s->dying;
}

/* Counts hold for the served set: nothing is being fetched for one's own stream. */
static bool counted(const struct catalog *c)
{
    return c->counted && !c->targeting;
}

static bool leaves(const struct segment *s)
{
    return s == NULL || (s->flags & SEGMENT_LEAVING) != 0;
}

static void leave(struct origin *w, struct segment *s)
{
    s->flags |= SEGMENT_LEAVING;
    w->leaves = true;
}

/* --- which lines */

/* Where the run of small segments at the end begins, as far as the former's lines go. */
static size_t tail_start(const struct origin *w)
{
    size_t at = w->c->serving.n;
    while (at > 0 && (segment_of(w, at - 1) == NULL || SMALL(segment_of(w, at - 1)->size)))
        at--;
    return at;
}

static bool pay(struct origin *w, uint64_t bytes)
{
    if (w->budget < bytes)
        return false;
    w->budget -= bytes;
    return true;
}

/* Runs of neighbours that fit into one segment: by what they are now, so that they surely do. */
static void join(struct origin *w, size_t n)
{
    struct segment *former = NULL;
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        struct segment *s = segment_of(w, i);
        if (leaves(s))
            continue;
        uint32_t both = former != NULL ? sum + s->size + JOIN_SLACK : UINT32_MAX;
        if (both <= SEGMENT_MAX && pay(w, s->size + (leaves(former) ? 0 : former->size))) {
            leave(w, former);
            leave(w, s);
            sum = both;
        } else {
            sum = s->size;
        }
        former = s;
    }
}

void rewrite_choose(struct origin *w)
{
    size_t tail = tail_start(w);
    if (!counted(w->c))
        return;
    w->budget += REWRITE_BYTES;
    for (size_t i = 0; i < w->c->serving.n; i++) {
        struct segment *s = segment_of(w, i);
        if (leaves(s))
            continue;
        if (kept(s) == 0 ||
            (i < tail && kept(s) < s->weight / 2 && pay(w, s->size)))
            leave(w, s);
    }
    join(w, tail);
}

void rewrite_crowded(struct origin *w, const struct record *key)
{
    w->crowded += index_leave(w->c, key, CROWDED_SEGMENTS - w->crowded);
    w->leaves = w->leaves || w->crowded > 0;
}

/* --- what of them */

static bool is_changed(const struct origin *w, const struct record *r)
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

/* A record outlives the rewrite when it counts for its key and, being a DEL, still hides a PUT in a
 * line that stays. id: its segment; 0: it is fresh, and so it counts. */
static bool outlives(const struct origin *w, uint32_t id, const struct record *r)
{
    if (id != 0 && (is_changed(w, r) || !index_counts(w->c, SEGMENT_SERVED, id, r, NULL)))
        return false;
#ifdef OPENILS_BUG_DROP_DEL_EARLY /* planted: the model test must turn red */
    return r->put;
#else
    if (r->put || BUG(DEL_DROPPED))
        return r->put;
    return index_put_stays(w->c, r);
#endif
}

static int rewrite_segment(struct origin *w, uint32_t id, struct slice bytes, size_t *budget)
{
    struct segment_reader reader;
    struct record r;
    segment_reader_init(&reader, bytes);
    while (segment_next(&reader, &r) == 1) {
        *budget -= *budget > 0;
        int result = outlives(w, id, &r) ? sealer_put(&w->folded, &r) : 0;
        if (result != 0)
            return result;
    }
    return 0;
}

/* --- all of it */

/* Is there anything to read, or does what leaves go for nothing? */
static bool must_write(const struct origin *w)
{
    for (size_t i = 0; w->leaves && i < w->c->serving.n; i++) {
        const struct segment *s = segment_of(w, i);
        if (s != NULL && leaves(s) && (!counted(w->c) || kept(s) > 0))
            return true;
    }
    return false;
}

/* The tail leaves when it is too long, and whenever anything else is written anew. Sets fresh_n;
 * true when something is to be written. */
static bool tail_leaves(struct origin *w)
{
    size_t former = w->c->serving.n, at = former + w->fresh.n, lines = 0;
    uint64_t bytes = 0;
    for (; at > 0; at--) {
        const struct segment *s = at > former ? NULL : segment_of(w, at - 1);
        uint32_t size = at > former ? w->fresh.segment[at - 1 - former].line.size
                        : leaves(s) ? 0 : s->size;
        if (!SMALL(size))
            break;
        lines += size > 0;
        bytes += size;
    }
    bool too_long = lines > TAIL_LINES_MAX || (bytes > TAIL_BYTES_MAX && lines > 1);
    w->fresh_n = w->fresh.n;
    if (!too_long && !must_write(w))
        return false;
    for (size_t i = at; i < former; i++) {
        struct segment *s = segment_of(w, i);
        if (s != NULL)
            leave(w, s);
    }
    w->fresh_n = at > former ? at - former : 0;
    return true;
}

void rewrite_begin(struct origin *w)
{
    w->rewrites = tail_leaves(w);
}

/* One line of the former's, or a fresh segment that is folded. */
static int rewrite_one(struct origin *w, size_t at, size_t *budget)
{
    size_t former = w->c->serving.n;
    if (at >= former)
        return rewrite_segment(w, 0, w->fresh.segment[w->fresh_n + at - former].bytes, budget);
    const struct segment *s = segment_of(w, at);
    if (s == NULL || !leaves(s) || (counted(w->c) && kept(s) == 0))
        return 0;
    return rewrite_segment(w, w->c->serving.id[at], segment_bytes(s), budget);
}

int rewrite_go_on(struct origin *w, size_t *budget)
{
    size_t n = w->c->serving.n + w->fresh.n - w->fresh_n;
    for (; w->rewrites && w->at < n; w->at++) {
        if (*budget == 0)
            return 1;
        int result = rewrite_one(w, w->at, budget);
        if (result != 0)
            return result;
    }
    if (!w->rewrites)
        return 0;
    w->head.usn++;
    return sealer_seal(&w->folded);
}

void rewrite_done(const struct catalog *c)
{
    for (size_t i = 0; i < c->serving.n; i++) {
        struct segment *s = &c->plan->segment[c->serving.id[i]];
        s->flags &= (uint8_t)~SEGMENT_LEAVING;
        s->dying = 0;
    }
}
