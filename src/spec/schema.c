/* The JSON Schema of job specs (draft 2020-12), made from the table of keys:
 * for editors, and for programs that write job specs.
 *
 * Each set of keys is a definition. It accepts all that the parser accepts;
 * what it accepts beyond that, and why, tests/unit/spec/schema.py says.
 */
#include "config.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/value.h"
#include "spec/keys.h"

/* jansson sets fail, and free what they get, if one of them is NULL: so
 * memory is checked once, where a value is put into its parent. */
static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *type_schema(const struct key_type *type);

/* A decimal number without a sign; a size; durations: with units, with colons,
 * of ISO 8601. */
#define DECIMAL    "([0-9]+(\\.[0-9]*)?|\\.[0-9]+)"
#define SIZE       "^" DECIMAL " *([bB]|[kKmMgGtT]([iI]?[bB])?)?$"
#define PART(unit) "(" DECIMAL " *" unit " *)?"
#define UNITS                                                                  \
    "(?=.)" PART("d") PART("h") PART("m") PART("s") PART("ms") PART("us")      \
        PART("ns")
#define BELOW_60 ":0*[0-5]?[0-9]"
#define CLOCK                                                                  \
    "([0-9]+(" BELOW_60 "){1,2}|[0-9]+-0*(1?[0-9]|2[0-3])(" BELOW_60 "){2})"   \
    "(\\.[0-9]*)?"
#define ISO_PART(unit) "(" DECIMAL unit ")?"
#define ISO                                                                    \
    "P(?=.)" ISO_PART("W") ISO_PART("D") "(T(?=.)" ISO_PART("H") ISO_PART("M") \
        ISO_PART("S") ")?"
#define DURATION "^(" DECIMAL " *|" UNITS "|" CLOCK "|" ISO ")$"

/* {"type": [names]}: what a scalar of that kind may be in JSON. Text takes
 * what YAML takes for something else by its source. */
static json_t *scalar_type(enum key_kind kind)
{
    switch (kind) {
    case KEY_INTEGER:
        return json_pack("{s:s}", "type", "integer");
    case KEY_NUMBER: /* readers of YAML 1.1 take 1e-4 for a text */
        return json_pack("{s:[s,s], s:s}", "type", "number", "string",
                         "pattern",
                         "^[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)"
                         "([eE][-+]?[0-9]+)?$");
    case KEY_BOOLEAN:
        return json_pack("{s:s}", "type", "boolean");
    case KEY_ID: /* 1.5 has a full stop */
        return json_pack("{s:[s,s,s]}", "type", "string", "integer", "boolean");
    case KEY_DURATION:
        return json_pack("{s:[s,s], s:s, s:i}", "type", "string", "number",
                         "pattern", DURATION, "exclusiveMinimum", 0);
    case KEY_SIZE:
        return json_pack("{s:[s,s], s:s, s:i}", "type", "string", "integer",
                         "pattern", SIZE, "minimum", 0);
    case KEY_MODE: /* 0750 without quotes is an integer to some readers */
        return json_pack("{s:[s,s], s:s, s:i}", "type", "string", "integer",
                         "pattern", "^0?[0-7]{3}$", "maximum", 777);
    default:
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    }
}

static json_t *choice_schema(const char *const *words)
{
    json_t *all = json_array();
    for (; all && *words; words++)
        if (json_array_append_new(all, json_string(*words)) < 0) {
            json_decref(all);
            return NULL;
        }
    return all ? json_pack("{s:o}", "enum", all) : NULL;
}

