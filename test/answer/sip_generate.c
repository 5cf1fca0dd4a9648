/* sip_generate: see the header. Pieces are picked from lists that cover the rules of section 25;
 * what is random in bytes stays inside one character class. */
#include "sip_generate.h"

#include <string.h>

#define PICK(r, list) list[rand_below(r, sizeof list / sizeof list[0])]

static void put_random(struct rand *r, struct buf *out, const char *alphabet, size_t max)
{
    for (size_t n = 1 + rand_below(r, max); n > 0; n--)
        buf_put_u8(out, (uint8_t)alphabet[rand_below(r, strlen(alphabet))]);
}

static void put_token(struct rand *r, struct buf *out)
{
    put_random(r, out, "abcXYZ0189-.!%*_+`'~", 12);
}

static void put_host(struct rand *r, struct buf *out)
{
    static const char *const hosts[] = {"a.example",     "B.Example.",    "localhost", "h-1.x2",
                                        "192.0.2.17",    "[2001:db8::1]", "[::1]",     "x",
                                        "[::ffff:1.2.3.4]", "255.0.0.1"};
    buf_put_text(out, PICK(r, hosts));
}

static void put_port(struct rand *r, struct buf *out)
{
    if (rand_below(r, 3) == 0) {
        buf_put_u8(out, ':');
        buf_put_decimal(out, 1 + rand_below(r, 65535));
    }
}

static void put_uri_params(struct rand *r, struct buf *out)
{
    static const char *const params[] = {";transport=udp", ";user=phone", ";lr",      ";x",
                                         ";y=z",           ";m=%41b",     ";ttl=3",   ";a=[::1]"};
    for (uint64_t n = rand_below(r, 3); n > 0; n--)
        buf_put_text(out, PICK(r, params));
}

static void put_uri(struct rand *r, struct buf *out, bool params)
{
    buf_put_text(out, rand_below(r, 6) == 0 ? "sips:" : "sip:");
    if (rand_below(r, 8) != 0) {
        put_random(r, out, "abcXYZ0189-_.!~*'()&=+$/", 10);
        if (rand_below(r, 8) == 0)
            buf_put_text(out, "%61%40");
        if (rand_below(r, 10) == 0)
            buf_put_text(out, ":pw+1");
        buf_put_u8(out, '@');
    }
    put_host(r, out);
    put_port(r, out);
    if (params)
        put_uri_params(r, out);
}

/* LWS where it may stand: mostly as little as possible. */
static void put_blank(struct rand *r, struct buf *out, const char *least)
{
    static const char *const blanks[] = {" ", "  ", "\t", "\r\n ", " \r\n\t "};
    buf_put_text(out, rand_below(r, 5) == 0 ? PICK(r, blanks) : least);
}

static void put_name(struct rand *r, struct buf *out, const char *name, const char *compact)
{
    buf_put_text(out, compact[0] != '\0' && rand_below(r, 4) == 0 ? compact : name);
    if (rand_below(r, 8) == 0)
        buf_put_u8(out, ' ');
    buf_put_u8(out, ':');
    put_blank(r, out, " ");
}

static void put_semi(struct rand *r, struct buf *out)
{
    put_blank(r, out, "");
    buf_put_u8(out, ';');
    put_blank(r, out, "");
}

static void put_via(struct rand *r, struct buf *out)
{
    static const char *const protocols[] = {"SIP/2.0/UDP", "SIP/2.0/TCP", "SIP / 2.0 / TLS",
                                            "SIP/2.0/SCTP"};
    static const char *const params[] = {"ttl=7", "received=192.0.2.4", "x", "y=\"q;\\\"\"",
                                         "maddr=h"};
    buf_put_text(out, PICK(r, protocols));
    put_blank(r, out, " ");
    put_host(r, out);
    put_port(r, out);
    for (uint64_t n = rand_below(r, 2); n > 0; n--) {
        put_semi(r, out);
        buf_put_text(out, PICK(r, params));
    }
    if (rand_below(r, 3) == 0)
        buf_put_text(out, ";rport");
    put_semi(r, out);
    buf_put_text(out, "branch=z9hG4bK");
    put_token(r, out);
}

static void put_party(struct rand *r, struct buf *out, bool tag)
{
    static const char *const names[] = {"", "", "Alice ", "\"A, B\" ", "A b.C ", "\"q \\\" \\\\\" ",
                                        "\"\xc3\xa9\" ", "\"\""};
    bool bare = rand_below(r, 5) == 0;
    if (!bare) {
        buf_put_text(out, PICK(r, names));
        buf_put_u8(out, '<');
    }
    if (rand_below(r, 10) == 0)
        buf_put_text(out, "tel:+81-3-1234");
    else
        put_uri(r, out, !bare);
    if (!bare)
        buf_put_u8(out, '>');
    if (rand_below(r, 6) == 0) {
        put_semi(r, out);
        buf_put_text(out, "p=v");
    }
    if (tag) {
        put_semi(r, out);
        buf_put_text(out, "tag=");
        put_token(r, out);
    }
}

static void put_more(struct rand *r, struct buf *out)
{
    static const char *const more[] = {
        "Contact: <sip:a@192.0.2.1:5070>\r\n",    "User-Agent: x/1 (y)\r\n",
        "Supported: timer, path\r\n",             "Allow: INVITE\r\n",
        "Subject: \xe6\x9d\xb1\r\n",              "X-New: a;b,,c \r\n  d\r\n",
        "Accept: application/sdp\r\n",            "Require: 100rel\r\n",
        "Expires: 300\r\n",                       "Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n",
        "Record-Route: <sip:h;lr>\r\n",           "X-Empty:\r\n",
    };
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (rand_below(r, 8) == 0)
            buf_put_text(out, more[i]);
    }
}

