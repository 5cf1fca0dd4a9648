/* Any sentence in any room: what is said of it ends inside its buffer, and without another language
 * it is the sentence itself, as far as it fits. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void speak(const char *locale)
{
    unsetenv("LANGUAGE");
    setenv("LC_ALL", locale, 1);
    words_start();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char english[WORDS_TEXT_MAX], *said;
    if (n < 1)
        return 0;
    size_t size = 1 + 4 * (size_t)data[0], length = n - 1 < sizeof english ? n - 1 : 0;
    memcpy(english, data + 1, length);
    english[length] = '\0';
    said = malloc(size); /* of that very size, so that a sanitizer sees what is beyond */
    if (said == NULL)
        return 0;
    speak("ja_JP.UTF-8");
    words_said(said, size, english);
    assert(strlen(said) < size);
    speak("C");
    words_said(said, size, english);
    assert(strlen(said) < size && strncmp(said, english, strlen(said)) == 0);
    free(said);
    return 0;
}
