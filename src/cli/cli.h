/* cli: what the files of `ils` share. The program knows words and tables; what they mean is decided
 * by ilsd, which it asks over the control socket (docs/control.md). */
#ifndef OPENILS_CLI_CLI_H
#define OPENILS_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum exit_status { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_NO_DAEMON = 2, EXIT_USAGE = 64 };

#define DATA_DEFAULT "/var/lib/openils"
#define WORDS_MAX    32
#define GIVEN_MAX    32

struct cli {
    const char *data; /* directory of ilsd */
    bool json;
    bool terminal;    /* standard output is one */
    bool colour;
    bool prompt;      /* inside `admin:` */
    const char *words; /* of the command that runs: "route add" */
    int socket;       /* -1 = not connected */
    FILE *replies;
};

/* --- the table of commands (table.c) */

enum option_kind { OPTION_FLAG, OPTION_VALUE, OPTION_NEEDED, OPTION_LIST }; /* needed: a value */

struct option_row {
    const char *name;  /* "--generation"; NULL ends the list */
    const char *value; /* what help calls it */
    const char *help;
    enum option_kind kind;
};

struct parsed;

struct command_row {
    const char *words;      /* "password add" */
    const char *positional; /* "FILE|-", "" */
    int min, max;           /* words wanted */
    const char *summary;
    const char *details;    /* or NULL */
    const struct option_row *options; /* or NULL */
    int (*run)(struct cli *cli, const struct parsed *p);
};

struct given {
    const struct option_row *option;
    const char *value; /* NULL for a flag */
};

struct parsed {
    const struct command_row *command;
    const char *word[WORDS_MAX];
    int word_n;
    struct given given[GIVEN_MAX];
    int given_n;
};

extern const struct command_row command_table[];
extern const size_t command_table_n;
extern const struct option_row global_options[];

/* The value of an option, "" for a flag, NULL when it was not given. */
const char *parsed_get(const struct parsed *p, const char *option);
bool parsed_has(const struct parsed *p, const char *option);

/* --- running (main.c) */

/* Parses and runs one command line without the program's name; the exit status. */
int cli_run(struct cli *cli, int n, char **words);
int cli_help(struct cli *cli, int n, char **words);

/* The command whose name the first words are, the longest one, and how many of them those are;
 * NULL: none. */
const struct command_row *command_find(int n, char **words, int *ret_used);
/* The option of a list (NULL: none) whose name these n bytes are, or NULL. */
const struct option_row *option_find(const struct option_row *o, const char *name, size_t n);

/* Prints what may stand in place of the last of the words, one a line, for the completion of the
 * shell (complete.c); FILE and DIR stand for names of files and directories. The exit status. */
int cli_complete(int n, char **words);

/* One error on standard error (or, with --json, as an object on standard output). where and next
 * may be NULL. Gives `status` back. */
int cli_error(const struct cli *cli, int status, const char *text, const char *where,
              const char *next);

/* The word of the list that is nearest to a mistyped one, or NULL. Ends at a NULL word. */
struct nearest {
    const char *word;
    size_t distance;
};
void nearest_try(struct nearest *best, const char *typed, const char *candidate);

/* --- asking ilsd (client.c) */

/* What is done with lines that come before the end: {"trace": ..}, {"part": ..}. */
typedef void (*cli_line)(struct cli *cli, json_t *line, void *context);

struct call {
    const char *command;
    json_t *args;        /* stolen; may be NULL */
    const char *content; /* or NULL */
    size_t content_n;
    const char *file;    /* that the content comes from, named in errors; or NULL */
    const char *key;     /* likewise the key behind it */
    const char *waiting; /* said on a terminal after a second without an answer; or NULL */
    cli_line on_line;    /* or NULL */
    void *context;       /* on_line's */
};

/* Asks and waits. EXIT_DONE or EXIT_REFUSED as the daemon says, *ret_result (new ref) is its
 * result; on an error it has been printed and *ret_result is NULL. ret_result may be NULL. */
int cli_call(struct cli *cli, const struct call *call, json_t **ret_result);
void cli_disconnect(struct cli *cli);
/* On: Ctrl-C ends the request under way, not the program. */
void cli_interruptible(bool on);
bool cli_interrupted(void); /* since it was switched on */

