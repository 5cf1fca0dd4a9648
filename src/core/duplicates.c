/* duplicates: what two clusters announce is found when it is learned, not when somebody calls it:
 * each plan that has changed is looked through, a few records in each step, for what another one
 * has as well. So are records that are sound as bytes and make no sense as entries: they are
 * counted and named. (The original finds duplicates during a call.)
 *
 * One plan is looked through at a time. Where nothing was found so far, only the segments that came
 * since are looked at. Where there is something, the whole is, so that what has gone is seen as
 * well; a large one is not begun again before a pause that grows with it: many changes of it cost
 * what one does. */
#include "core/core.h"

#define SCAN_RECORDS  1024           /* looked at in one step */
#define SCAN_PAUSE_US 20             /* for each record, before the same plan is begun again */
#define SCAN_WAIT_US  (5 * TICK_S)   /* what else is being fetched comes first for so long */
#define PAIRS_MAX     1024
#define PAIR_ALARMS   32             /* of them are told by an alarm */
#define HOLDERS_MAX   256            /* of one entry */

/* --- pairs */

static int stream_cmp(const struct stream *a, const struct stream *b)
{
    int key = memcmp(a->key, b->key, KEY_SIZE);
    return key != 0 ? key : (a->number > b->number) - (a->number < b->number);
}

static struct pair *pair_get(struct ils *ils, struct stream *a, struct stream *b)
{
    bool order = stream_cmp(a, b) < 0;
    struct stream *first = order ? a : b, *second = order ? b : a;
    list_each(node, &ils->pairs) {
        struct pair *p = list_entry(node, struct pair, node);
        if (p->a == first && p->b == second)
            return p;
    }
    struct pair *p = ils->pair_n < PAIRS_MAX ? mem_alloc(ils->mem, sizeof *p) : NULL;
    if (p == NULL)
        return NULL;
    p->a = first;
    p->b = second;
    list_add(&ils->pairs, &p->node);
    ils->pair_n++;
    return p;
}

/* A catalog that is adopted has its name twice for a while: the alarm is that of both pairs. */
static bool raised_by_another(const struct ils *ils, const struct pair *p)
{
    list_each(node, &ils->pairs) {
        const struct pair *other = list_entry(node, struct pair, node);
        if (other != p && other->raised &&
            slice_eq(text_slice(other->subject), text_slice(p->subject)))
            return true;
    }
    return false;
}

static void pair_clear(struct ils *ils, struct pair *p)
{
    if (p->raised && !raised_by_another(ils, p))
        alarm_clear(ils, ILSDuplicateURI, text_slice(p->subject));
    ils->pair_alarm_n -= p->raised;
    p->raised = false;
}

static void pair_free(struct ils *ils, struct pair *p)
{
    pair_clear(ils, p);
    list_remove(&p->node);
    ils->pair_n--;
    mem_free(ils->mem, p, sizeof *p);
}

/* "nara, osaka", as much of each as there is room for. */
static void subject_set(struct ils *ils, struct pair *p)
{
    struct slice a = policy_name(ils, p->a), b = policy_name(ils, p->b);
    size_t half = (ALARM_SUBJECT_MAX - 2) / 2, n = 0;
    bool swap = slice_cmp(a, b) > 0;
    struct slice name[2] = {swap ? b : a, swap ? a : b};
    for (size_t i = 0; i < 2; i++) {
        size_t k = name[i].n < half ? name[i].n : half;
        if (i == 1) {
            p->subject.p[n++] = ',';
            p->subject.p[n++] = ' ';
        }
        if (k != 0)
            memcpy(p->subject.p + n, name[i].p, k);
        n += k;
    }
    p->subject.n = (uint16_t)n;
}

static void pair_raise(struct ils *ils, struct pair *p)
{
    if (p->raised || ils->pair_alarm_n >= PAIR_ALARMS)
        return;
    p->raised = true;
    ils->pair_alarm_n++;
    subject_set(ils, p);
    struct trace *t = say(ils, EVENT_DUPLICATE);
    t->text[0] = arena_copy(&ils->step, text_slice(p->example));
    t->text[1] = arena_copy(&ils->step, text_slice(p->subject));
    t->number[0] = p->count;
    alarm_raise(ils, ILSDuplicateURI, text_slice(p->subject));
}

