/* The man page mpibatch-jobspec(5) in mdoc, made from the table of keys. What
 * is not about one key, such as templates, is text here. */
#include "config.h"
#include "spec/spec.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "spec/keys.h"

static const char head[] =
    ".Dd November 23, 2026\n"
    ".Dt MPIBATCH-JOBSPEC 5\n"
    ".Os mpibatch\n"
    ".Sh NAME\n"
    ".Nm mpibatch-jobspec\n"
    ".Nd job specs of mpibatch\n"
    ".Sh DESCRIPTION\n"
    "A job spec is a YAML file that says which tasks\n"
    ".Sy mpibatch\n"
    "is to run: a pool, and jobs, which are sets of tasks.\n"
    "Keys that are not described here are errors.\n"
    ".Sh EXAMPLES\n"
    "One task for each combination of temperature and size:\n"
    ".Bd -literal -offset indent\n"
    "name: ising\n"
    "jobs:\n"
    "  - id: scan\n"
    "    sweep:\n"
    "      parameters:\n"
    "        L: [16, 32, 64]\n"
    "        T: {values: [2.2, 2.3, 2.4], units: J/k}\n"
    "    task:\n"
    "      command_line: ./ising --size {L} --temperature {T:.3f}\n"
    "      constraints: {max_wall_clock_time: 10m}\n"
    "    metrics:\n"
    "      energy: {regex: '^E = (\\eS+)', units: J}\n"
    ".Ed\n"
    ".Pp\n"
    "Two tasks that have nothing in common:\n"
    ".Bd -literal -offset indent\n"
    "jobs:\n"
    "  - tasks:\n"
    "      - {id: first, command_line: ./prepare}\n"
    "      - {id: second, command_line: [./count, 'a b.txt']}\n"
    ".Ed\n";

static const char sweeps[] =
    ".Sh SWEEPS\n"
    "A sweep makes a task of each of its points; a point is a value for each\n"
    "parameter.\n"
    "The points are those of the method, in its order, less what\n"
    ".Cm exclude\n"
    "and\n"
    ".Cm when\n"
    "take away, with each one\n"
    ".Cm repeat\n"
    "times; behind them stand those of\n"
    ".Cm include .\n"
    "The number of points is compared with\n"
    ".Cm max_tasks\n"
    "before anything is made; points are computed when they are needed, so\n"
    "that their number costs neither time nor memory.\n"
    "A sweep without any point is an error.\n"
    ".Bd -literal -offset indent\n"
    "sweep:                        # a grid with linked parameters\n"
    "  parameters:\n"
    "    T: {range: {from: 1.5, to: 3.5, step: 0.1}, units: J/k}\n"
    "    n: [64, 128, 256]\n"
    "    ranks: [1, 2, 8]\n"
    "  zip: [[n, ranks]]\n"
    "  exclude: [{T: 1.5, n: 256}]\n"
    "  when: T < 3 or n <= 128\n"
    "  repeat: {count: 10, seed: seed}\n"
    "\n"
    "sweep:                        # a Latin hypercube\n"
    "  method: lhs\n"
    "  count: 1000\n"
    "  seed: 7\n"
    "  parameters:\n"
    "    x: {min: 0, max: 1}\n"
    "    tolerance: {min: 1e-6, max: 1e-2, distribution: log_uniform}\n"
    "\n"
    "sweep: {from: points.csv}     # a row a point\n"
    "\n"
    "sweep: {from: {files: 'inputs/**/*.dat'}}  # a file a point: {file}\n"
    ".Ed\n"
    ".Pp\n"
    "What is drawn is the same on any machine and for any number of ranks.\n"
    "In results.h5 each parameter of a grid, and each group of linked ones, is\n"
    "a dimension, as is the one of\n"
    ".Cm repeat ;\n"
    "the points of other methods lie along one dimension, run.\n"
    ".Sh EXPRESSIONS\n"
    "Conditions, such as those of\n"
    ".Cm when ,\n"
    "are written as in Python:\n"
    ".Li n > 64 and solver == \\(dqgmres\\(dq .\n"
    ".Bl -tag -width Ds\n"
    ".It Cm or , and , not\n"
    "of conditions.\n"
    ".It Cm == , != , < , <= , > , >=\n"
    "may be chained: 0 < x <= 1.\n"
    "Numbers are compared as such, whatever their types; a text is never equal\n"
    "to a number, and which of them is larger is an error.\n"
    ".It Cm in , not in\n"
    "a list: solver in [\"cg\", \"gmres\"]; of a text: \"ab\" in name.\n"
    ".It Cm + , - , * , / , // , % , **\n"
    "and parentheses; integers stay exact.\n"
    ".It Cm abs , ceil , floor , round , sqrt , exp , log , log2 , log10\n"
    "of a number.\n"
    ".It Cm max , min\n"
    "of numbers: max(x, y).\n"
    ".It Cm len , contains , startswith , endswith , matches\n"
    "of texts: len(x), startswith(x, \"run\");\n"
    "matches(x, \"run-[0-9]*\") has a pattern of the shell's.\n"
    ".El\n"
    ".Pp\n"
    "Texts stand in quotes of either kind; true, false and null are known.\n"
    "What is not known, such as a metric that is missing, is null: it equals\n"
    "only null, and any other comparison with it is false.\n";

