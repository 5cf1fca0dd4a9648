/* A core under events of TLS in any order: connections, handshakes with whatever certificate,
 * verdicts that come late or never, bytes, cuts, answers of the disk, the operator's commands.
 * Laws: no assertion, no leak; nobody who knows no secret joins, becomes known or has a certificate
 * imported; bytes go only to links that stand.
 *
 * Input: operations, a byte and what it needs; see `operate`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ils.h"
#include "core/view.h"
#include "link/frame.h"
#include "link/hello.h"

#define LINKS   16
#define BATCHES 256
#define TRUSTED 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ends {
    uint32_t id;
    bool open;
};

static struct {
    struct ils *ils;
    struct mem mem;
    struct ends link[LINKS];
    size_t link_n;
    uint32_t accepted, asked; /* OPEN that was not answered */
    uint64_t batch[BATCHES];
    size_t batch_n;
    uint64_t question;
    uint8_t fingerprint[TRUSTED][FINGERPRINT_SIZE]; /* imported by the operator */
    size_t trusted_n;
    tick now;
    struct slice in;
} fuzz;

static void fail(const char *what)
{
    fprintf(stderr, "tls events: %s\n", what);
    abort();
}

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size != 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static uint8_t byte(void)
{
    if (fuzz.in.n == 0)
        return 0;
    fuzz.in.n--;
    return *fuzz.in.p++;
}

static struct slice some(size_t max)
{
    size_t n = byte();
    n = n < max ? n : max;
    n = n < fuzz.in.n ? n : fuzz.in.n;
    struct slice s = slice_make(fuzz.in.p, n);
    fuzz.in.p += n;
    fuzz.in.n -= n;
    return s;
}

static struct ends *ends_of(uint32_t id)
{
    for (size_t i = 0; i < fuzz.link_n; i++)
        if (fuzz.link[i].id == id)
            return &fuzz.link[i];
    return NULL;
}

static void add(uint32_t id)
{
    if (fuzz.link_n == LINKS) { /* the oldest is forgotten by the world; the core may keep it */
        memmove(fuzz.link, fuzz.link + 1, (LINKS - 1) * sizeof *fuzz.link);
        fuzz.link_n--;
    }
    fuzz.link[fuzz.link_n++] = (struct ends){id, true};
}

static void perform(const struct ils_action *a)
{
    struct ends *e = ends_of(a->link);
    if (a->type == ILS_DO_OPEN)
        fuzz.asked = a->link;
    if (a->type == ILS_DO_STORE && fuzz.batch_n < BATCHES)
        fuzz.batch[fuzz.batch_n++] = a->batch;
    if (a->type == ILS_DO_VERIFY)
        fuzz.question = a->question;
    if (a->type == ILS_DO_SEND && e != NULL && !e->open)
        fail("bytes for a link that is closed");
    if (a->type == ILS_DO_CLOSE && e != NULL)
        e->open = false;
    if (a->type == ILS_DO_VERDICT && a->verdict.code == CODE_JOINED)
        fail("somebody joined");
    for (size_t i = 0; a->type == ILS_DO_STORE && i < a->row_n; i++)
        if (a->row[i].space == ROW_PEER)
            fail("somebody is known");
}

static void step(struct ils_event event)
{
    struct ils_actions todo;
    event.now = fuzz.now;
    event.wall = INT64_C(1700000000000000) + fuzz.now;
    memset(event.entropy, (int)(fuzz.now & 255), sizeof event.entropy);
    if (ils_step(fuzz.ils, &event, &todo) != 0)
        fail("out of memory");
    for (size_t i = 0; i < todo.n; i++)
        perform(&todo.action[i]);
}

static void stored(bool failed)
{
    if (fuzz.batch_n == 0)
        return;
    uint64_t batch = fuzz.batch[0];
    memmove(fuzz.batch, fuzz.batch + 1, --fuzz.batch_n * sizeof *fuzz.batch);
    step((struct ils_event){.type = ILS_EV_STORED, .batch = batch, .failed = failed});
}

