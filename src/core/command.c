/* command: the operator's words. Each is judged at once; what it changes becomes rows (with who and
 * what, for the audit) and is answered when they are durable. Changes of the plan wait their turn:
 * one commit at a time. */
#include "core/core.h"

/* --- what a failed batch takes back */

void settings_take(struct settings *to, const struct ils *ils)
{
    text_set(to->cluster_id, text_slice(ils->cluster_id));
    text_set(to->fqdn, text_slice(ils->fqdn));
    text_set(to->description, text_slice(ils->description));
    text_set(to->route_string, text_slice(ils->route_string));
    to->role = ils->role;
    to->auth = ils->auth;
    to->level = ils->level;
    memcpy(to->password, ils->password, sizeof to->password);
    memcpy(to->network, ils->network, sizeof to->network);
    text_set(to->host, text_slice(ils->dial.host));
    to->port = ils->dial.port;
    to->port_tls = ils->dial.port_tls;
    to->wanted = ils->dial.wanted;
    to->hub_known = ils->dial.hub_known;
    to->moving = ils->dial.moving;
    to->draining = ils->mesh.draining;
    to->exchange_off = ils->exchange_off;
    to->introductions_off = ils->introductions_off;
    to->minutes = ils->minutes;
    to->confirm = ils->planlog.confirm;
    to->rollback = ils->planlog.rollback;
    to->learned_max = ils->learned_max;
    to->lookup = *routes_rules(ils->routes);
}

/* What a handshake taught is durable by itself: batches under way must not take it back. */
void settings_learnt(struct ils *ils)
{
    memcpy(ils->durable.network, ils->network, NETWORK_ID_SIZE);
    ils->durable.hub_known = ils->dial.hub_known;
    ils->durable.moving = ils->dial.moving;
    list_each(node, &ils->batches) {
        struct settings *s = list_entry(node, struct batch, node)->settings;
        if (s == NULL)
            continue;
        memcpy(s->network, ils->network, NETWORK_ID_SIZE);
        s->hub_known = ils->dial.hub_known;
        s->moving = ils->dial.moving;
    }
}

/* What the commands before wanted: the disk has it, or is about to. */
static const struct settings *settings_before(const struct ils *ils)
{
    const struct settings *last = &ils->durable;
    list_each(node, &ils->batches) {
        const struct batch *b = list_entry(node, struct batch, node);
        last = b->settings != NULL ? b->settings : last;
    }
    return last;
}

static bool join_waits(const struct ils *ils)
{
    list_each(node, &ils->batches)
        if (list_entry(node, struct batch, node)->join)
            return true;
    return false;
}

static void undo_settings(struct ils *ils, const struct settings *from)
{
    text_set(ils->cluster_id, text_slice(from->cluster_id));
    text_set(ils->fqdn, text_slice(from->fqdn));
    text_set(ils->description, text_slice(from->description));
    text_set(ils->route_string, text_slice(from->route_string));
    ils->role = from->role;
    ils->auth = from->auth;
    ils->level = from->level;
    memcpy(ils->password, from->password, sizeof ils->password);
    memcpy(ils->network, from->network, sizeof ils->network);
    text_set(ils->dial.host, text_slice(from->host));
    ils->dial.port = from->port;
    ils->dial.port_tls = from->port_tls;
    ils->dial.wanted = from->wanted;
    ils->dial.hub_known = from->hub_known;
    ils->dial.moving = from->moving;
    role_undone(ils, from->draining);
    ils->exchange_off = from->exchange_off;
    ils->introductions_off = from->introductions_off;
    ils->minutes = from->minutes;
    ils->planlog.confirm = from->confirm;
    ils->planlog.rollback = from->rollback;
    ils->learned_max = from->learned_max;
    routes_use_rules(ils->routes, &from->lookup);
    ils_action(ils, ILS_DO_PUBLISH);
    if (ils->dial.next == TICK_NEVER && !join_waits(ils)) /* one waited to be durable */
        dial_now(ils);
    catalog_describe(ils->own->catalog, text_slice(ils->cluster_id),
                     text_slice(ils->route_string), true);
    listen_as_role(ils);
    self_changed(ils);
}

