/* judge_policy: laws of what may be said and served at all:
 *   exchange  while a cluster's exchange is off it serves nothing of others, and nobody comes to
 *             serve anything newer of its own plan;
 *   met       nobody counts as met who has not proved himself on a link of this cluster's;
 *   copy      of two with one key, while the one that started later is linked, the other is not let
 *             in;
 *   clock     whose clock is wrong by years takes nobody by a certificate who was not linked;
 *   role      a hub becomes a spoke only where another hub is linked with it. */
#include "sim/judge_inside.h"

#define COPY_LATE (30 * TICK_S)

/* Boot of whoever has that key at that address, 0: nobody. */
static uint64_t boot_at(const struct judge *j, const uint8_t *peer_id, const char *ip)
{
    for (size_t i = 0; i < j->world->node_n; i++) {
        const struct node *n = j->world->node[i];
        if (n->has_key && strcmp(n->ip, ip) == 0 && memcmp(n->peer_id, peer_id, PEER_ID_SIZE) == 0)
            return j->life[i].boot;
    }
    return 0;
}

static bool is_linked(const struct node *n, const uint8_t *peer_id, struct view_cluster *ret)
{
    for (size_t i = 1; view_cluster(n->ils, i, ret); i++)
        if (memcmp(ret->peer_id, peer_id, PEER_ID_SIZE) == 0)
            return ret->linked;
    return false;
}

/* A proof may arrive after the start that follows it: one boot is no difference. Who proved itself
 * before the other did comes in after it, and goes at once. */
static void judge_copy(struct judge *j, const struct node *n, const struct verdict *v,
                       struct met *m)
{
    struct view_cluster c;
    uint64_t boot = boot_at(j, v->peer_id, v->peer.ip);
    if (!is_linked(n, v->peer_id, &c) || boot == 0)
        return;
    if (strcmp(c.link_peer.ip, v->peer.ip) == 0) {
        m->boot = boot;
        m->at = j->world->now;
        memcpy(m->ip, c.link_peer.ip, sizeof m->ip);
    } else if (strcmp(c.link_peer.ip, m->ip) == 0 && boot + 1 < m->boot &&
               j->world->now - m->at > COPY_LATE) {
        world_break(j->world, "copy: %s lets in one that started before its copy, which is linked",
                    n->name);
    }
}

static struct met *met_get(struct life *life, const uint8_t id[static PEER_ID_SIZE])
{
    size_t i = 0;
    while (i < life->met_n && memcmp(life->met[i].id, id, PEER_ID_SIZE) != 0)
        i++;
    if (i == life->met_n) {
        life->met = grow(life->met, ++life->met_n * sizeof *life->met);
        life->met[i] = (struct met){.boot = 0};
        memcpy(life->met[i].id, id, PEER_ID_SIZE);
    }
    return &life->met[i];
}

void met_copied(struct life *life, const struct life *original)
{
    for (size_t i = 0; i < original->met_n; i++)
        met_get(life, original->met[i].id);
}

void judge_clock_lost(struct judge *j, const struct node *n)
{
    struct life *life = &j->life[n->index];
    struct view_cluster c;
    memset(life->stood, 0, sizeof life->stood);
    life->stood_in = n->incarnation;
    for (size_t i = 1; n->ils != NULL && view_cluster(n->ils, i, &c); i++)
        life->stood[soul_by_id(j, c.peer_id)] |= c.linked;
}

static void judge_date(struct judge *j, const struct node *n, const struct verdict *v)
{
    const struct life *life = &j->life[n->index];
    uint32_t of = soul_by_id(j, v->peer_id);
    if (v->tls && node_clock_lost(n) && (life->stood_in != n->incarnation || !life->stood[of]))
        world_break(j->world, "clock: %s takes n%u by a certificate, and knows no date", n->name,
                    j->soul[of].lineage);
}

/* Both ends said yes: from now on that one is met. */
void policy_joined(struct judge *j, const struct node *n, const struct verdict *v)
{
    judge_date(j, n, v);
    judge_copy(j, n, v, met_get(&j->life[n->index], v->peer_id));
}

/* Off counts from when it is durable; what was told by then may be under way. */
void policy_own(struct judge *j, const struct node *n, const struct view_self *self)
{
    struct life *life = &j->life[n->index];
    struct soul *s = &j->soul[life->soul];
    if (self->exchange) {
        life->off = s->off = false;
    } else if (!life->off && self->writing == WRITING) {
        life->off = s->off = true;
        s->shown = s->newest;
    }
    if (life->older && stamp_order(&s->newest, &s->shown) > 0) /* by a copy, or before */
        s->shown = s->newest;
}

static void policy_met(struct judge *j, const struct node *n, uint32_t of,
                       const struct view_row *c)
{
    const struct life *life = &j->life[n->index];
    for (size_t i = 0; i < life->met_n; i++)
        if (memcmp(life->met[i].id, c->peer_id, PEER_ID_SIZE) == 0)
            return;
    world_break(j->world, "met: %s says that it has met n%u, which never proved itself there",
                n->name, j->soul[of].lineage);
}

void policy_drained(struct judge *j, const struct node *n)
{
    struct view_self self;
    view_self(n->ils, &self);
    if (self.hubs_linked == 0)
        world_break(j->world, "role: %s becomes a spoke and is linked with no hub", n->name);
}

void policy_held(struct judge *j, const struct node *n, uint32_t of, const struct view_row *c,
                 bool moved)
{
    const struct soul *s = &j->soul[of];
    struct held *h = &j->held[n->index][of];
    struct stamp at = stamp_of(c->epoch, c->usn, c->root);
    if (c->met && !h->met)
        policy_met(j, n, of, c);
    h->met = c->met;
    if (moved && s->off && c->epoch != 0 && at.root != j->nothing &&
        stamp_order(&at, &s->shown) > 0)
        world_break(j->world, "exchange: %s serves usn %llu of n%u, whose exchange is off", n->name,
                    (unsigned long long)c->usn, s->lineage);
    if (!j->life[n->index].off)
        return;
    size_t key = soul_served(j, n, of);
    if (key != JUDGE_KEYS)
        world_break(j->world, "exchange: %s serves key %zu of n%u while its exchange is off",
                    n->name, key, s->lineage);
}
