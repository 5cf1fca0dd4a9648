/* trace_json: a trace record as one line of JSON. It is written here, key by key, because every
 * change of a plan writes one at each cluster that passes it on, while the next cluster waits for
 * the processor: as a tree of objects it cost ten times as much. */
#include "base/buf.h"
#include "daemon/render.h"

#include <stdio.h>
#include <string.h>

static void put_escaped(struct buf *b, struct slice s)
{
    size_t done = 0;
    for (size_t i = 0; i < s.n; i++) {
        char odd[8];
        if (s.p[i] >= 0x20 && s.p[i] != '"' && s.p[i] != '\\')
            continue;
        buf_put(b, s.p + done, i - done);
        done = i + 1;
        snprintf(odd, sizeof odd, s.p[i] < 0x20 ? "\\u%04x" : "\\%c", (unsigned)s.p[i]);
        buf_put_text(b, odd);
    }
    buf_put(b, s.p + done, s.n - done);
}

/* What is not UTF-8 is shown with its odd bytes replaced, never left out. */
static void put_string(struct buf *b, struct slice s)
{
    char copy[256];
    if (!slice_is_utf8(s)) {
        size_t n = slice_to_text(s, copy, sizeof copy);
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)copy[i] < 0x20 || (unsigned char)copy[i] > 0x7e)
                copy[i] = '?';
        s = slice_make((const uint8_t *)copy, n);
    }
    buf_put_u8(b, '"');
    if (s.n > 0)
        put_escaped(b, s);
    buf_put_u8(b, '"');
}

/* `before`: what stands between this member and the one before it. */
static void put_key(struct buf *b, const char *before, const char *key)
{
    buf_put_text(b, before);
    buf_put_u8(b, '"');
    buf_put_text(b, key);
    buf_put_text(b, "\":");
}

static void put_member(struct buf *b, const char *before, const char *key, struct slice value)
{
    put_key(b, before, key);
    put_string(b, value);
}

static void put_hex(struct buf *b, const char *key, const uint8_t *bytes, size_t n)
{
    static const uint8_t zeros[2 * PEER_ID_SIZE];
    char text[2 * 2 * PEER_ID_SIZE + 1];
    put_key(b, ",", key);
    if (memcmp(bytes, zeros, n) == 0) {
        buf_put_text(b, "null");
        return;
    }
    hex_text(text, bytes, n);
    put_string(b, slice_of(text));
}

/* "ip:port", or null where there is no link. */
static void put_address(struct buf *b, const char *key, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX + 16];
    put_key(b, ",", key);
    if (a->ip[0] == '\0') {
        buf_put_text(b, "null");
        return;
    }
    snprintf(text, sizeof text, strchr(a->ip, ':') != NULL ? "[%s]:%u" : "%s:%u", a->ip,
             (unsigned)a->port);
    put_string(b, slice_of(text));
}

static void put_fields(struct buf *b, const struct trace *t)
{
    static const char *const text[3] = {"t0", "t1", "t2"};
    static const char *const number[3] = {"n0", "n1", "n2"};
    const char *before = "";
    put_key(b, ",", "fields");
    buf_put_u8(b, '{');
    if (t->link_n != 0) {
        put_key(b, "", "link");
        buf_put_decimal(b, t->link_n);
        put_key(b, ",", "dialler");
        buf_put_text(b, t->dialler ? "true" : "false");
        put_key(b, ",", "tls");
        buf_put_text(b, t->tls ? "true" : "false");
        put_address(b, "local", &t->local);
        before = ",";
    }
    if (t->host.n > 0) {
        put_member(b, before, "host", t->host);
        before = ",";
    }
    for (int i = 0; i < 3; i++) {
        if (t->text[i].n > 0) {
            put_member(b, before, text[i], t->text[i]);
            before = ",";
        }
        if (t->number[i] != 0) {
            put_key(b, before, number[i]);
            if (t->number[i] > INT64_MAX) /* a number of JSON has a sign */
                buf_put_u8(b, '-');
            buf_put_decimal(b, t->number[i] > INT64_MAX ? -t->number[i] : t->number[i]);
            before = ",";
        }
    }
    buf_put_u8(b, '}');
}

void render_trace_json(struct buf *b, const struct trace *t, const char *text, const char *time)
{
    char code[16];
    _Static_assert(sizeof t->verdict_id <= 2 * PEER_ID_SIZE, "zeros");
    put_member(b, "{", "event", slice_of(render_event_id(t->event)));
    put_member(b, ",", "text", slice_of(text));
    put_hex(b, "verdict_id", t->verdict_id, sizeof t->verdict_id);
    put_address(b, "peer", &t->peer);
    put_hex(b, "peer_id", t->peer_id, sizeof t->peer_id);
    put_key(b, ",", "code");
    if (t->code != CODE_NONE) {
        render_code(code, sizeof code, t->code);
        put_string(b, slice_of(code));
    } else {
        buf_put_text(b, "null");
    }
    put_fields(b, t);
    put_member(b, ",", "time", slice_of(time));
    buf_put_u8(b, '}');
}
