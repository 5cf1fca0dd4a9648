/* control_trust: the trust store through the control socket: what lies in it, what was refused, and
 * how certificates come in: out of a file, by the verdict that refused them, or with the bundle of
 * another cluster. */
#include "daemon/control_inside.h"
#include "driver/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *control_text_or_null(struct slice s)
{
    return s.n > 0 ? render_text(s) : json_null();
}

char *control_pem(const char *label, struct slice der)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    fprintf(out, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < der.n; i += 3) {
        size_t left = der.n - i;
        uint32_t v = (uint32_t)der.p[i] << 16;
        v |= left > 1 ? (uint32_t)der.p[i + 1] << 8 : 0;
        v |= left > 2 ? der.p[i + 2] : 0;
        fputc(alphabet[v >> 18], out);
        fputc(alphabet[v >> 12 & 63], out);
        fputc(left > 1 ? alphabet[v >> 6 & 63] : '=', out);
        fputc(left > 2 ? alphabet[v & 63] : '=', out);
        if (i % 48 == 45 || left <= 3)
            fputc('\n', out);
    }
    fprintf(out, "-----END %s-----\n", label);
    return fclose(out) == 0 ? text : NULL;
}

/* --- what there is */

static const char *kind_word(bool crl)
{
    return crl ? "crl" : "certificate";
}

static json_t *trust_json(const struct view_trust *t)
{
    json_t *json = json_object();
    json_object_set_new(json, "fingerprint", control_fingerprint(t->fingerprint));
    json_object_set_new(json, "kind", json_string(kind_word(t->kind == TRUST_CRL)));
    json_object_set_new(json, "subject", render_text(t->subject));
    json_object_set_new(json, "authority", json_boolean(t->authority));
    json_object_set_new(json, "not_after", control_time(t->not_after));
    json_object_set_new(json, "days_left", control_days(t->not_after));
    json_object_set_new(json, "added", control_time(t->added));
    json_object_set_new(json, "source", render_text(t->source));
    return json;
}

/* Dates, purpose and strength are asked of what is imported, too. */
static bool import_helps(enum code code)
{
    return code != CODE_EXPIRED && code != CODE_NOT_YET_VALID && code != CODE_REVOKED &&
           code != CODE_PURPOSE && code != CODE_WEAK_KEY;
}

static json_t *refused_json(const struct view_refused *r)
{
    char code[16], next[64] = "ils trust import --verdict ";
    struct x509_report report;
    wall ends = 0;
    json_t *json = json_object();
    if (x509_facts(r->der, &report) == 0) {
        ends = report.certificate.not_after;
        x509_report_free(&report);
    }
    render_code(code, sizeof code, r->code);
    hex_text(next + strlen(next), r->verdict_id, VERDICT_ID_SIZE);
    json_object_set_new(json, "fingerprint", control_fingerprint(r->fingerprint));
    json_object_set_new(json, "kind", json_string("certificate"));
    json_object_set_new(json, "subject", render_text(r->subject));
    json_object_set_new(json, "not_after", control_time(ends));
    json_object_set_new(json, "days_left", control_days(ends));
    json_object_set_new(json, "code", json_string(code));
    json_object_set_new(json, "verdict_id", control_hex(r->verdict_id, VERDICT_ID_SIZE));
    json_object_set_new(json, "address", control_address(&r->peer));
    json_object_set_new(json, "first", control_time(r->first));
    json_object_set_new(json, "last", control_time(r->last));
    json_object_set_new(json, "count", control_number_json(r->count));
    json_object_set_new(json, "imported", json_boolean(r->imported));
    json_object_set_new(json, "next", r->imported || !import_helps(r->code) ? json_null()
                                                                            : json_string(next));
    return json;
}

void verb_trust_list(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_trust t;
    struct view_refused r;
    json_t *json = json_object(), *store = json_array(), *refused = json_array();
    for (size_t i = 0; view_trust(core, i, &t); i++)
        json_array_append_new(store, trust_json(&t));
    for (size_t i = 0; view_refused(core, i, &r); i++)
        json_array_append_new(refused, refused_json(&r));
    json_object_set_new(json, "store", store);
    json_object_set_new(json, "refused", refused);
    control_ok(client, json);
}

