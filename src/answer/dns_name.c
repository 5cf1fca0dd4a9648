/* dns_name: what a name of the zone asks for, from its labels alone: whether anybody advertises
 * that is not known here. A name that can never stand for anything is NONE, and so is all below
 * it. */
#include "answer/dns_inside.h"
#include "answer/sip_grammar.h"

#include <libknot/dname.h>
#include <string.h>

#define LABEL_MAX  63
#define LABELS_MAX 127

const struct dns_service_text dns_services[DNS_SERVICES] = {
    [DNS_SIP_UDP] = {"_sip", "_udp", "SIP+D2U"},
    [DNS_SIP_TCP] = {"_sip", "_tcp", "SIP+D2T"},
    [DNS_SIPS_TCP] = {"_sips", "_tcp", "SIPS+D2T"},
    [DNS_SIP_SCTP] = {"_sip", "_sctp", "SIP+D2S"},
    [DNS_SIP_WS] = {"_sip", "_ws", "SIP+D2W"},
    [DNS_SIPS_WS] = {"_sips", "_ws", "SIPS+D2W"},
};

/* The labels before the suffix, from the left; the last one names the tree. */
struct labels {
    struct slice label[LABELS_MAX];
    size_t n;
};

static bool ldh(struct slice label)
{
    if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        if (!sip_is(label.p[i], C_ALNUM) && label.p[i] != '-')
            return false;
    }
    return true;
}

/* A label as a user part: what stands there unescaped in a URI, and escapes. What a reader of URIs
 * would take for parameters or headers is no part of a user here. */
static bool user_label(struct slice label)
{
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i];
        if (c == '%') {
            uint8_t escaped;
            if (label.n - i < 3 || !hex_parse(&escaped, 1, slice_make(label.p + i + 1, 2)))
                return false;
            i += 2;
        } else if (!sip_is(c, C_USER) || c == ';' || c == '?') {
            return false;
        }
    }
    return label.n > 0;
}

/* Labels from..to-1 with dots between them, behind `room` bytes for the caller. */
static struct slice join(struct arena *a, const struct labels *l, size_t from, size_t to,
                         size_t room)
{
    size_t n = room;
    for (size_t i = from; i < to; i++)
        n += l->label[i].n + (i > from);
    uint8_t *text = arena_alloc(a, n);
    if (text == NULL)
        return slice_make(NULL, 0);
    uint8_t *p = text + room;
    for (size_t i = from; i < to; i++) {
        if (i > from)
            *p++ = '.';
        memcpy(p, l->label[i].p, l->label[i].n);
        p += l->label[i].n;
    }
    return slice_make(text, n);
}

/* The last digit comes first. */
static void read_digits(struct arena *a, const struct labels *l, size_t n, bool e164,
                        struct dns_node *ret)
{
    if (n > NUMBER_MAX)
        return;
    for (size_t i = 0; i < n; i++) {
        if (l->label[i].n != 1 || !sip_is_digit(l->label[i].p[0]))
            return;
    }
    uint8_t *text = arena_alloc(a, n + e164);
    if (text == NULL)
        return;
    if (e164)
        text[0] = '+';
    for (size_t i = 0; i < n; i++)
        text[e164 + i] = l->label[n - 1 - i].p[0];
    ret->kind = DNS_NODE_DIALLED;
    ret->digits = n;
    ret->text = slice_make(text, n + e164);
}

static bool all_ldh(const struct labels *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (!ldh(l->label[i]))
            return false;
    }
    return true;
}

/* user.host labels */
static void read_uri(struct arena *a, const struct labels *l, size_t n, struct dns_node *ret)
{
    if (!user_label(l->label[0]) || !all_ldh(l, 1, n))
        return;
    ret->kind = DNS_NODE_EMPTY;
    if (n < 2)
        return;
    size_t user = l->label[0].n;
    struct slice text = join(a, l, 1, n, user + 1);
    if (text.n == 0)
        return;
    uint8_t *bytes = (uint8_t *)(uintptr_t)text.p;
    memcpy(bytes, l->label[0].p, user);
    bytes[user] = '@';
    *ret = (struct dns_node){.kind = DNS_NODE_DIALLED, .uri = true, .text = text};
}

static bool is_word(struct slice label, const char *word)
{
    return slice_eq(label, slice_of(word));
}

