/* crash_each: each boundary between two operations of the disk of a scripted run is taken for a
 * crash, with what was not synced kept, lost, torn or reordered, and once more in the middle of the
 * recovery from that. The run and who judges what is left are those of the program: crash.c (the
 * store alone) or crash_core.c (the whole core above it).
 *
 *   crash, crash_core [-e EVERY] [-c CHANGES] [--no-sync | --early]
 *
 * Controls, which must be found out: --no-sync, a disk that forgets syncs (as synchronous=OFF
 * does), and --early, an acknowledgement before the commit. Prints TAP and a line of figures. */
#include "crash_each.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>

#include "driver/store.h"
#include "test.h"

/* --- every boundary */

struct tally {
    uint64_t images, recoveries, wrong;
    char first[160];
};

static void note(struct tally *t, const char *wrong, size_t at, const char *fate)
{
    if (wrong == NULL)
        return;
    if (t->wrong++ == 0)
        snprintf(t->first, sizeof t->first, "at operation %zu, %s: %s", at, fate, wrong);
}

/* The power goes again while the store is opened. */
static void again(struct tally *t, const struct crash_record *record, size_t at,
                  enum crash_fate fate, const char *image, const char *second)
{
    struct crash_record recovery = {0};
    char error[STORE_ERROR], name[64];
    crash_image(record, at, fate, at, NULL, second);
    crash_record_to(&recovery);
    struct store *s = store_open(second, error, sizeof error);
    store_close(s);
    crash_record_to(NULL);
    crash_image(record, at, fate, at, NULL, image);
    for (size_t i = 0; i <= recovery.n; i += 1 + recovery.n / 6) {
        for (enum crash_fate f = 0; f < CRASH_FATES; f++) {
            crash_image(&recovery, i, f, i, image, second);
            snprintf(name, sizeof name, "%s, then %s in recovery", crash_fate_name[fate],
                     crash_fate_name[f]);
            note(t, crash_judge(second, at), at, name);
            t->recoveries++;
        }
    }
    crash_record_free(&recovery);
}

static void make_dir(char *path, const char *name, const char *top)
{
    snprintf(path, 200, "%s/%s", top, name);
    (void)!mkdir(path, 0700);
}

int main(int argc, char **argv)
{
    size_t every = 1, changes = 200;
    bool no_sync = false, early = false;
    char dir[200], image[200], second[200];
    struct temp top;
    struct crash_record record = {0};
    static struct tally t;
    for (int i = 1; i < argc; i++) {
        no_sync = no_sync || strcmp(argv[i], "--no-sync") == 0;
        early = early || strcmp(argv[i], "--early") == 0;
        if (strcmp(argv[i], "-e") == 0 && i + 1 < argc)
            every = strtoul(argv[++i], NULL, 10);
        if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
            changes = strtoul(argv[++i], NULL, 10);
    }
    assert_true(every > 0 && changes <= CHANGES_MAX);
    temp_make(&top);
    make_dir(dir, "run", top.path);
    make_dir(image, "image", top.path);
    make_dir(second, "second", top.path);
    crash_register();
    record.no_sync = no_sync;
    crash_run(&record, dir, changes, early);
    for (size_t at = 0; at <= record.n; at += every) {
        for (enum crash_fate fate = 0; fate < CRASH_FATES; fate++) {
            crash_image(&record, at, fate, at, NULL, image);
            note(&t, crash_judge(image, at), at, crash_fate_name[fate]);
            t.images++;
        }
        if (at / every % 7 == 0)
            again(&t, &record, at, (enum crash_fate)(at / every / 7 % CRASH_FATES), image, second);
    }
    bool control = no_sync || early;
    printf("1..1\n%s 1 - %s\n", (t.wrong > 0) == control ? "ok" : "not ok",
           control ? "the control is found out" : "after every crash the store tells the truth");
    printf("# %zu changes, %zu operations of the disk, %llu crashes, %llu more in recovery: "
           "%llu lie%s%s\n", changes, record.n, (unsigned long long)t.images,
           (unsigned long long)t.recoveries, (unsigned long long)t.wrong,
           t.first[0] != '\0' ? "; first " : "", t.first);
    temp_done(&top);
    crash_record_free(&record);
    return (t.wrong > 0) == control ? 0 : 1;
}
