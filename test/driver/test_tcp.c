/* Connections over real loopback sockets: both ends live on one loop. */
#include "driver/address.h"
#include "driver/tcp.h"
#include "temp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define LINK 7u
#define TAG  3u

struct end {
    uint32_t link; /* the last one */
    unsigned connected, accepted, down, rooms;
    enum tcp_reason reason;
    struct tcp_address peer, local;
    size_t bytes, lowest_room;
    uint64_t sum; /* of all bytes, position by position */
    char text[64];
};

struct net {
    uv_loop_t loop;
    struct tcp *tcp;
    struct tcp_listener *listener;
    uint16_t port;
    struct end opened, accepted;
    bool stopped;
    size_t close_on_accept; /* bytes to send and then to close */
    bool slow;              /* room is told above the low-water mark as well, and never rises */
};

static struct end *end_of(struct net *n, uint32_t link)
{
    return (link & TCP_ACCEPTED) != 0 ? &n->accepted : &n->opened;
}

static void on_accepted(void *context, uint32_t link, unsigned tag,
                        const struct tcp_address *peer, const struct tcp_address *local)
{
    struct net *n = context;
    assert_true((link & TCP_ACCEPTED) != 0);
    n->accepted.link = link;
    assert_int_equal(tag, TAG);
    n->accepted.accepted++;
    n->accepted.peer = *peer;
    n->accepted.local = *local;
    if (n->close_on_accept > 0) {
        uint8_t *bytes = calloc(1, n->close_on_accept);
        tcp_send(n->tcp, link, slice_make(bytes, n->close_on_accept));
        tcp_close(n->tcp, link);
        free(bytes);
    }
}

static void on_connected(void *context, uint32_t link, const struct tcp_address *peer,
                         const struct tcp_address *local)
{
    struct net *n = context;
    n->opened.link = link;
    n->opened.connected++;
    n->opened.peer = *peer;
    n->opened.local = *local;
}

static void on_data(void *context, uint32_t link, struct slice bytes)
{
    struct end *e = end_of(context, link);
    for (size_t i = 0; i < bytes.n; i++)
        e->sum += (e->bytes + i + 1) * bytes.p[i];
    for (size_t i = 0; i < bytes.n && e->bytes + i < sizeof e->text - 1; i++)
        e->text[e->bytes + i] = (char)bytes.p[i];
    e->bytes += bytes.n;
}

static void on_room(void *context, uint32_t link, size_t pending)
{
    struct end *e = end_of(context, link);
    e->rooms++;
    assert_true(((struct net *)context)->slow ? e->rooms == 1 || pending <= e->lowest_room
                                              : pending <= TCP_LOW_WATER);
    e->lowest_room = pending;
}

static void on_down(void *context, uint32_t link, enum tcp_reason reason)
{
    struct end *e = end_of(context, link);
    e->down++;
    e->reason = reason;
}

static const struct tcp_events events = {on_accepted, on_connected, on_data, on_room, on_down};

static void net_open(struct net *n, const char *address)
{
    int code = 0;
    char error[256] = "";
    memset(n, 0, sizeof *n);
    assert_int_equal(uv_loop_init(&n->loop), 0);
    n->tcp = tcp_new(&n->loop, &events, n);
    if (address == NULL)
        return;
    n->listener = tcp_listen(n->tcp, address, 0, TAG, &code, error, sizeof error);
    if (n->listener == NULL)
        print_error("%s\n", error);
    assert_non_null(n->listener);
    n->port = tcp_listener_port(n->listener);
    assert_int_not_equal(n->port, 0);
}

static void on_stopped(void *context)
{
    ((struct net *)context)->stopped = true;
}

static void net_close(struct net *n)
{
    if (n->listener != NULL)
        tcp_unlisten(n->listener);
    tcp_stop(n->tcp, on_stopped, n);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    assert_true(n->stopped);
    assert_int_equal(uv_loop_close(&n->loop), 0);
}

#define run_until(n, condition)                                                                    \
    while (!(condition))                                                                           \
    uv_run(&(n)->loop, UV_RUN_ONCE)

static void connect_both(struct net *n, const char *host)
{
    tcp_open(n->tcp, LINK, slice_of(host), n->port);
    run_until(n, n->opened.connected + n->opened.down > 0 && n->accepted.accepted > 0);
    assert_int_equal(n->opened.connected, 1);
}

