/* YAML text to a tree: see yaml_tree.h.
 *
 * The events of libyaml come in; children wait on one stack until their
 * collection ends, then move to the arena as an array. No recursion: open
 * collections are frames, at most SPEC_MAX_DEPTH.
 */
#include "config.h"
#include "spec/yaml_tree.h"

#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "spec/errors.h"
#include "spec/merge.h"
#include "spec/yaml_error.h"

/* How much a node is when an alias repeats it. */
struct extent {
    uint64_t nodes;  /* itself and all below, aliases expanded */
    unsigned height; /* levels of collections; a scalar has 0 */
};

struct anchor {
    const char *name;
    struct tree_node node;
    struct extent extent;
    bool open;       /* its collection has not ended */
    uint32_t before; /* anchor number of the previous one with this hash */
};

struct frame {
    struct tree_node node;
    size_t first;    /* its first child on the stack */
    uint32_t anchor; /* number, 0: none */
    struct extent extent;
    bool merges; /* a mapping that has `<<` */
};

struct builder {
    yaml_parser_t parser;
    const char *source;
    size_t source_len;
    struct spec_errors *errors;
    struct arena *nodes, *texts;
    char *room; /* what is left of the last piece of texts */
    size_t room_bytes;
    struct tree_node *stack;
    size_t stack_count, stack_cap;
    struct frame frames[SPEC_MAX_DEPTH];
    unsigned depth;
    struct anchor *anchors; /* number 1 is the first one */
    uint32_t anchor_count, anchor_cap;
    struct map anchor_of; /* hash of the name to the last number */
    uint64_t alias_nodes;
    struct merge merge;
};

enum { TEXTS_PIECE_BYTES = 16384, TEXTS_SHARED_MAX = 1024 };

static int no_memory(struct builder *b)
{
    spec_errors_no_memory(b->errors, arena_used_bytes(b->nodes) +
                                         arena_used_bytes(b->texts) +
                                         b->stack_count * sizeof(b->stack[0]));
    return -1;
}

/* Keep a text: short ones share pieces of the arena. NULL: no memory. */
static const char *text_keep(struct builder *b, const char *text, size_t len)
{
    if (len >= TEXTS_SHARED_MAX)
        return arena_strndup(b->texts, text, len);
    if (len >= b->room_bytes) {
        b->room = arena_calloc(b->texts, TEXTS_PIECE_BYTES, 1);
        if (!b->room) {
            b->room_bytes = 0;
            return NULL;
        }
        b->room_bytes = TEXTS_PIECE_BYTES;
    }
    char *kept = memcpy(b->room, text, len);
    kept[len] = '\0';
    b->room += len + 1;
    b->room_bytes -= len + 1;
    return kept;
}

/* Double an array of elements of size bytes when it is full. */
static int array_grow(void **array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return 0;
    size_t bigger = *cap ? *cap * 2 : 64;
    void *p = mem_resize(*array, bigger, size);
    if (!p)
        return -1;
    *array = p;
    *cap = bigger;
    return 0;
}

/* -- Nodes --------------------------------------------------------------- */

static void node_error(struct builder *b, const struct tree_node *n,
                       const char *text)
{
    spec_errors_add(b->errors, n->line, n->column, "%s", text);
}

static struct tree_node node_at(enum tree_kind kind, const yaml_mark_t *mark)
{
    return (struct tree_node){.kind = (uint8_t)kind,
                              .line = (uint32_t)mark->line + 1,
                              .column = (uint32_t)mark->column + 1,
                              .inset = TREE_NO_INSET};
}

/* The number of the last anchor of that name, or 0. */
static uint32_t anchor_find(const struct builder *b, const char *name)
{
    uint64_t number = 0;
    map_get(&b->anchor_of, hash_text(HASH_START, name), &number);
    while (number && strcmp(b->anchors[number - 1].name, name) != 0)
        number = b->anchors[number - 1].before;
    return (uint32_t)number;
}

/* Note an anchor; *number is 0 if name is NULL. */
static int anchor_add(struct builder *b, const char *name, uint32_t *number)
{
    *number = 0;
    if (!name)
        return 0;
    size_t cap = b->anchor_cap;
    void *anchors = b->anchors;
    if (array_grow(&anchors, b->anchor_count, &cap, sizeof(b->anchors[0])) < 0)
        return no_memory(b);
    b->anchors = anchors;
    b->anchor_cap = (uint32_t)cap;
    uint64_t hash = hash_text(HASH_START, name), before = 0;
    map_get(&b->anchor_of, hash, &before);
    const char *kept = text_keep(b, name, strlen(name));
    if (!kept || map_set(&b->anchor_of, hash, b->anchor_count + 1) < 0)
        return no_memory(b);
    b->anchors[b->anchor_count++] =
        (struct anchor){.name = kept, .open = true, .before = (uint32_t)before};
    *number = b->anchor_count;
    return 0;
}

