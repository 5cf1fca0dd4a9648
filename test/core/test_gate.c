/* The budget before authentication: the table of half-open links and who goes when it is full, the
 * deadline, penalties that hold or refuse and double, who is exempt, and that nothing grows. */
#include <stdio.h>
#include <time.h>

#include "core/core.h"
#include "peer.h"
#include "rig.h"

static struct rig core;
static uint8_t key[32], other_key[32];

static int setup(void **state)
{
    (void)state;
    crypto_hash1(key, "test", slice_of("secret"));
    crypto_hash1(other_key, "test", slice_of("other"));
    rig_init(&core, 5, SIZE_MAX);
    rig_hub(&core, "hub", key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&core);
    return 0;
}

static void ip_of(char ip[16], unsigned n)
{
    snprintf(ip, 16, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
}

static bool closed(uint32_t id)
{
    return rig_link(&core, id)->closed;
}

static size_t half_open(void)
{
    size_t n = 0;
    for (size_t i = 0; i < core.link_n; i++)
        n += !core.link[i].closed;
    return n;
}

/* One attempt from ip with the password; what the core answered with, CODE_JOINED, or 0 as long as
 * nothing is answered at all. */
static uint32_t attempt(const char *ip, const uint8_t *password, uint64_t seed,
                        struct msg_goodbye *ret)
{
    struct peer_end p;
    uint32_t id = rig_accept(&core, ip);
    struct rig_link *l = rig_link(&core, id);
    peer_init(&p, &core.mem.mem, seed, password, true);
    peer_hello(&p);
    while (p.out.n != 0) {
        size_t n = p.out.n;
        uint8_t bytes[1024];
        memcpy(bytes, p.out.p, n);
        buf_reset(&p.out);
        rig_data(&core, id, bytes, n);
        l = rig_link(&core, id);
        n = l->out_n;
        l->out_n = 0;
        peer_take(&p, slice_make(l->out, n));
    }
    if (p.up) { /* its first word brings the link up */
        peer_frame(&p, FRAME_KEEPALIVE, slice_make(NULL, 0));
        rig_data(&core, id, p.out.p, p.out.n);
    }
    if (ret != NULL)
        *ret = p.farewell;
    uint32_t code = p.up ? CODE_JOINED : p.goodbye;
    peer_done(&p);
    return code;
}

/* When the table is full, the oldest of the busiest prefix goes, whoever comes. */
static void busiest_prefix_goes(void **state)
{
    (void)state;
    uint32_t quiet[24], busy[HALF_OPEN_MAX];
    char ip[16];
    for (unsigned i = 0; i < 12; i++) {
        ip_of(ip, i);
        quiet[i] = rig_accept(&core, ip);
    }
    for (size_t i = 0; i < HALF_OPEN_MAX - 24; i++)
        busy[i] = rig_accept(&core, "192.0.2.66");
    for (unsigned i = 12; i < 24; i++) {
        ip_of(ip, i);
        quiet[i] = rig_accept(&core, ip);
    }
    assert_int_equal(half_open(), HALF_OPEN_MAX);
    for (size_t i = 0; i < 100; i++) {
        rig_accept(&core, i % 2 == 0 ? "198.51.100.1" : "198.51.100.2");
        assert_int_equal(half_open(), HALF_OPEN_MAX);
        for (size_t k = 0; k < HALF_OPEN_MAX - 24; k++)
            assert_int_equal(closed(busy[k]), k <= i);
    }
    for (unsigned i = 0; i < 24; i++)
        assert_false(closed(quiet[i]));
}

/* IPv6 counts by 56 bits, however it is written. */
static void prefixes_of_ipv6(void **state)
{
    (void)state;
    static const char *const same[] = {"2001:db8:1:ab00::1", "2001:db8:1:abff:1:2:3:4",
                                       "2001:db8:1:ab12:ffff::"};
    static const char *const other[] = {"2001:db8:1:ac00::1", "2001:db8:1:ab0::1",
                                        "2001:db8:1:ab::", "2001:db8::ab00:1"};
    static const char *const low[] = {"2001:db8:2:5::1", "2001:db8:2:6::1", "2001:db8:2::1",
                                      "2001:db8:2:0:5::1"};
    static const char *const zero[] = {"::1", "::ffff:0:1", "::1.2.3.4", "0:0:0:ff::"};
    for (int i = 0; i < 3; i++)
        attempt(same[i], other_key, 1, NULL);
    assert_int_equal(core.ils->gate.n, 1);
    assert_int_equal(core.verdicts, 1); /* the second and third are held, as one source */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(attempt(other[i], other_key, 1, NULL), CODE_PASSWORD_DIFFERS);
        assert_int_equal(core.ils->gate.n, i + 2);
        rig_pass(&core, 700 * TICK_S);
    }
    for (size_t i = 0; i < 4; i++) {
        attempt(low[i], other_key, 1, NULL);
        assert_int_equal(core.ils->gate.n, 6);
    }
    rig_pass(&core, 2000 * TICK_S);
    for (size_t i = 0; i < 4; i++) {
        attempt(zero[i], other_key, 1, NULL);
        assert_int_equal(core.ils->gate.n, 7);
    }
}

