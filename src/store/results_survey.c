/* The first reading of the journal: see results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "store/returned.h"

static void longer(size_t *longest, size_t len)
{
    if (len > *longest)
        *longest = len;
}

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to read the journal's results");
}

/* ---- Cubes ---- */

/* Bytes of a task in memory, at most; *largest: of one cube. */
static uint64_t cell_bytes_max(const struct job *job, uint64_t *largest)
{
    uint64_t bytes = RESULTS_CELL_BYTES;
    *largest = 8;
    for (uint32_t i = 0; i < job->metric_count; i++) {
        const struct metric *m = &job->metrics[i];
        uint64_t one = m->type == METRIC_STRING ? METRIC_MAX_STRING + 1
                       : m->rank > 0            ? UINT64_C(8) * m->cells
                                                : 8;
        bytes += one + 1;
        if (m->type != METRIC_STRING && one > *largest)
            *largest = one;
    }
    return bytes;
}

static int job_init(struct survey_job *s, const struct job *job)
{
    uint64_t largest, chunk = RESULTS_CHUNK_CELLS;
    uint64_t room = RESULTS_SLAB_BYTES / cell_bytes_max(job, &largest);
    if (room > RESULTS_SLAB_CELLS)
        room = RESULTS_SLAB_CELLS;
    if (chunk > RESULTS_CHUNK_BYTES / largest)
        chunk = RESULTS_CHUNK_BYTES / largest;
    shape_init(s, &job->tasks, room < chunk ? room : chunk);
    s->slab_chunks = room / s->shape.chunk_cells;
    if (s->slab_chunks > s->shape.chunks)
        s->slab_chunks = s->shape.chunks;
    s->slab_count = (s->shape.chunks + s->slab_chunks - 1) / s->slab_chunks;
    s->spans = mem_calloc(s->slab_count, sizeof(s->spans[0]));
    s->touched = mem_calloc((s->shape.chunks + 7) / 8, 1);
    s->metrics = mem_calloc(job->metric_count, sizeof(s->metrics[0]));
    return s->spans && s->touched && s->metrics ? 0 : -1;
}

static void see_cell(struct survey_job *s, uint32_t index,
                     struct journal_place before, struct journal_place behind)
{
    uint64_t chunk = cube_chunk_of(&s->shape, shape_cell(s, index));
    struct survey_span *span = &s->spans[chunk / s->slab_chunks];
    s->touched[chunk / 8] |= (unsigned char)(1u << chunk % 8);
    if (!span->any)
        span->first = before;
    span->any = true;
    span->last = behind;
}

/* Tasks of the job became active again here: all slabs must know. */
static void see_reactivation(struct survey_job *s, struct journal_place behind)
{
    for (uint64_t i = 0; i < s->slab_count; i++)
        if (s->spans[i].any)
            s->spans[i].last = behind;
}

/* ---- Outputs ---- */

static uint64_t pack_key(uint32_t session, enum results_pack pack)
{
    return (uint64_t)session << 2 | pack;
}

/* Find out a pack's size, once; so the answer stays the same. */
static int see_pack(struct build *b, uint32_t session, enum results_pack pack)
{
    struct stat st;
    uint64_t key = pack_key(session, pack);
    if (map_get(&b->survey.pack_sizes, key, NULL))
        return 0;
    char *path = rundir_file(b->rundir, "output/%04u.%s", session,
                             results_pack_suffix(pack));
    if (!path)
        return -1;
    uint64_t size = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    mem_free(path);
    return map_set(&b->survey.pack_sizes, key, size);
}

bool survey_is_packed(const struct survey *s, enum results_pack pack,
                      uint32_t session, uint64_t offset, uint64_t bytes)
{
    uint64_t size = 0;
    map_get(&s->pack_sizes, pack_key(session, pack), &size);
    return offset <= size && bytes <= size - offset;
}

/* Bytes that a pack should have. */
static int see_packed(struct build *b, enum results_pack pack, uint32_t session,
                      uint64_t offset, uint64_t bytes)
{
    if (see_pack(b, session, pack) < 0)
        return -1;
    if (survey_is_packed(&b->survey, pack, session, offset, bytes))
        b->survey.packed_bytes[pack] += bytes;
    return 0;
}

static int see_output(struct build *b, const struct output *o,
                      enum results_pack pack)
{
    return o->place == OUTPUT_PACKED
               ? see_packed(b, pack, o->session, o->offset, o->bytes)
               : 0;
}

/* ---- Files ---- */

