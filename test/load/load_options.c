/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "load_options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(member)                                        \
    {                                                         \
#member, offsetof(struct load_options, member), false \
    }
#define TEXT(member)                                         \
    {                                                        \
#member, offsetof(struct load_options, member), true \
    }

static const struct row {
    const char *name;
    size_t field;
    bool is_text;
} rows[] = {
    NUMBER(port),      NUMBER(sessions), TEXT(channel),    TEXT(from),   NUMBER(events),
    NUMBER(expect),    NUMBER(bytes),    NUMBER(inflight), NUMBER(rate), NUMBER(opening),
    NUMBER(addresses), NUMBER(tls),      NUMBER(hold),     NUMBER(pid),
};

static bool read_one(struct load_options *options, const char *word)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].name);
        void *field = (char *)options + rows[i].field;

        if (strncmp(word, rows[i].name, len) != 0 || word[len] != '=') {
            continue;
        }
        if (rows[i].is_text) {
            *(const char **)field = word + len + 1;
        } else {
            *(size_t *)field = strtoull(word + len + 1, NULL, 10);
        }
        return true;
    }
    return false;
}

const char *load_options_read(struct load_options *options, int count, char **words)
{
    *options = (struct load_options){.sessions = 1,
                                     .expect = SIZE_MAX,
                                     .bytes = 100,
                                     .inflight = 256,
                                     .opening = 128,
                                     .addresses = 4};
    for (int i = 1; i < count; i++) {
        if (!read_one(options, words[i])) {
            return words[i];
        }
    }
    if (options->expect == SIZE_MAX) {
        options->expect = options->events;
    }
    return NULL;
}
