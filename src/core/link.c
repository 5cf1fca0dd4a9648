/* link: the life of one link, from the connection to its end. handshake.c is its first half,
 * exchange.c its second.
 *
 *             dialler                                acceptor
 *   OPENING --CONNECTED--> HELLO            (ACCEPTED) HELLO --penalty--> HELD --over--> HELLO
 *   HELLO   --hello S----> SHARE (Ya)       HELLO   --hello C--> SHARE (hello S)
 *   SHARE   --Yb---------> CONFIRM (Ta)     SHARE   --Ya-------> CONFIRM (Yb)
 *   CONFIRM --Tb---------> PROOF (proof C)  CONFIRM --Ta-------> PROOF (Tb)
 *   PROOF   --proof S----> UP (marks)       PROOF   --proof C--> PROVED (proof S)
 *                                           PROVED  --any frame> UP
 *   any state --goodbye, silence, cut, refusal--> CLOSED, freed at the next step.
 *
 * With TLS, SECURING --SECURED--> HELLO comes first, at both ends. TLS without password goes from
 * HELLO to PROOF at once; an invite waits in SPENDING for the disk before S proves itself.
 *
 * A link without a valid proof teaches nothing and touches no other link. */
#include "core/core.h"

#define CHUNK    65536u /* of an event's bytes, consumed at a time */
#define OUT_MAX  (64u * 1024 * 1024)
#define WIRE_MAX (OUT_MAX + OUT_MAX / 64)

struct link *link_new(struct ils *ils, bool dialler, uint32_t id)
{
    struct link *l = mem_alloc(ils->mem, sizeof *l);
    if (l == NULL)
        return NULL;
    l->ils = ils;
    l->id = id;
    l->n = ils->next_n++;
    l->dialler = dialler;
    l->since = l->last_in = l->last_out = ils->now;
    l->deadline = ils->now + HANDSHAKE_US;
    ils_entropy(ils, l->hello_random, sizeof l->hello_random);
    if (dialler) /* an attempt has its id before the other end is reached */
        memcpy(l->verdict_id, l->hello_random, sizeof l->verdict_id);
    buf_init(&l->cert_der, ils->mem, CERTIFICATE_MAX);
    buf_init(&l->spki_mine, ils->mem, CERTIFICATE_MAX);
    buf_init(&l->spki_theirs, ils->mem, CERTIFICATE_MAX);
    buf_init(&l->in, ils->mem, IN_MAX);
    buf_init(&l->plain, ils->mem, IN_MAX);
    buf_init(&l->out, ils->mem, OUT_MAX);
    buf_init(&l->wire, ils->mem, WIRE_MAX);
    buf_init(&l->questions, ils->mem, QUESTIONS_MAX);
    list_add(&ils->links, &l->node);
    list_add(&ils->busy, &l->busy);
    list_init(&l->stranger);
    list_init(&l->in_crowd);
    l->next_by_id = ils->by_id[id % LINK_BUCKETS];
    ils->by_id[id % LINK_BUCKETS] = l;
    return l;
}

void link_wake(struct link *l)
{
    if (list_empty(&l->busy))
        list_add(&l->ils->busy, &l->busy);
}

void link_free(struct link *l)
{
    struct mem *mem = l->ils->mem;
    struct link **at = &l->ils->by_id[l->id % LINK_BUCKETS];
    while (*at != l)
        at = &(*at)->next_by_id;
    *at = l->next_by_id;
    list_remove(&l->node);
    list_remove(&l->busy);
    list_remove(&l->stranger);
    gate_leave(l);
    peer_unmet(l->ils, l->to);
    buf_done(&l->cert_der);
    buf_done(&l->spki_mine);
    buf_done(&l->spki_theirs);
    buf_done(&l->in);
    buf_done(&l->plain);
    buf_done(&l->out);
    buf_done(&l->wire);
    buf_done(&l->questions);
    mem_free(mem, l->mark, l->mark_n * sizeof *l->mark);
    crypto_wipe(l, sizeof *l);
    mem_free(mem, l, sizeof *l);
}

void link_change_state(struct link *l, enum link_state state)
{
    assert(l->state != LINK_CLOSED);
    l->state = state;
    if (state != LINK_SECURING && state != LINK_HELLO)
        list_remove(&l->stranger);
    if (state >= LINK_UP)
        gate_leave(l);
}

