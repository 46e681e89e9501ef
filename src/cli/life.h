/* What commands show of the life of pools, nodes and jobs: changes of states,
 * attempts of special tasks, amounts of resources; for people and as JSON. */
#ifndef MPIBATCH_CLI_LIFE_H
#define MPIBATCH_CLI_LIFE_H

#include <jansson.h>

#include "cli/display.h"
#include "cli/rundir_arg.h"
#include "view/scene.h"

enum { LIFE_JSON_BYTES = 64 << 20, LIFE_SHOWN_CHANGES = 40 };

/* What a state is called: that of a job, or of a node. */
const char *life_state_name(bool of_job, int state);

/* A line a change: "  2026-03-01 14:05:09  idle". Of many the last ones. */
void life_changes_put(struct display *d, const struct scene_changes *c,
                      bool of_job);
/* [{"time", "session", "state", "end" (jobs), "why"}] */
json_t *life_changes_json(const struct scene_changes *c, bool of_job);

/* A line an attempt of a special task, its node in front, and if it failed the
 * end of its stderr. */
void life_special_put(struct display *d, const struct run_arg *run,
                      const struct scene_special *x);
json_t *life_special_json(const struct run_arg *run,
                          const struct scene_special *x);
/* All of job (UINT32_MAX: any) and index (0: any) on node (NULL: any) in a
 * session (0: any). */
json_t *life_specials_json(const struct run_arg *run, const struct scene *s,
                           uint32_t job, uint32_t index, const char *node,
                           uint32_t session);

/* "memory 64G, gpus 2"; {"memory": 68719476736, "gpus": 2}: of memory bytes. */
void life_amounts_put(struct display *d, const struct jobspec *spec,
                      const struct amount *amounts, uint32_t count);
json_t *life_amounts_json(const struct jobspec *spec,
                          const struct amount *amounts, uint32_t count);
/* "NAME=VALUE" a line, with what stands in front; {"NAME": "VALUE"}. */
void life_metadata_put(struct display *d, const struct metadata *m);
json_t *life_metadata_json(const struct metadata *m);

/* Seconds since 1970; null for 0. */
json_t *life_time_json(int64_t ns);

#endif
