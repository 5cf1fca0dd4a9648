/* dial: when to knock at the registration server. Known peers are tried again within 3 s (with
 * jitter); after a refusal, which trying again will not change, 60 s pass, or the operator changes
 * something. A link that nears its longest life is succeeded by a new one before it ends. */
#include "core/core.h"

/* By which method is dialled now; an invite comes first. */
static uint8_t dial_method(const struct ils *ils)
{
    return ils->dial.invite.expires != 0 ? METHOD_INVITE : method_offered(ils);
}

/* Whether this cluster has what the method needs. */
bool dial_equipped(const struct ils *ils, uint8_t method)
{
    bool certificate = ils->cert[0].leaf.n != 0, password = password_preferred(ils) != NULL;
    switch ((enum method)method) {
    case METHOD_NONE: return false;
    case METHOD_PASSWORD: return password;
    case METHOD_TLS:
    case METHOD_INVITE: return certificate;
    case METHOD_TLS_PASSWORD: return certificate && password;
    }
    return false;
}

static bool dial_possible(const struct ils *ils)
{
    return ils->ready && ils->dial.wanted && ils->dial.host.n != 0 &&
           ils->role != ROLE_STANDALONE && dial_equipped(ils, dial_method(ils));
}

static struct peer *hub_peer(const struct ils *ils)
{
    return ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
}

bool dial_is_hub(const struct ils *ils, const struct peer *p)
{
    return ils->dial.hub_known && memcmp(ils->dial.hub_key, p->key, KEY_SIZE) == 0;
}

static bool linked(const struct ils *ils)
{
    const struct peer *hub = hub_peer(ils);
    return !ils->dial.moving && hub != NULL && hub->link != NULL;
}

/* Whether the registration server is dialled from now on, as the other end's operator decided. */
void dial_want(struct ils *ils, bool wanted)
{
    struct rows rows;
    if (ils->dial.wanted == wanted || ils->dial.host.n == 0)
        return;
    ils->dial.wanted = ils->durable.wanted = wanted;
    list_each(node, &ils->batches) {
        struct batch *b = list_entry(node, struct batch, node);
        if (b->settings != NULL)
            b->settings->wanted = wanted;
    }
    rows_init(&rows, ils);
    rows_setting_u64(&rows, "hub_wanted", wanted);
    journal_store(&rows, BATCH_PLAIN);
}

/* A join by invite begins: the registration server until then, if there is one, is remembered. */
void dial_leave(struct ils *ils)
{
    struct dial *d = &ils->dial;
    text_set(d->former.host, text_slice(d->host));
    if (!d->wanted)
        d->former.host.n = 0;
    d->former.port = d->port;
    d->former.port_tls = d->port_tls;
    d->former.moving = d->moving;
}

static void settings_place(struct settings *s, const struct dial *d)
{
    text_set(s->host, text_slice(d->host));
    s->port = d->port;
    s->port_tls = d->port_tls;
    s->moving = d->moving;
    s->wanted = d->wanted;
    s->hub_known = d->hub_known;
}

/* What was not an operator's command is no part of one that fails. */
static void place_durable(struct ils *ils)
{
    settings_place(&ils->durable, &ils->dial);
    list_each(node, &ils->batches) {
        struct batch *b = list_entry(node, struct batch, node);
        if (b->settings != NULL)
            settings_place(b->settings, &ils->dial);
    }
}

/* p is registered with from now on, at the address that it says: not the operator's wish, but that
 * of who was registered with, which is no hub any more. */
void dial_register(struct ils *ils, const struct peer *p)
{
    struct dial *d = &ils->dial;
    struct rows rows;
    text_set(d->host, p->host.n != 0 ? text_slice(p->host) : slice_of(p->met_ip));
    d->port_tls = ils->auth.tls;
    d->port = ils->auth.tls ? p->tls_port : p->port;
    d->wanted = d->hub_known = true;
    d->moving = false;
    memcpy(d->hub_key, p->key, KEY_SIZE);
    place_durable(ils);
    rows_init(&rows, ils);
    rows_setting(&rows, "hub", text_slice(d->host));
    rows_setting_u64(&rows, "hub_port", d->port);
    rows_setting_u64(&rows, "hub_port_tls", d->port_tls);
    rows_setting_u64(&rows, "hub_wanted", true);
    rows_setting(&rows, "hub_key", slice_make(d->hub_key, KEY_SIZE));
    journal_store(&rows, BATCH_PLAIN);
}

