/* prompt: `ils` alone: `admin:`, where the commands of the original's command line work as its
 * documents print them, and every command of ils with them. On a terminal with editing and history;
 * otherwise lines are read from standard input. */
#include "cli/cli.h"

#include <errno.h>
#include <glob.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_WORDS 64

/* Splits at blanks; '...' and "..." keep them. The line is changed. -1: a quote is not closed. */
static int split(char *line, char *words[LINE_WORDS])
{
    int n = 0;
    char *from = line, *to = line;
    while (n < LINE_WORDS) {
        while (*from == ' ' || *from == '\t')
            from++;
        if (*from == '\0')
            return n;
        words[n++] = to;
        char quote = '\0';
        for (; *from != '\0' && (quote != '\0' || (*from != ' ' && *from != '\t')); from++) {
            if (quote == '\0' && (*from == '"' || *from == '\''))
                quote = *from;
            else if (*from == quote)
                quote = '\0';
            else
                *to++ = *from;
        }
        if (quote != '\0')
            return -1;
        bool end = *from == '\0';
        *to++ = '\0';
        if (end)
            return n;
        from++;
    }
    return n;
}

/* What follows the given words of a line, as it was typed; NULL when it begins otherwise. */
static const char *after(const char *line, const char *words)
{
    while (*words != '\0') {
        while (*line == ' ' || *line == '\t')
            line++;
        size_t n = strcspn(words, " ");
        if (strncmp(line, words, n) != 0 || (line[n] != '\0' && line[n] != ' ' && line[n] != '\t'))
            return NULL;
        line += n;
        words += n + (words[n] == ' ');
    }
    while (*line == ' ' || *line == '\t')
        line++;
    return line;
}

static int prompt_sql(struct cli *cli, const char *query)
{
    struct parsed p = {.word = {query}, .word_n = 1};
    return query[0] != '\0' ? run_sql(cli, &p)
                            : cli_error(cli, EXIT_USAGE, "run sql wants a query", NULL,
                                        "run sql select * from remotecluster");
}

/* showpeerinfo: everybody's own words about themselves: the peer info vector. */
static int prompt_peer_info(struct cli *cli)
{
    static const char *const keys[] = {"cluster_id", "fqdn", "peer_id", "role",
                                       "advertised_route_string", "address", "description",
                                       "version", "last_contact_time", "linked"};
    struct call call = {.command = "clusters"};
    json_t *rows, *row;
    size_t i;
    int status = cli_call(cli, &call, &rows);
    json_array_foreach(rows, i, row) {
        printf("%sPeer %zu\n", i > 0 ? "\n" : "", i + 1);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const json_t *value = json_object_get(row, keys[k]);
            printf("  %-24s %s\n", keys[k],
                   json_is_string(value) ? json_string_value(value)
                                         : (json_is_true(value) ? "yes"
                                            : json_is_false(value) ? "no" : "-"));
        }
    }
    json_decref(rows);
    return status;
}

static bool copy_file(const char *from, const char *to)
{
    char block[65536];
    size_t n;
    FILE *in = fopen(from, "rb"), *out = in != NULL ? fopen(to, "wbx") : NULL;
    bool good = out != NULL;
    while (good && (n = fread(block, 1, sizeof block, in)) > 0)
        good = fwrite(block, 1, n, out) == n;
    int error = errno;
    if (in != NULL)
        fclose(in);
    if (out != NULL && fclose(out) != 0)
        good = false;
    errno = error;
    return good;
}

/* file get activelog cm/trace/ils/sdl/SDL.*: copies into the directory one is in. SDL.* stands for
 * what the original's SDL.* gets: every trace file. */
static int prompt_file_get(struct cli *cli, const char *path)
{
    char pattern[4096];
    glob_t found;
    int status = EXIT_DONE;
    const char *name = strncmp(path, "/", 1) == 0 ? path + 1 : path;
    if (strncmp(name, "cm/trace/", 9) != 0 || strstr(name, "..") != NULL)
        return cli_error(cli, EXIT_USAGE, "there are only traces", path,
                         "file get activelog cm/trace/ils/sdl/SDL.*");
    const char *last = strrchr(name, '/');
    bool all = strcmp(last, "/SDL.*") == 0;
    snprintf(pattern, sizeof pattern, "%s/%.*s%s", cli->data, (int)(last - name - 3), name + 3,
             all ? "/SDL*" : last);
    if (glob(pattern, 0, NULL, &found) != 0)
        return cli_error(cli, EXIT_REFUSED, "no such trace file can be read", pattern,
                         "ils trace");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *to = strrchr(found.gl_pathv[i], '/') + 1;
        if (copy_file(found.gl_pathv[i], to))
            printf("%s\n", to);
        else
            status = cli_error(cli, EXIT_REFUSED, strerror(errno), to, NULL);
    }
    globfree(&found);
    return status;
}

/* One line; *ret_end is set by exit and quit. */
static int prompt_line(struct cli *cli, char *line, bool *ret_end)
{
    char *words[LINE_WORDS];
    const char *rest;
    line[strcspn(line, "\r\n")] = '\0';
    if ((rest = after(line, "run sql")) != NULL)
        return prompt_sql(cli, rest);
    if (after(line, "utils ils showpeerinfo") != NULL)
        return prompt_peer_info(cli);
    if ((rest = after(line, "file get activelog")) != NULL)
        return prompt_file_get(cli, rest);
    if (after(line, "exit") != NULL || after(line, "quit") != NULL) {
        *ret_end = true;
        return EXIT_DONE;
    }
    int n = split(line, words);
    if (n < 0)
        return cli_error(cli, EXIT_USAGE, "a quotation mark is not closed", NULL, NULL);
    if (n > 0 && strcmp(words[0], "ils") == 0)
        return cli_run(cli, n - 1, words + 1);
    if (n == 1 && strcmp(words[0], "?") == 0)
        return cli_help(cli, 0, NULL);
    return cli_run(cli, n, words);
}

static char *prompt_text(EditLine *editor)
{
    static char text[] = "admin:";
    return text;
}

static int prompt_terminal(struct cli *cli)
{
    EditLine *editor = el_init("ils", stdin, stdout, stderr);
    History *past = history_init();
    HistEvent event;
    bool end = false;
    const char *line;
    int n;
    if (editor == NULL || past == NULL)
        return cli_error(cli, EXIT_REFUSED, "no memory", NULL, NULL);
    history(past, &event, H_SETSIZE, 500);
    el_set(editor, EL_PROMPT, prompt_text);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_SIGNAL, 1);
    el_set(editor, EL_HIST, history, past);
    while (!end && (line = el_gets(editor, &n)) != NULL && n > 0) {
        char *copy = strdup(line);
        if (n > 1)
            history(past, &event, H_ENTER, line);
        cli_interruptible(true);
        if (copy != NULL)
            prompt_line(cli, copy, &end);
        cli_interruptible(false);
        free(copy);
        fflush(stdout);
    }
    history_end(past);
    el_end(editor);
    return EXIT_DONE;
}

int prompt_run(struct cli *cli)
{
    char *line = NULL;
    size_t size = 0;
    bool end = false, any = false;
    int status = EXIT_DONE;
    cli->prompt = true;
    if (isatty(STDIN_FILENO) == 1 && cli->terminal)
        return prompt_terminal(cli);
    while (!end && getline(&line, &size, stdin) > 0) {
        int one = prompt_line(cli, line, &end);
        status = one != EXIT_DONE ? one : status;
        any = true;
        fflush(stdout);
    }
    free(line);
    if (any)
        return status;
    cli_help(cli, 0, NULL);
    return EXIT_USAGE;
}
