/* said: a sentence of ilsd in another language. It is laid beside the templates it may have been
 * made from, those of the core's tables and of said.def; what stands in the place of their {names}
 * and %s is put into the translation. */
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

static const char *const templates[] = {
#define CODE(number, name, cause, remedy, at) cause,
#include "core/code.def"
#undef CODE
#define REPLY(name, text, next) text,
#include "core/reply.def"
#undef REPLY
#define ALARM(name, severity, parameter, text) text,
#include "core/alarm.def"
#undef ALARM
#define SAID(text) text,
#include "cli/said.def"
#undef SAID
};

#define CAPTURES_MAX 8

struct capture {
    const char *name, *text; /* name: as in the template, with its braces */
    size_t name_n, text_n;
};

struct likeness {
    struct capture capture[CAPTURES_MAX];
    size_t n, first, literal; /* captures; bytes that were the same: before the first one, in all */
};

/* The length of the placeholder that begins here; 0 = none does. */
static size_t placeholder(const char *t)
{
    const char *end;
    if (t[0] == '%' && t[1] == 's')
        return 2;
    if (t[0] != '{' || (end = strchr(t, '}')) == NULL)
        return 0;
    return (size_t)(end - t) + 1;
}

static size_t literal_length(const char *t)
{
    size_t n = 0;
    while (t[n] != '\0' && placeholder(t + n) == 0)
        n++;
    return n;
}

static bool named(const char *t, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(t, name, n) == 0;
}

/* {n} is a number, the others are any text. */
static bool may_be(const char *t, size_t name_n, const char *s, size_t n)
{
    return !named(t, name_n, "{n}") || (n > 0 && strspn(s, "0123456789") >= n);
}

/* Lays an English sentence beside a template. */
static bool alike(struct likeness *m, const char *t, const char *s)
{
    *m = (struct likeness){.n = 0};
    for (;;) {
        size_t n = literal_length(t);
        if (strncmp(t, s, n) != 0)
            return false;
        t += n;
        s += n;
        m->literal += n;
        m->first = m->n == 0 ? n : m->first;
        if (*t == '\0')
            return *s == '\0';
        if (m->n == CAPTURES_MAX)
            return false;
        size_t name_n = placeholder(t), next = literal_length(t + name_n), rest = strlen(s);
        const char *end = s + rest;
        if (next > rest)
            return false;
        if (t[name_n + next] == '\0') /* the last literal stands at the end */
            end = s + rest - next;
        else if (next > 0 && (end = memmem(s, rest, t + name_n, next)) == NULL)
            return false;
        if (!may_be(t, name_n, s, (size_t)(end - s)))
            return false;
        m->capture[m->n++] = (struct capture){t, s, name_n, (size_t)(end - s)};
        t += name_n;
        s = end;
    }
}

/* The template with the longest beginning of its own, then the most text of its own: "refused here:
 * {cause}" is not "{host} port {port} is not a hub". */
static const char *best_match(struct likeness *best, const char *english)
{
    const char *found = NULL;
    struct likeness m;
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        if (!alike(&m, templates[i], english) ||
            (found != NULL && (m.first < best->first ||
                               (m.first == best->first && m.literal <= best->literal))))
            continue;
        found = templates[i];
        *best = m;
    }
    return found;
}

static void append(char *dst, size_t size, const char *text, size_t n)
{
    size_t at = strlen(dst);
    snprintf(dst + at, size - at, "%.*s", (int)n, text);
}

/* The capture that belongs to a placeholder of the translation; NULL: none. */
static const struct capture *captured(const struct likeness *m, const char *t, size_t n)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->capture[i].name_n == n && memcmp(m->capture[i].name, t, n) == 0)
            return &m->capture[i];
    return NULL;
}

/* What a cause, a place, a thing or a rule inside a sentence is in the other language. */
static void append_said(char *dst, size_t size, const char *t, size_t n, const struct capture *c)
{
    char inner[WORDS_TEXT_MAX], said[WORDS_TEXT_MAX];
    snprintf(inner, sizeof inner, "%.*s", (int)c->text_n, c->text);
    if (named(t, n, "{cause}") || named(t, n, "{where}") || named(t, n, "{what}")) {
        words_said(said, sizeof said, inner);
        append(dst, size, said, strlen(said));
    } else if (named(t, n, "{rule}")) {
        append(dst, size, gettext(inner), strlen(gettext(inner)));
    } else {
        append(dst, size, inner, strlen(inner));
    }
}

static void fill(char *dst, size_t size, const char *t, const struct likeness *m)
{
    dst[0] = '\0';
    while (*t != '\0') {
        size_t n = literal_length(t);
        append(dst, size, t, n);
        t += n;
        n = *t != '\0' ? placeholder(t) : 0;
        const struct capture *c = n > 0 ? captured(m, t, n) : NULL;
        if (c != NULL)
            append_said(dst, size, t, n, c);
        t += n;
    }
}

void words_said(char *dst, size_t size, const char *english)
{
    struct likeness m;
    const char *template = words_foreign() ? best_match(&m, english) : NULL;
    if (template == NULL)
        snprintf(dst, size, "%s", english);
    else
        fill(dst, size, gettext(template), &m);
}
