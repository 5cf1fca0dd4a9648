/* control_status: is this cluster healthy, and if not, what is the root cause and what is typed
 * next? The causes are asked in order: the first one found explains those after it. */
#include "daemon/control_planlog.h"
#include "daemon/doors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/version.h"
#include "driver/clock.h"
#include "driver/x509.h"

struct health {
    bool degraded;
    char cause[512];
    char next[512], other[512]; /* what is typed; and instead of that, or "" */
    const char *at, *other_at, *address; /* typed here, there, hub (any), copy; of the ports */
};

static void health_set(struct health *h, bool degraded, const char *cause, const char *next)
{
    h->degraded = degraded;
    snprintf(h->cause, sizeof h->cause, "%s", cause);
    snprintf(h->next, sizeof h->next, "%s", next);
    h->at = "here";
}

static void health_other(struct health *h, const char *other, const char *at)
{
    snprintf(h->other, sizeof h->other, "%s", other);
    h->other_at = at;
}

static bool alarm_is(const struct alarm_row *row, const char *severity)
{
    return row->active && strcmp(render_alarm_severity(row->alarm), severity) == 0;
}

/* Whether a verdict with that code raises the alarm. */
static bool raises(uint8_t alarm, enum code code)
{
    if (alarm == ILSTLSAuthenticationFailed)
        return code >= CODE_SELF_SIGNED && code <= CODE_CHAIN_INVALID;
    if (alarm == ILSPwdAuthenticationFailed)
        return code >= CODE_PASSWORD_DIFFERS && code <= CODE_POINT_INVALID;
    return !code_is_success(code) && code != CODE_REPLACED && code != CODE_SESSION_OVER;
}

/* An id that is in use twice: that of the cluster that was refused, at either end. */
static bool of_id(const struct alarm_row *row, const struct verdict *v, struct slice self)
{
    return row->alarm == ILSDuplicateClusterID && v->code >= CODE_DUPLICATE_ID &&
           v->code <= CODE_DEFAULT_ID &&
           (slice_eq(row->subject, self) || slice_eq(row->subject, v->peer_name));
}

static bool link_of(const struct ils *core, const uint8_t peer_id[static PEER_ID_SIZE],
                    struct view_cluster *ret)
{
    for (size_t i = 1; view_cluster(core, i, ret); i++)
        if (memcmp(ret->peer_id, peer_id, PEER_ID_SIZE) == 0)
            return ret->linked;
    return false;
}

/* Of two copies, which is to take another identity: the one that came later. */
static void health_copies(const struct ils *core, const struct verdict *v, struct health *h)
{
    struct view_cluster c;
    h->at = "copy";
    if (!link_of(core, v->peer_id, &c))
        return;
    snprintf(h->cause, sizeof h->cause, v->evidence[1] != 0
             ? "two copies of cluster %.*s are running: the one at %s was there first and is "
               "refused; the one at %s, which took its place, needs another identity"
             : "two copies of cluster %.*s are running: the one at %s is refused and needs another "
               "identity; the one at %s, which is linked, stays",
             (int)v->peer_name.n, (const char *)v->peer_name.p, v->peer.ip, c.link_peer.ip);
}

/* The remedy of the newest refusal in which the alarm's subject took part. */
static bool health_verdict(const struct ils *core, const struct alarm_row *row, struct slice self,
                           struct health *h)
{
    struct verdict v;
    for (size_t i = 0; view_verdict(core, i, &v); i++) {
        if (!raises(row->alarm, v.code) || !(slice_eq(row->subject, slice_of(v.peer.ip)) ||
                                             slice_eq(row->subject, v.host) ||
                                             slice_eq(row->subject, v.name) ||
                                             of_id(row, &v, self)))
            continue;
        render_remedy(h->next, sizeof h->next, &v, self);
        h->at = v.remedy_at == SIDE_HERE ? "here" : "there";
        if (v.code == CODE_CLONE && v.refused_here)
            health_copies(core, &v, h);
        if (v.code == CODE_DUPLICATE_ID && v.refused_here && h->at[0] == 't')
            snprintf(h->cause, sizeof h->cause, "the cluster id %.*s is in use twice: the cluster "
                     "at %s is refused and needs another one", (int)row->subject.n,
                     (const char *)row->subject.p, v.peer.ip);
        return true;
    }
    return false;
}

