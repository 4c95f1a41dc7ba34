/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * SUBSCRIBE and UNSUBSCRIBE: to a channel, to a queue as a reader, or to look at what a queue
 * holds. In 1.0 a subscription without an id goes by its destination.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

must_check enum err realm_stomp_sub_begin(struct realm_stomp *stomp,
                                          const struct realm_stomp_inside *request);

must_check enum err realm_stomp_sub_end(struct realm_stomp *stomp,
                                        const struct realm_stomp_inside *request);