/* --- one of them */

/* The hex digits of a fingerprint, or of its beginning, without colons; 0 = it is none. */
static size_t digits(struct slice text, char ret[static 2 * FINGERPRINT_SIZE + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = ascii_lower(text.p[i]);
        if (c == ':' || c == ' ')
            continue;
        if (n == 2 * FINGERPRINT_SIZE || ((c < '0' || c > '9') && (c < 'a' || c > 'f')))
            return 0;
        ret[n++] = (char)c;
    }
    return n >= 8 ? n : 0;
}

static bool begins(const uint8_t *fingerprint, const char *wanted, size_t n)
{
    char hex[2 * FINGERPRINT_SIZE + 1];
    hex_text(hex, fingerprint, FINGERPRINT_SIZE);
    return n > 0 && memcmp(hex, wanted, n) == 0;
}

/* Adds what only the bytes say. */
static void show_facts(json_t *json, struct slice der, bool crl)
{
    struct x509_report report;
    char *pem = control_pem(crl ? "X509 CRL" : "CERTIFICATE", der);
    json_object_set_new(json, "pem", pem != NULL ? json_string(pem) : json_null());
    free(pem);
    if (crl || x509_facts(der, &report) != 0)
        return;
    json_t *names = json_array();
    for (size_t i = 0; i < report.certificate.name_n; i++)
        json_array_append_new(names, render_text(report.certificate.name[i]));
    json_object_set_new(json, "names", names);
    json_object_set_new(json, "self_signed", json_boolean(report.certificate.self_signed));
    json_object_set_new(json, "authority", json_boolean(report.certificate.authority));
    json_object_set_new(json, "not_before", control_time(report.certificate.not_before));
    x509_report_free(&report);
}

void verb_trust_show(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    char wanted[2 * FINGERPRINT_SIZE + 1];
    struct view_trust t, in_store = {0};
    struct view_refused r, in_refused = {0};
    struct slice text;
    const uint8_t *found = NULL;
    if (!control_text(client, "fingerprint", true, &text))
        return;
    size_t n = digits(text, wanted);
    bool ambiguous = false;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (begins(t.fingerprint, wanted, n)) {
            ambiguous = ambiguous || in_store.der.n > 0;
            in_store = t;
            found = in_store.fingerprint;
        }
    for (size_t i = 0; view_refused(core, i, &r); i++)
        if (begins(r.fingerprint, wanted, n)) {
            ambiguous = ambiguous || (found != NULL &&
                                      memcmp(found, r.fingerprint, FINGERPRINT_SIZE) != 0);
            in_refused = r;
            found = in_store.der.n > 0 ? in_store.fingerprint : in_refused.fingerprint;
        }
    if (found == NULL || ambiguous) {
        control_refused(client, ambiguous ? REPLY_TRUST_AMBIGUOUS : REPLY_TRUST_UNKNOWN, text);
        return;
    }
    bool stored = in_store.der.n > 0;
    json_t *json = stored ? trust_json(&in_store) : refused_json(&in_refused);
    show_facts(json, stored ? in_store.der : in_refused.der, stored && in_store.kind == TRUST_CRL);
    json_object_set_new(json, "in_store", json_boolean(stored));
    json_object_set_new(json, "in_refused", json_boolean(in_refused.der.n > 0));
    control_ok(client, json);
}

/* --- what else of the same cluster is believed */

static bool announced_by(const struct view_trust *t, const struct view_cluster *c)
{
    char end[2 * 8 + 4] = "(";
    hex_text(end + 1, c->peer_id, 8);
    memcpy(end + 1 + 2 * 8, ")", 2);
    size_t n = strlen(end);
    return t->source.n > n && memcmp(t->source.p, "announced", 9) == 0 &&
           memcmp(t->source.p + t->source.n - n, end, n) == 0;
}

/* It presented that one, announced it, or has a name of it. */
static bool belongs(const struct view_trust *t, const struct x509_report *facts,
                    const struct view_cluster *c)
{
    return (c->certificate.n == FINGERPRINT_SIZE &&
            memcmp(c->certificate.p, t->fingerprint, FINGERPRINT_SIZE) == 0) ||
           announced_by(t, c) ||
           (c->fqdn.n > 0 && certificate_names(&facts->certificate, c->fqdn));
}

