/* tls_pipe: a BIO over the caller's bytes and a buffer (tls_pipe.h). */
#include "driver/tls_pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (128 * 1024) /* bytes of a buffer that is kept for the next message */

static int pipe_read(BIO *bio, char *to, int n)
{
    struct tls_pipe *p = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (p->in.n == 0 || n <= 0) {
        BIO_set_retry_read(bio); /* more may come: the end of a connection is not told here */
        return -1;
    }
    size_t k = p->in.n < (size_t)n ? p->in.n : (size_t)n;
    memcpy(to, p->in.p, k);
    p->in = slice_make(p->in.p + k, p->in.n - k);
    return (int)k;
}

static int pipe_write(BIO *bio, const char *from, int n)
{
    struct tls_pipe *p = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n <= 0)
        return 0;
    size_t need = p->out_n + (size_t)n;
    if (need > p->out_size) {
        size_t size = need + need / 2;
        uint8_t *grown = realloc(p->out, size);
        if (grown == NULL)
            return -1;
        p->out = grown;
        p->out_size = size;
    }
    memcpy(p->out + p->out_n, from, (size_t)n);
    p->out_n = need;
    return n;
}

static long pipe_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

static BIO_METHOD *method;

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls_pipe");
    if (m != NULL && BIO_meth_set_read(m, pipe_read) == 1 &&
        BIO_meth_set_write(m, pipe_write) == 1 && BIO_meth_set_ctrl(m, pipe_ctrl) == 1)
        method = m;
    else
        BIO_meth_free(m);
}

BIO *tls_pipe_bio(struct tls_pipe *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio != NULL) {
        BIO_set_data(bio, p);
        BIO_set_init(bio, 1);
    }
    return bio;
}

void tls_pipe_reset(struct tls_pipe *p)
{
    p->out_n = 0;
    if (p->out_size > KEPT_MAX)
        tls_pipe_done(p);
}

void tls_pipe_done(struct tls_pipe *p)
{
    free(p->out);
    p->out = NULL;
    p->out_n = p->out_size = 0;
}
