/* ready: could two ends that know each other link by TLS? Each announces its certificates in stream
 * 0; each verifies what the other announced and tells it what the verdict would be. That is what
 * `ils auth ready` shows, and what a renewal waits for. A certificate announced as the next one by
 * a cluster whose present one was imported is imported as well (PROTOCOL 13). */
#include "core/trust.h"

void own_peer_init(struct ils *ils, struct peer *p)
{
    for (size_t i = 0; i < 2; i++)
        buf_init(&p->announced[i].der, ils->mem, CERTIFICATE_MAX);
}

void own_peer_free(struct peer *p)
{
    for (size_t i = 0; i < 2; i++)
        buf_done(&p->announced[i].der);
}

/* From its stream 0; empty: it announces none. */
void own_announced(struct peer *p, size_t which, struct slice ders)
{
    struct announced *a = &p->announced[which];
    if (slice_eq(buf_slice(&a->der), ders))
        return;
    struct buf kept = a->der;
    buf_reset(&kept);
    memset(a, 0, sizeof *a);
    a->der = kept;
    buf_put_slice(&a->der, ders);
    if (a->der.failed) { /* too long to be one */
        a->der.failed = false;
        buf_reset(&a->der);
    }
    p->next_announced = p->announced[1].der.n != 0;
}

void ready_again(struct ils *ils)
{
    ils->ask_next = ils->now;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        p->announced[0].judged = p->announced[1].judged = false;
        p->announced[0].question = p->announced[1].question = 0;
    }
}

/* Time has changed what was found. */
static bool outlived(const struct ils *ils, const struct announced *a)
{
    const struct facts *f = &a->facts;
    if (!a->judged || !f->present || ils->date - a->judged_at < TICK_S)
        return false;
    if (f->error == CERTIFICATE_NOT_YET_VALID && f->depth == 0)
        return ils->date >= f->not_before;
    return f->error == CERTIFICATE_OK && ils->date >= f->ends;
}

static bool is_asked_for(const struct ils *ils, const struct announced *a)
{
    return a->der.n != 0 && a->question == 0 && (!a->judged || outlived(ils, a));
}

void ready_read(struct ils *ils, const struct peer *p)
{
    if (is_asked_for(ils, &p->announced[0]) || is_asked_for(ils, &p->announced[1]))
        ils->ask_next = ils->now;
}

void ready_ask(struct ils *ils)
{
    if (ils->now < ils->ask_next)
        return;
    ils->ask_next = ils->now + TICK_S;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        for (size_t i = 0; i < 2; i++) {
            struct announced *a = &p->announced[i];
            if (!is_asked_for(ils, a))
                continue;
            a->question = ++ils->next_question;
            struct ils_action *ask = ils_action(ils, ILS_DO_VERIFY);
            ask->question = a->question;
            ask->data = arena_copy(&ils->step, buf_slice(&a->der));
        }
    }
}

/* Its present certificate was imported and is the one that it proved itself with. */
static bool may_import(const struct peer *p)
{
    const struct announced *now = &p->announced[0], *next = &p->announced[1];
    enum code code = cert_error(&next->facts);
    return next->judged && now->judged && now->facts.imported && p->has_shown &&
           memcmp(now->fingerprint, p->shown, FINGERPRINT_SIZE) == 0 &&
           (code == CODE_NONE || code == CODE_SELF_SIGNED || code == CODE_NO_CHAIN);
}

static void say_announced(struct ils *ils, const struct peer *p)
{
    const struct announced *next = &p->announced[1];
    alarm_raise(ils, ILSCertificateAnnounced, text_slice(next->facts.subject));
    struct trace *t = say(ils, EVENT_CERT_ANNOUNCED);
    memcpy(t->peer_id, p->id, sizeof t->peer_id);
    t->text[0] = arena_copy(&ils->step, text_slice(p->cluster_id));
    char hex[2 * FINGERPRINT_SIZE + 1];
    hex_text(hex, next->fingerprint, FINGERPRINT_SIZE);
    t->text[1] = arena_copy(&ils->step, slice_of(hex));
}

#define ANNOUNCED_BY "announced by "

/* Of those that came by its word the oldest that it does not use, when there are enough of them. */
static const struct trust_entry *too_many(const struct ils *ils, const struct peer *p)
{
    const struct trust_entry *oldest = NULL;
    size_t n = 0;
    list_each(node, &ils->trust) {
        const struct trust_entry *e = list_entry(node, struct trust_entry, node);
        if (!trust_came_by(e, ANNOUNCED_BY, p))
            continue;
        n++;
        if (memcmp(e->fingerprint, p->shown, FINGERPRINT_SIZE) != 0 &&
            (oldest == NULL || e->added < oldest->added))
            oldest = e;
    }
    return n >= ANNOUNCED_KEPT ? oldest : NULL;
}

/* What it announces as the next one is imported too, as that of a cluster, whatever else it says of
 * itself: once, and again only where the disk refused. One with a key that is trusted already needs
 * no import. */
