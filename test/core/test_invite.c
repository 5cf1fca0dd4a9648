/* Invites: opened, spent, repeated, tried in vain, expired and forgotten; durable before it is
 * said, and the secret gone when it is over. */
#include <stdio.h>

#include "desk.h"

#define HOUR (3600 * TICK_S)

static struct test_mem mem;
static struct desk desk;

static int setup(void **state)
{
    (void)state;
    test_mem_init(&mem, 0);
    desk_start(&desk, &mem.mem);
    desk_hub(&desk);
    assert_false(desk.dead);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_clear(&desk);
    assert_int_equal(mem.mem.used, 0);
    return 0;
}

static struct invite invite_of(unsigned n, tick life)
{
    struct invite invite = {.expires = desk.wall + desk.now + life};
    for (int i = 0; i < INVITE_ID_SIZE; i++)
        invite.id[i] = (uint8_t)(n + 1);
    for (int i = 0; i < INVITE_SECRET_SIZE; i++)
        invite.secret[i] = (uint8_t)(0x80 + n + (unsigned)i);
    return invite;
}

static enum reply open_invite(unsigned n, tick life)
{
    return desk_command(&desk, (struct command){.type = COMMAND_INVITE, .what = slice_of("invite"),
                                                .invite = invite_of(n, life)});
}

static enum reply remove_invite(unsigned n)
{
    return desk_command(&desk,
                        (struct command){.type = COMMAND_INVITE_REMOVE, .invite = invite_of(n, 0)});
}

static enum code judge(unsigned n)
{
    uint8_t prs[32], mine[32];
    struct invite invite = invite_of(n, 0);
    enum code code = invite_judge(desk.ils, invite.id, prs);
    invite_prs(mine, &invite);
    if (code == CODE_NONE)
        assert_memory_equal(prs, mine, 32);
    return code;
}

static bool secret_is_stored(unsigned n)
{
    struct invite invite = invite_of(n, 0);
    return desk_holds(&desk, ROW_INVITE, invite.secret, INVITE_SECRET_SIZE);
}

static void restart(void)
{
    desk_stop(&desk);
    desk_start(&desk, &mem.mem);
    buf_put_text(&desk.ils->cert[0].leaf, "certificate");
    desk.ils->cert[0].not_after = desk.wall + INT64_C(5) * 365 * 24 * HOUR;
}

/* A proof by the key of cluster `who` on a link of invite n, with certificate `who`. */
static struct link *link_of(unsigned n, uint8_t who)
{
    struct link *l = desk_link(&desk, "192.0.2.9", who);
    if (l == NULL)
        return NULL;
    l->method = METHOD_INVITE;
    memcpy(l->invite.id, invite_of(n, 0).id, INVITE_ID_SIZE);
    memset(l->theirs.key, who, KEY_SIZE);
    return l;
}

/* What handshake.c does with a proof that holds. */
static enum code spend(struct link *l)
{
    desk_begin(&desk);
    enum code code = invite_spend(l);
    l->state = code == CODE_NONE ? LINK_SPENDING : LINK_CLOSED;
    desk_end(&desk);
    return code;
}

static enum code spend_by(unsigned n, uint8_t who)
{
    struct link *l = link_of(n, who);
    enum code code = spend(l);
    if (code == CODE_NONE && !desk.held) {
        assert_int_equal(l->state, LINK_PROVED);
        l->state = LINK_CLOSED;
    }
    return code;
}

static bool trusted(uint8_t who)
{
    return trust_find(desk.ils, desk_item(who, 3).fingerprint) != NULL;
}

static void who_may_invite(void **state)
{
    (void)state;
    desk.ils->role = ROLE_SPOKE;
    assert_int_equal(open_invite(0, HOUR), REPLY_NOT_HUB);
    desk.ils->role = ROLE_HUB;
    buf_reset(&desk.ils->cert[0].leaf);
    assert_int_equal(open_invite(0, HOUR), REPLY_NO_CERTIFICATE);
    buf_put_text(&desk.ils->cert[0].leaf, "certificate");
    for (unsigned i = 0; i < INVITES_MAX - 1; i++)
        assert_int_equal(open_invite(i, HOUR), REPLY_OK);
    desk.held = true;
    assert_int_equal(open_invite(70, HOUR), REPLIES);
    assert_int_equal(open_invite(71, HOUR), REPLY_INVITES_FULL); /* one is on its way */
    desk_disk(&desk);
    assert_int_equal(open_invite(71, HOUR), REPLY_INVITES_FULL);
    assert_string_equal(desk.text, "64");
    assert_int_equal(spend_by(3, 1), CODE_NONE); /* one that was used makes room */
    assert_int_equal(open_invite(71, HOUR), REPLY_OK);
    assert_int_equal(judge(3), CODE_INVITE_UNKNOWN);
    assert_int_equal(desk_rows(&desk, ROW_INVITE), INVITES_MAX);
    assert_int_equal(judge(71), CODE_NONE);
}

