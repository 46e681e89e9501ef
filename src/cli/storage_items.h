/* Which files an upload or a download copies, and from where to where. */
#ifndef MPIBATCH_CLI_STORAGE_ITEMS_H
#define MPIBATCH_CLI_STORAGE_ITEMS_H

#include "base/arena.h"
#include "base/err.h"
#include "stage/container.h"
#include "stage/listing.h"

enum { ITEMS_MAX = 10000000 };

struct storage_items {
    struct arena *arena;
    struct container_item *list;
    size_t count, cap;
    uint64_t bytes;
};

/* -1 with err ENOMEM. */
int storage_items_init(struct storage_items *s, struct err *err);
void storage_items_fini(struct storage_items *s);

/* Files to upload below prefix: the file at path, or a folder with all files
 * below it, under its name (not if path ends with "/"). one: path is the only
 * one, and prefix is what a file is called unless it ends with "/". -1 with
 * err. */
int storage_items_upload(struct storage_items *s, const char *path,
                         const char *prefix, bool one, struct err *err);

/* Files of the container at `folder` whose names begin with prefix; they are
 * called so without the folders of the prefix. */
int storage_items_download(struct storage_items *s, const char *folder,
                           const char *prefix, struct err *err);

/* As listing_next, but for files that an upload has begun. */
int storage_listing_next(const struct buf *listing, size_t *at,
                         struct listed *f, struct err *err);

/* Warn of links that were left out of a listing of the folder. */
void storage_links_say(const char *folder, const struct listing_seen *seen);

/* Sort by where they go to. -1 with err EEXIST: two of them to one place. */
int storage_items_sort(struct storage_items *s, struct err *err);

#endif
