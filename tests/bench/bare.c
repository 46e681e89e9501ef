/* The bare loop: start a program N times, P at a time, by posix_spawn and
 * wait4, and nothing else. What a runner is compared with.
 *
 *   bare N P PROGRAM              prints "SECONDS TASKS/S"
 *   bare N P PROGRAM DIR [FILE]   each in a folder of its own in DIR, with a
 *                                 copy of FILE; removed when it has ended
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The folder of place k, with its file: made or removed. */
static void folder(const char *dir, const char *file, long k, int make)
{
    char wd[4096], copy[4200];
    static char data[1 << 16];
    ssize_t n;
    snprintf(wd, sizeof(wd), "%s/%ld", dir, k);
    snprintf(copy, sizeof(copy), "%s/file", wd);
    if (!make) {
        unlink(copy);
        rmdir(wd);
        return;
    }
    mkdir(wd, 0700);
    if (!file)
        return;
    int from = open(file, O_RDONLY);
    int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    while ((n = read(from, data, sizeof(data))) > 0)
        if (write(to, data, (size_t)n) != n)
            break;
    close(from);
    close(to);
}

static pid_t start(char *program, const char *dir, const char *file, long k)
{
    char *const task[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    char wd[4096];
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    if (dir) {
        folder(dir, file, k, 1);
        snprintf(wd, sizeof(wd), "%s/%ld", dir, k);
        posix_spawn_file_actions_addchdir_np(&actions, wd);
    }
    if (posix_spawn(&pid, program, &actions, NULL, task, environ) != 0) {
        perror(program);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

enum { MAX_WIDTH = 1024 };

int main(int argc, char **argv)
{
    static pid_t running[MAX_WIDTH];
    if (argc < 4 || argc > 6 || atol(argv[2]) > MAX_WIDTH) {
        fprintf(stderr, "usage: bare N P PROGRAM [DIR [FILE]]\n");
        return 2;
    }
    long count = atol(argv[1]), width = atol(argv[2]);
    const char *dir = argc > 4 ? argv[4] : NULL;
    const char *file = argc > 5 ? argv[5] : NULL;
    long started = 0, ended = 0;
    double begin = now();
    while (ended < count) {
        for (long k = 0; k < width && started < count; k++)
            if (running[k] == 0) {
                running[k] = start(argv[3], dir, file, k);
                started++;
            }
        pid_t pid = wait4(-1, NULL, 0, NULL);
        for (long k = 0; pid > 0 && k < width; k++)
            if (running[k] == pid) {
                running[k] = 0;
                ended++;
                if (dir)
                    folder(dir, file, k, 0);
            }
    }
    double took = now() - begin;
    printf("%.3f %.0f\n", took, (double)count / took);
    return 0;
}
