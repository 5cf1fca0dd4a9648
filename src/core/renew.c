/* renew: another key, or another network, at the operator's word.
 *
 * A cluster that is a copy of another takes a new key: its plan is signed anew, under new names in
 * the store, the rows of the former key go, and all of that is one batch. Until it is durable the
 * cluster is the former one, without links; afterwards the new one. */
#include "core/core.h"

struct renewal {
    struct arena arena;   /* of the texts */
    uint64_t command;
    struct slice who, what, cluster_id, fqdn, route_string;
    struct own_change *own; /* a certificate for the new one, or NULL */
    uint8_t seed[SEED_SIZE];
    struct own_commit *commit[2]; /* of streams 0 and 1; NULL: there is none */
    bool storing;
};

enum reply renew_judge_id(const struct ils *ils, struct slice id)
{
    if (slice_eq_fold(id, slice_of(CLUSTER_ID_DEFAULT)))
        return REPLY_CLUSTER_ID_DEFAULT;
    if (!cluster_id_valid(id))
        return REPLY_CLUSTER_ID;
    return identity_holder(ils, id, ils->key) != NULL ? REPLY_CLUSTER_ID_TAKEN : REPLY_OK;
}

/* --- another key */

void identity_free(struct ils *ils)
{
    struct renewal *r = ils->renewal;
    if (r == NULL)
        return;
    for (size_t i = 0; i < 2; i++)
        own_commit_free(ils, r->commit[i]);
    own_change_free(ils, r->own);
    arena_done(&r->arena);
    crypto_wipe(r, sizeof *r);
    mem_free(ils->mem, r, sizeof *r);
    ils->renewal = NULL;
}

/* The route string follows the name where it was made of it. */
static enum reply judge(struct ils *ils, const struct command *c, struct command *ret_whole,
                        struct slice *ret_text)
{
    struct slice fqdn, route;
    enum reply reply = renew_judge_id(ils, c->cluster_id);
    *ret_text = c->cluster_id;
    if (ils->cluster_id.n == 0)
        return REPLY_NOT_INITIALISED;
    if (ils->leaving.phase != STAYING || ils->adopting != 0)
        return REPLY_BUSY_IDENTITY;
    if (ils->own_moving && c->own.leaf.der.n != 0)
        return REPLY_BUSY_CERTIFICATE;
    if (reply != REPLY_OK)
        return reply;
    *ret_whole = *c;
    if (c->fqdn.n == 0)
        ret_whole->fqdn = text_slice(ils->fqdn);
    ret_whole->description = slice_make(NULL, 0);
    ret_whole->route_string = slice_make(NULL, 0);
    if (!slice_eq(text_slice(ils->route_string), text_slice(ils->fqdn)))
        ret_whole->route_string = text_slice(ils->route_string);
    reply = command_names(ils, ret_whole, &fqdn, &route, ret_text);
    ret_whole->fqdn = fqdn;
    ret_whole->route_string = route;
    return reply;
}

static struct renewal *renewal_new(struct ils *ils, const struct command *c)
{
    struct renewal *r = mem_alloc(ils->mem, sizeof *r);
    if (r == NULL)
        return NULL;
    arena_init(&r->arena, ils->mem);
    r->command = c->id;
    r->who = arena_copy(&r->arena, c->who);
    r->what = arena_copy(&r->arena, c->what);
    r->cluster_id = arena_copy(&r->arena, c->cluster_id);
    r->fqdn = arena_copy(&r->arena, c->fqdn);
    r->route_string = arena_copy(&r->arena, c->route_string);
    ils->renewal = r;
    if (c->own.leaf.der.n != 0)
        r->own = own_renewal(ils, &c->own);
    if (!r->arena.failed && (r->own != NULL || c->own.leaf.der.n == 0))
        return r;
    identity_free(ils);
    return NULL;
}

/* Nobody is dialled or heard, and nothing is written, until the disk has spoken. */
void identity_command(struct ils *ils, const struct command *c)
{
    struct command whole;
    struct slice text;
    enum reply reply = judge(ils, c, &whole, &text);
    if (reply == REPLY_OK && renewal_new(ils, &whole) == NULL)
        reply = REPLY_MEMORY;
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    ils->ready = false;
    end_links(ils, CODE_GOING_DOWN);
}

static void answer(struct ils *ils, enum reply reply)
{
    command_reply(ils, ils->renewal->command, reply, slice_make(NULL, 0));
    identity_free(ils);
    ils->ready = !ils->stopped;
    dial_now(ils);
    mesh_now(ils);
}

static void names_set(struct ils *ils, const struct renewal *r)
{
    text_set(ils->cluster_id, r->cluster_id);
    text_set(ils->fqdn, r->fqdn);
    text_set(ils->route_string, r->route_string);
}

static void key_set(struct ils *ils, const uint8_t *seed)
{
    memcpy(ils->seed, seed, SEED_SIZE);
    crypto_keypair(ils->seed, ils->key, ils->secret);
    crypto_peer_id(ils->peer_id, ils->key);
}

