/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The events of a queue on their way to its readers (pubsub/queue_reader): each goes to one of
 * them, and stays here until that one is done with it. Where events are stored, for how long
 * and how many, is the business of pubsub/channel.
 *
 *     entries   oldest ............................................. newest, in EID order
 *     an entry  free ──▶ dealt to a reader ──▶ held by it ──▶ gone
 *                 ▲                │               │
 *                 └────────────────┴───────────────┘ the reader rolled back, or left
 *
 * Dealing happens whenever something changed: after each call no free event fits a reader that
 * has room. If other realms have the same queue, what is dealt here is sent when they leave it
 * to us (pubsub/queue_lock), and what is theirs is not free. What has gone is kept until the
 * owner asks, queue_next_gone(): the store is to forget it.
 */
#pragma once

#include "base/list.h"
#include "pubsub/event.h"
#include "pubsub/queue_ids.h"
#include "pubsub/selector.h"
#include "pubsub/shelf.h"

struct queue_reader;

struct queue_conf {
    struct span name;      /* borrowed for the queue's life */
    size_t redelivery_max; /* an event that came back more often is dead; 0: none is */
    size_t ids_max;        /* publish ids that are remembered; at least 1 */
    bool is_shared;        /* other realms deal the same events: see queue_lock.h */
};

/** Why an event has gone. */
enum queue_end {
    QUEUE_CONSUMED,
    QUEUE_DEAD,    /* it came back more than redelivery_max times */
    QUEUE_REMOVED, /* the store has it no more: by somebody's wish */
    QUEUE_EXPIRED, /* ... as its time to live is over */
    QUEUE_DROPPED, /* ... as a newer one needed the room */
};

enum queue_state {
    QUEUE_FREE,
    QUEUE_DEALT, /* to a reader that has not been sent it */
    QUEUE_HELD,  /* the reader was sent it */
    QUEUE_GONE,
};

/** Who may deal an event. Those of a queue that is not shared are always ours. */
enum queue_hold {
    QUEUE_OURS, /* this realm has its lock */
    QUEUE_FREE_FOR_ALL,
    QUEUE_ASKED,  /* as far as is known nobody has it, and we have asked for it */
    QUEUE_THEIRS, /* another realm has it */
};

/** Acknowledgements that wait for a transaction to be committed. */
struct queue_claim {
    struct list sealed; /* entries that are no reader's any more: see queue_reader_seal() */
    bool is_lost;       /* a reader left, and with it events of this claim */
};

/** What queues want of their owner, who may look whenever it likes. */
struct queue_desk {
    struct list woken;  /* struct queue_reader with new events, to be sent from */
    struct list untidy; /* struct queue that should be asked what has gone, and for locks */
};

/* The queue files' own. */
struct queue_entry {
    struct list node;    /* in queue->entries; gone: in queue->gone */
    struct list place;   /* in queue->returned, in the reader's dealt or held, or sealed */
    struct queue *queue; /* whose it is */
    struct event *event; /* a reference */
    size_t returns;      /* how often a reader was sent it and it came back */
    uint64_t came_back;  /* its number among those that did; 0: it never did */
    struct queue_reader *holder; /* dealt or held: by whom; NULL: sealed */
    struct queue_claim *claim;
    bool claim_rolls_back; /* what is claimed: to roll it back, or to commit it */
    bool is_stored;
    enum queue_state state;
    enum queue_end end; /* gone, or not stored any more: why */

    /* Of a shared queue; queue_lock.c's own. */
    enum queue_hold hold;
    bool was_ours;         /* at any time */
    uint32_t terms;        /* how often its lock was given back, by whomever */
    struct list lock_node; /* in queue->wanted or queue->spare */
};

/** A place among the entries that stays right when entries go. */
struct queue_mark {
    struct list node;         /* in queue->marks */
    struct queue_entry *next; /* borrowed; NULL: behind the newest */
};

struct queue {
    struct queue_conf conf;
    uint64_t next_eid;    /* behind the newest that was put */
    struct shelf shelf;   /* struct queue_entry, by EID */
    struct list entries;  /* the same; owned */
    struct list returned; /* those that came back and are free, in EID order */
    uint64_t came_back;   /* how many did, at any time */
    struct list gone;     /* owned, for queue_next_gone() */
    struct list lanes;    /* queue_reader.c's: struct queue_lane; owned */
    struct list roomy;    /* struct queue_reader with room; who got the latest event is last */
    struct list marks;
    struct queue_desk *desk; /* borrowed from the owner for the queue's life */
    struct list untidy;      /* in desk->untidy while there is something to ask for */
    struct list wanted;      /* shared: dealt or held entries whose locks are to be asked for */
    struct list spare;       /* shared: free entries whose locks are ours, to be given back */
    struct queue_ids ids;
    size_t out;           /* entries that are dealt or held */
    uint64_t redelivered; /* to be read: events that were sent and came back, each time */
    uint64_t dead;        /* likewise: that have gone and were not consumed or removed */
};

/** An event that has gone. */
struct queue_gone {
    enum queue_end end;
    bool is_stored;      /* the store is to be told: consumed or dead */
    bool is_locked;      /* its lock is ours: to be given back when all that is done */
    struct event *event; /* taken: to be unreferenced */
    size_t returns;
    uint32_t terms;
};

void queue_desk_init(struct queue_desk *desk);

/** Takes no memory. */
void queue_init(struct queue *queue, const struct queue_conf *conf, struct queue_desk *desk);

/** Every reader must have left, every mark be removed. */
void queue_fini(struct queue *queue);

/** An event was published and is stored; its EID is not below next_eid. A reference or a copy
 * is taken, and the publish id is remembered. ERR_NOMEM: the queue is as it was. */
must_check enum err queue_put(struct queue *queue, const struct event *event);

/** The event is stored no longer. What a reader holds stays with it; should it come back, it
 * has gone then. Nothing happens when it is not here. */
void queue_drop(struct queue *queue, uint64_t eid, enum queue_end why);

/** The next event that has gone, but for those that somebody removed. False: there is none. */
bool queue_next_gone(struct queue *queue, struct queue_gone *ret_gone);

/** Events that are here and have not gone. */
static inline size_t queue_count(const struct queue *queue)
{
    return queue->shelf.count;
}

/** A mark at the oldest entry. */
void queue_mark_init(struct queue *queue, struct queue_mark *mark);
void queue_mark_fini(struct queue_mark *mark);

/** The entry behind that one; NULL. */
struct queue_entry *queue_entry_after(const struct queue *queue,
                                      const struct queue_entry *entry);

/** For the queue files: the owner is to ask. */
void queue_disturb(struct queue *queue);

/** For the queue files: whether the selector, which may be NULL, is true of the event. */
bool queue_entry_fits(const struct queue_entry *entry, const struct selector *selector);

/** For the queue files: the entry leaves, which is free and in no list but the queue's. */
void queue_let_go(struct queue *queue, struct queue_entry *entry, enum queue_end end);
