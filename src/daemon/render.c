/* render: fills in the tables of the core (event.def, code.def, alarm.def, reply.def). A template
 * holds {names}; a small function per table says what each name stands for. Whatever came from
 * another end or a person loses its control characters here, so that no value can begin a line,
 * steer a terminal or turn the direction of writing. */
#include "daemon/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- languages. N_() marks what po/ja.po has besides the tables. */

#define N_(text) text

#define LABEL_MAX 63 /* RFC 1035 */

static const char *(*language)(const char *english);

void render_language(const char *(*translate)(const char *english))
{
    language = translate;
}

const char *render_word(const char *english)
{
    return language != NULL && english[0] != '\0' ? language(english) : english;
}

/* --- text with a hard end */

struct out {
    char *p;
    size_t size, n;
};

static void out_bytes(struct out *o, const char *p, size_t n)
{
    for (size_t i = 0; i < n && o->n + 1 < o->size;) {
        size_t steers = slice_steers(slice_make(p + i, n - i));
        o->p[o->n++] = steers > 0 ? '?' : p[i];
        i += steers > 0 ? steers : 1;
    }
    o->p[o->n] = '\0';
}

static void out_text(struct out *o, const char *text)
{
    out_bytes(o, text, strlen(text));
}

static void out_slice(struct out *o, struct slice s)
{
    if (s.n > 0)
        out_bytes(o, (const char *)s.p, s.n);
}

static void out_number(struct out *o, uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, v);
    out_text(o, text);
}

static void out_hex(struct out *o, const uint8_t *bytes, size_t n)
{
    char text[2 * 32 + 1];
    hex_text(text, bytes, n);
    out_text(o, text);
}

/* An address that stands before a colon: IPv6 in brackets. */
static void out_host(struct out *o, struct slice host, bool before_port)
{
    bool brackets = before_port && slice_find(host, ':') < host.n;
    if (brackets)
        out_text(o, "[");
    out_slice(o, host);
    if (brackets)
        out_text(o, "]");
}

typedef bool (*render_name)(struct out *o, const void *context, struct slice name, char next);

/* Copies the template; every {name} is given to `name`, what it does not know stays as it is. */
static void out_fill(struct out *o, const char *template, render_name name, const void *context)
{
    for (const char *p = template; *p != '\0';) {
        size_t plain = strcspn(p, "{");
        out_bytes(o, p, plain);
        p += plain;
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        if (end != NULL && name(o, context, slice_make(p + 1, (size_t)(end - p - 1)), end[1]))
            p = end + 1;
        else if (*p != '\0')
            out_bytes(o, p++, 1);
    }
}

static void render_fill(char *dst, size_t size, const char *template, render_name name,
                        const void *context)
{
    struct out o = {.p = dst, .size = size};
    dst[0] = '\0';
    out_fill(&o, template, name, context);
}

json_t *render_text(struct slice s)
{
    json_t *text = json_stringn(s.n > 0 ? (const char *)s.p : "", s.n);
    if (text != NULL)
        return text;
    /* Not UTF-8: shown with its odd bytes replaced, never left out. */
    char copy[256];
    size_t n = slice_to_text(s, copy, sizeof copy);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)copy[i] < 0x20 || (unsigned char)copy[i] > 0x7e)
            copy[i] = '?';
    return json_stringn(copy, n);
}

static json_t *render_hex(const uint8_t *bytes, size_t n)
{
    char text[2 * 32 + 1];
    hex_text(text, bytes, n);
    return json_string(text);
}

void render_fingerprint(char dst[static RENDER_FINGERPRINT], const uint8_t *fingerprint)
{
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++)
        snprintf(dst + 3 * i, 4, i + 1 < FINGERPRINT_SIZE ? "%02X:" : "%02X", fingerprint[i]);
}

static json_t *render_fingerprint_json(const uint8_t *fingerprint)
{
    char text[RENDER_FINGERPRINT];
    render_fingerprint(text, fingerprint);
    return json_string(text);
}

static json_t *render_time(wall t)
{
    char text[25];
    if (t == 0)
        return json_null();
    wall_text(text, t);
    return json_string(text);
}

/* --- trace */

static const struct {
    const char *id;
    enum trace_level level;
    const char *text;
} events[EVENTS] = {
#define EVENT(name, id, level, text) [name] = {id, level, text},
#include "core/event.def"
#undef EVENT
};

