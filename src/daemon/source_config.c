/* source_config: how a source is set up, judged before it is stored. A password has no place in it:
 * what is stored is shown to everybody who may read. */
#include "daemon/source.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

#define TEXT_MAX      4096
#define EVERY_DEFAULT 300

static const char *const texts[] = {"kind",   "place",         "query",  "base",
                                    "filter", "attributes",    "bind",   "password_file",
                                    "ca",     "domain",        "encoding"};

static const char *text_of(const json_t *config, const char *key)
{
    const char *text = json_string_value(json_object_get(config, key));
    return text != NULL ? text : "";
}

void source_config_spec(const json_t *config, struct source_spec *ret)
{
    *ret = (struct source_spec){
        .kind = source_kind_parse(text_of(config, "kind")),
        .place = text_of(config, "place"),
        .query = text_of(config, "query"),
        .base = text_of(config, "base"),
        .filter = text_of(config, "filter"),
        .attributes = text_of(config, "attributes"),
        .bind = text_of(config, "bind"),
        .password_file = text_of(config, "password_file"),
        .ca = text_of(config, "ca"),
        .domain = text_of(config, "domain"),
        .encoding = text_of(config, "encoding"),
        .plain = json_is_true(json_object_get(config, "plain")),
    };
}

int64_t source_config_every(const json_t *config)
{
    int64_t every = json_integer_value(json_object_get(config, "every"));
    return every > 0 ? every : EVERY_DEFAULT;
}

/* scheme://user:secret@host, or password=. */
static bool holds_password(const char *place)
{
    const char *slashes = strstr(place, "://"), *at = slashes != NULL ? strchr(slashes, '@') : NULL;
    const char *colon = slashes != NULL ? strchr(slashes + 3, ':') : NULL;
    const char *path = slashes != NULL ? strchr(slashes + 3, '/') : NULL;
    if (at != NULL && colon != NULL && colon < at && (path == NULL || at < path))
        return true;
    for (const char *p = place; (p = strcasestr(p, "password")) != NULL; p++)
        if (p[8 + strspn(p + 8, " \t\r\n")] == '=')
            return true;
    return false;
}

static bool fails(char *text, size_t size, const char *sentence, const char **ret_where,
                  const char *where)
{
    snprintf(text, size, "%s", sentence);
    *ret_where = where;
    return false;
}

static bool judge_texts(const json_t *config, char *text, size_t size, const char **ret_where)
{
    static const char *const paths[] = {"password_file", "ca"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *value = json_object_get(config, texts[i]);
        if (value != NULL && (!json_is_string(value) || json_string_length(value) > TEXT_MAX ||
                              strlen(json_string_value(value)) != json_string_length(value)))
            return fails(text, size, "this setting is a text of at most 4096 bytes", ret_where,
                         texts[i]);
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (text_of(config, paths[i])[0] != '\0' && text_of(config, paths[i])[0] != '/')
            return fails(text, size, "ilsd wants the path of a file from / on", ret_where,
                         paths[i]);
    const json_t *every = json_object_get(config, "every");
    if (every != NULL && (!json_is_integer(every) || json_integer_value(every) < 1 ||
                          json_integer_value(every) > SOURCE_EVERY_MAX))
        return fails(text, size, "a source is read every 1 s to every 7 d", ret_where, "every");
    return true;
}

bool source_config_judge(const json_t *config, char *text, size_t size, const char **ret_where)
{
    struct source_spec spec;
    if (!judge_texts(config, text, size, ret_where))
        return false;
    source_config_spec(config, &spec);
    bool path = spec.kind == SOURCE_FILE || spec.kind == SOURCE_SQLITE;
    bool ldap = spec.kind == SOURCE_LDAP;
    if (spec.kind == 0)
        return fails(text, size, "a source is a file, sqlite, postgresql, mariadb or ldap",
                     ret_where, "kind");
    if (spec.place[0] == '\0' || (path && spec.place[0] != '/'))
        return fails(text, size, path ? "ilsd wants the path of a file from / on"
                                      : "it is not said where the source is", ret_where, "place");
    if (holds_password(spec.place))
        return fails(text, size, "a password does not belong there, where everybody can read it: "
                                 "--password-file FILE names the file that holds it", ret_where,
                     "place");
    if (spec.kind != SOURCE_FILE && !ldap && spec.query[0] == '\0')
        return fails(text, size, "a database is asked with --query SQL", ret_where, "query");
    if (ldap && spec.attributes[0] == '\0')
        return fails(text, size, "a directory is asked for --attributes URI=mail,"
                                 "NUMBER=telephoneNumber", ret_where, "attributes");
    if (ldap && spec.filter[0] == '\0')
        return fails(text, size, "a directory is asked with --filter F, such as "
                                 "(objectClass=person)", ret_where, "filter");
    return true;
}

char *source_config_row(const json_t *config, const uint8_t *hash)
{
    char hex[2 * HASH_SIZE + 1] = "";
    json_t *row = json_object();
    if (hash != NULL)
        hex_text(hex, hash, HASH_SIZE);
    json_object_set_new(row, "config", json_deep_copy(config));
    json_object_set_new(row, "hash", json_string(hex));
    char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(row);
    return text;
}
