/* adopt: my own head above mine. A store that was restored from a backup is older than what the
 * neighbours hold of it; writing on would use USNs twice. So after a start nothing is written until
 * a neighbour's list has come, or 10 s (at once where no neighbour is known).
 *
 *   a newer head of mine, proved by its signature (adopt_believes)
 *     nothing written since the start: the plan is fetched and adopted; stream 0 is written anew
 *       from settings. Either begins a new epoch (renew).
 *     else: rolled back. Nothing is written any more, and an operator decides: rebuild takes
 *       theirs, restore keeps mine, each in a new epoch above theirs. A restart does not decide.
 *   the same epoch and USN with another root: two writers; likewise rolled back. So are two
 *     epochs of the plan with one counter: it was put back twice.
 *
 * So of two copies of a cluster each gives way by itself once at most: there is no war.
 * Settings: "rolled_back_self", "rolled_back_plan": u64 epoch, u64 USN, u8 flags (1: it lists
 * nothing) of the head that proved it. */
#include "core/core.h"

static const char *const setting_name[2] = {"rolled_back_self", "rolled_back_plan"};
#define SETTING_SIZE 17
#define BEAT_MAX     (UINT64_C(1) << 62) /* nobody's word counts above it */

static struct slice catalog_name(const struct stream *s)
{
    return slice_of(s->number == STREAM_SELF   ? "self"
                    : s->number == STREAM_PLAN ? "plan" : "catalog");
}

static bool one_rolled_back(const struct ils *ils)
{
    return ils->self->rolled_back || ils->own->rolled_back;
}

/* --- waiting for a neighbour's list */

void adopt_start(struct ils *ils)
{
    struct stream *const own[2] = {ils->self, ils->own};
    for (size_t i = 0; i < 2; i++)
        if (!own[i]->rolled_back) /* a crash came between the decision and the alarm */
            alarm_clear(ils, ILSRolledBack, catalog_name(own[i]));
        else if (alarm_last(ils, ILSRolledBack, catalog_name(own[i])) == 0)
            alarm_raise(ils, ILSRolledBack, catalog_name(own[i]));
    list_each(node, &ils->peers)
        if (list_entry(node, struct peer, node)->met && ils->role != ROLE_STANDALONE)
            ils->hold_until = ils->now + START_HOLD_US;
}

bool adopt_holds(const struct ils *ils, const struct stream *s)
{
    return ils->now < ils->hold_until || s->proved_older || s->renew || ils->cloned ||
           one_rolled_back(ils);
}

/* What was proved is to be had of somebody, and has not come. What is damaged has an alarm of its
 * own. */
static bool is_awaited(const struct ils *ils)
{
    const struct stream *s = ils->own;
    return s != NULL && s->proved_older && !s->renew && !s->damaged && !s->rolled_back;
}

bool adopt_overdue(const struct ils *ils)
{
    return is_awaited(ils) && ils->now >= ils->adopt_came + ADOPT_SILENT_US;
}

/* Whoever showed the newer plan is gone, or does not give it, and nobody else has it: it may come
 * yet, and meanwhile nothing is written. */
static void say_overdue(struct ils *ils)
{
    struct slice name = catalog_name(ils->own);
    bool overdue = adopt_overdue(ils);
    if (overdue == ils->adopt_overdue)
        return;
    ils->adopt_overdue = overdue;
    if (overdue)
        alarm_raise(ils, ILSRolledBack, name);
    else if (!ils->own->rolled_back)
        alarm_clear(ils, ILSRolledBack, name);
}

void adopt_came(struct ils *ils)
{
    ils->adopt_came = ils->now;
}

tick adopt_deadline(const struct ils *ils)
{
    tick overdue = is_awaited(ils) && !ils->adopt_overdue ? ils->adopt_came + ADOPT_SILENT_US
                                                          : TICK_NEVER;
    return ils->hold_until > ils->now && ils->hold_until < overdue ? ils->hold_until : overdue;
}

void adopt_list_came(struct ils *ils)
{
    if (ils->self->fetch == FETCH_NONE && ils->own->fetch == FETCH_NONE)
        ils->hold_until = 0;
}

/* --- what others hold */

static int order_usn(uint64_t epoch, uint64_t usn, const struct head *h)
{
    if (epoch != h->epoch)
        return epoch < h->epoch ? -1 : 1;
    return usn < h->usn ? -1 : usn > h->usn;
}

/* A neighbour names a stream of mine. Its word is not signed: where it says a newer head than mine,
 * or another with the same USN, that head is asked for, which is. */
