/* diagnose_text: the findings on a terminal: what it was first, the evidence last. */
#include "cli/diagnose.h"

#include <string.h>

#include "cli/words.h"

#define EVIDENCE_MAX 40 /* lines of one attempt that are shown; --json has them all */

static void field(const char *name, const char *text)
{
    static const char *const names[] = {N_("cause"), N_("scenario"), N_("or"), N_("said no"),
                                        N_("OpenSSL"), N_("remedy at"), N_("came to"),
                                        N_("certainty"), N_("next"), N_("note")};
    if (text[0] == '\0')
        return;
    printf("  ");
    print_label(name, print_widest(names, sizeof names / sizeof *names, 10) + 2);
    printf("%s\n", text);
}

static void title(const struct cli *cli, const struct doctor_attempt *a, size_t number)
{
    char time[16], c[96], s[96], method[128];
    struct diagnose_ends ends;
    bool well = a->outcome == OUTCOME_JOINED || a->outcome == OUTCOME_TEST;
    const char *colour = a->certainty == UNCLEAR ? print_bold(cli)
                         : well                  ? print_green(cli)
                                                 : print_red(cli);
    diagnose_ends(&ends, a);
    diagnose_address(c, sizeof c, ends.c_ip, ends.c_port);
    diagnose_address(s, sizeof s, ends.s_ip, ends.s_port);
    diagnose_time(time, a->evidence_n > 0 ? a->evidence[0].at : 0);
    snprintf(method, sizeof method, "%s", diagnose_method(a->method));
    printf("%zu. %s%s%s", number, colour, diagnose_outcome(a), print_plain(cli));
    if (a->row != ROW_NONE)
        printf("  %s", doctor_row_name(a->row));
    if (a->code != CODE_NONE)
        printf("  ILS-%03u", (unsigned)a->code);
    printf("  %s  %s -> %s  %s\n", time, c, s, method);
}

/* The rows that leave the same lines, each with its words. */
static void rows(const struct doctor_attempt *a)
{
    char text[300];
    const char *label = _("or");
    for (int i = 1; i < DOCTOR_ROWS; i++) {
        if ((a->same & DOCTOR_BIT(i)) == 0)
            continue;
        snprintf(text, sizeof text, "%s: %s", doctor_row_name((enum doctor_row)i),
                 _(doctor_row_text((enum doctor_row)i)));
        field(label, text);
        label = "";
    }
}

static void evidence(const struct cli *cli, const struct diagnosis *d,
                     const struct doctor_attempt *a)
{
    size_t shown = 0;
    printf("  %s\n", _("evidence"));
    for (size_t i = 0; i < a->evidence_n && shown < EVIDENCE_MAX; i++, shown++) {
        const struct doctor_evidence *e = &a->evidence[i];
        printf("  %s%c %-3s %s:%u: ", e->decides ? print_bold(cli) : "",
               e->side == SIDE_C   ? 'C'
               : e->side == SIDE_S ? 'S'
                                   : '?',
               doctor_line_at(e->line, e->side), e->text < d->name_n ? d->name[e->text] : "",
               (unsigned)e->number);
        calm_put((const char *)e->quote.p, e->quote.n, stdout);
        printf("%s\n", e->decides ? print_plain(cli) : "");
    }
    if (shown < a->evidence_n)
        printf(_("    and %zu more (--json has them all)\n"), a->evidence_n - shown);
}

static void finding(const struct cli *cli, const struct diagnosis *d,
                    const struct doctor_attempt *a, size_t number)
{
    struct advice advice;
    char text[300];
    diagnose_advice(&advice, a);
    title(cli, a, number);
    field(_("cause"), advice.cause);
    if (a->row != ROW_NONE && a->certainty != UNCLEAR) {
        snprintf(text, sizeof text, "%s: %s", doctor_row_name(a->row),
                 _(doctor_row_text(a->row)));
        field(_("scenario"), text);
    }
    if (a->certainty != UNCLEAR)
        rows(a);
    if (a->outcome == OUTCOME_REFUSED && a->end != SIDE_UNKNOWN)
        field(_("said no"), diagnose_side(a->end));
    if (a->error != 0) {
        snprintf(text, sizeof text, "%u %.*s", (unsigned)a->error, (int)a->error_text.n,
                 (const char *)a->error_text.p);
        calm_text(text);
        field(_("OpenSSL"), text);
    }
    if (advice.command[0] != '\0' || advice.menu[0] != '\0')
        field(_("remedy at"), advice.where);
    field("  OpenILS", advice.command);
    field("  ", advice.how);
    field("  CUCM", advice.menu);
    field(_("came to"), diagnose_stage(a->stage));
    snprintf(text, sizeof text, "%s%s", diagnose_certainty(a->certainty),
             a->pairing == PAIRED_ADDRESS ? _("; both ends, paired by address and port")
             : a->pairing == PAIRED_TIME  ? _("; both ends, paired by time")
                                          : "");
    field(_("certainty"), text);
    field(_("next"), advice.look);
    if (a->contradicts)
        field(_("note"), _("the verdict line says another code than the rest of the trace"));
    evidence(cli, d, a);
}

void diagnose_print(const struct cli *cli, const struct diagnosis *d)
{
    for (size_t i = 0; i < d->attempt_n; i++) {
        if (i > 0)
            putchar('\n');
        finding(cli, d, &d->attempt[i], i + 1);
    }
    if (d->left_out > 0)
        printf(_("\n%zu more lines of joins were too many to keep: cut the trace\n"), d->left_out);
}
