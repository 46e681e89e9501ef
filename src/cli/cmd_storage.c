/* mpibatch storage: files in and out of containers. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/container_arg.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/storage_move.h"
#include "stage/beneath.h"
#include "stage/listing.h"
#include "stage/remove.h"
#include "view/describe.h"

enum { JSON_BYTES = 512 << 20 };

struct storage_values {
    const char *spec, *container, *folder;
    struct texts names;
    bool json, all, recursive;
    struct display_options display;
};

/* -- Listing ------------------------------------------------------------- */

/* A name in JSON: what is not UTF-8 as \xNN. */
static json_t *name_json(const char *name)
{
    struct buf shown;
    json_t *o = NULL;
    if (text_is_utf8(name, strlen(name)))
        return json_string(name);
    buf_init(&shown, 4 * BENEATH_NAME_MAX + 1);
    if (text_put_printable(&shown, name, strlen(name), false) == 0)
        o = json_string(buf_text(&shown));
    buf_fini(&shown);
    return o;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int containers_json(const struct container_arg *a)
{
    const struct storage *s = &a->spec->storage;
    json_t *o = json_object(), *all = json_array();
    struct err err;
    for (uint32_t i = 0; i < s->container_count; i++) {
        char *path = storage_container_path(s, i, a->folder, &err);
        json_array_append_new(
            all, json_pack("{s:s, s:o, s:b}", "name", s->containers[i].name,
                           "path", name_json(path ? path : ""), "exists",
                           path && is_folder(path)));
        mem_free(path);
    }
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "containers", all);
    return json_print(o, JSON_BYTES);
}

static int containers_show(const struct container_arg *a,
                           const struct storage_values *v)
{
    const struct storage *s = &a->spec->storage;
    struct display d;
    struct err err;
    size_t width = 0;
    if (v->json)
        return containers_json(a);
    display_open(&d, &v->display);
    for (uint32_t i = 0; i < s->container_count; i++)
        if (strlen(s->containers[i].name) > width)
            width = strlen(s->containers[i].name);
    for (uint32_t i = 0; i < s->container_count; i++) {
        char *path = storage_container_path(s, i, a->folder, &err);
        display_printf(&d, "%-*s  %s", (int)width, s->containers[i].name,
                       path ? path : "");
        if (path && !is_folder(path))
            display_styled(&d, STYLE_NOTICE, "  (no such folder)");
        display_puts(&d, "\n");
        mem_free(path);
    }
    return display_close(&d);
}

/* When a file of the container was last written; 0: it is gone. */
static time_t time_of(const struct container_arg *a, const char *name)
{
    struct stat st;
    return fstatat(a->fd, name, &st, 0) == 0 ? st.st_mtim.tv_sec : 0;
}

static void time_put(time_t when, bool iso, char text[32])
{
    struct tm tm;
    text[0] = '\0';
    if (when == 0 || !localtime_r(&when, &tm))
        return;
    if (iso ? strftime(text, 32, "%Y-%m-%dT%H:%M:%S%z", &tm) == 0
            : strftime(text, 32, "%Y-%m-%d %H:%M", &tm) == 0)
        text[0] = '\0';
}

static int files_json(const struct container_arg *a, const struct buf *listing)
{
    json_t *o = json_object(), *all = json_array();
    struct listed f;
    struct err err;
    size_t at = 0;
    char when[32];
    while (storage_listing_next(listing, &at, &f, &err) == 1) {
        time_put(time_of(a, f.name), true, when);
        json_array_append_new(
            all, json_pack("{s:o, s:I, s:s}", "name", name_json(f.name),
                           "bytes", (json_int_t)f.bytes, "modified", when));
    }
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "container", json_string(a->name));
    json_object_set_new(o, "path", name_json(a->path));
    json_object_set_new(o, "files", all);
    return json_print(o, JSON_BYTES);
}

