/* runtime_tls: links with certificates: a session of TLS between each connection and the core, and
 * the context that all of them are made from.
 *
 * A session judges nothing. When its handshake is finished the core gets what it proved, SECURED,
 * before any opened byte; from then on the core sees DATA, as on a plain link. A step may close the
 * link that it was told of: whoever takes a step looks the session up again.
 *
 * The context is made from what the core shows (own certificate, trust store), when the core says
 * that it changed. Sessions keep the one they began with; what they proved is judged by the newest.
 * Verifying takes time and tells the core something: it waits for the loop. */
#include "daemon/runtime_inside.h"
#include "daemon/page.h"
#include "driver/address.h"
#include "driver/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ERROR_TEXT X509_ERROR

struct tls_link {
    struct tls_link *next; /* in its bucket */
    uint32_t link;
    bool dialler, invite, told; /* told: the core knows that it is SECURED */
    char name[HOST_TEXT_MAX + 1]; /* dialled; "" for an address */
    struct tls_session *session;  /* NULL: not connected yet */
    struct tls_context *context;  /* of the session */
};

struct question {
    struct list node;
    uint64_t id;
    size_t n;
    uint8_t der[];
};

/* --- the table */

static struct tls_link **place(struct runtime *rt, uint32_t link)
{
    struct tls_link **at = &rt->tls_link[link % RUNTIME_TLS_BUCKETS];
    while (*at != NULL && (*at)->link != link)
        at = &(*at)->next;
    return at;
}

static struct tls_link *find(struct runtime *rt, uint32_t link)
{
    return *place(rt, link);
}

static struct tls_link *link_new(struct runtime *rt, uint32_t link)
{
    struct tls_link **at = place(rt, link);
    assert(*at == NULL);
    struct tls_link *l = calloc(1, sizeof *l);
    if (l == NULL)
        abort(); /* the core would wait for ever */
    l->link = link;
    *at = l;
    return l;
}

static void forget(struct runtime *rt, uint32_t link)
{
    struct tls_link **at = place(rt, link), *l = *at;
    if (l == NULL)
        return;
    *at = l->next;
    tls_session_free(l->session);
    tls_context_unref(l->context);
    free(l);
}

static bool session_begin(struct runtime *rt, struct tls_link *l)
{
    if (rt->tls == NULL)
        return false;
    l->context = tls_context_ref(rt->tls);
    l->session = tls_session_new(l->context, l->dialler, l->invite,
                                 l->name[0] != '\0' ? l->name : NULL);
    return l->session != NULL;
}

static void flush(struct runtime *rt, struct tls_link *l)
{
    struct slice out = tls_session_output(l->session);
    if (out.n > 0 && rt->tcp != NULL)
        tcp_send(rt->tcp, l->link, out);
}

/* --- what the core does */

void runtime_send(struct runtime *rt, uint32_t link, struct slice bytes)
{
    struct tls_link *l = find(rt, link);
    if (rt->tcp == NULL)
        return;
    if (l == NULL) {
        tcp_send(rt->tcp, link, bytes);
    } else if (l->session != NULL) {
        tls_session_write(l->session, bytes);
        flush(rt, l);
    }
}

void runtime_close(struct runtime *rt, uint32_t link)
{
    struct tls_link *l = find(rt, link);
    if (l != NULL && l->session != NULL) {
        tls_session_close(l->session);
        flush(rt, l);
    }
    forget(rt, link);
    if (rt->tcp != NULL)
        tcp_close(rt->tcp, link);
}

void runtime_tls_open(struct runtime *rt, const struct ils_action *a)
{
    struct sockaddr_storage address;
    socklen_t n;
    struct tls_link *l = link_new(rt, a->link);
    l->dialler = true;
    l->invite = a->invite;
    slice_to_text(a->host, l->name, sizeof l->name);
    if (address_parse(l->name, 0, &address, &n))
        l->name[0] = '\0'; /* addresses have no place in a ClientHello */
}

/* --- what the connection does */

