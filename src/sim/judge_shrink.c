/* judge_shrink: the law of plans that shrink. Who has served a plan goes on with what that was
 * before it lost more than half, and 100 entries at least, of the most that there was; until its
 * origin's operator has said that it is meant so, or the holder's that it is to be served. Who
 * learns a plan when it is that small already serves it.
 *
 * How many entries there are is what the origin itself says of its plan; how many there were at
 * most is counted here, and not read from its heads. */
#include "sim/judge_inside.h"

#include "sim/ops.h"

#define LEAST 100

uint64_t judge_confirm(struct judge *j, struct node *n)
{
    struct life *life = &j->life[n->index];
    if (life->confirm != 0)
        return life->confirm;
    life->confirm = n->command + 1; /* what node_command will choose */
    return op_confirm(n);
}

void judge_release(struct judge *j, struct node *n, const struct node *of)
{
    struct life *life = &j->life[n->index];
    char id[2 * PEER_ID_SIZE + 1];
    if (life->release != 0)
        return;
    hex_text(id, of->peer_id, PEER_ID_SIZE);
    life->release = n->command + 1;
    life->released = j->life[of->index].soul;
    op_release(n, id);
}

void shrink_reply(struct judge *j, const struct node *n, const struct ils_action *a)
{
    struct life *life = &j->life[n->index];
    if (a->command == life->confirm) {
        life->confirm = 0;
        life->confirmed = a->reply == REPLY_OK;
        life->dirty = true;
    } else if (a->command == life->release) {
        struct held *h = &j->held[n->index][life->released];
        const struct served *other, *s = ledger_find(&j->ledger, life->released, &h->at, &other);
        life->release = 0;
        if (a->reply != REPLY_OK || s == NULL)
            return;
        h->based = s->peak;
        h->kept = (struct stamp){0};
    }
}

/* What was asked for and not answered has happened, or never will. */
void shrink_restarted(struct judge *j, struct life *life, const struct node *n)
{
    if (life->confirm != 0)
        j->soul[life->soul].vague = true;
    if (life->release != 0)
        j->held[n->index][life->released].vague = true;
    life->confirm = life->release = 0;
    life->confirmed = false;
}

void shrink_own(struct judge *j, const struct node *n, const struct stamp *at, uint64_t facts)
{
    struct life *life = &j->life[n->index];
    struct soul *soul = &j->soul[life->soul];
    struct view_self self;
    view_self(n->ils, &self);
    soul->peak = life->confirmed || self.entries > soul->peak ? self.entries : soul->peak;
    life->confirmed = false;
    const struct served s = {.soul = life->soul, .at = *at, .facts = facts, .live = self.entries,
                             .peak = soul->peak};
    ledger_put(&j->ledger, &s);
}

static bool shrank(const struct served *s)
{
    return s->live < s->peak / 2 && s->peak - s->live >= LEAST;
}

/* A plan that was whole, at `from` or later, that is answered now. */
static bool find_kept(const struct judge *j, const struct served *now, const struct stamp *from,
                      uint64_t facts, struct stamp *ret)
{
    for (size_t i = 0; i < j->ledger.size; i++) {
        const struct served *s = &j->ledger.row[i];
        if (s->soul != now->soul || s->facts != facts || shrank(s) ||
            stamp_order(&s->at, from) < 0 || stamp_order(&s->at, &now->at) > 0)
            continue;
        *ret = s->at;
        return true;
    }
    return false;
}

bool shrink_held(struct judge *j, const struct node *n, uint32_t of, const struct served *s,
                 const struct fact *fact)
{
    static const struct stamp any;
    const struct soul *soul = &j->soul[of];
    struct held *h = &j->held[n->index][of];
    bool same = h->incarnation == n->incarnation;
    struct stamp former;
    if (soul->vague && !soul->doubled && !soul->ended && shrank(s) &&
        find_kept(j, s, &any, facts_hash(fact), &former))
        return true; /* nobody knows whether its operator's word counted: either may be served */
    if (soul->doubled || soul->vague || soul->ended || !shrank(s)) {
        h->kept = any;
        h->based = 0;
        h->vague = false;
        return false;
    }
    if (h->at.epoch == 0 || (h->at.root == j->nothing && h->kept.epoch == 0))
        h->based = s->peak; /* learned as it is */
    if (h->based == s->peak)
        return false;
    const struct served *other, *kept = ledger_find(&j->ledger, of, &h->kept, &other);
    uint64_t hash = facts_hash(fact);
    bool good = same && kept != NULL
                    ? kept->facts == hash
                    : find_kept(j, s, same ? &h->at : &any, hash, &h->kept);
    if (!good && !h->vague)
        world_break(j->world,
                    "shrink: %s serves usn %llu of n%u, which has %llu of %llu entries left",
                    n->name, (unsigned long long)s->at.usn, soul->lineage,
                    (unsigned long long)s->live, (unsigned long long)s->peak);
    return true;
}
