/* stretch: `stretch` turns passwords on standard input into lines of candidates.txt;
 * `stretch --check FILE N` makes every N-th line of it again and compares. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"

static struct candidate candidate[CANDIDATES_MAX];

static int check(const char *path, size_t every)
{
    size_t n = candidates_read(path, candidate), wrong = 0, done = 0;
    for (size_t i = 0; i < n; i += every > 0 ? every : 1, done++) {
        struct candidate again = candidate[i];
        candidate_stretch(&again);
        wrong += memcmp(again.stretched, candidate[i].stretched, 32) != 0;
    }
    printf("1..1\n%s 1 - %zu of %zu candidates stretched again, %zu differ\n",
           wrong == 0 ? "ok" : "not ok", done, n, wrong);
    return wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct candidate c;
    char hex[65];
    if (argc == 4 && strcmp(argv[1], "--check") == 0)
        return check(argv[2], strtoul(argv[3], NULL, 10));
    while (scanf("%63s", c.password) == 1) {
        candidate_stretch(&c);
        printf("%s %s\n", c.password, sodium_bin2hex(hex, sizeof hex, c.stretched, 32));
    }
    return 0;
}