/* A node is complete: name it, and give it to the collection around it. */
static int node_put(struct builder *b, const struct tree_node *n,
                    struct extent extent, uint32_t anchor)
{
    if (anchor) {
        struct anchor *a = &b->anchors[anchor - 1];
        a->node = *n;
        a->extent = extent;
        a->open = false;
    }
    void *stack = b->stack;
    if (b->stack_count > SPEC_MAX_BYTES / sizeof(*n) ||
        array_grow(&stack, b->stack_count, &b->stack_cap, sizeof(*n)) < 0)
        return no_memory(b);
    b->stack = stack;
    b->stack[b->stack_count++] = *n;
    if (b->depth > 0) {
        struct extent *around = &b->frames[b->depth - 1].extent;
        around->nodes += extent.nodes;
        if (around->height < extent.height + 1)
            around->height = extent.height + 1;
    }
    return 0;
}

/* Is the node that comes next a key? */
static bool key_comes(const struct builder *b)
{
    const struct frame *f = b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
    return f && f->node.kind == TREE_MAPPING &&
           (b->stack_count - f->first) % 2 == 0;
}

static const char core_prefix[] = "tag:yaml.org,2002:";
enum { CORE_PREFIX_BYTES = sizeof(core_prefix) - 1 };

/* What a core tag has behind its prefix, or NULL. */
static const char *core_name(const char *tag)
{
    return strncmp(tag, core_prefix, CORE_PREFIX_BYTES) == 0
               ? tag + CORE_PREFIX_BYTES
               : NULL;
}

static void tag_unknown(struct builder *b, const struct tree_node *n,
                        const char *tag)
{
    const char *core = core_name(tag);
    spec_errors_add(b->errors, n->line, n->column,
                    "unknown tag %s%s; quote a text that starts with !",
                    core ? "!!" : "", excerpt_of(core ? core : tag).text);
}

static const struct {
    const char *name;
    enum tree_tag tag;
    const char *mismatch;
} scalar_tags[] = {
    {"str", TREE_STR, NULL},
    {"int", TREE_INT, "!!int needs an integer"},
    {"float", TREE_FLOAT, "!!float needs a number"},
    {"bool", TREE_BOOL, "!!bool needs true or false"},
    {"null", TREE_NULL, "!!null needs null or nothing"},
};

/* The type of a scalar from its tag; an unknown or wrong one is reported. */
static void scalar_tag(struct builder *b, struct tree_node *n, const char *tag)
{
    const char *name = strcmp(tag, "!") == 0 ? "str" : core_name(tag);
    for (size_t i = 0; i < sizeof(scalar_tags) / sizeof(scalar_tags[0]); i++) {
        if (!name || strcmp(name, scalar_tags[i].name) != 0)
            continue;
        struct value v;
        n->tag = (uint8_t)scalar_tags[i].tag;
        value_resolve(&v, n->u.text);
        bool fits = n->tag == TREE_STR ||
                    (n->tag == TREE_INT && v.type == VALUE_INT) ||
                    (n->tag == TREE_FLOAT &&
                     (v.type == VALUE_INT || v.type == VALUE_FLOAT)) ||
                    (n->tag == TREE_BOOL && v.type == VALUE_BOOL) ||
                    (n->tag == TREE_NULL && v.type == VALUE_NULL);
        if (!fits) {
            node_error(b, n, scalar_tags[i].mismatch);
            n->kind = TREE_BROKEN;
        }
        return;
    }
    tag_unknown(b, n, tag);
    n->kind = TREE_BROKEN;
}

static int scalar_event(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                  event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    struct tree_node n = node_at(TREE_SCALAR, &event->start_mark);
    uint32_t anchor;
    if (memchr(text, '\0', len)) {
        node_error(b, &n, "a text cannot contain a NUL byte");
        n.kind = TREE_BROKEN;
        len = strlen(text);
    }
    n.u.text = text_keep(b, text, len);
    if (!n.u.text)
        return no_memory(b);
    n.count = (uint32_t)len;
    n.tag = plain ? TREE_PLAIN : TREE_STR;
    size_t chars = 0;
    for (size_t i = 0; i < len; i++)
        chars += ((unsigned char)text[i] & 0xc0) != 0x80;
    if ((plain || quoted) && event->start_mark.line == event->end_mark.line &&
        event->end_mark.column - event->start_mark.column == chars + 2 * quoted)
        n.inset = quoted;
    if (event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE && !tag &&
        !event->data.scalar.anchor)
        n.inset = TREE_LITERAL;
    if (tag && n.kind == TREE_SCALAR)
        scalar_tag(b, &n, tag);
    if (n.tag == TREE_PLAIN && strcmp(text, "<<") == 0 && key_comes(b))
        b->frames[b->depth - 1].merges = true;
    if (anchor_add(b, (const char *)event->data.scalar.anchor, &anchor) < 0)
        return -1;
    return node_put(b, &n, (struct extent){1, 0}, anchor);
}

