/* Joining by TLS: the rows B, C, D, E, F and G6 of the scenarios as far as two cores without a
 * network can show them: outcome, code and verdict id on both ends, the trace lines in their order,
 * alarms, that a refusal teaches nothing, and that the remedy helps where it says it does. */
#include "core/core.h"
#include "world.h"

#define LINES  8
#define CA     1000u /* key of the authority that everybody trusts */
#define OTHER  2000u /* of one that nobody does */
#define NEVER  ALARMS
#define ACCEPT(method) (uint8_t)(1u << (method))

static struct test_mem mem;
static struct world world;

static const uint8_t event_level[EVENTS] = {
#define EVENT(name, id, level, text) [name] = level,
#include "core/event.def"
#undef EVENT
};

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    world_init(&world);
    for (int i = 0; i < 3; i++)
        world_start(&world, i, &mem.mem);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&world);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

/* --- what the tables are made of */

enum made { SELF, BY_CA, BY_OTHER };

struct side {
    uint8_t method;    /* enum method that it offers and accepts */
    const char *password;
    enum made made;
    bool imported;     /* at the other end */
    uint32_t defects;
    wall not_before, not_after; /* from now; 0: for ever */
};

struct scene {
    const char *name;
    struct side c, s;
    bool met;          /* joined by password before, then switched */
    bool roots;        /* the authority is in both stores */
    enum code code;    /* of the end that decided */
    int by;            /* node that refused: 0 S, 1 C; -1 nobody */
    enum alarm alarm;  /* at that end */
    enum trace_event at_c[LINES], at_s[LINES];
};

static struct pki certificate_of(int node, const struct side *side)
{
    static const char *const name[2][2] = {{"c0.example", "n0"}, {"c1.example", "n1"}};
    uint32_t key = (uint32_t)(10 + node);
    return (struct pki){.serial = key, .key = key, .defects = side->defects,
                        .issuer = side->made == SELF ? key : side->made == BY_CA ? CA : OTHER,
                        .name = {name[node][0], name[node][1]},
                        .not_before = side->not_before == 0 ? 0 : world.wall + side->not_before,
                        .not_after = side->not_after == 0 ? 0 : world.wall + side->not_after};
}

static enum reply trust(int node, const struct pki *c)
{
    uint8_t der[PKI_DER_MAX];
    return world_trust(&world, node, pki_der(c, der));
}

static void trust_authority(int node, uint32_t key, uint32_t defects)
{
    struct pki root = {.serial = key, .key = key, .issuer = key, .authority = true,
                       .defects = defects, .name = {"authority"}};
    assert_int_equal(trust(node, &root), REPLY_OK);
}

static void password(int node, const char *text)
{
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    crypto_hash1(add.stretched, "test password", slice_of(text));
    assert_int_equal(world_command(&world, node, add), REPLY_OK);
}

static void auth(int node, uint8_t method, uint8_t accept)
{
    assert_int_equal(world_auth(&world, node, method != METHOD_PASSWORD, method != METHOD_TLS,
                                accept), REPLY_OK);
}

static void prepare(const struct scene *r)
{
    const struct side *side[2] = {&r->s, &r->c};
    for (int i = 0; i < 2; i++) {
        struct pki c = certificate_of(i, side[i]);
        assert_int_equal(world_certificate(&world, i, &c, true), REPLY_OK);
        if (r->roots)
            trust_authority(i, CA, 0);
        if (side[i]->password != NULL)
            password(i, side[i]->password);
    }
    for (int i = 0; i < 2; i++) {
        struct pki c = certificate_of(i, side[i]);
        if (side[i]->imported)
            assert_int_equal(trust(1 - i, &c), REPLY_OK);
        auth(i, r->met ? METHOD_PASSWORD : side[i]->method, 0);
    }
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
}

/* --- what is judged */

static bool in_order(int node, const enum trace_event *event)
{
    size_t at = 0, n = LINES;
    while (n != 0 && event[n - 1] == 0) /* T1 is no last line: another one follows it */
        n--;
    for (size_t k = 0; k < world.node[node].said_n && at < n; k++)
        at += world.node[node].said[k].event == event[at];
    return at == n;
}

