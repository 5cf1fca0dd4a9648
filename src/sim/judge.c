/* judge: see judge.h. Each node is an origin with JUDGE_KEYS keys of its own (a few of which all
 * origins share). A value is a version number, carried as the PSTN failover number, so that every
 * PUT can be told from every other. */
#include "sim/judge.h"

#include "core/view.h"
#include "plan/lookup.h"
#include "sim/grow.h"
#include "sim/ops.h"

#define SHARED_FROM (JUDGE_KEYS - 4)
#define WHOLE_EVERY 16 /* of so many steps that change something, one is followed by all keys */
#define ALL_KEYS    (UINT32_MAX >> (32 - JUDGE_KEYS))

struct fact {
    bool there;
    uint64_t version;
    uint64_t usn; /* of the record */
};

struct snapshot {
    uint64_t usn;
    struct fact fact[JUDGE_KEYS];
};

/* What the operator knows of one key. */
struct slot {
    bool there;
    uint64_t version;
    uint64_t command;  /* of the change under way, 0 = none */
    bool there_next;
    uint64_t version_next;
};

struct origin {
    struct slot slot[JUDGE_KEYS];
    struct fact own[JUDGE_KEYS]; /* what it answered when it was asked last, at `usn` */
    struct snapshot *snap; /* by rising USN */
    size_t snap_n, snap_size;
    uint64_t usn;          /* the highest it served itself */
    uint64_t seen;         /* the highest that anybody else served */
    uint64_t boot;         /* of this incarnation */
    uint64_t boot_used;    /* the highest that others could meet */
    bool restarted;
};

struct held {
    uint64_t usn, incarnation;
};

struct judge {
    struct world *world;
    struct node *hub;
    bool strict;
    struct origin origin[NODES_MAX];
    struct held held[NODES_MAX][NODES_MAX]; /* [holder][origin] */
    bool dirty[NODES_MAX];
    uint64_t version, acknowledged, dials;
    struct mem mem;
    struct arena arena;
    char text[256];
};

static void *judge_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return grow(p, new_size);
}

static void key_text(const struct node *n, size_t key, char *dst, size_t size)
{
    if (key >= SHARED_FROM)
        snprintf(dst, size, "pool%zu@pool.example", key);
    else if (key % 3 == 0)
        snprintf(dst, size, "u%zu@%s", key, n->host);
    else if (key % 3 == 1)
        snprintf(dst, size, "+81%02u%03zu", n->index, key);
    else
        snprintf(dst, size, "8%02u%03zu", n->index, key);
}

static uint64_t version_of(const struct failover *f)
{
    uint64_t v = 0;
    slice_to_u64(f->digits, UINT64_MAX / 2, &v);
    return v;
}

/* What holder answers about origin's keys: those of the set, a bit each. */
static void facts_read(struct judge *j, const struct node *holder, const struct node *origin,
                       uint32_t keys, struct fact fact[static JUDGE_KEYS])
{
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        char key[64];
        struct lookup l;
        if ((keys >> i & 1) == 0)
            continue;
        fact[i] = (struct fact){0};
        key_text(origin, i, key, sizeof key);
        arena_reset(&j->arena);
        plan_lookup(view_plan(holder->ils), view_routes(holder->ils), &j->arena, slice_of(key), &l);
        for (size_t k = 0; k < l.match_n; k++)
            if (memcmp(l.match[k].key, origin->key, KEY_SIZE) == 0) {
                fact[i].there = true;
                fact[i].version = version_of(&l.match[k].failover);
                fact[i].usn = l.match[k].usn;
            }
    }
}

static struct snapshot *snapshot_find(struct origin *o, uint64_t usn)
{
    for (size_t i = o->snap_n; i > 0 && o->snap[i - 1].usn >= usn; i--)
        if (o->snap[i - 1].usn == usn)
            return &o->snap[i - 1];
    return NULL;
}

/* The keys of which two heads of one origin say different things. */
static uint32_t facts_between(const struct snapshot *a, const struct snapshot *b)
{
    uint32_t ret = 0;
    for (size_t i = 0; i < JUDGE_KEYS; i++)
        if (a->fact[i].there != b->fact[i].there || a->fact[i].usn != b->fact[i].usn)
            ret |= 1u << i;
    return ret;
}

static bool facts_equal(const struct fact *a, const struct fact *b, size_t *ret_key)
{
    for (size_t i = 0; i < JUDGE_KEYS; i++)
        if (a[i].there != b[i].there || a[i].version != b[i].version || a[i].usn != b[i].usn) {
            *ret_key = i;
            return false;
        }
    return true;
}

