/* client: one connection to ilsd's control socket, requests one after another. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/words.h"

static int no_daemon(const struct cli *cli, const char *path, const char *why)
{
    char text[300], next[4200] = "systemctl start ilsd";
    snprintf(text, sizeof text, _("ilsd does not answer: %s"), why);
    if (strcmp(cli->data, DATA_DEFAULT) != 0)
        snprintf(next, sizeof next, "ilsd --data %s", cli->data);
    return cli_error(cli, EXIT_NO_DAEMON, text, path, next);
}

static int client_connect(struct cli *cli)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[sizeof address.sun_path + 64];
    if (cli->socket >= 0)
        return EXIT_DONE;
    int n = snprintf(path, sizeof path, "%s/control.sock", cli->data);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return cli_error(cli, EXIT_USAGE, _("the path of the data directory is too long"),
                         cli->data, "ils --data DIR status");
    memcpy(address.sun_path, path, (size_t)n + 1);
    cli->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (cli->socket < 0 ||
        connect(cli->socket, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        cli_disconnect(cli);
        if (error == EACCES)
            return cli_error(cli, EXIT_REFUSED,
                             _("the data directory of ilsd is for members of its group"), path,
                             "sudo usermod -aG openils \"$USER\"");
        return no_daemon(cli, path, error == ENOENT ? _("there is no control socket")
                                                    : strerror(error));
    }
    cli->replies = fdopen(dup(cli->socket), "r");
    if (cli->replies == NULL) {
        cli_disconnect(cli);
        return no_daemon(cli, path, "no memory");
    }
    return EXIT_DONE;
}

void cli_disconnect(struct cli *cli)
{
    if (cli->replies != NULL)
        fclose(cli->replies);
    if (cli->socket >= 0)
        close(cli->socket);
    cli->replies = NULL;
    cli->socket = -1;
}

/* Seconds with tenths since some moment. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A part that is not written is no loss here: the daemon may have refused already and says why. */
static void send_all(struct cli *cli, const char *p, size_t n, bool show)
{
    size_t sent = 0;
    double begun = now(), shown = begun;
    while (sent < n) {
        size_t part = n - sent < (1u << 20) ? n - sent : 1u << 20;
        ssize_t done = write(cli->socket, p + sent, part);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        sent += (size_t)done;
        if (show && now() - begun > 1 && now() - shown > 0.2) {
            shown = now();
            fprintf(stderr, "\rsent %3.0f %%", 100.0 * (double)sent / (double)n);
        }
    }
    if (shown > begun)
        fprintf(stderr, "\r           \r");
}

static bool client_send(struct cli *cli, const struct call *call)
{
    json_t *line = json_object();
    json_object_set_new(line, "command", json_string(call->command));
    json_object_set_new(line, "args", call->args != NULL ? call->args : json_object());
    if (call->content != NULL)
        json_object_set_new(line, "bytes", json_integer((json_int_t)call->content_n));
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL)
        return false;
    send_all(cli, text, strlen(text), false);
    send_all(cli, "\n", 1, false);
    explicit_bzero(text, strlen(text));
    free(text);
    if (call->content != NULL)
        send_all(cli, call->content, call->content_n, isatty(STDERR_FILENO) == 1);
    return true;
}

/* {"progress": {"text": ..., "done": n, "of": m}}: a line that is written over, on a terminal. */
static bool show_progress(const json_t *progress, bool shown)
{
    char text[WORDS_TEXT_MAX];
    if (isatty(STDERR_FILENO) != 1)
        return false;
    if (progress == NULL) {
        if (shown)
            fprintf(stderr, "\r\033[K");
        return false;
    }
    words_said(text, sizeof text, text_of(progress, "text"));
    fprintf(stderr, "\r\033[K%s", text);
    return true;
}

