/* http_answer: who asks, for what, in which way; and the answer to lookups, written by hand: it is
 * the hot one. */
#include "answer/http.h"

#include <string.h>

struct asked {
    const struct plan *plan;
    const struct routes *routes;
    const struct http_config *config;
    struct arena *scratch;
    const struct http_request *request;
    struct buf *out;
    struct http_outcome *ret;
    struct slice path, query;
};

static const char json_type[] = "application/json";
static const char text_type[] = "text/plain; charset=utf-8";

/* --- writing */

void http_put_text(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(out, s.p + from, i - from);
        from = i + 1;
        uint8_t escape[6] = {'\\', c};
        size_t n = 2;
        if (c < 0x20) {
            memcpy(escape, "\\u00", 4);
            escape[4] = (uint8_t)hex[c >> 4];
            escape[5] = (uint8_t)hex[c & 15];
            n = 6;
        }
        buf_put(out, escape, n);
    }
    if (s.n > from)
        buf_put(out, s.p + from, s.n - from);
    buf_put_u8(out, '"');
}

/* key: with its quotes, colon, and the comma before it. */
static void put_text(struct buf *out, const char *key, struct slice s)
{
    buf_put_text(out, key);
    http_put_text(out, s);
}

static void put_or_null(struct buf *out, const char *key, struct slice s)
{
    buf_put_text(out, key);
    if (s.n == 0)
        buf_put_text(out, "null");
    else
        http_put_text(out, s);
}

static void put_bool(struct buf *out, const char *key, bool value)
{
    buf_put_text(out, key);
    buf_put_text(out, value ? "true" : "false");
}

/* Thousandths as a number that has one digit behind the point at least. */
static void put_q(struct buf *out, unsigned q)
{
    buf_put_decimal(out, q / 1000);
    buf_put_u8(out, '.');
    unsigned left = q % 1000, unit = 100;
    do {
        buf_put_u8(out, (uint8_t)('0' + left / unit));
        left %= unit;
        unit /= 10;
    } while (left > 0);
}

static void put_match(struct buf *out, const struct match *m)
{
    put_text(out, "{\"kind\":", entry_kind_text(m->kind));
    put_text(out, ",\"value\":", m->value);
    put_text(out, ",\"cluster_id\":", m->cluster_id);
    put_text(out, ",\"route_string\":", m->route_string);
    buf_put_text(out, ",\"usn\":");
    buf_put_decimal(out, m->usn);
    put_bool(out, ",\"local\":", m->local);
    put_bool(out, ",\"stale\":", m->stale);
    buf_put_u8(out, '}');
}

void http_put_lookup(struct buf *out, const struct lookup *l)
{
    bool won = l->match_n > 0 && l->result != LOOKUP_BLOCKED;
    put_text(out, "{\"dialed\":", l->dialed);
    put_or_null(out, ",\"canonical\":", l->canonical);
    put_text(out, ",\"result\":", lookup_result_text(l->result));
    put_bool(out, ",\"longer\":", l->longer);
    buf_put_text(out, ",\"match\":");
    if (won)
        put_match(out, &l->match[0]);
    else
        buf_put_text(out, "null");
    buf_put_text(out, ",\"targets\":[");
    for (size_t i = 0; i < l->target_n; i++) {
        const struct target *t = &l->target[i];
        put_text(out, i > 0 ? ",{\"uri\":" : "{\"uri\":", t->uri);
        buf_put_text(out, ",\"q\":");
        put_q(out, t->q);
        put_text(out, ",\"reason\":", target_reason_text(t->reason));
        put_or_null(out, ",\"route_pattern\":", t->route_pattern);
        buf_put_u8(out, '}');
    }
    buf_put_text(out, "]}");
}

void http_error(struct buf *out, struct http_outcome *ret, uint16_t status, const char *name,
                const char *text, const char *where, const char *next)
{
    ret->status = status;
    ret->page = HTTP_ERROR;
    ret->type = json_type;
    put_text(out, "{\"error\":{\"name\":", slice_of(name));
    put_text(out, ",\"text\":", slice_of(text));
    put_or_null(out, ",\"where\":", slice_of(where != NULL ? where : ""));
    put_text(out, ",\"next\":", slice_of(next != NULL ? next : ""));
    buf_put_text(out, ",\"more\":[]}}\n");
}

/* --- who asks */

void http_token_hash(uint8_t ret[static HASH_SIZE], struct slice text)
{
    crypto_hash1(ret, "http token", text);
}

