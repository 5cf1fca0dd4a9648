/* plan_log: what was done to this cluster's plan, and taking it back. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

#define LOOKED_MAX 200000 /* strings that ilsd looks up at most */

static long long count_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

void print_counts(const json_t *result)
{
    const json_t *number = json_object_get(result, "number");
    if (count_of(result, "changed") != 0)
        printf(_("OK: %lld added, %lld removed, %lld changed\n"), count_of(result, "added"),
               count_of(result, "removed"), count_of(result, "changed"));
    else
        printf(_("OK: %lld added, %lld removed\n"), count_of(result, "added"),
               count_of(result, "removed"));
    if (json_is_integer(number))
        printf(_("to take it back: ils plan rollback %lld\n"),
               (long long)json_integer_value(number));
}

/* "+3 -1 ~2" */
static void counts_text(char *dst, size_t size, const json_t *change)
{
    long long changed = count_of(change, "changed");
    int n = snprintf(dst, size, "+%lld -%lld", count_of(change, "added"),
                     count_of(change, "removed"));
    if (changed != 0 && n > 0 && (size_t)n < size)
        snprintf(dst + n, size - (size_t)n, " ~%lld", changed);
}

static const char *effect_word(const json_t *row)
{
    static const char *const words[] = {N_("added"), N_("removed"), N_("changed")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], text_of(row, "what")) == 0)
            return gettext(words[i]);
    return "-";
}

static void print_waiting(const json_t *change)
{
    const char *until = text_of(change, "confirm_until");
    if (until[0] != '\0')
        printf(_("change %lld is taken back at %s, unless it is confirmed: ils plan confirm\n"),
               count_of(change, "number"), until);
}

static void print_changes(const struct cli *cli, const json_t *rows)
{
    static const struct column columns[] = {
        {N_("Change"), "number"}, {N_("Time"), "time"}, {N_("Who"), "who"},
        {N_("Entries"), "counts"}, {N_("Source"), "source"}, {N_("What"), "what"},
    };
    char text[80];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        counts_text(text, sizeof text, row);
        json_object_set_new(row, "counts", json_string(text));
        if (text_of(row, "source")[0] == '\0' && text_of(row, "catalog")[0] != '\0')
            json_object_set(row, "source", json_object_get(row, "catalog"));
    }
    if (json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_array_foreach(rows, i, row)
        print_waiting(row);
    size_t n = json_array_size(rows);
    if (n > 0 && count_of(json_array_get(rows, n - 1), "number") > 1)
        printf(_("older ones: ils plan log --before %lld\n"),
               count_of(json_array_get(rows, n - 1), "number"));
}

static void print_change(const struct cli *cli, const json_t *result)
{
    static const struct column columns[] = {
        {N_("Change"), "what"}, {N_("Kind"), "kind"}, {N_("Key"), "key"},
        {N_("PSTN failover"), "failover"}, {N_("Source"), "source"},
    };
    const json_t *change = json_object_get(result, "change");
    const json_t *keys = json_object_get(result, "keys");
    char counts[80];
    size_t i;
    json_t *row;
    counts_text(counts, sizeof counts, change);
    printf(_("change %lld of %s by %s: %s\n"), count_of(change, "number"), text_of(change, "time"),
           text_of(change, "who"), text_of(change, "what"));
    print_waiting(change);
    json_array_foreach(keys, i, row)
        json_object_set_new(row, "what", json_string(effect_word(row)));
    if (json_array_size(keys) > 0)
        print_table(cli, keys, columns, sizeof columns / sizeof *columns);
    printf(_("%zu shown of %lld keys (%s); values are those before the change\n"),
           json_array_size(keys), count_of(result, "total"), counts);
    printf(_("to take it back: ils plan rollback %lld\n"), count_of(change, "number"));
}

static bool take_option(const struct cli *cli, json_t *args, const struct parsed *p,
                        const char *option, int *ret_status)
{
    const char *value = parsed_get(p, option);
    return value == NULL || take_number(cli, args, option + 2, value, ret_status);
}

int run_plan_log(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan log", .args = json_object()};
    int status = EXIT_USAGE;
    json_t *result;
    if ((p->word_n > 0 && !take_number(cli, call.args, "number", p->word[0], &status)) ||
        !take_option(cli, call.args, p, "--before", &status) ||
        !take_option(cli, call.args, p, "--max", &status) ||
        !take_option(cli, call.args, p, "--skip", &status))
        return status;
    status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    else if (result != NULL && p->word_n > 0)
        print_change(cli, result);
    else if (result != NULL)
        print_changes(cli, json_object_get(result, "changes"));
    json_decref(result);
    return status;
}

/* Keys that later changes have touched stay as those left them. */
static void print_left(const json_t *result)
{
    size_t i;
    json_t *row;
    long long total = count_of(result, "left_total");
    if (total == 0)
        return;
    printf(_("left as later changes made them: %lld\n"), total);
    json_array_foreach(json_object_get(result, "left"), i, row)
        printf(_("  %s %s (change %lld)\n"), text_of(row, "kind"), text_of(row, "key"),
               count_of(row, "change"));
    if ((long long)i < total)
        printf("  ...\n");
}

