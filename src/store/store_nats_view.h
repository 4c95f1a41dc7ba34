/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Each channel and queue as a JetStream stream of its own, for other people's NATS clients: the
 * messages are the events that are stored, their sequence numbers the EIDs. What counts is the
 * log; the streams follow it, some ms behind. One realm writes them, under a lock; who takes
 * the lock next looks how far they have come and goes on there.
 *
 *     UNKNOWN --LOOK--> KNOWN --WRITE, WRITE...--> it has all
 *        ^                |        `--LIST--> what was removed meanwhile, too
 *        `---- refused ---'
 *
 * An EID that is gone when its turn comes is used up by a message that goes at once. Streams
 * that keep nothing have none here.
 */
#pragma once

#include "store/store_nats_inside.h"

/** Begins to write when no other realm does. ERR_NOMEM, ERR_IO. */
must_check enum err store_nats_view_open(struct store_nats *nats);

/** What a lot says was told, and is to be written. */
void store_nats_view_told(struct store_nats *nats, const struct store_nats_lot *lot);

/** The writer may have an answer. */
void store_nats_view_wrote(struct store_nats *nats);

/** The lock, and what was put off. */
void store_nats_view_tick(struct store_nats *nats);

/** Whether this realm has something to write, and the server takes it. */
bool store_nats_view_is_behind(const struct store_nats *nats);

/** Ends the writer. Before the link goes. */
void store_nats_view_fini(struct store_nats *nats);

/** What is remembered of a stream that goes. */
void store_nats_view_forget(struct store_nats_stream *stream);
