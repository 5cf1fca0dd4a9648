/* seal: rows that hold keys and passwords are sealed before they are given to a database that
 * others may read, with a key that lies in a file beside ilsd and never there. */
#ifndef OPENILS_DRIVER_SEAL_H
#define OPENILS_DRIVER_SEAL_H

#include "base/slice.h"

#define SEAL_KEY  32
#define SEAL_MORE 41 /* bytes that a sealed value has more than the value */

/* Reads the key. False: error says what is wrong with the file, and *ret_missing whether it is only
 * not there. */
bool seal_read(const char *path, uint8_t key[static SEAL_KEY], bool *ret_missing, char *error,
               size_t size);
/* Makes a file (0600) with a new key, durable; never over another. */
bool seal_make(const char *path, uint8_t key[static SEAL_KEY], char *error, size_t size);

/* What stands for value at this place; dst has value.n + SEAL_MORE bytes. */
void seal_put(const uint8_t key[static SEAL_KEY], uint8_t space, struct slice name,
              struct slice value, uint8_t *dst);
/* The value; dst has sealed.n bytes. False: sealed with another key, of another place, or altered.
 */
bool seal_get(const uint8_t key[static SEAL_KEY], uint8_t space, struct slice name,
              struct slice sealed, uint8_t *dst, size_t *ret_n);

#endif
