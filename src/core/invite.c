/* invite: one-time, expiring secrets with which a cluster joins in one command. The hub that made
 * one spends it durably before it answers; whoever spent it may repeat it until it expires. What is
 * over is kept for a day without its secret: "used" and "expired" are not "unknown".
 *
 * ROW_INVITE, by id (8): u64 made, u64 expires, u8 failures, u8 flags (1 = spent, 2 = the secret
 * follows), then the secret (16), if any, and the key that spent it (32; zeros: spent in vain), if
 * it is spent. */
#include "core/trust.h"

#define FLAG_SPENT  1
#define FLAG_SECRET 2

static bool has_secret(const struct invite_entry *e)
{
    return !zeros(e->secret, sizeof e->secret);
}

static bool over(const struct ils *ils, const struct invite_entry *e)
{
    return ils->date >= e->expires;
}

/* Still waiting for somebody to use it. */
static bool is_open(const struct ils *ils, const struct invite_entry *e)
{
    return !e->spent && has_secret(e) && !over(ils, e);
}

static struct invite_entry *invite_find(const struct ils *ils, const uint8_t *id)
{
    list_each(node, &ils->invites) {
        struct invite_entry *e = list_entry(node, struct invite_entry, node);
        if (memcmp(e->id, id, INVITE_ID_SIZE) == 0)
            return e;
    }
    return NULL;
}

void invite_entry_free(struct ils *ils, struct invite_entry *e)
{
    if (e == NULL)
        return;
    crypto_wipe(e, sizeof *e);
    mem_free(ils->mem, e, sizeof *e);
}

static void list_in(struct ils *ils, struct invite_entry *e)
{
    list_add(&ils->invites, &e->node);
    ils->invite_n++;
}

static void list_out(struct ils *ils, struct invite_entry *e)
{
    list_remove(&e->node);
    ils->invite_n--;
}

static void spent_by(struct invite_entry *e, const uint8_t *key)
{
    uint8_t id[PEER_ID_SIZE];
    e->spent = true;
    memcpy(e->by, key, sizeof e->by);
    crypto_peer_id(id, key);
    hex_text(e->by_id, id, sizeof id);
}

static void invite_say(struct ils *ils, const uint8_t *id, const char *what)
{
    char hex[2 * INVITE_ID_SIZE + 1];
    hex_text(hex, id, INVITE_ID_SIZE);
    struct trace *t = say(ils, EVENT_INVITE);
    t->text[0] = arena_copy(&ils->step, slice_of(hex));
    t->text[1] = slice_of(what);
}

/* --- rows */

static struct slice id_key(struct ils *ils, const uint8_t *id)
{
    return arena_copy(&ils->step, slice_make(id, INVITE_ID_SIZE));
}

static void rows_invite(struct rows *r, const struct invite_entry *e)
{
    uint8_t value[8 + 8 + 1 + 1 + INVITE_SECRET_SIZE + KEY_SIZE];
    bool secret = has_secret(e);
    struct buf b;
    buf_init(&b, r->ils->mem, sizeof value);
    buf_put_u64(&b, (uint64_t)e->made);
    buf_put_u64(&b, (uint64_t)e->expires);
    buf_put_u8(&b, e->failures);
    buf_put_u8(&b, (uint8_t)((e->spent ? FLAG_SPENT : 0) | (secret ? FLAG_SECRET : 0)));
    if (secret)
        buf_put(&b, e->secret, sizeof e->secret);
    if (e->spent)
        buf_put(&b, e->by, sizeof e->by);
    r->failed = r->failed || b.failed;
    rows_put(r, ROW_INVITE, id_key(r->ils, e->id), buf_slice(&b));
    if (b.p != NULL)
        crypto_wipe(b.p, b.n);
    buf_done(&b);
}

void invite_row(struct ils *ils, const struct row *row)
{
    struct cursor c;
    uint8_t secret[INVITE_SECRET_SIZE] = {0}, by[KEY_SIZE] = {0};
    cursor_init(&c, row->value);
    wall made = (wall)(cursor_u64(&c) & INT64_MAX), expires = (wall)(cursor_u64(&c) & INT64_MAX);
    uint8_t failures = cursor_u8(&c), flags = cursor_u8(&c);
    if ((flags & FLAG_SECRET) != 0)
        cursor_copy(&c, secret, sizeof secret);
    if ((flags & FLAG_SPENT) != 0)
        cursor_copy(&c, by, sizeof by);
    struct invite_entry *e = NULL;
    if (cursor_done(&c) && row->key.n == INVITE_ID_SIZE && invite_find(ils, row->key.p) == NULL)
        e = mem_alloc(ils->mem, sizeof *e); /* one that is not held lets nobody in */
    if (e != NULL) {
        memcpy(e->id, row->key.p, sizeof e->id);
        memcpy(e->secret, secret, sizeof e->secret);
        e->made = made;
        e->expires = expires;
        e->failures = failures;
        e->spent = (flags & FLAG_SPENT) != 0;
        if (!zeros(by, sizeof by))
            spent_by(e, by);
        list_in(ils, e);
    }
    crypto_wipe(secret, sizeof secret);
}

