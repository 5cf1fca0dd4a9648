/* holds: who has what. Each cluster says in its stream 0, with every beat, what it serves of
 * everybody else: one hash over all of it (the vector), and by name the exceptions, which are not
 * up to date there. The hash is a sum, so that an exception can be left out of it, and so that the
 * difference between two vectors is the sum of what differs. Between beats it is said anew only
 * where something went wrong here, or is right again, and by a cluster that has just come in: never
 * because somebody else's stream 0 changed, or N clusters would answer each other for ever.
 *
 * What others say is explained by the vectors that this cluster has had itself (view_holds.c): each
 * change of its own is kept as a step for a while. */
#include "core/core.h"

#define HOLDS_VERSION 1

/* --- as it is written: u8 version, u64 wall, varint streams, 8 hash, varint n, then for each
 * exception 16 key, varint number, varint epoch, varint USN, u8 status, varint seconds since. */

static uint64_t seconds(wall from, wall to)
{
    return from == 0 || from > to ? 0 : (uint64_t)(to - from) / (uint64_t)TICK_S;
}

void holds_put(struct buf *b, const struct holds *h)
{
    buf_put_u8(b, HOLDS_VERSION);
    buf_put_u64(b, (uint64_t)h->at);
    buf_put_varint(b, h->streams);
    buf_put(b, h->hash, HOLDS_HASH);
    buf_put_varint(b, h->n);
    for (size_t i = 0; i < h->n; i++) {
        const struct exception *e = &h->exception[i];
        buf_put(b, e->key, HOLDS_KEY);
        buf_put_varint(b, e->number);
        buf_put_varint(b, e->epoch);
        buf_put_varint(b, e->usn);
        buf_put_u8(b, e->status);
        buf_put_varint(b, seconds(e->since, h->at));
    }
}

static bool exception_get(struct exception *e, struct cursor *c, wall at)
{
    memset(e, 0, sizeof *e);
    cursor_copy(c, e->key, HOLDS_KEY);
    e->number = cursor_varint(c);
    e->epoch = cursor_varint(c);
    e->usn = cursor_varint(c);
    e->status = cursor_u8(c);
    uint64_t ago = cursor_varint(c);
    if (c->failed || e->status == SYNC_UP_TO_DATE || e->status > SYNC_DIGEST_DIFFERS ||
        ago > (uint64_t)at / (uint64_t)TICK_S)
        return false;
    e->since = at - (wall)ago * TICK_S;
    return true;
}

bool holds_get(struct holds *h, struct slice value)
{
    struct cursor c;
    memset(h, 0, sizeof *h);
    cursor_init(&c, value);
    if (cursor_u8(&c) != HOLDS_VERSION)
        return false;
    uint64_t at = cursor_u64(&c);
    h->streams = cursor_varint(&c);
    cursor_copy(&c, h->hash, HOLDS_HASH);
    uint64_t n = cursor_varint(&c);
    if (c.failed || at > INT64_MAX || h->streams > STREAMS_MAX || n > HOLDS_EXCEPTIONS)
        return false;
    h->at = (wall)at;
    for (; h->n < n; h->n++)
        if (!exception_get(&h->exception[h->n], &c, h->at))
            return false;
    h->known = cursor_done(&c);
    return h->known;
}

void holds_read(struct peer *p, struct slice value)
{
    if (!holds_get(&p->holds, value))
        p->holds.known = false;
}

/* --- one's own vector */

/* What others are shown of it. */
static const struct head *shown(const struct stream *s)
{
    return s->own ? told_head(s) : &s->head;
}

static bool in_vector(const struct ils *ils, const struct stream *s)
{
    return s->number != STREAM_SELF && stream_held(s) &&
           (shown(s)->flags & HEAD_FLAG_LEFT) == 0 && ends_of(ils, s->key) == NULL;
}

/* Never 0. */
static uint64_t adds(const struct stream *s)
{
    const struct head *h = shown(s);
    uint8_t at[24], hash[HASH_SIZE];
    const uint64_t part[3] = {s->number, h->epoch, h->usn};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof at; i++)
        at[i] = (uint8_t)(part[i / 8] >> (56 - i % 8 * 8));
    const struct slice parts[3] = {slice_make(s->key, KEY_SIZE), slice_make(at, sizeof at),
                                   slice_make(h->root, HASH_SIZE)};
    crypto_hash(hash, "holds", parts, 3);
    for (size_t i = 0; i < HOLDS_HASH; i++)
        sum = sum << 8 | hash[i];
    return sum == 0 ? 1 : sum;
}