/* The link that an event is about: it is awake in this step. */
static struct link *link_find(struct ils *ils, uint32_t id)
{
    struct link *l = ils->by_id[id % LINK_BUCKETS];
    while (l != NULL && (l->id != id || l->state == LINK_CLOSED))
        l = l->next_by_id;
    if (l != NULL)
        link_wake(l);
    return l;
}

void link_accepted(struct ils *ils, const struct ils_event *event)
{
    ils_mix(ils, event->entropy);
    struct link *l = ils->ready && ils->role != ROLE_STANDALONE
                         ? link_new(ils, false, event->link) : NULL;
    if (l == NULL) {
        ils_action(ils, ILS_DO_CLOSE)->link = event->link;
        return;
    }
    l->state = event->tls ? LINK_SECURING : LINK_HELLO;
    l->tls = event->tls;
    l->peer = event->peer;
    l->local = event->local;
    list_add(&ils->strangers, &l->stranger);
    if (!l->tls && ils->gate.open < ils->gate.open_max / 2)
        link_announce(l); /* in a flood, who says nothing is not worth a line */
    gate_enter(l);
}

/* The original tells of a TLS connection when it has judged the certificate. */
void link_announce(struct link *l)
{
    if (l->dialler || l->announced)
        return;
    l->announced = true;
    say_link(l, EVENT_NEW_CONNECTION);
    say_link(l, EVENT_CONNECT_IND);
}

void link_connected(struct ils *ils, const struct ils_event *event)
{
    ils_mix(ils, event->entropy);
    struct link *l = link_find(ils, event->link);
    if (l == NULL || l->state != LINK_OPENING)
        return;
    l->peer = event->peer;
    l->local = event->local;
    l->deadline = ils->now + (l->brisk ? BRISK_US : HANDSHAKE_US);
    l->last_in = ils->now;
    say_link(l, EVENT_CONNECT_RES)->number[0] = 1024u + l->n;
    link_change_state(l, l->tls ? LINK_SECURING : LINK_HELLO);
    if (!l->tls)
        handshake_hello_send(l);
}

void link_secured(struct ils *ils, const struct ils_event *event)
{
    struct link *l = link_find(ils, event->link);
    if (l == NULL || l->state != LINK_SECURING)
        return;
    l->last_in = ils->now;
    handshake_secured(l, event->secured);
}

/* A link ends because its certificate is not good any more. */
static void link_disgraced(struct link *l, enum code code)
{
    l->cert_said = false;
    if (l->state != LINK_UP) {
        handshake_refuse(l, code);
        return;
    }
    cert_say(l, code);
    trust_refused(l, code);
    say_verdict_live(l, code, true);
    link_end(l, code, true);
}

/* Whether the certificate has passed already; what has not will be judged by the trust of then. */
static bool link_was_judged(const struct link *l)
{
    return l->method != METHOD_INVITE && l->state != LINK_CLOSED &&
           l->state >= (l->dialler ? LINK_HELLO : LINK_SHARE);
}

/* Trust has changed: the verdict runs again. By what stands in the store now, or by the key. */
void link_certificate(struct ils *ils, const struct ils_event *event)
{
    struct link *l = link_find(ils, event->link);
    if (l == NULL || !l->identified || !l->cert.present)
        return;
    facts_of(&l->cert, event->certificate);
    words_of(&l->words, event->certificate->error_text, event->certificate->record,
             event->certificate->record_n);
    if (!link_was_judged(l))
        return;
    enum cert_rule rule;
    struct slice host = text_slice(l->host);
    enum code code = l->to == NULL ? cert_judge(ils, &l->cert, l->method, host, &rule)
                                   : cert_of_peer(ils, &l->cert, l->to, l->method, host, &rule);
    if (code != CODE_NONE) {
        link_disgraced(l, code);
        return;
    }
    l->rule = rule;
    if (l->state != LINK_UP)
        return;
    l->to->met_rule = (uint8_t)rule;
    l->to->shown_ends = l->cert.ends;
    peer_dirty(l->ils, l->to);
}