void command_reply(struct ils *ils, uint64_t command, enum reply reply, struct slice text)
{
    if (command == 0)
        return; /* nobody waits */
    struct ils_action *a = ils_action(ils, ILS_DO_REPLY);
    a->command = command;
    a->reply = reply;
    a->text = arena_copy(&ils->step, text);
}

void command_refuse(struct ils *ils, const struct command *c, enum reply reply, struct slice text)
{
    command_reply(ils, c->id, reply, text);
}

/* Stores the rows with the audit and answers when they are durable; the batch, for whoever has more
 * to say to it, or NULL. What a batch that fails had changed is undone: nothing is half-applied. */
struct batch *store_and_reply(struct rows *rows, const struct command *c, bool join)
{
    struct ils *ils = rows->ils;
    if (c->who.n != 0)
        rows_audit(rows, c->who, c->what);
    struct settings *now = mem_alloc(ils->mem, sizeof *now);
    struct batch *b = now == NULL ? NULL : journal_store(rows, BATCH_COMMAND);
    if (b == NULL) {
        mem_free(ils->mem, now, sizeof *now);
        undo_settings(ils, settings_before(ils));
        command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
        return NULL;
    }
    settings_take(now, ils);
    b->settings = now;
    b->command = c->id;
    b->join = join;
    return b;
}

/* The operator's disconnection is durable: the other end is told who and why. */
static void disconnected(struct ils *ils, struct peer *p)
{
    struct trace *t = say(ils, EVENT_DISCONNECTED);
    t->text[0] = arena_copy(&ils->step, text_slice(p->cluster_id));
    t->text[1] = slice_of("this end");
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->to != p || l->state == LINK_CLOSED)
            continue;
        if (l->state == LINK_UP)
            link_end(l, CODE_DISCONNECTED, true);
        else
            handshake_refuse(l, CODE_DISCONNECTED);
    }
}

/* As it was before b; those behind it fail as well, and what they found was b's doing. */
static void peer_undone(struct ils *ils, struct peer *p, const struct batch *b)
{
    p->disconnected_here = b->was_here;
    p->disconnected_there = b->was_there;
    list_each(node, &ils->batches) {
        struct batch *behind = list_entry(node, struct batch, node);
        if (behind->of_peer && memcmp(behind->peer_key, b->peer_key, KEY_SIZE) == 0) {
            behind->was_here = b->was_here;
            behind->was_there = b->was_there;
        }
    }
    self_changed(ils);
}

static void peer_stored(struct ils *ils, const struct batch *b, bool failed)
{
    struct peer *p = b->of_peer ? peer_find(ils, b->peer_key) : NULL;
    if (p == NULL)
        return;
    if (failed) {
        peer_undone(ils, p, b);
    } else if (p->disconnected_here) {
        disconnected(ils, p);
    } else {
        ils->ends_due = true; /* it may have left meanwhile */
    }
}

/* Neither held now, nor until a drop is durable. */
static bool password_gone(const struct ils *ils, uint16_t generation)
{
    const struct password *durable = ils->durable.password;
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        if (durable[i].held && durable[i].generation == generation)
            return false;
    return password_find(ils, generation) == NULL;
}

/* With a password go the links that were made with it, and those that are being made by this end;
 * the others are judged when they are ready. */
static void passwords_stored(struct ils *ils)
{
    enum code code =
        password_preferred(ils) == NULL ? CODE_PASSWORD_MISSING : CODE_GENERATION_UNKNOWN;
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (!method_has_password(l->method) || !password_gone(ils, l->generation))
            continue;
        if (l->state == LINK_UP)
            link_end(l, code, true);
        else if (l->dialler && l->state != LINK_CLOSED)
            handshake_refuse(l, code);
    }
}

