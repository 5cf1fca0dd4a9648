/* http_pages: the pages of the HTTP door that are no lookups: the same answers as on the control
 * socket, from the same functions. */
#include "daemon/control_inside.h"
#include "daemon/http_pages.h"

#include <stdlib.h>
#include <string.h>

/* Steals json. */
static void put_json(struct buf *out, struct http_outcome *said, uint16_t status, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(json);
    if (text == NULL) {
        http_error(out, said, 503, "MEMORY", "there is no memory for this", NULL, "ils status");
        return;
    }
    buf_put_text(out, text);
    buf_put_u8(out, '\n');
    free(text);
    said->status = status;
    said->type = "application/json";
}

static void page_why(struct runtime *rt, struct arena *scratch, struct buf *out,
                     struct http_outcome *said)
{
    const struct ils *core = runtime_core(rt);
    uint8_t key[KEY_SIZE];
    struct lookup l;
    memset(&l, 0, sizeof l);
    if (said->from.p != NULL && !control_cluster_key(core, said->from, key)) {
        http_error(out, said, 404, "UNKNOWN_CLUSTER", "no such cluster is known here", "from",
                   "ils clusters");
        return;
    }
    plan_why(view_plan(core), view_routes(core), scratch, said->dialed,
             said->from.p != NULL ? key : NULL, &l);
    said->lookups = 1;
    said->result = l.result;
    json_t *json = scratch->failed ? NULL : control_lookup_json(core, &l, scratch);
    if (json != NULL)
        json_object_set_new(json, "from", control_text_or_null(said->from));
    put_json(out, said, 200, json);
}

/* 503 is for who watches from outside: what is known goes on being served all the same. Of who
 * follows it would only say that its store is away, which all that follow say at once. */
static void page_health(struct runtime *rt, struct buf *out, struct http_outcome *said)
{
    struct control_health h;
    json_t *json = json_object();
    control_health(rt, &h);
    bool tell = said->known;
    json_object_set_new(json, "health", json_string(h.degraded ? "degraded" : "healthy"));
    json_object_set_new(json, "cause", tell && h.degraded ? render_text(slice_of(h.cause))
                                                          : json_null());
    json_object_set_new(json, "next", tell && h.next[0] != '\0' ? render_text(slice_of(h.next))
                                                                : json_null());
    put_json(out, said, h.degraded && !h.follows ? 503 : 200, json);
}

void http_page(struct runtime *rt, struct arena *scratch, struct buf *out,
               struct http_outcome *said)
{
    switch (said->page) {
    case HTTP_WHY: page_why(rt, scratch, out, said); break;
    case HTTP_HEALTH: page_health(rt, out, said); break;
    default:
        said->status = 200;
        said->type = "text/plain; version=0.0.4; charset=utf-8";
        http_metrics(rt, out);
    }
}
