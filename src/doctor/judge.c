/* judge: what the lines of an attempt mean. The line that decides names the scenario; where it is
 * not there, the verdict line of this product may say as much; where that is not there either, the
 * doctor says which line to look for, and does not guess. */
#include "doctor/inside.h"

#define B(line) DOCTOR_BIT(LINE_##line)
#define R(row)  DOCTOR_BIT(ROW_##row)

static const uint64_t accepted = B(T12) | B(T24) | B(T32);
static const uint64_t up = B(T3) | B(T9);
/* Lines that a trace at level detailed has, and a quotation of the deciding ones has not. */
static const uint64_t whole_trace = B(T2) | B(T4) | B(T5) | B(T6) | B(T7) | B(T18) | B(T22) | B(V1);

#define BEFORE_MAX 4096 /* ends that are looked through for an earlier join */

struct facts {
    struct doctor_attempt *a;
    const struct end *end[2];
    const struct end *c, *s, *u;
    uint64_t lines;
    enum code told; /* by a verdict line that says why, or CODE_NONE */
    const struct end *teller;
    bool met;        /* the same address joined by password before, in the same trace */
    bool any_method; /* the row has one, but the lines do not tell */
};

static enum doctor_side opposite(enum doctor_side side)
{
    return side == SIDE_C ? SIDE_S : side == SIDE_S ? SIDE_C : SIDE_UNKNOWN;
}

static const struct end *end_with(const struct facts *f, uint64_t lines)
{
    for (size_t i = 0; i < 2; i++)
        if (f->end[i] != NULL && (f->end[i]->lines & lines) != 0)
            return f->end[i];
    return NULL;
}

static void set_row(struct doctor_attempt *a, enum doctor_row row, uint64_t same, enum code code,
                    enum doctor_certainty certainty)
{
    a->row = row;
    a->same = same & ~DOCTOR_BIT(row);
    a->code = code;
    a->certainty = certainty;
}

/* Who said no: this end. */
static void set_end(struct doctor_attempt *a, const struct end *e)
{
    a->outcome = OUTCOME_REFUSED;
    a->end = e->side;
    a->remedy_here = e->side == SIDE_UNKNOWN;
}

static void unclear(struct doctor_attempt *a, uint64_t look, enum doctor_side at)
{
    a->certainty = UNCLEAR;
    a->look = look;
    a->look_at = at;
}

static bool in_doubt(const struct facts *f)
{
    return (f->end[0] != NULL && f->end[0]->doubtful) || (f->end[1] != NULL && f->end[1]->doubtful);
}

static bool opened_in_doubt(const struct facts *f)
{
    return (f->end[0] != NULL && f->end[0]->opened_doubtful) ||
           (f->end[1] != NULL && f->end[1]->opened_doubtful);
}

static bool is_tls(const struct facts *f)
{
    return f->a->tls == 1;
}

/* --- certificates */

/* The rows of a self-signed certificate that the dialling end refused, or the dialled one. By which
 * method it was tried shows in how the other certificate passed; else, in the original's traces, in
 * the lines that follow. This product writes them by every method. */
static void self_signed(struct facts *f, enum doctor_side at, enum doctor_certainty certainty)
{
    const uint64_t at_c = R(B2) | R(C3) | R(C4) | R(D2) | R(H3);
    const uint64_t at_s = R(C2) | R(B5) | R(D3) | R(H3);
    uint64_t lines = f->lines;
    bool alarm = (lines & (B(T17) | B(T21))) != 0, fault = (lines & B(T30)) != 0;
    bool tls = (lines & B(T12)) != 0 || (alarm && !fault);
    bool both = (lines & (B(T24) | B(T28))) != 0 || (fault && !alarm);
    bool met = (lines & B(T32)) != 0 || (!tls && !both && f->met);
    enum doctor_row row;
    if (at == SIDE_S)
        row = met ? ROW_D3 : both ? ROW_C2 : tls || alarm ? ROW_B5 : ROW_D3;
    else
        row = met ? ROW_D2 : both ? ROW_C3 : tls || (lines & (B(T17) | B(T18))) ? ROW_B2 : ROW_D2;
    set_row(f->a, row,
            at == SIDE_S   ? at_s
            : at == SIDE_C ? at_c
                           : at_c | at_s,
            CODE_SELF_SIGNED, certainty);
    f->any_method = alarm && fault && !met && !both && (lines & B(T12)) == 0;
}

