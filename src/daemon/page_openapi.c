/* page_openapi: the API as an OpenAPI 3.1 document, made of the table of commands itself: what is
 * there is in it, and nothing else. Of arguments it knows the types. */
#include "daemon/page_inside.h"
#include "daemon/version.h"

#include <string.h>

#define NUMBERS ",max,skip,before,number,rule,port,priority,weight,minutes,days,expires," \
                "generation,key_bytes,second_bytes,every,rate,confirm,"
#define FLAGS   ",all,enterprise,attempt,stale,force,wait,now,same_key,dry_run,on,everything," \
                "plain,unresolved,uri_case,domains,entries,send_route_string,tls,exchange," \
                "use_tls,use_password,"
#define LISTS   ",names,addresses,clusters,domain,accept,allow,"

static bool in(const char *list, const char *arg, size_t n)
{
    char with[72];
    if (n + 3 > sizeof with)
        return false;
    with[0] = ',';
    memcpy(with + 1, arg, n);
    memcpy(with + 1 + n, ",", 2);
    return strstr(list, with) != NULL;
}

enum page_type page_arg_type(const char *verb, const char *arg, size_t n)
{
    bool is_to = n == 2 && memcmp(arg, "to", 2) == 0;
    bool is_password = n == 8 && memcmp(arg, "password", 8) == 0;
    bool is_prefix = n == 6 && memcmp(arg, "prefix", 6) == 0;
    if (strcmp(verb, "audit") == 0 && n == 6 && memcmp(arg, "before", 6) == 0)
        return PAGE_TEXT; /* the id of a row; elsewhere a number */
    if (in(NUMBERS, arg, n) || is_to)
        return PAGE_NUMBER;
    bool is_factor = n == 13 && memcmp(arg, "second_factor", 13) == 0;
    if (in(FLAGS, arg, n) || (is_password && strcmp(verb, "auth set") == 0) ||
        (is_factor && strcmp(verb, "page remove") == 0))
        return PAGE_FLAG;
    if (in(LISTS, arg, n) || (is_prefix && strcmp(verb, "accept") == 0))
        return PAGE_LIST;
    return PAGE_TEXT;
}

static json_t *schema_of(enum page_type type)
{
    switch (type) {
    case PAGE_NUMBER: return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
    case PAGE_FLAG: return json_pack("{s:s}", "type", "boolean");
    case PAGE_LIST:
        return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
    default: return json_pack("{s:s}", "type", "string");
    }
}

/* Calls take for each argument of the verb. */
static void each_arg(const struct verb *verb, void (*take)(json_t *to, const char *name,
                                                           enum page_type type), json_t *to)
{
    const char *at = verb->args;
    char name[64];
    for (const char *end; (end = strchr(at, ',')) != NULL; at = end + 1) {
        size_t n = (size_t)(end - at);
        if (n >= sizeof name)
            continue;
        memcpy(name, at, n);
        name[n] = '\0';
        take(to, name, page_arg_type(verb->name, name, n));
    }
}

static void take_property(json_t *to, const char *name, enum page_type type)
{
    json_object_set_new(to, name, schema_of(type));
}

static void take_parameter(json_t *to, const char *name, enum page_type type)
{
    json_array_append_new(to, json_pack("{s:s, s:s, s:o}", "name", name, "in", "query", "schema",
                                        schema_of(type)));
}

/* Every answer has the same shape; what is in `result` is in docs/contract.md. */
static json_t *responses(void)
{
    return json_pack("{s:{s:s}, s:{s:s}}", "200", "$ref", "#/components/responses/Answer",
                     "default", "$ref", "#/components/responses/Refused");
}

static json_t *body_of(const struct verb *verb)
{
    json_t *properties = json_object(), *content = json_object();
    each_arg(verb, take_property, properties);
    if (page_stretches(verb->name))
        json_object_set_new(properties, "password", schema_of(PAGE_TEXT));
    if (verb->content) {
        json_object_set_new(properties, "content", schema_of(PAGE_TEXT));
        json_object_set_new(properties, "content_base64", schema_of(PAGE_TEXT));
        json_object_set_new(content, "application/octet-stream",
                            json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "format",
                                      "binary"));
    }
    json_object_set_new(content, "application/json",
                        json_pack("{s:{s:s, s:o, s:b}}", "schema", "type", "object", "properties",
                                  properties, "additionalProperties", 0));
    return json_pack("{s:o}", "content", content);
}

static json_t *method_of(const struct verb *verb, bool get)
{
    json_t *parameters = json_array();
    char id[80], right[32];
    snprintf(id, sizeof id, "%s:%s", get ? "get" : "post", verb->name);
    snprintf(right, sizeof right, "%s", verb->right == RIGHT_READ ? "read" : "admin");
    if (get || verb->content)
        each_arg(verb, take_parameter, parameters);
    json_t *method = json_pack("{s:s, s:s, s:s, s:o, s:o}", "operationId", id, "summary",
                               verb->name, "x-role", right, "parameters", parameters, "responses",
                               responses());
    if (!get) {
        json_array_append_new(parameters,
                              json_pack("{s:s}", "$ref", "#/components/parameters/CSRF"));
        json_object_set_new(method, "requestBody", body_of(verb));
    }
    return method;
}

static json_t *path_of(const struct verb *verb)
{
    json_t *path = json_pack("{s:o}", "post", method_of(verb, false));
    if (verb->right == RIGHT_READ)
        json_object_set_new(path, "get", method_of(verb, true));
    return path;
}

