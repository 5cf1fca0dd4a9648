/* inside: what the files of the doctor share. A text becomes pieces (text.c), a piece records
 * (record.c), records ends (gather.c), ends attempts (pair.c), and attempts are judged (judge.c).
 */
#ifndef OPENILS_DOCTOR_INSIDE_H
#define OPENILS_DOCTOR_INSIDE_H

#include "base/arena.h"
#include "doctor/doctor.h"

#define MS_S 1000

/* One line of a join, as read. */
struct record {
    uint32_t sequence, sub;
    uint32_t text, number;    /* where it stands */
    uint32_t stream, segment; /* one log; what stands together in it */
    uint32_t order;
    int64_t at;
    enum doctor_line line;
    enum doctor_side side; /* by its form, or unknown */
    int8_t tls;
    uint32_t k, n;
    struct slice ip, local_ip, name, words;
    uint16_t port, local_port;
    bool port_open; /* the line may have been cut within the port */
    uint32_t value;
    bool has_value, has_peer, has_verdict;
    uint8_t peer[16], verdict[8];
    struct slice quote;
    struct end *end;
    struct record *next; /* of the same end, in order of time */
};

/* One end's part of one attempt. */
struct end {
    uint32_t stream, segment;
    enum doctor_side side;
    bool side_hint;       /* known only from the words around */
    bool doubtful;        /* which of the lines without an address are this end's, no line tells */
    bool told_doubtful;   /* the same, of V1 */
    bool loose_rule;      /* the line of its rule came to it for want of another */
    bool opened_doubtful; /* the same, of T25 and T28 alone */
    int8_t tls;
    uint32_t k;
    uint64_t lines;  /* bits of doctor_line */
    enum code ended;  /* of the line L1 */
    uint32_t failed;  /* the number of the line T18: this product writes its code there */
    bool told_alone;  /* the line V1 is the first of its step */
    bool was_up;     /* T3 or T9 came before what was wrong */
    uint32_t error;
    struct slice error_text, name;
    struct doctor_end d;
    struct record *first, *last;
    size_t record_n;
    struct end *mate;
    bool listed;
    enum doctor_pairing pairing;
};

/* A line without an address that is `one`'s or `other`'s. */
struct rivals {
    struct rivals *next;
    struct end *one, *other;
    bool opened; /* T25 and T28 alone */
};

struct doctor {
    struct mem *mem;
    struct arena arena;
    struct record *record;
    size_t record_n, record_size, left_out;
    uint32_t text_n, stream_n, segment_n;
    struct slice stream_name; /* of the last text, when it is a file of a rotation */
    int64_t last_at;
    bool at_known;
    enum doctor_side *hint; /* by segment */
    size_t hint_size;
    struct end **end; /* as they began */
    size_t end_n, end_size;
    struct rivals *rivals;
    struct doctor_attempt *attempt;
    size_t attempt_n;
    bool failed;
};

/* One piece of text, from one line that begins a record up to the next. c is the text for matching:
 * one byte for each character, ' ' for blanks, '\n' for one line end, '\v' for more, 0x80 for a
 * letter beyond ASCII; from[i] is where it stands in `shown`, line[i] its line. */
struct piece {
    const uint8_t *c;
    const uint32_t *from, *line;
    size_t n;
    struct slice shown;
};

/* The state of reading one text. */
struct reader {
    struct doctor *d;
    uint32_t stream, text;
    size_t records;
    bool continues; /* nothing was read of it yet, and it carries on the text before */
    bool parted;    /* prose was seen since the last record */
    enum doctor_side hint;
};

/* text.c: cuts bytes into pieces, and gives each to reader_piece (record.c). -1: no memory. */
int text_read(struct reader *r, struct slice bytes);
void reader_piece(struct reader *r, const struct piece *p);

/* match.c: the longest form that the piece holds from `at` on; LINE_NONE: none. *ret_end: where
 * what was understood ends; *ret_whole: the form was there to its end. */
enum doctor_line match_line(struct doctor *d, const struct piece *p, size_t at, size_t end,
                            struct record *ret, size_t *ret_end, bool *ret_whole);

/* fit.c: how well a record fits an end: the more, the better; negative: it belongs to another. */
int fit(const struct end *e, const struct record *r);
/* How far the record is, in steps of the trace, from the nearest line of the end of that time. */
uint32_t sequence_gap(const struct end *e, const struct record *r);
#define STEP_SCORE 10000 /* from here on it stands in the same step as a line of the end */
/* Two addresses that cannot be one; names may stand for any. */
bool address_differs(struct slice a, struct slice b);

/* gather.c, pair.c, judge.c. Failure of memory sets d->failed. */
void gather(struct doctor *d);
void pair(struct doctor *d);
void judge(struct doctor *d, struct doctor_attempt *a, const struct end *one,
           const struct end *other);

static inline bool end_was_up(const struct end *e)
{
    return (e->lines & (DOCTOR_BIT(LINE_T3) | DOCTOR_BIT(LINE_T9))) != 0 ||
           e->d.told == CODE_JOINED;
}

static inline bool end_has(const struct end *e, enum doctor_line line)
{
    return e != NULL && (e->lines & DOCTOR_BIT(line)) != 0;
}

#endif
