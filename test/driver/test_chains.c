/* Our verdict on a chain beside that of `openssl verify`, for each row of chains.c, as server, as
 * client and as both: the same, or as the row explains. */
#include "temp.h"
#include "test_chains.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/wait.h>

#define DEPTH "8"

/* One row, made. */
struct made {
    const struct chain *row;
    struct entity e[LINKS_MAX];
    struct entity stranger; /* signs forged CRLs */
    X509_CRL *crl[LINKS_MAX];
    size_t n, crl_n;
};

static void make(struct made *m, const struct chain *row)
{
    *m = (struct made){.row = row};
    while (m->n < LINKS_MAX && row->link[m->n].spec.name != NULL)
        m->n++;
    for (size_t i = 0; i < m->n; i++) {
        const struct chain_link *l = &row->link[i];
        const struct entity *by = l->by > 0             ? &m->e[l->by - 1]
                                  : i > 0 && l->by == 0 ? &m->e[i - 1]
                                                        : NULL;
        m->e[i] = entity_make(&l->spec, by, l->key_of != 0 ? m->e[l->key_of - 1].key : NULL);
    }
    for (size_t i = 0; i + 1 < m->n && row->crls != CRLS_NONE; i++) {
        bool lists = row->revoked == (int)i + 2;
        struct entity signer = m->e[i];
        if (row->crls == CRLS_FORGED) {
            m->stranger = entity_authority("stranger", NULL);
            signer.key = m->stranger.key;
        }
        m->crl[m->crl_n++] = crl_make(&signer, lists ? m->e[i + 1].x : NULL, -8 * DAY_S,
                                      row->crls == CRLS_OVER ? -DAY_S : DAY_S);
    }
    for (size_t i = 0; i < m->n; i++)
        if (row->link[i].damaged)
            entity_damage(&m->e[i]);
}

static void unmake(struct made *m)
{
    for (size_t i = 0; i < m->n; i++)
        entity_free(&m->e[i]);
    for (size_t i = 0; i < m->crl_n; i++)
        X509_CRL_free(m->crl[i]);
    entity_free(&m->stranger);
}

/* Our verdict. */
static int ours(const struct made *m, enum x509_use use)
{
    struct x509_store_item item[2 * LINKS_MAX];
    uint8_t chain[LINKS_MAX * CERTIFICATE_MAX];
    size_t item_n = 0, chain_n = 0;
    for (size_t k = 0; k < m->n; k++) {
        size_t i = m->row->downwards ? k : m->n - 1 - k;
        struct slice der = entity_der(&m->e[i]);
        if (m->row->link[i].stored)
            item[item_n++] = (struct x509_store_item){false, entity_der(&m->e[i])};
        if (m->row->link[i].shown) {
            memcpy(chain + chain_n, der.p, der.n);
            chain_n += der.n;
        }
        free((void *)(uintptr_t)der.p);
    }
    for (size_t i = 0; i < m->crl_n; i++)
        item[item_n++] = (struct x509_store_item){true, crl_der(m->crl[i])};
    struct x509_store *store = x509_store_new(item, item_n);
    struct slice leaf = entity_der(&m->e[m->n - 1]);
    struct x509_report report;
    assert_non_null(store);
    assert_int_equal(
        x509_verify(store, leaf, slice_make(chain, chain_n), use, wall_after(0), &report), 0);
    int error = report.certificate.error;
    assert_true(error == 0 || report.certificate.error_text.n != 0);
    x509_report_free(&report);
    x509_store_free(store);
    for (size_t i = 0; i < item_n; i++)
        free((void *)(uintptr_t)item[i].der.p);
    free((void *)(uintptr_t)leaf.p);
    return error;
}

static FILE *open_file(const struct temp *t, const char *name, char path[static 160])
{
    FILE *f = fopen(temp_file(t, name, path), "w");
    assert_non_null(f);
    return f;
}

/* The files that `openssl verify` reads; false where there is nothing to put into one. */
struct files {
    char stored[160], shown[160], leaf[160], crl[160];
    bool has_stored, has_shown;
};