static void link_frame(struct link *l, uint8_t type, struct slice body)
{
    switch (l->state) {
    case LINK_HELLO:
    case LINK_SHARE:
    case LINK_CONFIRM:
    case LINK_PROOF:
    case LINK_SPENDING:
    case LINK_PROVED: handshake_frame(l, type, body); break;
    case LINK_UP: exchange_frame(l, type, body); break;
    case LINK_OPENING:
    case LINK_SECURING:
    case LINK_HELD:
    case LINK_CLOSED: break;
    }
}

static void link_broken(struct link *l)
{
    gate_failed(l->ils, l, PENALTY_PROTO_US);
    if (l->state == LINK_UP)
        link_end(l, CODE_PROTOCOL, true);
    else
        handshake_refuse(l, CODE_PROTOCOL);
}

static bool link_listens(const struct link *l)
{
    return l->state != LINK_CLOSED && l->state != LINK_HELD;
}

/* Frames in clear, until the first one that seals the link; all frames of a TLS link. */
static void consume_clear(struct link *l, struct slice *in)
{
    uint8_t type;
    struct slice body;
    while (!l->sealed && link_listens(l)) {
        size_t max = l->state >= LINK_PROVED ? FRAME_SEALED_MAX : FRAME_CLEAR_MAX;
        int r = frame_take(in, max, &type, &body);
        if (r == 1)
            return;
        if (r < 0) {
            link_broken(l);
            return;
        }
        link_frame(l, type, body);
    }
}

static void consume_plain(struct link *l)
{
    struct slice left = buf_slice(&l->plain);
    uint8_t type;
    struct slice body;
    int r = 0;
    while (link_listens(l) && (r = frame_take(&left, FRAME_SEALED_MAX, &type, &body)) == 0)
        link_frame(l, type, body);
    if (r < 0 && link_listens(l))
        link_broken(l);
    if (l->state != LINK_CLOSED)
        buf_drop(&l->plain, l->plain.n - left.n);
}

static void consume_sealed(struct link *l, struct slice *in)
{
    while (l->sealed && link_listens(l)) {
        int r = sealed_take(&l->rx, in, &l->plain);
        if (r == 1)
            break;
        if (r < 0) {
            link_broken(l);
            return;
        }
        if (l->plain.n >= SEALED_PLAIN_MAX * 4)
            consume_plain(l);
    }
    if (link_listens(l) && l->plain.n != 0)
        consume_plain(l);
}

static void link_consume(struct link *l)
{
    struct slice in = buf_slice(&l->in);
    consume_clear(l, &in);
    consume_sealed(l, &in);
    if (l->state != LINK_CLOSED)
        buf_drop(&l->in, l->in.n - in.n);
}

void link_data(struct ils *ils, const struct ils_event *event)
{
    struct link *l = link_find(ils, event->link);
    if (l == NULL || l->state == LINK_OPENING || l->state == LINK_SECURING)
        return;
    l->last_in = ils->now;
    if (l->to != NULL && l->state == LINK_UP)
        l->to->last_contact = ils->wall;
    if (l->state < LINK_PROOF && l->in.n + event->data.n > 4096) {
        link_broken(l); /* more than any honest handshake has under way */
        return;
    }
    for (struct slice left = event->data; left.n != 0 && l->state != LINK_CLOSED;) {
        size_t n = left.n < CHUNK ? left.n : CHUNK;
        buf_put(&l->in, left.p, n);
        left = slice_make(left.p + n, left.n - n);
        if (l->in.failed)
            link_broken(l);
        else
            link_consume(l);
    }
    if (l->state == LINK_UP && (l->in.n != 0 || l->plain.n != 0))
        l->last_part = ils->now;
}

static enum code code_of_down(const struct link *l, enum down_reason reason)
{
    switch (reason) {
    case DOWN_REFUSED: return CODE_REFUSED;
    case DOWN_TIMEOUT:
    case DOWN_UNREACHABLE: return CODE_NO_ANSWER;
    case DOWN_UNRESOLVED: return CODE_UNRESOLVED;
    case DOWN_CLOSED:
    case DOWN_TLS:
    case DOWN_ALERT:
    case DOWN_RESET: break;
    }
    return l->state == LINK_UP ? CODE_LOST : CODE_HUNG_UP;
}

