/* exchange: replication's talk over one proved link (PROTOCOL 12). Both ends open with their lists;
 * then each sends the newest head of a stream once: a mark per stream and link, no queue. Questions
 * about what is held are answered here; asking them is fetch.c's. */
#include "core/core.h"

/* --- opening */

void exchange_open(struct link *l)
{
    struct ils *ils = l->ils;
    struct msg_mark *mark = arena_alloc(&ils->step, MARKS_PER_FRAME * sizeof *mark);
    struct msg_marks m = {.mark = mark};
    if (mark == NULL) {
        link_end(l, CODE_FULL, true);
        return;
    }
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        const struct head *h = told_head(s);
        if (told_bytes(s).n == 0)
            continue;
        struct mark *theirs = mark_get(l, s);
        if (theirs != NULL)
            theirs->shown = true;
        struct msg_mark *to = &mark[m.n++];
        memcpy(to->key, s->key, KEY_SIZE);
        to->number = s->number;
        to->epoch = h->epoch;
        to->usn = h->usn;
        to->beat = h->beat;
        memcpy(to->root, h->root, HASH_SIZE);
        if (m.n == MARKS_PER_FRAME) {
            msg_marks_put(&l->out, &m);
            m.n = 0;
        }
    }
    m.last = true;
    msg_marks_put(&l->out, &m);
}

static void take_marks(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    struct msg_marks m;
    if (msg_marks_get(&ils->step, body, &m) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    for (size_t i = 0; i < m.n; i++) {
        struct stream *s = stream_find(ils, m.mark[i].key, m.mark[i].number);
        struct mark *to = s == NULL ? NULL : mark_get(l, s);
        if (to == NULL)
            continue;
        to->theirs = to->said = true;
        to->epoch = m.mark[i].epoch;
        to->usn = m.mark[i].usn;
        to->beat = m.mark[i].beat;
        memcpy(to->root, m.mark[i].root, HASH_SIZE);
        if (s->own)
            adopt_heard(l, s, to);
    }
    if (m.last) {
        adopt_list_came(ils);
        fetch_listed(l);
        l->marks_done = true;
        ils->heads_moved = !BUG(MARKS_UNHEEDED) || ils->heads_moved;
    }
}

/* --- telling */

/* Its own streams everybody tells to everybody; a hub those that it admits, and who has left. The
 * origin itself is told of what is above that which it has shown: somebody else wrote it. A hub
 * that is older than its spokes, since it comes from a backup, hears from them what it has lost. */
static bool may_tell(const struct link *l, const struct stream *s)
{
    if (told_bytes(s).n == 0)
        return false;
    if (s->own)
        return true;
    bool left = s->number == STREAM_SELF && (s->head.flags & HEAD_FLAG_LEFT) != 0;
    const struct mark *m = mark_find(l, s);
    bool shown = m != NULL && m->theirs; /* what they have of it is known */
    if (l->ils->role != ROLE_HUB && !BUG(SPOKE_TELLS_OTHERS))
        return s->admitted && shown && l->to->role == ROLE_HUB;
    if (!s->admitted && !left)
        return false;
    return memcmp(s->key, l->to->key, KEY_SIZE) != 0 || shown;
}

/* A spoke has listed a newer head than this hub holds, which it tells once it was shown the older
 * one: when it came, nothing was held here. */
static bool asks_for_more(const struct link *l, const struct stream *s, const struct mark *m)
{
    return l->ils->role == ROLE_HUB && l->to->role == ROLE_SPOKE && !s->own && !m->shown &&
           memcmp(s->key, l->to->key, KEY_SIZE) != 0 && mark_order(m, &s->head) > 0;
}

static void tell_head(struct link *l, struct stream *s)
{
    const struct head *h = told_head(s);
    struct mark *m = mark_get(l, s);
    bool above = m != NULL && m->theirs && mark_order(m, h) >= 0;
    if (m == NULL || (above && !asks_for_more(l, s, m)))
        return;
    m->shown = true;
    if (told_real(s) && s->delta.n != 0 && m->theirs &&
        memcmp(m->root, s->delta_base, HASH_SIZE) == 0) {
        buf_put_slice(&l->out, buf_slice(&s->delta));
    } else {
        struct msg_head bare = {.head = told_bytes(s)};
        msg_head_put(&l->out, &bare);
    }
    if (!above)
        mark_set(m, h);
}

/* A hub whose stream 0 does not say so yet: from a spoke nothing of others would be heard. */
static bool waits_for_role(const struct ils *ils)
{
    return ils->role == ROLE_HUB && ils->self != NULL && told_real(ils->self) &&
           !self_says_hub(ils);
}

/* Newest heads to every neighbour that lacks them; the own stream 0 goes first, so that a hub's
 * roster is there before what it lists. */
void exchange_flush(struct ils *ils)
{
    if (!ils->heads_moved)
        return;
    ils->heads_moved = false;
    bool waits = waits_for_role(ils);
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->state != LINK_UP || !l->marks_done)
            continue;
        if (ils->self != NULL && may_tell(l, ils->self))
            tell_head(l, ils->self);
        list_each(other, &ils->streams) {
            struct stream *s = list_entry(other, struct stream, node);
            if ((s->own || !waits) && may_tell(l, s))
                tell_head(l, s);
        }
    }
}

/* --- answering */

static void gone(struct link *l, const uint8_t *key, uint64_t number, const uint8_t *name)
{
    struct msg_segment_request m = {.number = number, .has_name = name != NULL};
    memcpy(m.key, key, KEY_SIZE);
    if (name != NULL)
        memcpy(m.name, name, HASH_SIZE);
    msg_gone_put(&l->out, &m);
}

