/* candidates: see candidates.h. Written for itself, not taken from `ils`. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"

void candidate_stretch(struct candidate *c)
{
    static const char label[] = "openils/password";
    uint8_t salt[16];
    if (sodium_init() < 0 ||
        crypto_generichash(salt, sizeof salt, (const uint8_t *)label, sizeof label - 1, NULL, 0) ||
        crypto_pwhash(c->stretched, 32, c->password, strlen(c->password), salt, 3, 64u << 20,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        fprintf(stderr, "no memory to stretch a password\n");
        exit(2);
    }
}

size_t candidates_read(const char *path, struct candidate ret[static CANDIDATES_MAX])
{
    FILE *f = fopen(path, "r");
    char hex[65];
    size_t n = 0;
    while (f != NULL && n < CANDIDATES_MAX && fscanf(f, "%63s %64s", ret[n].password, hex) == 2) {
        if (sodium_hex2bin(ret[n].stretched, 32, hex, 64, NULL, NULL, NULL) != 0)
            break;
        n++;
    }
    if (f == NULL || !feof(f) || n == 0) {
        fprintf(stderr, "%s is no table of candidates\n", path);
        exit(2);
    }
    fclose(f);
    return n;
}
