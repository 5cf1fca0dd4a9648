/* gather: puts the lines of each attempt together, end by end. First the lines that say which
 * connection they speak of, then the others. */
#include "doctor/inside.h"

#include <string.h>

#define BACK_MAX     512         /* ends that are looked back over */
#define NEAR_MS      (10 * MS_S) /* a line without an address is no further from its attempt */
#define DOUBT_MS     MS_S
#define HOMELESS_MAX 30
#define RIVALS_MAX   64
#define WINDOW_MAX   (1u << 14)
#define LOOSE_MAX    16 /* attempts without any address that are looked back over */

#define B(line) DOCTOR_BIT(LINE_##line)

/* --- order */

static int before(const struct record *a, const struct record *b)
{
    if (a->stream != b->stream)
        return a->stream < b->stream ? -1 : 1;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    if (a->sub != b->sub)
        return a->sub < b->sub ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void merge(struct record **from, struct record **to, size_t start, size_t middle, size_t end)
{
    size_t a = start, b = middle;
    for (size_t i = start; i < end; i++)
        to[i] = b == end || (a < middle && before(from[a], from[b]) < 0) ? from[a++] : from[b++];
}

/* Sorts *list; *spare is of the same size, and they may change places. */
static void sort(struct record ***list, struct record ***spare, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t middle = i + width < n ? i + width : n;
            merge(*list, *spare, i, middle, middle + width < n ? middle + width : n);
        }
        struct record **swap = *list;
        *list = *spare;
        *spare = swap;
    }
}

/* --- ends */

static struct end *end_new(struct doctor *d, const struct record *r)
{
    if (d->end_n == d->end_size) {
        size_t size = d->end_size != 0 ? 2 * d->end_size : 64;
        void *p = mem_resize(d->mem, d->end, d->end_size * sizeof *d->end, size * sizeof *d->end);
        if (p == NULL) {
            d->failed = true;
            return NULL;
        }
        d->end = p;
        d->end_size = size;
    }
    struct end *e = arena_alloc(&d->arena, sizeof *e);
    if (e == NULL) {
        d->failed = true;
        return NULL;
    }
    *e = (struct end){.stream = r->stream, .segment = r->segment, .tls = -1};
    e->d = (struct doctor_end){.present = true, .first = r->at, .last = r->at};
    d->end[d->end_n++] = e;
    return e;
}

static void end_address(struct end *e, const struct record *r)
{
    bool dialled =
        r->line == LINE_T4 || r->line == LINE_T5 || r->line == LINE_T8 || r->line == LINE_T18;
    if (r->ip.n > 0 && dialled && e->d.host.n == 0)
        e->d.host = r->ip;
    if (r->ip.n > 0 && !dialled && e->d.peer_ip.n == 0)
        e->d.peer_ip = r->ip;
    if (r->port != 0 && (e->d.peer_port == 0 || (!r->port_open && r->port > e->d.peer_port)))
        e->d.peer_port = r->port;
    if (r->local_ip.n > 0)
        e->d.local_ip = r->local_ip;
    if (r->local_port != 0)
        e->d.local_port = r->local_port;
    if (r->n != 0) {
        e->d.n = r->n;
        e->k = r->k;
    }
}

static void end_add(struct end *e, struct record *r)
{
    bool was_up = end_was_up(e);
    r->end = e;
    struct record **link = &e->first;
    while (*link != NULL && before(*link, r) < 0)
        link = &(*link)->next;
    r->next = *link;
    *link = r;
    e->record_n++;
    e->lines |= DOCTOR_BIT(r->line);
    e->d.first = r->at < e->d.first ? r->at : e->d.first;
    e->d.last = r->at > e->d.last ? r->at : e->d.last;
    end_address(e, r);
    if (r->side != SIDE_UNKNOWN)
        e->side = r->side;
    if (r->tls >= 0)
        e->tls = r->tls;
    if (r->has_peer && !e->d.has_peer) {
        e->d.has_peer = true;
        memcpy(e->d.peer, r->peer, sizeof e->d.peer);
    }
    if (r->has_verdict) {
        e->d.has_verdict = true;
        memcpy(e->d.verdict, r->verdict, sizeof e->d.verdict);
    }
    if (r->name.n > 0)
        e->name = r->name;
    if (r->line == LINE_V1 && r->has_value)
        e->d.told = (enum code)r->value;
    if (r->line == LINE_V1)
        e->told_alone = r->sub == 1;
    if (r->line == LINE_T18 && r->has_value)
        e->failed = r->value;
    if (r->line == LINE_L1 && r->has_value)
        e->ended = (enum code)r->value;
    if (r->line == LINE_T15 && r->has_value) {
        e->error = r->value;
        e->error_text = r->words;
        e->was_up = was_up;
    }
}