void link_down(struct ils *ils, const struct ils_event *event)
{
    struct link *l = link_find(ils, event->link);
    if (l == NULL)
        return;
    enum code code = code_of_down(l, event->reason);
    if (l->state == LINK_UP)
        link_end(l, code, false);
    else if (event->reason == DOWN_TLS || event->reason == DOWN_ALERT)
        handshake_tls_failed(l, &event->tls_error, event->reason == DOWN_ALERT);
    else
        handshake_failed(l, code, false, 0);
}

void link_room(struct ils *ils, const struct ils_event *event)
{
    struct link *l = link_find(ils, event->link);
    if (l == NULL)
        return;
    l->stalled = event->pending == 0 ? 0 : ils->now;
    l->pending = event->pending;
    if (!BUG(QUESTIONS_FORGOTTEN))
        exchange_answer(l);
}

void link_send(struct link *l, uint8_t type, struct slice body)
{
    if (l->state != LINK_CLOSED)
        frame_put(&l->out, type, body);
}

/* What was written in this step leaves as one SEND. */
void link_flush(struct link *l)
{
    if (l->state == LINK_CLOSED || (l->out.n == 0 && !l->out.failed))
        return;
    size_t before = l->wire.n;
    if (l->out.failed)
        l->wire.failed = true; /* a frame is missing: nothing that follows may leave */
    else if (l->sealed)
        sealed_put(&l->tx, &l->wire, buf_slice(&l->out));
    else
        buf_put_slice(&l->wire, buf_slice(&l->out));
    bool lost = l->wire.failed;
    buf_reset(&l->out);
    if (lost) {
        l->wire.n = before;
        link_end(l, CODE_FULL, false);
        return;
    }
    struct ils_action *a = ils_action(l->ils, ILS_DO_SEND);
    a->link = l->id;
    /* An earlier SEND of this step may point into the same buffer, which may have moved: every
     * action of the link is pointed anew. */
    a->data = slice_make(l->wire.p + before, l->wire.n - before);
    size_t end = l->wire.n;
    for (size_t i = l->ils->action_n; i-- > 0;) {
        struct ils_action *b = &l->ils->action[i];
        if (b->type == ILS_DO_SEND && b->link == l->id) {
            b->data.p = l->wire.p + (end - b->data.n);
            end -= b->data.n;
        }
    }
    if (l->stalled == 0)
        l->stalled = l->ils->now;
    l->pending += a->data.n;
    l->last_out = l->ils->now;
}

static bool address_is_loopback(struct slice ip)
{
    return (ip.n > 4 && memcmp(ip.p, "127.", 4) == 0) || slice_eq(ip, slice_of("::1"));
}

/* The address at which others may find this cluster, unless it was told one to say: its end of its
 * first link, while any link has it, and rather not that of a loopback. */
static void link_seen(struct ils *ils)
{
    struct slice seen = text_slice(ils->seen), best = slice_make(NULL, 0);
    bool stands = false;
    list_each(node, &ils->links) {
        const struct link *l = list_entry(node, struct link, node);
        struct slice ip = slice_of(l->local.ip);
        if (l->state != LINK_UP)
            continue;
        stands = stands || slice_eq(ip, seen);
        if (best.n == 0 || address_is_loopback(best))
            best = ip;
    }
    if (best.n == 0 || (stands && (address_is_loopback(best) || !address_is_loopback(seen))))
        return;
    text_set(ils->seen, best);
    self_changed(ils);
}

/* Ends the link: with a goodbye when `tell`. Its verdict, where it has one, was said before. */
void link_end(struct link *l, enum code code, bool tell)
{
    struct ils *ils = l->ils;
    if (l->state == LINK_CLOSED)
        return;
    link_wake(l);
    if (tell) {
        struct msg_goodbye goodbye = {.code = (uint32_t)goodbye_code(code)};
        msg_goodbye_put(&l->out, &goodbye);
    }
    link_flush(l);
    if (l->state == LINK_CLOSED)
        return;
    bool was_up = l->state == LINK_UP;
    if (was_up)
        say_link(l, EVENT_LINK_ENDED)->code = code;
    else if (l->command != 0)
        say_verdict(l, code, false, 0); /* whoever waits is told, whatever the reason */
    struct ils_action *a = ils_action(ils, ILS_DO_CLOSE);
    a->link = l->id;
    link_change_state(l, LINK_CLOSED);
    fetch_link_gone(l);
    if (was_up)
        link_seen(ils);
    if (l->to != NULL && l->to->link == l) {
        l->to->link = NULL;
        l->to->last_contact = ils->wall; /* not in its row: nothing to be stored */
    }
    mesh_over(l, code);
    if (l->dialler)
        dial_over(ils, l, code);
    else if (was_up && code != CODE_REPLACED)
        dial_tick(ils);
}

