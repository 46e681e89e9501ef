/* mpibatch example: list the examples, copy one. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/datadir.h"
#include "cli/display.h"

struct example_values {
    const char *name;
    const char *output;
};

enum {
    EXAMPLES_MAX = 64,
    DEPTH_MAX = 8,
    FILE_BYTES = 64 << 20,
    TITLE_BYTES = 256
};

/* ---- Finding ---- */

/* The folder of the example name, heap; NULL with err. */
static char *example_dir(const struct datadir *d, const char *name,
                         struct err *err)
{
    char *dir = strcmp(name, "jobspecs") == 0 ? mem_strdup(d->jobspecs)
                                              : path_join(d->examples, name);
    if (!dir)
        err_set(err, ENOMEM, "no memory");
    return dir;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* An example says what it is. */
static bool is_example(const struct datadir *d, const char *name)
{
    char *dir = path_join(d->examples, name);
    char *readme = dir ? path_join(dir, "README.md") : NULL;
    bool is = readme && access(readme, R_OK) == 0;
    mem_free(readme);
    mem_free(dir);
    return is;
}

struct names {
    const char *list[EXAMPLES_MAX];
    size_t count;
    struct dirent **entries;
    int entry_count;
};

static int names_read(const struct datadir *d, struct names *names,
                      struct err *err)
{
    *names = (struct names){0};
    names->entry_count =
        scandir(d->examples, &names->entries, is_visible, alphasort);
    if (names->entry_count < 0)
        return err_sys(err, errno, "cannot read the examples in %s",
                       d->examples);
    for (int i = 0; i < names->entry_count && i < EXAMPLES_MAX - 1; i++)
        if (is_example(d, names->entries[i]->d_name))
            names->list[names->count++] = names->entries[i]->d_name;
    names->list[names->count++] = "jobspecs";
    return 0;
}

static void names_fini(struct names *names)
{
    for (int i = 0; i < names->entry_count; i++)
        free(names->entries[i]);
    free(names->entries);
}

/* ---- Listing ---- */

/* The first line of its README.md, without the mark of a heading. */
static void title_read(const char *dir, char title[TITLE_BYTES])
{
    char *path = path_join(dir, "README.md");
    FILE *file = path ? fopen(path, "re") : NULL;
    title[0] = '\0';
    if (file && fgets(title, TITLE_BYTES, file)) {
        size_t mark = strspn(title, "# ");
        title[strcspn(title, "\n")] = '\0';
        memmove(title, title + mark, strlen(title + mark) + 1);
    }
    if (file)
        fclose(file);
    mem_free(path);
}

static int examples_list(const struct datadir *d, struct err *err)
{
    static const struct display_options plain = {.no_pager = true};
    char title[TITLE_BYTES];
    struct display display;
    struct names names;
    int rc = names_read(d, &names, err);
    if (rc < 0)
        return -1;
    display_open(&display, &plain);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        char *dir = example_dir(d, names.list[i], err);
        if (!dir)
            rc = -1;
        else
            title_read(dir, title);
        if (rc == 0)
            display_printf(&display, "%-10s %s\n", names.list[i], title);
        mem_free(dir);
    }
    names_fini(&names);
    int shown = display_close(&display);
    return rc < 0 ? -1 : shown;
}

/* ---- Copying ---- */

/* Files of a build, and hidden ones, are no part of an example. */
static bool is_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && !(dot && strcmp(dot, ".o") == 0);
}

static int file_copy(const char *from, const char *to, mode_t mode,
                     struct err *err)
{
    struct buf data;
    buf_init(&data, FILE_BYTES);
    int rc = file_read(from, &data, err);
    int fd = rc < 0 ? -1
                    : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                           mode & S_IXUSR ? 0777 : 0666);
    if (rc == 0 && fd < 0)
        rc = err_sys(err, errno, "cannot make %s", to);
    if (rc == 0 && file_write_all(fd, buf_text(&data), data.len) < 0)
        rc = err_sys(err, errno, "cannot write %s", to);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = err_sys(err, errno, "cannot write %s", to);
    buf_fini(&data);
    return rc;
}

static int entry_copy(const char *from, const char *to, bool programs,
                      unsigned depth, struct err *err);

/* Copy what is in the folder from to the folder to; programs: only these. It
 * is fine if there is no such folder of programs. */
static int dir_copy(const char *from, const char *to, bool programs,
                    unsigned depth, struct err *err)
{
    DIR *dir = opendir(from);
    struct dirent *entry;
    int rc = 0;
    if (!dir)
        return programs ? 0 : err_sys(err, errno, "cannot read %s", from);
    while (rc == 0 && (entry = readdir(dir))) {
        if (!is_part(entry->d_name))
            continue;
        char *source = path_join(from, entry->d_name);
        char *copy = path_join(to, entry->d_name);
        rc = source && copy ? entry_copy(source, copy, programs, depth, err)
                            : err_set(err, ENOMEM, "no memory");
        mem_free(source);
        mem_free(copy);
    }
    closedir(dir);
    return rc;
}

static int entry_copy(const char *from, const char *to, bool programs,
                      unsigned depth, struct err *err)
{
    struct stat st;
    if (lstat(from, &st) < 0)
        return err_sys(err, errno, "cannot read %s", from);
    if (S_ISREG(st.st_mode) && programs)
        return st.st_mode & S_IXUSR && access(to, F_OK) < 0
                   ? file_copy(from, to, st.st_mode, err)
                   : 0;
    if (S_ISREG(st.st_mode))
        return file_copy(from, to, st.st_mode, err);
    if (!S_ISDIR(st.st_mode) || programs || depth == DEPTH_MAX)
        return 0;
    if (mkdir(to, 0777) < 0)
        return err_sys(err, errno, "cannot make %s", to);
    return dir_copy(from, to, programs, depth + 1, err);
}

