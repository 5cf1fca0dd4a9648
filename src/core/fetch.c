/* fetch: what a head does not carry is asked for: the manifest, then the segments, a window of them
 * at a time; answers come in the order of the questions. What was fetched survives a cut and a
 * newer head. When all of it is held and checked it is served, in one step. */
#include "core/core.h"

/* --- asking */

static void fetch_apply(struct ils *ils, struct stream *s);

/* From now on its deadline counts; fetch_tick takes it off when there is none. */
static void fetch_due(struct ils *ils, struct stream *s)
{
    if (list_empty(&s->due))
        list_add(&ils->due, &s->due);
}

static void ask_manifest(struct stream *s)
{
    struct link *l = s->source;
    struct msg_manifest_request m = {.number = s->number,
                                     .first = (uint32_t)(s->wanted_lines.n / LINE_BYTES)};
    memcpy(m.key, s->key, KEY_SIZE);
    msg_manifest_request_put(&l->out, &m);
    s->manifests++;
    s->fetch = FETCH_MANIFEST;
    fetch_due(l->ils, s);
    s->fetch_last = l->ils->now;
}

/* Questions about s that l has not answered; *ret_this: the one about this name is among them. */
static uint32_t on_the_way(const struct link *l, const struct stream *s, const uint8_t *name,
                           bool *ret_this)
{
    uint32_t n = 0;
    *ret_this = false;
    for (uint32_t i = 0; i < l->asked_n; i++) {
        const struct asked *a = &l->asked[(l->asked_first + i) % REQUESTS_MAX];
        n += a->stream == s;
        *ret_this = *ret_this || (a->stream == s && memcmp(a->name, name, HASH_SIZE) == 0);
    }
    return n;
}

/* Fills the window of questions, of what was not asked for already; applies when nothing is
 * missing. */
static void ask_segments(struct ils *ils, struct stream *s)
{
    struct link *l = s->source;
    struct line line;
    size_t at = 0;
    bool asked;
    s->fetch = FETCH_SEGMENTS;
    fetch_due(ils, s);
    while (l != NULL && l->asked_n < REQUESTS_MAX && catalog_missing(s->catalog, &s->at, &line)) {
        struct msg_segment_request m = {.number = s->number, .has_name = true};
        s->at++;
        s->asked = on_the_way(l, s, line.name, &asked);
        if (asked)
            continue;
        struct asked *a = &l->asked[(l->asked_first + l->asked_n++) % REQUESTS_MAX];
        memcpy(m.key, s->key, KEY_SIZE);
        memcpy(m.name, line.name, HASH_SIZE);
        memcpy(a->name, line.name, HASH_SIZE);
        a->stream = s;
        s->asked++;
        msg_segment_request_put(&l->out, &m);
    }
    bool missing = catalog_missing(s->catalog, &at, &line);
    if (s->asked == 0)
        s->at = 0;
    if (!missing && memcmp(s->target_root, s->wanted.root, HASH_SIZE) == 0)
        fetch_apply(ils, s);
}

static void fetch_stop(struct stream *s)
{
    s->fetch = FETCH_NONE;
    s->source = NULL;
    s->asked = s->manifests = 0;
}

/* Tried again after a while: with another neighbour, or when this one has thought better of it. */
static void fetch_give_up(struct ils *ils, struct stream *s)
{
    tick wait = FETCH_RETRY_US;
    fetch_stop(s);
    for (uint32_t i = FETCH_FAILURES; i < s->failures && wait < FETCH_RETRY_MAX_US; i++)
        wait *= 2;
    s->retry = ils->now + (wait < FETCH_RETRY_MAX_US ? wait : FETCH_RETRY_MAX_US);
    s->retry = BUG(RETRY_NEVER) ? TICK_NEVER : s->retry;
    fetch_due(ils, s);
    s->failures = s->failures < FETCH_FAILURES ? FETCH_FAILURES : s->failures;
}

static int target_set(struct ils *ils, struct stream *s)
{
    struct slice lines = buf_slice(&s->wanted_lines);
    if (catalog_target(s->catalog, lines, s->wanted.live) != 0)
        return -1;
    stored_forget(ils, s, buf_slice(&s->target_lines), lines);
    buf_reset(&s->target_lines);
    buf_put_slice(&s->target_lines, lines);
    memcpy(s->target_root, s->wanted.root, HASH_SIZE);
    s->at = 0;
    s->asked = 0;
    return s->target_lines.failed ? -1 : 0;
}

