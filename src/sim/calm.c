/* calm: what must be so in the end, see judge.h. A member is a node that runs, is to be in the
 * network and says itself that it is a hub or a spoke. */
#include "sim/judge_inside.h"

static const char *unsettled(struct judge *j, const struct node *n, const char *of,
                             const char *what)
{
    snprintf(j->text, sizeof j->text, "%s of %s: %s", n->name, of, what);
    return j->text;
}

static const char *facts_unsettled(struct judge *j, const struct node *n, const struct node *of)
{
    const struct life *life = &j->life[of->index];
    const struct fact *theirs = soul_facts(j, n, life->soul, life->lineage, true);
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        const struct slot *s = &life->slot[i];
        if (s->command != 0)
            return unsettled(j, of, of->name, "a change was never answered");
        if (theirs[i].there == s->there && (!s->there || theirs[i].version == s->version))
            continue;
        j->zombies += theirs[i].there && !s->there;
        return unsettled(j, n, of->name, "an entry differs");
    }
    return NULL;
}

static bool is_member(const struct judge *j, const struct node *n)
{
    return n->ils != NULL && !j->life[n->index].out;
}

/* The member that is that soul and lives; NULL: none, or two. */
static const struct node *soul_alive(const struct judge *j, uint32_t soul)
{
    const struct node *of = soul == 0 ? NULL : soul_node(j, soul);
    return of == NULL || !is_member(j, of) || j->soul[soul].fate != FATE_LIVES ? NULL : of;
}

/* The head that is held is its origin's last. */
static const char *head_unsettled(struct judge *j, const struct node *n, const struct node *of,
                                  const struct view_row *c)
{
    const struct stamp at = stamp_of(c->epoch, c->usn, c->root), *last = &j->last[of->index];
    int order = stamp_order(&at, last);
    char what[128];
    if (order == 0)
        return NULL;
    snprintf(what, sizeof what, "%s: %llx/%llu/%llx here, %llx/%llu/%llx there",
             order < 0 ? "behind" : "ahead of its origin", (unsigned long long)at.epoch,
             (unsigned long long)at.usn, (unsigned long long)at.root,
             (unsigned long long)last->epoch, (unsigned long long)last->usn,
             (unsigned long long)last->root);
    return unsettled(j, n, of->name, what);
}

/* What it says of them: costly, and looked at when all heads are there. */
static const char *words_unsettled(struct judge *j, const struct node *n)
{
    static const char *const says[] = {
        [SYNC_SYNCHRONIZING] = "says that it is synchronizing", [SYNC_BEHIND] = "says: behind",
        [SYNC_DISCONNECTED] = "says: disconnected", [SYNC_HELD] = "says: held",
        [SYNC_HELD_QUOTA] = "says: held (quota)", [SYNC_DIGEST_DIFFERS] = "says: digest differs"};
    struct view_cluster c;
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++) {
        const struct node *of = soul_alive(j, soul_of(j, c.key));
        if (of != NULL && c.status != SYNC_UP_TO_DATE)
            return unsettled(j, n, of->name, says[c.status]);
        if (of != NULL && c.stale)
            return unsettled(j, n, of->name, "stale");
    }
    return NULL;
}

/* Of whoever is not in the network any more nothing is served that was to go. */
static const char *ended_unsettled(struct judge *j, const struct node *n, uint32_t soul)
{
    const struct soul *s = &j->soul[soul];
    if (s->fate != FATE_LEFT && s->fate != FATE_FORGOTTEN && s->fate != FATE_BANNED)
        return NULL;
    if (soul_served(j, n, soul) == JUDGE_KEYS)
        return NULL;
    j->zombies++;
    return unsettled(j, n, "one that is gone", "an entry is still served");
}

static struct view_row own_row(const struct node *n)
{
    struct view_cluster own;
    view_cluster(n->ils, 0, &own);
    struct view_row row = {.usn = own.usn, .epoch = own.epoch};
    memcpy(row.key, own.key, KEY_SIZE);
    memcpy(row.root, own.root, HASH_SIZE);
    return row;
}

static const char *row_unsettled(struct judge *j, const struct node *n, const struct view_row *c,
                                 bool *seen)
{
    uint32_t soul = soul_of(j, c->key);
    const struct node *of = soul_alive(j, soul);
    if (soul == 0)
        return unsettled(j, n, "?", "a cluster that nobody is");
    if (of == NULL)
        return c->linked ? unsettled(j, n, "one that is gone", "linked")
                         : ended_unsettled(j, n, soul);
    if (seen[of->index])
        return unsettled(j, n, of->name, "two rows");
    seen[of->index] = true;
    return head_unsettled(j, n, of, c);
}

static const char *rows_unsettled(struct judge *j, const struct node *n, bool *seen)
{
    struct view_row c = own_row(n);
    const char *what = row_unsettled(j, n, &c, seen);
    for (const void *at = NULL; what == NULL && view_next(n->ils, &at, &c);)
        what = row_unsettled(j, n, &c, seen);
    return what;
}

static const char *node_unsettled(struct judge *j, const struct node *n)
{
    bool seen[NODES_MAX] = {false};
    struct view_self self;
    view_self(n->ils, &self);
    const char *what = self.leaving ? unsettled(j, n, n->name, "is about to leave")
                                    : rows_unsettled(j, n, seen);
    for (size_t i = 0; what == NULL && i < j->world->node_n; i++)
        if (is_member(j, j->world->node[i]) && !seen[i])
            what = unsettled(j, n, j->world->node[i]->name, "not known");
    return what;
}

