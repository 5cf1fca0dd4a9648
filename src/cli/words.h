/* words: what ils says, in the language of its environment: gettext with po/LANGUAGE.po. ilsd
 * speaks English with fields; causes, outcomes and alarms are said anew here from the same
 * templates. */
#ifndef OPENILS_CLI_WORDS_H
#define OPENILS_CLI_WORDS_H

#include <jansson.h>
#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>

#define _(text)  gettext(text)
#define N_(text) text /* marked for po/, translated where it is printed */

#define WORDS_TEXT_MAX 1024

/* Takes the language and the character widths from LC_ALL, LC_MESSAGES, LANG and LANGUAGE. Japanese
 * also where that locale was not generated on the machine. Once, at the start. */
void words_start(void);

/* Whether another language than English is spoken. */
bool words_foreign(void);

/* A sentence of ilsd in the language of the environment: the template it was made from is found in
 * the tables of the core; what was made from none stays as it is. */
void words_said(char *dst, size_t size, const char *english);

/* Cause and evidence of a verdict, from its fields. */
void words_cause(char *dst, size_t size, const json_t *verdict);
void words_evidence(char *dst, size_t size, const json_t *verdict);

#endif