/* What is wrong in a file is said with the file's name, which ilsd does not know. */
static void name_file(json_t *error, const struct call *call)
{
    char where[600], next[600];
    const char *line = text_of(error, "where"), *old = text_of(error, "next");
    const char *at = strstr(old, "FILE"), *file = call->file;
    if (call->key != NULL && strcmp(line, "the key file") == 0)
        file = call->key;
    if (strcmp(line, "the file") == 0 || strcmp(line, "the certificate file") == 0 ||
        file != call->file)
        line = "";
    if (line[0] != '\0' && strcmp(text_of(error, "name"), "CSV") != 0 &&
        strncmp(line, "line ", 5) != 0)
        return;
    snprintf(where, sizeof where, "%s%s%s", strcmp(file, "-") == 0 ? _("standard input") : file,
             line[0] != '\0' ? ", " : "", line);
    json_object_set_new(error, "where", json_string(where));
    if (at == NULL)
        return;
    snprintf(next, sizeof next, "%.*s%s%s", (int)(at - old), old, call->file, at + strlen("FILE"));
    json_object_set_new(error, "next", json_string(next));
}

static int client_final(const struct cli *cli, const struct call *call, const json_t *line,
                        json_t **ret_result)
{
    json_t *error = json_object_get(line, "error");
    char text[WORDS_TEXT_MAX];
    int status = (int)json_integer_value(json_object_get(line, "exit"));
    if (json_is_true(json_object_get(line, "ok"))) {
        if (ret_result != NULL)
            *ret_result = json_incref(json_object_get(line, "result"));
        return status;
    }
    if (call->file != NULL)
        name_file(error, call);
    if (cli->json) {
        json_t *copy = json_object();
        json_object_set(copy, "error", json_object_get(line, "error"));
        print_json(copy);
        json_decref(copy);
        return status;
    }
    words_said(text, sizeof text, text_of(error, "text"));
    cli_error(cli, status, text, text_of(error, "where"), text_of(error, "next"));
    size_t i;
    json_t *more;
    json_array_foreach(json_object_get(error, "more"), i, more)
        fprintf(stderr, "  %s\n", json_string_value(more));
    return status;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

void cli_interruptible(bool on)
{
    struct sigaction action = {.sa_handler = on ? on_interrupt : SIG_DFL}; /* no SA_RESTART */
    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

static const char *waiting_text;
static volatile sig_atomic_t waiting_said;

static void on_second(int number)
{
    int error = errno;
    (void)number;
    if (write(STDERR_FILENO, waiting_text, strlen(waiting_text)) > 0)
        waiting_said = 1;
    errno = error;
}

static void waiting_begin(const char *text)
{
    struct sigaction action = {.sa_handler = on_second, .sa_flags = SA_RESTART};
    waiting_text = text;
    waiting_said = 0;
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
}

static void waiting_end(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    alarm(0);
    sigaction(SIGALRM, &action, NULL);
    if (waiting_said != 0)
        fprintf(stderr, "\r\033[K");
}

int cli_call(struct cli *cli, const struct call *call, json_t **ret_result)
{
    char *text = NULL;
    size_t size = 0;
    bool progress = false;
    bool waiting = call->waiting != NULL && !cli->json && isatty(STDERR_FILENO) == 1;
    if (ret_result != NULL)
        *ret_result = NULL;
    int status = client_connect(cli);
    if (status != EXIT_DONE || !client_send(cli, call)) {
        if (status != EXIT_DONE)
            json_decref(call->args);
        return status != EXIT_DONE ? status : EXIT_REFUSED;
    }
    status = -1;
    if (waiting)
        waiting_begin(call->waiting);
    while (status < 0 && getline(&text, &size, cli->replies) > 0) {
        json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL);
        if (!cli->json && json_object_get(line, "part") == NULL) /* a file, byte by byte */
            calm_json(line);
        if (waiting)
            waiting_end();
        waiting = false;
        if (json_object_get(line, "ok") != NULL) {
            progress = show_progress(NULL, progress);
            status = client_final(cli, call, line, ret_result);
        } else if (json_object_get(line, "progress") != NULL) {
            progress = show_progress(json_object_get(line, "progress"), progress);
        } else if (line != NULL && call->on_line != NULL) {
            call->on_line(cli, line, call->context);
        }
        json_decref(line);
    }
    if (waiting)
        waiting_end();
    free(text);
    if (status >= 0)
        return status;
    cli_disconnect(cli);
    if (interrupted != 0)
        return EXIT_REFUSED;
    return no_daemon(cli, cli->data, _("it hung up before its answer was whole"));
}
