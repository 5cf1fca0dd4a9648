/* naive_pattern: patterns matched as one would do it with pencil and paper: over the text of the
 * pattern, digit by digit, trying every way. Shares only the spelling with plan/pattern.c. */
#ifndef OPENILS_TEST_PLAN_NAIVE_PATTERN_H
#define OPENILS_TEST_PLAN_NAIVE_PATTERN_H

#include <stdbool.h>
#include <string.h>

struct naive_element {
    bool digit[10];
    bool none, many; /* may stand there not at all, more than once */
};

/* The element at the start of the text; returns what is behind it. */
static inline const char *naive_element(const char *text, struct naive_element *ret)
{
    bool negated = false;
    *ret = (struct naive_element){.many = *text == '!'};
    if (*text == '[') {
        text++;
        negated = *text == '^';
        text += negated;
        for (; *text != ']'; text++) {
            char last = text[1] == '-' ? text[2] : text[0];
            for (char d = text[0]; d <= last; d++)
                ret->digit[d - '0'] = true;
            text += text[1] == '-' ? 2 : 0;
        }
    } else {
        for (int d = 0; d < 10; d++)
            ret->digit[d] = *text == 'X' || *text == '!' || *text == '0' + d;
    }
    for (int d = 0; d < 10; d++)
        ret->digit[d] ^= negated;
    text++;
    if (*text == '?' || *text == '+') {
        ret->none = *text == '?';
        ret->many = true;
        text++;
    }
    return text;
}

/* more: not the number itself, one that begins with it and is longer. */
static inline bool naive_from(const char *pattern, const char *digits, bool more)
{
    struct naive_element e;
    if (*digits == '\0' && more)
        return *pattern != '\0';
    if (*pattern == '\0')
        return *digits == '\0';
    const char *behind = naive_element(pattern, &e);
    if (e.none && naive_from(behind, digits, more))
        return true;
    for (; *digits != '\0' && e.digit[*digits - '0']; digits++) {
        if (naive_from(behind, digits + 1, more) || (more && e.many && digits[1] == '\0'))
            return true;
        if (!e.many)
            break;
    }
    return false;
}

static inline bool naive_match(const char *pattern, const char *number, bool more)
{
    if ((*pattern == '+') != (*number == '+'))
        return false;
    return naive_from(pattern + (*pattern == '+'), number + (*number == '+'), more);
}

/* The order of PROTOCOL.md, "Patterns": < 0 when a is the more specific one. */
static inline int naive_order(const char *a, const char *b)
{
    a += *a == '+';
    b += *b == '+';
    while (*a != '\0' && *b != '\0') {
        struct naive_element x, y;
        int size = 0, value = 0;
        a = naive_element(a, &x);
        b = naive_element(b, &y);
        for (int d = 9; d >= 0; d--) {
            size += x.digit[d] - y.digit[d];
            if (value == 0)
                value = x.digit[d] - y.digit[d];
        }
        int order = x.many != y.many   ? x.many - y.many
                    : size != 0        ? size
                    : x.none != y.none ? x.none - y.none
                                       : value;
        if (order != 0)
            return order;
    }
    return (*b != '\0') - (*a != '\0');
}

/* Is there a number that both match? Every pair of places in the two texts is visited once. */
struct naive_pair {
    const char *a, *b;
    bool seen[256][256];
};

static inline bool naive_meet(struct naive_pair *p, const char *a, const char *b)
{
    struct naive_element x = {{false}, false, false}, y = x;
    if (*a == '\0' && *b == '\0')
        return true;
    if (p->seen[a - p->a][b - p->b])
        return false;
    p->seen[a - p->a][b - p->b] = true;
    const char *next_a = *a != '\0' ? naive_element(a, &x) : a;
    const char *next_b = *b != '\0' ? naive_element(b, &y) : b;
    if ((*a != '\0' && x.none && naive_meet(p, next_a, b)) ||
        (*b != '\0' && y.none && naive_meet(p, a, next_b)))
        return true;
    if (*a == '\0' || *b == '\0')
        return false;
    bool common = false;
    for (int d = 0; d < 10; d++)
        common |= x.digit[d] && y.digit[d];
    return common && (naive_meet(p, next_a, next_b) || (x.many && naive_meet(p, a, next_b)) ||
                      (y.many && naive_meet(p, next_a, b)));
}

static inline bool naive_overlap(const char *a, const char *b)
{
    static struct naive_pair pair;
    if ((*a == '+') != (*b == '+'))
        return false;
    memset(&pair, 0, sizeof pair);
    pair.a = a;
    pair.b = b;
    return naive_meet(&pair, a + (*a == '+'), b + (*b == '+'));
}

#endif