/* --- the operator's words */

static void refuse(struct ils *ils, const struct command *c, enum reply reply, struct slice text)
{
    command_reply(ils, c->id, reply, text);
}

/* The change is taken; false: memory was refused, and nothing happens. */
static bool store(struct rows *r, const struct command *c, struct trust_change *change)
{
    struct ils *ils = r->ils;
    if (c->who.n != 0)
        rows_audit(r, c->who, c->what);
    struct batch *b = journal_store(r, BATCH_INVITE);
    if (b == NULL) {
        refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return false;
    }
    b->command = c->id;
    b->trust = change;
    return true;
}

/* Those on their way to the disk are open too. */
static size_t open_count(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->invites)
        n += is_open(ils, list_entry(node, struct invite_entry, node));
    list_each(node, &ils->batches) {
        const struct trust_change *c = list_entry(node, struct batch, node)->trust;
        n += c != NULL && c->part == INVITE_OPENED;
    }
    return n;
}

/* Of those that nobody can use any more the oldest goes, when the table is full. */
static void make_room(struct rows *r)
{
    struct ils *ils = r->ils;
    struct invite_entry *oldest = NULL;
    list_each(node, &ils->invites) {
        struct invite_entry *e = list_entry(node, struct invite_entry, node);
        if (!is_open(ils, e) && (oldest == NULL || e->expires < oldest->expires))
            oldest = e;
    }
    if (ils->invite_n < INVITES_MAX || oldest == NULL)
        return;
    rows_remove(r, ROW_INVITE, id_key(ils, oldest->id));
    list_out(ils, oldest);
    invite_entry_free(ils, oldest);
}

