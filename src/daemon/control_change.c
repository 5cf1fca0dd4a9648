/* control_change: the requests that change something. Each becomes one command of the core; the
 * answer is given when the core says that it is durable, a join's when its verdict is there. */
#include "daemon/control_inside.h"
#include "daemon/control_planlog.h"
#include "daemon/token.h"
#include "driver/x509.h"

#include <stdio.h>
#include <string.h>

/* --- arguments */

bool control_text(struct client *client, const char *key, bool must, struct slice *ret)
{
    json_t *value = json_object_get(client->args, key);
    char text[160];
    *ret = slice_make(NULL, 0);
    if (json_is_string(value)) {
        *ret = slice_make(json_string_value(value), json_string_length(value));
        return true;
    }
    if (value == NULL && !must)
        return true;
    snprintf(text, sizeof text, "'%s' takes a text as '%s'", client->verb->name, key);
    control_error(client, "SETTING", text, "ils help", key);
    return false;
}

bool control_number(struct client *client, const char *key, uint64_t max, uint64_t fallback,
                    uint64_t *ret)
{
    json_t *value = json_object_get(client->args, key);
    char text[160], next[96];
    *ret = fallback;
    if (value == NULL)
        return true;
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        (uint64_t)json_integer_value(value) <= max) {
        *ret = (uint64_t)json_integer_value(value);
        return true;
    }
    snprintf(text, sizeof text, "'%s' is a number from 0 to %llu", key, (unsigned long long)max);
    snprintf(next, sizeof next, "ils help %s", client->verb->name);
    control_error(client, "SETTING", text, next, key);
    return false;
}

bool control_flag(struct client *client, const char *key, bool fallback)
{
    json_t *value = json_object_get(client->args, key);
    return value == NULL ? fallback : json_is_true(value);
}

/* --- one command */

/* Arguments that no log may keep. */
static bool change_secret(const char *key, const json_t *value)
{
    static const char *const secret[] = {"stretched", "password", "secret", "token"};
    for (size_t i = 0; json_is_string(value) && i < sizeof secret / sizeof *secret; i++)
        if (strcmp(key, secret[i]) == 0)
            return true;
    return false;
}

/* "plan import source=HQ": what the audit keeps. An invite's token is hidden wherever it stands. */
static void change_what(struct client *client)
{
    const char *key;
    json_t *value;
    size_t n = (size_t)snprintf(client->what, sizeof client->what, "%s", client->verb->name);
    json_object_foreach(client->args, key, value) {
        if (change_secret(key, value))
            continue;
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        const char *shown = text != NULL ? text : json_string_value(value);
        bool host = strcmp(key, "host") == 0;
        if (shown != NULL && (host ? token_for_host : token_like)(slice_of(shown)))
            shown = "(token)";
        bool bare = strcmp(key, "fingerprint") == 0;
        if (n < sizeof client->what && shown != NULL)
            n += (size_t)snprintf(client->what + n, sizeof client->what - n, " %s%s%s",
                                  bare ? "" : key, bare ? "" : "=", shown);
        free(text);
    }
}

/* The cut at the end of a long `what` may not split a character. */
static struct slice change_slice(const char *text)
{
    struct slice s = slice_of(text);
    while (s.n > 0 && !slice_is_utf8(s))
        s.n--;
    return s;
}

/* What the table of replies cannot know: which command was refused, in which file and directory. */
static void change_place(const struct client *client, enum reply reply, struct slice text,
                         char next[static 256], char where[static 256])
{
    const char *verb = client->verb->name;
    const char *data = runtime_options(client->control->rt)->data;
    uint32_t line = 0;
    bool named = reply == REPLY_CLUSTER_ID || reply == REPLY_CLUSTER_ID_DEFAULT ||
                 reply == REPLY_FQDN;
    if (strcmp(verb, "describe") == 0)
        snprintf(next, 256, "ils help describe");
    else if (named && strcmp(verb, "identity new") == 0)
        snprintf(next, 256, "ils help identity new");
    else if (reply == REPLY_PREFIX || reply == REPLY_TEXT_TOO_LONG)
        snprintf(next, 256, "ils help %s", verb);
    else if (strcmp(verb, "route test") == 0)
        snprintf(next, 256, "ils help route test");
    else if (strcmp(verb, "route remove") == 0)
        snprintf(next, 256, "ils route list");
    else if (reply == REPLY_ROUTE_PATTERN || reply == REPLY_ROUTE_TARGET)
        snprintf(next, 256, "ils help route add");
    else if (reply == REPLY_PASSWORDS_FULL)
        snprintf(next, 256, "ils password drop N");
    else if (strcmp(verb, "plan import") == 0 && reply == REPLY_ENTRY_TAKEN)
        line = control_plan_line(client, text);
    if (line > 0)
        snprintf(where, 256, "line %u", (unsigned)line);
    if (reply == REPLY_STORE && runtime_options(client->control->rt)->store == NULL) {
        snprintf(next, 256, "df %.200s", data);
        snprintf(where, 256, "%.200s/ilsd.db", data);
    }
}

