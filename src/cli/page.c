/* page: the admin page from the console: where it is, opening it, what it asks of accounts, and
 * accounts that go. */
#include "cli/cli.h"

#include "cli/words.h"

#include <string.h>

/* What tells whoever opens the page that it is this one. */
static void put_place(const json_t *o)
{
    const char *url = text_of(o, "url");
    if (url[0] == '\0') {
        printf("%s\n", _("the page is closed; ils page setup opens it"));
        return;
    }
    printf("%s\n", url);
    printf("%s %s\n", _("certificate, SHA-256:"), text_of(o, "fingerprint"));
}

int run_page(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Name"), "name"}, {N_("Role"), "role"}, {N_("Made"), "made"},
        {N_("Sessions"), "sessions"}, {N_("Second factor"), "second_factor"},
    };
    struct call call = {.command = "page show"};
    json_t *o;
    int status = cli_call(cli, &call, &o);
    (void)p;
    if (o != NULL && cli->json) {
        print_json(o);
    } else if (o != NULL) {
        json_t *users = json_object_get(o, "users");
        put_place(o);
        if (json_array_size(users) > 0)
            print_table(cli, users, columns, sizeof columns / sizeof *columns);
        if (strcmp(text_of(o, "second_factor"), "required") == 0)
            printf("%s\n", _("A second factor is required of every account."));
    }
    json_decref(o);
    return status;
}

int run_page_setup(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "page setup", .args = json_object()};
    const char *listen = parsed_get(p, "--listen");
    json_t *o;
    if (listen != NULL)
        json_object_set_new(call.args, "listen", json_string(listen));
    int status = cli_call(cli, &call, &o);
    if (o != NULL && cli->json) {
        print_json(o);
    } else if (o != NULL) {
        put_place(o);
        printf("%s %s\n", _("setup code:"), text_of(o, "code"));
        printf("%s\n", _("It is good for 15 minutes and one account, and is shown this once."));
    }
    json_decref(o);
    return status;
}

int run_page_set(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "page set", .args = json_object()};
    const char *factor = parsed_get(p, "--second-factor");
    if (factor != NULL)
        json_object_set_new(call.args, "second_factor", json_string(factor));
    return cli_change(cli, &call);
}

int run_page_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "page remove", .args = json_object()};
    if (json_object_set_new(call.args, "name", json_string(p->word[0])) != 0)
        json_object_set_new(call.args, "name", json_string("?")); /* not UTF-8: refused by ilsd */
    if (parsed_get(p, "--second-factor") != NULL)
        json_object_set_new(call.args, "second_factor", json_true());
    return cli_change(cli, &call);
}
