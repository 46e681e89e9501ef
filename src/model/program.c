/* Files that tasks execute: see program.h. */
#include "config.h"
#include "model/program.h"

#include <string.h>

const char *program_kind_name(enum program_kind kind)
{
    static const char *const names[PROGRAM_KIND_COUNT] = {
        [PROGRAM_COMMAND] = "command",
        [PROGRAM_ARGUMENT] = "argument",
        [PROGRAM_INTERPRETER] = "interpreter",
        [PROGRAM_LIBRARY] = "library",
    };
    return names[kind];
}

int program_is_same(const struct program_file *a, const struct program_file *b)
{
    return a->kind == b->kind && strcmp(a->program, b->program) == 0 &&
           strcmp(a->name, b->name) == 0;
}
