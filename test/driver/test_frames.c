/* The door of framed requests over real loopback sockets: many on one connection, in pieces of any
 * size, and what strangers may not do. */
#include "driver/address.h"
#include "driver/frames.h"
#include "temp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#define REQUEST_MAX 300
#define REPLY_MAX   20000

struct door {
    uv_loop_t loop;
    struct frames *frames;
    unsigned requests;
    bool closed;
};

/* Answers a request with itself; "silence" not at all, "much" with as much as there may be. */
static void answer(void *context, struct slice request, const struct frames_peer *from,
                   struct buf *out)
{
    struct door *d = context;
    d->requests++;
    assert_true(slice_eq(from->ip, slice_of("127.0.0.1")) && from->port != 0);
    if (slice_eq(request, slice_of("much"))) {
        uint8_t *p = buf_extend(out, REPLY_MAX);
        assert_non_null(p);
        memset(p, 'm', REPLY_MAX);
    } else if (!slice_eq(request, slice_of("silence")))
        buf_put_slice(out, request);
}

static void closed(void *context)
{
    ((struct door *)context)->closed = true;
}

static void door_open(struct door *d, unsigned conns_max, unsigned idle_ms)
{
    char error[256] = "";
    struct frames_options options = {.address = "127.0.0.1", .request_max = REQUEST_MAX,
                                     .reply_max = REPLY_MAX, .conns_max = conns_max,
                                     .source_max = conns_max, .idle_ms = idle_ms};
    memset(d, 0, sizeof *d);
    assert_int_equal(uv_loop_init(&d->loop), 0);
    d->frames = frames_open(&d->loop, &options, answer, d, error, sizeof error);
    if (d->frames == NULL)
        print_error("%s\n", error);
    assert_non_null(d->frames);
}

static void door_close(struct door *d)
{
    frames_close(d->frames, closed, d);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_true(d->closed);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

/* A connection that the door has taken. */
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

static void put(int fd, const void *p, size_t n)
{
    assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static size_t frame(uint8_t *dst, const char *text)
{
    size_t n = strlen(text);
    dst[0] = (uint8_t)(n >> 8);
    dst[1] = (uint8_t)n;
    memcpy(dst + 2, text, n);
    return n + 2;
}

/* Turns the loop until n bytes have come, or the end of stream; bytes read. */
static size_t get(struct door *d, int fd, uint8_t *dst, size_t n)
{
    size_t have = 0;
    while (have < n) {
        ssize_t k = recv(fd, dst + have, n - have, 0);
        if (k == 0 || (k < 0 && errno == ECONNRESET))
            return have;
        if (k > 0)
            have += (size_t)k;
        else
            uv_run(&d->loop, UV_RUN_ONCE);
    }
    return have;
}

static void turn(struct door *d, unsigned count)
{
    while (frames_count(d->frames) != count)
        uv_run(&d->loop, UV_RUN_ONCE);
}

static void test_pipeline(void **state)
{
    struct door d;
    uint8_t out[4000], in[4000];
    door_open(&d, 10, 60000);
    int fd = dial(&d);
    size_t n = 0;
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "request %d", i);
        n += frame(out + n, text);
    }
    put(fd, out, n);
    assert_int_equal(get(&d, fd, in, n), n);
    assert_memory_equal(in, out, n);
    assert_int_equal(d.requests, 200);
    /* In pieces of every size; a request of the greatest length among them. */
    char longest[REQUEST_MAX + 1] = "";
    memset(longest, 'x', REQUEST_MAX);
    n = frame(out, "a");
    n += frame(out + n, longest);
    n += frame(out + n, "b");
    for (size_t piece = 1; piece < n; piece++) {
        size_t at = 0, have = 0;
        while (at < n) {
            size_t k = n - at < piece ? n - at : piece;
            put(fd, out + at, k);
            at += k;
            uv_run(&d.loop, UV_RUN_NOWAIT);
        }
        have = get(&d, fd, in, n);
        assert_int_equal(have, n);
        assert_memory_equal(in, out, n);
    }
    close(fd);
    turn(&d, 0);
    door_close(&d);
}

