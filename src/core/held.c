/* held: a plan that shrinks by more than half at once is more often a mistake than meant: the
 * former one is served on until its origin's operator says that it is meant so, or this cluster's
 * operator that it is to be served nevertheless. What is relayed is always the
 * newest: this decides about lookups alone.
 *
 * The former plan is a catalog of its own then. Its row is that of a stream whose number has the
 * highest bit set; its segments' rows are those of the stream, which stay as long as either lists
 * them. Until it is durable its row goes in each batch with a head: a disk that refuses one and
 * takes the next would otherwise have a head that shrank alone, and the next start serve it. */
#include "core/core.h"
#include "plan/readers.h"

#define SHRINK_LEAST 100 /* entries fewer; small plans come and go */
#define KEPT         (UINT64_C(1) << 63)

/* The most that there was since a shrink was last confirmed: as the origin says, so that all
 * clusters judge alike; but where a plan was served here although it had shrunk, from there. */
static uint64_t reference(const struct stream *s, const struct head *h)
{
    return s->base_peak != 0 && s->base_peak == h->peak ? s->base_live : h->peak;
}

bool held_shrunk(const struct stream *s, const struct head *h)
{
    uint64_t peak = reference(s, h);
    return h->number != STREAM_SELF && (h->flags & HEAD_FLAG_LEFT) == 0 && h->live < peak / 2 &&
           peak - h->live >= SHRINK_LEAST;
}

/* From now on s is judged against what is served now. */
static void base_set(struct stream *s)
{
    bool again = s->base_peak == s->head.peak && s->base_live > s->head.live;
    uint64_t live = again ? s->base_live : s->head.live;
    s->base_peak = s->base_live = 0;
    if (!held_shrunk(s, &s->head))
        return;
    s->base_peak = s->head.peak;
    s->base_live = live;
}

const struct catalog *held_catalog(const struct stream *s)
{
    return s->kept.catalog != NULL ? s->kept.catalog : s->catalog;
}

/* --- rows */

static struct slice kept_key(struct ils *ils, const struct stream *s)
{
    return stream_key_bytes(&ils->step, s->key, s->number | KEPT, NULL);
}

static void kept_row(struct rows *r, const struct stream *s)
{
    struct slice value = stream_row(&r->ils->step, buf_slice(&s->kept.head_bytes),
                                    catalog_lines(s->kept.catalog));
    r->failed = r->failed || value.n == 0;
    rows_put(r, ROW_STREAM, kept_key(r->ils, s), value);
}

void held_rows_again(struct rows *r, const struct stream *s)
{
    if (s->kept.catalog == NULL)
        rows_remove(r, ROW_STREAM, kept_key(r->ils, s));
    else if (s->kept.batch != 0)
        kept_row(r, s);
}

/* Without memory for one (NULL) it goes in the next. */
void held_storing(struct stream *s, struct batch *b)
{
    if (s->kept.catalog == NULL || s->kept.batch == 0 || b == NULL)
        return;
    s->kept.batch = b->n;
    b->holds = true;
}

/* b is durable. */
void held_stored(struct ils *ils, const struct batch *b)
{
    if (!b->holds)
        return;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->kept.catalog == NULL || s->kept.batch != b->n)
            continue;
        s->kept.batch = 0;
        buf_done(&s->kept.head_bytes);
    }
}

/* A segment that only the kept plan lists: its row stays. */
bool held_needs(const struct stream *s, const uint8_t name[static HASH_SIZE])
{
    return s->kept.catalog != NULL && catalog_segment(s->kept.catalog, name).n != 0;
}

/* The rows that go with the kept plan. */
void held_rows_gone(struct rows *r, const struct stream *s)
{
    if (s->kept.catalog == NULL)
        return;
    struct slice lines = catalog_lines(s->kept.catalog);
    for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        if (catalog_segment(s->catalog, line.name).n == 0)
            rows_remove(r, ROW_SEGMENT,
                        stream_key_bytes(&r->ils->step, s->key, s->number, line.name));
    }
    rows_remove(r, ROW_STREAM, kept_key(r->ils, s));
}

/* --- what is served */

