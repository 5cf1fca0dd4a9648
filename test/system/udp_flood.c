/* udp_flood: sends a datagram again and again in the name of others: raw packets, whose sources are
 * one address, or every one of 10.64.0.0/10 in turn.
 *
 *   udp_flood ADDRESS PORT COUNT SOURCE|any [PER_SECOND] <PAYLOAD
 *
 * Prints how many packets and bytes of IP were sent. For network namespaces of tests only. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define HEADS (sizeof(struct iphdr) + sizeof(struct udphdr))

static char packet[BATCH][2048];
static struct iovec iov[BATCH];
static struct mmsghdr out[BATCH];

/* Its checksum is the kernel's work; that of UDP is not needed. */
static void write_heads(char *p, size_t size, in_addr_t from, in_addr_t to, uint16_t port,
                        unsigned long i)
{
    struct iphdr ip = {.version = 4, .ihl = 5, .tot_len = htons((uint16_t)size), .ttl = 9,
                       .protocol = IPPROTO_UDP, .saddr = from, .daddr = to};
    struct udphdr udp = {.source = htons((uint16_t)(1024 + i % 60000)), .dest = htons(port),
                         .len = htons((uint16_t)(size - sizeof ip))};
    memcpy(p, &ip, sizeof ip);
    memcpy(p + sizeof ip, &udp, sizeof udp);
}

/* Waits until as many as were sent should have been. */
static void keep_pace(unsigned long sent, unsigned long per_second, struct timespec start)
{
    unsigned long whole = sent / per_second, rest = sent % per_second;
    start.tv_sec += (time_t)whole;
    start.tv_nsec += (long)((double)rest / (double)per_second * 1e9);
    if (start.tv_nsec >= 1000000000) {
        start.tv_sec++;
        start.tv_nsec -= 1000000000;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, NULL);
}

int main(int n, char **v)
{
    if (n != 5 && n != 6)
        return 2;
    unsigned long per_second = n == 6 ? strtoul(v[5], NULL, 10) : 0;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint16_t port = (uint16_t)strtoul(v[2], NULL, 10);
    unsigned long count = strtoul(v[3], NULL, 10), sent = 0;
    bool any = strcmp(v[4], "any") == 0;
    in_addr_t from = any ? 0 : inet_addr(v[4]);
    char payload[1024];
    ssize_t got = read(STDIN_FILENO, payload, sizeof payload);
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (fd < 0 || got <= 0 || inet_pton(AF_INET, v[1], &to.sin_addr) != 1) {
        perror("udp_flood");
        return 1;
    }
    size_t size = HEADS + (size_t)got;
    for (size_t i = 0; i < BATCH; i++) {
        memcpy(packet[i] + HEADS, payload, (size_t)got);
        iov[i] = (struct iovec){packet[i], size};
        out[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    while (sent < count) {
        if (per_second > 0)
            keep_pace(sent, per_second, start);
        unsigned more = count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
        for (unsigned i = 0; i < more; i++) {
            unsigned long who = (sent + i) * 2654435761u % (1u << 22);
            in_addr_t source = any ? htonl(0x0a400000u + (uint32_t)who) : from;
            write_heads(packet[i], size, source, to.sin_addr.s_addr, port, sent + i);
        }
        int done = sendmmsg(fd, out, more, 0);
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (done > 0)
            sent += (unsigned long)done;
        else if (errno == ENOBUFS || errno == EAGAIN)
            poll(&room, 1, 100);
        else {
            perror("udp_flood");
            return 1;
        }
    }
    printf("packets: %lu\nbytes: %lu\n", sent, sent * size);
    return 0;
}
