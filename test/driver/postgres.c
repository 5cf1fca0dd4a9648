/* postgres: initdb and postgres refuse root, so they run as nobody where the test is root. */
#include "postgres.h"

#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "driver/store.h"
#include "temp.h"

static struct temp temp;
static char bin[200];
static pid_t server;
static bool looked, there;

static void run(const char *program, const char *const argv[])
{
    char path[256], log[160];
    if (geteuid() == 0) {
        const struct passwd *nobody = getpwnam("nobody");
        if (nobody == NULL || setgroups(0, NULL) != 0 || setgid(nobody->pw_gid) != 0 ||
            setuid(nobody->pw_uid) != 0)
            _exit(99);
    }
    if (freopen(temp_file(&temp, "log", log), "a", stdout) == NULL || dup2(1, 2) < 0 ||
        chdir(temp.path) != 0)
        _exit(99);
    snprintf(path, sizeof path, "%s/%s", bin, program);
    execv(path, (char *const *)(uintptr_t)argv);
    _exit(98);
}

static bool find(void)
{
    glob_t found;
    bool good = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;
    if (good) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];
        snprintf(bin, sizeof bin, "%.*s", (int)(strlen(last) - strlen("/initdb")), last);
    }
    globfree(&found);
    return good;
}

static bool wait_ready(void)
{
    char dsn[200];
    snprintf(dsn, sizeof dsn, "host=%s user=postgres dbname=postgres", temp.path);
    for (int i = 0; i < 600; i++) {
        if (PQping(dsn) == PQPING_OK)
            return true;
        if (waitpid(server, NULL, WNOHANG) == server)
            return false;
        usleep(50000);
    }
    return false;
}

void postgres_again(void)
{
    char data[160];
    const char *argv[] = {"postgres", "-D", temp_file(&temp, "data", data), "-k",
                    temp.path, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                    "max_connections=20", "-c", "shared_buffers=16MB", NULL};
    server = fork();
    if (server == 0)
        run("postgres", argv);
    if (!wait_ready())
        fail_msg("the server in %s does not start: see the file log there", temp.path);
}

void postgres_stop(void)
{
    if (server > 0) {
        kill(server, SIGQUIT);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

static void end(void)
{
    postgres_stop();
    temp_done(&temp);
}

static void start(void)
{
    char data[160];
    const char *argv[] = {"initdb", "-D", temp_file(&temp, "data", data), "-U",
                    "postgres", "--no-sync", "--auth=trust", "-E", "UTF8", "--locale=C", NULL};
    int status = 0;
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() == 0 && (nobody == NULL || chown(temp.path, nobody->pw_uid, nobody->pw_gid) != 0))
        fail_msg("there is no user nobody");
    pid_t pid = fork();
    if (pid == 0)
        run("initdb", argv);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("initdb failed: see the file log in %s", temp.path);
    postgres_again();
    atexit(end);
}

bool postgres_there(void)
{
    if (looked)
        return there;
    looked = true;
    if (!find())
        return false;
    temp_make(&temp);
    start();
    return there = true;
}

const char *postgres_folder(void)
{
    return temp.path;
}

const char *postgres_dsn(char dst[static 256], unsigned number)
{
    snprintf(dst, 256, "postgresql://postgres@/postgres?host=%s&options=-csearch_path%%3Dt%u",
             temp.path, number);
    return dst;
}

int64_t postgres_sql(unsigned number, const char *sql)
{
    char dsn[256];
    PGconn *c = PQconnectdb(postgres_dsn(dsn, number));
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    int64_t value = status == PGRES_TUPLES_OK && PQntuples(r) > 0
                        ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    PQclear(r);
    PQfinish(c);
    return value;
}

void *postgres_hold(unsigned number, const char *sql)
{
    char dsn[256];
    PGconn *c = PQconnectdb(postgres_dsn(dsn, number));
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
    return c;
}

void postgres_let_go(void *held)
{
    PQfinish(held);
}

void postgres_schema(unsigned number)
{
    char sql[64];
    snprintf(sql, sizeof sql, "CREATE SCHEMA t%u", number);
    postgres_sql(number, sql);
}

struct store *postgres_open(unsigned number, const char *dir, const char *holder)
{
    char dsn[256], key[200], error[STORE_ERROR] = "";
    struct store_lease lease;
    snprintf(key, sizeof key, "%s/" STORE_KEY_FILE, dir);
    struct store *s = store_open_dsn(postgres_dsn(dsn, number), key, error, sizeof error);
    if (s == NULL)
        fail_msg("%s", error);
    if (store_lease(s, holder, 10000, &lease) != 0 || !lease.mine)
        fail_msg("no lease: %s", store_error(s));
    return s;
}