static int files_show(const struct container_arg *a, const struct buf *listing,
                      const struct display_options *options)
{
    struct display d;
    struct listed f;
    struct err err;
    size_t at = 0;
    uint64_t count = 0, bytes = 0;
    char size[16], when[32], files[64];
    display_open(&d, options);
    while (storage_listing_next(listing, &at, &f, &err) == 1) {
        time_put(time_of(a, f.name), false, when);
        display_printf(&d, "%10s  %16s  ", size_format(f.bytes, size), when);
        struct buf name;
        buf_init(&name, 4 * BENEATH_NAME_MAX + 1);
        if (text_put_printable(&name, f.name, strlen(f.name), false) == 0)
            display_printf(&d, "%s\n", buf_text(&name));
        buf_fini(&name);
        count++;
        bytes += f.bytes;
        if (display_over(&d))
            break;
    }
    display_printf(&d, "%s: %s, %s\n", a->name,
                   describe_count(count, "file", files),
                   size_format(bytes, size));
    return display_close(&d);
}

static int list(void *values)
{
    const struct storage_values *v = values;
    struct container_arg a;
    struct listing_seen seen;
    struct buf listing;
    struct err err;
    int rc = container_arg_load(&a, v->spec);
    buf_init(&listing, LISTING_MAX_BYTES);
    if (rc == EXIT_OK && !v->container) {
        rc = containers_show(&a, v);
    } else if (rc == EXIT_OK) {
        rc = container_arg_find(&a, "storage list", v->container);
        if (rc == EXIT_OK)
            rc = container_arg_open(&a, false);
        if (rc == EXIT_OK &&
            listing_make(a.path, a.rest, NULL, &listing, &seen, &err) < 0) {
            log_error("container %s: %s", a.name, err.text);
            rc = EXIT_FAILED;
        } else if (rc == EXIT_OK) {
            storage_links_say(a.path, &seen);
            rc = v->json ? files_json(&a, &listing)
                         : files_show(&a, &listing, &v->display);
        }
    }
    buf_fini(&listing);
    container_arg_fini(&a);
    return rc;
}

/* -- Upload and download ------------------------------------------------- */

static int items_failed(const struct err *err)
{
    log_error("%s", err->text);
    return EXIT_FAILED;
}

static int upload(void *values)
{
    const struct storage_values *v = values;
    struct container_arg a;
    struct storage_items items;
    struct err err;
    int bad = storage_items_init(&items, &err);
    int rc = container_arg_load(&a, v->spec);
    if (rc == EXIT_OK)
        rc = container_arg_find(&a, "storage upload", v->container);
    for (unsigned i = 0; rc == EXIT_OK && bad == 0 && i < v->names.count; i++)
        bad = storage_items_upload(&items, v->names.list[i], a.rest,
                                   v->names.count == 1, &err);
    if (rc == EXIT_OK && bad == 0)
        bad = storage_items_sort(&items, &err);
    if (rc == EXIT_OK && bad < 0)
        rc = items_failed(&err);
    if (rc == EXIT_OK)
        rc = container_arg_open(&a, true);
    if (rc == EXIT_OK) {
        rc = storage_move(&(struct storage_move){
            .items = &items,
            .from = -1,
            .to = a.fd,
            .streams = a.spec->storage.max_concurrent_streams,
            .all = v->all,
            .json = v->json,
            .did = "uploaded",
            .way = "to",
            .container = a.name});
    }
    container_arg_fini(&a);
    storage_items_fini(&items);
    return rc;
}

/* The folder that files are downloaded to. */
static int folder_open(const char *path)
{
    struct err err;
    int fd = -1;
    if (file_make_dirs(path, 0777, &err) == 0) {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            err_sys(&err, errno, "cannot open %s", path);
    }
    if (fd < 0)
        log_error("%s", err.text);
    return fd;
}

