/* The options that `run` and `launch` share: see run_options.h. */
#include "config.h"
#include "cli/run_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "cli/command.h"

enum {
    OPT_FRESH = 256,
    OPT_RERUN,
    OPT_LIMIT,
    OPT_LOST_AFTER,
    OPT_DEDICATED,
    OPT_PLAIN,
    OWN_MAX = 8
};

static const struct option shared[] = {
    {"output", required_argument, NULL, 'o'},
    {"fresh", no_argument, NULL, OPT_FRESH},
    {"rerun", required_argument, NULL, OPT_RERUN},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"lost-after", required_argument, NULL, OPT_LOST_AFTER},
    {"dedicated-manager", no_argument, NULL, OPT_DEDICATED},
    {"quiet", no_argument, NULL, 'q'},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"help", no_argument, NULL, 'h'},
};
enum { SHARED = sizeof(shared) / sizeof(shared[0]) };

/* Ranks say each second that they live; one that has said nothing for so long
 * is lost. */
#define LOST_AFTER_NS     (30 * NS_PER_SEC)
#define LOST_AFTER_MIN_NS (3 * NS_PER_SEC)
#define LOST_AFTER_MAX_NS (86400 * NS_PER_SEC)

bool number_parse(const char *text, unsigned long long max,
                  unsigned long long *value)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    *value = strtoull(text, &end, 10);
    return !errno && !*end && *value > 0 && *value <= max;
}

static bool shared_take(int letter, const char *command,
                        struct session_options *o)
{
    unsigned long long n;
    switch (letter) {
    case 'o':
        o->run_dir = optarg;
        break;
    case OPT_FRESH:
        o->fresh = true;
        break;
    case OPT_RERUN:
        if (strcmp(optarg, "failed") != 0) {
            usage_error(command, "--rerun takes \"failed\", not \"%s\"",
                        optarg);
            return false;
        }
        o->rerun_failed = true;
        break;
    case OPT_LIMIT:
        if (!number_parse(optarg, UINT32_MAX, &n)) {
            usage_error(command, "--limit takes a number of tasks, not \"%s\"",
                        optarg);
            return false;
        }
        o->task_limit = n;
        break;
    case OPT_LOST_AFTER:
        if (duration_parse(optarg, &o->lost_after_ns, NULL) < 0 ||
            o->lost_after_ns < LOST_AFTER_MIN_NS ||
            o->lost_after_ns > LOST_AFTER_MAX_NS) {
            usage_error(command,
                        "--lost-after takes a time from 3s to 1d, not \"%s\"",
                        optarg);
            return false;
        }
        break;
    case OPT_DEDICATED:
        o->dedicated_manager = true;
        break;
    case 'q':
        o->quiet = true;
        break;
    case OPT_PLAIN:
        o->plain = true;
        break;
    }
    return true;
}

enum run_options_outcome run_options_parse(
    int argc, char **argv, const char *command, const char *const *names,
    struct session_options *o,
    bool (*own)(void *arg, int letter, const char *value), void *arg)
{
    struct option all[SHARED + OWN_MAX + 1] = {0};
    char letters[2 * OWN_MAX + 8] = ":o:qh";
    int count = SHARED, letter;

    memcpy(all, shared, sizeof(shared));
    o->lost_after_ns = LOST_AFTER_NS;
    for (; names && *names; names++) { /* "n:ranks" or "n ranks" */
        bool value = (*names)[1] == ':';
        size_t len = strlen(letters);
        letters[len] = (*names)[0];
        if (value)
            letters[len + 1] = ':';
        all[count++] =
            (struct option){*names + 2, value ? required_argument : no_argument,
                            NULL, (*names)[0]};
    }
    while ((letter = getopt_long(argc, argv, letters, all, NULL)) >= 0) {
        if (letter == 'h')
            return RUN_OPTIONS_HELP_WANTED;
        if (letter == '?' || letter == ':') {
            usage_bad_option(command, all, argv, letter);
            return RUN_OPTIONS_BAD;
        }
        bool mine = false;
        for (int i = SHARED; i < count; i++)
            mine |= all[i].val == letter;
        if (mine ? !own(arg, letter, optarg) : !shared_take(letter, command, o))
            return RUN_OPTIONS_BAD;
    }
    if (optind != argc - 1) {
        usage_error(command, optind == argc ? "which job spec?"
                                            : "one job spec at a time");
        return RUN_OPTIONS_BAD;
    }
    if (o->fresh && o->rerun_failed) {
        usage_error(command, "--fresh and --rerun exclude each other");
        return RUN_OPTIONS_BAD;
    }
    o->spec_path = argv[optind];
    return RUN_OPTIONS_OK;
}
