/* control_policy: what is made of learned data: blocks, what clusters may announce, duplicates and
 * whose comes first, what is held back, and every limit. */
#include "daemon/control_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/policy.h"

static const char *const type_word[POLICY_TYPES] = {
    [POLICY_ANY] = "any",
    [POLICY_URI] = "uri",
    [POLICY_ENTERPRISE] = "enterprise",
    [POLICY_E164] = "e164",
};

const char *control_block_type(uint8_t type)
{
    return type < POLICY_TYPES ? type_word[type] : "any";
}

/* Why it lost, or is not served; "" for a winner. */
const char *control_loser_text(char dst[static 160], enum loser_rule rule, uint32_t block)
{
    const char *text = "";
    switch (rule) {
    case LOSER_NONE: break;
    case LOSER_NOT_LOCAL: text = "this cluster's own entry comes first"; break;
    case LOSER_CLUSTER_ID: text = "of several clusters the smaller cluster id comes first"; break;
    case LOSER_KIND:
        text = "URI comes before +E.164 number, and that before enterprise number";
        break;
    case LOSER_PREFERRED: text = "the operator's order of clusters (ils duplicates prefer)"; break;
    case LOSER_CLAIM:
        text = "the winner's domains and prefixes cover it (ils accept), these do not";
        break;
    case LOSER_OUTSIDE: text = "outside of what its cluster may announce (ils accept)"; break;
    case LOSER_ILLEGAL: text = "its record is not sound"; break;
    case LOSER_EXACT:
        text = "a number or URI that is advertised as such comes before patterns";
        break;
    case LOSER_SPECIFIC: text = "the more specific pattern comes first"; break;
    case LOSER_BLOCKED:
        snprintf(dst, 160, "blocked by rule %" PRIu32 " (ils block list)", block);
        return dst;
    }
    snprintf(dst, 160, "%s", text);
    return dst;
}

/* --- blocks */

/* In the words of a plan, or the original's: "+E.164 Pattern". A pattern is as its numbers. */
static uint8_t type_of_kind(uint8_t kind)
{
    switch (kind) {
    case ENTRY_URI: return POLICY_URI;
    case ENTRY_ENTERPRISE:
    case ENTRY_PATTERN_ENTERPRISE: return POLICY_ENTERPRISE;
    case ENTRY_E164:
    case ENTRY_PATTERN_E164: return POLICY_E164;
    default: return POLICY_ANY;
    }
}

static bool block_type(struct client *client, uint8_t *ret)
{
    struct slice type;
    if (!control_text(client, "type", false, &type))
        return false;
    *ret = type_of_kind(entry_kind_parse(type));
    if (*ret != POLICY_ANY || type.n == 0 || slice_eq_fold(type, slice_of(type_word[POLICY_ANY])))
        return true;
    control_error(client, "SETTING", "a type is uri, enterprise, e164 or any",
                  "ils help block add", "type");
    return false;
}

void verb_block_add(struct client *client)
{
    struct command command = {.type = COMMAND_BLOCK_ADD};
    if (control_text(client, "pattern", false, &command.pattern) &&
        control_text(client, "prefix", false, &command.prefix) &&
        control_text(client, "cluster", false, &command.cluster) &&
        control_text(client, "description", false, &command.description) &&
        block_type(client, &command.level))
        control_change(client, &command);
}

void verb_block_remove(struct client *client)
{
    struct command command = {.type = COMMAND_BLOCK_REMOVE};
    if (control_number(client, "rule", UINT32_MAX, 0, &command.number))
        control_change(client, &command);
}

void verb_block_list(struct client *client)
{
    const struct policy *policy = view_policy(runtime_core(client->control->rt));
    struct policy_block b;
    json_t *rows = json_array();
    for (size_t i = 0; policy_block_at(policy, i, &b); i++) {
        json_t *row = json_object();
        json_object_set_new(row, "rule", control_number_json(b.n));
        json_object_set_new(row, "pattern", control_text_or_null(b.pattern));
        json_object_set_new(row, "prefix", control_text_or_null(b.prefix));
        json_object_set_new(row, "cluster", control_text_or_null(b.cluster));
        json_object_set_new(row, "key", b.of_cluster ? control_hex(b.key, KEY_SIZE) : json_null());
        json_object_set_new(row, "type", json_string(control_block_type(b.type)));
        json_object_set_new(row, "description", control_text_or_null(b.description));
        json_array_append_new(rows, row);
    }
    control_ok(client, rows);
}

/* --- lists of texts */

/* args[key]: an array of texts, or nothing. False: the request was ended. */
static bool texts(struct client *client, const char *key, struct slice *ret, size_t max,
                  size_t *ret_n)
{
    json_t *array = json_object_get(client->args, key), *value;
    char text[160];
    size_t i;
    *ret_n = json_array_size(array);
    bool good = (array == NULL || json_is_array(array)) && *ret_n <= max;
    json_array_foreach(array, i, value) {
        good = good && json_is_string(value);
        if (good)
            ret[i] = slice_make(json_string_value(value), json_string_length(value));
    }
    if (good)
        return true;
    snprintf(text, sizeof text, "'%s' takes a list of at most %zu texts as '%s'",
             client->verb->name, max, key);
    control_error(client, "SETTING", text, "ils help", key);
    return false;
}