/* The stream as it is, with these changes, in a new epoch of the new key. False: memory. */
static bool sign_anew(struct ils *ils, struct stream *s, const struct change *change, size_t n)
{
    struct own_commit **oc = &ils->renewal->commit[s->number];
    struct head next;
    if (!stream_held(s))
        return true;
    *oc = mem_alloc(ils->mem, sizeof **oc);
    if (*oc == NULL)
        return false;
    arena_init(&(*oc)->arena, ils->mem);
    list_init(&(*oc)->node);
    stream_next(ils, s, &next);
    next.epoch = stream_epoch(ils, 0);
    return origin_commit(&(*oc)->arena, s->catalog, &s->head, &next, change, n, ils->secret,
                         &(*oc)->commit) == 0;
}

static struct slice segment_of(const struct stream *s, const struct commit *c,
                               const struct line *line)
{
    for (size_t i = 0; i < c->segment_n; i++)
        if (memcmp(c->segment[i].line.name, line->name, HASH_SIZE) == 0)
            return c->segment[i].bytes;
    return catalog_segment(s->catalog, line->name);
}

/* What is stored under the former key goes, and all of it comes back under the new one. */
static void stream_rows(struct rows *rows, const struct stream *s, const uint8_t *former)
{
    struct ils *ils = rows->ils;
    struct arena *a = &ils->step;
    const struct own_commit *oc = ils->renewal->commit[s->number];
    struct slice lines = catalog_lines(s->catalog);
    struct line line;
    if (oc == NULL)
        return;
    for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
        manifest_line(lines, i, &line);
        rows_remove(rows, ROW_SEGMENT, stream_key_bytes(a, former, s->number, line.name));
    }
    rows_remove(rows, ROW_STREAM, stream_key_bytes(a, former, s->number, NULL));
    lines = oc->commit.lines;
    for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
        manifest_line(lines, i, &line);
        rows_put(rows, ROW_SEGMENT, stream_key_bytes(a, ils->key, s->number, line.name),
                 segment_of(s, &oc->commit, &line));
    }
    rows_put(rows, ROW_STREAM, stream_key_bytes(a, ils->key, s->number, NULL),
             stream_row(a, oc->commit.head_bytes, lines));
}

/* As the new one already: the caller goes back to the former one. */
static struct batch *store_new(struct ils *ils, const uint8_t *former)
{
    static const char *const over[] = {"withheld_self", "withheld_plan", "rolled_back_self",
                                       "rolled_back_plan"};
    struct renewal *r = ils->renewal;
    struct rows rows;
    size_t n = 0;
    const struct change *change = self_changes(ils, &n);
    if (change == NULL || !sign_anew(ils, ils->self, change, n) ||
        !sign_anew(ils, ils->own, NULL, 0))
        return NULL;
    rows_init(&rows, ils);
    rows_self(&rows);
    rows_setting(&rows, "seed", slice_make(r->seed, SEED_SIZE));
    rows_setting(&rows, "key", slice_make(ils->key, KEY_SIZE));
    rows_setting_u64(&rows, "boot", 1);
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++)
        rows_remove(&rows, ROW_SETTING, slice_of(over[i]));
    stream_rows(&rows, ils->self, former);
    stream_rows(&rows, ils->own, former);
    catalogs_drop_rows(&rows, former);
    if (r->own != NULL)
        own_renewal_rows(&rows, r->own);
    if (r->who.n != 0)
        rows_audit(&rows, r->who, r->what);
    struct batch *b = journal_store(&rows, BATCH_IDENTITY);
    if (b == NULL)
        ils->own_moving = ils->own_moving && r->own == NULL;
    return b;
}

static void begin(struct ils *ils)
{
    struct renewal *r = ils->renewal;
    struct settings now;
    uint8_t seed[SEED_SIZE], key[KEY_SIZE], former[PEER_ID_SIZE];
    settings_take(&now, ils);
    memcpy(former, ils->former, sizeof former);
    memcpy(ils->former, ils->peer_id, sizeof former);
    memcpy(seed, ils->seed, sizeof seed);
    memcpy(key, ils->key, sizeof key);
    fetch_drop(ils, ils->self);
    fetch_drop(ils, ils->own);
    ils_entropy(ils, r->seed, sizeof r->seed);
    names_set(ils, r);
    key_set(ils, r->seed);
    struct batch *b = store_new(ils, key);
    key_set(ils, seed);
    memcpy(ils->former, former, sizeof former);
    text_set(ils->cluster_id, text_slice(now.cluster_id));
    text_set(ils->fqdn, text_slice(now.fqdn));
    text_set(ils->route_string, text_slice(now.route_string));
    crypto_wipe(seed, sizeof seed);
    crypto_wipe(&now, sizeof now);
    if (b == NULL) {
        answer(ils, REPLY_MEMORY);
        return;
    }
    b->own = r->own;
    r->own = NULL;
    r->storing = true;
}

/* A commit that was under way when the command came is part of what is signed anew. */
void identity_tick(struct ils *ils)
{
    if (ils->renewal != NULL && !ils->renewal->storing && !ils->self->committing &&
        !ils->own->committing && !catalogs_busy(ils))
        begin(ils);
}

