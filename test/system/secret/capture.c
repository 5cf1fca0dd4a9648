/* capture: see capture.h. */
#include "capture.h"

#include <stdlib.h>
#include <string.h>

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void capture_put(FILE *f, uint32_t session, bool from_dialler, const uint8_t *p, size_t n)
{
    uint8_t header[CAPTURE_HEADER];
    put_u32(header, session);
    header[4] = from_dialler ? 0 : 1;
    put_u32(header + 5, (uint32_t)n);
    if (fwrite(header, sizeof header, 1, f) != 1 || fwrite(p, n, 1, f) != 1) {
        fprintf(stderr, "the capture cannot be written\n");
        exit(2);
    }
}

static void append(struct stream_bytes *s, FILE *f, size_t n)
{
    s->p = realloc(s->p, s->n + n);
    if (s->p == NULL || fread(s->p + s->n, n, 1, f) != 1) {
        fprintf(stderr, "the capture ends within a chunk\n");
        exit(2);
    }
    s->n += n;
}

size_t capture_read(const char *path, struct stream_bytes **ret, size_t sessions)
{
    FILE *f = fopen(path, "rb");
    uint8_t header[CAPTURE_HEADER];
    uint32_t *number = NULL;
    size_t base = sessions;
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    while (fread(header, sizeof header, 1, f) == 1) {
        uint32_t session = get_u32(header);
        size_t i = sessions;
        while (i > base && number[i - base - 1] != session)
            i--;
        if (i == base) { /* a new one */
            i = ++sessions;
            number = realloc(number, (sessions - base) * sizeof *number);
            *ret = realloc(*ret, 2 * sessions * sizeof **ret);
            number[sessions - base - 1] = session;
            memset(&(*ret)[2 * (sessions - 1)], 0, 2 * sizeof **ret);
        }
        append(&(*ret)[2 * (i - 1) + (header[4] & 1)], f, get_u32(header + 5));
    }
    free(number);
    fclose(f);
    return sessions;
}