/* Too long, empty, and a request that has no answer: what came before it is answered. */
static void test_unsound(void **state)
{
    static const uint8_t bad[3][2] = {{0, 0}, {(REQUEST_MAX + 1) >> 8, (REQUEST_MAX + 1) & 255},
                                      {255, 255}};
    struct door d;
    uint8_t out[64], in[64];
    door_open(&d, 10, 60000);
    for (size_t i = 0; i < 4; i++) {
        int fd = dial(&d);
        size_t n = frame(out, "before"), more = 2;
        if (i < 3)
            memcpy(out + n, bad[i], 2);
        else
            more = frame(out + n, "silence");
        put(fd, out, n + more);
        assert_int_equal(get(&d, fd, in, sizeof in), n);
        assert_memory_equal(in, out, n);
        close(fd);
    }
    turn(&d, 0);
    door_close(&d);
}

/* Who does not read his replies is not read from: it costs one send's worth, and all of it comes
 * when he reads at last. */
static void test_slow_reader(void **state)
{
    enum { ASKED = 2000 };
    struct door d;
    uint8_t out[8];
    static uint8_t in[REPLY_MAX + 2];
    door_open(&d, 10, 60000);
    int fd = dial(&d);
    size_t n = frame(out, "much");
    for (int i = 0; i < ASKED; i++) {
        if (send(fd, out, n, MSG_NOSIGNAL) != (ssize_t)n)
            fail_msg("the kernel's buffer is too small for this test");
        uv_run(&d.loop, UV_RUN_NOWAIT);
    }
    unsigned answered = d.requests;
    assert_true(answered < ASKED);
    for (int i = 0; i < 100; i++)
        uv_run(&d.loop, UV_RUN_NOWAIT);
    assert_int_equal(d.requests, answered);
    for (int i = 0; i < ASKED; i++)
        assert_int_equal(get(&d, fd, in, sizeof in), sizeof in);
    assert_int_equal(d.requests, ASKED);
    close(fd);
    turn(&d, 0);
    door_close(&d);
}

static void test_idle(void **state)
{
    struct door d;
    uint8_t byte = 0, in;
    door_open(&d, 10, 1);
    int fd = dial(&d);
    put(fd, &byte, 1); /* half a length */
    assert_int_equal(get(&d, fd, &in, 1), 0);
    close(fd);
    turn(&d, 0);
    door_close(&d);
}

/* The one that has been idle for longest makes room. */
static void test_full(void **state)
{
    struct door d;
    uint8_t out[8], in[8];
    int fd[4];
    door_open(&d, 3, 60000);
    size_t n = frame(out, "a");
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = dial(&d);
        turn(&d, i + 1);
    }
    put(fd[0], out, n);
    assert_int_equal(get(&d, fd[0], in, n), n);
    fd[3] = dial(&d);
    put(fd[3], out, n);
    assert_int_equal(get(&d, fd[3], in, n), n);
    assert_int_equal(get(&d, fd[1], in, 1), 0);
    assert_int_equal(frames_count(d.frames), 3);
    put(fd[0], out, n);
    assert_int_equal(get(&d, fd[0], in, n), n);
    for (size_t i = 0; i < 4; i++)
        close(fd[i]);
    turn(&d, 0);
    door_close(&d);
}

static void test_port_in_use(void **state)
{
    struct door d;
    char error[256] = "";
    door_open(&d, 10, 60000);
    struct frames_options options = {.address = "127.0.0.1", .port = frames_port(d.frames),
                                     .request_max = 10, .reply_max = 10, .conns_max = 1,
                                     .source_max = 1, .idle_ms = 1};
    assert_null(frames_open(&d.loop, &options, answer, &d, error, sizeof error));
    assert_non_null(strstr(error, "is in use by"));
    options.address = "192.0.2.1";
    assert_null(frames_open(&d.loop, &options, answer, &d, error, sizeof error));
    assert_non_null(strstr(error, "192.0.2.1 is no address of this host"));
    door_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline),    cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_idle),
        cmocka_unit_test(test_full),        cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
