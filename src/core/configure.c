/* configure: role, registration server, exchange, route string, interval, authentication and a
 * password as one change. All of it is judged before any of it is done, it becomes durable as one
 * batch, and what it would do can be asked beforehand (view_configure). */
#include "core/core.h"
#include "core/view.h"

#define AUTH ((1u << CONFIG_TLS) | (1u << CONFIG_PASSWORD) | (1u << CONFIG_ACCEPT))

static bool given(const struct command *c, enum config_field field)
{
    return (c->fields >> field & 1) != 0;
}

static void differs(struct view_configure *v, enum config_field field, bool does)
{
    v->changes |= (uint32_t)does << field;
}

static bool changes(const struct view_configure *v, enum config_field field)
{
    return (v->changes >> field & 1) != 0;
}

static enum reply wrong(struct view_configure *v, enum config_field field, enum reply reply,
                        struct slice text)
{
    v->wrong = field;
    v->text = text;
    return reply;
}

/* --- the role, and whom it registers with */

/* The command as it would be given for the role alone. The registration server as it is means the
 * hub behind it, by whatever name it was dialled. */
static struct command as_role(const struct ils *ils, const struct command *c,
                              const struct view_configure *v)
{
    const struct dial *d = &ils->dial;
    struct command role = *c;
    bool same = slice_eq_fold(v->host, text_slice(d->host)) && v->port == d->port;
    const struct peer *home = d->hub_known && d->wanted ? peer_find(ils, d->hub_key) : NULL;
    role.host = v->host;
    role.port = v->port;
    if (same && home != NULL && home->link != NULL && mesh_is_hub(home))
        role.host.n = role.port = 0;
    return role;
}

/* A hub becomes a spoke of one that it is linked with; a hub that is alone, of any. */
static enum reply judge_hub_to_spoke(const struct ils *ils, const struct command *c,
                                     struct view_configure *v)
{
    struct slice text;
    struct command role = as_role(ils, c, v);
    enum reply reply = role_judge_spoke(ils, &role, &text);
    if (reply == REPLY_DRAINING) { /* it is on its way */
        v->role = ROLE_HUB;
        return REPLY_OK;
    }
    v->home = HOME_DRAINS;
    if (reply == REPLY_OK)
        memcpy(v->chosen, role_chosen_hub(ils, &role)->key, KEY_SIZE);
    if (reply == REPLY_OK)
        return REPLY_OK;
    bool alone = reply == REPLY_NO_HUB || reply == REPLY_LAST_HUB;
    const struct peer *spoke = ends_stranded(ils);
    if (alone && spoke != NULL && !c->now)
        return wrong(v, CONFIG_ROLE, REPLY_LAST_HUB, text_slice(spoke->cluster_id));
    if (!alone || v->host.n == 0)
        return wrong(v, reply == REPLY_HAS_CATALOGS ? CONFIG_ROLE : CONFIG_HOST, reply, text);
    v->home = HOME_JOINS;
    v->leaves = true;
    return REPLY_OK;
}

static enum reply judge_spoke(const struct ils *ils, const struct command *c,
                              struct view_configure *v)
{
    if (v->host.n == 0 && ils->role != ROLE_HUB)
        return wrong(v, CONFIG_HOST, REPLY_ROLE_SPOKE, v->host);
    if (ils->role == ROLE_HUB)
        return judge_hub_to_spoke(ils, c, v);
    bool other = changes(v, CONFIG_HOST) || changes(v, CONFIG_PORT);
    v->home = ils->role != ROLE_SPOKE || other ? HOME_JOINS : HOME_STAYS;
    return REPLY_OK;
}

static void judge_hub(const struct ils *ils, const struct command *c, struct view_configure *v)
{
    bool other = changes(v, CONFIG_HOST) || changes(v, CONFIG_PORT);
    if (!given(c, CONFIG_HOST))
        return;
    if (v->host.n == 0)
        v->home = other ? HOME_NONE : HOME_STAYS;
    else if (other || ils->role != ROLE_HUB)
        v->home = HOME_JOINS;
}

static enum reply judge_standalone(const struct ils *ils, const struct command *c,
                                   struct view_configure *v)
{
    struct slice catalog;
    const struct peer *spoke = ends_stranded(ils);
    v->home = HOME_NONE;
    v->host.n = v->port = 0;
    v->changes &= ~(1u << CONFIG_HOST | 1u << CONFIG_PORT);
    if (ils->role == ROLE_STANDALONE)
        return REPLY_OK;
    if (catalogs_own(ils, &catalog) != 0)
        return wrong(v, CONFIG_ROLE, REPLY_HAS_CATALOGS, catalog);
    if (spoke != NULL && !c->now)
        return wrong(v, CONFIG_ROLE, REPLY_ALONE_LAST_HUB, text_slice(spoke->cluster_id));
    return REPLY_OK;
}

