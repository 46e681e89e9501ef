/* What it costs to put a file from the cache into a task's folder, and to take
 * a large one into the cache.
 *
 *   bench_cache DIR [MIB]     DIR: on the file system to be measured; a folder
 *                             is made in it and removed. MIB: of the large file
 *                             (1024)
 *
 * Placing is by reflink where the file system can; run it as a user who is not
 * root to see hard links.
 */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/cache.h"
#include "stage/origin.h"
#include "stage/place.h"
#include "stage/remove.h"

enum { FILES = 5000, SMALL_BYTES = 4096, PIECE_BYTES = 1 << 20 };

static void die(const struct err *err)
{
    fprintf(stderr, "bench_cache: %s\n", err->text);
    exit(1);
}

static double seconds(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) / (double)NS_PER_SEC;
}

/* FILES placements of one entry, with this mode. */
static void place_many(int dir, const char *entry, mode_t mode)
{
    static const char *const names[] = {"hard link", "reflink", "copy"};
    enum place_how how = PLACE_COPY;
    struct err err;
    char name[32];
    int64_t start = clock_mono_ns();
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "p%o/f%d", (unsigned)mode, i);
        if (place_file(entry, SMALL_BYTES, dir, name, mode, NULL, &how, &err) <
            0)
            die(&err);
    }
    double s = seconds(start);
    printf("%-10s of %d B, mode %04o %8.1f us a file\n", names[how],
           SMALL_BYTES, (unsigned)mode, s / FILES * 1e6);
}

/* A file into the cache: read, hashed, written. */
static void take_in(struct cache *c, const char *path, char entry[PATH_MAX])
{
    struct err err;
    ssize_t n;
    struct origin *o = origin_open(OBJECT_FILE, path, NULL, &err);
    struct partial *p = o ? cache_begin(c, origin_bytes(o), &err) : NULL;
    char *data = mem_alloc(PIECE_BYTES);
    if (!p || !data)
        die(&err);
    while ((n = origin_read(o, data, PIECE_BYTES, &err)) > 0)
        if (cache_append(p, data, (size_t)n, &err) < 0)
            die(&err);
    if (n < 0 || origin_close(o, NULL, &err) < 0 ||
        cache_commit(p, NULL, NULL, entry, &err) < 0)
        die(&err);
    mem_free(data);
}

static void run(const char *line)
{
    if (system(line) != 0)
        fprintf(stderr, "bench_cache: failed: %s\n", line);
}

static void large(struct cache *c, int dir, unsigned mib)
{
    char line[256], entry[PATH_MAX];
    enum place_how how;
    struct err err;
    snprintf(line, sizeof(line), "head -c %uM /dev/urandom >large", mib);
    run(line);
    run("cat large >/dev/null");
    for (int i = 0; i < 2; i++) {
        unlink("copy");
        sync();
        int64_t start = clock_mono_ns();
        run("cp --reflink=never large copy");
        double cp = seconds(start);
        unlink("copy");
        sync();
        start = clock_mono_ns();
        take_in(c, "large", entry);
        double in = seconds(start);
        sync();
        start = clock_mono_ns();
        if (place_file(entry, (uint64_t)mib << 20, dir, "out", 0770, NULL, &how,
                       &err) < 0)
            die(&err);
        double out = seconds(start);
        printf("%u MiB: cp %.2f s, into the cache %.2f s (%.0f MB/s, %.2f of "
               "cp's time), into a task %.3f s\n",
               mib, cp, in, mib * 1.048576 / in, in / cp, out);
        unlink(entry);
    }
}

int main(int argc, char **argv)
{
    char entry[PATH_MAX], path[PATH_MAX], data[SMALL_BYTES];
    struct err err;
    if (argc < 2)
        return 2;
    snprintf(path, sizeof(path), "%s/mpibatch-bench-XXXXXX", argv[1]);
    if (!mkdtemp(path) || chdir(path) < 0 || mkdir("cache", 0700) < 0) {
        perror(path);
        return 1;
    }
    int dir = open(".", O_RDONLY | O_DIRECTORY);
    strcat(path, "/cache");
    const struct cache_config config = {.max_bytes = UINT64_C(1) << 50};
    struct cache *c = cache_open(path, &config, &err);
    memset(data, 'x', sizeof(data));
    struct partial *p = c ? cache_begin(c, SMALL_BYTES, &err) : NULL;
    if (!p || cache_append(p, data, SMALL_BYTES, &err) < 0 ||
        cache_commit(p, NULL, NULL, entry, &err) < 0)
        die(&err);
    place_many(dir, entry, 0770);
    place_many(dir, entry, 0550);
    large(c, dir, argc > 2 ? (unsigned)atoi(argv[2]) : 1024);
    cache_close(c);
    *strrchr(path, '/') = '\0';
    int top = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (remove_tree(top, strrchr(path, '/') + 1, argv[1], &err) < 0)
        die(&err);
    return 0;
}