void adopt_heard(struct link *l, struct stream *s, const struct mark *m)
{
    const struct head *newest = told_newest(s);
    int order = order_usn(m->epoch, m->usn, newest);
    bool other = memcmp(m->root, newest->root, HASH_SIZE) != 0;
    if (order == 0 && !other && m->beat > s->beat_seen && m->beat < BEAT_MAX)
        s->beat_seen = m->beat;
    if (s->fetch != FETCH_NONE || s->renew || order < 0 || (order == 0 && !other))
        return;
    if (s->rolled_back && (m->epoch < s->theirs_epoch ||
                           (m->epoch == s->theirs_epoch && m->usn <= s->theirs_usn)))
        return; /* known */
    fetch_own(s, l);
}

/* While something of mine was fetched, or written anew, one neighbour's word was enough: another
 * may have told of a head above even that. */
void adopt_heard_again(struct ils *ils)
{
    struct stream *const own[2] = {ils->self, ils->own};
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        for (size_t i = 0; i < 2 && l->state == LINK_UP; i++) {
            const struct mark *m = own[i] == NULL ? NULL : mark_find(l, own[i]);
            if (m != NULL && m->theirs)
                adopt_heard(l, own[i], m);
        }
    }
}

static void theirs_is(struct stream *s, const struct head *h)
{
    if (order_usn(s->theirs_epoch, s->theirs_usn, h) > 0)
        return;
    s->theirs_epoch = h->epoch;
    s->theirs_usn = h->usn;
    s->theirs_left = (h->flags & HEAD_FLAG_LEFT) != 0;
}

static void put_setting(struct rows *r, const struct stream *s)
{
    uint8_t value[SETTING_SIZE];
    struct buf b;
    buf_init(&b, r->ils->mem, sizeof value);
    buf_put_u64(&b, s->theirs_epoch);
    buf_put_u64(&b, s->theirs_usn);
    buf_put_u8(&b, s->theirs_left);
    r->failed = r->failed || b.failed;
    rows_setting(r, setting_name[s->number], buf_slice(&b));
    buf_done(&b);
}

static void roll_back(struct link *l, struct stream *s, const struct head *h)
{
    struct ils *ils = l->ils;
    struct rows rows;
    bool known = s->rolled_back, more = order_usn(s->theirs_epoch, s->theirs_usn, h) < 0;
    theirs_is(s, h);
    if (!known || s->rolled_at == 0)
        s->rolled_at = ils->now;
    s->rival = s->rival || (more && ils->now - s->rolled_at >= RIVAL_US);
    s->rolled_back = true;
    rows_init(&rows, ils);
    put_setting(&rows, s);
    journal_store(&rows, BATCH_PLAIN);
    if (known)
        return;
    say_link(l, EVENT_ROLLED_BACK)->number[0] = s->number;
    alarm_raise(ils, ILSRolledBack, catalog_name(s));
}

/* Two epochs with one counter began from one and the same: what is here is no part of what is
 * there, and neither can be taken without losing the other. */
static bool forked(const struct stream *s, const struct head *a, const struct head *b)
{
    return s->number != STREAM_SELF && a->epoch != b->epoch && a->epoch >> 32 == b->epoch >> 32;
}

/* The head came. Is it mine, and not older than what I have? True: what it lists is fetched. */
static bool is_above(const struct stream *s, const struct head *h, int *ret_order)
{
    const struct head *newest = told_newest(s);
    *ret_order = order_usn(h->epoch, h->usn, newest);
    return *ret_order > 0 ||
           (*ret_order == 0 && memcmp(h->root, newest->root, HASH_SIZE) != 0);
}

bool adopt_believes(struct link *l, struct stream *s, struct slice bytes, const struct head *h)
{
    int order;
    if (!is_above(s, h, &order) || l->ils->cloned || !head_signed(bytes))
        return false; /* of a copy nothing would become its own: it writes nothing */
    commit_settle(l->ils, s);
    if (!is_above(s, h, &order))
        return false;
    if (catalogs_is(s)) {
        theirs_is(s, h);
        return order > 0 && catalogs_adopts(l->ils, s);
    }
    if (s->rebuilding) { /* above what is here, or another one with its USN: as its operator said */
        theirs_is(s, h);
        s->proved_older = !s->theirs_left;
        return s->proved_older;
    }
    bool wrote = s->written || (s->number != STREAM_SELF && s->committing);
    if (order == 0 || wrote || forked(s, h, told_newest(s)) || one_rolled_back(l->ils)) {
        roll_back(l, s, h);
        if (order == 0)
            identity_heads(l->ils, s, bytes, h);
        return false;
    }
    theirs_is(s, h);
    s->proved_older = s->number != STREAM_SELF && !s->theirs_left;
    s->renew = !s->proved_older; /* there is nothing to be had from them */
    adopt_came(l->ils);
    return s->proved_older;
}

/* --- a new epoch */