/* alarm: ALARMS for any. */
static bool health_alarm(const struct ils *core, const char *severity, uint8_t alarm,
                         struct slice self, struct health *h)
{
    struct alarm_row row;
    char text[512], next[128];
    for (size_t i = 0; view_alarm(core, i, &row); i++) {
        if (!alarm_is(&row, severity) || (alarm != ALARMS && row.alarm != alarm))
            continue;
        control_alarm_text(text, sizeof text, h->address, &row);
        control_alarm_next(next, sizeof next, &row);
        health_set(h, true, text, next);
        health_verdict(core, &row, self, h);
        return true;
    }
    return false;
}

/* Without the disk or the ports nothing else can be well. */
static bool health_host(const struct ils *core, struct slice self, struct health *h)
{
    static const uint8_t host[] = {ILSDBLException, ILSTCPInUse, ILSTCPListenError};
    struct alarm_row row;
    for (size_t k = 0; k < sizeof host; k++)
        for (size_t i = 0; view_alarm(core, i, &row); i++)
            if (row.active && row.alarm == host[k])
                return health_alarm(core, "critical", host[k], self, h);
    return false;
}

static void identity_new(char next[static 512], const struct view_self *self)
{
    char id[2 * PEER_ID_SIZE + 1];
    hex_text(id, self->peer_id, PEER_ID_SIZE);
    snprintf(next, 512, "ils identity new --cluster-id %.*s-%.4s --fqdn NAME",
             (int)self->cluster_id.n, (const char *)self->cluster_id.p, id);
}

/* A backup that was put back stands still; this one moves. */
static void health_rival(const struct view_self *self, struct health *h)
{
    char next[512];
    identity_new(next, self);
    health_set(h, true, "another copy of this cluster is running and writes in its name, by "
               "another hub: this one writes nothing until the copy has an identity of its own, or "
               "is stopped; then ils restore here keeps what this one has", next);
    h->at = "copy";
    health_other(h, "systemctl stop ilsd", "copy");
}

static void health_rolled_back(const struct view_self *self, struct health *h)
{
    char text[480];
    bool choice = !self->only_self && !self->nobody_gives;
    if (self->only_self)
        snprintf(text, sizeof text, "what the neighbours hold of what this cluster says of itself "
                 "(usn %" PRIu64 ") was not written here: it writes nothing until that is said "
                 "anew; if a copy of it is running, ils identity new there comes first",
                 self->theirs_usn);
    else if (self->nobody_gives)
        snprintf(text, sizeof text, "a neighbour showed a newer plan of this cluster (usn %" PRIu64
                 ") than it has itself (usn %" PRIu64 "), and nobody gives it: it writes nothing "
                 "until somebody does, or this is kept (restore)", self->theirs_usn, self->usn);
    else
        snprintf(text, sizeof text, "the neighbours hold a newer plan of this cluster (usn %" PRIu64
                 ") than it does itself (usn %" PRIu64 "): it writes nothing until theirs is taken "
                 "(rebuild) or this one kept (restore); if a copy of it is running, ils identity "
                 "new there comes first", self->theirs_usn, self->usn);
    health_set(h, true, text, choice ? "ils rebuild" : "ils restore");
    if (choice)
        health_other(h, "ils restore", "here");
}

/* Why this cluster does not write, and the two ways out of it: only an operator knows which of two
 * copies is the right one. */
static bool health_writing(const struct ils *core, const struct view_self *self, struct health *h)
{
    char next[512];
    struct verdict v;
    if (self->plan_damaged) {
        health_set(h, true, "the stored plan of this cluster is damaged, and no neighbour is there "
                   "to fetch it from: nothing of it is served or written", "ils restore FILE");
        return true;
    }
    if (self->writing == WRITING_ROLLED_BACK && self->rival)
        health_rival(self, h);
    else if (self->writing == WRITING_ROLLED_BACK)
        health_rolled_back(self, h);
    if (self->writing != WRITING_CLONE)
        return self->writing == WRITING_ROLLED_BACK;
    identity_new(next, self);
    for (size_t i = 0; view_verdict(core, i, &v); i++)
        if (v.code == CODE_CLONE) {
            render_remedy(next, sizeof next, &v, self->cluster_id);
            break;
        }
    health_set(h, true, self->displaced
               ? "another copy of this cluster is running, which came while this one was linked: "
                 "this one writes nothing until the copy has an identity of its own, or is stopped"
               : "another copy of this cluster is running, and was linked first: this one writes "
                 "nothing until it has an identity of its own, or the other one is stopped", next);
    h->at = self->displaced ? "copy" : "here";
    health_other(h, "systemctl stop ilsd", self->displaced ? "copy" : "there");
    return true;
}

