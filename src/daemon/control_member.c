/* control_member: the requests about being a member of a network: the role, leaving, who is
 * forgotten and banned, who this cluster is, which network it is in, whose copy of its plan holds,
 * and how it stands with the hubs. */
#include "daemon/control_inside.h"
#include "driver/x509.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- role */

#define DRAIN_STEP_MS 50
#define DRAIN_SAID_MS 1000

/* A hub that becomes a spoke answers when its spokes are gone; who is still here is said meanwhile,
 * after a second. */
struct drain {
    uv_timer_t timer;
    struct client *client;
    unsigned steps;
    json_t *said;
};

static void on_drain_closed(uv_handle_t *handle)
{
    struct drain *d = handle->data;
    control_release(d->client);
    json_decref(d->said);
    free(d);
}

/* Ids of the spokes that are linked with this cluster. New ref. */
static json_t *spokes(const struct ils *core)
{
    struct view_cluster c;
    json_t *ids = json_array();
    for (size_t i = 0; view_cluster(core, i, &c); i++)
        if (!c.local && c.linked && c.role == ROLE_SPOKE)
            json_array_append_new(ids, render_text(c.cluster_id));
    return ids;
}

static void drain_say(struct drain *d)
{
    json_t *now = spokes(runtime_core(d->client->control->rt));
    if (json_equal(now, d->said)) {
        json_decref(now);
        return;
    }
    json_decref(d->said);
    d->said = now;
    control_line(d->client, "draining", json_incref(now));
}

static void on_drain(uv_timer_t *timer)
{
    struct drain *d = timer->data;
    struct client *client = d->client;
    if (client->in_command && !client->closing) {
        if (++d->steps >= DRAIN_SAID_MS / DRAIN_STEP_MS)
            drain_say(d);
        return;
    }
    uv_timer_stop(timer);
    uv_close((uv_handle_t *)timer, on_drain_closed);
}

static void drain_start(struct client *client)
{
    struct drain *d = calloc(1, sizeof *d);
    if (d == NULL)
        return; /* the answer comes all the same */
    d->client = client;
    control_hold(client);
    uv_timer_init(runtime_loop(client->control->rt), &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_drain, 1, DRAIN_STEP_MS);
}

static void role_done(struct client *client, enum reply reply, struct slice text)
{
    struct view_self self;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    view_self(runtime_core(client->control->rt), &self);
    json_t *json = json_object();
    json_object_set_new(json, "role", json_string(render_role(self.role, false)));
    json_object_set_new(json, "draining", json_boolean(self.draining));
    json_object_set_new(json, "text", json_string("OK"));
    control_ok(client, json);
}

void verb_role(struct client *client)
{
    struct command command = {.type = COMMAND_ROLE};
    struct slice role;
    uint64_t port;
    if (!control_text(client, "role", true, &role) ||
        !control_text(client, "host", false, &command.host) ||
        !control_number(client, "port", UINT16_MAX, 0, &port))
        return;
    command.port = (uint16_t)port;
    if (slice_eq(role, slice_of("hub"))) {
        command.role = ROLE_HUB;
    } else if (slice_eq(role, slice_of("standalone"))) {
        command.role = ROLE_STANDALONE;
        command.now = control_flag(client, "force", false);
    } else if (slice_eq(role, slice_of("spoke"))) {
        command.role = ROLE_SPOKE;
    } else {
        control_error(client, "SETTING", "a role is hub, spoke or standalone", "ils help role",
                      "role");
        return;
    }
    if (command.host.n > 0 && command.role != ROLE_SPOKE) {
        control_error(client, "SETTING", "only a spoke registers with a hub", "ils help role",
                      "host");
        return;
    }
    if (command.role == ROLE_SPOKE)
        command.now = !control_flag(client, "wait", true);
    control_change_then(client, &command, true, role_done);
    if (client->in_command && command.role == ROLE_SPOKE)
        drain_start(client);
}

/* --- leaving, and those who are made to leave */

static json_t *member_text(const char *text)
{
    json_t *json = json_object();
    json_object_set_new(json, "text", json_string(text));
    return json;
}

static void left(struct client *client, enum reply reply, struct slice text)
{
    struct view_self self;
    char said[160];
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    view_self(runtime_core(client->control->rt), &self);
    snprintf(said, sizeof said,
             "left; its own entries (%llu) stay here, and the others have them again when it joins",
             (unsigned long long)self.entries);
    json_t *json = member_text(said);
    json_object_set_new(json, "entries", control_number_json(self.entries));
    control_ok(client, json);
}

