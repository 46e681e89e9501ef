/* mpibatch init: write a job spec to start from. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/datadir.h"

enum kind { KIND_SWEEP, KIND_TASKS };

struct init_values {
    const char *file;
    enum kind kind;
    bool force;
};

enum { SPEC_BYTES = 1 << 16 };

/* %s: the file's name, as one types it. */
static const char head[] =
    "# A job spec of mpibatch. It runs as it is: put your own program in.\n"
    "#\n"
    "#   mpibatch validate %s\n"
    "#   mpibatch launch %s       here, or in a Slurm allocation\n"
    "#   mpibatch status %s       meanwhile, and afterwards\n"
    "#\n"
    "# All keys: man mpibatch-jobspec. More examples: mpibatch example\n";

static const char task[] =
    "    task:\n"
    "      # Runs in the folder of this file. {size} is the parameter's value,\n"
    "      # {size:04d} is formatted, {{ and }} are braces.\n"
    "      command_line: echo \"energy = -{size}.{seed} at {temperature}\"\n"
    "      # A task that takes longer is ended, and has failed.\n"
    "      constraints: {max_wall_clock_time: 10m, max_task_retry_count: 1}\n"
    "      # Cores that a task needs.\n"
    "      required_slots: 1\n"
    "\n"
    "    # Values found in the output: columns and cubes of results.h5. The\n"
    "    # parentheses are around the value.\n"
    "    metrics:\n"
    "      energy: {from: stdout, regex: '^energy = (\\S+)', type: float64, "
    "units: J}\n";

static const char sweep_start[] =
    "\njobs:\n"
    "  - id: scan\n"
    "    # A task for each combination of these values: here 3 x 2 x 2.\n"
    "    sweep:\n"
    "      parameters:\n"
    "        temperature: {values: [0.5, 1.0, 1.5], units: K}\n"
    "        size: [16, 32]\n"
    "        seed: [1, 2]\n"
    "\n";

static const char tasks_jobs[] =
    "\njobs:\n"
    "  - id: all\n"
    "    # For each task of this job, unless the task has its own.\n"
    "    constraints: {max_task_retry_count: 1}\n"
    "    common_environment_settings: {LC_ALL: C}\n"
    "    # Each task has its own command line. They run in the folder of this\n"
    "    # file, in any order, as many at a time as there are cores.\n"
    "    tasks:\n"
    "      - id: first\n"
    "        command_line: echo one\n"
    "      - id: second\n"
    "        # Pipes and quotes: such a line is run by /bin/sh.\n"
    "        command_line: echo two | tr a-z A-Z\n"
    "        constraints: {max_wall_clock_time: 10m}\n"
    "      - id: third\n"
    "        # A list of words never sees a shell.\n"
    "        command_line: [echo, it's three]\n"
    "        required_slots: 1\n";

/* The schema for editors, if there is one. */
static int schema_put(struct buf *out, struct err *err)
{
    struct datadir d;
    char path[PATH_MAX];
    if (datadir_find(&d, err) < 0)
        return -1;
    int rc = realpath(d.schema, path)
                 ? buf_printf(out, "# yaml-language-server: $schema=%s\n", path)
                 : 0;
    datadir_fini(&d);
    return rc < 0 ? err_set(err, ENOMEM, "no memory") : 0;
}

static int spec_put(const struct init_values *v, struct buf *out,
                    struct err *err)
{
    struct buf word;
    if (schema_put(out, err) < 0)
        return -1;
    buf_init(&word, SPEC_BYTES);
    int rc = text_put_shell_word(&word, v->file);
    if (rc == 0)
        rc = buf_printf(out, head, buf_text(&word), buf_text(&word),
                        buf_text(&word));
    buf_fini(&word);
    if (rc == 0 && v->kind == KIND_TASKS)
        rc = buf_puts(out, tasks_jobs);
    else if (rc == 0)
        rc = buf_printf(out, "%s%s", sweep_start, task);
    return rc < 0 ? err_set(err, ENOMEM, "no memory for the job spec") : 0;
}

/* Write text to a new file, or over one if force. */
static int file_put(const char *path, const struct buf *text, bool force,
                    struct err *err)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL),
             0666);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, EEXIST, "%s exists already; --force writes over it",
                       path);
    if (fd < 0)
        return err_sys(err, errno, "cannot make %s", path);
    if (file_write_all(fd, buf_text(text), text->len) < 0) {
        err_sys(err, errno, "cannot write %s", path);
        close(fd);
        return -1;
    }
    if (close(fd) < 0)
        return err_sys(err, errno, "cannot write %s", path);
    return 0;
}

/* Say what comes next. */
static void written_say(const char *path)
{
    struct buf word;
    buf_init(&word, SPEC_BYTES);
    if (text_put_shell_word(&word, path) == 0)
        log_info("%s is written; what it would run: mpibatch validate %s", path,
                 buf_text(&word));
    buf_fini(&word);
}

static int init(void *values)
{
    struct init_values *v = values;
    struct buf text;
    struct err err;
    if (!v->file)
        v->file = "sweep.yaml";
    buf_init(&text, SPEC_BYTES);
    int rc = spec_put(v, &text, &err);
    if (rc == 0)
        rc = file_put(v->file, &text, v->force, &err);
    buf_fini(&text);
    if (rc < 0) {
        log_error("%s", err.text);
        return err.code == ENOMEM ? EXIT_FAILED : EXIT_BAD_USAGE;
    }
    written_say(v->file);
    return EXIT_OK;
}

static const char *const kinds[] = {"sweep", "tasks", NULL};

static const struct opt opts[] = {
    {.name = "kind",
     .letter = 'k',
     .kind = OPT_CHOICE,
     .value = "KIND",
     .at = offsetof(struct init_values, kind),
     .words = kinds,
     .fallback = "sweep",
     .meaning = "what the tasks are: all combinations of parameters, or each "
                "with its own command line"},
    {.name = "force",
     .letter = 'f',
     .kind = OPT_FLAG,
     .at = offsetof(struct init_values, force),
     .meaning = "write over a file that exists"}};

static const struct opt_set sets[] = {OPT_SET(opts, 0)};

static const struct arg args[] = {
    {.name = "FILE",
     .noun = "file",
     .kind = OPT_SPEC,
     .at = offsetof(struct init_values, file),
     .optional = true,
     .meaning = "the file to write; without it, sweep.yaml"}};

static const struct cmd_example examples[] = {
    {"mpibatch init && mpibatch launch sweep.yaml", "The first run"},
    {"mpibatch init --kind tasks night.yaml", "Tasks that have nothing in "
                                              "common"},
};

static const struct cmd_exit exits[] = {
    {0, "it is written"},
    {1, "no memory"},
    {2, "wrong usage; the file exists, or cannot be written"}};

const struct cmd cmd_init = {
    .name = "init",
    .summary = "write a job spec to start from",
    .description =
        "Write a job spec with comments to FILE. It is right as it stands, and "
        "runs. Nothing is asked, and no file is overwritten.",
    .sets = sets,
    .set_count = 1,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = 3,
    .values_size = sizeof(struct init_values),
    .main = init};
