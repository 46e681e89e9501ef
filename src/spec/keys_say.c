/* What keys and their types are called, and which was meant: said from the
 * table alone. See keys.h. */
#include "config.h"
#include "spec/keys.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

/* ---- Types in words ---- */

/* One of them, and several. Those without depend on more than the kind. */
static const struct {
    const char *one, *several;
} kind_words[KEY_KIND_COUNT] = {
    [KEY_TEXT] = {"a text", "texts"},
    [KEY_ID] = {"an id (1 to 64 letters, digits, \"_\" and \"-\")", "ids"},
    [KEY_INTEGER] = {"an integer", "integers"},
    [KEY_NUMBER] = {"a number", "numbers"},
    [KEY_BOOLEAN] = {"true or false", "true or false"},
    [KEY_DURATION] = {"a duration (such as 90s, 1h30m, 01:30:00)", "durations"},
    [KEY_SIZE] = {"a size (such as 512MiB, 2GB, 4096)", "sizes"},
    [KEY_MODE] = {"permissions in octal (such as \"0640\")", "permissions"},
    [KEY_TEMPLATE] = {"a text", "texts"},
    [KEY_REGEX] = {"a regular expression", "regular expressions"},
    [KEY_SCALAR] = {"a single value", "values"},
    [KEY_LIST] = {NULL, "lists"},
    [KEY_MAP] = {NULL, "mappings"},
};

static int describe_choice(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i]; i++)
        if (buf_printf(out, "%s%s",
                       i == 0         ? ""
                       : words[i + 1] ? ", "
                                      : " or ",
                       words[i]) < 0)
            return -1;
    return 0;
}

/* "jobs", "values", "lists or parameters": elements of a list or map. */
static int describe_elements(const struct key_type *of, struct buf *out)
{
    for (; of; of = of->another) {
        const char *several = of->kind == KEY_STRUCT
                                  ? of->set->plural
                                  : kind_words[of->kind].several;
        if (buf_printf(out, "%s%s", several, of->another ? " or " : "") < 0)
            return -1;
    }
    return 0;
}

/* "a mapping (`id`, `priority`, ...)": enough to recognise it. */
static int describe_struct(const struct key_set *set, struct buf *out)
{
    enum { SHOWN = 4 };
    if (buf_puts(out, "a mapping (") < 0)
        return -1;
    for (size_t i = 0; i < set->count && i < SHOWN; i++)
        if (buf_printf(out, "%s`%s`", i ? ", " : "", set->keys[i].name) < 0)
            return -1;
    return buf_puts(out, set->count > SHOWN ? ", ...)" : ")");
}

static int describe_one(const struct key_type *type, struct buf *out)
{
    switch (type->kind) {
    case KEY_INTEGER:
        return buf_printf(out, "an integer from %" PRId64 " to %" PRId64,
                          type->min, type->max);
    case KEY_CHOICE:
        return describe_choice(type->words, out);
    case KEY_LIST:
        return buf_puts(out, "a list of ") < 0
                   ? -1
                   : describe_elements(type->of, out);
    case KEY_MAP:
        return buf_puts(out, "a mapping of names to ") < 0
                   ? -1
                   : describe_elements(type->of, out);
    case KEY_STRUCT:
        return describe_struct(type->set, out);
    default:
        return buf_puts(out, kind_words[type->kind].one);
    }
}

int key_type_describe(const struct key_type *type, struct buf *out)
{
    for (; type; type = type->another)
        if (describe_one(type, out) < 0 ||
            (type->another && buf_puts(out, ", or ") < 0))
            return -1;
    return 0;
}

/* ---- Unknown keys ---- */

enum {
    WORD_MAX = 64,
    NAMES_MAX = 48,
    SETS_MAX = 96,
    SHOWN = 3,
    NEAR = 3,
    FAR = 99
};

/* The word in our spelling: "maxWallClockTime" and "max-wall-clock-time" are
 * "max_wall_clock_time". false: too long to be one of ours. */
static bool word_normalise(const char *word, char out[WORD_MAX])
{
    size_t n = 0;
    for (size_t i = 0; word[i]; i++) {
        if (n + 2 >= WORD_MAX)
            return false;
        if (isupper((unsigned char)word[i]) && i > 0 &&
            islower((unsigned char)word[i - 1]))
            out[n++] = '_';
        out[n++] = word[i] == '-' || word[i] == ' '
                       ? '_'
                       : (char)tolower((unsigned char)word[i]);
    }
    out[n] = '\0';
    return true;
}

