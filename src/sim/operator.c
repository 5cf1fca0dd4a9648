/* operator: what the people want and type, see run.h. operator_turn looks at what a core shows and
 * types the next command that is still to be typed; what was not taken is typed again. */
#include "sim/run.h"

#include <string.h>

#include "core/view.h"
#include "sim/pki.h"

#define PATIENCE  (15 * TICK_S) /* a command that was not answered by then is typed again */
#define RENEWED   (10 * TICK_S) /* links are made anew with a password that was preferred */
#define AUTHORITY 1u            /* key of the one authority */
#define YEARS     (INT64_C(20) * 365 * 24 * 3600 * TICK_S)

/* --- certificates */

uint32_t operator_serial(struct run *r)
{
    return ++r->serials + AUTHORITY;
}

/* The certificate of that serial for n: its key is its serial's. */
static struct slice certificate_of(struct run *r, const struct node *n, uint32_t serial,
                                   uint8_t der[static PKI_DER_MAX])
{
    struct pki c = {.serial = serial, .key = serial, .name = n == NULL ? "authority" : n->host,
                    .issuer = r->authority ? AUTHORITY : serial, .authority = n == NULL,
                    .not_before = r->world->wall_start - YEARS,
                    .not_after = r->world->wall_start + YEARS};
    return pki_der(&c, der);
}

struct own_certificate operator_certificate(struct run *r, const struct node *n, uint32_t serial,
                                            uint8_t *der, void *memory)
{
    struct own_certificate own = {.key = slice_of("a key")};
    pki_facts(certificate_of(r, n, serial, der), &own.leaf, memory);
    return own;
}

static bool trusts(const struct node *n, struct slice der)
{
    struct view_trust t;
    for (size_t i = 0; view_trust(n->ils, i, &t); i++)
        if (slice_eq(t.der, der))
            return true;
    return false;
}

/* What n must trust and does not: the authority, or everybody's present certificate. */
static bool trust_turn(struct run *r, struct node *n)
{
    static uint8_t der[NODES_MAX][PKI_DER_MAX];
    struct trust_item item[NODES_MAX];
    struct view_own own;
    size_t items = 0;
    if (r->authority) {
        struct slice root = certificate_of(r, NULL, AUTHORITY, der[0]);
        if (!trusts(n, root))
            item[items++] = pki_item(root);
    }
    for (size_t i = 0; !r->authority && i < r->world->node_n; i++) {
        const struct node *other = r->world->node[i];
        if (other == n || other->ils == NULL || !view_own(other->ils, 0, &own) ||
            trusts(n, own.leaf) || own.leaf.n > PKI_DER_MAX)
            continue;
        memcpy(der[items], own.leaf.p, own.leaf.n);
        item[items] = pki_item(slice_make(der[items], own.leaf.n));
        items++;
    }
    if (items != 0)
        r->desk[n->index].command = op_trust(n, item, items);
    return items != 0;
}

/* --- passwords */

static void label_of(uint16_t generation, char *dst, size_t size)
{
    snprintf(dst, size, "password %u", generation);
}

static bool holds(const struct node *n, uint16_t generation, bool *ret_preferred, bool *ret_right)
{
    struct view_password p;
    char label[32];
    uint8_t wanted[32], held[32];
    label_of(generation, label, sizeof label);
    crypto_hash1(wanted, "sim password", slice_of(label));
    for (size_t i = 0; view_password(n->ils, i, &p); i++)
        if (p.generation == generation) {
            *ret_preferred = p.preferred;
            *ret_right = view_password_stretched(n->ils, generation, held) &&
                         memcmp(held, wanted, sizeof held) == 0;
            return true;
        }
    return false;
}

/* Whether everybody holds the password of the day, or prefers it: nobody goes ahead before. */
static bool all_are_ready(const struct run *r, bool prefer)
{
    for (size_t i = 0; i < r->world->node_n; i++) {
        const struct node *n = r->world->node[i];
        bool preferred = false, right = false;
        if (r->desk[i].role == ROLE_STANDALONE || (n->ils == NULL && n->incarnation == 0))
            continue;
        if (n->ils == NULL || !holds(n, r->generation, &preferred, &right) || !right ||
            (prefer && !preferred))
            return false;
    }
    return true;
}

