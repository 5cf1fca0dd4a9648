/* told: what of one's own streams others are shown. While the exchange is off, the plan and the
 * imported catalogs are withheld; when this cluster leaves, all of it is: a head that lists nothing
 * (HEAD_FLAG_LEFT) then stands for the real one, which goes on below and is not told. It takes a
 * USN of its own: it is durable before it is told, and whatever is written next is above it, so
 * when the real head comes back it is newer for everybody.
 *
 * Settings: "exchange_off", "sync_minutes" (u64); "withheld_self", "withheld_plan" and, of catalog
 * N, "withheld_catalog_N": the head. */
#include "core/core.h"

#define CATALOG_PREFIX "withheld_catalog_"

static const char *const setting_name[2] = {"withheld_self", "withheld_plan"};

/* Lives for the step; n = 0: memory. */
struct slice told_key(struct ils *ils, uint64_t number)
{
    struct buf b;
    if (number < STREAM_CATALOGS)
        return slice_of(setting_name[number]);
    buf_init(&b, ils->mem, 48);
    buf_put_text(&b, CATALOG_PREFIX);
    buf_put_decimal(&b, number);
    struct slice key = arena_copy(&ils->step, buf_slice(&b));
    buf_done(&b);
    return key;
}

static void put_setting(struct rows *r, const struct stream *s)
{
    struct slice key = told_key(r->ils, s->number);
    r->failed = r->failed || key.n == 0;
    rows_put(r, ROW_SETTING, key, buf_slice(&s->withheld));
}

static bool is_newer(const struct head *a, const struct head *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->usn > b->usn;
}

/* --- what is shown */

static bool stands_for_it(const struct stream *s)
{
    return s->withheld.n != 0 && s->withheld_state == WITHHELD_DURABLE && s->hide;
}

/* Nothing is shown of it: what is to be shown is not durable yet. */
static bool dark(const struct stream *s)
{
    if (!s->own || !stream_held(s))
        return !stream_held(s);
    if (s->hide)
        return !stands_for_it(s);
    return s->withheld.n != 0 && !is_newer(&s->head, &s->withheld_head);
}

struct slice told_bytes(const struct stream *s)
{
    if (stands_for_it(s))
        return buf_slice(&s->withheld);
    return dark(s) ? slice_make(NULL, 0) : buf_slice(&s->head_bytes);
}

/* Never NULL; where told_bytes is empty, a head of nothing. */
const struct head *told_head(const struct stream *s)
{
    static const struct head nothing = {.flags = HEAD_FLAG_LEFT};
    if (stands_for_it(s))
        return &s->withheld_head;
    return dark(s) ? &nothing : &s->head;
}

bool told_real(const struct stream *s)
{
    return !dark(s) && !stands_for_it(s);
}

/* The newest head that was ever signed for it, told or not. */
const struct head *told_newest(const struct stream *s)
{
    bool newer = s->withheld.n != 0 && is_newer(&s->withheld_head, &s->head);
    return newer && !BUG(WITHHELD_USN) ? &s->withheld_head : &s->head;
}

/* --- settings */

/* Kept until the streams are there: u64 number, u16 length, head. */
static bool withheld_setting(struct ils *ils, struct slice key, struct slice value)
{
    struct slice prefix = slice_of(CATALOG_PREFIX);
    uint64_t number = 0;
    while (number < 2 && !slice_eq(key, slice_of(setting_name[number])))
        number++;
    if (number == 2) {
        if (key.n <= prefix.n || !slice_eq(slice_make(key.p, prefix.n), prefix))
            return false;
        number = 0;
        for (size_t i = prefix.n; i < key.n; i++)
            number = number * 10 + (uint64_t)(key.p[i] - '0');
    }
    if (value.n > HEAD_MAX)
        return true;
    buf_put_u64(&ils->withheld_rows, number);
    buf_put_u16(&ils->withheld_rows, (uint16_t)value.n);
    buf_put_slice(&ils->withheld_rows, value);
    ils->broken = ils->broken || ils->withheld_rows.failed;
    return true;
}

bool told_setting(struct ils *ils, struct slice key, struct slice value)
{
    uint64_t n = 0;
    if (withheld_setting(ils, key, value))
        return true;
    for (size_t i = 0; i < value.n && i < 8; i++)
        n = n << 8 | value.p[i];
    if (slice_eq(key, slice_of("exchange_off")))
        ils->exchange_off = n != 0;
    else if (slice_eq(key, slice_of("sync_minutes")))
        ils->minutes = n <= SYNC_MINUTES_MAX ? (uint16_t)n : 0;
    else
        return false;
    return true;
}