void command_stored(struct ils *ils, const struct batch *b, bool failed)
{
    if (failed)
        undo_settings(ils, &ils->durable);
    else
        ils->durable = *b->settings;
    passwords_stored(ils);
    routing_stored(ils, b, failed);
    peer_stored(ils, b, failed);
    if (b->command != 0)
        command_reply(ils, b->command, failed ? REPLY_STORE : REPLY_OK, slice_make(NULL, 0));
    if (b->join && !failed) {
        ils->dial.command = b->command;
        dial_now(ils);
    }
}

void listen_as_role(struct ils *ils)
{
    bool on = ils->role != ROLE_STANDALONE;
    if (on != ils->listening && ils->ready)
        ils_action(ils, ILS_DO_LISTEN)->on = on;
    ils->listening = on;
}

void end_links(struct ils *ils, enum code code)
{
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP)
            link_end(l, code, true);
        else if (l->state != LINK_CLOSED)
            handshake_refuse(l, code);
    }
}

/* --- who we are */

enum reply command_names(struct ils *ils, const struct command *c, struct slice *ret_fqdn,
                         struct slice *ret_route, struct slice *ret_text)
{
    *ret_text = c->fqdn;
    if (host_name_parse(&ils->step, c->fqdn, ret_fqdn) != ENTRY_OK ||
        ret_fqdn->n > HOST_TEXT_MAX || slice_find(*ret_fqdn, '.') == ret_fqdn->n)
        return REPLY_FQDN;
    struct slice route = c->route_string.n != 0 ? c->route_string : *ret_fqdn;
    *ret_text = route;
    if (route_string_parse(&ils->step, route, ret_route) != ENTRY_OK)
        return REPLY_ROUTE_STRING;
    *ret_text = c->description;
    return c->description.n > DESCRIPTION_MAX || !slice_is_utf8(c->description)
               ? REPLY_TEXT_TOO_LONG : REPLY_OK;
}

