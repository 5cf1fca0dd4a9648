/* text: makes one plain stream of what editors, mail and ticket systems left of a trace: UTF-16,
 * line ends, quoting, HTML, blanks and dashes of all kinds. Cuts it where a line begins a record.
 */
#include "doctor/inside.h"

#include <string.h>

#define PIECE_MAX  (1u << 14) /* a piece is cut here, at the last record that begins in it */
#define ENTITY_MAX 10

enum encoding { UTF8, UTF16_LITTLE, UTF16_BIG };

struct decoder {
    struct slice in;
    size_t at;
    enum encoding encoding;
};

struct maker {
    struct reader *r;
    uint8_t *c;
    uint32_t *from, *line;
    uint8_t *shown;          /* 4 bytes for each character at most */
    size_t n, shown_n, size; /* size: characters that c holds */
    size_t line_start;       /* of the present line in c */
    uint32_t number;
    unsigned ends;       /* line ends since the last character */
    bool blank, quoting; /* quoting: only quote marks on this line so far */
};

static uint32_t decode_utf16(struct decoder *s)
{
    bool little = s->encoding == UTF16_LITTLE;
    const uint8_t *p = s->in.p + s->at;
    if (s->in.n - s->at < 2) {
        s->at = s->in.n;
        return 0xfffd;
    }
    s->at += 2;
    uint32_t c = little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8;
    if (c >= 0xd800 && c < 0xdc00 && s->in.n - s->at >= 2) {
        uint32_t low = little ? p[2] | (uint32_t)p[3] << 8 : p[3] | (uint32_t)p[2] << 8;
        if (low >= 0xdc00 && low < 0xe000) {
            s->at += 2;
            return 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

static uint32_t decode(struct decoder *s)
{
    if (s->encoding != UTF8)
        return decode_utf16(s);
    const uint8_t *p = s->in.p + s->at;
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;
    if (n == 1) {
        s->at++;
        return p[0];
    }
    if (n == 0 || n > s->in.n - s->at || !slice_is_utf8(slice_make(p, n))) {
        s->at++;
        return 0xfffd;
    }
    uint32_t c = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    s->at += n;
    return c;
}

static size_t encode(uint32_t c, uint8_t *dst)
{
    if (c < 0x80) {
        dst[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        dst[i] = (uint8_t)(0x80 | (c & 0x3f));
    dst[0] = (uint8_t)((0xf00 >> n) | c);
    return n;
}

/* --- entities and tags: what follows '&' or '<', as ASCII; nothing is consumed unless it is one */

static size_t look(const struct decoder *s, char *dst, size_t max, char last)
{
    struct decoder ahead = *s;
    for (size_t n = 0; n < max && ahead.at < ahead.in.n; n++) {
        uint32_t c = decode(&ahead);
        if (c > 0x7e || c < 0x20)
            return 0;
        dst[n] = (char)ascii_lower((uint8_t)c);
        if (c == (uint8_t)last)
            return n + 1;
    }
    return 0;
}

static void skip(struct decoder *s, size_t n)
{
    while (n-- > 0 && s->at < s->in.n)
        decode(s);
}

static uint32_t entity_number(const char *text, size_t n)
{
    uint32_t value = 0, base = text[0] == 'x' ? 16 : 10;
    for (size_t i = base == 16 ? 1 : 0; i < n; i++) {
        uint32_t digit = text[i] >= '0' && text[i] <= '9'   ? (uint32_t)(text[i] - '0')
                         : text[i] >= 'a' && text[i] <= 'f' ? (uint32_t)(text[i] - 'a' + 10)
                                                            : 99;
        if (digit >= base || value > 0xffff)
            return 0;
        value = value * base + digit;
    }
    return value < 0xd800 || (value > 0xdfff && value < 0x110000) ? value : 0xfffd;
}

/* The character that the entity stands for; '&' itself when it is none. */
static uint32_t entity(struct decoder *s)
{
    static const struct {
        const char *name;
        uint32_t c;
    } known[] = {{"amp", '&'},    {"lt", '<'},     {"gt", '>'},     {"quot", '"'},  {"apos", '\''},
                 {"nbsp", 0xa0},  {"colon", ':'},  {"lpar", '('},   {"rpar", ')'},  {"lbrack", '['},
                 {"rbrack", ']'}, {"lsqb", '['},   {"rsqb", ']'},   {"comma", ','}, {"period", '.'},
                 {"vert", '|'},   {"verbar", '|'}, {"equals", '='}, {"ndash", '-'}, {"mdash", '-'},
                 {"lowbar", '_'}, {"sol", '/'}};
    char text[ENTITY_MAX];
    size_t n = look(s, text, sizeof text, ';');
    uint32_t c = 0;
    if (n >= 3 && text[0] == '#')
        c = entity_number(text + 1, n - 2);
    for (size_t i = 0; n >= 2 && i < sizeof known / sizeof *known; i++)
        if (slice_eq(slice_of(known[i].name), slice_make(text, n - 1)))
            c = known[i].c;
    if (c == 0)
        return '&';
    skip(s, n);
    return c;
}

/* Passes a tag over. What stands for it: a line end (which the file does not count), or nothing. */
static uint32_t tag(struct decoder *s)
{
    static const char *const breaking[] = {"br", "p",   "/p", "div", "/div",
                                           "tr", "/tr", "li", "pre", "/pre"};
    char text[200];
    size_t n = look(s, text, sizeof text, '>'), word = 0;
    if (n < 2 || !((text[0] >= 'a' && text[0] <= 'z') || text[0] == '/'))
        return 0;
    skip(s, n);
    while (word < n && text[word] != ' ' && text[word] != '>' && (word == 0 || text[word] != '/'))
        word++;
    for (size_t i = 0; i < sizeof breaking / sizeof *breaking; i++)
        if (slice_eq(slice_of(breaking[i]), slice_make(text, word)))
            return 0x2028;
    return 0;
}

/* --- characters as the forms are matched */

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* What is read over: quotes, marks of Markdown and of quoting, characters without width. */
static bool is_nothing(uint32_t c)
{
    static const char marks[] = "<>`*\"\\_'~";
    if (c < 0x80)
        return c < 0x20 || c == 0x7f || slice_find(slice_of(marks), (uint8_t)c) < sizeof marks - 1;
    return c == 0xad || (c >= 0x200b && c <= 0x200f) || c == 0xfeff ||
           (c >= 0x2018 && c <= 0x201f) || c == 0xab || c == 0xbb || (c >= 0x80 && c < 0xa0);
}

static uint8_t plain(uint32_t c)
{
    if (c < 0x80)
        return (uint8_t)c;
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
        return '-';
    if (c >= 0xff01 && c <= 0xff5e)
        return (uint8_t)(c - 0xff01 + '!');
    return 0x80;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "00154617.001 |" at the start of the line. */
static bool line_begins_record(const uint8_t *c, size_t n)
{
    size_t i = 0;
    while (i < n && (c[i] == ' ' || c[i] == '\n' || c[i] == '\v'))
        i++;
    if (n - i < 13)
        return false;
    for (size_t k = 0; k < 12; k++)
        if (k == 8 ? c[i + k] != '.' : !is_digit(c[i + k]))
            return false;
    for (i += 12; i < n && c[i] == ' '; i++)
        ;
    return i < n && c[i] == '|';
}

static void piece_give(struct maker *m, size_t n)
{
    size_t shown = n < m->n ? m->from[n] : m->shown_n;
    const struct piece p = {m->c, m->from, m->line, n, slice_make(m->shown, shown)};
    if (n > 0)
        reader_piece(m->r, &p);
    memmove(m->c, m->c + n, m->n - n);
    for (size_t i = n; i < m->n; i++) {
        m->from[i - n] = m->from[i] - (uint32_t)shown;
        m->line[i - n] = m->line[i];
    }
    memmove(m->shown, m->shown + shown, m->shown_n - shown);
    m->shown_n -= shown;
    m->n -= n;
}

/* The buffer is full: all but the last record, which may go on. */
static void piece_force(struct maker *m)
{
    size_t at = m->n > 13 ? m->n - 13 : 0;
    while (at > 0 && !line_begins_record(m->c + at, m->n - at))
        at--;
    piece_give(m, at > 0 && m->n - at < m->size / 4 ? at : m->n);
    m->line_start = 0;
}

static void line_end(struct maker *m)
{
    if (m->line_start > 0 && line_begins_record(m->c + m->line_start, m->n - m->line_start))
        piece_give(m, m->line_start);
    else if (m->n > m->size / 2 && m->size == PIECE_MAX)
        piece_force(m);
    m->line_start = m->n;
    m->quoting = true;
}

static void put(struct maker *m, uint32_t c, uint8_t form)
{
    if (m->n == m->size)
        piece_force(m);
    m->from[m->n] = (uint32_t)m->shown_n;
    m->line[m->n] = m->number;
    m->c[m->n++] = form;
    m->shown_n += encode(c, m->shown + m->shown_n);
}

static void put_character(struct maker *m, uint32_t c)
{
    if (c == '\n' || c == 0x2028 || c == 0x85 || c == 0x2029) {
        line_end(m);
        m->ends++;
        m->blank = false;
        return;
    }
    if (is_blank(c)) {
        m->blank = true;
        return;
    }
    bool nothing = is_nothing(c);
    if (m->quoting && (c == '>' || nothing))
        return;
    if (nothing) { /* shown, not matched; no blank is lost on the way */
        if (c < 0x20 || (c >= 0x7f && c <= 0xad) || c == 0xfeff || (c >= 0x200b && c <= 0x200f) ||
            m->n == 0 || m->shown_n + 8 > 4 * m->size)
            return;
        if (m->blank && m->ends == 0)
            put(m, ' ', ' ');
        m->blank = false;
        if (m->ends == 0)
            m->shown_n += encode(c, m->shown + m->shown_n);
        return;
    }
    if (m->ends > 0)
        put(m, ' ', m->ends > 1 ? '\v' : '\n');
    else if (m->blank && m->n > 0)
        put(m, ' ', ' ');
    m->ends = 0;
    m->blank = m->quoting = false;
    put(m, c, plain(c));
}

static enum encoding find_encoding(struct decoder *s)
{
    const uint8_t *p = s->in.p;
    if (s->in.n >= 2 && p[0] == 0xff && p[1] == 0xfe)
        return UTF16_LITTLE;
    if (s->in.n >= 2 && p[0] == 0xfe && p[1] == 0xff)
        return UTF16_BIG;
    if (s->in.n >= 4 && p[0] != 0 && p[1] == 0 && p[2] != 0 && p[3] == 0)
        return UTF16_LITTLE;
    if (s->in.n >= 4 && p[0] == 0 && p[1] != 0 && p[2] == 0 && p[3] != 0)
        return UTF16_BIG;
    return UTF8;
}

int text_read(struct reader *r, struct slice bytes)
{
    struct mem *mem = r->d->mem;
    struct decoder s = {.in = bytes};
    struct maker m = {.r = r, .number = 1, .quoting = true};
    m.size = bytes.n < PIECE_MAX - 16 ? bytes.n + 16 : PIECE_MAX;
    m.c = mem_alloc(mem, m.size);
    m.from = mem_alloc(mem, m.size * sizeof *m.from);
    m.line = mem_alloc(mem, m.size * sizeof *m.line);
    m.shown = mem_alloc(mem, m.size * 8);
    bool good = m.c != NULL && m.from != NULL && m.line != NULL && m.shown != NULL;
    s.encoding = find_encoding(&s);
    while (good && s.at < s.in.n && !r->d->failed) {
        uint32_t c = decode(&s);
        bool counts = c == '\n' || c == '\r';
        if (c == '\r') {
            struct decoder next = s;
            if (next.at < next.in.n && decode(&next) == '\n')
                s = next;
            c = '\n';
        } else if (c == '&') {
            c = entity(&s);
        } else if (c == '<') {
            c = tag(&s);
        }
        if (c != 0)
            put_character(&m, c);
        m.number += counts;
    }
    if (good) {
        line_end(&m);
        piece_give(&m, m.n);
    }
    mem_free(mem, m.c, m.size);
    mem_free(mem, m.from, m.size * sizeof *m.from);
    mem_free(mem, m.line, m.size * sizeof *m.line);
    mem_free(mem, m.shown, m.size * 8);
    return good && !r->d->failed ? 0 : -1;
}
