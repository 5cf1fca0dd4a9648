/* control_catalog: imported catalogs of a hub: added, filled from a file, shown, removed, or taken
 * over from another hub. */
#include "daemon/control_planlog.h"

#include <string.h>

static json_t *catalog_json(const struct view_catalog *c)
{
    struct view_holds holds = {.known = true, .newest = c->usn, .status = c->status};
    json_t *json = json_object();
    json_object_set_new(json, "name", render_text(c->name));
    json_object_set_new(json, "cluster", render_text(c->origin));
    json_object_set_new(json, "local", json_boolean(c->own));
    json_object_set_new(json, "route_string", render_text(c->route_string));
    json_object_set_new(json, "description", control_text_or_null(c->description));
    json_object_set_new(json, "entries", control_number_json(c->entries));
    json_object_set_new(json, "usn", control_number_json(c->usn));
    json_object_set_new(json, "epoch", control_number_json(c->epoch));
    json_object_set_new(json, "root", control_hex(c->root, sizeof c->root));
    json_object_set_new(json, "peer_id", control_hex(c->peer_id, sizeof c->peer_id));
    json_object_set_new(json, "stream", control_number_json(c->number));
    json_object_set_new(json, "status",
                        json_string(c->stale ? "Stale" : control_holds_text(&holds)));
    json_object_set_new(json, "last_usn_data_received", control_time(c->own ? 0 : c->last_usn));
    return json;
}

json_t *control_catalogs(const struct ils *core)
{
    struct view_catalog c;
    json_t *rows = json_array();
    for (size_t i = 0; view_catalog(core, i, &c); i++)
        json_array_append_new(rows, catalog_json(&c));
    return rows;
}

void verb_catalog_list(struct client *client)
{
    control_ok(client, control_catalogs(runtime_core(client->control->rt)));
}

void verb_catalog_add(struct client *client)
{
    struct command command = {.type = COMMAND_CATALOG_ADD};
    if (control_text(client, "name", true, &command.cluster_id) &&
        control_text(client, "route_string", true, &command.route_string) &&
        control_text(client, "description", false, &command.description))
        control_change(client, &command);
}

void verb_catalog_remove(struct client *client)
{
    struct command command = {.type = COMMAND_CATALOG_REMOVE};
    if (control_text(client, "name", true, &command.cluster_id))
        control_change(client, &command);
}

void verb_catalog_adopt(struct client *client)
{
    struct command command = {.type = COMMAND_CATALOG_ADOPT};
    if (control_text(client, "name", true, &command.cluster_id) &&
        control_text(client, "from", true, &command.cluster) &&
        control_text(client, "description", false, &command.description))
        control_change(client, &command);
}

void verb_catalog_import(struct client *client)
{
    struct slice name;
    uint64_t number;
    if (!control_text(client, "name", true, &name))
        return;
    if (view_own_catalog_named(runtime_core(client->control->rt), name, &number) == NULL) {
        control_refused(client, REPLY_CATALOG_UNKNOWN, name);
        return;
    }
    control_import(client, name, number);
}
