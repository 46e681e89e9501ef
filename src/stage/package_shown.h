/* What comes from archives and libraries, in messages. Private to package*.c.
 */
#ifndef MPIBATCH_STAGE_PACKAGE_SHOWN_H
#define MPIBATCH_STAGE_PACKAGE_SHOWN_H

#include <sys/types.h>

enum { SHOWN_MAX = 200 };

/* name, printable, cut where it is long, in quotes; in out. Returns out. */
const char *package_shown(const char *name, char out[SHOWN_MAX]);

/* A library's message (or NULL) as part of ours: one line; in out. */
const char *package_reason(const char *text, char out[SHOWN_MAX]);

/* Why an entry of this type (S_IFCHR ...) is refused: "is a device". */
const char *package_kind(mode_t type);

#endif