/* Whether to go on: yes with --yes, with --json and where there is no terminal to ask on. */
bool cli_agreed(struct cli *cli, const struct parsed *p, const char *question);
int cli_unchanged(struct cli *cli); /* says that nothing was changed; the exit status */

/* Sends a change and says OK, or prints its result with --json. */
int cli_change(struct cli *cli, const struct call *call);

/* Copies option --some-name into the argument some_name where it was given. */
void take(json_t *args, const struct parsed *p, const char *option);
/* Every value of an option that may be given several times, also with commas between them, as an
 * array; nothing where it was not given. */
void take_list(json_t *args, const struct parsed *p, const char *option, const char *key);

/* "on" or "off" as a boolean, for args[key]; nothing where it was not given. False: an error was
 * printed that says help next, and *ret_status is the exit status. */
bool take_on_off(const struct cli *cli, json_t *args, const struct parsed *p, const char *option,
                 const char *key, const char *help, int *ret_status);

/* A number as typed, for args[key]. False: an error was printed, args are freed. */
bool take_number(const struct cli *cli, json_t *args, const char *key, const char *text,
                 int *ret_status);

/* HOST, HOST:PORT, ADDRESS, [ADDRESS]:PORT or an IPv6 address alone, for args host and port; next:
 * the remedy of a port that is none. Otherwise as take_number. */
bool take_where(const struct cli *cli, json_t *args, const char *text, const char *next,
                int *ret_status);

/* --- files (file.c). "-" is standard input or output. */

#define CERTIFICATE_FILE_MAX (1024 * 1024)

/* All bytes of a file, NUL behind them; to be wiped and freed with file_forget. More than `max`
 * bytes are refused. False after an error was printed; next is its remedy. */
bool file_read(const struct cli *cli, const char *path, size_t max, const char *next, char **ret,
               size_t *ret_n);
void file_forget(char *content, size_t n);
/* The first line of a file as option `password` of args; nothing where the path is NULL. */
bool file_password(const struct cli *cli, json_t *args, const char *path, const char *next);
/* Writes a text into a new file, never over one that is there. The exit status. */
int file_write(const struct cli *cli, const char *path, const char *text, const char *next);

/* --- what others said, for a terminal (calm.c) */

void calm_text(char *text); /* in its place */
void calm_put(const char *text, size_t n, FILE *to);
void calm_json(json_t *json); /* each text in it */
void calm_print(const json_t *json, size_t flags, FILE *to); /* the same JSON, with escapes */

/* --- words for people (print.c) */

const char *text_of(const json_t *object, const char *key); /* "" when absent or null */
void print_json(const json_t *json);
void print_file(const char *path); /* {"file": ...}: the answer, as JSON, went there */
/* rows of texts as a table with aligned columns; title: column names. A row's text `below`, where
 * it has one, stands under it, indented. */
struct column {
    const char *title, *key;
};
void print_table(const struct cli *cli, const json_t *rows, const struct column *columns, size_t n);
/* `names, a rule of =, rows`, as `run sql` prints. result: {"columns", "rows"}. */
void print_sql(const json_t *result);
void print_verdict(const struct cli *cli, const json_t *v);
const char *print_remedy_at(const json_t *v); /* "remedy: type at this end" */
/* `label  value`, the values under each other: labels are among those in print.c. */
void print_field(const char *label, const char *value);
/* Columns of the widest of these texts, in the language of the environment; `least` at least. */
size_t print_widest(const char *const *texts, size_t n, size_t least);
/* A label, then blanks up to that column; one at least. */
void print_label(const char *label, size_t column);
/* What ilsd adds to an answer: {"notes": [...]}. */
void print_notes(const json_t *answer);
void print_status(const struct cli *cli, const json_t *s);
void print_node(const json_t *node); /* the rest of a line */
void print_lookup(const struct cli *cli, const json_t *l);
void print_clusters(const struct cli *cli, const json_t *rows);
const char *print_red(const struct cli *cli);
const char *print_green(const struct cli *cli);
const char *print_bold(const struct cli *cli);
const char *print_plain(const struct cli *cli);
size_t print_width(const char *text); /* columns of a terminal, not bytes */

