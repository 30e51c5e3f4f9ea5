/* A dead letter for tests of the store. */
#ifndef TEST_STORE_LETTER_H
#define TEST_STORE_LETTER_H

#include "store/store.h"

static inline struct dead_letter letter(const char *key, int64_t page, int32_t row, int32_t line)
{
    return (struct dead_letter){.key = str_of(key),
                                .target_id = S("t-1"),
                                .version = S("v"),
                                .page = page,
                                .row = row,
                                .line = line,
                                .code = S("data"),
                                .reason = S("too long"),
                                .raw = S("{}"),
                                .created_ms = 5};
}

#endif