void verb_accept(struct client *client)
{
    struct slice domain[POLICY_CLAIMS_MAX], prefix[POLICY_CLAIMS_MAX];
    struct command command = {.type = COMMAND_ACCEPT, .domain = domain, .prefixes = prefix};
    bool everything = control_flag(client, "everything", false);
    if (!control_text(client, "cluster", true, &command.cluster) ||
        !texts(client, "domain", domain, POLICY_CLAIMS_MAX, &command.domain_n) ||
        !texts(client, "prefix", prefix, POLICY_CLAIMS_MAX, &command.prefix_n))
        return;
    if (everything == (command.domain_n + command.prefix_n > 0))
        control_error(client, "SETTING", "either domains and prefixes are given, or everything",
                      "ils help accept", NULL);
    else
        control_change(client, &command);
}

void verb_accept_list(struct client *client)
{
    const struct policy *policy = view_policy(runtime_core(client->control->rt));
    struct policy_bound b;
    json_t *rows = json_array();
    for (size_t i = 0; policy_bound_at(policy, i, &b); i++) {
        json_t *row = json_object(), *domains = json_array(), *prefixes = json_array();
        enum policy_claim kind;
        struct slice text;
        while (policy_claim_next(&b.claims, &kind, &text))
            json_array_append_new(kind == CLAIM_DOMAIN ? domains : prefixes, render_text(text));
        json_object_set_new(row, "cluster", render_text(b.cluster));
        json_object_set_new(row, "key", control_hex(b.key, KEY_SIZE));
        json_object_set_new(row, "domains", domains);
        json_object_set_new(row, "prefixes", prefixes);
        json_array_append_new(rows, row);
    }
    control_ok(client, rows);
}

/* --- duplicates */

void verb_duplicates_prefer(struct client *client)
{
    struct slice cluster[POLICY_ORDER_MAX];
    struct command command = {.type = COMMAND_PREFER, .clusters = cluster};
    if (texts(client, "clusters", cluster, POLICY_ORDER_MAX, &command.cluster_n))
        control_change(client, &command);
}

/* What lets the loser win, where an operator can say so; else what shows both. */
static void duplicate_next(const struct ils *core, const struct view_duplicate *d,
                           char next[static 512])
{
    struct policy_preferred p;
    bool order = d->rule == LOSER_PREFERRED || d->rule == LOSER_CLAIM ||
                 d->rule == LOSER_CLUSTER_ID;
    if (!order) {
        snprintf(next, 512, "ils lookup %.*s", (int)d->example.n, (const char *)d->example.p);
        return;
    }
    size_t n = (size_t)snprintf(next, 512, "ils duplicates prefer %.*s", (int)d->loser.n,
                                (const char *)d->loser.p);
    for (size_t i = 0; n < 440 && policy_preferred_at(view_policy(core), i, &p); i++)
        if (!slice_eq(p.cluster, d->loser))
            n += (size_t)snprintf(next + n, 512 - n, " %.*s", (int)p.cluster.n,
                                  (const char *)p.cluster.p);
}

void verb_duplicates(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct policy_preferred preferred;
    char next[512];
    struct view_duplicate d;
    char rule[160];
    json_t *result = json_object(), *rows = json_array(), *order = json_array();
    for (size_t i = 0; view_duplicate(core, i, &d); i++) {
        json_t *row = json_object();
        json_object_set_new(row, "winner", render_text(d.winner));
        json_object_set_new(row, "loser", render_text(d.loser));
        json_object_set_new(row, "count", control_number_json(d.count));
        json_object_set_new(row, "kind", render_text(entry_kind_text(d.kind)));
        json_object_set_new(row, "example", render_text(d.example));
        json_object_set_new(row, "rule", json_string(control_loser_text(rule, d.rule, d.block)));
        duplicate_next(core, &d, next);
        json_object_set_new(row, "next", render_text(slice_of(next)));
        json_array_append_new(rows, row);
    }
    for (size_t i = 0; policy_preferred_at(view_policy(core), i, &preferred); i++)
        json_array_append_new(order, render_text(preferred.cluster));
    json_object_set_new(result, "duplicates", rows);
    json_object_set_new(result, "preferred", order);
    json_object_set_new(result, "scanning", control_number_json(view_scans(core)));
    control_ok(client, result);
}

/* --- what is held back */

static const char *held_word(enum view_held_why why)
{
    switch (why) {
    case HELD_SHRUNK: return "shrunk";
    case HELD_QUOTA: return "quota";
    case HELD_ILLEGAL: break;
    }
    return "illegal";
}