void verb_leave(struct client *client)
{
    struct command command = {.type = COMMAND_LEAVE, .now = control_flag(client, "force", false)};
    control_change_then(client, &command, true, left);
}

static void member_cluster(struct client *client, enum command_type type)
{
    struct command command = {.type = type};
    if (control_text(client, "cluster", true, &command.cluster))
        control_change(client, &command);
}

/* At a hub: whether it may be back in a moment. */
static void forgotten(struct client *client, enum reply reply, struct slice listed_at)
{
    struct view_self self;
    char said[400] = "OK";
    if (reply != REPLY_OK) {
        control_refused(client, reply, listed_at);
        return;
    }
    view_self(runtime_core(client->control->rt), &self);
    if (self.role != ROLE_HUB)
        snprintf(said, sizeof said, "forgotten here alone: no hub knows that cluster");
    else if (listed_at.n != 0)
        snprintf(said, sizeof said, "forgotten; hub %.*s lists it as well, and it was heard of "
                 "lately: if it lives it comes back, unless it is banned", (int)listed_at.n,
                 (const char *)listed_at.p);
    json_t *json = member_text(said);
    json_object_set_new(json, "listed_by", control_text_or_null(listed_at));
    control_ok(client, json);
}

void verb_forget(struct client *client)
{
    struct command command = {.type = COMMAND_FORGET};
    if (control_text(client, "cluster", true, &command.cluster))
        control_change_then(client, &command, true, forgotten);
}

void verb_ban(struct client *client)
{
    member_cluster(client, COMMAND_BAN);
}

void verb_unban(struct client *client)
{
    member_cluster(client, COMMAND_UNBAN);
}

void verb_ended(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_ended e;
    json_t *rows = json_array();
    for (size_t i = 0; view_ended(core, i, &e); i++) {
        json_t *json = json_object();
        json_object_set_new(json, "peer_id", control_hex(e.peer_id, sizeof e.peer_id));
        json_object_set_new(json, "cluster_id", control_text_or_null(e.name));
        json_object_set_new(json, "how", json_string(e.banned ? "banned"
                                                     : e.left ? "left"
                                                     : e.unbanned ? "unbanned" : "forgotten"));
        json_object_set_new(json, "by", control_text_or_null(e.author_name));
        json_object_set_new(json, "by_peer_id", control_hex(e.author, sizeof e.author));
        json_object_set_new(json, "epoch", control_number_json(e.epoch));
        json_object_set_new(json, "usn", control_number_json(e.usn));
        json_array_append_new(rows, json);
    }
    control_ok(client, rows);
}

/* --- who this cluster is */

const char *control_writing(enum view_writing writing)
{
    switch (writing) {
    case WRITING:
        return "yes";
    case WRITING_WAITS:
        return "waits";
    case WRITING_CLONE:
        return "clone";
    case WRITING_ROLLED_BACK:
        return "rolled back";
    }
    return "?";
}

static json_t *network_json(const struct view_self *self)
{
    static const uint8_t none[NETWORK_ID_SIZE];
    return memcmp(self->network, none, sizeof none) == 0
               ? json_null()
               : control_hex(self->network, sizeof self->network);
}

static json_t *identity_json(const struct view_self *self)
{
    bool back = self->writing == WRITING_ROLLED_BACK;
    json_t *json = json_object();
    json_object_set_new(json, "cluster_id", control_text_or_null(self->cluster_id));
    json_object_set_new(json, "fqdn", control_text_or_null(self->fqdn));
    json_object_set_new(json, "peer_id", control_hex(self->peer_id, sizeof self->peer_id));
    json_object_set_new(json, "key", control_hex(self->key, sizeof self->key));
    json_object_set_new(json, "boot", control_number_json(self->boot));
    json_object_set_new(json, "role", json_string(render_role(self->role, false)));
    json_object_set_new(json, "network_id", network_json(self));
    json_object_set_new(json, "writing", json_string(control_writing(self->writing)));
    json_object_set_new(json, "usn", control_number_json(self->usn));
    json_object_set_new(json, "entries", control_number_json(self->entries));
    json_object_set_new(json, "theirs_epoch",
                        back ? control_number_json(self->theirs_epoch) : json_null());
    json_object_set_new(json, "theirs_usn",
                        back ? control_number_json(self->theirs_usn) : json_null());
    return json;
}

