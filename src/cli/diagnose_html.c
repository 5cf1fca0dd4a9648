/* diagnose_html: the findings as one page that stands alone: no script, nothing from elsewhere.
 * Each attempt has its timeline: two lifelines, and an arrow or a mark for each line of the trace.
 */
#include "cli/diagnose.h"

#include "cli/words.h"

#define ROW_HEIGHT 22
#define DRAWN_MAX  200 /* lines of one timeline */
#define LIFE_C     110
#define LIFE_S     410

static void text_n(FILE *f, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        switch (c) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        default: fputc(c < 0x20 || c == 0x7f ? ' ' : c, f); break;
        }
    }
}

/* A name of a file need not be UTF-8; the page is. */
static void text(FILE *f, const char *s)
{
    struct slice all = slice_of(s);
    if (slice_is_utf8(all)) {
        text_n(f, s, all.n);
        return;
    }
    for (; *s != '\0'; s++)
        text_n(f, (unsigned char)*s < 0x80 ? s : "?", 1);
}

static void slice_text(FILE *f, struct slice s)
{
    if (s.n > 0)
        text_n(f, (const char *)s.p, s.n);
}

static const char style[] =
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;"
    "color:#1b1f24;background:#fff}h1{font-size:1.4em}h2{font-size:1.15em;margin:2.2em 0 .4em}"
    ".joined{color:#0a6b2d}.refused{color:#a8071a}.unclear{color:#7a4b00}"
    "table{border-collapse:collapse}td,th{padding:.15em .8em .15em 0;vertical-align:top;"
    "text-align:left}th{font-weight:600;white-space:nowrap}code,.quote{font:13px/1.5 monospace}"
    ".quote td{overflow-wrap:anywhere}.decides{background:#fff3bf}svg{max-width:100%;height:auto}"
    "svg text{font:12px monospace}.life{stroke:#8a939c;stroke-width:1.5}.arrow{stroke:#2b6cb0;"
    "stroke-width:1.5;fill:none}.bad{stroke:#a8071a;fill:#a8071a}.good{stroke:#0a6b2d;"
    "fill:#0a6b2d}.dot{fill:#2b6cb0}";

static const char *class_of(const struct doctor_attempt *a)
{
    if (a->certainty == UNCLEAR)
        return "unclear";
    return a->outcome == OUTCOME_JOINED || a->outcome == OUTCOME_TEST ? "joined" : "refused";
}

/* --- the timeline */

static bool is_bad(enum doctor_line line)
{
    switch ((int)line) {
    case LINE_T10:
    case LINE_T11:
    case LINE_T15:
    case LINE_T16:
    case LINE_T17:
    case LINE_T18:
    case LINE_T20:
    case LINE_T21:
    case LINE_T22:
    case LINE_T30: return true;
    default: return false;
    }
}

static bool is_good(enum doctor_line line)
{
    return line == LINE_T3 || line == LINE_T9 || line == LINE_T12 || line == LINE_T24 ||
           line == LINE_T32 || line == LINE_T8 || line == LINE_T28;
}

/* What went over the wire: drawn from one lifeline to the other. */
static int direction(const struct doctor_evidence *e)
{
    switch ((int)e->line) {
    case LINE_T4:
    case LINE_T1: return 1;
    case LINE_T7:
    case LINE_T8: return -1;
    default: return 0;
    }
}

static void mark(FILE *f, const struct doctor_evidence *e, int y)
{
    const char *class = is_bad(e->line) ? "bad" : is_good(e->line) ? "good" : "dot";
    int x = e->side == SIDE_S ? LIFE_S : e->side == SIDE_C ? LIFE_C : (LIFE_C + LIFE_S) / 2;
    int way = direction(e);
    if (way != 0) {
        int from = way > 0 ? LIFE_C : LIFE_S, to = way > 0 ? LIFE_S : LIFE_C;
        fprintf(f,
                "<path class=\"arrow\" d=\"M%d %dH%d\"/><path class=\"arrow\" d=\"M%d %dL%d %dL%d "
                "%d\"/>",
                from, y, to - way * 2, to - way * 9, y - 4, to - way, y, to - way * 9, y + 4);
    }
    if (is_bad(e->line))
        fprintf(f, "<path class=\"bad\" stroke-width=\"2\" d=\"M%d %dl8 8m0 -8l-8 8\"/>", x - 4,
                y - 4);
    else
        fprintf(f, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"4\"/>", class, x, y);
}

