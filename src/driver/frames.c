/* frames: one listener, a ring of connections in the order of their last request, and one timer
 * that ends those at its front. A connection reads into the buffer that its requests are answered
 * from; while a reply waits for the kernel, nothing more is read.
 *
 * Over TLS a session stands in between: what was read is opened at once, and waits in the session
 * until there is room for it in the buffer. Who has not finished his handshake is in a ring of its
 * own, in the order of arrival. */
#include "driver/frames.h"
#include "base/list.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "driver/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG   512
#define OUT_MAX   65536 /* bytes of replies before they are sent */
#define LOOK_MS   500
#define LENGTH    2     /* bytes before a message */
#define CIPHER    16384 /* bytes of TLS that are read at a time */

struct conn {
    struct list node;
    struct frames *door;
    uv_tcp_t tcp;
    uv_write_t write;
    uint64_t active; /* ms, of the loop */
    bool writing, ended, closing;
    struct tls_session *tls; /* NULL: without */
    bool up;                 /* its handshake is finished; without TLS from the beginning */
    struct slice plain;      /* opened, and not yet in `in`; the session's */
    char ip[46];
    uint16_t port;
    uint8_t *out;    /* while writing */
    size_t have;
    uint8_t in[];
};

struct frames {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t timer;
    struct frames_options options;
    uint16_t port;
    frames_answer answer;
    void *context;
    struct list conns;   /* who has been idle for longest is first */
    struct list shaking; /* whose handshake is not finished; who came first is first */
    unsigned count;
    uint64_t untrue;
    uint8_t *cipher;     /* where TLS is read to; NULL: without TLS */
    unsigned handles;  /* that libuv holds */
    struct mem mem;
    struct buf reply;
    void (*closed)(void *context);
    void *closed_context;
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* --- the end */

static void release(struct frames *f)
{
    if (--f->handles > 0)
        return;
    void (*closed)(void *) = f->closed;
    void *context = f->closed_context;
    buf_done(&f->reply);
    tls_context_unref(f->options.tls);
    free(f->cipher);
    free(f);
    if (closed != NULL)
        closed(context);
}

static void conn_gone(uv_handle_t *h)
{
    struct conn *c = h->data;
    struct frames *f = c->door;
    tls_session_free(c->tls);
    free(c->out);
    free(c);
    release(f);
}

/* close_notify, as far as the kernel takes it. */
static void say_goodbye(struct conn *c)
{
    tls_session_close(c->tls);
    struct slice out = tls_session_output(c->tls);
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)out.p, (unsigned)out.n);
    if (out.n > 0)
        (void)uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
}

static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    if (c->tls != NULL && !c->writing)
        say_goodbye(c);
    list_remove(&c->node);
    c->door->count--;
    uv_close((uv_handle_t *)&c->tcp, conn_gone);
}

static void door_gone(uv_handle_t *h)
{
    release(h->data);
}

void frames_close(struct frames *f, void (*closed)(void *context), void *context)
{
    f->closed = closed;
    f->closed_context = context;
    list_each_safe(node, &f->conns) conn_close(list_entry(node, struct conn, node));
    list_each_safe(node, &f->shaking) conn_close(list_entry(node, struct conn, node));
    uv_close((uv_handle_t *)&f->listener, door_gone);
    uv_close((uv_handle_t *)&f->timer, door_gone);
}

/* --- a connection */

static void conn_go_on(struct conn *c);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b);

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct conn *c = h->data;
    size_t size = LENGTH + c->door->options.request_max;
    if (c->tls != NULL) {
        *b = uv_buf_init((char *)c->door->cipher, CIPHER);
        return;
    }
    *b = uv_buf_init((char *)c->in + c->have, (unsigned)(size - c->have));
}

static void on_written(uv_write_t *request, int status)
{
    struct conn *c = request->data;
    free(c->out);
    c->out = NULL;
    c->writing = false;
    if (c->closing)
        return;
    if (status != 0) {
        conn_close(c);
        return;
    }
    conn_go_on(c);
    if (!c->writing && !c->closing && c->ended)
        conn_close(c);
    else if (!c->writing && !c->closing)
        uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

/* What the kernel does not take at once is kept, and nothing is read meanwhile. */
static void conn_put(struct conn *c, struct slice bytes)
{
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        conn_close(c);
        return;
    }
    if (done == bytes.n)
        return;
    b.len = bytes.n - done;
    c->out = malloc(b.len);
    if (c->out == NULL) {
        conn_close(c);
        return;
    }
    memcpy(c->out, bytes.p + done, b.len);
    b.base = (char *)c->out;
    c->write.data = c;
    c->writing = uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) == 0;
    if (!c->writing)
        conn_close(c);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
}