/* --- the hubs */

/* " (ILS-401)", or nothing while no attempt has failed. */
static const char *code_of(char dst[static 16], const struct view_contact *c)
{
    char code[10] = "";
    if (c->last_code != CODE_NONE)
        render_code(code, sizeof code, c->last_code);
    snprintf(dst, 16, code[0] != '\0' ? " (%s)" : "%s", code);
    return dst;
}

static bool find_contact(const struct ils *core, enum view_contact_why why, bool linked,
                         struct view_contact *ret)
{
    for (size_t i = 0; view_contact(core, i, ret); i++)
        if (ret->why == why && ret->linked == linked)
            return true;
    return false;
}

static bool unreachable(enum code code)
{
    return code == CODE_REFUSED || code == CODE_SILENT || code == CODE_NO_ANSWER ||
           code == CODE_UNRESOLVED || code == CODE_LOST || code == CODE_HUNG_UP;
}

/* Where a spoke that has no hub tried, when there is more than its own. refused: the cause that is
 * there already is what one of them said of this cluster, which explains the others. */
static void say_hubs(const struct ils *core, bool refused, struct health *h)
{
    struct view_contact c;
    char code[16];
    size_t n = 0, at = 0;
    char text[sizeof h->cause];
    for (size_t i = 0; view_contact(core, i, &c); i++, n++)
        at += at < sizeof text ? (size_t)snprintf(text + at, sizeof text - at, "%s%.*s%s",
                                                  n > 0 ? ", " : "", (int)c.cluster_id.n,
                                                  (const char *)c.cluster_id.p,
                                                  code_of(code, &c)) : 0;
    if (n < 2)
        return;
    char said[2 * sizeof text + 32];
    snprintf(said, sizeof said, "%s%s%s", refused ? h->cause : "",
             refused ? "; tried: " : "no hub is reached: ", text);
    snprintf(h->cause, sizeof h->cause, "%.*s", (int)sizeof h->cause - 1, said);
}

static bool hub_linked(const struct ils *core)
{
    struct view_cluster c;
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        if (!c.local && c.linked && c.role == ROLE_HUB)
            return true;
    return false;
}

/* Another place was typed and leads nowhere, while the hub of before is linked still. */
static bool health_moving(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct view_cluster c;
    char next[HOST_TEXT_MAX + 32];
    for (size_t i = 0; view_cluster(core, i, &c); i++) {
        if (c.local || !c.linked || c.role != ROLE_HUB)
            continue;
        bool brackets = c.address.n != 0 && memchr(c.address.p, ':', c.address.n) != NULL;
        snprintf(next, sizeof next, brackets ? "ils join [%.*s]:%u" : "ils join %.*s:%u",
                 (int)c.address.n, (const char *)c.address.p,
                 (unsigned)(self->auth.tls ? c.tls_port : c.port));
        if (c.address.n != 0)
            health_other(h, next, "here");
        return true;
    }
    return false;
}

/* The link to the hub: what the last attempt found out. A hub that dialled this end since, as it
 * does after `ils connect` there, serves as well. Nobody is dialled any more where an invite was
 * refused. */
