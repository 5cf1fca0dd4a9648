/* say: what is told, as ids and arguments: trace records and verdicts. No sentence lives here. */
#include "core/core.h"

static enum trace_level level_of(enum trace_event event)
{
    static const uint8_t level[EVENTS] = {
#define EVENT(name, id, level, text) [name] = level,
#include "core/event.def"
#undef EVENT
    };
    return level[event];
}

/* The record to be filled in; one that nobody reads when the level leaves it out. */
struct trace *say(struct ils *ils, enum trace_event event)
{
    static struct trace unread;
    if (level_of(event) > ils->level)
        return &unread;
    struct trace *t = &ils_action(ils, ILS_DO_TRACE)->trace;
    t->event = event;
    return t;
}

struct trace *say_link(struct link *l, enum trace_event event)
{
    struct trace *t = say(l->ils, event);
    t->link_n = l->n;
    t->dialler = l->dialler;
    t->tls = l->tls;
    t->peer = l->peer;
    if (l->dialler && l->peer.port == 0)
        t->peer.port = l->port;
    t->local = l->local;
    t->host = arena_copy(&l->ils->step, text_slice(l->host));
    if (l->to != NULL)
        memcpy(t->peer_id, l->to->id, sizeof t->peer_id);
    memcpy(t->verdict_id, l->verdict_id, sizeof t->verdict_id);
    return t;
}

/* At which end of link l (NULL: it was never dialled) the remedy is typed. */
static enum verdict_side remedy_side(enum code code, bool dialler, const struct link *l)
{
    const char *at = "";
    bool refused_here = l != NULL && l->refused_here;
    switch (code) {
    case CODE_NONE: break;
#define CODE(number, name, cause, remedy, end)                                                     \
    case number: at = end; break;
#include "core/code.def"
#undef CODE
    }
    bool here = (at[0] == 'd') == dialler; /* dialler, acceptor */
    if (at[0] == 'v' || at[0] == 'p')      /* verifier, presenter */
        here = (at[0] == 'v') == refused_here;
    if (at[0] == 'l') /* lacking: TLS alone was offered, or the dialled end has no password */
        here = (l == NULL || l->offered == METHOD_TLS) == dialler;
    struct hello h;
    if (at[0] == 'o') /* older */
        here = l != NULL && hello_get(text_slice(l->hello_theirs), &h) == 0 &&
               LINK_VERSION_MAX < h.version_max;
    return here ? SIDE_HERE : SIDE_THERE;
}

static void keep(struct ils *ils, const struct verdict *v)
{
    struct verdict_entry *e = &ils->verdict[ils->verdict_next];
    ils->verdict_next = (ils->verdict_next + 1) % VERDICTS_KEPT;
    if (ils->verdict_n < VERDICTS_KEPT)
        ils->verdict_n++;
    e->verdict = *v;
    text_set(e->host, v->host);
    text_set(e->peer_name, v->peer_name);
    text_set(e->fqdn, v->fqdn);
    text_set(e->name, v->name);
}

/* Of a join that was never dialled: it has no link, and no id that another end could know. */
void say_verdict_undialled(struct ils *ils, uint64_t command, enum code code)
{
    struct ils_action *a = ils_action(ils, ILS_DO_VERDICT);
    a->command = command;
    a->verdict = (struct verdict){.code = code, .dialler = true, .port = ils->dial.port,
                                  .host = arena_copy(&ils->step, text_slice(ils->dial.host)),
                                  .remedy_at = remedy_side(code, true, NULL), .at = ils->wall};
    keep(ils, &a->verdict);
}

/* The certificate in question: the other end's, or one's own where the other end said no. */
static void certificate_of(struct link *l, enum code code, struct verdict *v)
{
    const struct own_cert *own = &l->ils->cert[0];
    bool about_mine = code >= 300 && code < 400 && !l->refused_here;
    if (!l->tls || (!about_mine && !l->cert.present))
        return;
    v->name = arena_copy(&l->ils->step, about_mine ? text_slice(own->subject)
                                                   : text_slice(l->cert.subject));
    memcpy(v->fingerprint, about_mine ? own->fingerprint : l->cert.fingerprint,
           sizeof v->fingerprint);
}

/* The password was rotated at the end that said no, and not at the other one: the former generation
 * is not to come back. */
static void generations_evidence(const struct link *l, struct verdict *v)
{
    uint16_t newest = v->told ? l->generation_there : password_newest(l->ils);
    if (v->code != CODE_GENERATION_UNKNOWN || newest <= l->generation)
        return;
    v->evidence[0] = newest;
    v->remedy_at = v->told ? SIDE_HERE : SIDE_THERE;
}

/* Which versions the two ends speak, as far as the other one said it. */
static void versions_evidence(const struct link *l, struct verdict *v)
{
    struct hello h = {.version_min = LINK_VERSION_MIN, .version_max = LINK_VERSION_MAX};
    if (v->code != CODE_VERSION)
        return;
    v->evidence[0] = hello_versions(&h);
    if (hello_get(text_slice(l->hello_theirs), &h) == 0)
        v->evidence[1] = hello_versions(&h);
}

/* A link that stood is refused after all: the verdict on it is another now, at both ends. */
void say_verdict_live(struct link *l, enum code code, bool here)
{
    l->refused_here = here;
    l->verdict_given = false;
    say_verdict(l, code, !here, 0);
}

void say_verdict(struct link *l, enum code code, bool told, uint32_t retry_after)
{
    struct ils *ils = l->ils;
    if (l->verdict_given)
        return;
    l->verdict_given = true;
    struct trace *t = say_link(l, EVENT_VERDICT);
    t->code = code;
    struct ils_action *a = ils_action(ils, ILS_DO_VERDICT);
    struct verdict *v = &a->verdict;
    a->command = l->command;
    memcpy(v->id, l->verdict_id, sizeof v->id);
    v->code = code;
    v->dialler = l->dialler;
    v->told = told;
    v->tls = l->tls;
    v->peer = l->peer;
    v->local = l->local;
    v->host = arena_copy(&ils->step, text_slice(l->host));
    v->port = l->dialler ? l->port : l->local.port;
    v->generation = l->generation;
    v->retry_after = retry_after;
    v->remedy_at = remedy_side(code, l->dialler, l);
    v->refused_here = l->refused_here;
    v->rule = l->rule;
    v->method = l->offered != METHOD_NONE ? l->offered : l->method;
    certificate_of(l, code, v);
    v->at = ils->wall;
    const struct peer *p = l->to;
    if (code == CODE_DISCONNECTED) { /* typed where it was typed before, whoever dialled */
        v->remedy_at = l->refused_here ? SIDE_HERE : SIDE_THERE;
        p = l->refused_here ? peer_find(ils, l->theirs.key) : p;
    }
    if (code == CODE_OTHER_NETWORK && p == NULL && l->refused_here)
        p = peer_find(ils, l->theirs.key); /* it was of this network, and was left behind */
    if (p != NULL) {
        memcpy(v->peer_id, p->id, sizeof v->peer_id);
        v->peer_name = arena_copy(&ils->step, text_slice(p->cluster_id));
    }
    versions_evidence(l, v);
    generations_evidence(l, v);
    const uint8_t *key;
    identity_evidence(l, v, &key);
    if (key != NULL) {
        crypto_peer_id(v->peer_id, key);
        v->peer_name = arena_copy(&ils->step, slice_make(l->theirs.cluster_id,
                                                         l->theirs.cluster_id_n));
    }
    keep(ils, v);
    l->command = 0;
}
