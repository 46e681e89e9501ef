/* Errors as values: a code from errno.h and one sentence for people.
 *
 * Every fallible function takes a `struct err *` last and fills it when it
 * fails. The sentence says what could not be done, to which object, and the
 * limit that was hit; who knows more puts it in front with err_context. An
 * error is printed once, at the top; it is never printed and returned.
 */
#ifndef MPIBATCH_BASE_ERR_H
#define MPIBATCH_BASE_ERR_H

enum { ERR_TEXT_MAX = 1024 };

struct err {
    int code;                /* from errno.h; 0: no error */
    char text[ERR_TEXT_MAX]; /* no final newline; "" with code 0 */
};

/* Set err (may be NULL) to code and a printf-formatted sentence; longer text
 * than ERR_TEXT_MAX ends in "...". Returns -1, so that a function can say
 * `return err_set(...)`. */
int err_set(struct err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the system's text for code behind the sentence. */
int err_sys(struct err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put a printf-formatted context and ": " in front of the text in err (may be
 * NULL). The code stays. Returns -1. */
int err_context(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* No error. */
void err_clear(struct err *err);

#endif