static void target_abandon(struct ils *ils, struct stream *s)
{
    catalog_abandon(s->catalog);
    stored_forget(ils, s, buf_slice(&s->target_lines), slice_make(NULL, 0));
    buf_reset(&s->target_lines);
}

static void head_refused(struct ils *ils, struct stream *s, const char *why)
{
    struct trace *t = say(ils, EVENT_HEAD_REJECTED);
    crypto_peer_id(t->peer_id, s->key);
    t->text[0] = slice_of(why);
    stream_failed(ils, s, why);
    target_abandon(ils, s);
    fetch_give_up(ils, s);
    s->refused = s->retry; /* one after the other would keep the loop busy */
}

/* What came meanwhile is looked into then, also where what had been refused was served after all,
 * from somebody else, and nothing was to be tried again. */
static void fetch_after_refusal(struct ils *ils, struct stream *s)
{
    if (s->retry <= s->refused)
        return;
    s->retry = s->refused;
    fetch_due(ils, s);
}

static void take_lines(struct ils *ils, struct stream *s)
{
    if (!s->wanted_lines.failed && !lines_plausible(s))
        head_refused(ils, s, "the list is not the one that was signed");
    else if (s->wanted_lines.failed || target_set(ils, s) != 0)
        head_refused(ils, s, "out of memory");
    else
        ask_segments(ils, s);
}

/* My own catalog as a neighbour holds it, newer than mine. */
void fetch_own(struct stream *s, struct link *l)
{
    s->source = l;
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
    ask_manifest(s);
}

/* Begins, or goes on, to fetch what s wants from l. */
void fetch_from(struct ils *ils, struct stream *s, struct link *l)
{
    struct line line;
    size_t at = 0;
    s->manifests = s->source == l ? s->manifests : 0;
    s->source = l;
    s->fetch_last = ils->now;
    buf_reset(&s->delta); /* it may lead to another head than the one that is wanted now */
    if (s->wanted.lines == 0 || memcmp(s->wanted.root, s->head.root, HASH_SIZE) == 0) {
        buf_reset(&s->wanted_lines);
        if (s->wanted.lines != 0)
            buf_put_slice(&s->wanted_lines, catalog_lines(s->catalog));
        take_lines(ils, s);
    } else if (s->wanted_lines.n == (size_t)s->wanted.lines * LINE_BYTES &&
               catalog_missing(s->catalog, &at, &line)) {
        s->at = 0; /* cut before: what is held is kept */
        s->asked = 0;
        ask_segments(ils, s);
    } else {
        buf_reset(&s->wanted_lines);
        ask_manifest(s);
    }
}

/* --- hearing */

/* Takes over a head that is newer than what is served and wanted. False: not newer. */
static bool want_head(struct ils *ils, struct stream *s, struct slice bytes, const struct head *h)
{
    if (stream_held(s) && head_order(h, &s->head) <= 0 && !BUG(STALE_HEAD))
        return false;
    if (!mark_above_wanted(ils, s, h))
        return false;
    if (h->epoch > s->seen_epoch || (h->epoch == s->seen_epoch && h->usn > s->seen_usn)) {
        s->seen_epoch = h->epoch;
        s->seen_usn = h->usn;
    }
    holds_heard(ils, s);
    bool over = !s->own && !admit_quota(ils, s, h) && !BUG(QUOTA_NOT_JUDGED);
    held_quota(ils, s, over);
    if (s->over_quota) {
        struct trace *t = say(ils, EVENT_HEAD_REJECTED);
        crypto_peer_id(t->peer_id, s->key);
        t->text[0] = slice_of("over the quota");
        stream_failed(ils, s, "over the quota");
        return false;
    }
    bool same = s->wanted_bytes.n != 0 && memcmp(h->root, s->wanted.root, HASH_SIZE) == 0;
    buf_reset(&s->wanted_bytes);
    buf_put_slice(&s->wanted_bytes, bytes);
    if (s->wanted_bytes.failed || head_get(buf_slice(&s->wanted_bytes), &s->wanted) != 0) {
        buf_reset(&s->wanted_bytes);
        return false;
    }
    if (!same)
        buf_reset(&s->wanted_lines);
    return true;
}

