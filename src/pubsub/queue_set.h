/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The queues of a router: those of its routes that are queues and have been read from. The
 * route's channel stores the events, the queue deals them; here one is told of the other.
 *
 *     published ──▶ queue         consumed ──▶ channel_remove()
 *     expired, no room, removed ──▶ queue
 *     dead, expired, no room ──▶ DeadEvents of the route
 *
 * In a store that several realms share each has the queue, and deals the events whose locks it
 * has: queue_lock.h says how, queue_share.h asks for them.
 */
#pragma once

#include "pubsub/queue_reader.h"
#include "pubsub/router_publish.h"

struct queue_set;

struct queue_set_conf {
    struct router *router; /* borrowed for the set's life */
    size_t ids_max;        /* publish ids that each queue remembers */
    /** An event is lost: it is dead, expired or dropped, and there is no place for dead events,
     *  or it could not be published there. One that is dead and stored is not lost because the
     *  store does not take it there just now: it waits. May be NULL. */
    void (*on_loss)(void *ctx, const struct router_route *queue, const struct queue_gone *gone);
    void *ctx;
};

struct queue_set {
    struct queue_set_conf conf;
    struct queue_desk desk;
    struct list queues;  /* owned */
    struct list burials; /* dead events that are being published; owned */
    uint64_t again_at;   /* when queue_set_expire() has something to do; EVENT_NEVER */
};

void queue_set_init(struct queue_set *set, const struct queue_set_conf *conf);

/** Another ids_max, for queues that are opened from now on. */
void queue_set_adopt(struct queue_set *set, size_t ids_max);

/** Before router_fini(); a store that is shared is closed already. Every reader must have left.
 */
void queue_set_fini(struct queue_set *set);

/** The queue of a route that is one, with all that is stored. ERR_NOMEM. */
must_check enum err queue_set_open(struct queue_set *set, struct router_route *route,
                                   struct queue **ret_queue);

/** The queue of a route, if it was opened; NULL. */
struct queue *queue_set_find(const struct router_route *route);

/** What the publish id has become on a route that is a queue: its EID; 0: it is not known. */
uint64_t queue_set_find_id(const struct router_route *route, struct span id);

/** What the store is to forget when the claim, which is sealed, is committed. Returns how many;
 *  `room`, if there is any, is for so many. */
size_t queue_set_removals(const struct queue_claim *claim, struct router_removal *room);

/** The next reader with new events; it is to be sent from. NULL: there is none. */
struct queue_reader *queue_set_next_woken(struct queue_set *set);

/** What has gone is forgotten by its channel, or buried. To be called when anything may have
 *  happened to a queue. */
void queue_set_tidy(struct queue_set *set);

/** Of a shared store: as its on_lock. Nothing happens when it is no lock of an event here. */
void queue_set_locked(struct queue_set *set, struct span key, enum store_lock_state state,
                      struct span value);

/** What the store did not take a moment ago is tried again, with the next tidying or now. */
void queue_set_expire(struct queue_set *set);

/** A shared store is to be closed: everything is tidied that can be, so that other realms know
 *  as much as this one. */
void queue_set_finish(struct queue_set *set);

/** Whether there is anything for tidying, or a reader to be woken. */
static inline bool queue_set_is_busy(const struct queue_set *set)
{
    return !list_is_empty(&set->desk.woken) || !list_is_empty(&set->desk.untidy);
}
