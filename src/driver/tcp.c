/* tcp: connections over libuv. A connection lives from its opening to the moment when the last of
 * its handles has told libuv good-bye; its number is taken out of the table earlier, as soon as
 * nobody may hear of it any more.
 *
 * Strangers may come faster than the loop turns: in one turn a listener takes ACCEPTS_MAX of them,
 * then everybody else has his turn. When there are as many connections as may be, the one that has
 * been closing for longest makes room: it only waits for the other end's end of stream.
 *
 * When the kernel has no file descriptor left all the same, libuv itself accepts and closes what
 * waits (it keeps one descriptor in reserve), so that the loop does not spin. */
#include "driver/tcp.h"
#include "driver/address.h"
#include "driver/listen.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#define CONNECT_TIMEOUT 3000 /* ms, for each address, and for the name */
#define CLOSE_TIMEOUT   2000 /* ms */
#define ROOM_EVERY      1000 /* ms */
#define READ_SIZE       65536
#define BUCKETS         1024
#define BACKLOG         4096 /* the system may have a lower limit of its own */
#define ACCEPTS_MAX     64   /* of one listener in one turn of the loop */
#define RESERVED        128  /* descriptors that are for others: store, trace, control ... */
#define CONNS_MIN       16
#define ADDRESSES_MAX   4 /* of one name */
#define HOST_MAX        253

enum conn_state { CONN_RESOLVING, CONN_CONNECTING, CONN_UP, CONN_CLOSING, CONN_DEAD };

struct conn {
    struct conn *next; /* in its bucket */
    struct conn *before, *after; /* in its ring */
    struct tcp *owner;
    uint32_t link;
    enum conn_state state;
    bool listed;             /* has a number that the caller knows */
    bool retry;              /* the handle is being closed to try the next address */
    bool resolving;          /* libuv holds `resolve` */
    bool ended;              /* the other end has sent its end of stream */
    bool spoke;              /* this end has sent something */
    bool has_tcp, has_timer; /* handles that libuv holds */
    enum tcp_reason why;     /* worst failure so far while opening */
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    uv_getaddrinfo_t resolve;
    struct sockaddr_storage address[ADDRESSES_MAX];
    size_t address_n, address_at;
    uint16_t port;
    size_t pending, unread;  /* of whole writes; not yet with the other end when last told */
    unsigned round;          /* of on_slow that has looked at it */
};

struct write {
    uv_write_t request;
    uv_buf_t bytes;
    uint8_t data[];
};

struct tcp_listener {
    uv_tcp_t tcp;
    uv_timer_t next_turn;
    unsigned handles; /* that libuv holds */
    unsigned taken;   /* in this turn */
    struct tcp *owner;
    uint16_t port;
    unsigned tag;
};

struct tcp {
    uv_loop_t *loop;
    const struct tcp_events *events;
    void *context;
    struct conn *bucket[BUCKETS];
    struct conn all, closing; /* rings; closing: who began earliest is first */
    size_t count;             /* in the rings */
    size_t alive, most;       /* with a descriptor, or the wish for one */
    size_t listeners;
    uv_timer_t slow;          /* runs while something is pending */
    bool has_slow;            /* libuv holds it */
    unsigned round;           /* of it */
    uint32_t next_accepted;
    void (*stopped)(void *context);
    void *stopped_context;
    char read_buffer[READ_SIZE];
};

static void attempt(struct conn *c);

/* --- the table */

static struct conn *find(const struct tcp *t, uint32_t link)
{
    for (struct conn *c = t->bucket[link % BUCKETS]; c != NULL; c = c->next)
        if (c->link == link)
            return c;
    return NULL;
}

