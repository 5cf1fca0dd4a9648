/* print: answers as words and tables for people. Colour only on a terminal. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);
    putchar('\n');
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
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* One value as text: "-" for null, yes and no, numbers. The caller gives it back. */
static char *cell_text(const json_t *value)
{
    char number[32];
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
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
        width[c] = print_width(columns[c].title);
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
        put_cell(columns[c].title, width[c], c + 1 == n);
    printf("%s\n", print_plain(cli));
    json_array_foreach(rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = cell_text(json_object_get(row, columns[c].key));
            put_cell(text != NULL ? text : "", width[c], c + 1 == n);
            free(text);
        }
        putchar('\n');
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
        printf("(more rows: the answer was cut)\n");
    free(width);
}

static const char *at_end(const char *where)
{
    return strcmp(where, "there") == 0 ? "at the other end" : "at this end";
}

void print_verdict(const struct cli *cli, const json_t *v)
{
    const char *code = text_of(v, "code");
    bool joined = strncmp(code, "ILS-1", 5) == 0;
    printf("%s%s%s %s\n", joined ? print_green(cli) : print_red(cli), code, print_plain(cli),
           text_of(v, "cause"));
    printf("evidence: %s\n", text_of(v, "evidence"));
    if (text_of(v, "remedy")[0] != '\0')
        printf("remedy: type %s: %s%s%s\n", at_end(text_of(v, "remedy_at")), print_bold(cli),
               text_of(v, "remedy"), print_plain(cli));
    printf("verdict id: %s%s\n", text_of(v, "verdict_id"),
           joined || text_of(v, "address")[0] == '\0'
               ? ""
               : " (the same in the trace of the other end)");
}

static void print_hub(const json_t *join)
{
    json_int_t port = json_integer_value(json_object_get(join, "hub_port"));
    json_int_t tried = json_integer_value(json_object_get(join, "attempts"));
    printf("hub       %s", text_of(join, "hub"));
    if (port != 0)
        printf(" port %" JSON_INTEGER_FORMAT, port);
    if (json_is_true(json_object_get(join, "up")))
        printf(", linked\n");
    else if (tried == 0)
        printf(", down\n");
    else
        printf(", down, tried %" JSON_INTEGER_FORMAT " time%s since\n", tried,
               tried == 1 ? "" : "s");
}

void print_status(const struct cli *cli, const json_t *s)
{
    bool healthy = strcmp(text_of(s, "health"), "healthy") == 0;
    const json_t *join = json_object_get(s, "join");
    printf("%s%s%s", healthy ? print_green(cli) : print_red(cli), text_of(s, "health"),
           print_plain(cli));
    printf("%s%s\n", healthy ? "" : ": ", text_of(s, "cause"));
    if (text_of(s, "next")[0] != '\0')
        printf("next%s: %s%s%s\n",
               strcmp(text_of(s, "next_at"), "there") == 0 ? ", at the other end" : "",
               print_bold(cli), text_of(s, "next"), print_plain(cli));
    if (json_is_true(json_object_get(s, "initialised")))
        printf("\ncluster   %s (%s), %s\n", text_of(s, "cluster_id"), text_of(s, "fqdn"),
               text_of(s, "role"));
    if (json_is_true(json_object_get(join, "wanted")))
        print_hub(join);
    printf("clusters  %" JSON_INTEGER_FORMAT " others known, %" JSON_INTEGER_FORMAT " linked\n",
           json_integer_value(json_object_get(s, "clusters")),
           json_integer_value(json_object_get(s, "clusters_linked")));
    printf("entries   %" JSON_INTEGER_FORMAT " served, %" JSON_INTEGER_FORMAT
           " of them our own, at usn %" JSON_INTEGER_FORMAT "\n",
           json_integer_value(json_object_get(s, "entries")),
           json_integer_value(json_object_get(s, "own_entries")),
           json_integer_value(json_object_get(s, "usn")));
    printf("alarms    %" JSON_INTEGER_FORMAT " active\n",
           json_integer_value(json_object_get(s, "alarms_active")));
    printf("version   %s, boot %" JSON_INTEGER_FORMAT ", up since %s\n", text_of(s, "version"),
           json_integer_value(json_object_get(s, "boot")), text_of(s, "started"));
}

void print_clusters(const struct cli *cli, const json_t *rows)
{
    static const struct column columns[] = {
        {"Cluster ID/Name", "cluster_id"},
        {"Last Contact Time", "last_contact_time"},
        {"Role", "role"},
        {"Advertised Route String", "advertised_route_string"},
        {"Last USN Data Received", "last_usn_data_received"},
        {"USN Data Synchronization Status", "usn_data_synchronization_status"},
        {"Action", "action"},
    };
    print_table(cli, rows, columns, sizeof columns / sizeof *columns);
}

static void print_match(const char *prefix, const json_t *m)
{
    printf("%s%s %s of cluster %s%s%s (route string %s, usn %" JSON_INTEGER_FORMAT ")", prefix,
           text_of(m, "kind"), text_of(m, "value"), text_of(m, "cluster_id"),
           json_is_true(json_object_get(m, "local")) ? ", this one" : "",
           json_is_true(json_object_get(m, "stale")) ? ", stale" : "",
           text_of(m, "route_string"), json_integer_value(json_object_get(m, "usn")));
}

void print_lookup(const struct cli *cli, const json_t *l)
{
    const json_t *match = json_object_get(l, "match"), *why = json_object_get(l, "why");
    const char *result = text_of(l, "result");
    bool good = strcmp(result, "found") == 0 || strcmp(result, "local") == 0;
    size_t i;
    json_t *row;
    printf("%s: %s%s%s\n", text_of(l, "dialed"), good ? print_green(cli) : print_red(cli), result,
           print_plain(cli));
    if (json_is_object(match)) {
        print_match("match  ", match);
        putchar('\n');
    }
    json_array_foreach(json_object_get(l, "targets"), i, row)
        printf("target %s q=%g (%s%s%s)\n", text_of(row, "uri"),
               json_real_value(json_object_get(row, "q")), text_of(row, "reason"),
               text_of(row, "route_pattern")[0] != '\0' ? " " : "", text_of(row, "route_pattern"));
    printf("why    %s\n", text_of(why, "text"));
    json_array_foreach(json_object_get(why, "losers"), i, row) {
        print_match("lost   ", row);
        printf(": %s\n", text_of(row, "rule"));
    }
}