/* The link is over, and the core did not say so. */
static void end(struct runtime *rt, uint32_t link, enum down_reason reason,
                const struct tls_failure *failure)
{
    struct ils_event e = runtime_event(ILS_EV_DOWN);
    e.link = link;
    e.reason = reason;
    for (size_t i = 0; failure != NULL && i < 3; i++) {
        e.tls_error.text[i] = failure->text[i];
        e.tls_error.number[i] = failure->number[i];
    }
    tcp_close(rt->tcp, link); /* after what is pending: an alert, or close_notify */
    runtime_step(rt, &e);
    forget(rt, link); /* not earlier: the texts are the session's */
}

/* Not when the other end said good-bye in the middle of its handshake. */
static void secured(struct runtime *rt, struct tls_link *l, enum tls_state state)
{
    struct tls_secured s;
    struct ils_event e = runtime_event(ILS_EV_SECURED);
    wall now = view_date(rt->core, clock_wall());
    tls_session_secured(l->session, now, &s);
    if (state == TLS_ENDED && !s.peer.present)
        return;
    struct secured proved = {.invite = s.invite, .spki_mine = s.spki_mine, .peer = s.peer};
    memcpy(proved.client_random, s.client_random, sizeof proved.client_random);
    memcpy(proved.exporter, s.exporter, sizeof proved.exporter);
    memcpy(proved.mine, s.mine, sizeof proved.mine);
    if (l->context != rt->tls && s.peer.present)
        proved.peer = *tls_session_verify(l->session, rt->tls, now);
    l->told = true;
    e.link = l->link;
    e.secured = &proved;
    runtime_step(rt, &e);
    crypto_wipe(&s, sizeof s);
    crypto_wipe(&proved, sizeof proved);
}

/* What the session has for the core, after bytes came or the handshake began. */
static void progress(struct runtime *rt, uint32_t link, enum tls_state state)
{
    struct tls_failure failure;
    struct tls_link *l = find(rt, link);
    flush(rt, l);
    if (!l->told && (state == TLS_UP || state == TLS_ENDED)) {
        secured(rt, l, state);
        l = find(rt, link);
    }
    struct slice plain = l != NULL ? tls_session_plain(l->session) : slice_make(NULL, 0);
    if (plain.n > 0 && l->told) {
        struct ils_event e = runtime_event(ILS_EV_DATA);
        e.link = link;
        e.data = plain;
        runtime_step(rt, &e);
        l = find(rt, link);
    }
    if (l == NULL)
        return;
    if (state == TLS_FAILED) {
        tls_session_failure(l->session, &failure);
        end(rt, link, failure.alert ? DOWN_ALERT : DOWN_TLS, &failure);
    } else if (state == TLS_ENDED) {
        tls_session_close(l->session);
        flush(rt, l);
        end(rt, link, DOWN_CLOSED, NULL);
    }
}

bool runtime_tls_accepted(struct runtime *rt, uint32_t link)
{
    struct tls_link *l = link_new(rt, link);
    if (session_begin(rt, l))
        return true;
    forget(rt, link);
    return false;
}

void runtime_tls_connected(struct runtime *rt, uint32_t link)
{
    struct tls_link *l = find(rt, link);
    if (l == NULL)
        return; /* plain, or closed again */
    if (session_begin(rt, l))
        progress(rt, link, tls_session_input(l->session, slice_make(NULL, 0)));
    else
        end(rt, link, DOWN_TLS, NULL);
}

bool runtime_tls_data(struct runtime *rt, uint32_t link, struct slice bytes)
{
    struct tls_link *l = find(rt, link);
    if (l == NULL)
        return false;
    if (l->session != NULL)
        progress(rt, link, tls_session_input(l->session, bytes));
    return true;
}

void runtime_tls_down(struct runtime *rt, uint32_t link)
{
    forget(rt, link);
}

/* --- certificates */

