/* leave: how a cluster leaves its network: heads with HEAD_FLAG_LEFT for what it says of itself and
 * for its plan, durable and told before the links end (told.c); then it forgets the network.
 *
 *   STAYING --LEAVE--> STORING --durable--> WISH --both heads durable--> TELLING
 *   TELLING --all told, or 2 s--> OVER (links end, all is forgotten)
 *   OVER --durable--> STAYING, standalone
 *
 * Setting: "leaving". */
#include "core/core.h"

static void answer(struct ils *ils, enum reply reply)
{
    if (ils->leaving.command != 0)
        command_reply(ils, ils->leaving.command, reply, slice_make(NULL, 0));
    ils->leaving.command = 0;
}

const struct peer *ends_stranded(const struct ils *ils)
{
    const struct peer *first = NULL;
    if (ils->role != ROLE_HUB)
        return NULL;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct stream *self = stream_find(ils, p->key, STREAM_SELF);
        if (p->link != NULL && mesh_is_hub(p))
            return NULL;
        bool lives = p->link != NULL ||
                     (self != NULL && stream_held(self) && !stream_overdue(ils, self));
        if (first == NULL && p->role == ROLE_SPOKE && lives && !peer_parted(ils, p) &&
            !peer_left(ils, p) && ends_of(ils, p->key) == NULL)
            first = p;
    }
    return first;
}

static enum reply may_leave(const struct ils *ils, const struct command *c,
                            struct slice *ret_text)
{
    const struct peer *spoke = ends_stranded(ils);
    *ret_text = slice_make(NULL, 0);
    if (ils->role == ROLE_STANDALONE)
        return REPLY_NOT_JOINED;
    if (ils->leaving.phase != STAYING)
        return REPLY_LEAVING;
    if (ils->cloned)
        return REPLY_CLONED;
    if (ils->self->rolled_back || ils->own->rolled_back)
        return REPLY_ROLLED_BACK;
    if (catalogs_own(ils, ret_text) != 0)
        return REPLY_HAS_CATALOGS;
    if (spoke == NULL || c->now)
        return REPLY_OK;
    *ret_text = text_slice(spoke->cluster_id);
    return REPLY_LEAVE_LAST_HUB;
}

void leave_command(struct ils *ils, const struct command *c)
{
    struct slice text;
    enum reply reply = may_leave(ils, c, &text);
    struct rows rows;
    rows_init(&rows, ils);
    rows_setting_u64(&rows, "leaving", 1);
    if (c->who.n != 0)
        rows_audit(&rows, c->who, c->what);
    if (reply == REPLY_OK && journal_store(&rows, BATCH_LEAVE) == NULL)
        reply = REPLY_MEMORY;
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    ils->leaving = (struct leaving){.command = c->id, .phase = LEAVING_STORING,
                                    .until = ils->now + LEAVE_US};
}

/* The head that says LEFT is durable, or there is nothing to take back. */
static bool farewell_ready(const struct stream *s)
{
    return !stream_held(s) || (s->hide && told_bytes(s).n != 0);
}

static bool knows(const struct link *l, const struct stream *s)
{
    const struct mark *m = mark_find(l, s);
    return told_bytes(s).n == 0 || (m != NULL && m->theirs && mark_order(m, told_head(s)) >= 0);
}

/* Everybody who is linked was sent the heads, and the bytes have left. */
static bool all_told(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->state != LINK_UP)
            continue;
        n++;
        if (!l->marks_done || l->pending != 0 || !knows(l, ils->self) || !knows(l, ils->own))
            return false;
    }
    return n != 0 || !ils->leaving.resumed;
}

/* Rows of all that is known of the network. */
static void forget_rows(struct rows *r)
{
    struct ils *ils = r->ils;
    rows_remove(r, ROW_SETTING, slice_of("leaving"));
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        rows_remove(r, ROW_PEER, slice_make(p->key, KEY_SIZE));
        p->dirty = false;
    }
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (!s->own)
            ends_rows_of_stream(r, s);
    }
    list_each(node, &ils->ended)
        ends_remove_row(r, list_entry(node, struct ended, node));
}

