/* The list of commands, and finding them. */
#include "config.h"

#include <string.h>

#include "cli/command.h"

const struct cmd *const cmds[] = {
    &cmd_init,     &cmd_example, &cmd_launch, &cmd_run,     &cmd_validate,
    &cmd_plan,     &cmd_status,  &cmd_tasks,  &cmd_task,    &cmd_explain,
    &cmd_logs,     &cmd_files,   &cmd_pool,   &cmd_node,    &cmd_job,
    &cmd_failures, &cmd_events,  &cmd_export, &cmd_collect, &cmd_storage,
    &cmd_show,     NULL};

static const struct cmd *find(const struct cmd *const *list, const char *name)
{
    const struct cmd *found = NULL;
    for (size_t i = 0; !found && list[i]; i++) {
        if (strcmp(list[i]->name, name) == 0)
            found = list[i];
        else if (list[i]->topics)
            found = find(list[i]->topics, name);
    }
    return found;
}

const struct cmd *cmd_find(const char *name)
{
    return find(cmds, name);
}
