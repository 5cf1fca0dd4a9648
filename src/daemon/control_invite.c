/* control_invite: one-time tokens. The hub makes one, shows it once and keeps what is needed to
 * know it again; whoever types it at `ils join` shows it to nobody but that hub. */
#include "daemon/control_inside.h"
#include "daemon/token.h"
#include "driver/clock.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_DEFAULT 86400
#define EXPIRES_MAX     (366 * 86400)

/* --- where the hub is */

static bool add(struct token *token, const char *host, uint16_t port)
{
    char text[TOKEN_ADDRESS], check[HOST_TEXT_MAX + 1];
    uint16_t checked;
    if (token->address_n == TOKEN_ADDRESSES)
        return true;
    int n = snprintf(text, sizeof text, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
                     (unsigned)port);
    if (n < 0 || (size_t)n >= sizeof text || !token_address(slice_of(text), check, &checked))
        return false;
    snprintf(token->address[token->address_n++], TOKEN_ADDRESS, "%s", text);
    return true;
}

/* Of all interfaces: IPv4, then IPv6, without those that mean something on one link only. */
static void add_interfaces(struct token *token, uint16_t port)
{
    uv_interface_address_t *all;
    int n;
    if (uv_interface_addresses(&all, &n) != 0)
        return;
    for (int family = 0; family < 2; family++)
        for (int i = 0; i < n; i++) {
            char text[INET6_ADDRSTRLEN] = "";
            const uv_interface_address_t *a = &all[i];
            if (a->is_internal || (a->address.address4.sin_family == AF_INET6) != (family == 1))
                continue;
            if (family == 1 && IN6_IS_ADDR_LINKLOCAL(&a->address.address6.sin6_addr))
                continue;
            if (family == 0)
                uv_ip4_name(&a->address.address4, text, sizeof text);
            else
                uv_ip6_name(&a->address.address6, text, sizeof text);
            add(token, text, port);
        }
    uv_free_interface_addresses(all, n);
}

static void default_addresses(const struct runtime *rt, struct token *token)
{
    const struct runtime_options *o = runtime_options(rt);
    char host[HOST_TEXT_MAX + 1];
    uint16_t port = o->tls_port;
    if (runtime_advertised(rt, host)) {
        struct view_self self;
        view_self(runtime_core(rt), &self);
        char ignored[HOST_TEXT_MAX + 1];
        uint16_t said;
        if (self.auth.tls && token_address(slice_of(o->advertise), ignored, &said))
            port = said;
        add(token, host, port);
    } else if (strcmp(o->address, "::") != 0 && strcmp(o->address, "0.0.0.0") != 0) {
        add(token, o->address, port);
    } else {
        add_interfaces(token, port);
    }
    if (token->address_n == 0)
        add(token, strcmp(o->address, "::1") == 0 ? "::1" : "127.0.0.1", port);
}

/* HOST, HOST:PORT, ADDRESS or [ADDRESS]:PORT. */
static bool add_typed(struct token *token, const char *text, uint16_t port)
{
    char host[HOST_TEXT_MAX + 1];
    if (token->address_n == TOKEN_ADDRESSES)
        return false;
    if (token_address(slice_of(text), host, &port))
        return add(token, host, port);
    return strchr(text, '[') == NULL && add(token, text, port);
}

static bool typed_addresses(struct client *client, json_t *array, struct token *token)
{
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value) {
        const char *text = json_is_string(value) ? json_string_value(value) : "";
        if (add_typed(token, text, runtime_options(client->control->rt)->tls_port))
            continue;
        control_error(client, "SETTING", "the addresses are one to four of HOST, HOST:PORT, "
                      "ADDRESS and [ADDRESS]:PORT", "ils help invite", "addresses");
        return false;
    }
    if (token->address_n == 0)
        default_addresses(client->control->rt, token);
    return true;
}

/* --- making one */

static void token_forget(void *own)
{
    crypto_wipe(own, sizeof(struct token));
    free(own);
}

static void invited(struct client *client, enum reply reply, struct slice text)
{
    const struct token *token = client->own;
    char whole[TOKEN_TEXT_MAX];
    struct view_own own;
    if (reply != REPLY_OK) {
        control_refused(client, reply, text);
        return;
    }
    json_t *json = json_object(), *addresses = json_array();
    token_text(whole, token);
    for (size_t i = 0; i < token->address_n; i++)
        json_array_append_new(addresses, json_string(token->address[i]));
    json_object_set_new(json, "token", json_string(whole));
    json_object_set_new(json, "id", control_hex(token->invite.id, INVITE_ID_SIZE));
    json_object_set_new(json, "expires", control_time(token->invite.expires));
    json_object_set_new(json, "addresses", addresses);
    json_object_set_new(json, "fingerprint",
                        view_own(runtime_core(client->control->rt), 0, &own)
                            ? control_fingerprint(own.fingerprint) : json_null());
    json_object_set_new(json, "text", json_string("whoever has the token joins: it is used once"));
    crypto_wipe(whole, sizeof whole);
    control_ok(client, json);
}

