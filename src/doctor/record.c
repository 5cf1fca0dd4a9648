/* record: finds the records of a trace in a piece of text, keeps those that a join leaves, and sees
 * where other words part one quoted snippet from the next. */
#include "doctor/inside.h"

#include <string.h>

#define QUOTE_MAX 600
#define WORD_MAX  24
#define DAY_MS    INT64_C(86400000)

struct prefix {
    size_t start, body;
    uint32_t sequence, sub;
    int64_t at;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\v';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == 0x80;
}

/* "00154617.001 |16:58:42.888 |AppInfo |" at this very place. */
static bool prefix_here(const struct piece *p, size_t at, struct prefix *ret)
{
    static const char form[] = "########.###|##:##:##.###|";
    uint32_t number[6] = {0};
    size_t field = 0, i = at, word = 0;
    for (const char *f = form; *f != '\0'; f++) {
        while (f != form && i < p->n && is_space(p->c[i]))
            i++;
        if (i >= p->n || (*f == '#' ? !is_digit(p->c[i]) : p->c[i] != (uint8_t)*f))
            return false;
        if (*f == '#')
            number[field] = number[field] * 10 + (uint32_t)(p->c[i] - '0');
        else
            field++;
        i++;
    }
    for (; i < p->n && (is_space(p->c[i]) || is_letter(p->c[i])) && word <= WORD_MAX; i++)
        word += !is_space(p->c[i]);
    if (i >= p->n || p->c[i] != '|' || word == 0 || word > WORD_MAX || number[2] > 23 ||
        number[3] > 59 || number[4] > 60)
        return false;
    int64_t seconds = ((int64_t)number[2] * 60 + number[3]) * 60 + number[4];
    *ret = (struct prefix){at, i + 1, number[0], number[1], seconds * MS_S + number[5]};
    return true;
}

static bool prefix_find(const struct piece *p, size_t at, struct prefix *ret)
{
    for (; at + 13 <= p->n; at++) {
        if (p->c[at + 8] != '.' || (at > 0 && is_digit(p->c[at - 1])))
            continue;
        if (prefix_here(p, at, ret))
            return true;
    }
    return false;
}

/* --- words between the records */

static bool span_holds(const struct piece *p, size_t from, size_t to, const char *lower,
                       size_t *ret_last)
{
    size_t n = strlen(lower);
    bool found = false;
    for (size_t i = from; i + n <= to; i++) {
        size_t k = 0;
        while (k < n && ascii_lower(p->c[i + k]) == (uint8_t)lower[k])
            k++;
        if (k == n) {
            found = true;
            *ret_last = p->from[i];
        }
    }
    return found;
}

static bool shown_holds(struct slice s, size_t from, const char *word, size_t *ret_last)
{
    size_t n = strlen(word);
    bool found = false;
    for (size_t i = from; i + n <= s.n; i++) {
        if (memcmp(s.p + i, word, n) == 0) {
            found = true;
            *ret_last = i;
        }
    }
    return found;
}

/* The last word that names an end of a join. */
static enum doctor_side words_hint(const struct piece *p, size_t from, size_t to)
{
    size_t c = 0, s = 0, at;
    struct slice shown = p->shown;
    if (to < p->n)
        shown.n = p->from[to];
    if (span_holds(p, from, to, "spoke", &at) ||
        shown_holds(shown, p->from[from], "\343\202\271\343\203\235\343\203\274\343\202\257", &at))
        c = at + 1;
    if (span_holds(p, from, to, "hub", &at) ||
        shown_holds(shown, p->from[from], "\343\203\217\343\203\226", &at))
        s = at + 1;
    return c == s ? SIDE_UNKNOWN : c > s ? SIDE_C : SIDE_S;
}

/* "00154617.001" */
static bool number_here(const struct piece *p, size_t at)
{
    for (size_t i = 0; i < 12; i++)
        if (at + i >= p->n || (i == 8 ? p->c[at + i] != '.' : !is_digit(p->c[at + i])))
            return false;
    return true;
}

/* What stands between the end of a record and the next one: words part them. */
static void between(struct reader *r, const struct piece *p, size_t from, size_t to)
{
    size_t letters = 0, at;
    while (to < p->n && to > from && p->c[to - 1] != '\n' && p->c[to - 1] != '\v')
        to--; /* the name of a file before a record, as grep prints it */
    for (size_t i = from; i < to; i++) {
        letters += is_letter(p->c[i]);
        if (number_here(p, i)) /* a record that breaks off before its text */
            while (i < to && p->c[i] != '\n' && p->c[i] != '\v')
                i++;
    }
    if (letters < 2)
        return;
    /* The rest of a broken record, and the opening of a file, are no words of a person. */
    if (span_holds(p, from, to, "|appinfo", &at) || span_holds(p, from, to, "|sdlsig", &at) ||
        span_holds(p, from, to, "openils trace", &at) || r->continues)
        return;
    enum doctor_side hint = words_hint(p, from, to);
    if (hint != SIDE_UNKNOWN || !r->parted)
        r->hint = hint;
    r->parted = true;
}

/* --- keeping */

