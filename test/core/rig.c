/* rig: see rig.h. */
#include "rig.h"

#include "plan/segment.h"

#include <stdio.h>

static void entropy(struct rig *r, uint8_t dst[32])
{
    for (int i = 0; i < 32; i++) {
        r->seed = r->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        dst[i] = (uint8_t)(r->seed >> 56);
    }
}

struct rig_link *rig_link(struct rig *r, uint32_t id)
{
    for (size_t i = r->link_n; i-- > 0;)
        if (r->link[i].id == id)
            return &r->link[i];
    return NULL;
}

static void link_add(struct rig *r, uint32_t id)
{
    if (r->link_n == r->link_size) {
        r->link_size = r->link_size == 0 ? 16 : r->link_size * 2;
        r->link = realloc(r->link, r->link_size * sizeof *r->link);
    }
    r->link[r->link_n++] = (struct rig_link){.id = id};
}

static void keep(struct rig *r, struct rig_link *l, struct slice data)
{
    l->sent += data.n;
    if (r->unread)
        l->pending += data.n;
    if (r->forget)
        return;
    if (l->out_n + data.n > l->out_size) {
        l->out_size = (l->out_n + data.n) * 2;
        l->out = realloc(l->out, l->out_size);
    }
    memcpy(l->out + l->out_n, data.p, data.n);
    l->out_n += data.n;
}

struct later {
    uint64_t batch[64];
    size_t batch_n;
    uint32_t room[4096];
    size_t room_n;
};

/* A segment is stored under its own name: its bytes must still be there. */
static void check_row(const struct row *row)
{
    uint8_t name[HASH_SIZE];
    if (row->space != ROW_SEGMENT || row->remove)
        return;
    segment_name(name, row->value);
    assert_memory_equal(name, row->key.p + row->key.n - HASH_SIZE, HASH_SIZE);
}

static void perform(struct rig *r, const struct ils_action *a, struct later *later)
{
    struct rig_link *l = a->link != 0 ? rig_link(r, a->link) : NULL;
    switch (a->type) {
    case ILS_DO_OPEN: r->open_id = a->link; break;
    case ILS_DO_SEND:
        if (l != NULL) {
            keep(r, l, a->data);
            assert_true(later->room_n < 4096);
            later->room[later->room_n++] = a->link;
        }
        break;
    case ILS_DO_CLOSE:
        if (l != NULL)
            l->closed = true;
        break;
    case ILS_DO_STORE:
        for (size_t i = 0; i < a->row_n; i++) {
            r->rows += a->row[i].remove ? (size_t)-1 : 1;
            r->row_bytes += a->row[i].remove ? 0 : a->row[i].value.n;
            check_row(&a->row[i]);
        }
        assert_true(later->batch_n < 64);
        later->batch[later->batch_n++] = a->batch;
        break;
    case ILS_DO_VERDICT:
        r->verdict = a->verdict;
        r->verdicts++;
        break;
    case ILS_DO_REPLY: r->reply = a->reply; break;
    case ILS_DO_ALARM:
        if (a->on) {
            r->alarms++;
            r->alarm = a->alarm.alarm;
        }
        break;
    case ILS_DO_TRACE:
        r->traces++;
        if (a->trace.event == EVENT_LINK_ENDED)
            r->ended = a->trace.code;
        break;
    case ILS_DO_TRUST: /* whoever tests TLS says what it proves */
    case ILS_DO_VERIFY:
    case ILS_DO_LISTEN:
    case ILS_DO_PUBLISH:
    case ILS_DO_READ:
    case ILS_DO_RELOAD: break;
    }
}

void rig_step(struct rig *r, struct ils_event event)
{
    struct later mine = {0};
    struct ils_actions todo = {0};
    if (r->dead)
        return;
    event.now = r->now;
    event.wall = INT64_C(1700000000000000) + r->now;
    if (ils_step(r->ils, &event, &todo) != 0) {
        r->dead = true;
        return;
    }
    for (size_t i = 0; i < todo.n; i++)
        perform(r, &todo.action[i], &mine);
    for (size_t i = 0; i < mine.batch_n; i++)
        rig_step(r, (struct ils_event){.type = ILS_EV_STORED, .batch = mine.batch[i]});
    for (size_t i = 0; i < mine.room_n; i++) {
        struct rig_link *l = rig_link(r, mine.room[i]);
        if (l != NULL && !l->closed && !r->unread)
            rig_step(r, (struct ils_event){.type = ILS_EV_ROOM, .link = l->id,
                                           .pending = l->pending});
    }
}

void rig_init(struct rig *r, uint64_t seed, size_t budget)
{
    memset(r, 0, sizeof *r);
    test_mem_init(&r->mem, 0);
    r->mem.mem.budget = budget;
    r->seed = seed;
    r->now = 1;
    r->ils = ils_new(&r->mem.mem);
    struct ils_event e = {.type = ILS_EV_START};
    entropy(r, e.entropy);
    e.start.password_port = PORT_PASSWORD_DEFAULT;
    e.start.version = slice_of("test");
    rig_step(r, e);
}

void rig_clear(struct rig *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->link_n; i++)
        if (r->link[i].closed)
            free(r->link[i].out);
        else
            r->link[n++] = r->link[i];
    r->link_n = n;
}

void rig_done(struct rig *r)
{
    ils_free(r->ils);
    for (size_t i = 0; i < r->link_n; i++)
        free(r->link[i].out);
    free(r->link);
    if (r->mem.mem.used != 0)
        fail_msg("%zu bytes are lost", r->mem.mem.used);
}

