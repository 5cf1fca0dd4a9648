/* control_door: the doors through the control socket: how they are set up, and setting them up. */
#include "daemon/control_inside.h"

#include <stdio.h>
#include <string.h>

#include "daemon/doors.h"

static struct doors *doors_of(const struct client *client)
{
    return runtime_doors_of(client->control->rt);
}

void verb_door_list(struct client *client)
{
    control_ok(client, doors_list(doors_of(client)));
}

json_t *control_listening(const struct runtime_stats *stats)
{
    json_t *json = json_object();
    json_object_set_new(json, "tls", json_boolean(stats->listening_tls));
    json_object_set_new(json, "password", json_boolean(stats->listening_password));
    return json;
}

/* What is wrong with one of the settings. Gives false. */
static bool wrong(struct client *client, const char *text, const char *where)
{
    control_error(client, "SETTING", text, "ils help door set", where);
    return false;
}

static bool take_listen(struct client *client, struct door_setting *s)
{
    struct slice text;
    char listen[DOOR_LISTEN_MAX];
    if (!control_text(client, "listen", false, &text))
        return false;
    if (text.p == NULL)
        return true;
    slice_to_text(text, listen, sizeof listen);
    if (text.n < sizeof listen &&
        door_listen_parse(listen, s->config.address, &s->config.port))
        return true;
    return wrong(client, "a door listens on ADDRESS:PORT, such as 127.0.0.1:5070 or [::1]:5070, "
                 "or is off", "listen");
}

/* Networks; "any" alone is everybody, "private" alone is what it is by default. */
static bool take_allow(struct client *client, struct door_setting *s)
{
    json_t *list = json_object_get(client->args, "allow"), *one;
    const char *first = json_string_value(json_array_get(list, 0));
    char text[200];
    size_t i;
    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > DOOR_NETS_MAX)
        return wrong(client, "who may ask is a list of 1 to 32 networks", "allow");
    s->config.allow_n = 0;
    s->allow_set = true;
    if (json_array_size(list) == 1 && first != NULL && strcmp(first, "any") == 0)
        return true;
    if (json_array_size(list) == 1 && first != NULL && strcmp(first, "private") == 0) {
        s->allow_set = false;
        return true;
    }
    json_array_foreach(list, i, one) {
        const char *net = json_string_value(one);
        if (net == NULL || !door_net_parse(net, &s->config.allow[i])) {
            snprintf(text, sizeof text, "'%.60s' is no network such as 10.0.0.0/8 or 2001:db8::/32 "
                     "(no bits behind its mask); `any` and `private` stand alone",
                     net != NULL ? net : "?");
            return wrong(client, text, "allow");
        }
        s->config.allow_n++;
    }
    return true;
}

/* A number, or null: as it is by default. */
static bool take_rate(struct client *client, struct door_setting *s)
{
    const json_t *rate = json_object_get(client->args, "rate");
    if (rate == NULL)
        return true;
    s->rate_set = !json_is_null(rate);
    if (json_is_null(rate))
        return true;
    if (!json_is_integer(rate) || json_integer_value(rate) < 0 ||
        json_integer_value(rate) > DOOR_RATE_MAX)
        return wrong(client, "a rate is 1 to 1000000 requests a second, or 0 for no limit", "rate");
    s->config.rate = (uint32_t)json_integer_value(rate);
    return true;
}

/* Only a door with names of its own has one; an empty one is that of the default. */
static bool take_suffix(struct client *client, enum door_name door, struct door_setting *s)
{
    const struct door_kind *kind = doors_kind(door);
    struct slice text;
    if (!control_text(client, "suffix", false, &text))
        return false;
    if (text.p == NULL)
        return true;
    if (kind->suffix == NULL)
        return wrong(client, "only the dns door has a suffix", "suffix");
    if (text.n >= sizeof s->config.suffix)
        text.n = sizeof s->config.suffix - 1; /* too long all the same */
    slice_to_text(text, s->config.suffix, sizeof s->config.suffix);
    const char *error = kind->judge(&s->config);
    return error == NULL || wrong(client, error, "suffix");
}

static bool take_send_route_string(struct client *client, enum door_name door,
                                   struct door_setting *s)
{
    const json_t *on = json_object_get(client->args, "send_route_string");
    if (on == NULL)
        return true;
    if (!doors_kind(door)->routes || !json_is_boolean(on))
        return wrong(client, "only the SIP doors send route strings: true or false",
                     "send_route_string");
    s->config.send_route_string = json_is_true(on);
    return true;
}

static void on_set(void *context, const char *error, enum reply reply, struct slice text)
{
    struct client *client = context;
    char next[64];
    const char *door = json_string_value(json_object_get(client->args, "door"));
    if (!client->closing && error != NULL) {
        snprintf(next, sizeof next, "ils door set %s --listen ADDR:PORT", door);
        control_error(client, "DOOR", error, next, "listen");
    } else if (!client->closing && reply != REPLY_OK)
        control_refused(client, reply, text);
    else if (!client->closing)
        control_ok(client, json_pack("{s:s}", "text", "OK"));
    control_release(client);
}

void verb_door_set(struct client *client)
{
    struct slice text, who, what;
    struct door_setting setting;
    enum door_name door;
    char name[16] = "", unknown[96];
    if (!control_text(client, "door", true, &text))
        return;
    if (text.n < sizeof name)
        slice_to_text(text, name, sizeof name);
    if (!doors_find(name, &door) || !doors_has(doors_of(client), door)) {
        snprintf(unknown, sizeof unknown, "there is no door '%.*s'", text.n < 60 ? (int)text.n : 60,
                 (const char *)text.p);
        control_error(client, "SETTING", unknown, "ils door list", "door");
        return;
    }
    setting = *doors_setting(doors_of(client), door);
    if (!take_listen(client, &setting) || !take_allow(client, &setting) ||
        !take_rate(client, &setting) || !take_suffix(client, door, &setting) ||
        !take_send_route_string(client, door, &setting))
        return;
    if (json_object_size(client->args) < 2) {
        wrong(client, "nothing is said that is to change", NULL);
        return;
    }
    control_named(client, &who, &what);
    control_hold(client);
    doors_set(doors_of(client), door, &setting, who, what, on_set, client);
}
