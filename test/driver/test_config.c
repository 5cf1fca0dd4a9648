/* What ilsd makes of its command line, its file and its environment, and what it says to mistakes.
 */
#include "daemon/config.h"
#include "temp.h"

#include <fcntl.h>

static struct config config;
static char said[4096];

/* config_read with standard error and standard output kept aside in `said`. */
static enum config_outcome read_config(int argc, const char *const *argv)
{
    char name[] = "/tmp/openils-test-XXXXXX";
    int fd = mkstemp(name), err = dup(2), out = dup(1);
    char *copy[32] = {0};
    assert_true(fd >= 0);
    assert_true((size_t)argc < sizeof copy / sizeof *copy);
    for (int i = 0; i < argc; i++)
        copy[i] = strdup(argv[i]);
    fflush(stdout);
    dup2(fd, 2);
    dup2(fd, 1);
    enum config_outcome outcome = config_read(&config, argc, copy);
    fflush(stdout);
    dup2(err, 2);
    dup2(out, 1);
    ssize_t n = pread(fd, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < argc; i++)
        free(copy[i]);
    close(err);
    close(out);
    close(fd);
    unlink(name);
    return outcome;
}

#define READ(...)                                                                                  \
    read_config((int)(sizeof((const char *const[]){"ilsd", __VA_ARGS__}) / sizeof(char *)),        \
                (const char *const[]){"ilsd", __VA_ARGS__})

static void assert_said(const char *what)
{
    if (strstr(said, what) == NULL)
        fail_msg("'%s' does not say '%s'", said, what);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_defaults_and_options(void **state)
{
    unsetenv("ILS_DATA");
    assert_int_equal(READ("--data", "/d"), CONFIG_GO);
    assert_string_equal(config.options.data, "/d");
    assert_string_equal(config.options.address, "::");
    assert_int_equal(config.options.tls_port, 7501);
    assert_int_equal(config.options.password_port, 7502);
    assert_null(config.options.advertise);
    assert_string_equal(config.options.sip_address, "127.0.0.1");
    assert_int_equal(config.options.sip_port, 5070);
    assert_string_equal(config.options.sips_address, "127.0.0.1");
    assert_int_equal(config.options.sips_port, 0);
    assert_null(config.options.sips_certificate);
    assert_null(config.options.store);
    assert_null(config.options.store_key);
    assert_string_equal(config.options.dns_address, "127.0.0.1");
    assert_int_equal(config.options.dns_port, 5300);
    assert_int_equal(READ("--data", "/d", "--address", "10.0.0.1", "--tls-port", "0",
                          "--password-port=8502", "--advertise", "[::1]:9502", "--sip-address",
                          "0.0.0.0", "--sip-port", "65535", "--dns-port", "53",
                          "--dns-address", "::1", "--workers", "4", "--store",
                          "postgresql://ann@db1,db2/ils", "--store-key", "/k"),
                     CONFIG_GO);
    assert_string_equal(config.options.store, "postgresql://ann@db1,db2/ils");
    assert_string_equal(config.options.store_key, "/k");
    assert_string_equal(config.options.address, "10.0.0.1");
    assert_int_equal(config.options.tls_port, 0);
    assert_int_equal(config.options.password_port, 8502);
    assert_string_equal(config.options.advertise, "[::1]:9502");
    assert_int_equal(config.options.sip_port, 65535);
    assert_string_equal(config.options.dns_address, "::1");
    assert_int_equal(config.options.dns_port, 53);
    assert_int_equal(config.options.workers, 4);
    assert_int_equal(READ("--data", "/d", "--sips-address", "::1", "--sips-port", "5071",
                          "--sips-certificate", "/c", "--sips-key", "/k", "--sips-clients", "/a",
                          "--page-passwords", "/p"),
                     CONFIG_GO);
    assert_string_equal(config.options.sips_address, "::1");
    assert_int_equal(config.options.sips_port, 5071);
    assert_string_equal(config.options.sips_certificate, "/c");
    assert_string_equal(config.options.sips_key, "/k");
    assert_string_equal(config.options.sips_clients, "/a");
    assert_string_equal(config.options.page_passwords, "/p");
}

static void test_file(void **state)
{
    struct temp t;
    char path[160];
    temp_make(&t);
    temp_file(&t, "ilsd.conf", path);
    unsetenv("ILS_DATA");
    write_file(path, "; a comment\ndata = /from/file\npassword-port = 9000\n\nsip-port=0\n");
    assert_int_equal(READ("--config", path), CONFIG_GO);
    assert_string_equal(config.options.data, "/from/file");
    assert_int_equal(config.options.password_port, 9000);
    assert_int_equal(config.options.sip_port, 0);
    assert_int_equal(READ("--config", path, "--data", "/d", "--password-port", "9001"), CONFIG_GO);
    assert_string_equal(config.options.data, "/d");
    assert_int_equal(config.options.password_port, 9001);
    setenv("ILS_DATA", "/from/environment", 1);
    assert_int_equal(READ("--config", path), CONFIG_GO);
    assert_string_equal(config.options.data, "/from/environment");
    assert_int_equal(READ("--data", "/d"), CONFIG_GO);
    assert_string_equal(config.options.data, "/d");
    unsetenv("ILS_DATA");
    temp_done(&t);
}

/* A file of this text is refused, and what is said names the file and this. */
static void refused(const char *path, const char *text, const char *what)
{
    write_file(path, text);
    assert_int_equal(READ("--config", path), CONFIG_BAD);
    assert_said(path);
    assert_said(what);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
}

static void test_mistakes_in_the_file(void **state)
{
    struct temp t;
    char path[160], line[400] = "advertise = ";
    temp_make(&t);
    temp_file(&t, "ilsd.conf", path);
    refused(path, "data = /d\n\nsip-prot = 5\n", "line 3: unknown setting 'sip-prot'");
    refused(path, "[door]\nsip-port = 5\n", "line 2: unknown setting 'door.sip-port'");
    refused(path, "data = /d\nsip-port = 70000\n", "line 2: sip-port wants a port");
    refused(path, "address = here\n", "line 1: address wants a numeric address");
    refused(path, "data = /d\nnonsense\n", "line 2");
    memset(line + strlen(line), 'a', 300);
    refused(path, line, "line 1");
    assert_int_equal(READ("--config", "/nowhere/ilsd.conf"), CONFIG_BAD);
    assert_said("/nowhere/ilsd.conf");
    temp_done(&t);
}

static void test_mistakes_on_the_command_line(void **state)
{
    unsetenv("ILS_DATA");
    assert_int_equal(READ("--data", "/d", "--sip-port", "x"), CONFIG_BAD);
    assert_said("--sip-port wants a port, 0 to 65535, not 'x'");
    assert_int_equal(READ("--data", ""), CONFIG_BAD);
    assert_said("--data wants a directory");
    assert_int_equal(READ("--data", "/d", "--advertise", "a b"), CONFIG_BAD);
    assert_said("--advertise wants");
    assert_int_equal(READ("--data", "/d", "--nonsense"), CONFIG_BAD);
    assert_said("nonsense");
    assert_int_equal(READ("--data", "/d", "start"), CONFIG_BAD);
    assert_said("'start' is no option");
    assert_int_equal(READ("--version"), CONFIG_DONE);
    assert_said("ilsd ");
    assert_int_equal(READ("--help"), CONFIG_DONE);
    assert_said("--password-port");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_options),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_mistakes_in_the_file),
        cmocka_unit_test(test_mistakes_on_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
