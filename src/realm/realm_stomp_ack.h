/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * ACK and NACK: an event from a queue is finished with, or goes back to it; at once or in a
 * transaction. Which event is meant each version says in its own way:
 *
 *     1.2   id            the header `ack` of the MESSAGE
 *     1.1   message-id    and subscription
 *     1.0   message-id    and subscription, if there is one
 */
#pragma once

#include "realm/realm_stomp_inside.h"

must_check enum err realm_stomp_ack(struct realm_stomp *stomp,
                                    const struct realm_stomp_inside *request);
