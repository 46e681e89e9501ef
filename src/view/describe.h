/* Tasks in words: parameters and command lines, for people. */
#ifndef MPIBATCH_VIEW_DESCRIBE_H
#define MPIBATCH_VIEW_DESCRIBE_H

#include <stdint.h>

#include "base/buf.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/snapshot.h"

/* Append "temperature=1.5 L=16" for a task; nothing for a listed one. */
int describe_parameters(const struct job *job, uint32_t index, struct buf *out);

/* A task for people: "scan/17", "scan/jobpreparation"; of a pool "starttask",
 * with the pool's id if there are several. Returns text. */
enum { DESCRIBE_TASK_BYTES = 2 * (JOBSPEC_MAX_ID + 1) + 16 };
char *describe_task(const struct jobspec *spec, uint32_t job, uint32_t index,
                    char text[DESCRIBE_TASK_BYTES]);

/* Append the command line of a task as one would type it, with the folder it
 * runs in and its environment settings, in parentheses, so that neither these
 * nor an `exit` outlast it: "(cd DIR && export A=1 && COMMAND)". own: where the
 * directory of its own is that the task starts in; NULL: it has none. */
int describe_command(const struct job *job, uint32_t index,
                     const char *work_dir, const char *run_path,
                     const char *own, struct buf *out);

/* Append why a program was not found, if that is likely: it is named by a
 * relative path, and the task starts in a directory of its own. prefix stands
 * in front, a newline behind it; else nothing is appended. */
int describe_missing_program(const struct job *job, const struct attempt *a,
                             const char *work_dir, const char *run_path,
                             const char *prefix, struct buf *out);

/* Append the last lines of an output, at most max_lines, each with prefix in
 * front and control bytes shown as \xNN. */
int describe_tail(const char *text, size_t len, unsigned max_lines,
                  const char *prefix, struct buf *out);

/* Nodes that get no tasks, by state: "1 offline, 2 unusable". Returns text. */
char *describe_nodes(const struct snapshot *s, char *text, size_t size);

/* "1 task", "2 tasks", "1,234,567 tasks". */
char *describe_count(uint64_t n, const char *noun, char text[64]);

#endif
