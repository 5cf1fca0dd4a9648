/* journal: what must be stored before what may be said. State becomes rows, rows become one batch,
 * and when the batch is durable what waited for it happens. Reading back is here too. */
#include "core/core.h"

#define ROW_COPY_MAX 1024

void rows_init(struct rows *r, struct ils *ils)
{
    memset(r, 0, sizeof *r);
    r->ils = ils;
}

static struct row *rows_add(struct rows *r)
{
    if (r->n == r->size) {
        size_t size = r->size == 0 ? 16 : r->size * 2;
        struct row *grown = arena_alloc(&r->ils->step, size * sizeof *grown);
        if (grown == NULL) {
            r->failed = true;
            return NULL;
        }
        if (r->n != 0)
            memcpy(grown, r->row, r->n * sizeof *grown);
        r->row = grown;
        r->size = size;
    }
    return &r->row[r->n++];
}

/* Small values are copied; large ones (segments, manifests) must live until the next step. */
void rows_put(struct rows *r, enum row_space space, struct slice key, struct slice value)
{
    struct row *row = rows_add(r);
    if (row == NULL)
        return;
    if (key.n == 0)
        r->failed = true;
    if (value.n != 0 && value.n <= ROW_COPY_MAX) {
        value = arena_copy(&r->ils->step, value);
        r->failed = r->failed || value.n == 0;
    }
    *row = (struct row){.space = (uint8_t)space, .key = key, .value = value};
}

void rows_remove(struct rows *r, enum row_space space, struct slice key)
{
    struct row *row = rows_add(r);
    if (row == NULL)
        return;
    if (key.n == 0)
        r->failed = true;
    *row = (struct row){.space = (uint8_t)space, .key = key, .remove = true};
}

/* Every row of the space with a smaller key. */
void rows_remove_below(struct rows *r, enum row_space space, struct slice key)
{
    size_t n = r->n;
    rows_remove(r, space, key);
    if (r->n > n)
        r->row[n].below = true;
}

void rows_setting(struct rows *r, const char *name, struct slice value)
{
    rows_put(r, ROW_SETTING, slice_of(name), value);
}

static struct slice u64_bytes(struct arena *a, uint64_t v)
{
    uint8_t *p = arena_alloc(a, 8);
    if (p == NULL)
        return slice_make(NULL, 0);
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
    return slice_make(p, 8);
}

void rows_setting_u64(struct rows *r, const char *name, uint64_t value)
{
    struct slice bytes = u64_bytes(&r->ils->step, value);
    r->failed = r->failed || bytes.n == 0; /* an empty number would be read as 0 */
    rows_setting(r, name, bytes);
}

void rows_audit(struct rows *r, struct slice who, struct slice what)
{
    struct ils *ils = r->ils;
    uint8_t *key = arena_alloc(&ils->step, 12);
    if (who.n > 255)
        who.n = 255;
    uint8_t *value = arena_alloc(&ils->step, 1 + who.n + what.n);
    if (key == NULL || value == NULL) {
        r->failed = true;
        return;
    }
    uint64_t t = (uint64_t)ils->wall, n = ils->audit_n++;
    for (int i = 7; i >= 0; i--, t >>= 8)
        key[i] = (uint8_t)t;
    for (int i = 11; i >= 8; i--, n >>= 8)
        key[i] = (uint8_t)n;
    value[0] = (uint8_t)who.n;
    if (who.n != 0)
        memcpy(value + 1, who.p, who.n);
    if (what.n != 0)
        memcpy(value + 1 + who.n, what.p, what.n);
    rows_put(r, ROW_AUDIT, slice_make(key, 12), slice_make(value, 1 + who.n + what.n));
}

void rows_self(struct rows *r)
{
    struct ils *ils = r->ils;
    rows_setting(r, "cluster_id", text_slice(ils->cluster_id));
    rows_setting(r, "fqdn", text_slice(ils->fqdn));
    rows_setting(r, "description", text_slice(ils->description));
    rows_setting(r, "route_string", text_slice(ils->route_string));
    rows_setting_u64(r, "role", ils->role);
    rows_setting_u64(r, "auth", (uint64_t)ils->auth.tls | (uint64_t)ils->auth.password << 1 |
                                    (uint64_t)ils->auth.accept << 8);
    rows_setting(r, "network", slice_make(ils->network, NETWORK_ID_SIZE));
    rows_setting(r, "hub", text_slice(ils->dial.host));
    rows_setting_u64(r, "hub_port", ils->dial.port);
    rows_setting_u64(r, "hub_port_tls", ils->dial.port_tls);
    rows_setting_u64(r, "hub_wanted", ils->dial.wanted);
    if (!ils->dial.hub_known || ils->dial.moving) /* nobody is known at the new place */
        rows_remove(r, ROW_SETTING, slice_of("hub_key"));
    rows_setting_u64(r, "trace_level", ils->level);
    rows_setting_u64(r, "draining", ils->mesh.draining);
    if (!zeros(ils->former, PEER_ID_SIZE))
        rows_setting(r, "former", slice_make(ils->former, PEER_ID_SIZE));
    told_rows(r);
    introduce_rows(r);
    policy_rows(r);
    routing_rows(r);
    adopt_settings(r);
}

