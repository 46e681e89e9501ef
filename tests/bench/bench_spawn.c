/* What a start costs: spawner_start, two pipes, sweep and reap, beside bare
 * posix_spawn and wait4, alternately.
 *
 *   bench_spawn [-n TASKS] [-r ROUNDS] [PROGRAM...]
 *
 * Prints tasks/s of both, one and two at a time, and their ratio (median of
 * the rounds). */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "proc/spawn.h"

enum { MAX_AT_ONCE = 2, MAX_ROUNDS = 99 };

extern char **environ;

struct running {
    pid_t pid;
    int pidfd, fds[4]; /* read, write of stdout; of stderr */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void begin(struct spawner *s, char *const *argv, struct running *r)
{
    struct err err = {0};
    enum spawn_step step;
    if (pipe2(r->fds, O_CLOEXEC) < 0 || pipe2(r->fds + 2, O_CLOEXEC) < 0)
        die("pipe2");
    struct spawn what = {.argv = argv,
                         .envp = environ,
                         .out_fd = r->fds[1],
                         .err_fd = r->fds[3]};
    if (spawner_start(s, &what, &r->pid, &r->pidfd, &step, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    close(r->fds[1]);
    close(r->fds[3]);
}

static void finish(struct spawner *s, struct running *all, int count, int at)
{
    struct running *r = &all[at];
    struct rusage usage;
    pid_t keep[MAX_AT_ONCE];
    char data[4096];
    int status;
    for (int i = 0; i < count; i++)
        keep[i] = all[i].pid;
    while (read(r->fds[0], data, sizeof(data)) > 0)
        ;
    while (read(r->fds[2], data, sizeof(data)) > 0)
        ;
    spawn_sweep(s, r->pid, "BENCH=1", keep, (size_t)count);
    if (spawn_reap(r->pid, &status, &usage) < 0)
        die("spawn_reap");
    close(r->pidfd);
    close(r->fds[0]);
    close(r->fds[2]);
}

/* tasks with a spawner, at_once at a time. Tasks/s. */
static double run_spawner(struct spawner *s, char *const *argv, int tasks,
                          int at_once)
{
    struct running all[MAX_AT_ONCE];
    struct pollfd polls[MAX_AT_ONCE];
    int64_t start = clock_mono_ns();
    int begun = 0;
    for (; begun < at_once; begun++)
        begin(s, argv, &all[begun]);
    for (int done = 0; done < tasks;) {
        for (int i = 0; i < at_once; i++)
            polls[i] = (struct pollfd){.fd = all[i].pidfd, .events = POLLIN};
        if (poll(polls, (nfds_t)at_once, -1) < 0)
            die("poll");
        for (int i = 0; i < at_once; i++) {
            if (!polls[i].revents)
                continue;
            finish(s, all, at_once, i);
            done++;
            all[i].pidfd = -1;
            if (begun++ < tasks)
                begin(s, argv, &all[i]);
        }
    }
    return tasks * 1e9 / (double)(clock_mono_ns() - start);
}

static double run_bare(char *const *argv, int tasks, int at_once)
{
    int64_t start = clock_mono_ns();
    int begun = 0, status;
    pid_t pid;
    struct rusage usage;
    for (; begun < at_once; begun++)
        if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
            die("posix_spawn");
    for (int done = 0; done < tasks; done++) {
        if (wait4(-1, &status, 0, &usage) < 0)
            die("wait4");
        if (begun++ < tasks &&
            posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
            die("posix_spawn");
    }
    return tasks * 1e9 / (double)(clock_mono_ns() - start);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench(struct spawner *s, char *program, int tasks, int rounds)
{
    char *argv[] = {program, NULL};
    for (int at_once = 1; at_once <= MAX_AT_ONCE; at_once++) {
        double ours[MAX_ROUNDS], bare[MAX_ROUNDS], ratio[MAX_ROUNDS];
        for (int i = 0; i < rounds; i++) {
            ours[i] = run_spawner(s, argv, tasks, at_once);
            bare[i] = run_bare(argv, tasks, at_once);
            ratio[i] = ours[i] / bare[i];
        }
        qsort(ours, (size_t)rounds, sizeof(ours[0]), compare);
        qsort(bare, (size_t)rounds, sizeof(bare[0]), compare);
        qsort(ratio, (size_t)rounds, sizeof(ratio[0]), compare);
        printf("%-24s %d at a time: %7.0f/s, bare %7.0f/s, ratio %.2f\n",
               program, at_once, ours[rounds / 2], bare[rounds / 2],
               ratio[rounds / 2]);
    }
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int tasks = 1000, rounds = 5, option;
    while ((option = getopt(argc, argv, "n:r:")) != -1) {
        if (option == 'n')
            tasks = atoi(optarg);
        else if (option == 'r')
            rounds = atoi(optarg);
        else
            return 2;
    }
    if (tasks < MAX_AT_ONCE || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "bench_spawn: -n from %d, -r from 1 to %d\n",
                MAX_AT_ONCE, MAX_ROUNDS);
        return 2;
    }
    struct spawner *s = spawner_create(&err);
    if (!s) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    char standard[] = "/bin/true";
    if (optind == argc)
        bench(s, standard, tasks, rounds);
    for (int i = optind; i < argc; i++)
        bench(s, argv[i], tasks, rounds);
    spawner_destroy(s);
    return 0;
}