static bool linked(int node)
{
    struct view_cluster c;
    return view_cluster(world.node[node].ils, 1, &c) && c.linked;
}

static bool alarmed(int node, enum alarm alarm)
{
    struct alarm_row row;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        if (row.alarm == alarm && row.active)
            return true;
    return false;
}

static size_t alarms(int node)
{
    struct alarm_row row;
    size_t n = 0;
    for (size_t i = 0; view_alarm(world.node[node].ils, i, &row); i++)
        n += row.active;
    return n;
}

/* No line that reads like a failure, but the dialler's own that the connection failed. */
static void assert_no_error(int node, bool refused)
{
    for (size_t k = 0; k < world.node[node].said_n; k++) {
        enum trace_event e = world.node[node].said[k].event;
        if (event_level[e] == TRACE_ERROR && !(refused && e == EVENT_CONNECT_FAILED))
            fail_msg("node %d says error event %d", node, (int)e);
    }
}

/* Nothing of the other end is in the rows. */
static void assert_nothing_stored(int node)
{
    const struct node *n = &world.node[node];
    struct view_cluster c;
    assert_false(view_cluster(n->ils, 1, &c));
    for (size_t k = 0; k < n->row_n; k++) {
        const struct world_row *row = &n->row[k];
        assert_int_not_equal(row->space, ROW_PEER);
        if (row->space == ROW_STREAM || row->space == ROW_SEGMENT)
            assert_memory_equal(row->key, n->ils->key, KEY_SIZE);
    }
}

static void assert_same_verdict(const struct scene *r, struct verdict v[2])
{
    for (int i = 0; i < 2; i++) {
        enum code code = i == r->by ? r->code : goodbye_code(r->code);
        assert_true(view_verdict(world.node[i].ils, 0, &v[i]));
        if (v[i].code != code)
            fail_msg("node %d: code %d, not %d", i, (int)v[i].code, (int)code);
        assert_int_equal(v[i].refused_here, i == r->by);
        assert_int_equal(v[i].dialler, i == 1);
    }
    assert_memory_equal(v[0].id, v[1].id, VERDICT_ID_SIZE);
    if (r->by >= 0)
        assert_int_not_equal(v[0].remedy_at, v[1].remedy_at);
}

static void judge_refusal(const struct scene *r)
{
    assert_true(r->alarm == NEVER || alarmed(r->by, r->alarm));
    assert_int_equal(alarms(r->by), r->alarm != NEVER);
    assert_int_equal(alarms(1 - r->by), 0);
    assert_no_error(1 - r->by, true);
    if (r->met) {
        assert_true(linked(0) && linked(1)); /* as before */
        return;
    }
    for (int i = 0; i < 2; i++)
        assert_nothing_stored(i);
}

static void judge_success(void)
{
    for (int i = 0; i < 2; i++) {
        struct view_cluster c;
        assert_true(view_cluster(world.node[i].ils, 1, &c));
        assert_true(c.linked && c.link_tls);
        assert_int_equal(c.status, SYNC_UP_TO_DATE);
        assert_int_equal(alarms(i), 0);
        assert_no_error(i, false);
    }
}

/* --- remedies, as core/code.def has them */

static void renew(int node, const struct side *side, bool new_key)
{
    struct pki c = certificate_of(node, side);
    c.defects = 0;
    c.not_before = c.not_after = 0;
    c.serial += 100;
    if (new_key)
        c.key += 100;
    c.issuer = c.key;
    assert_int_equal(world_certificate(&world, node, &c, true), REPLY_OK);
}

static void import_refused(int node)
{
    struct verdict v;
    struct command c = {.type = COMMAND_TRUST_VERDICT};
    assert_true(view_verdict(world.node[node].ils, 0, &v));
    memcpy(c.verdict_id, v.id, VERDICT_ID_SIZE);
    assert_int_equal(world_command(&world, node, c), REPLY_OK);
    assert_false(node == 0 && alarmed(node, ILSTLSAuthenticationFailed)); /* it was typed */
}

