/* diagnose: what the files of `ils diagnose` share. */
#ifndef OPENILS_CLI_DIAGNOSE_H
#define OPENILS_CLI_DIAGNOSE_H

#include "cli/cli.h"
#include "daemon/diagnose.h"

/* diagnose_text.c, diagnose_html.c */
void diagnose_print(const struct cli *cli, const struct diagnosis *d);
bool diagnose_html(FILE *f, const struct diagnosis *d);

/* On a running daemon: CLUSTER or HOST[:PORT], step by step (diagnose_live.c). */
int diagnose_live(struct cli *cli, const struct parsed *p, const char *target);

#endif
