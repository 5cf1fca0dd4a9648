/* diagnose: `ils diagnose`: reads traces, plain or gzip, and lets the doctor explain them. Works
 * without ilsd; a word that is no file is a cluster or host, which ilsd tests. */
#include "cli/diagnose.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/words.h"

#define TEXT_MAX  (256u << 20) /* bytes of one text, decompressed */
#define FILES_MAX 4096
#define DEPTH_MAX 6

struct files {
    char *name[FILES_MAX];
    size_t records[FILES_MAX];
    size_t n;
    bool full;
};

static void *resize(void *context, void *p, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

static bool files_add(struct files *f, const char *name)
{
    if (f->n == FILES_MAX) {
        f->full = true;
        return false;
    }
    f->name[f->n] = strdup(name);
    f->n += f->name[f->n] != NULL;
    return true;
}

static int trace_file(const struct dirent *e)
{
    if (e->d_name[0] == '.')
        return 0;
    return e->d_type == DT_DIR || e->d_type == DT_UNKNOWN ||
           (strncmp(e->d_name, "SDL", 3) == 0 && strstr(e->d_name, ".txt") != NULL);
}

/* All SDL*.txt* under a directory, in order of their names. */
static void files_scan(struct files *f, const char *directory, int depth)
{
    struct dirent **list;
    int n = depth < DEPTH_MAX ? scandir(directory, &list, trace_file, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        int length = snprintf(path, sizeof path, "%s/%s", directory, list[i]->d_name);
        if (length > 0 && (size_t)length < sizeof path && lstat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                files_scan(f, path, depth + 1);
            else if (S_ISREG(st.st_mode) && strncmp(list[i]->d_name, "SDL", 3) == 0)
                files_add(f, path);
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

/* --- reading */

static const char *wanted(void)
{
    return _(
        "lines such as '00154617.001 |16:58:42.888 |AppInfo |IlsD ...'. OpenILS writes them to "
        "DIR/trace/ils/sdl/SDL*.txt (DIR: its data directory) after `ils trace level detailed`; "
        "the original to activelog cm/trace/ils/sdl/SDL*.txt (`file get activelog "
        "cm/trace/ils/sdl/SDL.*`), trace level Detailed of Cisco Intercluster Lookup Service");
}

static int not_read(const struct cli *cli, const char *name, const char *why)
{
    char text[600];
    snprintf(text, sizeof text, _("cannot read the trace: %s"), why);
    return cli_error(cli, EXIT_REFUSED, text, name, NULL);
}

/* A whole text, decompressed where it is gzip; "-" is standard input. */
static int text_load(const struct cli *cli, const char *name, uint8_t **ret, size_t *ret_n)
{
    bool standard = strcmp(name, "-") == 0;
    gzFile z = standard ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(name, "rbe");
    uint8_t *p = NULL;
    size_t n = 0, size = 0;
    int got = 1, failure = 0;
    *ret = NULL;
    if (z == NULL)
        return not_read(cli, name, errno != 0 ? strerror(errno) : "no memory");
    while (got > 0) {
        if (size - n < 65536) {
            uint8_t *more =
                size < TEXT_MAX ? realloc(p, size = size != 0 ? 2 * size : 1 << 17) : NULL;
            if (more == NULL) {
                free(p);
                gzclose(z);
                return not_read(cli, name,
                                _("it holds more than 256 MiB; cut it to the hour in "
                                  "question"));
            }
            p = more;
        }
        got = gzread(z, p + n, 65536);
        n += got > 0 ? (size_t)got : 0;
    }
    const char *why = gzerror(z, &failure);
    if (failure == Z_ERRNO)
        why = strerror(errno);
    if (failure != Z_OK && n == 0) {
        char text[256];
        snprintf(text, sizeof text, "%s", why);
        free(p);
        gzclose(z);
        return not_read(cli, name, text);
    }
    gzclose(z);
    if (failure != Z_OK && !cli->json)
        fprintf(stderr, _("ils: %s breaks off early; what is there is read\n"), name);
    *ret = p;
    *ret_n = n;
    return EXIT_DONE;
}

static int no_memory(const struct cli *cli)
{
    return cli_error(cli, EXIT_REFUSED, _("no memory for so large a trace"), NULL, NULL);
}

static int no_trace(const struct cli *cli, const char *name)
{
    char text[1200];
    snprintf(text, sizeof text, _("this is no trace; expected %s"), wanted());
    return cli_error(cli, EXIT_REFUSED, text, name, "ils trace level detailed");
}

static int files_read(const struct cli *cli, struct doctor *d, struct files *f)
{
    bool any = false;
    for (size_t i = 0; i < f->n; i++) {
        uint8_t *p = NULL;
        size_t n = 0;
        int status = text_load(cli, f->name[i], &p, &n);
        if (status != EXIT_DONE)
            return status;
        if (strcmp(f->name[i], "-") == 0) {
            free(f->name[i]);
            f->name[i] = strdup("(standard input)");
        }
        const char *name = f->name[i] != NULL ? f->name[i] : "-";
        int result =
            doctor_read(d, slice_make(name, strlen(name)), slice_make(p, n), &f->records[i]);
        free(p);
        if (result != 0)
            return no_memory(cli);
        any |= f->records[i] > 0;
    }
    if (f->n > 0 && !any)
        return no_trace(cli, f->name[0]);
    for (size_t i = 0; i < f->n; i++)
        if (f->records[i] == 0 && !cli->json)
            fprintf(stderr, _("ils: %s: no line of a trace is in it\n"), f->name[i]);
    return EXIT_DONE;
}

/* --- the answer */

static int report(const struct cli *cli, const struct diagnosis *d, const char *html)
{
    if (d->attempt_n == 0)
        return cli_error(cli, EXIT_REFUSED,
                         _("a trace, but no line of a join is in it: it was written at too low a "
                           "level, or at another hour"),
                         d->name_n > 0 ? d->name[0] : NULL, "ils trace level detailed");
    if (html != NULL) {
        FILE *f = fopen(html, "we");
        bool good = f != NULL && diagnose_html(f, d);
        if (f == NULL || fclose(f) != 0 || !good) {
            char text[400];
            snprintf(text, sizeof text, _("cannot write the report: %s"), strerror(errno));
            return cli_error(cli, EXIT_REFUSED, text, html, NULL);
        }
    }
    if (cli->json) {
        json_t *json = diagnose_json(d);
        print_json(json);
        json_decref(json);
    } else {
        diagnose_print(cli, d);
        if (html != NULL)
            printf(_("report: %s\n"), html);
    }
    return diagnose_explained(d) ? EXIT_DONE : EXIT_REFUSED;
}

static int diagnose_files(const struct cli *cli, struct files *f, const char *html)
{
    struct mem mem = {.resize = resize, .budget = SIZE_MAX};
    struct doctor *d = doctor_new(&mem);
    if (d == NULL)
        return no_memory(cli);
    int status = files_read(cli, d, f);
    if (status == EXIT_DONE && doctor_judge(d) != 0)
        status = no_memory(cli);
    if (status == EXIT_DONE) {
        struct diagnosis found = {
            .name = f->name, .records = f->records, .name_n = f->n, .left_out = doctor_left_out(d)};
        found.attempt = doctor_attempts(d, &found.attempt_n);
        status = report(cli, &found, html);
    }
    doctor_free(d);
    return status;
}

/* A word that is meant as a file, though none is there. */
static bool like_a_file(const char *word)
{
    return strchr(word, '/') != NULL || strncmp(word, "SDL", 3) == 0 ||
           strstr(word, ".txt") != NULL || strstr(word, ".gz") != NULL ||
           strstr(word, ".log") != NULL;
}

int run_diagnose(struct cli *cli, const struct parsed *p)
{
    struct files *f = calloc(1, sizeof *f);
    int status = EXIT_DONE;
    bool live = false;
    if (f == NULL)
        return no_memory(cli);
    for (int i = 0; i < p->word_n && status == EXIT_DONE && !live; i++) {
        struct stat st;
        const char *word = p->word[i];
        if (strcmp(word, "-") == 0) {
            files_add(f, "-");
        } else if (stat(word, &st) != 0) {
            live = p->word_n == 1 && errno == ENOENT && !like_a_file(word);
            status = live ? EXIT_DONE : not_read(cli, word, strerror(errno));
        } else if (S_ISDIR(st.st_mode)) {
            size_t before = f->n;
            files_scan(f, word, 0);
            if (f->n == before)
                status = cli_error(cli, EXIT_REFUSED,
                                   _("no SDL*.txt in this directory; a trace of another name is "
                                     "given as a file"),
                                   word, "ils diagnose FILE...");
        } else {
            files_add(f, word);
        }
    }
    if (live) {
        status = diagnose_live(cli, p, p->word[0]);
    } else if (status == EXIT_DONE) {
        if (p->word_n == 0 && isatty(STDIN_FILENO))
            status =
                cli_error(cli, EXIT_USAGE, _("'ils diagnose' wants a trace, or a cluster or host"),
                          NULL, "ils help diagnose");
        else if (p->word_n == 0 && !files_add(f, "-"))
            status = no_memory(cli);
        if (status == EXIT_DONE && f->full)
            fprintf(stderr, _("ils: only the first %d files are read\n"), FILES_MAX);
        if (status == EXIT_DONE)
            status = diagnose_files(cli, f, parsed_get(p, "--html"));
    }
    for (size_t i = 0; i < f->n; i++)
        free(f->name[i]);
    free(f);
    return status;
}
