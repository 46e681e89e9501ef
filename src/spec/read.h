/* Reading a mapping of the tree by the table of keys into its fields.
 *
 * Everything that the table says is checked here: known and required keys,
 * types, ranges, defaults. What keys mean together, parse_*.c know.
 */
#ifndef MPIBATCH_SPEC_READ_H
#define MPIBATCH_SPEC_READ_H

#include <stdbool.h>

#include "spec/keys.h"
#include "spec/spec.h"
#include "spec/yaml_tree.h"

/* Read a mapping into fields, a struct of the set's fields; what is not given
 * gets its default. what: the mapping in messages ("`pool`"). node may be
 * NULL: all defaults, and nothing is required. Errors are added to errors;
 * a wrong field has a key and no node. */
void fields_read(struct spec_errors *errors, const char *what,
                 const struct tree_node *node, const struct key_set *set,
                 void *fields);

/* Is the node of that type? Lists, maps and structs: only what they are and
 * how many elements they have. Fills f but for its key if it is; adds an
 * error if not. */
bool value_read(struct spec_errors *errors, const char *what,
                const struct tree_node *node, const struct key_type *type,
                struct field *f);

#endif
