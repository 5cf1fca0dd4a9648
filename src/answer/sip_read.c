/* sip_read: one datagram, one pass. The framing (line ends, characters, header names) is judged
 * first and ends the reading where it is broken; the values of the headers that matter here are
 * read by their grammar, and a broken value is remembered while the others are still read: a
 * refusal wants to quote them. */
#include "answer/sip_grammar.h"

#include <string.h>

/* --- headers by name: */

struct header_name {
    const char *name;
    uint8_t compact; /* 0: none */
    bool single;
};

static const struct header_name names[SIP_HEADER_N] = {
    [SIP_HEADER_OTHER] = {"", 0, false},
    [SIP_HEADER_VIA] = {"Via", 'v', false},
    [SIP_HEADER_FROM] = {"From", 'f', true},
    [SIP_HEADER_TO] = {"To", 't', true},
    [SIP_HEADER_CALL_ID] = {"Call-ID", 'i', true},
    [SIP_HEADER_CSEQ] = {"CSeq", 0, true},
    [SIP_HEADER_MAX_FORWARDS] = {"Max-Forwards", 0, true},
    [SIP_HEADER_CONTENT_LENGTH] = {"Content-Length", 'l', true},
    [SIP_HEADER_CONTENT_TYPE] = {"Content-Type", 'c', true},
    [SIP_HEADER_REQUIRE] = {"Require", 0, false},
    [SIP_HEADER_CONTACT] = {"Contact", 'm', false},
    [SIP_HEADER_EXPIRES] = {"Expires", 0, true},
};

const char *sip_header_text(enum sip_header header)
{
    return names[header].name;
}

static uint8_t header_of(struct slice name)
{
    uint8_t first = ascii_lower(name.p[0]);
    for (uint8_t h = SIP_HEADER_VIA; h < SIP_HEADER_N; h++) {
        if (name.n == 1) {
            if (names[h].compact == first)
                return h;
        } else if (ascii_lower((uint8_t)names[h].name[0]) == first &&
                   slice_eq_fold(name, slice_of(names[h].name))) {
            return h;
        }
    }
    return SIP_HEADER_OTHER;
}

/* --- values: */

static struct slice rest_of(const struct lex *l)
{
    return slice_make(l->p, (size_t)(l->end - l->p));
}

/* sent-protocol: name / version / transport, then blanks. */
static bool via_protocol(struct lex *l, struct slice *ret)
{
    const uint8_t *from = l->p;
    for (int part = 0; part < 3; part++) {
        if ((part > 0 && !lex_mark(l, '/')) || lex_run(l, C_TOKEN).n == 0)
            return false;
    }
    const uint8_t *end = l->p;
    lex_blanks(l);
    *ret = slice_make(from, (size_t)(l->p - from));
    return l->p > end;
}

static bool via_param(const struct sip_param *p, struct sip_via *ret)
{
    if (slice_eq_fold(p->name, slice_of("branch"))) {
        if (ret->branch.n != 0 || p->value.n == 0 || p->value.p[0] == '"')
            return false;
        ret->branch = p->value;
    } else if (slice_eq_fold(p->name, slice_of("rport"))) {
        if (ret->rport)
            return false;
        ret->rport = true;
    }
    return true;
}

/* One via-parm of possibly several. */
static bool via_read(struct lex *l, struct sip_via *ret)
{
    const uint8_t *from = l->p;
    *ret = (struct sip_via){0};
    if (!via_protocol(l, &ret->protocol))
        return false;
    ret->host = lex_host(l);
    if (ret->host.n == 0 || (lex_mark(l, ':') && !lex_port(l, &ret->port)))
        return false;
    const uint8_t *params = l->p, *end = l->p;
    while (lex_mark(l, ';')) {
        struct sip_param p;
        if (!lex_param(l, &p) || !via_param(&p, ret))
            return false;
        end = l->p;
    }
    ret->params = slice_trim(slice_make(params, (size_t)(end - params)));
    ret->text = slice_make(from, (size_t)(end - from));
    return true;
}

/* A header line of Vias; the very first becomes the topmost. */
static bool read_via(struct slice value, struct sip_message *m, bool topmost)
{
    struct lex l = lex_of(value);
    struct sip_via via;
    if (!via_read(&l, &via))
        return false;
    if (topmost) {
        if (via.branch.n == 0)
            return false;
        m->via = via;
        struct lex behind = l;
        if (lex_mark(&behind, ','))
            m->via_rest = rest_of(&behind);
        m->sound |= 1u << SIP_HEADER_VIA;
    }
    while (lex_mark(&l, ',')) {
        if (!via_read(&l, &via))
            return false;
    }
    return lex_end(&l);
}