/* What was adopted is served; it becomes mine with the first head of a new epoch. */
void adopt_applied(struct ils *ils, struct stream *s)
{
    struct trace *t = say(ils, EVENT_ADOPTED);
    memcpy(t->peer_id, ils->peer_id, sizeof t->peer_id);
    t->number[0] = s->number;
    t->number[1] = s->head.usn;
    s->renew = true;
    if (catalogs_is(s))
        catalogs_named(ils, s);
}

void adopt_replaces(struct stream *s, struct slice lines)
{
    if (s->former_lines.failed)
        buf_reset(&s->former_lines);
    buf_put_slice(&s->former_lines, lines);
    if (s->former_lines.failed)
        buf_reset(&s->former_lines); /* they go at the next start */
}

static void former_gone(struct rows *r, const struct stream *s)
{
    struct slice lines = buf_slice(&s->former_lines);
    for (size_t i = 0; s->proved_older && i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        if (catalog_segment(s->catalog, line.name).n == 0)
            rows_remove(r, ROW_SEGMENT,
                        stream_key_bytes(&r->ils->step, s->key, s->number, line.name));
    }
}

/* The head that begins the epoch stores all that it lists: what was fetched may have been refused
 * by the disk piece by piece. */
void adopt_rows(struct rows *r, struct stream *s)
{
    struct slice lines = catalog_lines(s->catalog);
    if (!catalogs_is(s))
        rows_remove(r, ROW_SETTING, slice_of(setting_name[s->number]));
    former_gone(r, s);
    for (size_t i = 0; s->proved_older && i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        rows_put(r, ROW_SEGMENT,
                 stream_key_bytes(&r->ils->step, s->key, s->number, line.name),
                 catalog_segment(s->catalog, line.name));
    }
}

/* All of its own is told anew, each stream in a new epoch: others have dropped what they held, or
 * take nothing up to the present one. About what is rolled back its operator is asked. */
void adopt_anew(struct ils *ils)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        s->renew = s->renew || (s->own && stream_held(s) && !s->rolled_back);
    }
}

void adopt_committed(struct ils *ils, struct stream *s)
{
    struct trace *t = say(ils, EVENT_WITHHELD);
    t->text[0] = slice_of("written anew in a new epoch");
    t->number[0] = s->number;
    t->number[1] = s->theirs_usn;
    if (s->number == STREAM_SELF && s->theirs_left)
        adopt_anew(ils); /* that it has left was held, and its other streams are dropped */
    s->renew = s->rolled_back = s->proved_older = s->rebuilding = s->theirs_left = false;
    s->rival = false;
    s->theirs_epoch = s->theirs_usn = 0;
    buf_reset(&s->former_lines);
    alarm_clear(ils, ILSRolledBack, catalog_name(s));
    if (s->number == STREAM_SELF)
        self_changed(ils);
    ils->heard_again = true;
}

static void answer(struct ils *ils, enum reply reply)
{
    if (ils->adopting != 0)
        command_reply(ils, ils->adopting, reply, slice_make(NULL, 0));
    ils->adopting = 0;
}

void adopt_failed(struct ils *ils, enum reply reply)
{
    if (ils->own->rebuilding && !ils->own->renew) {
        fetch_drop(ils, ils->own);
        ils->own->proved_older = false;
    }
    ils->own->rebuilding = false;
    answer(ils, reply);
}

static void begin_epoch(struct ils *ils, struct stream *s)
{
    if (!s->renew || s->committing || ils->cloned || ils->cluster_id.n == 0 ||
        ils->now < ils->self_after ||
        (one_rolled_back(ils) && ils->adopting == 0 && !s->proved_older))
        return;
    if (stream_commit(ils, s, NULL, 0, COMMIT_ADOPT) != 0)
        adopt_failed(ils, REPLY_MEMORY);
}

/* Rolled back while the operator's decision was carried out. Stream 0 is written anew in any case;
 * about the plan he is asked. */
static void decided_again(struct ils *ils)
{
    if (ils->adopting == 0)
        return;
    ils->self->renew = ils->self->renew || ils->self->rolled_back;
    if (ils->own->rolled_back && !ils->own->renew && !ils->own->rebuilding)
        adopt_failed(ils, REPLY_ROLLED_BACK);
}

void adopt_tick(struct ils *ils)
{
    struct stream *own = ils->own, *self = ils->self;
    if (!ils->ready || own == NULL || self == NULL)
        return;
    if (ils->heard_again && !own->committing && !self->committing) {
        ils->heard_again = false;
        adopt_heard_again(ils);
    }
    decided_again(ils);
    say_overdue(ils);
    begin_epoch(ils, self);
    begin_epoch(ils, own);
    if (ils->catalog_n != 0)
        list_each(node, &ils->streams)
            if (catalogs_is(list_entry(node, struct stream, node)))
                begin_epoch(ils, list_entry(node, struct stream, node));
    if (own->rebuilding && own->fetch == FETCH_NONE && !own->renew)
        adopt_failed(ils, REPLY_NOBODY_HOLDS);
    if (!one_rolled_back(ils) && !self->renew && !own->renew && !own->rebuilding)
        answer(ils, REPLY_OK);
}

