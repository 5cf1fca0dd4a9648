/* fault_operator: what people do while machines fail: right, wrong and at a bad moment. */
#include "sim/run.h"

#include "core/view.h"
#include "sim/pki.h"

#define GUARDED 400 /* entries, by which a plan grows and shrinks */

/* A node that can be given a command and is set up; NULL where the one that was drawn is not. */
static struct node *staffed(struct run *r)
{
    struct node *n = any_awake(r);
    struct view_self self;
    if (n == NULL)
        return NULL;
    view_self(n->ils, &self);
    return self.initialised && !r->desk[n->index].banned ? n : NULL;
}

static struct node *member(struct run *r, enum ils_role *ret_role)
{
    struct node *n = staffed(r);
    struct view_self self;
    if (n == NULL)
        return NULL;
    view_self(n->ils, &self);
    *ret_role = self.role;
    return self.role == ROLE_STANDALONE ? NULL : n;
}

/* A hub, by its own word, other than n; NULL where the one that was drawn is none. */
static struct node *some_hub(struct run *r, const struct node *n)
{
    enum ils_role role;
    struct node *hub = member(r, &role);
    for (int i = 0; i < 8 && (hub == NULL || hub == n || role != ROLE_HUB); i++)
        hub = member(r, &role);
    return hub != NULL && hub != n && role == ROLE_HUB ? hub : NULL;
}

bool fault_join(struct run *r)
{
    enum ils_role role;
    struct node *n = member(r, &role);
    struct view_self self;
    if (n == NULL || role != ROLE_SPOKE)
        return false;
    view_self(n->ils, &self);
    struct node *home = world_resolve(r->world, self.hub_host);
    if (home == NULL || home == n)
        return false;
    op_join(n, r->weight[FAULT_move] != 0 || chance(r, 50) ? home->host : home->ip, 0, ROLE_SPOKE);
    return true;
}

bool fault_elsewhere(struct run *r)
{
    enum ils_role role;
    struct node *n = member(r, &role);
    struct node *hub = n == NULL ? NULL : some_hub(r, n);
    if (hub == NULL || (role == ROLE_HUB && chance(r, 80)))
        return false;
    op_join(n, hub->host, 0, role);
    return true;
}

/* A name that nobody has. */
bool fault_mistype(struct run *r)
{
    enum ils_role role;
    struct node *n = member(r, &role);
    if (n == NULL || role != ROLE_SPOKE)
        return false;
    op_join(n, "nowhere.example", 0, ROLE_SPOKE);
    return true;
}

bool fault_role(struct run *r)
{
    enum ils_role role;
    struct node *n = member(r, &role);
    if (n == NULL)
        return false;
    op_role(n, role == ROLE_HUB ? ROLE_SPOKE : ROLE_HUB);
    return true;
}

/* The cluster id of some cluster in the node's table; false where there is none. */
static bool some_cluster(struct run *r, const struct node *n, bool disconnected, char *dst,
                         size_t size)
{
    struct view_cluster c;
    size_t found = 0;
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++) {
        if (c.disconnected_here != disconnected)
            continue;
        if (rand_below(&r->rand, ++found) == 0)
            hex_text(dst, c.peer_id, PEER_ID_SIZE);
    }
    return found != 0;
}

bool fault_disconnect(struct run *r)
{
    struct node *n = staffed(r);
    char id[2 * PEER_ID_SIZE + 1];
    if (n == NULL || !some_cluster(r, n, false, id, sizeof id))
        return false;
    op_disconnect(n, id);
    return true;
}

bool fault_connect(struct run *r)
{
    struct node *n = staffed(r);
    char id[2 * PEER_ID_SIZE + 1];
    if (n == NULL || !some_cluster(r, n, true, id, sizeof id))
        return false;
    op_connect(n, id);
    return true;
}

static void password_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number % NODES_MAX];
    char label[32];
    snprintf(label, sizeof label, "password %u", (unsigned)(job->number / NODES_MAX));
    if (node_awake(n))
        op_password(n, (uint16_t)(job->number / NODES_MAX), label);
}

/* Somebody mistypes the password, and mends it later. */
bool fault_password(struct run *r)
{
    struct node *n = staffed(r);
    if (n == NULL || r->method == METHOD_TLS)
        return false;
    judge_excuse(r->judge, EXCUSE_PASSWORD);
    op_password(n, r->generation, "mistyped");
    later(r, r->world->now + draw(r, 0, 60 * TICK_S), password_job,
          (uint64_t)r->generation * NODES_MAX + n->index);
    return true;
}

