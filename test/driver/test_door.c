/* Who may ask at a door, and how often: texts, networks, rates, and rules that change meanwhile. */
#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "driver/address.h"
#include "driver/door.h"
#include "driver/known.h"

static const struct sockaddr *at(const char *ip)
{
    static struct sockaddr_storage a;
    socklen_t n;
    assert_true(address_parse(ip, 1234, &a, &n));
    return (const struct sockaddr *)&a;
}

static void test_listen(void **state)
{
    static const char *const good[] = {"127.0.0.1:5070", "[::1]:1", "0.0.0.0:65535", "[::]:80"};
    static const char *const bad[] = {"", ":", "5070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
                                      "127.0.0.1:65536", "::1:80", "[::1]", "[127.0.0.1]:80",
                                      "localhost:80", "[]:80", "1.2.3.4:80x", "OFF",
                                      "[0000:0000:0000:0000:0000:0000:0000:0000:0000:000]:80"};
    struct door_config config = {0};
    char text[DOOR_LISTEN_MAX];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(door_listen_parse(good[i], config.address, &config.port));
        door_listen_text(&config, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(door_listen_parse(bad[i], config.address, &config.port));
    assert_true(door_listen_parse("off", config.address, &config.port));
    assert_int_equal(config.port, 0);
    assert_string_equal(config.address, "::");
    door_listen_text(&config, text);
    assert_string_equal(text, "off");
    assert_true(door_is_loopback("127.8.8.8"));
    assert_true(door_is_loopback("::1"));
    assert_false(door_is_loopback("0.0.0.0"));
    assert_false(door_is_loopback("::"));
    assert_false(door_is_loopback("128.0.0.1"));
}

static void test_nets(void **state)
{
    static const char *const good[] = {"10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/0", "::/0",
                                       "2001:db8::/56", "::1/128"};
    static const char *const bad[] = {"", "/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "x/8",
                                      "2001:db8::1/64", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"};
    struct door_net net;
    char text[DOOR_NET_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(door_net_parse(good[i], &net));
        door_net_text(&net, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(door_net_parse(bad[i], &net));
    assert_true(door_net_parse("192.0.2.1", &net));
    door_net_text(&net, text);
    assert_string_equal(text, "192.0.2.1/32");
    assert_true(door_nets_hold(&net, 1, at("192.0.2.1")));
    assert_true(door_nets_hold(&net, 1, at("::ffff:192.0.2.1")));
    assert_false(door_nets_hold(&net, 1, at("192.0.2.2")));
    assert_true(door_net_parse("2001:db8:0:ff00::/56", &net));
    assert_true(door_nets_hold(&net, 1, at("2001:db8:0:ffee::1")));
    assert_false(door_nets_hold(&net, 1, at("2001:db8:0:fe00::1")));
    assert_true(door_net_parse("0.0.0.0/0", &net));
    assert_true(door_nets_hold(&net, 1, at("8.8.8.8")));
    assert_false(door_nets_hold(&net, 1, at("2001:db8::1")));
}

static void test_allow(void **state)
{
    struct door_config config = {0};
    struct door_refused refused = {0};
    door_allow_private(&config);
    struct door_gate *gate = door_gate_new(&config);
    assert_int_equal(door_gate_judge(gate, at("127.0.0.1"), 0), DOOR_PASSES);
    assert_int_equal(door_gate_judge(gate, at("172.31.255.255"), 0), DOOR_PASSES);
    assert_int_equal(door_gate_judge(gate, at("172.32.0.0"), 0), DOOR_NOT_ALLOWED);
    assert_int_equal(door_gate_judge(gate, at("fd00::1"), 0), DOOR_PASSES);
    assert_int_equal(door_gate_judge(gate, at("2001:db8::1"), 0), DOOR_NOT_ALLOWED);
    config.allow_n = 0;
    door_gate_set(gate, &config);
    assert_int_equal(door_gate_judge(gate, at("2001:db8::1"), 0), DOOR_PASSES);
    door_gate_counts(gate, &refused);
    assert_int_equal(refused.not_allowed, 2);
    assert_int_equal(refused.too_fast, 0);
    door_gate_free(gate);
}

static size_t passes(struct door_gate *gate, const char *ip, size_t n, tick now)
{
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        got += door_gate_judge(gate, at(ip), now) == DOOR_PASSES;
    return got;
}

static void test_rate(void **state)
{
    struct door_config config = {.rate = 10};
    struct door_gate *gate = door_gate_new(&config);
    tick second = 1000000, now = 5 * second;
    assert_int_equal(passes(gate, "192.0.2.1", 25, now), 10);
    assert_int_equal(passes(gate, "192.0.2.2", 25, now), 10); /* everybody has his own */
    assert_int_equal(passes(gate, "192.0.2.1", 25, now + second / 2), 5);
    assert_int_equal(passes(gate, "192.0.2.1", 25, now + 10 * second), 10);
    /* One /56 is one source. */
    assert_int_equal(passes(gate, "2001:db8:0:1::1", 7, now), 7);
    assert_int_equal(passes(gate, "2001:db8:0:ff::2", 7, now), 3);
    assert_int_equal(passes(gate, "2001:db8:0:100::2", 7, now), 7);
    /* Long after, when the time in a word has gone round. */
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(passes(gate, "192.0.2.9", 25, now + (tick)i * 20 * 3600 * second), 10);
    config.rate = 1;
    door_gate_set(gate, &config);
    assert_int_equal(passes(gate, "198.51.100.1", 3, now), 1);
    config.rate = DOOR_RATE_MAX;
    door_gate_set(gate, &config);
    assert_int_equal(passes(gate, "198.51.100.2", 10, now), 10);
    door_gate_free(gate);
}

/* A flood of strangers neither grows anything nor takes the place of who keeps asking. */
static void test_many_sources(void **state)
{
    struct door_config config = {.rate = 100};
    struct door_gate *gate = door_gate_new(&config);
    tick now = 1000000;
    size_t good = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0b000000u + i)};
        door_gate_judge(gate, (const struct sockaddr *)&a, now);
        if (i % 1000 == 0)
            good += door_gate_judge(gate, at("192.0.2.1"), now) == DOOR_PASSES;
    }
    assert_true(good >= 100 && good <= 200);
    door_gate_free(gate);
}

/* n datagrams of as many sources, the first of them 11.0.0.0 + from, in a second that ends now. */
static size_t strangers(struct door_gate *gate, uint32_t from, uint32_t n, tick now, bool crowded)
{
    size_t in = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x0b000000u + from + i)};
        in += door_gate_admits(gate, (const struct sockaddr *)&a,
                               now - TICK_S + (tick)(TICK_S / n * i), crowded);
    }
    return in;
}