/* The vector follows what is served of s now. */
static void count(struct ils *ils, struct stream *s, uint64_t after)
{
    struct vector *v = &ils->vector;
    if (after == s->counted)
        return;
    if (ils->started) { /* what came from the disk was not a change */
        struct vector_step *step = &v->step[v->n++ % HOLDS_STEPS];
        *step = (struct vector_step){.number = s->number, .before = s->counted, .after = after,
                                     .epoch = s->counted_epoch, .usn = s->counted_usn,
                                     .at = ils->now, .wall = ils->wall};
        memcpy(step->key, s->key, HOLDS_KEY);
    }
    v->sum += after - s->counted;
    v->streams = v->streams + (after != 0) - (s->counted != 0);
    s->counted = after;
    s->counted_epoch = after != 0 ? shown(s)->epoch : 0;
    s->counted_usn = after != 0 ? shown(s)->usn : 0;
}

static void note(struct ils *ils, struct stream *s)
{
    count(ils, s, in_vector(ils, s) ? adds(s) : 0);
}

/* --- what is not up to date here */

static void look_at(struct ils *ils, tick t)
{
    if (ils->holds_next == 0 || t < ils->holds_next)
        ils->holds_next = t;
}

/* A head is known that is not served: since now, if not longer. */
void holds_heard(struct ils *ils, struct stream *s)
{
    ils->holds_news = true;
    if (s->behind != 0)
        return;
    s->behind = ils->now != 0 ? ils->now : 1;
    ils->behind_n++;
}

/* This cluster has just come in: it serves at least twice what it last said it did. */
static bool grown(const struct ils *ils)
{
    return ils->vector.streams > 1 && ils->vector.streams >= 2 * ils->holds_streams;
}

static void caught_up(struct ils *ils, struct stream *s)
{
    ils->behind_n -= s->behind != 0;
    s->behind = 0;
}

/* Nothing newer is waited for. Whether that it was may have been told. */
static bool up_to_date(struct ils *ils, struct stream *s)
{
    bool told = s->error != NULL || (s->behind != 0 && ils->now - s->behind >= HOLDS_LATE_US);
    caught_up(ils, s);
    s->failed = 0;
    s->error = NULL;
    return told;
}

void holds_served(struct ils *ils, struct stream *s)
{
    bool told = up_to_date(ils, s);
    note(ils, s);
    if (s->number != STREAM_SELF && ils->started && (told || grown(ils)))
        look_at(ils, ils->now + (told ? 0 : HOLDS_LATE_US));
}

void holds_dropped(struct ils *ils, struct stream *s)
{
    if (up_to_date(ils, s) && s->number != STREAM_SELF && ils->started)
        look_at(ils, ils->now);
}

void holds_gone(struct ils *ils, struct stream *s)
{
    caught_up(ils, s);
    count(ils, s, 0);
}

enum sync_status holds_status(const struct ils *ils, const struct stream *s)
{
    if (s->digest_differs)
        return SYNC_DIGEST_DIFFERS;
    if (s->over_quota)
        return SYNC_HELD_QUOTA;
    if (s->kept.catalog != NULL)
        return SYNC_HELD;
    if (s->behind == 0 || s->own || !s->admitted)
        return SYNC_UP_TO_DATE;
    return s->fetch != FETCH_NONE ? SYNC_SYNCHRONIZING : SYNC_BEHIND;
}

/* Worth telling the network: what is merely on its way is not. */
static bool is_exception(const struct ils *ils, const struct stream *s)
{
    enum sync_status status = holds_status(ils, s);
    if (s->number == STREAM_SELF || status == SYNC_UP_TO_DATE || ends_of(ils, s->key) != NULL)
        return false;
    return (status != SYNC_SYNCHRONIZING && status != SYNC_BEHIND) ||
           ils->now - s->behind >= HOLDS_LATE_US;
}

static void exception_of(const struct ils *ils, const struct stream *s, struct exception *e)
{
    enum sync_status status = holds_status(ils, s);
    memset(e, 0, sizeof *e);
    memcpy(e->key, s->key, HOLDS_KEY);
    e->number = s->number;
    e->epoch = stream_held(s) ? s->head.epoch : 0;
    e->usn = stream_held(s) ? s->head.usn : 0;
    e->status = (uint8_t)(status == SYNC_SYNCHRONIZING ? SYNC_BEHIND : status);
    e->since = s->behind != 0 ? ils->wall - (ils->now - s->behind) : ils->wall;
}

/* Which they are, and in which way, without order. */
static uint64_t set_of(const struct exception *e, size_t n)
{
    uint64_t set = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[HASH_SIZE];
        const struct slice parts[3] = {slice_make(e[i].key, HOLDS_KEY),
                                       slice_make(&e[i].number, sizeof e[i].number),
                                       slice_make(&e[i].status, 1)};
        crypto_hash(hash, "holds exception", parts, 3);
        for (size_t k = 0; k < 8; k++)
            set += (uint64_t)hash[k] << (8 * k);
    }
    return set;
}

