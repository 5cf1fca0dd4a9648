/* https: libmicrohttpd without a thread and without a socket of its own: connections come from
 * tls_front. While an answer is waited for, its connection is suspended; whoever hangs up meanwhile
 * is found by looking at his socket. Nothing is resumed from inside a callback of the library: that
 * is done in a turn of the loop of its own.
 *
 * What the library says by itself, to whoever sends no request that it can read, never leaves this
 * host: tls_front sends our own answer in its place. */
#include "driver/https.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/list.h"
#include "driver/clock.h"
#include "driver/memory.h"
#include "driver/tls_front.h"

#define SWEEP_MS 500
#define SHAKE_MS 10000
#define STUCK_MS 30000
#define BLOCK    32768
#define ROOM     65536              /* bytes: below, there is room for more of a stream */
#define BODY_MAX (UINT64_C(1) << 30)
#define PUT_MAX  (UINT64_C(1) << 30)

enum state { HEAD, BODY, WAITING, ANSWERED, STREAMING };

struct https_exchange {
    struct list node;
    struct https *server;
    struct MHD_Connection *mhd;
    uint64_t number; /* of tls_front */
    int fd;
    enum state state;
    bool begun;     /* the headers of this request have been seen */
    bool suspended, gone;
    bool ran;       /* the handler has it */
    bool ended;     /* of a stream: nothing more is put */
    bool cut;
    uint8_t flaw;
    tick since;
    struct buf target, body, out;
    size_t sent;    /* of out */
    struct MHD_Response *response; /* to be queued */
    unsigned status;
    void *user;
};

struct https {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t again, sweep;
    struct MHD_Daemon *daemon;
    struct tls_front *front;
    struct https_options options;
    struct https_handler handler;
    void *context;
    struct mem mem, long_bodies;
    struct list exchanges;
    struct buf unread; /* the answer to what is no request, from its status line on */
    uint64_t coming;   /* the connection that is being given to the library */
    uint64_t late;
    unsigned handles;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

static void run(struct https *s);

static void on_again(uv_timer_t *timer)
{
    run(timer->data);
}

/* Work is left that no event will tell of. */
static void soon(struct https *s)
{
    if (!s->closing)
        uv_timer_start(&s->again, on_again, 0, 0);
}

/* --- exchanges */

static struct https_exchange *exchange_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static const struct sockaddr *source_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

static void wake(struct https_exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
    soon(x->server);
}

static void wait_here(struct https_exchange *x)
{
    x->suspended = true;
    MHD_suspend_connection(x->mhd);
}

/* The handler hears of it once, if it has the request and has not answered. */
static void tell_gone(struct https_exchange *x)
{
    bool had = x->ran && (x->state == WAITING || (x->state == STREAMING && !x->ended));
    x->gone = true;
    x->ran = false;
    if (had)
        x->server->handler.gone(x->server->context, x);
    x->user = NULL;
}

static void wipe(struct buf *b)
{
    if (b->p != NULL)
        crypto_wipe(b->p, b->size);
    buf_done(b);
}

/* Ready for the next request of the connection. */
static void start_over(struct https_exchange *x)
{
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    x->response = NULL;
    wipe(&x->body);
    buf_init(&x->body, &x->server->mem, BODY_MAX);
    buf_done(&x->out);
    buf_init(&x->out, &x->server->mem, PUT_MAX);
    x->sent = 0;
    x->state = HEAD;
    x->begun = x->ran = x->ended = x->gone = false;
    x->flaw = HTTPS_SOUND;
    x->user = NULL;
    x->since = clock_tick();
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct https *s = context;
    struct https_exchange *x = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (x == NULL)
            return;
        tell_gone(x);
        start_over(x);
        buf_done(&x->target);
        list_remove(&x->node);
        free(x);
        return;
    }
    x = calloc(1, sizeof *x);
    *socket_context = x;
    if (x == NULL)
        return; /* its first request is cut */
    x->server = s;
    x->mhd = mhd;
    x->number = s->coming;
    x->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    buf_init(&x->target, &s->mem, HTTPS_HEAD_MAX);
    buf_init(&x->body, &s->mem, BODY_MAX);
    buf_init(&x->out, &s->mem, PUT_MAX);
    x->since = clock_tick();
    list_add(&s->exchanges, &x->node);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **own,
                         enum MHD_RequestTerminationCode code)
{
    struct https_exchange *x = *own;
    (void)context, (void)mhd, (void)code;
    *own = NULL;
    if (x == NULL)
        return;
    tls_front_speaks(x->server->front, x->number, false);
    tell_gone(x);
    start_over(x);
}