static void certificate_row(struct facts *f, enum code code, enum doctor_side at,
                            enum doctor_certainty certainty)
{
    struct doctor_attempt *a = f->a;
    bool was_up = end_with(f, up) != NULL || f->told == CODE_JOINED;
    switch ((int)code) {
    case CODE_SELF_SIGNED: self_signed(f, at, certainty); break;
    case CODE_NO_CHAIN: set_row(a, ROW_C7, R(F1), code, certainty); break;
    case CODE_EXPIRED:
        set_row(a, was_up ? ROW_H4 : ROW_F1, R(F1) | R(H4), code, certainty);
        if (was_up)
            a->outcome = OUTCOME_ENDED;
        break;
    case CODE_NAME: set_row(a, ROW_F1, R(F2), code, certainty); break;
    default: set_row(a, ROW_F1, 0, code, certainty); break;
    }
}

static bool is_certificate_code(enum code code)
{
    return code >= CODE_SELF_SIGNED && code <= CODE_CHAIN_INVALID;
}

/* T15 and T16: OpenSSL's own verdict. The number decides. */
static bool by_chain(struct facts *f)
{
    const struct end *v = end_with(f, B(T15));
    struct doctor_attempt *a = f->a;
    if (v == NULL)
        v = end_with(f, B(T16));
    if (v == NULL)
        return false;
    set_end(a, v);
    a->error = v->error;
    a->error_text = v->error_text;
    if (v->error != 0) {
        enum code code = doctor_error_code(v->error);
        if (f->told != CODE_NONE && f->told != code && is_certificate_code(f->told) &&
            code == CODE_CHAIN_INVALID)
            code = f->told; /* a number without a name of its own */
        a->contradicts = f->told != CODE_NONE && f->told != code && f->told != CODE_JOINED;
        certificate_row(f, code, v->side, a->contradicts ? LIKELY : CERTAIN);
    } else if (is_certificate_code(f->told)) {
        certificate_row(f, f->told, v->side, CERTAIN);
    } else {
        unclear(a, B(T15), v->side);
    }
    return true;
}

/* T20: neither imported nor met. */
static bool by_store(struct facts *f)
{
    const struct end *v = end_with(f, B(T20));
    struct doctor_attempt *a = f->a;
    uint64_t both = R(D4) | R(D5) | R(B6) | R(D7);
    if (v == NULL)
        return false;
    if (f->told / 100 == 2) /* it names its connection, and T20 does not */
        return false;
    set_end(a, v);
    if (v->doubtful) {
        unclear(a, B(T20) | B(T22), v->side);
        return true;
    }
    if (v->d.told == CODE_NOT_MET) {
        set_row(a, ROW_D5, R(B6) | R(D7), CODE_NOT_MET, CERTAIN);
        return true;
    }
    both |= v->side == SIDE_C ? R(B4) : v->side == SIDE_S ? R(B3) : R(B3) | R(B4);
    set_row(a, v->side == SIDE_C ? ROW_B4 : ROW_B3, both, CODE_NOT_IMPORTED, CERTAIN);
    if (v->d.told == CODE_NONE)
        a->also = CODE_NOT_MET;
    if (f->told != CODE_NONE && f->told != CODE_NOT_IMPORTED && f->told != CODE_NOT_MET) {
        a->contradicts = true;
        a->certainty = LIKELY;
    }
    return true;
}

/* --- the password */

static bool is_password_code(enum code code)
{
    return code >= CODE_PASSWORD_DIFFERS && code <= CODE_POINT_INVALID &&
           code != CODE_METHOD_DIFFERS;
}

static void missing_row(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    const struct end *v = end_with(f, B(T10) | B(T11));
    if (a->tls == 0) { /* no row: the dialled end has none, and accepts the password */
        set_row(a, ROW_NONE, 0, CODE_PASSWORD_MISSING, CERTAIN);
        a->end = SIDE_S;
        return;
    }
    bool at_c = v != NULL ? v->side == SIDE_C : end_has(f->c, LINE_T24) || end_has(f->s, LINE_T22);
    set_row(a, at_c ? ROW_E3 : ROW_E2, v != NULL ? 0 : R(E2) | R(E3), CODE_PASSWORD_MISSING,
            CERTAIN);
    if (v != NULL)
        a->end = v->side;
    else
        a->end = at_c ? SIDE_C : SIDE_UNKNOWN;
}

