/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as a message of its channel's stream, for whoever reads NATS: the body is the body,
 * the headers are headers (store_nats_names.h), and behind them
 *
 *     Wayleave-EID          its EID, which is the message's sequence number, too
 *     Wayleave-Time         when it was published, in ms since 1970
 *     Wayleave-Expires      the same of its end; absent: it has none
 *     Wayleave-Publish-Id   its publisher's name for it; absent: it has none
 *     Wayleave-Omitted      how many bytes it has, when they are more than the server takes in
 *                           a message, or its headers more than in headers: then the body is
 *                           empty, and the headers are missing
 */
#pragma once

#include "base/err.h"
#include "pubsub/event.h"
#include "store/store_nats_server.h"

/** That the server stores it at its EID only. The caller destroys it. ERR_NOMEM. */
must_check enum err store_nats_message_new(const struct event *event, const char *subject,
                                           const char *reply, size_t bytes_max,
                                           natsMsg **ret_msg);

/** A message without content, at that sequence number only. ERR_NOMEM. */
must_check enum err store_nats_message_filler(uint64_t eid, const char *subject,
                                              const char *reply, natsMsg **ret_msg);

/** Whether one of these made it, and at this place. */
bool store_nats_message_is_ours(natsMsg *msg, uint64_t seq);
