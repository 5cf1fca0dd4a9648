/* test_differential: our reader beside sofia-sip, a stack of another house, on seeded requests,
 * sound ones and mutants. Where both accept, they must have read the same. Where one alone accepts,
 * a rule of the tables below must hold on the very bytes: a POSIX regular expression written from
 * RFC 3261's grammar, apart from the reader, or sofia itself on the message without the part that
 * the rule names. A difference that no rule explains is a failure.
 *   test_differential [SEED [SOUND [MUTANTS]]]      prints TAP */
#include <stdio.h>
#include <stdlib.h>

#ifdef NO_SOFIA
int main(void)
{
    printf("1..0 # SKIP sofia-sip is not there to compare with: libsofia-sip-ua-dev\n");
    return 0;
}
#else

#include "answer/sip.h"
#include "sip_generate.h"

#include <arpa/inet.h>
#include <regex.h>
#include <string.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

#define COUNT(list) (sizeof list / sizeof list[0])

/* --- sofia's view: */

struct view {
    msg_t *msg;
    sip_t *sip;
    bool accepted;
};

static struct view sofia_read(struct slice s)
{
    struct view v = {.msg = msg_make(sip_default_mclass(), 0, s.p, (ssize_t)s.n)};
    v.sip = sip_object(v.msg);
    v.accepted = v.sip != NULL && v.sip->sip_request != NULL && v.sip->sip_error == NULL &&
                 (v.sip->sip_flags & MSG_FLG_ERROR) == 0 && msg_extract_errors(v.msg) == 0 &&
                 sip_sanity_check(v.sip) == 0;
    return v;
}

static bool sofia_accepts(const struct buf *b)
{
    struct view v = sofia_read(buf_slice(b));
    msg_destroy(v.msg);
    return v.accepted;
}

/* --- where both accept: */

/* s with its escapes resolved and, for hosts, in lower case; cut to size. */
static size_t plain(struct slice s, bool fold, uint8_t *dst, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < size; i++, n++) {
        dst[n] = s.p[i];
        if (s.p[i] == '%' && s.n - i > 2 && hex_parse(&dst[n], 1, slice_make(s.p + i + 1, 2)))
            i += 2;
        if (fold)
            dst[n] = ascii_lower(dst[n]);
    }
    return n;
}

static bool same(struct slice ours, const char *theirs, bool fold)
{
    static uint8_t a[SIP_MESSAGE_MAX], b[SIP_MESSAGE_MAX];
    size_t n = plain(ours, fold, a, sizeof a);
    size_t m = theirs == NULL ? 0 : plain(slice_of(theirs), fold, b, sizeof b);
    return n == m && memcmp(a, b, n) == 0;
}

/* Which field was read otherwise; NULL: none. */
static const char *first_difference(const struct sip_message *m, const sip_t *sip)
{
    const url_t *url = sip->sip_request->rq_url;
    if (m->uri.scheme != SIP_SCHEME_OTHER && !same(m->uri.user, url->url_user, false))
        return "Request-URI user";
    if (m->uri.scheme != SIP_SCHEME_OTHER && !same(m->uri.host, url->url_host, true))
        return "Request-URI host";
    if (!same(m->call_id, sip->sip_call_id->i_id, false))
        return "Call-ID";
    if (m->cseq != sip->sip_cseq->cs_seq)
        return "CSeq";
    if (!same(m->method_text, sip->sip_request->rq_method_name, false))
        return "method";
    if (!same(m->via.branch, sip->sip_via->v_branch, false))
        return "topmost branch";
    if (!same(m->from.tag, sip->sip_from->a_tag, false))
        return "From tag";
    if (!same(m->to.tag, sip->sip_to->a_tag, false))
        return "To tag";
    return NULL;
}

/* --- where sofia alone accepts: the grammar as regular expressions over unfolded values. */

