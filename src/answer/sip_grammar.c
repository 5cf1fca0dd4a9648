/* sip_grammar: classes, lexer and hosts. The classes follow RFC 3261 section 25.1 byte by byte;
 * a "%" is judged where an escape may stand, not by its class. */
#include "answer/sip_grammar.h"

enum {
    UNRESERVED = C_PLAIN | C_USER | C_PARAM | C_URIC,
    ALL = UNRESERVED | C_TOKEN | C_WORD,
};

const uint8_t sip_class[256] = {
    ['\t'] = C_PLAIN,
    [' '] = C_PLAIN,
    ['!'] = ALL,
    ['"'] = C_PLAIN | C_WORD,
    ['#'] = C_PLAIN,
    ['$'] = UNRESERVED,
    ['%'] = C_PLAIN | C_TOKEN | C_WORD,
    ['&'] = UNRESERVED,
    ['\''] = ALL,
    ['(' ... ')'] = UNRESERVED | C_WORD,
    ['*'] = ALL,
    ['+'] = ALL,
    [','] = C_PLAIN | C_USER | C_URIC,
    ['-' ... '.'] = ALL,
    ['/'] = UNRESERVED | C_WORD | C_NO_PASS,
    ['0' ... '9'] = ALL | C_ALNUM,
    [':'] = C_PLAIN | C_WORD | C_PARAM | C_URIC,
    [';'] = C_PLAIN | C_USER | C_NO_PASS | C_URIC,
    ['<'] = C_PLAIN | C_WORD,
    ['='] = C_PLAIN | C_USER | C_URIC,
    ['>'] = C_PLAIN | C_WORD,
    ['?'] = C_PLAIN | C_WORD | C_USER | C_NO_PASS | C_URIC,
    ['@'] = C_PLAIN | C_URIC,
    ['A' ... 'Z'] = ALL | C_ALNUM,
    ['['] = C_PLAIN | C_WORD | C_PARAM | C_URIC,
    ['\\'] = C_PLAIN | C_WORD,
    [']'] = C_PLAIN | C_WORD | C_PARAM | C_URIC,
    ['^'] = C_PLAIN,
    ['_'] = ALL,
    ['`'] = C_PLAIN | C_TOKEN | C_WORD,
    ['a' ... 'z'] = ALL | C_ALNUM,
    ['{'] = C_PLAIN | C_WORD,
    ['|'] = C_PLAIN,
    ['}'] = C_PLAIN | C_WORD,
    ['~'] = ALL,
    [0x80 ... 0xff] = C_PLAIN,
};

bool lex_mark(struct lex *l, uint8_t c)
{
    struct lex at = *l;
    lex_blanks(&at);
    if (!lex_byte(&at, c))
        return false;
    lex_blanks(&at);
    *l = at;
    return true;
}

struct slice lex_run(struct lex *l, unsigned mask)
{
    const uint8_t *from = l->p;
    while (l->p < l->end && sip_is(*l->p, mask))
        l->p++;
    return slice_make(from, (size_t)(l->p - from));
}

struct slice lex_quoted(struct lex *l)
{
    struct lex at = *l;
    if (!lex_byte(&at, '"'))
        return (struct slice){0};
    while (at.p < at.end && *at.p != '"') {
        if (*at.p == '\\') {
            at.p++;
            if (at.p == at.end || *at.p == '\r' || *at.p >= 0x80)
                return (struct slice){0};
        }
        at.p++;
    }
    if (!lex_byte(&at, '"'))
        return (struct slice){0};
    struct slice quoted = slice_make(l->p, (size_t)(at.p - l->p));
    *l = at;
    return quoted;
}

bool sip_is_ipv4(struct slice s)
{
    struct lex l = lex_of(s);
    for (int part = 0; part < 4; part++) {
        unsigned v = 0, n = 0;
        if (part > 0 && !lex_byte(&l, '.'))
            return false;
        while (l.p < l.end && sip_is_digit(*l.p) && n < 3) {
            v = v * 10 + (unsigned)(*l.p++ - '0');
            n++;
        }
        if (n == 0 || v > 255)
            return false;
    }
    return lex_end(&l);
}

