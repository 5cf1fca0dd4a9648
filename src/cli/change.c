/* change: the commands that change something. What they take is looked at by ilsd; here only words
 * become arguments. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/words.h"
#include "daemon/token.h"

#define PLAN_FILE_MAX ((size_t)2 << 30)
#define CONFIRM_MAX   (7 * 24 * 3600) /* s; ilsd's own bound */

int cli_change(struct cli *cli, const struct call *call)
{
    json_t *result;
    int status = cli_call(cli, call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    else if (json_is_true(json_object_get(result, "dry_run")))
        print_preview(cli, result);
    else if (result != NULL && json_object_get(result, "added") != NULL)
        print_counts(result);
    else if (result != NULL)
        printf("OK\n");
    if (result != NULL && !cli->json)
        print_plan_warnings(result);
    json_decref(result);
    return status;
}

void take(json_t *args, const struct parsed *p, const char *option)
{
    char key[64];
    const char *value = parsed_get(p, option);
    snprintf(key, sizeof key, "%s", option + 2);
    for (char *c = key; *c != '\0'; c++)
        *c = *c == '-' ? '_' : *c;
    if (value != NULL && json_object_set_new(args, key, json_string(value)) != 0)
        json_object_set_new(args, key, json_string("?")); /* not UTF-8: refused by ilsd */
}

void take_list(json_t *args, const struct parsed *p, const char *option, const char *key)
{
    json_t *list = json_array();
    for (int i = 0; i < p->given_n; i++) {
        const char *value = p->given[i].value;
        if (strcmp(p->given[i].option->name, option) != 0)
            continue;
        while (*value != '\0') {
            size_t n = strcspn(value, ",");
            json_array_append_new(list, json_stringn(value, n));
            value += n + (value[n] == ',');
        }
    }
    if (parsed_has(p, option))
        json_object_set(args, key, list);
    json_decref(list);
}

bool take_number(const struct cli *cli, json_t *args, const char *key, const char *text,
                 int *ret_status)
{
    char *end, sentence[160], next[96];
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0) {
        json_object_set_new(args, key, json_integer(n));
        return true;
    }
    snprintf(sentence, sizeof sentence, _("'%.60s' is no number"), text);
    snprintf(next, sizeof next, "ils help %s", cli->words);
    json_decref(args);
    *ret_status = cli_error(cli, EXIT_USAGE, sentence, key, next);
    return false;
}

static int change_one(struct cli *cli, const char *command, const char *key, const char *value)
{
    struct call call = {.command = command, .args = json_object()};
    json_object_set_new(call.args, key, json_string(value));
    return cli_change(cli, &call);
}

int run_init(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "init", .args = json_object()};
    take(call.args, p, "--cluster-id");
    take(call.args, p, "--fqdn");
    take(call.args, p, "--description");
    take(call.args, p, "--route-string");
    if (!parsed_has(p, "--cluster-id") || !parsed_has(p, "--fqdn")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils init' wants --cluster-id and --fqdn", NULL,
                         "ils init --cluster-id ID --fqdn NAME");
    }
    return cli_change(cli, &call);
}

int run_describe(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "describe", .args = json_object()};
    if (p->given_n == 0) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils describe' wants --cluster-id, --fqdn, "
                         "--description or --route-string", NULL, "ils help describe");
    }
    take(call.args, p, "--cluster-id");
    take(call.args, p, "--fqdn");
    take(call.args, p, "--description");
    take(call.args, p, "--route-string");
    return cli_change(cli, &call);
}

/* True when the name is this cluster's own; false with *ret_status = EXIT_NO_DAEMON or refused
 * after an error was printed. */
static bool is_itself(struct cli *cli, const char *name, int *ret_status)
{
    struct call call = {.command = "status"};
    json_t *s;
    int status = cli_call(cli, &call, &s);
    *ret_status = s != NULL ? EXIT_DONE : status;
    bool itself = s != NULL && name[0] != '\0' &&
                  (strcasecmp(text_of(s, "cluster_id"), name) == 0 ||
                   strcmp(text_of(s, "peer_id"), name) == 0);
    json_decref(s);
    return itself;
}

/* To disconnect one's own row of the table is to leave the network. */
int run_disconnect(struct cli *cli, const struct parsed *p)
{
    int status;
    if (is_itself(cli, p->word[0], &status))
        return run_leave(cli, p);
    return status != EXIT_DONE ? status : change_one(cli, "disconnect", "cluster", p->word[0]);
}

