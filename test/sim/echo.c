/* echo: see echo.h. */
#include "echo.h"

#include "core/view.h"

#include <string.h>

#define ACTIONS_MAX 8

struct echo echo;

struct ils {
    struct mem *mem;
    struct ils_action action[ACTIONS_MAX];
    struct row row;
    uint8_t bytes[65536];
    size_t sent;     /* by this dialler */
    uint64_t batch;
    tick wake;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

struct ils *ils_new(struct mem *mem)
{
    struct ils *ils = mem_alloc(mem, sizeof *ils);
    if (ils != NULL)
        *ils = (struct ils){.mem = mem, .wake = TICK_NEVER};
    return ils;
}

void ils_free(struct ils *ils)
{
    if (ils != NULL)
        mem_free(ils->mem, ils, sizeof *ils);
}

tick ils_deadline(const struct ils *ils)
{
    return ils->wake;
}

void view_self(const struct ils *ils, struct view_self *ret)
{
    memset(ret, 0, sizeof *ret);
}

wall view_date(const struct ils *ils, wall now)
{
    return now;
}

bool view_own(const struct ils *ils, size_t which, struct view_own *ret)
{
    return false;
}

bool view_trust(const struct ils *ils, size_t i, struct view_trust *ret)
{
    return false;
}

static void take_data(struct ils *ils, const struct ils_event *e, struct ils_actions *ret_do)
{
    bool dialler = (e->link & LINK_ACCEPTED) == 0;
    size_t *n = dialler ? &echo.got : &echo.echoed;
    for (size_t i = 0; i < e->data.n; i++)
        echo.wrong |= e->data.p[i] != pattern((*n)++);
    echo.reads++;
    if (e->data.n > echo.largest)
        echo.largest = e->data.n;
    if (!dialler) {
        memcpy(ils->bytes, e->data.p, e->data.n);
        ils->action[ret_do->n++] = (struct ils_action){
            .type = ILS_DO_SEND, .link = e->link, .data = slice_make(ils->bytes, e->data.n)};
    } else if (echo.got == ECHO_BYTES) {
        ils->action[ret_do->n++] = (struct ils_action){.type = ILS_DO_CLOSE, .link = e->link};
    }
}

static void send_some(struct ils *ils, uint32_t link, struct ils_actions *ret_do)
{
    size_t n = ECHO_BYTES - ils->sent < 50000 ? ECHO_BYTES - ils->sent : 50000;
    for (size_t i = 0; i < n; i++)
        ils->bytes[i] = pattern(ils->sent++);
    if (n > 0)
        ils->action[ret_do->n++] = (struct ils_action){
            .type = ILS_DO_SEND, .link = link, .data = slice_make(ils->bytes, n)};
}

static void take_command(struct ils *ils, const struct command *c, struct ils_actions *ret_do)
{
    struct ils_action *a = &ils->action[ret_do->n++];
    *a = (struct ils_action){.type = ILS_DO_OPEN, .link = 1, .host = c->host,
                             .port = c->port == 0 ? PORT_PASSWORD_DEFAULT : c->port};
    ils->sent = 0;
    if (c->type == COMMAND_DESCRIBE) {
        ils->row = (struct row){.space = ROW_SETTING, .key = c->fqdn, .value = c->description};
        *a = (struct ils_action){.type = ILS_DO_STORE, .batch = ++ils->batch, .row = &ils->row,
                                 .row_n = 1};
    }
}

/* Rare states are looked for in the table of clusters: there is none. */
bool view_cluster(const struct ils *ils, size_t i, struct view_cluster *ret)
{
    (void)ils;
    (void)i;
    (void)ret;
    return false;
}

int ils_step(struct ils *ils, const struct ils_event *e, struct ils_actions *ret_do)
{
    *ret_do = (struct ils_actions){.action = ils->action};
    switch (e->type) {
    case ILS_EV_ROW:
        echo.rows++;
        break;
    case ILS_EV_START:
        ils->wake = e->now + TICK_S;
        ils->action[ret_do->n++] = (struct ils_action){.type = ILS_DO_LISTEN, .on = true};
        break;
    case ILS_EV_ACCEPTED:
        echo.accepted++;
        break;
    case ILS_EV_CONNECTED:
        echo.connected++;
        send_some(ils, e->link, ret_do);
        break;
    case ILS_EV_SECURED:
    case ILS_EV_CERTIFICATE:
    case ILS_EV_VERIFIED:
    case ILS_EV_FOLLOW:
    case ILS_EV_WHOLE:
        break;
    case ILS_EV_DATA:
        take_data(ils, e, ret_do);
        break;
    case ILS_EV_ROOM:
        echo.pending = e->pending;
        if ((e->link & LINK_ACCEPTED) == 0)
            send_some(ils, e->link, ret_do);
        break;
    case ILS_EV_DOWN:
        echo.down[e->reason]++;
        break;
    case ILS_EV_STORED:
        echo.stored += e->failed ? 0 : 1;
        echo.failed += e->failed ? 1 : 0;
        break;
    case ILS_EV_DEADLINE:
        echo.deadlines++;
        ils->wake = TICK_NEVER;
        break;
    case ILS_EV_COMMAND:
        take_command(ils, e->command, ret_do);
        break;
    }
    return 0;
}
