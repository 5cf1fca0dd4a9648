/* ends: forgetting and banning (PROTOCOL 13, Those who are gone).
 *
 * Who leaves says so himself (leave.c). Of a cluster that does not come back a hub's operator says
 * it (FORGET: it may return in a higher epoch; BAN: never), in a record of the hub's stream 0,
 * which every hub repeats, and everybody keeps, who says it in his own where his hub does not. Data
 * goes then, and the place in the table. What was known of the end stays for ever, so that nothing
 * older returns from a cluster that was away: the head that says LEFT, or the record.
 *
 * ENTRY_ENDED: user: the key; value: u8 flags (1: banned), u64 epoch, u64 USN, 16 author,
 * u8 length and cluster id, u32 turn.
 * Settings: "ended" and 32 bytes of the key: the same value. */
#include "core/core.h"

#define ENDED_NAME  "ended"
#define ENDED_VALUE (1 + 8 + 8 + PEER_ID_SIZE + 1 + CLUSTER_ID_MAX + 4)
#define TURN_MOST   1000
#define REPEAT_US   (10 * TICK_S) /* so long a spoke's hub has to say it itself */
#define ANEW_US   (60 * TICK_S) /* after it who is linked and does not return is told anew, ... */
#define ANEW_MAX_US (24 * 3600 * TICK_S) /* ... then after twice as long, up to that */
#define EPOCH_FIRST (UINT64_C(1) << 32) /* counter 1 (stream_epoch) */
#define EPOCH_MOST  (UINT64_C(1) << 63) /* nobody gets there: a record that says so is none */
#define USN_MOST    (UINT64_C(1) << 62)

/* --- who is gone */

struct ended *ends_find(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    list_each(node, &ils->ended) {
        struct ended *e = list_entry(node, struct ended, node);
        if (memcmp(e->key, key, KEY_SIZE) == 0)
            return e;
    }
    return NULL;
}

static bool covers(const struct ended *e, const struct head *h)
{
    return e->banned || (!BUG(EPOCH_UNCHECKED) && h->epoch <= e->epoch) ||
           h->epoch >= EPOCH_MOST;
}

const struct ended *ends_of(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    const struct ended *e = ends_find(ils, key);
    const struct stream *self = e == NULL ? NULL : stream_find(ils, key, STREAM_SELF);
    return self != NULL && stream_held(self) && !covers(e, &self->head) ? NULL : e;
}

bool ends_banned(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    const struct ended *e = ends_find(ils, key);
    return e != NULL && e->banned;
}

bool ends_allow(const struct ils *ils, const struct head *h)
{
    const struct ended *e = ends_find(ils, h->key);
    return e == NULL || !covers(e, h);
}

static bool stream_left(const struct stream *s)
{
    return s->number == STREAM_SELF && stream_held(s) && !BUG(LEFT_IGNORED) &&
           (s->head.flags & HEAD_FLAG_LEFT) != 0;
}

bool peer_left(const struct ils *ils, const struct peer *p)
{
    const struct stream *self = stream_find(ils, p->key, STREAM_SELF);
    return self != NULL && stream_left(self);
}

/* --- records */

static struct slice value_of(struct ils *ils, const struct ended *e)
{
    struct buf b;
    buf_init(&b, ils->mem, ENDED_VALUE);
    buf_put_u8(&b, e->banned);
    buf_put_u64(&b, e->epoch);
    buf_put_u64(&b, e->usn);
    buf_put(&b, e->author, PEER_ID_SIZE);
    buf_put_u8(&b, (uint8_t)e->name.n);
    buf_put_slice(&b, text_slice(e->name));
    buf_put_u32(&b, e->turn);
    struct slice value = b.failed ? slice_make(NULL, 0) : arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    return value;
}

