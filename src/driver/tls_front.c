/* tls_front: a connection is two streams and a session of TLS in between. It ends when the server
 * has closed its end and all was sent, or at once when the other end's stream fails. */
#include "driver/tls_front.h"
#include "base/crypto.h"
#include "base/list.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "driver/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 128
#define LOOK_MS 500
#define CHUNK   16384        /* bytes that are read at a time */
#define HIGH    (256 * 1024) /* bytes that wait for the kernel: nothing more is read */
#define LOW     (64 * 1024)
#define LINGER_MS 2000

struct side {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    bool open, reading, over; /* over: it has said that nothing more comes */
};

struct conn {
    struct list node;
    struct tls_front *front;
    struct side wire, plain;
    struct tls_session *tls;
    uint64_t number;
    unsigned handles;
    uint64_t active; /* ms, of the loop: when a byte was taken */
    bool up, closing;
    bool speaks;    /* what the server says is meant */
    bool deaf;      /* the server reads no more; what it said before is still sent */
    bool lingering; /* all was sent: waits for the other end to end, so that it reads all of it */
    uv_shutdown_t shutdown;
    char ip[46];
    struct sockaddr_storage from;
};

struct tls_front {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t timer;
    struct tls_front_options options;
    uint16_t port;
    struct tls_front_events events;
    void *context;
    struct list conns; /* in the order of arrival */
    unsigned count;
    uint64_t numbers;
    uint64_t untrue;
    unsigned handles;
    char chunk[CHUNK];
    void (*closed)(void *context);
    void *closed_context;
};

struct write {
    uv_write_t request;
    struct conn *conn;
    size_t n;
    uint8_t bytes[];
};

static void read_on(struct conn *c);

/* --- the end */

static void release(struct tls_front *f)
{
    if (--f->handles > 0)
        return;
    void (*closed)(void *) = f->closed;
    void *context = f->closed_context;
    tls_context_unref(f->options.tls);
    free(f);
    if (closed != NULL)
        closed(context);
}

static void side_gone(uv_handle_t *h)
{
    struct conn *c = h->data;
    struct tls_front *f = c->front;
    if (--c->handles == 0) {
        tls_session_free(c->tls);
        free(c);
    }
    release(f);
}

static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    list_remove(&c->node);
    c->front->count--;
    c->front->untrue += !c->up;
    uv_close((uv_handle_t *)&c->wire.tcp, side_gone);
    if (c->plain.open)
        uv_close((uv_handle_t *)&c->plain.pipe, side_gone);
}

static void front_gone(uv_handle_t *h)
{
    release(h->data);
}

void tls_front_close(struct tls_front *f, void (*closed)(void *context), void *context)
{
    f->closed = closed;
    f->closed_context = context;
    list_each_safe(node, &f->conns) conn_close(list_entry(node, struct conn, node));
    uv_close((uv_handle_t *)&f->listener, front_gone);
    uv_close((uv_handle_t *)&f->timer, front_gone);
}

/* --- sending */

/* The server has said all, and the kernel has it: the other end may end now. Closed at once, with
 * bytes of it unread, the last of ours would be lost. */
