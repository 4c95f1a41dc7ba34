/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who is alive. Every realm says so in the log every few seconds. Who sees its own word there
 * knows that it holds its locks for some seconds from when it sent it; the others give it up
 * somewhat later, by a word of theirs. As all words stand in one order, nobody has a lock that
 * somebody else has.
 */
#pragma once

#include "store/store_nats_inside.h"

/** An author's beat counts; ours had this item, which is taken. NULL: another's, or it was not
 *  waited for. */
void store_nats_lease_heard(struct store_nats *nats, struct store_nats_state_author *author,
                            struct store_nats_item *take_item);

/** A lot has changed who takes part. */
void store_nats_lease_changed(struct store_nats *nats, const struct store_nats_lot *lot);

/** The connection may have come or gone. */
void store_nats_lease_state(struct store_nats *nats);

/** What is due: beats, the end of our lease, realms that are silent. */
void store_nats_lease_tick(struct store_nats *nats);

/** Whether the log says that we take part. */
bool store_nats_lease_is_joined(struct store_nats *nats);
