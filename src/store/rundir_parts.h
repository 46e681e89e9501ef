/* What the parts of a run directory share: rundir.c (opening, making, moving
 * aside), rundir_yaml.c (run.yaml), rundir_generation.c (another spec and
 * journal), rundir_paths.c (where things are). Nobody else includes it.
 */
#ifndef MPIBATCH_STORE_RUNDIR_PARTS_H
#define MPIBATCH_STORE_RUNDIR_PARTS_H

#include <limits.h>

#include "store/rundir.h"

/* The lines of run.yaml's header. */
#define RUNDIR_MARKER     "# mpibatch run "
#define RUNDIR_SPEC_KEY   "# spec: "
#define RUNDIR_DIGEST_KEY "# sha256: "
#define RUNDIR_GENERATION "# generation: "
#define RUNDIR_HEADER_END "# ---- the job spec, as given ----\n"

enum {
    RUNDIR_FORMAT_VERSION = 1,
    RUNDIR_SPEC_MAX_BYTES = 256 << 20, /* as spec/ allows */
    RUNDIR_HEADER_MAX_BYTES = 4 * PATH_MAX + 4096
};

struct rundir {
    char *path; /* absolute */
    int dir_fd;
    int lock_fd; /* -1: a reader */
    uint32_t session;
    uint32_t generation; /* from 1 */
    char journal[32];    /* the folder's name */
    struct buf text;     /* run.yaml */
    size_t header_len;
    char *spec_path, *spec_folder;
};

/* ---- rundir.c ---- */

/* Make the folder in the run directory if it is not there, mode 0700. -1 with
 * err. */
int rundir_make_folder(const struct rundir *r, const char *name,
                       struct err *err);

/* ---- rundir_yaml.c ---- */

/* The name of a generation's journal. */
void rundir_name_journal(char name[32], uint32_t generation);

/* Append the header for a spec's text. 0, or not as buf_put. */
int rundir_put_header(struct buf *b, const char *spec_path, const char *text,
                      size_t len);
/* Find the header's parts in r->text. -1 with err. */
int rundir_parse_header(struct rundir *r, struct err *err);
/* Read run.yaml into r. -1 with err. */
int rundir_load_spec(struct rundir *r, struct err *err);
/* Is it a run of this spec? -1 with err, which says where they differ. */
int rundir_check_spec(struct rundir *r, const char *text, size_t len,
                      struct err *err);

#endif