static void take_manifest_request(struct link *l, struct slice body)
{
    struct msg_manifest_request m;
    if (msg_manifest_request_get(&l->ils->step, body, &m) != 0) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    struct stream *s = stream_find(l->ils, m.key, m.number);
    if (s == NULL || told_bytes(s).n == 0) {
        gone(l, m.key, m.number, NULL);
        return;
    }
    if (l->pending + l->out.n > PENDING_MAX) {
        link_end(l, CODE_TOO_SLOW, false);
        return;
    }
    struct slice lines = told_real(s) ? catalog_lines(s->catalog) : slice_make(NULL, 0);
    size_t from = (size_t)m.first * LINE_BYTES;
    size_t n = from < lines.n ? lines.n - from : 0;
    if (n > (size_t)LINES_PER_FRAME * LINE_BYTES)
        n = (size_t)LINES_PER_FRAME * LINE_BYTES;
    struct msg_manifest answer = {.head = told_bytes(s), .first = m.first,
                                  .lines = n == 0 ? slice_make(NULL, 0)
                                                  : slice_make(lines.p + from, n)};
    msg_manifest_put(&l->out, &answer);
}

static void answer(struct link *l, const struct question *q)
{
    struct stream *s = stream_find(l->ils, q->key, q->number);
    struct slice bytes = slice_make(NULL, 0);
    if (s != NULL && (!s->own || told_real(s))) {
        bytes = catalog_segment(s->catalog, q->name);
        if (bytes.n == 0 && BUG(ANOTHER_SEGMENT) && s->head.lines != 0)
            bytes = catalog_segment(s->catalog, catalog_lines(s->catalog).p + 4);
        if (bytes.n == 0)
            bytes = replaced_find(s, q->name);
    }
    if (bytes.n == 0)
        gone(l, q->key, q->number, q->name);
    else
        link_send(l, FRAME_SEGMENT, bytes);
}

/* What was asked for is sent while little of it waits to be taken; the rest, when there is room: so
 * a herd of newcomers costs memory for what is on the way and not for all that it asks for, no step
 * is long, and heads and keepalives pass between. Nobody waits for the turn of another: where
 * nothing is on the way one segment always goes. */
void exchange_answer(struct link *l)
{
    struct question q;
    size_t at = 0;
    for (; at < l->questions.n && l->state == LINK_UP; at += sizeof q) {
        if (l->pending + l->out.n >= ANSWERED_UNSENT)
            break;
        memcpy(&q, l->questions.p + at, sizeof q);
        answer(l, &q);
    }
    buf_drop(&l->questions, at);
}

static void take_segment_request(struct link *l, struct slice body)
{
    struct msg_segment_request m;
    struct question q;
    if (msg_segment_request_get(&l->ils->step, body, &m) != 0 ||
        l->questions.n == QUESTIONS_MAX) {
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    memcpy(q.key, m.key, KEY_SIZE);
    memcpy(q.name, m.name, HASH_SIZE);
    q.number = m.number;
    buf_put(&l->questions, &q, sizeof q);
    if (l->questions.failed)
        link_end(l, CODE_FULL, true);
    else
        exchange_answer(l);
}

static void take_goodbye(struct link *l, struct slice body)
{
    struct msg_goodbye m;
    enum code code = CODE_PROTOCOL;
    if (msg_goodbye_get(&l->ils->step, body, &m) == 0)
        code = handshake_code(m.code);
    if (code == CODE_CLONE)
        code = CODE_PROTOCOL; /* it is no word for a link that stands */
    if (code == CODE_DISCONNECTED) {
        l->to->disconnected_there = true;
        l->to->row_next = 0;
        peer_dirty(l->ils, l->to);
        struct trace *t = say_link(l, EVENT_DISCONNECTED);
        t->text[0] = arena_copy(&l->ils->step, text_slice(l->to->cluster_id));
        t->text[1] = slice_of("the other end");
        self_changed(l->ils);
        if (l->ils->dial.hub_known && memcmp(l->ils->dial.hub_key, l->to->key, KEY_SIZE) == 0)
            dial_want(l->ils, false);
    }
    if ((code >= CODE_SELF_SIGNED && code <= CODE_CHAIN_INVALID) || code == CODE_BANNED)
        say_verdict_live(l, code, false);
    link_end(l, code, false);
}

#ifdef OPENILS_BUG_RELAY_UNCHECKED /* the control of the poison: what comes goes on as it is */
static void relay_unchecked(struct link *l, uint8_t type, struct slice body)
{
    list_each(node, &l->ils->links) {
        struct link *other = list_entry(node, struct link, node);
        if (type == FRAME_HEAD && other != l && other->state == LINK_UP)
            link_send(other, type, body);
    }
}
#else
#define relay_unchecked(l, type, body)
#endif

void exchange_frame(struct link *l, uint8_t type, struct slice body)
{
    relay_unchecked(l, type, body);
    switch (type) {
    case FRAME_KEEPALIVE: break;
    case FRAME_MARKS: take_marks(l, body); break;
    case FRAME_HEAD: fetch_head(l, body); break;
    case FRAME_MANIFEST_REQUEST: take_manifest_request(l, body); break;
    case FRAME_MANIFEST: fetch_manifest(l, body); break;
    case FRAME_SEGMENT_REQUEST: take_segment_request(l, body); break;
    case FRAME_SEGMENT: fetch_segment(l, body); break;
    case FRAME_GONE: fetch_gone(l, body); break;
    case FRAME_READY: own_ready_frame(l, body); break;
    case FRAME_GOODBYE: take_goodbye(l, body); break;
    default: link_end(l, CODE_PROTOCOL, true); break;
    }
}
