/* view_trust: the trust store, what was refused and the invites, for whoever shows them. Reads
 * only. */
#include "core/core.h"

bool view_trust(const struct ils *ils, size_t i, struct view_trust *ret)
{
    list_each(node, &ils->trust) {
        const struct trust_entry *e = list_entry(node, struct trust_entry, node);
        if (i-- != 0)
            continue;
        *ret = (struct view_trust){.kind = (enum trust_kind)e->kind,
                                   .der = buf_slice(&e->der),
                                   .subject = text_slice(e->subject),
                                   .authority = e->authority,
                                   .not_after = e->not_after,
                                   .added = e->added,
                                   .source = text_slice(e->source)};
        memcpy(ret->fingerprint, e->fingerprint, sizeof ret->fingerprint);
        return true;
    }
    return false;
}

bool view_refused(const struct ils *ils, size_t i, struct view_refused *ret)
{
    for (const struct list *node = ils->refused.prev; node != &ils->refused; node = node->prev) {
        const struct refused_entry *e = list_entry(node, struct refused_entry, node);
        if (i-- != 0)
            continue;
        *ret = (struct view_refused){.der = buf_slice(&e->der),
                                     .subject = text_slice(e->subject),
                                     .code = e->code,
                                     .first = e->first,
                                     .last = e->last,
                                     .count = e->count,
                                     .imported = trust_find(ils, e->fingerprint) != NULL};
        memcpy(ret->fingerprint, e->fingerprint, sizeof ret->fingerprint);
        memcpy(ret->peer.ip, e->ip, sizeof ret->peer.ip);
        ret->peer.port = e->port;
        if (e->verdict_n != 0)
            memcpy(ret->verdict_id, e->verdict_id[(e->verdict_n - 1) % REFUSED_VERDICTS],
                   sizeof ret->verdict_id);
        return true;
    }
    return false;
}

bool view_invite(const struct ils *ils, size_t i, struct view_invite *ret)
{
    list_each(node, &ils->invites) {
        const struct invite_entry *e = list_entry(node, struct invite_entry, node);
        if (i-- != 0)
            continue;
        const struct peer *by = e->by_id[0] == '\0' ? NULL : peer_find(ils, e->by);
        *ret = (struct view_invite){.made = e->made,
                                    .expires = e->expires,
                                    .failures = e->failures,
                                    .spent = e->spent,
                                    .by = by != NULL && by->cluster_id.n != 0
                                              ? text_slice(by->cluster_id) : slice_of(e->by_id)};
        memcpy(ret->id, e->id, sizeof ret->id);
        return true;
    }
    return false;
}
