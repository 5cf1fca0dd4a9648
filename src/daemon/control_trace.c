/* control_trace: the newest trace records, kept in a ring for `ils trace`, and given to everyone
 * who follows, as they are written. The files under DATA/trace keep the rest. What is asked for is
 * sought in their texts: they are written far more often than read. */
#include "daemon/control_inside.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEEDLE_MAX 256

/* Which records; an empty text asks for nothing. */
struct trace_filter {
    unsigned level;                        /* the most that is shown: enum trace_level */
    bool of_cluster;
    char peer[2 * PEER_ID_SIZE + 1], id[CLUSTER_ID_MAX + 3]; /* of_cluster; id: in quotes */
    char ip[2][ADDRESS_TEXT_MAX + 1];      /* ... where it is, as far as known */
    char address[NEEDLE_MAX], text[NEEDLE_MAX];
    char verdict[2 * VERDICT_ID_SIZE + 1];
};

static json_t *trace_json(uint64_t number, const char *line, const char *json)
{
    json_t *one = json_object();
    json_t *record = json_loads(json, 0, NULL);
    json_object_set_new(one, "number", control_number_json(number));
    json_object_set_new(one, "line", render_text(slice_of(line)));
    json_object_set_new(one, "record", record != NULL ? record : json_null());
    return one;
}

/* --- which records */

static bool part_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_';
}

/* The name or address as a whole: not 10.0.0.1 in 10.0.0.11. */
static bool has_name(const char *in, const char *name)
{
    size_t n = strlen(name);
    const char *at = n > 0 ? strstr(in, name) : NULL;
    for (; at != NULL; at = strstr(at + 1, name))
        if ((at == in || !part_of_name(at[-1])) && !part_of_name(at[n]))
            return true;
    return false;
}

/* {"event":"T1",...: the level of T1. */
static unsigned level_of(const char *json)
{
    static const char begin[] = "{\"event\":\"";
    const char *id = json + sizeof begin - 1;
    size_t n = strncmp(json, begin, sizeof begin - 1) == 0 ? strcspn(id, "\"") : 0;
    for (unsigned e = 0; n > 0 && e < EVENTS; e++) {
        const char *known = render_event_id((enum trace_event)e);
        if (strlen(known) == n && strncmp(known, id, n) == 0)
            return (unsigned)render_event_level((enum trace_event)e);
    }
    return TRACE_DETAILED;
}

static bool has_verdict(const char *json, const char *id)
{
    static const char key[] = "\"verdict_id\":\"";
    const char *at = strstr(json, key);
    return at != NULL && strncmp(at + sizeof key - 1, id, 2 * VERDICT_ID_SIZE) == 0;
}

static bool shows(const struct trace_filter *f, const char *line, const char *json)
{
    if (f->level < TRACE_DETAILED && level_of(json) > f->level)
        return false;
    if (f->verdict[0] != '\0' && !has_verdict(json, f->verdict))
        return false;
    if (f->of_cluster && strstr(json, f->peer) == NULL && strstr(json, f->id) == NULL &&
        !has_name(json, f->ip[0]) && !has_name(json, f->ip[1]))
        return false;
    if (f->address[0] != '\0' && !has_name(json, f->address))
        return false;
    return f->text[0] == '\0' || strcasestr(line, f->text) != NULL;
}

static bool take_cluster(struct client *client, struct slice name, struct trace_filter *f)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_cluster c;
    char shown[CONTROL_NAME_MAX];
    for (size_t i = 0; name.n > 0 && view_cluster(core, i, &c); i++) {
        hex_text(f->peer, c.peer_id, PEER_ID_SIZE);
        if (!slice_eq_fold(name, c.cluster_id) && !slice_eq_fold(name, slice_of(f->peer)) &&
            !slice_eq_fold(name, slice_of(control_cluster_name(shown, &c))))
            continue;
        f->of_cluster = true;
        snprintf(f->id, sizeof f->id, "\"%.*s\"", (int)c.cluster_id.n,
                 (const char *)c.cluster_id.p);
        slice_to_text(c.address, f->ip[0], sizeof f->ip[0]);
        if (c.linked)
            snprintf(f->ip[1], sizeof f->ip[1], "%s", c.link_peer.ip);
        return true;
    }
    if (name.n > 0)
        control_refused_at(client, REPLY_UNKNOWN_CLUSTER, name, "cluster");
    return name.n == 0;
}

static bool take_needle(struct client *client, const char *key, char ret[static NEEDLE_MAX])
{
    struct slice s;
    if (!control_text(client, key, false, &s))
        return false;
    if (s.n < NEEDLE_MAX) {
        slice_to_text(s, ret, NEEDLE_MAX);
        return true;
    }
    control_error(client, "SETTING", "what is looked for has 255 bytes at most", "ils help trace",
                  key);
    return false;
}