static void password_row(struct facts *f, enum code code)
{
    struct doctor_attempt *a = f->a;
    if (code == CODE_PASSWORD_MISSING) {
        missing_row(f);
    } else if (code != CODE_PASSWORD_DIFFERS) {
        set_row(a, ROW_NONE, 0, code, CERTAIN);
    } else if (is_tls(f)) {
        set_row(a, ROW_C5, 0, code, CERTAIN);
    } else {
        set_row(a, ROW_A2, a->tls < 0 ? R(C5) : 0, code, CERTAIN);
    }
}

/* T10 and T11: what the password sealed could not be opened. */
static bool by_password(struct facts *f)
{
    const struct end *v = end_with(f, B(T10) | B(T11));
    struct doctor_attempt *a = f->a;
    if (v == NULL || (v->doubtful && !end_has(v, LINE_T10)))
        return false;
    set_end(a, v);
    if (a->end == SIDE_UNKNOWN)
        a->end = SIDE_S;
    a->remedy_here = false;
    if (is_password_code(f->told)) {
        password_row(f, f->told);
        return true;
    }
    password_row(f, CODE_PASSWORD_DIFFERS);
    if (a->tls != 0) { /* one end without the password leaves the same lines */
        a->same |= R(E2);
        a->also = CODE_PASSWORD_MISSING;
        a->certainty = LIKELY;
    }
    if (f->told != CODE_NONE) {
        a->contradicts = true;
        a->certainty = LIKELY;
    }
    return true;
}

/* --- success */

/* T12, T24 and T32 say by which rule, and thereby by which method. */
static bool rule_row(struct facts *f, enum doctor_certainty certainty)
{
    struct doctor_attempt *a = f->a;
#ifdef BUG_DOCTOR /* the control of the tests: two rules swapped */
    const uint64_t root = B(T32), met = B(T24);
#else
    const uint64_t root = B(T24), met = B(T32);
#endif
    if ((f->lines & root) != 0)
        set_row(a, ROW_C1, R(H1) | R(H5) | R(H6), CODE_JOINED, certainty);
    else if ((f->lines & met) != 0)
        set_row(a, ROW_D1, R(D6) | R(H1) | R(H5) | R(H6), CODE_JOINED, certainty);
    else if ((f->lines & B(T12)) != 0 && (f->lines & B(T28)) != 0 && !opened_in_doubt(f))
        set_row(a, ROW_C6, R(H1) | R(H2), CODE_JOINED, certainty);
    else if ((f->lines & B(T12)) != 0)
        set_row(a, ROW_B1, R(B7) | R(C6) | R(H1) | R(H2), CODE_JOINED, certainty);
    else
        return false;
    return true;
}

/* Closed for a certificate's sake, and not by this end: why, the other one has. */
static bool ended_by_certificate(struct facts *f)
{
    for (size_t i = 0; i < 2; i++) {
        const struct end *e = f->end[i];
        if (e == NULL || !is_certificate_code(e->ended))
            continue;
        f->a->outcome = OUTCOME_ENDED;
        f->a->code = e->ended;
        unclear(f->a, B(T15), f->end[1] != NULL ? SIDE_UNKNOWN : opposite(e->side));
        return true;
    }
    return false;
}

/* Where one end's lines of the rule are in doubt, the other end's count alone. */
static bool rule_known(struct facts *f)
{
    uint64_t sure = 0;
    for (size_t i = 0; i < 2; i++)
        if (f->end[i] != NULL && !f->end[i]->doubtful)
            sure |= f->end[i]->lines & accepted;
    if (in_doubt(f))
        f->lines = (f->lines & ~accepted) | sure;
    return !in_doubt(f) || sure != 0;
}

static bool by_success(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    if ((f->lines & up) == 0 && f->told != CODE_JOINED)
        return false;
    a->outcome = OUTCOME_JOINED;
    a->code = CODE_JOINED;
    if (ended_by_certificate(f))
        return true;
    if (a->tls == 0) {
        set_row(a, ROW_A1, R(E4), CODE_JOINED, CERTAIN);
    } else if (a->tls < 0) {
        unclear(a, up, SIDE_UNKNOWN); /* joined; the port is on these lines */
    } else {
        if (!rule_known(f) || !rule_row(f, CERTAIN))
            unclear(a, accepted, f->c == NULL ? SIDE_S : f->s == NULL ? SIDE_C : SIDE_UNKNOWN);
    }
    return true;
}