/* Later versions may say more behind it. */
static bool read_value(struct ended *e, struct slice value)
{
    struct cursor c;
    cursor_init(&c, value);
    e->banned = (cursor_u8(&c) & 1) != 0;
    e->epoch = cursor_u64(&c);
    e->usn = cursor_u64(&c);
    cursor_copy(&c, e->author, PEER_ID_SIZE);
    struct slice name = cursor_bytes(&c, cursor_u8(&c));
    text_set(e->name, cluster_id_valid(name) ? name : slice_make(NULL, 0));
    e->turn = cursor_left(&c) >= 4 ? cursor_u32(&c) : e->banned;
    e->banned = (e->turn & 1) != 0;
    return !c.failed && e->turn <= TURN_MOST && e->epoch < EPOCH_MOST && e->usn < USN_MOST;
}

static void put_row(struct rows *r, const struct ended *e)
{
    uint8_t name[sizeof ENDED_NAME - 1 + KEY_SIZE];
    memcpy(name, ENDED_NAME, sizeof ENDED_NAME - 1);
    memcpy(name + sizeof ENDED_NAME - 1, e->key, KEY_SIZE);
    struct slice value = value_of(r->ils, e);
    r->failed = r->failed || value.n == 0;
    rows_put(r, ROW_SETTING, arena_copy(&r->ils->step, slice_make(name, sizeof name)), value);
}

void ends_remove_row(struct rows *r, const struct ended *e)
{
    uint8_t name[sizeof ENDED_NAME - 1 + KEY_SIZE];
    memcpy(name, ENDED_NAME, sizeof ENDED_NAME - 1);
    memcpy(name + sizeof ENDED_NAME - 1, e->key, KEY_SIZE);
    rows_remove(r, ROW_SETTING, arena_copy(&r->ils->step, slice_make(name, sizeof name)));
}

void ends_rows(struct rows *r)
{
    list_each(node, &r->ils->ended)
        put_row(r, list_entry(node, struct ended, node));
}

static bool says_more(const struct ended *e, const struct ended *of)
{
    if (e->turn != of->turn)
        return e->turn > of->turn;
    return e->epoch != of->epoch ? e->epoch > of->epoch : e->usn > of->usn;
}

static bool is_stranger(const struct ils *ils, const uint8_t key[static KEY_SIZE])
{
    return peer_find(ils, key) == NULL && stream_find(ils, key, STREAM_SELF) == NULL &&
           stream_find(ils, key, STREAM_PLAN) == NULL;
}

static void add(struct ils *ils, struct ended *e)
{
    crypto_peer_id(e->id, e->key);
    list_add(&ils->ended, &e->node);
}

static void moved(struct ils *ils, struct ended *e)
{
    ils->ends_due = ils->rosters_moved = true;
    e->repeated = ils->repeat_next = e->anew = ils->now + REPEAT_US;
    e->anew_wait = 0;
    if (ils->role == ROLE_HUB)
        self_changed(ils);
}

/* What one more record says is so from now on, if there are fewer than most. False: nothing new, or
 * no room. */
static bool merge(struct ils *ils, const struct ended *e, size_t most)
{
    struct ended *known = ends_find(ils, e->key);
    if (known == NULL) {
        size_t n = 0;
        list_each(node, &ils->ended)
            n++;
        known = n >= most ? NULL : mem_alloc(ils->mem, sizeof *known);
        if (known == NULL)
            return false;
        memcpy(known->key, e->key, KEY_SIZE);
        add(ils, known);
    } else if (!says_more(e, known)) {
        return false;
    }
    known->turn = e->turn > known->turn ? e->turn : known->turn;
    known->banned = (known->turn & 1) != 0;
    known->epoch = e->epoch > known->epoch ? e->epoch : known->epoch;
    known->usn = e->usn > known->usn ? e->usn : known->usn;
    memcpy(known->author, e->author, PEER_ID_SIZE);
    if (e->name.n != 0)
        text_set(known->name, text_slice(e->name));
    moved(ils, known);
    return true;
}

