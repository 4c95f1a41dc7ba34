/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A client's host name that can be trusted: its address looked up, and the name that comes back
 * looked up again; it counts only when the address is among the answers (httpd's double
 * lookup).
 */
#pragma once

#include "io/resolver.h"

struct proxy_clientname;

/** Called once unless cancelled, never from inside proxy_clientname_ask(). The lookup is gone
 *  then. `name` is empty when there is none to trust, and is borrowed for the call. */
typedef void proxy_clientname_done(void *ctx, struct span name);

/** ERR_NOMEM. */
must_check enum err proxy_clientname_ask(struct resolver *resolver, const struct addr *client,
                                         proxy_clientname_done *done, void *ctx,
                                         struct proxy_clientname **ret_lookup);

/** Nothing will be called. Takes NULL. */
void proxy_clientname_cancel(struct proxy_clientname *lookup);
