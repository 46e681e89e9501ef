/* The log: lines for people on stderr, one write each, control bytes but
 * newlines shown as \xNN. Levels: error, warning, info; debug only if asked
 * for. */
#ifndef MPIBATCH_BASE_LOG_H
#define MPIBATCH_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* What is put in front of each line ("mpibatch", "mpibatch[3 node7]"; copied,
 * at most 63 bytes) and the last level that is shown. To be called before
 * other threads log. */
void log_init(const char *prefix, enum log_level level);

/* One line, "PREFIX: error: TEXT"; TEXT is cut at 8 KiB. Info lines carry no
 * level. Works without memory; errno stays. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As log_info, of a text that may have colours in it: the caller has seen to it
 * that there are no other control bytes. */
void log_styled(const char *text);

/* Whether "error:" and "warning:" are coloured (at first not). As log_init. */
void log_set_colors(bool colors);

/* Who draws a progress line on the terminal is called before each log line,
 * to clear it. NULL: nobody. */
void log_set_before(void (*before)(void *arg), void *arg);

#endif