static int download(void *values)
{
    const struct storage_values *v = values;
    struct container_arg a;
    struct storage_items items;
    struct err err;
    int fd = -1, bad = storage_items_init(&items, &err);
    int rc = container_arg_load(&a, v->spec);
    if (rc == EXIT_OK)
        rc = container_arg_find(&a, "storage download", v->container);
    if (rc == EXIT_OK)
        rc = container_arg_open(&a, false);
    if (rc == EXIT_OK && bad == 0)
        bad = storage_items_download(&items, a.path, a.rest, &err);
    if (rc == EXIT_OK && bad == 0)
        bad = storage_items_sort(&items, &err);
    if (rc == EXIT_OK && bad < 0)
        rc = items_failed(&err);
    if (rc == EXIT_OK && items.count == 0) {
        log_error("container %s: there is no file%s%s", a.name,
                  *a.rest ? " whose name begins with " : "", a.rest);
        rc = EXIT_FAILED;
    }
    if (rc == EXIT_OK && (fd = folder_open(v->folder)) < 0)
        rc = EXIT_FAILED;
    if (rc == EXIT_OK) {
        rc = storage_move(&(struct storage_move){
            .items = &items,
            .from = a.fd,
            .to = fd,
            .streams = a.spec->storage.max_concurrent_streams,
            .all = v->all,
            .json = v->json,
            .did = "downloaded",
            .way = "from",
            .container = a.name});
    }
    if (fd >= 0)
        close(fd);
    container_arg_fini(&a);
    storage_items_fini(&items);
    return rc;
}

/* -- Deletion ------------------------------------------------------------ */

/* Remove one name. EXIT_FAILED: said why. */
static int name_delete(const struct container_arg *a, const char *name,
                       bool recursive)
{
    char plain[BENEATH_NAME_MAX];
    const char *base;
    struct stat st;
    struct err err;
    if (beneath_plain(name, plain, &err) < 0) {
        log_error("%s/%s %s", a->name, name, err.text);
        return EXIT_FAILED;
    }
    int folder = beneath_parent(a->fd, plain, NULL, &base);
    int rc = folder < 0 ? -1 : fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW);
    if (rc == 0 && S_ISDIR(st.st_mode) && !recursive) {
        log_error("%s/%s is a folder; --recursive deletes it with all that is "
                  "in it",
                  a->name, name);
        close(folder);
        return EXIT_FAILED;
    }
    int code = rc < 0 ? errno : 0;
    if (rc == 0 && remove_tree(folder, base, a->path, &err) < 0)
        code = err.code;
    if (folder >= 0)
        close(folder);
    if (code == 0)
        return EXIT_OK;
    if (code == ENOENT)
        log_error("%s/%s: there is no such file", a->name, name);
    else
        log_error("%s/%s: cannot delete it: %s", a->name, name, strerror(code));
    return EXIT_FAILED;
}

/* What is in a folder, a NUL behind each name. -1 with errno. */
static int names_get(int fd, struct buf *names)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = file_names(own);
    const struct dirent *e;
    int rc = d ? 0 : -1;
    while (rc == 0 && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = buf_put(names, e->d_name, strlen(e->d_name) + 1);
    int code = errno;
    if (d)
        closedir(d);
    errno = code;
    return rc;
}

/* All that is in a container, but not its folder. */
static int container_empty(const struct container_arg *a, bool recursive,
                           uint64_t *deleted)
{
    struct buf names;
    int rc = EXIT_OK;
    if (!recursive) {
        log_error("%s is a container; --recursive deletes all that is in it",
                  a->name);
        return EXIT_FAILED;
    }
    buf_init(&names, LISTING_MAX_BYTES);
    if (names_get(a->fd, &names) < 0) {
        log_error("container %s: cannot read %s: %s", a->name, a->path,
                  strerror(errno));
        rc = EXIT_FAILED;
    }
    for (size_t at = 0; rc == EXIT_OK && at < names.len;
         at += strlen(names.data + at) + 1) {
        rc = name_delete(a, names.data + at, true);
        *deleted += rc == EXIT_OK;
    }
    buf_fini(&names);
    return rc;
}

static int delete_one(struct container_arg *a, const struct storage_values *v,
                      const char *what, uint64_t *deleted)
{
    int rc = container_arg_find(a, "storage delete", what);
    if (rc == EXIT_OK)
        rc = container_arg_open(a, false);
    if (rc != EXIT_OK)
        return rc;
    if (!*a->rest)
        return container_empty(a, v->recursive, deleted);
    rc = name_delete(a, a->rest, v->recursive);
    *deleted += rc == EXIT_OK;
    return rc;
}

