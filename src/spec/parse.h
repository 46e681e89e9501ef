/* Building the model: what the files parse*.c share. Internal to spec/.
 *
 * Each builder adds what is wrong to the errors and goes on; it returns -1
 * only if there is no memory, which ends the search. What it builds is of use
 * only if no error was added.
 */
#ifndef MPIBATCH_SPEC_PARSE_H
#define MPIBATCH_SPEC_PARSE_H

#include <stdbool.h>

#include "base/map.h"
#include "model/jobspec.h"
#include "model/table.h"
#include "spec/keys.h"
#include "spec/spec.h"
#include "spec/yaml_tree.h"

struct parse {
    struct spec_errors *errors;
    struct arena *arena;   /* of the model */
    struct arena *scratch; /* for as long as the tree */
    struct jobspec *spec;
    struct pool *pools;             /* the spec's */
    const struct spec_files *files; /* NULL: none */
    struct parse_table *tables;     /* opened, the last one first */
    struct placed *placed;          /* where templates of storage stand */
    const struct tree_node **container_nodes; /* the paths of containers */
    bool containers_known, packages_known;    /* none of them is wrong */
    struct map requests;     /* the spec's, by what they ask for */
    uint32_t requests_noted; /* so many are in it */
    bool pool_known;         /* the job's: it names one that there is */
    bool damaged; /* the tree has broken nodes, which are reported already */
    bool metrics_known; /* of the job: none of them is wrong */
    bool blind; /* the job's parameters are not known: leave templates alone */
};

/* The key `sweep` of a job, a mapping or a list of them, to a task set of at
 * most max_tasks. *known: at least the parameters' names are in the set. */
int sweep_build(struct parse *p, const struct field *f, uint64_t max_tasks,
                struct taskset *set, bool *known);

/* Report an error inside of a scalar, at byte `at` of its text. */
void text_error(struct parse *p, const struct tree_node *n, size_t at,
                const char *text);

/* Compile the template that a scalar is. *out stays NULL if it is wrong, or
 * the parameters are not known. */
int template_build(struct parse *p, const struct tree_node *n,
                   const struct taskset *set, unsigned names,
                   const struct template **out);

/* A command line, as a text or a list of words. */
int command_build(struct parse *p, const struct field *f,
                  const struct taskset *set, struct command *out);

/* The templates of a job (node) whose task set, metrics and on_task_failure are
 * there already. retries: what
 * its tasks have if they do not say. */
int tasks_build(struct parse *p, const struct tree_node *node,
                const struct job_fields *f, int32_t retries, struct job *job);

int metrics_build(struct parse *p, const struct field *f, struct job *job);

/* Of a job without errors: are the task ids valid and distinct, do the values
 * suit their places? */
int job_check(struct parse *p, const struct job_fields *f,
              const struct job *job);

/* Of tasks that are added (list) to a job, which is `grown` with them: the
 * same. ids: empty; their indices by the hashes of their ids. */
int added_check(struct parse *p, const struct tree_node *list,
                const struct job *old, const struct job *grown,
                struct map *ids);

/* The table that a scalar names (kind as given, or that of the name's ending:
 * TSV for .tsv and .tab, else CSV); it is opened once. *out is NULL if it
 * cannot be used; an error is added then. */
int table_open(struct parse *p, const struct tree_node *name,
               enum table_kind kind, const struct table **out);
int table_open_cells(struct parse *p, const struct tree_node *name,
                     const struct table **out);

/* Is it a name, as parameters and metrics have them? */
bool name_is_good(const char *name);

/* May a parameter or metric be called that? */
bool name_check(struct parse *p, const struct tree_node *key, const char *noun);

#endif
