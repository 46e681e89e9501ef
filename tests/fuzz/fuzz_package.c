/* Fuzzing packages: whatever the bytes, nothing is written outside of the new
 * folder; what is refused leaves nothing; what is not holds files, folders and
 * links that end in it, and nothing else.
 *
 * An input is an archive; or, if it begins with "tar" and a newline, says a
 * line an entry of one: "f NAME MODE TEXT" (a file), "d NAME", "l NAME TARGET",
 * "h NAME TARGET" (links), "c NAME", "p NAME" (a device, a FIFO).
 */
#include "config.h"
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "stage/beneath.h"
#include "stage/package.h"
#include "stage/remove.h"

enum { BLOCK = 512, ENTRIES_MAX = 2000, BYTES_MAX = 4 << 20 };

/* One entry of a tar. */
static void put_entry(struct buf *b, char type, const char *name, unsigned mode,
                      const char *link, const char *text)
{
    char h[BLOCK + 1] = "";
    unsigned sum = 0;
    size_t len = strlen(text);
    strncpy(h, name, 99);
    snprintf(h + 100, 24, "%07o", mode & 07777);
    snprintf(h + 108, 24, "%07o", 0);
    snprintf(h + 116, 24, "%07o", 0);
    snprintf(h + 124, 24, "%011zo", len);
    snprintf(h + 136, 24, "%011o", 0);
    memset(h + 148, ' ', 8);
    h[156] = type;
    strncpy(h + 157, link, 99);
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    buf_put(b, h, BLOCK);
    buf_put(b, text, len);
    memset(h, 0, BLOCK);
    if (len % BLOCK)
        buf_put(b, h, BLOCK - len % BLOCK);
}

/* The tar that the lines say. */
static void make_tar(struct buf *b, char *lines)
{
    static const char zeros[2 * BLOCK];
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *kind = strsep(&line, " ");
        const char *name = line ? strsep(&line, " ") : NULL;
        const char *more = line ? strsep(&line, " ") : "";
        const char *text = line ? line : "";
        if (!name)
            continue;
        switch (kind[0]) {
        case 'f':
            put_entry(b, '0', name, (unsigned)strtoul(more, NULL, 8), "", text);
            break;
        case 'd':
            put_entry(b, '5', name, 0755, "", "");
            break;
        case 'l':
            put_entry(b, '2', name, 0777, more, "");
            break;
        case 'h':
            put_entry(b, '1', name, 0644, more, "");
            break;
        case 'c':
            put_entry(b, '3', name, 0644, "", "");
            break;
        case 'p':
            put_entry(b, '6', name, 0644, "", "");
            break;
        default:
            break;
        }
    }
    buf_put(b, zeros, sizeof(zeros));
}

/* All in the folder at path below root. */
static void look(int root, const char *path)
{
    char child[BENEATH_NAME_MAX + NAME_MAX + 2], real[BENEATH_NAME_MAX];
    DIR *d =
        file_names(openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat st;
    if (!d)
        __builtin_trap();
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        if (fstatat(root, child, &st, AT_SYMLINK_NOFOLLOW) < 0)
            __builtin_trap();
        if (S_ISDIR(st.st_mode))
            look(root, child);
        else if (S_ISLNK(st.st_mode)
                     ? beneath_resolve(root, NULL, child, real) < 0 &&
                           errno == EXDEV
                     : !S_ISREG(st.st_mode))
            __builtin_trap();
        if (!S_ISLNK(st.st_mode) && (st.st_mode & 07077))
            __builtin_trap();
    }
    closedir(d);
}

/* Nothing but these is in the folder. */
static void count(const char *path, int expected)
{
    DIR *d = opendir(path);
    int n = 0;
    if (!d)
        __builtin_trap();
    while (readdir(d))
        n++;
    closedir(d);
    if (n != expected + 2)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[] = "/tmp/mpibatch-fuzz.XXXXXX", archive[64], dest[64], text[8];
    struct package_limits limits = {
        .max_entries = ENTRIES_MAX, .max_bytes = BYTES_MAX, .reserve_bytes = 1};
    struct buf b;
    struct err err = {0};
    buf_init(&b, 64 << 20);
    if (size > 4 && memcmp(data, "tar\n", 4) == 0) {
        char *lines = strndup((const char *)data + 4, size - 4);
        make_tar(&b, lines);
        free(lines);
    } else {
        buf_put(&b, data, size);
    }
    if (!mkdtemp(dir))
        return 0;
    snprintf(archive, sizeof(archive), "%s/archive", dir);
    snprintf(dest, sizeof(dest), "%s/within/dest", dir);
    snprintf(text, sizeof(text), "outside");
    char within[64], outside[64];
    snprintf(within, sizeof(within), "%s/within", dir);
    snprintf(outside, sizeof(outside), "%s/outside", dir);
    if (mkdir(within, 0700) < 0 ||
        file_replace(archive, buf_text(&b), b.len, 0600, 0, NULL) < 0 ||
        file_replace(outside, text, 7, 0600, 0, NULL) < 0)
        __builtin_trap();
    int rc = package_unpack(archive, dest, &limits, NULL, &err);
    if (rc < 0 && (err.code == 0 || !err.text[0]))
        __builtin_trap();
    count(dir, 3);
    count(within, rc == 0);
    if (rc == 0) {
        int root = open(dest, O_RDONLY | O_DIRECTORY);
        look(root, ".");
        close(root);
    }
    buf_reset(&b);
    if (file_read(outside, &b, NULL) < 0 || strcmp(buf_text(&b), text) != 0)
        __builtin_trap();
    buf_fini(&b);
    if (remove_tree(AT_FDCWD, dir, ".", NULL) < 0)
        __builtin_trap();
    return 0;
}