/* An alias is the node of its anchor; its children are shared. */
static int alias_event(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct tree_node n = node_at(TREE_BROKEN, &event->start_mark);
    uint32_t number = anchor_find(b, name);
    const struct anchor *a = number ? &b->anchors[number - 1] : NULL;
    if (!a || a->open) {
        spec_errors_add(b->errors, n.line, n.column,
                        a ? "*%s stands inside of what &%s names"
                          : "*%s: nothing above is named &%s",
                        excerpt_of(name).text, excerpt_of(name).text);
        return node_put(b, &n, (struct extent){1, 0}, 0);
    }
    b->alias_nodes += a->extent.nodes;
    if (b->alias_nodes > SPEC_MAX_ALIAS_NODES) {
        spec_errors_add(b->errors, n.line, n.column,
                        "the aliases stand for more than %d values",
                        SPEC_MAX_ALIAS_NODES);
        return -1;
    }
    if (b->depth + a->extent.height > SPEC_MAX_DEPTH) {
        spec_errors_add(b->errors, n.line, n.column,
                        "nested deeper than %d levels by this alias",
                        SPEC_MAX_DEPTH);
        return -1;
    }
    return node_put(b, &a->node, a->extent, 0);
}

static int collection_start(struct builder *b, const yaml_event_t *event,
                            enum tree_kind kind, const char *anchor,
                            const char *tag)
{
    struct frame f = {.node = node_at(kind, &event->start_mark),
                      .first = b->stack_count,
                      .extent = {1, 1}};
    const char *core = tag ? core_name(tag) : NULL;
    if (b->depth == SPEC_MAX_DEPTH) {
        spec_errors_add(b->errors, f.node.line, f.node.column,
                        "nested deeper than %d levels", SPEC_MAX_DEPTH);
        return -1;
    }
    if (tag && strcmp(tag, "!") != 0 &&
        (!core || strcmp(core, kind == TREE_SEQUENCE ? "seq" : "map") != 0))
        tag_unknown(b, &f.node, tag);
    if (anchor_add(b, anchor, &f.anchor) < 0)
        return -1;
    b->frames[b->depth++] = f;
    return 0;
}

/* -- Collections' ends --------------------------------------------------- */

static bool is_merge(const struct tree_node *key)
{
    return key->tag == TREE_PLAIN && strcmp(key->u.text, "<<") == 0;
}

/* The children of a mapping, key and value in turn, to its pairs. */
static int mapping_fill(struct builder *b, struct tree_node *n,
                        const struct frame *f)
{
    const struct tree_node *merge = NULL;
    merge_start(&b->merge);
    for (size_t i = f->first; i < b->stack_count; i += 2) {
        struct tree_pair p = {b->stack[i], b->stack[i + 1]};
        int rc = 0;
        if (p.key.kind != TREE_SCALAR) {
            if (p.key.kind != TREE_BROKEN)
                node_error(b, &p.key,
                           "a key must be a word, not a list or a "
                           "mapping; quote a text that starts with "
                           "{ or [");
        } else if (f->merges && is_merge(&p.key)) {
            if (merge)
                spec_errors_add(b->errors, p.key.line, p.key.column,
                                "`<<` is given twice; first in line %u; write "
                                "`<<: [*a, *b]`",
                                merge->line);
            else
                rc = merge_from(&b->merge, &p.value, b->errors);
            merge = &b->stack[i];
        } else {
            rc = merge_own(&b->merge, &p);
        }
        if (rc < 0)
            return no_memory(b);
    }
    size_t count = merge_settle(&b->merge, b->errors);
    struct tree_pair *pairs = arena_calloc(b->nodes, count, sizeof(*pairs));
    if (!pairs)
        return no_memory(b);
    for (size_t i = 0; i < count; i++)
        pairs[i] = b->merge.candidates[i].pair;
    n->u.pairs = pairs;
    n->count = (uint32_t)count;
    return 0;
}