static void durable_before_it_counts(void **state)
{
    (void)state;
    struct view_invite v;
    desk.held = true;
    assert_int_equal(open_invite(0, HOUR), REPLIES);
    assert_int_equal(judge(0), CODE_INVITE_UNKNOWN);
    desk_disk(&desk);
    assert_int_equal(desk.reply, REPLY_OK);
    assert_int_equal(judge(0), CODE_NONE);
    assert_true(desk_said(&desk, EVENT_INVITE, "0101010101010101", "opened"));
    assert_true(view_invite(desk.ils, 0, &v) && !view_invite(desk.ils, 1, &v));
    assert_true(view_invite(desk.ils, 0, &v) && !v.spent && v.failures == 0 && v.by.n == 0);
    assert_true(v.expires - v.made == HOUR);
    desk.full = true;
    assert_int_equal(open_invite(1, HOUR), REPLY_STORE);
    assert_int_equal(judge(1), CODE_INVITE_UNKNOWN);
    assert_int_equal(remove_invite(0), REPLY_STORE);
    assert_int_equal(judge(0), CODE_NONE); /* it is back */
    desk.full = false;
    restart();
    assert_int_equal(judge(0), CODE_NONE);
    assert_int_equal(judge(1), CODE_INVITE_UNKNOWN);
}

static void expiry(void **state)
{
    (void)state;
    open_invite(0, HOUR);
    open_invite(1, 2 * HOUR);
    assert_true(secret_is_stored(0));
    desk_pass(&desk, HOUR - 1);
    assert_int_equal(judge(0), CODE_NONE);
    desk_pass(&desk, 1);
    assert_int_equal(judge(0), CODE_INVITE_EXPIRED);
    assert_false(secret_is_stored(0));
    assert_true(secret_is_stored(1));
    assert_true(desk_said(&desk, EVENT_INVITE, "0101010101010101", "expired"));
    assert_int_equal(spend_by(0, 1), CODE_INVITE_EXPIRED);
    restart();
    assert_int_equal(judge(0), CODE_INVITE_EXPIRED);
    desk_pass(&desk, 24 * HOUR - 1);
    assert_int_equal(judge(0), CODE_INVITE_EXPIRED);
    desk_pass(&desk, 1);
    assert_int_equal(judge(0), CODE_INVITE_UNKNOWN);
    assert_int_equal(desk_rows(&desk, ROW_INVITE), 1);
    desk.wall -= 30 * 24 * HOUR; /* a clock that was set back wakes nothing up */
    desk_step(&desk, (struct ils_event){.type = ILS_EV_DEADLINE});
    assert_int_equal(judge(1), CODE_INVITE_USED);
}

static void try_in_vain(unsigned n)
{
    desk_begin(&desk);
    invite_failed(desk.ils, invite_of(n, 0).id);
    desk_end(&desk);
}

static void five_failures_spend_it(void **state)
{
    (void)state;
    struct view_invite v;
    open_invite(0, HOUR);
    for (int i = 0; i < 3; i++)
        try_in_vain(0);
    assert_int_equal(judge(0), CODE_NONE);
    restart();
    try_in_vain(0);
    try_in_vain(7); /* nobody's */
    assert_int_equal(judge(0), CODE_NONE);
    try_in_vain(0);
    assert_int_equal(judge(0), CODE_INVITE_USED);
    assert_false(secret_is_stored(0));
    assert_true(view_invite(desk.ils, 0, &v) && v.spent && v.failures == 5 && v.by.n == 0);
    size_t stores = desk.stores;
    try_in_vain(0);
    assert_int_equal(desk.stores, stores);
    assert_int_equal(spend_by(0, 1), CODE_INVITE_USED);
    restart();
    assert_int_equal(judge(0), CODE_INVITE_USED);
    assert_true(view_invite(desk.ils, 0, &v) && v.spent && v.by.n == 0);
    desk_pass(&desk, HOUR);
    assert_int_equal(judge(0), CODE_INVITE_EXPIRED);
}