static struct x509_store_item *trusted(const struct ils *core, size_t *ret_n)
{
    struct view_trust trust;
    size_t n = 0;
    while (view_trust(core, n, &trust))
        n++;
    struct x509_store_item *item = calloc(n + 1, sizeof *item);
    if (item == NULL)
        abort();
    for (size_t i = 0; i < n && view_trust(core, i, &trust); i++)
        item[i] = (struct x509_store_item){trust.kind == TRUST_CRL, trust.der, !trust.authority};
    *ret_n = n;
    return item;
}

void runtime_tls_reload(struct runtime *rt)
{
    struct view_own own;
    struct tls_context_options options = {0};
    char error[ERROR_TEXT], text[ERROR_TEXT + 64];
    rt->trust_changed = false;
    if (!view_own(rt->core, 0, &own))
        return; /* one certificate follows another: there never was any */
    struct x509_store_item *item = trusted(rt->core, &options.item_n);
    options.leaf = own.leaf;
    options.chain = own.chain;
    options.key = own.key;
    options.item = item;
    struct tls_context *context = tls_context_new(&options, error, sizeof error);
    free(item);
    if (context == NULL) {
        snprintf(text, sizeof text, "the own certificate cannot be used: %s", error);
        fprintf(stderr, "ilsd: %s\n", text);
        log_system(LOG_ERR, text);
        return;
    }
    tls_context_unref(rt->tls);
    rt->tls = context;
    rt->verify_links = true;
    runtime_sips_reload(rt);
    page_reload(rt);
    uv_timer_start(&rt->later, runtime_tls_later, 0, 0);
}

/* A certificate ends soon: perhaps one's own. */
void runtime_tls_ends(struct runtime *rt)
{
    rt->own_ends = true;
    if (!rt->stopping)
        uv_timer_start(&rt->later, runtime_tls_later, 0, 0);
}

void runtime_tls_question(struct runtime *rt, const struct ils_action *a)
{
    struct question *q = malloc(sizeof *q + a->data.n);
    if (q == NULL)
        abort(); /* the core would wait for ever */
    q->id = a->question;
    q->n = a->data.n;
    if (q->n > 0)
        memcpy(q->der, a->data.p, q->n);
    list_add(&rt->questions, &q->node);
    if (!rt->stopping)
        uv_timer_start(&rt->later, runtime_tls_later, 0, 0);
}

static void answer(struct runtime *rt, const struct question *q)
{
    struct x509_report report = {0};
    struct x509_store *empty = rt->tls == NULL ? x509_store_new(NULL, 0) : NULL;
    struct slice all = slice_make(q->der, q->n);
    size_t n = certificate_der_size(all);
    bool read = x509_verify(empty != NULL ? empty : tls_context_store(rt->tls),
                            slice_make(all.p, n), slice_make(all.p + n, all.n - n), X509_AS_BOTH,
                            view_date(rt->core, clock_wall()), &report) == 0;
    static const struct certificate none;
    struct ils_event e = runtime_event(ILS_EV_VERIFIED);
    e.question = q->id;
    e.certificate = read ? &report.certificate : &none;
    runtime_step(rt, &e);
    if (read)
        x509_report_free(&report);
    if (empty != NULL)
        x509_store_free(empty);
}

/* The links of the moment; each may be gone when its turn comes. */
static void verify_links(struct runtime *rt)
{
    uint32_t *link = calloc(TCP_CONNS_MAX + 1, sizeof *link);
    size_t n = 0;
    if (link == NULL)
        abort();
    for (size_t i = 0; i < RUNTIME_TLS_BUCKETS; i++)
        for (struct tls_link *l = rt->tls_link[i]; l != NULL && n < TCP_CONNS_MAX; l = l->next)
            if (l->told)
                link[n++] = l->link;
    for (size_t i = 0; i < n; i++) {
        struct tls_link *l = find(rt, link[i]);
        struct ils_event e = runtime_event(ILS_EV_CERTIFICATE);
        if (l == NULL)
            continue;
        e.link = link[i];
        e.certificate = tls_session_verify(l->session, rt->tls,
                                           view_date(rt->core, clock_wall()));
        if (e.certificate != NULL)
            runtime_step(rt, &e);
    }
    free(link);
}

