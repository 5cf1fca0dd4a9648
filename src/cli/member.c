/* member: being a member of a network: role, leaving, who is forgotten and banned, who this cluster
 * is, and how it stands with the hubs. What cannot be taken back is asked about first, on a
 * terminal. */
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

#include "cli/words.h"

/* --- asking first */

/* True: go on. Without a terminal, and with --yes, nobody is asked. */
bool cli_agreed(struct cli *cli, const struct parsed *p, const char *question)
{
    char answer[16] = "";
    if (parsed_has(p, "--yes") || cli->json || !cli->terminal || isatty(STDIN_FILENO) != 1)
        return true;
    printf("%s [y/N] ", question);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

int cli_unchanged(struct cli *cli)
{
    return cli_error(cli, EXIT_REFUSED, _("nothing was changed"), NULL, NULL);
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static json_t *one_arg(const char *key, const char *value)
{
    json_t *args = json_object();
    if (json_object_set_new(args, key, json_string(value)) != 0)
        json_object_set_new(args, key, json_string("?")); /* not UTF-8: refused by ilsd */
    return args;
}

/* --- role */

/* {"draining": [ids]}: whose link is still to go elsewhere. */
static void print_draining(struct cli *cli, json_t *line, void *context)
{
    const json_t *ids = json_object_get(line, "draining");
    size_t i;
    json_t *id;
    if (cli->json || json_array_size(ids) == 0)
        return;
    fprintf(stderr, "%s", _("waiting until these have gone to another hub: "));
    json_array_foreach(ids, i, id)
        fprintf(stderr, "%s%s", i > 0 ? ", " : "", json_string_value(id));
    fputc('\n', stderr);
}

int run_role(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "role", .args = one_arg("role", p->word[0]),
                        .on_line = print_draining};
    const char *hub = parsed_get(p, "--hub");
    int status = EXIT_USAGE;
    if (hub != NULL && !take_where(cli, call.args, hub, "ils help role", &status))
        return status;
    json_object_set_new(call.args, "wait", json_boolean(!parsed_has(p, "--no-wait")));
    if (parsed_has(p, "--force"))
        json_object_set_new(call.args, "force", json_true());
    json_t *role;
    status = cli_call(cli, &call, &role);
    if (role != NULL && cli->json)
        print_json(role);
    else if (role != NULL)
        printf("%s\n", json_is_true(json_object_get(role, "draining"))
                           ? _("OK: `ils status` shows when it is a spoke") : "OK");
    json_decref(role);
    return status;
}

/* --- leaving, and those who are made to leave */

/* OK, and what else there is to say. */
static int run_said(struct cli *cli, const struct call *call)
{
    char text[WORDS_TEXT_MAX];
    json_t *result;
    int status = cli_call(cli, call, &result);
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL && strcmp(text_of(result, "text"), "OK") == 0) {
        printf("OK\n");
    } else if (result != NULL) {
        words_said(text, sizeof text, text_of(result, "text"));
        printf("OK: %s\n", text);
    }
    json_decref(result);
    return status;
}

static int leave_run(struct cli *cli, bool force)
{
    struct call call = {.command = "leave", .waiting = _("saying goodbye ...")};
    if (force)
        json_object_set_new(call.args = json_object(), "force", json_true());
    return run_said(cli, &call);
}

int run_leave(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "identity"};
    char question[512];
    json_t *me;
    int status = cli_call(cli, &call, &me);
    if (me == NULL)
        return status;
    snprintf(question, sizeof question,
             _("leave the network? The entries of %s (%lld) stay here, vanish at the others, and "
               "are there again when it joins."),
             text_of(me, "cluster_id"), number_of(me, "entries"));
    json_decref(me);
    return cli_agreed(cli, p, question) ? leave_run(cli, parsed_has(p, "--force"))
                                        : cli_unchanged(cli);
}

int run_forget(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "forget", .args = one_arg("cluster", p->word[0])};
    return run_said(cli, &call);
}

int run_ban(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "ban"};
    char question[512];
    snprintf(question, sizeof question,
             _("ban %.100s? All drop its data, what it said about others counts no more, and no "
               "hub lets it in again before `ils unban`."), p->word[0]);
    if (!cli_agreed(cli, p, question))
        return cli_unchanged(cli);
    call.args = one_arg("cluster", p->word[0]);
    return cli_change(cli, &call);
}

int run_unban(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "unban", .args = one_arg("cluster", p->word[0])};
    return cli_change(cli, &call);
}

/* Below a row: how it ends. */
static void say_unban(json_t *row)
{
    char text[160];
    const char *name = text_of(row, "cluster_id");
    if (strcmp(text_of(row, "how"), gettext("banned")) != 0)
        return;
    snprintf(text, sizeof text, _("let in again by: ils unban %s"),
             name[0] != '\0' ? name : text_of(row, "peer_id"));
    json_object_set_new(row, "below", json_string(text));
}