/* The token behind "Bearer "; empty: there is none. */
static struct slice bearer(struct slice authorization)
{
    struct slice scheme = slice_of("bearer ");
    if (authorization.n <= scheme.n ||
        !slice_eq_fold(slice_make(authorization.p, scheme.n), scheme))
        return slice_make(NULL, 0);
    return slice_trim(slice_make(authorization.p + scheme.n, authorization.n - scheme.n));
}

/* Every one is compared, in the same time. */
static bool token_good(const struct http_config *config, struct slice token)
{
    uint8_t hash[HASH_SIZE];
    bool good = false;
    http_token_hash(hash, token);
    for (size_t i = 0; i < config->token_n; i++)
        good |= crypto_equal(hash, config->token[i], HASH_SIZE);
    return good;
}

/* 192.0.2.1, [2001:db8::1]: digits and dots alone, or what has brackets. */
static bool is_address(struct slice host)
{
    if (host.n > 2 && host.p[0] == '[')
        return host.p[host.n - 1] == ']';
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return false;
    return host.n > 0;
}

bool http_host_good(const struct slice *name, size_t n, struct slice host)
{
    size_t colon = host.n;
    for (size_t i = host.n; i > 0 && host.p[i - 1] != ']'; i--) {
        if (host.p[i - 1] == ':') {
            colon = i - 1;
            break;
        }
    }
    host.n = colon;
    if (is_address(host) || slice_eq_fold(host, slice_of("localhost")))
        return true;
    for (size_t i = 0; i < n; i++)
        if (slice_eq_fold(host, name[i]))
            return true;
    return false;
}

/* Whether it may be answered at all; sets ret->known. */
static bool judge_asker(struct asked *a)
{
    struct slice token = bearer(a->request->authorization);
    bool shown = a->request->authorization.n > 0, good = token.n > 0 &&
                                                         token_good(a->config, token);
    bool open = a->ret->page == HTTP_HEALTH || a->ret->page == HTTP_OPENAPI;
    a->ret->known = good || (!shown && !a->config->tokens_wanted);
    if (shown ? !good : a->config->tokens_wanted && !open) {
        http_error(a->out, a->ret, 401, "TOKEN",
                   shown ? "the token is not known here" : "a token is wanted",
                   "Authorization: Bearer TOKEN", "ils token add NAME");
        a->ret->challenge = true;
        return false;
    }
    if (good || http_host_good(a->config->name, a->config->name_n, a->request->host))
        return true;
    http_error(a->out, a->ret, 421, "HOST",
               "Host is neither an address, localhost nor the FQDN of this cluster", "Host",
               "ils token add NAME");
    return false;
}

/* --- for what */

struct page {
    const char *path;
    uint8_t page;
    bool query; /* its query is read where it is answered */
};

static const struct page pages[] = {
    {"/v1/lookup", HTTP_LOOKUP, true}, {"/v1/why", HTTP_WHY, true},
    {"/v1/openapi.json", HTTP_OPENAPI, false}, {"/metrics", HTTP_METRICS, false},
    {"/healthz", HTTP_HEALTH, false},
};

static bool judge_page(struct asked *a)
{
    bool get = slice_eq(a->request->method, slice_of("GET")) ||
               slice_eq(a->request->method, slice_of("HEAD"));
    bool post = slice_eq(a->request->method, slice_of("POST"));
    const struct page *page = NULL;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (slice_eq(a->path, slice_of(pages[i].path)))
            page = &pages[i];
    if (page == NULL) {
        http_error(a->out, a->ret, 404, "PAGE", "there is no such page", NULL,
                   "GET /v1/openapi.json");
        return false;
    }
    bool batch = page->page == HTTP_LOOKUP && post;
    a->ret->page = batch ? HTTP_BATCH : page->page;
    if (!get && !batch) {
        a->ret->allow = page->page == HTTP_LOOKUP ? "GET, HEAD, POST" : "GET, HEAD";
        http_error(a->out, a->ret, 405, "METHOD", "this page does not take this method", NULL,
                   "GET /v1/openapi.json");
        return false;
    }
    if (a->query.n > 0 && (batch || !page->query)) {
        http_error(a->out, a->ret, 400, "QUERY", "this page takes no query", NULL,
                   "GET /v1/openapi.json");
        return false;
    }
    return true;
}

/* The path without what follows "?". */
static void split(struct asked *a)
{
    struct slice target = a->request->target;
    size_t at = slice_find(target, '?');
    a->path = slice_make(target.p, at);
    at += at < target.n;
    a->query = slice_make(target.p + at, target.n - at);
}

