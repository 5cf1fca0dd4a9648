/* The trace files: their names, their opening, the form of a line, rotation, and a disk that fails.
 */
#include "driver/log.h"
#include "driver/sdnotify.h"
#include "temp.h"

#include <dirent.h>
#include <fnmatch.h>
#include <regex.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WALL INT64_C(1795344492345000) /* 345 ms past a second */

static struct log *open_log(const struct temp *t)
{
    char error[512] = "";
    struct log *l = log_open(t->path, error, sizeof error);
    assert_non_null(l);
    return l;
}

static unsigned count(const struct temp *t, const char *directory, const char *pattern)
{
    char path[160];
    unsigned n = 0;
    DIR *d = opendir(temp_file(t, directory, path));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += fnmatch(pattern, e->d_name, 0) == 0;
    closedir(d);
    return n;
}

static void read_file(const struct temp *t, const char *name, char *dst, size_t size)
{
    char path[160];
    FILE *f = fopen(temp_file(t, name, path), "r");
    assert_non_null(f);
    size_t n = fread(dst, 1, size - 1, f);
    dst[n] = '\0';
    fclose(f);
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t r;
    assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    if (regexec(&r, text, 0, NULL, 0) != 0)
        fail_msg("'%s' does not match '%s'", text, pattern);
    regfree(&r);
}

static void test_form(void **state)
{
    struct temp t;
    char line[LOG_LINE_MAX], text[4096];
    temp_make(&t);
    struct log *l = open_log(&t);
    log_step(l);
    log_write(l, WALL, "IlsD one", "{\"n\":1}", line);
    log_write(l, WALL, "IlsD two", "{\"n\":2}", line);
    log_step(l);
    log_write(l, WALL, "IlsD three", NULL, line);
    assert_matches(line, "^00000002\\.001 \\|[0-9]{2}:[0-9]{2}:[0-9]{2}\\.345 \\|AppInfo \\|"
                         "IlsD three$");
    log_close(l);
    read_file(&t, "trace/ils/sdl/SDL001_100_000001.txt", text, sizeof text);
    assert_matches(text, "^2026-11-22 [0-9]{2}:[0-9]{2}:[0-9]{2} UTC[+-][0-9]{4} \\(.+\\) ");
    assert_matches(text, "^00000001\\.001 \\|..:..:..\\.345 \\|AppInfo \\|IlsD one$");
    assert_matches(text, "^00000001\\.002 \\|..:..:..\\.345 \\|AppInfo \\|IlsD two$");
    read_file(&t, "trace/ils/json/ILS000001.jsonl", text, sizeof text);
    assert_string_equal(text, "{\"n\":1}\n{\"n\":2}\n");
    temp_done(&t);
}

static void test_rotation(void **state)
{
    struct temp t;
    char line[LOG_LINE_MAX], text[4096];
    temp_make(&t);
    struct log *l = open_log(&t);
    log_limits(l, 200, 3);
    for (int i = 0; i < 50; i++)
        log_write(l, WALL, "a line of some forty characters, about", "{}", line);
    assert_int_equal(count(&t, "trace/ils/sdl", "SDL*.txt"), 3);
    assert_int_equal(log_lost(l), 0);
    log_close(l);
    l = open_log(&t); /* goes on behind what is there, and counts what is there */
    log_limits(l, 200, 3);
    log_write(l, WALL, "after the restart", NULL, line);
    assert_int_equal(count(&t, "trace/ils/sdl", "SDL*.txt"), 3);
    log_reopen(l);
    log_write(l, WALL, "after the reopening", NULL, line);
    log_close(l);
    char name[64];
    unsigned found = 0;
    for (unsigned i = 1; i < 60 && found == 0; i++) {
        char path[160];
        snprintf(name, sizeof name, "trace/ils/sdl/SDL001_100_%06u.txt", i);
        if (access(temp_file(&t, name, path), R_OK) != 0)
            continue;
        read_file(&t, name, text, sizeof text);
        assert_matches(text, "^2026-11-22 ");
        found = strstr(text, "after the reopening") != NULL;
    }
    assert_true(found);
    temp_done(&t);
}

static void test_failing_disk(void **state)
{
    struct temp t;
    char line[LOG_LINE_MAX], error[512], path[160];
    temp_make(&t);
    struct log *l = open_log(&t);
    struct temp gone = t;
    temp_done(&gone);
    log_write(l, WALL, "nowhere to go", "{}", line);
    assert_int_equal(log_lost(l), 2);
    assert_non_null(strstr(line, "nowhere to go"));
    log_close(l);
    temp_make(&t);
    FILE *f = fopen(temp_file(&t, "trace", path), "w");
    fclose(f);
    assert_null(log_open(t.path, error, sizeof error));
    assert_non_null(strstr(error, t.path));
    temp_done(&t);
}

static void test_long_text_is_cut(void **state)
{
    struct temp t;
    char line[LOG_LINE_MAX], text[3 * LOG_LINE_MAX];
    temp_make(&t);
    struct log *l = open_log(&t);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    log_write(l, WALL, text, NULL, line);
    assert_int_equal(strlen(line), LOG_LINE_MAX - 1);
    log_close(l);
    temp_done(&t);
}

static void test_notify(void **state)
{
    struct temp t;
    char path[160], got[64] = "", text[32];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    temp_make(&t);
    unsetenv("NOTIFY_SOCKET");
    assert_false(sdnotify("READY=1"));
    snprintf(a.sun_path, sizeof a.sun_path, "%.100s", temp_file(&t, "notify", path));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    assert_true(sdnotify("READY=1"));
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), 7);
    assert_string_equal(got, "READY=1");
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "3000000", 1);
    assert_int_equal(sdnotify_watchdog(), 3000000);
    snprintf(text, sizeof text, "%ld", (long)getpid() + 1);
    setenv("WATCHDOG_PID", text, 1);
    assert_int_equal(sdnotify_watchdog(), 0);
    close(fd);
    temp_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),         cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_failing_disk), cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_notify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