static void timeline(FILE *f, const struct doctor_attempt *a)
{
    size_t n = a->evidence_n < DRAWN_MAX ? a->evidence_n : DRAWN_MAX;
    int height = (int)(n + 3) * ROW_HEIGHT;
    char c[96], s[96], time[16];
    struct diagnose_ends ends;
    diagnose_ends(&ends, a);
    diagnose_address(c, sizeof c, ends.c_ip, ends.c_port);
    diagnose_address(s, sizeof s, ends.s_ip, ends.s_port);
    fprintf(f,
            "<svg viewBox=\"0 0 760 %d\" width=\"760\" height=\"%d\" role=\"img\">"
            "<text x=\"%d\" y=\"14\" text-anchor=\"middle\">C ",
            height, height, LIFE_C);
    text(f, c);
    fprintf(f, "</text><text x=\"%d\" y=\"14\" text-anchor=\"middle\">S ", LIFE_S);
    text(f, s);
    fprintf(f,
            "</text><path class=\"life\" d=\"M%d 20V%d\"/><path class=\"life\" d=\"M%d 20V%d\"/>",
            LIFE_C, height - ROW_HEIGHT, LIFE_S, height - ROW_HEIGHT);
    for (size_t i = 0; i < n; i++) {
        const struct doctor_evidence *e = &a->evidence[i];
        int y = 36 + (int)i * ROW_HEIGHT;
        diagnose_time(time, e->at);
        mark(f, e, y);
        fprintf(f, "<text x=\"480\" y=\"%d\"%s>%s %s%s</text>", y + 4,
                is_bad(e->line) ? " class=\"refused\" fill=\"#a8071a\"" : "", time,
                doctor_line_at(e->line, e->side), e->decides ? " *" : "");
    }
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"%s\">",
            (LIFE_C + LIFE_S) / 2, height - 8, class_of(a));
    text(f, diagnose_outcome(a));
    if (a->code != CODE_NONE)
        fprintf(f, " ILS-%03u", (unsigned)a->code);
    fputs("</text></svg>\n", f);
}

/* --- the rest */

static void row(FILE *f, const char *name, const char *value, bool code)
{
    if (value[0] == '\0')
        return;
    fputs("<tr><th>", f);
    text(f, name);
    fputs(code ? "</th><td><code>" : "</th><td>", f);
    text(f, value);
    fputs(code ? "</code></td></tr>\n" : "</td></tr>\n", f);
}

/* The row, and those that leave the same lines. */
static void scenarios(FILE *f, const struct doctor_attempt *a)
{
    char words[300];
    const char *label = _("or");
    if (a->row != ROW_NONE)
        row(f, _("scenario"), _(doctor_row_text(a->row)), false);
    for (int i = 1; i < DOCTOR_ROWS; i++) {
        if ((a->same & DOCTOR_BIT(i)) == 0)
            continue;
        snprintf(words, sizeof words, "%s: %s", doctor_row_name((enum doctor_row)i),
                 _(doctor_row_text((enum doctor_row)i)));
        row(f, label, words, false);
        label = "";
    }
}

static void evidence(FILE *f, const struct diagnosis *d, const struct doctor_attempt *a)
{
    fputs("<table class=\"quote\">\n", f);
    for (size_t i = 0; i < a->evidence_n; i++) {
        const struct doctor_evidence *e = &a->evidence[i];
        fprintf(f, "<tr%s><td>%s</td><td>%s</td><td>", e->decides ? " class=\"decides\"" : "",
                e->side == SIDE_C   ? "C"
                : e->side == SIDE_S ? "S"
                                    : "?",
                doctor_line_at(e->line, e->side));
        text(f, e->text < d->name_n ? d->name[e->text] : "");
        fprintf(f, ":%u</td><td>", (unsigned)e->number);
        slice_text(f, e->quote);
        fputs("</td></tr>\n", f);
    }
    fputs("</table>\n", f);
}

static void attempt(FILE *f, const struct diagnosis *d, const struct doctor_attempt *a,
                    size_t number)
{
    struct advice advice;
    char error[200];
    diagnose_advice(&advice, a);
    fprintf(f, "<h2 class=\"%s\">%zu. ", class_of(a), number);
    text(f, diagnose_outcome(a));
    if (a->row != ROW_NONE && a->certainty != UNCLEAR)
        fprintf(f, " &middot; %s", doctor_row_name(a->row));
    if (a->code != CODE_NONE)
        fprintf(f, " &middot; ILS-%03u", (unsigned)a->code);
    fputs("</h2>\n<table>\n", f);
    row(f, _("cause"), advice.cause, false);
    if (a->certainty != UNCLEAR)
        scenarios(f, a);
    row(f, _("method"), diagnose_method(a->method), false);
    if (a->outcome == OUTCOME_REFUSED && a->end != SIDE_UNKNOWN)
        row(f, _("said no"), diagnose_side(a->end), false);
    if (a->error != 0) {
        snprintf(error, sizeof error, "%u %.*s", (unsigned)a->error, (int)a->error_text.n,
                 (const char *)a->error_text.p);
        row(f, _("OpenSSL"), error, false);
    }
    if (advice.command[0] != '\0' || advice.menu[0] != '\0')
        row(f, _("remedy at"), advice.where, false);
    row(f, "OpenILS", advice.command, true);
    row(f, "", advice.how, false);
    row(f, "CUCM", advice.menu, false);
    row(f, _("came to"), diagnose_stage(a->stage), false);
    row(f, _("certainty"), diagnose_certainty(a->certainty), false);
    row(f, _("next"), advice.look, false);
    fputs("</table>\n", f);
    timeline(f, a);
    evidence(f, d, a);
}

bool diagnose_html(FILE *f, const struct diagnosis *d)
{
    fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'\"><title>OpenILS: ",
          f);
    text(f, _("diagnosis of a trace"));
    fprintf(f, "</title><style>%s</style></head><body>\n<h1>", style);
    text(f, _("diagnosis of a trace"));
    fputs("</h1>\n<p>", f);
    for (size_t i = 0; i < d->name_n; i++) {
        text(f, i > 0 ? ", " : "");
        text(f, d->name[i]);
    }
    fputs("</p>\n", f);
    for (size_t i = 0; i < d->attempt_n; i++)
        attempt(f, d, &d->attempt[i], i + 1);
    fputs("</body></html>\n", f);
    return ferror(f) == 0;
}