static void spent_before_it_is_answered(void **state)
{
    (void)state;
    struct view_invite v;
    struct view_trust t;
    uint8_t id[PEER_ID_SIZE], key[KEY_SIZE];
    char hex[2 * PEER_ID_SIZE + 1];
    open_invite(0, HOUR);
    desk.held = true;
    struct link *l = link_of(0, 1), *other = link_of(0, 2), *again = link_of(0, 1);
    size_t contexts = desk.contexts;
    assert_int_equal(spend(l), CODE_NONE);
    assert_int_equal(l->state, LINK_SPENDING);
    assert_false(trusted(1));
    assert_int_equal(spend(other), CODE_INVITE_USED); /* while the disk is awaited, too */
    assert_int_equal(spend(again), CODE_NONE);
    desk_disk(&desk);
    assert_int_equal(l->state, LINK_PROVED);
    assert_int_equal(again->state, LINK_PROVED);
    l->state = again->state = LINK_CLOSED;
    desk_step(&desk, (struct ils_event){.type = ILS_EV_DEADLINE});
    assert_true(trusted(1) && !trusted(2));
    assert_int_equal(desk.contexts, contexts + 1);
    assert_true(view_trust(desk.ils, 0, &t) && slice_eq(t.source, slice_of("invite")));
    assert_true(slice_eq(t.der, desk_item(1, 600).der));
    assert_true(t.not_after == desk_item(1, 3).not_after);
    memset(key, 1, sizeof key);
    crypto_peer_id(id, key);
    hex_text(hex, id, sizeof id);
    assert_true(view_invite(desk.ils, 0, &v) && v.spent && slice_eq(v.by, slice_of(hex)));
    struct peer *p = peer_get(desk.ils, key);
    text_set(p->cluster_id, slice_of("osaka"));
    assert_true(view_invite(desk.ils, 0, &v) && slice_eq(v.by, slice_of("osaka")));
    restart();
    assert_true(trusted(1));
    assert_true(view_invite(desk.ils, 0, &v) && v.spent);
    assert_int_equal(judge(0), CODE_NONE); /* who knows the secret may still be who spent it */
    assert_int_equal(spend_by(0, 1), CODE_NONE);
    assert_int_equal(spend_by(0, 2), CODE_INVITE_USED);
    desk_pass(&desk, HOUR);
    assert_int_equal(spend_by(0, 1), CODE_INVITE_EXPIRED);
}

static void a_full_disk_spends_nothing(void **state)
{
    (void)state;
    struct view_invite v;
    open_invite(0, HOUR);
    desk.full = true;
    assert_int_equal(spend(link_of(0, 1)), CODE_NONE);
    desk_step(&desk, (struct ils_event){.type = ILS_EV_DEADLINE});
    assert_true(list_empty(&desk.ils->links)); /* refused: nothing was spent */
    desk.full = false;
    assert_true(view_invite(desk.ils, 0, &v) && !v.spent && v.by.n == 0);
    assert_false(trusted(1));
    assert_int_equal(spend_by(0, 2), CODE_NONE);
    assert_int_equal(spend_by(0, 1), CODE_INVITE_USED);
    /* The first of two fails, the second does not: it is spent. */
    open_invite(1, HOUR);
    desk.held = desk.full = true;
    assert_int_equal(spend(link_of(1, 3)), CODE_NONE);
    desk.full = false;
    assert_int_equal(spend(link_of(1, 3)), CODE_NONE);
    desk_disk(&desk);
    assert_int_equal(spend_by(1, 4), CODE_INVITE_USED);
    assert_true(trusted(3));
}

static void what_cannot_be_spent(void **state)
{
    (void)state;
    open_invite(0, HOUR);
    struct link *l = link_of(0, 1);
    buf_reset(&l->cert_der);
    assert_int_equal(spend(l), CODE_NO_CERTIFICATE);
    l = link_of(0, 1);
    l->cert.present = false;
    assert_int_equal(spend(l), CODE_NO_CERTIFICATE);
    assert_int_equal(spend(link_of(5, 1)), CODE_INVITE_UNKNOWN);
    struct trust_item item = desk_item(1, 600), crl = desk_item(9, 3);
    uint8_t *big = calloc(1, TRUST_BYTES);
    crl.kind = TRUST_CRL;
    crl.der = slice_make(big, TRUST_BYTES);
    struct command fill = {.type = COMMAND_TRUST_ADD, .trust = &crl, .trust_n = 1};
    assert_int_equal(desk_command(&desk, fill), REPLY_OK);
    assert_int_equal(spend_by(0, 1), CODE_FULL);
    free(big);
    desk_clear(&desk);
    desk_start(&desk, &mem.mem);
    desk_hub(&desk);
    open_invite(0, HOUR);
    fill.trust = &item;
    assert_int_equal(desk_command(&desk, fill), REPLY_OK); /* imported already */
    assert_int_equal(spend_by(0, 1), CODE_NONE);
    assert_int_equal(spend_by(0, 2), CODE_INVITE_USED);
    assert_int_equal(desk.ils->trust_n, 1);
}