bool operator_may_drop(struct run *r)
{
    if (!all_are_ready(r, true))
        r->preferred = 0;
    else if (r->preferred == 0)
        r->preferred = r->world->now;
    return r->preferred != 0 && r->world->now >= r->preferred + RENEWED;
}

/* The next step towards holding the password of the day, and nothing else. */
static bool password_turn(struct run *r, struct node *n)
{
    struct desk *d = &r->desk[n->index];
    struct view_password p;
    char label[32];
    bool preferred = false, right = false;
    label_of(r->generation, label, sizeof label);
    if (!holds(n, r->generation, &preferred, &right) || !right) {
        size_t held = 0;
        while (view_password(n->ils, held, &p))
            held++;
        view_password(n->ils, 0, &p);
        d->command = held < PASSWORDS_MAX || right ? op_password(n, r->generation, label)
                                                   : op_password_drop(n, p.generation);
        return true;
    }
    if (!preferred && all_are_ready(r, false)) {
        d->command = op_password_prefer(n, r->generation);
        return true;
    }
    for (size_t i = 0; view_password(n->ils, i, &p) && operator_may_drop(r); i++)
        if (p.generation != r->generation) {
            d->command = op_password_drop(n, p.generation);
            return true;
        }
    return false;
}

/* --- everything else */

void operator_names(struct run *r, const struct node *n)
{
    struct desk *d = &r->desk[n->index];
    if (d->names++ == 0)
        snprintf(d->id, sizeof d->id, "%s", n->name);
    else
        snprintf(d->id, sizeof d->id, "%s-%u", n->name, d->names);
}

static bool has_tls(const struct run *r)
{
    return r->method != METHOD_PASSWORD;
}

static bool init_turn(struct run *r, struct node *n, const struct view_self *self)
{
    struct desk *d = &r->desk[n->index];
    uint8_t der[PKI_DER_MAX];
    struct pki_memory memory;
    if (self->initialised)
        return false;
    if (d->serial == 0)
        d->serial = operator_serial(r);
    struct own_certificate own = operator_certificate(r, n, d->serial, der, &memory);
    d->command = op_init(n, d->id, n->host, n->host, has_tls(r) ? &own : NULL);
    return true;
}

static bool auth_turn(struct run *r, struct node *n, const struct view_self *self)
{
    bool password = r->method != METHOD_TLS;
    if (self->auth.tls == has_tls(r) && self->auth.password == password)
        return false;
    r->desk[n->index].command = op_auth(n, has_tls(r), password);
    return true;
}

void operator_renews(struct run *r, struct node *n)
{
    struct desk *d = &r->desk[n->index];
    uint8_t der[PKI_DER_MAX];
    struct pki_memory memory;
    operator_names(r, n);
    d->serial = operator_serial(r);
    struct own_certificate own = operator_certificate(r, n, d->serial, der, &memory);
    d->renewing = true;
    d->incarnation = n->incarnation;
    d->until = r->world->now + PATIENCE;
    judge_excuse(r->judge, EXCUSE_CERTIFICATE);
    judge_excuse(r->judge, EXCUSE_SELF);
    d->command = op_identity_new(n, d->id, n->host, has_tls(r) ? &own : NULL);
}

/* n has it on record that the cluster of this id was banned. */
static bool has_banned(const struct node *n, const uint8_t id[static PEER_ID_SIZE])
{
    struct view_ended e;
    for (size_t i = 0; view_ended(n->ils, i, &e); i++)
        if (e.banned && memcmp(e.peer_id, id, PEER_ID_SIZE) == 0)
            return true;
    return false;
}

/* Somebody says that it was banned: its disk is from before it became somebody else. What it says
 * itself of the other end is not meant. */
static bool is_told_banned(const struct run *r, const struct node *n, const struct view_self *self)
{
    struct view_join join;
    struct view_contact c;
    const struct node *home = world_resolve(r->world, self->hub_host);
    view_join(n->ils, &join);
    for (size_t i = 0; view_contact(n->ils, i, &c); i++)
        if (c.last_code == CODE_BANNED && !c.linked && !has_banned(n, c.peer_id))
            return true;
    return join.wanted && !join.up && join.last_code == CODE_BANNED &&
           (home == NULL || !has_banned(n, home->peer_id));
}

