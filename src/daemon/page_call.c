/* page_call: a command of the API is a request to the control socket's code, over a socket pair:
 * the same verbs, rights, audit and answers. The lines come back as they are: the last alone with
 * what came before it as "lines", or as they come (application/x-ndjson, text/event-stream). */
#include <sodium.h>

#include "daemon/page_inside.h"
#include "driver/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHOLE_MAX (UINT64_C(64) << 20) /* bytes of an answer that is given at once */
#define ONE_MAX   (UINT64_C(256) << 20)
#define HIGH      (1 << 20)            /* bytes of a stream that nobody took yet */
#define EACH_MAX  24                   /* commands of one account at a time */

enum mode { AS_WHOLE, AS_LINES, AS_EVENTS };

struct page_call {
    struct list node;
    struct page_waiter waiter;
    struct page_door *door;
    struct https_exchange *x; /* NULL: a watch, or it is gone */
    page_line line;           /* of a watch */
    const struct page_session *session; /* whose it is; NULL: a watch */
    uint64_t number;                    /* of it */
    uv_pipe_t pipe;
    enum mode mode;
    bool open, begun, closing, reading;
    struct mem mem;
    struct buf in, before; /* of the line that is coming; the lines before the last */
};

struct sending {
    uv_write_t request;
    size_t n;
    char bytes[];
};

/* A request on its way to Argon2id before it can be made. */
struct stretching {
    struct page_waiter waiter;
    struct page_door *door;
    struct https_exchange *x;
    enum mode mode;
    json_t *args;
    const char *command; /* a verb's name */
    char ip[46];
    uint64_t number;
    struct page_session *session;
};

/* --- the end of a call */

static void on_closed(uv_handle_t *handle)
{
    struct page_call *call = handle->data;
    struct page_door *door = call->door;
    if (call->in.p != NULL)
        crypto_wipe(call->in.p, call->in.size);
    if (call->before.p != NULL)
        crypto_wipe(call->before.p, call->before.size);
    buf_done(&call->in);
    buf_done(&call->before);
    free(call);
    page_release(door);
}

void page_call_end(struct page_call *call)
{
    if (call->closing)
        return;
    call->closing = true;
    if (call->x != NULL)
        https_keep(call->x, NULL);
    list_remove(&call->node);
    uv_close((uv_handle_t *)&call->pipe, on_closed);
}

static void stop(struct page_call *call)
{
    struct https_exchange *x = call->x;
    call->x = NULL;
    https_keep(x, NULL);
    if (call->begun)
        https_end(x);
    else
        page_refuse(call->door, x, 401, "SESSION", "the session has ended: log in", "");
    page_call_end(call);
}

/* What is not a stream was asked while the session lived, and is answered. */
void page_calls_end(struct page *p, uint64_t session)
{
    list_each(at, &p->doors)
    {
        struct page_door *door = list_entry(at, struct page_door, node);
        list_each_safe(node, &door->calls)
        {
            struct page_call *call = page_call_at(node);
            if (call->number == session && call->mode != AS_WHOLE && call->x != NULL)
                stop(call);
        }
    }
}

struct page_call *page_call_at(struct list *node)
{
    return list_entry(node, struct page_call, node);
}

static void on_gone(struct page_waiter *waiter)
{
    struct page_call *call = list_entry(waiter, struct page_call, waiter);
    call->x = NULL;
    page_call_end(call);
}

/* --- lines that come back */

static bool begins(struct slice s, const char *text)
{
    size_t n = strlen(text);
    return s.n >= n && memcmp(s.p, text, n) == 0;
}

/* The status that says to programs what the error's name says. */
static uint16_t status_of(struct slice line)
{
    static const struct {
        const char *name;
        uint16_t status;
    } known[] = {
        {"PERMISSION", 403}, {"SETTING", 400}, {"REQUEST", 400}, {"COMMAND", 404},
        {"TOO_LARGE", 413}, {"MEMORY", 503}, {"STORE", 503}, {"STOPPED", 503},
    };
    uint16_t status = 409;
    if (begins(line, "{\"ok\":true"))
        return 200;
    json_t *answer = json_loadb((const char *)line.p, line.n, 0, NULL);
    const char *name =
        json_string_value(json_object_get(json_object_get(answer, "error"), "name"));
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof *known; i++)
        status = strcmp(name, known[i].name) == 0 ? known[i].status : status;
    json_decref(answer);
    return status;
}