#define SWS     "[ \t]*"
#define TOKEN    "[A-Za-z0-9.!%*_+`'~-]+"
#define ESCAPE   "%[0-9A-Fa-f]{2}"
#define QUOTED   "\"([^\"\\]|\\\\[^\x80-\xff])*\""
#define LABEL    "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
#define TOPLABEL "[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?"
#define OCTET    "(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])"
#define IPV4     OCTET "\\." OCTET "\\." OCTET "\\." OCTET
#define IPV6     "\\[[0-9A-Fa-f:.]+\\]" /* the inside: inet_pton */
#define HOST     "((" LABEL "\\.)*" TOPLABEL "\\.?|" IPV4 "|" IPV6 ")"
#define NUM16                                                                                      \
    "0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
#define PARAMC  "([][A-Za-z0-9_.!~*'()/:&+$-]|" ESCAPE ")+"
#define SIPURI                                                                                     \
    "[Ss][Ii][Pp][Ss]?:(([A-Za-z0-9_.!~*'()&=+$,;?/-]|" ESCAPE ")+"                                \
    "(:([A-Za-z0-9_.!~*'()&=+$,-]|" ESCAPE ")*)?@)?" HOST "(:" NUM16 ")?"                          \
    "(;" PARAMC "(=" PARAMC ")?)*"
#define GLOBAL  "\\+[().-]*[0-9][0-9().-]*"
#define LOCAL   "[().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*"
#define TELURI  "[Tt][Ee][Ll]:(" GLOBAL "|" LOCAL ")(;" PARAMC "(=" PARAMC ")?)*"
/* Any other scheme; what is written sip:, sips: or tel: is judged by the two above. */
#define ANYURI  "[A-Za-z][A-Za-z0-9+.-]*:([][A-Za-z0-9_.!~*'();/?:@&=+$,-]|" ESCAPE ")+"
#define VALUE   "(" TOKEN "|" HOST "|" QUOTED "|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)"
#define PARAM   SWS ";" SWS TOKEN "(" SWS "=" SWS VALUE ")?"
#define SENTBY  HOST "(" SWS ":" SWS NUM16 ")?"
#define VIA                                                                                        \
    TOKEN SWS "/" SWS TOKEN SWS "/" SWS TOKEN "[ \t]+" SENTBY "(" PARAM ")*"
#define WORD    "[][A-Za-z0-9.!%*_+`'~()<>:\\\"/?{}-]+"

static const struct grammar {
    uint8_t header;
    const char *names; /* of the header line, as a regular expression */
    const char *regex;
} grammars[] = {
    {SIP_HEADER_VIA, "^(via|v)" SWS ":", "^" VIA "(" SWS "," SWS VIA ")*$"},
    {SIP_HEADER_FROM, "^(from|f)" SWS ":", "party"},
    {SIP_HEADER_TO, "^(to|t)" SWS ":", "party"},
    {SIP_HEADER_CALL_ID, "^(call-id|i)" SWS ":", "^" WORD "(@" WORD ")?$"},
    {SIP_HEADER_CSEQ, "^cseq" SWS ":", "^0*[0-9]{1,10}[ \t]+" TOKEN "$"},
    {SIP_HEADER_MAX_FORWARDS, "^max-forwards" SWS ":", "^0*(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$"},
    {SIP_HEADER_CONTENT_LENGTH, "^(content-length|l)" SWS ":", "^[0-9]+$"},
    {SIP_HEADER_REQUIRE, "^require" SWS ":", "^" TOKEN "(" SWS "," SWS TOKEN ")*$"},
};

static bool matches(const char *regex, const char *text, bool fold_case)
{
    static struct {
        const char *text;
        regex_t compiled;
    } known[64];
    static size_t known_n;
    size_t i = 0;
    while (i < known_n && strcmp(known[i].text, regex) != 0)
        i++;
    if (i == known_n) {
        known[i].text = regex;
        if (i == COUNT(known) - 1 ||
            regcomp(&known[i].compiled, regex,
                    REG_EXTENDED | REG_NOSUB | (fold_case ? REG_ICASE : 0)) != 0) {
            printf("Bail out! regex %s\n", regex);
            exit(1);
        }
        known_n++;
    }
    return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}

