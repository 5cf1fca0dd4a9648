/* diagnose_words: what is said of an attempt: cause and command from the core's table, the menu
 * path of the original, the line to look for. */
#include "daemon/diagnose.h"

#include <string.h>

#include "daemon/render.h"

#define _(text) render_word(text)

const char *diagnose_side(enum doctor_side side)
{
    return side == SIDE_C   ? _("the dialling end (spoke)")
           : side == SIDE_S ? _("the dialled end (hub)")
                            : _("an end that is not known");
}

const char *diagnose_outcome(const struct doctor_attempt *a)
{
    switch (a->outcome) {
    case OUTCOME_JOINED: return a->invite ? _("invite accepted") : _("joined");
    case OUTCOME_REFUSED: return _("not joined");
    case OUTCOME_TEST: return _("a test, not a join");
    case OUTCOME_ENDED: return _("joined, then closed");
    default: return _("outcome not shown");
    }
}

const char *diagnose_stage(enum doctor_stage stage)
{
    switch (stage) {
    case STAGE_NOTHING: return _("nothing is shown");
    case STAGE_DIALLED: return _("dialled; no connection is shown");
    case STAGE_CONNECTED: return _("connected");
    case STAGE_CERTIFICATE: return _("a certificate was judged");
    case STAGE_ACCEPTED: return _("a certificate was accepted");
    case STAGE_PASSWORD: return _("the password was tried");
    case STAGE_ESTABLISHED: return _("the link was established");
    }
    return "";
}

const char *diagnose_certainty(enum doctor_certainty certainty)
{
    return certainty == CERTAIN  ? _("certain")
           : certainty == LIKELY ? _("likely")
                                 : _("not enough evidence");
}

const char *diagnose_method(uint8_t method)
{
    switch (method) {
    case 1: return _("method 1, password");
    case 2: return _("method 2, TLS");
    case 3: return _("method 3, TLS with password");
    case 4: return _("method 4, TLS after a join by password");
    default: return _("method not shown");
    }
}

void diagnose_address(char *dst, size_t size, struct slice ip, uint16_t port)
{
    if (ip.n == 0)
        snprintf(dst, size, "?");
    else if (port == 0)
        snprintf(dst, size, "%.*s", (int)ip.n, (const char *)ip.p);
    else
        snprintf(dst, size, slice_find(ip, ':') < ip.n ? "[%.*s]:%u" : "%.*s:%u", (int)ip.n,
                 (const char *)ip.p, (unsigned)port);
}

void diagnose_time(char dst[static 16], int64_t ms)
{
    unsigned of_day = (unsigned)(ms % 86400000);
    snprintf(dst, 16, "%02u:%02u:%02u.%03u", of_day / 3600000 % 24, of_day / 60000 % 60,
             of_day / 1000 % 60, of_day % 1000);
}

static struct slice first_of(struct slice a, struct slice b)
{
    return a.n > 0 ? a : b;
}

void diagnose_ends(struct diagnose_ends *ret, const struct doctor_attempt *a)
{
    ret->c_ip = first_of(a->c.local_ip, a->s.peer_ip);
    ret->c_port = a->c.local_port != 0 ? a->c.local_port : a->s.peer_port;
    ret->host = first_of(a->c.host, first_of(a->c.peer_ip, a->s.local_ip));
    ret->s_ip = first_of(first_of(a->c.peer_ip, a->c.host), a->s.local_ip);
    ret->s_port = a->c.peer_port != 0 ? a->c.peer_port : a->s.local_port;
}

/* --- the original's menus: the page, and what is done there */

static const char certificates[] =
    "Cisco Unified OS Administration > Security > Certificate Management > ";
static const char ils_page[] =
    "Cisco Unified CM Administration > Advanced Features > ILS Configuration > ";

static const char *menu_self_signed(const struct doctor_attempt *a)
{
    if (a->row == ROW_B2 || a->row == ROW_B5 || a->row == ROW_H3)
        return _("Upload Certificate/Certificate chain: the other end's Tomcat certificate to "
                 "tomcat-trust");
    return _("Upload Certificate/Certificate chain: the other end's Tomcat certificate to "
             "tomcat-trust; or, at the other end, Generate CSR, have the Tomcat certificate signed "
             "by an authority whose root is in tomcat-trust, and upload it to tomcat");
}

