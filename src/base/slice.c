/* slice: comparing, trimming and reading text that somebody else owns; ASCII rules only, because
 * the meaning of bytes here must not depend on a locale. */
#include "base/slice.h"

#include <string.h>

struct slice slice_of(const char *text)
{
    return slice_make(text, strlen(text));
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_fold(struct slice a, struct slice b)
{
    size_t i = 0;
    if (a.n != b.n)
        return false;
    for (uint64_t x, y; i + sizeof x <= a.n; i += sizeof x) {
        memcpy(&x, a.p + i, sizeof x);
        memcpy(&y, b.p + i, sizeof y);
        if (ascii_lower8(x) != ascii_lower8(y))
            return false;
    }
    for (; i < a.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (c != 0)
        return c;
    return (a.n > b.n) - (a.n < b.n);
}

int slice_cmp_fold(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int differ = ascii_lower(a.p[i]) - ascii_lower(b.p[i]);
        if (differ != 0)
            return differ;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice a)
{
    while (a.n > 0 && is_blank(a.p[a.n - 1]))
        a.n--;
    while (a.n > 0 && is_blank(a.p[0])) {
        a.p++;
        a.n--;
    }
    return a;
}

size_t slice_find(struct slice a, uint8_t c)
{
    const uint8_t *at = a.n > 0 ? memchr(a.p, c, a.n) : NULL;
    return at != NULL ? (size_t)(at - a.p) : a.n;
}

bool slice_to_u64(struct slice a, uint64_t max, uint64_t *ret_value)
{
    uint64_t v = 0;
    if (a.n == 0)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] < '0' || a.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(a.p[i] - '0');
        if (v > max / 10 || digit > max - v * 10)
            return false;
        v = v * 10 + digit;
    }
    *ret_value = v;
    return true;
}

size_t slice_to_text(struct slice a, char *dst, size_t size)
{
    if (size == 0)
        return 0;
    size_t n = a.n < size - 1 ? a.n : size - 1;
    if (n > 0)
        memcpy(dst, a.p, n);
    dst[n] = '\0';
    return n;
}

/* Bytes of the character that `first` opens, 0 when none begins so; the second byte's range, which
 * alone keeps out overlong forms, surrogates and what lies beyond U+10FFFF. */
static size_t utf8_length(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0x01 && first <= 0x7f)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

bool slice_is_utf8(struct slice a)
{
    for (size_t i = 0; i < a.n;) {
        uint8_t low, high;
        size_t n = utf8_length(a.p[i], &low, &high);
        if (n == 0 || n > a.n - i)
            return false;
        for (size_t k = 1; k < n; k++) {
            if (a.p[i + k] < low || a.p[i + k] > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
        i += n;
    }
    return true;
}

size_t slice_steers(struct slice a)
{
    static const struct {
        uint8_t n, first, second, from, to; /* of the last byte */
    } row[] = {{1, 0, 0, 0x00, 0x1f},       {1, 0, 0, 0x7f, 0x7f},
               {2, 0xc2, 0, 0x80, 0x9f},    {2, 0xd8, 0, 0x9c, 0x9c},
               {3, 0xe2, 0x80, 0x8e, 0x8f}, {3, 0xe2, 0x80, 0xa8, 0xae},
               {3, 0xe2, 0x81, 0xa6, 0xa9}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        size_t n = row[i].n;
        if (a.n >= n && (n < 2 || a.p[0] == row[i].first) && (n < 3 || a.p[1] == row[i].second) &&
            a.p[n - 1] >= row[i].from && a.p[n - 1] <= row[i].to)
            return n;
    }
    return 0;
}

void hex_text(char *dst, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *dst++ = digits[bytes[i] >> 4];
        *dst++ = digits[bytes[i] & 15];
    }
    *dst = '\0';
}

static int hex_digit(uint8_t c)
{
    c = ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_parse(uint8_t *dst, size_t n, struct slice a)
{
    if (a.n / 2 != n || a.n % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(a.p[2 * i]), low = hex_digit(a.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        dst[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