static void deadline(void **state)
{
    (void)state;
    uint32_t silent = rig_accept(&core, "198.51.100.1");
    rig_pass(&core, 5 * TICK_S);
    uint32_t slow = rig_accept(&core, "198.51.100.2");
    rig_pass(&core, 5 * TICK_S - 2);
    assert_false(closed(silent));
    rig_pass(&core, 2);
    assert_true(closed(silent));
    for (int i = 0; i < 4; i++) { /* a byte a second does not help */
        rig_data(&core, slow, &"\x01\0\0\x31"[i], 1);
        rig_pass(&core, TICK_S);
        assert_false(closed(slow));
    }
    rig_pass(&core, TICK_S);
    assert_true(closed(slow));
}

/* 5 s and doubling to 600 s; up to 5 s a hello is held, above it is refused and told when. */
static void penalties(void **state)
{
    (void)state;
    struct msg_goodbye bye;
    static const unsigned cost[] = {5, 10, 20, 40, 80, 160, 320, 600, 600};
    for (size_t i = 0; i < sizeof cost / sizeof cost[0]; i++) {
        uint32_t code = attempt("198.51.100.7", other_key, 1, &bye);
        assert_int_equal(code, CODE_PASSWORD_DIFFERS);
        assert_int_equal(bye.retry_after, 0);
        if (cost[i] > 5) {
            assert_int_equal(attempt("198.51.100.7", key, 1, &bye), CODE_PENALTY);
            assert_int_equal(bye.retry_after, cost[i]);
            assert_int_equal(core.verdict.retry_after, cost[i]);
            rig_pass(&core, (tick)(cost[i] - 5) * TICK_S);
        }
        size_t verdicts = core.verdicts;
        assert_int_equal(attempt("198.51.100.7", other_key, 1, NULL), 0); /* held */
        assert_int_equal(core.verdicts, verdicts);
        uint32_t held = LINK_ACCEPTED | core.accepted;
        rig_pass(&core, 5 * TICK_S - 2);
        assert_int_equal(rig_link(&core, held)->sent, 0);
        rig_pass(&core, 2);
        assert_true(rig_link(&core, held)->sent > 0); /* the hello was kept and is answered */
        rig_down(&core, held);
    }
    assert_int_equal(attempt("198.51.100.8", key, 2, NULL), CODE_JOINED); /* others: as ever */
    rig_pass(&core, 1300 * TICK_S);
    assert_int_equal(attempt("198.51.100.7", other_key, 1, NULL), CODE_PASSWORD_DIFFERS);
    rig_pass(&core, 5 * TICK_S);
    assert_int_equal(attempt("198.51.100.7", key, 1, NULL), CODE_JOINED); /* it is forgotten */
}