static bool identified(const struct record *r)
{
    return r->n != 0 || r->port != 0;
}

/* A line that breaks off behind the number of its connection. */
static bool broken(const struct record *r)
{
    return r->n != 0 && r->port == 0;
}

static void place(struct doctor *d, struct record *r)
{
    struct end *best = NULL;
    int best_score = -1;
    for (size_t i = d->end_n; i > 0 && d->end_n - i < BACK_MAX; i--) {
        int score = fit(d->end[i - 1], r);
        if (score > best_score) {
            best_score = score;
            best = d->end[i - 1];
        }
    }
    if (best == NULL)
        best = end_new(d, r);
    if (best != NULL)
        end_add(best, r);
}

/* --- lines without an address: those of one step belong together */

static bool cluster_takes(struct record *const *list, size_t from, size_t to,
                          const struct record *r)
{
    const struct record *f = list[from];
    uint64_t judged = B(T12) | B(T24) | B(T32) | B(T20), seen = 0;
    if (r->stream != f->stream || r->segment != f->segment || r->sequence != f->sequence ||
        r->at - f->at > MS_S)
        return false;
    for (size_t i = from; i < to; i++)
        seen |= DOCTOR_BIT(list[i]->line);
    uint64_t bit = DOCTOR_BIT(r->line);
    if ((bit & (B(T19) | judged)) != 0 && (seen & judged) != 0)
        return false;
    return (bit & seen) == 0 || r->line == LINE_T25 || r->line == LINE_T28;
}

static int cluster_fit(const struct end *e, struct record *const *list, size_t from, size_t to)
{
    int least = INT32_MAX;
    for (size_t i = from; i < to; i++) {
        int score = fit(e, list[i]);
        least = score < least ? score : least;
    }
    return least;
}

static bool cluster_near(const struct end *e, int64_t at, int64_t ms)
{
    return at >= e->d.first - ms && at <= e->d.last + ms;
}

struct search {
    struct end *best;
    int score;
    uint32_t gap;
};

/* The first `sorted` ends stand in the order of the list; window: where to begin among them. */
struct candidates {
    size_t window, sorted;
};

static struct end *candidate(const struct doctor *d, const struct candidates *c, size_t *i,
                             const struct record *r)
{
    for (; *i < d->end_n; ++*i) {
        struct end *e = d->end[*i];
        if (*i < c->sorted && (e->segment != r->segment || e->d.first > r->at + NEAR_MS ||
                               *i > c->window + WINDOW_MAX))
            *i = c->sorted; /* those that loose lines made come last */
        if (*i >= c->sorted && d->end_n - *i > LOOSE_MAX)
            *i = d->end_n - LOOSE_MAX;
        if (*i >= d->end_n)
            break;
        e = d->end[*i];
        if (cluster_near(e, r->at, NEAR_MS)) {
            ++*i;
            return e;
        }
    }
    return NULL;
}

static void rivals_new(struct doctor *d, struct end *one, struct end *other, bool opened)
{
    struct rivals *r = arena_alloc(&d->arena, sizeof *r);
    if (r == NULL) {
        d->failed = true;
        return;
    }
    *r = (struct rivals){d->rivals, one, other, opened};
    d->rivals = r;
}

/* What tells attempts apart. */
static const uint64_t kinds = B(C4) | B(T11) | B(T12) | B(T17) | B(T20) | B(T21) | B(T24) | B(T32);

