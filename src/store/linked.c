/* Shared libraries of a program: see linked.h.
 *
 * Everything read from a file is checked against its bounds; what is not as
 * it should be counts as no dynamic program. Only files of this machine's own
 * class and byte order are looked into.
 */
#include "config.h"
#include "store/linked.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define CACHE_PATH  "/etc/ld.so.cache"
#define CACHE_MAGIC "glibc-ld.so.cache1.1"

enum {
    MAX_PHDRS = 256,
    MAX_DYNAMIC = 4096, /* entries */
    MAX_STRING = 4096,
    MAX_CACHE_BYTES = 64 << 20,
    NATIVE_CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
    NATIVE_DATA = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB
};

struct object {
    struct linked is;
    const char *soname, *rpath, *runpath; /* NULL: none */
    uint32_t loader; /* the object that asked for it; of the first: itself */
    dev_t dev;
    ino_t ino;
};

struct search {
    struct arena *arena;
    const char *library_path;
    unsigned machine; /* of the program */
    struct object *objects;
    uint32_t count, at; /* at: whose needs are met next */
    struct buf cache;   /* ld.so.cache */
    int levels;         /* of the processor's variants, 0: none */
    struct err *err;
};

static int no_memory(const struct search *s)
{
    return err_set(s->err, ENOMEM, "no memory for a program's libraries");
}

/* ---- One ELF file ---- */

struct elf {
    int fd;
    ElfW(Ehdr) head;
    ElfW(Phdr) parts[MAX_PHDRS];
};

static bool elf_open(struct elf *e, const char *path)
{
    e->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (e->fd < 0)
        return false;
    size_t n = sizeof(e->head);
    if (file_read_at(e->fd, &e->head, n, 0) == 0 &&
        memcmp(e->head.e_ident, ELFMAG, SELFMAG) == 0 &&
        e->head.e_ident[EI_CLASS] == NATIVE_CLASS &&
        e->head.e_ident[EI_DATA] == NATIVE_DATA &&
        e->head.e_phentsize == sizeof(e->parts[0]) &&
        e->head.e_phnum <= MAX_PHDRS &&
        file_read_at(e->fd, e->parts, e->head.e_phnum * sizeof(e->parts[0]),
                     e->head.e_phoff) == 0)
        return true;
    close(e->fd);
    return false;
}

static const ElfW(Phdr) * elf_part(const struct elf *e, ElfW(Word) type)
{
    for (unsigned i = 0; i < e->head.e_phnum; i++)
        if (e->parts[i].p_type == type)
            return &e->parts[i];
    return NULL;
}

/* Where in the file lies what is at an address in memory? */
static bool elf_offset(const struct elf *e, uint64_t address, uint64_t *offset)
{
    for (unsigned i = 0; i < e->head.e_phnum; i++) {
        const ElfW(Phdr) *p = &e->parts[i];
        if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
            address - p->p_vaddr < p->p_filesz) {
            *offset = p->p_offset + (address - p->p_vaddr);
            return true;
        }
    }
    return false;
}

/* The string at an offset of the file into text; false: there is none. */
static bool elf_string(const struct elf *e, uint64_t offset,
                       char text[MAX_STRING])
{
    ssize_t n = pread(e->fd, text, MAX_STRING, (off_t)offset);
    return n > 0 && memchr(text, '\0', (size_t)n);
}

/* The entries of the dynamic section, up to its end; how many. */
static unsigned elf_dynamic(const struct elf *e, ElfW(Dyn) entries[MAX_DYNAMIC])
{
    const ElfW(Phdr) *p = elf_part(e, PT_DYNAMIC);
    size_t bytes = p ? (size_t)p->p_filesz : 0;
    unsigned n = 0;
    if (bytes > MAX_DYNAMIC * sizeof(entries[0]))
        bytes = MAX_DYNAMIC * sizeof(entries[0]);
    if (bytes == 0 || file_read_at(e->fd, entries, bytes, p->p_offset) < 0)
        return 0;
    while (n < bytes / sizeof(entries[0]) && entries[n].d_tag != DT_NULL)
        n++;
    return n;
}

