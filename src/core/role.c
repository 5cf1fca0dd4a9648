/* role: what a cluster is in the network: standalone, hub or spoke. A change of role disturbs
 * nobody who can be spared it: a hub that becomes a spoke says so first (draining), its spokes go
 * to other hubs, and only then it is one; the last hub stays. A spoke that becomes a hub keeps its
 * link. */
#include "core/core.h"

static void make_network(struct ils *ils)
{
    if (!zeros(ils->network, NETWORK_ID_SIZE))
        return;
    ils_entropy(ils, ils->network, sizeof ils->network);
    handshake_network_came(ils);
}

static void store(struct ils *ils, const struct command *c)
{
    struct rows rows;
    listen_as_role(ils);
    self_changed(ils);
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

/* --- hub to spoke */

/* Another hub that this one could be a spoke of: linked, and it stays one. */
static struct peer *other_hub(const struct ils *ils)
{
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->link != NULL && mesh_is_hub(p))
            return p;
    }
    return NULL;
}

static bool called(const struct peer *p, const struct command *c)
{
    bool port = c->port == 0 || c->port == p->port || c->port == p->tls_port;
    return port && (slice_eq_fold(c->host, text_slice(p->host)) ||
                    slice_eq_fold(c->host, text_slice(p->fqdn)) ||
                    slice_eq_fold(c->host, text_slice(p->cluster_id)) ||
                    slice_eq(c->host, slice_of(p->met_ip)));
}

/* Such a one by the address, name or cluster id that the operator gave; any where he gave none. */
struct peer *role_chosen_hub(const struct ils *ils, const struct command *c)
{
    if (c->host.n == 0)
        return other_hub(ils);
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->link != NULL && mesh_is_hub(p) && called(p, c))
            return p;
    }
    return NULL;
}

static size_t spokes(const struct ils *ils, struct peer **ret_first)
{
    size_t n = 0;
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->link == NULL || p->role != ROLE_SPOKE)
            continue;
        if (n++ == 0)
            *ret_first = p;
    }
    return n;
}

enum reply role_judge_spoke(const struct ils *ils, const struct command *c, struct slice *ret_text)
{
    struct peer *first = NULL;
    *ret_text = slice_make(NULL, 0);
    if (ils->role == ROLE_STANDALONE)
        return REPLY_ROLE_SPOKE;
    if (ils->mesh.draining)
        return REPLY_DRAINING;
    if (catalogs_own(ils, ret_text) != 0)
        return REPLY_HAS_CATALOGS;
    if (ils->role == ROLE_SPOKE)
        return c->host.n == 0 ? REPLY_OK : REPLY_ROLE_SPOKE;
    if (role_chosen_hub(ils, c) != NULL)
        return REPLY_OK;
    if (other_hub(ils) != NULL) {
        *ret_text = c->host;
        return REPLY_UNKNOWN_CLUSTER;
    }
    if (spokes(ils, &first) == 0)
        return REPLY_NO_HUB;
    *ret_text = text_slice(first->cluster_id);
    return REPLY_LAST_HUB;
}

/* Whom it registers with then: the one that was named; else where it did already, else one of the
 * hubs it is linked with. */
static void choose_home(struct ils *ils, const struct command *c)
{
    const struct peer *home = ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
    if (c->host.n != 0 || !ils->dial.wanted || home == NULL || home->link == NULL ||
        !mesh_is_hub(home))
        dial_register(ils, role_chosen_hub(ils, c));
}

void role_drain(struct ils *ils, const struct command *c)
{
    choose_home(ils, c);
    ils->mesh.draining = true;
    ils->mesh.drained_at = ils->now + DRAIN_US;
    struct trace *t = say(ils, EVENT_DRAINING);
    t->text[0] = slice_of("hub");
    t->text[1] = slice_of("draining, to become a spoke");
}

static void become_spoke(struct ils *ils, const struct command *c)
{
    struct slice text;
    enum reply reply = role_judge_spoke(ils, c, &text);
    if (reply != REPLY_OK || ils->role == ROLE_SPOKE) {
        command_refuse(ils, c, reply, text);
        return;
    }
    role_drain(ils, c);
    struct command later = *c;
    if (!c->now) { /* answered when it is one */
        ils->mesh.command = c->id;
        later.id = 0;
    }
    store(ils, &later);
}

/* Its spokes have gone, or had their time. */
static void drained(struct ils *ils)
{
    struct rows rows;
    struct trace *t = say(ils, EVENT_DRAINING);
    t->text[0] = slice_of("spoke");
    t->text[1] = slice_of("drained");
    ils->mesh.draining = false;
    ils->role = ROLE_SPOKE;
    self_changed(ils); /* the links that are too many end when all know it (mesh.c) */
    list_each(node, &ils->peers) {
        struct peer *p = list_entry(node, struct peer, node);
        if (p->link != NULL && p->role == ROLE_SPOKE)
            link_end(p->link, CODE_GOING_DOWN, true);
    }
    ils->durable.role = ROLE_SPOKE;
    list_each(node, &ils->batches) {
        struct batch *b = list_entry(node, struct batch, node);
        if (b->settings != NULL)
            b->settings->role = ROLE_SPOKE;
    }
    rows_init(&rows, ils);
    rows_self(&rows);
    journal_store(&rows, BATCH_PLAIN);
    if (ils->mesh.command != 0)
        command_reply(ils, ils->mesh.command, REPLY_OK, slice_make(NULL, 0));
    ils->mesh.command = 0;
}