static struct slice trace_host(const struct trace *t)
{
    return t->host.n > 0 ? t->host : slice_of(t->peer.ip);
}

static bool is(struct slice name, const char *text)
{
    return slice_eq(name, slice_of(text));
}

static bool trace_link_name(struct out *o, const struct trace *t, struct slice name, char next)
{
    if (is(name, "n"))
        out_number(o, t->link_n);
    else if (is(name, "k"))
        out_text(o, t->tls ? "17" : "13");
    else if (is(name, "ip"))
        out_host(o, slice_of(t->peer.ip), next == ':');
    else if (is(name, "port"))
        out_number(o, t->peer.port);
    else if (is(name, "lip"))
        out_host(o, slice_of(t->local.ip), next == ':');
    else if (is(name, "lport"))
        out_number(o, t->local.port);
    else if (is(name, "host"))
        out_host(o, trace_host(t), next == ':');
    else if (is(name, "hport"))
        out_number(o, t->peer.port);
    else
        return false;
    return true;
}

static bool trace_name(struct out *o, const void *context, struct slice name, char next)
{
    const struct trace *t = context;
    char text[16];
    if (trace_link_name(o, t, name, next))
        return true;
    if (is(name, "peer")) {
        out_hex(o, t->peer_id, sizeof t->peer_id);
    } else if (is(name, "tf")) {
        out_text(o, t->tls ? "t" : "f");
    } else if (is(name, "true")) {
        out_text(o, t->tls ? "true" : "false");
    } else if (is(name, "code")) {
        render_code(text, sizeof text, t->code);
        out_text(o, text);
    } else if (is(name, "verdict")) {
        out_hex(o, t->verdict_id, sizeof t->verdict_id);
    } else if (is(name, "x0")) {
        snprintf(text, sizeof text, "%08" PRIX32, (uint32_t)t->number[0]);
        out_text(o, text);
    } else if (name.n == 2 && name.p[0] == 't' && name.p[1] >= '0' && name.p[1] <= '2') {
        out_slice(o, t->text[name.p[1] - '0']);
    } else if (name.n == 2 && name.p[0] == 'n' && name.p[1] >= '0' && name.p[1] <= '2') {
        out_number(o, t->number[name.p[1] - '0']);
    } else {
        return false;
    }
    return true;
}

void render_trace(char *dst, size_t size, const struct trace *t)
{
    render_fill(dst, size, t->event < EVENTS ? events[t->event].text : "", trace_name, t);
}

/* "ip:port", or null where there is no link. */
static json_t *render_address(const struct address *a)
{
    char text[ADDRESS_TEXT_MAX + 16];
    if (a->ip[0] == '\0')
        return json_null();
    snprintf(text, sizeof text, strchr(a->ip, ':') != NULL ? "[%s]:%u" : "%s:%u", a->ip,
             (unsigned)a->port);
    return json_string(text);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

const char *render_event_id(enum trace_event event)
{
    return event < EVENTS ? events[event].id : "?";
}

enum trace_level render_event_level(enum trace_event event)
{
    return event < EVENTS ? events[event].level : TRACE_ERROR;
}

/* --- alarms */

static const struct {
    const char *name, *severity, *parameter, *text;
} alarms[ALARMS] = {
#define ALARM(name, severity, parameter, text) [name] = {#name, severity, parameter, text},
#include "core/alarm.def"
#undef ALARM
};

const char *render_alarm_name(uint8_t alarm)
{
    return alarm < ALARMS ? alarms[alarm].name : "?";
}

const char *render_alarm_severity(uint8_t alarm)
{
    return alarm < ALARMS ? alarms[alarm].severity : "error";
}

const char *render_alarm_parameter(uint8_t alarm)
{
    return alarm < ALARMS ? alarms[alarm].parameter : "Parameter";
}

/* A template of alarm.def or reply.def: %s is the one text it speaks of. */
static void render_percent(char *dst, size_t size, const char *template, struct slice text)
{
    struct out o = {.p = dst, .size = size};
    dst[0] = '\0';
    for (const char *p = template; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            out_slice(&o, text);
            p++;
        } else {
            out_bytes(&o, p, 1);
        }
    }
}

void render_alarm_text(char *dst, size_t size, const struct alarm_row *row)
{
    render_percent(dst, size, row->alarm < ALARMS ? render_word(alarms[row->alarm].text) : "%s",
                   row->subject);
}

