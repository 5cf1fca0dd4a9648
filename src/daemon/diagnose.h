/* diagnose: what the doctor found, in words and for programs. Shared by `ils diagnose` and by ilsd,
 * which is asked over the control socket. */
#ifndef OPENILS_DAEMON_DIAGNOSE_H
#define OPENILS_DAEMON_DIAGNOSE_H

#include <jansson.h>

#include "doctor/doctor.h"

/* What was diagnosed: names[text] of the findings' texts. */
struct diagnosis {
    const struct doctor_attempt *attempt;
    size_t attempt_n;
    char *const *name;
    const size_t *records;
    size_t name_n;
    size_t left_out;
    size_t evidence_max; /* lines of one attempt in the JSON; 0: all */
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
/* The findings for programs (docs/contract.md). New ref. */
json_t *diagnose_json(const struct diagnosis *d);
/* One of them, as it is in there. New ref. */
json_t *diagnose_attempt_json(const struct diagnosis *d, const struct doctor_attempt *a);

#endif