static bool ipv6_sound(const char *p, size_t n)
{
    char text[64];
    struct in6_addr address;
    snprintf(text, sizeof text, "%.*s", (int)n, p);
    return n < sizeof text && inet_pton(AF_INET6, text, &address) == 1;
}

/* Every [..] and every value with a colon is an IPv6 address. Within quotes nothing is. */
static bool addresses_sound(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            for (p++; *p != '"' && *p != '\0'; p++)
                p += *p == '\\' && p[1] != '\0';
            if (*p == '\0')
                return true;
        }
        size_t bare = *p == '=' ? strspn(p + 1, "0123456789abcdefABCDEF:.") : 0;
        if (bare > 0 && memchr(p + 1, ':', bare) != NULL && !ipv6_sound(p + 1, bare))
            return false;
        if (*p == '[' && !ipv6_sound(p + 1, strcspn(p + 1, "]")))
            return false;
    }
    return true;
}

/* The host of a URI in brackets is an IPv6 address; elsewhere brackets mean nothing. */
static bool host_sound(const char *uri)
{
    const char *host = strchr(uri, '@') != NULL ? strchr(uri, '@') : strchr(uri, ':');
    return host[1] != '[' || ipv6_sound(host + 2, strcspn(host + 2, "]"));
}

static bool uri_sound(const char *uri)
{
    if (matches("^(sips?|tel):", uri, true))
        return matches("^(" SIPURI "|" TELURI ")$", uri, false) && host_sound(uri);
    return matches("^" ANYURI "$", uri, false);
}

/* From and To are taken apart first: a regular expression over all would allow too much. */
static bool party_sound(char *value, bool tag)
{
    char *open = value;
    if (*open == '"') {
        for (open++; *open != '\0' && *open != '"'; open++)
            open += *open == '\\' && open[1] != '\0';
    }
    open = strchr(*open == '"' ? open : value, '<');
    char *uri = value, *params = value + strcspn(value, "; \t");
    if (open != NULL) {
        char *close = strchr(open, '>');
        *open = '\0';
        if (close == NULL || !matches("^((" TOKEN SWS ")*|" QUOTED SWS ")$", value, false))
            return false;
        uri = open + 1;
        params = close + 1;
        *close = '\0';
    }
    char rest[4096];
    snprintf(rest, sizeof rest, "%s", params);
    if (open == NULL)
        *params = '\0';
    if (!uri_sound(uri) || (open == NULL && strpbrk(uri, ",?") != NULL) ||
        !matches("^(" PARAM ")*$", rest, false) || !addresses_sound(rest))
        return false;
    if (matches("[; \t][Tt][Aa][Gg]" SWS "(;|$)", rest, false) ||
        matches(";" SWS "tag" SWS "=" SWS "\".*", rest, true) ||
        matches(";" SWS "tag" SWS "=.*;" SWS "tag" SWS "=", rest, true))
        return false;
    return !tag || matches(";" SWS "tag" SWS "=" SWS TOKEN, rest, true);
}

/* The header section as a C string, unfolded, lines ended by "\n"; it ends at the latest with the
 * message or a NUL. */
static void header_section(struct slice s, char *dst, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 2 < size && s.p[i] != '\0'; i++) {
        if (s.n - i >= 4 && memcmp(s.p + i, "\r\n\r\n", 4) == 0)
            break;
        if (s.p[i] == '\r' && s.n - i > 2 && s.p[i + 1] == '\n') {
            bool fold = s.p[i + 2] == ' ' || s.p[i + 2] == '\t';
            dst[n++] = fold ? ' ' : '\n';
            i++;
        } else {
            dst[n++] = (char)s.p[i];
        }
    }
    dst[n++] = '\n';
    dst[n] = '\0';
}

