/* page: the door itself: its certificate, and who may have what. A request passes, in this order:
 * the gate, its framing, the name of the host that it was sent to, the place that it comes from,
 * its path and method, the session, the CSRF token, the role, and, for what is delicate, a password
 * given within five minutes. Nothing is done before all of them. */
#include "daemon/page_inside.h"
#include "daemon/page_files.h"
#include "daemon/runtime_inside.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "driver/tls_door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define RATE       200 /* requests of one source a second, by default */
#define ERROR_TEXT 256

/* No script, style or picture but our own, in no frame, and nothing of it told to others. */
static const struct https_header always[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
};

static const char unread[] =
    "{\"ok\":false,\"error\":{\"name\":\"FRAMING\",\"text\":\"what came is no HTTP request, or its "
    "head is longer than it may be\",\"next\":\"\",\"where\":null,\"more\":[]},\"exit\":1}";

enum what { WHAT_FILE, WHAT_SIGN, WHAT_SESSION, WHAT_END, WHAT_SESSIONS, WHAT_SESSIONS_END,
            WHAT_USERS, WHAT_OPENAPI, WHAT_EVENTS, WHAT_COMMAND };

struct asked_route {
    enum what what;
    enum page_sign sign;
    const struct verb *verb;
    const struct page_file *file;
    struct page_session *session;
};

/* --- answers */

void page_reply_text(struct https_exchange *x, uint16_t status, const char *type,
                     struct slice text)
{
    struct https_reply reply = {.status = status, .header_n = 2};
    reply.header[0] = (struct https_header){"Content-Type", type};
    reply.header[1] = (struct https_header){"Cache-Control", "no-store"};
    https_reply(x, &reply, text);
}

void page_reply(struct https_exchange *x, uint16_t status, json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    page_reply_text(x, text != NULL ? status : 503, "application/json",
                    slice_of(text != NULL ? text : ""));
    if (text != NULL)
        crypto_wipe(text, strlen(text));
    free(text);
    json_decref(body);
}

void page_reply_cookie(struct https_exchange *x, json_t *body, const char *id)
{
    char cookie[PAGE_SESSION_HEX + 96];
    struct https_reply reply = {.status = 200, .header_n = 3};
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    snprintf(cookie, sizeof cookie, PAGE_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
             id, id[0] == '\0' ? "; Max-Age=0" : "");
    reply.header[0] = (struct https_header){"Content-Type", "application/json"};
    reply.header[1] = (struct https_header){"Cache-Control", "no-store"};
    reply.header[2] = (struct https_header){"Set-Cookie", cookie};
    https_reply(x, &reply, slice_of(text != NULL ? text : "{}"));
    if (text != NULL)
        crypto_wipe(text, strlen(text));
    crypto_wipe(cookie, sizeof cookie);
    free(text);
    json_decref(body);
}

void page_refuse(struct page_door *door, struct https_exchange *x, uint16_t status,
                 const char *name, const char *text, const char *next)
{
    json_t *error = json_pack("{s:s, s:s, s:s, s:n, s:[]}", "name", name, "text", text, "next",
                              next, "where", "more");
    door->page->refused++;
    door->page->refusal = name;
    page_reply(x, status, json_pack("{s:b, s:o, s:i}", "ok", 0, "error", error, "exit", 1));
}

void page_ip(const struct sockaddr *from, char ret[static 46])
{
    uint16_t port;
    address_text(from, ret, &port);
}

void page_who(char dst[static 96], const char *name, const char *ip)
{
    snprintf(dst, 96, "%.40s (page, %.45s)", name, ip);
}

/* --- who may have what */

static bool unsafe(const struct https_asked *asked)
{
    return !slice_eq(asked->method, slice_of("GET")) && !slice_eq(asked->method, slice_of("HEAD"));
}

bool page_recent(const struct page_session *s)
{
    return clock_tick() - s->proved <= PAGE_PROVED_US;
}

struct page_session *page_session_of(struct page *p, const struct https_asked *asked)
{
    struct slice id;
    return page_cookie(asked->cookie, &id) ? page_session_find(p, id) : NULL;
}