static const char *set_nearest(const struct key_set *set, const char *word)
{
    const char *names[NAMES_MAX];
    size_t count = set->count < NAMES_MAX ? set->count : NAMES_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = set->keys[i].name;
    return text_nearest(word, names, count);
}

/* Does a value of the type have mappings of the set in it, other than in those
 * of another set? */
static bool type_has(const struct key_type *type, const struct key_set *set)
{
    for (; type; type = type->another)
        if (type->kind == KEY_STRUCT ? type->set == set
                                     : type->of && type_has(type->of, set))
            return true;
    return false;
}

static bool set_has(const struct key_set *outer, const struct key_set *inner)
{
    for (size_t i = 0; i < outer->count; i++)
        if (type_has(outer->keys[i].type, inner))
            return true;
    return false;
}

/* How many steps, into a mapping or out of one, each set is from one of them.
 */
static void sets_measure(const struct key_set *from, unsigned steps[SETS_MAX])
{
    bool more = true;
    for (size_t i = 0; key_sets[i]; i++) {
        assert(i < SETS_MAX);
        steps[i] = key_sets[i] == from ? 0 : FAR;
    }
    for (unsigned n = 0; more; n++) {
        more = false;
        for (size_t i = 0; key_sets[i]; i++)
            for (size_t k = 0; steps[i] == n && key_sets[k]; k++)
                if (steps[k] == FAR && (set_has(key_sets[i], key_sets[k]) ||
                                        set_has(key_sets[k], key_sets[i]))) {
                    steps[k] = n + 1;
                    more = true;
                }
    }
}

/* The sets that have this key (aside: also those that are), the nearest first,
 * those of one kind once: the top level alone if it has it, or the only one, or
 * all that are near, or of more than SHOWN the nearest ones. Returns how many;
 * 0: none, or too many. */
static size_t sets_elsewhere(const struct key_set *here, const char *word,
                             bool aside, const struct key_set *found[SHOWN])
{
    unsigned steps[SETS_MAX];
    size_t count = 0, total = 0, nearest = 0, near = 0;
    sets_measure(here, steps);
    for (unsigned n = 1; n < FAR; n++) {
        for (size_t i = 0; key_sets[i]; i++) {
            const struct key_set *set = key_sets[i];
            size_t k = 0;
            if (steps[i] != n || (set->aside && !aside) || !key_find(set, word))
                continue;
            if (!set->path) {
                found[0] = set;
                return 1;
            }
            while (k < count && strcmp(found[k]->plural, set->plural) != 0)
                k++;
            total += k == count;
            if (k == count && count < SHOWN)
                found[count++] = set;
        }
        nearest = nearest ? nearest : total;
        near = n <= NEAR ? total : near;
    }
    return total == 1         ? 1
           : near <= SHOWN    ? near
           : nearest <= SHOWN ? nearest
                              : 0;
}

/* "`keep` belongs under A, or under B". 0: nothing is known of it; else 1, or
 * -1 as buf_put. */
static int suggest_elsewhere(const struct key_set *set, const char *word,
                             struct buf *out)
{
    const struct key_set *found[SHOWN];
    size_t count = sets_elsewhere(set, word, false, found);
    if (count == 0)
        count = sets_elsewhere(set, word, true, found);
    if (count > 0 && buf_printf(out, "`%s` belongs ", word) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (buf_printf(out, "%s%s%s", i ? ", or " : "",
                       found[i]->path ? "under " : "at the top level",
                       found[i]->path ? found[i]->path : "") < 0)
            return -1;
    return count > 0;
}

int key_suggest(const struct key_set *set, const char *unknown, struct buf *out)
{
    char word[WORD_MAX];
    if (word_normalise(unknown, word)) {
        for (const struct key_refused *r = set->refused; r && r->name; r++)
            if (strcmp(r->name, word) == 0)
                return buf_puts(out, r->text);
        const char *nearest = set_nearest(set, word);
        if (nearest)
            return buf_printf(out, "did you mean `%s`?", nearest);
        int known = suggest_elsewhere(set, word, out);
        if (known)
            return known < 0 ? -1 : 0;
    }
    if (buf_puts(out, "known are ") < 0)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        if (buf_printf(out, "%s`%s`", i ? ", " : "", set->keys[i].name) < 0)
            return -1;
    return 0;
}