/* The invite was refused: what was joined before is what is joined. */
void dial_back(struct ils *ils)
{
    struct dial *d = &ils->dial;
    struct rows rows;
    if (d->former.host.n == 0) {
        dial_want(ils, false);
        return;
    }
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(d->host));
    text_set(d->host, text_slice(d->former.host));
    d->port = d->former.port;
    d->port_tls = d->former.port_tls;
    d->moving = d->former.moving;
    d->promised = false;
    d->former.host.n = 0;
    place_durable(ils);
    rows_init(&rows, ils);
    rows_setting(&rows, "hub", text_slice(d->host));
    rows_setting_u64(&rows, "hub_port", d->port);
    rows_setting_u64(&rows, "hub_port_tls", d->port_tls);
    if (d->hub_known && !d->moving)
        rows_setting(&rows, "hub_key", slice_make(d->hub_key, KEY_SIZE));
    journal_store(&rows, BATCH_PLAIN);
}

/* A join that can no longer be dialled: another command took away what it needs. Somebody waits for
 * its verdict. */
static void dial_withdraw(struct ils *ils)
{
    enum code code = CODE_PASSWORD_MISSING;
    if (!ils->ready || ils->role == ROLE_STANDALONE)
        code = CODE_GOING_DOWN;
    else if (!ils->dial.wanted)
        code = CODE_DISCONNECTED;
    else if (method_offered(ils) == METHOD_NONE)
        code = CODE_METHOD_DIFFERS;
    else if (ils->cert[0].leaf.n == 0 && method_offered(ils) != METHOD_PASSWORD)
        code = CODE_NO_CERTIFICATE;
    say_verdict_undialled(ils, ils->dial.command, code);
    ils->dial.command = 0;
}

/* The certificates that the two ends use now, as one value; false where the link has them. */
static bool certificates_moved(const struct ils *ils, const struct peer *hub,
                               uint8_t ret[static HASH_SIZE])
{
    const struct announced *theirs = &hub->announced[0];
    const uint8_t *mine = ils->cert[0].fingerprint;
    bool moved = memcmp(hub->link->shown_mine, mine, FINGERPRINT_SIZE) != 0 ||
                 (theirs->judged && memcmp(theirs->fingerprint, hub->link->cert.fingerprint,
                                           FINGERPRINT_SIZE) != 0);
    const struct slice parts[] = {slice_make(mine, FINGERPRINT_SIZE),
                                  slice_make(theirs->fingerprint, FINGERPRINT_SIZE)};
    crypto_hash(ret, "certificates", parts, 2);
    return moved;
}

/* Is another password preferred by now than the one that the link was made with? */
static bool password_moved(const struct ils *ils, const struct link *l)
{
    const struct password *p = password_preferred(ils);
    return method_has_password(l->method) && p != NULL && p->generation != l->generation;
}

/* Another link is set up before this one ends: another method or password is preferred now, or the
 * certificate of an end was renewed (once for each, whatever comes of it). */
static bool renewal_now(const struct ils *ils, const struct peer *p)
{
    uint8_t moved[HASH_SIZE];
    if (p->link->method != method_offered(ils) || password_moved(ils, p->link))
        return true;
    return p->link->tls && certificates_moved(ils, p, moved) &&
           memcmp(p->contact.renewed_for, moved, HASH_SIZE) != 0;
}

/* Only the end that dialled a link renews it; and when it is old. */
tick dial_renewal_at(const struct ils *ils, const struct peer *p)
{
    if (p->link == NULL || !p->link->dialler)
        return TICK_NEVER;
    return renewal_now(ils, p) ? ils->now : p->link->since + SESSION_RENEW_US;
}

bool dial_renewal_due(const struct ils *ils, const struct peer *p)
{
    return dial_renewal_at(ils, p) <= ils->now;
}

static bool renewal_due(const struct ils *ils)
{
    const struct peer *hub = hub_peer(ils);
    return hub != NULL && dial_renewal_due(ils, hub);
}

/* The port as given, if it was given for this way of linking; else what the hub says of itself. */
static uint16_t dial_port(const struct ils *ils, bool tls)
{
    const struct dial *d = &ils->dial;
    const struct peer *hub = hub_peer(ils);
    if (d->port != 0 && d->port_tls == tls)
        return d->port;
    uint16_t told = hub == NULL ? 0 : tls ? hub->tls_port : hub->port;
    return d->port != 0 && told != 0 ? told : tls ? PORT_TLS_DEFAULT : PORT_PASSWORD_DEFAULT;
}

/* A link with the same ends is set up for these certificates, whatever comes of it. */
void dial_renews(struct ils *ils, struct peer *p)
{
    if (p->link != NULL)
        certificates_moved(ils, p, p->contact.renewed_for);
}

