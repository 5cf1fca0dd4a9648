/* learned: what is made of what others announce: blocks, what clusters may announce, duplicates,
 * what is held back, and the limits. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

static int change(struct cli *cli, const char *command, json_t *args)
{
    struct call call = {.command = command, .args = args};
    return cli_change(cli, &call);
}

static json_t *one_arg(const char *key, const char *value)
{
    json_t *args = json_object();
    if (json_object_set_new(args, key, json_string(value)) != 0)
        json_object_set_new(args, key, json_string("?")); /* not UTF-8: refused by ilsd */
    return args;
}

static int ask(struct cli *cli, const char *command, json_t **ret)
{
    struct call call = {.command = command};
    return cli_call(cli, &call, ret);
}

/* As JSON, or as a table; `none` where it has no rows. */
static int show(struct cli *cli, const char *command, const char *none,
                const struct column *columns, size_t n)
{
    json_t *rows;
    int status = ask(cli, command, &rows);
    if (rows != NULL && cli->json)
        print_json(rows);
    else if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", none);
    else if (rows != NULL)
        print_table(cli, rows, columns, n);
    json_decref(rows);
    return status;
}

#define SHOW(cli, command, none, columns)                                                          \
    show(cli, command, none, columns, sizeof columns / sizeof *columns)

/* --- blocks */

int run_block_add(struct cli *cli, const struct parsed *p)
{
    json_t *args = p->word_n > 0 ? one_arg("pattern", p->word[0]) : json_object();
    take(args, p, "--prefix");
    take(args, p, "--cluster");
    take(args, p, "--type");
    take(args, p, "--description");
    return change(cli, "block add", args);
}

int run_block_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Rule"), "rule"}, {N_("Pattern"), "pattern"}, {N_("Prefix"), "prefix"},
        {N_("Cluster"), "cluster"}, {N_("Type"), "type"}, {N_("Description"), "description"},
    };
    return SHOW(cli, "block list", _("nothing is blocked"), columns);
}

int run_block_remove(struct cli *cli, const struct parsed *p)
{
    json_t *args = json_object();
    int status;
    if (!take_number(cli, args, "rule", p->word[0], &status))
        return status;
    return change(cli, "block remove", args);
}

/* --- what a cluster may announce */

/* ["a", "b"] as "a, b". */
static void join_list(json_t *row, const char *key)
{
    const json_t *list = json_object_get(row, key);
    char text[WORDS_TEXT_MAX] = "-";
    size_t i, at = 0;
    json_t *one;
    json_array_foreach(list, i, one) {
        if (at < sizeof text)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? ", " : "",
                                   json_string_value(one));
    }
    json_object_set_new(row, key, json_string(text));
}

int run_accept(struct cli *cli, const struct parsed *p)
{
    json_t *args = one_arg("cluster", p->word[0]);
    take_list(args, p, "--domain", "domain");
    take_list(args, p, "--prefix", "prefix");
    if (parsed_has(p, "--everything"))
        json_object_set_new(args, "everything", json_true());
    return change(cli, "accept", args);
}

int run_accept_list(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Cluster"), "cluster"}, {N_("Domains"), "domains"}, {N_("Prefixes"), "prefixes"},
    };
    json_t *rows, *row;
    size_t i;
    int status = ask(cli, "accept list", &rows);
    if (rows != NULL && cli->json)
        print_json(rows);
    else if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("everything is accepted of every cluster"));
    else if (rows != NULL) {
        json_array_foreach(rows, i, row) {
            join_list(row, "domains");
            join_list(row, "prefixes");
        }
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    }
    json_decref(rows);
    return status;
}

/* --- duplicates */

/* In the language of the environment; "-" where there is none. */
static void say_rule(json_t *row)
{
    char said[WORDS_TEXT_MAX] = "-";
    if (text_of(row, "rule")[0] != '\0')
        words_said(said, sizeof said, text_of(row, "rule"));
    json_object_set_new(row, "rule", json_string(said));
}

static void print_duplicates(const struct cli *cli, json_t *answer)
{
    static const struct column columns[] = {
        {N_("Winner"), "winner"}, {N_("Loser"), "loser"}, {N_("Entries"), "count"},
        {N_("Kind"), "kind"}, {N_("Example"), "example"}, {N_("Because"), "rule"},
    };
    json_t *row, *rows = json_object_get(answer, "duplicates");
    size_t i;
    json_array_foreach(rows, i, row) {
        char text[WORDS_TEXT_MAX];
        bool order = strncmp(text_of(row, "next"), "ils duplicates", 14) == 0;
        snprintf(text, sizeof text, order ? _("the other way: %s") : _("next: %s"),
                 text_of(row, "next"));
        json_object_set_new(row, "below", json_string(text));
        say_rule(row);
    }
    if (json_array_size(rows) == 0)
        printf("%s\n", _("no entry is announced by two clusters"));
    else
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    if (json_integer_value(json_object_get(answer, "scanning")) > 0)
        printf(_("%lld plans are still being looked through\n"),
               (long long)json_integer_value(json_object_get(answer, "scanning")));
    if (json_array_size(json_object_get(answer, "preferred")) == 0)
        return;
    join_list(answer, "preferred");
    printf(_("preferred, in this order: %s\n"), text_of(answer, "preferred"));
}

