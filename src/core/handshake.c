/* handshake: who is at the other end? Certificate, hello, password exchange, proof, and the verdict
 * on them. One conversation for all methods; a refusal is told in refusal.c. */
#include "core/core.h"

const struct password *password_find(const struct ils *ils, uint16_t generation)
{
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        if (ils->password[i].held && ils->password[i].generation == generation)
            return &ils->password[i];
    return NULL;
}

const struct password *password_preferred(const struct ils *ils)
{
    const struct password *best = NULL;
    for (size_t i = 0; i < PASSWORDS_MAX; i++) {
        const struct password *p = &ils->password[i];
        if (p->held && (best == NULL || p->preferred ||
                        (!best->preferred && p->generation > best->generation)))
            best = p;
    }
    return best;
}

uint16_t password_newest(const struct ils *ils)
{
    uint16_t newest = 0;
    for (size_t i = 0; i < PASSWORDS_MAX; i++)
        if (ils->password[i].held && ils->password[i].generation > newest)
            newest = ils->password[i].generation;
    return newest;
}

uint8_t auth_offers(const struct auth *auth)
{
    if (auth->tls)
        return auth->password ? METHOD_TLS_PASSWORD : METHOD_TLS;
    return auth->password ? METHOD_PASSWORD : METHOD_NONE;
}

uint8_t auth_accepts(const struct auth *auth)
{
    uint8_t offered = auth_offers(auth);
    if (auth->accept != 0 || offered == METHOD_NONE)
        return auth->accept;
    return (uint8_t)(1u << offered);
}

uint8_t method_offered(const struct ils *ils)
{
    return auth_offers(&ils->auth);
}

bool method_has_password(uint8_t method)
{
    return method == METHOD_PASSWORD || method == METHOD_TLS_PASSWORD;
}

bool method_accepted(const struct ils *ils, uint8_t method)
{
    return method != METHOD_NONE && method <= METHOD_TLS_PASSWORD &&
           (auth_accepts(&ils->auth) >> method & 1) != 0;
}

void handshake_hello_send(struct link *l)
{
    struct ils *ils = l->ils;
    struct hello h = {.version_min = LINK_VERSION_MIN,
                      .version_max = LINK_VERSION_MAX,
                      .capabilities = CAPABILITY_RESERVED | CAPABILITIES_KNOWN,
                      .method = l->method,
                      .generation = l->generation};
    if (l->dialler && l->visit)
        h.capabilities |= CAPABILITY_VISIT;
    memcpy(h.random, l->hello_random, sizeof h.random);
#ifdef OPENILS_BUG_HELLO_HASH /* a planted leak: the attacker of the tests must find the password */
    crypto_hash1(h.random, "hello", slice_make(password_find(ils, l->generation)->stretched, 32));
#endif
    if (l->dialler && !l->tls)
        memcpy(l->verdict_id, h.random, sizeof l->verdict_id);
    struct buf b;
    buf_init(&b, ils->mem, HELLO_MAX);
    hello_put(&b, &h);
    if (l->method == METHOD_INVITE)
        buf_put(&b, l->invite.id, INVITE_ID_SIZE);
    if (b.failed) {
        link_end(l, CODE_FULL, false);
    } else {
        text_set(l->hello_mine, buf_slice(&b));
        link_send(l, FRAME_HELLO, buf_slice(&b));
    }
    buf_done(&b);
}

static struct slice hello_of(const struct link *l, bool dialler)
{
    return l->dialler == dialler ? text_slice(l->hello_mine) : text_slice(l->hello_theirs);
}

static bool my_own_dial(const struct ils *ils, const struct hello *h)
{
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        if (l->dialler && l->hello_mine.n != 0 &&
            memcmp(l->hello_random, h->random, HELLO_RANDOM) == 0)
            return true;
    }
    return false;
}

/* What both ends check of a hello. */
static enum code judge_hello(const struct hello *h)
{
    static const struct hello mine = {.version_min = LINK_VERSION_MIN,
                                      .version_max = LINK_VERSION_MAX};
    if (hello_version(&mine, h) == 0)
        return CODE_VERSION;
    if ((h->required & ~CAPABILITIES_KNOWN) != 0)
        return CODE_CAPABILITY;
    return CODE_NONE;
}

