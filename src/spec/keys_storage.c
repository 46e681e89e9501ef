/* The table of all keys: storage, the node's cache, application packages, and
 * the files that tasks take and leave. */
#include "config.h"
#include "model/storage.h"
#include "spec/keys_rows.h"

#define LOCATION     TEXT_LIKE(1, PATH_BYTES_MAX, LIKE_LOCATION)
#define LOCATION_OF  TEMPLATE_LIKE(1, PATH_BYTES_MAX, LIKE_LOCATION)
#define INSIDE       TEMPLATE_LIKE(1, PATH_BYTES_MAX, LIKE_INSIDE)
#define IN_PACKAGE   TEXT_LIKE(1, PATH_BYTES_MAX, LIKE_INSIDE "[^:]*$")
#define CHECKSUM_MAX 256

/* A URL of a folder, or what a placeholder begins; file:///PATH. */
#define LIKE_FILE_URL                                                          \
    "[fF][iI][lL][eE]:(//([lL][oO][cC][aA][lL][hH][oO][sS][tT])?[/{]|/(?!/)|"  \
    "\\{)|[^:{]*\\{"
#define FOLDER_URL TEMPLATE_LIKE(1, PATH_BYTES_MAX, "^(" LIKE_FILE_URL ")")
#define FILE_URL                                                               \
    TEMPLATE_LIKE(1, PATH_BYTES_MAX,                                           \
                  "^(" LIKE_FILE_URL "|[hH][tT][tT][pP][sS]?://[^/?#])")
#define PATTERN                                                                \
    TEMPLATE_LIKE(1, PATH_BYTES_MAX,                                           \
                  "^(?![$%]AZ_BATCH)(?!.*/$)(\\.\\./)?(?!/)"                   \
                  "(?!(.*/)?\\.\\.(/|$))")
#define CHECKSUM                                                               \
    TEMPLATE_LIKE(1, CHECKSUM_MAX,                                             \
                  "^(sha256:[0-9a-fA-F]{64}|xxh128:[0-9a-fA-F]{32}|"           \
                  ".*\\{.*)$")
#define APP_VERSION                                                            \
    TEXT_LIKE(1, STORAGE_MAX_VERSION, "^(?!\\.{1,2}$)[A-Za-z0-9._-]+$")

static const struct key storage_rows[] = {
    {KEY(storage_fields, root), LOCATION,
     .otherwise = "the folder of the job spec",
     .meaning = "The folder that the paths of containers begin in; relative to "
                "the folder of the job spec",
     .example = "/project/ising"},
    {KEY(storage_fields, containers),
     MAP(LOCATION, 1, STORAGE_MAX_CONTAINERS,
         "^(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*$"),
     .otherwise = "none",
     .meaning = "The containers: a name of 3 to 63 lower-case letters, digits "
                "and single \"-\", as Azure has them, and its folder; "
                "{storage.NAME} is that folder in templates",
     .example = "{inputs: data/in, results: data/out}"},
    {KEY(storage_fields, max_concurrent_streams),
     INTEGER(1, STORAGE_MAX_STREAMS), .fallback = "16",
     .meaning = "How many files the whole allocation reads from and writes to "
                "shared storage at once, at most"},
};
static const struct key_refused storage_refused[] = {
    {"account_name", "there is no account: containers are folders, and who may "
                     "read them, their permissions say"},
    {"account_key", "there is no account: containers are folders, and who may "
                    "read them, their permissions say"},
    {NULL, NULL}};
const struct key_set storage_keys = {
    .name = "storage",
    .noun = "the storage",
    .plural = "storage",
    .path = "storage",
    .meaning = "Containers are folders on storage that all nodes share: tasks "
               "get their resource files from there, and leave their output "
               "files there",
    .refused = storage_refused,
    KEY_SET(storage_rows)};

static const struct key cache_rows[] = {
    {KEY(cache_fields, max_size), SIZE(0),
     .otherwise = "half of what is free there at the start",
     .meaning = "How many bytes it has at most; what was not used for longest "
                "goes first",
     .example = "20GiB"},
    {KEY(cache_fields, keep), BOOLEAN, .fallback = "false",
     .meaning = "Whether it stays on the nodes at the end, for the next run"},
};
const struct key_set cache_keys = {
    .name = "cache",
    .noun = "the cache",
    .plural = "caches",
    .path = "pool.cache",
    .meaning = "Each node keeps on its own disk what its tasks were given, so "
               "that shared storage is read once",
    KEY_SET(cache_rows)};

