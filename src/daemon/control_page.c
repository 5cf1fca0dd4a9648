/* control_page: the admin page through the control socket: it is opened, and given a setup code, by
 * whoever sits at the console. The code is said once, in the answer. */
#include "daemon/control_inside.h"

#include <stdio.h>
#include <string.h>

#include "daemon/doors.h"
#include "daemon/page.h"

static struct page *page_of(const struct client *client)
{
    return runtime_page(client->control->rt);
}

static const struct door_setting *setting_of(const struct client *client)
{
    return doors_setting(runtime_doors_of(client->control->rt), DOOR_PAGE);
}

/* "https://127.0.0.1:7543/"; null while the door is closed. */
static json_t *url_of(const struct client *client)
{
    char listen[DOOR_LISTEN_MAX], url[DOOR_LISTEN_MAX + 16];
    struct view_self self;
    const struct door_config *config = &setting_of(client)->config;
    if (!doors_is_open(runtime_doors_of(client->control->rt), DOOR_PAGE))
        return json_null();
    door_listen_text(config, listen);
    bool every = strcmp(config->address, "0.0.0.0") == 0 || strcmp(config->address, "::") == 0;
    view_self(runtime_core(client->control->rt), &self);
    if (every && self.fqdn.n > 0)
        return json_sprintf("https://%.*s:%u/", (int)self.fqdn.n, (const char *)self.fqdn.p,
                            config->port);
    snprintf(url, sizeof url, "https://%s/", listen);
    return json_string(url);
}

static json_t *shown(const struct client *client)
{
    json_t *json = json_object();
    const char *fingerprint = page_fingerprint(page_of(client));
    json_object_set_new(json, "url", url_of(client));
    json_object_set_new(json, "fingerprint",
                        fingerprint[0] != '\0' ? json_string(fingerprint) : json_null());
    return json;
}

void verb_page_show(struct client *client)
{
    json_t *json = shown(client);
    json_object_set_new(json, "users", page_users(page_of(client)));
    json_object_set_new(json, "second_factor",
                        json_string(page_required(page_of(client)) ? "required" : "optional"));
    control_ok(client, json);
}

/* --- setting it up */

static void give_code(struct client *client)
{
    char code[PAGE_CODE_TEXT];
    json_t *json = shown(client);
    page_setup_code(page_of(client), code);
    json_object_set_new(json, "code", json_string(code));
    json_object_set_new(json, "minutes", json_integer(PAGE_CODE_MIN));
    crypto_wipe(code, sizeof code);
    control_ok(client, json);
}

static void on_set(void *context, const char *error, enum reply reply, struct slice text)
{
    struct client *client = context;
    if (!client->closing && error != NULL)
        control_error(client, "DOOR", error, "ils page setup --listen ADDR:PORT", "listen");
    else if (!client->closing && reply != REPLY_OK)
        control_refused(client, reply, text);
    else if (!client->closing)
        give_code(client);
    control_release(client);
}

void verb_page_setup(struct client *client)
{
    struct doors *doors = runtime_doors_of(client->control->rt);
    struct door_setting setting = *setting_of(client);
    struct slice text, who, what;
    char listen[DOOR_LISTEN_MAX];
    if (!control_text(client, "listen", false, &text))
        return;
    bool same = text.p == NULL && setting.config.port != 0;
    if (text.p == NULL && !same) {
        snprintf(setting.config.address, sizeof setting.config.address, "127.0.0.1");
        setting.config.port = PAGE_PORT;
    } else if (!same) {
        slice_to_text(text, listen, sizeof listen);
        if (text.n >= sizeof listen ||
            !door_listen_parse(listen, setting.config.address, &setting.config.port) ||
            setting.config.port == 0) {
            control_error(client, "SETTING", "the page listens on ADDRESS:PORT, such as "
                          "127.0.0.1:7543", "ils help page setup", "listen");
            return;
        }
    }
    if (same && doors_is_open(doors, DOOR_PAGE)) {
        give_code(client);
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    doors_set(doors, DOOR_PAGE, &setting, who, what, on_set, client);
}

/* --- accounts */

static void on_done(void *context, enum reply reply, struct slice text)
{
    struct client *client = context;
    if (!client->closing && reply != REPLY_OK)
        control_refused(client, reply, text);
    else if (!client->closing)
        control_ok(client, json_pack("{s:s}", "text", "OK"));
    control_release(client);
}

void verb_page_set(struct client *client)
{
    struct slice wanted, who, what;
    if (!control_text(client, "second_factor", true, &wanted))
        return;
    bool required = slice_eq(wanted, slice_of("required"));
    if (!required && !slice_eq(wanted, slice_of("optional"))) {
        control_error(client, "SETTING", "second_factor is required or optional",
                      "ils help page set", "second_factor");
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    page_require(page_of(client), required, who, what, on_done, client);
}

void verb_page_remove(struct client *client)
{
    struct slice name, who, what;
    bool factor = control_flag(client, "second_factor", false);
    if (!control_text(client, "name", true, &name))
        return;
    if (!page_has(page_of(client), name)) {
        control_error(client, "USER", "there is no account of that name", "ils page", "name");
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    if (page_remove(page_of(client), name, factor, who, on_done, client))
        return;
    control_error(client, "BUSY", "that account is being changed: try again in a moment", "", NULL);
    control_release(client);
}
