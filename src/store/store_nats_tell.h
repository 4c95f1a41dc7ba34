/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the realm is told of a lot: `done` when it is its own, the watches otherwise.
 */
#pragma once

#include "store/store_nats_inside.h"

/** The lot stays the caller's; its item is used up. */
void store_nats_tell_lot(struct store_nats_lot *lot);

/** An item that failed: `done` with its error. It stays the caller's, and is used up. */
void store_nats_tell_failed(struct store_nats *nats, struct store_nats_item *item);

/** Our locks are ours no longer, for we were cut off. */
void store_nats_tell_locks_lost(struct store_nats *nats);

/** Whose a lock is that was told as this holder's. */
enum store_lock_state store_nats_tell_state(const struct store_nats *nats, uint64_t holder);
