/* configure: the form *ILS Configuration* on the command line: what it would change and whom that
 * would disturb as tables, then the question whether to. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"

static const char help[] = "ils help configure";

/* --- the form */

/* --password on|off is a box; --new-password asks for the password itself. */
static bool take_password(struct cli *cli, json_t *args, const struct parsed *p, int *ret_status)
{
    char hex[65];
    if (!parsed_has(p, "--new-password"))
        return true;
    if (!password_read(cli, parsed_has(p, "--stdin"), hex, ret_status))
        return false;
    json_object_set_new(args, "stretched", json_string(hex));
    explicit_bzero(hex, sizeof hex);
    return true;
}

/* NULL: an error was printed. */
static json_t *form(struct cli *cli, const struct parsed *p, int *ret_status)
{
    json_t *args = json_object();
    const char *hub = parsed_get(p, "--hub");
    const char *minutes = parsed_get(p, "--sync-every");
    const char *generation = parsed_get(p, "--generation");
    take(args, p, "--role");
    take(args, p, "--route-string");
    take_list(args, p, "--accept", "accept");
    if (parsed_has(p, "--force"))
        json_object_set_new(args, "force", json_true());
    if (hub != NULL && strcmp(hub, "none") == 0)
        json_object_set_new(args, "host", json_string(""));
    else if (hub != NULL && !take_where(cli, args, hub, help, ret_status))
        return NULL;
    if ((minutes != NULL && !take_number(cli, args, "minutes", minutes, ret_status)) ||
        (generation != NULL && !take_number(cli, args, "generation", generation, ret_status)))
        return NULL;
    if (take_on_off(cli, args, p, "--exchange", "exchange", help, ret_status) &&
        take_on_off(cli, args, p, "--tls", "use_tls", help, ret_status) &&
        take_on_off(cli, args, p, "--password", "use_password", help, ret_status) &&
        take_password(cli, args, p, ret_status))
        return args;
    json_decref(args);
    return NULL;
}

/* --- what it would do */

static void value_text(char *dst, size_t size, const json_t *value)
{
    size_t i, n = 0;
    json_t *one;
    snprintf(dst, size, "%s", json_is_true(value)      ? _("on")
                              : json_is_false(value)   ? _("off")
                              : json_is_string(value)  ? json_string_value(value) : "-");
    if (json_is_integer(value))
        snprintf(dst, size, "%lld", (long long)json_integer_value(value));
    json_array_foreach(value, i, one)
        n += n < size ? (size_t)snprintf(dst + n, size - n, "%s%s", i > 0 ? " " : "",
                                         json_string_value(one)) : 0;
}

static void print_changes(const struct cli *cli, const json_t *changes)
{
    static const struct column columns[] = {
        {N_("Setting"), "field"}, {N_("Now"), "from"}, {N_("Then"), "to"},
    };
    static const char *const key[] = {"from", "to"};
    json_t *rows = json_deep_copy(changes), *row;
    char text[WORDS_TEXT_MAX];
    size_t i;
    json_array_foreach(rows, i, row)
        for (size_t k = 0; k < 2; k++) {
            value_text(text, sizeof text, json_object_get(row, key[k]));
            json_object_set_new(row, key[k], json_string(text));
        }
    print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_decref(rows);
}

static void print_clusters_told(const struct cli *cli, const json_t *clusters)
{
    static const struct column columns[] = {
        {N_("Cluster"), "name"}, {N_("Outcome"), "outcome"}, {N_("What happens"), "what"},
    };
    json_t *rows = json_deep_copy(clusters), *row;
    char text[WORDS_TEXT_MAX];
    size_t i;
    json_array_foreach(rows, i, row) {
        const json_t *effect = json_array_get(json_object_get(row, "effects"), 0);
        const char *outcome = text_of(row, "outcome");
        words_said(text, sizeof text, text_of(effect, "text"));
        json_object_set_new(row, "what", json_string(text[0] != '\0' ? text : "-"));
        words_said(text, sizeof text, text_of(row, "why"));
        if (text[0] != '\0')
            json_object_set_new(row, "below", json_string(text));
        json_object_set_new(row, "outcome",
                            json_string(outcome[0] != '\0' ? gettext(outcome) : "-"));
    }
    print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_array_foreach(clusters, i, row)
        if (text_of(row, "next")[0] != '\0')
            printf(_("%s: type %s: %s\n"), text_of(row, "cluster_id"),
                   strcmp(text_of(row, "next_at"), "there") == 0 ? _("at the other end")
                                                                 : _("at this end"),
                   text_of(row, "next"));
    json_decref(rows);
}

static void print_told(const struct cli *cli, const json_t *told)
{
    const json_t *clusters = json_object_get(told, "clusters");
    char text[WORDS_TEXT_MAX];
    print_changes(cli, json_object_get(told, "changes"));
    if (json_array_size(clusters) > 0) {
        putchar('\n');
        print_clusters_told(cli, clusters);
    }
    words_said(text, sizeof text, text_of(json_object_get(told, "withholds"), "text"));
    if (text[0] != '\0')
        printf("\n%s\n", text);
    if (text_of(told, "registers")[0] != '\0')
        printf(_("\nit registers with %s; ils status and ils verdicts say what comes of it\n"),
               text_of(told, "registers"));
    if (json_is_true(json_object_get(told, "draining")))
        printf(_("\nit is a hub until its spokes have gone to other hubs; ils status says so\n"));
}

/* --- doing it */

static int ask(struct cli *cli, json_t *args, bool dry_run, json_t **ret)
{
    struct call call = {.command = "configure", .args = json_deep_copy(args)};
    if (dry_run)
        json_object_set_new(call.args, "dry_run", json_true());
    return cli_call(cli, &call, ret);
}

/* Shows it; then, where it changes anything, and somebody agrees, does it. */
static int show_and_do(struct cli *cli, const struct parsed *p, json_t *args)
{
    json_t *told, *done = NULL;
    bool only = parsed_has(p, "--dry-run");
    int status = ask(cli, args, true, &told);
    if (told == NULL)
        return status;
    bool none = json_array_size(json_object_get(told, "changes")) == 0;
    if (none)
        printf("%s\n", _("nothing is changed by it"));
    else
        print_told(cli, told);
    json_decref(told);
    if (none || only)
        return EXIT_DONE;
    putchar('\n');
    if (!cli_agreed(cli, p, _("change it?")))
        return cli_unchanged(cli);
    status = ask(cli, args, false, &done);
    if (done != NULL)
        printf("OK\n");
    json_decref(done);
    return status;
}

int run_configure(struct cli *cli, const struct parsed *p)
{
    int status = EXIT_USAGE;
    json_t *result;
    if (p->given_n == 0)
        return cli_error(cli, EXIT_USAGE, _("'ils configure' wants at least one setting"), NULL,
                         help);
    json_t *args = form(cli, p, &status);
    if (args == NULL)
        return status;
    if (cli->json) {
        status = ask(cli, args, parsed_has(p, "--dry-run"), &result);
        if (result != NULL)
            print_json(result);
        json_decref(result);
    } else {
        status = show_and_do(cli, p, args);
    }
    json_decref(args);
    return status;
}
