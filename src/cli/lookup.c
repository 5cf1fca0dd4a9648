/* lookup: where a call goes and why, the routes, and how what is dialled is read. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

static json_t *asked(const struct parsed *p)
{
    json_t *args = json_object();
    if (json_object_set_new(args, "dialled", json_string(p->word[0])) != 0)
        json_object_set_new(args, "dialled", json_string("?")); /* not UTF-8 */
    take(args, p, "--from");
    return args;
}

/* The answer of a question; printed where --json was given. */
static int ask(struct cli *cli, const char *command, json_t *args, json_t **ret)
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

int run_lookup(struct cli *cli, const struct parsed *p)
{
    json_t *l = NULL;
    int status = ask(cli, "lookup", asked(p), &l);
    if (l != NULL)
        print_lookup(cli, l);
    json_decref(l);
    return status;
}

static void print_reading(const json_t *why)
{
    const char *number = text_of(why, "number"), *uri = text_of(why, "uri");
    if (number[0] != '\0' && uri[0] != '\0')
        printf(_("read   as the number %s, then as the URI %s\n"), number, uri);
    else if (number[0] != '\0')
        printf(_("read   as the number %s\n"), number);
    else if (uri[0] != '\0')
        printf(_("read   as the URI %s\n"), uri);
}

static void print_routes(const json_t *why)
{
    const char *failover = text_of(why, "failover");
    char rule[WORDS_TEXT_MAX];
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(why, "route_patterns"), i, row)
        printf(i == 0 ? _("route  %s decides: it is the most specific that covers it\n")
                      : _("lost   %s: it is less specific\n"), json_string_value(row));
    json_array_foreach(json_object_get(why, "avoided"), i, row) {
        words_said(rule, sizeof rule, text_of(row, "rule"));
        printf(_("left   %s out: %s\n"), text_of(row, "uri"), rule);
    }
    if (failover[0] != '\0')
        printf(json_is_true(json_object_get(why, "failover_routed"))
                   ? _("pstn   %s, through the gateway\n")
                   : _("pstn   %s, but there is no route `pstn` to a gateway\n"), failover);
    if (json_is_true(json_object_get(why, "more_losers")))
        printf("%s\n", _("more   there are more losers than are shown"));
    if (text_of(why, "next")[0] != '\0')
        printf(_("next   %s\n"), text_of(why, "next"));
}

int run_why(struct cli *cli, const struct parsed *p)
{
    json_t *l = NULL;
    int status = ask(cli, "lookup", asked(p), &l);
    if (l != NULL) {
        const json_t *why = json_object_get(l, "why");
        print_lookup(cli, l);
        print_reading(why);
        print_routes(why);
    }
    json_decref(l);
    return status;
}

static const char *on_off(const json_t *l, const char *key)
{
    return json_is_true(json_object_get(l, key)) ? "on" : "off";
}

int run_lookup_show(struct cli *cli, const struct parsed *p)
{
    json_t *l = NULL;
    int status = ask(cli, "lookup show", NULL, &l);
    (void)p;
    if (l != NULL) {
        printf(_("dial strings  %s\n"), text_of(l, "dial_strings"));
        printf(_("uri case      %s\n"), on_off(l, "uri_case"));
        printf(_("domains       %s\n"), on_off(l, "domains"));
    }
    json_decref(l);
    return status;
}

bool take_on_off(const struct cli *cli, json_t *args, const struct parsed *p, const char *option,
                 const char *key, const char *help, int *ret_status)
{
    const char *value = parsed_get(p, option);
    if (value == NULL)
        return true;
    bool on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0) {
        *ret_status = cli_error(cli, EXIT_USAGE, _("it is on or off"), option, help);
        return false;
    }
    json_object_set_new(args, key, json_boolean(on));
    return true;
}

