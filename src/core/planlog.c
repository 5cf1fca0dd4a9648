/* planlog: every change that an operator makes of one's own plan or catalogs is written down with
 * what takes it back, in the batch that makes it durable (planlog.h has the form). What is written
 * is not held here: the daemon reads it from the store when somebody asks. Of the log the core
 * knows its last number, the first that is kept, and one number for each of the last days, by which
 * it knows what is older than PLAN_LOG_DAYS.
 *
 * Settings: "plan_log": u64 last, u64 first kept, then (u64 wall, u64 number) of each day;
 * "plan_confirm": u64 number, u64 wall: that change is to be taken back then, unless it is
 * confirmed; "plan_rollback": u64 to, u64 last: what came after `to` is being taken back, and
 * `last` is the newest change that did so. The daemon does both: it has the clock and the log. */
#include "core/core.h"

#define DAY_US (INT64_C(24) * 3600 * 1000000)
#define WHO_MAX  255
#define WHAT_MAX 1024
#define FORM_PLAN    1
#define FORM_CATALOG 2 /* with what the catalog is called */

/* --- the form of the rows */

void plan_change_key(uint8_t ret[static PLAN_LOG_KEY], uint64_t number, uint32_t part)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        ret[i] = (uint8_t)number;
    for (int i = 11; i >= 8; i--, part >>= 8)
        ret[i] = (uint8_t)part;
}

bool plan_change_key_get(struct slice key, uint64_t *ret_number, uint32_t *ret_part)
{
    struct cursor c;
    cursor_init(&c, key);
    *ret_number = cursor_u64(&c);
    *ret_part = cursor_u32(&c);
    return cursor_done(&c) && *ret_number != 0;
}

static struct slice cut(struct slice s, size_t max)
{
    if (s.n <= max)
        return s;
    s.n = max;
    while (s.n > 0 && !slice_is_utf8(s) && s.n + 4 > max)
        s.n--; /* no character is split */
    return s;
}

static void put_text(struct buf *b, struct slice s, size_t max)
{
    s = cut(s, max);
    buf_put_u16(b, (uint16_t)s.n);
    buf_put_slice(b, s);
}

void plan_change_put(struct buf *b, const struct plan_change *c)
{
    bool catalog = c->life != PLAN_LIFE_SAME || c->name.n != 0;
    buf_put_u8(b, catalog ? FORM_CATALOG : FORM_PLAN);
    buf_put_u64(b, (uint64_t)c->at);
    buf_put_u64(b, c->stream);
    buf_put_u64(b, c->epoch);
    buf_put_u64(b, c->usn);
    buf_put_u64(b, c->added);
    buf_put_u64(b, c->removed);
    buf_put_u64(b, c->changed);
    buf_put_u64(b, c->undoes);
    buf_put_u8(b, c->undoes_to);
    put_text(b, c->who, WHO_MAX);
    put_text(b, c->what, WHAT_MAX);
    put_text(b, c->source, SOURCE_MAX);
    if (!catalog)
        return;
    buf_put_u8(b, (uint8_t)c->life);
    put_text(b, c->name, CLUSTER_ID_MAX);
    put_text(b, c->route_string, ROUTE_STRING_MAX);
    put_text(b, c->description, DESCRIPTION_MAX);
}

static struct slice get_text(struct cursor *c)
{
    return cursor_bytes(c, cursor_u16(c));
}

bool plan_change_get(struct slice value, struct plan_change *ret)
{
    struct cursor c;
    *ret = (struct plan_change){.at = 0};
    cursor_init(&c, value);
    uint8_t form = cursor_u8(&c);
    ret->at = (wall)cursor_u64(&c);
    ret->stream = cursor_u64(&c);
    ret->epoch = cursor_u64(&c);
    ret->usn = cursor_u64(&c);
    ret->added = cursor_u64(&c);
    ret->removed = cursor_u64(&c);
    ret->changed = cursor_u64(&c);
    ret->undoes = cursor_u64(&c);
    uint8_t flags = cursor_u8(&c);
    ret->undoes_to = (flags & 1) != 0;
    ret->who = get_text(&c);
    ret->what = get_text(&c);
    ret->source = get_text(&c);
    bool good = form == FORM_PLAN;
    if (form == FORM_CATALOG) {
        uint8_t life = cursor_u8(&c);
        ret->life = (enum plan_life)life;
        ret->name = get_text(&c);
        ret->route_string = get_text(&c);
        ret->description = get_text(&c);
        good = life <= PLAN_LIFE_REMOVED && ret->name.n != 0;
    }
    return cursor_done(&c) && good && flags <= 1 && ret->at >= 0;
}

