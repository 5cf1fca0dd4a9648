/* control_diagnose: a live test of the way to another cluster, step by step: a tick or a cause at
 * each. What waits for the network runs in a worker (probe.c), one phase at a time; between two
 * phases the loop says what came out and asks the core what it would make of it. */
#include "daemon/control_inside.h"
#include "daemon/probe.h"
#include "daemon/token.h"
#include "driver/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOOR_OF_TLS, DOOR_OF_PASSWORD, DOOR_N };

enum phase { RESOLVE, CONNECT_TLS, SHAKE, HELLO_TLS, CONNECT_PASSWORD, HELLO_PASSWORD, END };

struct diagnosis {
    uv_work_t work;
    struct client *client;
    struct probe probe;
    struct tls_context *context;
    enum phase phase;
    bool good;                 /* of the phase */
    enum probe_answer answer;
    uint16_t port[DOOR_N];
    uint8_t method;            /* that this cluster offers */
    uint16_t generation;
    bool has_password;         /* that the method needs, and its stretched form */
    uint8_t stretched[32];
    bool port_said;
    bool known;                /* the target is a cluster of the table */
    uint8_t peer_id[PEER_ID_SIZE];
    char target[HOST_TEXT_MAX + 16];
    json_t *steps;
    bool failed;
    bool there;                /* what is typed after the next step is typed at the other end */
};

static const struct ils *core_of(const struct diagnosis *d)
{
    return runtime_core(d->client->control->rt);
}

static void diagnosis_free(struct diagnosis *d)
{
    probe_done(&d->probe);
    crypto_wipe(d->stretched, sizeof d->stretched);
    if (d->context != NULL)
        tls_context_unref(d->context);
    json_decref(d->steps);
    free(d);
}

/* --- saying */

enum outcome_mark { WELL, ILL, SAID };

