/* catalog: imported catalogs of a hub. */
#include "cli/cli.h"

#include "cli/words.h"

static const struct column catalog_columns[] = {
    {N_("Catalog"), "name"}, {N_("Cluster"), "cluster"}, {N_("Route string"), "route_string"},
    {N_("Entries"), "entries"}, {N_("USN"), "usn"}, {N_("Status"), "status"},
    {N_("Description"), "description"},
};

void print_catalogs(const struct cli *cli, json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
        json_object_set_new(row, "status", json_string(gettext(text_of(row, "status"))));
    print_table(cli, rows, catalog_columns, sizeof catalog_columns / sizeof *catalog_columns);
}

int run_catalog_list(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "catalog list"};
    json_t *rows;
    int status = cli_call(cli, &call, &rows);
    if (rows != NULL && cli->json)
        print_json(rows);
    else if (rows != NULL && json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else if (rows != NULL)
        print_catalogs(cli, rows);
    json_decref(rows);
    return status;
}

static json_t *named(const struct parsed *p)
{
    json_t *args = json_object();
    if (json_object_set_new(args, "name", json_string(p->word[0])) != 0)
        json_object_set_new(args, "name", json_string("?"));
    return args;
}

int run_catalog_add(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "catalog add", .args = named(p)};
    take(call.args, p, "--route-string");
    take(call.args, p, "--description");
    if (!parsed_has(p, "--route-string")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils catalog add' wants --route-string: where calls to "
                         "its entries go", NULL, "ils help catalog add");
    }
    return cli_change(cli, &call);
}

int run_catalog_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "catalog remove", .args = named(p)};
    return cli_change(cli, &call);
}

int run_catalog_adopt(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "catalog adopt", .args = named(p)};
    take(call.args, p, "--from");
    take(call.args, p, "--description");
    if (!parsed_has(p, "--from")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils catalog adopt' wants --from CLUSTER: whose it is "
                         "now", NULL, "ils catalog list");
    }
    return cli_change(cli, &call);
}

int run_catalog_import(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "catalog import", .args = named(p)};
    take(call.args, p, "--encoding");
    return plan_import(cli, p, &call, p->word[1], "ils help catalog import");
}