void rig_pass(struct rig *r, tick t)
{
    tick end = r->now + t;
    for (size_t guard = 0; !r->dead && guard < 1000000; guard++) {
        tick next = ils_deadline(r->ils);
        if (next > end)
            break;
        r->now = next > r->now ? next : r->now + 1;
        rig_step(r, (struct ils_event){.type = ILS_EV_DEADLINE});
    }
    r->now = end > r->now ? end : r->now;
}

enum reply rig_command(struct rig *r, struct command c)
{
    c.id = ++r->commands;
    c.who = slice_of("test");
    r->reply = REPLIES;
    rig_step(r, (struct ils_event){.type = ILS_EV_COMMAND, .command = &c});
    return r->reply;
}

static void common(struct rig *r, const char *id, const uint8_t stretched[32])
{
    char fqdn[64];
    snprintf(fqdn, sizeof fqdn, "%s.example", id);
    struct command auth = {.type = COMMAND_AUTH};
    auth.auth = (struct auth){.password = true, .set_tls = true, .set_password = true};
    struct command add = {.type = COMMAND_PASSWORD_ADD, .generation = 1};
    memcpy(add.stretched, stretched, sizeof add.stretched);
    rig_command(r, (struct command){.type = COMMAND_INIT, .cluster_id = slice_of(id),
                                    .fqdn = slice_of(fqdn)});
    rig_command(r, auth);
    rig_command(r, add);
}

void rig_hub(struct rig *r, const char *id, const uint8_t stretched[32])
{
    common(r, id, stretched);
    rig_command(r, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
}

void rig_spoke(struct rig *r, const char *id, const uint8_t stretched[32])
{
    common(r, id, stretched);
    rig_command(r, (struct command){.type = COMMAND_JOIN, .host = slice_of("hub.example"),
                                    .role = ROLE_SPOKE});
}

static void addresses(struct ils_event *e, const char *ip, uint16_t peer, uint16_t local)
{
    size_t n = strlen(ip);
    memcpy(e->peer.ip, ip, n < ADDRESS_TEXT_MAX ? n : ADDRESS_TEXT_MAX);
    e->peer.port = peer;
    memcpy(e->local.ip, "192.0.2.1", 9);
    e->local.port = local;
}

static uint32_t accept_on(struct rig *r, const char *ip, bool tls)
{
    uint32_t id = LINK_ACCEPTED | ++r->accepted;
    struct ils_event e = {.type = ILS_EV_ACCEPTED, .link = id, .tls = tls};
    entropy(r, e.entropy);
    addresses(&e, ip, 30000, tls ? PORT_TLS_DEFAULT : PORT_PASSWORD_DEFAULT);
    link_add(r, id);
    rig_step(r, e);
    return id;
}

uint32_t rig_accept(struct rig *r, const char *ip)
{
    return accept_on(r, ip, false);
}

uint32_t rig_accept_tls(struct rig *r, const char *ip, const struct secured *secured)
{
    uint32_t id = accept_on(r, ip, true);
    if (secured != NULL)
        rig_step(r, (struct ils_event){.type = ILS_EV_SECURED, .link = id, .secured = secured});
    return id;
}

uint32_t rig_connected(struct rig *r, const char *ip)
{
    uint32_t id = r->open_id;
    struct ils_event e = {.type = ILS_EV_CONNECTED, .link = id};
    assert_int_not_equal(id, 0);
    r->open_id = 0;
    entropy(r, e.entropy);
    addresses(&e, ip, PORT_PASSWORD_DEFAULT, 30000);
    link_add(r, id);
    rig_step(r, e);
    return id;
}

void rig_data(struct rig *r, uint32_t id, const void *p, size_t n)
{
    struct rig_link *l = rig_link(r, id);
    if (l == NULL || l->closed)
        return;
    rig_step(r, (struct ils_event){.type = ILS_EV_DATA, .link = id, .data = slice_make(p, n)});
}

void rig_down(struct rig *r, uint32_t id)
{
    struct rig_link *l = rig_link(r, id);
    if (l == NULL || l->closed)
        return;
    l->closed = true;
    rig_step(r, (struct ils_event){.type = ILS_EV_DOWN, .link = id, .reason = DOWN_CLOSED});
}

static bool carry_one(struct rig *from, uint32_t from_id, struct rig *to, uint32_t to_id,
                      bool from_dialler, rig_tap tap, void *context)
{
    struct rig_link *l = rig_link(from, from_id);
    if (l == NULL || l->out_n == 0)
        return false;
    size_t n = l->out_n;
    uint8_t *p = malloc(n);
    memcpy(p, l->out, n);
    l->out_n = 0;
    if (tap != NULL)
        tap(context, from_dialler, p, n);
    rig_data(to, to_id, p, n);
    free(p);
    return true;
}

bool rig_carry(struct rig *dialler, uint32_t dialler_id, struct rig *acceptor,
               uint32_t acceptor_id, rig_tap tap, void *context)
{
    bool moved = true;
    while (moved) {
        moved = carry_one(dialler, dialler_id, acceptor, acceptor_id, true, tap, context);
        moved = carry_one(acceptor, acceptor_id, dialler, dialler_id, false, tap, context) || moved;
    }
    const struct rig_link *d = rig_link(dialler, dialler_id), *a = rig_link(acceptor, acceptor_id);
    bool stands = d != NULL && !d->closed && a != NULL && !a->closed;
    if (!stands) {
        rig_down(dialler, dialler_id);
        rig_down(acceptor, acceptor_id);
    }
    return stands;
}

bool rig_join(struct rig *dialler, struct rig *acceptor, rig_tap tap, void *context,
              uint32_t ret_id[2])
{
    ret_id[0] = rig_connected(dialler, "192.0.2.1");
    ret_id[1] = rig_accept(acceptor, "192.0.2.2");
    return rig_carry(dialler, ret_id[0], acceptor, ret_id[1], tap, context);
}