/* Passwords, certificates and whom to trust: a cookie alone is not enough. */
static bool delicate(const struct verb *verb)
{
    static const char *const begins[] = {"auth set", "password add", "password prefer",
                                         "password drop", "trust import", "trust remove",
                                         "trust bundle import", "trust introductions set",
                                         "cert install", "cert renew", "cert now", "token add",
                                         "token remove", "identity new", "restore", "backup",
                                         "store copy",
                                         "door set", "page remove", "page set", "source add"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strcmp(verb->name, begins[i]) == 0)
            return true;
    return strcmp(verb->name, "invite") == 0;
}

/* The name that the browser believes to talk to must be this host's: another one is a page of
 * somebody else that has its name point here. */
static bool host_good(const struct page *p, struct slice host)
{
    char advertised[HOST_TEXT_MAX + 1];
    struct slice name[2];
    struct view_self self;
    size_t n = 0;
    view_self(p->rt->core, &self);
    if (self.fqdn.n > 0)
        name[n++] = self.fqdn;
    if (runtime_advertised(p->rt, advertised))
        name[n++] = slice_of(advertised);
    return http_host_good(name, n, host);
}

/* Before anybody looks at what is asked for. False: it was refused. */
static bool judge_place(struct page_door *door, struct https_exchange *x,
                        const struct https_asked *asked)
{
    struct slice path, query, api = slice_of(PAGE_API);
    page_target(asked->target, &path, &query);
    bool is_api = path.n >= api.n && slice_eq(slice_make(path.p, api.n), api);
    switch (asked->flaw) {
    case HTTPS_SOUND: break;
    case HTTPS_CHUNKED:
        page_refuse(door, x, 411, "LENGTH", "a body comes with its Content-Length", "");
        return false;
    case HTTPS_TOO_OFTEN:
        page_refuse(door, x, 429, "RATE", "this source asks more often than it may",
                    "ils door set page --rate N/s");
        return false;
    case HTTPS_NOT_ALLOWED:
        page_refuse(door, x, 403, "SOURCE", "this source may not ask",
                    "ils door set page --allow NET");
        return false;
    case HTTPS_NO_ROOM:
        page_refuse(door, x, 503, "BUSY", "too many files are on their way: try again in a moment",
                    "");
        return false;
    default:
        page_refuse(door, x, 400, "FRAMING", "a header is there twice, or a length is not clear",
                    "");
        return false;
    }
    if (!host_good(door->page, asked->host)) {
        page_refuse(door, x, 421, "HOST", "Host is neither an address, localhost nor the FQDN of "
                    "this cluster", "ils describe --fqdn NAME");
        return false;
    }
    if ((is_api || unsafe(asked)) &&
        !page_origin_good(asked->host, asked->origin, asked->site)) {
        page_refuse(door, x, 403, "ORIGIN", "a page of another place may not ask here", "");
        return false;
    }
    return true;
}

struct fixed {
    const char *path, *method;
    enum what what;
    enum page_sign sign;
    bool open; /* without a session */
};

static const struct fixed fixed[] = {
    {PAGE_API "openapi.json", "GET", WHAT_OPENAPI, PAGE_LOGIN, true},
    {PAGE_API "session", "GET", WHAT_SESSION, PAGE_LOGIN, true},
    {PAGE_API "session", "POST", WHAT_SIGN, PAGE_LOGIN, true},
    {PAGE_API "setup", "POST", WHAT_SIGN, PAGE_SETUP, true},
    {PAGE_API "session", "DELETE", WHAT_END, PAGE_LOGIN, false},
    {PAGE_API "session/proof", "POST", WHAT_SIGN, PAGE_PROOF, false},
    {PAGE_API "session/password", "POST", WHAT_SIGN, PAGE_PASSWORD, false},
    {PAGE_API "session/factor", "POST", WHAT_SIGN, PAGE_FACTOR, false},
    {PAGE_API "session/factor/remove", "POST", WHAT_SIGN, PAGE_FACTOR_REMOVE, false},
    {PAGE_API "sessions", "GET", WHAT_SESSIONS, PAGE_LOGIN, false},
    {PAGE_API "sessions/end", "POST", WHAT_SESSIONS_END, PAGE_LOGIN, false},
    {PAGE_API "users", "GET", WHAT_USERS, PAGE_LOGIN, false},
    {PAGE_API "users", "POST", WHAT_SIGN, PAGE_USER, false},
    {PAGE_API "users/remove", "POST", WHAT_SIGN, PAGE_USER_REMOVE, false},
    {PAGE_API "events", "GET", WHAT_EVENTS, PAGE_LOGIN, false},
};