static bool health_join(const struct ils *core, const struct view_self *own, struct health *h)
{
    struct view_join join;
    struct verdict v;
    struct view_contact home;
    struct slice self = own->cluster_id;
    bool refused = false;
    view_join(core, &join);
    if (own->role == ROLE_HUB && view_contact(core, 0, &home))
        return false; /* health_mesh says */
    if (join.up || (!join.wanted && (own->role != ROLE_SPOKE || hub_linked(core))))
        return false;
    if (join.wanted)
        health_set(h, true, "the hub has not been reached yet", "ils trace --last");
    else
        health_set(h, true, "this spoke has no hub", "ils join HOST");
    for (size_t i = 0; view_verdict(core, i, &v); i++) {
        if (!v.dialler && code_is_success(v.code) && hub_linked(core))
            return false;
        if (!v.dialler)
            continue;
        if (code_is_success(v.code)) {
            if (join.wanted)
                health_set(h, true, "the link to the hub ended; it is being dialled again",
                           "ils trace --last");
            break;
        }
        char code[16], cause[400];
        render_code(code, sizeof code, v.code);
        render_cause(cause, sizeof cause, &v);
        snprintf(h->cause, sizeof h->cause, "not joined: %s (%s)", cause, code);
        render_remedy(h->next, sizeof h->next, &v, self);
        h->at = v.remedy_at == SIDE_HERE ? "here" : "there";
        refused = !unreachable(v.code);
        break;
    }
    if (join.wanted && health_moving(core, own, h))
        return true;
    say_hubs(core, refused, h);
    if (join.wanted && unreachable(join.last_code))
        health_other(h, "ils role hub", "here"); /* it is gone for good */
    return true;
}

/* Its own hub does not answer, and another serves it. */
static bool health_alternate(const struct ils *core, struct health *h)
{
    struct view_contact home, serves;
    char text[512], next[512], code[16], since[32];
    if (!find_contact(core, CONTACT_SERVES, true, &serves) ||
        !find_contact(core, CONTACT_HOME, false, &home))
        return false;
    snprintf(text, sizeof text, "registered with %.*s; its own hub %.*s (%.*s) has not been "
             "reached for %s%s", (int)serves.cluster_id.n, (const char *)serves.cluster_id.p,
             (int)home.cluster_id.n, (const char *)home.cluster_id.p, (int)home.address.n,
             (const char *)home.address.p, control_ago(since, home.since_s), code_of(code, &home));
    const char *at = control_contact_next(core, &home, next);
    health_set(h, true, text, next);
    h->at = at;
    snprintf(next, sizeof next, "ils join %.*s:%u", (int)serves.address.n,
             (const char *)serves.address.p, (unsigned)serves.port);
    health_other(h, next, "here");
    return true;
}

static bool health_draining(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct view_cluster c;
    char text[160];
    size_t n = 0;
    if (!self->draining)
        return false;
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        n += !c.local && c.linked && c.role == ROLE_SPOKE;
    snprintf(text, sizeof text, "this hub is about to be a spoke: it waits until its spokes have "
             "gone to other hubs, %zu are still here", n);
    health_set(h, true, text, "ils role hub");
    return true;
}

/* Whoever has been silent for long may be gone for good: then nothing is mended by waiting. */
static void health_forget(const struct ils *core, const uint8_t peer_id[static PEER_ID_SIZE],
                          struct health *h)
{
    struct view_cluster c;
    char next[CONTROL_NAME_MAX + 16], name[CONTROL_NAME_MAX];
    for (size_t i = 1; view_cluster(core, i, &c); i++) {
        if (memcmp(c.peer_id, peer_id, PEER_ID_SIZE) != 0 || !c.silent)
            continue;
        struct slice hub;
        enum forget_where where = view_forget(core, c.key, &hub);
        snprintf(next, sizeof next, "ils forget %s", control_cluster_name(name, &c));
        health_other(h, next, where == FORGET_HERE ? "here" : "hub");
    }
}

/* A hub that is not linked with every other: each pair that is missing, and of the first one of
 * which it is known why what mends it. */
static bool health_mesh(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct view_contact c, first = {0};
    char names[300], text[512], next[512], code[16];
    size_t hubs = 0, linked = 0, at = 0;
    for (size_t i = 0; self->role == ROLE_HUB && view_contact(core, i, &c); i++) {
        hubs++;
        linked += c.linked;
        if (c.linked)
            continue;
        if (hubs - linked == 1 || (first.last_code == CODE_NONE && c.last_code != CODE_NONE))
            first = c;
        at += at < sizeof names ? (size_t)snprintf(names + at, sizeof names - at, "%s%.*s",
                                                   at > 0 ? ", " : "", (int)c.cluster_id.n,
                                                   (const char *)c.cluster_id.p) : 0;
    }
    if (hubs == linked)
        return false;
    bool away = unreachable(first.last_code) || first.last_code == CODE_GOING_DOWN;
    snprintf(text, sizeof text,
             first.last_code == CODE_NONE ? "hub mesh %zu of %zu: %s not linked yet%s"
             : away                       ? "hub mesh %zu of %zu: %s cannot be reached%s"
                                          : "hub mesh %zu of %zu: no agreement with %s%s",
             linked, hubs, names, code_of(code, &first));
    const char *where = control_contact_next(core, &first, next);
    health_set(h, true, text, next[0] != '\0' ? next : "ils hubs");
    h->at = where;
    health_forget(core, first.peer_id, h);
    return true;
}