int run_connect(struct cli *cli, const struct parsed *p)
{
    return change_one(cli, "connect", "cluster", p->word[0]);
}

bool take_where(const struct cli *cli, json_t *args, const char *text, const char *next,
                int *ret_status)
{
    char host[300];
    const char *colon = strrchr(text, ':'), *close = strchr(text, ']');
    bool bracket = text[0] == '[' && close != NULL;
    if (colon != NULL && (bracket ? colon < close : strchr(text, ':') != colon))
        colon = NULL;
    size_t n = bracket ? (size_t)(close - text - 1)
                       : (colon != NULL ? (size_t)(colon - text) : strlen(text));
    if (n >= sizeof host)
        n = sizeof host - 1;
    memcpy(host, bracket ? text + 1 : text, n);
    host[n] = '\0';
    json_object_set_new(args, "host", json_string(host));
    if (colon == NULL)
        return true;
    if (!take_number(cli, args, "port", colon + 1, ret_status))
        return false;
    json_int_t port = json_integer_value(json_object_get(args, "port"));
    if (port > 0 && port <= UINT16_MAX)
        return true;
    json_decref(args);
    *ret_status = cli_error(cli, EXIT_USAGE, _("a port is a number from 1 to 65535"), colon + 1,
                            next);
    return false;
}

/* Everybody on this host sees the arguments of a process; a token is no longer among them while the
 * verdict is waited for. */
static void forget_word(const char *word)
{
    explicit_bzero((char *)(uintptr_t)word, strlen(word));
}

struct hub {
    char address[HOST_TEXT_MAX + 16]; /* as it is typed; "" = none is joined */
    bool wanted, up, linked;          /* it is dialled; linked to this hub; to any cluster */
};

/* The registration server. False, with the exit status, after an error was printed. */
static bool hub_of(struct cli *cli, struct hub *ret, int *ret_status)
{
    struct call call = {.command = "status"};
    json_t *s;
    *ret_status = cli_call(cli, &call, &s);
    const json_t *join = json_object_get(s, "join");
    const char *host = text_of(join, "hub");
    long long port = (long long)json_integer_value(json_object_get(join, "hub_port"));
    *ret = (struct hub){.wanted = json_is_true(json_object_get(join, "wanted")),
                        .up = json_is_true(json_object_get(join, "up")),
                        .linked = json_integer_value(json_object_get(s, "clusters_linked")) > 0};
    if (port == 0)
        snprintf(ret->address, sizeof ret->address, "%s", host);
    else
        snprintf(ret->address, sizeof ret->address,
                 strchr(host, ':') != NULL ? "[%s]:%lld" : "%s:%lld", host, port);
    bool answered = s != NULL;
    json_decref(s);
    return answered;
}

/* A refused join is tried again, and in the place of what was joined before. Is that so, and what
 * is dialled now? */
static bool replaced(struct cli *cli, const struct hub *former, struct hub *ret)
{
    int status;
    return former->wanted && former->address[0] != '\0' && hub_of(cli, ret, &status) && !ret->up &&
           strcmp(ret->address, former->address) != 0;
}

/* Who typed the wrong host has not lost the link yet, where there was one. */
static void say_former(struct cli *cli, const struct hub *former)
{
    struct hub hub;
    if (!replaced(cli, former, &hub))
        return;
    if (former->up && hub.linked)
        printf(_("note: %s is dialled from now on; the link to the former hub stays for now\n"),
               hub.address);
    else
        printf(_("note: %s is dialled from now on, and not %s any more\n"), hub.address,
               former->address);
    printf(_("to go back: ils join %s\n"), former->address);
}

/* "former": what is dialled no more since this join was refused, as it is typed, or null. */
static void print_join_json(struct cli *cli, json_t *v, const struct hub *former, int status)
{
    struct hub hub;
    bool lost = status != EXIT_DONE && json_object_get(v, "verdict_id") != NULL &&
                replaced(cli, former, &hub);
    json_object_set_new(v, "former", lost ? json_string(former->address) : json_null());
    print_json(v);
}

