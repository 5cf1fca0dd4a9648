/* page_hash: Argon2id on a thread of libuv, one after the other. A password is wiped as soon as it
 * is stretched; whoever waits behind eight others is sent away. A new one is looked for in the
 * operator's list first, or in that of the host where it has one; it is read through each time: it
 * may be long, and is seldom asked. */
#include <sodium.h>

#include "daemon/page_inside.h"
#include "daemon/runtime_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPS 3
#define MEM 67108864

/* Of Debian's cracklib-runtime: words of a dictionary, 4 836 of them long enough for a password. */
#define LIST_OF_HOST "/usr/share/dict/cracklib-small"

struct page_job {
    struct list node;
    uv_work_t work;
    struct page *page;
    enum page_work kind;
    char password[PAGE_PASSWORD_MAX], hash[PAGE_HASH_MAX], text[PAGE_HASH_MAX];
    size_t password_n;
    const char *list; /* file of passwords that are not taken; NULL: that of the host, if any */
    enum page_outcome outcome;
    page_hashed done;
    void *context;
};

static bool stretch(const struct page_job *job, char hex[static 65])
{
    static const char label[] = "openils/password";
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES], out[32];
    bool good = crypto_generichash(salt, sizeof salt, (const uint8_t *)label, strlen(label), NULL,
                                   0) == 0 &&
                crypto_pwhash(out, sizeof out, job->password, job->password_n, salt, OPS, MEM,
                              crypto_pwhash_ALG_ARGON2ID13) == 0;
    if (good)
        hex_text(hex, out, sizeof out);
    crypto_wipe(out, sizeof out);
    return good;
}

/* Whatever the case, and whatever ends its lines. */
static enum page_outcome look_up(const struct page_job *job)
{
    enum page_outcome outcome = PAGE_YES;
    struct slice password = slice_make(job->password, job->password_n);
    FILE *file = fopen(job->list != NULL ? job->list : LIST_OF_HOST, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    if (file == NULL)
        return job->list != NULL ? PAGE_UNREAD : PAGE_YES;
    while (outcome == PAGE_YES && (n = getline(&line, &size, file)) > 0) {
        struct slice one = slice_make(line, (size_t)n);
        while (one.n > 0 && (one.p[one.n - 1] == '\n' || one.p[one.n - 1] == '\r'))
            one.n--;
        if (slice_eq_fold(one, password))
            outcome = PAGE_LISTED;
    }
    if (outcome == PAGE_YES && ferror(file))
        outcome = PAGE_UNREAD;
    free(line);
    fclose(file);
    return outcome;
}

static bool anew(struct page_job *job)
{
    return crypto_pwhash_str_alg(job->text, job->password, job->password_n, OPS, MEM,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static void on_work(uv_work_t *work)
{
    struct page_job *job = work->data;
    bool good = false;
    switch (job->kind) {
    case PAGE_VERIFY:
        /* A name that is not known takes as long. */
        if (job->hash[0] == '\0')
            (void)stretch(job, job->text);
        else
            good = crypto_pwhash_str_verify(job->hash, job->password, job->password_n) == 0;
        if (good && crypto_pwhash_str_needs_rehash(job->hash, OPS, MEM) != 0 && !anew(job))
            job->text[0] = '\0';
        break;
    case PAGE_HASH:
        job->outcome = look_up(job);
        good = job->outcome == PAGE_YES && anew(job);
        break;
    case PAGE_STRETCH: good = stretch(job, job->text); break;
    }
    if (good || job->outcome == PAGE_YES)
        job->outcome = good ? PAGE_YES : PAGE_NO;
    crypto_wipe(job->password, sizeof job->password);
}

static void begin(struct page *p);

static void on_worked(uv_work_t *work, int status)
{
    struct page_job *job = work->data;
    struct page *p = job->page;
    (void)status;
    list_remove(&job->node);
    p->job_n--;
    p->job_runs = false;
    job->done(job->context, job->outcome, job->text);
    crypto_wipe(job, sizeof *job);
    free(job);
    begin(p);
}

static void begin(struct page *p)
{
    if (p->job_runs || list_empty(&p->jobs))
        return;
    p->job_runs = true;
    struct page_job *job = list_entry(p->jobs.next, struct page_job, node);
    uv_queue_work(runtime_loop(p->rt), &job->work, on_work, on_worked);
}

bool page_hash(struct page *p, enum page_work work, struct slice password, const char *hash,
               page_hashed done, void *context)
{
    struct page_job *job = NULL;
    if (p->job_n < PAGE_JOBS_MAX && password.n < PAGE_PASSWORD_MAX && sodium_init() >= 0)
        job = calloc(1, sizeof *job);
    if (job == NULL)
        return false;
    job->page = p;
    job->kind = work;
    job->list = p->rt->options.page_passwords;
    job->done = done;
    job->context = context;
    job->work.data = job;
    if (password.n > 0) /* a body without one gives NULL */
        memcpy(job->password, password.p, password.n);
    job->password_n = password.n;
    snprintf(job->hash, sizeof job->hash, "%s", hash != NULL ? hash : "");
    list_add(&p->jobs, &job->node);
    p->job_n++;
    begin(p);
    return true;
}