static json_t *scalar_schema(const struct key_type *type)
{
    json_t *s = scalar_type(type->kind);
    bool ok = s != NULL;
    bool text = type->kind == KEY_TEXT || type->kind == KEY_TEMPLATE ||
                type->kind == KEY_REGEX;
    if (ok && type->kind == KEY_INTEGER)
        ok = put(s, "minimum", json_integer(type->min)) &&
             put(s, "maximum", json_integer(type->max));
    if (ok && type->kind == KEY_BOOLEAN && type->min > 0)
        ok = put(s, "const", json_true());
    if (ok && type->pattern)
        ok = put(s, "pattern", json_string(type->pattern));
    if (ok && type->kind == KEY_ID)
        ok = put(s, "pattern", json_string("^[A-Za-z0-9_-]{1,64}$"));
    if (ok && type->kind == KEY_REGEX)
        ok = put(s, "format", json_string("regex"));
    if (ok && text && type->min > 0)
        ok = put(s, "minLength", json_integer(type->min));
    if (ok && text)
        ok = put(s, "maxLength", json_integer(type->max));
    if (ok)
        return s;
    json_decref(s);
    return NULL;
}

/* What the names of a map are. Parameters and metrics cannot have all. */
static json_t *names_schema(const struct key_type *type)
{
    if (strcmp(type->pattern, KEY_NAME_PATTERN) != 0)
        return json_pack("{s:s}", "pattern", type->pattern);
    json_t *reserved = json_array();
    const char *name;
    bool ok = reserved != NULL;
    for (size_t i = 0; ok && (name = key_reserved_name(i)); i++)
        ok = json_array_append_new(reserved, json_string(name)) == 0;
    if (!ok) {
        json_decref(reserved);
        return NULL;
    }
    return json_pack("{s:s, s:i, s:{s:o}}", "pattern", type->pattern,
                     "maxLength", KEY_NAME_MAX, "not", "enum", reserved);
}

/* A list or a map and its elements. */
static json_t *many_schema(const struct key_type *type)
{
    bool list = type->kind == KEY_LIST;
    json_t *s = json_pack("{s:s}", "type", list ? "array" : "object");
    bool ok = s != NULL;
    if (ok)
        ok = put(s, list ? "items" : "additionalProperties",
                 type_schema(type->of));
    if (ok && type->pattern)
        ok = put(s, "propertyNames", names_schema(type));
    if (ok && type->min > 0)
        ok = put(s, list ? "minItems" : "minProperties",
                 json_integer(type->min));
    if (ok)
        ok = put(s, list ? "maxItems" : "maxProperties",
                 json_integer(type->max));
    if (ok)
        return s;
    json_decref(s);
    return NULL;
}

static json_t *form_schema(const struct key_type *type)
{
    switch (type->kind) {
    case KEY_CHOICE:
        return choice_schema(type->words);
    case KEY_LIST:
    case KEY_MAP:
        return many_schema(type);
    case KEY_STRUCT:
        return json_pack("{s:s+}", "$ref", "#/$defs/", type->set->name);
    default:
        return scalar_schema(type);
    }
}

/* One form as it is, several in anyOf. */
static json_t *type_schema(const struct key_type *type)
{
    if (!type->another)
        return form_schema(type);
    json_t *forms = json_array();
    for (; forms && type; type = type->another)
        if (json_array_append_new(forms, form_schema(type)) < 0) {
            json_decref(forms);
            return NULL;
        }
    return forms ? json_pack("{s:o}", "anyOf", forms) : NULL;
}

/* The default as JSON. */
static json_t *fallback_json(const char *text)
{
    struct value v;
    value_resolve(&v, text);
    return v.type == VALUE_INT    ? json_integer(v.u.integer)
           : v.type == VALUE_BOOL ? json_boolean(v.u.boolean)
                                  : json_string(text);
}

static json_t *description(const struct key *key)
{
    return json_sprintf(
        "%s.%s%s%s%s%s", key->meaning, key->otherwise ? " Without it: " : "",
        key->otherwise ? key->otherwise : "", key->otherwise ? "." : "",
        key->example ? " Example: " : "", key->example ? key->example : "");
}

static json_t *key_schema(const struct key *key)
{
    json_t *s = type_schema(key->type);
    if (s && put(s, "description", description(key)) &&
        (!key->fallback || put(s, "default", fallback_json(key->fallback))))
        return s;
    json_decref(s);
    return NULL;
}