static void import_next(struct ils *ils, struct peer *p)
{
    struct announced *next = &p->announced[1];
    if (!may_import(p) || next->taken || ils->now < next->import_at || ils->now < p->import_next)
        return;
    if (next->facts.imported) {
        next->taken = true;
        return;
    }
    bool first = next->import_at == 0;
    next->import_at = ils->now + STORE_RETRY_US;
    p->import_next = ils->now + ANNOUNCED_WAIT_US;
    struct rows rows;
    struct buf source;
    struct trust_change *change = NULL;
    rows_init(&rows, ils);
    trust_source(&source, ils, ANNOUNCED_BY, p);
    struct slice leaf = slice_make(next->der.p, certificate_der_size(buf_slice(&next->der)));
    bool added = trust_add(&rows, leaf, &next->facts, buf_slice(&source), &change);
    buf_done(&source);
    if (!added || change == NULL)
        return;
    const struct trust_entry *gone = too_many(ils, p);
    if (gone != NULL)
        trust_replace(&rows, change, gone);
    struct batch *b = journal_store(&rows, BATCH_TRUST);
    if (b == NULL) {
        trust_change_free(ils, change);
        return;
    }
    b->trust = change;
    if (first)
        say_announced(ils, p);
}

void ready_import(struct ils *ils)
{
    bool any = false;
    if (!ils->next_announced)
        return;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        any |= p->next_announced;
        if (p->next_announced)
            import_next(ils, p);
    }
    ils->next_announced = any;
}

void own_verified(struct ils *ils, const struct ils_event *event)
{
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        for (size_t i = 0; i < 2; i++) {
            struct announced *a = &p->announced[i];
            if (a->question == 0 || a->question != event->question)
                continue;
            a->question = 0;
            a->judged = true;
            a->judged_at = ils->date;
            facts_of(&a->facts, event->certificate);
            memcpy(a->fingerprint, a->facts.fingerprint, sizeof a->fingerprint);
            ils->ready_moved = true;
            ils->expiring_next = ils->now;
            if (i == 0 && dial_is_hub(ils, p))
                dial_now(ils); /* what was refused here by another method may pass now */
            return;
        }
    }
}

/* --- telling */

/* CODE_JOINED, or why a link by `method` with that certificate would be refused here. */
uint32_t ready_code(const struct ils *ils, const struct announced *a, const struct peer *p,
                    uint8_t method, enum cert_rule *ret_rule)
{
    struct slice host = dial_is_hub(ils, p) ? text_slice(ils->dial.host) : slice_make(NULL, 0);
    enum code code = cert_of_peer(ils, &a->facts, p, method, host, ret_rule);
    if (code == CODE_NONE && method == METHOD_TLS_PASSWORD && password_preferred(ils) == NULL)
        code = CODE_PASSWORD_MISSING;
    return code == CODE_NONE ? CODE_JOINED : (uint32_t)code;
}

/* Alternates and the spokes that visit them tell each other nothing but yes: READY is for links. */
bool ready_met(const struct ils *ils, const struct peer *p, uint8_t method)
{
    const struct announced *a = &p->announced[0];
    return p->met && p->met_method == method && p->has_shown && a->judged &&
           memcmp(p->shown, a->fingerprint, FINGERPRINT_SIZE) == 0 &&
           p->met_last >= ils->cert[0].not_before;
}

static void ready_of(const struct ils *ils, const struct peer *p, struct msg_ready *m)
{
    enum cert_rule rule;
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < 2; i++) {
        const struct announced *a = &p->announced[i];
        if (!a->judged || !a->facts.present)
            continue;
        memcpy(m->certificate[m->n].fingerprint, a->fingerprint, FINGERPRINT_SIZE);
        m->certificate[m->n].tls =
            (uint32_t)goodbye_code((enum code)ready_code(ils, a, p, METHOD_TLS, &rule));
        m->certificate[m->n++].tls_password =
            (uint32_t)goodbye_code((enum code)ready_code(ils, a, p, METHOD_TLS_PASSWORD, &rule));
    }
    for (uint8_t method = METHOD_PASSWORD; method <= METHOD_TLS_PASSWORD; method++)
        m->accept |= (uint32_t)method_accepted(ils, method) << method;
}

/* On each link, once for each change. */
void ready_tell(struct ils *ils)
{
    struct msg_ready m;
    uint8_t told[HASH_SIZE];
    if (!ils->ready_moved)
        return;
    ils->ready_moved = false;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->link == NULL || p->link->state != LINK_UP)
            continue;
        ready_of(ils, p, &m);
        crypto_hash1(told, "ready", slice_make(&m, sizeof m));
        if (p->has_told && memcmp(told, p->told_ready, sizeof told) == 0)
            continue;
        p->has_told = true;
        memcpy(p->told_ready, told, sizeof told);
        msg_ready_put(&p->link->out, &m);
    }
}

static bool same_ready(const struct msg_ready *a, const struct msg_ready *b)
{
    return a->n == b->n && a->accept == b->accept &&
           memcmp(a->certificate, b->certificate, a->n * sizeof a->certificate[0]) == 0;
}

void own_ready_frame(struct link *l, struct slice body)
{
    struct msg_ready m;
    if (msg_ready_get(&l->ils->step, body, &m) != 0) {
        gate_failed(l->ils, l, PENALTY_PROTO_US);
        link_end(l, CODE_PROTOCOL, true);
        return;
    }
    bool news = !l->to->has_ready || !same_ready(&l->to->ready, &m);
    l->to->ready = m;
    l->to->has_ready = true;
    if (news && dial_is_hub(l->ils, l->to))
        dial_now(l->ils); /* what it refused by another method may pass now */
}