void verb_invite(struct client *client)
{
    struct command command = {.type = COMMAND_INVITE};
    struct runtime *rt = client->control->rt;
    struct view_self self;
    struct view_own own;
    uint64_t seconds;
    json_t *addresses = json_object_get(client->args, "addresses");
    if (!control_number(client, "expires", EXPIRES_MAX, EXPIRES_DEFAULT, &seconds))
        return;
    view_self(runtime_core(rt), &self);
    if (self.role != ROLE_HUB || !view_own(runtime_core(rt), 0, &own)) {
        control_refused(client, self.role != ROLE_HUB ? REPLY_NOT_HUB : REPLY_NO_CERTIFICATE,
                        slice_make(NULL, 0));
        return;
    }
    if (runtime_options(rt)->tls_port == 0) {
        control_error(client, "TLS_PORT", "an invite is used on the TLS port, which is off",
                      "ilsd --tls-port 7501", NULL);
        return;
    }
    struct token *token = calloc(1, sizeof *token);
    if (token == NULL) {
        control_no_memory(client);
        return;
    }
    client->own = token;
    client->own_free = token_forget;
    if (!typed_addresses(client, addresses, token))
        return;
    clock_entropy(token->invite.id, INVITE_ID_SIZE);
    clock_entropy(token->invite.secret, INVITE_SECRET_SIZE);
    crypto_hash1(token->invite.hub, "invite hub", slice_make(self.key, KEY_SIZE));
    /* As the token says it: in whole seconds. */
    token->invite.expires = (clock_wall() / TICK_S + (wall)(seconds > 0 ? seconds : 1)) * TICK_S;
    command.invite = token->invite;
    control_change_then(client, &command, true, invited);
    crypto_wipe(&command, sizeof command);
}

/* --- those that were made */

void verb_invite_list(struct client *client)
{
    struct view_invite v;
    wall now = clock_wall();
    json_t *rows = json_array();
    for (size_t i = 0; view_invite(runtime_core(client->control->rt), i, &v); i++) {
        const char *state = v.by.n > 0         ? "used"
                            : v.spent          ? "spent"
                            : v.expires <= now ? "expired"
                                               : "open";
        json_t *json = json_object();
        json_object_set_new(json, "id", control_hex(v.id, INVITE_ID_SIZE));
        json_object_set_new(json, "made", control_time(v.made));
        json_object_set_new(json, "expires", control_time(v.expires));
        json_object_set_new(json, "state", json_string(state));
        json_object_set_new(json, "failures", json_integer(v.failures));
        json_object_set_new(json, "by", control_text_or_null(v.by));
        json_array_append_new(rows, json);
    }
    control_ok(client, rows);
}

void verb_invite_remove(struct client *client)
{
    struct command command = {.type = COMMAND_INVITE_REMOVE};
    struct slice id;
    if (!control_text(client, "id", true, &id))
        return;
    if (hex_parse(command.invite.id, INVITE_ID_SIZE, id))
        control_change(client, &command);
    else
        control_error(client, "SETTING", "an invite's id is 16 hex digits", "ils invite --list",
                      "id");
}

/* --- using one */

struct use {
    struct token token;
    size_t next; /* of its addresses */
    enum ils_role role;
};

static void use_forget(void *own)
{
    crypto_wipe(own, sizeof(struct use));
    free(own);
}

/* Dials the next address. */
static void use_dial(struct client *client, bool audited)
{
    struct use *use = client->own;
    char host[HOST_TEXT_MAX + 1];
    struct command command = {.type = COMMAND_JOIN, .role = use->role, .invited = true,
                              .invite = use->token.invite};
    token_address(slice_of(use->token.address[use->next++]), host, &command.port);
    command.host = slice_of(host);
    control_change_then(client, &command, audited, NULL);
    crypto_wipe(&command, sizeof command);
}

/* A hub has several addresses, and not all of them lead there from everywhere. */
static bool use_again(struct client *client, const struct verdict *v)
{
    const struct use *use = client->own;
    if (use->next == use->token.address_n || client->closing ||
        (v->code != CODE_REFUSED && v->code != CODE_NO_ANSWER && v->code != CODE_UNRESOLVED))
        return false;
    use_dial(client, false);
    return true;
}

static bool use_expired(struct client *client, wall expires)
{
    char sentence[160], at[25];
    if (expires > clock_wall())
        return false;
    wall_text(at, expires);
    snprintf(sentence, sizeof sentence, "the token expired at %s (by the clock of this host); the "
             "hub makes a new one", at);
    control_error(client, "INVITE_EXPIRED", sentence, "ils invite", "the token");
    return true;
}

void control_join_token(struct client *client, struct slice text, enum ils_role role)
{
    struct use *use = calloc(1, sizeof *use);
    if (use == NULL) {
        control_no_memory(client);
        return;
    }
    client->own = use;
    client->own_free = use_forget;
    use->role = role;
    switch (token_read(text, &use->token)) {
    case TOKEN_OK:
        client->again = use_again;
        if (!use_expired(client, use->token.invite.expires))
            use_dial(client, true);
        break;
    case TOKEN_VERSION:
        control_error(client, "INVITE_VERSION", "the token is of a later version than this "
                      "program", "ilsd --version", "the token");
        break;
    case TOKEN_MANGLED:
        control_error(client, "INVITE_MANGLED", "the token is not whole: a character is missing "
                      "or wrong; paste all of it, or have it sent again", "ils help join",
                      "the token");
        break;
    }
}
