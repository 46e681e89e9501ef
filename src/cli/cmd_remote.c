/* Running a command on another node of a task: see cmd_remote.h.
 *
 * The task's environment says which run, task and attempt it is, and which rank
 * has the instance on each host; the session does the rest. Options that ssh
 * has are passed over, and the words of the command are joined for a shell, as
 * ssh does. */
#include "config.h"
#include "cli/cmd_remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/asking.h"
#include "cli/command.h"
#include "wire/msg.h"

enum { REMOTE_FAILED = 255 };

static const char help[] =
    "Usage: mpibatch remote HOST COMMAND...\n\n"
    "Run a command on another node of a task on several nodes, from inside that\n"
    "task: on the CPUs that the task has there, in its folder and environment.\n"
    "It ends with the task at the latest. The mpirun of a task is set up to\n"
    "start its daemons so; there is no need for ssh.\n\n"
    "Exits as the command does, or with 255 if it could not be run.\n";

/* A number of the environment. */
static bool number_get(const char *name, uint32_t *out)
{
    const char *text = getenv(name);
    char *end = NULL;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    *out = (uint32_t)n;
    return text && end > text && *end == '\0' && n <= UINT32_MAX;
}

/* Are they one host: equal, or up to a dot that one of them has? */
static bool is_host(const char *host, const char *name, size_t len)
{
    size_t host_len = strlen(host);
    size_t plain = strcspn(host, "."), name_plain = 0;
    while (name_plain < len && name[name_plain] != '.')
        name_plain++;
    if (host_len == len && strncmp(host, name, len) == 0)
        return true;
    return plain == name_plain && strncmp(host, name, plain) == 0 &&
           (plain == host_len || name_plain == len);
}

/* The rank that has the task's instance on the host; false: none. */
static bool rank_find(const char *host, uint32_t *rank)
{
    const char *name = getenv("AZ_BATCH_HOST_LIST");
    const char *ranks = getenv("MPIBATCH_INSTANCE_RANKS");
    while (name && *name && ranks && *ranks) {
        size_t len = strcspn(name, ",");
        if (is_host(host, name, len)) {
            *rank = (uint32_t)strtoul(ranks, NULL, 10);
            return true;
        }
        name += len + (name[len] == ',');
        ranks += strcspn(ranks, ",");
        ranks += *ranks == ',';
    }
    return false;
}

/* The words of the command, with blanks between them. */
static int line_join(struct buf *line, int argc, char **argv)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < argc; i++)
        rc = buf_printf(line, "%s%s", i > 0 ? " " : "", argv[i]);
    return rc;
}

static int ask(const char *run_dir, const struct ask *what)
{
    struct run_arg run;
    struct answer answer;
    struct err err;
    if (run_arg_open(run_dir, &run) != 0)
        return REMOTE_FAILED;
    int rc = session_ask(&run, what, &answer, NULL, &err);
    run_arg_close(&run);
    if (rc < 0) {
        log_error("remote: %s", err.text);
        return REMOTE_FAILED;
    }
    if (answer.code[0]) {
        log_error("remote: %s", answer.message);
        return REMOTE_FAILED;
    }
    fputs(answer.text, answer.count == 0 ? stdout : stderr);
    return (int)answer.count;
}

int remote_main(int argc, char **argv)
{
    struct ask what = {.what = ASK_REMOTE};
    const char *run_dir = getenv("MPIBATCH_RUN_DIR");
    const char *job_id = getenv("MPIBATCH_JOB_ID");
    struct buf line;
    int i = 0;
    if (argc > 0 && strcmp(argv[0], "--help") == 0)
        return stdout_put(help, strlen(help));
    while (i < argc && argv[i][0] == '-') /* ssh's */
        i++;
    if (argc - i < 2)
        return usage_error("", "remote: a host and a command are needed");
    if (!run_dir || !job_id || strlen(job_id) > JOBSPEC_MAX_ID ||
        !getenv("MPIBATCH_INSTANCE_RANKS") ||
        !number_get("MPIBATCH_JOB_INDEX", &what.job) ||
        !number_get("MPIBATCH_TASK_INDEX", &what.task) ||
        !number_get("MPIBATCH_TASK_ATTEMPT", &what.attempt)) {
        log_error("remote: it runs commands on the nodes of a task on several "
                  "nodes, from inside that task: this is none");
        return REMOTE_FAILED;
    }
    if (!rank_find(argv[i], &what.rank)) {
        log_error("remote: the task is not on %s, but on %s", argv[i],
                  getenv("AZ_BATCH_HOST_LIST"));
        return REMOTE_FAILED;
    }
    memcpy(what.job_id, job_id, strlen(job_id) + 1);
    buf_init(&line, MSG_MAX_REMOTE);
    int rc = REMOTE_FAILED;
    if (line_join(&line, argc - i - 1, argv + i + 1) < 0) {
        log_error("remote: a command is no longer than %d bytes",
                  MSG_MAX_REMOTE);
    } else {
        what.data = line.data;
        what.data_len = line.len;
        rc = ask(run_dir, &what);
    }
    buf_fini(&line);
    return rc;
}