/* ---- Finding a library ---- */

/* The processor's level in the names of glibc's folders: x86-64-v1 to v4. */
static int processor_level(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("ssse3") ||
        !__builtin_cpu_supports("popcnt"))
        return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("fma"))
        return 2;
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") ||
        !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 3;
    return 4;
#else
    return 0;
#endif
}

/* May it be loaded by the program? */
static bool is_loadable(const struct search *s, const char *path)
{
    struct elf e;
    if (!elf_open(&e, path))
        return false;
    bool ok = e.head.e_type == ET_DYN &&
              (s->count == 0 || e.head.e_machine == s->machine);
    close(e.fd);
    return ok;
}

/* The library in a folder (len bytes of dir), into path. */
static bool try_folder(const struct search *s, const char *dir, size_t len,
                       const char *name, char path[PATH_MAX])
{
    for (int level = s->levels; level >= 2; level--)
        if (snprintf(path, PATH_MAX, "%.*s/glibc-hwcaps/x86-64-v%d/%s",
                     (int)len, dir, level, name) < PATH_MAX &&
            is_loadable(s, path))
            return true;
    return snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dir, name) <
               PATH_MAX &&
           is_loadable(s, path);
}

/* Append a folder with $ORIGIN replaced, the folder of the object. False: it
 * has a token that is not known. */
static bool put_folder(struct buf *b, const char *dir, size_t len,
                       const char *object)
{
    buf_reset(b);
    for (const char *end = dir + len; dir < end;) {
        size_t left = (size_t)(end - dir), token = 0;
        if (left >= 7 && memcmp(dir, "$ORIGIN", 7) == 0)
            token = 7;
        else if (left >= 9 && memcmp(dir, "${ORIGIN}", 9) == 0)
            token = 9;
        else if (*dir == '$')
            return false;
        const char *slash = strrchr(object, '/');
        int rc = token == 0 ? buf_putc(b, *dir)
                 : slash    ? buf_put(b, object, (size_t)(slash - object))
                            : buf_putc(b, '.');
        if (rc < 0)
            return false;
        dir += token ? token : 1;
    }
    return b->len > 0 || buf_putc(b, '.') == 0;
}

/* In a list of folders; object: whose list it is. */
static bool try_list(const struct search *s, const char *list,
                     const char *separators, const char *object,
                     const char *name, char path[PATH_MAX])
{
    struct buf dir;
    bool found = false;
    buf_init(&dir, PATH_MAX);
    while (list && !found) {
        size_t len = strcspn(list, separators);
        if (put_folder(&dir, list, len, object))
            found = try_folder(s, buf_text(&dir), dir.len, name, path);
        list = list[len] ? list + len + 1 : NULL;
    }
    buf_fini(&dir);
    return found;
}

/* DT_RPATH of the object and of those that loaded it; DT_RUNPATH makes an
 * object's own void, and where the first object has it, nothing is asked. */
static bool try_rpaths(const struct search *s, uint32_t from, const char *name,
                       char path[PATH_MAX])
{
    if (s->objects[from].runpath)
        return false;
    for (uint32_t i = from;; i = s->objects[i].loader) {
        const struct object *o = &s->objects[i];
        if (o->rpath && !o->runpath &&
            try_list(s, o->rpath, ":", o->is.path, name, path))
            return true;
        if (i == s->objects[i].loader)
            return false;
    }
}

/* A text in the cache at offset of its header, or NULL. */
static const char *cache_text(const char *head, size_t len, uint32_t offset)
{
    return offset < len && memchr(head + offset, '\0', len - offset)
               ? head + offset
               : NULL;
}

struct cache_entry {
    int32_t flags;
    uint32_t key, value, os;
    uint64_t hwcap;
};