/* Tokens with blanks between, or a quoted string; then "<". Takes nothing when no "<" follows. */
static bool display_name(struct lex *l)
{
    struct lex at = *l;
    if (at.p < at.end && *at.p == '"') {
        if (lex_quoted(&at).n == 0)
            return false;
        lex_blanks(&at);
    } else {
        while (lex_run(&at, C_TOKEN).n != 0)
            lex_blanks(&at);
    }
    if (!lex_byte(&at, '<'))
        return false;
    *l = at;
    return true;
}

static bool read_party(struct slice value, struct sip_party *ret)
{
    struct lex l = lex_of(value);
    struct slice uri;
    *ret = (struct sip_party){0};
    if (display_name(&l)) {
        uri = slice_make(l.p, slice_find(rest_of(&l), '>'));
        l.p += uri.n;
        if (!lex_byte(&l, '>'))
            return false;
    } else {
        const uint8_t *from = l.p;
        while (l.p < l.end && (sip_is(*l.p, C_URIC | C_TOKEN) || *l.p == '#') && *l.p != ';')
            l.p++;
        uri = slice_make(from, (size_t)(l.p - from));
        /* Without brackets these belong to the header, so they may not be in the URI. */
        if (slice_find(uri, ',') < uri.n || slice_find(uri, '?') < uri.n)
            return false;
    }
    if (!sip_uri_read(uri, &ret->uri) || ret->uri.headers.p != NULL)
        return false;
    while (lex_mark(&l, ';')) {
        struct sip_param p;
        if (!lex_param(&l, &p))
            return false;
        if (!slice_eq_fold(p.name, slice_of("tag")))
            continue;
        struct lex tag = lex_of(p.value);
        if (ret->tag.n != 0 || lex_run(&tag, C_TOKEN).n == 0 || !lex_end(&tag))
            return false;
        ret->tag = p.value;
    }
    return lex_end(&l);
}

static bool read_call_id(struct slice value, struct slice *ret)
{
    struct lex l = lex_of(value);
    *ret = value;
    if (lex_run(&l, C_WORD).n == 0 || (lex_byte(&l, '@') && lex_run(&l, C_WORD).n == 0))
        return false;
    return lex_end(&l);
}

static uint8_t method_of(struct slice text)
{
    static const struct {
        const char *name;
        uint8_t method;
    } methods[] = {
        {"INVITE", SIP_METHOD_INVITE},
        {"ACK", SIP_METHOD_ACK},
        {"OPTIONS", SIP_METHOD_OPTIONS},
        {"CANCEL", SIP_METHOD_CANCEL},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_eq(text, slice_of(methods[i].name)))
            return methods[i].method;
    }
    return SIP_METHOD_OTHER;
}

static bool read_cseq(struct slice value, struct sip_message *m)
{
    struct lex l = lex_of(value);
    const uint8_t *from = l.p;
    uint64_t number;
    while (l.p < l.end && sip_is_digit(*l.p))
        l.p++;
    if (!slice_to_u64(slice_make(from, (size_t)(l.p - from)), SIP_CSEQ_MAX, &number))
        return false;
    const uint8_t *end = l.p;
    lex_blanks(&l);
    bool apart = l.p > end;
    struct slice method = lex_run(&l, C_TOKEN);
    if (!apart || method.n == 0 || !lex_end(&l))
        return false;
    m->cseq = (uint32_t)number;
    if (!m->request) {
        m->method_text = method;
        m->method = method_of(method);
    }
    return true;
}

/* Option tags with commas between. */
static bool read_require(struct slice value)
{
    struct lex l = lex_of(value);
    do {
        if (lex_run(&l, C_TOKEN).n == 0)
            return false;
    } while (lex_mark(&l, ','));
    return lex_end(&l);
}

