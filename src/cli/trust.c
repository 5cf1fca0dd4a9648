/* trust: which certificates are believed. The store, and beside it what was refused of late, so
 * that the remedy is one command with the fingerprint next to it. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

int run_trust_list(struct cli *cli, const struct parsed *p)
{
    static const struct column store[] = {
        {N_("Fingerprint"), "fingerprint"}, {N_("Kind"), "kind"}, {N_("Subject"), "subject"},
        {N_("Authority"), "authority"}, {N_("Ends"), "not_after"}, {N_("Days left"), "days_left"},
        {N_("Added"), "added"}, {N_("Source"), "source"},
    };
    static const struct column refused[] = {
        {N_("Fingerprint"), "fingerprint"}, {N_("Subject"), "subject"}, {N_("Code"), "code"},
        {N_("Verdict ID"), "verdict_id"}, {N_("Peer"), "address"}, {N_("Count"), "count"},
        {N_("Last"), "last"}, {N_("Imported"), "imported"}, {N_("To import it"), "next"},
    };
    struct call call = {.command = "trust list"};
    json_t *list;
    int status = cli_call(cli, &call, &list);
    const json_t *in = json_object_get(list, "store"), *out = json_object_get(list, "refused");
    if (list != NULL && cli->json) {
        print_json(list);
    } else if (list != NULL) {
        if (json_array_size(in) == 0)
            printf("%s\n", _("the trust store is empty"));
        else
            print_table(cli, in, store, sizeof store / sizeof *store);
        if (json_array_size(out) > 0) {
            printf("\n%s%s%s\n", print_bold(cli), _("refused in the last 30 days"),
                   print_plain(cli));
            print_table(cli, out, refused, sizeof refused / sizeof *refused);
        }
    }
    json_decref(list);
    return status;
}

/* The fields of one row that have a value, in this order. */
static void print_item(const json_t *item)
{
    static const struct column fields[] = {
        {N_("subject"), "subject"}, {N_("fingerprint"), "fingerprint"}, {N_("kind"), "kind"},
        {N_("authority"), "authority"}, {N_("self-signed"), "self_signed"},
        {N_("from"), "not_before"}, {N_("to"), "not_after"}, {N_("days left"), "days_left"},
        {N_("in the store"), "in_store"}, {N_("added at"), "added"}, {N_("source"), "source"},
        {N_("refused"), "in_refused"}, {N_("code"), "code"}, {N_("verdict id"), "verdict_id"},
        {N_("peer"), "address"}, {N_("last"), "last"}, {N_("to import it"), "next"},
    };
    char number[32];
    size_t i;
    json_t *name;
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
        const json_t *value = json_object_get(item, fields[f].key);
        const char *label = gettext(fields[f].title);
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        if (json_is_string(value))
            print_field(label, json_string_value(value));
        else if (json_is_boolean(value))
            print_field(label, json_is_true(value) ? _("yes") : _("no"));
        else if (json_is_integer(value))
            print_field(label, number);
    }
    json_array_foreach(json_object_get(item, "names"), i, name)
        print_field(i == 0 ? _("names") : "", json_string_value(name));
    printf("%s", text_of(item, "pem"));
}

int run_trust_show(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "trust show", .args = json_object()};
    json_t *item;
    json_object_set_new(call.args, "fingerprint", json_string(p->word[0]));
    int status = cli_call(cli, &call, &item);
    if (item != NULL && cli->json)
        print_json(item);
    else if (item != NULL)
        print_item(item);
    json_decref(item);
    return status;
}

/* They would let the cluster in as before. */
static void print_others(const json_t *result)
{
    size_t i;
    json_t *other;
    json_array_foreach(json_object_get(result, "others"), i, other) {
        printf(_("the trust store also holds %s of the same cluster\n"),
               text_of(other, "subject"));
        printf("%s: %s\n", _("next"), text_of(other, "next"));
    }
}

int run_trust_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "trust remove", .args = json_object()};
    json_t *result;
    json_object_set_new(call.args, "fingerprint", json_string(p->word[0]));
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    else if (result != NULL)
        printf(_("OK: removed %s %s\n"), text_of(result, "fingerprint")[0] != '\0'
                                            ? text_of(result, "fingerprint")
                                            : text_of(result, "removed"),
               text_of(result, "subject"));
    if (result != NULL && !cli->json)
        print_others(result);
    json_decref(result);
    return status;
}

