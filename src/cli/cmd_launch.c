/* mpibatch launch: start mpirun itself and run a job spec.
 *
 * The line for submission scripts. It starts mpirun with the options under
 * which deaths are survived, in a process group of its own, passes signals on
 * in a way that mpirun does not turn into its kill sequence, and returns the
 * run's own exit code: mpirun's means nothing once a rank was lost. The code
 * comes from status.json or, for a run that ended before it had one, from a
 * line that rank 0 prints last.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/launch_line.h"
#include "cli/mpirun.h"
#include "cli/origin_self.h"
#include "cli/results_last.h"
#include "cli/run_options.h"
#include "cli/rundir_arg.h"
#include "cli/signals.h"
#include "cli/specfile.h"
#include "manager/manager.h"
#include "spec/spec.h"
#include "store/rundir.h"
#include "store/status.h"
#include "view/terminal.h"

extern char **environ;

struct launch_values {
    struct session_options options; /* as run has them, */
    struct opt_given given;         /* to be passed on */
    const char *mpirun;
    uint64_t ranks, ranks_per_node;
};

/* When the run has ended, mpirun gets so long to end by itself; then TERM,
 * TERM again, KILL, each so much later. One that has lost a node waits for it
 * for ever: then the first is for the ranks that are left, to clean up. */
#define MPIRUN_END_NS       (10 * NS_PER_SEC)
#define MPIRUN_TERM_NS      (5 * NS_PER_SEC)
#define MPIRUN_LOST_END_NS  (5 * NS_PER_SEC)
#define MPIRUN_LOST_TERM_NS (2 * NS_PER_SEC)
/* A run that was asked to stop and does not say that it does, as it is still
 * starting, is asked again so much later. */
#define ASK_AGAIN_NS (2 * NS_PER_SEC)
/* A run whose status file is not renewed for so many times as long as a rank
 * may be silent has lost its manager: its ranks know that first. */
enum { STATUS_PATIENCE = 5 };
enum {
    KEEP_MAX = 256, /* variables that are passed on as they are here */
    NAMES_MAX_BYTES = 1 << 16,
    ARGS_MAX = MPIRUN_MAX_WORDS + 2 * KEEP_MAX + 2 * OPT_GIVEN_MAX + 16,
    POLL_MS = 500,
    POLL_END_MS = 10, /* mpirun has closed its output: it ends now */
    RANKS_MAX = 1 << 20
};

struct launch {
    const struct launch_values *v;
    struct jobspec *spec;
    char *run_dir; /* absolute or relative, as given */
    char id[40];
    struct arena *names; /* of variables, for argv */
    const char *argv[ARGS_MAX];
    unsigned argc;
    pid_t pid;
    bool live; /* rank 0 draws on our terminal */
    int out_fd, signal_fd;
    struct launch_line line;
    int64_t started_ns, ended_ns; /* ended: the run says that it is over */
    int asked;                    /* the signal it was sent to stop; 0: none */
    bool heard;                   /* it says that it stops */
    bool lost;                    /* some of its ranks */
    int64_t asked_ns;
    unsigned kills;
    int64_t kill_at_ns;
    int code; /* of the run; -1: not known */
};

/* ---- The command line ---- */

static void arg_add(struct launch *l, const char *word)
{
    if (l->argc < ARGS_MAX - 1)
        l->argv[l->argc++] = word;
}

/* Is it a variable that a task must not see of the outer mpirun, but that the
 * user may have set for the tasks, or one that mpirun changes (if it is called
 * by its path)? */
