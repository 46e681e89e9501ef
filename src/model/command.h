/* Command lines: what a task executes, from a string or a list of words.
 *
 * A list is executed as it is. A string is executed directly too, unless it
 * needs a shell; that is decided as GNU make does, by the characters of the
 * string as the user wrote it (never by a parameter's value: those are data).
 */
#ifndef MPIBATCH_MODEL_COMMAND_H
#define MPIBATCH_MODEL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/template.h"

/* The largest expanded command line, all words together. */
enum { COMMAND_MAX_BYTES = 1 << 17 };
/* The most words of a command line. */
enum { COMMAND_MAX_WORDS = 4096 };

struct command {
    bool shell;                          /* run by /bin/sh -c */
    const struct template *const *words; /* shell: one, the line */
    uint32_t word_count;
};

/* Compile a command line given as a string: split into words (blanks
 * separate; '...', "..." and \ quote), or left whole for the shell if it has
 * one of  # ; " * ? [ ] & | < > ( ) { } $ ` ^ ~ !  outside placeholders, a
 * newline, an assignment as its first word, or a shell builtin or keyword as
 * its first word. Errors as template_compile; EINVAL also for an empty line,
 * and for the shell as template_check_shell; E2BIG: over COMMAND_MAX_WORDS. */
int command_compile(struct arena *arena, const char *text,
                    const struct taskset *set, const struct storage *storage,
                    struct command *out, size_t *error_at, struct err *err);

/* One task's command, ready to execute: argv is NULL-terminated, its strings
 * lie behind each other in text. */
struct argv {
    char **argv;
    uint32_t argc;
    struct buf text;
};

/* Expand cmd for one task into a (from argv_init; it may be used again). The
 * shell form becomes {"/bin/sh", "-c", LINE}. -1 with err as
 * template_expand. */
int command_expand(const struct command *cmd, const struct template_context *c,
                   struct argv *a, struct err *err);

/* The same for a line as it is, in which braces mean nothing: split into words,
 * or left to /bin/sh, as command_compile decides; or run by shell (words,
 * NULL-terminated, before -c LINE) whatever it is. -1 with err: ENOMEM,
 * EMSGSIZE. */
int command_expand_line(const char *line, const char *const *shell,
                        struct argv *a, struct err *err);

/* Put count words, each with a NUL behind it, before those of an expanded
 * command. -1 with err ENOMEM or E2BIG: a is of no use
 * before it is expanded again. */
int argv_prepend(struct argv *a, const char *words, size_t len, uint32_t count,
                 struct err *err);

void argv_init(struct argv *a);
void argv_fini(struct argv *a);

/* Append the expanded command as a person would type it: for messages, logs
 * and plans. */
int command_show(const struct command *cmd, const struct template_context *c,
                 struct buf *out, struct err *err);

#endif
