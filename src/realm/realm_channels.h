/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm's channels in pages, by name, and what there is to tell about one: for the HTTP API
 * and the admin listener.
 */
#pragma once

#include "base/buf.h"
#include "pubsub/router.h"

enum {
    REALM_CHANNELS_PAGE_MAX = 1000
};

/** The first channels and queues in the order of their names' bytes whose names come behind
 *  `after`. Returns how many were written. Each call looks at every one. */
size_t realm_channels_page(struct router *router, struct span after,
                           const struct router_route **room, size_t room_count);

/** The same of those that `sees` says yes to. */
size_t realm_channels_page_for(struct router *router, struct span after,
                               bool (*sees)(void *ctx, const struct router_route *route),
                               void *ctx, const struct router_route **room, size_t room_count);

/** The channel or queue of that name, which begins with "/". NULL: nobody has made it. One that
 * may be in the store since an earlier life of the realm is opened, as only that can tell. */
struct router_route *realm_channels_find(struct router *router, enum router_kind kind,
                                         struct span name);

/** A stored event as a JSON object: "eid", "headers", and the body as "data" where it is UTF-8,
 *  else in base64 as "base64". Errors as buf_append(). */
must_check enum err realm_channels_write_event(const struct event *event, struct buf *out);

/** A channel or queue as a JSON object: name, type, origin, epoch, EIDs, counts. Errors as
 *  buf_append(). */
must_check enum err realm_channels_write(const struct router_route *route, struct buf *out);

/** What it is like, as members of an object with a comma in front: `"ttl": 0`, in
 *  milliseconds and bytes. Errors as buf_append(). */
must_check enum err realm_channels_write_attributes(const struct router_route *route,
                                                    struct buf *out);