bool ends_setting(struct ils *ils, struct slice key, struct slice value)
{
    size_t name = sizeof ENDED_NAME - 1;
    struct ended e;
    if (slice_eq(key, slice_of("leaving"))) {
        ils->leaving.phase = LEAVING_WISH;
        ils->leaving.resumed = true;
        return true;
    }
    if (key.n != name + KEY_SIZE || memcmp(key.p, ENDED_NAME, name) != 0)
        return false;
    memcpy(e.key, key.p + name, KEY_SIZE);
    if (read_value(&e, value) && !merge(ils, &e, ENDED_MAX) && ends_find(ils, e.key) == NULL)
        ils->broken = true; /* who is banned is not forgotten for want of memory */
    return true;
}

struct reading {
    struct ils *ils;
    const struct peer *teller;
    struct rows rows;
};

/* Another's word. It may be one that lies, and names keys that it has made up: for whoever is
 * known here, and for the word of this hub's own operator, some room is left. */
static bool read_one(void *context, const struct record *r)
{
    struct reading *reading = context;
    struct ended e;
    if (r->kind != ENTRY_ENDED || r->user.n != KEY_SIZE || !read_value(&e, r->value))
        return true;
    memcpy(e.key, r->user.p, KEY_SIZE);
    bool stranger = is_stranger(reading->ils, e.key);
    if (author_judge(reading->ils, reading->teller, &e) &&
        merge(reading->ils, &e, ENDED_MAX - (stranger ? ENDED_KNOWN : ENDED_OWN)))
        put_row(&reading->rows, ends_find(reading->ils, e.key));
    return true;
}

/* What somebody says of this end in his stream 0 is all that is known here, or more. */
static bool says_it(const struct stream *self, const struct ended *e)
{
    const struct record key = {.kind = ENTRY_ENDED, .user = slice_make(e->key, KEY_SIZE)};
    struct record r;
    struct ended said;
    return catalog_find(self->catalog, &key, &r) && read_value(&said, r.value) &&
           !says_more(e, &said);
}

/* Whether this cluster is to say it: every hub does; a spoke where its hub does not, which was
 * restored, say, or is the one that was forgotten and does not know it. */
static bool is_repeated(const struct ils *ils, const struct ended *e)
{
    bool linked = false;
    if (ils->role == ROLE_HUB)
        return true;
    if (ils->now < e->repeated)
        return says_it(ils->self, e);
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct stream *self = stream_find(ils, p->key, STREAM_SELF);
        if (p->link == NULL || p->link->state != LINK_UP)
            continue;
        linked = true;
        if (self != NULL && stream_held(self) ? !says_it(self, e) : ends_find(ils, p->key) == e)
            return true;
    }
    return !linked && says_it(ils->self, e);
}

/* Whether a spoke must say of an end what it did not, or need not any more. */
static void repeat(struct ils *ils)
{
    ils->repeat_next = TICK_NEVER;
    if (ils->role != ROLE_SPOKE)
        return;
    list_each(node, &ils->ended) {
        const struct ended *e = list_entry(node, struct ended, node);
        if (is_repeated(ils, e) != says_it(ils->self, e))
            self_changed(ils);
        if (ils->now < e->repeated && e->repeated < ils->repeat_next)
            ils->repeat_next = e->repeated;
    }
}

void ends_read(struct ils *ils, const struct stream *self)
{
    const struct peer *p = peer_find(ils, self->key);
    struct reading reading = {.ils = ils, .teller = p};
    if (p == NULL || p->role == ROLE_STANDALONE)
        return;
    rows_init(&reading.rows, ils);
    catalog_walk(self->catalog, read_one, &reading);
    if (reading.rows.n != 0)
        journal_store(&reading.rows, BATCH_PLAIN);
    if (p->link != NULL)
        repeat(ils);
}

void ends_again(struct ils *ils)
{
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (s->number == STREAM_SELF && !s->own && s->admitted && stream_held(s))
            ends_read(ils, s);
    }
}

size_t ends_changes(struct ils *ils, struct change *change, size_t max)
{
    size_t n = 0;
    list_each(node, &ils->ended) {
        const struct ended *e = list_entry(node, struct ended, node);
        struct slice value = is_repeated(ils, e) ? value_of(ils, e) : slice_make(NULL, 0);
        if (n < max && value.n != 0)
            change[n++] = (struct change){.put = true, .kind = ENTRY_ENDED,
                                          .user = slice_make(e->key, KEY_SIZE), .value = value};
    }
    return n;
}