void role_undone(struct ils *ils, bool draining)
{
    if (ils->mesh.draining && !draining && ils->mesh.command != 0) {
        command_reply(ils, ils->mesh.command, REPLY_STORE, slice_make(NULL, 0));
        ils->mesh.command = 0;
    }
    ils->mesh.draining = draining;
}

/* The other hub went while this one drained: the last hub stays. */
static void stays_hub(struct ils *ils)
{
    struct rows rows;
    ils->mesh.draining = false;
    self_changed(ils);
    struct trace *t = say(ils, EVENT_DRAINING);
    t->text[0] = slice_of("hub");
    t->text[1] = slice_of("stays one: no other hub is reached");
    rows_init(&rows, ils);
    rows_setting_u64(&rows, "draining", 0);
    journal_store(&rows, BATCH_PLAIN);
    if (ils->mesh.command != 0)
        command_reply(ils, ils->mesh.command, REPLY_NO_HUB, slice_make(NULL, 0));
    ils->mesh.command = 0;
}

/* Of two hubs that drain at once the one with the higher peer id yields: it stays a hub. */
static bool yields(const struct ils *ils)
{
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        if (p->link != NULL && p->role == ROLE_HUB && p->draining &&
            memcmp(ils->peer_id, p->id, PEER_ID_SIZE) > 0)
            return true;
    }
    return false;
}

void role_tick(struct ils *ils)
{
    struct peer *first;
    if (!ils->mesh.draining || !ils->ready || ils->role != ROLE_HUB)
        return;
    if (ils->mesh.drained_at == 0) /* it was restarted meanwhile */
        ils->mesh.drained_at = ils->now + DRAIN_US;
    bool over = ils->now >= ils->mesh.drained_at;
    if (other_hub(ils) == NULL && !BUG(LAST_HUB_GOES)) {
        if (over || yields(ils))
            stays_hub(ils);
    } else if (over || (spokes(ils, &first) == 0 && !ils->self_dirty &&
                        !ils->self->committing)) {
        drained(ils);
    }
}

tick role_deadline(const struct ils *ils)
{
    if (!ils->mesh.draining || !ils->ready || ils->role != ROLE_HUB)
        return TICK_NEVER;
    return ils->mesh.drained_at;
}

bool role_setting(struct ils *ils, struct slice key, struct slice value)
{
    if (!slice_eq(key, slice_of("draining")))
        return false;
    ils->mesh.draining = value.n == 8 && value.p[7] != 0;
    return true;
}

/* --- the other ways */

/* A spoke whose hub does not come back, or has left; a hub that does not reach the one that it was
 * to join, and is asked for nothing more than to be a hub. */
static bool gives_up_home(const struct ils *ils)
{
    const struct peer *home = ils->dial.hub_known ? peer_find(ils, ils->dial.hub_key) : NULL;
    if (ils->dial.command != 0)
        return false;
    if (ils->role == ROLE_HUB)
        return ils->dial.wanted && (ils->dial.moving || home == NULL || home->link == NULL);
    return ils->role == ROLE_SPOKE && !ils->dial.moving && ils->dial.hub_known &&
           (home == NULL || home->role != ROLE_STANDALONE);
}

void role_no_home(struct ils *ils)
{
    if (ils->dial.link != NULL)
        handshake_refuse(ils->dial.link, CODE_REPLACED);
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
    ils->dial.wanted = ils->dial.hub_known = ils->dial.moving = false;
    ils->dial.host.n = ils->dial.former.host.n = 0;
    mesh_now(ils);
}

void role_become_hub(struct ils *ils)
{
    make_network(ils);
    ils->mesh.draining = false;
    if (gives_up_home(ils))
        role_no_home(ils);
    ils->role = ROLE_HUB;
}

void role_become_standalone(struct ils *ils)
{
    ils->mesh.draining = false;
    ils->dial.wanted = ils->dial.hub_known = false; /* first: nobody is dialled instead */
    ils->role = ROLE_STANDALONE;
    end_links(ils, CODE_GOING_DOWN);
    alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
    ils->dial.host.n = ils->dial.former.host.n = 0;
    memset(ils->network, 0, sizeof ils->network); /* the next join may be elsewhere */
    list_each(node, &ils->peers)
        list_entry(node, struct peer, node)->no_network = false;
}

/* There is another wish than the one that somebody waits for. */
void role_wish_over(struct ils *ils)
{
    if (ils->mesh.command != 0)
        command_reply(ils, ils->mesh.command, REPLY_NO_HUB, slice_make(NULL, 0));
    ils->mesh.command = 0;
}

void role_command(struct ils *ils, const struct command *c)
{
    if (ils->cluster_id.n == 0 && c->role != ROLE_STANDALONE) {
        command_refuse(ils, c, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
        return;
    }
    if (c->role == ROLE_SPOKE) {
        become_spoke(ils, c);
        return;
    }
    struct slice first;
    if (c->role == ROLE_STANDALONE && catalogs_own(ils, &first) != 0) {
        command_refuse(ils, c, REPLY_HAS_CATALOGS, first);
        return;
    }
    const struct peer *spoke = c->role == ROLE_STANDALONE ? ends_stranded(ils) : NULL;
    if (spoke != NULL && !c->now) {
        command_refuse(ils, c, REPLY_ALONE_LAST_HUB, text_slice(spoke->cluster_id));
        return;
    }
    role_wish_over(ils);
    if (c->role == ROLE_STANDALONE)
        role_become_standalone(ils);
    else
        role_become_hub(ils);
    store(ils, c);
}
