/* source: who reads what, and what is said when it cannot be read. A result is good as a whole or
 * not at all: a plan of which a part was read is not the operator's. */
#include "driver/source.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "driver/source_rows.h"

#define FILE_MAX (INT64_C(2) << 30)

static const struct kind {
    const char *name;
    const char *module;  /* NULL: built in */
    const char *package; /* the library that it needs, as Debian names it */
    const char *develop; /* and what it is built from */
} kinds[SOURCE_KINDS] = {
    [SOURCE_FILE] = {"file", NULL, NULL, NULL},
    [SOURCE_SQLITE] = {"sqlite", NULL, NULL, NULL},
    [SOURCE_POSTGRESQL] = {"postgresql", "openils_postgresql.so", "libpq5", "libpq-dev"},
    [SOURCE_MARIADB] = {"mariadb", "openils_mariadb.so", "libmariadb3", "libmariadb-dev"},
    [SOURCE_LDAP] = {"ldap", "openils_ldap.so", "libldap-2.5-0", "libldap-dev"},
};

const char *source_kind_text(uint8_t kind)
{
    return kind > 0 && kind < SOURCE_KINDS ? kinds[kind].name : "?";
}

uint8_t source_kind_parse(const char *text)
{
    for (uint8_t i = 1; i < SOURCE_KINDS; i++)
        if (strcmp(text, kinds[i].name) == 0)
            return i;
    return 0;
}

