/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Publishing: from the parts of an event to `done`, which says that it is as safe as its route
 * promises. Until then nobody sees the event. Where everything is in memory `done` is called
 * before the publish returns; else when the store has synced.
 *
 *     prepare every item ── one fails: nothing happened
 *         │
 *     the store appends what is persistent, all or nothing ── fails: all are abandoned
 *         │
 *     commit every item: EIDs, views, queues ── done
 *
 * Events of one route become visible in the order in which they were published, and so do those
 * of one publisher to persistent routes.
 */
#pragma once

#include "pubsub/router.h"

/** One event for one route. */
struct router_item {
    struct router_route *route;
    struct event_parts parts; /* time is set by the router */
};

struct router_receipt {
    uint64_t eid;
    bool is_repeat; /* the publish id was known: nothing was published */
};

struct router_batch;

/** One publish on its way, for who waits for it. Owned by them. */
struct router_ticket {
    /** Called once, unless the ticket was cancelled; it may be freed from here. The receipts
     * are those of the items, borrowed for the call, with OK only. Otherwise nothing was
     * published: ERR_LIMIT  the disk is full ERR_NOMEM, ERR_IO, ERR_CLOSED */
    void (*done)(struct router_ticket *ticket, enum err e,
                 const struct router_receipt *receipts, size_t count);
    struct router_batch *batch; /* the router's own: NULL when it is not on its way */
};

/** An event that goes in the same step. */
struct router_removal {
    struct router_route *route;
    uint64_t eid; /* nothing happens when it is not stored */
};

/** Everything that is to be done, or nothing. Borrowed for the call. */
struct router_transaction {
    const struct router_item *items;
    size_t item_count;
    const struct router_removal *removals;
    size_t removal_count;
    const struct store_op *ops; /* further state, for the store alone; not without one */
    size_t op_count;
};

/**
 * Returns OK         ticket->done was called, or will be. Without items it gets no receipts
 *         ERR_LIMIT  an event alone is over its route's store_bytes, or the store's maximum
 *         ERR_AGAIN  the store is behind; or, among several items, one has the publish id of an
 *                    event that is on its way just now: whether it is a repeat cannot be said
 * yet
 *         ERR_CONF   a route was removed meanwhile
 *         ERR_CLOSED the store is being closed
 *         ERR_NOMEM
 * But for OK nothing happened, and `done` will not be called.
 */
must_check enum err router_publish_commit(struct router *router,
                                          const struct router_transaction *transaction,
                                          struct router_ticket *ticket);

/** The same for events alone, at least one. */
must_check enum err router_publish_all(const struct router_item *items, size_t count,
                                       struct router_ticket *ticket);

/** The same for one event. */
must_check enum err router_publish(struct router_route *route, const struct event_parts *parts,
                                   struct router_ticket *ticket);

/** An event that is in its channel. */
struct router_publish_shown {
    struct event *event;  /* borrowed for the call, as is the next */
    struct event *change; /* what has changed with it; NULL: not known */
    bool is_ours;         /* what follows from it is this realm's to do */
    bool was_planned;     /* see router_forward_joins() */
};

/** For the router files: it becomes visible. */
void router_publish_show(struct router_route *route, const struct router_publish_shown *shown);

/** `done` will not be called any more; what is on its way is published all the same. */
void router_publish_cancel(struct router_ticket *ticket);