static const char files[] =
    ".Sh STORAGE\n"
    "Containers are folders on storage that all nodes share.\n"
    "Before a task starts, its\n"
    ".Cm resource_files\n"
    "are put into a directory of its own on the disk of its node; when it has\n"
    "ended, its\n"
    ".Cm output_files\n"
    "are stored, and the directory is removed.\n"
    "Shared storage is read once for each file, whatever the number of nodes and\n"
    "tasks: the rest comes from node to node, and from the cache of each.\n"
    ".Bd -literal -offset indent\n"
    "storage:\n"
    "  containers: {inputs: data/in, results: data/out}\n"
    "pool:\n"
    "  application_packages:\n"
    "    - {application_id: solver, version: '1.0', path: solver.tar.gz,\n"
    "       add_to_path: bin}\n"
    "jobs:\n"
    "  - sweep: {parameters: {T: [1.5, 2.0, 2.5]}}\n"
    "    task:\n"
    "      command_line: solve --temperature {T} mesh.dat\n"
    "      application_package_references: [{application_id: solver}]\n"
    "      resource_files:\n"
    "        - {auto_storage_container_name: inputs}\n"
    "      output_files:\n"
    "        - file_pattern: '*.dat'\n"
    "          destination: {container: {container_name: results,\n"
    "                                    path: 'T={T}'}}\n"
    "        - {file_pattern: ../stdout.txt, return: true}\n"
    ".Ed\n"
    ".Pp\n"
    "The directory of a task is laid out as on a node of Azure Batch, below\n"
    "AZ_BATCH_NODE_ROOT_DIR:\n"
    ".Bl -tag -width Ds\n"
    ".It Pa workitems/JOB/job-1/TASK/wd\n"
    "Where the task starts: AZ_BATCH_TASK_WORKING_DIR.\n"
    ".It Pa workitems/JOB/job-1/TASK/stdout.txt , stderr.txt\n"
    "What it has printed, when something asks for it.\n"
    ".It Pa shared\n"
    "For what tasks of a node share: AZ_BATCH_NODE_SHARED_DIR.\n"
    ".It Pa applications\n"
    "Application packages: AZ_BATCH_APP_PACKAGE_ID_VERSION.\n"
    ".El\n"
    ".Pp\n"
    "What cannot be prepared is a pre-processing error of the task, what cannot\n"
    "be stored a file-upload error; neither is tried again.\n";

static const char values[] =
    ".Sh VALUES\n"
    "Plain scalars have the types of YAML 1.2:\n"
    ".Li 1e-4\n"
    "is a number,\n"
    ".Li no ,\n"
    ".Li 010\n"
    "and\n"
    ".Li 12:30:00\n"
    "are not a boolean, an octal number and a number of seconds.\n"
    "Where a text is needed, the source of a number is that text.\n"
    ".Bl -tag -width Ds\n"
    ".It Durations\n"
    ".Li 90s , 1h30m , 1.5h , 250ms , 2d ,\n"
    ".Li 01:30:00 , 1-12:00:00 , PT1H30M ,\n"
    "or a number of seconds.\n"
    ".It Sizes\n"
    ".Li 512MiB , 1.5GiB , 4GB ,\n"
    "or a number of bytes; KiB, MiB, GiB and TiB, and K, M, G and T alone, are\n"
    "powers of 1024, KB, MB, GB and TB of 1000.\n"
    ".It Permissions\n"
    "Three octal digits, with or without a 0 in front, in quotes or not:\n"
    ".Li \\(dq0640\\(dq .\n"
    ".It Anchors\n"
    "Anchors, aliases and merge keys work:\n"
    ".Li \"<<: *base\"\n"
    "puts the keys of a mapping into another, which may have its own.\n"
    ".El\n"
    ".Sh TEMPLATES\n"
    "In command lines, values of environment settings, working folders, paths\n"
    "and URLs of files and ids of tasks these are replaced for each task:\n"
    ".Bl -tag -width Ds\n"
    ".It Brq Ar x\n"
    "The value of parameter\n"
    ".Ar x ,\n"
    "as it is written in the job spec.\n"
    ".It Li {x.name} , {x.stem} , {x.suffix} , {x.dir}\n"
    "Of a parameter whose values are files: the name without its folders, that\n"
    "without its suffix, the suffix with its dot, and the folder.\n"
    ".It Brq Ar x : Ns Ar format\n"
    "The same, formatted as Python would:\n"
    ".Li {x:.3f} , {x:04d} , {x:>8s} .\n"
    ".It Brq task.id\n"
    ".It Brq task.index\n"
    ".It Brq job.id\n"
    ".It Brq run.dir\n"
    "The id and index of the task, its job, and the run directory.\n"
    ".It Brq spec.dir\n"
    "The folder of the job spec.\n"
    ".It Brq storage. Ns Ar name\n"
    "The folder of that container.\n"
    ".It Li {{ No and Li }}\n"
    "A brace.\n"
    ".El\n"
    ".Pp\n"
    "A value that goes into a line for the shell is quoted: it is one word or\n"
    "a part of one, whatever it contains.\n"
    "A text that starts with a brace needs quotes, or YAML takes it for a\n"
    "mapping.\n"
    ".Sh SEE ALSO\n"
    ".Li mpibatch --help\n";

