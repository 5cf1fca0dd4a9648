/* control: the control socket's connections: who may ask, one request after another, replies, and
 * the end of those who do not read. What the requests mean is in control_*.c. */
#include "daemon/control_inside.h"
#include "daemon/control_planlog.h"

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define QUEUE_MAX   (UINT64_C(1) << 30)
#define FOLLOW_MAX  (4 * 1024 * 1024)

static const struct verb verbs[] = {
    {"version", RIGHT_READ, "", false, verb_version},
    {"status", RIGHT_READ, "", false, verb_status},
    {"stats", RIGHT_READ, "", false, verb_stats},
    {"clusters", RIGHT_READ, "", false, verb_clusters},
    {"peers", RIGHT_READ, "", false, verb_peers},
    {"alarms", RIGHT_READ, "", false, verb_alarms},
    {"verdicts", RIGHT_READ, "", false, verb_verdicts},
    {"audit", RIGHT_READ, "max,before,search,", false, verb_audit},
    {"lookup", RIGHT_READ, "dialled,from,", false, verb_lookup},
    {"sql", RIGHT_READ, "query,", false, verb_sql},
    {"auth show", RIGHT_READ, "", false, verb_auth_show},
    {"password list", RIGHT_READ, "", false, verb_password_list},
    {"route list", RIGHT_READ, "", false, verb_route_list},
    {"plan show", RIGHT_READ, "max,source,search,kind,after,", false, verb_plan_show},
    {"plan log", RIGHT_READ, "number,before,max,skip,", false, verb_plan_log},
    {"plan check", RIGHT_READ, "", false, verb_plan_check},
    {"plan export", RIGHT_READ, "source,format,all,enterprise,", false, verb_plan_export},
    {"cert show", RIGHT_READ, "", false, verb_cert_show},
    {"trust list", RIGHT_READ, "", false, verb_trust_list},
    {"trust show", RIGHT_READ, "fingerprint,", false, verb_trust_show},
    {"trust bundle export", RIGHT_READ, "", false, verb_trust_bundle_export},
    {"trust introductions", RIGHT_READ, "", false, verb_introductions},
    {"invite list", RIGHT_READ, "", false, verb_invite_list},
    {"auth ready", RIGHT_READ, "method,", false, verb_auth_ready},
    {"sync", RIGHT_READ, "cluster,", false, verb_sync},
    {"hubs", RIGHT_READ, "", false, verb_hubs},
    {"ended", RIGHT_READ, "", false, verb_ended},
    {"identity", RIGHT_READ, "", false, verb_identity},
    {"network", RIGHT_READ, "", false, verb_network},
    {"block list", RIGHT_READ, "", false, verb_block_list},
    {"accept list", RIGHT_READ, "", false, verb_accept_list},
    {"duplicates", RIGHT_READ, "", false, verb_duplicates},
    {"held", RIGHT_READ, "", false, verb_held},
    {"learned", RIGHT_READ, "cluster,search,kind,stale,max,after,", false, verb_learned},
    {"limits", RIGHT_READ, "", false, verb_limits},
    {"diagnose", RIGHT_CHANGE, "target,", false, verb_diagnose},
    {"diagnose trace", RIGHT_READ, "names,second_bytes,max,", true, verb_diagnose_trace},
    {"verdict", RIGHT_READ, "id,names,", true, verb_verdict},
    {"trace follow", RIGHT_READ, "level,cluster,address,verdict,text,", false, verb_trace_follow},
    {"trace last", RIGHT_READ, "max,before,attempt,level,cluster,address,verdict,text,", false,
     verb_trace_last},
    {"init", RIGHT_CHANGE, "cluster_id,fqdn,description,route_string,", false, verb_init},
    {"describe", RIGHT_CHANGE, "cluster_id,fqdn,description,route_string,", false, verb_describe},
    {"role", RIGHT_CHANGE, "role,host,port,wait,force,", false, verb_role},
    {"configure", RIGHT_CHANGE, "role,host,port,exchange,route_string,minutes,use_tls,use_password,"
     "stretched,generation,accept,force,dry_run,", false, verb_configure},
    {"leave", RIGHT_CHANGE, "force,", false, verb_leave},
    {"forget", RIGHT_CHANGE, "cluster,", false, verb_forget},
    {"ban", RIGHT_CHANGE, "cluster,", false, verb_ban},
    {"unban", RIGHT_CHANGE, "cluster,", false, verb_unban},
    {"identity new", RIGHT_CHANGE, "cluster_id,fqdn,", false, verb_identity_new},
    {"rebuild", RIGHT_CHANGE, "", false, verb_rebuild},
    {"restore", RIGHT_CHANGE, "file,", false, verb_restore},
    {"backup", RIGHT_CHANGE, "file,", false, verb_backup},
    {"verify", RIGHT_READ, "", false, verb_verify},
    {"store", RIGHT_READ, "", false, verb_store},
    {"store copy", RIGHT_CHANGE, "target,key,last,", false, verb_store_copy},
    {"sync every", RIGHT_CHANGE, "minutes,", false, verb_sync_every},
    {"exchange", RIGHT_CHANGE, "on,", false, verb_exchange},
    {"store release", RIGHT_CHANGE, "", false, verb_store_release},
    {"network adopt", RIGHT_CHANGE, "", false, verb_network_adopt},
    {"join", RIGHT_CHANGE, "host,port,as,wait,", false, verb_join},
    {"disconnect", RIGHT_CHANGE, "cluster,", false, verb_disconnect},
    {"connect", RIGHT_CHANGE, "cluster,", false, verb_connect},
    {"auth set", RIGHT_CHANGE, "tls,password,accept,", false, verb_auth_set},
    {"cert csr", RIGHT_CHANGE, "names,", false, verb_cert_csr},
    {"cert install", RIGHT_CHANGE, "key_bytes,password,force,now,", true, verb_cert_install},
    {"cert renew", RIGHT_CHANGE, "same_key,days,now,", false, verb_cert_renew},
    {"cert now", RIGHT_CHANGE, "", false, verb_cert_now},
    {"trust import", RIGHT_CHANGE, "password,verdict,", true, verb_trust_import},
    {"trust bundle import", RIGHT_CHANGE, "", true, verb_trust_bundle_import},
    {"trust remove", RIGHT_CHANGE, "fingerprint,", false, verb_trust_remove},
    {"trust introductions set", RIGHT_CHANGE, "on,", false, verb_introductions_set},
    {"invite", RIGHT_CHANGE, "expires,addresses,", false, verb_invite},
    {"invite remove", RIGHT_CHANGE, "id,", false, verb_invite_remove},
    {"password add", RIGHT_CHANGE, "generation,stretched,", false, verb_password_add},
    {"password prefer", RIGHT_CHANGE, "generation,", false, verb_password_prefer},
    {"password drop", RIGHT_CHANGE, "generation,", false, verb_password_drop},
    {"route add", RIGHT_CHANGE, "pattern,target,priority,weight,unresolved,", false,
     verb_route_add},
    {"route test", RIGHT_READ, "route_string,", false, verb_route_test},
    {"lookup show", RIGHT_READ, "", false, verb_lookup_show},
    {"lookup set", RIGHT_CHANGE, "dial_strings,uri_case,domains,", false, verb_lookup_set},
    {"route remove", RIGHT_CHANGE, "pattern,target,", false, verb_route_remove},
    {"block add", RIGHT_CHANGE, "pattern,prefix,cluster,type,description,", false,
     verb_block_add},
    {"block remove", RIGHT_CHANGE, "rule,", false, verb_block_remove},
    {"accept", RIGHT_CHANGE, "cluster,domain,prefix,everything,", false, verb_accept},
    {"duplicates prefer", RIGHT_CHANGE, "clusters,", false, verb_duplicates_prefer},
    {"held release", RIGHT_CHANGE, "cluster,", false, verb_held_release},
    {"plan confirm-shrink", RIGHT_CHANGE, "", false, verb_plan_confirm_shrink},
    {"limits set", RIGHT_CHANGE, "name,max,", false, verb_limits_set},
    {"trace level", RIGHT_CHANGE, "level,", false, verb_trace_level},
    {"plan import", RIGHT_CHANGE, "source,encoding,confirm,force,dry_run,", true, verb_plan_import},
    {"source list", RIGHT_READ, "", false, verb_source_list},
    {"source add", RIGHT_CHANGE, "name,kind,place,query,base,filter,attributes,bind,password_file,"
     "ca,domain,encoding,plain,every,", false, verb_source_add},
    {"source test", RIGHT_CHANGE, "name,", false, verb_source_test},
    {"source run", RIGHT_CHANGE, "name,force,", false, verb_source_run},
    {"source remove", RIGHT_CHANGE, "name,entries,", false, verb_source_remove},
    {"plan add", RIGHT_CHANGE, "kind,key,failover,dry_run,", false, verb_plan_add},
    {"plan remove", RIGHT_CHANGE, "kind,key,dry_run,", false, verb_plan_remove},
    {"catalog list", RIGHT_READ, "", false, verb_catalog_list},
    {"catalog add", RIGHT_CHANGE, "name,route_string,description,", false, verb_catalog_add},
    {"catalog import", RIGHT_CHANGE, "name,encoding,confirm,force,dry_run,", true,
     verb_catalog_import},
    {"catalog remove", RIGHT_CHANGE, "name,", false, verb_catalog_remove},
    {"catalog adopt", RIGHT_CHANGE, "name,from,description,", false, verb_catalog_adopt},
    {"token list", RIGHT_READ, "", false, verb_token_list},
    {"token add", RIGHT_CHANGE, "name,", false, verb_token_add},
    {"token remove", RIGHT_CHANGE, "name,", false, verb_token_remove},
    {"page show", RIGHT_READ, "", false, verb_page_show},
    {"page setup", RIGHT_CHANGE, "listen,", false, verb_page_setup},
    {"page remove", RIGHT_CHANGE, "name,second_factor,", false, verb_page_remove},
    {"page set", RIGHT_CHANGE, "second_factor,", false, verb_page_set},
    {"door list", RIGHT_READ, "", false, verb_door_list},
    {"door set", RIGHT_CHANGE, "door,listen,allow,rate,suffix,send_route_string,", false,
     verb_door_set},
    {"plan rollback", RIGHT_CHANGE, "number,to,dry_run,", false, verb_plan_rollback},
    {"plan confirm", RIGHT_CHANGE, "", false, verb_plan_confirm},
};

