/* steady: asks a SIP door over UDP at a steady rate, as a call controller does, and counts the
 * lookups that fail.   steady PORT RATE FIRST COUNT
 *
 * The numbers dialled are +FIRST to +(FIRST + COUNT - 1); each is there, so the only right answer
 * is a 302 whose Contact has that number. An INVITE that is not answered is sent again as RFC 3261,
 * 17.1.1.2 has it, T1 = 500 ms: after T1, 3 T1 and 7 T1, with the same branch. The RFC waits until
 * 64 T1; here a lookup without an answer after 8 T1, 4 s, has failed, for no caller waits longer.
 * An answer of another kind has failed at once. Where this program itself did not run in time, its
 * repeats are as much later, and fewer lookups are begun: what is judged is the door.
 *
 * Each half second a line: asked, answered, failed without an answer, answered wrongly, asked
 * again, the longest wait in ms. Ends with standard input, when the last lookup has its verdict. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define T1    0.5
#define BURST 64.0       /* lookups begun at once, at most */
#define RING  (1u << 18) /* lookups under way: more than those of 8 T1 at any rate */

static const double waits[] = {T1, 2 * T1, 4 * T1, T1}; /* the last of them: for its answer */
#define WAITS (sizeof waits / sizeof *waits)

struct lookup {
    double first, next;
    unsigned tries;
    bool open;
};

static struct lookup ring[RING];
static unsigned long serial, oldest, answered, failed, wrong, again;
static unsigned long first_number, count;
static double longest;
static int fd, own_port;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long number_of(unsigned long n)
{
    return first_number + n * 7919 % count;
}

static void invite(unsigned long n)
{
    char text[1024];
    unsigned long number = number_of(n);
    int size = snprintf(text, sizeof text,
                        "INVITE sip:+%lu@127.0.0.1 SIP/2.0\r\n"
                        "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-%lu\r\n"
                        "From: <sip:1001@127.0.0.1>;tag=%lu\r\n"
                        "To: <sip:+%lu@127.0.0.1>\r\n"
                        "Call-ID: %lu\r\nCSeq: 1 INVITE\r\n"
                        "Contact: <sip:1001@127.0.0.1:%d>\r\n"
                        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
                        number, own_port, n, n, number, n, own_port);
    /* A datagram that the system does not take is a lost one, and is sent again. */
    (void)!send(fd, text, (size_t)size, MSG_DONTWAIT);
}

static void begin(double t)
{
    ring[serial % RING] = (struct lookup){t, t + waits[0], 1, true};
    invite(serial++);
}

static void take(double t)
{
    char text[4096], contact[64];
    ssize_t size;
    while ((size = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0) {
        text[size] = 0;
        const char *id = strstr(text, "\r\nCall-ID: ");
        unsigned long n = id != NULL ? strtoul(id + 11, NULL, 10) : serial;
        struct lookup *l = &ring[n % RING];
        if (n >= serial || n < oldest || !l->open)
            continue;
        l->open = false;
        snprintf(contact, sizeof contact, "\r\nContact: <sip:+%lu@", number_of(n));
        if (strncmp(text, "SIP/2.0 302 ", 12) == 0 && strstr(text, contact) != NULL)
            answered++;
        else if (wrong++ < 5)
            fprintf(stderr, "%.*s\n", (int)strcspn(text, "\r"), text);
        if (t - l->first > longest)
            longest = t - l->first;
    }
}

/* Sends again what waits, and gives up what has waited too long. */
static void watch(double t)
{
    for (unsigned long n = oldest; n < serial; n++) {
        struct lookup *l = &ring[n % RING];
        if (!l->open || t < l->next)
            continue;
        if (l->tries == WAITS) {
            l->open = false;
            failed++;
        } else {
            l->next = t + waits[l->tries++];
            invite(n);
            again++;
        }
    }
    while (oldest < serial && !ring[oldest % RING].open)
        oldest++;
}

static bool open_socket(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET}, own = {.sin_family = AF_INET};
    socklen_t n = sizeof own;
    int room = 4 << 20;
    to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    to.sin_addr.s_addr = own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
        bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &n) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return false;
    own_port = ntohs(own.sin_port);
    return true;
}

static void say(void)
{
    printf("%lu %lu %lu %lu %lu %.0f\n", serial, answered, failed, wrong, again, longest * 1e3);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5 || !open_socket(argv[1]))
        return 1;
    double rate = strtod(argv[2], NULL), began = now(), due = 0, said = began, watched = began;
    bool asking = true;
    first_number = strtoul(argv[3], NULL, 10);
    count = strtoul(argv[4], NULL, 10);
    while (asking || oldest < serial) {
        struct pollfd p[] = {{fd, POLLIN, 0}, {asking ? 0 : -1, POLLIN, 0}};
        poll(p, 2, 1);
        double t = now();
        if (p[1].revents != 0)
            asking = false;
        take(t);
        due = due + (t - began) * rate;
        due = due > BURST ? BURST : due;
        began = t;
        for (; asking && due >= 1 && serial - oldest < RING; due--)
            begin(t);
        if (t - watched >= 0.02 || !asking) {
            watch(t);
            watched = t;
        }
        if (t - said >= 0.5) {
            say();
            said = t;
        }
    }
    say();
    return 0;
}
