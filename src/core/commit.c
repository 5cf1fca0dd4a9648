/* commit: how one's own streams are written. A commit is judged, computed and stored, and only when
 * it is durable does it become what is served and told (PROTOCOL 11). What an operator asked
 * for may be a million changes: it is done in steps of STEP_CHANGES, so that links, lookups and
 * beats never wait for it. Until it is given to the disk nothing outside of it has changed, and it
 * can be given up and begun again. While the disk writes, the segments of a large one go into the
 * catalog's target, which nobody sees. */
#include "core/core.h"

void own_commit_free(struct ils *ils, struct own_commit *oc)
{
    if (oc == NULL)
        return;
    origin_done(oc->origin);
    inverse_done(oc->inverse);
    list_remove(&oc->node);
    arena_done(&oc->arena);
    mem_free(ils->mem, oc, sizeof *oc);
}

static struct own_commit *commit_new(struct ils *ils, struct stream *s, enum commit_kind kind)
{
    struct own_commit *oc = mem_alloc(ils->mem, sizeof *oc);
    if (oc == NULL)
        return NULL;
    arena_init(&oc->arena, ils->mem);
    oc->stream = s;
    oc->kind = kind;
    list_add(&ils->commits, &oc->node);
    return oc;
}

/* The head that the next one is above: of whatever was signed here, and, where a new epoch is
 * begun, of what others hold as well, with a gap for what they hold and have not shown. */
static void former_of(const struct stream *s, enum commit_kind kind, struct head *ret)
{
    const struct head *newest = told_newest(s);
    *ret = s->head;
    ret->usn = newest->usn - (BUG(USN_REUSED) && !s->written && newest->usn > 1);
    if (kind == COMMIT_ADOPT)
        ret->usn = (s->theirs_usn > ret->usn ? s->theirs_usn : ret->usn) + ADOPTED_USN_GAP;
    if (kind == COMMIT_CONFIRM || (catalogs_is(s) && !catalogs_stands(s)))
        ret->peak = 0;
}