/* Its own plan, by what it says, and others do not serve it therefore. */
static bool is_shrunk(const struct node *n)
{
    struct view_held held;
    for (size_t i = 0; view_held(n->ils, i, &held); i++)
        if (held.own && held.why == HELD_SHRUNK)
            return true;
    return false;
}

/* A copy of who is somebody else by now is nobody's double, and still has its name, where others
 * look for it in vain (ILSDuplicateFQDN). */
static bool has_others_name(const struct node *n, const struct view_self *self)
{
    return !slice_eq_fold(self->fqdn, slice_of(n->host));
}

/* A copy becomes somebody of its own; so may who was banned. What was restored takes its
 * neighbours' word or its own. */
static bool cure_turn(struct run *r, struct node *n, const struct view_self *self)
{
    struct desk *d = &r->desk[n->index];
    if (d->copy && strcmp(n->advertise, n->host) != 0) { /* so says its configuration */
        n->advertise = n->host;
        node_crash(n, false);
        node_start(n);
        return true;
    }
    bool must = r->world->calm && (is_told_banned(r, n, self) || judge_is_double(r->judge, n) ||
                                   has_others_name(n, self));
    if (d->copy || d->banned || must) {
        operator_renews(r, n);
        return true;
    }
    struct view_own next;
    if (r->world->calm && view_own(n->ils, 1, &next)) { /* it may wait for one that is gone */
        judge_excuse(r->judge, EXCUSE_CERTIFICATE);
        d->command = op_certificate_now(n);
        return true;
    }
    if (!self->exchange) {
        d->command = op_exchange(n, true);
        return true;
    }
    if (self->writing == WRITING && is_shrunk(n)) {
        d->command = judge_confirm(r->judge, n);
        return true;
    }
    if (self->writing != WRITING_ROLLED_BACK)
        return false;
    judge_unsure(r->judge, n);
    d->command = chance(r, 50) ? op_rebuild(n) : op_restore(n);
    return true;
}

/* Of two with one cluster id the later one takes another. */
static bool label_turn(struct run *r, struct node *n, const struct view_self *self)
{
    struct desk *d = &r->desk[n->index];
    struct view_self other;
    for (size_t i = 0; i < n->index && r->world->calm; i++) {
        if (r->world->node[i]->ils == NULL || r->desk[i].copy)
            continue;
        view_self(r->world->node[i]->ils, &other);
        if (!slice_eq_fold(self->cluster_id, other.cluster_id))
            continue;
        operator_names(r, n);
        d->command = op_describe(n, d->id, "", "", "");
        return true;
    }
    return false;
}

/* What its last attempts at others say. */
static bool is_told_apart(const struct node *n)
{
    struct verdict v;
    struct view_join join;
    struct view_contact c;
    view_join(n->ils, &join);
    if (join.last_code == CODE_OTHER_NETWORK)
        return true;
    for (size_t i = 0; view_contact(n->ils, i, &c); i++)
        if (c.last_code == CODE_OTHER_NETWORK && !c.linked)
            return true;
    for (size_t i = 0; view_verdict(n->ils, i, &v); i++)
        if (v.dialler && (v.code == CODE_OTHER_NETWORK || v.code == CODE_JOINED))
            return v.code == CODE_OTHER_NETWORK;
    return false;
}

/* It is told that it is of another network, and so it is: the hub's is right. */
static bool is_apart(const struct run *r, const struct node *n, const struct view_self *self)
{
    const struct node *home = r->world->node[r->desk[n->index].home];
    struct view_self theirs;
    if (home->ils == NULL || !is_told_apart(n))
        return false;
    view_self(home->ils, &theirs);
    return memcmp(self->network, theirs.network, NETWORK_ID_SIZE) != 0;
}

/* Whom this operator has disconnected is connected again; and whoever seems to have disconnected
 * this cluster, since a backup may have made the other end forget it. */
static bool connect_turn(struct run *r, struct node *n)
{
    struct view_row c;
    char id[2 * PEER_ID_SIZE + 1];
    for (const void *at = NULL; view_next(n->ils, &at, &c);)
        if (c.disconnected_here || (c.disconnected && r->world->calm)) {
            hex_text(id, c.peer_id, PEER_ID_SIZE);
            r->desk[n->index].command = op_connect(n, id);
            return true;
        }
    return false;
}

