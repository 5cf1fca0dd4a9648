/* judge_member: who counts, at every step:
 *   admission  what changes is of a cluster that was met, or that a hub lists which was, and so on;
 *   ends       nothing is served of who has left or is banned, and of the forgotten nothing up to
 *              their end; and no record of a ban is lost that is on the disk. */
#include "sim/judge_inside.h"

#define ENDS_WITHIN TICK_S /* a record is heeded in the step that brings it, or the next */

static void swap_keys(uint8_t *a, uint8_t *b)
{
    uint8_t key[KEY_SIZE];
    memcpy(key, a, KEY_SIZE);
    memmove(a, b, KEY_SIZE);
    memcpy(b, key, KEY_SIZE);
}

/* Listed by a hub that is met, or by one that such a hub lists ... */
static bool is_listed(const struct node *n, const uint8_t *key)
{
    struct view_cluster c;
    uint8_t hub[NODES_MAX][KEY_SIZE]; /* those that are met, then those that these list ... */
    size_t hubs = 0, looked = 0, known = 0;
    for (size_t i = 1; view_cluster(n->ils, i, &c) && hubs < NODES_MAX; i++) {
        if (c.role != ROLE_HUB)
            continue;
        memcpy(hub[hubs], c.key, KEY_SIZE);
        if (c.met)
            swap_keys(hub[hubs], hub[known++]);
        hubs++;
    }
    for (; looked < known; looked++) {
        if (view_lists(n->ils, hub[looked], key))
            return true;
        for (size_t i = known; i < hubs; i++)
            if (view_lists(n->ils, hub[looked], hub[i]))
                swap_keys(hub[i], hub[known++]);
    }
    return false;
}

void judge_admission(struct judge *j, const struct node *n, uint32_t of,
                     const struct view_row *c)
{
    const struct life *life = &j->life[n->index];
    bool more = life->applied_in == j->world->events && (life->applied_more || life->applied != of);
    /* The roster that listed it may have come anew in the same step, or the end of the hub whose
     * roster that was, be it by this one's own word. */
    if (!more && !c->met && !is_listed(n, c->key))
        world_break(j->world, "admission: %s takes usn %llu of n%u, whom nobody lists", n->name,
                    (unsigned long long)c->usn, j->soul[of].lineage);
}

void admission_applied(struct judge *j, const struct node *n, const struct trace *t)
{
    struct life *life = &j->life[n->index];
    life->applied_more = life->applied_in == j->world->events;
    life->applied_in = j->world->events;
    life->applied = soul_by_id(j, t->peer_id);
}

/* By what n knows of ends, what it held of that one at `epoch` goes. */
bool ends_over(const struct judge *j, const struct node *n, uint32_t of, uint64_t epoch)
{
    struct view_ended e;
    for (size_t i = 0; view_ended(n->ils, i, &e); i++)
        if (memcmp(e.peer_id, j->soul[of].id, PEER_ID_SIZE) == 0 &&
            (e.banned || e.left || epoch <= e.epoch))
            return true;
    return false;
}

static void judge_ended(struct judge *j, const struct node *n, uint32_t of,
                        const struct view_ended *e)
{
    struct held *h = &j->held[n->index][of];
    if (h->looked != j->world->events) /* and no row: nothing is held of it any more */
        h->at = h->kept = (struct stamp){0};
    /* Who has no row may be back above that: its plan may come before what it says of itself. */
    bool over = e->banned || e->left ||
                (h->looked == j->world->events && h->at.epoch <= e->epoch);
    over = over && of != j->life[n->index].soul; /* who hears it of itself keeps its own */
    size_t key = over ? soul_served(j, n, of) : JUDGE_KEYS;
    if (key == JUDGE_KEYS) {
        h->over_in = 0;
        return;
    }
    if (h->over_in != n->incarnation)
        h->over = j->world->now;
    h->over_in = n->incarnation;
    if (j->world->now > h->over + ENDS_WITHIN)
        world_break(j->world, "ends: %s serves key %zu of n%u, who %s", n->name, key,
                    j->soul[of].lineage,
                    e->left ? "has left" : e->banned ? "was banned" : "was forgotten");
}

/* What it has heard and not yet stored a crash takes away: it hears of it again. */
static bool ban_is_durable(const struct node *n, const uint8_t key[static KEY_SIZE])
{
    static const char name[] = "ended";
    uint8_t row[sizeof name - 1 + KEY_SIZE];
    memcpy(row, name, sizeof name - 1);
    memcpy(row + sizeof name - 1, key, KEY_SIZE);
    struct slice value = disk_find(&n->disk, ROW_SETTING, slice_make(row, sizeof row));
    return value.n != 0 && (value.p[0] & 1) != 0;
}

void judge_ends(struct judge *j, const struct node *n, bool standalone)
{
    struct life *life = &j->life[n->index];
    struct view_ended e;
    uint32_t banned[SOULS_MAX] = {0};
    for (size_t i = 0; view_ended(n->ils, i, &e); i++) {
        uint32_t of = soul_by_id(j, e.peer_id);
        if (of == 0)
            continue;
        banned[of] = e.banned ? 1 + soul_by_id(j, e.author) : 0;
        judge_ended(j, n, of, &e);
    }
    for (size_t i = 1; i < j->soul_n; i++) {
        uint32_t author = life->banned[i] == 0 ? 0 : life->banned[i] - 1;
        bool is_void = author != 0 && banned[author] != 0; /* so is what he said */
        if (life->banned[i] != 0 && banned[i] == 0 && !standalone && !is_void)
            world_break(j->world, "ends: %s has lost that n%u was banned", n->name,
                        j->soul[i].lineage);
        if (banned[i] == 0 || life->banned[i] != 0 || ban_is_durable(n, j->soul[i].key))
            life->banned[i] = banned[i];
    }
}

bool ends_may_renew(const struct judge *j, const struct node *n)
{
    for (size_t i = 0; i < j->world->node_n; i++) {
        const struct node *other = j->world->node[i];
        struct view_self self;
        if (other == n || !node_awake(other) || !j->life[i].unsure ||
            !j->soul[j->life[i].soul].ended)
            continue;
        view_self(other->ils, &self);
        if (self.writing != WRITING)
            return true;
    }
    return false;
}
