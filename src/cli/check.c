/* check: what is odd about this cluster's plan, each finding with what mends it. */
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
