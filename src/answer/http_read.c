/* http_read: what a question is made of: a query string, and a batch in JSON. Both are read once,
 * strictly: what is said twice, not known or not well formed is named and refused. */
#include "answer/http.h"

/* --- the query */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(struct arena *a, struct slice s, struct slice *ret)
{
    uint8_t *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (p == NULL)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        p[n] = s.p[i];
        if (s.p[i] == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            p[n] = (uint8_t)(high << 4 | low);
            i += 2;
        }
        n++;
    }
    *ret = slice_make(p, n);
    return true;
}

static bool is(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

/* One parameter into the query; NULL, or what is wrong with it. */
static const char *take(struct arena *a, struct slice name, struct slice value, bool from_allowed,
                        bool *seen_format, struct http_query *ret)
{
    struct slice *to = is(name, "dialed")                   ? &ret->dialed
                       : is(name, "from") && from_allowed ? &ret->from : NULL;
    if (is(name, "format") && !from_allowed) {
        if (*seen_format)
            return "is given twice";
        *seen_format = true;
        ret->text = is(value, "text");
        return ret->text || is(value, "json") ? NULL : "is json or text";
    }
    if (to == NULL)
        return "is no parameter of this page";
    if (to->p != NULL)
        return "is given twice";
    if (value.n > 3 * HTTP_DIALED_MAX)
        return "is too long";
    if (!http_decode(a, value, to)) {
        to->p = NULL;
        return a->failed ? "finds no memory" : "has a % without two hex digits";
    }
    if (to->n > HTTP_DIALED_MAX)
        return "is too long";
    return slice_is_utf8(*to) ? NULL : "is not UTF-8";
}

void http_query_read(struct arena *a, struct slice query, bool from_allowed,
                     struct http_query *ret)
{
    bool seen_format = false;
    *ret = (struct http_query){.wrong = NULL};
    while (query.n > 0 && ret->wrong == NULL) {
        size_t at = slice_find(query, '&');
        struct slice pair = slice_make(query.p, at);
        size_t eq = slice_find(pair, '=');
        struct slice name = slice_make(pair.p, eq);
        struct slice value = eq == pair.n ? slice_make(pair.p + pair.n, 0)
                                          : slice_make(pair.p + eq + 1, pair.n - eq - 1);
        ret->wrong = take(a, name, value, from_allowed, &seen_format, ret);
        ret->where = name;
        at += at < query.n;
        query = slice_make(query.p + at, query.n - at);
    }
    if (ret->wrong == NULL && ret->dialed.p == NULL) {
        ret->where = slice_of("dialed");
        ret->wrong = "is missing: what was dialled, as in ?dialed=%2B81312345678";
    }
}

/* --- a batch */

static void blanks(struct http_batch *b)
{
    while (b->p < b->end && (*b->p == ' ' || *b->p == '\t' || *b->p == '\r' || *b->p == '\n'))
        b->p++;
}

static bool byte(struct http_batch *b, uint8_t c)
{
    if (b->p == b->end || *b->p != c)
        return false;
    b->p++;
    return true;
}

static bool wrong(struct http_batch *b, const char *what)
{
    b->wrong = what;
    return false;
}

/* Four hex digits; -1: there are none. */
static int32_t unit(struct http_batch *b)
{
    int32_t v = 0;
    if (b->end - b->p < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(*b->p++);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

static size_t utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
    to[0] = (uint8_t)(first[n] | c);
    return n;
}

/* Behind "\u". Bytes written; 0: it is no character. */
static size_t escaped(struct http_batch *b, uint8_t *to)
{
    int32_t high = unit(b), low;
    if (high <= 0)
        return 0; /* also U+0000, which no text here may hold */
    if (high < 0xd800 || high > 0xdfff)
        return utf8(to, (uint32_t)high);
    if (high > 0xdbff || !byte(b, '\\') || !byte(b, 'u') || (low = unit(b)) < 0xdc00 ||
        low > 0xdfff)
        return 0;
    return utf8(to, 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
}

/* Behind a backslash. */
static size_t escape(struct http_batch *b, uint8_t *to)
{
    static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (b->p == b->end)
        return 0;
    uint8_t c = *b->p++;
    if (c == 'u')
        return escaped(b, to);
    for (size_t i = 0; i < sizeof from - 1; i++) {
        if ((uint8_t)from[i] == c) {
            to[0] = (uint8_t)meant[i];
            return 1;
        }
    }
    return 0;
}

/* Behind the opening quote; what is decoded is never longer than what it was written as. */
static bool string(struct http_batch *b, struct arena *a, struct slice *ret)
{
    const uint8_t *close = b->p;
    size_t n = 0;
    while (close < b->end && *close != '"')
        close += *close == '\\' && b->end - close > 1 ? 2 : 1;
    if (close == b->end)
        return wrong(b, "a string does not end");
    if (close - b->p > 6 * HTTP_DIALED_MAX)
        return wrong(b, "a string is too long");
    uint8_t *p = arena_alloc(a, (size_t)(close - b->p) + 1);
    if (p == NULL)
        return wrong(b, "no memory");
    while (b->p < close) {
        uint8_t c = *b->p++;
        if (c < 0x20)
            return wrong(b, "a control character in a string");
        size_t took = 1;
        if (c == '\\')
            took = escape(b, p + n);
        else
            p[n] = c;
        if (took == 0 || b->p > close)
            return wrong(b, "an escape that is none");
        n += took;
    }
    b->p = close + 1;
    *ret = slice_make(p, n);
    if (n > HTTP_DIALED_MAX)
        return wrong(b, "a string is too long");
    return slice_is_utf8(*ret) || wrong(b, "a string is not UTF-8");
}

void http_batch_begin(struct http_batch *b, struct slice body)
{
    *b = (struct http_batch){.p = body.p, .end = body.n > 0 ? body.p + body.n : body.p};
    blanks(b);
    if (!byte(b, '['))
        wrong(b, "it is no array");
}

static bool end_of_batch(struct http_batch *b)
{
    blanks(b);
    b->ended = true;
    return b->p == b->end ? false : wrong(b, "something follows the array");
}

bool http_batch_next(struct http_batch *b, struct arena *a, struct slice *ret)
{
    if (b->wrong != NULL || b->ended)
        return false;
    blanks(b);
    if (byte(b, ']'))
        return end_of_batch(b);
    if (b->n > 0 && !byte(b, ','))
        return wrong(b, "neither , nor ] follows a string");
    blanks(b);
    if (b->n == HTTP_BATCH_MAX)
        return wrong(b, "more than 1000 strings");
    if (!byte(b, '"'))
        return wrong(b, "an element is no string");
    b->n++;
    return string(b, a, ret);
}
