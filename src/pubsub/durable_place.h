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
    uint64_t life; /* not written when it is 0 */
};

enum {
    DURABLE_PLACE_SHORT = 2 * sizeof(uint64_t) /* bytes without a life */
};

/** What is to be written. */
struct span durable_place_write(const struct durable *durable, struct durable_place *room);

/** The place in the store, as far as it is known here. False: there is none. */
bool durable_place_find(const struct durable *durable, struct durable_place *ret_place);

/** False: it is none. */
bool durable_place_read(struct span value, struct durable_place *ret_place);

/** A place that another realm's reader has come to. Nothing happens when it is of another life,
 *  or behind ours. */
void durable_place_advance(struct durable *durable, const struct durable_place *place);

/** It takes the place of ours. */
void durable_place_set(struct durable *durable, const struct durable_place *place);

/** Write the place if it has moved, and it may be; without a reader the lock is given back. A
 *  durable that was forgotten is freed when nothing of it is on its way. */
void durable_place_settle(struct durable *durable);
