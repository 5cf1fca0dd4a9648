/* doctor: the way in: texts are read one after the other, then all is judged. */
#include "doctor/inside.h"

#include <string.h>

struct doctor *doctor_new(struct mem *mem)
{
    struct doctor *d = mem_alloc(mem, sizeof *d);
    if (d == NULL)
        return NULL;
    d->mem = mem;
    arena_init(&d->arena, mem);
    return d;
}

void doctor_free(struct doctor *d)
{
    if (d == NULL)
        return;
    mem_free(d->mem, d->record, d->record_size * sizeof *d->record);
    mem_free(d->mem, d->hint, d->hint_size * sizeof *d->hint);
    mem_free(d->mem, d->end, d->end_size * sizeof *d->end);
    arena_done(&d->arena);
    mem_free(d->mem, d, sizeof *d);
}

static size_t digits(struct slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
        n++;
    return n;
}

/* "DIRECTORY/SDL001_100_" of a file that is one of a rotation; empty otherwise. */
static struct slice rotation(struct slice name)
{
    static const struct slice none = {NULL, 0};
    size_t at = name.n;
    while (at > 0 && name.p[at - 1] != '/')
        at--;
    if (name.n - at < 3 || memcmp(name.p + at, "SDL", 3) != 0)
        return none;
    at += 3;
    for (int i = 0; i < 2; i++) {
        size_t n = digits(name, at);
        if (n == 0 || at + n >= name.n || name.p[at + n] != '_')
            return none;
        at += n + 1;
    }
    return digits(name, at) > 0 ? slice_make(name.p, at) : none;
}

int doctor_read(struct doctor *d, struct slice name, struct slice bytes, size_t *ret_records)
{
    struct slice row = rotation(name);
    struct reader r = {.d = d, .text = d->text_n++};
    r.continues = row.n > 0 && d->segment_n > 0 && slice_eq(row, d->stream_name);
    if (!r.continues) {
        d->stream_n++;
        d->at_known = false;
    }
    d->stream_name = arena_copy(&d->arena, row);
    r.stream = d->stream_n;
    int result = d->arena.failed ? -1 : text_read(&r, bytes);
    d->failed |= result != 0;
    *ret_records = r.records;
    return result;
}

int doctor_judge(struct doctor *d)
{
    gather(d);
    pair(d);
    return d->failed ? -1 : 0;
}

const struct doctor_attempt *doctor_attempts(const struct doctor *d, size_t *ret_n)
{
    *ret_n = d->attempt_n;
    return d->attempt;
}

size_t doctor_left_out(const struct doctor *d)
{
    return d->left_out;
}

const char *doctor_line_name(enum doctor_line line)
{
    static const char *const name[DOCTOR_LINES] = {
        [LINE_NONE] = "",
#define LINE(id, pattern) [LINE_##id] = #id,
#include "doctor/line.def"
#undef LINE
    };
    return (unsigned)line < DOCTOR_LINES ? name[line] : "";
}

const char *doctor_line_at(enum doctor_line line, enum doctor_side side)
{
    return line == LINE_T30 && side == SIDE_C ? "T31" : doctor_line_name(line);
}

static const struct {
    const char *name, *text;
    uint8_t method;
} rows[DOCTOR_ROWS] = {
    [ROW_NONE] = {"", "", 0},
#define ROW(id, method, text) [ROW_##id] = {#id, text, method},
#include "doctor/row.def"
#undef ROW
};

const char *doctor_row_name(enum doctor_row row)
{
    return (unsigned)row < DOCTOR_ROWS ? rows[row].name : "";
}

const char *doctor_row_text(enum doctor_row row)
{
    return (unsigned)row < DOCTOR_ROWS ? rows[row].text : "";
}

uint8_t doctor_row_method(enum doctor_row row)
{
    return (unsigned)row < DOCTOR_ROWS ? rows[row].method : 0;
}

enum code doctor_error_code(uint32_t error)
{
    switch (error) {
    case 18: return CODE_SELF_SIGNED;
    case 2:
    case 19:
    case 20:
    case 21: return CODE_NO_CHAIN;
    case 10: return CODE_EXPIRED;
    case 9: return CODE_NOT_YET_VALID;
    case 23: return CODE_REVOKED;
    case 26: return CODE_PURPOSE;
    case 62:
    case 63:
    case 64: return CODE_NAME;
    case 66:
    case 67:
    case 68: return CODE_WEAK_KEY;
    case 24:
    case 32:
    case 79: return CODE_ISSUER_NO_CA;
    case 25: return CODE_PATH_TOO_LONG;
    default: return CODE_CHAIN_INVALID;
    }
}
