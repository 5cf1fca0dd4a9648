/* sealed: records of authenticated encryption. The counter is the nonce and travels nowhere: a
 * record that is dropped, doubled, moved or turned back at its sender does not open. */
#include "link/sealed.h"

#define OVERHEAD   (SEALED_HEADER + TAG_SIZE)
#define CIPHER_MAX (SEALED_PLAIN_MAX + TAG_SIZE)

void sealed_keys(struct sealed *ret_dialler, struct sealed *ret_acceptor, struct slice isk,
                 const uint8_t binder[static HASH_SIZE])
{
    const struct slice parts[] = {isk, slice_make(binder, HASH_SIZE)};
    crypto_hash(ret_dialler->key, "sealed dialler", parts, 2);
    crypto_hash(ret_acceptor->key, "sealed acceptor", parts, 2);
    ret_dialler->counter = 0;
    ret_acceptor->counter = 0;
}

void sealed_put(struct sealed *s, struct buf *out, struct slice plain)
{
    if (plain.n == 0)
        return;
    size_t records = (plain.n - 1) / SEALED_PLAIN_MAX + 1;
    uint8_t *p = buf_extend(out, plain.n + records * OVERHEAD);
    if (p == NULL)
        return;
    for (; records > 0; records--) {
        size_t n = plain.n < SEALED_PLAIN_MAX ? plain.n : SEALED_PLAIN_MAX;
        p[0] = (uint8_t)((n + TAG_SIZE) >> 8);
        p[1] = (uint8_t)(n + TAG_SIZE);
        crypto_seal(p + SEALED_HEADER, slice_make(plain.p, n), slice_make(p, SEALED_HEADER),
                    s->counter++, s->key);
        p += n + OVERHEAD;
        plain.p += n;
        plain.n -= n;
    }
}

int sealed_take(struct sealed *s, struct slice *in, struct buf *out)
{
    if (in->n < SEALED_HEADER)
        return 1;
    size_t n = (size_t)in->p[0] << 8 | in->p[1];
    if (n <= TAG_SIZE || n > CIPHER_MAX)
        return -1;
    if (in->n - SEALED_HEADER < n)
        return 1;
    uint8_t *p = buf_extend(out, n - TAG_SIZE);
    if (p == NULL)
        return -2;
    if (!crypto_open(p, slice_make(in->p + SEALED_HEADER, n), slice_make(in->p, SEALED_HEADER),
                     s->counter, s->key)) {
        out->n -= n - TAG_SIZE;
        return -1;
    }
    s->counter++;
    in->p += SEALED_HEADER + n;
    in->n -= SEALED_HEADER + n;
    return 0;
}
