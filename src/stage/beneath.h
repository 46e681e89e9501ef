/* Names that must stay beneath a folder.
 *
 * What a task or an archive names is never trusted: a name is first brought
 * into one plain form (no "." or "..", not absolute, bounded), then walked
 * folder by folder from an open root, following no symbolic link. So it
 * cannot lead out whatever the folders hold, on every kernel. Links that may
 * be followed are resolved by hand, never by the kernel.
 */
#ifndef MPIBATCH_STAGE_BENEATH_H
#define MPIBATCH_STAGE_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Bounds of a name: its bytes, so that what stands in front of it has room in
 * PATH_MAX, and its folders. */
enum { BENEATH_NAME_MAX = 2048, BENEATH_DEPTH_MAX = 128 };

/* Write name in its plain form to out (BENEATH_NAME_MAX bytes): "." and empty
 * parts go, and so does a final "/". "" is the root itself. -1 with err:
 * EINVAL (absolute, or a ".."), ENAMETOOLONG (a part, the name, or its depth).
 * The text is only the reason: "is absolute". */
int beneath_plain(const char *name, char *out, struct err *err);

/* How missing folders are made. */
struct beneath_make {
    mode_t mode;
    uint64_t made; /* counted up */
};

/* Open the folder of a plain name beneath root, following no link. make (or
 * NULL): what is missing is made. Returns the fd, or -1 with errno (ELOOP: a
 * symbolic link is on the way, ENOTDIR). */
int beneath_folder(int root, const char *name, struct beneath_make *make);

/* Open the folder that a plain name stands in, as beneath_folder; *base is
 * the last part of name, borrowed from it ("" is EINVAL). */
int beneath_parent(int root, const char *name, struct beneath_make *make,
                   const char **base);

/* Where name (relative, with any ".." and links on the way) ends beneath
 * root: the plain name without links, in out (BENEATH_NAME_MAX bytes). A link
 * that is absolute leads out, unless it begins with prefix (or NULL), which
 * is a path of root. What is missing counts as folders without links. Returns
 * 1 (there is something), 0 (nothing is there), or -1 with errno: EXDEV (it
 * leads out of root), ELOOP (links in a circle), ENAMETOOLONG, ENOTDIR, or as
 * stat. What is found is no link. */
int beneath_resolve(int root, const char *prefix, const char *name, char *out);

/* Open what has a plain name beneath root to read, whatever it is ("": root
 * itself), without waiting and following no link; or what any name leads to,
 * its links followed as beneath_resolve does. The fd, or -1 with errno. */
int beneath_open(int root, const char *name);
int beneath_open_resolved(int root, const char *name);

#endif