/* Both catalogs say the same of themselves; one of them is served. */
void held_serve(struct ils *ils, struct stream *s)
{
    bool serves = told_serves(ils, s);
    plan_change_begin(ils->plan);
    catalog_set_served(s->catalog, serves && s->kept.catalog == NULL);
    if (s->kept.catalog != NULL) {
        catalog_describe(s->kept.catalog, catalog_cluster_id(s->catalog),
                         catalog_route_string(s->catalog), false);
        catalog_set_served(s->kept.catalog, serves);
    }
    plan_change_end(ils->plan);
}

void held_set_stale(struct stream *s, bool stale)
{
    catalog_set_stale(s->catalog, stale);
    if (s->kept.catalog != NULL)
        catalog_set_stale(s->kept.catalog, stale);
}

/* s is about to be freed, or its kept plan is served no longer. */
void held_drop(struct ils *ils, struct stream *s)
{
    ils->learned_less = ils->learned_less || (!s->own && s->number != STREAM_SELF);
    if (s->kept.catalog == NULL)
        return;
    if (ils->started)
        alarm_clear(ils, ILSPlanHeld, text_slice(s->kept.subject));
    buf_done(&s->kept.head_bytes);
    catalog_free(s->kept.catalog);
    memset(&s->kept, 0, sizeof s->kept);
}

/* A catalog with the segments that s wants; NULL: memory. */
static struct catalog *wanted_catalog(struct ils *ils, struct stream *s)
{
    struct slice lines = buf_slice(&s->target_lines);
    struct catalog *c = catalog_new(ils->plan, s->key, s->number, true);
    if (c == NULL)
        return NULL;
    catalog_set_served(c, false);
    bool good = catalog_target(c, lines, s->wanted.live) == 0;
    for (size_t i = 0; good && i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        good = catalog_add_named(c, line.name, catalog_segment(s->catalog, line.name)) >= 0;
    }
    if (!good) {
        catalog_free(c);
        return NULL;
    }
    catalog_apply(c);
    return c;
}

/* What is served stays as it is; the newest has a catalog of its own. */
static bool keep(struct rows *r, struct stream *s)
{
    struct ils *ils = r->ils;
    struct arena *a = &ils->step;
    struct catalog *fresh = wanted_catalog(ils, s);
    struct buf *head_bytes = &s->kept.head_bytes;
    if (fresh == NULL)
        return false;
    buf_init(head_bytes, ils->mem, HEAD_MAX);
    buf_put_slice(head_bytes, buf_slice(&s->head_bytes));
    if (head_bytes->failed) {
        buf_done(head_bytes);
        catalog_free(fresh);
        return false;
    }
    catalog_abandon(s->catalog);
    s->kept.catalog = s->catalog;
    s->kept.epoch = s->head.epoch;
    s->kept.usn = s->head.usn;
    s->kept.live = s->head.live;
    s->kept.since = ils->wall;
    s->kept.batch = KEPT_UNSTORED;
    s->catalog = fresh;
    text_set(s->kept.subject, policy_name(ils, s));
    if (s->kept.subject.n == 0)
        text_set(s->kept.subject, s->head.name);
    kept_row(r, s);
    struct trace *t = say(ils, EVENT_PLAN_HELD);
    crypto_peer_id(t->peer_id, s->key);
    t->text[0] = arena_copy(a, text_slice(s->kept.subject));
    t->number[0] = s->wanted.peak;
    t->number[1] = s->wanted.live;
    alarm_raise(ils, ILSPlanHeld, text_slice(s->kept.subject));
    return true;
}

/* The kept plan goes, in rows as well. */
static void give_up(struct rows *r, struct stream *s)
{
    struct ils *ils = r->ils;
    if (s->kept.catalog == NULL)
        return;
    held_rows_gone(r, s);
    /* No lookup may find neither of them. */
    plan_change_begin(ils->plan);
    catalog_set_served(s->catalog, told_serves(ils, s));
    catalog_set_served(s->kept.catalog, false);
    plan_change_end(ils->plan);
    held_drop(ils, s);
}

/* All that s wants is held and checked: it is applied, and served unless it shrank too much. False:
 * memory, and nothing has changed. What is kept may list segments of the head that was newest until
 * now: they go in the batch with the next head, or a crash between would leave neither whole. */
