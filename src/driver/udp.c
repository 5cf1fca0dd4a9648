/* udp: a socket for each worker on one port (SO_REUSEPORT), read with recvmmsg and answered with
 * sendmmsg. The address that a request came to is the one its reply leaves from, on hosts with
 * several. Which socket gets a datagram is drawn by lot: by its ports, as the kernel does it, all
 * that a single call controller asks would come to one worker.
 *
 * In a flood in the names of others those who are known to ask would wait behind those who are not,
 * and be lost where the socket is full. To read a datagram costs a fifth of an answer: so of
 * strangers the gate lets few in, and fewer still while the queue does not end. */
#include "driver/udp.h"
#include "driver/address.h"
#include "driver/clock.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH   64
#define CONTROL 128 /* bytes of ancillary data */
#define CROWD   8   /* full batches in a row: more come than are answered */
#define ROOM    (4 * 1024 * 1024) /* for datagrams that wait while other programs run */

/* One worker's. */
struct udp_socket {
    struct worker_source source;
    struct udp *all;
    unsigned worker;
    tick now;     /* of the batch */
    int received; /* messages whose headers are to be prepared anew */
    unsigned full; /* batches in a row, at most CROWD */
    struct mem mem;
    uint8_t *bytes; /* BATCH slots */
    struct buf reply[BATCH];
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct sockaddr_storage from[BATCH];
    uint8_t control[BATCH][CONTROL] __attribute__((aligned(8)));
};

