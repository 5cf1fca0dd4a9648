/* view_holds: who has what, and who is gone, for whoever shows it. Reads only.
 *
 * What this cluster serves it knows; what a neighbour has, by the marks of their link; what anybody
 * else has, by its word (holds.c). That word is a sum over a whole vector: it is explained by going
 * back along the steps by which one's own vector came to be what it is. Others took the same steps,
 * those that came close to each other perhaps in another order. */
#include "core/core.h"

#define NEAR 6 /* of so many neighbouring steps any may have been taken */

/* One version of a plan. sum = 0: none is served. */
struct version {
    uint64_t epoch, usn, sum;
    tick next;      /* when its successor was first served here; 0 = it has none */
    wall next_wall;
};

static bool of_step(const struct vector_step *step, const struct stream *s)
{
    return step->number == s->number && memcmp(step->key, s->key, HOLDS_KEY) == 0;
}

/* Step i back from the newest. */
static const struct vector_step *step_back(const struct vector *v, size_t i)
{
    return &v->step[(v->n - 1 - i) % HOLDS_STEPS];
}

static size_t steps_kept(const struct vector *v)
{
    return v->n < HOLDS_STEPS ? (size_t)v->n : HOLDS_STEPS;
}

static const struct exception *excepted(const struct holds *h, const uint8_t *key, uint64_t number)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->exception[i].number == number &&
            memcmp(h->exception[i].key, key, HOLDS_KEY) == 0)
            return &h->exception[i];
    return NULL;
}

/* --- explaining a sum */

/* The steps that the other end has not taken: the newest `whole`, and of the NEAR ones before them
 * those in `some`. Steps of what is excepted do not count. */
struct explained {
    size_t whole;
    uint32_t some;
};

static uint64_t sum_of(const struct holds *h)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < HOLDS_HASH; i++)
        sum = sum << 8 | h->hash[i];
    return sum;
}

/* Which of the steps that follow make up the difference; false: none of them do. */
static bool some_of(const uint64_t *change, size_t n, uint64_t difference, uint32_t *ret)
{
    for (uint32_t set = 0; set < UINT32_C(1) << n; set++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (set >> i & 1) != 0 ? change[i] : 0;
        if (sum == difference) {
            *ret = set;
            return true;
        }
    }
    return false;
}

static bool explain(const struct ils *ils, const struct holds *h, struct explained *ret)
{
    const struct vector *v = &ils->vector;
    uint64_t change[HOLDS_STEPS], sum = v->sum, said = sum_of(h);
    size_t n = steps_kept(v);
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (s->counted != 0 && excepted(h, s->key, s->number) != NULL)
            sum -= s->counted;
    }
    for (size_t i = 0; i < n; i++) {
        const struct vector_step *step = step_back(v, i);
        bool counts = excepted(h, step->key, step->number) == NULL;
        change[i] = counts ? step->after - step->before : 0;
    }
    for (size_t i = 0; i <= n; i++) {
        size_t near = n - i < NEAR ? n - i : NEAR;
        if (some_of(change + i, near, sum - said, &ret->some)) {
            ret->whole = i;
            return true;
        }
        sum -= i < n ? change[i] : 0;
    }
    return false;
}

/* Back from what is served here, by the steps that were not taken there. */
static void version_at(const struct ils *ils, const struct stream *s, const struct explained *e,
                       struct version *ret)
{
    size_t n = steps_kept(&ils->vector);
    *ret = (struct version){.epoch = s->counted_epoch, .usn = s->counted_usn, .sum = s->counted};
    for (size_t i = 0; i < n && i < e->whole + NEAR; i++) {
        const struct vector_step *step = step_back(&ils->vector, i);
        bool taken = i >= e->whole && (e->some >> (i - e->whole) & 1) == 0;
        if (taken || !of_step(step, s))
            continue;
        *ret = (struct version){step->epoch, step->usn, step->before, step->at, step->wall};
    }
}

/* What came after a version that is known by its number. */
static void version_next(const struct ils *ils, const struct stream *s, struct version *ret)
{
    size_t n = steps_kept(&ils->vector);
    for (size_t i = 0; i < n; i++) {
        const struct vector_step *step = step_back(&ils->vector, i);
        if (!of_step(step, s) || step->epoch < ret->epoch ||
            (step->epoch == ret->epoch && step->usn < ret->usn))
            continue;
        ret->next = step->at;
        ret->next_wall = step->wall;
    }
}

/* --- one holder, one origin */