static void snapshot_keep(struct judge *j, struct node *n, uint64_t usn, const struct fact *fact)
{
    struct origin *o = &j->origin[n->index];
    struct snapshot *s = snapshot_find(o, usn);
    size_t key = 0;
    if (s != NULL && facts_equal(s->fact, fact, &key))
        return;
    if (s != NULL && o->seen >= usn)
        world_break(j->world, "once: %s gives usn %llu to two states, key %zu", n->name,
                    (unsigned long long)usn, key);
    if (s == NULL) {
        if (o->snap_n == o->snap_size) {
            o->snap_size = o->snap_size == 0 ? 64 : o->snap_size * 2;
            o->snap = grow(o->snap, o->snap_size * sizeof *o->snap);
        }
        s = &o->snap[o->snap_n++];
    }
    s->usn = usn;
    memcpy(s->fact, fact, sizeof s->fact);
}

static bool slot_allows(const struct slot *s, const struct fact *f)
{
    if (f->there == s->there && (!f->there || f->version == s->version))
        return true;
    return s->command != 0 && f->there == s->there_next &&
           (!f->there || f->version == s->version_next);
}

/* Each life that others can meet has a boot number above all former ones. */
static void judge_boot(struct judge *j, const struct node *n)
{
    struct origin *o = &j->origin[n->index];
    struct view_self self;
    view_self(n->ils, &self);
    if (self.boot <= o->boot_used)
        world_break(j->world, "order: %s starts with boot %llu after %llu", n->name,
                    (unsigned long long)self.boot, (unsigned long long)o->boot_used);
    o->boot = self.boot;
}

/* The operator's view of his own cluster. */
static void judge_own(struct judge *j, struct node *n)
{
    struct origin *o = &j->origin[n->index];
    struct fact fact[JUDGE_KEYS];
    struct view_self self;
    view_self(n->ils, &self);
    if (o->restarted)
        judge_boot(j, n);
    bool whole = o->restarted || self.usn != o->usn || j->world->events % WHOLE_EVERY == 0;
    if (whole)
        facts_read(j, n, n, ALL_KEYS, o->own);
    memcpy(fact, o->own, sizeof fact);
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        struct slot *s = &o->slot[i];
        if (!slot_allows(s, &fact[i]))
            world_break(j->world,
                        "promise: %s key %zu is %s version %llu, acknowledged is %s version %llu",
                        n->name, i, fact[i].there ? "there," : "gone,",
                        (unsigned long long)fact[i].version, s->there ? "there," : "gone,",
                        (unsigned long long)s->version);
        if (o->restarted) { /* what was under way at the crash has happened, or never will */
            s->there = fact[i].there;
            s->version = fact[i].version;
            s->command = 0;
        }
    }
    o->restarted = false;
    if (self.usn < o->usn)
        world_break(j->world, "order: %s falls from usn %llu to %llu", n->name,
                    (unsigned long long)o->usn, (unsigned long long)self.usn);
    o->usn = self.usn;
    snapshot_keep(j, n, self.usn, fact);
}

static struct node *node_by_key(const struct judge *j, const uint8_t *key)
{
    for (size_t i = 0; i < j->world->node_n; i++)
        if (j->world->node[i]->has_key && memcmp(j->world->node[i]->key, key, KEY_SIZE) == 0)
            return j->world->node[i];
    return NULL;
}

/* The keys that differ between the head that was held last, at usn `from`, and this one; all of
 * them where there is none, or where it is asked for. */
static void judge_truth(struct judge *j, struct node *n, struct node *of, uint64_t from,
                        uint64_t usn, bool whole)
{
    static const struct fact nothing[JUDGE_KEYS];
    struct fact fact[JUDGE_KEYS];
    struct snapshot *s = snapshot_find(&j->origin[of->index], usn);
    struct snapshot *former = whole ? NULL : snapshot_find(&j->origin[of->index], from);
    size_t key = 0;
    if (s == NULL && usn != 0) {
        world_break(j->world, "truth: %s holds usn %llu of %s, which never served it", n->name,
                    (unsigned long long)usn, of->name);
        return;
    }
    memcpy(fact, s == NULL ? nothing : s->fact, sizeof fact);
    facts_read(j, n, of, s == NULL || former == NULL ? ALL_KEYS : facts_between(former, s), fact);
    if (!facts_equal(fact, s == NULL ? nothing : s->fact, &key))
        world_break(j->world,
                    "truth: %s answers key %zu of %s with %s version %llu usn %llu at head %llu",
                    n->name, key, of->name, fact[key].there ? "there," : "gone,",
                    (unsigned long long)fact[key].version, (unsigned long long)fact[key].usn,
                    (unsigned long long)usn);
}