/* --- answering */

static void out_of_memory(struct asked *a, size_t before)
{
    a->out->n = before;
    a->out->failed = false;
    http_error(a->out, a->ret, 503, "MEMORY", "there is no memory for this", NULL, "ils status");
}

/* The targets on one line, best first, with a blank between them: for callers without JSON, of whom
 * Kamailio's http_client reads no more than a line. */
static void put_line(struct asked *a, const struct lookup *l)
{
    a->ret->type = text_type;
    a->ret->status = l->target_n > 0                 ? 200
                     : l->result == LOOKUP_BLOCKED ? 403
                     : l->result == LOOKUP_CUT     ? 503
                                                   : 404;
    for (size_t i = 0; i < l->target_n; i++) {
        if (i > 0)
            buf_put_u8(a->out, ' ');
        buf_put_slice(a->out, l->target[i].uri);
    }
    if (l->target_n == 0)
        buf_put_slice(a->out, lookup_result_text(l->result));
    buf_put_u8(a->out, '\n');
}

static void answer_query(struct asked *a)
{
    struct http_query query;
    struct lookup l;
    char where[64];
    size_t before = a->out->n;
    http_query_read(a->scratch, a->query, a->ret->page == HTTP_WHY, &query);
    if (a->scratch->failed) {
        out_of_memory(a, before);
        return;
    }
    if (query.wrong != NULL) {
        slice_to_text(slice_make(query.where.p, query.where.n < 60 ? query.where.n : 60), where,
                      sizeof where);
        http_error(a->out, a->ret, 400, "QUERY", query.wrong,
                   slice_is_utf8(slice_of(where)) ? where : NULL, "GET /v1/openapi.json");
        return;
    }
    a->ret->dialed = query.dialed;
    a->ret->from = query.from;
    if (a->ret->page == HTTP_WHY)
        return;
    plan_lookup_usn(a->plan, a->routes, a->scratch, query.dialed, &l);
    a->ret->lookups = 1;
    a->ret->result = l.result;
    a->ret->status = 200;
    a->ret->type = json_type;
    if (query.text) {
        put_line(a, &l);
    } else {
        http_put_lookup(a->out, &l);
        buf_put_u8(a->out, '\n');
    }
    if (a->scratch->failed || a->out->failed)
        out_of_memory(a, before);
}

static void answer_batch(struct asked *a)
{
    struct http_batch batch;
    struct slice dialed;
    struct lookup l;
    size_t before = a->out->n;
    bool failed = false;
    http_batch_begin(&batch, a->request->body);
    buf_put_u8(a->out, '[');
    while (!failed && http_batch_next(&batch, a->scratch, &dialed)) {
        plan_lookup_usn(a->plan, a->routes, a->scratch, dialed, &l);
        if (a->ret->lookups++ > 0)
            buf_put_u8(a->out, ',');
        http_put_lookup(a->out, &l);
        failed = a->scratch->failed || a->out->failed;
        if (!failed)
            arena_reset(a->scratch);
    }
    if (failed || a->scratch->failed || a->out->failed) {
        out_of_memory(a, before);
        return;
    }
    if (batch.wrong != NULL) {
        a->out->n = before;
        http_error(a->out, a->ret, 400, "BATCH", batch.wrong, "body",
                   "a JSON array of at most 1000 strings");
        return;
    }
    a->ret->status = 200;
    a->ret->type = json_type;
    buf_put_text(a->out, "]\n");
    if (a->out->failed)
        out_of_memory(a, before);
}

void http_answer(const struct plan *plan, const struct routes *routes,
                 const struct http_config *config, struct arena *scratch,
                 const struct http_request *request, struct buf *out, struct http_outcome *ret)
{
    struct asked a = {.plan = plan, .routes = routes, .config = config, .scratch = scratch,
                      .request = request, .out = out, .ret = ret};
    *ret = (struct http_outcome){.status = 0};
    split(&a);
    if (!judge_page(&a) || !judge_asker(&a))
        return;
    switch (ret->page) {
    case HTTP_LOOKUP:
    case HTTP_WHY: answer_query(&a); break;
    case HTTP_BATCH: answer_batch(&a); break;
    case HTTP_OPENAPI:
        ret->status = 200;
        ret->type = json_type;
        buf_put(out, http_openapi, http_openapi_n);
        break;
    default: break;
    }
}
