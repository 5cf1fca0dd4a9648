/* attacker: `attacker CANDIDATES CAPTURE...` knows the protocol, the salt and a list of passwords
 * with the true one in it, and has recorded joins; it says which passwords the recordings betray.
 *
 * Three kinds of question, for every candidate: does any value that can be computed from it alone
 * stand anywhere in what was seen (all sessions)? does any value computed from it and from parts of
 * a session (a sample of sessions, good and bad)? and does any relation of the exchange itself hold
 * (shares that are known multiples of the candidate's generator, tags under a guessed point,
 * records under a guessed key)? guess.c has the questions, table.c finds bytes in bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "guess.h"

#define SAMPLE      32 /* sessions looked at with hashes */
#define SAMPLE_DEEP 8  /* and with points of the group */

static struct candidate candidate[CANDIDATES_MAX];

static struct session *sessions_read(int n, char **path, size_t *ret_n, struct table *table)
{
    struct stream_bytes *bytes = NULL;
    size_t count = 0, seen = 0;
    for (int i = 0; i < n; i++)
        count = capture_read(path[i], &bytes, count);
    struct session *session = calloc(count + 1, sizeof *session);
    for (size_t i = 0; i < count; i++) {
        session_read(&session[seen], &bytes[2 * i]);
        table_add(table, bytes[2 * i].p, bytes[2 * i].n);
        table_add(table, bytes[2 * i + 1].p, bytes[2 * i + 1].n);
        seen += session[seen].whole;
    }
    free(bytes); /* what it points to stays */
    printf("# %zu sessions, %zu of them as far as the confirmation\n", count, seen);
    *ret_n = seen;
    return session;
}

int main(int argc, char **argv)
{
    struct table table = {0};
    size_t sessions, found = 0, tried = 0;
    if (argc < 3)
        return 64;
    size_t n = candidates_read(argv[1], candidate);
    struct session *session = sessions_read(argc - 2, argv + 2, &sessions, &table);
    table_close(&table);
    for (size_t i = 0; i < n; i++) {
        const char *how = guess_alone(&candidate[i], &table, &tried);
        size_t step = sessions / SAMPLE + 1, deep = sessions / SAMPLE_DEEP + 1;
        for (size_t k = 0; k < sessions && how == NULL; k += step | 1)
            how = guess_hashes(&candidate[i], &session[k], &table, &tried);
        for (size_t k = 0; k < sessions && how == NULL; k += deep | 1)
            how = guess_exchange(&candidate[i], &session[k], &tried);
        if (how != NULL) {
            printf("found: %s (%s)\n", candidate[i].password, how);
            found++;
        }
    }
    printf("# %zu candidates, %zu questions\n", n, tried);
    if (found == 0)
        printf("found: none\n");
    table_free(&table);
    free(session);
    return 0;
}
