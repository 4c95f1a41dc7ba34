/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The patterns of LIKE: "_" stands for one character, "%" for any number of them, also none.
 * Matching goes back to the last "%" only, and counts what it looks at.
 */
#pragma once

#include "base/arena.h"
#include "pubsub/selector_fault.h"

struct selector_like {
    struct span bytes;   /* the pattern, without escapes; in the arena it was made in */
    const uint8_t *wild; /* for each of its bytes: 1 where it is "_" or "%" and means it */
};

/** `escape`: one character of UTF-8; empty: there is none. ERR_PROTO: *ret_fault has the
 * reason, no place; ERR_LIMIT and ERR_NOMEM from the arena. */
must_check enum err selector_like_init(struct selector_like *like, struct arena *arena,
                                       struct span pattern, struct span escape,
                                       enum selector_fault_reason *ret_fault);

/** Takes one off *steps for each byte looked at. False too when none are left, and *steps is 0
 *  then. */
bool selector_like_matches(const struct selector_like *like, struct span text, size_t *steps);
