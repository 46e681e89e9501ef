/* mpibatch run: run a job spec on the ranks that mpirun started. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/run_options.h"
#include "cli/session.h"

static const char help[] =
    "Usage: mpibatch run [OPTION]... SPEC\n"
    "   or: mpirun [...] mpibatch run [OPTION]... SPEC\n"
    "Run the tasks of the job spec SPEC (YAML) on the ranks that mpirun\n"
    "started, or with one rank on all cores. The same command, run again,\n"
    "resumes: nothing that has ended runs twice.\n\n" RUN_OPTIONS_HELP
    "\nSignals: USR1 starts nothing more and lets running tasks end; TERM,\n"
    "INT, QUIT, HUP and USR2 end them, too.\n"
    "\nExit codes: 0 all tasks succeeded; 1 some failed; 2 wrong usage or\n"
    "spec; 3 stopped early, resumable; 4 infrastructure lost, resumable.\n";

int cmd_run(int argc, char **argv)
{
    struct session_options o = {0};
    switch (run_options_parse(argc, argv, "run", NULL, &o, NULL, NULL)) {
    case RUN_OPTIONS_HELP_WANTED:
        return usage_show(help);
    case RUN_OPTIONS_BAD:
        return EXIT_BAD_USAGE;
    case RUN_OPTIONS_OK:
        break;
    }
    return session_run(&o);
}