/* --- life of a client */

/* Gives it back when nothing of it is under way any more. */
void control_end(struct control *c)
{
    if (c->stopping && c->client_n == 0 && c->listener_closed && !c->undoing)
        free(c);
}

static void client_free(struct client *client)
{
    struct control *c = client->control;
    list_remove(&client->node);
    c->client_n--;
    if (client->own_free != NULL)
        client->own_free(client->own);
    json_decref(client->request);
    if (client->content != NULL)
        crypto_wipe(client->content, client->content_size);
    free(client->content);
    if (client->in != NULL)
        crypto_wipe(client->in, client->in_size);
    free(client->in);
    free(client);
    control_end(c);
}

void control_hold(struct client *client)
{
    client->holds++;
}

void control_release(struct client *client)
{
    if (--client->holds == 0)
        client_free(client);
}

static void on_closed(uv_handle_t *handle)
{
    control_release(handle->data);
}

void control_drop(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    client->follow = false;
    if (client->in_command && !client->lends) {
        client->in_command = false;
        runtime_forget(client->control->rt, client->command);
    }
    uv_close((uv_handle_t *)&client->pipe, on_closed);
    uv_close((uv_handle_t *)&client->patience, on_closed);
}

/* --- writing */

struct write {
    uv_write_t request;
    struct client *client;
    char bytes[];
};

