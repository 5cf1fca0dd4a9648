/* complete: what may come next on a command line, for the shell (dist/ils.bash). A view of the
 * table of commands, so that no list of words stands anywhere else. */
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

/* Words that the table calls by one name. */
static const struct {
    const char *name, *words;
} named[] = {
    {"METHOD", "password\ntls\ntls+password\n+password\n+tls\n+tls+password\n"
               "-password\n-tls\n-tls+password"},
    {"KIND", "URI\nENTERPRISE\nE164\nENTERPRISEPATTERN\nE164PATTERN"},
    {"TYPE", "uri\nenterprise\ne164"},
    {"NET", "any\nprivate"},
    {"FILE", "FILE"}, /* what the shell completes itself */
    {"PATH", "FILE"},
    {"DIR", "DIR"},
};

/* One of several things that may stand there: a word to be typed as it is, or the name of some. */
static void say_one(const char *what, size_t n)
{
    bool literal = n > 1;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strlen(named[i].name) == n && strncmp(named[i].name, what, n) == 0)
            puts(named[i].words);
    for (size_t i = 0; i < n; i++)
        literal = literal && (islower((unsigned char)what[i]) || what[i] == '+' || what[i] == '-');
    if (literal)
        printf("%.*s\n", (int)n, what);
}

/* What help calls a value, such as "[on|off]", "HOST[:PORT]|TOKEN" or "NET...". */
static void say_value(const char *value, size_t n)
{
    char what[64];
    size_t kept = 0;
    for (size_t i = 0; i <= n && kept < sizeof what; i++) {
        char c = i < n ? value[i] : '|';
        if (c == '|') {
            say_one(what, kept);
            kept = 0;
        } else if (c != '[' && c != ']' && c != '.') {
            what[kept++] = c;
        }
    }
}

/* The word of a command's positional ones that has this place; the last repeats where it may. */
static void say_positional(const struct command_row *c, int place)
{
    const char *at = c->positional;
    for (; place > 0 && strchr(at, ' ') != NULL; place--)
        at = strchr(at, ' ') + 1;
    if (place == 0 || c->max == WORDS_MAX)
        say_value(at, strcspn(at, " "));
}

/* The length of the word of a command's name that follows `before`; 0: it does not begin so. */
static size_t next_word(const char *words, const char *before)
{
    size_t n = strlen(before);
    return strncmp(words, before, n) == 0 ? strcspn(words + n, " ") : 0;
}

/* What goes on the way to the name of a command; before: "" or "plan ". Each word once. */
static void say_commands(const char *before)
{
    size_t n = strlen(before);
    for (size_t i = 0; i < command_table_n; i++) {
        const char *word = command_table[i].words + n;
        size_t length = next_word(command_table[i].words, before);
        bool said = length == 0;
        for (size_t j = 0; j < i && !said; j++)
            said = next_word(command_table[j].words, before) == length &&
                   strncmp(command_table[j].words + n, word, length) == 0;
        if (!said)
            printf("%.*s\n", (int)length, word);
    }
}

static void say_options(const struct option_row *o)
{
    for (; o != NULL && o->name != NULL; o++)
        printf("%s\n", o->name);
}

/* A line as far as it was typed. */
struct typed {
    char *word[WORDS_MAX]; /* without options and their values */
    int n;
    const struct option_row *open; /* an option whose value comes next, or may */
};

static const struct command_row *command_of(const struct typed *t, int *ret_used)
{
    char *words[WORDS_MAX];
    memcpy(words, t->word, sizeof words);
    return command_find(t->n, words, ret_used);
}

static void take_word(struct typed *t, char *word)
{
    int used;
    bool option = word[0] == '-' && word[1] == '-';
    if (!option && t->open != NULL) {
        if (t->open->kind != OPTION_LIST)
            t->open = NULL;
        return;
    }
    t->open = NULL;
    if (!option) {
        if (t->n < WORDS_MAX)
            t->word[t->n++] = word;
        return;
    }
    const struct command_row *c = command_of(t, &used);
    const struct option_row *o = option_find(global_options, word, strlen(word));
    if (o == NULL && c != NULL)
        o = option_find(c->options, word, strlen(word));
    if (o != NULL && o->kind != OPTION_FLAG)
        t->open = o;
}

int cli_complete(int n, char **words)
{
    struct typed t = {.n = 0};
    char before[128] = "";
    size_t length = 0;
    int used, i = 0;
    for (; i < n - 1; i++)
        if (t.n > 0 || strcmp(words[i], "help") != 0)
            take_word(&t, words[i]);
    const char *current = i < n ? words[i] : "";
    const struct command_row *c = command_of(&t, &used);
    if (t.open != NULL) {
        say_value(t.open->value, strlen(t.open->value));
        if (t.open->kind != OPTION_LIST)
            return EXIT_DONE;
    }
    if (current[0] == '-') {
        say_options(c != NULL ? c->options : NULL);
        say_options(global_options);
        return EXIT_DONE;
    }
    for (int w = 0; w < t.n && length < sizeof before; w++)
        length += (size_t)snprintf(before + length, sizeof before - length, "%s ", t.word[w]);
    if (t.open == NULL && length < sizeof before)
        say_commands(before);
    if (t.open == NULL && c != NULL)
        say_positional(c, t.n - used);
    return EXIT_DONE;
}
