/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/queue_lock.h"

#include "pubsub/queue_reader.h"

static struct queue_entry *entry_of(struct list *lock_node)
{
    return LIST_ENTRY(lock_node, struct queue_entry, lock_node);
}

void queue_lock_want(struct queue_entry *entry)
{
    list_remove(&entry->lock_node); /* it was spare */
    if (entry->hold == QUEUE_FREE_FOR_ALL) {
        list_append(&entry->queue->wanted, &entry->lock_node);
        queue_disturb(entry->queue);
    }
}

void queue_lock_spare(struct queue_entry *entry)
{
    list_remove(&entry->lock_node); /* it was wanted */
    if (queue_lock_is_held(entry)) {
        list_append(&entry->queue->spare, &entry->lock_node);
        queue_disturb(entry->queue);
    }
}

bool queue_lock_next_wanted(struct queue *queue, uint64_t *ret_eid)
{
    struct queue_entry *entry = entry_of(queue->wanted.next);

    if (list_is_empty(&queue->wanted)) {
        return false;
    }
    list_remove(&entry->lock_node);
    entry->hold = QUEUE_ASKED;
    *ret_eid = entry->event->eid;
    return true;
}

bool queue_lock_next_spare(struct queue *queue, uint64_t *ret_eid,
                           struct queue_lock_left *ret_left)
{
    struct queue_entry *entry = entry_of(queue->spare.next);

    if (list_is_empty(&queue->spare)) {
        return false;
    }
    list_remove(&entry->lock_node);
    entry->hold = QUEUE_FREE_FOR_ALL;
    entry->terms++;
    *ret_eid = entry->event->eid;
    *ret_left = (struct queue_lock_left){(uint32_t)entry->returns, entry->terms};
    return true;
}

/* What readers hold keeps its own count. */
static void learn(struct queue_entry *entry, struct queue_lock_left left)
{
    if (entry->state != QUEUE_HELD && left.terms != entry->terms) {
        entry->returns = left.returns;
    } else if (entry->state != QUEUE_HELD && left.returns > entry->returns) {
        entry->returns = left.returns; /* else a realm has ended with it */
    }
    entry->terms = left.terms;
}

static bool is_dead(const struct queue_entry *entry)
{
    size_t max = entry->queue->conf.redelivery_max;

    return max > 0 && entry->returns > max;
}

static void grant(struct queue_entry *entry, struct queue_lock_left left)
{
    struct queue *queue = entry->queue;

    learn(entry, left);
    entry->hold = QUEUE_OURS;
    entry->was_ours = true;
    if (entry->state == QUEUE_FREE) {
        queue_lock_spare(entry); /* its reader has left meanwhile */
    } else if (entry->state == QUEUE_DEALT && is_dead(entry)) {
        queue_reader_undeal(entry);
        queue_let_go(queue, entry, QUEUE_DEAD);
    } else if (entry->state == QUEUE_DEALT) {
        queue_reader_wake(entry->holder);
    }
}

/* Not ours, and not asked for any more. */
static void leave(struct queue_entry *entry, enum queue_hold hold)
{
    entry->hold = hold;
    list_remove(&entry->lock_node);
    if (entry->state == QUEUE_HELD) {
        return;
    }
    if (entry->state == QUEUE_DEALT) {
        queue_reader_undeal(entry);
    }
    list_remove(&entry->place);
    queue_reader_put_back(entry);
}

static void fail(struct queue_entry *entry)
{
    entry->hold = QUEUE_FREE_FOR_ALL;
    if (entry->state != QUEUE_FREE) {
        list_append(&entry->queue->wanted, &entry->lock_node); /* later: nobody is disturbed */
    }
}

bool queue_lock_answered(struct queue *queue, uint64_t eid, enum queue_lock_answer answer,
                         struct queue_lock_left left)
{
    struct queue_entry *entry = shelf_find(&queue->shelf, eid);

    if (entry == NULL) {
        return false;
    }
    assert(entry->hold == QUEUE_ASKED);
    switch (answer) {
    case QUEUE_LOCK_GRANTED: grant(entry, left); break;
    case QUEUE_LOCK_REFUSED:
        learn(entry, left);
        leave(entry, QUEUE_THEIRS);
        break;
    case QUEUE_LOCK_FAILED: fail(entry); break;
    }
    queue_reader_deal(queue);
    return true;
}

void queue_lock_taken(struct queue *queue, uint64_t eid, struct queue_lock_left left)
{
    struct queue_entry *entry = shelf_find(&queue->shelf, eid);

    if (entry == NULL || entry->hold == QUEUE_ASKED) {
        return; /* there will be an answer */
    }
    learn(entry, left);
    leave(entry, QUEUE_THEIRS);
    queue_reader_deal(queue);
}

void queue_lock_freed(struct queue *queue, uint64_t eid, struct queue_lock_left left)
{
    struct queue_entry *entry = shelf_find(&queue->shelf, eid);

    if (entry == NULL || entry->hold == QUEUE_ASKED) {
        return;
    }
    if (entry->hold == QUEUE_THEIRS && entry->state != QUEUE_HELD &&
        left.terms == entry->terms) {
        entry->returns++; /* who had it has ended, perhaps after a reader was sent it */
    }
    learn(entry, left);
    leave(entry, QUEUE_FREE_FOR_ALL);
    if (entry->state == QUEUE_HELD) {
        queue_lock_want(entry); /* nobody else has it yet */
    }
    queue_reader_deal(queue);
}

bool queue_lock_was_ours(const struct queue *queue, uint64_t eid)
{
    const struct queue_entry *entry = shelf_find(&queue->shelf, eid);

    return entry != NULL && entry->was_ours;
}