static const char *menu_certificates(const struct doctor_attempt *a)
{
    switch ((int)a->code) {
    case CODE_SELF_SIGNED: return menu_self_signed(a);
    case CODE_NO_CHAIN:
        return _("Upload Certificate/Certificate chain: root and intermediate certificates of the "
                 "other end's authority to tomcat-trust");
    case CODE_EXPIRED:
    case CODE_NOT_YET_VALID:
    case CODE_REVOKED:
    case CODE_WEAK_KEY:
        return _("tomcat > Generate CSR, have it signed, upload the new certificate to tomcat, "
                 "restart Cisco Tomcat and Cisco Intercluster Lookup Service");
    case CODE_PURPOSE:
        return _("tomcat > Generate CSR, have it signed with both purposes (TLS Web Server and TLS "
                 "Web Client Authentication), upload it to tomcat, restart Cisco Tomcat and Cisco "
                 "Intercluster Lookup Service");
    case CODE_ISSUER_NO_CA:
    case CODE_PATH_TOO_LONG:
    case CODE_CHAIN_INVALID:
        return _("Upload Certificate/Certificate chain: the right chain, or the other end's Tomcat "
                 "certificate itself, to tomcat-trust");
    case CODE_NOT_IMPORTED:
    case CODE_NOT_MET:
        return _("Upload Certificate/Certificate chain: the other end's Tomcat certificate to "
                 "tomcat-trust; or, at both ends, Advanced Features > ILS Configuration > ILS "
                 "Authentication > Use Password beside Use TLS Certificates");
    default: return NULL;
    }
}

static const char *menu_ils(enum code code)
{
    switch ((int)code) {
    case CODE_PASSWORD_DIFFERS:
    case CODE_GENERATION_UNKNOWN:
        return _("ILS Authentication > Use Password: the same password as at the other end, twice "
                 "> Save");
    case CODE_PASSWORD_MISSING:
        return _("ILS Authentication > check Use Password beside Use TLS Certificates, the "
                 "network's password twice > Save");
    case CODE_METHOD_DIFFERS:
        return _("ILS Authentication > check the same boxes as at the other end > Save");
    case CODE_NAME:
        return _("ILS Cluster Registration > Registration Server: the name in the hub's "
                 "certificate > OK");
    case CODE_NOT_A_HUB: return _("Role > Hub Cluster > Save");
    default: return NULL;
    }
}

static void menu_of(char *dst, size_t size, const struct doctor_attempt *a)
{
    const char *there = menu_certificates(a);
    if (there != NULL)
        snprintf(dst, size, "%s%s", certificates, there);
    else if ((there = menu_ils(a->code)) != NULL)
        snprintf(dst, size, "%s%s", ils_page, there);
    else if (a->code == CODE_REFUSED || a->code == CODE_SILENT)
        snprintf(dst, size,
                 "Cisco Unified Serviceability > Tools > Control Center - Feature "
                 "Services > Cisco Intercluster Lookup Service > Start");
    else if (a->code == CODE_UNRESOLVED)
        snprintf(dst, size, "utils network host NAME; set network dns primary ADDRESS");
}

/* --- this product's command, with what the lines say */

/* The verdict line's id is the same at both ends. */
static bool verdict_id(const struct doctor_attempt *a, uint8_t id[static 8])
{
    const struct doctor_end *e = a->c.has_verdict ? &a->c : a->s.has_verdict ? &a->s : &a->u;
    memcpy(id, e->verdict, 8);
    return e->has_verdict;
}

static void address_take(struct address *dst, struct slice ip, uint16_t port)
{
    slice_to_text(ip, dst->ip, sizeof dst->ip);
    dst->port = port;
}

static void verdict_make(struct verdict *v, const struct doctor_attempt *a)
{
    struct diagnose_ends ends;
    diagnose_ends(&ends, a);
    *v = (struct verdict){.code = a->code,
                          .dialler = a->remedy_at != SIDE_S,
                          .tls = a->tls == 1,
                          .host = ends.host,
                          .port = ends.s_port,
                          .name = a->name};
    address_take(&v->peer, ends.s_ip, ends.s_port);
    address_take(&v->local, ends.c_ip, ends.c_port);
    v->rule = a->row == ROW_C1                       ? RULE_ROOT
              : a->row == ROW_D1 || a->row == ROW_H6 ? RULE_MET
              : a->tls == 1                          ? RULE_IMPORTED
                                                     : RULE_NONE;
    v->method = a->tls == 0 ? METHOD_PASSWORD : a->method == 3 ? METHOD_TLS_PASSWORD : METHOD_TLS;
    v->remedy_at = SIDE_HERE;
    if (v->host.n == 0)
        v->host = slice_of("HOST");
    if (v->port == 0)
        v->port = a->tls == 1 ? 7501 : 7502;
    verdict_id(a, v->id);
}

