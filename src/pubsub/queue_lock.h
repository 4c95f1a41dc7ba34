/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A queue that other realms have, too: all see its events, and one realm may deal an event, by
 * its lock. Here is what the queue knows of the locks, and what it wants of them; who asks the
 * store for them is pubsub/queue_share.
 *
 *     free for all ──▶ wanted, asked ──▶ ours ──▶ given back, or gone
 *        ▲                  └──▶ theirs ◀── (lost)
 *        └─────────────────────────┘ given back
 *
 * An event is wanted when it is dealt to a reader. What is ours and comes back goes to another
 * reader of this realm; what none of them has room for is spare, and is given back. So a realm
 * without readers has no locks.
 *
 * How often an event came back is left with its lock. A realm that ends without a word leaves
 * what was there when it took the lock: seen by those who look on, that is one more return.
 */
#pragma once

#include "pubsub/queue.h"

/** What is left with a lock. */
struct queue_lock_left {
    uint32_t returns;
    uint32_t terms; /* how often it was given back */
};

/** The oldest dealt event whose lock is to be asked for; it counts as asked for then. False:
 * there is none. */
bool queue_lock_next_wanted(struct queue *queue, uint64_t *ret_eid);

/** An event whose lock is to be given back, which it is then. False: there is none. */
bool queue_lock_next_spare(struct queue *queue, uint64_t *ret_eid,
                           struct queue_lock_left *ret_left);

/** What became of asking. */
enum queue_lock_answer {
    QUEUE_LOCK_GRANTED,
    QUEUE_LOCK_REFUSED, /* it is theirs, for now */
    QUEUE_LOCK_FAILED,  /* nobody knows; it is wanted as before */
};

/** False: the event is not here any more; a lock that was granted has no holder. */
bool queue_lock_answered(struct queue *queue, uint64_t eid, enum queue_lock_answer answer,
                         struct queue_lock_left left);

/** Another realm took it. If it was ours, it was lost: what a reader holds stays with it. */
void queue_lock_taken(struct queue *queue, uint64_t eid, struct queue_lock_left left);

/** Another realm gave it back or has ended, or it was ours and is lost. */
void queue_lock_freed(struct queue *queue, uint64_t eid, struct queue_lock_left left);

/** Whether it was ever ours here; false when it is not here. */
bool queue_lock_was_ours(const struct queue *queue, uint64_t eid);

/** For the queue files: the queue is shared, and the lock is ours. */
static inline bool queue_lock_is_held(const struct queue_entry *entry)
{
    return entry->queue->conf.is_shared && entry->hold == QUEUE_OURS;
}

/** For queue_reader.c: the entry has been dealt, or is free. */
void queue_lock_want(struct queue_entry *entry);
void queue_lock_spare(struct queue_entry *entry);