/* The costly half, when nothing else is left. */
static const char *all_facts_unsettled(struct judge *j)
{
    const char *what = NULL;
    struct world *w = j->world;
    for (size_t i = 0; i < w->node_n && what == NULL; i++)
        for (size_t k = 0; k < w->node_n && what == NULL; k++)
            if (is_member(j, w->node[i]) && is_member(j, w->node[k]))
                what = facts_unsettled(j, w->node[i], w->node[k]);
    return what;
}

/* Every member's role, by its own word; ROLE_STANDALONE for the others. */
static void roles_read(const struct judge *j, enum ils_role role[static NODES_MAX])
{
    for (size_t i = 0; i < j->world->node_n; i++) {
        const struct node *n = j->world->node[i];
        struct view_self self;
        role[i] = ROLE_STANDALONE;
        if (!is_member(j, n))
            continue;
        view_self(n->ils, &self);
        role[i] = self.role;
    }
}

/* A contact of that kind that is not as it should be. */
static const char *contact_unsettled(struct judge *j, const struct node *n,
                                     enum view_contact_why why, const char *what)
{
    struct view_contact c;
    for (size_t i = 0; view_contact(n->ils, i, &c); i++) {
        const struct node *of = soul_node(j, soul_by_id(j, c.peer_id));
        if (c.why == why && !c.linked && (why != CONTACT_ALTERNATE || !c.visited) && of != NULL &&
            is_member(j, of))
            return unsettled(j, n, of->name, what);
    }
    return NULL;
}

const char *judge_unvisited(struct judge *j)
{
    const char *what = NULL;
    struct view_own next;
    for (size_t i = 0; i < j->world->node_n && what == NULL; i++)
        if (is_member(j, j->world->node[i]) && view_own(j->world->node[i]->ils, 1, &next))
            what = unsettled(j, j->world->node[i], "itself", "its next certificate waits");
    for (size_t i = 0; i < j->world->node_n && what == NULL; i++)
        if (is_member(j, j->world->node[i]))
            what = contact_unsettled(j, j->world->node[i], CONTACT_ALTERNATE, "not visited");
    return what;
}

/* n's knowledge of that hub, which may be old, is that it is a hub. */
static bool knows_as_hub(const struct node *n, const struct node *hub)
{
    struct view_cluster c;
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++)
        if (memcmp(c.key, hub->key, KEY_SIZE) == 0)
            return c.role == ROLE_HUB;
    return false;
}

bool judge_apart(const struct judge *j)
{
    enum ils_role role[NODES_MAX];
    const struct world *w = j->world;
    roles_read(j, role);
    for (size_t i = 0; i < w->node_n; i++)
        for (size_t k = 0; k < i; k++)
            if (role[i] == ROLE_HUB && role[k] == ROLE_HUB &&
                !knows_as_hub(w->node[i], w->node[k]) && !knows_as_hub(w->node[k], w->node[i]))
                return true;
    return false;
}

static const char *shape_unsettled(struct judge *j)
{
    static uint16_t count[NET_NODES * NET_NODES];
    enum ils_role role[NODES_MAX];
    struct world *w = j->world;
    net_counts(&w->net, count);
    roles_read(j, role);
    for (size_t i = 0; i < w->node_n; i++) {
        unsigned hubs = 0;
        for (size_t k = 0; k < w->node_n; k++) {
            unsigned links = i == k ? 0 : count[(i < k ? i : k) * NET_NODES + (i < k ? k : i)];
            bool mesh = role[i] == ROLE_HUB && role[k] == ROLE_HUB && i != k;
            bool home = (role[i] == ROLE_HUB) != (role[k] == ROLE_HUB) &&
                        role[i] != ROLE_STANDALONE && role[k] != ROLE_STANDALONE;
            hubs += role[k] == ROLE_HUB ? links : 0;
            if (j->life[i].out || j->life[k].out) /* it tries, and is refused; see rows_unsettled */
                continue;
            if (links > 1 || (mesh && links != 1) || (links != 0 && !mesh && !home))
                return unsettled(j, w->node[i], w->node[k]->name,
                                 links > 1 ? "more than one link" : mesh ? "no link" : "a link");
        }
        if (role[i] == ROLE_SPOKE && hubs != 1)
            return unsettled(j, w->node[i], "the hubs", hubs == 0 ? "no link" : "two links");
        const char *what = role[i] != ROLE_SPOKE ? NULL
                           : contact_unsettled(j, w->node[i], CONTACT_HOME, "not at home");
        if (what != NULL)
            return what;
        if (role[i] == ROLE_STANDALONE && is_member(j, w->node[i]))
            return unsettled(j, w->node[i], w->node[i]->name, "standalone");
    }
    return NULL;
}

/* What each member holds of itself: the others are held to that. */
static void lasts_read(struct judge *j)
{
    for (size_t i = 0; i < j->world->node_n; i++) {
        const struct node *n = j->world->node[i];
        if (!is_member(j, n))
            continue;
        struct view_row own = own_row(n);
        j->last[i] = stamp_of(own.epoch, own.usn, own.root);
    }
}

const char *judge_unsettled(struct judge *j)
{
    const char *what = NULL;
    j->zombies = 0; /* those of the last look: until then they may be on their way out */
    lasts_read(j);
    for (size_t i = 0; i < j->world->node_n && what == NULL; i++) {
        const struct node *n = j->world->node[i];
        if (j->life[i].out)
            continue;
        if (n->ils == NULL)
            what = unsettled(j, n, n->name, "down");
        else if (n->disk.first != NULL)
            what = unsettled(j, n, n->name, "a batch waits for the disk");
        else
            what = node_unsettled(j, n);
    }
    for (size_t i = 0; i < j->world->node_n && what == NULL; i++)
        if (!j->life[i].out)
            what = words_unsettled(j, j->world->node[i]);
    if (what == NULL)
        what = shape_unsettled(j);
    return what != NULL ? what : all_facts_unsettled(j);
}
