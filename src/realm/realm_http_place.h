/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a path below /api/ is about. A name stands there without its first "/", percent-encoded
 * where needed. What ends in "/events", "/purge", "/durables" or "/durables/ID", or of groups
 * in
 * "/streams" or "/streams/ID", means that; a name that itself does so is written with "%2F"
 * there.
 */
#pragma once

#include "pubsub/router.h"

enum realm_http_place_what {
    REALM_HTTP_PLACE_NOWHERE,
    REALM_HTTP_PLACE_HEALTH,
    REALM_HTTP_PLACE_LIST,
    REALM_HTTP_PLACE_ONE,
    REALM_HTTP_PLACE_EVENTS,
    REALM_HTTP_PLACE_PURGE,
    REALM_HTTP_PLACE_DURABLES, /* of channels alone, as is the next */
    REALM_HTTP_PLACE_DURABLE,
    REALM_HTTP_PLACE_MEMBERS, /* of groups alone, as is the next */
    REALM_HTTP_PLACE_MEMBER,
    REALM_HTTP_PLACE_STREAMS, /* all data streams */
};

/** The spans are the path's, and still encoded. */
struct realm_http_place {
    enum realm_http_place_what what;
    enum router_kind kind; /* /api/channels, /api/queues or /api/groups */
    struct span name;
    struct span durable;
    struct span stream;
};

struct realm_http_place realm_http_place_of(struct span path);

/** "GET, HEAD, OPTIONS": for Allow. */
const char *realm_http_place_methods(const struct realm_http_place *place);

/** "from, max": what may stand in the query of such a request; "" for nothing. */
const char *realm_http_place_query(const struct realm_http_place *place, struct span method);

/** "channel", "queue", "group". */
const char *realm_http_place_kind(const struct realm_http_place *place);

/** A name of a channel or queue, behind a "/" of its own unless it begins with one. False: it
 *  cannot be one. */
bool realm_http_place_name(struct span text, uint8_t room[ROUTER_NAME_MAX],
                           struct span *ret_name);

/** Any other text; false when it is empty or longer than ROUTER_NAME_MAX. RFC 3986 section 2.1.
 */
bool realm_http_place_text(struct span text, uint8_t room[ROUTER_NAME_MAX],
                           struct span *ret_text);