/* Why catalog_add did not take it. */
static const char *segment_refusal(int r)
{
    return r == -1 ? "out of memory"
           : r == -2 ? "a segment is not sound" : "a key has more than 1024 records";
}

static void take_delta(struct link *l, struct stream *s, const struct msg_head *m,
                       struct slice body)
{
    struct ils *ils = l->ils;
    if (target_set(ils, s) != 0) {
        head_refused(ils, s, "out of memory");
        return;
    }
    s->source = l;
    for (size_t i = 0; i < m->segment_n; i++) {
        uint8_t name[HASH_SIZE];
        segment_name(name, m->segment[i]);
        int r = catalog_add_named(s->catalog, name, m->segment[i]); /* in any order */
        if (r == 0)
            stored_segment(ils, s, name);
        if (r < 0) {
            head_refused(ils, s, segment_refusal(r));
            return;
        }
    }
    buf_reset(&s->delta); /* as it came, for those who hold the same base */
    memcpy(s->delta_base, m->base, HASH_SIZE);
    frame_put(&s->delta, FRAME_HEAD, body);
    if (s->delta.failed)
        buf_reset(&s->delta);
    s->fetch_last = ils->now;
    ask_segments(ils, s);
}

static bool signature_holds(struct link *l, struct slice bytes)
{
    if (head_signed(bytes))
        return true;
    struct trace *t = say_link(l, EVENT_HEAD_REJECTED);
    t->text[0] = slice_of("the signature does not hold");
    return false;
}

static bool has_left(const struct head *h)
{
    return (h->flags & HEAD_FLAG_LEFT) != 0;
}

/* The stream of a head that came over l; NULL when it may not even wait for admission there. From a
 * spoke only its own streams are heard; what waits is bounded, and nothing waits that is not
 * signed, is mine, may not return, or is of somebody who has left without having been here. */
static struct stream *heard_stream(struct link *l, const struct head *h, struct slice bytes)
{
    struct ils *ils = l->ils;
    struct stream *s = stream_find(ils, h->key, h->number);
    if (s != NULL)
        return s;
    if (memcmp(h->key, ils->key, KEY_SIZE) == 0 || !ends_allow(ils, h) ||
        (has_left(h) && h->number == STREAM_SELF))
        return NULL;
    size_t waiting = 0, catalogs = 0;
    list_each(node, &ils->streams) {
        const struct stream *o = list_entry(node, struct stream, node);
        bool waits = !o->admitted && !stream_held(o);
        waiting += waits;
        catalogs += waits && o->number >= STREAM_CATALOGS;
    }
    bool theirs = memcmp(h->key, l->to->key, KEY_SIZE) == 0;
    bool unheard = !theirs && admit_spoke(l);
    l->unheard = l->unheard || unheard;
    if (unheard || (!theirs && waiting >= UNADMITTED_MAX))
        return NULL;
    if (theirs && h->number >= STREAM_CATALOGS && catalogs >= CATALOGS_WAITING)
        return NULL;
    if (!signature_holds(l, bytes))
        return NULL;
    return stream_get(ils, h->key, h->number);
}

/* A head with the epoch and USN of the one that is held, and another root. */
static void second_writer(struct link *l, struct stream *s, struct slice bytes,
                          const struct head *h)
{
    if (stream_held(s) && h->epoch == s->head.epoch && h->usn == s->head.usn &&
        memcmp(h->root, s->head.root, HASH_SIZE) != 0 && signature_holds(l, bytes))
        identity_heads(l->ils, s, bytes, h);
}

static bool is_news(struct ils *ils, const struct stream *s, const struct head *h)
{
    if (has_left(h) && h->lines != 0)
        return false;
    return (!stream_held(s) || head_order(h, &s->head) > 0 || BUG(STALE_HEAD)) &&
           mark_above_wanted(ils, s, h);
}