/* What the path and the method name; *ret_open: to everybody. False: it was refused. */
static bool judge_path(struct page_door *door, struct https_exchange *x,
                       const struct https_asked *asked, struct asked_route *ret, bool *ret_open)
{
    char command[PAGE_COMMAND_MAX];
    struct slice path, query, method = asked->method;
    bool head = slice_eq(method, slice_of("HEAD")), there = false;
    page_target(asked->target, &path, &query);
    if (head)
        method = slice_of("GET");
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (!slice_eq(path, slice_of(fixed[i].path)))
            continue;
        there = true;
        if (!slice_eq(method, slice_of(fixed[i].method)))
            continue;
        *ret = (struct asked_route){.what = fixed[i].what, .sign = fixed[i].sign};
        *ret_open = fixed[i].open;
        return true;
    }
    *ret = (struct asked_route){.what = WHAT_COMMAND};
    *ret_open = false;
    if (!there && page_command(path, command))
        ret->verb = control_verb(command);
    if (ret->verb != NULL && strcmp(ret->verb->name, "page setup") == 0)
        ret->verb = NULL; /* a code is for whoever sits at the console */
    if (ret->verb != NULL && (slice_eq(method, slice_of("POST")) ||
                              (slice_eq(method, slice_of("GET")) &&
                               ret->verb->right == RIGHT_READ)))
        return true;
    there = there || ret->verb != NULL;
    ret->file = there ? NULL : page_file(path);
    if (ret->file != NULL && slice_eq(method, slice_of("GET"))) {
        ret->what = WHAT_FILE;
        *ret_open = true;
        return true;
    }
    if (there || ret->file != NULL)
        page_refuse(door, x, 405, "METHOD", "that method has no meaning here", "");
    else
        page_refuse(door, x, 404, "PATH", "there is nothing of that name", "");
    return false;
}

/* What is left to whoever must set up a second factor first: that, and leaving. */
static bool before_enrolling(const struct asked_route *route)
{
    return route->what == WHAT_END ||
           (route->what == WHAT_SIGN && (route->sign == PAGE_FACTOR ||
                                         route->sign == PAGE_PROOF ||
                                         route->sign == PAGE_PASSWORD));
}

/* Whose session it is, and what he may. False: it was refused. */
static bool judge_session(struct page_door *door, struct https_exchange *x,
                          const struct https_asked *asked, struct asked_route *route, bool open)
{
    struct page_session *s = route->session = page_session_of(door->page, asked);
    bool users = route->what == WHAT_USERS ||
                 (route->what == WHAT_SIGN && (route->sign == PAGE_USER ||
                                               route->sign == PAGE_USER_REMOVE));
    bool factor = route->what == WHAT_SIGN && (route->sign == PAGE_FACTOR ||
                                               route->sign == PAGE_FACTOR_REMOVE);
    if (open)
        return true;
    if (s == NULL) {
        page_refuse(door, x, 401, "SESSION", "log in first", "");
        return false;
    }
    if (route->what != WHAT_EVENTS)
        s->used = clock_tick();
    if (unsafe(asked) &&
        (asked->csrf.n != PAGE_SESSION_HEX ||
         !crypto_equal(asked->csrf.p, (const uint8_t *)s->csrf, PAGE_SESSION_HEX))) {
        page_refuse(door, x, 403, "CSRF", "the header X-CSRF-Token is not that of the session", "");
        return false;
    }
    bool change = route->verb != NULL ? route->verb->right == RIGHT_CHANGE : users;
    if (change && s->right != RIGHT_CHANGE) {
        page_refuse(door, x, 403, "ROLE", "that takes the role admin", "");
        return false;
    }
    if (!before_enrolling(route) && page_must_enrol(door->page, s->name)) {
        page_refuse(door, x, 403, "ENROL", "a second factor is required here: set one up first",
                    "");
        return false;
    }
    if (unsafe(asked) && !page_recent(s) &&
        (route->verb != NULL ? delicate(route->verb)
                             : users || factor || route->what == WHAT_SESSIONS_END)) {
        page_refuse(door, x, 403, "PROOF", "that takes your password once more", "");
        return false;
    }
    return true;
}