static void say(struct source_result *r, const char *next, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Libraries end their sentences with line breaks, some put several lines in them: one is enough. */
static void one_line(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        bool blank = (unsigned char)*from <= ' ';
        if (!blank)
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

static void say_list(struct source_result *r, const char *next, const char *format, va_list list)
    __attribute__((format(printf, 3, 0)));
static void say_list(struct source_result *r, const char *next, const char *format, va_list list)
{
    if (r->text[0] != '\0')
        return;
    vsnprintf(r->text, sizeof r->text, format, list);
    one_line(r->text);
    snprintf(r->next, sizeof r->next, "%s", next);
    r->good = false;
}

static void say(struct source_result *r, const char *next, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(r, next, format, list);
    va_end(list);
}

void source_result_complaint(const struct source_result *result, size_t i, char *dst, size_t size)
{
    if (result->by_line)
        csv_complaint_text(&result->rows.complaint[i], dst, size);
    else
        source_complaint_text(&result->rows.complaint[i], dst, size);
}

/* --- a file */

static const char *user_name(char dst[static 64])
{
    snprintf(dst, 64, "uid %u", (unsigned)geteuid());
    return dst;
}

/* All bytes of a file that did not change meanwhile; NULL: said. */
static uint8_t *read_whole(struct source_result *r, const char *path, size_t *ret_n)
{
    char user[64], next[SOURCE_NEXT_MAX];
    struct stat before, after;
    uint8_t *bytes = NULL;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    snprintf(next, sizeof next, "ls -l '%.200s'", path);
    if (fd < 0 || fstat(fd, &before) != 0) {
        say(r, next, "ilsd (%s) cannot read %s: %s", user_name(user), path, strerror(errno));
    } else if (!S_ISREG(before.st_mode) || before.st_size > FILE_MAX) {
        say(r, next, "%s is no file, or one larger than 2 GiB", path);
    } else if ((bytes = malloc((size_t)before.st_size + 1)) == NULL) {
        say(r, "ils status", "there is no memory for %s", path);
    } else {
        ssize_t got = 0;
        while (n <= (size_t)before.st_size &&
               (got = read(fd, bytes + n, (size_t)before.st_size + 1 - n)) > 0)
            n += (size_t)got;
        if (got < 0)
            say(r, next, "%s: %s", path, strerror(errno));
        else if (fstat(fd, &after) != 0 || n != (size_t)before.st_size ||
                 after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
                 after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
            say(r, "", "%s was written while it was read: write it beside and rename it", path);
    }
    if (fd >= 0)
        close(fd);
    if (r->text[0] != '\0') {
        free(bytes);
        return NULL;
    }
    *ret_n = n;
    return bytes;
}

static void fetch_file(const struct source_spec *spec, struct source_result *r)
{
    size_t n;
    r->by_line = true;
    uint8_t *bytes = read_whole(r, spec->place, &n);
    if (bytes == NULL)
        return;
    csv_read(bytes, n, spec->encoding, &r->rows);
    free(bytes);
}

/* --- queries and searches */

struct reading {
    struct source_result *result;
    struct source_rows *rows;
};

static bool on_columns(void *own, size_t n, const char *const *name)
{
    return source_rows_columns(((struct reading *)own)->rows, n, name);
}

static bool on_row(void *own, uint64_t number, const char *where, const struct slice *field)
{
    return source_rows_row(((struct reading *)own)->rows, number, where, field);
}

static void on_fail(void *own, const char *next, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void on_fail(void *own, const char *next, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(((struct reading *)own)->result, next, format, list);
    va_end(list);
}

/* The module of a kind; it stays loaded. NULL: said. */
static const struct source_module *module_of(const struct kind *kind, struct source_result *r)
{
    char next[SOURCE_NEXT_MAX];
    void *handle = dlopen(kind->module, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *error = dlerror();
        if (error != NULL && strncmp(error, kind->module, strlen(kind->module)) == 0) {
            snprintf(next, sizeof next, "sudo apt install %s, and build and install OpenILS again",
                     kind->develop);
            say(r, next, "this ilsd was built without %s", kind->name);
        } else {
            snprintf(next, sizeof next, "sudo apt install %s", kind->package);
            say(r, next, "%s needs the package %s: %s", kind->name, kind->package,
                error != NULL ? error : "it does not load");
        }
        return NULL;
    }
    const struct source_module *module = dlsym(handle, SOURCE_MODULE_SYMBOL);
    if (module == NULL || module->version != SOURCE_MODULE_VERSION) {
        say(r, "script/install", "%s is of another version than ilsd", kind->module);
        return NULL;
    }
    return module;
}

/* The first line of the file, into r->password, which is wiped with the result. */
static bool read_password(const char *path, struct source_result *r)
{
    char user[64], next[SOURCE_NEXT_MAX];
    FILE *f = fopen(path, "re");
    snprintf(next, sizeof next, "ls -l '%.200s'", path);
    if (f == NULL) {
        say(r, next, "ilsd (%s) cannot read the password in %s: %s", user_name(user), path,
            strerror(errno));
        return false;
    }
    setvbuf(f, NULL, _IONBF, 0); /* no copy stays behind */
    bool good = fgets(r->password, sizeof r->password, f) != NULL;
    fclose(f);
    r->password[strcspn(r->password, "\r\n")] = '\0';
    if (!good || r->password[0] == '\0') {
        say(r, next, "the first line of %s is no password", path);
        return false;
    }
    return true;
}

static void fetch_rows(const struct source_spec *spec, int timeout_ms, const atomic_bool *cancel,
                       struct source_result *r)
{
    static const struct source_module sqlite = {SOURCE_MODULE_VERSION, source_sqlite_fetch};
    const struct kind *kind = &kinds[spec->kind];
    struct timespec now;
    struct reading reading = {.result = r};
    const struct source_module *module = kind->module == NULL ? &sqlite : module_of(kind, r);
    bool secret = spec->password_file[0] != '\0';
    if (module == NULL || (secret && !read_password(spec->password_file, r)))
        return;
    reading.rows = source_rows_begin(&r->rows, spec->domain);
    if (reading.rows == NULL) {
        say(r, "ils status", "there is no memory for this");
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct source_call call = {
        .spec = spec,
        .password = secret ? r->password : NULL,
        .deadline = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms,
        .cancel = cancel,
        .own = &reading,
        .columns = on_columns,
        .row = on_row,
        .failed = on_fail,
    };
    module->fetch(&call);
    source_rows_end(reading.rows);
    crypto_wipe(r->password, sizeof r->password);
}

void source_fetch(const struct source_spec *spec, int timeout_ms, const atomic_bool *cancel,
                  struct source_result *ret)
{
    *ret = (struct source_result){.good = true};
    if (spec->kind == SOURCE_FILE)
        fetch_file(spec, ret);
    else
        fetch_rows(spec, timeout_ms, cancel, ret);
    if (ret->text[0] == '\0' && ret->rows.complaints > 0 && ret->rows.complaint_n > 0) {
        char text[SOURCE_TEXT_MAX];
        source_result_complaint(ret, 0, text, sizeof text);
        say(ret, "", "%s", text);
    }
    if (ret->text[0] == '\0' && ret->rows.n == 0)
        say(ret, "", "it gives no entry: what it gave before stays");
    ret->good = ret->text[0] == '\0' && ret->rows.complaints == 0;
}

void source_result_free(struct source_result *result)
{
    csv_rows_free(&result->rows);
    crypto_wipe(result->password, sizeof result->password);
}