static int see_files(struct build *b, const struct attempt *a, const char *id)
{
    const struct returned_of of = {.job_id = b->spec->jobs[a->job].id,
                                   .task_id = id,
                                   .attempt = a->attempt};
    char path[RETURNED_PATH_BYTES];
    for (uint32_t i = 0; i < a->file_count; i++) {
        const struct attempt_file *f = &a->files[i];
        longer(&b->survey.longest_file, strlen(f->name));
        if (f->place == FILE_PACKED) {
            if (see_packed(b, RESULTS_FILES, f->session, f->offset, f->bytes) <
                0)
                return -1;
        } else {
            longer(&b->survey.longest_file_path,
                   strlen(returned_own_place(&of, f->name, path)));
        }
    }
    return 0;
}

/* ---- Records ---- */

static int see_attempt(struct build *b, const struct attempt *a,
                       struct journal_place before, struct err *err)
{
    struct survey *s = &b->survey;
    struct survey_job *js = &s->jobs[a->job];
    const struct job *job = &b->spec->jobs[a->job];
    char id[JOBSPEC_MAX_ID + 1];
    s->attempts++;
    see_cell(js, a->index, before, journal_tell(b->journal));
    if (job_task_id(job, a->index, id, err) < 0)
        return -1;
    longer(&s->longest_task_id, strlen(id));
    for (uint32_t i = 0; i < a->metric_count; i++) {
        const struct metric_value *v = &a->metrics[i];
        if (!metric_has_value(v->state))
            js->metrics[i].gaps = true;
        else if (job->metrics[i].type == METRIC_STRING)
            longer(&js->metrics[i].longest, strlen(v->string));
    }
    if (see_output(b, &a->output[0], RESULTS_STDOUT) < 0 ||
        see_output(b, &a->output[1], RESULTS_STDERR) < 0 ||
        see_files(b, a, id) < 0)
        return no_memory(err);
    return 0;
}

static int see_node(struct build *b, const struct journal_record *r,
                    struct err *err)
{
    struct survey *s = &b->survey;
    const struct node_info *n = r->u.node.info;
    uint64_t key = (uint64_t)r->session << 32 | r->u.node.rank;
    uint32_t count = s->host_count;
    s->nodes++;
    longer(&s->longest_host, strlen(n->hostname));
    longer(&s->longest_cpus, strlen(n->cpus));
    longer(&s->longest_scratch, strlen(n->scratch));
    if (count > 0 && strcmp(s->hosts[count - 1], n->hostname) == 0)
        return map_set(&s->host_of, key, count - 1) < 0 ? no_memory(err) : 0;
    if ((count & (count - 1)) == 0) {
        char **more =
            mem_resize(s->hosts, count ? 2 * count : 1, sizeof(*more));
        if (!more)
            return no_memory(err);
        s->hosts = more;
    }
    s->hosts[count] = mem_strdup(n->hostname);
    if (!s->hosts[count])
        return no_memory(err);
    s->host_count++;
    return map_set(&s->host_of, key, count) < 0 ? no_memory(err) : 0;
}

const char *survey_host(const struct survey *s, uint32_t session, uint32_t rank)
{
    uint64_t i;
    if (!map_get(&s->host_of, (uint64_t)session << 32 | rank, &i))
        return "";
    return s->hosts[i];
}

static int set_text(struct buf *b, const char *text)
{
    buf_reset(b);
    return buf_puts(b, text);
}

/* The session that was read is over: its last word counts. */
static void see_counts_end(struct survey *s)
{
    stage_counts_add(&s->staged, &s->staged_session);
    s->staged_session = (struct stage_counts){0};
}

static void see_session(struct survey *s, const struct journal_record *r)
{
    see_counts_end(s);
    if (s->session_count++ == 0)
        s->start_ns = r->time_ns;
    longer(&s->longest_version, strlen(r->u.session.version));
    longer(&s->longest_mpi, strlen(r->u.session.mpi));
    snprintf(s->origin.version, sizeof(s->origin.version), "%s",
             r->u.session.version);
    snprintf(s->origin.mpi, sizeof(s->origin.mpi), "%s", r->u.session.mpi);
}

static int see_origin(struct survey *s, const struct provenance *p,
                      struct err *err)
{
    struct survey_origin *o = &s->origin;
    longer(&s->longest_command, strlen(p->command));
    longer(&s->longest_folder, strlen(p->folder));
    longer(&s->longest_hwloc, strlen(p->hwloc));
    snprintf(o->hwloc, sizeof(o->hwloc), "%s", p->hwloc);
    return set_text(&o->command, p->command) < 0 ||
                   set_text(&o->folder, p->folder) < 0 ||
                   set_text(&o->environment, p->environment) < 0
               ? no_memory(err)
               : 0;
}

/* Is the word among those in text? */
static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (; text[0]; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        if (n == len && memcmp(text, word, len) == 0)
            return true;
        text += n;
    }
    return false;
}