static void stream_begins(struct ils *ils, struct stream *s)
{
    const struct own_commit *oc = ils->renewal->commit[s->number];
    stream_rekey(ils, s, ils->key);
    buf_reset(&s->delta);
    buf_reset(&s->second);
    buf_reset(&s->withheld);
    memset(&s->withheld_head, 0, sizeof s->withheld_head);
    s->withheld_state = WITHHELD_MADE;
    s->proved_older = s->rolled_back = s->renew = s->rebuilding = s->theirs_left = false;
    s->rival = false;
    s->theirs_epoch = s->theirs_usn = s->beat_seen = 0;
    s->written = oc != NULL;
    if (oc == NULL)
        return;
    if (!stream_serve(ils, s, &oc->commit))
        ils->broken = true; /* durable, and not in memory: only a restart helps */
    else
        stream_served(ils, s);
    s->last_usn = ils->wall;
}

/* Whoever knew the former one knows nothing of this one. */
static void nobody_met(struct ils *ils)
{
    ils->dial.last_code = CODE_NONE;
    ils->mesh.has_hub = false;
    list_each(node, &ils->peers) {
        struct contact *c = &list_entry(node, struct peer, node)->contact;
        c->visited = false;
        c->attempts = 0;
        c->last_code = CODE_NONE;
    }
}

/* The disk has the new one whole. */
static void become(struct ils *ils)
{
    struct renewal *r = ils->renewal;
    struct slice as = arena_copy(&ils->step, text_slice(ils->refused_as));
    struct slice former = arena_copy(&ils->step, text_slice(ils->cluster_id));
    end_links(ils, CODE_GOING_DOWN);
    names_set(ils, r);
    catalogs_dropped(ils);
    memcpy(ils->former, ils->peer_id, PEER_ID_SIZE);
    key_set(ils, r->seed);
    struct trace *t = say(ils, EVENT_IDENTITY);
    memcpy(t->peer_id, ils->peer_id, sizeof t->peer_id);
    t->text[0] = arena_copy(&ils->step, r->cluster_id);
    t->text[1] = former;
    ils->boot = 1;
    ils->hold_until = 0;
    ils->cloned = ils->displaced = ils->was_linked = false;
    ils->refused_as.n = 0;
    stream_begins(ils, ils->self);
    stream_begins(ils, ils->own);
    catalog_describe(ils->own->catalog, r->cluster_id, r->route_string, true);
    settings_take(&ils->durable, ils);
    if (as.n != 0 && !identity_lasts(ils, as))
        alarm_clear(ils, ILSDuplicateClusterID, as);
    alarm_clear(ils, ILSRolledBack, slice_of("self"));
    alarm_clear(ils, ILSRolledBack, slice_of("plan"));
    nobody_met(ils);
    self_changed(ils);
}

void identity_stored(struct ils *ils, struct batch *b, bool failed)
{
    if (ils->renewal == NULL)
        return;
    if (!failed)
        become(ils);
    b->command = 0;
    if (b->own != NULL)
        own_stored(ils, b, failed);
    answer(ils, failed ? REPLY_STORE : REPLY_OK);
}

/* --- another network */

/* A hub that was dialled belongs to another network. */
static bool other_network_said(const struct ils *ils)
{
    if (ils->dial.last_code == CODE_OTHER_NETWORK)
        return true;
    list_each(node, &ils->peers)
        if (list_entry(node, struct peer, node)->contact.last_code == CODE_OTHER_NETWORK)
            return true;
    for (size_t i = 0; i < ils->verdict_n; i++) { /* newest first */
        size_t at = (ils->verdict_next + VERDICTS_KEPT - 1 - i) % VERDICTS_KEPT;
        const struct verdict *v = &ils->verdict[at].verdict;
        if (v->dialler && (v->code == CODE_OTHER_NETWORK || v->code == CODE_JOINED))
            return v->code == CODE_OTHER_NETWORK;
    }
    return false;
}

/* Whoever was met is in the former network until he shows himself in the new one: he is not listed
 * there, and nothing of his is told. */
static void all_foreign(struct ils *ils)
{
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        p->foreign = p->met;
        p->row_next = 0;
        peer_dirty(ils, p);
    }
    ils->rosters_moved = true;
    self_changed(ils);
}

/* The network id is forgotten; that of the hub that is dialled next is taken over. Whoever is still
 * in the former one is refused until he does the same. */
void identity_network(struct ils *ils, const struct command *c)
{
    struct rows rows;
    if (ils->cluster_id.n == 0) {
        command_refuse(ils, c, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
        return;
    }
    if (zeros(ils->network, NETWORK_ID_SIZE) || !other_network_said(ils)) {
        command_refuse(ils, c, REPLY_SAME_NETWORK, slice_make(NULL, 0));
        return;
    }
    memset(ils->network, 0, sizeof ils->network);
    ils->dial.last_code = CODE_NONE; /* it was said of the former one */
    end_links(ils, CODE_GOING_DOWN);
    all_foreign(ils);
    dial_now(ils);
    mesh_now(ils);
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}
