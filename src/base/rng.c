/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/rng.h"

/* SplitMix64 (Steele, Lea, Flood 2014): small, and every seed is a good one. */
static void fill_seeded(struct rng *rng, struct mspan room)
{
    while (room.len > 0) {
        uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));
        size_t len = room.len < sizeof z ? room.len : sizeof z;

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(room.ptr, &z, len);
        room = mspan_tail(room, len);
    }
}

struct rng rng_seeded(uint64_t seed)
{
    return (struct rng){.fill = fill_seeded, .state = seed};
}