static void unlist(struct conn *c)
{
    if (!c->listed)
        return;
    c->listed = false;
    struct conn **at = &c->owner->bucket[c->link % BUCKETS];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

static void list(struct conn *c, uint32_t link)
{
    c->link = link;
    c->listed = true;
    c->next = c->owner->bucket[link % BUCKETS];
    c->owner->bucket[link % BUCKETS] = c;
}

static void ring_init(struct conn *ring)
{
    ring->before = ring->after = ring;
}

static void ring_put(struct conn *ring, struct conn *c)
{
    c->before = ring->before;
    c->after = ring;
    c->before->after = c->after->before = c;
}

static void ring_take(struct conn *c)
{
    c->before->after = c->after;
    c->after->before = c->before;
}

static struct conn *conn_new(struct tcp *t)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        abort(); /* a listener or a core would wait for ever: better to start anew */
    c->owner = t;
    c->why = TCP_UNREACHABLE;
    ring_put(&t->all, c);
    t->count++;
    t->alive++;
    uv_timer_init(t->loop, &c->timer);
    c->timer.data = c;
    c->has_timer = true;
    return c;
}

static void maybe_stopped(struct tcp *t)
{
    if (t->stopped == NULL || t->count > 0 || t->listeners > 0 || t->has_slow)
        return;
    void (*stopped)(void *) = t->stopped;
    void *context = t->stopped_context;
    free(t);
    stopped(context);
}

/* --- the end of a connection */

static void maybe_free(struct conn *c)
{
    if (c->has_tcp || c->has_timer || c->resolving)
        return;
    struct tcp *t = c->owner;
    ring_take(c);
    t->count--;
    free(c);
    maybe_stopped(t);
}

static void timer_gone(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->has_timer = false;
    maybe_free(c);
}

static void tcp_gone(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->has_tcp = false;
    if (c->retry && c->state == CONN_CONNECTING) {
        c->retry = false;
        attempt(c);
        return;
    }
    if (c->state == CONN_DEAD)
        maybe_free(c);
}

static void destroy(struct conn *c)
{
    unlist(c);
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    c->owner->alive--;
    ring_take(c);
    ring_put(&c->owner->all, c); /* no longer among those that are closing */
    if (c->resolving)
        uv_cancel((uv_req_t *)&c->resolve);
    if (c->has_tcp && !uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, tcp_gone);
    uv_close((uv_handle_t *)&c->timer, timer_gone);
}

/* Ends the connection and says so, once. */
static void down(struct conn *c, enum tcp_reason reason)
{
    struct tcp *t = c->owner;
    bool tell = c->listed;
    uint32_t link = c->link;
    destroy(c);
    if (tell)
        t->events->down(t->context, link, reason);
}

static enum tcp_reason reason_of(int code)
{
    switch (code) {
    case UV_EOF: return TCP_CLOSED;
    case UV_ECONNREFUSED: return TCP_REFUSED;
    case UV_ETIMEDOUT: return TCP_TIMEOUT;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
    case UV_EACCES:
    case UV_EPERM: return TCP_UNREACHABLE;
    default: return TCP_RESET;
    }
}

/* --- reading */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = h->data;
    *buf = uv_buf_init(c->owner->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    struct tcp *t = c->owner;
    if (n == 0)
        return;
    if (n > 0) {
        if (c->listed)
            t->events->data(t->context, c->link, slice_make(buf->base, (size_t)n));
        return;
    }
    if (c->state != CONN_CLOSING)
        down(c, reason_of((int)n));
    else if (n == UV_EOF && c->pending > 0)
        c->ended = true; /* our last words may still leave */
    else
        destroy(c);
}

static void addresses(const struct conn *c, struct tcp_address *peer, struct tcp_address *local)
{
    struct sockaddr_storage a;
    int n = sizeof a;
    memset(&a, 0, sizeof a);
    uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n);
    address_text((struct sockaddr *)&a, peer->ip, &peer->port);
    n = sizeof a;
    memset(&a, 0, sizeof a);
    uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&a, &n);
    address_text((struct sockaddr *)&a, local->ip, &local->port);
}

