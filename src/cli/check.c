/* check: what is odd about this cluster's plan, each finding with what mends it; and what of it has
 * just come. */
#include "cli/cli.h"

#include "cli/words.h"

int run_plan_check(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("What"), "what"}, {N_("Kind"), "kind"}, {N_("Key"), "key"}, {N_("Other"), "other"},
        {N_("Cluster"), "cluster_id"},
    };
    struct call call = {.command = "plan check"};
    json_t *result, *row;
    size_t i;
    (void)p;
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        const json_t *rows = json_object_get(result, "findings");
        if (json_array_size(rows) > 0)
            print_table(cli, rows, columns, sizeof columns / sizeof *columns);
        json_array_foreach(rows, i, row) {
            printf("%s: %s\n", text_of(row, "key"), text_of(row, "text"));
            if (text_of(row, "next")[0] != '\0')
                printf("    %s\n", text_of(row, "next"));
        }
        if (json_array_size(rows) == 0)
            printf("%s\n", _("none"));
        else
            printf(_("%zu shown of %lld findings\n"), json_array_size(rows),
                   (long long)json_integer_value(json_object_get(result, "total")));
    }
    json_decref(result);
    return status;
}

/* What was added has been added: this is beside it. */
void print_plan_warnings(const json_t *result)
{
    const json_t *rows = json_object_get(result, "warnings"), *row;
    bool more = json_is_false(json_object_get(result, "warnings_whole"));
    char said[WORDS_TEXT_MAX];
    size_t i;
    fflush(stdout);
    json_array_foreach(rows, i, row) {
        words_said(said, sizeof said, text_of(row, "text"));
        fprintf(stderr, _("warning: %s %s: %s"), text_of(row, "kind"), text_of(row, "key"), said);
        if (text_of(row, "other")[0] != '\0')
            fprintf(stderr, _(": %s of cluster %s"), text_of(row, "other"),
                    text_of(row, "cluster_id"));
        fputc('\n', stderr);
    }
    if (more)
        fprintf(stderr, "%s\n", _("warning: not all patterns of it were looked at"));
    if (more || json_array_size(rows) > 0)
        fprintf(stderr, _("  next: %s\n"), "ils plan check");
}
