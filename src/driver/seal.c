/* seal: XChaCha20-Poly1305 with a random nonce. Space and key of the row are sealed with its value,
 * so that no value can be put in the place of another. A sealed value is u8 1, 24 nonce, then the
 * bytes and 16 of the tag. */
#include "driver/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORM  1
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(SEAL_MORE == 1 + NONCE + TAG, "SEAL_MORE");
_Static_assert(SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "SEAL_KEY");

bool seal_read(const char *path, uint8_t key[static SEAL_KEY], bool *ret_missing, char *error,
               size_t size)
{
    uint8_t bytes[SEAL_KEY + 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_missing = fd < 0 && errno == ENOENT;
    if (fd < 0) {
        snprintf(error, size, "cannot read the key file %s of the store (%s)", path,
                 strerror(errno));
        return false;
    }
    bool open_to_all = fstat(fd, &st) == 0 && (st.st_mode & 077) != 0;
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    if (open_to_all)
        snprintf(error, size, "others may read the key file %s of the store; type chmod 600 %s",
                 path, path);
    else if (n != SEAL_KEY)
        snprintf(error, size, "%s is no key file of a store: it has not %d bytes; give the right "
                 "one with --store-key", path, SEAL_KEY);
    else
        memcpy(key, bytes, SEAL_KEY);
    sodium_memzero(bytes, sizeof bytes);
    return n == SEAL_KEY && !open_to_all;
}

bool seal_make(const char *path, uint8_t key[static SEAL_KEY], char *error, size_t size)
{
    if (sodium_init() < 0) {
        snprintf(error, size, "this host gives no randomness");
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(error, size, "cannot make the key file %s (%s)", path, strerror(errno));
        return false;
    }
    randombytes_buf(key, SEAL_KEY);
    bool good = write(fd, key, SEAL_KEY) == SEAL_KEY && fsync(fd) == 0;
    if (!good) {
        snprintf(error, size, "cannot write the key file %s (%s)", path, strerror(errno));
        unlink(path);
    }
    close(fd);
    return good;
}

/* The place as bytes, for the tag; at most max of the key, which are more than any row's. */
static size_t place_of(uint8_t *dst, size_t max, uint8_t space, struct slice name)
{
    static const char label[] = "openils store row";
    size_t n = name.n < max - sizeof label - 1 ? name.n : max - sizeof label - 1;
    memcpy(dst, label, sizeof label);
    dst[sizeof label] = space;
    if (n > 0)
        memcpy(dst + sizeof label + 1, name.p, n);
    return sizeof label + 1 + n;
}

void seal_put(const uint8_t key[static SEAL_KEY], uint8_t space, struct slice name,
              struct slice value, uint8_t *dst)
{
    uint8_t place[1024];
    size_t n = place_of(place, sizeof place, space, name);
    if (sodium_init() < 0)
        abort(); /* no randomness: nothing may be sealed */
    dst[0] = FORM;
    randombytes_buf(dst + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(dst + 1 + NONCE, NULL, value.p, value.n, place, n,
                                               NULL, dst + 1, key);
}

bool seal_get(const uint8_t key[static SEAL_KEY], uint8_t space, struct slice name,
              struct slice sealed, uint8_t *dst, size_t *ret_n)
{
    uint8_t place[1024];
    unsigned long long n = 0;
    size_t place_n = place_of(place, sizeof place, space, name);
    if (sealed.n < SEAL_MORE || sealed.p[0] != FORM ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(dst, &n, NULL, sealed.p + 1 + NONCE,
                                                   sealed.n - 1 - NONCE, place, place_n,
                                                   sealed.p + 1, key) != 0)
        return false;
    *ret_n = (size_t)n;
    return true;
}
