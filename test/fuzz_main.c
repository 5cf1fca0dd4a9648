/* fuzz_main: runs a libFuzzer target without libFuzzer, so that every build runs every target for a
 * moment: each corpus file given, then N seeded mutations of them (or of random bytes).
 *   fuzz_x [-n N] [-s SEED] [FILE or DIR...]   prints TAP */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  4096
#define CORPUS_MAX 4096

static uint64_t state;
static struct {
    uint8_t *p;
    size_t n;
} corpus[CORPUS_MAX];
static size_t corpus_n;

static uint64_t next(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void load(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode)) {
        DIR *dir = opendir(path);
        struct dirent *entry;
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            char child[4096];
            snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
            if (entry->d_name[0] != '.')
                load(child);
        }
        if (dir != NULL)
            closedir(dir);
        return;
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL || corpus_n == CORPUS_MAX) {
        if (f != NULL)
            fclose(f);
        return;
    }
    corpus[corpus_n].p = malloc((size_t)st.st_size + 1);
    corpus[corpus_n].n = fread(corpus[corpus_n].p, 1, (size_t)st.st_size, f);
    fclose(f);
    LLVMFuzzerTestOneInput(corpus[corpus_n].p, corpus[corpus_n].n);
    corpus_n++;
}

static void run_one(void)
{
    static uint8_t input[INPUT_MAX];
    size_t n = 0;
    if (corpus_n != 0 && next() % 8 != 0) {
        size_t i = next() % corpus_n;
        n = corpus[i].n < INPUT_MAX ? corpus[i].n : INPUT_MAX;
        memcpy(input, corpus[i].p, n);
        for (uint64_t k = next() % 6; k > 0 && n > 0; k--) {
            size_t at = next() % n;
            if (next() % 4 == 0 && n > 1) {
                size_t cut = 1 + next() % (n - at);
                memmove(input + at, input + at + cut, n - at - cut);
                n -= cut;
            } else {
                input[at] = (uint8_t)(next() % 3 == 0 ? next() : input[at] ^ (1u << next() % 8));
            }
        }
    } else {
        n = next() % 256;
        for (size_t i = 0; i < n; i++)
            input[i] = (uint8_t)next();
    }
    uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees a read beyond the end */
    memcpy(exact, input, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

int main(int argc, char **argv)
{
    unsigned long runs = 20000;
    state = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            runs = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            state = strtoull(argv[++i], NULL, 10);
        else
            load(argv[i]);
    }
    printf("1..1\n");
    for (unsigned long i = 0; i < runs; i++)
        run_one();
    for (size_t i = 0; i < corpus_n; i++)
        free(corpus[i].p);
    printf("ok 1 - %lu runs over %zu corpus files\n", runs, corpus_n);
    return 0;
}
