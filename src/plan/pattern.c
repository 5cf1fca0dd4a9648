/* pattern: reading and writing patterns. What several characters of the text mean together becomes
 * one element, and elements are written in one way only, so that equal patterns are equal bytes. */
#include "plan/pattern.h"
#include "plan/host.h"

#include <string.h>

/* --- reading */

struct reader {
    struct slice text;
    size_t at;
    uint8_t c;   /* the character at `at`, 0 at the end and for what has no ASCII twin */
    size_t step; /* its bytes */
};

static void look(struct reader *r)
{
    r->c = 0;
    r->step = 0;
    if (r->at < r->text.n)
        r->step = phone_char(r->text, r->at, &r->c);
}

static void next(struct reader *r)
{
    r->at += r->step;
    look(r);
}

/* A digit or a range of a set. ' ' stands for the dash. */
static bool read_range(struct reader *r, uint16_t *digits)
{
    if (!ascii_digit(r->c))
        return false;
    int first = r->c - '0', last = first;
    next(r);
    if (r->c == ' ') {
        next(r);
        if (!ascii_digit(r->c) || r->c - '0' < first)
            return false;
        last = r->c - '0';
        next(r);
    }
    for (int d = first; d <= last; d++)
        *digits |= (uint16_t)(1u << d);
    return true;
}

/* Behind "[" up to and with "]". */
static bool read_set(struct reader *r, uint16_t *digits)
{
    bool negated = r->c == '^';
    if (negated)
        next(r);
    *digits = 0;
    while (r->c != ']') {
        if (!read_range(r, digits))
            return false;
    }
    if (*digits == 0)
        return false;
    if (negated)
        *digits = (uint16_t)(~*digits & DIGITS_ALL);
    return *digits != 0;
}

/* The element that begins here, without what repeats it; the reader is left on its last byte. */
static enum entry_error read_element(struct reader *r, struct element *ret)
{
    *ret = (struct element){.digits = DIGITS_ALL};
    switch (r->c) {
    case 'X':
    case 'x': return ENTRY_OK;
    case '!': ret->repeat = REPEAT_SOME; return ENTRY_OK;
    case '?':
    case '+': return ENTRY_ERROR_REPEAT;
    case ']':
    case '^': return ENTRY_ERROR_SET;
    case '[': next(r); return read_set(r, &ret->digits) ? ENTRY_OK : ENTRY_ERROR_SET;
    default:
        if (!ascii_digit(r->c))
            return ENTRY_ERROR_CHARACTER;
        ret->digits = (uint16_t)(1u << (r->c - '0'));
        return ENTRY_OK;
    }
}

/* "+" and "\+" at the start; false where one is missing or too many. */
static bool read_plus(struct reader *r, bool e164)
{
    while (r->c == ' ' || r->c == '.' || r->c == '(')
        next(r);
    bool escaped = r->c == '\\';
    if (escaped)
        next(r);
    bool plus = r->c == '+';
    if (plus && e164)
        next(r);
    return plus == e164 && (plus || !escaped);
}

static enum entry_error read_elements(struct reader *r, struct pattern *ret)
{
    for (; r->at < r->text.n; next(r)) {
        if (r->c == ' ' || r->c == '.' || r->c == '(' || r->c == ')')
            continue;
        if ((r->c == '?' || r->c == '+') && ret->n > 0) {
            struct element *e = &ret->element[ret->n - 1];
            if (e->repeat == REPEAT_ONCE || r->c == '?')
                e->repeat = r->c == '?' ? REPEAT_ANY : REPEAT_SOME;
            continue;
        }
        if (ret->n == PATTERN_MAX)
            return ENTRY_ERROR_TOO_LONG;
        enum entry_error error = read_element(r, &ret->element[ret->n]);
        if (error != ENTRY_OK)
            return error;
        ret->n++;
    }
    return ret->n == 0 ? ENTRY_ERROR_EMPTY : ENTRY_OK;
}

