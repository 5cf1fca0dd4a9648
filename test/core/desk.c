/* desk: see desk.h. */
#include "desk.h"

#include <stdio.h>

static void keep_row(struct desk *d, const struct row *r)
{
    size_t i = 0;
    while (i < d->row_n && (d->row[i].space != r->space || d->row[i].key_n != r->key.n ||
                            memcmp(d->row[i].key, r->key.p, r->key.n) != 0))
        i++;
    if (i < d->row_n) {
        free(d->row[i].key);
        free(d->row[i].value);
        d->row[i] = d->row[--d->row_n];
    }
    if (r->remove)
        return;
    assert_true(d->row_n < DESK_ROWS);
    struct desk_row *to = &d->row[d->row_n++];
    *to = (struct desk_row){r->space, malloc(r->key.n + 1), malloc(r->value.n + 1), r->key.n,
                            r->value.n};
    memcpy(to->key, r->key.p, r->key.n);
    if (r->value.n != 0)
        memcpy(to->value, r->value.p, r->value.n);
}

static void store(struct desk *d, const struct ils_action *a)
{
    d->stores++;
    assert_true(a->row_n != 0);
    for (size_t i = 0; i < a->row_n; i++) {
        d->puts += !a->row[i].remove;
        if (!d->full)
            keep_row(d, &a->row[i]);
    }
    assert_true(d->batch_n < DESK_BATCH);
    d->failed[d->batch_n] = d->full;
    d->batch[d->batch_n++] = a->batch;
}

static void keep_trace(struct desk *d, const struct trace *t)
{
    if (d->said_n == DESK_SAID)
        d->said_n = 0;
    struct desk_said *s = &d->said[d->said_n++];
    s->event = t->event;
    for (int i = 0; i < 2; i++)
        slice_to_text(t->text[i], s->text[i], sizeof s->text[i]);
}

static void perform(struct desk *d, const struct ils_action *action, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct ils_action *a = &action[i];
        switch (a->type) {
        case ILS_DO_STORE: store(d, a); break;
        case ILS_DO_TRACE: keep_trace(d, &a->trace); break;
        case ILS_DO_TRUST: d->contexts++; break;
        case ILS_DO_REPLY:
            d->reply = a->reply;
            slice_to_text(a->text, d->text, sizeof d->text);
            memcpy(d->number, a->number, sizeof d->number);
            break;
        default: break;
        }
    }
}

void desk_disk(struct desk *d)
{
    d->held = false;
    while (d->batch_n != 0 && !d->dead) {
        struct ils_event e = {.type = ILS_EV_STORED, .batch = d->batch[0], .failed = d->failed[0]};
        d->batch_n--;
        memmove(d->batch, d->batch + 1, d->batch_n * sizeof *d->batch);
        memmove(d->failed, d->failed + 1, d->batch_n * sizeof *d->failed);
        d->held = true; /* what follows is answered in this loop */
        desk_step(d, e);
        d->held = false;
    }
}

static void after(struct desk *d, int result, const struct ils_action *action, size_t n)
{
    d->dead = d->dead || result != 0;
    if (d->dead)
        return;
    perform(d, action, n);
    if (!d->held)
        desk_disk(d);
}

void desk_step(struct desk *d, struct ils_event event)
{
    struct ils_actions todo = {0};
    if (d->dead)
        return;
    event.now = d->now;
    event.wall = d->wall + d->now;
    int result = ils_step(d->ils, &event, &todo);
    after(d, result, todo.action, todo.n);
}

void desk_begin(struct desk *d)
{
    arena_reset(&d->ils->step);
    d->ils->action = NULL;
    d->ils->action_n = d->ils->action_size = 0;
    d->ils->now = d->now;
    d->ils->wall = d->wall + d->now;
}

void desk_end(struct desk *d)
{
    after(d, d->ils->broken ? -1 : 0, d->ils->action, d->ils->action_n);
}

void desk_start(struct desk *d, struct mem *mem)
{
    d->mem = mem;
    d->dead = false;
    d->batch_n = 0;
    if (d->now == 0) {
        d->now = 1;
        d->wall = INT64_C(1700000000000000);
    }
    d->ils = ils_new(mem);
    if (d->ils == NULL) {
        d->dead = true;
        return;
    }
    for (uint8_t space = 0; space < ROW_SPACES; space++)
        for (size_t i = 0; i < d->row_n; i++) {
            const struct desk_row *r = &d->row[i];
            struct ils_event e = {.type = ILS_EV_ROW};
            e.row = (struct row){r->space, slice_make(r->key, r->key_n),
                                 slice_make(r->value, r->value_n), false};
            if (r->space == space)
                desk_step(d, e);
        }
    struct ils_event e = {.type = ILS_EV_START, .entropy = {7}};
    e.start.tls_port = PORT_TLS_DEFAULT;
    e.start.password_port = PORT_PASSWORD_DEFAULT;
    e.start.version = slice_of("test");
    desk_step(d, e);
}