void rows_password(struct rows *r, const struct password *p)
{
    struct arena *a = &r->ils->step;
    uint8_t *key = arena_alloc(a, 2), *value = arena_alloc(a, 33);
    if (key == NULL || value == NULL) {
        r->failed = true;
        return;
    }
    key[0] = (uint8_t)(p->generation >> 8);
    key[1] = (uint8_t)p->generation;
    value[0] = p->preferred;
    memcpy(value + 1, p->stretched, 32);
    if (p->held)
        rows_put(r, ROW_PASSWORD, slice_make(key, 2), slice_make(value, 33));
    else
        rows_remove(r, ROW_PASSWORD, slice_make(key, 2));
}

/* u8 flags (1 met, 2 and 4 disconnected, 8 a certificate was shown, 16 invited here, 32 by its
 * invite, 64 in the network of before), u8 method, u64 first, u64 last; with flag 8: u8 rule, 32
 * fingerprint, u64 end date, u8 length, name; then the address as text. What the peer says of
 * itself is in its stream 0. */
void rows_peer(struct rows *r, struct peer *p)
{
    struct buf b;
    buf_init(&b, r->ils->mem, 512);
    buf_put_u8(&b, (uint8_t)(p->met | p->disconnected_here << 1 | p->disconnected_there << 2 |
                             p->has_shown << 3 | p->invited_here << 4 |
                             p->invited_there << 5 | p->foreign << 6));
    buf_put_u8(&b, p->met_method);
    buf_put_u64(&b, (uint64_t)p->met_first);
    buf_put_u64(&b, (uint64_t)p->met_last);
    if (p->has_shown) {
        buf_put_u8(&b, p->met_rule);
        buf_put(&b, p->shown, sizeof p->shown);
        buf_put_u64(&b, (uint64_t)p->shown_ends);
        buf_put_u8(&b, (uint8_t)p->shown_name.n);
        buf_put_slice(&b, text_slice(p->shown_name));
    }
    buf_put_slice(&b, slice_of(p->met_ip));
    r->failed = r->failed || b.failed;
    rows_put(r, ROW_PEER, slice_make(p->key, KEY_SIZE), buf_slice(&b));
    p->stored = true;
    buf_done(&b);
}

/* name NULL: the key of a stream row; otherwise of one of its segments. */
struct slice stream_key_bytes(struct arena *a, const uint8_t key[static KEY_SIZE], uint64_t number,
                              const uint8_t *name)
{
    size_t n = KEY_SIZE + 8 + (name == NULL ? 0 : HASH_SIZE);
    uint8_t *p = arena_alloc(a, n);
    if (p == NULL)
        return slice_make(NULL, 0);
    memcpy(p, key, KEY_SIZE);
    for (int i = 7; i >= 0; i--, number >>= 8)
        p[KEY_SIZE + i] = (uint8_t)number;
    if (name != NULL)
        memcpy(p + KEY_SIZE + 8, name, HASH_SIZE);
    return slice_make(p, n);
}

struct batch *journal_store(struct rows *r, enum batch_kind kind)
{
    struct ils *ils = r->ils;
    if (ils->following.is)
        return NULL; /* another process writes */
    struct batch *b = r->failed ? NULL : mem_alloc(ils->mem, sizeof *b);
    ils->rows_lost = ils->rows_lost || (b == NULL && kind == BATCH_PLAIN);
    if (b == NULL)
        return NULL;
    b->n = ils->next_batch++;
    b->kind = kind;
    list_add(&ils->batches, &b->node);
    struct ils_action *a = ils_action(ils, ILS_DO_STORE);
    a->batch = b->n;
    a->row = r->row;
    a->row_n = r->n;
    return b;
}

static void store_failed(struct ils *ils, uint64_t batch)
{
    say(ils, EVENT_STORE_FAILED)->number[0] = batch;
    alarm_raise(ils, ILSDBLException, slice_of("write"));
}

