/* The trust store, and the certificates that were refused: what is durable when it is said, what
 * the bounds cost, and that memory and disk never say different things. */
#include <stdio.h>

#include "desk.h"

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

static enum reply add(const struct trust_item *item, size_t n)
{
    return desk_command(&desk, (struct command){.type = COMMAND_TRUST_ADD, .trust = item,
                                                .trust_n = n, .what = slice_of("trust import")});
}

static enum reply add_one(unsigned seed)
{
    struct trust_item item = desk_item(seed, 700);
    return add(&item, 1);
}

static enum reply drop(const char *text)
{
    return desk_command(&desk, (struct command){.type = COMMAND_TRUST_REMOVE,
                                                .what = slice_of(text)});
}

static void fingerprint_text(unsigned seed, char hex[2 * FINGERPRINT_SIZE + 1])
{
    struct trust_item item = desk_item(seed, 3);
    hex_text(hex, item.fingerprint, FINGERPRINT_SIZE);
}

static size_t trusted(void)
{
    struct view_trust v;
    size_t n = 0;
    while (view_trust(desk.ils, n, &v))
        n++;
    assert_int_equal(n, desk.ils->trust_n);
    return n;
}

static size_t refused(void)
{
    struct view_refused v;
    size_t n = 0;
    while (view_refused(desk.ils, n, &v))
        n++;
    assert_int_equal(n, desk.ils->refused_n);
    return n;
}

/* All that is seen, as one value that does not depend on order. */
static uint64_t seen(void)
{
    static const uint8_t key[16] = "seen";
    uint64_t sum = 0;
    struct view_trust t;
    struct view_refused r;
    for (size_t i = 0; view_trust(desk.ils, i, &t); i++)
        sum += crypto_siphash(t.der, key) + 3 * crypto_siphash(t.subject, key) +
               5 * crypto_siphash(t.source, key) +
               7 * crypto_siphash(slice_make(t.fingerprint, 32), key) +
               11 * (uint64_t)t.kind + 13 * (uint64_t)t.added + 17 * (uint64_t)t.not_after +
               19 * (uint64_t)t.authority;
    for (size_t i = 0; view_refused(desk.ils, i, &r); i++)
        sum += crypto_siphash(r.der, key) + 3 * crypto_siphash(r.subject, key) +
               7 * crypto_siphash(slice_make(r.fingerprint, 32), key) + 11 * (uint64_t)r.code +
               13 * (uint64_t)r.first + 17 * (uint64_t)r.last + 19 * r.count + 23 * r.imported +
               29 * crypto_siphash(slice_make(r.verdict_id, 8), key) +
               31 * crypto_siphash(slice_of(r.peer.ip), key) + 37 * r.peer.port;
    return sum;
}

static void same_after_restart(void)
{
    uint64_t before = seen();
    desk_stop(&desk);
    desk_start(&desk, &mem.mem);
    assert_true(before == seen());
}

static void durable_before_it_counts(void **state)
{
    (void)state;
    struct trust_item item[3] = {desk_item(1, 700), desk_item(2, 3000), desk_item(3, 16000)};
    item[1].authority = true;
    item[2].kind = TRUST_CRL;
    size_t contexts = desk.contexts;
    desk.held = true;
    assert_int_equal(add(item, 3), REPLIES);
    assert_int_equal(trusted(), 0);
    assert_null(trust_find(desk.ils, item[0].fingerprint));
    assert_int_equal(desk.contexts, contexts);
    desk_disk(&desk);
    assert_int_equal(desk.reply, REPLY_OK);
    assert_int_equal(desk.number[0], 3);
    assert_int_equal(desk.number[1], 0);
    assert_int_equal(desk.contexts, contexts + 1);
    assert_true(desk_said(&desk, EVENT_TRUST_CHANGED, "added", "ils2.example"));
    struct view_trust v;
    assert_true(view_trust(desk.ils, 1, &v));
    assert_true(slice_eq(v.der, item[1].der) && slice_eq(v.subject, item[1].subject));
    assert_true(slice_eq(v.source, slice_of("import")));
    assert_true(v.authority && v.kind == TRUST_CERTIFICATE);
    assert_true(v.not_after == item[1].not_after && v.added == desk.wall + desk.now);
    assert_true(view_trust(desk.ils, 2, &v) && v.kind == TRUST_CRL && !v.authority);
    assert_int_equal(trusted(), 3);
    assert_int_equal(desk_rows(&desk, ROW_TRUST), 3);
    same_after_restart();
}

