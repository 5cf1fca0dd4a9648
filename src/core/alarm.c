/* alarm: a table of (alarm, subject) with first, last and count. Raised again, an alarm counts; it
 * is told and stored at most once a minute. It clears when its cause is gone. */
#include "core/core.h"

/* The subject counts as far as it is kept. */
static struct alarm_entry *alarm_find(const struct ils *ils, uint8_t alarm, struct slice subject)
{
    if (subject.n > ALARM_SUBJECT_MAX)
        subject.n = ALARM_SUBJECT_MAX;
    list_each(node, &ils->alarms) {
        struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (e->alarm == alarm && slice_eq(text_slice(e->subject), subject))
            return e;
    }
    return NULL;
}

static struct slice alarm_key(struct ils *ils, const struct alarm_entry *e)
{
    uint8_t *p = arena_alloc(&ils->step, 1u + e->subject.n);
    if (p == NULL)
        return slice_make(NULL, 0);
    p[0] = e->alarm;
    memcpy(p + 1, e->subject.p, e->subject.n);
    return slice_make(p, 1u + e->subject.n);
}

/* Raised by whoever knocks, and its subject is his choice, or his address. */
static bool is_attempt(uint8_t alarm)
{
    return alarm == ILSPwdAuthenticationFailed || alarm == ILSTLSAuthenticationFailed ||
           alarm == ILSUnacceptableConnectionAttempt || alarm == ILSRemoteHostUnresponsive ||
           alarm == ILSProtocolVersion || alarm == ILSPatternsExceeded;
}

static size_t count_of(const struct ils *ils, uint8_t alarm)
{
    size_t n = 0;
    list_each(node, &ils->alarms)
        n += list_entry(node, struct alarm_entry, node)->alarm == alarm;
    return n;
}

/* The oldest inactive one makes room, else the oldest. Of attempts only one of the same alarm, when
 * it has its share: strangers do not push out what the operator has to know. */
static struct alarm_entry *alarm_new(struct ils *ils, uint8_t alarm)
{
    bool own = is_attempt(alarm) && count_of(ils, alarm) >= ALARM_ATTEMPTS_MAX;
    if (!own && ils->alarm_n < ALARMS_MAX) {
        struct alarm_entry *e = mem_alloc(ils->mem, sizeof *e);
        if (e == NULL)
            return NULL;
        ils->alarm_n++;
        list_add(&ils->alarms, &e->node);
        return e;
    }
    struct alarm_entry *oldest = NULL;
    list_each(node, &ils->alarms) {
        struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (own && e->alarm != alarm)
            continue;
        if (oldest == NULL || (oldest->active && !e->active) ||
            (oldest->active == e->active && e->last < oldest->last))
            oldest = e;
    }
    struct rows rows;
    rows_init(&rows, ils);
    rows_remove(&rows, ROW_ALARM, alarm_key(ils, oldest));
    if (ils->started)
        journal_store(&rows, BATCH_PLAIN);
    list_remove(&oldest->node);
    memset(oldest, 0, sizeof *oldest);
    list_add(&ils->alarms, &oldest->node);
    return oldest;
}

static void alarm_tell(struct ils *ils, struct alarm_entry *e)
{
    struct ils_action *a = ils_action(ils, ILS_DO_ALARM);
    a->on = e->active;
    a->alarm = (struct alarm_row){e->alarm, arena_copy(&ils->step, text_slice(e->subject)),
                                  e->count, e->first, e->last, e->active};
    e->told = ils->now;
    uint8_t value[25];
    struct buf b;
    buf_init(&b, ils->mem, sizeof value);
    buf_put_u64(&b, e->count);
    buf_put_u64(&b, (uint64_t)e->first);
    buf_put_u64(&b, (uint64_t)e->last);
    buf_put_u8(&b, e->active);
    struct rows rows;
    rows_init(&rows, ils);
    rows_put(&rows, ROW_ALARM, alarm_key(ils, e), buf_slice(&b));
    if (ils->started && !b.failed)
        journal_store(&rows, BATCH_PLAIN);
    buf_done(&b);
}

