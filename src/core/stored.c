/* stored: what the disk holds of others' plans, so that a start serves what was served before,
 * whoever is there then. Segments are stored as they come, the list that names them when all of it
 * is held and checked; what is on neither list any more is removed.
 *
 * A disk may refuse any of that, and take what follows. What it refused is remembered by name and
 * written again as soon as it has taken something, a few segments at a time, and the list
 * behind them. What there is no memory to remember is fetched again after the next start; what was
 * to be removed is found then. */
#include "core/core.h"

#define AGAIN 16 /* segments in one batch */

/* --- as it comes */

/* For the day that it is refused. */
static void of_stream(struct batch *b, const struct stream *s)
{
    b->of_stream = true;
    memcpy(b->peer_key, s->key, KEY_SIZE);
    b->number[0] = s->number;
}

/* Rows of segments of a former list that are held no longer. Both lists are in the same order: one
 * walk along both finds what the newer one lacks. */
static void drop_rows(struct rows *rows, const struct stream *s, struct slice former,
                      struct slice lines)
{
    size_t at = 0;
    for (size_t i = 0; i + LINE_BYTES <= former.n; i += LINE_BYTES) {
        const uint8_t *name = former.p + i + LINE_BYTES - HASH_SIZE;
        if (at < lines.n && memcmp(former.p + i, lines.p + at, LINE_BYTES) == 0)
            at += LINE_BYTES;
        else if (catalog_segment(s->catalog, name).n == 0 && !held_needs(s, name))
            rows_remove(rows, ROW_SEGMENT,
                        stream_key_bytes(&rows->ils->step, s->key, s->number, name));
    }
}

void stored_forget(struct ils *ils, struct stream *s, struct slice former, struct slice lines)
{
    struct rows rows;
    rows_init(&rows, ils);
    drop_rows(&rows, s, former, lines);
    if (rows.n != 0)
        journal_store(&rows, BATCH_PLAIN);
}

static void refused_segment(struct ils *ils, struct stream *s, const uint8_t *name)
{
    if (s->own) /* adopted, it is stored whole when it is mine (adopt_rows) */
        return;
    ils->unstored = true;
    buf_put(&s->unstored, name, HASH_SIZE);
    if (s->unstored.failed)
        buf_reset(&s->unstored);
}

/* A copy: this very step may still give the segment up. */
static void put_segment(struct rows *r, const struct stream *s, const uint8_t *name)
{
    struct arena *a = &r->ils->step;
    struct slice bytes = catalog_segment(s->catalog, name);
    if (bytes.n == 0 && s->kept.catalog != NULL)
        bytes = catalog_segment(s->kept.catalog, name);
    if (bytes.n != 0)
        rows_put(r, ROW_SEGMENT, stream_key_bytes(a, s->key, s->number, name),
                 arena_copy(a, bytes));
    r->failed = r->failed || a->failed;
}

void stored_segment(struct ils *ils, struct stream *s, const uint8_t *name)
{
    struct rows rows;
    rows_init(&rows, ils);
    put_segment(&rows, s, name);
    struct batch *b = journal_store(&rows, BATCH_PLAIN);
    if (b == NULL) {
        refused_segment(ils, s, name);
        return;
    }
    of_stream(b, s);
    b->of_segment = true;
    memcpy(b->segment, name, HASH_SIZE);
}

static void put_head(struct rows *r, const struct stream *s)
{
    struct arena *a = &r->ils->step;
    struct slice value = stream_row(a, buf_slice(&s->head_bytes), catalog_lines(s->catalog));
    r->failed = r->failed || value.n == 0 || a->failed;
    rows_put(r, ROW_STREAM, stream_key_bytes(a, s->key, s->number, NULL), value);
}

static void store_head(struct rows *r, struct stream *s)
{
    struct batch *b = journal_store(r, BATCH_PLAIN);
    held_storing(s, b);
    if (b == NULL) {
        r->ils->unstored = s->head_unstored = true;
        return;
    }
    of_stream(b, s);
    b->of_head = true;
}

void stored_head(struct rows *r, struct stream *s, struct slice former)
{
    drop_rows(r, s, former, catalog_lines(s->catalog));
    put_head(r, s);
    store_head(r, s);
}

/* --- once more */

/* The first names that were refused, as far as they are held, and behind the last of them the head.
 * False: nothing is held of them. */
static bool store_again(struct ils *ils, struct stream *s)
{
    struct rows rows;
    size_t n = s->unstored.n / HASH_SIZE;
    bool head = n <= AGAIN && stream_held(s);
    n = n < AGAIN ? n : AGAIN;
    rows_init(&rows, ils);
    for (size_t i = 0; i < n; i++)
        put_segment(&rows, s, s->unstored.p + i * HASH_SIZE);
    if (head) {
        held_rows_again(&rows, s);
        put_head(&rows, s);
    }
    if (rows.n == 0 && !rows.failed) {
        buf_drop(&s->unstored, n * HASH_SIZE);
        s->head_unstored = s->head_unstored && n == AGAIN;
        return false;
    }
    struct batch *b = journal_store(&rows, BATCH_PLAIN);
    if (b == NULL)
        return true; /* when the disk has taken the next one */
    if (head)
        held_storing(s, b);
    of_stream(b, s);
    b->of_head = head;
    b->number[1] = n;
    s->again = b->n;
    return true;
}

/* One batch at a time, of one of those of which the disk did not take all. */
static void again(struct ils *ils)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        while (s->again == 0 && (s->head_unstored || s->unstored.n != 0))
            if (store_again(ils, s))
                return;
        if (s->again != 0)
            return;
    }
    ils->unstored = false;
}

/* Where it was taken, so will be what was refused before, perhaps. */
void stored_answered(struct ils *ils, const struct batch *b, bool failed)
{
    struct stream *s = b->of_stream ? stream_find(ils, b->peer_key, b->number[0]) : NULL;
    if (s != NULL && failed && b->of_segment)
        refused_segment(ils, s, b->segment);
    if (s != NULL && b->of_head)
        s->head_unstored = failed;
    if (s != NULL && s->again == b->n) {
        s->again = 0;
        if (!failed)
            buf_drop(&s->unstored, b->number[1] * HASH_SIZE);
    }
    ils->unstored = ils->unstored || (failed && b->of_stream);
    if (!failed && ils->unstored)
        again(ils);
}
