/* Signals as a file to be read: see signals.h. */
#include "config.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "manager/manager.h"

static void on_bus(int number, siginfo_t *info, void *context)
{
    static const char text[] =
        "mpibatch: error: a file became shorter while it was read; try again "
        "when it is complete\n";
    (void)context;
    if (info->si_code != BUS_ADRERR) { /* a mistake of ours */
        signal(number, SIG_DFL);
        return;
    }
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_LOST);
}

void signals_guard_files(void)
{
    struct sigaction bus = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &bus, NULL);
}

int signals_open(struct err *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
    struct sigaction hup;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(&set, numbers[i]);
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "cannot receive signals") : fd;
}
