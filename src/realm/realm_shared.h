/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What other realms do, where several share a store, on its way to those whom it concerns: keys
 * and locks by what they begin with; and then to the worker, who sends what is new. Events come
 * to their routes by themselves (pubsub/router_shared.h).
 *
 *     "durable"  pubsub/durable       "tx/"   pubsub/transaction
 *     "made"     realm_made_shared     "queue"  pubsub/queue_set
 */
#pragma once

#include "io/loop.h"
#include "pubsub/queue_set.h"
#include "pubsub/transaction.h"
#include "realm/realm_made.h"

struct realm_shared {
    struct router *router;         /* borrowed for its life, as all of these */
    struct transaction_hall *hall; /* of the same router */
    struct realm_made *made;
    struct queue_set *queues; /* of the same router */
    struct loop *loop;
    void (*on_news)(void *ctx); /* once for whatever the store has told in a turn */
    void *ctx;
    struct loop_later later; /* its own */
};

/** From now on; all but the last are written by the caller. When the router's store is not
 * shared there is only its own news. */
void realm_shared_begin(struct realm_shared *shared);

/** Before the store is closed. Takes one that did not begin, or was zeroed. */
void realm_shared_end(struct realm_shared *shared);
