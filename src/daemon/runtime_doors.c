/* runtime_doors: the port for other clusters and the SIP port. A port in use stops nobody: the
 * daemon says so, raises the alarm, and tries again every few seconds. Links with certificates are
 * not part of this version: their port is not listened on. */
#include "daemon/runtime_inside.h"
#include "daemon/version.h"
#include "driver/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ERROR_TEXT 256

static void again(struct runtime *rt)
{
    if (!uv_is_active((uv_handle_t *)&rt->retry))
        uv_timer_start(&rt->retry, runtime_retry, RUNTIME_RETRY_MS, RUNTIME_RETRY_MS);
}

/* Once the port is had, or not wanted, no alarm of it stays, not even one of an earlier life. */
static void clear_alarms(struct runtime *rt)
{
    static const enum alarm alarms[2] = {ILSTCPInUse, ILSTCPListenError};
    char port[8];
    snprintf(port, sizeof port, "%u", rt->options.password_port);
    bool clear[2] = {!rt->listen_cleared || rt->listen_failed[0],
                     !rt->listen_cleared || rt->listen_failed[1]};
    rt->listen_cleared = true;
    rt->listen_failed[0] = rt->listen_failed[1] = false;
    for (size_t i = 0; i < 2; i++)
        if (clear[i])
            runtime_alarm(rt, alarms[i], port, false);
}

static void try_to_listen(struct runtime *rt)
{
    char error[ERROR_TEXT], whole[2 * ERROR_TEXT], port[8];
    int code;
    snprintf(port, sizeof port, "%u", rt->options.password_port);
    rt->listener = tcp_listen(rt->tcp, rt->options.address, rt->options.password_port, &code, error,
                              sizeof error);
    if (rt->listener != NULL) {
        clear_alarms(rt);
        return;
    }
    again(rt);
    size_t kind = code == UV_EADDRINUSE ? 0 : 1;
    if (rt->listen_failed[kind])
        return;
    rt->listen_failed[kind] = true;
    snprintf(whole, sizeof whole,
             "%s; end that program or start ilsd with another "
             "--password-port (tried again every %u s)",
             error, RUNTIME_RETRY_MS / 1000);
    fprintf(stderr, "ilsd: %s\n", kind == 0 ? whole : error);
    log_system(LOG_CRIT, kind == 0 ? whole : error);
    runtime_alarm(rt, kind == 0 ? ILSTCPInUse : ILSTCPListenError, port, true);
}

void runtime_doors(struct runtime *rt)
{
    bool wanted = rt->listen_wanted && !rt->stopping && rt->options.password_port != 0;
    bool failed = rt->listen_failed[0] || rt->listen_failed[1];
    if (!wanted && rt->listener != NULL) {
        tcp_unlisten(rt->listener);
        rt->listener = NULL;
    }
    if (!wanted && failed && !rt->stopping)
        clear_alarms(rt);
    if (wanted && rt->listener == NULL && !(failed && uv_is_active((uv_handle_t *)&rt->retry)))
        try_to_listen(rt);
}

void runtime_retry(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    uv_timer_stop(timer);
    runtime_doors(rt);
    if (rt->sip == NULL)
        runtime_sip_open(rt);
}

/* --- SIP */

static void on_sip(void *context, struct udp_request *request, struct buf *out)
{
    struct runtime *rt = context;
    const struct plan *plan = view_plan(rt->core);
    struct sip_source source = {.ip = request->ip, .port = request->port};
    struct sip_outcome outcome = {0};
    if (plan == NULL)
        return;
    arena_reset(&rt->sip_scratch);
    size_t n = sip_answer(plan, view_routes(rt->core), &rt->sip_config, &rt->sip_scratch,
                          request->bytes, &source, out, &outcome);
    rt->sip_requests++;
    rt->sip_redirects += n > 0 && outcome.status == 302;
    rt->sip_not_found += n > 0 && outcome.status == 404;
    request->reply_port = outcome.reply_port;
}

void runtime_sip_open(struct runtime *rt)
{
    char error[ERROR_TEXT];
    if (rt->options.sip_port == 0 || rt->stopping)
        return;
    if (!rt->sip_told) {
        clock_entropy(rt->sip_config.key, sizeof rt->sip_config.key);
        rt->sip_config.server = slice_of("OpenILS/" OPENILS_VERSION);
    }
    rt->sip = udp_open(rt->loop, rt->options.sip_address, rt->options.sip_port, SIP_MESSAGE_MAX,
                       SIP_REPLY_MAX, on_sip, rt, error, sizeof error);
    if (rt->sip == NULL) {
        again(rt);
        if (!rt->sip_told)
            fprintf(stderr,
                    "ilsd: %s; SIP is not answered; end that program or start ilsd with "
                    "another --sip-port (tried again every %u s)\n",
                    error, RUNTIME_RETRY_MS / 1000);
    }
    rt->sip_told = true;
}