static void what_is_there_stays(void **state)
{
    (void)state;
    struct trust_item item[4] = {desk_item(1, 700), desk_item(2, 700), desk_item(2, 700),
                                 desk_item(1, 700)};
    assert_int_equal(add(item, 1), REPLY_OK);
    size_t stores = desk.stores;
    desk_pass(&desk, TICK_S);
    assert_int_equal(add(item, 1), REPLY_OK);
    assert_int_equal(desk.number[0], 0);
    assert_int_equal(desk.number[1], 1);
    assert_int_equal(desk.stores, stores);
    assert_int_equal(add(item, 4), REPLY_OK);
    assert_int_equal(desk.number[0], 1);
    assert_int_equal(desk.number[1], 3);
    assert_int_equal(trusted(), 2);
    struct view_trust v;
    assert_true(view_trust(desk.ils, 0, &v) && v.added < desk.wall + desk.now - TICK_S / 2);
    same_after_restart();
}

/* Whoever imports the file of an authority that is there as somebody's certificate makes it one. */
static void becomes_an_authority(void **state)
{
    (void)state;
    struct view_trust v;
    struct trust_item item = desk_item(1, 700);
    assert_int_equal(add(&item, 1), REPLY_OK);
    size_t contexts = desk.contexts;
    item.authority = true;
    assert_int_equal(add(&item, 1), REPLY_OK);
    assert_true(view_trust(desk.ils, 0, &v) && v.authority);
    assert_int_equal(trusted(), 1);
    assert_int_equal(desk.contexts, contexts + 1);
    item.authority = false; /* and no less by whatever comes later */
    assert_int_equal(add(&item, 1), REPLY_OK);
    assert_true(view_trust(desk.ils, 0, &v) && v.authority);
    assert_int_equal(desk.contexts, contexts + 1);
    same_after_restart();
}

static void a_full_disk_changes_nothing(void **state)
{
    (void)state;
    char hex[2 * FINGERPRINT_SIZE + 1];
    assert_int_equal(add_one(1), REPLY_OK);
    size_t contexts = desk.contexts;
    desk.full = true;
    assert_int_equal(add_one(2), REPLY_STORE);
    fingerprint_text(1, hex);
    assert_int_equal(drop(hex), REPLY_STORE);
    desk.full = false;
    assert_int_equal(trusted(), 1);
    assert_int_equal(desk.contexts, contexts);
    same_after_restart();
}