/* What a head of another cluster's says is wanted, if it may be. */
static void take_head(struct link *l, struct stream *s, const struct msg_head *m,
                      const struct head *h, struct slice body)
{
    struct ils *ils = l->ils;
    struct peer *p = peer_find(ils, s->key);
    if (p != NULL)
        p->last_contact = ils->wall;
    if (!s->admitted && admit_may(ils, s)) {
        s->admitted = true;
        admit_counted(ils);
    }
    struct slice former;
    bool based = delta_base(ils, s, m, &former);
    if (!want_head(ils, s, m->head, h))
        return;
    bool farewell = has_left(h) && s->number == STREAM_SELF && stream_held(s);
    if (!s->admitted && !farewell) {
        s->source = l; /* waits for a roster that lists it */
        return;
    }
    if (ils->now < s->refused) {
        fetch_after_refusal(ils, s);
        return;
    }
    if (based && delta_lines(s, m, former))
        take_delta(l, s, m, body);
    else if (s->fetch == FETCH_NONE || s->wanted_lines.n == 0)
        fetch_from(ils, s, l);
}

void fetch_head(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    struct msg_head m;
    struct head h;
    if (msg_head_get(&ils->step, body, &m) != 0 || head_get(m.head, &h) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    l->ended_told = l->ended_told || !ends_allow(ils, &h);
    struct stream *s = heard_stream(l, &h, m.head);
    struct mark *mark = s == NULL ? NULL : mark_get(l, s);
    if (mark == NULL)
        return;
    if ((!mark->theirs || mark_order(mark, &h) < 0) && !BUG(RELAY_TO_SENDER))
        mark_set(mark, &h);
    mark->said = true;
    mark_lower(s, mark, &h);
    if (s->own) {
        adopt_heard(l, s, mark);
        return;
    }
    if (stream_held(s) && head_order(&h, &s->head) < 0)
        ils->heads_moved = true; /* they are told of the newer one */
    second_writer(l, s, m.head, &h);
    if (is_news(ils, s, &h) && signature_holds(l, m.head) && ends_allow(ils, &h))
        take_head(l, s, &m, &h, body);
}

/* An older head than they announced answers the question: what they hold now is taken, if nobody
 * has the newer one. False: it is not wanted. */
static bool take_older(struct link *l, struct stream *s, struct slice bytes, const struct head *h)
{
    struct ils *ils = l->ils;
    struct mark *m = mark_find(l, s);
    if (s->own || m == NULL)
        return false;
    mark_lower(s, m, h);
    if (mark_source(ils, s, NULL) == NULL && head_order(h, &s->head) <= 0 && stream_held(s))
        fetch_drop(ils, s);
    return s->wanted_bytes.n != 0 && is_news(ils, s, h) && head_signed(bytes) &&
           ends_allow(ils, h) && want_head(ils, s, bytes, h);
}

void fetch_manifest(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    struct msg_manifest m;
    struct head h;
    if (msg_manifest_get(&ils->step, body, &m) != 0 || head_get(m.head, &h) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    struct stream *s = stream_find(ils, h.key, h.number);
    if (s == NULL || s->source != l)
        return;
    s->manifests -= s->manifests > 0;
    if (s->fetch != FETCH_MANIFEST)
        return;
    if (s->wanted_bytes.n == 0 || head_order(&h, &s->wanted) > 0) { /* it moved on meanwhile */
        if (s->own && !adopt_believes(l, s, m.head, &h)) {
            fetch_stop(s);
            if (l->marks_done)
                adopt_list_came(ils);
            return;
        }
        if (!is_news(ils, s, &h) || !head_signed(m.head) || (!s->own && !ends_allow(ils, &h)) ||
            !want_head(ils, s, m.head, &h)) {
            if (s->over_quota) {
                fetch_stop(s);
                return;
            }
            head_refused(ils, s, "the head does not hold");
            return;
        }
    } else if (head_order(&h, &s->wanted) < 0 && !take_older(l, s, m.head, &h) &&
               s->fetch == FETCH_NONE) {
        return; /* nobody has what was wanted */
    }
    s->fetch_last = ils->now;
    if (head_order(&h, &s->wanted) != 0 || m.first != s->wanted_lines.n / LINE_BYTES ||
        (m.lines.n == 0 && s->wanted.lines != 0)) {
        if (s->manifests > 0)
            return; /* it was asked for again meanwhile, because of a newer head */
        struct link *other = head_order(&h, &s->wanted) < 0 ? mark_source(ils, s, l) : NULL;
        buf_reset(&s->wanted_lines);
        if (++s->failures > FETCH_FAILURES)
            head_refused(ils, s, "the list does not come whole");
        else if (other != NULL)
            fetch_from(ils, s, other); /* who told of it; this one has not heard of it yet */
        else
            ask_manifest(s);
        return;
    }
    buf_put_slice(&s->wanted_lines, m.lines);
    if (s->wanted_lines.failed)
        head_refused(ils, s, "out of memory");
    else if (s->wanted_lines.n > (size_t)s->wanted.lines * LINE_BYTES)
        head_refused(ils, s, "the list is longer than was signed");
    else if (s->wanted_lines.n == (size_t)s->wanted.lines * LINE_BYTES)
        take_lines(ils, s);
    else
        ask_manifest(s);
}

/* The oldest question of the link is answered. NULL: there was none. */
static struct asked *answered(struct link *l)
{
    if (l->asked_n == 0)
        return NULL;
    struct asked *a = &l->asked[l->asked_first];
    l->asked_first = (l->asked_first + 1) % REQUESTS_MAX;
    l->asked_n--;
    l->last_answer = l->ils->now;
    if (a->stream != NULL && a->stream->source == l && a->stream->asked > 0)
        a->stream->asked--;
    return a;
}

/* A large catalog may have filled the window: an answer makes room for those that have asked for
 * nothing yet. */
static void ask_for_others(struct link *l)
{
    list_each(node, &l->ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->source == l && s->fetch == FETCH_SEGMENTS && s->asked == 0)
            ask_segments(l->ils, s);
    }
}

void fetch_segment(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    struct asked *a = answered(l);
    uint8_t name[HASH_SIZE];
    segment_name(name, body);
    if (a == NULL || memcmp(name, a->name, HASH_SIZE) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    struct stream *s = a->stream;
    if (s == NULL)
        return;
    int r = catalog_add_named(s->catalog, name, body);
    if (r == 0)
        stored_segment(ils, s, name);
    if (s->fetch != FETCH_SEGMENTS || s->source != l)
        return;
    s->fetch_last = ils->now;
    s->failures = 0;
    if (s->own)
        adopt_came(ils);
    if (r < 0)
        head_refused(ils, s, segment_refusal(r));
    ask_for_others(l);
    if (s->fetch == FETCH_SEGMENTS && s->source == l)
        ask_segments(ils, s);
}

void fetch_gone(struct link *l, struct slice body)
{
    struct msg_segment_request m;
    if (msg_gone_get(&l->ils->step, body, &m) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    struct stream *s = stream_find(l->ils, m.key, m.number);
    if (m.has_name) {
        struct asked *a = answered(l);
        s = a == NULL ? NULL : a->stream;
    }
    if (s == NULL || s->source != l || s->fetch == FETCH_NONE)
        return;
    struct mark *mark = mark_find(l, s);
    if (!m.has_name && mark != NULL && !mark_ours(s, mark))
        mark->theirs = mark->said = false;
    if (++s->failures > FETCH_FAILURES) {
        head_refused(l->ils, s, "its segments are gone");
    } else if (s->asked == 0) { /* the newest list says what to ask for */
        buf_reset(&s->wanted_lines);
        ask_manifest(s);
    }
}

/* --- applying */

/* A mismatch is looked at once more with an index built anew; then it is an alarm, not an answer.
 * */
bool fetch_digest_agrees(struct stream *s, tick now)
{
    uint64_t live, sum;
    catalog_digest(s->catalog, &live, &sum);
    if (live == s->wanted.live && sum == s->wanted.sum)
        return true;
    if (now - s->rebuilt < REBUILD_US || catalog_rebuild(s->catalog) != 0)
        return false;
    s->rebuilt = now;
    catalog_digest(s->catalog, &live, &sum);
    return live == s->wanted.live && sum == s->wanted.sum;
}

/* All segments are held and checked: the head is served from now on, in one step. */
static void fetch_apply(struct ils *ils, struct stream *s)
{
    struct trace *t;
    struct rows rows;
    /* Meanwhile a copy, or something was written: it could not be made its own. */
    if (s->own && (ils->cloned || s->committing)) {
        s->proved_older = false;
        fetch_drop(ils, s);
        return;
    }
    if (!fetch_digest_agrees(s, ils->now)) {
        t = say(ils, EVENT_DIGEST_DIFFERS);
        crypto_peer_id(t->peer_id, s->key);
        t->text[0] = arena_copy(&ils->step, s->wanted.name);
        t->number[0] = s->wanted.usn;
        s->digest_differs = true;
        stream_failed(ils, s, "what came is not what was signed: another digest");
        s->failures = FETCH_FAILURES + 8; /* a minute until it is looked at again */
        target_abandon(ils, s);
        fetch_give_up(ils, s);
        return;
    }
    bool moved = !stream_held(s) || s->wanted.usn != s->head.usn;
    if (s->own || (s->delta.n != 0 && memcmp(s->delta_base, s->head.root, HASH_SIZE) != 0))
        buf_reset(&s->delta); /* it leads to another head */
    struct slice former = arena_copy(&ils->step, catalog_lines(s->catalog));
    replaced_keep(ils, s, former, buf_slice(&s->wanted_lines));
    rows_init(&rows, ils);
    if (!held_apply(&rows, s)) {
        head_refused(ils, s, "out of memory");
        return;
    }
    buf_reset(&s->target_lines);
    if (!stream_head_wanted(s)) {
        ils->broken = true;
        return;
    }
    fetch_stop(s);
    s->failures = 0;
    s->retry = TICK_NEVER;
    s->digest_differs = false;
    s->last_usn = moved ? ils->wall : s->last_usn;
    if (!s->own) /* which is stored when it is mine again */
        stored_head(&rows, s, former);
    else
        adopt_replaces(s, former);
    stream_served(ils, s);
    if (s->own) {
        adopt_applied(ils, s);
        return;
    }
    stream_say_applied(ils, s);
    if (s->number == STREAM_SELF)
        self_applied(ils, s);
}

/* What is wanted and nobody could be asked for: it was lost from the disk, or the link is gone over
 * which it was told. A spoke tells of what it was shown alone, but its list says what it has. */
void fetch_listed(struct link *l)
{
    struct ils *ils = l->ils;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        const struct mark *m = mark_find(l, s);
        if (!s->own && s->admitted && !stream_held(s) && s->wanted_bytes.n != 0 &&
            s->fetch == FETCH_NONE && m != NULL && m->theirs &&
            mark_order(m, &s->wanted) >= 0)
            fetch_from(ils, s, l);
    }
}

/* --- silence and ends */

/* Frees s: no link speaks of it any more. */
void fetch_forget(struct ils *ils, struct stream *s)
{
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        struct mark *m = mark_find(l, s);
        if (m != NULL)
            memset(m, 0, sizeof *m);
        for (size_t i = 0; i < REQUESTS_MAX; i++)
            if (l->asked[i].stream == s)
                l->asked[i].stream = NULL; /* a late answer is dropped */
    }
    journal_unstore(ils, s);
    stream_free(ils, s);
}

/* Nothing is wanted of it any more. */
void fetch_drop(struct ils *ils, struct stream *s)
{
    fetch_stop(s);
    s->retry = TICK_NEVER;
    target_abandon(ils, s);
    holds_dropped(ils, s);
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
}

/* Nobody can be asked for it now: it is looked for again, and if need be for less (fetch_again). */
static void fetch_later(struct ils *ils, struct stream *s)
{
    if (s->own || s->wanted_bytes.n == 0 || s->retry <= ils->now + FETCH_RETRY_US)
        return;
    s->retry = ils->now + FETCH_RETRY_US;
    fetch_due(ils, s);
}

/* What waited is fetched; or what was being fetched waits. */
void fetch_admitted(struct ils *ils, struct stream *s, bool admitted)
{
    s->admitted = admitted;
    ils->heads_moved = true;
    ils->stale_next = ils->now;
    if (!admitted) {
        s->fetch = FETCH_NONE;
        s->asked = 0;
        s->retry = TICK_NEVER;
        if (s->source == NULL && s->wanted_bytes.n != 0) /* given up for now */
            s->source = mark_source(ils, s, NULL);
    } else if (s->fetch == FETCH_NONE && s->wanted_bytes.n != 0 && !BUG(WAITING_FORGOTTEN)) {
        struct link *l = s->source != NULL ? s->source : mark_source(ils, s, NULL);
        if (l != NULL)
            fetch_from(ils, s, l);
        else
            fetch_later(ils, s);
    }
}

void fetch_link_gone(struct link *l)
{
    list_each_safe(node, &l->ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->source != l)
            continue;
        fetch_stop(s); /* what was fetched stays in the target; an unproved claim is dropped */
        struct link *other = s->wanted_bytes.n != 0 ? mark_source(l->ils, s, l) : NULL;
        if (!s->admitted)
            s->source = other; /* it waits for a roster there */
        if (!s->admitted && !stream_held(s) && other == NULL)
            fetch_forget(l->ils, s);
        else if (s->admitted && other != NULL)
            fetch_from(l->ils, s, other);
        else if (s->admitted)
            fetch_later(l->ils, s);
    }
}

