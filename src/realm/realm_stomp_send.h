/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * SEND: an event for a channel or a queue, at once or in a transaction.
 */
#pragma once

#include "realm/realm_stomp_inside.h"

must_check enum err realm_stomp_send(struct realm_stomp *stomp,
                                     const struct realm_stomp_inside *request);