/* Whether links by the dialler's method are accepted, and which method it becomes: a dialler that
 * would prove the password as well is told where it is not in use, and decides itself. */
static enum code judge_method(struct link *l, const struct hello *h)
{
    const struct ils *ils = l->ils;
    if (l->tls != (h->method != METHOD_PASSWORD) ||
        (h->method == METHOD_INVITE) != (l->method == METHOD_INVITE))
        return CODE_PROTOCOL;
    l->method = h->method;
    if (h->method == METHOD_INVITE)
        return CODE_NONE;
    if (!method_accepted(ils, h->method)) {
        if (h->method == METHOD_TLS && method_accepted(ils, METHOD_TLS_PASSWORD))
            return CODE_PASSWORD_MISSING;
        if (h->method != METHOD_TLS_PASSWORD || !method_accepted(ils, METHOD_TLS))
            return CODE_METHOD_DIFFERS;
        l->method = METHOD_TLS;
    }
    if (l->method == METHOD_TLS)
        return CODE_NONE;
    if (password_preferred(ils) == NULL)
        return CODE_PASSWORD_MISSING;
    return password_find(ils, h->generation) == NULL ? CODE_GENERATION_UNKNOWN : CODE_NONE;
}

/* An invite's hello is followed by its id; the secret is the password of the exchange. */
static enum code judge_invite(struct link *l)
{
    struct slice hello = text_slice(l->hello_theirs);
    if (hello.n < HELLO_SIZE + INVITE_ID_SIZE)
        return CODE_PROTOCOL;
    memcpy(l->invite.id, hello.p + HELLO_SIZE, INVITE_ID_SIZE);
    if (l->ils->role != ROLE_HUB)
        return CODE_NOT_A_HUB;
    return invite_judge(l->ils, l->invite.id, l->prs);
}

static enum code judge_dialler(struct link *l, const struct hello *h)
{
    const struct ils *ils = l->ils;
    enum code code = judge_hello(h);
    if (code != CODE_NONE)
        return code;
    if (my_own_dial(ils, h))
        return CODE_ITSELF;
    if (gate_until(ils, l) > ils->now)
        return CODE_PENALTY;
    code = judge_method(l, h);
    if (code == CODE_NONE && date_bars(l))
        code = CODE_CLOCK;
    if (code != CODE_NONE)
        return code;
    if (l->method == METHOD_INVITE)
        return judge_invite(l);
    return l->tls ? cert_judge(ils, &l->cert, l->method, slice_make(NULL, 0), &l->rule)
                  : CODE_NONE;
}

/* What only the two ends of one TLS session have; empty without TLS. */
static struct slice exporter_of(const struct link *l)
{
#ifdef OPENILS_BUG_BINDER /* a planted hole: the grid of the tests must get through it */
    return slice_make(NULL, 0);
#endif
    return slice_make(l->exporter, l->tls ? HASH_SIZE : 0);
}

static void compute_binder(struct link *l, struct slice isk)
{
    struct slice mine = buf_slice(&l->spki_mine), theirs = buf_slice(&l->spki_theirs);
#ifdef OPENILS_BUG_BINDER
    mine = theirs = slice_make(NULL, 0);
#endif
    struct binder_parts parts = {.hello_c = hello_of(l, true), .hello_s = hello_of(l, false),
                                 .exporter = exporter_of(l),
                                 .spki_c = l->dialler ? mine : theirs,
                                 .spki_s = l->dialler ? theirs : mine,
                                 .isk = isk};
    link_binder(l->binder, &parts);
}

static void send_proof(struct link *l);

/* TLS alone: both hellos are there, the proofs follow. */
static void proofs_start(struct link *l)
{
    compute_binder(l, slice_make(NULL, 0));
    link_change_state(l, LINK_PROOF);
    if (l->dialler)
        send_proof(l);
}