static bool any_list(const struct ils *ils)
{
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP && l->marks_done)
            return true;
    }
    return false;
}

/* Where nobody shows any more what is wanted, whoever shows the most of what is newer than what is
 * held is asked what it has: its origin came back from a backup, and its older head was passed over
 * as long as somebody had the newer one (take_older). Where all show what is held or less, it is
 * waited for no longer. */
static void fetch_again(struct ils *ils, struct stream *s)
{
    struct link *l = mark_source(ils, s, NULL), *less = mark_most(ils, s);
    s->retry = ils->now + FETCH_RETRY_MAX_US;
    if (s->wanted_bytes.n == 0 || !s->admitted) {
        s->retry = TICK_NEVER;
    } else if (l != NULL) {
        fetch_from(ils, s, l);
    } else if (!s->own && less != NULL) {
        s->source = less;
        buf_reset(&s->wanted_lines);
        ask_manifest(s);
    } else if (!s->own && stream_held(s) && any_list(ils)) {
        fetch_drop(ils, s);
    }
}

/* When a fetch wants to be looked at next. */
tick fetch_deadline(const struct stream *s)
{
    if (s->fetch == FETCH_NONE)
        return s->retry;
    if (s->source == NULL)
        return TICK_NEVER;
    /* Answers to others' questions on the same link are no silence: ours wait behind them. */
    const struct link *l = s->source;
    tick last = s->fetch_last > l->last_answer ? s->fetch_last : l->last_answer;
    tick most = last + FETCH_WHOLE_US, part = l->last_part < most ? l->last_part : most;
    return (part > last ? part : last) + FETCH_SILENT_US;
}

