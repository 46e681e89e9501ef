/* mpibatch init: write a job spec to start from. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/datadir.h"

enum kind { KIND_SWEEP, KIND_RANDOM, KIND_CSV, KIND_TASKS, KIND_COMMANDS };

struct init_values {
    const char *file;
    enum kind kind;
    bool force;
};

enum { SPEC_BYTES = 1 << 16 };

static const char head[] =
    "# A job spec of mpibatch. It runs as it is: put your own program in.\n";

static const char keys[] =
    "#\n"
    "# All keys: man mpibatch-jobspec. More examples: mpibatch example\n"
    "\n"
    "jobs:\n";

static const char sweep[] =
    "  - id: scan\n"
    "    # A task for each combination of these values: here 3 x 2 x 2.\n"
    "    sweep:\n"
    "      parameters:\n"
    "        temperature: {values: [0.5, 1.0, 1.5], units: K}\n"
    "        size: [16, 32]\n"
    "        seed: [1, 2]\n"
    "\n";

static const char random_points[] =
    "  - id: cloud\n"
    "    # A task for each of 20 random points; the same seed gives the same\n"
    "    # points. lhs, sobol and halton fill the ranges more evenly.\n"
    "    sweep:\n"
    "      method: random\n"
    "      count: 20\n"
    "      seed: 1\n"
    "      parameters:\n"
    "        temperature: {min: 0.5, max: 1.5, units: K}\n"
    "        size: {values: [16, 32], distribution: choice}\n"
    "        seed: {min: 1, max: 1000000, distribution: integer}\n"
    "\n";

/* %s: the table's name, as YAML has it. */
static const char csv_points[] =
    "  - id: table\n"
    "    # A task for each row of the table; its columns are the parameters.\n"
    "    sweep: {from: %s}\n"
    "\n";

static const char csv_table[] = "temperature,size,seed\n"
                                "0.5,16,1\n"
                                "1.0,16,2\n"
                                "1.5,32,3\n";

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

static const char commands_head[] =
    "# Command lines for mpibatch, one a line; lines that begin with # and\n"
    "# empty ones are skipped. Each is a task; they run in this folder, in any\n"
    "# order, as many at a time as there are cores.\n";

static const char commands[] = "\n"
                               "echo one\n"
                               "echo two | tr a-z A-Z\n"
                               "echo \"it's three\"\n";

static const char listed[] =
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

/* What to do with the file, as one types it. */
static int usage_put(const char *name, struct buf *out)
{
    struct buf word;
    buf_init(&word, SPEC_BYTES);
    int rc = text_put_shell_word(&word, name);
    if (rc == 0)
        rc = buf_printf(out,
                        "#\n#   mpibatch plan %s         what would run\n"
                        "#   mpibatch launch %s       here, or in a Slurm "
                        "allocation\n"
                        "#   mpibatch status %s       meanwhile, and "
                        "afterwards\n",
                        buf_text(&word), buf_text(&word), buf_text(&word));
    buf_fini(&word);
    return rc;
}

/* The name of the table beside the spec: "sweep.csv", heap. */
static char *table_path(const char *spec)
{
    const char *base = path_base(spec), *dot = strrchr(base, '.');
    size_t len = (size_t)((dot ? dot : base + strlen(base)) - spec);
    char *path = mem_alloc(len + sizeof(".csv"));
    if (path)
        sprintf(path, "%.*s.csv", (int)len, spec);
    return path;
}

static int csv_put(const char *table, struct buf *out)
{
    struct buf name;
    buf_init(&name, SPEC_BYTES);
    int rc = text_put_yaml(&name, path_base(table));
    if (rc == 0)
        rc = buf_printf(out, csv_points, buf_text(&name));
    buf_fini(&name);
    return rc < 0 ? rc : buf_puts(out, task);
}

