/* control_trace: the newest trace records, kept in a ring for `ils trace`, and given to everyone
 * who follows, as they are written. The files under DATA/trace keep the rest. */
#include "daemon/control_inside.h"

#include <stdlib.h>
#include <string.h>

static json_t *trace_json(const char *line, const char *json)
{
    json_t *one = json_object();
    json_t *record = json_loads(json, 0, NULL);
    json_object_set_new(one, "line", render_text(slice_of(line)));
    json_object_set_new(one, "record", record != NULL ? record : json_null());
    return one;
}

static void on_trace(void *context, const char *line, const char *json)
{
    struct control *c = context;
    struct control_line *slot = &c->kept[c->kept_n % CONTROL_TRACE_KEPT];
    char *text = strdup(line), *record = strdup(json);
    if (text != NULL && record != NULL) {
        free(slot->text);
        free(slot->json);
        slot->text = text;
        slot->json = record;
        c->kept_n++;
    } else {
        free(text);
        free(record);
    }
    list_each_safe(node, &c->clients) {
        struct client *client = list_entry(node, struct client, node);
        if (client->follow)
            control_line(client, "trace", trace_json(line, json));
    }
}

void control_trace_start(struct control *c)
{
    runtime_trace_listen(c->rt, on_trace, c);
}

void control_trace_stop(struct control *c)
{
    runtime_trace_unlisten(c->rt, on_trace, c);
    for (size_t i = 0; i < CONTROL_TRACE_KEPT; i++) {
        free(c->kept[i].text);
        free(c->kept[i].json);
        c->kept[i] = (struct control_line){NULL, NULL};
    }
    c->kept_n = 0;
}

void verb_trace_follow(struct client *client)
{
    client->follow = true;
}

static bool is_verdict(const struct control_line *kept)
{
    json_t *record = json_loads(kept->json, 0, NULL);
    const char *event = json_string_value(json_object_get(record, "event"));
    bool yes = event != NULL && strcmp(event, render_event_id(EVENT_VERDICT)) == 0;
    json_decref(record);
    return yes;
}

/* The last attempt to join: from behind the last verdict but one to the last verdict. */
static uint64_t attempt_begin(const struct control *c, uint64_t oldest, uint64_t *ret_end)
{
    uint64_t at = c->kept_n;
    *ret_end = c->kept_n;
    while (at > oldest && !is_verdict(&c->kept[(at - 1) % CONTROL_TRACE_KEPT]))
        at--;
    if (at == oldest)
        return c->kept_n - oldest > 40 ? c->kept_n - 40 : oldest;
    *ret_end = at--;
    while (at > oldest && !is_verdict(&c->kept[(at - 1) % CONTROL_TRACE_KEPT]))
        at--;
    return at;
}

void verb_trace_last(struct client *client)
{
    const struct control *c = client->control;
    uint64_t max, end = c->kept_n;
    uint64_t oldest = c->kept_n > CONTROL_TRACE_KEPT ? c->kept_n - CONTROL_TRACE_KEPT : 0;
    if (!control_number(client, "max", CONTROL_TRACE_KEPT, 100, &max))
        return;
    uint64_t at = c->kept_n - oldest > max ? c->kept_n - max : oldest;
    if (control_flag(client, "attempt", false))
        at = attempt_begin(c, oldest, &end);
    json_t *rows = json_array();
    for (; at < end; at++) {
        const struct control_line *kept = &c->kept[at % CONTROL_TRACE_KEPT];
        json_array_append_new(rows, trace_json(kept->text, kept->json));
    }
    control_ok(client, rows);
}
