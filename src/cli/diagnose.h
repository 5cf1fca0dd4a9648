/* diagnose: what the files of `ils diagnose` share. */
#ifndef OPENILS_CLI_DIAGNOSE_H
#define OPENILS_CLI_DIAGNOSE_H

#include "cli/cli.h"
#include "doctor/doctor.h"

/* What was diagnosed: names[text] of the findings' texts. */
struct diagnosis {
    const struct doctor_attempt *attempt;
    size_t attempt_n;
    char *const *name;
    const size_t *records;
    size_t name_n;
    size_t left_out;
};

#define ADVICE_MAX 900

/* What to do about an attempt, in words. Each may be "". */
struct advice {
    char cause[ADVICE_MAX];
    char command[ADVICE_MAX]; /* of this product */
    char how[ADVICE_MAX];     /* where the command has a word that no line says */
    char menu[ADVICE_MAX];    /* of the original */
    char look[ADVICE_MAX];    /* the line to look for, when it is not clear */
    const char *where;        /* at which end both are typed; never NULL */
};

void diagnose_advice(struct advice *ret, const struct doctor_attempt *a);

const char *diagnose_side(enum doctor_side side); /* "the dialling end (spoke)" */
const char *diagnose_outcome(const struct doctor_attempt *a);
const char *diagnose_stage(enum doctor_stage stage);
const char *diagnose_certainty(enum doctor_certainty certainty);
const char *diagnose_method(uint8_t method); /* "method 1, password" */
/* "10.0.0.1 port 7502" of one end; size >= 96. */
void diagnose_address(char *dst, size_t size, struct slice ip, uint16_t port);
/* "16:58:42.888" */
void diagnose_time(char dst[static 16], int64_t ms);
bool diagnose_explained(const struct diagnosis *d);
/* The two ends as far as they are known, dialling end first, from either end's lines. */
struct diagnose_ends {
    struct slice c_ip, s_ip, host;
    uint16_t c_port, s_port;
};
void diagnose_ends(struct diagnose_ends *ret, const struct doctor_attempt *a);

/* diagnose_text.c, diagnose_json.c, diagnose_html.c */
void diagnose_print(const struct cli *cli, const struct diagnosis *d);
json_t *diagnose_json(const struct diagnosis *d);
bool diagnose_html(FILE *f, const struct diagnosis *d);

/* On a running daemon: CLUSTER or HOST[:PORT], step by step (diagnose_live.c). */
int diagnose_live(struct cli *cli, const struct parsed *p, const char *target);

#endif