static void client_next(struct client *client);

static void on_written(uv_write_t *request, int status)
{
    struct write *w = (struct write *)request;
    struct client *client = w->client;
    free(w);
    if (status < 0)
        control_drop(client);
    else if (client->ended && !client->busy && client->pipe.write_queue_size == 0)
        control_drop(client);
    control_release(client);
}

static void on_patience(uv_timer_t *timer)
{
    struct client *client = timer->data;
    size_t queue = client->pipe.write_queue_size;
    if (queue == 0)
        uv_timer_stop(timer);
    else if (queue >= client->queue_seen)
        control_drop(client);
    client->queue_seen = queue;
}

/* Sends {..}\n; steals the line. */
static bool client_send(struct client *client, json_t *line)
{
    char *text = line == NULL || client->closing
                     ? NULL
                     : json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(line);
    if (text == NULL) {
        control_drop(client);
        return false;
    }
    size_t n = strlen(text);
    struct write *w = malloc(sizeof *w + n + 1);
    if (w == NULL) {
        free(text);
        control_drop(client);
        return false;
    }
    w->client = client;
    memcpy(w->bytes, text, n);
    w->bytes[n] = '\n';
    crypto_wipe(text, n);
    free(text);
    uv_buf_t b = uv_buf_init(w->bytes, (unsigned)(n + 1));
    control_hold(client);
    if (client->pipe.write_queue_size > (client->follow ? FOLLOW_MAX : QUEUE_MAX) ||
        uv_write(&w->request, (uv_stream_t *)&client->pipe, &b, 1, on_written) != 0) {
        free(w);
        control_drop(client);
        control_release(client);
        return false;
    }
    if (client->pipe.write_queue_size > 0 && !uv_is_active((uv_handle_t *)&client->patience)) {
        client->queue_seen = client->pipe.write_queue_size;
        uv_timer_start(&client->patience, on_patience, PATIENCE_MS, PATIENCE_MS);
    }
    return true;
}