static bool newer(uint64_t epoch, uint64_t usn, const struct view_holds *than_epoch_usn,
                  uint64_t newest_epoch)
{
    return epoch > newest_epoch || (epoch == newest_epoch && usn > than_epoch_usn->newest);
}

/* The newest head of s that is known here; its epoch is given back. */
static uint64_t newest(const struct ils *ils, const struct stream *s, struct view_holds *ret)
{
    const struct head *h = s->own ? told_head(s) : &s->head;
    uint64_t epoch = stream_held(s) ? h->epoch : 0;
    ret->newest = stream_held(s) ? h->usn : 0;
    if (s->wanted_bytes.n != 0 && newer(s->wanted.epoch, s->wanted.usn, ret, epoch)) {
        epoch = s->wanted.epoch;
        ret->newest = s->wanted.usn;
    }
    if (s->own && s->rolled_back && newer(s->theirs_epoch, s->theirs_usn, ret, epoch)) {
        epoch = s->theirs_epoch;
        ret->newest = s->theirs_usn;
    }
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        const struct mark *m = l->state == LINK_UP ? mark_find(l, s) : NULL;
        if (m != NULL && m->theirs && !s->own && newer(m->epoch, m->usn, ret, epoch)) {
            epoch = m->epoch;
            ret->newest = m->usn;
        }
    }
    return epoch;
}

static int64_t since_tick(const struct ils *ils, tick t)
{
    return t == 0 || t > ils->now ? 0 : (ils->now - t) / TICK_S;
}

static int64_t since_wall(const struct ils *ils, wall t)
{
    return t == 0 || t > ils->wall ? 0 : (ils->wall - t) / TICK_S;
}

/* It serves that version of it, and not the newest one: late or not, since when? */
static void judge(const struct ils *ils, const struct version *v, uint64_t newest_epoch,
                  struct view_holds *ret)
{
    ret->known = true;
    ret->epoch = v->epoch;
    ret->usn = v->usn;
    bool equal = v->epoch == newest_epoch && v->usn == ret->newest;
    if (equal || v->epoch > newest_epoch)
        return;
    ret->status = SYNC_BEHIND;
    ret->lag_s = since_tick(ils, v->next);
    ret->since = v->next != 0 ? v->next_wall : 0;
}

static void holds_here(const struct ils *ils, const struct stream *s, uint64_t newest_epoch,
                       struct view_holds *ret)
{
    const struct head *h = s->own ? told_head(s) : &s->head;
    ret->exact = ret->known = true;
    ret->at = ils->wall;
    if (stream_held(s)) {
        ret->epoch = h->epoch;
        ret->usn = h->usn;
    }
    ret->digest_equal = stream_held(s) && ret->usn == ret->newest && ret->epoch == newest_epoch &&
                        !s->digest_differs;
    ret->status = holds_status(ils, s);
    if (s->own && s->rolled_back)
        ret->status = SYNC_HELD;
    ret->lag_s = s->own ? 0 : since_tick(ils, s->behind);
    if (s->behind != 0 && !s->own)
        ret->since = ils->wall - (ils->now - s->behind);
    if (s->error != NULL) {
        ret->error = slice_of(s->error);
        ret->since = ret->since != 0 ? ret->since : s->failed;
    }
}

static void holds_excepted(const struct ils *ils, const struct peer *holder,
                           const struct exception *e, const struct stream *s,
                           uint64_t newest_epoch, struct view_holds *ret)
{
    struct version v = {.epoch = e->epoch, .usn = e->usn};
    version_next(ils, s, &v);
    judge(ils, &v, newest_epoch, ret);
    ret->at = holder->holds.at;
    ret->status = (enum sync_status)e->status;
    ret->since = e->since;
    if (ret->lag_s == 0)
        ret->lag_s = since_wall(ils, e->since);
}

/* By its own word, which may be older than what is known here. */
static void holds_said(const struct ils *ils, const struct peer *holder, const struct stream *s,
                       uint64_t newest_epoch, struct view_holds *ret)
{
    const struct stream *self = stream_find(ils, holder->key, STREAM_SELF);
    struct explained e;
    struct version v;
    ret->at = holder->holds.at;
    if (self == NULL || s->counted == 0 || !explain(ils, &holder->holds, &e))
        return;
    version_at(ils, s, &e, &v);
    bool had_time = v.next == 0 || (self->last_head > v.next + HOLDS_LATE_US &&
                                    holder->holds.at > v.next_wall + HOLDS_LATE_US);
    bool silent = !view_reachable(ils, holder) || stream_overdue(ils, self);
    if (v.sum == 0 && !had_time)
        return; /* said before there was any */
    judge(ils, &v, newest_epoch, ret);
    ret->digest_equal = v.sum == s->counted;
    if (ret->status == SYNC_UP_TO_DATE || had_time)
        return;
    if (silent) /* it has had no chance since */
        return;
    ret->status = SYNC_UP_TO_DATE;
    ret->lag_s = 0;
    ret->since = 0;
}