/* All generations are taken away, and the right one is typed again later. */
bool fault_unset(struct run *r)
{
    struct node *n = staffed(r);
    struct view_password p;
    if (n == NULL || r->method == METHOD_TLS)
        return false;
    judge_excuse(r->judge, EXCUSE_PASSWORD);
    for (size_t i = 0; i < PASSWORDS_MAX && n->ils != NULL && view_password(n->ils, i, &p); i++)
        op_password_drop(n, p.generation);
    later(r, r->world->now + draw(r, 0, 60 * TICK_S), password_job,
          (uint64_t)r->generation * NODES_MAX + n->index);
    return true;
}

/* One step of a rotation at one cluster: a generation is added everywhere, preferred everywhere,
 * and only then the former one is dropped. A cluster that does not answer holds all up. */
static bool has_step(const struct run *r, const struct node *n)
{
    struct view_password p;
    bool there = false, preferred = false, former = false;
    if (n->ils == NULL)
        return false;
    for (size_t i = 0; view_password(n->ils, i, &p); i++) {
        there |= p.generation == r->generation;
        preferred |= p.generation == r->generation && p.preferred;
        former |= p.generation != r->generation;
    }
    return r->rotating == 1 ? there : r->rotating == 2 ? preferred : !former;
}

static void take_step(struct run *r, struct node *n)
{
    struct view_password p;
    char label[32];
    if (r->rotating == 1) {
        snprintf(label, sizeof label, "password %u", r->generation);
        op_password(n, r->generation, label);
    } else if (r->rotating == 2) {
        op_password_prefer(n, r->generation);
    } else {
        for (size_t i = 0; view_password(n->ils, i, &p); i++)
            if (p.generation != r->generation) {
                op_password_drop(n, p.generation);
                return;
            }
    }
}

bool fault_rotate(struct run *r)
{
    struct world *w = r->world;
    size_t open = 0;
    if (r->method == METHOD_TLS)
        return false;
    if (r->rotating == 0) {
        r->rotating = 1;
        r->generation++;
    }
    for (size_t i = 0; i < w->node_n; i++) {
        struct node *n = w->node[i];
        if (has_step(r, n) || r->desk[i].role == ROLE_STANDALONE || r->desk[i].banned)
            continue;
        open++;
        if (node_awake(n) && chance(r, 50))
            take_step(r, n);
    }
    if (r->rotating == 2 && !operator_may_drop(r))
        open++;
    if (r->weights != r->weight[FAULT_rotate])
        judge_excuse(r->judge, EXCUSE_PASSWORD); /* a step may be lost, a link may be an old one */
    if (open == 0)
        r->rotating = (r->rotating + 1) % 4;
    return true;
}

bool fault_renew(struct run *r)
{
    struct node *n = staffed(r);
    uint8_t der[PKI_DER_MAX];
    struct pki_memory memory;
    struct view_own own;
    if (n == NULL || r->method == METHOD_PASSWORD || !view_own(n->ils, 0, &own))
        return false;
    struct own_certificate next = operator_certificate(r, n, operator_serial(r), der, &memory);
    bool now = chance(r, 20);
    if (now || r->weights != r->weight[FAULT_renew]) /* who is away then does not have it */
        judge_excuse(r->judge, EXCUSE_CERTIFICATE);
    op_certificate(n, &next, now);
    return true;
}

/* Two get one cluster id; one of them gets another later. */
static void label_job(struct world *w, struct job *job)
{
    struct node *n = w->node[job->number];
    char id[NODE_NAME + 8];
    snprintf(id, sizeof id, "%s-again", n->name);
    if (node_awake(n))
        op_describe(n, id, "", "", "");
}

bool fault_label(struct run *r)
{
    struct node *n = staffed(r);
    struct node *other = staffed(r);
    struct view_self self;
    char id[NODE_NAME * 2];
    if (n == NULL || other == NULL || n == other)
        return false;
    judge_excuse(r->judge, EXCUSE_LABEL);
    view_self(other->ils, &self);
    slice_to_text(self.cluster_id, id, sizeof id);
    op_describe(n, id, "", "", "");
    later(r, r->world->now + draw(r, 0, 60 * TICK_S), label_job, n->index);
    return true;
}