/* --- what goes */

static void drop_lines(struct rows *r, const struct stream *s, struct slice lines)
{
    for (size_t i = 0; i < lines.n / LINE_BYTES; i++) {
        struct line line;
        manifest_line(lines, i, &line);
        rows_remove(r, ROW_SEGMENT,
                    stream_key_bytes(&r->ils->step, s->key, s->number, line.name));
    }
}

void ends_rows_of_stream(struct rows *r, const struct stream *s)
{
    drop_lines(r, s, catalog_lines(s->catalog));
    drop_lines(r, s, buf_slice(&s->target_lines));
    held_rows_gone(r, s);
    rows_remove(r, ROW_STREAM, stream_key_bytes(&r->ils->step, s->key, s->number, NULL));
}

static void drop_stream(struct rows *r, struct stream *s)
{
    struct ils *ils = r->ils;
    ends_rows_of_stream(r, s);
    if (stream_held(s) && s->number != STREAM_SELF)
        ils_action(ils, ILS_DO_PUBLISH);
    fetch_forget(ils, s);
}

/* Of those who have left, whoever left first. */
bool ends_make_room(struct ils *ils)
{
    struct stream *first = NULL;
    struct rows rows;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (stream_left(s) && !s->own && (first == NULL || s->last_head < first->last_head))
            first = s;
    }
    if (first == NULL)
        return false;
    rows_init(&rows, ils);
    drop_stream(&rows, first);
    if (ils->started)
        journal_store(&rows, BATCH_PLAIN);
    return true;
}

static bool dropped_here(const struct peer *p)
{
    return p != NULL && p->dropped && p->link == NULL;
}

static bool stream_over(const struct ils *ils, const struct stream *s)
{
    const struct ended *e = ends_find(ils, s->key);
    if (dropped_here(peer_find(ils, s->key)))
        return true;
    const struct head *h = stream_held(s) ? &s->head : &s->wanted;
    bool known = stream_held(s) || s->wanted_bytes.n != 0;
    if (e != NULL && known && covers(e, h))
        return true;
    const struct stream *self =
        s->number == STREAM_SELF ? NULL : stream_find(ils, s->key, STREAM_SELF);
    return self != NULL && stream_left(self) && stream_held(s);
}

/* It has returned by now: what is on its way takes the place of what goes. */
static bool returns(const struct ils *ils, const struct stream *s)
{
    const struct ended *e = ends_find(ils, s->key);
    return e != NULL && stream_held(s) && s->wanted_bytes.n != 0 && !covers(e, &s->wanted);
}

static void drop_streams(struct rows *r)
{
    list_each_safe(node, &r->ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (s->own || !stream_over(r->ils, s))
            continue;
        if (!returns(r->ils, s)) {
            drop_stream(r, s);
        } else {
            held_drop(r->ils, s);
            catalog_set_served(s->catalog, false);
            ils_action(r->ils, ILS_DO_PUBLISH);
        }
    }
}

static void end_banned(struct ils *ils)
{
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_CLOSED || l->to == NULL || !ends_banned(ils, l->to->key))
            continue;
        if (l->state == LINK_UP)
            link_end(l, CODE_BANNED, true);
        else
            handshake_refuse(l, CODE_BANNED);
    }
}