static void judge_held(struct judge *j, struct node *n, const struct view_cluster *c, bool whole)
{
    struct node *of = node_by_key(j, c->key);
    if (of == NULL) {
        world_break(j->world, "truth: %s shows a cluster that nobody is", n->name);
        return;
    }
    struct held *h = &j->held[n->index][of->index];
    bool same = h->incarnation == n->incarnation;
    if (same && c->usn < h->usn)
        world_break(j->world, "order: %s falls from usn %llu to %llu of %s", n->name,
                    (unsigned long long)h->usn, (unsigned long long)c->usn, of->name);
    if (c->usn > j->origin[of->index].seen)
        j->origin[of->index].seen = c->usn;
    if (!same || h->usn != c->usn || whole)
        judge_truth(j, n, of, h->usn, c->usn, whole || !same);
    *h = (struct held){c->usn, n->incarnation};
}

static void judge_stepped(void *context, struct node *n, const struct ils_event *event)
{
    struct judge *j = context;
    struct view_cluster c;
    if (event->type == ILS_EV_START)
        j->dirty[n->index] = j->origin[n->index].restarted = true;
    if (!j->dirty[n->index] || event->type == ILS_EV_ROW)
        return;
    j->dirty[n->index] = false;
    if (n->ils == NULL || view_plan(n->ils) == NULL)
        return;
    judge_own(j, n);
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++)
        judge_held(j, n, &c, j->world->events % WHOLE_EVERY == 0);
}

/* --- what is told */

static bool nonsense(enum code code)
{
    switch (code) {
    case CODE_PASSWORD_DIFFERS:
    case CODE_PASSWORD_MISSING:
    case CODE_GENERATION_UNKNOWN:
    case CODE_POINT_INVALID:
    case CODE_VERSION:
    case CODE_OTHER_NETWORK:
    case CODE_CAPABILITY:
    case CODE_PENALTY:
    case CODE_PROTOCOL:
    case CODE_PROOF:
    case CODE_FULL:
    case CODE_DUPLICATE_ID:
    case CODE_CLONE:
    case CODE_ITSELF:
        return true;
    default:
        return false;
    }
}

static void judge_reply(struct judge *j, struct node *n, const struct ils_action *a)
{
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        struct slot *s = &j->origin[n->index].slot[i];
        if (s->command != a->command || a->command == 0)
            continue;
        s->command = 0;
        j->dirty[n->index] = true;
        if (a->reply == REPLY_OK) {
            s->there = s->there_next;
            s->version = s->version_next;
            j->acknowledged++;
        } else if (a->reply == REPLY_NOT_THERE && !s->there_next && !s->there) {
            j->acknowledged++;
        } else if (a->reply != REPLY_STORE && a->reply != REPLY_MEMORY) {
            world_break(j->world, "promise: %s refuses a change of its plan", n->name);
        }
    }
}

static void judge_action(void *context, struct node *n, const struct ils_action *a)
{
    struct judge *j = context;
    if (a->type == ILS_DO_PUBLISH)
        j->dirty[n->index] = true;
    if (a->type == ILS_DO_OPEN)
        j->dials++;
    if (a->type == ILS_DO_SEND)
        j->origin[n->index].boot_used = j->origin[n->index].boot;
    if (a->type == ILS_DO_REPLY)
        judge_reply(j, n, a);
    if (a->type == ILS_DO_VERDICT && nonsense(a->verdict.code))
        world_break(j->world, "honesty: %s says ILS-%u of an honest cluster", n->name,
                    (unsigned)a->verdict.code);
    if (a->type != ILS_DO_TRACE)
        return;
    if (a->trace.event == EVENT_HEAD_REJECTED &&
        slice_eq(a->trace.text[0], slice_of("its segments are gone"))) {
        if (j->strict)
            world_break(j->world, "retention: %s asks in time for segments that are gone", n->name);
        return;
    }
    if (a->trace.event == EVENT_HEAD_REJECTED || a->trace.event == EVENT_DIGEST_DIFFERS ||
        (a->trace.event == EVENT_LINK_ENDED && nonsense(a->trace.code)))
        world_break(j->world, "honesty: %s finds fault with an honest cluster, ILS-%u", n->name,
                    (unsigned)a->trace.code);
}