static bool try_cache(struct search *s, const char *name, char path[PATH_MAX])
{
    enum { HEAD_BYTES = 48, COUNT_AT = 20 };
    const char *data = buf_text(&s->cache);
    const char *head =
        s->cache.len > HEAD_BYTES
            ? memmem(data, s->cache.len, CACHE_MAGIC, strlen(CACHE_MAGIC))
            : NULL;
    size_t len = head ? s->cache.len - (size_t)(head - data) : 0;
    uint32_t count = 0;
    int best = -1;
    if (len < HEAD_BYTES)
        return false;
    memcpy(&count, head + COUNT_AT, sizeof(count));
    for (uint32_t i = 0; i < count; i++) {
        struct cache_entry e;
        size_t at = HEAD_BYTES + (size_t)i * sizeof(e);
        if (at + sizeof(e) > len)
            break;
        memcpy(&e, head + at, sizeof(e));
        const char *key = cache_text(head, len, e.key);
        const char *value = cache_text(head, len, e.value);
        if (!key || !value || strcmp(key, name) != 0)
            continue;
        const char *variant = strstr(value, "/glibc-hwcaps/x86-64-v");
        int level = variant ? variant[22] - '0' : e.hwcap == 0 ? 0 : 9;
        if (level > best && (level == 0 || level <= s->levels) &&
            strlen(value) < PATH_MAX && is_loadable(s, value)) {
            strcpy(path, value);
            best = level;
        }
    }
    return best >= 0;
}

static bool find_library(struct search *s, uint32_t from, const char *name,
                         char path[PATH_MAX])
{
    const struct object *o = &s->objects[from];
    if (strchr(name, '/'))
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX &&
               is_loadable(s, path);
    return try_rpaths(s, from, name, path) ||
           try_list(s, s->library_path, ":;", s->objects[0].is.path, name,
                    path) ||
           try_list(s, o->runpath, ":", o->is.path, name, path) ||
           try_cache(s, name, path) ||
           try_list(s, "/lib64:/usr/lib64:/lib:/usr/lib", ":", "", name, path);
}

/* ---- All objects ---- */

/* Add an object, unless it is there under this or another name; path NULL:
 * not found. */
static int add_object(struct search *s, const char *name, const char *path,
                      uint32_t loader)
{
    struct stat st = {0};
    bool known = path && stat(path, &st) == 0;
    for (uint32_t i = 0; known && i < s->count; i++)
        if (s->objects[i].is.path && s->objects[i].dev == st.st_dev &&
            s->objects[i].ino == st.st_ino)
            return 0;
    if (s->count == LINKED_MAX)
        return err_set(s->err, E2BIG, "more than %d libraries", LINKED_MAX);
    struct object *o = &s->objects[s->count];
    *o = (struct object){.loader = loader, .dev = st.st_dev, .ino = st.st_ino};
    o->is.name = arena_strdup(s->arena, name);
    o->is.path = path ? arena_strdup(s->arena, path) : NULL;
    if (!o->is.name || (path && !o->is.path))
        return no_memory(s);
    s->count++;
    return 0;
}

static int need(struct search *s, uint32_t from, const char *name)
{
    char path[PATH_MAX];
    for (uint32_t i = 1; i < s->count; i++)
        if (strcmp(s->objects[i].is.name, name) == 0 ||
            (s->objects[i].soname && strcmp(s->objects[i].soname, name) == 0))
            return 0;
    bool found = find_library(s, from, name, path);
    return add_object(s, name, found ? path : NULL, from);
}

/* Keep a string of the dynamic section. */
static int keep(struct search *s, const char *text, const char **to)
{
    *to = arena_strdup(s->arena, text);
    return *to ? 0 : no_memory(s);
}

/* What one entry of the dynamic section says of object `at`; needs: those
 * that ask for a library, else the others. */
static int take_entry(struct search *s, uint32_t at, ElfW(Sxword) tag,
                      const char *text, bool needs)
{
    struct object *o = &s->objects[at];
    if (needs)
        return tag == DT_NEEDED ? need(s, at, text) : 0;
    if (tag == DT_SONAME)
        return keep(s, text, &o->soname);
    if (tag == DT_RPATH)
        return keep(s, text, &o->rpath);
    return tag == DT_RUNPATH ? keep(s, text, &o->runpath) : 0;
}