static void put_row(struct rows *r, struct arena *a, uint64_t number, uint32_t part,
                    struct slice value)
{
    uint8_t *key = arena_alloc(a, PLAN_LOG_KEY);
    if (key != NULL)
        plan_change_key(key, number, part);
    r->failed = r->failed || key == NULL || value.p == NULL;
    rows_put(r, ROW_PLAN_LOG, slice_make(key, PLAN_LOG_KEY), value);
}

/* --- how long it is kept */

static void put_state(struct rows *r, const struct planlog *log)
{
    struct buf b;
    buf_init(&b, r->ils->mem, 16 + sizeof log->day);
    buf_put_u64(&b, log->last);
    buf_put_u64(&b, log->first);
    for (size_t i = 0; i < log->day_n; i++) {
        buf_put_u64(&b, (uint64_t)log->day[i].at);
        buf_put_u64(&b, log->day[i].number);
    }
    r->failed = r->failed || b.failed;
    rows_setting(r, "plan_log", buf_slice(&b));
    buf_done(&b);
}

static void forget_days(struct planlog *log, size_t n)
{
    log->day_n -= n;
    memmove(log->day, log->day + n, log->day_n * sizeof log->day[0]);
}

static void drop_below(struct rows *r, uint64_t number)
{
    uint8_t *key = arena_alloc(&r->ils->step, PLAN_LOG_KEY);
    if (key == NULL)
        r->failed = true;
    else
        plan_change_key(key, number, 0);
    rows_remove_below(r, ROW_PLAN_LOG, slice_make(key, key == NULL ? 0 : PLAN_LOG_KEY));
}

/* The next number; what is too old or too much is dropped. */
static void count(struct rows *r, struct planlog *log, wall now)
{
    uint64_t keep_from = log->first;
    size_t old = 0;
    log->last++;
    if (log->day_n == 0 || now - log->day[log->day_n - 1].at >= DAY_US) {
        if (log->day_n == PLAN_LOG_DAYS + 2)
            forget_days(log, 1);
        log->day[log->day_n].at = now;
        log->day[log->day_n++].number = log->last;
    }
    while (old + 1 < log->day_n && log->day[old + 1].at <= now - PLAN_LOG_DAYS * DAY_US)
        old++;
    forget_days(log, old);
    if (log->day[0].at <= now - PLAN_LOG_DAYS * DAY_US && log->day[0].number > keep_from)
        keep_from = log->day[0].number;
    if (keep_from + PLAN_LOG_LEAST > log->last)
        keep_from = log->last < PLAN_LOG_LEAST ? 0 : log->last - PLAN_LOG_LEAST + 1;
    if (log->last - log->first >= PLAN_LOG_MOST && keep_from + PLAN_LOG_MOST / 100 * 99 < log->last)
        keep_from = log->last - PLAN_LOG_MOST / 100 * 99;
    if (keep_from <= log->first)
        return;
    log->first = keep_from;
    drop_below(r, keep_from);
}

/* --- one change */

/* Whether the change w takes back the one that waits to be confirmed. */
static bool takes_back(const struct planlog *log, const struct waiting *w)
{
    return log->confirm.number != 0 && w->undoes != 0 && !w->undoes_more &&
           (w->undoes_to ? log->confirm.number > w->undoes : log->confirm.number == w->undoes);
}

