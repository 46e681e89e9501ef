/* Where the files are that come with the program: schema, examples. */
#ifndef MPIBATCH_CLI_DATADIR_H
#define MPIBATCH_CLI_DATADIR_H

#include "base/err.h"

/* Paths, heap; what lies there need not exist. */
struct datadir {
    char *schema;   /* the JSON Schema */
    char *examples; /* a folder an example */
    char *jobspecs; /* one more, of short specs */
    char *programs; /* a folder an example, with its programs */
};

/* Find them: in the build folder and its sources, if that is where the program
 * is; beside the program as `make install` puts them, also if all was moved;
 * else where they were installed. -1 with err. */
int datadir_find(struct datadir *d, struct err *err);
void datadir_fini(struct datadir *d);

#endif
