/* view_policy: what is made of learned data, and how much of it there is, for whoever shows it. */
#include "core/core.h"

#include "plan/policy.h"

const struct policy *view_policy(const struct ils *ils)
{
    return ils->policy;
}

static struct stream *stream_at(const struct ils *ils, size_t i)
{
    list_each(node, &ils->streams) {
        struct stream *s = list_entry(node, struct stream, node);
        if (!s->own && s->number != STREAM_SELF && stream_held(s) && i-- == 0)
            return s;
    }
    return NULL;
}

bool view_plan_at(const struct ils *ils, size_t i, struct view_plan *ret)
{
    const struct stream *s = stream_at(ils, i);
    if (s == NULL)
        return false;
    *ret = (struct view_plan){
        .number = s->number,
        .cluster_id = policy_name(ils, s),
        .route_string = s->head.route_string,
        .catalog = held_catalog(s),
        .entries = catalog_live(held_catalog(s)),
        .stale = catalog_stale(s->catalog),
        .served = !ils->served_off,
        .age_s = (ils->now - s->last_head) / TICK_S,
    };
    memcpy(ret->key, s->key, KEY_SIZE);
    crypto_peer_id(ret->peer_id, s->key);
    return true;
}

/* --- duplicates */

/* Of two that are not both served, the one that is; else as the policy orders them. */
static bool first_wins(const struct ils *ils, const struct pair *p, struct view_duplicate *ret)
{
    struct slice key = text_slice(p->example);
    struct policy_subject a = policy_of(p->a, p->kind, key), b = policy_of(p->b, p->kind, key);
    uint32_t block_a, block_b;
    enum loser_rule of_a = policy_judge(ils->policy, &a, &block_a);
    enum loser_rule of_b = policy_judge(ils->policy, &b, &block_b);
    a.cluster_id = policy_name(ils, p->a);
    b.cluster_id = policy_name(ils, p->b);
    if ((of_a == LOSER_NONE) != (of_b == LOSER_NONE)) {
        ret->rule = of_a == LOSER_NONE ? of_b : of_a;
        ret->block = of_a == LOSER_NONE ? block_b : block_a;
        return of_a == LOSER_NONE;
    }
    return policy_order(ils->policy, &a, &b, &ret->rule) < 0;
}

bool view_duplicate(const struct ils *ils, size_t i, struct view_duplicate *ret)
{
    list_each(node, &ils->pairs) {
        const struct pair *p = list_entry(node, struct pair, node);
        if (p->count == 0 || i-- != 0)
            continue;
        *ret = (struct view_duplicate){.count = p->count, .kind = p->kind};
        bool first = first_wins(ils, p, ret);
        const struct stream *winner = first ? p->a : p->b, *loser = first ? p->b : p->a;
        ret->winner = policy_name(ils, winner);
        ret->loser = policy_name(ils, loser);
        ret->winner_number = winner->number;
        ret->loser_number = loser->number;
        ret->example = text_slice(p->example);
        ret->subject = text_slice(p->subject);
        return true;
    }
    return false;
}

size_t view_scans(const struct ils *ils)
{
    return ils->scan_n + (ils->scanning != NULL);
}

/* --- what is held back */

static bool counts_though_gone(const struct ils *ils, const struct peer *p,
                               const struct stream *plan)
{
    return p->link == NULL && plan != NULL && stream_held(plan) && plan->head.live != 0 &&
           !view_reachable(ils, p);
}

static void gone_of(const struct ils *ils, const struct stream *s, struct view_held *ret)
{
    const struct peer *origin = peer_find(ils, s->key), *hub;
    char hex[2 * PEER_ID_SIZE + 1];
    list_each(node, &ils->peers) {
        const struct peer *p = list_entry(node, struct peer, node);
        const struct stream *plan = stream_find(ils, p->key, STREAM_PLAN);
        const struct stream *self = stream_find(ils, p->key, STREAM_SELF);
        if (p == origin || !counts_though_gone(ils, p, plan))
            continue;
        hex_text(hex, p->id, PEER_ID_SIZE);
        bool former = origin != NULL && slice_eq(text_slice(origin->former), slice_of(hex));
        bool silent = self != NULL && stream_held(self) && stream_overdue(ils, self);
        if (former || (silent && plan->head.live > ret->gone_live)) {
            ret->gone = policy_name(ils, plan);
            ret->gone_live = plan->head.live;
            ret->gone_here = drop_where(ils, p->key, &hub) == FORGET_HERE;
        }
        if (former)
            return;
    }
}