/* --- passwords (password.c) */

/* Reads a password (twice on a terminal), stretches it, writes 64 hex digits. False: an error was
 * printed and *ret_status is the exit status. */
bool password_read(struct cli *cli, bool from_stdin, char hex[static 65], int *ret_status);

/* --- the prompt (prompt.c) */
int prompt_run(struct cli *cli);

/* --- the commands (show.c, change.c, learned.c, member.c, cert.c, trust.c, invite.c, support.c) */
int run_init(struct cli *cli, const struct parsed *p);
int run_configure(struct cli *cli, const struct parsed *p);
int run_describe(struct cli *cli, const struct parsed *p);
int run_join(struct cli *cli, const struct parsed *p);
int run_disconnect(struct cli *cli, const struct parsed *p);
int run_connect(struct cli *cli, const struct parsed *p);
int run_auth_set(struct cli *cli, const struct parsed *p);
int run_password_add(struct cli *cli, const struct parsed *p);
int run_password_prefer(struct cli *cli, const struct parsed *p);
int run_password_drop(struct cli *cli, const struct parsed *p);
int run_route_add(struct cli *cli, const struct parsed *p);
int run_route_remove(struct cli *cli, const struct parsed *p);
int run_sync(struct cli *cli, const struct parsed *p);
int run_sync_every(struct cli *cli, const struct parsed *p);
int run_exchange(struct cli *cli, const struct parsed *p);
int run_store_release(struct cli *cli, const struct parsed *p);
int run_status(struct cli *cli, const struct parsed *p);
int run_clusters(struct cli *cli, const struct parsed *p);
int run_peers(struct cli *cli, const struct parsed *p);
int run_auth_show(struct cli *cli, const struct parsed *p);
int run_password_list(struct cli *cli, const struct parsed *p);
int run_route_list(struct cli *cli, const struct parsed *p);
int run_alarms(struct cli *cli, const struct parsed *p);
int run_verdicts(struct cli *cli, const struct parsed *p);
int run_audit(struct cli *cli, const struct parsed *p);
int run_lookup(struct cli *cli, const struct parsed *p);
int run_sql(struct cli *cli, const struct parsed *p);
int run_trace(struct cli *cli, const struct parsed *p);
int run_trace_level(struct cli *cli, const struct parsed *p);
int plan_import(struct cli *cli, const struct parsed *p, struct call *call, const char *file,
                const char *help);