static uint64_t epoch_of(struct ils *ils, const struct stream *s, enum commit_kind kind)
{
    uint64_t epoch = told_newest(s)->epoch;
    if (kind == COMMIT_ADOPT) {
        epoch = s->theirs_epoch > epoch ? s->theirs_epoch : epoch;
        kind = BUG(EPOCH_KEPT) ? COMMIT_CHANGE : kind;
    }
    if (epoch == 0 && s->number == STREAM_PLAN)
        return stream_first_epoch(ils, s->number);
    return epoch == 0 || kind == COMMIT_ADOPT ? stream_epoch(ils, epoch) : epoch;
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
    bool failed = b.failed || oc->arena.failed;
    buf_done(&b);
    return failed ? -1 : 0;
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

/* --- written, and given to the disk */

static bool write_begin(struct own_commit *oc, const struct changes_of *of)
{
    struct stream *s = oc->stream;
    struct head former;
    former_of(s, oc->kind, &former);
    oc->left = oc->kind == COMMIT_LEFT ||
               (oc->kind == COMMIT_ADOPT && catalogs_is(s) && !catalogs_stands(s));
    oc->former_usn = former.usn;
    oc->origin = origin_begin(&oc->arena, s->catalog, &former, oc->left, of);
    return oc->origin != NULL;
}

/* Signs it; the rows of everything that it changes leave as one batch. */
static int store(struct ils *ils, struct own_commit *oc, const struct waiting *w)
{
    struct stream *s = oc->stream;
    struct head next;
    struct rows rows;
    stream_next(ils, s, &next);
    next.epoch = epoch_of(ils, s, oc->kind);
    next.flags = oc->left ? HEAD_FLAG_LEFT : 0;
    int r = oc->kind == COMMIT_BEAT ? beat_commit(ils, s, oc)
                                    : origin_end(oc->origin, &next, ils->secret, &oc->commit);
    rows_init(&rows, ils);
    if (oc->kind == COMMIT_ADOPT) /* first: what the commit drops of it goes again */
        adopt_rows(&rows, s);
    if (r == 0)
        commit_rows(&rows, s, oc);
    if (r == 0 && oc->kind == COMMIT_BEAT)
        beats_row(&rows, s);
    if (r == 0 && w->command != 0)
        planlog_rows(&rows, oc, w);
    oc->ahead = oc->commit.change_n > STEP_CHANGES;
    oc->commit.change = NULL; /* it lends from w */
    oc->commit.change_n = 0;
    if (oc->kind == COMMIT_ADOPT && s == ils->own && s->proved_older)
        planlog_adopted(&rows);
    if (catalogs_is(s) && oc->kind != COMMIT_BEAT)
        catalogs_rows(&rows, s, oc->kind);
    if (w->who.n != 0)
        rows_audit(&rows, w->who, w->what);
    struct batch *b = r == 0 ? journal_store(&rows, BATCH_COMMIT) : NULL;
    if (b == NULL)
        return -1;
    b->commit = oc;
    oc->command = w->command;
    oc->waiting = NULL;
    s->committing = true;
    origin_done(oc->origin);
    inverse_done(oc->inverse);
    oc->origin = NULL;
    oc->inverse = NULL;
    if (BUG(TOLD_BEFORE_DURABLE) && !oc->ahead && stream_serve(ils, s, &oc->commit))
        stream_served(ils, s);
    if (BUG(ACKNOWLEDGED_EARLY) && w->command != 0)
        command_reply(ils, w->command, REPLY_OK, slice_make(NULL, 0));
    return 0;
}

/* Of what changes something. False: memory. */
static bool inverse_wanted(struct own_commit *oc)
{
    enum plan_life life = planlog_life(oc);
    size_t n;
    const struct change *const *change = origin_changes(oc->origin, &n);
    if (n == 0 && life == PLAN_LIFE_SAME)
        return true;
    oc->inverse = inverse_begin(&oc->arena, oc->stream->catalog, life == PLAN_LIFE_REMOVED, change,
                                n);
    return oc->inverse != NULL;
}

/* 1: there is more to do; 0: it waits for the disk; -1 memory, -2 too many lines, -3. */
static int write_on(struct ils *ils, struct own_commit *oc, const struct waiting *w,
                    size_t *budget)
{
    int r = oc->kind == COMMIT_BEAT ? 0 : origin_go_on(oc->origin, budget);
    if (r != 0)
        return r;
    if (w->command != 0 && oc->inverse == NULL && !inverse_wanted(oc))
        return -1;
    r = oc->inverse == NULL ? 0 : inverse_go_on(oc->inverse, budget);
    return r != 0 ? r : store(ils, oc, w);
}

static int commit_at_once(struct ils *ils, struct stream *s, const struct waiting *w,
                          enum commit_kind kind)
{
    const struct changes_of of = {.change = w->change, .n = w->change_n};
    struct own_commit *oc = commit_new(ils, s, kind);
    size_t budget = SIZE_MAX;
    int r = oc != NULL && (kind == COMMIT_BEAT || write_begin(oc, &of)) ? 0 : -1;
    if (r == 0)
        r = write_on(ils, oc, w, &budget);
    if (r != 0)
        own_commit_free(ils, oc);
    return r;
}

/* Starts a commit of one's own stream: 0, or -1 memory, -2 too many lines. One at a time. */
int stream_commit(struct ils *ils, struct stream *s, const struct change *change, size_t n,
                  enum commit_kind kind)
{
    struct waiting w = {.change = (struct change *)(uintptr_t)change, .change_n = n};
    return commit_at_once(ils, s, &w, kind);
}

/* The same of what an operator wants: it is logged and audited, and he is answered. */
int stream_commit_waiting(struct ils *ils, struct stream *s, const struct waiting *w,
                          enum commit_kind kind)
{
    return commit_at_once(ils, s, w, kind);
}

/* That it shrank is meant so: nothing changes but the most that there was. Audited and answered. */
int stream_commit_shrunk(struct ils *ils, struct stream *s, const struct waiting *w)
{
    return commit_at_once(ils, s, w, COMMIT_CONFIRM);
}

/* --- in steps */

/* As if it had not begun; whoever wants it goes on waiting. */
static void give_up(struct ils *ils, struct own_commit *oc)
{
    oc->stream->committing = false;
    own_commit_free(ils, oc);
}

static void refuse(struct ils *ils, struct own_commit *oc, enum reply reply, struct slice text)
{
    struct waiting *w = oc->waiting;
    command_reply(ils, w->command, reply, text);
    give_up(ils, oc);
    waiting_free(ils, w);
}

bool commit_begin(struct ils *ils, struct stream *s, struct waiting *w, enum commit_kind kind)
{
    struct own_commit *oc = commit_new(ils, s, kind);
    if (oc == NULL)
        return false;
    oc->waiting = w;
    judging_begin(&oc->judging, s->catalog, &oc->arena);
    s->committing = true;
    return true;
}

/* What was so when it began and is not any more. */
static enum reply moved(const struct ils *ils, const struct own_commit *oc)
{
    const struct waiting *w = oc->waiting;
    return w->meant && w->last != ils->planlog.last ? REPLY_LOG_MOVED
           : w->confirm != 0 && planlog_waits(ils) ? REPLY_CONFIRM_FIRST : REPLY_OK;
}

static void prepare_on(struct ils *ils, struct own_commit *oc)
{
    struct waiting *w = oc->waiting;
    struct slice text = slice_make(NULL, 0);
    enum reply reply = moved(ils, oc);
    if (reply == REPLY_OK && oc->origin == NULL) {
        reply = judging_go_on(ils, &oc->judging, w, &ils->budget, &text);
        if (reply == REPLY_OK && !oc->judging.over)
            return;
        const struct changes_of of = {.change = w->change, .n = w->change_n,
                                      .more = oc->judging.removal,
                                      .more_n = oc->judging.removal_n};
        if (reply == REPLY_OK && !write_begin(oc, &of))
            reply = REPLY_MEMORY;
    }
    struct head former;
    former_of(oc->stream, oc->kind, &former);
    if (reply == REPLY_OK && former.usn != oc->former_usn) {
        give_up(ils, oc); /* begun again, above that */
        return;
    }
    int r = reply == REPLY_OK ? write_on(ils, oc, w, &ils->budget) : 0;
    if (r == -4)
        text = change_text(&w->arena, origin_refused(oc->origin));
    if (r < 0)
        reply = r == -2 ? REPLY_TOO_MANY : r == -4 ? REPLY_SPELLINGS : REPLY_MEMORY;
    if (reply != REPLY_OK)
        refuse(ils, oc, reply, text);
    else if (r == 0)
        waiting_free(ils, w);
}

void commit_give_up(struct ils *ils)
{
    list_each_safe(node, &ils->commits) {
        struct own_commit *oc = list_entry(node, struct own_commit, node);
        if (oc->waiting != NULL)
            give_up(ils, oc);
    }
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

/* --- served */

/* Its segments go into the target. 1: there are more; 0; -1 memory. */
static int fill_on(struct own_commit *oc, size_t *budget)
{
    const struct commit *c = &oc->commit;
    struct catalog *catalog = oc->stream->catalog;
    if (*budget == 0)
        return 1;
    int r = oc->near ? 0 : catalog_approach(catalog, c->lines, c->head.live, budget);
    if (r != 0)
        return r;
    oc->near = true;
    for (; oc->filled < c->segment_n; oc->filled++) {
        const struct new_segment *segment = &c->segment[oc->filled];
        size_t records = segment->line.size / RECORD_BYTES;
        if (*budget == 0)
            return 1;
        if (catalog_add_named(catalog, segment->line.name, segment->bytes) < 0)
            return -1;
        *budget -= records < *budget ? records : *budget;
    }
    return 0;
}

static void ahead_no_more(struct own_commit *oc)
{
    if (oc->ahead)
        catalog_abandon(oc->stream->catalog);
    oc->ahead = oc->near = false;
    oc->filled = 0;
}

/* The target is whole: it is served instead. */
static bool serve(struct ils *ils, struct own_commit *oc)
{
    struct stream *s = oc->stream;
    const struct commit *c = &oc->commit;
    if (!oc->ahead)
        return stream_serve(ils, s, c);
    replaced_keep(ils, s, catalog_lines(s->catalog), c->lines);
    catalog_serve(s->catalog);
    buf_reset(&s->head_bytes);
    buf_put_slice(&s->head_bytes, c->head_bytes);
    return !s->head_bytes.failed && head_get(buf_slice(&s->head_bytes), &s->head) == 0;
}

/* It is durable, and in memory: everybody may know. */
static void show(struct ils *ils, struct own_commit *oc)
{
    struct stream *s = oc->stream;
    const struct commit *c = &oc->commit;
    bool moved = c->head.usn != s->head.usn || !stream_held(s);
    s->written = s->written || moved;
    if (oc->kind == COMMIT_ADOPT)
        adopt_committed(ils, s);
    planlog_committed(ils, oc);
    keep_delta(s, c);
    if (!serve(ils, oc)) {
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
}

/* Of a large one that the disk has, or is about to have. */
static void serve_on(struct ils *ils, struct own_commit *oc, size_t *budget)
{
    int r = oc->shown ? 0 : fill_on(oc, budget);
    if (r < 0 && oc->stored)
        ils->broken = true;
    else if (r < 0)
        ahead_no_more(oc); /* once more when it is durable */
    if (r != 0 || !oc->stored)
        return;
    if (!oc->shown)
        show(ils, oc);
    oc->shown = true;
    if (!catalog_sweep(oc->stream->catalog, budget))
        return;
    oc->stream->committing = false;
    own_commit_free(ils, oc);
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

static void not_stored(struct ils *ils, struct own_commit *oc)
{
    struct stream *s = oc->stream;
    ahead_no_more(oc);
    s->committing = false;
    if (oc->command != 0)
        command_reply(ils, oc->command, REPLY_STORE, slice_make(NULL, 0));
    if (oc->command == 0) { /* the core's own wish */
        ils->self_dirty = true;
        ils->self_after = ils->now + STORE_RETRY_US;
    }
    beats_again(ils); /* it was one, or one was passed over meanwhile */
    if (oc->kind == COMMIT_ADOPT)
        adopt_failed(ils, REPLY_STORE);
    own_commit_free(ils, oc);
    if (catalogs_is(s) && !stream_held(s))
        fetch_forget(ils, s);
}

/* The disk has spoken. */
void stream_committed(struct ils *ils, struct own_commit *oc, bool failed)
{
    if (failed) {
        not_stored(ils, oc);
    } else if (oc->ahead) {
        oc->stored = true;
        serve_on(ils, oc, &ils->budget);
    } else {
        oc->stream->committing = false;
        show(ils, oc);
        own_commit_free(ils, oc);
    }
}

/* --- what goes on by itself */

static bool goes_on(const struct own_commit *oc)
{
    return oc->waiting != NULL ||
           (oc->ahead && (oc->stored || !oc->near || oc->filled < oc->commit.segment_n));
}

void commit_tick(struct ils *ils)
{
    list_each_safe(node, &ils->commits) {
        struct own_commit *oc = list_entry(node, struct own_commit, node);
        if (ils->budget == 0)
            return;
        if (oc->waiting != NULL)
            prepare_on(ils, oc);
        else if (goes_on(oc))
            serve_on(ils, oc, &ils->budget);
    }
}

/* Somebody else is about to fill the target of s, or has shown a newer one of it. */
void commit_settle(struct ils *ils, struct stream *s)
{
    list_each_safe(node, &ils->commits) {
        struct own_commit *oc = list_entry(node, struct own_commit, node);
        size_t all = SIZE_MAX;
        if (oc->stream != s)
            continue;
        if (oc->waiting != NULL)
            give_up(ils, oc);
        else if (oc->stored)
            serve_on(ils, oc, &all);
        else
            ahead_no_more(oc);
    }
}

bool ils_goes_on(const struct ils *ils)
{
    if (ils->following.is)
        return ils->following.whole;
    list_each(node, &ils->commits)
        if (goes_on(list_entry(node, struct own_commit, node)))
            return true;
    return false;
}
