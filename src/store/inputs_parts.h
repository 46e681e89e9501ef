/* What inputs.c and inputs_kept.c share. */
#ifndef MPIBATCH_STORE_INPUTS_PARTS_H
#define MPIBATCH_STORE_INPUTS_PARTS_H

#include <sys/stat.h>

#include "store/inputs.h"

/* Whose the bytes are. */
enum inputs_bytes {
    BYTES_NONE, /* a copy that was not asked for yet */
    BYTES_HEAP,
    BYTES_MAPPED
};

struct inputs_entry {
    enum table_kind kind;
    char *path;
    enum inputs_bytes owner;
    char *bytes;
    size_t len;
    struct stat file; /* as it was when it was opened */
    char name[32];    /* of the copy */
};

enum inputs_source { INPUTS_FILES, INPUTS_COPIES, INPUTS_TOLD };

struct inputs {
    enum inputs_source source;
    char *folder; /* of the files; the run directory */
    struct inputs_entry *list;
    size_t count, cap;
};

/* Append an entry without bytes. NULL with err ENOMEM. */
struct inputs_entry *inputs_append(struct inputs *t, enum table_kind kind,
                                   const char *path, struct err *err);

/* Map an open file of e->len bytes; at `where` instead of what is there
 * already, or anywhere (NULL). */
int inputs_map(struct inputs_entry *e, int fd, void *where, struct err *err);

#endif
