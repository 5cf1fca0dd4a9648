/* sip_uri: URIs. sip: and sips: are read by the grammar of RFC 3261, tel: by that of RFC 3966 (a
 * local number may lack its phone-context: enterprise numbers are dialled so); of any other
 * scheme only the bytes are checked, for it is refused by name. */
#include "answer/sip_grammar.h"

static int hex_value(uint8_t c)
{
    if (sip_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of a class and escapes; true when that is all there is. */
static bool all_of(struct slice s, unsigned mask, unsigned except)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            if (s.n - i < 3 || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0)
                return false;
            i += 2;
        } else if (!sip_is(s.p[i], mask) || sip_is(s.p[i], except)) {
            return false;
        }
    }
    return true;
}

static struct slice span(const uint8_t *from, const uint8_t *end)
{
    return slice_make(from, (size_t)(end - from));
}

/* s up to the first c in *ret_head, what follows c in *ret_tail; false without c. */
static bool cut(struct slice s, uint8_t c, struct slice *ret_head, struct slice *ret_tail)
{
    size_t at = slice_find(s, c);
    *ret_head = slice_make(s.p, at);
    *ret_tail = at < s.n ? slice_make(s.p + at + 1, s.n - at - 1) : (struct slice){0};
    return at < s.n;
}

/* name[=value], each of at least one byte, between semicolons. */
static bool params_sound(struct slice s)
{
    for (bool more = true; more;) {
        struct slice param, name, value;
        more = cut(s, ';', &param, &s);
        bool has_value = cut(param, '=', &name, &value);
        if (name.n == 0 || !all_of(name, C_PARAM, 0) || (has_value && value.n == 0) ||
            !all_of(value, C_PARAM, 0))
            return false;
    }
    return true;
}

/* name=value between ampersands; the value may be empty. */
static bool headers_sound(struct slice s)
{
    for (bool more = true; more;) {
        struct slice one, name, value;
        more = cut(s, '&', &one, &s);
        if (!cut(one, '=', &name, &value) || name.n == 0 || !all_of(name, C_PARAM, 0))
            return false;
        for (size_t i = 0; i < value.n; i++) {
            if (!sip_is(value.p[i], C_PARAM) && value.p[i] != '?' && value.p[i] != '%')
                return false;
        }
    }
    return true;
}

static bool sip_rest(struct slice rest, struct sip_uri *ret)
{
    struct slice info, host;
    if (cut(rest, '@', &info, &host)) {
        bool has_password = cut(info, ':', &ret->user, &ret->password);
        if (ret->user.n == 0 || !all_of(ret->user, C_USER, 0) ||
            (has_password && !all_of(ret->password, C_USER, C_NO_PASS)))
            return false;
        rest = host;
    }
    struct lex l = lex_of(rest);
    ret->host = lex_host(&l);
    if (ret->host.n == 0 || (lex_byte(&l, ':') && !lex_port(&l, &ret->port)))
        return false;
    rest = span(l.p, l.end);
    struct slice before;
    bool has_headers = cut(rest, '?', &before, &ret->headers);
    if (has_headers && !headers_sound(ret->headers))
        return false;
    if (before.n == 0)
        return true;
    if (before.p[0] != ';')
        return false;
    ret->params = slice_make(before.p + 1, before.n - 1);
    return params_sound(ret->params);
}

/* "+" and digits, or a local number of digits, "*" and "#"; with visual separators. */
static bool tel_rest(struct slice rest, struct sip_uri *ret)
{
    bool has_params = cut(rest, ';', &ret->user, &ret->params);
    bool global = ret->user.n > 0 && ret->user.p[0] == '+';
    size_t digits = 0;
    for (size_t i = global ? 1 : 0; i < ret->user.n; i++) {
        uint8_t c = ret->user.p[i];
        if (sip_is_digit(c) || (!global && (hex_value(c) >= 0 || c == '*' || c == '#')))
            digits++;
        else if (c != '-' && c != '.' && c != '(' && c != ')')
            return false;
    }
    return digits > 0 && (!has_params || params_sound(ret->params));
}

bool sip_uri_read(struct slice text, struct sip_uri *ret)
{
    *ret = (struct sip_uri){.text = text};
    struct slice scheme, rest;
    if (!cut(text, ':', &scheme, &rest) || scheme.n == 0 || !sip_is_alpha(scheme.p[0]))
        return false;
    for (size_t i = 1; i < scheme.n; i++) {
        uint8_t c = scheme.p[i];
        if (!sip_is(c, C_ALNUM) && c != '+' && c != '-' && c != '.')
            return false;
    }
    if (slice_eq_fold(scheme, slice_of("sip")))
        ret->scheme = SIP_SCHEME_SIP;
    else if (slice_eq_fold(scheme, slice_of("sips")))
        ret->scheme = SIP_SCHEME_SIPS;
    else if (slice_eq_fold(scheme, slice_of("tel")))
        ret->scheme = SIP_SCHEME_TEL;
    if (ret->scheme == SIP_SCHEME_OTHER)
        return rest.n > 0 && all_of(rest, C_URIC, 0);
    return ret->scheme == SIP_SCHEME_TEL ? tel_rest(rest, ret) : sip_rest(rest, ret);
}

bool sip_target_read(struct slice text, struct sip_uri *ret)
{
    if (!sip_uri_read(text, ret) || ret->headers.p != NULL ||
        (ret->scheme != SIP_SCHEME_SIP && ret->scheme != SIP_SCHEME_SIPS))
        return false;
    struct slice rest = ret->params;
    for (bool more = rest.n > 0; more;) {
        struct slice param, name, value;
        more = cut(rest, ';', &param, &rest);
        cut(param, '=', &name, &value);
        if (slice_eq_fold(name, slice_of("method")))
            return false;
    }
    return true;
}

/* The next byte of a user part, an escape resolved. */
static uint8_t next_byte(struct slice s, size_t *at)
{
    uint8_t c = s.p[(*at)++];
    if (c != '%')
        return c;
    c = (uint8_t)(hex_value(s.p[*at]) << 4 | hex_value(s.p[*at + 1]));
    *at += 2;
    return c;
}

static bool same_user(struct slice a, struct slice b)
{
    size_t i = 0, k = 0;
    while (i < a.n && k < b.n) {
        if (next_byte(a, &i) != next_byte(b, &k))
            return false;
    }
    return i == a.n && k == b.n;
}

static struct slice transport_of(struct slice params)
{
    for (bool more = params.n > 0; more;) {
        struct slice param, name, value;
        more = cut(params, ';', &param, &params);
        cut(param, '=', &name, &value);
        if (slice_eq_fold(name, slice_of("transport")))
            return value;
    }
    return (struct slice){0};
}

bool sip_uri_same(const struct sip_uri *a, const struct sip_uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    if (a->scheme == SIP_SCHEME_OTHER)
        return slice_eq(a->text, b->text);
    return same_user(a->user, b->user) && same_user(a->password, b->password) &&
           slice_eq_fold(a->host, b->host) && a->port == b->port &&
           slice_eq_fold(transport_of(a->params), transport_of(b->params));
}