static void begin(struct conn *c)
{
    c->state = CONN_UP;
    uv_timer_stop(&c->timer);
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* --- opening */

static void on_timeout(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    if (c->state == CONN_CLOSING)
        destroy(c);
    else if (c->state == CONN_CONNECTING && c->has_tcp) {
        c->why = TCP_TIMEOUT;
        if (!uv_is_closing((uv_handle_t *)&c->tcp)) {
            c->retry = true;
            uv_close((uv_handle_t *)&c->tcp, tcp_gone);
        }
    } else
        down(c, c->state == CONN_RESOLVING ? TCP_UNRESOLVED : c->why);
}

/* One address failed: the next one is tried when the handle is closed. */
static void failed_at(struct conn *c, int code)
{
    enum tcp_reason reason = reason_of(code);
    /* "Refused" says more than "no answer", and that more than "no way there". */
    if (c->why == TCP_UNREACHABLE || reason == TCP_REFUSED)
        c->why = reason == TCP_RESET || reason == TCP_CLOSED ? TCP_REFUSED : reason;
    c->retry = true;
    uv_close((uv_handle_t *)&c->tcp, tcp_gone);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct conn *c = request->data;
    if (c->state != CONN_CONNECTING || uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    if (status != 0) {
        failed_at(c, status);
        return;
    }
    struct tcp_address peer, local;
    begin(c);
    addresses(c, &peer, &local);
    c->owner->events->connected(c->owner->context, c->link, &peer, &local);
}

static void attempt(struct conn *c)
{
    c->state = CONN_CONNECTING;
    if (c->address_at == c->address_n) {
        uv_timer_start(&c->timer, on_timeout, 0, 0);
        return;
    }
    const struct sockaddr *to = (const struct sockaddr *)&c->address[c->address_at++];
    uv_tcp_init(c->owner->loop, &c->tcp);
    c->tcp.data = c;
    c->has_tcp = true;
    c->connect.data = c;
    uv_timer_start(&c->timer, on_timeout, CONNECT_TIMEOUT, 0);
    int code = uv_tcp_connect(&c->connect, &c->tcp, to, on_connect);
    if (code != 0)
        failed_at(c, code);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct conn *c = request->data;
    c->resolving = false;
    if (c->state == CONN_DEAD) {
        uv_freeaddrinfo(found);
        maybe_free(c);
        return;
    }
    for (struct addrinfo *a = found; a != NULL && c->address_n < ADDRESSES_MAX; a = a->ai_next)
        if (a->ai_addrlen <= sizeof c->address[0])
            memcpy(&c->address[c->address_n++], a->ai_addr, a->ai_addrlen);
    uv_freeaddrinfo(found);
    if (status != 0 || c->address_n == 0)
        down(c, TCP_UNRESOLVED);
    else
        attempt(c);
}

void tcp_open(struct tcp *t, uint32_t link, struct slice host, uint16_t port)
{
    char name[HOST_MAX + 1], service[8];
    socklen_t n;
    struct conn *c = conn_new(t);
    list(c, link);
    c->port = port;
    c->state = CONN_RESOLVING;
    slice_to_text(host, name, sizeof name);
    if (address_parse(name, port, &c->address[0], &n)) {
        c->address_n = 1;
        attempt(c);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    snprintf(service, sizeof service, "%u", (unsigned)port);
    c->resolve.data = c;
    int code = host.n > HOST_MAX || host.n == 0
                   ? UV_EINVAL
                   : uv_getaddrinfo(t->loop, &c->resolve, on_resolved, name, service, &hints);
    c->resolving = code == 0;
    uv_timer_start(&c->timer, on_timeout, code == 0 ? CONNECT_TIMEOUT : 0, 0);
}

/* --- sending and closing */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct conn *c = request->data;
    if (status != 0 || c->ended)
        destroy(c);
}

/* Not yet with the other end: the kernel has some of it too, and says that there is room again only
 * when a third of its buffer is empty, which may be a megabyte. */
static size_t unread(const struct conn *c)
{
    int fd, n = 0;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &n) != 0 || n < 0)
        n = 0;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + (size_t)n;
}

static void room(struct conn *c, size_t left)
{
    c->unread = unread(c);
    c->owner->events->room(c->owner->context, c->link, left);
}

