/* password: asked for without echo, stretched here (Argon2id), and forgotten: ilsd gets the
 * stretched value only. The salt is a fixed label, since strangers who know the password must
 * derive the same; PROTOCOL.md has the parameters. */
#include "cli/cli.h"

#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 512
#define STRETCH_OPS  3
#define STRETCH_MEM  67108864
#define STRETCHED    32

/* One line without its end, empty at the end of the input. NULL, or what is wrong with it. */
static const char *read_line(FILE *in, char line[static PASSWORD_MAX])
{
    size_t n = 0;
    int c;
    while ((c = getc(in)) != EOF && c != '\n') {
        if (n + 1 == PASSWORD_MAX)
            return "the password is longer than 511 bytes";
        if (c == '\0')
            return "the password holds a NUL byte";
        line[n++] = (char)c;
    }
    if (n > 0 && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
    return NULL;
}

/* The terminal as it was: given back also when Ctrl-C ends the question. */
static struct termios before;

static void on_interrupt(int number)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    signal(number, SIG_DFL);
    raise(number);
}

/* The echo goes before the question comes: whoever answers it at once is not shown. */
static const char *read_hidden(const char *question, char line[static PASSWORD_MAX])
{
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return read_line(stdin, line);
    struct termios hidden = before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    void (*former)(int) = signal(SIGINT, on_interrupt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    fprintf(stderr, "%s", question);
    const char *error = read_line(stdin, line);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    signal(SIGINT, former);
    fprintf(stderr, "\n");
    return error;
}

/* A second line, where there is one, must be the same: what a person typed twice. */
static const char *password_ask(const struct cli *cli, bool from_stdin,
                                char first[static PASSWORD_MAX], char second[static PASSWORD_MAX])
{
    bool terminal = isatty(STDIN_FILENO) == 1;
    if (!terminal && !from_stdin)
        return "there is no terminal to ask for the password: use --stdin";
    const char *error = read_hidden("password: ", first);
    if (error != NULL)
        return error;
    if (first[0] == '\0')
        return "the password is empty";
    if (terminal)
        error = read_hidden("once more: ", second);
    else if (!cli->prompt)
        error = read_line(stdin, second);
    bool again = terminal || error != NULL || second[0] != '\0';
    return error != NULL || (again && strcmp(first, second) != 0) ? "the two entries differ" : NULL;
}

static bool stretch(const char *password, char hex[static 65])
{
    static const char label[] = "openils/password";
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES], out[STRETCHED];
    bool good =
        sodium_init() >= 0 &&
        crypto_generichash(salt, sizeof salt, (const uint8_t *)label, strlen(label), NULL, 0) ==
            0 &&
        crypto_pwhash(out, sizeof out, password, strlen(password), salt, STRETCH_OPS, STRETCH_MEM,
                      crypto_pwhash_ALG_ARGON2ID13) == 0;
    if (good)
        sodium_bin2hex(hex, 65, out, sizeof out);
    sodium_memzero(out, sizeof out);
    return good;
}

bool password_read(struct cli *cli, bool from_stdin, char hex[static 65], int *ret_status)
{
    char first[PASSWORD_MAX] = "", second[PASSWORD_MAX] = "";
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    if (!cli->prompt)
        setvbuf(stdin, NULL, _IONBF, 0); /* no copy of it in a buffer */
    const char *error = password_ask(cli, from_stdin, first, second);
    if (error == NULL && !stretch(first, hex))
        error = "there are not 64 MiB of memory to stretch the password";
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    *ret_status = error == NULL ? EXIT_DONE
                                : cli_error(cli, EXIT_REFUSED, error, "password",
                                            "ils password add --stdin");
    return error == NULL;
}