static void end_if_over(struct conn *c)
{
    if (c->closing || c->lingering || !c->plain.over || c->wire.stream.write_queue_size > 0)
        return;
    c->lingering = true;
    c->active = uv_now(c->front->loop);
    if (c->wire.over || uv_shutdown(&c->shutdown, &c->wire.stream, NULL) != 0)
        conn_close(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct write *w = (struct write *)request;
    struct conn *c = w->conn;
    bool inward = request->handle == &c->plain.stream;
    crypto_wipe(w->bytes, w->n);
    free(w);
    if (c->closing)
        return;
    if (status != 0 && inward) {
        c->deaf = true;
    } else if (status != 0) {
        conn_close(c);
        return;
    }
    c->active = uv_now(c->front->loop);
    end_if_over(c);
    read_on(c);
}

/* What the kernel does not take at once is kept. */
static void put(struct conn *c, struct side *to, struct slice bytes)
{
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
    int sent = 0;
    if (c->closing || bytes.n == 0 || (c->deaf && to == &c->plain))
        return;
    if (to->stream.write_queue_size == 0)
        sent = uv_try_write(&to->stream, &b, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        if (to == &c->plain)
            c->deaf = true;
        else
            conn_close(c);
        return;
    }
    if (done == bytes.n)
        return;
    struct write *w = malloc(sizeof *w + bytes.n - done);
    if (w == NULL) {
        conn_close(c);
        return;
    }
    w->conn = c;
    w->n = bytes.n - done;
    memcpy(w->bytes, bytes.p + done, w->n);
    b = uv_buf_init((char *)w->bytes, (unsigned)w->n);
    if (uv_write(&w->request, &to->stream, &b, 1, on_written) != 0) {
        free(w);
        conn_close(c);
    }
}

/* --- reading */

/* Nothing more comes from the other end: the server is told, and may still answer. */
static void wire_over(struct conn *c)
{
    uv_os_fd_t fd;
    c->wire.over = true;
    if (!c->plain.open || c->lingering)
        conn_close(c);
    else if (uv_fileno((uv_handle_t *)&c->plain.pipe, &fd) == 0)
        shutdown(fd, SHUT_WR);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct conn *c = h->data;
    (void)suggested;
    *b = uv_buf_init(c->front->chunk, CHUNK);
}

static void seal(struct conn *c, struct slice bytes)
{
    tls_session_write(c->tls, bytes);
    put(c, &c->wire, tls_session_output(c->tls));
}

/* Nothing more comes from the server, or nothing that anybody should hear. */
static void plain_over(struct conn *c)
{
    uv_read_stop(&c->plain.stream);
    c->plain.reading = false;
    c->plain.over = true;
    tls_session_close(c->tls);
    put(c, &c->wire, tls_session_output(c->tls));
    end_if_over(c);
}

/* The server's bytes. */
static void on_plain(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = stream->data;
    if (n > 0 && c->speaks) {
        seal(c, slice_make(b->base, (size_t)n));
    } else if (n > 0) {
        c->deaf = true;
        seal(c, c->front->options.instead);
        c->front->events.unasked(c->front->context, (const struct sockaddr *)&c->from);
        plain_over(c);
    } else if (n < 0) {
        plain_over(c);
    }
    if (n > 0)
        crypto_wipe(b->base, (size_t)n);
    read_on(c);
}

/* What the server has written so far, and nothing behind it. */
static void take_rest(struct conn *c)
{
    char *chunk = c->front->chunk;
    uv_os_fd_t fd;
    ssize_t n;
    if (uv_fileno((uv_handle_t *)&c->plain.pipe, &fd) != 0)
        return;
    while (!c->closing && !c->plain.over && (n = read(fd, chunk, CHUNK)) > 0) {
        seal(c, slice_make(chunk, (size_t)n));
        crypto_wipe(chunk, (size_t)n);
    }
}

void tls_front_speaks(struct tls_front *f, uint64_t number, bool speaks)
{
    list_each_safe(node, &f->conns)
    {
        struct conn *c = list_entry(node, struct conn, node);
        if (c->number != number)
            continue;
        if (c->plain.open && c->speaks && !speaks)
            take_rest(c);
        c->speaks = speaks;
        return;
    }
}

/* The handshake is finished: the server gets its end. */
static void come_up(struct conn *c)
{
    int fd[2];
    c->up = true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) {
        conn_close(c);
        return;
    }
    uv_pipe_init(c->front->loop, &c->plain.pipe, 0);
    c->plain.pipe.data = c;
    c->plain.open = true;
    c->handles++;
    c->front->handles++;
    if (uv_pipe_open(&c->plain.pipe, fd[0]) != 0) {
        close(fd[0]);
        close(fd[1]);
        conn_close(c);
        return;
    }
    socklen_t size = c->from.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6);
    if (!c->front->events.up(c->front->context, c->number, fd[1],
                             (const struct sockaddr *)&c->from, size))
        conn_close(c);
}

/* The other end's bytes. */
static void on_wire(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = stream->data;
    if (n == 0)
        return;
    if (n < 0) {
        uv_read_stop(stream);
        c->wire.reading = false;
        wire_over(c);
        return;
    }
    if (c->lingering)
        return;
    c->active = uv_now(c->front->loop);
    enum tls_state state = tls_session_input(c->tls, slice_make(b->base, (size_t)n));
    put(c, &c->wire, tls_session_output(c->tls));
    if (!c->up && state == TLS_UP && !c->closing)
        come_up(c);
    if (c->plain.open && !c->closing) {
        struct slice plain = tls_session_plain(c->tls);
        put(c, &c->plain, plain);
    }
    if (!c->closing && (state == TLS_ENDED || state == TLS_FAILED)) {
        uv_read_stop(stream);
        c->wire.reading = false;
        wire_over(c);
    }
    read_on(c);
}

