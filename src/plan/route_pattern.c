/* route_pattern: route patterns and targets as texts: what is one, which covers a name, and which
 * of two decides. */
#include "plan/route_text.h"
#include "plan/host.h"

#include <string.h>

static bool is_star(struct slice label)
{
    return label.n == 1 && label.p[0] == '*';
}

/* Takes the last label off; *ret_first: it was the first as well. */
static struct slice last_label(struct slice *name, bool *ret_first)
{
    size_t at = name->n;
    while (at > 0 && name->p[at - 1] != '.')
        at--;
    struct slice label = slice_make(name->p + at, name->n - at);
    *ret_first = at == 0;
    name->n = at == 0 ? 0 : at - 1;
    return label;
}

bool route_covers(struct slice pattern, struct slice route_string)
{
    bool pattern_over, name_over;
    if (is_star(pattern))
        return true;
    do {
        struct slice want = last_label(&pattern, &pattern_over);
        struct slice have = last_label(&route_string, &name_over);
        if (is_star(want) && pattern_over)
            return true;
        if (!is_star(want) && !slice_eq_fold(want, have))
            return false;
    } while (!pattern_over && !name_over);
    return pattern_over == name_over;
}

/* A name, a "*" for one label, a "*" for several. */
static int label_rank(struct slice label, bool first)
{
    return !is_star(label) ? 0 : first ? 2 : 1;
}

int route_order(struct slice a, struct slice b)
{
    struct slice x = a, y = b;
    bool x_over, y_over;
    do {
        struct slice of_x = last_label(&x, &x_over), of_y = last_label(&y, &y_over);
        int order = label_rank(of_x, x_over) - label_rank(of_y, y_over);
        if (order != 0)
            return order;
    } while (!x_over && !y_over);
    return slice_cmp(a, b);
}

bool route_pattern_parse(struct slice text, uint8_t scratch[static ROUTE_PATTERN_MAX],
                         struct slice *ret)
{
    bool over = text.n == 0;
    if (text.n == 0 || text.n > ROUTE_PATTERN_MAX)
        return false;
    *ret = slice_make(scratch, text.n);
    if (is_star(text)) {
        scratch[0] = '*';
        return true;
    }
    /* A label for each "*", to have the rest judged as a name. */
    slice_lower(scratch, text);
    for (struct slice rest = text; !over;) {
        struct slice label = last_label(&rest, &over);
        if (is_star(label))
            scratch[label.p - text.p] = 'x';
    }
    size_t name_n = text.p[0] == '*' ? text.n - 2 : text.n;
    if (name_n > ROUTE_STRING_MAX || !host_is_labels(*ret))
        return false;
    slice_lower(scratch, text);
    return true;
}

/* --- targets */

static const char *const transports[TRANSPORTS] = {"", "udp", "tcp", "tls", "sctp", "ws", "wss"};

struct slice transport_text(uint8_t transport)
{
    return slice_of(transport < TRANSPORTS ? transports[transport] : "");
}

static bool port_parse(struct slice port, uint16_t *ret)
{
    uint64_t value;
    if (port.n > 5 || !slice_to_u64(port, 65535, &value) || value == 0)
        return false;
    *ret = (uint16_t)value;
    return true;
}

static bool transport_parse(struct slice parameter, uint8_t *ret)
{
    size_t equals = slice_find(parameter, '=');
    if (equals == parameter.n ||
        !slice_eq(slice_make(parameter.p, equals), slice_of("transport")))
        return false;
    struct slice value = slice_make(parameter.p + equals + 1, parameter.n - equals - 1);
    for (uint8_t i = TRANSPORT_NONE + 1; i < TRANSPORTS; i++) {
        *ret = i;
        if (slice_eq(value, slice_of(transports[i])))
            return true;
    }
    return false;
}

/* host[:port][;transport=...], in lower case already. */
static bool place_parse(struct route *ret)
{
    struct slice place = ret->place;
    size_t semicolon = slice_find(place, ';');
    if (semicolon < place.n &&
        !transport_parse(slice_make(place.p + semicolon + 1, place.n - semicolon - 1),
                         &ret->transport))
        return false;
    place.n = semicolon;
    size_t end = 0;
    bool v6 = place.n > 0 && place.p[0] == '[';
    if (v6)
        end = slice_find(place, ']') + 1;
    else
        end = slice_find(place, ':');
    if (end > place.n)
        return false;
    ret->host = slice_make(place.p, end);
    struct slice rest = slice_make(place.p + end, place.n - end);
    if (rest.n > 0 && (rest.p[0] != ':' || !port_parse(slice_make(rest.p + 1, rest.n - 1),
                                                       &ret->port)))
        return false;
    return v6 ? host_is_ipv6(ret->host) : host_valid(ret->host);
}

bool route_target_parse(struct slice text, uint8_t scratch[static ROUTE_TARGET_MAX],
                        struct route *ret)
{
    *ret = (struct route){0};
    if (text.n < 5 || text.n > ROUTE_TARGET_MAX)
        return false;
    slice_lower(scratch, text);
    size_t scheme = slice_find(slice_make(scratch, text.n), ':') + 1;
    struct slice word = slice_make(scratch, scheme < text.n ? scheme : 0);
    ret->secure = slice_eq(word, slice_of("sips:"));
    if (!ret->secure && !slice_eq(word, slice_of("sip:")))
        return false;
    struct slice rest = slice_make(text.p + scheme, text.n - scheme);
    size_t at = slice_find(rest, '@');
    size_t n = 0;
    if (at == 0)
        return false;
    if (at < rest.n) {
        if (user_canonical(scratch + scheme, slice_make(rest.p, at), &n) != ENTRY_OK)
            return false;
        scratch[scheme + n++] = '@';
        rest = slice_make(rest.p + at + 1, rest.n - at - 1);
    }
    slice_lower(scratch + scheme + n, rest);
    ret->target = slice_make(scratch, scheme + n + rest.n);
    ret->place = slice_make(scratch + scheme + n, rest.n);
    return place_parse(ret);
}