enum { LINE_BYTES = 72 };

/* Does a line end at the blank s of a text, of which `line` bytes are in it?
 * Sentences begin on a new one, as roff wants it. */
static bool line_ends(const char *text, const char *s, size_t line)
{
    return *s == ' ' &&
           (line + strcspn(s + 1, " ") > LINE_BYTES ||
            (s - text > 1 && s[-1] == '.' && isupper((unsigned char)s[1])));
}

/* Append a text with what is special to roff escaped; if wrap, in lines of
 * about LINE_BYTES, else as arguments of a macro, which would lose quotes. */
static int put_escaped(struct buf *out, const char *s, bool wrap)
{
    size_t line = 0;
    bool first = true; /* of a line */
    for (const char *text = s; *s; s++, line++) {
        bool ends = wrap && line_ends(text, s, line);
        int rc = ends                 ? buf_putc(out, '\n')
                 : *s == '\\'         ? buf_puts(out, "\\e")
                 : *s == '"' && !wrap ? buf_puts(out, "\\(dq")
                 : first && (*s == '.' || *s == '\'')
                     ? buf_printf(out, "\\&%c", *s)
                     : buf_putc(out, *s);
        if (rc < 0)
            return -1;
        first = ends;
        line = ends ? 0 : line;
    }
    return 0;
}

/* Append a macro or the start of a sentence, text, and what ends it. */
static int put_line(struct buf *out, const char *before, const char *text,
                    const char *after)
{
    bool macro = strchr(before, '\n') || before[0] == '.';
    if (buf_puts(out, before) < 0 || put_escaped(out, text, !macro) < 0)
        return -1;
    return buf_puts(out, after);
}

static int put_key(struct buf *out, const struct key_set *set,
                   const struct key *key)
{
    struct buf type;
    buf_init(&type, 1024);
    int rc = key_type_describe(key->type, &type);
    if (rc == 0)
        rc = buf_printf(out, ".It Cm %s\n", key->name);
    if (rc == 0)
        rc = put_line(out, "", key->meaning, ".\n");
    if (rc == 0)
        rc = put_line(out, "It is ", buf_text(&type), ".\n");
    if (rc == 0 && key->required)
        rc = buf_puts(out, "Required.\n");
    if (rc == 0 && key->fallback)
        rc = put_line(out, "Default: ", key->fallback, ".\n");
    if (rc == 0 && key->otherwise)
        rc = put_line(out, "Without it: ", key->otherwise, ".\n");
    const struct key *other;
    for (size_t i = 0; rc == 0 && (other = key_excluded(set, key, i)); i++)
        rc = put_line(out, "Not together with\n.Cm ", other->name, " .\n");
    if (rc == 0 && key->example)
        rc = buf_printf(out, "Example:\n.Dl %s: ", key->name);
    if (rc == 0 && key->example)
        rc = put_escaped(out, key->example, false);
    if (rc == 0 && key->example)
        rc = buf_putc(out, '\n');
    buf_fini(&type);
    return rc;
}

static int put_set(struct buf *out, const struct key_set *set)
{
    if (buf_printf(out, ".Ss Keys of %s\n", set->noun) < 0 ||
        put_line(out, "", set->meaning, ".\n") < 0)
        return -1;
    if (set->path && put_line(out, "It stands under\n.Li ", set->path, " .\n"))
        return -1;
    if (set->ignored &&
        buf_printf(out,
                   "Keys that begin with\n.Cm %s\nare ignored: values that "
                   "anchors are for.\n",
                   set->ignored) < 0)
        return -1;
    if (buf_puts(out, ".Bl -tag -width Ds\n") < 0)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        if (put_key(out, set, &set->keys[i]) < 0)
            return -1;
    return buf_puts(out, ".El\n");
}

int spec_put_man(struct buf *out, struct err *err)
{
    int rc = buf_puts(out, head);
    if (rc == 0)
        rc = buf_puts(out, ".Sh KEYS\n");
    for (size_t i = 0; rc == 0 && key_sets[i]; i++)
        rc = put_set(out, key_sets[i]);
    if (rc == 0)
        rc = buf_puts(out, sweeps);
    if (rc == 0)
        rc = buf_puts(out, files);
    if (rc == 0)
        rc = buf_puts(out, values);
    return rc < 0 ? err_sys(err, errno, "cannot write the man page") : 0;
}
