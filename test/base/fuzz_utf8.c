/* A slice is UTF-8 exactly if decoding it and encoding again gives the same bytes. */
#include "base/slice.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t encode(uint32_t c, uint8_t dst[4])
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

/* The length that the first byte claims, judged by nothing else. */
static size_t claimed(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static bool model(const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint8_t again[4];
        size_t n = claimed(p[i]);
        if (n > size - i)
            return false;
        uint32_t c = n == 1 ? p[i] : p[i] & (0x7fu >> n);
        for (size_t k = 1; k < n; k++)
            c = c << 6 | (p[i + k] & 0x3f);
        if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        if (encode(c, again) != n || memcmp(again, p + i, n) != 0)
            return false;
        i += n;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assert(slice_is_utf8(slice_make(data, size)) == model(data, size));
    return 0;
}
