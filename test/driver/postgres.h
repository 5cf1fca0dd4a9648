/* postgres: a PostgreSQL of a test's own, where it is installed: in a directory of its own, by a
 * socket there, ended with the program. */
#ifndef OPENILS_TEST_POSTGRES_H
#define OPENILS_TEST_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* False: it is not installed, or this build has no such store. The first call starts it. */
bool postgres_there(void);
const char *postgres_folder(void); /* of the socket, whose port is 5432 */

/* Where one test is among the tables of the others: the words of a DSN for schema t<number>. */
void postgres_schema(unsigned number);
const char *postgres_dsn(char dst[static 256], unsigned number);

/* Statements in that schema; the first column of the last one's first row, or 0. What fails, fails
 * the test. */
int64_t postgres_sql(unsigned number, const char *sql);

/* Statements whose transaction stays open until it is let go, which rolls it back. */
void *postgres_hold(unsigned number, const char *sql);
void postgres_let_go(void *held);

/* Opens it and takes the lease, as `holder`; the key file lies in dir. */
struct store *postgres_open(unsigned number, const char *dir, const char *holder);

/* Stops the server as if its power went, and starts it again. */
void postgres_stop(void);
void postgres_again(void);

#endif