static bool judge(struct page_door *door, struct https_exchange *x,
                  const struct https_asked *asked, struct asked_route *ret)
{
    bool open = false;
    if (!judge_place(door, x, asked) || !judge_path(door, x, asked, ret, &open) ||
        !judge_session(door, x, asked, ret, open))
        return false;
    bool json = ret->what == WHAT_SIGN || ret->what == WHAT_SESSIONS_END ||
                (ret->what == WHAT_COMMAND && !ret->verb->content);
    if (json && asked->length > 0 && !page_type_is(asked->type, "application/json")) {
        page_refuse(door, x, 415, "TYPE", "the body is application/json here", "");
        return false;
    }
    return true;
}

/* --- requests */

static uint64_t admit(void *context, struct https_exchange *x, const struct https_asked *asked)
{
    struct page_door *door = context;
    struct asked_route route = {.what = WHAT_FILE};
    char ip[46];
    door->page->requests++;
    if (!judge(door, x, asked, &route)) {
        page_ip(asked->from, ip);
        page_log_refusal(door->page, door->page->refusal,
                         route.session != NULL ? route.session->name : "",
                         route.verb != NULL ? route.verb->name : "", ip);
        return 0;
    }
    uint64_t max = route.what == WHAT_SIGN || route.what == WHAT_SESSIONS_END ? PAGE_SIGN_BODY
                   : route.what != WHAT_COMMAND || !unsafe(asked) ? 0
                   : route.verb->content ? PAGE_CONTENT_MAX : HTTPS_SMALL;
    if (asked->length > max)
        page_refuse(door, x, 413, "TOO_LARGE", "the body is longer than this takes", "");
    return max;
}

static void give_file(struct page_door *door, struct https_exchange *x,
                      const struct https_asked *asked, const struct page_file *file)
{
    if (file->gzip && !page_gzip(asked->encodings)) {
        page_refuse(door, x, 406, "ENCODING", "the files of the page are compressed: ask with "
                    "Accept-Encoding: gzip", "");
        return;
    }
    struct https_reply reply = {.status = 200, .header_n = 4};
    bool same = asked->match.p != NULL && page_match(asked->match, slice_of(file->tag));
    reply.header[0] = (struct https_header){"Content-Type", file->type};
    reply.header[1] = (struct https_header){"Cache-Control", "no-cache"};
    reply.header[2] = (struct https_header){"ETag", file->tag};
    reply.header[3] = (struct https_header){"Vary", "Accept-Encoding"};
    if (file->gzip)
        reply.header[reply.header_n++] = (struct https_header){"Content-Encoding", "gzip"};
    reply.status = same ? 304 : 200;
    https_reply(x, &reply, same ? slice_make(NULL, 0) : slice_make(file->bytes, file->n));
}

/* One of the sessions that page_sessions lists for him. */
static void end_session(struct page_door *door, struct https_exchange *x,
                        const struct https_asked *asked, struct page_session *s)
{
    json_int_t number = 0;
    json_t *body = json_loadb((const char *)asked->body.p, asked->body.n, JSON_REJECT_DUPLICATES,
                              NULL);
    bool good = json_unpack_ex(body, NULL, JSON_STRICT, "{s:I}", "number", &number) == 0;
    struct page_session *other = page_session_seen(door->page, s, (uint64_t)number);
    char ip[46];
    json_decref(body);
    if (!good) {
        page_refuse(door, x, 400, "REQUEST", "the request is not understood (docs/api.md)", "");
    } else if (other == NULL) {
        page_refuse(door, x, 404, "NUMBER", "there is no such session", "");
    } else if (other == s) {
        page_refuse(door, x, 409, "OWN", "it is the one that asks: log out", "");
    } else {
        page_ip(asked->from, ip);
        page_log(true, other->name, "has a session less, ended by hand", ip);
        page_session_end(door->page, other);
        page_reply(x, 200, page_sessions(door->page, s));
    }
}

