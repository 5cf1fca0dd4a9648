/* trust: the certificates and CRLs that this cluster trusts, and those that it refused, kept so
 * that the remedy is one command. Whatever changes the trust store is durable before it counts.
 *
 * ROW_TRUST, by fingerprint (32): u8 kind, u8 flags (1 = authority), u64 not after, u64 added,
 * u8 n and subject, u8 n and source, then the DER form.
 * ROW_REFUSED, by fingerprint: u16 code, u64 count, u64 first, u64 last, u64 not after, u16 port,
 * u32 verdicts in all, the last 8 of them (8 each; as many as there are), u8 n and address, u8 n
 * and subject, then the DER form.
 *
 * Refused certificates come from strangers: their table is bounded, in all and per address, and
 * written at most once in REFUSED_WRITE_US, whatever comes in. */
#include "core/trust.h"

/* --- the trust store */

static struct trust_entry *entry_new(struct ils *ils, const struct trust_item *item,
                                     struct slice source)
{
    struct trust_entry *e = mem_alloc(ils->mem, sizeof *e);
    if (e == NULL)
        return NULL;
    list_init(&e->node);
    e->kind = (uint8_t)item->kind;
    e->authority = item->authority;
    e->not_after = item->not_after;
    e->added = ils->wall;
    memcpy(e->fingerprint, item->fingerprint, sizeof e->fingerprint);
    text_set(e->subject, item->subject);
    text_set(e->source, source);
    buf_init(&e->der, ils->mem, item->der.n);
    buf_put_slice(&e->der, item->der);
    if (e->der.failed) {
        buf_done(&e->der);
        mem_free(ils->mem, e, sizeof *e);
        return NULL;
    }
    return e;
}

static void entry_free(struct ils *ils, struct trust_entry *e)
{
    list_remove(&e->node);
    buf_done(&e->der);
    mem_free(ils->mem, e, sizeof *e);
}

static struct trust_entry *entry_of(const struct list *entries, const uint8_t *fingerprint)
{
    list_each(node, entries) {
        struct trust_entry *e = list_entry(node, struct trust_entry, node);
        if (memcmp(e->fingerprint, fingerprint, FINGERPRINT_SIZE) == 0)
            return e;
    }
    return NULL;
}

struct trust_entry *trust_find(const struct ils *ils, const uint8_t fingerprint[static 32])
{
    return entry_of(&ils->trust, fingerprint);
}

bool trust_pending(const struct ils *ils, const uint8_t fingerprint[static 32])
{
    list_each(node, &ils->batches) {
        const struct trust_change *c = list_entry(node, struct batch, node)->trust;
        if (c != NULL && entry_of(&c->add, fingerprint) != NULL)
            return true;
    }
    return false;
}

static void put_text(struct buf *b, struct slice text)
{
    buf_put_u8(b, (uint8_t)text.n);
    buf_put(b, text.p, text.n);
}

static struct slice get_text(struct cursor *c)
{
    size_t n = cursor_u8(c);
    return cursor_bytes(c, n);
}

/* No time that a sum could overflow. */
static wall get_wall(struct cursor *c)
{
    return (wall)(cursor_u64(c) & INT64_MAX);
}

/* Hands b over as the row's value and ends it. The row must live until the next step. */
static void rows_put_buf(struct rows *r, enum row_space space, const uint8_t *fingerprint,
                         struct buf *b)
{
    struct slice value = arena_copy(&r->ils->step, buf_slice(b));
    r->failed = r->failed || b->failed || value.n == 0;
    buf_done(b);
    rows_put(r, space, arena_copy(&r->ils->step, slice_make(fingerprint, FINGERPRINT_SIZE)), value);
}

static void rows_trust(struct rows *r, const struct trust_entry *e)
{
    struct buf b;
    buf_init(&b, r->ils->mem, SIZE_MAX);
    buf_put_u8(&b, e->kind);
    buf_put_u8(&b, e->authority);
    buf_put_u64(&b, (uint64_t)e->not_after);
    buf_put_u64(&b, (uint64_t)e->added);
    put_text(&b, text_slice(e->subject));
    put_text(&b, text_slice(e->source));
    buf_put_slice(&b, buf_slice(&e->der));
    rows_put_buf(r, ROW_TRUST, e->fingerprint, &b);
}

