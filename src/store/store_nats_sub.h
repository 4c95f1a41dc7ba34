/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A stream of the NATS server, followed from a message on: the log, or the snapshots. One at a
 * time, by one thread.
 */
#pragma once

#include "store/store_nats_server.h"

enum {
    STORE_NATS_SUB_HEARTBEAT = 2000, /* ms: who follows hears something after that */
};

/** A subscription to the log, or to the snapshots, from this message on; to be given back with
 *  one of the next two. ERR_CLOSED. */
must_check enum err store_nats_sub_open(struct store_nats_server *server, const char *stream,
                                        const char *subject, uint64_t from,
                                        natsSubscription **ret_sub);

/** Ends a subscription. There is not to be another before store_nats_server_extent() was OK. */
void store_nats_sub_close(struct store_nats_server *server, natsSubscription *take_sub);

/** The same where the connection ends next: the server is not asked. */
void store_nats_sub_leave(struct store_nats_server *server, natsSubscription *take_sub);

/** The next message, the caller's, and its place in its stream. Place 0: a word of the
 * server's, which says that it is there. ERR_AGAIN: not within so many ms; ERR_CLOSED. */
must_check enum err store_nats_sub_next(struct store_nats_server *server, natsSubscription *sub,
                                        int64_t ms, natsMsg **ret_msg, uint64_t *ret_place);