/* The other end answered, and took its time. */
static void say_slow(const json_t *v, const struct timespec *begun)
{
    struct timespec t;
    const char *code = text_of(v, "code");
    clock_gettime(CLOCK_MONOTONIC, &t);
    double took = (double)(t.tv_sec - begun->tv_sec) + (double)(t.tv_nsec - begun->tv_nsec) / 1e9;
    if (took > 1 && strncmp(code, "ILS-", 4) == 0 && code[4] >= '1' && code[4] <= '3')
        printf(_("note: it took %.1f s; after failures from an address, a hub lets the next join "
                 "from there wait\n"), took);
}

int run_join(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "join", .args = json_object(),
                        .waiting = _("waiting for the verdict ...")};
    int status = EXIT_USAGE;
    struct hub former = {.up = false};
    struct timespec begun;
    json_t *v;
    if (token_for_host(slice_of(p->word[0]))) {
        json_object_set_new(call.args, "host", json_string(p->word[0]));
        forget_word(p->word[0]);
    } else if (!take_where(cli, call.args, p->word[0], "ils help join", &status))
        return status;
    take(call.args, p, "--as");
    json_object_set_new(call.args, "wait", json_boolean(!parsed_has(p, "--no-wait")));
    if (!hub_of(cli, &former, &status)) {
        json_decref(call.args);
        return status;
    }
    clock_gettime(CLOCK_MONOTONIC, &begun);
    status = cli_call(cli, &call, &v);
    if (v != NULL && cli->json)
        print_join_json(cli, v, &former, status);
    else if (v != NULL && json_object_get(v, "verdict_id") != NULL) {
        print_verdict(cli, v);
        say_slow(v, &begun);
        if (status != EXIT_DONE)
            say_former(cli, &former);
    } else if (v != NULL)
        printf("%s\n", _("OK: `ils status` shows the verdict"));
    json_decref(v);
    return status;
}

static bool take_switch(const struct cli *cli, json_t *args, const struct parsed *p,
                        const char *option, int *ret_status)
{
    const char *value = parsed_get(p, option);
    char text[160];
    if (value == NULL)
        return true;
    if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0) {
        json_object_set_new(args, option + 2, json_boolean(strcmp(value, "on") == 0));
        return true;
    }
    snprintf(text, sizeof text, _("%s is on or off, not '%.60s'"), option, value);
    json_decref(args);
    *ret_status = cli_error(cli, EXIT_USAGE, text, option, "ils help auth set");
    return false;
}

/* METHOD sets what is accepted, +METHOD adds to it, -METHOD takes away. */
static int check_accept(const struct cli *cli, json_t *args)
{
    static const char *const methods[] = {"password", "tls", "tls+password"};
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(args, "accept"), i, word) {
        struct nearest best = {NULL, 0};
        const char *typed = json_string_value(word);
        char text[200];
        size_t sign = typed != NULL && (typed[0] == '+' || typed[0] == '-');
        for (int m = 0; m < 3; m++)
            nearest_try(&best, typed != NULL ? typed + sign : "", methods[m]);
        if (best.word != NULL && best.distance == 0)
            continue;
        snprintf(text, sizeof text, "'%.60s' is no method%s%s%s", typed != NULL ? typed : "?",
                 best.word != NULL ? ": did you mean '" : "", best.word != NULL ? best.word : "",
                 best.word != NULL ? "'?" : "");
        return cli_error(cli, EXIT_USAGE, text, "--accept",
                         "ils auth set --accept password tls tls+password");
    }
    return EXIT_DONE;
}

int run_auth_set(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "auth set", .args = json_object()};
    int status = EXIT_USAGE;
    if (p->given_n == 0) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils auth set' wants --tls, --password or --accept",
                         NULL, "ils help auth set");
    }
    if (!take_switch(cli, call.args, p, "--tls", &status) ||
        !take_switch(cli, call.args, p, "--password", &status))
        return status;
    take_list(call.args, p, "--accept", "accept");
    status = check_accept(cli, call.args);
    if (status != EXIT_DONE) {
        json_decref(call.args);
        return status;
    }
    return cli_change(cli, &call);
}

int run_password_add(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "password add", .args = json_object()};
    const char *generation = parsed_get(p, "--generation");
    char hex[65];
    int status = EXIT_USAGE;
    if (generation != NULL && !take_number(cli, call.args, "generation", generation, &status))
        return status;
    if (!password_read(cli, parsed_has(p, "--stdin"), hex, &status)) {
        json_decref(call.args);
        return status;
    }
    json_object_set_new(call.args, "stretched", json_string(hex));
    explicit_bzero(hex, sizeof hex);
    return cli_change(cli, &call);
}

