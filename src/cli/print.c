/* print: answers as words and tables for people. Colour only on a terminal. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/words.h"

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

void print_json(const json_t *json)
{
    calm_print(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY, stdout);
    putchar('\n');
}

void print_file(const char *path)
{
    json_t *answer = json_object(), *name = json_string(path);
    json_object_set_new(answer, "file", name != NULL ? name : json_string("?"));
    print_json(answer);
    json_decref(answer);
}

const char *print_red(const struct cli *cli)
{
    return cli->colour ? "\033[31m" : "";
}

const char *print_green(const struct cli *cli)
{
    return cli->colour ? "\033[32m" : "";
}

const char *print_bold(const struct cli *cli)
{
    return cli->colour ? "\033[1m" : "";
}

const char *print_plain(const struct cli *cli)
{
    return cli->colour ? "\033[0m" : "";
}

size_t print_width(const char *text)
{
    mbstate_t state = {0};
    size_t width = 0, n;
    wchar_t c;
    while ((n = mbrtowc(&c, text, MB_CUR_MAX, &state)) != 0) {
        if (n == (size_t)-1 || n == (size_t)-2) { /* no character: the terminal shows something */
            memset(&state, 0, sizeof state);
            n = 1;
            width++;
        } else {
            int columns = wcwidth(c);
            width += columns > 0 ? (size_t)columns : 0;
        }
        text += n;
    }
    return width;
}

size_t print_widest(const char *const *texts, size_t n, size_t least)
{
    for (size_t i = 0; i < n; i++) {
        size_t width = print_width(gettext(texts[i]));
        least = width > least ? width : least;
    }
    return least;
}

void print_label(const char *label, size_t column)
{
    size_t width = print_width(label);
    printf("%s%*s", label, (int)(width < column ? column - width : 1), "");
}

void print_field(const char *label, const char *value)
{
    static const char *const labels[] = {
        N_("addresses"), N_("authority"), N_("code"), N_("days left"), N_("expires"),
        N_("fingerprint"), N_("id"), N_("in the store"), N_("issuer"), N_("names"),
        N_("self-signed"), N_("subject"), N_("to import it"), N_("valid"), N_("verdict id"),
        N_("waiting for"),
    };
    printf("  ");
    print_label(label, print_widest(labels, sizeof labels / sizeof *labels, 14) + 2);
    printf("%s\n", value);
}

void print_notes(const json_t *answer)
{
    char text[WORDS_TEXT_MAX];
    size_t i;
    json_t *note;
    json_array_foreach(json_object_get(answer, "notes"), i, note) {
        words_said(text, sizeof text, json_string_value(note));
        printf("%s: %s\n", _("note"), text);
    }
}

/* One value as text: "-" for null, yes and no, numbers. The caller gives it back. */
static char *cell_text(const json_t *value)
{
    char number[32];
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? _("yes") : _("no"));
    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return strdup(number);
    }
    if (json_is_real(value)) {
        snprintf(number, sizeof number, "%g", json_real_value(value));
        return strdup(number);
    }
    return strdup("-");
}

static void put_cell(const char *text, size_t width, bool last)
{
    fputs(text, stdout);
    for (size_t n = print_width(text); !last && n < width + 2; n++)
        putchar(' ');
}

void print_table(const struct cli *cli, const json_t *rows, const struct column *columns, size_t n)
{
    size_t *width = calloc(n, sizeof *width), i;
    json_t *row;
    if (width == NULL)
        return;
    for (size_t c = 0; c < n; c++)
        width[c] = print_width(gettext(columns[c].title));
    json_array_foreach(rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = cell_text(json_object_get(row, columns[c].key));
            size_t w = text != NULL ? print_width(text) : 0;
            width[c] = w > width[c] ? w : width[c];
            free(text);
        }
    }
    fputs(print_bold(cli), stdout);
    for (size_t c = 0; c < n; c++)
        put_cell(gettext(columns[c].title), width[c], c + 1 == n);
    printf("%s\n", print_plain(cli));
    json_array_foreach(rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = cell_text(json_object_get(row, columns[c].key));
            put_cell(text != NULL ? text : "", width[c], c + 1 == n);
            free(text);
        }
        putchar('\n');
        if (text_of(row, "below")[0] != '\0')
            printf("  %s\n", text_of(row, "below"));
    }
    free(width);
}

void print_sql(const json_t *result)
{
    const json_t *columns = json_object_get(result, "columns");
    const json_t *rows = json_object_get(result, "rows");
    size_t n = json_array_size(columns), i;
    size_t *width = calloc(n + 1, sizeof *width);
    json_t *row;
    if (width == NULL)
        return;
    for (size_t c = 0; c < n; c++)
        width[c] = print_width(json_string_value(json_array_get(columns, c)));
    json_array_foreach(rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = cell_text(json_array_get(row, c));
            size_t w = text != NULL ? print_width(text) : 0;
            width[c] = w > width[c] ? w : width[c];
            free(text);
        }
    }
    for (size_t c = 0; c < n; c++)
        printf("%-*s%s", c + 1 < n ? (int)width[c] : 0,
               json_string_value(json_array_get(columns, c)), c + 1 < n ? " " : "\n");
    for (size_t c = 0; c < n; c++) {
        for (size_t w = 0; w < width[c]; w++)
            putchar('=');
        putchar(c + 1 < n ? ' ' : '\n');
    }
    json_array_foreach(rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = cell_text(json_array_get(row, c));
            printf("%s%*s", text != NULL ? text : "",
                   c + 1 < n && text != NULL ? (int)(width[c] - print_width(text)) + 1 : 0, "");
            free(text);
        }
        putchar('\n');
    }
    if (json_is_true(json_object_get(result, "cut")))
        printf("%s\n", _("(more rows: the answer was cut)"));
    free(width);
}

