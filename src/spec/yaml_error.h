/* What is wrong with a text that is no YAML, in words that help. Internal to
 * spec/. */
#ifndef MPIBATCH_SPEC_YAML_ERROR_H
#define MPIBATCH_SPEC_YAML_ERROR_H

#include <stddef.h>

#include "spec/spec.h"

struct yaml_parser_s;

/* Is it text in UTF-8, of at most SPEC_MAX_BYTES? 0, or -1 with an error. */
int source_check(const char *text, size_t len, struct spec_errors *errors);

/* Add why libyaml stopped in text (not for want of memory). */
void source_syntax_error(const struct yaml_parser_s *parser, const char *text,
                         size_t len, struct spec_errors *errors);

#endif
