/* support: one file of evidence for whoever is asked for help. Everything in it can be read through
 * the control socket, where no secret is given out. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/version.h"

static const struct {
    const char *command, *max_key;
    int max;
} parts[] = {
    {"version", NULL, 0},       {"status", NULL, 0},    {"stats", NULL, 0},
    {"clusters", NULL, 0},      {"peers", NULL, 0},     {"alarms", NULL, 0},
    {"verdicts", NULL, 0},      {"auth show", NULL, 0}, {"password list", NULL, 0},
    {"route list", NULL, 0},    {"audit", "max", 1000}, {"trace last", "max", 2048},
    {"cert show", NULL, 0},     {"trust list", NULL, 0}, {"invite list", NULL, 0},
    {"source list", NULL, 0},
};

int run_support(struct cli *cli, const struct parsed *p)
{
    const char *path = p->word[0];
    int flags = O_WRONLY | O_CREAT | (parsed_has(p, "--force") ? O_TRUNC : O_EXCL);
    int worst = EXIT_DONE;
    char now[32];
    time_t t = time(NULL);
    struct tm utc;
    json_t *all = json_object();
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
    json_object_set_new(all, "made", json_string(now));
    json_object_set_new(all, "ils", json_string(OPENILS_VERSION));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct call call = {.command = parts[i].command, .args = json_object()};
        json_t *result;
        if (parts[i].max_key != NULL)
            json_object_set_new(call.args, parts[i].max_key, json_integer(parts[i].max));
        int status = cli_call(cli, &call, &result);
        if (result == NULL)
            worst = status;
        json_object_set_new(all, parts[i].command, result != NULL ? result : json_null());
        if (status == EXIT_NO_DAEMON)
            break;
    }
    int fd = worst == EXIT_NO_DAEMON ? -1 : open(path, flags, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (worst != EXIT_NO_DAEMON &&
        (out == NULL || json_dumpf(all, out, JSON_INDENT(2)) != 0 || fputc('\n', out) == EOF ||
         fflush(out) != 0))
        worst = cli_error(cli, EXIT_REFUSED, strerror(errno), path,
                          errno == EEXIST ? "ils support FILE --force" : "ils help support");
    else if (worst == EXIT_DONE && !cli->json)
        printf("OK: %s holds status, clusters, peers, alarms, verdicts, audit and trace; no "
               "secrets\n", path);
    else if (worst == EXIT_DONE)
        print_file(path);
    if (out != NULL)
        fclose(out);
    json_decref(all);
    return worst;
}