static void certificate(struct certificate *c)
{
    static const uint16_t errors[] = {0, 0, 0, 18, 20, 10, 9, 23, 26, 66, 1};
    uint8_t flags = byte();
    memset(c, 0, sizeof *c);
    c->present = (flags & 1) == 0;
    if (!c->present)
        return;
    c->imported = (flags & 2) != 0;
    c->chained = (flags & 4) != 0;
    c->self_signed = (flags & 8) != 0;
    c->error = errors[byte() % (sizeof errors / sizeof *errors)];
    c->der = some(255);
    c->spki = some(255);
    memset(c->fingerprint, byte(), sizeof c->fingerprint);
    c->name_n = byte() % (CERTIFICATE_NAMES + 1);
    for (size_t i = 0; i < c->name_n; i++)
        c->name[i] = some(255);
    c->subject = some(255);
    c->ends = c->not_after = INT64_C(1700000000000000) + byte() * TICK_S;
    c->error_text = some(255);
    for (size_t i = 0; i < 3; i++)
        c->record[i] = some(255);
}

static uint32_t some_link(void)
{
    return fuzz.link_n == 0 ? byte() : fuzz.link[byte() % fuzz.link_n].id;
}

static void secured(void)
{
    struct secured s = {.invite = (byte() & 1) != 0};
    struct ils_event e = {.type = ILS_EV_SECURED, .link = some_link(), .secured = &s};
    memset(s.client_random, byte(), sizeof s.client_random);
    s.spki_mine = some(255);
    certificate(&s.peer);
    step(e);
}

static void data(void)
{
    struct ils_event e = {.type = ILS_EV_DATA, .link = some_link(), .data = some(255)};
    const struct ends *to = ends_of(e.link);
    if (to != NULL && to->open)
        step(e);
}

/* A hello, or another frame. */
static void frame(bool hello)
{
    struct hello h = {.version_min = 1, .version_max = 1, .capabilities = CAPABILITY_RESERVED};
    struct ils_event e = {.type = ILS_EV_DATA, .link = some_link()};
    struct buf body, out;
    buf_init(&body, &fuzz.mem, 4096);
    buf_init(&out, &fuzz.mem, 8192);
    uint8_t type = byte() % 16;
    if (hello) {
        h.method = byte() % 6;
        h.generation = byte() & 1;
        memset(h.random, byte(), sizeof h.random);
        hello_put(&body, &h);
        type = FRAME_HELLO;
    }
    buf_put_slice(&body, some(255));
    frame_put(&out, type, buf_slice(&body));
    e.data = buf_slice(&out);
    const struct ends *to = ends_of(e.link);
    if (to != NULL && to->open)
        step(e);
    buf_done(&body);
    buf_done(&out);
}

static void trust(struct command *c, struct trust_item *item)
{
    item->kind = (byte() & 3) == 0 ? TRUST_CRL : TRUST_CERTIFICATE;
    item->der = some(255);
    item->subject = some(255);
    memset(item->fingerprint, byte(), sizeof item->fingerprint);
    c->trust = item;
    c->trust_n = 1;
    if (fuzz.trusted_n < TRUSTED)
        memcpy(fuzz.fingerprint[fuzz.trusted_n++], item->fingerprint, FINGERPRINT_SIZE);
}

static void command(void)
{
    static const enum command_type type[] = {
        COMMAND_AUTH, COMMAND_CERTIFICATE, COMMAND_CERTIFICATE_NOW, COMMAND_TRUST_ADD,
        COMMAND_TRUST_REMOVE, COMMAND_INVITE, COMMAND_INVITE_REMOVE, COMMAND_JOIN,
        COMMAND_PASSWORD_ADD, COMMAND_ROLE, COMMAND_DESCRIBE};
    static uint64_t id;
    struct trust_item item = {0};
    struct command c = {.type = type[byte() % (sizeof type / sizeof *type)], .id = ++id};
    uint8_t flags = byte();
    c.now = (flags & 1) != 0;
    c.auth = (struct auth){.tls = (flags & 2) != 0, .password = (flags & 4) != 0, .set_tls = true,
                           .set_password = true, .set_accept = (flags & 8) != 0,
                           .accept = flags >> 4};
    c.generation = 1;
    c.role = (flags & 2) != 0 ? ROLE_HUB : ROLE_STANDALONE;
    c.host = slice_of("hub.example");
    c.invited = c.type == COMMAND_JOIN && (flags & 1) != 0;
    memset(c.invite.id, byte() & 3, sizeof c.invite.id);
    memset(c.invite.secret, 200, sizeof c.invite.secret);
    c.invite.expires = INT64_C(1700000000000000) + byte() * TICK_S;
    c.what = some(64);
    if (c.type == COMMAND_CERTIFICATE) {
        certificate(&c.own.leaf);
        c.own.key = some(255);
    }
    if (c.type == COMMAND_TRUST_ADD)
        trust(&c, &item);
    step((struct ils_event){.type = ILS_EV_COMMAND, .command = &c});
}

