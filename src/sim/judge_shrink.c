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
        h->base = s->live;
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

void shrink_loosen(struct judge *j, const struct node *n)
{
    judge_holds(j, n);
    for (size_t i = 0; i < SOULS_MAX; i++)
        j->held[n->index][i].loose = true;
}

/* What the heads of a cluster whose disk was changed say there was at most is certain again when
 * there are more than ever, or a shrink is confirmed. */
void shrink_own(struct judge *j, const struct node *n, const struct stamp *at, uint64_t facts)
{
    struct life *life = &j->life[n->index];
    struct soul *soul = &j->soul[life->soul];
    struct view_self self;
    view_self(n->ils, &self);
    soul->peak = life->confirmed || self.entries > soul->peak ? self.entries : soul->peak;
    soul->most = self.entries > soul->most ? self.entries : soul->most;
    if (soul_rivalled(j, n))
        soul->vague = true;
    else if (life->confirmed || self.entries == soul->most)
        soul->vague = false;
    life->confirmed = false;
    const struct served s = {.soul = life->soul, .at = *at, .facts = facts, .live = self.entries,
                             .peak = soul->peak, .vague = soul->vague};
    ledger_put(&j->ledger, &s);
}

static bool is_less(uint64_t live, uint64_t most)
{
    return live < most / 2 && most - live >= LEAST;
}

static bool shrank(const struct served *s)
{
    return is_less(s->live, s->peak);
}

/* A plan that was whole, or any, at `from` or later, that is answered now. One that shrank from
 * another peak may have been served as it was learned, and has not shrunk from there. */
static bool find_kept(const struct judge *j, const struct served *now, const struct stamp *from,
                      bool whole, uint64_t facts, struct stamp *ret)
{
    for (size_t i = 0; i < j->ledger.size; i++) {
        const struct served *s = &j->ledger.row[i];
        if (s->soul != now->soul || s->facts != facts || stamp_order(&s->at, from) < 0 ||
            stamp_order(&s->at, &now->at) > 0 || (whole && shrank(s) && s->peak == now->peak))
            continue;
        *ret = s->at;
        return true;
    }
    return false;
}

/* Nobody knows whether the holder takes it for one that shrank, or what it held before: the plan as
 * it is now may be served, or as it was at any time if it can have shrunk at all. */
static bool judge_loose(struct judge *j, const struct served *s, struct held *h, uint64_t facts)
{
    static const struct stamp any;
    struct stamp former;
    h->kept = any;
    h->based = 0;
    h->vague = false;
    return is_less(s->live, j->soul[s->soul].most) && find_kept(j, s, &any, false, facts, &former);
}

/* Learned as it is, or served so since; what is lost beyond that may be held again. */
static bool is_based(const struct judge *j, struct held *h, const struct served *s)
{
    if (h->at.epoch == 0 || (h->at.root == j->nothing && h->kept.epoch == 0)) {
        h->based = s->peak;
        h->base = s->live;
    }
    if (h->based != s->peak)
        return false;
    h->base = s->live > h->base ? s->live : h->base;
    h->loose = is_less(s->live, h->base);
    return true;
}

bool shrink_held(struct judge *j, const struct node *n, uint32_t of, const struct served *s,
                 const struct fact *fact)
{
    static const struct stamp any;
    const struct soul *soul = &j->soul[of];
    struct held *h = &j->held[n->index][of];
    uint64_t hash = facts_hash(fact);
    bool same = h->incarnation == n->incarnation;
    h->loose = s->vague || soul->ended || (h->loose && shrank(s));
    if (h->loose || !shrank(s))
        return judge_loose(j, s, h, hash) && h->loose;
    if (is_based(j, h, s))
        return h->loose && judge_loose(j, s, h, hash);
    const struct served *other, *kept = ledger_find(&j->ledger, of, &h->kept, &other);
    bool good = same && kept != NULL
                    ? kept->facts == hash
                    : find_kept(j, s, same ? &h->at : &any, true, hash, &h->kept);
    if (!good && !h->vague)
        world_break(j->world,
                    "shrink: %s serves usn %llu of n%u, which has %llu of %llu entries left",
                    n->name, (unsigned long long)s->at.usn, soul->lineage,
                    (unsigned long long)s->live, (unsigned long long)s->peak);
    return true;
}