static void test_there_and_back(void **state)
{
    struct net n;
    net_open(&n, "127.0.0.1");
    connect_both(&n, "127.0.0.1");
    assert_string_equal(n.opened.peer.ip, "127.0.0.1");
    assert_int_equal(n.opened.peer.port, n.port);
    assert_string_equal(n.accepted.peer.ip, "127.0.0.1");
    assert_int_equal(n.accepted.peer.port, n.opened.local.port);
    assert_int_equal(n.accepted.local.port, n.port);
    tcp_send(n.tcp, LINK, slice_of("there"));
    tcp_send(n.tcp, n.accepted.link, slice_of("back"));
    run_until(&n, n.accepted.bytes == 5 && n.opened.bytes == 4 && n.opened.rooms > 0);
    assert_string_equal(n.accepted.text, "there");
    assert_string_equal(n.opened.text, "back");
    assert_int_equal(n.opened.lowest_room, 0);
    tcp_close(n.tcp, LINK);
    run_until(&n, n.accepted.down > 0);
    assert_int_equal(n.accepted.reason, TCP_CLOSED);
    net_close(&n);
    assert_int_equal(n.opened.down, 0); /* not said after tcp_close */
}

static void test_other_addresses(void **state)
{
    static const struct {
        const char *listen, *dial, *shown;
    } cases[] = {
        {"::", "127.0.0.1", "127.0.0.1"},
        {"::", "::1", "::1"},
        {"::1", "::1", "::1"},
        {"::", "localhost", NULL},
        {"127.0.0.1", "localhost", "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net n;
        net_open(&n, cases[i].listen);
        connect_both(&n, cases[i].dial);
        if (cases[i].shown != NULL) {
            assert_string_equal(n.accepted.peer.ip, cases[i].shown);
            assert_string_equal(n.accepted.local.ip, cases[i].shown);
        }
        net_close(&n);
    }
}

static void test_much_with_room(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 };
    struct net n;
    uint8_t *bytes = malloc(SIZE);
    uint64_t sum = 0;
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
        sum += (i + 1) * bytes[i];
    }
    net_open(&n, "127.0.0.1");
    connect_both(&n, "127.0.0.1");
    n.slow = true;
    for (size_t at = 0; at < SIZE; at += SIZE / 64)
        tcp_send(n.tcp, LINK, slice_make(bytes + at, SIZE / 64));
    memset(bytes, 0, SIZE);
    run_until(&n, n.accepted.bytes == SIZE && n.opened.lowest_room == 0 && n.opened.rooms >= 2);
    assert_true(n.accepted.sum == sum);
    assert_true(n.opened.rooms >= 2); /* at the low-water mark, and at zero */
    free(bytes);
    net_close(&n);
}

static void on_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* window: bytes that he has room for; 0: as the kernel does. */
static int stranger(const struct net *n, int window)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(n->port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (window != 0)
        assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    assert_int_equal(connect(s, (struct sockaddr *)&to, sizeof to), 0);
    return s;
}

static void read_some(struct net *n, int s, uint8_t *block, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(s, block, size, MSG_DONTWAIT);
        size -= got > 0 ? (size_t)got : 0;
        uv_run(&n->loop, UV_RUN_NOWAIT);
    }
}

/* One long write to somebody who does not read: a window of zero. What the kernel took is told,
 * then nothing; and again when he reads a part. */
static void test_zero_window(void **state)
{
    enum { SIZE = 96 * 1024 * 1024 }; /* half of it is more than kernels take: 32 and 4 MiB */
    struct net n;
    uv_timer_t timer;
    bool over = false;
    uint8_t *bytes = calloc(1, SIZE);
    net_open(&n, "127.0.0.1");
    n.slow = true;
    int s = stranger(&n, 0);
    run_until(&n, n.accepted.accepted > 0);
    tcp_send(n.tcp, n.accepted.link, slice_make(bytes, SIZE));
    run_until(&n, n.accepted.rooms > 0);
    size_t stuck = n.accepted.lowest_room;
    assert_true(stuck > TCP_LOW_WATER && stuck < SIZE);
    uv_timer_init(&n.loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_over, 3500, 0);
    run_until(&n, over);
    assert_true(n.accepted.lowest_room == stuck && n.accepted.rooms == 1);
    read_some(&n, s, bytes, SIZE / 2);
    run_until(&n, n.accepted.lowest_room < stuck);
    assert_true(n.accepted.lowest_room > TCP_LOW_WATER);
    read_some(&n, s, bytes, SIZE - SIZE / 2);
    run_until(&n, n.accepted.lowest_room == 0);
    uv_close((uv_handle_t *)&timer, NULL);
    close(s);
    free(bytes);
    net_close(&n);
}

