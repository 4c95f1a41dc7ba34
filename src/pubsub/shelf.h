/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Things in the order of their EIDs, with gaps: put at the end, found by EID, taken from
 * anywhere. What was taken leaves a hole that goes away when holes become many, so the memory
 * follows the number of things and not the distance of their EIDs.
 *
 *     first slot ... [7 a] [8 -] [9 -] [12 b] [13 c] ... the end       8 and 9 are holes
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shelf_slot {
    uint64_t eid;
    void *thing; /* borrowed; NULL: a hole */
};

struct shelf {
    struct shelf_slot *slots; /* owned; a ring */
    size_t size;              /* a power of two, or 0 */
    size_t head;              /* the first slot in use, counted without end */
    size_t used;              /* slots in use, holes too */
    size_t count;             /* things */
};

/** Takes no memory. */
void shelf_init(struct shelf *shelf);

/** The things are not its own. */
void shelf_fini(struct shelf *shelf);

/** `more` things can be put without asking for memory. ERR_NOMEM. */
must_check enum err shelf_reserve(struct shelf *shelf, size_t more);

/** Behind all others: the EID is greater. There must be room, see shelf_reserve(). */
void shelf_put(struct shelf *shelf, uint64_t eid, void *thing);

/** NULL when it is not there. */
void *shelf_find(const struct shelf *shelf, uint64_t eid);

/** The first one at `eid` or behind it; NULL when there is none. */
void *shelf_from(const struct shelf *shelf, uint64_t eid);

/** It must be there. */
void shelf_take(struct shelf *shelf, uint64_t eid);

static inline void *shelf_first(const struct shelf *shelf)
{
    return shelf_from(shelf, 0);
}