json_t *render_alarm_json(const struct alarm_row *row)
{
    char text[512];
    json_t *json = json_object();
    render_alarm_text(text, sizeof text, row);
    json_object_set_new(json, "name", json_string(render_alarm_name(row->alarm)));
    json_object_set_new(json, "severity", json_string(render_alarm_severity(row->alarm)));
    json_object_set_new(json, "count", json_integer((json_int_t)row->count));
    json_object_set_new(json, "first", render_time(row->first));
    json_object_set_new(json, "last", render_time(row->last));
    json_object_set_new(json, "active", json_boolean(row->active));
    json_object_set_new(json, render_alarm_parameter(row->alarm), render_text(row->subject));
    json_object_set_new(json, "text", render_text(slice_of(text)));
    return json;
}

/* --- verdicts */

static const struct code_row {
    enum code code;
    const char *cause, *remedy;
} codes[] = {
#define CODE(number, name, cause, remedy, at) {CODE_##name, cause, remedy},
#include "core/code.def"
#undef CODE
};

static const struct code_row *code_row(enum code code)
{
    static const struct code_row unknown = {CODE_NONE, N_("the other end gave a reason that this "
                                                          "version does not know"),
                                            "ils --version"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return &codes[i];
    return &unknown;
}

void render_code(char *dst, size_t size, enum code code)
{
    snprintf(dst, size, "ILS-%03u", (unsigned)code);
}

/* What was dialled: on the end that was dialled, that is its own address. */
static struct slice verdict_host(const struct verdict *v)
{
    if (v->host.n > 0)
        return v->host;
    return slice_of(v->dialler ? v->peer.ip : v->local.ip);
}

static uint16_t verdict_port(const struct verdict *v)
{
    if (v->port != 0)
        return v->port;
    return v->dialler ? v->peer.port : v->local.port;
}

struct verdict_context {
    const struct verdict *v;
    struct slice self;
};

/* An id that nobody has yet: that of the end that was refused, and the beginning of its peer id. */
static void out_fresh(struct out *o, const struct verdict_context *c)
{
    struct slice id = c->v->remedy_at == SIDE_HERE ? c->self : c->v->peer_name;
    char tail[8];
    size_t n = (size_t)snprintf(tail, sizeof tail, "-%04x", (unsigned)c->v->evidence[0] & 0xffff);
    if (id.n + n > CLUSTER_ID_MAX)
        id.n = CLUSTER_ID_MAX - n;
    out_slice(o, id.n > 0 ? id : slice_of("ID"));
    out_text(o, tail);
}

/* Likewise its name: in the same domain, told apart by the same digits. */
static void out_fresh_name(struct out *o, const struct verdict_context *c)
{
    struct slice name = c->v->fqdn;
    char tail[8];
    size_t label = slice_find(name, '.');
    size_t n = (size_t)snprintf(tail, sizeof tail, "-%04x", (unsigned)c->v->evidence[0] & 0xffff);
    if (name.n == 0 || label == name.n || name.n + n > HOST_TEXT_MAX || label + n > LABEL_MAX) {
        out_text(o, "NAME");
        return;
    }
    out_slice(o, slice_make(name.p, label));
    out_text(o, tail);
    out_slice(o, slice_make(name.p + label, name.n - label));
}

static bool verdict_name(struct out *o, const void *context, struct slice name, char next)
{
    const struct verdict_context *c = context;
    const struct verdict *v = c->v;
    if (is(name, "host"))
        out_host(o, verdict_host(v), next == ':');
    else if (is(name, "port"))
        out_number(o, verdict_port(v));
    else if (is(name, "address"))
        out_text(o, v->peer.ip);
    else if (is(name, "address_port"))
        out_number(o, v->peer.port);
    else if (is(name, "local"))
        out_text(o, v->local.ip);
    else if (is(name, "local_port"))
        out_number(o, v->local.port);
    else if (is(name, "generation"))
        out_number(o, v->generation != 0 ? v->generation : 1);
    else if (is(name, "method"))
        out_text(o, render_method(v->method));
    else if (is(name, "rule"))
        out_text(o, render_word(render_rule(v->rule)));
    else if (is(name, "verdict"))
        out_hex(o, v->id, sizeof v->id);
    else if (is(name, "name"))
        out_slice(o, v->name.n > 0 ? v->name : slice_of(render_word(N_("the other end"))));
    else if (is(name, "retry"))
        out_number(o, v->retry_after);
    else if (is(name, "peer") && v->remedy_at == SIDE_THERE && c->self.n > 0)
        out_slice(o, c->self);
    else if (is(name, "peer") && v->peer_name.n > 0)
        out_slice(o, v->peer_name);
    else if (is(name, "peer"))
        out_hex(o, v->peer_id, sizeof v->peer_id);
    else if (is(name, "held"))
        out_number(o, v->evidence[0]);
    else if (is(name, "low") || is(name, "high"))
        out_number(o, v->evidence[0] >> (name.p[0] == 'l' ? 8 : 0) & 0xff);
    else if (is(name, "their_low") || is(name, "their_high"))
        out_number(o, v->evidence[1] >> (name.p[6] == 'l' ? 8 : 0) & 0xff);
    else if (is(name, "fresh"))
        out_fresh(o, c);
    else if (is(name, "fresh_name"))
        out_fresh_name(o, c);
    else
        return false;
    return true;
}

static bool rotated(const struct verdict *v)
{
    return v->code == CODE_GENERATION_UNKNOWN && v->evidence[0] != 0;
}

static const char *cause_of(const struct verdict *v)
{
    if (rotated(v))
        return N_("one end holds no password of generation {generation} any more, but {held}");
    if (v->code != CODE_VERSION || v->evidence[0] == 0 || v->evidence[1] == 0)
        return code_row(v->code)->cause;
    return v->remedy_at == SIDE_HERE
               ? N_("the two ends share no protocol version: this end speaks {low} to {high}, the "
                    "other {their_low} to {their_high}; this end is to be upgraded")
               : N_("the two ends share no protocol version: this end speaks {low} to {high}, the "
                    "other {their_low} to {their_high}; the other end is to be upgraded");
}

void render_cause(char *dst, size_t size, const struct verdict *v)
{
    const struct verdict_context c = {.v = v};
    render_fill(dst, size, render_word(cause_of(v)), verdict_name, &c);
}

void render_remedy(char *dst, size_t size, const struct verdict *v, struct slice self)
{
    const struct verdict_context c = {.v = v, .self = self};
    bool forget = v->code == CODE_DUPLICATE_ID && v->evidence[1] != 0;
    render_fill(dst, size,
                forget       ? "ils forget {peer}"
                : rotated(v) ? "ils password add --generation {held} --stdin && "
                               "ils password prefer {held}"
                             : code_row(v->code)->remedy,
                verdict_name, &c);
}

/* One piece of the evidence, where it holds. */
static void evidence(struct out *o, const struct verdict *v, bool holds, const char *template)
{
    const struct verdict_context c = {.v = v};
    if (holds)
        out_fill(o, render_word(template), verdict_name, &c);
}

void render_evidence(char *dst, size_t size, const struct verdict *v)
{
    bool peer = v->peer.ip[0] != '\0', local = v->local.ip[0] != '\0';
    struct out o = {.p = dst, .size = size};
    dst[0] = '\0';
    evidence(&o, v, v->dialler, N_("dialled {host} port {port}"));
    evidence(&o, v, !v->dialler, N_("dialled by {address} port {address_port}"));
    evidence(&o, v, v->dialler && peer, N_(", reached {address} port {address_port}"));
    evidence(&o, v, v->dialler && local, N_(", from {local} port {local_port}"));
    evidence(&o, v, !v->dialler && local, N_(", at {local} port {local_port}"));
    evidence(&o, v, v->generation != 0, N_(", password generation {generation}"));
    evidence(&o, v, v->told, N_(", the other end says so"));
    evidence(&o, v, !v->told && !code_is_success(v->code), N_(", found at this end"));
}

/* [lowest, highest], or null where they are not known, or do not matter. */
static json_t *versions_json(const struct verdict *v, size_t i)
{
    if (v->code != CODE_VERSION || v->evidence[i] == 0)
        return json_null();
    return json_pack("[II]", (json_int_t)(v->evidence[i] >> 8 & 0xff),
                     (json_int_t)(v->evidence[i] & 0xff));
}

json_t *render_verdict_json(const struct verdict *v, struct slice self)
{
    char text[1024];
    json_t *json = json_object();
    json_object_set_new(json, "verdict_id", render_hex(v->id, sizeof v->id));
    render_code(text, sizeof text, v->code);
    json_object_set_new(json, "code", json_string(text));
    render_cause(text, sizeof text, v);
    json_object_set_new(json, "cause", render_text(slice_of(text)));
    render_evidence(text, sizeof text, v);
    json_object_set_new(json, "evidence", render_text(slice_of(text)));
    render_remedy(text, sizeof text, v, self);
    json_object_set_new(json, "remedy", render_text(slice_of(text)));
    json_object_set_new(json, "remedy_at",
                        json_string(v->remedy_at == SIDE_HERE ? "here" : "there"));
    json_object_set_new(json, "told", json_boolean(v->told));
    json_object_set_new(json, "method", json_string(render_method(v->method)));
    json_object_set_new(json, "rule", v->rule != RULE_NONE ? json_string(render_rule(v->rule))
                                                           : json_null());
    json_object_set_new(json, "certificate_name",
                        v->name.n > 0 ? render_text(v->name) : json_null());
    json_object_set_new(json, "fingerprint",
                        all_zero(v->fingerprint, sizeof v->fingerprint)
                            ? json_null()
                            : render_fingerprint_json(v->fingerprint));
    json_object_set_new(json, "generation",
                        v->generation != 0 ? json_integer(v->generation) : json_null());
    json_object_set_new(json, "host", render_text(verdict_host(v)));
    json_object_set_new(json, "port", json_integer(verdict_port(v)));
    json_object_set_new(json, "peer_id",
                        all_zero(v->peer_id, sizeof v->peer_id)
                            ? json_null()
                            : render_hex(v->peer_id, sizeof v->peer_id));
    json_object_set_new(json, "peer_name",
                        v->peer_name.n > 0 ? render_text(v->peer_name) : json_null());
    json_object_set_new(json, "address", render_address(&v->peer));
    json_object_set_new(json, "local", render_address(&v->local));
    json_object_set_new(json, "dialler", json_boolean(v->dialler));
    json_object_set_new(json, "generation_held",
                        rotated(v) ? json_integer((json_int_t)v->evidence[0]) : json_null());
    json_object_set_new(json, "versions_here", versions_json(v, 0));
    json_object_set_new(json, "versions_there", versions_json(v, 1));
    json_object_set_new(json, "retry_after", json_integer(v->retry_after));
    json_object_set_new(json, "time", render_time(v->at));
    return json;
}

/* --- replies */

static const struct {
    const char *name, *text, *next;
} replies[REPLIES] = {
#define REPLY(name, text, next) [name] = {#name, text, next},
#include "core/reply.def"
#undef REPLY
};

void render_reply(char *dst, size_t size, enum reply reply, struct slice text)
{
    render_percent(dst, size, reply < REPLIES ? render_word(replies[reply].text)
                                                : render_word(N_("unknown outcome")), text);
}

void render_reply_next(char *dst, size_t size, enum reply reply, struct slice text)
{
    render_percent(dst, size, reply < REPLIES ? replies[reply].next : "", text);
}

const char *render_reply_name(enum reply reply)
{
    return reply < REPLIES ? replies[reply].name : "REPLY_UNKNOWN";
}

/* --- single words */

const char *render_role(enum ils_role role, bool local)
{
    static const char *const name[3][2] = {
        [ROLE_STANDALONE] = {"Standalone", "Standalone (Local Cluster)"},
        [ROLE_HUB] = {"Hub", "Hub (Local Cluster)"},
        [ROLE_SPOKE] = {"Spoke", "Spoke (Local Cluster)"},
    };
    return (unsigned)role < 3 ? name[role][local ? 1 : 0] : "?";
}

const char *render_method(uint8_t method)
{
    switch (method) {
    case METHOD_PASSWORD:
        return "password";
    case METHOD_TLS:
        return "tls";
    case METHOD_TLS_PASSWORD:
        return "tls+password";
    case METHOD_INVITE:
        return "invite";
    default:
        return "none";
    }
}

const char *render_rule(enum cert_rule rule)
{
    switch (rule) {
    case RULE_NONE: return N_("the password");
    case RULE_IMPORTED: return N_("its certificate, which was imported");
    case RULE_ROOT: return N_("the authority of its certificate and the password");
    case RULE_MET: return N_("the authority of its certificate and its key, met before");
    case RULE_INVITE: return N_("an invite");
    }
    return "?";
}
