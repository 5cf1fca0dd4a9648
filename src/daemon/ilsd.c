/* ilsd: the daemon of one cluster. Options, signals and the service manager; the rest is runtime.
 */
#include "daemon/carry.h"
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/doors.h"
#include "daemon/version.h"
#include "driver/datadir.h"
#include "driver/sdnotify.h"
#include "driver/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_USAGE 64

struct daemon {
    uv_loop_t loop;
    struct runtime *runtime;
    struct control *control;
    uv_signal_t term, interrupt, hangup;
    uv_timer_t watchdog, other;
    bool ending;
    char file[DATADIR_PATH_MAX], kept[DATADIR_PATH_MAX]; /* another store takes the place of ours */
    char to[CONFIG_VALUE], to_key[DATADIR_PATH_MAX];     /* ours goes to another place */
};

static void on_stopped(void *context)
{
    struct daemon *d = context;
    d->runtime = NULL;
    if (!d->ending)
        uv_stop(&d->loop); /* main() goes on with the other store */
}

static void on_end(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (d->ending)
        return;
    d->ending = true;
    sdnotify("STOPPING=1");
    control_stop(d->control);
    if (d->file[0] == '\0' && d->to[0] == '\0')
        runtime_stop(d->runtime, on_stopped, d);
    uv_close((uv_handle_t *)&d->other, NULL);
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

/* --- another store takes the place of ours */

static void on_other(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    if (d->ending)
        return;
    sdnotify("STATUS=another store is put back");
    control_stop(d->control);
    d->control = NULL;
    runtime_stop(d->runtime, on_stopped, d);
}

/* From the loop: whoever asked has his answer first. */
static void on_put_back(void *context, const char *file, const char *kept)
{
    struct daemon *d = context;
    if (d->ending || d->file[0] != '\0' || d->to[0] != '\0')
        return;
    snprintf(d->file, sizeof d->file, "%s", file);
    snprintf(d->kept, sizeof d->kept, "%s", kept);
    uv_timer_start(&d->other, on_other, 0, 0);
}

static void on_carry_away(void *context, const char *to, const char *key)
{
    struct daemon *d = context;
    if (d->ending || d->file[0] != '\0' || d->to[0] != '\0')
        return;
    snprintf(d->to, sizeof d->to, "%s", to);
    snprintf(d->to_key, sizeof d->to_key, "%s", key);
    uv_timer_start(&d->other, on_other, 0, 0);
}

static bool begin(struct daemon *d, const struct config *config, int *status)
{
    d->runtime = runtime_start(&d->loop, &config->options, status);
    if (d->runtime != NULL) {
        runtime_on_put_back(d->runtime, on_put_back, d);
        runtime_on_carry_away(d->runtime, on_carry_away, d);
    }
    return d->runtime != NULL;
}

/* The present store gets its second name before the other takes the first: there is one under it at
 * every moment. A log beside it would be taken for the other's, so there must be none. */
static bool change_places(const struct daemon *d, const char *data)
{
    char file[DATADIR_PATH_MAX], log[DATADIR_PATH_MAX + 8];
    struct stat st;
    if (!datadir_file(data, STORE_FILE, file, sizeof file))
        return false;
    snprintf(log, sizeof log, "%s-wal", file);
    if (stat(log, &st) == 0 && st.st_size > 0)
        return false;
    return link(file, d->kept) == 0 && rename(d->file, file) == 0;
}

/* In a database the rows of the other take the place of ours; if not all do, those of ours do. */
static bool begin_again_shared(struct daemon *d, const struct config *config, int *status)
{
    char error[STORE_ERROR], kept[DATADIR_PATH_MAX + 8];
    bool good = carry_back(&config->options, d->file, d->kept, error, sizeof error);
    if (!good)
        fprintf(stderr, "ilsd: %s could not be put in place: %s\n", d->file, error);
    snprintf(kept, sizeof kept, "%s.again", d->kept);
    if (!good && access(d->kept, F_OK) == 0 &&
        !carry_back(&config->options, d->kept, kept, error, sizeof error))
        fprintf(stderr, "ilsd: nor could %s: %s\n", d->kept, error);
    unlink(kept);
    unlink(d->file);
    d->file[0] = '\0';
    return begin(d, config, status);
}

/* With the other store; where that fails, with ours again. */
static bool begin_again(struct daemon *d, const struct config *config, int *status)
{
    const char *data = config->options.data;
    if (config->options.store != NULL)
        return begin_again_shared(d, config, status);
    char file[DATADIR_PATH_MAX];
    bool changed = change_places(d, data);
    if (!changed)
        fprintf(stderr, "ilsd: %s could not be put in place; the store is as it was\n", d->file);
    bool good = begin(d, config, status);
    if (!good && changed && datadir_file(data, STORE_FILE, file, sizeof file) &&
        rename(d->kept, file) == 0)
        good = begin(d, config, status);
    d->file[0] = '\0';
    return good;
}

/* What changed since it was copied goes there too; whoever starts ilsd next starts it there. */
static int carry_all(const struct daemon *d, const struct config *config)
{
    struct carry_place to = {.where = d->to, .key = d->to_key};
    char error[STORE_ERROR];
    if (carry_away(&config->options, &to, error, sizeof error)) {
        printf("ilsd: all of the store is copied; start with the other one\n");
        return 0;
    }
    fprintf(stderr, "ilsd: not all of the store could be copied: %s\n", error);
    return 1;
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
    uv_timer_init(&d->loop, &d->other);
    d->other.data = d;
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

static void say_doors(const struct runtime *rt)
{
    static const char *const name[DOOR_NAMES] = {"SIP", "SIPS", "DNS", "HTTP", "page"};
    const struct doors *doors = runtime_doors_of(rt);
    char text[DOOR_LISTEN_MAX];
    for (size_t i = 0; i < DOOR_NAMES; i++) {
        if (!doors_is_open(doors, (enum door_name)i))
            continue;
        door_listen_text(&doors_setting(doors, (enum door_name)i)->config, text);
        printf("%s on %s, ", name[i], text);
    }
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
    say_doors(rt);
    printf("data %s%s%s\n", o->data, o->store != NULL ? ", store " : "",
           o->store != NULL ? runtime_store_name(rt) : "");
    fflush(stdout);
}

static void serve(struct daemon *d, const struct config *config, int *status)
{
    d->control = control_start(d->runtime, config->data);
    if (d->control == NULL) {
        *status = 1;
        on_end(&d->term, SIGTERM);
        return;
    }
    say_started(d->runtime);
    sdnotify("READY=1");
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
    if (!begin(&daemon, &config, &status))
        return status;
    watch(&daemon);
    serve(&daemon, &config, &status);
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    while (daemon.file[0] != '\0' && daemon.runtime == NULL && !daemon.ending) {
        if (begin_again(&daemon, &config, &status))
            serve(&daemon, &config, &status);
        else
            return status;
        uv_run(&daemon.loop, UV_RUN_DEFAULT);
    }
    if (daemon.to[0] != '\0' && daemon.runtime == NULL && !daemon.ending)
        return carry_all(&daemon, &config);
    uv_loop_close(&daemon.loop);
    return status;
}