/* Peers that are gone go from the table; true: one of them still has a link. */
static bool drop_peers(struct rows *r)
{
    struct ils *ils = r->ils;
    bool again = false;
    list_each_safe(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        p->dropped = dropped_here(p); /* who has come meanwhile stays */
        if (!p->dropped && ends_of(ils, p->key) == NULL &&
            (!peer_left(ils, p) || p->disconnected_here))
            continue; /* to leave is no way around what an operator decided */
        if (peer_pointed_at(ils, p)) {
            again = true;
            continue;
        }
        struct trace *t = say(ils, EVENT_ENDED);
        const struct ended *e = ends_of(ils, p->key);
        memcpy(t->peer_id, p->id, sizeof t->peer_id);
        t->text[0] = arena_copy(&ils->step, text_slice(p->cluster_id));
        t->text[1] = slice_of(p->dropped ? "forgotten here" : e == NULL ? "left"
                              : e->banned ? "banned" : "forgotten");
        mesh_unmissed(ils, p);
        alarm_clear(ils, ILSCatalogLimitExceeded, text_slice(p->cluster_id));
        peer_free(r, p);
    }
    return again;
}

/* Forgotten, and alive: this cluster returns in an epoch above. */
static void return_above(struct ils *ils)
{
    const struct ended *e = ends_find(ils, ils->key);
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (e == NULL || e->banned || !s->own || !stream_held(s) ||
            s->renew || told_newest(s)->epoch > e->epoch)
            continue;
        s->renew = true;
        s->theirs_epoch = e->epoch > s->theirs_epoch ? e->epoch : s->theirs_epoch;
        s->theirs_usn = e->usn > s->theirs_usn ? e->usn : s->theirs_usn;
    }
}

/* What was told of somebody up to an end that is void now is not told again on the same link. */
static void hear_again(struct ils *ils)
{
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP && l->ended_told)
            link_end(l, CODE_SESSION_OVER, true);
    }
}

/* What an author has said who is banned by now is void, but for what this cluster's own operator
 * said. */
static void drop_words(struct rows *r)
{
    struct ils *ils = r->ils;
    bool any = false;
    list_each_safe(node, &ils->ended) {
        struct ended *e = list_entry(node, struct ended, node);
        if (memcmp(e->author, ils->peer_id, PEER_ID_SIZE) == 0 || !author_banned(ils, e->author))
            continue;
        ends_remove_row(r, e);
        list_remove(&e->node);
        mem_free(ils->mem, e, sizeof *e);
        ils->rosters_moved = any = true;
        self_changed(ils);
    }
    if (any)
        hear_again(ils);
}

static void sweep(struct ils *ils)
{
    struct rows rows;
    rows_init(&rows, ils);
    drop_words(&rows);
    end_banned(ils);
    drop_streams(&rows);
    ils->ends_due = drop_peers(&rows);
    if (rows.n != 0)
        journal_store(&rows, BATCH_PLAIN);
    return_above(ils);
}

/* --- forgetting and banning */

static uint64_t most_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What was known of its streams, taken or not: nothing up to that returns. Epochs of all its
 * streams with the same counter are below; of whom no head is known here, those of the first, which
 * is what others hold. Who lives returns above it in any case. */
static void newest_of(const struct ils *ils, struct ended *e)
{
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        if (memcmp(s->key, e->key, KEY_SIZE) != 0)
            continue;
        e->epoch = most_of(e->epoch, most_of(s->seen_epoch, stream_held(s) ? s->head.epoch : 0));
        e->usn = most_of(e->usn, most_of(s->seen_usn, stream_held(s) ? s->head.usn : 0));
    }
    if (e->epoch == 0)
        e->epoch = EPOCH_FIRST;
    e->epoch |= UINT32_MAX;
    if (e->epoch >= EPOCH_MOST) /* others are to read it: what is above is covered as well */
        e->epoch = EPOCH_MOST - 1;
    if (e->usn >= USN_MOST)
        e->usn = USN_MOST - 1;
}

static bool named_key(const struct ils *ils, struct slice name, uint8_t ret[static KEY_SIZE],
                      const struct peer **ret_peer, bool *ret_itself)
{
    char hex[2 * PEER_ID_SIZE + 1];
    uint8_t id[PEER_ID_SIZE];
    *ret_peer = peer_named(ils, name, ret_itself);
    if (*ret_peer != NULL) {
        memcpy(ret, (*ret_peer)->key, KEY_SIZE);
        return true;
    }
    list_each(node, &ils->ended) { /* it has no place in the table any more */
        const struct ended *e = list_entry(node, struct ended, node);
        crypto_peer_id(id, e->key);
        hex_text(hex, id, PEER_ID_SIZE);
        if ((slice_eq_fold(name, slice_of(hex)) ||
             (e->name.n != 0 && slice_eq_fold(name, text_slice(e->name)))) &&
            memcmp(e->key, ils->key, KEY_SIZE) != 0) {
            memcpy(ret, e->key, KEY_SIZE);
            return true;
        }
    }
    return false;
}