static bool is_kept(const char *name)
{
    static const char *const prefixes[] = {
        "OMPI_", "PMIX_", "PRTE_",           "OPAL_",
        "ORTE_", "PATH=", "LD_LIBRARY_PATH="};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Pass a variable on to all ranks: Open MPI's mpirun passes only its own. */
static void env_pass(struct launch *l, enum mpirun_kind kind, const char *name)
{
    if (kind == MPIRUN_HYDRA) /* passes all by itself */
        return;
    arg_add(l, "-x");
    arg_add(l, name);
}

/* Variables that the user's tasks should find as they are here. Names are
 * collected first: environ moves when it is changed. */
static int user_environment(struct launch *l, enum mpirun_kind kind)
{
    const char *found[KEEP_MAX];
    unsigned count = 0;
    for (char **e = environ; *e && count < KEEP_MAX; e++)
        if (is_kept(*e))
            found[count++] = *e;
    for (unsigned i = 0; i < count; i++) {
        size_t len = strcspn(found[i], "=");
        size_t size = len + sizeof("MPIBATCH_USER_ENV_");
        char *name = arena_calloc(l->names, size, 1);
        if (!name)
            return -1;
        snprintf(name, size, "MPIBATCH_USER_ENV_%.*s", (int)len, found[i]);
        if (setenv(name, found[i] + len + 1, 1) < 0)
            return -1;
        env_pass(l, kind, name);
    }
    return 0;
}

static int terminal_pass(struct launch *l, enum mpirun_kind kind)
{
    static char columns[16];
    struct terminal t;
    terminal_detect(&t, STDERR_FILENO);
    l->live = t.live && !l->v->options.plain;
    if (!l->live)
        return 0;
    snprintf(columns, sizeof(columns), "%u", t.width);
    if (setenv("MPIBATCH_TERMINAL", columns, 1) < 0)
        return -1;
    env_pass(l, kind, "MPIBATCH_TERMINAL");
    env_pass(l, kind, "TERM");
    return 0;
}

static uint32_t slurm_nodes(void)
{
    const char *text = getenv("SLURM_JOB_NUM_NODES");
    char *end;
    if (!text || !isdigit((unsigned char)*text))
        return 0;
    unsigned long n = strtoul(text, &end, 10);
    return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

/* The options of run that were given to us; and whether there are colours,
 * which ranks cannot know. */
static int options_pass(struct launch *l)
{
    arg_add(l, "--color");
    arg_add(l, run_colors(&l->v->options) ? "always" : "never");
    const struct opt_given *given = &l->v->given;
    for (unsigned i = 0; i < given->count; i++) {
        const struct opt *opt = given->list[i].opt;
        char *word = arena_calloc(l->names, strlen(opt->name) + 3, 1);
        if (!word)
            return -1;
        sprintf(word, "--%s", opt->name);
        /* the second word of a value stands alone */
        if (i == 0 || given->list[i - 1].opt != opt || !opt->joins ||
            strcmp(given->list[i - 1].value, opt->joins) != 0)
            arg_add(l, word);
        if (given->list[i].value)
            arg_add(l, given->list[i].value);
    }
    return 0;
}

static int command_build(struct launch *l, struct err *err)
{
    static char self[PATH_MAX], scratch[256];
    enum mpirun_kind kind;
    const char *words[MPIRUN_MAX_WORDS];
    struct buf line;

    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n < 0)
        return err_sys(err, errno, "cannot find our own program");
    self[n] = '\0';
    if (mpirun_detect(l->v->mpirun, &kind, err) < 0)
        return -1;
    struct mpirun_wish wish = {.kind = kind,
                               .ranks = (uint32_t)l->v->ranks,
                               .ranks_per_node = (uint32_t)l->v->ranks_per_node,
                               .nodes = slurm_nodes(),
                               .root = geteuid() == 0};
    unsigned count = mpirun_options(&wish, words, scratch);
    arg_add(l, l->v->mpirun);
    for (unsigned i = 0; i < count; i++)
        arg_add(l, words[i]);
    buf_init(&line, PROVENANCE_MAX_COMMAND);
    (void)command_line_put(&line); /* as much as there is room for */
    int rc = setenv("MPIBATCH_LAUNCH_COMMAND", buf_text(&line), 1);
    buf_fini(&line);
    if (rc < 0 || setenv("MPIBATCH_LAUNCH_ID", l->id, 1) < 0 ||
        user_environment(l, kind) < 0 || terminal_pass(l, kind) < 0)
        return err_set(err, ENOMEM, "no memory for the environment");
    env_pass(l, kind, "MPIBATCH_LAUNCH_ID");
    env_pass(l, kind, "MPIBATCH_LAUNCH_COMMAND");
    arg_add(l, self);
    arg_add(l, "run");
    if (options_pass(l) < 0)
        return err_set(err, ENOMEM, "no memory for the options");
    arg_add(l, "--");
    arg_add(l, l->v->options.spec_path);
    l->argv[l->argc] = NULL;
    return 0;
}

/* ---- The process ---- */

static int mpirun_start(struct launch *l, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    /* out of the terminal's foreground group: Ctrl-C is ours to pass on; then
     * it must not read from the terminal either */
    int rc =
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, fds[1], 1);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(&attr, 0);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(&attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
                                                 POSIX_SPAWN_SETSIGMASK);
    if (rc == 0)
        rc = posix_spawnp(&l->pid, l->v->mpirun, &files, &attr,
                          (char *const *)l->argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        return err_sys(err, rc, "cannot start %s", l->v->mpirun);
    }
    l->out_fd = fds[0];
    l->started_ns = clock_mono_ns();
    return 0;
}

