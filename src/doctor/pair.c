/* pair: finds the two ends of one attempt: by address and port first, by time second. An end that
 * finds no other is an attempt by itself. */
#include "doctor/inside.h"

#include <string.h>

#define DAY_MS    INT64_C(86400000)
#define NEAR_MS   (3 * MS_S) /* ends without addresses are no further apart in time */
#define PORTS     1024       /* chains of ends, by port */
#define LOOSE_MAX 4096       /* so many ends are compared by time, at most */

#define B(line) DOCTOR_BIT(LINE_##line)

static const uint64_t up = B(T3) | B(T9);
static const uint64_t no = B(T10) | B(T11) | B(T15) | B(T16) | B(T18) | B(T20);
static const uint64_t own_no = B(T10) | B(T11) | B(T15) | B(T16) | B(T20);

static int64_t apart(const struct end *a, const struct end *b)
{
    int64_t ms = (a->d.first - b->d.first) % DAY_MS;
    ms = ms < 0 ? -ms : ms;
    return ms > DAY_MS / 2 ? DAY_MS - ms : ms;
}

static bool ports_differ(uint16_t a, uint16_t b)
{
    return a != 0 && b != 0 && a != b;
}

/* What either end says does not rule out that it is one attempt. */
static bool outcomes_agree(const struct end *c, const struct end *s)
{
    if ((c->tls >= 0 && s->tls >= 0 && c->tls != s->tls) ||
        (!c->was_up && !s->was_up &&
         (((c->lines & up) != 0 && (s->lines & no) != 0) ||
          ((s->lines & up) != 0 && (c->lines & no) != 0))))
        return false;
    return (c->lines & own_no) == 0 || (s->lines & own_no) == 0 || c->was_up;
}

/* The verdict line of this product has the same id at both ends. */
static bool verdicts_differ(const struct end *c, const struct end *s)
{
    return c->d.has_verdict && s->d.has_verdict &&
           !slice_eq(slice_make(c->d.verdict, 8), slice_make(s->d.verdict, 8));
}

static void join(struct end *c, struct end *s, enum doctor_pairing pairing)
{
    c->mate = s;
    s->mate = c;
    c->pairing = s->pairing = pairing;
}

/* --- by address */

static void by_address(struct doctor *d)
{
    size_t size = PORTS * sizeof(uint32_t), next_size = (d->end_n + 1) * sizeof(uint32_t);
    uint32_t *head = mem_alloc(d->mem, size), *next = mem_alloc(d->mem, next_size);
    if (head == NULL || next == NULL) {
        d->failed = true;
        mem_free(d->mem, head, size);
        mem_free(d->mem, next, next_size);
        return;
    }
    for (size_t i = 0; i < d->end_n; i++) {
        const struct end *s = d->end[i];
        if (s->side == SIDE_S && s->d.peer_port != 0 && s->d.peer_ip.n > 0) {
            next[i + 1] = head[s->d.peer_port % PORTS];
            head[s->d.peer_port % PORTS] = (uint32_t)(i + 1);
        }
    }
    for (size_t i = 0; i < d->end_n; i++) {
        struct end *c = d->end[i], *best = NULL;
        if (c->side != SIDE_C || c->d.local_port == 0)
            continue;
        for (uint32_t k = head[c->d.local_port % PORTS]; k != 0; k = next[k]) {
            struct end *s = d->end[k - 1];
            if (s->mate == NULL && s->d.peer_port == c->d.local_port &&
                slice_eq_fold(s->d.peer_ip, c->d.local_ip) &&
                !ports_differ(s->d.local_port, c->d.peer_port) && outcomes_agree(c, s) &&
                !verdicts_differ(c, s) && (best == NULL || apart(s, c) < apart(best, c)))
                best = s;
        }
        if (best != NULL)
            join(c, best, PAIRED_ADDRESS);
    }
    mem_free(d->mem, head, size);
    mem_free(d->mem, next, next_size);
}

/* --- by time */

static bool could_be(const struct end *e, enum doctor_side side)
{
    return e->side == side || e->side == SIDE_UNKNOWN;
}

/* A live test: it leaves nothing at the end that dials. */
static bool is_test(struct doctor *d, const struct end *s)
{
    struct doctor_attempt a = {0};
    if (s->side != SIDE_S || s->d.told != CODE_REPLACED)
        return false;
    judge(d, &a, s, NULL);
    return a.outcome == OUTCOME_TEST;
}