int run_catalog_add(struct cli *cli, const struct parsed *p);
int run_catalog_import(struct cli *cli, const struct parsed *p);
int run_catalog_list(struct cli *cli, const struct parsed *p);
int run_catalog_remove(struct cli *cli, const struct parsed *p);
int run_catalog_adopt(struct cli *cli, const struct parsed *p);
void print_catalogs(const struct cli *cli, json_t *rows);
int run_plan_log(struct cli *cli, const struct parsed *p);
int run_plan_rollback(struct cli *cli, const struct parsed *p);
int run_plan_confirm(struct cli *cli, const struct parsed *p);
long long seconds_of(const char *text); /* "90s", "5m", "24h", "7d"; 0: it is no span of time */
void take_dry_run(json_t *args, const struct parsed *p);
void print_preview(const struct cli *cli, json_t *result); /* what it would do */
void print_counts(const json_t *result); /* of a change of the plan */
void print_plan_warnings(const json_t *result); /* of the same, on standard error (check.c) */
int run_plan_import(struct cli *cli, const struct parsed *p);
int run_plan_show(struct cli *cli, const struct parsed *p);
int run_plan_check(struct cli *cli, const struct parsed *p);
int run_plan_export(struct cli *cli, const struct parsed *p);
int run_plan_add(struct cli *cli, const struct parsed *p);
int run_plan_remove(struct cli *cli, const struct parsed *p);
int run_role(struct cli *cli, const struct parsed *p);
int run_leave(struct cli *cli, const struct parsed *p);
int run_forget(struct cli *cli, const struct parsed *p);
int run_ban(struct cli *cli, const struct parsed *p);
int run_unban(struct cli *cli, const struct parsed *p);
int run_ended(struct cli *cli, const struct parsed *p);
int run_identity(struct cli *cli, const struct parsed *p);
int run_identity_new(struct cli *cli, const struct parsed *p);
int run_network(struct cli *cli, const struct parsed *p);
int run_network_adopt(struct cli *cli, const struct parsed *p);
int run_rebuild(struct cli *cli, const struct parsed *p);
int run_restore(struct cli *cli, const struct parsed *p);
int run_restore_file(struct cli *cli, const struct parsed *p); /* a backup: word[0] */
int run_backup(struct cli *cli, const struct parsed *p);
int run_verify(struct cli *cli, const struct parsed *p);
int run_store(struct cli *cli, const struct parsed *p);
int run_store_copy(struct cli *cli, const struct parsed *p);
int run_store_key(struct cli *cli, const struct parsed *p);
int run_hubs(struct cli *cli, const struct parsed *p);
int run_cert_show(struct cli *cli, const struct parsed *p);
int run_cert_export(struct cli *cli, const struct parsed *p);
int run_cert_csr(struct cli *cli, const struct parsed *p);
int run_cert_install(struct cli *cli, const struct parsed *p);
int run_cert_renew(struct cli *cli, const struct parsed *p);
int run_cert_now(struct cli *cli, const struct parsed *p);
int run_trust_list(struct cli *cli, const struct parsed *p);
int run_trust_show(struct cli *cli, const struct parsed *p);
int run_trust_remove(struct cli *cli, const struct parsed *p);
int run_trust_import(struct cli *cli, const struct parsed *p);
int run_bundle_export(struct cli *cli, const struct parsed *p);
int run_bundle_import(struct cli *cli, const struct parsed *p);
int run_introductions(struct cli *cli, const struct parsed *p);
int run_invite(struct cli *cli, const struct parsed *p);
int run_auth_ready(struct cli *cli, const struct parsed *p);
int run_source_add(struct cli *cli, const struct parsed *p);
int run_source_list(struct cli *cli, const struct parsed *p);
int run_source_test(struct cli *cli, const struct parsed *p);
int run_source_run(struct cli *cli, const struct parsed *p);
int run_source_remove(struct cli *cli, const struct parsed *p);
int run_support(struct cli *cli, const struct parsed *p);
int run_diagnose(struct cli *cli, const struct parsed *p);
int run_block_add(struct cli *cli, const struct parsed *p);
int run_block_list(struct cli *cli, const struct parsed *p);
int run_block_remove(struct cli *cli, const struct parsed *p);
int run_accept(struct cli *cli, const struct parsed *p);
int run_accept_list(struct cli *cli, const struct parsed *p);
int run_duplicates(struct cli *cli, const struct parsed *p);
int run_duplicates_prefer(struct cli *cli, const struct parsed *p);
int run_held(struct cli *cli, const struct parsed *p);
int run_held_release(struct cli *cli, const struct parsed *p);
int run_plan_confirm_shrink(struct cli *cli, const struct parsed *p);
int run_learned(struct cli *cli, const struct parsed *p);
int run_limits(struct cli *cli, const struct parsed *p);
int run_limits_set(struct cli *cli, const struct parsed *p);
int run_why(struct cli *cli, const struct parsed *p);
int run_lookup_show(struct cli *cli, const struct parsed *p);
int run_lookup_set(struct cli *cli, const struct parsed *p);
int run_route_test(struct cli *cli, const struct parsed *p);
int run_door_list(struct cli *cli, const struct parsed *p);
int run_door_set(struct cli *cli, const struct parsed *p);
int run_page(struct cli *cli, const struct parsed *p);
int run_page_setup(struct cli *cli, const struct parsed *p);
int run_page_set(struct cli *cli, const struct parsed *p);
int run_page_remove(struct cli *cli, const struct parsed *p);
int run_token_add(struct cli *cli, const struct parsed *p);
int run_token_list(struct cli *cli, const struct parsed *p);
int run_token_remove(struct cli *cli, const struct parsed *p);
int run_help(struct cli *cli, const struct parsed *p);

#endif
