/* role: what a cluster is in the network. Standalone; a hub; a spoke. */
#include "core/core.h"

static void make_network(struct ils *ils)
{
    static const uint8_t none[NETWORK_ID_SIZE];
    if (memcmp(ils->network, none, sizeof none) == 0)
        ils_entropy(ils, ils->network, sizeof ils->network);
}

void role_command(struct ils *ils, const struct command *c)
{
    if (ils->cluster_id.n == 0 && c->role != ROLE_STANDALONE) {
        command_refuse(ils, c, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
        return;
    }
    if (c->role == ROLE_SPOKE) {
        command_refuse(ils, c, REPLY_ROLE_SPOKE, slice_make(NULL, 0));
        return;
    }
    if (c->role == ROLE_STANDALONE) {
        ils->dial.wanted = ils->dial.hub_known = false; /* first: nobody is dialled instead */
        end_links(ils, CODE_GOING_DOWN);
        alarm_clear(ils, ILSHubClusterUnreachable, text_slice(ils->dial.host));
        ils->dial.host.n = ils->dial.former.host.n = 0;
        memset(ils->network, 0, sizeof ils->network); /* the next join may be elsewhere */
    } else {
        make_network(ils);
    }
    ils->role = c->role;
    listen_as_role(ils);
    self_changed(ils);
    struct rows rows;
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}

void role_tick(struct ils *ils)
{
}

tick role_deadline(const struct ils *ils)
{
    return TICK_NEVER;
}

bool role_setting(struct ils *ils, struct slice key, struct slice value)
{
    if (!slice_eq(key, slice_of("draining")))
        return false;
    ils->mesh.draining = value.n == 8 && value.p[7] != 0;
    return true;
}