static void run(void *context, struct https_exchange *x, const struct https_asked *asked)
{
    struct page_door *door = context;
    struct page *p = door->page;
    struct asked_route route;
    char ip[46];
    json_t *body;
    if (!judge(door, x, asked, &route))
        return;
    switch (route.what) {
    case WHAT_FILE: give_file(door, x, asked, route.file); break;
    case WHAT_SIGN: page_sign(door, x, asked, route.sign, route.session); break;
    case WHAT_SESSION:
        body = route.session != NULL ? page_session_json(p, route.session) : json_object();
        json_object_set_new(body, "accounts", json_boolean(p->account_n > 0));
        page_reply(x, 200, body);
        break;
    case WHAT_END:
        page_ip(asked->from, ip);
        page_log(true, route.session->name, "logged out", ip);
        page_session_end(p, route.session);
        page_reply_cookie(x, json_object(), "");
        break;
    case WHAT_SESSIONS: page_reply(x, 200, page_sessions(p, route.session)); break;
    case WHAT_SESSIONS_END: end_session(door, x, asked, route.session); break;
    case WHAT_USERS: page_reply(x, 200, page_users(p)); break;
    case WHAT_OPENAPI: page_reply(x, 200, page_openapi()); break;
    case WHAT_EVENTS: page_events(door, x, route.session); break;
    case WHAT_COMMAND: page_call(door, x, asked, route.verb->name, route.session); break;
    }
}

static void on_gone(void *context, struct https_exchange *x)
{
    struct page_waiter *w = https_kept(x);
    (void)context;
    if (w != NULL)
        w->gone(w);
}

static void on_unread(void *context, const struct sockaddr *from)
{
    struct page_door *door = context;
    char ip[46];
    page_ip(from, ip);
    door->page->requests++;
    door->page->refused++;
    page_log_refusal(door->page, "FRAMING", "", "", ip);
}

static void on_room(void *context, struct https_exchange *x)
{
    struct page_waiter *w = https_kept(x);
    (void)context;
    if (w != NULL && w->room != NULL)
        w->room(w);
}

/* --- its certificate */

static void note_fingerprint(struct page *p, struct slice der)
{
    struct x509_report report;
    p->fingerprint[0] = '\0';
    if (x509_facts(der, &report) != 0)
        return;
    char text[RENDER_FINGERPRINT];
    render_fingerprint(text, report.certificate.fingerprint);
    snprintf(p->fingerprint, sizeof p->fingerprint, "%s", text);
    x509_report_free(&report);
}

/* The cluster's own certificate; before it has one, one for this life of ilsd. */
static struct tls_context *make_context(struct page *p, char *error, size_t size)
{
    struct tls_door_options o = {.protocol = "http/1.1"};
    struct view_own own;
    struct x509_bag bag = {0};
    static const char *const more[] = {"127.0.0.1", "::1"};
    if (view_own(p->rt->core, 0, &own)) {
        o.leaf = own.leaf;
        o.chain = own.chain;
        o.key = own.key;
    } else {
        if (x509_make("localhost", more, 2, slice_make(NULL, 0), 90, &bag, error, size) != 0)
            return NULL;
        o.leaf = bag.item[0].der;
        o.key = bag.key;
    }
    struct tls_context *context = tls_door_context(&o, error, size);
    if (context != NULL)
        note_fingerprint(p, o.leaf);
    x509_bag_free(&bag);
    return context;
}