/* A hub to which this spoke could not go if its own one died: nobody notices before that night. */
static bool health_visits(const struct ils *core, struct health *h)
{
    struct view_contact c;
    char text[512], next[512], code[16];
    for (size_t i = 0; view_contact(core, i, &c); i++) {
        if (c.why != CONTACT_ALTERNATE || c.linked || c.visited || c.last_code == CODE_NONE)
            continue;
        snprintf(text, sizeof text, unreachable(c.last_code)
                 ? "the alternate hub %.*s cannot be reached%s"
                 : "the alternate hub %.*s would not take this cluster%s",
                 (int)c.cluster_id.n, (const char *)c.cluster_id.p, code_of(code, &c));
        const char *at = control_contact_next(core, &c, next);
        health_set(h, true, text, next[0] != '\0' ? next : "ils hubs");
        h->at = at;
        health_forget(core, c.peer_id, h);
        return true;
    }
    return false;
}

/* A hub that another hub's operator disconnected, by which others were reached that are not now. */
static bool parts_others(const struct ils *core, const struct view_cluster *hub)
{
    struct view_cluster c;
    if (!hub->disconnected || hub->disconnected_here || hub->role != ROLE_HUB)
        return false;
    for (size_t i = 1; view_cluster(core, i, &c); i++)
        if (!c.disconnected && c.status == SYNC_DISCONNECTED &&
            view_lists(core, hub->key, c.key))
            return true;
    return false;
}

/* A spoke has nobody to learn from whose hub an operator disconnected, whoever else he did. */
static bool health_disconnected(const struct ils *core, const struct view_self *self,
                                struct health *h)
{
    struct view_join join;
    struct view_cluster c, hub = {.local = true};
    char text[400], next[128];
    view_join(core, &join);
    if (self->role != ROLE_HUB && (self->role != ROLE_SPOKE || join.wanted))
        return false;
    for (size_t i = 1; view_cluster(core, i, &c); i++)
        if (self->role == ROLE_HUB ? parts_others(core, &c)
                                   : c.disconnected && (hub.local || c.registered))
            hub = c;
    if (hub.local)
        return false;
    snprintf(text, sizeof text, "disconnected from cluster %.*s by an operator",
             (int)hub.cluster_id.n, (const char *)hub.cluster_id.p);
    struct slice other = hub.disconnected_here ? hub.cluster_id : self->cluster_id;
    snprintf(next, sizeof next, "ils connect %.*s", (int)other.n, (const char *)other.p);
    health_set(h, true, text, next);
    h->at = hub.disconnected_here ? "here" : "there";
    return true;
}

/* A plan that shrank: one's own, which the others hold back, or another's, which is held back here;
 * or one that is more than may be learned. */
static bool health_held(const struct ils *core, struct health *h)
{
    struct view_held held;
    struct view_planlog log;
    char text[400], next[400];
    view_planlog(core, &log);
    for (size_t i = 0; view_held(core, i, &held); i++) {
        if (held.why == HELD_ILLEGAL || (held.own && log.confirm != 0)) /* it is on trial */
            continue;
        control_held_text(&held, text, next);
        health_set(h, true, text, next);
        if (held.gone.n != 0) {
            h->at = held.gone_here ? "here" : "hub";
            health_other(h, "ils limits", "here");
        }
        return true;
    }
    return false;
}

/* Well, but not for long. */
static bool health_near(const struct ils *core, struct health *h)
{
    char text[160], next[64];
    bool near = control_limit_near(core, text, next);
    if (near)
        health_set(h, false, text, next);
    return near;
}