static int delete (void *values)
{
    const struct storage_values *v = values;
    struct container_arg a;
    uint64_t deleted = 0;
    char line[128], count[64];
    int rc = container_arg_load(&a, v->spec);
    for (unsigned i = 0; rc != EXIT_BAD_USAGE && i < v->names.count; i++) {
        int one = delete_one(&a, v, v->names.list[i], &deleted);
        rc = one == EXIT_OK ? rc : one;
    }
    if (rc != EXIT_BAD_USAGE && v->json) {
        int printed = json_print(json_pack("{s:i, s:I}", "version", 1,
                                           "deleted", (json_int_t)deleted),
                                 1024);
        rc = rc == EXIT_OK ? printed : rc;
    } else if (rc != EXIT_BAD_USAGE) {
        int len =
            snprintf(line, sizeof(line), "deleted %s%s\n",
                     describe_count(deleted, v->recursive ? "" : "file", count),
                     !v->recursive  ? ""
                     : deleted == 1 ? " file or folder"
                                    : " files and folders");
        int printed = stdout_put(line, (unsigned long)len);
        rc = rc == EXIT_OK ? printed : rc;
    }
    container_arg_fini(&a);
    return rc;
}

/* -- Tables -------------------------------------------------------------- */

#define JSON_OPT(text)                                                         \
    {                                                                          \
        .name = "json", .kind = OPT_FLAG,                                      \
        .at = offsetof(struct storage_values, json), .meaning = text           \
    }

#define ALL_OPT                                                                \
    {                                                                          \
        .name = "all", .kind = OPT_FLAG,                                       \
        .at = offsetof(struct storage_values, all),                            \
        .meaning = "also files that are there with the same size and time"     \
    }

static const struct opt list_opts[] = {
    JSON_OPT("print JSON, {\"version\": 1, \"containers\" or \"files\": "
             "[...]}")};
static const struct opt move_opts[] = {
    ALL_OPT,
    JSON_OPT("print JSON, {\"version\": 1, \"files\", \"bytes\", \"same\", "
             "\"failed\", ...}")};
static const struct opt delete_opts[] = {
    {.name = "recursive",
     .letter = 'r',
     .kind = OPT_FLAG,
     .at = offsetof(struct storage_values, recursive),
     .meaning = "folders, too, with all that is in them"},
    JSON_OPT("print JSON, {\"version\": 1, \"deleted\": N}")};

static const struct opt_set list_sets[] = {
    OPT_SET(list_opts, 0),
    OPT_SET(display_opts, offsetof(struct storage_values, display))};
static const struct opt_set move_sets[] = {OPT_SET(move_opts, 0)};
static const struct opt_set delete_sets[] = {OPT_SET(delete_opts, 0)};

#define SPEC_ARG                                                               \
    {                                                                          \
        .name = "SPEC", .noun = "job spec", .kind = OPT_SPEC,                  \
        .at = offsetof(struct storage_values, spec),                           \
        .meaning = "the job spec that names the containers"                    \
    }

#define CONTAINER_ARG(is_optional, text)                                       \
    {                                                                          \
        .name = "CONTAINER[/PREFIX]", .noun = "container", .kind = OPT_TEXT,   \
        .at = offsetof(struct storage_values, container),                      \
        .optional = (is_optional), .meaning = text                             \
    }

static const struct arg list_args[] = {
    SPEC_ARG,
    CONTAINER_ARG(true, "a container, and what the names of the files "
                        "begin with; without it, the containers")};
static const struct arg upload_args[] = {
    SPEC_ARG,
    CONTAINER_ARG(false, "where the files go to; of one file, PREFIX is its "
                         "name unless it ends with /, else a folder"),
    {.name = "PATH",
     .noun = "file",
     .kind = OPT_TEXTS,
     .at = offsetof(struct storage_values, names),
     .many = true,
     .meaning = "files, and folders with all files below them; a folder that "
                "ends with / without its own name"}};