void told_rows(struct rows *r)
{
    rows_setting_u64(r, "exchange_off", r->ils->exchange_off);
    rows_setting_u64(r, "sync_minutes", r->ils->minutes);
}

uint32_t told_minutes(const struct ils *ils)
{
    return ils->durable.minutes != 0 ? ils->durable.minutes : BEAT_MINUTES;
}

/* What was withheld when the cluster was last up; of another identity it says nothing. */
static void start_one(struct ils *ils, uint64_t number, struct slice row)
{
    struct stream *s = stream_find(ils, ils->key, number);
    struct head h;
    if (s == NULL || s->withheld.n != 0 || head_get(row, &h) != 0 || h.number != number ||
        memcmp(h.key, ils->key, KEY_SIZE) != 0 || !head_signed(row))
        return;
    buf_put_slice(&s->withheld, row);
    s->withheld_state = WITHHELD_DURABLE;
    if (s->withheld.failed || head_get(buf_slice(&s->withheld), &s->withheld_head) != 0)
        ils->broken = true; /* its USN must not be used again */
}

void told_start(struct ils *ils)
{
    struct cursor c;
    cursor_init(&c, buf_slice(&ils->withheld_rows));
    while (cursor_left(&c) != 0) {
        uint64_t number = cursor_u64(&c);
        start_one(ils, number, cursor_bytes(&c, cursor_u16(&c)));
    }
    buf_done(&ils->withheld_rows);
}

