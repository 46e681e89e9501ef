/* Building sweeps: what the files parse_sweep*.c share. Internal to spec/.
 *
 *   parse_sweep.c          a sweep or a list of them to a task set
 *   parse_sweep_names.c    what the parameters of a sweep are called
 *   parse_sweep_method.c   the method, and which keys go with it
 *   parse_sweep_axes.c     methods to axes
 *   parse_sweep_column.c   where the values of one parameter come from
 *   parse_sweep_drawn.c    what is drawn for it
 *   parse_sweep_from.c     files that values come from
 *   parse_sweep_filter.c   exclude, include, when
 *
 * A sweep is read in two steps: first its names, so that all sweeps of a list
 * can be compared, then the rest, with the names' numbers in the set.
 */
#ifndef MPIBATCH_SPEC_PARSE_SWEEP_H
#define MPIBATCH_SPEC_PARSE_SWEEP_H

#include "spec/parse.h"

/* In the order of the words of `method` in keys.c. */
enum sweep_method {
    METHOD_GRID,
    METHOD_ZIP,
    METHOD_LIST,
    METHOD_COMBINATIONS,
    METHOD_PERMUTATIONS,
    METHOD_RANDOM,
    METHOD_LHS,
    METHOD_SOBOL,
    METHOD_HALTON
};

/* A parameter as one sweep has it. */
struct sweep_param {
    const char *name;
    const struct tree_node *at;  /* where it is named */
    struct field said;           /* what `parameters` says of it; no node:
                                    nothing, or something wrong */
    struct parameter_fields f;   /* if that is a mapping */
    const struct tree_node *zip; /* the group that it is in, or NULL */
    const struct table *table;   /* that it comes from, or NULL */
    uint32_t table_column;
    uint32_t number; /* in the set */
    bool is_path;
};

/* A sweep while it is read. */
struct sweep_draft {
    struct parse *parse;
    const struct tree_node *node;
    struct sweep_fields f;
    enum sweep_method method;
    struct sweep_param *params;
    uint32_t param_count;
    bool unnamed;   /* a parameter has no name that can be used */
    bool tableless; /* a table cannot be used, which was reported before */
    struct repeat_fields repeat; /* count 0: none */
    struct sweep *out;
    struct axis *axes;                 /* out's */
    const struct tree_node **axis_at;  /* where each comes from */
    const struct tree_node **match_at; /* of out's excludes: param_count each,
                                          where their values stand */
};

/* "`NAME`", for messages. */
struct quoted {
    char text[KEY_NAME_MAX + 8];
};
struct quoted quoted_name(const char *name);

/* One scalar as a value; its text stays with the tree's. false: it is none,
 * and that is reported. */
bool sweep_value(struct parse *p, const char *what, const struct tree_node *n,
                 const struct key_type *type, struct value *v);

/* Read a sweep's mapping: its method, and whether all that it needs is there
 * and nothing that goes with another. *usable: the names can be looked at. */
void sweep_read(struct parse *p, const struct tree_node *node,
                struct sweep_draft *d, bool *usable);
bool method_is_drawn(enum sweep_method method);
const char *method_name(enum sweep_method method);

/* Find the names. *named: all of them are known. -1: no memory. */
int sweep_names(struct sweep_draft *d, bool *named);

/* The parameter of that name, or NULL. */
struct sweep_param *sweep_find_param(const struct sweep_draft *d,
                                     const char *name);

/* Report that at, in `where`, names no parameter. */
void sweep_unknown(const struct sweep_draft *d, const struct tree_node *at,
                   const char *where);

/* The table that a key `from` names, or the files that match its pattern
 * (*is_path); NULL if there is none: that is reported, if not before. -1: no
 * memory. */
int from_load(struct parse *p, const struct field *from,
              const struct table **table, bool *is_path);

/* Report that a file has no column of that name. */
void column_unknown(struct parse *p, const struct tree_node *at,
                    const char *file, const struct table *table,
                    const char *name);

/* The axes into d->out. -1: no memory. */
int sweep_axes(struct sweep_draft *d);

/* The values of a parameter of a grid or zip, and of a drawn design. */
int column_build(struct sweep_draft *d, const struct sweep_param *param,
                 struct column *c);
int column_build_drawn(struct sweep_draft *d, const struct sweep_param *param,
                       struct column *c);
/* Of a drawn design: is it the same in all points? */
bool param_is_fixed(const struct sweep_param *param);
/* A scalar or a list of them as values of a column. */
int column_build_values(struct sweep_draft *d, const char *what,
                        const struct field *list, struct column *c);

/* exclude, include and when into d->out. names: of the set's parameters, whose
 * number is the draft's. -1: no memory. */
int sweep_filter(struct sweep_draft *d, const char *const *names);

#endif
