/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Routes of a store that several realms share. Their events are in streams, whatever their
 * type, and what other realms publish is taken in here as if it had been published here: views,
 * queues and expiry see no difference.
 *
 *     our publish        done, in EID order ──▶ commit: joins, views, queues
 *     another realm's    on_event, in the same order ──▶ taken in: views, queues
 *
 * What follows from an event is done once, by the realm that published it: copies for joins,
 * dead events that had to make room for it, and telling the store what has gone. Events expire
 * in each realm; their copies have publish ids of which the store takes one (router_forward).
 *
 * An event that there is no memory for is taken in later, out of the store: until then the
 * route is behind, and nothing passes that event.
 *
 * For the router files, and session.c.
 */
#pragma once

#include "pubsub/router.h"

/** Calls router->on_news. */
void router_shared_tell(struct router *router);

/** The route's stream has just been read: what comes from now on is taken in. Nothing happens
 *  when the store is not shared. */
void router_shared_begin(struct router_route *route);

/** No more of that: the stream may become another route's. */
void router_shared_end(struct router_route *route);

/** What becomes of an event of ours that was stored. */
enum router_shared_turn {
    ROUTER_SHARED_NOW,   /* it is the next one */
    ROUTER_SHARED_KNOWN, /* another realm's, with the same publish id, that was taken in */
    ROUTER_SHARED_LATER, /* the route is behind: it will be taken in with those before it */
    ROUTER_SHARED_GONE,  /* the route was removed */
};

enum router_shared_turn router_shared_turn(struct router_route *route, uint64_t eid);

/** Whose the events are that the store has, or has not any more: the route's, unless it was
 *  removed, and another one has the name since. NULL: nobody's. */
struct router_route *router_shared_heir(struct router_route *route);

/** It was published to a route that is gone: it is its heir's. True: that has it already. */
bool router_shared_pass_on(struct router_route *route, struct event *event);

/** When router_shared_catch_up() is to be tried again; EVENT_NEVER: the route is not behind. */
uint64_t router_shared_deadline(const struct router_route *route);

/** Take in what the route is behind with, if it is. */
void router_shared_catch_up(struct router_route *route);
