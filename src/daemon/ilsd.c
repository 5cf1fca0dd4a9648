/* ilsd: the daemon of one cluster. Options, signals and the service manager; the rest is runtime.
 */
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/version.h"
#include "driver/sdnotify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define EXIT_USAGE 64

struct daemon {
    uv_loop_t loop;
    struct runtime *runtime;
    struct control *control;
    uv_signal_t term, interrupt, hangup;
    uv_timer_t watchdog;
    bool ending;
};

static void on_stopped(void *context)
{
    struct daemon *d = context;
    d->runtime = NULL;
}

static void on_end(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (d->ending)
        return;
    d->ending = true;
    sdnotify("STOPPING=1");
    control_stop(d->control);
    runtime_stop(d->runtime, on_stopped, d);
    uv_close((uv_handle_t *)&d->term, NULL);
    uv_close((uv_handle_t *)&d->interrupt, NULL);
    uv_close((uv_handle_t *)&d->hangup, NULL);
    uv_close((uv_handle_t *)&d->watchdog, NULL);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (!d->ending)
        runtime_reopen(d->runtime);
}

static void on_watchdog(uv_timer_t *timer)
{
    sdnotify("WATCHDOG=1");
}

static void watch(struct daemon *d)
{
    uv_signal_init(&d->loop, &d->term);
    uv_signal_init(&d->loop, &d->interrupt);
    uv_signal_init(&d->loop, &d->hangup);
    d->term.data = d->interrupt.data = d->hangup.data = d;
    uv_signal_start(&d->term, on_end, SIGTERM);
    uv_signal_start(&d->interrupt, on_end, SIGINT);
    uv_signal_start(&d->hangup, on_hangup, SIGHUP);
    uv_timer_init(&d->loop, &d->watchdog);
    uint64_t period = sdnotify_watchdog() / 2000; /* half of it, in milliseconds */
    if (period > 0)
        uv_timer_start(&d->watchdog, on_watchdog, period, period);
}

/* No core file may hold the network's key; as many links as the system allows. */
static void limits(void)
{
    struct rlimit none = {0, 0}, files;
    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    umask(0027);
}

static void say_started(const struct runtime *rt)
{
    const struct runtime_options *o = runtime_options(rt);
    struct view_self self;
    struct runtime_stats stats;
    view_self(runtime_core(rt), &self);
    runtime_stats(rt, &stats);
    printf("ilsd " OPENILS_VERSION ": cluster %.*s, ",
           self.initialised ? (int)self.cluster_id.n : 6,
           self.initialised ? (const char *)self.cluster_id.p : "(none)");
    bool six = strchr(o->address, ':') != NULL;
    if (!stats.listening)
        fputs("not listening for other clusters, ", stdout);
    if (stats.listening_tls)
        printf(six ? "listening on [%s]:%u (TLS), " : "listening on %s:%u (TLS), ", o->address,
               o->tls_port);
    if (stats.listening_password)
        printf(six ? "listening on [%s]:%u (password), " : "listening on %s:%u (password), ",
               o->address, o->password_port);
    if (stats.sip_open)
        printf(strchr(o->sip_address, ':') != NULL ? "SIP on [%s]:%u, " : "SIP on %s:%u, ",
               o->sip_address, o->sip_port);
    printf("data %s\n", o->data);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct daemon daemon;
    int status = 0;
    switch (config_read(&config, argc, argv)) {
    case CONFIG_GO: break;
    case CONFIG_DONE: return 0;
    case CONFIG_BAD: return EXIT_USAGE;
    }
    limits();
    uv_loop_init(&daemon.loop);
    daemon.runtime = runtime_start(&daemon.loop, &config.options, &status);
    if (daemon.runtime == NULL)
        return status;
    watch(&daemon);
    daemon.control = control_start(daemon.runtime, config.data);
    if (daemon.control == NULL) {
        status = 1;
        on_end(&daemon.term, SIGTERM);
    } else {
        say_started(daemon.runtime);
        sdnotify("READY=1");
    }
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon.loop);
    return status;
}
