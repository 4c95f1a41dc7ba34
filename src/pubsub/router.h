/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm's channels by name, each with its views. A channel is made when it is first used,
 * and only where a declared pattern covers its name. Publishing goes through here, so that
 * every view sees every event.
 *
 * A name begins with "/"; without it the same channel is meant.
 */
#pragma once

#include "base/rng.h"
#include "pubsub/view.h"

enum {
    ROUTER_NAME_MAX = 255 /* bytes of a channel's name, the first "/" included */
};

/** "/demo/ *" and what a channel is like whose name it covers. */
struct router_rule {
    struct span pattern; /* base/text's text_glob(); borrowed for the router's life */
    struct channel_limits channel;
};

struct router_limits {
    size_t channels;
    size_t store_bytes; /* of all channels: past it a publish costs its channel old events */
    size_t ring_bytes;  /* of all views */
    struct view_limits view;
};

struct router_conf {
    const struct router_rule *rules; /* borrowed for the router's life; the first that fits */
    size_t rule_count;
    struct router_limits limits;
};

/** One channel with those who look at it. */
struct router_route {
    struct channel channel;
    struct view_set views;
};

struct router {
    struct router_conf conf;
    struct rng *rng; /* borrowed: epochs */
    struct map routes;
    struct list dirty;   /* views with news; see router_next_dirty() */
    size_t dirty_bytes;  /* framed since the last of them was taken */
    size_t stored_bytes; /* by all channels */
    struct view_room room;
};

enum router_verdict {
    ROUTER_FOUND,
    ROUTER_MISSING,  /* no rule covers the name */
    ROUTER_BAD_NAME, /* empty, too long, not UTF-8, or with a control character */
    ROUTER_FULL,     /* limits.channels are in use */
    ROUTER_NOMEM,
};

void router_init(struct router *router, const struct router_conf *conf, struct rng *rng);

/** Every cursor must be detached. */
void router_fini(struct router *router);

/** Finds or makes the channel. *ret_route is set with ROUTER_FOUND, and lives as long as the
 *  router. */
enum router_verdict router_open(struct router *router, struct span name,
                                struct router_route **ret_route);

/** Publish to the channel and frame for its views. Errors as channel_publish(). */
must_check enum err router_publish(struct router *router, struct router_route *route,
                                   const struct event_parts *parts,
                                   struct channel_receipt *ret_receipt);

/** A view whose cursors have something to send: each of them is to be woken. NULL: none. */
struct view *router_next_dirty(struct router *router);

/** Whether there is anything for router_next_dirty(). */
static inline bool router_is_dirty(const struct router *router)
{
    return !list_is_empty(&router->dirty);
}

/** Whether so much was framed, and not yet sent to anybody, that publishers should wait: else
 *  it would push what fast readers have still to see out of the views. */
static inline bool router_is_congested(const struct router *router)
{
    return router_is_dirty(router) &&
           router->dirty_bytes > router->conf.limits.view.ring_bytes / 4;
}