static void finish(struct ils *ils)
{
    const struct command c = {.id = ils->leaving.command};
    struct dial *d = &ils->dial;
    struct rows rows;
    ils->mesh.draining = false;
    command_reply(ils, ils->mesh.command, REPLY_LEAVING, slice_make(NULL, 0)); /* to be a spoke */
    ils->mesh.command = 0;
    d->wanted = d->hub_known = false; /* first: nobody is dialled instead */
    ils->role = ROLE_STANDALONE;
    end_links(ils, CODE_GOING_DOWN);
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(d->host));
    d->host.n = d->former.host.n = 0;
    crypto_wipe(&d->invite, sizeof d->invite);
    memset(ils->network, 0, sizeof ils->network);
    listen_as_role(ils);
    self_changed(ils);
    rows_init(&rows, ils);
    rows_self(&rows);
    forget_rows(&rows);
    ils->leaving.command = 0; /* answered by the batch, or by its refusal */
    ils->leaving.phase = LEAVING_TELLING;
    ils->leaving.until = ils->now + STORE_RETRY_US;
    struct batch *b = store_and_reply(&rows, &c, false);
    if (b == NULL)
        return; /* tried again */
    b->kind = BATCH_LEAVE;
    ils->leaving.phase = LEAVING_OVER;
}

/* It is durable: nothing of the network is known any more. */
static void forget_all(struct ils *ils)
{
    struct rows rows; /* are durable already */
    rows_init(&rows, ils);
    list_each_safe(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!s->own)
            fetch_forget(ils, s);
    }
    end_links(ils, CODE_GOING_DOWN);
    list_each(node, &ils->links)
        list_entry(node, struct link, node)->to = NULL; /* they are closed */
    memset(&ils->mesh, 0, sizeof ils->mesh);
    list_each_safe(node, &ils->peers)
        peer_free(&rows, list_entry(node, struct peer, node));
    ends_free(ils);
    memset(&ils->leaving, 0, sizeof ils->leaving);
    struct trace *t = say(ils, EVENT_ENDED);
    memcpy(t->peer_id, ils->peer_id, sizeof t->peer_id);
    t->text[0] = arena_copy(&ils->step, text_slice(ils->cluster_id));
    t->text[1] = slice_of("left");
    ils_action(ils, ILS_DO_PUBLISH);
}

void leave_stored(struct ils *ils, struct batch *b, bool failed)
{
    if (ils->leaving.phase == LEAVING_STORING) {
        ils->leaving.phase = failed ? STAYING : LEAVING_WISH;
        ils->leaving.until = failed ? 0 : ils->now + LEAVE_US;
        if (failed)
            answer(ils, REPLY_STORE);
        return;
    }
    command_stored(ils, b, failed);
    if (!failed) {
        forget_all(ils);
        return;
    }
    ils->leaving.phase = LEAVING_TELLING;
    ils->leaving.until = ils->now + STORE_RETRY_US;
}

void leave_tick(struct ils *ils)
{
    struct leaving *l = &ils->leaving;
    if (l->phase == LEAVING_WISH && l->until == 0)
        l->until = ils->now + START_HOLD_US; /* resumed: a neighbour may be reached again */
    bool lost = ils->cloned || ils->self->rolled_back || ils->own->rolled_back;
    if (l->phase == LEAVING_WISH &&
        (lost || (farewell_ready(ils->self) && farewell_ready(ils->own)))) {
        l->phase = LEAVING_TELLING;
        if (!l->resumed)
            l->until = ils->now + LEAVE_US;
    } else if (l->phase == LEAVING_WISH && !l->resumed && ils->now >= l->until) {
        l->until = ils->now + LEAVE_US;
    }
    if (l->phase == LEAVING_TELLING && (all_told(ils) || ils->now >= l->until))
        finish(ils);
}

tick leave_deadline(const struct ils *ils)
{
    return ils->leaving.phase == LEAVING_WISH || ils->leaving.phase == LEAVING_TELLING
               ? ils->leaving.until : TICK_NEVER;
}