static void removal(void **state)
{
    (void)state;
    char hex[2 * FINGERPRINT_SIZE + 1], text[200] = "trust remove ";
    for (unsigned i = 1; i <= 4; i++)
        assert_int_equal(add_one(i), REPLY_OK);
    struct trust_item twin = desk_item(5, 700);
    memcpy(twin.fingerprint, desk_item(1, 3).fingerprint, 4); /* the first eight digits */
    assert_int_equal(add(&twin, 1), REPLY_OK);
    fingerprint_text(1, hex);
    hex[8] = '\0';
    assert_int_equal(drop(hex), REPLY_TRUST_AMBIGUOUS);
    assert_string_equal(desk.text, hex);
    fingerprint_text(2, hex);
    hex[7] = '\0';
    static const char *const none[] = {"", "00000000", "no hex at all", "deadbeef::", " "};
    assert_int_equal(drop(hex), REPLY_TRUST_UNKNOWN);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(drop(none[i]), REPLY_TRUST_UNKNOWN);
    fingerprint_text(2, hex); /* as it is printed elsewhere: upper case, with colons */
    for (size_t i = 0, n = strlen(text); i < 20; i++) {
        text[n + i / 2 * 3 + i % 2] = (char)(hex[i] >= 'a' ? hex[i] - 'a' + 'A' : hex[i]);
        if (i % 2 != 0)
            text[n + i / 2 * 3 + 2] = ':';
    }
    desk.held = true;
    size_t contexts = desk.contexts;
    assert_int_equal(drop(text), REPLIES);
    assert_int_equal(trusted(), 5); /* until it is durable */
    desk_disk(&desk);
    assert_int_equal(desk.reply, REPLY_OK);
    assert_string_equal(desk.text, hex);
    assert_true(desk_said(&desk, EVENT_TRUST_CHANGED, "removed", "ils2.example"));
    assert_int_equal(desk.contexts, contexts + 1);
    assert_int_equal(trusted(), 4);
    assert_true(desk_holds(&desk, ROW_AUDIT, hex, 64));
    assert_int_equal(drop(hex), REPLY_TRUST_UNKNOWN);
    same_after_restart();
}

static void bounds_in_number(void **state)
{
    (void)state;
    static uint8_t der[TRUST_MAX + 1][8];
    static struct trust_item item[TRUST_MAX + 1];
    for (unsigned i = 0; i <= TRUST_MAX; i++) {
        item[i] = desk_item(i, 8);
        memcpy(der[i], item[i].der.p, 8);
        item[i].der.p = der[i];
        item[i].subject = slice_of("many.example");
    }
    assert_int_equal(add(item, TRUST_MAX + 1), REPLY_TRUST_FULL); /* all or none */
    assert_int_equal(trusted(), 0);
    desk.held = true;
    assert_int_equal(add(item, TRUST_MAX - 1), REPLIES);
    assert_int_equal(add(item + TRUST_MAX - 1, 2), REPLY_TRUST_FULL); /* what is under way counts */
    desk_disk(&desk);
    assert_int_equal(add(item, TRUST_MAX), REPLY_OK);
    assert_int_equal(desk.number[0], 1);
    assert_int_equal(add(item + TRUST_MAX, 1), REPLY_TRUST_FULL);
    assert_string_equal(desk.text, "1024");
    assert_int_equal(trusted(), TRUST_MAX);
}

static void bounds_in_bytes(void **state)
{
    (void)state;
    size_t n = TRUST_BYTES - 1000;
    struct trust_item crl = desk_item(1, 3), small = desk_item(2, 1001), large;
    uint8_t *big = calloc(1, n);
    crl.kind = TRUST_CRL;
    crl.der = slice_make(big, n);
    assert_int_equal(add(&crl, 1), REPLY_OK);
    assert_int_equal(add(&small, 1), REPLY_TRUST_FULL);
    small.der.n = 1000;
    assert_int_equal(add(&small, 1), REPLY_OK);
    large = desk_item(3, CERTIFICATE_MAX + 1);
    assert_int_equal(add(&large, 1), REPLY_TEXT_TOO_LONG);
    large.der.n = 0;
    assert_int_equal(add(&large, 1), REPLY_TEXT_TOO_LONG);
    assert_int_equal(trusted(), 2);
    free(big);
}

