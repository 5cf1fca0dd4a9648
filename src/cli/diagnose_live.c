/* diagnose_live: `ils diagnose CLUSTER|HOST[:PORT]` on a running ilsd, which tests what can be
 * tested from there, one step after the other. */
#include "cli/diagnose.h"

#include <string.h>

#include "cli/words.h"

struct steps {
    size_t shown, failed;
};

/* A step: {"step", "ok": true, false or null (not tested), "text", "next",
 * "next_at"}. */
static void print_step(const struct cli *cli, const json_t *step)
{
    const json_t *ok = json_object_get(step, "ok");
    const char *mark = json_is_true(ok) ? "\342\234\223" : json_is_false(ok) ? "\342\234\227" : "-";
    const char *colour = json_is_true(ok)    ? print_green(cli)
                         : json_is_false(ok) ? print_red(cli)
                                             : print_plain(cli);
    char text[WORDS_TEXT_MAX];
    words_said(text, sizeof text, text_of(step, "text"));
    static const char *const names[] = {"resolve", "tls", "certificate", "name", "dates", "hello",
                                        "met", "password", "verdict"}; /* said.def has them */
    printf("%s%s%s ", colour, mark, print_plain(cli));
    print_label(_(text_of(step, "step")),
                print_widest(names, sizeof names / sizeof *names, 11) + 2);
    printf("%s\n", text);
    if (text_of(step, "next")[0] != '\0')
        printf("  %s: %s\n", strcmp(text_of(step, "next_at"), "there") == 0
                                  ? _("next, at the other end")
                                  : _("next"), text_of(step, "next"));
}

/* Steps come as they are done: {"step": STEP}; the result has all of them once more. */
static void on_line(struct cli *cli, json_t *line, void *context)
{
    struct steps *s = context;
    const json_t *step = json_object_get(line, "step");
    if (text_of(step, "step")[0] == '\0')
        return;
    s->shown++;
    s->failed += json_is_false(json_object_get(step, "ok"));
    if (!cli->json)
        print_step(cli, step);
    fflush(stdout);
}

int diagnose_live(struct cli *cli, const struct parsed *p, const char *target)
{
    struct steps s = {0};
    json_t *result = NULL;
    (void)p;
    const struct call call = {.command = "diagnose",
                              .args = json_pack("{s:s}", "target", target),
                              .on_line = on_line,
                              .context = &s};
    int status = cli_call(cli, &call, &result);
    if (result != NULL && cli->json)
        print_json(result);
    json_decref(result);
    return status == EXIT_DONE && s.failed > 0 ? EXIT_REFUSED : status;
}