static void removed(void **state)
{
    (void)state;
    assert_int_equal(remove_invite(0), REPLY_INVITE_UNKNOWN);
    assert_string_equal(desk.text, "0101010101010101");
    open_invite(0, HOUR);
    desk.held = true;
    struct link *l = link_of(0, 1);
    assert_int_equal(spend(l), CODE_NONE);
    assert_int_equal(remove_invite(0), REPLIES);
    assert_int_equal(judge(0), CODE_INVITE_UNKNOWN); /* at once */
    desk_disk(&desk);
    assert_int_equal(desk.reply, REPLY_OK);
    assert_int_equal(l->state, LINK_PROVED); /* it came before */
    l->state = LINK_CLOSED;
    assert_true(desk_said(&desk, EVENT_INVITE, "0101010101010101", "removed"));
    assert_int_equal(desk_rows(&desk, ROW_INVITE), 0);
    restart();
    assert_int_equal(judge(0), CODE_INVITE_UNKNOWN);
}

/* The dialler's half, with what handshake.c does before. */
static void win(void)
{
    struct link *l = link_of(0, 8);
    if (l == NULL)
        return;
    l->dialler = true;
    desk.ils->dial.invite = l->invite = invite_of(0, HOUR);
    desk.ils->dial.next = TICK_NEVER;
    desk_begin(&desk);
    l->state = LINK_CLOSED;
    invite_won(l);
    desk_end(&desk);
}

static void dialler_imports_the_hub(void **state)
{
    (void)state;
    static const struct invite none;
    desk.held = true;
    win();
    assert_memory_equal(&desk.ils->dial.invite, &none, sizeof none);
    assert_true(desk.ils->dial.next == TICK_NEVER && !trusted(8));
    desk_disk(&desk);
    assert_true(desk.ils->dial.next == desk.now && trusted(8));
    win(); /* imported already: the join begins at once */
    assert_true(desk.ils->dial.next == desk.now);
    assert_memory_equal(&desk.ils->dial.invite, &none, sizeof none);
    assert_int_equal(desk.ils->trust_n, 1);
}

static void dialler_with_a_full_disk(void **state)
{
    (void)state;
    struct invite invite = invite_of(0, HOUR);
    desk.full = true;
    win();
    assert_false(trusted(8));
    assert_memory_equal(&desk.ils->dial.invite, &invite, sizeof invite); /* once more, */
    assert_true(desk.ils->dial.next == desk.now + STORE_RETRY_US);       /* a little later */
}

static void odd_rows_are_left_alone(void **state)
{
    (void)state;
    uint8_t key[9] = {1}, value[80] = {0};
    struct view_invite v;
    for (size_t n = 0; n < sizeof value; n++)
        for (unsigned flags = 0; flags < 4; flags++) {
            struct ils_event e = {.type = ILS_EV_ROW};
            size_t right = 18u + (flags & 2 ? 16 : 0) + (flags & 1 ? 32 : 0);
            value[17] = (uint8_t)flags;
            key[0]++;
            e.row = (struct row){ROW_INVITE, slice_make(key, n == right ? 9 : 8),
                                 slice_make(value, n), false};
            desk_step(&desk, e);
        }
    assert_false(view_invite(desk.ils, 0, &v));
}

static void without_memory(struct mem *m)
{
    memset(&desk, 0, sizeof desk);
    desk_start(&desk, m);
    if (!desk.dead)
        desk_hub(&desk);
    if (!desk.dead && desk.ils->cert[0].leaf.n != 0) {
        enum reply reply = open_invite(0, HOUR);
        if (!desk.dead)
            assert_true((reply == REPLY_OK && judge(0) == CODE_NONE) ||
                        (reply == REPLY_MEMORY && judge(0) == CODE_INVITE_UNKNOWN) ||
                        reply == REPLY_NOT_HUB);
        struct link *l = desk.dead ? NULL : link_of(0, 1);
        enum code code = l == NULL ? CODE_FULL : spend(l);
        if (!desk.dead && code == CODE_NONE)
            assert_true(trusted(1) && desk_rows(&desk, ROW_TRUST) == 1);
        if (!desk.dead)
            try_in_vain(0);
        if (!desk.dead)
            win();
        if (!desk.dead)
            remove_invite(0);
        if (!desk.dead) /* a beat a day: each of them allocates, and none is this test's matter */
            desk.ils->minutes = desk.ils->durable.minutes = SYNC_MINUTES_MAX;
        desk_pass(&desk, 26 * HOUR);
    }
    desk_stop(&desk);
    desk_start(&desk, m);
    desk_clear(&desk);
}

static void memory_refused(void **state)
{
    (void)state;
    test_every_refusal(without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_may_invite, setup, teardown),
        cmocka_unit_test_setup_teardown(durable_before_it_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(five_failures_spend_it, setup, teardown),
        cmocka_unit_test_setup_teardown(spent_before_it_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_spends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_spent, setup, teardown),
        cmocka_unit_test_setup_teardown(removed, setup, teardown),
        cmocka_unit_test_setup_teardown(dialler_imports_the_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(dialler_with_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_rows_are_left_alone, setup, teardown),
        cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