struct judge *judge_new(struct world *w, struct node *hub, bool strict)
{
    struct judge *j = grow_zero(sizeof *j);
    j->world = w;
    j->hub = hub;
    j->strict = strict;
    j->mem = (struct mem){.resize = judge_resize, .budget = SIZE_MAX};
    arena_init(&j->arena, &j->mem);
    w->observer = (struct observer){.context = j, .action = judge_action,
                                    .stepped = judge_stepped};
    return j;
}

void judge_free(struct judge *j)
{
    for (size_t i = 0; i < NODES_MAX; i++)
        free(j->origin[i].snap);
    arena_done(&j->arena);
    free(j);
}

bool judge_change(struct judge *j, struct node *n, size_t key, bool put)
{
    struct slot *s = &j->origin[n->index].slot[key];
    char text[64], version[24];
    if (s->command != 0)
        return false;
    s->there_next = put;
    s->version_next = put ? ++j->version : 0;
    s->command = n->command + 1; /* what node_command will choose */
    key_text(n, key, text, sizeof text);
    snprintf(version, sizeof version, "%llu", (unsigned long long)s->version_next);
    op_plan(n, put, text, version);
    return true;
}

/* --- calm */

static const char *unsettled(struct judge *j, const struct node *n, const struct node *of,
                             const char *what)
{
    snprintf(j->text, sizeof j->text, "%s of %s: %s", n->name, of->name, what);
    return j->text;
}

static const char *row_unsettled(struct judge *j, const struct node *n, const struct node *of,
                                 const struct view_cluster *c)
{
    struct fact theirs[JUDGE_KEYS];
    const struct origin *o = &j->origin[of->index];
    if (c->usn != o->usn)
        return unsettled(j, n, of, c->usn < o->usn ? "behind" : "ahead of its origin");
    if (c->status != SYNC_UP_TO_DATE)
        return unsettled(j, n, of, "does not say that it is up to date");
    if (c->stale)
        return unsettled(j, n, of, "stale");
    facts_read(j, n, of, ALL_KEYS, theirs);
    for (size_t i = 0; i < JUDGE_KEYS; i++) {
        const struct slot *s = &o->slot[i];
        if (s->command != 0)
            return unsettled(j, of, of, "a change was never answered");
        if (theirs[i].there != s->there || (s->there && theirs[i].version != s->version))
            return unsettled(j, n, of, "an entry differs");
    }
    return NULL;
}

static const char *node_unsettled(struct judge *j, const struct node *n)
{
    bool seen[NODES_MAX] = {false};
    struct view_cluster c;
    for (size_t i = 0; view_cluster(n->ils, i, &c); i++) {
        struct node *of = node_by_key(j, c.key);
        if (of == NULL)
            return unsettled(j, n, n, "a cluster that nobody is");
        if (seen[of->index])
            return unsettled(j, n, of, "two rows");
        seen[of->index] = true;
        const char *what = row_unsettled(j, n, of, &c);
        if (what != NULL)
            return what;
    }
    for (size_t i = 0; i < j->world->node_n; i++)
        if (!seen[i])
            return unsettled(j, n, j->world->node[i], "not known");
    return NULL;
}

static const char *shape_unsettled(struct judge *j)
{
    struct world *w = j->world;
    for (size_t i = 0; i < w->node_n; i++) {
        for (size_t k = 0; k < i; k++) {
            size_t wanted = w->node[i] == j->hub || w->node[k] == j->hub ? 1 : 0;
            if (net_count(&w->net, w->node[i], w->node[k]) != wanted)
                return unsettled(j, w->node[i], w->node[k], "not the links it should have");
        }
    }
    return NULL;
}

const char *judge_unsettled(struct judge *j)
{
    for (size_t i = 0; i < j->world->node_n; i++) {
        const struct node *n = j->world->node[i];
        if (n->ils == NULL)
            return unsettled(j, n, n, "down");
        if (n->disk.first != NULL)
            return unsettled(j, n, n, "a batch waits for the disk");
        const char *what = node_unsettled(j, n);
        if (what != NULL)
            return what;
    }
    return j->hub == NULL ? NULL : shape_unsettled(j);
}

uint64_t judge_acknowledged(const struct judge *j)
{
    return j->acknowledged;
}

uint64_t judge_dials(const struct judge *j)
{
    return j->dials;
}
