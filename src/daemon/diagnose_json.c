/* diagnose_json: the findings for programs (docs/contract.md). */
#include "daemon/diagnose.h"

#include "daemon/render.h"

static json_t *side(enum doctor_side s)
{
    return s == SIDE_C ? json_string("C") : s == SIDE_S ? json_string("S") : json_null();
}

static json_t *code(enum code c)
{
    char text[16];
    if (c == CODE_NONE)
        return json_null();
    render_code(text, sizeof text, c);
    return json_string(text);
}

static json_t *text_or_null(struct slice s)
{
    return s.n > 0 ? render_text(s) : json_null();
}

static json_t *hex(bool known, const uint8_t *p, size_t n)
{
    char text[2 * 16 + 1];
    hex_text(text, p, n);
    return known ? json_string(text) : json_null();
}

static json_t *address(struct slice ip, uint16_t port)
{
    char text[128];
    if (ip.n == 0)
        return json_null();
    diagnose_address(text, sizeof text, ip, port);
    return json_string(text);
}

static json_t *end_json(const struct doctor_end *e)
{
    if (!e->present)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "connection", e->n != 0 ? json_integer(e->n) : json_null());
    json_object_set_new(json, "host", text_or_null(e->host));
    json_object_set_new(json, "peer", address(e->peer_ip, e->peer_port));
    json_object_set_new(json, "local", address(e->local_ip, e->local_port));
    json_object_set_new(json, "peer_id", hex(e->has_peer, e->peer, sizeof e->peer));
    json_object_set_new(json, "verdict_id", hex(e->has_verdict, e->verdict, sizeof e->verdict));
    json_object_set_new(json, "verdict_code", code(e->told));
    return json;
}

static json_t *lines_json(uint64_t lines)
{
    json_t *array = json_array();
    for (int i = 1; i < DOCTOR_LINES; i++)
        if ((lines & DOCTOR_BIT(i)) != 0)
            json_array_append_new(array, json_string(doctor_line_name((enum doctor_line)i)));
    return array;
}

static size_t left_out(const struct diagnosis *d, const struct doctor_attempt *a)
{
    bool many = d->evidence_max != 0 && a->evidence_n > d->evidence_max;
    return many ? a->evidence_n - d->evidence_max : 0;
}

static json_t *evidence_json(const struct diagnosis *d, const struct doctor_attempt *a)
{
    json_t *array = json_array();
    for (size_t i = 0; i < a->evidence_n - left_out(d, a); i++) {
        const struct doctor_evidence *e = &a->evidence[i];
        char time[16];
        json_t *one = json_object();
        diagnose_time(time, e->at);
        json_object_set_new(one, "id", json_string(doctor_line_at(e->line, e->side)));
        json_object_set_new(one, "end", side(e->side));
        json_object_set_new(one, "file", json_string(e->text < d->name_n ? d->name[e->text] : ""));
        json_object_set_new(one, "line", json_integer(e->number));
        json_object_set_new(one, "time", json_string(time));
        json_object_set_new(one, "decides", json_boolean(e->decides));
        json_object_set_new(one, "text", render_text(e->quote));
        json_array_append_new(array, one);
    }
    return array;
}

static json_t *remedy_json(const struct doctor_attempt *a, const struct advice *advice)
{
    json_t *json = json_object();
    if (advice->command[0] == '\0' && advice->menu[0] == '\0') {
        json_decref(json);
        return json_null();
    }
    json_object_set_new(json, "at", side(a->remedy_at));
    json_object_set_new(json, "where", json_string(advice->where));
    json_object_set_new(json, "command", json_string(advice->command));
    json_object_set_new(json, "how", json_string(advice->how));
    json_object_set_new(json, "menu", json_string(advice->menu));
    return json;
}

static json_t *look_json(const struct doctor_attempt *a, const struct advice *advice)
{
    if (advice->look[0] == '\0')
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "lines", lines_json(a->look));
    json_object_set_new(json, "end", side(a->look_at));
    json_object_set_new(json, "text", json_string(advice->look));
    return json;
}

