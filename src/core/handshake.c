/* handshake: who is at the other end? Hello, password exchange, proof, and the verdict on them.
 * Every refusal is said in one place (handshake_failed), with its trace lines, alarm and code. */
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

uint8_t method_offered(const struct ils *ils)
{
    if (ils->auth.tls)
        return ils->auth.password ? METHOD_TLS_PASSWORD : METHOD_TLS;
    return ils->auth.password ? METHOD_PASSWORD : METHOD_NONE;
}

bool method_accepted(const struct ils *ils, uint8_t method)
{
    unsigned accept = ils->auth.accept != 0 ? ils->auth.accept : 1u << method_offered(ils);
    return method != METHOD_NONE && method <= METHOD_TLS_PASSWORD && (accept >> method & 1) != 0;
}

void handshake_hello_send(struct link *l)
{
    struct ils *ils = l->ils;
    struct hello h = {.version_min = LINK_VERSION_MIN,
                      .version_max = LINK_VERSION_MAX,
                      .capabilities = CAPABILITY_RESERVED | CAPABILITIES_KNOWN,
                      .method = l->method,
                      .generation = l->generation};
    memcpy(h.random, l->hello_random, sizeof h.random);
#ifdef OPENILS_BUG_HELLO_HASH /* a planted leak: the attacker of the tests must find the password */
    crypto_hash1(h.random, "hello", slice_make(password_find(ils, l->generation)->stretched, 32));
#endif
    if (l->dialler)
        memcpy(l->verdict_id, h.random, sizeof l->verdict_id);
    struct buf b;
    buf_init(&b, ils->mem, HELLO_MAX);
    hello_put(&b, &h);
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

/* The alarm of a refusal, and its subject: the other end's address, or the hub as it was dialled.
 * */
static void refusal_alarm(struct link *l, enum code code)
{
    struct ils *ils = l->ils;
    struct slice ip = slice_of(l->peer.ip), host = text_slice(l->host);
    switch ((int)code) {
    case CODE_REFUSED:
    case CODE_NO_ANSWER:
    case CODE_UNRESOLVED:
    case CODE_NOT_A_HUB:
    case CODE_HUNG_UP:
    case CODE_ITSELF:
        if (l->dialler && !l->expected) /* an operator's one attempt is not the hub's */
            alarm_raise(ils, ILSHubClusterUnreachable, host);
        break;
    case CODE_SILENT: alarm_raise(ils, ILSRemoteHostUnresponsive, ip); break;
    case CODE_VERSION:
    case CODE_CAPABILITY: alarm_raise(ils, ILSProtocolVersion, ip); break;
    case CODE_METHOD_DIFFERS:
    case CODE_OTHER_NETWORK:
    case CODE_PROOF:
        if (!l->dialler)
            alarm_raise(ils, ILSUnacceptableConnectionAttempt, ip);
        break;
    default: break;
    }
}

static bool password_failure(enum code code)
{
    return code == CODE_PASSWORD_DIFFERS || code == CODE_PASSWORD_MISSING ||
           code == CODE_GENERATION_UNKNOWN || code == CODE_POINT_INVALID;
}

/* The attempt is over: trace, alarm, verdict, close. The goodbye, if any, is in l->out already. */
void handshake_failed(struct link *l, enum code code, bool told, uint32_t retry_after)
{
    struct ils *ils = l->ils;
    if (l->dialler) {
        say_link(l, EVENT_CONNECT_FAILED)->number[0] = (uint64_t)code;
    } else if (password_failure(code)) {
        say_link(l, EVENT_DECRYPT_FAILED);
        size_t n = alarm_raise(ils, ILSPwdAuthenticationFailed, slice_of(l->peer.ip));
        say_link(l, EVENT_PASSWORD_ALARM)->number[0] = n;
        gate_failed(ils, l, PENALTY_AUTH_US);
    } else {
        say_link(l, EVENT_CLOSE_REQ);
    }
    refusal_alarm(l, code);
    if (l->dialler || l->hello_theirs.n != 0)
        say_verdict(l, code, told, retry_after);
    link_end(l, code, false);
}

/* This end says no, and says why, where there is somebody to hear it. */
void handshake_refuse(struct link *l, enum code code)
{
    struct msg_goodbye goodbye = {.code = (uint32_t)code};
    if (l->state == LINK_OPENING) {
        handshake_failed(l, code, false, 0);
        return;
    }
    if (code == CODE_PENALTY)
        goodbye.retry_after =
            (uint32_t)((gate_until(l->ils, l) - l->ils->now + TICK_S - 1) / TICK_S);
    msg_goodbye_put(&l->out, &goodbye);
    l->refused_here = true;
    handshake_failed(l, code, false, goodbye.retry_after);
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

static enum code judge_dialler(const struct link *l, const struct hello *h)
{
    const struct ils *ils = l->ils;
    enum code code = judge_hello(h);
    if (code != CODE_NONE)
        return code;
    if (my_own_dial(ils, h))
        return CODE_ITSELF;
    if (gate_until(ils, l) > ils->now)
        return CODE_PENALTY;
    if (h->method != METHOD_PASSWORD || !method_accepted(ils, h->method))
        return CODE_METHOD_DIFFERS;
    if (password_preferred(ils) == NULL)
        return CODE_PASSWORD_MISSING;
    return password_find(ils, h->generation) == NULL ? CODE_GENERATION_UNKNOWN : CODE_NONE;
}

static void exchange_start(struct link *l)
{
    struct ils *ils = l->ils;
    const struct password *p = password_find(ils, l->generation);
    uint8_t sid[HASH_SIZE], entropy[64];
    if (p == NULL) { /* dropped while the hello was on its way */
        handshake_refuse(l, CODE_PASSWORD_MISSING);
        return;
    }
    link_sid(sid, hello_of(l, true), hello_of(l, false), slice_make(NULL, 0));
    ils_entropy(ils, entropy, sizeof entropy);
    cpace_start(&l->cpace, l->dialler ? CPACE_DIALLER : CPACE_ACCEPTOR, p->stretched, sid, entropy);
    crypto_wipe(entropy, sizeof entropy);
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
    memcpy(l->verdict_id, h.random, sizeof l->verdict_id);
    l->method = h.method;
    l->generation = h.generation;
    tick until = gate_until(l->ils, l);
    if (until > l->ils->now && until - l->ils->now <= PENALTY_HOLD_US) {
        l->deadline = until;
        link_change_state(l, LINK_HELD);
        return;
    }
    enum code code = judge_dialler(l, &h);
    if (code != CODE_NONE) {
        handshake_refuse(l, code);
        return;
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

static void send_proof(struct link *l)
{
    struct ils *ils = l->ils;
    struct proof p = {.boot = ils->boot, .serial = l->serial};
    memcpy(p.key, ils->key, sizeof p.key);
    memcpy(p.network, ils->network, sizeof p.network);
    proof_sign(&p, l->dialler, l->binder, ils->secret);
    msg_proof_put(&l->out, &p);
}

/* From here on the link is sealed; what is in l->out leaves in clear before. */
static void take_confirm(struct link *l, struct slice body)
{
    if (!cpace_confirmed(&l->cpace, body)) {
        handshake_refuse(l, CODE_PASSWORD_DIFFERS);
        return;
    }
    if (!l->dialler)
        link_send(l, FRAME_CONFIRM, slice_make(l->cpace.confirm, CPACE_CONFIRM_SIZE));
    link_flush(l);
    if (l->state == LINK_CLOSED)
        return;
    struct slice isk = slice_make(l->cpace.isk, CPACE_ISK_SIZE);
    struct binder_parts parts = {.hello_c = hello_of(l, true), .hello_s = hello_of(l, false),
                                 .isk = isk};
    link_binder(l->binder, &parts);
    if (l->dialler)
        sealed_keys(&l->tx, &l->rx, isk, l->binder);
    else
        sealed_keys(&l->rx, &l->tx, isk, l->binder);
    cpace_wipe(&l->cpace);
    l->sealed = true;
    link_change_state(l, LINK_PROOF);
    if (l->dialler)
        send_proof(l);
}

static bool zeros(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

/* The verdict on a proof. Pure: the peer is not yet made. */
static enum code judge_proof(const struct link *l, const struct proof *p)
{
    const struct ils *ils = l->ils;
    const struct peer *known = peer_find(ils, p->key);
    if (!proof_verify(p, !l->dialler, l->binder))
        return CODE_PROOF;
    if (memcmp(p->key, ils->key, KEY_SIZE) == 0)
        return CODE_CLONE;
    if (l->expected && memcmp(p->key, l->expected_key, KEY_SIZE) != 0)
        return CODE_PROOF;
    if (!zeros(p->network, NETWORK_ID_SIZE) && !zeros(ils->network, NETWORK_ID_SIZE) &&
        memcmp(p->network, ils->network, NETWORK_ID_SIZE) != 0)
        return CODE_OTHER_NETWORK;
    if (known != NULL && known->disconnected_here)
        return CODE_DISCONNECTED;
    if (!l->dialler && ils->role != ROLE_HUB && (known == NULL || known->role != ROLE_HUB))
        return CODE_NOT_A_HUB;
    return CODE_NONE;
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
}

static void take_proof(struct link *l, struct slice body)
{
    struct ils *ils = l->ils;
    enum code code = CODE_PROTOCOL;
    if (msg_proof_get(&ils->step, body, &l->theirs) == 0)
        code = judge_proof(l, &l->theirs);
    if (code != CODE_NONE) {
        handshake_refuse(l, code);
        return;
    }
    l->to = peer_get(ils, l->theirs.key);
    if (l->to == NULL) {
        handshake_refuse(l, CODE_FULL);
        return;
    }
    adopt_network(l);
    if (l->dialler) {
        struct trace *t = say_link(l, EVENT_CLIENT_SUCCEEDED);
        t->number[0] = l->n;
        memset(t->peer_id, 0, sizeof t->peer_id); /* the original's line does not know it yet */
        handshake_joined(l);
    } else {
        send_proof(l);
        link_change_state(l, LINK_PROVED);
    }
}

void handshake_joined(struct link *l)
{
    say_link(l, l->dialler ? EVENT_CLIENT_ESTABLISHED : EVENT_SERVER_ESTABLISHED);
    say_verdict(l, CODE_JOINED, false, 0);
    link_up(l);
}

/* The code of a goodbye, which ends a link: one that is unknown or speaks of success is none. */
enum code handshake_code(uint32_t number)
{
    if (number == CODE_JOINED)
        return CODE_PROTOCOL;
    switch (number) {
#define CODE(value, name, cause, remedy, at)                                                       \
    case value: return CODE_##name;
#include "core/code.def"
#undef CODE
    default: return CODE_PROTOCOL;
    }
}

static void take_goodbye(struct link *l, struct slice body)
{
    struct msg_goodbye m;
    if (msg_goodbye_get(&l->ils->step, body, &m) != 0)
        handshake_failed(l, CODE_PROTOCOL, false, 0);
    else
        handshake_failed(l, handshake_code(m.code), l->to == NULL, m.retry_after);
}

void handshake_frame(struct link *l, uint8_t type, struct slice body)
{
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
    } else if (l->state == LINK_PROVED && l->to->disconnected_here) {
        handshake_refuse(l, CODE_DISCONNECTED); /* meanwhile, by an operator */
    } else if (l->state == LINK_PROVED) {
        handshake_joined(l); /* the dialler said yes: its first frame is the exchange's */
        if (l->state == LINK_UP)
            exchange_frame(l, type, body);
    } else {
        gate_failed(l->ils, l, PENALTY_PROTO_US);
        handshake_refuse(l, CODE_PROTOCOL);
    }
}