static void exchange_start(struct link *l)
{
    struct ils *ils = l->ils;
    const struct password *p = password_find(ils, l->generation);
    uint8_t sid[HASH_SIZE], entropy[64];
    if (l->method == METHOD_TLS) {
        proofs_start(l);
        return;
    }
    if (l->method != METHOD_INVITE && p == NULL) { /* dropped while the hello was on its way */
        handshake_refuse(l, CODE_PASSWORD_MISSING);
        return;
    }
    if (l->method != METHOD_INVITE)
        memcpy(l->prs, p->stretched, sizeof l->prs);
    else if (l->dialler)
        invite_prs(l->prs, &l->invite);
    link_sid(sid, hello_of(l, true), hello_of(l, false), exporter_of(l));
    ils_entropy(ils, entropy, sizeof entropy);
    cpace_start(&l->cpace, l->dialler ? CPACE_DIALLER : CPACE_ACCEPTOR, l->prs, sid, entropy);
    crypto_wipe(entropy, sizeof entropy);
    crypto_wipe(l->prs, sizeof l->prs);
    link_change_state(l, LINK_SHARE);
    if (l->dialler)
        link_send(l, FRAME_SHARE, slice_make(l->cpace.share, POINT_SIZE));
}

/* Acceptor. body empty: the hello that was kept while its source was in penalty. */
static void take_hello_acceptor(struct link *l, struct slice body)
{
    struct hello h;
    if (body.n != 0)
        text_set(l->hello_theirs, body);
    if (hello_get(text_slice(l->hello_theirs), &h) != 0) {
        l->hello_theirs.n = 0;
        gate_failed(l->ils, l, PENALTY_PROTO_US);
        handshake_refuse(l, CODE_PROTOCOL);
        return;
    }
    if (!l->tls)
        memcpy(l->verdict_id, h.random, sizeof l->verdict_id);
    l->identified = true;
    l->offered = h.method;
    l->generation = h.generation;
    tick until = gate_until(l->ils, l);
    if (until > l->ils->now && until - l->ils->now <= PENALTY_HOLD_US) {
        l->deadline = until;
        link_change_state(l, LINK_HELD);
        return;
    }
    enum code code = judge_dialler(l, &h);
    if (code == CODE_VERSION) {
        l->method = h.method; /* as it was offered: the hello repeats it */
        handshake_hello_send(l); /* so that the other end can name both versions as well */
    }
    if (l->state == LINK_CLOSED)
        return;
    if (code != CODE_NONE) {
        handshake_refuse(l, code);
        return;
    }
    if (l->rule != RULE_NONE) {
        cert_say(l, CODE_NONE);
        link_announce(l);
    }
    handshake_hello_send(l);
    if (l->state != LINK_CLOSED)
        exchange_start(l);
}

static void take_hello_dialler(struct link *l, struct slice body)
{
    struct hello h;
    enum code code = hello_get(body, &h) == 0 ? judge_hello(&h) : CODE_PROTOCOL;
    text_set(l->hello_theirs, body);
    if (code == CODE_NONE && h.method != l->method) /* the password is demanded by this end */
        code = l->method == METHOD_TLS_PASSWORD && h.method == METHOD_TLS ? CODE_PASSWORD_MISSING
                                                                          : CODE_PROTOCOL;
    if (code != CODE_NONE) {
        handshake_refuse(l, code);
        return;
    }
    alarm_clear(l->ils, ILSHubClusterUnreachable, text_slice(l->host)); /* whatever it says next */
    exchange_start(l);
}

static void take_share(struct link *l, struct slice body)
{
    if (body.n != POINT_SIZE || !cpace_finish(&l->cpace, body.p)) {
        handshake_refuse(l, CODE_POINT_INVALID);
        return;
    }
    link_change_state(l, LINK_CONFIRM);
    if (l->dialler)
        link_send(l, FRAME_CONFIRM, slice_make(l->cpace.confirm, CPACE_CONFIRM_SIZE));
    else
        link_send(l, FRAME_SHARE, slice_make(l->cpace.share, POINT_SIZE));
}

void handshake_proof(const struct link *l, struct proof *ret)
{
    const struct ils *ils = l->ils;
    *ret = (struct proof){.boot = ils->boot, .serial = l->serial};
    memcpy(ret->key, ils->key, sizeof ret->key);
    memcpy(ret->network, ils->network, sizeof ret->network);
    ret->cluster_id_n = (uint8_t)ils->cluster_id.n;
    memcpy(ret->cluster_id, ils->cluster_id.p, ils->cluster_id.n);
    proof_sign(ret, l->dialler, l->binder, ils->secret);
}

