/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Answers that may come later than the request: to SEND, COMMIT and ACK, which are answered
 * when it is as safe as the channels and queues promise. What is left of the frame is its
 * receipt.
 */
#pragma once

#include "pubsub/transaction.h"
#include "realm/realm_stomp_inside.h"

struct realm_stomp_later {
    struct router_ticket ticket;     /* of a SEND */
    struct transaction *transaction; /* of a COMMIT or ACK, while it is on its way; else NULL */
    struct list node;                /* in stomp->laters */
    struct realm_stomp *stomp;
    enum stomp_command command; /* of the request, as is the next */
    msec now;
    bool is_in_call; /* the request itself is still being worked on */
    enum err e;      /* of answering, in the call */
    size_t receipt_len;
    uint8_t receipt[];
};

/** Publish one event and answer the SEND. */
must_check enum err realm_stomp_later_publish(struct realm_stomp *stomp,
                                              const struct realm_stomp_inside *request,
                                              struct router_route *route,
                                              const struct event_parts *parts);

/** Commit and answer the COMMIT, or the ACK that is a transaction of its own. The transaction's
 * claim is sealed; it is consumed in any case. Under `commit_id` the outcome is remembered; it
 * may be empty. */
must_check enum err realm_stomp_later_commit(struct realm_stomp *stomp,
                                             const struct realm_stomp_inside *request,
                                             struct transaction *transaction,
                                             struct span commit_id);

/** DISCONNECT: it is answered behind all that is on its way, and nothing more is listened to.
 */
must_check enum err realm_stomp_later_disconnect(struct realm_stomp *stomp,
                                                 const struct realm_stomp_inside *request);

/** The session ends: what is on its way goes on without it. */
void realm_stomp_later_leave(struct realm_stomp *stomp);