/* table: the file with the points; NULL: there is none. */
static int spec_put(const struct init_values *v, const char *table,
                    struct buf *out, struct err *err)
{
    bool is_spec = v->kind != KIND_COMMANDS;
    if (is_spec && schema_put(out, err) < 0)
        return -1;
    int rc = buf_puts(out, is_spec ? head : commands_head);
    if (rc == 0)
        rc = usage_put(v->file, out);
    if (rc == 0 && is_spec)
        rc = buf_puts(out, keys);
    if (rc == 0)
        switch (v->kind) {
        case KIND_SWEEP:
            rc = buf_printf(out, "%s%s", sweep, task);
            break;
        case KIND_RANDOM:
            rc = buf_printf(out, "%s%s", random_points, task);
            break;
        case KIND_CSV:
            rc = csv_put(table, out);
            break;
        case KIND_TASKS:
            rc = buf_puts(out, listed);
            break;
        case KIND_COMMANDS:
            rc = buf_puts(out, commands);
            break;
        }
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
        log_info("%s is written; what it would run: mpibatch plan %s", path,
                 buf_text(&word));
    buf_fini(&word);
}

/* A file is taken for what its name says that it is. */
static int name_check(const struct init_values *v)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    const char *dot = strrchr(path_base(v->file), '.');
    bool spec = false;
    for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++)
        spec |= strcasecmp(dot, endings[i]) == 0;
    if (spec && v->kind == KIND_COMMANDS)
        return usage_error("init",
                           "a file of command lines cannot end in %s; .txt is "
                           "usual",
                           dot);
    if (!spec && v->kind != KIND_COMMANDS)
        return usage_error("init",
                           "\"%s\" does not end in .yaml, as a job spec does; "
                           "command lines: --kind commands",
                           v->file);
    return EXIT_OK;
}

static int files_put(const struct init_values *v, const char *table,
                     struct err *err)
{
    struct buf text, points;
    buf_init(&text, SPEC_BYTES);
    buf_init(&points, SPEC_BYTES);
    int rc = spec_put(v, table, &text, err);
    if (rc == 0 && table && access(v->file, F_OK) == 0 && !v->force)
        table = NULL; /* nothing is written beside it */
    if (rc == 0 && table)
        rc = buf_puts(&points, csv_table) < 0
                 ? err_set(err, ENOMEM, "no memory for the table")
                 : file_put(table, &points, v->force, err);
    if (rc == 0)
        rc = file_put(v->file, &text, v->force, err);
    buf_fini(&points);
    buf_fini(&text);
    return rc;
}

static int init(void *values)
{
    struct init_values *v = values;
    struct err err;
    char *table = NULL;
    if (!v->file)
        v->file = v->kind == KIND_COMMANDS ? "commands.txt"
                  : v->kind == KIND_TASKS  ? "tasks.yaml"
                                           : "sweep.yaml";
    int rc = name_check(v);
    if (rc != EXIT_OK)
        return rc;
    if (v->kind == KIND_CSV && !(table = table_path(v->file))) {
        log_error("no memory for the table's name");
        return EXIT_FAILED;
    }
    rc = files_put(v, table, &err);
    mem_free(table);
    if (rc < 0) {
        log_error("%s", err.text);
        return err.code == ENOMEM ? EXIT_FAILED : EXIT_BAD_USAGE;
    }
    written_say(v->file);
    return EXIT_OK;
}

static const char *const kinds[] = {"sweep", "random",   "csv",
                                    "tasks", "commands", NULL};

static const struct opt opts[] = {
    {.name = "kind",
     .letter = 'k',
     .kind = OPT_CHOICE,
     .value = "KIND",
     .at = offsetof(struct init_values, kind),
     .words = kinds,
     .fallback = "sweep",
     .meaning = "what the tasks are: all combinations of parameters, random "
                "points, the rows of a table (which is written, too), a list, "
                "or a plain file of command lines"},
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
     .meaning = "the file to write (default: sweep.yaml, tasks.yaml or "
                "commands.txt)"}};

static const struct cmd_example examples[] = {
    {"mpibatch init && mpibatch launch sweep.yaml", "The first run"},
    {"mpibatch init --kind csv study.yaml",
     "A spec, and the table study.csv with its points"},
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
