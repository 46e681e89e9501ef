/* The scratch: the one folder on a node's disk that all of its ranks share.
 *
 * ROOT/mpibatch-<uid>-XXXXXX, 0700, with an unpredictable name. It holds what a
 * node has on Azure Batch (shared, startup, applications, fsmounts, volatile,
 * workitems) and the cache. Each rank holds a shared lock on the file .owner in
 * it as long as it lives; a scratch whose lock nobody holds is left over, and
 * the next session of the same user removes it. Kept task directories outlive
 * the session until they expire. A cache that is kept is a folder beside it,
 * ROOT/mpibatch-<uid>-cache-XXXXXX.
 */
#ifndef MPIBATCH_STAGE_SCRATCH_H
#define MPIBATCH_STAGE_SCRATCH_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct scratch;

/* Where the scratch goes: wanted (pool.scratch), or if that is NULL what lookup
 * (getenv) knows of SLURM_TMPDIR or TMPDIR, if they are absolute paths of
 * folders, or /tmp. Borrowed from them. */
const char *scratch_root(const char *wanted, char *(*lookup)(const char *name));

/* Make a scratch in root, an absolute path. key tells this session from others
 * and run_dir is where it belongs; they are for people who look into .owner.
 * keep_cache: use the user's kept cache, or begin one. reserve_bytes: how much
 * of the disk staging never takes. NULL with err, which says what to do. */
struct scratch *scratch_create(const char *root, const char *key,
                               const char *run_dir, bool keep_cache,
                               uint64_t reserve_bytes, struct err *err);

/* Join the scratch that another rank of this node has made (its path and the
 * path of its cache). */
struct scratch *scratch_join(const char *path, const char *cache_path,
                             uint64_t reserve_bytes, struct err *err);

/* Leave it. The last rank that leaves removes it, but what is kept: then a
 * part, with .owner, stays. NULL is fine. -1 with err: something could not be
 * removed, or (EBUSY) is mounted there; s is freed anyway. */
int scratch_leave(struct scratch *s, int64_t now_wall_ns, struct err *err);

/* Forget it and let go of its lock; nothing is removed. For a process that is
 * to _exit, or a test. */
void scratch_abandon(struct scratch *s);

/* Absolute paths, borrowed. */
const char *scratch_path(const struct scratch *s);
const char *scratch_cache_path(const struct scratch *s);
/* The folder, open; borrowed. */
int scratch_fd(const struct scratch *s);

/* The folder of a task, "workitems/JOB/job-1/TASK", stays until it expires,
 * also when the session ends or this process is killed. Another call gives it
 * another time. -1 with err. */
int scratch_keep(struct scratch *s, const char *path, int64_t expires_wall_ns,
                 struct err *err);

/* Note whose the folder of a task is from now on, by a number that is not 0; it
 * does not stay, until scratch_keep. -1 with err. */
int scratch_note(struct scratch *s, const char *path, uint32_t number,
                 struct err *err);
/* The number that was noted; 0: none. */
uint32_t scratch_noted(struct scratch *s, const char *path);
/* The folder is gone: what was noted goes, too. */
void scratch_forget(struct scratch *s, const char *path);

/* Both are kept in a file beside the folder called name: what that is called
 * (false: too long), and the number in its first bytes. */
enum { SCRATCH_NOTE_BYTES = 11 };
bool scratch_marker_name(const char *name, char marker[NAME_MAX + 1]);
uint32_t scratch_marker_number(const char *bytes, size_t len);

/* How many bytes this user may still write there: what is free, or less by a
 * disk quota. */
int scratch_free_bytes(const struct scratch *s, uint64_t *bytes,
                       struct err *err);
/* Is there room for bytes more, beside the reserve? -1 with err ENOSPC, which
 * says how much there is. */
int scratch_room(const struct scratch *s, uint64_t bytes, struct err *err);

/* What scratch_clean_stale has found. */
struct scratch_cleaned {
    uint32_t removed; /* scratches that are gone */
    uint32_t kept;    /* those with task directories that have not expired */
    uint32_t failed;  /* those that are still there, in part: the last one's
                         error is in err */
};

/* Remove what sessions of this user have left behind in root: they were killed.
 * The scratches of others, and of sessions that live, stay; so do the task
 * directories that are kept. -1 with err: root cannot be read, or something
 * could not be removed, or ECANCELED, once *stop (NULL: go on) is true: the
 * next one does the rest. */
int scratch_clean_stale(const char *root, int64_t now_wall_ns,
                        const atomic_bool *stop,
                        struct scratch_cleaned *cleaned, struct err *err);

/* Remove the caches that sessions of this user have kept in root, but those
 * that sessions use: *removed, *used count them. -1 with err: root cannot be
 * read, or something could not be removed. */
int scratch_remove_caches(const char *root, uint32_t *removed, uint32_t *used,
                          struct err *err);

#endif
