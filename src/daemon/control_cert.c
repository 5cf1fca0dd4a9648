/* control_cert: this cluster's own certificate: showing it, having it signed, and replacing it. A
 * new one is always announced first, so that the core can say who does not have it yet; `now` waits
 * a second at most. Keys and passwords of files stay in memory that is wiped. */
#include "daemon/control_inside.h"
#include "driver/clock.h"
#include "driver/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 15
#define DAYS_MAX  36500
#define DAY       (86400 * TICK_S)
#define GRACE_MS      1000
#define GRACE_STEP_MS 20

json_t *control_fingerprint(const uint8_t *fingerprint)
{
    char text[RENDER_FINGERPRINT];
    render_fingerprint(text, fingerprint);
    return json_string(text);
}

json_t *control_days(wall t)
{
    wall left = t - clock_wall();
    if (t == 0)
        return json_null();
    return json_integer(left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY));
}

/* --- showing */

static json_int_t chain_count(struct slice s)
{
    json_int_t n = 0;
    for (; s.n > 0; n++) {
        size_t size = certificate_der_size(s);
        s = slice_make(s.p + size, s.n - size);
    }
    return n;
}

json_t *control_certificate(const struct view_own *own)
{
    struct x509_report report;
    json_t *json = json_object(), *names = json_array(), *issuer = json_null();
    if (x509_facts(own->leaf, &report) == 0) {
        issuer = own->self_signed ? json_string("self-signed") : render_text(report.issuer);
        for (size_t i = 0; i < report.certificate.name_n; i++)
            json_array_append_new(names, render_text(report.certificate.name[i]));
        x509_report_free(&report);
    }
    json_object_set_new(json, "subject", render_text(own->subject));
    json_object_set_new(json, "names", names);
    json_object_set_new(json, "fingerprint", control_fingerprint(own->fingerprint));
    json_object_set_new(json, "issuer", issuer);
    json_object_set_new(json, "self_signed", json_boolean(own->self_signed));
    json_object_set_new(json, "not_before", control_time(own->not_before));
    json_object_set_new(json, "not_after", control_time(own->not_after));
    json_object_set_new(json, "days_left", control_days(own->not_after));
    json_object_set_new(json, "chain", json_integer(chain_count(own->chain)));
    char *pem = control_pem("CERTIFICATE", own->leaf);
    json_object_set_new(json, "pem", pem != NULL ? json_string(pem) : json_null());
    free(pem);
    return json;
}

static json_t *neighbours(const struct ils *core)
{
    struct view_cluster c;
    json_t *rows = json_array();
    for (size_t i = 0; view_own_waiting(core, i, &c); i++) {
        json_t *json = json_object();
        json_object_set_new(json, "cluster_id", render_text(c.cluster_id));
        json_object_set_new(json, "fqdn", render_text(c.fqdn));
        json_object_set_new(json, "peer_id", control_hex(c.peer_id, sizeof c.peer_id));
        json_object_set_new(json, "linked", json_boolean(c.linked));
        json_object_set_new(json, "last_contact_time", control_time(c.last_contact));
        char code[16];
        render_code(code, sizeof code, c.next_code);
        json_object_set_new(json, "code",
                            c.next_code == CODE_NONE ? json_null() : json_string(code));
        json_array_append_new(rows, json);
    }
    return rows;
}

void verb_cert_show(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_own own;
    json_t *json = json_object(), *next = json_null();
    json_object_set_new(json, "in_use",
                        view_own(core, 0, &own) ? control_certificate(&own) : json_null());
    if (view_own(core, 1, &own)) {
        next = control_certificate(&own);
        json_object_set_new(next, "waiting", neighbours(core));
    }
    json_object_set_new(json, "next", next);
    control_ok(client, json);
}

/* --- what the verbs need first */

