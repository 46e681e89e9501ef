/* Replay of a fuzz target's corpus as a TAP test, without a fuzzer: the files
 * given, or those in tests/fuzz/corpus/FUZZ_TARGET of the source tree. */
#include "config.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

enum { INPUT_MAX = 64 << 20 };

static int replay(int number, const char *path)
{
    struct buf b;
    struct err err;
    buf_init(&b, INPUT_MAX);
    int rc = file_read(path, &b, &err);
    if (rc < 0)
        printf("not ok %d - %s\n", number, err.text);
    else
        LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&b), b.len);
    if (rc == 0)
        printf("ok %d - %s\n", number, path_base(path));
    fflush(stdout);
    buf_fini(&b);
    return rc;
}

static int is_input(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int replay_corpus(void)
{
    const char *root = getenv("TEST_SRCDIR");
    struct dirent **names;
    char dir[4096], path[8192];
    int failed = 0;
    snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/" FUZZ_TARGET,
             root ? root : ".");
    int count = scandir(dir, &names, is_input, alphasort);
    if (count <= 0) {
        printf("Bail out! no corpus in %s\n", dir);
        return 1;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        failed |= replay(i + 1, path) < 0;
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return replay_corpus();
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++)
        failed |= replay(i, argv[i]) < 0;
    return failed;
}