/* Whether the value is what the grammar allows; its meaning goes into *m. */
static bool read_value(struct sip_message *m, uint8_t header, struct slice value)
{
    uint64_t number;
    switch (header) {
    case SIP_HEADER_FROM: return read_party(value, &m->from) && m->from.tag.n != 0;
    case SIP_HEADER_TO: return read_party(value, &m->to);
    case SIP_HEADER_CALL_ID: return read_call_id(value, &m->call_id);
    case SIP_HEADER_CSEQ: return read_cseq(value, m);
    case SIP_HEADER_REQUIRE: return read_require(value);
    case SIP_HEADER_MAX_FORWARDS:
        if (!slice_to_u64(value, 255, &number))
            return false;
        m->max_forwards = (uint8_t)number;
        return true;
    case SIP_HEADER_CONTENT_LENGTH:
        /* Judged against the body once that is known; 8 digits are beyond any datagram. */
        return slice_to_u64(value, 99999999, &number);
    default: return true;
    }
}

/* --- the message: */

static void fail(struct sip_message *m, enum sip_error error, uint8_t header)
{
    if (m->error != SIP_OK)
        return;
    m->error = (uint8_t)error;
    m->error_header = header;
}

static void take_field(struct sip_message *m, struct slice name, struct slice value)
{
    uint8_t header = header_of(name);
    if (m->field_n == SIP_HEADERS_MAX) {
        fail(m, SIP_ERROR_HEADERS, header);
        return;
    }
    m->field[m->field_n++] = (struct sip_field){header, name, value};
    bool first = m->first[header] == 0;
    if (first)
        m->first[header] = (uint8_t)m->field_n;
    if (header == SIP_HEADER_VIA) {
        if (!read_via(value, m, first))
            fail(m, SIP_ERROR_MALFORMED, header);
    } else if (!first && names[header].single) {
        fail(m, SIP_ERROR_DUPLICATE, header);
    } else if (!read_value(m, header, value)) {
        fail(m, SIP_ERROR_MALFORMED, header);
    } else if (first) {
        m->sound |= 1u << header;
    }
}

/* The bytes up to the end of a line, folds included; the line end is taken. False: broken framing.
 * Bytes beyond ASCII are noted for one look at all of them. */
static bool take_line(struct lex *l, bool folds, bool *high, struct sip_message *m,
                      struct slice *ret)
{
    const uint8_t *from = l->p;
    for (;; l->p++) {
        while (l->p < l->end && sip_is(*l->p, C_PLAIN)) {
            if (*l->p >= 0x80)
                *high = true;
            l->p++;
        }
        if (l->end - l->p >= 2 && l->p[0] == '\r' && l->p[1] == '\n') {
            l->p++;
            if (folds && l->end - l->p >= 2 && (l->p[1] == ' ' || l->p[1] == '\t'))
                continue;
            *ret = slice_make(from, (size_t)(l->p - from) - 1);
            l->p++;
            return true;
        }
        fail(m, l->p == l->end || *l->p == '\r' || *l->p == '\n' ? SIP_ERROR_LINE_END
                                                                 : SIP_ERROR_CHARACTER, 0);
        return false;
    }
}

/* All header lines and the empty one behind them. */
static bool take_headers(struct lex *l, bool *high, struct sip_message *m)
{
    for (;;) {
        if (l->end - l->p >= 2 && l->p[0] == '\r' && l->p[1] == '\n') {
            l->p += 2;
            return true;
        }
        struct slice name = lex_run(l, C_TOKEN), value;
        while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
            l->p++;
        if (name.n == 0 || !lex_byte(l, ':')) {
            bool end = l->p == l->end || *l->p == '\r' || *l->p == '\n';
            fail(m, end && name.n == 0 ? SIP_ERROR_LINE_END : SIP_ERROR_HEADER_NAME, 0);
            return false;
        }
        if (!take_line(l, true, high, m, &value))
            return false;
        take_field(m, name, slice_trim(value));
    }
}

static bool is_version(struct slice s, bool *ret_two)
{
    struct lex l = lex_of(s);
    if (s.n < 7 || !slice_eq_fold(slice_make(s.p, 4), slice_of("SIP/")))
        return false;
    *ret_two = slice_eq(slice_make(s.p + 4, s.n - 4), slice_of("2.0"));
    l.p += 4;
    size_t dots = 0;
    for (; !lex_end(&l); l.p++) {
        if (*l.p == '.' && l.p[-1] != '/' && l.p + 1 < l.end)
            dots++;
        else if (!sip_is_digit(*l.p))
            return false;
    }
    return dots == 1;
}

/* SIP/2.0 SP 3 digits SP reason */
static bool read_status_line(struct slice line, struct sip_message *m)
{
    uint64_t status;
    bool two;
    if (line.n < 12 || !is_version(slice_make(line.p, 7), &two) || !two || line.p[7] != ' ' ||
        line.p[11] != ' ' || !slice_to_u64(slice_make(line.p + 8, 3), 699, &status) ||
        status < 100)
        return false;
    m->status = (uint16_t)status;
    m->reason = slice_make(line.p + 12, line.n - 12);
    return true;
}