static void put_headers(struct rand *r, struct buf *out, const char *method)
{
    for (uint64_t n = 1 + rand_below(r, 3); n > 0; n--) {
        put_name(r, out, "Via", "v");
        put_via(r, out);
        if (rand_below(r, 5) == 0) {
            put_blank(r, out, "");
            buf_put_text(out, ", ");
            put_via(r, out);
        }
        buf_put_text(out, "\r\n");
    }
    put_name(r, out, "From", "f");
    put_party(r, out, true);
    buf_put_text(out, "\r\n");
    put_name(r, out, "To", "t");
    put_party(r, out, rand_below(r, 4) == 0);
    buf_put_text(out, "\r\n");
    put_name(r, out, "Call-ID", "i");
    put_random(r, out, "abcXYZ0189-.!%*_+`'~()<>:\\\"/[]?{}", 16);
    if (rand_below(r, 2) == 0) {
        buf_put_u8(out, '@');
        put_random(r, out, "abcXYZ0189.", 16);
    }
    buf_put_text(out, "\r\n");
    put_name(r, out, "CSeq", "");
    buf_put_decimal(out, rand_below(r, 2147483648));
    put_blank(r, out, " ");
    buf_put_text(out, method);
    buf_put_text(out, "\r\n");
    put_name(r, out, "Max-Forwards", "");
    buf_put_decimal(out, rand_below(r, 256));
    buf_put_text(out, "\r\n");
}

void generate_sound(struct rand *r, struct buf *out)
{
    static const char *const methods[] = {"INVITE", "OPTIONS", "ACK", "CANCEL", "BYE",
                                          "REGISTER", "x-Y.1"};
    static const char *const bodies[] = {"", "v=0\r\n", "\r\n\r\n"};
    const char *method = PICK(r, methods), *body = PICK(r, bodies);
    buf_put_text(out, method);
    buf_put_u8(out, ' ');
    if (rand_below(r, 12) == 0)
        buf_put_text(out, "tel:+8131234;phone-context=x");
    else
        put_uri(r, out, true);
    buf_put_text(out, " SIP/2.0\r\n");
    put_headers(r, out, method);
    put_more(r, out);
    if (rand_below(r, 4) != 0) {
        put_name(r, out, "Content-Length", "l");
        buf_put_decimal(out, strlen(body));
        buf_put_text(out, "\r\n");
    }
    buf_put_text(out, "\r\n");
    buf_put_text(out, body);
}

/* Puts text in place of the n bytes at `at`. */
static void splice(struct buf *out, size_t at, size_t n, const void *text, size_t text_n)
{
    size_t old = out->n;
    if (text_n > n && buf_extend(out, text_n - n) == NULL)
        return;
    memmove(out->p + at + text_n, out->p + at + n, old - at - n);
    if (text_n > 0)
        memmove(out->p + at, text, text_n);
    out->n = old + text_n - n;
}

/* The start of some line, its end behind CRLF in *ret_end. */
static size_t some_line(struct rand *r, const struct buf *out, size_t *ret_end)
{
    size_t at = rand_below(r, out->n), end = at;
    while (at > 0 && out->p[at - 1] != '\n')
        at--;
    while (end < out->n && out->p[end] != '\n')
        end++;
    *ret_end = end < out->n ? end + 1 : end;
    return at;
}

static void mutate(struct rand *r, struct buf *out)
{
    static const char *const pieces[] = {
        " ",  "\t", "\r\n", "\r\n ", "\n", "\r", ";",  ";;", ",", "\"", "<",  ">",  "@", ":",
        "=",  "%",  "%4",   "%00",   "?",  "[",  "]",  "\\", "/", "\xff", "\xc3\xa9", "\x01",
        "\x7f",
        "0",  "-1", "99999999999", "tag=x", ";tag=y", ";branch=z", "?a=b", ".", "..", "_", "+",
        "Max-Forwards: 1\r\n", "To: <sip:q@r>\r\n", "Content-Length: 0\r\n", "X\r\n", ": y\r\n"};
    size_t end, at = rand_below(r, out->n);
    static uint8_t line[1024];
    const char *piece = PICK(r, pieces);
    switch (rand_below(r, 6)) {
    case 0: splice(out, at, 1, "", 0); return;
    case 1: splice(out, at, 0, piece, strlen(piece)); return;
    case 2: splice(out, at, 1, piece, strlen(piece)); return;
    case 3: out->p[at] ^= (uint8_t)(1u << rand_below(r, 7)); return;
    case 4: /* a line away */
        at = some_line(r, out, &end);
        splice(out, at, end - at, "", 0);
        return;
    default: /* a line twice */
        at = some_line(r, out, &end);
        if (end - at <= sizeof line) {
            memcpy(line, out->p + at, end - at);
            splice(out, at, 0, line, end - at);
        }
    }
}

void generate_mutant(struct rand *r, struct buf *out)
{
    generate_sound(r, out);
    for (uint64_t n = 1 + rand_below(r, 3); n > 0 && out->n > 1; n--)
        mutate(r, out);
}