static void put_confirm(struct rows *r, const struct own_commit *oc)
{
    struct buf b;
    if (oc->confirm.number == 0) {
        rows_remove(r, ROW_SETTING, slice_of("plan_confirm"));
        return;
    }
    buf_init(&b, r->ils->mem, 16);
    buf_put_u64(&b, oc->confirm.number);
    buf_put_u64(&b, (uint64_t)oc->confirm.until);
    r->failed = r->failed || b.failed;
    rows_setting(r, "plan_confirm", buf_slice(&b));
    buf_done(&b);
}

enum plan_life planlog_life(const struct own_commit *oc)
{
    const struct stream *s = oc->stream;
    return oc->kind == COMMIT_LEFT                 ? PLAN_LIFE_REMOVED
           : catalogs_is(s) && !catalogs_stands(s) ? PLAN_LIFE_ADDED
                                                   : PLAN_LIFE_SAME;
}

static void put_header(struct rows *r, struct own_commit *oc, const struct waiting *w)
{
    const struct commit *c = &oc->commit;
    const struct catalog_words *words = oc->stream->words;
    struct plan_change head = {
        .at = r->ils->wall, .stream = oc->stream->number, .epoch = c->head.epoch,
        .usn = c->head.usn, .added = inverse_count(oc->inverse, EFFECT_ADDED),
        .removed = oc->removed, .changed = oc->changed, .undoes = w->undoes,
        .undoes_to = w->undoes_to, .who = w->who, .what = w->what, .source = w->source,
        .life = planlog_life(oc)};
    struct buf b;
    if (catalogs_is(oc->stream) && words != NULL) {
        head.name = text_slice(words->name);
        head.route_string = text_slice(words->route_string);
        head.description = text_slice(words->description);
    }
    buf_init(&b, r->ils->mem, 4096);
    plan_change_put(&b, &head);
    r->failed = r->failed || b.failed;
    put_row(r, &oc->arena, oc->logged, 0, arena_copy(&oc->arena, buf_slice(&b)));
    buf_done(&b);
}

/* The change gets a number, and what takes it back is written down. */
static void put_change(struct rows *r, struct own_commit *oc, const struct waiting *w)
{
    struct planlog *log = &r->ils->planlog;
    const struct inverse_part *part = inverse_parts(oc->inverse);
    count(r, log, r->ils->date);
    oc->logged = log->last;
    oc->removed = inverse_count(oc->inverse, EFFECT_REMOVED);
    oc->changed = inverse_count(oc->inverse, EFFECT_CHANGED);
    for (uint32_t n = 1; part != NULL; part = part->next, n++)
        put_row(r, &oc->arena, oc->logged, n, part->bytes);
    put_header(r, oc, w);
    put_state(r, log);
}

/* The streams that a rollback has before it are named by nobody: what is left of it is found by
 * doing it again. */
static void put_rollback(struct rows *r, struct own_commit *oc, const struct waiting *w)
{
    const struct planlog *log = &r->ils->planlog;
    bool over = log->rollback.is && (w->undoes_to || w->type == COMMAND_PLAN_CONFIRM);
    oc->rolls = w->undoes_more || over;
    if (!oc->rolls)
        return;
    if (!w->undoes_more) {
        rows_remove(r, ROW_SETTING, slice_of("plan_rollback"));
        return;
    }
    struct buf b;
    oc->rollback = (struct rollback){.is = true, .to = w->undoes, .last = log->last};
    buf_init(&b, r->ils->mem, 16);
    buf_put_u64(&b, oc->rollback.to);
    buf_put_u64(&b, oc->rollback.last);
    r->failed = r->failed || b.failed;
    rows_setting(r, "plan_rollback", buf_slice(&b));
    buf_done(&b);
}

/* Rows of a commit that w asked for; the numbers that its asker is told are noted in oc. */
void planlog_rows(struct rows *r, struct own_commit *oc, const struct waiting *w)
{
    struct ils *ils = r->ils;
    bool changes = oc->commit.change_n != 0;
    oc->confirms = w->type == COMMAND_PLAN_CONFIRM || takes_back(&ils->planlog, w) ||
                   (w->confirm != 0 && changes);
    if (oc->inverse != NULL)
        put_change(r, oc, w);
    if (oc->confirms && w->confirm != 0 && changes) {
        oc->confirm.number = oc->logged;
        oc->confirm.until = ils->wall + (wall)w->confirm * 1000000;
    }
    if (oc->confirms)
        put_confirm(r, oc);
    put_rollback(r, oc, w);
}

