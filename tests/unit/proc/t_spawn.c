/* Starting and reaping real processes. */
#include "config.h"
#include "proc/spawn.h"

#include <dirent.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "task.h"

#include "base/file.h"
#include "base/mem.h"
#include "proc/fds.h"

static char folder[] = "/tmp/t_spawn.XXXXXX"; /* of the programs below */
static char *const plain_env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                                  NULL};

static void put_file(const char *name, const char *data, size_t len,
                     mode_t mode)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, data, len), 0);
    close(fd);
}

static int make_programs(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    char path[256];
    static const char junk[] = "\177JUNK\0\1\2\3";
    static const char shell[] = "echo script $0 $1 $2\n";
    static const char lost[] = "#!/nonexistent/interpreter\n";
    put_file("plain", shell, sizeof(shell) - 1, 0755);
    put_file("empty", "", 0, 0755);
    put_file("junk", junk, sizeof(junk), 0755);
    put_file("lost", lost, sizeof(lost) - 1, 0755);
    put_file("denied", shell, sizeof(shell) - 1, 0644);
    put_file("-dash", shell, sizeof(shell) - 1, 0755);
    snprintf(path, sizeof(path), "%s/sub", folder);
    if (mkdir(path, 0755) < 0)
        return -1;
    put_file("sub/denied", shell, sizeof(shell) - 1, 0755);
    return 0;
}

static int remove_programs(void **state)
{
    (void)state;
    char line[256];
    snprintf(line, sizeof(line), "rm -rf %s", folder);
    return system(line);
}

static struct spawner *create(void)
{
    struct err err = {0};
    struct spawner *s = spawner_create(&err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static int count_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Has this process any child, be it a zombie? */
static bool has_children(void)
{
    siginfo_t info = {0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Run a shell line and compare what it prints. */
static void check_line(struct spawner *s, const char *line, const char *want)
{
    struct task t;
    task_shell(s, &t, line, plain_env);
    assert_int_equal(task_finish(&t, &(struct rusage){0}), 0);
    assert_string_equal(t.text, want);
}

static void test_statuses(void **state)
{
    static const struct {
        const char *line;
        int exit_code, signal;
    } cases[] = {{":", 0, 0},
                 {"exit 3", 3, 0},
                 {"exit 255", 255, 0},
                 {"kill -9 $$", -1, 9},
                 {"kill -TERM $$", -1, 15},
                 {"kill -SEGV $$", -1, 11},
                 {"kill -PIPE $$", -1, 13}};
    (void)state;
    struct spawner *s = create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct task t;
        task_shell(s, &t, cases[i].line, plain_env);
        int status = task_finish(&t, &(struct rusage){0});
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                         cases[i].exit_code);
        assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                         cases[i].signal);
    }
    spawner_destroy(s);
    spawner_destroy(NULL);
}

static void test_reaping(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    struct rusage usage;
    int status;
    task_shell(s, &t, "exec sleep 100", plain_env);
    assert_int_equal(spawn_reap(t.pid, &status, &usage), -1);
    assert_int_equal(errno, EAGAIN);
    spawn_signal_group(t.pid, SIGTERM);
    status = task_finish(&t, &usage);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(usage.ru_maxrss > 0);
    assert_int_equal(spawn_reap(t.pid, &status, &usage), -1);
    assert_int_equal(errno, ECHILD);
    spawn_signal_group(t.pid, SIGTERM); /* gone: fine */
    spawn_signal_group(0, SIGKILL);     /* never ourselves */
    /* CPU time, with that of the task's own children */
    task_shell(s, &t,
               "sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'; :",
               plain_env);
    assert_int_equal(task_finish(&t, &usage), 0);
    assert_true(usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec > 5000);
    spawner_destroy(s);
}

/* text with the folder in place of each @. */
static void expand(char *to, size_t size, const char *text)
{
    size_t len = 0;
    for (const char *p = text; *p && len + 1 < size; p++) {
        if (*p == '@')
            len += (size_t)snprintf(to + len, size - len, "%s", folder);
        else
            to[len++] = *p;
    }
    to[len] = '\0';
}

/* Programs by path and by PATH. */
static void test_programs(void **state)
{
    static const struct {
        const char *program, *path; /* PATH, @: the folder; NULL: none */
        const char *want;           /* output, @: the folder */
    } cases[] = {
        {"/bin/echo", "", "a b\n"},
        {"echo", "/usr/bin:/bin", "a b\n"},
        {"echo", "/nonexistent::/etc/passwd:/bin", "a b\n"},
        {"echo", NULL, "a b\n"}, /* the default PATH */
        {"@/plain", "", "script @/plain a b\n"},
        {"./plain", "", "script ./plain a b\n"},
        {"plain", "/bin:@", "script @/plain a b\n"},
        {"plain", "", "script ./plain a b\n"},      /* empty: the cwd */
        {"plain", "/bin:", "script ./plain a b\n"}, /* the same */
        {"-dash", "", "script ./-dash a b\n"},
        {"empty", "@", ""},
        /* one that may not be run does not hide one that may */
        {"denied", "@:@/sub", "script @/sub/denied a b\n"},
    };
    (void)state;
    struct spawner *s = create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char program[256], path[256] = "PATH=", want[256];
        expand(program, sizeof(program), cases[i].program);
        if (cases[i].path)
            expand(path + 5, sizeof(path) - 5, cases[i].path);
        expand(want, sizeof(want), cases[i].want);
        char a[] = "a", b[] = "b";
        char *argv[] = {program, a, b, NULL};
        char *envp[] = {cases[i].path ? path : NULL, NULL};
        struct task t;
        enum spawn_step step;
        struct err err = {0};
        struct spawn what = {.argv = argv, .envp = envp, .cwd = folder};
        if (task_start(s, &t, what, &step, &err) < 0)
            fail_msg("%s: %s", program, err.text);
        assert_int_equal(task_finish(&t, &(struct rusage){0}), 0);
        assert_string_equal(t.text, want);
    }
    spawner_destroy(s);
}