static bool hung_up(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Who takes longer for a request than he may; who left while he was waited with. */
static void on_sweep(uv_timer_t *timer)
{
    struct https *s = timer->data;
    tick before = clock_tick() - HTTPS_PATIENCE_MS * TICK_MS;
    list_each_safe(node, &s->exchanges)
    {
        struct https_exchange *x = list_entry(node, struct https_exchange, node);
        bool asking = x->state == HEAD || x->state == BODY;
        if (asking && !x->cut && x->since < before) {
            x->cut = true;
            s->late++;
            shutdown(x->fd, SHUT_RDWR);
        } else if (x->suspended && hung_up(x->fd)) {
            tell_gone(x);
            wake(x);
        }
    }
}

/* --- a request */

/* Called with the request line, before libmicrohttpd takes the target apart in its place. */
static void *on_target(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct https_exchange *x = exchange_of(mhd);
    (void)context;
    if (x == NULL)
        return NULL;
    start_over(x);
    buf_reset(&x->target);
    buf_put_text(&x->target, uri);
    return x;
}

struct headers {
    struct https_asked *asked;
    unsigned lengths, encodings;
    bool twice, length_bad, odd; /* odd: a name with a blank, which others may read as another */
};

/* Where the header is kept; NULL: it is of no interest. */
static struct slice *place(struct https_asked *a, struct slice name)
{
    const struct {
        const char *name;
        struct slice *to;
    } known[] = {
        {"host", &a->host}, {"origin", &a->origin}, {"cookie", &a->cookie},
        {"x-csrf-token", &a->csrf}, {"sec-fetch-site", &a->site}, {"content-type", &a->type},
        {"accept", &a->accept}, {"accept-encoding", &a->encodings},
        {"if-none-match", &a->match},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_eq_fold(name, slice_of(known[i].name)))
            return known[i].to;
    return NULL;
}

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct headers *h = context;
    struct slice key = slice_of(name), text = slice_of(value != NULL ? value : "");
    struct slice *to = place(h->asked, key);
    (void)kind;
    h->odd = h->odd || slice_find(key, ' ') < key.n || slice_find(key, '\t') < key.n;
    if (to != NULL) {
        h->twice = h->twice || to->p != NULL;
        *to = text;
    } else if (slice_eq_fold(key, slice_of("content-length"))) {
        h->lengths++;
        h->length_bad = h->length_bad || !slice_to_u64(text, INT64_MAX, &h->asked->length);
    } else if (slice_eq_fold(key, slice_of("transfer-encoding"))) {
        h->encodings++;
    }
    return MHD_YES;
}

static void ask(struct https_exchange *x, const char *method, struct https_asked *ret)
{
    struct headers h = {.asked = ret};
    *ret = (struct https_asked){.method = slice_of(method), .target = buf_slice(&x->target),
                                .from = source_of(x->mhd), .flaw = x->flaw};
    MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, on_header, &h);
    if (x->begun)
        return;
    if (h.twice || h.odd || h.lengths > 1 || h.length_bad || (h.lengths > 0 && h.encodings > 0))
        ret->flaw = HTTPS_FRAMING;
    else if (h.encodings > 0)
        ret->flaw = HTTPS_CHUNKED;
    struct door_gate *gate = x->server->options.gate;
    enum door_verdict verdict =
        gate != NULL ? door_gate_judge(gate, ret->from, clock_tick()) : DOOR_PASSES;
    if (ret->flaw == HTTPS_SOUND && verdict != DOOR_PASSES)
        ret->flaw = verdict == DOOR_TOO_FAST ? HTTPS_TOO_OFTEN : HTTPS_NOT_ALLOWED;
    x->flaw = ret->flaw;
}

/* What was made is queued. */
static enum MHD_Result answer(struct https_exchange *x)
{
    struct MHD_Response *response = x->response;
    x->response = NULL;
    if (x->state != STREAMING)
        x->state = ANSWERED;
    enum MHD_Result taken = MHD_queue_response(x->mhd, x->status, response);
    MHD_destroy_response(response);
    return taken;
}

/* The headers are there. */
static enum MHD_Result admit(struct https_exchange *x, const char *method)
{
    struct https_asked asked;
    ask(x, method, &asked);
    tls_front_speaks(x->server->front, x->number, true); /* from here on all answers are ours */
    x->begun = true;
    x->state = BODY;
    uint64_t max = x->server->handler.admit(x->server->context, x, &asked);
    if (x->response == NULL && asked.length > max)
        return MHD_NO; /* the handler says better why */
    if (x->response == NULL && asked.length > HTTPS_SMALL)
        buf_init(&x->body, &x->server->long_bodies, BODY_MAX);
    if (x->response == NULL && asked.length > 0 && buf_extend(&x->body, asked.length) == NULL) {
        asked.flaw = HTTPS_NO_ROOM;
        x->server->handler.admit(x->server->context, x, &asked);
        if (x->response == NULL)
            return MHD_NO;
    }
    bool body = asked.length > 0 || asked.flaw == HTTPS_CHUNKED || asked.flaw == HTTPS_FRAMING;
    if (x->response != NULL && body) {
        MHD_add_response_header(x->response, "Connection", "close");
        return answer(x);
    }
    buf_reset(&x->body);
    return MHD_YES;
}