static bool take_filter(struct client *client, struct trace_filter *f)
{
    static const char *const word[] = {"error", "significant", "detailed"};
    struct slice level, cluster, verdict;
    if (!control_text(client, "level", false, &level) ||
        !control_text(client, "cluster", false, &cluster) ||
        !control_text(client, "verdict", false, &verdict) ||
        !take_needle(client, "address", f->address) || !take_needle(client, "text", f->text) ||
        !take_cluster(client, cluster, f))
        return false;
    f->level = level.n == 0 ? TRACE_DETAILED : 3;
    for (unsigned i = 0; i < 3; i++)
        f->level = slice_eq(level, slice_of(word[i])) ? i : f->level;
    if (f->level == 3) {
        control_error(client, "SETTING", "a trace level is error, significant or detailed",
                      "ils help trace", "level");
        return false;
    }
    if (verdict.n != 0 && verdict.n != 2 * VERDICT_ID_SIZE) {
        control_error(client, "SETTING", "a verdict id is 16 hex digits", "ils verdicts",
                      "verdict");
        return false;
    }
    slice_to_text(verdict, f->verdict, sizeof f->verdict);
    for (char *c = f->verdict; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return true;
}

/* --- as they are written */

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
        if (client->follow && shows(client->own, line, json))
            control_line(client, "trace", trace_json(c->kept_n, line, json));
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
    struct trace_filter *f = calloc(1, sizeof *f);
    if (f == NULL) {
        control_no_memory(client);
        return;
    }
    client->own = f;
    client->own_free = free;
    if (take_filter(client, f))
        client->follow = true;
}

/* --- what is kept */

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

static uint64_t oldest_kept(const struct control *c)
{
    return c->kept_n > CONTROL_TRACE_KEPT ? c->kept_n - CONTROL_TRACE_KEPT : 0;
}

static json_t *kept_json(const struct control *c, uint64_t at)
{
    const struct control_line *kept = &c->kept[at % CONTROL_TRACE_KEPT];
    return trace_json(at + 1, kept->text, kept->json);
}

/* Numbers count from 1; those before `before`, the newest `max` of them. */
void verb_trace_last(struct client *client)
{
    const struct control *c = client->control;
    struct trace_filter f = {0};
    uint64_t max, before, end, oldest = oldest_kept(c), begin = oldest, n = 0;
    if (!control_number(client, "max", CONTROL_TRACE_KEPT, 100, &max) ||
        !control_number(client, "before", INT64_MAX, 0, &before) || !take_filter(client, &f))
        return;
    end = c->kept_n;
    if (control_flag(client, "attempt", false)) {
        begin = attempt_begin(c, oldest, &end);
        max = end - begin;
    }
    if (before != 0 && before - 1 < end)
        end = before - 1 > begin ? before - 1 : begin;
    uint64_t at = end;
    while (at > begin && n < max) {
        const struct control_line *kept = &c->kept[--at % CONTROL_TRACE_KEPT];
        n += shows(&f, kept->text, kept->json);
    }
    json_t *rows = json_array();
    for (; at < end; at++) {
        const struct control_line *kept = &c->kept[at % CONTROL_TRACE_KEPT];
        if (shows(&f, kept->text, kept->json))
            json_array_append_new(rows, kept_json(c, at));
    }
    control_ok(client, rows);
}

/* --- of one attempt */

/* "link":N of a record, 0: it has none. */
static unsigned long link_of(const char *json)
{
    const char *at = strstr(json, "\"link\":");
    return at != NULL ? strtoul(at + 7, NULL, 10) : 0;
}

/* Its lines are those of its connection, also the first, which are older than the verdict's id. */
json_t *control_trace_of(const struct control *c, const uint8_t id[static VERDICT_ID_SIZE],
                         char **ret_text, bool *ret_whole)
{
    char hex[2 * VERDICT_ID_SIZE + 1], *text = NULL;
    unsigned long link = 0;
    uint64_t oldest = oldest_kept(c), first = UINT64_MAX;
    json_t *rows = json_array();
    size_t size = 0;
    hex_text(hex, id, VERDICT_ID_SIZE);
    FILE *out = ret_text != NULL ? open_memstream(&text, &size) : NULL;
    for (uint64_t at = oldest; at < c->kept_n; at++) {
        const char *json = c->kept[at % CONTROL_TRACE_KEPT].json;
        link = has_verdict(json, hex) && link_of(json) != 0 ? link_of(json) : link;
    }
    for (uint64_t at = oldest; at < c->kept_n; at++) {
        const struct control_line *kept = &c->kept[at % CONTROL_TRACE_KEPT];
        if (!has_verdict(kept->json, hex) && (link == 0 || link_of(kept->json) != link))
            continue;
        first = first == UINT64_MAX ? at : first;
        json_array_append_new(rows, kept_json(c, at));
        if (out != NULL)
            fprintf(out, "%s\n", kept->text);
    }
    if (out != NULL)
        fclose(out);
    if (ret_text != NULL)
        *ret_text = text;
    *ret_whole = first != UINT64_MAX && (oldest == 0 || first > oldest);
    return rows;
}