/* The conversation of an invite: its verdict stands by itself, behind no line of a link. */
static bool by_invite(struct facts *f)
{
    const uint64_t join =
        up | accepted | B(T8) | B(T10) | B(T11) | B(T15) | B(T16) | B(T18) | B(T20);
    struct doctor_attempt *a = f->a;
    bool told = false, used = false;
    for (size_t i = 0; i < 2 && f->end[i] != NULL; i++) {
        told |= f->end[i]->d.told == CODE_JOINED && f->end[i]->told_alone;
        used |= end_has(f->end[i], LINE_C4) && !f->end[i]->doubtful;
    }
    if (a->tls == 0 || (f->lines & join) != 0 || (!told && !used) ||
        (f->told != CODE_NONE && f->told != CODE_JOINED))
        return false;
    a->invite = true;
    a->outcome = OUTCOME_JOINED;
    set_row(a, ROW_B7, 0, CODE_JOINED, told ? CERTAIN : LIKELY);
    return true;
}

/* --- without a line that decides: the verdict line of this product, or nothing */

/* Which end refused the certificate, when only the code is known: the one that did not accept. */
static enum doctor_side refuser(const struct facts *f)
{
    bool c = f->c != NULL && (f->c->lines & accepted) != 0;
    bool s = f->s != NULL && (f->s->lines & accepted) != 0;
    if (f->told != CODE_NAME && in_doubt(f))
        return SIDE_UNKNOWN;
    if (f->told == CODE_NAME || end_has(f->c, LINE_T17) || end_has(f->c, LINE_T21))
        return SIDE_C;
    if (end_has(f->s, LINE_T21))
        return SIDE_S;
    if (f->told == CODE_NOT_MET && f->teller != NULL)
        return f->teller->side;
    return c == s ? SIDE_UNKNOWN : c ? SIDE_S : SIDE_C;
}

static enum doctor_row plain_row(enum code code)
{
    switch ((int)code) {
    case CODE_METHOD_DIFFERS: return ROW_E1;
    case CODE_REFUSED:
    case CODE_NO_ANSWER:
    case CODE_UNRESOLVED:
    case CODE_NOT_A_HUB:
    case CODE_ITSELF: return ROW_G1;
    case CODE_SILENT: return ROW_G2;
    case CODE_VERSION: return ROW_G3;
    case CODE_DUPLICATE_ID:
    case CODE_DEFAULT_ID: return ROW_G4;
    case CODE_CLONE: return ROW_G5;
    case CODE_OTHER_NETWORK: return ROW_G6;
    default: return ROW_NONE;
    }
}

static void told_certificate(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    enum doctor_side at = refuser(f);
    a->code = f->told;
    a->end = at;
    if (at == SIDE_UNKNOWN) {
        unclear(a, B(T15) | B(T20), SIDE_UNKNOWN);
    } else if (f->told == CODE_NOT_MET) {
        set_row(a, ROW_D5, R(B6) | R(D7), f->told, CERTAIN);
    } else if (f->told == CODE_NOT_IMPORTED) {
        set_row(a, at == SIDE_C ? ROW_B4 : ROW_B3, R(D4) | R(D5) | R(B6) | R(D7), f->told, CERTAIN);
        if (f->teller == NULL || f->teller->side != at)
            a->also = CODE_NOT_MET; /* never told to the other end as what it is */
    } else {
        certificate_row(f, f->told, at, CERTAIN);
    }
}

static bool is_invite_code(enum code code)
{
    return code >= CODE_INVITE_UNKNOWN && code <= CODE_INVITE_FOREIGN;
}

/* No end has a verdict line that is its own beyond doubt. */
static bool told_in_doubt(const struct facts *f)
{
    bool doubtful = false;
    for (size_t i = 0; i < 2; i++) {
        const struct end *e = f->end[i];
        if (e == NULL || e->d.told != f->told)
            continue;
        if (!e->told_doubtful)
            return false;
        doubtful = true;
    }
    return doubtful;
}

