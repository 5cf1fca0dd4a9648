/* fuzz_sip: reading and answering. Laws: what is accepted, written anew from its own slices, is
 * accepted and means the same; a reply to an accepted request is accepted; a reply is a response;
 * the same request gets the same reply. The
 * route string that a redirect says is the beginning of the input. */
#include "answer/sip.h"
#include "stub_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

static void rebuild(const struct sip_message *m, struct buf *b)
{
    if (m->request) {
        const uint8_t *end = m->uri.text.p + m->uri.text.n;
        buf_put(b, m->method_text.p, (size_t)(end - m->method_text.p));
        buf_put_text(b, " SIP/2.0\r\n");
    } else {
        buf_put_text(b, "SIP/2.0 ");
        buf_put_decimal(b, m->status);
        buf_put_u8(b, ' ');
        buf_put_slice(b, m->reason);
        buf_put_text(b, "\r\n");
    }
    for (size_t i = 0; i < m->field_n; i++) {
        const char *name = sip_header_text((enum sip_header)m->field[i].header);
        if (name[0] != '\0')
            buf_put_text(b, name);
        else
            buf_put_slice(b, m->field[i].name);
        buf_put_u8(b, ':');
        buf_put_slice(b, m->field[i].value);
        buf_put_text(b, "\r\n");
    }
    buf_put_text(b, "\r\n");
    buf_put_slice(b, m->body);
}

static void check_same(const struct sip_message *a, const struct sip_message *b)
{
    assert(a->request == b->request && a->method == b->method && a->status == b->status);
    assert(slice_eq(a->method_text, b->method_text) && slice_eq(a->uri.text, b->uri.text));
    assert(slice_eq(a->uri.user, b->uri.user) && slice_eq(a->uri.host, b->uri.host));
    assert(slice_eq(a->via.text, b->via.text) && slice_eq(a->via.branch, b->via.branch));
    assert(slice_eq(a->via_rest, b->via_rest) && slice_eq(a->via.params, b->via.params));
    assert(slice_eq(a->from.tag, b->from.tag) && slice_eq(a->to.tag, b->to.tag));
    assert(slice_eq(a->from.uri.text, b->from.uri.text) && slice_eq(a->call_id, b->call_id));
    assert(a->cseq == b->cseq && a->max_forwards == b->max_forwards && a->field_n == b->field_n);
    assert(slice_eq(a->body, b->body) && a->sound == b->sound);
}

/* What a connection takes for one message does not depend on what follows, or on how much has come;
 * and the reader finds no more body in it. */
static void check_frame(struct slice bytes)
{
    struct sip_message m;
    size_t n = sip_frame(bytes);
    if (n == 0 || n == SIP_FRAME_BROKEN || n > bytes.n)
        return;
    assert(sip_frame(slice_make(bytes.p, n)) == n || n == 2);
    for (size_t i = 0; i < n; i++) {
        size_t part = sip_frame(slice_make(bytes.p, i));
        assert(part == 0 || part == n);
    }
    if (sip_read(slice_make(bytes.p, n), &m) == SIP_OK)
        assert(m.body.p + m.body.n == bytes.p + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sip_config config = {.key = "0123456789abcde", .route_string = true};
    struct match match = {.route_string = slice_make(data, size < 40 ? size : 40)};
    struct sip_source source = {slice_of("192.0.2.1"), 5060};
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct sip_message m, again;
    struct sip_outcome outcome;
    struct arena scratch;
    struct buf b, reply;
    arena_init(&scratch, &mem);
    buf_init(&b, &mem, 2 * SIP_REPLY_MAX);
    buf_init(&reply, &mem, SIP_REPLY_MAX);
    check_frame(slice_make(data, size < 2000 ? size : 2000));
    enum sip_error e = sip_read(slice_make(data, size), &m);
    if (e == SIP_OK) {
        rebuild(&m, &b);
        if (b.n <= SIP_MESSAGE_MAX) {
            assert(sip_read(buf_slice(&b), &again) == SIP_OK);
            check_same(&m, &again);
        }
    }
    stub_result(LOOKUP_FOUND);
    stub_target("sip:2001@10.0.0.5:5080", 1000);
    stub_answer.match = &match;
    stub_answer.match_n = 1;
    size_t n = sip_answer(NULL, NULL, &config, &scratch, slice_make(data, size), &source, &reply,
                          &outcome);
    assert(n == reply.n && !reply.failed && (n == 0) == (outcome.status == 0));
    assert(n == 0 || m.request);
    if (n > 0 && n <= SIP_MESSAGE_MAX) {
        enum sip_error r = sip_read(buf_slice(&reply), &again);
        assert(!again.request && again.status == outcome.status);
        assert(e != SIP_OK || (r == SIP_OK && slice_eq(again.via.branch, m.via.branch)));
    }
    buf_reset(&b);
    size_t twice = sip_answer(NULL, NULL, &config, &scratch, slice_make(data, size), &source, &b,
                              &outcome);
    assert(twice == n && (n == 0 || memcmp(b.p, reply.p, n) == 0));
    source.unverified = true;
    buf_reset(&reply);
    n = sip_answer(NULL, NULL, &config, &scratch, slice_make(data, size), &source, &reply,
                   &outcome);
    assert(n <= size);
    if (n > 0 && n <= SIP_MESSAGE_MAX)
        assert(sip_read(buf_slice(&reply), &again) == SIP_OK || e != SIP_OK);
    buf_done(&b);
    buf_done(&reply);
    arena_done(&scratch);
    return 0;
}
