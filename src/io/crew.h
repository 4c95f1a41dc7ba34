/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Helping hands for one thread: it has many small pieces of work that do not depend on each
 * other, and wants to go on when all are done (fork and join). While they run the caller does
 * its share, so nothing else of its own moves; what it has written before, the helpers see, and
 * what they have written, it sees behind. Helpers that do not come in time are not waited for:
 * on a busy machine the caller does all by itself.
 *
 * Between the calls the helpers sleep. They have the signal mask of the thread that made them.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct crew;

enum {
    CREW_SIZE_MAX = 64
};

/** Item `index` of 0 ... count - 1, in any of the crew's threads. */
typedef void crew_work(void *ctx, size_t index);

/** `size` threads, of 1 to CREW_SIZE_MAX, among them the one that will call crew_run().
 * ERR_NOMEM, ERR_IO with errno: the system has no thread to give. */
must_check enum err crew_new(struct crew **ret_crew, size_t size);

/** Ends the helpers. Takes NULL. */
void crew_free(struct crew *crew);

/** Returns when each item is done, once. Always by the same thread; not from inside `work`. */
void crew_run(struct crew *crew, size_t count, crew_work *work, void *ctx);
