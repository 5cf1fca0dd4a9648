/* judge: see judge.h. Here: what clusters answer, at every step in which something was
 * published. */
#include "sim/judge_inside.h"

#include "plan/policy.h"
#include "plan/readers.h"
#include "plan/route.h"
#include "sim/ops.h"

static void *judge_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return grow(p, new_size);
}

/* --- who is who */

uint32_t soul_of(const struct judge *j, const uint8_t key[static KEY_SIZE])
{
    for (size_t i = j->soul_n; i-- > 1;)
        if (memcmp(j->soul[i].key, key, KEY_SIZE) == 0)
            return (uint32_t)i;
    return 0;
}

uint32_t soul_by_id(const struct judge *j, const uint8_t id[static PEER_ID_SIZE])
{
    for (size_t i = j->soul_n; i-- > 1;)
        if (memcmp(j->soul[i].id, id, PEER_ID_SIZE) == 0)
            return (uint32_t)i;
    return 0;
}

struct node *soul_node(const struct judge *j, uint32_t soul)
{
    struct node *found = NULL;
    for (size_t i = 0; i < j->world->node_n; i++) {
        if (j->life[i].soul != soul)
            continue;
        if (found != NULL)
            return NULL;
        found = j->world->node[i];
    }
    return found;
}

void judge_holds(struct judge *j, const struct node *n)
{
    if (j->held[n->index] == NULL)
        j->held[n->index] = grow_zero(SOULS_MAX * sizeof(struct held));
}

bool soul_rivalled(const struct judge *j, const struct node *n)
{
    const struct life *life = &j->life[n->index];
    return life->older || soul_node(j, life->soul) == NULL;
}

#define ANEW_EVERY 16 /* askings: what still stands is asked for anew all the same */

static bool facts_same(const struct fact *a, const struct fact *b)
{
    for (size_t i = 0; i < JUDGE_KEYS; i++)
        if (a[i].there != b[i].there || a[i].version != b[i].version || a[i].usn != b[i].usn)
            return false;
    return true;
}

/* Nothing that is served changes without the plan's count of changes: readers beside the core rely
 * on that as well. */
const struct fact *soul_facts(struct judge *j, const struct node *n, uint32_t soul,
                              unsigned lineage, bool anew)
{
    if (j->answered[n->index] == NULL)
        j->answered[n->index] = grow_zero(SOULS_MAX * sizeof(struct answered));
    struct answered *x = &j->answered[n->index][soul];
    uint64_t change, routes = routes_changes(view_routes(n->ils));
    uint64_t policy = policy_changes(view_policy(n->ils));
    (void)plan_settled(view_plan(n->ils), &change);
    bool stands = x->incarnation == n->incarnation && x->change == change && x->routes == routes &&
                  x->policy == policy && x->lineage == lineage;
    if (stands && !anew && ++x->asked < ANEW_EVERY)
        return x->fact;
    struct answered now = {n->incarnation, change, routes, policy, lineage, 0, {{0}}};
    facts_read(n, &j->arena, lineage, j->soul[soul].key, now.fact);
    if (stands && !facts_same(x->fact, now.fact))
        world_break(j->world, "truth: %s answers for n%u otherwise, and nothing changed", n->name,
                    lineage);
    *x = now;
    return x->fact;
}

size_t soul_served(struct judge *j, const struct node *n, uint32_t soul)
{
    return facts_first(soul_facts(j, n, soul, j->soul[soul].lineage, false));
}

/* The node says who it is: as before, or somebody new. */
static void meet_self(struct judge *j, struct node *n, const struct view_self *self)
{
    struct life *life = &j->life[n->index];
    if (life->soul != 0 && memcmp(j->soul[life->soul].key, self->key, KEY_SIZE) == 0)
        return;
    memcpy(n->key, self->key, KEY_SIZE);
    memcpy(n->peer_id, self->peer_id, PEER_ID_SIZE);
    if (life->soul != 0 && soul_node(j, life->soul) == n && j->soul[life->soul].fate == FATE_LIVES)
        j->soul[life->soul].fate = FATE_GONE;
    life->soul = soul_of(j, self->key);
    life->own = (struct stamp){0};
    life->boot = self->boot; /* a new identity counts from one */
    life->boot_used = 0;
    if (life->soul != 0 && j->soul[life->soul].fate == FATE_GONE)
        j->soul[life->soul].fate = FATE_LIVES;
    if (life->soul != 0)
        return;
    if (j->soul_n == SOULS_MAX)
        abort();
    struct soul *s = &j->soul[j->soul_n];
    memcpy(s->key, self->key, KEY_SIZE);
    memcpy(s->id, self->peer_id, PEER_ID_SIZE);
    s->lineage = life->lineage;
    life->soul = (uint32_t)j->soul_n++;
}