static void held_of(const struct ils *ils, const struct stream *s, enum view_held_why why,
                    struct view_held *ret)
{
    *ret = (struct view_held){
        .why = why,
        .cluster_id = policy_name(ils, s),
        .number = s->number,
        .own = s->own,
        .served = catalog_live(held_catalog(s)),
        .newest = why == HELD_QUOTA ? 0 : s->head.live,
        .peak = s->head.peak,
        .illegal = s->scan.illegal,
        .example = text_slice(s->scan.example),
        .since = why == HELD_SHRUNK ? s->kept.since : why == HELD_QUOTA ? s->failed : 0,
    };
    crypto_peer_id(ret->peer_id, s->key);
    if (why == HELD_QUOTA)
        gone_of(ils, s, ret);
}

bool view_held(const struct ils *ils, size_t i, struct view_held *ret)
{
    list_each(node, &ils->streams) {
        const struct stream *s = list_entry(node, struct stream, node);
        bool shrunk = s->own ? stream_held(s) && held_shrunk(s, &s->head)
                             : s->kept.catalog != NULL;
        bool is[] = {[HELD_SHRUNK] = shrunk, [HELD_QUOTA] = s->over_quota,
                     [HELD_ILLEGAL] = s->scan.illegal != 0};
        for (size_t why = HELD_SHRUNK; why <= HELD_ILLEGAL; why++) {
            if (!is[why] || i-- != 0)
                continue;
            held_of(ils, s, (enum view_held_why)why, ret);
            return true;
        }
    }
    return false;
}

/* --- limits */

static size_t alarms_active(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->alarms)
        n += list_entry(node, struct alarm_entry, node)->active;
    return n;
}

static size_t ended_count(const struct ils *ils)
{
    size_t n = 0;
    list_each(node, &ils->ended)
        n++;
    return n;
}

static size_t blocks(const struct ils *ils)
{
    struct policy_block block;
    size_t n = 0;
    while (policy_block_at(ils->policy, n, &block))
        n++;
    return n;
}

bool view_limit(const struct ils *ils, size_t i, struct view_limit *ret)
{
    uint64_t bytes, learned = admit_learned(ils, &bytes);
    uint64_t most = admit_bytes(ils), max = policy_learned_max(ils);
    struct slice first;
    uint64_t own = ils->own == NULL ? 0 : catalog_lines(ils->own->catalog).n / LINE_BYTES;
    const struct view_limit limit[] = {
        {"learned", learned, max, max / 10 * 9, true},
        {"learned bytes", bytes, most, most / 10 * 9, false},
        {"clusters and catalogs", ils->peer_n + admit_catalogs(ils), PEERS_MAX, PEERS_NEAR, false},
        {"catalogs of this hub", catalogs_own(ils, &first), CATALOGS_MAX, 0, false},
        {"streams", ils->stream_n, STREAMS_MAX, 0, false},
        {"lines of the own plan", own, MANIFEST_LINES_MAX, 0, false},
        {"links being made", ils->gate.open, ils->gate.open_max, 0, false},
        {"trust store", ils->trust_n, TRUST_MAX, 0, false},
        {"refused certificates", ils->refused_n, REFUSED_MAX, 0, false},
        {"invites", ils->invite_n, INVITES_MAX, 0, false},
        {"alarms", alarms_active(ils), ALARMS_MAX, 0, false},
        {"clusters that were ended", ended_count(ils), ENDED_MAX, 0, false},
        {"blocks", blocks(ils), POLICY_BLOCKS_MAX, 0, false},
    };
    if (i >= sizeof limit / sizeof *limit)
        return false;
    *ret = limit[i];
    return true;
}