/* The certificate that a verdict speaks of; to be compared by the end that refused it, where the
 * remedy is to believe it. */
static void print_fingerprint(const json_t *v)
{
    bool verifier = strncmp(text_of(v, "remedy"), "ils trust", strlen("ils trust")) == 0;
    bool here = strcmp(text_of(v, "remedy_at"), "here") == 0;
    if (text_of(v, "fingerprint")[0] == '\0')
        return;
    printf("%s: %s\n", _("certificate"), text_of(v, "certificate_name"));
    printf("%s: %s\n", _("fingerprint"), text_of(v, "fingerprint"));
    if (verifier && here)
        printf("%s\n", _("compare it by telephone with `ils cert show` at the other end"));
    else if (verifier)
        printf("%s\n", _("it is this end's own: the other end compares it by telephone with "
                         "`ils cert show` at this end"));
}

const char *print_remedy_at(const json_t *v)
{
    return strcmp(text_of(v, "remedy_at"), "there") == 0 ? _("remedy: type at the other end")
                                                         : _("remedy: type at this end");
}

void print_verdict(const struct cli *cli, const json_t *v)
{
    const char *code = text_of(v, "code");
    bool joined = strncmp(code, "ILS-1", 5) == 0;
    char text[WORDS_TEXT_MAX];
    words_cause(text, sizeof text, v);
    printf("%s%s%s %s\n", joined ? print_green(cli) : print_red(cli), code, print_plain(cli), text);
    words_evidence(text, sizeof text, v);
    printf("%s: %s\n", _("evidence"), text);
    if (strncmp(code, "ILS-3", 5) == 0)
        print_fingerprint(v);
    if (text_of(v, "remedy")[0] != '\0')
        printf("%s: %s%s%s\n", print_remedy_at(v), print_bold(cli), text_of(v, "remedy"),
               print_plain(cli));
    printf("%s: %s%s\n", _("verdict id"), text_of(v, "verdict_id"),
           joined || text_of(v, "address")[0] == '\0'
               ? ""
               : _(" (the same in the trace of the other end)"));
}

void print_clusters(const struct cli *cli, const json_t *rows)
{
    static const struct column columns[] = {
        {N_("Cluster ID/Name"), "name"},
        {N_("Last Contact Time"), "last_contact_time"},
        {N_("Role"), "role"},
        {N_("Advertised Route String"), "advertised_route_string"},
        {N_("Last USN Data Received"), "last_usn_data_received"},
        {N_("USN Data Synchronization Status"), "usn_data_synchronization_status"},
        {N_("Action"), "action"},
    };
    json_t *shown = json_deep_copy(rows), *row;
    char role[64];
    size_t i;
    json_array_foreach(shown, i, row) {
        snprintf(role, sizeof role, _("%s (draining)"), text_of(row, "role"));
        if (json_is_true(json_object_get(row, "draining")))
            json_object_set_new(row, "role", json_string(role));
        if (text_of(row, "name")[0] == '\0')
            json_object_set(row, "name", json_object_get(row, "cluster_id"));
    }
    print_table(cli, shown, columns, sizeof columns / sizeof *columns);
    json_decref(shown);
}

static void print_match(const char *prefix, const json_t *m)
{
    char stale[64] = "";
    long long hours = (long long)json_integer_value(json_object_get(m, "age_s")) / 3600;
    if (json_is_true(json_object_get(m, "stale")))
        snprintf(stale, sizeof stale,
                 hours < 48 ? _(", stale for %lld h") : _(", stale for %lld d"),
                 hours < 48 ? hours : hours / 24);
    printf("%s", prefix);
    printf(_("%s %s of cluster %s%s%s (route string %s, usn %lld)"), text_of(m, "kind"),
           text_of(m, "value"), text_of(m, "cluster_id"),
           json_is_true(json_object_get(m, "local")) ? _(", this one") : "", stale,
           text_of(m, "route_string"), (long long)json_integer_value(json_object_get(m, "usn")));
}

/* What came of a lookup, in a word. */
static const char *result_word(const char *result)
{
    static const char *const words[] = {N_("found"), N_("no_match"), N_("no_route"), N_("local"),
                                        N_("bad_input"), N_("blocked"), N_("cut")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(result, words[i]) == 0)
            return gettext(words[i]);
    return result;
}

void print_lookup(const struct cli *cli, const json_t *l)
{
    const json_t *match = json_object_get(l, "match"), *why = json_object_get(l, "why");
    const char *result = text_of(l, "result");
    bool good = strcmp(result, "found") == 0 || strcmp(result, "local") == 0;
    char said[WORDS_TEXT_MAX];
    size_t i;
    json_t *row;
    printf("%s: %s%s%s\n", text_of(l, "dialed"), good ? print_green(cli) : print_red(cli),
           result_word(result), print_plain(cli));
    if (json_is_object(match)) {
        print_match(_("match  "), match);
        putchar('\n');
    }
    json_array_foreach(json_object_get(l, "targets"), i, row)
        printf(_("target %s q=%g (%s%s%s)\n"), text_of(row, "uri"),
               json_real_value(json_object_get(row, "q")), text_of(row, "reason"),
               text_of(row, "route_pattern")[0] != '\0' ? " " : "", text_of(row, "route_pattern"));
    words_said(said, sizeof said, text_of(why, "text"));
    printf(_("why    %s\n"), said);
    json_array_foreach(json_object_get(why, "losers"), i, row) {
        print_match(_("lost   "), row);
        words_said(said, sizeof said, text_of(row, "rule"));
        printf(": %s\n", said);
    }
}
