/* The run directory: its layout, who may write to it, and the spec it is for.
 *
 *   run.yaml           the job spec as given, behind a header of comments with
 *                      versions and provenance; changes only with the
 *                      generation
 *   tables/            copies of the tables that it names: see inputs.h
 *   journal/           0001.journal, ... one a session: the truth
 *   journal.<N>/       the same of generation N, in place of the former: it has
 *                      other metrics. run.<N>.yaml: the spec of generation N,
 *                      when it is over
 *   added/             000001.yaml, ...: tasks that were added: see added.h
 *   output/            0001.stdout, 0001.stderr, 0001.files, ...: outputs and
 *                      small returned files, packed
 *   files/             <job>/<task>/stdout.<attempt>: outputs too large to
 *                      pack; <job>/<task>/<attempt>/<name>: returned files;
 *                      .part: those that come in
 *   inbox/             what others ask of the session: see inbox.h
 *   status.json        a snapshot, replaced once a second
 *   running            what runs, replaced once a second
 *   results.h5         a view of the journal
 *   lock               held (flock and fcntl) by the session that writes
 *
 * Mode 0700; nothing outside it is ever written.
 */
#ifndef MPIBATCH_STORE_RUNDIR_H
#define MPIBATCH_STORE_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "store/inputs.h"

struct rundir;

/* Make the run directory at path for the job spec text (new), or open the one
 * that is there for writing: takes the lock and starts a new session. NULL
 * with err: EBUSY (another session has it: host, pid), EEXIST (it is there but
 * not a run directory), EINVAL (it belongs to another spec, or to other
 * tables: err says which line differs first, old and new), EPROTO (made by a
 * newer version), or the errno of a file. tables: those that the spec names, or
 * NULL; from here on their bytes are those of the run directory. *fresh: it was
 * made now. Free with rundir_close. */
struct rundir *rundir_open(const char *path, const char *spec_text,
                           size_t spec_len, const char *spec_path,
                           struct inputs *inputs, bool *fresh, struct err *err);

/* Open the run directory at path, which must be one, and take its lock, without
 * a new session: to make another generation of it. NULL with err, as
 * rundir_open. */
struct rundir *rundir_open_locked(const char *path, struct err *err);

/* The next generation: make the folder of its journal, empty (what was left
 * there by one that was never begun goes away). Its name: heap. NULL with err.
 */
char *rundir_prepare_generation(struct rundir *r, struct err *err);
/* Begin it, at once and for all: its journal is complete, and its spec is this
 * text. -1 with err; the old one holds then. */
int rundir_begin_generation(struct rundir *r, const char *spec_text,
                            size_t spec_len, struct err *err);

/* Open a run directory to read; it may be in use. NULL with err (ENOENT: no
 * such, or not a run directory). */
struct rundir *rundir_open_read(const char *path, struct err *err);
void rundir_close(struct rundir *r);

/* Move a run directory aside, to the first free of PATH.1, PATH.2, ...;
 * *to: where (mem_free). EBUSY if a session has it. 0 if there is none (*to
 * NULL). */
int rundir_move_aside(const char *path, char **to, struct err *err);

/* Has a session (or who else writes to it) its lock? 1, 0, or -1: where there
 * are no locks that cannot be known. Locks of other machines are not seen on
 * every file system. */
int rundir_in_use(const struct rundir *r);

/* Absolute path. Borrowed. */
const char *rundir_path(const struct rundir *r);
/* This session's number (1, 2, ...), or of a reader the last one's. */
uint32_t rundir_session(const struct rundir *r);
/* The spec text, as given (without run.yaml's header), and the path it came
 * from (absolute; its folder is where tasks run). Borrowed. */
const char *rundir_spec(const struct rundir *r, size_t *len);
const char *rundir_spec_path(const struct rundir *r);
/* That folder, without a "/" behind it. Borrowed. */
const char *rundir_spec_folder(const struct rundir *r);

/* How often `collect` has given it another spec and journal, counted from 1;
 * the spec text of a generation, appended to out (-1 with err). */
uint32_t rundir_generation(const struct rundir *r);
int rundir_read_spec(const struct rundir *r, uint32_t generation,
                     struct buf *out, struct err *err);

/* What run.yaml's header says: "sha256" (of the spec), and of its making
 * "created" (when, as ISO 8601 in UTC), "host", "mpibatch" (the version). ""
 * if it does not say that. Returns text. */
enum { RUNDIR_NOTE_BYTES = 257 };
char *rundir_note(const struct rundir *r, const char *key,
                  char text[RUNDIR_NOTE_BYTES]);

/* The folder of the journal: "journal" or "journal.<N>". Borrowed. */
const char *rundir_journal(const struct rundir *r);

/* A path within, printf-formatted; heap, free with mem_free; NULL: no
 * memory. */
char *rundir_file(const struct rundir *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Where a large output of the attempt goes, relative to the run directory;
 * makes the folders (on the worker's side: dir is the run directory's path).
 * job_id
 * "": of a start task. Heap. */
char *rundir_large_output(const char *dir, const char *job_id,
                          const char *task_id, const struct attempt *a,
                          int stream, bool make, struct err *err);

#endif