/* Data that is late, refused or old; where an operator wanted that it is no fault. */
static bool health_clusters(const struct ils *core, const struct view_self *self,
                            struct health *h)
{
    struct view_cluster c;
    struct view_holds holds;
    char status[64], text[400], name[CONTROL_NAME_MAX], next[HOST_TEXT_MAX + 32];
    for (size_t i = 1; view_cluster(core, i, &c); i++) {
        if (c.disconnected || (c.status == SYNC_UP_TO_DATE && !c.stale))
            continue;
        view_holds(core, 0, i, &holds);
        snprintf(text, sizeof text, holds.error.n > 0 ? "the data of cluster %s: %s: %.*s"
                                                      : "the data of cluster %s: %s%.*s",
                 control_cluster_name(name, &c), control_sync_text(status, sizeof status, &c),
                 (int)holds.error.n, holds.error.n > 0 ? (const char *)holds.error.p : "");
        next[0] = '\0';
        if (control_left_behind(core, &c, self->cluster_id, text, next)) {
            health_set(h, true, text, next);
            h->at = "there";
            return true;
        }
        if (c.status == SYNC_DISCONNECTED && holds.error.n == 0)
            control_diagnose_next(next, sizeof next, c.address,
                                  self->auth.tls ? c.tls_port : c.port);
        health_set(h, true, text, next[0] != '\0' ? next : "ils sync");
        health_forget(core, c.peer_id, h);
        return true;
    }
    return false;
}

/* Certificates of one's own that are missing, over, or soon over. */
static bool health_certificate(const struct ils *core, const struct view_self *self, bool late,
                               struct health *h)
{
    struct view_own own;
    struct alarm_row row;
    char text[160], at[25];
    if (!view_own(core, 0, &own)) {
        if (self->auth.tls && !late)
            health_set(h, true, "links with certificates are wanted, and this cluster has none",
                       "ils cert renew --now");
        return self->auth.tls && !late;
    }
    wall now = clock_wall();
    bool over = own.not_after <= now || own.not_before > now, expiring = false;
    for (size_t i = 0; view_alarm(core, i, &row); i++)
        expiring = expiring || (row.alarm == ILSCertificateExpiring && row.active &&
                                slice_eq(row.subject, own.subject));
    if (late ? !expiring : !over)
        return false;
    wall_text(at, own.not_before > now ? own.not_before : own.not_after);
    snprintf(text, sizeof text,
             own.not_before > now ? "the certificate of this cluster is not valid before %s"
             : over               ? "the certificate of this cluster ended at %s"
                                  : "the certificate of this cluster ends at %s",
             at);
    health_set(h, true, text, own.self_signed ? over ? "ils cert renew --same-key --now"
                                                     : "ils cert renew --same-key"
                                              : "ils cert csr");
    return true;
}

/* After `ils describe --fqdn`: whoever goes by names would refuse it, at the next link. */
static bool health_name(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct view_own own;
    struct x509_report report;
    char text[HOST_TEXT_MAX + 64];
    if (!self->auth.tls || !view_own(core, 0, &own) || x509_facts(own.leaf, &report) != 0)
        return false;
    bool named = certificate_names(&report.certificate, self->fqdn);
    x509_report_free(&report);
    if (named)
        return false;
    snprintf(text, sizeof text, "the certificate of this cluster does not name %.*s",
             (int)self->fqdn.n, (const char *)self->fqdn.p);
    health_set(h, true, text, own.self_signed ? "ils cert renew --same-key" : "ils cert csr");
    return true;
}

/* The password is offered, or nothing is: nobody can be dialled. */
static bool health_method(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct view_password password;
    if (self->auth.password && !view_password(core, 0, &password)) {
        health_set(h, true, "the password is in use, and none is held",
                   "ils password add --stdin");
        return true;
    }
    if (self->role != ROLE_SPOKE || self->auth.password || self->auth.tls)
        return false;
    health_set(h, true, "neither certificates nor the password are offered",
               "ils auth set --tls on");
    return true;
}