int run_duplicates(struct cli *cli, const struct parsed *p)
{
    json_t *answer;
    int status = ask(cli, "duplicates", &answer);
    if (answer != NULL && cli->json)
        print_json(answer);
    else if (answer != NULL)
        print_duplicates(cli, answer);
    json_decref(answer);
    return status;
}

int run_duplicates_prefer(struct cli *cli, const struct parsed *p)
{
    json_t *args = json_object(), *clusters = json_array();
    for (int i = 0; i < p->word_n; i++)
        if (json_array_append_new(clusters, json_string(p->word[i])) != 0)
            json_array_append_new(clusters, json_string("?"));
    json_object_set_new(args, "clusters", clusters);
    return change(cli, "duplicates prefer", args);
}

/* --- what is held back */

int run_held(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Cluster"), "cluster"}, {N_("Why"), "why"}, {N_("Entries served"), "served"},
        {N_("Newest"), "newest"}, {N_("Peak"), "peak"}, {N_("Since"), "since"},
    };
    json_t *rows, *row;
    size_t i;
    int status = ask(cli, "held", &rows);
    if (rows != NULL && cli->json) {
        print_json(rows);
        json_decref(rows);
        return status;
    }
    if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("nothing is held back"));
    json_array_foreach(rows, i, row) {
        char text[2 * WORDS_TEXT_MAX], said[WORDS_TEXT_MAX];
        words_said(said, sizeof said, text_of(row, "text"));
        snprintf(text, sizeof text, "%s\n  %s: %s", said, _("next"), text_of(row, "next"));
        json_object_set_new(row, "below", json_string(text));
    }
    if (json_array_size(rows) > 0)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_decref(rows);
    return status;
}

int run_held_release(struct cli *cli, const struct parsed *p)
{
    return change(cli, "held release", one_arg("cluster", p->word[0]));
}

int run_plan_confirm_shrink(struct cli *cli, const struct parsed *p)
{
    return change(cli, "plan confirm-shrink", NULL);
}

/* --- browsing and searching */

static void age_text(char *dst, size_t size, long long s)
{
    if (s < 120)
        snprintf(dst, size, _("%lld s"), s);
    else if (s < 7200)
        snprintf(dst, size, _("%lld min"), s / 60);
    else if (s < 172800)
        snprintf(dst, size, _("%lld h"), s / 3600);
    else
        snprintf(dst, size, _("%lld d"), s / 86400);
}

static void print_learned(const struct cli *cli, const json_t *answer)
{
    static const struct column columns[] = {
        {N_("Kind"), "kind"}, {N_("Key"), "key"}, {N_("PSTN failover"), "failover"},
        {N_("Cluster"), "cluster"}, {N_("Route string"), "route_string"}, {N_("Signed"), "age"},
        {N_("Not first because"), "rule"},
    };
    json_t *row, *rows = json_object_get(answer, "entries");
    const char *after = text_of(answer, "after");
    char text[64], age[32];
    size_t i;
    json_array_foreach(rows, i, row) {
        age_text(age, sizeof age, (long long)json_integer_value(json_object_get(row, "age_s")));
        snprintf(text, sizeof text,
                 json_is_true(json_object_get(row, "stale")) ? _("stale, %s ago") : _("%s ago"),
                 age);
        json_object_set_new(row, "age", json_string(text));
        say_rule(row);
    }
    if (json_array_size(rows) > 0)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    else
        printf("%s\n", _("nothing was found"));
    if (after[0] != '\0')
        printf(_("\nthere may be more: the same with --after %s\n"), after);
}

int run_learned(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "learned", .args = json_object(),
                        .waiting = _("going through what was learned")};
    const char *max = parsed_get(p, "--max");
    json_t *answer;
    int status;
    if (max != NULL && !take_number(cli, call.args, "max", max, &status))
        return status;
    take(call.args, p, "--cluster");
    take(call.args, p, "--search");
    take(call.args, p, "--kind");
    take(call.args, p, "--after");
    if (parsed_has(p, "--stale"))
        json_object_set_new(call.args, "stale", json_true());
    status = cli_call(cli, &call, &answer);
    if (answer != NULL && cli->json)
        print_json(answer);
    else if (answer != NULL)
        print_learned(cli, answer);
    json_decref(answer);
    return status;
}

/* --- limits */

int run_limits(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Limit"), "name"}, {N_("Used"), "used"}, {N_("Most"), "max"},
        {N_("Alarm at"), "alarm_at"},
    };
    return SHOW(cli, "limits", "", columns);
}

int run_limits_set(struct cli *cli, const struct parsed *p)
{
    json_t *args = one_arg("name", p->word[0]);
    int status;
    if (!take_number(cli, args, "max", p->word[1], &status))
        return status;
    return change(cli, "limits set", args);
}
