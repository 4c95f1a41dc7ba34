/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as STOMP subscribers on WebSocket get it: one unmasked message that holds one
 * MESSAGE frame. Text when all of it is UTF-8, else binary (doc/wire.md).
 */
#pragma once

#include "pubsub/queue_feed.h"
#include "pubsub/view.h"
#include "stomp/stomp_version.h"

/** From a channel. Static storage. */
const struct view_form *realm_stomp_view_form(enum stomp_version version);

/** From a channel, with what an ACK has to say. */
const struct view_form *realm_stomp_view_acked_form(enum stomp_version version);

/** From a queue. Static storage. */
const struct queue_feed_form *realm_stomp_view_queue_form(enum stomp_version version);
