/* judge_told: what cores tell, as it happens: replies, verdicts, traces. */
#include "sim/judge_inside.h"

#include "sim/render.h"

/* What must have been done before a core may say that to, or of, an honest cluster; 0: it may say
 * so at any time; UINT32_MAX: never. */
static uint32_t excuse_for(enum code code)
{
    switch (code) {
    case CODE_PASSWORD_DIFFERS:
    case CODE_PASSWORD_MISSING:
    case CODE_GENERATION_UNKNOWN:
        return EXCUSE_PASSWORD;
    case CODE_PENALTY:
        return EXCUSE_PASSWORD | EXCUSE_CERTIFICATE | EXCUSE_DOUBLE | EXCUSE_MEMORY;
    case CODE_OTHER_NETWORK:
        return EXCUSE_NETWORK;
    case CODE_PROTOCOL:
    case CODE_FULL:
        return EXCUSE_MEMORY;
    case CODE_DUPLICATE_ID:
        return EXCUSE_LABEL | EXCUSE_DOUBLE;
    case CODE_ITSELF:
        return EXCUSE_DOUBLE | EXCUSE_SELF;
    case CODE_CLONE:
        return EXCUSE_DOUBLE;
    case CODE_POINT_INVALID:
    case CODE_VERSION:
    case CODE_CAPABILITY:
    case CODE_PROOF:
        return UINT32_MAX;
    default:
        return code >= CODE_SELF_SIGNED && code <= CODE_CHAIN_INVALID ? EXCUSE_CERTIFICATE : 0;
    }
}

static bool unfair(const struct judge *j, const struct node *n, enum code code)
{
    uint32_t excuse = excuse_for(code);
    if (excuse == 0 || (n->denied && (code == CODE_PROTOCOL || code == CODE_FULL)))
        return false;
    return excuse == UINT32_MAX || (j->excused & excuse) == 0;
}

static void judge_reply(struct judge *j, struct node *n, const struct ils_action *a)
{
    struct life *life = &j->life[n->index];
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        struct slot *s = &life->slot[i];
        if (s->command != a->command || a->command == 0)
            continue;
        s->command = 0;
        life->dirty = true;
        if (a->reply == REPLY_OK) {
            s->there = s->there_next;
            s->version = s->version_next;
            j->acknowledged++;
        } else if (a->reply == REPLY_NOT_THERE && !s->there_next && !s->there) {
            j->acknowledged++;
        } else if ((a->reply == REPLY_ROLLED_BACK || a->reply == REPLY_CLONED) && !life->unsure) {
            world_break(j->world, "promise: %s thinks that it is not alone", n->name);
        } else if (a->reply != REPLY_STORE && a->reply != REPLY_BUSY_IDENTITY &&
                   a->reply != REPLY_MEMORY &&
                   a->reply != REPLY_ROLLED_BACK && a->reply != REPLY_CLONED) {
            world_break(j->world, "promise: %s refuses a change of its plan: %s", n->name,
                        render_reply(a->reply));
        }
    }
}

static void judge_head(struct judge *j, const struct node *n, const struct ils_action *a)
{
    if (slice_eq(a->trace.text[0], slice_of("its segments are gone"))) {
        if (j->strict)
            world_break(j->world, "retention: %s asks in time for segments that are gone", n->name);
        return;
    }
    if ((slice_eq(a->trace.text[0], slice_of("out of memory")) ||
         slice_eq(a->trace.text[0], slice_of("over the quota"))) && n->denied)
        return;
    if (j->soul[soul_by_id(j, a->trace.peer_id)].ended &&
        slice_eq(a->trace.text[0], slice_of("the list does not come whole")))
        return; /* it went while it was asked for */
    world_break(j->world, "honesty: %s finds fault with an honest cluster: %.*s", n->name,
                (int)a->trace.text[0].n, (const char *)a->trace.text[0].p);
}

/* Nobody proves himself where it is on record that he is banned. */
static void judge_let_in(struct judge *j, const struct node *n, const uint8_t *peer_id)
{
    struct view_ended e;
    for (size_t i = 0; view_ended(n->ils, i, &e); i++)
        if (e.banned && memcmp(e.peer_id, peer_id, PEER_ID_SIZE) == 0)
            world_break(j->world, "ends: %s lets n%u in, who was banned", n->name,
                        j->soul[soul_by_id(j, peer_id)].lineage);
}

static void judge_verdict(struct judge *j, const struct node *n, const struct verdict *v)
{
    tick over = j->world->now + (tick)v->retry_after * TICK_S;
    if (v->code == CODE_JOINED) {
        policy_joined(j, n, v);
        judge_let_in(j, n, v->peer_id);
    }
    if (v->code == CODE_PENALTY && v->dialler && over > j->penalised)
        j->penalised = over;
    if (unfair(j, n, v->code))
        world_break(j->world, "honesty: %s says ILS-%u of an honest cluster", n->name,
                    (unsigned)v->code);
}

void judge_action(void *context, struct node *n, const struct ils_action *a)
{
    struct judge *j = context;
    struct life *life = &j->life[n->index];
    if (a->type == ILS_DO_PUBLISH)
        life->dirty = true;
    if (a->type == ILS_DO_OPEN && !life->out)
        j->dials++;
    if (a->type == ILS_DO_SEND)
        life->boot_used = life->boot;
    if (a->type == ILS_DO_VERDICT)
        judge_verdict(j, n, &a->verdict);
    if (a->type == ILS_DO_REPLY)
        judge_reply(j, n, a);
    if (a->type == ILS_DO_REPLY && a->command != 0)
        shrink_reply(j, n, a);
    if (a->type != ILS_DO_TRACE)
        return;
    if (a->trace.event == EVENT_DRAINING && slice_eq(a->trace.text[1], slice_of("drained")))
        policy_drained(j, n);
    if (a->trace.event == EVENT_HEAD_APPLIED)
        admission_applied(j, n, &a->trace);
    if (a->trace.event == EVENT_ENDED && j->held[n->index] != NULL) /* it dropped all of it */
        j->held[n->index][soul_by_id(j, a->trace.peer_id)] = (struct held){0};
    if (a->trace.event == EVENT_HEAD_REJECTED)
        judge_head(j, n, a);
    else if (a->trace.event == EVENT_DIGEST_DIFFERS ||
             (a->trace.event == EVENT_LINK_ENDED && unfair(j, n, a->trace.code)))
        world_break(j->world, "honesty: %s finds fault with an honest cluster, ILS-%u", n->name,
                    (unsigned)a->trace.code);
}
