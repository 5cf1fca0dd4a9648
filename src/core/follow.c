/* follow: a core that does not write. Another process writes the store of this cluster; this one is
 * given its rows, all of them before START as any other, and afterwards what changes, as it
 * changes. It serves them, so that lookups are answered here as there. It has no links, stores
 * nothing, and takes no command that changes anything.
 *
 * A list becomes the target of its catalog and is served when all of it is there: until then what
 * was served before is. Segments that came before their list were given to nobody: they are asked
 * for by name (READ). What changes rarely and touches much (a cluster that is gone, a key) is not
 * taken over piece by piece: whoever gives the rows is asked for a core of all of them in place of
 * this one (RELOAD).
 *
 * A core that wrote until now follows with what it has: its links end, and what is under way on
 * the disk is still answered. */
#include "core/core.h"

#define READ_MAX  64 /* segments asked for at a time */
#define SERVE_MAX 8  /* streams served in one step */

/* --- the beginning */

static struct slice writer(struct ils *ils)
{
    return ils->following.writer.n != 0 ? arena_copy(&ils->step, text_slice(ils->following.writer))
                                        : slice_of("?");
}

static enum reply refusal(const struct ils *ils)
{
    return ils->following.writer.n != 0 ? REPLY_FOLLOWS : REPLY_NOBODY_WRITES;
}

void follow_begin(struct ils *ils, const struct ils_event *event)
{
    struct following *f = &ils->following;
    text_set(f->writer, event->data);
    if (f->is)
        return;
    if (ils->started) {
        command_end(ils, refusal(ils), writer(ils));
        ils_action(ils, ILS_DO_LISTEN)->on = false;
        ils->listening = false;
    } else {
        ils_mix(ils, event->entropy);
    }
    f->is = true;
    if (ils->started)
        follow_started(ils);
}

/* All rows were given, or it wrote until now. */
void follow_started(struct ils *ils)
{
    struct trace *t = say(ils, EVENT_FOLLOWS);
    t->text[0] = text_slice(ils->cluster_id);
    t->text[1] = writer(ils);
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        s->kept_given = s->kept.catalog != NULL;
    }
    ils->next_beat = TICK_NEVER;
    ils->following.settled = ils->following.whole = true;
}

bool follow_refuses(struct ils *ils, const struct command *c)
{
    bool here = c->type == COMMAND_STOP || c->type == COMMAND_ALARM || c->type == COMMAND_SELF;
    if (!ils->following.is || here)
        return false;
    command_refuse(ils, c, refusal(ils), writer(ils));
    return true;
}

/* --- what changed */

static void reload(struct ils *ils)
{
    if (!ils->following.reload)
        ils_action(ils, ILS_DO_RELOAD);
    ils->following.reload = true;
}

static bool starts_with(struct slice text, const char *start)
{
    struct slice s = slice_of(start);
    return text.n >= s.n && memcmp(text.p, s.p, s.n) == 0;
}

/* Of the settings those by which it is shown what this cluster is, and what is answered. */
static void take_setting(struct ils *ils, const struct row *row)
{
    static const char *const names[] = {"cluster_id", "fqdn", "description", "route_string",
                                        "role", "auth", "network", "hub", "hub_port", "hub_wanted",
                                        "boot", "exchange_off", "sync_minutes", "learned_max",
                                        "lookup"};
    if (starts_with(row->key, "certificate")) {
        reload(ils); /* of one's own: contexts hang on it */
    } else if (slice_eq(row->key, slice_of("key"))) {
        if (row->remove || row->value.n != KEY_SIZE || !ils->has_key ||
            memcmp(row->value.p, ils->key, KEY_SIZE) != 0)
            reload(ils);
    }
    for (size_t i = 0; !row->remove && i < sizeof names / sizeof names[0]; i++) {
        if (!slice_eq(row->key, slice_of(names[i])))
            continue;
        journal_row(ils, row);
        ils->following.settled = true;
    }
}

/* Served as it is already: nothing to do, and what was wanted meanwhile is over. */
static bool is_served(struct stream *s, struct slice value)
{
    struct slice head = buf_slice(&s->head_bytes);
    if (!stream_held(s) || value.n < 4 + head.n || value.p[2] != head.n >> 8 ||
        value.p[3] != (head.n & 0xff) || memcmp(value.p + 4, head.p, head.n) != 0)
        return false;
    catalog_abandon(s->catalog);
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
    return true;
}

static void take_stream(struct ils *ils, const struct row *row)
{
    uint64_t number = 0;
    if (row->key.n != KEY_SIZE + 8)
        return;
    for (size_t i = KEY_SIZE; i < row->key.n; i++)
        number = number << 8 | row->key.p[i];
    if (held_is_kept(number)) {
        if (!held_follow(ils, row, number))
            reload(ils);
        return;
    }
    struct stream *s = stream_find(ils, row->key.p, number);
    if (row->remove) {
        if (s != NULL)
            reload(ils);
        return;
    }
    if (s != NULL && is_served(s, row->value))
        return;
    journal_row(ils, row);
    s = stream_find(ils, row->key.p, number);
    if (s == NULL)
        return;
    s->asked = 0;
    if (s->wanted_bytes.n == 0) { /* not sound: what is served stays */
        catalog_abandon(s->catalog);
        stream_damaged(ils, s);
    }
}

