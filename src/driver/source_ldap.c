/* source_ldap: a search in a directory, as a module. `attributes` says which attribute is what:
 * URI=mail,NUMBER=telephoneNumber; the words are the names of columns (driver/source_rows.h), and
 * one may stand for several attributes. An object with several values gives a row for each. ldap://
 * is secured with StartTLS unless the spec says that it is not to be. */
#include <ldap.h>
#include <stdio.h>
#include <sys/time.h>

#include "driver/source_call.h"

#define PAGE           500
#define CONNECT_SECONDS 5
#define ATTRIBUTES_MAX 16

struct mapping {
    char text[512];
    const char *attribute[ATTRIBUTES_MAX + 1]; /* NULL ends them */
    size_t column[ATTRIBUTES_MAX];
    size_t attribute_n;
    char name[ATTRIBUTES_MAX][24]; /* of columns, in lower case */
    size_t column_n, failover;     /* its column, or ATTRIBUTES_MAX */
    struct berval **value[ATTRIBUTES_MAX]; /* of the object being read */
};

static void fail(struct source_call *call, LDAP *ld, int code)
{
    char *more = NULL;
    if (ld != NULL)
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    char search[256];
    const char *next = search;
    snprintf(search, sizeof search, "ldapsearch -x -H '%.80s' -b '%.60s' '%.60s'",
             call->spec->place, call->spec->base, call->spec->filter);
    if (code == LDAP_CONNECT_ERROR && call->spec->plain == false)
        next = "ils source add ... --ca FILE (the authority of the server's certificate)";
    else if (code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH)
        next = "ils source add ... --bind DN --password-file FILE";
    call->failed(call->own, next, "%s: %s%s%s", call->spec->place, ldap_err2string(code),
               more != NULL && more[0] != '\0' ? ": " : "", more != NULL ? more : "");
    ldap_memfree(more);
}

/* --- which attribute is what */

static size_t column_of(struct mapping *m, const char *name)
{
    char lower[24];
    size_t n = 0;
    for (; name[n] != '\0' && n + 1 < sizeof lower; n++)
        lower[n] = (char)ascii_lower((uint8_t)name[n]);
    lower[n] = '\0';
    for (size_t i = 0; i < m->column_n; i++)
        if (strcmp(m->name[i], lower) == 0)
            return i;
    memcpy(m->name[m->column_n], lower, n + 1);
    if (strcmp(lower, "failover") == 0)
        m->failover = m->column_n;
    return m->column_n++;
}

static bool map(struct source_call *call, struct mapping *m)
{
    const char *name[ATTRIBUTES_MAX];
    char *rest = NULL;
    *m = (struct mapping){.failover = ATTRIBUTES_MAX};
    snprintf(m->text, sizeof m->text, "%s", call->spec->attributes);
    for (char *word = strtok_r(m->text, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        char *equals = strchr(word, '=');
        if (equals == NULL || equals[1] == '\0' || m->attribute_n == ATTRIBUTES_MAX) {
            m->attribute_n = 0;
            break;
        }
        *equals = '\0';
        m->column[m->attribute_n] = column_of(m, word);
        m->attribute[m->attribute_n++] = equals + 1;
    }
    if (m->attribute_n == 0) {
        call->failed(call->own, "ils help source add", "the attributes are not understood: '%s'; "
                   "they are URI=mail,NUMBER=telephoneNumber", call->spec->attributes);
        return false;
    }
    for (size_t i = 0; i < m->column_n; i++)
        name[i] = m->name[i];
    return call->columns(call->own, m->column_n, name);
}

/* --- the connection */

/* The next message of an operation; NULL: said. The caller frees it. */
static LDAPMessage *await(struct source_call *call, LDAP *ld, int id)
{
    LDAPMessage *message = NULL;
    int type = 0;
    while (type == 0 && source_goes_on(call)) {
        struct timeval slice = {.tv_usec = SOURCE_SLICE_MS * 1000};
        type = ldap_result(ld, id, LDAP_MSG_ONE, &slice, &message);
        if (type < 0) {
            int code = LDAP_OTHER;
            ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
            fail(call, ld, code);
        }
    }
    if (type > 0)
        return message;
    ldap_msgfree(message);
    return NULL;
}

static bool set_up(struct source_call *call, LDAP *ld)
{
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    struct timeval patience = {.tv_sec = CONNECT_SECONDS};
    const char *ca = call->spec->ca;
    int code = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &patience);
    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &patience);
    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (code == LDAP_SUCCESS && ca[0] != '\0')
        code = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca);
    if (code == LDAP_SUCCESS)
        code = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
    if (code != LDAP_SUCCESS) {
        call->failed(call->own, "ls -l FILE", "the authority in '%s' cannot be used", ca);
        return false;
    }
    if (strncasecmp(call->spec->place, "ldap://", 7) == 0 && !call->spec->plain)
        code = ldap_start_tls_s(ld, NULL, NULL);
    if (code != LDAP_SUCCESS)
        fail(call, ld, code);
    return code == LDAP_SUCCESS;
}

