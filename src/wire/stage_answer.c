/* The text of an answer: see stage_answer.h. */
#include "config.h"
#include "wire/stage_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

char *stage_answer_put(const struct stage_answer *a,
                       char text[STAGE_MAX_TEXT + 1])
{
    snprintf(text, STAGE_MAX_TEXT + 1,
             "%d %" PRIu32 " %d %" PRIu32 " %" PRId64 " %d %s", (int)a->state,
             a->attempt, (int)a->type, a->mode & 07777,
             a->modified_ns > 0 ? a->modified_ns : 0, (int)a->more,
             a->text ? a->text : "");
    return text;
}

/* A number and the blank behind it. */
static uint64_t number(const char **p, uint64_t max, bool *bad)
{
    char *end;
    if (**p < '0' || **p > '9') {
        *bad = true;
        return 0;
    }
    errno = 0;
    unsigned long long n = strtoull(*p, &end, 10);
    if (errno != 0 || n > max || *end != ' ') {
        *bad = true;
        return 0;
    }
    *p = end + 1;
    return n;
}

int stage_answer_parse(const char *text, struct stage_answer *a,
                       struct err *err)
{
    bool bad = false;
    struct stage_answer got;
    got.state = (enum ask_state)number(&text, ASK_STATE_COUNT - 1, &bad);
    got.attempt = (uint32_t)number(&text, UINT32_MAX, &bad);
    got.type = (enum file_type)number(&text, FILE_OTHER, &bad);
    got.mode = (uint32_t)number(&text, 07777, &bad);
    got.modified_ns = (int64_t)number(&text, INT64_MAX, &bad);
    got.more = number(&text, 1, &bad) != 0;
    got.text = text;
    if (bad)
        return err_set(err, EPROTO, "an answer is malformed");
    *a = got;
    return 0;
}