bool control_line(struct client *client, const char *key, json_t *value)
{
    json_t *line = json_object();
    json_object_set_new(line, key, value);
    return client_send(client, line);
}

bool control_part(struct client *client, const char *text, size_t n)
{
    return control_line(client, "part", render_text(slice_make(text, n)));
}

/* The request is over: what it held is given back, and the next one may begin. */
static void client_finish(struct client *client, json_t *line)
{
    control_hold(client);
    if (client->own_free != NULL)
        client->own_free(client->own);
    client->own_free = NULL;
    client->own = NULL;
    client->then = NULL;
    client->again = NULL;
    json_decref(client->request);
    client->request = client->args = NULL;
    if (client->content != NULL)
        crypto_wipe(client->content, client->content_size);
    free(client->content);
    client->content = NULL;
    client->content_n = client->content_size = client->content_want = 0;
    client->taking = CLIENT_LINE;
    client->busy = client->wait = false;
    client_send(client, line);
    if (!client->closing && client->ended && client->pipe.write_queue_size == 0)
        control_drop(client);
    if (!client->working)
        client_next(client);
    control_release(client);
}

void control_reply(struct client *client, json_t *result, int exit)
{
    json_t *line = json_object();
    json_object_set_new(line, "ok", json_true());
    json_object_set_new(line, "result", result != NULL ? result : json_null());
    json_object_set_new(line, "exit", json_integer(exit));
    client_finish(client, line);
}

void control_ok(struct client *client, json_t *result)
{
    control_reply(client, result, 0);
}

void control_error_rows(struct client *client, const char *name, const char *text,
                        const char *next, const char *where, json_t *more, json_t *rows)
{
    json_t *line = json_object(), *error = json_object();
    json_object_set_new(error, "name", json_string(name));
    json_object_set_new(error, "text", render_text(slice_of(text)));
    json_object_set_new(error, "next", render_text(slice_of(next)));
    json_object_set_new(error, "where", where != NULL ? render_text(slice_of(where)) : json_null());
    json_object_set_new(error, "more", more != NULL ? more : json_array());
    if (rows != NULL)
        json_object_set_new(error, "rows", rows);
    json_object_set_new(line, "ok", json_false());
    json_object_set_new(line, "error", error);
    json_object_set_new(line, "exit", json_integer(1));
    client_finish(client, line);
}

void control_error_more(struct client *client, const char *name, const char *text,
                        const char *next, const char *where, json_t *more)
{
    control_error_rows(client, name, text, next, where, more, NULL);
}

