/* A file that tasks execute: a program that a command line names, a script
 * among its words, what runs a script, a library that is loaded with them.
 * Plain data; whose the strings are, the owner says. */
#ifndef MPIBATCH_MODEL_PROGRAM_H
#define MPIBATCH_MODEL_PROGRAM_H

#include <stdint.h>

enum program_kind {
    PROGRAM_COMMAND,     /* the first word of a command line */
    PROGRAM_ARGUMENT,    /* a program or script among its other words */
    PROGRAM_INTERPRETER, /* what the first line of a script names */
    PROGRAM_LIBRARY,     /* a shared library, the dynamic linker too */
    PROGRAM_KIND_COUNT
};

enum { PROGRAM_MAX_NAME = 255, PROGRAM_MAX_PATH = 4095, PROGRAM_SHA256 = 64 };

struct program_file {
    enum program_kind kind;
    const char *program; /* the first word of the command line it is for */
    const char *name;    /* the word, or the name the linker looks for */
    const char *path;    /* "": not found */
    uint64_t size_bytes;
    int64_t mtime_ns;   /* since 1970 UTC */
    const char *sha256; /* hexadecimal; "": not known */
    const char *note;   /* why something is not known; or "" */
};

/* "command", "argument", "interpreter", "library". */
const char *program_kind_name(enum program_kind kind);

/* Do both speak of the same thing, so that another digest means a change? */
int program_is_same(const struct program_file *a, const struct program_file *b);

/* What a session says of itself: the words it was started by, the folder, the
 * libraries it was built with, "NAME=VALUE" lines of the environment that may
 * be known; and where its tasks' programs are searched: PATH,
 * LD_LIBRARY_PATH, LD_PRELOAD of tasks (NULL: not set). Borrowed. */
struct provenance {
    const char *command, *folder, *hwloc, *hdf5, *environment;
    const char *search_path, *library_path, *preload;
};

enum { PROVENANCE_MAX_COMMAND = 4095, PROVENANCE_MAX_ENVIRONMENT = 16 << 10 };

#endif
