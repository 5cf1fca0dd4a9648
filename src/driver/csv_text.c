/* csv_text: encodings. A file that is not what it was said to be is the commonest failure of an
 * import, so that the complaint guesses what it is. */
#include "driver/csv_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX 60 /* bytes of the offending text */

/* Printable form of text, whole UTF-8 characters, at most SHOWN_MAX bytes and three dots. */
static void show(char dst[static SHOWN_MAX + 4], struct slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        char piece[8];
        size_t length = 1;
        while (text.p[i] >= 0xc0 && length < 4 && i + length < text.n &&
               (text.p[i + length] & 0xc0) == 0x80)
            length++;
        bool plain = slice_is_utf8(slice_make(text.p + i, length)) && text.p[i] >= ' ' &&
                     text.p[i] != 0x7f && !(text.p[i] == 0xc2 && text.p[i + 1] < 0xa0);
        if (!plain) {
            length = 1;
            snprintf(piece, sizeof piece, "\\x%02x", text.p[i]);
        } else {
            slice_to_text(slice_make(text.p + i, length), piece, sizeof piece);
        }
        size_t add = strlen(piece);
        if (n + add > SHOWN_MAX) {
            memcpy(dst + n, "...", 3);
            n += 3;
            break;
        }
        memcpy(dst + n, piece, add);
        n += add;
        i += length;
    }
    dst[n] = '\0';
}

struct csv_complaint *csv_complain(struct csv_rows *rows, uint32_t line, enum csv_fault fault,
                                   struct slice text, const char *sentence, ...)
{
    static _Thread_local struct csv_complaint unkept;
    struct csv_complaint *c = &unkept;
    rows->complaints++;
    if (rows->complaint == NULL)
        rows->complaint = calloc(CSV_COMPLAINTS_MAX, sizeof *rows->complaint);
    if (rows->complaint != NULL && rows->complaint_n < CSV_COMPLAINTS_MAX)
        c = &rows->complaint[rows->complaint_n++];
    if (c == &unkept && rows->complaint != NULL)
        return c;
    *c = (struct csv_complaint){.line = line, .fault = fault};
    show(c->text, text);
    va_list arguments;
    va_start(arguments, sentence);
    vsnprintf(c->sentence, sizeof c->sentence, sentence, arguments);
    va_end(arguments);
    return c;
}

size_t csv_line(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            return i + 1;
        if (text.p[i] == '\r')
            return i + 1 < text.n && text.p[i + 1] == '\n' ? i + 2 : i + 1;
    }
    return text.n;
}

static uint32_t lines_in(struct slice text)
{
    uint32_t lines = 0;
    while (text.n > 0) {
        size_t n = csv_line(text);
        lines += text.p[n - 1] == '\n' || text.p[n - 1] == '\r';
        text = slice_make(text.p + n, text.n - n);
    }
    return lines;
}

static bool starts_with(struct slice text, const char *bytes, size_t n)
{
    return text.n >= n && memcmp(text.p, bytes, n) == 0;
}

static struct slice without_end(struct slice line)
{
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    return line;
}

/* Everything converts; grows *ret_block. 0, or errno. *ret_n: bytes converted until then. */
static int convert(iconv_t cd, struct slice bytes, char **ret_block, size_t *ret_n)
{
    char *in = (char *)(uintptr_t)bytes.p; /* iconv does not write there */
    size_t in_n = bytes.n, size = 0;
    bool full = true;
    *ret_block = NULL;
    *ret_n = 0;
    for (;;) {
        if (full) {
            size = size == 0 ? bytes.n + bytes.n / 2 + 64 : size * 2;
            char *block = realloc(*ret_block, size);
            if (block == NULL)
                return ENOMEM;
            *ret_block = block;
        }
        char *out = *ret_block + *ret_n;
        size_t out_n = size - *ret_n;
        bool end = in_n == 0;
        size_t done = iconv(cd, end ? NULL : &in, &in_n, &out, &out_n);
        *ret_n = (size_t)(out - *ret_block);
        full = done == (size_t)-1 && errno == E2BIG;
        if (done == (size_t)-1 && !full)
            return errno;
        if (!full && end)
            return 0;
    }
}

static bool converts(struct slice bytes, const char *encoding)
{
    char *block;
    size_t n;
    iconv_t cd = iconv_open("UTF-8", encoding);
    if (cd == (iconv_t)-1)
        return false;
    int error = convert(cd, bytes, &block, &n);
    iconv_close(cd);
    free(block);
    return error == 0;
}

