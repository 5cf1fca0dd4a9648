/* postgres_none: what stands for postgres.c in a build without libpq: there is none, and what needs
 * it is skipped. */
#include "postgres.h"

#include "test.h"

bool postgres_there(void)
{
    return false;
}

int64_t postgres_sql(unsigned number, const char *sql)
{
    fail_msg("no libpq: %s", sql);
    return 0;
}

void postgres_schema(unsigned number) {}

struct store *postgres_open(unsigned number, const char *dir, const char *holder)
{
    fail_msg("no libpq");
    return NULL;
}
