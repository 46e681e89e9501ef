/* run.yaml: the job spec as given behind a header of comments. Makes and reads
 * the header; answers what it and the spec say. See rundir_parts.h. */
#include "config.h"
#include "store/rundir_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/difference.h"
#include "store/line_path.h"

void rundir_name_journal(char name[32], uint32_t generation)
{
    if (generation == 1)
        snprintf(name, 32, "journal");
    else
        snprintf(name, 32, "journal.%u", generation);
}

int rundir_put_header(struct buf *b, const char *spec_path, const char *text,
                      size_t len)
{
    char digest[DIGEST_TEXT_BYTES];
    char host[256] = "?", when[32];
    struct tm tm;
    time_t now = (time_t)(clock_wall_ns() / NS_PER_SEC);
    digest_bytes(text, len, digest);
    (void)gethostname(host, sizeof(host) - 1);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    int rc = buf_printf(b, RUNDIR_MARKER "%d\n" RUNDIR_SPEC_KEY,
                        RUNDIR_FORMAT_VERSION);
    rc |= line_path_put(b, spec_path);
    rc |= buf_printf(b,
                     "\n" RUNDIR_DIGEST_KEY "%s\n# mpibatch: %s\n# host: %s\n"
                     "# created: %s\n",
                     digest, PACKAGE_VERSION, host, when);
    rc |= buf_puts(b, RUNDIR_HEADER_END);
    return rc;
}

/* The generation that the header says, which ends at end. 0: damaged. */
static uint32_t header_generation(const char *text, const char *end)
{
    const char *key = strstr(text, "\n" RUNDIR_GENERATION);
    if (!key || key > end)
        return 1;
    char *behind;
    unsigned long n = strtoul(key + 1 + strlen(RUNDIR_GENERATION), &behind, 10);
    return *behind == '\n' && n > 1 && n < UINT32_MAX ? (uint32_t)n : 0;
}

/* The folder of a file, without the "/", but of the root; heap. */
static char *folder_of(const char *path)
{
    size_t len = (size_t)(path_base(path) - path);
    return mem_strndup(path, len > 1 ? len - 1 : len);
}

/* Find the header's parts in r->text. */
int rundir_parse_header(struct rundir *r, struct err *err)
{
    const char *text = buf_text(&r->text);
    if (strncmp(text, RUNDIR_MARKER, strlen(RUNDIR_MARKER)) != 0)
        return err_set(err, EEXIST,
                       "%s is not a run directory (its run.yaml is not ours)",
                       r->path);
    char *end;
    unsigned long version = strtoul(text + strlen(RUNDIR_MARKER), &end, 10);
    if (*end == '\n' && version > RUNDIR_FORMAT_VERSION)
        return err_set(err, EPROTO,
                       "%s was made by a newer mpibatch (format %lu, this one "
                       "knows %d)",
                       r->path, version, RUNDIR_FORMAT_VERSION);
    const char *spec = strstr(text, "\n" RUNDIR_HEADER_END);
    const char *key = strstr(text, "\n" RUNDIR_SPEC_KEY);
    uint32_t generation = spec ? header_generation(text, spec) : 0;
    if (*end != '\n' || version == 0 || !spec || !key || key > spec ||
        generation == 0)
        return err_set(err, EBADMSG, "%s/run.yaml is damaged in its header",
                       r->path);
    r->generation = generation;
    rundir_name_journal(r->journal, generation);
    r->header_len = (size_t)(spec - text) + 1 + strlen(RUNDIR_HEADER_END);
    key += 1 + strlen(RUNDIR_SPEC_KEY);
    if (!r->spec_path)
        r->spec_path = line_path_get(key, strcspn(key, "\n"));
    if (r->spec_path && !r->spec_folder)
        r->spec_folder = folder_of(r->spec_path);
    return r->spec_folder ? 0
                          : err_set(err, ENOMEM, "no memory for %s", r->path);
}

