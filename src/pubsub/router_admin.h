/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What administrators do to routes: throw their events away, remove them, and keep what they
 * said in the store. Each is asked with a ticket, and done when the store has done it; without
 * a store at once.
 *
 *     purge    the store trims ── then the events leave the memory
 *     remove   nobody finds the route any more ── the store purges ── its name is free again
 *
 * A route that is removed ends with its last holder (router_hold()): who subscribes to it is an
 * orphan (session_next_orphan()), publishes that were on their way arrive, and nobody sees
 * them. Its stream stays, empty: should the name be used again, EIDs go on.
 */
#pragma once

#include "pubsub/router.h"

struct router_admin_work;

/** For who waits. Owned by them. */
struct router_admin_ticket {
    /** Called once, unless the ticket was cancelled; it may be freed from here. `count`: events
     *  that were purged. ERR_LIMIT: the disk is full; ERR_IO, ERR_NOMEM, ERR_CLOSED */
    void (*done)(struct router_admin_ticket *ticket, enum err e, size_t count);
    struct router_admin_work *work; /* router_admin.c's own: NULL when it is not on its way */
};

/** Something of the owner's that goes in the same step. */
struct router_admin_state {
    struct store_op op; /* for the store, if there is one: STORE_PUT or STORE_DELETE */
    /** Called once it is decided, before the ticket's `done`, and also when that was cancelled.
     */
    void (*apply)(void *ctx, enum err e);
    void *ctx; /* borrowed until then */
};

/**
 * Keeps that state, and nothing else.
 *
 * Returns OK         it was done, or will be
 *         ERR_AGAIN  the store is behind
 *         ERR_CLOSED the store is being closed
 *         ERR_LIMIT, ERR_NOMEM
 * But for OK nothing happened, and nobody is called. So for the next two.
 */
must_check enum err router_admin_keep(struct router *router,
                                      const struct router_admin_state *state,
                                      struct router_admin_ticket *ticket);

/** The events below `eid`, that are published by now, are removed. When `done` says something
 * else than OK they are all there. What readers of a queue hold stays with them. */
must_check enum err router_admin_purge(struct router_route *route, uint64_t eid,
                                       struct router_admin_ticket *ticket);

/** The route is removed with its events; `state` may be NULL. When `done` says something else
 * than OK it is removed all the same, but the store has not forgotten its events. */
must_check enum err router_admin_remove(struct router_route *route,
                                        const struct router_admin_state *state,
                                        struct router_admin_ticket *ticket);

/** `done` will not be called any more; what was asked for happens all the same. */
void router_admin_cancel(struct router_admin_ticket *ticket);