#define SHOWN_MAX 256 /* bytes of what was refused; more would leave no room for why */

static struct slice change_shown(struct slice text, char dst[static SHOWN_MAX + 4])
{
    struct slice head = slice_make(text.p, SHOWN_MAX);
    if (text.n <= SHOWN_MAX)
        return text;
    while (head.n > 0 && !slice_is_utf8(head))
        head.n--;
    snprintf(dst, SHOWN_MAX + 4, "%.*s...", (int)head.n, (const char *)head.p);
    return slice_of(dst);
}

void control_refused(struct client *client, enum reply reply, struct slice text)
{
    control_refused_at(client, reply, text, NULL);
}

void control_refused_at(struct client *client, enum reply reply, struct slice text,
                        const char *field)
{
    char sentence[512], next[256], where[256] = "", shown[SHOWN_MAX + 4];
    const char *name = render_reply_name(reply);
    render_reply(sentence, sizeof sentence, reply, change_shown(text, shown));
    render_reply_next(next, sizeof next, reply, text);
    change_place(client, reply, text, next, where);
    if (field != NULL)
        snprintf(where, sizeof where, "%s", field);
    if (strncmp(name, "REPLY_", 6) == 0)
        name += 6;
    control_error(client, name, sentence, next, where[0] != '\0' ? where : NULL);
}

json_t *control_counts(const uint64_t number[REPLY_NUMBERS])
{
    json_t *counts = json_object();
    json_object_set_new(counts, "added", control_number_json(number[0] - number[2]));
    json_object_set_new(counts, "removed", control_number_json(number[1]));
    json_object_set_new(counts, "changed", control_number_json(number[2]));
    json_object_set_new(counts, "number",
                        number[3] == 0 ? json_null() : control_number_json(number[3]));
    return counts;
}

static void change_answered(struct client *client, enum reply reply, struct slice text,
                            const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    if (verdict != NULL) {
        client->in_command = false;
        if (client->again != NULL && client->again(client, verdict))
            return;
        control_reply(client, render_verdict_json(verdict, control_self(client)),
                      code_is_success(verdict->code) ? 0 : 1);
        return;
    }
    if (reply == REPLY_OK && client->wait)
        return;
    client->in_command = false;
    if (client->command != 0)
        runtime_forget(client->control->rt, client->command); /* a join's verdict is not wanted */
    memcpy(client->number, number, sizeof client->number);
    if (client->then != NULL) {
        control_then then = client->then;
        client->then = NULL;
        then(client, reply, text);
        return;
    }
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *result = json_object();
    if (strcmp(client->verb->name, "plan import") == 0 ||
        strcmp(client->verb->name, "plan add") == 0 ||
        strncmp(client->verb->name, "catalog ", 8) == 0 ||
        strcmp(client->verb->name, "plan remove") == 0) {
        json_object_update_new(result, control_counts(number));
        control_confirm_look(client->control);
    } else if (strcmp(client->verb->name, "join") == 0) {
        json_object_set_new(result, "waiting", json_true());
    }
    json_object_set_new(result, "text", json_string("OK"));
    control_ok(client, result);
}

static void change_done(void *context, enum reply reply, struct slice text,
                        const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct client *client = context;
    bool lent = client->lends;
    client->lends = false;
    if (lent && client->closing)
        client->in_command = false; /* he is gone */
    else
        change_answered(client, reply, text, number, verdict);
    if (lent)
        control_release(client);
}

void control_change(struct client *client, struct command *command)
{
    control_change_then(client, command, true, NULL);
}

void control_named(struct client *client, struct slice *ret_who, struct slice *ret_what)
{
    change_what(client);
    *ret_who = change_slice(client->who);
    *ret_what = change_slice(client->what);
}

void control_change_then(struct client *client, struct command *command, bool audited,
                         control_then then)
{
    client->then = then;
    if (audited)
        control_named(client, &command->who, &command->what);
    client->in_command = true;
    client->command = 0;
    control_hold(client);
    uint64_t id = runtime_command(client->control->rt, command, change_done, client);
    if (client->in_command && client->command == 0) /* `then` may have begun another one */
        client->command = id;
    else
        runtime_forget(client->control->rt, id);
    control_release(client);
}

/* --- the requests */

static bool change_identity(struct client *client, struct command *command)
{
    return control_text(client, "fqdn", false, &command->fqdn) &&
           control_text(client, "description", false, &command->description) &&
           control_text(client, "route_string", false, &command->route_string);
}