bool fault_describe(struct run *r)
{
    struct node *n = staffed(r);
    char text[32];
    if (n == NULL)
        return false;
    snprintf(text, sizeof text, "described%u", (unsigned)rand_below(&r->rand, 1000));
    if (chance(r, 50))
        op_describe(n, "", "", text, "");
    else
        op_describe(n, "", "", "", n->host);
    return true;
}

/* --- plans */

/* All of the large catalog goes, or a few of every segment, which DELs must hide then. */
bool fault_mass_delete(struct run *r)
{
    struct node *n = staffed(r);
    if (n == NULL)
        return false;
    for (size_t key = 0; key < JUDGE_KEYS && n->ils != NULL; key++)
        r->storm->changes += judge_change(r->judge, n, key, false);
    if (n->ils != NULL && r->filled == n)
        op_empty(n, "many", "fill.example", 12000, chance(r, 50) ? 1 : 7);
    return true;
}

bool fault_big_catalog(struct run *r)
{
    struct node *n = staffed(r);
    if (n == NULL)
        return false;
    op_fill(n, "big", "fill.example", 200 + rand_below(&r->rand, 3000));
    return true;
}

/* Some other cluster serves what n has left. */
static bool releases(struct run *r, const struct node *n)
{
    struct node *holder = staffed(r);
    if (holder == NULL || holder == n)
        return false;
    judge_release(r->judge, holder, n);
    return true;
}

/* A plan that grows, or loses nearly all of it; one that has lost it is meant so, or another
 * cluster takes it as it is, or it comes back. */
bool fault_shrink(struct run *r)
{
    struct node *n = staffed(r);
    struct view_self self;
    struct view_held held;
    if (n == NULL)
        return false;
    view_self(n->ils, &self);
    bool shrunk = false;
    for (size_t i = 0; !shrunk && view_held(n->ils, i, &held); i++)
        shrunk = held.own && held.why == HELD_SHRUNK;
    if (shrunk && chance(r, 40))
        return releases(r, n);
    if (shrunk && chance(r, 50))
        judge_confirm(r->judge, n);
    else if (self.entries > GUARDED)
        op_empty(n, "guarded", "fill.example", GUARDED, 1);
    else
        op_fill(n, "guarded", "fill.example", GUARDED);
    return true;
}

/* One who blocks others wholly lets them in again one day. */
bool fault_block(struct run *r)
{
    struct node *n = staffed(r);
    struct policy_block b;
    struct view_row c;
    if (n == NULL)
        return false;
    if (policy_block_at(view_policy(n->ils), 0, &b) && chance(r, 50)) {
        op_unblock(n, b.n);
        return true;
    }
    for (const void *at = NULL; view_next(n->ils, &at, &c);) {
        if (!chance(r, 50))
            continue;
        char id[2 * PEER_ID_SIZE + 1];
        hex_text(id, c.peer_id, PEER_ID_SIZE);
        op_block(n, id);
        return true;
    }
    return false;
}

/* Larger than a quarter of a small machine's memory. */
bool fault_huge_catalog(struct run *r)
{
    struct node *n = staffed(r);
    if (n == NULL || n->short_of != 0)
        return false;
    op_fill(n, "huge", "fill.example", 60000 + rand_below(&r->rand, 20000));
    return true;
}

static void burst_job(struct world *w, struct job *job)
{
    struct run *r = job->object;
    struct node *n = w->node[job->number];
    char other[16];
    if (!node_awake(n))
        return;
    if (chance(r, 60)) {
        snprintf(other, sizeof other, "+90%u", (unsigned)rand_below(&r->rand, 1000));
        op_plan(n, true, other, NULL);
        return;
    }
    r->storm->changes += judge_change(r->judge, n, rand_below(&r->rand, JUDGE_KEYS),
                                      (r->storm->changes & 1) != 0);
}

/* So many changes in a row, most of them of keys of their own, that the tail of the catalog is
 * folded. */
bool fault_burst(struct run *r)
{
    struct node *n = any(r);
    tick at = r->world->now;
    if (at < r->burst_over)
        return false;
    if (r->filled != NULL && rand_below(&r->rand, 2) == 0)
        n = r->filled;
    for (uint64_t i = 200 + rand_below(&r->rand, 400); i > 0; i--) {
        at += (tick)rand_below(&r->rand, 6 * TICK_MS);
        later(r, at, burst_job, n->index);
    }
    r->burst_over = at;
    return true;
}
