/* adopt: my own head above mine. A store that was restored from a backup is older than what the
 * neighbours hold of it; writing on would use USNs twice. So after a start nothing is written until
 * a neighbour's list has come, or 10 s (at once where no neighbour is known). Is my own head in it
 * newer than mine, and have I written nothing since, it is fetched and adopted in a new epoch; have
 * I written already, I stop writing and say so (design 6, "My own head above mine"). */
#include "core/core.h"

#define ADOPTED_USN_GAP (UINT64_C(1) << 20)

void adopt_start(struct ils *ils)
{
    list_each(node, &ils->peers)
        if (list_entry(node, struct peer, node)->met && ils->role != ROLE_STANDALONE)
            ils->hold_until = ils->now + START_HOLD_US;
}

bool adopt_holds(const struct ils *ils, const struct stream *s)
{
    return ils->now < ils->hold_until || s->rolled_back || s->proved_older;
}

tick adopt_deadline(const struct ils *ils)
{
    return ils->hold_until > ils->now ? ils->hold_until : TICK_NEVER;
}

void adopt_list_came(struct ils *ils)
{
    if (ils->self->fetch == FETCH_NONE && ils->own->fetch == FETCH_NONE)
        ils->hold_until = 0;
}

/* A neighbour's list names a stream of mine, newer than I have it. Marks are not signed: the head
 * is asked for, which is. */
void adopt_heard(struct link *l, struct stream *s, const struct mark *m)
{
    if (s->fetch == FETCH_NONE && (!stream_held(s) || mark_order(m, &s->head) > 0))
        fetch_own(s, l);
}

/* The head came. Is it mine, and newer? True: it is fetched and adopted. */
bool adopt_believes(struct link *l, struct stream *s, struct slice bytes, const struct head *h)
{
    if ((stream_held(s) && head_order(h, &s->head) <= 0) || !head_signed(bytes))
        return false;
    if (!s->written) {
        s->proved_older = true;
        return true;
    }
    s->rolled_back = true;
    struct trace *t = say_link(l, EVENT_ROLLED_BACK);
    t->number[0] = s->number;
    alarm_raise(l->ils, ILSDBLException, slice_of("rolled back"));
    return false;
}

/* What was adopted is mine again: a new epoch, and USNs that nobody can have seen. */
void adopt_applied(struct ils *ils, struct stream *s)
{
    struct slice none = slice_make(NULL, 0);
    struct trace *t = say(ils, EVENT_ADOPTED);
    memcpy(t->peer_id, ils->peer_id, sizeof t->peer_id);
    t->number[0] = s->number;
    t->number[1] = s->head.usn;
    s->proved_older = false;
    alarm_clear(ils, ILSDBLException, slice_of("rolled back"));
    s->head.usn += ADOPTED_USN_GAP;
    if (stream_commit(ils, s, NULL, 0, 0, none, none, COMMIT_ADOPT) != 0)
        s->rolled_back = true; /* no memory: a restart tries again */
}

void adopt_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}