static enum reply judge_role(const struct ils *ils, const struct command *c,
                             struct view_configure *v)
{
    const struct dial *d = &ils->dial;
    enum reply reply = REPLY_OK;
    v->role = given(c, CONFIG_ROLE) ? c->role : ils->role;
    v->host = given(c, CONFIG_HOST) ? c->host : text_slice(d->host);
    bool same = slice_eq_fold(v->host, text_slice(d->host));
    v->port = given(c, CONFIG_PORT) ? c->port : same ? d->port : 0;
    differs(v, CONFIG_HOST, !same);
    differs(v, CONFIG_PORT, v->host.n != 0 && v->port != d->port);
    if (v->role == ROLE_SPOKE)
        reply = judge_spoke(ils, c, v);
    else if (v->role == ROLE_HUB)
        judge_hub(ils, c, v);
    else
        reply = judge_standalone(ils, c, v);
    differs(v, CONFIG_ROLE,
            v->role != ils->role || (given(c, CONFIG_ROLE) && c->role == ROLE_HUB &&
                                     ils->mesh.draining));
    if (reply != REPLY_OK || (v->home == HOME_STAYS && !changes(v, CONFIG_ROLE)))
        return reply;
    if (ils->leaving.phase != STAYING)
        return wrong(v, CONFIG_ROLE, REPLY_LEAVING, slice_make(NULL, 0));
    if (ils->cluster_id.n == 0 && v->role != ROLE_STANDALONE)
        return wrong(v, CONFIG_ROLE, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
    if (v->home == HOME_JOINS && !host_plausible(v->host))
        return wrong(v, CONFIG_HOST, REPLY_HOST, v->host);
    if (v->home == HOME_JOINS && ils->dial.command != 0)
        return wrong(v, CONFIG_HOST, REPLY_BUSY, slice_make(NULL, 0));
    return REPLY_OK;
}

/* --- authentication */

static enum reply judge_password(const struct ils *ils, struct arena *a, const struct command *c,
                                 struct view_configure *v)
{
    const struct password *p = password_find(ils, c->generation);
    if (!given(c, CONFIG_STRETCHED))
        return REPLY_OK;
    if (c->generation == 0)
        return wrong(v, CONFIG_GENERATION, REPLY_GENERATION, decimal_text(a, 0));
    if (password_slot(ils, c->generation) == NULL)
        return wrong(v, CONFIG_GENERATION, REPLY_PASSWORDS_FULL, slice_make(NULL, 0));
    differs(v, CONFIG_STRETCHED,
            p == NULL || !crypto_equal(p->stretched, c->stretched, sizeof p->stretched));
    return REPLY_OK;
}

static enum reply judge_auth(const struct ils *ils, struct arena *a, const struct command *c,
                             struct view_configure *v)
{
    v->auth = ils->auth;
    if (given(c, CONFIG_TLS))
        v->auth.tls = c->auth.tls;
    if (given(c, CONFIG_PASSWORD))
        v->auth.password = c->auth.password;
    if (given(c, CONFIG_ACCEPT) &&
        (c->auth.accept == 0 || c->auth.accept != auth_accepts(&v->auth)))
        v->auth.accept = c->auth.accept;
    differs(v, CONFIG_TLS, v->auth.tls != ils->auth.tls);
    differs(v, CONFIG_PASSWORD, v->auth.password != ils->auth.password);
    differs(v, CONFIG_ACCEPT,
            v->auth.accept != ils->auth.accept ||
                auth_accepts(&v->auth) != auth_accepts(&ils->auth));
    bool asked = v->home == HOME_JOINS || given(c, CONFIG_ROLE) || (c->fields & AUTH) != 0;
    bool held = password_preferred(ils) != NULL || given(c, CONFIG_STRETCHED);
    if (asked && v->role != ROLE_STANDALONE) {
        if (!v->auth.tls && !v->auth.password)
            return wrong(v, CONFIG_TLS, REPLY_NO_METHOD, slice_make(NULL, 0));
        if (v->auth.tls && ils->cert[0].leaf.n == 0)
            return wrong(v, CONFIG_TLS, REPLY_NO_CERTIFICATE, slice_make(NULL, 0));
        if (v->auth.password && !held)
            return wrong(v, CONFIG_STRETCHED, REPLY_NO_PASSWORD, slice_make(NULL, 0));
    }
    return judge_password(ils, a, c, v);
}

/* --- all of it */

static enum reply judge_names(const struct ils *ils, struct arena *a, const struct command *c,
                              struct view_configure *v)
{
    struct slice route = c->route_string.n != 0 ? c->route_string : text_slice(ils->fqdn);
    uint16_t minutes = (uint16_t)(ils->minutes != 0 ? ils->minutes : BEAT_MINUTES);
    v->exchange = given(c, CONFIG_EXCHANGE) ? c->raise : !ils->exchange_off;
    v->route_string = text_slice(ils->route_string);
    v->minutes = given(c, CONFIG_MINUTES) ? c->minutes : minutes;
    if (given(c, CONFIG_ROUTE_STRING) && ils->cluster_id.n == 0)
        return wrong(v, CONFIG_ROUTE_STRING, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
    if (given(c, CONFIG_ROUTE_STRING) && route_string_parse(a, route, &v->route_string) != ENTRY_OK)
        return wrong(v, CONFIG_ROUTE_STRING, REPLY_ROUTE_STRING, route);
    if (v->minutes == 0 || v->minutes > SYNC_MINUTES_MAX)
        return wrong(v, CONFIG_MINUTES, REPLY_MINUTES, decimal_text(a, v->minutes));
    differs(v, CONFIG_EXCHANGE, v->exchange == ils->exchange_off);
    differs(v, CONFIG_ROUTE_STRING, !slice_eq(v->route_string, text_slice(ils->route_string)));
    differs(v, CONFIG_MINUTES, v->minutes != minutes);
    return REPLY_OK;
}

enum reply view_configure(const struct ils *ils, struct arena *a, const struct command *c,
                          struct view_configure *ret)
{
    memset(ret, 0, sizeof *ret);
    enum reply reply = judge_role(ils, c, ret);
    if (reply == REPLY_OK)
        reply = judge_names(ils, a, c, ret);
    return reply == REPLY_OK ? judge_auth(ils, a, c, ret) : reply;
}

/* --- doing it */

static void use_role(struct ils *ils, const struct command *c, const struct view_configure *v)
{
    struct command role = as_role(ils, c, v);
    role.role = v->role;
    role.host = arena_copy(&ils->step, role.host);
    struct slice host = arena_copy(&ils->step, v->host);
    if (changes(v, CONFIG_ROLE))
        role_wish_over(ils);
    if (v->leaves || v->role == ROLE_STANDALONE)
        role_become_standalone(ils);
    if (v->home == HOME_DRAINS)
        role_drain(ils, &role);
    else if (v->role == ROLE_HUB && v->home != HOME_JOINS)
        role_become_hub(ils);
    else
        ils->mesh.draining = false;
    if (v->home == HOME_NONE && v->role == ROLE_HUB)
        role_no_home(ils);
    role.host = host;
    role.port = v->port;
    if (v->home == HOME_JOINS)
        join_wish(ils, &role);
    listen_as_role(ils);
}

static void use_settings(struct ils *ils, const struct command *c, struct view_configure *v)
{
    if (changes(v, CONFIG_ROUTE_STRING)) {
        text_set(ils->route_string, v->route_string);
        catalog_describe(ils->own->catalog, text_slice(ils->cluster_id), v->route_string, true);
    }
    if (changes(v, CONFIG_MINUTES))
        ils->minutes = v->minutes;
    ils->exchange_off = !v->exchange;
    v->auth.set_tls = v->auth.set_password = v->auth.set_accept = true;
    if ((v->changes & AUTH) != 0)
        auth_use(ils, &v->auth);
    if (changes(v, CONFIG_STRETCHED)) {
        password_use(ils, c->generation, c->stretched);
        ils->ready_moved = true;
        dial_now(ils);
    }
}

void configure_command(struct ils *ils, const struct command *c)
{
    struct view_configure v;
    struct rows rows;
    enum reply reply = view_configure(ils, &ils->step, c, &v);
    if (reply != REPLY_OK || v.changes == 0) {
        command_refuse(ils, c, reply, v.text);
        return;
    }
    use_settings(ils, c, &v);
    if (changes(&v, CONFIG_ROLE) || v.home != HOME_STAYS)
        use_role(ils, c, &v);
    self_changed(ils);
    rows_init(&rows, ils);
    rows_self(&rows);
    rows_passwords(&rows);
    store_and_reply(&rows, c, v.home == HOME_JOINS);
}