/* Of a pair's proved links the greatest (boot_A + boot_B, TLS, dialled by the higher peer id,
 * serial) stays. My own boot is the same in both. */
static bool link_beats(const struct link *a, const struct link *b)
{
    if (a->theirs.boot != b->theirs.boot)
        return a->theirs.boot > b->theirs.boot;
    if (a->tls != b->tls)
        return a->tls;
    bool higher_is_mine = memcmp(a->ils->peer_id, a->to->id, PEER_ID_SIZE) > 0;
    if (a->dialler != b->dialler)
        return a->dialler == higher_is_mine;
    uint64_t serial_a = a->dialler ? a->serial : a->theirs.serial;
    uint64_t serial_b = b->dialler ? b->serial : b->theirs.serial;
    return serial_a > serial_b;
}

/* It passed, if only for a visit: what was wrong before is over. An invite shows no password. */
static void alarms_over(struct link *l)
{
    struct ils *ils = l->ils;
    struct slice ip = slice_of(l->peer.ip);
    if (l->method == METHOD_INVITE)
        return;
    alarm_clear(ils, ILSPwdAuthenticationFailed, ip);
    alarm_clear(ils, ILSUnacceptableConnectionAttempt, ip);
    alarm_clear(ils, ILSRemoteHostUnresponsive, ip);
    alarm_clear(ils, ILSProtocolVersion, ip);
}

/* What is known of a peer because it proved itself here: from now on its key says who it is. */
void link_met(struct link *l)
{
    struct ils *ils = l->ils;
    struct peer *p = l->to;
    const struct announced *next = &p->announced[1];
    if (!p->met) {
        p->met = ils->rosters_moved = true;
        p->met_first = ils->wall;
        p->row_next = 0;
    }
    ils->rosters_moved = ils->rosters_moved || p->foreign;
    p->foreign = false;
    p->met_last = p->last_contact = ils->wall;
    p->met_method = l->method;
    p->met_rule = (uint8_t)l->rule;
    memcpy(p->met_ip, l->peer.ip, sizeof p->met_ip);
    if (l->tls) {
        p->has_shown = true;
        memcpy(p->shown, l->cert.fingerprint, sizeof p->shown);
        text_set(p->shown_name, text_slice(l->cert.subject));
        p->shown_ends = l->cert.ends;
        alarm_clear(ils, ILSTLSAuthenticationFailed, text_slice(l->cert.subject));
        if (next->der.n == 0 || memcmp(next->fingerprint, p->shown, FINGERPRINT_SIZE) == 0)
            alarm_clear(ils, ILSCertificateAnnounced, text_slice(l->cert.subject));
    }
    alarms_over(l);
    alarm_clear(ils, ILSTLSAuthenticationFailed, slice_of(l->peer.ip));
    alarm_clear(ils, ILSCertificateIntroduced, text_slice(p->cluster_id));
    if (p->disconnected_there && dial_is_hub(ils, p))
        dial_want(ils, true); /* the other end's operator connected again */
    ils->self_dirty = ils->self_dirty || p->disconnected_there;
    p->row_next = p->disconnected_there ? 0 : p->row_next;
    p->disconnected_there = false;
    peer_dirty(ils, p);
    ils->ready_moved = true;
}