static void send_proof(struct link *l)
{
    struct proof p;
    handshake_proof(l, &p);
    if (l->dialler)
        identity_proves(l);
    l->proved_none = zeros(p.network, NETWORK_ID_SIZE);
    msg_proof_put(&l->out, &p);
}

/* Without TLS the link is sealed from here on; what is in l->out leaves in clear before. */
static void seal(struct link *l, struct slice isk)
{
    if (l->dialler)
        sealed_keys(&l->tx, &l->rx, isk, l->binder);
    else
        sealed_keys(&l->rx, &l->tx, isk, l->binder);
    l->sealed = true;
}

/* One step of opening what the password protects, as the original tells it. */
static void say_opened(struct link *l, int line)
{
    if (l->tls && l->method == METHOD_TLS_PASSWORD)
        say_link(l, EVENT_DECRYPT_STEP)->number[0] = (uint64_t)line;
}

static void take_confirm(struct link *l, struct slice body)
{
    if (!cpace_confirmed(&l->cpace, body)) {
        handshake_refuse(l, l->method == METHOD_INVITE ? CODE_INVITE_UNKNOWN
                                                       : CODE_PASSWORD_DIFFERS);
        return;
    }
    say_opened(l, __LINE__);
    if (!l->dialler)
        link_send(l, FRAME_CONFIRM, slice_make(l->cpace.confirm, CPACE_CONFIRM_SIZE));
    link_flush(l);
    if (l->state == LINK_CLOSED)
        return;
    struct slice isk = slice_make(l->cpace.isk, CPACE_ISK_SIZE);
    compute_binder(l, isk);
    if (!l->tls)
        seal(l, isk);
    cpace_wipe(&l->cpace);
    link_change_state(l, LINK_PROOF);
    if (l->dialler)
        send_proof(l);
}