static int change_generation(struct cli *cli, const char *command, const char *text)
{
    struct call call = {.command = command, .args = json_object()};
    int status = EXIT_USAGE;
    if (!take_number(cli, call.args, "generation", text, &status))
        return status;
    return cli_change(cli, &call);
}

int run_password_prefer(struct cli *cli, const struct parsed *p)
{
    return change_generation(cli, "password prefer", p->word[0]);
}

int run_password_drop(struct cli *cli, const struct parsed *p)
{
    return change_generation(cli, "password drop", p->word[0]);
}

/* --- plan */

/* The rest of the arguments, and the file; ends the command. */
int plan_import(struct cli *cli, const struct parsed *p, struct call *call, const char *file,
                const char *help)
{
    const char *confirm = parsed_get(p, "--confirm");
    char *content = NULL;
    if (confirm != NULL && (seconds_of(confirm) <= 0 || seconds_of(confirm) > CONFIRM_MAX)) {
        json_decref(call->args);
        return cli_error(cli, EXIT_USAGE, _("a change waits to be confirmed for at most 7 days: a "
                         "number with its unit s, m, h or d, such as 5m"), confirm, help);
    }
    if (confirm != NULL)
        json_object_set_new(call->args, "confirm", json_integer(seconds_of(confirm)));
    if (parsed_has(p, "--force"))
        json_object_set_new(call->args, "force", json_true());
    take_dry_run(call->args, p);
    if (!file_read(cli, file, PLAN_FILE_MAX, help, &content, &call->content_n)) {
        json_decref(call->args);
        return EXIT_REFUSED;
    }
    call->content = content;
    call->file = file;
    int status = cli_change(cli, call);
    if (status == EXIT_DONE && confirm != NULL && !cli->json && !parsed_has(p, "--dry-run"))
        printf(_("it is taken back in %s, unless it is confirmed: ils plan confirm\n"), confirm);
    free(content);
    return status;
}

int run_plan_import(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan import", .args = json_object()};
    take(call.args, p, "--source");
    take(call.args, p, "--encoding");
    if (!parsed_has(p, "--source")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, "'ils plan import' wants --source NAME: what the same "
                         "source gave before is replaced", NULL, "ils help plan import");
    }
    return plan_import(cli, p, &call, p->word[0], "ils help plan import");
}

int run_plan_add(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan add", .args = json_object()};
    json_object_set_new(call.args, "kind", json_string(p->word[0]));
    json_object_set_new(call.args, "key", json_string(p->word[1]));
    take(call.args, p, "--failover");
    take_dry_run(call.args, p);
    return cli_change(cli, &call);
}

int run_plan_remove(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "plan remove", .args = json_object()};
    json_object_set_new(call.args, "kind", json_string(p->word[0]));
    json_object_set_new(call.args, "key", json_string(p->word[1]));
    take_dry_run(call.args, p);
    return cli_change(cli, &call);
}

int run_plan_show(struct cli *cli, const struct parsed *p)
{
    static const struct column columns[] = {
        {"Kind", "kind"}, {"Key", "key"}, {"PSTN failover", "failover"}, {"Source", "source"},
        {"USN", "usn"},
    };
    struct call call = {.command = "plan show", .args = json_object()};
    const char *max = parsed_get(p, "--max");
    int status = EXIT_USAGE;
    json_t *shown;
    if (max != NULL && !take_number(cli, call.args, "max", max, &status))
        return status;
    take(call.args, p, "--source");
    take(call.args, p, "--search");
    take(call.args, p, "--kind");
    take(call.args, p, "--after");
    status = cli_call(cli, &call, &shown);
    if (shown != NULL && cli->json) {
        print_json(shown);
    } else if (shown != NULL) {
        json_int_t total = json_integer_value(json_object_get(shown, "total"));
        size_t n = json_array_size(json_object_get(shown, "entries"));
        if (n > 0)
            print_table(cli, json_object_get(shown, "entries"), columns, 5);
        printf(_("%zu shown of %lld entries\n"), n, (long long)total);
        if (text_of(shown, "after")[0] != '\0')
            printf(_("\nthere may be more: the same with --after %s\n"), text_of(shown, "after"));
    }
    json_decref(shown);
    return status;
}
