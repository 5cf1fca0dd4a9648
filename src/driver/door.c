/* door: the gate in atomic words. The rules are read under a sequence number, which a change makes
 * odd while it lasts; a source's word holds a tag and the time at which its next request would be
 * in step with the rate (GCRA), so that one compare-and-swap takes a request into account. */
#include "driver/door.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "driver/address.h"
#include "driver/clock.h"
#include "driver/known.h"

#define WAYS      4
#define SETS      4096                  /* 16 384 sources, 128 KiB */
#define TIME_BITS 44                    /* of a word, in units of 1/16 us: 12 days */
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define SECOND    (UINT64_C(16) * 1000000)

struct door_gate {
    uint8_t key[16];
    _Atomic uint32_t sequence; /* odd: the rules are being changed */
    _Atomic uint64_t rate, net_n;
    _Atomic uint64_t net[DOOR_NETS_MAX][3]; /* two halves of the address, bits */
    _Atomic uint64_t not_allowed, too_fast, passed_over;
    _Atomic uint64_t crowd;     /* strangers for whom there was no room */
    _Atomic tick strangers;     /* when the next one would be in step with their rate */
    _Atomic uint64_t source[SETS][WAYS]; /* tag, time; 0: nobody */
    struct known known;
};

/* --- text */

bool door_listen_parse(const char *text, char ret_address[static DOOR_ADDRESS_MAX],
                       uint16_t *ret_port)
{
    struct sockaddr_storage a;
    socklen_t n;
    uint64_t port;
    char host[DOOR_ADDRESS_MAX];
    const char *colon = strrchr(text, ':');
    if (strcmp(text, "off") == 0) {
        *ret_port = 0;
        return true;
    }
    if (colon == NULL || !slice_to_u64(slice_of(colon + 1), 65535, &port) || port == 0)
        return false;
    struct slice s = slice_make(text, (size_t)(colon - text));
    bool brackets = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
    if (brackets)
        s = slice_make(s.p + 1, s.n - 2);
    if (s.n == 0 || s.n >= sizeof host || brackets != (slice_find(s, ':') < s.n))
        return false;
    slice_to_text(s, host, sizeof host);
    if (!address_parse(host, (uint16_t)port, &a, &n))
        return false;
    memcpy(ret_address, host, sizeof host);
    *ret_port = (uint16_t)port;
    return true;
}

