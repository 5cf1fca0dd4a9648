/* show: the commands that only read: ask, then print as JSON or for people. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

/* Asks; with --json the answer is printed here and *ret is NULL. */
static int show(struct cli *cli, const char *command, json_t *args, json_t **ret)
{
    struct call call = {.command = command, .args = args};
    int status = cli_call(cli, &call, ret);
    if (*ret != NULL && cli->json) {
        print_json(*ret);
        json_decref(*ret);
        *ret = NULL;
    }
    return status;
}

static int show_table(struct cli *cli, const char *command, json_t *args,
                      const struct column *columns, size_t n)
{
    json_t *rows;
    int status = show(cli, command, args, &rows);
    if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else if (rows != NULL)
        print_table(cli, rows, columns, n);
    json_decref(rows);
    return status;
}

#define TABLE(cli, command, args, columns)                                                         \
    show_table(cli, command, args, columns, sizeof(columns) / sizeof *(columns))

int run_status(struct cli *cli, const struct parsed *p)
{
    json_t *s;
    int status = show(cli, "status", NULL, &s);
    if (s != NULL)
        print_status(cli, s);
    json_decref(s);
    return status;
}

int run_clusters(struct cli *cli, const struct parsed *p)
{
    json_t *rows;
    int status = show(cli, "clusters", NULL, &rows);
    if (rows != NULL)
        print_clusters(cli, rows);
    json_decref(rows);
    return status;
}

/* Asks, and says one column of each row anew in the language of the environment; add may be NULL:
 * what else is to be done with the rows. */
static int show_said(struct cli *cli, const char *command, const struct column *columns, size_t n,
                     const char *key, void (*say)(char *dst, size_t size, const json_t *row),
                     void (*add)(json_t *rows))
{
    char text[WORDS_TEXT_MAX];
    json_t *rows, *row;
    size_t i;
    int status = show(cli, command, NULL, &rows);
    json_array_foreach(rows, i, row) {
        say(text, sizeof text, row);
        json_object_set_new(row, key, json_string(text));
    }
    if (rows != NULL && add != NULL)
        add(rows);
    if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else if (rows != NULL)
        print_table(cli, rows, columns, n);
    json_decref(rows);
    return status;
}

/* How its certificate passed, as a sentence. */
static void say_rule(char *dst, size_t size, const json_t *row)
{
    words_said(dst, size, text_of(row, "rule")[0] != '\0' ? text_of(row, "rule") : "-");
}

int run_peers(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Cluster"), "cluster_id"}, {N_("FQDN"), "fqdn"}, {N_("Peer ID"), "peer_id"},
        {N_("Method"), "method"}, {N_("How it passed"), "rule"},
        {N_("Certificate"), "certificate_name"}, {N_("Ends"), "certificate_ends"},
        {N_("First met"), "met_first"}, {N_("Last met"), "met_last"}, {N_("Link"), "link_peer"},
        {N_("Since"), "link_since"},
    };
    return show_said(cli, "peers", columns, sizeof columns / sizeof *columns, "rule", say_rule,
                     NULL);
}

static void box_label(const char *label)
{
    static const char *const labels[] = {N_("Use TLS Certificates"), N_("Use Password"),
                                         N_("accepted")};
    print_label(label, print_widest(labels, sizeof labels / sizeof *labels, 20) + 2);
}

static void box(const char *label, bool on)
{
    box_label(label);
    printf("%s\n", on ? _("on") : _("off"));
}

int run_auth_show(struct cli *cli, const struct parsed *p)
{
    json_t *auth, *method;
    size_t i;
    int status = show(cli, "auth show", NULL, &auth);
    if (auth != NULL) {
        box(_("Use TLS Certificates"), json_is_true(json_object_get(auth, "tls")));
        box(_("Use Password"), json_is_true(json_object_get(auth, "password")));
        box_label(_("accepted"));
        json_array_foreach(json_object_get(auth, "accept"), i, method)
            printf("%s%s", i > 0 ? " " : "", json_string_value(method));
        printf("%s\n", json_is_true(json_object_get(auth, "derived")) ? _(", as is offered") : "");
    }
    json_decref(auth);
    return status;
}

int run_password_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {{N_("Generation"), "generation"},
                                            {N_("Preferred"), "preferred"}};
    return TABLE(cli, "password list", NULL, columns);
}

static void say_alarm(char *dst, size_t size, const json_t *row)
{
    words_said(dst, size, text_of(row, "text"));
    size_t n = strlen(dst);
    long long entries = (long long)json_integer_value(json_object_get(row, "entries"));
    if (entries > 0 && n < size)
        snprintf(dst + n, size - n, _(" (%lld, such as %s)"), entries, text_of(row, "example"));
}

int run_alarms(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Alarm"), "name"}, {N_("Severity"), "severity"}, {N_("Count"), "count"},
        {N_("First"), "first"}, {N_("Last"), "last"}, {N_("Active"), "active"},
        {N_("Text"), "text"},
    };
    return show_said(cli, "alarms", columns, sizeof columns / sizeof *columns, "text", say_alarm,
                     NULL);
}