#define HOMES 8 /* clusters that share one certificate; more are left out */

struct gone {
    struct x509_report facts;
    struct slice subject;
    struct view_cluster home[HOMES];
    size_t home_n;
};

static bool is_other(const struct gone *gone, const struct view_trust *t)
{
    struct x509_report facts;
    if (t->kind != TRUST_CERTIFICATE || x509_facts(t->der, &facts) != 0)
        return false;
    const struct certificate *mine = &gone->facts.certificate, *its = &facts.certificate;
    bool other = memcmp(mine->fingerprint, its->fingerprint, FINGERPRINT_SIZE) != 0;
    bool same = slice_eq(mine->spki, its->spki) ||
                (t->subject.n > 0 && slice_eq(gone->subject, t->subject));
    for (size_t i = 0; i < gone->home_n; i++)
        same = same || belongs(t, &facts, &gone->home[i]);
    x509_report_free(&facts);
    return other && same;
}

static json_t *others_json(const struct ils *core, const struct view_trust *which)
{
    char next[sizeof "ils trust remove " + RENDER_FINGERPRINT] = "ils trust remove ";
    size_t words = strlen(next);
    struct gone gone = {.subject = which->subject};
    struct view_cluster c;
    struct view_trust t;
    json_t *list = json_array();
    if (which->kind != TRUST_CERTIFICATE || x509_facts(which->der, &gone.facts) != 0)
        return list;
    for (size_t i = 1; gone.home_n < HOMES && view_cluster(core, i, &c); i++)
        if (belongs(which, &gone.facts, &c))
            gone.home[gone.home_n++] = c;
    for (size_t i = 0; view_trust(core, i, &t); i++) {
        if (!is_other(&gone, &t))
            continue;
        json_t *other = json_object();
        render_fingerprint(next + words, t.fingerprint);
        json_object_set_new(other, "fingerprint", control_fingerprint(t.fingerprint));
        json_object_set_new(other, "subject", render_text(t.subject));
        json_object_set_new(other, "source", render_text(t.source));
        json_object_set_new(other, "next", json_string(next));
        json_array_append_new(list, other);
    }
    x509_report_free(&gone.facts);
    return list;
}

static void removed(struct client *client, enum reply reply, struct slice text)
{
    uint8_t fingerprint[FINGERPRINT_SIZE];
    char sentence[96];
    size_t n;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *json = json_object();
    json_object_set_new(json, "removed", hex_parse(fingerprint, sizeof fingerprint, text)
                                             ? control_fingerprint(fingerprint) : json_null());
    json_object_update(json, client->own);
    n = json_array_size(json_object_get(json, "others"));
    snprintf(sentence, sizeof sentence,
             "removed; the trust store also holds %zu of the same cluster", n);
    json_object_set_new(json, "text", json_string(n == 0 ? "removed" : sentence));
    control_ok(client, json);
}

static void json_done(void *own)
{
    json_decref(own);
}

void verb_trust_remove(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct command command = {.type = COMMAND_TRUST_REMOVE};
    char wanted[2 * FINGERPRINT_SIZE + 1];
    struct slice text;
    struct view_trust t;
    if (!control_text(client, "fingerprint", true, &text))
        return;
    size_t n = digits(text, wanted);
    if (n == 0) {
        control_refused(client, REPLY_TRUST_UNKNOWN, text);
        return;
    }
    client->own = json_object();
    client->own_free = json_done;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (begins(t.fingerprint, wanted, n)) { /* more than one: refused */
            json_object_set_new(client->own, "subject", render_text(t.subject));
            json_object_set_new(client->own, "others", others_json(core, &t));
            break;
        }
    /* Blanks, as copied from a page, would make several words of it. */
    wanted[n] = '\0';
    json_object_set_new(client->args, "fingerprint", json_string(wanted));
    control_change_then(client, &command, true, removed);
}

/* --- import */