static void conn_send(struct conn *c, struct slice bytes)
{
    if (c->tls != NULL) {
        tls_session_write(c->tls, bytes);
        bytes = tls_session_output(c->tls);
    }
    if (bytes.n > 0)
        conn_put(c, bytes);
    else
        conn_close(c); /* sealed no more */
}

/* The reply to the request at the front of `in`; false: the connection is to end. */
static bool answer_one(struct conn *c, struct slice request, struct buf *out)
{
    const struct frames_options *o = &c->door->options;
    struct frames_peer from = {slice_of(c->ip), c->port};
    size_t at = out->n, lead = o->measure != NULL ? 0 : LENGTH;
    if (lead > 0)
        buf_put_u16(out, 0);
    c->door->answer(c->door->context, request, &from, out);
    size_t n = out->n - at - lead;
    if (out->failed || (n == 0 && lead > 0) || n > o->reply_max)
        return false;
    if (lead > 0) {
        out->p[at] = (uint8_t)(n >> 8);
        out->p[at + 1] = (uint8_t)n;
    }
    return true;
}

/* The first request of the bytes, as *ret; how many bytes it takes, 0: it is not whole yet,
 * SIZE_MAX: it is none. */
static size_t next_frame(const struct frames_options *o, struct slice bytes, struct slice *ret)
{
    size_t lead = o->measure != NULL ? 0 : LENGTH, n = 0;
    if (bytes.n < LENGTH)
        return 0;
    if (o->measure == NULL) {
        n = (size_t)bytes.p[0] << 8 | bytes.p[1];
        n = n == 0 ? SIZE_MAX : n;
    } else {
        n = o->measure(bytes);
        if (n == 0)
            return 0;
    }
    if (n > o->request_max)
        return SIZE_MAX;
    *ret = slice_make(bytes.p + lead, n);
    return lead + n <= bytes.n ? lead + n : 0;
}

/* Answers what is whole, a send at a time, until there is no more or the kernel is full. */
static void conn_answer(struct conn *c)
{
    struct buf *out = &c->door->reply;
    size_t at = 0;
    bool sound = true;
    while (sound && !c->writing && !c->closing) {
        buf_reset(out);
        size_t before = at;
        while (sound && out->n < OUT_MAX) {
            struct slice request;
            struct slice rest = slice_make(c->in + at, c->have - at);
            size_t n = next_frame(&c->door->options, rest, &request);
            if (n == 0)
                break;
            size_t kept = out->n;
            sound = n != SIZE_MAX && answer_one(c, request, out);
            if (!sound && !out->failed)
                out->n = kept;
            if (n == SIZE_MAX)
                break;
            at += n;
        }
        if (at == before)
            break;
        c->active = uv_now(c->door->loop);
        list_remove(&c->node);
        list_add(&c->door->conns, &c->node);
        if (!out->failed && out->n > 0)
            conn_send(c, buf_slice(out));
    }
    c->have -= at;
    memmove(c->in, c->in + at, c->have);
    if (!sound && c->writing)
        c->ended = true;
    else if (!sound)
        conn_close(c);
}

/* What is there already: of what TLS has opened, as much at a time as there is room for. */
static void conn_go_on(struct conn *c)
{
    size_t size = LENGTH + c->door->options.request_max;
    conn_answer(c);
    while (c->plain.n > 0 && !c->writing && !c->closing) {
        size_t n = c->plain.n < size - c->have ? c->plain.n : size - c->have;
        if (n == 0) {
            conn_close(c); /* more than a request, and none */
            return;
        }
        memcpy(c->in + c->have, c->plain.p, n);
        c->have += n;
        c->plain = slice_make(c->plain.p + n, c->plain.n - n);
        conn_answer(c);
    }
}

