/* The names in an inbox. Internal to store/. */
#ifndef MPIBATCH_STORE_INBOX_NAME_H
#define MPIBATCH_STORE_INBOX_NAME_H

#include "store/inbox.h"

enum { INBOX_NAME_BYTES = INBOX_ID_BYTES + 8 };

enum inbox_name {
    INBOX_NAME_ASK,
    INBOX_NAME_OTHER,  /* ours: answers, data, what is being written */
    INBOX_NAME_FOREIGN /* not ours: left alone */
};

enum inbox_name inbox_name_kind(const char *name);

#endif