/* The other cluster that announced that certificate, or showed it last. */
static bool owner_of(const struct ils *core, const uint8_t *fingerprint, struct view_cluster *ret)
{
    struct view_ready r;
    for (size_t i = 1; view_cluster(core, i, ret); i++)
        if ((view_ready(core, i, METHOD_TLS, &r) && r.fingerprint.n == FINGERPRINT_SIZE &&
             memcmp(r.fingerprint.p, fingerprint, FINGERPRINT_SIZE) == 0) ||
            (ret->certificate.n == FINGERPRINT_SIZE &&
             memcmp(ret->certificate.p, fingerprint, FINGERPRINT_SIZE) == 0))
            return true;
    return false;
}

static json_t *imported_json(const struct ils *core, const uint8_t *fingerprint, bool crl,
                             struct slice subject, bool authority, wall not_after, bool already)
{
    struct view_cluster c;
    json_t *json = json_object();
    json_object_set_new(json, "cluster_id",
                        owner_of(core, fingerprint, &c) ? control_text_or_null(c.cluster_id)
                                                        : json_null());
    json_object_set_new(json, "fingerprint", control_fingerprint(fingerprint));
    json_object_set_new(json, "kind", json_string(kind_word(crl)));
    json_object_set_new(json, "subject", render_text(subject));
    json_object_set_new(json, "authority", json_boolean(authority));
    json_object_set_new(json, "not_after", control_time(not_after));
    json_object_set_new(json, "already", json_boolean(already));
    return json;
}

/* Whether importing it changes nothing. As an authority it is more than as one cluster's. */
static bool is_there(const struct ils *core, const struct x509_item *item)
{
    struct view_trust t;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (memcmp(t.fingerprint, item->fingerprint, FINGERPRINT_SIZE) == 0)
            return t.authority || !item->authority;
    return false;
}

static bool verdict_is_there(const struct ils *core, const uint8_t verdict_id[VERDICT_ID_SIZE])
{
    struct view_refused r;
    for (size_t i = 0; view_refused(core, i, &r); i++)
        if (memcmp(r.verdict_id, verdict_id, VERDICT_ID_SIZE) == 0)
            return r.imported;
    return false;
}

/* By a verdict: the core says which one it was. */
static void imported_under(const struct ils *core, json_t *list, struct slice text, bool already)
{
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct view_trust t;
    if (json_array_size(list) > 0 || !hex_parse(fingerprint, sizeof fingerprint, text))
        return;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (memcmp(t.fingerprint, fingerprint, sizeof fingerprint) == 0)
            json_array_append_new(list, imported_json(core, t.fingerprint, false, t.subject,
                                                      t.authority, t.not_after, already));
}

static void imported(struct client *client, enum reply reply, struct slice text)
{
    char sentence[80];
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *json = client->own, *list = json_object_get(json, "imported"), *row;
    bool known = json_is_true(json_object_get(json, "known"));
    size_t i, already = 0;
    json_object_del(json, "known");
    imported_under(runtime_core(client->control->rt), list, text, known);
    json_array_foreach(list, i, row)
        already += json_is_true(json_object_get(row, "already"));
    snprintf(sentence, sizeof sentence, already > 0 ? "%zu imported, %zu already there"
                                                    : "%zu imported",
             json_array_size(list) - already, already);
    json_object_set_new(json, "text", json_string(sentence));
    control_ok(client, json_incref(json));
}

static json_t *import_begin(struct client *client)
{
    json_t *json = json_object();
    json_object_set_new(json, "imported", json_array());
    json_object_set_new(json, "notes", json_array());
    client->own = json;
    client->own_free = json_done;
    return json;
}

/* "block 3 ..." as the line at which that block begins; other words are about the file. */
static void line_of(const struct client *client, const char *text, char *dst, size_t size)
{
    static const char begin[] = "-----BEGIN ";
    const char *p = client->content, *end = p + client->content_n;
    unsigned block = 0, line = 1;
    snprintf(dst, size, "the file");
    if (p == NULL || sscanf(text, "block %u ", &block) != 1)
        return;
    for (const char *from = p; block > 0; block--, from = p + 1) {
        p = memmem(from, (size_t)(end - from), begin, sizeof begin - 1);
        if (p == NULL)
            return;
    }
    for (const char *c = client->content; c < p; c++)
        line += *c == '\n';
    snprintf(dst, size, "line %u", line);
}

