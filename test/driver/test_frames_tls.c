/* The door of framed requests over TLS, asked by OpenSSL's client on real loopback sockets: what
 * waits in the session when replies are not read, and who has to make room. */
#include "driver/frames.h"
#include "driver/tls_door.h"
#include "temp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#define REQUEST_MAX 300
#define REPLY_MAX   20000

struct door {
    uv_loop_t loop;
    struct frames *frames;
    unsigned requests;
    bool closed;
};

static struct tls_context *shown;
static SSL_CTX *client;

/* "much" with as much as there may be, all else with itself. */
static void answer(void *context, struct slice request, const struct frames_peer *from,
                   struct buf *out)
{
    struct door *d = context;
    d->requests++;
    assert_true(slice_eq(from->ip, slice_of("127.0.0.1")));
    if (!slice_eq(request, slice_of("much"))) {
        buf_put_slice(out, request);
        return;
    }
    uint8_t *p = buf_extend(out, REPLY_MAX);
    assert_non_null(p);
    memset(p, 'm', REPLY_MAX);
}

static void closed(void *context)
{
    ((struct door *)context)->closed = true;
}

static void door_open(struct door *d, unsigned conns_max, unsigned shake_ms)
{
    char error[256] = "";
    struct frames_options options = {.address = "127.0.0.1", .request_max = REQUEST_MAX,
                                     .reply_max = REPLY_MAX, .conns_max = conns_max,
                                     .source_max = conns_max, .idle_ms = 600000,
                                     .tls = shown, .shake_ms = shake_ms};
    memset(d, 0, sizeof *d);
    assert_int_equal(uv_loop_init(&d->loop), 0);
    d->frames = frames_open(&d->loop, &options, answer, d, error, sizeof error);
    assert_non_null(d->frames);
}