static const struct arg download_args[] = {
    SPEC_ARG,
    CONTAINER_ARG(false, "a container, and what the names of the files begin "
                         "with; folders in PREFIX are not made again"),
    {.name = "DIR",
     .noun = "folder",
     .kind = OPT_DIR,
     .at = offsetof(struct storage_values, folder),
     .meaning = "where they go to; it is made if it is not there"}};
static const struct arg delete_args[] = {
    SPEC_ARG,
    {.name = "CONTAINER/NAME",
     .noun = "file",
     .kind = OPT_TEXTS,
     .at = offsetof(struct storage_values, names),
     .many = true,
     .meaning = "files of containers; with `--recursive` folders, and a "
                "CONTAINER alone, which is emptied"}};

static const struct cmd_exit exits[] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "some of it could not be done, or was interrupted"},
    {EXIT_BAD_USAGE, "wrong usage, or the job spec has errors"}};
enum { EXITS = sizeof(exits) / sizeof(exits[0]) };

static const struct cmd_example list_examples[] = {
    {"mpibatch storage list sweep.yaml", "The containers and their folders"},
    {"mpibatch storage list sweep.yaml results/energy",
     "Files whose names begin so"}};
static const struct cmd_example upload_examples[] = {
    {"mpibatch storage upload sweep.yaml inputs mesh.dat tables/",
     "A file, and what is in a folder"},
    {"mpibatch storage upload sweep.yaml inputs/big.dat old/mesh-7.dat",
     "A file under another name"}};
static const struct cmd_example download_examples[] = {
    {"mpibatch storage download sweep.yaml results here", "All of a container"},
    {"mpibatch storage download sweep.yaml results/scan/ here",
     "What is below scan/"}};
static const struct cmd_example delete_examples[] = {
    {"mpibatch storage delete sweep.yaml results/scan/3/out.dat", "A file"},
    {"mpibatch storage delete sweep.yaml results --recursive",
     "All that is in a container"}};

static const struct cmd storage_list = {
    .name = "storage list",
    .summary = "list containers, or the files of one",
    .description =
        "List the containers of the job spec SPEC and their folders, or the "
        "files of a container with their sizes and when they were last "
        "written. Links that lead out of the container are left out.",
    .sets = list_sets,
    .set_count = 2,
    .args = list_args,
    .arg_count = 2,
    .examples = list_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct storage_values),
    .main = list};

static const struct cmd storage_upload = {
    .name = "storage upload",
    .summary = "put files into a container",
    .description =
        "Copy files into a container of the job spec SPEC; its folder is made "
        "if it is not there.\n\n"
        "A file appears in the container when it is whole. Files that are "
        "there with the same size and time are left alone: after an "
        "interruption the same command goes on. As many are copied at once as "
        "`max_concurrent_streams` of the job spec says.",
    .sets = move_sets,
    .set_count = 1,
    .args = upload_args,
    .arg_count = 3,
    .examples = upload_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct storage_values),
    .main = upload};

static const struct cmd storage_download = {
    .name = "storage download",
    .summary = "get files out of a container",
    .description =
        "Copy the files of a container of the job spec SPEC to a folder, in "
        "which they have their names in the container.\n\n"
        "A file appears when it is whole. Files that are there with the same "
        "size and time are left alone: after an interruption the same command "
        "goes on.",
    .sets = move_sets,
    .set_count = 1,
    .args = download_args,
    .arg_count = 3,
    .examples = download_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct storage_values),
    .main = download};

static const struct cmd storage_delete = {
    .name = "storage delete",
    .summary = "delete files of a container",
    .description =
        "Delete files of containers of the job spec SPEC, at once and for "
        "good. Links are deleted, not what they lead to.",
    .sets = delete_sets,
    .set_count = 1,
    .args = delete_args,
    .arg_count = 2,
    .examples = delete_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct storage_values),
    .main = delete};

static const struct cmd *const topics[] = {
    &storage_list, &storage_upload, &storage_download, &storage_delete, NULL};

const struct cmd cmd_storage = {
    .name = "storage",
    .summary = "files in and out of containers",
    .description =
        "The containers that a job spec names: put files into them before a "
        "run, and get what tasks have stored behind it.",
    .topics = topics,
    .noun = "action"};
