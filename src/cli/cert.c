/* cert: one's own certificate. A new one is announced to the neighbours first and used when each of
 * them has it, so that nobody is cut off; ils waits and says for whom. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/words.h"

/* --- show */

static void print_names(const json_t *names)
{
    char text[2048] = "";
    size_t i, n = 0;
    json_t *name;
    json_array_foreach(names, i, name)
        if (n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? ", " : "",
                                  json_string_value(name));
    print_field(_("names"), text);
}

static void print_certificate(const json_t *c)
{
    char text[200];
    print_field(_("subject"), text_of(c, "subject"));
    print_names(json_object_get(c, "names"));
    print_field(_("fingerprint"), text_of(c, "fingerprint"));
    print_field(_("issuer"), json_is_true(json_object_get(c, "self_signed"))
                                 ? _("self-signed")
                                 : text_of(c, "issuer"));
    long long days = json_integer_value(json_object_get(c, "days_left"));
    snprintf(text, sizeof text, days < 0 ? _("from %s to %s (%lld days ago)")
                                         : _("from %s to %s (%lld days left)"),
             text_of(c, "not_before"), text_of(c, "not_after"), days < 0 ? -days : days);
    print_field(_("valid"), text);
}

/* "osaka (not linked), kobe (ILS-303), nagoya": who is waited for, or cut off; and what it said of
 * the certificate. */
static void neighbours(char *dst, size_t size, const json_t *rows)
{
    size_t i, n = 0;
    json_t *row;
    dst[0] = '\0';
    json_array_foreach(rows, i, row) {
        const char *name = text_of(row, "cluster_id")[0] != '\0' ? text_of(row, "cluster_id")
                                                                 : text_of(row, "peer_id");
        bool linked = json_is_true(json_object_get(row, "linked"));
        const char *why = linked ? text_of(row, "code") : _("not linked");
        if (n < size)
            n += (size_t)snprintf(dst + n, size - n, "%s%s%s%s%s", i > 0 ? ", " : "", name,
                                  why[0] != '\0' ? " (" : "", why, why[0] != '\0' ? ")" : "");
    }
}

int run_cert_show(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "cert show"};
    char text[2048];
    json_t *shown;
    int status = cli_call(cli, &call, &shown);
    const json_t *in_use = json_object_get(shown, "in_use"), *next = json_object_get(shown, "next");
    if (shown != NULL && cli->json) {
        print_json(shown);
    } else if (shown != NULL) {
        printf("%s%s%s\n", print_bold(cli), _("in use"), print_plain(cli));
        if (json_is_object(in_use))
            print_certificate(in_use);
        else
            printf("  %s\n", _("none: `ils cert renew --now` makes one"));
        if (json_is_object(next)) {
            printf("%s%s%s\n", print_bold(cli),
                   _("announced, and used as soon as every neighbour has it"), print_plain(cli));
            print_certificate(next);
            neighbours(text, sizeof text, json_object_get(next, "waiting"));
            print_field(_("waiting for"), text[0] != '\0' ? text : "-");
        }
    }
    json_decref(shown);
    return status;
}

int run_cert_export(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "cert show"};
    const char *out = parsed_get(p, "--out");
    json_t *shown;
    int status = cli_call(cli, &call, &shown);
    const json_t *in_use = json_object_get(shown, "in_use");
    if (shown != NULL && !json_is_object(in_use)) {
        fprintf(stderr, "%s\n", _("this cluster has no certificate: `ils cert renew --now`"));
        status = EXIT_REFUSED;
    } else if (shown != NULL && cli->json && out == NULL) {
        print_json(in_use);
    } else if (shown != NULL) {
        status = file_write(cli, out != NULL ? out : "-", text_of(in_use, "pem"),
                            "ils cert export --out FILE");
        if (status == EXIT_DONE && out != NULL && strcmp(out, "-") != 0)
            printf(_("OK: %s; at the other end: `ils trust import FILE`\n"), out);
    }
    json_decref(shown);
    return status;
}

int run_cert_csr(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "cert csr", .args = json_object()};
    const char *out = parsed_get(p, "--out");
    json_t *result;
    take_list(call.args, p, "--name", "names");
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json && out == NULL)
        print_json(result);
    else if (result != NULL)
        status = file_write(cli, out != NULL ? out : "-", text_of(result, "pem"),
                            "ils cert csr --out FILE");
    if (result != NULL && status == EXIT_DONE && out != NULL && strcmp(out, "-") != 0) {
        if (cli->json)
            print_file(out);
        else
            printf(_("OK: %s holds the request; its answer: `ils cert install FILE`\n"), out);
    }
    json_decref(result);
    return status;
}

/* --- waiting for the switch */

static void say_waiting(const char *text, char former[static 2048], bool terminal)
{
    if (text[0] == '\0' || strcmp(text, former) == 0)
        return;
    if (terminal)
        fprintf(stderr, "\r\033[K%s %s", _("waiting for"), text);
    else
        fprintf(stderr, "%s %s\n", _("waiting for"), text);
    snprintf(former, 2048, "%s", text);
}

