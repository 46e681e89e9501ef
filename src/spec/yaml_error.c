/* What is no YAML: see yaml_error.h. The words of libyaml are for those who
 * know its grammar; a table has ours. */
#include "config.h"
#include "spec/yaml_error.h"

#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "spec/errors.h"

/* -- Characters ---------------------------------------------------------- */

/* Is the character of n bytes at s well-formed and fit to be shown? */
static bool char_is_fit(const char *s, size_t n, size_t left)
{
    unsigned char c = (unsigned char)*s;
    if (n > 1)
        return n > 2 || c != 0xc2 || (unsigned char)s[1] >= 0xa0 ||
               source_break_len(s, left) > 0;
    return c < 0x7f && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r');
}

int source_check(const char *text, size_t len, struct spec_errors *errors)
{
    const char *s = text, *end = s + len;
    unsigned line = 1, column = 1;
    if (len > SPEC_MAX_BYTES) {
        spec_errors_add(errors, 0, 0,
                        "the job spec is larger than %d MiB; large lists of "
                        "tasks are better written as a sweep",
                        SPEC_MAX_BYTES >> 20);
        return -1;
    }
    if (len >= 2 &&
        (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0)) {
        spec_errors_add(errors, 1, 1,
                        "the job spec is in UTF-16; save it as UTF-8");
        return -1;
    }
    while (s < end) {
        size_t left = (size_t)(end - s);
        size_t n = source_char_len(s, left);
        if (!char_is_fit(s, n, left)) {
            unsigned char c = (unsigned char)*s;
            spec_errors_add(errors, line, column,
                            n == 1 && c >= 0x80
                                ? "byte 0x%02x is not UTF-8"
                                : "control byte 0x%02x cannot stand in a job "
                                  "spec",
                            n == 2 ? (unsigned char)s[1] : c);
            return -1;
        }
        size_t ended = source_break_len(s, left);
        line += ended > 0;
        column = ended ? 1 : column + 1;
        s += ended ? ended : n;
    }
    return 0;
}

/* -- libyaml's errors ---------------------------------------------------- */

/* What libyaml says, and what helps instead. at_start: shown where the thing
 * began that is not as it should be. */
static const struct {
    const char *problem, *words;
    bool at_start;
} problems[] = {
    {"mapping values are not allowed in this context",
     "a key cannot stand here; quote a text that contains \": \", or look at "
     "the line above",
     false},
    {"found character that cannot start any token",
     "a value cannot start with this character; put it in quotes", false},
    {"could not find expected ':'",
     "this line is no `key: value`; a \":\" and a blank are missing, or a "
     "quote",
     true},
    {"did not find expected key",
     "there should be a `key: value` here; look at the indentation, and quote "
     "a whole text that starts with { [ ' or \"",
     false},
    {"did not find expected '-' indicator",
     "there should be a list item (\"- \") here; look at the indentation",
     false},
    {"did not find expected ',' or ']'",
     "the list that starts here is not closed with ], or a comma is missing; "
     "quote a text that starts with [",
     true},
    {"did not find expected ',' or '}'",
     "the mapping that starts here is not closed with }, or a comma is "
     "missing; quote a text that starts with {",
     true},
    {"found unexpected end of stream", "this quote is not closed", true},
    {"found unexpected document indicator", "this quote is not closed", true},
    {"found unknown escape character",
     "no such escape in double quotes; in single quotes \\ is only itself",
     false},
    {"block sequence entries are not allowed in this context",
     "a list item (\"- \") cannot stand here; it needs a line of its own",
     false},
    {"did not find expected alphabetic or numeric character",
     "& and * stand for anchors; quote a text that starts with them", false},
    {"did not find expected node content", "there should be a value here",
     false},
    {"found undefined tag handle",
     "unknown tag; quote a text that starts with !", false},
    {"found incompatible YAML document", "this version of YAML is not known",
     false},
    {"did not find expected <document start>",
     "the job spec ends in front of this; look at the indentation", false},
};

/* The byte of the source at a place, or 0. */
static char source_byte(const char *text, size_t len, const yaml_mark_t *mark)
{
    size_t line_len, at = 0;
    const char *line =
        source_line(text, len, (unsigned)mark->line + 1, &line_len);
    for (size_t i = 0; line && i < mark->column && at < line_len; i++)
        at += source_char_len(line + at, line_len - at);
    return line && at < line_len ? line[at] : '\0';
}

void source_syntax_error(const struct yaml_parser_s *p, const char *text,
                         size_t len, struct spec_errors *errors)
{
    const char *words = p->problem;
    const yaml_mark_t *mark = &p->problem_mark;
    for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
        if (strcmp(p->problem, problems[i].problem) != 0)
            continue;
        words = problems[i].words;
        if (problems[i].at_start && p->context)
            mark = &p->context_mark;
    }
    if (source_byte(text, len, mark) == '\t')
        words = "a tab cannot indent; use blanks";
    bool placed = p->error != YAML_READER_ERROR;
    spec_errors_add(errors, placed ? (unsigned)mark->line + 1 : 0,
                    placed ? (unsigned)mark->column + 1 : 0, "%s", words);
}