static void remedy(const struct scene *r, const struct verdict *v, int node)
{
    const struct side *side = node == 0 ? &r->s : &r->c;
    switch ((int)v->code) {
    case CODE_PASSWORD_DIFFERS: password(node, node == 0 ? r->c.password : r->s.password); break;
    case CODE_PASSWORD_MISSING:
        password(node, node == 0 ? r->c.password : r->s.password);
        auth(node, METHOD_TLS_PASSWORD, 0);
        break;
    case CODE_METHOD_DIFFERS:
        auth(node, side->method, ACCEPT(side->method) | ACCEPT(node == 0 ? r->c.method
                                                                          : r->s.method));
        break;
    case CODE_EXPIRED:
    case CODE_NOT_YET_VALID:
    case CODE_PURPOSE: renew(node, side, false); break;
    case CODE_WEAK_KEY:
    case CODE_REVOKED: renew(node, side, true); break;
    default: import_refused(node); break;
    }
}

/* Until it joins; a remedy may uncover the next cause. */
static void apply_remedies(const struct scene *r)
{
    struct verdict v[2];
    for (int round = 0; round < 4; round++) {
        assert_true(view_verdict(world.node[0].ils, 0, &v[0]));
        assert_true(view_verdict(world.node[1].ils, 0, &v[1]));
        if (v[1].code == CODE_JOINED)
            break;
        int node = v[0].remedy_at == SIDE_HERE ? 0 : 1;
        remedy(r, &v[node], node);
        world_pass(&world, 70 * TICK_S);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(view_verdict(world.node[i].ils, 0, &v[i]));
        assert_int_equal(v[i].code, CODE_JOINED);
        assert_true(linked(i));
        assert_int_equal(alarms(i), 0);
    }
}

/* --- running a row */

static void run(const struct scene *r, enum ils_role role)
{
    struct verdict v[2];
    setup(NULL);
    prepare(r);
    if (r->met) {
        world_join(&world, 1, 0, role);
        assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
        world_hush(&world);
        auth(0, r->s.method, ACCEPT(METHOD_PASSWORD) | ACCEPT(r->s.method));
        auth(1, r->c.method, 0);
        world_pass(&world, 5 * TICK_S);
    } else {
        world_hush(&world);
        world_join(&world, 1, 0, role);
    }
    assert_same_verdict(r, v);
    for (int i = 0; i < 2; i++)
        if (!in_order(i, i == 0 ? r->at_s : r->at_c)) {
            for (size_t k = 0; k < world.node[i].said_n; k++)
                print_message("%d said %d\n", i, (int)world.node[i].said[k].event);
            fail_msg("node %d: the lines of the row do not come in order", i);
        }
    if (r->by >= 0) {
        judge_refusal(r);
        apply_remedies(r);
    } else {
        judge_success();
    }
    teardown(NULL);
}

static void run_all(const struct scene *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int role = ROLE_HUB; role <= ROLE_SPOKE; role++) {
            print_message("# %s as %s\n", row[i].name, role == ROLE_HUB ? "hub" : "spoke");
            run(&row[i], (enum ils_role)role);
        }
}

#define T1  EVENT_NEW_CONNECTION
#define T3  EVENT_SERVER_ESTABLISHED
#define T8  EVENT_CLIENT_SUCCEEDED
#define T9  EVENT_CLIENT_ESTABLISHED
#define T10 EVENT_DECRYPT_FAILED
#define T11 EVENT_PASSWORD_ALARM
#define T12 EVENT_CERT_IN_STORE
#define T15 EVENT_VERIFY_ERROR
#define T16 EVENT_VERIFY_FAILED
#define T17 EVENT_TLS_ALARM
#define T18 EVENT_CONNECT_FAILED
#define T19 EVENT_CERT_NOT_LOCAL
#define T20 EVENT_CERT_UNKNOWN
#define T21 EVENT_CERT_ALARM
#define T22 EVENT_CLOSE_REQ
#define T24 EVENT_CERT_ROOT
#define T25 EVENT_DECRYPT_STEP
#define T28 EVENT_DECRYPTED
#define T30 EVENT_TLS_ERROR
#define T31 EVENT_TLS_ERROR
#define T32 EVENT_CERT_MET