/* One that cannot be held ends the core: a CRL that is forgotten would let somebody in. */
void trust_row(struct ils *ils, const struct row *row)
{
    struct cursor c;
    struct trust_item item = {0};
    cursor_init(&c, row->value);
    uint8_t kind = cursor_u8(&c), flags = cursor_u8(&c);
    item.not_after = get_wall(&c);
    wall added = get_wall(&c);
    item.subject = get_text(&c);
    struct slice source = get_text(&c);
    item.der = cursor_bytes(&c, cursor_left(&c));
    if (c.failed || row->key.n != FINGERPRINT_SIZE || kind > TRUST_CRL || item.der.n == 0 ||
        trust_find(ils, row->key.p) != NULL)
        return;
    item.kind = (enum trust_kind)kind;
    item.authority = (flags & 1) != 0;
    memcpy(item.fingerprint, row->key.p, sizeof item.fingerprint);
    struct trust_entry *e = entry_new(ils, &item, source);
    if (e == NULL) {
        ils->broken = true;
        return;
    }
    e->added = added;
    list_add(&ils->trust, &e->node);
    ils->trust_n++;
}

struct trust_change *trust_change_new(struct ils *ils)
{
    struct trust_change *c = mem_alloc(ils->mem, sizeof *c);
    if (c != NULL)
        list_init(&c->add);
    return c;
}

void trust_change_free(struct ils *ils, struct trust_change *c)
{
    if (c == NULL)
        return;
    list_each_safe(node, &c->add)
        entry_free(ils, list_entry(node, struct trust_entry, node));
    invite_entry_free(ils, c->invite);
    crypto_wipe(c, sizeof *c);
    mem_free(ils->mem, c, sizeof *c);
}

