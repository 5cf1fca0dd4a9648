/* control_token: the tokens of the HTTP door through the control socket. A token is said once, in
 * the answer to `token add`, and never again. */
#include "daemon/control_inside.h"

#include <stdio.h>

#include "daemon/tokens.h"

static struct tokens *tokens_of(const struct client *client)
{
    return runtime_tokens(client->control->rt);
}

void verb_token_list(struct client *client)
{
    control_ok(client, tokens_list(tokens_of(client)));
}

static void on_done(void *context, enum reply reply, struct slice text, const char *secret)
{
    struct client *client = context;
    json_t *json;
    if (client->closing) {
        control_release(client);
        return;
    }
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
    } else {
        json = json_pack("{s:s}", "text", "OK");
        if (secret != NULL)
            json_object_set_new(json, "token", json_string(secret));
        control_ok(client, json);
    }
    control_release(client);
}

static bool take_name(struct client *client, struct slice *ret)
{
    if (!control_text(client, "name", true, ret))
        return false;
    if (tokens_name_good(*ret))
        return true;
    control_error(client, "SETTING",
                  "the name of a token is 1 to 64 letters, digits, '.', '-' or '_'",
                  "ils help token add", "name");
    return false;
}

void verb_token_add(struct client *client)
{
    struct slice name, who, what;
    char text[96];
    if (!take_name(client, &name))
        return;
    if (tokens_has(tokens_of(client), name)) {
        snprintf(text, sizeof text, "ils token remove %.*s", (int)name.n, (const char *)name.p);
        control_error(client, "TOKEN", "there is a token of that name", text, "name");
        return;
    }
    if (tokens_count(tokens_of(client)) >= HTTP_TOKENS_MAX) {
        control_error(client, "TOKEN", "there are 64 tokens: no more are possible",
                      "ils token list", NULL);
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    tokens_add(tokens_of(client), name, who, what, on_done, client);
}

void verb_token_remove(struct client *client)
{
    struct slice name, who, what;
    char text[96];
    if (!take_name(client, &name))
        return;
    if (!tokens_has(tokens_of(client), name)) {
        snprintf(text, sizeof text, "there is no token '%.*s'", (int)name.n, (const char *)name.p);
        control_error(client, "TOKEN", text, "ils token list", "name");
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    tokens_remove(tokens_of(client), name, who, what, on_done, client);
}