/* {"lines":[...],"ok":...}, or the line as it is where none came before. */
static void reply_whole(struct page_call *call, struct slice line)
{
    struct https_exchange *x = call->x;
    struct buf all;
    uint16_t status = status_of(line);
    call->x = NULL;
    if (call->before.n == 0 && !call->before.failed) {
        page_reply_text(x, status, "application/json", line);
        return;
    }
    buf_init(&all, &call->mem, WHOLE_MAX + ONE_MAX);
    buf_put_text(&all, "{\"lines\":[");
    buf_put_slice(&all, buf_slice(&call->before));
    buf_put_text(&all, "],");
    buf_put(&all, line.p + 1, line.n - 1);
    if (call->before.failed || all.failed)
        page_refuse(call->door, x, 413, "TOO_LARGE", "the answer is longer than 64 MiB: ask with "
                    "Accept: application/x-ndjson", "");
    else
        page_reply_text(x, status, "application/json", buf_slice(&all));
    buf_done(&all);
}

/* Of events before the first of them: only then does an EventSource know that it is connected. */
static void stream_begin(struct page_call *call)
{
    struct https_reply reply = {.status = 200, .header_n = 2};
    bool events = call->mode == AS_EVENTS;
    reply.header[0] = (struct https_header){"Cache-Control", "no-store"};
    reply.header[1] = (struct https_header){"Content-Type", events ? "text/event-stream"
                                                                   : "application/x-ndjson"};
    https_begin(call->x, &reply);
    call->begun = true;
    if (events)
        https_put(call->x, slice_of(": \n\n"));
}

static void put_line(struct page_call *call, struct slice line)
{
    struct https_exchange *x = call->x;
    bool last = begins(line, "{\"ok\":");
    if (!call->begun)
        stream_begin(call);
    if (call->mode == AS_EVENTS)
        https_put(x, slice_of("data: "));
    https_put(x, line);
    https_put(x, slice_of(call->mode == AS_EVENTS ? "\n\n" : "\n"));
    if (last) {
        call->x = NULL;
        https_end(x);
    }
}

static void take_line(struct page_call *call, struct slice line)
{
    bool last = begins(line, "{\"ok\":");
    if (call->line != NULL) {
        call->line(call->door, line);
    } else if (call->x == NULL) {
        return;
    } else if (call->mode != AS_WHOLE && !page_session_lives(call->door->page, call->session,
                                                             call->number)) {
        stop(call);
        return;
    } else if (call->mode != AS_WHOLE) {
        put_line(call, line);
    } else if (last) {
        reply_whole(call, line);
    } else {
        if (call->before.n > 0)
            buf_put_u8(&call->before, ',');
        buf_put_slice(&call->before, line);
    }
    if (last && call->line == NULL)
        page_call_end(call);
}

