/* stream: what is held of each (origin, number), and how one's own are written. A commit is
 * computed, stored, and only when it is durable does it become what is served and told (design 6,
 * Writing). */
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
    s->own = ils->has_seed && memcmp(key, ils->key, KEY_SIZE) == 0;
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
    buf_init(&s->withheld, ils->mem, HEAD_MAX);
    buf_init(&s->second, ils->mem, HEAD_MAX);
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
    buf_done(&s->withheld);
    buf_done(&s->second);
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
    ils_action(ils, ILS_DO_PUBLISH);
}

/* --- writing one's own */

void own_commit_free(struct ils *ils, struct own_commit *oc)
{
    if (oc == NULL)
        return;
    arena_done(&oc->arena);
    mem_free(ils->mem, oc, sizeof *oc);
}

/* counter * 2^32 + random, the counter one above the former epoch's. */
uint64_t stream_epoch(struct ils *ils, uint64_t former)
{
    uint8_t random[4];
    ils_entropy(ils, random, sizeof random);
    return ((former >> 32) + 1) << 32 | (uint64_t)random[0] << 24 | (uint64_t)random[1] << 16 |
           (uint64_t)random[2] << 8 | random[3];
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

/* Epoch and USN that the next head is above: of whatever was signed here, and, where a new epoch is
 * begun, of what others hold as well, with a gap for what they hold and have not shown. */
static void above_what(struct ils *ils, const struct stream *s, enum commit_kind kind,
                       struct head *former, struct head *next)
{
    const struct head *newest = told_newest(s);
    uint64_t epoch = newest->epoch;
    *former = s->head;
    former->usn = newest->usn - (BUG(USN_REUSED) && !s->written && newest->usn > 1);
    if (kind == COMMIT_ADOPT) {
        epoch = s->theirs_epoch > epoch ? s->theirs_epoch : epoch;
        kind = BUG(EPOCH_KEPT) ? COMMIT_CHANGE : kind;
        former->usn = (s->theirs_usn > former->usn ? s->theirs_usn : former->usn) + ADOPTED_USN_GAP;
    }
    next->epoch = epoch == 0 || kind == COMMIT_ADOPT ? stream_epoch(ils, epoch) : epoch;
}

/* The same head with one beat more. */
static int beat_commit(struct ils *ils, const struct stream *s, struct own_commit *oc)
{
    struct commit *c = &oc->commit;
    struct buf b;
    c->head = s->head;
    c->head.beat = (s->beat_seen > s->head.beat ? s->beat_seen : s->head.beat) + 1;
    buf_init(&b, ils->mem, HEAD_MAX);
    head_put(&b, &c->head, ils->secret);
    c->head_bytes = arena_copy(&oc->arena, buf_slice(&b));
    c->lines = arena_copy(&oc->arena, catalog_lines(s->catalog));
    buf_done(&b);
    return oc->arena.failed || c->head_bytes.n == 0 ? -1 : 0;
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

static void commit_rows(struct rows *rows, struct stream *s, struct own_commit *oc)
{
    struct arena *a = &oc->arena;
    struct commit *c = &oc->commit;
    for (size_t i = 0; i < c->segment_n; i++)
        rows_put(rows, ROW_SEGMENT, stream_key_bytes(a, s->key, s->number, c->segment[i].line.name),
                 c->segment[i].bytes);
    rows_put(rows, ROW_STREAM, stream_key_bytes(a, s->key, s->number, NULL),
             stream_row(a, c->head_bytes, c->lines));
    for (size_t i = 0; i < c->dropped_n; i++)
        rows_remove(rows, ROW_SEGMENT,
                    stream_key_bytes(a, s->key, s->number, c->dropped[i].name));
    rows->failed = rows->failed || a->failed;
}

static int commit(struct ils *ils, struct stream *s, const struct waiting *w, enum commit_kind kind)
{
    struct own_commit *oc = mem_alloc(ils->mem, sizeof *oc);
    struct head next, former;
    struct rows rows;
    if (oc == NULL)
        return -1;
    arena_init(&oc->arena, ils->mem);
    oc->stream = s;
    oc->kind = kind;
    oc->command = w->command;
    oc->changes = w->change_n;
    stream_next(ils, s, &next);
    above_what(ils, s, kind, &former, &next);
    if (kind == COMMIT_CONFIRM || (catalogs_is(s) && !catalogs_stands(s)))
        former.peak = 0;
    if (kind == COMMIT_LEFT || (kind == COMMIT_ADOPT && catalogs_is(s) && !catalogs_stands(s)))
        next.flags = HEAD_FLAG_LEFT;
    int r = kind == COMMIT_BEAT
                ? beat_commit(ils, s, oc)
                : origin_commit(&oc->arena, s->catalog, &former, &next, w->change, w->change_n,
                                 ils->secret, &oc->commit);
    rows_init(&rows, ils);
    if (kind == COMMIT_ADOPT) /* first: what the commit drops of it goes again */
        adopt_rows(&rows, s);
    if (r == 0)
        commit_rows(&rows, s, oc);
    if (r == 0 && w->command != 0)
        planlog_rows(&rows, oc, w);
    oc->commit.change = NULL; /* it lends from w */
    oc->commit.change_n = 0;
    if (kind == COMMIT_ADOPT && s == ils->own && s->proved_older)
        planlog_adopted(&rows);
    if (catalogs_is(s) && kind != COMMIT_BEAT)
        catalogs_rows(&rows, s, kind);
    if (w->who.n != 0)
        rows_audit(&rows, w->who, w->what);
    struct batch *b = r == 0 ? journal_store(&rows, BATCH_COMMIT) : NULL;
    if (b == NULL) {
        own_commit_free(ils, oc);
        return r != 0 ? r : -1;
    }
    b->commit = oc;
    s->committing = true;
    if (BUG(TOLD_BEFORE_DURABLE) && stream_serve(ils, s, &oc->commit))
        stream_served(ils, s);
    if (BUG(ACKNOWLEDGED_EARLY) && w->command != 0)
        command_reply(ils, w->command, REPLY_OK, slice_make(NULL, 0));
    return 0;
}

/* Starts a commit of one's own stream: 0, or -1 memory, -2 too many lines. One at a time. */
int stream_commit(struct ils *ils, struct stream *s, const struct change *change, size_t n,
                  enum commit_kind kind)
{
    struct waiting w = {.change = (struct change *)(uintptr_t)change, .change_n = n};
    return commit(ils, s, &w, kind);
}

/* The same of what an operator wants: it is logged and audited, and he is answered. */
int stream_commit_waiting(struct ils *ils, struct stream *s, const struct waiting *w,
                          enum commit_kind kind)
{
    return commit(ils, s, w, kind);
}

/* That it shrank is meant so: nothing changes but the most that there was. Audited and answered. */
int stream_commit_shrunk(struct ils *ils, struct stream *s, const struct waiting *w)
{
    return commit(ils, s, w, COMMIT_CONFIRM);
}

/* The indexes, in the former manifest, of the lines that the commit dropped. False: too many. */
static bool dropped_indexes(struct slice lines, const struct commit *c, uint32_t *ret)
{
    size_t n = lines.n / LINE_BYTES, found = 0;
    if (c->dropped_n > DELTA_LINES_MAX)
        return false;
    for (size_t i = n; i > 0 && found < c->dropped_n; i--) {
        struct line line;
        manifest_line(lines, i - 1, &line);
        for (size_t k = 0; k < c->dropped_n; k++)
            if (memcmp(line.name, c->dropped[k].name, HASH_SIZE) == 0)
                ret[c->dropped_n - 1 - found++] = (uint32_t)(i - 1);
    }
    return found == c->dropped_n;
}

/* Keeps the change as a frame that neighbours who hold the former head can apply at once. */
static void keep_delta(struct stream *s, const struct commit *c)
{
    struct slice former = catalog_lines(s->catalog);
    struct msg_line add[DELTA_LINES_MAX];
    struct slice bytes[DELTA_LINES_MAX];
    uint32_t drop[DELTA_LINES_MAX];
    size_t total = 0;
    buf_reset(&s->delta);
    if (!stream_held(s) || c->segment_n > DELTA_LINES_MAX || !dropped_indexes(former, c, drop))
        return;
    for (size_t i = 0; i < c->segment_n; i++) {
        add[i].size = c->segment[i].line.size;
        memcpy(add[i].name, c->segment[i].line.name, HASH_SIZE);
        bytes[i] = c->segment[i].bytes;
        total += bytes[i].n;
    }
    struct msg_head m = {.head = c->head_bytes, .has_delta = true, .drop = drop,
                         .drop_n = c->dropped_n, .add = add, .add_n = c->segment_n,
                         .segment = bytes,
                         .segment_n = total <= DELTA_BYTES_MAX ? c->segment_n : 0};
    memcpy(m.base, s->head.root, HASH_SIZE);
    memcpy(s->delta_base, s->head.root, HASH_SIZE);
    msg_head_put(&s->delta, &m);
    if (s->delta.failed)
        buf_reset(&s->delta);
}

/* What is durable is served. False: memory; only a restart helps. */
bool stream_serve(struct ils *ils, struct stream *s, const struct commit *c)
{
    replaced_keep(ils, s, catalog_lines(s->catalog), c->lines);
    if (catalog_target(s->catalog, c->lines, c->head.live) != 0)
        return false;
    for (size_t i = 0; i < c->segment_n; i++)
        if (catalog_add_named(s->catalog, c->segment[i].line.name, c->segment[i].bytes) < 0)
            return false;
    catalog_apply(s->catalog);
    buf_reset(&s->head_bytes);
    buf_put_slice(&s->head_bytes, c->head_bytes);
    return !s->head_bytes.failed && head_get(buf_slice(&s->head_bytes), &s->head) == 0;
}

/* The disk has spoken. */
void stream_committed(struct ils *ils, struct own_commit *oc, bool failed)
{
    struct stream *s = oc->stream;
    const struct commit *c = &oc->commit;
    s->committing = false;
    if (failed) {
        if (oc->command != 0)
            command_reply(ils, oc->command, REPLY_STORE, slice_make(NULL, 0));
        if (oc->command == 0) { /* the core's own wish */
            ils->self_dirty = true;
            ils->self_after = ils->now + STORE_RETRY_US;
        }
        if (oc->kind == COMMIT_ADOPT)
            adopt_failed(ils, REPLY_STORE);
        own_commit_free(ils, oc);
        if (catalogs_is(s) && !stream_held(s))
            fetch_forget(ils, s);
        return;
    }
    bool moved = c->head.usn != s->head.usn || !stream_held(s);
    s->written = s->written || moved;
    if (oc->kind == COMMIT_ADOPT)
        adopt_committed(ils, s);
    planlog_committed(ils, oc);
    keep_delta(s, c);
    if (!stream_serve(ils, s, c)) {
        ils->broken = true; /* durable but not in memory: only a restart helps */
    } else {
        stream_served(ils, s);
        s->last_usn = moved ? ils->wall : s->last_usn;
        if (s->number != STREAM_SELF && moved) {
            struct trace *t = say(ils, EVENT_PLAN_CHANGED);
            t->number[0] = s->head.usn;
            t->number[1] = s->head.live;
            t->number[2] = c->puts + c->dels;
        }
    }
    if (oc->command != 0) {
        struct ils_action *a = ils_action(ils, ILS_DO_REPLY);
        a->command = oc->command;
        a->reply = REPLY_OK;
        a->number[0] = c->puts;
        a->number[1] = oc->kind == COMMIT_LEFT ? oc->removed : c->dels;
        a->number[2] = oc->changed;
        a->number[3] = oc->logged;
    }
    own_commit_free(ils, oc);
}

/* Not signed again for two intervals. */
bool stream_overdue(const struct ils *ils, const struct stream *s)
{
    return ils->now - s->last_head > 2 * (tick)s->head.interval * 60 * TICK_S;
}

/* Stale is what is overdue, what nobody lists any more, and what is of a cluster that an operator
 * disconnected. */
static void judge_stale(struct ils *ils)
{
    if (ils->now < ils->stale_next)
        return;
    ils->stale_next = TICK_NEVER;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->own || !stream_held(s))
            continue;
        held_set_stale(s, !s->admitted || stream_overdue(ils, s));
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

static void beat(struct ils *ils, struct stream *s)
{
    if (s == NULL || !stream_held(s) || s->committing || adopt_holds(ils, s))
        return;
    if (s == ils->self && ils->self_dirty && told_real(s))
        return; /* it is written anew at the end of this step, with what this cluster holds */
    if (told_real(s))
        stream_commit(ils, s, NULL, 0, COMMIT_BEAT);
    else
        told_beat(ils, s);
}

/* Staleness, and beats. */
void stream_tick(struct ils *ils)
{
    tick every = (tick)told_minutes(ils) * 60 * TICK_S;
    judge_stale(ils);
    adopt_tick(ils);
    if (ils->next_beat != TICK_NEVER && ils->next_beat > ils->now + every)
        ils->next_beat = ils->now + every; /* the operator wants it more often */
    if (!ils->ready || ils->now < ils->next_beat)
        return;
    ils->next_beat = ils->now + every;
    beat(ils, ils->self);
    beat(ils, ils->own);
    list_each(node, &ils->streams)
        if (catalogs_is(list_entry(node, struct stream, node)))
            beat(ils, list_entry(node, struct stream, node));
}