/* It was banned and stays out. */
static bool is_out(const struct run *r, const uint8_t key[static KEY_SIZE])
{
    for (size_t i = 0; i < r->world->node_n; i++)
        if (judge_is_out(r->judge, r->world->node[i]) &&
            memcmp(r->world->node[i]->key, key, KEY_SIZE) == 0)
            return true;
    return false;
}

/* A hub's operator forgets whom nobody is any more, and bans again who was banned by a hub that
 * has left since, was banned itself, or lost its disk; a spoke's forgets whom no hub knows. */
static bool forget_turn(struct run *r, struct node *n, const struct view_self *self)
{
    struct view_row c;
    struct slice hub;
    char id[2 * PEER_ID_SIZE + 1];
    if (!r->world->calm)
        return false;
    for (const void *at = NULL; view_next(n->ils, &at, &c);) {
        bool out = is_out(r, c.key), ban = self->role == ROLE_HUB && out;
        if (!ban && (!(out || judge_is_gone(r->judge, c.key)) || c.linked ||
                     view_forget(n->ils, c.key, &hub) != FORGET_HERE))
            continue;
        hex_text(id, c.peer_id, PEER_ID_SIZE);
        judge_forgets(r->judge, c.key);
        r->desk[n->index].command = ban ? op_ban(n, id) : op_forget(n, id);
        return true;
    }
    return false;
}

/* Where it registers there is no hub that could have it. */
static bool is_homeless(struct run *r, const struct view_self *self, const struct view_join *join)
{
    const struct node *home = world_resolve(r->world, self->hub_host);
    bool none = home == NULL || r->desk[home->index].banned || judge_is_out(r->judge, home) ||
                (r->world->calm && r->desk[home->index].role != ROLE_HUB);
    if (self->role == ROLE_HUB) /* it may have no such place */
        return join->wanted && !join->up && (none || join->last_code == CODE_NOT_A_HUB);
    return !join->wanted || join->last_code == CODE_NOT_A_HUB || none;
}

/* Who is told that an operator disconnected it calls that operator. */
static bool call_turn(struct run *r, struct node *n, const struct view_self *self,
                      const struct view_join *join)
{
    struct node *home = world_resolve(r->world, self->hub_host);
    char id[2 * PEER_ID_SIZE + 1];
    if (join->up || join->last_code != CODE_DISCONNECTED || home == NULL || !node_awake(home) ||
        home == n || r->desk[home->index].called == n->index + 1)
        return false;
    hex_text(id, self->peer_id, PEER_ID_SIZE);
    r->desk[home->index].called = n->index + 1;
    op_connect(home, id);
    return true;
}

/* Nobody joins a hub that has not joined itself. */
static bool has_network(const struct run *r, unsigned index)
{
    static const uint8_t none[NETWORK_ID_SIZE];
    const struct node *n = r->world->node[index];
    struct view_self self;
    if (n->ils == NULL)
        return false;
    view_self(n->ils, &self);
    return memcmp(self.network, none, sizeof none) != 0;
}

/* Hub n has heard of that node what it says of itself, and dials it, or seeks it. */
static bool knows(const struct node *n, const struct node *other)
{
    struct view_cluster c;
    for (size_t i = 1; view_cluster(n->ils, i, &c); i++)
        if (memcmp(c.key, other->key, KEY_SIZE) == 0)
            return c.cluster_id.n != 0;
    return false;
}

/* Hubs of two parts of a network of which neither knows anybody of the other, whoever is asked on
 * the way: those that they knew are gone, or left and returned while they did not hear each other.
 * No cluster can mend that. */
static bool are_strangers(const struct run *r, const struct node *n, const struct node *other)
{
    const struct world *w = r->world;
    bool part[NODES_MAX] = {false}, more = true;
    struct view_self self;
    part[n->index] = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < w->node_n; i++) {
            if (w->node[i]->ils == NULL)
                return false; /* it may know */
            view_self(w->node[i]->ils, &self);
            bool tells = self.role == ROLE_HUB && !judge_is_out(r->judge, w->node[i]);
            for (size_t k = 0; tells && k < w->node_n; k++)
                if (part[i] != part[k] && knows(w->node[i], w->node[k]))
                    part[i] = part[k] = more = true;
        }
    }
    return !part[other->index];
}