/* Asked in this order: what is found first explains what comes after it. */
static void health_judge(const struct ils *core, const struct view_self *self, struct health *h)
{
    struct slice id = self->cluster_id;
    if (health_host(core, id, h))
        return;
    if (!self->initialised) {
        health_set(h, true, "this cluster has no id yet", "ils init --cluster-id ID --fqdn NAME");
        return;
    }
    if (health_writing(core, self, h) || health_alarm(core, "critical", ALARMS, id, h) ||
        health_certificate(core, self, false, h) || health_method(core, self, h) ||
        health_disconnected(core, self, h) || health_alternate(core, h) ||
        health_join(core, self, h) || health_draining(core, self, h) ||
        health_mesh(core, self, h) || health_alarm(core, "error", ALARMS, id, h) ||
        (self->role != ROLE_STANDALONE &&
         (health_visits(core, h) || health_held(core, h) ||
          health_clusters(core, self, h))) ||
        health_certificate(core, self, true, h) || health_name(core, self, h))
        return;
    if (health_near(core, h))
        return;
    health_set(h, false, "",
               self->role == ROLE_STANDALONE ? "ils role hub, or ils join HOST" : "");
}

/* Whatever else is wrong: nothing that changes is taken. Its sentence says what to type, or in
 * words what to do. */
static bool health_store(const struct runtime *rt, struct health *h)
{
    static const char type[] = "; type ";
    const char *error = runtime_store_error(rt), *next = strstr(error, type);
    char text[sizeof h->cause];
    if (error[0] == '\0')
        return false;
    snprintf(text, sizeof text, "%.*s", next != NULL ? (int)(next - error) : (int)strlen(error),
             error);
    health_set(h, true, text, next != NULL ? next + sizeof type - 1 : "ils store");
    return true;
}

/* What the core knows; then whether questions can be asked at all. */
static void judge(const struct runtime *rt, struct view_self *self, struct health *h)
{
    char text[sizeof h->cause], next[sizeof h->next];
    *h = (struct health){.at = "here", .other_at = "here", .address = runtime_options(rt)->address};
    view_self(runtime_core(rt), self);
    if (control_node_health(rt, &h->degraded, text, next))
        health_set(h, h->degraded, text, next);
    else if (!health_store(rt, h))
        health_judge(runtime_core(rt), self, h);
    if (!h->degraded &&
        doors_failed(runtime_doors_of(rt), text, sizeof text, next, sizeof next))
        health_set(h, true, text, next);
}

void control_health(const struct runtime *rt, struct control_health *ret)
{
    struct view_self self;
    struct view_follow follow;
    struct health h;
    judge(rt, &self, &h);
    ret->degraded = h.degraded;
    ret->follows = view_follow(runtime_core(rt), &follow);
    memcpy(ret->cause, h.cause, sizeof ret->cause);
    memcpy(ret->next, h.next, sizeof ret->next);
}

/* --- as JSON */

static json_t *mesh_missing(const struct ils *core, const struct view_contact *c)
{
    char code[16], next[512];
    json_t *json = json_object();
    const char *at = control_contact_next(core, c, next);
    render_code(code, sizeof code, c->last_code);
    json_object_set_new(json, "cluster", render_text(c->cluster_id));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "address", control_text_or_null(c->address));
    json_object_set_new(json, "code", c->last_code != CODE_NONE ? json_string(code) : json_null());
    json_object_set_new(json, "since_s", json_integer(c->since_s));
    json_object_set_new(json, "next", control_text_or_null(slice_of(next)));
    json_object_set_new(json, "next_at", json_string(at));
    return json;
}

/* The other hubs: how many there are, how many of them are linked with this cluster (of a spoke:
 * that it could go to), and who is missing. */
static json_t *status_mesh(const struct ils *core)
{
    struct view_contact c;
    json_int_t hubs = 0, linked = 0;
    json_t *json = json_object(), *missing = json_array();
    for (size_t i = 0; view_contact(core, i, &c); i++) {
        hubs++;
        linked += control_contact_well(&c);
        if (!control_contact_well(&c))
            json_array_append_new(missing, mesh_missing(core, &c));
    }
    json_object_set_new(json, "linked", json_integer(linked));
    json_object_set_new(json, "hubs", json_integer(hubs));
    json_object_set_new(json, "missing", missing);
    return json;
}

