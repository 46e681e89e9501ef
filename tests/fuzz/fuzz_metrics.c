/* Fuzz target: what tasks print and write. The first byte says how it is read
 * (regex, JSON, CSV, .npy) and as what; the rest is the text. Whatever it is, a
 * metric has one of its states, and a value of its type if that says so.
 */
#include "config.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "metrics/extract.h"

#define HOW(h, p) .how = METRIC_##h, .pattern = (p)
#define SHAPE2    .rank = 2, .shape = {2, 2}, .cells = 4
#define SHAPE1    .rank = 1, .shape = {3}, .cells = 3

static const struct metric metrics[] = {
    {HOW(JSON, "/E")},
    {HOW(JSON, "/E/0"), .select = METRIC_LAST, .type = METRIC_STRING},
    {HOW(JSON, "/E"), .select = METRIC_MEAN},
    {HOW(JSON, "/E"), .select = METRIC_ALL, SHAPE1, .type = METRIC_INT64},
    {HOW(JSON, ""), SHAPE2},
    {HOW(CSV, "E")},
    {HOW(CSV, "E"), .select = METRIC_LAST, .type = METRIC_STRING},
    {HOW(CSV, "E"), .select = METRIC_MAX, .type = METRIC_INT64},
    {HOW(CSV, "E"), .select = METRIC_ALL, SHAPE1},
    {HOW(NPY, NULL), .select = METRIC_ALL},
    {HOW(NPY, NULL), .select = METRIC_ALL, SHAPE2},
    {HOW(NPY, NULL), .select = METRIC_MIN, .type = METRIC_INT64},
    {HOW(REGEX, "E=(\\S+)"), .select = METRIC_LAST, .ranged = true, .max = 1},
    {HOW(REGEX, "E=(.*)"), .select = METRIC_ALL, SHAPE1},
};
enum { METRICS = sizeof(metrics) / sizeof(metrics[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct attempt a;
    if (size == 0)
        return 0;
    struct metric m = metrics[data[0] % METRICS];
    m.name = "m";
    struct job job = {.id = "j", .metrics = &m, .metric_count = 1};
    /* memory of exactly its size */
    char *text = mem_alloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    const struct leavings left = {.output = {text, ""},
                                  .output_len = {size - 1, 0}};
    struct extractor *x = extractor_create(&job, &err);
    attempt_init(&a);
    a.result = RESULT_SUCCESS;
    if (x && extractor_run(x, &left, &a, &err) == 0) {
        const struct metric_value *v = &a.metrics[0];
        bool has = metric_has_value(v->state);
        if (a.metric_count != 1 || (int)v->state >= METRIC_STATE_COUNT ||
            (has && v->cells != (m.rank > 0 ? m.cells : 0)) ||
            (has && (m.type == METRIC_STRING) != (v->string != NULL)) ||
            (v->state == METRIC_OK) != (a.message[0] == '\0') ||
            (v->string && strlen(v->string) > METRIC_MAX_STRING) ||
            !text_is_utf8(a.message, strlen(a.message)))
            __builtin_trap();
    }
    attempt_fini(&a);
    extractor_destroy(x);
    mem_free(text);
    return 0;
}