/* Two refusals of one kind: the same cause, from the same other end, is mended by typing once. */
static void verdict_kind(char *dst, size_t size, const json_t *row)
{
    const char *address = text_of(row, "address"), *colon = strrchr(address, ':');
    size_t n = colon != NULL ? (size_t)(colon - address) : strlen(address);
    snprintf(dst, size, "%s %s %s %.*s", text_of(row, "code"), text_of(row, "remedy_at"),
             text_of(row, "host"), (int)n, address);
}

/* Under the newest refusal of its kind stands what is typed, and at which end. */
static void add_remedies(json_t *rows)
{
    json_t *row, *seen = json_object();
    char kind[400], text[WORDS_TEXT_MAX];
    size_t i;
    json_array_foreach(rows, i, row) {
        verdict_kind(kind, sizeof kind, row);
        if (text_of(row, "remedy")[0] == '\0' || json_object_get(seen, kind) != NULL)
            continue;
        json_object_set_new(seen, kind, json_true());
        snprintf(text, sizeof text, "%s: %s", print_remedy_at(row), text_of(row, "remedy"));
        json_object_set_new(row, "below", json_string(text));
    }
    json_decref(seen);
}

int run_verdicts(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Time"), "time"}, {N_("Code"), "code"}, {N_("Verdict ID"), "verdict_id"},
        {N_("Host"), "host"}, {N_("Peer"), "address"}, {N_("Cause"), "cause"},
    };
    return show_said(cli, "verdicts", columns, sizeof columns / sizeof *columns, "cause",
                     words_cause, add_remedies);
}

int run_audit(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {{N_("Time"), "time"}, {N_("Who"), "who"},
                                            {N_("What"), "what"}};
    const char *max = parsed_get(p, "--max");
    json_t *args = json_object();
    int status;
    if (max != NULL && !take_number(cli, args, "max", max, &status))
        return status;
    take(args, p, "--before");
    take(args, p, "--search");
    return TABLE(cli, "audit", args, columns);
}

int run_sql(struct cli *cli, const struct parsed *p)
{
    char query[8192] = "";
    size_t n = 0;
    for (int i = 0; i < p->word_n && n < sizeof query; i++)
        n += (size_t)snprintf(query + n, sizeof query - n, "%s%s", i > 0 ? " " : "", p->word[i]);
    if (n >= sizeof query)
        return cli_error(cli, EXIT_USAGE, "the query is longer than 8 KiB", NULL, NULL);
    json_t *result, *args = json_object();
    json_object_set_new(args, "query", json_string(query));
    int status = show(cli, "sql", args, &result);
    if (result != NULL)
        print_sql(result);
    json_decref(result);
    return status;
}

/* --- trace */

static void trace_line(struct cli *cli, json_t *line, void *context)
{
    const json_t *trace = json_object_get(line, "trace");
    if (cli->json)
        calm_print(json_object_get(trace, "record"), JSON_COMPACT, stdout);
    else
        fputs(text_of(trace, "line"), stdout);
    putchar('\n');
    fflush(stdout);
}

int run_trace(struct cli *cli, const struct parsed *p)
{
    const char *lines = parsed_get(p, "--lines");
    struct call call = {.command = "trace last", .args = json_object()};
    json_t *rows, *row;
    size_t i;
    int status;
    static const char *const filter[] = {"--level", "--cluster", "--address", "--verdict",
                                         "--text"};
    for (i = 0; i < sizeof filter / sizeof *filter; i++)
        take(call.args, p, filter[i]);
    if (parsed_has(p, "--follow")) {
        call.command = "trace follow";
        call.on_line = trace_line;
        if (!parsed_has(p, "--last") && lines == NULL)
            return cli_call(cli, &call, NULL);
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "--follow shows what is yet to come, not what was",
                         NULL, "ils trace --follow");
    }
    if (parsed_has(p, "--last"))
        json_object_set_new(call.args, "attempt", json_true());
    if (lines != NULL && !take_number(cli, call.args, "max", lines, &status))
        return status;
    status = cli_call(cli, &call, &rows);
    if (rows != NULL && cli->json) {
        json_t *records = json_array();
        json_array_foreach(rows, i, row)
            json_array_append(records, json_object_get(row, "record"));
        print_json(records);
        json_decref(records);
    } else {
        json_array_foreach(rows, i, row)
            printf("%s\n", text_of(row, "line"));
    }
    json_decref(rows);
    return status;
}

int run_trace_level(struct cli *cli, const struct parsed *p)
{
    json_t *s;
    struct call call = {.command = "trace level", .args = NULL};
    if (p->word_n == 1) {
        call.args = json_object();
        json_object_set_new(call.args, "level", json_string(p->word[0]));
        int status = cli_call(cli, &call, &s);
        if (s != NULL && cli->json)
            print_json(s);
        else if (s != NULL)
            printf("OK\n");
        json_decref(s);
        return status;
    }
    call.command = "status";
    int status = cli_call(cli, &call, &s);
    if (s == NULL)
        return status;
    if (cli->json)
        printf("{\"level\": \"%s\"}\n", text_of(s, "trace_level"));
    else
        printf("%s\n", text_of(s, "trace_level"));
    json_decref(s);
    return EXIT_DONE;
}