/* mpirun forwards USR1 and USR2 to each rank at once, while TERM and INT start
 * its own kill sequence. It says so: not behind the progress line. While it
 * starts, it or the ranks may miss the signal. */
static void stop_ask(struct launch *l)
{
    if (l->live)
        (void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
    kill(l->pid, l->asked);
    l->asked_ns = clock_mono_ns();
}

static void signals_pass(struct launch *l)
{
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (l->asked != SIGUSR2)
            l->asked = info.ssi_signo == SIGUSR1 ? SIGUSR1 : SIGUSR2;
        stop_ask(l);
    }
}

/* What the status file says of our run: finished, with which code? And when
 * was it renewed? */
static void status_look(struct launch *l)
{
    struct snapshot snap;
    struct status_origin from;
    struct stat st;
    struct err err;
    char *path = path_join(l->run_dir, "status.json");
    int64_t now_ns = clock_mono_ns();

    if (status_read(l->run_dir, l->spec, &snap, &from, &err) == 0) {
        if (strcmp(from.launch_id, l->id) == 0 && snap.state == RUN_FINISHED) {
            l->code = snap.exit_code;
            l->lost = snap.ranks_lost > 0;
            if (l->ended_ns == 0)
                l->ended_ns = now_ns;
        }
        bool ours = strcmp(from.launch_id, l->id) == 0;
        l->heard |= ours && snap.state >= RUN_STOPPING;
        mem_free(snap.jobs);
        if (ours && path && stat(path, &st) == 0 && l->ended_ns == 0 &&
            clock_wall_ns() - (int64_t)st.st_mtime * NS_PER_SEC >
                STATUS_PATIENCE * l->v->options.lost_after_ns) {
            log_error("the run gives no sign of life any more");
            l->ended_ns = now_ns - MPIRUN_END_NS; /* end mpirun now */
        }
    }
    mem_free(path);
}

/* The run is over, but mpirun is not: end it, in steps. */
static void mpirun_end(struct launch *l)
{
    int64_t now_ns = clock_mono_ns();
    int64_t wait_ns = l->lost ? MPIRUN_LOST_END_NS : MPIRUN_END_NS;
    if (l->ended_ns == 0 || now_ns < l->ended_ns + wait_ns ||
        now_ns < l->kill_at_ns)
        return;
    if (l->kills++ < 2)
        kill(l->pid, SIGTERM);
    else
        kill(-l->pid, SIGKILL);
    l->kill_at_ns = now_ns + (l->lost ? MPIRUN_LOST_TERM_NS : MPIRUN_TERM_NS);
}

/* What the ranks print; -1: it is over. */
static int output_pass(struct launch *l)
{
    char data[4096];
    ssize_t n = read(l->out_fd, data, sizeof(data));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0)
        return -1;
    struct buf rest;
    buf_init(&rest, sizeof(data) + LAUNCH_LINE_MAX);
    launch_line_feed(&l->line, data, (size_t)n, &rest);
    if (rest.len > 0)
        stdout_put(rest.data, rest.len);
    buf_fini(&rest);
    return 0;
}

/* Wait for mpirun; its wait status. */
static int mpirun_wait(struct launch *l)
{
    int status = 0;
    bool open = true;
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = l->signal_fd, .events = POLLIN},
            {.fd = open ? l->out_fd : -1, .events = POLLIN}};
        if (poll(fds, 2, open ? POLL_MS : POLL_END_MS) > 0) {
            if (fds[0].revents)
                signals_pass(l);
            if (fds[1].revents && output_pass(l) < 0)
                open = false;
        }
        if (waitpid(l->pid, &status, WNOHANG) == l->pid)
            break;
        status_look(l);
        if (l->asked && !l->heard &&
            clock_mono_ns() >= l->asked_ns + ASK_AGAIN_NS)
            stop_ask(l);
        mpirun_end(l);
    }
    while (open && poll(&(struct pollfd){.fd = l->out_fd, .events = POLLIN}, 1,
                        POLL_MS) > 0)
        open = output_pass(l) == 0;
    return status;
}

/* The code to return: the run's own word, else what is left to believe. */
static int code_find(struct launch *l, int status)
{
    status_look(l);
    if (l->code < 0)
        l->code = launch_line_code(&l->line, l->id);
    if (l->code >= 0)
        return l->code;
    if (l->asked && !l->heard) {
        log_info("stopped while the run was starting; the same command "
                 "resumes");
        return EXIT_STOPPED;
    }
    if (WIFSIGNALED(status))
        log_error("%s was ended by signal %d; the same command resumes",
                  l->v->mpirun, WTERMSIG(status));
    else
        log_error("the run was lost (%s: exit code %d); the same command "
                  "resumes",
                  l->v->mpirun, WEXITSTATUS(status));
    return EXIT_LOST;
}

