/* Programs of a job spec: see programs.h. */
#include "config.h"
#include "store/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "model/table.h"
#include "base/digest.h"
#include "store/linked.h"

#define DEFAULT_PATH "/bin:/usr/bin" /* as for tasks without a PATH */

enum {
    ARENA_BYTES = 64 << 20,
    SCRIPT_LINE = 256 /* of a script's first line */
};

struct finder {
    struct programs *out;
    const struct provenance *from;
    const char *work_dir;
    const atomic_bool *cancel;
    uint64_t digested;
    uint32_t words;
    struct err *err;
    /* of the command line that is looked at */
    const char *folder, *search_path, *library_path, *preload;
};

/* ---- The list ---- */

struct programs *programs_create(void)
{
    struct programs *p = mem_calloc(1, sizeof(*p));
    if (p && !(p->arena = arena_create(ARENA_BYTES))) {
        mem_free(p);
        return NULL;
    }
    return p;
}

void programs_destroy(struct programs *p)
{
    if (!p)
        return;
    arena_destroy(p->arena);
    mem_free(p);
}

static struct program_file *find_same(struct programs *p,
                                      const struct program_file *f)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (program_is_same(&p->files[i], f))
            return &p->files[i];
    return NULL;
}

int programs_put(struct programs *p, const struct program_file *f,
                 bool *changed, struct err *err)
{
    struct program_file *old = find_same(p, f), new = *f;
    bool other = old && old->sha256[0] && f->sha256[0] &&
                 strcmp(old->sha256, f->sha256) != 0;
    if (changed)
        *changed = other;
    if (old && !other && (old->sha256[0] || !f->sha256[0]))
        return 0; /* as before, or nothing is known of it now */
    if (!old && p->count == PROGRAMS_MAX)
        return 0;
    new.program = arena_strdup(p->arena, f->program);
    new.name = arena_strdup(p->arena, f->name);
    new.path = arena_strdup(p->arena, f->path);
    new.sha256 = arena_strdup(p->arena, f->sha256);
    new.note = arena_strdup(p->arena, f->note);
    if (!new.program || !new.name || !new.path || !new.sha256 || !new.note)
        return err_set(err, ENOMEM, "no memory for the list of programs");
    if (!old)
        old = &p->files[p->count++];
    *old = new;
    return 0;
}

/* ---- One file ---- */

/* The same file was digested before, for another program. */
static const struct program_file *digested(const struct finder *f,
                                           const char *path)
{
    for (uint32_t i = 0; i < f->out->count; i++)
        if (strcmp(f->out->files[i].path, path) == 0)
            return &f->out->files[i];
    return NULL;
}

static void digest(struct finder *f, int fd, struct program_file *p,
                   char text[DIGEST_TEXT_BYTES])
{
    struct err why = {0};
    if (p->size_bytes > PROGRAMS_FILE_BYTES)
        p->note = "larger than 256 MiB";
    else if (p->size_bytes > PROGRAMS_ALL_BYTES - f->digested)
        p->note = "more than 1 GiB of programs";
    else if (digest_file(fd, PROGRAMS_FILE_BYTES, f->cancel, text, &why) == 0)
        p->sha256 = text;
    else
        p->note = why.code == ECANCELED ? "no time was left" : "unreadable";
    if (p->sha256[0])
        f->digested += p->size_bytes;
}

/* Add what a name stands for; path NULL: nothing that is there. */
static int add_file(struct finder *f, enum program_kind kind,
                    const char *program, const char *name, const char *path)
{
    char text[DIGEST_TEXT_BYTES] = "";
    struct stat st;
    struct program_file p = {.kind = kind,
                             .program = program,
                             .name = name,
                             .path = path ? path : "",
                             .sha256 = "",
                             .note = path ? "" : "not found"};
    const struct program_file *old = path ? digested(f, path) : NULL;
    if (old) {
        p.size_bytes = old->size_bytes;
        p.mtime_ns = old->mtime_ns;
        p.sha256 = old->sha256;
        p.note = old->note;
        return programs_put(f->out, &p, NULL, f->err);
    }
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        p.size_bytes = (uint64_t)st.st_size;
        p.mtime_ns = st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec;
        digest(f, fd, &p, text);
    } else if (path) {
        p.note = "unreadable";
    }
    if (fd >= 0)
        close(fd);
    return programs_put(f->out, &p, NULL, f->err);
}

