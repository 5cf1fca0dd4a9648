/* export: plans as files. One goes to standard output; with --all each route string has a file of
 * its own, which is written beside its place and then put there, so that a run every night may
 * replace what the former one made. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"

#define PATH_BYTES 4400

struct export {
    const char *dir;  /* NULL: everything goes to `out` */
    FILE *out;        /* of the file that is written, or standard output */
    char place[PATH_BYTES], beside[PATH_BYTES]; /* its path, and where it is until it is whole */
    json_t *files;
    int error;        /* errno of the first file that could not be written */
    char failed[PATH_BYTES];
};

static void export_fail(struct export *x)
{
    if (x->error == 0) {
        x->error = errno;
        snprintf(x->failed, sizeof x->failed, "%s", x->place);
    }
}

static void export_close(struct export *x)
{
    if (x->dir == NULL || x->out == NULL)
        return;
    bool good = fflush(x->out) == 0 && fsync(fileno(x->out)) == 0;
    good = (fclose(x->out) == 0) && good;
    x->out = NULL;
    if (good && rename(x->beside, x->place) == 0)
        return;
    export_fail(x);
    unlink(x->beside);
}

/* A route string that is none makes no path: what it has beside letters, digits, "." and "-" is
 * written as "_". */
static void file_name(char *dst, size_t size, const char *route_string)
{
    snprintf(dst, size, "%s.csv", route_string[0] == '\0' ? "none" : route_string);
    for (char *p = dst; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '-' || (*p == '.' && p > dst);
        if (!plain)
            *p = '_';
    }
}

static void export_open(struct export *x, const char *route_string)
{
    char name[300];
    export_close(x);
    file_name(name, sizeof name, route_string);
    snprintf(x->place, sizeof x->place, "%.4000s/%s", x->dir, name);
    snprintf(x->beside, sizeof x->beside, "%.4000s/%s.new", x->dir, name);
    x->out = fopen(x->beside, "w");
    if (x->out == NULL)
        export_fail(x);
    json_t *file = json_object();
    json_object_set_new(file, "route_string", json_string(route_string));
    json_object_set_new(file, "file", json_string(x->place));
    json_array_append_new(x->files, file);
}

static void export_line(struct cli *cli, json_t *line, void *context)
{
    struct export *x = context;
    const json_t *part = json_object_get(line, "part"), *file = json_object_get(line, "file");
    if (file != NULL && x->dir != NULL)
        export_open(x, text_of(file, "route_string"));
    if (part != NULL && x->out != NULL &&
        fwrite(json_string_value(part), 1, json_string_length(part), x->out) !=
            json_string_length(part))
        export_fail(x);
}

/* What the form of the original has no place for is not lost without a word. */
static void say_left_out(const json_t *result)
{
    json_int_t n = json_integer_value(json_object_get(result, "left_out"));
    json_int_t enterprise = json_integer_value(json_object_get(result, "left_out_enterprise"));
    if (enterprise > 0)
        fprintf(stderr, _("%lld enterprise numbers and patterns are left out: the original's "
                          "catalogs have none; --enterprise writes them all the same\n"),
                (long long)enterprise);
    n -= enterprise;
    if (n > 0)
        fprintf(stderr, _("%lld entries are left out: the form has no place for them, or they are "
                          "not served here\n"), (long long)n);
}

static int export_one(struct cli *cli, struct call *call, struct export *x)
{
    char *text = NULL;
    size_t n = 0;
    json_t *result;
    x->out = cli->json ? open_memstream(&text, &n) : stdout;
    if (x->out == NULL) {
        json_decref(call->args);
        return cli_error(cli, EXIT_REFUSED, "no memory", NULL, NULL);
    }
    int status = cli_call(cli, call, &result);
    if (cli->json && fclose(x->out) == 0 && result != NULL) {
        json_object_set_new(result, "text", json_stringn(text, n));
        print_json(result);
    } else if (result != NULL) {
        say_left_out(result);
    }
    json_decref(result);
    free(text);
    return status;
}

static int export_all(struct cli *cli, struct call *call, struct export *x)
{
    static const struct column columns[] = {{N_("Route string"), "route_string"},
                                            {N_("File"), "file"}};
    json_t *result;
    x->files = json_array();
    int status = cli_call(cli, call, &result);
    export_close(x);
    if (x->error != 0) {
        char next[4200];
        bool none = x->error == ENOENT;
        snprintf(next, sizeof next, none ? "mkdir -p '%.4000s'" : "ls -ld '%.4000s'", x->dir);
        status = cli_error(cli, EXIT_REFUSED, strerror(x->error), x->failed, next);
    }
    if (result != NULL && x->error == 0) {
        json_object_set(result, "files", x->files);
        if (cli->json)
            print_json(result);
        else if (json_array_size(x->files) > 0)
            print_table(cli, x->files, columns, 2);
        if (!cli->json)
            say_left_out(result);
    }
    json_decref(result);
    json_decref(x->files);
    return status;
}

int run_plan_export(struct cli *cli, const struct parsed *p)
{
    struct export x = {.out = NULL};
    struct call call = {.command = "plan export", .args = json_object(), .on_line = export_line,
                        .context = &x};
    if (parsed_has(p, "--dir") && !parsed_has(p, "--all")) {
        json_decref(call.args);
        return cli_error(cli, EXIT_USAGE, _("--dir is for the files of --all"), NULL,
                         "ils help plan export");
    }
    if (parsed_has(p, "--enterprise"))
        json_object_set_new(call.args, "enterprise", json_true());
    if (parsed_get(p, "--source") != NULL)
        json_object_set_new(call.args, "source", json_string(parsed_get(p, "--source")));
    if (parsed_get(p, "--format") != NULL)
        json_object_set_new(call.args, "format", json_string(parsed_get(p, "--format")));
    if (!parsed_has(p, "--all"))
        return export_one(cli, &call, &x);
    json_object_set_new(call.args, "all", json_true());
    x.dir = parsed_has(p, "--dir") ? parsed_get(p, "--dir") : ".";
    return export_all(cli, &call, &x);
}