/* --- an origin's own */

/* Each life that others can meet has a boot number above all former ones. */
static void judge_boot(struct judge *j, const struct node *n, const struct view_self *self)
{
    struct life *life = &j->life[n->index];
    if (self->boot <= life->boot_used && !life->reborn)
        world_break(j->world, "order: %s starts with boot %llu after %llu", n->name,
                    (unsigned long long)self->boot, (unsigned long long)life->boot_used);
    if (life->reborn)
        life->boot_used = 0;
    life->boot = self->boot;
}

static bool slot_allows(const struct slot *s, const struct fact *f)
{
    if (f->there == s->there && (!f->there || f->version == s->version))
        return true;
    return s->command != 0 && f->there == s->there_next &&
           (!f->there || f->version == s->version_next);
}

/* What was under way at a crash has happened, or never will; and what another disk says, or the
 * neighbours did, is what the operator now knows. */
static void slots_take(struct life *life, const struct fact *fact)
{
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        life->slot[i].there = fact[i].there;
        life->slot[i].version = fact[i].version;
    }
}

static void judge_promise(struct judge *j, const struct node *n, const struct fact *fact)
{
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        const struct slot *s = &j->life[n->index].slot[i];
        if (!slot_allows(s, &fact[i]))
            world_break(j->world,
                        "promise: %s key %zu is %s version %llu, acknowledged is %s version %llu",
                        n->name, i, fact[i].there ? "there," : "gone,",
                        (unsigned long long)fact[i].version, s->there ? "there," : "gone,",
                        (unsigned long long)s->version);
    }
}

/* The state is entered, or is the one that was entered for this head. */
static void judge_served(struct judge *j, const struct node *n, const struct stamp *at,
                         const struct fact *fact)
{
    const struct served *other, *s = ledger_find(&j->ledger, j->life[n->index].soul, at, &other);
    uint64_t hash = facts_hash(fact);
    if (s != NULL && s->facts != hash)
        world_break(j->world, "truth: %s answers otherwise than before at its own usn %llu",
                    n->name, (unsigned long long)at->usn);
    if (other != NULL && s == NULL && !soul_rivalled(j, n))
        world_break(j->world, "once: %s gives usn %llu to two states", n->name,
                    (unsigned long long)at->usn);
    if (s == NULL)
        shrink_own(j, n, at, hash);
}

/* Of another disk, and of a copy that runs, others may have heard what this one does not know. It
 * has nothing to learn from them when it has written above all that. */
static void judge_rivals(struct judge *j, struct life *life, const struct stamp *at, bool writes)
{
    struct soul *soul = &j->soul[life->soul];
    bool rivals = life->reborn;
    if (stamp_order(at, &soul->newest) > 0)
        soul->newest = *at;
    for (size_t i = 0; i < j->world->node_n; i++) {
        struct life *other = &j->life[i];
        if (other == life || other->soul != life->soul)
            continue;
        rivals = other->older = true;
        other->rival = soul->newest;
    }
    if (rivals)
        life->rival = soul->newest;
    bool above = at->epoch > life->rival.epoch ||
                 (at->epoch == life->rival.epoch && at->usn > life->rival.usn);
    life->older = rivals || (life->older && !(above && writes));
}

/* The operator's view of his own cluster. */
static void judge_own(struct judge *j, struct node *n)
{
    struct life *life = &j->life[n->index];
    struct view_self self;
    struct view_cluster own;
    view_self(n->ils, &self);
    view_cluster(n->ils, 0, &own);
    meet_self(j, n, &self);
    if (life->reborn)
        j->soul[life->soul].vague = true;
    if (life->restarted)
        judge_boot(j, n, &self);
    struct stamp at = stamp_of(own.epoch, own.usn, own.root);
    const struct fact *fact = soul_facts(j, n, life->soul, life->lineage, false);
    /* What it adopts it serves at once; the new epoch follows when the disk has it. */
    bool another = life->older && (at.epoch != life->own.epoch || self.writing != WRITING);
    const struct served *other;
    bool adopts = another && ledger_find(&j->ledger, life->soul, &at, &other) != NULL;
    if (!life->reborn && !another && !(life->restarted && life->adopts))
        judge_promise(j, n, fact);
    life->adopts = adopts; /* until that is written anew, a crash may take it back */
    if (life->restarted || another)
        slots_take(life, fact);
    for (size_t i = 0; life->restarted && i < JUDGE_KEYS; i++)
        life->slot[i].command = 0;
    if (life->restarted)
        shrink_restarted(j, life, n);
    if (stamp_order(&at, &life->own) < 0 && !life->reborn)
        world_break(j->world, "order: %s falls from usn %llu to %llu", n->name,
                    (unsigned long long)life->own.usn, (unsigned long long)at.usn);
    if (at.epoch != life->own.epoch && life->own.epoch != 0 && !life->reborn && !life->unsure &&
        !ends_may_renew(j, n))
        world_break(j->world, "order: %s begins another epoch", n->name);
    if (!adopts || life->restarted)
        life->own = at;
    judge_rivals(j, life, &at, self.writing == WRITING);
    life->restarted = life->reborn = false;
    if (at.epoch != 0)
        judge_served(j, n, &at, fact);
}