/* No byte for 5 s: the next neighbour that announced it, else the same once more. */
static void fetch_silent(struct ils *ils, struct stream *s)
{
    struct link *silent = s->source, *other = mark_source(ils, s, silent);
    stream_failed(ils, s, "no answer for 5 s");
    for (uint32_t i = 0; i < silent->asked_n; i++) {
        struct asked *a = &silent->asked[(silent->asked_first + i) % REQUESTS_MAX];
        if (a->stream == s)
            a->stream = NULL; /* a late answer is dropped */
    }
    fetch_stop(s);
    if (s->own ? s->proved_older : s->wanted_bytes.n != 0) /* else it was only a claim */
        fetch_from(ils, s, other != NULL ? other : silent);
}

/* One whose deadline is over; what is done about it moves that on, and may free others. */
static struct stream *next_due(struct ils *ils)
{
    list_each_safe(node, &ils->due) {
        struct stream *s = list_entry(node, struct stream, due);
        if (s->fetch == FETCH_NONE && s->retry == TICK_NEVER)
            list_remove(&s->due);
        else if (ils->now >= fetch_deadline(s))
            return s;
    }
    return NULL;
}

void fetch_tick(struct ils *ils)
{
    for (size_t i = 0; ils->rosters_moved && i < 8; i++) /* what is admitted may admit others */
        admit_again(ils);
    replaced_tick(ils);
    for (struct stream *s; (s = next_due(ils)) != NULL;) {
        if (s->fetch == FETCH_NONE)
            fetch_again(ils, s);
        else
            fetch_silent(ils, s);
    }
}