void page_reload(struct runtime *rt)
{
    char error[ERROR_TEXT];
    struct page *p = rt->page;
    if (p == NULL || list_empty(&p->doors))
        return;
    struct tls_context *context = make_context(p, error, sizeof error);
    if (context == NULL) {
        fprintf(stderr, "ilsd: %s; the page goes on with the certificate that it has\n", error);
        return;
    }
    list_each(node, &p->doors) https_tls(list_entry(node, struct page_door, node)->https, context);
    tls_context_unref(context);
}

const char *page_fingerprint(const struct page *p)
{
    return list_empty(&p->doors) ? "" : p->fingerprint;
}

/* --- life */

static void end_if_closed(struct page_door *door)
{
    if (!door->closing || door->pending > 0 || !door->http_closed || !door->timer_closed)
        return;
    void (*closed)(void *) = door->closed;
    void *context = door->context;
    free(door);
    closed(context);
}

void page_release(struct page_door *door)
{
    door->pending--;
    end_if_closed(door);
}

static void *open_page(struct runtime *rt, const struct door_config *config,
                       struct door_gate *gate, char *error, size_t size)
{
    static const struct https_handler handler = {admit, run, on_room, on_gone, on_unread};
    struct tls_context *tls = make_context(rt->page, error, size);
    struct page_door *door = tls != NULL ? calloc(1, sizeof *door) : NULL;
    struct https_options options = {.address = config->address, .port = config->port,
                                    .gate = gate, .tls = tls, .always = always,
                                    .always_n = sizeof always / sizeof *always,
                                    .unread = unread};
    if (door != NULL) {
        door->page = rt->page;
        list_init(&door->calls);
        list_init(&door->streams);
        door->https = https_open(rt->loop, &options, &handler, door, error, size);
    } else if (tls != NULL) {
        snprintf(error, size, "there is no memory for the page");
    }
    tls_context_unref(tls);
    if (door == NULL || door->https == NULL) {
        free(door);
        return NULL;
    }
    uv_timer_init(rt->loop, &door->timer);
    door->timer.data = door;
    list_add(&rt->page->doors, &door->node);
    return door;
}

static void on_https_closed(void *context)
{
    struct page_door *door = context;
    door->http_closed = true;
    end_if_closed(door);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct page_door *door = handle->data;
    door->timer_closed = true;
    end_if_closed(door);
}

static void close_page(void *context, void (*closed)(void *context), void *closed_context)
{
    struct page_door *door = context;
    door->closing = true;
    door->closed = closed;
    door->context = closed_context;
    list_remove(&door->node);
    page_events_stop(door);
    https_close(door->https, on_https_closed, door);
    list_each_safe(node, &door->calls)
        page_call_end(page_call_at(node));
    uv_close((uv_handle_t *)&door->timer, on_timer_closed);
}

static size_t counts_of(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    const struct page *p = rt->page;
    uint64_t late = 0, untrue = 0, open = 0;
    list_each(node, &p->doors)
    {
        struct https_counts counts;
        https_counts(list_entry(node, struct page_door, node)->https, &counts);
        late += counts.late;
        untrue += counts.untrue;
    }
    for (size_t i = 0; i < PAGE_SESSIONS_MAX; i++)
        open += page_session_lives(p, &p->session[i], p->session[i].number);
    ret[0] = (struct door_count){"requests", p->requests};
    ret[1] = (struct door_count){"refused", p->refused};
    ret[2] = (struct door_count){"logins", p->logins};
    ret[3] = (struct door_count){"wrong_logins", p->wrong_logins};
    ret[4] = (struct door_count){"sessions", open};
    ret[5] = (struct door_count){"late", late};
    ret[6] = (struct door_count){"tls_failed", untrue};
    return 7;
}

const struct door_kind door_page = {
    .name = "page",
    .option = "page",
    .open = open_page,
    .close = close_page,
    .counts = counts_of,
    .rate = RATE,
};

struct page *page_new(struct runtime *rt)
{
    struct page *p = calloc(1, sizeof *p);
    if (p != NULL) {
        p->rt = rt;
        list_init(&p->jobs);
        list_init(&p->doors);
    }
    return p;
}

void page_free(struct page *p)
{
    if (p != NULL)
        crypto_wipe(p, sizeof *p);
    free(p);
}
