/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * proxy_route_find() with what it may need: the addresses of a name, when NoProxy has rules by
 * address and the name would go to a parent otherwise.
 */
#pragma once

#include "io/resolver.h"
#include "proxy/proxy_route.h"

struct proxy_route_ask;

/** Called once unless cancelled, never from inside proxy_route_ask(). OK, or ERR_NOMEM and
 *  ERR_LIMIT with nothing in *route. The question is gone then. */
typedef void proxy_route_ask_done(void *ctx, enum err e, const struct proxy_route *route);

/**
 * Returns OK         *ret_route is decided; `done` will not be called
 *         ERR_AGAIN  *ret_ask is under way, and `done` will be called; the request and its
 *                    spans are copied
 *         ERR_NOMEM, ERR_LIMIT (as proxy_route_find)
 * A name that cannot be looked up goes the way it goes without addresses. `conf` is borrowed
 * until the answer.
 */
must_check enum err proxy_route_ask(const struct proxy_route_conf *conf,
                                    struct resolver *resolver,
                                    const struct proxy_route_request *request,
                                    proxy_route_ask_done *done, void *ctx,
                                    struct proxy_route *ret_route,
                                    struct proxy_route_ask **ret_ask);

/** Nothing will be called. Takes NULL. */
void proxy_route_ask_cancel(struct proxy_route_ask *ask);