static void write_files(const struct made *m, const struct temp *t, struct files *ret)
{
    FILE *stored = open_file(t, "stored.pem", ret->stored),
         *leaf = open_file(t, "l.pem", ret->leaf);
    FILE *shown = open_file(t, "shown.pem", ret->shown), *crl = open_file(t, "crl.pem", ret->crl);
    ret->has_stored = ret->has_shown = false;
    for (size_t k = 0; k < m->n; k++) {
        size_t i = m->row->downwards ? k : m->n - 1 - k;
        if (m->row->link[i].stored)
            ret->has_stored = PEM_write_X509(stored, m->e[i].x) == 1;
        if (m->row->link[i].shown)
            ret->has_shown = PEM_write_X509(shown, m->e[i].x) == 1;
    }
    for (size_t i = 0; i < m->crl_n; i++)
        PEM_write_X509_CRL(crl, m->crl[i]);
    PEM_write_X509(leaf, m->e[m->n - 1].x);
    fclose(stored);
    fclose(leaf);
    fclose(shown);
    fclose(crl);
}

/* Runs it; what it prints comes into `out`. */
static void run(const char *const argv[], char *out, size_t size)
{
    int end[2], status;
    size_t n = 0;
    ssize_t got;
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(end[1], 1);
        dup2(end[1], 2);
        close(end[0]);
        close(end[1]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_true(pid > 0);
    close(end[1]);
    while (n + 1 < size && (got = read(end[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(end[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
}

/* The first error that openssl prints, 0 for "OK". */
static int theirs(const struct made *m, const struct temp *t, const char *purpose)
{
    struct files f;
    char out[4096];
    const char *argv[24] = {
        "openssl", "verify",        "-no-CApath", "-no-CAstore", "-partial_chain", "-auth_level",
        "2",       "-verify_depth", DEPTH,        "-purpose",    purpose};
    size_t n = 11;
    write_files(m, t, &f);
    argv[n++] = f.has_stored ? "-CAfile" : "-no-CAfile";
    if (f.has_stored)
        argv[n++] = f.stored;
    if (f.has_shown) {
        argv[n++] = "-untrusted";
        argv[n++] = f.shown;
    }
    if (m->crl_n != 0 || m->row->crl_check)
        argv[n++] = m->row->crl_check ? "-crl_check" : "-crl_check_all";
    if (m->crl_n != 0) {
        argv[n++] = "-CRLfile";
        argv[n++] = f.crl;
    }
    argv[n++] = f.leaf;
    run(argv, out, sizeof out);
    const char *found = strstr(out, "error ");
    int error = found != NULL ? (int)strtol(found + 6, NULL, 10) : 0;
    if (error == 0 && strstr(out, ": OK") == NULL)
        fail_msg("openssl says neither: %s", out);
    return error;
}

static int agree_n, explained_n;

static void compare(const struct chain *row, const char *use, int our, int their, int expected,
                    int their_expected)
{
    bool agree = our == their;
    agree_n += agree;
    explained_n += !agree && row->why != NULL;
    if (our != expected || their != (row->why != NULL ? their_expected : expected))
        fail_msg("%s, as %s: we say %d, openssl %d; expected was %d and %d", row->name, use, our,
                 their, expected, row->why != NULL ? their_expected : expected);
    if (!agree)
        print_message("# %s, as %s: we say %d, openssl %d: %s\n", row->name, use, our, their,
                      row->why);
}

static void test_row(void **state)
{
    const struct chain *row = *state;
    struct temp t;
    struct made m;
    temp_make(&t);
    make(&m, row);
    int server = ours(&m, X509_AS_SERVER), client = ours(&m, X509_AS_CLIENT);
    compare(row, "server", server, theirs(&m, &t, "sslserver"), row->server, row->their_server);
    compare(row, "client", client, theirs(&m, &t, "sslclient"), row->client, row->their_client);
    /* For both it is the one that is wrong; a wrong purpose stands before what OpenSSL finds later.
     */
    int both = ours(&m, X509_AS_BOTH);
    assert_int_equal(both, server == CERTIFICATE_REVOKED && client != 0 ? client
                           : server != 0                                ? server
                                                                        : client);
    unmake(&m);
    temp_done(&t);
}

static void test_count(void **state)
{
    print_message("# %zu chains, each as server and as client: %d verdicts agree with openssl "
                  "verify, %d are explained\n",
                  chains_n, agree_n, explained_n);
    assert_true(chains_n >= 40);
    assert_int_equal((size_t)(agree_n + explained_n), 2 * chains_n);
}

int main(void)
{
    static struct CMUnitTest tests[200];
    size_t n = 0;
    for (; n < chains_n; n++)
        tests[n] = (struct CMUnitTest){chains[n].name, test_row, NULL, NULL,
                                       (void *)(uintptr_t)&chains[n]};
    tests[n++] = (struct CMUnitTest){"agreement", test_count, NULL, NULL, NULL};
    return _cmocka_run_group_tests("chains", tests, n, NULL, NULL);
}
