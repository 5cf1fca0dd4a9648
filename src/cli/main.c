/* ils: the command line of OpenILS. Words are matched against the table, options against the
 * command's; what does not fit is named, with the nearest thing that would. */
#include "cli/cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"
#include "daemon/version.h"

int cli_error(const struct cli *cli, int status, const char *text, const char *where,
              const char *next)
{
    if (cli->json) {
        json_t *line = json_object(), *error = json_object();
        json_object_set_new(error, "name", json_string(status == EXIT_NO_DAEMON ? "NO_DAEMON"
                                                       : status == EXIT_USAGE   ? "USAGE"
                                                                                : "REFUSED"));
        json_object_set_new(error, "text", json_string(text));
        json_object_set_new(error, "where", where != NULL ? json_string(where) : json_null());
        json_object_set_new(error, "next", next != NULL ? json_string(next) : json_null());
        json_object_set_new(error, "more", json_array());
        json_object_set_new(line, "error", error);
        print_json(line);
        json_decref(line);
        return status;
    }
    fflush(stdout);
    fprintf(stderr, "ils: %s\n", text);
    if (where != NULL && where[0] != '\0')
        fprintf(stderr, "%s: %s\n", _("where"), where);
    if (next != NULL && next[0] != '\0')
        fprintf(stderr, "%s: %s\n", _("next"), next);
    return status;
}