static int read_object(struct search *s, uint32_t at, bool needs)
{
    static const ElfW(Sxword)
        wanted[] = {DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH};
    struct elf e;
    ElfW(Dyn) entries[MAX_DYNAMIC];
    char text[MAX_STRING];
    uint64_t strings = 0, offset = 0;
    int rc = 0;
    if (!s->objects[at].is.path || !elf_open(&e, s->objects[at].is.path))
        return 0;
    unsigned n = elf_dynamic(&e, entries);
    for (unsigned i = 0; i < n; i++)
        if (entries[i].d_tag == DT_STRTAB)
            strings = entries[i].d_un.d_ptr;
    bool ok = elf_offset(&e, strings, &offset);
    for (unsigned i = 0; rc == 0 && ok && i < n; i++)
        for (unsigned k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++)
            if (entries[i].d_tag == wanted[k] &&
                elf_string(&e, offset + entries[i].d_un.d_val, text))
                rc = take_entry(s, at, wanted[k], text, needs);
    close(e.fd);
    return rc;
}

/* The names in LD_PRELOAD. */
static int need_preloads(struct search *s, const char *preload)
{
    char name[PATH_MAX];
    int rc = 0;
    while (rc == 0 && preload && *preload) {
        size_t len = strcspn(preload, ": ");
        if (len > 0 &&
            snprintf(name, sizeof(name), "%.*s", (int)len, preload) < PATH_MAX)
            rc = need(s, 0, name);
        preload += len + (preload[len] != '\0');
    }
    return rc;
}

/* The program itself and its linker. 1: it is a dynamic one; 0, -1. */
static int start(struct search *s, const char *path)
{
    struct elf e;
    char linker[MAX_STRING];
    if (!elf_open(&e, path))
        return 0;
    const ElfW(Phdr) *p = elf_part(&e, PT_INTERP);
    bool dynamic = p && elf_string(&e, p->p_offset, linker);
    s->machine = e.head.e_machine;
    close(e.fd);
    if (!dynamic)
        return 0;
    if (add_object(s, path, path, 0) < 0 ||
        add_object(s, path_base(linker), linker, 0) < 0 ||
        read_object(s, 0, false) < 0)
        return -1;
    return 1;
}

static int search_all(struct search *s, const char *path, const char *preload)
{
    struct err ignored;
    int rc = start(s, path);
    if (rc <= 0)
        return rc;
    /* without the cache there are still the folders */
    (void)file_read(CACHE_PATH, &s->cache, &ignored);
    if (need_preloads(s, preload) < 0)
        return -1;
    for (s->at = 0; s->at < s->count; s->at++)
        if ((s->at > 0 && read_object(s, s->at, false) < 0) ||
            read_object(s, s->at, true) < 0)
            return -1;
    return 0;
}

int linked_list(struct arena *arena, const char *path, const char *library_path,
                const char *preload, const struct linked **list,
                uint32_t *count, struct err *err)
{
    struct search s = {.arena = arena,
                       .library_path = library_path,
                       .levels = processor_level(),
                       .err = err};
    struct linked *out = NULL;
    buf_init(&s.cache, MAX_CACHE_BYTES);
    s.objects = mem_calloc(LINKED_MAX, sizeof(s.objects[0]));
    int rc = s.objects ? search_all(&s, path, preload) : no_memory(&s);
    if (rc == 0 && s.count > 1) {
        out = arena_calloc(arena, s.count - 1, sizeof(*out));
        if (!out)
            rc = no_memory(&s);
        for (uint32_t i = 1; out && i < s.count; i++)
            out[i - 1] = s.objects[i].is;
    }
    *list = out;
    *count = out ? s.count - 1 : 0;
    mem_free(s.objects);
    buf_fini(&s.cache);
    return rc;
}