static size_t hex_run(struct lex *l)
{
    const uint8_t *from = l->p;
    while (l->p < l->end && (sip_is_digit(*l->p) ||
                             (ascii_lower(*l->p) >= 'a' && ascii_lower(*l->p) <= 'f')))
        l->p++;
    return (size_t)(l->p - from);
}

bool sip_is_ipv6(struct slice s)
{
    struct lex l = lex_of(s);
    unsigned groups = 0;
    bool gap = false;
    if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
        gap = true;
        l.p += 2;
    }
    while (!lex_end(&l)) {
        const uint8_t *from = l.p;
        size_t n = hex_run(&l);
        if (l.p < l.end && *l.p == '.') {
            groups += 2;
            return sip_is_ipv4(slice_make(from, (size_t)(l.end - from))) &&
                   (gap ? groups < 8 : groups == 8);
        }
        if (n == 0 || n > 4 || ++groups > 8)
            return false;
        if (lex_end(&l))
            break;
        if (!lex_byte(&l, ':') || lex_end(&l))
            return false;
        if (*l.p == ':') {
            if (gap)
                return false;
            gap = true;
            l.p++;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

/* Labels of letters, digits and inner hyphens; the last begins with a letter. */
static bool is_host_name(struct slice s)
{
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n > HOST_MAX)
        return false;
    size_t label = 0;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '.')
            continue;
        if (i == label || i - label > 63 || s.p[label] == '-' || s.p[i - 1] == '-')
            return false;
        if (i == s.n && !sip_is_alpha(s.p[label]))
            return false;
        label = i + 1;
    }
    return true;
}

struct slice lex_host(struct lex *l)
{
    const uint8_t *from = l->p;
    if (lex_byte(l, '[')) {
        while (l->p < l->end && (sip_is(*l->p, C_ALNUM) || *l->p == ':' || *l->p == '.'))
            l->p++;
        struct slice inner = slice_make(from + 1, (size_t)(l->p - from) - 1);
        if (!lex_byte(l, ']') || !sip_is_ipv6(inner))
            return (struct slice){0};
        return slice_make(from, (size_t)(l->p - from));
    }
    while (l->p < l->end && (sip_is(*l->p, C_ALNUM) || *l->p == '-' || *l->p == '.'))
        l->p++;
    struct slice host = slice_make(from, (size_t)(l->p - from));
    return is_host_name(host) || sip_is_ipv4(host) ? host : (struct slice){0};
}

bool lex_port(struct lex *l, uint16_t *ret)
{
    const uint8_t *from = l->p;
    uint64_t v = 0;
    while (l->p < l->end && sip_is_digit(*l->p))
        l->p++;
    if (!slice_to_u64(slice_make(from, (size_t)(l->p - from)), 65535, &v) || v == 0)
        return false;
    *ret = (uint16_t)v;
    return true;
}

/* gen-value: token, host (an IPv6 address also without brackets, as in received=), or quoted. */
bool lex_param(struct lex *l, struct sip_param *ret)
{
    *ret = (struct sip_param){.name = lex_run(l, C_TOKEN)};
    if (ret->name.n == 0)
        return false;
    if (!lex_mark(l, '='))
        return true;
    ret->has_value = true;
    if (l->p < l->end && *l->p == '"') {
        ret->value = lex_quoted(l);
        return ret->value.n != 0;
    }
    const uint8_t *from = l->p;
    bool address = false;
    for (; l->p < l->end; l->p++) {
        if (*l->p == ':' || *l->p == '[' || *l->p == ']')
            address = true;
        else if (!sip_is(*l->p, C_TOKEN))
            break;
    }
    ret->value = slice_make(from, (size_t)(l->p - from));
    if (!address)
        return ret->value.n != 0;
    struct lex host = lex_of(ret->value);
    return sip_is_ipv6(ret->value) || (lex_host(&host).n != 0 && lex_end(&host));
}