/* --- the nearest word */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits between two short words (insert, delete, replace). */
static size_t distance(const char *a, const char *b)
{
    size_t row[65], n = strlen(b);
    if (strlen(a) > 64 || n > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t here = least(least(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = row[j];
            row[j] = here;
        }
    }
    return row[n];
}

void nearest_try(struct nearest *best, const char *typed, const char *candidate)
{
    size_t d = distance(typed, candidate);
    if (d <= strlen(candidate) / 2 && (best->word == NULL || d < best->distance)) {
        best->word = candidate;
        best->distance = d;
    }
}

/* --- help */

static void help_options(const struct option_row *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        char left[48];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
}

static void help_all(void)
{
    printf("usage: ils [--data DIR] [--json] COMMAND ...\n"
           "       ils                       the admin: prompt\n\ncommands:\n");
    for (size_t i = 0; i < command_table_n; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", command_table[i].words, command_table[i].positional);
        if (strlen(left) > 36)
            printf("  %s\n  %-36s %s\n", left, "", command_table[i].summary);
        else
            printf("  %-36s %s\n", left, command_table[i].summary);
    }
    printf("\noptions of every command:\n");
    help_options(global_options);
    printf("\nexit status: 0 done or healthy, 1 refused or degraded, 2 ilsd does not answer, "
           "64 usage\n");
}

static void help_one(const struct command_row *c)
{
    printf("usage: ils %s%s%s", c->words, c->positional[0] != '\0' ? " " : "", c->positional);
    for (const struct option_row *o = c->options; o != NULL && o->name != NULL; o++)
        printf(o->kind == OPTION_NEEDED ? " %s%s%s" : " [%s%s%s]", o->name,
               o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    printf("\n\n%s\n", c->summary);
    if (c->details != NULL)
        printf("%s\n", c->details);
    if (c->options != NULL) {
        printf("\noptions:\n");
        help_options(c->options);
    }
}

/* How many of the given words make up the command's name; 0 = another command. */
static int words_match(const char *words, int n, char **given)
{
    int i = 0;
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (i >= n || strlen(given[i]) != length || strncmp(words, given[i], length) != 0)
            return 0;
        i++;
        words += length + (words[length] == ' ');
    }
    return i;
}

const struct command_row *command_find(int n, char **words, int *ret_used)
{
    const struct command_row *best = NULL;
    *ret_used = 0;
    for (size_t i = 0; i < command_table_n; i++) {
        int used = words_match(command_table[i].words, n, words);
        if (used > *ret_used) {
            best = &command_table[i];
            *ret_used = used;
        }
    }
    return best;
}

/* All commands that begin with these words and have more, such as those of `door`: their
 * summaries. */
static bool help_group(int word_n, char **words, const char *title)
{
    char word[128] = "";
    size_t n = 0;
    bool any = false;
    for (int i = 0; i < word_n && n < sizeof word; i++)
        n += (size_t)snprintf(word + n, sizeof word - n, "%s%s", i > 0 ? " " : "", words[i]);
    if (n >= sizeof word)
        return false;
    for (size_t i = 0; i < command_table_n; i++) {
        const struct command_row *c = &command_table[i];
        if (strncmp(c->words, word, n) == 0 && c->words[n] == ' ') {
            printf("%s  ils %s %s\n      %s\n", any ? "" : title, c->words, c->positional,
                   c->summary);
            any = true;
        }
    }
    return any;
}

int cli_help(struct cli *cli, int n, char **words)
{
    int used;
    if (n == 0) {
        help_all();
        return EXIT_DONE;
    }
    const struct command_row *c = command_find(n, words, &used);
    if (c != NULL && (used == n || c->max > 0)) {
        help_one(c);
        if (used == n)
            help_group(n, words, "\nsee also:\n");
        return EXIT_DONE;
    }
    if (help_group(n, words, ""))
        return EXIT_DONE;
    return cli_error(cli, EXIT_USAGE, "there is no such command", words[0], "ils help");
}

int run_help(struct cli *cli, const struct parsed *p)
{
    char *words[WORDS_MAX];
    for (int i = 0; i < p->word_n; i++)
        memcpy(&words[i], &p->word[i], sizeof words[i]);
    return cli_help(cli, p->word_n, words);
}

/* --- parsing */

#define GROUP_MAX 32

/* The first word of a command of several: `routes` is nearer to `route` than to all of any. */
static void nearest_group(struct nearest *best, char group[static GROUP_MAX], const char *typed,
                          const char *words)
{
    char first[GROUP_MAX];
    struct nearest one = {NULL, 0};
    size_t n = strcspn(words, " ");
    if (words[n] == '\0' || n >= sizeof first)
        return;
    memcpy(first, words, n);
    first[n] = '\0';
    nearest_try(&one, typed, first);
    if (one.word == NULL || (best->word != NULL && best->distance <= one.distance))
        return;
    memcpy(group, first, n + 1);
    *best = (struct nearest){group, one.distance};
}

static int unknown_command(const struct cli *cli, int n, char **words)
{
    struct nearest best = {NULL, 0};
    char typed[128], text[300], next[128] = "ils help", group[GROUP_MAX];
    snprintf(typed, sizeof typed, "%s%s%s", words[0], n > 1 ? " " : "", n > 1 ? words[1] : "");
    size_t length = strlen(words[0]);
    for (size_t i = 0; i < command_table_n; i++) {
        const char *words_i = command_table[i].words;
        if (strncmp(words_i, words[0], length) == 0 && words_i[length] == ' ' && n == 1) {
            snprintf(text, sizeof text, "'%s' wants one more word", words[0]);
            snprintf(next, sizeof next, "ils help %s", words[0]);
            return cli_error(cli, EXIT_USAGE, text, NULL, next);
        }
        nearest_try(&best, strchr(words_i, ' ') != NULL ? typed : words[0], words_i);
        if (n == 1)
            nearest_group(&best, group, words[0], words_i);
    }
    if (best.word == group)
        snprintf(next, sizeof next, "ils help %s", group);
    if (best.word != NULL)
        snprintf(text, sizeof text, "there is no command '%s': did you mean '%s'?", typed,
                 best.word);
    else
        snprintf(text, sizeof text, "there is no command '%s'", typed);
    return cli_error(cli, EXIT_USAGE, text, NULL, next);
}

const struct option_row *option_find(const struct option_row *o, const char *name, size_t n)
{
    for (; o != NULL && o->name != NULL; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static int unknown_option(const struct cli *cli, const struct command_row *c, const char *typed)
{
    struct nearest best = {NULL, 0};
    char text[300], next[128];
    for (const struct option_row *o = c->options; o != NULL && o->name != NULL; o++)
        nearest_try(&best, typed, o->name);
    for (const struct option_row *o = global_options; o->name != NULL; o++)
        nearest_try(&best, typed, o->name);
    if (best.word != NULL)
        snprintf(text, sizeof text, "'%s' has no option '%.80s': did you mean '%s'?", c->words,
                 typed, best.word);
    else
        snprintf(text, sizeof text, "'%s' has no option '%.80s'", c->words, typed);
    snprintf(next, sizeof next, "ils help %s", c->words);
    return cli_error(cli, EXIT_USAGE, text, NULL, next);
}

static int usage_error(const struct cli *cli, const struct command_row *c, const char *what,
                       const char *word)
{
    char text[300], next[128];
    snprintf(text, sizeof text, "'ils %s' %s%s%.80s%s", c->words, what, word != NULL ? " '" : "",
             word != NULL ? word : "", word != NULL ? "'" : "");
    snprintf(next, sizeof next, "ils help %s", c->words);
    return cli_error(cli, EXIT_USAGE, text, NULL, next);
}

/* What may follow in a list: no option; "-tls" is none. */
static bool is_value(const char *word)
{
    return word[0] != '-' || (word[1] != '-' && word[1] != '\0');
}

/* Takes the option at words[*at] with its values; EXIT_DONE or the status of an error. */
static int option_take(const struct cli *cli, struct parsed *p, int n, char **words, int *at)
{
    const char *typed = words[*at], *equals = strchr(typed, '=');
    size_t length = equals != NULL ? (size_t)(equals - typed) : strlen(typed);
    const struct option_row *o = option_find(p->command->options, typed, length);
    if (o == NULL)
        return unknown_option(cli, p->command, typed);
    if ((o->kind == OPTION_FLAG) == (equals != NULL))
        if (o->kind == OPTION_FLAG)
            return usage_error(cli, p->command, "takes no value for", o->name);
    do {
        const char *value = NULL;
        if (equals != NULL)
            value = equals + 1;
        else if (o->kind != OPTION_FLAG && *at + 1 < n)
            value = words[++*at];
        if (o->kind != OPTION_FLAG && value == NULL)
            return usage_error(cli, p->command, "wants a value for", o->name);
        if (p->given_n == GIVEN_MAX)
            return usage_error(cli, p->command, "was given too many options", NULL);
        p->given[p->given_n++] = (struct given){o, value};
    } while (equals == NULL && o->kind == OPTION_LIST && *at + 1 < n && is_value(words[*at + 1]));
    return EXIT_DONE;
}

static int parse(const struct cli *cli, struct parsed *p, int n, char **words)
{
    bool options = true;
    for (int i = 0; i < n; i++) {
        if (options && strcmp(words[i], "--") == 0) {
            options = false;
        } else if (options && words[i][0] == '-' && words[i][1] != '\0') {
            int status = option_take(cli, p, n, words, &i);
            if (status != EXIT_DONE)
                return status;
        } else if (p->word_n == p->command->max) {
            return usage_error(cli, p->command, "does not understand", words[i]);
        } else {
            p->word[p->word_n++] = words[i];
        }
    }
    if (p->word_n < p->command->min)
        return usage_error(cli, p->command, "wants", p->command->positional);
    return EXIT_DONE;
}

/* Takes --data, --json, --help and --version out of the words, wherever they stand. 0, or an exit
 * status + 1 when that was all. */
static int globals_take(struct cli *cli, int *n, char **words, bool *ret_help)
{
    int kept = 0;
    for (int i = 0; i < *n; i++) {
        if (strcmp(words[i], "--") == 0) {
            while (i < *n)
                words[kept++] = words[i++];
        } else if (strcmp(words[i], "--json") == 0) {
            cli->json = true;
        } else if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) {
            *ret_help = true;
        } else if (strcmp(words[i], "--version") == 0) {
            printf("ils %s\n", OPENILS_VERSION);
            return EXIT_DONE + 1;
        } else if (strncmp(words[i], "--data=", 7) == 0) {
            cli->data = words[i] + 7;
        } else if (strcmp(words[i], "--data") == 0) {
            if (i + 1 == *n)
                return cli_error(cli, EXIT_USAGE, "--data wants a directory", NULL, "ils help") + 1;
            cli->data = words[++i];
        } else {
            words[kept++] = words[i];
        }
    }
    *n = kept;
    return 0;
}

int cli_run(struct cli *cli, int n, char **words)
{
    bool help = false, json = cli->json;
    const char *data = cli->data;
    int used, status = globals_take(cli, &n, words, &help) - 1;
    struct parsed p = {.word_n = 0};
    if (status < 0) {
        p.command = n > 0 ? command_find(n, words, &used) : NULL;
        if (help)
            status = cli_help(cli, n, words);
        else if (n == 0)
            status = cli->prompt ? EXIT_DONE : prompt_run(cli);
        else if (words[0][0] == '-')
            status = cli_error(cli, EXIT_USAGE, "unknown option", words[0], "ils help");
        else if (p.command == NULL)
            status = unknown_command(cli, n, words);
        else
            status = parse(cli, &p, n - used, words + used);
        if (!help && n > 0 && status == EXIT_DONE) {
            cli->words = p.command->words;
            status = p.command->run(cli, &p);
        }
    }
    if (cli->prompt) {
        cli->json = json;
        cli->data = data;
    }
    fflush(stdout);
    return status;
}

/* The tables of docs/contract.md: script/contract writes them, a test compares. */
static int print_codes(void)
{
    printf("| Code | Name | Cause | Remedy | Typed at |\n|---|---|---|---|---|\n");
#define CODE(number, name, cause, remedy, at)                                                      \
    printf("| ILS-%d | %s | %s | %s%s%s | %s |\n", number, #name, cause,                           \
           remedy[0] != '\0' ? "`" : "", remedy, remedy[0] != '\0' ? "`" : "",                     \
           remedy[0] != '\0' ? at : "");
#include "core/code.def"
#undef CODE
    return EXIT_DONE;
}

/* The same in the language of the environment. */
static int print_causes(void)
{
    printf("| Code | Cause |\n|---|---|\n");
#define CODE(number, name, cause, remedy, at) printf("| ILS-%d | %s |\n", number, gettext(cause));
#include "core/code.def"
#undef CODE
    return EXIT_DONE;
}

static int print_alarms(void)
{
    printf("| Alarm | Severity | Parameter |\n|---|---|---|\n");
#define ALARM(name, severity, parameter, text)                                                     \
    printf("| %s | %s | `%s` |\n", #name, severity, parameter);
#include "core/alarm.def"
#undef ALARM
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    const char *data = getenv("ILS_DATA");
    struct cli cli = {
        .data = data != NULL && data[0] != '\0' ? data : DATA_DEFAULT,
        .terminal = isatty(STDOUT_FILENO) == 1,
        .socket = -1,
    };
    const char *term = getenv("TERM");
    cli.colour = cli.terminal && getenv("NO_COLOR") == NULL &&
                 (term == NULL || strcmp(term, "dumb") != 0);
    signal(SIGPIPE, SIG_IGN);
    words_start();
    if (argc == 2 && strcmp(argv[1], "--contract-codes") == 0)
        return print_codes();
    if (argc == 2 && strcmp(argv[1], "--contract-causes") == 0)
        return print_causes();
    if (argc == 2 && strcmp(argv[1], "--contract-alarms") == 0)
        return print_alarms();
    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return cli_complete(argc - 2, argv + 2);
    int status = cli_run(&cli, argc - 1, argv + 1);
    cli_disconnect(&cli);
    if (fflush(stdout) != 0 || ferror(stdout))
        return EXIT_REFUSED;
    return status;
}