/* Nobody can lock a known cluster out by failing from its address. */
static void known_peers_are_exempt(void **state)
{
    (void)state;
    assert_int_equal(attempt("198.51.100.7", key, 2, NULL), CODE_JOINED);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(attempt("198.51.100.7", other_key, 3, NULL), CODE_PASSWORD_DIFFERS);
    assert_int_equal(attempt("198.51.100.7", key, 2, NULL), CODE_JOINED);
    /* From elsewhere one is enough. */
    assert_int_equal(attempt("198.51.100.8", other_key, 3, NULL), CODE_PASSWORD_DIFFERS);
    assert_int_equal(attempt("198.51.100.8", key, 4, NULL), 0);
}

/* 80,000 sources fail; the table keeps the newest 65,536. */
static void table_is_bounded(void **state)
{
    (void)state;
    char ip[16];
    core.forget = true;
    rig_accept(&core, "198.51.100.1");
    for (unsigned i = 0; i < 80000; i++) {
        ip_of(ip, i);
        uint32_t id = rig_accept(&core, ip);
        rig_data(&core, id, "\x07\0\0\0", 4);
        assert_true(closed(id));
        rig_clear(&core);
    }
    assert_int_equal(core.ils->gate.n, PENALTIES_MAX);
    size_t full = core.mem.mem.used;
    for (unsigned i = 80000; i < 90000; i++) {
        ip_of(ip, i);
        rig_data(&core, rig_accept(&core, ip), "\x07\0\0\0", 4);
        rig_clear(&core);
    }
    assert_int_equal(core.ils->gate.n, PENALTIES_MAX);
    assert_true(core.mem.mem.used <= full + 65536);
    printf("# %d penalties: %zu KiB\n", PENALTIES_MAX, full >> 10);
    struct msg_goodbye bye;
    core.forget = false;
    ip_of(ip, 89999); /* the newest is in it, the oldest is forgotten */
    assert_int_equal(attempt(ip, key, 1, &bye), CODE_PENALTY);
    ip_of(ip, 0);
    assert_int_equal(attempt(ip, key, 1, &bye), CODE_JOINED);
}