/* A hub that registers with nobody and is linked with no other, or does not know the one that all
 * know: a copy of the first one, or a stranger to it. */
static bool is_lost(const struct run *r, const struct node *n, const struct view_self *self,
                    const struct view_join *join)
{
    const struct node *home = r->world->node[r->desk[n->index].home];
    struct view_row c;
    bool known = self->hubs_linked != 0 && !r->world->calm;
    for (const void *at = NULL; self->hubs_linked != 0 && view_next(n->ils, &at, &c);)
        known = known || memcmp(c.key, home->key, KEY_SIZE) == 0;
    return self->role == ROLE_HUB && !known && !join->up &&
           (!join->wanted || (r->world->calm && are_strangers(r, n, home)));
}

/* Where a hub that is linked with no other looks for one, and somebody else answers, who is a hub
 * as well: its status says to join there. NULL: nowhere. */
static const struct node *misled(const struct run *r, const struct node *n,
                                 const struct view_self *self, const struct view_join *join)
{
    struct view_contact c;
    if (!r->world->calm || self->role != ROLE_HUB || self->hubs_linked != 0 || join->up)
        return NULL;
    for (size_t i = 0; view_contact(n->ils, i, &c); i++) {
        const struct node *there = world_resolve(r->world, c.address);
        if (c.last_code == CODE_OTHER_CLUSTER && !c.linked && there != NULL && there != n &&
            r->desk[there->index].role == ROLE_HUB)
            return there;
    }
    return NULL;
}

static bool role_turn(struct run *r, struct node *n, const struct view_self *self)
{
    struct desk *d = &r->desk[n->index];
    struct view_join join;
    view_join(n->ils, &join);
    if (call_turn(r, n, self, &join))
        return true;
    bool network = has_network(r, n->index);
    bool vain = d->founder && self->role == ROLE_HUB && is_homeless(r, self, &join);
    const struct node *there = misled(r, n, self, &join);
    if (d->role == ROLE_HUB && d->founder && (self->role != ROLE_HUB || !network || vain))
        d->command = op_role(n, ROLE_HUB);
    else if (d->role == ROLE_HUB && self->role == ROLE_SPOKE)
        d->command = op_role(n, ROLE_HUB);
    else if (d->role == ROLE_SPOKE && self->role == ROLE_HUB && !self->draining)
        d->command = op_role(n, ROLE_SPOKE);
    else if (there != NULL)
        d->command = op_join(n, there->host, 0, ROLE_HUB);
    else if (!has_network(r, d->home))
        return false;
    else if (join.last_code == CODE_OTHER_CLUSTER && !join.up && d->home != n->index &&
             self->role != ROLE_STANDALONE)
        d->command = op_role(n, ROLE_STANDALONE); /* and then joins, as it is told to */
    else if (network && is_apart(r, n, self))
        d->command = op_network_adopt(n);
    else if (self->role == ROLE_STANDALONE || (d->home != n->index && !network) ||
             (d->home != n->index && is_lost(r, n, self, &join)) ||
             (d->home != n->index && is_homeless(r, self, &join)))
        d->command = op_join(n, r->world->node[d->home]->host, 0, d->role);
    else
        return false;
    return true;
}

/* A command of this desk is still under way. */
static bool busy(struct run *r, const struct node *n)
{
    struct desk *d = &r->desk[n->index];
    if (d->command == 0 || d->incarnation != n->incarnation || r->world->now >= d->until)
        return false;
    for (size_t i = 0; i < NODE_REPLIES; i++)
        if (n->replied[i].command == d->command)
            return false;
    return true;
}

static void answered(struct desk *d, const struct node *n)
{
    for (size_t i = 0; i < NODE_REPLIES; i++)
        if (d->renewing && n->replied[i].command == d->command && n->replied[i].reply == REPLY_OK)
            d->copy = d->banned = false;
    d->renewing = false;
    d->command = 0;
}

/* Some cluster of the network has it on record that n was banned. */
static bool is_banned(const struct run *r, const struct node *n)
{
    for (size_t i = 0; i < r->world->node_n; i++) {
        const struct node *other = r->world->node[i];
        if (other->ils != NULL && !judge_is_out(r->judge, other) && has_banned(other, n->peer_id))
            return true;
    }
    return false;
}

