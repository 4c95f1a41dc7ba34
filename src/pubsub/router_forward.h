/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Events that go on by themselves: copies for the channels and queues that a channel is joined
 * to, and dead events for the one that gets those. A copy is published like any event, right
 * behind the one it was made of; where that one came from is in its headers. Where both are
 * stored it is in one submission (router_forward_plan()), so that no crash comes between them.
 *
 * Who configures rings of joins gets what he asked for: realm_conf_route refuses them.
 */
#pragma once

#include "pubsub/router.h"

enum {
    ROUTER_FORWARD_JOINS_MAX = 32, /* of one route */
    ROUTER_FORWARD_ID_BYTES = ROUTER_NAME_MAX + 64,
};

/** A join, with its selector compiled. */
struct router_forward_join {
    struct span to;            /* borrowed from the rule */
    struct selector *selector; /* owned; NULL: every event */
};

/** Compile the joins of the route's rule, in place of those of before. ERR_NOMEM: the route has
 *  none then. */
must_check enum err router_forward_begin(struct router_route *route);

void router_forward_end(struct router_route *route);

/** A copy, of these parts, is for that route. Borrowed for the call. */
typedef enum err router_forward_take(void *ctx, struct router_route *to,
                                     const struct event_parts *parts);

/** The event is about to be published, and stored: those copies that are to be stored with it,
 *  in the same step, are shown to `take`. Their first header is EVENT_ORIGIN_HOLE. */
void router_forward_plan(struct router_route *route, const struct event *event,
                         router_forward_take *take, void *ctx);

/** The event was published: all other copies go where the joins say; all of them, when nothing
 *  was planned for it. */
void router_forward_joins(struct router_route *route, struct event_source *source,
                          bool was_planned);

/** The event is dead: a copy goes to the rule's dead_events, if there are any. `reason` is one
 *  word. */
void router_forward_dead(struct router_route *route, const struct event *event,
                         const char *reason);

/** The copy's publish id: of several realms that find the event dead the store takes one copy.
 *  Empty when the store is not shared. */
struct span router_forward_dead_id(const struct router_route *route, uint64_t eid,
                                   char room[ROUTER_FORWARD_ID_BYTES]);

/** The same for one that is dropped, whose event may be in the store alone. */
void router_forward_dropped(struct router_route *route, const struct channel_entry *entry,
                            enum channel_drop why);