/* First with the headers alone, then with pieces of the body, then with nothing: it is whole; and
 * with nothing again when the answer is there. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **own)
{
    struct https_exchange *x = *own;
    struct https_asked asked;
    (void)context, (void)mhd, (void)url, (void)version;
    if (x == NULL || x->target.failed || x->gone)
        return MHD_NO;
    if (!x->begun)
        return admit(x, method);
    if (*data_n > 0) {
        buf_put(&x->body, data, *data_n);
        *data_n = 0;
        if (x->body.n > HTTPS_SMALL)
            x->since = clock_tick(); /* whoever may send so much is known */
        return x->body.failed ? MHD_NO : MHD_YES;
    }
    if (x->response == NULL && !x->ran) {
        ask(x, method, &asked);
        asked.body = buf_slice(&x->body);
        x->state = WAITING;
        x->ran = true;
        x->server->handler.run(x->server->context, x, &asked);
    }
    if (x->response != NULL)
        return answer(x);
    wait_here(x);
    return MHD_YES;
}

/* --- answers */

static void put_headers(const struct https *s, struct MHD_Response *response,
                        const struct https_reply *reply)
{
    for (size_t i = 0; i < s->options.always_n; i++)
        MHD_add_response_header(response, s->options.always[i].name, s->options.always[i].value);
    for (size_t i = 0; i < reply->header_n; i++)
        MHD_add_response_header(response, reply->header[i].name, reply->header[i].value);
}

void https_reply(struct https_exchange *x, const struct https_reply *reply, struct slice body)
{
    x->response = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p,
                                                  MHD_RESPMEM_MUST_COPY);
    x->status = reply->status;
    x->ran = true;
    if (x->response != NULL)
        put_headers(x->server, x->response, reply);
    else
        x->gone = true;
    x->user = NULL;
    if (x->state == WAITING)
        x->state = ANSWERED;
    wake(x);
}

static ssize_t on_stream(void *context, uint64_t at, char *to, size_t max)
{
    struct https_exchange *x = context;
    size_t n = x->out.n - x->sent;
    (void)at;
    if (x->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0 && x->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        wait_here(x);
        return 0;
    }
    n = n < max ? n : max;
    memcpy(to, x->out.p + x->sent, n);
    x->sent += n;
    if (x->sent == x->out.n) {
        buf_reset(&x->out);
        x->sent = 0;
    }
    if (x->out.n - x->sent < ROOM && !x->ended)
        x->server->handler.room(x->server->context, x);
    return (ssize_t)n;
}

void https_begin(struct https_exchange *x, const struct https_reply *reply)
{
    x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_stream, x, NULL);
    x->status = reply->status;
    if (x->response != NULL)
        put_headers(x->server, x->response, reply);
    else
        x->gone = true;
    x->state = STREAMING;
    wake(x);
}

void https_put(struct https_exchange *x, struct slice bytes)
{
    if (x->gone || x->ended)
        return;
    if (x->sent > ROOM) {
        buf_drop(&x->out, x->sent);
        x->sent = 0;
    }
    buf_put_slice(&x->out, bytes);
    if (x->out.failed)
        x->ended = true; /* cut short: the other end sees no end of it */
    wake(x);
}

void https_end(struct https_exchange *x)
{
    x->ended = true;
    x->user = NULL;
    wake(x);
}

size_t https_waiting(const struct https_exchange *x)
{
    return x->out.n - x->sent;
}

void https_keep(struct https_exchange *x, void *user)
{
    x->user = user;
}

void *https_kept(const struct https_exchange *x)
{
    return x->user;
}

/* --- in our loop */