static size_t active_count(const struct ils *ils, uint8_t alarm)
{
    size_t n = 0;
    list_each(node, &ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        n += e->alarm == alarm && e->active;
    }
    return n;
}

/* Attempts of others are over when nobody has tried for a while: nothing else would tell. Who is
 * refused as a copy tries every minute. */
static tick over_at(const struct alarm_entry *e)
{
    if (!e->active)
        return TICK_NEVER;
    if (is_attempt(e->alarm))
        return e->raised + ALARM_OVER_US;
    return e->alarm == ILSDuplicateClusterID ? e->raised + REFUSED_WAIT_US + REFUSED_WAIT_US / 2
                                             : TICK_NEVER;
}

/* Returns how many subjects are in this alarm, this one included. */
size_t alarm_raise(struct ils *ils, enum alarm alarm, struct slice subject)
{
    struct alarm_entry *e = alarm_find(ils, (uint8_t)alarm, subject);
    bool again = e != NULL && e->active;
    if (e == NULL) {
        e = alarm_new(ils, (uint8_t)alarm);
        if (e == NULL)
            return active_count(ils, (uint8_t)alarm) + 1;
        e->alarm = (uint8_t)alarm;
        text_set(e->subject, subject);
        e->first = ils->wall;
    }
    e->count++;
    e->last = ils->wall;
    e->raised = ils->now;
    e->active = true;
    ils->alarm_next = over_at(e) < ils->alarm_next ? over_at(e) : ils->alarm_next;
    if (!again || ils->now - e->told >= ALARM_QUIET_US)
        alarm_tell(ils, e);
    return active_count(ils, (uint8_t)alarm);
}

/* When an alarm that is active was last raised; 0: it is not. */
wall alarm_last(const struct ils *ils, enum alarm alarm, struct slice subject)
{
    const struct alarm_entry *e = alarm_find(ils, (uint8_t)alarm, subject);
    return e != NULL && e->active ? e->last : 0;
}

void alarm_clear(struct ils *ils, enum alarm alarm, struct slice subject)
{
    struct alarm_entry *e = alarm_find(ils, (uint8_t)alarm, subject);
    if (e == NULL || !e->active)
        return;
    e->active = false;
    alarm_tell(ils, e);
}

void alarm_clear_all(struct ils *ils, enum alarm alarm)
{
    list_each(node, &ils->alarms) {
        struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        if (e->alarm == alarm && e->active) {
            e->active = false;
            alarm_tell(ils, e);
        }
    }
}

/* A copy that is still there is looked at again and again, but nobody is woken for it. */
void alarm_tick(struct ils *ils)
{
    ils->alarm_next = TICK_NEVER;
    list_each(node, &ils->alarms) {
        struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        tick at = over_at(e);
        if (ils->now < at) {
            ils->alarm_next = at < ils->alarm_next ? at : ils->alarm_next;
        } else if (e->alarm != ILSDuplicateClusterID ||
                   !identity_lasts(ils, text_slice(e->subject))) {
            e->active = false;
            alarm_tell(ils, e);
        }
    }
}

/* One stored alarm. Its peers are tried again after a start, so it stays active until then. */
void alarm_row(struct ils *ils, const struct row *row)
{
    struct cursor c;
    cursor_init(&c, row->value);
    uint64_t count = cursor_u64(&c);
    wall first = (wall)cursor_u64(&c), last = (wall)cursor_u64(&c);
    bool active = cursor_u8(&c) != 0;
    if (!cursor_done(&c) || row->key.n < 1 || row->key.p[0] >= ALARMS)
        return;
    struct alarm_entry *e = alarm_new(ils, row->key.p[0]);
    if (e == NULL)
        return;
    e->alarm = row->key.p[0];
    text_set(e->subject, slice_make(row->key.p + 1, row->key.n - 1));
    e->count = count;
    e->first = first;
    e->last = last;
    e->active = active;
    e->raised = ils->now;
}
