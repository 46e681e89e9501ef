/* depends_on, of jobs and of tasks. Internal to spec/. */
#ifndef MPIBATCH_SPEC_PARSE_DEPENDS_H
#define MPIBATCH_SPEC_PARSE_DEPENDS_H

#include "spec/parse.h"

/* Look at what can be seen of the key by itself; errors are added. */
void depends_read(struct parse *p, const struct field *f);

/* Does a job have dependencies though it says that it uses none? An error is
 * added then. */
void depends_allowed(struct parse *p, const struct job_fields *f);

/* Where a job stands in the text, and how many copies there are of it, itself
 * included; the others follow it. */
struct depends_from {
    const struct tree_node *node;
    const struct job_fields *fields;
    uint32_t copies;
};

/* Of a spec without errors: the rules of all of its jobs, from[JOB] each, of
 * copies that of the first one. Errors are added for what is not there, and for
 * tasks that wait for each other. */
int depends_build(struct parse *p, const struct depends_from *from);

/* Of tasks that are added, fragment f of the job, which has them already: their
 * rules, in order, in the arena. ids: of these tasks, by their hashes. */
int depends_added(struct parse *p, const struct tree_node *list, uint32_t job,
                  const struct fragment *f, const struct map *ids,
                  struct depend_rules *out);

#endif
