/* runtime_sips: the SIP door over TLS: the same answers as of runtime_sip, on connections alone. It
 * shows the certificate of the cluster, or one of the files that the options of ilsd name; these
 * are read when the door is opened, and again on SIGHUP. */
#include "daemon/runtime_inside.h"
#include "driver/clock.h"
#include "driver/frames.h"
#include "driver/tls_door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define CONNS_MAX  1024
#define SOURCE_MAX 64
#define IDLE_MS    120000
#define SHAKE_MS   10000
#define RATE       200 /* handshakes of one source a second: each costs as much as 100 lookups */
#define ERROR_TEXT 256

struct sips_door {
    struct sip_desk desk;
    struct frames *frames;
    void (*closed)(void *context);
    void *context;
};

/* --- certificates */

/* All of a file, behind what is there already. False: error names it. */
static bool append_file(uint8_t *bytes, size_t *n, const char *path, char *error, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t got = file != NULL ? fread(bytes + *n, 1, X509_FILE_MAX - *n, file) : 0;
    bool good = got > 0 && !ferror(file) && feof(file);
    if (!good)
        snprintf(error, size, "cannot read %s: %s", path,
                 file == NULL ? strerror(errno) : got == 0 ? "it is empty" : "it is too long");
    if (file != NULL)
        fclose(file);
    *n += got;
    return good;
}

/* Of one or two files; the second may be NULL. */
static bool read_files(const char *one, const char *two, struct x509_bag *ret, char *error,
                       size_t size)
{
    char why[X509_ERROR];
    size_t n = 0;
    uint8_t *bytes = malloc(X509_FILE_MAX);
    bool good = bytes != NULL && append_file(bytes, &n, one, error, size);
    if (good && two != NULL && n < X509_FILE_MAX) {
        bytes[n++] = '\n';
        good = append_file(bytes, &n, two, error, size);
    }
    if (good && x509_read(slice_make(bytes, n), NULL, ret, why, sizeof why) != 0) {
        snprintf(error, size, "%s: %.*s", one, (int)(size / 2), why);
        good = false;
    }
    if (bytes != NULL)
        crypto_wipe(bytes, n);
    free(bytes);
    return good;
}

/* The certificates of a bag from item `from` on, one after the other; to be freed. */
static uint8_t *joined(const struct x509_bag *bag, size_t from, struct slice *ret)
{
    size_t n = 0;
    for (size_t i = from; i < bag->n; i++)
        n += bag->item[i].crl ? 0 : bag->item[i].der.n;
    uint8_t *all = malloc(n + 1), *at = all;
    for (size_t i = from; all != NULL && i < bag->n; i++) {
        if (bag->item[i].crl)
            continue;
        memcpy(at, bag->item[i].der.p, bag->item[i].der.n);
        at += bag->item[i].der.n;
    }
    *ret = slice_make(all, all != NULL ? n : 0);
    return all;
}

/* With whom may come: everybody, or whom the file says. */
static struct tls_context *with_clients(const struct runtime *rt, struct tls_door_options *o,
                                        char *error, size_t size)
{
    const char *path = rt->options.sips_clients;
    struct x509_bag bag = {0};
    uint8_t *all = NULL;
    struct tls_context *context = NULL;
    if (path == NULL)
        return tls_door_context(o, error, size);
    if (!read_files(path, NULL, &bag, error, size))
        return NULL;
    all = joined(&bag, 0, &o->clients);
    if (o->clients.n == 0)
        snprintf(error, size, "%s holds no certificate", path);
    else
        context = tls_door_context(o, error, size);
    free(all);
    x509_bag_free(&bag);
    return context;
}

/* From a file. */
static struct tls_context *of_file(const struct runtime *rt, char *error, size_t size)
{
    const struct runtime_options *from = &rt->options;
    struct tls_door_options o = {.protocol = "sip/2"};
    struct x509_bag bag = {0};
    char why[X509_ERROR];
    struct tls_context *context = NULL;
    if (!read_files(from->sips_certificate, from->sips_key, &bag, error, size))
        return NULL;
    if (bag.key.n == 0) {
        snprintf(error, size, "%s holds no key: name its file by --sips-key",
                 from->sips_certificate);
    } else if (x509_own(&bag, "", true, why, sizeof why) != 0) {
        snprintf(error, size, "%s: %.*s", from->sips_certificate, (int)(size / 2), why);
    } else {
        uint8_t *chain = joined(&bag, 1, &o.chain);
        o.leaf = bag.item[0].der;
        o.key = bag.key;
        context = with_clients(rt, &o, error, size);
        free(chain);
    }
    x509_bag_free(&bag);
    return context;
}

