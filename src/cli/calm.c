/* calm: texts of others before they reach a terminal. A control character may begin a command to
 * it, in either of the two forms that there are (C0, and C1 in UTF-8), and a mark that turns the
 * direction of writing would turn the rest of the line: each is shown as "?". */
#include "cli/cli.h"

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of such a character at the beginning of the text; lines and columns are wanted. */
static size_t odd(const char *text)
{
    if (text[0] == '\n' || text[0] == '\t')
        return 0;
    return slice_steers(slice_make(text, strnlen(text, 3)));
}

void calm_text(char *text)
{
    char *to = text;
    while (*text != '\0') {
        size_t n = odd(text);
        *to++ = n > 0 ? '?' : *text;
        text += n > 0 ? n : 1;
    }
    *to = '\0';
}

void calm_put(const char *text, size_t n, FILE *to)
{
    char *copy = strndup(text, n);
    if (copy == NULL)
        return;
    calm_text(copy);
    fputs(copy, to);
    free(copy);
}

void calm_json(json_t *json)
{
    const char *key;
    size_t i;
    json_t *one;
    if (json_is_string(json)) {
        const char *text = json_string_value(json);
        size_t n = 0;
        while (text[n] != '\0' && odd(text + n) == 0)
            n++;
        char *copy = text[n] != '\0' ? strdup(text) : NULL;
        if (copy != NULL) {
            calm_text(copy);
            json_string_set(json, copy);
        }
        free(copy);
    }
    json_array_foreach(json, i, one)
        calm_json(one);
    json_object_foreach(json, key, one)
        calm_json(one);
}

/* jansson escapes C0 alone. */
void calm_print(const json_t *json, size_t flags, FILE *to)
{
    char *text = json_dumps(json, flags);
    for (const char *p = text; p != NULL && *p != '\0';) {
        const unsigned char *u = (const unsigned char *)p;
        size_t n = odd(p);
        if (n == 0)
            putc(*p, to);
        else
            fprintf(to, "\\u%04x", n == 1   ? u[0]
                                   : n == 2 ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
                                            : 0x2000u | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu));
        p += n > 0 ? n : 1;
    }
    free(text);
}
