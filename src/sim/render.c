/* render: see render.h. */
#include "sim/render.h"

#include <stdarg.h>
#include <string.h>

static const char *const event_id[] = {
#define EVENT(name, id, level, text) id,
#include "core/event.def"
#undef EVENT
};
static const char *const alarm_name[] = {
#define ALARM(name, severity, parameter, text) #name,
#include "core/alarm.def"
#undef ALARM
};
static const char *const reply_name[] = {
#define REPLY(name, text, next) #name,
#include "core/reply.def"
#undef REPLY
};

const char *render_event(enum trace_event e)
{
    return e < EVENTS ? event_id[e] : "?";
}

const char *render_alarm(unsigned alarm)
{
    return alarm < ALARMS ? alarm_name[alarm] : "?";
}

const char *render_reply(enum reply r)
{
    return r < REPLIES ? reply_name[r] + sizeof "REPLY_" - 1 : "?";
}

struct out {
    char *p;
    size_t n, size;
};

static void add(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct out *o, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(o->p + o->n, o->size - o->n, format, list);
    va_end(list);
    if (n > 0)
        o->n = o->n + (size_t)n < o->size ? o->n + (size_t)n : o->size - 1;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

size_t render_verdict(struct world *w, const uint8_t id[static VERDICT_ID_SIZE])
{
    if (is_zero(id, VERDICT_ID_SIZE))
        return 0;
    size_t oldest = w->verdict_n > VERDICTS_NAMED ? w->verdict_n - VERDICTS_NAMED : 0;
    for (size_t i = w->verdict_n; i > oldest; i--)
        if (memcmp(w->verdict[(i - 1) % VERDICTS_NAMED], id, VERDICT_ID_SIZE) == 0)
            return i;
    memcpy(w->verdict[w->verdict_n++ % VERDICTS_NAMED], id, VERDICT_ID_SIZE);
    return w->verdict_n;
}

struct node *render_peer(const struct world *w, const uint8_t peer_id[static PEER_ID_SIZE])
{
    for (size_t i = 0; i < w->node_n; i++)
        if (w->node[i]->has_key && memcmp(w->node[i]->peer_id, peer_id, PEER_ID_SIZE) == 0)
            return w->node[i];
    return NULL;
}

static void add_peer(struct out *o, struct world *w, const uint8_t peer_id[static PEER_ID_SIZE])
{
    if (is_zero(peer_id, PEER_ID_SIZE))
        return;
    struct node *n = render_peer(w, peer_id);
    add(o, " peer=%s", n == NULL ? "?" : n->name);
}

static void add_address(struct out *o, struct world *w, const char *label, const struct address *a)
{
    if (a->ip[0] == 0)
        return;
    struct node *n = world_resolve(w, slice_of(a->ip));
    add(o, " %s%s:%u", label, n == NULL ? a->ip : n->name, a->port);
}

static void add_slice(struct out *o, const char *label, struct slice s)
{
    if (s.n > 0)
        add(o, " %s%.*s", label, (int)(s.n < 120 ? s.n : 120), (const char *)s.p);
}

static void add_trace(struct out *o, struct world *w, const struct trace *t)
{
    add(o, "%s", render_event(t->event));
    if (t->link_n != 0)
        add(o, " #%u", t->link_n);
    add_peer(o, w, t->peer_id);
    add_address(o, w, "with=", &t->peer);
    add_slice(o, "host=", t->host);
    if (t->tls)
        add(o, " tls");
    if (t->code != CODE_NONE)
        add(o, " ILS-%u", (unsigned)t->code);
    size_t verdict = render_verdict(w, t->verdict_id);
    if (verdict != 0)
        add(o, " v%zu", verdict);
    add_slice(o, "", t->text[0]);
    add_slice(o, "", t->text[1]);
    int last = t->number[2] != 0 ? 3 : t->number[1] != 0 ? 2 : t->number[0] != 0 ? 1 : 0;
    for (int i = 0; i < last; i++)
        add(o, " %llu", (unsigned long long)t->number[i]);
}

static void add_verdict(struct out *o, struct world *w, const struct verdict *v)
{
    add(o, "VERDICT ILS-%u", (unsigned)v->code);
    size_t verdict = render_verdict(w, v->id);
    if (verdict != 0)
        add(o, " v%zu", verdict);
    add(o, v->dialler ? " dialled" : " accepted");
    if (v->told)
        add(o, " told");
    add_peer(o, w, v->peer_id);
    add_slice(o, "name=", v->peer_name);
    add_slice(o, "host=", v->host);
    if (v->generation != 0)
        add(o, " generation=%u", v->generation);
    if (v->retry_after != 0)
        add(o, " retry=%u", v->retry_after);
    add(o, v->remedy_at == SIDE_HERE ? " remedy=here" : " remedy=there");
}

static void add_alarm(struct out *o, struct world *w, const struct ils_action *a)
{
    char text[128];
    slice_to_text(a->alarm.subject, text, sizeof text);
    struct node *n = world_resolve(w, a->alarm.subject);
    add(o, "ALARM %s %s %s count=%llu", render_alarm(a->alarm.alarm), n == NULL ? text : n->name,
        a->on ? "raised" : "cleared", (unsigned long long)a->alarm.count);
}

bool render_action(struct world *w, const struct ils_action *action, char *dst, size_t size)
{
    struct out o = {dst, 0, size};
    dst[0] = 0;
    switch (action->type) {
    case ILS_DO_LISTEN:
        add(&o, "LISTEN %s", action->on ? "on" : "off");
        return true;
    case ILS_DO_TRACE:
        add_trace(&o, w, &action->trace);
        return true;
    case ILS_DO_ALARM:
        add_alarm(&o, w, action);
        return true;
    case ILS_DO_VERDICT:
        add_verdict(&o, w, &action->verdict);
        return true;
    case ILS_DO_REPLY:
        add(&o, "REPLY %s", render_reply(action->reply));
        add_slice(&o, "", action->text);
        return true;
    case ILS_DO_OPEN:
    case ILS_DO_SEND:
    case ILS_DO_CLOSE:
    case ILS_DO_STORE:
    case ILS_DO_PUBLISH:
    case ILS_DO_TRUST:
    case ILS_DO_VERIFY:
    case ILS_DO_READ:
    case ILS_DO_RELOAD:
        return false;
    }
    return false;
}
