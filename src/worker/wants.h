/* What an attempt wants before it runs: its resource files and packages, with
 * all templates filled in. Pure: names and numbers, no file is touched. */
#ifndef MPIBATCH_WORKER_WANTS_H
#define MPIBATCH_WORKER_WANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/failure.h"
#include "model/jobspec.h"
#include "model/object.h"

struct prepare;

/* One file, listing or package. Strings are its own. */
struct item {
    struct item *next;
    enum object_kind kind;
    char *key;        /* of the object: see model/object.h */
    char *checksum;   /* or NULL */
    char *to;         /* relative to wd: the file; of a listing the folder, ""
                         is wd; of a package NULL */
    char *dir;        /* of a listing: the folder that is listed, */
    char *prefix;     /* and how its names begin */
    bool common;      /* relative to the folder above wd */
    uint32_t mode;    /* of the file, or of the files */
    uint32_t package; /* which of its template's references */
    /* as it goes along: see prepare.c */
    struct prepare *owner;
    char *path; /* where it is on this node */
    uint64_t bytes;
    bool gone; /* and is no more */
    unsigned missed;
};

/* A queue of items. */
struct items {
    struct item *first, *last;
    uint32_t count;
};

void item_destroy(struct item *item);
void items_put(struct items *q, struct item *item);
struct item *items_take(struct items *q); /* NULL: it is empty */
void items_fini(struct items *q);

/* Everything that one task wants, or one instance of it; names->task_id is set.
 * -1 with *failure and err: a template that cannot be expanded, a URL that is
 * none, ENOMEM. */
int wants_of_task(const struct jobspec *spec, const struct task_template *t,
                  uint32_t instance, const struct template_context *names,
                  struct items *out, enum failure *failure, struct err *err);

/* The file of that name in a listing. NULL with err. */
struct item *item_of_listed(const struct item *listing, const char *name,
                            struct err *err);

#endif
