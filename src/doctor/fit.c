/* fit: whether a line can belong to an attempt, and how well. Lines without an address are held to
 * the step of the trace that they stand in, to the time, and to what has been seen. */
#include "doctor/inside.h"

#define STEP_MS    (2 * MS_S)  /* lines of one step are no further apart */
#define ATTEMPT_MS (60 * MS_S) /* silence after which another attempt begins */
#define NEXT_STEPS 30          /* steps that are this near to each other may be one attempt's */
#define STEPS_MAX  2000
#define SEQUENCES  100000000 /* after which they begin anew */
#define CLOSED_MS  (2 * MS_S)

#define B(line) DOCTOR_BIT(LINE_##line)

static const uint64_t accepted = B(T12) | B(T24) | B(T32);
static const uint64_t up = B(T3) | B(T9);
static const uint64_t password = B(T10) | B(T11);
static const uint64_t refused = B(T15) | B(T16) | B(T17) | B(T20) | B(T21);
/* What comes before an attempt is over. */
static const uint64_t early = B(T1) | B(T2) | B(T4) | B(T5) | B(T7) | B(T12) | B(T19) | B(T20) |
                              B(T21) | B(T24) | B(T25) | B(T28) | B(T32) | B(C4);
static const uint64_t finished = B(T3) | B(T9) | B(T10) | B(T11) | B(T18) | B(T22) | B(V1) | B(L1);
static const uint64_t repeats = B(T25) | B(T28) | B(T30) | B(SIG);

static bool is_number(struct slice a)
{
    bool colon = slice_find(a, ':') < a.n;
    for (size_t i = 0; i < a.n; i++)
        if (!colon && a.p[i] != '.' && (a.p[i] < '0' || a.p[i] > '9'))
            return false;
    return a.n > 0;
}

bool address_differs(struct slice a, struct slice b)
{
    return is_number(a) && is_number(b) && !slice_eq_fold(a, b);
}

/* Ports that can be one: one of them may have lost its last digits. */
static bool ports_agree(uint16_t a, uint16_t b, bool open)
{
    if (a == 0 || b == 0 || a == b)
        return true;
    for (uint16_t long_one = a > b ? a : b; open && long_one != 0; long_one /= 10)
        if (long_one == (a > b ? b : a))
            return true;
    return false;
}

uint32_t sequence_gap(const struct end *e, const struct record *r)
{
    uint32_t least = UINT32_MAX;
    for (const struct record *o = e->first; o != NULL; o = o->next) {
        uint32_t gap =
            o->sequence > r->sequence ? o->sequence - r->sequence : r->sequence - o->sequence;
        if (o->at - r->at <= STEP_MS && r->at - o->at <= STEP_MS && gap < least)
            least = gap;
    }
    return least;
}

static bool any_before(const struct end *e, uint64_t lines, const struct record *r)
{
    for (const struct record *o = e->first; o != NULL; o = o->next)
        if ((DOCTOR_BIT(o->line) & lines) != 0 &&
            (o->at < r->at || (o->at == r->at && o->sequence < r->sequence)))
            return true;
    return false;
}

/* It is dialled before anything else. */
static bool dialled_after(const struct end *e, const struct record *r)
{
    const uint64_t later = accepted | B(T8) | B(T9) | B(T15) | B(T16) | B(T17) | B(T18) | B(T19) |
                           B(T20) | B(T21) | B(T25) | B(T28) | B(V1);
    for (const struct record *o = e->first; o != NULL; o = o->next)
        if ((DOCTOR_BIT(r->line) & later) != 0 &&
            (DOCTOR_BIT(o->line) & (B(T4) | B(T5) | B(T7))) != 0 &&
            (o->at > r->at || (o->at == r->at && o->sequence > r->sequence)))
            return true;
    return false;
}

/* Nothing follows what says how it ended. */
static bool over_before(const struct end *e, const struct record *r)
{
    if (r->line != LINE_L1 && e->d.told != CODE_NONE && e->d.told != CODE_JOINED &&
        any_before(e, B(V1), r))
        return true;
    if ((DOCTOR_BIT(r->line) & (up | B(T8))) != 0 && any_before(e, B(V1), r))
        return true;
    return (DOCTOR_BIT(r->line) & early) != 0 && any_before(e, finished, r);
}

