/* log: two rows of numbered files. Each record is written at once, with one call for each file, so
 * that a crash loses nothing that happened before it. */
#include "driver/log.h"
#include "driver/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* One row of files: prefix, six digits, suffix. */
struct row {
    const char *directory, *prefix, *suffix;
    char path[DATADIR_PATH_MAX]; /* of the directory */
    unsigned first, last;        /* numbers on disk; last = 0: none */
    int fd;
    size_t bytes;
};

struct log {
    struct row sdl, json;
    size_t file_max;
    unsigned files_max;
    uint64_t sequence, record, lost;
};

static bool row_path(const struct row *r, unsigned n, char *dst, size_t size)
{
    int length = snprintf(dst, size, "%s/%s%06u%s", r->path, r->prefix, n, r->suffix);
    return length > 0 && (size_t)length < size;
}

/* The numbers of the files that are there. */
static void row_scan(struct row *r)
{
    DIR *d = opendir(r->path);
    size_t prefix = strlen(r->prefix), suffix = strlen(r->suffix);
    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *name = e->d_name;
        char *end;
        if (strlen(name) != prefix + 6 + suffix || strncmp(name, r->prefix, prefix) != 0)
            continue;
        unsigned n = (unsigned)strtoul(name + prefix, &end, 10);
        if (end != name + prefix + 6 || strcmp(end, r->suffix) != 0 || n == 0)
            continue;
        if (r->first == 0 || n < r->first)
            r->first = n;
        if (n > r->last)
            r->last = n;
    }
    closedir(d);
}

static bool row_open(struct row *r, const char *dir, char *error, size_t size)
{
    char part[DATADIR_PATH_MAX];
    r->fd = -1;
    const char *names[] = {"trace", "trace/ils", r->directory};
    for (size_t i = 0; i < 3; i++) {
        if (!datadir_file(dir, names[i], part, sizeof part) ||
            (mkdir(part, 0750) != 0 && errno != EEXIST)) {
            snprintf(error, size,
                     "cannot make the trace directory %s/%s: %s; make room there, or "
                     "give its owner the right to write",
                     dir, names[i], strerror(errno));
            return false;
        }
    }
    memcpy(r->path, part, sizeof part);
    row_scan(r);
    return true;
}

static void row_end(struct row *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

static void row_next(struct row *r, unsigned files_max)
{
    char path[DATADIR_PATH_MAX + 64];
    row_end(r);
    unsigned n = r->last < 999999 ? r->last + 1 : 1;
    if (!row_path(r, n, path, sizeof path))
        return;
    r->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (r->fd < 0)
        return;
    r->bytes = 0;
    r->last = n;
    if (r->first == 0)
        r->first = n;
    while (r->last >= r->first && r->last - r->first >= files_max) {
        if (row_path(r, r->first, path, sizeof path))
            unlink(path);
        r->first++;
    }
}

static bool row_write(struct row *r, const char *text)
{
    size_t n = strlen(text);
    struct iovec v[2] = {{(void *)(uintptr_t)text, n}, {(void *)(uintptr_t) "\n", 1}};
    if (r->fd < 0)
        return false;
    ssize_t put = writev(r->fd, v, 2);
    if (put < 0)
        return false;
    r->bytes += (size_t)put;
    return (size_t)put == n + 1;
}

struct log *log_open(const char *dir, char *error, size_t size)
{
    struct log *l = calloc(1, sizeof *l);
    if (l == NULL) {
        snprintf(error, size, "no memory for the trace");
        return NULL;
    }
    *l = (struct log){
        .sdl = {.directory = "trace/ils/sdl", .prefix = "SDL001_100_", .suffix = ".txt"},
        .json = {.directory = "trace/ils/json", .prefix = "ILS", .suffix = ".jsonl"},
        .file_max = LOG_FILE_MAX,
        .files_max = LOG_FILES_MAX,
    };
    if (!row_open(&l->sdl, dir, error, size) || !row_open(&l->json, dir, error, size)) {
        free(l);
        return NULL;
    }
    tzset();
    return l;
}

void log_close(struct log *l)
{
    if (l == NULL)
        return;
    row_end(&l->sdl);
    row_end(&l->json);
    free(l);
}

void log_limits(struct log *l, size_t file_max, unsigned files_max)
{
    l->file_max = file_max;
    l->files_max = files_max;
}

void log_step(struct log *l)
{
    l->sequence = (l->sequence + 1) % 100000000;
    l->record = 0;
}

/* The first line of a file: the lines below it have no date. */
static void write_opening(struct row *r, const struct tm *t)
{
    char text[128], zone[40];
    size_t n = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", t);
    strftime(zone, sizeof zone, "%z (%Z)", t);
    snprintf(text + n, sizeof text - n, " UTC%s OpenILS trace", zone);
    row_write(r, text);
}

void log_write(struct log *l, wall now, const char *text, const char *json,
               char ret_line[static LOG_LINE_MAX])
{
    time_t seconds = (time_t)(now / 1000000);
    struct tm t;
    localtime_r(&seconds, &t);
    if (l->sequence == 0)
        log_step(l);
    l->record++;
    snprintf(ret_line, LOG_LINE_MAX, "%08llu.%03llu |%02d:%02d:%02d.%03d |AppInfo |%s",
             (unsigned long long)l->sequence, (unsigned long long)(l->record % 1000), t.tm_hour,
             t.tm_min, t.tm_sec, (int)(now / 1000 % 1000), text);
    if (l->sdl.fd < 0 || l->sdl.bytes >= l->file_max) {
        row_next(&l->sdl, l->files_max);
        write_opening(&l->sdl, &t);
    }
    l->lost += !row_write(&l->sdl, ret_line);
    if (json == NULL)
        return;
    if (l->json.fd < 0 || l->json.bytes >= l->file_max)
        row_next(&l->json, l->files_max);
    l->lost += !row_write(&l->json, json);
}

uint64_t log_lost(const struct log *l)
{
    return l->lost;
}

void log_reopen(struct log *l)
{
    row_end(&l->sdl);
    row_end(&l->json);
}

/* JOURNAL_STREAM names the device and inode of the stream that leads to the journal. */
static bool to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat s;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &s) == 0 && s.st_dev == device && s.st_ino == inode;
}

void log_system(int priority, const char *text)
{
    if (to_journal())
        fprintf(stderr, "<%d>%s\n", priority, text);
    else
        syslog(LOG_DAEMON | priority, "%s", text);
}