static bool by_verdict(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    if (f->told == CODE_NONE)
        return false;
    a->outcome = OUTCOME_REFUSED;
    if (told_in_doubt(f)) {
        unclear(a, B(V1), f->teller->side); /* it may be another attempt's */
    } else if (f->told == CODE_HUNG_UP || f->told == CODE_NO_TLS || f->told == CODE_PROTOCOL) {
        a->code = f->told; /* why, only the other end knows */
        unclear(a, B(T10) | B(T11) | B(T15) | B(T20),
                opposite(f->teller != NULL ? f->teller->side : SIDE_UNKNOWN));
    } else if (is_certificate_code(f->told)) {
        told_certificate(f);
    } else if (is_password_code(f->told)) {
        a->end = SIDE_S;
        password_row(f, f->told);
    } else if (is_invite_code(f->told)) {
        set_row(a, ROW_B7, 0, f->told, f->teller != NULL ? CERTAIN : LIKELY);
        a->invite = true;
        a->end = f->told == CODE_INVITE_FOREIGN ? SIDE_C : SIDE_S;
    } else if (f->told == CODE_REPLACED && f->c == NULL) {
        set_row(a, ROW_NONE, 0, f->told, CERTAIN);
        a->outcome = OUTCOME_TEST;
    } else {
        set_row(a, plain_row(f->told), 0, f->told, CERTAIN);
        a->end = f->told == CODE_METHOD_DIFFERS ? SIDE_S : SIDE_UNKNOWN;
    }
    return true;
}

/* Nothing decides. A quotation that ends with "FQDN is in PeerInfoVector" says enough. */
static void by_rest(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    uint64_t look = B(T10) | B(T11);
    enum doctor_side at = f->c != NULL && f->s != NULL               ? SIDE_UNKNOWN
                          : f->c != NULL && (f->lines & B(T18)) != 0 ? SIDE_S
                          : f->c != NULL                             ? SIDE_C
                          : f->s != NULL                             ? SIDE_S
                                                                     : SIDE_UNKNOWN;
    bool failed = (f->lines & (B(T17) | B(T18) | B(T21) | B(T22) | B(T30))) != 0;
    if ((f->lines & accepted) != 0 && !failed && !in_doubt(f) && !opened_in_doubt(f) &&
        ((f->lines & B(T28)) != 0 || ((f->lines & B(T32)) != 0 && (f->lines & whole_trace) == 0))) {
        a->outcome = OUTCOME_JOINED;
        rule_row(f, LIKELY);
        if ((f->lines & B(T28)) == 0)
            a->same |= R(E2) | R(C5); /* unless the password failed afterwards */
        a->look = up | B(T10);
        a->look_at = at;
        return;
    }
    if (failed)
        a->outcome = OUTCOME_REFUSED;
    if (a->tls != 0)
        look |= B(T15) | B(T20);
    if (!failed)
        look |= a->tls == 0 || (f->lines & accepted) != 0 ? up : up | accepted;
    if ((f->lines & B(T21)) != 0 || (f->lines & (B(T17) | B(T30))) != 0)
        look = B(T15) | B(T20);
    if (f->c != NULL && f->s == NULL && (f->lines & (B(T18) | B(T17))) == B(T18) && a->tls != 0 &&
        (f->lines & accepted) == 0)
        at = SIDE_UNKNOWN; /* either end may have refused */
    if ((f->lines & (B(T17) | B(T21) | B(T30))) != 0 && f->c != f->s)
        at = end_with(f, B(T17) | B(T21) | B(T30))->side;
    unclear(a, look, at);
}

/* --- all of it */

static void collect(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    a->tls = -1;
    for (size_t i = 0; i < 2; i++) {
        const struct end *e = f->end[i];
        if (e == NULL)
            continue;
        f->lines |= e->lines;
        if (e->tls >= 0)
            a->tls = e->tls;
        if (e->side == SIDE_C) {
            f->c = e;
            a->c = e->d;
        } else if (e->side == SIDE_S) {
            f->s = e;
            a->s = e->d;
        } else {
            f->u = e;
            a->u = e->d;
        }
        if (a->name.n == 0)
            a->name = e->name;
        if (e->d.told != CODE_NONE &&
            (f->told == CODE_NONE || e->d.told == CODE_NOT_MET || f->told == CODE_HUNG_UP)) {
            f->told = e->d.told;
            f->teller = e;
        }
    }
    if ((f->lines & (accepted | B(T19) | B(T30))) != 0)
        a->tls = 1;
    if (f->told == CODE_NONE && f->c != NULL && f->c->tls == 1 &&
        is_invite_code((enum code)f->c->failed))
        f->told = (enum code)f->c->failed; /* the original has any number there */
    a->pairing = f->end[1] != NULL ? f->end[0]->pairing : PAIRED_NOT;
}