void take_dry_run(json_t *args, const struct parsed *p)
{
    if (parsed_has(p, "--dry-run"))
        json_object_set_new(args, "dry_run", json_true());
}

static void print_entries(const struct cli *cli, json_t *rows)
{
    static const struct column columns[] = {
        {N_("Change"), "what"}, {N_("Kind"), "kind"}, {N_("Key"), "key"},
        {N_("PSTN failover"), "failover"}, {N_("was"), "failover_was"}, {N_("Source"), "source"},
    };
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const json_t *was = json_object_get(row, "was");
        json_object_set_new(row, "what", json_string(effect_word(row)));
        if (was != NULL)
            json_object_set_new(row, "failover_was", json_string(text_of(was, "failover")));
    }
    if (json_array_size(rows) > 0)
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
}

/* Who answers a string that is dialled: "osaka", "nobody". */
static void set_name(json_t *row, const char *key)
{
    if (text_of(row, key)[0] == '\0')
        json_object_set_new(row, key, json_string(_("nobody")));
}

static void print_targets(const struct cli *cli, json_t *rows)
{
    static const struct column columns[] = {
        {N_("Dialled"), "where"}, {N_("answered now by"), "was"}, {N_("then by"), "becomes"},
        {N_("Strings"), "strings"}, {N_("such as"), "example"},
    };
    char text[400];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const json_t *example = json_array_get(json_object_get(row, "examples"), 0);
        bool here = strcmp(text_of(row, "where"), "here") == 0;
        if (text_of(row, "cluster")[0] != '\0')
            snprintf(text, sizeof text, _("at %s"), text_of(row, "cluster"));
        else if (text_of(row, "except")[0] != '\0')
            snprintf(text, sizeof text, _("at the others, but for %s"), text_of(row, "except"));
        else
            snprintf(text, sizeof text, "%s", here ? _("here") : _("at the others"));
        json_object_set_new(row, "where", json_string(text));
        json_object_set_new(row, "example", json_incref((json_t *)(uintptr_t)example));
        set_name(row, "was");
        set_name(row, "becomes");
        if (count_of(row, "patterns") > 0) {
            snprintf(text, sizeof text, _("%lld, of patterns: %lld"), count_of(row, "strings"),
                     count_of(row, "patterns"));
            json_object_set_new(row, "strings", json_string(text));
        }
    }
    if (json_array_size(rows) == 0)
        return;
    printf("\n%s\n", _("what is dialled is answered by another cluster then:"));
    print_table(cli, rows, columns, sizeof columns / sizeof *columns);
}

void print_preview(const struct cli *cli, json_t *result)
{
    long long shown = (long long)json_array_size(json_object_get(result, "entries"));
    long long all = count_of(result, "added") + count_of(result, "removed") +
                    count_of(result, "changed");
    printf(_("nothing was changed. It would: %lld added, %lld removed, %lld changed, %lld stay\n"),
           count_of(result, "added"), count_of(result, "removed"), count_of(result, "changed"),
           count_of(result, "unchanged"));
    if (text_of(result, "shrinks")[0] != '\0')
        printf(_("refused without --confirm or --force: %s entries of the source would go\n"),
               text_of(result, "shrinks"));
    print_entries(cli, json_object_get(result, "entries"));
    if (shown < all)
        printf(_("%lld of %lld shown\n"), shown, all);
    print_targets(cli, json_object_get(result, "targets"));
    if (count_of(result, "by_example") > 0)
        printf(_("(%lld patterns match too many strings: of these, examples were looked up)\n"),
               count_of(result, "by_example"));
    if (count_of(result, "looked_up") >= LOOKED_MAX)
        printf(_("(%lld strings were looked up, and no more)\n"), count_of(result, "looked_up"));
}

/* Catalogs that a rollback makes again, or removes. */
static void print_lives(const json_t *result)
{
    bool would = json_is_true(json_object_get(result, "dry_run"));
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(result, "catalogs"), i, row) {
        bool added = strcmp(text_of(row, "what"), "added") == 0;
        printf(would   ? added ? _("catalog %s would be there again\n")
                               : _("catalog %s would be removed\n")
               : added ? _("catalog %s is there again\n")
                       : _("catalog %s is removed\n"),
               text_of(row, "name"));
    }
}

int run_plan_rollback(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan rollback", .args = json_object()};
    int status = EXIT_USAGE;
    json_t *result;
    if ((p->word_n > 0) == parsed_has(p, "--to")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils plan rollback' wants the number of a change, or "
                         "--to N", NULL, "ils plan log");
    }
    if ((p->word_n > 0 && !take_number(cli, call.args, "number", p->word[0], &status)) ||
        !take_option(cli, call.args, p, "--to", &status))
        return status;
    take_dry_run(call.args, p);
    status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        if (json_is_true(json_object_get(result, "dry_run")))
            print_preview(cli, result);
        else
            print_counts(result);
        print_lives(result);
        print_left(result);
    }
    json_decref(result);
    return status;
}

int run_plan_confirm(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan confirm"};
    return cli_change(cli, &call);
}