/* The disk takes rows again: what nobody waited for, and was lost, is written once more; others'
 * plans by stored.c. */
static void rows_again(struct ils *ils)
{
    if (!ils->rows_lost || ils->renewal != NULL) /* which has the names of before in memory */
        return;
    ils->rows_lost = false;
    list_each(node, &ils->peers)
        peer_dirty(ils, list_entry(node, struct peer, node));
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    ends_rows(&rows);
    if (ils->dial.hub_known && !ils->dial.moving)
        rows_setting(&rows, "hub_key", slice_make(ils->dial.hub_key, KEY_SIZE));
    journal_store(&rows, BATCH_PLAIN);
}

/* The settings hold passwords. */
void batch_free(struct ils *ils, struct batch *b)
{
    trust_change_free(ils, b->trust);
    own_change_free(ils, b->own);
    policy_change_free(ils, b->policy);
    if (b->settings != NULL)
        crypto_wipe(b->settings, sizeof *b->settings);
    mem_free(ils->mem, b->settings, sizeof *b->settings);
    mem_free(ils->mem, b->ended, sizeof *b->ended);
    mem_free(ils->mem, b, sizeof *b);
}

void journal_stored(struct ils *ils, const struct ils_event *event)
{
    if (list_empty(&ils->batches))
        return;
    struct batch *b = list_entry(ils->batches.next, struct batch, node);
    if (b->n != event->batch)
        return;
    list_remove(&b->node);
    if (event->failed) {
        store_failed(ils, b->n);
        ils->rows_lost = ils->rows_lost || b->kind == BATCH_PLAIN;
    } else {
        alarm_clear(ils, ILSDBLException, slice_of("write"));
        held_stored(ils, b);
        rows_again(ils);
    }
    stored_answered(ils, b, event->failed);
    switch (b->kind) {
    case BATCH_PLAIN: break;
    case BATCH_START: journal_ready(ils, event->failed); break;
    case BATCH_COMMAND:
        command_stored(ils, b, event->failed);
        break;
    case BATCH_COMMIT: stream_committed(ils, b->commit, event->failed); break;
    case BATCH_TRUST: trust_stored(ils, b, event->failed); break;
    case BATCH_OWN: own_stored(ils, b, event->failed); break;
    case BATCH_INVITE: invite_stored(ils, b, event->failed); break;
    case BATCH_IDENTITY: identity_stored(ils, b, event->failed); break;
    case BATCH_LEAVE:
    case BATCH_ENDED: ends_stored(ils, b, event->failed); break;
    case BATCH_WITHHELD: told_stored(ils, b, event->failed); break;
    case BATCH_POLICY: policy_stored(ils, b, event->failed); break;
    }
    batch_free(ils, b);
}

/* --- reading back */

static uint64_t value_u64(struct slice v)
{
    uint64_t n = 0;
    for (size_t i = 0; i < v.n && i < 8; i++)
        n = n << 8 | v.p[i];
    return n;
}

