/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * SEND: an event for a channel or a queue, at once or in a transaction.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

enum {
    REALM_STOMP_SEND_ID_MAX = 400 /* bytes of a publish-id: what queues remember is bounded */
};

/** Whether a publisher's header of that name goes along with the event. Not those that say
 *  something about the request, or that only the realm may set. */
bool realm_stomp_send_travels(struct span name);

must_check enum err realm_stomp_send(struct realm_stomp *stomp,
                                     const struct realm_stomp_inside *request);