static void test_failures(void **state)
{
    static const struct {
        const char *program, *path, *cwd;
        enum spawn_step step;
        int code;
        const char *text;
    } cases[] = {
        {"t-no-such-program", "/usr/bin:/bin", NULL, SPAWN_EXEC, ENOENT,
         "cannot run t-no-such-program: not found in PATH"},
        {"./t-no-such-program", "/bin", NULL, SPAWN_EXEC, ENOENT,
         "cannot run ./t-no-such-program: No such file or directory"},
        {"/nonexistent/x", "", NULL, SPAWN_EXEC, ENOENT, "/nonexistent/x"},
        {"/etc/passwd/x", "", NULL, SPAWN_EXEC, ENOTDIR, "/etc/passwd/x"},
        {"./denied", "", NULL, SPAWN_EXEC, EACCES, "Permission denied"},
        {"denied", "@:/bin", NULL, SPAWN_EXEC, EACCES, "Permission denied"},
        {"./sub", "", NULL, SPAWN_EXEC, EACCES, "Permission denied"},
        {"./junk", "", NULL, SPAWN_EXEC, ENOEXEC, "Exec format error"},
        {"junk", "@", NULL, SPAWN_EXEC, ENOEXEC, "Exec format error"},
        {"./lost", "", NULL, SPAWN_EXEC, ENOENT, "interpreter"},
        {"", "/bin", NULL, SPAWN_EXEC, ENOENT, "no program"},
        {"echo", "/bin", "/nonexistent", SPAWN_CWD, ENOENT,
         "cannot enter the folder /nonexistent: No such file or directory"},
        {"echo", "/bin", "/etc/passwd", SPAWN_CWD, ENOTDIR, "/etc/passwd"},
    };
    (void)state;
    struct spawner *s = create();
    int fds = count_fds();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char program[256], path[256] = "PATH=";
        snprintf(program, sizeof(program), "%s", cases[i].program);
        expand(path + 5, sizeof(path) - 5, cases[i].path);
        char *argv[] = {program, NULL}, *envp[] = {path, NULL};
        struct task t;
        enum spawn_step step = SPAWN_SETUP;
        struct err err = {0};
        struct spawn what = {.argv = argv,
                             .envp = envp,
                             .cwd = cases[i].cwd ? cases[i].cwd : folder};
        if (task_start(s, &t, what, &step, &err) == 0)
            fail_msg("%s was started", program);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(step, cases[i].step);
        if (!strstr(err.text, cases[i].text))
            fail_msg("%s", err.text);
        assert_false(has_children());
        assert_int_equal(count_fds(), fds);
    }
    spawner_destroy(s);
}

