/* TLS sessions under hostile bytes. The first byte of the input selects: 0, 1: the rest comes to an
 * acceptor, or a dialler, in pieces. Otherwise two sessions talk, and the rest alters what travels:
 * four bytes each, which flight, where in it (two), and what to xor. Whatever happens: two ends
 * that are up have the same exporter, and what is read was written. */
#include "driver/tls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT (INT64_C(1790000000) * TICK_S)

static struct tls_context *context;

static void start(void)
{
    static const char *const name = "one.example.com";
    char error[X509_ERROR];
    struct x509_bag bag;
    int wrong = x509_make(name, NULL, 0, slice_make(NULL, 0), 30, &bag, error, sizeof error);
    assert(wrong == 0);
    struct x509_store_item item = {false, bag.item[0].der};
    struct tls_context_options o = {
        .leaf = bag.item[0].der, .key = bag.key, .item = &item, .item_n = 1};
    context = tls_context_new(&o, error, sizeof error);
    assert(context != NULL);
    x509_bag_free(&bag);
}

/* Gives out once what the session has; a failed one names its failure. */
static void look(struct tls_session *s, enum tls_state state)
{
    struct tls_failure failure;
    struct tls_secured secured;
    tls_session_failure(s, &failure);
    assert(state != TLS_FAILED || failure.text[0].n != 0);
    if (state == TLS_UP)
        tls_session_secured(s, AT, &secured);
}

static void feed(bool dialler, const uint8_t *data, size_t size)
{
    struct tls_session *s = tls_session_new(context, dialler, false, "one.example.com");
    enum tls_state state = TLS_HELLO;
    assert(s != NULL);
    for (size_t at = 0; at < size;) {
        size_t n = 1 + data[at] % 64u;
        n = n < size - at ? n : size - at;
        state = tls_session_input(s, slice_make(data + at, n));
        assert(state != TLS_UP && tls_session_plain(s).n == 0);
        (void)tls_session_output(s);
        at += n;
    }
    look(s, state);
    tls_session_free(s);
}

struct talk {
    struct tls_session *end[2];
    enum tls_state state[2];
    const uint8_t *change;
    size_t change_n; /* of four bytes each */
    unsigned flight;
    bool changed;
};

static bool carry(struct talk *t, size_t from)
{
    struct slice out = tls_session_output(t->end[from]);
    if (out.n == 0)
        return false;
    uint8_t *bytes = malloc(out.n);
    assert(bytes != NULL);
    memcpy(bytes, out.p, out.n);
    for (size_t i = 0; i < t->change_n; i++) {
        const uint8_t *c = t->change + 4 * i;
        if (c[0] % 8 == t->flight && c[3] != 0) {
            bytes[((size_t)c[1] << 8 | c[2]) % out.n] ^= c[3];
            t->changed = true;
        }
    }
    t->flight++;
    t->state[1 - from] = tls_session_input(t->end[1 - from], slice_make(bytes, out.n));
    free(bytes);
    return true;
}

static void alter(const uint8_t *data, size_t size)
{
    struct talk t = {.change = data, .change_n = size / 4};
    struct tls_secured a, b;
    t.end[0] = tls_session_new(context, true, size % 4 == 1, NULL);
    t.end[1] = tls_session_new(context, false, false, NULL);
    assert(t.end[0] != NULL && t.end[1] != NULL);
    t.state[0] = tls_session_input(t.end[0], slice_make(NULL, 0));
    for (bool more = true; more && t.flight < 20;) {
        more = carry(&t, 0);
        more = carry(&t, 1) || more;
    }
    bool up = t.state[0] == TLS_UP && t.state[1] == TLS_UP;
    assert(up || t.changed);
    if (up) {
        tls_session_secured(t.end[0], AT, &a);
        tls_session_secured(t.end[1], AT, &b);
        assert(memcmp(a.exporter, b.exporter, sizeof a.exporter) == 0 && a.invite == b.invite);
        assert(a.peer.present && b.peer.present);
        tls_session_write(t.end[0], slice_of("hello"));
        t.changed = false;
        carry(&t, 0);
        struct slice plain = tls_session_plain(t.end[1]);
        assert(slice_eq(plain, slice_of("hello")) || (t.changed && plain.n == 0));
    }
    for (size_t i = 0; i < 2; i++) {
        look(t.end[i], t.state[i]);
        tls_session_free(t.end[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (context == NULL)
        start();
    if (size == 0)
        return 0;
    if (data[0] < 2)
        feed(data[0] == 1, data + 1, size - 1);
    else
        alter(data + 1, size - 1);
    return 0;
}