#define TLS    METHOD_TLS, NULL
#define BOTH   METHOD_TLS_PASSWORD, "secret"
#define HELD   METHOD_TLS, "secret"
#define WORD   METHOD_PASSWORD, "secret"
#define DENIED ILSTLSAuthenticationFailed

static void rows_b(void **state)
{
    (void)state;
    static const struct scene row[] = {
        {"B1 self-signed", {TLS, SELF, true}, {TLS, SELF, true}, .code = CODE_JOINED, .by = -1,
         .at_c = {T12, T9}, .at_s = {T12, T3}},
        {"B1 by an authority", {TLS, BY_CA, true}, {TLS, BY_CA, true}, .roots = true,
         .code = CODE_JOINED, .by = -1, .at_c = {T12, T9}, .at_s = {T12, T3}},
        {"B1 by an unknown authority", {TLS, BY_OTHER, true}, {TLS, BY_OTHER, true},
         .code = CODE_JOINED, .by = -1, .at_c = {T12, T9}, .at_s = {T12, T3}},
        {"B2", {TLS, SELF, true}, {TLS, SELF}, .code = CODE_SELF_SIGNED, .by = 1,
         .alarm = DENIED, .at_c = {T15, T16, T17, T18}},
        {"B2 any client", {TLS, BY_OTHER}, {TLS, SELF}, .code = CODE_SELF_SIGNED, .by = 1,
         .alarm = DENIED, .at_c = {T15, T16, T17, T18}},
        {"B3", {TLS, BY_CA}, {TLS, SELF, true}, .roots = true, .code = CODE_NOT_IMPORTED, .by = 0,
         .alarm = DENIED, .at_s = {T19, T20, T21, T22}, .at_c = {T12, T18}},
        {"B4", {TLS, BY_CA}, {TLS, BY_CA}, .roots = true, .code = CODE_NOT_IMPORTED, .by = 1,
         .alarm = DENIED, .at_c = {T19, T20, T21, T18}},
        {"B5", {TLS, SELF}, {TLS, SELF, true}, .code = CODE_SELF_SIGNED, .by = 0,
         .alarm = DENIED, .at_s = {T15, T16, T21}, .at_c = {T12, T18}},
    };
    run_all(row, sizeof row / sizeof *row);
}

static void rows_c(void **state)
{
    (void)state;
    static const struct scene row[] = {
        {"C1", {BOTH, BY_CA}, {BOTH, BY_CA}, .roots = true, .code = CODE_JOINED, .by = -1,
         .at_c = {T19, T24, T8, T9}, .at_s = {T19, T24, T25, T28, T3}},
        {"C2", {BOTH, SELF}, {BOTH, BY_CA}, .roots = true, .code = CODE_SELF_SIGNED, .by = 0,
         .alarm = DENIED, .at_s = {T15, T16, T30}, .at_c = {T24, T18}},
        {"C3", {BOTH, BY_CA}, {BOTH, SELF}, .roots = true, .code = CODE_SELF_SIGNED, .by = 1,
         .alarm = DENIED, .at_c = {T15, T16, T31}},
        {"C4", {BOTH, SELF}, {BOTH, SELF}, .roots = true, .code = CODE_SELF_SIGNED, .by = 1,
         .alarm = DENIED, .at_c = {T15, T16, T31}},
        {"C5", {METHOD_TLS_PASSWORD, "other", BY_CA}, {BOTH, BY_CA}, .roots = true,
         .code = CODE_PASSWORD_DIFFERS, .by = 0, .alarm = ILSPwdAuthenticationFailed,
         .at_s = {T10, T11}, .at_c = {T18}},
        {"C5 imported", {METHOD_TLS_PASSWORD, "other", SELF, true}, {BOTH, SELF, true},
         .code = CODE_PASSWORD_DIFFERS, .by = 0, .alarm = ILSPwdAuthenticationFailed,
         .at_s = {T10, T11}, .at_c = {T18}},
        {"C6", {BOTH, SELF, true}, {BOTH, SELF, true}, .code = CODE_JOINED, .by = -1,
         .at_c = {T12, T8, T9}, .at_s = {T12, T25, T28, T3}},
        {"C7", {BOTH, BY_CA}, {BOTH, BY_OTHER}, .roots = true, .code = CODE_NO_CHAIN, .by = 1,
         .alarm = DENIED, .at_c = {T15, T16}},
        {"C7 the other way", {BOTH, BY_OTHER}, {BOTH, BY_CA}, .roots = true,
         .code = CODE_NO_CHAIN, .by = 0, .alarm = DENIED, .at_s = {T15, T16}, .at_c = {T24, T18}},
    };
    run_all(row, sizeof row / sizeof *row);
}