/* Whether a batch under way removes it. */
static bool leaving(const struct ils *ils, const uint8_t *fingerprint)
{
    list_each(node, &ils->batches) {
        const struct trust_change *c = list_entry(node, struct batch, node)->trust;
        if (c != NULL && c->remove && memcmp(c->gone, fingerprint, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

static void weigh(const struct list *entries, size_t *n, size_t *bytes)
{
    list_each(node, entries) {
        ++*n;
        *bytes += list_entry(node, struct trust_entry, node)->der.n;
    }
}

/* Room for `more` bytes beside what is there and what is under way. */
static bool has_room(const struct ils *ils, const struct trust_change *mine, size_t more)
{
    size_t n = 1, bytes = more;
    weigh(&ils->trust, &n, &bytes);
    weigh(&mine->add, &n, &bytes);
    list_each(node, &ils->batches) {
        const struct trust_change *c = list_entry(node, struct batch, node)->trust;
        if (c != NULL)
            weigh(&c->add, &n, &bytes);
    }
    return n <= TRUST_MAX && bytes <= TRUST_BYTES;
}

/* Whether the file of an authority came after its certificate was imported as one cluster's. */
static bool is_more(const struct trust_entry *e, const struct trust_item *item)
{
    return item->authority && !e->authority;
}

/* One that is there stays as it is, but for that. */
static enum reply add_item(struct rows *r, struct trust_change *c, const struct trust_item *item,
                           struct slice source)
{
    struct ils *ils = r->ils;
    if (item->der.n == 0 || (item->kind == TRUST_CERTIFICATE && item->der.n > CERTIFICATE_MAX))
        return REPLY_TEXT_TOO_LONG;
    const struct trust_entry *there = trust_find(ils, item->fingerprint);
    if (entry_of(&c->add, item->fingerprint) != NULL ||
        (there != NULL && !is_more(there, item) && !leaving(ils, item->fingerprint))) {
        c->known++;
        return REPLY_OK;
    }
    if (!has_room(ils, c, item->der.n))
        return REPLY_TRUST_FULL;
    struct trust_entry *e = entry_new(ils, item, source);
    if (e == NULL)
        return REPLY_MEMORY;
    list_add(&c->add, &e->node);
    rows_trust(r, e);
    return REPLY_OK;
}

bool trust_add_to(struct rows *r, struct trust_change *c, struct slice der, const struct facts *f,
                  struct slice source)
{
    struct trust_item item = {.der = der, .subject = text_slice(f->subject),
                              .not_after = f->not_after};
    memcpy(item.fingerprint, f->fingerprint, sizeof item.fingerprint);
    return add_item(r, c, &item, source) == REPLY_OK;
}

bool trust_add(struct rows *r, struct slice der, const struct facts *f, struct slice source,
               struct trust_change **ret_change)
{
    struct trust_change *c = trust_change_new(r->ils);
    bool added = c != NULL && trust_add_to(r, c, der, f, source);
    *ret_change = c;
    if (!added || c->known != 0) {
        trust_change_free(r->ils, c);
        *ret_change = NULL;
    }
    return added;
}

#define VOUCHER 8 /* bytes of the peer's id that the trust store names */

void trust_source(struct buf *b, struct ils *ils, const char *how, const struct peer *p)
{
    char id[2 * VOUCHER + 1];
    hex_text(id, p->id, VOUCHER);
    buf_init(b, ils->mem, 128);
    buf_put_text(b, how);
    buf_put_slice(b, text_slice(p->cluster_id));
    buf_put_text(b, " (");
    buf_put_text(b, id);
    buf_put_text(b, ")");
}

bool trust_came_by(const struct trust_entry *e, const char *how, const struct peer *p)
{
    char id[2 * VOUCHER + 1];
    struct slice source = text_slice(e->source), words = slice_of(how);
    hex_text(id, p->id, VOUCHER);
    return source.n > words.n + sizeof id && memcmp(source.p, words.p, words.n) == 0 &&
           memcmp(source.p + source.n - sizeof id, id, sizeof id - 1) == 0;
}

void trust_replace(struct rows *r, struct trust_change *c, const struct trust_entry *gone)
{
    c->remove = true;
    memcpy(c->gone, gone->fingerprint, sizeof c->gone);
    rows_remove(r, ROW_TRUST,
                arena_copy(&r->ils->step, slice_make(gone->fingerprint, FINGERPRINT_SIZE)));
}

/* Whoever waits to dial tries again at once; not before a join that waits for the disk. */
static void knock(struct ils *ils)
{
    mesh_now(ils);
    if (ils->dial.next != TICK_NEVER)
        dial_now(ils);
}

/* What the rows say holds: one that came twice meanwhile replaces the former. */
static void apply_add(struct ils *ils, struct trust_change *c, struct trust_entry *e)
{
    struct trust_entry *former = trust_find(ils, e->fingerprint);
    list_remove(&e->node);
    list_add(&ils->trust, &e->node);
    if (former != NULL) {
        ils->trust_moved = ils->trust_moved || former->authority != e->authority;
        entry_free(ils, former);
        c->known++;
        return;
    }
    ils->trust_n++;
    ils->trust_moved = true;
    alarm_clear(ils, ILSTLSAuthenticationFailed, text_slice(e->subject)); /* what it asked for */
    struct trace *t = say(ils, EVENT_TRUST_CHANGED);
    t->text[0] = slice_of("added");
    t->text[1] = arena_copy(&ils->step, text_slice(e->subject));
    if (c->introduced)
        introduce_stored(ils, e, c->introduced_by);
}

static void apply_remove(struct ils *ils, const struct trust_change *c)
{
    struct trust_entry *e = c->remove ? trust_find(ils, c->gone) : NULL;
    if (c->by_hand)
        introduce_removal_stored(ils, c->gone);
    if (e == NULL)
        return;
    struct trace *t = say(ils, EVENT_TRUST_CHANGED);
    t->text[0] = slice_of("removed");
    t->text[1] = arena_copy(&ils->step, text_slice(e->subject));
    entry_free(ils, e);
    ils->trust_n--;
    ils->trust_moved = true;
}

static void answer(struct ils *ils, uint64_t command, const struct trust_change *c, size_t added)
{
    struct ils_action *a = ils_action(ils, ILS_DO_REPLY);
    a->command = command;
    a->reply = REPLY_OK;
    a->text = arena_copy(&ils->step, text_slice(c->reply));
    a->number[0] = added;
    a->number[1] = c->known;
}

void trust_stored(struct ils *ils, struct batch *b, bool failed)
{
    struct trust_change *c = b->trust;
    size_t before = ils->trust_n;
    if (c == NULL)
        return;
    invite_apply(ils, c, failed);
    if (failed) {
        if (b->kind == BATCH_TRUST && b->command != 0)
            command_reply(ils, b->command, REPLY_STORE, slice_make(NULL, 0));
        return;
    }
    list_each_safe(node, &c->add)
        apply_add(ils, c, list_entry(node, struct trust_entry, node));
    size_t added = ils->trust_n - before;
    apply_remove(ils, c);
    if (c->knock)
        gate_forget(ils);
    if (c->knock || added != 0)
        knock(ils);
    if (b->kind == BATCH_TRUST && b->command != 0)
        answer(ils, b->command, c, added);
}

/* --- the operator's words */

static void refuse(struct ils *ils, const struct command *c, enum reply reply, struct slice text)
{
    command_reply(ils, c->id, reply, text);
}

/* Stores what is to be so; what: for the audit. The change is taken. */
static void store(struct rows *r, const struct command *c, struct trust_change *change,
                  struct slice what)
{
    struct ils *ils = r->ils;
    if (c->who.n != 0)
        rows_audit(r, c->who, what);
    struct batch *b = journal_store(r, BATCH_TRUST);
    if (b == NULL) {
        trust_change_free(ils, change);
        refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    b->command = c->id;
    b->trust = change;
}

/* Stores what add_item collected, or says why not. */
static void store_added(struct rows *r, const struct command *c, struct trust_change *change,
                        enum reply reply, struct slice text)
{
    struct ils *ils = r->ils;
    if (reply == REPLY_TRUST_FULL) {
        struct buf b;
        buf_init(&b, ils->mem, 24);
        buf_put_decimal(&b, ils->trust_n);
        refuse(ils, c, reply, buf_slice(&b));
        buf_done(&b);
    } else if (reply != REPLY_OK) {
        refuse(ils, c, reply, text);
    } else if (list_empty(&change->add)) { /* nothing to be stored, and yet the operator's word */
        gate_forget(ils);
        knock(ils);
        answer(ils, c->id, change, 0);
    } else {
        change->knock = true;
        store(r, c, change, c->what);
        return;
    }
    trust_change_free(ils, change);
}

static void command_add(struct ils *ils, const struct command *c)
{
    struct rows rows;
    rows_init(&rows, ils);
    struct slice source = c->source.n != 0 ? c->source : slice_of("import"), text = {0};
    struct trust_change *change = trust_change_new(ils);
    enum reply reply = change == NULL ? REPLY_MEMORY : REPLY_OK;
    for (size_t i = 0; reply == REPLY_OK && i < c->trust_n; i++) {
        text = c->trust[i].subject;
        reply = add_item(&rows, change, &c->trust[i], source);
    }
    store_added(&rows, c, change, reply, text);
}

/* The hex digits of a fingerprint or of its beginning; 0 when it is none, or too little of it. */
static size_t digits(struct slice text, char ret[static 2 * FINGERPRINT_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t d = ascii_lower(text.p[i]);
        if (d == ':')
            continue;
        if (n == 2 * FINGERPRINT_SIZE || ((d < '0' || d > '9') && (d < 'a' || d > 'f')))
            return 0;
        ret[n++] = (char)d;
    }
    return n < 8 ? 0 : n;
}

/* The last word, so that the command as it was typed will do. */
static struct slice last_word(struct slice text)
{
    text = slice_trim(text);
    for (size_t i = text.n; i > 0; i--)
        if (text.p[i - 1] == ' ')
            return slice_make(text.p + i, text.n - i);
    return text;
}

static struct slice audit_of(struct ils *ils, const char *hex)
{
    static const char words[] = "trust remove ";
    char *p = arena_alloc(&ils->step, sizeof words - 1 + 2 * FINGERPRINT_SIZE);
    if (p == NULL)
        return slice_make(NULL, 0); /* and the rows have failed with it */
    memcpy(p, words, sizeof words - 1);
    memcpy(p + sizeof words - 1, hex, 2 * FINGERPRINT_SIZE);
    return slice_make(p, sizeof words - 1 + 2 * FINGERPRINT_SIZE);
}

static void command_remove(struct ils *ils, const struct command *c)
{
    char wanted[2 * FINGERPRINT_SIZE], hex[2 * FINGERPRINT_SIZE + 1];
    struct slice text = last_word(c->what);
    size_t n = digits(text, wanted), found = 0;
    const struct trust_entry *e = NULL;
    list_each(node, &ils->trust) {
        const struct trust_entry *one = list_entry(node, struct trust_entry, node);
        hex_text(hex, one->fingerprint, FINGERPRINT_SIZE);
        if (n == 0 || memcmp(hex, wanted, n) != 0)
            continue;
        e = one;
        found++;
    }
    if (found != 1) {
        refuse(ils, c, found == 0 ? REPLY_TRUST_UNKNOWN : REPLY_TRUST_AMBIGUOUS, text);
        return;
    }
    struct rows rows;
    rows_init(&rows, ils);
    struct trust_change *change = trust_change_new(ils);
    if (change == NULL) {
        refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    hex_text(hex, e->fingerprint, FINGERPRINT_SIZE);
    text_set(change->reply, slice_of(hex));
    trust_replace(&rows, change, e);
    change->by_hand = true;
    introduce_removed(&rows, e->fingerprint);
    store(&rows, c, change, audit_of(ils, hex));
}

/* Of the verdicts under which it was refused, those that are still kept. */
static size_t verdicts_kept(const struct refused_entry *e)
{
    return e->verdict_n < REFUSED_VERDICTS ? e->verdict_n : REFUSED_VERDICTS;
}

static const struct refused_entry *refused_under(const struct ils *ils, const uint8_t *verdict_id)
{
    list_each(node, &ils->refused) {
        const struct refused_entry *e = list_entry(node, struct refused_entry, node);
        for (size_t i = 0; i < verdicts_kept(e); i++)
            if (memcmp(e->verdict_id[i], verdict_id, VERDICT_ID_SIZE) == 0)
                return e;
    }
    return NULL;
}

static void command_verdict(struct ils *ils, const struct command *c)
{
    char source[] = "verdict 0123456789abcdef", hex[2 * FINGERPRINT_SIZE + 1];
    hex_text(source + sizeof source - 1 - 2 * VERDICT_ID_SIZE, c->verdict_id, VERDICT_ID_SIZE);
    const struct refused_entry *e = refused_under(ils, c->verdict_id);
    if (e == NULL) {
        refuse(ils, c, REPLY_VERDICT_UNKNOWN, slice_of(source + sizeof "verdict"));
        return;
    }
    struct trust_item item = {.der = buf_slice(&e->der), .subject = text_slice(e->subject),
                              .not_after = e->not_after};
    memcpy(item.fingerprint, e->fingerprint, sizeof item.fingerprint);
    struct rows rows;
    rows_init(&rows, ils);
    struct trust_change *change = trust_change_new(ils);
    enum reply reply = REPLY_MEMORY;
    if (change != NULL) {
        reply = add_item(&rows, change, &item, slice_of(source));
        hex_text(hex, e->fingerprint, FINGERPRINT_SIZE);
        text_set(change->reply, slice_of(hex));
    }
    store_added(&rows, c, change, reply, item.subject);
}

void trust_command(struct ils *ils, const struct command *c)
{
    switch ((int)c->type) {
    case COMMAND_TRUST_ADD: command_add(ils, c); break;
    case COMMAND_TRUST_REMOVE: command_remove(ils, c); break;
    case COMMAND_TRUST_VERDICT: command_verdict(ils, c); break;
    default: break;
    }
}

/* --- certificates that were refused */

static struct refused_entry *refused_find(const struct ils *ils, const uint8_t *fingerprint)
{
    list_each(node, &ils->refused) {
        struct refused_entry *e = list_entry(node, struct refused_entry, node);
        if (memcmp(e->fingerprint, fingerprint, FINGERPRINT_SIZE) == 0)
            return e;
    }
    return NULL;
}

static void refused_free(struct ils *ils, struct refused_entry *e)
{
    list_remove(&e->node);
    buf_done(&e->der);
    mem_free(ils->mem, e, sizeof *e);
    ils->refused_n--;
}

/* Its row goes with the next batch. Where memory for that is refused, the row is read at the next
 * start and dropped then. */
static void refused_drop(struct ils *ils, struct refused_entry *e)
{
    struct buf *gone = &ils->refused_gone;
    if (gone->mem == NULL)
        buf_init(gone, ils->mem, SIZE_MAX);
    if (e->stored)
        buf_put(gone, e->fingerprint, FINGERPRINT_SIZE);
    gone->failed = false;
    refused_free(ils, e);
}

/* The address that fills the table pays with its own oldest one. */
static void refused_room(struct ils *ils, const char *ip)
{
    struct refused_entry *oldest = NULL;
    size_t n = 0;
    list_each(node, &ils->refused) {
        struct refused_entry *e = list_entry(node, struct refused_entry, node);
        if (!slice_eq(slice_of(e->ip), slice_of(ip)))
            continue;
        oldest = oldest == NULL ? e : oldest;
        n++;
    }
    if (n >= REFUSED_PER_ADDRESS)
        refused_drop(ils, oldest);
    else if (ils->refused_n >= REFUSED_MAX)
        refused_drop(ils, list_entry(ils->refused.next, struct refused_entry, node));
}

static struct refused_entry *refused_new(struct ils *ils, const uint8_t *fingerprint,
                                         struct slice subject, struct slice der)
{
    struct refused_entry *e = mem_alloc(ils->mem, sizeof *e);
    if (e == NULL)
        return NULL;
    list_init(&e->node);
    memcpy(e->fingerprint, fingerprint, sizeof e->fingerprint);
    text_set(e->subject, subject);
    buf_init(&e->der, ils->mem, der.n);
    buf_put_slice(&e->der, der);
    ils->refused_n++;
    if (e->der.failed) {
        refused_free(ils, e);
        return NULL;
    }
    return e;
}

static void rows_refused(struct rows *r, const struct refused_entry *e)
{
    struct buf b;
    buf_init(&b, r->ils->mem, SIZE_MAX);
    buf_put_u16(&b, (uint16_t)e->code);
    buf_put_u64(&b, e->count);
    buf_put_u64(&b, (uint64_t)e->first);
    buf_put_u64(&b, (uint64_t)e->last);
    buf_put_u64(&b, (uint64_t)e->not_after);
    buf_put_u16(&b, e->port);
    buf_put_u32(&b, e->verdict_n);
    buf_put(&b, e->verdict_id, verdicts_kept(e) * VERDICT_ID_SIZE);
    put_text(&b, slice_of(e->ip));
    put_text(&b, text_slice(e->subject));
    buf_put_slice(&b, buf_slice(&e->der));
    rows_put_buf(r, ROW_REFUSED, e->fingerprint, &b);
}

/* Rows come in no order of time; the list is oldest first. */
static void refused_sort_in(struct ils *ils, struct refused_entry *e)
{
    struct list *after = ils->refused.prev;
    while (after != &ils->refused && list_entry(after, struct refused_entry, node)->last > e->last)
        after = after->prev;
    list_add(after->next, &e->node); /* before the next one */
}

void refused_row(struct ils *ils, const struct row *row)
{
    struct cursor c;
    struct refused_entry read = {0};
    cursor_init(&c, row->value);
    read.code = handshake_code(cursor_u16(&c));
    read.count = cursor_u64(&c);
    read.first = get_wall(&c);
    read.last = get_wall(&c);
    read.not_after = get_wall(&c);
    read.port = cursor_u16(&c);
    read.verdict_n = cursor_u32(&c);
    if (read.verdict_n >= REFUSED_VERDICTS)
        read.verdict_n = REFUSED_VERDICTS + read.verdict_n % REFUSED_VERDICTS;
    cursor_copy(&c, read.verdict_id, verdicts_kept(&read) * VERDICT_ID_SIZE);
    struct slice ip = get_text(&c), subject = get_text(&c);
    struct slice der = cursor_bytes(&c, cursor_left(&c));
    if (c.failed || row->key.n != FINGERPRINT_SIZE || ip.n > ADDRESS_TEXT_MAX || der.n == 0 ||
        der.n > CERTIFICATE_MAX || refused_find(ils, row->key.p) != NULL)
        return;
    struct refused_entry *e = refused_new(ils, row->key.p, subject, der);
    if (e == NULL)
        return;
    e->code = read.code;
    e->count = read.count;
    e->first = read.first;
    e->last = read.last;
    e->not_after = read.not_after;
    e->port = read.port;
    e->verdict_n = read.verdict_n;
    memcpy(e->verdict_id, read.verdict_id, sizeof e->verdict_id);
    slice_to_text(ip, e->ip, sizeof e->ip);
    e->stored = true;
    refused_sort_in(ils, e);
    if (ils->refused_n > REFUSED_MAX)
        refused_drop(ils, list_entry(ils->refused.next, struct refused_entry, node));
}

static bool refused_waits(const struct ils *ils)
{
    list_each(node, &ils->refused)
        if (list_entry(node, struct refused_entry, node)->dirty)
            return true;
    return ils->refused_gone.n != 0;
}

/* All that changed since the last time, in one batch that nobody waits for. */
static void refused_write(struct ils *ils)
{
    struct rows rows;
    if (ils->now < ils->refused_next || !refused_waits(ils))
        return;
    rows_init(&rows, ils);
    for (size_t at = 0; at < ils->refused_gone.n; at += FINGERPRINT_SIZE)
        rows_remove(&rows, ROW_REFUSED,
                    arena_copy(&ils->step,
                               slice_make(ils->refused_gone.p + at, FINGERPRINT_SIZE)));
    list_each(node, &ils->refused) {
        const struct refused_entry *e = list_entry(node, struct refused_entry, node);
        if (e->dirty)
            rows_refused(&rows, e);
    }
    ils->refused_next = ils->now + REFUSED_WRITE_US;
    if (journal_store(&rows, BATCH_PLAIN) == NULL)
        return; /* the next time */
    buf_reset(&ils->refused_gone);
    list_each(node, &ils->refused) {
        struct refused_entry *e = list_entry(node, struct refused_entry, node);
        e->stored = e->stored || e->dirty;
        e->dirty = false;
    }
}

void trust_refused(struct link *l, enum code code)
{
    struct ils *ils = l->ils;
    struct slice der = buf_slice(&l->cert_der);
    if (!l->cert.present || der.n == 0 || der.n > CERTIFICATE_MAX)
        return;
    struct refused_entry *e = refused_find(ils, l->cert.fingerprint);
    if (e == NULL) {
        refused_room(ils, l->peer.ip);
        e = refused_new(ils, l->cert.fingerprint, text_slice(l->cert.subject), der);
        if (e == NULL)
            return;
        e->first = ils->wall;
        e->not_after = l->cert.not_after;
    }
    list_remove(&e->node);
    list_add(&ils->refused, &e->node);
    e->code = code;
    e->last = ils->wall;
    e->count++;
    memcpy(e->ip, l->peer.ip, sizeof e->ip);
    e->port = l->peer.port;
    memcpy(e->verdict_id[e->verdict_n++ % REFUSED_VERDICTS], l->verdict_id, VERDICT_ID_SIZE);
    if (e->verdict_n == 2 * REFUSED_VERDICTS) /* a ring: only its remainder counts from here */
        e->verdict_n = REFUSED_VERDICTS;
    e->dirty = true;
    refused_write(ils);
}

void trust_tick(struct ils *ils)
{
    list_each_safe(node, &ils->refused) {
        struct refused_entry *e = list_entry(node, struct refused_entry, node);
        if (!ils->clock.wrong && ils->wall - e->last >= REFUSED_KEPT_US)
            refused_drop(ils, e);
    }
    refused_write(ils);
}

tick trust_deadline(const struct ils *ils)
{
    return refused_waits(ils) ? ils->refused_next : TICK_NEVER;
}

void trust_free(struct ils *ils)
{
    list_each_safe(node, &ils->trust)
        entry_free(ils, list_entry(node, struct trust_entry, node));
    list_each_safe(node, &ils->refused)
        refused_free(ils, list_entry(node, struct refused_entry, node));
    buf_done(&ils->refused_gone);
}