/* Absolute, links resolved where that is possible. */
static bool real_path(const struct finder *f, const char *name,
                      char path[PATH_MAX])
{
    char *joined = path_join(f->folder, name);
    bool ok = joined && realpath(joined, path);
    mem_free(joined);
    return ok;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

/* As a worker would find it. */
static bool find_command(const struct finder *f, const char *name,
                         char path[PATH_MAX])
{
    char file[PATH_MAX];
    if (strchr(name, '/'))
        return real_path(f, name, path);
    for (const char *dir = f->search_path;; dir++) {
        size_t len = strcspn(dir, ":");
        if (snprintf(file, sizeof(file), "%.*s/%s", len ? (int)len : 1,
                     len ? dir : ".", name) < PATH_MAX &&
            real_path(f, file, path) && is_program(path))
            return true;
        dir += len;
        if (*dir == '\0')
            return false;
    }
}

/* ---- What comes with a program ---- */

static int add_libraries(struct finder *f, const char *program,
                         const char *path)
{
    const struct linked *list;
    uint32_t count;
    int rc = linked_list(f->out->arena, path, f->library_path, f->preload,
                         &list, &count, f->err);
    if (rc < 0 && f->err->code == E2BIG)
        return 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = add_file(f, PROGRAM_LIBRARY, program, list[i].name, list[i].path);
    return rc;
}

/* The words of a script's first line, "#!" left out; false: it is none. */
static bool read_shebang(const char *path, char line[SCRIPT_LINE + 1],
                         char *words[2])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : pread(fd, line, SCRIPT_LINE, 0);
    char *rest = NULL;
    if (fd >= 0)
        close(fd);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    words[0] = strtok_r(line + 2, " \t", &rest);
    words[1] = words[0] ? strtok_r(NULL, " \t", &rest) : NULL;
    return words[0] != NULL;
}

/* The interpreter of a script, and its libraries. */
static int add_interpreter(struct finder *f, const char *program,
                           const char *path)
{
    char line[SCRIPT_LINE + 1], found[PATH_MAX];
    char *words[2];
    if (!read_shebang(path, line, words))
        return add_libraries(f, program, path);
    const char *name = words[0];
    if (strcmp(path_base(name), "env") == 0 && words[1] && words[1][0] != '-')
        name = words[1];
    bool ok = find_command(f, name, found);
    if (add_file(f, PROGRAM_INTERPRETER, program, name, ok ? found : NULL) < 0)
        return -1;
    return ok ? add_libraries(f, program, found) : 0;
}

/* ---- Command lines ---- */

/* Is a file that a word names more than data: a program, a script? */
static bool is_script(const char *word, const char *path)
{
    static const char *const ends[] = {".py", ".R",  ".r",   ".jl", ".m",
                                       ".sh", ".pl", ".lua", ".rb", ".js"};
    char line[SCRIPT_LINE + 1];
    char *words[2];
    size_t len = strlen(word);
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t n = strlen(ends[i]);
        if (len > n && strcmp(word + len - n, ends[i]) == 0)
            return true;
    }
    return access(path, X_OK) == 0 || read_shebang(path, line, words);
}

static bool is_known(const struct finder *f, enum program_kind kind,
                     const char *program, const char *name)
{
    struct program_file p = {.kind = kind, .program = program, .name = name};
    return find_same(f->out, &p) != NULL;
}

static int add_command(struct finder *f, const char *word)
{
    char path[PATH_MAX];
    if (is_known(f, PROGRAM_COMMAND, word, word))
        return 0;
    f->words++;
    bool found = find_command(f, word, path);
    if (add_file(f, PROGRAM_COMMAND, word, word, found ? path : NULL) < 0)
        return -1;
    return found ? add_interpreter(f, word, path) : 0;
}

static int add_argument(struct finder *f, const char *program, const char *word)
{
    char path[PATH_MAX];
    if (word[0] == '-' || word[0] == '\0' ||
        is_known(f, PROGRAM_ARGUMENT, program, word) ||
        !real_path(f, word, path) || !is_script(word, path))
        return 0;
    f->words++;
    if (add_file(f, PROGRAM_ARGUMENT, program, word, path) < 0)
        return -1;
    return add_interpreter(f, program, path);
}

/* Is it a word as it stands in a shell line, without anything special? */
static bool is_plain(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789_-+./,:@%=",
                    word[i]))
            return false;
    return len > 0;
}

static bool is_assignment(const char *word, size_t len)
{
    const char *equals = memchr(word, '=', len);
    return equals && equals > word;
}

/* Is it one of the words? They are separated by blanks. */
static bool is_one_of(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (; *words; words += strspn(words, " ")) {
        size_t n = strcspn(words, " ");
        if (n == len && memcmp(words, word, n) == 0)
            return true;
        words += n;
    }
    return false;
}

/* What the first word of a command in a shell line is: 1: a file; 0: the shell
 * does it by itself; -1: the command follows. */
static int first_word(const char *word)
{
    if (is_one_of("exec command time if then elif else while until do ! { "
                  "nohup env",
                  word))
        return -1;
    return !is_one_of("[ . : alias bg break case cd continue done echo esac "
                      "eval exit export false fg fi for getopts hash jobs kill "
                      "local printf pwd read readonly return set shift source "
                      "test times trap true type ulimit umask unalias unset "
                      "wait }",
                      word);
}