void control_error(struct client *client, const char *name, const char *text, const char *next,
                   const char *where)
{
    control_error_rows(client, name, text, next, where, NULL, NULL);
}

void control_no_memory(struct client *client)
{
    control_error(client, "MEMORY", "there is no memory for this; nothing was changed",
                  "ils status", NULL);
}

/* --- requests */

static bool args_known(struct client *client)
{
    const char *key;
    json_t *value;
    json_object_foreach(client->args, key, value) {
        char with_comma[80];
        const char *at = NULL;
        if (strlen(key) < 64) {
            snprintf(with_comma, sizeof with_comma, "%s,", key);
            at = strstr(client->verb->args, with_comma);
        }
        if (at == NULL || (at != client->verb->args && at[-1] != ',')) {
            char text[200];
            snprintf(text, sizeof text, "'%s' has no setting '%.64s'", client->verb->name, key);
            control_error(client, "SETTING", text, "ils help", key);
            return false;
        }
    }
    return true;
}

const struct verb *control_verb(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

const struct verb *control_verbs(size_t *ret_n)
{
    *ret_n = sizeof verbs / sizeof *verbs;
    return verbs;
}

static bool may(struct client *client)
{
    char text[256], next[200];
    if (client->right >= client->verb->right)
        return true;
    if (client->page) {
        snprintf(text, sizeof text, "%.90s may only read: that takes the role admin", client->who);
        control_error(client, "PERMISSION", text, "", NULL);
        return false;
    }
    const char *group = client->verb->right == RIGHT_CHANGE ? "openils-admin" : "openils";
    snprintf(text, sizeof text, "%.90s may not %s: that takes membership in the group %s",
             client->who, client->verb->right == RIGHT_CHANGE ? "change anything" : "read", group);
    snprintf(next, sizeof next, "sudo usermod -aG %s \"$USER\"", group);
    control_error(client, "PERMISSION", text, next, NULL);
    return false;
}

static void client_run(struct client *client)
{
    if (!may(client) || !args_known(client))
        return;
    client->verb->run(client);
}

/* A whole line is there: `text` of n bytes without its end. */
static void client_request(struct client *client, const char *text, size_t n)
{
    json_error_t e;
    client->busy = true;
    client->request = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    const char *name = json_string_value(json_object_get(client->request, "command"));
    json_t *bytes = json_object_get(client->request, "bytes");
    client->args = json_object_get(client->request, "args");
    client->verb = control_verb(name);
    if (client->request == NULL || name == NULL ||
        (client->args != NULL && !json_is_object(client->args)) ||
        (bytes != NULL && (!json_is_integer(bytes) || json_integer_value(bytes) < 0))) {
        client->ended = true;
        control_error(client, "REQUEST", "the request is not understood (docs/control.md)",
                      "ils --version", NULL);
        return;
    }
    uint64_t want = (uint64_t)json_integer_value(bytes);
    if (client->verb == NULL) {
        client->skip = want;
        control_error(client, "COMMAND", "this ilsd does not know the command: ils and ilsd are of "
                      "different versions", "ilsd --version; ils --version", name);
    } else if (want > CONTROL_CONTENT_MAX || (want > 0 && !client->verb->content)) {
        client->ended = true;
        control_error(client, "TOO_LARGE", "the content is larger than 2 GiB, or has no place in "
                      "this command", "ils help", NULL);
    } else if (want > 0 && client->right < client->verb->right) {
        client->skip = want;
        may(client);
    } else if (client->verb->content) {
        client->taking = CLIENT_CONTENT;
        client->content_want = want;
    } else {
        client_run(client);
    }
}

/* Moves what came into the content. False when memory is refused. */
static bool content_take(struct client *client)
{
    uint64_t n = client->content_want - client->content_n;
    if (n > client->in_n)
        n = client->in_n;
    if (client->content_n + n > client->content_size) {
        uint64_t size = client->content_size < 65536 ? 65536 : client->content_size * 2;
        while (size < client->content_n + n)
            size *= 2;
        if (size > client->content_want)
            size = client->content_want;
        char *p = realloc(client->content, size);
        if (p == NULL)
            return false;
        client->content = p;
        client->content_size = size;
    }
    if (n > 0)
        memcpy(client->content + client->content_n, client->in, n);
    client->content_n += n;
    client->in_n -= n;
    memmove(client->in, client->in + n, client->in_n);
    return true;
}

/* What was sent along with a request that was refused is passed over. */
static void client_pass_over(struct client *client)
{
    size_t n = client->skip < client->in_n ? (size_t)client->skip : client->in_n;
    client->skip -= n;
    client->in_n -= n;
    memmove(client->in, client->in + n, client->in_n);
}

/* The next whole line is a request. False: there is none. */
static bool client_line(struct client *client)
{
    char *end = client->busy || client->ended || client->in_n == 0
                    ? NULL
                    : memchr(client->in, '\n', client->in_n);
    if (end == NULL)
        return false;
    size_t n = (size_t)(end - client->in);
    client_request(client, client->in, n);
    crypto_wipe(client->in, n);
    client->in_n -= n + 1;
    memmove(client->in, client->in + n + 1, client->in_n);
    return true;
}

/* All of the content has come, or is refused. False: more must come. */
static bool client_content(struct client *client)
{
    if (!content_take(client)) {
        client->ended = true;
        control_no_memory(client);
        return true;
    }
    if (client->content_n < client->content_want)
        return false;
    client->taking = CLIENT_LINE;
    client_run(client);
    return true;
}

/* Works off what has been read, as far as it is whole and nothing is under way. */
static void client_next(struct client *client)
{
    bool more = true;
    client->working = true;
    while (more && !client->closing) {
        if (client->skip > 0 && client->in_n > 0)
            client_pass_over(client);
        if (client->skip > 0)
            more = false;
        else if (client->busy && client->taking == CLIENT_CONTENT)
            more = client_content(client);
        else
            more = client_line(client);
    }
    client->working = false;
    if (client->closing || client->in_n < CONTROL_LINE_MAX)
        return;
    if (client->busy || client->ended) {
        control_drop(client);
        return;
    }
    client->ended = true;
    client->busy = true;
    client->in_n = 0;
    control_error(client, "TOO_LARGE", "the request is longer than 1 MiB", "ils help", NULL);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct client *client = handle->data;
    if (client->in_size - client->in_n < 65536) {
        size_t size = client->in_size == 0 ? 65536 : client->in_size * 2;
        char *p = size <= 4 * (size_t)CONTROL_LINE_MAX ? realloc(client->in, size) : NULL;
        if (p != NULL) {
            client->in = p;
            client->in_size = size;
        }
    }
    *ret = uv_buf_init(client->in + client->in_n, (unsigned)(client->in_size - client->in_n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct client *client = stream->data;
    if (n > 0) {
        control_hold(client);
        client->in_n += (size_t)n;
        client_next(client);
        control_release(client);
        return;
    }
    if (n == 0)
        return;
    client->ended = true;
    uv_read_stop(stream);
    if (n != UV_EOF || !client->busy || client->follow || client->taking == CLIENT_CONTENT)
        control_drop(client);
}

/* --- who asks */

static bool in_group(const gid_t *groups, int n, const char *name)
{
    struct group *g = getgrnam(name);
    for (int i = 0; g != NULL && i < n; i++)
        if (groups[i] == g->gr_gid)
            return true;
    return false;
}

static enum right client_judge(struct client *client, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    gid_t groups[256];
    int n = 256;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return RIGHT_NONE;
    struct passwd *user = getpwuid(peer.uid);
    snprintf(client->who, sizeof client->who, "%.64s (uid %u)",
             user != NULL ? user->pw_name : "unknown", (unsigned)peer.uid);
    if (peer.uid == 0 || peer.uid == geteuid())
        return RIGHT_CHANGE;
    if (user == NULL || getgrouplist(user->pw_name, peer.gid, groups, &n) < 0) {
        groups[0] = peer.gid;
        n = 1;
    }
    if (in_group(groups, n, "openils-admin"))
        return RIGHT_CHANGE;
    return in_group(groups, n, "openils") ? RIGHT_READ : RIGHT_NONE;
}

/* With both handles, closed by control_drop. NULL: no memory. */
static struct client *client_new(struct control *c)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->control = c;
    client->holds = 2;
    list_add(&c->clients, &client->node);
    c->client_n++;
    uv_pipe_init(runtime_loop(c->rt), &client->pipe, 0);
    uv_timer_init(runtime_loop(c->rt), &client->patience);
    client->pipe.data = client->patience.data = client;
    return client;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *c = listener->data;
    struct client *client = status == 0 ? client_new(c) : NULL;
    uv_os_fd_t fd = -1;
    if (client == NULL)
        return;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
        c->client_n > CONTROL_CLIENTS_MAX ||
        uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0) {
        control_drop(client);
        return;
    }
    client->right = client_judge(client, fd);
    if (uv_read_start((uv_stream_t *)&client->pipe, on_space, on_read) != 0)
        control_drop(client);
}

bool control_attach(struct control *c, int fd, enum right right, const char *who)
{
    struct client *client = c->stopping || c->client_n >= CONTROL_CLIENTS_MAX ? NULL
                                                                             : client_new(c);
    if (client == NULL || uv_pipe_open(&client->pipe, fd) != 0) {
        close(fd);
        if (client != NULL)
            control_drop(client);
        return false;
    }
    client->right = right;
    client->page = true;
    snprintf(client->who, sizeof client->who, "%s", who);
    if (uv_read_start((uv_stream_t *)&client->pipe, on_space, on_read) == 0)
        return true;
    control_drop(client);
    return false;
}

/* --- life of the socket */

/* A request may hold a stretched password: what JSON leaves behind is wiped. */
static void json_wiping_free(void *p)
{
    if (p != NULL)
        crypto_wipe(p, malloc_usable_size(p));
    free(p);
}

static void *control_resize(void *context, void *p, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;
    c->listener_closed = true;
    control_end(c);
}

static void on_confirm_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;
    uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}