/* Somebody with a small window who reads little: the kernel, which has megabytes for him, takes no
 * more for a long time, and yet he takes something. */
static void test_little_by_little(void **state)
{
    enum { SIZE = 16 * 1024 * 1024, WINDOW = 16384 };
    struct net n;
    uint8_t *bytes = calloc(1, SIZE);
    net_open(&n, "127.0.0.1");
    n.slow = true;
    int s = stranger(&n, WINDOW);
    run_until(&n, n.accepted.accepted > 0);
    tcp_send(n.tcp, n.accepted.link, slice_make(bytes, SIZE));
    run_until(&n, n.accepted.rooms > 0);
    size_t stuck = n.accepted.lowest_room;
    for (unsigned i = 1; i <= 2; i++) {
        read_some(&n, s, bytes, 2 * WINDOW);
        run_until(&n, n.accepted.rooms > i);
        assert_true(n.accepted.lowest_room == stuck);
    }
    close(s);
    free(bytes);
    net_close(&n);
}

static void test_last_words_arrive(void **state)
{
    struct net n;
    net_open(&n, "127.0.0.1");
    n.close_on_accept = 3000000;
    tcp_open(n.tcp, LINK, slice_of("127.0.0.1"), n.port);
    tcp_send(n.tcp, LINK, slice_of("too early: nobody promised to take this"));
    run_until(&n, n.opened.connected > 0);
    tcp_send(n.tcp, LINK, slice_of("unread by the other end"));
    run_until(&n, n.opened.down > 0);
    assert_int_equal(n.opened.reason, TCP_CLOSED);
    assert_int_equal(n.opened.bytes, 3000000);
    net_close(&n);
    assert_int_equal(n.accepted.down, 0);
}

static void assert_fails(const char *host, uint16_t port, enum tcp_reason reason)
{
    struct net n;
    net_open(&n, NULL);
    tcp_open(n.tcp, LINK, slice_of(host), port);
    assert_int_equal(n.opened.down, 0); /* never from inside the call */
    run_until(&n, n.opened.down > 0);
    assert_int_equal(n.opened.reason, reason);
    tcp_send(n.tcp, LINK, slice_of("nobody"));
    tcp_close(n.tcp, LINK);
    net_close(&n);
    assert_int_equal(n.opened.down, 1);
}

static uint16_t closed_port(void)
{
    struct net n;
    net_open(&n, "127.0.0.1");
    uint16_t port = n.port;
    net_close(&n);
    return port;
}

static void test_refused(void **state)
{
    assert_fails("127.0.0.1", closed_port(), TCP_REFUSED);
    assert_fails("localhost", closed_port(), TCP_REFUSED);
}

static void test_unresolved(void **state)
{
    assert_fails("no-such-host.invalid", 7502, TCP_UNRESOLVED);
    assert_fails("", 7502, TCP_UNRESOLVED);
    char endless[400];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_fails(endless, 7502, TCP_UNRESOLVED);
}

/* A socket whose queue is full answers nothing: the dialling end gives up by itself. */
static void test_no_answer(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), filler[8];
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&a, &size);
    for (size_t i = 0; i < 8; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&a, sizeof a);
    }
    assert_fails("127.0.0.1", ntohs(a.sin_port), TCP_TIMEOUT);
    for (size_t i = 0; i < 8; i++)
        close(filler[i]);
    close(listener);
}

