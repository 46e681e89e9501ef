/* What a session says of itself: see origin_self.h. */
#include "config.h"
#include "cli/origin_self.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/h5_file.h"
#include "topo/topo.h"

enum { CMDLINE_MAX = 256 << 10, VARIABLES_MAX = 512 };

/* Which variables may be known; one that ends in "*" stands for all that
 * begin so. */
static const char *const allowed[] = {"BLIS_NUM_THREADS",
                                      "CONDA_DEFAULT_ENV",
                                      "CONDA_PREFIX",
                                      "CUDA_VISIBLE_DEVICES",
                                      "GOMP_*",
                                      "JULIA_NUM_THREADS",
                                      "JULIA_PROJECT",
                                      "KMP_*",
                                      "LANG",
                                      "LC_*",
                                      "LD_LIBRARY_PATH",
                                      "LD_PRELOAD",
                                      "LMOD_SYSTEM_NAME",
                                      "LOADEDMODULES",
                                      "LSB_JOBID",
                                      "LSB_QUEUE",
                                      "MKL_*",
                                      "MODULEPATH",
                                      "NUMEXPR_NUM_THREADS",
                                      "OMP_*",
                                      "OPENBLAS_*",
                                      "PATH",
                                      "PBS_JOBID",
                                      "PBS_QUEUE",
                                      "PYTHONPATH",
                                      "ROCR_VISIBLE_DEVICES",
                                      "R_LIBS",
                                      "SLURM_ARRAY_JOB_ID",
                                      "SLURM_ARRAY_TASK_ID",
                                      "SLURM_CLUSTER_NAME",
                                      "SLURM_JOB_ACCOUNT",
                                      "SLURM_JOB_ID",
                                      "SLURM_JOB_NAME",
                                      "SLURM_JOB_NODELIST",
                                      "SLURM_JOB_NUM_NODES",
                                      "SLURM_JOB_PARTITION",
                                      "SLURM_JOB_QOS",
                                      "SLURM_RESTART_COUNT",
                                      "SLURM_SUBMIT_DIR",
                                      "SLURM_SUBMIT_HOST",
                                      "SPACK_ENV",
                                      "TZ",
                                      "VIRTUAL_ENV"};

static bool is_allowed(const char *entry)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        size_t n = strlen(allowed[i]);
        bool open = allowed[i][n - 1] == '*';
        if (open ? len >= n - 1 && memcmp(entry, allowed[i], n - 1) == 0
                 : len == n && memcmp(entry, allowed[i], n) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One line, whatever is in the value; a value that finds no room only with
 * its length. */
static int put_variable(struct buf *out, const char *entry)
{
    size_t before = out->len, name = strcspn(entry, "=") + 1;
    if ((text_put_printable(out, entry, strlen(entry), false) < 0 ||
         buf_putc(out, '\n') < 0)) {
        if (errno != EMSGSIZE)
            return -1;
        buf_truncate(out, before);
        if (buf_put(out, entry, name) < 0 ||
            buf_printf(out, "(%zu bytes)\n", strlen(entry + name)) < 0)
            buf_truncate(out, before);
    }
    return 0;
}

static int environment_put(struct buf *out, char *const *environment)
{
    char *found[VARIABLES_MAX];
    size_t count = 0;
    int rc = 0;
    for (; *environment && count < VARIABLES_MAX; environment++)
        if (is_allowed(*environment))
            found[count++] = *environment;
    qsort(found, count, sizeof(found[0]), by_name);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = put_variable(out, found[i]);
    return rc;
}

int command_line_put(struct buf *out)
{
    struct buf words;
    struct err err;
    buf_init(&words, CMDLINE_MAX);
    int rc = file_read("/proc/self/cmdline", &words, &err);
    for (size_t at = 0; rc == 0 && at < words.len;
         at += strlen(words.data + at) + 1)
        if ((at > 0 && buf_putc(out, ' ') < 0) ||
            text_put_shell_word(out, words.data + at) < 0)
            break; /* as much as there is room for */
    buf_fini(&words);
    return rc;
}

int origin_self_init(struct origin_self *o, char *const *environment,
                     const char *command, struct err *err)
{
    buf_init(&o->command, PROVENANCE_MAX_COMMAND);
    buf_init(&o->environment, PROVENANCE_MAX_ENVIRONMENT);
    if (!getcwd(o->folder, sizeof(o->folder)))
        o->folder[0] = '\0';
    int rc = command ? buf_puts(&o->command, command)
                     : command_line_put(&o->command);
    if ((rc < 0 && errno == ENOMEM) ||
        environment_put(&o->environment, environment) < 0)
        return err_set(err, ENOMEM, "no memory for the environment");
    hdf_version(o->hdf5);
    o->is = (struct provenance){.command = buf_text(&o->command),
                                .folder = o->folder,
                                .hwloc = topo_library(),
                                .hdf5 = o->hdf5,
                                .environment = buf_text(&o->environment)};
    return 0;
}

void origin_self_fini(struct origin_self *o)
{
    buf_fini(&o->command);
    buf_fini(&o->environment);
}
