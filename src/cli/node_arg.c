/* Jobs and nodes named on the command line: see node_arg.h. */
#include "config.h"
#include "cli/node_arg.h"

#include <string.h>

#include "base/text.h"
#include "cli/command.h"

enum { NAMES_MAX = 4096 };

const struct scene_node *node_arg_find(const char *command,
                                       const struct scene *s, const char *name)
{
    const char *names[NAMES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->node_count; i++) {
        if (strcmp(s->nodes[i].name, name) == 0)
            return &s->nodes[i];
        if (count < NAMES_MAX)
            names[count++] = s->nodes[i].name;
    }
    const char *near = text_nearest(name, names, count);
    if (near)
        usage_error(command, "the run has no node \"%s\"; did you mean %s?",
                    name, near);
    else
        usage_error(command,
                    "the run has no node \"%s\"; `mpibatch node list` lists "
                    "them",
                    name);
    return NULL;
}

int job_arg_find(const char *command, const struct jobspec *spec,
                 const char *id, uint32_t *job)
{
    const char *names[JOBSPEC_MAX_JOBS];
    int found = jobspec_find_job(spec, id);
    if (found >= 0) {
        *job = (uint32_t)found;
        return EXIT_OK;
    }
    for (uint32_t j = 0; j < spec->job_count; j++)
        names[j] = spec->jobs[j].id;
    const char *near = text_nearest(id, names, spec->job_count);
    if (near)
        return usage_error(
            command, "the run has no job \"%s\"; did you mean %s?", id, near);
    return usage_error(command,
                       "the run has no job \"%s\"; `mpibatch job list` lists "
                       "them",
                       id);
}
