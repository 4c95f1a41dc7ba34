/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Where chance comes from is decided by the caller: io/entropy asks the system, tests hand in a
 * seed and get the same dice again.
 */
#pragma once

#include "base/span.h"

struct rng {
    void (*fill)(struct rng *rng, struct mspan room);
    uint64_t state; /* the seeded source's */
};

/** The same bytes for the same seed. Not for anything an enemy should not guess. */
struct rng rng_seeded(uint64_t seed);

static inline void rng_fill(struct rng *rng, struct mspan room)
{
    rng->fill(rng, room);
}

static inline uint32_t rng_u32(struct rng *rng)
{
    uint32_t number;

    rng_fill(rng, mspan_of((uint8_t *)&number, sizeof number));
    return number;
}
