/* sip_frame: where a message ends on a connection (RFC 3261 18.3): behind as many bytes of body as
 * its Content-Length says, which must be there. Nothing else but the first byte is judged: sip_read
 * does that. What the two could read differently (two lengths, a length over two lines) ends the
 * connection. */
#include "answer/sip.h"

static bool is_length(struct slice name)
{
    name = slice_trim(name);
    return slice_eq_fold(name, slice_of("Content-Length")) || slice_eq_fold(name, slice_of("l"));
}

/* The end of the line that begins at `at`, without its CR LF; bytes.n when it has none. */
static size_t line_end(struct slice bytes, size_t at)
{
    for (; at + 1 < bytes.n; at++)
        if (bytes.p[at] == '\r' && bytes.p[at + 1] == '\n')
            return at;
    return bytes.n;
}

/* Line ends before a message: four bytes ask for a sign of life, two mean nothing. */
static size_t blank_frame(struct slice bytes)
{
    if (bytes.n >= 2 && bytes.p[1] != '\n')
        return SIP_FRAME_BROKEN;
    if (bytes.n < 3 || (bytes.n == 3 && bytes.p[2] == '\r'))
        return 0;
    return bytes.n > 3 && bytes.p[2] == '\r' && bytes.p[3] == '\n' ? 4 : 2;
}

size_t sip_frame(struct slice bytes)
{
    uint64_t length = 0;
    unsigned lengths = 0;
    bool was = false; /* the line before was the length */
    if (bytes.n > 0 && bytes.p[0] == '\r')
        return blank_frame(bytes);
    if (bytes.n > 0 && (bytes.p[0] <= ' ' || bytes.p[0] >= 0x7f))
        return SIP_FRAME_BROKEN; /* no method begins so; a client of TLS would wait for an answer */
    for (size_t at = 0, end; (end = line_end(bytes, at)) < bytes.n; at = end + 2) {
        struct slice line = slice_make(bytes.p + at, end - at);
        size_t colon = slice_find(line, ':');
        bool folded = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
        if (line.n == 0)
            return lengths == 1 ? end + 2 + (size_t)length : SIP_FRAME_BROKEN;
        if (was && folded)
            return SIP_FRAME_BROKEN;
        was = at > 0 && !folded && colon < line.n && is_length(slice_make(line.p, colon));
        if (was && (++lengths > 1 ||
                    !slice_to_u64(slice_trim(slice_make(line.p + colon + 1, line.n - colon - 1)),
                                  SIP_MESSAGE_MAX, &length)))
            return SIP_FRAME_BROKEN;
    }
    return 0;
}
