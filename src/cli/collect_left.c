/* Files of tasks with a directory of their own: see collect_left.h. */
#define _GNU_SOURCE
#include "config.h"
#include "cli/collect_left.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/returned_read.h"

struct collect_left {
    const struct rundir *rundir;
    char host[NODE_MAX_NAME + 1];
    struct map ranks; /* of this node: the scratch folder's number */
    char **scratches;
    uint32_t scratch_count;
};

struct collect_left *collect_left_create(const struct rundir *r)
{
    struct collect_left *l = mem_calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->rundir = r;
    map_init(&l->ranks);
    (void)gethostname(l->host, sizeof(l->host) - 1);
    return l;
}

void collect_left_destroy(struct collect_left *l)
{
    if (!l)
        return;
    for (uint32_t i = 0; i < l->scratch_count; i++)
        mem_free(l->scratches[i]);
    mem_free(l->scratches);
    map_fini(&l->ranks);
    mem_free(l);
}

static uint64_t rank_key(uint32_t session, uint32_t rank)
{
    return (uint64_t)session << 32 | rank;
}

/* The number of a scratch folder, which is put in if it is new. -1: no
 * memory. */
static int64_t scratch_number(struct collect_left *l, const char *path)
{
    uint32_t n = l->scratch_count;
    /* the ranks of a session have the same, mostly */
    if (n > 0 && strcmp(l->scratches[n - 1], path) == 0)
        return n - 1;
    char **more =
        mem_resize(l->scratches, (size_t)n + 1, sizeof(*l->scratches));
    if (!more)
        return -1;
    l->scratches = more;
    more[n] = mem_strdup(path);
    if (!more[n])
        return -1;
    l->scratch_count++;
    return n;
}

int collect_left_note(struct collect_left *l, const struct journal_record *node,
                      struct err *err)
{
    const struct node_info *info = node->u.node.info;
    if (!info->scratch[0] || strcmp(info->hostname, l->host) != 0)
        return 0;
    int64_t n = scratch_number(l, info->scratch);
    if (n < 0 || map_set(&l->ranks, rank_key(node->session, node->u.node.rank),
                         (uint64_t)n) < 0)
        return err_set(err, ENOMEM, "no memory for the run's nodes");
    return 0;
}

/* A file of its own that has what is in the pack: whole, and compared with its
 * checksum. The fd, or -1 with err. */
static int unpack(const struct collect_left *l, const struct returned_of *of,
                  const struct attempt_file *f, struct err *err)
{
    int fd = memfd_create("mpibatch-returned", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "no memory for %s", f->name);
    if (returned_copy(l->rundir, of, f, fd, err) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return -1;
}

int collect_left_open(const struct collect_left *l, const char *job_id,
                      const char *task_id, const struct attempt *a,
                      const char *name, struct err *err)
{
    const struct attempt_file *f = returned_find(a, name);
    const struct returned_of of = {
        .job_id = job_id, .task_id = task_id, .attempt = a->attempt};
    uint64_t offset;
    if (!f)
        return err_set(err, ENOENT, "it is not there");
    return f->place == FILE_PACKED
               ? unpack(l, &of, f, err)
               : returned_open(l->rundir, &of, f, &offset, err);
}

char *collect_left_directory(const struct collect_left *l, const char *job_id,
                             const char *task_id, uint32_t session,
                             const struct attempt *a)
{
    struct buf path;
    uint64_t n;
    char *dir = NULL;
    if (!a->kept || !map_get(&l->ranks, rank_key(session, a->rank), &n))
        return NULL;
    buf_init(&path, PATH_MAX);
    if (buf_printf(&path, "%s/workitems/%s/job-1/%s/wd", l->scratches[n],
                   job_id, task_id) == 0)
        dir = mem_strdup(buf_text(&path));
    buf_fini(&path);
    return dir;
}