/* What it means, and what is typed where. */
void control_held_text(const struct view_held *h, char text[static 400], char next[static 400])
{
    int n = (int)h->cluster_id.n;
    const char *id = (const char *)h->cluster_id.p;
    if (h->why == HELD_QUOTA) {
        snprintf(text, 400, "the newest plan of cluster %.*s is more than may be learned here: the "
                 "former is served", n, id);
        snprintf(next, 400, "ils limits");
        if (h->gone.n != 0) {
            snprintf(text, 400, "the newest plan of cluster %.*s is more than may be learned here, "
                     "while %" PRIu64 " entries of %.*s count, which is reached no more", n, id,
                     h->gone_live, (int)h->gone.n, (const char *)h->gone.p);
            snprintf(next, 400, "ils forget %.*s", (int)h->gone.n, (const char *)h->gone.p);
        }
    } else if (h->why == HELD_ILLEGAL) {
        snprintf(text, 400, "%" PRIu64 " records of the plan of cluster %.*s are not sound, such "
                 "as %.*s: they are carried on, and served by nobody", h->illegal, n, id,
                 (int)h->example.n, (const char *)h->example.p);
        snprintf(next, 400, "ils plan show%s", h->own ? "" : " (at that cluster)");
    } else if (h->own) {
        snprintf(next, 400, "ils plan confirm-shrink");
        if (h->number < STREAM_CATALOGS)
            snprintf(text, 400, "the plan of this cluster shrank from %" PRIu64 " entries to %"
                     PRIu64 ": the others serve the former until that is confirmed", h->peak,
                     h->newest);
        else
            snprintf(text, 400, "the catalog %.*s of this cluster shrank from %" PRIu64
                     " entries to %" PRIu64 ": the others serve the former until that is "
                     "confirmed", n, id, h->peak, h->newest);
    } else {
        snprintf(text, 400, "the plan of cluster %.*s shrank from %" PRIu64 " entries to %" PRIu64
                 ": the former is served until that is confirmed there (ils plan confirm-shrink)",
                 n, id, h->peak, h->newest);
        snprintf(next, 400, "ils held release %.*s", n, id);
    }
}

void verb_held(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_held h;
    char text[400], next[400];
    json_t *rows = json_array();
    for (size_t i = 0; view_held(core, i, &h); i++) {
        json_t *row = json_object();
        control_held_text(&h, text, next);
        json_object_set_new(row, "cluster", render_text(h.cluster_id));
        json_object_set_new(row, "peer_id", control_hex(h.peer_id, sizeof h.peer_id));
        json_object_set_new(row, "local", json_boolean(h.own));
        json_object_set_new(row, "why", json_string(held_word(h.why)));
        json_object_set_new(row, "served", control_number_json(h.served));
        json_object_set_new(row, "newest", control_number_json(h.newest));
        json_object_set_new(row, "peak", control_number_json(h.peak));
        json_object_set_new(row, "illegal", control_number_json(h.illegal));
        json_object_set_new(row, "since", control_time(h.since));
        json_object_set_new(row, "text", render_text(slice_of(text)));
        json_object_set_new(row, "next", render_text(slice_of(next)));
        json_array_append_new(rows, row);
    }
    control_ok(client, rows);
}

void verb_held_release(struct client *client)
{
    struct command command = {.type = COMMAND_RELEASE};
    if (control_text(client, "cluster", true, &command.cluster))
        control_change(client, &command);
}

void verb_plan_confirm_shrink(struct client *client)
{
    struct command command = {.type = COMMAND_CONFIRM};
    control_change(client, &command);
}

/* --- limits */

void verb_limits(struct client *client)
{
    const struct ils *core = runtime_core(client->control->rt);
    struct view_limit l;
    json_t *rows = json_array();
    for (size_t i = 0; view_limit(core, i, &l); i++) {
        json_t *row = json_object();
        json_object_set_new(row, "name", json_string(l.name));
        json_object_set_new(row, "used", control_number_json(l.used));
        json_object_set_new(row, "max", control_number_json(l.most));
        json_object_set_new(row, "alarm_at", l.near != 0 ? control_number_json(l.near)
                                                         : json_null());
        json_object_set_new(row, "settable", json_boolean(l.settable));
        json_array_append_new(rows, row);
    }
    control_ok(client, rows);
}

/* Whether so much is learned that the limit is near: what is said of it, and what to type. */
bool control_limit_near(const struct ils *core, char text[static 160], char next[static 64])
{
    struct view_limit l;
    for (size_t i = 0; view_limit(core, i, &l) && i < 2; i++) {
        if (l.used < l.near)
            continue;
        snprintf(text, 160, "the limit of what is learned is near: %" PRIu64 " of %" PRIu64 " %s",
                 l.used, l.most, i == 0 ? "entries" : "bytes");
        if (i == 0 && l.most * 2 <= 10000000)
            snprintf(next, 64, "ils limits set learned %" PRIu64, l.most * 2);
        else
            snprintf(next, 64, "ils limits");
        return true;
    }
    return false;
}

void verb_limits_set(struct client *client)
{
    struct command command = {.type = COMMAND_LEARNED_MAX};
    struct slice name;
    if (!control_text(client, "name", true, &name) ||
        !control_number(client, "max", UINT32_MAX, 0, &command.number))
        return;
    if (slice_eq(name, slice_of("learned")))
        control_change(client, &command);
    else
        control_error(client, "SETTING", "only 'learned' can be set", "ils limits", "name");
}