/* The next one of which the other end has taken something in this round. */
static struct conn *roomier(struct tcp *t, bool *ret_pending)
{
    *ret_pending = false;
    for (struct conn *c = t->all.after; c != &t->all; c = c->after) {
        if (c->state != CONN_UP || !c->listed || c->pending == 0)
            continue;
        *ret_pending = true;
        bool looked = c->round == t->round;
        c->round = t->round;
        if (!looked && unread(c) < c->unread)
            return c;
    }
    return NULL;
}

/* Whoever is told may close anything: the search begins anew. */
static void on_slow(uv_timer_t *timer)
{
    struct tcp *t = timer->data;
    struct conn *c;
    bool pending;
#ifdef OPENILS_BUG_ROOM /* the control of the slow reader: nothing is told of a long write */
    return;
#endif
    t->round++;
    while ((c = roomier(t, &pending)) != NULL)
        room(c, uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp));
    if (!pending)
        uv_timer_stop(timer);
}

static void on_written(uv_write_t *request, int status)
{
    struct write *w = (struct write *)request;
    struct conn *c = request->handle->data;
    size_t before = c->pending, n = w->bytes.len;
    c->pending -= n;
    free(w);
    if (c->state == CONN_DEAD)
        return;
    if (status != 0) {
        if (c->state == CONN_CLOSING)
            destroy(c);
        else
            down(c, TCP_RESET);
        return;
    }
    bool low = before > TCP_LOW_WATER && c->pending <= TCP_LOW_WATER;
    if (c->listed && (low || c->pending == 0))
        room(c, c->pending);
}

/* Reports a failure from the loop, not from inside the caller's call. */
static void fail_later(struct conn *c)
{
    c->why = TCP_RESET;
    uv_timer_start(&c->timer, on_timeout, 0, 0);
}

void tcp_send(struct tcp *t, uint32_t link, struct slice bytes)
{
    struct conn *c = find(t, link);
    if (c == NULL || c->state != CONN_UP || bytes.n == 0)
        return;
    struct write *w = malloc(sizeof *w + bytes.n);
    if (w == NULL) {
        fail_later(c);
        return;
    }
    memcpy(w->data, bytes.p, bytes.n);
    w->bytes = uv_buf_init((char *)w->data, (unsigned)bytes.n);
    c->pending += bytes.n;
    c->unread += bytes.n;
    c->spoke = true;
    if (!uv_is_active((const uv_handle_t *)&t->slow))
        uv_timer_start(&t->slow, on_slow, ROOM_EVERY, ROOM_EVERY);
    if (uv_write(&w->request, (uv_stream_t *)&c->tcp, &w->bytes, 1, on_written) != 0) {
        c->pending -= bytes.n;
        c->unread -= bytes.n;
        free(w);
        fail_later(c);
    }
}

void tcp_close(struct tcp *t, uint32_t link)
{
    struct conn *c = find(t, link);
    if (c == NULL)
        return;
    unlist(c);
    c->shutdown.data = c;
    if (c->state != CONN_UP || !c->spoke ||
        uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        destroy(c);
        return;
    }
    /* Reading goes on until the other end's FIN: closing over unread bytes sends a reset, which may
     * overtake our last words. */
    c->state = CONN_CLOSING;
    ring_take(c);
    ring_put(&c->owner->closing, c);
    uv_timer_start(&c->timer, on_timeout, CLOSE_TIMEOUT, 0);
}

/* --- listening */

static void take(struct tcp_listener *l)
{
    struct tcp *t = l->owner;
    struct tcp_address peer, local;
    if (t->alive >= t->most && t->closing.after != &t->closing)
        destroy(t->closing.after);
    bool full = t->alive >= t->most;
    struct conn *c = conn_new(t);
    uv_tcp_init(t->loop, &c->tcp);
    c->tcp.data = c;
    c->has_tcp = true;
    if (uv_accept((uv_stream_t *)&l->tcp, (uv_stream_t *)&c->tcp) != 0 || full) {
        destroy(c);
        return;
    }
    do {
        t->next_accepted = (t->next_accepted + 1) | TCP_ACCEPTED;
    } while (find(t, t->next_accepted) != NULL);
    list(c, t->next_accepted);
    begin(c);
    addresses(c, &peer, &local);
    t->events->accepted(t->context, c->link, l->tag, &peer, &local);
}

