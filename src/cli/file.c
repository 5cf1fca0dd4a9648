/* file: what ils reads for ilsd and writes for people. Certificates and keys are read here, with
 * the rights of whoever types, and sent as content; they are wiped when they have left. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/words.h"

#define PASSWORD_FILE_MAX 4096

void file_forget(char *content, size_t n)
{
    if (content != NULL)
        explicit_bzero(content, n);
    free(content);
}

/* A larger block with the same bytes; the old one is wiped. NULL: no memory. */
static char *larger(char *old, size_t n, size_t size)
{
    char *p = malloc(size);
    if (p != NULL)
        memcpy(p, old, n);
    file_forget(old, n);
    return p;
}

bool file_read(const struct cli *cli, const char *path, size_t max, const char *next, char **ret,
               size_t *ret_n)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "rb");
    size_t size = 1 << 16, n = 0, got;
    char *p = in != NULL ? malloc(size) : NULL;
    char text[200];
    while (p != NULL && n <= max && (got = fread(p + n, 1, size - n - 1, in)) > 0) {
        n += got;
        if (n + 1 == size)
            p = larger(p, n, size *= 2);
    }
    int error = errno;
    bool good = p != NULL && ferror(in) == 0 && n <= max;
    if (!good && p != NULL && n > max) {
        snprintf(text, sizeof text, _("the file is larger than %zu bytes"), max);
        cli_error(cli, EXIT_REFUSED, text, path, next);
    } else if (!good) {
        cli_error(cli, EXIT_REFUSED, strerror(error), path, next);
    }
    if (!good)
        file_forget(p, n);
    else
        p[n] = '\0';
    if (in != NULL && !standard)
        fclose(in);
    *ret = good ? p : NULL;
    *ret_n = n;
    return good;
}

bool file_password(const struct cli *cli, json_t *args, const char *path, const char *next)
{
    char *content;
    size_t n;
    if (path == NULL)
        return true;
    if (!file_read(cli, path, PASSWORD_FILE_MAX, next, &content, &n))
        return false;
    json_t *password = json_stringn(content, strcspn(content, "\r\n"));
    if (password != NULL)
        json_object_set_new(args, "password", password);
    else
        cli_error(cli, EXIT_REFUSED, _("the password is not UTF-8"), path, next);
    file_forget(content, n);
    return password != NULL;
}

int file_write(const struct cli *cli, const char *path, const char *text, const char *next)
{
    if (strcmp(path, "-") == 0)
        return fputs(text, stdout) == EOF ? EXIT_REFUSED : EXIT_DONE;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool good = out != NULL && fputs(text, out) != EOF;
    int error = errno;
    if (out != NULL && fclose(out) != 0 && good) {
        good = false;
        error = errno;
    }
    return good ? EXIT_DONE : cli_error(cli, EXIT_REFUSED, strerror(error), path, next);
}
