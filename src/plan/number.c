/* number: telephone numbers as people write them, brought to digits. */
#include "plan/entry.h"
#include "plan/host.h"

/* A character of three bytes that separates: dashes, blanks, and the marks of direction that come
 * along when a number is copied from an address book. */
static bool wide_separator(const uint8_t *p)
{
    if (p[0] == 0xe2 && p[1] == 0x80) /* U+2002..200F, 2010..2015, 202A..202F */
        return (p[2] >= 0x82 && p[2] <= 0x95) || (p[2] >= 0xaa && p[2] <= 0xaf);
    return (p[0] == 0xe2 && p[1] == 0x88 && p[2] == 0x92) || /* U+2212, minus */
           (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80) || /* U+3000, ideographic space */
           (p[0] == 0xe3 && p[1] == 0x83 && p[2] == 0xbc) || /* U+30FC, long vowel */
           (p[0] == 0xef && p[1] == 0xbd && p[2] == 0xb0);   /* U+FF70, the same, half-width */
}

size_t phone_char(struct slice text, size_t at, uint8_t *ret)
{
    const uint8_t *p = text.p + at;
    size_t left = text.n - at;
    *ret = p[0];
    if (p[0] < 0x80) {
        if (p[0] == '-' || p[0] == '\t')
            *ret = ' ';
        return 1;
    }
    *ret = 0;
    if (left >= 2 && p[0] == 0xc2 && (p[1] == 0xa0 || p[1] == 0xad)) {
        *ret = ' '; /* no-break space, soft hyphen */
        return 2;
    }
    if (left < 3)
        return 1;
    if (wide_separator(p)) {
        *ret = ' ';
        return 3;
    }
    /* U+FF01..FF5E are the printable ones of ASCII. */
    unsigned code = (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3fu);
    if (p[0] != 0xef || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || code < 0xf01 ||
        code > 0xf5e)
        return 1;
    *ret = (uint8_t)(code - 0xf00 + 0x20);
    if (*ret == '-')
        *ret = ' ';
    return 3;
}

/* What makes a number a pattern, where it is no slip of the finger. */
static bool is_wildcard(uint8_t c)
{
    return c == 'X' || c == 'x' || c == '!' || c == '[' || c == '?';
}

enum entry_error number_parse_at(struct arena *a, struct slice text, bool e164, struct slice *ret,
                                 size_t *at)
{
    enum entry_error wrong = e164 ? ENTRY_ERROR_NOT_E164 : ENTRY_ERROR_CHARACTER;
    uint8_t canonical[1 + NUMBER_MAX], c, last = 0, last2 = 0;
    size_t n = 0, step;
    *ret = slice_make(NULL, 0);
    for (*at = 0; *at < text.n; *at += step, last2 = last, last = c) {
        step = phone_char(text, *at, &c);
        /* "+81 (0)3 ...": that zero is not dialled from abroad; with it it is another number. */
        if (e164 && c == ')' && last == '0' && last2 == '(')
            return text_error(text, wrong);
        if (c == ' ' || c == '.' || c == '(' || c == ')')
            continue;
        if (n > 0 && is_wildcard(c))
            return text_error(text, ENTRY_ERROR_IS_PATTERN);
        if (!ascii_digit(c) && !(e164 && n == 0 && c == '+'))
            return text_error(text, wrong);
        if (e164 && n == 0 && c != '+')
            return text_error(text, wrong);
        if (n == (e164 ? 1 + NUMBER_MAX : NUMBER_MAX))
            return text_error(text, ENTRY_ERROR_TOO_LONG);
        canonical[n++] = c;
    }
    if (n == 0)
        return ENTRY_ERROR_EMPTY;
    if (e164 && n == 1)
        return wrong;
    *ret = arena_copy(a, slice_make(canonical, n));
    return ret->p == NULL ? ENTRY_ERROR_MEMORY : ENTRY_OK;
}

enum entry_error number_parse(struct arena *a, struct slice text, bool e164, struct slice *ret)
{
    size_t at;
    return number_parse_at(a, text, e164, ret, &at);
}
