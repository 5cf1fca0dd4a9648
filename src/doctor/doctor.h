/* doctor: explains the traces of a join, this product's or the original's. Texts go in as bytes, in
 * whatever state a ticket system left them; attempts come out as plain data. The words for people
 * are made by whoever asks.
 *
 * C is the end that dials (a spoke, or a joining hub), S the end that is dialled. */
#ifndef OPENILS_DOCTOR_DOCTOR_H
#define OPENILS_DOCTOR_DOCTOR_H

#include "base/mem.h"
#include "base/slice.h"
#include "core/code.h"

#define DOCTOR_RECORDS_MAX (1u << 18) /* lines of a join that are kept; later ones are counted */

enum doctor_line {
    LINE_NONE,
#define LINE(id, pattern) LINE_##id,
#include "doctor/line.def"
#undef LINE
    DOCTOR_LINES
};

enum doctor_row {
    ROW_NONE,
#define ROW(id, method, text) ROW_##id,
#include "doctor/row.def"
#undef ROW
    DOCTOR_ROWS
};

#define DOCTOR_BIT(x) (UINT64_C(1) << (x)) /* of a line in `look`, of a row in `same` */

enum doctor_side { SIDE_UNKNOWN, SIDE_C, SIDE_S };

/* UNCLEAR: the line that decides is not there; `look` says which one it is. */
enum doctor_certainty { CERTAIN, LIKELY, UNCLEAR };

/* TEST: somebody asked whether it would do (`ils diagnose HOST`), and hung up. */
enum doctor_outcome {
    OUTCOME_UNKNOWN,
    OUTCOME_JOINED,
    OUTCOME_REFUSED,
    OUTCOME_ENDED,
    OUTCOME_TEST
};

/* How far it came: the last of these that a line shows. */
enum doctor_stage {
    STAGE_NOTHING,
    STAGE_DIALLED,     /* T4 to T6 */
    STAGE_CONNECTED,   /* T1, T2, T7 */
    STAGE_CERTIFICATE, /* a certificate was judged */
    STAGE_ACCEPTED,    /* a certificate was accepted */
    STAGE_PASSWORD,    /* the password was tried */
    STAGE_ESTABLISHED
};

enum doctor_pairing { PAIRED_NOT, PAIRED_ADDRESS, PAIRED_TIME };

struct doctor_evidence {
    enum doctor_line line;
    enum doctor_side side; /* whose trace it is from */
    uint32_t text;         /* index of the text, in the order of doctor_read */
    uint32_t number;       /* line in that text, from 1 */
    uint32_t sequence;     /* of the trace */
    int64_t at;            /* ms; of the day, and counting on over midnight */
    bool decides;
    struct slice quote; /* UTF-8, without control characters */
};

/* What one end's lines say. Slices may be empty, numbers 0: not said. */
struct doctor_end {
    bool present;
    uint32_t n;                           /* of the connection: TCPPid [1, 600, 13 or 17, n] */
    struct slice peer_ip, local_ip, host; /* host: as dialled */
    uint16_t peer_port, local_port;
    bool has_peer, has_verdict;
    uint8_t peer[16], verdict[8];
    enum code told;      /* of the line V1 */
    int64_t first, last; /* ms */
};

struct doctor_attempt {
    enum doctor_row row;
    uint64_t same;  /* rows that leave the same lines: same code, same remedy */
    uint8_t method; /* 1 to 4; 0: not known */
    int8_t tls;     /* 1, 0; -1: not known */
    enum doctor_outcome outcome;
    enum doctor_stage stage;
    enum code code, also; /* also: another code that the lines allow, or CODE_NONE */
    enum doctor_certainty certainty;
    enum doctor_side end; /* that said no; SIDE_UNKNOWN: not known, or nobody did */
    enum doctor_side remedy_at;
    bool remedy_here;         /* the end is not known, but it is the one that wrote these lines */
    bool remedy_there;        /* the same, the other end */
    bool invite;              /* the conversation of an invite: the join follows on another */
    bool contradicts;         /* the verdict line says something else than the rest */
    uint64_t look;            /* UNCLEAR: any of these lines would decide, */
    enum doctor_side look_at; /* at this end; SIDE_UNKNOWN: at both */
    uint32_t error;           /* OpenSSL's number in T15, or 0 */
    struct slice error_text, name; /* its words; the name in the certificate */
    enum doctor_pairing pairing;
    struct doctor_end c, s, u;        /* u: it is not known which end this is */
    struct doctor_evidence *evidence; /* in order of time */
    size_t evidence_n;
};

struct doctor;

/* NULL: no memory. */
struct doctor *doctor_new(struct mem *mem);
void doctor_free(struct doctor *d);

/* Reads one text. Files of one rotation (same directory, SDLnnn_nnn_nnnnnn) are to be given in
 * order, one after the other, and are read on. The bytes are not kept, nor is the name. 0, or -1:
 * no memory. *ret_records: records in SDL form that it held; 0: it is no trace. */
int doctor_read(struct doctor *d, struct slice name, struct slice bytes, size_t *ret_records);

/* Judges what was read; once. 0, or -1: no memory. */
int doctor_judge(struct doctor *d);

/* The attempts in order of time within a text; lent until doctor_free. */
const struct doctor_attempt *doctor_attempts(const struct doctor *d, size_t *ret_n);
/* Lines of a join that were too many to keep. */
size_t doctor_left_out(const struct doctor *d);

const char *doctor_line_name(enum doctor_line line); /* "T1" */
/* The same, as the scenarios call it at that end: T30 is T31 at C. */
const char *doctor_line_at(enum doctor_line line, enum doctor_side side);
const char *doctor_row_name(enum doctor_row row); /* "A1"; ROW_NONE: "" */
const char *doctor_row_text(enum doctor_row row);
uint8_t doctor_row_method(enum doctor_row row);

/* The code of an OpenSSL verification error. */
enum code doctor_error_code(uint32_t error);

#endif