void told_command(struct ils *ils, const struct command *c)
{
    if (c->type == COMMAND_EXCHANGE) {
        ils->exchange_off = !c->raise;
    } else if (c->minutes >= 1 && c->minutes <= SYNC_MINUTES_MAX) {
        ils->minutes = c->minutes;
    } else {
        command_refuse(ils, c, REPLY_MINUTES, decimal_text(&ils->step, c->minutes));
        return;
    }
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

/* --- withholding */

/* Makes the head that stands for s; a row for it is added to r. 0, or -1: nothing has changed. */
int told_withhold(struct rows *r, struct stream *s, uint32_t flags)
{
    struct ils *ils = r->ils;
    const struct head *newest = told_newest(s);
    struct head h = s->head;
    struct buf b;
    h.epoch = newest->epoch;
    h.usn = newest->usn + 1;
    h.beat = 0;
    h.interval = told_minutes(ils);
    h.lines = 0;
    h.bytes = h.live = h.sum = 0;
    h.flags = flags;
    h.name = text_slice(ils->cluster_id);
    h.route_string = text_slice(ils->route_string);
    if (s->words != NULL) {
        h.name = text_slice(s->words->name);
        h.route_string = text_slice(s->words->route_string);
    }
    manifest_root(h.root, slice_make(NULL, 0));
    buf_init(&b, ils->mem, HEAD_MAX);
    head_put(&b, &h, ils->secret);
    if (b.failed || head_get(buf_slice(&b), &h) != 0) {
        buf_done(&b);
        r->failed = true;
        return -1;
    }
    buf_done(&s->withheld);
    s->withheld = b;
    s->withheld_head = h;
    s->withheld_state = WITHHELD_MADE;
    put_setting(r, s);
    return 0;
}

static void keep(struct ils *ils, struct stream *s, struct rows *r)
{
    struct batch *b = journal_store(r, BATCH_WITHHELD);
    if (b == NULL)
        return; /* tried again */
    b->number[0] = s->number;
    b->number[1] = s->withheld_head.usn;
    s->withheld_state = BUG(WITHHELD_EARLY) ? WITHHELD_DURABLE : WITHHELD_STORING;
}

void told_stored(struct ils *ils, struct batch *b, bool failed)
{
    struct stream *s = stream_find(ils, ils->key, b->number[0]);
    if (s == NULL || s->withheld.n == 0 || s->withheld_head.usn != b->number[1] ||
        s->withheld_state != WITHHELD_STORING)
        return;
    if (failed) {
        s->withheld_state = WITHHELD_MADE;
        ils->self_after = ils->now + STORE_RETRY_US;
        return;
    }
    s->withheld_state = WITHHELD_DURABLE;
    ils->heads_moved = true;
    if (s->withheld_head.beat != 0)
        return;
    struct trace *t = say(ils, EVENT_WITHHELD);
    t->text[0] = slice_of("withheld");
    t->number[0] = s->number;
    t->number[1] = s->withheld_head.usn;
}

/* Another is needed: there is none, it is of a former epoch, or says another interval. */
static bool is_due(const struct ils *ils, const struct stream *s)
{
    return s->withheld.n == 0 || s->withheld_head.epoch < s->head.epoch ||
           s->withheld_head.interval != told_minutes(ils);
}

static void withhold(struct ils *ils, struct stream *s)
{
    struct rows rows;
    if (s->committing || adopt_holds(ils, s) || ils->now < ils->self_after ||
        s->withheld_state == WITHHELD_STORING)
        return;
    rows_init(&rows, ils);
    if (is_due(ils, s)) {
        if (told_withhold(&rows, s, HEAD_FLAG_LEFT) == 0)
            keep(ils, s, &rows);
    } else if (s->withheld_state == WITHHELD_MADE) {
        put_setting(&rows, s);
        keep(ils, s, &rows);
    }
}

/* The real one again: above what stood for it, and durable, before that goes. It may be what others
 * have had for long, where this store was put back to before it was told: so it beats soon. */
void told_show(struct ils *ils, struct stream *s)
{
    struct rows rows;
    if (!is_newer(&s->head, &s->withheld_head)) {
        if (!s->committing && !adopt_holds(ils, s) && ils->now >= ils->self_after)
            stream_commit(ils, s, NULL, 0, COMMIT_CHANGE);
        return;
    }
    struct trace *t = say(ils, EVENT_WITHHELD);
    t->text[0] = slice_of("shown again");
    t->number[0] = s->number;
    t->number[1] = s->head.usn;
    buf_done(&s->withheld);
    buf_init(&s->withheld, ils->mem, HEAD_MAX);
    memset(&s->withheld_head, 0, sizeof s->withheld_head);
    ils->heads_moved = true;
    beats_again(ils);
    rows_init(&rows, ils);
    rows_remove(&rows, ROW_SETTING, told_key(ils, s->number));
    journal_store(&rows, BATCH_PLAIN);
}

/* The head that stands for s is signed again, as the real one would be. */
void told_beat(struct ils *ils, struct stream *s)
{
    struct head h = s->withheld_head;
    struct rows rows;
    struct buf b;
    if (!stands_for_it(s))
        return;
    h.beat = (s->beat_seen > h.beat ? s->beat_seen : h.beat) + 1;
    buf_init(&b, ils->mem, HEAD_MAX);
    head_put(&b, &h, ils->secret);
    if (b.failed || head_get(buf_slice(&b), &h) != 0) {
        buf_done(&b);
        beats_again(ils);
        return;
    }
    buf_done(&s->withheld);
    s->withheld = b;
    s->withheld_head = h;
    s->withheld_state = WITHHELD_MADE; /* nothing is shown until the disk has it */
    rows_init(&rows, ils);
    put_setting(&rows, s);
    beats_row(&rows, s);
    keep(ils, s, &rows);
}

/* --- at every step */

static bool to_be_hidden(const struct ils *ils, const struct stream *s)
{
    if (ils->leaving.phase >= LEAVING_WISH)
        return true;
    if (ils->role == ROLE_STANDALONE && s->withheld.n != 0)
        return true; /* it has left */
    return s->number != STREAM_SELF && ils->durable.exchange_off && !BUG(EXCHANGE_TOLD);
}

static void follow(struct ils *ils, struct stream *s)
{
    bool hide = to_be_hidden(ils, s);
    if (hide != s->hide)
        ils->heads_moved = true;
    s->hide = hide;
    if (hide && stream_held(s))
        withhold(ils, s);
    else if (!hide && s->withheld.n != 0)
        told_show(ils, s);
}

/* Of a catalog that was removed before nothing is to be withheld. */
static void follow_catalogs(struct ils *ils)
{
    if (ils->catalog_n == 0)
        return;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (catalogs_is(s) && (catalogs_stands(s) || s->withheld.n != 0))
            follow(ils, s);
    }
}

void told_tick(struct ils *ils)
{
    if (!ils->ready || ils->own == NULL || ils->self == NULL)
        return;
    follow(ils, ils->self);
    follow(ils, ils->own);
    follow_catalogs(ils);
    told_served(ils);
}

/* The exchange may have been turned on or off. */
void told_served(struct ils *ils)
{
    if (ils->served_off == ils->durable.exchange_off)
        return;
    ils->served_off = ils->durable.exchange_off;
    list_each(node, &ils->streams)
        held_serve(ils, list_entry(node, struct stream, node));
    ils_action(ils, ILS_DO_PUBLISH);
}

/* Whether lookups see it. */
bool told_serves(const struct ils *ils, const struct stream *s)
{
    return s->number != STREAM_SELF &&
           (s->own || !ils->durable.exchange_off || BUG(EXCHANGE_SERVED));
}
