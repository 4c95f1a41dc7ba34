/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * BEGIN, COMMIT and ABORT: SENDs, ACKs and NACKs that happen together or not at all. A
 * transaction's name means something in its session alone; `commit-id` is its name for
 * everybody and for ever, or as long as the realm remembers: under it a transaction is
 * committed once.
 */
#pragma once

#include "pubsub/transaction.h"
#include "realm/realm_stomp_inside.h"

must_check enum err realm_stomp_tx_begin(struct realm_stomp *stomp,
                                         const struct realm_stomp_inside *request);

must_check enum err realm_stomp_tx_commit(struct realm_stomp *stomp,
                                          const struct realm_stomp_inside *request);

must_check enum err realm_stomp_tx_abort(struct realm_stomp *stomp,
                                         const struct realm_stomp_inside *request);

/** The one that the request names. *ret_transaction is NULL when it was refused. */
must_check enum err realm_stomp_tx_find(struct realm_stomp *stomp,
                                        const struct realm_stomp_inside *request,
                                        struct transaction **ret_transaction);

/** A SEND in a transaction. */
must_check enum err realm_stomp_tx_send(struct realm_stomp *stomp,
                                        const struct realm_stomp_inside *request,
                                        struct router_route *route,
                                        const struct event_parts *parts);

/** The session has ended, and its subscriptions: what was not committed is aborted. */
void realm_stomp_tx_leave(struct realm_stomp *stomp);
