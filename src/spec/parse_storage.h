/* Storage, packages and files of tasks: what the files parse_storage.c,
 * parse_package.c, parse_files.c and parse_outputs.c share. Internal to
 * spec/. */
#ifndef MPIBATCH_SPEC_PARSE_STORAGE_H
#define MPIBATCH_SPEC_PARSE_STORAGE_H

#include "model/storage.h"
#include "spec/parse.h"

/* The containers of the spec. */
int storage_build(struct parse *p, const struct field *f);

/* The packages of all pools, and those that all tasks of each get. */
int packages_build(struct parse *p, const struct pool_fields *f,
                   uint32_t pools);

/* References to packages behind those that are in *refs already, each once. */
int package_refs_build(struct parse *p, const struct field *f,
                       const uint32_t **refs, uint32_t *count);

int resource_files_build(struct parse *p, const struct field *f,
                         const struct taskset *set, struct task_template *t);
int output_files_build(struct parse *p, const struct field *f,
                       const struct taskset *set, struct task_template *t);

/* What a text must be. */
enum text_form {
    TEXT_INSIDE,        /* a path that stays in the folder it is relative to */
    TEXT_FILE_INSIDE,   /* the same of a file */
    TEXT_PREFIX,        /* what names of a container begin with */
    TEXT_PATTERN,       /* a pattern of output files */
    TEXT_CONTAINER_URL, /* file:///FOLDER */
    TEXT_FILE_URL,      /* file://, http://, https:// */
    TEXT_CHECKSUM
};

/* Is it that? If not, -1 with err EINVAL, which says what it is for. */
int text_form_check(enum text_form form, const char *text, struct err *err);

/* A folder or file of the cluster, as a text without placeholders: an error is
 * added if it has what only a shell or a browser understands. */
bool location_check(struct parse *p, const struct tree_node *n);

/* The container of that name, or -1: an error is added then. */
int container_build(struct parse *p, const struct tree_node *name);

/* The files of the job that all its tasks would write: errors are added. */
int outputs_check(struct parse *p, const struct job *job);

/* Of a spec without errors: the files that tasks of two jobs would write:
 * errors are added. */
int jobs_outputs_check(struct parse *p);

/* Of a spec without errors: see with its files that what tasks take or need,
 * and no placeholder leaves open, is there. Errors are added. */
void sources_check(struct parse *p);

/* Remember where a template stands; where one does, or NULL. */
int place_keep(struct parse *p, const struct template *t,
               const struct tree_node *n);
const struct tree_node *place_of(const struct parse *p,
                                 const struct template *t);

#endif