bool held_apply(struct rows *r, struct stream *s)
{
    struct ils *ils = r->ils;
    bool shrunk = ils->following.is
                      ? s->kept_given && stream_held(s)
                      : !BUG(SHRINK_SERVED) && !s->own && stream_held(s) &&
                            held_shrunk(s, &s->wanted) && ends_find(ils, s->key) == NULL;
    if (shrunk && s->kept.catalog == NULL && s->head.live != 0) /* else there is nothing better */
        return keep(r, s);
    catalog_apply(s->catalog);
    if (!shrunk)
        give_up(r, s);
    else if (s->kept.catalog != NULL && s->kept.batch != 0)
        kept_row(r, s);
    return true;
}

/* The head of s is the newest one now. */
void held_applied(struct stream *s)
{
    if (s->kept.catalog == NULL && !s->own)
        base_set(s);
}

/* --- at the start */

bool held_row(struct ils *ils, const uint8_t key[static KEY_SIZE], uint64_t number,
              struct slice head, struct slice lines)
{
    struct head h;
    if ((number & KEPT) == 0)
        return false;
    if ((number & ~KEPT) == STREAM_SELF)
        return true;
    struct stream *s = stream_get(ils, key, number & ~KEPT);
    if (s == NULL) {
        ils->broken = ils->broken || ils->stream_n < STREAMS_MAX;
        return true;
    }
    if (s->own || s->kept.catalog != NULL || head_get(head, &h) != 0 ||
        lines.n != (size_t)h.lines * LINE_BYTES)
        return true;
    s->kept.catalog = catalog_new(ils->plan, key, s->number, true);
    if (s->kept.catalog == NULL || catalog_target(s->kept.catalog, lines, h.live) != 0) {
        ils->broken = true;
        return true;
    }
    s->kept.epoch = h.epoch;
    s->kept.usn = h.usn;
    s->kept.live = h.live;
    buf_init(&s->kept.head_bytes, ils->mem, HEAD_MAX);
    buf_put_slice(&s->kept.head_bytes, head);
    ils->broken = ils->broken || s->kept.head_bytes.failed;
    return true;
}

/* The newest is not whole on the disk. What was kept in its place is served as the newest of which
 * all is here, and what shrank is held back again when it is fetched. False: that is not whole. */
bool held_instead(struct stream *s)
{
    struct line line;
    size_t at = 0;
    struct slice head = buf_slice(&s->kept.head_bytes);
    if (s->kept.catalog == NULL || s->damaged || !head_signed(head) ||
        catalog_missing(s->kept.catalog, &at, &line))
        return false;
    catalog_free(s->catalog);
    s->catalog = s->kept.catalog;
    buf_reset(&s->wanted_bytes);
    buf_put_slice(&s->wanted_bytes, head);
    buf_done(&s->kept.head_bytes);
    s->kept = (struct kept){.batch = KEPT_UNSTORED}; /* its row becomes the stream's: held_start */
    return true;
}

/* A segment of either. As catalog_add. */
int held_segment(struct stream *s, struct slice bytes)
{
    int mine = catalog_add(s->catalog, bytes);
    int kept = s->kept.catalog == NULL ? 1 : catalog_add(s->kept.catalog, bytes);
    return mine < 0 || kept < 0 ? (mine < 0 ? mine : kept) : mine == 0 || kept == 0 ? 0 : 1;
}

static void instead_rows(struct rows *r, const struct stream *s)
{
    struct arena *a = &r->ils->step;
    struct slice value = stream_row(a, buf_slice(&s->head_bytes), catalog_lines(s->catalog));
    r->failed = r->failed || value.n == 0;
    rows_put(r, ROW_STREAM, stream_key_bytes(a, s->key, s->number, NULL), value);
    rows_remove(r, ROW_STREAM, kept_key(r->ils, s));
}

/* All rows were given, and the stream itself is served if it is whole. */
void held_start(struct rows *r, struct stream *s)
{
    struct line line;
    size_t at = 0;
    struct ils *ils = r->ils;
    if (s->kept.catalog == NULL) {
        if (s->kept.batch != 0)
            instead_rows(r, s);
        s->kept.batch = 0;
        if (stream_held(s) && !s->own)
            base_set(s);
        return;
    }
    buf_done(&s->kept.head_bytes);
    if (catalog_missing(s->kept.catalog, &at, &line) || !stream_held(s) ||
        !held_shrunk(s, &s->head)) {
        rows_remove(r, ROW_STREAM, kept_key(ils, s));
        held_drop(ils, s);
    } else {
        catalog_apply(s->kept.catalog);
        s->kept.since = ils->wall;
        text_set(s->kept.subject, policy_name(ils, s));
    }
    if (stream_held(s))
        held_serve(ils, s);
}

