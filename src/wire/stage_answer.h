/* What the text of an answer (STAGE_OFFER, STAGE_OFFER_ANSWER) says: where the
 * task is, what the file is, and for people what went wrong. */
#ifndef MPIBATCH_WIRE_STAGE_ANSWER_H
#define MPIBATCH_WIRE_STAGE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/fileinfo.h"
#include "wire/stage_msg.h"

struct stage_answer {
    enum ask_state state;
    uint32_t attempt; /* 0: none */
    enum file_type type;
    uint32_t mode;
    int64_t modified_ns;
    bool more;        /* a list that is not complete */
    const char *text; /* why not; "" */
};

/* Returns text; a long reason is cut. */
char *stage_answer_put(const struct stage_answer *a,
                       char text[STAGE_MAX_TEXT + 1]);
/* a->text borrows from text. -1 with err EPROTO. */
int stage_answer_parse(const char *text, struct stage_answer *a,
                       struct err *err);

#endif
