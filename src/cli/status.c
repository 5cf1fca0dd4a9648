/* status: is all well, and if not, why and what next? As words for people. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* One line; what follows the label is said by the caller. */
static void label(const char *text)
{
    static const char *const labels[] = {N_("hub"), N_("mesh"), N_("cert"), N_("cluster"),
                                         N_("clusters"), N_("entries"), N_("no route"),
                                         N_("alarms"), N_("version"),
                                         N_("store")};
    print_label(text, print_widest(labels, sizeof labels / sizeof *labels, 8) + 2);
}

static void print_hub(const json_t *join)
{
    long long port = number(join, "hub_port"), tried = number(join, "attempts");
    label(_("hub"));
    printf("%s", text_of(join, "hub"));
    if (port != 0)
        printf(_(" port %lld"), port);
    if (json_is_true(json_object_get(join, "up")))
        printf("%s\n", _(", linked"));
    else if (tried == 0)
        printf("%s\n", _(", down"));
    else if (tried == 1)
        printf("%s\n", _(", down, tried 1 time since"));
    else
        printf(_(", down, tried %lld times since\n"), tried);
}

static void print_own_certificate(const json_t *s)
{
    const json_t *c = json_object_get(s, "certificate");
    if (!json_is_object(c))
        return;
    label(_("cert"));
    long long days = number(c, "days_left");
    printf(days < 0 ? _("%s, until %s (%lld days ago)\n") : _("%s, until %s (%lld days left)\n"),
           text_of(c, "subject"), text_of(c, "not_after"), days < 0 ? -days : days);
    if (number(c, "next_waiting") == 0)
        return;
    label("");
    printf(_("the next one is announced and waits for %lld clusters\n"), number(c, "next_waiting"));
}

static void print_next(const struct cli *cli, const json_t *s, const char *key, const char *at,
                       const char *const where[4])
{
    const char *end = text_of(s, at);
    size_t i = strcmp(end, "there") == 0 ? 1 : strcmp(end, "hub") == 0 ? 2
               : strcmp(end, "copy") == 0                              ? 3 : 0;
    if (text_of(s, key)[0] != '\0')
        printf("%s: %s%s%s\n", where[i], print_bold(cli), text_of(s, key), print_plain(cli));
}

static void print_health(const struct cli *cli, const json_t *s)
{
    bool healthy = strcmp(text_of(s, "health"), "healthy") == 0;
    char cause[WORDS_TEXT_MAX];
    words_said(cause, sizeof cause, text_of(s, "cause"));
    printf("%s%s%s", healthy ? print_green(cli) : print_red(cli),
           healthy ? _("healthy") : _("degraded"), print_plain(cli));
    printf("%s%s\n", cause[0] == '\0' ? "" : ": ", cause);
    const char *const next[] = {_("next"), _("next, at the other end"), _("next, at a hub"),
                                _("next, at the copy")};
    const char *const or[] = {_("or"), _("or, at the other end"), _("or, at a hub"),
                              _("or, at the copy")};
    print_next(cli, s, "next", "next_at", next);
    print_next(cli, s, "or", "or_at", or);
}

static void print_mesh(const json_t *s)
{
    const json_t *mesh = json_object_get(s, "mesh");
    const char *role = text_of(s, "role");
    if (number(mesh, "hubs") == 0 || strncmp(role, "Hub", 3) != 0)
        return;
    label(_("mesh"));
    printf(_("%lld of %lld other hubs%s\n"), number(mesh, "linked"), number(mesh, "hubs"),
           json_is_true(json_object_get(s, "draining")) ? _(", draining") : "");
}

/* Changes of the plan that may be taken back yet. */
static void print_trials(const json_t *s)
{
    const json_t *confirm = json_object_get(s, "confirm");
    if (json_is_object(confirm)) {
        label("");
        printf(_("change %lld is taken back at %s, unless it is confirmed (ils plan confirm)\n"),
               number(confirm, "number"), text_of(confirm, "until"));
    }
    const json_t *rollback = json_object_get(s, "rollback");
    if (json_is_object(rollback)) {
        label("");
        printf(json_is_true(json_object_get(rollback, "goes_on"))
                   ? _("the rollback to change %lld was cut short, and goes on by itself\n")
                   : _("the rollback to change %lld was cut short, and the plan was changed since "
                       "then (ils plan rollback --to %lld, or ils plan confirm: it stays as it "
                       "is)\n"),
               number(rollback, "to"), number(rollback, "to"));
    }
}

void print_status(const struct cli *cli, const json_t *s)
{
    const json_t *join = json_object_get(s, "join");
    json_t *row;
    size_t i;
    print_health(cli, s);
    if (json_is_true(json_object_get(s, "initialised"))) {
        putchar('\n');
        label(_("cluster"));
        printf("%s (%s), %s\n", text_of(s, "cluster_id"), text_of(s, "fqdn"), text_of(s, "role"));
    }
    if (json_is_true(json_object_get(join, "wanted")))
        print_hub(join);
    if (text_of(s, "registered_with")[0] != '\0' &&
        !json_is_true(json_object_get(join, "up"))) {
        label("");
        printf(_("registered with %s\n"), text_of(s, "registered_with"));
    }
    if (json_is_object(json_object_get(s, "node"))) {
        label(_("store"));
        print_node(json_object_get(s, "node"));
    }
    print_mesh(s);
    print_own_certificate(s);
    label(_("clusters"));
    printf(_("%lld others known, %lld linked\n"), number(s, "clusters"),
           number(s, "clusters_linked"));
    if (number(s, "still_on_password") > 0) {
        label("");
        printf(_("%lld still on password\n"), number(s, "still_on_password"));
    }
    label(_("entries"));
    printf(_("%lld served, %lld of them our own, at usn %lld\n"), number(s, "entries"),
           number(s, "own_entries"), number(s, "usn"));
    print_trials(s);
    if (json_is_false(json_object_get(s, "exchange"))) {
        label("");
        printf("%s\n", _("the exchange is off: this cluster's plan is withheld, and the others' "
                         "plans are not served here (ils exchange on)"));
    }
    if (number(s, "duplicates") > 0) {
        label("");
        printf(_("pairs of clusters that announce the same entries: %lld (ils duplicates)\n"),
               number(s, "duplicates"));
    }
    if (number(s, "held") > 0) {
        label("");
        printf(_("%lld plans are not served as they came (ils held)\n"), number(s, "held"));
    }
    json_array_foreach(json_object_get(s, "routes_missing"), i, row) {
        label(i == 0 ? _("no route") : "");
        printf(_("%s, %lld entries of %s: %s\n"), text_of(row, "route_string"),
               number(row, "entries"), text_of(row, "cluster_id"), text_of(row, "next"));
    }
    label(_("alarms"));
    printf(_("%lld active\n"), number(s, "alarms_active"));
    label(_("version"));
    printf(_("%s, boot %lld, up since %s\n"), text_of(s, "version"), number(s, "boot"),
           text_of(s, "started"));
}