/* The paths that are no commands. */
static const char fixed[] =
    "{\"/session\": {"
    "\"get\": {\"security\": [], \"summary\": \"whose session it is; its CSRF token\","
    " \"responses\": {\"200\": {\"description\": \"name, role, csrf, proved,"
    " second_factor, recovery_left, enrol; accounts\"}}},"
    "\"post\": {\"security\": [], \"summary\": \"a session by name and password\","
    " \"requestBody\": {\"content\": {\"application/json\": {\"schema\": {\"type\": \"object\","
    " \"required\": [\"name\", \"password\"], \"properties\": {\"name\": {\"type\": \"string\"},"
    " \"password\": {\"type\": \"string\"}, \"code\": {\"type\": \"string\", \"description\":"
    " \"of the second factor, or a recovery code\"}}}}}},"
    " \"responses\": {\"200\": {\"description\": \"as of GET, with Set-Cookie\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}},"
    "\"delete\": {\"summary\": \"the session ends\", \"responses\": {\"200\": {\"description\":"
    " \"it has ended\"}}}},"
    "\"/session/proof\": {\"post\": {\"summary\": \"password, and code, once more: for five"
    " minutes what is delicate may be done\","
    " \"responses\": {\"200\": {\"description\": \"as of /session\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/session/password\": {\"post\": {\"summary\": \"another password for oneself: password, new,"
    " code; other sessions end\", \"responses\": {\"200\": {\"description\": \"as of /session\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/session/factor\": {\"post\": {\"summary\": \"a second factor: without code its key is"
    " offered, with the first code of it it counts\", \"responses\": {\"200\": {\"description\":"
    " \"key, uri; or as of /session, and recovery_codes\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/session/factor/remove\": {\"post\": {\"summary\": \"without a second factor again\","
    " \"responses\": {\"200\": {\"description\": \"as of /session\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/sessions\": {\"get\": {\"summary\": \"the sessions of oneself, of everybody for an admin\","
    " \"responses\": {\"200\": {\"description\": \"number, name, from, seconds, idle, own\"}}}},"
    "\"/sessions/end\": {\"post\": {\"summary\": \"one of them ends: number\", \"responses\":"
    " {\"200\": {\"description\": \"as of /sessions\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/setup\": {\"post\": {\"security\": [], \"summary\": \"an account by the code of ils page"
    " setup: code, name, password\", \"responses\": {\"200\": {\"description\":"
    " \"as of /session\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/users\": {\"get\": {\"summary\": \"accounts\", \"x-role\": \"admin\", \"responses\":"
    " {\"200\": {\"description\": \"name, role, made, sessions, second_factor, recovery_left\"}}},"
    "\"post\": {\"summary\": \"an account, new or changed: name, password, role\", \"x-role\":"
    " \"admin\", \"responses\": {\"200\": {\"description\": \"accounts\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/users/remove\": {\"post\": {\"summary\": \"an account goes: name\", \"x-role\": \"admin\","
    " \"responses\": {\"200\": {\"description\": \"accounts\"},"
    " \"default\": {\"$ref\": \"#/components/responses/Refused\"}}}},"
    "\"/events\": {\"get\": {\"summary\": \"server-sent events: status, clusters, alarms, hubs,"
    " each an answer of that command, when it changes\", \"responses\": {\"200\": {\"description\":"
    " \"text/event-stream\"}}}}}";

static const char components[] =
    "{\"securitySchemes\": {\"session\": {\"type\": \"apiKey\", \"in\": \"cookie\", \"name\":"
    " \"" PAGE_COOKIE "\"}},"
    "\"parameters\": {\"CSRF\": {\"name\": \"X-CSRF-Token\", \"in\": \"header\","
    " \"required\": true, \"schema\": {\"type\": \"string\"}}},"
    "\"responses\": {\"Answer\": {\"description\": \"the command's answer, as at the control"
    " socket\", \"content\": {\"application/json\": {\"schema\": {\"type\": \"object\","
    " \"required\": [\"ok\", \"result\", \"exit\"], \"properties\": {\"ok\": {\"const\": true},"
    " \"result\": {}, \"exit\": {\"type\": \"integer\"}, \"lines\": {\"type\": \"array\"}}}},"
    " \"application/x-ndjson\": {}, \"text/event-stream\": {}}},"
    "\"Refused\": {\"description\": \"what is wrong, and what to do\", \"content\":"
    " {\"application/json\": {\"schema\": {\"type\": \"object\", \"required\": [\"ok\", \"error\"],"
    " \"properties\": {\"ok\": {\"const\": false}, \"exit\": {\"type\": \"integer\"}, \"error\":"
    " {\"type\": \"object\", \"required\": [\"name\", \"text\", \"next\"], \"properties\":"
    " {\"name\": {\"type\": \"string\"}, \"text\": {\"type\": \"string\"}, \"next\": {\"type\":"
    " \"string\"}, \"where\": {\"type\": [\"string\", \"null\"]}, \"more\": {\"type\":"
    " \"array\"}}}}}}}}}}";

json_t *page_openapi(void)
{
    size_t n;
    const struct verb *verbs = control_verbs(&n);
    json_t *paths = json_loads(fixed, 0, NULL);
    char path[PAGE_COMMAND_MAX + 1];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(verbs[i].name, "page setup") == 0)
            continue;
        snprintf(path, sizeof path, "/%s", verbs[i].name);
        for (char *c = path; *c != '\0'; c++)
            *c = *c == ' ' ? '/' : *c;
        json_object_set_new(paths, path, path_of(&verbs[i]));
    }
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[{s:[]}], s:o, s:o}", "openapi",
                     "3.1.0", "info", "title", "OpenILS", "version", OPENILS_VERSION,
                     "description", "The commands of ils over HTTPS (docs/api.md).", "servers",
                     "url", "/api/v1", "security", "session", "paths", paths, "components",
                     json_loads(components, 0, NULL));
}