enum entry_error pattern_read(struct slice text, bool e164, struct pattern *ret, size_t *at)
{
    struct reader r = {.text = text};
    *ret = (struct pattern){.plus = e164};
    look(&r);
    enum entry_error error = ENTRY_ERROR_EMPTY;
    if (text.n > 0 && !read_plus(&r, e164))
        error = e164 ? ENTRY_ERROR_NOT_E164 : ENTRY_ERROR_CHARACTER;
    else if (text.n > 0)
        error = read_elements(&r, ret);
    *at = r.at;
    return error == ENTRY_OK ? ENTRY_OK : text_error(text, error);
}

bool pattern_of_key(uint8_t kind, struct slice key, struct pattern *ret)
{
    uint8_t text[PATTERN_TEXT_MAX];
    size_t at;
    return kind_is_pattern(kind) && key.n <= PATTERN_TEXT_MAX &&
           pattern_read(key, kind == ENTRY_PATTERN_E164, ret, &at) == ENTRY_OK &&
           slice_eq(slice_make(text, pattern_print(text, ret)), key);
}

enum entry_error pattern_parse_at(struct arena *a, struct slice text, bool e164, struct slice *ret,
                                  size_t *at)
{
    struct pattern p;
    uint8_t canonical[PATTERN_TEXT_MAX];
    *ret = slice_make(NULL, 0);
    enum entry_error error = pattern_read(text, e164, &p, at);
    if (error != ENTRY_OK)
        return error;
    *ret = arena_copy(a, slice_make(canonical, pattern_print(canonical, &p)));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}

enum entry_error pattern_parse(struct arena *a, struct slice text, bool e164, struct slice *ret)
{
    size_t at;
    return pattern_parse_at(a, text, e164, ret, &at);
}

/* --- writing */

/* Ranges of three and more digits are written as such. */
static size_t print_digits(uint8_t *dst, unsigned digits)
{
    size_t n = 0;
    for (int d = 0; d < 10; d++) {
        int last = d;
        if ((digits >> d & 1) == 0)
            continue;
        while (last < 9 && (digits >> (last + 1) & 1) != 0)
            last++;
        dst[n++] = (uint8_t)('0' + d);
        if (last - d < 2)
            continue;
        dst[n++] = '-';
        dst[n++] = (uint8_t)('0' + last);
        d = last;
    }
    return n;
}

/* What the set holds or, where that is shorter, what it does not. */
static size_t print_set(uint8_t *dst, unsigned digits)
{
    uint8_t in[10], out[10];
    size_t in_n = print_digits(in, digits), out_n = print_digits(out, ~digits & DIGITS_ALL);
    bool negated = out_n + 1 < in_n;
    size_t n = 0;
    dst[n++] = '[';
    if (negated)
        dst[n++] = '^';
    memcpy(dst + n, negated ? out : in, negated ? out_n : in_n);
    n += negated ? out_n : in_n;
    dst[n++] = ']';
    return n;
}

static size_t print_element(uint8_t *dst, const struct element *e)
{
    size_t n = 0;
    if (e->digits == DIGITS_ALL) {
        dst[n++] = e->repeat == REPEAT_SOME ? '!' : 'X';
        if (e->repeat == REPEAT_SOME)
            return n;
    } else if ((e->digits & (e->digits - 1)) == 0) {
        dst[n++] = (uint8_t)('0' + __builtin_ctz(e->digits));
    } else {
        n = print_set(dst, e->digits);
    }
    if (e->repeat != REPEAT_ONCE)
        dst[n++] = e->repeat == REPEAT_ANY ? '?' : '+';
    return n;
}

size_t pattern_print(uint8_t dst[static PATTERN_TEXT_MAX], const struct pattern *p)
{
    size_t n = 0;
    if (p->plus)
        dst[n++] = '+';
    for (size_t i = 0; i < p->n; i++)
        n += print_element(dst + n, &p->element[i]);
    return n;
}

