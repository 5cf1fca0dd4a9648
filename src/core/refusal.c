/* refusal: how an attempt ends that does not join, whoever said no. One place for the trace lines,
 * the alarm, the penalty, the verdict and the goodbye. */
#include "core/core.h"

/* The other end was faster: whom this end tried to reach is linked by now. */
static bool linked_meanwhile(const struct link *l)
{
    const struct dial *d = &l->ils->dial;
    const uint8_t *key = l->expected ? l->expected_key
                         : d->link == l && d->hub_known && !d->moving ? d->hub_key : NULL;
    const struct peer *p = key != NULL ? peer_find(l->ils, key) : NULL;
    return p != NULL && p->link != NULL;
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
    case CODE_NO_TLS:
    case CODE_OTHER_CLUSTER:
    case CODE_ITSELF:
        if (l->dialler && !l->lone && !l->elsewhere && !l->visit && !linked_meanwhile(l))
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
    case CODE_PASSWORD_MISSING: /* demanded by this end, which dialled */
        if (l->dialler && l->refused_here)
            alarm_raise(ils, ILSPwdAuthenticationFailed, ip);
        break;
    case CODE_DUPLICATE_ID:
    case CODE_CLONE:
    case CODE_DEFAULT_ID: identity_refused(l, code); break;
    default: break;
    }
}

static bool certificate_failure(enum code code)
{
    return code >= 300 && code < 400;
}

static bool password_failure(enum code code)
{
    return code == CODE_PASSWORD_DIFFERS || code == CODE_PASSWORD_MISSING ||
           code == CODE_GENERATION_UNKNOWN || code == CODE_POINT_INVALID;
}

/* Who has no password of that generation, or none at all, has guessed nothing: he is not kept out
 * when he has it. */
static bool guessed(enum code code)
{
    return certificate_failure(code) ||
           (password_failure(code) && code != CODE_PASSWORD_MISSING &&
            code != CODE_GENERATION_UNKNOWN);
}

/* What the end that said no has to tell of it. */
static void say_reason(struct link *l, enum code code)
{
    if (certificate_failure(code)) {
        cert_say(l, code);
        trust_refused(l, code);
    } else if (password_failure(code) && !l->dialler) {
        say_link(l, EVENT_DECRYPT_FAILED);
        size_t n = alarm_raise(l->ils, ILSPwdAuthenticationFailed, slice_of(l->peer.ip));
        say_link(l, EVENT_PASSWORD_ALARM)->number[0] = n;
    }
    if (!l->dialler && guessed(code))
        gate_failed(l->ils, l, PENALTY_AUTH_US);
}

/* A wrong secret counts against the invite; a dialler whose invite is refused stops trying it. */
static void invite_over(struct link *l, enum code code)
{
    struct dial *d = &l->ils->dial;
    if (!l->dialler && l->refused_here && l->state == LINK_CONFIRM)
        invite_failed(l->ils, l->invite.id);
    if (!l->dialler || code < CODE_INVITE_UNKNOWN || code > CODE_INVITE_FOREIGN)
        return;
    crypto_wipe(&d->invite, sizeof d->invite);
    dial_back(l->ils);
}

/* The attempt is over: trace, alarm, verdict, close. The goodbye, if any, is in l->out already. */
void handshake_failed(struct link *l, enum code code, bool told, uint32_t retry_after)
{
    if (l->refused_here)
        say_reason(l, code);
    if (l->dialler)
        say_link(l, EVENT_CONNECT_FAILED)->number[0] = (uint64_t)code;
    else if (!l->refused_here || !password_failure(code)) {
        link_announce(l);
        say_link(l, EVENT_CLOSE_REQ);
    }
    refusal_alarm(l, code);
    if (l->method == METHOD_INVITE)
        invite_over(l, code);
    if (l->identified || (l->dialler && !l->elsewhere))
        say_verdict(l, code, told, retry_after);
    link_end(l, code, false);
}

/* A cause that speaks of what others said or did is not for the other end. */
enum code goodbye_code(enum code code)
{
    return code == CODE_NOT_MET ? CODE_NOT_IMPORTED : code;
}

/* This end says no, and says why, where there is somebody to hear it. */
void handshake_refuse(struct link *l, enum code code)
{
    struct msg_goodbye goodbye = {.code = (uint32_t)goodbye_code(code)};
    if (l->state == LINK_OPENING || l->state == LINK_SECURING) {
        handshake_failed(l, code, false, 0);
        return;
    }
    if (code == CODE_PENALTY)
        goodbye.retry_after =
            (uint32_t)((gate_until(l->ils, l) - l->ils->now + TICK_S - 1) / TICK_S);
    if (code == CODE_CLONE)
        identity_copy(l, &goodbye);
    if (code == CODE_GENERATION_UNKNOWN)
        goodbye.generation = password_newest(l->ils);
    msg_goodbye_put(&l->out, &goodbye);
    l->refused_here = true;
    handshake_failed(l, code, false, goodbye.retry_after);
}

/* The code of a goodbye, which ends a link: one that is unknown or speaks of success is none. */
enum code handshake_code(uint32_t number)
{
    return number == CODE_JOINED ? CODE_PROTOCOL : handshake_said(number);
}

enum code handshake_said(uint32_t number)
{
    switch (number) {
#define CODE(value, name, cause, remedy, at)                                                       \
    case value: return CODE_##name;
#include "core/code.def"
#undef CODE
    default: return CODE_PROTOCOL;
    }
}

/* TLS could not be spoken, or the other end broke it off. */
void handshake_tls_failed(struct link *l, const struct tls_error *e, bool alert)
{
    words_of(&l->words, slice_make(NULL, 0), e->text, e->number);
    cert_say_words(l);
    if (!alert)
        gate_failed(l->ils, l, PENALTY_PROTO_US);
    handshake_failed(l, alert ? CODE_HUNG_UP : CODE_NO_TLS, false, 0);
}