/* The next line of *section, ended by NUL in place; NULL at the end. */
static char *next_line(char **section)
{
    char *line = *section, *end = strchr(line, '\n');
    if (end == NULL)
        return NULL;
    *end = '\0';
    *section = end + 1;
    return line;
}

/* True when some line of the header breaks its grammar. */
static bool value_broken(char *section, const struct grammar *g)
{
    bool broken = false;
    for (char *line; (line = next_line(&section)) != NULL;) {
        if (!matches(g->names, line, true))
            continue;
        char *value = strchr(line, ':') + 1;
        value += strspn(value, " \t");
        for (size_t n = strlen(value); n > 0 && strchr(" \t", value[n - 1]) != NULL;)
            value[--n] = '\0';
        if (strcmp(g->regex, "party") == 0)
            broken |= !party_sound(value, g->header == SIP_HEADER_FROM);
        else
            broken |= !matches(g->regex, value, false) ||
                      (g->header == SIP_HEADER_CSEQ && strtoull(value, NULL, 10) > SIP_CSEQ_MAX) ||
                      (g->header == SIP_HEADER_VIA && !addresses_sound(value));
    }
    return broken;
}

static bool control_in(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.n - i >= 4 && memcmp(s.p + i, "\r\n\r\n", 4) == 0)
            return false;
        if ((s.p[i] < ' ' && strchr("\t\r\n", s.p[i]) == NULL) || s.p[i] == 0 || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

static bool lone_line_end_in(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.n - i >= 4 && memcmp(s.p + i, "\r\n\r\n", 4) == 0)
            return false;
        if (s.p[i] == '\r' ? i + 1 == s.n || s.p[i + 1] != '\n'
                           : s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
            return true;
    }
    return true; /* no end of the headers */
}

/* A branch or rport twice in one Via, or a branch without a value. */
static bool extra_branch(const char *section)
{
    static const char branches[] =
        "\n(via|v)" SWS ":[^\n]*;" SWS "branch" SWS "=[^\n,]*;" SWS "branch" SWS "=";
    static const char rports[] =
        "\n(via|v)" SWS ":[^\n]*;" SWS "rport[^\n,]*;" SWS "rport";
    static const char empty[] = "\n(via|v)" SWS ":[^\n]*;" SWS "branch" SWS "[;,\n]";
    return matches(branches, section, true) || matches(rports, section, true) ||
           matches(empty, section, true);
}

/* The topmost Via without a branch that is a token. */
static bool no_branch(const char *section)
{
    const char *via = section;
    while ((via = strchr(via, '\n')) != NULL && !matches("^\n(via|v)" SWS ":", via, true))
        via++;
    if (via == NULL)
        return true;
    char line[4096];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(via + 1, "\n"), via + 1);
    for (char *open; (open = strchr(line, '"')) != NULL;) {
        char *close = open + 1;
        while (*close != '"' && *close != '\0')
            close += *close == '\\' && close[1] != '\0' ? 2 : 1;
        memmove(open, close + (*close != '\0'), strlen(close + (*close != '\0')) + 1);
    }
    return !matches("^[^,]*;" SWS "branch" SWS "=" SWS "[^ \t\",;]", line, true);
}

/* A line that neither has a name and a colon nor, further down, goes on with a value. */
static bool name_broken(struct slice s)
{
    static char raw[65536];
    size_t n = slice_to_text(s, raw, sizeof raw);
    char *line = memmem(raw, n, "\r\n", 2);
    for (bool first = true; line != NULL && memcmp(line, "\r\n\r\n", 4) != 0; first = false) {
        char one[4096];
        line += 2;
        snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\r"), line);
        if ((first || strchr(" \t", one[0]) == NULL) && !matches("^" TOKEN SWS ":", one, false))
            return true;
        line = strstr(line, "\r\n");
    }
    return false;
}