static void rows_d(void **state)
{
    (void)state;
    static const struct scene row[] = {
        {"D1", {HELD, BY_CA}, {HELD, BY_CA},
         .met = true, .roots = true, .code = CODE_JOINED, .by = -1, .at_c = {T19, T32, T9},
         .at_s = {T19, T32, T1, T3}},
        {"D2", {HELD, BY_CA}, {HELD, SELF},
         .met = true, .roots = true, .code = CODE_SELF_SIGNED, .by = 1, .alarm = DENIED,
         .at_c = {T15, T16}},
        {"D3", {HELD, SELF}, {HELD, BY_CA},
         .met = true, .roots = true, .code = CODE_SELF_SIGNED, .by = 0, .alarm = DENIED,
         .at_s = {T15, T16}},
        {"D4", {TLS, BY_CA}, {TLS, BY_CA}, .roots = true, .code = CODE_NOT_IMPORTED, .by = 1,
         .alarm = DENIED, .at_c = {T19, T20, T21, T18}},
    };
    run_all(row, sizeof row / sizeof *row);
}

static void rows_e(void **state)
{
    (void)state;
    static const struct scene row[] = {
        {"E1 password to TLS", {WORD, SELF},
         {HELD, SELF}, .code = CODE_METHOD_DIFFERS, .by = 0,
         .alarm = ILSUnacceptableConnectionAttempt, .at_s = {T1, T22}, .at_c = {T18}},
        {"E1 TLS to password", {TLS, SELF, true},
         {WORD, SELF, true},
         .code = CODE_METHOD_DIFFERS, .by = 0,
         .alarm = ILSUnacceptableConnectionAttempt, .at_s = {T1, T22}, .at_c = {T18}},
        {"E2", {TLS, BY_CA, true}, {BOTH, BY_CA, true}, .roots = true,
         .code = CODE_PASSWORD_MISSING, .by = 0, .alarm = ILSPwdAuthenticationFailed,
         .at_s = {T10, T11}, .at_c = {T18}},
        {"E3", {BOTH, BY_CA, true}, {TLS, BY_CA, true}, .roots = true,
         .code = CODE_PASSWORD_MISSING, .by = 1, .alarm = ILSPwdAuthenticationFailed,
         .at_c = {T18}},
        {"E3 by an authority", {BOTH, BY_CA, true}, {TLS, BY_CA}, .roots = true,
         .code = CODE_PASSWORD_MISSING, .by = 1, .alarm = ILSPwdAuthenticationFailed,
         .at_c = {T18}},
    };
    run_all(row, sizeof row / sizeof *row);
}

/* F1 at both ends. What is wrong with a certificate counts whether it was imported or not; the rest
 * is about chains. */
