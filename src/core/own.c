/* own: one's own certificate. A new one is announced in stream 0 first; it is used when every
 * neighbour has said that it would pass (ready.c), when the operator does not want to wait, or when
 * the present one has ended anyway. Nothing is used that is not durable.
 *
 * Settings: "certificate" and "certificate_next": u8 flags (1 self-signed, 2 made here), 32
 * fingerprint, u64 not before, u64 not after, u8 length, name, DER. "..._chain": DER, "..._key":
 * PKCS#8. */
#include "core/core.h"

#define HEADER (1 + FINGERPRINT_SIZE + 8 + 8 + 1)

static const char *const setting_name[2][3] = {
    {"certificate", "certificate_chain", "certificate_key"},
    {"certificate_next", "certificate_next_chain", "certificate_next_key"},
};

enum own_op { OWN_USE, OWN_ANNOUNCE, OWN_SWITCH };

/* What is so when the batch is durable. */
struct own_change {
    enum own_op op;
    struct own_cert cert;
    struct buf row; /* of cert */
};

static void cert_init(struct own_cert *c, struct mem *mem)
{
    memset(c, 0, sizeof *c);
    buf_init(&c->leaf, mem, CERTIFICATE_MAX);
    buf_init(&c->chain, mem, CERTIFICATE_CHAIN * CERTIFICATE_MAX);
    buf_init(&c->key, mem, CERTIFICATE_MAX);
}

static void cert_done(struct own_cert *c)
{
    if (c->key.n != 0)
        crypto_wipe(c->key.p, c->key.n);
    buf_done(&c->leaf);
    buf_done(&c->chain);
    buf_done(&c->key);
}

static void cert_drop(struct own_cert *c)
{
    struct mem *mem = c->leaf.mem;
    cert_done(c);
    cert_init(c, mem);
}

/* `from` is empty afterwards. */
static void cert_move(struct own_cert *to, struct own_cert *from)
{
    struct mem *mem = from->leaf.mem;
    cert_done(to);
    *to = *from;
    cert_init(from, mem);
}

static bool cert_take(struct own_cert *to, const struct own_certificate *from)
{
    buf_put_slice(&to->leaf, from->leaf.der);
    buf_put_slice(&to->chain, from->chain);
    buf_put_slice(&to->key, from->key);
    memcpy(to->fingerprint, from->leaf.fingerprint, sizeof to->fingerprint);
    text_set(to->subject, from->leaf.subject);
    to->not_before = from->leaf.not_before;
    to->not_after = from->leaf.not_after;
    to->self_signed = from->leaf.self_signed;
    to->made = from->made;
    return !to->leaf.failed && !to->chain.failed && !to->key.failed && to->leaf.n != 0;
}

void own_init(struct ils *ils)
{
    cert_init(&ils->cert[0], ils->mem);
    cert_init(&ils->cert[1], ils->mem);
}

void own_free(struct ils *ils)
{
    cert_done(&ils->cert[0]);
    cert_done(&ils->cert[1]);
}

void own_change_free(struct ils *ils, struct own_change *c)
{
    if (c == NULL)
        return;
    cert_done(&c->cert);
    buf_done(&c->row);
    mem_free(ils->mem, c, sizeof *c);
}

/* --- rows */