/* Nearly every accented word in LATIN1 is valid CP932 too, one odd kanji a letter. What Japanese
 * text has and LATIN1 has not: first bytes 0x81..0x9f, or half-width kana one after another. */
static bool looks_like_cp932(struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        uint8_t c = bytes.p[i];
        if (c >= 0x81 && c <= 0x9f)
            return converts(bytes, "CP932");
        bool kana = c >= 0xa1 && c <= 0xdf;
        if (kana && i + 1 < bytes.n && bytes.p[i + 1] >= 0xa1 && bytes.p[i + 1] <= 0xdf)
            return converts(bytes, "CP932");
        if (c >= 0xe0)
            i++; /* its second byte */
    }
    return false;
}

/* Every line must be UTF-8 without NUL; the first one that is not names the encoding to try. */
static bool check_utf8(struct csv_rows *rows, struct slice text)
{
    struct slice rest = text, first = {NULL, 0};
    uint32_t line = 0, first_line = 0, bad = 0;
    if (slice_is_utf8(text))
        return true;
    while (rest.n > 0) {
        size_t n = csv_line(rest);
        line++;
        if (!slice_is_utf8(slice_make(rest.p, n)) && bad++ == 0) {
            first_line = line;
            first = without_end(slice_make(rest.p, n));
        }
        rest = slice_make(rest.p + n, rest.n - n);
    }
    if (slice_find(first, 0) < first.n) {
        bool wide = slice_find(slice_make(text.p, text.n < 4 ? text.n : 4), 0) < 4;
        csv_complain(rows, first_line, CSV_FAULT_NUL, first,
                     "the line holds a NUL byte%s",
                     !wide                ? ": the file is damaged, or no text"
                     : text.p[0] == '\0' ? ": the file looks like UTF-16: try --encoding UTF-16BE"
                                         : ": the file looks like UTF-16: try --encoding UTF-16LE");
        return false;
    }
    csv_complain(rows, first_line, CSV_FAULT_ENCODING, first,
                 bad == 1 ? "the line is not UTF-8 (%u line of the file); try --encoding %s"
                          : "the line is not UTF-8 (%u lines of the file); try --encoding %s",
                 (unsigned)bad, looks_like_cp932(text) ? "CP932" : "LATIN1");
    return false;
}

static bool convert_text(struct csv_rows *rows, struct slice bytes, const char *encoding,
                         struct slice *ret_text, char **ret_block)
{
    size_t n;
    /* "//IGNORE" and the like would drop what the check is there to find. */
    iconv_t cd = strchr(encoding, '/') == NULL ? iconv_open("UTF-8", encoding) : (iconv_t)-1;
    if (cd == (iconv_t)-1) {
        csv_complain(rows, 0, CSV_FAULT_ENCODING_NAME, slice_of(encoding),
                     "this system knows no such encoding; `iconv --list` names those it knows");
        return false;
    }
    int error = convert(cd, bytes, ret_block, &n);
    iconv_close(cd);
    *ret_text = slice_make(*ret_block, n);
    if (error == 0)
        return true;
    if (error == ENOMEM) {
        csv_complain(rows, 0, CSV_FAULT_MEMORY, slice_make(NULL, 0), "not enough memory");
        return false;
    }
    struct slice line = *ret_text;
    for (size_t i = line.n; i > 0; i--) {
        if (line.p[i - 1] == '\n' || line.p[i - 1] == '\r') {
            line = slice_make(line.p + i, line.n - i);
            break;
        }
    }
    csv_complain(rows, lines_in(*ret_text) + 1, CSV_FAULT_ENCODING, line,
                 "behind this text the line is not %.40s", encoding);
    return false;
}

bool csv_text(struct csv_rows *rows, struct slice bytes, const char *encoding,
              struct slice *ret_text, char **ret_block)
{
    *ret_block = NULL;
    *ret_text = bytes;
    bool utf8 = encoding == NULL || encoding[0] == '\0' || strcasecmp(encoding, "UTF-8") == 0 ||
                strcasecmp(encoding, "UTF8") == 0;
    if (utf8 && (starts_with(bytes, "\xff\xfe", 2) || starts_with(bytes, "\xfe\xff", 2))) {
        csv_complain(rows, 1, CSV_FAULT_ENCODING, slice_make(bytes.p, 2),
                     "the file begins with the mark of UTF-16: try --encoding UTF-16");
        return false;
    }
    if (!utf8 && !convert_text(rows, bytes, encoding, ret_text, ret_block))
        return false;
    if (starts_with(*ret_text, "\xef\xbb\xbf", 3))
        *ret_text = slice_make(ret_text->p + 3, ret_text->n - 3);
    return check_utf8(rows, *ret_text);
}
