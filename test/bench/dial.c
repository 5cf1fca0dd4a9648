/* dial: who dials numbers of a file over SIP as fast as a server answers; the same program for both
 * sides.
 *
 *   dial PORT FILE window W SECONDS    W calls are open at a time
 *   dial PORT FILE rate R SECONDS      R calls a second, whatever comes back
 *   dial PORT FILE each                every number once, one after the other: prints for each the
 *                                      status and the Contact of the reply
 *
 * One number a line. Prints lines `name: value`. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drops.h"

#define WINDOW_MAX 256
#define BATCH      32
#define LINE       32 /* bytes of a number at most */
#define OPEN       (1u << 20) /* calls that are told apart */
#define SAMPLE     4000000
#define ROOM       (64 << 20) /* bytes of replies that wait while other programs run */

static char (*number)[LINE];
static size_t number_n;
static unsigned port_mine;
static char text[BATCH][1024], reply[BATCH][2048];
static struct iovec out_iov[BATCH], in_iov[BATCH];
static struct mmsghdr out[BATCH], in[BATCH];
static double asked_at[OPEN];
static float *lag;
static size_t lag_n;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void numbers_read(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t room = 0;
    char line[LINE];
    if (file == NULL)
        die(path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (number_n == room) {
            room = room == 0 ? 1024 : room * 2;
            number = realloc(number, room * sizeof *number);
            if (number == NULL)
                die("memory");
        }
        memcpy(number[number_n++], line, sizeof line);
    }
    fclose(file);
    if (number_n == 0)
        die("no number");
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)}, mine;
    socklen_t n = sizeof mine;
    int room = ROOM;
    struct timeval wait = {.tv_usec = 200000};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        getsockname(fd, (struct sockaddr *)&mine, &n) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    port_mine = ntohs(mine.sin_port);
    return fd;
}

static size_t invite(char *p, size_t size, const char *to, unsigned id)
{
    int n = snprintf(p, size,
                     "INVITE sip:%s@127.0.0.1 SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%08x\r\n"
                     "From: <sip:a@b.example>;tag=%x\r\nTo: <sip:%s@127.0.0.1>\r\n"
                     "Call-ID: %08x@c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:%u>\r\n"
                     "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
                     to, port_mine, id, id, to, id, port_mine);
    return (size_t)n;
}

static void each(int fd)
{
    for (size_t i = 0; i < number_n; i++) {
        ssize_t n = -1;
        size_t size = invite(text[0], sizeof text[0], number[i], (unsigned)i);
        for (int go = 0; go < 300 && n < 0; go++) {
            if (go > 0)
                usleep(200000); /* nobody is there yet */
            if (send(fd, text[0], size, 0) == (ssize_t)size)
                n = recv(fd, reply[0], sizeof reply[0] - 1, 0);
        }
        if (n < 12)
            die(number[i]);
        reply[0][n] = '\0';
        const char *contact = strstr(reply[0], "\r\nContact: ");
        printf("%s %.3s %.*s\n", number[i], reply[0] + 8,
               contact != NULL ? (int)strcspn(contact + 11, "\r") : 1,
               contact != NULL ? contact + 11 : "-");
    }
}

static void prepare(void)
{
    for (size_t i = 0; i < BATCH; i++) {
        out_iov[i].iov_base = text[i];
        in_iov[i] = (struct iovec){reply[i], sizeof reply[i] - 1};
        out[i].msg_hdr = (struct msghdr){.msg_iov = &out_iov[i], .msg_iovlen = 1};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
}

/* Dials the next n. */
static void send_some(int fd, unsigned *id, unsigned n)
{
    double at = now();
    for (unsigned i = 0; i < n; i++, ++*id) {
        asked_at[*id % OPEN] = at;
        out_iov[i].iov_len = invite(text[i], sizeof text[i],
                                    number[(uint64_t)*id * 2654435761u % number_n], *id);
    }
    if (n > 0 && sendmmsg(fd, out, n, 0) != (int)n)
        die("sendmmsg");
}

static void window(int fd, unsigned open_max, double seconds)
{
    unsigned id = 0, open = 0;
    unsigned long good = 0, other = 0, lost = 0;
    double from = now(), end = from + seconds;
    while (now() < end) {
        unsigned n = open_max - open < BATCH ? open_max - open : BATCH;
        send_some(fd, &id, n);
        open += n;
        int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
        if (got <= 0) { /* for 0.2 s: none of them will come */
            lost += open;
            open = 0;
            continue;
        }
        for (int i = 0; i < got; i++) {
            bool found = in[i].msg_len > 12 && memcmp(reply[i] + 8, "302", 3) == 0;
            good += found;
            other += !found;
        }
        open -= (unsigned)got < open ? (unsigned)got : open;
    }
    printf("replies_per_s: %.0f\nother: %lu\nlost: %lu\n", (double)good / (now() - from), other,
           lost);
}

/* Takes what has come; counts the redirects. ret: how many replies. */
static unsigned take_some(int fd, unsigned long *good)
{
    int got = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
    double at = now();
    for (int i = 0; i < got; i++) {
        reply[i][in[i].msg_len] = '\0';
        const char *call = strstr(reply[i], "\r\nCall-ID: ");
        if (call == NULL)
            die("a reply without Call-ID");
        *good += memcmp(reply[i] + 8, "302", 3) == 0;
        if (lag_n < SAMPLE)
            lag[lag_n++] = (float)(at - asked_at[strtoul(call + 11, NULL, 16) % OPEN]);
    }
    return got > 0 ? (unsigned)got : 0;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void rate(int fd, double a_second, double seconds)
{
    unsigned id = 0;
    unsigned long good = 0, all = 0;
    lag = malloc(SAMPLE * sizeof *lag);
    if (lag == NULL)
        die("memory");
    double from = now(), last = from;
    for (double at = from; at < from + seconds; at = now()) {
        double due = (at - from) * a_second - id;
        if (due >= 1)
            send_some(fd, &id, due < BATCH ? (unsigned)due : BATCH);
        all += take_some(fd, &good);
    }
    for (last = now(); all < id && now() < last + 1;)
        all += take_some(fd, &good);
    qsort(lag, lag_n, sizeof *lag, by_size);
    printf("asked: %u\nother: %lu\nlost: %lu\nown_drops: %u\n", id, all - good, id - all,
           own_drops(fd));
    if (lag_n > 0)
        printf("p50_us: %.1f\np99_us: %.1f\nmost_us: %.1f\n", 1e6 * (double)lag[lag_n / 2],
               1e6 * (double)lag[lag_n * 99 / 100], 1e6 * (double)lag[lag_n - 1]);
    free(lag);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        fprintf(stderr, "dial PORT FILE each|window W SECONDS|rate R SECONDS\n");
        return 2;
    }
    int fd = dial((uint16_t)strtoul(argv[1], NULL, 10));
    numbers_read(argv[2]);
    prepare();
    if (argc == 4)
        each(fd);
    else if (strcmp(argv[3], "rate") == 0)
        rate(fd, strtod(argv[4], NULL), strtod(argv[5], NULL));
    else if (strtoul(argv[4], NULL, 10) - 1 < WINDOW_MAX)
        window(fd, (unsigned)strtoul(argv[4], NULL, 10), strtod(argv[5], NULL));
    close(fd);
    return 0;
}
