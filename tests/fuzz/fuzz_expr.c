/* Fuzz target: conditions. What compiles is evaluated; what does not says
 * where, inside the text, and why. */
#include "config.h"
#include "fuzz.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/expr.h"

static const char *const names[] = {"n", "f", "s", "b", "x"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static int get(void *arg, uint32_t number, struct buf *room, struct value *v,
               struct err *err)
{
    static const char *const texts[] = {"-7", "2.5", "gmres", "true", "~"};
    (void)arg;
    if (number >= NAMES)
        __builtin_trap();
    if (buf_puts(room, texts[number]) < 0)
        return err_set(err, ENOMEM, "no memory");
    value_resolve(v, buf_text(room));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t at = 0;
    bool holds;
    struct arena *arena = arena_create(4 << 20);
    char *text = mem_strndup((const char *)data, size);
    if (!arena || !text)
        goto out;
    const struct expr *e = expr_compile(arena, text, names, NAMES, &at, &err);
    if (!e) {
        if (!err.text[0] || at > strlen(text))
            __builtin_trap();
    } else if (strcmp(expr_text(e), text) != 0 ||
               (expr_holds(e, get, NULL, &holds, &err) < 0 &&
                (err.code != EINVAL || !err.text[0]))) {
        __builtin_trap();
    }
out:
    mem_free(text);
    arena_destroy(arena);
    return 0;
}