static void down(void)
{
    struct ils_event e = {.type = ILS_EV_DOWN, .link = some_link()};
    struct ends *to = ends_of(e.link);
    e.reason = (enum down_reason)(byte() % (DOWN_ALERT + 1));
    for (size_t i = 0; i < 3; i++)
        e.tls_error.text[i] = some(255);
    if (to != NULL)
        to->open = false;
    step(e);
}

static void connect(bool accepted)
{
    struct ils_event e = {.type = accepted ? ILS_EV_ACCEPTED : ILS_EV_CONNECTED};
    e.link = accepted ? LINK_ACCEPTED | ++fuzz.accepted : fuzz.asked;
    e.tls = (byte() & 3) != 0;
    memcpy(e.peer.ip, "198.51.100.1", 13);
    e.peer.ip[11] = (char)('1' + byte() % 9);
    e.peer.port = 30000;
    if (e.link == 0)
        return;
    if (!accepted)
        fuzz.asked = 0;
    add(e.link);
    step(e);
}

static void operate(void)
{
    struct certificate c;
    switch (byte() % 14) {
    case 0:
    case 1: connect(true); break;
    case 2: connect(false); break;
    case 3:
    case 4: secured(); break;
    case 5:
        certificate(&c);
        step((struct ils_event){.type = ILS_EV_CERTIFICATE, .link = some_link(),
                                .certificate = &c});
        break;
    case 6:
        certificate(&c);
        step((struct ils_event){.type = ILS_EV_VERIFIED, .question = fuzz.question + byte() % 3,
                                .certificate = &c});
        break;
    case 7: data(); break;
    case 8: frame(true); break;
    case 9: frame(false); break;
    case 10: command(); break;
    case 11: down(); break;
    case 12: stored((byte() & 7) == 0); break;
    default:
        fuzz.now += (tick)byte() * byte() * 100 * TICK_MS;
        step((struct ils_event){.type = ILS_EV_DEADLINE});
        break;
    }
}

static void start(void)
{
    struct command init = {.type = COMMAND_INIT, .id = 1, .cluster_id = slice_of("Fuzz"),
                           .fqdn = slice_of("fuzz.example")};
    struct command hub = {.type = COMMAND_ROLE, .id = 2, .role = ROLE_HUB};
    struct ils_event e = {.type = ILS_EV_START};
    fuzz.mem = (struct mem){.resize = resize, .budget = (size_t)64 << 20};
    fuzz.link_n = fuzz.batch_n = fuzz.trusted_n = 0;
    fuzz.asked = 0;
    fuzz.now = 1;
    fuzz.ils = ils_new(&fuzz.mem);
    e.start.tls_port = PORT_TLS_DEFAULT;
    e.start.password_port = PORT_PASSWORD_DEFAULT;
    step(e);
    stored(false);
    init.own.leaf = (struct certificate){.present = true, .der = slice_of("mine"),
                                         .subject = slice_of("fuzz.example"),
                                         .not_after = INT64_MAX / 2};
    init.own.key = slice_of("key");
    step((struct ils_event){.type = ILS_EV_COMMAND, .command = &init});
    stored(false);
    step((struct ils_event){.type = ILS_EV_COMMAND, .command = &hub});
    stored(false);
}

static void judge(void)
{
    struct view_cluster c;
    struct view_trust t;
    if (view_cluster(fuzz.ils, 1, &c))
        fail("a cluster became known");
    for (size_t i = 0; view_trust(fuzz.ils, i, &t); i++) {
        bool mine = fuzz.trusted_n == TRUSTED;
        for (size_t k = 0; k < fuzz.trusted_n; k++)
            mine = mine || memcmp(fuzz.fingerprint[k], t.fingerprint, FINGERPRINT_SIZE) == 0;
        if (!mine)
            fail("a certificate was imported that the operator did not name");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data_in, size_t size)
{
    fuzz.in = slice_make(data_in, size);
    start();
    while (fuzz.in.n != 0)
        operate();
    judge();
    while (fuzz.batch_n != 0)
        stored(false);
    judge();
    ils_free(fuzz.ils);
    if (fuzz.mem.used != 0)
        fail("memory is lost");
    return 0;
}