/* Who is out, and by nobody's word any more: whoever had it is not here. It ends where it is. */
static bool out_turn(struct run *r, struct node *n, const struct view_self *self)
{
    if (!judge_is_out(r->judge, n) || self->role == ROLE_STANDALONE || is_banned(r, n))
        return false;
    r->desk[n->index].command = op_role(n, ROLE_STANDALONE);
    return true;
}

/* The hub that all others register with who are in no network: a hub, rather one that is not told
 * that it is of another network itself, else who knows one, else the first, which makes another. */
static struct node *choose_hub(struct run *r)
{
    struct world *w = r->world;
    for (int wanted = 4; wanted >= 0; wanted--)
        for (size_t i = 0; i < w->node_n; i++) {
            struct view_self self;
            if (w->node[i]->ils == NULL || judge_is_out(r->judge, w->node[i]) ||
                (wanted > 0 && (r->desk[i].banned || r->desk[i].copy)))
                continue;
            view_self(w->node[i]->ils, &self);
            bool hub = self.role == ROLE_HUB && !self.draining;
            bool network = has_network(r, (unsigned)i);
            bool apart = is_told_apart(w->node[i]);
            if (wanted >= 3 ? hub && network && (wanted == 3 || !apart) : wanted < 2 || network)
                return w->node[i];
        }
    return w->node[0];
}

/* That hub, and all others know it. */
static void elect(struct run *r)
{
    struct node *hub = choose_hub(r);
    for (size_t i = 0; i < r->world->node_n; i++) {
        r->desk[i].founder = r->world->node[i] == hub;
        r->desk[i].home = hub->index;
    }
    if (!judge_is_out(r->judge, hub))
        r->desk[hub->index].role = ROLE_HUB;
}

/* True: something was typed, or waits for an answer. */
static bool turn(struct run *r, struct node *n)
{
    struct desk *d = &r->desk[n->index];
    struct view_self self;
    if (!node_awake(n))
        return false;
    if (busy(r, n))
        return true;
    answered(d, n);
    view_self(n->ils, &self);
    d->incarnation = n->incarnation;
    d->until = r->world->now + PATIENCE;
    if (d->role == ROLE_STANDALONE)
        return out_turn(r, n, &self);
    if (r->world->calm && d->founder && is_told_apart(n))
        elect(r); /* it was not, when it was chosen */
    return init_turn(r, n, &self) || (r->method != METHOD_TLS && password_turn(r, n)) ||
           auth_turn(r, n, &self) || (has_tls(r) && trust_turn(r, n)) ||
           cure_turn(r, n, &self) || label_turn(r, n, &self) || connect_turn(r, n) ||
           role_turn(r, n, &self) || forget_turn(r, n, &self);
}

bool operator_turn(struct run *r)
{
    bool typed = false;
    for (size_t i = 0; i < r->world->node_n && r->world->broken[0] == 0; i++)
        typed |= turn(r, r->world->node[i]);
    return typed;
}

/* --- the end of a storm */

/* Whatever became hub or spoke stays one; who is neither is to be a spoke. */
void operator_calms(struct run *r)
{
    struct world *w = r->world;
    for (size_t i = 0; i < w->node_n; i++) {
        struct desk *d = &r->desk[i];
        bool banned = w->node[i]->has_key && is_banned(r, w->node[i]);
        if (banned && chance(r, 50))
            d->banned = true; /* and will be somebody else */
        else if (banned)
            judge_out(r->judge, w->node[i], true);
        else
            d->banned = false;
        if (!banned)
            judge_fate(r->judge, w->node[i], FATE_LIVES);
    }
    for (size_t i = 0; i < w->node_n; i++) {
        struct desk *d = &r->desk[i];
        struct view_self self = {.role = ROLE_SPOKE};
        if (w->node[i]->ils != NULL)
            view_self(w->node[i]->ils, &self);
        d->role = self.role == ROLE_HUB ? ROLE_HUB : ROLE_SPOKE;
        if (judge_is_out(r->judge, w->node[i]))
            d->role = ROLE_STANDALONE;
        d->command = 0;
    }
    elect(r);
}