static void row_of(struct buf *row, const struct own_cert *c)
{
    buf_put_u8(row, (uint8_t)(c->self_signed | c->made << 1));
    buf_put(row, c->fingerprint, sizeof c->fingerprint);
    buf_put_u64(row, (uint64_t)c->not_before);
    buf_put_u64(row, (uint64_t)c->not_after);
    buf_put_u8(row, (uint8_t)c->subject.n);
    buf_put_slice(row, text_slice(c->subject));
    buf_put_slice(row, buf_slice(&c->leaf));
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

static void read_leaf(struct own_cert *c, struct slice v)
{
    if (v.n < HEADER || v.n <= (size_t)HEADER + v.p[HEADER - 1])
        return;
    const uint8_t *p = v.p + 1 + FINGERPRINT_SIZE;
    size_t at = (size_t)HEADER + v.p[HEADER - 1];
    c->self_signed = (v.p[0] & 1) != 0;
    c->made = (v.p[0] & 2) != 0;
    memcpy(c->fingerprint, v.p + 1, sizeof c->fingerprint);
    c->not_before = (wall)u64_at(p);
    c->not_after = (wall)u64_at(p + 8);
    text_set(c->subject, slice_make(v.p + HEADER, v.p[HEADER - 1]));
    buf_reset(&c->leaf);
    buf_put(&c->leaf, v.p + at, v.n - at);
}

void own_setting(struct ils *ils, struct slice key, struct slice value)
{
    for (size_t i = 0; i < 2; i++) {
        struct own_cert *c = &ils->cert[i];
        if (slice_eq(key, slice_of(setting_name[i][0])))
            read_leaf(c, value);
        else if (slice_eq(key, slice_of(setting_name[i][1])))
            buf_put_slice(&c->chain, value);
        else if (slice_eq(key, slice_of(setting_name[i][2])))
            buf_put_slice(&c->key, value);
    }
}

/* The rows of c as number `which`; c and row live until they are stored. */
static void put_rows(struct rows *r, size_t which, const struct own_cert *c, struct buf *row)
{
    row_of(row, c);
    r->failed = r->failed || row->failed;
    rows_setting(r, setting_name[which][0], buf_slice(row));
    rows_setting(r, setting_name[which][1], buf_slice(&c->chain));
    rows_setting(r, setting_name[which][2], buf_slice(&c->key));
}

static void remove_rows(struct rows *r, size_t which)
{
    for (size_t i = 0; i < 3; i++)
        rows_remove(r, ROW_SETTING, slice_of(setting_name[which][i]));
}

/* --- changes */

static struct own_change *change_new(struct ils *ils, enum own_op op)
{
    struct own_change *c = mem_alloc(ils->mem, sizeof *c);
    if (c == NULL)
        return NULL;
    c->op = op;
    cert_init(&c->cert, ils->mem);
    buf_init(&c->row, ils->mem, 2 * CERTIFICATE_MAX);
    return c;
}

/* One batch at a time: what the next one builds on is durable. */
static enum reply change_store(struct ils *ils, struct own_change *change, const struct command *c)
{
    struct rows rows;
    rows_init(&rows, ils);
    put_rows(&rows, change->op == OWN_ANNOUNCE, &change->cert, &change->row);
    if (change->op != OWN_ANNOUNCE)
        remove_rows(&rows, 1);
    if (c != NULL && c->who.n != 0)
        rows_audit(&rows, c->who, c->what);
    struct batch *b = journal_store(&rows, BATCH_OWN);
    if (b == NULL) {
        own_change_free(ils, change);
        return REPLY_MEMORY;
    }
    b->own = change;
    b->command = c == NULL ? 0 : c->id;
    ils->own_moving = true;
    return REPLY_OK;
}

static enum reply take_certificate(struct ils *ils, const struct command *c)
{
    bool now = c->now || ils->cert[0].leaf.n == 0;
    struct own_change *change = change_new(ils, now ? OWN_USE : OWN_ANNOUNCE);
    if (change == NULL)
        return REPLY_MEMORY;
    if (!cert_take(&change->cert, &c->own)) {
        own_change_free(ils, change);
        return REPLY_MEMORY;
    }
    return change_store(ils, change, c);
}

/* The next one becomes the present one. */
static enum reply use_next(struct ils *ils, const struct command *c)
{
    const struct own_cert *next = &ils->cert[1];
    if (next->leaf.n == 0)
        return REPLY_NEXT_MISSING;
    struct own_change *change = change_new(ils, OWN_SWITCH);
    if (change == NULL)
        return REPLY_MEMORY;
    const struct own_certificate from = {
        .leaf = {.der = buf_slice(&next->leaf), .subject = text_slice(next->subject),
                 .not_before = next->not_before, .not_after = next->not_after,
                 .self_signed = next->self_signed},
        .chain = buf_slice(&next->chain), .key = buf_slice(&next->key), .made = next->made};
    bool taken = cert_take(&change->cert, &from);
    memcpy(change->cert.fingerprint, next->fingerprint, sizeof next->fingerprint);
    if (!taken) {
        own_change_free(ils, change);
        return REPLY_MEMORY;
    }
    return change_store(ils, change, c);
}

/* A switch that is under way by itself is the one that is asked for: its end is the answer. */
static bool switching(struct ils *ils, const struct command *c)
{
    list_each(node, &ils->batches) {
        struct batch *b = list_entry(node, struct batch, node);
        if (b->own == NULL || b->own->op != OWN_SWITCH || b->command != 0)
            continue;
        b->command = c->id;
        if (c->who.n == 0)
            return true;
        struct rows rows;
        rows_init(&rows, ils);
        rows_audit(&rows, c->who, c->what);
        journal_store(&rows, BATCH_PLAIN);
        return true;
    }
    return false;
}

void own_command(struct ils *ils, const struct command *c)
{
    enum reply reply = REPLY_BUSY_CERTIFICATE;
    if (ils->cluster_id.n == 0)
        reply = REPLY_NOT_INITIALISED;
    else if (ils->own_moving && c->type == COMMAND_CERTIFICATE_NOW && switching(ils, c))
        reply = REPLY_OK;
    else if (!ils->own_moving)
        reply = c->type == COMMAND_CERTIFICATE ? take_certificate(ils, c) : use_next(ils, c);
    if (reply != REPLY_OK)
        command_reply(ils, c->id, reply, slice_make(NULL, 0));
}

struct own_change *own_renewal(struct ils *ils, const struct own_certificate *own)
{
    struct own_change *change = change_new(ils, OWN_USE);
    if (change == NULL || cert_take(&change->cert, own))
        return change;
    own_change_free(ils, change);
    return NULL;
}

void own_renewal_rows(struct rows *r, struct own_change *change)
{
    put_rows(r, 0, &change->cert, &change->row);
    remove_rows(r, 1);
    r->ils->own_moving = true;
}

void own_init_with(struct rows *r, const struct own_certificate *own)
{
    struct ils *ils = r->ils;
    struct buf row;
    cert_drop(&ils->cert[0]);
    buf_init(&row, ils->mem, 2 * CERTIFICATE_MAX);
    if (cert_take(&ils->cert[0], own)) {
        row_of(&row, &ils->cert[0]);
        rows_setting(r, setting_name[0][0], arena_copy(&ils->step, buf_slice(&row)));
        rows_setting(r, setting_name[0][1], buf_slice(&ils->cert[0].chain));
        rows_setting(r, setting_name[0][2], buf_slice(&ils->cert[0].key));
        ils->trust_moved = true;
    }
    r->failed = r->failed || row.failed || ils->cert[0].leaf.n == 0;
    buf_done(&row);
}

static size_t waiting_count(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->peers)
        n += own_waits_for(ils, list_entry(node, struct peer, node));
    return n;
}