/* --- what is held of others */

/* hidden: nothing of others may be served at all, since the exchange is off here. */
static void judge_truth(struct judge *j, const struct node *n, uint32_t of, const struct stamp *at,
                        bool hidden, bool whole)
{
    const struct soul *soul = &j->soul[of];
    const struct served *other, *s = ledger_find(&j->ledger, of, at, &other);
    const struct fact *fact = soul_facts(j, n, of, soul->lineage, whole);
    size_t key = facts_first(fact);
    bool none = key == JUDGE_KEYS;
    if (none && (hidden || ends_over(j, n, of, at->epoch))) { /* it goes before another is there */
        j->held[n->index][of].loose = true;
        return;
    }
    if (at->epoch == 0 || at->root == j->nothing) { /* nothing is left of a plan, or shown of it */
        if (!(s != NULL && shrink_held(j, n, of, s, fact)) && !none)
            world_break(j->world, "truth: %s answers key %zu of n%u, whose head lists nothing",
                        n->name, key, soul->lineage);
        if (s == NULL) /* it was withheld: what was kept in its place went with it */
            j->held[n->index][of].kept = (struct stamp){0};
        return;
    }
    if (s == NULL)
        world_break(j->world, "truth: %s holds usn %llu of n%u, which never served it", n->name,
                    (unsigned long long)at->usn, soul->lineage);
    else if (!shrink_held(j, n, of, s, fact) && s->facts != facts_hash(fact))
        world_break(j->world, "truth: %s answers for n%u otherwise than it did at usn %llu",
                    n->name, soul->lineage, (unsigned long long)at->usn);
}

static void judge_held(struct judge *j, struct node *n, const struct view_row *c,
                       bool hidden, bool whole)
{
    uint32_t of = soul_of(j, c->key);
    if (of == 0) {
        world_break(j->world, "truth: %s shows a cluster that nobody is", n->name);
        return;
    }
    struct held *h = &j->held[n->index][of];
    struct stamp at = stamp_of(c->epoch, c->usn, c->root);
    bool same = h->incarnation == n->incarnation;
    if (same && h->at.epoch != 0 && c->epoch == 0 && !ends_over(j, n, of, h->at.epoch))
        world_break(j->world, "keep: %s serves nothing of n%u any more", n->name,
                    j->soul[of].lineage);
    if (same && c->epoch != 0 && stamp_order(&at, &h->at) < 0)
        world_break(j->world, "order: %s falls from usn %llu to %llu of n%u", n->name,
                    (unsigned long long)h->at.usn, (unsigned long long)c->usn,
                    j->soul[of].lineage);
    if (!same || stamp_order(&at, &h->at) != 0 || whole)
        judge_truth(j, n, of, &at, hidden, whole);
    bool moved = !same || stamp_order(&at, &h->at) != 0;
    policy_held(j, n, of, c, moved);
    if (same && moved && c->epoch != 0)
        judge_admission(j, n, of, c);
    h->incarnation = n->incarnation;
    h->looked = j->world->events;
    h->at = at;
}

/* Now and then all that is served is compared anew; of a large table a part, in turn. */
#define ROWS_WHOLE 12

static void judge_stepped(void *context, struct node *n, const struct ils_event *event)
{
    struct judge *j = context;
    struct life *life = &j->life[n->index];
    struct view_row c;
    const void *row = NULL;
    if (event->type == ILS_EV_START)
        life->dirty = life->restarted = true;
    if (!life->dirty || event->type == ILS_EV_ROW)
        return;
    life->dirty = false;
    if (n->ils == NULL || view_plan(n->ils) == NULL)
        return;
    judge_holds(j, n);
    struct view_self self;
    judge_own(j, n);
    view_self(n->ils, &self);
    policy_own(j, n, &self);
    bool alone = self.role == ROLE_STANDALONE;
    if (alone) { /* who leaves forgets the network when the disk has it; others do not */
        memset(j->held[n->index], 0, SOULS_MAX * sizeof(struct held));
        shrink_loosen(j, n);
    }
    uint64_t at = j->world->events, parts = 1 + j->world->node_n / ROWS_WHOLE;
    for (size_t i = 1; !alone && view_next(n->ils, &row, &c); i++)
        judge_held(j, n, &c, !self.exchange, at % 16 == 0 && i % parts == at / 16 % parts);
    judge_ends(j, n, alone);
    if (at % 16 == 0 || j->world->calm)
        choice_judged(j, n);
}

