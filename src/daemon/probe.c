/* probe: blocking sockets with a deadline, so that each step is a few lines. Nothing of the core is
 * touched from here. */
#include "daemon/probe.h"
#include "base/arena.h"
#include "daemon/runtime.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "link/binder.h"
#include "link/cpace.h"
#include "link/frame.h"
#include "link/msg.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE (3 * TICK_S)
#define PENALTY  (8 * TICK_S) /* so long an end that saw failures may make one wait */
#define ROOM     16384

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

void probe_init(struct probe *p, const char *host)
{
    memset(p, 0, sizeof *p);
    p->fd = -1;
    snprintf(p->host, sizeof p->host, "%s", host);
}

void probe_hang_up(struct probe *p)
{
    if (p->tls && p->fd >= 0) {
        tls_session_close(p->session);
        struct slice out = tls_session_output(p->session);
        if (out.n > 0)
            (void)!send(p->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    p->tls = false;
}

void probe_done(struct probe *p)
{
    probe_hang_up(p);
    tls_session_free(p->session);
    p->session = NULL;
}

/* --- connection */

static void take_address(struct probe *p, const struct sockaddr *a, socklen_t n)
{
    if (p->address_n < PROBE_ADDRESSES && n <= sizeof p->address[0])
        memcpy(&p->address[p->address_n++], a, n);
}

bool probe_resolve(struct probe *p)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    struct sockaddr_storage a;
    socklen_t n;
    if (address_parse(p->host, 0, &a, &n)) {
        take_address(p, (const struct sockaddr *)&a, n);
        return true;
    }
    int code = getaddrinfo(p->host, NULL, &hints, &found);
    for (struct addrinfo *i = code == 0 ? found : NULL; i != NULL; i = i->ai_next)
        take_address(p, i->ai_addr, i->ai_addrlen);
    if (code == 0)
        freeaddrinfo(found);
    if (p->address_n == 0)
        snprintf(p->error, sizeof p->error, "%s",
                 code != 0 ? gai_strerror(code) : "the name has no address");
    return p->address_n > 0;
}

/* True when fd is ready before the deadline. */
static bool ready(int fd, short events, tick deadline)
{
    struct pollfd poller = {.fd = fd, .events = events};
    tick left = deadline - clock_tick();
    return left > 0 && poll(&poller, 1, (int)(left / TICK_MS) + 1) > 0;
}

/* 0, or what went wrong. */
static int dial(struct probe *p, struct sockaddr_in6 *address, uint16_t port)
{
    struct sockaddr *to = (struct sockaddr *)address;
    int error = 0;
    socklen_t n = sizeof error;
    bool six = to->sa_family == AF_INET6;
    address->sin6_port = htons(port); /* at the same place in both families */
    p->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0)
        return errno;
    if (connect(p->fd, to, six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!ready(p->fd, POLLOUT, clock_tick() + PATIENCE))
        return ETIMEDOUT;
    return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? error : errno;
}

bool probe_connect(struct probe *p, uint16_t port)
{
    char ip[ADDRESS_TEXT_MAX + 1];
    uint16_t ignored;
    int error = EHOSTUNREACH;
    for (size_t i = 0; i < p->address_n; i++) {
        probe_hang_up(p);
        error = dial(p, &p->address[i], port);
        address_text((struct sockaddr *)&p->address[i], ip, &ignored);
        snprintf(p->peer, sizeof p->peer, "%s", ip);
        if (error == 0)
            return true;
    }
    probe_hang_up(p);
    snprintf(p->error, sizeof p->error, "%s",
             error == ECONNREFUSED ? "refused: nothing listens there"
             : error == ETIMEDOUT  ? "no answer within 3 s: lost or filtered on the way"
                                   : strerrordesc_np(error));
    return false;
}

/* --- bytes */

static bool push(struct probe *p, struct slice s, tick deadline)
{
    while (s.n > 0) {
        ssize_t n = send(p->fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && (errno != EAGAIN || !ready(p->fd, POLLOUT, deadline)))
            return false;
        if (n > 0)
            s = slice_make(s.p + n, s.n - (size_t)n);
    }
    return true;
}

/* What has come, at least one byte; 0: the other end closed; -1: nothing in time, or a reset. */
static ssize_t pull(struct probe *p, void *dst, size_t size, tick deadline)
{
    ssize_t n = recv(p->fd, dst, size, 0);
    while (n < 0 && errno == EAGAIN && ready(p->fd, POLLIN, deadline))
        n = recv(p->fd, dst, size, 0);
    return n;
}

/* ilsd at a port of the password says good-bye in a frame. */
static bool is_frame(struct slice in)
{
    uint8_t type;
    struct slice body;
    return frame_take(&in, FRAME_CLEAR_MAX, &type, &body) == 0 &&
           (type == FRAME_GOODBYE || type == FRAME_HELLO);
}

bool probe_tls(struct probe *p, struct tls_context *context)
{
    struct sockaddr_storage a;
    socklen_t size;
    struct tls_failure failure;
    uint8_t room[ROOM];
    bool numeric = address_parse(p->host, 0, &a, &size), first = true;
    tick deadline = clock_tick() + PATIENCE;
    p->session = tls_session_new(context, true, false, numeric ? NULL : p->host);
    if (p->session == NULL)
        return false;
    p->tls = true;
    p->state = tls_session_input(p->session, slice_make(NULL, 0));
    while (push(p, tls_session_output(p->session), deadline) && p->state == TLS_HANDSHAKE) {
        ssize_t n = pull(p, room, sizeof room, deadline);
        if (n <= 0) {
            snprintf(p->error, sizeof p->error, "%s",
                     n == 0 ? "the other end closed the connection" : "no answer within 3 s");
            return false;
        }
        p->clear = p->clear || (first && is_frame(slice_make(room, (size_t)n)));
        first = false;
        p->state = tls_session_input(p->session, slice_make(room, (size_t)n));
    }
    if (p->state == TLS_FAILED) {
        tls_session_failure(p->session, &failure);
        snprintf(p->error, sizeof p->error, "%s%.*s [%u]",
                 failure.alert ? "the other end sent an alert: " : "", (int)failure.text[0].n,
                 (const char *)failure.text[0].p, failure.number[0]);
        return false;
    }
    tls_session_secured(p->session, clock_wall(), &p->proved);
    p->secured = true;
    return true;
}

/* --- the hello */

static struct slice opened(struct probe *p, struct slice came)
{
    if (!p->tls)
        return came;
    p->state = tls_session_input(p->session, came);
    return tls_session_plain(p->session);
}

/* One frame of the other end, in front of `in`. */
static enum probe_answer judge(struct probe *p, struct mem *mem, struct slice in, uint8_t *ret_type,
                               struct slice *ret_body)
{
    struct arena arena;
    struct msg_goodbye goodbye;
    int code = frame_take(&in, FRAME_CLEAR_MAX, ret_type, ret_body);
    if (code == 1)
        return PROBE_SILENCE; /* so far */
    if (code != 0)
        return PROBE_CLOSED;
    if (*ret_type != FRAME_GOODBYE)
        return PROBE_HEARD;
    arena_init(&arena, mem);
    bool good = msg_goodbye_get(&arena, *ret_body, &goodbye) == 0;
    arena_done(&arena);
    p->code = good ? (enum code)goodbye.code : CODE_NONE;
    p->retry_after = good ? goodbye.retry_after : 0;
    p->generation = good ? goodbye.generation : 0;
    return good ? PROBE_GOODBYE : PROBE_CLOSED;
}

/* Waits for one frame of that type; its body is copied, `n` bytes at most, and *ret_n is its
 * length. Another type is not the protocol. */
static enum probe_answer hear(struct probe *p, uint8_t type, void *body, size_t n, size_t *ret_n)
{
    struct mem mem = {.resize = resize, .budget = 1 << 20};
    enum probe_answer answer = PROBE_SILENCE;
    tick deadline = clock_tick() + PENALTY;
    uint8_t room[ROOM], came_type = 0;
    struct slice came = {0};
    struct buf in;
    buf_init(&in, &mem, ROOM);
    while (answer == PROBE_SILENCE) {
        ssize_t got = pull(p, room, sizeof room, deadline);
        if (got <= 0) {
            answer = got == 0 || errno != EAGAIN ? PROBE_CLOSED : PROBE_SILENCE;
            break;
        }
        buf_put_slice(&in, opened(p, slice_make(room, (size_t)got)));
        if (p->tls)
            push(p, tls_session_output(p->session), deadline);
        answer = judge(p, &mem, buf_slice(&in), &came_type, &came);
    }
    if (answer == PROBE_HEARD && (came_type != type || came.n > n))
        answer = PROBE_CLOSED;
    if (answer == PROBE_HEARD && came.n > 0)
        memcpy(body, came.p, came.n);
    *ret_n = came.n;
    buf_done(&in);
    return answer;
}

/* Sends what is in b, sealed where there is TLS; b is empty afterwards. */
static bool say(struct probe *p, struct buf *b, tick deadline)
{
    struct slice out = buf_slice(b);
    if (p->tls) {
        tls_session_write(p->session, out);
        out = tls_session_output(p->session);
    }
    bool sent = !b->failed && push(p, out, deadline);
    buf_reset(b);
    return sent;
}

void probe_leave(struct probe *p)
{
    struct mem mem = {.resize = resize, .budget = 1 << 20};
    struct msg_goodbye goodbye = {.code = CODE_REPLACED};
    struct buf b;
    buf_init(&b, &mem, FRAME_CLEAR_MAX + FRAME_HEADER);
    msg_goodbye_put(&b, &goodbye);
    say(p, &b, clock_tick() + PATIENCE);
    buf_done(&b);
}

bool probe_takes_tls(const struct probe *p, uint16_t port, struct tls_context *context)
{
    struct probe other;
    probe_init(&other, p->host);
    memcpy(other.address, p->address, sizeof other.address);
    other.address_n = p->address_n;
    bool takes = probe_connect(&other, port) && probe_tls(&other, context);
    if (takes)
        probe_leave(&other);
    probe_done(&other);
    return takes;
}

static bool say_frame(struct probe *p, uint8_t type, struct slice body)
{
    struct mem mem = {.resize = resize, .budget = 1 << 20};
    struct buf b;
    buf_init(&b, &mem, HELLO_MAX + FRAME_HEADER);
    frame_put(&b, type, body);
    bool sent = say(p, &b, clock_tick() + PATIENCE);
    buf_done(&b);
    return sent;
}

enum probe_answer probe_hello(struct probe *p, uint8_t method, uint16_t generation)
{
    struct mem mem = {.resize = resize, .budget = 1 << 20};
    struct hello h = {.version_min = LINK_VERSION_MIN, .version_max = LINK_VERSION_MAX,
                      .capabilities = CAPABILITY_RESERVED | CAPABILITIES_KNOWN,
                      .method = method, .generation = generation};
    struct buf b;
    clock_entropy(h.random, sizeof h.random);
    buf_init(&b, &mem, HELLO_MAX);
    hello_put(&b, &h);
    p->hello_n[0] = b.n;
    if (b.n > 0)
        memcpy(p->hello[0], b.p, b.n);
    bool sent = !b.failed && say_frame(p, FRAME_HELLO, buf_slice(&b));
    buf_done(&b);
    if (!sent)
        return PROBE_CLOSED;
    enum probe_answer answer = hear(p, FRAME_HELLO, p->hello[1], HELLO_MAX, &p->hello_n[1]);
    struct slice said = slice_make(p->hello[1], p->hello_n[1]);
    if (answer != PROBE_HEARD || hello_get(said, &p->theirs) != 0 ||
        hello_version(&h, &p->theirs) != 0)
        return answer;
    p->code = CODE_VERSION; /* its goodbye follows */
    return PROBE_GOODBYE;
}

static enum probe_answer exchange(struct probe *p, struct cpace *c)
{
    uint8_t share[POINT_SIZE], confirm[CPACE_CONFIRM_SIZE];
    size_t n;
    if (!say_frame(p, FRAME_SHARE, slice_make(c->share, POINT_SIZE)))
        return PROBE_CLOSED;
    enum probe_answer answer = hear(p, FRAME_SHARE, share, sizeof share, &n);
    if (answer != PROBE_HEARD)
        return answer;
    if (n != POINT_SIZE || !cpace_finish(c, share) ||
        !say_frame(p, FRAME_CONFIRM, slice_make(c->confirm, CPACE_CONFIRM_SIZE)))
        return PROBE_CLOSED;
    answer = hear(p, FRAME_CONFIRM, confirm, sizeof confirm, &n);
    if (answer != PROBE_HEARD)
        return answer;
    return cpace_confirmed(c, slice_make(confirm, n)) ? PROBE_PROVED : PROBE_CLOSED;
}

enum probe_answer probe_password(struct probe *p, const uint8_t stretched[static 32])
{
    uint8_t sid[HASH_SIZE], entropy[64];
    struct cpace c;
    link_sid(sid, slice_make(p->hello[0], p->hello_n[0]), slice_make(p->hello[1], p->hello_n[1]),
             slice_make(p->proved.exporter, p->tls ? sizeof p->proved.exporter : 0));
    clock_entropy(entropy, sizeof entropy);
    cpace_start(&c, CPACE_DIALLER, stretched, sid, entropy);
    enum probe_answer answer = exchange(p, &c);
    cpace_wipe(&c);
    crypto_wipe(entropy, sizeof entropy);
    return answer;
}