int run_ended(struct cli *cli, const struct parsed *p)
{
    static const char *const ways[] = {N_("left"), N_("forgotten"), N_("banned"),
                                       N_("unbanned")};
    static const struct column columns[] = {
        {N_("Cluster"), "cluster_id"}, {N_("Peer ID"), "peer_id"}, {N_("How it ended"), "how"},
        {N_("By"), "by"}, {N_("Until epoch"), "epoch"}, {N_("and USN"), "usn"},
    };
    struct call call = {.command = "ended"};
    json_t *rows, *row;
    size_t i;
    int status = cli_call(cli, &call, &rows);
    if (rows != NULL && cli->json) {
        print_json(rows);
    } else if (rows != NULL && json_array_size(rows) == 0) {
        printf("%s\n", _("none"));
    } else if (rows != NULL) {
        json_array_foreach(rows, i, row) {
            const char *by = text_of(row, "by")[0] != '\0' ? "by" : "by_peer_id";
            json_object_set(row, "by", json_object_get(row, by));
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
                if (strcmp(ways[w], text_of(row, "how")) == 0)
                    json_object_set_new(row, "how", json_string(gettext(ways[w])));
            say_unban(row);
        }
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    }
    json_decref(rows);
    return status;
}

/* --- who this cluster is */

static void identity_field(const char *label, const char *value)
{
    static const char *const labels[] = {N_("cluster"), N_("peer id"), N_("key"), N_("boot"),
                                         N_("network"), N_("writes")};
    print_label(label, print_widest(labels, sizeof labels / sizeof *labels, 8) + 2);
    printf("%s\n", value);
}

static const char *writing_words(const char *writing)
{
    if (strcmp(writing, "yes") == 0)
        return _("yes");
    if (strcmp(writing, "waits") == 0)
        return _("not yet: a neighbour's list is awaited after the start");
    if (strcmp(writing, "clone") == 0)
        return _("no: another copy of this cluster is running");
    if (strcmp(writing, "rolled back") == 0)
        return _("no: the neighbours hold a newer plan of it");
    return writing;
}

static void print_identity(const json_t *me)
{
    char text[512];
    bool named = text_of(me, "cluster_id")[0] != '\0';
    snprintf(text, sizeof text, "%s (%s), %s", text_of(me, "cluster_id"), text_of(me, "fqdn"),
             text_of(me, "role"));
    identity_field(_("cluster"), named ? text : "-");
    identity_field(_("peer id"), text_of(me, "peer_id"));
    identity_field(_("key"), text_of(me, "key"));
    snprintf(text, sizeof text, "%lld", number_of(me, "boot"));
    identity_field(_("boot"), text);
    identity_field(_("network"),
                   text_of(me, "network_id")[0] != '\0' ? text_of(me, "network_id") : "-");
    identity_field(_("writes"), writing_words(text_of(me, "writing")));
}

int run_identity(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "identity"};
    json_t *me;
    int status = cli_call(cli, &call, &me);
    if (me != NULL && cli->json)
        print_json(me);
    else if (me != NULL)
        print_identity(me);
    json_decref(me);
    return status;
}

int run_identity_new(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "identity new"};
    json_t *me;
    if (!parsed_has(p, "--cluster-id"))
        return cli_error(cli, EXIT_USAGE, _("'ils identity new' wants --cluster-id"), NULL,
                         "ils identity new --cluster-id ID --fqdn NAME");
    if (!cli_agreed(cli, p, _("give this cluster a new key? To the others it is a stranger then, "
                          "under the new id.")))
        return cli_unchanged(cli);
    call.args = json_object();
    take(call.args, p, "--cluster-id");
    take(call.args, p, "--fqdn");
    int status = cli_call(cli, &call, &me);
    if (me != NULL && cli->json) {
        print_json(me);
    } else if (me != NULL) {
        printf("OK\n");
        print_identity(me);
        print_notes(me);
    }
    json_decref(me);
    return status;
}

/* --- which network, and whose copy of the plan */

int run_network(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "network"};
    json_t *network;
    int status = cli_call(cli, &call, &network);
    if (network != NULL && cli->json)
        print_json(network);
    else if (network != NULL && text_of(network, "network_id")[0] != '\0')
        printf("%s\n", text_of(network, "network_id"));
    else if (network != NULL)
        printf("%s\n", _("none: this cluster is in no network yet"));
    json_decref(network);
    return status;
}

int run_network_adopt(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "network adopt"};
    return cli_change(cli, &call);
}