/* The exceptions, as many as fit. */
static size_t exceptions(const struct ils *ils, struct exception *ret, struct stream **ret_stream)
{
    size_t n = 0;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (n == HOLDS_EXCEPTIONS || !is_exception(ils, s))
            continue;
        exception_of(ils, s, &ret[n]);
        ret_stream[n++] = s;
    }
    return n;
}

/* --- saying it */

static struct slice make(struct ils *ils)
{
    struct holds *h = arena_alloc(&ils->step, sizeof *h);
    struct stream *of[HOLDS_EXCEPTIONS];
    struct buf b;
    if (h == NULL)
        return slice_make(NULL, 0);
    memset(h, 0, sizeof *h);
    uint64_t sum = ils->vector.sum;
    h->at = ils->wall > 0 ? ils->wall : 0;
    h->streams = ils->vector.streams;
    h->n = exceptions(ils, h->exception, of);
    for (size_t i = 0; i < h->n; i++) {
        sum -= of[i]->counted;
        h->streams -= of[i]->counted != 0;
    }
    for (size_t i = 0; i < HOLDS_HASH; i++)
        h->hash[i] = (uint8_t)(sum >> (56 - 8 * i));
    buf_init(&b, ils->mem, HOLDS_BYTES);
    holds_put(&b, h);
    struct slice value = b.failed ? slice_make(NULL, 0) : arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    crypto_hash1(ils->holds_said, "holds word", value);
    ils->holds_wrong = set_of(h->exception, h->n);
    ils->holds_streams = ils->vector.streams;
    ils->holds_wrote = ils->now;
    return value;
}

/* After a start: what was said before it counts as said. */
static void said_before(struct ils *ils, struct slice value)
{
    struct holds *h = arena_alloc(&ils->step, sizeof *h);
    if (h == NULL || !holds_get(h, value))
        return;
    ils->holds_wrong = set_of(h->exception, h->n);
    ils->holds_streams = h->streams + h->n;
}

/* What stands there already stays, unless it is time to say it anew; what was made to be said
 * stands there when the disk has taken it. */
struct slice holds_told(struct ils *ils)
{
    const struct record key = {.kind = ENTRY_FIELD, .user = slice_of("holds")};
    struct record stands;
    uint8_t hash[HASH_SIZE];
    bool there = catalog_find(ils->self->catalog, &key, &stands) && stands.value.n != 0;
    if (there && ils->holds_streams == 0 && !ils->holds_due)
        said_before(ils, stands.value);
    if (there && ils->holds_due) {
        crypto_hash1(hash, "holds word", stands.value);
        ils->holds_due = memcmp(hash, ils->holds_said, sizeof hash) != 0;
    }
    return there && !ils->holds_due ? stands.value : make(ils);
}

static void say_anew(struct ils *ils)
{
    memset(ils->holds_said, 0, sizeof ils->holds_said);
    ils->holds_due = true;
    self_changed(ils);
}

/* What is behind is looked at when it has been so for long enough. */
static void look_later(struct ils *ils)
{
    if (ils->behind_n == 0)
        return;
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (s->behind != 0 && s->behind + HOLDS_LATE_US > ils->now)
            look_at(ils, s->behind + HOLDS_LATE_US);
    }
}

/* Is something wrong that was not, or right again? */
static void look(struct ils *ils)
{
    struct exception exception[HOLDS_EXCEPTIONS];
    struct stream *of[HOLDS_EXCEPTIONS];
    ils->holds_next = 0;
    look_later(ils);
    size_t n = exceptions(ils, exception, of);
    if (set_of(exception, n) == ils->holds_wrong && !grown(ils))
        return;
    if (ils->now < ils->holds_wrote + HOLDS_LATE_US)
        look_at(ils, ils->holds_wrote + HOLDS_LATE_US);
    else
        say_anew(ils);
}

/* Called before the beat is signed (stream.c), which it comes with. */
void holds_tick(struct ils *ils)
{
    if (!ils->ready || ils->own == NULL || ils->role == ROLE_STANDALONE)
        return;
    if (ils->holds_news)
        look_later(ils);
    ils->holds_news = false;
    if (ils->now >= ils->next_beat) {
        list_each(node, &ils->streams)
            note(ils, list_entry(node, struct stream, node));
        say_anew(ils);
    } else if (ils->own->counted_usn != shown(ils->own)->usn) {
        note(ils, ils->own); /* another head is shown in place of it */
    }
    if (ils->holds_next != 0 && ils->now >= ils->holds_next)
        look(ils);
}

tick holds_deadline(const struct ils *ils)
{
    bool wanted = ils->ready && ils->role != ROLE_STANDALONE && ils->holds_next != 0;
    return wanted ? ils->holds_next : TICK_NEVER;
}
