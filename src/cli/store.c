/* store: where the store of ilsd is, a copy of it to another kind of store, and the key file with
 * which secrets are sealed in a database. */
#include "cli/cli.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"
#include "driver/seal.h"

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

int run_store(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "store"};
    json_t *store;
    int status = cli_call(cli, &call, &store);
    if (store == NULL)
        return status;
    if (cli->json) {
        print_json(store);
    } else {
        printf("%s\n", text_of(store, "where"));
        printf(_("%lld bytes\n"), number_of(store, "bytes"));
        if (json_is_true(json_object_get(store, "copying")))
            printf(_("a copy is under way: %lld rows so far\n"), number_of(store, "copied_rows"));
    }
    json_decref(store);
    return status;
}

/* A DSN as it is; a path as ilsd, which is elsewhere, knows it. */
static bool put_place(json_t *args, const char *key, const char *place)
{
    char path[2 * PATH_MAX], here[PATH_MAX];
    bool whole = place[0] == '/' || strstr(place, "://") != NULL;
    if (!whole && getcwd(here, sizeof here) == NULL)
        return false;
    snprintf(path, sizeof path, "%s%s%s", whole ? "" : here, whole ? "" : "/", place);
    return json_object_set_new(args, key, json_string(path)) == 0;
}

int run_store_copy(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "store copy", .waiting = N_("copying and checking")};
    const char *key = parsed_get(p, "--key");
    bool last = parsed_has(p, "--last");
    json_t *report;
    if (last && !cli_agreed(cli, p, _("ilsd ends when all is copied, and is to be started with the "
                                      "other store then. Go on?")))
        return cli_unchanged(cli);
    call.args = json_object();
    if (!put_place(call.args, "target", p->word[0]) ||
        (key != NULL && !put_place(call.args, "key", key))) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("the path is not UTF-8"), NULL, NULL);
    }
    if (last)
        json_object_set_new(call.args, "last", json_true());
    int status = cli_call(cli, &call, &report);
    if (report == NULL)
        return status;
    if (cli->json) {
        print_json(report);
    } else {
        printf(_("OK: %lld rows written, %lld removed; roots and digests agree\n"),
               number_of(report, "rows_written"), number_of(report, "rows_removed"));
        if (last)
            printf("%s\n", _("ilsd ends; start it with the other store"));
        else
            printf(_("to go on there: change ilsd.conf, then type %s --last\n"),
                   "ils store copy");
    }
    json_decref(report);
    return status;
}

int run_store_key(struct cli *cli, const struct parsed *p)
{
    uint8_t key[SEAL_KEY];
    char error[1024];
    if (!seal_make(p->word[0], key, error, sizeof error))
        return cli_error(cli, EXIT_REFUSED, error, NULL, "ils help store key");
    sodium_memzero(key, sizeof key);
    printf(_("OK: %s\n"), p->word[0]);
    return EXIT_DONE;
}