void door_listen_text(const struct door_config *config, char dst[static DOOR_LISTEN_MAX])
{
    if (config->port == 0)
        snprintf(dst, DOOR_LISTEN_MAX, "off");
    else
        snprintf(dst, DOOR_LISTEN_MAX, strchr(config->address, ':') != NULL ? "[%s]:%u" : "%s:%u",
                 config->address, config->port);
}

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* As an IPv6 address; false: of no family that is known. */
static bool take_ip(const struct sockaddr *a, uint8_t ret[static 16])
{
    if (a->sa_family == AF_INET) {
        memcpy(ret, v4_prefix, sizeof v4_prefix);
        memcpy(ret + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
        return true;
    }
    if (a->sa_family != AF_INET6)
        return false;
    memcpy(ret, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    return true;
}

/* The first `bits` bits of an address, as two numbers. */
static void halves(const uint8_t ip[static 16], unsigned bits, uint64_t ret[static 2])
{
    for (unsigned half = 0; half < 2; half++) {
        uint64_t v = 0;
        for (unsigned i = 0; i < 8; i++)
            v = v << 8 | ip[8 * half + i];
        unsigned have = bits > 64 * half ? bits - 64 * half : 0;
        ret[half] = have >= 64 ? v : have == 0 ? 0 : v & ~(UINT64_MAX >> have);
    }
}

bool door_net_parse(const char *text, struct door_net *ret)
{
    struct sockaddr_storage a;
    struct door_net net;
    socklen_t n;
    char host[DOOR_ADDRESS_MAX];
    uint64_t bits, whole[2], masked[2];
    size_t at = strcspn(text, "/");
    if (at == 0 || at >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)at, text);
    if (!address_parse(host, 0, &a, &n) || !take_ip((const struct sockaddr *)&a, net.ip))
        return false;
    uint64_t most = a.ss_family == AF_INET ? 32 : 128;
    bits = most;
    if (text[at] == '/' && !slice_to_u64(slice_of(text + at + 1), most, &bits))
        return false;
    net.bits = (uint8_t)(bits + 128 - most);
    halves(net.ip, 128, whole);
    halves(net.ip, net.bits, masked);
    if (whole[0] != masked[0] || whole[1] != masked[1])
        return false;
    *ret = net;
    return true;
}

void door_net_text(const struct door_net *net, char dst[static DOOR_NET_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = net->bits >= 96 && memcmp(net->ip, v4_prefix, sizeof v4_prefix) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? net->ip + 12 : net->ip, host, sizeof host);
    snprintf(dst, DOOR_NET_TEXT, "%s/%u", host, v4 ? net->bits - 96u : net->bits);
}

static bool hold(const struct door_net *nets, size_t n, const uint8_t ip[static 16])
{
    for (size_t i = 0; i < n; i++) {
        uint64_t a[2], b[2];
        halves(ip, nets[i].bits, a);
        halves(nets[i].ip, nets[i].bits, b);
        if (a[0] == b[0] && a[1] == b[1])
            return true;
    }
    return false;
}

bool door_nets_hold(const struct door_net *nets, size_t n, const struct sockaddr *a)
{
    uint8_t ip[16];
    return take_ip(a, ip) && hold(nets, n, ip);
}

static const char *const house[] = {
    "127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
    "169.254.0.0/16", "::1/128",    "fc00::/7",      "fe80::/10",
};

void door_allow_private(struct door_config *config)
{
    config->allow_n = 0;
    for (size_t i = 0; i < sizeof house / sizeof *house; i++)
        config->allow_n += door_net_parse(house[i], &config->allow[config->allow_n]);
}

bool door_is_loopback(const char *address)
{
    struct door_net own[2];
    struct sockaddr_storage a;
    socklen_t n;
    return door_net_parse(house[0], &own[0]) && door_net_parse("::1/128", &own[1]) &&
           address_parse(address, 0, &a, &n) &&
           door_nets_hold(own, 2, (const struct sockaddr *)&a);
}

/* --- the gate */

struct door_gate *door_gate_new(const struct door_config *config)
{
    struct door_gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return NULL;
    clock_entropy(gate->key, sizeof gate->key);
    door_gate_set(gate, config);
    return gate;
}

void door_gate_free(struct door_gate *gate)
{
    free(gate);
}

/* Whoever sees one of the new words sees the odd number before them as well. */
void door_gate_set(struct door_gate *gate, const struct door_config *config)
{
    uint32_t sequence = atomic_load_explicit(&gate->sequence, memory_order_relaxed);
    atomic_store_explicit(&gate->sequence, sequence + 1, memory_order_relaxed);
    for (size_t i = 0; i < config->allow_n; i++) {
        uint64_t half[2];
        halves(config->allow[i].ip, 128, half);
        for (size_t k = 0; k < 2; k++)
            atomic_store_explicit(&gate->net[i][k], half[k], memory_order_release);
        atomic_store_explicit(&gate->net[i][2], config->allow[i].bits, memory_order_release);
    }
    atomic_store_explicit(&gate->net_n, config->allow_n, memory_order_release);
    atomic_store_explicit(&gate->rate, config->rate, memory_order_release);
    atomic_store_explicit(&gate->sequence, sequence + 2, memory_order_release);
}

static uint64_t mask_half(uint64_t v, uint64_t bits, unsigned half)
{
    uint64_t have = bits > 64 * half ? bits - 64 * half : 0;
    return have >= 64 ? v : have == 0 ? 0 : v & ~(UINT64_MAX >> have);
}

/* Reads every word with acquire, so that the sequence is read again after them. */
static bool allowed(struct door_gate *gate, const uint64_t ip[static 2], uint64_t *ret_rate)
{
    for (;;) {
        uint32_t before = atomic_load_explicit(&gate->sequence, memory_order_acquire);
        uint64_t n = atomic_load_explicit(&gate->net_n, memory_order_acquire);
        bool in = n == 0;
        *ret_rate = atomic_load_explicit(&gate->rate, memory_order_acquire);
        for (size_t i = 0; i < n && i < DOOR_NETS_MAX && !in; i++) {
            uint64_t high = atomic_load_explicit(&gate->net[i][0], memory_order_acquire);
            uint64_t low = atomic_load_explicit(&gate->net[i][1], memory_order_acquire);
            uint64_t bits = atomic_load_explicit(&gate->net[i][2], memory_order_acquire);
            in = mask_half(ip[0], bits, 0) == high && mask_half(ip[1], bits, 1) == low;
        }
        if ((before & 1) == 0 &&
            atomic_load_explicit(&gate->sequence, memory_order_relaxed) == before)
            return in;
    }
}

/* How far a word's time lies ahead of now; 0: it is past, or so old that it says nothing. */
static uint64_t ahead(uint64_t word, uint64_t now)
{
    uint64_t left = (word - now) & TIME_MASK;
    return left <= 2 * SECOND ? left : 0;
}

/* Of an IPv4 address or an IPv6 /56. */
static uint64_t source_hash(const struct door_gate *gate, const uint64_t ip[static 2])
{
    bool v4 = ip[0] == 0 && ip[1] >> 32 == 0xffff;
    uint64_t source[2] = {v4 ? ip[0] : mask_half(ip[0], 56, 0), v4 ? ip[1] : 0};
    return crypto_siphash(slice_make(source, sizeof source), gate->key);
}

/* A bucket of `rate` requests that fills with `rate` a second. */
static bool in_time(struct door_gate *gate, const uint64_t ip[static 2], uint64_t rate, tick at)
{
    uint64_t hash = source_hash(gate, ip);
    uint64_t tag = (hash >> TIME_BITS) | 1, now = (uint64_t)at * 16 & TIME_MASK;
    uint64_t step = SECOND / rate;
    _Atomic uint64_t *set = gate->source[hash % SETS];
    for (;;) {
        size_t way = 0;
        uint64_t seen = 0, left = UINT64_MAX;
        for (size_t i = 0; i < WAYS; i++) {
            uint64_t word = atomic_load_explicit(&set[i], memory_order_relaxed);
            bool same = word >> TIME_BITS == tag;
            uint64_t wait = word == 0 ? 0 : ahead(word, now);
            if (!same && wait >= left)
                continue;
            way = i;
            seen = word;
            left = wait;
            if (same)
                break;
        }
        uint64_t wait = seen >> TIME_BITS == tag ? left : 0;
        if (wait + step > SECOND)
            return false;
        uint64_t word = tag << TIME_BITS | ((now + wait + step) & TIME_MASK);
        if (atomic_compare_exchange_weak_explicit(&set[way], &seen, word, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

enum door_verdict door_gate_judge(struct door_gate *gate, const struct sockaddr *from, tick now)
{
    uint8_t ip[16];
    uint64_t half[2], rate = 0;
    bool in = take_ip(from, ip);
    if (in) {
        halves(ip, 128, half);
        in = allowed(gate, half, &rate);
    }
    if (!in) {
        atomic_fetch_add_explicit(&gate->not_allowed, 1, memory_order_relaxed);
        return DOOR_NOT_ALLOWED;
    }
    if (rate == 0 || in_time(gate, half, rate, now))
        return DOOR_PASSES;
    atomic_fetch_add_explicit(&gate->too_fast, 1, memory_order_relaxed);
    return DOOR_TOO_FAST;
}

bool door_gate_allows(struct door_gate *gate, const struct sockaddr *from)
{
    uint8_t ip[16];
    uint64_t half[2], rate;
    if (take_ip(from, ip)) {
        halves(ip, 128, half);
        if (allowed(gate, half, &rate))
            return true;
    }
    atomic_fetch_add_explicit(&gate->not_allowed, 1, memory_order_relaxed);
    return false;
}

/* No other host can write in the name of this one. */
static bool is_here(const uint64_t ip[static 2])
{
    return ip[0] == 0 && (ip[1] == 1 || ip[1] >> 24 == 0xffff7f);
}

/* A bucket for all strangers together. */
static bool has_room(struct door_gate *gate, tick now)
{
    tick at = atomic_load_explicit(&gate->strangers, memory_order_relaxed), next;
    do {
        next = (at > now ? at : now) + TICK_S / DOOR_STRANGERS;
        if (next > now + TICK_S)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&gate->strangers, &at, next,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

bool door_gate_admits(struct door_gate *gate, const struct sockaddr *from, tick now, bool crowded)
{
    uint8_t ip[16];
    uint64_t half[2];
    if (!take_ip(from, ip))
        return false;
    halves(ip, 128, half);
    if (is_here(half) || known_ask(&gate->known, source_hash(gate, half), now))
        return true;
    if (!crowded && has_room(gate, now))
        return true;
    if (atomic_fetch_add_explicit(&gate->crowd, 1, memory_order_relaxed) % DOOR_ONE_IN == 0)
        return true;
    atomic_fetch_add_explicit(&gate->passed_over, 1, memory_order_relaxed);
    return false;
}

void door_gate_counts(const struct door_gate *gate, struct door_refused *sum)
{
    sum->not_allowed += atomic_load_explicit(&gate->not_allowed, memory_order_relaxed);
    sum->too_fast += atomic_load_explicit(&gate->too_fast, memory_order_relaxed);
    sum->passed_over += atomic_load_explicit(&gate->passed_over, memory_order_relaxed);
}