struct link *dial(struct ils *ils, struct slice host, uint16_t port, uint8_t method)
{
    struct link *l = link_new(ils, true, ils->next_link);
    if (l == NULL)
        return NULL;
    ils->next_link = (ils->next_link + 1) & ~LINK_ACCEPTED;
    l->state = LINK_OPENING;
    l->method = l->offered = method;
    l->tls = method != METHOD_PASSWORD;
    l->serial = ++ils->serial;
    if (method_has_password(method))
        l->generation = password_preferred(ils)->generation;
    text_set(l->host, host);
    l->port = port;
    say_link(l, EVENT_CONNECT_REQ);
    say_link(l, EVENT_CONNECT_ADDRESSES);
    if (!l->tls)
        say_link(l, EVENT_CONNECT_PLAIN);
    struct ils_action *a = ils_action(ils, ILS_DO_OPEN);
    a->tls = l->tls;
    a->invite = method == METHOD_INVITE;
    a->link = l->id;
    a->host = arena_copy(&ils->step, host);
    a->port = l->port;
    return l;
}

/* The operator, or a change of what is offered: now rather than later. An attempt under way may
 * have begun without it: what comes of that one is not waited upon. */
void dial_now(struct ils *ils)
{
    ils->dial.next = ils->now;
    ils->dial.again = ils->dial.link != NULL;
    mesh_now(ils);
}

/* Nobody waits: is the registration server dialled all the same? Not from a hub, if it has become a
 * spoke by its own word; not by a spoke that an alternate serves, but once in a while. */
static bool dial_due(const struct ils *ils)
{
    if (linked(ils))
        return renewal_due(ils);
    if (ils->dial.moving || !ils->dial.hub_known)
        return true;
    if (ils->role == ROLE_HUB) /* one that is in no network takes over that of its home */
        return !mesh_home_gone(ils) || zeros(ils->network, NETWORK_ID_SIZE);
    return !mesh_elsewhere(ils) || (ils->now >= ils->mesh.home_next && !BUG(HOME_FORGOTTEN));
}

void dial_tick(struct ils *ils)
{
    struct dial *d = &ils->dial;
    if (!dial_possible(ils)) {
        if (d->command != 0)
            dial_withdraw(ils);
        return;
    }
    if (d->link != NULL || ils->now < d->next)
        return;
    if (d->command == 0 && !dial_due(ils))
        return;
    d->next = ils->now + BACKOFF_MAX_US;
    d->again = false;
    struct peer *hub = hub_peer(ils);
    uint8_t method = dial_method(ils);
    if (hub != NULL)
        dial_renews(ils, hub);
    if (!linked(ils) && d->command == 0 && mesh_elsewhere(ils))
        ils->mesh.home_next = ils->now + HOME_AGAIN_US;
    if (method == METHOD_PASSWORD && linked(ils) && hub->link->dialler && hub->link->tls)
        link_end(hub->link, CODE_REPLACED, true); /* it would beat what follows it */
    struct slice usual = text_slice(d->host), place = usual;
    if (hub != NULL && d->command == 0 && !d->moving && method != METHOD_INVITE)
        place = mesh_place(hub, d->attempts, d->last_code, usual);
    d->link = dial(ils, place, dial_port(ils, method != METHOD_PASSWORD), method);
    if (d->link == NULL)
        return;
    d->link->elsewhere = !slice_eq(place, usual);
    d->link->brisk = hub != NULL && hub->met && d->command == 0 && !d->moving &&
                     method != METHOD_INVITE && d->attempts < BRISK_ATTEMPTS;
    if (method == METHOD_INVITE)
        d->link->invite = d->invite;
    d->link->command = d->command;
    d->command = 0;
    d->attempts++;
}

/* One attempt at a cluster whose address is known: an operator connected it, or a hub has not heard
 * of it for long (mesh.c). */
void dial_peer(struct ils *ils, struct peer *p)
{
    struct slice host = p->host.n != 0 ? text_slice(p->host) : slice_of(p->met_ip);
    uint8_t method = method_offered(ils);
    bool tls = method != METHOD_PASSWORD;
    uint16_t port = tls ? p->tls_port : p->port;
    if (!ils->ready || ils->role == ROLE_STANDALONE || host.n == 0 || !dial_equipped(ils, method))
        return;
    if (port == 0)
        port = tls ? PORT_TLS_DEFAULT : PORT_PASSWORD_DEFAULT;
    struct link *l = dial(ils, host, port, method);
    if (l == NULL)
        return;
    l->expected = l->lone = true;
    memcpy(l->expected_key, p->key, KEY_SIZE);
}