/* Both ends have proved themselves and said yes. */
void link_up(struct link *l)
{
    struct ils *ils = l->ils;
    struct peer *p = l->to;
    link_change_state(l, LINK_UP);
    l->up = ils->now;
    link_met(l);
    p->has_told = false;
    p->no_network = l->proved_none && zeros(l->theirs.network, NETWORK_ID_SIZE);
    if (!l->dialler)
        gate_passed(ils, l);
    struct link *old = p->link;
    bool stays = old == NULL || (link_beats(l, old) && !BUG(FIRST_WINS));
    if (stays)
        p->link = l;
    if (l->dialler)
        dial_up(ils, l);
    if (!stays) {
        link_end(l, CODE_REPLACED, true);
        return;
    }
    if (old != NULL) {
        bool later = l->theirs.boot > old->theirs.boot && ils->now - old->last_in <= KEEPALIVE_US;
        l->displaced = later ? old->theirs.boot : old->displaced;
        link_end(old, CODE_REPLACED, true);
    }
    link_seen(ils);
    mesh_up(l);
    identity_up(l);
    self_changed(ils); /* a hub's roster */
    ils->rosters_moved = true;
    if (l->state == LINK_UP)
        exchange_open(l);
}

tick link_deadline(const struct link *l)
{
    switch (l->state) {
    case LINK_CLOSED: return l->ils->now; /* to be freed */
    case LINK_UP: {
        tick dead = l->last_in + DEAD_US, alive = l->last_out + KEEPALIVE_US;
        if (l->stalled != 0 && l->stalled + SEND_HOLD_US < dead)
            dead = l->stalled + SEND_HOLD_US;
        tick next = dead < alive ? dead : alive, ends = l->ils->now + (l->cert.ends - l->ils->date);
        return l->tls && l->cert.ends - l->ils->date < DEAD_US && ends < next ? ends : next;
    }
    case LINK_SECURING:
    case LINK_SPENDING:
    case LINK_OPENING:
    case LINK_HELD:
    case LINK_HELLO:
    case LINK_SHARE:
    case LINK_CONFIRM:
    case LINK_PROOF:
    case LINK_PROVED: break;
    }
    return l->deadline;
}

/* The end date passed while linked: in that second the link ends, and the other end is told. */
static void link_expired(struct link *l)
{
    l->cert.error = CERTIFICATE_EXPIRED;
    text_set(l->words.error, slice_of("certificate has expired"));
    link_disgraced(l, CODE_EXPIRED);
}

/* A peer that keeps its link alive and takes nothing would serve old data for ever. */
static void link_slow(struct link *l)
{
    alarm_raise(l->ils, ILSSlowPeer, l->to->cluster_id.n != 0 ? text_slice(l->to->cluster_id)
                                                              : slice_of(l->peer.ip));
    link_end(l, CODE_TOO_SLOW, false);
}

static void link_tick_one(struct link *l)
{
    struct ils *ils = l->ils;
    if (l->state == LINK_UP) {
        if (l->tls && ils->date >= l->cert.ends)
            link_expired(l);
        else if (ils->now - l->last_in >= DEAD_US)
            link_end(l, CODE_LOST, true);
        else if (ils->now - l->since >= SESSION_US || (l->unheard && l->to->role == ROLE_HUB))
            link_end(l, CODE_SESSION_OVER, true); /* the next one begins with whole lists */
        else if (l->pending > PENDING_MAX ||
                 (l->stalled != 0 && ils->now - l->stalled >= SEND_HOLD_US))
            link_slow(l);
        else if (ils->now - l->last_out >= KEEPALIVE_US)
            link_send(l, FRAME_KEEPALIVE, slice_make(NULL, 0));
        return;
    }
    if (l->state == LINK_CLOSED || ils->now < l->deadline)
        return;
    if (l->state == LINK_HELD) {
        l->deadline = ils->now + HANDSHAKE_US;
        link_change_state(l, LINK_HELLO);
        handshake_frame(l, FRAME_HELLO, slice_make(NULL, 0)); /* the hello that was kept */
        if (l->state != LINK_CLOSED)
            link_consume(l);
    } else {
        bool lost = l->state == LINK_OPENING || l->brisk;
        handshake_failed(l, lost ? CODE_NO_ANSWER : CODE_SILENT, false, 0);
    }
}

void link_tick(struct ils *ils)
{
    list_each_safe(node, &ils->busy)
        link_tick_one(list_entry(node, struct link, busy));
    while (!list_empty(&ils->strangers)) {
        struct link *l = list_entry(ils->strangers.next, struct link, stranger);
        if (ils->now < l->deadline)
            break;
        list_remove(&l->stranger);
        link_wake(l);
        link_tick_one(l);
    }
}