static void rows_f1(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t defects;
        wall not_before, not_after;
        enum code code;
    } wrong[] = {
        {"expired", 0, 0, -TICK_S, CODE_EXPIRED},
        {"not yet valid", 0, 3600 * TICK_S, 0, CODE_NOT_YET_VALID},
        {"purpose", PKI_PURPOSE, 0, 0, CODE_PURPOSE},
        {"weak key", PKI_WEAK, 0, 0, CODE_WEAK_KEY},
        {"intermediate missing", PKI_INTERMEDIATE, 0, 0, CODE_NO_CHAIN},
    };
    for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
        size_t k = i / 2;
        struct scene row = {wrong[k].name, {BOTH, BY_CA}, {BOTH, BY_CA}, .roots = true,
                          .code = wrong[k].code, .by = i % 2 == 0 ? 1 : 0, .alarm = DENIED};
        struct side *side = i % 2 == 0 ? &row.s : &row.c;
        enum trace_event *line = i % 2 == 0 ? row.at_c : row.at_s;
        side->defects = wrong[k].defects;
        side->not_before = wrong[k].not_before;
        side->not_after = wrong[k].not_after;
        line[0] = T15;
        line[1] = T16;
        run_all(&row, 1);
    }
}

/* The rest of F1 is about what lies in the store of the verifier: whether C (1) or S (0). */
static void f1_in_the_store(int verifier, uint32_t defects, bool crl, enum code code)
{
    struct scene row = {"store", {BOTH, BY_CA}, {BOTH, BY_CA}};
    struct side *side = verifier == 1 ? &row.s : &row.c;
    struct verdict v;
    uint8_t der[PKI_DER_MAX];
    setup(NULL);
    prepare(&row);
    trust_authority(verifier, CA, defects);
    trust_authority(1 - verifier, CA, 0);
    if (crl)
        world_trust(&world, verifier,
                    pki_crl(CA, certificate_of(1 - verifier, side).serial, der));
    world_join(&world, 1, 0, ROLE_SPOKE);
    for (int i = 0; i < 2; i++) {
        assert_true(view_verdict(world.node[i].ils, 0, &v));
        assert_int_equal(v.code, code);
        assert_int_equal(v.refused_here, i == verifier);
        assert_nothing_stored(i);
    }
    row.by = verifier;
    apply_remedies(&row);
    teardown(NULL);
}

static void f1_authorities(void **state)
{
    (void)state;
    for (int verifier = 0; verifier < 2; verifier++) {
        f1_in_the_store(verifier, PKI_NO_CA, false, CODE_ISSUER_NO_CA);
        f1_in_the_store(verifier, PKI_PATH, false, CODE_PATH_TOO_LONG);
        f1_in_the_store(verifier, 0, true, CODE_REVOKED);
    }
}

/* F2: dialled by name, the certificate of the dialled end holds it, unless it was imported. */
static void f2_names(void **state)
{
    (void)state;
    struct scene row = {"F2", {BOTH, BY_CA}, {BOTH, BY_CA}, .roots = true};
    struct pki c = {.serial = 5, .key = 5, .issuer = CA, .name = {"elsewhere.example"}};
    struct verdict v;
    setup(NULL);
    prepare(&row);
    assert_int_equal(world_certificate(&world, 0, &c, true), REPLY_OK);
    world_join(&world, 1, 0, ROLE_SPOKE);
    for (int i = 0; i < 2; i++) {
        assert_true(view_verdict(world.node[i].ils, 0, &v));
        assert_int_equal(v.code, CODE_NAME);
        assert_nothing_stored(i);
    }
    for (size_t k = 0; k < world.node[1].said_n; k++)
        if (world.node[1].said[k].event == EVENT_VERIFY_ERROR)
            assert_int_equal(world.node[1].said[k].number, 62);
    row.by = 1;
    apply_remedies(&row); /* imported: any name */
    teardown(NULL);
    setup(NULL);
    prepare(&row); /* of the dialling end no name is asked */
    assert_int_equal(world_certificate(&world, 1, &c, true), REPLY_OK);
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_int_equal(world.node[1].verdict.code, CODE_JOINED);
    teardown(NULL);
}

/* By address, no name is asked of the dialled end either. The world answers "n0" only, so the
 * question is put to the procedure itself. */