/* --- following: who writes has judged, and its rows say what is kept */

bool held_is_kept(uint64_t number)
{
    return (number & KEPT) != 0;
}

/* What is served now is kept when the next list comes; or what is kept is kept no longer, once all
 * was given. False: something else is kept there than what is served here. */
bool held_follow(struct ils *ils, const struct row *row, uint64_t number)
{
    struct stream *s = stream_find(ils, row->key.p, number & ~KEPT);
    struct head h;
    if (row->remove || s == NULL) {
        if (s != NULL)
            s->kept_given = false;
        return row->remove;
    }
    size_t n = row->value.n < 4 ? 0 : (size_t)row->value.p[2] << 8 | row->value.p[3];
    if (n > row->value.n - 4 || head_get(slice_make(row->value.p + 4, n), &h) != 0)
        return false;
    s->kept_given = true;
    if (s->kept.catalog != NULL)
        return s->kept.epoch == h.epoch && s->kept.usn == h.usn;
    return stream_held(s) && s->head.epoch == h.epoch && s->head.usn == h.usn;
}

void held_follow_gone(struct ils *ils, struct stream *s)
{
    struct rows rows; /* for nobody */
    rows_init(&rows, ils);
    give_up(&rows, s);
    duplicates_changed(ils, s);
    ils_action(ils, ILS_DO_PUBLISH);
}

/* --- more than may be learned */

/* A head was judged: it is refused whole, or not. */
void held_quota(struct ils *ils, struct stream *s, bool over)
{
    struct slice name = policy_name(ils, s);
    if (over)
        alarm_raise(ils, ILSLearnedLimitExceeded, name);
    else if (s->over_quota)
        alarm_clear(ils, ILSLearnedLimitExceeded, name);
    s->over_quota = over;
}

/* At nine tenths there is still time to raise the limit: beyond it a plan is refused whole. */
static void judge_near(struct ils *ils)
{
    uint64_t bytes, max = policy_learned_max(ils), most = admit_bytes(ils);
    uint64_t live = admit_learned(ils, &bytes);
    bool entries = live >= max / 10 * 9, near = entries || bytes >= most / 10 * 9;
    struct buf b;
    buf_init(&b, ils->mem, sizeof ils->near.p);
    buf_put_decimal(&b, entries ? max / 10 * 9 : most / 10 * 9);
    buf_put_text(&b, entries ? " entries" : " bytes");
    bool same = near && slice_eq(text_slice(ils->near), buf_slice(&b));
    if (ils->learned_near && !same)
        alarm_clear(ils, ILSLearnedLimitApproachingWarning, text_slice(ils->near));
    if (near && !(ils->learned_near && same)) {
        struct trace *t = say(ils, EVENT_LEARNED_NEAR);
        t->number[0] = entries ? live : bytes;
        t->number[1] = entries ? max : most;
        t->text[0] = slice_of(entries ? "entries" : "bytes");
        text_set(ils->near, buf_slice(&b));
        alarm_raise(ils, ILSLearnedLimitApproachingWarning, text_slice(ils->near));
    }
    ils->learned_near = near;
    buf_done(&b);
}

/* The limit is another now, or less is learned. Of what was refused whole nothing was kept. */
static void ask_again(struct ils *ils)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!s->over_quota || s->own || !s->admitted || s->fetch != FETCH_NONE)
            continue;
        list_each(other, &ils->links) {
            struct link *l = list_entry(other, struct link, node);
            struct mark *m = l->state == LINK_UP ? mark_find(l, s) : NULL;
            if (m == NULL || !m->theirs || (stream_held(s) && mark_order(m, &s->head) <= 0))
                continue;
            fetch_own(s, l); /* asks for the newest that it has */
            break;
        }
    }
}

/* --- the operator's word */

