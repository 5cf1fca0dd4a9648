/* http: libmicrohttpd without a thread of its own: one epoll descriptor, watched by libuv. It lets
 * pass what a strict reader would not (two lengths, a length beside chunks): that is judged here,
 * from the headers it found. A request that is refused ends its connection, so that nobody can hide
 * a second one behind it. */
#include "driver/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "driver/address.h"
#include "driver/clock.h"

#define SWEEP_MS 1000

struct http_server {
    uv_poll_t poll;
    uv_timer_t again; /* work is left that no event will tell of */
    uv_timer_t sweep;
    struct MHD_Daemon *daemon;
    uint16_t port;
    size_t body_max;
    struct door_gate *gate;
    http_handler handler;
    void *context;
    struct mem mem;
    struct buf out;
    struct list connections;
    size_t connection_n;
    uint64_t late;
    unsigned handles;
    void (*closed)(void *context);
    void *closed_context;
};

/* One connection, and the request that is under way on it. */
struct connection {
    struct list node;
    struct MHD_Connection *mhd;
    tick since;        /* the end of the request before, or when it came */
    bool cut, begun;
    uint8_t flaw;
    struct buf target, body;
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context, (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

/* --- connections */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static const struct sockaddr *source_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info->client_addr;
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = context;
    struct connection *c = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c == NULL)
            return;
        buf_done(&c->target);
        buf_done(&c->body);
        list_remove(&c->node);
        s->connection_n--;
        free(c);
        return;
    }
    c = calloc(1, sizeof *c);
    *socket_context = c;
    if (c == NULL)
        return; /* its first request is cut */
    c->mhd = mhd;
    c->since = clock_tick();
    buf_init(&c->target, &s->mem, HTTP_HEAD_MAX);
    buf_init(&c->body, &s->mem, s->body_max);
    list_add(&s->connections, &c->node);
    s->connection_n++;
}

static enum MHD_Result on_accept(void *context, const struct sockaddr *from, socklen_t n)
{
    struct http_server *s = context;
    (void)n;
    return s->gate == NULL || door_gate_allows(s->gate, from) ? MHD_YES : MHD_NO;
}

/* Who takes longer for a request than he may. A socket that is shut down reads as ended, and
 * libmicrohttpd closes it. */
static void on_sweep(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    bool hurry = s->connection_n > HTTP_CONNECTIONS_MAX / 2;
    tick before = clock_tick() - (hurry ? HTTP_HURRY_MS : HTTP_PATIENCE_MS) * TICK_MS;
    list_each(node, &s->connections) {
        struct connection *c = list_entry(node, struct connection, node);
        if (c->cut || c->since > before)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        c->cut = true;
        s->late++;
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

/* --- requests */

/* Called with the request line, before libmicrohttpd takes the target apart in its place. */
static void *on_target(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct connection *c = connection_of(mhd);
    (void)context;
    if (c == NULL)
        return NULL;
    buf_reset(&c->target);
    buf_reset(&c->body);
    buf_put_text(&c->target, uri);
    c->begun = false;
    c->flaw = HTTP_SOUND;
    return c;
}

struct headers {
    struct slice host, authorization;
    unsigned hosts, authorizations, lengths, encodings;
    uint64_t length;
    bool length_bad;
};

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct headers *h = context;
    struct slice key = slice_of(name), text = slice_of(value != NULL ? value : "");
    (void)kind;
    switch (key.n) {
    case 4:
        if (!slice_eq_fold(key, slice_of("host")))
            break;
        h->hosts++;
        h->host = text;
        break;
    case 13:
        if (!slice_eq_fold(key, slice_of("authorization")))
            break;
        h->authorizations++;
        h->authorization = text;
        break;
    case 14:
        if (!slice_eq_fold(key, slice_of("content-length")))
            break;
        h->lengths++;
        h->length_bad = h->length_bad || !slice_to_u64(text, INT64_MAX, &h->length);
        break;
    case 17: h->encodings += slice_eq_fold(key, slice_of("transfer-encoding")); break;
    default: break;
    }
    return MHD_YES;
}

static uint8_t judge_headers(const struct http_server *s, const struct headers *h)
{
    if (h->hosts > 1 || h->authorizations > 1 || h->lengths > 1 || h->encodings > 1 ||
        h->length_bad || (h->lengths > 0 && h->encodings > 0))
        return HTTP_FRAMING;
    return h->length > s->body_max ? HTTP_TOO_LARGE : HTTP_SOUND;
}

static void put_headers(struct MHD_Response *response, const struct http_reply *reply, bool last)
{
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (reply->allow != NULL)
        MHD_add_response_header(response, "Allow", reply->allow);
    if (reply->challenge)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"openils\"");
    if (reply->soon)
        MHD_add_response_header(response, "Retry-After", "1");
    if (last)
        MHD_add_response_header(response, "Connection", "close");
}