static void step(struct diagnosis *d, const char *name, enum outcome_mark mark, const char *next,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void step(struct diagnosis *d, const char *name, enum outcome_mark mark, const char *next,
                 const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    json_t *json = json_object();
    json_object_set_new(json, "step", json_string(name));
    json_object_set_new(json, "ok", mark == SAID ? json_null() : json_boolean(mark == WELL));
    json_object_set_new(json, "text", render_text(slice_of(text)));
    json_object_set_new(json, "next", next[0] != '\0' ? render_text(slice_of(next)) : json_null());
    json_object_set_new(json, "next_at", json_string(d->there ? "there" : "here"));
    d->there = false;
    d->failed = d->failed || mark == ILL;
    json_array_append(d->steps, json);
    control_line(d->client, "step", json);
}

/* At which end the remedy of a code is typed, seen from this end, which dials. */
static bool typed_there(const struct probe *p, enum code code, bool refused_here)
{
    const char *at = "";
    switch (code) {
    case CODE_NONE: break;
#define CODE(number, name, cause, remedy, end)                                                     \
    case number: at = end; break;
#include "core/code.def"
#undef CODE
    }
    if (at[0] == 'o') /* older */
        return LINK_VERSION_MAX >= p->theirs.version_max;
    if (at[0] == 'v' || at[0] == 'p') /* verifier, presenter */
        return (at[0] == 'v') != refused_here;
    return at[0] == 'a' || (at[0] == 'l' && !refused_here); /* acceptor; who lacks a password */
}

/* The table's own words for a code that this end or the other would say of this attempt. */
static void step_code(struct diagnosis *d, const char *name, enum code code, bool here,
                      const char *before)
{
    char cause[512], next[512], number[16];
    struct view_self self;
    view_self(core_of(d), &self);
    struct verdict v = {.code = code, .dialler = true, .tls = d->probe.secured,
                        .host = slice_of(d->probe.host), .method = d->method,
                        .port = d->port[d->probe.secured ? DOOR_OF_TLS : DOOR_OF_PASSWORD],
                        .generation = d->generation, .refused_here = here,
                        .retry_after = d->probe.retry_after,
                        .name = here ? d->probe.proved.peer.subject : self.fqdn};
    d->there = typed_there(&d->probe, code, here);
    v.remedy_at = d->there ? SIDE_THERE : SIDE_HERE;
    if (code == CODE_VERSION && d->probe.theirs.version_max != 0) {
        struct hello mine = {.version_min = LINK_VERSION_MIN, .version_max = LINK_VERSION_MAX};
        v.evidence[0] = hello_versions(&mine);
        v.evidence[1] = hello_versions(&d->probe.theirs);
    }
    if (code == CODE_GENERATION_UNKNOWN && d->probe.generation > d->generation) {
        v.evidence[0] = d->probe.generation;
        d->there = false;
    }
    render_cause(cause, sizeof cause, &v);
    render_remedy(next, sizeof next, &v, self.cluster_id);
    render_code(number, sizeof number, code);
    if (strstr(next, "--verdict") != NULL)
        snprintf(next, sizeof next, "ils trust bundle import FILE");
    step(d, name, ILL, next, "%s%s (%s)%s", before, cause, number,
         strcmp(next, "ils trust bundle import FILE") != 0 ? ""
         : here ? "; the other end writes such a file with ils trust bundle export"
                : "; typed at the other end, with what ils trust bundle export writes here");
}

/* --- certificates */

static void say_dates(struct diagnosis *d, const struct certificate *c)
{
    char from[25], to[25], now_text[25];
    wall now = clock_wall();
    wall_text(from, c->not_before);
    wall_text(to, c->ends != 0 ? c->ends : c->not_after);
    wall_text(now_text, now);
    if (c->not_before > now)
        step(d, "dates", ILL, "timedatectl",
             "its certificate is valid from %s only, and it is %s here: look at both clocks", from,
             now_text);
    else if ((c->ends != 0 ? c->ends : c->not_after) <= now) {
        d->there = true;
        step(d, "dates", ILL, "ils cert renew --same-key --now",
             "its certificate, or one in its chain, ended at %s (renewed at the other end)", to);
    } else
        step(d, "dates", WELL, "", "valid from %s to %s", from, to);
}

static void say_certificate(struct diagnosis *d)
{
    const struct certificate *c = &d->probe.proved.peer;
    char print[RENDER_FINGERPRINT];
    struct view_own own;
    enum cert_rule rule = RULE_NONE;
    enum code code = view_certificate(core_of(d), c, d->method, slice_of(d->probe.host), &rule);
    render_fingerprint(print, c->fingerprint);
    if (c->present && view_own(core_of(d), 0, &own) &&
        memcmp(own.fingerprint, c->fingerprint, FINGERPRINT_SIZE) == 0) {
        step(d, "certificate", ILL, "ils clusters", "this cluster itself answers there");
        return;
    }
    if (code != CODE_NONE && code != CODE_NAME) {
        char before[RENDER_FINGERPRINT + 32] = "";
        if (c->present)
            snprintf(before, sizeof before, "SHA-256 %s: ", print);
        step_code(d, "certificate", code, true, before);
    } else if (code == CODE_NAME) {
        step(d, "certificate", WELL, "", "%.*s, SHA-256 %s: its chain passes", (int)c->subject.n,
             (const char *)c->subject.p, print);
    } else {
        step(d, "certificate", WELL, "", "%.*s, SHA-256 %s: %s%s", (int)c->subject.n,
             (const char *)c->subject.p, print,
             rule != RULE_NONE ? "accepted by " : "its name is that of a cluster met before; it "
                                                  "passes with that cluster's key",
             rule != RULE_NONE ? render_rule(rule) : "");
    }
    if (!c->present)
        return;
    if (code == CODE_NAME)
        step_code(d, "name", code, true, "");
    else if (c->imported)
        step(d, "name", WELL, "", "the certificate was imported: it may hold any name");
    else
        step(d, "name", certificate_names(c, slice_of(d->probe.host)) ? WELL : SAID, "",
             "%s", certificate_names(c, slice_of(d->probe.host))
                       ? "the certificate holds what was dialled"
                       : "the certificate does not hold what was dialled; of an address, and of a "
                         "certificate that does not pass, that is not asked");
    say_dates(d, c);
}

/* --- what the core knows */

static bool is_target(const struct diagnosis *d, const struct view_cluster *c)
{
    if (c->local)
        return false;
    if (d->known)
        return memcmp(c->peer_id, d->peer_id, PEER_ID_SIZE) == 0;
    return slice_eq_fold(c->fqdn, slice_of(d->probe.host)) ||
           slice_eq_fold(c->address, slice_of(d->probe.host)) ||
           (c->fqdn.n > 0 && d->probe.secured && certificate_names(&d->probe.proved.peer, c->fqdn));
}

static void say_met(struct diagnosis *d)
{
    struct view_cluster c;
    char at[25];
    for (size_t i = 0; view_cluster(core_of(d), i, &c); i++) {
        if (!is_target(d, &c))
            continue;
        wall_text(at, c.met_last);
        if (c.met)
            step(d, "met", WELL, "", "cluster %.*s was met by %s, last at %s%s",
                 (int)c.cluster_id.n, (const char *)c.cluster_id.p, render_method(c.met_method), at,
                 c.linked ? ", and is linked" : "");
        else
            step(d, "met", SAID, "", "cluster %.*s is known from others, and was never met",
                 (int)c.cluster_id.n, (const char *)c.cluster_id.p);
        return;
    }
    step(d, "met", SAID, "", "no cluster of that name or address is known here");
}

static void say_password(struct diagnosis *d)
{
    struct view_password p;
    struct view_self self;
    char list[64] = "";
    size_t n = 0;
    view_self(core_of(d), &self);
    for (size_t i = 0; view_password(core_of(d), i, &p) && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%u%s", i > 0 ? ", " : "",
                              (unsigned)p.generation, p.preferred ? " (offered)" : "");
    if (n > 0)
        step(d, "password", self.auth.password ? WELL : SAID, "",
             "held: generation %s; %s", list,
             self.auth.password ? "in use" : "not in use for dialling");
    else if (self.auth.password)
        step(d, "password", ILL, "ils password add --stdin", "the password is in use, and none is "
             "held");
    else
        step(d, "password", SAID, "", "not in use");
}

static void say_verdict(struct diagnosis *d)
{
    struct verdict v;
    char cause[512], next[512], code[16], at[25];
    struct slice host = slice_of(d->probe.host);
    for (size_t i = 0; view_verdict(core_of(d), i, &v); i++) {
        if (!(v.dialler && slice_eq_fold(v.host, host)) &&
            !(d->known && memcmp(v.peer_id, d->peer_id, PEER_ID_SIZE) == 0) &&
            !slice_eq(slice_of(v.peer.ip), slice_of(d->probe.peer)))
            continue;
        render_cause(cause, sizeof cause, &v);
        render_remedy(next, sizeof next, &v, control_self(d->client));
        render_code(code, sizeof code, v.code);
        wall_text(at, v.at);
        d->there = v.remedy_at == SIDE_THERE;
        step(d, "verdict", SAID, next, "the last attempt, at %s, ended with %s: %s", at, code,
             cause);
        return;
    }
    step(d, "verdict", SAID, "", "no attempt to join, from or to there, is remembered");
}

/* --- the phases: what a worker does, what the loop says of it, and what comes next */

static void work(uv_work_t *w)
{
    struct diagnosis *d = w->data;
    switch (d->phase) {
    case RESOLVE: d->good = probe_resolve(&d->probe); break;
    case CONNECT_TLS: d->good = probe_connect(&d->probe, d->port[DOOR_OF_TLS]); break;
    case CONNECT_PASSWORD: d->good = probe_connect(&d->probe, d->port[DOOR_OF_PASSWORD]); break;
    case SHAKE: d->good = probe_tls(&d->probe, d->context); break;
    case HELLO_TLS:
    case HELLO_PASSWORD:
        d->answer = probe_hello(&d->probe, d->method, d->generation);
        if (d->answer == PROBE_HEARD && d->has_password)
            d->answer = probe_password(&d->probe, d->stretched);
        if (d->answer == PROBE_HEARD || d->answer == PROBE_PROVED)
            probe_leave(&d->probe);
        d->good = d->phase == HELLO_PASSWORD && d->answer == PROBE_CLOSED && d->context != NULL &&
                  probe_takes_tls(&d->probe, d->port[DOOR_OF_PASSWORD], d->context);
        break;
    case END: break;
    }
}

static void say_connect(struct diagnosis *d, bool tls)
{
    uint16_t port = d->port[tls ? DOOR_OF_TLS : DOOR_OF_PASSWORD];
    bool needed = tls == (d->method != METHOD_PASSWORD);
    char name[16], next[HOST_TEXT_MAX + 32];
    snprintf(name, sizeof name, "tcp %u", (unsigned)port);
    snprintf(next, sizeof next, "nc -zv %s %u", d->probe.host, (unsigned)port);
    if (d->good)
        step(d, name, WELL, "", "%s answers", d->probe.peer);
    else
        step(d, name, needed ? ILL : SAID, needed ? next : "", "%s%s", d->probe.error,
             needed ? "" : " (not needed: this cluster dials the other port)");
}

/* The port that was tested is not that of the method that this cluster offers. */
static void say_wrong_port(struct diagnosis *d, const char *name, bool takes_tls)
{
    char next[HOST_TEXT_MAX + 16] = "ils status";
    if (d->port_said)
        snprintf(next, sizeof next, "ils diagnose %s", d->probe.host);
    d->there = !d->port_said;
    if (takes_tls)
        step(d, name, ILL, next, "port %u takes TLS, and this cluster offers the password: that "
             "has a port of its own, 7502 as a rule", (unsigned)d->port[DOOR_OF_PASSWORD]);
    else
        step(d, name, ILL, next, "port %u takes the password, and this cluster offers TLS: that "
             "has a port of its own, 7501 as a rule", (unsigned)d->port[DOOR_OF_TLS]);
}

static void say_hello(struct diagnosis *d)
{
    if (d->answer == PROBE_CLOSED && d->phase == HELLO_PASSWORD && d->good) {
        say_wrong_port(d, "hello", true);
        return;
    }
    switch (d->answer) {
    case PROBE_PROVED:
    case PROBE_HEARD:
        step(d, "hello", WELL, "", "the other end accepts links by %s from here and goes on",
             render_method(d->method));
        if (d->answer == PROBE_PROVED)
            step(d, "proof", WELL, "", "the other end holds the same password of generation %u",
                 (unsigned)d->generation);
        break;
    case PROBE_GOODBYE:
        step_code(d, d->probe.code == CODE_PASSWORD_DIFFERS ? "proof" : "hello", d->probe.code,
                  false, "the other end refuses: ");
        break;
    case PROBE_CLOSED:
        step(d, "hello", ILL, "ils trace --last", "the other end hung up without a reason");
        break;
    case PROBE_SILENCE:
        step(d, "hello", ILL, "ils clusters", "the other end took the connection and said nothing "
             "for 8 s: after failures it makes an address wait; else ilsd hangs there");
        break;
    }
}

/* After CONNECT_TLS: the session, where there is something to make it of. */
static enum phase after_connect(struct diagnosis *d)
{
    if (!d->good || d->context != NULL)
        return d->good ? SHAKE : CONNECT_PASSWORD;
    step(d, "tls", d->method != METHOD_PASSWORD ? ILL : SAID, "ils cert renew --now",
         "this cluster has no certificate to show");
    return CONNECT_PASSWORD;
}

static enum phase say_tls(struct diagnosis *d)
{
    enum cert_rule rule;
    char next[HOST_TEXT_MAX + 64];
    if (!d->good && d->probe.clear && d->method != METHOD_PASSWORD) {
        say_wrong_port(d, "tls", false);
        return CONNECT_PASSWORD;
    }
    if (!d->good) {
        snprintf(next, sizeof next, "openssl s_client -alpn ils/1 -connect %s:%u", d->probe.host,
                 (unsigned)d->port[DOOR_OF_TLS]);
        step(d, "tls", d->method != METHOD_PASSWORD ? ILL : SAID, next, "no handshake: %s%s",
             d->probe.error, d->probe.state == TLS_FAILED
                                   ? "; what answers there is no TLS port of ilsd"
                                   : "");
        return CONNECT_PASSWORD;
    }
    step(d, "tls", WELL, "", "TLS 1.3 stands, of this protocol");
    say_certificate(d);
    bool passes = view_certificate(core_of(d), &d->probe.proved.peer, d->method,
                                   slice_of(d->probe.host), &rule) == CODE_NONE;
    return passes && d->method != METHOD_PASSWORD ? HELLO_TLS : CONNECT_PASSWORD;
}

static enum phase say(struct diagnosis *d)
{
    char next[HOST_TEXT_MAX + 16];
    switch (d->phase) {
    case RESOLVE:
        snprintf(next, sizeof next, "getent hosts %s", d->probe.host);
        if (d->good)
            step(d, "resolve", WELL, "", "%s: %zu address%s", d->probe.host, d->probe.address_n,
                 d->probe.address_n == 1 ? "" : "es");
        else
            step(d, "resolve", ILL, next, "%s does not resolve: %s", d->probe.host,
                 d->probe.error);
        return d->good ? CONNECT_TLS : END;
    case CONNECT_TLS:
        say_connect(d, true);
        return after_connect(d);
    case SHAKE: return say_tls(d);
    case HELLO_TLS:
        say_hello(d);
        return CONNECT_PASSWORD;
    case CONNECT_PASSWORD:
        say_connect(d, false);
        return d->good && d->method == METHOD_PASSWORD ? HELLO_PASSWORD : END;
    case HELLO_PASSWORD: say_hello(d); return END;
    case END: break;
    }
    return END;
}

static void finish(struct diagnosis *d)
{
    struct client *client = d->client;
    json_t *json = json_object();
    say_met(d);
    say_password(d);
    say_verdict(d);
    json_object_set_new(json, "target", json_string(d->target));
    json_object_set_new(json, "host", json_string(d->probe.host));
    json_object_set_new(json, "well", json_boolean(!d->failed));
    json_object_set(json, "steps", d->steps);
    control_reply(client, json, d->failed ? 1 : 0);
}

static void phase_done(uv_work_t *w, int status)
{
    struct diagnosis *d = w->data;
    struct client *client = d->client;
    enum phase next = client->closing || status != 0 ? END : say(d);
    /* A port that is zero is not dialled. */
    if (next == CONNECT_TLS && d->port[DOOR_OF_TLS] == 0)
        next = CONNECT_PASSWORD;
    if (next == CONNECT_PASSWORD) {
        probe_hang_up(&d->probe);
        if (d->port[DOOR_OF_PASSWORD] == 0)
            next = END;
    }
    d->phase = next;
    if (next != END && !client->closing &&
        uv_queue_work(runtime_loop(client->control->rt), &d->work, work, phase_done) == 0)
        return;
    probe_hang_up(&d->probe);
    if (!client->closing)
        finish(d);
    diagnosis_free(d);
    control_release(client);
}

/* --- the target */

static bool named(const struct view_cluster *c, struct slice target)
{
    char hex[2 * PEER_ID_SIZE + 1];
    hex_text(hex, c->peer_id, PEER_ID_SIZE);
    return !c->local && (slice_eq_fold(c->cluster_id, target) ||
                         slice_eq_fold(slice_of(hex), target));
}

/* Where a known cluster listens: as it says, else where it was reached. */
static void known_target(struct diagnosis *d, const struct view_cluster *c)
{
    struct view_self self;
    view_self(core_of(d), &self);
    d->known = true;
    memcpy(d->peer_id, c->peer_id, PEER_ID_SIZE);
    struct slice host = c->address.n > 0                            ? c->address
                        : c->link_peer.ip[0] != '\0'                ? slice_of(c->link_peer.ip)
                        : self.hub_host.n > 0 && c->role == ROLE_HUB ? self.hub_host
                                                                     : c->fqdn;
    slice_to_text(host, d->probe.host, sizeof d->probe.host);
    if (c->tls_port != 0)
        d->port[DOOR_OF_TLS] = c->tls_port;
    if (c->port != 0)
        d->port[DOOR_OF_PASSWORD] = c->port;
}

/* A host; one port that is said is that of the method that this cluster dials. */
static bool host_target(struct diagnosis *d, struct slice target)
{
    uint16_t port;
    if (token_address(target, d->probe.host, &port)) {
        d->port_said = true;
        bool tls = d->method != METHOD_PASSWORD;
        d->port[DOOR_OF_TLS] = tls ? port : 0;
        d->port[DOOR_OF_PASSWORD] = tls ? 0 : port;
        return true;
    }
    bool brackets = target.n > 2 && target.p[0] == '[' && target.p[target.n - 1] == ']';
    if (brackets)
        target = slice_make(target.p + 1, target.n - 2);
    slice_to_text(target, d->probe.host, sizeof d->probe.host);
    return target.n > 0 && target.n <= HOST_TEXT_MAX;
}

static struct diagnosis *diagnosis_new(struct client *client)
{
    struct diagnosis *d = calloc(1, sizeof *d);
    struct view_self self;
    struct view_password p;
    if (d == NULL)
        return NULL;
    d->client = client;
    d->work.data = d;
    d->steps = json_array();
    probe_init(&d->probe, "");
    view_self(core_of(d), &self);
    d->port[DOOR_OF_TLS] = PORT_TLS_DEFAULT;
    d->port[DOOR_OF_PASSWORD] = PORT_PASSWORD_DEFAULT;
    d->method = self.auth.tls && self.auth.password ? METHOD_TLS_PASSWORD
                : self.auth.tls                     ? METHOD_TLS
                                                    : METHOD_PASSWORD;
    for (size_t i = 0; self.auth.password && view_password(core_of(d), i, &p); i++)
        if (p.preferred)
            d->generation = p.generation;
    d->has_password = d->method != METHOD_TLS &&
                      view_password_stretched(core_of(d), d->generation, d->stretched);
    if (runtime_tls_context(client->control->rt) != NULL)
        d->context = tls_context_ref(runtime_tls_context(client->control->rt));
    return d;
}

void verb_diagnose(struct client *client)
{
    struct slice target;
    struct view_cluster c;
    if (!control_text(client, "target", true, &target))
        return;
    struct diagnosis *d = diagnosis_new(client);
    if (d == NULL) {
        control_no_memory(client);
        return;
    }
    slice_to_text(target, d->target, sizeof d->target);
    for (size_t i = 0; !d->known && view_cluster(core_of(d), i, &c); i++)
        if (named(&c, target))
            known_target(d, &c);
    if (!d->known && !host_target(d, target)) {
        diagnosis_free(d);
        control_error(client, "SETTING", "what is tested is a cluster, a host or an address",
                      "ils clusters", "target");
        return;
    }
    control_hold(client);
    d->phase = RESOLVE;
    if (uv_queue_work(runtime_loop(client->control->rt), &d->work, work, phase_done) == 0)
        return;
    diagnosis_free(d);
    control_no_memory(client);
    control_release(client);
}