/* Of the cluster with that key: what is held back is served from now on. */
void held_release(struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    struct rows rows;
    for (struct stream *s = ils->by_key[key[0] % STREAM_BUCKETS]; s != NULL; s = s->next_by_key) {
        if (memcmp(s->key, key, KEY_SIZE) != 0 || s->kept.catalog == NULL)
            continue;
        rows_init(&rows, ils);
        give_up(&rows, s);
        journal_store(&rows, BATCH_PLAIN);
        base_set(s);
        held_serve(ils, s);
        duplicates_changed(ils, s);
        ils_action(ils, ILS_DO_PUBLISH);
    }
}

/* Rows for the command that does so; false: nothing is held back. */
bool held_release_rows(struct rows *r, const uint8_t key[static KEY_SIZE])
{
    bool any = false;
    struct stream *s = r->ils->by_key[key[0] % STREAM_BUCKETS];
    for (; s != NULL; s = s->next_by_key) {
        if (memcmp(s->key, key, KEY_SIZE) != 0 || s->kept.catalog == NULL)
            continue;
        held_rows_gone(r, s);
        any = true;
    }
    return any;
}

/* Of one's own plan and catalogs the first that shrank. NULL: none did. */
static struct stream *own_shrunk(const struct ils *ils)
{
    struct stream *first = NULL;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->own && stream_held(s) && held_shrunk(s, &s->head) &&
            (first == NULL || s->number < first->number))
            first = s;
    }
    return first;
}

/* The origin's operator means it so: a head that says that there was never more. */
void held_confirm(struct ils *ils, const struct command *c)
{
    struct confirming *x = &ils->confirming;
    if (own_shrunk(ils) == NULL) {
        command_refuse(ils, c, REPLY_NOT_SHRUNK, slice_make(NULL, 0));
    } else if (x->command != 0) {
        command_refuse(ils, c, REPLY_BUSY_PLAN, slice_make(NULL, 0));
    } else {
        x->command = c->id;
        text_set(x->who, c->who);
        text_set(x->what, c->what);
    }
}

/* Of this stream that alarm is told now. */
static bool is_held(const struct ils *ils, struct slice subject)
{
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (s->kept.catalog != NULL && slice_eq(text_slice(s->kept.subject), subject))
            return true;
    }
    return false;
}

/* After a start: alarms whose cause went meanwhile. What is too large is refused again when it is
 * heard of. */
static void clear_former(struct ils *ils)
{
    list_each(node, &ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (e->active && (e->alarm == ILSLearnedLimitExceeded ||
                          e->alarm == ILSLearnedLimitApproachingWarning ||
                          (e->alarm == ILSPlanHeld && !is_held(ils, text_slice(e->subject)))))
            alarm_clear(ils, (enum alarm)e->alarm, text_slice(e->subject));
    }
}

static void confirm(struct ils *ils, struct confirming *x)
{
    struct stream *s = own_shrunk(ils);
    enum reply reply = ils->cloned ? REPLY_CLONED
                       : ils->own->rolled_back || ils->self->rolled_back ? REPLY_ROLLED_BACK
                       : ils->stopped ? REPLY_STOPPED
                       : s == NULL ? REPLY_NOT_SHRUNK : REPLY_OK;
    if (reply == REPLY_OK && (s->committing || adopt_holds(ils, s)))
        return;
    const struct waiting w = {.command = x->command, .who = text_slice(x->who),
                              .what = text_slice(x->what)};
    x->command = 0;
    if (reply == REPLY_OK && stream_commit_shrunk(ils, s, &w) != 0)
        reply = REPLY_MEMORY;
    if (reply != REPLY_OK)
        command_reply(ils, w.command, reply, slice_make(NULL, 0));
}

void held_tick(struct ils *ils)
{
    struct confirming *x = &ils->confirming;
    bool moved = ils->learned_seen != policy_learned_max(ils);
    bool judge = ils->started && (moved || ils->learned_less || ils->learned_moved);
    if ((moved || ils->learned_less) && ils->started) {
        if (ils->learned_seen == 0)
            clear_former(ils);
        ils->learned_seen = policy_learned_max(ils);
        ils->learned_less = false;
        ask_again(ils);
    }
    ils->learned_moved = ils->learned_moved && !judge;
    if (judge)
        judge_near(ils);
    if (x->command != 0 && ils->ready)
        confirm(ils, x);
}