/* {"not": {"required": [A, B]}} for each key that excludes another. */
static json_t *exclusions(const struct key_set *set)
{
    json_t *all = json_array();
    for (size_t i = 0; all && i < set->count; i++) {
        const struct key *key = &set->keys[i], *other;
        for (size_t k = 0; (other = key_excluded(set, key, k)); k++)
            if (strcmp(key->name, other->name) < 0 && /* both rows say it */
                json_array_append_new(all, json_pack("{s:{s:[s,s]}}", "not",
                                                     "required", key->name,
                                                     other->name)) < 0) {
                json_decref(all);
                return NULL;
            }
    }
    return all;
}

/* Append what the table says in JSON itself, with ' for ". */
static bool add_rules(json_t *all, const char *text)
{
    char *json = text ? mem_strdup(text) : NULL;
    if (!json)
        return !text;
    for (char *s = json; (s = strchr(s, '\'')); s++)
        *s = '"';
    json_t *rules = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    bool ok = rules && json_array_extend(all, rules) == 0;
    json_decref(rules);
    mem_free(json);
    return ok;
}

/* {"oneOf": [{"required": [A]}, ...]} where exactly one is to be given. */
static bool put_one_of(json_t *schema, const struct key_set *set)
{
    json_t *each = json_array();
    for (size_t i = 0; each && set->one_of[i]; i++)
        if (json_array_append_new(
                each, json_pack("{s:[s]}", "required", set->one_of[i])) < 0) {
            json_decref(each);
            return false;
        }
    return put(schema, "oneOf", each);
}

static json_t *set_schema(const struct key_set *set)
{
    json_t *properties = json_object(), *required = json_array();
    json_t *excluded = exclusions(set);
    bool ok =
        properties && required && excluded && add_rules(excluded, set->schema);
    for (size_t i = 0; ok && i < set->count; i++) {
        const struct key *key = &set->keys[i];
        ok = put(properties, key->name, key_schema(key)) &&
             (!key->required ||
              json_array_append_new(required, json_string(key->name)) == 0);
    }
    json_t *s = json_pack("{s:s, s:s+, s:b}", "type", "object", "description",
                          set->meaning, ".", "additionalProperties", 0);
    ok = ok && s && json_object_set(s, "properties", properties) == 0 &&
         (json_array_size(required) == 0 ||
          json_object_set(s, "required", required) == 0) &&
         (json_array_size(excluded) == 0 ||
          json_object_set(s, "allOf", excluded) == 0) &&
         (!set->one_of || put_one_of(s, set)) &&
         (!set->ignored ||
          put(s, "patternProperties", json_pack("{s+:{}}", "^", set->ignored)));
    json_decref(properties);
    json_decref(required);
    json_decref(excluded);
    if (ok)
        return s;
    json_decref(s);
    return NULL;
}

static json_t *schema(void)
{
    json_t *defs = json_object();
    bool ok = defs != NULL;
    for (size_t i = 0; ok && key_sets[i]; i++)
        ok = put(defs, key_sets[i]->name, set_schema(key_sets[i]));
    if (ok)
        return json_pack("{s:s, s:s, s:s+, s:o}", "$schema",
                         "https://json-schema.org/draft/2020-12/schema",
                         "title", "mpibatch job spec", "$ref", "#/$defs/",
                         key_sets[0]->name, "$defs", defs);
    json_decref(defs);
    return NULL;
}

int spec_put_schema(struct buf *out, struct err *err)
{
    json_t *root = schema();
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    int rc = 0;
    if (!text)
        rc = err_set(err, ENOMEM, "no memory for the JSON Schema");
    else if (buf_printf(out, "%s\n", text) < 0)
        rc = err_sys(err, errno, "cannot write the JSON Schema");
    free(text);
    json_decref(root);
    return rc;
}