static struct tls_context *make_context(const struct runtime *rt, char *error, size_t size)
{
    struct view_own own;
    struct tls_door_options o = {.protocol = "sip/2"};
    if (rt->options.sips_certificate != NULL)
        return of_file(rt, error, size);
    if (!view_own(rt->core, 0, &own)) {
        snprintf(error, size, "this cluster has no certificate yet");
        return NULL;
    }
    o.leaf = own.leaf;
    o.chain = own.chain;
    o.key = own.key;
    return with_clients(rt, &o, error, size);
}

void runtime_sips_reload(struct runtime *rt)
{
    char error[ERROR_TEXT], text[ERROR_TEXT + 80];
    if (rt->sips == NULL)
        return;
    struct tls_context *context = make_context(rt, error, sizeof error);
    if (context != NULL) {
        frames_tls(rt->sips->frames, context);
        tls_context_unref(context);
        return;
    }
    snprintf(text, sizeof text, "%s; the sips door goes on with the certificate that it has",
             error);
    fprintf(stderr, "ilsd: %s\n", text);
    log_system(LOG_ERR, text);
}

/* --- life */

static void sips_set(void *context, const struct door_config *config)
{
    struct sips_door *door = context;
    door->desk.send_route_string = config->send_route_string;
}

static void *sips_open(struct runtime *rt, const struct door_config *config,
                       struct door_gate *gate, char *error, size_t size)
{
    struct tls_context *tls = make_context(rt, error, size);
    struct sips_door *door = tls != NULL ? calloc(1, sizeof *door) : NULL;
    struct frames_options options = {.address = config->address,
                                     .port = config->port,
                                     .request_max = SIP_MESSAGE_MAX,
                                     .reply_max = SIP_REPLY_MAX,
                                     .conns_max = CONNS_MAX,
                                     .source_max = SOURCE_MAX,
                                     .idle_ms = IDLE_MS,
                                     .gate = gate,
                                     .measure = sip_frame,
                                     .tls = tls,
                                     .shake_ms = SHAKE_MS};
    if (door != NULL) {
        runtime_sip_prepare(rt);
        door->desk = (struct sip_desk){.rt = rt, .secure = true};
        sips_set(door, config);
        door->frames = frames_open(rt->loop, &options, runtime_sip_message, &door->desk, error,
                                   size);
    } else if (tls != NULL) {
        snprintf(error, size, "there is no memory for the door");
    }
    tls_context_unref(tls);
    if (door != NULL && door->frames == NULL) {
        free(door);
        return NULL;
    }
    rt->sips = door != NULL ? door : rt->sips;
    return door;
}

static void on_closed(void *context)
{
    struct sips_door *door = context;
    void (*closed)(void *) = door->closed;
    void *closed_context = door->context;
    free(door);
    closed(closed_context);
}

static void sips_close(void *context, void (*closed)(void *context), void *closed_context)
{
    struct sips_door *door = context;
    struct runtime *rt = door->desk.rt;
    rt->sips_untrue += frames_untrue(door->frames);
    if (rt->sips == door)
        rt->sips = NULL;
    door->closed = closed;
    door->context = closed_context;
    frames_close(door->frames, on_closed, door);
}

static size_t sips_counts(const struct runtime *rt, struct door_count ret[static DOOR_COUNTS])
{
    uint64_t untrue = rt->sips != NULL ? frames_untrue(rt->sips->frames) : 0;
    size_t n = runtime_sip_counts(rt, true, ret);
    ret[n] = (struct door_count){"tls_failed", rt->sips_untrue + untrue};
    return n + 1;
}

const struct door_kind door_sips = {
    .name = "sips",
    .option = "sips-port",
    .open = sips_open,
    .close = sips_close,
    .counts = sips_counts,
    .set = sips_set,
    .routes = true,
    .rate = RATE,
};
