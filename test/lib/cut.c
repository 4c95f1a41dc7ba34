/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "lib/cut.h"

#include <stdlib.h>

struct mspan cut_next(const struct cut *cut, size_t *at)
{
    static uint8_t *part;
    size_t len;

    free(part);
    part = NULL;
    if (*at >= cut->whole.len) {
        return mspan_of(NULL, 0);
    }
    if (cut->first == 0) {
        len = 1;
    } else if (*at < cut->first) {
        len = cut->first - *at;
    } else {
        len = cut->whole.len - *at;
    }
    if (len > cut->whole.len - *at) {
        len = cut->whole.len - *at;
    }
    part = malloc(len);
    assert(part != NULL);
    memcpy(part, cut->whole.ptr + *at, len);
    *at += len;
    return mspan_of(part, len);
}

void cut_every(struct span input, void (*check)(const struct cut *cut))
{
    for (size_t first = 0; first <= input.len; first++) {
        const struct cut cut = {.whole = input, .first = first};

        check(&cut);
    }
}
