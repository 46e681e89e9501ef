/* mpibatch show run: where a run comes from, and what it is made of. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/rundir_arg.h"
#include "cli/show_topics.h"
#include "base/digest.h"
#include "store/sizes.h"
#include "view/describe.h"
#include "view/history.h"
#include "view/moment.h"
#include "view/query_json.h"

enum {
    JSON_BYTES = 256 << 20,
    SPEC_BYTES = 512 << 20,
    SHOWN = 8, /* of sessions, hosts, programs, ...: a screen */
    SHOWN_VARIABLES = 12,
    DIGEST_SHOWN = 12 /* digits of a program's */
};

struct run_values {
    const char *run;
    bool json;
    struct display_options display;
};

/* All that is shown. */
struct origin_of_run {
    const struct run_arg *run;
    struct history *history;
    struct inputs *inputs;
    uint64_t bytes[PART_COUNT], total_bytes;
    uint64_t tasks;
    int64_t created_ns; /* 0: not known */
    char host[RUNDIR_NOTE_BYTES];
    uint32_t generations;
    char (*digests)[DIGEST_TEXT_BYTES]; /* of each one's spec */
};

/* ---- What is shown ---- */

/* "2026-03-01T14:05:09Z" as ns since 1970, or 0. */
static int64_t created_at(const struct rundir *dir)
{
    char text[RUNDIR_NOTE_BYTES];
    struct tm tm = {0};
    const char *end =
        strptime(rundir_note(dir, "created", text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return end && !*end ? (int64_t)timegm(&tm) * NS_PER_SEC : 0;
}

static int digests_make(struct origin_of_run *o, struct err *err)
{
    struct buf text;
    int rc = 0;
    o->digests = mem_calloc(o->generations, sizeof(*o->digests));
    if (!o->digests)
        return err_set(err, ENOMEM, "no memory for the digests");
    buf_init(&text, SPEC_BYTES);
    for (uint32_t g = 1; rc == 0 && g <= o->generations; g++) {
        buf_reset(&text);
        rc = rundir_read_spec(o->run->dir, g, &text, err);
        if (rc == 0)
            digest_bytes(buf_text(&text), text.len, o->digests[g - 1]);
    }
    buf_fini(&text);
    return rc;
}

static int origin_find(struct origin_of_run *o, struct err *err)
{
    const struct rundir *dir = o->run->dir;
    o->generations = rundir_generation(dir);
    o->created_ns = created_at(dir);
    rundir_note(dir, "host", o->host);
    for (uint32_t j = 0; j < o->run->spec->job_count; j++)
        o->tasks += o->run->spec->jobs[j].tasks.count;
    o->history = history_read(dir, o->run->spec, clock_wall_ns(), err);
    o->inputs = o->history ? inputs_open(rundir_path(dir), err) : NULL;
    if (!o->inputs || sizes_measure(dir, o->bytes, err) < 0 ||
        digests_make(o, err) < 0)
        return -1;
    for (int p = 0; p < PART_COUNT; p++)
        o->total_bytes += o->bytes[p];
    return 0;
}

static void origin_fini(struct origin_of_run *o)
{
    history_destroy(o->history);
    inputs_destroy(o->inputs);
    mem_free(o->digests);
}

static const struct history_session *last_session(const struct history *h)
{
    return h->session_count > 0 ? &h->sessions[h->session_count - 1] : NULL;
}

/* ---- For people ---- */

/* The start of a line: a label, or the room of one. */
static void label_put(struct display *d, const char *label)
{
    display_printf(d, "  %-12s ", label);
}

/* "and 12 more: mpibatch show run --json" */
static void more_put(struct display *d, uint64_t count, const char *noun)
{
    char text[64];
    if (count == 0)
        return;
    label_put(d, "");
    display_printf(d, "and %s more (--json has all)\n",
                   describe_count(count, noun, text));
}

/* A text on one line of the screen. */
static void line_put(struct display *d, const char *text, size_t len)
{
    unsigned width = display_width(d);
    bool cut = width > 40 && len > width - 15;
    if (cut) {
        len = width - 15 - 3;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--; /* not within a character */
    }
    display_put(d, text, len);
    display_puts(d, cut ? "...\n" : "\n");
}

static void spec_put(const struct origin_of_run *o, struct display *d)
{
    char count[64], when[MOMENT_BYTES];
    const struct rundir *dir = o->run->dir;
    display_styled(d, STYLE_TITLE, o->run->spec->name);
    display_printf(d, ": %s in %s\n", describe_count(o->tasks, "task", count),
                   rundir_path(dir));
    label_put(d, "spec");
    display_printf(d, "%s\n", rundir_spec_path(dir));
    label_put(d, "");
    display_printf(d, "sha256 %s\n", o->digests[o->generations - 1]);
    if (o->generations > 1) {
        label_put(d, "");
        display_printf(d,
                       "generation %" PRIu32 ": collect has replaced it "
                       "(before: mpibatch show spec --generation %" PRIu32
                       ")\n",
                       o->generations, o->generations - 1);
    }
    if (o->created_ns > 0) {
        label_put(d, "made");
        display_printf(d, "%s%s%s\n", moment_format(o->created_ns, when),
                       *o->host ? " on " : "", o->host);
    }
}

/* What the last session was started by, and with. */
static void last_put(const struct history_session *s, struct display *d)
{
    static const char *const names[] = {"mpibatch", "", "hwloc", "HDF5"};
    const char *const versions[] = {s->version,
                                    strcmp(s->mpi, "none") == 0 ? "" : s->mpi,
                                    s->hwloc, s->hdf5};
    if (*s->folder) {
        label_put(d, "folder");
        display_printf(d, "%s\n", s->folder);
    }
    if (*s->command) {
        label_put(d, "command");
        display_printf(d, "%s\n", s->command);
    }
    label_put(d, "versions");
    bool first = true;
    for (int i = 0; i < 4; i++)
        if (*versions[i]) {
            display_printf(d, "%s%s%s%s", first ? "" : ", ", names[i],
                           *names[i] ? " " : "", versions[i]);
            first = false;
        }
    display_puts(d, "\n");
}

static void session_put(const struct history_session *s,
                        const struct history_session *last, struct display *d)
{
    char label[24], when[MOMENT_BYTES], took[16], ranks[64], nodes[64];
    char how[48];
    snprintf(label, sizeof(label), "session %" PRIu32, s->number);
    label_put(d, label);
    display_printf(d, "%s, %s, %s on %s", moment_format(s->start_ns, when),
                   duration_format(s->end_ns - s->start_ns, took),
                   describe_count(s->ranks, "rank", ranks),
                   describe_count(s->nodes, "node", nodes));
    if (s->ranks_lost > 0)
        display_printf(d, " (%" PRIu32 " lost)", s->ranks_lost);
    if (strcmp(s->version, last->version) != 0)
        display_printf(d, ", mpibatch %s", s->version);
    snprintf(how, sizeof(how), "exit code %d", s->exit_code);
    display_puts(d, ": ");
    display_styled(d,
                   s->state == SESSION_KILLED ? STYLE_BAD
                   : s->state == SESSION_ENDED && s->exit_code == 0
                       ? STYLE_GOOD
                       : STYLE_PLAIN,
                   s->state == SESSION_ENDED     ? how
                   : s->state == SESSION_RUNNING ? "running"
                                                 : "killed");
    display_puts(d, "\n");
}

static void sessions_put(const struct history *h, struct display *d)
{
    const struct history_session *last = last_session(h);
    if (!last) {
        label_put(d, "sessions");
        display_puts(d, "none has begun\n");
        return;
    }
    uint32_t n = h->session_count, from = n > SHOWN ? n - SHOWN : 0;
    last_put(last, d);
    if (from > 0) {
        label_put(d, "sessions");
        display_printf(d, "1 to %" PRIu32 ": mpibatch events\n",
                       h->sessions[from].number - 1);
    }
    for (uint32_t i = from; i < n; i++)
        session_put(&h->sessions[i], last, d);
}

static void hosts_put(const struct history *h, struct display *d)
{
    char ranks[64], slots[64], cores[64], memory[16];
    uint32_t n = h->host_count < SHOWN ? h->host_count : SHOWN;
    for (uint32_t i = 0; i < n; i++) {
        const struct history_host *host = &h->hosts[i];
        label_put(d, i ? "" : "hosts");
        display_printf(d, "%s: %s, %s, %s, %s\n", host->name,
                       describe_count(host->ranks, "rank", ranks),
                       describe_count(host->slots, "slot", slots),
                       describe_count(host->cores, "core", cores),
                       size_format(host->memory_bytes, memory));
    }
    more_put(d, h->host_count - n, "host");
}

/* The same file is there once for each program that it is part of. */
static bool is_repeated(const struct programs *p, uint32_t i)
{
    const struct program_file *f = &p->files[i];
    for (uint32_t k = 0; k < i; k++)
        if ((p->files[k].kind == PROGRAM_LIBRARY) ==
                (f->kind == PROGRAM_LIBRARY) &&
            strcmp(p->files[k].name, f->name) == 0 &&
            strcmp(p->files[k].path, f->path) == 0)
            return true;
    return false;
}

static void program_put(const struct program_file *f, struct display *d)
{
    if (f->sha256[0])
        display_printf(d, "%.*s  %s", DIGEST_SHOWN, f->sha256, f->name);
    else
        display_printf(d, "%-*s  %s", DIGEST_SHOWN, "?", f->name);
    if (f->path[0] && strcmp(f->path, f->name) != 0)
        display_printf(d, " (%s)", f->path);
    if (f->note[0])
        display_printf(d, ": %s", f->note);
    display_puts(d, "\n");
}

static void changes_put(const struct history *h, struct display *d)
{
    uint32_t n = h->change_count < SHOWN ? h->change_count : SHOWN;
    for (uint32_t i = 0; i < n; i++) {
        const struct history_change *c = &h->changes[i];
        label_put(d, i ? "" : "changed");
        display_styled(d, STYLE_NOTICE, c->name);
        display_printf(d, " in session %" PRIu32 ": %.*s, before %.*s\n",
                       c->session, DIGEST_SHOWN, c->is, DIGEST_SHOWN, c->was);
    }
    more_put(d, h->change_count - n, "change");
}

static void programs_show(const struct history *h, struct display *d)
{
    const struct programs *p = h->programs;
    uint32_t shown = 0, more = 0, libraries = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (is_repeated(p, i))
            continue;
        if (p->files[i].kind == PROGRAM_LIBRARY) {
            libraries++;
        } else if (shown == SHOWN) {
            more++;
        } else {
            label_put(d, shown++ ? "" : "programs");
            program_put(&p->files[i], d);
        }
    }
    more_put(d, more, "program");
    if (libraries > 0) {
        label_put(d, "");
        display_printf(d, "and %" PRIu32 " shared %s (--json has all)\n",
                       libraries, libraries == 1 ? "library" : "libraries");
    }
    changes_put(h, d);
}

static void environment_put(const struct history_session *s, struct display *d)
{
    const char *line = s ? s->environment : "";
    uint32_t shown = 0, more = 0;
    while (*line) {
        size_t len = strcspn(line, "\n");
        if (shown < SHOWN_VARIABLES) {
            label_put(d, shown++ ? "" : "environment");
            line_put(d, line, len);
        } else {
            more++;
        }
        line += len + (line[len] == '\n');
    }
    more_put(d, more, "variable");
}

static void tables_put(const struct inputs *inputs, struct display *d)
{
    size_t count = inputs_count(inputs), n = count < SHOWN ? count : SHOWN;
    for (size_t i = 0; i < n; i++) {
        enum table_kind kind;
        const char *path, *bytes;
        size_t len;
        char size[16];
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        label_put(d, i ? "" : "tables");
        display_printf(d, "%s (%s, %s)\n", path, inputs_kind_name(kind),
                       size_format(len, size));
    }
    more_put(d, count - n, "table");
}

static void sizes_put(const struct origin_of_run *o, struct display *d)
{
    char size[16];
    label_put(d, "size");
    display_printf(d, "%s", size_format(o->total_bytes, size));
    bool first = true;
    for (int p = 0; p < PART_COUNT; p++)
        if (o->bytes[p] > 0) {
            display_printf(d, "%s%s %s", first ? ": " : ", ", run_part_name(p),
                           size_format(o->bytes[p], size));
            first = false;
        }
    display_puts(d, "\n");
}

static int text_show(const struct origin_of_run *o,
                     const struct display_options *options)
{
    struct display d;
    display_open(&d, options);
    spec_put(o, &d);
    sessions_put(o->history, &d);
    hosts_put(o->history, &d);
    programs_show(o->history, &d);
    environment_put(last_session(o->history), &d);
    tables_put(o->inputs, &d);
    sizes_put(o, &d);
    return display_close(&d);
}

/* ---- For programs ---- */

static void set(json_t *o, const char *key, json_t *value)
{
    (void)json_object_set_new(o, key, value);
}

/* null: not known */
static void set_text(json_t *o, const char *key, const char *text)
{
    set(o, key, *text ? query_text_json(text) : json_null());
}

static void set_count(json_t *o, const char *key, uint64_t count)
{
    set(o, key, json_integer((json_int_t)count));
}

static void set_time(json_t *o, const char *key, int64_t ns)
{
    set(o, key,
        ns > 0 ? json_real((double)ns / (double)NS_PER_SEC) : json_null());
}

static json_t *session_json(const struct history_session *s)
{
    static const char *const states[] = {"ended", "running", "killed"};
    json_t *o = json_object();
    set_count(o, "session", s->number);
    set_text(o, "state", states[s->state]);
    set(o, "exit_code",
        s->state == SESSION_ENDED ? json_integer(s->exit_code) : json_null());
    set_time(o, "start_time", s->start_ns);
    set_time(o, "end_time", s->end_ns);
    set_count(o, "ranks", s->ranks);
    set_count(o, "nodes", s->nodes);
    set_count(o, "ranks_lost", s->ranks_lost);
    set_text(o, "mpibatch", s->version);
    set_text(o, "mpi", s->mpi);
    set_text(o, "hwloc", s->hwloc);
    set_text(o, "hdf5", s->hdf5);
    set_text(o, "folder", s->folder);
    set_text(o, "command", s->command);
    return o;
}

static json_t *host_json(const struct history_host *h)
{
    json_t *o = json_object();
    set_text(o, "host", h->name);
    set_count(o, "sessions", h->sessions);
    set_count(o, "last_session", h->session);
    set_count(o, "ranks", h->ranks);
    set_count(o, "slots", h->slots);
    set_count(o, "cores", h->cores);
    set_count(o, "hwthreads", h->hwthreads);
    set_count(o, "memory_bytes", h->memory_bytes);
    return o;
}

static json_t *program_json(const struct program_file *f)
{
    json_t *o = json_object();
    set_text(o, "kind", program_kind_name(f->kind));
    set_text(o, "program", f->program);
    set_text(o, "name", f->name);
    set_text(o, "path", f->path);
    set(o, "size_bytes",
        f->path[0] ? json_integer((json_int_t)f->size_bytes) : json_null());
    set_time(o, "mtime", f->mtime_ns);
    set_text(o, "sha256", f->sha256);
    set_text(o, "note", f->note);
    return o;
}

static json_t *change_json(const struct history_change *c)
{
    json_t *o = json_object();
    set_count(o, "session", c->session);
    set_text(o, "name", c->name);
    set_text(o, "path", c->path);
    set_text(o, "was_sha256", c->was);
    set_text(o, "sha256", c->is);
    return o;
}

/* Of the last session: {"NAME": "VALUE", ...}. */
static json_t *environment_json(const struct history_session *s)
{
    json_t *o = json_object();
    const char *line = s ? s->environment : "";
    for (size_t len; *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        char *name = mem_strndup(line, len);
        char *equals = name ? strchr(name, '=') : NULL;
        if (equals) {
            *equals = '\0';
            set(o, name, query_text_json(equals + 1));
        }
        mem_free(name);
    }
    return o;
}

static json_t *tables_json(const struct inputs *inputs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inputs_count(inputs); i++) {
        enum table_kind kind;
        const char *path, *bytes;
        size_t len;
        json_t *o = json_object();
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        set_text(o, "path", path);
        set_text(o, "kind", inputs_kind_name(kind));
        set_count(o, "bytes", len);
        json_array_append_new(list, o);
    }
    return list;
}

