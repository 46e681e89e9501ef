/* Expressions over named values: n > 64 and solver == "gmres".
 *
 * The language is Python's, as far as it goes:
 *
 *   or, and, not               of conditions only: 1 is none
 *   == != < <= > >=            chained too: 0 < x <= 1
 *   in, not in                 x in [1, 2], x in (1, 2), "ab" in text
 *   + - * / // % **  ( )       integers exactly while they fit 64 bits, then
 *                              as floating-point numbers
 *   7 0x1f 1e-3 "text" 'text' true false null (True False None)
 *   abs ceil exp floor len log log10 log2 max min round sqrt
 *   contains(x, "b") startswith(x, "a") endswith(x, "c")
 *   matches(x, "a*[0-9]?")     the whole text, as the shell's patterns
 *
 * Numbers are compared by value, exactly, whatever their types; a boolean is
 * 0 or 1. A text is never equal to a number, and comparing their order is an
 * error, as in Python. What is not known is null: each comparison with it is
 * false, but == null and != null; what is computed from it is null, and as a
 * condition it does not hold.
 *
 * An expression is compiled once and never changed; it lies in an arena.
 */
#ifndef MPIBATCH_MODEL_EXPR_H
#define MPIBATCH_MODEL_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/value.h"

/* Bounds: the text, how deep it nests, how many names it uses, and the
 * longest text that a name may have for a value. */
enum {
    EXPR_MAX_BYTES = 16 << 10,
    EXPR_MAX_DEPTH = 100,
    EXPR_MAX_NAMES = 64,
    EXPR_MAX_TEXT = 1 << 20
};

struct expr;

/* Compile a condition. names: what may be used, name_count of them, copied;
 * the number of a name is its place there. Returns the expression (it lies in
 * arena), or NULL with err: EINVAL (what is wrong; a near name is suggested),
 * E2BIG (a bound above) or ENOMEM. *error_at: the byte in text where it is. */
const struct expr *expr_compile(struct arena *arena, const char *text,
                                const char *const *names, uint32_t name_count,
                                size_t *error_at, struct err *err);

/* The numbers of the names that it uses, ascending, each once. Returns how
 * many they are. */
uint32_t expr_names(const struct expr *e, const uint32_t **numbers);

/* Does it hold? get gives the value of the name with that number (VALUE_NULL:
 * not known), once at most for each evaluation; a text must stay until the
 * evaluation is over, and may lie in room, which is empty, one for each name,
 * and freed by the expression. 0 with *holds, or -1 with err: EINVAL (types
 * that do not fit, a division by zero ...: says which part of the expression)
 * or what get says. */
int expr_holds(const struct expr *e,
               int (*get)(void *arg, uint32_t number, struct buf *room,
                          struct value *v, struct err *err),
               void *arg, bool *holds, struct err *err);

/* The conditions that must all hold so that it does: the parts of an outermost
 * `and`, else itself. How many there are; which of the names (by their place in
 * expr_names) a part uses, as bits; and whether it holds, as expr_holds. A part
 * may fail where a part before it does not hold. */
uint32_t expr_part_count(const struct expr *e);
uint64_t expr_part_names(const struct expr *e, uint32_t part);
int expr_part_holds(const struct expr *e, uint32_t part,
                    int (*get)(void *arg, uint32_t number, struct buf *room,
                               struct value *v, struct err *err),
                    void *arg, bool *holds, struct err *err);

/* The text that it was compiled from. Borrowed. */
const char *expr_text(const struct expr *e);

#endif