/* A full table of sources that are all others: what one more connection costs. */
static void full_table_of_many_prefixes(void **state)
{
    (void)state;
    char ip[16];
    struct timespec a, b;
    const unsigned more = 2000;
    for (unsigned i = 0; i < HALF_OPEN_MAX; i++) {
        ip_of(ip, i);
        rig_accept(&core, ip);
    }
    size_t full = core.mem.mem.used;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (unsigned i = 0; i < more; i++) {
        ip_of(ip, 5000 + i);
        rig_accept(&core, ip);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("# %u half-open links: %zu KiB; one more costs %.0f us\n", HALF_OPEN_MAX, full >> 10,
           s / more * 1e6);
    assert_int_equal(half_open(), HALF_OPEN_MAX);
    assert_true(core.mem.mem.used < full + 65536 * 4);
    assert_int_equal(attempt("198.51.100.8", key, 2, NULL), CODE_JOINED);
}

/* However many sources strangers have: whoever was met before keeps a few places, and no more. */
static void known_have_places(void **state)
{
    (void)state;
    uint32_t known[HALF_OPEN_KNOWN + 2];
    char ip[16];
    assert_int_equal(attempt("198.51.100.7", key, 2, NULL), CODE_JOINED);
    rig_clear(&core);
    for (size_t i = 0; i < HALF_OPEN_KNOWN + 2; i++)
        known[i] = rig_accept(&core, "198.51.100.7");
    uint32_t stranger = rig_accept(&core, "198.51.100.8");
    for (unsigned i = 0; i < 4 * HALF_OPEN_MAX; i++) {
        ip_of(ip, i);
        rig_accept(&core, ip);
    }
    assert_true(closed(stranger));
    for (size_t i = 0; i < HALF_OPEN_KNOWN + 2; i++)
        assert_int_equal(closed(known[i]), i < 2);
    for (unsigned i = 0; i < 4 * HALF_OPEN_MAX; i++) /* a crowd from there is a crowd */
        rig_accept(&core, "198.51.100.7");
    size_t left = half_open();
    assert_true(left <= HALF_OPEN_MAX + 1); /* and the link that is up */
    ip_of(ip, 5000);
    stranger = rig_accept(&core, ip);
    rig_accept(&core, "198.51.100.7");
    assert_false(closed(stranger));
}

/* What comes a byte at a time changes nothing of anybody's deadline, whatever the order. */
static void deadlines_in_any_order(void **state)
{
    (void)state;
    uint32_t id[20];
    char ip[16];
    for (unsigned i = 0; i < 20; i++) {
        ip_of(ip, i);
        id[i] = rig_accept(&core, ip);
        rig_pass(&core, TICK_S / 10);
    }
    rig_pass(&core, 7 * TICK_S); /* the first is 9 s old */
    for (unsigned i = 0; i < 20; i += 3)
        rig_data(&core, id[i], "\x01", 1);
    rig_down(&core, id[4]);
    for (unsigned tenth = 90; tenth < 130; tenth++) {
        for (unsigned i = 0; i < 20; i++)
            assert_int_equal(closed(id[i]), i == 4 || i + 100 <= tenth);
        rig_pass(&core, TICK_S / 10);
    }
}

/* A host whose limit of descriptors is low has a smaller table. */
static void a_smaller_table(void **state)
{
    (void)state;
    char ip[16];
    core.ils->gate.open_max = 10;
    for (unsigned i = 0; i < 30; i++) {
        ip_of(ip, i);
        rig_accept(&core, ip);
    }
    assert_int_equal(half_open(), 10);
    assert_int_equal(attempt("198.51.100.8", key, 2, NULL), CODE_JOINED);
}

/* In a flood the trace is kept for those who speak. */
static void silence_is_not_traced(void **state)
{
    (void)state;
    char ip[16];
    for (unsigned i = 0; i < HALF_OPEN_MAX / 2; i++) {
        ip_of(ip, i);
        size_t before = core.traces;
        rig_accept(&core, ip);
        assert_int_equal(core.traces, before + 2); /* T1, T2 */
    }
    size_t before = core.traces;
    for (unsigned i = 0; i < 2 * HALF_OPEN_MAX; i++) {
        ip_of(ip, 5000 + i);
        rig_accept(&core, ip);
    }
    assert_int_equal(core.traces, before);
    uint32_t id = rig_accept(&core, "198.51.100.8");
    rig_data(&core, id, "\x07\0\0\0", 4);
    assert_true(closed(id));
    assert_true(core.traces > before + 2); /* T1, T2, and what was wrong */
}

/* A capability that nobody knows yet is demanded. */
static void unknown_capability(void **state)
{
    (void)state;
    struct peer_end p;
    uint32_t id = rig_accept(&core, "198.51.100.7");
    peer_init(&p, &core.mem.mem, 2, key, true);
    p.hello.required = 1;
    peer_hello(&p);
    rig_data(&core, id, p.out.p, p.out.n);
    struct rig_link *l = rig_link(&core, id);
    peer_take(&p, slice_make(l->out, l->out_n));
    assert_int_equal(p.goodbye, CODE_CAPABILITY);
    assert_int_equal(core.verdict.code, CODE_CAPABILITY);
    assert_int_equal(core.alarm, ILSProtocolVersion);
    assert_true(closed(id));
    peer_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(busiest_prefix_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(prefixes_of_ipv6, setup, teardown),
        cmocka_unit_test_setup_teardown(deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(penalties, setup, teardown),
        cmocka_unit_test_setup_teardown(known_peers_are_exempt, setup, teardown),
        cmocka_unit_test_setup_teardown(table_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(full_table_of_many_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(known_have_places, setup, teardown),
        cmocka_unit_test_setup_teardown(deadlines_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_smaller_table, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_is_not_traced, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_capability, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
