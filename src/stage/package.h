/* Application packages: an archive becomes a folder; a folder becomes a
 * stream.
 *
 * An archive is a tar (plain, or compressed by gzip, bzip2, xz or zstd) or a
 * zip. Nothing in it is trusted. What it may hold: folders, files, hard links
 * to its own files, symbolic links that end inside of it. Refused, as a whole
 * and with the reason: names that are absolute, have a "..", are too long or
 * too deep; a name through a symbolic link; links that lead out; a name twice;
 * devices, FIFOs, sockets; setuid, setgid and sticky bits; encrypted, cut and
 * broken archives, and what is no archive; and one that grows over a limit.
 * Archives within archives are files like others.
 *
 * Files keep the owner's bits of their mode and their times; nobody else may
 * do anything.
 */
#ifndef MPIBATCH_STAGE_PACKAGE_H
#define MPIBATCH_STAGE_PACKAGE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
    PACKAGE_MAX_ENTRIES = 500000,
    PACKAGE_MAX_RATIO = 200,          /* unpacked over packed bytes ... */
    PACKAGE_FREE_BYTES = 64 << 20,    /* ... for what is over this */
    PACKAGE_RESERVE_BYTES = 64 << 20, /* of scratch, left alone */
};

struct package_limits {
    uint64_t max_bytes;      /* unpacked. 0: PACKAGE_FREE_BYTES and
                                PACKAGE_MAX_RATIO times the archive */
    uint64_t max_entries;    /* 0: PACKAGE_MAX_ENTRIES */
    uint64_t reserve_bytes;  /* of the file system, left free; 0:
                                PACKAGE_RESERVE_BYTES */
    const atomic_bool *stop; /* or NULL: give up with ECANCELED once set */
};

struct package_counts {
    uint64_t bytes;                 /* unpacked */
    uint64_t files, folders, links; /* links: of both kinds */
};

/* Unpack the archive into the new folder dest (0700), whose parent exists.
 * limits and counts may be NULL. -1 with err, and dest is not there: EEXIST
 * (dest was there before, and stays as it was), EPROTO (refused or broken),
 * ENOSPC or EDQUOT (scratch is full, or would be), ECANCELED, or the errno of
 * reading the archive (ENOENT, EACCES, EIO ...). Blocks: for a thread. */
int package_unpack(const char *archive, const char *dest,
                   const struct package_limits *limits,
                   struct package_counts *counts, struct err *err);

/* A folder as a pax archive, read like a file: names sorted, no owners, so
 * that equal folders give equal bytes. What a package refuses is refused
 * here, too. Symbolic links stay links; files with several hard links are
 * stored each. */
struct tree;

/* Open folder. NULL with err: ENOENT, EACCES, ENOTDIR, EPROTO (refused). */
struct tree *tree_open(const char *folder, struct err *err);

/* The next bytes, at most len. 0: the end. -1 with err: EPROTO (refused),
 * ESTALE (a file changed while it was read), or the errno of reading. */
ssize_t tree_read(struct tree *t, void *data, size_t len, struct err *err);

/* How many files and bytes of them were read so far. */
void tree_counts(const struct tree *t, uint64_t *opens, uint64_t *bytes);

/* NULL is fine. */
void tree_close(struct tree *t);

#endif
