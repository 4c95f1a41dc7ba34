/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How many tunnels each client and each user holds, over all workers: the one table that they
 * share, in shards with a lock each, touched when a tunnel begins and when it ends. It holds an
 * entry for whoever has a tunnel and nobody else, so it is as bounded as tunnels are.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "io/addr.h"

struct proxy_limits;
struct proxy_limits_hold;

enum {
    PROXY_LIMITS_KEY_BYTES = 264 /* a client's or a user's key; longer names are cut */
};

/** ERR_NOMEM. */
must_check enum err proxy_limits_new(struct proxy_limits **ret_limits, size_t max_entries);

/** Every hold must have been given back. Takes NULL. */
void proxy_limits_free(struct proxy_limits *limits);

/** Who a client is: its IPv4 address, or the /64 that its IPv6 address is in (a host has a
 * whole one to choose from). Written into `room`, which holds PROXY_LIMITS_KEY_BYTES. */
struct span proxy_limits_client(const struct addr *client, uint8_t *room);

/** The same, for all of its connections and not its tunnels alone. */
struct span proxy_limits_connections(const struct addr *client, uint8_t *room);

/** Who a user is. */
struct span proxy_limits_user(struct span name, uint8_t *room);

/**
 * One tunnel more for `key`. From any thread.
 *
 * Returns OK         *ret_hold is to be given back; NULL when max is 0: no limit, not counted
 *         ERR_LIMIT  it holds `max` already, or the table is full
 *         ERR_NOMEM
 */
must_check enum err proxy_limits_take(struct proxy_limits *limits, struct span key,
                                      uint64_t max, struct proxy_limits_hold **ret_hold);

/** One tunnel less. Takes NULL. From any thread. */
void proxy_limits_give(struct proxy_limits *limits, struct proxy_limits_hold *hold);