static void f2_addresses(void **state)
{
    (void)state;
    struct pki c = {.serial = 5, .key = 5, .issuer = CA, .name = {"elsewhere.example"}};
    uint8_t der[PKI_DER_MAX];
    struct certificate certificate;
    struct pki_memory memory;
    struct facts f;
    enum cert_rule rule;
    trust_authority(1, CA, 0);
    assert_true(pki_verify(world.node[1].ils, pki_der(&c, der), world.wall, &certificate, &memory));
    facts_of(&f, &certificate);
    const struct ils *ils = world.node[1].ils;
    assert_int_equal(cert_judge(ils, &f, METHOD_TLS_PASSWORD, slice_of("10.0.0.1"), &rule), 0);
    assert_int_equal(rule, RULE_ROOT);
    assert_int_equal(cert_judge(ils, &f, METHOD_TLS_PASSWORD, slice_of("fd00::1"), &rule), 0);
    assert_int_equal(cert_judge(ils, &f, METHOD_TLS_PASSWORD, slice_of("ELSEWHERE.example"), &rule),
                     0);
    assert_int_equal(cert_judge(ils, &f, METHOD_TLS_PASSWORD, slice_of("n0"), &rule), CODE_NAME);
    assert_int_equal(rule, RULE_NONE);
    f.chained = false; /* whatever a verification forgot to say */
    assert_int_equal(cert_judge(ils, &f, METHOD_TLS_PASSWORD, slice_of("10.0.0.1"), &rule),
                     CODE_NO_CHAIN);
}

/* D5: a certificate of an authority for another member's name does not make its holder that
 * member; the other end is told only what it showed itself. */
static void d5_name_of_another(void **state)
{
    (void)state;
    struct scene row = {"D5", {HELD, BY_CA}, {HELD, BY_CA},
                      .met = true, .roots = true};
    struct pki c = {.serial = 77, .key = 77, .issuer = CA, .name = {"c1.example", "n2"}};
    struct verdict v;
    prepare(&row);
    world_join(&world, 1, 0, ROLE_SPOKE);
    auth(0, METHOD_TLS, ACCEPT(METHOD_PASSWORD) | ACCEPT(METHOD_TLS));
    assert_int_equal(world_certificate(&world, 2, &c, true), REPLY_OK);
    c = certificate_of(0, &row.s);
    assert_int_equal(trust(2, &c), REPLY_OK);
    auth(2, METHOD_TLS, 0);
    world_hush(&world);
    world_join(&world, 2, 0, ROLE_SPOKE);
    assert_true(view_verdict(world.node[0].ils, 0, &v));
    assert_int_equal(v.code, CODE_NOT_MET);
    assert_true(v.refused_here);
    assert_true(view_verdict(world.node[2].ils, 0, &v));
    assert_int_equal(v.code, CODE_NOT_IMPORTED);
    static const enum trace_event line[LINES] = {T19, T20, T21};
    assert_true(in_order(0, line));
    assert_true(alarmed(0, DENIED));
    assert_nothing_stored(2);
    assert_true(linked(0) && linked(1)); /* touches no other link */
}