int run_lookup_set(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "lookup set", .args = json_object()};
    int status;
    take(call.args, p, "--dial-strings");
    const char *help = "ils help lookup set";
    if (!take_on_off(cli, call.args, p, "--uri-case", "uri_case", help, &status) ||
        !take_on_off(cli, call.args, p, "--domains", "domains", help, &status)) {
        json_decref(call.args);
        return status;
    }
    if (json_object_size(call.args) == 0) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("nothing is to be set"), NULL, "ils help lookup set");
    }
    return cli_change(cli, &call);
}

/* --- routes */

int run_route_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {{N_("Pattern"), "pattern"},
                                            {N_("Target"), "target"},
                                            {N_("Priority"), "priority"},
                                            {N_("Weight"), "weight"}};
    json_t *rows = NULL;
    int status = ask(cli, "route list", NULL, &rows);
    (void)p;
    if (rows != NULL)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_decref(rows);
    return status;
}

static void print_route_warnings(const json_t *answer)
{
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(answer, "warnings"), i, row) {
        printf(_("warning: the route '%s' never decides: each route string that it covers has a "
                 "more specific one, as %s has '%s'\n"),
               text_of(row, "key"), text_of(row, "route_string"), text_of(row, "other"));
        if (text_of(row, "next")[0] != '\0')
            printf(_("  next: %s\n"), text_of(row, "next"));
    }
}

/* As records of type SRV have them: 16 bits. False: an error was printed. */
static bool take_u16(const struct cli *cli, json_t *args, const struct parsed *p,
                     const char *option, int *ret_status)
{
    const char *text = parsed_get(p, option);
    char sentence[160], *end;
    if (text == NULL)
        return true;
    long long n = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n <= UINT16_MAX) {
        json_object_set_new(args, option + 2, json_integer(n));
        return true;
    }
    snprintf(sentence, sizeof sentence, _("'%.60s' is no number from 0 to 65535"), text);
    json_decref(args);
    *ret_status = cli_error(cli, EXIT_USAGE, sentence, option, "ils help route add");
    return false;
}

int run_route_add(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "route add", .args = json_object()};
    int status;
    json_object_set_new(call.args, "pattern", json_string(p->word[0]));
    json_object_set_new(call.args, "target", json_string(p->word[1]));
    if (!take_u16(cli, call.args, p, "--priority", &status) ||
        !take_u16(cli, call.args, p, "--weight", &status))
        return status;
    if (parsed_has(p, "--unresolved"))
        json_object_set_new(call.args, "unresolved", json_true());
    json_t *result;
    status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        printf("OK\n");
        print_route_warnings(result);
    }
    json_decref(result);
    return status;
}

int run_route_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "route remove", .args = json_object()};
    json_object_set_new(call.args, "pattern", json_string(p->word[0]));
    if (p->word_n > 1)
        json_object_set_new(call.args, "target", json_string(p->word[1]));
    return cli_change(cli, &call);
}

int run_route_test(struct cli *cli, const struct parsed *p)
{
    json_t *l = NULL, *row, *args = json_object();
    size_t i;
    json_object_set_new(args, "route_string", json_string(p->word[0]));
    int status = ask(cli, "route test", args, &l);
    if (l == NULL)
        return status;
    printf("%s: %s\n", text_of(l, "route_string"), text_of(l, "result"));
    json_array_foreach(json_object_get(l, "targets"), i, row)
        printf(_("target %s (priority %lld, weight %lld%s)\n"), text_of(row, "target"),
               (long long)json_integer_value(json_object_get(row, "priority")),
               (long long)json_integer_value(json_object_get(row, "weight")),
               json_is_true(json_object_get(row, "self")) ? _(", this cluster itself") : "");
    json_array_foreach(json_object_get(l, "patterns"), i, row)
        printf(i == 0 ? _("route  %s decides: it is the most specific that covers it\n")
                      : _("lost   %s: it is less specific\n"), json_string_value(row));
    if (text_of(l, "next")[0] != '\0')
        printf(_("next   %s\n"), text_of(l, "next"));
    json_decref(l);
    return status;
}