/* Whether the two can be one attempt, as far as time and addresses say. */
static bool near(struct doctor *d, const struct end *c, const struct end *s)
{
    if (!could_be(c, SIDE_C) || !could_be(s, SIDE_S) || c->side == s->side ||
        (c->segment == s->segment && c->stream == s->stream) || !outcomes_agree(c, s))
        return false;
    if (c->d.has_verdict && s->d.has_verdict)
        return slice_eq(slice_make(c->d.verdict, 8), slice_make(s->d.verdict, 8));
    if (apart(c, s) > NEAR_MS || is_test(d, s))
        return false;
    if (address_differs(c->d.peer_ip, s->d.local_ip) ||
        address_differs(c->d.local_ip, s->d.peer_ip) ||
        ports_differ(c->d.peer_port, s->d.local_port))
        return false;
    /* Other ports, though all else agrees: an address was translated on the way. Both must have
     * come through, so that neither explains the other. */
    return !ports_differ(c->d.local_port, s->d.peer_port) ||
           ((c->lines & up) != 0 && (s->lines & up) != 0 && apart(c, s) <= MS_S &&
            c->d.local_ip.n > 0 && slice_eq_fold(c->d.local_ip, s->d.peer_ip));
}

static bool same_row(const struct doctor_attempt *a, const struct doctor_attempt *b)
{
    return a->row == b->row || (a->same & DOCTOR_BIT(b->row)) != 0 ||
           (b->same & DOCTOR_BIT(a->row)) != 0;
}

/* Two ends that time brought together do not contradict each other by themselves. */
static bool explain_alike(struct doctor *d, const struct end *c, const struct end *s)
{
    struct doctor_attempt one = {0}, other = {0};
    judge(d, &one, c, NULL);
    judge(d, &other, s, NULL);
    return one.certainty == UNCLEAR || other.certainty == UNCLEAR || same_row(&one, &other);
}

static void by_time(struct doctor *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->end_n; i++)
        n += d->end[i]->mate == NULL;
    if (n > LOOSE_MAX)
        return;
    for (size_t i = 0; i < d->end_n; i++) {
        struct end *c = d->end[i], *best = NULL;
        size_t found = 0;
        if (c->mate != NULL || !could_be(c, SIDE_C))
            continue;
        for (size_t k = 0; k < d->end_n; k++) {
            if (d->end[k]->mate != NULL || k == i || !near(d, c, d->end[k]))
                continue;
            found++;
            best = d->end[k];
        }
        for (size_t k = 0; found == 1 && k < d->end_n; k++)
            found += k != i && d->end[k]->mate == NULL && near(d, d->end[k], best);
        if (found == 1 && explain_alike(d, c, best)) {
            join(c, best, PAIRED_TIME);
            c->side = SIDE_C;
            best->side = SIDE_S;
        }
    }
}

/* --- the attempts */

static void evidence(struct doctor *d, struct doctor_attempt *a, const struct end *one,
                     const struct end *other)
{
    size_t n = one->record_n + (other != NULL ? other->record_n : 0);
    const struct record *x = one->first, *y = other != NULL ? other->first : NULL;
    a->evidence = arena_alloc(&d->arena, n * sizeof *a->evidence);
    if (a->evidence == NULL) {
        d->failed = true;
        return;
    }
    while (x != NULL || y != NULL) {
        bool first = y == NULL || (x != NULL && x->at <= y->at);
        const struct record *r = first ? x : y;
        a->evidence[a->evidence_n++] = (struct doctor_evidence){.line = r->line,
                                                                .side = r->end->side,
                                                                .text = r->text,
                                                                .number = r->number,
                                                                .sequence = r->sequence,
                                                                .at = r->at,
                                                                .quote = r->quote};
        if (first)
            x = x->next;
        else
            y = y->next;
    }
}

void pair(struct doctor *d)
{
    if (d->failed || d->end_n == 0)
        return;
    by_address(d);
    by_time(d);
    d->attempt = arena_alloc(&d->arena, d->end_n * sizeof *d->attempt);
    if (d->attempt == NULL) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < d->end_n && !d->failed; i++) {
        struct end *e = d->end[i], *other = e->mate;
        if (e->record_n == 0 || e->listed)
            continue;
        e->listed = true;
        if (other != NULL)
            other->listed = true;
        struct doctor_attempt *a = &d->attempt[d->attempt_n++];
        evidence(d, a, e, other);
        if (!d->failed)
            judge(d, a, e, other);
    }
}