static void read_side(struct side *side, const struct side *to, uv_read_cb on_read)
{
    size_t waiting = to->open ? to->stream.write_queue_size : 0;
    if (side->over || !side->open)
        return;
    if (side->reading && waiting > HIGH) {
        uv_read_stop(&side->stream);
        side->reading = false;
    } else if (!side->reading && waiting <= LOW) {
        side->reading = uv_read_start(&side->stream, on_room, on_read) == 0;
    }
}

/* Reads from each side as long as the other one takes it. */
static void read_on(struct conn *c)
{
    if (c->closing)
        return;
    read_side(&c->wire, &c->plain, on_wire);
    read_side(&c->plain, &c->wire, on_plain);
}

/* --- the listener */

static bool loopback(const char *ip)
{
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

/* Whether he may come in, as far as numbers go. */
static bool has_place(const struct tls_front *f, const struct conn *c)
{
    unsigned n = 0;
    list_each(node, &f->conns)
        n += strcmp(list_entry(node, struct conn, node)->ip, c->ip) == 0;
    return f->count <= f->options.conns_max && (loopback(c->ip) || n <= f->options.source_max);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct tls_front *f = listener->data;
    struct conn *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    int n = sizeof c->from;
    uint16_t port;
    if (c == NULL)
        return;
    uv_tcp_init(f->loop, &c->wire.tcp);
    c->wire.tcp.data = c;
    c->wire.open = true;
    c->front = f;
    c->handles = 1;
    f->handles++;
    c->active = uv_now(f->loop);
    c->number = ++f->numbers;
    list_add(&f->conns, &c->node);
    f->count++;
    if (uv_accept(listener, &c->wire.stream) != 0 ||
        uv_tcp_getpeername(&c->wire.tcp, (struct sockaddr *)&c->from, &n) != 0) {
        conn_close(c);
        return;
    }
    address_text((const struct sockaddr *)&c->from, c->ip, &port);
    if (has_place(f, c) && (f->options.gate == NULL ||
                            door_gate_allows(f->options.gate, (const struct sockaddr *)&c->from)))
        c->tls = tls_session_new(f->options.tls, false, false, NULL);
    if (c->tls == NULL) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->wire.tcp, 1);
    read_on(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct tls_front *f = timer->data;
    list_each_safe(node, &f->conns)
    {
        struct conn *c = list_entry(node, struct conn, node);
        uint64_t since = uv_now(f->loop) - c->active;
        if ((!c->up && since > f->options.shake_ms) || (c->lingering && since > LINGER_MS) ||
            (c->up && c->wire.stream.write_queue_size > 0 && since > f->options.stuck_ms))
            conn_close(c);
    }
}

struct tls_front *tls_front_open(uv_loop_t *loop, const struct tls_front_options *options,
                                 const struct tls_front_events *events, void *context,
                                 char *error, size_t size)
{
    struct tls_front *f = calloc(1, sizeof *f);
    if (f == NULL) {
        snprintf(error, size, "no memory for TCP port %u", options->port);
        return NULL;
    }
    f->loop = loop;
    f->options = *options;
    f->events = *events;
    f->context = context;
    list_init(&f->conns);
    tls_context_ref(options->tls);
    uv_tcp_init(loop, &f->listener);
    uv_timer_init(loop, &f->timer);
    f->listener.data = f->timer.data = f;
    f->handles = 2;
    int code = listen_tcp(&f->listener, options->address, options->port, BACKLOG, on_connection,
                          &f->port);
    if (code == 0) {
        uv_timer_start(&f->timer, on_timer, LOOK_MS, LOOK_MS);
        return f;
    }
    address_refused(-code, false, options->address, options->port, error, size);
    tls_front_close(f, NULL, NULL);
    return NULL;
}

uint16_t tls_front_port(const struct tls_front *f)
{
    return f->port;
}

uint64_t tls_front_untrue(const struct tls_front *f)
{
    return f->untrue;
}

void tls_front_tls(struct tls_front *f, struct tls_context *tls)
{
    tls_context_ref(tls);
    tls_context_unref(f->options.tls);
    f->options.tls = tls;
}
