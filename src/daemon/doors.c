/* doors: each door is a slot: how it is set up, what is open of it, and a change that is under way.
 * A change of the address alone on the port that the door has itself must close first; if the new
 * address is not to be had, the old one is opened again. */
#include "daemon/doors.h"
#include "daemon/runtime_inside.h"
#include "daemon/self_tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_TEXT 256

static const struct door_kind *const kinds[DOOR_NAMES] = {
    [DOOR_SIP] = &door_sip,
    [DOOR_SIPS] = &door_sips,
#ifdef OPENILS_DNS
    [DOOR_DNS] = &door_dns,
#endif
    [DOOR_HTTP] = &door_http,
    [DOOR_PAGE] = &door_page,
};
static const char *const names[DOOR_NAMES] = {"sip", "sips", "dns", "http", "page"};

struct open_door {
    void *door;
    struct door_gate *gate;
    const struct door_kind *kind;
    struct doors *doors;
};

/* A change that is under way. */
struct door_change {
    struct door_setting setting;
    struct open_door *door; /* the new one; NULL: the old one stays, or none is wanted */
    char error[ERROR_TEXT];
    struct slice who, what; /* of its own */
    doors_done done;
    void *context;
};

struct slot {
    struct doors *doors;
    enum door_name name;
    struct door_setting setting;
    struct open_door *door;
    bool told; /* that it cannot be opened */
    struct door_refused refused; /* by gates that are no more */
    char error[ERROR_TEXT];
    struct door_change *change;
};

