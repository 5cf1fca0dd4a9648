/* judge_policy: laws of what may be said and served at all:
 *   exchange  while a cluster's exchange is off it serves nothing of others, and nobody comes to
 *             serve anything newer of its own plan;
 *   met       nobody counts as met who has not proved himself on a link of this cluster's;
 *   ends      of a cluster that was forgotten nothing is held of that epoch, of one that has left
 *             or was banned nothing at all;
 *   role      a hub becomes a spoke only where another hub is linked with it. */
#include "sim/judge_inside.h"

/* Both ends said yes: from now on that one is met. */
void policy_joined(struct judge *j, const struct node *n, const struct verdict *v)
{
    struct life *life = &j->life[n->index];
    for (size_t i = 0; i < life->met_n; i++)
        if (memcmp(life->met + i * PEER_ID_SIZE, v->peer_id, PEER_ID_SIZE) == 0)
            return;
    life->met = grow(life->met, (life->met_n + 1) * PEER_ID_SIZE);
    memcpy(life->met + life->met_n++ * PEER_ID_SIZE, v->peer_id, PEER_ID_SIZE);
}

/* Off counts from when it is durable; what was told by then may be under way. */
void policy_own(struct judge *j, const struct node *n, const struct view_self *self)
{
    struct life *life = &j->life[n->index];
    struct soul *s = &j->soul[life->soul];
    if (self->exchange) {
        life->off = s->off = false;
    } else if (!life->off && n->disk.first == NULL && self->writing == WRITING) {
        life->off = s->off = true;
        s->shown = s->newest;
    }
}

static void policy_met(struct judge *j, const struct node *n, uint32_t of,
                       const struct view_cluster *c)
{
    const struct life *life = &j->life[n->index];
    for (size_t i = 0; i < life->met_n; i++)
        if (memcmp(life->met + i * PEER_ID_SIZE, c->peer_id, PEER_ID_SIZE) == 0)
            return;
    if (!life->copied)
        world_break(j->world, "met: %s says that it has met n%u, which never proved itself there",
                    n->name, j->soul[of].lineage);
}

static void policy_ends(struct judge *j, const struct node *n, const struct view_cluster *c)
{
    struct view_ended e;
    for (size_t i = 0; view_ended(n->ils, i, &e); i++)
        if (memcmp(e.peer_id, c->peer_id, PEER_ID_SIZE) == 0 &&
            (e.left || e.banned || c->epoch <= e.epoch))
            world_break(j->world, "ends: %s holds a plan of a cluster that %s", n->name,
                        e.left ? "has left" : e.banned ? "was banned" : "was forgotten");
}

void policy_drained(struct judge *j, const struct node *n)
{
    struct view_self self;
    view_self(n->ils, &self);
    if (self.hubs_linked == 0)
        world_break(j->world, "role: %s becomes a spoke and is linked with no hub", n->name);
}

void policy_held(struct judge *j, const struct node *n, uint32_t of, const struct view_cluster *c,
                 bool moved)
{
    static const struct fact nothing[JUDGE_KEYS];
    struct fact fact[JUDGE_KEYS];
    const struct soul *s = &j->soul[of];
    struct held *h = &j->held[n->index][of];
    struct stamp at = stamp_of(c->epoch, c->usn, c->root);
    size_t key;
    if (c->met && !h->met)
        policy_met(j, n, of, c);
    h->met = c->met;
    if (moved && s->ended && c->epoch != 0)
        policy_ends(j, n, c);
    if (moved && s->off && !s->doubled && c->epoch != 0 && at.root != j->nothing &&
        stamp_order(&at, &s->shown) > 0)
        world_break(j->world, "exchange: %s serves usn %llu of n%u, whose exchange is off", n->name,
                    (unsigned long long)c->usn, s->lineage);
    if (!j->life[n->index].off)
        return;
    facts_read(n, &j->arena, s->lineage, s->key, fact);
    if (!facts_equal(fact, nothing, &key))
        world_break(j->world, "exchange: %s serves key %zu of n%u while its exchange is off",
                    n->name, key, s->lineage);
}