/* After a start, when all was looked through once: of pairs that are none any more. */
static void clear_former(struct ils *ils)
{
    ils->scanned = true;
    list_each(node, &ils->alarms) {
        const struct alarm_entry *e = list_entry(node, struct alarm_entry, node);
        bool lasts = !e->active || e->alarm != ILSDuplicateURI;
        list_each(other, &ils->pairs) {
            const struct pair *p = list_entry(other, struct pair, node);
            lasts = lasts || (p->raised && slice_eq(text_slice(p->subject),
                                                    text_slice(e->subject)));
        }
        if (!lasts)
            alarm_clear(ils, ILSDuplicateURI, text_slice(e->subject));
    }
}

/* --- looking through */

static struct slice key_text(struct ils *ils, const struct record *r)
{
    size_t n = r->user.n + (r->domain.n > 0 ? 1 + r->domain.n : 0);
    uint8_t *p = arena_alloc(&ils->step, n);
    if (p == NULL)
        return r->user;
    if (r->user.n != 0)
        memcpy(p, r->user.p, r->user.n);
    if (r->domain.n > 0) {
        p[r->user.n] = '@';
        memcpy(p + r->user.n + 1, r->domain.p, r->domain.n);
    }
    return slice_make(p, n);
}

struct look {
    struct ils *ils;
    struct stream *s;
    struct arena a; /* for one record */
};

static void look_at_others(struct look *x, const struct record *r)
{
    const struct catalog *holder[HOLDERS_MAX];
    struct ils *ils = x->ils;
    size_t n = plan_holders(ils->plan, r, holder, HOLDERS_MAX);
    for (size_t i = 0; n > 1 && i < n; i++) {
        struct stream *o = stream_find(ils, catalog_key(holder[i]), catalog_number(holder[i]));
        struct pair *p = o == NULL || o == x->s ? NULL : pair_get(ils, x->s, o);
        if (p == NULL)
            continue;
        if (p->count_now++ == 0) {
            p->kind_now = r->kind;
            text_set(p->example_now, key_text(ils, r));
        }
    }
}

/* These were looked at before, and are as they were. What memory a step asks for does not depend on
 * what was remembered. */
static void passed_over(struct look *x, uint32_t n)
{
    x->s->scan.records += n;
    for (; n > 0 && x->a.head == NULL; n--)
        (void)arena_alloc(&x->a, 1);
}

static bool look_at(void *context, const struct record *r)
{
    struct look *x = context;
    struct scan *scan = &x->s->scan;
    if (r == NULL) {
        passed_over(x, scan->place.passed);
        return true;
    }
    scan->records++;
    arena_reset(&x->a);
    bool sound = record_sound(&x->a, r);
    if (!sound && !x->a.failed && scan->illegal_now++ == 0)
        text_set(scan->example_now, key_text(x->ils, r));
    if (!sound || x->a.failed)
        scan->place.quiet = 0;
    if (!scan->place.alone)
        look_at_others(x, r);
    return true;
}

static bool of(const struct pair *p, const struct stream *s)
{
    return p->a == s || p->b == s;
}

static void scan_begin(struct ils *ils, struct stream *s)
{
    struct scan *scan = &s->scan;
    bool clean = scan->illegal == 0;
    scan->due = false;
    ils->scan_n--;
    scan->records = scan->illegal_now = 0;
    scan->example_now.n = 0;
    ils->scanning = s;
    list_each(node, &ils->pairs) {
        struct pair *p = list_entry(node, struct pair, node);
        if (of(p, s)) {
            p->count_now = 0;
            clean = false;
        }
    }
    scan->place = (struct catalog_place){.marks = true, .fresh = clean};
}

static void tell_illegal(struct ils *ils, struct stream *s)
{
    struct trace *t = say(ils, EVENT_ILLEGAL_RECORDS);
    crypto_peer_id(t->peer_id, s->key);
    t->text[0] = arena_copy(&ils->step, policy_name(ils, s));
    t->text[1] = arena_copy(&ils->step, text_slice(s->scan.example));
    t->number[0] = s->scan.illegal;
}