static bool explained_refusal(struct slice s, const struct sip_message *m)
{
    static char section[65536], copy[65536];
    if (m->error == SIP_ERROR_CHARACTER)
        return control_in(s);
    if (m->error == SIP_ERROR_LINE_END)
        return lone_line_end_in(s);
    header_section(s, section, sizeof section);
    memcpy(copy, section, sizeof copy);
    char *rest = copy, *line = next_line(&rest), *uri = strchr(line, ' ') + 1;
    switch (m->error) {
    case SIP_ERROR_ENCODING: return !slice_is_utf8(slice_of(section));
    case SIP_ERROR_HEADERS: return m->field_n == SIP_HEADERS_MAX;
    case SIP_ERROR_START_LINE:
        return !matches("^" TOKEN " [^ ]+ [Ss][Ii][Pp]/[0-9]+\\.[0-9]+$", line, false);
    case SIP_ERROR_VERSION: return !matches(" SIP/2\\.0$", line, true);
    case SIP_ERROR_URI: uri[strcspn(uri, " ")] = '\0'; return !uri_sound(uri);
    case SIP_ERROR_HEADER_NAME: return name_broken(s);
    case SIP_ERROR_MISSING:
        return m->error_header == SIP_HEADER_MAX_FORWARDS &&
               !matches("\nmax-forwards" SWS ":", section, true);
    case SIP_ERROR_CONTENT_LENGTH: {
        const char *end = (const char *)memmem(s.p, s.n, "\r\n\r\n", 4) + 4;
        const char *length = strcasestr(section, "\ncontent-length");
        length = length != NULL ? length : strcasestr(section, "\nl");
        return length != NULL && strtoull(strchr(length, ':') + 1, NULL, 10) >
                                     (unsigned long long)((const char *)s.p + s.n - end);
    }
    case SIP_ERROR_MALFORMED:
        if (m->error_header == SIP_HEADER_VIA && (extra_branch(section) || no_branch(section)))
            return true;
        if (memmem(s.p, s.n, "\\\r\n", 3) != NULL)
            return true; /* an escaped CR, which unfolding hides */
        memcpy(copy, section, sizeof copy);
        for (size_t i = 0; i < COUNT(grammars); i++) {
            if (grammars[i].header == m->error_header)
                return value_broken(copy, &grammars[i]);
        }
        return false;
    default: return false;
    }
}

/* What sofia lets pass, in words, for the count. */
static const char *refusal_reason(const struct sip_message *m)
{
    switch (m->error) {
    case SIP_ERROR_CHARACTER: return "control characters pass";
    case SIP_ERROR_LINE_END: return "CR or LF alone ends a line";
    case SIP_ERROR_ENCODING: return "bytes that are not UTF-8 pass";
    case SIP_ERROR_HEADERS: return "any number of headers";
    case SIP_ERROR_START_LINE: return "blanks of any number in the request line";
    case SIP_ERROR_VERSION: return "other versions pass";
    case SIP_ERROR_URI: return "Request-URI is not checked by byte";
    case SIP_ERROR_HEADER_NAME: return "a line that is no header is passed over";
    case SIP_ERROR_MISSING: return "Max-Forwards may be missing";
    case SIP_ERROR_CONTENT_LENGTH: return "a length beyond the datagram waits for more";
    default: return sip_header_text((enum sip_header)m->error_header);
    }
}

/* --- where we alone accept: sofia on the message with one thing changed. */

enum { WITHOUT_UNREAD = 1, UNFOLDED = 2, WITHOUT_SCHEMES = 4, WITHOUT_METHOD = 8 };

static void put_value(struct buf *b, struct slice v, bool unfold)
{
    for (size_t i = 0; i < v.n; i++) {
        bool blank = strchr(" \t\r\n", v.p[i]) != NULL && v.p[i] != '\0';
        if (unfold && blank) {
            while (i + 1 < v.n && v.p[i + 1] != '\0' && strchr(" \t\r\n", v.p[i + 1]) != NULL)
                i++;
            if (i + 1 == v.n || v.p[i + 1] != ';')
                buf_put_u8(b, ' ');
        } else {
            buf_put_u8(b, v.p[i]);
        }
    }
}