static void changes_under_way(void **state)
{
    (void)state;
    char hex[2 * FINGERPRINT_SIZE + 1];
    fingerprint_text(1, hex);
    desk.held = true;
    add_one(1);
    add_one(1); /* not known to be durable yet: once more */
    desk_disk(&desk);
    assert_int_equal(desk.number[0], 0);
    assert_int_equal(desk.number[1], 1);
    assert_int_equal(trusted(), 1);
    desk.held = true;
    drop(hex);
    add_one(1); /* on its way out: it is added again */
    desk_disk(&desk);
    assert_int_equal(desk.reply, REPLY_OK);
    assert_int_equal(desk.number[0], 1);
    assert_int_equal(trusted(), 1);
    desk.held = true;
    drop(hex);
    drop(hex);
    desk_disk(&desk);
    assert_int_equal(trusted(), 0);
    assert_int_equal(desk_rows(&desk, ROW_TRUST), 0);
    same_after_restart();
}

static void refuse(const char *ip, unsigned seed, enum code code)
{
    desk_begin(&desk);
    struct link *l = desk_link(&desk, ip, seed);
    if (l != NULL) {
        trust_refused(l, code);
        l->state = LINK_CLOSED;
    }
    desk_end(&desk);
}

static enum reply import_verdict(const uint8_t *id)
{
    struct command c = {.type = COMMAND_TRUST_VERDICT, .what = slice_of("trust import --verdict")};
    memcpy(c.verdict_id, id, sizeof c.verdict_id);
    return desk_command(&desk, c);
}

static void remedy_in_one_command(void **state)
{
    (void)state;
    char hex[2 * FINGERPRINT_SIZE + 1];
    struct view_refused v;
    struct view_trust t;
    uint8_t first[VERDICT_ID_SIZE];
    refuse("192.0.2.7", 1, CODE_SELF_SIGNED);
    assert_true(view_refused(desk.ils, 0, &v));
    memcpy(first, v.verdict_id, sizeof first);
    assert_true(slice_eq(v.der, desk_item(1, 600).der));
    assert_true(v.code == CODE_SELF_SIGNED && v.count == 1 && v.first == v.last && !v.imported);
    assert_string_equal(v.peer.ip, "192.0.2.7");
    for (int i = 0; i < REFUSED_VERDICTS - 1; i++)
        refuse("192.0.2.7", 1, CODE_NO_CHAIN);
    refuse("192.0.2.8", 2, CODE_NOT_MET);
    assert_int_equal(refused(), 2);
    assert_true(view_refused(desk.ils, 0, &v) && v.code == CODE_NOT_MET); /* newest first */
    assert_true(view_refused(desk.ils, 1, &v) && v.count == 8 && v.code == CODE_NO_CHAIN);
    desk_pass(&desk, 3 * TICK_S);
    same_after_restart();
    desk.ils->dial.next = desk.now + 60 * TICK_S;
    assert_int_equal(import_verdict(first), REPLY_OK);
    fingerprint_text(1, hex);
    assert_string_equal(desk.text, hex);
    assert_int_equal(desk.number[0], 1);
    assert_int_equal(desk.ils->dial.next, desk.now); /* the waiting dialler goes at once */
    assert_true(view_trust(desk.ils, 0, &t));
    assert_int_equal(t.source.n, strlen("verdict ") + 16);
    assert_true(t.not_after == desk_item(1, 3).not_after);
    assert_true(slice_eq(t.der, desk_item(1, 600).der));
    assert_true(view_refused(desk.ils, 1, &v) && v.imported);
    assert_int_equal(import_verdict(v.verdict_id), REPLY_OK); /* under another of its ids */
    assert_int_equal(desk.number[1], 1);
    assert_string_equal(desk.text, hex);
    refuse("192.0.2.7", 1, CODE_EXPIRED); /* the ninth takes the place of the first */
    assert_int_equal(import_verdict(first), REPLY_VERDICT_UNKNOWN);
    assert_int_equal(strlen(desk.text), 16);
    assert_true(view_refused(desk.ils, 0, &v));
    assert_int_equal(import_verdict(v.verdict_id), REPLY_OK);
    for (unsigned i = 0; i < 40; i++) /* however long the ring runs */
        refuse("192.0.2.7", 1, CODE_EXPIRED);
    assert_true(view_refused(desk.ils, 0, &v) && v.count == 49);
    assert_int_equal(import_verdict(v.verdict_id), REPLY_OK);
}