struct slice ends_joined(struct ils *ils, struct slice a, struct slice b, struct slice c)
{
    struct buf buf;
    buf_init(&buf, ils->mem, a.n + b.n + c.n);
    buf_put_slice(&buf, a);
    buf_put_slice(&buf, b);
    buf_put_slice(&buf, c);
    struct slice text = arena_copy(&ils->step, buf_slice(&buf));
    buf_done(&buf);
    return text;
}

/* For the hub at which it is to be typed. */
struct slice ends_typed(struct ils *ils, const struct command *c)
{
    struct slice verb = slice_of(c->type == COMMAND_BAN     ? "ban "
                                 : c->type == COMMAND_UNBAN ? "unban " : "forget ");
    return ends_joined(ils, verb, c->cluster, slice_make(NULL, 0));
}

static enum reply judge(struct ils *ils, const struct command *c, struct ended *ret,
                        struct slice *ret_text)
{
    const struct peer *p;
    bool itself = false;
    size_t n = 0;
    *ret_text = c->cluster;
    if (ils->role != ROLE_HUB) { /* a ban is for the network */
        *ret_text = ends_typed(ils, c);
        return REPLY_ONLY_HUBS;
    }
    if (!named_key(ils, c->cluster, ret->key, &p, &itself))
        return itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER;
    if (ends_banned(ils, ret->key) != (c->type == COMMAND_UNBAN))
        return c->type == COMMAND_UNBAN ? REPLY_NOT_BANNED : REPLY_ALREADY_BANNED;
    if (c->type == COMMAND_FORGET && p != NULL && p->link != NULL)
        return REPLY_STILL_LINKED;
    list_each(node, &ils->ended)
        n++;
    list_each(node, &ils->batches) /* those that the disk has not answered yet */
        n += list_entry(node, struct batch, node)->kind == BATCH_ENDED;
    *ret_text = slice_of("256");
    static_assert(ENDED_MAX == 256, "as the text says");
    if (ends_find(ils, ret->key) != NULL && ends_find(ils, ret->key)->turn >= TURN_MOST)
        return REPLY_ENDED_FULL;
    return n >= ENDED_MAX && ends_find(ils, ret->key) == NULL ? REPLY_ENDED_FULL : REPLY_OK;
}

static void forget(struct ils *ils, const struct command *c)
{
    struct ended *e = mem_alloc(ils->mem, sizeof *e);
    struct slice text = slice_make(NULL, 0);
    enum reply reply = e == NULL ? REPLY_MEMORY : judge(ils, c, e, &text);
    struct batch *b = NULL;
    if (reply == REPLY_OK) {
        struct rows rows;
        const struct ended *known = ends_find(ils, e->key);
        e->turn = (known != NULL ? known->turn : 0) + (c->type != COMMAND_FORGET);
        e->banned = (e->turn & 1) != 0;
        newest_of(ils, e);
        const struct peer *p = peer_find(ils, e->key);
        text_set(e->name, p != NULL       ? text_slice(p->cluster_id)
                          : known != NULL ? text_slice(known->name) : slice_make(NULL, 0));
        memcpy(e->author, ils->peer_id, PEER_ID_SIZE);
        rows_init(&rows, ils);
        put_row(&rows, e);
        if (c->who.n != 0)
            rows_audit(&rows, c->who, c->what);
        b = journal_store(&rows, BATCH_ENDED);
        reply = b == NULL ? REPLY_MEMORY : REPLY_OK;
    }
    if (reply != REPLY_OK) {
        mem_free(ils->mem, e, sizeof *e);
        command_refuse(ils, c, reply, text);
        return;
    }
    const struct peer *hub = c->type == COMMAND_FORGET ? drop_listed_at(ils, e->key) : NULL;
    text_set(b->listed_at, hub == NULL ? slice_make(NULL, 0) : text_slice(hub->cluster_id));
    b->ended = e;
    b->command = c->id;
}