static void import_refused(struct client *client, const char *name, const char *text, bool bundle)
{
    char where[48];
    line_of(client, text, where, sizeof where);
    control_error(client, name, text,
                  bundle ? "ils help trust bundle import" : "ils help trust import", where);
}

/* With the authorities that are believed already, and those that come in the same file. */
static int crls_hold(const struct ils *core, const struct x509_bag *bag, char *error, size_t size)
{
    struct view_trust t;
    size_t n = 0;
    bool any = false;
    for (size_t i = 0; i < bag->n; i++)
        any = any || bag->item[i].crl;
    if (!any)
        return 0;
    while (view_trust(core, n, &t))
        n++;
    struct x509_store_item *item = calloc(n + bag->n, sizeof *item);
    if (item == NULL)
        abort();
    n = 0;
    for (size_t i = 0; i < bag->n; i++)
        item[n++] = (struct x509_store_item){bag->item[i].crl, bag->item[i].der,
                                             !bag->item[i].authority};
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (t.kind == TRUST_CERTIFICATE)
            item[n++] = (struct x509_store_item){false, t.der, !t.authority};
    int wrong = x509_crls_hold(item, n, error, size);
    free(item);
    return wrong;
}

/* Hands all that the bag holds to the core. */
static void import_bag(struct client *client, const struct x509_bag *bag, const char *source)
{
    struct command command = {.type = COMMAND_TRUST_ADD, .source = slice_of(source)};
    struct trust_item *item = calloc(bag->n + 1, sizeof *item);
    const struct ils *core = runtime_core(client->control->rt);
    json_t *json = import_begin(client);
    json_t *list = json_object_get(json, "imported");
    if (item == NULL) {
        control_no_memory(client);
        return;
    }
    for (size_t i = 0; i < bag->n; i++) {
        const struct x509_item *from = &bag->item[i];
        item[i] = (struct trust_item){.kind = from->crl ? TRUST_CRL : TRUST_CERTIFICATE,
                                      .der = from->der,
                                      .subject = from->subject,
                                      .not_after = from->not_after,
                                      .authority = from->authority};
        memcpy(item[i].fingerprint, from->fingerprint, FINGERPRINT_SIZE);
        json_array_append_new(list, imported_json(core, from->fingerprint, from->crl,
                                                  from->subject, from->authority,
                                                  from->not_after, is_there(core, from)));
    }
    if (bag->key.n > 0)
        json_array_append_new(json_object_get(json, "notes"),
                              json_string("the file also holds a private key: it was ignored; "
                                          "keys are not to be handed on"));
    command.trust = item;
    command.trust_n = bag->n;
    control_change_then(client, &command, true, imported);
    free(item);
}

/* What an export says of each certificate whose word counts for nobody else. */
#define ALONE "# stands for itself"

/* Without a password: what is marked is in plain PEM, and read a second time. */
static void stands_alone(struct x509_bag *bag, struct slice block)
{
    struct x509_bag one;
    char error[X509_ERROR];
    if (x509_read(block, NULL, &one, error, sizeof error) != 0)
        return; /* no certificate: nothing of it is in the bag */
    for (size_t i = 0; i < one.n; i++)
        for (size_t k = 0; k < bag->n; k++)
            if (memcmp(one.item[i].fingerprint, bag->item[k].fingerprint, FINGERPRINT_SIZE) == 0)
                bag->item[k].authority = false;
    x509_bag_free(&one);
}

/* Each marked block, from its mark to its end, stands for itself in the bag. */
static void bundle_marks(struct x509_bag *bag, struct slice text)
{
    static const char end[] = "-----END ";
    const char *p = (const char *)text.p, *stop = p + text.n;
    while ((p = memmem(p, (size_t)(stop - p), ALONE, sizeof ALONE - 1)) != NULL) {
        const char *last = memmem(p, (size_t)(stop - p), end, sizeof end - 1);
        if (last == NULL)
            return;
        const char *line = memchr(last, '\n', (size_t)(stop - last));
        stands_alone(bag, slice_make(p, (size_t)((line != NULL ? line + 1 : stop) - p)));
        p = last;
    }
}