/* libuv holds the connection that was not taken, and asks for no other until it is. */
static void on_next_turn(uv_timer_t *timer)
{
    struct tcp_listener *l = timer->data;
    l->taken = 1;
    take(l);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp_listener *l = stream->data;
    if (status != 0)
        return;
    if (l->taken < ACCEPTS_MAX) {
        l->taken++;
        take(l);
    } else
        uv_timer_start(&l->next_turn, on_next_turn, 0, 0);
}

static void listener_gone(uv_handle_t *h)
{
    struct tcp_listener *l = h->data;
    struct tcp *t = l->owner;
    if (--l->handles > 0)
        return;
    free(l);
    t->listeners--;
    maybe_stopped(t);
}

static int listen_on(struct tcp_listener *l, const char *address, uint16_t port)
{
    return listen_tcp(&l->tcp, address, port, BACKLOG, on_connection, &l->port);
}

static struct tcp_listener *listener_new(struct tcp *t)
{
    struct tcp_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->owner = t;
    uv_tcp_init(t->loop, &l->tcp);
    uv_timer_init(t->loop, &l->next_turn);
    l->tcp.data = l->next_turn.data = l;
    l->handles = 2;
    t->listeners++;
    return l;
}

struct tcp_listener *tcp_listen(struct tcp *t, const char *address, uint16_t port, unsigned tag,
                                int *ret_code, char *error, size_t size)
{
    struct tcp_listener *l = listener_new(t);
    int code = l == NULL ? UV_ENOMEM : listen_on(l, address, port);
    if (l != NULL && strcmp(address, "::") == 0 &&
        (code == UV_EAFNOSUPPORT || code == UV_EADDRNOTAVAIL)) {
        tcp_unlisten(l); /* a host without IPv6 */
        l = listener_new(t);
        code = l == NULL ? UV_ENOMEM : listen_on(l, "0.0.0.0", port);
    }
    *ret_code = code;
    if (code != 0) {
        address_refused(-code, false, address, port, error, size);
        if (l != NULL)
            tcp_unlisten(l);
        return NULL;
    }
    l->tag = tag;
    return l;
}

uint16_t tcp_listener_port(const struct tcp_listener *l)
{
    return l->port;
}

void tcp_unlisten(struct tcp_listener *l)
{
    uv_close((uv_handle_t *)&l->tcp, listener_gone);
    uv_close((uv_handle_t *)&l->next_turn, listener_gone);
}

/* --- the whole */

static size_t most(void)
{
    struct rlimit files;
#ifdef OPENILS_BUG_HALF_OPEN /* the control of the flood: as many as may come */
    return SIZE_MAX;
#endif
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= TCP_CONNS_MAX + RESERVED)
        return TCP_CONNS_MAX;
    return files.rlim_cur > RESERVED + CONNS_MIN ? (size_t)files.rlim_cur - RESERVED : CONNS_MIN;
}

struct tcp *tcp_new(uv_loop_t *loop, const struct tcp_events *events, void *context)
{
    struct tcp *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->loop = loop;
    t->events = events;
    t->context = context;
    ring_init(&t->all);
    ring_init(&t->closing);
    t->most = most();
    uv_timer_init(loop, &t->slow);
    uv_unref((uv_handle_t *)&t->slow);
    t->slow.data = t;
    t->has_slow = true;
    t->next_accepted = TCP_ACCEPTED;
    return t;
}

static void slow_gone(uv_handle_t *h)
{
    struct tcp *t = h->data;
    t->has_slow = false;
    maybe_stopped(t);
}

void tcp_stop(struct tcp *t, void (*stopped)(void *context), void *context)
{
    t->stopped = stopped;
    t->stopped_context = context;
    uv_close((uv_handle_t *)&t->slow, slow_gone);
    for (struct conn *c = t->all.after, *next = c->after; c != &t->all; c = next, next = c->after)
        if (c->listed)
            tcp_close(t, c->link);
}

size_t tcp_count(const struct tcp *t)
{
    return t->count;
}

size_t tcp_most(const struct tcp *t)
{
    return t->most;
}