/* Also when nothing is readable: what was read ahead waits for no event. */
static void run(struct https *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (s->closing)
        return;
    MHD_run(s->daemon);
    if (MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms < SWEEP_MS)
        uv_timer_start(&s->again, on_again, ms, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

static bool on_up(void *context, uint64_t number, int fd, const struct sockaddr *from, socklen_t n)
{
    struct https *s = context;
    s->coming = number;
    bool good = MHD_add_connection(s->daemon, fd, from, n) == MHD_YES;
    s->coming = 0;
    soon(s);
    return good;
}

static void on_unasked(void *context, const struct sockaddr *from)
{
    struct https *s = context;
    s->handler.unread(s->context, from);
}

/* As the library would send it. */
static void write_unread(struct https *s)
{
    static const struct https_header own[] = {
        {"Connection", "close"}, {"Cache-Control", "no-store"},
        {"Content-Type", "application/json"}};
    const struct https_options *o = &s->options;
    char length[64];
    buf_put_text(&s->unread, "HTTP/1.1 400 Bad Request\r\n");
    for (size_t i = 0; i < o->always_n + sizeof own / sizeof *own; i++) {
        const struct https_header *h = i < o->always_n ? &o->always[i] : &own[i - o->always_n];
        buf_put_text(&s->unread, h->name);
        buf_put_text(&s->unread, ": ");
        buf_put_text(&s->unread, h->value);
        buf_put_text(&s->unread, "\r\n");
    }
    snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(o->unread));
    buf_put_text(&s->unread, length);
    buf_put_text(&s->unread, o->unread);
}

/* --- life */

static bool watch(struct https *s)
{
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTPS_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(2 * HTTPS_HEAD_MAX + BLOCK), MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (s->daemon == NULL)
        return false;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(s->loop, &s->poll, info->epoll_fd) != 0)
        return false;
    uv_timer_init(s->loop, &s->again);
    uv_timer_init(s->loop, &s->sweep);
    s->poll.data = s->again.data = s->sweep.data = s;
    s->handles = 3;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
    uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return true;
}

static void gone(uv_handle_t *h)
{
    struct https *s = h->data;
    if (--s->handles > 0)
        return;
    void (*closed)(void *) = s->closed;
    void *context = s->closed_context;
    buf_done(&s->unread);
    free(s);
    if (closed != NULL)
        closed(context);
}

static void close_handles(struct https *s)
{
    uv_close((uv_handle_t *)&s->poll, gone);
    uv_close((uv_handle_t *)&s->again, gone);
    uv_close((uv_handle_t *)&s->sweep, gone);
}

static void on_front_closed(void *context)
{
    close_handles(context);
}

/* The library must not end with connections that are suspended. */
void https_close(struct https *s, void (*closed)(void *context), void *context)
{
    s->closed = closed;
    s->closed_context = context;
    s->closing = true;
    list_each_safe(node, &s->exchanges)
    {
        struct https_exchange *x = list_entry(node, struct https_exchange, node);
        tell_gone(x);
        wake(x);
    }
    uv_poll_stop(&s->poll);
    MHD_stop_daemon(s->daemon);
    if (s->front != NULL)
        tls_front_close(s->front, on_front_closed, s);
    else
        close_handles(s);
}

struct https *https_open(uv_loop_t *loop, const struct https_options *options,
                         const struct https_handler *handler, void *context, char *error,
                         size_t size)
{
    static const struct tls_front_events events = {on_up, on_unasked};
    struct https *s = calloc(1, sizeof *s);
    struct tls_front_options front = {.address = options->address, .port = options->port,
                                      .conns_max = HTTPS_CONNECTIONS_MAX,
                                      .source_max = HTTPS_SOURCE_MAX, .gate = options->gate,
                                      .tls = options->tls, .shake_ms = SHAKE_MS,
                                      .stuck_ms = STUCK_MS};
    if (s == NULL) {
        snprintf(error, size, "there is no memory for TCP port %u", options->port);
        return NULL;
    }
    s->loop = loop;
    s->options = *options;
    s->handler = *handler;
    s->context = context;
    s->mem = (struct mem){.resize = memory_resize, .budget = SIZE_MAX};
    s->long_bodies = (struct mem){.resize = memory_resize, .budget = HTTPS_LONG_ALL};
    list_init(&s->exchanges);
    buf_init(&s->unread, &s->mem, HTTPS_HEAD_MAX);
    write_unread(s);
    front.instead = buf_slice(&s->unread);
    if (s->unread.failed || !watch(s)) {
        snprintf(error, size, "there is no memory for TCP port %u", options->port);
        if (s->daemon != NULL)
            MHD_stop_daemon(s->daemon);
        buf_done(&s->unread);
        free(s);
        return NULL;
    }
    s->front = tls_front_open(loop, &front, &events, s, error, size);
    if (s->front != NULL)
        return s;
    https_close(s, NULL, NULL);
    return NULL;
}

uint16_t https_port(const struct https *s)
{
    return tls_front_port(s->front);
}

void https_tls(struct https *s, struct tls_context *tls)
{
    tls_front_tls(s->front, tls);
}

void https_counts(const struct https *s, struct https_counts *ret)
{
    *ret = (struct https_counts){.late = s->late, .untrue = tls_front_untrue(s->front)};
}
