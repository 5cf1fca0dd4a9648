/* lag: how long a door lets a question wait that comes when it comes: RATE a second, whatever comes
 * back, each counted from the moment at which it was due.
 *
 *   lag sip PORT SECONDS RATE N      INVITEs over UDP
 *   lag http PORT SECONDS RATE N     GET /v1/lookup on 16 connections that stay
 *   lag dnstcp PORT SECONDS RATE N   NAPTR questions (ENUM) on one connection
 *
 * The keys are those of a benchmark's import of N rows (ours.py), in a scattered order. Prints
 * lines `name: value`. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CONNS  16
#define OPEN   65536 /* questions that are told apart */
#define SAMPLE 4000000

struct conn {
    int fd;
    bool busy; /* HTTP: one at a time */
    double due;
    char in[65536];
    size_t have;
};

static struct conn conn[CONNS];
static size_t conn_n;
static double due_of[OPEN];
static float *lag;
static size_t lag_n;
static unsigned long n, asked, own_port;
static enum { SIP, HTTP, DNSTCP } kind;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "lag: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int on = 1, room = 4 << 20;
    int fd = socket(AF_INET, kind == SIP ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (kind != SIP)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    getsockname(fd, (struct sockaddr *)&a, &size);
    own_port = ntohs(a.sin_port);
    return fd;
}

static size_t question(char *dst, size_t size, unsigned long serial)
{
    static const uint8_t head[] = {0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    static const char suffix[] = "\3ils\10internal\0\0\43\0\1"; /* NAPTR, IN */
    unsigned long i = serial * 2654435761u % n;
    if (kind == HTTP)
        return (size_t)snprintf(dst, size,
                                "GET /v1/lookup?dialed=user%07lu@site%03lu.example.com HTTP/1.1\r\n"
                                "Host: localhost\r\n\r\n", i, i % 1000);
    if (kind == SIP)
        return (size_t)snprintf(dst, size,
                                "INVITE sip:user%07lu@site%03lu.example.com SIP/2.0\r\n"
                                "Via: SIP/2.0/UDP 127.0.0.1:%lu;branch=z9hG4bK%lu\r\n"
                                "From: <sip:lag@127.0.0.1>;tag=%lu\r\nTo: <sip:a@127.0.0.1>\r\n"
                                "Call-ID: %lu\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
                                "Content-Length: 0\r\n\r\n",
                                i, i % 1000, own_port, serial, serial, serial % OPEN);
    memcpy(dst, head, sizeof head);
    dst[2] = (char)(serial >> 8);
    dst[3] = (char)serial;
    size_t at = sizeof head;
    for (unsigned long digits = 81000000000 + i; digits > 0; digits /= 10) {
        dst[at++] = 1;
        dst[at++] = (char)('0' + digits % 10);
    }
    memcpy(dst + at, suffix, sizeof suffix - 1);
    at += sizeof suffix - 1;
    dst[0] = (char)((at - 2) >> 8);
    dst[1] = (char)(at - 2);
    return at;
}

static void arrived(double due)
{
    if (lag_n < SAMPLE)
        lag[lag_n++] = (float)(now() - due);
}

/* Bytes of the first reply, 0: it is not whole; takes its time. */
static size_t reply(struct conn *c)
{
    if (kind == DNSTCP) {
        size_t size = c->have < 4 ? 0 : ((size_t)(uint8_t)c->in[0] << 8 | (uint8_t)c->in[1]) + 2;
        if (size == 0 || size > c->have)
            return 0;
        arrived(due_of[(size_t)(uint8_t)c->in[2] << 8 | (uint8_t)c->in[3]]);
        return size;
    }
    c->in[c->have] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL)
        return 0;
    if (kind == SIP) {
        const char *id = strstr(c->in, "\r\nCall-ID: ");
        if (id == NULL)
            die("a reply without Call-ID");
        arrived(due_of[strtoul(id + 11, NULL, 10) % OPEN]);
        return c->have;
    }
    const char *length = strcasestr(c->in, "\r\nContent-Length: ");
    size_t whole = (size_t)(end + 4 - c->in) +
                   (length != NULL && length < end ? strtoul(length + 18, NULL, 10) : 0);
    if (whole > c->have)
        return 0;
    if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0)
        die(c->in);
    arrived(c->due);
    c->busy = false;
    return whole;
}

static void take(struct conn *c)
{
    ssize_t got;
    while ((got = recv(c->fd, c->in + c->have, sizeof c->in - 1 - c->have, MSG_DONTWAIT)) > 0) {
        c->have += (size_t)got;
        for (size_t size; (size = reply(c)) > 0;) {
            c->have -= size;
            memmove(c->in, c->in + size, c->have);
        }
    }
    if (got == 0)
        die("the door ended a connection");
}

static struct conn *idle(void)
{
    for (size_t i = 0; i < conn_n; i++)
        if (!conn[i].busy)
            return &conn[i];
    return NULL;
}

/* Asks what is due. */
static void ask(double begun, double rate, double t)
{
    char text[1024];
    for (struct conn *c; begun + (double)asked / rate <= t && (c = idle()) != NULL; asked++) {
        double due = begun + (double)asked / rate;
        size_t size = question(text, sizeof text, asked);
        if (kind == HTTP) {
            c->due = due;
            c->busy = true;
        } else {
            due_of[asked % OPEN] = due;
        }
        if (send(c->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
            die("send");
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 64;
    kind = strcmp(argv[1], "sip") == 0 ? SIP : strcmp(argv[1], "http") == 0 ? HTTP : DNSTCP;
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    n = strtoul(argv[5], NULL, 10);
    lag = malloc(SAMPLE * sizeof *lag);
    conn_n = kind == HTTP ? CONNS : 1;
    struct pollfd fds[CONNS];
    for (size_t i = 0; i < conn_n; i++) {
        conn[i].fd = dial((uint16_t)strtoul(argv[2], NULL, 10));
        fds[i] = (struct pollfd){.fd = conn[i].fd, .events = POLLIN};
    }
    double begun = now(), t;
    while ((t = now()) < begun + seconds + 2) {
        if (t < begun + seconds)
            ask(begun, rate, t);
        else if (lag_n == asked)
            break;
        struct timespec wait = {.tv_nsec = 50000};
        ppoll(fds, conn_n, &wait, NULL);
        for (size_t i = 0; i < conn_n; i++)
            take(&conn[i]);
    }
    qsort(lag, lag_n, sizeof *lag, by_size);
    printf("asked: %lu\nunanswered: %zu\n", asked, (size_t)asked - lag_n);
    if (lag_n > 0)
        printf("p50_us: %.1f\np99_us: %.1f\nmost_us: %.1f\n", 1e6 * (double)lag[lag_n / 2],
               1e6 * (double)lag[lag_n * 99 / 100], 1e6 * (double)lag[lag_n - 1]);
    return 0;
}