/* Asks until the announced certificate is in use. Not told by ilsd: who asks has its own pace. */
static int wait_for_switch(struct cli *cli, const char *fingerprint)
{
    const struct timespec pause = {.tv_nsec = 300000000};
    bool terminal = isatty(STDERR_FILENO) == 1;
    char text[2048], former[2048] = "";
    for (;;) {
        struct call call = {.command = "cert show"};
        json_t *shown;
        int status = cli_call(cli, &call, &shown);
        const json_t *next = json_object_get(shown, "next");
        bool used = strcmp(text_of(json_object_get(shown, "in_use"), "fingerprint"),
                           fingerprint) == 0;
        bool announced = strcmp(text_of(next, "fingerprint"), fingerprint) == 0;
        neighbours(text, sizeof text, json_object_get(next, "waiting"));
        bool answered = shown != NULL;
        json_decref(shown);
        if (answered && announced && !used && !cli_interrupted()) {
            say_waiting(text, former, terminal);
            nanosleep(&pause, NULL);
            continue;
        }
        if (terminal && former[0] != '\0')
            fprintf(stderr, "\r\033[K");
        if (cli_interrupted())
            return cli_error(cli, EXIT_REFUSED,
                             _("it stays announced; ilsd uses it as soon as every neighbour has "
                               "it"), NULL, "ils cert show");
        if (!answered || used)
            return answered ? EXIT_DONE : status;
        return cli_error(cli, EXIT_REFUSED,
                         _("another certificate was installed or announced meanwhile"), NULL,
                         "ils cert show");
    }
}

static void say_installed(const struct cli *cli, const json_t *result, bool now)
{
    char text[2048];
    neighbours(text, sizeof text, json_object_get(result, "cut_off"));
    if (json_is_true(json_object_get(result, "in_use")))
        printf(_("OK: in use: %s\n"), text_of(json_object_get(result, "certificate"),
                                             "fingerprint"));
    else
        printf(_("announced: %s\n"), text_of(json_object_get(result, "certificate"),
                                            "fingerprint"));
    if (now && text[0] != '\0')
        printf(_("cut off, for they do not have it: %s\n"), text);
    print_notes(result);
    fflush(stdout);
}

/* What install and renew have in common: the request, its answer, the wait. */
static int install(struct cli *cli, const struct parsed *p, const struct call *call)
{
    char fingerprint[128];
    json_t *result;
    int status = cli_call(cli, call, &result);
    if (result == NULL)
        return status;
    bool used = json_is_true(json_object_get(result, "in_use"));
    snprintf(fingerprint, sizeof fingerprint, "%s",
             text_of(json_object_get(result, "certificate"), "fingerprint"));
    if (!cli->json)
        say_installed(cli, result, parsed_has(p, "--now"));
    if (!used && !parsed_has(p, "--no-wait")) {
        cli_interruptible(true);
        status = wait_for_switch(cli, fingerprint);
        if (!cli->prompt)
            cli_interruptible(false);
        used = status == EXIT_DONE;
        if (used && !cli->json)
            printf(_("OK: in use: %s\n"), fingerprint);
        json_object_set_new(result, "in_use", json_boolean(used));
        if (used)
            json_object_set_new(result, "waiting", json_array());
    }
    if (cli->json && status == EXIT_DONE)
        print_json(result);
    json_decref(result);
    return status;
}

/* The certificate file and, behind it, the key file where there is one. */
static bool read_pair(const struct cli *cli, const struct parsed *p, struct call *call,
                      char **ret_content)
{
    static const char next[] = "ils cert install FILE --key FILE --password-file FILE";
    const char *key_path = parsed_get(p, "--key");
    char *key = NULL;
    size_t n, key_n = 0;
    if (!file_read(cli, p->word[0], CERTIFICATE_FILE_MAX, next, ret_content, &n))
        return false;
    if (key_path != NULL && !file_read(cli, key_path, CERTIFICATE_FILE_MAX, next, &key, &key_n))
        return false;
    char *both = malloc(n + key_n + 1);
    if (both != NULL) {
        memcpy(both, *ret_content, n);
        if (key != NULL)
            memcpy(both + n, key, key_n);
    }
    file_forget(key, key_n);
    file_forget(*ret_content, n);
    *ret_content = both;
    call->content = both;
    call->content_n = n + key_n;
    if (key_path != NULL)
        json_object_set_new(call->args, "key_bytes", json_integer((json_int_t)key_n));
    return both != NULL;
}

int run_cert_install(struct cli *cli, const struct parsed *p)
{
    static const char next[] = "ils cert install FILE --password-file FILE";
    struct call call = {.command = "cert install", .args = json_object(), .file = p->word[0],
                        .key = parsed_get(p, "--key")};
    const char *paths[] = {p->word[0], parsed_get(p, "--key"), parsed_get(p, "--password-file")};
    char *content = NULL;
    int standard = 0;
    for (int i = 0; i < 3; i++)
        standard += paths[i] != NULL && strcmp(paths[i], "-") == 0;
    if (standard > 1) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("standard input can stand for one file only"), "-",
                         next);
    }
    if (parsed_has(p, "--force"))
        json_object_set_new(call.args, "force", json_true());
    if (parsed_has(p, "--now"))
        json_object_set_new(call.args, "now", json_true());
    int status = EXIT_REFUSED;
    if (read_pair(cli, p, &call, &content) &&
        file_password(cli, call.args, parsed_get(p, "--password-file"), next))
        status = install(cli, p, &call);
    else
        json_decref(call.args);
    file_forget(content, call.content_n);
    return status;
}

int run_cert_renew(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "cert renew", .args = json_object()};
    const char *days = parsed_get(p, "--days");
    int status = EXIT_USAGE;
    if (parsed_has(p, "--same-key"))
        json_object_set_new(call.args, "same_key", json_true());
    if (parsed_has(p, "--now"))
        json_object_set_new(call.args, "now", json_true());
    if (days != NULL && !take_number(cli, call.args, "days", days, &status))
        return status;
    return install(cli, p, &call);
}

int run_cert_now(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "cert now"};
    json_t *result;
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    else if (result != NULL)
        say_installed(cli, result, true);
    json_decref(result);
    return status;
}
