/* stream: what is held of each (origin, number), whether it is stale, and when one's own are signed
 * again; commit.c writes those. */
#include "core/core.h"

struct stream *stream_find(const struct ils *ils, const uint8_t key[static KEY_SIZE],
                           uint64_t number)
{
    struct stream *s = ils->by_key[key[0] % STREAM_BUCKETS];
    while (s != NULL && (s->number != number || memcmp(s->key, key, KEY_SIZE) != 0))
        s = s->next_by_key;
    return s;
}

static size_t index_take(struct ils *ils)
{
    size_t i = 0;
    while (ils->index_taken[i])
        i++;
    ils->index_taken[i] = true;
    return i;
}

/* Finds or makes; NULL when memory or the bound refuses. */
struct stream *stream_get(struct ils *ils, const uint8_t key[static KEY_SIZE], uint64_t number)
{
    struct stream *s = stream_find(ils, key, number);
    if (s != NULL || ils->plan == NULL)
        return s;
    if (ils->stream_n >= STREAMS_MAX && !ends_make_room(ils))
        return NULL;
    s = mem_alloc(ils->mem, sizeof *s);
    if (s == NULL)
        return NULL;
    s->catalog = catalog_new(ils->plan, key, number, number != STREAM_SELF);
    if (s->catalog == NULL) {
        mem_free(ils->mem, s, sizeof *s);
        return NULL;
    }
    memcpy(s->key, key, KEY_SIZE);
    s->number = number;
    s->index = index_take(ils);
    s->own = ils->has_key && memcmp(key, ils->key, KEY_SIZE) == 0;
    s->retry = TICK_NEVER;
    s->last_head = ils->now;
    list_init(&s->replaced);
    list_init(&s->due);
    buf_init(&s->head_bytes, ils->mem, HEAD_MAX);
    buf_init(&s->delta, ils->mem, 64 * 1024);
    buf_init(&s->wanted_bytes, ils->mem, HEAD_MAX);
    buf_init(&s->wanted_lines, ils->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    buf_init(&s->target_lines, ils->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    buf_init(&s->former_lines, ils->mem, (size_t)MANIFEST_LINES_MAX * LINE_BYTES);
    buf_init(&s->unstored, ils->mem, (size_t)MANIFEST_LINES_MAX * HASH_SIZE);
    buf_init(&s->withheld, ils->mem, HEAD_MAX);
    buf_init(&s->second, ils->mem, HEAD_MAX);
    buf_init(&s->roster, ils->mem, (size_t)ROSTER_MAX * KEY_SIZE);
    s->rebuilt = -REBUILD_US;
    list_add(&ils->streams, &s->node);
    s->next_by_key = ils->by_key[key[0] % STREAM_BUCKETS];
    ils->by_key[key[0] % STREAM_BUCKETS] = s;
    ils->stream_n++;
    ils->catalog_n += catalogs_is(s);
    return s;
}

void stream_free(struct ils *ils, struct stream *s)
{
    struct stream **at = &ils->by_key[s->key[0] % STREAM_BUCKETS];
    while (*at != s)
        at = &(*at)->next_by_key;
    *at = s->next_by_key;
    list_remove(&s->node);
    list_remove(&s->due);
    ils->stream_n--;
    ils->catalog_n -= catalogs_is(s);
    ils->index_taken[s->index] = false;
    replaced_free(ils, s);
    holds_gone(ils, s);
    duplicates_gone(ils, s);
    held_drop(ils, s);
    catalog_free(s->catalog);
    buf_done(&s->head_bytes);
    buf_done(&s->delta);
    buf_done(&s->wanted_bytes);
    buf_done(&s->wanted_lines);
    buf_done(&s->target_lines);
    buf_done(&s->former_lines);
    buf_done(&s->unstored);
    buf_done(&s->withheld);
    buf_done(&s->second);
    buf_done(&s->roster);
    catalogs_free(ils, s);
    mem_free(ils->mem, s, sizeof *s);
}

/* One's own stream, of another key from now on. */
void stream_rekey(struct ils *ils, struct stream *s, const uint8_t key[static KEY_SIZE])
{
    struct stream **at = &ils->by_key[s->key[0] % STREAM_BUCKETS];
    holds_gone(ils, s);
    while (*at != s)
        at = &(*at)->next_by_key;
    *at = s->next_by_key;
    memcpy(s->key, key, KEY_SIZE);
    catalog_rekey(s->catalog, key);
    at = &ils->by_key[key[0] % STREAM_BUCKETS];
    s->next_by_key = *at;
    *at = s;
}

bool stream_held(const struct stream *s)
{
    return s->head_bytes.n != 0;
}

/* One's own, damaged in the store, and nobody is there to fetch it from. */
bool stream_lost(const struct stream *s)
{
    return s->own && s->damaged && !stream_held(s) && s->proved_older && !s->renew &&
           s->fetch == FETCH_NONE;
}

/* Something went wrong with it; over when a head is served. why: a literal. */
void stream_failed(const struct ils *ils, struct stream *s, const char *why)
{
    s->failed = ils->wall;
    s->error = why;
}

/* What the alarm of damaged bytes is about. */
static struct slice damaged_name(struct ils *ils, const struct stream *s)
{
    static const char *const what[] = {"what it says of itself", "its plan"};
    const struct head *h = stream_held(s) ? &s->head : &s->wanted;
    struct slice name = s->own ? text_slice(ils->cluster_id) : h->name;
    struct buf b;
    buf_init(&b, ils->mem, 512);
    buf_put_slice(&b, cluster_id_valid(name) ? name : slice_of("a cluster"));
    buf_put_text(&b, " (");
    buf_put_text(&b, s->number <= STREAM_PLAN ? what[s->number] : "a catalog");
    buf_put_text(&b, ")");
    struct slice text = arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    return text;
}

/* After a start: the store held damaged bytes of it, or, an alarm of an earlier one is over. */
void stream_damaged(struct ils *ils, struct stream *s)
{
    struct slice name = damaged_name(ils, s);
    if (s->damaged)
        alarm_raise(ils, ILSStoreDamaged, name);
    else if (stream_held(s))
        alarm_clear(ils, ILSStoreDamaged, name);
}

/* The head of s has changed: lookups, the clusters table and the neighbours are told. */
void stream_served(struct ils *ils, struct stream *s)
{
    s->last_head = ils->now;
    if (s->damaged)
        alarm_clear(ils, ILSStoreDamaged, damaged_name(ils, s));
    s->damaged = false;
    struct slice name = cluster_id_valid(s->head.name) ? s->head.name : slice_make(NULL, 0);
    catalog_describe(s->catalog, name, s->head.route_string,
                     s->own && !catalogs_is(s));
    held_applied(s);
    held_serve(ils, s);
    held_set_stale(s, false);
    duplicates_changed(ils, s);
    ils->stale_next = ils->now;
    holds_served(ils, s);
    ils->heads_moved = true;
    if (s->number >= STREAM_CATALOGS && (s->head.flags & HEAD_FLAG_LEFT) != 0)
        ils->rosters_moved = true; /* there is room for who waited for it */
    if (s->own && !ends_allow(ils, &s->head))
        ils->ends_due = true; /* begun below what was forgotten of this cluster: nobody takes it */
    ils->learned_moved = ils->learned_moved || !s->own;
    ils_action(ils, ILS_DO_PUBLISH);
}

bool stream_head_wanted(struct stream *s)
{
    buf_reset(&s->head_bytes);
    buf_put_slice(&s->head_bytes, buf_slice(&s->wanted_bytes));
    if (s->head_bytes.failed || head_get(buf_slice(&s->head_bytes), &s->head) != 0)
        return false;
    buf_reset(&s->wanted_bytes);
    return true;
}

void stream_say_applied(struct ils *ils, const struct stream *s)
{
    struct trace *t = say(ils, EVENT_HEAD_APPLIED);
    crypto_peer_id(t->peer_id, s->key);
    t->text[0] = arena_copy(&ils->step, s->head.name); /* it may leave in this very step */
    t->number[0] = s->head.usn;
    t->number[1] = s->head.live;
}

/* counter * 2^32 + random, the counter one above the former epoch's. */
uint64_t stream_epoch(struct ils *ils, uint64_t former)
{
    uint8_t random[4];
    ils_entropy(ils, random, sizeof random);
    return ((former >> 32) + 1) << 32 | (uint64_t)random[0] << 24 | (uint64_t)random[1] << 16 |
           (uint64_t)random[2] << 8 | random[3];
}

/* Counter 1, and what follows from the origin's key: a store that was put back to before the first
 * entry begins the same epoch again, so that what neighbours hold of it is newer, and not another
 * one that may be passed over. */
uint64_t stream_first_epoch(const struct ils *ils, uint64_t number)
{
    uint8_t hash[HASH_SIZE], n = (uint8_t)number;
    struct slice parts[2] = {slice_make(ils->seed, SEED_SIZE), slice_make(&n, 1)};
    crypto_hash(hash, "first epoch", parts, 2);
    return UINT64_C(1) << 32 | (uint64_t)hash[0] << 24 | (uint64_t)hash[1] << 16 |
           (uint64_t)hash[2] << 8 | hash[3];
}

/* What the next head of s says of itself, but for its epoch. */
void stream_next(struct ils *ils, const struct stream *s, struct head *next)
{
    memset(next, 0, sizeof *next);
    memcpy(next->key, ils->key, KEY_SIZE);
    next->number = s->number;
    next->interval = told_minutes(ils);
    next->name = s->words != NULL ? text_slice(s->words->name) : text_slice(ils->cluster_id);
    next->route_string = s->words != NULL ? text_slice(s->words->route_string)
                                          : text_slice(ils->route_string);
}

/* The value of a stream's row; {NULL, 0} when memory is refused. */
struct slice stream_row(struct arena *a, struct slice head, struct slice lines)
{
    uint8_t *p = arena_alloc(a, 4 + head.n + lines.n);
    if (p == NULL)
        return slice_make(NULL, 0);
    p[0] = p[1] = 0;
    p[2] = (uint8_t)(head.n >> 8);
    p[3] = (uint8_t)head.n;
    memcpy(p + 4, head.p, head.n);
    if (lines.n != 0)
        memcpy(p + 4 + head.n, lines.p, lines.n);
    return slice_make(p, 4 + head.n + lines.n);
}

/* Not signed again for two intervals. */
bool stream_overdue(const struct ils *ils, const struct stream *s)
{
    return ils->now - s->last_head > 2 * (tick)s->head.interval * 60 * TICK_S;
}

/* Stale is what is overdue, what nobody lists any more, and what is of a cluster that an operator
 * disconnected. */
void stream_judge_stale(struct ils *ils)
{
    if (ils->now < ils->stale_next)
        return;
    ils->stale_next = TICK_NEVER;
    ils->mesh.seek = false;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->own || !stream_held(s))
            continue;
        held_set_stale(s, !s->admitted || stream_overdue(ils, s));
        ils->mesh.seek = ils->mesh.seek || (s->number == STREAM_SELF && stream_overdue(ils, s));
        tick overdue = s->last_head + 2 * (tick)s->head.interval * 60 * TICK_S + 1;
        if (overdue > ils->now && overdue < ils->stale_next)
            ils->stale_next = overdue;
    }
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (!peer_parted(ils, p))
            continue;
        for (struct stream *s = ils->by_key[p->key[0] % STREAM_BUCKETS]; s != NULL;
             s = s->next_by_key)
            if (s->number != STREAM_SELF && memcmp(s->key, p->key, KEY_SIZE) == 0)
                held_set_stale(s, true);
    }
}