static int import(struct cli *cli, const struct call *call)
{
    json_t *result, *row;
    size_t i, already = 0;
    int status = cli_call(cli, call, &result);
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        json_array_foreach(json_object_get(result, "imported"), i, row) {
            bool known = json_is_true(json_object_get(row, "already"));
            already += known;
            printf("%s %s%s%s%s\n", text_of(row, "fingerprint"), text_of(row, "subject"),
                   text_of(row, "cluster_id")[0] != '\0' ? ", " : "", text_of(row, "cluster_id"),
                   known ? _(" (already there)") : "");
        }
        if (i > 0 && already == i)
            printf("%s\n", _("OK: already there, nothing was changed"));
        else
            printf(_("OK: %zu imported\n"), i - already);
        print_notes(result);
    }
    json_decref(result);
    return status;
}

static int import_file(struct cli *cli, const struct parsed *p, const char *command,
                       const char *next)
{
    struct call call = {.command = command, .args = json_object(), .file = p->word[0]};
    char *content = NULL;
    int status = EXIT_REFUSED;
    if (file_password(cli, call.args, parsed_get(p, "--password-file"), next) &&
        file_read(cli, p->word[0], CERTIFICATE_FILE_MAX, next, &content, &call.content_n)) {
        call.content = content;
        status = import(cli, &call);
    } else {
        json_decref(call.args);
    }
    file_forget(content, call.content_n);
    return status;
}

int run_trust_import(struct cli *cli, const struct parsed *p)
{
    static const char next[] = "ils trust import FILE --password-file FILE";
    const char *verdict = parsed_get(p, "--verdict"), *password = parsed_get(p, "--password-file");
    if ((verdict != NULL) == (p->word_n == 1) || (verdict != NULL && password != NULL))
        return cli_error(cli, EXIT_USAGE, _("'ils trust import' wants FILE, or --verdict ID"), NULL,
                         "ils trust list");
    if (verdict == NULL && password != NULL && strcmp(password, "-") == 0 &&
        strcmp(p->word[0], "-") == 0)
        return cli_error(cli, EXIT_USAGE, _("standard input can stand for one file only"), "-",
                         next);
    if (verdict == NULL)
        return import_file(cli, p, "trust import", next);
    struct call call = {.command = "trust import", .args = json_object()};
    take(call.args, p, "--verdict");
    return import(cli, &call);
}

int run_bundle_import(struct cli *cli, const struct parsed *p)
{
    return import_file(cli, p, "trust bundle import", "ils trust bundle import FILE");
}

int run_bundle_export(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "trust bundle export"};
    const char *path = p->word_n == 1 ? p->word[0] : "-";
    json_t *result;
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json && p->word_n == 0) {
        print_json(result);
    } else if (result != NULL) {
        status = file_write(cli, path, text_of(result, "pem"), "ils trust bundle export FILE");
        if (status == EXIT_DONE && strcmp(path, "-") != 0 && !cli->json)
            printf(_("OK: %lld certificates in %s\n"),
                   (long long)json_integer_value(json_object_get(result, "count")), path);
        else if (status == EXIT_DONE && cli->json)
            print_file(path);
    }
    json_decref(result);
    return status;
}

int run_introductions(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {N_("Cluster"), "cluster_id"}, {N_("Fingerprint"), "fingerprint"},
        {N_("Subject"), "subject"}, {N_("Added"), "added"}, {N_("Source"), "source"},
    };
    struct call call = {.command = "trust introductions"};
    const char *word = p->word_n == 1 ? p->word[0] : "";
    bool on = strcmp(word, "on") == 0;
    json_t *result;
    if (word[0] != '\0' && !on && strcmp(word, "off") != 0)
        return cli_error(cli, EXIT_USAGE, _("introductions are on or off"), word,
                         "ils trust introductions off");
    if (word[0] != '\0') {
        call.command = "trust introductions set";
        call.args = json_object();
        json_object_set_new(call.args, "on", json_boolean(on));
        return cli_change(cli, &call);
    }
    int status = cli_call(cli, &call, &result);
    const json_t *list = json_object_get(result, "imported");
    if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        printf("%s\n", json_is_true(json_object_get(result, "introductions"))
                           ? _("on: whom a hub has invited is imported here as well")
                           : _("off: whom a hub has invited is imported by hand only"));
        if (json_array_size(list) > 0)
            print_table(cli, list, columns, sizeof columns / sizeof *columns);
    }
    json_decref(result);
    return status;
}