tick dial_deadline(const struct ils *ils)
{
    if (!dial_possible(ils) || ils->dial.link != NULL)
        return TICK_NEVER;
    const struct peer *hub = hub_peer(ils);
    tick due = ils->dial.next;
    if (ils->dial.command != 0)
        return due;
    if (linked(ils))
        due = dial_renewal_at(ils, hub);
    else if (!dial_due(ils))
        due = ils->role == ROLE_HUB ? TICK_NEVER : ils->mesh.home_next;
    return due > ils->dial.next ? due : ils->dial.next;
}

/* Trying again within seconds changes nothing: the other end said no. */
bool dial_refusal(enum code code)
{
    switch ((int)code) {
    case CODE_REFUSED:
    case CODE_SILENT:
    case CODE_HUNG_UP:
    case CODE_NO_ANSWER:
    case CODE_UNRESOLVED:
    case CODE_LOST:
    case CODE_GOING_DOWN:
    case CODE_SESSION_OVER:
    case CODE_REPLACED:
    case CODE_FULL: return false;
    default: return !code_is_success(code);
    }
}

static tick backoff(struct ils *ils)
{
    tick wait = BACKOFF_MIN_US;
    for (uint32_t i = 1; i < ils->dial.attempts && wait < BACKOFF_MAX_US; i++)
        wait *= 2;
    if (wait > BACKOFF_MAX_US)
        wait = BACKOFF_MAX_US;
    return wait / 2 + (tick)rand_below(&ils->rand, (uint64_t)wait / 2 + 1);
}

/* After a refusal, a minute. Where another cluster answers, mesh_place has another place: that one
 * is tried first. */
static tick wait_after(struct ils *ils, const struct link *l, enum code code)
{
    const struct dial *d = &ils->dial;
    bool strange = d->last_code == CODE_OTHER_CLUSTER && d->hub_known && !d->moving;
    if (strange && !l->elsewhere && d->attempts % 2 != 0) {
        ils->mesh.home_next = ils->now;
        return backoff(ils);
    }
    return dial_refusal(code) || (strange && l->elsewhere) ? REFUSED_WAIT_US : backoff(ils);
}

/* A link that this end dialled is gone. */
void dial_over(struct ils *ils, struct link *l, enum code code)
{
    struct dial *d = &ils->dial;
    bool attempt = d->link == l;
    if (attempt) {
        d->link = NULL;
        d->last_code = l->elsewhere && !dial_refusal(code) ? d->last_code : code;
    } else if (l->to == NULL || !dial_is_hub(ils, l->to)) {
        return;
    }
    if (code == CODE_REPLACED && !attempt && d->command == 0 && d->next < ils->now + BACKOFF_MAX_US)
        d->next = ils->now + BACKOFF_MAX_US; /* what replaces it is nearly up */
    if (code == CODE_REPLACED && !attempt && l->to->link == NULL)
        d->last_code = code; /* and it is none of this end's (identity.c) */
    if (code == CODE_REPLACED || code_is_success(code))
        return;
    if (!attempt && dial_refusal(code)) /* by the word with which the other end parted */
        d->last_code = code;
    if (!attempt) /* one that says goodbye at once is no better than one that does not answer */
        d->attempts = ils->now - l->since >= LIVED_US ? 0 : d->tries;
    d->next = ils->now + wait_after(ils, l, code);
    bool another = !attempt && code == CODE_GENERATION_UNKNOWN && password_moved(ils, l);
    if (another || d->command != 0 || (attempt && d->again)) /* asked for meanwhile */
        d->next = ils->now;
}

/* A link that this end dialled is proved. */
void dial_up(struct ils *ils, struct link *l)
{
    struct dial *d = &ils->dial;
    if (d->link != l)
        return;
    d->link = NULL;
    d->tries = d->attempts;
    d->attempts = 0;
    bool known = dial_is_hub(ils, l->to) && !d->moving;
    d->moving = d->promised = false;
    d->former.host.n = 0;
    d->last_code = CODE_NONE;
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(d->host));
    const struct peer *former = hub_peer(ils);
    if (ils->role == ROLE_SPOKE && former != NULL && former->link != NULL && former != l->to)
        link_end(former->link, CODE_GOING_DOWN, true);
    if (!known) {
        d->hub_known = true;
        settings_learnt(ils);
        memcpy(d->hub_key, l->to->key, KEY_SIZE);
        struct rows rows;
        rows_init(&rows, ils);
        rows_setting(&rows, "hub_key", slice_make(d->hub_key, KEY_SIZE));
        journal_store(&rows, BATCH_PLAIN);
    }
}
