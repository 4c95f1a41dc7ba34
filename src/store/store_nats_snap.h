/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Snapshots bound the log. When enough has come since the last one, one realm writes all that
 * its mirror has into the stream beside the log, in pieces, while everything goes on; then what
 * the log had before is forgotten.
 *
 * A snapshot is a sequence of operations as they stand in the log, cut anywhere: the events
 * with their EIDs, what the next EID of each stream is, and all keys, among them the place of
 * the log that it belongs to. Numbers and keys are as of that place; an event may have been
 * removed since, and the log, which is applied from that place on, removes it once more.
 */
#pragma once

#include "store/store_nats_inside.h"

/** Begins one when it is time. */
void store_nats_snap_tick(struct store_nats *nats);

/** Whether the log must wait, so that the mirror stands at one place. */
bool store_nats_snap_holds(const struct store_nats *nats);

/** A piece was stored, or was not. */
void store_nats_snap_saved(struct store_nats *nats, const struct store_nats_link_news *news);

/** The log has our word that a snapshot is complete. */
void store_nats_snap_end(struct store_nats *nats);

void store_nats_snap_fini(struct store_nats *nats);