/* --- what the storm says */

struct judge *judge_new(struct world *w, bool strict)
{
    struct judge *j = grow_zero(sizeof *j);
    j->world = w;
    j->strict = strict;
    j->soul_n = 1;
    j->nothing = stamp_nothing();
    j->mem = (struct mem){.resize = judge_resize, .budget = SIZE_MAX};
    arena_init(&j->arena, &j->mem);
    for (unsigned i = 0; i < NODES_MAX; i++)
        j->life[i].lineage = i;
    w->observer = (struct observer){.context = j, .action = judge_action,
                                    .stepped = judge_stepped};
    w->net.watched = wire_watched;
    w->net.watcher = j;
    return j;
}

void judge_free(struct judge *j)
{
    for (size_t i = 0; i < NODES_MAX; i++)
        free(j->held[i]);
    for (size_t i = 0; i < NODES_MAX; i++)
        free(j->answered[i]);
    for (size_t i = 0; i < NODES_MAX; i++)
        free(j->life[i].met);
    ledger_done(&j->ledger);
    arena_done(&j->arena);
    free(j);
}

bool judge_change(struct judge *j, struct node *n, size_t key, bool put)
{
    struct life *life = &j->life[n->index];
    struct slot *s = &life->slot[key];
    char text[64], version[24];
    if (s->command != 0)
        return false;
    s->there_next = put;
    s->version_next = put ? ++j->version : 0;
    s->command = n->command + 1; /* what node_command will choose */
    fact_key(life->lineage, key, text, sizeof text);
    snprintf(version, sizeof version, "%llu", (unsigned long long)s->version_next);
    op_plan(n, put, text, version);
    return true;
}

void judge_reborn(struct judge *j, struct node *n, const struct node *original)
{
    struct life *life = &j->life[n->index];
    if (original != NULL) {
        life->lineage = j->life[original->index].lineage;
        life->soul = 0;
        met_copied(life, &j->life[original->index]);
        j->life[original->index].unsure = true;
    }
    shrink_loosen(j, n);
    life->own = (struct stamp){0};
    memset(life->banned, 0, sizeof life->banned);
    life->reborn = life->unsure = true;
    judge_excuse(j, EXCUSE_DOUBLE);
}

void judge_unsure(struct judge *j, struct node *n)
{
    j->life[n->index].unsure = true;
}

void judge_out(struct judge *j, struct node *n, bool out)
{
    j->life[n->index].out = out;
}

bool judge_is_gone(const struct judge *j, const uint8_t key[static KEY_SIZE])
{
    uint32_t soul = soul_of(j, key);
    if (soul == 0 || j->soul[soul].fate == FATE_LIVES)
        return false;
    for (size_t i = 0; i < j->world->node_n; i++)
        if (j->life[i].soul == soul)
            return false;
    return true; /* its end may be known to nobody any more: whoever had the record has left */
}

void judge_forgets(struct judge *j, const uint8_t key[static KEY_SIZE])
{
    j->soul[soul_of(j, key)].ended = true;
}

bool judge_is_double(const struct judge *j, const struct node *n)
{
    for (size_t i = 0; i < n->index; i++)
        if (j->life[i].soul == j->life[n->index].soul && !j->life[i].out)
            return true;
    return false;
}

bool judge_is_out(const struct judge *j, const struct node *n)
{
    return j->life[n->index].out;
}

void judge_fate(struct judge *j, const struct node *n, enum fate fate)
{
    struct soul *s = &j->soul[j->life[n->index].soul];
    s->fate = fate;
    s->ended = s->ended || fate != FATE_LIVES;
}

void judge_excuse(struct judge *j, enum excuse excuse)
{
    j->excused |= excuse;
}

bool judge_penalised(const struct judge *j)
{
    return j->world->now < j->penalised;
}

uint64_t judge_acknowledged(const struct judge *j)
{
    return j->acknowledged;
}

uint64_t judge_dials(const struct judge *j)
{
    return j->dials;
}

uint64_t judge_zombies(const struct judge *j)
{
    return j->zombies;
}
