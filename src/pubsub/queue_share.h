/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A queue in a store that several realms share: the locks that it wants (pubsub/queue_lock) are
 * asked for and given back here. The lock of an event is "queue", zero, the queue's name, zero,
 * the EID in 8 bytes, the highest first. With it is left how often the event came back and how
 * often the lock was given back, 4 bytes each, the same way.
 *
 * Who has finished with an event keeps its lock until the store has removed it, so that nobody
 * who gets the lock then takes it for something to do.
 *
 * For queue_set.c and router.c. Nothing happens when the store is not shared.
 */
#pragma once

#include "pubsub/queue_lock.h"
#include "pubsub/router.h"

enum {
    QUEUE_SHARE_ASKED_MAX = 256, /* locks of one queue that are asked for at once */
    QUEUE_SHARE_AGAIN_MS = 1000, /* until what the store did not take is tried again */
};

struct queue_share {
    struct queue *queue; /* borrowed for its life, as is the next */
    struct router_route *route;
    struct list errands; /* on their way: struct errand */
    struct list waiting; /* errands that the store did not take; owned */
    size_t asked;        /* locks */
    uint64_t *again_at;  /* borrowed: when queue_share_again() is to be called, at the latest */
};

/** Whether the route's queue is one of several. */
bool queue_share_is_shared(const struct router_route *route);

/** Whether another realm has the lock of that event: then it is that realm's to care for. */
bool queue_share_is_theirs(const struct router_route *route, uint64_t eid);

void queue_share_init(struct queue_share *share, struct queue *queue,
                      struct router_route *route, uint64_t *again_at);

/** The store is closed, or not shared. */
void queue_share_fini(struct queue_share *share);

/** The route ends, and with it all its events: there is nothing to lock any more. */
void queue_share_end(struct queue_share *share);

/** What is wanted is asked for, what is spare given back, as far as the store takes it. */
void queue_share_tidy(struct queue_share *share);

/** The store is to remove the event, whose lock is ours, and then nobody needs it. False: there
 *  is no memory, and nothing happens. */
bool queue_share_remove(struct queue_share *share, uint64_t eid);

/** The time has come: if there is something to be tried again, the queue is disturbed. */
void queue_share_again(struct queue_share *share);

/** The event has gone from this queue; whoever gets its lock may find it. */
void queue_share_give_back(struct queue_share *share, const struct queue_gone *gone);

/** What every key begins with. */
extern const struct span queue_share_prefix;

/** The name, borrowed from the key. False: it is no key of a queue's lock. */
bool queue_share_read_key(struct span key, struct span *ret_name, uint64_t *ret_eid);

/** As store_watch's on_lock. */
void queue_share_on_lock(struct queue_share *share, uint64_t eid, enum store_lock_state state,
                         struct span value);