static void what_is_not_kept(void **state)
{
    (void)state;
    desk_begin(&desk);
    struct link *l = desk_link(&desk, "192.0.2.7", 1);
    l->cert.present = false;
    trust_refused(l, CODE_NO_CERTIFICATE);
    l->cert.present = true;
    buf_reset(&l->cert_der);
    trust_refused(l, CODE_SELF_SIGNED);
    l->state = LINK_CLOSED;
    desk_end(&desk);
    assert_int_equal(refused(), 0);
    assert_int_equal(desk_rows(&desk, ROW_REFUSED), 0);
}

static void refused_are_bounded(void **state)
{
    (void)state;
    struct view_refused v;
    char ip[32];
    refuse("192.0.2.1", 9999, CODE_SELF_SIGNED);
    for (unsigned i = 0; i < 100; i++) /* one address pays for itself */
        refuse("192.0.2.66", i, CODE_SELF_SIGNED);
    assert_int_equal(refused(), 1 + REFUSED_PER_ADDRESS);
    assert_true(view_refused(desk.ils, REFUSED_PER_ADDRESS, &v));
    assert_true(slice_eq(v.subject, slice_of("ils9999.example")));
    refuse("192.0.2.66", 92, CODE_SELF_SIGNED); /* its oldest, seen again, is the newest */
    refuse("192.0.2.66", 100, CODE_SELF_SIGNED);
    assert_true(view_refused(desk.ils, 1, &v) && slice_eq(v.subject, slice_of("ils92.example")));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(ip, sizeof ip, "198.51.100.%u", i);
        refuse(ip, 1000 + i, CODE_NO_CHAIN);
    }
    assert_int_equal(refused(), REFUSED_MAX);
    assert_true(view_refused(desk.ils, REFUSED_MAX - 1, &v));
    assert_true(slice_eq(v.subject, slice_of("ils1136.example")));
    desk_pass(&desk, 3 * TICK_S);
    assert_int_equal(desk_rows(&desk, ROW_REFUSED), REFUSED_MAX);
    same_after_restart();
    desk_pass(&desk, REFUSED_KEPT_US - 10 * TICK_S);
    assert_int_equal(refused(), REFUSED_MAX);
    refuse("198.51.100.199", 1199, CODE_NO_CHAIN);
    desk_pass(&desk, 20 * TICK_S);
    assert_int_equal(refused(), 1);
    assert_int_equal(desk_rows(&desk, ROW_REFUSED), 1);
}

/* 20 000 strangers in 10 s: a batch every other second, of 64 rows at most. */
static void strangers_do_not_wear_the_disk(void **state)
{
    (void)state;
    char ip[32];
    desk_pass(&desk, 60 * TICK_S);
    size_t stores = desk.stores, puts = desk.puts, used = 0;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(ip, sizeof ip, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        refuse(ip, i, CODE_SELF_SIGNED);
        desk_pass(&desk, TICK_S / 2000);
        if (i == 6000) /* a whole batch of them has been made: no more memory is needed */
            used = mem.mem.used;
    }
    assert_true(desk.stores - stores <= 10);
    assert_true(desk.puts - puts <= 10 * REFUSED_MAX);
    assert_true(desk.stores - stores >= 5);
    assert_true(mem.mem.used <= used + 8192);
    desk_pass(&desk, 3 * TICK_S);
    assert_int_equal(desk_rows(&desk, ROW_REFUSED), REFUSED_MAX);
    same_after_restart();
}

static void put_row(uint8_t space, size_t key_n, const char *value, size_t n)
{
    static const uint8_t key[64] = {9};
    struct ils_event e = {.type = ILS_EV_ROW};
    e.row = (struct row){space, slice_make(key, key_n), slice_make(value, n), false};
    desk_step(&desk, e);
}