static void test_strangers(void **state)
{
    struct door_config config = {0};
    struct door_gate *gate = door_gate_new(&config);
    struct door_refused refused = {0};
    tick now = 100 * TICK_S;
    assert_int_equal(strangers(gate, 0, 4000, now, false), 4000);
    assert_int_equal(strangers(gate, 0, 4000, now + TICK_S, false), 4000); /* known by now */
    size_t in = strangers(gate, 1000000, 100000, now + 2 * TICK_S, false);
    assert_in_range(in, 2 * DOOR_STRANGERS, 2 * DOOR_STRANGERS + 100000 / DOOR_ONE_IN);
    door_gate_counts(gate, &refused);
    assert_int_equal(refused.passed_over, 100000 - in);
    in = strangers(gate, 2000000, 4000, now + 10 * TICK_S, true);
    assert_in_range(in, 4000 / DOOR_ONE_IN, 4000 / DOOR_ONE_IN + 1);
    in = strangers(gate, 2000000, 4000, now + 11 * TICK_S, true); /* they came back */
    assert_true(in > 3000);
    assert_true(strangers(gate, 0, 4000, now + 12 * TICK_S, true) > 2000); /* of the first */
    door_gate_free(gate);
}

/* Who is known stays so in a flood, whether he asked during it or not; a program of this host is
 * known from the start; a network of IPv6 is one source. */
static void test_known(void **state)
{
    struct door_config config = {0};
    struct door_gate *gate = door_gate_new(&config);
    tick now = 100 * TICK_S;
    assert_true(door_gate_admits(gate, at("192.0.2.1"), now - TICK_S, false));
    assert_true(door_gate_admits(gate, at("192.0.2.1"), now - KNOWN_AFTER, false));
    assert_true(door_gate_admits(gate, at("2001:db8::1"), now - TICK_S, false));
    assert_true(door_gate_admits(gate, at("2001:db8::2"), now, false));
    for (uint32_t second = 1; second <= 20; second++)
        strangers(gate, second * 100000, 100000, now + second * TICK_S, true);
    now += 21 * TICK_S;
    for (int i = 0; i < 100; i++) {
        assert_true(door_gate_admits(gate, at("192.0.2.1"), now, true));
        assert_true(door_gate_admits(gate, at("2001:db8:0:ff::3"), now, true));
        assert_true(door_gate_admits(gate, at("127.0.0.1"), now, true));
        assert_true(door_gate_admits(gate, at("::ffff:127.1.0.1"), now, true));
        assert_true(door_gate_admits(gate, at("::1"), now, true));
    }
    size_t in = 0; /* asking often does not make known, before some time has passed */
    for (int i = 0; i < 1600; i++)
        in += door_gate_admits(gate, at("192.0.2.2"), now + i * KNOWN_AFTER / 1600, true);
    assert_in_range(in, 1600 / DOOR_ONE_IN, 1600 / DOOR_ONE_IN + 1);
    door_gate_free(gate);
}

struct race {
    struct door_gate *gate;
    _Atomic bool stop;
    _Atomic uint64_t wrong, asked;
};

/* 10.0.0.1 is let in by both rules, 192.0.2.1 by neither. */
static void *ask(void *context)
{
    struct race *r = context;
    struct sockaddr_in in = {.sin_family = AF_INET}, out = in;
    inet_pton(AF_INET, "10.0.0.1", &in.sin_addr);
    inet_pton(AF_INET, "192.0.2.1", &out.sin_addr);
    while (!r->stop) {
        r->wrong += door_gate_judge(r->gate, (struct sockaddr *)&in, 0) != DOOR_PASSES;
        r->wrong += door_gate_judge(r->gate, (struct sockaddr *)&out, 0) != DOOR_NOT_ALLOWED;
        strangers(r->gate, 0, 10, TICK_S, false);
        r->asked++;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct door_config one = {0}, two = {0};
    struct race r = {0};
    pthread_t thread[2];
    assert_true(door_net_parse("10.0.0.0/8", &one.allow[0]));
    assert_true(door_net_parse("172.16.0.0/12", &two.allow[0]));
    assert_true(door_net_parse("10.0.0.1/32", &two.allow[1]));
    one.allow_n = 1;
    two.allow_n = 2;
    r.gate = door_gate_new(&one);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask, &r), 0);
    for (unsigned i = 0; i < 20000 || r.asked < 1000; i++)
        door_gate_set(r.gate, i % 2 == 0 ? &two : &one);
    r.stop = true;
    for (size_t i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(r.wrong, 0);
    door_gate_free(r.gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen),       cmocka_unit_test(test_nets),
        cmocka_unit_test(test_allow),        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_many_sources), cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_known),        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