static void command_init(struct ils *ils, const struct command *c)
{
    struct slice fqdn, route, text;
    if (ils->cluster_id.n != 0 &&
        !slice_eq_fold(text_slice(ils->cluster_id), slice_of(CLUSTER_ID_DEFAULT))) {
        command_refuse(ils, c, REPLY_ALREADY_INITIALISED, text_slice(ils->cluster_id));
        return;
    }
    enum reply reply = renew_judge_id(ils, c->cluster_id);
    text = c->cluster_id;
    if (reply == REPLY_OK)
        reply = command_names(ils, c, &fqdn, &route, &text);
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    text_set(ils->cluster_id, c->cluster_id);
    text_set(ils->fqdn, fqdn);
    text_set(ils->route_string, route);
    text_set(ils->description, c->description);
    catalog_describe(ils->own->catalog, c->cluster_id, route, true);
    self_changed(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    if (c->own.leaf.der.n != 0)
        own_init_with(&rows, &c->own);
    store_and_reply(&rows, c, false);
}

/* The id is a label: the key says who this cluster is, and both streams say the new one. Whoever
 * refused the former one is asked again. */
static void rename_self(struct ils *ils, struct slice id)
{
    text_set(ils->cluster_id, id);
    catalog_describe(ils->own->catalog, id, text_slice(ils->route_string), true);
    dial_now(ils);
    mesh_now(ils);
}

static void command_describe(struct ils *ils, const struct command *c)
{
    struct slice fqdn, route, text;
    struct command whole = *c;
    if (whole.fqdn.n == 0)
        whole.fqdn = text_slice(ils->fqdn);
    if (whole.route_string.n == 0)
        whole.route_string = text_slice(ils->route_string);
    bool renamed = c->cluster_id.n != 0 && !slice_eq(c->cluster_id, text_slice(ils->cluster_id));
    enum reply reply = renamed ? renew_judge_id(ils, c->cluster_id) : REPLY_OK;
    text = c->cluster_id;
    if (reply == REPLY_OK)
        reply = command_names(ils, &whole, &fqdn, &route, &text);
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    if (renamed)
        rename_self(ils, c->cluster_id);
    text_set(ils->fqdn, fqdn);
    text_set(ils->route_string, route);
    if (c->description.n != 0)
        text_set(ils->description, c->description);
    self_changed(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

/* --- whom we join */

/* Letters, digits, "-", ".", "_" of a name, or "." and ":" of an address. */
bool host_plausible(struct slice host)
{
    if (host.n == 0 || host.n > HOST_TEXT_MAX || host.p[0] == '-')
        return false;
    for (size_t i = 0; i < host.n; i++) {
        uint8_t b = ascii_lower(host.p[i]);
        if ((b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '.' && b != '_' &&
            b != ':' && b != '%')
            return false;
    }
    return true;
}

/* What an invite of this cluster's own holds. */
static const uint8_t *hub_hash(const struct ils *ils, uint8_t hash[static HASH_SIZE])
{
    crypto_hash1(hash, "invite hub", slice_make(ils->key, KEY_SIZE));
    return hash;
}

static enum reply judge_join(const struct ils *ils, const struct command *c, struct slice *ret_text)
{
    uint8_t method = method_offered(ils), hash[HASH_SIZE];
    *ret_text = c->host;
    if (ils->cluster_id.n == 0)
        return REPLY_NOT_INITIALISED;
    if (ils->leaving.phase != STAYING)
        return REPLY_LEAVING;
    if (!host_plausible(c->host))
        return REPLY_HOST;
    if (method == METHOD_NONE)
        return REPLY_NO_METHOD;
    if (method != METHOD_PASSWORD && ils->cert[0].leaf.n == 0)
        return REPLY_NO_CERTIFICATE;
    if (method != METHOD_TLS && password_preferred(ils) == NULL)
        return REPLY_NO_PASSWORD;
    if (c->invited && memcmp(c->invite.hub, hub_hash(ils, hash), HASH_SIZE) == 0)
        return REPLY_INVITE_ITSELF;
    return ils->dial.command != 0 ? REPLY_BUSY : REPLY_OK;
}

/* The wish, which is dialled when it is durable. */
void join_wish(struct ils *ils, const struct command *c)
{
    struct dial *d = &ils->dial;
    if (d->link != NULL)
        handshake_refuse(d->link, CODE_REPLACED);
    if (!c->invited)
        d->former.host.n = 0;
    else if (d->invite.expires == 0)
        dial_leave(ils);
    bool same = slice_eq(text_slice(d->host), c->host);
    uint16_t port = same && c->port == 0 && d->hub_known && !d->moving ? d->port : c->port;
    d->moving = d->moving || !same || d->port != port; /* without a port: where it was joined */
    if (!slice_eq(text_slice(d->host), c->host))
        alarm_clear(ils, ILSHubClusterUnreachable, text_slice(d->host));
    text_set(d->host, c->host);
    d->last_code = CODE_NONE;
    d->port_tls = d->port == port && port != c->port ? d->port_tls
                  : c->invited || method_offered(ils) != METHOD_PASSWORD;
    d->port = port;
    crypto_wipe(&d->invite, sizeof d->invite);
    if (c->invited)
        d->invite = c->invite;
    d->wanted = true;
    d->promised = false;
    d->attempts = 0;
    d->next = TICK_NEVER; /* until the wish is durable */
    if (c->role == ROLE_HUB)
        ils->role = ROLE_HUB; /* the network id is the one it joins */
    else if (ils->role == ROLE_STANDALONE)
        ils->role = ROLE_SPOKE;
    listen_as_role(ils);
    self_changed(ils);
}

static void command_join(struct ils *ils, const struct command *c)
{
    struct slice text;
    enum reply reply = judge_join(ils, c, &text);
    if (reply != REPLY_OK) {
        command_refuse(ils, c, reply, text);
        return;
    }
    join_wish(ils, c);
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, true);
}

static struct peer *named_or_refuse(struct ils *ils, const struct command *c)
{
    bool itself = false;
    struct peer *p = peer_named(ils, c->cluster, &itself);
    if (p == NULL)
        command_refuse(ils, c, itself ? REPLY_ITSELF : REPLY_UNKNOWN_CLUSTER, c->cluster);
    return p;
}

/* b NULL: nothing was changed. */
static void batch_of_peer(struct batch *b, struct peer *p, bool was_here, bool was_there)
{
    if (b == NULL) {
        p->disconnected_here = was_here;
        p->disconnected_there = was_there;
        return;
    }
    b->of_peer = true;
    b->was_here = was_here;
    b->was_there = was_there;
    memcpy(b->peer_key, p->key, KEY_SIZE);
}

static void command_disconnect(struct ils *ils, const struct command *c)
{
    struct peer *p = named_or_refuse(ils, c);
    if (p == NULL)
        return;
    bool was_here = p->disconnected_here, was_there = p->disconnected_there;
    p->disconnected_here = true;
    if (dial_is_hub(ils, p)) {
        ils->dial.wanted = false;
        alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
    }
    self_changed(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_peer(&rows, p);
    rows_self(&rows);
    batch_of_peer(store_and_reply(&rows, c, false), p, was_here, was_there);
}

static void command_connect(struct ils *ils, const struct command *c)
{
    struct peer *p = named_or_refuse(ils, c);
    if (p == NULL)
        return;
    bool was_here = p->disconnected_here, was_there = p->disconnected_there;
    p->disconnected_here = p->disconnected_there = false;
    if (dial_is_hub(ils, p)) {
        if (ils->dial.moving) /* that leads nowhere: back to the one that is named */
            dial_register(ils, p);
        ils->dial.wanted = true;
        ils->mesh.home_next = ils->now; /* also from an alternate: somebody asked for it */
        dial_now(ils);
    } else if (mesh_wanted(ils, p)) {
        p->contact.next = ils->now;
    } else if (p->link == NULL) {
        dial_peer(ils, p);
    }
    self_changed(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_peer(&rows, p);
    rows_self(&rows);
    batch_of_peer(store_and_reply(&rows, c, false), p, was_here, was_there);
}

/* --- authentication */

void auth_use(struct ils *ils, const struct auth *auth)
{
    if (auth->set_tls)
        ils->auth.tls = auth->tls;
    if (auth->set_password)
        ils->auth.password = auth->password;
    if (auth->set_accept)
        ils->auth.accept = auth->accept;
    list_each_safe(node, &ils->links) { /* the verdict runs again over the live links */
        struct link *l = list_entry(node, struct link, node);
        if (l->state == LINK_UP && !method_accepted(ils, l->method) && !l->dialler)
            link_end(l, CODE_METHOD_DIFFERS, true);
    }
    ils->ready_moved = true;
    dial_now(ils);
}

static void command_auth(struct ils *ils, const struct command *c)
{
    auth_use(ils, &c->auth);
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

struct slice decimal_text(struct arena *a, uint64_t n)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    for (; n != 0 || at == sizeof digits; n /= 10)
        digits[--at] = (uint8_t)('0' + n % 10);
    return arena_copy(a, slice_make(digits + at, sizeof digits - at));
}

static struct slice generation_text(struct ils *ils, uint16_t generation)
{
    return decimal_text(&ils->step, generation);
}

const struct password *password_slot(const struct ils *ils, uint16_t generation)
{
    const struct password *p = password_find(ils, generation);
    for (size_t i = 0; p == NULL && i < PASSWORDS_MAX; i++)
        if (!ils->password[i].held)
            p = &ils->password[i];
    return p;
}

void rows_passwords(struct rows *r)
{
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        if (r->ils->password[i].held)
            rows_password(r, &r->ils->password[i]);
}

static void store_passwords(struct ils *ils, const struct command *c, const struct password *gone)
{
    struct rows rows;
    rows_init(&rows, ils);
    rows_passwords(&rows);
    if (gone != NULL)
        rows_password(&rows, gone);
    ils->ready_moved = true;
    dial_now(ils);
    store_and_reply(&rows, c, false);
}

/* There is a place for it. */
void password_use(struct ils *ils, uint16_t generation, const uint8_t stretched[static 32])
{
    struct password *p = (struct password *)(uintptr_t)password_slot(ils, generation);
    bool first = password_preferred(ils) == NULL;
    gate_forget(ils); /* who failed with the former passwords may try this one */
    p->preferred = p->held ? p->preferred : first;
    p->held = true;
    p->generation = generation;
    memcpy(p->stretched, stretched, sizeof p->stretched);
}

static void command_password_add(struct ils *ils, const struct command *c)
{
    if (c->generation == 0 || password_slot(ils, c->generation) == NULL) {
        command_refuse(ils, c, c->generation == 0 ? REPLY_GENERATION : REPLY_PASSWORDS_FULL,
               generation_text(ils, c->generation));
        return;
    }
    password_use(ils, c->generation, c->stretched);
    store_passwords(ils, c, NULL);
}

static void command_password_prefer(struct ils *ils, const struct command *c)
{
    const struct password *p = password_find(ils, c->generation);
    if (p == NULL) {
        command_refuse(ils, c, REPLY_GENERATION, generation_text(ils, c->generation));
        return;
    }
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        ils->password[i].preferred = &ils->password[i] == p;
    store_passwords(ils, c, NULL);
}

static void command_password_drop(struct ils *ils, const struct command *c)
{
    size_t held = 0;
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        held += ils->password[i].held;
    struct password *p = (struct password *)password_find(ils, c->generation);
    if (p == NULL) {
        command_refuse(ils, c, REPLY_GENERATION, generation_text(ils, c->generation));
        return;
    }
    if (p == password_preferred(ils) && held > 1) {
        command_refuse(ils, c, REPLY_GENERATION_PREFERRED, generation_text(ils, c->generation));
        return;
    }
    struct password gone = {.generation = p->generation};
    crypto_wipe(p, sizeof *p);
    store_passwords(ils, c, &gone);
}

/* --- the rest */

static void command_trace_level(struct ils *ils, const struct command *c)
{
    struct rows rows;
    rows_init(&rows, ils);
    ils->level = c->level <= TRACE_DETAILED ? c->level : TRACE_DETAILED;
    rows_setting_u64(&rows, "trace_level", ils->level);
    store_and_reply(&rows, c, false);
}

/* What the row says is the daemon's business: it has it written with the audit, and no order of
 * what is written is lost. */
static void command_source(struct ils *ils, const struct command *c)
{
    struct slice key = arena_copy(&ils->step, c->source);
    struct slice value = arena_copy(&ils->step, c->value);
    struct rows rows;
    rows_init(&rows, ils);
    enum row_space space = c->type == COMMAND_DOOR ? ROW_DOOR : ROW_SOURCE;
    if (c->value.n != 0)
        rows_put(&rows, space, key, value);
    else
        rows_remove(&rows, space, key);
    rows.failed = rows.failed || value.n != c->value.n;
    store_and_reply(&rows, c, false);
}

static void command_alarm(struct ils *ils, const struct command *c)
{
    if (c->raise && c->alarm < ALARMS)
        alarm_raise(ils, (enum alarm)c->alarm, c->subject);
    else if (c->alarm < ALARMS)
        alarm_clear(ils, (enum alarm)c->alarm, c->subject);
    command_reply(ils, c->id, REPLY_OK, slice_make(NULL, 0));
}

/* Nobody is dialled or heard any more; what is stored stays as it is. Changes that have not begun
 * never will: whoever waits for them is told. */
void command_end(struct ils *ils, enum reply reply, struct slice text)
{
    ils->ready = false;
    end_links(ils, CODE_GOING_DOWN);
    commit_give_up(ils);
    list_each_safe(node, &ils->waiting) {
        struct waiting *w = list_entry(node, struct waiting, node);
        command_reply(ils, w->command, reply, text);
        waiting_free(ils, w);
    }
}

void command_take(struct ils *ils, const struct command *c)
{
    bool busy = ils->renewal != NULL && c->type != COMMAND_STOP && c->type != COMMAND_ALARM;
    if (!ils->started || busy || (ils->stopped && c->type != COMMAND_STOP)) {
        command_refuse(ils, c, busy ? REPLY_BUSY_IDENTITY : REPLY_STOPPED, slice_make(NULL, 0));
        return;
    }
    if (follow_refuses(ils, c))
        return;
    switch (c->type) {
    case COMMAND_INIT: command_init(ils, c); break;
    case COMMAND_CONFIGURE: configure_command(ils, c); break;
    case COMMAND_ROLE: role_command(ils, c); break;
    case COMMAND_JOIN: command_join(ils, c); break;
    case COMMAND_DISCONNECT: command_disconnect(ils, c); break;
    case COMMAND_CONNECT: command_connect(ils, c); break;
    case COMMAND_AUTH: command_auth(ils, c); break;
    case COMMAND_PASSWORD_ADD: command_password_add(ils, c); break;
    case COMMAND_PASSWORD_PREFER: command_password_prefer(ils, c); break;
    case COMMAND_PASSWORD_DROP: command_password_drop(ils, c); break;
    case COMMAND_CATALOG_ADD:
    case COMMAND_CATALOG_REMOVE:
    case COMMAND_CATALOG_ADOPT:
    case COMMAND_PLAN: waiting_add(ils, c); break;
    case COMMAND_PLAN_CONFIRM: planlog_command(ils, c); break;
    case COMMAND_ROUTE_ADD:
    case COMMAND_ROUTE_REMOVE:
    case COMMAND_LOOKUP:
    case COMMAND_SELF: routing_command(ils, c); break;
    case COMMAND_TRACE_LEVEL: command_trace_level(ils, c); break;
    case COMMAND_ALARM: command_alarm(ils, c); break;
    case COMMAND_DESCRIBE: command_describe(ils, c); break;
    case COMMAND_CERTIFICATE:
    case COMMAND_CERTIFICATE_NOW: own_command(ils, c); break;
    case COMMAND_TRUST_ADD:
    case COMMAND_TRUST_REMOVE:
    case COMMAND_TRUST_VERDICT: trust_command(ils, c); break;
    case COMMAND_INVITE:
    case COMMAND_INVITE_REMOVE: invite_command(ils, c); break;
    case COMMAND_LEAVE:
    case COMMAND_FORGET:
    case COMMAND_UNBAN:
    case COMMAND_BAN: ends_command(ils, c); break;
    case COMMAND_IDENTITY_NEW: identity_command(ils, c); break;
    case COMMAND_NETWORK_ADOPT: identity_network(ils, c); break;
    case COMMAND_REBUILD:
    case COMMAND_RESTORE: adopt_command(ils, c); break;
    case COMMAND_EXCHANGE:
    case COMMAND_SYNC_EVERY: told_command(ils, c); break;
    case COMMAND_INTRODUCTIONS: introduce_command(ils, c); break;
    case COMMAND_DOOR:
    case COMMAND_SOURCE: command_source(ils, c); break;
    case COMMAND_BLOCK_ADD:
    case COMMAND_BLOCK_REMOVE:
    case COMMAND_ACCEPT:
    case COMMAND_PREFER:
    case COMMAND_RELEASE:
    case COMMAND_CONFIRM:
    case COMMAND_LEARNED_MAX: policy_command(ils, c); break;
    case COMMAND_STOP:
        ils->stopped = true;
        command_end(ils, REPLY_STOPPED, slice_make(NULL, 0));
        break;
    }
}