int rundir_load_spec(struct rundir *r, struct err *err)
{
    char *path = rundir_file(r, "run.yaml");
    if (!path)
        return err_set(err, ENOMEM, "no memory for %s", r->path);
    buf_reset(&r->text);
    int rc = file_read(path, &r->text, err);
    mem_free(path);
    return rc < 0 ? -1 : rundir_parse_header(r, err);
}

/* Say in which line the two texts differ first. */
static int refuse_changed(const struct rundir *r, const char *text, size_t len,
                          struct err *err)
{
    size_t old_len;
    const char *old = rundir_spec(r, &old_len);
    struct difference d;
    difference_find(old, old_len, text, len, &d);
    return err_set(err, EINVAL,
                   "%s belongs to another job spec: line %zu was %s and is now "
                   "%s (use -o DIR for another run, or --fresh to start anew)",
                   r->path, d.line, d.was, d.is);
}

int rundir_check_spec(struct rundir *r, const char *text, size_t len,
                      struct err *err)
{
    size_t old_len;
    const char *old = rundir_spec(r, &old_len);
    if (old_len == len && (len == 0 || memcmp(old, text, len) == 0))
        return 0;
    return refuse_changed(r, text, len, err);
}

const char *rundir_spec(const struct rundir *r, size_t *len)
{
    *len = r->text.len - r->header_len;
    return buf_text(&r->text) + r->header_len;
}

const char *rundir_spec_path(const struct rundir *r)
{
    return r->spec_path;
}

const char *rundir_spec_folder(const struct rundir *r)
{
    return r->spec_folder;
}

uint32_t rundir_generation(const struct rundir *r)
{
    return r->generation;
}

/* Append the spec of a generation that is over. */
static int read_old_spec(const struct rundir *r, uint32_t generation,
                         struct buf *out, struct err *err)
{
    struct buf text;
    char *path = rundir_file(r, "run.%u.yaml", generation);
    buf_init(&text, r->text.max_bytes);
    int rc = path ? file_read(path, &text, err)
                  : err_set(err, ENOMEM, "no memory for %s", r->path);
    const char *spec =
        rc == 0 ? strstr(buf_text(&text), "\n" RUNDIR_HEADER_END) : NULL;
    if (rc == 0 && !spec)
        rc = err_set(err, EBADMSG, "%s is damaged in its header", path);
    if (rc == 0) {
        spec += 1 + strlen(RUNDIR_HEADER_END);
        if (buf_put(out, spec, text.len - (size_t)(spec - text.data)) < 0)
            rc = err_set(err, ENOMEM, "no memory for %s", path);
    }
    buf_fini(&text);
    mem_free(path);
    return rc;
}

int rundir_read_spec(const struct rundir *r, uint32_t generation,
                     struct buf *out, struct err *err)
{
    size_t len;
    const char *text = rundir_spec(r, &len);
    if (generation < 1 || generation > r->generation)
        return err_set(err, EINVAL, "%s has no generation %u", r->path,
                       generation);
    if (generation < r->generation)
        return read_old_spec(r, generation, out, err);
    return buf_put(out, text, len) < 0
               ? err_set(err, ENOMEM, "no memory for %s", r->path)
               : 0;
}

char *rundir_note(const struct rundir *r, const char *key,
                  char text[RUNDIR_NOTE_BYTES])
{
    const char *line = buf_text(&r->text), *end = line + r->header_len;
    size_t n = strlen(key);
    text[0] = '\0';
    for (; line < end; line += strcspn(line, "\n") + 1)
        if (strncmp(line, "# ", 2) == 0 && strncmp(line + 2, key, n) == 0 &&
            strncmp(line + 2 + n, ": ", 2) == 0) {
            line += n + 4;
            snprintf(text, RUNDIR_NOTE_BYTES, "%.*s", (int)strcspn(line, "\n"),
                     line);
            break;
        }
    return text;
}