/* The cluster id of the hub that serves this spoke, or null. */
static json_t *status_registered(const struct ils *core)
{
    struct view_contact c;
    bool found = find_contact(core, CONTACT_HOME, true, &c) ||
                 find_contact(core, CONTACT_SERVES, true, &c);
    return found ? render_text(c.cluster_id) : json_null();
}

static json_t *status_join(const struct ils *core, const struct view_self *self)
{
    struct view_join join;
    char code[16];
    json_t *json = json_object();
    view_join(core, &join);
    json_object_set_new(json, "wanted", json_boolean(join.wanted));
    json_object_set_new(json, "up", json_boolean(join.up));
    json_object_set_new(json, "attempts", json_integer(join.attempts));
    json_object_set_new(json, "hub", control_text_or_null(self->hub_host));
    json_object_set_new(json, "hub_port", json_integer(self->hub_port));
    render_code(code, sizeof code, join.last_code);
    json_object_set_new(json, "last_code",
                        join.last_code != CODE_NONE ? json_string(code) : json_null());
    return json;
}

static json_t *status_certificate(const struct ils *core)
{
    struct view_own own;
    if (!view_own(core, 0, &own))
        return json_null();
    json_t *json = control_certificate(&own);
    json_object_set_new(json, "next_waiting", view_own(core, 1, &own)
                                                  ? control_number_json(own.waiting)
                                                  : json_null());
    return json;
}

void verb_status(struct client *client)
{
    static const char *const level[] = {"error", "significant", "detailed"};
    static const uint8_t none[NETWORK_ID_SIZE];
    const struct ils *core = runtime_core(client->control->rt);
    struct view_self self;
    struct health h;
    struct runtime_stats stats;
    json_t *json = json_object();
    judge(client->control->rt, &self, &h);
    runtime_stats(client->control->rt, &stats);
    json_object_set_new(json, "health", json_string(h.degraded ? "degraded" : "healthy"));
    json_object_set_new(json, "cause", control_text_or_null(slice_of(h.cause)));
    json_object_set_new(json, "next", control_text_or_null(slice_of(h.next)));
    json_object_set_new(json, "next_at", json_string(h.at));
    json_object_set_new(json, "or", control_text_or_null(slice_of(h.other)));
    json_object_set_new(json, "or_at", json_string(h.other_at));
    json_object_set_new(json, "initialised", json_boolean(self.initialised));
    json_object_set_new(json, "cluster_id", render_text(self.cluster_id));
    json_object_set_new(json, "fqdn", render_text(self.fqdn));
    json_object_set_new(json, "description", render_text(self.description));
    json_object_set_new(json, "route_string", render_text(self.route_string));
    json_object_set_new(json, "role", json_string(render_role(self.role, false)));
    json_object_set_new(json, "peer_id", control_hex(self.peer_id, sizeof self.peer_id));
    json_object_set_new(json, "network_id", memcmp(self.network, none, sizeof none) == 0
                                                ? json_null()
                                                : control_hex(self.network, sizeof self.network));
    json_object_set_new(json, "version", json_string(OPENILS_VERSION));
    json_object_set_new(json, "boot", control_number_json(self.boot));
    json_object_set_new(json, "started", control_time(stats.started));
    json_object_set_new(json, "trace_level",
                        json_string(level[self.trace_level < 3 ? self.trace_level : 2]));
    json_object_set_new(json, "usn", control_number_json(self.usn));
    json_object_set_new(json, "own_entries", control_number_json(self.entries));
    json_object_set_new(json, "join", status_join(core, &self));
    json_object_set_new(json, "mesh", status_mesh(core));
    json_object_set_new(json, "registered_with", status_registered(core));
    json_object_set_new(json, "writing", json_string(control_writing(self.writing)));
    json_object_set_new(json, "draining", json_boolean(self.draining));
    json_object_set_new(json, "exchange", json_boolean(self.exchange));
    json_object_set_new(json, "certificate", status_certificate(core));
    json_object_set_new(json, "routes_missing", control_routes_missing(core));
    json_object_set_new(json, "listening", control_listening(&stats));
    json_object_set_new(json, "still_on_password", json_integer(control_on_password(core)));
    control_counted(core, json);
    json_object_set_new(json, "node", control_node_json(client->control->rt));
    control_reply(client, json, h.degraded ? 1 : 0);
}