static bool foreign(const struct sip_uri *uri)
{
    return uri->scheme == SIP_SCHEME_OTHER || uri->scheme == SIP_SCHEME_TEL;
}

static void rewrite(const struct sip_message *m, unsigned how, struct buf *b)
{
    const uint8_t *line = m->method_text.p;
    buf_reset(b);
    if ((how & WITHOUT_METHOD) != 0)
        buf_put_text(b, "INFO ");
    else
        buf_put(b, line, (size_t)(m->uri.text.p - line));
    if (foreign(&m->uri) && (how & WITHOUT_SCHEMES) != 0)
        buf_put_text(b, "sip:a@b");
    else
        buf_put_slice(b, m->uri.text);
    buf_put_text(b, " SIP/2.0\r\n");
    for (size_t i = 0; i < m->field_n; i++) {
        const struct sip_field *f = &m->field[i];
        bool read = f->header >= SIP_HEADER_VIA && f->header <= SIP_HEADER_CONTENT_LENGTH;
        if (!read && f->header != SIP_HEADER_REQUIRE && (how & WITHOUT_UNREAD) != 0)
            continue;
        struct slice value = f->value;
        if (f->header == SIP_HEADER_CSEQ && (how & WITHOUT_METHOD) != 0)
            value.n -= m->method_text.n;
        const struct sip_party *party = f->header == SIP_HEADER_FROM ? &m->from
                                        : f->header == SIP_HEADER_TO ? &m->to
                                                                     : NULL;
        buf_put_slice(b, f->name);
        buf_put_text(b, ": ");
        if (party != NULL && foreign(&party->uri) && (how & WITHOUT_SCHEMES) != 0)
            buf_put_text(b, f->header == SIP_HEADER_FROM ? "<sip:a@b>;tag=c" : "<sip:a@b>");
        else
            put_value(b, value, (how & UNFOLDED) != 0);
        if (f->header == SIP_HEADER_CSEQ && (how & WITHOUT_METHOD) != 0)
            buf_put_text(b, "INFO");
        buf_put_text(b, "\r\n");
    }
    buf_put_text(b, "\r\n");
    buf_put_slice(b, m->body);
}

static const char *sofia_reason(const struct sip_message *m, struct buf *scratch)
{
    rewrite(m, 0, scratch);
    if (sofia_accepts(scratch))
        return "sofia stumbles over the bytes around the message, or blanks before a colon";
    rewrite(m, WITHOUT_UNREAD, scratch);
    if (sofia_accepts(scratch))
        return "sofia judges headers that a redirect does not read";
    rewrite(m, UNFOLDED, scratch);
    if (sofia_accepts(scratch))
        return "sofia takes no blank or fold there (behind a URI without brackets)";
    rewrite(m, WITHOUT_UNREAD | UNFOLDED, scratch);
    if (sofia_accepts(scratch))
        return "both of the two";
    rewrite(m, WITHOUT_UNREAD | UNFOLDED | WITHOUT_SCHEMES, scratch);
    if (sofia_accepts(scratch))
        return "sofia takes no such scheme, or no # in tel:";
    rewrite(m, WITHOUT_UNREAD | UNFOLDED | WITHOUT_METHOD, scratch);
    if (sofia_accepts(scratch))
        return "sofia takes no method that begins as another one";
    return NULL;
}

/* --- counting: */

static struct {
    const char *who, *reason;
    unsigned n;
} seen[64];

static void count(const char *who, const char *reason)
{
    size_t i = 0;
    while (seen[i].n != 0 && (seen[i].who != who || strcmp(seen[i].reason, reason) != 0))
        i++;
    seen[i].who = who;
    seen[i].reason = reason;
    seen[i].n++;
}