/* In the order of enum row_space up to WHOLE, so that a list is there before its segments. */
void follow_row(struct ils *ils, const struct row *row)
{
    switch ((enum row_space)row->space) {
    case ROW_PASSWORD:
    case ROW_ALARM:
    case ROW_TRUST:
    case ROW_REFUSED:
    case ROW_INVITE: return; /* of who writes */
    default: break;
    }
#ifdef OPENILS_BUG_FOLLOW_KEEPS /* a control of test_share.c */
    if (row->remove)
        return;
#endif
    if (row->space == ROW_SETTING && (slice_eq(row->key, slice_of("plan_confirm")) ||
                                      slice_eq(row->key, slice_of("plan_rollback"))))
        return; /* who writes takes back what was on trial */
    if (!ils->started) {
        journal_row(ils, row);
        return;
    }
    switch ((enum row_space)row->space) {
    case ROW_SETTING: take_setting(ils, row); break;
    case ROW_STREAM: take_stream(ils, row); break;
    case ROW_PEER:
        if (row->remove)
            reload(ils);
        else
            journal_row(ils, row);
        ils->stale_next = ils->now;
        break;
    case ROW_SEGMENT:
        if (!row->remove)
            journal_row(ils, row);
        break;
    case ROW_ROUTE:
    case ROW_POLICY:
        journal_row(ils, row);
        ils_action(ils, ILS_DO_PUBLISH);
        break;
    default: break;
    }
}

void follow_whole(struct ils *ils)
{
    ils->following.whole = ils->following.is && ils->started;
}

/* --- what is served */

static void settle(struct ils *ils)
{
    ils->following.settled = false;
    settings_take(&ils->durable, ils);
    if (ils->own != NULL)
        catalog_describe(ils->own->catalog, text_slice(ils->cluster_id),
                         text_slice(ils->route_string), true);
    told_served(ils);
    ils_action(ils, ILS_DO_PUBLISH);
}

/* Nothing that is asked for and not there is asked for twice, unless the list is another one. */
static void ask(struct ils *ils, struct stream *s)
{
    struct line line;
    uint32_t missing = 0;
    for (size_t at = 0; catalog_missing(s->catalog, &at, &line); at++)
        missing++;
    ils->following.missing += missing;
    if (missing == s->asked)
        return;
    s->asked = missing;
    missing = 0;
    for (size_t at = 0; missing < READ_MAX && catalog_missing(s->catalog, &at, &line); at++) {
        struct slice key = stream_key_bytes(&ils->step, s->key, s->number, line.name);
        if (key.n != 0)
            ils_action(ils, ILS_DO_READ)->data = key;
        missing++;
    }
}

static void not_whole(struct ils *ils, struct stream *s)
{
    s->damaged = true;
    catalog_abandon(s->catalog);
    buf_reset(&s->wanted_bytes);
    buf_reset(&s->wanted_lines);
    stream_failed(ils, s, "what is stored is not what was signed");
    stream_damaged(ils, s);
}

static void is_said(struct ils *ils, struct stream *s)
{
    struct peer *p = s->own || (s->head.flags & HEAD_FLAG_LEFT) != 0 ? NULL
                                                                       : peer_get(ils, s->key);
    if (p == NULL)
        return;
    peer_read(ils, p, s);
    peer_placed(ils, p);
    p->dirty = false;
}

/* All of what s wants is there. */
static void serve(struct ils *ils, struct stream *s)
{
    struct rows rows; /* for nobody */
    rows_init(&rows, ils);
    if (!fetch_digest_agrees(s, ils->now)) {
        not_whole(ils, s);
        return;
    }
    bool moved = !stream_held(s) || s->wanted.usn != s->head.usn;
    buf_reset(&s->target_lines);
    buf_put_slice(&s->target_lines, buf_slice(&s->wanted_lines));
    if (s->target_lines.failed || !held_apply(&rows, s)) {
        ils->broken = true;
        return;
    }
    buf_reset(&s->target_lines);
    if (!stream_head_wanted(s)) {
        ils->broken = true;
        return;
    }
    buf_reset(&s->wanted_lines);
    s->admitted = true;
    s->last_usn = moved ? ils->wall : s->last_usn;
    if (catalogs_is(s))
        catalogs_named(ils, s);
    stream_served(ils, s);
    if (s->number == STREAM_SELF)
        is_said(ils, s);
    stream_say_applied(ils, s);
}

/* A few in each step; what is missing is counted anew each time. */
static void serve_all(struct ils *ils)
{
    struct line line;
    size_t served = 0;
    ils->following.missing = 0;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        size_t at = 0;
        if (s->kept.catalog != NULL && !s->kept_given)
            held_follow_gone(ils, s);
        if (s->wanted_bytes.n == 0)
            continue;
        if (catalog_missing(s->catalog, &at, &line)) {
            ask(ils, s);
#ifndef OPENILS_BUG_FOLLOW_EARLY /* a control of test_share.c */
            continue;
#endif
        }
        if (served++ == SERVE_MAX)
            return;
        serve(ils, s);
    }
    ils->following.whole = false;
}

void follow_tick(struct ils *ils)
{
    struct following *f = &ils->following;
    if (f->settled)
        settle(ils);
    if (f->whole)
        serve_all(ils);
    stream_judge_stale(ils);
    duplicates_tick(ils);
    alarm_tick(ils);
}

tick follow_deadline(const struct ils *ils)
{
    tick first = ils->stale_next;
    const tick of[] = {duplicates_deadline(ils), ils->alarm_next};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        first = of[i] < first ? of[i] : first;
    list_each(node, &ils->busy) {
        tick t = link_deadline(list_entry(node, struct link, busy));
        first = t < first ? t : first;
    }
    return first > ils->now ? first : ils->now;
}

bool view_follow(const struct ils *ils, struct view_follow *ret)
{
    *ret = (struct view_follow){.writer = text_slice(ils->following.writer),
                                .missing = ils->following.missing,
                                .busy = ils->following.whole,
                                .has_key = ils->has_key};
    return ils->following.is;
}