/* The verdict line says another outcome than the lines. */
static bool verdict_contradicts(const struct end *e, uint32_t code)
{
    const uint64_t failed = password | refused | B(T18);
    if (code == CODE_JOINED)
        return (e->lines & failed) != 0 && (e->lines & up) == 0;
    if ((e->lines & up) != 0)
        return true;
    return (code / 10 == 20 && (e->lines & refused) != 0) ||
           (code / 100 == 3 && (e->lines & password) != 0);
}

/* What the other lines of the attempt rule out. */
static bool contradicts(const struct end *e, const struct record *r, bool known)
{
    uint64_t bit = DOCTOR_BIT(r->line), lines = e->lines;
    bool was_up = end_was_up(e);
    unsigned told = (unsigned)e->d.told;
    if (told != 0 && told < 400 && /* 4xx may hide any of these */
        (((bit & (B(T10) | B(T11))) != 0 && told / 10 != 20) ||
         ((bit & (B(T15) | B(T16) | B(T17) | B(T20) | B(T21))) != 0 && told < 300 && !was_up) ||
         ((bit & up) != 0 && told != 100)))
        return true;
    if ((lines & bit) != 0 && (bit & repeats) == 0)
        return true;
    if (r->line == LINE_V1 && r->has_value && verdict_contradicts(e, r->value))
        return true;
    if (over_before(e, r) || dialled_after(e, r))
        return true;
    if (((bit & password) != 0 && (lines & (refused | B(T28))) != 0) ||
        ((bit & B(T28)) != 0 && (lines & password) != 0) ||
        ((bit & refused) != 0 && (lines & password) != 0))
        return true;
    if (!was_up && (bit & (B(T25) | B(T28))) != 0 && (lines & refused) != 0)
        return true;
    if (was_up && (bit & (B(T10) | B(T11) | B(T18) | B(T20))) != 0)
        return true;
    if (was_up && (bit & (B(T17) | B(T21))) != 0 && (lines & (B(T15) | B(T16))) == 0)
        return true;
    if (was_up && (bit & (B(T15) | B(T16))) != 0)
        return !known; /* it expired while the link stood */
    if ((bit & up) != 0 && (lines & (B(T10) | B(T11) | B(T15) | B(T16) | B(T18) | B(T20))) != 0)
        return true;
    if ((bit & accepted) != 0 && (lines & (accepted | B(T20) | B(T21))) != 0)
        return true;
    if ((bit & accepted) != 0 && !was_up && (lines & (B(T15) | B(T16))) != 0)
        return true;
    if ((bit & (B(T15) | B(T16) | B(T20) | B(T21))) != 0 && (lines & accepted) != 0)
        return true;
    if ((bit & (B(T15) | B(T16))) != 0 && (lines & B(T20)) != 0)
        return true;
    if (((bit & B(C4)) != 0 && (lines & (up | accepted | password | refused)) != 0) ||
        ((lines & B(C4)) != 0 && (bit & (up | accepted | password | refused)) != 0))
        return true; /* the join that an invite leads to is another conversation */
    if ((bit & B(T19)) != 0 && (lines & B(T12)) != 0)
        return true;
    return !was_up && (((bit & B(T19)) != 0 && (lines & (B(T15) | B(T16))) != 0) ||
                       ((bit & (B(T12) | B(T15) | B(T16))) != 0 && (lines & B(T19)) != 0));
}

static bool dialled(enum doctor_line line)
{
    return line == LINE_T4 || line == LINE_T5 || line == LINE_T8 || line == LINE_T18;
}

#define SAME_PORT 110 /* of a name and an address, and a port */

