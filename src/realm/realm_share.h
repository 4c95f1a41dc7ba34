/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How much of what lasts one client may cause: channels that are made by their first use, and
 * names of durable subscriptions. Counted by user, and for anonymous clients by address (a /64
 * in IPv6), since the realm started. ChannelsPerUser and DurablesPerUser say how many; without
 * them nobody may have more than are still free.
 */
#pragma once

#include "pubsub/router.h"
#include "realm/realm_login.h"

enum {
    REALM_SHARE_SENTENCE_BYTES = 320
};

/** Why there is no room. */
struct realm_share_refusal {
    char sentence[REALM_SHARE_SENTENCE_BYTES];
    bool is_own; /* this client has its share: others may go on */
};

/** As router_open(), for a client: what has to be made counts as the client's. *ret_refusal is
 *  set with ROUTER_FULL only. `name` begins with "/". */
enum router_verdict realm_share_open(const struct realm_login *login, struct router *router,
                                     struct span name, struct realm_share_refusal *ret_refusal,
                                     struct router_route **ret_route);

/** Whether the client may have a durable subscription more; `sentence` says why not. */
bool realm_share_may_name(const struct realm_login *login, const struct router *router,
                          char sentence[REALM_SHARE_SENTENCE_BYTES]);

/** It counts as the client's, if it is new. ERR_NOMEM. */
must_check enum err realm_share_own(const struct realm_login *login, struct durable *durable);
