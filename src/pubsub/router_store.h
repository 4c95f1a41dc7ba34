/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the router asks of its store. A persistent route keeps its events in a stream of its
 * name. A reliable one keeps them in memory and only its EIDs there: it reserves a block of
 * them ahead, so that after a restart it goes on behind all that were ever given out. In a
 * store that several realms share every route is like a persistent one; see router_shared.h.
 *
 * For the router files alone.
 */
#pragma once

#include "pubsub/router.h"

enum {
    ROUTER_STORE_BLOCK = 4096, /* EIDs reserved at once: the most that a restart passes over */
    ROUTER_STORE_AT_ONCE = 8 * 1024, /* stored events that one turn takes notice of */
};

/** The route's channel begins where the store says. Nothing happens without a store. ERR_NOMEM,
 *  ERR_LIMIT, ERR_IO. */
must_check enum err router_store_begin(struct router_route *route);

/** Whether so much is stored under that name that others are to have their turn while it is
 *  read; never in a store that others write to meanwhile. */
bool router_store_is_long(struct router *router, const struct router_rule *rule,
                          struct span name);

/** For such a route: a part of router_store_begin(), which may do the rest at any time. */
must_check enum err router_store_read_some(struct router_route *route, bool *ret_is_all);

/** Whether each event of the route goes to the store, and not only what its EID may be. */
bool router_store_appends(const struct router_route *route);

/** Whether a publish to the route has to wait for the store; the entry is prepared already. */
bool router_store_waits(const struct router_route *route);

/** The operation that goes with it. The event is that of the entry. */
struct store_op router_store_op(const struct router_route *route, struct event *event);

/** An operation of router_store_op() is done. */
void router_store_did(struct router_route *route, const struct store_op *op);

/** The event is stored no longer; the store is told with the next flush. */
void router_store_forget(struct router_route *route, uint64_t eid, enum channel_drop why);

/** Tell the store what it may forget, and reserve the route's EIDs before they run out. What it
 * does not take now is tried again with the next flush. */
void router_store_flush(struct router_route *route);
