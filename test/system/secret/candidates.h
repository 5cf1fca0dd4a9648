/* candidates: the passwords that an attacker tries, and what `ils` makes of each. The salt is a
 * fixed label, so a table of them can be made once, before any capture; candidates.txt is one. */
#ifndef OPENILS_TEST_SECRET_CANDIDATES_H
#define OPENILS_TEST_SECRET_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CANDIDATES_MAX 4096
#define PASSWORD_TEXT  64

struct candidate {
    char password[PASSWORD_TEXT];
    uint8_t stretched[32];
};

/* Argon2id as docs/protocol-link.md says; ends the program when there is no memory for it. */
void candidate_stretch(struct candidate *c);

/* Lines of `password hex`; how many. Ends the program when the file is not that. */
size_t candidates_read(const char *path, struct candidate ret[static CANDIDATES_MAX]);

#endif
