/* Where data is: containers, and what tasks take from them and leave in them.
 *
 * The words are those of Azure Batch. A container is a folder on storage that
 * all nodes share; resource files are copied into a task's own directory before
 * it runs, output files out of it behind it; an application package is unpacked
 * once a node. Plain data, part of the job spec: see jobspec.h.
 */
#ifndef MPIBATCH_MODEL_STORAGE_H
#define MPIBATCH_MODEL_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct template;
struct template_context;

enum {
    STORAGE_MIN_NAME = 3, /* of a container, as Azure has them */
    STORAGE_MAX_NAME = 63,
    STORAGE_MAX_CONTAINERS = 256,
    STORAGE_MAX_FILES = 256,   /* resource_files, output_files of one task */
    STORAGE_MAX_PACKAGES = 64, /* of the pool */
    STORAGE_MAX_STREAMS = 1024,
    STORAGE_STREAMS = 16, /* max_concurrent_streams, if it is not given */
    STORAGE_FILE_MODE = 0770,
    STORAGE_MAX_VERSION = 64 /* bytes of a package's version */
};

struct container {
    const char *name;
    const char *path; /* absolute, or relative to the root */
};

struct storage {
    const char *root; /* NULL: the folder of the spec; else absolute, or
                         relative to that */
    const struct container *containers;
    uint32_t container_count;
    uint32_t max_concurrent_streams; /* of the whole allocation */
};

enum resource_from { RESOURCE_CONTAINER, RESOURCE_CONTAINER_URL, RESOURCE_URL };

struct resource_file {
    enum resource_from from;
    uint32_t container;         /* RESOURCE_CONTAINER: its index */
    const struct template *url; /* RESOURCE_CONTAINER_URL: file:///FOLDER;
                                   RESOURCE_URL: file://, http://, https:// */
    const struct template *blob_prefix; /* of a container: the names that begin
                                           so; NULL: all */
    const struct template *file_path;   /* relative to the working directory.
                                           RESOURCE_URL: the file. Else the
                                           folder that the files go to, with
                                           their names in the container; NULL:
                                           the working directory */
    uint32_t mode;                      /* permission bits */
    const struct template *checksum;    /* RESOURCE_URL: "sha256:HEX",
                                           "xxh128:HEX", or NULL */
};

enum upload_condition {
    UPLOAD_TASK_COMPLETION,
    UPLOAD_TASK_SUCCESS,
    UPLOAD_TASK_FAILURE
};

struct output_file {
    const struct template *pattern; /* relative to the working directory */
    enum upload_condition condition;
    bool returned;               /* to the run directory, over MPI */
    int32_t container;           /* its index; -1: url, or returned */
    const struct template *url;  /* file:///FOLDER, or NULL */
    const struct template *path; /* in the container. Of a pattern without
                                    wildcards: the file's whole name; else the
                                    folder of the files. NULL:
                                    JOB_ID/TASK_ID/, then the file's name */
};

struct application_package {
    const char *id, *version;       /* version: "" if it has none */
    const struct template *path;    /* an archive or a folder, relative to the
                                       folder of the spec; no parameters in it */
    bool is_default;                /* for references without a version */
    const char *const *add_to_path; /* folders in it, "" itself */
    uint32_t add_to_path_count;
};

/* Which tasks' directories stay on their nodes. */
enum keep { KEEP_NONE, KEEP_FAILED, KEEP_ALL };

/* The index of the container of that name, or -1. */
int storage_find_container(const struct storage *s, const char *name);

/* Append the path of a container. spec_dir: the folder of the spec, absolute;
 * NULL: where it is does not matter, the path is relative to it then. 0 or -1
 * as buf_put. */
int storage_container_put(const struct storage *s, uint32_t container,
                          const char *spec_dir, struct buf *out);

/* The same as heap text (mem_free); NULL with err ENOMEM. */
char *storage_container_path(const struct storage *s, uint32_t container,
                             const char *spec_dir, struct err *err);

/* The path of a package's archive or folder: absolute if spec_dir is. Heap
 * (mem_free); NULL with err. */
char *package_path(const struct application_package *package,
                   const char *spec_dir, struct err *err);

/* Is it a name that a container can have: 3 to 63 of [a-z0-9-], a letter or
 * digit at both ends, no two "-" in a row? If not, *why is what is wrong. */
bool container_name_is_valid(const char *name, const char **why);

/* Is it relative, and does it stay in the folder that it is relative to: not
 * empty, no "..", no control bytes? */
bool path_stays_inside(const char *path);

/* Append the path of a file:// URL: file:///PATH or file://localhost/PATH, %XX
 * decoded. -1 with err EINVAL (no such URL, %00, another host) or as
 * buf_put. */
int storage_url_path(const char *url, struct buf *out, struct err *err);

/* Append the folder of an output file's destination, for the task of c. -1 with
 * err. */
int storage_output_put(const struct storage *s, const struct output_file *o,
                       const struct template_context *c, struct buf *out,
                       struct err *err);

/* Has a pattern of output files a wildcard: * ? or [ ? */
bool output_pattern_is_wild(const char *pattern);

/* "none", "failed", "all". */
const char *keep_name(enum keep keep);
/* "task_completion", "task_success", "task_failure". */
const char *upload_condition_name(enum upload_condition condition);

#endif