static enum doctor_stage stage(uint64_t lines)
{
    if ((lines & up) != 0)
        return STAGE_ESTABLISHED;
    if ((lines & (B(T10) | B(T11) | B(T25) | B(T28))) != 0)
        return STAGE_PASSWORD;
    if ((lines & accepted) != 0 && (lines & (B(T15) | B(T16) | B(T20))) == 0)
        return STAGE_ACCEPTED;
    if ((lines & (B(T15) | B(T16) | B(T17) | B(T19) | B(T20) | B(T21) | B(T30))) != 0)
        return STAGE_CERTIFICATE;
    if ((lines & (B(T1) | B(T2) | B(T7) | B(T22))) != 0)
        return STAGE_CONNECTED;
    return (lines & (B(T4) | B(T5) | B(T6) | B(T18))) != 0 ? STAGE_DIALLED : STAGE_NOTHING;
}

static void method(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    a->method = f->any_method ? 0 : doctor_row_method(a->row);
    if (a->method != 0 || f->any_method)
        return;
    if (a->tls == 0)
        a->method = 1;
    else if ((f->lines & (B(T24) | B(T25) | B(T28) | B(T30))) != 0)
        a->method = 3;
    else if ((f->lines & B(T32)) != 0)
        a->method = 4;
}

/* The end at which the remedy is typed, as the table of codes has it. */
static void remedy(struct facts *f)
{
    struct doctor_attempt *a = f->a;
    const char *at = "";
    switch (a->code) {
    case CODE_NONE: break;
#define CODE(number, name, cause, remedy, end)                                                     \
    case number:                                                                                   \
        at = end;                                                                                  \
        break;
#include "core/code.def"
#undef CODE
    }
    bool here = a->remedy_here;
    a->remedy_here = false;
    if (a->outcome == OUTCOME_JOINED || a->outcome == OUTCOME_TEST)
        return;
    switch (at[0]) {
    case 'd': a->remedy_at = SIDE_C; break;
    case 'a': a->remedy_at = SIDE_S; break;
    case 'v':
        a->remedy_at = a->end;
        a->remedy_here = here;
        break;
    case 'p':
        a->remedy_at = opposite(a->end);
        a->remedy_there = here;
        break;
    case 'l':
        if (a->same == 0)
            a->remedy_at = a->row == ROW_E2 ? SIDE_C : SIDE_S;
        break;
    default: break;
    }
}

static void mark(struct doctor_attempt *a)
{
    uint64_t decide = B(T10) | B(T11) | B(T15) | B(T20);
    bool any = false;
    if (a->invite)
        decide = B(C4) | B(V1);
    else if (a->outcome == OUTCOME_JOINED)
        decide = accepted | up | (a->row == ROW_C6 ? B(T28) : 0);
    for (int pass = 0; pass < 2 && !any; pass++) {
        for (size_t i = 0; i < a->evidence_n; i++) {
            struct doctor_evidence *e = &a->evidence[i];
            e->decides = a->certainty != UNCLEAR && (DOCTOR_BIT(e->line) & decide) != 0;
            any |= e->decides;
        }
        decide = B(V1); /* where nothing else did */
    }
}

static bool met_before(const struct doctor *d, const struct end *e)
{
    for (size_t i = 0; e != NULL && i < d->end_n && i < BEFORE_MAX; i++) {
        const struct end *o = d->end[i];
        if (o->stream == e->stream && o->side == e->side && o->tls == 0 && o->d.last < e->d.first &&
            (o->lines & up) != 0 && o->d.peer_ip.n > 0 && slice_eq(o->d.peer_ip, e->d.peer_ip))
            return true;
    }
    return false;
}

void judge(struct doctor *d, struct doctor_attempt *a, const struct end *one,
           const struct end *other)
{
    struct facts f = {.a = a, .end = {one, other}};
    collect(&f);
    f.met = a->tls == 1 && (met_before(d, one) || met_before(d, other));
    if (!by_invite(&f) && !by_chain(&f) && !by_store(&f) && !by_password(&f) && !by_success(&f) &&
        !by_verdict(&f))
        by_rest(&f);
    a->stage = a->invite && a->outcome == OUTCOME_JOINED ? STAGE_ACCEPTED : stage(f.lines);
    method(&f);
    remedy(&f);
    mark(a);
}