static const struct key package_rows[] = {
    {KEY(package_fields, application_id), ID, .required = true,
     .meaning = "What the application is called", .example = "solver"},
    {KEY(package_fields, version), APP_VERSION, .required = true,
     .meaning = "Which version it is: letters, digits, \".\", \"_\" and \"-\"",
     .example = "'1.0'"},
    {KEY(package_fields, path), LOCATION_OF, .required = true,
     .meaning = "An archive (.tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2, .zip) "
                "or a folder; relative to the folder of the job spec",
     .example = "'{storage.apps}/solver-1.0.tar.gz'"},
    {.name = "default",
     .at = offsetof(struct package_fields, is_default),
     BOOLEAN,
     .otherwise = "true if the application has just one version",
     .meaning = "Whether it is meant where no version is given",
     .example = "true"},
    {KEY(package_fields, add_to_path),
     LIST_OR(IN_PACKAGE, 0, STORAGE_MAX_PACKAGES, IN_PACKAGE),
     .otherwise = "none",
     .meaning = "Folders in it, or one, that are put in front of PATH for the "
                "tasks that refer to it; \".\" is its top",
     .example = "[bin]"},
};
const struct key_set package_keys = {
    .name = "application_package",
    .noun = "an application package",
    .plural = "application packages",
    .path = "pool.application_packages[]",
    .meaning = "An application package is unpacked once a node, below "
               "applications/; where it is, tasks find in "
               "AZ_BATCH_APP_PACKAGE_ID_VERSION, with \"_\" for each \".\" and "
               "\"-\"",
    KEY_SET(package_rows)};

static const struct key package_reference_rows[] = {
    {KEY(package_reference_fields, application_id), ID, .required = true,
     .meaning = "Which application: one of the pool's packages",
     .example = "solver"},
    {KEY(package_reference_fields, version), APP_VERSION,
     .otherwise = "the default version", .meaning = "Which version of it",
     .example = "'1.0'"},
};
const struct key_set package_reference_keys = {
    .name = "application_package_reference",
    .noun = "a reference to an application package",
    .plural = "references to application packages",
    .path = "application_package_references[]",
    .meaning = "Says that an application package is needed: by every task, "
               "if it stands in the pool, or by one",
    KEY_SET(package_reference_rows)};

static const struct key resource_file_rows[] = {
    {KEY(resource_file_fields, auto_storage_container_name), TEXT(1, LABEL_MAX),
     .excludes = "checksum",
     .otherwise = "one of storage_container_url, http_url",
     .meaning = "All files of this container, or those of blob_prefix",
     .example = "inputs"},
    {KEY(resource_file_fields, storage_container_url), FOLDER_URL,
     .excludes = "checksum",
     .otherwise = "one of auto_storage_container_name, http_url",
     .meaning = "The same with a folder that is no container of the spec",
     .example = "file:///project/shared/tables"},
    {KEY(resource_file_fields, http_url), FILE_URL, .excludes = "blob_prefix",
     .otherwise = "one of auto_storage_container_name, storage_container_url",
     .meaning = "One file, by file://, http:// or https://; {spec.dir} and "
                "{storage.NAME} make a path absolute",
     .example = "'file://{storage.inputs}/{T}.dat'"},
    {KEY(resource_file_fields, blob_prefix), INSIDE, .excludes = "http_url",
     .otherwise = "all files",
     .meaning = "Only files of the container whose names begin so",
     .example = "'mesh-{n}/'"},
    {KEY(resource_file_fields, file_path), INSIDE,
     .otherwise = "the working directory; required with http_url",
     .meaning = "What the file is called in the working directory of the task; "
                "of a container, the folder there that its files go to, each "
                "with its name in the container",
     .example = "in.dat"},
    {KEY(resource_file_fields, file_mode), MODE, .fallback = "0770",
     .meaning = "The permissions of the files in the task's directory",
     .example = "'0640'"},
    {KEY(resource_file_fields, checksum), CHECKSUM,
     .excludes = "auto_storage_container_name storage_container_url",
     .otherwise = "it is not checked",
     .meaning = "What the file must be: sha256: or xxh128: and a digest in "
                "hexadecimal; the task is not started with another",
     .example = "'sha256:{sum}'"},
};
static const char *const resource_sources[] = {
    "auto_storage_container_name", "storage_container_url", "http_url", NULL};
static const char no_identity[] =
    "files are read and written with the rights of the user who runs mpibatch; "
    "leave it out";
