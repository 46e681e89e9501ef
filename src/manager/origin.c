/* Where a session comes from: see origin.h. */
#include "config.h"
#include "manager/origin.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "manager/background.h"

struct origin {
    const struct jobspec *spec;
    const struct provenance *from;
    const char *work_dir;
    struct programs *known; /* of earlier sessions */
    struct programs *found; /* the thread's own while it is busy */
    struct background *thread;
    atomic_bool hurry;
};

static int find(void *arg, struct err *err)
{
    struct origin *o = arg;
    return programs_find(o->found, o->spec, o->from, o->work_dir, &o->hurry,
                         err);
}

struct origin *origin_create(const struct jobspec *spec, struct err *err)
{
    struct origin *o = mem_calloc(1, sizeof(*o));
    if (o) {
        o->spec = spec;
        o->known = programs_create();
        o->found = programs_create();
    }
    if (o && o->known && o->found)
        return o;
    origin_destroy(o);
    err_set(err, ENOMEM, "no memory for the list of programs");
    return NULL;
}

void origin_destroy(struct origin *o)
{
    if (!o)
        return;
    o->hurry = true;
    background_destroy(o->thread);
    programs_destroy(o->known);
    programs_destroy(o->found);
    mem_free(o);
}

int origin_past(struct origin *o, const struct program_file *f, struct err *err)
{
    return programs_put(o->known, f, NULL, err);
}

int origin_start(struct origin *o, const struct provenance *from,
                 const char *work_dir, struct err *err)
{
    o->from = from;
    o->work_dir = work_dir;
    o->thread = background_create(find, o, err);
    if (!o->thread)
        return -1;
    background_start(o->thread);
    return 0;
}

bool origin_finish(struct origin *o,
                   void (*put)(void *arg, const struct program_file *f,
                               bool changed),
                   void *arg)
{
    struct err err;
    if (!o->thread)
        return true;
    int outcome = background_outcome(o->thread, &err);
    if (outcome == 0)
        return false;
    if (outcome < 0)
        log_debug("programs: %s", err.text);
    for (uint32_t i = 0; i < o->found->count; i++) {
        bool changed;
        if (programs_put(o->known, &o->found->files[i], &changed, &err) == 0)
            put(arg, &o->found->files[i], changed);
    }
    background_destroy(o->thread);
    o->thread = NULL;
    return true;
}

void origin_hurry(struct origin *o)
{
    o->hurry = true;
}
