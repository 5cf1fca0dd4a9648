/* words: the language of ils. Two ways lead from ilsd's English to another language: a verdict is
 * rendered anew from its fields; any other sentence is laid beside the templates of the core's
 * tables, and what stands in the place of their {names} and %s is put into the translation. */
#include "cli/words.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "daemon/render.h"

#ifndef LOCALE_DIR
#define LOCALE_DIR "/usr/local/share/locale"
#endif

/* --- the language of the environment */

static bool wants_japanese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strncmp(value, "ja", 2) == 0 && (value[2] == '\0' || value[2] == '_' ||
                                                    value[2] == '.');
    }
    return false;
}

/* Beside the program: in the build tree or under the prefix that it was moved to; else as built. */
static void bind_catalogs(void)
{
    static const char *const beside[] = {"../../po", "../share/locale"};
    char exe[PATH_MAX], path[2 * PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(exe, '/');
    for (size_t i = 0; slash != NULL && i < sizeof beside / sizeof *beside; i++) {
        int folder = (int)(slash - exe);
        snprintf(path, sizeof path, "%.*s/%s/ja/LC_MESSAGES/openils.mo", folder, exe, beside[i]);
        if (access(path, R_OK) != 0)
            continue;
        snprintf(path, sizeof path, "%.*s/%s", folder, exe, beside[i]);
        bindtextdomain("openils", path);
        return;
    }
    bindtextdomain("openils", LOCALE_DIR);
}

static const char *translate(const char *english)
{
    return gettext(english);
}

void words_start(void)
{
    const char *language = getenv("LANGUAGE");
    const char *got = setlocale(LC_MESSAGES, "");
    if (wants_japanese() && (got == NULL || strncmp(got, "ja", 2) != 0)) {
        /* glibc heeds LANGUAGE in any locale but "C". */
        setlocale(LC_MESSAGES, "C.UTF-8");
        if (language == NULL || language[0] == '\0')
            setenv("LANGUAGE", "ja", 1);
    }
    /* What ilsd says is UTF-8, and widths are counted of that. */
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    bind_catalogs();
    bind_textdomain_codeset("openils", "UTF-8");
    textdomain("openils");
    render_language(translate);
}

bool words_foreign(void)
{
    static const char probe[] = N_("the other end");
    return strcmp(translate(probe), probe) != 0;
}

/* --- sentences of ilsd */

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
    /* `ils status` */
    N_("not joined: {cause} ({code})"),
    N_("the hub has not been reached yet"),
    N_("the link to the hub ended; it is being dialled again"),
    N_("disconnected from cluster {cluster} by an operator"),
    N_("the data of cluster {cluster}: {status}"),
    N_("TCP port {port} is in use by {program}"),
    /* `ils auth ready` */
    N_("refused here: {cause}"),
    N_("refused there: {cause}"),
    N_("refused here: {cause}; imported here with ils trust bundle import, it would pass"),
    N_("refused there: {cause}; imported there with ils trust bundle import, it would pass"),
    N_("an operator disconnected it"),
    N_("no password is held here"),
    N_("not heard of since {time}"),
    N_("never heard of"),
    N_("it has not said yet what it would make of this cluster's certificate"),
    N_("it has not shown its certificate yet: it has none, or is of an older version"),
    N_("it does not accept that when it is dialled"),
    N_("accepted by {rule}"),
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

static bool named(const char *t, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(t, name, n) == 0;
}

/* What a cause or a rule inside a sentence is in the other language. */
static void append_said(char *dst, size_t size, const char *t, size_t n, const struct capture *c)
{
    char inner[WORDS_TEXT_MAX], said[WORDS_TEXT_MAX];
    snprintf(inner, sizeof inner, "%.*s", (int)c->text_n, c->text);
    if (named(t, n, "{cause}")) {
        words_said(said, sizeof said, inner);
        append(dst, size, said, strlen(said));
    } else if (named(t, n, "{rule}")) {
        append(dst, size, translate(inner), strlen(translate(inner)));
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
        fill(dst, size, translate(template), &m);
}

/* --- verdicts */

static const struct {
    enum code code;
    const char *text;
} codes[] = {
#define CODE(number, name, cause, remedy, at) {CODE_##name, "ILS-" #number},
#include "core/code.def"
#undef CODE
};

/* "10.0.0.5:7501", "[::1]:7501" */
static void read_address(struct address *ret, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t from = text[0] == '[', n = colon != NULL ? (size_t)(colon - text) - 2 * from : 0;
    if (colon == NULL || n > ADDRESS_TEXT_MAX)
        return;
    memcpy(ret->ip, text + from, n);
    ret->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static uint16_t read_number(const json_t *v, const char *key)
{
    return (uint16_t)json_integer_value(json_object_get(v, key));
}

/* The verdict as ilsd had it, as far as its words need it. False: its code is not known here. */
static bool read_verdict(struct verdict *ret, const json_t *v)
{
    *ret = (struct verdict){
        .dialler = json_is_true(json_object_get(v, "dialler")),
        .told = json_is_true(json_object_get(v, "told")),
        .host = slice_of(text_of(v, "host")),
        .port = read_number(v, "port"),
        .generation = read_number(v, "generation"),
        .retry_after = (uint32_t)json_integer_value(json_object_get(v, "retry_after")),
        .peer_name = slice_of(text_of(v, "peer_name")),
        .name = slice_of(text_of(v, "certificate_name")),
    };
    read_address(&ret->peer, text_of(v, "address"));
    read_address(&ret->local, text_of(v, "local"));
    hex_parse(ret->id, sizeof ret->id, slice_of(text_of(v, "verdict_id")));
    for (uint8_t m = METHOD_PASSWORD; m <= METHOD_INVITE; m++)
        if (strcmp(render_method(m), text_of(v, "method")) == 0)
            ret->method = m;
    for (enum cert_rule r = RULE_IMPORTED; r <= RULE_INVITE; r++)
        if (strcmp(render_rule(r), text_of(v, "rule")) == 0)
            ret->rule = r;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i].text, text_of(v, "code")) == 0)
            ret->code = codes[i].code;
    return ret->code != CODE_NONE;
}

void words_cause(char *dst, size_t size, const json_t *verdict)
{
    struct verdict v;
    if (words_foreign() && read_verdict(&v, verdict))
        render_cause(dst, size, &v);
    else
        snprintf(dst, size, "%s", text_of(verdict, "cause"));
}

void words_evidence(char *dst, size_t size, const json_t *verdict)
{
    struct verdict v;
    if (words_foreign() && read_verdict(&v, verdict))
        render_evidence(dst, size, &v);
    else
        snprintf(dst, size, "%s", text_of(verdict, "evidence"));
}
