/* blast: who asks a DNS server over UDP as fast as it answers, or at a given rate; the same program
 * for both sides.
 *
 *   blast PORT SECONDS window W FIRST COUNT SUFFIX    W questions are open at a time
 *   blast PORT SECONDS rate R FIRST COUNT SUFFIX      R questions a second, whatever comes back
 *   blast PORT SECONDS sum - FIRST COUNT SUFFIX       COUNT/97 questions one by one: what they sum
 *                                                     to, so that two servers can be compared
 *
 * The numbers FIRST .. FIRST + COUNT - 1 are asked for as ENUM has it, in a scattered order, with
 * EDNS. Prints lines `name: value`. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "drops.h"

#define BATCH  32
#define OPEN   65536 /* questions that are told apart */
#define SAMPLE 4000000
#define ROOM   (64 << 20) /* bytes of replies that wait while other programs run */

static uint8_t text[BATCH][512], reply[BATCH][2048], suffix[256];
static size_t suffix_n;
static struct iovec out_iov[BATCH], in_iov[BATCH];
static struct mmsghdr out[BATCH], in[BATCH];
static double asked_at[OPEN];
static float *lag;
static size_t lag_n;
static unsigned long first, count, serial, answered, empty, received_bytes;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t question(uint8_t *p, unsigned id, unsigned long number)
{
    static const uint8_t head[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t tail[] = {0, 35, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    size_t n = sizeof head;
    memcpy(p, head, sizeof head);
    p[0] = (uint8_t)(id >> 8);
    p[1] = (uint8_t)id;
    for (; number > 0; number /= 10) {
        p[n++] = 1;
        p[n++] = (uint8_t)('0' + number % 10);
    }
    memcpy(p + n, suffix, suffix_n);
    n += suffix_n;
    memcpy(p + n, tail, sizeof tail);
    return n + sizeof tail;
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = ROOM;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("blast");
        exit(1);
    }
    return fd;
}

static unsigned send_some(int fd, unsigned n)
{
    double at = now();
    for (unsigned i = 0; i < n; i++) {
        unsigned long which = first + (serial + i) * 7919 % count;
        out_iov[i].iov_len = question(text[i], (unsigned)((serial + i) % OPEN), which);
        asked_at[(serial + i) % OPEN] = at;
    }
    int sent = sendmmsg(fd, out, n, 0);
    serial += sent > 0 ? (unsigned)sent : 0;
    return sent > 0 ? (unsigned)sent : 0;
}

/* What has come; those that are no answer to an open question do not count. */
static unsigned take_some(int fd, int flags)
{
    int got = recvmmsg(fd, in, BATCH, flags, NULL);
    double at = now();
    unsigned fresh = 0;
    for (int i = 0; i < got; i++) {
        unsigned id = (unsigned)(reply[i][0] << 8 | reply[i][1]);
        if (in[i].msg_len < 12 || asked_at[id] == 0)
            continue;
        fresh++;
        if (reply[i][7] != 0)
            answered++;
        else
            empty++;
        received_bytes += in[i].msg_len;
        if (lag_n < SAMPLE)
            lag[lag_n++] = (float)(at - asked_at[id]);
        asked_at[id] = 0;
    }
    return fresh;
}

static int order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void report(int fd, double seconds)
{
    unsigned long all = answered + empty;
    qsort(lag, lag_n, sizeof *lag, order);
    printf("replies_per_s: %.0f\n", (double)all / seconds);
    printf("asked: %lu\nempty: %lu\nlost: %lu\nown_drops: %u\n", serial, empty,
           serial > all ? serial - all : 0, own_drops(fd));
    if (lag_n > 0)
        printf("p50_us: %.1f\np99_us: %.1f\nmost_us: %.1f\n", (double)lag[lag_n / 2] * 1e6,
               (double)lag[lag_n * 99 / 100] * 1e6, (double)lag[lag_n - 1] * 1e6);
    if (all > 0)
        printf("reply_bytes: %.1f\n", (double)received_bytes / (double)all);
}

static void run_window(int fd, double seconds, unsigned window)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    double begun = now(), end = begun + seconds;
    unsigned open = 0;
    while (now() < end) {
        while (open < window) {
            unsigned n = window - open < BATCH ? window - open : BATCH;
            n = send_some(fd, n);
            open += n;
            if (n == 0)
                break;
        }
        if (poll(&wait, 1, 200) == 0) {
            open = 0; /* they are lost: nobody waits for them any more */
            continue;
        }
        unsigned fresh = take_some(fd, MSG_DONTWAIT);
        open = fresh < open ? open - fresh : 0;
    }
    report(fd, now() - begun);
}

static void run_rate(int fd, double seconds, double rate)
{
    double begun = now(), end = begun + seconds;
    for (double at = begun; at < end; at = now()) {
        double due = (at - begun) * rate - (double)serial;
        if (due >= 1)
            send_some(fd, due < BATCH ? (unsigned)due : BATCH);
        take_some(fd, MSG_DONTWAIT);
    }
    for (double last = now(); answered + empty < serial && now() < last + 1;)
        take_some(fd, MSG_DONTWAIT);
    report(fd, seconds);
}

/* The answers without the id, added up: equal sums are equal answers. */
static void run_sum(int fd)
{
    uint64_t sum = 0;
    unsigned long asked = 0;
    struct timeval patience = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (unsigned long i = 0; i < count; i += 97, asked++) {
        size_t n = question(text[0], (unsigned)asked % OPEN, first + i);
        uint64_t h = 14695981039346656037u;
        ssize_t got = -1;
        if (send(fd, text[0], n, 0) == (ssize_t)n)
            got = recv(fd, reply[0], sizeof reply[0], 0);
        for (ssize_t k = 2; k < got; k++)
            h = (h ^ reply[0][k]) * 1099511628211u;
        sum += got > 0 ? h : 0;
    }
    printf("asked: %lu\nsum: %.0f\n", asked, (double)(sum >> 12));
}

int main(int n, char **v)
{
    if (n != 8)
        return 2;
    double seconds = strtod(v[2], NULL);
    lag = malloc(SAMPLE * sizeof *lag);
    first = strtoul(v[5], NULL, 10);
    count = strtoul(v[6], NULL, 10);
    for (const char *p = v[7]; *p != '\0' && suffix_n + strlen(p) + 2 < sizeof suffix;) {
        size_t label = strcspn(p, ".");
        suffix[suffix_n++] = (uint8_t)label;
        memcpy(suffix + suffix_n, p, label);
        suffix_n += label;
        p += label + (p[label] == '.');
    }
    suffix_n++;
    for (size_t i = 0; i < BATCH; i++) {
        out_iov[i].iov_base = text[i];
        out[i].msg_hdr = (struct msghdr){.msg_iov = &out_iov[i], .msg_iovlen = 1};
        in_iov[i] = (struct iovec){reply[i], sizeof reply[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
    int fd = dial((uint16_t)strtoul(v[1], NULL, 10));
    if (strcmp(v[3], "window") == 0)
        run_window(fd, seconds, (unsigned)strtoul(v[4], NULL, 10));
    else if (strcmp(v[3], "rate") == 0)
        run_rate(fd, seconds, strtod(v[4], NULL));
    else
        run_sum(fd);
    free(lag);
    return 0;
}