/* The FQDN as text; ends the request when there is none. */
static bool cert_fqdn(struct client *client, char fqdn[static HOST_TEXT_MAX + 1])
{
    struct view_self self;
    view_self(runtime_core(client->control->rt), &self);
    if (!self.initialised)
        control_refused(client, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
    slice_to_text(self.fqdn, fqdn, HOST_TEXT_MAX + 1);
    return self.initialised;
}

static bool cert_names(struct client *client, const char *names[static NAMES_MAX], size_t *ret_n)
{
    json_t *array = json_object_get(client->args, "names"), *value;
    size_t i;
    *ret_n = 0;
    json_array_foreach(array, i, value) {
        if (json_is_string(value) && json_string_length(value) <= HOST_TEXT_MAX && i < NAMES_MAX) {
            names[(*ret_n)++] = json_string_value(value);
            continue;
        }
        control_error(client, "SETTING", "the names are at most 15 host names or addresses",
                      "ils help cert csr", "names");
        return false;
    }
    return true;
}

void verb_cert_csr(struct client *client)
{
    const char *names[NAMES_MAX];
    size_t n;
    char fqdn[HOST_TEXT_MAX + 1], error[X509_ERROR];
    struct view_own own;
    if (!cert_fqdn(client, fqdn) || !cert_names(client, names, &n))
        return;
    if (!view_own(runtime_core(client->control->rt), 0, &own)) {
        control_refused(client, REPLY_NO_CERTIFICATE, slice_make(NULL, 0));
        return;
    }
    char *pem = x509_request(own.key, fqdn, names, n, error, sizeof error);
    if (pem == NULL) {
        control_error(client, "CERTIFICATE", error, "ils help cert csr", "names");
        return;
    }
    json_t *json = json_object();
    json_object_set_new(json, "pem", json_string(pem));
    free(pem);
    control_ok(client, json);
}

/* --- replacing it */

/* What is remembered from the request to its answer. */
struct renewal {
    uint8_t fingerprint[FINGERPRINT_SIZE];
    bool now;
    json_t *cut_off, *notes;
};

static void renewal_free(void *own)
{
    struct renewal *r = own;
    json_decref(r->cut_off);
    json_decref(r->notes);
    free(r);
}

static struct renewal *renewal_new(struct client *client, bool now)
{
    struct renewal *r = calloc(1, sizeof *r);
    if (r == NULL) {
        control_no_memory(client);
        return NULL;
    }
    r->now = now;
    r->cut_off = json_array();
    r->notes = json_array();
    client->own = r;
    client->own_free = renewal_free;
    return r;
}

static void renewal_answer(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct renewal *r = client->own;
    struct view_own own;
    char text[160];
    bool in_use = !view_own(core, 1, &own) || r->now;
    if (in_use && !view_own(core, 0, &own)) {
        control_refused(client, REPLY_NO_CERTIFICATE, slice_make(NULL, 0));
        return;
    }
    json_t *json = json_object(), *waiting = in_use ? json_array() : neighbours(core);
    size_t waits = json_array_size(waiting), cut = json_array_size(r->cut_off);
    if (!in_use)
        snprintf(text, sizeof text, "announced; it is used as soon as %zu more cluster%s it", waits,
                 waits == 1 ? " has" : "s have");
    else if (cut > 0)
        snprintf(text, sizeof text, "in use; %zu cluster%s not have it yet", cut,
                 cut == 1 ? " does" : "s do");
    else
        snprintf(text, sizeof text, "in use");
    json_object_set_new(json, "certificate", control_certificate(&own));
    json_object_set_new(json, "in_use", json_boolean(in_use));
    json_object_set_new(json, "waiting", waiting);
    json_object_set(json, "cut_off", r->cut_off);
    json_object_set(json, "notes", r->notes);
    json_object_set_new(json, "text", json_string(text));
    control_ok(client, json);
}

/* Where nobody had to be waited for it is in use already. */
static void renewal_switched(struct client *client, enum reply reply, struct slice text)
{
    if (reply != REPLY_OK && reply != REPLY_NEXT_MISSING)
        control_refused(client, reply, text);
    else
        renewal_answer(client);
}

static void renewal_switch(struct client *client, bool audited, control_then then)
{
    struct command command = {.type = COMMAND_CERTIFICATE_NOW};
    struct renewal *r = client->own;
    json_decref(r->cut_off);
    r->cut_off = neighbours(runtime_core(client->control->rt));
    control_change_then(client, &command, audited, then);
}

/* With `now`, who is linked gets this long to take what was announced: it is under way to them, and
 * to say that they are cut off would be wrong. */
struct grace {
    uv_timer_t timer;
    struct client *client;
    unsigned left;
};

static void on_grace_closed(uv_handle_t *handle)
{
    struct grace *g = handle->data;
    control_release(g->client);
    free(g);
}

static bool linked_waits(const struct ils *core)
{
    struct view_cluster c;
    for (size_t i = 0; view_own_waiting(core, i, &c); i++)
        if (c.linked)
            return true;
    return false;
}

static void on_grace(uv_timer_t *timer)
{
    struct grace *g = timer->data;
    struct client *client = g->client;
    if (!client->closing && g->left-- > 0 && linked_waits(runtime_core(client->control->rt)))
        return;
    uv_timer_stop(timer);
    uv_close((uv_handle_t *)timer, on_grace_closed);
    if (!client->closing)
        renewal_switch(client, false, renewal_switched);
}

static void grace_start(struct client *client)
{
    struct grace *g = calloc(1, sizeof *g);
    if (g == NULL) {
        renewal_switch(client, false, renewal_switched);
        return;
    }
    g->client = client;
    g->left = GRACE_MS / GRACE_STEP_MS;
    control_hold(client);
    uv_timer_init(runtime_loop(client->control->rt), &g->timer);
    g->timer.data = g;
    uv_timer_start(&g->timer, on_grace, 0, GRACE_STEP_MS);
}

static void renewal_announced(struct client *client, enum reply reply, struct slice text)
{
    struct renewal *r = client->own;
    struct view_own own;
    if (reply != REPLY_OK)
        control_refused(client, reply, text);
    else if (r->now && view_own(runtime_core(client->control->rt), 1, &own))
        grace_start(client);
    else
        renewal_answer(client);
}

/* Announces the leaf; key and chain are the caller's. */
static void renew(struct client *client, struct slice leaf, struct slice chain, struct slice key,
                  bool made)
{
    struct x509_report report;
    struct command command = {.type = COMMAND_CERTIFICATE};
    if (x509_facts(leaf, &report) != 0) {
        control_no_memory(client);
        return;
    }
    command.own.leaf = report.certificate;
    command.own.chain = chain;
    command.own.key = key;
    command.own.made = made;
    control_change_then(client, &command, true, renewal_announced);
    x509_report_free(&report);
}

static void now_done(struct client *client, enum reply reply, struct slice text)
{
    if (reply != REPLY_OK)
        control_refused(client, reply, text);
    else
        renewal_answer(client);
}

void verb_cert_now(struct client *client)
{
    if (renewal_new(client, true) != NULL)
        renewal_switch(client, true, now_done);
}

/* The core may take its own certificate's memory back while it looks at the new one. */
static uint8_t *key_copy(struct slice key)
{
    uint8_t *copy = malloc(key.n + 1);
    if (copy != NULL && key.n > 0)
        memcpy(copy, key.p, key.n);
    return copy;
}

static void key_free(uint8_t *key, size_t n)
{
    if (key != NULL)
        crypto_wipe(key, n);
    free(key);
}

void verb_cert_renew(struct client *client)
{
    char fqdn[HOST_TEXT_MAX + 1], error[X509_ERROR];
    struct view_own own = {0};
    struct x509_bag bag;
    uint64_t days;
    bool same = control_flag(client, "same_key", false);
    if (!cert_fqdn(client, fqdn) ||
        !control_number(client, "days", DAYS_MAX, RUNTIME_DAYS, &days))
        return;
    if (days == 0) {
        control_error(client, "SETTING", "a certificate is valid for 1 to 36500 days",
                      "ils help cert renew", "days");
        return;
    }
    if (!view_own(runtime_core(client->control->rt), 0, &own) && same) {
        control_refused(client, REPLY_NO_CERTIFICATE, slice_make(NULL, 0));
        return;
    }
    struct slice key = same ? own.key : slice_make(NULL, 0);
    if (runtime_certificate(client->control->rt, fqdn, key, (int)days, &bag, error,
                            sizeof error) != 0) {
        control_error(client, "CERTIFICATE", error, "ils cert show", NULL);
        return;
    }
    if (renewal_new(client, control_flag(client, "now", false)) != NULL)
        renew(client, bag.item[0].der, slice_make(NULL, 0), bag.key, true);
    x509_bag_free(&bag);
}

/* --- install */

struct install {
    struct x509_bag bag, key_bag;
    bool has_bag, has_key_bag;
    uint8_t *key; /* a copy of the key in use, where no file had one */
    size_t key_n;
    uint8_t *chain;
};

static void install_done(struct install *in)
{
    if (in->has_bag)
        x509_bag_free(&in->bag);
    if (in->has_key_bag)
        x509_bag_free(&in->key_bag);
    key_free(in->key, in->key_n);
    free(in->chain);
}

static bool install_refused(struct client *client, const char *error, const char *where)
{
    control_error(client, "CERTIFICATE", error, "ils help cert install", where);
    return false;
}

/* The files: certificate, and key where one was given. */
static bool install_read(struct client *client, struct install *in)
{
    struct slice password;
    uint64_t key_bytes;
    char error[X509_ERROR], secret[1024];
    bool key_file = json_object_get(client->args, "key_bytes") != NULL; /* an empty one, too */
    if (!control_text(client, "password", false, &password) ||
        !control_number(client, "key_bytes", X509_FILE_MAX, 0, &key_bytes))
        return false;
    if (client->content_n > 2 * X509_FILE_MAX || key_bytes > client->content_n)
        return install_refused(client, "a file of certificates has at most 1 MiB", NULL);
    slice_to_text(password, secret, sizeof secret);
    const char *given = password.n > 0 ? secret : NULL;
    size_t n = (size_t)(client->content_n - key_bytes);
    in->has_bag = x509_read(slice_make(client->content, n), given, &in->bag, error,
                            sizeof error) == 0;
    const char *where = "the certificate file";
    if (in->has_bag && key_file) {
        where = "the key file";
        in->has_key_bag = x509_read(slice_make(client->content + n, (size_t)key_bytes), given,
                                    &in->key_bag, error, sizeof error) == 0;
    }
    crypto_wipe(secret, sizeof secret);
    if (!in->has_bag || (key_file && !in->has_key_bag))
        return install_refused(client, error, where);
    if (key_file && in->key_bag.key.n == 0)
        return install_refused(client, "there is no private key in it", where);
    return true;
}

/* The key of the key file, else of the certificate file, else the one in use. */
static bool install_key(struct client *client, struct install *in, struct slice *ret)
{
    struct view_own own;
    *ret = in->has_key_bag ? in->key_bag.key : in->bag.key;
    if (ret->n > 0)
        return true;
    if (!view_own(runtime_core(client->control->rt), 0, &own))
        return install_refused(client, "no key was given, and none is in use", NULL);
    in->key = key_copy(own.key);
    in->key_n = own.key.n;
    if (in->key == NULL) {
        control_no_memory(client);
        return false;
    }
    *ret = slice_make(in->key, in->key_n);
    return true;
}

/* What is sent along: the issuers, without a root, which who checks must have himself. */
static struct slice install_chain(struct install *in)
{
    size_t n = 0, count = 0;
    for (size_t i = 1; i < in->bag.n; i++)
        n += in->bag.item[i].der.n;
    in->chain = malloc(n + 1);
    n = 0;
    for (size_t i = 1; in->chain != NULL && i < in->bag.n && count < CERTIFICATE_CHAIN; i++) {
        const struct x509_item *item = &in->bag.item[i];
        if (item->crl || item->self_signed)
            continue;
        memcpy(in->chain + n, item->der.p, item->der.n);
        n += item->der.n;
        count++;
    }
    return slice_make(in->chain, n);
}

static bool install_order(struct client *client, struct install *in, struct slice key,
                          const char *fqdn)
{
    char error[X509_ERROR];
    struct slice own = in->bag.key;
    in->bag.key = key;
    bool good = x509_own(&in->bag, fqdn, control_flag(client, "force", false), error,
                         sizeof error) == 0;
    in->bag.key = own; /* which is wiped with the bag; the other one is not the bag's */
    if (!good)
        return install_refused(client, error, "the certificate file");
    if (in->bag.item[0].der.n > CERTIFICATE_MAX)
        return install_refused(client, "the certificate is larger than 8 KiB: have it made with "
                               "fewer names", "the certificate file");
    return true;
}

static bool is_trusted(const struct ils *core, struct slice subject)
{
    struct view_trust t;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (t.kind == TRUST_CERTIFICATE && slice_eq(t.subject, subject))
            return true;
    return false;
}

/* An issuer that nothing is known of may be a root, which is not sent along, or an intermediate
 * that was forgotten: then no chain leads from the certificate to a root at the other end. */
static void note_issuer(const struct ils *core, const struct x509_bag *bag, json_t *notes)
{
    struct x509_report report;
    char text[CERTIFICATE_NAME_MAX + 400];
    if (bag->n > 1 || bag->item[0].self_signed || x509_facts(bag->item[0].der, &report) != 0)
        return;
    if (!is_trusted(core, report.issuer)) {
        snprintf(text, sizeof text,
                 "its issuer %.*s is neither in the file nor in the trust store: unless that is a "
                 "root that the other clusters hold, they may say ILS-302; with the chain in one "
                 "file, the certificate first: cat CERTIFICATE ISSUER > FILE && ils cert install "
                 "FILE", (int)report.issuer.n, (const char *)report.issuer.p);
        json_array_append_new(notes, render_text(slice_of(text)));
    }
    x509_report_free(&report);
}

void verb_cert_install(struct client *client)
{
    struct install in = {0};
    struct renewal *r = NULL;
    struct slice key;
    char fqdn[HOST_TEXT_MAX + 1];
    if (cert_fqdn(client, fqdn) && install_read(client, &in) && install_key(client, &in, &key) &&
        install_order(client, &in, key, fqdn))
        r = renewal_new(client, control_flag(client, "now", false));
    if (r != NULL) {
        note_issuer(runtime_core(client->control->rt), &in.bag, r->notes);
        renew(client, in.bag.item[0].der, install_chain(&in), key, false);
    }
    install_done(&in);
}
