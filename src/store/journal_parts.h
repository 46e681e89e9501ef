/* What the parts of reading a journal share: journal_read.c (its files, one
 * after the other), journal_window.c (what lies at a place of one),
 * journal_decode.c (records from bytes). Nobody else includes it.
 */
#ifndef MPIBATCH_STORE_JOURNAL_PARTS_H
#define MPIBATCH_STORE_JOURNAL_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/journal.h"

enum {
    JOURNAL_WINDOW_BYTES = 2 << 20,
    JOURNAL_TEXTS_MAX = 8 /* strings of one record */
};

struct journal_file {
    uint32_t session;
    char *path;
    uint64_t size; /* when reading began */
    uint64_t torn; /* bytes cut off its end */
};

struct journal_reader {
    const struct jobspec *spec;
    uint32_t digest;
    struct journal_file *files;
    uint32_t file_count;
    const char *last_torn; /* a file's path */

    uint32_t at;     /* the file being read; file_count: the end */
    int fd;          /* -1: not open yet */
    uint64_t offset; /* of the next record */
    unsigned char *window;
    uint64_t window_at; /* its place in the file */
    size_t window_len;

    bool light;
    bool (*want)(void *arg, uint32_t job, uint32_t index);
    void *want_arg;
    struct attempt attempt;
    struct node_info node;
    struct task_range ranges[JOURNAL_MAX_RANGES];
    struct buf texts; /* of a record's strings */
};

/* ---- journal_window.c: of the file being read ---- */

/* See to it that the window holds need bytes from offset on, or all to the
 * end of the file. *len: how many it holds; at least 1 if the file goes on. -1
 * with err. */
int journal_look(struct journal_reader *jr, uint64_t offset, size_t need,
                 const unsigned char **p, size_t *len, struct err *err);
/* The payload of the record at offset, or *len 0: it is bad or the end. -1 with
 * err. */
int journal_frame_at(struct journal_reader *jr, uint64_t offset,
                     const unsigned char **payload, uint32_t *len,
                     struct err *err);
/* Does a block of zeros begin within what the bad record at offset may be?
 * 1, 0, -1 with err. */
int journal_hole_at(struct journal_reader *jr, uint64_t offset,
                    struct err *err);
/* Is there a valid record anywhere behind offset? 1, 0, -1 with err. */
int journal_valid_behind(struct journal_reader *jr, uint64_t offset,
                         struct err *err);

/* ---- journal_decode.c ---- */

/* Decode a payload whose checksum is right. 1, 0: not wanted, -1 (err may
 * not say why), -2: tasks were added that the spec does not have. What out
 * points to is the reader's. */
int journal_decode(struct journal_reader *jr, const unsigned char *payload,
                   uint32_t len, struct journal_record *out, struct err *err);

#endif