static int see_program(struct survey *s, const struct program_file *f,
                       struct err *err)
{
    bool changed;
    longer(&s->longest_program, strlen(f->program));
    longer(&s->longest_name, strlen(f->name));
    longer(&s->longest_path, strlen(f->path));
    longer(&s->longest_note, strlen(f->note));
    if (programs_put(s->programs, f, &changed, err) < 0)
        return -1;
    if (!changed || has_word(buf_text(&s->changed), f->name))
        return 0;
    if (buf_printf(&s->changed, "%s%s", s->changed.len > 0 ? " " : "",
                   f->name) < 0 &&
        errno == ENOMEM)
        return no_memory(err);
    return 0; /* /batch/programs has them all */
}

static int see_record(struct build *b, const struct journal_record *r,
                      struct journal_place before, struct err *err)
{
    struct survey *s = &b->survey;
    s->end_ns = r->time_ns;
    switch (r->type) {
    case JOURNAL_SESSION:
        see_session(s, r);
        break;
    case JOURNAL_NODE:
        return see_node(b, r, err);
    case JOURNAL_ATTEMPT:
        return see_attempt(b, r->u.attempt, before, err);
    case JOURNAL_REACTIVATE:
        see_reactivation(&s->jobs[r->u.reactivate.job],
                         journal_tell(b->journal));
        break;
    case JOURNAL_ORIGIN:
        return see_origin(s, &r->u.origin, err);
    case JOURNAL_PROGRAM:
        return see_program(s, &r->u.program, err);
    case JOURNAL_COUNTS:
        s->staged_session = r->u.counts;
        break;
    case JOURNAL_NODE_STATE:
        longer(&s->longest_text, strlen(r->u.node_state.why));
        break;
    case JOURNAL_JOB:
        longer(&s->longest_text, strlen(r->u.job.why));
        break;
    case JOURNAL_COMMAND:
        longer(&s->longest_text, strlen(r->u.command.text));
        longer(&s->longest_error, strlen(r->u.command.error));
        break;
    case JOURNAL_SKIPPED:
        longer(&s->longest_text, RESULTS_SKIPPED_BYTES);
        break;
    case JOURNAL_SPECIAL:
        longer(&s->longest_special,
               strlen(jobspec_special(b->spec, r->u.attempt->job,
                                      r->u.attempt->index)
                          ->id));
        break;
    case JOURNAL_OCCURRENCE:
        s->jobs[r->u.occurrence.job].begun |= r->u.occurrence.begun;
        break;
    case JOURNAL_ADDED:
    case JOURNAL_LOST:
    case JOURNAL_TICK:
    case JOURNAL_END:
        break;
    }
    return 0;
}

int survey_make(struct build *b, struct err *err)
{
    struct survey *s = &b->survey;
    struct journal_record r;
    int got;
    s->jobs = mem_calloc(b->spec->job_count, sizeof(s->jobs[0]));
    s->programs = programs_create();
    if (!s->jobs || !s->programs)
        return no_memory(err);
    buf_init(&s->origin.command, PROVENANCE_MAX_COMMAND);
    buf_init(&s->origin.folder, PROGRAM_MAX_PATH);
    buf_init(&s->origin.environment, PROVENANCE_MAX_ENVIRONMENT);
    buf_init(&s->changed, RESULTS_ATTR_BYTES);
    for (uint32_t i = 0; i < b->spec->job_count; i++)
        longer(&s->longest_job_id, strlen(b->spec->jobs[i].id));
    for (uint32_t i = 0; i < b->spec->job_count; i++)
        if (job_init(&s->jobs[i], &b->spec->jobs[i]) < 0)
            return no_memory(err);
    for (;;) {
        struct journal_place before = journal_tell(b->journal);
        got = build_next(b, &r, err);
        if (got == 0)
            see_counts_end(s);
        if (got <= 0)
            return got;
        if (see_record(b, &r, before, err) < 0)
            return -1;
    }
}

void survey_fini(struct build *b)
{
    struct survey *s = &b->survey;
    for (uint32_t i = 0; s->jobs && i < b->spec->job_count; i++) {
        mem_free(s->jobs[i].spans);
        mem_free(s->jobs[i].touched);
        mem_free(s->jobs[i].metrics);
    }
    mem_free(s->jobs);
    for (uint32_t i = 0; i < s->host_count; i++)
        mem_free(s->hosts[i]);
    mem_free(s->hosts);
    buf_fini(&s->origin.command);
    buf_fini(&s->origin.folder);
    buf_fini(&s->origin.environment);
    buf_fini(&s->changed);
    programs_destroy(s->programs);
    map_fini(&s->pack_sizes);
    map_fini(&s->host_of);
}