void runtime_tls_later(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    if (rt->verify_links) {
        rt->verify_links = false;
        verify_links(rt);
    }
    if (rt->own_ends) {
        rt->own_ends = false;
        runtime_tls_own(rt);
    }
    while (!list_empty(&rt->questions)) {
        struct question *q = list_entry(rt->questions.next, struct question, node);
        list_remove(&q->node);
        answer(rt, q);
        free(q);
    }
}

static void made(void *context, enum reply reply, struct slice text,
                 const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    if (reply != REPLY_OK)
        log_system(LOG_ERR, "a certificate that was made here was not taken; see `ils cert show`");
}

/* Whether the daemon has to make one: a store of an older version has none, and one that was made
 * here ends soon. */
static bool must_make(const struct runtime *rt, bool *ret_now)
{
    struct view_own own, next;
    *ret_now = !view_own(rt->core, 0, &own);
    return *ret_now || (own.made && own.ends_soon && !view_own(rt->core, 1, &next));
}

void runtime_tls_own(struct runtime *rt)
{
    struct view_self self;
    struct view_follow follow;
    struct x509_bag bag;
    bool now;
    char fqdn[HOST_TEXT_MAX + 1], error[ERROR_TEXT];
    view_self(rt->core, &self);
    if (!self.initialised || rt->stopping || view_follow(rt->core, &follow) || !must_make(rt, &now))
        return;
    slice_to_text(self.fqdn, fqdn, sizeof fqdn);
    if (runtime_certificate(rt, fqdn, slice_make(NULL, 0), RUNTIME_DAYS, &bag, error,
                            sizeof error) != 0) {
        fprintf(stderr, "ilsd: %s\n", error);
        log_system(LOG_ERR, error);
        return;
    }
    struct x509_report report;
    if (x509_facts(bag.item[0].der, &report) == 0) {
        struct command c = {.type = COMMAND_CERTIFICATE,
                            .now = now,
                            .own = {.leaf = report.certificate, .key = bag.key, .made = true}};
        runtime_command(rt, &c, made, NULL);
        x509_report_free(&report);
    }
    x509_bag_free(&bag);
}

int runtime_certificate(const struct runtime *rt, const char *fqdn, struct slice key, int days,
                        struct x509_bag *ret, char *error, size_t size)
{
    char host[HOST_TEXT_MAX + 1];
    const char *more[1] = {host};
    bool advertised = runtime_advertised(rt, host);
    return x509_make(fqdn, more, advertised && strcmp(host, fqdn) != 0 ? 1 : 0, key, days, ret,
                     error, size);
}

/* NAME, ADDR, NAME:PORT or [ADDR]:PORT: the name or address. */
bool runtime_advertised(const struct runtime *rt, char host[static HOST_TEXT_MAX + 1])
{
    const char *text = rt->options.advertise;
    if (text == NULL)
        return false;
    struct slice s = slice_of(text);
    if (s.n > 0 && s.p[0] == '[') {
        s = slice_make(s.p + 1, s.n - 1);
        s.n = slice_find(s, ']');
    } else {
        size_t colon = slice_find(s, ':');
        bool six = colon < s.n && memchr(s.p + colon + 1, ':', s.n - colon - 1) != NULL;
        s.n = six ? s.n : colon;
    }
    slice_to_text(s, host, HOST_TEXT_MAX + 1);
    return s.n > 0;
}

struct tls_context *runtime_tls_context(const struct runtime *rt)
{
    return rt->tls;
}

void runtime_tls_end(struct runtime *rt)
{
    for (size_t i = 0; i < RUNTIME_TLS_BUCKETS; i++)
        while (rt->tls_link[i] != NULL)
            forget(rt, rt->tls_link[i]->link);
    list_each_safe(node, &rt->questions) free(list_entry(node, struct question, node));
    list_init(&rt->questions);
    tls_context_unref(rt->tls);
    rt->tls = NULL;
}
