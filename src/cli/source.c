/* source: where entries come from by themselves, set up and looked at from the command line. */
#include "cli/cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"

/* ilsd is elsewhere: what is typed from here is a path from / on. */
static void take_path(json_t *args, const char *key, const char *path)
{
    char whole[PATH_MAX + 1], here[PATH_MAX];
    if (path == NULL)
        return;
    if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
        snprintf(whole, sizeof whole, "%s", path);
    else
        snprintf(whole, sizeof whole, "%.2000s/%.2000s", here, path);
    json_object_set_new(args, key, json_string(whole));
}

/* Which of the kinds was typed. False: none, or several. */
static bool take_kind(json_t *args, const struct parsed *p)
{
    static const struct {
        const char *option, *kind;
        bool path;
    } kinds[] = {{"--file", "file", true},         {"--sqlite", "sqlite", true},
                 {"--postgresql", "postgresql", false}, {"--mariadb", "mariadb", false},
                 {"--ldap", "ldap", false}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *place = parsed_get(p, kinds[i].option);
        if (place == NULL)
            continue;
        n++;
        json_object_set_new(args, "kind", json_string(kinds[i].kind));
        if (kinds[i].path)
            take_path(args, "place", place);
        else
            json_object_set_new(args, "place", json_string(place));
    }
    return n == 1;
}

static void print_outcome(const json_t *o)
{
    printf(_("%lld entries: %lld directory URIs, %lld numbers, %lld patterns\n"),
           (long long)json_integer_value(json_object_get(o, "entries")),
           (long long)json_integer_value(json_object_get(o, "uris")),
           (long long)json_integer_value(json_object_get(o, "numbers")),
           (long long)json_integer_value(json_object_get(o, "patterns")));
}

/* test: nothing was changed, so nothing is said of it. */
static int ask(struct cli *cli, const struct call *call, bool test)
{
    json_t *o;
    int status = cli_call(cli, call, &o);
    if (o != NULL && cli->json) {
        print_json(o);
    } else if (o != NULL) {
        print_outcome(o);
        if (test)
            print_preview(cli, json_object_get(o, "would"));
        else
            printf(_("%lld added or changed, %lld removed\n"),
                   (long long)json_integer_value(json_object_get(o, "added")),
                   (long long)json_integer_value(json_object_get(o, "removed")));
    }
    json_decref(o);
    return status;
}

int run_source_add(struct cli *cli, const struct parsed *p)
{
    static const char *const text[] = {"--query", "--base", "--filter", "--attributes", "--bind",
                                       "--domain", "--encoding"};
    struct call call = {.command = "source add", .args = json_object(),
                        .waiting = N_("reading the source ...")};
    const char *every = parsed_get(p, "--every");
    json_object_set_new(call.args, "name", json_string(p->word[0]));
    if (!take_kind(call.args, p)) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("a source is one of --file, --sqlite, --postgresql, "
                                            "--mariadb and --ldap"), p->word[0],
                         "ils help source add");
    }
    if (every != NULL && seconds_of(every) <= 0) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("a time is a number with s, m, h or d"), every,
                         "--every 5m");
    }
    if (every != NULL)
        json_object_set_new(call.args, "every", json_integer(seconds_of(every)));
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        take(call.args, p, text[i]);
    take_path(call.args, "password_file", parsed_get(p, "--password-file"));
    take_path(call.args, "ca", parsed_get(p, "--ca"));
    if (parsed_has(p, "--plain"))
        json_object_set_new(call.args, "plain", json_true());
    return ask(cli, &call, false);
}

static int ask_by_name(struct cli *cli, const char *command, const struct parsed *p, bool test)
{
    struct call call = {.command = command, .args = json_object(),
                        .waiting = N_("reading the source ...")};
    json_object_set_new(call.args, "name", json_string(p->word[0]));
    if (parsed_has(p, "--force"))
        json_object_set_new(call.args, "force", json_true());
    return ask(cli, &call, test);
}

int run_source_test(struct cli *cli, const struct parsed *p)
{
    return ask_by_name(cli, "source test", p, true);
}

int run_source_run(struct cli *cli, const struct parsed *p)
{
    return ask_by_name(cli, "source run", p, false);
}

int run_source_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "source remove", .args = json_object()};
    json_t *o;
    json_object_set_new(call.args, "name", json_string(p->word[0]));
    if (parsed_has(p, "--entries"))
        json_object_set_new(call.args, "entries", json_true());
    int status = cli_call(cli, &call, &o);
    long long kept = (long long)json_integer_value(json_object_get(o, "entries"));
    if (o != NULL && cli->json)
        print_json(o);
    else if (o != NULL && kept > 0)
        printf(_("its %lld entries stay (they go with: ils plan import EMPTY.csv --source '%s')\n"),
               kept, p->word[0]);
    else if (o != NULL)
        printf("%s\n", _("OK"));
    json_decref(o);
    return status;
}

/* What the table shows of one source. */
static void put_row(json_t *row)
{
    char text[WORDS_TEXT_MAX], said[WORDS_TEXT_MAX];
    const char *query = text_of(row, "query"), *filter = text_of(row, "filter");
    snprintf(text, sizeof text, "%.60s%s%.60s", text_of(row, "place"),
             query[0] != '\0' || filter[0] != '\0' ? " " : "",
             query[0] != '\0' ? query : filter);
    json_object_set_new(row, "from", json_string(text));
    long long every = (long long)json_integer_value(json_object_get(row, "every"));
    if (every % 3600 == 0)
        snprintf(text, sizeof text, "%lld h", every / 3600);
    else if (every % 60 == 0)
        snprintf(text, sizeof text, "%lld min", every / 60);
    else
        snprintf(text, sizeof text, "%lld s", every);
    json_object_set_new(row, "each", json_string(text));
    snprintf(text, sizeof text, "%.19s", text_of(row, "last_good"));
    json_object_set_new(row, "good_at", json_string(text[0] != '\0' ? text : "-"));
    snprintf(text, sizeof text, "%.19s", text_of(row, "last_change"));
    json_object_set_new(row, "changed_at", json_string(text[0] != '\0' ? text : "-"));
    json_object_set_new(row, "is", json_string(gettext(text_of(row, "state"))));
    if (text_of(row, "error")[0] == '\0')
        return;
    words_said(said, sizeof said, text_of(row, "error"));
    snprintf(text, sizeof text, "%.700s%s%.250s", said,
             text_of(row, "next")[0] != '\0' ? " | " : "", text_of(row, "next"));
    json_object_set_new(row, "below", json_string(text));
}

int run_source_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Name"), "name"}, {N_("Kind"), "kind"}, {N_("From"), "from"}, {N_("Every"), "each"},
        {N_("Entries"), "entries"}, {N_("State"), "is"}, {N_("Last good"), "good_at"},
        {N_("Last change"), "changed_at"},
    };
    static const char *const state[] = {N_("good"), N_("failed"), N_("waiting"), N_("running")};
    struct call call = {.command = "source list"};
    json_t *rows, *row;
    size_t i;
    int status = cli_call(cli, &call, &rows);
    (void)state; /* words that gettext is given by ilsd */
    if (rows != NULL && cli->json) {
        print_json(rows);
    } else if (rows != NULL && json_array_size(rows) == 0) {
        printf("%s\n", _("none"));
    } else if (rows != NULL) {
        json_array_foreach(rows, i, row)
            put_row(row);
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    }
    json_decref(rows);
    return status;
}
