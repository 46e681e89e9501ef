/* Moments for people: see moment.h. */
#include "config.h"
#include "view/moment.h"

#include <string.h>
#include <time.h>

#include "base/quantity.h"

char *moment_format(int64_t ns, char text[MOMENT_BYTES])
{
    time_t seconds = (time_t)(ns / NS_PER_SEC);
    struct tm tm;
    strcpy(text, "?");
    if (ns > 0 && localtime_r(&seconds, &tm))
        (void)strftime(text, MOMENT_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
    return text;
}
