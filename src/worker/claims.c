/* Places in a task's directory, and what comes there: see claims.h. Both are
 * kept as 64 bits of their checksum, since there may be many. */
#include "config.h"
#include "worker/claims.h"

#include <errno.h>
#include <string.h>

#include "base/checksum.h"
#include "stage/beneath.h"

void claims_init(struct claims *c)
{
    map_init(&c->sources);
}

void claims_fini(struct claims *c)
{
    map_fini(&c->sources);
}

static uint64_t hash(const char *text)
{
    unsigned char bytes[CHECKSUM_BYTES];
    uint64_t h;
    checksum_of(text, strlen(text), bytes);
    memcpy(&h, bytes, sizeof(h));
    return h;
}

int claims_add(struct claims *c, const struct item *item, struct err *err)
{
    char place[BENEATH_NAME_MAX];
    uint64_t source = hash(item->key) + item->mode, other;
    if (beneath_plain(item->to, place, err) < 0)
        return err_context(err, "%s", item->to);
    uint64_t at = hash(place) + item->common;
    if (map_get(&c->sources, at, &other)) {
        if (other == source)
            return 1;
        return err_set(err, EEXIST,
                       "two resource files would be %s; give one of them "
                       "another file_path",
                       place);
    }
    if (map_set(&c->sources, at, source) < 0)
        return err_set(err, ENOMEM, "no memory for the names of files");
    return 0;
}
