/* match: holds a piece of text against the forms of line.def. Blanks and line ends inside a form do
 * not matter; a field is believed only when what must follow it is there. */
#include "doctor/inside.h"

#include <string.h>

#define FIELD_MAX 300 /* characters of a field that is passed over */

struct walk {
    const struct piece *p;
    size_t at, end;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\v';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static bool is_address(uint8_t c)
{
    return is_hex(c) || (ascii_lower(c) >= 'g' && ascii_lower(c) <= 'z') || c == '.' || c == ':' ||
           c == '-' || c == '%' || c == '[' || c == ']';
}

/* Where the next character of the form would stand. */
static size_t over_space(const struct walk *w)
{
    size_t at = w->at;
    while (at < w->end && is_space(w->p->c[at]))
        at++;
    return at;
}

static bool take(struct walk *w, char c)
{
    size_t at = over_space(w);
    if (at >= w->end || ascii_lower(w->p->c[at]) != ascii_lower((uint8_t)c))
        return false;
    w->at = at + 1;
    return true;
}

/* The next character of a field: line ends are passed over, blanks end it. */
static bool field_next(const struct walk *w, size_t *at)
{
    while (*at < w->end && (w->p->c[*at] == '\n' || w->p->c[*at] == '\v'))
        ++*at;
    return *at < w->end && w->p->c[*at] != ' ';
}

/* The span of characters that the kind of field allows, ended by `until`. */
static bool field_span(struct walk *w, bool (*allowed)(uint8_t c), char until, size_t *ret_from,
                       size_t *ret_to)
{
    size_t at = over_space(w), n = 0;
    bool bracket = false;
    *ret_from = at;
    for (; field_next(w, &at) && n < FIELD_MAX; at++, n++) {
        uint8_t c = w->p->c[at];
        if (c == '[' && n == 0)
            bracket = true;
        if ((c == (uint8_t)until && !bracket) || !allowed(c))
            break;
        if (c == ']')
            bracket = false;
    }
    *ret_to = at;
    while (*ret_to > *ret_from && is_space(w->p->c[*ret_to - 1]))
        --*ret_to;
    w->at = *ret_to;
    return *ret_to > *ret_from;
}

/* A number that ends its line: what stands on the next line belongs to it only if it stands there
 * alone. */
static bool field_last(struct walk *w, size_t *ret_from, size_t *ret_to)
{
    const uint8_t *c = w->p->c;
    size_t at = over_space(w);
    *ret_from = at;
    while (at < w->end && is_digit(c[at]))
        at++;
    *ret_to = at;
    if (at > *ret_from && at < w->end && c[at] == '\n') {
        size_t more = at + 1;
        while (more < w->end && is_digit(c[more]))
            more++;
        if (more > at + 1 && more - *ret_from <= 6 && (more == w->end || is_space(c[more])) &&
            (more == w->end || c[more] != ' '))
            *ret_to = more;
    }
    w->at = *ret_to;
    return *ret_to > *ret_from;
}

static bool field_number(const struct walk *w, size_t from, size_t to, uint32_t *ret)
{
    uint64_t value = 0;
    for (size_t i = from; i < to; i++) {
        if (is_space(w->p->c[i]))
            continue;
        value = value * 10 + (uint64_t)(w->p->c[i] - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *ret = (uint32_t)value;
    return true;
}

/* The characters as they were shown, without blanks and marks of quoting. */
static struct slice field_text(struct doctor *d, const struct walk *w, size_t from, size_t to,
                               bool blanks)
{
    uint8_t text[FIELD_MAX];
    size_t n = 0, last = to < w->p->n ? w->p->from[to] : w->p->shown.n;
    for (size_t i = w->p->from[from]; i < last && n < sizeof text; i++) {
        uint8_t c = w->p->shown.p[i];
        if ((c == ' ' && !blanks) || c == '\\' || c == '`' || c == '"' || c == '[' || c == ']')
            continue;
        text[n++] = c;
    }
    struct slice s = slice_trim(slice_make(text, n));
    if (!slice_is_utf8(s)) /* cut within a character */
        s.n = 0;
    struct slice copy = arena_copy(&d->arena, s);
    d->failed |= d->arena.failed;
    return copy;
}

static bool field_hexadecimal(const struct walk *w, size_t from, size_t to, uint32_t *ret)
{
    uint64_t value = 0;
    for (size_t i = from; i < to && value <= UINT32_MAX; i++) {
        uint8_t c = ascii_lower(w->p->c[i]);
        if (!is_space(c))
            value = value * 16 + (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool field_bytes(const struct walk *w, size_t from, size_t to, uint8_t *dst, size_t size)
{
    uint8_t digits[32];
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if (is_space(w->p->c[i]))
            continue;
        if (n == 2 * size)
            return false;
        digits[n++] = ascii_lower(w->p->c[i]);
    }
    return n == 2 * size && hex_parse(dst, size, slice_make(digits, n));
}

/* {e}for: the first "for" that an address and a port follow. */
static bool field_words(struct walk *w, size_t *ret_from, size_t *ret_to)
{
    size_t start = over_space(w);
    for (size_t at = start; at < w->end && at < start + FIELD_MAX; at++) {
        struct walk try = {w->p, at, w->end};
        size_t from, to;
        if (is_space(w->p->c[at]) || !take(&try, 'f') || !take(&try, 'o') || !take(&try, 'r') ||
            !field_span(&try, is_address, ':', &from, &to) || !take(&try, ':') ||
            !field_last(&try, &from, &to))
            continue;
        *ret_from = start;
        *ret_to = w->at = at;
        while (*ret_to > start && is_space(w->p->c[*ret_to - 1]))
            --*ret_to;
        return *ret_to > start;
    }
    return false;
}

static bool not_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    while (n-- > 0)
        any |= *p++;
    return any != 0;
}

static void keep_number(struct record *r, char kind, uint32_t v)
{
    switch (kind) {
    case 'k': r->k = v; break;
    case 'n': r->n = v; break;
    case 'p': r->port = v < 65536 ? (uint16_t)v : 0; break;
    case 'P':
        r->port = v < 65536 ? (uint16_t)v : 0;
        r->port_open = true;
        break;
    case 'q': r->local_port = v < 65536 ? (uint16_t)v : 0; break;
    default:
        r->value = v;
        r->has_value = true;
        break;
    }
}

static void keep(struct doctor *d, struct record *r, const struct walk *w, char kind, size_t from,
                 size_t to)
{
    uint32_t v;
    switch (kind) {
    case 'i': r->ip = field_text(d, w, from, to, false); break;
    case 'l': r->local_ip = field_text(d, w, from, to, false); break;
    case 'w': r->name = field_text(d, w, from, to, false); break;
    case 'e': r->words = field_text(d, w, from, to, true); break;
    case 'f': r->tls = ascii_lower(w->p->c[from]) == 't'; break;
    case 'h':
        r->has_peer =
            field_bytes(w, from, to, r->peer, sizeof r->peer) && not_zero(r->peer, sizeof r->peer);
        break;
    case 'v': r->has_verdict = field_bytes(w, from, to, r->verdict, sizeof r->verdict); break;
    case 's': break;
    case 'x':
        if (field_hexadecimal(w, from, to, &v))
            keep_number(r, kind, v);
        break;
    default:
        if (field_number(w, from, to, &v))
            keep_number(r, kind, v);
        break;
    }
}

static bool any(uint8_t c)
{
    return c != 0;
}

/* One field with what must follow it. */
static bool field(struct doctor *d, struct walk *w, char kind, char until, struct record *ret)
{
    size_t from, to;
    struct walk after;
    bool good;
    switch (kind) {
    case 'i':
    case 'l': good = field_span(w, is_address, until, &from, &to); break;
    case 'h':
    case 'v':
    case 'x': good = field_span(w, is_hex, until, &from, &to); break;
    case 'e': good = field_words(w, &from, &to); break;
    case 'P':
    case 'D': good = field_last(w, &from, &to); break;
    case 'w': good = field_span(w, any, until, &from, &to); break;
    case 's':
        for (size_t n = 0; n < FIELD_MAX; n++) { /* blanks do not end it */
            size_t at = over_space(w);
            if (at >= w->end || w->p->c[at] == (uint8_t)until)
                return at < w->end;
            w->at = at + 1;
        }
        return false;
    case 'f': good = field_span(w, any, until, &from, &to); break;
    default: good = field_span(w, is_digit, until, &from, &to); break;
    }
    after = *w;
    if (!good || (until != '\0' && !take(&after, until)))
        return false;
    if (ret != NULL)
        keep(d, ret, w, kind, from, to);
    return true;
}

/* How many characters of the form are there; *ret_known: enough to know it by. */
static size_t try_form(struct doctor *d, struct walk *w, const char *form, struct record *ret,
                       bool *ret_known, bool *ret_whole)
{
    size_t score = 0;
    *ret_known = *ret_whole = false;
    for (const char *f = form;; f++) {
        if (*f == '\0') {
            *ret_whole = true;
            return score;
        }
        if (*f == '~') {
            *ret_known = true;
        } else if (*f == '{') {
            const char *until = f + 3;
            if (*until == '~')
                until++;
            if (!field(d, w, f[1], *until, ret))
                return score;
            f += 2;
            score++;
        } else if (f[1] == '?') {
            take(w, *f++);
        } else if (!take(w, *f)) {
            return score;
        } else {
            score++;
        }
    }
}

enum doctor_line match_line(struct doctor *d, const struct piece *p, size_t at, size_t end,
                            struct record *ret, size_t *ret_end, bool *ret_whole)
{
    static const char *const form[DOCTOR_LINES] = {
#define LINE(id, pattern) [LINE_##id] = pattern,
#include "doctor/line.def"
#undef LINE
    };
    size_t best_score = 0;
    enum doctor_line best = LINE_NONE;
    bool known, whole;
    for (int line = LINE_NONE + 1; line < DOCTOR_LINES; line++) {
        struct walk w = {p, at, end};
        size_t score = try_form(d, &w, form[line], NULL, &known, &whole);
        if (known && score > best_score) {
            best_score = score;
            best = (enum doctor_line)line;
        }
    }
    *ret_end = at;
    *ret_whole = false;
    if (best != LINE_NONE) {
        struct walk w = {p, at, end};
        try_form(d, &w, form[best], ret, &known, ret_whole);
        *ret_end = w.at;
    }
    return best;
}