/* The control socket's code has hung up. */
static void lost(struct page_call *call)
{
    struct https_exchange *x = call->x;
    call->x = NULL;
    if (call->line != NULL)
        call->line(call->door, slice_make(NULL, 0));
    else if (x != NULL && call->begun)
        https_end(x);
    else if (x != NULL)
        page_refuse(call->door, x, 503, "STOPPED", "ilsd ends, or is too busy", "ils status");
    page_call_end(call);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    static char chunk[65536]; /* the loop's alone, and empty after each reading */
    (void)handle, (void)suggested;
    *ret = uv_buf_init(chunk, sizeof chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct page_call *call = stream->data;
    if (n < 0)
        lost(call);
    if (n <= 0)
        return;
    struct slice rest = slice_make(b->base, (size_t)n);
    while (rest.n > 0 && !call->closing) {
        size_t at = slice_find(rest, '\n');
        buf_put(&call->in, rest.p, at);
        if (call->in.failed) {
            lost(call);
            break;
        }
        if (at < rest.n) {
            take_line(call, buf_slice(&call->in));
            buf_reset(&call->in);
        }
        at += at < rest.n;
        rest = slice_make(rest.p + at, rest.n - at);
    }
    crypto_wipe(b->base, (size_t)n);
    if (!call->closing && call->x != NULL && https_waiting(call->x) > HIGH) {
        uv_read_stop(stream);
        call->reading = false;
    }
}

static void on_taken(struct page_waiter *waiter)
{
    struct page_call *call = list_entry(waiter, struct page_call, waiter);
    if (!call->reading && !call->closing)
        call->reading = uv_read_start((uv_stream_t *)&call->pipe, on_room, on_read) == 0;
}

/* --- making one */

static struct page_call *call_new(struct page_door *door, enum right right, const char *who)
{
    struct control *control = runtime_control(door->page->rt);
    struct page_call *call = NULL;
    int fd[2] = {-1, -1};
    if (control == NULL || door->closing ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
        return NULL;
    call = calloc(1, sizeof *call);
    if (call == NULL || !control_attach(control, fd[1], right, who)) {
        if (call == NULL)
            close(fd[1]);
        close(fd[0]);
        free(call);
        return NULL;
    }
    call->door = door;
    call->waiter = (struct page_waiter){on_gone, on_taken};
    call->mem = (struct mem){.resize = memory_resize, .budget = SIZE_MAX};
    buf_init(&call->in, &call->mem, ONE_MAX);
    buf_init(&call->before, &call->mem, WHOLE_MAX);
    uv_pipe_init(runtime_loop(door->page->rt), &call->pipe, 0);
    call->pipe.data = call;
    list_add(&door->calls, &call->node);
    door->pending++;
    if (uv_pipe_open(&call->pipe, fd[0]) != 0) {
        close(fd[0]);
        page_call_end(call);
        return NULL;
    }
    call->reading = uv_read_start((uv_stream_t *)&call->pipe, on_room, on_read) == 0;
    return call;
}

static void on_sent(uv_write_t *request, int status)
{
    struct sending *s = (struct sending *)request;
    (void)status;
    crypto_wipe(s->bytes, s->n);
    free(s);
}

static bool call_send(struct page_call *call, const char *text, struct slice content)
{
    size_t n = strlen(text);
    struct sending *s = malloc(sizeof *s + n + content.n);
    if (s == NULL)
        return false;
    memcpy(s->bytes, text, n);
    if (content.n > 0)
        memcpy(s->bytes + n, content.p, content.n);
    s->n = n + content.n;
    uv_buf_t b = uv_buf_init(s->bytes, (unsigned)s->n);
    if (uv_write(&s->request, (uv_stream_t *)&call->pipe, &b, 1, on_sent) == 0)
        return true;
    free(s);
    return false;
}

struct page_call *page_watch(struct page_door *door, page_line line)
{
    struct page_call *call = call_new(door, RIGHT_READ, "page");
    if (call != NULL)
        call->line = line;
    return call;
}

bool page_watch_ask(struct page_call *call, const char *text)
{
    return call_send(call, text, slice_make(NULL, 0));
}

/* --- a command */

static void call_begin(struct page_door *door, struct https_exchange *x, enum mode mode,
                       const struct page_session *s, const char *ip, const char *command,
                       json_t *args, struct slice content)
{
    char who[96];
    json_t *request = json_pack("{s:s, s:O}", "command", command, "args", args);
    if (content.n > 0)
        json_object_set_new(request, "bytes", json_integer((json_int_t)content.n));
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;
    page_who(who, s->name, ip);
    if (text != NULL && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    struct page_call *call = line != NULL ? call_new(door, s->right, who) : NULL;
    if (call == NULL || !call_send(call, line, content)) {
        page_refuse(door, x, 503, "STOPPED", "ilsd ends, or is too busy", "ils status");
        if (call != NULL)
            page_call_end(call);
    } else {
        call->mode = mode;
        call->x = x;
        call->session = s;
        call->number = s->number;
        https_keep(x, &call->waiter);
        if (mode == AS_EVENTS)
            stream_begin(call);
    }
    if (line != NULL)
        crypto_wipe(line, strlen(line));
    free(line);
    if (text != NULL)
        crypto_wipe(text, strlen(text));
    free(text);
    json_decref(request);
}

/* --- a password, which is stretched first */

static void on_stretch_gone(struct page_waiter *waiter)
{
    list_entry(waiter, struct stretching, waiter)->x = NULL;
}

static void on_stretched(void *context, enum page_outcome outcome, const char *text)
{
    struct stretching *t = context;
    struct page_door *door = t->door;
    if (t->x != NULL && outcome != PAGE_YES) {
        page_refuse(door, t->x, 503, "MEMORY", "there are not 64 MiB of memory for the password",
                    "");
    } else if (t->x != NULL && !page_session_lives(door->page, t->session, t->number)) {
        page_refuse(door, t->x, 401, "SESSION", "the session has ended: log in", "");
    } else if (t->x != NULL) {
        json_object_set_new(t->args, "stretched", json_string(text));
        call_begin(door, t->x, t->mode, t->session, t->ip, t->command, t->args,
                   slice_make(NULL, 0));
    }
    json_decref(t->args);
    free(t);
    page_release(door);
}

/* Commands that take a stretched password take one of the page as it is. */
bool page_stretches(const char *command)
{
    return strcmp(command, "password add") == 0 || strcmp(command, "configure") == 0;
}

/* Steals args. */
static void stretch(struct page_door *door, struct https_exchange *x, enum mode mode,
                    struct page_session *s, const char *ip, const char *command, json_t *args)
{
    const json_t *value = json_object_get(args, "password");
    struct slice password = slice_make(json_string_value(value), json_string_length(value));
    struct stretching *t = calloc(1, sizeof *t);
    bool empty = password.n == 0 || password.n >= PAGE_PASSWORD_MAX ||
                 memchr(password.p, '\0', password.n) != NULL;
    if (t != NULL && !empty) {
        *t = (struct stretching){.waiter = {on_stretch_gone, NULL}, .door = door, .x = x,
                                 .mode = mode, .session = s, .number = s->number,
                                 .command = control_verb(command)->name};
        memcpy(t->ip, ip, sizeof t->ip);
        if (page_hash(door->page, PAGE_STRETCH, password, NULL, on_stretched, t)) {
            json_object_del(args, "password");
            t->args = args;
            door->pending++;
            https_keep(x, &t->waiter);
            return;
        }
    }
    if (empty)
        page_refuse(door, x, 400, "SETTING", "a password has 1 to 511 bytes, none of them NUL", "");
    else
        page_refuse(door, x, 503, "BUSY", "too many passwords wait: try again in a moment", "");
    free(t);
    json_decref(args);
}

/* --- its arguments */

/* "12" is a number where the argument is one; NULL: it is not what it should be. */
static json_t *typed(enum page_type type, struct slice value)
{
    uint64_t n;
    if (type == PAGE_NUMBER)
        return slice_to_u64(value, INT64_MAX, &n) ? json_integer((json_int_t)n) : NULL;
    if (type == PAGE_FLAG && slice_eq(value, slice_of("true")))
        return json_true();
    if (type == PAGE_FLAG)
        return slice_eq(value, slice_of("false")) ? json_false() : NULL;
    return json_stringn((const char *)value.p, value.n);
}

/* Out of the query; false: *ret_wrong says what is not good. */
static bool query_args(const char *command, struct slice query, json_t *args,
                       const char **ret_wrong)
{
    struct mem mem = {.resize = memory_resize, .budget = SIZE_MAX};
    struct slice name, value;
    struct arena a;
    bool bad = false;
    arena_init(&a, &mem);
    while (!bad && page_query_next(&a, &query, &name, &value, &bad)) {
        char key[64];
        enum page_type type = page_arg_type(command, (const char *)name.p, name.n);
        json_t *item = typed(type, value);
        slice_to_text(name, key, sizeof key);
        json_t *list = json_object_get(args, key);
        if (item == NULL || name.n >= sizeof key || (list != NULL && type != PAGE_LIST)) {
            json_decref(item);
            bad = true;
        } else if (slice_eq(name, slice_of("password")) || slice_eq(name, slice_of("stretched"))) {
            *ret_wrong = "a secret has no place in an address: send JSON";
            json_decref(item);
            arena_done(&a);
            return false;
        } else if (type == PAGE_LIST) {
            if (list == NULL)
                json_object_set_new(args, key, list = json_array());
            json_array_append_new(list, item);
        } else {
            json_object_set_new(args, key, item);
        }
    }
    arena_done(&a);
    *ret_wrong = "the query is not NAME=VALUE&... with values of the right type, each once";
    return !bad;
}

/* What of the body's JSON is the content of the command, as bytes to be freed. */
static bool body_content(json_t *args, uint8_t **ret, struct slice *ret_content)
{
    const json_t *plain = json_object_get(args, "content");
    const json_t *coded = json_object_get(args, "content_base64");
    const json_t *one = plain != NULL ? plain : coded;
    size_t n = json_string_length(one), got = 0;
    *ret = NULL;
    if (one == NULL)
        return true;
    if (!json_is_string(one) || (plain != NULL && coded != NULL))
        return false;
    *ret = malloc(n + 1);
    if (*ret == NULL)
        return false;
    if (plain != NULL) {
        memcpy(*ret, json_string_value(one), n);
        got = n;
    } else if (sodium_base642bin(*ret, n + 1, json_string_value(one), n, "\r\n", &got, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    *ret_content = slice_make(*ret, got);
    json_object_del(args, "content");
    json_object_del(args, "content_base64");
    return true;
}

/* The form is delicate where it says how clusters prove who they are; asking what it would do is
 * not, unless it tries a password. */
static bool delicate(const char *command, const json_t *args)
{
    static const char *const field[] = {"use_tls", "use_password", "accept"};
    bool asks = json_is_true(json_object_get(args, "dry_run"));
    bool is = json_object_get(args, "password") != NULL ||
              json_object_get(args, "stretched") != NULL;
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        is = is || (!asks && json_object_get(args, field[i]) != NULL);
    return strcmp(command, "configure") == 0 && is;
}

/* Each may hold a long answer: one account leaves room for the others. */
static bool crowded(const struct page_door *door, const struct page_session *s)
{
    size_t n = 0;
    list_each(node, &door->calls)
    {
        const struct page_session *of = page_call_at(node)->session;
        n += of != NULL && strcmp(of->name, s->name) == 0;
    }
    return n >= EACH_MAX;
}

static enum mode mode_of(struct slice accept)
{
    return page_type_is(accept, "text/event-stream")      ? AS_EVENTS
           : page_type_is(accept, "application/x-ndjson") ? AS_LINES : AS_WHOLE;
}

void page_call(struct page_door *door, struct https_exchange *x, const struct https_asked *asked,
               const char *command, const struct page_session *session)
{
    struct page_session *s = (struct page_session *)(uintptr_t)session;
    struct slice path, query, content = asked->body;
    const char *wrong = "the body is not a JSON object of arguments";
    bool json = page_type_is(asked->type, "application/json");
    json_t *args = json ? json_loadb((const char *)asked->body.p, asked->body.n,
                                     JSON_REJECT_DUPLICATES, NULL)
                        : json_object();
    uint8_t *own = NULL;
    char ip[46];
    page_target(asked->target, &path, &query);
    page_ip(asked->from, ip);
    if (json)
        content = slice_make(NULL, 0);
    if (crowded(door, s)) {
        page_refuse(door, x, 503, "BUSY", "24 requests of this account are under way", "");
        json_decref(args);
    } else if (!json_is_object(args) || !body_content(args, &own, &content) ||
        !query_args(command, query, args, &wrong)) {
        page_refuse(door, x, 400, "SETTING", wrong, "");
        json_decref(args);
    } else if (delicate(command, args) && !page_recent(s)) {
        page_refuse(door, x, 403, "PROOF", "that takes your password once more", "");
        json_decref(args);
    } else if (page_stretches(command) && json_object_get(args, "password") != NULL) {
        stretch(door, x, mode_of(asked->accept), s, ip, command, args);
    } else {
        call_begin(door, x, mode_of(asked->accept), s, ip, command, args, content);
        json_decref(args);
    }
    if (own != NULL)
        crypto_wipe(own, content.n);
    free(own);
}