/* Method SP Request-URI SP SIP-Version. What at least begins as a request is one, if a bad one: it
 * can be refused; anything else is answered by silence. */
static void read_request_line(struct slice line, struct sip_message *m)
{
    struct lex l = lex_of(line);
    bool two = false;
    m->method_text = lex_run(&l, C_TOKEN);
    m->method = method_of(m->method_text);
    m->request = m->method_text.n != 0 && lex_byte(&l, ' ');
    struct slice uri = slice_make(l.p, slice_find(rest_of(&l), ' '));
    l.p += uri.n;
    bool sound = m->request && lex_byte(&l, ' ') && is_version(rest_of(&l), &two);
    if (!sound)
        fail(m, SIP_ERROR_START_LINE, 0);
    else if (!two)
        fail(m, SIP_ERROR_VERSION, 0);
    else if (!sip_uri_read(uri, &m->uri) || m->uri.headers.p != NULL)
        fail(m, SIP_ERROR_URI, 0);
}

static void judge_whole(struct sip_message *m, struct lex *l)
{
    static const uint8_t required[] = {SIP_HEADER_VIA,     SIP_HEADER_FROM, SIP_HEADER_TO,
                                       SIP_HEADER_CALL_ID, SIP_HEADER_CSEQ,
                                       SIP_HEADER_MAX_FORWARDS};
    for (size_t i = 0; i < sizeof required; i++) {
        if (m->first[required[i]] == 0 && (m->request || required[i] != SIP_HEADER_MAX_FORWARDS))
            fail(m, SIP_ERROR_MISSING, required[i]);
    }
    m->body = rest_of(l);
    if ((m->sound & 1u << SIP_HEADER_CONTENT_LENGTH) != 0) {
        uint64_t length = 0;
        slice_to_u64(m->field[m->first[SIP_HEADER_CONTENT_LENGTH] - 1].value, UINT64_MAX, &length);
        if (length > m->body.n)
            fail(m, SIP_ERROR_CONTENT_LENGTH, SIP_HEADER_CONTENT_LENGTH);
        else
            m->body.n = (size_t)length;
    }
    if (m->request && (m->sound & 1u << SIP_HEADER_CSEQ) != 0) {
        struct slice cseq = m->field[m->first[SIP_HEADER_CSEQ] - 1].value;
        size_t n = m->method_text.n;
        /* read_cseq took "digits, blanks, method": the method is at the end, behind a blank. */
        if (cseq.n <= n || memcmp(cseq.p + cseq.n - n, m->method_text.p, n) != 0 ||
            sip_is(cseq.p[cseq.n - n - 1], C_TOKEN))
            fail(m, SIP_ERROR_CSEQ_METHOD, SIP_HEADER_CSEQ);
    }
}

enum sip_error sip_read(struct slice bytes, struct sip_message *ret)
{
    /* The fields are written as they come: clearing them would cost more than reading. */
    memset(ret, 0, offsetof(struct sip_message, field));
    memset(&ret->field_n, 0, sizeof *ret - offsetof(struct sip_message, field_n));
    ret->bytes = bytes;
    if (bytes.n > SIP_MESSAGE_MAX) {
        fail(ret, SIP_ERROR_SIZE, 0);
        return SIP_ERROR_SIZE;
    }
    struct lex l = lex_of(bytes);
    while (l.end - l.p >= 2 && l.p[0] == '\r' && l.p[1] == '\n')
        l.p += 2;
    if (lex_end(&l)) {
        fail(ret, SIP_ERROR_EMPTY, 0);
        return SIP_ERROR_EMPTY;
    }
    bool high = false;
    const uint8_t *from = l.p;
    struct slice line;
    if (!take_line(&l, false, &high, ret, &line))
        return (enum sip_error)ret->error;
    bool response = read_status_line(line, ret);
    if (!response)
        read_request_line(line, ret);
    bool whole = (response || ret->request) && take_headers(&l, &high, ret);
    if (high && !slice_is_utf8(slice_make(from, (size_t)(l.p - from)))) {
        fail(ret, SIP_ERROR_ENCODING, 0);
        ret->sound = 0;
    }
    if (whole)
        judge_whole(ret, &l);
    return (enum sip_error)ret->error;
}