static json_t *error_json(const struct doctor_attempt *a)
{
    if (a->error == 0)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "number", json_integer(a->error));
    json_object_set_new(json, "text", render_text(a->error_text));
    return json;
}

static void scenario_json(json_t *json, const struct doctor_attempt *a)
{
    json_t *same = json_array();
    for (int i = 1; i < DOCTOR_ROWS; i++)
        if ((a->same & DOCTOR_BIT(i)) != 0)
            json_array_append_new(same, json_string(doctor_row_name((enum doctor_row)i)));
    json_object_set_new(json, "scenario",
                        a->row != ROW_NONE && a->certainty != UNCLEAR
                            ? json_string(doctor_row_name(a->row))
                            : json_null());
    json_object_set_new(json, "same", same);
    json_object_set_new(json, "method", a->method != 0 ? json_integer(a->method) : json_null());
    json_object_set_new(json, "tls", a->tls >= 0 ? json_boolean(a->tls) : json_null());
}

json_t *diagnose_attempt_json(const struct diagnosis *d, const struct doctor_attempt *a)
{
    static const char *const outcome[] = {"unknown", "joined", "refused", "ended", "test"};
    static const char *const stage[] = {"nothing",  "dialled",  "connected",  "certificate",
                                        "accepted", "password", "established"};
    static const char *const certainty[] = {"certain", "likely", "unclear"};
    static const char *const pairing[] = {"none", "address", "time"};
    struct advice advice;
    json_t *json = json_object(), *ends = json_object();
    diagnose_advice(&advice, a);
    scenario_json(json, a);
    json_object_set_new(json, "outcome", json_string(outcome[a->outcome]));
    json_object_set_new(json, "stage", json_string(stage[a->stage]));
    json_object_set_new(json, "code", code(a->code));
    json_object_set_new(json, "also", code(a->also));
    json_object_set_new(json, "cause", json_string(advice.cause));
    json_object_set_new(json, "certainty", json_string(certainty[a->certainty]));
    json_object_set_new(json, "contradicts", json_boolean(a->contradicts));
    json_object_set_new(json, "end", side(a->end));
    json_object_set_new(json, "remedy", remedy_json(a, &advice));
    json_object_set_new(json, "look_for", look_json(a, &advice));
    json_object_set_new(json, "error", error_json(a));
    json_object_set_new(json, "certificate_name", text_or_null(a->name));
    json_object_set_new(json, "pairing", json_string(pairing[a->pairing]));
    json_object_set_new(ends, "C", end_json(&a->c));
    json_object_set_new(ends, "S", end_json(&a->s));
    json_object_set_new(ends, "unknown", end_json(&a->u));
    json_object_set_new(json, "ends", ends);
    json_object_set_new(json, "evidence", evidence_json(d, a));
    json_object_set_new(json, "evidence_left_out", json_integer((json_int_t)left_out(d, a)));
    return json;
}

bool diagnose_explained(const struct diagnosis *d)
{
    for (size_t i = 0; i < d->attempt_n; i++)
        if (d->attempt[i].certainty == UNCLEAR)
            return false;
    return d->attempt_n > 0;
}

json_t *diagnose_json(const struct diagnosis *d)
{
    json_t *json = json_object(), *files = json_array(), *attempts = json_array();
    for (size_t i = 0; i < d->name_n; i++) {
        json_t *file = json_object();
        json_object_set_new(file, "name", render_text(slice_of(d->name[i])));
        json_object_set_new(file, "records", json_integer((json_int_t)d->records[i]));
        json_array_append_new(files, file);
    }
    for (size_t i = 0; i < d->attempt_n; i++)
        json_array_append_new(attempts, diagnose_attempt_json(d, &d->attempt[i]));
    json_object_set_new(json, "files", files);
    json_object_set_new(json, "explained", json_boolean(diagnose_explained(d)));
    json_object_set_new(json, "left_out", json_integer((json_int_t)d->left_out));
    json_object_set_new(json, "attempts", attempts);
    return json;
}