/* D5 at the dialler: the hub is not the one that was met. What the proof taught is forgotten. */
static void d5_hub_of_another_key(void **state)
{
    (void)state;
    struct scene row = {"D5", {HELD, BY_CA}, {HELD, BY_CA},
                      .met = true, .roots = true};
    struct pki c = {.serial = 77, .key = 77, .issuer = CA, .name = {"c0.example", "n2"}};
    struct view_cluster cluster;
    struct verdict v;
    prepare(&row);
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_int_equal(world_certificate(&world, 2, &c, true), REPLY_OK);
    c = certificate_of(1, &row.c);
    assert_int_equal(trust(2, &c), REPLY_OK);
    auth(2, METHOD_TLS, 0);
    world_command(&world, 2, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    memcpy(world.node[2].ils->network, world.node[0].ils->network, NETWORK_ID_SIZE);
    auth(1, METHOD_TLS, 0);
    world_hush(&world);
    world_join(&world, 1, 2, ROLE_SPOKE);
    assert_true(view_verdict(world.node[1].ils, 0, &v));
    assert_int_equal(v.code, CODE_NOT_MET);
    assert_true(v.refused_here);
    assert_true(view_verdict(world.node[2].ils, 0, &v));
    assert_int_equal(v.code, CODE_NOT_IMPORTED);
    assert_false(view_cluster(world.node[2].ils, 1, &cluster));
    assert_no_error(2, true);
    assert_nothing_stored(2);
}

/* No certificate at all at the dialled end. */
static void nothing_to_show(void **state)
{
    (void)state;
    struct pki c = {.serial = 1, .key = 1, .issuer = 1, .name = {"c1.example"}};
    struct verdict v;
    world_command(&world, 0, (struct command){.type = COMMAND_INIT, .cluster_id = slice_of("c0"),
                                              .fqdn = slice_of("c0.example")});
    world_command(&world, 0, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_certificate(&world, 1, &c, true);
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_true(view_verdict(world.node[1].ils, 0, &v));
    assert_int_equal(v.code, CODE_HUNG_UP);
    assert_nothing_stored(0);
    assert_nothing_stored(1);
}

/* G6 by TLS. */
static void g6_other_network(void **state)
{
    (void)state;
    struct scene row = {"G6", {TLS, SELF, true}, {TLS, SELF, true}};
    prepare(&row);
    world_command(&world, 1, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    world_join(&world, 1, 0, ROLE_HUB);
    assert_int_equal(world.node[1].verdict.code, CODE_OTHER_NETWORK);
    assert_int_equal(world.node[0].verdict.code, CODE_OTHER_NETWORK);
    assert_true(alarmed(0, ILSUnacceptableConnectionAttempt));
    assert_nothing_stored(0);
    assert_nothing_stored(1);
}

/* Somebody on the way has a TLS session with each end: no end joins, by whatever method. */
static void man_in_the_middle(void **state)
{
    (void)state;
    static const uint8_t method[] = {METHOD_TLS, METHOD_TLS_PASSWORD};
    for (size_t i = 0; i < 4; i++) {
        struct scene row = {"middle", {BOTH, SELF, true}, {BOTH, SELF, true}};
        struct verdict v;
        row.c.method = row.s.method = method[i % 2];
        setup(NULL);
        prepare(&row);
        world.split = i < 2 ? SPLIT_EXPORTER : SPLIT_KEY;
        world_join(&world, 1, 0, ROLE_SPOKE);
        enum code expected = method[i % 2] == METHOD_TLS_PASSWORD && i < 2 ? CODE_PASSWORD_DIFFERS
                                                                           : CODE_PROOF;
        for (int k = 0; k < 2; k++) {
            assert_true(view_verdict(world.node[k].ils, 0, &v));
            assert_int_equal(v.code, expected);
            assert_nothing_stored(k);
            assert_false(world_said(&world, k, k == 0 ? T3 : T9));
        }
        world.split = SPLIT_NONE; /* the control */
        world_pass(&world, 70 * TICK_S);
        assert_true(linked(0) && linked(1));
        teardown(NULL);
    }
}

static void corrupted_bytes(void **state)
{
    (void)state;
    struct scene row = {"corrupt", {BOTH, SELF, true}, {BOTH, SELF, true}};
    prepare(&row);
    world.corrupt = true;
    world_join(&world, 1, 0, ROLE_SPOKE);
    assert_false(linked(0) || linked(1));
    assert_nothing_stored(0);
    assert_nothing_stored(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_b),
        cmocka_unit_test(rows_c),
        cmocka_unit_test(rows_d),
        cmocka_unit_test(rows_e),
        cmocka_unit_test(rows_f1),
        cmocka_unit_test(f1_authorities),
        cmocka_unit_test(f2_names),
        cmocka_unit_test_setup_teardown(f2_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(d5_name_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(d5_hub_of_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_show, setup, teardown),
        cmocka_unit_test_setup_teardown(g6_other_network, setup, teardown),
        cmocka_unit_test(man_in_the_middle),
        cmocka_unit_test_setup_teardown(corrupted_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