static int raw_connect(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void test_reset(void **state)
{
    struct net n;
    struct linger at_once = {1, 0};
    net_open(&n, "127.0.0.1");
    int fd = raw_connect(n.port);
    run_until(&n, n.accepted.accepted > 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    run_until(&n, n.accepted.down > 0);
    assert_int_equal(n.accepted.reason, TCP_RESET);
    net_close(&n);
}

/* Who does not read does not keep the closing end for ever. */
static void test_close_without_reader(void **state)
{
    struct net n;
    net_open(&n, "127.0.0.1");
    n.close_on_accept = 32 * 1024 * 1024;
    int fd = raw_connect(n.port);
    run_until(&n, n.accepted.accepted > 0);
    net_close(&n);
    close(fd);
}

static void test_port_in_use(void **state)
{
    struct net n;
    int code = 0;
    char error[256] = "", pid[32];
    net_open(&n, "127.0.0.1");
    assert_null(tcp_listen(n.tcp, "127.0.0.1", n.port, 0, &code, error, sizeof error));
    assert_int_equal(code, UV_EADDRINUSE);
    snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    assert_non_null(strstr(error, "in use by"));
    assert_non_null(strstr(error, pid));
    assert_null(tcp_listen(n.tcp, "192.0.2.1", n.port, 0, &code, error, sizeof error));
    assert_non_null(strstr(error, "192.0.2.1"));
    assert_null(tcp_listen(n.tcp, "nonsense", n.port, 0, &code, error, sizeof error));
    net_close(&n);
}

static void test_no_descriptors_left(void **state)
{
    struct net n;
    struct rlimit former, small;
    net_open(&n, "127.0.0.1");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
    int first = raw_connect(n.port);
    run_until(&n, n.accepted.accepted == 1);
    int second = raw_connect(n.port);
    int next = fcntl(first, F_DUPFD, 0); /* the lowest that is free */
    close(next);
    small = former;
    small.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    for (int i = 0; i < 20; i++) /* turns without a new link, and without harm */
        uv_run(&n.loop, UV_RUN_NOWAIT);
    assert_int_equal(n.accepted.accepted, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
    int third = raw_connect(n.port);
    run_until(&n, n.accepted.accepted >= 2);
    close(first);
    close(second);
    close(third);
    net_close(&n);
}

/* Who comes when there is no room takes the place of one that is only being closed; his last words
 * may be lost with it. Places that nobody leaves are not taken. */
static void test_room_of_the_closing(void **state)
{
    enum { CLIENTS = 60 };
    struct net n;
    struct rlimit former, small;
    int fd[CLIENTS];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
    small = former;
    small.rlim_cur = 128 + 20;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    net_open(&n, "127.0.0.1");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
    assert_int_equal(tcp_most(n.tcp), 20);
    n.close_on_accept = 1;
    for (unsigned i = 0; i < CLIENTS; i++) {
        fd[i] = raw_connect(n.port);
        run_until(&n, n.accepted.accepted == i + 1);
        uv_run(&n.loop, UV_RUN_NOWAIT);
        assert_true(tcp_count(n.tcp) <= 20);
    }
    n.close_on_accept = 0;
    run_until(&n, tcp_count(n.tcp) == 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fd[i]);
    n.accepted.accepted = 0;
    for (unsigned i = 0; i < 30; i++) {
        char byte;
        fd[i] = raw_connect(n.port);
        for (unsigned turn = 0; i < 20 ? n.accepted.accepted == i : turn < 5; turn++)
            uv_run(&n.loop, i < 20 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        if (i >= 20)
            assert_int_equal(recv(fd[i], &byte, 1, 0), 0);
    }
    assert_int_equal(n.accepted.accepted, 20);
    assert_int_equal(tcp_count(n.tcp), 20);
    for (unsigned i = 0; i < 30; i++)
        close(fd[i]);
    net_close(&n);
}

/* Nobody waits for the end of stream of one to whom nothing was said. */
static void test_close_of_the_silent(void **state)
{
    struct net n;
    char byte;
    net_open(&n, "127.0.0.1");
    int fd = raw_connect(n.port);
    run_until(&n, n.accepted.accepted > 0);
    tcp_close(n.tcp, n.accepted.link);
    for (int i = 0; i < 3; i++)
        uv_run(&n.loop, UV_RUN_NOWAIT);
    assert_int_equal(tcp_count(n.tcp), 0);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    net_close(&n);
}

/* However many wait, a turn of the loop takes some of them only; in the end all are taken. */
static void test_turns(void **state)
{
    enum { CLIENTS = 300 };
    struct net n;
    int fd[CLIENTS];
    net_open(&n, "127.0.0.1");
    for (unsigned i = 0; i < CLIENTS; i++)
        fd[i] = raw_connect(n.port);
    unsigned turns = 0;
    while (n.accepted.accepted < CLIENTS) {
        unsigned before = n.accepted.accepted;
        uv_run(&n.loop, UV_RUN_ONCE);
        assert_true(n.accepted.accepted - before <= 65);
        turns++;
    }
    assert_true(turns > 3);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fd[i]);
    net_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_other_addresses),
        cmocka_unit_test(test_much_with_room),
        cmocka_unit_test(test_zero_window),
        cmocka_unit_test(test_little_by_little),
        cmocka_unit_test(test_last_words_arrive),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unresolved),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_close_without_reader),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_no_descriptors_left),
        cmocka_unit_test(test_room_of_the_closing),
        cmocka_unit_test(test_close_of_the_silent),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
