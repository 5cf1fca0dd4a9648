/* cert: the verdict on certificates (PROTOCOL 8): what is wrong with the certificate itself,
 * then whether it was imported, then whether its authority stands for it together with the password
 * or with a key that was met before. The driver has verified; here is only judged, and told. */
#include "core/core.h"

#define HOSTNAME_MISMATCH 62 /* X509_V_ERR_HOSTNAME_MISMATCH */

static void names_of(struct facts *f, const struct certificate *c)
{
    f->names.n = 0;
    for (size_t i = 0; i < c->name_n; i++) {
        struct slice name = c->name[i];
        if (name.n == 0 || name.n > CERTIFICATE_NAME_MAX ||
            f->names.n + 1 + name.n > sizeof f->names.p)
            continue;
        f->names.p[f->names.n] = (uint8_t)name.n;
        memcpy(f->names.p + f->names.n + 1, name.p, name.n);
        f->names.n = (uint16_t)(f->names.n + 1 + name.n);
    }
}

void facts_of(struct facts *f, const struct certificate *c)
{
    memset(f, 0, sizeof *f);
    if (!c->present)
        return;
    f->present = true;
    f->self_signed = c->self_signed;
    f->imported = c->imported;
    f->chained = c->chained;
    f->error = c->error;
    f->depth = c->depth;
    memcpy(f->fingerprint, c->fingerprint, sizeof f->fingerprint);
    text_set(f->subject, c->subject);
    names_of(f, c);
    f->not_before = c->not_before;
    f->not_after = c->not_after;
    f->ends = c->ends;
}

void words_of(struct words *w, struct slice error, const struct slice record[static 3],
              const uint32_t number[static 3])
{
    text_set(w->error, error);
    text_set(w->reason, record[0]);
    text_set(w->library, record[1]);
    text_set(w->function, record[2]);
    memcpy(w->number, number, sizeof w->number);
}

bool facts_name(const struct facts *f, struct slice name)
{
    struct certificate c = {.name_n = 0};
    for (size_t at = 0; at < f->names.n && c.name_n < CERTIFICATE_NAMES; at += 1u + f->names.p[at])
        c.name[c.name_n++] = slice_make(f->names.p + at + 1, f->names.p[at]);
    return certificate_names(&c, name);
}

enum code cert_error(const struct facts *f)
{
    if (!f->present)
        return CODE_NO_CERTIFICATE;
    switch (f->error) {
    case CERTIFICATE_OK: return CODE_NONE;
    case CERTIFICATE_SELF_SIGNED: return CODE_SELF_SIGNED;
    case CERTIFICATE_NO_ISSUER:
    case CERTIFICATE_SELF_SIGNED_IN_CHAIN:
    case CERTIFICATE_NO_ISSUER_LOCALLY:
    case CERTIFICATE_LEAF_UNVERIFIED: return CODE_NO_CHAIN;
    case CERTIFICATE_NOT_YET_VALID: return CODE_NOT_YET_VALID;
    case CERTIFICATE_EXPIRED: return CODE_EXPIRED;
    case CERTIFICATE_REVOKED: return CODE_REVOKED;
    case CERTIFICATE_ISSUER_NO_CA:
    case CERTIFICATE_ISSUER_NO_SIGN:
    case CERTIFICATE_ISSUER_NO_CA_2: return CODE_ISSUER_NO_CA;
    case CERTIFICATE_PATH_LENGTH: return CODE_PATH_TOO_LONG;
    case CERTIFICATE_PURPOSE: return CODE_PURPOSE;
    case CERTIFICATE_WEAK_KEY:
    case CERTIFICATE_WEAK_CA_KEY:
    case CERTIFICATE_WEAK_HASH: return CODE_WEAK_KEY;
    default: return CODE_CHAIN_INVALID;
    }
}

static bool is_address(struct slice host)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] == ':')
            return true;
    for (size_t i = 0; i < host.n; i++)
        if ((host.p[i] < '0' || host.p[i] > '9') && host.p[i] != '.')
            return false;
    return true;
}

/* Is a cluster of one of these names known? Whether it was met, and with which key, is asked when
 * it has proved itself. */
static enum code known_by_name(const struct ils *ils, const struct facts *f)
{
    enum code code = CODE_NOT_IMPORTED;
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (p->fqdn.n == 0 || !facts_name(f, text_slice(p->fqdn)))
            continue;
        if (p->met)
            return CODE_NONE;
        code = CODE_NOT_MET;
    }
    return code;
}

