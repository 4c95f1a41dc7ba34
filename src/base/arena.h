/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Memory that is freed all at once: for a configuration snapshot and the like. With a ceiling.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* owned */
    size_t used;                /* bytes handed out */
    size_t max;                 /* bytes; never more are handed out */
};

void arena_init(struct arena *arena, size_t max_bytes);

/** Everything that came out of it is gone. */
void arena_fini(struct arena *arena);

/** Zeroed, aligned for any type. ERR_LIMIT past max, ERR_NOMEM. */
must_check enum err arena_alloc(struct arena *arena, size_t bytes, void **ret_ptr);

/** A copy with a final zero, which does not count in ret_copy->len. */
must_check enum err arena_copy(struct arena *arena, struct span bytes, struct span *ret_copy);