static void test_setup_failures(void **state)
{
    (void)state;
    struct spawner *s = create();
    char program[] = "/bin/true";
    char *argv[] = {program, NULL}, *none[] = {NULL};
    struct task t;
    enum spawn_step step = SPAWN_EXEC;
    struct err err = {0};
    /* no such CPU */
    cpu_set_t *cpus = CPU_ALLOC(8192);
    size_t bytes = CPU_ALLOC_SIZE(8192);
    CPU_ZERO_S(bytes, cpus);
    CPU_SET_S(8191, bytes, cpus);
    struct spawn what = {
        .argv = argv, .envp = none, .cpus = cpus, .cpus_bytes = bytes};
    assert_int_equal(task_start(s, &t, what, &step, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(step, SPAWN_SETUP);
    CPU_FREE(cpus);
    /* a descriptor that is not open */
    int pidfd;
    what =
        (struct spawn){.argv = argv, .envp = none, .out_fd = 999, .err_fd = 2};
    step = SPAWN_EXEC;
    assert_int_equal(spawner_start(s, &what, &t.pid, &pidfd, &step, &err), -1);
    assert_int_equal(err.code, EBADF);
    assert_int_equal(step, SPAWN_SETUP);
    /* arguments that are too long */
    size_t size = 4 << 20;
    char *huge = mem_alloc(size);
    memset(huge, 'x', size - 1);
    huge[size - 1] = '\0';
    char *long_argv[] = {program, huge, NULL};
    what = (struct spawn){.argv = long_argv, .envp = none};
    assert_int_equal(task_start(s, &t, what, &step, &err), -1);
    assert_int_equal(err.code, E2BIG);
    assert_int_equal(step, SPAWN_EXEC);
    mem_free(huge);
    assert_false(has_children());
    spawner_destroy(s);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct spawner *s = NULL;
    for (unsigned long k = 1; !s; k++) {
        struct err err = {0};
        mem_fail_at(k);
        s = spawner_create(&err);
        mem_fail_at(0);
        assert_true(s ? k > 1 : err.code == ENOMEM);
    }
    char program[] = "/bin/true";
    char *argv[] = {program, NULL};
    struct task t;
    enum spawn_step step = SPAWN_EXEC;
    struct err err = {0};
    mem_fail_at(1);
    assert_int_equal(task_start(s, &t,
                                (struct spawn){.argv = argv, .envp = plain_env},
                                &step, &err),
                     -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    assert_int_equal(step, SPAWN_SETUP);
    check_line(s, "echo fine", "fine\n");
    spawner_destroy(s);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct spawner *s = create();
    for (int fd = 60; fd < 64; fd++) /* as MPI's sockets: not close-on-exec */
        assert_int_equal(dup2(2, fd), fd);
    check_line(s,
               "for n in 3 4 5 6 7 8 9 60 61 62 63; do"
               " [ -e /proc/$$/fd/$n ] && echo $n; done; :",
               "");
    check_line(s, "readlink /proc/$$/fd/0", "/dev/null\n");
    check_line(s, "cat", "");
    for (int fd = 60; fd < 64; fd++)
        close(fd);
    struct task t;
    char text[16] = "";
    task_shell(s, &t, "echo to stderr >&2; echo >/dev/stdout to stdout",
               plain_env);
    assert_int_equal(read(t.err, text, sizeof(text) - 1), 10);
    assert_string_equal(text, "to stderr\n");
    assert_int_equal(task_finish(&t, &(struct rusage){0}), 0);
    assert_string_equal(t.text, "to stdout\n");
    spawner_destroy(s);
}

/* Our own fds 0 to 2 are closed, so that the pipes get their numbers. */
static int run_with_low_fds(void)
{
    struct spawner *s = spawner_create(NULL);
    struct task t;
    close(0);
    close(1);
    close(2);
    task_shell(s, &t, "echo out; echo err >&2", plain_env);
    char text[8] = "";
    int rc = read(t.err, text, sizeof(text)) == 4 &&
             task_finish(&t, &(struct rusage){0}) == 0 &&
             strcmp(t.text, "out\n") == 0 && strcmp(text, "err\n") == 0;
    spawner_destroy(s);
    return rc ? 0 : 1;
}

static void check_in_child(int (*run)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(run());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_low_descriptors(void **state)
{
    (void)state;
    check_in_child(run_with_low_fds);
}

static int keeps_low_fds(void (*close_from)(int))
{
    for (int fd = 40; fd < 900; fd += 7)
        dup2(2, fd);
    close_from(41);
    for (int fd = 41; fd < 900; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 1;
    return fcntl(40, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0 ? 0 : 2;
}

static int close_by_kernel(void)
{
    return keeps_low_fds(fds_close_from);
}

static int close_by_proc(void)
{
    return keeps_low_fds(fds_close_by_proc);
}

static void test_closing(void **state)
{
    (void)state;
    check_in_child(close_by_kernel);
    check_in_child(close_by_proc);
}

static void test_session(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    struct procfs_stat st;
    task_shell(s, &t, "echo ready; exec sleep 100", plain_env);
    task_read_lines(&t, 1);
    assert_true(procfs_stat(t.pid, &st));
    assert_int_equal(st.parent, getpid());
    assert_int_equal(st.group, t.pid);
    assert_int_equal(st.session, t.pid);
    spawn_signal_group(t.pid, SIGKILL);
    task_finish(&t, &(struct rusage){0});
    spawner_destroy(s);
}

/* A rank with a controlling terminal: its tasks have none. */
static int run_with_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (setsid() < 0 || master < 0 || grantpt(master) < 0 ||
        unlockpt(master) < 0 || open(ptsname(master), O_RDWR) < 0 ||
        open("/dev/tty", O_RDWR) < 0)
        return 1;
    struct spawner *s = spawner_create(NULL);
    struct task t;
    task_shell(s, &t, "if (: </dev/tty) 2>/dev/null; then exit 4; fi",
               plain_env);
    if (task_finish(&t, &(struct rusage){0}) != 0)
        return 2;
    spawner_destroy(s);
    return open("/dev/tty", O_RDWR) < 0 ? 3 : 0; /* we still have it */
}

static void test_terminal(void **state)
{
    (void)state;
    check_in_child(run_with_terminal);
}

static void test_affinity(void **state)
{
    (void)state;
    struct spawner *s = create();
    cpu_set_t ours, one;
    assert_int_equal(sched_getaffinity(0, sizeof(ours), &ours), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &ours))
            continue;
        char want[32], line[] = "sed -n s/Cpus_allowed_list:.//p"
                                " /proc/self/status";
        char sh[] = "/bin/sh", c[] = "-c";
        char *argv[] = {sh, c, line, NULL};
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        struct task t;
        enum spawn_step step;
        struct spawn what = {.argv = argv,
                             .envp = plain_env,
                             .cpus = &one,
                             .cpus_bytes = sizeof(one)};
        assert_int_equal(task_start(s, &t, what, &step, NULL), 0);
        assert_int_equal(task_finish(&t, &(struct rusage){0}), 0);
        snprintf(want, sizeof(want), "%d\n", cpu);
        assert_string_equal(t.text, want);
    }
    spawner_destroy(s);
}

static void handler(int sig)
{
    (void)sig;
}

/* Signals 32 and 33 are the C library's own; a make that uses posix_spawn
 * leaves them ignored. */
#define LIBC_SIGNALS 0x180000000UL

/* A rank with handlers, blocked and ignored signals, one of which (HUP) was
 * ignored when it started, and raised limits. */
static int run_with_signals(void)
{
    struct rlimit limit = {.rlim_cur = 200, .rlim_max = 400};
    struct task t;
    sigset_t all;
    for (int s = 1; s < SIGSYS; s++) /* a background job ignores some */
        signal(s, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* would reap tasks behind our back */
    setrlimit(RLIMIT_NOFILE, &limit);
    struct spawner *s = spawner_create(NULL);
    limit.rlim_cur = 400;
    setrlimit(RLIMIT_NOFILE, &limit);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGUSR1, handler);
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        task_shell(s, &t, "ulimit -n; sed -n '/^Sig[BIC]/p' /proc/self/status",
                   plain_env);
        unsigned long files, blocked, ignored, caught;
        if (task_finish(&t, &(struct rusage){0}) != 0 ||
            sscanf(t.text, "%lu SigBlk: %lx SigIgn: %lx SigCgt: %lx", &files,
                   &blocked, &ignored, &caught) != 4 ||
            files != 200 || blocked != 0 || caught != 0 ||
            (ignored & ~LIBC_SIGNALS) != 1)
            return 1;
    }
    spawner_destroy(s);
    return 0;
}

static void test_signals(void **state)
{
    (void)state;
    check_in_child(run_with_signals);
}

/* A rank that is killed takes its task with it. */
static void test_parent_dies(void **state)
{
    (void)state;
    int ends[2];
    pid_t task;
    assert_int_equal(pipe(ends), 0);
    pid_t rank = fork();
    if (rank == 0) {
        struct task t;
        task_shell(spawner_create(NULL), &t, "trap '' TERM; exec sleep 100",
                   plain_env);
        _exit(write(ends[1], &t.pid, sizeof(t.pid)) < 0 || pause());
    }
    assert_int_equal(read(ends[0], &task, sizeof(task)), sizeof(task));
    assert_true(is_alive(task));
    kill(rank, SIGKILL);
    waitpid(rank, NULL, 0);
    assert_true(is_gone_soon(task));
    waitpid(task, NULL, 0); /* it came back to us, a subreaper */
    close(ends[0]);
    close(ends[1]);
}

/* Many starts leave nothing behind. */
static void test_many(void **state)
{
    (void)state;
    struct spawner *s = create();
    int fds = count_fds();
    for (int i = 0; i < 200; i++) {
        struct task t;
        char program[] = "true";
        char *argv[] = {program, NULL};
        enum spawn_step step;
        assert_int_equal(
            task_start(s, &t, (struct spawn){.argv = argv, .envp = plain_env},
                       &step, NULL),
            0);
        assert_int_equal(task_finish(&t, &(struct rusage){0}), 0);
    }
    assert_int_equal(count_fds(), fds);
    assert_false(has_children());
    spawner_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_statuses),
                                       cmocka_unit_test(test_reaping),
                                       cmocka_unit_test(test_programs),
                                       cmocka_unit_test(test_failures),
                                       cmocka_unit_test(test_setup_failures),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_descriptors),
                                       cmocka_unit_test(test_low_descriptors),
                                       cmocka_unit_test(test_closing),
                                       cmocka_unit_test(test_session),
                                       cmocka_unit_test(test_terminal),
                                       cmocka_unit_test(test_affinity),
                                       cmocka_unit_test(test_signals),
                                       cmocka_unit_test(test_parent_dies),
                                       cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, make_programs, remove_programs);
}