static void import_file(struct client *client, const char *source, bool bundle)
{
    struct slice password;
    struct x509_bag bag;
    char error[X509_ERROR], secret[1024];
    if (!control_text(client, "password", false, &password))
        return;
    if (client->content_n == 0 || client->content_n > X509_FILE_MAX) {
        import_refused(client, "CERTIFICATE",
                       client->content_n == 0 ? "the file is empty"
                                              : "a file of certificates has at most 1 MiB",
                       bundle);
        return;
    }
    slice_to_text(password, secret, sizeof secret);
    int bad = x509_read(slice_make(client->content, (size_t)client->content_n),
                        password.n > 0 ? secret : NULL, &bag, error, sizeof error);
    crypto_wipe(secret, sizeof secret);
    if (bad != 0) {
        import_refused(client, "CERTIFICATE", error, bundle);
        return;
    }
    if (bundle)
        bundle_marks(&bag, slice_make(client->content, (size_t)client->content_n));
    if (bag.n == 0)
        import_refused(client, "CERTIFICATE", "there is no certificate in it", bundle);
    else if (crls_hold(runtime_core(client->control->rt), &bag, error, sizeof error) != 0)
        import_refused(client, "CERTIFICATE", error, bundle);
    else
        import_bag(client, &bag, source);
    x509_bag_free(&bag);
}

static void import_verdict(struct client *client, struct slice text)
{
    struct command command = {.type = COMMAND_TRUST_VERDICT};
    if (!hex_parse(command.verdict_id, sizeof command.verdict_id, text)) {
        control_error(client, "SETTING", "a verdict is 16 hex digits", "ils trust list",
                      "verdict");
        return;
    }
    json_t *json = import_begin(client);
    json_object_set_new(json, "known", json_boolean(verdict_is_there(
                                           runtime_core(client->control->rt), command.verdict_id)));
    control_change_then(client, &command, true, imported);
}

void verb_trust_import(struct client *client)
{
    struct slice verdict;
    if (!control_text(client, "verdict", false, &verdict))
        return;
    if (verdict.n > 0 && client->content_n > 0)
        import_refused(client, "SETTING", "either a file or a verdict is imported", false);
    else if (verdict.n > 0)
        import_verdict(client, verdict);
    else
        import_file(client, "import", false);
}

void verb_trust_bundle_import(struct client *client)
{
    import_file(client, "bundle", true);
}

/* --- export */

struct bundle {
    char *text;
    size_t n, size;
    json_int_t count;
    FILE *out;
};

/* c: whose certificate it is, or NULL. */
static void bundle_add(struct bundle *b, const struct view_trust *t, const struct view_cluster *c)
{
    bool crl = t->kind == TRUST_CRL;
    char print[RENDER_FINGERPRINT], id[2 * PEER_ID_SIZE + 1] = "";
    char *pem = control_pem(crl ? "X509 CRL" : "CERTIFICATE", t->der);
    render_fingerprint(print, t->fingerprint);
    if (pem != NULL && c != NULL) {
        hex_text(id, c->peer_id, PEER_ID_SIZE);
        fprintf(b->out, "# cluster %.*s %s\n", (int)c->cluster_id.n,
                (const char *)c->cluster_id.p, id);
    }
    if (pem != NULL)
        fprintf(b->out, "# %s%.*s\n# SHA-256 %s\n%s%s\n", crl ? "CRL of " : "", (int)t->subject.n,
                (const char *)t->subject.p, print, crl || t->authority ? "" : ALONE "\n", pem);
    b->count += pem != NULL;
    free(pem);
}

/* One's own certificate makes no authority of this cluster, unless its operator believes it as
 * such, too. */