/* The lists of the history. */
static void history_json(const struct history *h, json_t *o)
{
    json_t *sessions = json_array(), *hosts = json_array();
    json_t *programs = json_array(), *changes = json_array();
    for (uint32_t i = 0; i < h->session_count; i++)
        json_array_append_new(sessions, session_json(&h->sessions[i]));
    for (uint32_t i = 0; i < h->host_count; i++)
        json_array_append_new(hosts, host_json(&h->hosts[i]));
    for (uint32_t i = 0; i < h->programs->count; i++)
        json_array_append_new(programs, program_json(&h->programs->files[i]));
    for (uint32_t i = 0; i < h->change_count; i++)
        json_array_append_new(changes, change_json(&h->changes[i]));
    set(o, "sessions", sessions);
    set(o, "hosts", hosts);
    set(o, "programs", programs);
    set(o, "programs_changed", changes);
    set(o, "environment", environment_json(last_session(h)));
}

static json_t *run_json(const struct origin_of_run *o)
{
    const struct history_session *last = last_session(o->history);
    const struct rundir *dir = o->run->dir;
    json_t *run = json_object(), *spec = json_object(), *sizes = json_object();
    json_t *generations = json_array();
    size_t len;
    rundir_spec(dir, &len);
    set_text(spec, "path", rundir_spec_path(dir));
    set_text(spec, "sha256", o->digests[o->generations - 1]);
    set_count(spec, "bytes", len);
    for (uint32_t g = 1; g <= o->generations; g++)
        json_array_append_new(
            generations, json_pack("{s:I, s:s}", "generation", (json_int_t)g,
                                   "spec_sha256", o->digests[g - 1]));
    for (int p = 0; p < PART_COUNT; p++)
        set_count(sizes, run_part_name(p), o->bytes[p]);
    set_count(run, "version", 1);
    set_text(run, "name", o->run->spec->name);
    set_text(run, "run_dir", rundir_path(dir));
    set_count(run, "jobs", o->run->spec->job_count);
    set_count(run, "tasks", o->tasks);
    set(run, "spec", spec);
    set(run, "generations", generations);
    set(run, "tables", tables_json(o->inputs));
    set_time(run, "created_time", o->created_ns);
    set_text(run, "created_on", o->host);
    set_text(run, "folder", last ? last->folder : "");
    set_text(run, "command", last ? last->command : "");
    history_json(o->history, run);
    set(run, "size_bytes", sizes);
    return run;
}