/* --- stored */

bool adopt_setting(struct ils *ils, struct slice key, struct slice value)
{
    for (size_t i = 0; i < 2; i++) {
        if (!slice_eq(key, slice_of(setting_name[i])))
            continue;
        struct cursor c;
        cursor_init(&c, value);
        struct rolled_row *row = &ils->rolled_row[i];
        row->epoch = cursor_u64(&c);
        row->usn = cursor_u64(&c);
        row->left = (cursor_u8(&c) & 1) != 0;
        row->there = cursor_done(&c);
        return true;
    }
    return false;
}

/* At the start, of one's own streams: the operator has not decided yet. */
void adopt_stored_as(struct ils *ils, struct stream *s)
{
    const struct rolled_row *row = &ils->rolled_row[s->number];
    if (!row->there || order_usn(row->epoch, row->usn, told_newest(s)) < 0)
        return;
    s->rolled_back = true;
    s->rolled_at = ils->now;
    s->theirs_epoch = row->epoch;
    s->theirs_usn = row->usn;
    s->theirs_left = row->left;
}

void adopt_settings(struct rows *r)
{
    struct stream *const own[2] = {r->ils->self, r->ils->own};
    for (size_t i = 0; i < 2; i++)
        if (own[i] != NULL && own[i]->rolled_back)
            put_setting(r, own[i]);
}

/* --- the operator decides */

static bool stuck(const struct ils *ils, const struct stream *s)
{
    return s->rolled_back || (s == ils->own && adopt_overdue(ils)) ||
           (s->proved_older && s->fetch == FETCH_NONE && !s->renew);
}

/* Of two writers' plans with one USN the others keep one: it may be what is here. */
static bool is_mine(const struct mark *m, const struct stream *s)
{
    const struct head *newest = told_newest(s);
    return order_usn(m->epoch, m->usn, newest) == 0 &&
           memcmp(m->root, newest->root, HASH_SIZE) == 0;
}

/* A neighbour that has what proved it. */
static struct link *holder(const struct ils *ils, const struct stream *s)
{
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        const struct mark *m = l->state == LINK_UP ? mark_find(l, s) : NULL;
        if (m != NULL && m->theirs && !is_mine(m, s) &&
            (m->epoch > s->theirs_epoch ||
             (m->epoch == s->theirs_epoch && m->usn >= s->theirs_usn)))
            return l;
    }
    return NULL;
}

bool adopt_kept(const struct ils *ils)
{
    size_t n = 0;
    if (ils->own == NULL || !ils->own->rolled_back)
        return false;
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        const struct mark *m = l->state == LINK_UP ? mark_find(l, ils->own) : NULL;
        if (l->state == LINK_UP && (m == NULL || !m->theirs || !is_mine(m, ils->own)))
            return false;
        n += l->state == LINK_UP;
    }
    return n > 0;
}

static enum reply judge(const struct ils *ils, const struct command *c, struct link **ret_from)
{
    *ret_from = NULL;
    if (ils->cloned)
        return REPLY_CLONED;
    if (!stuck(ils, ils->self) && !stuck(ils, ils->own))
        return REPLY_NOT_ROLLED_BACK;
    if (ils->adopting != 0)
        return REPLY_ROLLED_BACK; /* another decision is under way */
    if (c->type == COMMAND_RESTORE || !stuck(ils, ils->own) || ils->own->theirs_left)
        return REPLY_OK;
    *ret_from = holder(ils, ils->own);
    return *ret_from == NULL ? REPLY_NOBODY_HOLDS : REPLY_OK;
}

void adopt_command(struct ils *ils, const struct command *c)
{
    struct link *from;
    enum reply reply = judge(ils, c, &from);
    struct rows rows;
    rows_init(&rows, ils);
    if (reply == REPLY_OK && c->who.n != 0) {
        rows_audit(&rows, c->who, c->what);
        reply = journal_store(&rows, BATCH_PLAIN) == NULL ? REPLY_MEMORY : REPLY_OK;
    }
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, slice_make(NULL, 0));
        return;
    }
    ils->adopting = c->id;
    ils->self_after = ils->now;
    ils->self->renew = ils->self->renew || stuck(ils, ils->self);
    if (from != NULL) {
        ils->own->rebuilding = true;
        if (ils->own->fetch == FETCH_NONE)
            fetch_own(ils->own, from);
    } else if (stuck(ils, ils->own)) {
        fetch_drop(ils, ils->own); /* what does not come is not waited for */
        ils->own->renew = true;
        ils->own->proved_older = false;
    }
}
