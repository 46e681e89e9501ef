/* YAML text as a tree in which each node knows its place.
 *
 * Owns the syntax: anchors and merge keys are resolved, core tags applied,
 * duplicate keys refused, everything bounded. What keys mean, others know.
 * Nodes lie in arrays, 24 bytes each, so that lists may be long.
 */
#ifndef MPIBATCH_SPEC_YAML_TREE_H
#define MPIBATCH_SPEC_YAML_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/value.h"
#include "spec/spec.h"

enum tree_kind {
    TREE_SCALAR,
    TREE_SEQUENCE,
    TREE_MAPPING,
    TREE_BROKEN /* an error that is reported already stands here */
};

/* What a scalar's type is: what its text means, or what a tag (or quotes,
 * which mean !!str) says. */
enum tree_tag {
    TREE_PLAIN,
    TREE_STR,
    TREE_INT,
    TREE_FLOAT,
    TREE_BOOL,
    TREE_NULL
};

/* inset of a scalar whose text is not what stands in the source, and of a
 * literal block, whose lines are those below. */
enum { TREE_NO_INSET = 255, TREE_LITERAL = 254 };

struct tree_node {
    uint8_t kind;  /* enum tree_kind */
    uint8_t tag;   /* enum tree_tag */
    uint8_t inset; /* characters between the node's place and its text */
    uint32_t line, column; /* from 1; columns are characters */
    uint32_t count;        /* items or pairs; bytes of text */
    union {
        const char *text; /* NUL-terminated, without another NUL */
        const struct tree_node *items;
        const struct tree_pair *pairs;
    } u;
};

struct tree_pair {
    struct tree_node key, value; /* the key is a scalar */
};

/* Parse text into *root. Nodes come from the arena nodes, the texts of
 * scalars from the arena texts, so that who builds from the tree may keep
 * them. 0 with at least a usable tree (there may be errors), or -1 with the
 * error that ended it. */
int tree_parse(const char *text, size_t len, struct arena *nodes,
               struct arena *texts, struct spec_errors *errors,
               struct tree_node *root);

/* The value of a scalar. Its text is borrowed from the node. */
void tree_value(const struct tree_node *scalar, struct value *v);

/* The value of that key in a mapping, or NULL. */
const struct tree_node *tree_get(const struct tree_node *mapping,
                                 const char *key);

/* Where byte `at` of a scalar's text stands, as well as it can be known;
 * *column is 0 if only the line is. */
void tree_place(const struct tree_node *scalar, size_t at, unsigned *line,
                unsigned *column);

#endif
