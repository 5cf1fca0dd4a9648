/* waiting: operators' changes of the own dial plan, in the order they came, and the judging of
 * each, in steps. A change that replaces a source is completed here: what the source held and no
 * longer holds is deleted. */
#include "core/core.h"

void waiting_free(struct ils *ils, struct waiting *w)
{
    list_remove(&w->node);
    arena_done(&w->arena);
    mem_free(ils->mem, w, sizeof *w);
}

/* The name as w has it; {NULL, 0} when w has it not. */
static struct slice source_find(const struct waiting *w, struct slice name)
{
    for (size_t i = 0; i < w->source_n; i++) {
        if (slice_eq(w->sources[i], name))
            return w->sources[i];
    }
    return slice_make(NULL, 0);
}

static bool has_source(const struct waiting *w, struct slice name)
{
    return slice_eq(w->source, name) || source_find(w, name).n > 0;
}

/* The names of all sources of a command whose changes have their own. */
static enum reply take_sources(struct waiting *w, const struct command *c, struct slice *ret_text)
{
    if (!c->sourced)
        return REPLY_OK;
    w->sources = arena_alloc(&w->arena, CHANGE_SOURCES_MAX * sizeof *w->sources);
    if (w->sources == NULL)
        return REPLY_MEMORY;
    w->sources[w->source_n++] = w->source;
    struct slice last = w->source;
    for (size_t i = 0; i < c->change_n; i++) {
        struct slice name = c->change[i].source;
        if (slice_eq(name, last) || source_find(w, name).n > 0)
            continue;
        *ret_text = name;
        if (name.n == 0 || name.n > SOURCE_MAX || !slice_is_utf8(name) ||
            w->source_n == CHANGE_SOURCES_MAX)
            return REPLY_TEXT_TOO_LONG;
        last = arena_copy(&w->arena, name);
        w->sources[w->source_n++] = last;
    }
    return w->arena.failed ? REPLY_MEMORY : REPLY_OK;
}

static struct slice source_of(struct waiting *w, struct slice name)
{
    return w->meant         ? arena_copy(&w->arena, name)
           : w->source_n > 0 ? source_find(w, name)
                             : w->source;
}

static bool copy_changes(struct waiting *w, const struct command *c)
{
    struct arena *a = &w->arena;
    w->lent = c->lent;
    w->change_n = c->change_n;
    w->change = c->lent ? (struct change *)(uintptr_t)c->change /* nobody writes it */
                        : arena_alloc(a, (c->change_n + 1) * sizeof *w->change);
    if (w->change == NULL || c->lent)
        return w->change != NULL;
    for (size_t i = 0; i < c->change_n; i++) {
        const struct change *from = &c->change[i];
        w->change[i] = (struct change){.put = from->put, .kind = from->kind,
                                       .user = arena_copy(a, from->user),
                                       .domain = arena_copy(a, from->domain),
                                       .value = arena_copy(a, from->value),
                                       .source = source_of(w, from->source)};
    }
    return !a->failed;
}

/* What the command wants, copied into w, whose arena is ready. */
static enum reply take(const struct ils *ils, struct waiting *w, const struct command *c,
                       struct slice *ret_text)
{
    *ret_text = slice_make(NULL, 0);
    if (ils->cluster_id.n == 0)
        return REPLY_NOT_INITIALISED;
    if (c->source.n > SOURCE_MAX || !slice_is_utf8(c->source)) {
        *ret_text = c->source;
        return REPLY_TEXT_TOO_LONG;
    }
    w->command = c->id;
    w->type = c->type;
    w->number = c->stream == 0 ? STREAM_PLAN : c->stream;
    w->name = arena_copy(&w->arena, c->cluster_id);
    w->route_string = arena_copy(&w->arena, c->route_string);
    w->description = arena_copy(&w->arena, c->description);
    w->cluster = arena_copy(&w->arena, c->cluster);
    w->replace = c->replace;
    w->force = c->force || c->confirm != 0;
    w->meant = c->undoes != 0 || c->undoes_to;
    w->confirm = c->confirm;
    w->undoes = c->undoes;
    w->undoes_to = c->undoes_to;
    w->undoes_more = c->undoes_more;
    w->last = c->last;
    w->who = arena_copy(&w->arena, c->who);
    w->what = arena_copy(&w->arena, c->what);
    w->source = arena_copy(&w->arena, c->source);
    enum reply reply = take_sources(w, c, ret_text);
    if (reply != REPLY_OK)
        return reply;
    return copy_changes(w, c) ? REPLY_OK : REPLY_MEMORY;
}