struct control *control_start(struct runtime *rt, const char *data_dir)
{
    struct control *c = calloc(1, sizeof *c);
    struct sockaddr_un limit;
    int error = 0;
    if (c == NULL || asprintf(&c->path, "%s/control.sock", data_dir) < 0) {
        fprintf(stderr, "ilsd: no memory for the control socket\n");
        free(c);
        return NULL;
    }
    json_set_alloc_funcs(malloc, json_wiping_free);
    c->rt = rt;
    c->mem = (struct mem){.resize = control_resize, .budget = SIZE_MAX};
    list_init(&c->clients);
    uv_pipe_init(runtime_loop(rt), &c->listener, 0);
    c->listener.data = c;
    unlink(c->path);
    if (strlen(c->path) >= sizeof limit.sun_path)
        error = UV_ENAMETOOLONG;
    if (error == 0)
        error = uv_pipe_bind(&c->listener, c->path);
    if (error == 0 && chmod(c->path, 0666) != 0)
        error = uv_translate_sys_error(errno);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&c->listener, 128, on_connection);
    if (error != 0) {
        fprintf(stderr, "ilsd: cannot listen on %s: %s\nnext: ilsd --data DIR with a directory "
                "that is short and writable\n", c->path, uv_strerror(error));
        free(c->path);
        c->path = NULL;
        c->stopping = true;
        uv_close((uv_handle_t *)&c->listener, on_listener_closed);
        return NULL;
    }
    control_trace_start(c);
    uv_timer_init(runtime_loop(rt), &c->confirm);
    c->confirm.data = c;
    control_confirm_look(c);
    runtime_use_control(rt, c);
    return c;
}

void control_stop(struct control *c)
{
    if (c == NULL || c->stopping)
        return;
    c->stopping = true;
    runtime_use_control(c->rt, NULL);
    control_trace_stop(c);
    unlink(c->path);
    free(c->path);
    c->path = NULL;
    list_each_safe(node, &c->clients)
        control_drop(list_entry(node, struct client, node));
    uv_close((uv_handle_t *)&c->confirm, on_confirm_closed);
}
