/* capture: a file of what travelled on links, in the order seen. Chunks of: u32 session, u8 who
 * (0 = the dialler), u32 length, all big-endian, then the bytes. recorder.py writes the same. */
#ifndef OPENILS_TEST_SECRET_CAPTURE_H
#define OPENILS_TEST_SECRET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CAPTURE_HEADER 9

void capture_put(FILE *f, uint32_t session, bool from_dialler, const uint8_t *p, size_t n);

/* What one end sent in one session. */
struct stream_bytes {
    uint8_t *p;
    size_t n;
};

/* Adds a capture file to `ret`, two streams for each session (dialler's first), in order of first
 * appearance; returns how many sessions there are then. Ends the program when it cannot. */
size_t capture_read(const char *path, struct stream_bytes **ret, size_t sessions);

#endif
