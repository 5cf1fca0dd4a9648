/* udp: a socket of our own, watched by libuv, read with recvmmsg and answered with sendmmsg. The
 * address that a request came to is the one its reply leaves from, on hosts with several. */
#include "driver/udp.h"
#include "driver/address.h"
#include "driver/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH   64
#define ROUNDS  8   /* batches in one turn of the loop: links want their turn too */
#define CONTROL 128 /* bytes of ancillary data */

struct udp {
    uv_poll_t poll;
    int fd;
    uint16_t port;
    size_t slot; /* bytes for one request */
    struct door_gate *gate;
    tick now; /* of the batch */
    udp_answer answer, too_fast;
    void *context;
    void (*closed)(void *context);
    void *closed_context;
    struct mem mem;
    uint8_t *bytes; /* BATCH slots */
    struct buf reply[BATCH];
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct sockaddr_storage from[BATCH];
    uint8_t control[BATCH][CONTROL] __attribute__((aligned(8)));
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void prepare(struct udp *u)
{
    for (size_t i = 0; i < BATCH; i++) {
        u->in_iov[i] = (struct iovec){u->bytes + i * u->slot, u->slot};
        u->in[i].msg_hdr = (struct msghdr){
            .msg_name = &u->from[i],
            .msg_namelen = sizeof u->from[i],
            .msg_iov = &u->in_iov[i],
            .msg_iovlen = 1,
            .msg_control = u->control[i],
            .msg_controllen = CONTROL,
        };
    }
}

/* The reply leaves by whatever way leads to the asker, from the address that was asked. */
static void forget_interface(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof info);
        }
    }
}

static void set_port(struct sockaddr_storage *to, uint16_t port)
{
    if (to->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)to)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)to)->sin6_port = htons(port);
}

/* Answers request i; the reply becomes entry n of the outgoing batch. */
static size_t answer_one(struct udp *u, size_t i, size_t n)
{
    char ip[46];
    struct udp_request r = {.bytes = slice_make(u->in_iov[i].iov_base, u->in[i].msg_len)};
    address_text((const struct sockaddr *)&u->from[i], ip, &r.port);
    r.ip = slice_of(ip);
    r.reply_port = r.port;
    buf_reset(&u->reply[i]);
    enum door_verdict verdict =
        u->gate == NULL
            ? DOOR_PASSES
            : door_gate_judge(u->gate, (const struct sockaddr *)&u->from[i], u->now);
    if (r.port == 0 || verdict == DOOR_NOT_ALLOWED ||
        (verdict == DOOR_TOO_FAST && u->too_fast == NULL))
        return n;
    (verdict == DOOR_PASSES ? u->answer : u->too_fast)(u->context, &r, &u->reply[i]);
    if (u->reply[i].failed || u->reply[i].n == 0)
        return n;
    set_port(&u->from[i], r.reply_port);
    u->out_iov[n] = (struct iovec){u->reply[i].p, u->reply[i].n};
    u->out[n].msg_hdr = u->in[i].msg_hdr;
    u->out[n].msg_hdr.msg_iov = &u->out_iov[n];
    u->out[n].msg_hdr.msg_flags = 0;
    forget_interface(&u->out[n].msg_hdr);
    return n + 1;
}

/* A full socket buffer drops what is left, as the network would; askers repeat. An error belongs to
 * one reply only. */
static void send_all(struct udp *u, size_t n)
{
    for (size_t at = 0; at < n;) {
        int sent = sendmmsg(u->fd, u->out + at, (unsigned)(n - at), 0);
        if (sent > 0)
            at += (size_t)sent;
        else if (errno == EAGAIN || errno == ENOBUFS)
            return;
        else if (errno != EINTR)
            at++;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct udp *u = poll->data;
    for (int round = 0; round < ROUNDS; round++) {
        prepare(u);
        int got = recvmmsg(u->fd, u->in, BATCH, MSG_DONTWAIT, NULL);
        size_t n = 0;
        u->now = clock_tick();
        for (int i = 0; i < got; i++)
            n = answer_one(u, (size_t)i, n);
        send_all(u, n);
        if (got < BATCH)
            return;
    }
}

static int bind_socket(struct udp *u, const char *address, uint16_t port)
{
    struct sockaddr_storage a;
    socklen_t n;
    int on = 1, off = 0;
    if (!address_parse(address, port, &a, &n))
        return EADDRNOTAVAIL;
    u->fd = socket(a.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0)
        return errno;
    if (a.ss_family == AF_INET)
        setsockopt(u->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    else {
        setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        setsockopt(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    }
    int room = 1024 * 1024;
    setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (bind(u->fd, (const struct sockaddr *)&a, n) != 0)
        return errno;
    n = sizeof a;
    char text[46];
    getsockname(u->fd, (struct sockaddr *)&a, &n);
    address_text((const struct sockaddr *)&a, text, &u->port);
    return 0;
}

static void explain(int code, const char *address, uint16_t port, char *error, size_t size)
{
    char holder[64];
    if (code == EADDRINUSE) {
        address_port_holder(port, true, holder, sizeof holder);
        snprintf(error, size, "UDP port %u is in use by %s", port, holder);
    } else
        snprintf(error, size, "cannot listen on %s UDP port %u: %s", address, port, strerror(code));
}

struct udp *udp_open(uv_loop_t *loop, const char *address, uint16_t port, size_t request_max,
                     size_t reply_max, struct door_gate *gate, udp_answer answer, void *context,
                     char *error, size_t size)
{
    struct udp *u = calloc(1, sizeof *u);
    uint8_t *bytes = calloc(BATCH, request_max + 1);
    if (u == NULL || bytes == NULL) {
        snprintf(error, size, "no memory for UDP port %u", port);
        free(u);
        free(bytes);
        return NULL;
    }
    u->bytes = bytes;
    u->fd = -1;
    u->slot = request_max + 1;
    u->gate = gate;
    u->answer = answer;
    u->context = context;
    u->mem = (struct mem){.resize = resize, .budget = SIZE_MAX};
    for (size_t i = 0; i < BATCH; i++)
        buf_init(&u->reply[i], &u->mem, reply_max);
    int code = bind_socket(u, address, port);
    if (code == 0)
        code = -uv_poll_init(loop, &u->poll, u->fd);
    if (code != 0) {
        explain(code, address, port, error, size);
        if (u->fd >= 0)
            close(u->fd);
        free(u->bytes);
        free(u);
        return NULL;
    }
    u->poll.data = u;
    uv_poll_start(&u->poll, UV_READABLE, on_readable);
    return u;
}

void udp_too_fast(struct udp *u, udp_answer answer)
{
    u->too_fast = answer;
}

uint16_t udp_port(const struct udp *u)
{
    return u->port;
}

static void gone(uv_handle_t *h)
{
    struct udp *u = h->data;
    void (*closed)(void *) = u->closed;
    void *context = u->closed_context;
    close(u->fd);
    for (size_t i = 0; i < BATCH; i++)
        buf_done(&u->reply[i]);
    free(u->bytes);
    free(u);
    closed(context);
}

void udp_close(struct udp *u, void (*closed)(void *context), void *context)
{
    u->closed = closed;
    u->closed_context = context;
    uv_poll_stop(&u->poll);
    uv_close((uv_handle_t *)&u->poll, gone);
}