/* It is durable: there is memory for it already, that of the batch. */
static void forgotten(struct ils *ils, struct batch *b, bool failed)
{
    if (!failed && ends_find(ils, b->ended->key) == NULL) {
        add(ils, b->ended);
        moved(ils, b->ended);
        b->ended = NULL;
    } else if (!failed) {
        merge(ils, b->ended, ENDED_MAX);
    }
    command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK,
                  failed ? slice_make(NULL, 0)
                         : arena_copy(&ils->step, text_slice(b->listed_at)));
}

/* --- the face */

void ends_command(struct ils *ils, const struct command *c)
{
    if (c->type == COMMAND_LEAVE)
        leave_command(ils, c);
    else if (c->type == COMMAND_FORGET && ils->role != ROLE_HUB)
        drop_command(ils, c);
    else
        forget(ils, c);
}

void ends_stored(struct ils *ils, struct batch *b, bool failed)
{
    if (b->kind == BATCH_ENDED && b->of_peer)
        drop_stored(ils, b, failed);
    else if (b->kind == BATCH_ENDED)
        forgotten(ils, b, failed);
    else
        leave_stored(ils, b, failed);
}

/* Who is linked by l, was forgotten here and has not returned; NULL: nobody like that. */
static struct ended *forgotten_at(const struct ils *ils, const struct link *l)
{
    bool there = l->state == LINK_UP && l->to != NULL && ends_of(ils, l->to->key) != NULL;
    struct ended *e = there ? ends_find(ils, l->to->key) : NULL;
    return e == NULL || e->banned ? NULL : e;
}

static tick anew_deadline(const struct ils *ils)
{
    tick first = TICK_NEVER;
    if (list_empty(&ils->ended))
        return first;
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        const struct ended *e = forgotten_at(ils, l);
        tick due = l->up + REPEAT_US; /* it has the time to return */
        due = e != NULL && e->anew > due ? e->anew : due;
        first = e != NULL && due < first ? due : first;
    }
    return first;
}

/* Whoever was forgotten here, is linked and does not return may have forgotten this cluster: then
 * each takes nothing of the other, and neither hears why. Whoever returns in a greater epoch is
 * heard; who does not heed it shall not cost many. */
static void return_anew(struct ils *ils)
{
    if (ils->now < anew_deadline(ils))
        return;
    list_each(node, &ils->links) {
        struct ended *e = forgotten_at(ils, list_entry(node, struct link, node));
        if (e == NULL || ils->now < e->anew)
            continue;
        e->anew_wait = e->anew_wait == 0 ? ANEW_US : 2 * e->anew_wait;
        e->anew_wait = e->anew_wait < ANEW_MAX_US ? e->anew_wait : ANEW_MAX_US;
        e->anew = ils->now + e->anew_wait;
    }
    adopt_anew(ils);
}

void ends_tick(struct ils *ils)
{
    if (!ils->ready || ils->self == NULL || ils->own == NULL)
        return;
    leave_tick(ils);
    if (ils->ends_due)
        sweep(ils);
    if (ils->now >= ils->repeat_next)
        repeat(ils);
    return_anew(ils);
}

tick ends_deadline(const struct ils *ils)
{
    tick leave = leave_deadline(ils);
    tick again = anew_deadline(ils) < ils->repeat_next ? anew_deadline(ils) : ils->repeat_next;
    return ils->ready && again < leave ? again : leave;
}

void ends_free(struct ils *ils)
{
    list_each_safe(node, &ils->ended) {
        struct ended *e = list_entry(node, struct ended, node);
        list_remove(&e->node);
        mem_free(ils->mem, e, sizeof *e);
    }
}
