/* Signals as a file to be read: see signals.h. */
#include "config.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

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
