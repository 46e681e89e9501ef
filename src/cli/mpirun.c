/* How mpirun must be called: see mpirun.h. What each option is for was found
 * by killing ranks and cutting nodes off, not by reading manuals. */
#include "config.h"
#include "cli/mpirun.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/text.h"

enum { VERSION_BYTES = 4096 };

int mpirun_recognise(const char *text, enum mpirun_kind *kind)
{
    const char *open_mpi = strstr(text, "Open MPI) ");
    if (open_mpi) {
        char major = open_mpi[strlen("Open MPI) ")];
        if (major != '4' && major != '5')
            return -1;
        *kind = major == '4' ? MPIRUN_OPEN_MPI_4 : MPIRUN_OPEN_MPI_5;
        return 0;
    }
    if (strstr(text, "HYDRA") || strstr(text, "Intel(R) MPI")) {
        *kind = MPIRUN_HYDRA;
        return 0;
    }
    return -1;
}

int mpirun_detect(const char *program, enum mpirun_kind *kind, struct err *err)
{
    char text[VERSION_BYTES] = "";
    struct buf line;
    buf_init(&line, VERSION_BYTES);
    if (text_put_shell_word(&line, program) < 0 ||
        buf_puts(&line, " --version 2>/dev/null </dev/null") < 0) {
        buf_fini(&line);
        return err_set(err, ENOMEM, "no memory");
    }
    FILE *f = popen(buf_text(&line), "re");
    buf_fini(&line);
    if (!f)
        return err_sys(err, errno, "cannot start %s", program);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    int status = pclose(f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(err, ENOENT,
                       "cannot find %s: load your MPI module, or name it by "
                       "--mpirun",
                       program);
    if (mpirun_recognise(text, kind) < 0)
        return err_set(
            err, EINVAL,
            "%s is no mpirun that is known (Open MPI 4 or 5, MPICH)%s"
            "%.*s",
            program, n > 0 ? ": its --version says " : "",
            (int)strcspn(text, "\n"), text);
    return 0;
}

struct words {
    const char **list;
    unsigned count;
};

static void add(struct words *w, const char *const *more)
{
    for (; *more; more++)
        w->list[w->count++] = *more;
}

#define ADD(w, ...) add(w, (const char *const[]){__VA_ARGS__, NULL})

/* Where the ranks go. Ranks bind themselves: see topo_divide. */
static void add_mapping(struct words *w, const struct mpirun_wish *wish,
                        char scratch[256])
{
    char *ppr = scratch, *ranks = scratch + 64;
    uint32_t per_node = wish->ranks_per_node ? wish->ranks_per_node : 1;
    snprintf(ppr, 64, "ppr:%" PRIu32 ":node:oversubscribe", per_node);
    if (wish->ranks && !wish->ranks_per_node) {
        snprintf(ranks, 64, "%" PRIu32, wish->ranks);
        ADD(w, "--map-by", "node:oversubscribe", "-n", ranks);
        return;
    }
    ADD(w, "--map-by", ppr);
    if (wish->ranks) {
        snprintf(ranks, 64, "%" PRIu32, wish->ranks);
        ADD(w, "-n", ranks);
    }
}

static void add_hydra(struct words *w, const struct mpirun_wish *wish,
                      char scratch[256])
{
    char *per = scratch, *ranks = scratch + 64;
    uint32_t per_node = wish->ranks_per_node ? wish->ranks_per_node : 1;
    uint32_t nodes = wish->nodes ? wish->nodes : 1;
    snprintf(ranks, 64, "%" PRIu32,
             wish->ranks ? wish->ranks : nodes * per_node);
    ADD(w, "-n", ranks);
    if (!wish->ranks || wish->ranks_per_node) {
        snprintf(per, 64, "%" PRIu32, per_node);
        ADD(w, "-ppn", per);
    }
    ADD(w, "-bind-to", "none");
}

unsigned mpirun_options(const struct mpirun_wish *wish, const char **words,
                        char scratch[256])
{
    struct words w = {.list = words};
    if (wish->kind == MPIRUN_HYDRA) {
        add_hydra(&w, wish, scratch);
        return w.count;
    }
    add_mapping(&w, wish, scratch);
    ADD(&w, "--bind-to", "none");
    if (wish->root)
        ADD(&w, "--allow-run-as-root");
    if (wish->kind == MPIRUN_OPEN_MPI_5) {
        ADD(&w, "--with-ft", "ulfm");
        return w.count;
    }
    /* a rank that dies does not end the others; a node that is lost does not
     * take its neighbours along; a link that is cut is noticed in 11 s;
     * mpirun gives ranks time between its TERM and its KILL */
    ADD(&w, "--enable-recovery", "--mca", "plm_rsh_no_tree_spawn", "1", "--mca",
        "routed", "direct", "--mca", "oob_tcp_keepalive_time", "5", "--mca",
        "oob_tcp_keepalive_intvl", "2", "--mca", "oob_tcp_keepalive_probes",
        "3", "--mca", "odls_base_sigkill_timeout", "8");
    return w.count;
}