static void bundle_add_own(struct bundle *b, const struct ils *core, const struct view_own *own)
{
    struct view_trust one = {.kind = TRUST_CERTIFICATE, .der = own->leaf, .subject = own->subject};
    struct view_cluster self;
    struct view_trust t;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (memcmp(t.fingerprint, own->fingerprint, FINGERPRINT_SIZE) == 0)
            one.authority = t.authority;
    memcpy(one.fingerprint, own->fingerprint, FINGERPRINT_SIZE);
    bundle_add(b, &one, view_cluster(core, 0, &self) ? &self : NULL);
}

static bool in_store(const struct ils *core, const uint8_t *fingerprint)
{
    struct view_trust t;
    for (size_t i = 0; view_trust(core, i, &t); i++)
        if (memcmp(t.fingerprint, fingerprint, FINGERPRINT_SIZE) == 0)
            return true;
    return false;
}

/* Those of clusters that were met and would be let in with it by another way than an import: who
 * they are was proved here, and others may want to know it. */
static void bundle_add_met(struct bundle *b, const struct ils *core)
{
    struct view_cluster c;
    struct view_ready r;
    struct x509_report facts;
    for (size_t i = 1; view_cluster(core, i, &c); i++) {
        if (!c.met || !view_ready(core, i, METHOD_TLS, &r) || r.here != CODE_JOINED ||
            in_store(core, r.fingerprint.p) || x509_facts(r.der, &facts) != 0)
            continue;
        struct view_trust one = {.kind = TRUST_CERTIFICATE, .der = r.der,
                                 .subject = facts.certificate.subject};
        memcpy(one.fingerprint, r.fingerprint.p, FINGERPRINT_SIZE);
        bundle_add(b, &one, &c);
        x509_report_free(&facts);
    }
}

/* One's own certificates come first: whoever imports the bundle is to accept this cluster, too. */
void verb_trust_bundle_export(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct bundle b = {0};
    struct view_cluster c;
    struct view_own own;
    struct view_trust t;
    b.out = open_memstream(&b.text, &b.n);
    if (b.out == NULL) {
        control_no_memory(client);
        return;
    }
    for (size_t i = 0; i < 2; i++)
        if (view_own(core, i, &own))
            bundle_add_own(&b, core, &own);
    for (size_t i = 0; view_trust(core, i, &t); i++)
        bundle_add(&b, &t, owner_of(core, t.fingerprint, &c) ? &c : NULL);
    bundle_add_met(&b, core);
    fclose(b.out);
    json_t *json = json_object();
    json_object_set_new(json, "pem", b.text != NULL ? json_stringn(b.text, b.n) : json_null());
    json_object_set_new(json, "count", json_integer(b.count));
    free(b.text);
    control_ok(client, json);
}

/* --- introductions */

static json_t *introductions_json(const struct ils *core)
{
    static const char how[] = "introduced by ";
    struct view_self self;
    struct view_cluster c;
    struct view_trust t;
    json_t *json = json_object(), *list = json_array();
    view_self(core, &self);
    for (size_t i = 0; view_trust(core, i, &t); i++) {
        if (t.source.n < sizeof how - 1 || memcmp(t.source.p, how, sizeof how - 1) != 0)
            continue;
        json_t *row = trust_json(&t);
        json_object_set_new(row, "cluster_id",
                            owner_of(core, t.fingerprint, &c) ? control_text_or_null(c.cluster_id)
                                                              : json_null());
        json_array_append_new(list, row);
    }
    json_object_set_new(json, "introductions", json_boolean(self.introductions));
    json_object_set_new(json, "imported", list);
    return json;
}

void verb_introductions(struct client *client)
{
    control_ok(client, introductions_json(runtime_core(client->control->rt)));
}

static void introductions_set(struct client *client, enum reply reply, struct slice text)
{
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *json = introductions_json(runtime_core(client->control->rt));
    json_object_set_new(json, "text", json_string("OK"));
    control_ok(client, json);
}

void verb_introductions_set(struct client *client)
{
    struct command command = {.type = COMMAND_INTRODUCTIONS};
    if (!json_is_boolean(json_object_get(client->args, "on"))) {
        control_error(client, "SETTING", "introductions are on or off",
                      "ils help trust introductions", "on");
        return;
    }
    command.raise = control_flag(client, "on", true);
    control_change_then(client, &command, true, introductions_set);
}