/* --- the order of elements */

uint32_t element_label(const struct element *e)
{
    uint32_t size = 0;
    for (unsigned d = e->digits; d != 0; d &= d - 1)
        size++;
    return (e->repeat != REPEAT_ONCE ? 1u << 20 : 0) | size << 16 | (uint32_t)e->repeat << 12 |
           e->digits;
}

struct element element_of_label(uint32_t label)
{
    return (struct element){.digits = label & DIGITS_ALL, .repeat = label >> 12 & 3};
}

size_t pattern_least(const struct pattern *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->element[i].repeat != REPEAT_ANY;
    return n;
}

int pattern_order(const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        uint32_t x = element_label(&a->element[i]), y = element_label(&b->element[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a->n < b->n) - (a->n > b->n);
}

/* --- digit by digit */

void automaton_of(struct automaton *ret, const struct pattern *p)
{
    *ret = (struct automaton){.end = UINT32_C(1) << p->n};
    for (size_t i = 0; i < p->n; i++) {
        uint32_t bit = UINT32_C(1) << i;
        for (int d = 0; d < 10; d++)
            ret->at[d] |= (p->element[i].digits >> d & 1) != 0 ? bit : 0;
        ret->stay |= p->element[i].repeat != REPEAT_ONCE ? bit : 0;
        ret->skip |= p->element[i].repeat == REPEAT_ANY ? bit : 0;
    }
}

uint32_t automaton_skip(const struct automaton *a, uint32_t positions)
{
    uint32_t more = positions;
    while (a->skip != 0 && (more = (more & a->skip) << 1 & ~positions) != 0)
        positions |= more;
    return positions;
}

uint32_t automaton_step(const struct automaton *a, uint32_t positions, uint32_t taking)
{
    uint32_t taken = positions & taking;
    return automaton_skip(a, taken << 1 | (taken & a->stay));
}

#define PLACES_MAX 512

bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
    return pattern_covered(narrow, wide, 1);
}

/* What narrow and each of the others can be at, behind the same digits: all that they can be at
 * together is looked at once. */
struct places {
    uint32_t narrow, wide[COVER_MAX];
};

static bool places_end(const struct places *at, const struct automaton *wide, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((at->wide[i] & wide[i].end) != 0)
            return true;
    }
    return false;
}

bool pattern_covered(const struct pattern *narrow, const struct pattern *wide, size_t n)
{
    struct automaton a, w[COVER_MAX];
    struct places known[PLACES_MAX];
    size_t known_n = 1, size = sizeof known[0].narrow + n * sizeof known[0].wide[0];
    if (n == 0 || n > COVER_MAX)
        return false;
    automaton_of(&a, narrow);
    known[0] = (struct places){.narrow = automaton_skip(&a, 1)};
    for (size_t i = 0; i < n; i++) {
        if (wide[i].plus != narrow->plus)
            return false;
        automaton_of(&w[i], &wide[i]);
        known[0].wide[i] = automaton_skip(&w[i], 1);
    }
    for (size_t at = 0; at < known_n; at++) {
        if (at > 0 && (known[at].narrow & a.end) != 0 && !places_end(&known[at], w, n))
            return false;
        for (int d = 0; d < 10; d++) {
            struct places to = {.narrow = automaton_step(&a, known[at].narrow, a.at[d])};
            size_t k = 1; /* the first may come again, with digits behind it */
            for (size_t i = 0; i < n; i++)
                to.wide[i] = automaton_step(&w[i], known[at].wide[i], w[i].at[d]);
            while (k < known_n && memcmp(&known[k], &to, size) != 0)
                k++;
            if (k < known_n || to.narrow == 0)
                continue;
            if (known_n == PLACES_MAX)
                return false;
            known[known_n++] = to;
        }
    }
    return true;
}
