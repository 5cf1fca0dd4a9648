/* door: where questions are answered, listed and set. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

static const char *const state[] = {N_("open"), N_("failed"), N_("off")};

/* How many were not let in: whichever of these the door counts. */
static json_int_t refused(const json_t *counts)
{
    static const char *const key[] = {"not_allowed", "too_fast", "passed_over", "unauthorised",
                                      "tls_failed"};
    json_int_t n = 0;
    for (size_t i = 0; i < sizeof key / sizeof *key; i++)
        n += json_integer_value(json_object_get(counts, key[i]));
    return n;
}

/* What the table shows of one door. */
static void put_row(json_t *row)
{
    char text[WORDS_TEXT_MAX] = "";
    const json_t *allow = json_object_get(row, "allow"), *net;
    long long rate = (long long)json_integer_value(json_object_get(row, "rate"));
    size_t i, at = 0;
    json_array_foreach(allow, i, net) {
        if (at < sizeof text)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " " : "",
                                   json_string_value(net));
    }
    if (json_is_true(json_object_get(row, "allow_default")))
        snprintf(text, sizeof text, "%s", _("private networks"));
    else if (json_array_size(allow) == 0)
        snprintf(text, sizeof text, "%s", _("anybody"));
    json_object_set_new(row, "who", json_string(text));
    snprintf(text, sizeof text, _("%lld/s"), rate);
    json_object_set_new(row, "limit", json_string(rate > 0 ? text : "-"));
    json_object_set_new(row, "is", json_string(gettext(text_of(row, "state"))));
    const json_t *counts = json_object_get(row, "counts");
    json_object_set(row, "requests", json_object_get(counts, "requests"));
    json_object_set_new(row, "refused", json_integer(refused(counts)));
    if (text_of(row, "error")[0] != '\0')
        json_object_set(row, "below", json_object_get(row, "error"));
}

int run_door_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Door"), "door"}, {N_("Listens on"), "listen"}, {N_("State"), "is"},
        {N_("Who may ask"), "who"}, {N_("Each at most"), "limit"}, {N_("Requests"), "requests"},
        {N_("Refused"), "refused"},
    };
    struct call call = {.command = "door list"};
    json_t *rows, *row;
    size_t i;
    int status = cli_call(cli, &call, &rows);
    (void)state; /* words that gettext is given by ilsd */
    if (rows != NULL && cli->json) {
        print_json(rows);
    } else if (rows != NULL) {
        json_array_foreach(rows, i, row)
            put_row(row);
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    }
    json_decref(rows);
    return status;
}

/* "100", "100/s", "off" or "default". False: an error was printed. */
static bool take_rate(const struct cli *cli, json_t *args, const char *text, int *ret_status)
{
    char *end;
    if (text == NULL)
        return true;
    if (strcmp(text, "default") == 0) {
        json_object_set_new(args, "rate", json_null());
        return true;
    }
    errno = 0;
    long long n = strcmp(text, "off") == 0 ? 0 : strtoll(text, &end, 10);
    if (strcmp(text, "off") != 0 &&
        (text[0] < '0' || text[0] > '9' || errno != 0 ||
         (*end != '\0' && strcmp(end, "/s") != 0))) {
        *ret_status = cli_error(cli, EXIT_USAGE,
                                _("a rate is 1 to 1000000 requests a second, or `off`, or "
                                  "`default`"), text, "ils help door set");
        return false;
    }
    json_object_set_new(args, "rate", json_integer(n));
    return true;
}

int run_door_set(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "door set", .args = json_object()};
    int status;
    json_object_set_new(call.args, "door", json_string(p->word[0]));
    take(call.args, p, "--listen");
    take(call.args, p, "--suffix");
    take_list(call.args, p, "--allow", "allow");
    if (!take_rate(cli, call.args, parsed_get(p, "--rate"), &status) ||
        !take_on_off(cli, call.args, p, "--send-route-string", "send_route_string",
                     "ils help door set", &status)) {
        json_decref(call.args);
        return status;
    }
    return cli_change(cli, &call);
}

/* --- tokens */

static json_t *name_arg(const struct parsed *p)
{
    json_t *args = json_object();
    if (json_object_set_new(args, "name", json_string(p->word[0])) != 0)
        json_object_set_new(args, "name", json_string("?")); /* not UTF-8: refused by ilsd */
    return args;
}

int run_token_add(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "token add", .args = name_arg(p)};
    json_t *o;
    int status = cli_call(cli, &call, &o);
    if (o != NULL && cli->json)
        print_json(o);
    else if (o != NULL)
        printf("%s\n", text_of(o, "token"));
    if (o != NULL && !cli->json && cli->terminal)
        printf("%s\n", _("It is shown this once. curl -H 'Authorization: Bearer TOKEN' ..."));
    json_decref(o);
    return status;
}

int run_token_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {{N_("Name"), "name"}, {N_("Made"), "made"}};
    struct call call = {.command = "token list"};
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

int run_token_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "token remove", .args = name_arg(p)};
    return cli_change(cli, &call);
}