void own_stored(struct ils *ils, struct batch *b, bool failed)
{
    struct own_change *change = b->own;
    ils->own_moving = false;
    if (failed) {
        ils->own_after = ils->now + STORE_RETRY_US;
        if (b->command != 0)
            command_reply(ils, b->command, REPLY_STORE, slice_make(NULL, 0));
        return;
    }
    bool announce = change->op == OWN_ANNOUNCE;
    if (!announce) {
        alarm_clear(ils, ILSCertificateExpiring, text_slice(ils->cert[0].subject));
        cert_drop(&ils->cert[1]);
        ils->trust_moved = true;
    }
    cert_move(&ils->cert[announce], &change->cert);
    struct trace *t = say(ils, EVENT_CERT_OWN);
    t->text[0] = arena_copy(&ils->step, text_slice(ils->cert[announce].subject));
    t->text[1] = slice_of(announce ? "announced as the next" : "in use");
    ils->expiring_next = ils->now;
    self_changed(ils);
    dial_now(ils);
    if (b->command == 0)
        return;
    struct ils_action *a = ils_action(ils, ILS_DO_REPLY);
    a->command = b->command;
    a->reply = REPLY_OK;
    a->number[0] = announce ? waiting_count(ils) : 0;
}

/* --- waiting for the neighbours */

bool own_waits_for(const struct ils *ils, const struct peer *p)
{
    const struct own_cert *next = &ils->cert[1];
    if (next->leaf.n == 0 || !p->met || p->met_method < METHOD_TLS || p->disconnected_here ||
        p->disconnected_there)
        return false;
    for (size_t i = 0; p->has_ready && i < p->ready.n; i++) {
        uint32_t code = p->met_method == METHOD_TLS_PASSWORD ? p->ready.certificate[i].tls_password
                                                             : p->ready.certificate[i].tls;
        if (memcmp(p->ready.certificate[i].fingerprint, next->fingerprint, FINGERPRINT_SIZE) == 0)
            return code != CODE_JOINED;
    }
    return true;
}

