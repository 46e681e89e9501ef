/* What is staged: an object, that is a file of shared storage, a listing, a
 * package; told between ranks and kept in a node's cache by its content. */
#ifndef MPIBATCH_MODEL_OBJECT_H
#define MPIBATCH_MODEL_OBJECT_H

#include <stdint.h>

/* XXH3-128 of the content, in its canonical order of bytes. */
struct digest {
    unsigned char bytes[16];
};

/* What the key of an object means. */
enum object_kind {
    OBJECT_FILE = 1, /* an absolute path */
    OBJECT_URL,      /* http or https */
    OBJECT_LIST,     /* "DIR\nPREFIX": the listing of a container */
    OBJECT_TREE,     /* a folder: as one pax archive */
    OBJECT_PACKAGE   /* package number N, unpacked on this node: never sent */
};

/* Whose fault it is that a rank could not fetch an object. */
enum object_blame {
    OBJECT_BLAME_SOURCE = 1, /* the source's: it would be so for everybody */
    OBJECT_BLAME_NODE,       /* this node's: its disk is full */
    OBJECT_BLAME_PARENT      /* the rank's that it was to be pulled from */
};

/* An object that is there. */
struct object_meta {
    uint64_t bytes;
    struct digest digest;
    uint32_t mode; /* of the source: permission bits */
};

#endif