/* What each side holds, before one of them is chosen. */
static int choose_copy(struct cli *cli, const struct parsed *p, const char *command,
                       const char *question)
{
    struct call call = {.command = "identity"};
    json_t *me;
    int status = cli_call(cli, &call, &me);
    if (me == NULL)
        return status;
    if (!cli->json && strcmp(text_of(me, "writing"), "rolled back") == 0) {
        printf(_("here: %lld entries, at usn %lld\n"), number_of(me, "entries"),
               number_of(me, "usn"));
        printf(_("the neighbours: at usn %lld of epoch %lld\n"), number_of(me, "theirs_usn"),
               number_of(me, "theirs_epoch"));
        fflush(stdout);
    }
    bool ask = strcmp(text_of(me, "writing"), "rolled back") == 0;
    json_decref(me);
    if (ask && !cli_agreed(cli, p, question))
        return cli_unchanged(cli);
    call = (struct call){.command = command};
    return cli_change(cli, &call);
}

int run_rebuild(struct cli *cli, const struct parsed *p)
{
    return choose_copy(cli, p, "rebuild", _("take theirs? What is only here is lost."));
}

int run_restore(struct cli *cli, const struct parsed *p)
{
    if (p->word_n > 0) {
        if (!cli_agreed(cli, p, _("put this backup back? The present store is kept beside it.")))
            return cli_unchanged(cli);
        return run_restore_file(cli, p);
    }
    return choose_copy(cli, p, "restore", _("keep what is here? What only they hold is lost."));
}

/* --- the hubs */

static const char *hub_why(const char *why)
{
    static const struct {
        const char *name, *text;
    } words[] = {
        {"hub", N_("other hub")},
        {"home", N_("registered with")},
        {"serves", N_("serves now")},
        {"alternate", N_("alternate")},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, why) == 0)
            return gettext(words[i].text);
    return why;
}

static void hub_state(char *dst, size_t size, const json_t *row)
{
    const json_t *since = json_object_get(row, "since_s");
    const char *code = text_of(row, "last_code");
    if (json_is_true(json_object_get(row, "linked")))
        snprintf(dst, size, "%s",
                 json_is_true(json_object_get(row, "draining"))
                     ? _("linked, about to become a spoke") : _("linked"));
    else if (!json_is_integer(since))
        snprintf(dst, size, code[0] != '\0' ? _("visited, then %s") : _("visited"), code);
    else
        snprintf(dst, size, code[0] != '\0' ? _("not for %lld s: %s") : _("not for %lld s"),
                 (long long)json_integer_value(since), code);
}

static const char *hub_next_at(const char *at)
{
    return strcmp(at, "there") == 0 ? _("at the other end")
           : strcmp(at, "copy") == 0 ? _("at the copy") : _("at this end");
}

static json_t *hub_rows(const json_t *hubs)
{
    char text[300];
    json_t *rows = json_array(), *row;
    size_t i;
    json_array_foreach(hubs, i, row) {
        json_t *copy = json_copy(row);
        const char *host = text_of(row, "address");
        json_object_set_new(copy, "why", json_string(hub_why(text_of(row, "why"))));
        hub_state(text, sizeof text, row);
        json_object_set_new(copy, "state", json_string(text));
        snprintf(text, sizeof text, strchr(host, ':') != NULL ? "[%s]:%lld" : "%s:%lld", host,
                 number_of(row, "port"));
        json_object_set_new(copy, "address", json_string(host[0] != '\0' ? text : "-"));
        json_array_append_new(rows, copy);
    }
    return rows;
}

static void print_hubs(const struct cli *cli, const json_t *hubs)
{
    static const struct column columns[] = {
        {N_("Hub"), "cluster_id"}, {N_("Why"), "why"}, {N_("Address"), "address"},
        {N_("State"), "state"}, {N_("Failed"), "attempts"},
        {N_("Next attempt in s"), "next_attempt_s"},
    };
    json_t *rows = hub_rows(hubs), *row;
    size_t i;
    if (json_array_size(rows) == 0)
        printf("%s\n", _("none"));
    else
        print_table(cli, rows, columns, sizeof columns / sizeof *columns);
    json_array_foreach(rows, i, row)
        if (text_of(row, "next")[0] != '\0')
            printf(_("%s: type %s: %s\n"), text_of(row, "cluster_id"),
                   hub_next_at(text_of(row, "next_at")), text_of(row, "next"));
    json_decref(rows);
}

int run_hubs(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "hubs"};
    json_t *hubs;
    int status = cli_call(cli, &call, &hubs);
    if (hubs != NULL && cli->json)
        print_json(hubs);
    else if (hubs != NULL)
        print_hubs(cli, hubs);
    json_decref(hubs);
    return status;
}