static bool bind_to(struct source_call *call, LDAP *ld)
{
    struct berval secret = {.bv_val = (char *)(uintptr_t)call->password,
                            .bv_len = call->password != NULL ? strlen(call->password) : 0};
    int id = 0, result = LDAP_OTHER;
    if (call->spec->bind[0] == '\0')
        return true;
    if (call->password == NULL) { /* without one it would be anonymous, and seem to work */
        call->failed(call->own, "ils source add ... --password-file FILE",
                   "to bind as %s takes a password", call->spec->bind);
        return false;
    }
    int code = ldap_sasl_bind(ld, call->spec->bind, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &id);
    LDAPMessage *message = code == LDAP_SUCCESS ? await(call, ld, id) : NULL;
    if (code == LDAP_SUCCESS && message == NULL)
        return false;
    if (code == LDAP_SUCCESS)
        code = ldap_parse_result(ld, message, &result, NULL, NULL, NULL, NULL, 1);
    if (code == LDAP_SUCCESS && result != LDAP_SUCCESS)
        code = result;
    if (code != LDAP_SUCCESS)
        fail(call, ld, code);
    return code == LDAP_SUCCESS;
}

/* --- the search */

/* Value i of a column, over all of its attributes. False: it has not so many. */
static bool value_at(const struct mapping *m, size_t column, size_t i, struct slice *ret)
{
    *ret = slice_make(NULL, 0);
    for (size_t a = 0; a < m->attribute_n; a++) {
        if (m->column[a] != column)
            continue;
        size_t n = (size_t)ldap_count_values_len(m->value[a]);
        if (i < n) {
            *ret = slice_make(m->value[a][i]->bv_val, m->value[a][i]->bv_len);
            return true;
        }
        i -= n;
    }
    return false;
}

/* One object: as many rows as its richest column has values. */
static bool take_object(struct source_call *call, LDAP *ld, LDAPMessage *entry, struct mapping *m,
                        uint64_t number)
{
    struct slice field[SOURCE_FIELDS_MAX];
    char *dn = ldap_get_dn(ld, entry);
    bool more = true, good = true;
    for (size_t a = 0; a < m->attribute_n; a++)
        m->value[a] = ldap_get_values_len(ld, entry, m->attribute[a]);
    for (size_t i = 0; more && good; i++) {
        more = false;
        for (size_t c = 0; c < m->column_n; c++) {
            bool has = value_at(m, c, c == m->failover ? 0 : i, &field[c]);
            more = more || (has && c != m->failover);
        }
        if (more)
            good = call->row(call->own, number, dn, field);
    }
    for (size_t a = 0; a < m->attribute_n; a++)
        ldap_value_free_len(m->value[a]);
    ldap_memfree(dn);
    return good;
}

/* The end of one page; the cookie of the next, empty after the last. */
static bool take_end(struct source_call *call, LDAP *ld, LDAPMessage *message,
                     struct berval *cookie)
{
    LDAPControl **controls = NULL;
    int result = LDAP_OTHER;
    ber_int_t estimate;
    ber_memfree(cookie->bv_val);
    *cookie = (struct berval){0};
    int code = ldap_parse_result(ld, message, &result, NULL, NULL, NULL, &controls, 0);
    if (code == LDAP_SUCCESS)
        code = result;
    LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
    if (code == LDAP_SUCCESS && page != NULL)
        code = ldap_parse_pageresponse_control(ld, page, &estimate, cookie);
    ldap_controls_free(controls);
    if (code != LDAP_SUCCESS)
        fail(call, ld, code);
    return code == LDAP_SUCCESS;
}

/* False: it is over, for better or worse. */
static bool one_page(struct source_call *call, LDAP *ld, struct mapping *m, struct berval *cookie,
                     uint64_t *number)
{
    LDAPControl *page = NULL;
    int id = 0;
    int code = ldap_create_page_control(ld, PAGE, cookie->bv_len > 0 ? cookie : NULL, 0, &page);
    LDAPControl *controls[] = {page, NULL};
    if (code == LDAP_SUCCESS)
        code = ldap_search_ext(ld, call->spec->base, LDAP_SCOPE_SUBTREE, call->spec->filter,
                               (char **)(uintptr_t)m->attribute, 0, controls, NULL, NULL, 0, &id);
    ldap_control_free(page);
    if (code != LDAP_SUCCESS) {
        fail(call, ld, code);
        return false;
    }
    for (;;) {
        LDAPMessage *message = await(call, ld, id);
        if (message == NULL)
            return false;
        int type = ldap_msgtype(message);
        bool good = true;
        if (type == LDAP_RES_SEARCH_ENTRY)
            good = take_object(call, ld, message, m, ++*number);
        else if (type == LDAP_RES_SEARCH_RESULT)
            good = take_end(call, ld, message, cookie);
        ldap_msgfree(message);
        if (!good)
            return false;
        if (type == LDAP_RES_SEARCH_RESULT)
            return cookie->bv_len > 0;
    }
}

static void fetch(struct source_call *call)
{
    struct mapping m;
    struct berval cookie = {0};
    uint64_t number = 0;
    LDAP *ld = NULL;
    if (!map(call, &m))
        return;
    int code = ldap_initialize(&ld, call->spec->place);
    if (code != LDAP_SUCCESS) {
        fail(call, NULL, code);
        return;
    }
    if (set_up(call, ld) && bind_to(call, ld))
        while (one_page(call, ld, &m, &cookie, &number))
            continue;
    ber_memfree(cookie.bv_val);
    ldap_unbind_ext_s(ld, NULL, NULL);
}

extern const struct source_module openils_source;
const struct source_module openils_source = {SOURCE_MODULE_VERSION, fetch};