/* MHD_NO: the connection ends at once. */
static enum MHD_Result answer(struct http_server *s, struct connection *c, const char *method,
                              const struct headers *h)
{
    struct http_asked asked = {.flaw = c->flaw, .method = slice_of(method),
                               .target = buf_slice(&c->target), .host = h->host,
                               .authorization = h->authorization, .body = buf_slice(&c->body),
                               .from = source_of(c->mhd)};
    struct http_reply reply = {.status = 503, .type = "text/plain"};
    if (c->target.failed || c->body.failed)
        return MHD_NO;
    buf_reset(&s->out);
    s->handler(s->context, &asked, &s->out, &reply);
    if (s->out.failed) {
        buf_reset(&s->out);
        reply.status = 503;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(s->out.n, s->out.p, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    put_headers(response, &reply, c->flaw != HTTP_SOUND && c->flaw != HTTP_TOO_OFTEN);
    enum MHD_Result taken = MHD_queue_response(c->mhd, reply.status, response);
    MHD_destroy_response(response);
    c->since = clock_tick();
    return taken;
}

static uint8_t judge_source(const struct http_server *s, const struct connection *c)
{
    enum door_verdict verdict =
        s->gate != NULL ? door_gate_judge(s->gate, source_of(c->mhd), clock_tick()) : DOOR_PASSES;
    return verdict == DOOR_PASSES     ? HTTP_SOUND
           : verdict == DOOR_TOO_FAST ? HTTP_TOO_OFTEN : HTTP_NOT_ALLOWED;
}

/* First with the headers alone, then with pieces of the body, then with nothing: it is whole. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **own)
{
    struct http_server *s = context;
    struct connection *c = *own;
    struct headers h = {.hosts = 0};
    (void)url, (void)version;
    if (c == NULL)
        return MHD_NO;
    bool first = !c->begun;
    c->begun = true;
    if (*data_n > 0) {
        buf_put(&c->body, data, *data_n);
        if (c->body.failed) /* chunks, above the limit */
            return MHD_NO;
        *data_n = 0;
        return MHD_YES;
    }
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, on_header, &h);
    if (first) {
        c->flaw = judge_headers(s, &h);
        if (c->flaw == HTTP_SOUND)
            c->flaw = judge_source(s, c);
        if (c->flaw == HTTP_SOUND) /* an answer to the headers alone would end the connection */
            return MHD_YES;
    }
    return answer(s, c, method, &h);
}

/* --- in our loop */

static void run(struct http_server *s);

static void on_again(uv_timer_t *timer)
{
    run(timer->data);
}

/* Also when nothing is readable: what was read ahead waits for no event. */
static void run(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(s->daemon);
    if (MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms < SWEEP_MS)
        uv_timer_start(&s->again, on_again, ms, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

/* --- life */

static int listen_at(struct http_server *s, const char *address, uint16_t port, int *ret_fd)
{
    struct sockaddr_storage a;
    socklen_t n;
    char text[46];
    int on = 1, off = 0;
    if (!address_parse(address, port, &a, &n))
        return EADDRNOTAVAIL;
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr *)&a, n) != 0 || listen(fd, 511) != 0) {
        int code = errno;
        close(fd);
        return code;
    }
    n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    address_text((const struct sockaddr *)&a, text, &s->port);
    *ret_fd = fd;
    return 0;
}

static struct MHD_Daemon *start(struct http_server *s, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, on_accept, s, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)HTTP_SOURCE_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static bool watch(struct http_server *s, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(loop, &s->poll, info->epoll_fd) != 0)
        return false;
    uv_timer_init(loop, &s->again);
    uv_timer_init(loop, &s->sweep);
    s->poll.data = s->again.data = s->sweep.data = s;
    s->handles = 3;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
    uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return true;
}

struct http_server *http_open(uv_loop_t *loop, const char *address, uint16_t port,
                              size_t body_max, size_t reply_max, struct door_gate *gate,
                              http_handler handler, void *context, char *error, size_t size)
{
    struct http_server *s = calloc(1, sizeof *s);
    int fd = -1;
    if (s == NULL) {
        snprintf(error, size, "no memory for TCP port %u", port);
        return NULL;
    }
    s->body_max = body_max;
    s->gate = gate;
    s->handler = handler;
    s->context = context;
    s->mem = (struct mem){.resize = resize, .budget = SIZE_MAX};
    buf_init(&s->out, &s->mem, reply_max);
    list_init(&s->connections);
    int code = listen_at(s, address, port, &fd);
    if (code == 0) {
        s->daemon = start(s, fd);
        if (s->daemon == NULL)
            close(fd);
        if (s->daemon == NULL || !watch(s, loop))
            code = ENOMEM;
    }
    if (code == 0)
        return s;
    address_refused(code, false, address, port, error, size);
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    free(s);
    return NULL;
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}

void http_counts(const struct http_server *s, struct http_counts *ret)
{
    *ret = (struct http_counts){.connections = s->connection_n, .late = s->late};
}

static void gone(uv_handle_t *h)
{
    struct http_server *s = h->data;
    if (--s->handles > 0)
        return;
    void (*closed)(void *) = s->closed;
    void *context = s->closed_context;
    buf_done(&s->out);
    free(s);
    closed(context);
}

void http_close(struct http_server *s, void (*closed)(void *context), void *context)
{
    s->closed = closed;
    s->closed_context = context;
    uv_poll_stop(&s->poll);
    MHD_stop_daemon(s->daemon);
    uv_close((uv_handle_t *)&s->poll, gone);
    uv_close((uv_handle_t *)&s->again, gone);
    uv_close((uv_handle_t *)&s->sweep, gone);
}