bool zeros(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

/* Is the other end's certificate, or its invite, good for the key that it proved? */
static enum code judge_key(struct link *l, const struct proof *p, const struct peer *known)
{
    uint8_t hub[HASH_SIZE];
    if (l->method == METHOD_INVITE) {
        crypto_hash1(hub, "invite hub", slice_make(p->key, KEY_SIZE));
        return l->dialler && !crypto_equal(hub, l->invite.hub, HASH_SIZE) ? CODE_INVITE_FOREIGN
                                                                          : CODE_NONE;
    }
    if (!l->tls || l->rule != RULE_NONE)
        return CODE_NONE;
    enum code code = cert_met(l->ils, &l->cert, known);
    l->rule = code == CODE_NONE ? RULE_MET : RULE_NONE;
    return code;
}

/* Who must answer: the cluster that is to be connected, the hub that made the invite, or whoever
 * was joined at that place before. NULL: nobody is known there. An invite itself names its hub. */
static const uint8_t *expected_key(const struct link *l)
{
    const struct dial *d = &l->ils->dial;
    if (l->expected)
        return l->expected_key;
    if (d->link != l || l->method == METHOD_INVITE)
        return NULL;
    if (d->promised)
        return d->promised_key;
    return d->hub_known && !d->moving ? d->hub_key : NULL;
}

/* Asked again before it is over: the clock may have been set since, or settings changed. */
static enum code judge_again(struct link *l)
{
    if (date_bars(l))
        return CODE_CLOCK;
    if (l->dialler || l->method == METHOD_INVITE)
        return CODE_NONE;
    if (!method_accepted(l->ils, l->method))
        return CODE_METHOD_DIFFERS;
    if (l->method == METHOD_TLS || password_find(l->ils, l->generation) != NULL)
        return CODE_NONE;
    return password_preferred(l->ils) == NULL ? CODE_PASSWORD_MISSING : CODE_GENERATION_UNKNOWN;
}

/* A hub that is about to take over a network takes it from the one that it dials, and not from who
 * dials it: that may be a spoke of its own that is still in the former one. Until it has one it
 * cannot say that the other's is another. But who was linked with it in no network has come by one
 * since, and brings it. */
static enum code judge_network(const struct link *l, const struct proof *p,
                               const struct peer *known)
{
    const struct ils *ils = l->ils;
    if (zeros(p->network, NETWORK_ID_SIZE))
        return CODE_NONE;
    if (!zeros(ils->network, NETWORK_ID_SIZE))
        return memcmp(p->network, ils->network, NETWORK_ID_SIZE) != 0 ? CODE_OTHER_NETWORK
                                                                      : CODE_NONE;
    bool brings = l->dialler || ils->role != ROLE_HUB || (known != NULL && known->no_network);
    return brings ? CODE_NONE : CODE_GOING_DOWN;
}

/* A spoke is there for hubs; and for those of its network that come to meet it, so that one of them
 * can be made the hub one day. */
static bool may_come(const struct link *l, const struct peer *known)
{
    struct hello h;
    if (l->dialler || l->ils->role == ROLE_HUB)
        return true;
    if (known == NULL || known->role == ROLE_HUB)
        return known != NULL;
    return l->ils->role == ROLE_SPOKE && mesh_knows(l->ils, known) &&
           hello_get(text_slice(l->hello_theirs), &h) == 0 &&
           (h.capabilities & CAPABILITY_VISIT) != 0;
}

static bool may_stay(const struct link *l)
{
    return l->ils->role == ROLE_HUB || l->to->role == ROLE_HUB;
}

/* The verdict on a proof; the peer is not yet made. */
static enum code judge_proof(struct link *l, const struct proof *p)
{
    const struct ils *ils = l->ils;
    const struct peer *known = peer_find(ils, p->key);
    if (!proof_verify(p, !l->dialler, l->binder))
        return CODE_PROOF;
    if (memcmp(p->key, ils->key, KEY_SIZE) == 0)
        return identity_judge(l, p);
    const uint8_t *expected = expected_key(l);
    if (expected != NULL && memcmp(p->key, expected, KEY_SIZE) != 0)
        return CODE_OTHER_CLUSTER;
    enum code code = judge_again(l);
    if (code == CODE_NONE)
        code = judge_key(l, p, known);
    if (code == CODE_NONE)
        code = judge_network(l, p, known);
    if (code != CODE_NONE)
        return code;
    if (ends_banned(ils, p->key) && !BUG(BANNED_LET_IN))
        return CODE_BANNED;
    if (known != NULL && known->disconnected_here)
        return CODE_DISCONNECTED;
    if (!may_come(l, known))
        return CODE_NOT_A_HUB;
    return identity_judge(l, p);
}

/* Neither end of it has told the other in which network it is, but this one is in one now. */
static bool untold(const struct link *l)
{
    return l->state == LINK_UP && l->proved_none && zeros(l->theirs.network, NETWORK_ID_SIZE) &&
           !zeros(l->ils->network, NETWORK_ID_SIZE);
}

void handshake_network_came(struct ils *ils)
{
    list_each_safe(node, &ils->links) {
        struct link *l = list_entry(node, struct link, node);
        if (untold(l))
            link_end(l, CODE_GOING_DOWN, true);
    }
}

static void adopt_network(struct link *l)
{
    struct ils *ils = l->ils;
    if (!zeros(ils->network, NETWORK_ID_SIZE) || zeros(l->theirs.network, NETWORK_ID_SIZE))
        return;
    memcpy(ils->network, l->theirs.network, NETWORK_ID_SIZE);
    settings_learnt(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_setting(&rows, "network", slice_make(ils->network, NETWORK_ID_SIZE));
    journal_store(&rows, BATCH_PLAIN);
    handshake_network_came(ils);
}

static void say_proof_opened(struct link *l, struct slice body)
{
    if (!l->tls || l->method != METHOD_TLS_PASSWORD)
        return;
    say_opened(l, __LINE__);
    struct trace *t = say_link(l, EVENT_DECRYPTED);
    t->number[0] = FRAME_HEADER + body.n;
    t->number[1] = body.n;
}

/* Whether this end may go on after the other's proof; the peer is known then. */
static bool proof_passes(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    enum code code = CODE_PROTOCOL;
    if (msg_proof_get(&ils->step, body, &l->theirs) == 0)
        code = judge_proof(l, &l->theirs);
    if (code == CODE_NONE && l->method == METHOD_INVITE && !l->dialler) {
        code = invite_spend(l);
    } else if (code == CODE_NONE) {
        l->to = peer_get(ils, l->theirs.key);
        code = l->to == NULL ? CODE_FULL : CODE_NONE;
    }
    if (code != CODE_NONE)
        handshake_refuse(l, code);
    return code == CODE_NONE;
}

/* The end of a conversation about an invite that went well: both have imported the other's
 * certificate, and have met. The ordinary join follows. */
static void handshake_invited(struct link *l)
{
    struct ils *ils = l->ils;
    uint64_t command = l->command; /* whose verdict is that of the join */
    l->rule = RULE_INVITE;
    l->command = 0;
    link_met(l);
    say_verdict(l, CODE_JOINED, false, 0);
    link_end(l, CODE_JOINED, l->dialler);
    if (l->dialler) {
        ils->dial.promised = true;
        memcpy(ils->dial.promised_key, l->theirs.key, KEY_SIZE);
        ils->dial.command = command;
        ils->dial.next = TICK_NEVER; /* until the certificate is imported */
        invite_won(l);
    }
}

/* A visit is over: both have proved themselves, and no link was wanted. */
static void handshake_visited(struct link *l)
{
    if (l->dialler)
        say_link(l, EVENT_VISITED)->text[0] = arena_copy(
            &l->ils->step, l->to->cluster_id.n != 0 ? text_slice(l->to->cluster_id)
                                                    : text_slice(l->host));
    else
        gate_passed(l->ils, l);
    link_met(l);
    identity_up(l);
    say_verdict(l, CODE_JOINED, false, 0);
    link_end(l, CODE_JOINED, l->dialler);
}

static void take_proof(struct link *l, struct slice body)
{
    if (!proof_passes(l, body))
        return;
    if (l->tls && l->method != METHOD_INVITE)
        cert_say(l, CODE_NONE);
    say_proof_opened(l, body);
    link_announce(l);
    if (l->method == METHOD_INVITE && !l->dialler) {
        link_change_state(l, LINK_SPENDING); /* until the disk has it */
        return;
    }
    adopt_network(l);
    if (l->method == METHOD_INVITE) {
        handshake_invited(l);
    } else if (l->dialler) {
        struct trace *t = say_link(l, EVENT_CLIENT_SUCCEEDED);
        t->number[0] = l->n;
        memset(t->peer_id, 0, sizeof t->peer_id); /* the original's line does not know it yet */
        if (l->visit)
            handshake_visited(l);
        else
            handshake_joined(l);
    } else {
        send_proof(l);
        link_change_state(l, LINK_PROVED);
    }
}

/* Both ends have said yes. */
void handshake_joined(struct link *l)
{
    say_link(l, l->dialler ? EVENT_CLIENT_ESTABLISHED : EVENT_SERVER_ESTABLISHED);
    say_verdict(l, CODE_JOINED, false, 0);
    link_up(l);
    if (untold(l)) /* it came between the proofs and here */
        link_end(l, CODE_GOING_DOWN, true);
}

/* The invite is spent, the certificate imported: the hub proves itself as well. */
void handshake_invite_stored(struct link *l, bool failed)
{
    if (failed) {
        handshake_refuse(l, CODE_GOING_DOWN);
        return;
    }
    l->to = peer_get(l->ils, l->theirs.key);
    if (l->to == NULL) {
        handshake_refuse(l, CODE_FULL);
        return;
    }
    send_proof(l);
    link_change_state(l, LINK_PROVED);
}

/* The connection begins and ends here: between the same two addresses, one that was accepted. */
static bool reaches_itself(const struct link *l)
{
    list_each(node, &l->ils->links) {
        const struct link *other = list_entry(node, struct link, node);
        if (!other->dialler && other->peer.port == l->local.port &&
            other->local.port == l->peer.port &&
            slice_eq(slice_of(other->peer.ip), slice_of(l->local.ip)) &&
            slice_eq(slice_of(other->local.ip), slice_of(l->peer.ip)))
            return true;
    }
    return false;
}

/* TLS is there: what it proved is data from here on. The dialler judges at once, the dialled end
 * when it knows by which method. */
void handshake_secured(struct link *l, const struct secured *s)
{
    facts_of(&l->cert, &s->peer);
    words_of(&l->words, s->peer.error_text, s->peer.record, s->peer.record_n);
    buf_put_slice(&l->spki_mine, s->spki_mine);
    if (s->peer.present) {
        buf_put_slice(&l->cert_der, s->peer.der);
        buf_put_slice(&l->spki_theirs, s->peer.spki);
    }
    memcpy(l->exporter, s->exporter, sizeof l->exporter);
    memcpy(l->shown_mine, s->mine, sizeof l->shown_mine);
    memcpy(l->verdict_id, s->client_random, sizeof l->verdict_id);
    l->identified = true;
    link_change_state(l, LINK_HELLO);
    if (l->spki_mine.failed || l->spki_theirs.failed || l->cert_der.failed) {
        handshake_refuse(l, CODE_FULL);
        return;
    }
    if (!l->dialler) {
        l->method = s->invite ? METHOD_INVITE : METHOD_NONE;
        return;
    }
    enum code code = CODE_NONE;
    if (!s->peer.present)
        code = CODE_NO_CERTIFICATE;
    else if (reaches_itself(l)) /* whose own certificate would not pass */
        code = CODE_ITSELF;
    else if (date_bars(l))
        code = CODE_CLOCK;
    else if (l->method != METHOD_INVITE)
        code = cert_judge(l->ils, &l->cert, l->method, text_slice(l->host), &l->rule);
    if (code != CODE_NONE) {
        handshake_refuse(l, code);
        return;
    }
    if (l->rule != RULE_NONE)
        cert_say(l, CODE_NONE);
    handshake_hello_send(l);
}

/* The dialled end proved itself: whether it still says yes. */
static enum code judge_yes(struct link *l)
{
    return l->to->disconnected_here ? CODE_DISCONNECTED : judge_again(l);
}

/* The dialler has what it came for, and takes its leave. */
static void take_leave(struct link *l)
{
    enum code code = judge_yes(l);
    if (l->method == METHOD_INVITE)
        handshake_invited(l);
    else if (code != CODE_NONE)
        handshake_refuse(l, code);
    else
        handshake_visited(l);
}

static void take_goodbye(struct link *l, struct slice body)
{
    struct msg_goodbye m;
    bool good = msg_goodbye_get(&l->ils->step, body, &m) == 0;
    if (good && m.code == CODE_GENERATION_UNKNOWN && m.generation <= UINT16_MAX)
        l->generation_there = (uint16_t)m.generation;
    if (!good)
        handshake_failed(l, CODE_PROTOCOL, false, 0);
    else if (!l->dialler && l->state == LINK_PROVED &&
             (m.code == CODE_JOINED || m.code == CODE_GOING_DOWN)) /* or another hub serves it */
        take_leave(l);
    else if (m.code == CODE_CLONE && !identity_proved(l, &m))
        handshake_failed(l, CODE_PROTOCOL, false, 0); /* anybody could say that */
    else
        handshake_failed(l, handshake_code(m.code), true, m.retry_after);
}

void handshake_frame(struct link *l, uint8_t type, struct slice body)
{
    if (!l->tls)
        link_announce(l);
    if (type == FRAME_GOODBYE) {
        take_goodbye(l, body);
        return;
    }
    if (l->state == LINK_HELLO && type == FRAME_HELLO) {
        if (l->dialler)
            take_hello_dialler(l, body);
        else
            take_hello_acceptor(l, body);
    } else if (l->state == LINK_SHARE && type == FRAME_SHARE) {
        take_share(l, body);
    } else if (l->state == LINK_CONFIRM && type == FRAME_CONFIRM) {
        take_confirm(l, body);
    } else if (l->state == LINK_PROOF && type == FRAME_PROOF) {
        take_proof(l, body);
    } else if (l->state == LINK_PROVED && judge_yes(l) != CODE_NONE) {
        handshake_refuse(l, judge_yes(l)); /* meanwhile an operator changed something */
    } else if (l->state == LINK_PROVED && !may_stay(l)) {
        handshake_refuse(l, CODE_NOT_A_HUB); /* it came to visit, and does not go */
    } else if (l->state == LINK_PROVED && l->method != METHOD_INVITE) {
        handshake_joined(l); /* the dialler said yes: its first frame is the exchange's */
        if (l->state == LINK_UP)
            exchange_frame(l, type, body);
    } else {
        gate_failed(l->ils, l, PENALTY_PROTO_US);
        handshake_refuse(l, CODE_PROTOCOL);
    }
}
