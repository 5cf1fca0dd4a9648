/* start: all rows were given; the cluster comes to life. The identity is made at the first start,
 * the boot number rises at every one, and nothing is dialled or accepted before that is durable.
 * */
#include "core/core.h"

#define ORPHAN_KEY (KEY_SIZE + 8 + HASH_SIZE)

static bool make_identity(struct ils *ils)
{
    if (ils->has_seed)
        return true;
    ils_entropy(ils, ils->seed, sizeof ils->seed);
    crypto_keypair(ils->seed, ils->key, ils->secret);
    crypto_peer_id(ils->peer_id, ils->key);
    ils->has_seed = ils->has_key = true;
    return false;
}

/* Not all of it is there. Of another cluster's what is sound is kept, and the rest fetched. One's
 * own is not written before a neighbour has shown what it holds of it, or an operator decides: as
 * after a restored backup (adopt.c), and above what was stored here. */
static void serve_damaged(struct ils *ils, struct stream *s)
{
    if (ils->following.is)
        return; /* the rest is asked for (follow.c) */
    s->damaged = s->damaged || (s->own && s->wanted_bytes.n != 0);
    if (!s->own && s->wanted_bytes.n != 0) {
        buf_put_slice(&s->target_lines, buf_slice(&s->wanted_lines));
        memcpy(s->target_root, s->wanted.root, HASH_SIZE);
        ils->broken = ils->broken || s->target_lines.failed;
        return;
    }
    if (s->own && s->damaged) {
        s->theirs_epoch = s->wanted.epoch;
        s->theirs_usn = s->wanted.usn;
        s->renew = s->number == STREAM_SELF;
        s->proved_older = !s->renew;
        adopt_replaces(s, buf_slice(&s->wanted_lines));
    }
    catalog_abandon(s->catalog);
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
}

/* A stream whose segments are all there is served from now on. */
static void serve_stored(struct ils *ils, struct stream *s)
{
    struct line line;
    size_t at = 0;
    if (s->wanted_bytes.n == 0 ||
        (catalog_missing(s->catalog, &at, &line) && !held_instead(s))) {
        serve_damaged(ils, s);
        return;
    }
    buf_reset(&s->wanted_lines);
    catalog_apply(s->catalog);
    if (!stream_head_wanted(s)) {
        ils->broken = true;
        return;
    }
    s->admitted = true;
    s->last_usn = ils->wall;
    stream_served(ils, s);
    bool gone = (s->head.flags & HEAD_FLAG_LEFT) != 0 || !ends_allow(ils, &s->head);
    struct peer *p = s->own || s->number != STREAM_SELF || gone ? NULL : peer_get(ils, s->key);
    if (p != NULL) {
        peer_read(ils, p, s);
        peer_placed(ils, p);
        ils->next_announced |= p->next_announced;
        p->dirty = false;
    }
}

static void remove_orphans(struct ils *ils, struct rows *rows)
{
    for (size_t at = 0; at + ORPHAN_KEY <= ils->orphans.n; at += ORPHAN_KEY)
        rows_remove(rows, ROW_SEGMENT,
                    arena_copy(&ils->step, slice_make(ils->orphans.p + at, ORPHAN_KEY)));
    buf_done(&ils->orphans);
}

static void start_plan(struct ils *ils)
{
    uint8_t seed[16];
    ils_entropy(ils, seed, sizeof seed);
    if (ils->plan == NULL)
        ils->plan = plan_new(ils->mem, seed, true);
    if (ils->plan != NULL)
        plan_use_policy(ils->plan, ils->policy);
    ils->self = stream_get(ils, ils->key, STREAM_SELF);
    ils->own = stream_get(ils, ils->key, STREAM_PLAN);
    if (ils->plan == NULL || ils->self == NULL || ils->own == NULL) {
        ils->broken = true;
        return;
    }
    ils->self->admitted = ils->own->admitted = true;
    catalog_describe(ils->own->catalog, text_slice(ils->cluster_id),
                     text_slice(ils->route_string), true);
    list_each(node, &ils->streams)
        serve_stored(ils, list_entry(node, struct stream, node));
    catalogs_start(ils);
    told_start(ils);
    adopt_stored_as(ils, ils->self);
    adopt_stored_as(ils, ils->own);
    ils->rosters_moved = ils->ends_due = true;
}

/* Who it is, and which start this is. */
static void start_writer(struct ils *ils, struct rows *rows)
{
    if (!make_identity(ils))
        rows_setting(rows, "seed", slice_make(ils->seed, SEED_SIZE));
    if (!ils->key_stored)
        rows_setting(rows, "key", slice_make(ils->key, KEY_SIZE));
    ils->boot += BUG(BOOT_KEPT) ? ils->boot == 0 : 1;
    rows_setting_u64(rows, "boot", ils->boot);
    beats_start(ils, rows);
}

void journal_start(struct ils *ils, const struct ils_event *event)
{
    struct rows rows;
    uint8_t seed[8];
    uint64_t jitter = 0;
    ils_mix(ils, event->entropy);
    ils_entropy(ils, seed, sizeof seed);
    for (size_t i = 0; i < sizeof seed; i++)
        jitter = jitter << 8 | seed[i];
    rand_seed(&ils->rand, jitter);
    if (event->start.half_open != 0 && event->start.half_open < HALF_OPEN_MAX)
        ils->gate.open_max = event->start.half_open;
    date_start(ils, event->start.built);
    ils->tls_port = event->start.tls_port;
    ils->password_port = event->start.password_port;
    text_set(ils->advertise, event->start.advertise);
    text_set(ils->version, event->start.version);
    rows_init(&rows, ils);
    if (!ils->following.is)
        start_writer(ils, &rows);
    settings_take(&ils->durable, ils);
    start_plan(ils);
    list_each(node, &ils->streams)
        held_start(&rows, list_entry(node, struct stream, node));
    remove_orphans(ils, &rows);
    ils->started = true;
    if (ils->following.is)
        follow_started(ils);
    else if (journal_store(&rows, BATCH_START) == NULL)
        ils->broken = true;
}

static struct slice role_text(enum ils_role role)
{
    static const char *const text[] = {"standalone", "hub", "spoke"};
    return slice_of(text[role]);
}

/* The boot number is durable. A store that does not take it cannot keep any promise. */
void journal_ready(struct ils *ils, bool failed)
{
    if (failed) {
        ils->broken = !ils->following.is; /* which goes on with what it serves */
        return;
    }
    if (ils->following.is)
        return;
    ils->ready = true;
    struct trace *t = say(ils, EVENT_STARTED);
    t->text[0] = text_slice(ils->cluster_id);
    t->text[1] = role_text(ils->role);
    t->number[0] = ils->boot;
    list_each(node, &ils->streams)
        stream_damaged(ils, list_entry(node, struct stream, node));
    ils_action(ils, ILS_DO_LISTEN)->on = ils->role != ROLE_STANDALONE;
    ils->listening = ils->role != ROLE_STANDALONE;
    adopt_start(ils);
    admit_counted(ils);
    ends_again(ils); /* the disk may have taken what a hub says, and not who is ended by it */
    self_changed(ils);
    dial_now(ils);
}
