/* backup: the store as a whole: a backup of it, one put back, and the audit of a running ilsd, of a
 * data directory that none uses, or of a backup. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/words.h"
#include "daemon/verify.h"

#define RETURN_S 60 /* for ilsd to come to life on another store */

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* What ilsd knows by another working directory. NULL: an error was printed. */
static json_t *whole_path(const struct cli *cli, const char *file, int *ret_status)
{
    char path[2 * PATH_MAX], here[PATH_MAX];
    const char *dir = file[0] == '/' ? "" : getcwd(here, sizeof here);
    if (dir == NULL)
        *ret_status = cli_error(cli, EXIT_REFUSED, strerror(errno), file, NULL);
    if (dir == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", file);
    json_t *args = json_object();
    if (json_object_set_new(args, "file", json_string(path)) == 0)
        return args;
    json_decref(args);
    *ret_status = cli_error(cli, EXIT_USAGE, _("the path is not UTF-8"), NULL, NULL);
    return NULL;
}

static void print_content(const json_t *report)
{
    const char *id = text_of(report, "cluster_id");
    printf(_("cluster %s, peer id %s\n"), id[0] != '\0' ? id : "-",
           text_of(report, "peer_id")[0] != '\0' ? text_of(report, "peer_id") : "-");
    printf(_("%lld streams, %lld segments (%lld bytes), %lld entries, %lld rows\n"),
           number_of(report, "streams"), number_of(report, "segments"),
           number_of(report, "bytes"), number_of(report, "entries"), number_of(report, "rows"));
}

static void print_findings(const json_t *report)
{
    size_t i;
    json_t *finding;
    char said[WORDS_TEXT_MAX];
    json_array_foreach(json_object_get(report, "findings"), i, finding) {
        words_said(said, sizeof said, text_of(finding, "what"));
        printf("%s\n", said);
        if (text_of(finding, "next")[0] != '\0')
            printf(_("  next: %s\n"), text_of(finding, "next"));
    }
}

static int print_report(struct cli *cli, const json_t *report)
{
    bool sound = json_is_true(json_object_get(report, "sound"));
    if (cli->json) {
        print_json(report);
        return sound ? EXIT_DONE : EXIT_REFUSED;
    }
    printf("%s\n", sound ? _("sound: heads, lists, segments and digests hold")
                         : _("NOT sound"));
    print_content(report);
    print_findings(report);
    return sound ? EXIT_DONE : EXIT_REFUSED;
}

int run_backup(struct cli *cli, const struct parsed *p)
{
    int status = EXIT_DONE;
    struct call call = {.command = "backup", .waiting = N_("copying and checking")};
    json_t *report;
    call.args = whole_path(cli, p->word[0], &status);
    if (call.args == NULL)
        return status;
    status = cli_call(cli, &call, &report);
    if (report == NULL)
        return status;
    bool made = text_of(report, "file")[0] != '\0';
    if (!cli->json && made)
        printf(_("OK: %s\n"), text_of(report, "file"));
    else if (!cli->json)
        printf("%s\n", _("no backup was made: the store is damaged"));
    status = print_report(cli, report);
    json_decref(report);
    return status;
}

int run_verify(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "verify", .waiting = N_("copying and checking")};
    char error[8192];
    json_t *report;
    int status = EXIT_REFUSED;
    if (p->word_n == 0)
        status = cli_call(cli, &call, &report);
    else if ((report = verify_path(p->word[0], error, sizeof error)) == NULL)
        return cli_error(cli, EXIT_REFUSED, error, NULL, "ils verify");
    if (report == NULL)
        return status;
    status = print_report(cli, report);
    json_decref(report);
    return status;
}

/* --- one put back */

static bool answers(const struct cli *cli)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/control.sock", cli->data);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* ilsd hangs up when it lets its core go, and listens again when it has come to life. */
static bool returned(struct cli *cli)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    while (cli->replies != NULL && fgetc(cli->replies) != EOF)
        continue;
    cli_disconnect(cli);
    for (int i = 0; i < RETURN_S * 20; i++) {
        if (answers(cli))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

int run_restore_file(struct cli *cli, const struct parsed *p)
{
    int status = EXIT_DONE;
    struct call call = {.command = "restore", .waiting = N_("copying and checking")};
    json_t *report;
    call.args = whole_path(cli, p->word[0], &status);
    if (call.args == NULL)
        return status;
    status = cli_call(cli, &call, &report);
    if (report == NULL)
        return status;
    bool good = returned(cli);
    if (cli->json) {
        json_object_set_new(report, "running", json_boolean(good));
        print_json(report);
    } else {
        printf(_("OK: %s was put back\n"), text_of(report, "file"));
        print_content(report);
        printf(_("the former store: %s\n"), text_of(report, "kept"));
        if (good)
            printf(_("what neighbours hold above it comes back by itself; see: %s\n"),
                   "ils status");
    }
    json_decref(report);
    if (!good)
        return cli_error(cli, EXIT_NO_DAEMON, _("ilsd did not come back"), NULL,
                         "journalctl -u ilsd");
    return EXIT_DONE;
}