/* Addresses: -1 they differ; else how much of them is the same. */
static int same_addresses(const struct end *e, const struct record *r)
{
    int score = 0;
    struct slice mine = dialled(r->line) && e->d.host.n > 0 ? e->d.host : e->d.peer_ip;
    if (mine.n == 0)
        mine = e->d.host;
    if (r->ip.n > 0 && mine.n > 0) {
        if (address_differs(mine, r->ip) ||
            (dialled(r->line) && e->d.host.n > 0 && !slice_eq_fold(e->d.host, r->ip)))
            return -1;
        score += slice_eq_fold(mine, r->ip) ? 60 : 10;
    }
    if (!ports_agree(e->d.peer_port, r->port, r->port_open))
        return -1;
    if (r->port != 0 && e->d.peer_port == r->port)
        score += 100;
    if (r->local_ip.n > 0 && e->d.local_ip.n > 0 && address_differs(r->local_ip, e->d.local_ip))
        return -1;
    if (r->local_port != 0 && e->d.local_port != 0) {
        if (r->local_port != e->d.local_port)
            return -1;
        score += 100;
    }
    return score;
}

/* A line without an address stands among the steps of its attempt, and not far from them. */
static bool out_of_step(const struct end *e, const struct record *r)
{
    for (const struct record *o = e->first; o != NULL; o = o->next) {
        int64_t steps = (int64_t)r->sequence - (int64_t)o->sequence, ms = r->at - o->at;
        if (steps > SEQUENCES / 2 || steps < -SEQUENCES / 2)
            continue; /* it began anew at 0 */
        if ((ms > 0 && steps < 0) || (ms < 0 && steps > 0))
            return true;
    }
    return sequence_gap(e, r) > STEPS_MAX;
}

static int64_t away(const struct end *e, int64_t at)
{
    return at < e->d.first ? e->d.first - at : at > e->d.last ? at - e->d.last : 0;
}

int fit(const struct end *e, const struct record *r)
{
    bool kn = r->n != 0 && e->d.n != 0;
    int64_t ms = away(e, r->at);
    if (e->stream != r->stream ||
        (r->side != SIDE_UNKNOWN && e->side != SIDE_UNKNOWN && r->side != e->side && !e->side_hint))
        return -1;
    if ((kn && (r->n != e->d.n || r->k != e->k)) ||
        (r->tls >= 0 && e->tls >= 0 && r->tls != e->tls))
        return -1;
    if (r->has_peer && e->d.has_peer &&
        !slice_eq(slice_make(r->peer, 16), slice_make(e->d.peer, 16)))
        return -1;
    if (r->name.n > 0 && e->name.n > 0 && !slice_eq_fold(r->name, e->name) &&
        (r->line == LINE_T20 || r->line == LINE_T21))
        return -1;
    int same = same_addresses(e, r);
    bool known = kn && r->port != 0 && e->d.peer_port != 0;
    if (same < 0 || contradicts(e, r, kn))
        return -1;
    if (e->segment != r->segment && (!known || ms > ATTEMPT_MS / 2))
        return -1;
    bool later = kn && (r->line == LINE_L1 ||
                        (end_was_up(e) && (r->line == LINE_T15 || r->line == LINE_T16)));
    if (ms > ATTEMPT_MS && !later)
        return -1;
    if ((e->lines & (B(T18) | B(T22) | B(L1))) != 0 && ms > CLOSED_MS)
        return -1;
    uint32_t gap = sequence_gap(e, r);
    bool step = gap == 0;
    if (r->n != 0 || r->port != 0) {
        if (same == 0 && !step && !kn)
            return -1; /* beside the time, something must be the same */
        if (same <= SAME_PORT && !kn && gap > STEPS_MAX && gap != UINT32_MAX)
            return -1; /* the port of all hubs says little, and the steps are another log's */
    } else if (out_of_step(e, r)) {
        return -1;
    }
    int score = same + (step ? 1000 : 0) + (kn ? 500 : 0);
    score += gap < NEXT_STEPS ? 4 * (int)(NEXT_STEPS - gap) : 0;
    score += r->side != SIDE_UNKNOWN && r->side == e->side ? 5 : 0;
    return 2000 + 10 * score - (int)(ms > 15 * MS_S ? 1500 : ms / 10);
}