static void row_setting(struct ils *ils, struct slice key, struct slice v)
{
    uint64_t n = value_u64(v);
    if (slice_eq(key, slice_of("cluster_id")))
        text_set(ils->cluster_id, v);
    else if (slice_eq(key, slice_of("fqdn")))
        text_set(ils->fqdn, v);
    else if (slice_eq(key, slice_of("description")))
        text_set(ils->description, v);
    else if (slice_eq(key, slice_of("route_string")))
        text_set(ils->route_string, v);
    else if (slice_eq(key, slice_of("role")) && n <= ROLE_SPOKE)
        ils->role = (enum ils_role)n;
    else if (slice_eq(key, slice_of("auth")))
        ils->auth = (struct auth){
            .tls = n & 1, .password = n >> 1 & 1, .accept = (uint8_t)(n >> 8)};
    else if (slice_eq(key, slice_of("network")) && v.n == NETWORK_ID_SIZE)
        memcpy(ils->network, v.p, NETWORK_ID_SIZE);
    else if (slice_eq(key, slice_of("hub")))
        text_set(ils->dial.host, v);
    else if (slice_eq(key, slice_of("hub_port")))
        ils->dial.port = (uint16_t)n;
    else if (slice_eq(key, slice_of("hub_port_tls")))
        ils->dial.port_tls = n != 0;
    else if (slice_eq(key, slice_of("hub_wanted")))
        ils->dial.wanted = n != 0;
    else if (slice_eq(key, slice_of("hub_key")) && v.n == KEY_SIZE) {
        ils->dial.hub_known = true;
        memcpy(ils->dial.hub_key, v.p, KEY_SIZE);
    } else if (slice_eq(key, slice_of("trace_level")) && n <= TRACE_DETAILED)
        ils->level = (uint8_t)n;
    else if (slice_eq(key, slice_of("boot")))
        ils->boot = n;
    else if (slice_eq(key, slice_of("beaten")))
        ils->beaten = n <= INT64_MAX ? (wall)n : 0;
    else if (slice_eq(key, slice_of("seed")) && v.n == SEED_SIZE) {
        memcpy(ils->seed, v.p, SEED_SIZE);
        ils->has_seed = ils->has_key = true;
        crypto_keypair(ils->seed, ils->key, ils->secret);
        crypto_peer_id(ils->peer_id, ils->key);
    } else if (slice_eq(key, slice_of("key")) && v.n == KEY_SIZE) {
        ils->key_stored = true;
        if (!ils->has_seed) { /* for who follows, and has no seed */
            ils->has_key = true;
            memcpy(ils->key, v.p, KEY_SIZE);
            crypto_peer_id(ils->peer_id, ils->key);
        }
    } else if (slice_eq(key, slice_of("former")) && v.n == PEER_ID_SIZE) {
        memcpy(ils->former, v.p, PEER_ID_SIZE);
    } else if (!told_setting(ils, key, v) && !introduce_setting(ils, key, v) &&
               !role_setting(ils, key, v) && !ends_setting(ils, key, v) &&
               !adopt_setting(ils, key, v) && !planlog_setting(ils, key, v) &&
               !policy_setting(ils, key, v) && !catalogs_setting(ils, key, v) &&
               !routing_setting(ils, key, v)) {
        own_setting(ils, key, v);
    }
}

static void row_password(struct ils *ils, const struct row *row)
{
    if (row->key.n != 2 || row->value.n != 33)
        return;
    for (size_t i = 0; i < PASSWORDS_MAX; i++) {
        struct password *p = &ils->password[i];
        if (p->held)
            continue;
        p->held = true;
        p->generation = (uint16_t)(row->key.p[0] << 8 | row->key.p[1]);
        p->preferred = row->value.p[0] != 0;
        memcpy(p->stretched, row->value.p + 1, 32);
        return;
    }
}

static void row_peer(struct ils *ils, const struct row *row)
{
    if (row->key.n != KEY_SIZE || row->value.n < 18)
        return;
    struct peer *p = peer_get(ils, row->key.p);
    if (p == NULL) {
        ils->broken = ils->broken || ils->peer_n < PEERS_MAX;
        return;
    }
    const uint8_t *v = row->value.p;
    p->stored = true;
    p->met = v[0] & 1;
    p->disconnected_here = v[0] >> 1 & 1;
    p->disconnected_there = v[0] >> 2 & 1;
    p->invited_here = v[0] >> 4 & 1;
    p->invited_there = v[0] >> 5 & 1;
    p->foreign = v[0] >> 6 & 1;
    p->met_method = v[1];
    p->met_first = (wall)value_u64(slice_make(v + 2, 8));
    p->met_last = (wall)value_u64(slice_make(v + 10, 8));
    p->last_contact = p->met_last;
    size_t at = 18, shown = 1 + FINGERPRINT_SIZE + 8 + 1;
    if ((v[0] & 8) != 0 && row->value.n >= at + shown &&
        row->value.n >= at + shown + v[at + shown - 1]) {
        p->has_shown = true;
        p->met_rule = v[at] <= RULE_INVITE ? v[at] : (uint8_t)RULE_NONE;
        memcpy(p->shown, v + at + 1, sizeof p->shown);
        p->shown_ends = (wall)value_u64(slice_make(v + at + 1 + FINGERPRINT_SIZE, 8));
        text_set(p->shown_name, slice_make(v + at + shown, v[at + shown - 1]));
        at += shown + p->shown_name.n;
    }
    slice_to_text(slice_make(v + at, row->value.n - at), p->met_ip, sizeof p->met_ip);
}

/* The plan needs its seed before the first stream comes. */
static bool plan_ready(struct ils *ils)
{
    uint8_t seed[16];
    if (ils->plan != NULL)
        return true;
    if (!ils->following.is) /* FOLLOW brought some */
        crypto_hash1(ils->pool, "entropy rows", slice_make(ils->seed, SEED_SIZE));
    ils_entropy(ils, seed, sizeof seed);
    ils->plan = plan_new(ils->mem, seed, true);
    return ils->plan != NULL;
}