/* What a run that was stopped or lost has left undone. */
static int results_late(const struct launch *l, int code)
{
    struct err err;
    struct rundir *r =
        code == EXIT_USAGE ? NULL : rundir_open_read(l->run_dir, &err);
    /* with the tables as they were, whatever has become of the files */
    struct jobspec *spec = r ? run_spec_load(r) : NULL;
    if (spec)
        code = results_last(r, spec, code);
    jobspec_destroy(spec);
    rundir_close(r);
    return code;
}

static int launch_prepare(struct launch *l, struct err *err)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, errno, "no random numbers");
    snprintf(l->id, sizeof(l->id), "%016" PRIx64, random);
    l->names = arena_create(NAMES_MAX_BYTES);
    if (!l->names)
        return err_set(err, ENOMEM, "no memory");
    l->signal_fd = signals_open(err);
    if (l->signal_fd < 0)
        return -1;
    l->run_dir = l->v->options.run_dir
                     ? mem_strdup(l->v->options.run_dir)
                     : specfile_run_dir(l->v->options.spec_path);
    if (!l->run_dir)
        return err_set(err, ENOMEM, "no memory");
    return command_build(l, err);
}

static int launch(void *values)
{
    struct launch l = {.v = values, .code = -1};
    struct buf text;
    struct err err;

    if (l.v->options.dry_run)
        return run_dry(&l.v->options);
    /* errors of the spec are said once, here, before anything is started */
    buf_init(&text, SPEC_MAX_BYTES);
    l.spec = specfile_load(l.v->options.spec_path, false, &text);
    buf_fini(&text);
    if (!l.spec)
        return EXIT_BAD_USAGE;
    launch_line_init(&l.line);
    int code = EXIT_BAD_USAGE;
    if (launch_prepare(&l, &err) < 0 || mpirun_start(&l, &err) < 0)
        log_error("%s", err.text);
    else
        code = code_find(&l, mpirun_wait(&l));
    code = results_late(&l, code);
    launch_line_fini(&l.line);
    jobspec_destroy(l.spec);
    mem_free(l.run_dir);
    arena_destroy(l.names);
    return code;
}

static const struct opt opts[] = {
    {.name = "ranks",
     .letter = 'n',
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct launch_values, ranks),
     .what = "a number of ranks",
     .min = 1,
     .max = RANKS_MAX,
     .otherwise = "as --ranks-per-node says",
     .meaning = "N ranks in all"},
    {.name = "ranks-per-node",
     .letter = 'r',
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct launch_values, ranks_per_node),
     .what = "a number of ranks",
     .min = 1,
     .max = RANKS_MAX,
     .otherwise = "1",
     .meaning = "N ranks on each node"},
    {.name = "mpirun",
     .letter = 'm',
     .kind = OPT_FILE,
     .value = "PROGRAM",
     .at = offsetof(struct launch_values, mpirun),
     .fallback = "mpirun",
     .meaning = "start the ranks by this mpirun"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    {.opts = run_opts,
     .count = RUN_OPTS,
     .at = offsetof(struct launch_values, options),
     .given_at = offsetof(struct launch_values, given)},
    OPT_SET(color_opts, offsetof(struct launch_values, options.display))};

static const struct cmd_example examples[] = {
    {"mpibatch launch sweep.yaml", "On this machine, or on all nodes of the "
                                   "Slurm allocation that it is called in"},
    {"mpibatch launch -n 4 sweep.yaml", "On four ranks"},
};

const struct cmd cmd_launch = {
    .name = "launch",
    .summary = "start mpirun and run a job spec",
    .description =
        "Start mpirun, in a Slurm allocation or on this machine, and run the "
        "job spec SPEC on the ranks. The same command, run again, resumes.\n\n"
        "In a submission script it is the last line, as `exec mpibatch launch "
        "sweep.yaml`, with `#SBATCH --signal=B:USR1@60`: a minute before the "
        "walltime nothing more is started. Signals mean what they mean to "
        "`mpibatch run`.",
    .sets = sets,
    .set_count = 3,
    .args = run_args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = run_exits,
    .exit_count = RUN_EXITS,
    .values_size = sizeof(struct launch_values),
    .main = launch};
