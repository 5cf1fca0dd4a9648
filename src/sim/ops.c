/* ops: see ops.h. */
#include "sim/ops.h"

#include "sim/grow.h"

#define FILL_MAX 100000

static uint64_t give(struct node *n, struct command c)
{
    c.who = slice_of("sim");
    c.what = slice_of("sim");
    return node_command(n, &c);
}

uint64_t op_init(struct node *n, const char *id, const char *fqdn, const char *route,
                 const struct own_certificate *own)
{
    struct command c = {.type = COMMAND_INIT, .cluster_id = slice_of(id), .fqdn = slice_of(fqdn),
                        .route_string = slice_of(route)};
    if (own != NULL)
        c.own = *own;
    return give(n, c);
}

uint64_t op_auth(struct node *n, bool tls, bool password)
{
    return give(n, (struct command){.type = COMMAND_AUTH,
                                    .auth = {.tls = tls, .password = password, .set_tls = true,
                                             .set_password = true}});
}

uint64_t op_auth_password(struct node *n)
{
    return op_auth(n, false, true);
}

uint64_t op_leave(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_LEAVE, .now = true});
}

uint64_t op_forget(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_FORGET, .cluster = slice_of(cluster)});
}

uint64_t op_ban(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_BAN, .cluster = slice_of(cluster)});
}

uint64_t op_rebuild(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_REBUILD});
}

uint64_t op_restore(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_RESTORE});
}

uint64_t op_exchange(struct node *n, bool on)
{
    return give(n, (struct command){.type = COMMAND_EXCHANGE, .raise = on});
}

uint64_t op_release(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_RELEASE, .cluster = slice_of(cluster)});
}

uint64_t op_block(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_BLOCK_ADD, .cluster = slice_of(cluster)});
}

uint64_t op_unblock(struct node *n, uint32_t rule)
{
    return give(n, (struct command){.type = COMMAND_BLOCK_REMOVE, .number = rule});
}

uint64_t op_confirm(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_CONFIRM});
}

uint64_t op_sync_every(struct node *n, uint16_t minutes)
{
    return give(n, (struct command){.type = COMMAND_SYNC_EVERY, .minutes = minutes});
}

uint64_t op_network_adopt(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_NETWORK_ADOPT});
}

uint64_t op_describe(struct node *n, const char *id, const char *fqdn, const char *description,
                     const char *route)
{
    return give(n, (struct command){.type = COMMAND_DESCRIBE, .cluster_id = slice_of(id),
                                    .fqdn = slice_of(fqdn), .description = slice_of(description),
                                    .route_string = slice_of(route)});
}

uint64_t op_identity_new(struct node *n, const char *id, const char *fqdn,
                         const struct own_certificate *own)
{
    struct command c = {.type = COMMAND_IDENTITY_NEW, .cluster_id = slice_of(id),
                        .fqdn = slice_of(fqdn)};
    if (own != NULL)
        c.own = *own;
    return give(n, c);
}

uint64_t op_certificate(struct node *n, const struct own_certificate *own, bool now)
{
    return give(n, (struct command){.type = COMMAND_CERTIFICATE, .own = *own, .now = now});
}

uint64_t op_certificate_now(struct node *n)
{
    return give(n, (struct command){.type = COMMAND_CERTIFICATE_NOW});
}

uint64_t op_trust(struct node *n, const struct trust_item *item, size_t items)
{
    return give(n, (struct command){.type = COMMAND_TRUST_ADD, .trust = item, .trust_n = items,
                                    .source = slice_of("import")});
}

uint64_t op_accept(struct node *n, uint8_t accept)
{
    return give(n, (struct command){.type = COMMAND_AUTH,
                                    .auth = {.accept = accept, .set_accept = true}});
}

uint64_t op_password(struct node *n, uint16_t generation, const char *label)
{
    struct command c = {.type = COMMAND_PASSWORD_ADD, .generation = generation};
    crypto_hash1(c.stretched, "sim password", slice_of(label));
    return give(n, c);
}

uint64_t op_password_prefer(struct node *n, uint16_t generation)
{
    return give(n, (struct command){.type = COMMAND_PASSWORD_PREFER, .generation = generation});
}

uint64_t op_password_drop(struct node *n, uint16_t generation)
{
    return give(n, (struct command){.type = COMMAND_PASSWORD_DROP, .generation = generation});
}