static void row_stream(struct ils *ils, const struct row *row)
{
    struct slice v = row->value;
    if (!plan_ready(ils)) {
        ils->broken = true;
        return;
    }
    if (row->key.n != KEY_SIZE + 8 || v.n < 4)
        return;
    size_t head_n = (size_t)value_u64(slice_make(v.p, 4));
    if (head_n > v.n - 4)
        return;
    struct slice lines = slice_make(v.p + 4 + head_n, v.n - 4 - head_n);
    uint64_t number = value_u64(slice_make(row->key.p + KEY_SIZE, 8));
    if (held_row(ils, row->key.p, number, slice_make(v.p + 4, head_n), lines))
        return;
    struct stream *s = stream_get(ils, row->key.p, number);
    if (s == NULL) {
        ils->broken = ils->broken || ils->stream_n < STREAMS_MAX;
        return;
    }
    uint8_t root[HASH_SIZE];
    manifest_root(root, lines);
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
    buf_put(&s->wanted_bytes, v.p + 4, head_n);
    buf_put_slice(&s->wanted_lines, lines);
    if (s->wanted_bytes.failed || s->wanted_lines.failed) {
        ils->broken = true;
    } else if (head_get(buf_slice(&s->wanted_bytes), &s->wanted) != 0 ||
               !head_signed(buf_slice(&s->wanted_bytes)) ||
               lines.n != (size_t)s->wanted.lines * LINE_BYTES ||
               memcmp(root, s->wanted.root, HASH_SIZE) != 0) {
        s->damaged = true;
        buf_reset(&s->wanted_bytes);
        buf_reset(&s->wanted_lines);
    } else if (catalog_target(s->catalog, lines, s->wanted.live) != 0) {
        ils->broken = true; /* without memory nothing of it can be read: it is not to be removed */
    }
}

static void row_segment(struct ils *ils, const struct row *row)
{
    if (row->key.n != KEY_SIZE + 8 + HASH_SIZE)
        return;
    struct stream *s =
        stream_find(ils, row->key.p, value_u64(slice_make(row->key.p + KEY_SIZE, 8)));
    uint8_t name[HASH_SIZE];
    segment_name(name, row->value);
    bool sound = memcmp(name, row->key.p + KEY_SIZE + 8, HASH_SIZE) == 0;
    int r = s == NULL || !sound ? 1 : held_segment(s, row->value);
    if (s != NULL)
        s->damaged = s->damaged || !sound || r < -1;
    if (r == -1)
        ils->broken = true;
    else if (r != 0 && !ils->following.is)
        buf_put_slice(&ils->orphans, row->key); /* of a fetch that was not finished */
}

void journal_row(struct ils *ils, const struct row *row)
{
    switch ((enum row_space)row->space) {
    case ROW_SETTING: row_setting(ils, row->key, row->value); break;
    case ROW_PASSWORD: row_password(ils, row); break;
    case ROW_PEER: row_peer(ils, row); break;
    case ROW_ROUTE: routing_row(ils, row); break;
    case ROW_STREAM: row_stream(ils, row); break;
    case ROW_SEGMENT: row_segment(ils, row); break;
    case ROW_ALARM: alarm_row(ils, row); break;
    case ROW_TRUST: trust_row(ils, row); break;
    case ROW_REFUSED: refused_row(ils, row); break;
    case ROW_INVITE: invite_row(ils, row); break;
    case ROW_AUDIT:
    case ROW_PLAN_LOG:
    case ROW_SOURCE:
    case ROW_DOOR:
    case ROW_SPACES: break;
    case ROW_POLICY: policy_row(ils, row); break;
    }
}

/* What this step was to store of it goes with it: rows only borrow the bytes of segments. */
void journal_unstore(struct ils *ils, const struct stream *s)
{
    uint8_t prefix[KEY_SIZE + 8];
    uint64_t number = s->number;
    memcpy(prefix, s->key, KEY_SIZE);
    for (int i = 7; i >= 0; i--, number >>= 8)
        prefix[KEY_SIZE + i] = (uint8_t)number;
    for (size_t i = 0; i < ils->action_n; i++) {
        const struct ils_action *a = &ils->action[i];
        for (size_t j = 0; a->type == ILS_DO_STORE && j < a->row_n; j++) {
            struct row *row = (struct row *)(uintptr_t)&a->row[j]; /* the core's own */
            if (row->space == ROW_SEGMENT && row->key.n > sizeof prefix &&
                memcmp(row->key.p, prefix, sizeof prefix) == 0)
                *row = (struct row){.space = ROW_SEGMENT, .key = row->key, .remove = true};
        }
    }
}