/* One was not signed, or not stored. */
void beats_again(struct ils *ils)
{
    tick soon = ils->now + START_HOLD_US;
    ils->next_beat = ils->next_beat < soon ? ils->next_beat : soon;
}

/* It is stored with the plan's, so that a start knows of no beat that the disk did not take. */
void beats_row(struct rows *rows, const struct stream *s)
{
    const struct ils *ils = rows->ils;
    if (s == ils->own || !stream_held(ils->own))
        rows_setting_u64(rows, "beaten", (uint64_t)ils->beaten);
}

static void beat(struct ils *ils, struct stream *s)
{
    if (s == NULL || !stream_held(s) || s->committing || adopt_holds(ils, s))
        return;
    if (s == ils->self && ils->self_dirty && told_real(s))
        return; /* it is written anew at the end of this step, with what this cluster holds */
    if (!told_real(s))
        told_beat(ils, s);
    else if (stream_commit(ils, s, NULL, 0, COMMIT_BEAT) != 0)
        beats_again(ils);
}

static tick beat_interval(const struct ils *ils)
{
    return (tick)told_minutes(ils) * 60 * TICK_S;
}

/* By the wall clock, which goes on where the machine is suspended. One that leapt makes a beat
 * early, or late by less than an interval of this process. Of a beat that lies ahead, since the
 * clock was put back, nobody knows how long ago it was: the next is due. */