static void segment_new(struct reader *r)
{
    struct doctor *d = r->d;
    if (d->segment_n == d->hint_size) {
        size_t size = d->hint_size != 0 ? 2 * d->hint_size : 64;
        void *p =
            mem_resize(d->mem, d->hint, d->hint_size * sizeof *d->hint, size * sizeof *d->hint);
        if (p == NULL) {
            d->failed = true;
            return;
        }
        d->hint = p;
        d->hint_size = size;
    }
    d->hint[d->segment_n++] = r->hint;
}

static struct record *record_new(struct doctor *d)
{
    if (d->record_n == DOCTOR_RECORDS_MAX) {
        d->left_out++;
        return NULL;
    }
    if (d->record_n == d->record_size) {
        size_t size = d->record_size != 0 ? 2 * d->record_size : 64;
        void *p = mem_resize(d->mem, d->record, d->record_size * sizeof *d->record,
                             size * sizeof *d->record);
        if (p == NULL) {
            d->failed = true;
            return NULL;
        }
        d->record = p;
        d->record_size = size;
    }
    return &d->record[d->record_n++];
}

static struct slice quote_of(struct doctor *d, const struct piece *p, size_t from, size_t to)
{
    uint8_t text[QUOTE_MAX];
    size_t n = 0, last = to < p->n ? p->from[to] : p->shown.n;
    for (size_t i = p->from[from]; i < last && n < sizeof text; i++)
        text[n++] = p->shown.p[i] < 0x20 || p->shown.p[i] == 0x7f ? ' ' : p->shown.p[i];
    while (n > 0 && (text[n - 1] & 0xc0) == 0x80 && !slice_is_utf8(slice_make(text, n)))
        n--;
    if (n > 0 && !slice_is_utf8(slice_make(text, n)))
        n--;
    struct slice copy = arena_copy(&d->arena, slice_trim(slice_make(text, n)));
    d->failed |= d->arena.failed;
    return copy;
}

/* Days are counted: a time that leaps back by more than half a day is the next day's. */
static int64_t running_time(struct doctor *d, int64_t of_day)
{
    int64_t at = of_day;
    if (d->at_known) {
        int64_t day = d->last_at >= 0 ? d->last_at / DAY_MS : -1;
        at += day * DAY_MS;
        if (at < d->last_at - DAY_MS / 2)
            at += DAY_MS;
        else if (at > d->last_at + DAY_MS / 2 && at >= DAY_MS)
            at -= DAY_MS;
    }
    d->last_at = at;
    d->at_known = true;
    return at;
}

static enum doctor_side side_of(enum doctor_line line)
{
    switch ((int)line) {
    case LINE_T1:
    case LINE_T2:
    case LINE_T3:
    case LINE_C4: return SIDE_S;
    case LINE_T4:
    case LINE_T5:
    case LINE_T6:
    case LINE_T7:
    case LINE_T8:
    case LINE_T9:
    case LINE_T17:
    case LINE_T18:
    case LINE_SIG: return SIDE_C;
    default: return SIDE_UNKNOWN;
    }
}

static int8_t transport_of(enum doctor_line line, const struct record *r)
{
    if (r->k == 17 || r->k == 13)
        return r->k == 17;
    switch ((int)line) {
    case LINE_T6: return 0;
    case LINE_T12:
    case LINE_T15:
    case LINE_T16:
    case LINE_T17:
    case LINE_T19:
    case LINE_T20:
    case LINE_T21:
    case LINE_T24:
    case LINE_T30:
    case LINE_T32:
    case LINE_C4: return 1;
    default: return r->tls;
    }
}

/* One record, its body up to `end`; gives back where it ends. */
static size_t take_record(struct reader *r, const struct piece *p, const struct prefix *x,
                          size_t end)
{
    struct doctor *d = r->d;
    struct record found = {.tls = -1};
    bool whole;
    size_t over;
    enum doctor_line line = match_line(d, p, x->body, end, &found, &over, &whole);
    size_t stop = line == LINE_NONE ? x->body : over;
    while (stop < end && p->c[stop] != '\v' && (line == LINE_NONE || p->c[stop] != '\n'))
        stop++;
    int64_t at = running_time(d, x->at);
    if (line == LINE_NONE)
        return stop;
    struct record *kept = record_new(d);
    if (kept == NULL)
        return stop;
    found.sequence = x->sequence;
    found.sub = x->sub;
    found.text = r->text;
    found.number = p->line[x->start];
    found.stream = r->stream;
    found.segment = d->segment_n - 1;
    found.order = (uint32_t)(d->record_n - 1);
    found.at = at;
    found.line = line;
    found.side = side_of(line);
    found.tls = transport_of(line, &found);
    found.quote = quote_of(d, p, x->start, stop);
    *kept = found;
    return stop;
}

void reader_piece(struct reader *r, const struct piece *p)
{
    struct prefix x, next;
    bool more = prefix_find(p, 0, &x);
    between(r, p, 0, more ? x.start : p->n);
    while (more && !r->d->failed) {
        bool first = r->records == 0;
        more = prefix_find(p, x.body, &next);
        if ((first && !r->continues) || (!first && r->parted))
            segment_new(r);
        if (r->d->failed)
            return;
        r->records++;
        r->parted = false;
        r->hint = SIDE_UNKNOWN;
        r->continues = false;
        size_t end = more ? next.start : p->n;
        between(r, p, take_record(r, p, &x, end), end);
        x = next;
    }
}