/* [[_scheme.]_transport.]route string */
static void read_route(struct arena *a, const struct labels *l, size_t n, struct dns_node *ret)
{
    size_t from = 0;
    bool transport = false;
    while (from < n && from < 2 && l->label[from].n > 0 && l->label[from].p[0] == '_')
        from++;
    if (from == n || !all_ldh(l, from, n))
        return;
    struct slice text = join(a, l, from, n, 0);
    if (text.n == 0 || text.n > ROUTE_STRING_MAX)
        return;
    for (uint8_t i = 0; from > 0 && i < DNS_SERVICES; i++) {
        bool same = is_word(l->label[from - 1], dns_services[i].transport);
        transport = transport || same;
        if (from == 2 && same && is_word(l->label[0], dns_services[i].scheme))
            *ret = (struct dns_node){.kind = DNS_NODE_SERVICE, .service = i, .text = text};
    }
    if (from == 0)
        *ret = (struct dns_node){.kind = DNS_NODE_ROUTE, .text = text};
    if (from == 1 && transport)
        ret->kind = DNS_NODE_EMPTY;
}

/* 10-0-0-5 */
static void read_ip4(const struct labels *l, size_t n, struct dns_node *ret)
{
    struct slice rest = l->label[0];
    for (size_t i = 0; i < 4 && n == 1; i++) {
        uint64_t value;
        size_t at = slice_find(rest, '-');
        struct slice part = slice_make(rest.p, at);
        if (part.n == 0 || part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
            !slice_to_u64(part, 255, &value) || (at == rest.n) != (i == 3))
            return;
        ret->ip[i] = (uint8_t)value;
        rest = i == 3 ? rest : slice_make(rest.p + at + 1, rest.n - at - 1);
        if (i == 3)
            ret->kind = DNS_NODE_IP4;
    }
}

static void read_ip6(const struct labels *l, size_t n, struct dns_node *ret)
{
    if (n == 1 && hex_parse(ret->ip, 16, l->label[0]))
        ret->kind = DNS_NODE_IP6;
}

/* Below the tree of the last label; n labels before it. */
static void read_tree(struct arena *a, const struct labels *l, struct dns_node *ret)
{
    struct slice tree = l->label[l->n - 1];
    size_t n = l->n - 1;
    bool enterprise = is_word(tree, "enterprise"), uri = is_word(tree, "uri");
    bool route = is_word(tree, "route"), ip4 = is_word(tree, "ip4"), ip6 = is_word(tree, "ip6");
    if (n == 0) {
        if (enterprise || uri || route || ip4 || ip6)
            ret->kind = DNS_NODE_EMPTY;
        else if (is_word(tree, "ns"))
            ret->kind = DNS_NODE_SERVER;
    } else if (enterprise)
        read_digits(a, l, n, false, ret);
    else if (uri)
        read_uri(a, l, n, ret);
    else if (route)
        read_route(a, l, n, ret);
    else if (ip4)
        read_ip4(l, n, ret);
    else if (ip6)
        read_ip6(l, n, ret);
}

void dns_node_read(struct arena *a, const uint8_t *name, size_t before, struct dns_node *ret)
{
    struct labels l;
    l.n = 0;
    *ret = (struct dns_node){.kind = DNS_NODE_NONE};
    for (size_t at = 0; at < before; at += 1 + (size_t)name[at])
        l.label[l.n++] = slice_make(name + at + 1, name[at]);
    if (l.n == 0)
        ret->kind = DNS_NODE_APEX;
    else if (l.label[l.n - 1].n == 1)
        read_digits(a, &l, l.n, true, ret);
    else
        read_tree(a, &l, ret);
}

/* --- the suffix: */

enum dns_suffix_error dns_suffix_read(struct slice text, struct dns_config *ret)
{
    char name[DNS_SUFFIX_MAX + 1];
    if (text.n > 0 && text.p[text.n - 1] == '.')
        text.n--;
    if (text.n == 0)
        return DNS_SUFFIX_EMPTY;
    if (text.n + 2 > DNS_SUFFIX_MAX)
        return DNS_SUFFIX_LONG;
    for (size_t from = 0; from <= text.n;) {
        size_t n = slice_find(slice_make(text.p + from, text.n - from), '.');
        if (!ldh(slice_make(text.p + from, n)))
            return DNS_SUFFIX_LABEL;
        from += n + 1;
    }
    if (slice_find(text, '.') == 1 && sip_is_digit(text.p[0]))
        return DNS_SUFFIX_DIGIT;
    slice_to_text(text, name, sizeof name);
    if (knot_dname_from_str(ret->suffix, name, sizeof ret->suffix) == NULL)
        return DNS_SUFFIX_LABEL;
    knot_dname_to_lower(ret->suffix);
    ret->suffix_n = knot_dname_size(ret->suffix);
    return DNS_SUFFIX_OK;
}