/* The one spec in the folder; or "", if there are several. */
static void spec_find(const char *dir, char name[NAME_MAX + 1])
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    unsigned count = 0;
    name[0] = '\0';
    while (d && (entry = readdir(d))) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".yaml") == 0 && count++ == 0)
            snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (count != 1)
        name[0] = '\0';
    if (d)
        closedir(d);
}

/* Are there steps to take before its job spec can be run? */
static bool has_steps(const char *dir)
{
    char *path = path_join(dir, "README.md");
    struct buf page;
    struct err err;
    buf_init(&page, FILE_BYTES);
    bool has = path && file_read(path, &page, &err) == 0 &&
               strstr(buf_text(&page), "\n## 1. ");
    buf_fini(&page);
    mem_free(path);
    return has;
}

static void copied_say(const char *to)
{
    char spec[NAME_MAX + 1];
    struct buf word;
    spec_find(to, spec);
    buf_init(&word, 1 << 16);
    if (text_put_shell_word(&word, to) == 0) {
        if (has_steps(to))
            log_info("copied; %s/README.md walks through it, step by step",
                     buf_text(&word));
        else if (spec[0])
            log_info("copied; %s/README.md explains it; to run it: cd %s && "
                     "mpibatch launch %s",
                     buf_text(&word), buf_text(&word), spec);
        else
            log_info("copied; %s/README.md lists what is there",
                     buf_text(&word));
    }
    buf_fini(&word);
}

static int example_copy(const struct datadir *d, const char *name,
                        const char *to, struct err *err)
{
    char *from = example_dir(d, name, err);
    char *programs = path_join(d->programs, name);
    int rc = !from                  ? -1
             : !programs            ? err_set(err, ENOMEM, "no memory")
             : mkdir(to, 0777) == 0 ? 0
             : errno == EEXIST      ? err_set(err, EEXIST,
                                              "%s exists already; -o DIR copies to "
                                                   "another folder",
                                              to)
                                    : err_sys(err, errno, "cannot make %s", to);
    if (rc == 0)
        rc = dir_copy(from, to, false, 0, err);
    if (rc == 0)
        rc = dir_copy(programs, to, true, 0, err);
    mem_free(from);
    mem_free(programs);
    return rc;
}

/* Is there such an example? If not, that was said. */
static bool name_check(const struct datadir *d, const char *name,
                       struct err *err)
{
    struct names names;
    bool known = false;
    if (names_read(d, &names, err) < 0) {
        log_error("%s", err->text);
        return false;
    }
    for (size_t i = 0; !known && i < names.count; i++)
        known = strcmp(names.list[i], name) == 0;
    const char *near = text_nearest(name, names.list, names.count);
    if (!known && near)
        usage_error("example", "no example \"%s\"; did you mean %s?", name,
                    near);
    else if (!known)
        usage_error("example",
                    "no example \"%s\"; mpibatch example lists "
                    "them",
                    name);
    names_fini(&names);
    return known;
}

static int example(void *values)
{
    const struct example_values *v = values;
    struct datadir d;
    struct err err;
    int rc = EXIT_FAILED;
    if (datadir_find(&d, &err) < 0) {
        log_error("%s", err.text);
        return rc;
    }
    if (v->name && !name_check(&d, v->name, &err)) {
        rc = EXIT_BAD_USAGE;
    } else if (v->name) {
        const char *to = v->output ? v->output : v->name;
        rc = example_copy(&d, v->name, to, &err);
        if (rc == 0)
            copied_say(to);
    } else {
        rc = examples_list(&d, &err);
    }
    if (rc < 0) {
        log_error("%s", err.text);
        rc = err.code == EEXIST ? EXIT_BAD_USAGE : EXIT_FAILED;
    }
    datadir_fini(&d);
    return rc;
}

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_DIR,
     .value = "DIR",
     .at = offsetof(struct example_values, output),
     .otherwise = "NAME, in this folder",
     .meaning = "the folder to make"}};

static const struct opt_set sets[] = {OPT_SET(opts, 0)};

static const char *const names[] = {"azure-workflow", "ising", "povray",
                                    "jobspecs", NULL};

static const struct arg args[] = {
    {.name = "NAME",
     .noun = "example",
     .kind = OPT_TEXT,
     .words = names,
     .at = offsetof(struct example_values, name),
     .optional = true,
     .meaning = "the example to copy; without it, they are listed"}};

static const struct cmd_example examples[] = {
    {"mpibatch example ising && cd ising && mpibatch launch ising.yaml",
     "A sweep with a plot at its end"},
    {"mpibatch example jobspecs", "Short job specs, one for each feature"},
};

static const struct cmd_exit exits[] = {
    {0, "copied, or listed"},
    {1, "it cannot be read or written"},
    {2, "wrong usage, no such example, or the folder exists already"}};

const struct cmd cmd_example = {
    .name = "example",
    .summary = "copy an example that runs",
    .description = "List the examples, or copy the one called NAME, with the "
                   "program that it runs, to a new folder.",
    .sets = sets,
    .set_count = 1,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = 3,
    .values_size = sizeof(struct example_values),
    .main = example};