static void scan_end(struct ils *ils, struct stream *s)
{
    struct scan *scan = &s->scan;
    bool more = scan->illegal_now > scan->illegal;
    ils->scanning = NULL;
    scan->next = ils->now;
    if (scan->records > SCAN_RECORDS)
        scan->next += (tick)(scan->records * SCAN_PAUSE_US);
    scan->illegal = scan->illegal_now;
    text_set(scan->example, text_slice(scan->example_now));
    if (more)
        tell_illegal(ils, s);
    list_each_safe(node, &ils->pairs) {
        struct pair *p = list_entry(node, struct pair, node);
        if (!of(p, s))
            continue;
        p->count = p->count_now;
        p->kind = p->kind_now;
        text_set(p->example, text_slice(p->example_now));
        if (p->count == 0)
            pair_free(ils, p);
        else
            pair_raise(ils, p);
    }
}

/* What s serves is another now. */
void duplicates_changed(struct ils *ils, struct stream *s)
{
    if (s->number == STREAM_SELF || s->scan.due)
        return;
    if (ils->scan_n == 0 && ils->scanning == NULL)
        ils->scan_since = ils->now;
    s->scan.due = true;
    ils->scan_n++;
    if (s->scan.next < ils->scan_next)
        ils->scan_next = s->scan.next;
}

/* s is about to be freed. */
void duplicates_gone(struct ils *ils, struct stream *s)
{
    ils->scan_n -= s->scan.due;
    s->scan.due = false;
    if (ils->scanning == s)
        ils->scanning = NULL;
    list_each_safe(node, &ils->pairs) {
        struct pair *p = list_entry(node, struct pair, node);
        if (of(p, s))
            pair_free(ils, p);
    }
}

static struct stream *next_due(struct ils *ils)
{
    struct stream *first = NULL;
    ils->scan_next = TICK_NEVER;
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!s->scan.due)
            continue;
        if (first == NULL && s->scan.next <= ils->now)
            first = s;
        else if (s->scan.next < ils->scan_next)
            ils->scan_next = s->scan.next;
    }
    return first;
}

/* What is still on the way is waited for, for a while: it is looked for by more than this. */
static bool learns(const struct ils *ils)
{
    if (ils->now >= ils->scan_since + SCAN_WAIT_US)
        return false;
    list_each(node, &ils->due) {
        if (list_entry(node, struct stream, due)->fetch != FETCH_NONE)
            return true;
    }
    return false;
}

void duplicates_tick(struct ils *ils)
{
    size_t left = ils->scan_n + (ils->scanning != NULL) > 0 && learns(ils) ? 0 : SCAN_RECORDS;
    while (left > 0) {
        if (ils->scanning == NULL && ils->scan_n == 0 && !ils->scanned)
            clear_former(ils);
        if (ils->scanning == NULL && (ils->scan_n == 0 || ils->now < ils->scan_next))
            return;
        struct stream *s = ils->scanning != NULL ? ils->scanning : next_due(ils);
        if (s == NULL)
            return;
        if (ils->scanning == NULL)
            scan_begin(ils, s);
        struct look look = {.ils = ils, .s = s};
        arena_init(&look.a, ils->mem);
        size_t seen = catalog_walk_some(held_catalog(s), &s->scan.place, left, NULL, look_at,
                                        &look);
        arena_done(&look.a);
        left -= seen < left ? seen : left;
        if (s->scan.place.over)
            scan_end(ils, s);
    }
}

tick duplicates_deadline(const struct ils *ils)
{
    tick next = ils->scanning != NULL ? ils->now : ils->scan_n == 0 ? TICK_NEVER : ils->scan_next;
    return next <= ils->now && learns(ils) ? ils->scan_since + SCAN_WAIT_US : next;
}

void duplicates_free(struct ils *ils)
{
    list_each_safe(node, &ils->pairs)
        mem_free(ils->mem, list_entry(node, struct pair, node), sizeof(struct pair));
    list_init(&ils->pairs);
}
