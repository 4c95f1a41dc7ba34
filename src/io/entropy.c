/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/entropy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill_from_system(struct rng *rng, struct mspan room)
{
    (void)rng;
    while (room.len > 0) {
        ssize_t len = getrandom(room.ptr, room.len, 0);

        if (len > 0) {
            room = mspan_tail(room, (size_t)len);
        } else if (len < 0 && errno != EINTR) {
            perror("wayleave: the system gives no random bytes, without which no key or mask "
                   "is safe");
            abort();
        }
    }
}

struct rng entropy_rng(void)
{
    return (struct rng){.fill = fill_from_system};
}