static int sequence_fill(struct builder *b, struct tree_node *n,
                         const struct frame *f)
{
    size_t count = b->stack_count - f->first;
    struct tree_node *items = arena_calloc(b->nodes, count, sizeof(*items));
    if (!items)
        return no_memory(b);
    if (count)
        memcpy(items, b->stack + f->first, count * sizeof(*items));
    n->u.items = items;
    n->count = (uint32_t)count;
    return 0;
}

static int collection_end(struct builder *b)
{
    struct frame *f = &b->frames[b->depth - 1];
    struct tree_node n = f->node;
    if ((n.kind == TREE_MAPPING ? mapping_fill(b, &n, f)
                                : sequence_fill(b, &n, f)) < 0)
        return -1;
    b->stack_count = f->first;
    b->depth--;
    return node_put(b, &n, f->extent, f->anchor);
}

/* -- Events -------------------------------------------------------------- */

/* Act on one event. *ended: the stream is over. */
static int event_act(struct builder *b, const yaml_event_t *e, bool *ended)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return scalar_event(b, e);
    case YAML_ALIAS_EVENT:
        return alias_event(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return collection_start(b, e, TREE_SEQUENCE,
                                (const char *)e->data.sequence_start.anchor,
                                (const char *)e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return collection_start(b, e, TREE_MAPPING,
                                (const char *)e->data.mapping_start.anchor,
                                (const char *)e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return collection_end(b);
    case YAML_DOCUMENT_START_EVENT:
        if (b->stack_count == 0)
            return 0;
        spec_errors_add(b->errors, (unsigned)e->start_mark.line + 1,
                        (unsigned)e->start_mark.column + 1,
                        "a second document starts here; a job spec is one");
        return -1;
    case YAML_STREAM_END_EVENT:
        *ended = true;
        return 0;
    default:
        return 0;
    }
}

static int events_run(struct builder *b)
{
    for (bool ended = false; !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            if (b->parser.error == YAML_MEMORY_ERROR)
                return no_memory(b);
            source_syntax_error(&b->parser, b->source, b->source_len,
                                b->errors);
            return -1;
        }
        int rc = event_act(b, &event, &ended);
        yaml_event_delete(&event);
        if (rc < 0)
            return -1;
    }
    if (b->stack_count > 0)
        return 0;
    spec_errors_add(b->errors, 0, 0,
                    "the job spec is empty; it needs at least `jobs`");
    return -1;
}

int tree_parse(const char *text, size_t len, struct arena *nodes,
               struct arena *texts, struct spec_errors *errors,
               struct tree_node *root)
{
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a BOM */
        text += 3;
        len -= 3;
    }
    struct builder b = {.source = text,
                        .source_len = len,
                        .errors = errors,
                        .nodes = nodes,
                        .texts = texts};
    if (source_check(text, len, errors) < 0)
        return -1;
    if (!yaml_parser_initialize(&b.parser))
        return no_memory(&b);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
    map_init(&b.anchor_of);
    int rc = events_run(&b);
    if (rc == 0)
        *root = b.stack[0];
    map_fini(&b.anchor_of);
    merge_fini(&b.merge);
    mem_free(b.anchors);
    mem_free(b.stack);
    yaml_parser_delete(&b.parser);
    return rc;
}

void tree_value(const struct tree_node *scalar, struct value *v)
{
    if (scalar->tag == TREE_STR) {
        value_string(v, scalar->u.text);
        return;
    }
    value_resolve(v, scalar->u.text);
    if (scalar->tag == TREE_FLOAT && v->type == VALUE_INT) {
        v->u.number = (double)v->u.integer;
        v->type = VALUE_FLOAT;
    }
}

const struct tree_node *tree_get(const struct tree_node *mapping,
                                 const char *key)
{
    for (uint32_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->u.pairs[i].key.u.text, key) == 0)
            return &mapping->u.pairs[i].value;
    return NULL;
}

void tree_place(const struct tree_node *scalar, size_t at, unsigned *line,
                unsigned *column)
{
    const char *text = scalar->u.text;
    *line = scalar->line;
    *column = scalar->column;
    if (scalar->inset == TREE_NO_INSET)
        return;
    if (scalar->inset == TREE_LITERAL) {
        *column = 0;
        ++*line;
        for (size_t i = 0; i < at && i < scalar->count; i++)
            *line += text[i] == '\n';
        return;
    }
    *column += scalar->inset;
    for (size_t i = 0; i < at && i < scalar->count; i++)
        *column += ((unsigned char)text[i] & 0xc0) != 0x80;
}