struct udp {
    struct workers *workers;
    struct udp_options options; /* without the address */
    uint16_t port;
    void (*closed)(void *context);
    void *closed_context;
    unsigned n;    /* sockets */
    unsigned open; /* those that are watched */
    struct udp_socket *socket[WORKERS_MAX];
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void prepare(struct udp_socket *u)
{
    size_t slot = u->all->options.request_max + 1;
    for (int i = 0; i < u->received; i++) {
        u->in_iov[i] = (struct iovec){u->bytes + (size_t)i * slot, slot};
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

/* What is done with a request, if anything. */
static udp_answer choose_answer(const struct udp_socket *u, const struct sockaddr *from)
{
    const struct udp_options *o = &u->all->options;
    if (o->gate == NULL)
        return o->answer;
    enum door_verdict verdict = door_gate_judge(o->gate, from, u->now);
    if (verdict == DOOR_NOT_ALLOWED ||
        !door_gate_admits(o->gate, from, u->now, u->full == CROWD))
        return NULL;
    return verdict == DOOR_PASSES ? o->answer : o->too_fast;
}

/* Answers request i; the reply becomes entry n of the outgoing batch. */
static size_t answer_one(struct udp_socket *u, size_t i, size_t n)
{
    char ip[46];
    const struct sockaddr *from = (const struct sockaddr *)&u->from[i];
    struct udp_request r = {.bytes = slice_make(u->in_iov[i].iov_base, u->in[i].msg_len),
                            .worker = u->worker};
    udp_answer answer = choose_answer(u, from);
    if (answer == NULL)
        return n;
    address_text(from, ip, &r.port);
    if (r.port == 0)
        return n;
    r.ip = slice_of(ip);
    r.reply_port = r.port;
    buf_reset(&u->reply[i]);
    answer(u->all->options.context, &r, &u->reply[i]);
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
static void send_all(struct udp_socket *u, size_t n)
{
    for (size_t at = 0; at < n;) {
        int sent = sendmmsg(u->source.fd, u->out + at, (unsigned)(n - at), 0);
        if (sent > 0)
            at += (size_t)sent;
        else if (errno == EAGAIN || errno == ENOBUFS)
            return;
        else if (errno != EINTR)
            at++;
    }
}

/* One batch: the worker's other sockets want their turn too, and the plan's owner waits. */
static bool on_ready(struct worker_source *source)
{
    struct udp_socket *u = (struct udp_socket *)(void *)source;
    size_t n = 0;
    prepare(u);
    int got = recvmmsg(source->fd, u->in, BATCH, MSG_DONTWAIT, NULL);
    u->received = got > 0 ? got : 0;
    u->now = clock_tick();
    u->full = got < BATCH ? 0 : u->full < CROWD ? u->full + 1 : CROWD;
    for (int i = 0; i < got; i++)
        n = answer_one(u, (size_t)i, n);
    send_all(u, n);
    return got == BATCH;
}

/* --- opening and closing */

static bool is_any(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* An errno, or 0. */
static int open_socket(const struct sockaddr_storage *a, socklen_t n, bool alone, int *ret)
{
    int on = 1, off = 0, room = ROOM, code;
    int fd = socket(a->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *ret = fd;
    if (fd < 0)
        return errno;
    if (!alone)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (a->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (a->ss_family == AF_INET6 && is_any(a)) /* otherwise there is one address to answer from */
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    else if (is_any(a))
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (bind(fd, (const struct sockaddr *)a, n) == 0)
        return 0;
    code = errno;
    close(fd);
    *ret = -1;
    return code;
}

/* Another program of this user that shares its port would share its requests with us: the port must
 * be free. Then *a has it. */
static int find_port(struct sockaddr_storage *a, socklen_t *n)
{
    int fd, code = open_socket(a, *n, true, &fd);
    if (code != 0)
        return code;
    *n = sizeof *a;
    getsockname(fd, (struct sockaddr *)a, n);
    close(fd);
    return 0;
}

/* Which of n sockets gets a datagram: one drawn by lot. Without it the kernel chooses. */
static void draw_lots(int fd, unsigned n)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = 3, .filter = code};
    if (n > 1)
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

static void socket_free(struct udp_socket *u)
{
    if (u->source.fd >= 0)
        close(u->source.fd);
    for (size_t i = 0; i < BATCH; i++)
        buf_done(&u->reply[i]);
    free(u->bytes);
    free(u);
}

static void udp_free(struct udp *u)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        if (u->socket[i] != NULL)
            socket_free(u->socket[i]);
    free(u);
}

static void on_gone(struct worker_source *source)
{
    struct udp *u = ((struct udp_socket *)(void *)source)->all;
    void (*closed)(void *) = u->closed;
    void *context = u->closed_context;
    if (--u->open > 0)
        return;
    udp_free(u);
    if (closed != NULL)
        closed(context);
}

static struct udp_socket *socket_new(struct udp *u)
{
    struct udp_socket *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct udp_socket){.source = {.fd = -1, .ready = on_ready, .gone = on_gone},
                             .all = u, .worker = u->n, .received = BATCH};
    s->mem = (struct mem){.resize = resize, .budget = SIZE_MAX};
    for (size_t i = 0; i < BATCH; i++)
        buf_init(&s->reply[i], &s->mem, u->options.reply_max);
    s->bytes = calloc(BATCH, u->options.request_max + 1);
    if (s->bytes != NULL)
        return s;
    free(s);
    return NULL;
}

/* A socket for every worker; none is read yet. */
static int open_all(struct udp *u, const char *address)
{
    struct sockaddr_storage a;
    socklen_t n;
    char text[46];
    if (!address_parse(address, u->options.port, &a, &n))
        return EADDRNOTAVAIL;
    int code = find_port(&a, &n);
    address_text((const struct sockaddr *)&a, text, &u->port);
    for (; code == 0 && u->n < workers_count(u->workers); u->n++) {
        struct udp_socket *s = u->socket[u->n] = socket_new(u);
        code = s == NULL ? ENOMEM : open_socket(&a, n, false, &s->source.fd);
    }
    return code;
}

/* Fewer will do, but not none: what nobody reads must not share the port. */
static int watch_all(struct udp *u)
{
    while (u->open < u->n && workers_watch(u->workers, u->open, &u->socket[u->open]->source))
        u->open++;
    int code = u->open == 0 ? errno : 0;
    for (unsigned i = u->open; i < u->n; i++) {
        socket_free(u->socket[i]);
        u->socket[i] = NULL;
    }
    u->n = u->open;
    if (code == 0)
        draw_lots(u->socket[0]->source.fd, u->n);
    return code;
}

struct udp *udp_open(struct workers *workers, const struct udp_options *options, char *error,
                     size_t size)
{
    struct udp *u = calloc(1, sizeof *u);
    int code = ENOMEM;
    if (u != NULL) {
        u->workers = workers;
        u->options = *options;
        code = open_all(u, options->address);
        u->options.address = NULL;
    }
    if (code == 0)
        code = watch_all(u);
    if (code == 0)
        return u;
    address_refused(code, true, options->address, options->port, error, size);
    if (u != NULL)
        udp_free(u);
    return NULL;
}

uint16_t udp_port(const struct udp *u)
{
    return u->port;
}

void udp_close(struct udp *u, void (*closed)(void *context), void *context)
{
    u->closed = closed;
    u->closed_context = context;
    for (unsigned i = 0, n = u->open; i < n; i++)
        workers_unwatch(u->workers, i, &u->socket[i]->source);
}
