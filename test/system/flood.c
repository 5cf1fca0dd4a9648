/* flood: connections from many loopback addresses that never become links. Each is opened anew as
 * soon as the hub closes it, for as long as standard input stays open.
 *
 *     flood HOST TLS_PORT PASSWORD_PORT CONNECTIONS SOURCES [whole]
 *
 * A third are silent, a third stop after half a hello, a third send a hello at one byte a second;
 * half of each go to either port. `whole`: those of the second third send the whole hello, and stop
 * there. The sources are 127.0.1.1, 127.0.1.2 and so on. Every second a line tells what
 * happened since the last: opened, standing, ended by the hub, bytes of it that were read. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "link/frame.h"
#include "link/hello.h"

#define HELLO_ROOM 4096
#define BATCH      512

enum manner { SILENT, HALF, TRICKLE, MANNERS };

struct stub {
    int fd; /* -1: to be opened */
    bool standing;
    size_t said;
};

struct text {
    uint8_t p[HELLO_ROOM];
    size_t n;
};

static struct {
    struct in_addr host;
    uint16_t port[2];
    struct text hello[2];
    bool whole;
    int poll;
    struct stub *stub;
    size_t n, sources, standing;
    unsigned long opened, ended, read;
} flood;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    return realloc(p, new_size);
}

/* What an honest dialler says first on either port. */
static void make_hellos(void)
{
    static const unsigned char alpn[] = "\x05ils/1";
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL *ssl = context != NULL ? SSL_new(context) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (ssl == NULL || in == NULL || out == NULL)
        die("OpenSSL");
    SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
    SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
    SSL_set_bio(ssl, in, out);
    SSL_connect(ssl);
    flood.hello[0].n = (size_t)BIO_read(out, flood.hello[0].p, HELLO_ROOM);
    SSL_free(ssl);
    SSL_CTX_free(context);

    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct buf body, frame;
    struct hello h = {.version_min = LINK_VERSION_MIN,
                      .version_max = LINK_VERSION_MAX,
                      .capabilities = CAPABILITY_RESERVED,
                      .method = METHOD_PASSWORD,
                      .generation = 1};
    buf_init(&body, &mem, HELLO_ROOM);
    buf_init(&frame, &mem, HELLO_ROOM);
    hello_put(&body, &h);
    frame_put(&frame, FRAME_HELLO, buf_slice(&body));
    memcpy(flood.hello[1].p, frame.p, frame.n);
    flood.hello[1].n = frame.n;
    buf_done(&body);
    buf_done(&frame);
}

static size_t port_of(size_t i)
{
    return i / MANNERS % 2;
}

static void stub_close(struct stub *s)
{
    if (s->fd >= 0)
        close(s->fd);
    flood.standing -= s->standing;
    s->fd = -1;
    s->standing = false;
    s->said = 0;
}

static void stub_open(size_t i)
{
    struct stub *s = &flood.stub[i];
    unsigned source = (unsigned)(i % flood.sources);
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7f000101u + (source / 250 << 8) + source % 250)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr = flood.host,
                             .sin_port = htons(flood.port[port_of(i)])};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u64 = i};
    int on = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        die("socket");
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(s->fd, (struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        stub_close(s); /* in a second */
        return;
    }
    if (epoll_ctl(flood.poll, EPOLL_CTL_ADD, s->fd, &event) != 0)
        die("epoll_ctl");
}

static void stub_say(size_t i, size_t until)
{
    struct stub *s = &flood.stub[i];
    const struct text *hello = &flood.hello[port_of(i)];
    if (until > hello->n)
        until = hello->n;
    ssize_t n = s->said < until ? send(s->fd, hello->p + s->said, until - s->said, MSG_NOSIGNAL)
                                : 0;
    if (n > 0)
        s->said += (size_t)n;
}

static void stub_stands(size_t i)
{
    struct stub *s = &flood.stub[i];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    s->standing = true;
    flood.standing++;
    flood.opened++;
    epoll_ctl(flood.poll, EPOLL_CTL_MOD, s->fd, &event);
    if (i % MANNERS == HALF)
        stub_say(i, flood.hello[port_of(i)].n / (flood.whole ? 1 : 2));
}

static void stub_event(size_t i, uint32_t events)
{
    struct stub *s = &flood.stub[i];
    char bytes[1024];
    ssize_t n = -1;
    if (!s->standing && (events & (EPOLLERR | EPOLLHUP)) == 0 && (events & EPOLLOUT) != 0)
        stub_stands(i);
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0)
        return;
    while (s->standing && (n = recv(s->fd, bytes, sizeof bytes, 0)) > 0)
        flood.read += (unsigned long)n;
    if (n < 0 && s->standing && errno == EAGAIN)
        return;
    flood.ended += s->standing;
    stub_close(s);
    stub_open(i);
}

static void every_second(void)
{
    static unsigned long second;
    for (size_t i = 0; i < flood.n; i++) {
        struct stub *s = &flood.stub[i];
        if (s->fd < 0)
            stub_open(i);
        else if (s->standing && i % MANNERS == TRICKLE)
            stub_say(i, s->said + 1);
    }
    printf("{\"second\": %lu, \"opened\": %lu, \"standing\": %zu, \"ended\": %lu, "
           "\"read\": %lu}\n",
           second++, flood.opened, flood.standing, flood.ended, flood.read);
    fflush(stdout);
    flood.opened = flood.ended = flood.read = 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(void)
{
    static struct epoll_event events[BATCH];
    double next = now() + 1;
    for (size_t i = 0; i < flood.n; i++)
        stub_open(i);
    for (;;) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        double left = next - now();
        int n = epoll_wait(flood.poll, events, BATCH, left > 0 ? (int)(left * 1000) + 1 : 0);
        for (int i = 0; i < n; i++)
            stub_event((size_t)events[i].data.u64, events[i].events);
        if (now() < next)
            continue;
        next += 1;
        every_second();
        if (poll(&in, 1, 0) > 0)
            return; /* closed */
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc < 6 || argc > 7 || inet_pton(AF_INET, argv[1], &flood.host) != 1) {
        fputs("flood HOST TLS_PORT PASSWORD_PORT CONNECTIONS SOURCES [whole]\n", stderr);
        return 64;
    }
    flood.port[0] = (uint16_t)strtoul(argv[2], NULL, 10);
    flood.port[1] = (uint16_t)strtoul(argv[3], NULL, 10);
    flood.n = strtoul(argv[4], NULL, 10);
    flood.sources = strtoul(argv[5], NULL, 10);
    flood.whole = argc > 6;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < flood.n + 16 || flood.sources == 0) {
        fprintf(stderr, "flood: %lu files may be open\n", (unsigned long)files.rlim_cur);
        return 2;
    }
    make_hellos();
    flood.poll = epoll_create1(EPOLL_CLOEXEC);
    flood.stub = calloc(flood.n, sizeof *flood.stub);
    if (flood.poll < 0 || flood.stub == NULL)
        die("flood");
    run();
    return 0;
}