static const struct mark *marked(const struct peer *holder, const struct stream *s)
{
    const struct link *l = holder->link;
    const struct mark *m = l != NULL && l->state == LINK_UP && l->marks_done ? mark_find(l, s)
                                                                            : NULL;
    return m != NULL && m->theirs ? m : NULL;
}

static void holds_there(const struct ils *ils, const struct peer *holder, const struct stream *s,
                        uint64_t newest_epoch, struct view_holds *ret)
{
    const struct holds *h = &holder->holds;
    const struct mark *m = marked(holder, s);
    const struct exception *e = h->known ? excepted(h, s->key, s->number) : NULL;
    const struct head *here = s->own ? told_head(s) : &s->head;
    bool origin = memcmp(holder->key, s->key, KEY_SIZE) == 0;
    struct version v = {.epoch = newest_epoch, .usn = ret->newest};
    if (e != NULL && !origin) {
        holds_excepted(ils, holder, e, s, newest_epoch, ret);
        return;
    }
    if (m == NULL && !origin) {
        if (h->known)
            holds_said(ils, holder, s, newest_epoch, ret);
        return;
    }
    if (!origin) {
        v = (struct version){.epoch = m->epoch, .usn = m->usn};
        version_next(ils, s, &v);
    }
    judge(ils, &v, newest_epoch, ret);
    ret->exact = m != NULL;
    ret->at = ret->exact ? ils->wall : holder->last_contact;
    ret->digest_equal = stream_held(s) && ret->epoch == here->epoch && ret->usn == here->usn &&
                        (m == NULL || memcmp(m->root, here->root, HASH_SIZE) == 0);
}

bool view_holds(const struct ils *ils, size_t holder, size_t origin, struct view_holds *ret)
{
    const struct peer *of = holder == 0 ? NULL : view_peer_at(ils, holder);
    const struct peer *by = origin == 0 ? NULL : view_peer_at(ils, origin);
    memset(ret, 0, sizeof *ret);
    if ((holder != 0 && of == NULL) || (origin != 0 && by == NULL))
        return false;
    const struct stream *s = by == NULL ? ils->own : stream_find(ils, by->key, STREAM_PLAN);
    if (s == NULL)
        return true;
    uint64_t newest_epoch = newest(ils, s, ret);
    if (of == NULL)
        holds_here(ils, s, newest_epoch, ret);
    else
        holds_there(ils, of, s, newest_epoch, ret);
    return true;
}

/* --- who is gone */

static struct slice author_name(const struct ils *ils, const uint8_t author[static PEER_ID_SIZE])
{
    if (memcmp(author, ils->peer_id, PEER_ID_SIZE) == 0)
        return text_slice(ils->cluster_id);
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (memcmp(p->id, author, PEER_ID_SIZE) == 0)
            return text_slice(p->cluster_id);
    }
    return slice_make(NULL, 0);
}

/* Whoever left has said so in the head of its stream 0. */
static bool view_left(const struct ils *ils, size_t i, struct view_ended *ret)
{
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (s->own || s->number != STREAM_SELF || !stream_held(s) ||
            (s->head.flags & HEAD_FLAG_LEFT) == 0 || ends_of(ils, s->key) != NULL || i-- != 0)
            continue;
        crypto_peer_id(ret->peer_id, s->key);
        memcpy(ret->author, ret->peer_id, PEER_ID_SIZE);
        ret->left = true;
        ret->epoch = s->head.epoch;
        ret->usn = s->head.usn;
        ret->name = ret->author_name = s->head.name;
        return true;
    }
    return false;
}

bool view_ended(const struct ils *ils, size_t i, struct view_ended *ret)
{
    memset(ret, 0, sizeof *ret);
    list_each(node, &ils->ended) {
        const struct ended *e = list_entry(node, struct ended, node);
        if (i-- != 0)
            continue;
        crypto_peer_id(ret->peer_id, e->key);
        ret->banned = e->banned;
        ret->unbanned = e->turn != 0 && !e->banned;
        ret->epoch = e->epoch;
        ret->usn = e->usn;
        memcpy(ret->author, e->author, PEER_ID_SIZE);
        ret->author_name = author_name(ils, e->author);
        ret->name = text_slice(e->name);
        return true;
    }
    return view_left(ils, i, ret);
}