void verb_identity(struct client *client)
{
    struct view_self self;
    view_self(runtime_core(client->control->rt), &self);
    control_ok(client, identity_json(&self));
}

/* What is remembered from the request to its answer. */
struct renamed {
    uint8_t former[PEER_ID_SIZE];
    bool made;
};

static void identity_notes(const struct ils *core, const struct view_self *self,
                           const struct renamed *r, json_t *notes)
{
    struct view_own own;
    struct x509_report report;
    char text[HOST_TEXT_MAX + 128];
    if (r->made) {
        json_array_append_new(notes, json_string("its certificate is new, too: whoever goes by "
                                                 "certificates has to import it anew "
                                                 "(ils cert export), or to invite it"));
        return;
    }
    if (!view_own(core, 0, &own) || x509_facts(own.leaf, &report) != 0)
        return;
    if (!certificate_names(&report.certificate, self->fqdn)) {
        snprintf(text, sizeof text,
                 "the certificate of this cluster does not name %.*s (ils cert csr)",
                 (int)self->fqdn.n, (const char *)self->fqdn.p);
        json_array_append_new(notes, render_text(slice_of(text)));
    }
    x509_report_free(&report);
}

static void identity_made(struct client *client, enum reply reply, struct slice text)
{
    const struct ils *core = runtime_core(client->control->rt);
    const struct renamed *r = client->own;
    struct view_self self;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    view_self(core, &self);
    json_t *json = identity_json(&self), *notes = json_array();
    identity_notes(core, &self, r, notes);
    json_object_set_new(json, "former_peer_id", control_hex(r->former, sizeof r->former));
    json_object_set_new(json, "notes", notes);
    json_object_set_new(json, "text", json_string("OK"));
    control_ok(client, json);
}

/* With a key of its own goes a certificate of its own: the present one is the other copy's as
 * well, where ilsd made it. One that an authority signed stays. */
static void identity_new(struct client *client, struct command *command, struct slice fqdn)
{
    struct view_own own;
    struct x509_bag bag;
    struct x509_report report;
    struct renamed *r = client->own;
    r->made = view_own(runtime_core(client->control->rt), 0, &own) && own.made;
    if (!r->made) {
        control_change_then(client, command, true, identity_made);
        return;
    }
    if (!control_make_certificate(client, fqdn, &command->own, &bag, &report))
        return;
    control_change_then(client, command, true, identity_made);
    x509_report_free(&report);
    x509_bag_free(&bag);
}

void verb_identity_new(struct client *client)
{
    struct command command = {.type = COMMAND_IDENTITY_NEW};
    struct view_self self;
    struct renamed *r;
    if (!control_text(client, "cluster_id", true, &command.cluster_id) ||
        !control_text(client, "fqdn", false, &command.fqdn))
        return;
    view_self(runtime_core(client->control->rt), &self);
    if (!self.initialised || command.fqdn.n > HOST_TEXT_MAX) {
        control_refused(client, self.initialised ? REPLY_FQDN : REPLY_NOT_INITIALISED,
                        command.fqdn);
        return;
    }
    client->own = r = calloc(1, sizeof *r);
    client->own_free = free;
    if (r == NULL) {
        control_no_memory(client);
        return;
    }
    memcpy(r->former, self.peer_id, sizeof r->former);
    identity_new(client, &command, command.fqdn.n > 0 ? command.fqdn : self.fqdn);
}

/* --- which network, and whose copy of the plan */

void verb_network(struct client *client)
{
    struct view_self self;
    json_t *json = json_object();
    view_self(runtime_core(client->control->rt), &self);
    json_object_set_new(json, "network_id", network_json(&self));
    json_object_set_new(json, "role", json_string(render_role(self.role, false)));
    control_ok(client, json);
}

void verb_network_adopt(struct client *client)
{
    struct command command = {.type = COMMAND_NETWORK_ADOPT};
    control_change(client, &command);
}

void verb_rebuild(struct client *client)
{
    struct command command = {.type = COMMAND_REBUILD};
    control_change(client, &command);
}

/* --- the hubs */

static bool verdict_of(const struct verdict *v, const struct view_contact *c)
{
    static const uint8_t none[PEER_ID_SIZE];
    if (memcmp(v->peer_id, none, sizeof none) != 0)
        return memcmp(v->peer_id, c->peer_id, PEER_ID_SIZE) == 0;
    return v->dialler && slice_eq(v->host, c->address) && v->port == c->port;
}