static unsigned failures, both, neither;

static void unexplained(const char *what, struct slice s, const struct sip_message *m)
{
    if (failures++ >= 5)
        return;
    printf("# unexplained: %s (error %u, header %s)\n# ", what, m->error,
           sip_header_text((enum sip_header)m->error_header));
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n')
            printf("\\n\n# ");
        else if (s.p[i] < ' ' || s.p[i] >= 0x7f)
            printf("\\x%02x", s.p[i]);
        else
            putchar(s.p[i]);
    }
    printf("\n");
}

static const char ours_alone[] = "ours alone", sofia_alone[] = "sofia alone";

static void compare(struct slice s, struct buf *scratch)
{
    struct sip_message m;
    bool accepted = sip_read(s, &m) == SIP_OK && m.request;
    struct view v = sofia_read(s);
    if (accepted && v.accepted) {
        const char *field = first_difference(&m, v.sip);
        if (field != NULL)
            unexplained(field, s, &m);
        both++;
    } else if (accepted) {
        const char *reason = sofia_reason(&m, scratch);
        if (reason == NULL)
            unexplained(ours_alone, s, &m);
        else
            count(ours_alone, reason);
    } else if (v.accepted) {
        if (explained_refusal(s, &m))
            count(sofia_alone, refusal_reason(&m));
        else
            unexplained(sofia_alone, s, &m);
    } else {
        neither++;
    }
    msg_destroy(v.msg);
}

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* The control: a field read otherwise is seen, and a refusal without a cause is not explained. */
static bool control(void)
{
    static const char ours[] = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\n"
                               "From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\n"
                               "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\r\n";
    static char theirs[sizeof ours];
    struct sip_message m;
    bool seen_all = sip_read(slice_of(ours), &m) == SIP_OK;
    memcpy(theirs, ours, sizeof ours);
    *strstr(theirs, "x\r\n") = 'y';
    struct view v = sofia_read(slice_of(theirs));
    seen_all = seen_all && v.accepted && strcmp(first_difference(&m, v.sip), "Call-ID") == 0;
    msg_destroy(v.msg);
    for (uint8_t e = SIP_ERROR_START_LINE; e < SIP_ERROR_N; e++) {
        for (uint8_t h = SIP_HEADER_VIA; h < SIP_HEADER_N; h++) {
            m.error = e;
            m.error_header = h;
            seen_all = seen_all && !explained_refusal(slice_of(ours), &m);
        }
    }
    return seen_all;
}

int main(int argc, char **argv)
{
    unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    unsigned long sound = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    unsigned long mutants = argc > 3 ? strtoul(argv[3], NULL, 10) : 8000;
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct buf message, scratch;
    struct rand r;
    buf_init(&message, &mem, 65536);
    buf_init(&scratch, &mem, 65536);
    rand_seed(&r, seed);
    printf("1..3\n");
    for (unsigned long i = 0; i < sound + mutants; i++) {
        buf_reset(&message);
        if (i < sound)
            generate_sound(&r, &message);
        else
            generate_mutant(&r, &message);
        compare(buf_slice(&message), &scratch);
        if (i + 1 == sound)
            printf("%sok 1 - %lu sound requests, none refused by us\n", neither ? "not " : "",
                   sound);
    }
    printf("# both accept %u, both refuse %u\n", both, neither);
    for (size_t i = 0; i < COUNT(seen) && seen[i].n != 0; i++)
        printf("# %s: %u x %s\n", seen[i].who, seen[i].n, seen[i].reason);
    printf("%sok 2 - %u unexplained differences (seed %lu)\n", failures ? "not " : "", failures,
           seed);
    bool red = control();
    printf("%sok 3 - control: a planted difference is seen\n", red ? "" : "not ");
    buf_done(&message);
    buf_done(&scratch);
    return failures != 0 || !red;
}
#endif