static uint64_t kinds_of(struct record *const *list, size_t from, size_t to)
{
    uint64_t lines = 0;
    for (size_t k = from; k < to; k++)
        lines |= DOCTOR_BIT(list[k]->line);
    return lines;
}

/* Lines of an attempt that came so far that a certificate could be judged. */
static const uint64_t reached =
    B(T1) | B(T2) | B(T3) | B(T7) | B(T8) | B(T9) | B(T10) | B(T18) | B(T22) | B(V1);

static const uint64_t rule_lines = B(T12) | B(T19) | B(T20) | B(T24) | B(T32);

/* The other attempts that could have said these lines as well. */
static void cluster_doubt(struct doctor *d, const struct candidates *c, const struct search *s,
                          struct record *const *list, size_t from, size_t to)
{
    bool opened = true;
    size_t i = c->window, n = 0;
    if ((kinds_of(list, from, to) & (kinds | B(T25) | B(T28))) == 0)
        return;
    for (size_t k = from; k < to; k++)
        opened &= list[k]->line == LINE_T25 || list[k]->line == LINE_T28;
    for (struct end *e; (e = candidate(d, c, &i, list[from])) != NULL && n < RIVALS_MAX;) {
        if (e == s->best || (e->lines & reached) == 0 ||
            !cluster_near(e, list[from]->at, DOUBT_MS) ||
            sequence_gap(e, list[from]) / 4 > s->gap + 1 || cluster_fit(e, list, from, to) < 0)
            continue;
        rivals_new(d, s->best, e, opened);
        n++;
    }
}

/* A refusal or a verdict, joined over a gap in the steps while other attempts stand near by:
 * whoever said it may have left no other line. */
static void cluster_gap(const struct doctor *d, const struct candidates *c, struct end *best,
                        struct record *const *list, size_t from, size_t to)
{
    uint64_t lines = kinds_of(list, from, to);
    size_t i = c->window;
    for (struct end *e; (e = candidate(d, c, &i, list[from])) != NULL;) {
        if (e == best || !cluster_near(e, list[from]->at, DOUBT_MS) ||
            sequence_gap(e, list[from]) > HOMELESS_MAX)
            continue;
        best->doubtful |= (lines & (B(T17) | B(T20) | B(T21))) != 0;
        best->told_doubtful |= (lines & B(V1)) != 0;
        return;
    }
}

/* Rivals that say the same are in no doubt. */
static void settle(struct doctor *d)
{
    for (struct rivals *r = d->rivals; r != NULL; r = r->next) {
        if (r->opened)
            r->one->opened_doubtful = r->other->opened_doubtful = true;
        else if ((r->one->lines & kinds) != (r->other->lines & kinds))
            r->one->doubtful = r->other->doubtful = true;
    }
}

/* Lines of a rule that fit nowhere: whoever took such lines near by may have taken them wrongly. */
static void cluster_homeless(struct doctor *d, const struct candidates *c, const struct record *r)
{
    size_t i = c->window;
    if ((DOCTOR_BIT(r->line) & rule_lines) == 0)
        return;
    for (struct end *e; (e = candidate(d, c, &i, r)) != NULL;)
        if (e->loose_rule && cluster_near(e, r->at, DOUBT_MS) && sequence_gap(e, r) <= HOMELESS_MAX)
            e->doubtful = true;
}

/* `bound`: only where a line of the same step says whose they are. */
static void cluster_place(struct doctor *d, struct record *const *list, size_t from, size_t to,
                          struct candidates *c, bool bound)
{
    struct search s = {.score = -1};
    const struct record *r = list[from];
    while (c->window < c->sorted && (d->end[c->window]->segment < r->segment ||
                                     (d->end[c->window]->segment == r->segment &&
                                      d->end[c->window]->d.last < r->at - NEAR_MS)))
        c->window++;
    size_t i = c->window;
    for (struct end *e; (e = candidate(d, c, &i, r)) != NULL;) {
        int score = cluster_fit(e, list, from, to);
        if (score > s.score)
            s = (struct search){e, score, sequence_gap(e, r)};
    }
    if (bound && (s.best == NULL || s.score < STEP_SCORE))
        return;
    if (s.best == NULL) {
        cluster_homeless(d, c, r);
        s.best = end_new(d, r);
    } else if (s.score < STEP_SCORE) {
        s.best->loose_rule |= (DOCTOR_BIT(r->line) & rule_lines) != 0;
        cluster_doubt(d, c, &s, list, from, to);
        cluster_gap(d, c, s.best, list, from, to);
    }
    for (size_t k = from; s.best != NULL && k < to; k++)
        end_add(s.best, list[k]);
}