enum code cert_judge(const struct ils *ils, const struct facts *f, uint8_t method,
                     struct slice host, enum cert_rule *ret_rule)
{
    enum code code = cert_error(f);
    *ret_rule = RULE_NONE;
    if (code != CODE_NONE)
        return code;
    if (f->imported) {
        *ret_rule = RULE_IMPORTED;
        return CODE_NONE;
    }
    if (!f->chained)
        return CODE_NO_CHAIN;
    enum cert_rule rule = method == METHOD_TLS_PASSWORD ? RULE_ROOT : RULE_NONE;
    if (rule == RULE_NONE)
        code = known_by_name(ils, f);
    if (code == CODE_NONE && host.n != 0 && !is_address(host) && !facts_name(f, host))
        code = CODE_NAME;
    if (code == CODE_NONE)
        *ret_rule = rule;
    return code;
}

enum code cert_met(const struct ils *ils, const struct facts *f, const struct peer *p)
{
    (void)ils;
    return p != NULL && p->met && p->fqdn.n != 0 && facts_name(f, text_slice(p->fqdn))
               ? CODE_NONE : CODE_NOT_MET;
}

enum code cert_of_peer(const struct ils *ils, const struct facts *f, const struct peer *p,
                       uint8_t method, struct slice host, enum cert_rule *ret_rule)
{
    enum code code = cert_judge(ils, f, method, host, ret_rule);
    if (code == CODE_NONE && *ret_rule == RULE_NONE) {
        code = cert_met(ils, f, p);
        *ret_rule = code == CODE_NONE ? RULE_MET : RULE_NONE;
    }
    return code;
}

/* --- telling */

void cert_say_words(struct link *l)
{
    struct arena *a = &l->ils->step;
    const struct words *w = &l->words;
    if (w->reason.n == 0) /* what the core finds itself is not in OpenSSL's record */
        return;
    struct trace *t = say_link(l, EVENT_TLS_ERROR);
    t->text[0] = arena_copy(a, text_slice(w->reason));
    t->text[1] = arena_copy(a, text_slice(w->library));
    t->text[2] = arena_copy(a, text_slice(w->function));
    for (size_t i = 0; i < 3; i++)
        t->number[i] = w->number[i];
}

static void say_error(struct link *l, enum code code)
{
    struct trace *t = say_link(l, EVENT_VERIFY_ERROR);
    t->number[0] = code == CODE_NAME ? HOSTNAME_MISMATCH : l->cert.error;
    t->text[0] = code == CODE_NAME ? slice_of("hostname mismatch")
                 : l->cert.present ? arena_copy(&l->ils->step, text_slice(l->words.error))
                                   : slice_of("no certificate was presented");
    say_link(l, EVENT_VERIFY_FAILED);
    cert_say_words(l);
}

static struct slice subject(const struct link *l)
{
    return l->cert.subject.n != 0 ? text_slice(l->cert.subject) : slice_of(l->peer.ip);
}

/* The alarm is about the address where the dialler could not even verify, else about the name. */
static void say_alarm(struct link *l, bool verified)
{
    struct ils *ils = l->ils;
    bool by_address = l->dialler && !verified;
    struct slice who = by_address ? slice_of(l->peer.ip) : subject(l);
    size_t n = alarm_raise(ils, ILSTLSAuthenticationFailed, who);
    struct trace *t = say_link(l, by_address ? EVENT_TLS_ALARM : EVENT_CERT_ALARM);
    t->number[0] = n;
    if (!by_address)
        t->text[0] = arena_copy(&ils->step, who);
}

/* A verdict that came from this end: by which rule the certificate passed, or why it did not. */
void cert_say(struct link *l, enum code code)
{
    if (l->cert_said)
        return;
    l->cert_said = true;
    if (code == CODE_NONE) {
        if (l->rule == RULE_IMPORTED)
            say_link(l, EVENT_CERT_IN_STORE);
        else if (l->rule == RULE_ROOT || l->rule == RULE_MET) {
            say_link(l, EVENT_CERT_NOT_LOCAL);
            say_link(l, l->rule == RULE_ROOT ? EVENT_CERT_ROOT : EVENT_CERT_MET);
        }
        return;
    }
    bool verified = code == CODE_NOT_IMPORTED || code == CODE_NOT_MET;
    if (verified) {
        say_link(l, EVENT_CERT_NOT_LOCAL);
        struct trace *t = say_link(l, EVENT_CERT_UNKNOWN);
        t->text[0] = arena_copy(&l->ils->step, subject(l));
    } else {
        say_error(l, code);
    }
    say_alarm(l, verified);
}
