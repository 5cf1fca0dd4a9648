/* totp: HMAC is OpenSSL's, since libsodium has none with SHA-1; and SHA-1 it must be: many
 * authenticators pass over what the URI says of another one. As HMAC it is sound. */
#include "driver/totp.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST 20

uint64_t totp_step(wall now)
{
    return (uint64_t)now / (UINT64_C(1000000) * TOTP_SECONDS);
}

uint32_t totp_code(const uint8_t key[static TOTP_KEY], uint64_t step)
{
    uint8_t counter[8], mac[DIGEST];
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    const uint8_t *made = HMAC(EVP_sha1(), key, TOTP_KEY, counter, sizeof counter, mac, NULL);
    assert(made != NULL);
    const uint8_t *at = mac + (mac[DIGEST - 1] & 15);
    uint32_t number = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 |
                      (uint32_t)at[2] << 8 | at[3];
    return number % 1000000;
}

uint64_t totp_find(const uint8_t key[static TOTP_KEY], uint32_t code, wall now, uint64_t after)
{
    uint64_t present = totp_step(now);
    return present > after && totp_code(key, present) == code ? present : 0;
}

uint64_t totp_beside(const uint8_t key[static TOTP_KEY], uint32_t code, wall now)
{
    uint64_t present = totp_step(now);
    if (totp_code(key, present + 1) == code)
        return present + 1;
    return totp_code(key, present - 1) == code ? present - 1 : 0;
}