static bool has_word(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/* The same template with a word where the lines say nothing, and how to find it. */
static void command_unknown(struct advice *ret, const struct doctor_attempt *a)
{
    uint8_t id[8];
    struct diagnose_ends ends;
    diagnose_ends(&ends, a);
    char *zeros = strstr(ret->command, "0000000000000000");
    if (!verdict_id(a, id) && zeros != NULL) {
        memmove(zeros + 2, zeros + 16, strlen(zeros + 16) + 1);
        memcpy(zeros, "ID", 2);
        snprintf(ret->how, sizeof ret->how, "%s",
                 _("ID: the verdict id that `ils verdicts` shows at that end; or import the other "
                   "end's certificate from a file: ils trust import FILE"));
    } else if (has_word(ret->command, "--generation")) {
        snprintf(
            ret->how, sizeof ret->how, "%s",
            _("the generation is 1 unless `ils password list` at the other end shows another"));
    } else if (a->code == CODE_METHOD_DIFFERS) {
        snprintf(ret->how, sizeof ret->how, "%s",
                 _("the method that the dialling end offers: `ils auth show` there"));
    } else if (ends.host.n == 0 && has_word(ret->command, "HOST")) {
        snprintf(ret->how, sizeof ret->how, "%s", _("HOST: the hub, as it was dialled"));
    } else if (a->code == CODE_PENALTY) {
        snprintf(ret->how, sizeof ret->how, "%s", _("the time that is left: `ils verdicts`"));
    }
}

/* What is searched for in a trace to find the line: a part of it that has no values of its own. */
static const char *line_words(enum doctor_line line)
{
    switch ((int)line) {
    case LINE_T3: return "Server Connection to PeerId";
    case LINE_T9: return "ConnectIndInner starting to PeerId";
    case LINE_T10: return "EncrUtil::decryptData failed";
    case LINE_T11: return "sending ILSPwdAuthenticationFailed alarm";
    case LINE_T12: return "peer certificates are in certificate store";
    case LINE_T15: return "HandleSSLError - Certificate verification failed";
    case LINE_T20: return "certificate is not in the local store";
    case LINE_T24: return "peer certificates are not in certificate store but Root CA";
    case LINE_T32: return "FQDN is in PeerInfoVector";
    default: return "";
    }
}

static void look_for(struct advice *ret, const struct doctor_attempt *a)
{
    char lines[ADVICE_MAX - 200] = "";
    if (a->look == 0 || a->certainty == CERTAIN)
        return;
    for (int i = 1; i < DOCTOR_LINES; i++) {
        if ((a->look & DOCTOR_BIT(i)) == 0)
            continue;
        size_t n = strlen(lines);
        const char *words = line_words((enum doctor_line)i);
        snprintf(lines + n, sizeof lines - n, words[0] != '\0' ? "%s%s \"%s\"" : "%s%s%s",
                 n > 0 ? ", " : "", doctor_line_name((enum doctor_line)i), words);
    }
    snprintf(ret->look, sizeof ret->look,
             a->look_at == SIDE_UNKNOWN ? _("look for one of %s in both ends' traces")
                                        : _("look for one of %s in the trace of %s"),
             lines, diagnose_side(a->look_at));
}

void diagnose_advice(struct advice *ret, const struct doctor_attempt *a)
{
    struct verdict v;
    const struct slice nobody = {NULL, 0};
    *ret = (struct advice){.where = diagnose_side(a->remedy_at)};
    look_for(ret, a);
    if (a->code == CODE_NONE)
        return;
    verdict_make(&v, a);
    if (a->outcome == OUTCOME_TEST)
        snprintf(ret->cause, sizeof ret->cause, "%s",
                 _("somebody tested the way to here (`ils diagnose`), or a newer attempt took "
                   "over: nothing is wrong"));
    else if (a->invite && a->outcome == OUTCOME_JOINED)
        snprintf(ret->cause, sizeof ret->cause, "%s",
                 _("the invite was good: each end has imported the other's certificate; the join "
                   "itself follows on a connection of its own"));
    else
        render_cause(ret->cause, sizeof ret->cause, &v);
    if (a->remedy_here)
        ret->where = _("the end that wrote these lines");
    else if (a->remedy_there)
        ret->where = _("the other end than the one that wrote these lines");
    else if (a->remedy_at == SIDE_UNKNOWN && a->code == CODE_PASSWORD_MISSING)
        ret->where = _("the end that does not use the password (`ils auth show`)");
    else if (a->code == CODE_VERSION)
        ret->where = _("the older end (`ils verdicts` there names both versions)");
    if (a->outcome == OUTCOME_JOINED || a->outcome == OUTCOME_TEST)
        return;
    render_remedy(ret->command, sizeof ret->command, &v, nobody);
    command_unknown(ret, a);
    menu_of(ret->menu, sizeof ret->menu, a);
}