/* For the name that the core will take or refuse. */
bool control_make_certificate(struct client *client, struct slice name,
                              struct own_certificate *ret, struct x509_bag *bag,
                              struct x509_report *report)
{
    char fqdn[HOST_TEXT_MAX + 1], error[X509_ERROR];
    slice_to_text(name, fqdn, sizeof fqdn);
    if (runtime_certificate(client->control->rt, fqdn, slice_make(NULL, 0), RUNTIME_DAYS, bag,
                            error, sizeof error) != 0) {
        control_refused(client, REPLY_FQDN, name); /* all that may be wrong with it */
        return false;
    }
    if (x509_facts(bag->item[0].der, report) != 0) {
        x509_bag_free(bag);
        control_no_memory(client);
        return false;
    }
    ret->leaf = report->certificate;
    ret->key = bag->key;
    ret->made = true;
    return true;
}

void verb_init(struct client *client)
{
    struct command command = {.type = COMMAND_INIT};
    struct x509_bag bag;
    struct x509_report report;
    struct view_self self;
    if (!control_text(client, "cluster_id", true, &command.cluster_id) ||
        !change_identity(client, &command))
        return;
    view_self(runtime_core(client->control->rt), &self);
    if (self.initialised || command.fqdn.n == 0 || command.fqdn.n > HOST_TEXT_MAX) {
        control_change(client, &command); /* which is refused */
        return;
    }
    if (!control_make_certificate(client, command.fqdn, &command.own, &bag, &report))
        return;
    control_change(client, &command);
    x509_report_free(&report);
    x509_bag_free(&bag);
}

void verb_describe(struct client *client)
{
    struct command command = {.type = COMMAND_DESCRIBE};
    if (control_text(client, "cluster_id", false, &command.cluster_id) &&
        change_identity(client, &command))
        control_change(client, &command);
}

void verb_join(struct client *client)
{
    struct command command = {.type = COMMAND_JOIN, .role = ROLE_SPOKE};
    struct slice as;
    uint64_t port;
    if (!control_text(client, "host", true, &command.host) ||
        !control_text(client, "as", false, &as) ||
        !control_number(client, "port", UINT16_MAX, 0, &port))
        return;
    command.port = (uint16_t)port;
    client->wait = control_flag(client, "wait", true);
    if (slice_eq(as, slice_of("hub"))) {
        command.role = ROLE_HUB;
    } else if (as.n > 0 && !slice_eq(as, slice_of("spoke"))) {
        control_error(client, "SETTING", "a cluster joins as hub or as spoke",
                      "ils help join", "as");
        return;
    }
    if (token_for_host(command.host))
        control_join_token(client, command.host, command.role);
    else
        control_change(client, &command);
}

static void change_cluster(struct client *client, enum command_type type)
{
    struct command command = {.type = type};
    if (control_text(client, "cluster", true, &command.cluster))
        control_change(client, &command);
}

void verb_disconnect(struct client *client)
{
    change_cluster(client, COMMAND_DISCONNECT);
}

void verb_connect(struct client *client)
{
    change_cluster(client, COMMAND_CONNECT);
}

static bool change_generation(struct client *client, bool must, uint16_t *ret)
{
    uint64_t n;
    if (!control_number(client, "generation", UINT16_MAX, must ? 0 : 1, &n))
        return false;
    if (n == 0) {
        control_error(client, "SETTING", "a password's generation is a number from 1 to 65535",
                      "ils password list", "generation");
        return false;
    }
    *ret = (uint16_t)n;
    return true;
}

void verb_password_add(struct client *client)
{
    struct command command = {.type = COMMAND_PASSWORD_ADD};
    struct slice hex;
    if (!change_generation(client, false, &command.generation) ||
        !control_text(client, "stretched", true, &hex))
        return;
    if (!hex_parse(command.stretched, sizeof command.stretched, hex)) {
        control_error(client, "SETTING", "the stretched password is 64 hex digits: ils makes them",
                      "ils password add", NULL);
        return;
    }
    control_change(client, &command);
    crypto_wipe(&command, sizeof command);
}

void verb_password_prefer(struct client *client)
{
    struct command command = {.type = COMMAND_PASSWORD_PREFER};
    if (change_generation(client, true, &command.generation))
        control_change(client, &command);
}

void verb_password_drop(struct client *client)
{
    struct command command = {.type = COMMAND_PASSWORD_DROP};
    if (change_generation(client, true, &command.generation))
        control_change(client, &command);
}

void verb_trace_level(struct client *client)
{
    static const char *const level[] = {"error", "significant", "detailed"};
    struct command command = {.type = COMMAND_TRACE_LEVEL};
    struct slice word;
    if (!control_text(client, "level", true, &word))
        return;
    for (uint8_t i = 0; i < 3; i++) {
        if (slice_eq(word, slice_of(level[i]))) {
            command.level = i;
            control_change(client, &command);
            return;
        }
    }
    control_error(client, "SETTING", "a trace level is error, significant or detailed",
                  "ils trace level detailed", "level");
}
