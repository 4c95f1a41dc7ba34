/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What is written of a durable subscription, under its key and with its lock. For the durable
 * files alone.
 */
#pragma once

#include "pubsub/durable.h"

struct durable_place {
    uint64_t epoch;
    uint64_t next_eid;
};

/** False: it is none. */
bool durable_place_read(struct span value, struct durable_place *ret_place);

/** A place that another realm's reader has come to. One that is behind ours is old, unless it
 *  `is_final`: then it takes the place of ours, and is written again. */
void durable_place_take(struct durable *durable, const struct durable_place *place,
                        bool is_final);

/** Write the place if it has moved, and it may be; without a reader the lock is given back. A
 *  durable that was forgotten is freed when nothing of it is on its way. */
void durable_place_settle(struct durable *durable);
