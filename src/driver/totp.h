/* totp: one-time codes by the time (RFC 6238), as every authenticator makes them: six digits, 30
 * seconds, HMAC-SHA-1 with a key of 160 bits. */
#ifndef OPENILS_DRIVER_TOTP_H
#define OPENILS_DRIVER_TOTP_H

#include "base/tick.h"
#include <stdint.h>

#define TOTP_KEY     20 /* bytes */
#define TOTP_DIGITS  6
#define TOTP_SECONDS 30

/* The number of the 30 seconds that a time is in. */
uint64_t totp_step(wall now);
/* The code of a step: below 10^6. */
uint32_t totp_code(const uint8_t key[static TOTP_KEY], uint64_t step);
/* The present step, if it is after `after` and the code is its; or 0. */
uint64_t totp_find(const uint8_t key[static TOTP_KEY], uint32_t code, wall now, uint64_t after);
/* The step before the present one or behind it whose code it is, since clocks differ; or 0. */
uint64_t totp_beside(const uint8_t key[static TOTP_KEY], uint32_t code, wall now);

#endif