/* The plan is what neighbours held of it: changes that are not in this log are part of it, and
 * those that are cannot be told from them. */
void planlog_adopted(struct rows *r)
{
    struct planlog *log = &r->ils->planlog;
    log->first = log->last + 1;
    log->day_n = 0;
    log->confirm = r->ils->durable.confirm = (struct confirm){.number = 0};
    rows_remove(r, ROW_SETTING, slice_of("plan_confirm"));
    log->rollback = r->ils->durable.rollback = (struct rollback){.is = false};
    rows_remove(r, ROW_SETTING, slice_of("plan_rollback"));
    drop_below(r, log->first);
    put_state(r, log);
}

/* Durable by itself: batches under way that fail must not take it back. */
void planlog_committed(struct ils *ils, const struct own_commit *oc)
{
    if (oc->confirms)
        ils->planlog.confirm = ils->durable.confirm = oc->confirm;
    if (oc->rolls)
        ils->planlog.rollback = ils->durable.rollback = oc->rollback;
    list_each(node, &ils->batches) {
        struct settings *s = list_entry(node, struct batch, node)->settings;
        if (s != NULL && oc->confirms)
            s->confirm = oc->confirm;
        if (s != NULL && oc->rolls)
            s->rollback = oc->rollback;
    }
}

bool planlog_waits(const struct ils *ils)
{
    return ils->planlog.confirm.number != 0;
}

/* Where the plan shrank by it, that is meant so as well: the others need to hear of it. What a
 * rollback has done of its work stays, and the rest is left. */
void planlog_command(struct ils *ils, const struct command *c)
{
    struct rows rows;
    if (planlog_waits(ils) && stream_held(ils->own) && held_shrunk(ils->own, &ils->own->head)) {
        waiting_add(ils, c);
        return;
    }
    if (ils->planlog.confirm.number == 0 && !ils->planlog.rollback.is) {
        command_refuse(ils, c, REPLY_NOTHING_TO_CONFIRM, slice_make(NULL, 0));
        return;
    }
    ils->planlog.confirm = (struct confirm){.number = 0};
    ils->planlog.rollback = (struct rollback){.is = false};
    rows_init(&rows, ils);
    rows_remove(&rows, ROW_SETTING, slice_of("plan_confirm"));
    rows_remove(&rows, ROW_SETTING, slice_of("plan_rollback"));
    store_and_reply(&rows, c, false);
}

bool planlog_setting(struct ils *ils, struct slice key, struct slice value)
{
    struct planlog *log = &ils->planlog;
    struct cursor c;
    cursor_init(&c, value);
    if (slice_eq(key, slice_of("plan_confirm"))) {
        log->confirm.number = cursor_u64(&c);
        log->confirm.until = (wall)cursor_u64(&c);
        return true;
    }
    if (slice_eq(key, slice_of("plan_rollback"))) {
        log->rollback.is = true;
        log->rollback.to = cursor_u64(&c);
        log->rollback.last = cursor_u64(&c);
        return true;
    }
    if (!slice_eq(key, slice_of("plan_log")))
        return false;
    log->last = cursor_u64(&c);
    log->first = cursor_u64(&c);
    for (log->day_n = 0; log->day_n < PLAN_LOG_DAYS + 2 && cursor_left(&c) >= 16; log->day_n++) {
        log->day[log->day_n].at = (wall)cursor_u64(&c);
        log->day[log->day_n].number = cursor_u64(&c);
    }
    return true;
}

void view_planlog(const struct ils *ils, struct view_planlog *ret)
{
    const struct planlog *log = &ils->planlog;
    *ret = (struct view_planlog){.last = log->last, .first = log->first == 0 ? 1 : log->first,
                                 .confirm = log->confirm.number, .until = log->confirm.until,
                                 .rolling = log->rollback.is, .rolling_to = log->rollback.to,
                                 .rolling_last = log->rollback.last};
}