/* The announcement is in what others can read: a switch before that would wait for nobody. */
static bool next_is_told(const struct ils *ils)
{
    struct record key = {.kind = ENTRY_FIELD, .user = slice_of("certificate_next")}, now;
    return ils->self != NULL && stream_held(ils->self) &&
           catalog_find(ils->self->catalog, &key, &now) &&
           now.value.n >= ils->cert[1].leaf.n &&
           memcmp(now.value.p, ils->cert[1].leaf.p, ils->cert[1].leaf.n) == 0;
}

static void switch_when_ready(struct ils *ils)
{
    if (ils->cert[1].leaf.n == 0 || ils->own_moving || !ils->ready ||
        ils->now < ils->own_after || ils->date < ils->cert[1].not_before)
        return;
    bool over = ils->date >= ils->cert[0].not_after;
    if (over || (next_is_told(ils) && waiting_count(ils) == 0))
        use_next(ils, NULL);
}

/* --- end dates */

struct slice own_told(struct ils *ils, size_t which)
{
    const struct own_cert *c = &ils->cert[which];
    struct slice leaf = buf_slice(&c->leaf), chain = buf_slice(&c->chain);
    if (chain.n == 0 || leaf.n + chain.n > CERTIFICATE_MAX)
        return leaf;
    uint8_t *p = arena_alloc(&ils->step, leaf.n + chain.n);
    if (p == NULL)
        return leaf;
    memcpy(p, leaf.p, leaf.n);
    memcpy(p + leaf.n, chain.p, chain.n);
    return slice_make(p, leaf.n + chain.n);
}

/* When the alarm of an end date begins: a third of the life before it, 30 days at most. */
static wall expiring_from(wall not_before, wall not_after)
{
    wall third = (not_after - not_before) / 3;
    return not_after - (third < EXPIRING_US ? third : EXPIRING_US);
}

bool own_ends_soon(const struct ils *ils, wall not_before, wall not_after)
{
    return ils->date >= expiring_from(not_before, not_after);
}

/* Raised, in the last week daily; returns when this date is to be looked at again. */
static tick judge_end(struct ils *ils, struct slice name, wall not_before, wall not_after)
{
    wall from = expiring_from(not_before, not_after);
    if (ils->date < from) {
        alarm_clear(ils, ILSCertificateExpiring, name);
        return ils->now + (from - ils->date);
    }
    wall daily = not_after - EXPIRING_DAILY_US, day = 24 * 3600 * TICK_S;
    wall last = alarm_last(ils, ILSCertificateExpiring, name);
    if (last == 0 || (ils->date >= daily && ils->wall - last >= day))
        alarm_raise(ils, ILSCertificateExpiring, name);
    return ils->now + (ils->date < daily ? daily - ils->date : 24 * 3600 * TICK_S);
}

static void look_at_ends(struct ils *ils)
{
    tick next = ils->now + 24 * 3600 * TICK_S;
    if (ils->now < ils->expiring_next)
        return;
    const struct own_cert *own = &ils->cert[0];
    if (own->leaf.n != 0) {
        tick t = judge_end(ils, text_slice(own->subject), own->not_before, own->not_after);
        next = t < next ? t : next;
    }
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct announced *a = &p->announced[0];
        if (!a->judged || !p->met || p->met_method < METHOD_TLS || p->announced[1].der.n != 0)
            continue;
        tick t = judge_end(ils, text_slice(a->facts.subject), a->facts.not_before,
                           a->facts.not_after);
        next = t < next ? t : next;
    }
    ils->expiring_next = next > ils->now ? next : ils->now + TICK_S;
}

void own_tick(struct ils *ils)
{
    if (!ils->ready)
        return;
    if (ils->trust_moved) {
        ils_action(ils, ILS_DO_TRUST);
        ils->trust_moved = false;
        ready_again(ils);
    }
    if (ils->ready_moved) /* somebody was met, or what he shows was judged */
        introduce_again(ils);
    ready_ask(ils);
    ready_import(ils);
    ready_tell(ils);
    switch_when_ready(ils);
    look_at_ends(ils);
}

tick own_deadline(const struct ils *ils)
{
    tick next = ils->expiring_next;
    if (!ils->ready)
        return TICK_NEVER;
    if (ils->cert[1].leaf.n != 0 && !ils->own_moving) {
        tick over = ils->now + (ils->cert[0].not_after - ils->date);
        next = over > ils->now && over < next ? over : next;
        next = ils->own_after > ils->now && ils->own_after < next ? ils->own_after : next;
    }
    return next;
}