static const struct key_refused resource_file_refused[] = {
    {"identity_reference", no_identity},
    {"blob_source", "it is `http_url` now, in Azure Batch and here"},
    {NULL, NULL}};
const struct key_set resource_file_keys = {
    .name = "resource_file",
    .noun = "a resource file",
    .plural = "resource files",
    .path = "jobs[].task.resource_files[]",
    .meaning = "Files that are put into the task's own directory before it "
               "starts, or one file",
    .one_of = resource_sources,
    .schema = "[{'dependentRequired': {'http_url': ['file_path']}}]",
    .refused = resource_file_refused,
    KEY_SET(resource_file_rows)};

static const struct key output_file_rows[] = {
    {KEY(output_file_fields, file_pattern), PATTERN, .required = true,
     .meaning = "Which files, relative to the working directory: *, ?, [..] "
                "match within a name, ** any number of folders; ../stdout.txt "
                "and ../stderr.txt are what the task printed",
     .example = "'*.dat'"},
    {KEY(output_file_fields, destination), STRUCT(destination_keys),
     .otherwise = "return, of which one is required",
     .meaning = "Where they are stored",
     .example = "{container: {container_name: results}}"},
    {.name = "return",
     .at = offsetof(struct output_file_fields, returned),
     ONLY_TRUE,
     .otherwise = "destination, of which one is required",
     .meaning = "They are sent to the run directory: see mpibatch files; small "
                "ones are in results.h5, too",
     .example = "true"},
    {KEY(output_file_fields, upload_options), STRUCT(upload_options_keys),
     .otherwise = "always", .meaning = "When they are stored",
     .example = "{upload_condition: task_success}"},
};
static const char *const output_ends[] = {"destination", "return", NULL};
const struct key_set output_file_keys = {
    .name = "output_file",
    .noun = "an output file",
    .plural = "output files",
    .path = "jobs[].task.output_files[]",
    .meaning = "Files that are stored when the task's program has ended; none "
               "that match is no error",
    .one_of = output_ends,
    KEY_SET(output_file_rows)};

static const struct key destination_rows[] = {
    {KEY(destination_fields, container), STRUCT(output_container_keys),
     .required = true, .meaning = "The container that they go to",
     .example = "{container_name: results}"},
};
const struct key_set destination_keys = {
    .name = "destination",
    .noun = "the destination of an output file",
    .plural = "destinations",
    .path = "jobs[].task.output_files[].destination",
    .meaning = "Where output files are stored, as Azure Batch writes it",
    KEY_SET(destination_rows)};

static const struct key output_container_rows[] = {
    {KEY(output_container_fields, container_name), TEXT(1, LABEL_MAX),
     .otherwise = "container_url, of which one is required",
     .meaning = "A container of the spec", .example = "results"},
    {KEY(output_container_fields, container_url), FOLDER_URL,
     .otherwise = "container_name, of which one is required",
     .meaning = "A folder that is no container of the spec",
     .example = "file:///project/results"},
    {KEY(output_container_fields, path), INSIDE,
     .otherwise = "'{job.id}/{task.id}/' and the name that the file has in the "
                  "task's directory",
     .meaning = "Of a pattern without wildcards: what the file is called in "
                "the container; with wildcards: the folder there that they go "
                "to; no two tasks, of one job or of several, may write one "
                "file",
     .example = "'energy/{task.id}.dat'"},
};
static const char *const output_containers[] = {"container_name",
                                                "container_url", NULL};
static const struct key_refused output_container_refused[] = {
    {"identity_reference", no_identity},
    {"upload_headers", "a file in a folder has no headers; leave it out"},
    {NULL, NULL}};
const struct key_set output_container_keys = {
    .name = "output_container",
    .noun = "the container of an output file",
    .plural = "containers",
    .path = "jobs[].task.output_files[].destination.container",
    .meaning = "The container of output files; it must exist, folders in it "
               "are made",
    .one_of = output_containers,
    .refused = output_container_refused,
    KEY_SET(output_container_rows)};

static const struct key upload_options_rows[] = {
    {KEY(upload_options_fields, upload_condition),
     CHOICE("task_completion", "task_success", "task_failure"),
     .fallback = "task_completion",
     .meaning = "Whether they are stored whatever becomes of the task, or only "
                "when its program has exited with 0, or only when it has not"},
};
const struct key_set upload_options_keys = {
    .name = "upload_options",
    .noun = "the upload options of an output file",
    .plural = "upload options",
    .path = "jobs[].task.output_files[].upload_options",
    .meaning = "When output files are stored",
    KEY_SET(upload_options_rows)};