static void odd_rows_are_left_alone(void **state)
{
    (void)state;
    static const char zeros[80];
    for (size_t n = 0; n < sizeof zeros; n++) {
        put_row(ROW_TRUST, 31, zeros, n);
        put_row(ROW_TRUST, 32, "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20); /* no such kind */
        put_row(ROW_REFUSED, 33, zeros, n);
    }
    put_row(ROW_TRUST, 32, zeros, 20); /* without DER */
    put_row(ROW_REFUSED, 32, zeros, 42);
    assert_int_equal(trusted(), 0);
    assert_int_equal(refused(), 0);
    put_row(ROW_TRUST, 32, zeros, 21);
    put_row(ROW_TRUST, 32, zeros, 22); /* the same key */
    put_row(ROW_REFUSED, 32, zeros, 43);
    put_row(ROW_REFUSED, 32, zeros, 44);
    assert_int_equal(trusted(), 1);
    assert_int_equal(refused(), 1);
}

/* More rows than the table holds, as another version may have left them: the oldest go. */
static void too_many_rows(void **state)
{
    (void)state;
    char ip[32];
    for (unsigned i = 0; i < REFUSED_MAX; i++) {
        snprintf(ip, sizeof ip, "198.51.100.%u", i);
        refuse(ip, i, CODE_NO_CHAIN);
        desk_pass(&desk, TICK_S);
    }
    desk_pass(&desk, 3 * TICK_S);
    struct desk_row *old = &desk.row[desk.row_n];
    char key[FINGERPRINT_SIZE] = "older than all";
    char value[43] = {0};
    *old = (struct desk_row){ROW_REFUSED, malloc(sizeof key), malloc(sizeof value), sizeof key,
                             sizeof value};
    memcpy(old->key, key, sizeof key);
    memcpy(old->value, value, sizeof value);
    desk.row_n++;
    uint64_t before = seen();
    desk_stop(&desk);
    desk_start(&desk, &mem.mem);
    assert_true(before == seen());
    desk_pass(&desk, 3 * TICK_S);
    assert_int_equal(desk_rows(&desk, ROW_REFUSED), REFUSED_MAX);
}

static void without_memory(struct mem *m)
{
    char hex[2 * FINGERPRINT_SIZE + 1];
    struct trust_item item[2] = {desk_item(1, 700), desk_item(2, 2000)};
    struct view_refused v;
    memset(&desk, 0, sizeof desk);
    desk_start(&desk, m);
    if (desk.ils != NULL && !desk.dead)
        desk_hub(&desk);
    if (desk.ils != NULL && !desk.dead) {
        enum reply reply = add(item, 2);
        if (!desk.dead)
            assert_true((reply == REPLY_OK && trusted() == 2 && desk_rows(&desk, ROW_TRUST) == 2) ||
                        (reply == REPLY_MEMORY && trusted() == 0));
        fingerprint_text(1, hex);
        if (!desk.dead)
            drop(hex);
        if (!desk.dead)
            assert_int_equal(trusted(), desk_rows(&desk, ROW_TRUST));
        for (unsigned i = 0; i < 10 && !desk.dead; i++)
            refuse("192.0.2.1", i, CODE_SELF_SIGNED);
        if (!desk.dead && view_refused(desk.ils, 0, &v))
            import_verdict(v.verdict_id);
        desk_pass(&desk, 3 * TICK_S);
        if (!desk.dead)
            assert_true(trusted() == desk_rows(&desk, ROW_TRUST));
    }
    desk_stop(&desk);
    desk_start(&desk, m);
    if (!desk.dead)
        assert_true(trusted() == desk_rows(&desk, ROW_TRUST));
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
        cmocka_unit_test_setup_teardown(durable_before_it_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_there_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(becomes_an_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(removal, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_in_number, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_in_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(remedy_in_one_command, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_do_not_wear_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_rows_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_rows, setup, teardown),
        cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