void desk_stop(struct desk *d)
{
    ils_free(d->ils);
    d->ils = NULL;
}

void desk_clear(struct desk *d)
{
    desk_stop(d);
    for (size_t i = 0; i < d->row_n; i++) {
        free(d->row[i].key);
        free(d->row[i].value);
    }
    memset(d, 0, sizeof *d);
}

void desk_pass(struct desk *d, tick t)
{
    tick end = d->now + t;
    for (size_t guard = 0; !d->dead && guard < 100000; guard++) {
        tick next = ils_deadline(d->ils);
        if (next > end)
            break;
        d->now = next > d->now ? next : d->now + 1;
        desk_step(d, (struct ils_event){.type = ILS_EV_DEADLINE});
    }
    d->now = end;
    desk_step(d, (struct ils_event){.type = ILS_EV_DEADLINE});
}

enum reply desk_command(struct desk *d, struct command c)
{
    c.id = ++d->commands;
    c.who = slice_of("test");
    d->reply = REPLIES;
    d->text[0] = '\0';
    desk_step(d, (struct ils_event){.type = ILS_EV_COMMAND, .command = &c});
    return d->reply;
}

void desk_hub(struct desk *d)
{
    desk_command(d, (struct command){.type = COMMAND_INIT, .cluster_id = slice_of("tokyo"),
                                     .fqdn = slice_of("ils.tokyo.example")});
    desk_command(d, (struct command){.type = COMMAND_ROLE, .role = ROLE_HUB});
    if (d->dead)
        return;
    struct own_cert *own = &d->ils->cert[0];
    buf_put_text(&own->leaf, "certificate");
    own->not_before = d->wall;
    own->not_after = d->wall + INT64_C(5) * 365 * 86400 * TICK_S;
}

struct trust_item desk_item(unsigned seed, size_t n)
{
    static struct {
        uint8_t der[16384];
        char subject[32];
    } slot[8];
    static unsigned next;
    uint8_t *der = slot[next % 8].der;
    char *subject = slot[next++ % 8].subject;
    struct trust_item item = {.der = slice_make(der, n)};
    memset(der, (int)(seed * 7), n);
    der[0] = 0x30;
    der[1] = (uint8_t)(seed >> 8);
    der[2] = (uint8_t)seed;
    snprintf(subject, sizeof slot->subject, "ils%u.example", seed);
    crypto_hash1(item.fingerprint, "test certificate", slice_make(der, 3));
    item.subject = slice_of(subject);
    item.not_after = INT64_C(1800000000000000) + seed;
    return item;
}

struct link *desk_link(struct desk *d, const char *ip, unsigned seed)
{
    static uint32_t id;
    struct trust_item item = desk_item(seed, 600);
    struct link *l = link_new(d->ils, false, LINK_ACCEPTED | ++id);
    if (l == NULL)
        return NULL;
    l->state = LINK_PROOF;
    l->tls = true;
    l->deadline = TICK_NEVER;
    slice_to_text(slice_of(ip), l->peer.ip, sizeof l->peer.ip);
    l->peer.port = 40000;
    memset(l->verdict_id, 0, sizeof l->verdict_id);
    l->verdict_id[0] = (uint8_t)(id >> 16);
    l->verdict_id[1] = (uint8_t)(id >> 8);
    l->verdict_id[2] = (uint8_t)id;
    l->cert.present = true;
    memcpy(l->cert.fingerprint, item.fingerprint, sizeof l->cert.fingerprint);
    text_set(l->cert.subject, item.subject);
    l->cert.not_after = item.not_after;
    buf_put_slice(&l->cert_der, item.der);
    return l;
}

size_t desk_rows(const struct desk *d, enum row_space space)
{
    size_t n = 0;
    for (size_t i = 0; i < d->row_n; i++)
        n += d->row[i].space == space;
    return n;
}

bool desk_holds(const struct desk *d, enum row_space space, const void *p, size_t n)
{
    for (size_t i = 0; i < d->row_n; i++) {
        const struct desk_row *r = &d->row[i];
        for (size_t at = 0; r->space == space && at + n <= r->value_n; at++)
            if (memcmp(r->value + at, p, n) == 0)
                return true;
    }
    return false;
}

bool desk_said(const struct desk *d, enum trace_event event, const char *t0, const char *t1)
{
    for (size_t i = 0; i < d->said_n; i++)
        if (d->said[i].event == event && strcmp(d->said[i].text[0], t0) == 0 &&
            strcmp(d->said[i].text[1], t1) == 0)
            return true;
    return false;
}