static tick since_beat(const struct ils *ils)
{
    if (ils->beaten > ils->wall)
        return beat_interval(ils);
    return ils->beaten >= 0 ? ils->wall - ils->beaten : 0;
}

/* A restart puts no beat off: whoever was away for two of them is called stale until the next. */
void beats_start(struct ils *ils, struct rows *rows)
{
    tick every = beat_interval(ils), since = since_beat(ils);
    if (ils->beaten == 0) {
        ils->beaten = ils->wall;
        rows_setting_u64(rows, "beaten", (uint64_t)ils->beaten);
    } else {
        every -= since < every ? since : every;
    }
    ils->next_beat = ils->now + every;
}

static bool beats_wait(const struct ils *ils)
{
    return (ils->self != NULL && adopt_holds(ils, ils->self)) ||
           (ils->own != NULL && adopt_holds(ils, ils->own));
}

/* Before anybody asks whether a beat is due. */
void beats_look(struct ils *ils)
{
    tick every = beat_interval(ils);
    if (ils->next_beat != TICK_NEVER && ils->next_beat > ils->now + every)
        ils->next_beat = ils->now + every; /* the operator wants it more often */
    if (ils->ready && since_beat(ils) >= every && ils->next_beat > ils->now && !beats_wait(ils))
        ils->next_beat = ils->now; /* it was suspended, or could not write */
}

/* Staleness, and beats. */
void stream_tick(struct ils *ils)
{
    stream_judge_stale(ils);
    adopt_tick(ils);
    if (!ils->ready || ils->now < ils->next_beat)
        return;
    if (beats_wait(ils)) {
        ils->next_beat = ils->now + START_HOLD_US; /* due as soon as it may be written */
        return;
    }
    ils->beaten = ils->wall;
    ils->next_beat = ils->now + beat_interval(ils);
    beat(ils, ils->self);
    beat(ils, ils->own);
    list_each(node, &ils->streams)
        if (catalogs_is(list_entry(node, struct stream, node)))
            beat(ils, list_entry(node, struct stream, node));
}
