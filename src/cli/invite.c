/* invite: one-time tokens by which strangers join, and who is ready for TLS. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

#define EXPIRES_MAX (366 * 86400) /* seconds; ilsd takes no more */

/* "90s", "15m", "24h", "7d" as seconds; 0 = none of these, or out of range. A number alone is none:
 * who types 3 means days or hours, hardly ever seconds. */
long long seconds_of(const char *text)
{
    static const struct {
        char unit;
        long long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end;
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 9)
        return 0;
    long long n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*end == units[i].unit && end[1] == '\0')
            return n * units[i].seconds;
    return 0;
}

static int invite_list(struct cli *cli)
{
    static const struct column columns[] = {
        {N_("ID"), "id"}, {N_("State"), "state"}, {N_("Made"), "made"}, {N_("Expires"), "expires"},
        {N_("Failures"), "failures"}, {N_("Used by"), "by"},
    };
    struct call call = {.command = "invite list"};
    json_t *rows;
    int status = cli_call(cli, &call, &rows);
    if (rows != NULL && cli->json)
        print_json(rows);
    else if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else if (rows != NULL)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_decref(rows);
    return status;
}

static void print_invite(const struct cli *cli, const json_t *invite)
{
    char text[2048] = "";
    size_t i, n = 0;
    json_t *address;
    json_array_foreach(json_object_get(invite, "addresses"), i, address)
        if (n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? ", " : "",
                                  json_string_value(address));
    printf("%s%s%s\n\n", print_bold(cli), text_of(invite, "token"), print_plain(cli));
    print_field(_("id"), text_of(invite, "id"));
    print_field(_("expires"), text_of(invite, "expires"));
    print_field(_("addresses"), text);
    print_field(_("fingerprint"), text_of(invite, "fingerprint"));
    printf("\n%s\n", _("Whoever holds it joins, once; it is not shown again. "
                       "At the other end: ils join TOKEN"));
}

int run_invite(struct cli *cli, const struct parsed *p)
{
    const char *expires = parsed_get(p, "--expires"), *id = parsed_get(p, "--remove");
    struct call call = {.command = "invite", .args = NULL};
    json_t *result;
    if (p->given_n > 1 && (parsed_has(p, "--list") || id != NULL))
        return cli_error(cli, EXIT_USAGE, _("--list and --remove stand alone"), NULL,
                         "ils help invite");
    if (parsed_has(p, "--list"))
        return invite_list(cli);
    if (expires != NULL && seconds_of(expires) <= 0)
        return cli_error(cli, EXIT_USAGE,
                         _("this is no span of time: a number with its unit s, m, h or d, such as "
                           "24h"),
                         expires, "ils invite --expires 24h");
    if (expires != NULL && seconds_of(expires) > EXPIRES_MAX)
        return cli_error(cli, EXIT_USAGE, _("an invite is good for 366 days at most"), expires,
                         "ils invite --expires 24h");
    call.args = json_object();
    if (id != NULL) {
        call.command = "invite remove";
        json_object_set_new(call.args, "id", json_string(id));
        return cli_change(cli, &call);
    }
    if (expires != NULL)
        json_object_set_new(call.args, "expires", json_integer(seconds_of(expires)));
    take_list(call.args, p, "--address", "addresses");
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    else if (result != NULL)
        print_invite(cli, result);
    json_decref(result);
    return status;
}

/* --- auth ready */

/* The rows with their words in the language of the environment. */
static json_t *ready_rows(const json_t *clusters)
{
    static const char *const outcomes[] = {N_("stays"), N_("cut off"), N_("unknown")};
    char text[WORDS_TEXT_MAX];
    json_t *rows = json_array(), *row;
    size_t i;
    json_array_foreach(clusters, i, row) {
        json_t *copy = json_copy(row);
        words_said(text, sizeof text, text_of(row, "why"));
        json_object_set_new(copy, "why", json_string(text));
        for (size_t o = 0; o < sizeof outcomes / sizeof *outcomes; o++)
            if (strcmp(outcomes[o], text_of(row, "outcome")) == 0)
                json_object_set_new(copy, "outcome", json_string(gettext(outcomes[o])));
        json_array_append_new(rows, copy);
    }
    return rows;
}

static const char *end_of(const json_t *row, const char *key)
{
    return strcmp(text_of(row, key), "there") == 0 ? _("at the other end") : _("at this end");
}

static void print_ready(const struct cli *cli, const json_t *ready)
{
    static const struct column columns[] = {
        {N_("Cluster"), "cluster_id"}, {N_("FQDN"), "fqdn"}, {N_("Outcome"), "outcome"},
        {N_("Here"), "code_here"}, {N_("There"), "code_there"}, {N_("Why"), "why"},
    };
    const json_t *clusters = json_object_get(ready, "clusters");
    json_t *rows = ready_rows(clusters), *row;
    size_t i;
    if (json_array_size(rows) > 0)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    printf(_("with %s: %lld stay, %lld would be cut off, %lld unknown\n"), text_of(ready, "method"),
           (long long)json_integer_value(json_object_get(ready, "stay")),
           (long long)json_integer_value(json_object_get(ready, "cut_off")),
           (long long)json_integer_value(json_object_get(ready, "unknown")));
    json_array_foreach(clusters, i, row) {
        if (text_of(row, "next")[0] != '\0')
            printf(_("%s: type %s: %s\n"), text_of(row, "cluster_id"), end_of(row, "next_at"),
                   text_of(row, "next"));
        if (text_of(row, "then")[0] != '\0')
            printf(_("%s: with what it printed, type %s: %s\n"), text_of(row, "cluster_id"),
                   end_of(row, "then_at"), text_of(row, "then"));
    }
    json_decref(rows);
}

int run_auth_ready(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "auth ready", .args = json_object()};
    const char *method = p->word_n > 0 ? p->word[0] : "tls";
    json_t *ready;
    if (strcmp(method, "tls") != 0 && strcmp(method, "tls+password") != 0) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("the method is tls or tls+password"), method,
                         "ils auth ready tls");
    }
    json_object_set_new(call.args, "method", json_string(method));
    int status = cli_call(cli, &call, &ready);
    if (ready != NULL && cli->json)
        print_json(ready);
    else if (ready != NULL)
        print_ready(cli, ready);
    json_decref(ready);
    return status;
}
