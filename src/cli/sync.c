/* sync: who has what, as a table; how often that is said, and whether plans are exchanged. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* "65 s", "12 min", "3 h", "4 d": as precise as one wants to know. */
static void lag_text(char *dst, size_t size, long long s)
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

static void put(json_t *row, const char *prefix, const char *key, const char *text)
{
    char name[32];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    json_object_set_new(row, name, json_string(text));
}

/* What somebody holds, as cells of the row: those of the origin, or (prefix) of one's own plan. */
static void put_cells(json_t *row, const char *prefix, const json_t *holds)
{
    const json_t *digest = json_object_get(holds, "digest_equal");
    char text[64] = "-";
    bool known = json_is_true(json_object_get(holds, "known"));
    if (known)
        snprintf(text, sizeof text, "%lld", number(holds, "usn"));
    put(row, prefix, "usn", text);
    snprintf(text, sizeof text, "-");
    if (number(holds, "lag_s") > 0)
        lag_text(text, sizeof text, number(holds, "lag_s"));
    put(row, prefix, "lag", text);
    put(row, prefix, "digest", json_is_true(digest) ? _("equal") : json_is_false(digest)
                                                                       ? _("differs") : "-");
    snprintf(text, sizeof text, "%.19s", text_of(holds, "as_of"));
    put(row, prefix, "as_of",
        json_is_true(json_object_get(holds, "exact")) ? _("now") : known ? text : "-");
    put(row, prefix, "status", gettext(text_of(holds, "status")));
}

static void put_row(json_t *row)
{
    const json_t *theirs = json_object_get(row, "theirs");
    char text[WORDS_TEXT_MAX], said[WORDS_TEXT_MAX];
    json_t *here = json_copy(row);
    put_cells(row, "", here);
    json_decref(here);
    snprintf(text, sizeof text, "%.19s", text_of(row, "since"));
    put(row, "", "since", text[0] != '\0' ? text : "-");
    if (text_of(row, "error")[0] != '\0') {
        words_said(said, sizeof said, text_of(row, "error"));
        snprintf(text, sizeof text, _("last error: %s"), said);
        json_object_set_new(row, "below", json_string(text));
    }
    static const char *const cell[] = {"my_usn", "my_lag", "my_digest", "my_status", "my_as_of"};
    if (json_is_object(theirs))
        put_cells(row, "my_", theirs);
    else
        for (size_t i = 0; i < sizeof cell / sizeof *cell; i++)
            put(row, "", cell[i], "-");
}

static void print_sync(const struct cli *cli, const json_t *s)
{
    struct column columns[] = {
        {N_("Cluster"), "name"}, {N_("USN here"), "usn"}, {N_("Newest"), "newest"},
        {N_("Lag"), "lag"}, {N_("Digest"), "digest"}, {N_("Status"), "status"},
        {N_("Late since"), "since"}, {N_("| My USN there"), "my_usn"}, {N_("Lag"), "my_lag"},
        {N_("Digest"), "my_digest"}, {N_("Status"), "my_status"}, {N_("As of"), "my_as_of"},
    };
    bool healthy = strcmp(text_of(s, "health"), "healthy") == 0;
    json_t *row, *rows = json_deep_copy(json_object_get(s, "clusters"));
    char cause[WORDS_TEXT_MAX];
    size_t i;
    words_said(cause, sizeof cause, text_of(s, "cause"));
    printf("%s%s%s%s%s\n", healthy ? print_green(cli) : print_red(cli),
           healthy ? _("every plan is up to date") : _("degraded"), print_plain(cli),
           healthy ? "" : ": ", cause);
    words_said(cause, sizeof cause, text_of(s, "status_cause"));
    if (healthy && cause[0] != '\0') { /* a hub may be gone whose plan is held */
        printf(_("the cluster itself is not well (ils status): %s"), cause);
        putchar('\n');
    }
    if (!json_is_true(json_object_get(s, "local"))) {
        printf(_("as %s holds it:\n"), text_of(s, "cluster"));
        columns[1].title = N_("USN there");
    }
    putchar('\n');
    json_array_foreach(rows, i, row)
        put_row(row);
    print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_decref(rows);
    if (json_array_size(json_object_get(s, "catalogs")) > 0) {
        putchar('\n');
        print_catalogs(cli, json_object_get(s, "catalogs"));
    }
    printf(_("\neach cluster says what it holds every %lld min; what is here, and what neighbours "
             "hold, is of now\n"), number(s, "minutes"));
    if (!json_is_true(json_object_get(s, "exchange")))
        printf("%s\n", _("the exchange is off: this cluster's plan is withheld, and the others' "
                         "plans are not served here (ils exchange on)"));
}

static int ask(struct cli *cli, const char *cluster, json_t **ret)
{
    struct call call = {.command = "sync", .args = json_object()};
    if (cluster != NULL && json_object_set_new(call.args, "cluster", json_string(cluster)) != 0)
        json_object_set_new(call.args, "cluster", json_string("?"));
    return cli_call(cli, &call, ret);
}

int run_sync(struct cli *cli, const struct parsed *p)
{
    json_t *s;
    int status = ask(cli, p->word_n > 0 ? p->word[0] : NULL, &s);
    if (s != NULL && cli->json)
        print_json(s);
    else if (s != NULL)
        print_sync(cli, s);
    json_decref(s);
    return status;
}

int run_sync_every(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "sync every", .args = json_object()};
    json_t *s;
    int status;
    if (p->word_n == 1) {
        if (!take_number(cli, call.args, "minutes", p->word[0], &status))
            return status;
        return cli_change(cli, &call);
    }
    json_decref(call.args);
    status = ask(cli, NULL, &s);
    if (s == NULL)
        return status;
    if (cli->json)
        printf("{\"minutes\": %lld}\n", number(s, "minutes"));
    else
        printf(_("every %lld minutes\n"), number(s, "minutes"));
    json_decref(s);
    return EXIT_DONE;
}

int run_exchange(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "exchange", .args = json_object()};
    const char *word = p->word_n == 1 ? p->word[0] : NULL;
    json_t *s;
    if (word != NULL && (strcmp(word, "on") == 0 || strcmp(word, "off") == 0)) {
        json_object_set_new(call.args, "on", json_boolean(strcmp(word, "on") == 0));
        return cli_change(cli, &call);
    }
    json_decref(call.args);
    if (word != NULL)
        return cli_error(cli, EXIT_USAGE, _("the exchange is on or off"), word, "ils exchange on");
    int status = ask(cli, NULL, &s);
    if (s == NULL)
        return status;
    bool on = json_is_true(json_object_get(s, "exchange"));
    if (cli->json)
        printf("{\"exchange\": %s}\n", on ? "true" : "false");
    else
        printf("%s\n", on ? _("on") : _("off"));
    json_decref(s);
    return EXIT_DONE;
}