bool control_contact_well(const struct view_contact *c)
{
    return c->linked || (c->why == CONTACT_ALTERNATE && c->visited);
}

const char *control_contact_next(const struct ils *core, const struct view_contact *c,
                                 char next[static 512])
{
    struct view_self self;
    struct verdict v;
    next[0] = '\0';
    if (control_contact_well(c) || (c->last_code == CODE_NONE && c->attempts == 0))
        return "here";
    view_self(core, &self);
    for (size_t i = 0; view_verdict(core, i, &v); i++) {
        if (code_is_success(v.code) || !verdict_of(&v, c) || v.code != c->last_code)
            continue;
        render_remedy(next, 512, &v, self.cluster_id);
        if (next[0] != '\0')
            return v.code == CODE_CLONE && self.displaced ? "copy"
                   : v.remedy_at == SIDE_HERE ? "here" : "there";
    }
    control_diagnose_next(next, 512, c->address, c->port);
    return "here";
}

const char *control_ago(char dst[static 32], int64_t s)
{
    if (s < 120)
        snprintf(dst, 32, "%" PRId64 " s", s);
    else if (s < 7200)
        snprintf(dst, 32, "%" PRId64 " min", s / 60);
    else
        snprintf(dst, 32, "%" PRId64 " h", s / 3600);
    return dst;
}

/* A cluster that stayed in another network, where a remedy is typed there: what it said last. */
bool control_left_behind(const struct ils *core, const struct view_cluster *c, struct slice self,
                         char text[static 400], char next[static 256])
{
    struct verdict v;
    char cause[160], name[CONTROL_NAME_MAX], status[64];
    size_t i = 0;
    while (view_verdict(core, i, &v) && memcmp(v.peer_id, c->peer_id, PEER_ID_SIZE) != 0)
        i++;
    if (!view_verdict(core, i, &v) || v.code != CODE_OTHER_NETWORK || v.remedy_at != SIDE_THERE)
        return false;
    render_cause(cause, sizeof cause, &v);
    render_remedy(next, 256, &v, self);
    snprintf(text, 400, "the data of cluster %.100s: %s: %s", control_cluster_name(name, c),
             control_sync_text(status, sizeof status, c), cause);
    return true;
}

/* By the address: a folder or file may have the name of the cluster. Nothing is known: no word. */
void control_diagnose_next(char *dst, size_t size, struct slice host, unsigned port)
{
    bool colon = host.n > 0 && memchr(host.p, ':', host.n) != NULL;
    dst[0] = '\0';
    if (host.n > 0 && port != 0)
        snprintf(dst, size, colon ? "ils diagnose [%.*s]:%u" : "ils diagnose %.*s:%u", (int)host.n,
                 (const char *)host.p, port);
}

static json_t *contact_json(const struct ils *core, const struct view_contact *c)
{
    static const char *const why[] = {"hub", "home", "serves", "alternate"};
    char code[16], next[512];
    json_t *json = json_object();
    const char *at = control_contact_next(core, c, next);
    render_code(code, sizeof code, c->last_code);
    json_object_set_new(json, "cluster_id", control_text_or_null(c->cluster_id));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "why", json_string(why[c->why]));
    json_object_set_new(json, "address", control_text_or_null(c->address));
    json_object_set_new(json, "port", json_integer(c->port));
    json_object_set_new(json, "linked", json_boolean(c->linked));
    json_object_set_new(json, "visited", json_boolean(c->visited));
    json_object_set_new(json, "draining", json_boolean(c->draining));
    json_object_set_new(json, "last_code",
                        c->last_code == CODE_NONE ? json_null() : json_string(code));
    json_object_set_new(json, "attempts", json_integer(c->attempts));
    json_object_set_new(json, "since_s",
                        control_contact_well(c) ? json_null() : json_integer(c->since_s));
    json_object_set_new(json, "next_attempt_s",
                        c->next_s < 0 ? json_null() : json_integer(c->next_s));
    json_object_set_new(json, "next", next[0] != '\0' ? render_text(slice_of(next)) : json_null());
    json_object_set_new(json, "next_at", json_string(at));
    return json;
}

void verb_hubs(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_contact c;
    json_t *rows = json_array();
    bool well = true;
    for (size_t i = 0; view_contact(core, i, &c); i++) {
        json_array_append_new(rows, contact_json(core, &c));
        well = well && control_contact_well(&c);
    }
    control_reply(client, rows, well ? 0 : 1);
}