/* --- which end it is, where no line says so */

static bool port_dialled(const struct doctor *d, const struct end *e)
{
    if (e->d.peer_port == 7501 || e->d.peer_port == 7502)
        return true;
    for (size_t i = 0; i < d->end_n; i++) {
        const struct end *o = d->end[i];
        if ((o->side == SIDE_C && o->d.peer_port == e->d.peer_port) ||
            (o->side == SIDE_S && o->d.local_port == e->d.peer_port))
            return true;
    }
    return false;
}

/* Words around a log do not stand against what its lines say. */
static bool hint_stands(const struct doctor *d, const struct end *e)
{
    enum doctor_side hint = d->hint[e->segment];
    for (size_t i = 0; i < d->end_n; i++) {
        const struct end *o = d->end[i];
        if (o->segment == e->segment && o->side != SIDE_UNKNOWN && !o->side_hint && o->side != hint)
            return false;
    }
    return hint != SIDE_UNKNOWN;
}

static void find_side(struct doctor *d, struct end *e)
{
    uint16_t port = e->d.peer_port;
    if (e->side != SIDE_UNKNOWN)
        return;
    if (port != 0 && port_dialled(d, e))
        e->side = SIDE_C;
    else if (port >= 1024 || end_has(e, LINE_T10) || end_has(e, LINE_T11) || end_has(e, LINE_T22))
        e->side = SIDE_S;
    if (e->side == SIDE_UNKNOWN && hint_stands(d, e)) {
        e->side = d->hint[e->segment];
        e->side_hint = true;
    }
}

static bool again(const struct record *a, const struct record *b)
{
    return a->stream == b->stream && a->at == b->at && a->sequence == b->sequence &&
           a->sub == b->sub && a->line == b->line && slice_eq(a->ip, b->ip) && a->port == b->port;
}

static void gather_all(struct doctor *d, struct record **list, size_t n)
{
    struct candidates c = {0};
    for (int late = 0; late < 2; late++) { /* whose a broken one is, the whole ones tell */
        for (size_t i = 0; i < n && !d->failed; i++)
            if (identified(list[i]) && broken(list[i]) == late &&
                (i == 0 || !again(list[i - 1], list[i])))
                place(d, list[i]);
        c.sorted = late ? c.sorted : d->end_n;
    }
    size_t loose = 0;
    for (size_t i = 0; i < n; i++)
        if (!identified(list[i]) && (i == 0 || !again(list[i - 1], list[i])))
            list[loose++] = list[i];
    for (int pass = 0; pass < 2; pass++) {
        c.window = 0;
        for (size_t from = 0, to; from < loose && !d->failed; from = to) {
            for (to = from + 1; to < loose && cluster_takes(list, from, to, list[to]); to++)
                ;
            if (list[from]->end == NULL)
                cluster_place(d, list, from, to, &c, pass == 0);
        }
    }
    settle(d);
    for (size_t i = 0; i < d->end_n; i++)
        find_side(d, d->end[i]);
}

void gather(struct doctor *d)
{
    size_t n = d->record_n, size = n * sizeof(struct record *);
    if (n == 0 || d->failed)
        return;
    struct record **list = mem_alloc(d->mem, size), **spare = mem_alloc(d->mem, size);
    if (list == NULL || spare == NULL) {
        d->failed = true;
    } else {
        for (size_t i = 0; i < n; i++)
            list[i] = &d->record[i];
        sort(&list, &spare, n);
        gather_all(d, list, n);
    }
    mem_free(d->mem, list, size);
    mem_free(d->mem, spare, size);
}