uint64_t op_role(struct node *n, enum ils_role role)
{
    return give(n, (struct command){.type = COMMAND_ROLE, .role = role,
                                     .now = role == ROLE_STANDALONE});
}

uint64_t op_join(struct node *n, const char *host, uint16_t port, enum ils_role role)
{
    return give(n, (struct command){.type = COMMAND_JOIN, .host = slice_of(host), .port = port,
                                    .role = role});
}

uint64_t op_configure(struct node *n, const struct command *settings)
{
    struct command c = *settings;
    c.type = COMMAND_CONFIGURE;
    return give(n, c);
}

uint64_t op_disconnect(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_DISCONNECT, .cluster = slice_of(cluster)});
}

uint64_t op_connect(struct node *n, const char *cluster)
{
    return give(n, (struct command){.type = COMMAND_CONNECT, .cluster = slice_of(cluster)});
}

uint64_t op_route(struct node *n, const char *pattern, const char *target)
{
    return give(n, (struct command){.type = COMMAND_ROUTE_ADD, .pattern = slice_of(pattern),
                                    .target = slice_of(target)});
}

static struct change change_of(bool put, const char *key)
{
    struct change c = {.put = put, .kind = ENTRY_ENTERPRISE, .source = slice_of("sim")};
    const char *at = strrchr(key, '@');
    c.user = slice_of(key);
    if (at != NULL) {
        c.kind = ENTRY_URI;
        c.user = slice_make(key, (size_t)(at - key));
        c.domain = slice_of(at + 1);
    } else if (key[0] == '+') {
        c.kind = ENTRY_E164;
    }
    return c;
}

uint64_t op_plan(struct node *n, bool put, const char *key, const char *failover)
{
    uint8_t value[2 + NUMBER_MAX + 1];
    struct change change = change_of(put, key);
    struct command c = {.type = COMMAND_PLAN, .source = slice_of("sim"), .change = &change,
                        .change_n = 1};
    if (put && failover != NULL) {
        size_t length = strlen(failover) < NUMBER_MAX ? strlen(failover) : NUMBER_MAX;
        value[0] = FAILOVER_NUMBER;
        value[1] = 0;
        memcpy(value + 2, failover, length);
        change.value = slice_make(value, 2 + length);
    }
    return give(n, c);
}

/* One of every `step` of the entries prefix0, prefix1 … below count. */
static uint64_t many(struct node *n, bool put, const char *prefix, const char *domain,
                     size_t count, size_t step)
{
    char (*user)[48] = grow(NULL, FILL_MAX * sizeof *user);
    struct change *change = grow_zero(FILL_MAX * sizeof *change);
    size_t most = count / step < FILL_MAX ? count / step : FILL_MAX;
    for (size_t i = 0; i < most; i++) {
        snprintf(user[i], sizeof user[i], "%.32s%zu", prefix, i * step);
        change[i] = (struct change){.put = put, .kind = ENTRY_URI, .user = slice_of(user[i]),
                                    .domain = slice_of(domain), .source = slice_of("sim")};
    }
    uint64_t id = give(n, (struct command){.type = COMMAND_PLAN, .source = slice_of("sim"),
                                           .change = change, .change_n = most});
    free(change);
    free(user);
    return id;
}

uint64_t op_fill(struct node *n, const char *prefix, const char *domain, size_t count)
{
    return many(n, true, prefix, domain, count, 1);
}

uint64_t op_empty(struct node *n, const char *prefix, const char *domain, size_t count,
                  size_t step)
{
    return many(n, false, prefix, domain, count, step);
}

enum reply op_wait(struct node *n, uint64_t command, tick most)
{
    struct world *w = n->world;
    tick until = w->now + most;
    for (;;) {
        for (size_t i = 0; i < NODE_REPLIES; i++)
            if (n->replied[i].command == command)
                return n->replied[i].reply;
        if (w->broken[0] != 0 || !world_next(w, until))
            return REPLIES;
    }
}

bool op_setup(struct node *n, const char *id, const char *route, const char *label, bool hub)
{
    if (op_wait(n, op_init(n, id, n->host, route, NULL), TICK_S) != REPLY_OK ||
        op_wait(n, op_password(n, 1, label), TICK_S) != REPLY_OK ||
        op_wait(n, op_auth_password(n), TICK_S) != REPLY_OK)
        return false;
    return !hub || op_wait(n, op_role(n, ROLE_HUB), TICK_S) == REPLY_OK;
}
