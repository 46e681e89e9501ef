/* A snapshot of a run: see snapshot.h. */
#include "config.h"
#include "model/snapshot.h"

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"starting", "running", "stopping",
                                        "paused", "finished"};
    return names[state];
}