struct doors {
    struct runtime *rt;
    struct slot slot[DOOR_NAMES];
    size_t closing;
    bool stopping;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* --- opening and closing */

static struct open_door *open_one(struct doors *doors, enum door_name name,
                                  const struct door_config *config, char *error, size_t size)
{
    struct open_door *o = calloc(1, sizeof *o);
    struct door_gate *gate = door_gate_new(config);
    if (o == NULL || gate == NULL) {
        snprintf(error, size, "there is no memory for the door");
    } else {
        *o = (struct open_door){.gate = gate, .kind = kinds[name], .doors = doors};
        o->door = o->kind->open(doors->rt, config, gate, error, size);
        if (o->door != NULL)
            return o;
    }
    door_gate_free(gate);
    free(o);
    return NULL;
}

static void end(struct doors *doors)
{
    void (*stopped)(void *) = doors->stopped;
    void *context = doors->stopped_context;
    free(doors);
    stopped(context);
}

struct closing {
    struct open_door *door;
    void (*then)(void *context);
    void *context;
};

static void on_closed(void *context)
{
    struct closing *c = context;
    struct closing was = *c;
    struct doors *doors = was.door->doors;
    door_gate_free(was.door->gate);
    free(was.door);
    free(c);
    if (was.then != NULL)
        was.then(was.context);
    if (--doors->closing == 0 && doors->stopping)
        end(doors);
}

/* then may be NULL. */
static void close_one(struct open_door *o, void (*then)(void *context), void *context)
{
    struct closing *c = malloc(sizeof *c);
    if (c == NULL)
        abort(); /* a door that can neither be closed nor used */
    *c = (struct closing){.door = o, .then = then, .context = context};
    o->doors->closing++;
    o->kind->close(o->door, on_closed, c);
}

/* What its gate counted is kept. */
static void retire(struct slot *s, void (*then)(void *context))
{
    struct open_door *o = s->door;
    s->door = NULL;
    if (o == NULL)
        return;
    door_gate_counts(o->gate, &s->refused);
    close_one(o, then, s);
}

static bool wanted(const struct slot *s)
{
    return kinds[s->name] != NULL && s->setting.config.port != 0;
}

/* Opens what is wanted; says once why it cannot be. */
static bool look(struct slot *s)
{
    if (s->door != NULL || s->change != NULL || s->doors->rt->stopping || !wanted(s))
        return true;
    s->door = open_one(s->doors, s->name, &s->setting.config, s->error, sizeof s->error);
    if (s->door != NULL) {
        s->told = false;
        s->error[0] = '\0';
        return true;
    }
    if (!s->told && strstr(s->error, "in use") == NULL)
        fprintf(stderr, "ilsd: %s; the %s door is closed (tried again every %u s)\n", s->error,
                names[s->name], RUNTIME_RETRY_MS / 1000);
    else if (!s->told && s->setting.stored)
        fprintf(stderr, "ilsd: %s; the %s door is closed; end that program or type ils door set "
                "%s --listen ADDR:PORT (tried again every %u s)\n",
                s->error, names[s->name], names[s->name], RUNTIME_RETRY_MS / 1000);
    else if (!s->told)
        fprintf(stderr, "ilsd: %s; the %s door is closed; end that program or start ilsd with "
                "another --%s (tried again every %u s)\n",
                s->error, names[s->name], kinds[s->name]->option, RUNTIME_RETRY_MS / 1000);
    s->told = true;
    return false;
}

bool doors_retry(struct doors *doors)
{
    bool all = true;
    for (size_t i = 0; i < DOOR_NAMES; i++)
        all = look(&doors->slot[i]) && all;
    return all;
}

/* --- settings */

/* What was not said, as it is by default for such an address. */
static void fill(enum door_name name, struct door_setting *s)
{
    uint32_t rate = kinds[name] != NULL && kinds[name]->rate != 0 ? kinds[name]->rate : DOORS_RATE;
    if (!s->allow_set)
        door_allow_private(&s->config);
    if (!s->rate_set)
        s->config.rate = door_is_loopback(s->config.address) ? 0 : rate;
}

static json_t *allow_json(const struct door_config *config)
{
    char text[DOOR_NET_TEXT];
    json_t *list = json_array();
    for (size_t i = 0; i < config->allow_n; i++) {
        door_net_text(&config->allow[i], text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static char *row_of(const struct door_setting *s)
{
    char text[DOOR_LISTEN_MAX];
    json_t *row = json_object();
    door_listen_text(&s->config, text);
    json_object_set_new(row, "listen", json_string(text));
    json_object_set_new(row, "address", json_string(s->config.address));
    if (s->allow_set)
        json_object_set_new(row, "allow", allow_json(&s->config));
    if (s->rate_set)
        json_object_set_new(row, "rate", json_integer(s->config.rate));
    if (s->config.suffix[0] != '\0')
        json_object_set_new(row, "suffix", json_string(s->config.suffix));
    if (s->config.send_route_string)
        json_object_set_new(row, "send_route_string", json_true());
    char *dump = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(row);
    return dump;
}

static bool of_row(enum door_name name, const json_t *row, struct door_setting *ret)
{
    const char *listen = json_string_value(json_object_get(row, "listen"));
    const char *address = json_string_value(json_object_get(row, "address"));
    const char *suffix = json_string_value(json_object_get(row, "suffix"));
    const json_t *allow = json_object_get(row, "allow"), *rate = json_object_get(row, "rate");
    json_t *net;
    size_t i;
    if (listen == NULL || address == NULL)
        return false;
    snprintf(ret->config.address, sizeof ret->config.address, "%s", address);
    if (!door_listen_parse(listen, ret->config.address, &ret->config.port))
        return false;
    ret->stored = true;
    ret->rate_set = rate != NULL;
    ret->config.rate = (uint32_t)json_integer_value(rate);
    if (suffix != NULL)
        snprintf(ret->config.suffix, sizeof ret->config.suffix, "%s", suffix);
    ret->config.send_route_string = json_is_true(json_object_get(row, "send_route_string"));
    ret->allow_set = allow != NULL;
    ret->config.allow_n = 0;
    json_array_foreach(allow, i, net) {
        if (i == DOOR_NETS_MAX || !json_is_string(net) ||
            !door_net_parse(json_string_value(net), &ret->config.allow[i]))
            return false;
        ret->config.allow_n++;
    }
    fill(name, ret);
    return ret->config.rate <= DOOR_RATE_MAX;
}

bool doors_find(const char *name, enum door_name *ret)
{
    for (size_t i = 0; i < DOOR_NAMES; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (enum door_name)i;
            return true;
        }
    }
    return false;
}

/* Where several ilsd share the rows, each listens where its own options say; only the page, which
 * who writes has, has no option. */
static void take_row(struct slot *s, struct door_setting *setting)
{
    const struct runtime_options *o = runtime_options(s->doors->rt);
    struct view_follow v;
    if (o->store == NULL) {
        s->setting = *setting;
        return;
    }
    if (s->name == DOOR_PAGE && view_follow(runtime_core(s->doors->rt), &v))
        return;
    if (s->name != DOOR_PAGE) {
        memcpy(setting->config.address, s->setting.config.address, sizeof setting->config.address);
        setting->config.port = s->setting.config.port;
        fill(s->name, setting);
    }
    s->setting = *setting;
    if (s->door == NULL)
        return;
    door_gate_set(s->door->gate, &s->setting.config);
    if (s->door->kind->set != NULL)
        s->door->kind->set(s->door->door, &s->setting.config);
}

void doors_close(struct doors *doors, enum door_name name)
{
    struct slot *s = &doors->slot[name];
    s->setting.config.port = 0;
    if (s->change == NULL)
        retire(s, NULL);
}

void doors_row(struct doors *doors, struct slice key, struct slice value)
{
    char name[16];
    enum door_name which;
    json_t *row = json_loadb((const char *)value.p, value.n, JSON_REJECT_DUPLICATES, NULL);
    struct door_setting setting = {0};
    if (key.n < sizeof name) {
        slice_to_text(key, name, sizeof name);
        if (doors_find(name, &which) && of_row(which, row, &setting))
            take_row(&doors->slot[which], &setting);
    }
    json_decref(row);
}

const struct door_setting *doors_setting(const struct doors *doors, enum door_name name)
{
    return &doors->slot[name].setting;
}

bool doors_has(const struct doors *doors, enum door_name name)
{
    (void)doors;
    return kinds[name] != NULL;
}

const struct door_kind *doors_kind(enum door_name name)
{
    return kinds[name];
}

bool doors_is_open(const struct doors *doors, enum door_name name)
{
    return doors->slot[name].door != NULL;
}

bool doors_failed(const struct doors *doors, char *text, size_t size, char *next, size_t next_size)
{
    static const char *const word[DOOR_NAMES] = {"SIP", "SIPS", "DNS", "HTTP", "page"};
    for (size_t i = 0; i < DOOR_NAMES; i++) {
        const struct slot *s = &doors->slot[i];
        if (!wanted(s) || s->door != NULL || s->error[0] == '\0')
            continue;
        snprintf(text, size, "the %s door is closed: %s", word[i], s->error);
        snprintf(next, next_size, "ils door set %s --listen ADDR:PORT", names[i]);
        return true;
    }
    return false;
}

/* --- life */

static void take_option(struct slot *s, const char *address, uint16_t port)
{
    snprintf(s->setting.config.address, sizeof s->setting.config.address, "%s", address);
    s->setting.config.port = port;
    fill(s->name, &s->setting);
}

struct doors *doors_new(struct runtime *rt)
{
    const struct runtime_options *o = runtime_options(rt);
    struct doors *doors = calloc(1, sizeof *doors);
    if (doors == NULL)
        return NULL;
    doors->rt = rt;
    for (size_t i = 0; i < DOOR_NAMES; i++) {
        doors->slot[i].doors = doors;
        doors->slot[i].name = (enum door_name)i;
        take_option(&doors->slot[i], "127.0.0.1", 0);
    }
    take_option(&doors->slot[DOOR_SIP], o->sip_address, o->sip_port);
    take_option(&doors->slot[DOOR_SIPS], o->sips_address, o->sips_port);
    take_option(&doors->slot[DOOR_DNS], o->dns_address, o->dns_port);
    take_option(&doors->slot[DOOR_HTTP], o->http_address, o->http_port);
    return doors;
}

/* A redirect to either of them would come back. */
void doors_tell_self(struct doors *doors)
{
    const struct door_config *sip[2] = {&doors->slot[DOOR_SIP].setting.config,
                                        &doors->slot[DOOR_SIPS].setting.config};
    self_tell(doors->rt, sip, 2);
}

void doors_start(struct doors *doors)
{
    doors_tell_self(doors);
    if (!doors_retry(doors))
        runtime_again(doors->rt);
}

void doors_free(struct doors *doors)
{
    free(doors);
}

/* The commands of changes under way were answered before: none is left. */
void doors_stop(struct doors *doors, void (*done)(void *context), void *context)
{
    doors->stopping = true;
    doors->stopped = done;
    doors->stopped_context = context;
    doors->closing++;
    for (size_t i = 0; i < DOOR_NAMES; i++)
        retire(&doors->slot[i], NULL);
    if (--doors->closing == 0)
        end(doors);
}

/* --- a change */

/* It is over: whoever asked is told, and the door is as the settings say. */
static void change_end(struct slot *s, const char *error, enum reply reply, struct slice text)
{
    struct door_change *c = s->change;
    s->change = NULL;
    if (!look(s))
        runtime_again(s->doors->rt);
    c->done(c->context, error, reply, text);
    free(c);
}

/* Whoever asked is told when nobody answers at the old place any more. */
static void on_retired(void *context)
{
    struct slot *s = context;
    bool stopping = s->doors->stopping;
    change_end(s, NULL, stopping ? REPLY_STOPPED : REPLY_OK, slice_make(NULL, 0));
}

static void on_stored(void *context, enum reply reply, struct slice text,
                      const uint64_t number[REPLY_NUMBERS], const struct verdict *verdict)
{
    struct slot *s = context;
    struct door_change *c = s->change;
    bool move = c->setting.config.port == 0 || c->door != NULL;
    (void)number, (void)verdict;
    if (reply != REPLY_OK) {
        if (c->door != NULL)
            close_one(c->door, NULL, NULL);
        change_end(s, NULL, reply, text);
        return;
    }
    s->setting = c->setting;
    s->told = false;
    s->error[0] = '\0';
    bool waits = move && s->door != NULL;
    if (move) {
        retire(s, on_retired);
        s->door = c->door;
    } else if (s->door != NULL) {
        door_gate_set(s->door->gate, &s->setting.config);
        if (s->door->kind->set != NULL)
            s->door->kind->set(s->door->door, &s->setting.config);
    }
    if (s->name == DOOR_SIP || s->name == DOOR_SIPS)
        doors_tell_self(s->doors);
    if (!waits)
        change_end(s, NULL, REPLY_OK, text);
}

static void change_store(struct slot *s)
{
    struct door_change *c = s->change;
    char *row = row_of(&c->setting);
    struct command command = {.type = COMMAND_DOOR, .source = slice_of(names[s->name]),
                              .who = c->who, .what = c->what};
    if (row == NULL) {
        if (c->door != NULL)
            close_one(c->door, NULL, NULL);
        change_end(s, NULL, REPLY_MEMORY, slice_make(NULL, 0));
        return;
    }
    command.value = slice_of(row);
    runtime_command(s->doors->rt, &command, on_stored, s);
    free(row);
}

/* The old one is closed now, on whose port the new one is to be. */
static void on_swapped(void *context)
{
    struct slot *s = context;
    struct door_change *c = s->change;
    if (s->doors->stopping) {
        change_end(s, NULL, REPLY_STOPPED, slice_make(NULL, 0));
        return;
    }
    c->door = open_one(s->doors, s->name, &c->setting.config, c->error, sizeof c->error);
    if (c->door != NULL) {
        change_store(s);
    } else {
        char error[ERROR_TEXT];
        memcpy(error, c->error, sizeof error);
        change_end(s, error, REPLY_OK, slice_make(NULL, 0));
    }
}

static struct slice copy(uint8_t **at, struct slice from)
{
    struct slice to = slice_make(*at, from.n);
    if (from.n > 0)
        memcpy(*at, from.p, from.n);
    *at += from.n;
    return to;
}

static struct door_change *change_new(struct slot *s, const struct door_setting *setting,
                                      struct slice who, struct slice what)
{
    struct door_change *c = calloc(1, sizeof *c + who.n + what.n);
    if (c == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)(c + 1);
    c->setting = *setting;
    c->setting.stored = true;
    if (c->setting.config.port == 0) /* it would be opened there again */
        memcpy(c->setting.config.address, s->setting.config.address,
               sizeof c->setting.config.address);
    fill(s->name, &c->setting);
    c->who = copy(&at, who);
    c->what = copy(&at, what);
    return c;
}

void doors_set(struct doors *doors, enum door_name name, const struct door_setting *setting,
               struct slice who, struct slice what, doors_done done, void *context)
{
    struct slot *s = &doors->slot[name];
    const struct slice none = {NULL, 0};
    if (s->change != NULL) {
        done(context, "another change of this door is under way", REPLY_OK, none);
        return;
    }
    struct door_change *c = change_new(s, setting, who, what);
    if (c == NULL || doors->stopping) {
        free(c);
        done(context, NULL, doors->stopping ? REPLY_STOPPED : REPLY_MEMORY, none);
        return;
    }
    c->done = done;
    c->context = context;
    s->change = c;
    const struct door_config *old = &s->setting.config, *new = &c->setting.config;
    bool there = s->door != NULL && old->port == new->port &&
                 strcmp(old->address, new->address) == 0;
    if (new->port == 0 || there) {
        change_store(s);
        return;
    }
    c->door = open_one(doors, name, new, c->error, sizeof c->error);
    if (c->door != NULL) {
        change_store(s);
    } else if (s->door != NULL && old->port == new->port) {
        retire(s, on_swapped);
    } else {
        char error[ERROR_TEXT];
        memcpy(error, c->error, sizeof error);
        change_end(s, error, REPLY_OK, none);
    }
}

/* --- what there is */

static json_t *counts_json(const struct slot *s)
{
    struct door_count count[DOOR_COUNTS];
    struct door_refused refused = s->refused;
    json_t *json = json_object();
    size_t n = kinds[s->name]->counts(s->doors->rt, count);
    for (size_t i = 0; i < n; i++)
        json_object_set_new(json, count[i].name, json_integer((json_int_t)count[i].n));
    if (s->door != NULL)
        door_gate_counts(s->door->gate, &refused);
    json_object_set_new(json, "not_allowed", json_integer((json_int_t)refused.not_allowed));
    json_object_set_new(json, "too_fast", json_integer((json_int_t)refused.too_fast));
    json_object_set_new(json, "passed_over", json_integer((json_int_t)refused.passed_over));
    return json;
}

static json_t *door_json(const struct slot *s)
{
    char listen[DOOR_LISTEN_MAX];
    json_t *json = json_object();
    bool open = s->door != NULL;
    door_listen_text(&s->setting.config, listen);
    json_object_set_new(json, "door", json_string(names[s->name]));
    json_object_set_new(json, "listen", json_string(listen));
    json_object_set_new(json, "open", json_boolean(open));
    json_object_set_new(json, "state", json_string(open ? "open" : wanted(s) ? "failed" : "off"));
    json_object_set_new(json, "error", open || s->error[0] == '\0' ? json_null()
                                                                   : json_string(s->error));
    json_object_set_new(json, "allow", allow_json(&s->setting.config));
    json_object_set_new(json, "allow_default", json_boolean(!s->setting.allow_set));
    json_object_set_new(json, "rate", json_integer(s->setting.config.rate));
    json_object_set_new(json, "rate_default", json_boolean(!s->setting.rate_set));
    json_object_set_new(json, "set_by", json_string(s->setting.stored ? "operator" : "start"));
    if (kinds[s->name]->suffix != NULL)
        json_object_set_new(json, "suffix",
                            json_string(s->setting.config.suffix[0] != '\0'
                                            ? s->setting.config.suffix
                                            : kinds[s->name]->suffix));
    if (kinds[s->name]->routes)
        json_object_set_new(json, "send_route_string",
                            json_boolean(s->setting.config.send_route_string));
    json_object_set_new(json, "counts", counts_json(s));
    return json;
}

json_t *doors_list(const struct doors *doors)
{
    json_t *list = json_array();
    for (size_t i = 0; i < DOOR_NAMES; i++)
        if (kinds[i] != NULL)
            json_array_append_new(list, door_json(&doors->slot[i]));
    return list;
}
