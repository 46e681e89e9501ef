/* The last look at results.h5: see results_last.h. */
#include "config.h"
#include "cli/results_last.h"

#include "base/log.h"
#include "manager/manager.h"
#include "store/results.h"

int results_last(const struct rundir *r, const struct jobspec *spec, int code)
{
    struct err err;
    if (results_are_current(r, spec) || results_build(r, spec, NULL, &err) == 0)
        return code;
    log_error("cannot make results.h5: %s; the same command tries again",
              err.text);
    return code == EXIT_ALL_SUCCEEDED || code == EXIT_SOME_FAILED ? EXIT_LOST
                                                                  : code;
}