void waiting_add(struct ils *ils, const struct command *c)
{
    struct slice text;
    struct waiting *w = mem_alloc(ils->mem, sizeof *w);
    if (w == NULL) {
        command_reply(ils, c->id, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    arena_init(&w->arena, ils->mem);
    list_add(&ils->waiting, &w->node);
    enum reply reply = take(ils, w, c, &text);
    if (reply != REPLY_OK) {
        waiting_free(ils, w);
        command_reply(ils, c->id, reply, text);
    }
}

/* --- what a replacement leaves out */

/* Room for a set of the keys that are kept. */
static bool keys_begin(struct keys *k, const struct plan *plan, struct arena *a, size_t n)
{
    size_t size = 16;
    k->secret = plan_secret(plan);
    while (size < n * 2)
        size *= 2;
    k->mask = size - 1;
    k->slot = arena_alloc(a, size * sizeof *k->slot);
    return k->slot != NULL;
}

static void keys_put(struct keys *k, const struct change *change, size_t i)
{
    const struct change *c = &change[i];
    size_t at = key_hash(k->secret, c->kind, c->user, c->domain) & k->mask;
    while (k->slot[at] != 0)
        at = (at + 1) & k->mask;
    k->slot[at] = (uint32_t)i + 1;
}

static bool keys_have(const struct keys *k, const struct change *change, const struct record *r)
{
    size_t at = key_hash(k->secret, r->kind, r->user, r->domain) & k->mask;
    for (; k->slot[at] != 0; at = (at + 1) & k->mask) {
        const struct change *c = &change[k->slot[at] - 1];
        if (c->kind == r->kind && slice_eq(c->user, r->user) && slice_eq(c->domain, r->domain))
            return true;
    }
    return false;
}

struct removing {
    struct judging *j;
    const struct waiting *w;
};

static bool goes(void *context, const struct record *r)
{
    const struct removing *x = context;
    return has_source(x->w, r->source) && !keys_have(&x->j->keys, x->w->change, r);
}

static bool remove_one(void *context, const struct record *r)
{
    struct judging *j = ((struct removing *)context)->j;
    struct change *change = arena_alloc(j->arena, sizeof *change);
    if (j->removal_n == j->removal_size) {
        size_t size = j->removal_size == 0 ? 64 : j->removal_size * 2;
        const struct change **all = arena_alloc(j->arena, size * sizeof(struct change *));
        if (all != NULL && j->removal_n > 0)
            memcpy(all, j->removal, j->removal_n * sizeof(struct change *));
        j->removal_size = size;
        j->removal = all;
    }
    j->failed = change == NULL || j->removal == NULL;
    if (j->failed)
        return false;
    *change = (struct change){.kind = r->kind, .user = r->user, .domain = r->domain};
    j->removal[j->removal_n++] = change;
    return true;
}

/* A source that suddenly gives little is rather broken than small. */
static bool shrinks(const struct waiting *w, size_t removed)
{
    return !w->force && removed >= SHRINK_LEAST && removed > w->kept;
}

static struct slice shrink_text(struct arena *a, uint64_t removed, uint64_t held)
{
    struct buf b;
    buf_init(&b, a->mem, 64);
    buf_put_decimal(&b, removed);
    buf_put_text(&b, " of ");
    buf_put_decimal(&b, held);
    struct slice text = arena_copy(a, buf_slice(&b));
    buf_done(&b);
    return text;
}

struct slice change_text(struct arena *a, const struct change *c)
{
    if (c->domain.n == 0)
        return c->user;
    uint8_t *p = arena_alloc(a, c->user.n + 1 + c->domain.n);
    if (p == NULL)
        return c->user;
    memcpy(p, c->user.p, c->user.n);
    p[c->user.n] = '@';
    memcpy(p + c->user.n + 1, c->domain.p, c->domain.n);
    return slice_make(p, c->user.n + 1 + c->domain.n);
}

/* --- in steps */

enum { JUDGE_BEGIN, JUDGE_CHANGES, JUDGE_KEYS, JUDGE_REMOVALS };

void judging_begin(struct judging *j, const struct catalog *catalog, struct arena *arena)
{
    *j = (struct judging){.catalog = catalog, .arena = arena};
}

/* What takes a change back was made of the log as it was, and may find that less is left to do. */
static enum reply judge_begin(const struct ils *ils, struct judging *j, struct waiting *w)
{
    w->ordered = true;
    w->kept = 0;
    j->phase = JUDGE_CHANGES;
    j->over = w->meant;
    if (w->meant)
        return w->last == ils->planlog.last ? REPLY_OK : REPLY_LOG_MOVED;
    return w->confirm != 0 && ils->planlog.confirm.number != 0 ? REPLY_CONFIRM_FIRST : REPLY_OK;
}

/* A key belongs to one source; a DEL must find its key. */
static enum reply judge_changes(struct judging *j, const struct plan *plan, struct waiting *w,
                                size_t *budget, struct slice *ret_text)
{
    bool empty = catalog_live(j->catalog) == 0;
    for (; j->at < w->change_n && *budget > 0; j->at++, --*budget) {
        const struct change *c = &w->change[j->at];
        struct record key = {.kind = c->kind, .user = c->user, .domain = c->domain}, now;
        bool there = !empty && catalog_find(j->catalog, &key, &now);
        if (w->lent && c->put && !has_source(w, c->source)) {
            *ret_text = c->source;
            return REPLY_TEXT_TOO_LONG;
        }
        if (c->put && there && !has_source(w, now.source)) {
            *ret_text = change_text(&w->arena, c);
            return REPLY_ENTRY_TAKEN;
        }
        w->kept += c->put && there;
        w->ordered = w->ordered && (j->at == 0 || change_order(c - 1, c) < 0);
        if (!c->put && !there) {
            *ret_text = change_text(&w->arena, c);
            return REPLY_NOT_THERE;
        }
    }
    if (j->at < w->change_n)
        return REPLY_OK;
    /* Each key once, and everything that is there among them: nothing is left out. */
    bool whole = w->ordered && catalog_live(j->catalog) == w->kept;
    j->over = !w->replace || whole || empty;
    j->phase = JUDGE_KEYS;
    j->place.sources = source_bit(w->source);
    for (size_t i = 0; i < w->source_n; i++)
        j->place.sources |= source_bit(w->sources[i]);
    j->at = 0;
    return j->over || keys_begin(&j->keys, plan, j->arena, w->change_n) ? REPLY_OK : REPLY_MEMORY;
}

static enum reply judge_removals(struct judging *j, struct waiting *w, size_t *budget,
                                 struct slice *ret_text)
{
    struct removing x = {.j = j, .w = w};
    for (; j->phase == JUDGE_KEYS && j->at < w->change_n && *budget > 0; j->at++, --*budget)
        keys_put(&j->keys, w->change, j->at);
    if (j->at < w->change_n)
        return REPLY_OK;
    j->phase = JUDGE_REMOVALS;
    *budget -= catalog_walk_some(j->catalog, &j->place, *budget, goes, remove_one, &x);
    if (j->failed)
        return REPLY_MEMORY;
    j->over = j->place.over;
    if (!j->over || !shrinks(w, j->removal_n))
        return REPLY_OK;
    *ret_text = shrink_text(&w->arena, j->removal_n, j->removal_n + w->kept);
    return REPLY_SHRINKS;
}

/* Nothing is written any more: there is another copy of this cluster, or a neighbour has shown a
 * newer catalog of ours, and nobody is there to fetch it from. */
static enum reply standstill(const struct ils *ils)
{
    const struct stream *own = ils->own;
    if (ils->cloned)
        return REPLY_CLONED;
    if (stream_lost(own))
        return REPLY_PLAN_DAMAGED;
    if (own->rolled_back || ils->self->rolled_back || adopt_overdue(ils) ||
        (own->proved_older && own->fetch == FETCH_NONE && !own->renew))
        return REPLY_ROLLED_BACK;
    return REPLY_OK;
}

/* May it be done? When j->over, what it leaves out (replace) is j->removal. *ret_text lives with
 * w. */
enum reply judging_go_on(const struct ils *ils, struct judging *j, struct waiting *w,
                         size_t *budget, struct slice *ret_text)
{
    *ret_text = slice_make(NULL, 0);
    enum reply reply = standstill(ils);
    if (reply == REPLY_OK && j->phase == JUDGE_BEGIN)
        reply = judge_begin(ils, j, w);
    if (reply == REPLY_OK && !j->over && j->phase == JUDGE_CHANGES)
        reply = judge_changes(j, ils->plan, w, budget, ret_text);
    if (reply == REPLY_OK && !j->over && j->phase > JUDGE_CHANGES && *budget > 0)
        reply = judge_removals(j, w, budget, ret_text);
    return reply;
}

/* One of one's own that may be changed; NULL: there is none. */
static struct stream *stream_of(const struct ils *ils, const struct waiting *w)
{
    struct stream *s = w->number == STREAM_SELF ? NULL : stream_find(ils, ils->key, w->number);
    return s == ils->own || (s != NULL && catalogs_stands(s)) ? s : NULL;
}

static enum reply unknown(struct waiting *w, struct slice *ret_text)
{
    struct buf b;
    buf_init(&b, w->arena.mem, 24);
    buf_put_decimal(&b, w->number);
    *ret_text = arena_copy(&w->arena, buf_slice(&b));
    buf_done(&b);
    return REPLY_CATALOG_UNKNOWN;
}

/* One commit of a stream at a time; what catalogs there are changes with none under way. */
static bool has_turn(const struct ils *ils, const struct waiting *w)
{
    const struct stream *s = stream_of(ils, w);
    if (w->type != COMMAND_PLAN && w->type != COMMAND_PLAN_CONFIRM)
        return !catalogs_busy(ils);
    return s == NULL || !s->committing;
}

static void begin(struct ils *ils, struct waiting *w)
{
    struct slice text = slice_make(NULL, 0);
    struct stream *s = stream_of(ils, w);
    enum commit_kind kind = COMMIT_CHANGE;
    enum reply reply = standstill(ils);
    if (reply == REPLY_OK && w->meant && w->last != ils->planlog.last)
        reply = REPLY_LOG_MOVED;
    else if (reply == REPLY_OK && w->type == COMMAND_PLAN_CONFIRM)
        reply = planlog_waits(ils) ? REPLY_OK : REPLY_NOTHING_TO_CONFIRM;
    else if (reply == REPLY_OK && w->type != COMMAND_PLAN)
        reply = catalogs_judge(ils, w, &s, &kind, &text);
    else if (reply == REPLY_OK && s == NULL)
        reply = unknown(w, &text);
    if (kind == COMMIT_CHANGE && (w->meant || w->type == COMMAND_PLAN_CONFIRM))
        kind = COMMIT_CONFIRM;
    if (reply == REPLY_OK && w->type == COMMAND_PLAN) {
        if (commit_begin(ils, s, w, kind)) {
            commit_tick(ils);
            return;
        }
        reply = REPLY_MEMORY;
    } else if (reply == REPLY_OK) {
        int r = stream_commit_waiting(ils, s, w, kind);
        reply = r == 0 ? REPLY_OK : r == -2 ? REPLY_TOO_MANY : REPLY_MEMORY;
        if (r != 0 && catalogs_is(s) && !stream_held(s))
            fetch_forget(ils, s);
    }
    if (reply != REPLY_OK)
        command_reply(ils, w->command, reply, text);
    waiting_free(ils, w);
}

/* The changes whose turn has come, and those that are under way. */
void waiting_next(struct ils *ils)
{
    if (!ils->ready || (standstill(ils) == REPLY_OK && adopt_holds(ils, ils->own))) {
        commit_give_up(ils);
        return;
    }
    commit_tick(ils);
    list_each_safe(node, &ils->waiting) {
        struct waiting *w = list_entry(node, struct waiting, node);
        if (has_turn(ils, w))
            begin(ils, w);
    }
}

/* --- what a change would do */

/* catalog NULL: one that is to be made. */
static void preview_one(const struct catalog *catalog, struct view_preview *p,
                        const struct change *c)
{
    struct record key = {.kind = c->kind, .user = c->user, .domain = c->domain}, now;
    bool there = catalog != NULL && catalog_find(catalog, &key, &now);
    if (!c->put && !there)
        return;
    if (there && c->put && slice_eq(now.value, c->value) && slice_eq(now.source, c->source)) {
        p->unchanged++;
        return;
    }
    enum view_effect_what what = !there ? VIEW_ADDED : c->put ? VIEW_CHANGED : VIEW_REMOVED;
    p->effect[p->effect_n] = (struct view_effect){.what = what, .change = *c};
    if (there) {
        p->effect[p->effect_n].was_value = now.value;
        p->effect[p->effect_n].was_source = now.source;
    }
    p->effect_n++;
    p->n[what]++;
}

static bool preview_removed(void *context, const struct record *r)
{
    struct view_preview *p = context;
    p->effect[p->effect_n++] = (struct view_effect){
        .what = VIEW_REMOVED,
        .change = {.kind = r->kind, .user = r->user, .domain = r->domain},
        .was_value = r->value,
        .was_source = r->source,
    };
    p->n[VIEW_REMOVED]++;
    return p->effect_n < p->effect_size;
}

static enum reply preview_judge(const struct ils *ils, struct waiting *w, const struct stream *s,
                                struct judging *j, struct view_preview *ret)
{
    size_t all = SIZE_MAX;
    if (w->type == COMMAND_CATALOG_ADD) {
        const struct stream *now = catalogs_find(ils, w->name);
        if (w->meant && now != NULL && now->number == w->number) { /* it would go first */
            ret->route_string = w->route_string;
            return REPLY_OK;
        }
        return catalogs_judge_words(ils, w, NULL, &ret->route_string, &ret->text);
    }
    if (s == NULL)
        return REPLY_CATALOG_UNKNOWN;
    if (w->type == COMMAND_CATALOG_REMOVE)
        return REPLY_OK;
    judging_begin(j, s->catalog, &w->arena);
    enum reply reply = judging_go_on(ils, j, w, &all, &ret->text);
    ret->shrinks = reply == REPLY_SHRINKS;
    return ret->shrinks ? REPLY_OK : reply;
}

/* What is seen of the catalog by whoever asks what would be. */
static void preview_subject(const struct ils *ils, const struct waiting *w, const struct stream *s,
                            struct view_preview *ret)
{
    memcpy(ret->key, ils->key, KEY_SIZE);
    ret->number = s != NULL ? s->number : STREAM_CATALOGS;
    ret->name = s == NULL ? w->name
                : s->words != NULL ? text_slice(s->words->name) : text_slice(ils->cluster_id);
}

enum reply view_preview(const struct ils *ils, struct mem *mem, const struct command *c,
                        struct view_preview *ret)
{
    struct waiting w = {.command = 0};
    struct judging j = {.removal_n = 0};
    *ret = (struct view_preview){.unchanged = 0};
    arena_init(&w.arena, mem);
    enum reply reply = take(ils, &w, c, &ret->text);
    const struct stream *s = w.type == COMMAND_CATALOG_ADD      ? NULL
                             : w.type == COMMAND_CATALOG_REMOVE ? catalogs_find(ils, w.name)
                                                                : stream_of(ils, &w);
    if (reply == REPLY_OK)
        reply = preview_judge(ils, &w, s, &j, ret);
    preview_subject(ils, &w, s, ret);
    bool goes = w.type == COMMAND_CATALOG_REMOVE;
    ret->effect_size = reply != REPLY_OK ? 0
                       : goes            ? (size_t)catalog_live(s->catalog)
                                         : w.change_n + j.removal_n;
    if (reply == REPLY_OK)
        ret->effect = arena_alloc(&w.arena, (ret->effect_size + 1) * sizeof *ret->effect);
    if (ret->effect != NULL && goes && ret->effect_size != 0)
        catalog_walk(s->catalog, preview_removed, ret);
    for (size_t i = 0; ret->effect != NULL && !goes && i < w.change_n + j.removal_n; i++)
        preview_one(s == NULL ? NULL : s->catalog, ret,
                    i < w.change_n ? &w.change[i] : j.removal[i - w.change_n]);
    ret->arena = w.arena;
    return reply == REPLY_OK && ret->effect == NULL ? REPLY_MEMORY : reply;
}

void view_preview_free(struct view_preview *p)
{
    arena_done(&p->arena);
}
