/* The bare loop: start a program N times, P at a time, by posix_spawn and
 * wait4, and nothing else. What a runner is compared with.
 *
 *   bare N P PROGRAM     prints "SECONDS TASKS/S"
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bare N P PROGRAM\n");
        return 2;
    }
    long count = atol(argv[1]), width = atol(argv[2]);
    long started = 0, ended = 0;
    char *const task[] = {argv[3], NULL};
    double start = now();
    while (ended < count) {
        while (started < count && started - ended < width) {
            pid_t pid;
            if (posix_spawn(&pid, argv[3], NULL, NULL, task, environ) != 0) {
                perror(argv[3]);
                return 1;
            }
            started++;
        }
        if (wait4(-1, NULL, 0, NULL) > 0)
            ended++;
    }
    double took = now() - start;
    printf("%.3f %.0f\n", took, (double)count / took);
    return 0;
}