/* A shell line: each command of it as far as its words are plain ones. */
static int look_at_line(struct finder *f, const char *line)
{
    char program[PROGRAM_MAX_NAME + 1] = "", word[PATH_MAX], path[PATH_MAX];
    bool ours = true; /* words are to be looked at, up to the next command */
    int rc = 0;
    while (rc == 0 && *line) {
        line += strspn(line, " \t");
        size_t len = strcspn(line, " \t\n;|&()<>");
        bool plain = is_plain(line, len) && len < sizeof(word);
        if (plain && ours) {
            memcpy(word, line, len);
            word[len] = '\0';
            int first = program[0] ? 0 : first_word(word);
            if (program[0]) {
                rc = add_argument(f, program, word);
            } else if (first > 0 && !is_assignment(line, len)) {
                ours = len < sizeof(program);
                memcpy(program, word, ours ? len + 1 : 0);
                if (ours && find_command(f, word, path))
                    rc = add_command(f, word);
            } else if (first == 0) {
                ours = false;
            }
        } else if (len > 0 && !program[0]) {
            ours = false;
        }
        line += len;
        if (*line && strchr("\n;|&()", *line)) {
            program[0] = '\0';
            ours = true;
        }
        line += *line != '\0';
    }
    return rc;
}

/* A list of words. */
static int look_at_words(struct finder *f, const struct command *c)
{
    const char *program = template_text(c->words[0]);
    struct buf text;
    int rc = 0;
    struct template_context none = {.task_id = "", .job_id = "", .run_dir = ""};
    if (!template_is_constant(c->words[0]) ||
        strlen(program) > PROGRAM_MAX_NAME)
        return 0;
    buf_init(&text, PATH_MAX);
    for (uint32_t i = 0; rc == 0 && i < c->word_count; i++) {
        buf_reset(&text);
        if (!template_is_constant(c->words[i]) ||
            strlen(template_text(c->words[i])) > PROGRAM_MAX_NAME ||
            template_expand(c->words[i], &none, false, &text, f->err) < 0)
            continue;
        rc = i == 0 ? add_command(f, buf_text(&text))
                    : add_argument(f, program, buf_text(&text));
    }
    buf_fini(&text);
    return rc;
}

/* The value that a task gives a variable, or else. */
static const char *variable(const struct task_template *t, const char *name,
                            const char *otherwise)
{
    for (uint32_t i = t->env_count; i-- > 0;)
        if (strcmp(t->env[i].name, name) == 0)
            return template_is_constant(t->env[i].value)
                       ? template_text(t->env[i].value)
                       : otherwise;
    return otherwise;
}

/* The first lines of a command file. */
static int look_at_lines(struct finder *f, const struct table *lines)
{
    struct table_command line;
    struct buf room;
    uint32_t n = table_rows(lines);
    int rc = 0;
    buf_init(&room, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < n && i < PROGRAMS_MAX_LINES &&
                         f->words < PROGRAMS_MAX_WORDS;
         i++)
        if (table_command(lines, i, &room, &line, f->err) == 0)
            rc = look_at_line(f, line.text);
    buf_fini(&room);
    return rc;
}

static int look_at_template(struct finder *f, const struct job *job,
                            const struct task_template *t)
{
    const struct command *c = &t->command;
    char *folder = NULL;
    if (c->word_count == 0 && job->tasks.kind != TASKS_COMMANDS)
        return 0;
    f->search_path = variable(t, "PATH", f->from->search_path);
    if (!f->search_path)
        f->search_path = DEFAULT_PATH;
    f->library_path = variable(t, "LD_LIBRARY_PATH", f->from->library_path);
    f->preload = variable(t, "LD_PRELOAD", f->from->preload);
    f->folder = f->work_dir;
    if (t->working_dir && template_is_constant(t->working_dir)) {
        folder = path_join(f->work_dir, template_text(t->working_dir));
        if (!folder)
            return err_set(f->err, ENOMEM, "no memory for a folder's name");
        f->folder = folder;
    }
    int rc = job->tasks.kind == TASKS_COMMANDS
                 ? look_at_lines(f, job->tasks.lines)
             : c->shell ? look_at_line(f, template_text(c->words[0]))
                        : look_at_words(f, c);
    mem_free(folder);
    return rc;
}

int programs_find(struct programs *p, const struct jobspec *spec,
                  const struct provenance *from, const char *work_dir,
                  const atomic_bool *cancel, struct err *err)
{
    struct finder f = {.out = p,
                       .from = from,
                       .work_dir = work_dir,
                       .cancel = cancel,
                       .err = err};
    for (uint32_t j = 0; j < spec->job_count; j++) {
        const struct job *job = &spec->jobs[j];
        uint32_t n = job_template_count(job);
        for (uint32_t i = 0;
             i < n && f.words < PROGRAMS_MAX_WORDS && !(cancel && *cancel); i++)
            if (look_at_template(&f, job, job_template(job, i)) < 0)
                return -1;
    }
    return 0;
}