static void door_close(struct door *d)
{
    frames_close(d->frames, closed, d);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_true(d->closed);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

static int dial(struct door *d)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(frames_port(d->frames)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* A session that is up. */
static SSL *meet(struct door *d, int version)
{
    SSL *ssl = SSL_new(client);
    assert_non_null(ssl);
    SSL_set_min_proto_version(ssl, version);
    SSL_set_max_proto_version(ssl, version);
    SSL_set_fd(ssl, dial(d));
    while (SSL_connect(ssl) != 1) {
        ERR_clear_error();
        uv_run(&d->loop, UV_RUN_ONCE);
    }
    return ssl;
}

static void leave(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

static size_t frame(uint8_t *dst, const char *text)
{
    size_t n = strlen(text);
    dst[0] = (uint8_t)(n >> 8);
    dst[1] = (uint8_t)n;
    memcpy(dst + 2, text, n);
    return n + 2;
}

static void put(struct door *d, SSL *ssl, const uint8_t *p, size_t n)
{
    size_t done;
    while (SSL_write_ex(ssl, p, n, &done) != 1) {
        ERR_clear_error();
        uv_run(&d->loop, UV_RUN_NOWAIT);
    }
}

/* Whether n bytes come before the end; 0 bytes: whether it ends. */
static bool get(struct door *d, SSL *ssl, uint8_t *dst, size_t n)
{
    size_t have = 0, k;
    uint8_t more;
    while (have < n || n == 0) {
        int code = SSL_read_ex(ssl, n > 0 ? dst + have : &more, n > 0 ? n - have : 1, &k);
        int why = SSL_get_error(ssl, code);
        ERR_clear_error();
        if (code == 1)
            have += k;
        else if (why == SSL_ERROR_WANT_READ)
            uv_run(&d->loop, UV_RUN_NOWAIT);
        else
            return n == 0;
    }
    return true;
}

static void test_answers(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct door d;
    uint8_t out[4000], in[4000];
    door_open(&d, 10, 60000);
    for (size_t v = 0; v < 2; v++) {
        SSL *ssl = meet(&d, versions[v]);
        size_t n = 0;
        for (int i = 0; i < 200; i++) {
            char text[16];
            snprintf(text, sizeof text, "request %d", i);
            n += frame(out + n, text);
        }
        put(&d, ssl, out, n); /* in one record, which is more than the door's buffer */
        assert_true(get(&d, ssl, in, n));
        assert_memory_equal(in, out, n);
        for (size_t i = 0; i < 33; i++)
            put(&d, ssl, out + i, 1); /* three requests, a record for each byte */
        assert_true(get(&d, ssl, in, 33));
        assert_memory_equal(in, out, 33);
        leave(ssl);
    }
    assert_int_equal(frames_untrue(d.frames), 0);
    door_close(&d);
}

/* Replies of 20 MB to who does not read them, then does: all come, and the door held back. */
static void test_slow_reader(void **state)
{
    struct door d;
    uint8_t out[6], *in = malloc(REPLY_MAX + 2);
    door_open(&d, 10, 60000);
    SSL *ssl = meet(&d, TLS1_3_VERSION);
    uint8_t many[50 * 6];
    for (size_t i = 0; i < 50; i++)
        memcpy(many + 6 * i, out, frame(out, "much"));
    for (size_t i = 0; i < 20; i++)
        put(&d, ssl, many, sizeof many);
    for (int i = 0; i < 200; i++)
        uv_run(&d.loop, UV_RUN_NOWAIT);
    assert_true(d.requests < 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(get(&d, ssl, in, REPLY_MAX + 2));
        assert_true(in[0] == REPLY_MAX >> 8 && in[REPLY_MAX + 1] == 'm');
    }
    assert_int_equal(d.requests, 1000);
    leave(ssl);
    free(in);
    door_close(&d);
}

static void turn(struct door *d, unsigned count)
{
    while (frames_count(d->frames) != count)
        uv_run(&d->loop, UV_RUN_ONCE);
}

static void test_half(void **state)
{
    struct door d;
    uint8_t request[8], in[8];
    door_open(&d, 10, 1);
    int half = dial(&d);
    assert_int_equal(send(half, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    turn(&d, 1);
    turn(&d, 0); /* it was late */
    assert_int_equal(frames_untrue(d.frames), 1);
    int plain = dial(&d);
    assert_int_equal(send(plain, "\0\4much", 6, MSG_NOSIGNAL), 6);
    while (frames_untrue(d.frames) < 2)
        uv_run(&d.loop, UV_RUN_ONCE);
    assert_int_equal(d.requests, 0);
    door_close(&d);
    door_open(&d, 3, 60000);
    SSL *first = meet(&d, TLS1_3_VERSION), *second = meet(&d, TLS1_2_VERSION);
    int stranger[5];
    for (size_t i = 0; i < 5; i++) {
        stranger[i] = dial(&d);
        uv_run(&d.loop, UV_RUN_ONCE);
    }
    size_t n = frame(request, "abc");
    SSL *who[2] = {first, second};
    for (size_t i = 0; i < 2; i++) {
        put(&d, who[i], request, n);
        assert_true(get(&d, who[i], in, n));
        assert_memory_equal(in, request, n);
    }
    SSL *third = meet(&d, TLS1_3_VERSION); /* a stranger made room */
    assert_true(frames_count(d.frames) <= 3);
    put(&d, first, request, n);
    assert_true(get(&d, first, in, n));
    SSL *fourth = meet(&d, TLS1_3_VERSION); /* nobody else was left: who was idle for longest */
    assert_true(get(&d, second, in, 0));
    leave(first), leave(second), leave(third), leave(fourth);
    for (size_t i = 0; i < 5; i++)
        close(stranger[i]);
    close(half), close(plain);
    door_close(&d);
}

static int setup(void **state)
{
    char error[X509_ERROR];
    struct x509_bag bag;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(x509_make("sip.example.com", NULL, 0, slice_make(NULL, 0), 30, &bag, error,
                               sizeof error),
                     0);
    struct tls_door_options o = {.leaf = bag.item[0].der, .key = bag.key};
    shown = tls_door_context(&o, error, sizeof error);
    client = SSL_CTX_new(TLS_client_method());
    assert_true(shown != NULL && client != NULL);
    x509_bag_free(&bag);
    return 0;
}

static int teardown(void **state)
{
    tls_context_unref(shown);
    SSL_CTX_free(client);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests_name("frames tls", tests, setup, teardown);
}
