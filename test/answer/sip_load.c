/* sip_load: asks a SIP door over UDP as fast as it answers, a window of INVITEs at a time, and says
 * how many replies came a second and what they were.   sip_load PORT SECONDS [FIRST [COUNT]]
 * The numbers dialled are FIRST .. FIRST + COUNT - 1 in a scattered order. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH  64
#define WINDOW 512 /* asked and not yet answered: less than a socket's buffer holds */

static char text[BATCH][1024];
static struct iovec iov[BATCH], reply_iov[BATCH];
static struct mmsghdr out[BATCH], in[BATCH];
static char reply[BATCH][2048];

static size_t request(char *dst, size_t size, unsigned long number, unsigned long serial, int port)
{
    static const char sdp[] = "v=0\r\no=u 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
    return (size_t)snprintf(dst, size,
                            "INVITE sip:%lu@127.0.0.1 SIP/2.0\r\n"
                            "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-4711-%lu-0\r\n"
                            "From: load <sip:1001@127.0.0.1>;tag=4711load%lu\r\n"
                            "To: <sip:%lu@127.0.0.1>\r\n"
                            "Call-ID: %lu-4711@127.0.0.1\r\n"
                            "CSeq: 1 INVITE\r\n"
                            "Contact: <sip:1001@127.0.0.1:%d>\r\n"
                            "Max-Forwards: 70\r\n"
                            "Content-Type: application/sdp\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            number, port, serial, serial, number, serial, port, sizeof sdp - 1,
                            sdp);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET}, own = {.sin_family = AF_INET};
    socklen_t n = sizeof own;
    struct timeval patience = {.tv_usec = 200000};
    unsigned long serial = 0, found = 0, other = 0, lost = 0, open = 0;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
    if (argc < 3 || fd < 0)
        return 1;
    unsigned long first = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000000;
    unsigned long count = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
    to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    to.sin_addr.s_addr = own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &n) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return 1;
    for (size_t i = 0; i < BATCH; i++) {
        iov[i].iov_base = text[i];
        out[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        reply_iov[i] = (struct iovec){reply[i], sizeof reply[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &reply_iov[i], .msg_iovlen = 1};
    }
    double began = now(), end = began + strtod(argv[2], NULL);
    while (now() < end) {
        while (open + BATCH <= WINDOW) {
            for (size_t i = 0; i < BATCH; i++, serial++)
                iov[i].iov_len = request(text[i], sizeof text[i], first + serial * 7919 % count,
                                         serial, ntohs(own.sin_port));
            int sent = sendmmsg(fd, out, BATCH, 0);
            open += sent > 0 ? (unsigned long)sent : 0;
        }
        int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
        if (got <= 0) {
            lost += open;
            open = 0;
        }
        for (int i = 0; i < got; i++) {
            bool is302 = in[i].msg_len > 11 && memcmp(reply[i] + 8, "302", 3) == 0;
            found += is302;
            other += !is302;
        }
        open -= got > 0 ? ((unsigned long)got < open ? (unsigned long)got : open) : 0;
    }
    double seconds = now() - began;
    printf("%.0f replies/s: %lu redirects, %lu others, %lu lost\n",
           (double)(found + other) / seconds, found, other, lost);
    return lost > 0;
}
