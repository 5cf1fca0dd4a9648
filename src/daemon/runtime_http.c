/* runtime_http: the HTTP door: what libmicrohttpd takes apart is judged and answered by
 * answer/http; the pages that tell of more than the plan are written by http_pages. */
#include "daemon/runtime_inside.h"
#include "answer/http.h"
#include "daemon/http_pages.h"
#include "daemon/tokens.h"
#include "driver/clock.h"
#include "driver/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_US 1000000 /* names of this host are looked up so often */

struct http_door {
    struct runtime *rt;
    struct http_server *server;
    struct http_config config;
    uint64_t tokens; /* tokens_changes of those in the config */
    tick names_at;
    char name[2][HOST_TEXT_MAX + 1]; /* FQDN; what is advertised */
    struct arena scratch;
    struct mem mem;
    void (*closed)(void *context);
    void *context;
};

/* Whether tokens are wanted is said by the address alone: it cannot change while this is open. */
static void refresh(struct http_door *door)
{
    struct view_self self;
    tick now = clock_tick();
    if (door->tokens != tokens_changes(door->rt->tokens)) {
        tokens_take(door->rt->tokens, &door->config);
        door->tokens = tokens_changes(door->rt->tokens);
    }
    if (door->names_at != 0 && now - door->names_at < FRESH_US)
        return;
    door->names_at = now;
    door->config.name_n = 0;
    view_self(door->rt->core, &self);
    if (self.fqdn.n > 0 && self.fqdn.n < sizeof door->name[0]) {
        slice_to_text(self.fqdn, door->name[0], sizeof door->name[0]);
        door->config.name[door->config.name_n++] = slice_of(door->name[0]);
    }
    if (runtime_advertised(door->rt, door->name[1]))
        door->config.name[door->config.name_n++] = slice_of(door->name[1]);
}

/* Requests that libmicrohttpd, or the gate, has judged already. */
static void refuse(uint8_t flaw, struct buf *out, struct http_outcome *said)
{
    *said = (struct http_outcome){.page = HTTP_ERROR};
    switch (flaw) {
    case HTTP_TOO_LARGE:
        http_error(out, said, 413, "TOO_LARGE", "the body has more than 262144 bytes", "body",
                   "several requests");
        break;
    case HTTP_TOO_OFTEN:
        http_error(out, said, 429, "RATE", "this source asks more often than it may", NULL,
                   "ils door set http --rate N/s");
        break;
    case HTTP_NOT_ALLOWED:
        http_error(out, said, 403, "SOURCE", "this source may not ask", NULL,
                   "ils door set http --allow NET");
        break;
    default:
        http_error(out, said, 400, "FRAMING",
                   "Host, Authorization, Content-Length or Transfer-Encoding is not clear", NULL,
                   NULL);
    }
}

static void count(struct runtime *rt, const struct http_asked *asked, const struct http_outcome *o)
{
    struct http_counters *c = &rt->http_counters;
    c->requests++;
    c->lookups += o->lookups;
    c->found += o->page == HTTP_LOOKUP && o->lookups > 0 && o->result == LOOKUP_FOUND;
    c->unauthorised += o->status == 401;
    c->bad += o->status >= 400 && o->status < 500 && o->status != 401 &&
              asked->flaw != HTTP_TOO_OFTEN;
}

static void on_request(void *context, const struct http_asked *asked, struct buf *out,
                       struct http_reply *ret)
{
    struct http_door *door = context;
    const struct ils *core = door->rt->core;
    const struct plan *plan = view_plan(core);
    struct http_request request = {.method = asked->method, .target = asked->target,
                                   .host = asked->host, .authorization = asked->authorization,
                                   .body = asked->body};
    struct http_outcome said;
    arena_reset(&door->scratch);
    refresh(door);
    if (asked->flaw != HTTP_SOUND)
        refuse(asked->flaw, out, &said);
    else
        http_answer(plan, view_routes(core), &door->config, &door->scratch, &request, out, &said);
    if (said.status == 0)
        http_page(door->rt, &door->scratch, out, &said);
    count(door->rt, asked, &said);
    if (said.lookups == 1 && said.result == LOOKUP_CUT)
        runtime_cut(door->rt, said.dialed);
    *ret = (struct http_reply){.status = said.status, .type = said.type, .allow = said.allow,
                               .challenge = said.challenge, .soon = said.status == 429};
}

/* --- life */

static void free_door(struct http_door *door)
{
    arena_done(&door->scratch);
    free(door);
}

static void *open_http(struct runtime *rt, const struct door_config *config,
                       struct door_gate *gate, char *error, size_t size)
{
    struct http_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        snprintf(error, size, "there is no memory for the door");
        return NULL;
    }
    door->rt = rt;
    door->tokens = UINT64_MAX;
    door->mem = (struct mem){.resize = memory_resize, .budget = SIZE_MAX};
    door->config.tokens_wanted = !door_is_loopback(config->address);
    arena_init(&door->scratch, &door->mem);
    door->server = http_open(rt->loop, config->address, config->port, HTTP_BODY_MAX,
                             HTTP_REPLY_MAX, gate, on_request, door, error, size);
    if (door->server == NULL) {
        free_door(door);
        return NULL;
    }
    rt->http = door;
    return door;
}

static void on_closed(void *context)
{
    struct http_door *door = context;
    void (*closed)(void *) = door->closed;
    void *closed_context = door->context;
    free_door(door);
    closed(closed_context);
}

static void close_http(void *context, void (*closed)(void *context), void *closed_context)
{
    struct http_door *door = context;
    struct http_counts counts;
    http_counts(door->server, &counts);
    door->rt->http_counters.late += counts.late;
    if (door->rt->http == door)
        door->rt->http = NULL;
    door->closed = closed;
    door->context = closed_context;
    http_close(door->server, on_closed, door);
}

static size_t counts_of(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    const struct http_counters *c = &rt->http_counters;
    struct http_counts counts = {0};
    if (rt->http != NULL)
        http_counts(rt->http->server, &counts);
    ret[0] = (struct door_count){"requests", c->requests};
    ret[1] = (struct door_count){"lookups", c->lookups};
    ret[2] = (struct door_count){"found", c->found};
    ret[3] = (struct door_count){"unauthorised", c->unauthorised};
    ret[4] = (struct door_count){"malformed", c->bad};
    ret[5] = (struct door_count){"late", c->late + counts.late};
    return 6;
}

const struct door_kind door_http = {
    .name = "http",
    .option = "http-port",
    .open = open_http,
    .close = close_http,
    .counts = counts_of,
};
