/* words: the language of ils, and a verdict in it, rendered anew from its fields. What other
 * sentences of ilsd are in it: said.c. */
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

/* [lowest, highest] as evidence: hello_versions(). */
static uint64_t read_versions(const json_t *v, const char *key)
{
    const json_t *pair = json_object_get(v, key);
    if (json_array_size(pair) != 2)
        return 0;
    return UINT64_C(1) << 16 |
           (uint64_t)(json_integer_value(json_array_get(pair, 0)) & 0xff) << 8 |
           (uint64_t)(json_integer_value(json_array_get(pair, 1)) & 0xff);
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
        .evidence = {read_versions(v, "versions_here"), read_versions(v, "versions_there")},
        .remedy_at = strcmp(text_of(v, "remedy_at"), "here") == 0 ? SIDE_HERE : SIDE_THERE,
    };
    if (json_is_integer(json_object_get(v, "generation_held")))
        ret->evidence[0] = read_number(v, "generation_held");
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