static void command_open(struct ils *ils, const struct command *c)
{
    size_t open = open_count(ils);
    if (ils->role != ROLE_HUB) {
        refuse(ils, c, REPLY_NOT_HUB, slice_make(NULL, 0));
        return;
    }
    if (ils->cert[0].leaf.n == 0) {
        refuse(ils, c, REPLY_NO_CERTIFICATE, slice_make(NULL, 0));
        return;
    }
    if (ils->clock.wrong) { /* it would expire at once, or never */
        refuse(ils, c, REPLY_CLOCK, slice_make(NULL, 0));
        return;
    }
    if (open >= INVITES_MAX) {
        struct buf b;
        buf_init(&b, ils->mem, 24);
        buf_put_decimal(&b, open);
        refuse(ils, c, REPLY_INVITES_FULL, buf_slice(&b));
        buf_done(&b);
        return;
    }
    struct rows rows;
    rows_init(&rows, ils);
    struct trust_change *change = trust_change_new(ils);
    struct invite_entry *e = mem_alloc(ils->mem, sizeof *e);
    if (change == NULL || e == NULL) {
        invite_entry_free(ils, e);
        trust_change_free(ils, change);
        refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    memcpy(e->id, c->invite.id, sizeof e->id);
    memcpy(e->secret, c->invite.secret, sizeof e->secret);
    e->made = ils->wall;
    e->expires = c->invite.expires;
    change->part = INVITE_OPENED;
    change->invite = e;
    make_room(&rows);
    rows_invite(&rows, e);
    if (!store(&rows, c, change))
        trust_change_free(ils, change);
}

/* It lets nobody in from now on, and comes back only when the disk does not take that. */
static void command_remove(struct ils *ils, const struct command *c)
{
    char hex[2 * INVITE_ID_SIZE + 1];
    struct invite_entry *e = invite_find(ils, c->invite.id);
    if (e == NULL) {
        hex_text(hex, c->invite.id, INVITE_ID_SIZE);
        refuse(ils, c, REPLY_INVITE_UNKNOWN, slice_of(hex));
        return;
    }
    struct rows rows;
    rows_init(&rows, ils);
    struct trust_change *change = trust_change_new(ils);
    if (change == NULL) {
        refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    change->part = INVITE_REMOVED;
    rows_remove(&rows, ROW_INVITE, id_key(ils, e->id));
    if (!store(&rows, c, change)) {
        trust_change_free(ils, change);
        return;
    }
    list_out(ils, e);
    change->invite = e;
}

void invite_command(struct ils *ils, const struct command *c)
{
    if (c->type == COMMAND_INVITE)
        command_open(ils, c);
    else if (c->type == COMMAND_INVITE_REMOVE)
        command_remove(ils, c);
}

/* --- the acceptor */

void invite_prs(uint8_t ret[static 32], const struct invite *invite)
{
    struct slice parts[2] = {slice_make(invite->id, INVITE_ID_SIZE),
                             slice_make(invite->secret, INVITE_SECRET_SIZE)};
    crypto_hash(ret, "invite", parts, 2);
}

static enum code judge(const struct ils *ils, const struct invite_entry *e)
{
    if (e == NULL)
        return CODE_INVITE_UNKNOWN;
    if (over(ils, e))
        return CODE_INVITE_EXPIRED;
    return has_secret(e) ? CODE_NONE : CODE_INVITE_USED;
}

enum code invite_judge(const struct ils *ils, const uint8_t id[static INVITE_ID_SIZE],
                       uint8_t ret_prs[static 32])
{
    const struct invite_entry *e = invite_find(ils, id);
    enum code code = judge(ils, e);
    if (code != CODE_NONE)
        return code;
    struct invite invite = {0};
    memcpy(invite.id, e->id, sizeof invite.id);
    memcpy(invite.secret, e->secret, sizeof invite.secret);
    invite_prs(ret_prs, &invite);
    crypto_wipe(&invite, sizeof invite);
    return CODE_NONE;
}

/* Its row is written with every failure: there are no more than five. */
void invite_failed(struct ils *ils, const uint8_t id[static INVITE_ID_SIZE])
{
    struct invite_entry *e = invite_find(ils, id);
    if (e == NULL || !has_secret(e))
        return;
    if (++e->failures >= INVITE_FAILURES) {
        e->spent = true;
        crypto_wipe(e->secret, sizeof e->secret);
        invite_say(ils, id, "spent, tried in vain");
    }
    struct rows rows;
    rows_init(&rows, ils);
    rows_invite(&rows, e);
    journal_store(&rows, BATCH_PLAIN);
}

/* The rows and the change of a spending; NULL: no room for it. */
static struct trust_change *spending(struct rows *r, const struct link *l,
                                     const struct invite_entry *e)
{
    struct trust_change *change = NULL;
    if (!trust_add(r, buf_slice(&l->cert_der), &l->cert, slice_of("invite"), &change))
        return NULL;
    if (change == NULL)
        change = trust_change_new(r->ils);
    if (change == NULL)
        return NULL;
    change->part = INVITE_SPENT;
    change->was_spent = e->spent;
    memcpy(change->id, e->id, sizeof change->id);
    memcpy(change->key, l->theirs.key, sizeof change->key);
    return change;
}

enum code invite_spend(struct link *l)
{
    struct ils *ils = l->ils;
    struct invite_entry *e = invite_find(ils, l->invite.id);
    enum code code = judge(ils, e);
    if (code != CODE_NONE)
        return code;
    if (e->spent && memcmp(e->by, l->theirs.key, KEY_SIZE) != 0)
        return CODE_INVITE_USED;
    if (!l->cert.present || l->cert_der.n == 0)
        return CODE_NO_CERTIFICATE;
    struct rows rows;
    rows_init(&rows, ils);
    struct trust_change *change = spending(&rows, l, e);
    if (change == NULL)
        return CODE_FULL;
    struct invite_entry then = *e;
    spent_by(&then, l->theirs.key);
    rows_invite(&rows, &then);
    crypto_wipe(&then, sizeof then);
    struct batch *b = journal_store(&rows, BATCH_INVITE);
    if (b == NULL) {
        trust_change_free(ils, change);
        return CODE_FULL;
    }
    spent_by(e, l->theirs.key); /* nobody else may use it while the disk is awaited */
    b->link = l->id;
    b->trust = change;
    return CODE_NONE;
}

/* --- durable, or not */

static void apply_opened(struct ils *ils, struct trust_change *c)
{
    struct invite_entry *former = invite_find(ils, c->invite->id);
    if (former != NULL) {
        list_out(ils, former);
        invite_entry_free(ils, former);
    }
    list_in(ils, c->invite);
    invite_say(ils, c->invite->id, "opened");
    c->invite = NULL;
}

/* Who came by an invite is introduced to the other hubs from now on. */
static void invited(struct ils *ils, const uint8_t *key)
{
    struct peer *p = peer_get(ils, key);
    if (p == NULL)
        return; /* and it is refused: there is no room for more clusters */
    p->invited_here = true;
    peer_dirty(ils, p);
    introduce_again(ils);
}

static void apply_spent(struct ils *ils, const struct trust_change *c, bool failed)
{
    struct invite_entry *e = invite_find(ils, c->id);
    if (!failed)
        invited(ils, c->key);
    if (e == NULL)
        return; /* removed meanwhile */
    if (!failed) {
        spent_by(e, c->key);
        invite_say(ils, c->id, "used");
    } else if (!c->was_spent && has_secret(e)) {
        e->spent = false;
        memset(e->by, 0, sizeof e->by);
        e->by_id[0] = '\0';
    }
}

/* The wish to join may itself still wait for the disk. */
static bool join_pending(const struct ils *ils)
{
    list_each(node, &ils->batches)
        if (list_entry(node, struct batch, node)->join)
            return true;
    return false;
}

/* The ordinary join begins; or the invite is used once more, a little later. */
static void won(struct ils *ils, bool failed)
{
    if (join_pending(ils))
        return;
    dial_now(ils);
    if (failed)
        ils->dial.next += STORE_RETRY_US;
}

void invite_apply(struct ils *ils, struct trust_change *c, bool failed)
{
    switch (c->part) {
    case INVITE_UNTOUCHED: break;
    case INVITE_OPENED:
        if (!failed)
            apply_opened(ils, c);
        break;
    case INVITE_REMOVED:
        if (!failed) {
            invite_say(ils, c->invite->id, "removed");
        } else if (invite_find(ils, c->invite->id) == NULL) {
            list_in(ils, c->invite);
            c->invite = NULL;
        }
        break;
    case INVITE_SPENT: apply_spent(ils, c, failed); break;
    case INVITE_WON:
        if (failed && ils->dial.invite.expires == 0)
            ils->dial.invite = c->won;
        won(ils, failed);
        break;
    }
}

void invite_stored(struct ils *ils, struct batch *b, bool failed)
{
    trust_stored(ils, b, failed);
    if (b->command != 0)
        command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK, slice_make(NULL, 0));
    list_each(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (b->link != 0 && l->id == b->link && l->state == LINK_SPENDING) {
            handshake_invite_stored(l, failed);
            return;
        }
    }
}

/* --- the dialler */

static void used_up(const struct link *l)
{
    struct dial *d = &l->ils->dial;
    if (memcmp(d->invite.id, l->invite.id, INVITE_ID_SIZE) == 0) /* no other came meanwhile */
        crypto_wipe(&d->invite, sizeof d->invite);
}

void invite_won(struct link *l)
{
    struct ils *ils = l->ils;
    struct trust_change *change = NULL;
    struct rows rows;
    rows_init(&rows, ils);
    if (l->to != NULL) {
        l->to->invited_there = true;
        l->to->row_next = 0;
        peer_dirty(ils, l->to);
    }
    bool trusted = trust_add(&rows, buf_slice(&l->cert_der), &l->cert, slice_of("invite"), &change);
    if (change == NULL) { /* imported already; or the ordinary join says what is missing */
        used_up(l);
        won(ils, !trusted);
        return;
    }
    struct batch *b = journal_store(&rows, BATCH_TRUST);
    if (b == NULL) {
        trust_change_free(ils, change);
        won(ils, true);
        return;
    }
    change->part = INVITE_WON;
    change->won = l->invite;
    b->trust = change;
    used_up(l);
}

/* --- time */

void invite_tick(struct ils *ils)
{
    struct rows rows;
    rows_init(&rows, ils);
    list_each_safe(node, &ils->invites) {
        struct invite_entry *e = list_entry(node, struct invite_entry, node);
        if (!over(ils, e))
            continue;
        if (ils->date - e->expires >= INVITE_KEPT_US) {
            rows_remove(&rows, ROW_INVITE, id_key(ils, e->id));
            list_out(ils, e);
            invite_entry_free(ils, e);
        } else if (has_secret(e)) {
            crypto_wipe(e->secret, sizeof e->secret);
            rows_invite(&rows, e);
            if (!e->spent)
                invite_say(ils, e->id, "expired");
        }
    }
    if (rows.n != 0)
        journal_store(&rows, BATCH_PLAIN);
}

void invite_free(struct ils *ils)
{
    list_each_safe(node, &ils->invites) {
        struct invite_entry *e = list_entry(node, struct invite_entry, node);
        list_out(ils, e);
        invite_entry_free(ils, e);
    }
}