/* What came is opened; what the session has to say is sent before any reply. */
static void conn_open(struct conn *c, struct slice cipher)
{
    struct frames *f = c->door;
    enum tls_state state = tls_session_input(c->tls, cipher);
    struct slice out = tls_session_output(c->tls);
    if (!c->up && (state == TLS_UP || state == TLS_ENDED)) {
        c->up = true;
        c->active = uv_now(f->loop);
        list_remove(&c->node);
        list_add(&f->conns, &c->node);
    }
    f->untrue += !c->up && state == TLS_FAILED;
    if (out.n > 0)
        conn_put(c, out);
    c->plain = tls_session_plain(c->tls);
    c->ended = c->ended || state == TLS_ENDED || state == TLS_FAILED;
    if (!c->closing && !c->writing)
        conn_go_on(c);
    if (!c->closing && !c->writing && c->ended)
        conn_close(c);
    else if (!c->closing && c->ended)
        uv_read_stop((uv_stream_t *)&c->tcp);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = stream->data;
    if (n > 0 && c->tls != NULL) {
        conn_open(c, slice_make(b->base, (size_t)n));
        return;
    }
    if (n < 0) {
        c->ended = true;
        uv_read_stop(stream);
        if (!c->writing)
            conn_close(c);
        return;
    }
    c->have += (size_t)n;
    conn_answer(c);
}

/* --- the listener */

static bool loopback(const char *ip)
{
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

static unsigned from(const struct frames *f, const char *ip)
{
    unsigned n = 0;
    list_each(node, &f->conns)
        n += strcmp(list_entry(node, struct conn, node)->ip, ip) == 0;
    list_each(node, &f->shaking)
        n += strcmp(list_entry(node, struct conn, node)->ip, ip) == 0;
    return n;
}

/* c is the last to have come. */
static void make_room(struct frames *f, const struct conn *c)
{
    struct list *from = f->shaking.next == &c->node || list_empty(&f->shaking) ? &f->conns
                                                                               : &f->shaking;
    if (f->count > f->options.conns_max && !list_empty(from))
        conn_close(list_entry(from->next, struct conn, node));
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct frames *f = listener->data;
    struct conn *c = calloc(1, sizeof *c + LENGTH + f->options.request_max);
    struct sockaddr_storage peer;
    int n = sizeof peer;
    if (status != 0 || c == NULL) {
        free(c);
        return;
    }
    uv_tcp_init(f->loop, &c->tcp);
    f->handles++;
    c->tcp.data = c;
    c->door = f;
    c->active = uv_now(f->loop);
    c->up = f->options.tls == NULL;
    list_add(c->up ? &f->conns : &f->shaking, &c->node);
    f->count++;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &n) != 0) {
        conn_close(c);
        return;
    }
    address_text((const struct sockaddr *)&peer, c->ip, &c->port);
    if ((!loopback(c->ip) && from(f, c->ip) > f->options.source_max) ||
        (f->options.gate != NULL &&
         door_gate_judge(f->options.gate, (const struct sockaddr *)&peer, clock_tick()) !=
             DOOR_PASSES)) {
        conn_close(c);
        return;
    }
    if (!c->up)
        c->tls = tls_session_new(f->options.tls, false, false, NULL);
    if (!c->up && c->tls == NULL) {
        conn_close(c);
        return;
    }
    make_room(f, c);
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

static void end_late(struct frames *f, struct list *ring, unsigned ms)
{
    list_each_safe(node, ring)
    {
        struct conn *c = list_entry(node, struct conn, node);
        if (uv_now(f->loop) - c->active < ms)
            return;
        f->untrue += !c->up;
        conn_close(c);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct frames *f = timer->data;
    end_late(f, &f->conns, f->options.idle_ms);
    end_late(f, &f->shaking, f->options.shake_ms);
}

struct frames *frames_open(uv_loop_t *loop, const struct frames_options *options,
                           frames_answer answer, void *context, char *error, size_t size)
{
    struct frames *f = calloc(1, sizeof *f);
    uint8_t *cipher = options->tls != NULL ? malloc(CIPHER) : NULL;
    if (f == NULL || (options->tls != NULL && cipher == NULL)) {
        free(f);
        free(cipher);
        snprintf(error, size, "no memory for TCP port %u", options->port);
        return NULL;
    }
    f->loop = loop;
    f->cipher = cipher;
    f->options = *options;
    f->answer = answer;
    f->context = context;
    list_init(&f->conns);
    list_init(&f->shaking);
    if (options->tls != NULL)
        tls_context_ref(options->tls);
    f->mem = (struct mem){.resize = resize, .budget = SIZE_MAX};
    buf_init(&f->reply, &f->mem, OUT_MAX + LENGTH + options->reply_max);
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
    frames_close(f, NULL, NULL);
    return NULL;
}

uint16_t frames_port(const struct frames *f)
{
    return f->port;
}

unsigned frames_count(const struct frames *f)
{
    return f->count;
}

uint64_t frames_untrue(const struct frames *f)
{
    return f->untrue;
}

void frames_tls(struct frames *f, struct tls_context *tls)
{
    tls_context_ref(tls);
    tls_context_unref(f->options.tls);
    f->options.tls = tls;
}