/* ---- The command ---- */

static int run_show(void *values)
{
    const struct run_values *v = values;
    struct run_arg run;
    struct origin_of_run o = {.run = &run};
    struct err err;
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    if (origin_find(&o, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else {
        rc = v->json ? json_print(run_json(&o), JSON_BYTES)
                     : text_show(&o, &v->display);
    }
    origin_fini(&o);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct run_values, json),
     .meaning = "print JSON, with version (1) and all that the text leaves "
                "out"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct run_values, display))};

static const struct arg args[] = {RUN_ARG(struct run_values)};

static const struct cmd_example examples[] = {
    {"mpibatch show run sweep.run", "Where a run comes from"},
    {"mpibatch show run --json sweep.run | jq -r '.programs[] | "
     "select(.sha256) | \"\\(.sha256)  \\(.path)\"' | sha256sum -c",
     "Are its programs still the same?"},
};

const struct cmd show_run = {
    .name = "show run",
    .summary = "where a run comes from, what it is made of",
    .description =
        "Show where the run RUN comes from and what it is made of: its spec "
        "with its SHA-256, the command line and the folder of its last "
        "session, all sessions and how they ended, versions, hosts, the "
        "programs of its tasks with their SHA-256 and which of them have "
        "changed between sessions, the variables that it was started with (as "
        "far as they may be known), the files that its spec reads, and the "
        "sizes of its parts. It is all in the run directory; results.h5 need "
        "not be there.\n\n"
        "JSON: name, run_dir, jobs, tasks, spec (path, sha256, bytes), "
        "generations, tables, created_time, created_on, folder, command, "
        "sessions (session, state, exit_code, start_time, end_time, ranks, "
        "nodes, ranks_lost, mpibatch, mpi, hwloc, hdf5, folder, command), "
        "hosts, programs (kind, program, name, path, size_bytes, mtime, "
        "sha256, note), programs_changed, environment, size_bytes. What is not "
        "known is null. A session that is killed has as its end_time when it "
        "was last heard of.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct run_values),
    .main = run_show};
